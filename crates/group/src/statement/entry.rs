//! The entries of a server's chain (docs/protocol/group.md, section 3).

use identity::crypto::Crypto;
use wire::{Malformed, NodeAddr, Reader, Writer};

use super::{
    Authority, GroupId, Membership, Signer, VERSION, read_version, signed_bytes, verify_server,
};

const NAME: &str = "kumihimo group entry v1";
/// Longest entry, in bytes.
pub const ENTRY_LEN_MAX: usize = 173;

/// What an entry says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryBody {
    /// An admission counts no more.
    Removal(Membership),
    /// An epoch is to come, or begins now.
    Epoch(EpochEntry),
}

/// An epoch, without its secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochEntry {
    /// Its number; less than 2^28, and higher than of any before in its chain.
    pub number: u32,
    /// When it becomes the current one, Unix seconds.
    pub activates_unix_s: u64,
    /// How long the one before counts beside it, in seconds.
    pub overlap_s: u16,
    /// `SHA-256("kumihimo group secret v1" ‖ secret)`.
    pub secret_hash: [u8; 32],
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The group.
    pub group: GroupId,
    /// The server whose chain it is in.
    pub index: u8,
    /// Its place in the chain, from 1.
    pub number: u32,
    /// The hash of the entry before; zero for the first.
    pub before: [u8; 32],
    /// When it was written, Unix seconds.
    pub at_unix_s: u64,
    /// What it says.
    pub body: EntryBody,
    /// By the server.
    pub signature: [u8; 64],
}

impl Entry {
    /// Signs an entry whose signature was none yet.
    #[must_use]
    pub fn signed(mut self, by: &Signer<'_>) -> Self {
        self.signature = by.sign(NAME, &self.unsigned());
        self
    }

    /// Reads an entry; the signature is not checked. Errors: another version, an unknown kind, the
    /// number 0, or an epoch with more than 28 bits.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes, "group entry");
        let entry = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(entry)
    }

    /// Reads the next of several entries. Errors: those of [`Entry::decode`].
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        read_version(reader)?;
        let group = GroupId(*reader.array()?);
        let index = reader.u8()?;
        let number = reader.u32()?;
        let before = *reader.array()?;
        let at_unix_s = reader.u64()?;
        let body = match reader.u8()? {
            1 => EntryBody::Removal(Membership {
                f: NodeAddr(*reader.array()?),
                serial: reader.u64()?,
            }),
            2 => EntryBody::Epoch(EpochEntry {
                number: reader.u32()?,
                activates_unix_s: reader.u64()?,
                overlap_s: reader.u16()?,
                secret_hash: *reader.array()?,
            }),
            _ => return Err(reader.malformed()),
        };
        if number == 0 || matches!(&body, EntryBody::Epoch(epoch) if epoch.number >= 1 << 28) {
            return Err(reader.malformed());
        }
        Ok(Self {
            group,
            index,
            number,
            before,
            at_unix_s,
            body,
            signature: *reader.array()?,
        })
    }

    /// Its bytes: 151 of a removal, 173 of an epoch.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        signed_bytes(self.unsigned(), &self.signature)
    }

    /// What the next entry holds of this one.
    #[must_use]
    pub fn hash(&self, crypto: &dyn Crypto) -> [u8; 32] {
        crypto.sha256(&[&self.encode()])
    }

    /// Whether the server of its chain signed it.
    #[must_use]
    pub fn holds(&self, crypto: &dyn Crypto, authority: &Authority) -> bool {
        let place = (self.group, self.index);
        verify_server(
            crypto,
            authority,
            place,
            NAME,
            &self.unsigned(),
            &self.signature,
        )
    }

    fn unsigned(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(ENTRY_LEN_MAX);
        writer
            .u8(VERSION)
            .bytes(&self.group.0)
            .u8(self.index)
            .u32(self.number)
            .bytes(&self.before)
            .u64(self.at_unix_s);
        match &self.body {
            EntryBody::Removal(member) => {
                writer.u8(1).bytes(member.f.as_bytes()).u64(member.serial)
            }
            EntryBody::Epoch(epoch) => writer
                .u8(2)
                .u32(epoch.number)
                .u64(epoch.activates_unix_s)
                .u16(epoch.overlap_s)
                .bytes(&epoch.secret_hash),
        };
        writer.finish()
    }
}
