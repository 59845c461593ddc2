//! The process table (PIT, 動作処理情報テーブル): what this element does with a flow between two
//! ordinary addresses (seed 002, section 3.3).
//!
//! An entry is made by DPRP and lives for a while, so that what has changed is found out. An entry
//! that is provisional waits for the other element: nothing passes by it but what its MPIT holds.
//!
//! | action | lives |
//! |---|---|
//! | encrypt | [`ENCRYPT_LIFE`], again with each use that is seen, and no longer than the membership that made it |
//! | clear | [`CLEAR_LIFE`] |
//! | discard | [`DISCARD_LIFE`] |
//! | relay: what only passes is in no table of decisions; people are shown it | [`RELAY_LIFE`] |
//!
//! | limit | value |
//! |---|---|
//! | entries | [`ENTRIES_MAX`]; the one that ends first gives way |

use std::time::Duration;

use wire::NodeAddr;

use crate::dprp::Ends;
use crate::lately::Lately;
use crate::resolve::Action;

/// Most entries.
pub const ENTRIES_MAX: usize = 16_384;
/// How long an element encrypts without looking again.
pub const ENCRYPT_LIFE: Duration = Duration::from_secs(3_600);
/// How long a flow is clear before it is looked at again.
pub const CLEAR_LIFE: Duration = Duration::from_secs(600);
/// How long a flow is discarded before it is looked at again.
pub const DISCARD_LIFE: Duration = Duration::from_secs(30);
/// How long people are shown a flow that an element relays, after its last DDE passed.
pub const RELAY_LIFE: Duration = Duration::from_secs(600);

/// One entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PitEntry {
    /// What to do.
    pub action: Action,
    /// The other element, if it encrypts.
    pub peer: Option<NodeAddr>,
    /// The other has not confirmed yet.
    pub provisional: bool,
    /// Until when, on the monotonic clock.
    pub until: Duration,
}

/// The table.
#[derive(Clone, Debug, Default)]
pub struct Pit(Lately<PitEntry, ENTRIES_MAX>);

impl Pit {
    /// What to do with a flow, if that is known.
    #[must_use]
    pub fn get(&self, ends: Ends) -> Option<&PitEntry> {
        self.0.get(ends)
    }

    /// Makes an entry, or changes it. The entry that had to give way, if any.
    pub fn set(&mut self, ends: Ends, entry: PitEntry) -> Option<(Ends, PitEntry)> {
        self.0.set(ends, entry.until, entry)
    }

    /// Takes an entry out.
    pub fn remove(&mut self, ends: Ends) -> Option<PitEntry> {
        self.0.remove(ends)
    }

    /// Takes out what is over.
    pub fn expire(&mut self, now: Duration) -> Vec<(Ends, PitEntry)> {
        self.0.expire(now)
    }

    /// When [`Pit::expire`] has something to do.
    #[must_use]
    pub fn expires_at(&self) -> Option<Duration> {
        self.0.expires_at()
    }

    /// All entries, by address.
    pub fn iter(&self) -> impl Iterator<Item = (Ends, &PitEntry)> {
        self.0.iter()
    }

    /// The entries that lead to an address, whatever their other end.
    pub fn leading_to(&self, there: NodeAddr) -> impl Iterator<Item = &PitEntry> {
        self.0.leading_to(there)
    }

    /// The flows that are encrypted for a peer.
    pub fn of_peer(&self, peer: NodeAddr) -> impl Iterator<Item = Ends> {
        let own = self.iter();
        let own = own.filter(move |(_, entry)| entry.peer == Some(peer));
        own.map(|(ends, _)| ends)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(number: u32) -> Ends {
        let mut there = [2; 16];
        there[..4].copy_from_slice(&number.to_be_bytes());
        Ends {
            here: NodeAddr([1; 16]),
            there: NodeAddr(there),
        }
    }

    fn entry(until_s: u64) -> PitEntry {
        PitEntry {
            action: Action::Clear,
            peer: None,
            provisional: false,
            until: Duration::from_secs(until_s),
        }
    }

    #[test]
    fn entries_end_in_their_order_and_a_newer_one_replaces_the_old() {
        let mut pit = Pit::default();
        pit.set(ends(1), entry(10));
        pit.set(ends(2), entry(5));
        pit.set(ends(1), entry(20));
        assert_eq!(pit.expires_at(), Some(Duration::from_secs(5)));
        assert_eq!(pit.expire(Duration::from_secs(10)), [(ends(2), entry(5))]);
        assert_eq!(pit.get(ends(1)), Some(&entry(20)));
        assert_eq!(pit.expire(Duration::from_secs(20)).len(), 1);
        assert_eq!((pit.expires_at(), pit.iter().count()), (None, 0));
    }

    #[test]
    fn a_full_table_gives_up_what_ends_first() {
        let mut pit = Pit::default();
        for number in 0..ENTRIES_MAX as u32 {
            assert_eq!(
                pit.set(ends(number), entry(1_000 + u64::from(number))),
                None
            );
        }
        let gone = pit.set(ends(u32::MAX), entry(5_000_000));
        assert_eq!(gone, Some((ends(0), entry(1_000))));
        assert_eq!(pit.iter().count(), ENTRIES_MAX);
    }
}
