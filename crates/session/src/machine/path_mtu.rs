//! The largest datagram that passes to the peer, found by probes in the session (after
//! RFC 8899). It never relies on ICMP.
//!
//! A search runs after each handshake and each move: first the size in use is confirmed, then
//! larger ones are tried, three probes each, one second apart. A size that is not confirmed
//! falls back to the base, and a search starts from there.
//!
//! A path may shrink in between (RFC 8899, 4.3). So the size in use is confirmed again while
//! datagrams larger than the base are sent, at most every 15 s: the packet that finds the last
//! time that long ago asks for it. Otherwise there are no timers between searches.
//!
//! | size | fits |
//! |---|---|
//! | 1,232 | the smallest IPv6 link (1,280) |
//! | 1,372 – 1,452 | Ethernet behind tunnels, PPPoE, IPv6 on Ethernet |
//! | 1,472 | IPv4 on Ethernet |
//! | 8,952 | jumbo frames |

use crate::constants::DATAGRAM_BASE;
use std::time::Duration;

const BASE: usize = DATAGRAM_BASE;
const LARGER: [usize; 5] = [1_372, 1_420, 1_452, 1_472, 8_952];
const TRIES_MAX: u32 = 3;
const TRY: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct PathMtu {
    datagram_max: usize,
    search: Option<Search>,
    next_id: u32,
}

#[derive(Debug)]
struct Search {
    size: usize,
    id: u32,
    tries: u32,
    /// When the next probe of this size goes, or the size is given up.
    next_at: Duration,
    /// Whether larger sizes are tried after this one.
    goes_on: bool,
}

impl PathMtu {
    pub(super) fn new() -> Self {
        Self {
            datagram_max: BASE,
            search: None,
            next_id: 1,
        }
    }

    pub(super) fn datagram_max(&self) -> usize {
        self.datagram_max
    }

    /// Back to what passes everywhere.
    pub(super) fn reset(&mut self) {
        self.datagram_max = BASE;
        self.search = None;
    }

    /// Starts a search: confirms the size in use, then tries larger ones.
    pub(super) fn start(&mut self, now: Duration) {
        let size = if self.datagram_max > BASE {
            Some(self.datagram_max)
        } else {
            larger_than(BASE)
        };
        self.try_size(now, size);
    }

    /// Confirms the size in use, and tries no larger one unless it has to fall back.
    pub(super) fn confirm(&mut self, now: Duration) {
        if self.search.is_none() && self.datagram_max > BASE {
            self.try_size(now, Some(self.datagram_max));
            if let Some(search) = &mut self.search {
                search.goes_on = false;
            }
        }
    }

    /// The probe to send now: its id and the size of its datagram.
    pub(super) fn poll(&mut self, now: Duration) -> Option<(u32, usize)> {
        let search = self.search.as_mut()?;
        if search.next_at > now || search.tries >= TRIES_MAX {
            return None;
        }
        search.tries += 1;
        search.next_at = now.saturating_add(TRY);
        Some((search.id, search.size))
    }

    /// Takes an answer; the new size, if it changes.
    pub(super) fn answered(&mut self, now: Duration, id: u32, size: usize) -> Option<usize> {
        let search = self.search.as_ref()?;
        if search.id != id || search.size != size || search.tries == 0 {
            return None;
        }
        let next = larger_than(size).filter(|_| search.goes_on);
        self.try_size(now, next);
        let changed = self.datagram_max != size;
        self.datagram_max = size;
        changed.then_some(size)
    }

    /// Gives up a size after three probes; the new size, if it changes.
    pub(super) fn handle_timeout(&mut self, now: Duration) -> Option<usize> {
        let search = self.search.as_ref()?;
        if search.tries < TRIES_MAX || search.next_at > now {
            return None;
        }
        if search.size > self.datagram_max {
            self.search = None;
            return None;
        }
        // The size in use passes no more.
        self.datagram_max = BASE;
        self.try_size(now, larger_than(BASE));
        Some(BASE)
    }

    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        self.search.as_ref().map(|search| search.next_at)
    }

    fn try_size(&mut self, now: Duration, size: Option<usize>) {
        self.search = size.map(|size| {
            let id = self.next_id;
            self.next_id = id.wrapping_add(1);
            Search {
                size,
                id,
                tries: 0,
                next_at: now,
                goes_on: true,
            }
        });
    }
}

fn larger_than(size: usize) -> Option<usize> {
    LARGER.into_iter().find(|larger| *larger > size)
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
            (1232, 1232),
            (1300, 1232),
            (1452, 1452),
            (1471, 1452),
            (1472, 1472),
            (65_000, 8952),
        ] {
            let (mut mtu, mut now) = (PathMtu::new(), Duration::ZERO);
            assert!(search(&mut mtu, &mut now, path) <= LARGER.len() + 3);
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
        assert_eq!(mtu.poll(now).map(|(_, size)| size), Some(1372));
    }

    #[test]
    fn an_answer_counts_once_and_only_with_its_size() {
        let mut mtu = PathMtu::new();
        mtu.start(Duration::ZERO);
        let (id, size) = mtu.poll(Duration::ZERO).unwrap();
        assert_eq!(mtu.answered(Duration::ZERO, id, 8952), None);
        assert_eq!(mtu.answered(Duration::ZERO, id + 1, size), None);
        assert_eq!(mtu.answered(Duration::ZERO, id, size), Some(1372));
        assert_eq!(mtu.answered(Duration::ZERO, id, size), None);
    }
}
