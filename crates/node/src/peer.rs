//! What the slow path keeps about one peer while it runs.

use std::collections::VecDeque;
use std::time::Duration;

use identity::PublicIdentity;
use mesh::Candidates;
use session::Session;
use wire::StreamId;
use wire::invite::SECRET_LEN;

use crate::clones::Instances;
use crate::grouping::Proven;

/// One peer. Exists for peers that were talked to, called or heard since the start, so the
/// table is bounded by the allowlist and the joins under way.
#[derive(Default)]
pub(crate) struct Peer {
    pub(crate) session: Option<Session>,
    pub(crate) candidates: Candidates,
    pub(crate) instances: Instances,
    /// When it came up without a gap since.
    pub(crate) up_since: Option<Duration>,
    /// Channel bindings, the present one first; at most two.
    pub(crate) bindings: Vec<[u8; 32]>,
    /// Tries of the handshake under way.
    pub(crate) tries: u32,
    /// A channel that has just opened: the next try goes over it.
    pub(crate) new_channel: Option<u32>,
    /// The stream that it opened and its session used last; it is kept for no other.
    pub(crate) stream: Option<StreamId>,
    /// When a beacon of it last started a handshake.
    pub(crate) called: Option<Duration>,
    pub(crate) rtt: Option<Duration>,
    pub(crate) software_version: Option<String>,
    pub(crate) host_label: Option<String>,
    /// The second in which it last changed what it announces; how often.
    pub(crate) prefixes_changed: (u64, u32),
    /// What its last handshake proved of groups.
    pub(crate) proven: Proven,
    /// The wake-up noted in `Node::timers`.
    pub(crate) timer: Option<Duration>,
}

impl Peer {
    /// Whether a session stands, both directions proven.
    pub(crate) fn is_up(&self) -> bool {
        self.session.as_ref().is_some_and(Session::is_up)
    }

    /// Whether a handshake of this node is under way.
    pub(crate) fn is_initiating(&self) -> bool {
        self.session.as_ref().is_some_and(Session::is_initiating)
    }
}

/// A join under way.
pub(crate) struct Join {
    pub(crate) identity: PublicIdentity,
    pub(crate) secret: [u8; SECRET_LEN],
    pub(crate) expires_unix_s: u64,
    /// When that is on the monotonic clock.
    pub(crate) expires: Duration,
}

/// An allowed peer without known identity, while it is looked for.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) until: Duration,
    pub(crate) packets: VecDeque<Vec<u8>>,
    pub(crate) pings: Vec<u32>,
}
