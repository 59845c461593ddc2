//! Packets of the local host: where they go, and sealing them.
//!
//! All packets that a frame is cut into go one way, so that is found once ([`Snapshot::way`]);
//! each packet is then sealed by itself.

use super::snapshot::{Holder, Out, flow_key};
use super::{DropReason, FastReport, HEADROOM, Outbound, Route, Snapshot};
use crate::INNER_MTU_USUAL;
use group::keyring::Reach;
use group::{Direction, FlowTable, Services, decide, decide_outwards};
use session::hop::Way;
use std::net::IpAddr;
use std::time::Duration;
use wire::NodeAddr;
use wire::datagram::{KIND_LEN, RELAY_HEADER_LEN, TAG_LEN, TRANSPORT_HEADER_LEN};
use wire::ip::{Ecn, IcmpError, IpView, clamp_tcp_mss, icmp_error, proto, tcp};
use wire::payload::Kind;

/// The way of the packets of one frame: the keys to seal with and where to.
#[derive(Debug)]
pub struct Sealer<'a> {
    snapshot: &'a Snapshot,
    out: &'a Out,
    ecn: Ecn,
    says_mss: bool,
}

impl Snapshot {
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
        match self.way(now, flows, packet.unwrap_or_default(), len) {
            Ok(sealer) => sealer.seal(now, buf, len),
            Err(otherwise) => otherwise,
        }
    }

    /// The way of a frame of the local host, of whose packets the longest has `packet_len` bytes.
    ///
    /// # Errors
    /// What to do with it, or with each of its packets, instead.
    #[expect(
        clippy::result_large_err,
        reason = "looked at by the caller at once, and boxing would allocate for every drop"
    )]
    pub fn way(
        &self,
        now: Duration,
        flows: &FlowTable,
        frame: &[u8],
        packet_len: usize,
    ) -> Result<Sealer<'_>, Outbound> {
        let Ok(view) = IpView::parse(frame) else {
            return Err(Outbound::Drop(DropReason::Malformed));
        };
        let to = match self.route(&view) {
            // The host's own packets to what lies behind it may be for an element there.
            Err(DropReason::NoRoute) if self.is_behind(view.dst()) => return Err(Outbound::Slow),
            routed => routed.map_err(Outbound::Drop)?,
        };
        let entry = self.find(to).ok_or(Outbound::Slow)?;
        let reach = entry.reach.as_ref().ok_or(Outbound::Slow)?;
        if !may_leave(reach, &view) {
            return Err(self.refuse(&view, IcmpError::AdminProhibited, DropReason::RuledOut));
        }
        let sendable = |out: &&Out| out.transport.is_sendable(now);
        let out = entry.out.as_ref().filter(sendable).ok_or(Outbound::Slow)?;
        if packet_len > usize::from(out.inner_mtu) && !view.may_be_cut() {
            return Err(self.too_big(&view, out.inner_mtu));
        }
        let is_long = packet_len > usize::from(out.packet_max);
        if is_long || TRANSPORT_HEADER_LEN + KIND_LEN + packet_len + TAG_LEN > out.datagram_max {
            return Err(Outbound::Slow);
        }
        note_flow(&reach.here, flows, now, &view);
        Ok(Sealer {
            snapshot: self,
            out,
            ecn: view.ecn(),
            says_mss: view.is_tcp_handshake(),
        })
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

    /// Tells a local program to send shorter packets to a peer, if this one is longer than the path
    /// is known to take. It goes in pieces all the same.
    pub(crate) fn advise(&self, view: &IpView<'_>, packet_max: u16) -> Option<Vec<u8>> {
        let is_long = view.packet().len() > usize::from(packet_max) && !view.may_be_cut();
        let error = IcmpError::PacketTooBig { mtu: packet_max };
        let source = error_source(self.own.f, view.dst());
        is_long.then(|| icmp_error(view.packet(), error, source))?
    }

    fn too_big(&self, view: &IpView<'_>, mtu: u16) -> Outbound {
        self.refuse(view, IcmpError::PacketTooBig { mtu }, DropReason::TooLarge)
    }

    fn refuse(&self, view: &IpView<'_>, error: IcmpError, reason: DropReason) -> Outbound {
        match icmp_error(view.packet(), error, error_source(self.own.f, view.dst())) {
            Some(reply) => Outbound::Reply(reply, reason),
            None => Outbound::Drop(reason),
        }
    }

    /// Lowers the MSS in a SYN to what both ends accept: this node, and the peer where that is
    /// known. Plain hosts behind either know nothing of the inner MTU.
    pub(crate) fn lower_mss(&self, peer_mtu: Option<u16>, packet: &mut [u8]) {
        let mtu = self.inner_mtu.min(peer_mtu.unwrap_or(INNER_MTU_USUAL));
        let is_v6 = packet.first().is_some_and(|first| first >> 4 == 6);
        clamp_tcp_mss(packet, tcp::mss_of_mtu(mtu, is_v6));
    }
}

impl Sealer<'_> {
    /// Seals the packet at `buf[HEADROOM..HEADROOM + len]`; `now` is monotonic.
    #[must_use]
    pub fn seal(&self, now: Duration, buf: &mut [u8], len: usize) -> Outbound {
        let malformed = Outbound::Drop(DropReason::Malformed);
        let packet = buf.get_mut(HEADROOM..HEADROOM.saturating_add(len));
        let Some(packet) = packet else {
            return malformed;
        };
        if self.says_mss {
            self.snapshot.lower_mss(Some(self.out.packet_max), packet);
        }
        let Some((header, sealed)) = buf.split_first_chunk_mut::<RELAY_HEADER_LEN>() else {
            return malformed;
        };
        let Some(kind) = sealed.get_mut(TRANSPORT_HEADER_LEN) else {
            return malformed;
        };
        *kind = Kind::Ip.to_byte();
        let transport = &self.out.transport;
        let Ok(done) = transport.seal_in_place(now, sealed, KIND_LEN + len) else {
            return Outbound::Slow;
        };
        let end = RELAY_HEADER_LEN + done.len;
        let datagram = match &self.out.route {
            Route::Direct(_) => RELAY_HEADER_LEN..end,
            Route::Relayed(channel, _) => {
                let crypto = &*self.snapshot.hops.crypto;
                *header = channel.key.header(crypto, Way::ToBridge, sealed);
                0..end
            }
        };
        Outbound::Send {
            to: self.out.route.underlay(),
            ecn: self.ecn,
            datagram,
            report: done.wake.then(|| FastReport::Wake {
                index: transport.local_index(),
            }),
        }
    }
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
    if !decide(services, &flow, || false).passes() {
        flows.note(now, &flow);
    }
}

/// Whether the other end will take a packet of this end, as far as this end knows the rules.
pub(crate) fn may_leave(reach: &Reach, view: &IpView<'_>) -> bool {
    let is_free = reach.there == Services::All;
    is_free || decide_outwards(&reach.there, &reach.here, &flow_key(view, Direction::Out)).passes()
}
