//! The local allowlist: entries, their bounds, and what they say about one peer.
//!
//! A root key entry names a person before their node is known. Old root keys are what a
//! thief has, so the entry binds itself to the first F that proves the key and matches
//! nobody else afterwards; the binding survives that F's rotations.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wire::{NodeAddr, Prefix};

use crate::serial;

/// Most local entries, allow and deny counted together.
pub const ENTRIES_MAX: usize = 65_536;
/// Most port ranges in one entry.
pub const PORT_RANGES_MAX: usize = 64;
/// Most prefixes that one entry accepts.
pub const ACCEPTED_MAX: usize = 64;
/// Longest label of an entry in bytes.
pub const LABEL_LEN_MAX: usize = 63;

/// Whom a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// The node with this address F.
    Address(#[serde(with = "serial::addr")] NodeAddr),
    /// The node whose inception record names this Ed25519 root key.
    RootKey(#[serde(with = "serial::hex")] [u8; 32]),
}

/// A transport protocol that has ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proto {
    /// TCP (IP protocol 6).
    Tcp,
    /// UDP (IP protocol 17).
    Udp,
}

impl Proto {
    /// The IP protocol number.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
        }
    }
}

/// Ports of this end that a peer may reach, `lo` to `hi` inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PortRange {
    /// The protocol.
    pub proto: Proto,
    /// First port.
    pub lo: u16,
    /// Last port, not below `lo`.
    pub hi: u16,
}

/// What an allowed peer may reach at this end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Services {
    /// Everything.
    All,
    /// These ports, ICMP echo, ICMP errors, and answers to flows that this end started.
    Ports(Vec<PortRange>),
}

/// One allow entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllowEntry {
    /// Whom it allows.
    pub who: Who,
    /// What it allows.
    pub services: Services,
    /// What a person calls the peer; at most [`LABEL_LEN_MAX`] bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What it may announce: prefixes that lie in one of these take effect here. At most
    /// [`ACCEPTED_MAX`].
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        with = "serial::prefixes"
    )]
    pub accepts: Vec<Prefix>,
    /// When it was added, Unix seconds.
    pub added_unix_s: u64,
}

/// Why an entry was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AllowError {
    /// The list is full.
    #[error("the allowlist is full ({ENTRIES_MAX} entries)")]
    Full,
    /// The entry allows nothing.
    #[error("the entry names no port")]
    NoPorts,
    /// Too many ranges.
    #[error("the entry names more than {PORT_RANGES_MAX} port ranges")]
    TooManyPorts,
    /// A range ends before it starts.
    #[error("the port range {lo}-{hi} ends before it starts")]
    Backwards {
        /// First port as given.
        lo: u16,
        /// Last port as given.
        hi: u16,
    },
    /// Too many prefixes.
    #[error("the entry accepts more than {ACCEPTED_MAX} prefixes")]
    TooManyPrefixes,
    /// A prefix that nobody may announce.
    #[error(
        "{0} takes in addresses that nobody may announce: everything, fc00::/8, 200::/7, \
         loopback, link-local or multicast"
    )]
    Prefix(Prefix),
    /// The label does not fit.
    #[error("the label is longer than {LABEL_LEN_MAX} bytes or holds control characters")]
    Label,
    /// Not an address F.
    #[error("{0} is not a node address (it does not start with fc)")]
    NotF(NodeAddr),
    /// It names this node.
    #[error("the address or key is this node's own")]
    Own,
}

impl AllowEntry {
    /// Checks the entry's bounds.
    ///
    /// # Errors
    /// One [`AllowError`] for each bound.
    pub fn check(&self) -> Result<(), AllowError> {
        if let Who::Address(addr) = self.who
            && !addr.is_f()
        {
            return Err(AllowError::NotF(addr));
        }
        if let Some(label) = &self.label
            && (label.len() > LABEL_LEN_MAX || label.chars().any(char::is_control))
        {
            return Err(AllowError::Label);
        }
        if self.accepts.len() > ACCEPTED_MAX {
            return Err(AllowError::TooManyPrefixes);
        }
        if let Some(prefix) = self.accepts.iter().find(|p| !p.may_be_announced()) {
            return Err(AllowError::Prefix(*prefix));
        }
        let Services::Ports(ranges) = &self.services else {
            return Ok(());
        };
        if ranges.is_empty() {
            return Err(AllowError::NoPorts);
        }
        if ranges.len() > PORT_RANGES_MAX {
            return Err(AllowError::TooManyPorts);
        }
        match ranges.iter().find(|range| range.lo > range.hi) {
            Some(&PortRange { lo, hi, .. }) => Err(AllowError::Backwards { lo, hi }),
            None => Ok(()),
        }
    }
}

impl AllowEntry {
    /// Whether the peer may announce all of a prefix.
    #[must_use]
    pub fn accepts(&self, prefix: Prefix) -> bool {
        self.accepts.iter().any(|wide| wide.covers(prefix))
    }
}

/// What the local rules say about one peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access<'a> {
    /// A deny entry names it.
    Denied(Who),
    /// An allow entry names it.
    Allowed(&'a AllowEntry),
    /// No entry names it: default deny.
    Unknown,
}

impl Access<'_> {
    /// Whether the peer may talk at all.
    #[must_use]
    pub const fn is_allowed(&self) -> bool {
        matches!(self, Self::Allowed(_))
    }
}

/// One allow entry and, for a root key, the F that proved it first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Slot {
    entry: AllowEntry,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bound: Option<Bound>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Bound(#[serde(with = "serial::addr")] NodeAddr);

/// The local rules. Bounded by [`ENTRIES_MAX`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Listed", into = "Listed")]
pub struct Allowlist {
    allow: BTreeMap<Who, Slot>,
    deny: BTreeMap<Who, u64>,
}

/// The stored form: lists, because the map's keys are not text.
#[derive(Clone, Serialize, Deserialize)]
struct Listed {
    allow: Vec<Slot>,
    deny: Vec<(Who, u64)>,
}

impl From<Listed> for Allowlist {
    fn from(listed: Listed) -> Self {
        let slots = listed.allow.into_iter().take(ENTRIES_MAX);
        let allow: BTreeMap<_, _> = slots.map(|slot| (slot.entry.who, slot)).collect();
        let left = ENTRIES_MAX - allow.len();
        Self {
            allow,
            deny: listed.deny.into_iter().take(left).collect(),
        }
    }
}

impl From<Allowlist> for Listed {
    fn from(list: Allowlist) -> Self {
        Self {
            allow: list.allow.into_values().collect(),
            deny: list.deny.into_iter().collect(),
        }
    }
}

impl Allowlist {
    /// Whether [`Self::allow`] would take the entry.
    ///
    /// # Errors
    /// The entry is out of bounds or the list is full.
    pub fn can_allow(&self, entry: &AllowEntry) -> Result<(), AllowError> {
        entry.check()?;
        let known = self.allow.contains_key(&entry.who) || self.deny.contains_key(&entry.who);
        if !known && self.len() >= ENTRIES_MAX {
            return Err(AllowError::Full);
        }
        Ok(())
    }

    /// Adds or replaces an allow entry and takes back a deny entry for the same.
    ///
    /// # Errors
    /// As [`Self::can_allow`]; nothing changes then.
    pub fn allow(&mut self, entry: AllowEntry) -> Result<(), AllowError> {
        self.can_allow(&entry)?;
        self.deny.remove(&entry.who);
        let bound = self.allow.get(&entry.who).and_then(|slot| slot.bound);
        self.allow.insert(entry.who, Slot { entry, bound });
        Ok(())
    }

    /// Adds a deny entry and removes the allow entry for the same. When the list is full
    /// and nothing was removed, the entry is not kept (default deny holds anyway).
    pub fn deny(&mut self, who: Who, now_unix_s: u64) {
        self.allow.remove(&who);
        if self.len() < ENTRIES_MAX || self.deny.contains_key(&who) {
            self.deny.insert(who, now_unix_s);
        }
    }

    /// Binds a root key entry to the F that proved the key. The first binding stays.
    pub fn bind(&mut self, root_key: [u8; 32], f: NodeAddr) {
        if let Some(slot) = self.allow.get_mut(&Who::RootKey(root_key)) {
            slot.bound.get_or_insert(Bound(f));
        }
    }

    /// The F that a root key entry is bound to.
    #[must_use]
    pub fn bound(&self, root_key: &[u8; 32]) -> Option<NodeAddr> {
        let slot = self.allow.get(&Who::RootKey(*root_key))?;
        slot.bound.map(|bound| bound.0)
    }

    /// What the rules say about F with the root key of its inception record and its
    /// current root key, where known. Deny entries match either; an allow entry for the
    /// address comes before one for the key.
    #[must_use]
    pub fn access(
        &self,
        f: NodeAddr,
        inception_key: Option<[u8; 32]>,
        now_key: Option<[u8; 32]>,
    ) -> Access<'_> {
        let names = [
            Some(Who::Address(f)),
            inception_key.map(Who::RootKey),
            now_key.map(Who::RootKey),
        ];
        if let Some(who) = names
            .iter()
            .flatten()
            .find(|who| self.deny.contains_key(who))
        {
            return Access::Denied(*who);
        }
        if let Some(slot) = self.allow.get(&Who::Address(f)) {
            return Access::Allowed(&slot.entry);
        }
        let by_key = inception_key.and_then(|key| self.allow.get(&Who::RootKey(key)));
        match by_key {
            Some(slot) if slot.bound.is_none_or(|bound| bound.0 == f) => {
                Access::Allowed(&slot.entry)
            }
            _ => Access::Unknown,
        }
    }

    /// Allow entries in order.
    pub fn allowed(&self) -> impl Iterator<Item = &AllowEntry> {
        self.allow.values().map(|slot| &slot.entry)
    }

    /// Deny entries in order, with the Unix second they were added.
    pub fn denied(&self) -> impl Iterator<Item = (Who, u64)> {
        self.deny.iter().map(|(who, at)| (*who, *at))
    }

    /// Number of entries, allow and deny together.
    #[must_use]
    pub fn len(&self) -> usize {
        self.allow.len() + self.deny.len()
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn f(last: u8) -> NodeAddr {
        let mut bytes = [0; 16];
        bytes[0] = 0xfc;
        bytes[15] = last;
        NodeAddr(bytes)
    }

    fn entry(who: Who) -> AllowEntry {
        AllowEntry {
            who,
            services: Services::All,
            label: None,
            accepts: Vec::new(),
            added_unix_s: 1,
        }
    }

    #[test]
    fn deny_comes_before_allow_and_allow_takes_deny_back() {
        let mut list = Allowlist::default();
        assert_eq!(list.access(f(1), None, None), Access::Unknown);
        list.allow(entry(Who::Address(f(1)))).unwrap();
        assert!(list.access(f(1), None, None).is_allowed());
        list.deny(Who::RootKey([7; 32]), 2);
        assert_eq!(
            list.access(f(1), Some([7; 32]), None),
            Access::Denied(Who::RootKey([7; 32])),
            "a denied key closes an allowed address"
        );
        assert!(!list.access(f(1), Some([1; 32]), Some([7; 32])).is_allowed());
        list.deny(Who::Address(f(1)), 3);
        assert!(!list.access(f(1), None, None).is_allowed());
        list.allow(entry(Who::Address(f(1)))).unwrap();
        assert!(list.access(f(1), None, None).is_allowed());
    }

    #[test]
    fn a_key_entry_belongs_to_the_first_node_that_proves_it() {
        let mut list = Allowlist::default();
        list.allow(entry(Who::RootKey([7; 32]))).unwrap();
        assert!(list.access(f(1), Some([7; 32]), None).is_allowed());
        list.bind([7; 32], f(1));
        list.bind([7; 32], f(2));
        assert_eq!(list.bound(&[7; 32]), Some(f(1)));
        assert!(list.access(f(1), Some([7; 32]), Some([9; 32])).is_allowed());
        assert_eq!(
            list.access(f(2), Some([7; 32]), None),
            Access::Unknown,
            "whoever stole the key cannot come back as another node"
        );
        list.allow(entry(Who::RootKey([7; 32]))).unwrap();
        assert_eq!(
            list.bound(&[7; 32]),
            Some(f(1)),
            "editing keeps the binding"
        );
    }

    #[test]
    fn a_current_key_alone_allows_nothing() {
        let mut list = Allowlist::default();
        list.allow(entry(Who::RootKey([7; 32]))).unwrap();
        assert_eq!(
            list.access(f(1), Some([1; 32]), Some([7; 32])),
            Access::Unknown
        );
    }

    #[test]
    fn bounds_are_checked() {
        let ports = |ranges| AllowEntry {
            services: Services::Ports(ranges),
            ..entry(Who::Address(f(1)))
        };
        let range = |lo, hi| PortRange {
            proto: Proto::Tcp,
            lo,
            hi,
        };
        assert_eq!(ports(vec![]).check(), Err(AllowError::NoPorts));
        assert_eq!(ports(vec![range(1, 1); 64]).check(), Ok(()));
        assert_eq!(
            ports(vec![range(1, 1); 65]).check(),
            Err(AllowError::TooManyPorts)
        );
        assert_eq!(
            ports(vec![range(2, 1)]).check(),
            Err(AllowError::Backwards { lo: 2, hi: 1 })
        );
        let stranger = NodeAddr([0x20; 16]);
        assert_eq!(
            entry(Who::Address(stranger)).check(),
            Err(AllowError::NotF(stranger))
        );
        for label in ["x".repeat(64), "a\nb".into()] {
            let labelled = AllowEntry {
                label: Some(label),
                ..entry(Who::Address(f(1)))
            };
            assert_eq!(labelled.check(), Err(AllowError::Label));
        }
    }

    #[test]
    fn what_an_entry_accepts_is_checked_and_covers_what_lies_in_it() {
        let prefix = |text: &str| text.parse::<Prefix>().unwrap();
        let accepting = |accepts| AllowEntry {
            accepts,
            ..entry(Who::Address(f(1)))
        };
        let lan = accepting(vec![prefix("192.168.0.0/16"), prefix("fd00:20::/64")]);
        assert_eq!(lan.check(), Ok(()));
        for (text, accepted) in [
            ("192.168.20.0/24", true),
            ("192.168.0.0/16", true),
            ("192.0.0.0/8", false),
            ("10.0.0.1/32", false),
            ("fd00:20::1/128", true),
            ("fd00:21::/64", false),
        ] {
            assert_eq!(lan.accepts(prefix(text)), accepted, "{text}");
        }
        for text in [
            "0.0.0.0/0",
            "::/0",
            "fc00::/8",
            "200::/7",
            "127.0.0.0/8",
            "ff00::/8",
        ] {
            let wrong = prefix(text);
            assert_eq!(
                accepting(vec![wrong]).check(),
                Err(AllowError::Prefix(wrong))
            );
        }
        let many = vec![prefix("10.0.0.0/8"); ACCEPTED_MAX + 1];
        assert_eq!(accepting(many[1..].to_vec()).check(), Ok(()));
        assert_eq!(accepting(many).check(), Err(AllowError::TooManyPrefixes));
        let text = serde_json::to_string(&lan).unwrap();
        assert!(text.contains("\"192.168.0.0/16\""), "{text}");
        assert_eq!(serde_json::from_str::<AllowEntry>(&text).unwrap(), lan);
    }

    #[test]
    fn a_full_list_refuses_politely() {
        let mut list = Allowlist::default();
        for i in 0..ENTRIES_MAX {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&(i as u64).to_be_bytes());
            list.allow(entry(Who::RootKey(key))).unwrap();
        }
        assert_eq!(list.allow(entry(Who::Address(f(1)))), Err(AllowError::Full));
        list.deny(Who::Address(f(1)), 1);
        assert_eq!(list.len(), ENTRIES_MAX);
        assert_eq!(
            list.allow(entry(Who::RootKey([0; 32]))),
            Ok(()),
            "replacing still works"
        );
    }

    #[test]
    fn the_list_survives_storage() {
        let mut list = Allowlist::default();
        list.allow(entry(Who::RootKey([7; 32]))).unwrap();
        list.bind([7; 32], f(1));
        list.deny(Who::Address(f(3)), 9);
        let text = serde_json::to_string(&list).unwrap();
        assert_eq!(serde_json::from_str::<Allowlist>(&text).unwrap(), list);
    }
}
