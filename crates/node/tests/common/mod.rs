//! Nodes in memory: a clock that a test turns, an underlay that loses what a test says, and
//! a journal per node that is exactly what was persisted.
#![allow(dead_code, reason = "shared by test files that each use a part of it")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it is surprised"
)]

use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use group::agent::AgentMessage;
use group::{AllowEntry, Services, Who};
use identity::crypto::{AwsLc, Crypto, HashRng};
use identity::{
    HotKeys, Inception, KeyHistory, LocalIdentity, NextRootSecret, PublicIdentity, RootSecret,
    Scopes, Terms, issue_certificate, rotate,
};
use node::{
    Change, Event, Node, NodeConfig, Output, SiteRoute, Snapshot, Stored, StreamEvent, Via,
};
use wire::ip::Ecn;
use wire::{NodeAddr, Now, Path, StreamId};

pub(crate) const HOUR: u64 = 3_600;
pub(crate) const START_UNIX_S: u64 = 1_800_000_000;

pub(crate) fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn crypto() -> Arc<dyn Crypto> {
    Arc::new(AwsLc)
}

/// The owner's side of an identity.
pub(crate) struct Owner {
    pub(crate) history: KeyHistory,
    pub(crate) root: RootSecret,
    pub(crate) next: Option<NextRootSecret>,
    pub(crate) counter: u64,
    /// Start and end of its certificates, Unix seconds.
    pub(crate) validity: (u64, u64),
    pub(crate) scopes: Scopes,
    rng: HashRng,
    hot: ([u8; 32], [u8; 32]),
}

impl Owner {
    pub(crate) fn new(seed: u8) -> Self {
        let mut rng = HashRng::new([seed; 32]);
        let new = Inception::create(&AwsLc, &mut rng, None).unwrap();
        let hot = HotKeys::generate(&AwsLc, &mut rng);
        Self {
            history: new.history,
            root: new.root,
            next: Some(new.next),
            counter: 1,
            validity: (START_UNIX_S - HOUR, START_UNIX_S + 30 * 24 * HOUR),
            scopes: Scopes::ALL,
            hot: (*hot.noise_secret(), *hot.sign_seed()),
            rng,
        }
    }

    pub(crate) fn local(&self) -> LocalIdentity {
        let hot = HotKeys::from_secrets(&AwsLc, &self.hot.0, &self.hot.1);
        let terms = Terms {
            counter: self.counter,
            not_before_unix_s: self.validity.0,
            not_after_unix_s: self.validity.1,
            scopes: self.scopes,
        };
        let certificate =
            issue_certificate(&AwsLc, &self.root, &self.history, &hot, &terms).unwrap();
        let history = self.history.clone();
        let public = PublicIdentity {
            history,
            certificate,
        };
        LocalIdentity::new(public, hot).unwrap()
    }

    /// A new certificate for the same keys, valid for 30 days.
    pub(crate) fn renew(&mut self, now_unix_s: u64) -> LocalIdentity {
        self.validity = (now_unix_s, now_unix_s + 30 * 24 * HOUR);
        self.counter += 1;
        self.local()
    }

    pub(crate) fn rotate(&mut self) -> LocalIdentity {
        let next = self.next.take().unwrap();
        let rotated = rotate(&AwsLc, &mut self.rng, &self.history, next).unwrap();
        self.history = rotated.history;
        self.root = rotated.root;
        self.next = Some(rotated.next);
        self.counter += 1;
        self.local()
    }
}

/// One datagram under way.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) ecn: Ecn,
    pub(crate) bytes: Vec<u8>,
    /// The stream that it goes by, at its receiver; UDP without.
    pub(crate) stream: Option<(usize, StreamId)>,
}

pub(crate) struct Host {
    pub(crate) node: Node,
    pub(crate) owner: Owner,
    pub(crate) at: SocketAddr,
    /// What a restart finds.
    pub(crate) journal: Stored,
    pub(crate) inside: Vec<Vec<u8>>,
    /// Packets that went on in clear.
    pub(crate) clear: Vec<Vec<u8>>,
    pub(crate) events: Vec<Event>,
    /// Whether its shell renews a certificate that ends soon, as it can with the root key.
    pub(crate) renews: bool,
    pub(crate) published: Arc<Snapshot>,
    pub(crate) persisted: Vec<Change>,
    pub(crate) sent: usize,
}

pub(crate) struct World {
    pub(crate) now: Now,
    pub(crate) hosts: Vec<Host>,
    pub(crate) wire: VecDeque<Packet>,
    /// Every datagram that was sent.
    pub(crate) seen: Vec<Packet>,
    /// How packets to ordinary addresses were to go, as it changed.
    pub(crate) site_routes: Vec<SiteRoute>,
    /// Where each end of a stream leads.
    pub(crate) streams: BTreeMap<(usize, StreamId), (usize, StreamId)>,
    /// Whether a stream can be dialled.
    pub(crate) tcp: bool,
    next_stream: u64,
    /// Streams that came up or failed, to be told.
    dialled: VecDeque<(usize, StreamEvent)>,
    /// What was said to management servers: which, by whom, what.
    pub(crate) to_servers: VecDeque<(usize, NodeAddr, AgentMessage)>,
    /// Beacons that were sent, by the address of their sender.
    pub(crate) beacons: Vec<(SocketAddr, Vec<u8>)>,
    pub(crate) lan: bool,
    /// Whether a datagram is lost.
    pub(crate) lose: Box<dyn FnMut(&Packet) -> bool>,
    /// What nodes that are started from now on call themselves.
    pub(crate) host_label: Option<String>,
    /// How far the clocks of nodes are ahead, by index, in seconds.
    pub(crate) skew: BTreeMap<usize, i64>,
    /// What owners chose, by the address of their node; takes effect when it is started.
    pub(crate) configs: BTreeMap<SocketAddr, NodeConfig>,
    seed: u8,
}

impl World {
    /// `count` nodes that know nothing of each other.
    pub(crate) fn new(count: u8) -> Self {
        let mut world = Self {
            now: Now {
                mono: s(1_000),
                unix_s: START_UNIX_S,
            },
            hosts: Vec::new(),
            wire: VecDeque::new(),
            seen: Vec::new(),
            site_routes: Vec::new(),
            streams: BTreeMap::new(),
            tcp: true,
            next_stream: 1,
            dialled: VecDeque::new(),
            to_servers: VecDeque::new(),
            beacons: Vec::new(),
            lan: false,
            lose: Box::new(|_| false),
            host_label: None,
            skew: BTreeMap::new(),
            configs: BTreeMap::new(),
            seed: 100,
        };
        for number in 1..=count {
            world.add(Owner::new(number));
        }
        world
    }

    /// Adds a node; its index.
    pub(crate) fn add(&mut self, owner: Owner) -> usize {
        let number = self.hosts.len() as u8 + 1;
        let at = SocketAddr::from(([192, 0, 2, number], 4_000));
        let node = self.start(owner.local(), Stored::default(), at);
        self.hosts.push(Host {
            published: node.snapshot(),
            node,
            owner,
            at,
            journal: Stored::default(),
            inside: Vec::new(),
            clear: Vec::new(),
            events: Vec::new(),
            renews: false,
            persisted: Vec::new(),
            sent: 0,
        });
        self.drain(self.hosts.len() - 1);
        self.hosts.len() - 1
    }

    fn start(&mut self, me: LocalIdentity, stored: Stored, at: SocketAddr) -> Node {
        self.seed += 1;
        let config = NodeConfig {
            listen_port: at.port(),
            software_version: self.host_label.clone().unwrap_or_default(),
            host_label: self.host_label.clone(),
            ..self.configs.get(&at).cloned().unwrap_or_default()
        };
        Node::new(config, me, stored, crypto(), [self.seed; 32], self.now).unwrap()
    }

    /// Starts a node again with this in its configuration.
    pub(crate) fn configure(&mut self, index: usize, config: NodeConfig) {
        self.configs.insert(self.hosts[index].at, config);
        self.restart(index);
    }

    /// Kills a node without a word and starts it again from its journal.
    pub(crate) fn restart(&mut self, index: usize) {
        let (me, journal, at) = {
            let host = &self.hosts[index];
            (host.owner.local(), host.journal.clone(), host.at)
        };
        let node = self.start(me, journal, at);
        self.hosts[index].published = node.snapshot();
        self.hosts[index].node = node;
        self.cut_streams(index);
        self.drain(index);
    }

    /// The same, and nobody tells the other ends of its streams.
    pub(crate) fn vanish_and_restart(&mut self, index: usize) {
        self.streams.retain(|(i, _), _| *i != index);
        self.restart(index);
    }

    /// Streams that a node's kernel holds.
    pub(crate) fn streams_of(&self, index: usize) -> usize {
        self.streams.keys().filter(|(i, _)| *i == index).count()
    }

    /// Every stream of a node ends.
    pub(crate) fn cut_streams(&mut self, index: usize) {
        let own: Vec<_> = self
            .streams
            .keys()
            .filter(|(i, _)| *i == index)
            .copied()
            .collect();
        for end in own {
            self.hang(end);
        }
    }

    fn hang(&mut self, end: (usize, StreamId)) {
        if let Some((index, id)) = self.streams.remove(&end) {
            self.streams.remove(&(index, id));
            self.dialled.push_back((index, StreamEvent::Down { id }));
            let (index, id) = end;
            self.dialled.push_back((index, StreamEvent::Down { id }));
        }
    }

    fn dial(&mut self, index: usize, at: SocketAddr) {
        let answers = |host: &Host| host.at == at && host.node.serving(self.now).serving;
        let to = self.hosts.iter().position(answers).filter(|_| self.tcp);
        let Some(to) = to else {
            self.dialled.push_back((index, StreamEvent::Failed { at }));
            return;
        };
        let (own, other) = (
            StreamId::new(self.next_stream),
            StreamId::new(self.next_stream + 1),
        );
        self.next_stream += 2;
        self.streams.insert((index, own), (to, other));
        self.streams.insert((to, other), (index, own));
        let from = self.hosts[index].at;
        let up = |id, at, dialled| StreamEvent::Up { id, at, dialled };
        self.dialled.push_back((to, up(other, from, false)));
        self.dialled.push_back((index, up(own, at, true)));
    }

    pub(crate) fn f(&self, index: usize) -> NodeAddr {
        self.hosts[index].node.address()
    }

    /// The time by the clock of a node.
    pub(crate) fn now_at(&self, index: usize) -> Now {
        let skew = self.skew.get(&index).copied().unwrap_or_default();
        let unix_s = self.now.unix_s.checked_add_signed(skew).unwrap();
        Now { unix_s, ..self.now }
    }

    /// Does something with a node and takes what it puts out.
    pub(crate) fn with<T>(&mut self, index: usize, act: impl FnOnce(&mut Node, Now) -> T) -> T {
        let now = self.now_at(index);
        let result = act(&mut self.hosts[index].node, now);
        self.drain(index);
        result
    }

    /// Takes a node's output in order, as a shell does.
    pub(crate) fn drain(&mut self, index: usize) {
        while let Some(output) = self.hosts[index].node.poll_output() {
            let host = &mut self.hosts[index];
            match output {
                Output::Persist(change) => {
                    host.journal.apply(&change);
                    host.persisted.push(change);
                }
                Output::Transmit { to, ecn, payload } => {
                    let from = host.at;
                    let (to, stream) = match to {
                        Path::Udp(to) => (to, None),
                        Path::Stream(id) => match self.streams.get(&(index, id)) {
                            Some((to, id)) => (self.hosts[*to].at, Some((*to, *id))),
                            None => continue,
                        },
                        Path::Channel(_) => panic!("a channel is not of the underlay"),
                    };
                    let packet = Packet {
                        from,
                        to,
                        ecn,
                        bytes: payload,
                        stream,
                    };
                    let host = &mut self.hosts[index];
                    host.sent += 1;
                    self.seen.push(packet.clone());
                    if !(self.lose)(&packet) {
                        self.wire.push_back(packet);
                    }
                }
                Output::Multicast(bytes) => self.beacons.push((host.at, bytes)),
                Output::Inside(packet) => host.inside.push(packet),
                Output::Clear(packet) => host.clear.push(packet),
                Output::Site { route, .. } => self.site_routes.push(route),
                Output::Publish(snapshot) => host.published = snapshot,
                Output::ToServer { from, message } => {
                    self.to_servers.push_back((index, from, message));
                }
                Output::Dial { at, .. } => self.dial(index, at),
                Output::Keep(_) | Output::Listen(_) => {}
                Output::Hang(id) => self.hang((index, id)),
                Output::CheckPassword {
                    client,
                    password,
                    against,
                } => {
                    let right =
                        |p: &&node::PasswordRecord| password_hash(&p.salt, &password) == p.hash;
                    let found = against.iter().find(right);
                    let customer = found.map(|p| p.customer.as_str());
                    host.node.handle_password(self.now, client, customer);
                }
                Output::Event(event) => {
                    if host.renews && matches!(event, Event::CertificateExpiring { .. }) {
                        let me = host.owner.renew(self.now.unix_s);
                        host.node.install_identity(self.now, me).unwrap();
                    }
                    host.events.push(event);
                }
            }
        }
    }

    /// Delivers all that is under way, and what comes of it, in no time.
    pub(crate) fn deliver(&mut self) {
        for _ in 0..100_000 {
            self.deliver_beacons();
            if let Some((index, event)) = self.dialled.pop_front() {
                self.with(index, |node, now| node.handle_stream(now, event));
                continue;
            }
            let Some(packet) = self.wire.pop_front() else {
                return;
            };
            if let Some((index, id)) = packet.stream {
                self.inject(index, Path::Stream(id), &packet.bytes);
                continue;
            }
            let to = self.hosts.iter().position(|host| host.at == packet.to);
            if let Some(index) = to {
                self.inject(index, packet.from, &packet.bytes);
            }
        }
        panic!("the network does not come to rest");
    }

    /// Hands one datagram to a node.
    pub(crate) fn inject(&mut self, index: usize, from: impl Into<Path>, bytes: &[u8]) {
        let (from, mut bytes) = (from.into(), bytes.to_vec());
        self.with(index, |node, now| {
            node.handle_datagram(now, from, Ecn::NotEct, &mut bytes);
        });
    }

    fn deliver_beacons(&mut self) {
        let beacons: Vec<_> = if self.lan {
            std::mem::take(&mut self.beacons)
        } else {
            Vec::new()
        };
        for (from, bytes) in beacons {
            for index in 0..self.hosts.len() {
                if self.hosts[index].at != from {
                    self.with(index, |node, now| node.handle_beacon(now, from, &bytes));
                }
            }
        }
    }

    /// Lets time pass, waking every node when it asks for it.
    pub(crate) fn run(&mut self, duration: Duration) {
        let end = self.now.mono + duration;
        loop {
            self.deliver();
            let due = self
                .hosts
                .iter()
                .filter_map(|host| host.node.poll_timeout());
            let next = due.map(|(at, _)| at).min().unwrap_or(end).min(end);
            self.now = self.now.after(next.saturating_sub(self.now.mono));
            if self.now.mono >= end {
                break;
            }
            for index in 0..self.hosts.len() {
                self.with(index, |node, now| node.handle_timeout(now));
            }
        }
        self.deliver();
    }

    /// `inviter` invites, `joiner` joins; both see it.
    pub(crate) fn join(&mut self, inviter: usize, joiner: usize) -> String {
        let at = self.hosts[inviter].at;
        let line = self
            .with(inviter, |node, now| node.invite(now, 24 * HOUR, &[at]))
            .unwrap();
        let f = self
            .with(joiner, |node, now| node.join(now, &line))
            .unwrap();
        assert_eq!(f, self.f(inviter));
        self.run(s(1));
        line
    }

    /// Puts each on the other's list and lets them meet on the LAN.
    pub(crate) fn introduce(&mut self, a: usize, b: usize) {
        let (fa, fb) = (self.f(a), self.f(b));
        self.with(a, |node, now| node.allow(now, allow_all(fb)))
            .unwrap();
        self.with(b, |node, now| node.allow(now, allow_all(fa)))
            .unwrap();
        self.lan = true;
        self.with(a, |node, now| node.connect(now, fb)).unwrap();
        self.run(s(7));
        assert!(self.is_up(a, b) && self.is_up(b, a));
    }

    pub(crate) fn is_up(&self, at: usize, of: usize) -> bool {
        let f = self.f(of);
        let peers = self.hosts[at].node.peers(self.now);
        peers
            .iter()
            .any(|peer| peer.f == Some(f) && peer.session.is_some())
    }

    /// Sends an inner packet as a data thread does: snapshot first, then the slow path.
    pub(crate) fn send(&mut self, index: usize, packet: &[u8]) {
        self.with(index, |node, now| node.handle_inside(now, packet));
    }

    pub(crate) fn take_inside(&mut self, index: usize) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.hosts[index].inside)
    }

    pub(crate) fn take_events(&mut self, index: usize) -> Vec<Event> {
        std::mem::take(&mut self.hosts[index].events)
    }

    pub(crate) fn dropped(&self, index: usize, reason: node::DropReason) -> u64 {
        let status = self.hosts[index].node.status(self.now);
        let found = status.dropped.iter().find(|(r, _)| *r == reason);
        found.map_or(0, |(_, count)| *count)
    }
}

/// Stands in for Argon2id, which the shell computes.
pub(crate) fn password_hash(salt: &[u8; 16], password: &str) -> [u8; 32] {
    AwsLc.sha256(&[salt, password.as_bytes()])
}

/// A direct way.
pub(crate) fn direct(at: SocketAddr) -> Via {
    Via::Direct(at)
}

pub(crate) fn allow_all(f: NodeAddr) -> AllowEntry {
    AllowEntry {
        who: Who::Address(f),
        services: Services::All,
        label: None,
        accepts: Vec::new(),
        added_unix_s: START_UNIX_S,
    }
}

/// A UDP packet (checksum not set: nobody here looks).
pub(crate) fn udp(src: NodeAddr, dst: NodeAddr, ports: (u16, u16), payload: &[u8]) -> Vec<u8> {
    ipv6(src, dst, 17, &udp_segment(ports, payload))
}

/// A TCP SYN.
pub(crate) fn syn(src: NodeAddr, dst: NodeAddr, ports: (u16, u16)) -> Vec<u8> {
    let mut upper = Vec::new();
    upper.extend(ports.0.to_be_bytes());
    upper.extend(ports.1.to_be_bytes());
    upper.extend([0; 8]);
    upper.extend([0x50, 0x02, 0xff, 0xff, 0, 0, 0, 0]);
    ipv6(src, dst, 6, &upper)
}

/// An ICMPv6 message of this type.
pub(crate) fn icmp6(src: NodeAddr, dst: NodeAddr, kind: u8) -> Vec<u8> {
    ipv6(src, dst, 58, &[kind, 0, 0, 0, 0, 7, 0, 1])
}

pub(crate) fn ipv6(src: NodeAddr, dst: NodeAddr, proto: u8, upper: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend((upper.len() as u16).to_be_bytes());
    packet.extend([proto, 64]);
    packet.extend(src.0);
    packet.extend(dst.0);
    packet.extend(upper);
    packet
}

/// An IPv4 packet with DF as told; its header's checksum is right.
pub(crate) fn ipv4(src: &str, dst: &str, proto: u8, df: bool, upper: &[u8]) -> Vec<u8> {
    let addr = |text: &str| text.parse::<Ipv4Addr>().unwrap().octets();
    let mut packet = vec![0x45, 0];
    packet.extend((20 + upper.len() as u16).to_be_bytes());
    packet.extend([0, 7, if df { 0x40 } else { 0 }, 0, 64, proto, 0, 0]);
    packet.extend(addr(src));
    packet.extend(addr(dst));
    let sum = wire::ip::checksum::checksum(&packet);
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    packet.extend(upper);
    packet
}

/// A UDP header and payload.
pub(crate) fn udp_segment(ports: (u16, u16), payload: &[u8]) -> Vec<u8> {
    let mut upper = Vec::new();
    upper.extend(ports.0.to_be_bytes());
    upper.extend(ports.1.to_be_bytes());
    upper.extend((8 + payload.len() as u16).to_be_bytes());
    upper.extend([0, 0]);
    upper.extend(payload);
    upper
}

/// A TCP SYN with an MSS option.
pub(crate) fn syn_segment(ports: (u16, u16), mss: u16) -> Vec<u8> {
    let mut upper = Vec::new();
    upper.extend(ports.0.to_be_bytes());
    upper.extend(ports.1.to_be_bytes());
    upper.extend([0; 8]);
    upper.extend([0x60, 0x02, 0xff, 0xff, 0, 0, 0, 0, 2, 4]);
    upper.extend(mss.to_be_bytes());
    upper
}
