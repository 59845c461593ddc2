//! The chain of one server of a group, as a member keeps it (docs/protocol/group.md, section 3).
//!
//! It takes entries in order, refuses those that do not follow, and tells a fork from what
//! it merely has not seen. From the entries it knows whom the server removed and which epochs there
//! are. The entries of a while are kept, to hand on and as evidence.
//!
//! | limit | value |
//! |---|---|
//! | entries kept | the newest [`ENTRIES_MIN`], and all of the last [`REMOVAL_S`] |
//! | such entries, removals | [`REMOVALS_MAX`]; more are not taken |
//! | epochs | [`EPOCHS_MAX`], the newest |

use std::collections::{BTreeMap, VecDeque};

use identity::CLOCK_TOLERANCE_S;
use identity::crypto::Crypto;

use crate::statement::{
    Authority, Entry, EntryBody, EpochEntry, GroupId, LEASE_S_MAX, Membership, Signer,
};

/// Entries that are kept however old they are.
pub const ENTRIES_MIN: usize = 256;
/// Most removals in force, and most entries that are kept.
pub const REMOVALS_MAX: usize = 65_536;
/// How long a removal is kept, in seconds: as long as there may be leases that it ends.
pub const REMOVAL_S: u64 = LEASE_S_MAX + CLOCK_TOLERANCE_S;
/// Epochs that are kept, cancelled ones included.
pub const EPOCHS_MAX: usize = 64;

/// The end of a chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The number of the last entry; 0: there is none.
    pub number: u32,
    /// Its hash.
    pub hash: [u8; 32],
}

/// A part of a chain, on its way to somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Links {
    /// The server's index.
    pub index: u8,
    /// What the first entry follows.
    pub after: Head,
    /// The entries, oldest first.
    pub entries: Vec<Entry>,
}

/// An epoch of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// What the server said of it.
    pub entry: EpochEntry,
    /// When a later entry cancelled it, Unix seconds.
    pub cancelled_unix_s: Option<u64>,
}

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It is new: act on it.
    New,
    /// It was there already.
    Known,
}

/// Why an entry was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// It is of another group or another server's chain.
    #[error("the entry is of another chain")]
    Elsewhere,
    /// Nobody who may signed it.
    #[error("the entry is not signed by the server of this chain")]
    Signature,
    /// Entries before it are missing.
    #[error("entries before number {number} are missing: entry {wanted} is next")]
    Gap {
        /// The entry's number.
        number: u32,
        /// The one that is next.
        wanted: u32,
    },
    /// It is older than all that is kept.
    #[error("the entry is older than what is kept")]
    TooOld,
    /// The server has signed two chains. Both entries are proof of it.
    #[error("the server has signed two different entries {}", .0.1.number)]
    Fork(Box<(Option<Entry>, Entry)>),
    /// An epoch whose number does not grow.
    #[error("the epoch's number is not higher than that of the one before")]
    EpochNumber,
    /// There is no room for more entries.
    #[error("the chain has more than {REMOVALS_MAX} entries of the last days")]
    Full,
}

/// What another's head says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    /// Both have the same.
    Same,
    /// The other has more: entries from this number on are wanted.
    Behind {
        /// The first that is missing here.
        from: u32,
    },
    /// This one has more.
    Ahead,
    /// The other's head is of another chain: a fork.
    Fork,
    /// The other's head is too old to compare.
    Unknown,
}

/// The chain of one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    group: GroupId,
    index: u8,
    head: Head,
    entries: VecDeque<Entry>,
    removals: BTreeMap<Membership, u64>,
    epochs: VecDeque<Epoch>,
}

impl Chain {
    /// A chain that is known up to `head`; [`Head::default`] from its beginning.
    #[must_use]
    pub fn new(group: GroupId, index: u8, head: Head) -> Self {
        Self {
            group,
            index,
            head,
            entries: VecDeque::new(),
            removals: BTreeMap::new(),
            epochs: VecDeque::new(),
        }
    }

    /// The server's index.
    #[must_use]
    pub fn index(&self) -> u8 {
        self.index
    }

    /// The end.
    #[must_use]
    pub fn head(&self) -> Head {
        self.head
    }

    /// The epochs, by the order of their entries.
    pub fn epochs(&self) -> impl DoubleEndedIterator<Item = &Epoch> {
        self.epochs.iter()
    }

    /// The epoch in force, as far as the chain goes, and those to come.
    #[must_use]
    pub fn epochs_ahead(&self, now_unix_s: u64) -> Vec<EpochEntry> {
        let valid = self.epochs().filter(|it| it.cancelled_unix_s.is_none());
        let valid: Vec<EpochEntry> = valid.map(|it| it.entry).collect();
        let is_active = |it: &EpochEntry| it.activates_unix_s <= now_unix_s;
        let current = valid.iter().rposition(is_active);
        let ahead = valid.get(current.unwrap_or_default()..);
        ahead.unwrap_or_default().to_vec()
    }

    /// Whether an admission was removed.
    #[must_use]
    pub fn is_removed(&self, member: Membership) -> bool {
        self.removals.contains_key(&member)
    }

    /// The admissions that were removed, and when, Unix seconds.
    pub fn removals(&self) -> impl Iterator<Item = (Membership, u64)> {
        self.removals.iter().map(|(member, at)| (*member, *at))
    }

    /// The entries from a number on that are kept, oldest first.
    pub fn entries_from(&self, number: u32) -> impl Iterator<Item = &Entry> {
        self.entries
            .iter()
            .skip_while(move |entry| entry.number < number)
    }

    /// The same, with what the first of them follows.
    #[must_use]
    pub fn links_from(&self, number: u32) -> Links {
        let entries: Vec<Entry> = self.entries_from(number).cloned().collect();
        let after = entries.first().map_or(self.head, |first| Head {
            number: first.number.saturating_sub(1),
            hash: first.before,
        });
        Links {
            index: self.index,
            after,
            entries,
        }
    }

    /// The number of the last epoch; 0: there is none.
    #[must_use]
    pub fn last_epoch(&self) -> u32 {
        self.epochs.back().map_or(0, |epoch| epoch.entry.number)
    }

    /// Writes the next entry of a chain that is one's own.
    ///
    /// # Errors
    /// [`ChainError::EpochNumber`], [`ChainError::Full`].
    pub fn write(
        &mut self,
        by: &Signer<'_>,
        at_unix_s: u64,
        body: EntryBody,
    ) -> Result<Entry, ChainError> {
        let entry = Entry {
            group: self.group,
            index: self.index,
            number: self.head.number.saturating_add(1),
            before: self.head.hash,
            at_unix_s,
            body,
            signature: [0; 64],
        };
        let entry = entry.signed(by);
        self.take(by.crypto, entry.clone())?;
        Ok(entry)
    }

    /// Takes an entry that somebody handed over.
    ///
    /// # Errors
    /// See [`ChainError`]; then nothing changed.
    pub fn apply(
        &mut self,
        crypto: &dyn Crypto,
        authority: &Authority,
        entry: Entry,
    ) -> Result<Applied, ChainError> {
        if (entry.group, entry.index) != (self.group, self.index) {
            return Err(ChainError::Elsewhere);
        }
        let wanted = self.head.number.saturating_add(1);
        if entry.number > wanted {
            let number = entry.number;
            return Err(ChainError::Gap { number, wanted });
        }
        if self.entry(entry.number) == Some(&entry) {
            return Ok(Applied::Known);
        }
        // Only what the server signed says anything about it.
        if !entry.holds(crypto, authority) {
            return Err(ChainError::Signature);
        }
        if entry.number < wanted {
            return self.compare_old(crypto, entry);
        }
        if entry.before != self.head.hash {
            let last = self.entries.back().cloned();
            return Err(ChainError::Fork(Box::new((last, entry))));
        }
        self.take(crypto, entry)?;
        Ok(Applied::New)
    }

    /// What another's head says about the two chains.
    #[must_use]
    pub fn compare(&self, crypto: &dyn Crypto, other: Head) -> Compared {
        if other.number > self.head.number {
            let from = self.head.number.saturating_add(1);
            return Compared::Behind { from };
        }
        match self.hash_of(crypto, other.number) {
            Some(hash) if hash != other.hash => Compared::Fork,
            Some(_) if other.number == self.head.number => Compared::Same,
            Some(_) => Compared::Ahead,
            None => Compared::Unknown,
        }
    }

    /// Forgets removals that no lease outlives.
    pub fn expire(&mut self, now_unix_s: u64) {
        self.removals
            .retain(|_, at| at.saturating_add(REMOVAL_S) > now_unix_s);
    }

    /// An entry that is not new: the same, or proof of a fork.
    fn compare_old(&self, crypto: &dyn Crypto, entry: Entry) -> Result<Applied, ChainError> {
        match self.hash_of(crypto, entry.number) {
            Some(hash) if hash == entry.hash(crypto) => Ok(Applied::Known),
            Some(_) => {
                let own = self.entry(entry.number).cloned();
                Err(ChainError::Fork(Box::new((own, entry))))
            }
            None => Err(ChainError::TooOld),
        }
    }

    fn entry(&self, number: u32) -> Option<&Entry> {
        let first = self.entries.front()?.number;
        let at = usize::try_from(number.checked_sub(first)?).ok()?;
        self.entries.get(at)
    }

    /// The hash at a number, if it is known: of an entry kept, the head, or what the first entry
    /// kept says of the one before.
    fn hash_of(&self, crypto: &dyn Crypto, number: u32) -> Option<[u8; 32]> {
        if number == self.head.number {
            return Some(self.head.hash);
        }
        match self.entry(number.checked_add(1)?) {
            Some(after) => Some(after.before),
            None => self.entry(number).map(|entry| entry.hash(crypto)),
        }
    }

    /// Takes the next entry.
    fn take(&mut self, crypto: &dyn Crypto, entry: Entry) -> Result<(), ChainError> {
        // A removal in force must be there after a restart, too.
        let is_old = |it: &&Entry| it.at_unix_s.saturating_add(REMOVAL_S) <= entry.at_unix_s;
        let old = self.entries.iter().take_while(is_old).count();
        let old = old.min((self.entries.len() + 1).saturating_sub(ENTRIES_MIN));
        if self.entries.len() - old >= REMOVALS_MAX {
            return Err(ChainError::Full);
        }
        match &entry.body {
            EntryBody::Removal(member) => {
                self.removals.insert(*member, entry.at_unix_s);
            }
            EntryBody::Epoch(epoch) => {
                if epoch.number <= self.last_epoch() {
                    return Err(ChainError::EpochNumber);
                }
                self.add_epoch(*epoch, entry.at_unix_s);
            }
        }
        self.head = Head {
            number: entry.number,
            hash: entry.hash(crypto),
        };
        self.entries.drain(..old);
        self.entries.push_back(entry);
        Ok(())
    }

    /// Adds an epoch; those that would activate no earlier are cancelled.
    fn add_epoch(&mut self, entry: EpochEntry, at_unix_s: u64) {
        for epoch in &mut self.epochs {
            let is_later = epoch.entry.activates_unix_s >= entry.activates_unix_s;
            if is_later && epoch.cancelled_unix_s.is_none() {
                epoch.cancelled_unix_s = Some(at_unix_s);
            }
        }
        self.epochs.push_back(Epoch {
            entry,
            cancelled_unix_s: None,
        });
        if self.epochs.len() > EPOCHS_MAX {
            self.epochs.pop_front();
        }
    }
}

#[cfg(test)]
mod tests;
