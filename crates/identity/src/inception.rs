//! The inception record: what a node was when it began, and the address F that follows
//! from it. Format: `docs/protocol/session.md`, section 1.

use wire::statement::{INCEPTION_LEN, INCEPTION_RECOVERY_LEN};
use wire::{Malformed, NodeAddr, Reader, Writer};

use crate::crypto::Crypto;

/// The only suite of version 1: Ed25519, SHA-256.
const SUITE: u8 = 1;
const FLAG_RECOVERY: u8 = 1;

/// The record that a node's address commits to. Any value can be encoded; whether its
/// address lies in fc00::/8 is checked by [`crate::KeyHistory::new`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inception {
    /// The first root key (Ed25519).
    pub root_key: [u8; 32],
    /// Commitment to the root key that follows: [`next_hash`].
    pub next_hash: [u8; 32],
    /// A key (Ed25519) that can rotate when both root keys are lost.
    pub recovery_key: Option<[u8; 32]>,
    /// Ground until the address begins with 0xFC.
    pub salt: [u8; 8],
}

impl Inception {
    /// Reads a whole record. Errors: another suite, unknown flags, or a wrong length.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes, "inception record");
        if reader.u8()? != SUITE {
            return Err(Malformed {
                what: "inception record: unknown suite",
            });
        }
        let root_key = *reader.array()?;
        let next_hash = *reader.array()?;
        let recovery_key = match reader.u8()? {
            0 => None,
            FLAG_RECOVERY => Some(*reader.array()?),
            _ => return Err(reader.malformed()),
        };
        let salt = *reader.array()?;
        reader.finish()?;
        Ok(Self {
            root_key,
            next_hash,
            recovery_key,
            salt,
        })
    }

    /// The bytes of the record: 74, or 106 with a recovery key.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(self.encoded_len());
        writer
            .u8(SUITE)
            .bytes(&self.root_key)
            .bytes(&self.next_hash);
        match &self.recovery_key {
            None => writer.u8(0),
            Some(key) => writer.u8(FLAG_RECOVERY).bytes(key),
        };
        writer.bytes(&self.salt);
        writer.finish()
    }

    /// The first 16 bytes of the record's hash, whatever they begin with.
    pub fn address(&self, crypto: &dyn Crypto) -> NodeAddr {
        let hash = crypto.sha256(&[b"kumihimo address v1", &self.encode()]);
        let (head, _) = hash.as_chunks::<16>();
        NodeAddr(head.first().copied().unwrap_or([0; 16]))
    }

    fn encoded_len(&self) -> usize {
        match self.recovery_key {
            None => INCEPTION_LEN,
            Some(_) => INCEPTION_RECOVERY_LEN,
        }
    }
}

/// The commitment to a root key that is not in use yet.
pub fn next_hash(crypto: &dyn Crypto, next_root_key: &[u8; 32]) -> [u8; 32] {
    crypto.sha256(&[b"kumihimo next root v1", next_root_key])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(recovery_key: Option<[u8; 32]>) -> Inception {
        Inception {
            root_key: [1; 32],
            next_hash: [2; 32],
            recovery_key,
            salt: [3; 8],
        }
    }

    #[test]
    fn records_have_the_sizes_of_the_protocol_and_come_back() {
        for (recovery_key, len) in [
            (None, INCEPTION_LEN),
            (Some([9; 32]), INCEPTION_RECOVERY_LEN),
        ] {
            let record = record(recovery_key);
            let bytes = record.encode();
            assert_eq!(bytes.len(), len);
            assert_eq!(Inception::decode(&bytes), Ok(record));
        }
    }

    #[test]
    fn every_other_length_suite_and_flag_is_refused() {
        let bytes = record(Some([9; 32])).encode();
        for len in 0..bytes.len() {
            assert!(Inception::decode(&bytes[..len]).is_err(), "{len}");
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert!(Inception::decode(&longer).is_err());
        for (index, value) in [(0, 2), (65, 0), (65, 3)] {
            let mut altered = bytes.clone();
            altered[index] = value;
            assert!(Inception::decode(&altered).is_err(), "{index}");
        }
    }
}
