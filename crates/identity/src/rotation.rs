//! Rotation entries: how the root key changes while the address stays.
//! Format: `docs/protocol/session.md`, section 1. Chains of them are checked in
//! [`crate::KeyHistory`].

use wire::statement::ROTATION_LEN;
use wire::{Malformed, NodeAddr, Reader, Writer};

use crate::crypto::Crypto;

/// Who signed a rotation entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RotationKind {
    /// The new root key, to which the entry before committed.
    Rotation,
    /// The recovery key of the inception record; the new root key need not be the
    /// committed one.
    Recovery,
}

/// One step of the root key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RotationEntry {
    /// Who signed it.
    pub kind: RotationKind,
    /// Its place in the log; the first is 1.
    pub position: u32,
    /// The root key from here on (Ed25519).
    pub root_key: [u8; 32],
    /// Commitment to the root key that follows it.
    pub next_hash: [u8; 32],
    /// By the new root key or the recovery key, over [`RotationEntry::signed_text`].
    pub signature: [u8; 64],
}

impl RotationEntry {
    /// Reads an entry. Errors: an unknown kind, or position 0.
    pub fn decode(bytes: &[u8; ROTATION_LEN]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes, "rotation entry");
        let kind = match reader.u8()? {
            1 => RotationKind::Rotation,
            2 => RotationKind::Recovery,
            _ => return Err(reader.malformed()),
        };
        let position = reader.u32()?;
        if position == 0 {
            return Err(reader.malformed());
        }
        let entry = Self {
            kind,
            position,
            root_key: *reader.array()?,
            next_hash: *reader.array()?,
            signature: *reader.array()?,
        };
        reader.finish()?;
        Ok(entry)
    }

    /// The 133 bytes of the entry.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.unsigned();
        bytes.extend_from_slice(&self.signature);
        bytes
    }

    /// What the signature covers. `previous_hash` is the SHA-256 of the entry before, or of
    /// the inception record.
    pub fn signed_text(&self, address: NodeAddr, previous_hash: &[u8; 32]) -> Vec<u8> {
        let mut writer = Writer::with_capacity(140);
        writer
            .bytes(b"kumihimo rotation v1")
            .bytes(address.as_bytes())
            .bytes(previous_hash)
            .bytes(&self.unsigned());
        writer.finish()
    }

    /// The SHA-256 of the whole entry.
    pub fn hash(&self, crypto: &dyn Crypto) -> [u8; 32] {
        crypto.sha256(&[&self.encode()])
    }

    fn unsigned(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(ROTATION_LEN);
        writer
            .u8(match self.kind {
                RotationKind::Rotation => 1,
                RotationKind::Recovery => 2,
            })
            .u32(self.position)
            .bytes(&self.root_key)
            .bytes(&self.next_hash);
        writer.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_comes_back_and_others_are_refused() {
        let entry = RotationEntry {
            kind: RotationKind::Recovery,
            position: 7,
            root_key: [1; 32],
            next_hash: [2; 32],
            signature: [3; 64],
        };
        let bytes: [u8; ROTATION_LEN] = entry.encode().try_into().unwrap();
        assert_eq!(RotationEntry::decode(&bytes), Ok(entry));
        let mut other_kind = bytes;
        other_kind[0] = 3;
        assert!(RotationEntry::decode(&other_kind).is_err());
        let mut position_0 = bytes;
        position_0[4] = 0;
        assert!(RotationEntry::decode(&position_0).is_err());
    }
}
