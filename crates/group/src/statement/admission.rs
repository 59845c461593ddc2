//! That a node belongs to a group (docs/protocol/group.md, section 2).

use identity::crypto::Crypto;
use wire::prefix::{PREFIX_LEN, Prefix};
use wire::{Malformed, NodeAddr, Reader, Tlvs, Unencodable, Writer};

use super::{
    ADMINS_MAX, Authority, Genesis, GroupId, Membership, Policy, Signer, VERSION, read_version,
    verify, verify_server,
};
use crate::element::{Kind, Mode};

const NAME: &str = "kumihimo group admission v1";
/// Longest list of attributes, in bytes.
pub const ATTRIBUTES_LEN_MAX: usize = 1_024;
/// Longest name in a group, in bytes.
pub const NAME_LEN_MAX: usize = 63;
/// Most prefixes behind a member.
pub const PREFIXES_MAX: usize = 32;
/// Most prefixes that a group protects.
pub const SITE_MAX: usize = 16;

/// What an admission says beyond kind and mode.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Its name in the group (`name.group.kumi`): 1 to [`NAME_LEN_MAX`] bytes.
    pub name: Option<String>,
    /// What lies behind it, at most [`PREFIXES_MAX`].
    pub prefixes: Vec<Prefix>,
    /// Ordinary addresses that the group protects, and its member with it (site mode); at most
    /// [`SITE_MAX`].
    pub site: Vec<Prefix>,
}

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
    /// Who signed, by ascending index: the server, or the admins.
    signatures: Vec<(u8, [u8; 64])>,
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
            signatures: Vec::new(),
        })
    }

    /// Adds a signature, or replaces the one at this index: a server's, or an admin's of a locked
    /// group.
    pub fn sign(&mut self, by: &Signer<'_>, index: u8) {
        let signature = by.sign(NAME, &self.unsigned());
        self.signatures.retain(|(other, _)| *other != index);
        self.signatures.push((index, signature));
        self.signatures.sort_unstable_by_key(|(index, _)| *index);
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
        let count = usize::from(reader.u8()?);
        if count > ADMINS_MAX {
            return Err(reader.malformed());
        }
        let mut signatures: Vec<(u8, [u8; 64])> = Vec::with_capacity(count);
        for _ in 0..count {
            let (index, signature) = (reader.u8()?, *reader.array()?);
            if signatures.last().is_some_and(|(last, _)| *last >= index) {
                return Err(reader.malformed());
            }
            signatures.push((index, signature));
        }
        reader.finish()?;
        Ok(Self {
            group,
            member,
            issued_unix_s,
            mode,
            kind,
            attributes: attributes.to_vec(),
            signatures,
        })
    }

    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.unsigned();
        bytes.push(u8::try_from(self.signatures.len()).unwrap_or(u8::MAX));
        for (index, signature) in &self.signatures {
            bytes.push(*index);
            bytes.extend_from_slice(signature);
        }
        bytes
    }

    /// The index of its first signer: in a managed group the server that admitted.
    #[must_use]
    pub fn first_signer(&self) -> Option<u8> {
        self.signatures.first().map(|(index, _)| *index)
    }

    /// What it says beyond kind and mode. Errors: none, for one that was decoded or made here.
    pub fn attributes(&self) -> Result<Attributes, Malformed> {
        Attributes::decode(&self.attributes)
    }

    /// Whether those signed it who admit to this group.
    #[must_use]
    pub fn holds(&self, crypto: &dyn Crypto, genesis: &Genesis, authority: &Authority) -> bool {
        let unsigned = self.unsigned();
        let by = |key: &[u8; 32], signature| verify(crypto, key, NAME, &unsigned, signature);
        let signed = match &genesis.policy {
            Policy::Managed => match &self.signatures[..] {
                [(index, signature)] => {
                    let place = (self.group, *index);
                    verify_server(crypto, authority, place, NAME, &unsigned, signature)
                }
                _ => false,
            },
            Policy::Locked { threshold, admins } => {
                // A wrong signature among right ones spoils it: nobody adds bytes on the way.
                let right = self.signatures.iter().all(|(index, signature)| {
                    let admin = admins.get(usize::from(*index));
                    admin.is_some_and(|key| by(key, signature))
                });
                right && self.signatures.len() >= usize::from(*threshold)
            }
        };
        let group = genesis.id(crypto);
        signed && self.group == group && authority.group == group
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

impl Attributes {
    fn encode(&self) -> Result<Vec<u8>, Unencodable> {
        let mut writer = Writer::default();
        if let Some(name) = &self.name {
            if !is_name(name) {
                return Err(Unencodable { what: "group name" });
            }
            writer.tlv(1, name.as_bytes())?;
        }
        for (kind, prefixes, most) in [(2, &self.prefixes, PREFIXES_MAX), (3, &self.site, SITE_MAX)]
        {
            if prefixes.len() > most {
                return Err(Unencodable { what: "prefixes" });
            }
            if !prefixes.is_empty() {
                let prefixes = prefixes.iter().flat_map(|prefix| prefix.to_bytes());
                writer.tlv(kind, &prefixes.collect::<Vec<u8>>())?;
            }
        }
        Ok(writer.finish())
    }

    fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let malformed = || Malformed {
            what: "group attributes",
        };
        let mut attributes = Self::default();
        for tlv in Tlvs::new(bytes, "group attributes") {
            match tlv? {
                (1, name) => {
                    let name = std::str::from_utf8(name).ok().filter(|name| is_name(name));
                    attributes.name = Some(name.ok_or_else(malformed)?.to_owned());
                }
                (2, prefixes) => attributes.prefixes = read_prefixes(prefixes, PREFIXES_MAX)?,
                (3, prefixes) => attributes.site = read_prefixes(prefixes, SITE_MAX)?,
                _ => {}
            }
        }
        Ok(attributes)
    }
}

fn read_prefixes(bytes: &[u8], most: usize) -> Result<Vec<Prefix>, Malformed> {
    let (prefixes, rest) = bytes.as_chunks::<PREFIX_LEN>();
    if !rest.is_empty() || prefixes.len() > most {
        let what = "group attributes";
        return Err(Malformed { what });
    }
    prefixes.iter().map(Prefix::from_bytes).collect()
}

/// Whether a text may be a name in a group: one label of a host name, in any script.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let fits = (1..=NAME_LEN_MAX).contains(&name.len());
    let is_wrong = |letter: char| letter.is_control() || letter.is_whitespace() || letter == '.';
    fits && !name.contains(is_wrong)
}
