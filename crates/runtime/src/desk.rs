//! Where the slow path works, one thread at a time.
//!
//! Its own thread handles everything, and timers. A data thread that put something into its inbox
//! handles that itself at the end of its turn, if nobody else is at the desk and little comes just now:
//! a first packet and a handshake then wake no other thread up. What comes fast goes to the slow path's
//! own thread, so that packets do not wait behind it.
//!
//! | who | handles | when |
//! |---|---|---|
//! | the slow path's thread | all | it has the desk, and first if it wants it |
//! | a data thread | datagrams, packets and reports, at most [`HELP_MAX`] in a row | the desk is free and the thread [`Calm`] |
//!
//! The order of the inbox is kept: whoever takes from it has the desk.

use crate::counters::{Cause, Counters};
use crate::inbox::{Inbox, Input, Outbox, Waited};
use crate::storage::StorageError;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

/// At most so many things does a data thread handle before it looks at its own again.
const HELP_MAX: usize = 8;
/// So many turns in a row a data thread may take and still be calm,
const BURST: u32 = 16;
/// and one more each time that so much has passed.
const EACH: Duration = Duration::from_micros(500);

/// What the slow path shall do after a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Then {
    /// Go on.
    Continue,
    /// Stop the node.
    Stop,
}

/// What is worked on here: the slow path.
pub trait Work: Send {
    /// Does what was to be done before anything came.
    ///
    /// # Errors
    /// The journal cannot be written: nothing that needs it may be done any more.
    fn begin(&mut self) -> Result<Then, StorageError>;

    /// Handles what came, if anything did, and what timers ask for.
    ///
    /// # Errors
    /// As [`Self::begin`].
    fn turn(&mut self, input: Option<Input>) -> Result<Then, StorageError>;

    /// Ends everything, in order.
    ///
    /// # Errors
    /// As [`Self::begin`].
    fn stop(&mut self) -> Result<(), StorageError>;

    /// Until when nothing has to be done, unless something comes.
    fn alarm(&mut self) -> Alarm;

    /// Whether something has to be done before the last alarm.
    fn is_due_earlier(&self) -> bool;
}

/// Why it ended early.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// The journal cannot be written.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A thread died at the desk.
    #[error("a thread died in the slow path")]
    Died,
}

/// The slow path, from its start until its end.
#[derive(Default)]
pub struct Desk {
    slow: Mutex<Option<Box<dyn Work>>>,
    /// Its own thread waits for it.
    wanted: AtomicBool,
    /// A data thread could not write the journal.
    failed: Mutex<Option<StorageError>>,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").finish_non_exhaustive()
    }
}

impl Desk {
    /// Works until it is told to stop; from a thread of its own.
    ///
    /// # Errors
    /// The journal cannot be written, or a thread died at the desk.
    pub fn run(&self, slow: Box<dyn Work>, inputs: &Outbox) -> Result<(), DeskError> {
        *self.sit_down()? = Some(slow);
        let result = self.work(inputs);
        // With it goes what leads back to all threads' state.
        let slow = self.sit_down().ok().and_then(|mut slow| slow.take());
        drop(slow);
        result
    }

    fn work(&self, inputs: &Outbox) -> Result<(), DeskError> {
        let mut begun = false;
        loop {
            let mut desk = self.sit_down()?;
            let Some(slow) = desk.as_mut() else {
                return Ok(());
            };
            if let Some(error) = self.failure().take() {
                return Err(error.into());
            }
            let then = match begun {
                true => slow.turn(inputs.next_now())?,
                false => slow.begin()?,
            };
            begun = true;
            if then == Then::Stop {
                return Ok(slow.stop()?);
            }
            let alarm = slow.alarm();
            drop(desk);
            alarm.wait(inputs);
        }
    }

    fn sit_down(&self) -> Result<MutexGuard<'_, Option<Box<dyn Work>>>, DeskError> {
        self.wanted.store(true, Ordering::Release);
        let desk = self.slow.lock();
        self.wanted.store(false, Ordering::Release);
        desk.map_err(|_| DeskError::Died)
    }

    fn failure(&self) -> MutexGuard<'_, Option<StorageError>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The end of a data thread's turn: what it put into the inbox is handled here and now if it `may`,
    /// or announced.
    pub fn end_turn(&self, inbox: &Inbox, may: bool) {
        if inbox.take_unannounced() && !(may && self.help(inbox)) {
            inbox.announce();
        }
    }

    /// Handles what waits; whether nothing is left for others to do.
    fn help(&self, inbox: &Inbox) -> bool {
        if self.wanted.load(Ordering::Acquire) {
            return false;
        }
        let mut desk = match self.slow.try_lock() {
            Ok(desk) => desk,
            Err(TryLockError::WouldBlock | TryLockError::Poisoned(_)) => return false,
        };
        let Some(slow) = desk.as_mut() else {
            return false;
        };
        let _death = IfItDies(inbox);
        for _ in 0..HELP_MAX {
            let Some(input) = inbox.next_of_network() else {
                break;
            };
            if let Err(error) = slow.turn(Some(input)) {
                *self.failure() = Some(error);
                inbox.nudge();
                return true;
            }
        }
        let is_earlier = slow.is_due_earlier();
        drop(desk);
        if is_earlier {
            inbox.nudge();
        }
        inbox.is_empty()
    }
}

/// Until when the slow path's thread may sleep.
#[derive(Debug)]
pub struct Alarm {
    /// When.
    pub at: Option<Duration>,
    /// Whose timer it is.
    pub cause: Cause,
    /// Where it is counted that it woke up.
    pub counters: Arc<Counters>,
}

impl Alarm {
    /// Sleeps until then, or until something comes.
    pub fn wait(self, inputs: &Outbox) {
        let now = os::clock::monotonic();
        match inputs.wait(self.at.map(|at| at.saturating_sub(now))) {
            Waited::NoTime => {}
            Waited::Called => self.counters.woke(Cause::SlowPath),
            Waited::InVain => self.counters.woke(self.cause),
        }
    }
}

/// Tells the slow path's thread that a thread died at the desk.
struct IfItDies<'a>(&'a Inbox);

impl Drop for IfItDies<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.nudge();
        }
    }
}

/// How fast things come to one data thread: while it is calm it may spend time at the desk.
#[derive(Debug, Default)]
pub struct Calm {
    /// When the turns that were taken so far are made up for.
    even_at: Duration,
}

impl Calm {
    /// One more turn at `now`; whether the thread is calm.
    pub fn turn(&mut self, now: Duration) -> bool {
        let even_at = self.even_at.max(now).saturating_add(EACH);
        let is_calm = even_at.saturating_sub(now) <= EACH * BURST;
        if is_calm {
            self.even_at = even_at;
        }
        is_calm
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_calm_in_bursts_and_not_when_much_comes() {
        let mut calm = Calm::default();
        let start = Duration::from_secs(9);
        let taken = (0..100).filter(|_| calm.turn(start)).count();
        assert_eq!(taken, BURST as usize);
        // As fast as it may.
        for n in 1..1_000 {
            assert!(calm.turn(start + EACH * n), "{n}");
        }
        // Ten times as fast: a tenth.
        let start = start + EACH * 2_000;
        let taken = (0..1_000).filter(|n| calm.turn(start + EACH / 10 * *n));
        assert!(taken.count() <= 100 + BURST as usize);
    }
}
