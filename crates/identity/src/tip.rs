//! Where a rotation log stands: what the next entry is checked against.

use crate::crypto::Crypto;
use crate::inception::Inception;
use crate::rotation::RotationEntry;

/// The state after one entry, or after the inception record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tip {
    /// The position; 0 is the inception record.
    pub position: u32,
    /// The root key in force.
    pub root_key: [u8; 32],
    /// Commitment to the root key that follows.
    pub next_hash: [u8; 32],
    /// SHA-256 of the entry or the inception record.
    pub entry_hash: [u8; 32],
}

impl Tip {
    pub(crate) fn of_inception(crypto: &dyn Crypto, inception: &Inception) -> Self {
        Self {
            position: 0,
            root_key: inception.root_key,
            next_hash: inception.next_hash,
            entry_hash: crypto.sha256(&[&inception.encode()]),
        }
    }

    pub(crate) fn of_entry(crypto: &dyn Crypto, entry: &RotationEntry) -> Self {
        Self {
            position: entry.position,
            root_key: entry.root_key,
            next_hash: entry.next_hash,
            entry_hash: entry.hash(crypto),
        }
    }
}
