//! Channels on the fast path: this node's own, and those that it joins as a Bridge
//! (docs/protocol/session.md, section 6).
//!
//! A datagram for a channel of this node is one of the peer at its other end, behind a header. A
//! datagram for a leg of this Bridge goes on, in place, with another header. Both are checked by
//! their MAC first; what fits neither is dropped.
//!
//! Legs are shared with the slow path, which adds and removes them at once, not through a
//! snapshot: a Bridge with thousands of clients would have to build one for each that comes.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use identity::crypto::Crypto;
use session::hop::{HopKey, HopWindow, Way};
use wire::datagram::{Datagram, RELAY_HEADER_LEN, RelayedView};
use wire::{NodeAddr, Path};

use crate::fast::DropReason;

/// How much a client with a rate may send at once, as time of its rate.
const BURST: Duration = Duration::from_millis(200);

/// A channel of this node to a peer, over a Bridge.
#[derive(Debug)]
pub(crate) struct OwnChannel {
    pub(crate) bridge: NodeAddr,
    pub(crate) peer: NodeAddr,
    pub(crate) key: HopKey,
}

/// Where sealed datagrams go: over the underlay, or over a channel and the way to its Bridge.
#[derive(Clone, Debug)]
pub(crate) enum Route {
    Direct(Path),
    Relayed(Arc<OwnChannel>, Path),
}

impl Route {
    /// The way that the session knows of.
    pub(crate) fn path(&self) -> Path {
        match self {
            Self::Direct(path) => *path,
            Self::Relayed(channel, _) => Path::Channel(channel.key.channel()),
        }
    }

    /// The way that the datagram takes out of this machine.
    pub(crate) const fn underlay(&self) -> Path {
        match self {
            Self::Direct(path) | Self::Relayed(_, path) => *path,
        }
    }
}

/// A client of this Bridge, as its legs see it.
#[derive(Debug)]
pub(crate) struct Owner {
    pub(crate) f: NodeAddr,
    path: Mutex<Path>,
    allowance: Option<Mutex<Allowance>>,
    relayed_packets: AtomicU64,
    relayed_bytes: AtomicU64,
}

#[derive(Debug)]
struct Allowance {
    rate_bytes_s: u64,
    /// Bytes that may be sent at `at`.
    left: u64,
    at: Duration,
}

impl Owner {
    /// A client at `path` that may send `rate_bytes_s` (`None`: as much as it likes).
    pub(crate) fn new(f: NodeAddr, path: Path, rate_bytes_s: Option<u64>) -> Self {
        let allowance = |rate_bytes_s| {
            Mutex::new(Allowance {
                rate_bytes_s,
                left: 0,
                at: Duration::ZERO,
            })
        };
        Self {
            f,
            path: Mutex::new(path),
            allowance: rate_bytes_s.map(allowance),
            relayed_packets: AtomicU64::new(0),
            relayed_bytes: AtomicU64::new(0),
        }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> Path {
        *self.path.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It has moved.
    pub(crate) fn set_path(&self, path: Path) {
        *self.path.lock().unwrap_or_else(PoisonError::into_inner) = path;
    }

    /// What it may send, in bytes a second.
    pub(crate) fn rate_bytes_s(&self) -> Option<u64> {
        let allowance = self.allowance.as_ref()?;
        let allowance = allowance.lock().unwrap_or_else(PoisonError::into_inner);
        Some(allowance.rate_bytes_s)
    }

    /// Datagrams and bytes relayed for it.
    pub(crate) fn relayed(&self) -> (u64, u64) {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (load(&self.relayed_packets), load(&self.relayed_bytes))
    }

    /// Whether it may send `len` more bytes now.
    fn may_send(&self, now: Duration, len: usize) -> bool {
        let Some(allowance) = &self.allowance else {
            return true;
        };
        let mut allowance = allowance.lock().unwrap_or_else(PoisonError::into_inner);
        allowance.take(now, len as u64)
    }
}

impl Allowance {
    fn take(&mut self, now: Duration, len: u64) -> bool {
        let rate = u128::from(self.rate_bytes_s);
        let elapsed_us = now.saturating_sub(self.at).as_micros();
        let earned = rate.saturating_mul(elapsed_us) / 1_000_000;
        if earned > 0 {
            let burst = u64::try_from(rate * BURST.as_micros() / 1_000_000).unwrap_or(u64::MAX);
            let earned_bytes = u64::try_from(earned).unwrap_or(u64::MAX);
            // A burst holds the two datagrams of a handshake, however low the rate.
            self.left = self.left.saturating_add(earned_bytes).min(burst.max(4_096));
            // What was not enough for a byte stays due.
            let paid_us = u64::try_from(earned * 1_000_000 / rate).unwrap_or(u64::MAX);
            self.at = self.at.saturating_add(Duration::from_micros(paid_us));
        }
        let left = self.left.checked_sub(len);
        self.left = left.unwrap_or(self.left);
        left.is_some()
    }
}

/// One leg of a channel that this Bridge joins.
#[derive(Debug)]
pub(crate) struct Leg {
    pub(crate) key: Arc<HopKey>,
    pub(crate) owner: Arc<Owner>,
    pub(crate) onward_key: Arc<HopKey>,
    pub(crate) onward: Arc<Owner>,
    window: HopWindow,
}

impl Leg {
    pub(crate) fn new(
        (key, owner): (Arc<HopKey>, Arc<Owner>),
        (onward_key, onward): (Arc<HopKey>, Arc<Owner>),
    ) -> Self {
        Self {
            key,
            owner,
            onward_key,
            onward,
            window: HopWindow::default(),
        }
    }
}

/// The legs of a Bridge, by the number of their channel.
#[derive(Debug, Default)]
pub(crate) struct Legs(RwLock<BTreeMap<u32, Arc<Leg>>>);

impl Legs {
    pub(crate) fn insert(&self, leg: Leg) {
        let mut legs = self.0.write().unwrap_or_else(PoisonError::into_inner);
        legs.insert(leg.key.channel(), Arc::new(leg));
    }

    pub(crate) fn remove(&self, channel: u32) {
        let mut legs = self.0.write().unwrap_or_else(PoisonError::into_inner);
        legs.remove(&channel);
    }

    pub(crate) fn holds(&self, channel: u32) -> bool {
        self.get(channel).is_some()
    }

    #[cfg(feature = "sabotage")]
    pub(crate) fn numbers(&self) -> Vec<u32> {
        let legs = self.0.read().unwrap_or_else(PoisonError::into_inner);
        legs.keys().copied().collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn get(&self, channel: u32) -> Option<Arc<Leg>> {
        let legs = self.0.read().unwrap_or_else(PoisonError::into_inner);
        legs.get(&channel).map(Arc::clone)
    }
}

/// What to do with a relayed datagram.
pub(crate) enum Relayed {
    /// It is a datagram of this peer, from this path, behind the header. Anything of somebody
    /// else in it is not let through: a client could lead a session astray by what it recorded.
    Own(Path, NodeAddr),
    /// Send it on, with the header that it has now.
    Forward {
        to: Path,
        /// Its client sends from a path that is not known of, and it is the newest packet.
        moved: Option<NodeAddr>,
    },
}

/// The channels that this node knows.
#[derive(Clone)]
pub(crate) struct Hops {
    pub(crate) crypto: Arc<dyn Crypto>,
    pub(crate) own: Arc<BTreeMap<u32, Arc<OwnChannel>>>,
    /// Whether this node uses a Bridge.
    pub(crate) used: bool,
    pub(crate) legs: Arc<Legs>,
}

impl fmt::Debug for Hops {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hops")
            .field("own", &self.own.len())
            .field("legs", &self.legs.len())
            .finish_non_exhaustive()
    }
}

impl Hops {
    pub(crate) fn new(crypto: Arc<dyn Crypto>) -> Self {
        Self {
            crypto,
            own: Arc::default(),
            used: false,
            legs: Arc::default(),
        }
    }

    /// Whether channels may be opened to this node.
    pub(crate) const fn are_used(&self) -> bool {
        self.used
    }

    /// Takes a relayed datagram that came from `from`.
    ///
    /// # Errors
    /// Why it is dropped.
    pub(crate) fn take(
        &self,
        now: Duration,
        from: Path,
        datagram: &mut [u8],
    ) -> Result<Relayed, DropReason> {
        let Ok(Datagram::Relayed(view)) = Datagram::parse(datagram) else {
            return Err(DropReason::Malformed);
        };
        if let Some(own) = self.own.get(&view.channel) {
            if !own.key.verify(&*self.crypto, Way::ToClient, &view) {
                return Err(DropReason::NotAuthentic);
            }
            return Ok(Relayed::Own(Path::Channel(view.channel), own.peer));
        }
        let leg = self.legs.get(view.channel).ok_or(DropReason::NoChannel)?;
        self.forward(now, from, &leg, datagram)
    }

    fn forward(
        &self,
        now: Duration,
        from: Path,
        leg: &Leg,
        datagram: &mut [u8],
    ) -> Result<Relayed, DropReason> {
        let newest = {
            let Ok(Datagram::Relayed(view)) = Datagram::parse(datagram) else {
                return Err(DropReason::Malformed);
            };
            if !leg.key.verify(&*self.crypto, Way::ToBridge, &view) {
                return Err(DropReason::NotAuthentic);
            }
            let newest = leg.window.accept(view.sealed);
            newest.map_err(|error| match error {
                session::hop::HopError::Malformed => DropReason::Malformed,
                session::hop::HopError::Replay(_) => DropReason::Replayed,
            })?
        };
        if !leg.owner.may_send(now, datagram.len()) {
            return Err(DropReason::Quota);
        }
        leg.owner.relayed_packets.fetch_add(1, Ordering::Relaxed);
        leg.owner
            .relayed_bytes
            .fetch_add(datagram.len() as u64, Ordering::Relaxed);
        if let Some((header, sealed)) = datagram.split_first_chunk_mut::<RELAY_HEADER_LEN>() {
            *header = leg.onward_key.header(&*self.crypto, Way::ToClient, sealed);
        }
        let moved = newest && leg.owner.path() != from;
        Ok(Relayed::Forward {
            to: leg.onward.path(),
            moved: moved.then_some(leg.owner.f),
        })
    }

    /// A datagram that was to go on, on the leg that `pick` picks instead.
    #[cfg(feature = "sabotage")]
    pub(crate) fn misroute(&self, datagram: &[u8], pick: usize) -> Option<(Path, Vec<u8>)> {
        let numbers = self.legs.numbers();
        let number = numbers.get(pick.checked_rem(numbers.len())?)?;
        let leg = self.legs.get(*number)?;
        let sealed = datagram.get(RELAY_HEADER_LEN..)?;
        let header = leg.key.header(&*self.crypto, Way::ToClient, sealed);
        Some((leg.owner.path(), [&header, sealed].concat()))
    }

    /// A datagram behind the header of one of this node's channels.
    pub(crate) fn wrap(&self, channel: &OwnChannel, sealed: &[u8]) -> Vec<u8> {
        [
            &channel.key.header(&*self.crypto, Way::ToBridge, sealed),
            sealed,
        ]
        .concat()
    }
}

/// Whether bytes start like a relayed datagram.
pub(crate) fn is_relayed(view: &Datagram<'_>) -> bool {
    matches!(view, Datagram::Relayed(RelayedView { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_with_a_rate_sends_no_faster() {
        let ms = Duration::from_millis;
        let owner = Owner::new(NodeAddr([1; 16]), Path::Channel(1), Some(1_000_000));
        let sent = |from: u64, to: u64| {
            let tries = (from..to).flat_map(|at| std::iter::repeat_n(at, 10));
            tries.filter(|at| owner.may_send(ms(*at), 1_000)).count()
        };
        // A burst of 200 ms, then a datagram each millisecond.
        assert_eq!(sent(1_000, 1_001), 10);
        let first = sent(1_001, 2_001);
        assert!((1_180..=1_200).contains(&first), "{first}");
        let second = sent(2_001, 3_001);
        assert!((999..=1_001).contains(&second), "{second}");
        let free = Owner::new(NodeAddr([1; 16]), Path::Channel(1), None);
        assert!((0..10_000).all(|_| free.may_send(ms(0), 65_535)));
    }

    #[test]
    fn a_low_rate_is_kept_and_still_lets_a_handshake_through() {
        let us = Duration::from_micros;
        let owner = |rate| Owner::new(NodeAddr([1; 16]), Path::Channel(1), Some(rate));
        let slow = owner(2_000);
        for at_s in [10, 20] {
            let sent = (0..3).filter(|_| slow.may_send(us(at_s * 1_000_000), 1_300));
            assert_eq!(sent.count(), 3, "two datagrams and a little more");
        }
        // Asked much more often than there is a byte to earn, it earns what it should.
        let often = owner(10_000);
        let spent = (0..100_000).filter(|n| often.may_send(us(1_000_000 + n * 90), 100));
        let bytes = spent.count() * 100;
        assert!((93_000..=95_000).contains(&bytes), "{bytes} in 9 s");
    }
}
