//! Breaks this crate on purpose, to show that the tests of other crates notice. Compiled only
//! with the feature `sabotage`, which no release turns on.
//!
//! One switch for the whole process, so a test that uses it is the only one of its binary, or
//! takes a lock.

use std::sync::atomic::{AtomicU8, Ordering};

/// What to break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Sabotage {
    /// Nothing.
    None = 0,
    /// Transports accept a counter again.
    SkipReplayCheck = 1,
    /// Transports seal two packets with each counter.
    ReuseCounter = 2,
    /// Fragments with a wrong MAC1 are taken.
    SkipMac1 = 3,
    /// A responder takes a statement older than what is pinned.
    IgnorePin = 4,
    /// A candidate address is used without an answer to the challenge.
    MoveUnproven = 5,
    /// A relayed datagram with a wrong MAC is taken.
    SkipHopMac = 6,
}

static ACTIVE: AtomicU8 = AtomicU8::new(Sabotage::None as u8);

/// Breaks one thing, for all sessions of this process, until the next call.
pub fn set(sabotage: Sabotage) {
    ACTIVE.store(sabotage as u8, Ordering::SeqCst);
}

pub(crate) fn is(sabotage: Sabotage) -> bool {
    ACTIVE.load(Ordering::SeqCst) == sabotage as u8
}
