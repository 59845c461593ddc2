//! The one owner of the slow path's state, and its output queue.
//!
//! The rest of this crate is `impl Node` by direction and concern: `bridge`, `datagram`,
//! `handshake_in`, `handshake_out`, `inside`, `control`, `invites`, `join`, `rotation`,
//! `lan`, `prefixes`, `commands`, `publish`, `report`. Every state that survives a restart changes
//! through [`Node::persist`] and nowhere else.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use group::{Access, FlowTable};
use identity::crypto::{Crypto, HashRng, random};
use identity::{LocalIdentity, PublicIdentity};
use mesh::Discovery;
use session::fragment::Reassembly;
use session::limiter::Limiter;
use session::transport::Transport;
use wire::{NodeAddr, Now, StreamId};

use crate::beacon_checks::BeaconChecks;
use crate::believe::{decode_known, verify_own};
use crate::bridging::link::Link;
use crate::bridging::serving::Serving;
use crate::fast::{Doorman, Hops};
use crate::grouping::Groups;
use crate::peer::{Join, Peer, Wanted};
use crate::prepared::Prepared;
use crate::siting::Site;
use crate::stored::{Change, PinRecord, Stored};
use crate::{DropReason, Event, NewError, NodeConfig, Output, Snapshot, Wake};

/// Handshake counts reserved on disk at a time.
pub const COUNT_BLOCK: u64 = 1_024;
/// How much the persisted clock may lag behind, in seconds.
pub const TIME_HIGH_STEP_S: u64 = 600;

/// Whose a receiver index is.
#[derive(Debug)]
pub(crate) struct Index {
    pub(crate) f: NodeAddr,
    /// The keys, once there are any.
    pub(crate) transport: Option<Arc<Transport>>,
}

impl Index {
    /// For a handshake under way.
    pub(crate) const fn reserved(f: NodeAddr) -> Self {
        Self { f, transport: None }
    }

    /// With keys.
    pub(crate) const fn installed(f: NodeAddr, transport: Arc<Transport>) -> Self {
        Self {
            f,
            transport: Some(transport),
        }
    }
}

/// A node. See the crate's page.
pub struct Node {
    pub(crate) config: NodeConfig,
    pub(crate) crypto: Arc<dyn Crypto>,
    pub(crate) rng: HashRng,
    pub(crate) me: Arc<LocalIdentity>,
    pub(crate) f: NodeAddr,
    pub(crate) instance: [u8; 8],
    pub(crate) started: Duration,
    pub(crate) shutting_down: bool,
    pub(crate) stored: Stored,
    /// Verified identities of peers, decoded from `stored`.
    pub(crate) known: BTreeMap<NodeAddr, PublicIdentity>,
    pub(crate) peers: BTreeMap<NodeAddr, Peer>,
    /// Whose the receiver indices are.
    pub(crate) indices: BTreeMap<u32, Index>,
    /// Sessions by the time they want to be woken.
    pub(crate) timers: BTreeSet<(Duration, NodeAddr)>,
    /// Sessions whose output waits to be taken.
    pub(crate) touched: BTreeSet<NodeAddr>,
    pub(crate) next_count: u64,
    /// Who gets in of those that are not known yet.
    pub(crate) doorman: Arc<Doorman>,
    pub(crate) reassembly: Reassembly,
    pub(crate) limiter: Limiter,
    pub(crate) discovery: Discovery,
    pub(crate) beacon_sequence: u64,
    /// The last run and sequence of each peer's beacons.
    pub(crate) beacons_seen: BTreeMap<NodeAddr, ([u8; 8], u64)>,
    pub(crate) beacon_checks: BeaconChecks,
    pub(crate) wanted: BTreeMap<NodeAddr, Wanted>,
    /// Where a second holder of this node's keys was told of last, by itself and by a peer.
    pub(crate) own_clone: Option<([u8; 8], SocketAddr)>,
    pub(crate) own_clone_notice: Option<(SocketAddr, SocketAddr)>,
    pub(crate) local_endpoints: Vec<SocketAddr>,
    pub(crate) joins: BTreeMap<NodeAddr, Join>,
    /// What is ready before it is needed.
    pub(crate) prepared: Prepared,
    /// The groups of this node.
    pub(crate) groups: Groups,
    /// Flows between ordinary addresses.
    pub(crate) site: Site,
    /// The Bridges of this node.
    pub(crate) links: BTreeMap<NodeAddr, Link>,
    /// What it keeps as a Bridge, if it is one.
    pub(crate) serving: Option<Serving>,
    /// Channels of this node, and legs of a Bridge.
    pub(crate) hops: Hops,
    /// The other ends of the streams.
    pub(crate) streams: BTreeMap<StreamId, SocketAddr>,
    /// Peers being called because this node's identity changed, and those still to be.
    pub(crate) announce: BTreeSet<NodeAddr>,
    pub(crate) to_announce: BTreeSet<NodeAddr>,
    /// They are a Bridge's clients, which call by themselves if they are not reached.
    pub(crate) announce_briefly: bool,
    /// When to look at this node's certificate next: Unix seconds, and on the monotonic clock.
    pub(crate) certificate_look: Option<u64>,
    pub(crate) certificate_timer: Option<Duration>,
    /// The second in which local programs were last told of unreachable peers; how often.
    pub(crate) unreachable_said: (u64, u32),
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) snapshot_stale: bool,
    pub(crate) flows: Arc<FlowTable>,
    pub(crate) dropped: BTreeMap<DropReason, u64>,
    outputs: VecDeque<Output>,
}

impl Node {
    /// A node with this identity that remembers `stored`. `seed` is 32 bytes of entropy.
    ///
    /// # Errors
    /// The identity does not verify or is older than what was used before.
    pub fn new(
        config: NodeConfig,
        me: LocalIdentity,
        stored: Stored,
        crypto: Arc<dyn Crypto>,
        seed: [u8; 32],
        now: Now,
    ) -> Result<Self, NewError> {
        let config = config.bounded();
        let f = me.public.address();
        let pin = verify_own(&*crypto, &me, &stored, now).map_err(NewError::Identity)?;
        let mut known = decode_known(&*crypto, &stored);
        known.remove(&f);
        let mut rng = HashRng::new(seed);
        let instance = random(&mut rng);
        let hops = Hops::new(Arc::clone(&crypto));
        let doorman = Arc::new(Doorman::new(Arc::clone(&crypto), &mut rng, f));
        let mut node = Self {
            next_count: stored.handshake_count_end,
            beacon_sequence: now.unix_s << 20,
            snapshot: Arc::new(Snapshot::empty(&me, hops.clone(), Arc::clone(&doorman))),
            doorman,
            links: BTreeMap::new(),
            serving: None,
            hops,
            streams: BTreeMap::new(),
            snapshot_stale: true,
            started: now.mono,
            shutting_down: false,
            peers: BTreeMap::new(),
            indices: BTreeMap::new(),
            beacons_seen: BTreeMap::new(),
            beacon_checks: BeaconChecks::default(),
            wanted: BTreeMap::new(),
            own_clone: None,
            own_clone_notice: None,
            to_announce: BTreeSet::new(),
            announce_briefly: false,
            timers: BTreeSet::new(),
            touched: BTreeSet::new(),
            reassembly: Reassembly::new(),
            limiter: Limiter::new(),
            discovery: Discovery::default(),
            local_endpoints: Vec::new(),
            joins: BTreeMap::new(),
            prepared: Prepared::default(),
            groups: Groups::new(f),
            site: Site {
                secret: random(&mut rng),
                ..Site::default()
            },
            announce: BTreeSet::new(),
            certificate_look: Some(Self::first_look(me.public.certificate.not_after_unix_s)),
            certificate_timer: None,
            unreachable_said: (0, 0),
            flows: Arc::new(FlowTable::default()),
            dropped: BTreeMap::new(),
            outputs: VecDeque::new(),
            config,
            crypto,
            rng,
            me: Arc::new(me),
            f,
            instance,
            stored,
            known,
        };
        node.remember_own(pin);
        if node.config.discovery && node.config.listen_port != 0 {
            node.discovery.start(now.mono);
        }
        node.start_links(now);
        node.links_due(now);
        if node.stored.bridging.serving {
            node.start_serving(now);
        }
        node.start_groups(now);
        node.prepare_all(now);
        node.agents_due(now);
        node.settle(now);
        Ok(node)
    }

    /// The address F of this node.
    #[must_use]
    pub const fn address(&self) -> NodeAddr {
        self.f
    }

    /// The table of flows that this end started, for the data threads.
    #[must_use]
    pub fn flows(&self) -> Arc<FlowTable> {
        Arc::clone(&self.flows)
    }

    /// What is published now.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot)
    }

    /// The next thing to do. Call until `None` after every `handle_*` and command.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call [`Self::handle_timeout`] at the latest (monotonic), and why.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Duration, Wake)> {
        let session = self.timers.first().map(|(at, _)| (*at, Wake::Session));
        let beacon = self.discovery.poll_timeout().map(|at| (at, Wake::Beacon));
        let wanted = self.wanted_timeout().map(|at| (at, Wake::Wanted));
        let invite = self.join_timeout().map(|at| (at, Wake::Invite));
        let certificate = self.certificate_timer.map(|at| (at, Wake::Certificate));
        let bridge = [self.links_timeout(), self.applicants_timeout()];
        let bridge = bridge
            .into_iter()
            .flatten()
            .min()
            .map(|at| (at, Wake::Bridge));
        let group = self.groups_timeout().into_iter().chain(self.site_timeout());
        let group = group.chain(self.prepare_timeout());
        let group = group.min().map(|at| (at, Wake::Group));
        [session, beacon, wanted, invite, certificate, bridge, group]
            .into_iter()
            .flatten()
            .min()
    }

    /// Something may be due.
    pub fn handle_timeout(&mut self, now: Now) {
        self.expire_joins(now);
        self.expire_wanted(now);
        self.expire_applicants(now);
        self.links_due(now);
        self.groups_due(now);
        self.site_due(now);
        self.prepare_if_due(now);
        self.expire_sessions(now);
        self.beacon_if_due(now);
        self.settle(now);
    }

    /// Queues an output.
    pub(crate) fn output(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    /// Queues an event.
    pub(crate) fn event(&mut self, event: Event) {
        self.output(Output::Event(event));
    }

    /// Changes what is remembered, and has it written down before anything queued later.
    pub(crate) fn persist(&mut self, change: Change) {
        self.stored.apply(&change);
        self.output(Output::Persist(change));
    }

    /// Counts something dropped.
    pub(crate) fn drop_for(&mut self, reason: DropReason) {
        let count = self.dropped.entry(reason).or_default();
        *count = count.saturating_add(1);
    }

    /// A handshake count never used before, on disk before its message leaves.
    pub(crate) fn take_count(&mut self) -> u64 {
        if self.next_count >= self.stored.handshake_count_end {
            let end = self.next_count.saturating_add(COUNT_BLOCK);
            self.persist(Change::HandshakeCountReserved { end });
        }
        let count = self.next_count;
        self.next_count = self.next_count.saturating_add(1);
        count
    }

    /// Keeps the persisted clock from lagging more than [`TIME_HIGH_STEP_S`]. Called when
    /// something else is being written or a handshake runs, never by a timer of its own.
    pub(crate) fn keep_time(&mut self, now: Now) {
        let due = self
            .stored
            .time_high_unix_s
            .saturating_add(TIME_HIGH_STEP_S);
        if now.unix_s >= due {
            self.persist(Change::TimeHigh { unix_s: now.unix_s });
        }
    }

    /// What the rules say about a peer, by all that is known of it; of one being joined that
    /// is what its invite says.
    pub(crate) fn access(&self, f: NodeAddr) -> Access<'_> {
        let known = self.identity_of(f);
        let inception = known.map(|identity| identity.history.inception().root_key);
        let pinned = self.pin(f).map(|pin| pin.0.root_key);
        let current = pinned.or_else(|| known.map(|identity| *identity.history.root_key()));
        self.stored.rules.access(f, inception, current)
    }

    /// Only whom strangers are told of asks them for cookies: a Bridge, and a management server.
    pub(crate) fn guard_the_door(&self) {
        let is_public = self.serving.is_some() || self.groups.managing.is_some();
        self.doorman.serve(is_public);
    }

    /// What is pinned of a peer.
    pub(crate) fn pin(&self, f: NodeAddr) -> Option<PinRecord> {
        self.stored.peers.get(&f)?.pin
    }

    /// The identity of this node as peers may see it.
    #[must_use]
    pub fn identity(&self) -> &PublicIdentity {
        &self.me.public
    }

    /// A receiver index that is random, not zero and not in use.
    pub(crate) fn take_index(&mut self) -> u32 {
        loop {
            let index = u32::from_be_bytes(random(&mut self.rng));
            if index != 0 && !self.indices.contains_key(&index) {
                return index;
            }
        }
    }
}
