//! Longest-prefix match: whose an inner address is that is nobody's name.

use std::collections::BTreeMap;

use wire::{NodeAddr, Prefix};

/// Prefixes and what belongs to each. A lookup asks once for each length that occurs.
#[derive(Debug)]
pub(crate) struct PrefixTable<T> {
    /// By length in bits, the longest first.
    by_bits: Vec<(u8, BTreeMap<Prefix, T>)>,
}

impl<T> PrefixTable<T> {
    /// An empty table.
    pub(crate) const fn new() -> Self {
        Self {
            by_bits: Vec::new(),
        }
    }

    /// Adds a prefix. What one had first stays.
    pub(crate) fn insert(&mut self, prefix: Prefix, value: T) {
        let bits = prefix.bits();
        let at = self.by_bits.partition_point(|(longer, _)| *longer > bits);
        if self.by_bits.get(at).is_none_or(|(same, _)| *same != bits) {
            self.by_bits.insert(at, (bits, BTreeMap::new()));
        }
        if let Some((_, prefixes)) = self.by_bits.get_mut(at) {
            prefixes.entry(prefix).or_insert(value);
        }
    }

    /// What belongs to the longest prefix that the address lies in.
    pub(crate) fn find(&self, addr: NodeAddr) -> Option<&T> {
        let mut found = self.by_bits.iter();
        found.find_map(|(bits, prefixes)| prefixes.get(&Prefix::around(addr, *bits)))
    }

    /// Everything, the longest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Prefix, &T)> {
        let all = self.by_bits.iter().flat_map(|(_, prefixes)| prefixes);
        all.map(|(prefix, value)| (*prefix, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_is_found_in_whatever_order_they_came() {
        let texts = [
            "10.0.0.0/8",
            "fd00::/16",
            "10.1.2.0/24",
            "10.1.0.0/16",
            "10.1.2.3/32",
        ];
        for start in 0..texts.len() {
            let mut table = PrefixTable::new();
            for at in 0..texts.len() {
                let text = texts[(start + at) % texts.len()];
                table.insert(text.parse().unwrap(), text);
                table.insert(text.parse().unwrap(), "a second one");
            }
            for (addr, wanted) in [
                ("10.1.2.3", Some("10.1.2.3/32")),
                ("10.1.2.4", Some("10.1.2.0/24")),
                ("10.1.3.4", Some("10.1.0.0/16")),
                ("10.2.3.4", Some("10.0.0.0/8")),
                ("11.2.3.4", None),
                ("fd00::1", Some("fd00::/16")),
                ("fd01::1", None),
            ] {
                let addr = NodeAddr::of_ip(addr.parse().unwrap()).unwrap();
                assert_eq!(table.find(addr).copied(), wanted, "{addr}");
            }
            assert_eq!(table.iter().count(), texts.len());
        }
    }
}
