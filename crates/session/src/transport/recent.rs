//! What was sent in the last two seconds, kept so that a path that breaks without a word loses
//! nothing (specification, section 4.1).
//!
//! When the session leaves a path that was silent, what is kept goes out once more on the next, as
//! it is: the same counters, so what did arrive is dropped by the peer's replay window. A path may
//! break in one direction first, so hearing the peer does not mean that it hears this end. Only
//! sealed datagrams are kept, and only while silence is watched closely.
//!
//! This is for thin traffic: calls, terminals, games, the first packets of anything. A flow that
//! fills the bounds is let go for a while; its ends repeat what is lost. But they wait longer with
//! each repetition (RFC 6298, 5.5), so what they say into the silence of a broken path is kept,
//! as far as the bounds allow: once it arrives, the flow goes on at once.
//!
//! | limit | value |
//! |---|---|
//! | datagrams | [`COUNT_MAX`] |
//! | bytes | [`BYTES_MAX`] |
//! | age | [`LIFE`], more than noticing at both ends takes |
//! | nothing kept after too much came | [`LET_GO`], or until the path has been silent for [`QUIET`] |

use super::silence::{moment, stamp};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const COUNT_MAX: usize = 512;
const BYTES_MAX: usize = 64 * 1024;
const LIFE: Duration = Duration::from_secs(2);
const LET_GO: Duration = Duration::from_secs(10);
/// A thick flow whose peer has said nothing for this long may be sending into the void.
const QUIET: Duration = Duration::from_millis(100);

#[derive(Debug, Default)]
struct Kept {
    datagrams: VecDeque<(Duration, Box<[u8]>)>,
    bytes: usize,
}

/// Datagrams that may be lost.
#[derive(Debug, Default)]
pub(super) struct Recent {
    kept: Mutex<Kept>,
    /// When too much came, as a stamp; 0 if it never did.
    let_go_at: AtomicU64,
}

impl Recent {
    /// Keeps a datagram that leaves now on a path on which something was heard last at `heard`.
    pub(super) fn keep(&self, now: Duration, heard: Option<Duration>, datagram: &[u8]) {
        let silent_since = heard.unwrap_or(now).saturating_add(QUIET);
        if self.lets_go(now, silent_since) {
            return;
        }
        let mut kept = self.lock();
        kept.forget_until(now.saturating_sub(LIFE));
        let full = kept.datagrams.len() == COUNT_MAX || kept.bytes + datagram.len() > BYTES_MAX;
        if !full {
            kept.bytes += datagram.len();
            kept.datagrams.push_back((now, datagram.into()));
            return;
        }
        if now < silent_since {
            *kept = Kept::default();
        }
        self.let_go_at.store(stamp(now), Ordering::Relaxed);
    }

    /// Whether too much came lately, and the path is not silent, or it came into this silence.
    fn lets_go(&self, now: Duration, silent_since: Duration) -> bool {
        moment(self.let_go_at.load(Ordering::Relaxed)).is_some_and(|at| {
            now < at.saturating_add(LET_GO) && (now < silent_since || silent_since <= at)
        })
    }

    /// What may be lost, in the order in which it was sent; it is kept no longer.
    pub(super) fn take(&self, now: Duration) -> impl Iterator<Item = Box<[u8]>> {
        let mut kept = std::mem::take(&mut *self.lock());
        kept.forget_until(now.saturating_sub(LIFE));
        kept.datagrams.into_iter().map(|(_, datagram)| datagram)
    }

    /// Forgets what is too old, and the room for it: an idle session holds nothing.
    pub(super) fn forget_old(&self, now: Duration) {
        let mut kept = self.lock();
        kept.forget_until(now.saturating_sub(LIFE));
        if kept.datagrams.is_empty() {
            kept.datagrams = VecDeque::new();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// Forgets what was sent before `at`.
    fn forget_until(&mut self, at: Duration) {
        while let Some((sent, datagram)) = self.datagrams.front()
            && *sent < at
        {
            self.bytes -= datagram.len();
            self.datagrams.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t(ms: u64) -> Duration {
        Duration::from_secs(60) + Duration::from_millis(ms)
    }

    fn taken(recent: &Recent, now: Duration) -> Vec<u8> {
        recent.take(now).map(|datagram| datagram[0]).collect()
    }

    #[test]
    fn what_was_sent_lately_is_kept_in_order_and_taken_once() {
        let recent = Recent::default();
        for n in 0..60 {
            recent.keep(t(u64::from(n) * 10), None, &[n; 100]);
        }
        assert_eq!(taken(&recent, t(2_200)), (20..60).collect::<Vec<_>>());
        assert_eq!(taken(&recent, t(2_200)), [], "once");
        recent.keep(t(3_000), None, &[1; 100]);
        recent.keep(t(4_000), None, &[2; 100]);
        recent.forget_old(t(5_500));
        assert_eq!(recent.lock().bytes, 100);
        recent.forget_old(t(10_000));
        assert_eq!(recent.lock().datagrams.capacity(), 0);
    }

    #[test]
    fn a_thick_flow_is_let_go_and_kept_again_when_it_is_thin() {
        for (datagram_len, fit) in [(1_400, BYTES_MAX / 1_400), (64, COUNT_MAX)] {
            let recent = Recent::default();
            let datagram = vec![9; datagram_len];
            let keep = |now| recent.keep(now, Some(now), &datagram);
            (0..fit).for_each(|_| keep(t(0)));
            assert_eq!(recent.take(t(0)).count(), fit);
            (0..=fit).for_each(|_| keep(t(0)));
            assert_eq!(recent.take(t(0)).count(), 0);
            keep(t(9_999));
            assert_eq!(recent.take(t(9_999)).count(), 0);
            keep(t(10_000));
            assert_eq!(recent.take(t(10_000)).count(), 1);
        }
    }

    #[test]
    fn what_a_thick_flow_says_into_silence_is_kept_up_to_the_bounds() {
        let recent = Recent::default();
        let heard = Some(t(0));
        (0..=BYTES_MAX / 1_400).for_each(|_| recent.keep(t(0), heard, &[0; 1_400]));
        recent.keep(t(99), heard, &[1; 1_400]);
        assert_eq!(taken(&recent, t(99)), []);
        // The ends repeat, and repeat.
        recent.keep(t(200), heard, &[2; 1_400]);
        recent.keep(t(600), heard, &[3; 1_400]);
        assert_eq!(taken(&recent, t(650)), [2, 3]);
        // Whoever does not wait for answers fills the bounds once in each silence.
        (0..200).for_each(|n| recent.keep(t(700), heard, &[n; 1_400]));
        recent.keep(t(701), heard, &[0; 1_400]);
        let fit = u8::try_from(BYTES_MAX / 1_400).unwrap();
        assert_eq!(taken(&recent, t(702)), (0..fit).collect::<Vec<_>>());
        recent.keep(t(800), Some(t(750)), &[4; 1_400]);
        recent.keep(t(850), Some(t(750)), &[5; 1_400]);
        assert_eq!(taken(&recent, t(850)), [5]);
    }
}
