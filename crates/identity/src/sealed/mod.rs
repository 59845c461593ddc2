//! Key files: secrets as bytes for a disk, with or without a passphrase.
//!
//! | offset | field |
//! |---|---|
//! | 0 | `KUMIHIMO-KEY` (12) |
//! | 12 | version `1` (1) ‖ kind (1; 1 root, 2 next root, 3 hot, 4 backup, 5 admin) ‖ address F (16; zeros of an admin) |
//! | 30 | seal (1; 0 none, 1 Argon2id and ChaCha20-Poly1305) |
//! | 31 | with seal 1: memory in KiB (4) ‖ passes (4) ‖ lanes (4) ‖ salt (16) ‖ nonce (12) |
//! | 31 or 71 | content length (4) ‖ content; with seal 1 encrypted, the tag (16) at its end |
//! | end − 32 | SHA-256 of all before |
//!
//! The associated data of the seal is everything before the content. The check at the end
//! tells a damaged file from a wrong passphrase, and needs no passphrase. It is no protection
//! against somebody who alters an unsealed file on purpose.
//!
//! This module reads and writes bytes only; the disk is `os`'s. The content types are in
//! [`KeyFile`].
//!
//! **Limits**: content at most 64 KiB; when read, at most 1 GiB of memory, 16 passes and 16
//! lanes, so that a hostile file cannot exhaust the machine.

mod key_file;
#[cfg(test)]
mod tests;

use argon2::{Algorithm, Argon2, Params, Version};
use wire::{NodeAddr, Reader, Writer};
use zeroize::Zeroizing;

use crate::crypto::{AEAD_TAG_LEN, AeadAlg, Crypto, Rng, random};

pub use key_file::{Backup, KeyFile};

/// What a key file begins with.
pub const MAGIC: &[u8; 12] = b"KUMIHIMO-KEY";
/// The version that this module writes, and the only one it reads.
pub const VERSION: u8 = 1;
/// The longest content, in bytes.
pub const CONTENT_LEN_MAX: usize = 65_536;
/// The most memory that a file may ask for, in KiB: 1 GiB.
pub const MEMORY_KIB_MAX: u32 = 1 << 20;
/// The most passes that a file may ask for.
pub const PASSES_MAX: u32 = 16;
/// The most lanes that a file may ask for.
pub const LANES_MAX: u32 = 16;

const SEAL_NONE: u8 = 0;
const SEAL_ARGON2ID: u8 = 1;
const CHECK_LEN: usize = 32;

/// What a key file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// The root key in force.
    Root = 1,
    /// The next root key.
    Next = 2,
    /// The hot keys.
    Hot = 3,
    /// Everything.
    Backup = 4,
    /// The key of an admin of locked groups, which is no node's.
    Admin = 5,
}

/// What Argon2id (RFC 9106) may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB, 8 per lane to [`MEMORY_KIB_MAX`].
    pub memory_kib: u32,
    /// Passes over it, 1 to [`PASSES_MAX`].
    pub passes: u32,
    /// Parallel lanes, 1 to [`LANES_MAX`].
    pub lanes: u32,
}

impl Default for Cost {
    /// 64 MiB, 3 passes, 1 lane.
    fn default() -> Self {
        Self {
            memory_kib: 65_536,
            passes: 3,
            lanes: 1,
        }
    }
}

/// What can be said of a key file without its passphrase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What it holds.
    pub kind: Kind,
    /// Whose it is.
    pub address: NodeAddr,
    /// Whether a passphrase is needed.
    pub sealed: bool,
}

/// Why a key file was not opened. One cause each, so that the remedy can be named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// It does not begin like one.
    #[error("not a Kumihimo key file")]
    NotAKeyFile,
    /// Written by another version of the program.
    #[error("a key file of version {version}; this program reads version {VERSION}")]
    ForeignVersion {
        /// The version of the file.
        version: u8,
    },
    /// Cut off or altered: the check at its end is wrong.
    #[error("the key file is cut off or damaged")]
    Damaged,
    /// It asks for more memory or time than allowed.
    #[error("the key file asks for a seal beyond the limits of this program")]
    SealBeyondLimits,
    /// It is sealed, and no passphrase was given.
    #[error("the key file is sealed: a passphrase is needed")]
    PassphraseNeeded,
    /// The passphrase is not that of the seal.
    #[error("wrong passphrase")]
    WrongPassphrase,
    /// It holds something else than wanted.
    #[error("the key file holds another kind of key ({found:?} instead of {wanted:?})")]
    WrongKind {
        /// What was wanted.
        wanted: Kind,
        /// What it holds.
        found: Kind,
    },
    /// The check is right, but the content is not of its kind.
    #[error("the content of the key file makes no sense")]
    WrongContent,
}

/// Why a key file was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// An empty passphrase protects nothing.
    #[error("the passphrase is empty")]
    EmptyPassphrase,
    /// The cost is outside the limits.
    #[error("the cost of the seal is outside the limits")]
    CostBeyondLimits,
    /// The content is longer than [`CONTENT_LEN_MAX`].
    #[error("the content is too long for a key file")]
    TooLong,
}

/// Whether `bytes` is a whole key file, and what it says of itself. Needs no passphrase.
pub fn inspect(crypto: &dyn Crypto, bytes: &[u8]) -> Result<Header, OpenError> {
    parse(crypto, bytes).map(|parsed| parsed.header)
}

/// The bytes of a key file; sealed if there is a passphrase.
pub(crate) fn write(
    crypto: &dyn Crypto,
    rng: &mut dyn Rng,
    (kind, address): (Kind, NodeAddr),
    content: &[u8],
    passphrase: Option<(&str, Cost)>,
) -> Result<Vec<u8>, SealError> {
    if content.len() > CONTENT_LEN_MAX {
        return Err(SealError::TooLong);
    }
    let len = |extra: usize| u32::try_from(content.len() + extra).unwrap_or(u32::MAX);
    // Room for everything at once: growing would leave copies of the content behind.
    let mut file = Writer::with_capacity(71 + 4 + content.len() + AEAD_TAG_LEN + CHECK_LEN);
    file.bytes(MAGIC)
        .u8(VERSION)
        .u8(kind as u8)
        .bytes(address.as_bytes());
    match passphrase {
        None => {
            file.u8(SEAL_NONE).u32(len(0)).bytes(content);
        }
        Some((passphrase, cost)) => {
            let seal = Seal {
                cost,
                salt: random(rng),
                nonce: random(rng),
            };
            if passphrase.is_empty() {
                return Err(SealError::EmptyPassphrase);
            }
            let key = seal.key(passphrase).ok_or(SealError::CostBeyondLimits)?;
            seal.write(&mut file);
            file.u32(len(AEAD_TAG_LEN));
            let mut buf = Zeroizing::new(content.to_vec());
            let aead = crypto.aead(AeadAlg::ChaCha20Poly1305, &key);
            let tag = aead.seal_in_place(&seal.nonce, file.as_slice(), &mut buf);
            file.bytes(&buf).bytes(&tag);
        }
    }
    let check = crypto.sha256(&[file.as_slice()]);
    file.bytes(&check);
    Ok(file.finish())
}

/// The header and the content of a key file.
pub(crate) fn read(
    crypto: &dyn Crypto,
    bytes: &[u8],
    passphrase: Option<&str>,
) -> Result<(Header, Zeroizing<Vec<u8>>), OpenError> {
    let parsed = parse(crypto, bytes)?;
    let Some(seal) = parsed.seal else {
        return Ok((parsed.header, Zeroizing::new(parsed.content.to_vec())));
    };
    let passphrase = passphrase.ok_or(OpenError::PassphraseNeeded)?;
    let (ciphertext, tag) = parsed
        .content
        .split_last_chunk::<AEAD_TAG_LEN>()
        .ok_or(OpenError::WrongContent)?;
    let key = seal.key(passphrase).ok_or(OpenError::SealBeyondLimits)?;
    let aead = crypto.aead(AeadAlg::ChaCha20Poly1305, &key);
    let mut buf = Zeroizing::new(ciphertext.to_vec());
    if aead.open_in_place(&seal.nonce, parsed.ad, &mut buf, tag) {
        Ok((parsed.header, buf))
    } else {
        Err(OpenError::WrongPassphrase)
    }
}

struct Parsed<'a> {
    header: Header,
    seal: Option<Seal>,
    /// Everything before the content.
    ad: &'a [u8],
    content: &'a [u8],
}

fn parse<'a>(crypto: &dyn Crypto, bytes: &'a [u8]) -> Result<Parsed<'a>, OpenError> {
    let common = bytes.iter().zip(MAGIC).take_while(|(a, b)| a == b).count();
    if common < bytes.len().min(MAGIC.len()) {
        return Err(OpenError::NotAKeyFile);
    }
    match bytes.get(MAGIC.len()) {
        None => return Err(OpenError::Damaged),
        Some(&VERSION) => {}
        Some(&version) => return Err(OpenError::ForeignVersion { version }),
    }
    let (body, check) = bytes
        .split_last_chunk::<CHECK_LEN>()
        .ok_or(OpenError::Damaged)?;
    if crypto.sha256(&[body]) != *check {
        return Err(OpenError::Damaged);
    }
    parse_body(body).map_err(|_| OpenError::WrongContent)
}

fn parse_body(body: &[u8]) -> Result<Parsed<'_>, wire::Malformed> {
    let mut reader = Reader::new(body, "key file");
    reader.take(MAGIC.len() + 1)?;
    let kind = match reader.u8()? {
        1 => Kind::Root,
        2 => Kind::Next,
        3 => Kind::Hot,
        4 => Kind::Backup,
        5 => Kind::Admin,
        _ => return Err(reader.malformed()),
    };
    let address = NodeAddr(*reader.array()?);
    let seal = match reader.u8()? {
        SEAL_NONE => None,
        SEAL_ARGON2ID => Some(Seal::read(&mut reader)?),
        _ => return Err(reader.malformed()),
    };
    let len = reader.u32()?;
    let ad_len = body.len() - reader.remaining();
    let content = reader.rest();
    let len_fits = usize::try_from(len).is_ok_and(|len| len == content.len());
    if !len_fits || content.len() > CONTENT_LEN_MAX + AEAD_TAG_LEN {
        return Err(reader.malformed());
    }
    Ok(Parsed {
        header: Header {
            kind,
            address,
            sealed: seal.is_some(),
        },
        seal,
        ad: body.get(..ad_len).unwrap_or_default(),
        content,
    })
}

struct Seal {
    cost: Cost,
    salt: [u8; 16],
    nonce: [u8; 12],
}

impl Seal {
    fn read(reader: &mut Reader<'_>) -> Result<Self, wire::Malformed> {
        Ok(Self {
            cost: Cost {
                memory_kib: reader.u32()?,
                passes: reader.u32()?,
                lanes: reader.u32()?,
            },
            salt: *reader.array()?,
            nonce: *reader.array()?,
        })
    }

    fn write(&self, writer: &mut Writer) {
        writer
            .u8(SEAL_ARGON2ID)
            .u32(self.cost.memory_kib)
            .u32(self.cost.passes)
            .u32(self.cost.lanes)
            .bytes(&self.salt)
            .bytes(&self.nonce);
    }

    /// The key that the passphrase gives; `None` if the cost is outside the limits.
    fn key(&self, passphrase: &str) -> Option<Zeroizing<[u8; 32]>> {
        let Cost {
            memory_kib,
            passes,
            lanes,
        } = self.cost;
        if memory_kib > MEMORY_KIB_MAX || passes > PASSES_MAX || lanes > LANES_MAX {
            return None;
        }
        let params = Params::new(memory_kib, passes, lanes, Some(32)).ok()?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut key = Zeroizing::new([0; 32]);
        argon2
            .hash_password_into(passphrase.as_bytes(), &self.salt, key.as_mut_slice())
            .ok()?;
        Some(key)
    }
}
