//! One pair of transport keys (specification, section 4), shared by the slow path and the
//! data threads through an `Arc`.
//!
//! Everything that changes while packets flow is atomic or, for the replay window, behind a
//! short lock taken after authentication. A packet that fails to open changes nothing but
//! the count of failures. Sealing takes a counter by one atomic addition, so two threads
//! never use one twice.
//!
//! **Timers without ticks.** The data threads note the first unanswered packet each way. The
//! slow path reads that through [`Transport::deadline`] and sleeps until then. If nothing was
//! pending, it sleeps without end, and the packet that starts a timer says so with
//! [`Sealed::wake`] or [`Opened::wake`]: whoever sees it calls `Session::handle_timeout`.
//!
//! Limits: refuses 180 s after the handshake or after 2^60 packets, dies after 2^36 failed
//! opens.

use crate::constants::{
    DEAD_PEER, FAILED_OPENS_MAX, KEEPALIVE, REFUSE_AFTER, REFUSE_AFTER_PACKETS, REKEY_AFTER,
    REKEY_AFTER_PACKETS, REKEY_BY_EITHER_AFTER,
};
use crate::replay::{ReplayError, Window};
use identity::crypto::{Aead, AeadAlg, Crypto};
use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use wire::datagram::{TAG_LEN, TRANSPORT_HEADER_LEN, TransportHeader};

/// Which end of the handshake this node was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// It sent message 1.
    Initiator,
    /// It sent message 2.
    Responder,
}

/// What a transport is made from.
pub struct TransportParts<'a> {
    /// Which end this node is.
    pub role: Role,
    /// The index that the peer puts into its packets.
    pub local_index: u32,
    /// The index that this node puts into its packets.
    pub remote_index: u32,
    /// The AEAD of both directions.
    pub aead: AeadAlg,
    /// `k_i ‖ k_r`.
    pub keys: &'a [u8; 64],
    /// When the handshake ended, on the monotonic clock.
    pub born: Duration,
}

/// A sealed datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Its length in the buffer.
    pub len: usize,
    /// It started a timer that nobody waits for, or made a new handshake due: call
    /// `Session::handle_timeout`.
    pub wake: bool,
}

/// An opened datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Its counter.
    pub counter: u64,
    /// Where its plaintext stands in the buffer; empty for a keepalive.
    pub plaintext: Range<usize>,
    /// No higher counter came before.
    pub highest: bool,
    /// It is the first packet that this transport accepted; it confirms the handshake to a
    /// responder. `Session::handle_opened` must see it.
    pub first: bool,
    /// As [`Sealed::wake`].
    pub wake: bool,
}

/// Why nothing was sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The session was closed or the peer removed.
    #[error("the session is closed")]
    Dead,
    /// The responder waits for the first packet of the initiator.
    #[error("the peer has not confirmed the handshake")]
    Unconfirmed,
    /// The keys are 180 s old.
    #[error("the session keys have expired")]
    Expired,
    /// 2^60 packets were sealed.
    #[error("the session has used up its packet counters")]
    Exhausted,
    /// The buffer has no room for header and tag.
    #[error("the buffer is too short for header and tag")]
    Buffer,
}

/// Why a datagram was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The session was closed or the peer removed.
    #[error("the session is closed")]
    Dead,
    /// The keys are 180 s old.
    #[error("the session keys have expired")]
    Expired,
    /// It is not a transport packet with the index of this transport.
    #[error("not a transport packet of this session")]
    Malformed,
    /// It is not authentic.
    #[error("the packet failed authentication")]
    Forged,
    /// It is authentic and the replay window refuses it.
    #[error(transparent)]
    Replay(#[from] ReplayError),
}

/// Packets and bytes of both directions, authenticated ones only, as whole datagrams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Datagrams sealed.
    pub tx_packets: u64,
    /// Bytes sealed, headers and tags included.
    pub tx_bytes: u64,
    /// Datagrams opened.
    pub rx_packets: u64,
    /// Bytes opened, headers and tags included.
    pub rx_bytes: u64,
    /// Datagrams that failed to open.
    pub failed_opens: u64,
}

/// One pair of transport keys.
pub struct Transport {
    role: Role,
    local_index: u32,
    remote_index: u32,
    aead: AeadAlg,
    born: Duration,
    /// Stands for the keys in a state hash.
    fingerprint: [u8; 32],
    seal: Box<dyn Aead>,
    open: Box<dyn Aead>,
    next_counter: AtomicU64,
    window: Mutex<Window>,
    dead: AtomicBool,
    confirmed: AtomicBool,
    accepted_any: AtomicBool,
    rekey_due: AtomicBool,
    /// The slow path waits for a deadline of this transport.
    watched: AtomicBool,
    /// When data was first received since the last send: nanoseconds + 1, or 0.
    unanswered_rx: AtomicU64,
    /// When data was first sent since the last receipt: nanoseconds + 1, or 0.
    unanswered_tx: AtomicU64,
    last_rx: AtomicU64,
    last_tx: AtomicU64,
    tx_bytes: AtomicU64,
    rx_packets: AtomicU64,
    rx_bytes: AtomicU64,
    failed_opens: AtomicU64,
}

/// What is due next on a transport, apart from its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Due {
    /// An empty packet.
    Keepalive,
    /// A new handshake, because the peer does not answer.
    DeadPeer,
}

impl Transport {
    /// Keys fresh from a handshake. A responder's transport seals nothing before it opened
    /// its first packet.
    #[must_use]
    pub fn new(crypto: &dyn Crypto, parts: &TransportParts<'_>) -> Self {
        let mut halves = [[0; 32]; 2];
        for (half, key) in halves.iter_mut().zip(parts.keys.as_chunks::<32>().0) {
            *half = *key;
        }
        let [initiator, responder] = &halves;
        let (seal, open) = match parts.role {
            Role::Initiator => (initiator, responder),
            Role::Responder => (responder, initiator),
        };
        Self {
            role: parts.role,
            local_index: parts.local_index,
            remote_index: parts.remote_index,
            aead: parts.aead,
            born: parts.born,
            fingerprint: crypto.sha256(&[b"kumihimo state hash v1", seal, open]),
            seal: crypto.aead(parts.aead, seal),
            open: crypto.aead(parts.aead, open),
            next_counter: AtomicU64::new(0),
            window: Mutex::new(Window::new()),
            dead: AtomicBool::new(false),
            confirmed: AtomicBool::new(parts.role == Role::Initiator),
            accepted_any: AtomicBool::new(false),
            rekey_due: AtomicBool::new(false),
            watched: AtomicBool::new(false),
            unanswered_rx: AtomicU64::new(0),
            unanswered_tx: AtomicU64::new(0),
            last_rx: AtomicU64::new(0),
            last_tx: AtomicU64::new(0),
            tx_bytes: AtomicU64::new(0),
            rx_packets: AtomicU64::new(0),
            rx_bytes: AtomicU64::new(0),
            failed_opens: AtomicU64::new(0),
        }
    }

    /// Seals `buf[16..16 + plaintext_len]` (kind and payload, or nothing for a keepalive) and
    /// writes header and tag around it. `now` is the monotonic time.
    ///
    /// # Errors
    /// See [`SealError`]; then the buffer is as it was.
    pub fn seal_in_place(
        &self,
        now: Duration,
        buf: &mut [u8],
        plaintext_len: usize,
    ) -> Result<Sealed, SealError> {
        let age = self.usable_age(now).map_err(|stop| match stop {
            Stop::Dead => SealError::Dead,
            Stop::Expired => SealError::Expired,
        })?;
        if !self.confirmed.load(Ordering::Acquire) {
            return Err(SealError::Unconfirmed);
        }
        let len = TRANSPORT_HEADER_LEN + plaintext_len + TAG_LEN;
        let datagram = buf.get_mut(..len).ok_or(SealError::Buffer)?;
        let counter = self.take_counter()?;
        let (header, rest) = datagram
            .split_first_chunk_mut::<TRANSPORT_HEADER_LEN>()
            .ok_or(SealError::Buffer)?;
        let (plaintext, tag) = rest
            .split_last_chunk_mut::<TAG_LEN>()
            .ok_or(SealError::Buffer)?;
        *header = TransportHeader {
            receiver: self.remote_index,
            counter,
        }
        .encode();
        let nature = Nature::of(plaintext);
        *tag = self.seal.seal_in_place(&nonce(counter), header, plaintext);
        let wake = self.note_sent(now, age, counter, len, nature);
        Ok(Sealed { len, wake })
    }

    /// Authenticates and decrypts a whole datagram in place.
    ///
    /// # Errors
    /// See [`OpenError`]; then nothing changed but the count of failures, and the buffer is
    /// of no use.
    pub fn open_in_place(&self, now: Duration, datagram: &mut [u8]) -> Result<Opened, OpenError> {
        let age = self.usable_age(now).map_err(|stop| match stop {
            Stop::Dead => OpenError::Dead,
            Stop::Expired => OpenError::Expired,
        })?;
        let len = datagram.len();
        let (header, rest) = datagram
            .split_first_chunk_mut::<TRANSPORT_HEADER_LEN>()
            .ok_or(OpenError::Malformed)?;
        let (ciphertext, tag) = rest
            .split_last_chunk_mut::<TAG_LEN>()
            .ok_or(OpenError::Malformed)?;
        let counter = counter_of(header);
        let expected = TransportHeader {
            receiver: self.local_index,
            counter,
        };
        if *header != expected.encode() {
            return Err(OpenError::Malformed);
        }
        let data = !ciphertext.is_empty();
        if !self
            .open
            .open_in_place(&nonce(counter), header, ciphertext, tag)
        {
            self.note_failure();
            return Err(OpenError::Forged);
        }
        let highest = self.accept(counter)?;
        let first = !self.accepted_any.swap(true, Ordering::AcqRel);
        self.confirmed.store(true, Ordering::Release);
        let wake = self.note_received(now, age, len, data);
        Ok(Opened {
            counter,
            plaintext: TRANSPORT_HEADER_LEN..len - TAG_LEN,
            highest,
            first,
            wake,
        })
    }

    /// Ends both directions at once, for every thread.
    pub fn kill(&self) {
        self.dead.store(true, Ordering::SeqCst);
    }

    /// Whether it was killed.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    /// Whether it would seal at `now`.
    #[must_use]
    pub fn is_sendable(&self, now: Duration) -> bool {
        self.usable_age(now).is_ok()
            && self.confirmed.load(Ordering::Acquire)
            && self.next_counter.load(Ordering::Relaxed) < REFUSE_AFTER_PACKETS
    }

    /// Which end of its handshake this node was.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// The index in the packets that it opens.
    #[must_use]
    pub fn local_index(&self) -> u32 {
        self.local_index
    }

    /// The index in the packets that it seals.
    #[must_use]
    pub fn remote_index(&self) -> u32 {
        self.remote_index
    }

    /// Its AEAD.
    #[must_use]
    pub fn aead(&self) -> AeadAlg {
        self.aead
    }

    /// When its handshake ended, on the monotonic clock.
    #[must_use]
    pub fn born(&self) -> Duration {
        self.born
    }

    /// When it seals and opens no more.
    #[must_use]
    pub fn expires(&self) -> Duration {
        self.born.saturating_add(REFUSE_AFTER)
    }

    /// Whether traffic has made a new handshake due.
    #[must_use]
    pub fn rekey_due(&self) -> bool {
        self.rekey_due.load(Ordering::Relaxed)
    }

    /// When an authentic packet last came.
    #[must_use]
    pub fn last_rx(&self) -> Option<Duration> {
        moment(self.last_rx.load(Ordering::Relaxed))
    }

    /// When a packet was last sealed.
    #[must_use]
    pub fn last_tx(&self) -> Option<Duration> {
        moment(self.last_tx.load(Ordering::Relaxed))
    }

    /// Traffic so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            tx_packets: self.next_counter.load(Ordering::Relaxed),
            tx_bytes: self.tx_bytes.load(Ordering::Relaxed),
            rx_packets: self.rx_packets.load(Ordering::Relaxed),
            rx_bytes: self.rx_bytes.load(Ordering::Relaxed),
            failed_opens: self.failed_opens.load(Ordering::Relaxed),
        }
    }

    /// The next timer that traffic has started. `None` promises that the packet that starts
    /// one will say `wake`; `Some` silences it.
    #[must_use]
    pub fn deadline(&self) -> Option<(Duration, Due)> {
        self.watched.store(false, Ordering::SeqCst);
        let keepalive = moment(self.unanswered_rx.load(Ordering::SeqCst))
            .map(|at| (at.saturating_add(KEEPALIVE), Due::Keepalive));
        let dead = moment(self.unanswered_tx.load(Ordering::SeqCst))
            .map(|at| (at.saturating_add(DEAD_PEER), Due::DeadPeer));
        let next = keepalive.into_iter().chain(dead).min();
        if next.is_some() {
            self.watched.store(true, Ordering::SeqCst);
        }
        next
    }

    /// Forgets that data was sent without an answer: a new handshake was started for it.
    pub(crate) fn dead_peer_handled(&self) {
        self.unanswered_tx.store(0, Ordering::SeqCst);
    }

    /// A hash of all state that a packet may not change unless it is authentic: keys, both
    /// counters, window, flags and timers. Without the count of failures.
    #[must_use]
    pub fn state_hash(&self, crypto: &dyn Crypto) -> [u8; 32] {
        let flags = [
            &self.dead,
            &self.confirmed,
            &self.accepted_any,
            &self.rekey_due,
        ];
        let numbers = [
            &self.next_counter,
            &self.unanswered_rx,
            &self.unanswered_tx,
            &self.last_rx,
            &self.last_tx,
            &self.tx_bytes,
            &self.rx_packets,
            &self.rx_bytes,
        ];
        let mut bytes = self.fingerprint.to_vec();
        bytes.extend(self.local_index.to_be_bytes());
        bytes.extend(self.remote_index.to_be_bytes());
        bytes.extend(self.born.as_nanos().to_be_bytes());
        bytes.extend(flags.map(|flag| u8::from(flag.load(Ordering::SeqCst))));
        bytes.extend(
            numbers
                .iter()
                .flat_map(|n| n.load(Ordering::SeqCst).to_be_bytes()),
        );
        let window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        bytes.extend(window.state().flat_map(u64::to_be_bytes));
        crypto.sha256(&[&bytes])
    }

    fn usable_age(&self, now: Duration) -> Result<Duration, Stop> {
        if self.dead.load(Ordering::Acquire) {
            return Err(Stop::Dead);
        }
        let age = now.saturating_sub(self.born);
        if age >= REFUSE_AFTER {
            return Err(Stop::Expired);
        }
        Ok(age)
    }

    fn take_counter(&self) -> Result<u64, SealError> {
        let counter = self.next_counter.fetch_add(1, Ordering::Relaxed);
        if counter >= REFUSE_AFTER_PACKETS {
            self.next_counter
                .store(REFUSE_AFTER_PACKETS, Ordering::Relaxed);
            return Err(SealError::Exhausted);
        }
        #[cfg(feature = "sabotage")]
        if crate::sabotage::is(crate::sabotage::Sabotage::ReuseCounter) {
            return Ok(counter & !1);
        }
        Ok(counter)
    }

    fn accept(&self, counter: u64) -> Result<bool, ReplayError> {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let accepted = window.accept(counter);
        #[cfg(feature = "sabotage")]
        if crate::sabotage::is(crate::sabotage::Sabotage::SkipReplayCheck) {
            return Ok(accepted.unwrap_or(false));
        }
        accepted
    }

    fn note_failure(&self) {
        if self.failed_opens.fetch_add(1, Ordering::Relaxed) + 1 >= FAILED_OPENS_MAX {
            self.kill();
        }
    }

    fn note_sent(
        &self,
        now: Duration,
        age: Duration,
        counter: u64,
        len: usize,
        nature: Nature,
    ) -> bool {
        self.tx_bytes.fetch_add(len as u64, Ordering::Relaxed);
        self.last_tx.store(stamp(now), Ordering::Relaxed);
        if nature != Nature::Probing && self.unanswered_rx.load(Ordering::Relaxed) != 0 {
            self.unanswered_rx.store(0, Ordering::SeqCst);
        }
        let by_initiator =
            self.role == Role::Initiator && (age >= REKEY_AFTER || counter >= REKEY_AFTER_PACKETS);
        let rekey = (by_initiator || age >= REKEY_BY_EITHER_AFTER) && self.note_rekey_due();
        let timer = nature == Nature::Data && self.start(&self.unanswered_tx, now);
        rekey || timer
    }

    fn note_received(&self, now: Duration, age: Duration, len: usize, data: bool) -> bool {
        self.rx_packets.fetch_add(1, Ordering::Relaxed);
        self.rx_bytes.fetch_add(len as u64, Ordering::Relaxed);
        self.last_rx.store(stamp(now), Ordering::Relaxed);
        if self.unanswered_tx.load(Ordering::Relaxed) != 0 {
            self.unanswered_tx.store(0, Ordering::SeqCst);
        }
        let rekey = data && age >= REKEY_BY_EITHER_AFTER && self.note_rekey_due();
        let timer = data && self.start(&self.unanswered_rx, now);
        rekey || timer
    }

    /// `true` the first time only.
    fn note_rekey_due(&self) -> bool {
        !self.rekey_due.load(Ordering::Relaxed) && !self.rekey_due.swap(true, Ordering::SeqCst)
    }

    /// Starts a timer unless it runs; `true` if nobody waits for it yet.
    fn start(&self, timer: &AtomicU64, now: Duration) -> bool {
        timer.load(Ordering::Relaxed) == 0
            && timer
                .compare_exchange(0, stamp(now), Ordering::SeqCst, Ordering::SeqCst)
                .is_ok()
            && !self.watched.swap(true, Ordering::SeqCst)
    }

    #[cfg(test)]
    pub(crate) fn set_next_counter(&self, counter: u64) {
        self.next_counter.store(counter, Ordering::SeqCst);
    }

    #[cfg(test)]
    pub(crate) fn set_failed_opens(&self, failed: u64) {
        self.failed_opens.store(failed, Ordering::SeqCst);
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport")
            .field("role", &self.role)
            .field("local_index", &self.local_index)
            .field("remote_index", &self.remote_index)
            .field("born", &self.born)
            .finish_non_exhaustive()
    }
}

enum Stop {
    Dead,
    Expired,
}

/// 4 zero bytes, then the counter, big-endian.
fn nonce(counter: u64) -> [u8; 12] {
    let mut nonce = [0; 12];
    for (to, from) in nonce.iter_mut().skip(4).zip(counter.to_be_bytes()) {
        *to = from;
    }
    nonce
}

/// What a plaintext means for the timers of silence.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nature {
    /// Tells the peer that this node is there, and expects nothing.
    Keepalive,
    /// The same, and silence after it means that the peer is gone.
    Data,
    /// Path challenges and probes: they may well be lost while both ends are there, so they
    /// neither answer anything nor expect an answer.
    Probing,
}

impl Nature {
    fn of(plaintext: &[u8]) -> Self {
        const CONTROL: u8 = 4;
        match plaintext {
            [] => Self::Keepalive,
            [CONTROL, 2 | 4, ..] => Self::Probing,
            _ => Self::Data,
        }
    }
}

fn counter_of(header: &[u8; TRANSPORT_HEADER_LEN]) -> u64 {
    header
        .last_chunk::<8>()
        .map_or(0, |c| u64::from_be_bytes(*c))
}

fn stamp(now: Duration) -> u64 {
    u64::try_from(now.as_nanos()).map_or(u64::MAX, |ns| ns.saturating_add(1))
}

fn moment(stamp: u64) -> Option<Duration> {
    stamp.checked_sub(1).map(Duration::from_nanos)
}

#[cfg(test)]
mod tests;
