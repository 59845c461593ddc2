//! TCP between hosts, as far as a node can tell: a pair of ends, datagrams in order, and faults.
//!
//! What it does: keeps the ends of every stream, says what arrives where and when, and what a
//! fault does. What it does not: time (the caller schedules), bytes and lengths (a stream
//! carries whole datagrams, as the runtime hands them over).
//!
//! | fault | what the two ends see |
//! |---|---|
//! | refused, or nobody there | the dialler: failed |
//! | broken | both: down, soon |
//! | stalled, or the way is cut | nothing; what was sent arrives late, unless that takes [`UNANSWERED`] |
//! | dead (the other end's machine, address or NAT is gone) | nothing, until something was sent [`UNANSWERED`] ago |
//!
//! Limits: [`INBOX_MAX`] datagrams wait at one end.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use node::StreamEvent;
use wire::StreamId;

use crate::net::Net;
use crate::rng::Dice;

/// Datagrams that wait at one end; what comes later is dropped, as a queue that is full does.
pub const INBOX_MAX: usize = 64;
/// Sent and not acknowledged for this long, a stream ends.
pub const UNANSWERED: Duration = Duration::from_secs(10);
/// Nobody answered a connection attempt.
const DIAL_LIMIT: Duration = Duration::from_millis(4_500);
/// A stream that nobody vouched for is closed.
const KEEP_LIMIT: Duration = Duration::from_secs(10);
/// How often a way that does not pass is tried.
const AGAIN: Duration = Duration::from_millis(500);

/// One end of a stream: at which host, under which number.
pub type EndId = (usize, StreamId);

/// What happens later at an end of a stream.
#[derive(Clone, Debug)]
pub enum Step {
    /// The node is told.
    Tell(usize, StreamEvent),
    /// What has arrived by now is handed over.
    Pump(EndId),
    /// The end goes unless somebody vouched for it.
    Vouch(EndId),
    /// The end goes: nobody answered.
    Expire(EndId),
}

/// How often each thing happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamCounts {
    /// Streams that came to be.
    pub opened: u64,
    /// Attempts that failed.
    pub refused: u64,
    /// Streams that broke.
    pub broken: u64,
    /// Streams that stalled.
    pub stalled: u64,
    /// Streams that died without a word.
    pub dead: u64,
    /// Datagrams handed over.
    pub datagrams: u64,
    /// Datagrams dropped because too many waited.
    pub late: u64,
}

#[derive(Debug)]
struct End {
    other: EndId,
    /// What waits here: when it arrives, when it was sent, what.
    inbox: VecDeque<(Duration, Duration, Vec<u8>)>,
    /// Nothing arrives here before.
    open_at: Duration,
    stalled_until: Duration,
    /// What is sent from here goes nowhere.
    dead: bool,
    expiring: bool,
    kept: bool,
}

/// Every stream of a world.
#[derive(Debug, Default)]
pub struct Streams {
    ends: BTreeMap<EndId, End>,
    next: u64,
    /// Chance (per mille) that an attempt is refused.
    pub refuse: u32,
    /// What happened so far.
    pub counts: StreamCounts,
}

impl Streams {
    /// A host dials; `listens` says whether a host takes streams. What follows, and when.
    pub fn dial(
        &mut self,
        now: Duration,
        (net, dice): (&mut Net, &mut Dice),
        (host, at): (usize, SocketAddr),
        listens: impl Fn(usize) -> bool,
    ) -> Vec<(Duration, Step)> {
        let mut fails = |after: Duration| {
            self.counts.refused += 1;
            vec![(now + after, Step::Tell(host, StreamEvent::Failed { at }))]
        };
        let Some((target, seen_from)) = net.connect(now, host, at) else {
            return fails(DIAL_LIMIT);
        };
        if net.is_cut(host, target) {
            return fails(DIAL_LIMIT);
        }
        let delay = one_way(net, dice);
        if !listens(target) || dice.chance(self.refuse) {
            return fails(2 * delay);
        }
        self.counts.opened += 1;
        let (own, other) = (StreamId::new(self.next), StreamId::new(self.next + 1));
        self.next += 2;
        let (there, here) = (now + delay, now + 2 * delay);
        self.ends
            .insert((host, own), End::new((target, other), here));
        self.ends
            .insert((target, other), End::new((host, own), there));
        let up = |id, at, dialled| StreamEvent::Up { id, at, dialled };
        vec![
            (there, Step::Tell(target, up(other, seen_from, false))),
            (here, Step::Tell(host, up(own, at, true))),
            (there + KEEP_LIMIT, Step::Vouch((target, other))),
        ]
    }

    /// A host sends a datagram. Whether there is such a stream, and what follows.
    pub fn send(
        &mut self,
        now: Duration,
        (net, dice): (&Net, &mut Dice),
        from: EndId,
        bytes: &[u8],
    ) -> Vec<(Duration, Step)> {
        let Some(end) = self.ends.get_mut(&from) else {
            return Vec::new();
        };
        if end.dead {
            let first = !std::mem::replace(&mut end.expiring, true);
            let expires = (now + UNANSWERED, Step::Expire(from));
            return first.then_some(expires).into_iter().collect();
        }
        let to = end.other;
        let Some(end) = self.ends.get_mut(&to) else {
            return Vec::new();
        };
        if end.inbox.len() >= INBOX_MAX {
            self.counts.late += 1;
            return Vec::new();
        }
        let mut after = one_way(net, dice);
        // A segment that is lost is sent again, and everything behind it waits.
        if dice.chance(net.weather.loss) {
            after += Duration::from_millis(200);
        }
        let last = end.inbox.back().map_or(end.open_at, |(at, ..)| *at);
        let at = (now + after).max(last);
        end.inbox.push_back((at, now, bytes.to_vec()));
        vec![(at, Step::Pump(to))]
    }

    /// What arrives at an end now, and what follows.
    pub fn pump(
        &mut self,
        now: Duration,
        net: &Net,
        at: EndId,
    ) -> (Vec<Vec<u8>>, Vec<(Duration, Step)>) {
        let Some(end) = self.ends.get_mut(&at) else {
            return (Vec::new(), Vec::new());
        };
        if end.dead {
            end.inbox.clear();
            return (Vec::new(), Vec::new());
        }
        if end.stalled_until > now || net.is_cut(at.0, end.other.0) {
            let oldest = end.inbox.front().map_or(now, |(_, sent, _)| *sent);
            if now.saturating_sub(oldest) >= UNANSWERED {
                return (Vec::new(), self.break_off(now, at));
            }
            // One of those that wait asks again for all of them.
            let first = end.inbox.front().is_some_and(|(due, ..)| *due <= now);
            let again = (now + AGAIN, Step::Pump(at));
            return (Vec::new(), first.then_some(again).into_iter().collect());
        }
        let mut arrived = Vec::new();
        while end.inbox.front().is_some_and(|(due, ..)| *due <= now) {
            arrived.extend(end.inbox.pop_front().map(|(.., bytes)| bytes));
        }
        self.counts.datagrams += arrived.len() as u64;
        (arrived, Vec::new())
    }

    /// Both ends go, and their nodes are told.
    pub fn break_off(&mut self, now: Duration, at: EndId) -> Vec<(Duration, Step)> {
        let Some(end) = self.ends.remove(&at) else {
            return Vec::new();
        };
        let down = |(host, id)| Step::Tell(host, StreamEvent::Down { id });
        let mut told = vec![(now, down(at))];
        let soon = now + Duration::from_millis(20);
        // An end that has died is of a stream whose other end knows nothing.
        if !end.dead && self.ends.remove(&end.other).is_some() {
            told.push((soon, down(end.other)));
        }
        told
    }

    /// Somebody vouched for a stream.
    pub fn keep(&mut self, at: EndId) {
        if let Some(end) = self.ends.get_mut(&at) {
            end.kept = true;
        }
    }

    /// Whether an end was never vouched for.
    pub fn is_stranger(&self, at: EndId) -> bool {
        self.ends.get(&at).is_some_and(|end| !end.kept)
    }

    /// Where a stream leads.
    pub fn other(&self, at: EndId) -> Option<usize> {
        self.ends.get(&at).map(|end| end.other.0)
    }

    /// A machine has stopped: its ends are gone. Some of the others are told, some are not.
    pub fn stop(&mut self, now: Duration, dice: &mut Dice, host: usize) -> Vec<(Duration, Step)> {
        let mut told = Vec::new();
        for at in self.ends_of(host) {
            let silent = dice.chance(500);
            if let Some(end) = self.ends.remove(&at)
                && let Some(other) = self.ends.get_mut(&end.other).filter(|_| !end.dead)
            {
                if silent {
                    self.counts.dead += 1;
                    other.dead = true;
                } else {
                    told.extend(self.break_off(now, end.other));
                }
            }
        }
        told
    }

    /// A machine has another address, or its NAT forgot it: both ends of its streams are dead,
    /// and nobody is told. Streams within the site stay if `away` says so.
    pub fn lose(&mut self, host: usize, away: impl Fn(usize) -> bool) {
        for at in self.ends_of(host) {
            let Some(other) = self.ends.get(&at).map(|end| end.other) else {
                continue;
            };
            if !away(other.0) {
                continue;
            }
            self.counts.dead += 1;
            for at in [at, other] {
                if let Some(end) = self.ends.get_mut(&at) {
                    end.dead = true;
                }
            }
        }
    }

    /// One of all streams, by the dice.
    pub fn any(&self, dice: &mut Dice) -> Option<EndId> {
        let n = dice.below(self.ends.len());
        self.ends.keys().nth(n).copied()
    }

    /// A fault: a stream breaks.
    pub fn fault_break(&mut self, now: Duration, at: EndId) -> Vec<(Duration, Step)> {
        self.counts.broken += 1;
        self.break_off(now, at)
    }

    /// A fault: nothing passes in one direction until `until`.
    pub fn fault_stall(&mut self, at: EndId, until: Duration) {
        if let Some(end) = self.ends.get_mut(&at) {
            self.counts.stalled += 1;
            end.stalled_until = until;
        }
    }

    /// Everything that stands flows again.
    pub fn mend(&mut self) {
        self.refuse = 0;
        for end in self.ends.values_mut() {
            end.stalled_until = Duration::ZERO;
        }
    }

    /// Ends of streams at a host.
    pub fn len_of(&self, host: usize) -> usize {
        self.ends_of(host).len()
    }

    fn ends_of(&self, host: usize) -> Vec<EndId> {
        let range = (host, StreamId::new(0))..=(host, StreamId::new(u64::MAX));
        self.ends.range(range).map(|(at, _)| *at).collect()
    }
}

impl End {
    fn new(other: EndId, open_at: Duration) -> Self {
        Self {
            other,
            inbox: VecDeque::new(),
            open_at,
            stalled_until: Duration::ZERO,
            dead: false,
            expiring: false,
            kept: false,
        }
    }
}

fn one_way(net: &Net, dice: &mut Dice) -> Duration {
    let w = net.weather;
    let us = |d: Duration| d.as_micros() as u64;
    Duration::from_micros(dice.range(us(w.delay_min), us(w.delay_max)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::NatKind;

    struct Pair {
        net: Net,
        dice: Dice,
        streams: Streams,
        near: EndId,
        far: EndId,
    }

    const S: Duration = Duration::from_secs(1);

    /// A host behind a NAT with a stream to a public one.
    fn pair() -> Pair {
        let mut net = Net::new(&[NatKind::Symmetric, NatKind::Open]);
        let (host, server) = (net.add_host(0), net.add_host(1));
        let (mut dice, mut streams) = (Dice::new(1), Streams::default());
        let at = net.addr(server);
        let steps = streams.dial(S, (&mut net, &mut dice), (host, at), |_| true);
        assert_eq!(steps.len(), 3);
        let far = streams.ends_of(server)[0];
        let near = streams.ends_of(host)[0];
        Pair {
            net,
            dice,
            streams,
            near,
            far,
        }
    }

    impl Pair {
        fn send(&mut self, now: Duration, byte: u8) -> Vec<(Duration, Step)> {
            let via = (&self.net, &mut self.dice);
            self.streams.send(now, via, self.near, &[byte])
        }

        fn pump(&mut self, now: Duration) -> (Vec<Vec<u8>>, Vec<(Duration, Step)>) {
            self.streams.pump(now, &self.net, self.far)
        }
    }

    #[test]
    fn datagrams_arrive_in_order_and_a_stall_only_delays_them() {
        let mut pair = pair();
        pair.streams.fault_stall(pair.far, 4 * S);
        pair.send(2 * S, 1);
        pair.send(2 * S, 2);
        let (arrived, steps) = pair.pump(3 * S);
        assert!(arrived.is_empty() && matches!(steps[..], [(_, Step::Pump(_))]));
        assert_eq!(pair.pump(5 * S).0, [vec![1], vec![2]]);
    }

    #[test]
    fn a_cut_that_lasts_breaks_it_at_both_ends() {
        let mut pair = pair();
        pair.net.set_cut(1, 0, true);
        pair.send(2 * S, 1);
        assert_eq!(pair.pump(3 * S).1.len(), 1);
        let told = pair.pump(2 * S + UNANSWERED).1;
        assert_eq!(told.len(), 2);
        assert!(pair.streams.other(pair.near).is_none());
    }

    #[test]
    fn a_dead_one_says_so_only_to_who_sends() {
        let mut pair = pair();
        pair.streams.lose(pair.near.0, |_| true);
        let steps = pair.send(2 * S, 1);
        assert!(matches!(steps[..], [(at, Step::Expire(_))] if at == 2 * S + UNANSWERED));
        assert!(pair.send(3 * S, 2).is_empty());
        assert_eq!(pair.streams.break_off(12 * S, pair.near).len(), 1);
        assert!(pair.streams.other(pair.far).is_some());
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut pair = pair();
        for n in 0..100 {
            pair.send(2 * S, n);
        }
        assert_eq!(pair.streams.counts.late, 100 - INBOX_MAX as u64);
    }

    #[test]
    fn nobody_there_is_a_failure() {
        let mut pair = pair();
        let nowhere = SocketAddr::from(([198, 51, 1, 99], 1));
        for (at, listens) in [(nowhere, true), (pair.net.addr(pair.far.0), false)] {
            let via = (&mut pair.net, &mut pair.dice);
            let host = pair.near.0;
            let steps = pair.streams.dial(S, via, (host, at), |_| listens);
            assert!(matches!(
                steps[..],
                [(_, Step::Tell(_, StreamEvent::Failed { .. }))]
            ));
        }
    }
}
