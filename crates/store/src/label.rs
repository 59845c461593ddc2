//! What both stores write in the same way: names of sealed values, records as JSON.

use control::service::StoreError;
use control::{Record, SecretOf};
use group::statement::GroupId;
use identity::password::Verifier;

use crate::seal::Seal;

/// Names the value by which a store knows its key.
pub(crate) const KEY: &[u8] = b"key";
/// That value.
pub(crate) const KEY_CHECK: &[u8] = b"kumihimo store";

pub(crate) fn epoch(of: SecretOf) -> Vec<u8> {
    [b"epoch".as_slice(), &of.group.0, &of.number.to_be_bytes()].concat()
}

pub(crate) fn root(group: GroupId) -> Vec<u8> {
    [b"root".as_slice(), &group.0].concat()
}

pub(crate) fn user(name: &str) -> Vec<u8> {
    [b"user".as_slice(), name.as_bytes()].concat()
}

/// Opens what a password is checked by.
pub(crate) fn verifier(
    seal: &Seal,
    user_name: &str,
    sealed: &[u8],
) -> Result<Verifier, StoreError> {
    let opened = seal.open(&user(user_name), sealed);
    let bytes = opened.and_then(|bytes| bytes.try_into().ok());
    let verifier = bytes.and_then(|bytes| Verifier::decode(&bytes));
    verifier.ok_or_else(does_not_open)
}

/// Opens a sealed secret.
pub(crate) fn open(seal: &Seal, what: &[u8], sealed: &[u8]) -> Result<[u8; 32], StoreError> {
    let opened = seal.open(what, sealed);
    let secret = opened.and_then(|bytes| bytes.try_into().ok());
    secret.ok_or_else(does_not_open)
}

fn does_not_open() -> StoreError {
    let key = crate::KEY_FILE;
    StoreError::Unavailable(format!("a secret does not open with the key in {key}"))
}

/// A revision as both databases count.
pub(crate) fn rev(rev: u64) -> i64 {
    i64::try_from(rev).unwrap_or(i64::MAX)
}

/// A record as it was hashed.
pub(crate) fn json(record: &Record) -> Result<String, StoreError> {
    serde_json::to_string(record)
        .map_err(|error| StoreError::Unavailable(format!("a record cannot be written: {error}")))
}

/// A record that was read among those after a revision.
pub(crate) fn record(after: i64, json: &str) -> Result<Record, StoreError> {
    serde_json::from_str(json).map_err(|error| {
        let after = after.saturating_add(1);
        StoreError::Unavailable(format!("a record from {after} on is damaged: {error}"))
    })
}
