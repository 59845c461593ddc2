//! What was sent in the last two seconds, kept so that a path that breaks without a word loses
//! nothing (specification, section 4.1).
//!
//! When the session leaves a path that was silent, what is kept goes out once more on the next, as
//! it is: the same counters, so what did arrive is dropped by the peer's replay window. A path may
//! break in one direction first, so hearing the peer does not mean that it hears this end. Only
//! sealed datagrams are kept, and only while silence is watched closely.
//!
//! This is for thin traffic: calls, terminals, games, the first packets of anything. A flow that
//! fills the bounds is let go for a while; its ends repeat what is lost.
//!
//! | limit | value |
//! |---|---|
//! | datagrams | [`COUNT_MAX`] |
//! | bytes | [`BYTES_MAX`] |
//! | age | [`LIFE`], more than noticing at both ends takes |
//! | nothing kept after too much came | [`LET_GO`] |

use super::silence::stamp;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const COUNT_MAX: usize = 512;
const BYTES_MAX: usize = 64 * 1024;
const LIFE: Duration = Duration::from_secs(2);
const LET_GO: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
struct Kept {
    datagrams: VecDeque<(Duration, Box<[u8]>)>,
    bytes: usize,
}

/// Datagrams that may be lost.
#[derive(Debug, Default)]
pub(super) struct Recent {
    kept: Mutex<Kept>,
    /// Until when nothing is kept, as a stamp.
    let_go_until: AtomicU64,
}

impl Recent {
    /// Keeps a datagram that leaves now.
    pub(super) fn keep(&self, now: Duration, datagram: &[u8]) {
        if stamp(now) < self.let_go_until.load(Ordering::Relaxed) {
            return;
        }
        let mut kept = self.lock();
        kept.forget_until(now.saturating_sub(LIFE));
        kept.bytes += datagram.len();
        kept.datagrams.push_back((now, datagram.into()));
        if kept.datagrams.len() > COUNT_MAX || kept.bytes > BYTES_MAX {
            *kept = Kept::default();
            let until = now.saturating_add(LET_GO);
            self.let_go_until.store(stamp(until), Ordering::Relaxed);
        }
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

    #[test]
    fn what_was_sent_lately_is_kept_in_order_and_taken_once() {
        let recent = Recent::default();
        for n in 0..60 {
            recent.keep(t(u64::from(n) * 10), &[n; 100]);
        }
        let taken = |now| -> Vec<u8> { recent.take(now).map(|datagram| datagram[0]).collect() };
        assert_eq!(taken(t(2_200)), (20..60).collect::<Vec<_>>());
        assert_eq!(taken(t(2_200)), [], "once");
        recent.keep(t(3_000), &[1; 100]);
        recent.keep(t(4_000), &[2; 100]);
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
            (0..fit).for_each(|_| recent.keep(t(0), &datagram));
            assert_eq!(recent.take(t(0)).count(), fit);
            (0..=fit).for_each(|_| recent.keep(t(0), &datagram));
            assert_eq!(recent.take(t(0)).count(), 0);
            recent.keep(t(9_999), &datagram);
            assert_eq!(recent.take(t(9_999)).count(), 0);
            recent.keep(t(10_000), &datagram);
            assert_eq!(recent.take(t(10_000)).count(), 1);
        }
    }
}
