//! What is made ready ahead of time is used once.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where it is surprised"
)]

mod common;

use std::collections::BTreeSet;

use common::{World, s};
use node::NodeConfig;

/// The ephemeral keys, X25519 and sealed ML-KEM, that messages 1 and 2 began with, in order, and how many there
/// were of each message. Tries differ in their indices.
fn ephemeral_keys(world: &World) -> Vec<([u8; 32], Vec<u8>)> {
    let first = world.seen.iter().map(|packet| &packet.bytes);
    let first = first.filter(|bytes| matches!(bytes[0], 1 | 2) && bytes[12] == 0);
    let mut tries = BTreeSet::new();
    let mut keys = Vec::new();
    for bytes in first {
        // The same try may go again, with a cookie or by another path.
        if tries.insert(bytes[4..12].to_vec()) {
            let key: [u8; 32] = bytes[16..48].try_into().unwrap();
            keys.push((key, bytes[48..1_100].to_vec()));
        }
    }
    keys
}

#[test]
fn keys_that_were_made_ahead_serve_one_try_each_whether_or_not_it_is_answered() {
    let mut world = World::new(3);
    world.join(0, 1);
    world.join(0, 2);
    let mut calls = 0;
    for round in 0..6 {
        // Both of 0's peers are gone and are called at once: there is one pair of keys for two calls.
        let silent = round % 2 == 0;
        world.vanish_and_restart(0);
        if silent {
            world.lose = Box::new(|packet| packet.bytes[0] == 2);
        }
        for peer in [1, 2] {
            let f = world.f(peer);
            world.with(0, |node, now| node.ping(now, f, round)).unwrap();
            calls += 1;
        }
        world.run(s(4));
        world.lose = Box::new(|_| false);
        world.run(s(30));
    }
    let keys = ephemeral_keys(&world);
    assert!(keys.len() > 2 * calls, "{} of {calls}", keys.len());
    let x25519: BTreeSet<_> = keys.iter().map(|(key, _)| key).collect();
    let kem: BTreeSet<_> = keys.iter().map(|(_, sealed)| sealed).collect();
    assert_eq!((x25519.len(), kem.len()), (keys.len(), keys.len()));
}

#[test]
fn a_node_that_has_made_all_ready_sleeps() {
    let mut world = World::new(1);
    // It sends no beacons, and its certificate is looked at once a day.
    let config = NodeConfig {
        discovery: false,
        ..NodeConfig::default()
    };
    world.configure(0, config);
    world.run(s(1));
    let next = world.hosts[0].node.poll_timeout();
    let far = world.now.mono + s(60);
    assert!(next.is_none_or(|(at, _)| at > far), "{next:?}");
}
