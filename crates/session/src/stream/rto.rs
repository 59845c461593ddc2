//! The retransmission time-out of RFC 6298, between 200 ms and 5 s.

use crate::constants::{STREAM_RTO_INITIAL, STREAM_RTO_MAX, STREAM_RTO_MIN};
use std::time::Duration;

/// The estimator of one direction.
#[derive(Debug)]
pub(super) struct Rto {
    smoothed: Option<Duration>,
    variation: Duration,
    rto: Duration,
}

impl Rto {
    pub(super) fn new() -> Self {
        Self {
            smoothed: None,
            variation: Duration::ZERO,
            rto: STREAM_RTO_INITIAL,
        }
    }

    /// The time-out in force.
    pub(super) fn current(&self) -> Duration {
        self.rto
    }

    /// Takes a measured round trip (RFC 6298, 2.2 and 2.3).
    pub(super) fn sample(&mut self, rtt: Duration) {
        match self.smoothed {
            None => {
                self.smoothed = Some(rtt);
                self.variation = rtt / 2;
            }
            Some(smoothed) => {
                self.variation = (self.variation * 3 + smoothed.abs_diff(rtt)) / 4;
                self.smoothed = Some((smoothed * 7 + rtt) / 8);
            }
        }
        self.recompute();
    }

    /// The timer ran out (RFC 6298, 5.5).
    pub(super) fn back_off(&mut self) {
        self.rto = (self.rto * 2).min(STREAM_RTO_MAX);
    }

    /// New bytes were acknowledged: the doubling ends.
    pub(super) fn recompute(&mut self) {
        if let Some(smoothed) = self.smoothed {
            self.rto = (smoothed + self.variation * 4).clamp(STREAM_RTO_MIN, STREAM_RTO_MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_rfc_6298_within_its_bounds() {
        let ms = Duration::from_millis;
        let mut rto = Rto::new();
        assert_eq!(rto.current(), ms(1000));
        rto.sample(ms(100));
        assert_eq!(rto.current(), ms(300));
        rto.sample(ms(100));
        assert_eq!(rto.current(), ms(250));
        rto.back_off();
        assert_eq!(rto.current(), ms(500));
        for _ in 0..10 {
            rto.back_off();
        }
        assert_eq!(rto.current(), STREAM_RTO_MAX);
        for _ in 0..100 {
            rto.sample(ms(1));
        }
        assert_eq!(rto.current(), STREAM_RTO_MIN);
    }
}
