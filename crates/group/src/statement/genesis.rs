//! What a group is made of (docs/protocol/group.md, section 1).

use identity::crypto::Crypto;
use wire::{Malformed, Reader, Writer};

use super::{GroupId, VERSION, read_version};

/// Most admins of a locked group.
pub const ADMINS_MAX: usize = 16;

/// Who admits members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Policy {
    /// A server alone.
    Managed,
    /// So many of these admins; a server can only delay. Keys ascend, and there are at least as
    /// many as must agree.
    Locked {
        /// How many must agree; at least 1.
        threshold: u8,
        /// Their keys (Ed25519).
        admins: Vec<[u8; 32]>,
    },
}

impl Policy {
    /// The key of an admin of a locked group.
    #[must_use]
    pub fn admin(&self, index: u8) -> Option<&[u8; 32]> {
        match self {
            Self::Managed => None,
            Self::Locked { admins, .. } => admins.get(usize::from(index)),
        }
    }

    /// The index of an admin of a locked group.
    #[must_use]
    pub fn index_of(&self, key: &[u8; 32]) -> Option<u8> {
        match self {
            Self::Managed => None,
            Self::Locked { admins, .. } => {
                let at = admins.iter().position(|admin| admin == key)?;
                u8::try_from(at).ok()
            }
        }
    }

    /// How many admins must agree; `None`: a server admits alone.
    #[must_use]
    pub const fn threshold(&self) -> Option<u8> {
        match self {
            Self::Managed => None,
            Self::Locked { threshold, .. } => Some(*threshold),
        }
    }
}

/// The unchanging beginning of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Genesis {
    /// Who admits.
    pub policy: Policy,
    /// The key that says which servers manage the group (Ed25519).
    pub root_key: [u8; 32],
    /// Random, so that two groups of one root differ.
    pub salt: [u8; 16],
}

impl Genesis {
    /// Reads a genesis. Errors: another version, a policy that nobody can meet, keys that do not
    /// ascend.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes, "group genesis");
        read_version(&mut reader)?;
        let threshold = reader.u8()?;
        let count = usize::from(reader.u8()?);
        let root_key = *reader.array()?;
        if count > ADMINS_MAX {
            return Err(reader.malformed());
        }
        let mut admins: Vec<[u8; 32]> = Vec::with_capacity(count);
        for _ in 0..count {
            let admin = *reader.array()?;
            if admins.last().is_some_and(|last| *last >= admin) {
                return Err(reader.malformed());
            }
            admins.push(admin);
        }
        let policy = match threshold {
            0 if admins.is_empty() => Policy::Managed,
            1.. if usize::from(threshold) <= admins.len() => Policy::Locked { threshold, admins },
            _ => return Err(reader.malformed()),
        };
        let salt = *reader.array()?;
        reader.finish()?;
        Ok(Self {
            policy,
            root_key,
            salt,
        })
    }

    /// Its bytes: 51, and 32 for each admin.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let (threshold, admins) = match &self.policy {
            Policy::Managed => (0, &[][..]),
            Policy::Locked { threshold, admins } => (*threshold, &admins[..]),
        };
        let mut writer = Writer::with_capacity(51 + 32 * admins.len());
        writer
            .u8(VERSION)
            .u8(threshold)
            .u8(u8::try_from(admins.len()).unwrap_or(u8::MAX))
            .bytes(&self.root_key);
        for admin in admins {
            writer.bytes(admin);
        }
        writer.bytes(&self.salt);
        writer.finish()
    }

    /// The group's id.
    #[must_use]
    pub fn id(&self, crypto: &dyn Crypto) -> GroupId {
        GroupId(crypto.sha256_16(&[b"kumihimo group v1", &self.encode()]))
    }
}
