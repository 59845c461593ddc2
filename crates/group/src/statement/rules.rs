//! What members may reach at each other (docs/protocol/group.md, section 2).
//!
//! Of two statements the one with the higher serial counts. A server takes the time for it, so that
//! servers that do not hear of each other do not choose the same.

use identity::crypto::Crypto;
use wire::{Malformed, Reader, Unencodable, Writer};

use super::signatures::{add, is_admins, k_signed, read_signatures, write_signatures};
use super::{
    ADMINS_MAX, Authority, Genesis, GroupId, Policy, Signer, VERSION, read_version, verify_server,
};
use crate::rules::{PERMITS_MAX, Party, Permit, check, services};
use crate::{PortRange, Proto, Services};

const NAME: &str = "kumihimo group rules v1";
/// Longest statement, in bytes.
pub const RULES_LEN_MAX: usize = 8_192;
/// A list of port ranges that stands for everything.
const EVERYTHING: u8 = 0;

/// The statement about what members of a group may reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The group.
    pub group: GroupId,
    /// The highest counts.
    pub serial: u64,
    /// When it was issued, Unix seconds.
    pub issued_unix_s: u64,
    /// Only what these name; `None`: everything.
    pub permits: Option<Vec<Permit>>,
    /// Who signed, by ascending index: the server, or the admins.
    signatures: Vec<(u8, [u8; 64])>,
}

impl Rules {
    /// A statement that nobody has signed yet.
    ///
    /// # Errors
    /// The permits are beyond their limits ([`check`]), or longer than [`RULES_LEN_MAX`].
    pub fn new(
        group: GroupId,
        serial: u64,
        issued_unix_s: u64,
        permits: Option<Vec<Permit>>,
    ) -> Result<Self, Unencodable> {
        let rules = Self {
            group,
            serial,
            issued_unix_s,
            permits,
            signatures: Vec::new(),
        };
        let fits = check(rules.permits.as_deref().unwrap_or_default()).is_ok()
            && rules.unsigned().len() + 1 + ADMINS_MAX * 65 <= RULES_LEN_MAX;
        let what = "group rules";
        fits.then_some(rules).ok_or(Unencodable { what })
    }

    /// Adds a signature, or replaces the one at this index: a server's, or an admin's of a locked
    /// group.
    pub fn sign(&mut self, by: &Signer<'_>, index: u8) {
        let signature = by.sign(NAME, &self.unsigned());
        add(&mut self.signatures, index, signature);
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
            add(&mut self.signatures, index, signature);
        }
        is_right
    }

    /// The admins, or the server, whose signatures it has, by index.
    pub fn signers(&self) -> impl Iterator<Item = u8> {
        self.signatures.iter().map(|(index, _)| *index)
    }

    /// What its signatures cover, behind their name.
    #[must_use]
    pub fn signed_text(&self) -> Vec<u8> {
        super::text(NAME, &self.unsigned())
    }

    /// Reads a statement; the signatures are not checked. Errors: another version, more than may be,
    /// or signatures that do not ascend.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes, "group rules");
        if bytes.len() > RULES_LEN_MAX {
            return Err(reader.malformed());
        }
        read_version(&mut reader)?;
        let group = GroupId(*reader.array()?);
        let (serial, issued_unix_s) = (reader.u64()?, reader.u64()?);
        let permits = match reader.u8()? {
            0 => None,
            1 => Some(read_permits(&mut reader)?),
            _ => return Err(reader.malformed()),
        };
        let count = reader.u8()?;
        let signatures = read_signatures(&mut reader, count)?;
        reader.finish()?;
        Ok(Self {
            group,
            serial,
            issued_unix_s,
            permits,
            signatures,
        })
    }

    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.unsigned();
        write_signatures(&mut bytes, &self.signatures);
        bytes
    }

    /// Its bytes as they are before anybody signs.
    #[must_use]
    pub fn encode_unsigned(&self) -> Vec<u8> {
        let mut bytes = self.unsigned();
        write_signatures(&mut bytes, &[]);
        bytes
    }

    /// Whether those signed it who decide about this group: a server, or k admins of a locked one.
    #[must_use]
    pub fn holds(&self, crypto: &dyn Crypto, genesis: &Genesis, authority: &Authority) -> bool {
        let unsigned = self.unsigned();
        let signed = match &genesis.policy {
            Policy::Managed => match &self.signatures[..] {
                [(index, signature)] => {
                    let place = (self.group, *index);
                    verify_server(crypto, authority, place, NAME, &unsigned, signature)
                }
                _ => false,
            },
            Policy::Locked { .. } => k_signed(crypto, genesis, (NAME, &unsigned), &self.signatures),
        };
        signed && self.group == genesis.id(crypto) && authority.group == self.group
    }

    /// What others have to be above to count instead: its serial; 0 if those who signed it decide no more. Such rules
    /// bind until there are others, and any that hold are newer. Otherwise a server could choose the highest serial
    /// before it is taken out, and its rules would stay for ever.
    #[must_use]
    pub fn rank(&self, crypto: &dyn Crypto, genesis: &Genesis, authority: &Authority) -> u64 {
        match self.holds(crypto, genesis, authority) {
            true => self.serial,
            false => 0,
        }
    }

    /// What a member with the roles `from` may reach at one with the roles `to`; compiled.
    #[must_use]
    pub fn services(&self, from: &[String], to: &[String]) -> Services {
        match &self.permits {
            None => Services::All,
            Some(permits) => services(permits, from, to),
        }
    }

    fn unsigned(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.u8(VERSION)
            .bytes(&self.group.0)
            .u64(self.serial)
            .u64(self.issued_unix_s)
            .u8(u8::from(self.permits.is_some()));
        if let Some(permits) = &self.permits {
            out.u8(len8(permits.len()));
            for permit in permits {
                write_party(&mut out, &permit.from);
                write_party(&mut out, &permit.to);
                write_services(&mut out, &permit.services);
            }
        }
        out.finish()
    }
}

fn write_party(out: &mut Writer, party: &Party) {
    let role = match party {
        Party::Anybody => "",
        Party::Role(role) => role,
    };
    out.u8(len8(role.len())).bytes(role.as_bytes());
}

fn write_services(out: &mut Writer, services: &Services) {
    let Services::Ports(ranges) = services else {
        out.u8(EVERYTHING);
        return;
    };
    out.u8(len8(ranges.len()));
    for range in ranges {
        out.u8(range.proto.number()).u16(range.lo).u16(range.hi);
    }
}

fn read_permits(reader: &mut Reader<'_>) -> Result<Vec<Permit>, Malformed> {
    let count = usize::from(reader.u8()?);
    if count > PERMITS_MAX {
        return Err(reader.malformed());
    }
    let mut permits = Vec::with_capacity(count);
    for _ in 0..count {
        permits.push(Permit {
            from: read_party(reader)?,
            to: read_party(reader)?,
            services: read_services(reader)?,
        });
    }
    match check(&permits) {
        Ok(()) => Ok(permits),
        Err(_) => Err(reader.malformed()),
    }
}

fn read_party(reader: &mut Reader<'_>) -> Result<Party, Malformed> {
    let len = usize::from(reader.u8()?);
    let role = std::str::from_utf8(reader.take(len)?);
    let role = role.map_err(|_| reader.malformed())?;
    Ok(match role {
        "" => Party::Anybody,
        role => Party::Role(role.to_owned()),
    })
}

fn read_services(reader: &mut Reader<'_>) -> Result<Services, Malformed> {
    let count = reader.u8()?;
    if count == EVERYTHING {
        return Ok(Services::All);
    }
    let range = |reader: &mut Reader<'_>| {
        let proto = match reader.u8()? {
            6 => Proto::Tcp,
            17 => Proto::Udp,
            _ => return Err(reader.malformed()),
        };
        let (lo, hi) = (reader.u16()?, reader.u16()?);
        Ok(PortRange { proto, lo, hi })
    };
    let ranges = (0..count).map(|_| range(reader));
    Ok(Services::Ports(ranges.collect::<Result<_, Malformed>>()?))
}

fn len8(len: usize) -> u8 {
    u8::try_from(len).unwrap_or(u8::MAX)
}
