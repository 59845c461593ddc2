//! How a statement of a locked group comes to its admins and their signatures come back, as texts that people
//! carry (docs/protocol/group.md, section 7).
//!
//! | text | holds |
//! |---|---|
//! | `kumikey1.…` | the public half of an admin's key |
//! | `kumiask1.…` | a [`Request`]: what is to be signed, and of which group |
//! | `kumisig1.…` | an [`AdminSignature`] |
//!
//! None of them is secret. A request is nobody's word: who signs reads what it says, and signs that.

use identity::crypto::Crypto;
use wire::checked::{from_text, to_text};
use wire::{Malformed, Reader, Writer};

use crate::lock::read_name;
use crate::statement::{Admission, Genesis, GroupId, InviteCertificate, Rules, Signer};

/// What the public half of an admin's key begins with.
pub const KEY_PREFIX: &str = "kumikey1.";
/// What a request begins with.
pub const REQUEST_PREFIX: &str = "kumiask1.";
/// What a signature begins with.
pub const SIGNATURE_PREFIX: &str = "kumisig1.";
/// The longest of these texts that is looked at, in characters: the longest rules, and what goes before them.
pub const TEXT_LEN_MAX: usize = 12_288;

const VERSION: u8 = 1;
const ADMISSION: u8 = 1;
const INVITE: u8 = 2;
const RULES: u8 = 3;

/// What admins sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statement {
    /// That a node belongs to the group.
    Admission(Box<Admission>),
    /// That the key of an invite may admit nodes.
    Invite(Box<InviteCertificate>),
    /// What members of the group may reach at each other.
    Rules(Box<Rules>),
}

/// A statement to be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What the server calls the group; nobody has signed that.
    pub name: String,
    /// How the group began.
    pub genesis: Genesis,
    /// What is to be signed.
    pub statement: Statement,
}

/// The signature of an admin, on its way back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminSignature {
    /// Of which group.
    pub group: GroupId,
    /// Of which statement: the start of the hash of what is signed.
    pub statement: [u8; 16],
    /// The admin, by its place in the genesis.
    pub index: u8,
    /// The signature.
    pub signature: [u8; 64],
}

/// Why a request is not signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSigned {
    /// The key is none of the group's.
    #[error("this key is none of the group's admin keys")]
    NotAnAdmin,
    /// The statement says something that this version cannot show.
    #[error("the statement says more than this version of the program knows; use a newer one")]
    Unknown,
    /// The statement is of another group than the genesis.
    #[error("the statement is of another group than it says")]
    Mixed,
}

impl Statement {
    /// The group that it is of.
    #[must_use]
    pub fn group(&self) -> GroupId {
        match self {
            Self::Admission(it) => it.group,
            Self::Invite(it) => it.group,
            Self::Rules(it) => it.group,
        }
    }

    /// Names it: the start of the hash of what its signatures cover.
    #[must_use]
    pub fn id(&self, crypto: &dyn Crypto) -> [u8; 16] {
        crypto.sha256_16(&[b"kumihimo group request v1", &self.signed_text()])
    }

    /// What is signed: it begins with its name.
    fn signed_text(&self) -> Vec<u8> {
        match self {
            Self::Admission(it) => it.signed_text(),
            Self::Invite(it) => it.signed_text(),
            Self::Rules(it) => it.signed_text(),
        }
    }

    /// Whether all that it says can be shown: nobody signs what he does not see.
    #[must_use]
    pub fn is_known(&self) -> bool {
        match self {
            Self::Admission(it) => it.is_known(),
            // What they say more is refused as it is read.
            Self::Invite(_) | Self::Rules(_) => true,
        }
    }

    /// Takes the signature of an admin; whether it is one, of this.
    pub fn accept(
        &mut self,
        crypto: &dyn Crypto,
        genesis: &Genesis,
        signature: &AdminSignature,
    ) -> bool {
        if signature.group != self.group() || signature.statement != self.id(crypto) {
            return false;
        }
        let AdminSignature {
            index, signature, ..
        } = *signature;
        match self {
            Self::Admission(it) => it.accept(crypto, genesis, index, signature),
            Self::Invite(it) => it.accept(crypto, genesis, index, signature),
            Self::Rules(it) => it.accept(crypto, genesis, index, signature),
        }
    }

    /// The admins whose signatures it has.
    #[must_use]
    pub fn signers(&self) -> Vec<u8> {
        match self {
            Self::Admission(it) => it.signers().collect(),
            Self::Invite(it) => it.signers().collect(),
            Self::Rules(it) => it.signers().collect(),
        }
    }
}

impl Request {
    /// Signs.
    ///
    /// # Errors
    /// See [`NotSigned`].
    pub fn sign(&self, by: &Signer<'_>) -> Result<AdminSignature, NotSigned> {
        let group = self.genesis.id(by.crypto);
        if self.statement.group() != group {
            return Err(NotSigned::Mixed);
        }
        let index = self.genesis.policy.index_of(&by.public());
        let index = index.ok_or(NotSigned::NotAnAdmin)?;
        if !self.statement.is_known() {
            return Err(NotSigned::Unknown);
        }
        let bytes = self.statement.signed_text();
        Ok(AdminSignature {
            group,
            statement: self.statement.id(by.crypto),
            index,
            signature: by.crypto.ed25519_sign(by.seed, &bytes),
        })
    }

    /// Its bytes, without signatures.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let genesis = self.genesis.encode();
        let (what, mut statement) = match &self.statement {
            Statement::Admission(it) => (ADMISSION, it.encode_unsigned()),
            Statement::Invite(it) => (INVITE, it.encode_unsigned()),
            Statement::Rules(it) => (RULES, it.encode_unsigned()),
        };
        let mut writer = Writer::default();
        writer
            .u8(VERSION)
            .u8(what)
            .u8(u8::try_from(self.name.len()).unwrap_or(u8::MAX))
            .bytes(self.name.as_bytes())
            .u16(u16::try_from(genesis.len()).unwrap_or(u16::MAX))
            .bytes(&genesis);
        let mut bytes = writer.finish();
        bytes.append(&mut statement);
        bytes
    }

    /// Reads a request. Errors: the bytes are none, or have signatures already.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes, "signing request");
        if reader.u8()? != VERSION {
            return Err(reader.malformed());
        }
        let what = reader.u8()?;
        let name = read_name(&mut reader)?;
        let len = usize::from(reader.u16()?);
        let genesis = Genesis::decode(reader.take(len)?)?;
        let statement = match what {
            ADMISSION => Statement::Admission(Box::new(Admission::decode(reader.rest())?)),
            INVITE => Statement::Invite(Box::new(InviteCertificate::decode(reader.rest())?)),
            RULES => Statement::Rules(Box::new(Rules::decode(reader.rest())?)),
            _ => return Err(reader.malformed()),
        };
        let by_invite = match &statement {
            Statement::Admission(it) => it.invite().is_some(),
            Statement::Invite(_) | Statement::Rules(_) => false,
        };
        if by_invite || !statement.signers().is_empty() {
            return Err(reader.malformed());
        }
        reader.finish()?;
        Ok(Self {
            name,
            genesis,
            statement,
        })
    }

    /// As text.
    #[must_use]
    pub fn to_text(&self, crypto: &dyn Crypto) -> String {
        to_text(REQUEST_PREFIX, &self.encode(), |bytes| {
            crypto.sha256(&[bytes])
        })
    }

    /// Reads the text; `None`: it is none, or was mistyped.
    #[must_use]
    pub fn from_text(crypto: &dyn Crypto, text: &str) -> Option<Self> {
        let hash = |bytes: &[u8]| crypto.sha256(&[bytes]);
        Self::decode(&from_text(REQUEST_PREFIX, text, TEXT_LEN_MAX, hash)?).ok()
    }
}

impl AdminSignature {
    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(98);
        writer
            .u8(VERSION)
            .bytes(&self.group.0)
            .bytes(&self.statement)
            .u8(self.index)
            .bytes(&self.signature);
        writer.finish()
    }

    /// Reads a signature; it is not checked. Errors: the bytes are none.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes, "admin signature");
        if reader.u8()? != VERSION {
            return Err(reader.malformed());
        }
        let read = Self {
            group: GroupId(*reader.array()?),
            statement: *reader.array()?,
            index: reader.u8()?,
            signature: *reader.array()?,
        };
        reader.finish()?;
        Ok(read)
    }

    /// As text.
    #[must_use]
    pub fn to_text(&self, crypto: &dyn Crypto) -> String {
        to_text(SIGNATURE_PREFIX, &self.encode(), |bytes| {
            crypto.sha256(&[bytes])
        })
    }

    /// Reads the text; `None`: it is none, or was mistyped.
    #[must_use]
    pub fn from_text(crypto: &dyn Crypto, text: &str) -> Option<Self> {
        let hash = |bytes: &[u8]| crypto.sha256(&[bytes]);
        Self::decode(&from_text(SIGNATURE_PREFIX, text, TEXT_LEN_MAX, hash)?).ok()
    }
}

/// The public half of an admin's key as text.
#[must_use]
pub fn key_to_text(crypto: &dyn Crypto, key: &[u8; 32]) -> String {
    to_text(KEY_PREFIX, key, |bytes| crypto.sha256(&[bytes]))
}

/// Reads it; `None`: it is none, or was mistyped.
#[must_use]
pub fn key_from_text(crypto: &dyn Crypto, text: &str) -> Option<[u8; 32]> {
    let hash = |bytes: &[u8]| crypto.sha256(&[bytes]);
    from_text(KEY_PREFIX, text, TEXT_LEN_MAX, hash)?
        .try_into()
        .ok()
}
