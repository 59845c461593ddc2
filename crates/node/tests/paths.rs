//! Addresses that change, handshakes that cross, LAN discovery, and time.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where it is surprised"
)]

mod common;

use std::net::SocketAddr;

use common::{World, allow_all, s, udp};
use node::{DropReason, Event, Output, PeerState, Source, Wake};

#[test]
fn a_peer_that_moves_is_followed_after_it_proved_the_new_place() {
    let mut world = World::new(2);
    world.join(0, 1);
    let (a, b) = (world.f(0), world.f(1));
    let old = world.hosts[1].at;
    let new = SocketAddr::from(([198, 51, 100, 7], 5_000));
    world.hosts[1].at = new;
    world.send(1, &udp(b, a, (1, 2), b"from elsewhere"));
    let moved = world.wire.pop_front().unwrap();
    let heard = world.seen.len();
    world.inject(0, moved.from, &moved.bytes);
    assert_eq!(world.take_inside(0).len(), 1);
    let to_new: usize = world.seen[heard..]
        .iter()
        .filter(|packet| packet.to == new)
        .map(|packet| packet.bytes.len())
        .sum();
    assert!(
        to_new > 0 && to_new <= moved.bytes.len(),
        "a challenge, and no more than came"
    );
    world.send(0, &udp(a, b, (1, 2), b"not there yet"));
    assert_eq!(world.seen.last().unwrap().to, old);
    world.deliver();
    let packet = udp(a, b, (1, 2), b"there now");
    world.send(0, &packet);
    assert_eq!(world.seen.last().unwrap().to, new);
    world.deliver();
    assert!(world.take_inside(1).contains(&packet));
    assert_eq!(world.hosts[0].journal.peers[&b].endpoint, Some(new));
}

#[test]
fn a_stolen_packet_sent_from_elsewhere_moves_nothing() {
    let mut world = World::new(2);
    world.join(0, 1);
    let (a, b) = (world.f(0), world.f(1));
    world.send(1, &udp(b, a, (1, 2), b"x"));
    let stolen = world.wire.pop_front().unwrap();
    let thief: SocketAddr = "203.0.113.9:9".parse().unwrap();
    world.inject(0, thief, &stolen.bytes);
    world.run(s(12));
    let answer = udp(a, b, (2, 1), b"y");
    world.send(0, &answer);
    assert_ne!(world.seen.last().unwrap().to, thief);
    world.deliver();
    assert!(world.take_inside(1).contains(&answer));
    let to_thief: usize = world
        .seen
        .iter()
        .filter(|packet| packet.to == thief)
        .map(|packet| packet.bytes.len())
        .sum();
    assert!(to_thief <= stolen.bytes.len());
}

#[test]
fn initiations_that_cross_make_one_session() {
    for first in [0, 1] {
        let mut world = World::new(2);
        world.join(0, 1);
        world.restart(0);
        world.restart(1);
        let second = 1 - first;
        let (f, g) = (world.f(first), world.f(second));
        let there = udp(f, g, (1, 2), b"there");
        let back = udp(g, f, (2, 1), b"back");
        world.take_events(0);
        world.take_events(1);
        world.send(first, &there);
        world.send(second, &back);
        world.run(s(1));
        assert_eq!(world.take_inside(second), [there]);
        assert_eq!(world.take_inside(first), [back]);
        for host in [0, 1] {
            let ups = world.take_events(host);
            let ups = ups
                .iter()
                .filter(|e| matches!(e, Event::SessionUp { .. }))
                .count();
            assert_eq!(ups, 1);
        }
    }
}

#[test]
fn two_nodes_on_one_lan_need_no_address() {
    let mut world = World::new(2);
    world.introduce(0, 1);
    let (a, b) = (world.f(0), world.f(1));
    let packet = udp(a, b, (1, 2), b"neighbour");
    world.send(0, &packet);
    world.deliver();
    assert_eq!(world.take_inside(1), [packet]);
}

#[test]
fn a_peer_that_came_back_on_another_address_is_found_on_the_lan() {
    let mut world = World::new(2);
    world.introduce(0, 1);
    let (a, b) = (world.f(0), world.f(1));
    world.run(s(400));
    world.hosts[1].at = "192.0.2.200:4001".parse().unwrap();
    world.with(0, |node, now| node.ping(now, b, 1)).unwrap();
    world.run(s(12));
    assert!(
        world.is_up(0, 1),
        "asked for after two tries without an answer; {a}"
    );
}

#[test]
fn beacons_of_strangers_change_nothing() {
    let mut world = World::new(3);
    world.join(0, 1);
    world.lan = true;
    let before = world.hosts[0].node.state_hash();
    let sent = world.hosts[0].sent;
    let beacons = world.beacons.clone();
    let stranger = world.hosts[2].at;
    let mut count = 0;
    for (from, bytes) in beacons.iter().filter(|(from, _)| *from == stranger) {
        for at in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[at] ^= 1;
            for bytes in [&bytes[..at], &bad, bytes] {
                world.with(0, |node, now| node.handle_beacon(now, *from, bytes));
                count += 1;
            }
        }
    }
    assert!(count > 100);
    assert_eq!(world.hosts[0].node.state_hash(), before);
    assert_eq!(world.hosts[0].sent, sent);
}

#[test]
fn a_flood_of_forged_beacons_costs_a_bounded_number_of_checks() {
    let mut world = World::new(2);
    let (a, b) = (world.f(0), world.f(1));
    world
        .with(0, |node, now| node.allow(now, allow_all(b)))
        .unwrap();
    world.run(s(1));
    let from = world.hosts[1].at;
    let found = world.beacons.iter().find(|(at, _)| *at == from);
    let genuine = found.unwrap().1.clone();
    let mut forged = genuine.clone();
    *forged.last_mut().unwrap() ^= 1;
    let over = 100;
    for _ in 0..node::BEACON_CHECKS_MAX + over {
        world.with(0, |node, now| node.handle_beacon(now, from, &forged));
    }
    assert_eq!(world.dropped(0, DropReason::RateLimited), u64::from(over));
    world.run(s(1));
    world.with(0, |node, now| node.handle_beacon(now, from, &genuine));
    let peers = world.hosts[0].node.peers(world.now);
    assert!(peers[0].root_key.is_some(), "{a} hears the real one again");
}

#[test]
fn an_idle_pair_is_silent_and_sleeps() {
    let mut world = World::new(2);
    world.join(0, 1);
    world.run(s(400));
    let sent = world.seen.len();
    for host in [0, 1] {
        let why = world.hosts[host].node.poll_timeout().map(|(_, why)| why);
        assert_eq!(why, Some(Wake::Certificate), "in 20 days, and nothing else");
        let state = world.hosts[host].node.peers(world.now)[0].state;
        assert_eq!(state, PeerState::Idle);
    }
    world.run(s(100_000));
    assert_eq!(world.seen.len(), sent);
}

#[test]
fn a_busy_pair_changes_keys_and_loses_nothing() {
    let mut world = World::new(2);
    world.join(0, 1);
    let (a, b) = (world.f(0), world.f(1));
    world.take_events(0);
    for n in 0..600_u32 {
        let packet = udp(a, b, (1, 2), &n.to_be_bytes());
        world.send(0, &packet);
        world.run(s(1));
        assert_eq!(world.take_inside(1), [packet], "second {n}");
    }
    assert_eq!(world.take_events(0), [], "nobody noticed");
    let status = world.hosts[0].node.peers(world.now);
    let session = status[0].session.as_ref().unwrap();
    assert!(session.handshake_age < s(130) && session.age > s(590));
}

#[test]
fn a_peer_that_restarted_is_called_again() {
    let mut world = World::new(2);
    world.join(0, 1);
    let (a, b) = (world.f(0), world.f(1));
    world.restart(1);
    world.send(0, &udp(a, b, (1, 2), b"into the void"));
    world.run(s(17));
    let packet = udp(a, b, (1, 2), b"and again");
    world.send(0, &packet);
    world.deliver();
    assert_eq!(world.take_inside(1), [packet]);
}

#[test]
fn outputs_come_in_an_order_that_a_crash_cannot_break() {
    let mut world = World::new(2);
    let at = world.hosts[0].at;
    let line = world
        .with(0, |node, now| node.invite(now, 60, &[at]))
        .unwrap();
    let now = world.now;
    world.hosts[1].node.join(now, &line).unwrap();
    let mut order = Vec::new();
    while let Some(output) = world.hosts[1].node.poll_output() {
        order.push(match output {
            Output::Persist(_) => "persist",
            Output::Transmit { .. } => "transmit",
            Output::Publish(_) => "publish",
            _ => "other",
        });
    }
    let first_transmit = order.iter().position(|kind| *kind == "transmit").unwrap();
    assert!(
        order[..first_transmit].contains(&"persist"),
        "the count is on disk: {order:?}"
    );
    assert!(!order[first_transmit..].contains(&"persist"));
}

#[test]
fn counts_never_repeat_over_restarts() {
    let mut world = World::new(2);
    world.join(0, 1);
    let mut last = None;
    for _ in 0..5 {
        world.restart(1);
        let a = world.f(0);
        world.with(1, |node, now| node.ping(now, a, 1)).unwrap();
        world.run(s(1));
        assert!(world.is_up(1, 0));
        let number = world.hosts[0].journal.peers[&world.f(1)].number;
        assert!(number > last, "{number:?} after {last:?}");
        last = number;
    }
}

#[test]
fn the_reason_of_a_wake_up_is_said() {
    let world = World::new(1);
    let (_, why) = world.hosts[0].node.poll_timeout().unwrap();
    assert_eq!(why, Wake::Beacon);
}

#[test]
fn a_node_that_shuts_down_calls_nobody() {
    let mut world = World::new(2);
    world.introduce(0, 1);
    let (a, b) = (world.f(0), world.f(1));
    world.with(0, |node, now| node.shutdown(now));
    world.deliver();
    let sent = world.hosts[0].sent;
    world.hosts[1].at = "192.0.2.99:4001".parse().unwrap();
    world.with(1, |node, now| {
        node.handle_local_endpoints(now, vec!["192.0.2.99:4001".parse().unwrap()])
    });
    world.with(1, |node, now| node.ping(now, a, 1)).unwrap();
    world.send(0, &udp(a, b, (1, 2), b"x"));
    world.run(s(20));
    assert_eq!(world.hosts[0].sent, sent);
    assert!(world.with(0, |node, now| node.connect(now, b)).is_err());
}

#[test]
fn it_is_said_where_a_peer_may_be_who_says_so_and_how_long_ago() {
    let mut world = World::new(2);
    let elsewhere: SocketAddr = "198.51.100.5:4000".parse().unwrap();
    world.with(0, |node, now| {
        node.handle_local_endpoints(now, vec![elsewhere]);
    });
    world.join(0, 1);
    world.run(s(30));
    let at = world.hosts[0].at;
    let candidates = world.hosts[1].node.peers(world.now)[0].candidates.clone();
    let found: Vec<_> = candidates.iter().map(|c| (c.endpoint, c.source)).collect();
    let expected = [(at, Source::Observed), (elsewhere, Source::Told)];
    assert_eq!(found, expected);
    for candidate in candidates {
        assert!(candidate.age >= s(30) && candidate.age <= s(32));
    }
}

#[test]
fn traffic_is_counted_over_all_keys_and_sessions() {
    let mut world = World::new(2);
    world.join(0, 1);
    let (a, b) = (world.f(0), world.f(1));
    let traffic = |world: &World| world.hosts[0].node.peers(world.now)[0].traffic;
    let mut before = traffic(&world);
    for round in 0..12u64 {
        for _ in 0..10 {
            world.send(0, &udp(a, b, (1, 2), &[0; 500]));
            world.deliver();
        }
        let now = traffic(&world);
        assert!(now.tx_bytes >= before.tx_bytes + 5_000, "round {round}");
        assert!(now.tx_packets >= before.tx_packets + 10);
        assert!(now.rx_packets >= before.rx_packets);
        before = now;
        // New keys three times, then no session at all.
        world.run(s(if round == 3 { 400 } else { 50 }));
        assert_eq!(world.is_up(0, 1), round != 3);
        assert!(traffic(&world).tx_bytes >= before.tx_bytes);
    }
}
