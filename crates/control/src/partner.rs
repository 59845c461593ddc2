//! What is known of another server of a group: its chain, and whom it admitted.

use std::collections::{BTreeMap, VecDeque};

use group::chain::{Chain, Links};
use group::statement::Admission;
use wire::NodeAddr;

/// An admission that a partner signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The statement.
    pub admission: Admission,
    /// The event by which it came.
    pub since_rev: u64,
}

/// Another server of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partner {
    /// Its chain, as far as it is known here.
    pub chain: Chain,
    /// The nodes of the members that it admitted.
    pub members: BTreeMap<NodeAddr, Held>,
    /// By which events the chain has grown up to which numbers.
    marks: VecDeque<(u64, u32)>,
}

impl Partner {
    pub(crate) fn new(chain: Chain) -> Self {
        Self {
            chain,
            members: BTreeMap::new(),
            marks: VecDeque::new(),
        }
    }

    /// The entries that have come after an event.
    pub(crate) fn links_since(&self, rev: u64) -> Links {
        let later = self.marks.iter().find(|(at, _)| *at > rev);
        // What is not noted is older than all that is kept.
        let number = later.map_or(self.chain.head().number.saturating_add(1), |(_, it)| *it);
        self.chain.links_from(number)
    }

    /// The chain has grown up to a number, by an event.
    pub(crate) fn mark(&mut self, rev: u64, number: u32) {
        self.marks.push_back((rev, number));
        let kept = self.chain.entries_from(0).next();
        let kept = kept.map_or(0, |entry| entry.number);
        let is_over = |marks: &VecDeque<(u64, u32)>| {
            let first = marks.front();
            first.is_some_and(|(_, number)| *number < kept)
        };
        while is_over(&self.marks) {
            self.marks.pop_front();
        }
    }
}
