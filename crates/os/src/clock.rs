//! The two clocks: monotonic time that goes on through suspend, and Unix time.
//!
//! It does not combine them into the protocol's `Now`: that also needs the persisted
//! time, which the runtime has.

use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// Time since an arbitrary start (the boot). Never goes back; a suspended machine's
/// sleep counts, so that timers fire at once after it.
pub fn monotonic() -> Duration {
    duration(ClockId::Boottime)
}

/// Seconds since 1970-01-01 UTC as the system believes (0 when its clock is before that).
pub fn unix_s() -> u64 {
    duration(ClockId::Realtime).as_secs()
}

fn duration(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    match (u64::try_from(time.tv_sec), u32::try_from(time.tv_nsec)) {
        (Ok(seconds), Ok(nanos)) => Duration::new(seconds, nanos),
        _ => Duration::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_clocks_advance() {
        let (before, unix) = (monotonic(), unix_s());
        std::thread::sleep(Duration::from_millis(5));
        assert!(monotonic() >= before + Duration::from_millis(5));
        assert!(unix > 1_700_000_000 && unix_s() >= unix);
    }
}
