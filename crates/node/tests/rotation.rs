//! Rotation in a running network, and two holders of one key.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where it is surprised"
)]

mod common;

use common::{Owner, START_UNIX_S, World, s, udp};
use node::{DropReason, Event, InstallError};
use wire::Now;

fn rotate(world: &mut World, host: usize) {
    let me = world.hosts[host].owner.rotate();
    world
        .with(host, |node, now| node.install_identity(now, me))
        .unwrap();
}

fn position(world: &World, at: usize, of: usize) -> Option<u32> {
    let f = world.f(of);
    let peers = world.hosts[at].node.peers(world.now);
    peers
        .iter()
        .find(|peer| peer.f == Some(f))
        .and_then(|peer| peer.position)
}

#[test]
fn sessions_continue_and_peers_learn_at_once() {
    let mut world = World::new(2);
    world.join(0, 1);
    let (a, b) = (world.f(0), world.f(1));
    world.take_events(0);
    world.take_events(1);
    rotate(&mut world, 0);
    world.deliver();
    assert_eq!(world.f(0), a, "the address stays");
    assert_eq!(world.take_events(0), []);
    let position = 1;
    assert_eq!(
        world.take_events(1),
        [Event::IdentityUpdated { peer: a, position }]
    );
    let packet = udp(a, b, (1, 2), b"still here");
    world.send(0, &packet);
    world.deliver();
    assert_eq!(world.take_inside(1), [packet]);
    // And through the next handshakes, whoever starts them.
    for (from, to) in [(0, 1), (1, 0)] {
        world.run(s(400));
        assert!(!world.is_up(from, to), "idle");
        let packet = udp(world.f(from), world.f(to), (1, 2), b"new keys");
        world.send(from, &packet);
        world.deliver();
        assert_eq!(world.take_inside(to), [packet]);
    }
}

#[test]
fn whoever_has_the_old_keys_is_refused() {
    let mut world = World::new(2);
    world.join(0, 1);
    let (a, b) = (world.f(0), world.f(1));
    // Somebody copied everything: keys, journal.
    let thief = world.add(Owner::new(1));
    assert_eq!(world.f(thief), a);
    world.hosts[thief].journal = world.hosts[0].journal.clone();
    world.restart(thief);
    rotate(&mut world, 0);
    world.deliver();
    let sent = world.hosts[1].sent;
    world.send(thief, &udp(a, b, (1, 2), b"let me in"));
    world.run(s(10));
    assert!(world.dropped(1, DropReason::OldIdentity) >= 2);
    assert!(world.take_inside(1).is_empty());
    let to_thief = world.hosts[thief].at;
    assert_eq!(world.hosts[1].sent, sent, "not a byte to {to_thief}");
}

#[test]
fn a_third_node_learns_it_from_a_peer() {
    let mut world = World::new(3);
    world.join(0, 1);
    world.join(2, 1);
    world.join(0, 2);
    let (a, c) = (world.hosts[0].at, world.hosts[2].at);
    // The two of them cannot reach each other any more.
    world.lose = Box::new(move |packet| [(a, c), (c, a)].contains(&(packet.from, packet.to)));
    world.take_events(2);
    rotate(&mut world, 0);
    let begin = world.now.mono;
    while position(&world, 2, 0) != Some(1) {
        world.run(s(1));
        assert!(world.now.mono < begin + s(5), "within five seconds");
    }
    let peer = world.f(0);
    assert!(
        world
            .take_events(2)
            .contains(&Event::IdentityUpdated { peer, position: 1 })
    );
}

#[test]
fn first_contact_with_anyone_who_knows_is_enough() {
    let mut world = World::new(3);
    world.join(0, 1);
    world.join(2, 1);
    world.join(0, 2);
    let c = world.hosts[2].at;
    world.lose = Box::new(move |packet| packet.from == c || packet.to == c);
    world.run(s(400));
    rotate(&mut world, 0);
    world.run(s(200));
    assert_eq!(
        (position(&world, 1, 0), position(&world, 2, 0)),
        (Some(1), Some(0))
    );
    let a = world.hosts[0].at;
    world.lose = Box::new(move |packet| [packet.from, packet.to].contains(&a));
    let b = world.f(1);
    world.with(2, |node, now| node.ping(now, b, 1)).unwrap();
    world.run(s(2));
    assert_eq!(position(&world, 2, 0), Some(1));
}

#[test]
fn idle_peers_are_called_and_told() {
    let mut world = World::new(2);
    world.join(0, 1);
    world.run(s(400));
    assert!(!world.is_up(0, 1));
    rotate(&mut world, 0);
    world.run(s(5));
    assert_eq!(position(&world, 1, 0), Some(1));
}

#[test]
fn many_rotations_are_told_in_one_log() {
    let mut world = World::new(2);
    world.join(0, 1);
    world.run(s(400));
    let at = world.hosts[0].at;
    world.lose = Box::new(move |packet| packet.from == at);
    for _ in 0..2 {
        rotate(&mut world, 0);
    }
    world.run(s(200));
    world.lose = Box::new(|_| false);
    let b = world.f(1);
    world.with(0, |node, now| node.connect(now, b)).unwrap();
    world.run(s(1));
    assert_eq!(position(&world, 1, 0), Some(2), "two fit into a handshake");
    for _ in 0..3 {
        rotate(&mut world, 0);
    }
    world.deliver();
    assert_eq!(position(&world, 1, 0), Some(5), "more come in the session");
}

#[test]
fn what_is_not_ours_or_older_is_not_installed() {
    let mut world = World::new(2);
    let other = world.hosts[1].owner.local();
    let f = world.f(1);
    let refused = world.with(0, |node, now| node.install_identity(now, other));
    assert_eq!(refused, Err(InstallError::OtherNode(f)));
    let old = world.hosts[0].owner.local();
    rotate(&mut world, 0);
    let refused = world.with(0, |node, now| node.install_identity(now, old));
    assert!(
        matches!(refused, Err(InstallError::Identity(_))),
        "{refused:?}"
    );
}

#[test]
fn an_old_copy_of_the_keys_does_not_even_start() {
    let mut world = World::new(1);
    let old = world.hosts[0].owner.local();
    rotate(&mut world, 0);
    let journal = world.hosts[0].journal.clone();
    let now = world.now;
    let started = node::Node::new(
        node::NodeConfig::default(),
        old,
        journal,
        common::crypto(),
        [1; 32],
        now,
    );
    assert!(matches!(started.err(), Some(node::NewError::Identity(_))));
}

#[test]
fn the_owner_is_warned_ten_days_ahead_and_once_a_day() {
    let mut world = World::new(1);
    assert_eq!(world.take_events(0), []);
    let later = Now {
        unix_s: START_UNIX_S + 21 * 86_400,
        ..world.now
    };
    world.now = later;
    for _ in 0..3 {
        world.with(0, |node, now| node.handle_timeout(now));
    }
    let not_after = START_UNIX_S + 30 * 86_400;
    assert_eq!(
        world.take_events(0),
        [Event::CertificateExpiring { not_after }]
    );
}

#[test]
fn a_clone_on_the_lan_is_seen_by_both() {
    let mut world = World::new(1);
    world.lan = true;
    world.run(s(5));
    let clone = world.add(Owner::new(1));
    world.with(0, |node, now| {
        node.handle_local_endpoints(now, vec!["192.0.2.77:1".parse().unwrap()])
    });
    world.run(s(20));
    let f = world.f(0);
    for (host, there) in [(0, clone), (clone, 0)] {
        let there = Some(world.hosts[there].at);
        let seen = Event::CloneSeen {
            f,
            here: None,
            there,
        };
        assert_eq!(world.take_events(host), [seen], "once");
    }
}

#[test]
fn a_clone_is_seen_by_a_peer_that_meets_the_first_again() {
    let mut world = World::new(2);
    world.join(0, 1);
    let (a, b) = (world.f(0), world.f(1));
    let clone = world.add(Owner::new(1));
    world.hosts[clone].journal = world.hosts[0].journal.clone();
    world.restart(clone);
    let (first, second) = (world.hosts[0].at, world.hosts[clone].at);
    // The first is cut off; the second comes.
    world.lose = Box::new(move |packet| [packet.from, packet.to].contains(&first));
    world.with(clone, |node, now| node.ping(now, b, 1)).unwrap();
    world.run(s(1));
    assert!(world.is_up(1, 0), "the peer cannot tell them apart yet");
    assert!(
        !world.hosts[1]
            .events
            .iter()
            .any(|e| matches!(e, Event::CloneSeen { .. }))
    );
    // The second is cut off; the peer calls, and the first answers.
    world.lose = Box::new(move |packet| [packet.from, packet.to].contains(&second));
    world.run(s(400));
    world.with(1, |node, now| node.ping(now, a, 2)).unwrap();
    world.run(s(60));
    let seen = Event::CloneSeen {
        f: a,
        here: Some(first),
        there: Some(second),
    };
    assert!(world.take_events(1).contains(&seen));
    assert!(world.take_events(0).contains(&seen), "its owner is told");
}

#[test]
fn who_rotates_during_a_handshake_tells_it_afterwards() {
    for (caller, called) in [(0, 1), (1, 0)] {
        let mut world = World::new(2);
        world.join(0, 1);
        // Both forget their session; what they know of each other stays.
        world.restart(0);
        world.restart(1);
        world.send(caller, &udp(world.f(caller), world.f(called), (1, 2), b"a"));
        // Message 2 is under way when one of them rotates: the caller, then the one who answered.
        for packet in std::mem::take(&mut world.wire) {
            world.inject(called, packet.from, &packet.bytes);
        }
        rotate(&mut world, 0);
        world.deliver();
        assert!(world.is_up(0, 1) && world.is_up(1, 0));
        assert_eq!(position(&world, 1, 0), Some(1), "{caller} called");
    }
}
