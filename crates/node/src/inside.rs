//! Packets of the local host that the snapshot could not place.
//!
//! A packet for an allowed peer is parked in its session while the handshake runs, or looked
//! for if its identity is unknown; the first packet is never lost. A packet for anybody else
//! is answered with an ICMP error to the local program, never with anything to the outside;
//! so are packets that waited in vain, at most [`UNREACHABLE_PER_SECOND_MAX`] a second.

use std::collections::BTreeSet;
use std::sync::Arc;

use group::keyring::Reach;
use group::{Access, Services};
use wire::ip::{IcmpError, IpView, icmp_error};
use wire::{NodeAddr, Now};

use crate::INNER_MTU_USUAL;
use crate::config::packet_max;
use crate::fast::{HEADROOM, Outbound, TAILROOM, error_source, may_leave, note_flow};
use crate::machine::Node;
use crate::{DropReason, Output};

/// Most errors in one second that tell local programs of peers that do not answer.
pub const UNREACHABLE_PER_SECOND_MAX: u32 = 64;

impl Node {
    /// An inner packet of the local host. The snapshot is asked first, with the same function
    /// that data threads use.
    pub fn handle_inside(&mut self, now: Now, packet: &[u8]) {
        let mut buf = vec![0; HEADROOM + packet.len() + TAILROOM];
        if let Some(room) = buf.get_mut(HEADROOM..HEADROOM + packet.len()) {
            room.copy_from_slice(packet);
        }
        let snapshot = Arc::clone(&self.snapshot);
        let flows = Arc::clone(&self.flows);
        match snapshot.outbound(now.mono, &flows, &mut buf, packet.len()) {
            Outbound::Send {
                to,
                ecn,
                datagram,
                report,
            } => {
                let payload = buf.get(datagram).unwrap_or_default().to_vec();
                self.output(Output::Transmit { to, ecn, payload });
                if let Some(report) = report {
                    return self.handle_fast(now, report);
                }
            }
            Outbound::Reply(reply, reason) => {
                self.drop_for(reason);
                self.output(Output::Inside(reply));
            }
            Outbound::Drop(reason) => self.drop_for(reason),
            Outbound::Slow => self.place(now, packet),
        }
        self.settle(now);
    }

    fn place(&mut self, now: Now, packet: &[u8]) {
        let Ok(view) = IpView::parse(packet) else {
            return self.drop_for(DropReason::Malformed);
        };
        if let Some(ends) = self.site_ends(&view) {
            return self.site_out(now, ends, packet);
        }
        let to = match self.snapshot.route(&view) {
            Ok(to) => to,
            Err(reason) => return self.drop_for(reason),
        };
        let Some(f) = self.resolve(to) else {
            return self.refuse(&view, IcmpError::NoRoute, DropReason::NoRoute);
        };
        if self.shutting_down || !self.may_seek(f) {
            return self.refuse(&view, IcmpError::AdminProhibited, DropReason::NotAllowed);
        }
        let mut packet = packet.to_vec();
        if view.is_tcp_handshake() {
            // Nothing is known of a new path: what passes nearly everywhere.
            let packet_max = self.packet_max_to(f).unwrap_or(INNER_MTU_USUAL);
            self.snapshot.lower_mss(Some(packet_max), &mut packet);
        } else {
            self.advise(f, &view);
        }
        if self.may_talk(f) && self.identity_of(f).is_some() {
            self.send_inside(now, f, &packet);
        } else {
            self.park(now, f, &packet);
            self.call(now, f);
        }
    }

    /// How long packets to F may be to leave in one piece, as far as its path is known.
    fn packet_max_to(&self, f: NodeAddr) -> Option<u16> {
        let session = self.session_of(f)?;
        Some(packet_max(
            session.peer_inner_mtu()?,
            session.datagram_max(),
        ))
    }

    /// Tells whoever sent a packet to F that is longer than that.
    pub(crate) fn advise(&mut self, f: NodeAddr, view: &IpView<'_>) {
        let packet_max = self.packet_max_to(f);
        if let Some(advice) = packet_max.and_then(|max| self.snapshot.advise(view, max)) {
            self.output(Output::Inside(advice));
        }
    }

    /// The F behind an inner address: F itself, an alias in use, or what lies behind it.
    pub(crate) fn resolve(&self, addr: NodeAddr) -> Option<NodeAddr> {
        if addr.is_f() {
            return Some(addr);
        }
        self.snapshot.find(addr).map(|entry| entry.names.f)
    }

    /// Whether the rules let this node talk with F, or it is being joined.
    pub(crate) fn may_talk(&self, f: NodeAddr) -> bool {
        match self.access(f) {
            Access::Allowed(_) => true,
            Access::Denied(_) => false,
            Access::Unknown => self.joins.contains_key(&f) || self.is_member(f),
        }
    }

    /// What F and this node may reach at each other; `None`: they may not talk.
    ///
    /// What this node may reach there is F's to say. It is known here if groups alone let the two talk: the
    /// owner of either may go beyond them, for both.
    pub(crate) fn reach(&self, f: NodeAddr) -> Option<Reach> {
        match self.access(f) {
            Access::Allowed(entry) => Some(Reach {
                here: entry.services.clone().compiled(),
                there: Services::All,
            }),
            Access::Denied(_) => None,
            Access::Unknown if self.joins.contains_key(&f) => Some(Reach::ALL),
            Access::Unknown => self.peers.get(&f)?.proven.reach.clone(),
        }
    }

    /// A packet that the slow path sends starts a flow, too: its answers pass. Whether it may leave.
    pub(crate) fn starts_flow(&mut self, now: Now, f: NodeAddr, packet: &[u8]) -> bool {
        let (Ok(view), Some(reach)) = (IpView::parse(packet), self.reach(f)) else {
            return true;
        };
        if !may_leave(&reach, &view) {
            self.refuse(&view, IcmpError::AdminProhibited, DropReason::RuledOut);
            return false;
        }
        note_flow(&reach.here, &self.flows, now.mono, &view);
        true
    }

    /// Packets waited for a peer that does not answer: tells the programs that sent them, one
    /// error for each flow.
    pub(crate) fn unreachable(&mut self, now: Now, packets: impl IntoIterator<Item = Vec<u8>>) {
        let mut told = BTreeSet::new();
        for packet in packets {
            self.drop_for(DropReason::Unreachable);
            let flow = IpView::parse(&packet).ok().map(|view| view.flow());
            if flow.is_none_or(|flow| !told.insert(flow)) {
                continue;
            }
            let error = IcmpError::AddressUnreachable;
            let from = flow.map(|flow| error_source(self.f, flow.dst));
            if let Some(reply) = from.and_then(|from| icmp_error(&packet, error, from))
                && self.may_say_unreachable(now)
            {
                self.output(Output::Inside(reply));
            }
        }
    }

    fn may_say_unreachable(&mut self, now: Now) -> bool {
        let (second, count) = &mut self.unreachable_said;
        if *second != now.mono.as_secs() {
            (*second, *count) = (now.mono.as_secs(), 0);
        }
        *count += 1;
        *count <= UNREACHABLE_PER_SECOND_MAX
    }

    fn refuse(&mut self, view: &IpView<'_>, error: IcmpError, reason: DropReason) {
        self.drop_for(reason);
        let from = error_source(self.f, view.dst());
        if let Some(reply) = icmp_error(view.packet(), error, from) {
            self.output(Output::Inside(reply));
        }
    }
}
