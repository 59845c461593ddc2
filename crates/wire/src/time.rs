//! The moment at which something happens, as an argument.
//!
//! Machines below the shells never read a clock: every `handle_*` takes a [`Now`].

use std::time::Duration;

/// One reading of both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Now {
    /// Monotonic time since an arbitrary start (of the process). Timers use only this.
    pub mono: Duration,
    /// Unix time in seconds: the larger of the system clock and the last time persisted,
    /// so it never runs backwards over a restart. Validity periods use only this.
    pub unix_s: u64,
}

impl Now {
    /// The reading `by` later, on both clocks (the Unix time in whole seconds of `mono`).
    pub fn after(self, by: Duration) -> Now {
        let mono = self.mono.saturating_add(by);
        let seconds = mono.as_secs().saturating_sub(self.mono.as_secs());
        Now {
            mono,
            unix_s: self.unix_s.saturating_add(seconds),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_clocks_advance_together() {
        let mut now = Now {
            mono: Duration::from_millis(700),
            unix_s: 1_000,
        };
        for _ in 0..10 {
            now = now.after(Duration::from_millis(250));
        }
        assert_eq!(
            now,
            Now {
                mono: Duration::from_millis(3_200),
                unix_s: 1_003
            }
        );
    }

    #[test]
    fn the_end_of_time_does_not_overflow() {
        let end = Now {
            mono: Duration::MAX,
            unix_s: u64::MAX,
        };
        assert_eq!(end.after(Duration::from_secs(1)), end);
    }
}
