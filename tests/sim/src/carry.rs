//! How bytes get from node to node: the fast path as the runtime drives it, UDP, streams, what
//! Bridges relay, and those who listen.

use std::net::SocketAddr;

use node::{Inbound, Outbound};
use wire::Path;
use wire::ip::Ecn;

use crate::model::Violation;
use crate::net::Flight;
use crate::packet;
use crate::relays::{self, Mischief};
use crate::strangers::{Recording, STRANGER, THIEF};
use crate::streams::{EndId, Step};
use crate::trace::Kind;
use crate::world::{Item, World};

/// Type byte of the fragments of message 2 (docs/protocol/session.md, section 2).
const MESSAGE_2: u8 = 2;

impl World {
    /// A node sends a datagram of its own.
    pub(crate) fn transmit(&mut self, host: usize, to: Path, payload: &[u8]) {
        self.relays.note(host, payload);
        self.send(host, to, payload);
    }

    /// A host sends a datagram; the host that it is for, unless it is lost.
    fn send(&mut self, host: usize, to: Path, payload: &[u8]) -> Option<usize> {
        self.look_at_wire(host, payload);
        let bytes: &[u8] = if self.hash_bytes { payload } else { &[] };
        self.trace
            .note(self.now, Kind::Sent, host, payload.len() as u64, bytes);
        self.strangers.initiation_taken |= payload.first() == Some(&MESSAGE_2);
        match to {
            Path::Udp(to) => self.send_udp(host, to, payload),
            Path::Stream(id) => {
                let via = (&self.net, &mut self.dice);
                let steps = self.streams.send(self.now, via, (host, id), payload);
                self.schedule_steps(steps);
                self.streams.other((host, id))
            }
            // A channel is nothing of the underlay: a node wraps what goes by one.
            Path::Channel(_) => {
                self.violate(Violation::Invented { at: host });
                None
            }
        }
    }

    fn send_udp(&mut self, host: usize, to: SocketAddr, payload: &[u8]) -> Option<usize> {
        if to == STRANGER {
            let kind = payload.first().copied().unwrap_or(0);
            let answers = self.takes_passwords(host);
            if let Some(violation) = self.strangers.answer(host, kind, payload.len(), answers) {
                self.violate(violation);
            }
            return None;
        }
        if to == THIEF {
            if let Some(violation) = self.strangers.feed(host, payload.len()) {
                self.violate(violation);
            }
            return None;
        }
        let mut flights = self.net.send(self.now, &mut self.dice, host, to, payload);
        if self.dice.chance(self.intercept) {
            self.counts.intercepted += flights.len() as u64;
            for flight in &mut flights {
                flight.from = THIEF;
                self.strangers.fed[flight.to].0 += payload.len();
            }
        }
        let target = flights.first().map(|flight| flight.to);
        self.schedule_flights(flights, false, false);
        target
    }

    /// A Bridge sends a datagram on that came with this head. A hostile one may do otherwise.
    fn relay(&mut self, bridge: usize, came: Option<relays::Head>, to: Path, bytes: &[u8]) {
        let origin = self.relays.sent_on(bridge, came);
        if self.relays.hostile.contains(&bridge) {
            let relays = &mut self.relays;
            let todo = relays.mischief(&mut self.dice, bridge, to, bytes.to_vec());
            for mischief in todo {
                self.make_mischief(bridge, mischief);
            }
            return;
        }
        let target = self.send(bridge, to, bytes);
        let judged = match (origin, target) {
            (Err(violation), _) => Err(violation),
            (Ok(from), Some(to)) => self.model.relayed(bridge, from, to),
            (Ok(from), None) => self.model.relayed(bridge, from, from),
        };
        if let Err(violation) = judged {
            self.violate(violation);
        }
    }

    fn make_mischief(&mut self, bridge: usize, mischief: Mischief) {
        match mischief {
            Mischief::Send(to, bytes) => {
                self.send(bridge, to, &bytes);
            }
            Mischief::Later(after, to, bytes) => {
                let at = self.now + after;
                self.push(at, Item::Held { bridge, to, bytes });
            }
            Mischief::Misroute(bytes) => self.misroute(bridge, &bytes),
        }
    }

    /// Puts a datagram on another channel, as a Bridge can: it has the keys of every hop.
    #[cfg(feature = "sabotage")]
    fn misroute(&mut self, bridge: usize, bytes: &[u8]) {
        let pick = self.dice.draw() as usize;
        let node = self.hosts[bridge].node.as_ref();
        if let Some((to, bytes)) = node.and_then(|node| node.misroute(bytes, pick)) {
            self.relays.counts.misrouted += 1;
            self.send(bridge, to, &bytes);
        }
    }

    /// Without the keys it can only lose it.
    #[cfg(not(feature = "sabotage"))]
    fn misroute(&mut self, _bridge: usize, _bytes: &[u8]) {
        self.relays.counts.dropped += 1;
    }

    /// A hostile Bridge sends what it held back.
    pub(crate) fn send_held(&mut self, bridge: usize, to: Path, bytes: &[u8]) {
        if self.hosts[bridge].node.is_some() {
            self.send(bridge, to, bytes);
        }
    }

    /// Schedules what streams do next.
    pub(crate) fn schedule_steps(&mut self, steps: Vec<(std::time::Duration, Step)>) {
        for (at, step) in steps {
            self.push(at, Item::Stream(step));
        }
    }

    /// Something happens at an end of a stream.
    pub(crate) fn stream_step(&mut self, step: Step) {
        match step {
            Step::Tell(host, event) => {
                self.input(host, |node, now| node.handle_stream(now, event));
            }
            Step::Pump(at) => self.pump(at),
            Step::Vouch(at) if !self.streams.is_stranger(at) => {}
            Step::Vouch(at) | Step::Expire(at) => {
                let steps = self.streams.break_off(self.now, at);
                self.schedule_steps(steps);
            }
        }
    }

    fn pump(&mut self, at: EndId) {
        let (arrived, steps) = self.streams.pump(self.now, &self.net, at);
        self.schedule_steps(steps);
        let (host, id) = at;
        for mut bytes in arrived {
            if self.hosts[host].node.is_none() {
                return;
            }
            let noted: &[u8] = if self.hash_bytes { &bytes } else { &[] };
            self.trace
                .note(self.now, Kind::Arrived, host, bytes.len() as u64, noted);
            self.strangers.initiation_taken = false;
            self.arrive_datagram(host, Path::Stream(id), &mut bytes);
        }
    }

    /// Nobody on the way may see what is inside.
    pub(crate) fn look_at_wire(&mut self, host: usize, payload: &[u8]) {
        if packet::has_canary(payload) {
            self.violate(Violation::CanaryOnWire { from: host });
        }
    }

    pub(crate) fn arrive(&mut self, flight: Flight, beacon: bool, hostile: bool) {
        let Flight {
            to,
            from,
            mut bytes,
            corrupted,
            ..
        } = flight;
        if self.hosts[to].node.is_none() {
            return;
        }
        let noted: &[u8] = if self.hash_bytes { &bytes } else { &[] };
        self.trace
            .note(self.now, Kind::Arrived, to, bytes.len() as u64, noted);
        if beacon {
            self.input(to, |node, now| node.handle_beacon(now, from, &bytes));
            return;
        }
        let seen = (!hostile && !corrupted).then(|| bytes.clone());
        self.strangers.initiation_taken = false;
        if from == STRANGER {
            self.strangers.came_from_stranger(to, bytes.len());
        }
        self.arrive_datagram(to, from.into(), &mut bytes);
        if let Some(seen) = seen {
            self.strangers.overhear(&mut self.dice, to, from, seen);
        }
    }

    fn arrive_datagram(&mut self, to: usize, from: Path, bytes: &mut [u8]) {
        let came = relays::head(bytes);
        let now = self.clock(to);
        let host = &self.hosts[to];
        let verdict = match &host.snapshot {
            Some(snapshot) => snapshot.inbound(now.mono, &host.flows, from, Ecn::NotEct, bytes),
            None => Inbound::Slow { proven: false },
        };
        match verdict {
            Inbound::Deliver { packet, report } => {
                let packet = bytes[packet].to_vec();
                self.inside(to, &packet);
                if let Some(report) = report {
                    self.input(to, |node, now| node.handle_fast(now, report));
                }
            }
            Inbound::Report(report) | Inbound::Refused(_, report) => {
                self.input(to, |node, now| node.handle_fast(now, report));
            }
            Inbound::Slow { .. } => {
                self.input(to, |node, now| {
                    node.handle_datagram(now, from, Ecn::NotEct, bytes)
                });
            }
            Inbound::Forward { to: onward, report } => {
                self.relay(to, came, onward, bytes);
                if let Some(report) = report {
                    self.input(to, |node, now| node.handle_fast(now, report));
                }
            }
            Inbound::Answer(reply) => {
                self.send(to, from, &reply);
            }
            Inbound::Drop(_) => {}
        }
    }

    /// A packet came out of a node.
    pub(crate) fn inside(&mut self, host: usize, bytes: &[u8]) {
        // ICMP errors from the node itself are not application packets.
        if bytes.get(6) == Some(&58) {
            return;
        }
        let result = match packet::read(bytes) {
            None => Err(Violation::Invented { at: host }),
            Some((id, from)) => {
                self.trace.note(self.now, Kind::Delivered, host, id, &[]);
                let claimed = self
                    .hosts
                    .iter()
                    .position(|h| h.f == from)
                    .unwrap_or(usize::MAX);
                self.model.delivered(self.now, id, host, claimed)
            }
        };
        if let Err(v) = result {
            self.violate(v);
        }
    }

    /// An application on `from` sends one packet of `len` bytes to `to`.
    pub fn app_send(&mut self, from: usize, to: usize, len: usize) {
        if self.hosts[from].node.is_none() {
            return;
        }
        let id = self.next_packet;
        self.next_packet += 1;
        self.counts.app_sent += 1;
        self.model.sent(id, from, to);
        let packet = packet::build(id, self.hosts[from].f, self.hosts[to].f, len);
        self.app_packet(from, &packet);
    }

    fn app_packet(&mut self, from: usize, packet: &[u8]) {
        let mut buf = vec![0; node::HEADROOM + packet.len() + node::TAILROOM];
        buf[node::HEADROOM..node::HEADROOM + packet.len()].copy_from_slice(packet);
        let now = self.clock(from);
        let host = &self.hosts[from];
        let verdict = match &host.snapshot {
            Some(s) => s.outbound(now.mono, &host.flows, &mut buf, packet.len()),
            None => Outbound::Slow,
        };
        match verdict {
            Outbound::Send {
                to,
                datagram,
                report,
                ..
            } => {
                let datagram = buf[datagram].to_vec();
                self.transmit(from, to, &datagram);
                if let Some(report) = report {
                    self.input(from, |node, now| node.handle_fast(now, report));
                }
            }
            Outbound::Slow => {
                self.input(from, |node, now| node.handle_inside(now, packet));
            }
            Outbound::Reply(..) | Outbound::Drop(_) => {}
        }
    }

    /// A stranger sends `bytes` to a node from its own address.
    pub fn hostile(&mut self, to: usize, bytes: &[u8]) {
        self.replay((to, STRANGER, bytes.to_vec()));
    }

    /// Repeats a recording with its own source address.
    pub fn replay(&mut self, (to, from, bytes): Recording) {
        self.counts.hostile += 1;
        let flights = self.net.inject(&mut self.dice, to, from, &bytes);
        self.schedule_flights(flights, false, true);
    }

    /// Replays from the stranger's address a whole initiation that its node has answered.
    pub fn replay_initiation(&mut self) {
        if let Some((to, fragments)) = self.strangers.take_initiation(&mut self.dice) {
            for fragment in fragments {
                self.hostile(to, &fragment);
            }
        }
    }

    /// Everything that arrived at a host lately: from where, what.
    pub fn recordings(&self, of: usize) -> Vec<(SocketAddr, Vec<u8>)> {
        self.strangers.recordings(of)
    }

    /// One of the things that arrived lately, by the dice.
    pub fn recording(&mut self) -> Option<Recording> {
        self.strangers.recording(&mut self.dice)
    }

    /// A datagram arrives at once, whatever the weather.
    pub fn arrive_now(&mut self, to: usize, from: SocketAddr, bytes: &mut [u8]) {
        self.arrive_datagram(to, from.into(), bytes);
    }
}
