//! Layer 0: who a node is, and the proofs of it.
//!
//! | module | what it holds |
//! |---|---|
//! | [`crypto`] | the one door to cryptography: hashes, X25519, Ed25519, ML-KEM-768, AEADs, random bytes |
//! | `inception`, `rotation`, `certificate` | the three signed statements |
//! | `tip`, `pin`, `history`, `public` | how statements are believed, and what is remembered of them |
//! | `secret`, `issue` | secret keys, and what their owner signs |
//! | [`sealed`] | key files and backups, with or without a passphrase |
//! | [`password`] | what a Bridge keeps of a customer's password |
//! | `alias` | the Yggdrasil-style address of a root key |
//!
//! This crate never touches a disk, a clock or (ML-KEM in `crypto` excepted) a source of
//! entropy: bytes, times and
//! random numbers are arguments. Formats are those of `docs/protocol/session.md`, section 1.
#![forbid(unsafe_code)]

mod alias;
mod certificate;
pub mod crypto;
mod familiar;
mod history;
mod inception;
mod issue;
pub mod password;
mod pin;
mod public;
mod rotation;
pub mod sealed;
mod secret;
mod tip;

pub use alias::{alias, alias_subnet};
pub use certificate::{
    CLOCK_TOLERANCE_S, Certificate, EXPIRY_WARNING_S, Scopes, VALIDITY_DEFAULT_S,
};
pub use familiar::{FAMILIAR_MAX, FamiliarKey};
pub use history::{HistoryError, KeyHistory, LogError};
pub use inception::{Inception, next_hash};
pub use issue::{
    IssueError, NewIdentity, Rotated, SALT_TRIES_MAX, Terms, issue_certificate, next_counter,
    recover, rotate,
};
pub use pin::{PIN_LEN, Pin};
pub use public::{IdentityError, PublicIdentity};
pub use rotation::{RotationEntry, RotationKind};
pub use secret::{
    AdminSecret, HotKeys, HotKeysDiffer, LocalIdentity, NextRootSecret, RecoverySecret, RootSecret,
};
pub use tip::Tip;

#[cfg(test)]
mod tests;
