//! That a node belongs to a group (docs/protocol/group.md, section 2).

use identity::crypto::Crypto;
use wire::{Malformed, NodeAddr, Reader, Unencodable, Writer};

use super::attributes::{ATTRIBUTES_LEN_MAX, Attributes, are_known};
use super::invite::Said;
use super::proof::Proof;
use super::signatures::{is_admins, k_signed};
use super::{
    Authority, Genesis, GroupId, InviteCertificate, Membership, Policy, Signer, VERSION, Wanted,
    read_version, verify, verify_server,
};
use crate::element::{Kind, Mode};

const NAME: &str = "kumihimo group admission v1";
const NAME_BY_INVITE: &str = "kumihimo group admission by invite v1";

/// The statement that a node belongs to a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// The group.
    pub group: GroupId,
    /// Who, and a serial that no other admission of the group has.
    pub member: Membership,
    /// When it was issued, Unix seconds.
    pub issued_unix_s: u64,
    /// Its mode.
    pub mode: Mode,
    /// Its kind.
    pub kind: Kind,
    /// The attributes as they were signed; [`Admission::attributes`] reads them.
    attributes: Vec<u8>,
    /// Who says so.
    proof: Proof,
}

impl Admission {
    /// An admission that nobody has signed yet.
    ///
    /// # Errors
    /// The attributes are longer than they may be, or the name is none.
    pub fn new(
        group: GroupId,
        member: Membership,
        issued_unix_s: u64,
        element: (Kind, Mode),
        attributes: &Attributes,
    ) -> Result<Self, Unencodable> {
        Ok(Self {
            group,
            member,
            issued_unix_s,
            mode: element.1,
            kind: element.0,
            attributes: attributes.encode()?,
            proof: Proof::default(),
        })
    }

    /// Adds a signature, or replaces the one at this index: a server's, or an admin's of a locked
    /// group.
    pub fn sign(&mut self, by: &Signer<'_>, index: u8) {
        let signature = by.sign(NAME, &self.unsigned());
        self.proof.add(index, signature);
    }

    /// Signs it by the key of an invite, which k admins have certified.
    pub fn sign_by_invite(&mut self, by: &Signer<'_>, certificate: InviteCertificate) {
        let signature = by.sign(NAME_BY_INVITE, &self.unsigned());
        self.proof = Proof::ByInvite {
            certificate: Box::new(certificate),
            signature,
        };
    }

    /// Takes a signature that an admin of a locked group made elsewhere; whether it is one.
    pub fn accept(
        &mut self,
        crypto: &dyn Crypto,
        genesis: &Genesis,
        index: u8,
        signature: [u8; 64],
    ) -> bool {
        let text = (NAME, &self.unsigned()[..]);
        let is_right = is_admins(crypto, genesis, text, (index, &signature));
        if is_right {
            self.proof.add(index, signature);
        }
        is_right
    }

    /// The admins, or the server, whose signatures it has, by index.
    pub fn signers(&self) -> impl Iterator<Item = u8> {
        self.proof.signers()
    }

    /// The certificate of the invite by which it was made, if it was.
    #[must_use]
    pub fn invite(&self) -> Option<&InviteCertificate> {
        match &self.proof {
            Proof::Signed(_) => None,
            Proof::ByInvite { certificate, .. } => Some(certificate),
        }
    }

    /// What its signatures cover, behind their name.
    #[must_use]
    pub fn signed_text(&self) -> Vec<u8> {
        super::text(NAME, &self.unsigned())
    }

    /// Reads an admission; the signatures are not checked. Errors: another version, attributes or
    /// signatures that are too many or do not ascend.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes, "group admission");
        read_version(&mut reader)?;
        let group = GroupId(*reader.array()?);
        let member = Membership {
            f: NodeAddr(*reader.array()?),
            serial: reader.u64()?,
        };
        let issued_unix_s = reader.u64()?;
        let mode = Mode::read(&mut reader)?;
        let kind = Kind::read(&mut reader)?;
        let len = usize::from(reader.u16()?);
        if len > ATTRIBUTES_LEN_MAX {
            return Err(reader.malformed());
        }
        let attributes = reader.take(len)?;
        Attributes::decode(attributes)?;
        let proof = Proof::read(&mut reader)?;
        reader.finish()?;
        Ok(Self {
            group,
            member,
            issued_unix_s,
            mode,
            kind,
            attributes: attributes.to_vec(),
            proof,
        })
    }

    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.unsigned();
        self.proof.write(&mut bytes);
        bytes
    }

    /// Its bytes as they are before anybody signs.
    #[must_use]
    pub fn encode_unsigned(&self) -> Vec<u8> {
        let mut bytes = self.unsigned();
        Proof::default().write(&mut bytes);
        bytes
    }

    /// What it says beyond kind and mode. Errors: none, for one that was decoded or made here.
    pub fn attributes(&self) -> Result<Attributes, Malformed> {
        Attributes::decode(&self.attributes)
    }

    /// Whether those signed it who admit to this group.
    #[must_use]
    pub fn holds(&self, crypto: &dyn Crypto, genesis: &Genesis, authority: &Authority) -> bool {
        let unsigned = self.unsigned();
        let signed = match (&genesis.policy, &self.proof) {
            (Policy::Managed, Proof::Signed(signatures)) => match &signatures[..] {
                [(index, signature)] => {
                    let place = (self.group, *index);
                    verify_server(crypto, authority, place, NAME, &unsigned, signature)
                }
                _ => false,
            },
            (Policy::Managed, Proof::ByInvite { .. }) => false,
            (Policy::Locked { .. }, Proof::Signed(signatures)) => {
                k_signed(crypto, genesis, (NAME, &unsigned), signatures)
            }
            (
                Policy::Locked { .. },
                Proof::ByInvite {
                    certificate,
                    signature,
                },
            ) => {
                let by = |key| verify(crypto, key, NAME_BY_INVITE, &unsigned, signature);
                certificate.allows(&self.said())
                    && by(&certificate.key)
                    && certificate.holds(crypto, genesis)
            }
        };
        let group = genesis.id(crypto);
        signed && self.group == group && authority.group == group
    }

    /// Whether all that it says is known here: who signs or verifies more would sign what it does not see.
    #[must_use]
    pub fn is_known(&self) -> bool {
        are_known(&self.attributes)
    }

    /// What an invite bounds.
    fn said(&self) -> Said<'_> {
        Said {
            group: self.group,
            issued_unix_s: self.issued_unix_s,
            mode: self.mode,
            kind: self.kind,
            attributes: &self.attributes,
        }
    }

    /// The admission of a node that comes by an invite, signed with the invite's private half.
    ///
    /// # Errors
    /// What the node would be is not within the bounds, or the name is none.
    pub fn by_invite(
        certificate: &InviteCertificate,
        by: &Signer<'_>,
        wanted: &Wanted,
    ) -> Result<Self, Unencodable> {
        let (element, attributes) = certificate.fit(wanted);
        let (group, at) = (certificate.group, wanted.now_unix_s);
        let mut admission = Self::new(group, wanted.member, at, element, &attributes)?;
        if !certificate.allows(&admission.said()) {
            let what = "admission by this invite";
            return Err(Unencodable { what });
        }
        admission.sign_by_invite(by, certificate.clone());
        Ok(admission)
    }

    fn unsigned(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(53 + self.attributes.len() + 66);
        writer
            .u8(VERSION)
            .bytes(&self.group.0)
            .bytes(self.member.f.as_bytes())
            .u64(self.member.serial)
            .u64(self.issued_unix_s)
            .u8(self.mode.byte())
            .u8(self.kind.byte())
            .u16(u16::try_from(self.attributes.len()).unwrap_or(u16::MAX))
            .bytes(&self.attributes);
        writer.finish()
    }
}
