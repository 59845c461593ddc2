//! Very many nodes in one process, each with a socket of its own.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use identity::crypto::{AwsLc, HashRng};
use identity::{
    HotKeys, Inception, LocalIdentity, PublicIdentity, Scopes, Terms, issue_certificate,
};
use node::{Event, Node, NodeConfig, Output, Stored};
use rustix::event::epoll;
use rustix::fd::OwnedFd;
use wire::ip::Ecn;
use wire::{NodeAddr, Now, Path};

/// One node and what it has seen.
pub(crate) struct Agent {
    pub(crate) node: Node,
    pub(crate) f: NodeAddr,
    socket: UdpSocket,
    timer: Option<Duration>,
    /// Enrolled at its server.
    pub(crate) is_member: bool,
    /// How often it was told that it knows everything.
    pub(crate) current: u32,
    /// Datagrams from the server since they were last counted: their bytes, and the first.
    pub(crate) from_server: Counted,
    /// The same to the server.
    pub(crate) to_server: Counted,
    /// When a packet last came in for its host.
    pub(crate) last_inside: Option<Instant>,
}

/// Datagrams, with their IP and UDP headers.
#[derive(Clone, Copy, Default)]
pub(crate) struct Counted {
    pub(crate) bytes: usize,
    pub(crate) datagrams: usize,
    pub(crate) first: usize,
    /// Of `bytes`, handshakes, and the search for the path MTU.
    pub(crate) apart: usize,
}

/// Sizes that the search for the path MTU tries, and its answers.
const PROBES: [usize; 8] = [40, 548, 1_232, 1_372, 1_420, 1_452, 1_472, 8_952];

impl Counted {
    fn count(&mut self, datagram: &[u8]) {
        let len = datagram.len() + 28;
        let is_handshake = datagram.first() != Some(&4);
        if self.datagrams == 0 {
            self.first = len;
        }
        self.bytes += len;
        self.datagrams += 1;
        if is_handshake || PROBES.contains(&datagram.len()) {
            self.apart += len;
        }
    }
}

/// All of them.
pub(crate) struct Crowd {
    pub(crate) agents: Vec<Agent>,
    servers: Vec<SocketAddr>,
    poll: OwnedFd,
    timers: BTreeSet<(Duration, usize)>,
    buffer: Vec<u8>,
}

impl Crowd {
    pub(crate) fn new(servers: &[SocketAddr]) -> Self {
        os::process::raise_open_files_limit();
        Self {
            agents: Vec::new(),
            servers: servers.to_vec(),
            poll: epoll::create(epoll::CreateFlags::CLOEXEC).expect("epoll"),
            timers: BTreeSet::new(),
            buffer: vec![0; 65_536],
        }
    }

    /// One more node, at an address of its own in 10.88.0.0/16; its number.
    pub(crate) fn add(&mut self) -> usize {
        let number = self.agents.len();
        let at = u16::try_from(number + 1).expect("at most 65,534");
        let [high, low] = at.to_be_bytes();
        let ip = Ipv4Addr::new(10, 88, high, low);
        let socket = UdpSocket::bind((ip, 5_649)).expect("a socket");
        socket.set_nonblocking(true).expect("a socket");
        let mut config = NodeConfig {
            listen_port: 5_649,
            ..NodeConfig::default()
        };
        config.discovery = false;
        let mut rng = HashRng::new(os::random::seed().expect("random numbers"));
        let me = identity(&mut rng);
        let f = me.public.address();
        let seed = os::random::seed().expect("random numbers");
        let crypto = Arc::new(AwsLc);
        let mut node =
            Node::new(config, me, Stored::default(), crypto, seed, now()).expect("a node");
        node.handle_local_endpoints(now(), vec![SocketAddr::new(ip.into(), 5_649)]);
        let data = epoll::EventData::new_u64(number as u64);
        epoll::add(&self.poll, &socket, data, epoll::EventFlags::IN).expect("epoll");
        self.agents.push(Agent {
            node,
            f,
            socket,
            timer: None,
            is_member: false,
            current: 0,
            from_server: Counted::default(),
            to_server: Counted::default(),
            last_inside: None,
        });
        self.drain(number);
        number
    }

    /// Does something with a node.
    pub(crate) fn with<T>(&mut self, number: usize, act: impl FnOnce(&mut Node, Now) -> T) -> T {
        let done = act(&mut self.agents[number].node, now());
        self.drain(number);
        done
    }

    /// Lets things happen until `done` says so; whether it did within `limit`.
    pub(crate) fn run(&mut self, limit: Duration, mut done: impl FnMut(&Self) -> bool) -> bool {
        let end = Instant::now() + limit;
        while Instant::now() < end {
            self.step(Duration::from_millis(5));
            if done(self) {
                return true;
            }
        }
        false
    }

    /// Takes what has come, and what is due.
    pub(crate) fn step(&mut self, longest: Duration) {
        let mono = now().mono;
        let next = self.timers.first().map(|(at, _)| at.saturating_sub(mono));
        let wait = next.unwrap_or(longest).min(longest);
        let wait = rustix::event::Timespec {
            tv_sec: 0,
            tv_nsec: i64::from(wait.subsec_nanos()),
        };
        let mut events = Vec::with_capacity(1_024);
        let room = rustix::buffer::spare_capacity(&mut events);
        epoll::wait(&self.poll, room, Some(&wait)).expect("epoll");
        for event in events {
            let number = usize::try_from(event.data.u64()).expect("a number");
            self.receive(number);
        }
        let mono = now().mono;
        while let Some((at, number)) = self.timers.first().copied() {
            if at > mono {
                break;
            }
            self.with(number, |node, now| node.handle_timeout(now));
        }
    }

    fn receive(&mut self, number: usize) {
        for _ in 0..64 {
            let agent = &mut self.agents[number];
            let Ok((len, from)) = agent.socket.recv_from(&mut self.buffer) else {
                return;
            };
            let bytes = &mut self.buffer[..len];
            if self.servers.contains(&from) {
                agent.from_server.count(bytes);
            }
            agent.node.handle_datagram(now(), from, Ecn::NotEct, bytes);
            self.drain(number);
        }
    }

    fn drain(&mut self, number: usize) {
        let servers = &self.servers;
        let agent = &mut self.agents[number];
        while let Some(output) = agent.node.poll_output() {
            match output {
                Output::Transmit {
                    to: Path::Udp(to),
                    payload,
                    ..
                } => {
                    if servers.contains(&to) {
                        agent.to_server.count(&payload);
                    }
                    // A full socket loses a datagram, as a network does.
                    let _ = agent.socket.send_to(&payload, to);
                }
                Output::Inside(_) => agent.last_inside = Some(Instant::now()),
                Output::Event(Event::Enrolled { .. }) => agent.is_member = true,
                Output::Event(Event::GroupsCurrent { .. }) => agent.current += 1,
                Output::Event(Event::EnrolFailed { why, .. }) => panic!("not taken: {why:?}"),
                _ => {}
            }
        }
        let next = agent.node.poll_timeout().map(|(at, _)| at);
        let before = std::mem::replace(&mut agent.timer, next);
        if let Some(at) = before {
            self.timers.remove(&(at, number));
        }
        if let Some(at) = next {
            self.timers.insert((at, number));
        }
    }
}

/// The clock of this process.
pub(crate) fn now() -> Now {
    Now {
        mono: os::clock::monotonic(),
        unix_s: os::clock::unix_s(),
    }
}

fn identity(rng: &mut HashRng) -> LocalIdentity {
    let new = Inception::create(&AwsLc, rng, None).expect("an inception record");
    let hot = HotKeys::generate(&AwsLc, rng);
    let terms = Terms {
        counter: 1,
        not_before_unix_s: now().unix_s - 60,
        not_after_unix_s: now().unix_s + 86_400,
        scopes: Scopes::ALL,
    };
    let certificate = issue_certificate(&AwsLc, &new.root, &new.history, &hot, &terms);
    let public = PublicIdentity {
        history: new.history,
        certificate: certificate.expect("a certificate"),
    };
    LocalIdentity::new(public, hot).expect("an identity")
}
