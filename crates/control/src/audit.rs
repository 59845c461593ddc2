//! The audit trail: each event with who caused it, when, and a hash over all before it. Whoever
//! changes, leaves out or inserts a record is found by reading the trail, or by comparing its end
//! with one that was noted elsewhere.

use group::serial::hex;
use identity::crypto::Crypto;
use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::event::Event;

/// One line of the trail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its number, from 1.
    pub rev: u64,
    /// When, Unix seconds.
    pub at_unix_s: u64,
    /// Who.
    pub actor: Actor,
    /// What.
    pub event: Event,
    /// `SHA-256("kumihimo audit v1" ‖ hash of the record before ‖ this record as JSON without its
    /// hash)`.
    #[serde(with = "hex")]
    pub hash: [u8; 32],
}

/// Where a trail has come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trail {
    /// Records so far.
    pub rev: u64,
    /// The hash of the last.
    pub hash: [u8; 32],
}

/// Why a trail is not what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuditError {
    /// A record is missing, or one too many is there.
    #[error("record {wanted} is missing: record {found} follows instead")]
    Order {
        /// The number that should follow.
        wanted: u64,
        /// The one that does.
        found: u64,
    },
    /// A record was changed, or one before it was.
    #[error("record {rev} was changed, or one before it was")]
    Changed {
        /// Its number.
        rev: u64,
    },
}

impl Trail {
    /// Adds an event.
    #[must_use]
    pub fn record(
        &mut self,
        crypto: &dyn Crypto,
        at_unix_s: u64,
        actor: Actor,
        event: Event,
    ) -> Record {
        let mut record = Record {
            rev: self.rev.saturating_add(1),
            at_unix_s,
            actor,
            event,
            hash: [0; 32],
        };
        record.hash = hash(crypto, &self.hash, &record);
        (self.rev, self.hash) = (record.rev, record.hash);
        record
    }

    /// Reads the next record of a trail that somebody kept.
    ///
    /// # Errors
    /// See [`AuditError`].
    pub fn verify(&mut self, crypto: &dyn Crypto, record: &Record) -> Result<(), AuditError> {
        let wanted = self.rev.saturating_add(1);
        let rev = record.rev;
        if rev != wanted {
            return Err(AuditError::Order { wanted, found: rev });
        }
        if hash(crypto, &self.hash, record) != record.hash {
            return Err(AuditError::Changed { rev });
        }
        (self.rev, self.hash) = (rev, record.hash);
        Ok(())
    }
}

fn hash(crypto: &dyn Crypto, before: &[u8; 32], record: &Record) -> [u8; 32] {
    let plain = (record.rev, record.at_unix_s, record.actor, &record.event);
    // Maps with text keys, numbers and texts: this cannot fail.
    let json = serde_json::to_vec(&plain).unwrap_or_default();
    crypto.sha256(&[b"kumihimo audit v1", before, &json])
}
