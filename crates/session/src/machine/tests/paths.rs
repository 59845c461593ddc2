//! Several paths between two ends: trying, standing by, moving, leaving.

use super::pair::{A, B, Pair, is_second, ms, s, second, udp};
use std::time::Duration;
use wire::Path;

const NEAR: Path = Path::Channel(1);
const FAR: Path = Path::Channel(2);

/// Both ends up over the far channel; UDP passes nowhere, the near channel not yet.
fn over_far() -> Pair {
    let mut pair = Pair::new();
    pair.channels.insert(2, ms(40));
    pair.ends[A].call_at = FAR;
    pair.ends[A].session.initiate(pair.now);
    pair.run_for(s(1));
    for end in [A, B] {
        assert_eq!(pair.ends[end].session.endpoint(), Some(FAR));
        pair.ends[end].moves.clear();
    }
    pair
}

fn paths(pair: &Pair) -> [Option<Path>; 2] {
    [A, B].map(|end| pair.ends[end].session.endpoint())
}

fn try_path(pair: &mut Pair, end: usize, path: Path) {
    let now = pair.now;
    pair.ends[end].session.try_path(now, path);
}

/// Both ends send a packet every 10 ms; how many each gets.
fn talk(pair: &mut Pair, span: Duration) -> [usize; 2] {
    let before = [A, B].map(|end| pair.ends[end].packets.len());
    let end = pair.now + span;
    while pair.now < end {
        pair.send(A, b"to B");
        pair.send(B, b"to A");
        pair.run_for(ms(10));
    }
    pair.run_for(ms(200));
    [A, B].map(|end| pair.ends[end].packets.len() - before[end])
}

#[test]
fn a_direct_path_is_taken_and_nothing_is_lost() {
    let mut pair = over_far();
    let (a, b) = (pair.ends[A].address, pair.ends[B].address);
    try_path(&mut pair, A, b);
    assert_eq!(talk(&mut pair, s(1)), [100, 100]);
    assert_eq!(paths(&pair), [Some(b), Some(a)]);
    // What comes late by the channel does not lead back.
    assert_eq!(talk(&mut pair, s(3)), [300, 300]);
    assert_eq!(pair.ends[A].moves.len() + pair.ends[B].moves.len(), 2);
}

#[test]
fn a_direct_path_that_breaks_is_left_for_the_channel_and_nothing_is_lost() {
    let mut pair = over_far();
    let b = pair.ends[B].address;
    try_path(&mut pair, A, b);
    assert_eq!(talk(&mut pair, s(1)), [100, 100]);
    // The end that followed knows the way back as well.
    assert_eq!(pair.ends[B].session.standby(), [FAR]);
    pair.wall = true;
    assert_eq!(talk(&mut pair, s(3)), [300, 300]);
    assert_eq!(paths(&pair), [Some(FAR), Some(FAR)]);
}

#[test]
fn two_ends_that_take_different_direct_paths_soon_use_one() {
    for first in [A, B] {
        let mut pair = over_far();
        // Either has two addresses, as with IPv4 and IPv6 on one LAN, and finds one of them first.
        for end in [A, B] {
            let other = pair.ends[1 - end].address;
            let second = second(other);
            try_path(&mut pair, end, if end == first { other } else { second });
        }
        assert_eq!(talk(&mut pair, s(1)), [100, 100]);
        let moves = pair.ends[A].moves.len() + pair.ends[B].moves.len();
        assert!(moves <= 6, "{moves} moves");
        assert_eq!(talk(&mut pair, s(5)), [500, 500]);
        let later = pair.ends[A].moves.len() + pair.ends[B].moves.len();
        assert_eq!(later, moves, "they have settled");
        let [a, b] = paths(&pair).map(|path| is_second(path.unwrap()));
        assert_eq!(a, b, "both use the same of the two");
    }
}

#[test]
fn a_path_that_does_not_answer_is_not_used() {
    let mut pair = over_far();
    try_path(&mut pair, A, udp("203.0.113.1:1"));
    try_path(&mut pair, A, NEAR);
    assert_eq!(talk(&mut pair, s(4)), [400, 400]);
    assert_eq!(paths(&pair), [Some(FAR), Some(FAR)]);
    assert!(pair.ends[A].session.standby().is_empty());
}

#[test]
fn of_two_channels_the_nearer_is_used_and_the_other_stands_by() {
    let mut pair = over_far();
    pair.channels.insert(1, ms(10));
    try_path(&mut pair, A, NEAR);
    assert_eq!(talk(&mut pair, s(1)), [100, 100]);
    assert_eq!(pair.ends[A].session.endpoint(), Some(NEAR));
    assert_eq!(pair.ends[A].session.standby(), [FAR]);
    // One that is hardly nearer is not worth it.
    pair.channels.insert(3, ms(9));
    try_path(&mut pair, A, Path::Channel(3));
    assert_eq!(talk(&mut pair, s(1)), [100, 100]);
    assert_eq!(pair.ends[A].session.endpoint(), Some(NEAR));
}

#[test]
fn a_path_that_goes_silent_is_left_in_a_second_by_both_ends() {
    let mut pair = over_far();
    pair.channels.insert(1, ms(45));
    for end in [A, B] {
        try_path(&mut pair, end, NEAR);
    }
    talk(&mut pair, s(1));
    assert_eq!(paths(&pair), [Some(FAR), Some(FAR)]);
    pair.channels.remove(&2);
    // What went into the broken path comes by the other one, and nothing comes twice.
    assert_eq!(talk(&mut pair, ms(900)), [90, 90]);
    assert_eq!(paths(&pair), [Some(NEAR), Some(NEAR)]);
    assert_eq!(talk(&mut pair, s(1)), [100, 100]);
    assert_eq!(pair.ends[A].silences + pair.ends[B].silences, 0);
}

#[test]
fn a_path_that_breaks_in_one_direction_loses_nothing_either() {
    for mute in [A, B] {
        let mut pair = over_far();
        pair.channels.insert(1, ms(45));
        for end in [A, B] {
            try_path(&mut pair, end, NEAR);
        }
        assert_eq!(talk(&mut pair, s(1)), [100, 100]);
        pair.mute = Some((mute, FAR));
        assert_eq!(talk(&mut pair, s(3)), [300, 300]);
        assert_eq!(paths(&pair), [Some(NEAR), Some(NEAR)]);
    }
}

#[test]
fn a_path_that_only_the_caller_knows_is_found_as_quickly() {
    let mut pair = over_far();
    pair.channels.insert(1, ms(45));
    for end in [A, B] {
        pair.ends[end].known = vec![FAR, NEAR];
        assert!(pair.ends[end].session.standby().is_empty());
    }
    assert_eq!(talk(&mut pair, s(1)), [100, 100]);
    pair.channels.remove(&2);
    assert_eq!(talk(&mut pair, ms(900)), [90, 90]);
    assert_eq!(paths(&pair), [Some(NEAR), Some(NEAR)]);
    assert_eq!(pair.ends[A].silences + pair.ends[B].silences, 0);
}

#[test]
fn silence_everywhere_is_said_once() {
    let mut pair = over_far();
    pair.channels.clear();
    pair.send(A, b"is anybody there");
    pair.run_for(s(10));
    assert_eq!(pair.ends[A].silences, 1);
    assert_eq!(pair.ends[B].silences, 0, "it has nothing to say");
    pair.channels.insert(2, ms(40));
    pair.run_for(s(10));
    pair.channels.clear();
    pair.send(A, b"and now");
    pair.run_for(s(10));
    assert_eq!(pair.ends[A].silences, 2, "another silence");
}

#[test]
fn a_path_that_is_gone_gives_way_at_once_and_packets_wait_for_one() {
    let mut pair = over_far();
    pair.channels.insert(1, ms(45));
    try_path(&mut pair, A, NEAR);
    pair.run_for(s(1));
    let now = pair.now;
    pair.channels.remove(&2);
    assert!(pair.ends[A].session.path_lost(now, FAR));
    assert_eq!(pair.ends[A].session.endpoint(), Some(NEAR));
    assert!(pair.ends[A].session.path_lost(now, NEAR));
    assert_eq!(pair.ends[A].session.endpoint(), None);
    pair.send(A, b"parked");
    assert_eq!(pair.ends[A].session.parked().0, 1);
    // A path opens again, and the handshake that the packet made this node want goes over it.
    pair.ends[A].call_at = NEAR;
    pair.run_for(s(6));
    assert_eq!(
        pair.ends[B].packets.last().map(Vec::as_slice),
        Some(&b"parked"[..])
    );
    assert_eq!(paths(&pair), [Some(NEAR), Some(NEAR)]);
}
