//! The largest datagram that passes to the peer, found by probes in the session (after
//! RFC 8899). It never relies on ICMP.
//!
//! A search runs after each handshake and each move. It sends the size in use, which it has
//! to confirm, and every larger one of the table at once, up to three times, one second
//! apart; each answer counts by itself, so that one lost probe costs nothing. Jumbo frames
//! are tried once Ethernet is confirmed. A size in use that is not confirmed falls back to
//! the base, and a search starts from there. A packet that has to go in pieces starts another
//! search, 10 s after the last one ended.
//!
//! On a new path the base itself is probed, and beside it the smallest size of the table. When
//! that is answered and the base is not, 250 ms later, the smallest is used: some IPv4 paths
//! carry no more, and nothing says so.
//!
//! A path may shrink in between (RFC 8899, 4.3). So the size in use is confirmed again while
//! datagrams larger than the base are sent, at most every 15 s: the packet that finds the last
//! time that long ago asks for it. Otherwise there are no timers between searches.
//!
//! | size | fits |
//! |---|---|
//! | 548 | the smallest IPv4 link (576) |
//! | 1,232 | the smallest IPv6 link (1,280): the base |
//! | 1,372 – 1,452 | Ethernet behind tunnels, PPPoE, IPv6 on Ethernet |
//! | 1,472 | IPv4 on Ethernet |
//! | 8,952 | jumbo frames |
//!
//! Sizes are those of the UDP payload. What a channel's header takes is subtracted on the way
//! out, so both its hops carry a size of the table.

use crate::constants::{DATAGRAM_BASE, DATAGRAM_SMALL};
use std::time::Duration;

const SMALL: usize = DATAGRAM_SMALL;
const BASE: usize = DATAGRAM_BASE;
const SIZES: [usize; 7] = [SMALL, BASE, 1_372, 1_420, 1_452, ETHERNET_MAX, 8_952];
const ETHERNET_MAX: usize = 1_472;
const TRIES_MAX: u32 = 3;
const TRY: Duration = Duration::from_secs(1);
/// How much later than the smallest size the base may be answered.
const SMALL_GRACE: Duration = Duration::from_millis(250);
/// What packets in pieces wait for before they start another search.
const AGAIN: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct PathMtu {
    /// What the path takes of each payload.
    overhead: usize,
    /// The payload in use.
    payload_max: usize,
    /// The base has been answered on this path.
    base_passes: bool,
    search: Option<Search>,
    ended: Option<Duration>,
    next_id: u32,
}

#[derive(Debug)]
struct Search {
    id: u32,
    /// The size in use has been answered, or needs no answer.
    confirmed: bool,
    tries: u32,
    /// When the next probes go, or the search ends.
    next_at: Duration,
    /// When the base is given up for the smallest size.
    fall_at: Option<Duration>,
    /// What is still to send of the probes that go now.
    unsent: Option<usize>,
    sent_max: usize,
    /// Whether larger sizes are tried, too.
    goes_on: bool,
}

impl PathMtu {
    pub(super) fn new() -> Self {
        Self {
            overhead: 0,
            payload_max: BASE,
            base_passes: false,
            search: None,
            ended: None,
            next_id: 1,
        }
    }

    pub(super) fn datagram_max(&self) -> usize {
        self.payload_max - self.overhead
    }

    /// Back to what passes nearly everywhere.
    pub(super) fn reset(&mut self) {
        self.payload_max = BASE;
        self.base_passes = false;
        self.search = None;
        self.ended = None;
    }

    /// The session uses another path: what passes there is found anew.
    pub(super) fn moved(&mut self, now: Duration, overhead: usize) {
        self.reset();
        self.overhead = overhead;
        self.start(now);
    }

    /// Starts a search: confirms the size in use, and tries larger ones.
    pub(super) fn start(&mut self, now: Duration) {
        let id = self.next_id;
        self.next_id = id.wrapping_add(1);
        self.search = Some(Search {
            id,
            confirmed: self.payload_max <= SMALL || (self.payload_max == BASE && self.base_passes),
            tries: 0,
            next_at: now,
            fall_at: None,
            unsent: None,
            sent_max: 0,
            goes_on: true,
        });
    }

    /// Confirms the size in use, and tries no larger one unless it has to fall back.
    pub(super) fn confirm(&mut self, now: Duration) {
        if self.search.is_none() && self.payload_max > BASE {
            self.start(now);
            if let Some(search) = &mut self.search {
                search.goes_on = false;
            }
        }
    }

    /// A packet goes in pieces: perhaps the last search only lost its probes.
    pub(super) fn want_larger(&mut self, now: Duration) {
        let ended = self.ended.filter(|_| self.search.is_none());
        let due = ended.is_some_and(|at| at.saturating_add(AGAIN) <= now);
        if due && self.payload_max < ETHERNET_MAX {
            self.start(now);
        }
    }

    /// The next probe to send now: its id and the size of its datagram. Call it until there
    /// is none.
    pub(super) fn poll(&mut self, now: Duration) -> Option<(u32, usize)> {
        let (payload_max, base_passes) = (self.payload_max, self.base_passes);
        let search = self.search.as_mut()?;
        if search.unsent.is_none() && search.next_at <= now && search.tries < TRIES_MAX {
            search.tries += 1;
            search.next_at = now.saturating_add(TRY);
            search.unsent = if !base_passes && payload_max <= BASE {
                Some(SMALL)
            } else if search.confirmed {
                larger_than(payload_max)
            } else {
                Some(payload_max)
            };
        }
        let size = search.unsent?;
        let jumbo = payload_max >= ETHERNET_MAX;
        search.unsent =
            larger_than(size).filter(|larger| search.goes_on && (jumbo || *larger <= ETHERNET_MAX));
        search.sent_max = search.sent_max.max(size);
        Some((search.id, size - self.overhead))
    }

    /// Takes an answer; the new size, if it changes.
    pub(super) fn answered(&mut self, now: Duration, id: u32, size: usize) -> Option<usize> {
        let size = size.saturating_add(self.overhead);
        let search = self.search.as_mut()?;
        if search.id != id || size > search.sent_max || !SIZES.contains(&size) {
            return None;
        }
        if size < BASE {
            if !self.base_passes && self.payload_max > SMALL {
                let fall_at = now.saturating_add(SMALL_GRACE);
                search.fall_at.get_or_insert(fall_at);
            }
            return None;
        }
        self.base_passes = true;
        search.fall_at = None;
        if size < self.payload_max || (search.confirmed && size == self.payload_max) {
            return None;
        }
        search.confirmed = true;
        if size == ETHERNET_MAX {
            // Jumbo frames are next, and have their own tries.
            (search.tries, search.next_at) = (0, now);
        }
        let over = !search.goes_on || larger_than(size).is_none();
        let changed = self.payload_max != size;
        self.payload_max = size;
        if over {
            self.end(now);
        }
        changed.then_some(self.datagram_max())
    }

    /// Falls to the smallest size, or ends a search after three tries; the new size, if it
    /// changes.
    pub(super) fn handle_timeout(&mut self, now: Duration) -> Option<usize> {
        let search = self.search.as_mut()?;
        if search.fall_at.take_if(|at| *at <= now).is_some() {
            self.payload_max = SMALL;
            search.confirmed = true;
            return Some(self.datagram_max());
        }
        if search.tries < TRIES_MAX || search.next_at > now {
            return None;
        }
        if search.confirmed || self.payload_max <= BASE {
            self.end(now);
            return None;
        }
        // The size in use passes no more.
        self.payload_max = BASE;
        self.base_passes = false;
        self.start(now);
        Some(self.datagram_max())
    }

    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        let search = self.search.as_ref()?;
        Some(
            search
                .fall_at
                .map_or(search.next_at, |at| at.min(search.next_at)),
        )
    }

    fn end(&mut self, now: Duration) {
        self.search = None;
        self.ended = Some(now);
    }
}

fn larger_than(size: usize) -> Option<usize> {
    SIZES.into_iter().find(|larger| *larger > size)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a search over a path that lets datagrams up to `path` through.
    fn search(mtu: &mut PathMtu, now: &mut Duration, path: usize) -> usize {
        let mut probes = 0;
        mtu.start(*now);
        while mtu.poll_timeout().is_some() {
            while let Some((id, size)) = mtu.poll(*now) {
                probes += 1;
                if size <= path {
                    mtu.answered(*now, id, size);
                }
            }
            if let Some(at) = mtu.poll_timeout() {
                *now = at.max(*now);
                mtu.handle_timeout(*now);
            }
        }
        probes
    }

    #[test]
    fn finds_the_largest_size_of_the_table_that_passes() {
        for (path, found) in [
            (548, 548),
            (600, 548),
            (1232, 1232),
            (1300, 1232),
            (1452, 1452),
            (1471, 1452),
            (1472, 1472),
            (65_000, 8952),
        ] {
            let (mut mtu, mut now) = (PathMtu::new(), Duration::ZERO);
            assert!(search(&mut mtu, &mut now, path) <= 3 * SIZES.len());
            assert_eq!(mtu.datagram_max(), found, "path {path}");
        }
    }

    #[test]
    fn a_path_that_shrinks_is_noticed_at_the_next_search() {
        let (mut mtu, mut now) = (PathMtu::new(), Duration::ZERO);
        search(&mut mtu, &mut now, 8952);
        search(&mut mtu, &mut now, 1400);
        assert_eq!(mtu.datagram_max(), 1372);
        mtu.reset();
        assert_eq!(mtu.datagram_max(), BASE);
    }

    #[test]
    fn confirming_takes_one_probe_or_falls_back() {
        let (mut mtu, mut now) = (PathMtu::new(), Duration::ZERO);
        mtu.confirm(now);
        assert_eq!(mtu.poll(now), None, "the base needs none");
        search(&mut mtu, &mut now, 1452);
        mtu.confirm(now);
        let (id, size) = mtu.poll(now).unwrap();
        mtu.confirm(now);
        assert_eq!(mtu.poll(now), None, "one is under way");
        assert_eq!(mtu.answered(now, id, size), None);
        assert_eq!((mtu.datagram_max(), mtu.poll_timeout()), (1452, None));
        mtu.confirm(now);
        for _ in 0..3 {
            assert!(mtu.poll(now).is_some());
            assert_eq!(mtu.datagram_max(), 1452);
            now += TRY;
            mtu.handle_timeout(now);
        }
        assert_eq!(mtu.datagram_max(), BASE);
        assert_eq!(mtu.poll(now).map(|(_, size)| size), Some(SMALL));
    }

    #[test]
    fn an_answer_counts_once_and_only_with_its_size() {
        let mut mtu = PathMtu::new();
        mtu.start(Duration::ZERO);
        let sent: Vec<_> = std::iter::from_fn(|| mtu.poll(Duration::ZERO))
            .take(3)
            .collect();
        let (id, size) = sent[2];
        for (id, size) in [(id, 8952), (id + 1, size), (id, 1400), (id, 1472)] {
            assert_eq!(mtu.answered(Duration::ZERO, id, size), None);
        }
        assert_eq!(mtu.answered(Duration::ZERO, id, size), Some(1372));
        assert_eq!(mtu.answered(Duration::ZERO, id, size), None);
    }

    #[test]
    fn one_answer_of_many_probes_is_enough() {
        let (mut mtu, mut now) = (PathMtu::new(), Duration::ZERO);
        mtu.start(now);
        let mut sent = Vec::new();
        for _ in 0..TRIES_MAX {
            sent.extend(std::iter::from_fn(|| mtu.poll(now)));
            now += TRY;
        }
        let flight = [548, 1232, 1372, 1420, 1452, 1472];
        assert!(sent.iter().map(|(_, size)| *size).eq(flight.repeat(3)));
        assert_eq!(mtu.answered(now, sent[0].0, 1452), Some(1452));
        assert_eq!(
            mtu.answered(now, sent[0].0, 1420),
            None,
            "late, and smaller"
        );
        assert_eq!(mtu.handle_timeout(now), None);
        assert_eq!((mtu.poll_timeout(), mtu.datagram_max()), (None, 1452));
    }

    #[test]
    fn lost_probes_are_sent_again_for_packets_in_pieces_only() {
        let (mut mtu, mut now) = (PathMtu::new(), Duration::ZERO);
        search(&mut mtu, &mut now, 1300);
        assert_eq!((mtu.datagram_max(), mtu.poll_timeout()), (BASE, None));
        mtu.want_larger(now + AGAIN - TRY);
        assert_eq!(mtu.poll_timeout(), None);
        now += AGAIN;
        mtu.want_larger(now);
        assert_eq!(mtu.poll_timeout(), Some(now));
        let (id, _) = mtu.poll(now).unwrap();
        mtu.want_larger(now);
        assert_eq!(mtu.answered(now, id, 1372), Some(1372));
    }

    #[test]
    fn a_path_that_carries_the_smallest_size_only_is_found_in_a_quarter_second() {
        let (mut mtu, now) = (PathMtu::new(), Duration::from_secs(1));
        mtu.start(now);
        let (id, size) = mtu.poll(now).unwrap();
        assert_eq!(mtu.answered(now, id, size), None, "the base may still come");
        let at = mtu.poll_timeout().unwrap();
        assert_eq!((at, mtu.datagram_max()), (now + SMALL_GRACE, BASE));
        assert_eq!(mtu.handle_timeout(at), Some(SMALL));
        // Larger ones go on being tried.
        let id = std::iter::from_fn(|| mtu.poll(at)).last().unwrap().0;
        assert_eq!(mtu.answered(at, id, BASE), Some(BASE));
    }

    #[test]
    fn a_channel_takes_its_header_of_every_size() {
        let (mut mtu, now) = (PathMtu::new(), Duration::ZERO);
        mtu.moved(now, 16);
        assert_eq!(mtu.datagram_max(), 1216);
        let sent: Vec<_> = std::iter::from_fn(|| mtu.poll(now)).collect();
        assert_eq!(sent[1].1, 1216);
        assert_eq!(mtu.answered(now, sent[5].0, sent[5].1), Some(1456));
        mtu.moved(now, 0);
        assert_eq!(mtu.datagram_max(), BASE);
    }
}
