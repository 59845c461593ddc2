//! Two nodes in memory with a session between them.
//!
//! What one sends the other takes at once, and nothing is lost; the clock is turned by hand.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use group::{AllowEntry, Services, Who};
use identity::crypto::{Crypto, HashRng};
use identity::{
    HotKeys, Inception, LocalIdentity, PublicIdentity, Scopes, Terms, issue_certificate,
};
use node::{Node, NodeConfig, Output, Snapshot, Stored};
use wire::ip::Ecn;
use wire::{NodeAddr, Now, Path, Prefix};

const UNIX_S: u64 = 1_800_000_000;
const DAY_S: u64 = 86_400;

/// When everything begins.
pub const START: Now = Now {
    mono: Duration::from_secs(1_000),
    unix_s: UNIX_S,
};

/// An identity drawn from a number.
pub fn identity(crypto: &dyn Crypto, seed: u16) -> LocalIdentity {
    let mut bytes = [0; 32];
    bytes[..2].copy_from_slice(&seed.to_be_bytes());
    let mut rng = HashRng::new(bytes);
    let new = Inception::create(crypto, &mut rng, None).expect("an identity");
    let hot = HotKeys::generate(crypto, &mut rng);
    let terms = Terms {
        counter: 1,
        not_before_unix_s: UNIX_S - DAY_S,
        not_after_unix_s: UNIX_S + 30 * DAY_S,
        scopes: Scopes::ALL,
    };
    let certificate =
        issue_certificate(crypto, &new.root, &new.history, &hot, &terms).expect("a certificate");
    let public = PublicIdentity {
        history: new.history,
        certificate,
    };
    LocalIdentity::new(public, hot).expect("an identity")
}

/// An entry that lets a peer reach everything, and announce some of it.
pub fn allow(f: NodeAddr, accepts: Vec<Prefix>) -> AllowEntry {
    AllowEntry {
        who: Who::Address(f),
        services: Services::All,
        label: None,
        accepts,
        added_unix_s: UNIX_S,
    }
}

/// Two nodes.
pub struct Pair {
    /// The clock.
    pub now: Now,
    nodes: [Node; 2],
    wire: VecDeque<(usize, Vec<u8>)>,
}

impl Pair {
    /// Two nodes of which the first remembers `stored`, with their session up and the path
    /// searched for what passes.
    pub fn new(crypto: &Arc<dyn Crypto>, configs: [NodeConfig; 2], stored: Stored) -> Self {
        let mut remembered = [stored, Stored::default()].into_iter();
        let mut seed = 0;
        let nodes = configs.map(|config| {
            seed += 1;
            let config = NodeConfig {
                listen_port: 4_000,
                discovery: false,
                ..config
            };
            let me = identity(&**crypto, seed);
            let stored = remembered.next().unwrap_or_default();
            let seed = [seed as u8; 32];
            Node::new(config, me, stored, Arc::clone(crypto), seed, START).expect("a node")
        });
        let mut pair = Self {
            now: START,
            nodes,
            wire: VecDeque::new(),
        };
        pair.join();
        pair
    }

    fn join(&mut self) {
        let now = self.now;
        let line = self.nodes[0].invite(now, DAY_S, &[Self::at(0)]);
        self.nodes[1]
            .join(now, &line.expect("an invite"))
            .expect("a join");
        self.run(Duration::from_secs(12));
        let there = self.f(1);
        let accepts = vec!["10.0.0.0/8".parse().expect("a prefix")];
        let entry = allow(there, accepts);
        self.nodes[0].allow(now, entry).expect("an entry");
        self.run(Duration::from_secs(1));
    }

    /// Where a node is.
    pub fn at(index: usize) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1 + index as u8], 4_000))
    }

    /// The address of a node.
    pub fn f(&self, index: usize) -> NodeAddr {
        self.nodes[index].address()
    }

    /// What a node's data threads work on.
    pub fn snapshot(&self, index: usize) -> Arc<Snapshot> {
        self.nodes[index].snapshot()
    }

    /// The flows of a node.
    pub fn flows(&self, index: usize) -> Arc<group::FlowTable> {
        self.nodes[index].flows()
    }

    /// Lets time pass.
    fn run(&mut self, duration: Duration) {
        let end = self.now.mono + duration;
        loop {
            self.deliver();
            let due = self.nodes.iter().filter_map(Node::poll_timeout);
            let next = due.map(|(at, _)| at).min().unwrap_or(end);
            let next = next.clamp(self.now.mono, end);
            self.now = self.now.after(next - self.now.mono);
            if next == end {
                return;
            }
            for node in &mut self.nodes {
                node.handle_timeout(self.now);
            }
        }
    }

    fn deliver(&mut self) {
        loop {
            for from in [0, 1] {
                while let Some(output) = self.nodes[from].poll_output() {
                    if let Output::Transmit { payload, .. } = output {
                        self.wire.push_back((from, payload));
                    }
                }
            }
            let Some((from, mut bytes)) = self.wire.pop_front() else {
                return;
            };
            let path = Path::Udp(Self::at(from));
            self.nodes[1 - from].handle_datagram(self.now, path, Ecn::NotEct, &mut bytes);
        }
    }
}
