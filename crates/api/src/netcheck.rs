//! What the network lets through: the question and the answer.

use crate::bridge::Refusal;
use crate::reach::Via;
use serde::{Deserialize, Serialize};
use std::net::{Ipv6Addr, SocketAddr};

/// The most places of one request.
pub const TARGETS_MAX: usize = 4;
/// The longest name of a place in bytes: a host name, a colon and a port.
pub const TARGET_LEN_MAX: usize = 260;

/// What the network lets through. Each part was tried just now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Netcheck {
    /// This machine's own addresses with the node's UDP port, the most useful first.
    pub endpoints: Vec<SocketAddr>,
    /// The UDP port.
    pub udp_port: u16,
    /// Whether beacons can be sent and received, so that peers on one LAN find each other.
    pub discovery: bool,
    /// What came of each Bridge.
    pub bridges: Vec<BridgeCheck>,
    /// What came of each place that was named.
    pub targets: Vec<TcpCheck>,
    /// What lies between this machine and its Bridges.
    pub nat: Nat,
    /// All of it in a word.
    pub verdict: Verdict,
}

/// What came of a Bridge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BridgeCheck {
    /// Its address F.
    pub address: Ipv6Addr,
    /// Where it listens.
    pub endpoints: Vec<SocketAddr>,
    /// Whether it answered over UDP.
    pub udp: bool,
    /// Whether its TCP port took a connection, for an endpoint of each IP version.
    pub tcp: Vec<TcpCheck>,
    /// Whether it has taken this node as a client.
    pub attached: bool,
    /// Why it has not.
    pub refusal: Option<Refusal>,
    /// What the session runs over.
    pub via: Option<Via>,
    /// Round-trip time in milliseconds.
    pub rtt_ms: Option<f64>,
    /// Where it sees this node.
    pub observed: Option<SocketAddr>,
    /// The largest datagram that is known to pass, in bytes of UDP payload.
    pub datagram_max: Option<u32>,
}

/// What came of a TCP connection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TcpCheck {
    /// Where to.
    pub target: String,
    /// How long it took in milliseconds; `None`: there was none.
    pub took_ms: Option<f64>,
    /// Why there was none.
    pub failure: Option<TcpFailure>,
}

/// Why there was no TCP connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TcpFailure {
    /// The name means no address.
    Name,
    /// The other end, or a firewall in its place, said no.
    Refused,
    /// Nothing came back.
    Silent,
    /// There is no route.
    Unreachable,
    /// Something else.
    #[serde(other)]
    Other,
}

/// What lies between a machine and its Bridges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Nat {
    /// No Bridge says.
    Unknown,
    /// A Bridge sees an address of this machine: there is no NAT.
    None,
    /// There is one; only one Bridge says so, or no two by the same IP version.
    Behind,
    /// There is one, and several Bridges see the same address and port.
    Same,
    /// There is one, and Bridges see different addresses or ports.
    Differs,
}

/// What a network lets through, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// This machine has no address but its own.
    Offline,
    /// No Bridge is used; addresses are of this network only.
    LanOnly,
    /// No Bridge is used; an address is global.
    Global,
    /// UDP passes and there is no NAT.
    Open,
    /// UDP passes, through a NAT.
    Nat,
    /// UDP does not pass, TCP does.
    TcpOnly,
    /// Bridges answer and none takes this node.
    Refused,
    /// No Bridge answers, over nothing.
    Blocked,
    /// Something that this version does not know.
    #[serde(other)]
    Unknown,
}

impl Verdict {
    /// The word as it is written in JSON and in message catalogues.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Offline => "offline",
            Verdict::LanOnly => "lan-only",
            Verdict::Global => "global",
            Verdict::Open => "open",
            Verdict::Nat => "nat",
            Verdict::TcpOnly => "tcp-only",
            Verdict::Refused => "refused",
            Verdict::Blocked => "blocked",
            Verdict::Unknown => "unknown",
        }
    }

    /// Every word, for catalogues that must have a text for each.
    pub const ALL: &'static [Verdict] = &[
        Verdict::Offline,
        Verdict::LanOnly,
        Verdict::Global,
        Verdict::Open,
        Verdict::Nat,
        Verdict::TcpOnly,
        Verdict::Refused,
        Verdict::Blocked,
        Verdict::Unknown,
    ];
}

/// Checks the places of a request.
///
/// # Errors
/// The name of what is out of range.
pub(crate) fn check(targets: &[String]) -> Result<(), &'static str> {
    let fits = |target: &String| {
        (1..=TARGET_LEN_MAX).contains(&target.len()) && !target.chars().any(char::is_control)
    };
    let all = targets.len() <= TARGETS_MAX && targets.iter().all(fits);
    all.then_some(()).ok_or("targets")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_few_and_short() {
        let of = |count: usize, len: usize| check(&vec!["x".repeat(len); count]);
        assert_eq!(of(TARGETS_MAX, TARGET_LEN_MAX), Ok(()));
        assert_eq!(of(TARGETS_MAX + 1, 1), Err("targets"));
        assert_eq!(of(1, TARGET_LEN_MAX + 1), Err("targets"));
        assert_eq!(of(1, 0), Err("targets"));
        assert_eq!(check(&["a\n:1".to_owned()]), Err("targets"));
    }

    #[test]
    fn a_verdict_is_written_as_its_word_and_a_foreign_one_is_unknown() {
        for verdict in Verdict::ALL {
            let json = serde_json::to_string(verdict).unwrap();
            assert_eq!(json, format!("\"{}\"", verdict.as_str()));
        }
        let foreign = serde_json::from_str::<Verdict>("\"on-sundays\"").unwrap();
        assert_eq!(foreign, Verdict::Unknown);
    }
}
