//! What a verifier remembers of a node, so that nobody can show it an older state.

use wire::{Malformed, Reader, Writer};

use crate::tip::Tip;

/// Length of an encoded pin in bytes.
pub const PIN_LEN: usize = 109;

const VERSION: u8 = 1;

/// The highest log position and certificate counter verified for one F. Both only grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pin {
    /// The highest log position; 0 is the inception record.
    pub position: u32,
    /// The highest certificate counter; 0 if only a log was seen.
    pub counter: u64,
    /// The root key at `position`.
    pub root_key: [u8; 32],
    /// What that position committed to.
    pub next_hash: [u8; 32],
    /// SHA-256 of the entry at `position`, or of the inception record.
    pub entry_hash: [u8; 32],
}

impl Pin {
    /// A pin of a verified state.
    pub fn new(tip: &Tip, counter: u64) -> Self {
        Self {
            position: tip.position,
            counter,
            root_key: tip.root_key,
            next_hash: tip.next_hash,
            entry_hash: tip.entry_hash,
        }
    }

    /// The log's state at the pin.
    pub fn tip(&self) -> Tip {
        Tip {
            position: self.position,
            root_key: self.root_key,
            next_hash: self.next_hash,
            entry_hash: self.entry_hash,
        }
    }

    /// The pin as bytes, for a file.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(PIN_LEN);
        writer
            .u8(VERSION)
            .u32(self.position)
            .u64(self.counter)
            .bytes(&self.root_key)
            .bytes(&self.next_hash)
            .bytes(&self.entry_hash);
        writer.finish()
    }

    /// Reads a pin. Errors: another version or length.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes, "pin");
        if reader.u8()? != VERSION {
            return Err(reader.malformed());
        }
        let pin = Self {
            position: reader.u32()?,
            counter: reader.u64()?,
            root_key: *reader.array()?,
            next_hash: *reader.array()?,
            entry_hash: *reader.array()?,
        };
        reader.finish()?;
        Ok(pin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_comes_back() {
        let pin = Pin {
            position: 1,
            counter: 2,
            root_key: [3; 32],
            next_hash: [4; 32],
            entry_hash: [5; 32],
        };
        let bytes = pin.encode();
        assert_eq!(bytes.len(), PIN_LEN);
        assert_eq!(Pin::decode(&bytes), Ok(pin));
        assert!(Pin::decode(&bytes[1..]).is_err());
        assert!(Pin::decode(&bytes[..PIN_LEN - 1]).is_err());
    }
}
