//! What key files hold, as values.
//!
//! | kind | content |
//! |---|---|
//! | root, next, admin | Ed25519 seed (32) |
//! | hot | X25519 secret (32) ‖ Ed25519 seed (32) |
//! | backup | TLVs: 1 public identity, 2 root seed, 3 next root seed, 4 hot secrets; all but the first may be missing |

use wire::{NodeAddr, Reader, Tlvs, Writer};
use zeroize::Zeroizing;

use super::{Cost, Kind, OpenError, SealError};
use crate::crypto::{Crypto, Rng};
use crate::public::PublicIdentity;
use crate::secret::{AdminSecret, HotKeys, NextRootSecret, RootSecret};

const TLV_PUBLIC: u16 = 1;
const TLV_ROOT: u16 = 2;
const TLV_NEXT: u16 = 3;
const TLV_HOT: u16 = 4;

/// Everything that makes a node, in one file. A secret that was taken offline is missing.
///
/// It holds no handshake count and no pins. Who restores it issues a new certificate with
/// [`crate::next_counter`], so that the numbers of its initiations grow again.
#[derive(Clone, Debug)]
pub struct Backup {
    /// Inception record, log and certificate.
    pub public: PublicIdentity,
    /// The root key in force.
    pub root: Option<RootSecret>,
    /// The next root key.
    pub next: Option<NextRootSecret>,
    /// The hot keys.
    pub hot: Option<HotKeys>,
}

/// The content of a key file.
#[derive(Clone, Debug)]
pub enum KeyFile {
    /// The root key in force.
    Root(RootSecret),
    /// The next root key.
    Next(NextRootSecret),
    /// The hot keys.
    Hot(HotKeys),
    /// Everything.
    Backup(Box<Backup>),
    /// The key of an admin of locked groups.
    Admin(AdminSecret),
}

impl KeyFile {
    /// What this is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Root(_) => Kind::Root,
            Self::Next(_) => Kind::Next,
            Self::Hot(_) => Kind::Hot,
            Self::Backup(_) => Kind::Backup,
            Self::Admin(_) => Kind::Admin,
        }
    }

    /// The bytes of the file of the node at `address`; sealed if there is a passphrase.
    pub fn write(
        &self,
        crypto: &dyn Crypto,
        rng: &mut dyn Rng,
        address: NodeAddr,
        passphrase: Option<(&str, Cost)>,
    ) -> Result<Vec<u8>, SealError> {
        let content = self.content()?;
        super::write(crypto, rng, (self.kind(), address), &content, passphrase)
    }

    /// Reads a file; the passphrase is not looked at if it is not sealed.
    pub fn read(
        crypto: &dyn Crypto,
        bytes: &[u8],
        passphrase: Option<&str>,
    ) -> Result<(NodeAddr, Self), OpenError> {
        let (header, content) = super::read(crypto, bytes, passphrase)?;
        let file = match header.kind {
            Kind::Root => Self::Root(RootSecret::from_seed(seed(&content)?)),
            Kind::Next => Self::Next(NextRootSecret::from_seed(seed(&content)?)),
            Kind::Admin => Self::Admin(AdminSecret::from_seed(seed(&content)?)),
            Kind::Hot => Self::Hot(hot_keys(crypto, &content)?),
            Kind::Backup => {
                let backup = read_backup(crypto, &content)?;
                if backup.public.address() != header.address {
                    return Err(OpenError::WrongContent);
                }
                Self::Backup(Box::new(backup))
            }
        };
        Ok((header.address, file))
    }

    /// The root key. Errors: another kind.
    pub fn into_root(self) -> Result<RootSecret, OpenError> {
        match self {
            Self::Root(root) => Ok(root),
            other => Err(other.is_not(Kind::Root)),
        }
    }

    /// The next root key. Errors: another kind.
    pub fn into_next(self) -> Result<NextRootSecret, OpenError> {
        match self {
            Self::Next(next) => Ok(next),
            other => Err(other.is_not(Kind::Next)),
        }
    }

    /// The hot keys. Errors: another kind.
    pub fn into_hot(self) -> Result<HotKeys, OpenError> {
        match self {
            Self::Hot(hot) => Ok(hot),
            other => Err(other.is_not(Kind::Hot)),
        }
    }

    /// The backup. Errors: another kind.
    pub fn into_backup(self) -> Result<Backup, OpenError> {
        match self {
            Self::Backup(backup) => Ok(*backup),
            other => Err(other.is_not(Kind::Backup)),
        }
    }

    /// The key of an admin. Errors: another kind.
    pub fn into_admin(self) -> Result<AdminSecret, OpenError> {
        match self {
            Self::Admin(admin) => Ok(admin),
            other => Err(other.is_not(Kind::Admin)),
        }
    }

    fn is_not(&self, wanted: Kind) -> OpenError {
        OpenError::WrongKind {
            wanted,
            found: self.kind(),
        }
    }

    pub(super) fn content(&self) -> Result<Zeroizing<Vec<u8>>, SealError> {
        Ok(match self {
            Self::Root(root) => Zeroizing::new(root.seed().to_vec()),
            Self::Next(next) => Zeroizing::new(next.seed().to_vec()),
            Self::Admin(admin) => Zeroizing::new(admin.seed().to_vec()),
            Self::Hot(hot) => hot_content(hot),
            Self::Backup(backup) => write_backup(backup)?,
        })
    }
}

fn seed(content: &[u8]) -> Result<&[u8; 32], OpenError> {
    content.try_into().map_err(|_| OpenError::WrongContent)
}

fn hot_content(hot: &HotKeys) -> Zeroizing<Vec<u8>> {
    let mut content = Zeroizing::new(Vec::with_capacity(64));
    content.extend_from_slice(hot.noise_secret());
    content.extend_from_slice(hot.sign_seed());
    content
}

fn hot_keys(crypto: &dyn Crypto, content: &[u8]) -> Result<HotKeys, OpenError> {
    let mut reader = Reader::new(content, "hot keys");
    let secrets = |reader: &mut Reader<'_>| {
        let keys = HotKeys::from_secrets(crypto, reader.array()?, reader.array()?);
        reader.finish().map(|()| keys)
    };
    secrets(&mut reader).map_err(|_| OpenError::WrongContent)
}

fn write_backup(backup: &Backup) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let public = backup.public.to_bytes();
    let mut writer = Writer::with_capacity(public.len() + 32 + 32 + 64 + 4 * 4);
    let tlv = |writer: &mut Writer, kind, value: &[u8]| {
        let written = writer.tlv(kind, value).map(|_| ());
        written.map_err(|_| SealError::TooLong)
    };
    tlv(&mut writer, TLV_PUBLIC, &public)?;
    if let Some(root) = &backup.root {
        tlv(&mut writer, TLV_ROOT, root.seed())?;
    }
    if let Some(next) = &backup.next {
        tlv(&mut writer, TLV_NEXT, next.seed())?;
    }
    if let Some(hot) = &backup.hot {
        tlv(&mut writer, TLV_HOT, &hot_content(hot))?;
    }
    Ok(Zeroizing::new(writer.finish()))
}

fn read_backup(crypto: &dyn Crypto, content: &[u8]) -> Result<Backup, OpenError> {
    let (mut public, mut root, mut next, mut hot) = (None, None, None, None);
    for tlv in Tlvs::new(content, "backup") {
        let (kind, value) = tlv.map_err(|_| OpenError::WrongContent)?;
        match kind {
            TLV_PUBLIC => {
                let read = PublicIdentity::from_bytes(crypto, value);
                public = Some(read.map_err(|_| OpenError::WrongContent)?);
            }
            TLV_ROOT => root = Some(RootSecret::from_seed(seed(value)?)),
            TLV_NEXT => next = Some(NextRootSecret::from_seed(seed(value)?)),
            TLV_HOT => hot = Some(hot_keys(crypto, value)?),
            _ => {}
        }
    }
    Ok(Backup {
        public: public.ok_or(OpenError::WrongContent)?,
        root,
        next,
        hot,
    })
}
