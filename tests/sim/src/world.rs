//! The world: virtual time, one queue of things to come, real nodes.
//!
//! What it does: hands every input to a node exactly as the runtime would (fast path over the
//! published snapshot first, misses to the slow path), drains every output in order, and tells
//! the model. A crash drops a node between two outputs and rebuilds it from what it had
//! persisted. What it does not: decide what happens when (that is [`crate::script`]).
//!
//! Limits: [`WAKES_PER_INSTANT_MAX`] wake-ups of one node at one instant.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use identity::crypto::Crypto;
use node::{Change, Event, Inbound, Node, Outbound, Output};
use wire::ip::Ecn;
use wire::time::Now;

use crate::host::Host;
use crate::model::{Model, Violation};
use crate::net::{Flight, Net};
use crate::packet;
use crate::rng::Dice;
use crate::strangers::{Recording, STRANGER, Strangers, THIEF};
use crate::trace::{Kind, Trace};

/// A node that asks to be woken more often than this without time passing is spinning.
pub const WAKES_PER_INSTANT_MAX: u32 = 1_000;
/// Unix time at the start of a run.
pub const UNIX_START_S: u64 = 1_800_000_000;
#[derive(Clone, Debug)]
enum Item {
    Datagram {
        flight: Flight,
        beacon: bool,
        hostile: bool,
    },
    Wake {
        host: usize,
        generation: u64,
    },
    Script,
}

/// What a run counted beyond the network's own counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Sessions that came up.
    pub sessions: u64,
    /// Packets an application sent.
    pub app_sent: u64,
    /// Datagrams a stranger sent.
    pub hostile: u64,
    /// Datagrams that somebody on the path passed on from elsewhere.
    pub intercepted: u64,
    /// Nodes that crashed.
    pub crashes: u64,
    /// Crashes right after a persisted change, before what depended on it.
    pub crashes_after_persist: u64,
    /// NATs that forgot.
    pub rebinds: u64,
    /// Hosts that moved.
    pub roams: u64,
    /// Partitions.
    pub partitions: u64,
    /// Clock jumps.
    pub clock_jumps: u64,
    /// Removals.
    pub denies: u64,
    /// Root rotations.
    pub rotations: u64,
    /// Joins by invite that completed.
    pub joins: u64,
    /// Pings answered.
    pub echoes: u64,
    /// Clones reported.
    pub clones: u64,
    /// Wake-ups of nodes.
    pub wakes: u64,
}

/// A running world.
pub struct World {
    /// Virtual time.
    pub now: Duration,
    /// The dice of everything but the nodes.
    pub dice: Dice,
    /// The underlay.
    pub net: Net,
    /// The nodes.
    pub hosts: Vec<Host>,
    /// The specification.
    pub model: Model,
    /// The hash of everything so far.
    pub trace: Trace,
    /// Counts.
    pub counts: Counts,
    /// Broken promises, the first few.
    pub violations: Vec<Violation>,
    /// Chance (per mille) that a node crashes right after persisting something.
    pub crash_on_persist: u32,
    /// Chance (per mille) that somebody on the path passes a datagram on from elsewhere.
    pub intercept: u32,
    /// Whether datagram bytes belong to the trace (simulated crypto only).
    pub hash_bytes: bool,
    crypto: Arc<dyn Crypto>,
    queue: BTreeMap<(Duration, u64), Item>,
    next_item: u64,
    next_packet: u64,
    /// Those who listen, repeat and pass on.
    pub(crate) strangers: Strangers,
}

impl World {
    /// An empty world over `net`.
    pub fn new(seed: u64, net: Net, crypto: Arc<dyn Crypto>, hash_bytes: bool) -> Self {
        Self {
            now: Duration::ZERO,
            dice: Dice::new(seed),
            net,
            hosts: Vec::new(),
            model: Model::default(),
            trace: Trace::default(),
            counts: Counts::default(),
            violations: Vec::new(),
            crash_on_persist: 0,
            intercept: 0,
            hash_bytes,
            crypto,
            queue: BTreeMap::new(),
            next_item: 0,
            next_packet: 1,
            strangers: Strangers::default(),
        }
    }

    /// The provider that every node uses.
    pub fn crypto(&self) -> Arc<dyn Crypto> {
        Arc::clone(&self.crypto)
    }

    /// Adds a host with a fresh identity in `site` and starts its node.
    pub fn add_host(&mut self, site: usize) -> usize {
        let host = self.net.add_host(site);
        let skew_s = self.dice.range(0, 600) as i64 - 300;
        let made = Host::new(&*self.crypto, self.dice.seed32(), skew_s, UNIX_START_S);
        self.hosts.push(made);
        self.strangers.fed.push((0, 0));
        self.start(host);
        host
    }

    /// Both clocks as host `host` sees them.
    pub fn clock(&self, host: usize) -> Now {
        self.hosts[host].clock(self.now, UNIX_START_S)
    }

    /// Starts (again) the node of a host from what it had stored.
    pub fn start(&mut self, host: usize) {
        let now = self.clock(host);
        let seed = self.dice.seed32();
        let crypto = self.crypto();
        self.hosts[host].start(crypto, seed, now);
        let endpoint = self.net.addr(host);
        self.input(host, |node, now| {
            node.handle_local_endpoints(now, vec![endpoint])
        });
    }

    /// Stops a node without warning.
    pub fn crash(&mut self, host: usize) {
        self.counts.crashes += 1;
        self.hosts[host].kill();
    }

    /// Gives a node one input or command and drains it. Nothing happens while it is down.
    pub fn input<T>(&mut self, host: usize, f: impl FnOnce(&mut Node, Now) -> T) -> Option<T> {
        let now = self.clock(host);
        let out = self.hosts[host].node.as_mut().map(|node| f(node, now));
        self.drain(host);
        out
    }

    fn drain(&mut self, host: usize) {
        while let Some(output) = self.hosts[host].node.as_mut().and_then(Node::poll_output) {
            match output {
                Output::Persist(change) => {
                    self.persist(host, &change);
                    if self.dice.chance(self.crash_on_persist) {
                        self.counts.crashes_after_persist += 1;
                        self.crash(host);
                        return;
                    }
                }
                Output::Transmit { to, payload, .. } => {
                    // Nobody is a Bridge here, so everything goes over UDP.
                    if let Some(to) = to.udp() {
                        self.transmit(host, to, &payload);
                    }
                }
                Output::Listen(_)
                | Output::Dial { .. }
                | Output::Keep(_)
                | Output::Hang(_)
                | Output::CheckPassword { .. } => {}
                Output::Multicast(payload) => {
                    self.look_at_wire(host, &payload);
                    let flights = self.net.multicast(&mut self.dice, host, &payload);
                    self.schedule_flights(flights, true, false);
                }
                Output::Inside(packet) => self.inside(host, &packet),
                Output::Publish(snapshot) => self.hosts[host].snapshot = Some(snapshot),
                Output::Event(event) => self.event(host, event),
            }
        }
        self.reschedule(host);
    }

    fn persist(&mut self, host: usize, change: &Change) {
        self.trace.note(self.now, Kind::Persisted, host, 0, &[]);
        if let Change::InviteUsed { id, by } = change {
            let before = self.hosts[host]
                .stored
                .invites
                .get(id)
                .and_then(|i| i.used_by);
            if before.is_some_and(|used| used.0 != *by) {
                self.violate(Violation::InviteTwice { node: host });
            }
        }
        if let Change::InviteUsed { by, .. } = change
            && let Some(peer) = self.hosts.iter().position(|h| h.f == *by)
        {
            self.model.allow(host, peer);
        }
        if let Change::PeerNumber { f, number } = change {
            self.strangers.initiation_taken = true;
            let before = self.hosts[host].stored.peers.get(f).and_then(|p| p.number);
            if before.is_some_and(|old| old >= *number) {
                self.violate(Violation::NumberReused {
                    node: host,
                    count: number.count,
                });
            }
        }
        self.hosts[host].stored.apply(change);
    }

    fn event(&mut self, host: usize, event: Event) {
        self.trace.note(self.now, Kind::Event, host, 0, &[]);
        match &event {
            Event::SessionUp { .. } => self.counts.sessions += 1,
            Event::Echo { .. } => self.counts.echoes += 1,
            Event::Joined { .. } => self.counts.joins += 1,
            Event::CloneSeen { .. } => self.counts.clones += 1,
            _ => {}
        }
    }

    fn transmit(&mut self, host: usize, to: SocketAddr, payload: &[u8]) {
        self.look_at_wire(host, payload);
        let bytes: &[u8] = if self.hash_bytes { payload } else { &[] };
        self.trace
            .note(self.now, Kind::Sent, host, payload.len() as u64, bytes);
        if to == STRANGER {
            let kind = payload.first().copied().unwrap_or(0);
            self.violate(Violation::AnsweredStranger { node: host, kind });
            return;
        }
        if to == THIEF {
            if let Some(violation) = self.strangers.feed(host, payload.len()) {
                self.violate(violation);
            }
            return;
        }
        let mut flights = self.net.send(self.now, &mut self.dice, host, to, payload);
        if self.dice.chance(self.intercept) {
            self.counts.intercepted += flights.len() as u64;
            for flight in &mut flights {
                flight.from = THIEF;
                self.strangers.fed[flight.to].0 += payload.len();
            }
        }
        self.schedule_flights(flights, false, false);
    }

    fn look_at_wire(&mut self, host: usize, payload: &[u8]) {
        if packet::has_canary(payload) {
            self.violate(Violation::CanaryOnWire { from: host });
        }
    }

    fn schedule_flights(&mut self, flights: Vec<Flight>, beacon: bool, hostile: bool) {
        for flight in flights {
            let at = self.now + flight.after;
            self.push(
                at,
                Item::Datagram {
                    flight,
                    beacon,
                    hostile,
                },
            );
        }
    }

    fn push(&mut self, at: Duration, item: Item) {
        self.next_item += 1;
        self.queue.insert((at, self.next_item), item);
    }

    fn reschedule(&mut self, host: usize) {
        let wanted = self.hosts[host].next_wake(self.now);
        if let Some((at, generation)) = wanted {
            self.push(at, Item::Wake { host, generation });
        }
    }

    /// Asks for [`World::run_until`] to return at `at` at the latest.
    pub fn call_script_at(&mut self, at: Duration) {
        self.push(at, Item::Script);
    }

    /// Runs until the script is due or `end`; false at the end.
    pub fn run_until(&mut self, end: Duration) -> bool {
        while let Some((&(at, n), _)) = self.queue.first_key_value() {
            if at > end {
                break;
            }
            self.now = at;
            match self.queue.remove(&(at, n)) {
                Some(Item::Script) => return true,
                Some(Item::Wake { host, generation }) => self.wake(host, generation),
                Some(Item::Datagram {
                    flight,
                    beacon,
                    hostile,
                }) => self.arrive(flight, beacon, hostile),
                None => {}
            }
        }
        self.now = end;
        false
    }

    fn wake(&mut self, host: usize, generation: u64) {
        if !self.hosts[host].wake_is_current(generation) {
            return;
        }
        self.counts.wakes += 1;
        if self.hosts[host].count_wake(self.now) > WAKES_PER_INSTANT_MAX {
            self.violate(Violation::Spinning { node: host });
            self.hosts[host].kill();
            return;
        }
        self.input(host, Node::handle_timeout);
    }

    fn arrive(&mut self, flight: Flight, beacon: bool, hostile: bool) {
        let Flight {
            to,
            from,
            mut bytes,
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
        let seen = (!hostile).then(|| bytes.clone());
        self.strangers.initiation_taken = false;
        self.arrive_datagram(to, from, &mut bytes);
        if let Some(seen) = seen {
            self.strangers.overhear(&mut self.dice, to, from, seen);
        }
    }

    fn arrive_datagram(&mut self, to: usize, from: SocketAddr, bytes: &mut [u8]) {
        let now = self.clock(to);
        let host = &self.hosts[to];
        let verdict = match &host.snapshot {
            Some(snapshot) => {
                snapshot.inbound(now.mono, &host.flows, from.into(), Ecn::NotEct, bytes)
            }
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
            Inbound::Answer(reply) => self.transmit(to, from, &reply),
            Inbound::Forward { .. } | Inbound::Drop(_) => {}
        }
    }

    fn inside(&mut self, host: usize, bytes: &[u8]) {
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
                if let Some(to) = to.udp() {
                    self.transmit(from, to, &datagram);
                }
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
        self.arrive_datagram(to, from, bytes);
    }

    /// Notes a broken promise.
    pub fn violate(&mut self, v: Violation) {
        if self.violations.len() < 32 {
            self.violations.push(v);
        }
    }
}
