//! Datagrams from the underlay: whose they are, opening them, and what may come in.

use super::relay::is_relayed;
use super::snapshot::{PeerEntry, flow_key};
use super::{DropReason, Entry, FastReport, Inbound, Relayed, Snapshot};
use group::{Direction, FlowTable, decide};
use session::transport::{OpenError, Opened};
use std::net::IpAddr;
use std::time::Duration;
use wire::datagram::{Datagram, KIND_LEN, RELAY_HEADER_LEN};
use wire::ip::{Ecn, IpView, set_ecn};
use wire::payload::Kind;
use wire::{NodeAddr, Path};

/// Length of an ICMP header in front of what the message is about, of either version.
const ICMP_HEADER_LEN: usize = 8;

impl Snapshot {
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
            Ok(Datagram::Dprp) => return Inbound::Slow { proven: false },
            Ok(Datagram::Cookie(reply)) if self.doorman.awaits(reply.receiver) => {
                return Inbound::Slow { proven: true };
            }
            Ok(Datagram::Cookie(_)) => return Inbound::Drop(DropReason::UnknownIndex),
            // A channel inside a channel.
            Ok(Datagram::Relayed(_)) => return Inbound::Drop(DropReason::Malformed),
            Err(_) => return Inbound::Drop(DropReason::Malformed),
        };
        let Some((transport, entry)) = self.by_index.get(&index) else {
            if self.doorman.is_quiet(index) {
                return Inbound::Slow { proven: true };
            }
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
        let datagram_len = datagram.len();
        let report = |plaintext| FastReport::Opened {
            index,
            from,
            ecn,
            counter: opened.counter,
            highest: opened.highest,
            datagram_len,
            plaintext,
        };
        let plaintext = datagram.get(opened.plaintext.clone()).unwrap_or_default();
        if plaintext.first() != Some(&Kind::Ip.to_byte()) || entry.proving {
            return Inbound::Report(report(Some(plaintext.to_vec())));
        }
        let news = is_news.then(|| report(None));
        let verdict = self.deliver(now, flows, entry, ecn, datagram, &opened, news);
        let plaintext = datagram.get(opened.plaintext.clone()).unwrap_or_default();
        match self.must_be_told(&verdict, entry, plaintext) {
            true => Inbound::Report(report(Some(plaintext.to_vec()))),
            false => verdict,
        }
    }

    /// Whether a packet was dropped because the peer believes in an agreement that this node does not know of.
    fn must_be_told(&self, verdict: &Inbound, entry: &PeerEntry, plaintext: &[u8]) -> bool {
        let reason = match verdict {
            Inbound::Drop(reason) | Inbound::Refused(reason, _) => *reason,
            _ => return false,
        };
        let packet = plaintext.get(KIND_LEN..).unwrap_or_default();
        reason == DropReason::SourceNotPeer && self.is_astray(entry, packet)
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
        let reach = entry.reach.as_ref().ok_or(DropReason::NotAllowed)?;
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
        if !decide(&reach.here, &flow, established).passes() {
            return Err(DropReason::ServiceDenied);
        }
        let (inner, says_mss) = (view.ecn(), view.is_tcp_handshake());
        let ecn = inner.decapsulated(outer).ok_or(DropReason::EcnNotCapable)?;
        if ecn != inner {
            set_ecn(packet, ecn);
        }
        if says_mss {
            self.lower_mss(entry.out.as_ref().map(|out| out.packet_max), packet);
        }
        Ok(())
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

/// Why a packet that did not open is dropped.
pub(crate) const fn refusal(error: OpenError) -> DropReason {
    match error {
        OpenError::Dead => DropReason::Dead,
        OpenError::Expired => DropReason::Expired,
        OpenError::Malformed => DropReason::Malformed,
        OpenError::Forged => DropReason::NotAuthentic,
        OpenError::Replay(_) => DropReason::Replayed,
    }
}
