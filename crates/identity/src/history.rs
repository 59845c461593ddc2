//! A node's root keys from the first to the present one.
//!
//! A [`KeyHistory`] is an inception record and its rotation log, or the end of that log. It
//! has the right form when it exists (an address in fc00::/8, positions that follow each
//! other, at most 64 entries); whether its signatures hold, and whether it agrees with what
//! is known of the node, is what [`KeyHistory::verify`] finds out.
//!
//! | the log begins at | the verifier knows | the first entry is checked against |
//! |---|---|---|
//! | 1 | anything | the inception record |
//! | position of the pin + 1 | a pin | the pin |
//! | the position of the pin or before | a pin | the entry at the pin's position must be the pinned one; what is before it hangs on it by hashes |
//! | later, or > 1 without a pin | | refused: a longer log is needed |

use wire::statement::{ROTATION_LEN, ROTATIONS_HANDSHAKE_MAX, ROTATIONS_MAX};
use wire::{Malformed, NodeAddr};

use crate::crypto::Crypto;
use crate::inception::{Inception, next_hash};
use crate::pin::Pin;
use crate::rotation::{RotationEntry, RotationKind};
use crate::tip::Tip;

/// A history that cannot be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HistoryError {
    /// A statement could not be read.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The address of the inception record does not begin with 0xFC.
    #[error("the inception record has no address in fc00::/8")]
    NotAnAddress,
    /// More than 64 entries, or a position beyond 64.
    #[error("the rotation log has more than 64 entries")]
    LogTooLong,
    /// Positions do not follow each other.
    #[error("the rotation log has a gap or is not in order")]
    LogNotInOrder,
}

/// Why a history is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// The entries do not connect to what is known.
    #[error("a longer log is needed: it begins at position {first}, {known} is known")]
    LongerLogNeeded {
        /// The highest position known.
        known: u32,
        /// The first position presented.
        first: u32,
    },
    /// The log ends before what is known: somebody presents an older state.
    #[error("the rotation log ends at position {presented}, but {pinned} is known")]
    RolledBack {
        /// The highest position known.
        pinned: u32,
        /// The last position presented.
        presented: u32,
    },
    /// Another entry is known at this position.
    #[error("another rotation entry is known at position {position}")]
    Fork {
        /// Where the logs part.
        position: u32,
    },
    /// The new root key is not the one that was committed to.
    #[error("the root key at position {position} is not the one committed to before")]
    NotTheNextRoot {
        /// Of the entry.
        position: u32,
    },
    /// A recovery entry, but the inception record names no recovery key.
    #[error("recovery at position {position}, but the node has no recovery key")]
    NoRecoveryKey {
        /// Of the entry.
        position: u32,
    },
    /// A signature does not hold.
    #[error("the signature of the rotation entry at position {position} is wrong")]
    WrongSignature {
        /// Of the entry.
        position: u32,
    },
}

/// An inception record and (the end of) its rotation log, in the right form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyHistory {
    address: NodeAddr,
    inception: Inception,
    log: Vec<RotationEntry>,
}

impl KeyHistory {
    /// Puts a history together; `log` is oldest first and may be only the end of the whole.
    pub fn new(
        crypto: &dyn Crypto,
        inception: Inception,
        log: Vec<RotationEntry>,
    ) -> Result<Self, HistoryError> {
        let address = inception.address(crypto);
        if !address.is_f() {
            return Err(HistoryError::NotAnAddress);
        }
        let last = log.last().map_or(0, |entry| entry.position);
        if log.len() > ROTATIONS_MAX || usize::try_from(last).is_ok_and(|p| p > ROTATIONS_MAX) {
            return Err(HistoryError::LogTooLong);
        }
        let mut pairs = log.iter().zip(log.iter().skip(1));
        let in_order = pairs.all(|(a, b)| a.position.checked_add(1) == Some(b.position));
        if !in_order || log.first().is_some_and(|entry| entry.position == 0) {
            return Err(HistoryError::LogNotInOrder);
        }
        Ok(Self {
            address,
            inception,
            log,
        })
    }

    /// Reads a history from the bytes of its statements.
    pub fn decode<'a>(
        crypto: &dyn Crypto,
        inception: &[u8],
        entries: impl Iterator<Item = &'a [u8; ROTATION_LEN]>,
    ) -> Result<Self, HistoryError> {
        let inception = Inception::decode(inception)?;
        // One more than allowed, so that `new` sees that there are too many.
        let log: Result<Vec<_>, _> = entries
            .take(ROTATIONS_MAX + 1)
            .map(RotationEntry::decode)
            .collect();
        Self::new(crypto, inception, log?)
    }

    /// The node's address F.
    pub fn address(&self) -> NodeAddr {
        self.address
    }

    /// The inception record.
    pub fn inception(&self) -> &Inception {
        &self.inception
    }

    /// The entries held, oldest first.
    pub fn log(&self) -> &[RotationEntry] {
        &self.log
    }

    /// The last position; 0 without rotations.
    pub fn position(&self) -> u32 {
        self.log.last().map_or(0, |entry| entry.position)
    }

    /// The root key in force.
    pub fn root_key(&self) -> &[u8; 32] {
        match self.log.last() {
            Some(entry) => &entry.root_key,
            None => &self.inception.root_key,
        }
    }

    /// Whether the log is held from its beginning.
    pub fn is_whole(&self) -> bool {
        self.log.first().is_none_or(|entry| entry.position == 1)
    }

    /// The state after the last entry.
    pub fn tip(&self, crypto: &dyn Crypto) -> Tip {
        match self.log.last() {
            Some(entry) => Tip::of_entry(crypto, entry),
            None => Tip::of_inception(crypto, &self.inception),
        }
    }

    /// The entries as bytes, one after the other.
    pub fn encode_log(&self) -> Vec<u8> {
        self.log.iter().flat_map(RotationEntry::encode).collect()
    }

    /// The last two entries (fewer if there are fewer) as bytes, for a handshake.
    pub fn encode_tail(&self) -> Vec<u8> {
        let skip = self.log.len().saturating_sub(ROTATIONS_HANDSHAKE_MAX);
        let tail = self.log.iter().skip(skip);
        tail.flat_map(RotationEntry::encode).collect()
    }

    /// This history with those of `known` before its first entry, so that a tail becomes as
    /// long as what is known. `known` is of the same node, and both have been verified.
    #[must_use]
    pub fn after(mut self, known: &KeyHistory) -> Self {
        if known.address != self.address {
            return self;
        }
        let first = self.log.first().map_or(u32::MAX, |entry| entry.position);
        let before = known.log.iter().filter(|entry| entry.position < first);
        let connects = |last: &RotationEntry| first == u32::MAX || last.position + 1 == first;
        let mut log: Vec<_> = before.cloned().collect();
        if log.last().is_some_and(connects) {
            log.append(&mut self.log);
            self.log = log;
        }
        self
    }

    /// Checks every entry against the one before it and the whole against what is known.
    ///
    /// Returns the state to remember. An empty log is the pinned state, or the inception
    /// record where nothing is pinned.
    pub fn verify(&self, crypto: &dyn Crypto, pin: Option<&Pin>) -> Result<Tip, LogError> {
        let mut previous = self.connect(crypto, pin)?;
        for entry in &self.log {
            if let Some(previous) = &previous {
                self.verify_entry(crypto, previous, entry)?;
            }
            let tip = Tip::of_entry(crypto, entry);
            if pin.is_some_and(|pin| pin.position == tip.position && pin.tip() != tip) {
                return Err(LogError::Fork {
                    position: tip.position,
                });
            }
            previous = Some(tip);
        }
        // Without entries, `connect` returned a state.
        Ok(previous.unwrap_or_else(|| self.tip(crypto)))
    }

    /// What the first entry is checked against; `None` if it hangs on a pin further on.
    fn connect(&self, crypto: &dyn Crypto, pin: Option<&Pin>) -> Result<Option<Tip>, LogError> {
        let start = Tip::of_inception(crypto, &self.inception);
        let known = pin.map_or(0, |pin| pin.position);
        let Some(first) = self.log.first().map(|entry| entry.position) else {
            return Ok(Some(pin.map_or(start, Pin::tip)));
        };
        let presented = self.position();
        if presented < known {
            return Err(LogError::RolledBack {
                pinned: known,
                presented,
            });
        }
        match pin {
            _ if first == 1 => Ok(Some(start)),
            Some(pin) if pin.position + 1 == first => Ok(Some(pin.tip())),
            Some(pin) if pin.position >= first => Ok(None),
            _ => Err(LogError::LongerLogNeeded { known, first }),
        }
    }

    fn verify_entry(
        &self,
        crypto: &dyn Crypto,
        previous: &Tip,
        entry: &RotationEntry,
    ) -> Result<(), LogError> {
        let position = entry.position;
        let signer = match entry.kind {
            RotationKind::Rotation => {
                if next_hash(crypto, &entry.root_key) != previous.next_hash {
                    return Err(LogError::NotTheNextRoot { position });
                }
                entry.root_key
            }
            RotationKind::Recovery => self
                .inception
                .recovery_key
                .ok_or(LogError::NoRecoveryKey { position })?,
        };
        let text = entry.signed_text(self.address, &previous.entry_hash);
        if crypto.ed25519_verify(&signer, &text, &entry.signature) {
            Ok(())
        } else {
            Err(LogError::WrongSignature { position })
        }
    }
}
