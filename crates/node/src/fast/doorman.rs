//! The doorman: who of those that nobody knows yet gets in to the slow path.
//!
//! Data threads and the slow path ask the same [`Doorman`]. A fragment with a wrong MAC1 is
//! dropped, and so is an answer that nobody waits for. A Bridge under load lets in only who proves
//! an address, and answers the first fragment of any other message 1 with a cookie, right here.
//! One cookie is enough for a message: of its other fragments not even MAC1 is looked at.
//!
//! **State.** Two atomic numbers, a switch, and the indices that this node awaits answers to: one
//! for each of its own initiations under way; and the indices of sessions that only the slow path
//! has to do with. A stranger changes nothing but the two numbers.
//! Nothing is kept for a sender, and what is answered is never shorter than the answer.

use std::collections::BTreeSet;
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use identity::crypto::{Crypto, Rng};
use session::constants::{INITIATIONS_PER_S, LOAD_LASTS};
use session::cookie::CookieSecret;
use session::fragment::Mac1Key;
use wire::datagram::{COOKIE_REPLY_LEN, FragmentView, MAC_LEN, Message};
use wire::{NodeAddr, Path};

use crate::fast::DropReason;

/// After this many cookies given out the load is noted again: those who flood are still there.
/// As many messages as the slow path takes in a second.
pub(crate) const COOKIES_OF_LOAD: u64 = INITIATIONS_PER_S as u64;

/// What the doorman says of a fragment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// It may go in.
    In {
        /// Its sender is known to receive where it says it is.
        proven: bool,
    },
    /// Send this back to where it came from.
    Answer([u8; COOKIE_REPLY_LEN]),
    /// Drop it.
    Drop(DropReason),
}

/// The doorman of one node.
pub(crate) struct Doorman {
    crypto: Arc<dyn Crypto>,
    f: NodeAddr,
    mac1: Mac1Key,
    cookies: CookieSecret,
    /// Whether this node is a Bridge.
    serving: AtomicBool,
    /// Until when cookies are asked for, on the monotonic clock in milliseconds.
    load_until_ms: AtomicU64,
    /// Cookies given out since the start.
    given: AtomicU64,
    /// Receiver indices of this node's own initiations under way.
    awaited: RwLock<BTreeSet<u32>>,
    /// Receiver indices of sessions without packets, which the slow path opens: there may be
    /// thousands, and no snapshot is made for their coming and going.
    quiet: RwLock<BTreeSet<u32>>,
}

impl fmt::Debug for Doorman {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Doorman")
            .field("serving", &self.serving)
            .field("load_until_ms", &self.load_until_ms)
            .field("given", &self.given)
            .finish_non_exhaustive()
    }
}

impl Doorman {
    /// The doorman of the node `f`, which is no Bridge yet.
    pub(crate) fn new(crypto: Arc<dyn Crypto>, rng: &mut dyn Rng, f: NodeAddr) -> Self {
        Self {
            f,
            mac1: Mac1Key::new(&*crypto, f),
            cookies: CookieSecret::new(rng),
            serving: AtomicBool::new(false),
            load_until_ms: AtomicU64::new(0),
            given: AtomicU64::new(0),
            awaited: RwLock::default(),
            quiet: RwLock::default(),
            crypto,
        }
    }

    /// Whether a fragment from there may go in; `now` is monotonic.
    pub(crate) fn judge(&self, now: Duration, from: Path, fragment: &FragmentView<'_>) -> Entry {
        let (crypto, header) = (&*self.crypto, &fragment.header);
        if header.message == Message::Two && !self.awaits(header.receiver) {
            return Entry::Drop(DropReason::UnknownIndex);
        }
        // Streams, channels and this node's own initiations prove where the other end is.
        let claims = from.udp().filter(|_| header.message == Message::One);
        let asks = self.serving.load(Ordering::Relaxed) && self.under_load(now);
        let is_first = header.number == 0;
        if claims.is_some() && asks && !is_first && *fragment.mac2 == [0; MAC_LEN] {
            return Entry::Drop(DropReason::RateLimited);
        }
        if !self.mac1.verify(crypto, fragment) {
            return Entry::Drop(DropReason::Mac1);
        }
        let Some(at) = claims else {
            return Entry::In { proven: true };
        };
        match self.cookies.verify(crypto, now, at, fragment) {
            true => Entry::In { proven: true },
            false if !asks => Entry::In { proven: false },
            false if !is_first => Entry::Drop(DropReason::RateLimited),
            false => self.ask(now, at, fragment),
        }
    }

    /// Whether a fragment is of a message to this node, as far as its sender knows F: one that
    /// came on a channel that is not known yet.
    pub(crate) fn expects(&self, fragment: &FragmentView<'_>) -> bool {
        let header = &fragment.header;
        (header.message == Message::One || self.awaits(header.receiver))
            && self.mac1.verify(&*self.crypto, fragment)
    }

    /// Asks the sender of a fragment for a proof that it receives there.
    fn ask(&self, now: Duration, at: SocketAddr, fragment: &FragmentView<'_>) -> Entry {
        let number = self.given.fetch_add(1, Ordering::Relaxed);
        if number % COOKIES_OF_LOAD == COOKIES_OF_LOAD - 1 {
            self.note_load(now);
        }
        let crypto = &*self.crypto;
        let answer = self
            .cookies
            .reply(crypto, number, now, self.f, at, fragment);
        answer.map_or(Entry::Drop(DropReason::RateLimited), Entry::Answer)
    }

    /// Something that proves no address had to be refused: a Bridge asks for cookies for a while.
    pub(crate) fn note_load(&self, now: Duration) {
        let until = millis(now.saturating_add(LOAD_LASTS));
        self.load_until_ms.fetch_max(until, Ordering::Relaxed);
    }

    /// Whether a Bridge asks for cookies now.
    pub(crate) fn under_load(&self, now: Duration) -> bool {
        millis(now) < self.load_until_ms.load(Ordering::Relaxed)
    }

    /// This node is a Bridge from now on, or is none any more.
    pub(crate) fn serve(&self, on: bool) {
        self.serving.store(on, Ordering::Relaxed);
    }

    /// Whether an answer with this receiver index is awaited.
    pub(crate) fn awaits(&self, index: u32) -> bool {
        let awaited = self.awaited.read().unwrap_or_else(PoisonError::into_inner);
        awaited.contains(&index)
    }

    /// An initiation with this index goes out.
    pub(crate) fn await_answer(&self, index: u32) {
        let mut awaited = self.awaited.write().unwrap_or_else(PoisonError::into_inner);
        awaited.insert(index);
    }

    /// Whether the slow path opens what comes with this receiver index.
    pub(crate) fn is_quiet(&self, index: u32) -> bool {
        let quiet = self.quiet.read().unwrap_or_else(PoisonError::into_inner);
        quiet.contains(&index)
    }

    /// The slow path opens what comes with this receiver index, or no more.
    pub(crate) fn keep_quiet(&self, index: u32, on: bool) {
        let mut quiet = self.quiet.write().unwrap_or_else(PoisonError::into_inner);
        if on {
            quiet.insert(index);
        } else {
            quiet.remove(&index);
        }
    }

    /// The initiation with this index is over.
    pub(crate) fn await_no_more(&self, index: u32) {
        let mut awaited = self.awaited.write().unwrap_or_else(PoisonError::into_inner);
        awaited.remove(&index);
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
