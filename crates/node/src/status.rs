//! What a node says about itself and its peers. Plain values, safe to show: no secrets.

use std::net::SocketAddr;
use std::time::Duration;

use group::{Services, Who};
use wire::{NodeAddr, Prefix};

use crate::{DropReason, Via};

/// The node itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeStatus {
    /// Its address F.
    pub f: NodeAddr,
    /// Its alias in 200::/7.
    pub alias: NodeAddr,
    /// First address of its alias subnet (a /64 in 300::/8).
    pub alias_subnet: NodeAddr,
    /// Its current root key.
    pub root_key: [u8; 32],
    /// Position in its rotation log; 0 = never rotated.
    pub position: u32,
    /// Counter of its certificate.
    pub certificate_counter: u64,
    /// When its certificate ends, Unix seconds.
    pub certificate_not_after: u64,
    /// Random at each start.
    pub instance: [u8; 8],
    /// How long it has run.
    pub uptime: Duration,
    /// UDP port.
    pub listen_port: u16,
    /// Inner MTU.
    pub inner_mtu: u16,
    /// Addresses of this host that the shell reported.
    pub local_endpoints: Vec<SocketAddr>,
    /// What it announces: its IPv4 addresses and what lies behind it.
    pub announces: Vec<Prefix>,
    /// Peers on the allowlist.
    pub peers: usize,
    /// Of those, the ones with a standing session.
    pub sessions: usize,
    /// Invites that can still be used.
    pub invites: usize,
    /// Generation of the published snapshot.
    pub generation: u64,
    /// Datagrams and packets dropped, by reason; reasons never seen are left out.
    pub dropped: Vec<(DropReason, u64)>,
}

/// What is happening with a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PeerState {
    /// No session; the next packet starts one.
    Idle,
    /// No session, and its identity is not known yet: it is looked for on the LAN.
    Wanted,
    /// A handshake is under way.
    Connecting,
    /// A session stands.
    Up,
}

/// One peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerStatus {
    /// Its address F; `None` while a key entry has not met its node.
    pub f: Option<NodeAddr>,
    /// The allow entry that names it.
    pub who: Who,
    /// What it may reach.
    pub services: Services,
    /// What it may announce.
    pub accepts: Vec<Prefix>,
    /// What it announces. At most [`wire::stream::PREFIXES_MAX`].
    pub announces: Vec<AnnouncedStatus>,
    /// The local name given to it.
    pub label: Option<String>,
    /// When it was allowed, Unix seconds.
    pub added_unix_s: u64,
    /// What is happening.
    pub state: PeerState,
    /// Its current root key, once verified.
    pub root_key: Option<[u8; 32]>,
    /// Its alias, where usable.
    pub alias: Option<NodeAddr>,
    /// Its rotation log position, once verified.
    pub position: Option<u32>,
    /// When its certificate ends, Unix seconds.
    pub certificate_not_after: Option<u64>,
    /// Where it is (session) or was last.
    pub endpoint: Option<SocketAddr>,
    /// How its session runs now.
    pub via: Option<Via>,
    /// Where it may be, the best first. At most [`mesh::CANDIDATES_MAX`].
    pub candidates: Vec<CandidateStatus>,
    /// What went to and from it since this node started, over all keys and sessions.
    pub traffic: session::transport::Counts,
    /// The session, if one stands.
    pub session: Option<SessionStatus>,
}

/// A prefix that a peer announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnnouncedStatus {
    /// The prefix.
    pub prefix: Prefix,
    /// What became of it.
    pub state: PrefixState,
}

/// What became of a prefix that a peer announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PrefixState {
    /// It leads to the peer.
    Used,
    /// No allow entry accepts it: it has no effect.
    NotAccepted,
    /// Another accepted peer, or this node, announces the same: it has no effect.
    Contested,
}

/// Where a peer may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CandidateStatus {
    /// Address and UDP port.
    pub endpoint: SocketAddr,
    /// Who says so.
    pub source: mesh::Source,
    /// How long ago that was last said.
    pub age: Duration,
}

/// One standing session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionStatus {
    /// How long the peer has been up without a gap.
    pub age: Duration,
    /// Since the last handshake.
    pub handshake_age: Duration,
    /// Since the last authentic packet, if any came.
    pub last_heard: Option<Duration>,
    /// AEAD in use: "AES-256-GCM" or "ChaCha20-Poly1305".
    pub aead: &'static str,
    /// Inner MTU that the peer accepts.
    pub peer_mtu: u16,
    /// Largest datagram known to pass to the peer, in bytes of UDP payload.
    pub datagram_max: usize,
    /// Last measured round trip.
    pub rtt: Option<Duration>,
    /// What the peer says it runs; control characters are escaped.
    pub software_version: Option<String>,
    /// What the peer calls its host; control characters are escaped.
    pub host_label: Option<String>,
}
