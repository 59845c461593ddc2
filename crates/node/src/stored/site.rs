//! What a node remembers of site mode: at which ordinary addresses a member has been.
//!
//! | limit | value |
//! |---|---|
//! | addresses | [`PROVED_MAX`]; a full table remembers no more |

use std::collections::BTreeMap;

use group::serial;
use serde::{Deserialize, Serialize};
use wire::NodeAddr;

/// Most addresses at which a member has been.
pub const PROVED_MAX: usize = 16_384;

/// A change to [`Proved`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum SiteChange {
    /// A member is at this address, or speaks for it.
    Proved(ProvedRecord),
    /// An administrator says that it is a member's no more.
    Forgotten {
        /// The address.
        #[serde(with = "serial::addr")]
        addr: NodeAddr,
    },
}

/// An address, and who proved to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProvedRecord {
    /// The address, IPv4 mapped.
    #[serde(with = "serial::addr")]
    pub addr: NodeAddr,
    /// The member.
    #[serde(with = "serial::addr")]
    pub f: NodeAddr,
}

/// Addresses at which a member has been, and who it was last: they are never in clear again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<ProvedRecord>", into = "Vec<ProvedRecord>")]
pub struct Proved(BTreeMap<NodeAddr, NodeAddr>);

impl From<Vec<ProvedRecord>> for Proved {
    fn from(rows: Vec<ProvedRecord>) -> Self {
        let rows = rows.into_iter().take(PROVED_MAX);
        Self(rows.map(|row| (row.addr, row.f)).collect())
    }
}

impl From<Proved> for Vec<ProvedRecord> {
    fn from(proved: Proved) -> Self {
        let rows = proved.0.into_iter();
        rows.map(|(addr, f)| ProvedRecord { addr, f }).collect()
    }
}

impl Proved {
    /// Applies one change; applied again it changes nothing more.
    pub fn apply(&mut self, change: &SiteChange) {
        match change {
            SiteChange::Proved(ProvedRecord { addr, f }) => {
                if self.0.len() < PROVED_MAX || self.0.contains_key(addr) {
                    self.0.insert(*addr, *f);
                }
            }
            SiteChange::Forgotten { addr } => {
                self.0.remove(addr);
            }
        }
    }

    /// Who was at this address.
    #[must_use]
    pub fn get(&self, addr: NodeAddr) -> Option<NodeAddr> {
        self.0.get(&addr).copied()
    }

    /// All the addresses.
    pub fn addresses(&self) -> impl Iterator<Item = NodeAddr> {
        self.0.keys().copied()
    }

    /// Whether one more can be remembered, or this one is.
    #[must_use]
    pub fn has_room_for(&self, addr: NodeAddr) -> bool {
        self.0.len() < PROVED_MAX || self.0.contains_key(&addr)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proved(number: u32, f: u8) -> SiteChange {
        let mut addr = [0; 16];
        addr[..4].copy_from_slice(&number.to_be_bytes());
        SiteChange::Proved(ProvedRecord {
            addr: NodeAddr(addr),
            f: NodeAddr([f; 16]),
        })
    }

    #[test]
    fn a_full_table_keeps_what_it_has() {
        let mut table = Proved::default();
        for number in 0..=PROVED_MAX as u32 {
            table.apply(&proved(number, 1));
        }
        assert_eq!(table.len(), PROVED_MAX);
        table.apply(&proved(0, 2));
        let SiteChange::Proved(first) = proved(0, 2) else {
            unreachable!()
        };
        assert_eq!(
            table.get(first.addr),
            Some(first.f),
            "and knows its changes"
        );
        table.apply(&SiteChange::Forgotten { addr: first.addr });
        assert_eq!(table.get(first.addr), None);
        assert!(table.has_room_for(first.addr));
    }
}
