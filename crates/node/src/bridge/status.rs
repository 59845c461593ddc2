//! What a node says about its Bridges, and a Bridge about its clients. Plain values, safe to
//! show: no secrets.

use std::net::SocketAddr;
use std::time::Duration;

use group::Who;
use session::Session;
use wire::channel::AttachStatus;
use wire::{NodeAddr, Now, Path};

use crate::machine::Node;
use crate::{PeerState, Via};

/// One Bridge of this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BridgeStatus {
    /// Its address F.
    pub f: NodeAddr,
    /// Where it listens.
    pub endpoints: Vec<SocketAddr>,
    /// What is happening with its session.
    pub state: PeerState,
    /// Where it sees this node, once it has taken it as a client.
    pub observed: Option<SocketAddr>,
    /// Why it has not.
    pub refusal: Option<AttachStatus>,
    /// What its session runs over.
    pub via: Option<Via>,
    /// Last measured round trip.
    pub rtt: Option<Duration>,
    /// Since the last authentic packet, if any came in the session that stands.
    pub heard: Option<Duration>,
    /// Largest datagram known to pass, in bytes of UDP payload.
    pub datagram_max: Option<usize>,
    /// Channels over it.
    pub channels: usize,
}

/// One client of this Bridge, admitted or here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientStatus {
    /// The entry that names it.
    pub who: Who,
    /// Its address F, where known.
    pub f: Option<NodeAddr>,
    /// What it is called.
    pub label: Option<String>,
    /// Its customer; empty for the Bridge's own.
    pub customer: String,
    /// What it may send, in bytes a second.
    pub rate_bytes_s: Option<u64>,
    /// When it was admitted, Unix seconds.
    pub added_unix_s: u64,
    /// Whether it is here.
    pub attached: bool,
    /// Where it is.
    pub via: Option<Via>,
    /// Its channels.
    pub channels: usize,
    /// Datagrams relayed for it since it came.
    pub relayed_packets: u64,
    /// Bytes relayed for it since it came.
    pub relayed_bytes: u64,
}

/// How a Bridge stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServingStatus {
    /// Whether this node is one.
    pub serving: bool,
    /// Clients that are here.
    pub clients: usize,
    /// Channels between them.
    pub channels: usize,
    /// Tickets that can still be used.
    pub tickets: usize,
    /// Customers with a password.
    pub passwords: Vec<String>,
}

impl Node {
    /// The Bridges of this node, in order of address.
    #[must_use]
    pub fn bridges(&self, now: Now) -> Vec<BridgeStatus> {
        let used = self.stored.bridging.used.values();
        used.map(|record| {
            let link = self.links.get(&record.f);
            let peer = self.peers.get(&record.f);
            let session = peer.and_then(|peer| peer.session.as_ref());
            let standing = session.filter(|session| session.is_up());
            let transport = standing.and_then(Session::transport);
            let last_rx = transport.and_then(|transport| transport.last_rx());
            BridgeStatus {
                f: record.f,
                endpoints: record.endpoints.clone(),
                state: self.peer_state(Some(record.f), peer),
                observed: link.and_then(|link| link.attached),
                refusal: link.and_then(|link| link.refusal),
                via: standing
                    .and_then(Session::endpoint)
                    .and_then(|path| self.via(path)),
                rtt: peer.and_then(|peer| peer.rtt),
                heard: last_rx.map(|at| now.mono.saturating_sub(at)),
                datagram_max: standing.map(Session::datagram_max),
                channels: link.map_or(0, |link| link.channels.len()),
            }
        })
        .collect()
    }

    /// How this node stands as a Bridge.
    #[must_use]
    pub fn serving(&self, now: Now) -> ServingStatus {
        let bridging = &self.stored.bridging;
        let open = bridging.tickets.values();
        let open = open.filter(|t| t.used_by.is_none() && t.expires_unix_s > now.unix_s);
        ServingStatus {
            serving: bridging.serving,
            clients: self.serving.as_ref().map_or(0, |s| s.owners.len()),
            channels: self.hops.legs.len() / 2,
            tickets: open.count(),
            passwords: bridging.passwords.keys().cloned().collect(),
        }
    }

    /// The clients that this Bridge admits, in the order of its list.
    #[must_use]
    pub fn clients(&self) -> Vec<ClientStatus> {
        let entries = self.stored.bridging.clients.allowed();
        entries
            .map(|entry| {
                let f = match entry.who {
                    Who::Address(f) => Some(f),
                    Who::RootKey(key) => self.stored.bridging.clients.bound(&key),
                };
                let terms = self.stored.bridging.terms.get(&entry.who);
                let terms = terms.cloned().unwrap_or_default();
                let serving = self.serving.as_ref().zip(f);
                let owner = serving.and_then(|(serving, f)| serving.owners.get(&f));
                let (relayed_packets, relayed_bytes) =
                    owner.map(|owner| owner.relayed()).unwrap_or_default();
                ClientStatus {
                    who: entry.who,
                    f,
                    label: entry.label.clone(),
                    customer: terms.customer,
                    rate_bytes_s: terms.rate_bytes_s,
                    added_unix_s: entry.added_unix_s,
                    attached: owner.is_some(),
                    via: owner.and_then(|owner| self.via(owner.path())),
                    channels: serving.map_or(0, |(s, f)| s.channels.channels_of(f)),
                    relayed_packets,
                    relayed_bytes,
                }
            })
            .collect()
    }

    /// A path as people read it; `None` when it is gone.
    pub(crate) fn via(&self, path: Path) -> Option<Via> {
        Some(match path {
            Path::Udp(at) => Via::Direct(at),
            Path::Stream(id) => Via::Stream(*self.streams.get(&id)?),
            Path::Channel(channel) => Via::Bridge(self.hops.own.get(&channel)?.bridge),
        })
    }
}
