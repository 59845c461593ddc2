//! What a node remembers of its groups: what servers gave it, as it came, and how far it is in
//! what each server tells.
//!
//! Statements are kept as the bytes that were signed, and are verified again when they are read.
//!
//! | limit | value |
//! |---|---|
//! | groups | [`group::keyring::GROUPS_MAX`] |
//! | servers | [`SERVERS_MAX`] |
//! | memberships that others showed | [`SHOWN_MAX`]; a full table remembers no more |

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;

use group::agent::{AgentMessage, Given};
use group::chain::{Head, Links};
use group::epochs::{EpochName, EpochSecret};
use group::keyring::{GROUPS_MAX, Welcome};
use group::serial;
use group::statement::{Entry, GroupId};
use serde::{Deserialize, Serialize};
use wire::{NodeAddr, Reader};

use super::bridge::Secret;
use super::sign_ins::SignInsRecord;

/// Most management servers that a node is in touch with.
pub const SERVERS_MAX: usize = 64;
/// Most memberships of others that are remembered.
pub const SHOWN_MAX: usize = 1_024;

/// A group as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupRecord {
    /// Its id.
    #[serde(with = "serial::hex")]
    pub id: [u8; 16],
    /// What the server gave: message 0x19 of group.md.
    #[serde(with = "serial::hex")]
    pub given: Vec<u8>,
    /// The servers' chains.
    pub chains: Vec<ChainRecord>,
    /// The secrets.
    pub secrets: Vec<SecretRecord>,
}

/// What is kept of one chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainRecord {
    /// The server's index.
    pub index: u8,
    /// The number of the entry before the first.
    pub after: u32,
    /// Its hash.
    #[serde(with = "serial::hex")]
    pub hash: [u8; 32],
    /// The entries.
    #[serde(with = "serial::hex")]
    pub entries: Vec<u8>,
}

/// The secret of an epoch.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretRecord {
    /// The server's index.
    pub index: u8,
    /// The number of the epoch.
    pub number: u32,
    /// The secret.
    #[serde(with = "serial::hex")]
    pub secret: [u8; 32],
}

/// Without the secret.
impl fmt::Debug for SecretRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretRecord({}, {})", self.index, self.number)
    }
}

/// A management server of this node's groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerRecord {
    /// Its address F.
    #[serde(with = "serial::addr")]
    pub f: NodeAddr,
    /// Where it was, by the line that this node came by.
    pub endpoints: Vec<SocketAddr>,
    /// The last revision that this node was told of.
    pub rev: u64,
    /// Since when it has no group for this node and may give it one, Unix seconds; `None`: it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_since_unix_s: Option<u64>,
}

/// A membership that another node showed, once it had been verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownRecord {
    /// Whose.
    #[serde(with = "serial::addr")]
    pub f: NodeAddr,
    /// In which group.
    #[serde(with = "serial::hex")]
    pub id: [u8; 16],
    /// As message 2 shows it: lease and admission.
    #[serde(with = "serial::hex")]
    pub shown: Vec<u8>,
}

/// A change to [`Grouping`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum GroupChange {
    /// This is all that is known of a group.
    Kept {
        /// The group.
        group: GroupRecord,
    },
    /// A chain has grown.
    Grown {
        /// The group.
        #[serde(with = "serial::hex")]
        id: [u8; 16],
        /// The new entries.
        part: ChainRecord,
    },
    /// Another secret is known.
    Learned {
        /// The group.
        #[serde(with = "serial::hex")]
        id: [u8; 16],
        /// The secret.
        secret: SecretRecord,
    },
    /// This node is in the group no more.
    Left {
        /// The group.
        #[serde(with = "serial::hex")]
        id: [u8; 16],
    },
    /// A server, and how far this node has come with it.
    Server {
        /// The server.
        server: ServerRecord,
    },
    /// No group has this server any more.
    ServerForgotten {
        /// The server.
        #[serde(with = "serial::addr")]
        f: NodeAddr,
    },
    /// A member showed this.
    Shown(ShownRecord),
    /// What it showed is of no use any more.
    ShownForgotten {
        /// Whose.
        #[serde(with = "serial::addr")]
        f: NodeAddr,
        /// In which group.
        #[serde(with = "serial::hex")]
        id: [u8; 16],
    },
    /// What a server told of who is signed in here.
    SignIns {
        /// That.
        sign_ins: SignInsRecord,
    },
    /// This node is a management server, and lets those in who prove this secret.
    Gate {
        /// The secret.
        secret: Secret,
    },
}

/// What is remembered of groups.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, from = "Listed", into = "Listed")]
pub struct Grouping {
    /// The groups.
    pub groups: BTreeMap<[u8; 16], GroupRecord>,
    /// Their servers.
    pub servers: BTreeMap<NodeAddr, ServerRecord>,
    /// Who is signed in here, by server.
    pub sign_ins: BTreeMap<NodeAddr, SignInsRecord>,
    /// The gate of this node's lines, once it has been a server.
    pub gate: Option<Secret>,
    /// Memberships that others showed.
    pub shown: BTreeMap<(NodeAddr, [u8; 16]), Vec<u8>>,
}

/// The stored form: lists, because the keys are no text.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct Listed {
    groups: Vec<GroupRecord>,
    servers: Vec<ServerRecord>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sign_ins: Vec<SignInsRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gate: Option<Secret>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    shown: Vec<ShownRecord>,
}

impl From<Listed> for Grouping {
    fn from(listed: Listed) -> Self {
        let groups = listed.groups.into_iter().take(GROUPS_MAX);
        let servers = listed.servers.into_iter().take(SERVERS_MAX);
        Self {
            groups: groups.map(|group| (group.id, group)).collect(),
            servers: servers.map(|server| (server.f, server)).collect(),
            sign_ins: listed
                .sign_ins
                .into_iter()
                .take(SERVERS_MAX)
                .map(|it| (it.f, it))
                .collect(),
            gate: listed.gate,
            shown: listed
                .shown
                .into_iter()
                .take(SHOWN_MAX)
                .map(|it| ((it.f, it.id), it.shown))
                .collect(),
        }
    }
}

impl From<Grouping> for Listed {
    fn from(grouping: Grouping) -> Self {
        Self {
            groups: grouping.groups.into_values().collect(),
            servers: grouping.servers.into_values().collect(),
            sign_ins: grouping.sign_ins.into_values().collect(),
            gate: grouping.gate,
            shown: grouping
                .shown
                .into_iter()
                .map(|((f, id), shown)| ShownRecord { f, id, shown })
                .collect(),
        }
    }
}

impl Grouping {
    /// Applies one change; applied again it changes nothing more.
    pub fn apply(&mut self, change: &GroupChange) {
        match change {
            GroupChange::Kept { group } => {
                if self.groups.len() < GROUPS_MAX || self.groups.contains_key(&group.id) {
                    self.groups.insert(group.id, group.clone());
                }
            }
            GroupChange::Grown { id, part } => {
                if let Some(group) = self.groups.get_mut(id) {
                    group.grow(part);
                }
            }
            GroupChange::Learned { id, secret } => {
                if let Some(group) = self.groups.get_mut(id)
                    && !group.secrets.contains(secret)
                {
                    group.secrets.push(secret.clone());
                }
            }
            GroupChange::Left { id } => {
                self.groups.remove(id);
                self.shown.retain(|(_, of), _| of != id);
            }
            GroupChange::Server { server } => {
                if self.servers.len() < SERVERS_MAX || self.servers.contains_key(&server.f) {
                    self.servers.insert(server.f, server.clone());
                }
            }
            GroupChange::ServerForgotten { f } => {
                self.servers.remove(f);
                self.sign_ins.remove(f);
            }
            GroupChange::SignIns { sign_ins } if sign_ins.is_empty() => {
                self.sign_ins.remove(&sign_ins.f);
            }
            GroupChange::SignIns { sign_ins } => {
                let has_room = self.sign_ins.len() < SERVERS_MAX;
                if has_room || self.sign_ins.contains_key(&sign_ins.f) {
                    self.sign_ins.insert(sign_ins.f, sign_ins.clone());
                }
            }
            GroupChange::Gate { secret } => self.gate = Some(*secret),
            GroupChange::Shown(ShownRecord { f, id, shown }) => {
                if self.has_room_for_shown(*f, *id) {
                    self.shown.insert((*f, *id), shown.clone());
                }
            }
            GroupChange::ShownForgotten { f, id } => {
                self.shown.remove(&(*f, *id));
            }
        }
    }

    /// Whether one more membership can be remembered, or this one is.
    #[must_use]
    pub fn has_room_for_shown(&self, f: NodeAddr, id: [u8; 16]) -> bool {
        self.shown.len() < SHOWN_MAX || self.shown.contains_key(&(f, id))
    }
}

impl GroupRecord {
    /// A group as a keyring keeps it.
    #[must_use]
    pub fn of(id: GroupId, kept: Welcome) -> Self {
        let given = Given {
            name: kept.name,
            genesis: kept.genesis,
            authority: kept.authority,
            admission: kept.admission,
            lease: kept.lease,
            rules: kept.rules,
        };
        let secret = |(name, secret): &(EpochName, EpochSecret)| SecretRecord::of(*name, secret);
        Self {
            id: id.0,
            given: AgentMessage::Welcome(Box::new(given)).encode(),
            chains: kept.links.iter().map(ChainRecord::of).collect(),
            secrets: kept.secrets.iter().map(secret).collect(),
        }
    }

    /// The same for a keyring; `None`: it was damaged.
    #[must_use]
    pub fn welcome(&self) -> Option<Welcome> {
        let message = AgentMessage::decode(AgentMessage::WELCOME, &self.given);
        let Ok(Some(AgentMessage::Welcome(given))) = message else {
            return None;
        };
        let secrets = self.secrets.iter().map(|it| {
            let (index, number) = (it.index, it.number);
            (EpochName { index, number }, EpochSecret::new(it.secret))
        });
        Some(Welcome {
            name: given.name,
            genesis: given.genesis,
            authority: given.authority,
            admission: given.admission,
            lease: given.lease,
            links: self
                .chains
                .iter()
                .map(ChainRecord::links)
                .collect::<Option<_>>()?,
            secrets: secrets.collect(),
            rules: given.rules,
        })
    }

    /// Adds entries that follow those that are there.
    fn grow(&mut self, part: &ChainRecord) {
        let same = |it: &&mut ChainRecord| it.index == part.index;
        let Some(chain) = self.chains.iter_mut().find(same) else {
            return self.chains.push(part.clone());
        };
        let last = chain
            .links()
            .and_then(|links| Some(links.entries.last()?.number));
        if last.unwrap_or(chain.after) == part.after {
            chain.entries.extend_from_slice(&part.entries);
        }
    }
}

impl ChainRecord {
    /// A part of a chain.
    #[must_use]
    pub fn of(links: &Links) -> Self {
        Self {
            index: links.index,
            after: links.after.number,
            hash: links.after.hash,
            entries: links.entries.iter().flat_map(Entry::encode).collect(),
        }
    }

    fn links(&self) -> Option<Links> {
        let mut reader = Reader::new(&self.entries, "group entries");
        let mut entries = Vec::new();
        while reader.remaining() > 0 {
            entries.push(Entry::read(&mut reader).ok()?);
        }
        let after = Head {
            number: self.after,
            hash: self.hash,
        };
        Some(Links {
            index: self.index,
            after,
            entries,
        })
    }
}

impl SecretRecord {
    /// The secret of an epoch.
    #[must_use]
    pub fn of(name: EpochName, secret: &EpochSecret) -> Self {
        Self {
            index: name.index,
            number: name.number,
            secret: *secret.bytes(),
        }
    }
}
