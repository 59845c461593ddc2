//! A node that rests is small: code that it does not run, and heap that is free, go back to the kernel. What a first packet needs
//! is run once afterwards, in memory, so that it is there when somebody waits for it ([`Rehearsal`]).
//!
//! | when | why |
//! |---|---|
//! | [`PAUSE`] after the node is ready | what starts a node does not run again; its first conversations do not wait for this |
//! | [`START`] later | nor do its first conversations |
//! | [`PAUSE`] after a program got its answer | what answers programs is large, and a node that only carries packets needs none of it |

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use identity::crypto::{AwsLc, Crypto};
use node::Rehearsal;
use os::clock::{monotonic, unix_s};
use wire::Now;

/// After this time the start is over for good.
const START: Duration = Duration::from_secs(20);
/// A node that starts has better things to do, and programs ask several times in a row.
const PAUSE: Duration = Duration::from_secs(1);

/// When to let go.
#[derive(Debug)]
pub struct Rest {
    due: BTreeSet<Duration>,
}

impl Rest {
    /// Of a node that is ready at `now`.
    pub fn new(now: Duration) -> Self {
        Self {
            due: [PAUSE, START].map(|it| now.saturating_add(it)).into(),
        }
    }

    /// A program got its answer.
    pub fn answered(&mut self, now: Duration) {
        let at = now.saturating_add(PAUSE);
        if self.due.first().is_none_or(|due| *due > at) {
            self.due.insert(at);
        }
    }

    /// How long nothing is to be done; `None`: for good.
    pub fn timeout(&self, now: Duration) -> Option<Duration> {
        self.due.first().map(|due| due.saturating_sub(now))
    }

    /// Whether to let go now; asked once each time.
    pub fn is_due(&mut self, now: Duration) -> bool {
        let is_due = |due: &Duration| *due <= now;
        let any = self.due.first().is_some_and(is_due);
        self.due.retain(|due| !is_due(due));
        any
    }
}

/// Lets go of memory, but for what a first packet needs.
pub fn let_go() {
    let rehearsal = os::random::seed().ok().and_then(|seed| {
        let crypto: Arc<dyn Crypto> = Arc::new(AwsLc);
        let now = Now {
            mono: monotonic(),
            unix_s: unix_s(),
        };
        Rehearsal::new(&crypto, seed, now)
    });
    os::process::forget_code();
    if let Some(mut rehearsal) = rehearsal {
        rehearsal.run();
    }
    os::process::forget_heap();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_lets_go_after_the_start_and_once_after_programs_that_ask_in_a_row() {
        let start = Duration::from_secs(5);
        let mut rest = Rest::new(start);
        assert_eq!(rest.timeout(start), Some(PAUSE));
        assert!(rest.is_due(start + PAUSE));
        let start = start + PAUSE;
        let over = start - PAUSE + START;
        for step in 0..10 {
            rest.answered(start + PAUSE / 20 * step);
        }
        assert_eq!(rest.timeout(start), Some(PAUSE));
        assert!(!rest.is_due(start + PAUSE / 2));
        assert!(rest.is_due(start + PAUSE) && !rest.is_due(start + PAUSE));
        assert_eq!(
            rest.timeout(start),
            Some(START - PAUSE),
            "that of the start is left"
        );
        // One that is due before long does for both.
        rest.answered(over - PAUSE / 2);
        assert!(rest.is_due(over));
        assert_eq!(rest.timeout(over), None);
        rest.answered(over * 2);
        assert_eq!(rest.timeout(over * 2), Some(PAUSE));
    }
}
