//! Longest-prefix match: whose an inner address is that is nobody's name.

use std::collections::BTreeMap;
use std::sync::Arc;

use wire::{NodeAddr, Prefix};

use super::snapshot::PeerEntry;

/// Who carries the addresses of a prefix.
#[derive(Clone, Debug)]
pub(crate) enum Holder {
    /// This node.
    Own,
    /// A peer.
    Peer(Arc<PeerEntry>),
}

/// Prefixes and their holders. A lookup asks once for each length that occurs.
#[derive(Debug, Default)]
pub(crate) struct PrefixTable {
    /// By length in bits, the longest first.
    by_bits: Vec<(u8, BTreeMap<Prefix, Holder>)>,
}

impl PrefixTable {
    /// An empty table.
    pub(crate) const fn new() -> Self {
        Self {
            by_bits: Vec::new(),
        }
    }

    /// Adds a prefix. The first holder of one stays.
    pub(crate) fn insert(&mut self, prefix: Prefix, holder: Holder) {
        let bits = prefix.bits();
        let at = self.by_bits.partition_point(|(longer, _)| *longer > bits);
        if self.by_bits.get(at).is_none_or(|(same, _)| *same != bits) {
            self.by_bits.insert(at, (bits, BTreeMap::new()));
        }
        if let Some((_, prefixes)) = self.by_bits.get_mut(at) {
            prefixes.entry(prefix).or_insert(holder);
        }
    }

    /// The holder of the longest prefix that the address lies in.
    pub(crate) fn find(&self, addr: NodeAddr) -> Option<&Holder> {
        let mut found = self.by_bits.iter();
        found.find_map(|(bits, prefixes)| prefixes.get(&Prefix::around(addr, *bits)))
    }

    /// The prefixes of peers, the longest first.
    pub(crate) fn of_peers(&self) -> impl Iterator<Item = Prefix> {
        let all = self.by_bits.iter().flat_map(|(_, prefixes)| prefixes);
        all.filter(|(_, holder)| matches!(holder, Holder::Peer(_)))
            .map(|(prefix, _)| *prefix)
    }
}
