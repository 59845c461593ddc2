//! When a queue that never runs empty loses a packet, so that TCP slows down before the queue is
//! long.
//!
//! The kernel's queue in front of the interface's reader says neither how long it is nor how long a
//! packet waited, and tells no sender to wait. A TCP stream that is faster than this node fills it
//! with its whole window: milliseconds that every other packet waits, too. So this is CoDel
//! (RFC 8289) with what can be seen: a queue that was not found empty for [`STANDS_AFTER`] stands.
//! Then one TCP packet is lost (or, if it may be, marked: RFC 3168), and the next after ever
//! shorter intervals, until the queue is found empty.
//!
//! | constant | value |
//! |---|---|
//! | it stands after | [`STANDS_AFTER`] |
//! | between the first two losses | [`INTERVAL`], then divided by the root of their number |

use std::time::Duration;

const STANDS_AFTER: Duration = Duration::from_millis(4);
const INTERVAL: Duration = Duration::from_millis(30);

/// What is known of the queue.
#[derive(Debug, Default)]
pub(super) struct Pressure {
    found_empty: Duration,
    lose_at: Duration,
    lost: u32,
}

impl Pressure {
    /// The queue was found empty.
    pub(super) fn empty(&mut self, now: Duration) {
        self.found_empty = now;
        self.lost = 0;
    }

    /// Whether the queue stands.
    pub(super) fn stands(&self, now: Duration) -> bool {
        now.saturating_sub(self.found_empty) >= STANDS_AFTER
    }

    /// Whether the next TCP packet is lost or marked.
    pub(super) fn loses(&mut self, now: Duration) -> bool {
        if !self.stands(now) || (self.lost > 0 && now < self.lose_at) {
            return false;
        }
        self.lost += 1;
        let interval = INTERVAL.as_secs_f64() / f64::from(self.lost).sqrt();
        self.lose_at = now.saturating_add(Duration::from_secs_f64(interval));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_queue_that_runs_empty_loses_nothing() {
        let mut pressure = Pressure::default();
        for now in 0..10_000 {
            if now % 3 == 0 {
                pressure.empty(ms(now));
            }
            assert!(!pressure.loses(ms(now)), "{now}");
        }
    }

    #[test]
    fn one_that_stands_loses_more_and_more_until_it_is_empty() {
        let mut pressure = Pressure::default();
        pressure.empty(ms(1_000));
        let lost: Vec<u64> = (1_000..1_200)
            .filter(|now| pressure.loses(ms(*now)))
            .collect();
        assert_eq!(
            lost,
            [
                1_004, 1_034, 1_056, 1_074, 1_089, 1_103, 1_116, 1_128, 1_139, 1_149, 1_159, 1_169,
                1_178, 1_187, 1_196
            ]
        );
        pressure.empty(ms(1_200));
        let lost: Vec<u64> = (1_200..1_270)
            .filter(|now| pressure.loses(ms(*now)))
            .collect();
        assert_eq!(lost, [1_204, 1_234, 1_256]);
    }
}
