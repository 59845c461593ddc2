//! What lies behind whom: what peers announce, and what of it takes effect here.
//!
//! | a prefix that a peer announces | state |
//! |---|---|
//! | lies in what its allow entry accepts | used |
//! | does not | not accepted; has no effect |
//! | is accepted from two peers, or is this node's own as well | contested; has no effect |
//!
//! Among prefixes of different lengths the longest wins. What a peer announced is remembered
//! through sessions and restarts, so that a packet to there can start a session.

use std::collections::BTreeMap;

use group::Access;
use identity::Scopes;
use wire::stream::StreamValue;
use wire::{NodeAddr, Now, Prefix};

use crate::machine::Node;
use crate::stored::Change;
use crate::{AnnouncedStatus, DropReason, PrefixState};

/// Most changes of what a peer announces that are taken in one second: each is written down.
pub const PREFIX_CHANGES_PER_SECOND_MAX: u32 = 8;

/// Who announces each prefix that may take effect, this node included.
pub(crate) type Claims = BTreeMap<Prefix, Vec<NodeAddr>>;

impl Node {
    /// Tells a peer what lies behind this node; also that it is nothing, which may be news.
    pub(crate) fn greet_with_prefixes(&mut self, now: Now, f: NodeAddr) {
        let value = StreamValue::Prefixes(self.own_prefixes());
        self.send_value(now, f, &value);
    }

    /// A peer says what lies behind it.
    pub(crate) fn prefixes_in(&mut self, now: Now, f: NodeAddr, mut prefixes: Vec<Prefix>) {
        prefixes.retain(|prefix| prefix.may_be_announced());
        prefixes.sort_unstable();
        prefixes.dedup();
        let before = self.stored.peers.get(&f).map(|record| &record.announced);
        if before.map_or(prefixes.is_empty(), |before| *before == prefixes) {
            return;
        }
        if !self.stored.has_room_for(f) {
            return self.drop_for(DropReason::TableFull);
        }
        let (second, count) = &mut self.peers.entry(f).or_default().prefixes_changed;
        if *second != now.mono.as_secs() {
            (*second, *count) = (now.mono.as_secs(), 0);
        }
        *count += 1;
        if *count > PREFIX_CHANGES_PER_SECOND_MAX {
            return self.drop_for(DropReason::RateLimited);
        }
        self.persist(Change::Announced { f, prefixes });
        self.snapshot_stale = true;
    }

    /// Who announces what, of all that is accepted.
    pub(crate) fn prefix_claims(&self) -> Claims {
        let mut claims = Claims::new();
        for prefix in self.own_prefixes() {
            claims.entry(prefix).or_default().push(self.f);
        }
        for f in self.stored.peers.keys().filter(|f| **f != self.f) {
            for prefix in self.announced_by(*f) {
                if self.accepts(*f, *prefix) {
                    claims.entry(*prefix).or_default().push(*f);
                }
            }
        }
        claims
    }

    /// What takes effect of what a peer announces.
    pub(crate) fn used_prefixes(&self, claims: &Claims, f: NodeAddr) -> Vec<Prefix> {
        let announced = self.announced_by(f).iter().copied();
        announced
            .filter(|prefix| claims.get(prefix).is_some_and(|by| by[..] == [f]))
            .collect()
    }

    /// What a peer announces, and what became of it.
    pub(crate) fn announced_status(&self, claims: &Claims, f: NodeAddr) -> Vec<AnnouncedStatus> {
        let state = |prefix: Prefix| match claims.get(&prefix) {
            Some(by) if by[..] == [f] => PrefixState::Used,
            Some(by) if by.contains(&f) => PrefixState::Contested,
            _ => PrefixState::NotAccepted,
        };
        let announced = self.announced_by(f).iter();
        announced
            .map(|prefix| AnnouncedStatus {
                prefix: *prefix,
                state: state(*prefix),
            })
            .collect()
    }

    /// What a peer announces, as far as its certificate lets it.
    fn announced_by(&self, f: NodeAddr) -> &[Prefix] {
        let may = |f| {
            let certificate = &self.known.get(f)?.certificate;
            Some(certificate.scopes.allows(Scopes::ANNOUNCE))
        };
        match self.stored.peers.get(&f) {
            Some(record) if may(&f) == Some(true) => &record.announced,
            _ => &[],
        }
    }

    fn accepts(&self, f: NodeAddr, prefix: Prefix) -> bool {
        match self.access(f) {
            Access::Allowed(entry) => entry.accepts(prefix),
            Access::Denied(_) => false,
            Access::Unknown => self.signed_prefixes(f).any(|of_it| of_it.covers(prefix)),
        }
    }
}
