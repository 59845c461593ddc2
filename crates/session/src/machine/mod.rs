//! [`Session`]: everything between this node and one peer, across handshakes and rekeys.
//!
//! It owns the initiation under way, the keys, the control stream, pieces, roaming, pings
//! and timers. It does not own: which peer is allowed, which numbers and pins are stored,
//! which local indices are free, which datagram belongs to it. Those are the caller's, and
//! the session asks for them:
//!
//! ```text
//!  send_packet, send_message, ping, initiate
//!     └▶ InitiationWanted ─▶ begin(handshake count, index, endpoint) ─▶ Transmit (message 1)
//!  message 1 ─▶ Responder::open, Claim::verify ─▶ may_answer? store number ─▶ answer
//!  message 2 ─▶ handle_message2
//!  transport ─▶ Transport::open_in_place ─▶ handle_opened
//!  time      ─▶ handle_timeout            (also when a transport says `wake`)
//! ```
//!
//! After each call, drain [`Session::poll_output`], in order, then ask
//! [`Session::poll_timeout`].
//!
//! A session is *up* from the first handshake to [`SessionOutput::Closed`]; rekeys in between
//! keep the control stream. A handshake with another run of the peer, or after the last keys
//! expired, starts a new stream. Which of the two, the responder says in message 2: what each
//! end would find when it comes up may differ, around the end of keys or after a lost close.
//! A closed session is ready for the next handshake.
//!
//! Limits: 128 packets and 256 KiB parked, as many messages, 64 pings, and those of the
//! modules it is made of.

mod claims;
mod inbound;
mod initiating;
mod keys;
mod outbound;
mod output;
mod path_mtu;
mod paths;
mod queues;
mod timers;

pub use claims::{Answer, AnswerError};
pub use inbound::Inbound;
pub use initiating::{Begin, BeginError, FinishError};
pub use outbound::SendError;
pub use output::{Closed, SessionOutput, Up};

use crate::cookie::CookieJar;
use crate::fragment::Mac1Key;
use crate::handshake::{Ephemeral, Instance, StreamId, Terms};
use crate::piece;
use crate::roaming::Roaming;
use crate::stream::ControlStream;
use crate::transport::{Counts, Transport};
use crate::trial::Trials;
use identity::LocalIdentity;
use identity::crypto::{Crypto, HashRng};
use initiating::Attempt;
use keys::Keys;
use path_mtu::PathMtu;
use queues::{Echoes, ParkedMessages, ParkedPackets};
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use wire::{NodeAddr, Path};

/// What a session is made from.
pub struct SessionConfig {
    /// Cryptography.
    pub crypto: Arc<dyn Crypto>,
    /// This node.
    pub local: Arc<LocalIdentity>,
    /// What it says about itself.
    pub terms: Terms,
    /// The peer's F.
    pub peer: NodeAddr,
    /// 32 random bytes for this session alone.
    pub seed: [u8; 32],
}

/// Everything between this node and one peer.
pub struct Session {
    crypto: Arc<dyn Crypto>,
    rng: HashRng,
    local: Arc<LocalIdentity>,
    own: NodeAddr,
    peer: NodeAddr,
    terms: Terms,
    mac1: Mac1Key,
    keys: Keys,
    attempt: Option<Attempt>,
    /// When to initiate if the peer, whose initiation displaced ours, stays silent.
    resume_at: Option<Duration>,
    /// Keys for the next try, if they were made ahead.
    ready: Option<Ephemeral>,
    cookies: CookieJar,
    stream: ControlStream,
    pieces: piece::Reassembly,
    next_piece_id: u16,
    /// The control stream may have something to send: since when.
    stream_due: Option<Duration>,
    /// The peer may send only after a packet of this node's, which goes there: since when.
    owes_first: Option<(Path, Duration)>,
    roaming: Roaming,
    trials: Trials,
    suspicion: Option<paths::Suspicion>,
    /// The path used before, and when it was left.
    left: Option<(Path, Duration)>,
    /// When what was sent lately is sent once more.
    recent_again_at: Option<Duration>,
    /// The round trip over the path in use, when it was last tried.
    path_rtt: Option<Duration>,
    /// The longest wait between two tries of a handshake.
    retry_max: Duration,
    path_mtu: PathMtu,
    parked: ParkedPackets,
    parked_messages: ParkedMessages,
    echoes: Echoes,
    /// Who the peer was at the last handshake, while the session is up.
    up: Option<PeerRun>,
    outputs: VecDeque<SessionOutput>,
    dropped_parked: u64,
    retired_counts: Counts,
}

/// The peer as the last handshake described it.
#[derive(Clone, Copy, PartialEq, Eq)]
struct PeerRun {
    instance: Instance,
    inner_mtu: u16,
    binding: [u8; 32],
    /// That of the handshake that the control stream began with.
    stream_binding: [u8; 32],
    /// The control stream, which may be older than the last handshake.
    stream: StreamId,
}

/// Without the channel binding, which is a secret of the two ends.
impl fmt::Debug for PeerRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeerRun")
            .field("instance", &self.instance)
            .field("inner_mtu", &self.inner_mtu)
            .field("stream", &self.stream)
            .finish_non_exhaustive()
    }
}

impl Session {
    /// A session that is not up and wants nothing.
    #[must_use]
    pub fn new(config: SessionConfig) -> Self {
        let crypto = config.crypto;
        Self {
            rng: HashRng::new(config.seed),
            own: config.local.public.address(),
            local: config.local,
            peer: config.peer,
            terms: config.terms,
            mac1: Mac1Key::new(&*crypto, config.peer),
            crypto,
            keys: Keys::default(),
            attempt: None,
            resume_at: None,
            ready: None,
            cookies: CookieJar::new(),
            stream: ControlStream::new(),
            pieces: piece::Reassembly::new(),
            next_piece_id: 0,
            stream_due: None,
            owes_first: None,
            roaming: Roaming::new(None),
            trials: Trials::default(),
            suspicion: None,
            left: None,
            recent_again_at: None,
            path_rtt: None,
            retry_max: Duration::MAX,
            path_mtu: PathMtu::new(),
            parked: ParkedPackets::default(),
            parked_messages: ParkedMessages::default(),
            echoes: Echoes::default(),
            up: None,
            outputs: VecDeque::new(),
            dropped_parked: 0,
            retired_counts: Counts::default(),
        }
    }

    /// The peer's F.
    #[must_use]
    pub fn peer(&self) -> NodeAddr {
        self.peer
    }

    /// Whether a handshake is completed and its keys have not expired.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.up.is_some()
    }

    /// Whether an initiation is under way or wanted.
    #[must_use]
    pub fn is_initiating(&self) -> bool {
        self.attempt.is_some()
    }

    /// Whether nothing is under way: no keys, not even offered ones, and no call.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.up.is_none() && self.attempt.is_none() && self.keys.iter().next().is_none()
    }

    /// The keys in use.
    #[must_use]
    pub fn transport(&self) -> Option<&Arc<Transport>> {
        self.keys.current()
    }

    /// The address in use.
    #[must_use]
    pub fn endpoint(&self) -> Option<Path> {
        self.roaming.current()
    }

    /// The channel binding of the last handshake, while the session is up.
    #[must_use]
    pub fn binding(&self) -> Option<[u8; 32]> {
        self.up.map(|up| up.binding)
    }

    /// The channel binding of the handshake that the control stream began with, while the
    /// session is up. Both ends hold the same, and rekeys do not change it.
    #[must_use]
    pub fn stream_binding(&self) -> Option<[u8; 32]> {
        self.up.map(|up| up.stream_binding)
    }

    /// Calls the peer again soon while it does not answer: it is a Bridge of this node.
    pub fn retry_often(&mut self) {
        self.retry_max = crate::constants::HANDSHAKE_RETRY_BRIDGE;
    }

    /// The peer's run, while the session is up.
    #[must_use]
    pub fn peer_instance(&self) -> Option<Instance> {
        self.up.map(|up| up.instance)
    }

    /// The largest inner packet that the peer accepts, while the session is up.
    #[must_use]
    pub fn peer_inner_mtu(&self) -> Option<u16> {
        self.up.map(|up| up.inner_mtu)
    }

    /// The largest datagram known to pass to the peer, in bytes of UDP payload.
    #[must_use]
    pub fn datagram_max(&self) -> usize {
        self.path_mtu.datagram_max()
    }

    /// Packets parked for the handshake, and how many did not fit since the start.
    #[must_use]
    pub fn parked(&self) -> (usize, u64) {
        (self.parked.len(), self.dropped_parked)
    }

    /// Traffic since the session object was made, over all keys it had.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let live = self.keys.iter().map(|transport| transport.counts());
        live.fold(self.retired_counts, Counts::plus)
    }

    /// Uses another certificate or other keys from the next handshake on. Keys in use stay.
    pub fn set_local(&mut self, local: Arc<LocalIdentity>) {
        self.local = local;
    }

    /// The next output. Drain it after every call that changes the session.
    ///
    /// What the caller says in the control stream while it drains goes together: into as few datagrams
    /// as carry it, with one acknowledgement of all that came.
    pub fn poll_output(&mut self) -> Option<SessionOutput> {
        if self.outputs.is_empty()
            && let Some(now) = self.stream_due.take()
        {
            self.flush_stream(now);
        }
        if self.outputs.is_empty() {
            self.pay_first();
        }
        self.outputs.pop_front()
    }

    /// A hash of all state that only authentic messages and own actions may change: keys,
    /// windows, addresses, streams, queues. Failure counts and cookies are left out.
    #[must_use]
    pub fn state_hash(&self) -> [u8; 32] {
        let crypto = &*self.crypto;
        let mut bytes = Vec::new();
        for transport in self.keys.iter() {
            bytes.extend(transport.state_hash(crypto));
        }
        bytes.extend(self.up.iter().flat_map(|up| up.binding));
        let attempt = self
            .attempt
            .as_ref()
            .map(|a| (a.since, a.tries, a.local_index()));
        let rest = (
            attempt,
            self.resume_at,
            self.up,
            (&self.roaming, &self.trials, self.suspicion),
            self.stream.state(),
            (self.pieces.len(), self.pieces.bytes_len()),
            (self.parked.len(), self.parked.bytes_len()),
            (self.path_mtu.datagram_max(), &self.echoes),
        );
        crypto.sha256(&[&bytes, format!("{rest:?}").as_bytes()])
    }
}

#[cfg(test)]
mod tests;
