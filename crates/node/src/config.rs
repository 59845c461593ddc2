//! What the owner of a node chooses, as opposed to what the node remembers
//! ([`crate::Stored`]) and who it is (`identity::LocalIdentity`).

use wire::stream::{LABEL_LEN_MAX, VERSION_LEN_MAX};

/// Smallest inner MTU (IPv6 asks for 1,280).
pub const INNER_MTU_MIN: u16 = 1_280;
/// Inner MTU when nothing else is chosen: 1,400 + 33 + 48 bytes of headers fit a path of
/// 1,500 bytes over IPv6. Sessions find out what passes; what does not fit goes in pieces.
pub const INNER_MTU_DEFAULT: u16 = 1_400;
/// The configuration of a node. Values out of range are moved to the nearest bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeConfig {
    /// UDP port that the node listens on, as beacons name it. 0: beacons are not sent.
    pub listen_port: u16,
    /// Inner packets up to this many bytes are accepted, [`INNER_MTU_MIN`] and above.
    pub inner_mtu: u16,
    /// Whether to send beacons on the LAN and to listen to them.
    pub discovery: bool,
    /// Software version told to peers inside the session; at most 64 bytes are sent.
    pub software_version: String,
    /// Name of this host told to peers inside the session; at most 63 bytes are sent.
    pub host_label: Option<String>,
}

impl Default for NodeConfig {
    fn default() -> Self {
        Self {
            listen_port: 0,
            inner_mtu: INNER_MTU_DEFAULT,
            discovery: true,
            software_version: concat!("kumihimo ", env!("CARGO_PKG_VERSION")).to_owned(),
            host_label: None,
        }
    }
}

impl NodeConfig {
    /// The same with every value moved into its range.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        self.inner_mtu = self.inner_mtu.max(INNER_MTU_MIN);
        truncate(&mut self.software_version, VERSION_LEN_MAX);
        if let Some(label) = &mut self.host_label {
            truncate(label, LABEL_LEN_MAX);
        }
        self
    }
}

/// Cuts text to at most `len_max` bytes, between characters.
fn truncate(text: &mut String, len_max: usize) {
    while text.len() > len_max {
        text.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_moved_to_their_bounds() {
        let wild = NodeConfig {
            inner_mtu: 0,
            software_version: "組".repeat(40),
            host_label: Some("x".repeat(100)),
            ..NodeConfig::default()
        };
        let tame = wild.bounded();
        assert_eq!(tame.inner_mtu, 1_280);
        assert_eq!(tame.software_version.len(), 63, "whole characters only");
        assert_eq!(tame.host_label.map(|label| label.len()), Some(63));
        assert_eq!(NodeConfig::default().bounded(), NodeConfig::default());
    }
}
