//! The anti-replay window (RFC 6479): which counters were accepted.
//!
//! It remembers the highest counter and which of the 8,192 counters up to it came. A counter
//! behind the window is refused, because the window cannot tell whether it came before.
//! It is changed only by [`Window::accept`], which callers call after authentication.
//!
//! Limit: counters from 2^60 on are always refused, so that no arithmetic here can wrap.

use crate::constants::{REFUSE_AFTER_PACKETS, REPLAY_WINDOW_LEN};

const WORD_BITS: u64 = 64;
/// One word more than the window, so that the word that slides in can be cleared whole.
const WORDS: u64 = REPLAY_WINDOW_LEN / WORD_BITS + 1;

/// The state of one receive direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// The highest counter accepted, plus one; 0 while none was.
    next: u64,
    words: Box<[u64; WORDS as usize]>,
}

/// Why a counter is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// The counter was accepted before.
    #[error("the packet came before")]
    Duplicate,
    /// The counter is behind the window.
    #[error("the packet is older than the replay window")]
    TooOld,
    /// The counter is 2^60 or more.
    #[error("the packet counter is beyond its limit")]
    BeyondLimit,
}

impl Default for Window {
    fn default() -> Self {
        Self::new()
    }
}

impl Window {
    /// A window that has accepted nothing.
    #[must_use]
    pub fn new() -> Self {
        Self {
            next: 0,
            words: Box::new([0; WORDS as usize]),
        }
    }

    /// Whether `counter` would be accepted. Changes nothing.
    ///
    /// # Errors
    /// The reason why it would be refused.
    pub fn check(&self, counter: u64) -> Result<(), ReplayError> {
        if counter >= REFUSE_AFTER_PACKETS {
            return Err(ReplayError::BeyondLimit);
        }
        if counter >= self.next {
            return Ok(());
        }
        if self.next - 1 - counter >= REPLAY_WINDOW_LEN {
            return Err(ReplayError::TooOld);
        }
        let (word, bit) = position(counter);
        match self.words.get(word) {
            Some(w) if w & bit == 0 => Ok(()),
            _ => Err(ReplayError::Duplicate),
        }
    }

    /// Accepts `counter`, once. `true` means that it is the highest so far.
    ///
    /// # Errors
    /// As [`Window::check`]; then nothing changes.
    pub fn accept(&mut self, counter: u64) -> Result<bool, ReplayError> {
        self.check(counter)?;
        let highest = counter >= self.next;
        if highest {
            self.slide(counter);
        }
        let (word, bit) = position(counter);
        if let Some(w) = self.words.get_mut(word) {
            *w |= bit;
        }
        Ok(highest)
    }

    /// The highest counter accepted.
    #[must_use]
    pub fn highest(&self) -> Option<u64> {
        self.next.checked_sub(1)
    }

    /// The bytes that a state hash covers.
    pub(crate) fn state(&self) -> impl Iterator<Item = u64> + '_ {
        std::iter::once(self.next).chain(self.words.iter().copied())
    }

    /// Makes `counter` the highest: clears the words that come into use.
    fn slide(&mut self, counter: u64) {
        let new = counter / WORD_BITS;
        let cleared = match self.next.checked_sub(1) {
            Some(old) => (new - old / WORD_BITS).min(WORDS),
            None => 0,
        };
        for step in 0..cleared {
            if let Some(w) = self.words.get_mut(((new - step) % WORDS) as usize) {
                *w = 0;
            }
        }
        self.next = counter + 1;
    }
}

/// The word of a counter and its bit in it.
fn position(counter: u64) -> (usize, u64) {
    (
        ((counter / WORD_BITS) % WORDS) as usize,
        1 << (counter % WORD_BITS),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// The specification: a set of everything accepted.
    #[derive(Default)]
    struct Model {
        seen: BTreeSet<u64>,
    }

    impl Model {
        fn accept(&mut self, counter: u64) -> Result<bool, ReplayError> {
            let highest = self.seen.last().copied();
            if counter >= REFUSE_AFTER_PACKETS {
                return Err(ReplayError::BeyondLimit);
            }
            if highest.is_some_and(|h| counter + REPLAY_WINDOW_LEN <= h) {
                return Err(ReplayError::TooOld);
            }
            if !self.seen.insert(counter) {
                return Err(ReplayError::Duplicate);
            }
            Ok(highest.is_none_or(|h| counter > h))
        }
    }

    fn step() -> impl Strategy<Value = i64> {
        prop_oneof![
            6 => -20_i64..40,
            3 => -9000_i64..9000,
            1 => prop_oneof![Just(8191_i64), Just(8192), Just(-8191), Just(-8192), Just(-8193), Just(64), Just(8256)],
            1 => 0_i64..1_000_000,
        ]
    }

    proptest! {
        #[test]
        fn behaves_as_a_set(start in prop_oneof![0_u64..10, 0..(1_u64 << 59)], steps in prop::collection::vec(step(), 1..600)) {
            let (mut window, mut model) = (Window::new(), Model::default());
            let mut at = start;
            for step in steps {
                at = at.saturating_add_signed(step);
                prop_assert_eq!(window.check(at).is_ok(), window.clone().accept(at).is_ok());
                prop_assert_eq!(window.accept(at), model.accept(at));
            }
        }
    }

    #[test]
    fn the_edges_of_the_window() {
        let mut window = Window::new();
        assert_eq!(window.accept(10_000), Ok(true));
        assert_eq!(window.accept(10_000 - 8191), Ok(false));
        assert_eq!(window.accept(10_000 - 8192), Err(ReplayError::TooOld));
        assert_eq!(window.accept(10_000), Err(ReplayError::Duplicate));
        assert_eq!(window.accept(1 << 60), Err(ReplayError::BeyondLimit));
        assert_eq!(window.accept(u64::MAX), Err(ReplayError::BeyondLimit));
        assert_eq!(window.accept((1 << 60) - 1), Ok(true));
        assert_eq!(window.highest(), Some((1 << 60) - 1));
    }

    #[test]
    fn a_refused_counter_changes_nothing() {
        let mut window = Window::new();
        for counter in [0, 5, 9000, 8999] {
            window.accept(counter).unwrap();
        }
        let before = window.clone();
        for counter in [0, 5, 9000, 8999, 1 << 60] {
            window.accept(counter).unwrap_err();
        }
        assert_eq!(window, before);
    }
}
