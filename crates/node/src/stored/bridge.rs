//! What a node remembers of its Bridges, and a Bridge of its clients.
//!
//! | limit | value |
//! |---|---|
//! | Bridges of a node | [`BRIDGES_MAX`] |
//! | tickets of a Bridge | [`TICKETS_MAX`], of them [`TICKETS_OF_CLIENT_MAX`] by one client |
//! | customers with a password | [`CUSTOMERS_MAX`] |
//! | length of a customer's name | [`CUSTOMER_LEN_MAX`] bytes |

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;

use group::{AllowEntry, Allowlist, Who, serial};
use serde::{Deserialize, Serialize};
use wire::NodeAddr;

use super::UsedBy;

/// Most Bridges that a node keeps.
pub const BRIDGES_MAX: usize = 8;
/// Most tickets of a Bridge that are open or used and not yet expired.
pub const TICKETS_MAX: usize = 1_024;
/// Of them, most that one client registered.
pub const TICKETS_OF_CLIENT_MAX: usize = 64;
/// Most customers with a password of their own.
pub const CUSTOMERS_MAX: usize = 64;
/// Longest name of a customer in bytes.
pub const CUSTOMER_LEN_MAX: usize = 32;

/// A Bridge that this node uses.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BridgeRecord {
    /// Its address F.
    #[serde(with = "serial::addr")]
    pub f: NodeAddr,
    /// Where it listens, over UDP and TCP.
    pub endpoints: Vec<SocketAddr>,
    /// The secret of a ticket that is to be used, until it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<Secret>,
    /// When it was added, Unix seconds.
    pub added_unix_s: u64,
}

impl fmt::Debug for BridgeRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BridgeRecord")
            .field("f", &self.f)
            .field("endpoints", &self.endpoints)
            .finish_non_exhaustive()
    }
}

/// 16 secret bytes, written as hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret(#[serde(with = "serial::hex")] pub [u8; 16]);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// On what terms a client is admitted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClientTerms {
    /// Its customer; empty for the Bridge's own.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub customer: String,
    /// What it may send through this Bridge, in bytes a second; as much as it likes without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_bytes_s: Option<u64>,
}

/// The right to become a client, for whoever proves the secret first.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketRecord {
    /// The id of its credential.
    #[serde(with = "serial::hex")]
    pub id: [u8; 16],
    /// Its secret.
    #[serde(with = "serial::hex")]
    pub secret: [u8; 16],
    /// When it runs out, Unix seconds.
    pub expires_unix_s: u64,
    /// The customer that its user belongs to.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub customer: String,
    /// The client that registered it; the Bridge's owner without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<UsedBy>,
    /// Who used it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_by: Option<UsedBy>,
}

impl fmt::Debug for TicketRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketRecord")
            .field("expires_unix_s", &self.expires_unix_s)
            .field("customer", &self.customer)
            .field("used_by", &self.used_by)
            .finish_non_exhaustive()
    }
}

/// A customer's password, as Argon2id keeps it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordRecord {
    /// The customer.
    pub customer: String,
    /// The salt.
    #[serde(with = "serial::hex")]
    pub salt: [u8; 16],
    /// The hash.
    #[serde(with = "serial::hex")]
    pub hash: [u8; 32],
}

impl fmt::Debug for PasswordRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordRecord")
            .field("customer", &self.customer)
            .finish_non_exhaustive()
    }
}

/// A change to [`Bridging`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum BridgeChange {
    /// This node uses a Bridge, or uses it otherwise.
    Used {
        /// The Bridge.
        bridge: BridgeRecord,
    },
    /// This node uses a Bridge no more.
    Forgotten {
        /// The Bridge.
        #[serde(with = "serial::addr")]
        f: NodeAddr,
    },
    /// This node is a Bridge, or is none any more.
    Serving {
        /// Whether it is.
        on: bool,
    },
    /// A customer has this password now.
    Password {
        /// The password; `None` takes it away.
        password: Option<PasswordRecord>,
        /// The customer.
        customer: String,
    },
    /// A client was admitted, or gets other terms.
    Admitted {
        /// Whom and when.
        entry: AllowEntry,
        /// On what terms.
        terms: ClientTerms,
    },
    /// A client is admitted no more.
    Dismissed {
        /// Whom.
        who: Who,
        /// When, Unix seconds.
        unix_s: u64,
    },
    /// A root key of the list met its node.
    KeyBound {
        /// The key.
        #[serde(with = "serial::hex")]
        root_key: [u8; 32],
        /// The node.
        #[serde(with = "serial::addr")]
        f: NodeAddr,
    },
    /// A ticket was made.
    TicketMade {
        /// The ticket.
        ticket: TicketRecord,
    },
    /// A ticket was used up.
    TicketUsed {
        /// Its id.
        #[serde(with = "serial::hex")]
        id: [u8; 16],
        /// By whom.
        #[serde(with = "serial::addr")]
        by: NodeAddr,
    },
    /// A ticket ran out.
    TicketExpired {
        /// Its id.
        #[serde(with = "serial::hex")]
        id: [u8; 16],
    },
}

/// What is remembered of Bridges.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, from = "Listed", into = "Listed")]
pub struct Bridging {
    /// The Bridges of this node.
    pub used: BTreeMap<NodeAddr, BridgeRecord>,
    /// Whether this node is a Bridge.
    pub serving: bool,
    /// The passwords, by customer.
    pub passwords: BTreeMap<String, PasswordRecord>,
    /// Its clients.
    pub clients: Allowlist,
    /// Their terms; those without an entry have the default ones.
    pub terms: BTreeMap<Who, ClientTerms>,
    /// Its tickets, by the id of their credential.
    pub tickets: BTreeMap<[u8; 16], TicketRecord>,
}

/// The stored form: lists, because not every key is text.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct Listed {
    used: Vec<BridgeRecord>,
    serving: bool,
    passwords: Vec<PasswordRecord>,
    clients: Allowlist,
    terms: Vec<(Who, ClientTerms)>,
    tickets: Vec<TicketRecord>,
}

impl From<Listed> for Bridging {
    fn from(listed: Listed) -> Self {
        let used = listed.used.into_iter().take(BRIDGES_MAX);
        let passwords = listed.passwords.into_iter().take(CUSTOMERS_MAX);
        let tickets = listed.tickets.into_iter().take(TICKETS_MAX);
        Self {
            used: used.map(|bridge| (bridge.f, bridge)).collect(),
            serving: listed.serving,
            passwords: passwords.map(|p| (p.customer.clone(), p)).collect(),
            clients: listed.clients,
            terms: listed.terms.into_iter().take(group::ENTRIES_MAX).collect(),
            tickets: tickets.map(|ticket| (ticket.id, ticket)).collect(),
        }
    }
}

impl From<Bridging> for Listed {
    fn from(bridging: Bridging) -> Self {
        Self {
            used: bridging.used.into_values().collect(),
            serving: bridging.serving,
            passwords: bridging.passwords.into_values().collect(),
            clients: bridging.clients,
            terms: bridging.terms.into_iter().collect(),
            tickets: bridging.tickets.into_values().collect(),
        }
    }
}

impl Bridging {
    /// Applies one change; applied again it changes nothing more.
    pub fn apply(&mut self, change: &BridgeChange) {
        match change {
            BridgeChange::Used { bridge } => {
                if self.used.len() < BRIDGES_MAX || self.used.contains_key(&bridge.f) {
                    self.used.insert(bridge.f, bridge.clone());
                }
            }
            BridgeChange::Forgotten { f } => {
                self.used.remove(f);
            }
            BridgeChange::Serving { on } => self.serving = *on,
            BridgeChange::Password { password, customer } => match password {
                Some(password) if self.passwords.len() < CUSTOMERS_MAX => {
                    self.passwords.insert(customer.clone(), password.clone());
                }
                Some(_) => {}
                None => {
                    self.passwords.remove(customer);
                }
            },
            BridgeChange::KeyBound { root_key, f } => self.clients.bind(*root_key, *f),
            BridgeChange::Admitted { entry, terms } => {
                // The node checked the entry; one from a damaged journal is left out.
                if self.clients.allow(entry.clone()).is_ok() {
                    self.terms.insert(entry.who, terms.clone());
                }
            }
            BridgeChange::Dismissed { who, unix_s } => {
                let of_key = |key| self.clients.bound(key).map(UsedBy);
                let by = match who {
                    Who::Address(f) => Some(UsedBy(*f)),
                    Who::RootKey(key) => of_key(key),
                };
                // It knows the secrets of its tickets, and would come back by one as another.
                self.tickets
                    .retain(|_, t| t.by.is_none() || t.by != by || t.used_by.is_some());
                self.clients.deny(*who, *unix_s);
                self.terms.remove(who);
            }
            BridgeChange::TicketMade { ticket } => {
                if self.tickets.len() < TICKETS_MAX {
                    self.tickets
                        .entry(ticket.id)
                        .or_insert_with(|| ticket.clone());
                }
            }
            BridgeChange::TicketUsed { id, by } => {
                if let Some(ticket) = self.tickets.get_mut(id) {
                    ticket.used_by.get_or_insert(UsedBy(*by));
                }
            }
            BridgeChange::TicketExpired { id } => {
                self.tickets.remove(id);
            }
        }
    }
}
