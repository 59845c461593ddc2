//! What two management servers of one group say to each other, and what members tell a server of the
//! other's chain (docs/protocol/group.md, section 8). They are *partners*: each has a key, a chain, members
//! and a database of its own.
//!
//! | limit | value |
//! |---|---|
//! | admissions in a message | those that fit into [`ADMITTED_LEN_MAX`] bytes |
//! | name of a time zone | [`ZONE_LEN_MAX`] bytes |

use identity::crypto::Crypto;
use wire::invite::SECRET_LEN;
use wire::{Malformed, NodeAddr, Prefix, Reader, Writer};

use crate::message::Message;
use crate::statement::{
    Admission, Authority, Genesis, GroupId, Membership, NAME_LEN_MAX, Rules, SITE_MAX, Signer,
    is_name, verify,
};

/// Most bytes of the admissions in a message; more go in several.
pub const ADMITTED_LEN_MAX: usize = 12 * 1_024;
/// Longest name of a time zone, in bytes.
pub const ZONE_LEN_MAX: usize = 64;

const NAME: &str = "kumihimo group partner v1";
const COME: u16 = 0x40;
const CHARGE: u16 = 0x41;
const HERE: u16 = 0x42;
const HEADS: u16 = 0x43;
const ENTRIES: u16 = 0x44;
const HOLDING: u16 = 0x45;
const ADMITTED: u16 = 0x46;
/// The types of [`Message`] that go in [`PartnerMessage::Said`].
const SAID: [(u16, u16); 2] = [(HEADS, 0x12), (ENTRIES, 0x13)];

/// A server that is to become another's partner, as it says itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Come {
    /// The secret of the line that it comes by.
    pub secret: [u8; SECRET_LEN],
    /// Its key for statements.
    pub key: [u8; 32],
    /// By that key: it is its own.
    pub signature: [u8; 64],
}

/// Without the secret.
impl std::fmt::Debug for Come {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Come").finish_non_exhaustive()
    }
}

impl Come {
    /// What the server at `from` says to the one at `to`.
    #[must_use]
    pub fn new(
        by: &Signer<'_>,
        (from, to): (NodeAddr, NodeAddr),
        secret: [u8; SECRET_LEN],
    ) -> Self {
        Self {
            secret,
            key: by.public(),
            signature: by.sign(NAME, &unsigned(from, to, &secret)),
        }
    }

    /// Whether the key is that of whoever says it.
    #[must_use]
    pub fn holds(&self, crypto: &dyn Crypto, (from, to): (NodeAddr, NodeAddr)) -> bool {
        let unsigned = unsigned(from, to, &self.secret);
        verify(crypto, &self.key, NAME, &unsigned, &self.signature)
    }
}

fn unsigned(from: NodeAddr, to: NodeAddr, secret: &[u8; SECRET_LEN]) -> Vec<u8> {
    [&from.as_bytes()[..], &to.as_bytes()[..], secret].concat()
}

/// A group that a server is to manage, and who does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// What the group is called.
    pub name: String,
    /// Its time zone.
    pub zone: String,
    /// The ordinary addresses that it protects.
    pub site: Vec<Prefix>,
    /// How it began.
    pub genesis: Genesis,
    /// Who manages it.
    pub authority: Authority,
    /// What its members may reach; `None`: nothing was ever said.
    pub rules: Option<Box<Rules>>,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartnerMessage {
    /// I come by this line, to manage groups with you.
    Come(Come),
    /// You manage this group with me; also when the servers or the rules have changed.
    Charge(Box<Charge>),
    /// I am in touch: tell me how far you have come.
    Here,
    /// [`Message::Heads`] or [`Message::Entries`], to a server: of all chains of a group.
    Said(Message),
    /// These are the rules that I have, and of the admissions that you have signed I hold these.
    Holding {
        /// The group.
        group: GroupId,
        /// The serial of the rules; 0: none.
        rules_serial: u64,
        /// [`digest`] over them.
        digest: [u8; 32],
    },
    /// I have signed these admissions.
    Admitted {
        /// The group.
        group: GroupId,
        /// Some of them, all of this group.
        admissions: Vec<Admission>,
    },
}

/// Stands for a set of admissions.
#[must_use]
pub fn digest(crypto: &dyn Crypto, admissions: impl Iterator<Item = Membership>) -> [u8; 32] {
    let mut admissions: Vec<Membership> = admissions.collect();
    admissions.sort_unstable();
    let bytes = admissions.iter().flat_map(|it| {
        let serial = it.serial.to_be_bytes();
        it.f.as_bytes().iter().copied().chain(serial)
    });
    crypto.sha256(&[&bytes.collect::<Vec<u8>>()])
}

/// Admissions in parts that a message has room for.
#[must_use]
pub fn pages<'a>(admissions: impl Iterator<Item = &'a Admission>) -> Vec<Vec<Admission>> {
    let mut pages: Vec<Vec<Admission>> = Vec::new();
    let mut left = 0;
    for admission in admissions {
        let len = 2 + admission.encode().len();
        if len > left {
            pages.push(Vec::new());
            left = ADMITTED_LEN_MAX;
        }
        left = left.saturating_sub(len);
        if let Some(page) = pages.last_mut() {
            page.push(admission.clone());
        }
    }
    pages
}

impl PartnerMessage {
    /// Its type in the control stream.
    #[must_use]
    pub fn kind(&self) -> u16 {
        match self {
            Self::Come(_) => COME,
            Self::Charge(_) => CHARGE,
            Self::Here => HERE,
            Self::Said(Message::Heads { .. }) => HEADS,
            Self::Said(_) => ENTRIES,
            Self::Holding { .. } => HOLDING,
            Self::Admitted { .. } => ADMITTED,
        }
    }

    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        match self {
            Self::Come(come) => {
                out.bytes(&come.secret).bytes(&come.key);
                out.bytes(&come.signature);
            }
            Self::Charge(charge) => write_charge(&mut out, charge),
            Self::Here => {}
            Self::Said(message) => return message.encode(),
            Self::Holding {
                group,
                rules_serial,
                digest,
            } => {
                out.bytes(&group.0).u64(*rules_serial).bytes(digest);
            }
            Self::Admitted { group, admissions } => {
                out.bytes(&group.0);
                for admission in admissions {
                    write_sized(&mut out, &admission.encode());
                }
            }
        }
        out.finish()
    }

    /// Reads a message of a type; `None`: it is none of these. Nothing in it is verified.
    ///
    /// # Errors
    /// The bytes are not the message, or it holds more than it may.
    pub fn decode(kind: u16, bytes: &[u8]) -> Result<Option<Self>, Malformed> {
        if let Some((_, said)) = SAID.iter().find(|(it, _)| *it == kind) {
            return Ok(Message::decode(*said, bytes)?.map(Self::Said));
        }
        let mut reader = Reader::new(bytes, "partner message");
        let message = match kind {
            COME => Self::Come(Come {
                secret: *reader.array()?,
                key: *reader.array()?,
                signature: *reader.array()?,
            }),
            CHARGE => Self::Charge(Box::new(read_charge(&mut reader)?)),
            HERE => Self::Here,
            HOLDING => Self::Holding {
                group: GroupId(*reader.array()?),
                rules_serial: reader.u64()?,
                digest: *reader.array()?,
            },
            ADMITTED => read_admitted(&mut reader)?,
            _ => return Ok(None),
        };
        reader.finish()?;
        Ok(Some(message))
    }
}

fn write_sized(out: &mut Writer, part: &[u8]) {
    out.u16(u16::try_from(part.len()).unwrap_or(u16::MAX));
    out.bytes(part);
}

fn write_charge(out: &mut Writer, charge: &Charge) {
    for text in [&charge.name, &charge.zone] {
        out.u8(u8::try_from(text.len()).unwrap_or(u8::MAX));
        out.bytes(text.as_bytes());
    }
    let site = charge.site.get(..SITE_MAX).unwrap_or(&charge.site);
    out.u8(u8::try_from(site.len()).unwrap_or(u8::MAX));
    for prefix in site {
        out.bytes(&prefix.to_bytes());
    }
    write_sized(out, &charge.genesis.encode());
    let rules = charge.rules.as_ref().map(|rules| rules.encode());
    write_sized(out, &rules.unwrap_or_default());
    out.bytes(&charge.authority.encode());
}

fn read_charge(reader: &mut Reader<'_>) -> Result<Charge, Malformed> {
    let name = read_text(reader, NAME_LEN_MAX)?;
    if !is_name(&name) {
        return Err(reader.malformed());
    }
    let zone = read_text(reader, ZONE_LEN_MAX)?;
    let count = usize::from(reader.u8()?);
    if count > SITE_MAX {
        return Err(reader.malformed());
    }
    let site = (0..count).map(|_| Prefix::from_bytes(reader.array()?));
    let site = site.collect::<Result<_, Malformed>>()?;
    let len = usize::from(reader.u16()?);
    let genesis = Genesis::decode(reader.take(len)?)?;
    let len = usize::from(reader.u16()?);
    let rules = match reader.take(len)? {
        [] => None,
        bytes => Some(Box::new(Rules::decode(bytes)?)),
    };
    let authority = Authority::decode(reader.rest())?;
    Ok(Charge {
        name,
        zone,
        site,
        genesis,
        authority,
        rules,
    })
}

fn read_text(reader: &mut Reader<'_>, most: usize) -> Result<String, Malformed> {
    let len = usize::from(reader.u8()?);
    let text = std::str::from_utf8(reader.take(len)?).ok();
    let text = text.filter(|it| len <= most && !it.chars().any(char::is_control));
    text.map(str::to_owned).ok_or_else(|| reader.malformed())
}

fn read_admitted(reader: &mut Reader<'_>) -> Result<PartnerMessage, Malformed> {
    let group = GroupId(*reader.array()?);
    if reader.remaining() > ADMITTED_LEN_MAX {
        return Err(reader.malformed());
    }
    let mut admissions = Vec::new();
    while reader.remaining() > 0 {
        let len = usize::from(reader.u16()?);
        let admission = Admission::decode(reader.take(len)?)?;
        if admission.group != group {
            return Err(reader.malformed());
        }
        admissions.push(admission);
    }
    Ok(PartnerMessage::Admitted { group, admissions })
}

#[cfg(test)]
mod tests;
