//! Two nodes that cannot reach each other, and a Bridge between them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it is surprised"
)]

mod common;

use common::{HOUR, Packet, World, allow_all, password_hash, s, udp};
use node::{BridgeError, ClientTerms, DropReason, Event, LINK_PROBE, PeerState, StreamEvent, Via};
use std::net::SocketAddr;
use std::time::Duration;
use wire::NodeAddr;
use wire::channel::AttachStatus;

const BRIDGE: usize = 0;
const A: usize = 1;
const B: usize = 2;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn at(number: usize) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, number as u8 + 1], 4_000))
}

/// A Bridge and nodes around it that reach nobody else.
fn star(nodes: u8) -> World {
    let mut world = World::new(nodes + 1);
    world.lose = Box::new(only_by(&[BRIDGE]));
    world.with(BRIDGE, |node, now| node.serve(now, true));
    world
}

/// Loses what neither comes from nor goes to one of these.
fn only_by(bridges: &[usize]) -> impl FnMut(&Packet) -> bool + use<> {
    let bridges: Vec<SocketAddr> = bridges.iter().map(|b| at(*b)).collect();
    move |packet| !bridges.contains(&packet.from) && !bridges.contains(&packet.to)
}

fn line(world: &mut World, bridge: usize, customer: &str) -> String {
    let at = world.hosts[bridge].at;
    let made = world.with(bridge, |node, now| {
        node.bridge_invite(now, customer, 24 * HOUR, false, &[at])
    });
    made.unwrap()
}

/// Attaches a node to a Bridge by a line of the Bridge.
fn attach(world: &mut World, bridge: usize, index: usize, customer: &str) {
    let line = line(world, bridge, customer);
    let f = world.with(index, |node, now| node.add_bridge(now, &line, None));
    assert_eq!(f, Ok(world.f(bridge)));
    world.run(s(1));
    assert!(is_attached(world, index, bridge), "{index}");
}

fn is_attached(world: &World, index: usize, bridge: usize) -> bool {
    let f = world.f(bridge);
    let bridges = world.hosts[index].node.bridges(world.now);
    bridges.iter().any(|b| b.f == f && b.observed.is_some())
}

fn via(world: &World, index: usize, of: usize) -> Option<Via> {
    let f = world.f(of);
    let peers = world.hosts[index].node.peers(world.now);
    peers.iter().find(|peer| peer.f == Some(f))?.via
}

/// A and B know each other by an invite that names the Bridge.
fn joined() -> World {
    let mut world = star(2);
    attach(&mut world, BRIDGE, A, "");
    let line = world
        .with(A, |node, now| node.invite(now, 24 * HOUR, &[at(A)]))
        .unwrap();
    world.with(B, |node, now| node.join(now, &line)).unwrap();
    world.run(s(3));
    assert!(world.is_up(A, B) && world.is_up(B, A));
    world
}

/// Packets of B that A gets, one each `step`, for a while.
fn stream(world: &mut World, step: Duration, count: u16) -> Vec<u16> {
    let (a, b) = (world.f(A), world.f(B));
    world.take_inside(A);
    for n in 0..count {
        world.send(B, &udp(b, a, (7, 7), &n.to_be_bytes()));
        world.send(A, &udp(a, b, (7, 7), &n.to_be_bytes()));
        world.run(step);
    }
    let got = world.take_inside(A);
    let number = |packet: &Vec<u8>| u16::from_be_bytes([packet[48], packet[49]]);
    got.iter().map(number).collect()
}

/// A Bridge with the clients A and B, who do not know each other, and their addresses.
fn two_clients() -> (World, NodeAddr, NodeAddr) {
    let mut world = star(2);
    attach(&mut world, BRIDGE, A, "");
    attach(&mut world, BRIDGE, B, "");
    let (a, b) = (world.f(A), world.f(B));
    (world, a, b)
}

#[test]
fn an_invite_that_names_a_bridge_joins_two_nodes_that_cannot_reach_each_other() {
    let mut world = joined();
    assert_eq!(via(&world, A, B), Some(Via::Bridge(world.f(BRIDGE))));
    assert_eq!(via(&world, B, A), Some(Via::Bridge(world.f(BRIDGE))));
    assert_eq!(stream(&mut world, ms(10), 50), (0..50).collect::<Vec<_>>());
    // The Bridge itself talks to nobody, and nobody to it.
    let (a, bridge) = (world.f(A), world.f(BRIDGE));
    world.send(A, &udp(a, bridge, (7, 7), b"x"));
    world.run(s(1));
    assert!(world.take_inside(BRIDGE).is_empty());
    assert_eq!(world.dropped(A, DropReason::NotAllowed), 1);
}

#[test]
fn a_ping_says_through_which_bridge() {
    let mut world = joined();
    let b = world.f(B);
    world.take_events(A);
    world.with(A, |node, now| node.ping(now, b, 5)).unwrap();
    world.run(s(1));
    let bridge = Via::Bridge(world.f(BRIDGE));
    let echo = world
        .take_events(A)
        .into_iter()
        .find_map(|event| match event {
            Event::Echo { id: 5, via, .. } => Some(via),
            _ => None,
        });
    assert_eq!(echo, Some(bridge));
}

#[test]
fn a_bridge_sees_nothing_of_what_it_relays() {
    let mut world = joined();
    let (a, b) = (world.f(A), world.f(B));
    world.seen.clear();
    world.send(A, &udp(a, b, (7, 7), b"a secret that nobody else may read"));
    world.run(s(1));
    let got = world.take_inside(B);
    assert!(got[0].ends_with(b"nobody else may read"));
    let leaks = |packet: &Packet| packet.bytes.windows(8).any(|w| w == b"a secret");
    assert!(!world.seen.iter().any(leaks) && world.seen.len() >= 2);
}

#[test]
fn a_direct_way_is_taken_and_left_again_without_losing_a_packet() {
    let mut world = joined();
    for index in [A, B] {
        let own = vec![at(index)];
        world.with(index, |node, now| node.handle_local_endpoints(now, own));
    }
    world.run(s(1));
    let bridge = Via::Bridge(world.f(BRIDGE));
    assert_eq!(via(&world, A, B), Some(bridge));
    // Both are carried to one LAN: beacons pass, and so does everything else.
    world.lose = Box::new(|_| false);
    world.lan = true;
    let beacon = |world: &mut World, index: usize| {
        let own = vec![
            at(index),
            SocketAddr::from(([198, 51, 100, index as u8], 4_000)),
        ];
        world.with(index, |node, now| node.handle_local_endpoints(now, own));
    };
    beacon(&mut world, A);
    beacon(&mut world, B);
    let got = stream(&mut world, ms(10), 200);
    assert_eq!(got, (0..200).collect::<Vec<_>>());
    assert_eq!(via(&world, A, B), Some(Via::Direct(at(B))));
    assert_eq!(via(&world, B, A), Some(Via::Direct(at(A))));
    // And apart again: whoever notices first takes the other along.
    world.lan = false;
    world.lose = Box::new(only_by(&[BRIDGE]));
    stream(&mut world, ms(10), 100);
    assert_eq!(via(&world, A, B), Some(bridge));
    assert_eq!(via(&world, B, A), Some(bridge));
    assert_eq!(stream(&mut world, ms(10), 100).len(), 100);
}

#[test]
fn another_bridge_takes_over_in_a_second() {
    let mut world = World::new(4);
    const SECOND: usize = 3;
    world.lose = Box::new(only_by(&[BRIDGE, SECOND]));
    for bridge in [BRIDGE, SECOND] {
        world.with(bridge, |node, now| node.serve(now, true));
        attach(&mut world, bridge, A, "");
    }
    let line = world
        .with(A, |node, now| node.invite(now, 24 * HOUR, &[at(A)]))
        .unwrap();
    world.with(B, |node, now| node.join(now, &line)).unwrap();
    world.run(s(3));
    assert!(is_attached(&world, B, BRIDGE) && is_attached(&world, B, SECOND));
    let Some(Via::Bridge(first)) = via(&world, A, B) else {
        panic!("{:?}", via(&world, A, B));
    };
    let (dead, alive) = if first == world.f(BRIDGE) {
        (BRIDGE, SECOND)
    } else {
        (SECOND, BRIDGE)
    };
    world.lose = Box::new(only_by(&[alive]));
    stream(&mut world, ms(10), 100);
    assert_eq!(via(&world, A, B), Some(Via::Bridge(world.f(alive))));
    assert_eq!(stream(&mut world, ms(10), 100).len(), 100);
    // It comes back and is a client's Bridge again, of both.
    world.lose = Box::new(only_by(&[BRIDGE, SECOND]));
    world.restart(dead);
    world.run(s(3));
    assert!(is_attached(&world, A, dead) && is_attached(&world, B, dead));
}

#[test]
fn everybody_may_restart_and_all_is_back_in_3_s() {
    let mut world = joined();
    for restarted in [&[BRIDGE][..], &[A], &[B], &[A, B], &[BRIDGE, A, B]] {
        for index in restarted {
            world.restart(*index);
        }
        world.run(s(3));
        assert!(is_attached(&world, A, BRIDGE), "{restarted:?}");
        assert!(is_attached(&world, B, BRIDGE), "{restarted:?}");
        let b = world.f(B);
        world.take_events(A);
        world.with(A, |node, now| node.ping(now, b, 9)).unwrap();
        world.run(s(2));
        let events = world.take_events(A);
        let answered = |event: &Event| matches!(event, Event::Echo { id: 9, .. });
        assert!(events.iter().any(answered), "{restarted:?} {events:?}");
        assert_eq!(stream(&mut world, ms(10), 20).len(), 20, "{restarted:?}");
    }
}

#[test]
fn without_udp_a_stream_carries_it_and_udp_is_taken_when_it_passes() {
    let mut world = star(2);
    world.lose = Box::new(|packet| packet.stream.is_none());
    for index in [A, B] {
        attach_slowly(&mut world, index);
        let bridges = world.hosts[index].node.bridges(world.now);
        assert_eq!(bridges[0].via, Some(Via::Stream(at(BRIDGE))));
    }
    let (a, b) = (world.f(A), world.f(B));
    world
        .with(A, |node, now| node.allow(now, allow_all(b)))
        .unwrap();
    world
        .with(B, |node, now| node.allow(now, allow_all(a)))
        .unwrap();
    assert_eq!(stream(&mut world, ms(10), 50).last(), Some(&49));
    assert_eq!(stream(&mut world, ms(10), 50).len(), 50);
    // A stream that breaks is dialled again.
    world.cut_streams(A);
    world.run(s(3));
    assert!(is_attached(&world, A, BRIDGE));
    assert_eq!(stream(&mut world, ms(10), 50).len(), 50);
    // UDP passes: found at the next rekey at the latest.
    world.lose = Box::new(only_by(&[BRIDGE]));
    for _ in 0..40 {
        stream(&mut world, s(5), 1);
    }
    let bridges = world.hosts[A].node.bridges(world.now);
    assert_eq!(bridges[0].via, Some(Via::Direct(at(BRIDGE))));
    assert!(world.streams.is_empty(), "hung up");
    assert_eq!(stream(&mut world, ms(10), 50).len(), 50);
}

fn attach_slowly(world: &mut World, index: usize) {
    let line = line(world, BRIDGE, "");
    let added = world.with(index, |node, now| node.add_bridge(now, &line, None));
    added.unwrap();
    world.run(s(3));
    assert!(is_attached(world, index, BRIDGE));
}

#[test]
fn customers_of_one_bridge_neither_reach_nor_see_each_other() {
    let mut world = star(3);
    const C: usize = 3;
    for (index, customer) in [(A, "red"), (B, "red"), (C, "blue")] {
        attach(&mut world, BRIDGE, index, customer);
    }
    let all = [A, B, C].map(|index| world.f(index));
    for index in [A, B, C] {
        for f in all {
            let own = f == world.f(index);
            if !own {
                world
                    .with(index, |node, now| node.allow(now, allow_all(f)))
                    .unwrap();
            }
        }
    }
    for from in [A, C] {
        for to in [A, B, C] {
            let f = world.f(to);
            let _ = world.with(from, |node, now| node.connect(now, f));
        }
    }
    world.run(s(5));
    assert!(world.is_up(A, B) && world.is_up(B, A));
    for index in [A, B] {
        assert!(!world.is_up(index, C) && !world.is_up(C, index));
        let c = world.f(C);
        let peers = world.hosts[index].node.peers(world.now);
        let c = peers.iter().find(|peer| peer.f == Some(c)).unwrap();
        assert_eq!(c.root_key, None, "not even its keys");
        assert_ne!(c.state, PeerState::Up);
    }
}

#[test]
fn a_stranger_gets_no_answer_from_a_bridge_without_a_password() {
    let mut world = star(2);
    let line = line(&mut world, BRIDGE, "");
    world
        .with(A, |node, now| node.add_bridge(now, &line, None))
        .unwrap();
    world.run(s(1));
    let sent = world.hosts[BRIDGE].sent;
    // B has the line, too, but it was used.
    world
        .with(B, |node, now| node.add_bridge(now, &line, None))
        .unwrap();
    world.run(s(5));
    assert!(!is_attached(&world, B, BRIDGE));
    assert_eq!(world.hosts[BRIDGE].sent, sent, "no answer");
    assert!(world.dropped(BRIDGE, DropReason::Stranger) > 0);
    // A may use it again.
    world.restart(A);
    world
        .with(A, |node, now| node.add_bridge(now, &line, None))
        .unwrap();
    world.run(s(2));
    assert!(is_attached(&world, A, BRIDGE));
}

#[test]
fn a_password_admits_and_a_wrong_one_does_not() {
    let mut world = star(2);
    let salt = [3; 16];
    let right = Some((salt, password_hash(&salt, "open sesame")));
    world
        .with(BRIDGE, |node, now| node.bridge_password(now, "club", right))
        .unwrap();
    let line = world
        .with(BRIDGE, |node, now| {
            node.bridge_invite(now, "", HOUR, true, &[at(BRIDGE)])
        })
        .unwrap();
    let add = |world: &mut World, index: usize, password: Option<&str>| {
        let password = password.map(str::to_owned);
        world.with(index, |node, now| node.add_bridge(now, &line, password))
    };
    assert_eq!(add(&mut world, A, None), Err(BridgeError::PasswordNeeded));
    let before = world.hosts[BRIDGE].journal.clone();
    add(&mut world, A, Some("open barley")).unwrap();
    world.run(s(2));
    let bridge = world.f(BRIDGE);
    let refused = Event::BridgeRefused {
        bridge,
        why: AttachStatus::Password,
    };
    let events = world.take_events(A);
    assert!(
        events.contains(&refused),
        "{events:?} {:?}",
        world.hosts[BRIDGE].node.status(world.now).dropped
    );
    // It is let go, and nothing of it is kept.
    world.run(s(20));
    assert_eq!(world.hosts[BRIDGE].journal, before);
    assert!(!is_attached(&world, A, BRIDGE));
    add(&mut world, A, Some("open sesame")).unwrap();
    world.run(s(3));
    assert!(is_attached(&world, A, BRIDGE));
    let clients = world.hosts[BRIDGE].node.clients();
    assert_eq!((clients.len(), clients[0].customer.as_str()), (1, "club"));
    // From now on it needs none.
    world.restart(A);
    world.restart(BRIDGE);
    world.run(s(3));
    assert!(is_attached(&world, A, BRIDGE));
    // Guesses are limited.
    for _ in 0..12 {
        add(&mut world, B, Some("1234")).unwrap();
        world.run(s(3));
    }
    let events = world.take_events(B);
    let later = Event::BridgeRefused {
        bridge,
        why: AttachStatus::TryLater,
    };
    assert!(events.contains(&later), "{events:?}");
}

#[test]
fn whom_a_bridge_dismisses_is_out_at_once() {
    let mut world = joined();
    let b = world.f(B);
    world
        .with(BRIDGE, |node, now| {
            node.bridge_deny(now, group::Who::Address(b))
        })
        .unwrap();
    world.run(ms(10));
    assert_eq!(world.hosts[BRIDGE].node.serving(world.now).channels, 0);
    assert!(stream(&mut world, ms(10), 50).is_empty());
    world.run(s(30));
    assert!(!is_attached(&world, B, BRIDGE));
    // Allowed again by address, it is back by itself.
    world
        .with(BRIDGE, |node, now| {
            node.bridge_allow(now, allow_all(b), ClientTerms::default())
        })
        .unwrap();
    world.run(s(15));
    assert!(is_attached(&world, B, BRIDGE));
    stream(&mut world, ms(100), 30);
    assert_eq!(stream(&mut world, ms(10), 20).len(), 20);
}

#[test]
fn a_client_sends_no_more_than_it_may() {
    let mut world = star(2);
    let (a, b) = (world.f(A), world.f(B));
    attach(&mut world, BRIDGE, A, "");
    attach(&mut world, BRIDGE, B, "");
    let terms = ClientTerms {
        customer: String::new(),
        rate_bytes_s: Some(10_000),
    };
    world
        .with(BRIDGE, |node, now| {
            node.bridge_allow(now, allow_all(a), terms)
        })
        .unwrap();
    world
        .with(A, |node, now| node.allow(now, allow_all(b)))
        .unwrap();
    world
        .with(B, |node, now| node.allow(now, allow_all(a)))
        .unwrap();
    world.restart(A);
    world.run(s(2));
    stream(&mut world, ms(100), 20);
    world.take_inside(B);
    let packet = udp(a, b, (7, 7), &[0; 400]);
    for _ in 0..100 {
        world.send(A, &packet);
        world.run(ms(10));
    }
    let got = world.take_inside(B).len();
    assert!((15..45).contains(&got), "{got}");
    assert!(world.dropped(BRIDGE, DropReason::Quota) > 50);
}

#[test]
fn replays_forgeries_and_foreign_channels_deliver_nothing() {
    let mut world = joined();
    world.seen.clear();
    stream(&mut world, ms(10), 20);
    let to_bridge: Vec<Packet> = world
        .seen
        .iter()
        .filter(|p| p.to == at(BRIDGE) && p.bytes[0] == 5)
        .cloned()
        .collect();
    assert!(to_bridge.len() >= 40);
    world.take_inside(A);
    world.take_inside(B);
    let states = |world: &World| [A, B].map(|i| world.hosts[i].node.state_hash());
    let before = states(&world);
    let sent = world.hosts[BRIDGE].sent;
    for packet in &to_bridge {
        // Again, from where it came and from elsewhere.
        world.inject(BRIDGE, packet.from, &packet.bytes);
        world.inject(
            BRIDGE,
            SocketAddr::from(([203, 0, 113, 9], 9)),
            &packet.bytes,
        );
        for byte in [4, 5, 7, 8, 15, 16, 20, 24, 31] {
            let mut forged = packet.bytes.clone();
            forged[byte] ^= 1;
            world.inject(BRIDGE, packet.from, &forged);
        }
        for len in 0..packet.bytes.len().min(64) {
            world.inject(BRIDGE, packet.from, &packet.bytes[..len]);
        }
        // What goes to the Bridge is nothing for the nodes.
        world.inject(A, packet.from, &packet.bytes);
        world.inject(B, at(BRIDGE), &packet.bytes);
    }
    world.deliver();
    assert_eq!(world.hosts[BRIDGE].sent, sent, "nothing goes on");
    assert_eq!(states(&world), before);
    assert!(world.take_inside(A).is_empty() && world.take_inside(B).is_empty());
}

#[test]
fn a_node_that_roams_keeps_its_channels() {
    let mut world = joined();
    let moved = SocketAddr::from(([203, 0, 113, 66], 1_234));
    let old = at(B);
    world.hosts[B].at = moved;
    world.lose = Box::new(move |packet| packet.to == old);
    let got = stream(&mut world, ms(20), 100);
    assert!(
        got.len() == 100,
        "what B sends passes at once: {}",
        got.len()
    );
    let clients = world.hosts[BRIDGE].node.clients();
    let b = world.f(B);
    let b = clients.iter().find(|client| client.f == Some(b)).unwrap();
    assert_eq!(b.via, Some(Via::Direct(moved)));
}

#[test]
fn an_idle_node_only_pings_its_bridge() {
    let mut world = joined();
    world.run(s(400));
    assert!(!world.is_up(A, B), "idle sessions end");
    world.seen.clear();
    let begun = world.now.mono;
    world.run(LINK_PROBE * 40);
    let spent = world.now.mono - begun;
    let from_a = world.seen.iter().filter(|p| p.from == at(A)).count();
    // A ping, and every two minutes a handshake in 2 fragments and its confirmation, probes.
    let pings = spent.as_secs() / LINK_PROBE.as_secs();
    let rekeys = spent.as_secs() / 120 + 1;
    assert!(from_a as u64 <= pings + rekeys * 16, "{from_a}");
    assert!(is_attached(&world, A, BRIDGE) && is_attached(&world, B, BRIDGE));
    assert_eq!(
        stream(&mut world, ms(100), 20).len(),
        20,
        "the first packet is not lost"
    );
}

#[test]
fn nodes_that_only_know_each_others_address_meet_at_their_bridge() {
    let (mut world, a, b) = two_clients();
    world
        .with(A, |node, now| node.allow(now, allow_all(b)))
        .unwrap();
    world
        .with(B, |node, now| node.allow(now, allow_all(a)))
        .unwrap();
    assert_eq!(stream(&mut world, ms(100), 20).len(), 20);
}

#[test]
fn who_is_allowed_after_it_called_is_reached_over_the_channel_that_it_opened() {
    let (mut world, a, b) = two_clients();
    world
        .with(A, |node, now| node.allow(now, allow_all(b)))
        .unwrap();
    world.with(A, |node, now| node.connect(now, b)).unwrap();
    world.run(s(5));
    assert!(!world.is_up(A, B), "B does not know A yet");
    world
        .with(B, |node, now| node.allow(now, allow_all(a)))
        .unwrap();
    world.with(B, |node, now| node.connect(now, a)).unwrap();
    world.run(s(1));
    assert!(world.is_up(B, A));
}

#[test]
fn what_was_sent_to_a_client_is_nothing_for_the_bridge() {
    let mut world = joined();
    world.seen.clear();
    stream(&mut world, ms(10), 20);
    let from_bridge = |p: &&Packet| p.from == at(BRIDGE) && p.bytes[0] == 5;
    let sent: Vec<Packet> = world.seen.iter().filter(from_bridge).cloned().collect();
    assert!(sent.len() >= 40);
    let count = world.hosts[BRIDGE].sent;
    let elsewhere = SocketAddr::from(([203, 0, 113, 9], 9));
    for packet in sent {
        world.inject(BRIDGE, elsewhere, &packet.bytes);
        world.inject(BRIDGE, packet.to, &packet.bytes);
    }
    world.deliver();
    assert_eq!(world.hosts[BRIDGE].sent, count);
}

#[test]
fn commands_about_bridges_name_what_is_wrong() {
    let mut world = star(1);
    let deny = |node: &mut node::Node, now| {
        node.bridge_deny(now, group::Who::Address(NodeAddr([0xfc; 16])))
    };
    assert_eq!(world.with(A, deny), Err(BridgeError::NotServing));
    let f = world.f(A);
    let forget = world.with(A, |node, now| node.forget_bridge(now, f));
    assert_eq!(forget, Err(BridgeError::Unknown));
    let line = line(&mut world, BRIDGE, "");
    let own = world.with(BRIDGE, |node, now| node.add_bridge(now, &line, None));
    assert_eq!(own, Err(BridgeError::Own));
    let invite = world
        .with(A, |node, now| node.invite(now, HOUR, &[at(A)]))
        .unwrap();
    let wrong = world.with(A, |node, now| node.add_bridge(now, &invite, None));
    assert_eq!(wrong, Err(BridgeError::NotABridge));
    let join = world.with(A, |node, now| node.join(now, &line));
    assert_eq!(join, Err(node::JoinError::Bridge));
    let long = "x".repeat(33);
    let terms = ClientTerms {
        customer: long,
        rate_bytes_s: None,
    };
    let refused = world.with(BRIDGE, |node, now| {
        node.bridge_allow(now, allow_all(f), terms)
    });
    assert_eq!(refused, Err(BridgeError::CustomerName));
    // Down while it is none of ours changes nothing.
    let id = wire::StreamId::new(77);
    world.with(A, |node, now| {
        node.handle_stream(now, StreamEvent::Down { id })
    });
}
