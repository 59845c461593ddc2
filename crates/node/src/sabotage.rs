//! Breaks this crate on purpose, to show that the simulator notices. Compiled only with the
//! feature `sabotage`, which no release turns on; `session` has a module of the same kind.
//!
//! One switch for the whole process: tests that use it run alone.

use std::sync::atomic::{AtomicU8, Ordering};

/// What to break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Sabotage {
    /// Nothing.
    None = 0,
    /// A removed peer keeps its running session.
    KeepRemoved = 1,
    /// Message 1 is answered whatever its number.
    AcceptOldNumber = 2,
    /// A Bridge takes all its clients for those of one customer.
    MixCustomers = 3,
    /// A dismissed client keeps its channels.
    KeepDismissed = 4,
}

static ACTIVE: AtomicU8 = AtomicU8::new(Sabotage::None as u8);

/// Breaks one thing, for all nodes of this process, until the next call.
pub fn set(sabotage: Sabotage) {
    ACTIVE.store(sabotage as u8, Ordering::SeqCst);
}

pub(crate) fn is(sabotage: Sabotage) -> bool {
    ACTIVE.load(Ordering::SeqCst) == sabotage as u8
}
