//! Who says that an admission holds: signatures, or an invite that k admins have certified
//! (docs/protocol/group.md, section 2).

use wire::{Malformed, Reader};

use super::invite::InviteCertificate;
use super::signatures::{add, read_signatures, write_signatures};

/// Stands where the number of signatures does, if an invite stands for them.
const BY_INVITE: u8 = 0xff;

/// Who says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// These, by ascending index: the server, or the admins.
    Signed(Vec<(u8, [u8; 64])>),
    /// Whoever had the private half of an invite, as k admins have allowed.
    ByInvite {
        /// What they have allowed.
        certificate: Box<InviteCertificate>,
        /// The invite's signature.
        signature: [u8; 64],
    },
}

/// Nobody has signed yet.
impl Default for Proof {
    fn default() -> Self {
        Self::Signed(Vec::new())
    }
}

impl Proof {
    /// Adds a signature, or replaces the one at this index; an invite counts no more then.
    pub(super) fn add(&mut self, index: u8, signature: [u8; 64]) {
        match self {
            Self::Signed(signatures) => add(signatures, index, signature),
            Self::ByInvite { .. } => *self = Self::Signed(vec![(index, signature)]),
        }
    }

    pub(super) fn signers(&self) -> impl Iterator<Item = u8> {
        let signatures = match self {
            Self::Signed(signatures) => &signatures[..],
            Self::ByInvite { .. } => &[],
        };
        signatures.iter().map(|(index, _)| *index)
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        match reader.u8()? {
            BY_INVITE => {
                let len = usize::from(reader.u16()?);
                let certificate = Box::new(InviteCertificate::decode(reader.take(len)?)?);
                let signature = *reader.array()?;
                Ok(Self::ByInvite {
                    certificate,
                    signature,
                })
            }
            count => read_signatures(reader, count).map(Self::Signed),
        }
    }

    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Signed(signatures) => write_signatures(bytes, signatures),
            Self::ByInvite {
                certificate,
                signature,
            } => {
                let certificate = certificate.encode();
                let len = u16::try_from(certificate.len()).unwrap_or(u16::MAX);
                bytes.push(BY_INVITE);
                bytes.extend_from_slice(&len.to_be_bytes());
                bytes.extend_from_slice(&certificate);
                bytes.extend_from_slice(signature);
            }
        }
    }
}
