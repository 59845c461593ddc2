//! Two streams talk over a link that loses, duplicates and reorders.

use super::*;
use crate::constants::{STREAM_MESSAGE_MAX, STREAM_QUEUE_MAX, STREAM_STALLED, STREAM_WINDOW};
use proptest::prelude::*;
use std::collections::BTreeMap;

struct Lcg(u64);

impl Lcg {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (self.0 >> 33) % n
    }
}

/// Two ends and what is on the way between them, by time of arrival.
struct Link {
    ends: [ControlStream; 2],
    on_the_way: BTreeMap<(Duration, u64), (usize, Segment)>,
    now: Duration,
    sent: u64,
    loss_percent: u64,
    duplicate_percent: u64,
    rng: Lcg,
    got: [Vec<Message>; 2],
}

impl Link {
    fn new(seed: u64, offset: u32, loss_percent: u64, duplicate_percent: u64) -> Self {
        Self {
            ends: [
                ControlStream::starting_at(offset),
                ControlStream::starting_at(offset),
            ],
            on_the_way: BTreeMap::new(),
            now: Duration::from_secs(1),
            sent: 0,
            loss_percent,
            duplicate_percent,
            rng: Lcg(seed),
            got: [Vec::new(), Vec::new()],
        }
    }

    fn flush(&mut self) {
        for from in 0..2 {
            while let Some(segment) = self.ends[from].poll_segment(self.now, 1154) {
                let copies = 1 + u64::from(self.rng.below(100) < self.duplicate_percent);
                for _ in 0..copies {
                    if self.rng.below(100) < self.loss_percent {
                        continue;
                    }
                    self.sent += 1;
                    let at = self.now + Duration::from_millis(10 + self.rng.below(40));
                    self.on_the_way
                        .insert((at, self.sent), (1 - from, segment.clone()));
                }
            }
        }
    }

    /// One event; false when nothing is left to happen.
    fn step(&mut self) -> Result<bool, StreamError> {
        self.flush();
        let arrival = self.on_the_way.first_key_value().map(|(key, _)| key.0);
        let timer = self
            .ends
            .iter()
            .filter_map(ControlStream::poll_timeout)
            .min();
        let Some(next) = arrival.into_iter().chain(timer).min() else {
            return Ok(false);
        };
        self.now = self.now.max(next);
        while self
            .on_the_way
            .first_key_value()
            .is_some_and(|(key, _)| key.0 <= self.now)
        {
            let (_, (to, s)) = self.on_the_way.pop_first().unwrap();
            self.ends[to].handle_segment(self.now, s.offset, s.acknowledged, s.window, &s.bytes)?;
            while let Some(message) = self.ends[to].poll_message()? {
                self.got[to].push(message);
            }
        }
        for end in &mut self.ends {
            end.handle_timeout(self.now)?;
        }
        Ok(true)
    }

    fn run(&mut self) -> Result<(), StreamError> {
        for _ in 0..1_000_000 {
            if !self.step()? {
                return Ok(());
            }
        }
        panic!("the link never became quiet");
    }
}

fn message(n: u64, len: usize) -> Message {
    Message {
        kind: n as u16,
        value: (0..len).map(|i| (i as u64 * 31 + n) as u8).collect(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn everything_arrives_once_and_in_order(
        seed in any::<u64>(),
        offset in prop_oneof![Just(0_u32), any::<u32>(), (u32::MAX - 60_000)..u32::MAX],
        loss in 0_u64..31,
        duplicates in 0_u64..20,
        lens in prop::collection::vec(prop_oneof![0_usize..100, 0_usize..=STREAM_MESSAGE_MAX], 1..14),
    ) {
        let mut link = Link::new(seed, offset, loss, duplicates);
        let messages: Vec<_> = lens.iter().enumerate().map(|(n, len)| message(n as u64, *len)).collect();
        for (n, m) in messages.iter().enumerate() {
            let now = link.now;
            link.ends[0].send(now, m.kind, &m.value).unwrap();
            if n % 2 == 0 {
                link.ends[1].send(now, m.kind, &m.value).unwrap();
            }
        }
        prop_assert_eq!(link.run(), Ok(()));
        prop_assert_eq!(&link.got[1], &messages);
        let every_other: Vec<_> = messages.iter().step_by(2).cloned().collect();
        prop_assert_eq!(&link.got[0], &every_other);
        prop_assert_eq!(link.ends[0].queued_len(), 0);
    }
}

#[test]
fn a_megabyte_passes_at_30_percent_loss() {
    let mut link = Link::new(4, u32::MAX - 1000, 30, 5);
    let messages: Vec<_> = (0..64).map(|n| message(n, STREAM_MESSAGE_MAX)).collect();
    let mut waiting = messages.iter().peekable();
    loop {
        while let Some(m) = waiting.peek() {
            let now = link.now;
            match link.ends[0].send(now, m.kind, &m.value) {
                Ok(()) => waiting.next(),
                Err(SendMessageError::Full) => break,
                Err(other) => panic!("{other}"),
            };
        }
        assert!(link.ends[0].queued_len() <= STREAM_QUEUE_MAX);
        if !link.step().unwrap() && waiting.peek().is_none() {
            break;
        }
    }
    assert_eq!(link.got[1], messages);
    assert!(link.now < Duration::from_secs(600), "took {:?}", link.now);
}

#[test]
fn a_dead_link_is_reported_after_60_s() {
    let mut link = Link::new(1, 0, 100, 0);
    link.ends[0].send(link.now, 1, b"x").unwrap();
    let started = link.now;
    assert_eq!(link.run(), Err(StreamError::Stalled));
    assert_eq!(link.now - started, STREAM_STALLED);
}

#[test]
fn a_closed_window_is_probed_until_it_opens() {
    let mut stream = ControlStream::new();
    let t = Duration::from_secs;
    stream.handle_segment(t(1), 0, 0, 0, b"").unwrap();
    stream.send(t(1), 7, &[1; 100]).unwrap();
    let probe = stream.poll_segment(t(1), 1154).unwrap();
    assert_eq!((probe.offset, probe.bytes.len()), (0, 1));
    assert_eq!(stream.poll_segment(t(1), 1154), None);
    stream.handle_timeout(t(2)).unwrap();
    assert_eq!(stream.poll_segment(t(2), 1154).unwrap().bytes.len(), 1);
    stream.handle_segment(t(3), 0, 1, 50, b"").unwrap();
    assert_eq!(stream.poll_segment(t(3), 1154).unwrap().bytes.len(), 50);
}

#[test]
fn what_the_peer_may_not_do() {
    let mut stream = ControlStream::new();
    let t = Duration::from_secs(1);
    assert_eq!(
        stream.handle_segment(t, 0, 1, 100, b""),
        Err(StreamError::Acknowledged)
    );
    // Bytes beyond the window are dropped.
    let far = STREAM_WINDOW;
    stream.handle_segment(t, far, 0, 100, b"x").unwrap();
    assert_eq!(stream.state()[3], 0);
    stream.handle_segment(t, far - 1, 0, 100, b"x").unwrap();
    assert_eq!(stream.state()[3], 1);
    stream
        .handle_segment(t, 0, 0, 100, &[0, 1, 0, 0, 0x40, 1])
        .unwrap();
    assert_eq!(stream.poll_message(), Err(StreamError::TooLong));
}

#[test]
fn bytes_held_are_bounded_whatever_overlaps() {
    let mut stream = ControlStream::new();
    let body = vec![0; 1400];
    for offset in 1..60_000 {
        stream
            .handle_segment(Duration::ZERO, offset, 0, 100, &body)
            .unwrap();
        assert!(stream.state()[3] <= 2 * u64::from(STREAM_WINDOW));
    }
}

#[test]
fn what_is_refused_is_not_queued() {
    let mut stream = ControlStream::new();
    let t = Duration::ZERO;
    let long = vec![0; STREAM_MESSAGE_MAX + 1];
    assert_eq!(stream.send(t, 1, &long), Err(SendMessageError::TooLong));
    let mut queued = 0;
    while stream.send(t, 1, &long[1..]).is_ok() {
        queued += 1;
    }
    assert_eq!(queued, STREAM_QUEUE_MAX / (STREAM_MESSAGE_MAX + 6));
    assert_eq!(stream.send(t, 1, &long[1..]), Err(SendMessageError::Full));
    assert_eq!(stream.queued_len(), queued * (STREAM_MESSAGE_MAX + 6));
}
