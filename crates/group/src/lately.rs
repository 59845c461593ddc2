//! What is known of flows for a while: a bounded table, of which the entry that ends first gives way.
//!
//! It has no clock: entries that are over stay until [`Lately::expire`] or a full table takes them out, and
//! [`Lately::live`] leaves them out.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::time::Duration;

use wire::NodeAddr;

use crate::dprp::Ends;

/// At most `MOST` values of flows, each until a time on the monotonic clock.
#[derive(Clone, Debug)]
pub struct Lately<T, const MOST: usize> {
    entries: BTreeMap<Ends, (Duration, T)>,
    by_end: BTreeSet<(Duration, Ends)>,
}

impl<T, const MOST: usize> Default for Lately<T, MOST> {
    fn default() -> Self {
        Self {
            entries: BTreeMap::new(),
            by_end: BTreeSet::new(),
        }
    }
}

impl<T, const MOST: usize> Lately<T, MOST> {
    /// What is known of a flow, also if it is over.
    #[must_use]
    pub fn get(&self, ends: Ends) -> Option<&T> {
        self.entries.get(&ends).map(|(_, value)| value)
    }

    /// The same, for a change that leaves its end as it is.
    pub fn change(&mut self, ends: Ends) -> Option<&mut T> {
        self.entries.get_mut(&ends).map(|(_, value)| value)
    }

    /// Makes an entry, or replaces it. The entry that had to give way, if any.
    pub fn set(&mut self, ends: Ends, until: Duration, value: T) -> Option<(Ends, T)> {
        self.remove(ends);
        let first = self.by_end.first().copied();
        let full = first.filter(|_| self.entries.len() >= MOST);
        let gone = full.and_then(|(_, ends)| Some((ends, self.remove(ends)?)));
        self.by_end.insert((until, ends));
        self.entries.insert(ends, (until, value));
        gone
    }

    /// Takes an entry out.
    pub fn remove(&mut self, ends: Ends) -> Option<T> {
        let (until, value) = self.entries.remove(&ends)?;
        self.by_end.remove(&(until, ends));
        Some(value)
    }

    /// Takes all out.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.by_end.clear();
    }

    /// Takes out what is over.
    pub fn expire(&mut self, now: Duration) -> Vec<(Ends, T)> {
        let mut over = Vec::new();
        while let Some((_, ends)) = self
            .by_end
            .first()
            .copied()
            .filter(|(until, _)| *until <= now)
        {
            over.extend(self.remove(ends).map(|value| (ends, value)));
        }
        over
    }

    /// When [`Self::expire`] has something to do.
    #[must_use]
    pub fn expires_at(&self) -> Option<Duration> {
        self.by_end.first().map(|(until, _)| *until)
    }

    /// All entries, by address.
    pub fn iter(&self) -> impl Iterator<Item = (Ends, &T)> {
        let entries = self.entries.iter();
        entries.map(|(ends, (_, value))| (*ends, value))
    }

    /// The entries that lead there, whatever their other end. Takes as long as there are other ends, not entries.
    pub fn leading_to(&self, there: NodeAddr) -> impl Iterator<Item = &T> {
        let mut from = Bound::Unbounded;
        std::iter::from_fn(move || {
            loop {
                let (first, _) = self.entries.range((from, Bound::Unbounded)).next()?;
                let here = first.here;
                from = Bound::Excluded(Ends {
                    here,
                    there: NodeAddr([u8::MAX; 16]),
                });
                if let Some(value) = self.get(Ends { here, there }) {
                    return Some(value);
                }
            }
        })
    }

    /// Those that are not over, by address, with the time that each has left.
    pub fn live(&self, now: Duration) -> impl Iterator<Item = (Ends, Duration, &T)> {
        let entries = self.entries.iter();
        entries.filter_map(move |(ends, (until, value))| {
            let left = until.checked_sub(now).filter(|left| !left.is_zero())?;
            Some((*ends, left, value))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn ends(number: u8) -> Ends {
        Ends {
            here: NodeAddr([1; 16]),
            there: NodeAddr([number; 16]),
        }
    }

    #[test]
    fn entries_end_in_their_order_and_a_newer_one_replaces_the_old() {
        let mut lately = Lately::<char, 4>::default();
        lately.set(ends(1), s(10), 'a');
        lately.set(ends(2), s(5), 'b');
        lately.set(ends(1), s(20), 'c');
        *lately.change(ends(2)).unwrap() = 'd';
        let live: Vec<_> = lately.live(s(5)).collect();
        assert_eq!(live, [(ends(1), s(15), &'c')]);
        assert_eq!(lately.get(ends(2)), Some(&'d'), "over, and still there");
        assert_eq!(lately.expires_at(), Some(s(5)));
        assert_eq!(lately.expire(s(10)), [(ends(2), 'd')]);
        assert_eq!(lately.expire(s(20)), [(ends(1), 'c')]);
        assert_eq!((lately.expires_at(), lately.iter().count()), (None, 0));
    }

    #[test]
    fn entries_are_found_by_where_they_lead() {
        let mut lately = Lately::<u8, 16>::default();
        for (number, here, there) in [
            (0, 0, 7),
            (1, 1, 7),
            (2, 1, 8),
            (3, 2, 6),
            (4, 3, 0xff),
            (5, 0xff, 7),
            (6, 0xff, 0xff),
        ] {
            let [here, there] = [here, there].map(|it| NodeAddr([it; 16]));
            lately.set(Ends { here, there }, s(9), number);
        }
        for (there, expected) in [(7, &[0, 1, 5][..]), (8, &[2]), (0xff, &[4, 6]), (5, &[])] {
            let found = lately.leading_to(NodeAddr([there; 16]));
            assert!(found.eq(expected), "{there}");
        }
    }

    #[test]
    fn a_full_table_gives_up_what_ends_first() {
        let mut lately = Lately::<u8, 3>::default();
        for (number, until) in [(1, 30), (2, 10), (3, 20)] {
            assert_eq!(lately.set(ends(number), s(until), number), None);
        }
        assert_eq!(lately.set(ends(4), s(1), 4), Some((ends(2), 2)));
        assert_eq!(lately.set(ends(4), s(40), 5), None, "it has its place");
        assert_eq!(lately.set(ends(5), s(40), 6), Some((ends(3), 3)));
        assert_eq!(lately.iter().count(), 3);
        lately.clear();
        assert_eq!((lately.expires_at(), lately.iter().count()), (None, 0));
    }
}
