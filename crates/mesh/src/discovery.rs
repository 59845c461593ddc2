//! When a LAN beacon is due, and whom it asks for (docs/protocol/session.md, section 7).
//!
//! | when | beacons |
//! |---|---|
//! | start | three, a second apart |
//! | the host's addresses changed | one (an own start counts) |
//! | another asks for this node | one |
//! | a peer is wanted and cannot be reached | one every 5 s until it is found or given up |
//! | otherwise | none: no timer runs |
//!
//! Never two within [`BEACON_BURST_INTERVAL`], and outside the start never two within
//! [`BEACON_INTERVAL`].

use std::collections::BTreeMap;
use std::time::Duration;

use wire::NodeAddr;

/// Beacons at the start.
pub const BEACON_BURST: u8 = 3;
/// Time between them.
pub const BEACON_BURST_INTERVAL: Duration = Duration::from_secs(1);
/// Least time between any two others.
pub const BEACON_INTERVAL: Duration = Duration::from_secs(5);
/// Most peers that one beacon asks for.
pub const WANTED_IN_BEACON_MAX: usize = 16;
/// Most peers wanted at once; one more is not asked for.
pub const WANTED_MAX: usize = 1_024;

/// The schedule of a node's beacons.
#[derive(Clone, Debug, Default)]
pub struct Discovery {
    burst_left: u8,
    last: Option<Duration>,
    due: Option<Duration>,
    /// Peers wanted, and how often a beacon asked for each.
    wanted: BTreeMap<NodeAddr, u32>,
}

impl Discovery {
    /// The node started: the first beacon is due now.
    pub fn start(&mut self, now: Duration) {
        self.burst_left = BEACON_BURST;
        self.due = Some(now);
    }

    /// The host's addresses changed.
    pub fn addresses_changed(&mut self, now: Duration) {
        self.ask(now);
    }

    /// Somebody asks for this node: a beacon tells it where this is.
    pub fn answer(&mut self, now: Duration) {
        self.ask(now);
    }

    /// The peer cannot be reached; ask for it until [`Self::forget`]. Returns whether there
    /// was room.
    pub fn want(&mut self, now: Duration, peer: NodeAddr) -> bool {
        if self.wanted.len() >= WANTED_MAX && !self.wanted.contains_key(&peer) {
            return false;
        }
        if self.wanted.insert(peer, 0).is_none() {
            self.ask(now);
        }
        true
    }

    /// The peer was found or given up.
    pub fn forget(&mut self, peer: NodeAddr) {
        self.wanted.remove(&peer);
        if self.wanted.is_empty() && self.burst_left == 0 {
            self.due = None;
        }
    }

    /// Whether the peer is being asked for.
    #[must_use]
    pub fn wants(&self, peer: NodeAddr) -> bool {
        self.wanted.contains_key(&peer)
    }

    /// When the next beacon is due.
    #[must_use]
    pub const fn poll_timeout(&self) -> Option<Duration> {
        self.due
    }

    /// If a beacon is due, the peers that it asks for (those asked for least often, at most
    /// [`WANTED_IN_BEACON_MAX`]); the caller sends it now.
    pub fn handle_timeout(&mut self, now: Duration) -> Option<Vec<NodeAddr>> {
        if self.due.is_none_or(|due| due > now) {
            return None;
        }
        self.last = Some(now);
        self.burst_left = self.burst_left.saturating_sub(1);
        self.due = match (self.burst_left, self.wanted.is_empty()) {
            (1.., _) => Some(now + BEACON_BURST_INTERVAL),
            (0, false) => Some(now + BEACON_INTERVAL),
            (0, true) => None,
        };
        let mut ask: Vec<_> = self
            .wanted
            .iter()
            .map(|(peer, asked)| (*asked, *peer))
            .collect();
        ask.sort_unstable();
        ask.truncate(WANTED_IN_BEACON_MAX);
        for (_, peer) in &ask {
            if let Some(asked) = self.wanted.get_mut(peer) {
                *asked = asked.saturating_add(1);
            }
        }
        Some(ask.into_iter().map(|(_, peer)| peer).collect())
    }

    fn ask(&mut self, now: Duration) {
        let at = self
            .last
            .map_or(now, |last| now.max(last + BEACON_INTERVAL));
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    fn f(n: u16) -> NodeAddr {
        let mut bytes = [0xfc; 16];
        bytes[14..].copy_from_slice(&n.to_be_bytes());
        NodeAddr(bytes)
    }

    /// Runs the schedule to `end`; the seconds at which it beaconed.
    fn run(discovery: &mut Discovery, end: Duration) -> Vec<u64> {
        let mut sent = Vec::new();
        while let Some(due) = discovery.poll_timeout().filter(|due| *due <= end) {
            assert!(discovery.handle_timeout(due).is_some());
            assert!(discovery.handle_timeout(due).is_none(), "once");
            sent.push(due.as_secs());
        }
        sent
    }

    #[test]
    fn three_at_the_start_and_then_silence() {
        let mut discovery = Discovery::default();
        discovery.start(S * 10);
        assert_eq!(run(&mut discovery, S * 1_000), [10, 11, 12]);
        assert_eq!(
            discovery.poll_timeout(),
            None,
            "an idle node does not wake up"
        );
    }

    #[test]
    fn every_five_seconds_while_a_peer_is_wanted() {
        let mut discovery = Discovery::default();
        discovery.want(S * 100, f(1));
        assert_eq!(run(&mut discovery, S * 112), [100, 105, 110]);
        discovery.want(S * 112, f(1));
        discovery.forget(f(1));
        assert_eq!(run(&mut discovery, S * 200), [] as [u64; 0]);
        discovery.want(S * 112, f(2));
        assert_eq!(
            run(&mut discovery, S * 116),
            [115],
            "still five seconds apart"
        );
    }

    #[test]
    fn changes_of_address_cannot_be_used_to_shout() {
        let mut discovery = Discovery::default();
        discovery.addresses_changed(S);
        assert_eq!(run(&mut discovery, S), [1]);
        discovery.addresses_changed(S * 2);
        discovery.addresses_changed(S * 3);
        assert_eq!(run(&mut discovery, S * 60), [6]);
    }

    #[test]
    fn beacons_ask_for_everyone_in_turn() {
        let mut discovery = Discovery::default();
        for n in 0..40 {
            assert!(discovery.want(S, f(n)));
        }
        let mut seen = std::collections::BTreeSet::new();
        for step in 0..3 {
            let asked = discovery
                .handle_timeout(S + BEACON_INTERVAL * step)
                .unwrap();
            assert_eq!(asked.len(), WANTED_IN_BEACON_MAX);
            seen.extend(asked);
        }
        assert_eq!(seen.len(), 40);
    }

    #[test]
    fn the_table_of_wanted_peers_is_bounded() {
        let mut discovery = Discovery::default();
        for n in 0..WANTED_MAX as u16 {
            assert!(discovery.want(S, f(n)));
        }
        assert!(!discovery.want(S, f(WANTED_MAX as u16)));
        assert!(discovery.want(S, f(0)));
    }
}
