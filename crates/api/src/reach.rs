//! How a peer or a Bridge is reached.

use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// Whether there is a session with a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PeerState {
    /// A session stands.
    Connected,
    /// A handshake is under way.
    Connecting,
    /// Neither; the first packet will start a handshake.
    Idle,
    /// Neither, and nothing says where the peer is.
    Unreachable,
}

/// What a session runs over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// Straight to this endpoint.
    Direct(SocketAddr),
    /// Over a TCP connection with this endpoint (to a Bridge only).
    Stream(SocketAddr),
    /// Over the Bridge with this address F.
    Bridge(Ipv6Addr),
}

/// Whether an address is one of the whole Internet, as far as its text says.
#[must_use]
pub fn is_global(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let shared = matches!(v4.octets(), [100, 64..=127, ..]);
            !(v4.is_private() || v4.is_loopback() || v4.is_link_local() || shared)
        }
        IpAddr::V6(v6) => matches!(v6.octets(), [0x20..=0x3f, ..]),
    }
}
