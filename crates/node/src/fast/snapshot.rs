//! The immutable picture of sessions and rules that data threads work on.
//!
//! An outgoing packet that finds no keys here goes to the slow path, which parks it and
//! starts a handshake. An incoming one that finds none is dropped: keys are published before
//! the message that lets the peer use them leaves.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use group::{Direction, FlowKey, FlowTable, Services, decide};
use identity::{LocalIdentity, PublicIdentity};
use session::hop::Way;
use session::transport::{OpenError, Opened, Transport};
use wire::datagram::{Datagram, KIND_LEN, RELAY_HEADER_LEN, TAG_LEN, TRANSPORT_HEADER_LEN};
use wire::ip::{Ecn, IcmpError, IpView, clamp_tcp_mss, icmp_error, proto, set_ecn, tcp};
use wire::payload::Kind;
use wire::{NodeAddr, Path, Prefix};

use crate::INNER_MTU_MIN;
use crate::fast::prefixes::PrefixTable;
use crate::fast::relay::is_relayed;
use crate::fast::{
    Doorman, DropReason, Entry, FastReport, HEADROOM, Hops, Inbound, Outbound, Relayed, Route,
};

/// The addresses of one node: F and, where usable, its alias and alias subnet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Names {
    pub(crate) f: NodeAddr,
    pub(crate) alias: Option<NodeAddr>,
    pub(crate) subnet: Option<Subnet>,
}

/// Length of an ICMP header in front of what the message is about, of either version.
const ICMP_HEADER_LEN: usize = 8;

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
    /// What it may reach; `None`: it may have a session, as a Bridge or a client, and nothing
    /// else.
    pub(crate) services: Option<Services>,
    /// What it announces and this node accepts.
    pub(crate) prefixes: Vec<Prefix>,
    /// The keys to send with and where to, while the session is up.
    pub(crate) out: Option<Out>,
}

/// The way to a peer.
#[derive(Debug)]
pub(crate) struct Out {
    pub(crate) transport: Arc<Transport>,
    pub(crate) route: Route,
    pub(crate) datagram_max: usize,
    pub(crate) inner_mtu: u16,
}

/// Who carries the addresses of a prefix.
#[derive(Debug)]
enum Holder {
    /// This node.
    Own,
    /// A peer.
    Peer(Arc<PeerEntry>),
}

/// Sessions, addresses and rules at one moment.
#[derive(Debug)]
pub struct Snapshot {
    generation: u64,
    own: Names,
    by_index: BTreeMap<u32, (Arc<Transport>, Arc<PeerEntry>)>,
    by_addr: BTreeMap<NodeAddr, Arc<PeerEntry>>,
    by_subnet: BTreeMap<Subnet, Arc<PeerEntry>>,
    prefixes: PrefixTable<Holder>,
    /// The largest inner packet that this node accepts, in bytes.
    inner_mtu: u16,
    /// Where this node's own datagrams come from.
    sockets: BTreeSet<(NodeAddr, u16)>,
    hops: Hops,
    doorman: Arc<Doorman>,
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
        if entry.services.is_none() {
            return;
        }
        for prefix in &entry.prefixes {
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
        all.filter(|(_, holder)| matches!(holder, Holder::Peer(_)))
            .map(|(prefix, _)| prefix)
    }

    /// What to do with the inner packet at `buf[HEADROOM..HEADROOM + len]` from the local
    /// host; `now` is monotonic.
    #[must_use]
    pub fn outbound(
        &self,
        now: Duration,
        flows: &FlowTable,
        buf: &mut [u8],
        len: usize,
    ) -> Outbound {
        let packet = buf.get(HEADROOM..HEADROOM.saturating_add(len));
        let Some(Ok(view)) = packet.map(IpView::parse) else {
            return Outbound::Drop(DropReason::Malformed);
        };
        let to = match self.route(&view) {
            Ok(to) => to,
            Err(reason) => return Outbound::Drop(reason),
        };
        let Some(entry) = self.find(to) else {
            return Outbound::Slow;
        };
        let Some(services) = &entry.services else {
            return Outbound::Slow;
        };
        let Some(out) = entry
            .out
            .as_ref()
            .filter(|out| out.transport.is_sendable(now))
        else {
            return Outbound::Slow;
        };
        if len > usize::from(out.inner_mtu) && !view.may_be_cut() {
            return self.too_big(&view, out.inner_mtu);
        }
        if TRANSPORT_HEADER_LEN + KIND_LEN + len + TAG_LEN > out.datagram_max {
            return Outbound::Slow;
        }
        note_flow(services, flows, now, &view);
        let (ecn, says_mss) = (view.ecn(), view.is_tcp_handshake());
        if says_mss && let Some(packet) = buf.get_mut(HEADROOM..HEADROOM + len) {
            self.lower_mss(Some(out.inner_mtu), packet);
        }
        self.seal(now, out, ecn, buf, len)
    }

    /// What to do with a datagram from the underlay; `now` is monotonic.
    #[must_use]
    pub fn inbound(
        &self,
        now: Duration,
        flows: &FlowTable,
        from: Path,
        ecn: Ecn,
        datagram: &mut [u8],
    ) -> Inbound {
        match Datagram::parse(datagram) {
            Ok(view) if is_relayed(&view) => {}
            _ => return self.sealed(now, flows, (from, None), ecn, datagram),
        }
        match self.hops.take(now, from, datagram) {
            Ok(Relayed::Own(path, peer)) => {
                let sealed = datagram.get_mut(RELAY_HEADER_LEN..).unwrap_or_default();
                self.sealed(now, flows, (path, Some(peer)), ecn, sealed)
                    .behind(RELAY_HEADER_LEN)
            }
            Ok(Relayed::Forward { to, moved }) => {
                let datagram_len = datagram.len();
                let report = moved.map(|client| FastReport::ClientElsewhere {
                    client,
                    from,
                    datagram_len,
                });
                Inbound::Forward { to, report }
            }
            // A call may be quicker than the news of its channel, which waits for the slow path.
            Err(DropReason::NoChannel) if self.hops.are_used() && self.may_be_news(datagram) => {
                Inbound::Slow { proven: false }
            }
            Err(reason) => Inbound::Drop(reason),
        }
    }

    /// Whether a relayed datagram is part of a handshake with this node.
    fn may_be_news(&self, datagram: &[u8]) -> bool {
        let sealed = datagram.get(RELAY_HEADER_LEN..).map(Datagram::parse);
        matches!(sealed, Some(Ok(Datagram::Fragment(view))) if self.doorman.expects(&view))
    }

    /// There was no room for a datagram whose sender proves nothing ([`Inbound::Slow`]): a Bridge
    /// asks for cookies for a while. `now` is monotonic.
    pub fn note_load(&self, now: Duration) {
        self.doorman.note_load(now);
    }

    /// What to do with a datagram of a peer; of this one and no other, if it came by a channel.
    fn sealed(
        &self,
        now: Duration,
        flows: &FlowTable,
        (from, of): (Path, Option<NodeAddr>),
        ecn: Ecn,
        datagram: &mut [u8],
    ) -> Inbound {
        let index = match Datagram::parse(datagram) {
            Ok(Datagram::Transport(header)) => header.receiver,
            Ok(Datagram::Fragment(fragment)) => {
                return match self.doorman.judge(now, from, &fragment) {
                    Entry::In { proven } => Inbound::Slow { proven },
                    Entry::Answer(reply) => Inbound::Answer(reply),
                    Entry::Drop(reason) => Inbound::Drop(reason),
                };
            }
            Ok(Datagram::Cookie(reply)) if self.doorman.awaits(reply.receiver) => {
                return Inbound::Slow { proven: true };
            }
            Ok(Datagram::Cookie(_)) => return Inbound::Drop(DropReason::UnknownIndex),
            // A channel inside a channel.
            Ok(Datagram::Relayed(_)) => return Inbound::Drop(DropReason::Malformed),
            Err(_) => return Inbound::Drop(DropReason::Malformed),
        };
        let Some((transport, entry)) = self.by_index.get(&index) else {
            return Inbound::Drop(DropReason::UnknownIndex);
        };
        if of.is_some_and(|peer| peer != entry.names.f) {
            return Inbound::Drop(DropReason::NotAuthentic);
        }
        let opened = match transport.open_in_place(now, datagram) {
            Ok(opened) => opened,
            Err(error) => return Inbound::Drop(refusal(error)),
        };
        let expected = entry.out.as_ref().map(|out| out.route.path());
        if expected == Some(from) {
            transport.note_on_path(now);
        }
        let is_news = opened.first || opened.wake || expected != Some(from);
        let report = |plaintext| FastReport::Opened {
            index,
            from,
            ecn,
            counter: opened.counter,
            highest: opened.highest,
            datagram_len: datagram.len(),
            plaintext,
        };
        let plaintext = datagram.get(opened.plaintext.clone()).unwrap_or_default();
        if plaintext.first() != Some(&Kind::Ip.to_byte()) {
            return Inbound::Report(report(Some(plaintext.to_vec())));
        }
        let report = is_news.then(|| report(None));
        self.deliver(now, flows, entry, ecn, datagram, &opened, report)
    }

    /// Whether an inner packet of the peer may reach the local host, or one behind it, from
    /// keys or put together from pieces; marks it with the outer ECN field and lowers the MSS.
    ///
    /// # Errors
    /// Why it is dropped.
    pub(crate) fn admit(
        &self,
        now: Duration,
        flows: &FlowTable,
        entry: &PeerEntry,
        outer: Ecn,
        packet: &mut [u8],
    ) -> Result<(), DropReason> {
        let services = entry.services.as_ref().ok_or(DropReason::NotAllowed)?;
        let view = IpView::parse(packet).map_err(|_| DropReason::Malformed)?;
        if !NodeAddr::of_ip(view.src()).is_some_and(|src| self.is_of(entry, src)) {
            return Err(DropReason::SourceNotPeer);
        }
        if !NodeAddr::of_ip(view.dst()).is_some_and(|dst| self.is_own(dst)) {
            return Err(DropReason::NotForUs);
        }
        if self.is_foreign_error(entry, &view) {
            return Err(DropReason::SourceNotPeer);
        }
        let flow = flow_key(&view, Direction::In);
        let established = || flows.contains(now, &flow);
        if !decide(services, &flow, Direction::In, established).passes() {
            return Err(DropReason::ServiceDenied);
        }
        let (inner, says_mss) = (view.ecn(), view.is_tcp_handshake());
        let ecn = inner.decapsulated(outer).ok_or(DropReason::EcnNotCapable)?;
        if ecn != inner {
            set_ecn(packet, ecn);
        }
        if says_mss {
            self.lower_mss(entry.out.as_ref().map(|out| out.inner_mtu), packet);
        }
        Ok(())
    }

    /// Lowers the MSS in a SYN to what both ends accept: this node, and the peer where that is
    /// known. Plain hosts behind either know nothing of the inner MTU.
    pub(crate) fn lower_mss(&self, peer_mtu: Option<u16>, packet: &mut [u8]) {
        let mtu = self.inner_mtu.min(peer_mtu.unwrap_or(u16::MAX));
        let is_v6 = packet.first().is_some_and(|first| first >> 4 == 6);
        clamp_tcp_mss(packet, tcp::mss_of_mtu(mtu, is_v6));
    }

    /// Who carries an address that is nobody's name.
    fn holder(&self, addr: NodeAddr) -> Option<&Holder> {
        if addr.is_name() {
            return None;
        }
        self.prefixes.find(addr)
    }

    /// Whether an address is one of this node, or behind it.
    fn is_own(&self, addr: NodeAddr) -> bool {
        self.own.hold(addr) || matches!(self.holder(addr), Some(Holder::Own))
    }

    /// Whether an address is one of the peer, or behind it.
    fn is_of(&self, peer: &PeerEntry, addr: NodeAddr) -> bool {
        let behind = || match self.holder(addr) {
            Some(Holder::Peer(holder)) => holder.names.f == peer.names.f,
            _ => false,
        };
        peer.names.hold(addr) || behind()
    }

    /// Whether it is an ICMP error (RFC 792, RFC 4443) about anything but a packet from here to
    /// that very peer: nobody else is on the path, so it would disturb flows with others.
    fn is_foreign_error(&self, entry: &PeerEntry, view: &IpView<'_>) -> bool {
        if !view.is_icmp_error() {
            return false;
        }
        // The ICMP header, then the packet: where its source and destination are.
        let about = view.upper().get(ICMP_HEADER_LEN..).unwrap_or_default();
        let (src, dst) = if view.is_v6() {
            (addr_at::<16>(about, 8), addr_at::<16>(about, 24))
        } else {
            (addr_at::<4>(about, 12), addr_at::<4>(about, 16))
        };
        let is_own = src.is_some_and(|src| self.is_own(src));
        !(is_own && dst.is_some_and(|dst| self.is_of(entry, dst)))
    }

    /// The node address that a packet of the local host goes to.
    ///
    /// # Errors
    /// Why it is dropped without an answer.
    pub(crate) fn route(&self, view: &IpView<'_>) -> Result<NodeAddr, DropReason> {
        let to = NodeAddr::of_ip(view.dst()).ok_or(DropReason::NoRoute)?;
        if view.dst().is_multicast() || self.is_own(to) {
            return Err(DropReason::NoRoute);
        }
        if !NodeAddr::of_ip(view.src()).is_some_and(|src| self.is_own(src)) {
            return Err(DropReason::SourceNotOwn);
        }
        if self.is_own_datagram(view, to) {
            return Err(DropReason::NoRoute);
        }
        Ok(to)
    }

    /// Whether this node sent it itself, to an endpoint that lies behind a peer: sealed again it
    /// would come here again, for ever.
    fn is_own_datagram(&self, view: &IpView<'_>, to: NodeAddr) -> bool {
        let flow = view.flow();
        let from = NodeAddr::of_ip(flow.src).map(|src| (src, flow.src_port));
        flow.proto == proto::UDP
            && from.is_some_and(|from| self.sockets.contains(&from))
            && matches!(self.holder(to), Some(Holder::Peer(_)))
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

    fn seal(&self, now: Duration, out: &Out, ecn: Ecn, buf: &mut [u8], len: usize) -> Outbound {
        let Some((header, sealed)) = buf.split_first_chunk_mut::<RELAY_HEADER_LEN>() else {
            return Outbound::Drop(DropReason::Malformed);
        };
        let Some(kind) = sealed.get_mut(TRANSPORT_HEADER_LEN) else {
            return Outbound::Drop(DropReason::Malformed);
        };
        *kind = Kind::Ip.to_byte();
        let transport = &out.transport;
        let Ok(done) = transport.seal_in_place(now, sealed, KIND_LEN + len) else {
            return Outbound::Slow;
        };
        let end = RELAY_HEADER_LEN + done.len;
        let datagram = match &out.route {
            Route::Direct(_) => RELAY_HEADER_LEN..end,
            Route::Relayed(channel, _) => {
                *header = channel
                    .key
                    .header(&*self.hops.crypto, Way::ToBridge, sealed);
                0..end
            }
        };
        Outbound::Send {
            to: out.route.underlay(),
            ecn,
            datagram,
            report: done.wake.then(|| FastReport::Wake {
                index: transport.local_index(),
            }),
        }
    }

    fn too_big(&self, view: &IpView<'_>, mtu: u16) -> Outbound {
        let error = IcmpError::PacketTooBig { mtu };
        match icmp_error(view.packet(), error, error_source(self.own.f, view.dst())) {
            Some(reply) => Outbound::Reply(reply, DropReason::TooLarge),
            None => Outbound::Drop(DropReason::TooLarge),
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one packet's whole context, used once"
    )]
    fn deliver(
        &self,
        now: Duration,
        flows: &FlowTable,
        entry: &PeerEntry,
        ecn: Ecn,
        datagram: &mut [u8],
        opened: &Opened,
        report: Option<FastReport>,
    ) -> Inbound {
        let packet = opened.plaintext.start + KIND_LEN..opened.plaintext.end;
        let inner = datagram.get_mut(packet.clone()).unwrap_or_default();
        match (self.admit(now, flows, entry, ecn, inner), report) {
            (Ok(()), report) => Inbound::Deliver { packet, report },
            (Err(reason), Some(report)) => Inbound::Refused(reason, report),
            (Err(reason), None) => Inbound::Drop(reason),
        }
    }
}

/// The address at `at` in an IP header.
fn addr_at<const LEN: usize>(header: &[u8], at: usize) -> Option<NodeAddr>
where
    IpAddr: From<[u8; LEN]>,
{
    let bytes = header.get(at..)?.first_chunk::<LEN>()?;
    NodeAddr::of_ip(IpAddr::from(*bytes))
}

/// Who tells a local program that its packet to `dst` goes nowhere. IPv4 takes nothing from an
/// interface whose source is the host's own, or leads elsewhere (reverse path filter): there it
/// is the destination itself.
pub(crate) fn error_source(own: NodeAddr, dst: IpAddr) -> IpAddr {
    if dst.is_ipv4() { dst } else { own.into() }
}

/// Notes that this end sends on the flow of a packet to a peer that may reach `services`,
/// unless its answers pass anyway. So what this end answers on an open port takes no room: a
/// peer cannot push out the flows with others by knocking from ever new ports.
pub(crate) fn note_flow(services: &Services, flows: &FlowTable, now: Duration, view: &IpView<'_>) {
    if *services == Services::All {
        return;
    }
    let flow = flow_key(view, Direction::Out);
    if !decide(services, &flow, Direction::In, || false).passes() {
        flows.note(now, &flow);
    }
}

/// The flow of a packet as this end sees it.
fn flow_key(view: &IpView<'_>, direction: Direction) -> FlowKey {
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

const fn refusal(error: OpenError) -> DropReason {
    match error {
        OpenError::Dead => DropReason::Dead,
        OpenError::Expired => DropReason::Expired,
        OpenError::Malformed => DropReason::Malformed,
        OpenError::Forged => DropReason::NotAuthentic,
        OpenError::Replay(_) => DropReason::Replayed,
    }
}
