//! The signed statements of groups (docs/protocol/group.md, sections 1 to 3).
//!
//! Each is decoded without being believed, and believed by its `is_signed_by` or `holds`. What
//! they mean together is for [`crate::chain`] and whoever keeps memberships.
//!
//! | statement | signed by | says |
//! |---|---|---|
//! | [`Genesis`] | nobody: its hash is the group's id | who decides about a group |
//! | [`Authority`] | the group's root key | which servers manage it |
//! | [`Admission`] | a server; of a locked group k admins, or a key that k admins certified | that F belongs to it |
//! | [`InviteCertificate`] | k admins of a locked group | whom the key of an invite may admit |
//! | [`Lease`] | a server | that the admission still holds |
//! | [`Rules`] | a server, or k admins of a locked group | what members may reach at each other |
//! | [`Entry`] | a server | a removal, or an epoch to come |

mod admission;
mod attributes;
mod authority;
mod entry;
mod genesis;
mod invite;
mod lease;
mod proof;
mod rules;
mod signatures;

pub use crate::name::{NAME_LEN_MAX, is_name};
pub use admission::Admission;
pub use attributes::{ATTRIBUTES_LEN_MAX, Attributes, PREFIXES_MAX, SITE_MAX};
pub use authority::{Authority, SERVERS_MAX, Server};
pub use entry::{ENTRY_LEN_MAX, Entry, EntryBody, EpochEntry};
pub use genesis::{ADMINS_MAX, Genesis, Policy};
pub use invite::{Bounds, InviteCertificate, KINDS_ALL, Wanted};
pub use lease::{LEASE_LEN, LEASE_S, LEASE_S_MAX, Lease, RENEW_AFTER_S};
pub use rules::{RULES_LEN_MAX, Rules};

use identity::crypto::Crypto;
use std::fmt;
use wire::{Malformed, Reader};

const VERSION: u8 = 1;

/// Names a group: a hash of its genesis.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(pub [u8; 16]);

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GroupId({self})")
    }
}

/// One admission of a group: who, and which of its admissions if there were several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Membership {
    /// The member.
    pub f: wire::NodeAddr,
    /// The serial of the admission.
    pub serial: u64,
}

/// A secret key that signs statements, as the seed of an Ed25519 key.
pub struct Signer<'a> {
    /// The cryptography.
    pub crypto: &'a dyn Crypto,
    /// The seed.
    pub seed: &'a [u8; 32],
}

impl Signer<'_> {
    /// Its public key.
    #[must_use]
    pub fn public(&self) -> [u8; 32] {
        self.crypto.ed25519_public(self.seed)
    }

    pub(crate) fn sign(&self, name: &str, unsigned: &[u8]) -> [u8; 64] {
        self.crypto.ed25519_sign(self.seed, &text(name, unsigned))
    }
}

pub(crate) fn verify(
    crypto: &dyn Crypto,
    key: &[u8; 32],
    name: &str,
    unsigned: &[u8],
    signature: &[u8; 64],
) -> bool {
    crypto.ed25519_verify(key, &text(name, unsigned), signature)
}

/// Whether the server at an index of a group signed a statement.
fn verify_server(
    crypto: &dyn Crypto,
    authority: &Authority,
    (group, index): (GroupId, u8),
    name: &str,
    unsigned: &[u8],
    signature: &[u8; 64],
) -> bool {
    let server = authority.server(index);
    let signed = |it: &Server| verify(crypto, &it.key, name, unsigned, signature);
    group == authority.group && server.is_some_and(signed)
}

/// A statement with its one signature.
fn signed_bytes(mut unsigned: Vec<u8>, signature: &[u8; 64]) -> Vec<u8> {
    unsigned.extend_from_slice(signature);
    unsigned
}

/// What a signature covers.
fn text(name: &str, unsigned: &[u8]) -> Vec<u8> {
    [name.as_bytes(), unsigned].concat()
}

fn read_version(reader: &mut Reader<'_>) -> Result<(), Malformed> {
    if reader.u8()? == VERSION {
        Ok(())
    } else {
        Err(reader.malformed())
    }
}

#[cfg(test)]
mod locked_tests;
#[cfg(test)]
mod tests;
