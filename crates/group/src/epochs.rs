//! Which epochs of a group count now: the secrets that a member holds, and their times
//! (docs/protocol/group.md, section 4).
//!
//! Every member decides for itself by its own clock, so the times overlap: an epoch is taken
//! before it is used, and the one before for a while after. Nobody needs a server on the day.
//!
//! | use | from | to |
//! |---|---|---|
//! | [`Use::Beside`] | [`EARLY_S`] before it activates | its activation |
//! | [`Use::Current`] | its activation | the next one that is held activates |
//! | [`Use::Beside`] | | the shortest overlap of those that activated since |
//! | [`Use::CatchUp`] | then, or when it was cancelled | [`CATCH_UP_S`] later |

use std::collections::BTreeMap;

use identity::crypto::Crypto;
use zeroize::Zeroizing;

use crate::chain::{Chain, Epoch};
use crate::statement::{EpochEntry, LEASE_S};

/// How long before its activation an epoch is offered and taken, in seconds: as much as clocks may differ
/// ([`identity::CLOCK_TOLERANCE_S`]), for to whoever's clock is ahead it is the only one by then.
pub const EARLY_S: u64 = identity::CLOCK_TOLERANCE_S;
/// How long an epoch serves to catch up after its end, in seconds: a lease may have been given in
/// its last moment.
pub const CATCH_UP_S: u64 = LEASE_S;

/// Names an epoch of a group: the server's index, and the number in its chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EpochName {
    /// The server.
    pub index: u8,
    /// The epoch.
    pub number: u32,
}

impl EpochName {
    /// The number that a credential of the handshake has: index (4 bits) ‖ number (28 bits).
    #[must_use]
    pub const fn wire(self) -> u32 {
        ((self.index as u32) << 28) | (self.number & ((1 << 28) - 1))
    }
}

/// What an epoch is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Use {
    /// The one in force: its number is what people are shown.
    Current,
    /// In force for others, perhaps: counts as much.
    Beside,
    /// Over. Whoever has no other may only be told what it missed, in a session without packets.
    CatchUp,
}

/// An epoch that counts now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usable {
    /// Which.
    pub name: EpochName,
    /// For what.
    pub what: Use,
}

/// The secret of an epoch. It proves membership and never encrypts traffic.
#[derive(Clone, PartialEq, Eq)]
pub struct EpochSecret(Zeroizing<[u8; 32]>);

impl EpochSecret {
    /// A secret from its 32 random bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// What an entry says of it.
    #[must_use]
    pub fn hash(&self, crypto: &dyn Crypto) -> [u8; 32] {
        crypto.sha256(&[b"kumihimo group secret v1", &*self.0])
    }

    /// The key of its slots in the handshake.
    #[must_use]
    pub fn tag(&self, crypto: &dyn Crypto) -> [u8; 32] {
        crypto.hmac(&*self.0, &[b"kumihimo group tag v1"])
    }

    /// What it adds to the handshake.
    #[must_use]
    pub fn psk(&self, crypto: &dyn Crypto) -> [u8; 32] {
        crypto.hmac(&*self.0, &[b"kumihimo group psk v1"])
    }

    /// Its bytes, to write down and to hand to another member.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for EpochSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EpochSecret")
    }
}

/// Why a secret was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// No entry names such an epoch.
    #[error("no entry of the chain names this epoch")]
    Unknown,
    /// An entry names it with another hash.
    #[error("this is not the secret that the entry commits to")]
    Mismatch,
}

/// The secrets of one group that a member holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Epochs {
    secrets: BTreeMap<EpochName, EpochSecret>,
}

impl Epochs {
    /// Takes a secret; whether it is new.
    ///
    /// # Errors
    /// See [`SecretError`].
    pub fn insert(
        &mut self,
        crypto: &dyn Crypto,
        chain: &Chain,
        number: u32,
        secret: EpochSecret,
    ) -> Result<bool, SecretError> {
        let mut known = chain.epochs();
        let epoch = known.find(|epoch| epoch.entry.number == number);
        let epoch = epoch.ok_or(SecretError::Unknown)?;
        if epoch.entry.secret_hash != secret.hash(crypto) {
            return Err(SecretError::Mismatch);
        }
        let index = chain.index();
        let name = EpochName { index, number };
        Ok(self.secrets.insert(name, secret).is_none())
    }

    /// A secret that is held.
    #[must_use]
    pub fn secret(&self, name: EpochName) -> Option<&EpochSecret> {
        self.secrets.get(&name)
    }

    /// All that are held.
    pub fn iter(&self) -> impl Iterator<Item = (EpochName, &EpochSecret)> {
        self.secrets.iter().map(|(name, secret)| (*name, secret))
    }

    /// The epochs of a chain that count at `now`, the newest first.
    #[must_use]
    pub fn usable(&self, chain: &Chain, now_unix_s: u64) -> Vec<Usable> {
        let mut usable = Vec::new();
        for (number, times) in self.times(chain) {
            if let Some(what) = times.what(now_unix_s) {
                let index = chain.index();
                let name = EpochName { index, number };
                usable.push(Usable { name, what });
            }
        }
        usable.reverse();
        usable
    }

    /// When [`Self::usable`] changes next, Unix seconds.
    #[must_use]
    pub fn changes_at(&self, chain: &Chain, now_unix_s: u64) -> Option<u64> {
        let times = self.times(chain);
        let moments = times.iter().flat_map(|(_, times)| times.moments());
        moments.flatten().filter(|at| *at > now_unix_s).min()
    }

    /// Forgets secrets.
    pub fn forget(&mut self, which: impl Fn(EpochName) -> bool) {
        self.secrets.retain(|name, _| !which(*name));
    }

    /// Forgets the secrets of a chain that count no more and will not again.
    pub fn expire(&mut self, chain: &Chain, now_unix_s: u64) {
        let usable = self.usable(chain, now_unix_s);
        let is_to_come = |epoch: &&Epoch| {
            epoch.cancelled_unix_s.is_none() && epoch.entry.activates_unix_s > now_unix_s
        };
        let to_come = chain.epochs().filter(is_to_come);
        let to_come: Vec<u32> = to_come.map(|epoch| epoch.entry.number).collect();
        self.secrets.retain(|name, _| {
            name.index != chain.index()
                || to_come.contains(&name.number)
                || usable.iter().any(|it| it.name == *name)
        });
    }

    /// The epochs of a chain whose secrets are held, by number, and when they are of what use.
    fn times(&self, chain: &Chain) -> Vec<(u32, Times)> {
        let index = chain.index();
        let epochs: Vec<&Epoch> = chain.epochs().collect();
        let is_held = |epoch: &Epoch| {
            let number = epoch.entry.number;
            self.secrets.contains_key(&EpochName { index, number })
        };
        let mut times = Vec::new();
        for (at, epoch) in epochs.iter().enumerate().filter(|(_, it)| is_held(it)) {
            let after = epochs.get(at + 1..).unwrap_or_default();
            let counts = |it: &&Epoch| is_held(it) && it.cancelled_unix_s.is_none();
            let next = after.iter().position(counts);
            let until_next = next.and_then(|next| after.get(..=next)).unwrap_or_default();
            times.push((epoch.entry.number, Times::of(epoch, until_next)));
        }
        times
    }
}

/// When an epoch is of what use.
struct Times {
    early: u64,
    activates: u64,
    /// The next one has activated.
    replaced: Option<u64>,
    /// It counts no more.
    ends: Option<u64>,
}

impl Times {
    /// The times of an epoch, given those after it up to the next one that is held; none if none is.
    ///
    /// It counts until that one activates. Beyond that it counts for the shortest overlap of all that
    /// have begun since, held or not: one of them may follow a removal, and a later change must
    /// not stretch that.
    fn of(epoch: &Epoch, until_next: &[&Epoch]) -> Self {
        let has_begun = |it: &&&Epoch| {
            let cancelled = it.cancelled_unix_s;
            cancelled.is_none_or(|at| it.entry.activates_unix_s <= at)
        };
        let end = |it: EpochEntry| it.activates_unix_s.saturating_add(u64::from(it.overlap_s));
        let begun = until_next.iter().filter(has_begun).map(|it| end(it.entry));
        let activates = epoch.entry.activates_unix_s;
        // One that was cancelled ends then: whoever knows that has heard of another.
        let cancelled = epoch.cancelled_unix_s;
        let replaced = until_next.last().map(|next| next.entry.activates_unix_s);
        Self {
            early: activates.saturating_sub(EARLY_S),
            activates,
            replaced: cancelled.or(replaced),
            ends: cancelled.or(begun.min().max(replaced)),
        }
    }

    fn what(&self, now: u64) -> Option<Use> {
        if let Some(ends) = self.ends.filter(|ends| *ends <= now) {
            let is_catching_up = now < ends.saturating_add(CATCH_UP_S);
            return is_catching_up.then_some(Use::CatchUp);
        }
        if now < self.early {
            return None;
        }
        let is_current = now >= self.activates && self.replaced.is_none_or(|at| now < at);
        Some(if is_current {
            Use::Current
        } else {
            Use::Beside
        })
    }

    fn moments(&self) -> [Option<u64>; 5] {
        let over = self.ends.map(|ends| ends.saturating_add(CATCH_UP_S));
        [
            Some(self.early),
            Some(self.activates),
            self.replaced,
            self.ends,
            over,
        ]
    }
}

#[cfg(test)]
mod tests;
