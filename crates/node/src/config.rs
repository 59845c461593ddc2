//! What the owner of a node chooses, as opposed to what the node remembers
//! ([`crate::Stored`]) and who it is (`identity::LocalIdentity`).

use std::net::Ipv4Addr;

use wire::datagram::{KIND_LEN, TAG_LEN, TRANSPORT_HEADER_LEN};
use wire::stream::{LABEL_LEN_MAX, PREFIXES_MAX, VERSION_LEN_MAX};
use wire::{NodeAddr, Prefix};

/// Smallest inner MTU (IPv6 asks for 1,280).
pub const INNER_MTU_MIN: u16 = 1_280;
/// Inner MTU when nothing else is chosen: what the largest datagram that sessions look for carries.
pub const INNER_MTU_DEFAULT: u16 = 8_919;
/// What is sent to a peer in one packet at least, if it accepts that, whatever its path is known to
/// take: 1,400 + 33 + 48 bytes of headers fit a path of 1,500 bytes over IPv6. What does not fit
/// goes in pieces.
pub const INNER_MTU_USUAL: u16 = 1_400;
/// Most IPv4 addresses that a node carries inside.
pub const ADDRESSES_MAX: usize = 16;
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
    /// IPv4 addresses that this node carries inside, each announced alone. At most
    /// [`ADDRESSES_MAX`]; those that nobody may announce are left out.
    pub addresses: Vec<Ipv4Addr>,
    /// What lies behind this node, announced to every peer. With the addresses at most
    /// [`PREFIXES_MAX`]; those that nobody may announce are left out.
    pub announce: Vec<Prefix>,
    /// Ordinary addresses with which this node negotiates what becomes of each flow (site mode);
    /// at most [`PREFIXES_MAX`]. None: it does not, but for what its groups say.
    pub site: Vec<Prefix>,
    /// Whether the groups of this node may say so, too.
    pub group_sites: bool,
}

impl Default for NodeConfig {
    fn default() -> Self {
        Self {
            listen_port: 0,
            inner_mtu: INNER_MTU_DEFAULT,
            discovery: true,
            software_version: concat!("kumihimo ", env!("CARGO_PKG_VERSION")).to_owned(),
            host_label: None,
            addresses: Vec::new(),
            announce: Vec::new(),
            site: Vec::new(),
            group_sites: true,
        }
    }
}

/// The largest packet that is sent to a peer which accepts `peer_mtu` bytes, over a path that is
/// known to take datagrams of `datagram_max` bytes.
pub(crate) fn packet_max(peer_mtu: u16, datagram_max: usize) -> u16 {
    let fits = datagram_max.saturating_sub(TRANSPORT_HEADER_LEN + KIND_LEN + TAG_LEN);
    let fits = u16::try_from(fits).unwrap_or(u16::MAX);
    peer_mtu.min(fits.max(INNER_MTU_USUAL))
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
        self.addresses
            .retain(|address| alone(*address).may_be_announced());
        self.addresses.truncate(ADDRESSES_MAX);
        self.announce.retain(|prefix| prefix.may_be_announced());
        self.announce.truncate(PREFIXES_MAX - self.addresses.len());
        self.site.truncate(PREFIXES_MAX);
        self
    }

    /// What lies behind this node, apart from its own addresses.
    pub(crate) fn routed_prefixes(&self) -> Vec<Prefix> {
        self.announce.clone()
    }

    /// The IPv4 addresses that this node carries inside.
    pub(crate) fn own_addresses(&self) -> impl Iterator<Item = Prefix> {
        self.addresses.iter().map(|address| alone(*address))
    }
}

/// The prefix of one address.
fn alone(address: Ipv4Addr) -> Prefix {
    Prefix::host(NodeAddr(address.to_ipv6_mapped().octets()))
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
        let prefix = |n: usize| format!("10.{n}.0.0/16").parse().unwrap();
        let many = NodeConfig {
            addresses: vec![[127, 0, 0, 1].into(); 3]
                .into_iter()
                .chain((1..=20).map(|n| [10, 77, 0, n].into()))
                .collect(),
            announce: ["0.0.0.0/0", "fc00::/8"]
                .map(|text| text.parse().unwrap())
                .into_iter()
                .chain((0..80).map(prefix))
                .collect(),
            ..NodeConfig::default()
        };
        let many = many.bounded();
        let prefixes = many.own_addresses().chain(many.announce.iter().copied());
        let prefixes: Vec<Prefix> = prefixes.collect();
        assert_eq!(prefixes.len(), PREFIXES_MAX);
        assert_eq!(prefixes.first(), "10.77.0.1/32".parse().ok().as_ref());
        assert_eq!(
            prefixes.last(),
            Some(&prefix(PREFIXES_MAX - ADDRESSES_MAX - 1))
        );
        assert_eq!(NodeConfig::default().bounded(), NodeConfig::default());
    }
}
