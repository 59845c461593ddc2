//! The addresses at which a peer may be reached, best first.
//!
//! Order: fewest tries since the last success, then the source ([`Source`], the most
//! trustworthy first), then the newest. Trying one address moves it behind the others, so
//! handshake retries go round all of them. When the table is full the last in this order
//! gives way, so somebody who invents addresses cannot push out one that works.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use wire::Endpoint;

/// Most addresses kept for one peer.
pub const CANDIDATES_MAX: usize = 16;
/// An address that only a beacon or a peer named is forgotten after this long.
pub const CANDIDATE_LIFE: Duration = Duration::from_secs(600);

/// Who says that the peer is there, the most trustworthy first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// A session with the peer stood there. Kept until something better fills the table.
    Observed,
    /// A signed beacon came from there.
    Beacon,
    /// The peer said so inside a session.
    Told,
    /// The invite line says so. Kept like an observed one.
    Invite,
}

/// One address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Who says so.
    pub source: Source,
    /// When that was last said.
    pub heard: Duration,
    /// Tries since it last worked.
    pub tries: u32,
}

/// The addresses of one peer. Bounded by [`CANDIDATES_MAX`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Candidates {
    list: BTreeMap<SocketAddr, Candidate>,
}

impl Candidates {
    /// Adds an address or refreshes it; the better source stays. Returns whether it is new.
    /// Addresses that nobody can send to are ignored.
    pub fn add(&mut self, now: Duration, at: SocketAddr, source: Source) -> bool {
        if !Endpoint::new(at).is_usable() {
            return false;
        }
        self.expire(now);
        let is_new = !self.list.contains_key(&at);
        let fresh = Candidate {
            source,
            heard: now,
            tries: 0,
        };
        let entry = self.list.entry(at).or_insert(fresh);
        entry.heard = now;
        entry.source = entry.source.min(source);
        if self.list.len() > CANDIDATES_MAX
            && let Some(worst) = self.ordered().last().copied()
        {
            self.list.remove(&worst);
        }
        is_new && self.list.contains_key(&at)
    }

    /// The address to try next; counts as a try.
    pub fn next_to_try(&mut self, now: Duration) -> Option<SocketAddr> {
        self.expire(now);
        let best = self.ordered().first().copied()?;
        if let Some(candidate) = self.list.get_mut(&best) {
            candidate.tries = candidate.tries.saturating_add(1);
        }
        Some(best)
    }

    /// Whether there is an address that was not tried in this round.
    #[must_use]
    pub fn has_untried(&self) -> bool {
        self.list.values().any(|candidate| candidate.tries == 0)
    }

    /// The peer was reached here.
    pub fn worked(&mut self, now: Duration, at: SocketAddr) {
        self.add(now, at, Source::Observed);
        if let Some(candidate) = self.list.get_mut(&at) {
            candidate.tries = 0;
        }
    }

    /// Forgets how often addresses were tried, for a new round of attempts.
    pub fn start_over(&mut self) {
        for candidate in self.list.values_mut() {
            candidate.tries = 0;
        }
    }

    /// The addresses, best first.
    #[must_use]
    pub fn ordered(&self) -> Vec<SocketAddr> {
        let mut all: Vec<_> = self.list.iter().collect();
        all.sort_by_key(|(at, c)| (c.tries, c.source, std::cmp::Reverse(c.heard), **at));
        all.into_iter().map(|(at, _)| *at).collect()
    }

    /// The addresses with what is known about them, in order of address.
    pub fn iter(&self) -> impl Iterator<Item = (SocketAddr, Candidate)> {
        self.list.iter().map(|(at, candidate)| (*at, *candidate))
    }

    /// Whether a beacon or a session proved an address at most `age` ago.
    #[must_use]
    pub fn is_fresh(&self, now: Duration, age: Duration) -> bool {
        let near = |c: &Candidate| matches!(c.source, Source::Observed | Source::Beacon);
        let young = |c: &Candidate| now.saturating_sub(c.heard) <= age;
        self.list
            .values()
            .any(|c| near(c) && young(c) && c.tries == 0)
    }

    /// Number of addresses.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is no address to try.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    fn expire(&mut self, now: Duration) {
        self.list.retain(|_, candidate| match candidate.source {
            Source::Observed | Source::Invite => true,
            Source::Beacon | Source::Told => now.saturating_sub(candidate.heard) < CANDIDATE_LIFE,
        });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const S: Duration = Duration::from_secs(1);

    fn at(n: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], n))
    }

    #[test]
    fn a_place_that_worked_is_tried_first_and_tries_go_round() {
        let mut list = Candidates::default();
        list.add(S, at(1), Source::Invite);
        list.add(S, at(2), Source::Told);
        list.add(S, at(3), Source::Beacon);
        list.worked(S, at(4));
        let tried: Vec<_> = (0..5)
            .filter_map(|_| list.next_to_try(S))
            .map(|a| a.port())
            .collect();
        assert_eq!(tried, [4, 3, 2, 1, 4]);
        list.worked(S, at(1));
        assert_eq!(list.next_to_try(S), Some(at(1)));
        list.start_over();
        assert_eq!(
            list.next_to_try(S),
            Some(at(1)),
            "both observed, smaller address first"
        );
    }

    #[test]
    fn hearsay_expires_and_experience_does_not() {
        let mut list = Candidates::default();
        list.add(S, at(1), Source::Beacon);
        list.add(S, at(2), Source::Told);
        list.worked(S, at(3));
        assert!(
            !list.add(S * 500, at(1), Source::Beacon),
            "refreshed, not new"
        );
        assert_eq!(list.next_to_try(S * 700), Some(at(3)));
        assert_eq!(list.ordered(), [at(1), at(3)]);
        list.next_to_try(S * 2_000);
        assert_eq!(list.ordered(), [at(3)]);
    }

    #[test]
    fn invented_addresses_cannot_push_out_one_that_works() {
        let mut list = Candidates::default();
        list.worked(S, at(1));
        for n in 2..100 {
            list.add(S * u32::from(n), at(n), Source::Told);
        }
        assert_eq!(list.len(), CANDIDATES_MAX);
        assert_eq!(list.ordered().first(), Some(&at(1)));
    }

    #[test]
    fn nobody_sends_to_nowhere() {
        let mut list = Candidates::default();
        for text in ["0.0.0.0:1", "224.0.0.1:1", "192.0.2.1:0", "[ff02::1]:1"] {
            assert!(!list.add(S, text.parse().unwrap(), Source::Told), "{text}");
        }
        assert_eq!(list.next_to_try(S), None);
    }

    proptest! {
        #[test]
        fn never_more_than_the_maximum(ops in proptest::collection::vec((0u16..40, 0u8..6), 0..200)) {
            let mut list = Candidates::default();
            for (step, (n, op)) in ops.into_iter().enumerate() {
                let now = S * step as u32;
                match op {
                    0 => list.worked(now, at(n)),
                    1 => drop(list.next_to_try(now)),
                    2 => drop(list.add(now, at(n), Source::Beacon)),
                    3 => drop(list.add(now, at(n), Source::Invite)),
                    _ => drop(list.add(now, at(n), Source::Told)),
                }
                prop_assert!(list.len() <= CANDIDATES_MAX);
            }
        }
    }
}
