//! What the line of a server says of a locked group beside place and secrets (docs/protocol/session.md,
//! section 8, flag 8): which group it is, and, once k admins have signed, the invite key.
//!
//! version 1 (1) ‖ length (1) ‖ what the server calls the group ‖ length (2) ‖ genesis ‖ length (2) ‖ attributes
//! that the server suggests ‖ nothing, or: seed of the invite's key (32) ‖ certificate. At most
//! `wire::invite::LOCK_LEN_MAX` bytes.

use wire::{Malformed, Reader, Writer};

use crate::statement::{ATTRIBUTES_LEN_MAX, Attributes, Genesis, InviteCertificate, is_name};

const VERSION: u8 = 1;

/// A locked group in a line.
#[derive(Clone, PartialEq, Eq)]
pub struct Lock {
    /// What the server calls it; nobody has signed that.
    pub name: String,
    /// How it began.
    pub genesis: Genesis,
    /// What the server would have the admins allow; nobody has signed that either.
    pub suggested: Attributes,
    /// The key that admits, once k admins have signed for it.
    pub invite: Option<InviteKey>,
}

/// The key of an invite, and what it may do.
#[derive(Clone, PartialEq, Eq)]
pub struct InviteKey {
    /// The seed (Ed25519): whoever has it may use the invite.
    pub seed: [u8; 32],
    /// What the admins allow.
    pub certificate: InviteCertificate,
}

/// Without the seed.
impl std::fmt::Debug for Lock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let certificate = self.invite.as_ref().map(|it| &it.certificate);
        f.debug_struct("Lock")
            .field("name", &self.name)
            .field("genesis", &self.genesis)
            .field("suggested", &self.suggested)
            .field("certificate", &certificate)
            .finish_non_exhaustive()
    }
}

/// Without the seed.
impl std::fmt::Debug for InviteKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InviteKey")
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}

impl Lock {
    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        // Attributes that were read, or that an admission has taken: this cannot fail.
        let suggested = self.suggested.encode().unwrap_or_default();
        let mut writer = Writer::default();
        let genesis = self.genesis.encode();
        writer
            .u8(VERSION)
            .u8(u8::try_from(self.name.len()).unwrap_or(u8::MAX))
            .bytes(self.name.as_bytes())
            .u16(u16::try_from(genesis.len()).unwrap_or(u16::MAX))
            .bytes(&genesis)
            .u16(u16::try_from(suggested.len()).unwrap_or(u16::MAX))
            .bytes(&suggested);
        if let Some(invite) = &self.invite {
            writer
                .bytes(&invite.seed)
                .bytes(&invite.certificate.encode());
        }
        writer.finish()
    }

    /// Reads it; nothing in it is verified.
    ///
    /// # Errors
    /// The bytes are none.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes, "lock");
        if reader.u8()? != VERSION {
            return Err(reader.malformed());
        }
        let name = read_name(&mut reader)?;
        let len = usize::from(reader.u16()?);
        let genesis = Genesis::decode(reader.take(len)?)?;
        if genesis.policy.threshold().is_none() {
            return Err(reader.malformed());
        }
        let len = usize::from(reader.u16()?);
        let attributes = reader.take(len)?;
        let suggested = Attributes::decode(attributes)?;
        // As it is written, and nothing that is not shown.
        let is_same = suggested.encode().is_ok_and(|it| it == attributes);
        if !is_same || len > ATTRIBUTES_LEN_MAX {
            return Err(reader.malformed());
        }
        let mut invite = None;
        if reader.remaining() > 0 {
            invite = Some(InviteKey {
                seed: *reader.array()?,
                certificate: InviteCertificate::decode(reader.rest())?,
            });
        }
        reader.finish()?;
        Ok(Self {
            name,
            genesis,
            suggested,
            invite,
        })
    }
}

/// A name behind its length.
pub(crate) fn read_name(reader: &mut Reader<'_>) -> Result<String, Malformed> {
    let len = usize::from(reader.u8()?);
    let name = std::str::from_utf8(reader.take(len)?).ok();
    let name = name.filter(|name| is_name(name));
    name.map(str::to_owned).ok_or_else(|| reader.malformed())
}
