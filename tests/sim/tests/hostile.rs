//! 100,000 hostile datagrams against one node, with the cryptography that ships.
//!
//! Random, truncated at every length, every bit flipped, replayed, reordered, spliced, old
//! handshakes and replayed initiations, from a stranger's address and from the peer's own. The
//! hash of everything the node keeps is the same before and after, and nothing is sent.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use identity::crypto::AwsLc;
use sim::net::{NatKind, Net, Weather};
use sim::rng::Dice;
use sim::strangers::STRANGER;
use sim::world::World;

const HOSTILE: usize = 100_000;

/// Two nodes with a session, an earlier session in the recordings, and traffic in both directions.
fn meeting() -> World {
    let mut world = World::new(9, Net::new(&[NatKind::Open]), Arc::new(AwsLc), false);
    let (a, b) = (world.add_host(0), world.add_host(0));
    let endpoint = world.net.addr(a);
    let line = world
        .input(a, |n, now| n.invite(now, 3_600, &[endpoint]))
        .unwrap()
        .unwrap();
    world
        .input(b, |n, now| n.join(now, &line))
        .unwrap()
        .unwrap();
    world.model.allow(b, a);
    run(&mut world, 2);
    // A second session, so that the recordings hold an old handshake as well.
    world.crash(b);
    world.start(b);
    for i in 0..20 {
        world.app_send(a, b, 100 + 60 * i);
        world.app_send(b, a, 100 + 60 * i);
        run(&mut world, 1);
    }
    assert!(world.violations.is_empty(), "{:?}", world.violations);
    assert!(
        world.model.deliveries >= 38,
        "{} deliveries",
        world.model.deliveries
    );
    world
}

fn run(world: &mut World, seconds: u64) {
    let end = world.now + Duration::from_secs(seconds);
    while world.run_until(end) {}
}

/// The next hostile datagram: made from what really went over the wire.
fn hostile(dice: &mut Dice, n: usize, recorded: &[(SocketAddr, Vec<u8>)]) -> (SocketAddr, Vec<u8>) {
    let (peer, real) = recorded[n % recorded.len()].clone();
    let from = if dice.chance(500) { STRANGER } else { peer };
    let round = n / recorded.len();
    let bytes = match n % 8 {
        0 => {
            let len = dice.below(1_500);
            let mut bytes: Vec<u8> = (0..len).map(|_| dice.draw() as u8).collect();
            for (b, v) in bytes.iter_mut().zip([1 + (n % 6) as u8, 0, 0, 0]) {
                *b = v;
            }
            bytes
        }
        1 => real[..round % (real.len() + 1)].to_vec(),
        2 | 3 => {
            let mut bytes = real;
            let bit = round % (bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            bytes
        }
        4 => {
            let (_, other) = &recorded[dice.below(recorded.len())];
            let at = dice.below(real.len().min(other.len()));
            [&real[..at], &other[at..]].concat()
        }
        5 => {
            let mut bytes = real;
            bytes.extend((0..dice.below(40)).map(|_| 0));
            bytes.push(dice.draw() as u8);
            bytes
        }
        _ => real,
    };
    (from, bytes)
}

#[test]
fn no_state_changes_and_nothing_is_answered() {
    let mut world = meeting();
    let mut dice = Dice::new(1);
    for victim in [0, 1] {
        let recorded = world.recordings(victim);
        let handshakes = recorded
            .iter()
            .filter(|(_, b)| matches!(b.first(), Some(1 | 2)))
            .count();
        assert!(
            handshakes >= 4,
            "only {handshakes} handshake fragments among the recordings"
        );
        let before = world.hosts[victim].node.as_ref().unwrap().state_hash();
        let sent = world.net.counts.sent;
        for n in 0..HOSTILE / 2 {
            let (from, mut bytes) = hostile(&mut dice, n, &recorded);
            world.now += Duration::from_micros(20);
            world.arrive_now(victim, from, &mut bytes);
        }
        // Whole old initiations, fragment by fragment, in order, from both addresses.
        for from in [STRANGER, world.net.addr(1 - victim)] {
            for (_, bytes) in recorded
                .iter()
                .filter(|(_, b)| matches!(b.first(), Some(1 | 2)))
            {
                world.arrive_now(victim, from, &mut bytes.clone());
            }
        }
        assert_eq!(world.net.counts.sent, sent, "something was answered");
        let after = world.hosts[victim].node.as_ref().unwrap().state_hash();
        assert_eq!(
            before, after,
            "hostile datagrams changed the state of node {victim}"
        );
        assert!(world.violations.is_empty(), "{:?}", world.violations);
    }
}

#[test]
fn a_session_loses_nothing_meanwhile() {
    let mut world = meeting();
    let mut dice = Dice::new(2);
    let recorded = world.recordings(0);
    let (before, sent) = (world.model.deliveries, 2_000);
    for n in 0..HOSTILE {
        let (from, mut bytes) = hostile(&mut dice, n, &recorded);
        world.arrive_now(0, from, &mut bytes);
        if n % (HOSTILE / sent) == 0 {
            world.app_send(1, 0, 100 + n % 1_200);
            let end = world.now + Duration::from_millis(10);
            while world.run_until(end) {}
        }
    }
    run(&mut world, 1);
    assert!(world.violations.is_empty(), "{:?}", world.violations);
    assert_eq!(world.model.deliveries - before, sent as u64);
}

/// A stranger that knew it could mend it, and then it would be the first to bring the original.
#[test]
fn what_was_corrupted_on_the_way_is_not_remembered() {
    let mut world = meeting();
    let before = [world.recordings(0), world.recordings(1)];
    world.net.weather = Weather {
        corrupt: 1_000,
        ..Weather::CALM
    };
    for i in 0..20 {
        world.app_send(0, 1, 100 + i);
        world.app_send(1, 0, 100 + i);
    }
    run(&mut world, 1);
    assert!(world.net.counts.corrupted >= 40);
    assert_eq!([world.recordings(0), world.recordings(1)], before);
}

#[test]
fn the_hash_does_see_a_change() {
    let mut world = meeting();
    let before = world.hosts[0].node.as_ref().unwrap().state_hash();
    world.app_send(1, 0, 100);
    run(&mut world, 1);
    assert_ne!(before, world.hosts[0].node.as_ref().unwrap().state_hash());
}
