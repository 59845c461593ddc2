//! What a node remembers across restarts, and the changes that make it up.
//!
//! The shell keeps a journal of [`Change`]s; applying them in order to an empty [`Stored`]
//! gives the state to start from. Every change is idempotent: applying it twice is applying
//! it once, so a journal may be compacted and replayed. Identity files are not in here.
//! Invite secrets are: the journal is private to its owner.
//!
//! | limit | value |
//! |---|---|
//! | peers remembered | [`PEERS_MAX`] |
//! | invites | [`INVITES_MAX`] |

pub(crate) mod bridge;
pub(crate) mod groups;
pub(crate) mod sign_ins;
pub(crate) mod site;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use bridge::{BridgeChange, Bridging};
use group::{AllowEntry, Allowlist, Who, serial};
use groups::{GroupChange, Grouping};
use identity::Pin;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use site::{Proved, SiteChange};
use wire::{NodeAddr, Prefix};

/// Most peers with a remembered number, pin or endpoint.
pub const PEERS_MAX: usize = 65_536;
/// Most invites that are open or used and not yet expired.
pub const INVITES_MAX: usize = 64;

/// The number of an initiation: orders those of one F, the certificate counter first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Number {
    /// Counter of the certificate.
    pub counter: u64,
    /// Handshake count.
    pub count: u64,
}

impl From<wire::handshake::Number> for Number {
    fn from(number: wire::handshake::Number) -> Self {
        Self {
            counter: number.certificate_counter,
            count: number.handshake_count,
        }
    }
}

/// What a verifier remembers about one F, written as the hexadecimal of its encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PinRecord(pub Pin);

impl PinRecord {
    /// Position and counter, in the order in which they may only rise.
    #[must_use]
    pub const fn rank(&self) -> (u32, u64) {
        (self.0.position, self.0.counter)
    }
}

impl Serialize for PinRecord {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        serial::hex::serialize(self.0.encode(), to)
    }
}

impl<'de> Deserialize<'de> for PinRecord {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let bytes: Vec<u8> = serial::hex::deserialize(from)?;
        Pin::decode(&bytes).map(Self).map_err(D::Error::custom)
    }
}

/// What is remembered about one peer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerRecord {
    /// Highest number accepted from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<Number>,
    /// Highest verified position and counter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin: Option<PinRecord>,
    /// Its public identity as verified last, in the form of control message 2; empty if
    /// none.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "serial::hex")]
    pub identity: Vec<u8>,
    /// Where it was last reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<SocketAddr>,
    /// What it announced last: a packet to there starts a session.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        with = "serial::prefixes"
    )]
    pub announced: Vec<Prefix>,
}

/// One invite of this node.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InviteRecord {
    /// The secret of the line.
    #[serde(with = "serial::hex")]
    pub secret: [u8; 16],
    /// When it runs out, Unix seconds.
    pub expires_unix_s: u64,
    /// Who used it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_by: Option<UsedBy>,
}

/// The F that used an invite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsedBy(#[serde(with = "serial::addr")] pub NodeAddr);

impl std::fmt::Debug for InviteRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InviteRecord")
            .field("expires_unix_s", &self.expires_unix_s)
            .field("used_by", &self.used_by)
            .finish_non_exhaustive()
    }
}

/// A change to [`Stored`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// Handshake counts below `end` may have been used.
    HandshakeCountReserved {
        /// First count that was not reserved.
        end: u64,
    },
    /// An initiation with this number was accepted from F.
    PeerNumber {
        /// The peer.
        #[serde(with = "serial::addr")]
        f: NodeAddr,
        /// Its number.
        number: Number,
    },
    /// This identity of F was verified.
    Pinned {
        /// The peer.
        #[serde(with = "serial::addr")]
        f: NodeAddr,
        /// The pin.
        pin: PinRecord,
        /// The identity in the form of control message 2.
        #[serde(with = "serial::hex")]
        identity: Vec<u8>,
    },
    /// An allow entry was added or replaced.
    Allowed {
        /// The entry.
        entry: AllowEntry,
    },
    /// A deny entry was added.
    Denied {
        /// Whom.
        who: Who,
        /// When, Unix seconds.
        unix_s: u64,
    },
    /// A root key entry met its node.
    KeyBound {
        /// The key.
        #[serde(with = "serial::hex")]
        root_key: [u8; 32],
        /// The node.
        #[serde(with = "serial::addr")]
        f: NodeAddr,
    },
    /// An invite was made.
    InviteMade {
        /// Its credential id.
        #[serde(with = "serial::hex")]
        id: [u8; 16],
        /// Its record.
        invite: InviteRecord,
    },
    /// An invite was used up, and whoever used it is allowed: one change, so that no crash comes
    /// between the two.
    InviteUsed {
        /// Its credential id.
        #[serde(with = "serial::hex")]
        id: [u8; 16],
        /// By whom.
        #[serde(with = "serial::addr")]
        by: NodeAddr,
        /// The allow entry, unless an entry names it already.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        entry: Option<AllowEntry>,
    },
    /// An invite ran out.
    InviteExpired {
        /// Its credential id.
        #[serde(with = "serial::hex")]
        id: [u8; 16],
    },
    /// The peer was reached here.
    Endpoint {
        /// The peer.
        #[serde(with = "serial::addr")]
        f: NodeAddr,
        /// Where.
        endpoint: SocketAddr,
    },
    /// Something about Bridges changed.
    Bridge {
        /// What.
        bridge: BridgeChange,
    },
    /// Something about groups changed.
    Group {
        /// What.
        group: GroupChange,
    },
    /// Something about flows between ordinary addresses changed.
    Site {
        /// What.
        site: SiteChange,
    },
    /// The peer announces this and nothing else.
    Announced {
        /// The peer.
        #[serde(with = "serial::addr")]
        f: NodeAddr,
        /// What, at most [`wire::stream::PREFIXES_MAX`].
        #[serde(with = "serial::prefixes")]
        prefixes: Vec<Prefix>,
    },
    /// The clock has been at least here.
    TimeHigh {
        /// Unix seconds.
        unix_s: u64,
    },
}

/// Everything a node remembers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Stored {
    /// Handshake counts below this may have been used; a start begins here.
    pub handshake_count_end: u64,
    /// The highest clock seen, Unix seconds.
    pub time_high_unix_s: u64,
    /// The local rules.
    pub rules: Allowlist,
    /// The peers.
    #[serde(with = "listed::peers")]
    pub peers: BTreeMap<NodeAddr, PeerRecord>,
    /// The invites, by credential id.
    #[serde(with = "listed::invites")]
    pub invites: BTreeMap<[u8; 16], InviteRecord>,
    /// The Bridges of this node, and what it needs to be one.
    pub bridging: Bridging,
    /// The groups of this node.
    pub grouping: Grouping,
    /// Ordinary addresses at which a member has been.
    pub proved: Proved,
}

impl Stored {
    /// Applies one change. Never lowers what must only rise (counts, numbers, pins, time).
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::HandshakeCountReserved { end } => {
                self.handshake_count_end = self.handshake_count_end.max(*end);
            }
            Change::TimeHigh { unix_s } => {
                self.time_high_unix_s = self.time_high_unix_s.max(*unix_s);
            }
            Change::Allowed { entry } => {
                // The node checked the entry; one from a damaged journal is left out.
                let _ = self.rules.allow(entry.clone());
            }
            Change::Denied { who, unix_s } => self.rules.deny(*who, *unix_s),
            Change::KeyBound { root_key, f } => self.rules.bind(*root_key, *f),
            Change::Bridge { bridge } => self.bridging.apply(bridge),
            Change::Group { group } => self.grouping.apply(group),
            Change::Site { site } => self.proved.apply(site),
            Change::InviteMade { .. }
            | Change::InviteUsed { .. }
            | Change::InviteExpired { .. } => {
                self.apply_to_invites(change);
            }
            Change::PeerNumber { .. }
            | Change::Pinned { .. }
            | Change::Endpoint { .. }
            | Change::Announced { .. } => {
                self.apply_to_peer(change);
            }
        }
    }

    /// Whether one more peer can be remembered, or this one is already.
    #[must_use]
    pub fn has_room_for(&self, f: NodeAddr) -> bool {
        self.peers.len() < PEERS_MAX || self.peers.contains_key(&f)
    }

    fn apply_to_invites(&mut self, change: &Change) {
        match change {
            Change::InviteMade { id, invite } if self.invites.len() < INVITES_MAX => {
                self.invites.entry(*id).or_insert_with(|| invite.clone());
            }
            Change::InviteUsed { id, by, entry } => {
                let Some(invite) = self.invites.get_mut(id) else {
                    return;
                };
                let first = *invite.used_by.get_or_insert(UsedBy(*by));
                if let Some(entry) = entry.as_ref().filter(|_| first.0 == *by) {
                    let _ = self.rules.allow(entry.clone());
                }
            }
            Change::InviteExpired { id } => {
                self.invites.remove(id);
            }
            _ => {}
        }
    }

    fn apply_to_peer(&mut self, change: &Change) {
        let (Change::PeerNumber { f, .. }
        | Change::Pinned { f, .. }
        | Change::Endpoint { f, .. }
        | Change::Announced { f, .. }) = change
        else {
            return;
        };
        if !self.has_room_for(*f) {
            return;
        }
        let record = self.peers.entry(*f).or_default();
        match change {
            Change::PeerNumber { number, .. } => {
                record.number = record.number.max(Some(*number));
            }
            Change::Pinned { pin, identity, .. }
                if record.pin.is_none_or(|old| old.rank() <= pin.rank()) =>
            {
                record.pin = Some(*pin);
                record.identity.clone_from(identity);
            }
            Change::Endpoint { endpoint, .. } => record.endpoint = Some(*endpoint),
            Change::Announced { prefixes, .. } => record.announced.clone_from(prefixes),
            _ => {}
        }
    }
}

/// Maps whose keys are not text, stored as lists.
mod listed {
    macro_rules! as_list {
        ($name:ident, $key:ty, $value:ty, $with:literal) => {
            pub(super) mod $name {
                use std::collections::BTreeMap;

                use group::serial;
                use serde::{Deserialize, Deserializer, Serialize, Serializer};

                #[derive(Serialize, Deserialize)]
                struct Row {
                    #[serde(with = $with)]
                    key: $key,
                    #[serde(flatten)]
                    value: $value,
                }

                pub(in crate::stored) fn serialize<S: Serializer>(
                    map: &BTreeMap<$key, $value>,
                    to: S,
                ) -> Result<S::Ok, S::Error> {
                    to.collect_seq(map.iter().map(|(key, value)| Row {
                        key: *key,
                        value: value.clone(),
                    }))
                }

                pub(in crate::stored) fn deserialize<'de, D: Deserializer<'de>>(
                    from: D,
                ) -> Result<BTreeMap<$key, $value>, D::Error> {
                    let rows = Vec::<Row>::deserialize(from)?;
                    Ok(rows.into_iter().map(|row| (row.key, row.value)).collect())
                }
            }
        };
    }

    as_list!(peers, wire::NodeAddr, crate::PeerRecord, "serial::addr");
    as_list!(invites, [u8; 16], crate::InviteRecord, "serial::hex");
}

#[cfg(test)]
mod tests;
