//! The timers of silence: a keepalive after data without a send, a new handshake after data
//! without a receipt.
//!
//! Data threads note packets here without waiting for anybody. The slow path asks for the
//! deadline and sleeps until then. `watched` says until when; whoever starts a timer that ends
//! before is told to wake it, once. (A keepalive may be due before the dead peer that the slow
//! path sleeps for: data went out, the answer came, and now this end is silent.)
//!
//! The way to the slow path may lose what it is told. Then `watched` passes and nobody comes: a
//! packet a second later says it again.

use crate::constants::{DEAD_PEER, KEEPALIVE, PATH_SILENT};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

/// What is due next on a transport, apart from its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Due {
    /// An empty packet.
    Keepalive,
    /// A look at the path, because the peer has not answered yet.
    SilentPath,
    /// A new handshake, because the peer does not answer.
    DeadPeer,
}

/// What a plaintext means for the timers of silence.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Nature {
    /// Tells the peer that this node is there, and expects nothing.
    Keepalive,
    /// The same, and silence after it means that the peer is gone.
    Data,
    /// Path challenges and probes: they may well be lost while both ends are there, so they
    /// neither answer anything nor expect an answer.
    Probing,
}

impl Nature {
    pub(super) fn of(plaintext: &[u8]) -> Self {
        const CONTROL: u8 = 4;
        match plaintext {
            [] => Self::Keepalive,
            [CONTROL, 2 | 4, ..] => Self::Probing,
            _ => Self::Data,
        }
    }
}

/// The state of one transport.
#[derive(Debug)]
pub(super) struct Silence {
    /// The deadline that the slow path waits for, as a stamp; `UNWATCHED` if for none.
    watched: AtomicU64,
    /// When data was first received since the last send: nanoseconds + 1, or 0.
    unanswered_rx: AtomicU64,
    /// When data was first sent since the last receipt: nanoseconds + 1, or 0.
    unanswered_tx: AtomicU64,
    /// Whether a silent path is looked at: 0 no, 1 yes, 2 it was in this silence.
    closely: AtomicU8,
}

const NOT: u8 = 0;
const CLOSELY: u8 = 1;
const LOOKED: u8 = 2;

const UNWATCHED: u64 = u64::MAX;
/// A deadline that passed this long ago was lost on the way to the slow path.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(1);

impl Default for Silence {
    fn default() -> Self {
        Self {
            watched: AtomicU64::new(UNWATCHED),
            unanswered_rx: AtomicU64::new(0),
            unanswered_tx: AtomicU64::new(0),
            closely: AtomicU8::new(NOT),
        }
    }
}

impl Silence {
    /// Notes a send; whether the slow path must be woken.
    pub(super) fn sent(&self, now: Duration, nature: Nature) -> bool {
        if nature != Nature::Probing {
            clear(&self.unanswered_rx);
        }
        let patience = match self.closely.load(Ordering::Relaxed) {
            CLOSELY => PATH_SILENT,
            _ => DEAD_PEER,
        };
        let started = nature == Nature::Data && self.start(&self.unanswered_tx, now, patience);
        started || self.is_forgotten(now)
    }

    /// Notes a receipt; whether the slow path must be woken.
    pub(super) fn received(&self, now: Duration, data: bool) -> bool {
        clear(&self.unanswered_tx);
        if self.closely.load(Ordering::Relaxed) == LOOKED {
            self.closely.store(CLOSELY, Ordering::SeqCst);
        }
        let started = data && self.start(&self.unanswered_rx, now, KEEPALIVE);
        started || self.is_forgotten(now)
    }

    /// See [`super::Transport::deadline`].
    pub(super) fn deadline(&self) -> Option<(Duration, Due)> {
        self.watched.store(UNWATCHED, Ordering::SeqCst);
        let keepalive = moment(self.unanswered_rx.load(Ordering::SeqCst))
            .map(|at| (at.saturating_add(KEEPALIVE), Due::Keepalive));
        let patience = match self.closely.load(Ordering::SeqCst) {
            CLOSELY => (PATH_SILENT, Due::SilentPath),
            _ => (DEAD_PEER, Due::DeadPeer),
        };
        let dead = moment(self.unanswered_tx.load(Ordering::SeqCst))
            .map(|at| (at.saturating_add(patience.0), patience.1));
        let next = keepalive.into_iter().chain(dead).min();
        if let Some((at, _)) = next {
            self.watched.fetch_min(stamp(at), Ordering::SeqCst);
        }
        next
    }

    /// Forgets that data was sent without an answer.
    pub(super) fn dead_peer_handled(&self) {
        self.unanswered_tx.store(0, Ordering::SeqCst);
    }

    /// Whether silence shall be noticed soon ([`Due::SilentPath`]).
    pub(super) fn watch_closely(&self, closely: bool) {
        let wanted = if closely { CLOSELY } else { NOT };
        let is = self.closely.load(Ordering::SeqCst);
        if (is == NOT) == closely {
            self.closely.store(wanted, Ordering::SeqCst);
        }
    }

    /// Whether it is, whether or not it was in this silence.
    pub(super) fn is_watched_closely(&self) -> bool {
        self.closely.load(Ordering::Relaxed) != NOT
    }

    /// A silent path was looked at; not again before something comes.
    pub(super) fn silent_path_handled(&self) {
        let _ = self
            .closely
            .compare_exchange(CLOSELY, LOOKED, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// The timers, for a state hash.
    pub(super) fn state(&self) -> [u64; 2] {
        [&self.unanswered_rx, &self.unanswered_tx].map(|timer| timer.load(Ordering::SeqCst))
    }

    /// Nobody came at the deadline watched; `true` for one packet each second.
    fn is_forgotten(&self, now: Duration) -> bool {
        let watched = self.watched.load(Ordering::Relaxed);
        let late = moment(watched).is_some_and(|at| at.saturating_add(FORGOTTEN_AFTER) <= now);
        late && self
            .watched
            .compare_exchange(watched, stamp(now), Ordering::SeqCst, Ordering::Relaxed)
            .is_ok()
    }

    /// Starts a timer unless it runs; `true` if nobody wakes before it ends.
    fn start(&self, timer: &AtomicU64, now: Duration, ends_after: Duration) -> bool {
        timer.load(Ordering::Relaxed) == 0
            && timer
                .compare_exchange(0, stamp(now), Ordering::SeqCst, Ordering::SeqCst)
                .is_ok()
            && {
                let ends = stamp(now.saturating_add(ends_after));
                self.watched.fetch_min(ends, Ordering::SeqCst) > ends
            }
    }
}

/// Reads before it writes, so that the threads of a busy session do not fight for the line.
fn clear(timer: &AtomicU64) {
    if timer.load(Ordering::Relaxed) != 0 {
        timer.store(0, Ordering::SeqCst);
    }
}

/// A moment as a number that is not 0.
pub(super) fn stamp(now: Duration) -> u64 {
    u64::try_from(now.as_nanos()).map_or(u64::MAX, |ns| ns.saturating_add(1))
}

/// The moment of such a number.
pub(super) fn moment(stamp: u64) -> Option<Duration> {
    stamp.checked_sub(1).map(Duration::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keepalive_due_before_the_watched_dead_peer_wakes() {
        let (silence, t) = (Silence::default(), Duration::from_millis);
        assert!(silence.sent(t(0), Nature::Data));
        assert_eq!(silence.deadline(), Some((t(15_000), Due::DeadPeer)));
        // The answer comes; nothing more is said. The slow path must not sleep until 15 s.
        assert!(silence.received(t(20), true));
        assert!(!silence.received(t(30), true), "once");
        assert_eq!(silence.deadline(), Some((t(10_020), Due::Keepalive)));
        // A timer that ends after the one waited for is found at that one's end.
        assert!(!silence.sent(t(40), Nature::Data));
    }

    #[test]
    fn a_wake_that_was_lost_is_said_again_after_its_deadline() {
        let (silence, t) = (Silence::default(), Duration::from_millis);
        assert!(silence.sent(t(0), Nature::Data));
        // Nobody hears it: `deadline` is not called.
        assert!(!silence.sent(t(15_999), Nature::Data));
        assert!(silence.sent(t(16_000), Nature::Data));
        assert!(!silence.sent(t(16_999), Nature::Data), "once a second");
        assert!(silence.sent(t(17_000), Nature::Data));
        assert_eq!(silence.deadline(), Some((t(15_000), Due::DeadPeer)));
        silence.dead_peer_handled();
        assert_eq!(silence.deadline(), None);
        assert!(!silence.sent(t(60_000), Nature::Probing));
    }
}
