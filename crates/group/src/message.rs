//! What two members say to each other about their group, in the control stream of a session whose
//! handshake matched it (docs/protocol/group.md, section 5).
//!
//! | limit | value |
//! |---|---|
//! | entries in a message | [`ENTRIES_MAX`] |
//! | chains in heads | [`SERVERS_MAX`] |
//! | memberships in message 2 of a handshake | [`SHOWN_MAX`] |

use identity::crypto::Crypto;
use wire::handshake::SHOWN_LEN_MAX;
use wire::{Malformed, Reader, Writer};

use crate::chain::{Head, Links};
use crate::epochs::{EpochName, EpochSecret};
use crate::statement::{
    Admission, Authority, Entry, GroupId, LEASE_LEN, Lease, Rules, SERVERS_MAX,
};

/// Most entries in a message; more go in several.
pub const ENTRIES_MAX: usize = 64;

/// Most memberships in message 2 of a handshake.
pub const SHOWN_MAX: usize = 4;

const MEMBERSHIP: u16 = 0x10;
const AUTHORITY: u16 = 0x11;
const HEADS: u16 = 0x12;
const ENTRIES: u16 = 0x13;
const WANTED: u16 = 0x14;
const SECRET: u16 = 0x15;
const RULES: u16 = 0x4c;
const RULES_HEAD: u16 = 0x4d;

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// I am a member.
    Membership {
        /// Who says that I belong to it.
        admission: Box<Admission>,
        /// Who says that I still do.
        lease: Box<Lease>,
    },
    /// These servers manage the group.
    Authority(Authority),
    /// So far have I come in the servers' chains.
    Heads {
        /// The group.
        group: GroupId,
        /// The chains by index, ascending.
        heads: Vec<(u8, Head)>,
    },
    /// This comes next in a chain.
    Entries {
        /// The group.
        group: GroupId,
        /// The part of the chain; at most [`ENTRIES_MAX`] entries, all of this group and index.
        links: Links,
    },
    /// Tell me what comes in a chain, from a number on.
    Wanted {
        /// The group.
        group: GroupId,
        /// The chain.
        index: u8,
        /// The first number.
        number: u32,
    },
    /// The secret of an epoch.
    Secret {
        /// The group.
        group: GroupId,
        /// The epoch.
        name: EpochName,
        /// Its secret.
        secret: EpochSecret,
    },
    /// These are the rules of the group.
    Rules(Box<Rules>),
    /// So new are the rules that I have.
    RulesHead {
        /// The group.
        group: GroupId,
        /// Their serial; 0: I have none.
        serial: u64,
    },
}

impl Message {
    /// Its type in the control stream.
    #[must_use]
    pub const fn kind(&self) -> u16 {
        match self {
            Self::Membership { .. } => MEMBERSHIP,
            Self::Authority(_) => AUTHORITY,
            Self::Heads { .. } => HEADS,
            Self::Entries { .. } => ENTRIES,
            Self::Wanted { .. } => WANTED,
            Self::Secret { .. } => SECRET,
            Self::Rules(_) => RULES,
            Self::RulesHead { .. } => RULES_HEAD,
        }
    }

    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        match self {
            Self::Membership { admission, lease } => {
                writer.bytes(&lease.encode()).bytes(&admission.encode());
            }
            Self::Authority(authority) => {
                writer.bytes(&authority.encode());
            }
            Self::Heads { group, heads } => {
                writer.bytes(&group.0);
                for (index, head) in heads {
                    writer.u8(*index).u32(head.number).bytes(&head.hash);
                }
            }
            Self::Entries { group, links } => {
                writer.bytes(&group.0).u8(links.index);
                writer.u32(links.after.number).bytes(&links.after.hash);
                for entry in &links.entries {
                    writer.bytes(&entry.encode());
                }
            }
            Self::Wanted {
                group,
                index,
                number,
            } => {
                writer.bytes(&group.0).u8(*index).u32(*number);
            }
            Self::Secret {
                group,
                name,
                secret,
            } => {
                writer.bytes(&group.0).u8(name.index).u32(name.number);
                writer.bytes(secret.bytes());
            }
            Self::Rules(rules) => {
                writer.bytes(&rules.encode());
            }
            Self::RulesHead { group, serial } => {
                writer.bytes(&group.0).u64(*serial);
            }
        }
        writer.finish()
    }

    /// Reads a message of a type; `None`: it is none of these. Nothing in it is verified.
    ///
    /// # Errors
    /// The bytes are not the message, or it holds more than it may.
    pub fn decode(kind: u16, bytes: &[u8]) -> Result<Option<Self>, Malformed> {
        let mut reader = Reader::new(bytes, "group message");
        let message = match kind {
            MEMBERSHIP => Self::Membership {
                lease: Box::new(Lease::decode(reader.array::<LEASE_LEN>()?)?),
                admission: Box::new(Admission::decode(reader.rest())?),
            },
            AUTHORITY => Self::Authority(Authority::decode(reader.rest())?),
            HEADS => read_heads(&mut reader)?,
            ENTRIES => read_entries(&mut reader)?,
            WANTED => Self::Wanted {
                group: GroupId(*reader.array()?),
                index: read_index(&mut reader)?,
                number: reader.u32()?,
            },
            SECRET => Self::Secret {
                group: GroupId(*reader.array()?),
                name: EpochName {
                    index: read_index(&mut reader)?,
                    number: reader.u32()?,
                },
                secret: EpochSecret::new(*reader.array()?),
            },
            RULES => Self::Rules(Box::new(Rules::decode(reader.rest())?)),
            RULES_HEAD => Self::RulesHead {
                group: GroupId(*reader.array()?),
                serial: reader.u64()?,
            },
            _ => return Ok(None),
        };
        reader.finish()?;
        Ok(Some(message))
    }
}

impl Links {
    /// The same in parts that a message has room for.
    #[must_use]
    pub fn parts(&self, crypto: &dyn Crypto) -> Vec<Self> {
        let mut parts = Vec::new();
        let mut after = self.after;
        for entries in self.entries.chunks(ENTRIES_MAX) {
            parts.push(Self {
                index: self.index,
                after,
                entries: entries.to_vec(),
            });
            if let Some(last) = entries.last() {
                after = Head {
                    number: last.number,
                    hash: last.hash(crypto),
                };
            }
        }
        parts
    }
}

/// Memberships as message 2 of a handshake has them (session.md, section 3): those that fit.
#[must_use]
pub fn encode_shown<'a>(shown: impl Iterator<Item = (&'a Admission, &'a Lease)>) -> Vec<u8> {
    let mut out = Writer::default();
    for (admission, lease) in shown.take(SHOWN_MAX) {
        let membership = [lease.encode(), admission.encode()].concat();
        let fits = out.as_slice().len() + 2 + membership.len() <= SHOWN_LEN_MAX;
        if let Some(len) = u16::try_from(membership.len()).ok().filter(|_| fits) {
            out.u16(len).bytes(&membership);
        }
    }
    out.finish()
}

/// Reads them; nothing in them is verified.
///
/// # Errors
/// The bytes are none, or more than [`SHOWN_MAX`].
pub fn decode_shown(bytes: &[u8]) -> Result<Vec<(Admission, Lease)>, Malformed> {
    let mut reader = Reader::new(bytes, "memberships shown");
    let mut shown = Vec::new();
    while reader.remaining() > 0 {
        if shown.len() >= SHOWN_MAX {
            return Err(reader.malformed());
        }
        let len = usize::from(reader.u16()?);
        let mut one = Reader::new(reader.take(len)?, "membership shown");
        let lease = Lease::decode(one.array::<LEASE_LEN>()?)?;
        shown.push((Admission::decode(one.rest())?, lease));
    }
    Ok(shown)
}

fn read_heads(reader: &mut Reader<'_>) -> Result<Message, Malformed> {
    let group = GroupId(*reader.array()?);
    let mut heads: Vec<(u8, Head)> = Vec::new();
    while reader.remaining() > 0 {
        let index = read_index(reader)?;
        let head = read_head(reader)?;
        if heads.last().is_some_and(|(last, _)| *last >= index) {
            return Err(reader.malformed());
        }
        heads.push((index, head));
    }
    Ok(Message::Heads { group, heads })
}

fn read_entries(reader: &mut Reader<'_>) -> Result<Message, Malformed> {
    let group = GroupId(*reader.array()?);
    let index = read_index(reader)?;
    let after = read_head(reader)?;
    let mut entries: Vec<Entry> = Vec::new();
    while reader.remaining() > 0 {
        let entry = Entry::read(reader)?;
        let is_here = entry.group == group && entry.index == index;
        if !is_here || entries.len() >= ENTRIES_MAX {
            return Err(reader.malformed());
        }
        entries.push(entry);
    }
    let links = Links {
        index,
        after,
        entries,
    };
    Ok(Message::Entries { group, links })
}

fn read_head(reader: &mut Reader<'_>) -> Result<Head, Malformed> {
    Ok(Head {
        number: reader.u32()?,
        hash: *reader.array()?,
    })
}

fn read_index(reader: &mut Reader<'_>) -> Result<u8, Malformed> {
    let index = reader.u8()?;
    if usize::from(index) < SERVERS_MAX {
        Ok(index)
    } else {
        Err(reader.malformed())
    }
}

#[cfg(test)]
mod tests {
    use identity::crypto::AwsLc;
    use wire::NodeAddr;

    use super::*;
    use crate::rules::{Party, Permit};
    use crate::statement::{Attributes, EntryBody, Membership, Server, Signer};
    use crate::{Kind, Mode, Services};

    const GROUP: GroupId = GroupId([3; 16]);
    const SEED: [u8; 32] = [9; 32];

    fn signer() -> Signer<'static> {
        Signer {
            crypto: &AwsLc,
            seed: &SEED,
        }
    }

    fn entry(group: GroupId, index: u8, number: u32) -> Entry {
        let member = Membership {
            f: NodeAddr([0xfc; 16]),
            serial: 7,
        };
        Entry {
            group,
            index,
            number,
            before: [1; 32],
            at_unix_s: 5,
            body: EntryBody::Removal(member),
            signature: [2; 64],
        }
    }

    fn entries(count: u32) -> Message {
        Message::Entries {
            group: GROUP,
            links: Links {
                index: 1,
                after: Head::default(),
                entries: (1..=count).map(|number| entry(GROUP, 1, number)).collect(),
            },
        }
    }

    fn rules() -> Rules {
        let permits = vec![Permit {
            from: Party::Role("staff".to_owned()),
            to: Party::Anybody,
            services: Services::All,
        }];
        let mut rules = Rules::new(GROUP, 5, 6, Some(permits)).unwrap();
        rules.sign(&signer(), 0);
        rules
    }

    fn all() -> Vec<Message> {
        let member = Membership {
            f: NodeAddr([0xfc; 16]),
            serial: 7,
        };
        let element = (Kind::Ges, Mode::Open);
        let admission = Admission::new(GROUP, member, 5, element, &Attributes::default());
        let mut admission = admission.unwrap();
        admission.sign(&signer(), 0);
        let lease = Lease::issue(&signer(), 0, GROUP, member, 5);
        let server = Server {
            key: [1; 32],
            f: member.f,
        };
        let head = Head {
            number: 9,
            hash: [4; 32],
        };
        vec![
            Message::Membership {
                admission: Box::new(admission),
                lease: Box::new(lease),
            },
            Message::Authority(Authority::issue(&signer(), GROUP, 1, 5, vec![Some(server)])),
            Message::Heads {
                group: GROUP,
                heads: vec![(0, head), (7, Head::default())],
            },
            entries(3),
            Message::Wanted {
                group: GROUP,
                index: 2,
                number: 4,
            },
            Message::Secret {
                group: GROUP,
                name: EpochName {
                    index: 3,
                    number: 5,
                },
                secret: EpochSecret::new([6; 32]),
            },
            Message::Rules(Box::new(rules())),
            Message::RulesHead {
                group: GROUP,
                serial: 6,
            },
        ]
    }

    #[test]
    fn every_message_comes_back_and_every_shorter_one_does_not() {
        for message in all() {
            let bytes = message.encode();
            let kind = message.kind();
            assert_eq!(Message::decode(kind, &bytes), Ok(Some(message.clone())));
            for len in 0..bytes.len() {
                let read = Message::decode(kind, &bytes[..len]);
                // Lists may end earlier, between two items.
                assert_ne!(read, Ok(Some(message.clone())), "{kind:#x} {len}");
            }
            let longer = [&bytes[..], &[0]].concat();
            assert!(Message::decode(kind, &longer).is_err(), "{kind:#x}");
        }
        for unknown in [0, 0x0f, 0x16, 0x1d, 0x1f, 0x28, 0x30] {
            assert_eq!(Message::decode(unknown, b"anything"), Ok(None));
        }
    }

    #[test]
    fn memberships_are_shown_as_far_as_they_fit() {
        let Some(Message::Membership { admission, lease }) = all().into_iter().next() else {
            panic!("the first is a membership");
        };
        let one = (&*admission, &*lease);
        for count in 0..=SHOWN_MAX {
            let bytes = encode_shown(std::iter::repeat_n(one, count));
            assert!(bytes.len() <= SHOWN_LEN_MAX);
            let read = decode_shown(&bytes).unwrap();
            assert_eq!(read.len(), count.min(2), "two fit");
            assert!(read.iter().all(|it| (&it.0, &it.1) == one));
        }
        let bytes = encode_shown(std::iter::once(one));
        assert!((1..bytes.len()).all(|len| decode_shown(&bytes[..len]).is_err()));
        assert!(decode_shown(&bytes.repeat(SHOWN_MAX + 1)).is_err());
    }

    #[test]
    fn lists_are_bounded_and_of_one_chain() {
        let read = |message: &Message| Message::decode(message.kind(), &message.encode());
        assert!(read(&entries(ENTRIES_MAX as u32)).is_ok());
        assert!(read(&entries(ENTRIES_MAX as u32 + 1)).is_err());
        for stranger in [entry(GROUP, 2, 4), entry(GroupId([4; 16]), 1, 4)] {
            let mut message = entries(3);
            if let Message::Entries { links, .. } = &mut message {
                links.entries.push(stranger);
            }
            assert!(read(&message).is_err());
        }
        for heads in [[1, 1], [2, 1], [0, SERVERS_MAX as u8]] {
            let heads = heads.map(|index| (index, Head::default())).to_vec();
            let group = GROUP;
            assert!(read(&Message::Heads { group, heads }).is_err());
        }
    }
}
