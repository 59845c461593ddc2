//! The world: virtual time, one queue of things to come, real nodes.
//!
//! What it does: hands every input to a node exactly as the runtime would (fast path over the
//! published snapshot first, misses to the slow path; that part is [`crate::carry`]), drains every
//! output in order, and tells the model. A crash drops a node between two outputs and rebuilds it from what it had
//! persisted. What it does not: decide what happens when (that is [`crate::script`]).
//!
//! Limits: [`WAKES_PER_INSTANT_MAX`] wake-ups of one node at one instant,
//! [`WAKES_PER_SECOND_MAX`] within a second.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use group::Who;
use identity::crypto::Crypto;
use node::{BridgeChange, Change, Event, Node, Output, PasswordRecord, Via};
use wire::time::Now;
use wire::{NodeAddr, Path};

use crate::host::Host;
use crate::model::{Model, Violation};
use crate::net::{Flight, Net};
use crate::relays::Relays;
use crate::rng::Dice;
use crate::strangers::Strangers;
use crate::streams::{Step, Streams};
use crate::trace::{Kind, Trace};

/// A node that asks to be woken more often than this without time passing is spinning.
pub const WAKES_PER_INSTANT_MAX: u32 = 1_000;
/// The same within one second of virtual time.
pub const WAKES_PER_SECOND_MAX: u32 = 400;
/// How long the check of a password takes at most, in milliseconds.
const PASSWORD_MS_MAX: u64 = 300;
/// Unix time at the start of a run.
pub const UNIX_START_S: u64 = 1_800_000_000;
/// What is to come.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    Datagram {
        flight: Flight,
        beacon: bool,
        hostile: bool,
    },
    Wake {
        host: usize,
        generation: u64,
    },
    Stream(Step),
    /// A hostile Bridge held this back.
    Held {
        bridge: usize,
        to: Path,
        bytes: Vec<u8>,
    },
    /// A password was checked.
    Password {
        host: usize,
        run: u64,
        client: NodeAddr,
        customer: Option<String>,
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
    /// Most wake-ups of one node in one second.
    pub wakes_in_second: u64,
    /// Times a Bridge took a node as a client.
    pub attached: u64,
    /// Sessions that moved, or came up, over a Bridge.
    pub over_bridges: u64,
    /// Sessions that moved to a direct way.
    pub moved_directly: u64,
    /// Passwords that were right.
    pub passwords_right: u64,
    /// Passwords that were wrong.
    pub passwords_wrong: u64,
    /// Hosts whose UDP was blocked.
    pub udp_blocks: u64,
    /// Bridges that stopped.
    pub bridge_crashes: u64,
    /// Bridges that turned hostile.
    pub hostilities: u64,
    /// Clients dismissed.
    pub dismissals: u64,
    /// Dismissed clients that tried their line again.
    pub retries: u64,
    /// Pairs with a Bridge or LAN in common that had to talk at the end.
    pub expected: u64,
    /// Of their directions, those that took longer than nearly all.
    pub slow: u64,
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
    /// The streams between hosts.
    pub streams: Streams,
    /// What Bridges were handed.
    pub relays: Relays,
    queue: BTreeMap<(Duration, u64), Item>,
    next_item: u64,
    pub(crate) next_packet: u64,
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
            streams: Streams::default(),
            relays: Relays::default(),
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
        self.strangers.answered.push((0, 0));
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
        let steps = self.streams.stop(self.now, &mut self.dice, host);
        self.schedule_steps(steps);
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
                Output::Transmit { to, payload, .. } => self.transmit(host, to, &payload),
                Output::Listen(on) => self.hosts[host].listens = on,
                Output::Dial { at, .. } => self.dial(host, at),
                Output::Keep(id) => self.streams.keep((host, id)),
                Output::Hang(id) => {
                    let steps = self.streams.break_off(self.now, (host, id));
                    self.schedule_steps(steps);
                }
                Output::CheckPassword {
                    client,
                    password,
                    against,
                } => self.check_password(host, client, &password, &against),
                Output::Multicast(payload) => {
                    self.look_at_wire(host, &payload);
                    let flights = self.net.multicast(&mut self.dice, host, &payload);
                    self.schedule_flights(flights, true, false);
                }
                Output::Inside(packet) => self.inside(host, &packet),
                // No host of this world is a management server, or in site mode.
                Output::ToServer { .. } | Output::Clear(_) | Output::Site { .. } => {}
                Output::Publish(snapshot) => self.hosts[host].snapshot = Some(snapshot),
                Output::Event(event) => self.event(host, event),
            }
        }
        self.reschedule(host);
    }

    fn dial(&mut self, host: usize, at: SocketAddr) {
        let hosts = &self.hosts;
        let listens = |host: usize| hosts[host].listens && hosts[host].node.is_some();
        let via = (&mut self.net, &mut self.dice);
        let steps = self.streams.dial(self.now, via, (host, at), listens);
        self.schedule_steps(steps);
    }

    fn check_password(
        &mut self,
        host: usize,
        client: NodeAddr,
        password: &str,
        against: &[PasswordRecord],
    ) {
        let right = |p: &&PasswordRecord| self.password_hash(&p.salt, password) == p.hash;
        let customer = against.iter().find(right).map(|p| p.customer.clone());
        match customer {
            Some(_) => self.counts.passwords_right += 1,
            None => self.counts.passwords_wrong += 1,
        }
        let after = self.dice.range(1, PASSWORD_MS_MAX);
        let item = Item::Password {
            host,
            run: self.hosts[host].run,
            client,
            customer,
        };
        self.push(self.now + Duration::from_millis(after), item);
    }

    /// Stands in for Argon2id.
    pub fn password_hash(&self, salt: &[u8; 16], password: &str) -> [u8; 32] {
        self.crypto.sha256(&[salt, password.as_bytes()])
    }

    /// Whether a host is a Bridge to which strangers may say a password.
    pub(crate) fn takes_passwords(&self, host: usize) -> bool {
        let bridging = &self.hosts[host].stored.bridging;
        bridging.serving && !bridging.passwords.is_empty()
    }

    fn persist(&mut self, host: usize, change: &Change) {
        self.trace.note(self.now, Kind::Persisted, host, 0, &[]);
        if let Change::InviteUsed { id, by, .. } = change {
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
        if let Change::Allowed { entry } = change
            && let Some(peer) = self
                .hosts
                .iter()
                .position(|h| entry.who == Who::Address(h.f))
        {
            self.model.listed(host, peer);
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
        if let Change::Bridge {
            bridge: BridgeChange::Admitted { entry, terms },
        } = change
        {
            self.admitted(host, entry.who, &terms.customer);
        }
    }

    fn admitted(&mut self, bridge: usize, who: Who, customer: &str) {
        let client = self.hosts.iter().position(|h| Who::Address(h.f) == who);
        let client = client.unwrap_or(usize::MAX);
        if let Err(violation) = self.model.admitted(bridge, client, customer) {
            self.violate(violation);
        }
    }

    fn event(&mut self, host: usize, event: Event) {
        self.trace.note(self.now, Kind::Event, host, 0, &[]);
        match &event {
            Event::SessionUp { via, .. } => {
                self.counts.sessions += 1;
                self.counts.over_bridges += u64::from(matches!(via, Via::Bridge(_)));
            }
            Event::Moved { via, .. } => match via {
                Via::Bridge(_) => self.counts.over_bridges += 1,
                Via::Direct(_) => self.counts.moved_directly += 1,
                Via::Stream(_) => {}
            },
            Event::BridgeUp { .. } => self.counts.attached += 1,
            Event::Echo { .. } => self.counts.echoes += 1,
            Event::Joined { .. } => self.counts.joins += 1,
            Event::CloneSeen { .. } => self.counts.clones += 1,
            _ => {}
        }
    }

    /// Schedules what arrives over UDP.
    pub(crate) fn schedule_flights(&mut self, flights: Vec<Flight>, beacon: bool, hostile: bool) {
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

    pub(crate) fn push(&mut self, at: Duration, item: Item) {
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
                Some(Item::Stream(step)) => self.stream_step(step),
                Some(Item::Held { bridge, to, bytes }) => self.send_held(bridge, to, &bytes),
                Some(Item::Password {
                    host,
                    run,
                    client,
                    customer,
                }) if self.hosts[host].run == run => {
                    let customer = customer.as_deref();
                    self.input(host, |n, now| n.handle_password(now, client, customer));
                }
                Some(Item::Password { .. }) => {}
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
        let (at_once, in_second) = self.hosts[host].count_wake(self.now);
        self.counts.wakes_in_second = self.counts.wakes_in_second.max(in_second.into());
        if at_once > WAKES_PER_INSTANT_MAX || in_second > WAKES_PER_SECOND_MAX {
            self.violate(Violation::Spinning { node: host });
            self.hosts[host].kill();
            return;
        }
        self.input(host, Node::handle_timeout);
    }

    /// Notes a broken promise.
    pub fn violate(&mut self, v: Violation) {
        if self.violations.len() < 32 {
            self.violations.push(v);
        }
    }
}
