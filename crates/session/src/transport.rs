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

mod recent;
mod silence;
mod types;

pub use silence::Due;
pub use types::{Counts, OpenError, Opened, Role, SealError, Sealed, TransportParts};

use crate::constants::{
    DATAGRAM_BASE, FAILED_OPENS_MAX, PATH_CONFIRM, REFUSE_AFTER, REFUSE_AFTER_PACKETS, REKEY_AFTER,
    REKEY_AFTER_PACKETS, REKEY_BY_EITHER_AFTER,
};
use crate::replay::{ReplayError, Window};
use identity::crypto::{Aead, AeadAlg, Crypto};
use recent::Recent;
use silence::{Nature, Silence, moment, stamp};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use wire::datagram::{TAG_LEN, TRANSPORT_HEADER_LEN, TransportHeader};
use zeroize::Zeroizing;

/// Least time between two packets that say that a new handshake is due.
const SAY_AGAIN: Duration = Duration::from_secs(1);

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
    /// The session has seen a packet that these keys opened.
    noticed: AtomicBool,
    rekey_due: AtomicBool,
    /// When `wake` was last said for it, as a stamp.
    rekey_said: AtomicU64,
    /// When a large datagram last asked whether its size still passes, as a stamp.
    size_asked: AtomicU64,
    confirm_due: AtomicBool,
    silence: Silence,
    recent: Recent,
    /// When a packet last came on the path in use, as a stamp.
    heard_on_path: AtomicU64,
    last_rx: AtomicU64,
    last_tx: AtomicU64,
    tx_bytes: AtomicU64,
    rx_packets: AtomicU64,
    rx_bytes: AtomicU64,
    failed_opens: AtomicU64,
}

impl Transport {
    /// Keys fresh from a handshake. A responder's transport seals nothing before it opened
    /// its first packet.
    #[must_use]
    pub fn new(crypto: &dyn Crypto, parts: &TransportParts<'_>) -> Self {
        let mut halves = Zeroizing::new([[0; 32]; 2]);
        for (half, key) in halves.iter_mut().zip(parts.keys.as_chunks::<32>().0) {
            *half = *key;
        }
        let [initiator, responder] = &*halves;
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
            noticed: AtomicBool::new(false),
            rekey_due: AtomicBool::new(false),
            rekey_said: AtomicU64::new(0),
            size_asked: AtomicU64::new(stamp(parts.born)),
            confirm_due: AtomicBool::new(false),
            silence: Silence::default(),
            recent: Recent::default(),
            heard_on_path: AtomicU64::new(0),
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
        if nature == Nature::Data && self.silence.is_watched_closely() {
            self.recent.keep(now, self.heard_on_path(), datagram);
        }
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
        let first = !self.noticed.load(Ordering::Acquire);
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

    /// The session has seen a packet: none is [`Opened::first`] from now on. Until then each
    /// one is, because the way to the session may lose some.
    pub(crate) fn notice(&self) {
        self.noticed.store(true, Ordering::Release);
    }

    /// Ends both directions at once, for every thread. The session closes as one that is no
    /// longer allowed.
    pub fn kill(&self) {
        self.dead.store(true, Ordering::SeqCst);
    }

    /// Whether so many packets failed to open that it died of them.
    #[must_use]
    pub fn is_forged_to_death(&self) -> bool {
        self.failed_opens.load(Ordering::Relaxed) >= FAILED_OPENS_MAX
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

    /// Whether large datagrams were sent since the path's size was last asked for; says so
    /// once.
    pub(crate) fn take_confirm_due(&self) -> bool {
        self.confirm_due.load(Ordering::Relaxed) && self.confirm_due.swap(false, Ordering::SeqCst)
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
        self.silence.deadline()
    }

    /// A packet that these keys opened came on the path in use.
    pub fn note_on_path(&self, now: Duration) {
        self.heard_on_path.store(stamp(now), Ordering::Relaxed);
    }

    /// The datagrams of the last seconds, if the path in use is watched closely and they are few;
    /// each once.
    pub(crate) fn take_recent(&self, now: Duration) -> impl Iterator<Item = Box<[u8]>> {
        self.recent.take(now)
    }

    /// Forgets those that are too old to be sent once more.
    pub(crate) fn forget_recent(&self, now: Duration) {
        self.recent.forget_old(now);
    }

    /// When a packet last came on the path in use.
    #[must_use]
    pub fn heard_on_path(&self) -> Option<Duration> {
        moment(self.heard_on_path.load(Ordering::Relaxed))
    }

    /// Whether silence on the path in use shall be noticed soon ([`Due::SilentPath`]).
    pub(crate) fn watch_closely(&self, closely: bool) {
        self.silence.watch_closely(closely);
    }

    /// The silent path was looked at.
    pub(crate) fn silent_path_handled(&self) {
        self.silence.silent_path_handled();
    }

    /// Forgets that data was sent without an answer: a new handshake was started for it.
    pub(crate) fn dead_peer_handled(&self) {
        self.silence.dead_peer_handled();
    }

    /// A hash of all state that a packet may not change unless it is authentic: keys, both
    /// counters, window, flags and timers. Without the count of failures.
    #[must_use]
    pub fn state_hash(&self, crypto: &dyn Crypto) -> [u8; 32] {
        let flags = [&self.dead, &self.confirmed, &self.noticed, &self.rekey_due];
        let numbers = [
            &self.next_counter,
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
        bytes.extend(self.silence.state().iter().flat_map(|n| n.to_be_bytes()));
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
        let by_initiator =
            self.role == Role::Initiator && (age >= REKEY_AFTER || counter >= REKEY_AFTER_PACKETS);
        let rekey = (by_initiator || age >= REKEY_BY_EITHER_AFTER) && self.note_rekey_due(now);
        let timer = self.silence.sent(now, nature);
        let confirm = len > DATAGRAM_BASE && nature == Nature::Data && self.note_confirm_due(now);
        rekey || timer || confirm
    }

    fn note_received(&self, now: Duration, age: Duration, len: usize, data: bool) -> bool {
        self.rx_packets.fetch_add(1, Ordering::Relaxed);
        self.rx_bytes.fetch_add(len as u64, Ordering::Relaxed);
        self.last_rx.store(stamp(now), Ordering::Relaxed);
        let rekey = data && age >= REKEY_BY_EITHER_AFTER && self.note_rekey_due(now);
        let timer = self.silence.received(now, data);
        rekey || timer
    }

    /// `true` for one of the large datagrams every 15 s.
    fn note_confirm_due(&self, now: Duration) -> bool {
        let asked = self.size_asked.load(Ordering::Relaxed);
        let due = stamp(now.saturating_sub(PATH_CONFIRM)) >= asked && now >= PATH_CONFIRM;
        let first = due
            && self
                .size_asked
                .compare_exchange(asked, stamp(now), Ordering::SeqCst, Ordering::Relaxed)
                .is_ok();
        if first {
            self.confirm_due.store(true, Ordering::SeqCst);
        }
        first
    }

    /// `true` the first time, and once a second for as long as these keys are used: the way
    /// to the session may lose it.
    fn note_rekey_due(&self, now: Duration) -> bool {
        if !self.rekey_due.load(Ordering::Relaxed) {
            self.rekey_due.store(true, Ordering::SeqCst);
        }
        let said = self.rekey_said.load(Ordering::Relaxed);
        let due = moment(said).is_none_or(|at| at.saturating_add(SAY_AGAIN) <= now);
        due && self
            .rekey_said
            .compare_exchange(said, stamp(now), Ordering::SeqCst, Ordering::Relaxed)
            .is_ok()
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

fn counter_of(header: &[u8; TRANSPORT_HEADER_LEN]) -> u64 {
    header
        .last_chunk::<8>()
        .map_or(0, |c| u64::from_be_bytes(*c))
}

#[cfg(test)]
mod tests;
