//! A meter for the signatures of beacons: anybody on the LAN can make this node look at one.

use std::time::Duration;

/// Most beacons whose signature is checked within any second that begins with one; the
/// others are dropped. A few per cent of one core.
pub const BEACON_CHECKS_MAX: u32 = 500;

/// How many signatures were checked since when.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BeaconChecks {
    since: Duration,
    count: u32,
}

impl BeaconChecks {
    /// Whether one more may be checked now.
    pub(crate) fn admit(&mut self, now: Duration) -> bool {
        if now.saturating_sub(self.since) >= Duration::from_secs(1) {
            *self = Self {
                since: now,
                count: 0,
            };
        }
        self.count = self.count.saturating_add(1);
        self.count <= BEACON_CHECKS_MAX
    }
}
