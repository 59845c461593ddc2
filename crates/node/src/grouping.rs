//! What a node keeps about groups while it runs. What is done with it: `groups`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use group::epochs::EpochName;
use group::keyring::{Keyring, Reach};
use group::partner::Come;
use group::statement::{Admission, GroupId, Lease};
use wire::NodeAddr;
use wire::invite::SECRET_LEN;
use wire::ip::Ecn;

/// The groups of a node, the servers that it is in touch with, and being one.
pub(crate) struct Groups {
    pub(crate) keyring: Keyring,
    /// The servers of its groups, and those that it enrols at.
    pub(crate) agents: BTreeMap<NodeAddr, Agent>,
    /// What it keeps as a server, if it is one.
    pub(crate) managing: Option<Managing>,
    /// Peers that proved a group and may still show their membership, until when.
    pub(crate) proving: BTreeMap<NodeAddr, Duration>,
    /// Groups with epochs whose secrets are not here: when to ask for them, and whose turn it is.
    pub(crate) lacking: BTreeMap<GroupId, (Duration, usize)>,
    /// The epochs that this node can prove now, and how often they have changed.
    pub(crate) provable: Vec<(GroupId, EpochName)>,
    pub(crate) provable_rev: u64,
    /// When proofs or memberships change next by themselves, on the monotonic clock.
    pub(crate) changes_at: Option<Duration>,
    /// Signing in.
    pub(crate) signing: Signing,
}

impl Groups {
    pub(crate) fn new(me: NodeAddr) -> Self {
        Self {
            keyring: Keyring::new(me),
            agents: BTreeMap::new(),
            managing: None,
            proving: BTreeMap::new(),
            lacking: BTreeMap::new(),
            provable: Vec::new(),
            provable_rev: 0,
            changes_at: None,
            signing: Signing::default(),
        }
    }
}

/// What a node keeps about signing in while it runs.
#[derive(Debug, Default)]
pub(crate) struct Signing {
    /// The number of the last request.
    pub(crate) last: u32,
    /// Groups where somebody is signed in, and whether it was said that it ends.
    pub(crate) running: BTreeMap<GroupId, bool>,
    /// When one of them changes.
    pub(crate) due: Option<Duration>,
    /// When a sign-out is said again.
    pub(crate) again: Option<Duration>,
    /// A server asks for no sign-in any more.
    pub(crate) is_to_forget: bool,
}

/// One server, as this node sees it.
#[derive(Debug, Default)]
pub(crate) struct Agent {
    /// Where it may be.
    pub(crate) endpoints: Vec<SocketAddr>,
    /// The line that is to be used there.
    pub(crate) enrolling: Option<Enrolling>,
    /// When to call it.
    pub(crate) next_call: Option<Duration>,
    /// When to ask whether it is still there.
    pub(crate) next_probe: Option<Duration>,
    /// Until when the ping that is out may be answered.
    pub(crate) probing: Option<Duration>,
    /// When to say again what it has not answered.
    pub(crate) answer_by: Option<Duration>,
    /// When to ask for new leases.
    pub(crate) renew_at: Option<Duration>,
    /// When to say how far this node is in the chains of the group's other servers.
    pub(crate) heads_at: Option<Duration>,
    /// Calls since it last answered.
    pub(crate) calls: u32,
    /// It did not answer a ping, and has said nothing since.
    pub(crate) is_doubtful: bool,
    /// It is another instance of a server that this node is in touch with: when its place, which is
    /// asked for now and then, was last told.
    pub(crate) placed: Option<Duration>,
}

impl Agent {
    /// When something is due for it.
    pub(crate) fn timeout(&self) -> Option<Duration> {
        let enrolling = self.enrolling.as_ref().map(|it| it.expires);
        let timers = [
            self.next_call,
            self.next_probe,
            self.probing,
            self.answer_by,
            self.renew_at,
            self.heads_at,
            enrolling,
        ];
        timers.into_iter().flatten().min()
    }
}

/// A line of a server that is being used.
pub(crate) struct Enrolling {
    pub(crate) secret: [u8; SECRET_LEN],
    pub(crate) gate: [u8; SECRET_LEN],
    /// What this node would be called.
    pub(crate) name: Option<String>,
    /// The locked group that the line is of, if it is of one.
    pub(crate) group: Option<GroupId>,
    /// What the key in the line has signed of this node.
    pub(crate) admission: Option<Box<Admission>>,
    /// This node is a server and comes as one: what it says.
    pub(crate) partner: Option<Box<Come>>,
    /// When the line runs out, on the monotonic clock.
    pub(crate) expires: Duration,
}

/// Without the secrets.
impl std::fmt::Debug for Enrolling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Enrolling")
            .field("name", &self.name)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

/// What a server keeps while it runs: who may come. The rest is the domain's (`control`).
#[derive(Debug, Default)]
pub(crate) struct Managing {
    /// The nodes of all members.
    pub(crate) members: BTreeSet<NodeAddr>,
    /// The other servers of its groups, and their keys.
    pub(crate) partners: BTreeMap<NodeAddr, [u8; 32]>,
    /// Nodes that proved the gate and may say by which invite they come, until when.
    pub(crate) newcomers: BTreeMap<NodeAddr, Duration>,
    /// Nodes that are members no more and are still told so, until when.
    pub(crate) leavers: BTreeMap<NodeAddr, Duration>,
}

/// What the last handshake with a peer proved of groups.
#[derive(Debug, Default)]
pub(crate) struct Proven {
    /// Groups of which both ends hold a secret in force.
    pub(crate) groups: BTreeSet<GroupId>,
    /// Groups where one of the two is behind: it may be told what it missed, and nothing else.
    pub(crate) behind: BTreeSet<GroupId>,
    /// The membership that it showed and that did not hold, if another statement about the servers may
    /// change that.
    pub(crate) refused: Option<Box<(Admission, Lease)>>,
    /// Its membership was seen, in one of [`Self::groups`]: packets pass, as far as the groups' rules let them.
    pub(crate) reach: Option<Reach>,
    /// What this node could prove when it last called for it ([`Groups::provable_rev`]).
    pub(crate) called_rev: u64,
    /// Packets that came before it, in order, with the ECN field of the outer header.
    pub(crate) held: VecDeque<(Ecn, Vec<u8>)>,
}

impl Proven {
    /// Whether anything was proven at all.
    pub(crate) fn is_some(&self) -> bool {
        !self.groups.is_empty() || !self.behind.is_empty()
    }
}
