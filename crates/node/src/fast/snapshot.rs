//! The immutable picture of sessions and rules that data threads work on.
//!
//! An outgoing packet that finds no keys here goes to the slow path, which parks it and
//! starts a handshake. An incoming one that finds none is dropped: keys are published before
//! the message that lets the peer use them leaves.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;

use group::keyring::Reach;
use group::{Direction, FlowKey};
use identity::{LocalIdentity, PublicIdentity};
use session::transport::Transport;
use wire::ip::{IpView, proto};
use wire::{NodeAddr, Prefix};

use crate::INNER_MTU_MIN;
use crate::fast::prefixes::PrefixTable;
use crate::fast::{Doorman, Hops, Route};

/// The addresses of one node: F and, where usable, its alias and alias subnet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Names {
    pub(crate) f: NodeAddr,
    pub(crate) alias: Option<NodeAddr>,
    pub(crate) subnet: Option<Subnet>,
}

/// The first 64 bits of an alias subnet.
pub(crate) type Subnet = [u8; 8];

impl Names {
    /// The names that an identity has if nobody else claims its alias.
    pub(crate) fn of(public: &PublicIdentity) -> Self {
        let root = public.history.root_key();
        Self {
            f: public.address(),
            alias: Some(identity::alias(root)),
            subnet: Some(subnet(identity::alias_subnet(root))),
        }
    }

    /// Whether the address is one of them.
    pub(crate) fn hold(&self, addr: NodeAddr) -> bool {
        addr == self.f || Some(addr) == self.alias || self.subnet == Some(subnet(addr))
    }
}

/// The first 64 bits of an address.
pub(crate) fn subnet(addr: NodeAddr) -> Subnet {
    let [a, b, c, d, e, f, g, h, ..] = addr.0;
    [a, b, c, d, e, f, g, h]
}

/// What is published about one peer.
#[derive(Debug)]
pub(crate) struct PeerEntry {
    pub(crate) names: Names,
    /// What it may reach here, and this node there; `None`: it may have a session, as a Bridge or a
    /// client, and nothing else.
    pub(crate) reach: Option<Reach>,
    /// It has proven a group, and its membership is on its way: the slow path keeps its packets.
    pub(crate) proving: bool,
    /// What it announces and this node accepts.
    pub(crate) prefixes: Vec<Prefix>,
    /// Ordinary addresses that lead to it by the process table: they need no route.
    pub(crate) site: Vec<Prefix>,
    /// The same as far as it has not confirmed them: it may answer from there, and is not sent to.
    pub(crate) asked: BTreeSet<NodeAddr>,
    /// The keys to send with and where to, while the session is up.
    pub(crate) out: Option<Out>,
}

/// The way to a peer.
#[derive(Debug)]
pub(crate) struct Out {
    pub(crate) transport: Arc<Transport>,
    pub(crate) route: Route,
    pub(crate) datagram_max: usize,
    /// The largest inner packet that is sent, and that the peer accepts, in bytes.
    pub(crate) packet_max: u16,
    pub(crate) inner_mtu: u16,
}

/// Who carries the addresses of a prefix.
#[derive(Debug)]
pub(super) enum Holder {
    /// This node.
    Own,
    /// A peer.
    Peer(Arc<PeerEntry>),
}

/// Sessions, addresses and rules at one moment.
#[derive(Debug)]
pub struct Snapshot {
    generation: u64,
    pub(super) own: Names,
    pub(super) by_index: BTreeMap<u32, (Arc<Transport>, Arc<PeerEntry>)>,
    by_addr: BTreeMap<NodeAddr, Arc<PeerEntry>>,
    by_subnet: BTreeMap<Subnet, Arc<PeerEntry>>,
    prefixes: PrefixTable<Holder>,
    /// Of these, those of the process table.
    site: BTreeSet<Prefix>,
    /// The ordinary addresses whose flows this node decides on.
    ground: Vec<Prefix>,
    /// The largest inner packet that this node accepts, in bytes.
    pub(super) inner_mtu: u16,
    /// Where this node's own datagrams come from.
    pub(super) sockets: BTreeSet<(NodeAddr, u16)>,
    pub(super) hops: Hops,
    pub(super) doorman: Arc<Doorman>,
}

impl Snapshot {
    /// A snapshot of a node without any peer.
    pub(crate) fn empty(me: &LocalIdentity, hops: Hops, doorman: Arc<Doorman>) -> Self {
        Self::new(0, Names::of(&me.public), INNER_MTU_MIN, hops, doorman)
    }

    /// A snapshot of a node with these addresses and without any peer.
    #[must_use]
    pub(crate) const fn new(
        generation: u64,
        own: Names,
        inner_mtu: u16,
        hops: Hops,
        doorman: Arc<Doorman>,
    ) -> Self {
        Self {
            generation,
            own,
            inner_mtu,
            sockets: BTreeSet::new(),
            prefixes: PrefixTable::new(),
            site: BTreeSet::new(),
            ground: Vec::new(),
            by_index: BTreeMap::new(),
            by_addr: BTreeMap::new(),
            by_subnet: BTreeMap::new(),
            hops,
            doorman,
        }
    }

    /// Adds what this node announces. Before any peer: what is its own stays its own.
    pub(crate) fn announce(&mut self, prefixes: impl IntoIterator<Item = Prefix>) {
        for prefix in prefixes {
            self.prefixes.insert(prefix, Holder::Own);
        }
    }

    /// Adds ordinary addresses whose flows this node decides on.
    pub(crate) fn decide_on(&mut self, prefixes: &[Prefix]) {
        self.ground.extend_from_slice(prefixes);
    }

    /// Adds an address and port that this node's own datagrams come from.
    pub(crate) fn add_socket(&mut self, socket: SocketAddr) {
        if let Some(addr) = NodeAddr::of_ip(socket.ip()) {
            self.sockets.insert((addr, socket.port()));
        }
    }

    /// Adds a peer with the keys that open its packets.
    pub(crate) fn add(&mut self, entry: PeerEntry, transports: &[Arc<Transport>]) {
        let entry = Arc::new(entry);
        for transport in transports {
            let keys = (Arc::clone(transport), Arc::clone(&entry));
            self.by_index.insert(transport.local_index(), keys);
        }
        if entry.reach.is_none() {
            return;
        }
        self.site.extend(entry.site.iter().copied());
        for prefix in entry.prefixes.iter().chain(&entry.site) {
            let holder = Holder::Peer(Arc::clone(&entry));
            self.prefixes.insert(*prefix, holder);
        }
        if let Some(alias) = entry.names.alias {
            self.by_addr.insert(alias, Arc::clone(&entry));
        }
        if let Some(subnet) = entry.names.subnet {
            self.by_subnet.insert(subnet, Arc::clone(&entry));
        }
        self.by_addr.insert(entry.names.f, entry);
    }

    /// Counts the snapshots of one node.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// The prefixes of peers that lead to them from here, the longest first.
    pub fn peer_prefixes(&self) -> impl Iterator<Item = Prefix> {
        let all = self.prefixes.iter();
        let led = all.filter(|(_, holder)| matches!(holder, Holder::Peer(_)));
        led.map(|(prefix, _)| prefix)
            .filter(|prefix| !self.site.contains(prefix))
    }

    /// Who carries an address that is nobody's name.
    pub(super) fn holder(&self, addr: NodeAddr) -> Option<&Holder> {
        if addr.is_name() {
            return None;
        }
        self.prefixes.find(addr)
    }

    /// Whether an address is one of this node, or behind it.
    pub(crate) fn is_own(&self, addr: NodeAddr) -> bool {
        self.own.hold(addr) || matches!(self.holder(addr), Some(Holder::Own))
    }

    /// Whether an address lies behind this node, and is no name of it.
    pub(super) fn is_behind(&self, addr: std::net::IpAddr) -> bool {
        let held = NodeAddr::of_ip(addr).and_then(|addr| self.holder(addr));
        matches!(held, Some(Holder::Own))
    }

    /// Whether an address is one of the peer, or behind it.
    pub(super) fn is_of(&self, peer: &PeerEntry, addr: NodeAddr) -> bool {
        let behind = || match self.holder(addr) {
            Some(Holder::Peer(holder)) => holder.names.f == peer.names.f,
            _ => false,
        };
        peer.names.hold(addr) || behind() || peer.asked.contains(&addr)
    }

    /// Whether a packet of a peer is of a flow between ordinary addresses that this node decides on, and has not
    /// agreed on with this peer, or does not know of any more.
    pub(crate) fn is_astray(&self, peer: &PeerEntry, packet: &[u8]) -> bool {
        let Ok(view) = IpView::parse(packet) else {
            return false;
        };
        let ends = NodeAddr::of_ip(view.src()).zip(NodeAddr::of_ip(view.dst()));
        ends.is_some_and(|(src, dst)| {
            let is_site = !src.is_name() && self.ground.iter().any(|it| it.contains(src));
            is_site && !self.is_of(peer, src) && !dst.is_name() && self.is_own(dst)
        })
    }

    /// The peer that holds an address, or that it lies behind.
    pub(crate) fn find(&self, addr: NodeAddr) -> Option<&Arc<PeerEntry>> {
        let by_subnet = || self.by_subnet.get(&subnet(addr));
        let by_prefix = || match self.holder(addr)? {
            Holder::Peer(entry) => Some(entry),
            Holder::Own => None,
        };
        let named = self.by_addr.get(&addr).or_else(by_subnet);
        named.or_else(by_prefix)
    }
}

/// The flow of a packet as this end sees it.
pub(super) fn flow_key(view: &IpView<'_>, direction: Direction) -> FlowKey {
    let flow = match direction {
        Direction::Out => view.flow(),
        Direction::In => view.flow().reversed(),
    };
    let bytes = |addr| NodeAddr::of_ip(addr).map_or([0; 16], |addr| addr.0);
    let carries_ports = matches!(
        flow.proto,
        proto::TCP | proto::UDP | proto::UDP_LITE | proto::SCTP | proto::DCCP
    );
    let has_ports = carries_ports && !view.is_later_fragment();
    let kind = view.icmp().map(|(kind, _)| u16::from(kind));
    FlowKey {
        local: bytes(flow.src),
        remote: bytes(flow.dst),
        proto: flow.proto,
        local_port: if has_ports {
            flow.src_port
        } else {
            kind.unwrap_or(u16::MAX)
        },
        remote_port: if has_ports { flow.dst_port } else { 0 },
        has_ports,
    }
}
