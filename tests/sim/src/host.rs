//! One simulated machine: keys, what it stored, its clock, and a node while it is up.

use std::sync::Arc;
use std::time::Duration;

use group::FlowTable;
use identity::crypto::{Crypto, HashRng};
use identity::{
    HotKeys, Inception, KeyHistory, LocalIdentity, NextRootSecret, PublicIdentity, RootSecret,
    Rotated, Scopes, Terms, VALIDITY_DEFAULT_S, issue_certificate, next_counter, rotate,
};
use node::{Node, NodeConfig, Snapshot, Stored};
use wire::NodeAddr;
use wire::time::Now;

/// A machine.
pub struct Host {
    /// Its address.
    pub f: NodeAddr,
    /// The node, while it runs.
    pub node: Option<Node>,
    /// What it persisted.
    pub stored: Stored,
    /// What the data threads would use.
    pub snapshot: Option<Arc<Snapshot>>,
    /// The data threads' flow table.
    pub flows: Arc<FlowTable>,
    /// How far its clock is off, seconds.
    pub skew_s: i64,
    /// Whether it takes streams.
    pub listens: bool,
    /// Which run of its node this is.
    pub run: u64,
    local: LocalIdentity,
    history: KeyHistory,
    next_root: NextRootSecret,
    counter: u64,
    wake: Option<Duration>,
    generation: u64,
    woken: (Duration, u32),
    woken_in_second: (u64, u32),
}

fn certify(
    crypto: &dyn Crypto,
    root: &RootSecret,
    history: &KeyHistory,
    hot: HotKeys,
    counter: u64,
    unix_s: u64,
) -> LocalIdentity {
    let terms = Terms {
        counter,
        not_before_unix_s: unix_s - 86_400,
        not_after_unix_s: unix_s + VALIDITY_DEFAULT_S,
        scopes: Scopes::ALL,
    };
    let certificate =
        issue_certificate(crypto, root, history, &hot, &terms).expect("the root in force");
    let public = PublicIdentity {
        history: history.clone(),
        certificate,
    };
    LocalIdentity::new(public, hot).expect("keys of the certificate")
}

impl Host {
    /// A machine with fresh keys.
    pub fn new(crypto: &dyn Crypto, seed: [u8; 32], skew_s: i64, unix_s: u64) -> Self {
        let mut rng = HashRng::new(seed);
        let made = Inception::create(crypto, &mut rng, None).expect("a salt");
        let hot = HotKeys::generate(crypto, &mut rng);
        let local = certify(crypto, &made.root, &made.history, hot, 1, unix_s);
        Self {
            f: made.history.address(),
            node: None,
            stored: Stored::default(),
            snapshot: None,
            flows: Arc::default(),
            skew_s,
            listens: false,
            run: 0,
            local,
            history: made.history,
            next_root: made.next,
            counter: 1,
            wake: None,
            generation: 0,
            woken: (Duration::ZERO, 0),
            woken_in_second: (0, 0),
        }
    }

    /// Both clocks of this machine; like the shell, it never goes below what it stored.
    pub fn clock(&self, mono: Duration, start_unix_s: u64) -> Now {
        let unix = (start_unix_s + mono.as_secs()).saturating_add_signed(self.skew_s);
        Now {
            mono,
            unix_s: unix.max(self.stored.time_high_unix_s),
        }
    }

    /// Starts the node from what was stored.
    pub fn start(&mut self, crypto: Arc<dyn Crypto>, seed: [u8; 32], now: Now) {
        let config = NodeConfig {
            listen_port: crate::net::PORT,
            ..NodeConfig::default()
        };
        let stored = self.stored.clone();
        let node = Node::new(config, self.local.clone(), stored, crypto, seed, now);
        let node = node.expect("a node with its own identity");
        self.flows = node.flows();
        self.node = Some(node);
        self.wake = None;
    }

    /// Stops it without warning.
    pub fn kill(&mut self) {
        self.node = None;
        self.snapshot = None;
        self.flows = Arc::default();
        self.wake = None;
        self.generation += 1;
        self.run += 1;
        self.listens = false;
    }

    /// Rotates the root key; gives the identity to install.
    pub fn rotate(&mut self, crypto: &dyn Crypto, seed: [u8; 32], unix_s: u64) -> LocalIdentity {
        let mut rng = HashRng::new(seed);
        let Rotated {
            history,
            root,
            next,
        } = rotate(crypto, &mut rng, &self.history, self.next_root.clone())
            .expect("the committed root");
        self.counter = next_counter(self.counter, unix_s);
        let hot = self.local.hot.clone();
        self.local = certify(crypto, &root, &history, hot, self.counter, unix_s);
        self.history = history;
        self.next_root = next;
        self.local.clone()
    }

    /// When the node wants to be woken next, if that changed.
    pub fn next_wake(&mut self, now: Duration) -> Option<(Duration, u64)> {
        let wanted = self
            .node
            .as_ref()?
            .poll_timeout()
            .map(|(at, _)| at.max(now));
        if wanted == self.wake {
            return None;
        }
        self.wake = wanted;
        self.generation += 1;
        wanted.map(|at| (at, self.generation))
    }

    /// Whether a scheduled wake-up is still wanted; if so it is used up.
    pub fn wake_is_current(&mut self, generation: u64) -> bool {
        let current = generation == self.generation && self.node.is_some();
        if current {
            self.wake = None;
        }
        current
    }

    /// Counts wake-ups: at this instant, and in this second.
    pub fn count_wake(&mut self, now: Duration) -> (u32, u32) {
        if self.woken_in_second.0 != now.as_secs() {
            self.woken_in_second = (now.as_secs(), 0);
        }
        self.woken_in_second.1 += 1;
        if self.woken.0 != now {
            self.woken = (now, 0);
        }
        self.woken.1 += 1;
        (self.woken.1, self.woken_in_second.1)
    }
}
