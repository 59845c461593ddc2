//! How soon all is back when a Bridge is.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it is surprised"
)]

mod common;

use std::net::SocketAddr;
use std::time::Duration;

use common::{HOUR, World, s, udp};
use group::Who;
use node::Via;

fn at(number: usize) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, number as u8 + 1], 4_000))
}

fn attach(world: &mut World, bridge: usize, client: usize) {
    let made = world.with(bridge, |node, now| {
        node.bridge_invite(now, "", HOUR, false, &[at(bridge)])
    });
    let line = made.unwrap();
    world
        .with(client, |node, now| node.add_bridge(now, &line, None))
        .unwrap();
    world.run(s(8));
    assert!(is_attached(world, client));
}

fn is_attached(world: &World, client: usize) -> bool {
    let bridges = world.hosts[client].node.bridges(world.now);
    bridges.iter().any(|bridge| bridge.observed.is_some())
}

fn is_here(world: &World, bridge: usize) -> bool {
    let clients = world.hosts[bridge].node.clients();
    clients.iter().all(|client| client.attached)
}

/// Without UDP a Bridge that has started again calls its client in vain.
#[test]
fn a_bridge_that_cannot_call_its_client_does_not_keep_it_waiting() {
    let mut kept_waiting = 0;
    for (bridge, client) in [(0, 1), (1, 0)] {
        let mut world = World::new(2);
        world.with(bridge, |node, now| node.serve(now, true));
        // An address of the client that the Bridge remembers.
        attach(&mut world, bridge, client);
        kept_waiting += usize::from(world.f(bridge) < world.f(client));
        world.lose = Box::new(|packet| packet.stream.is_none());
        world.run(s(40));
        let via = world.hosts[bridge].node.clients()[0].via;
        assert!(matches!(via, Some(Via::Stream(_))), "{via:?}");
        world.restart(bridge);
        assert!(!is_here(&world, bridge));
        world.run(s(2));
        assert!(is_here(&world, bridge), "{bridge}");
    }
    assert_eq!(kept_waiting, 1, "the smaller address goes first in one");
}

#[test]
fn two_that_called_each_other_in_vain_meet_as_soon_as_their_bridge_is_back() {
    let (bridge, a, b) = (0, 1, 2);
    let mut world = World::new(3);
    let only_by_bridge =
        move |packet: &common::Packet| packet.from != at(bridge) && packet.to != at(bridge);
    world.lose = Box::new(only_by_bridge);
    world.with(bridge, |node, now| node.serve(now, true));
    attach(&mut world, bridge, a);
    let line = world
        .with(a, |node, now| node.invite(now, 24 * HOUR, &[at(a)]))
        .unwrap();
    world.with(b, |node, now| node.join(now, &line)).unwrap();
    world.run(s(3));
    assert!(world.is_up(a, b) && world.is_up(b, a));
    // Nothing passes until both have given up what they had, and call again and again.
    world.lose = Box::new(|_| true);
    world.tcp = false;
    let (fa, fb) = (world.f(a), world.f(b));
    for _ in 0..250 {
        world.send(a, &udp(fa, fb, (7, 7), b"x"));
        world.send(b, &udp(fb, fa, (7, 7), b"x"));
        world.run(s(1));
    }
    assert!(!world.is_up(a, b) && !world.is_up(b, a));
    world.lose = Box::new(only_by_bridge);
    for _ in 0..200 {
        if is_attached(&world, a) && is_attached(&world, b) {
            break;
        }
        world.run(Duration::from_millis(100));
    }
    world.run(Duration::from_millis(500));
    assert!(world.is_up(a, b) && world.is_up(b, a));
}

#[test]
fn of_several_addresses_of_a_bridge_the_one_that_works_is_found_without_long_waits() {
    let (bridge, client) = (0, 1);
    let mut world = World::new(2);
    world.with(bridge, |node, now| node.serve(now, true));
    let elsewhere = |n: u8| SocketAddr::from(([10, 0, 0, n], 4_000));
    let all = [elsewhere(1), elsewhere(2), elsewhere(3), at(bridge)];
    let made = world.with(bridge, |node, now| {
        node.bridge_invite(now, "", HOUR, false, &all)
    });
    world.tcp = false;
    world
        .with(client, |node, now| {
            node.add_bridge(now, &made.unwrap(), None)
        })
        .unwrap();
    world.run(Duration::from_millis(900));
    assert!(is_attached(&world, client));
}

#[test]
fn a_bridge_keeps_one_stream_of_a_client_and_none_of_who_is_gone() {
    let (bridge, client) = (0, 1);
    let mut world = World::new(2);
    world.with(bridge, |node, now| node.serve(now, true));
    world.lose = Box::new(|packet| packet.stream.is_none());
    attach(&mut world, bridge, client);
    for _ in 0..3 {
        world.vanish_and_restart(client);
        world.run(s(8));
        assert!(is_attached(&world, client));
        assert_eq!(world.streams_of(bridge), 1);
    }
    let gone = Who::Address(world.f(client));
    world
        .with(bridge, |node, now| node.bridge_deny(now, gone))
        .unwrap();
    assert_eq!(world.streams_of(bridge), 0);
}

/// The stream that carried the session has ended, the new path is not proven yet, and only now
/// the Bridge reads what the client asked.
#[test]
fn who_asks_to_be_a_client_between_two_paths_is_taken_when_it_has_one() {
    let (bridge, client) = (0, 1);
    // Message 1 is two; with the third, which confirms the keys as well, it has asked.
    let mut world = World::new(2);
    world.with(bridge, |node, now| node.serve(now, true));
    let made = world.with(bridge, |node, now| {
        node.bridge_invite(now, "", HOUR, false, &[at(bridge)])
    });
    // The stream loses what the client says after its first datagrams.
    let mut left = 2;
    world.lose = Box::new(move |packet| {
        if packet.stream.is_none() || packet.from != at(client) {
            return packet.stream.is_none();
        }
        left -= 1;
        left < 0
    });
    world
        .with(client, |node, now| {
            node.add_bridge(now, &made.unwrap(), None)
        })
        .unwrap();
    while world.streams_of(bridge) == 0 {
        world.run(Duration::from_millis(10));
    }
    world.run(Duration::from_millis(250));
    // The client's trial of UDP is answered, so it hangs up; the Bridge's is not, for a while.
    let mut answers = 1;
    world.lose = Box::new(move |packet| {
        if packet.stream.is_some() || packet.from != at(bridge) {
            return packet.stream.is_some();
        }
        answers -= 1;
        answers < 0
    });
    world.run(s(2));
    assert_eq!(world.streams_of(bridge), 0);
    assert!(!is_attached(&world, client));
    world.lose = Box::new(|_| false);
    world.run(s(3));
    assert!(is_attached(&world, client));
}

/// The answer was lost, and so is the call of the Bridge, which then knows nothing of the client.
#[test]
fn a_client_that_was_not_answered_finds_soon_that_its_bridge_has_started_again() {
    let (bridge, client) = (0, 1);
    let mut world = World::new(2);
    world.with(bridge, |node, now| node.serve(now, true));
    attach(&mut world, bridge, client);
    world.restart(client);
    let mut answers = 0;
    world.lose = Box::new(move |packet| {
        answers += usize::from(packet.from == at(bridge));
        // Message 2 has two fragments.
        packet.from == at(bridge) && answers > 2
    });
    world.run(Duration::from_millis(100));
    assert!(is_here(&world, bridge) && !is_attached(&world, client));
    world.lose = Box::new(move |packet| packet.from == at(bridge));
    world.restart(bridge);
    world.run(Duration::from_millis(100));
    world.lose = Box::new(|_| false);
    world.run(s(4));
    assert!(is_attached(&world, client) && is_here(&world, bridge));
}

/// A peer has a session already, and no reason to make another but the ticket.
#[test]
fn a_peer_with_a_line_is_taken_while_its_session_stands() {
    let (bridge, client) = (0, 1);
    let mut world = World::new(2);
    world.join(bridge, client);
    world.run(s(30));
    assert!(world.is_up(client, bridge));
    world.with(bridge, |node, now| node.serve(now, true));
    let made = world.with(bridge, |node, now| {
        node.bridge_invite(now, "", HOUR, false, &[at(bridge)])
    });
    world
        .with(client, |node, now| {
            node.add_bridge(now, &made.unwrap(), None)
        })
        .unwrap();
    world.run(s(1));
    assert!(is_attached(&world, client) && is_here(&world, bridge));
    assert!(world.is_up(client, bridge));
}

/// A peer's session outlives the Bridge, but not what it was for.
#[test]
fn a_peer_knows_when_its_bridge_is_one_no_more_and_is_back_when_it_is() {
    let (bridge, client) = (0, 1);
    let mut world = World::new(2);
    world.join(bridge, client);
    world.with(bridge, |node, now| node.serve(now, true));
    attach(&mut world, bridge, client);
    for _ in 0..2 {
        world.with(bridge, |node, now| node.serve(now, false));
        world.run(s(3));
        assert!(!is_attached(&world, client) && world.is_up(client, bridge));
        world.with(bridge, |node, now| node.serve(now, true));
        world.run(s(3));
        assert!(is_attached(&world, client) && is_here(&world, bridge));
    }
}
