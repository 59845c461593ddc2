//! Rules: who may talk, what they may reach, and how fast a rule takes effect.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where it is surprised"
)]

mod common;

use std::sync::Arc;

use common::{World, allow_all, icmp6, ipv6, s, syn, udp};
use group::{AllowEntry, AllowError, FlowTable, PortRange, Proto, Services, Who};
use node::{ConnectError, DownWhy, DropReason, Event, Inbound, PingError};
use wire::ip::{Ecn, IpView};

#[test]
fn the_first_packet_is_not_lost() {
    let mut world = World::new(2);
    world.join(0, 1);
    world.restart(0);
    world.restart(1);
    let (a, b) = (world.f(0), world.f(1));
    let packets: Vec<_> = (0..20).map(|n| udp(a, b, (1, 2), &[n; 100])).collect();
    for packet in &packets {
        world.send(0, packet);
    }
    world.deliver();
    assert_eq!(
        world.take_inside(1),
        packets,
        "all of them, in order, in no time"
    );
}

#[test]
fn the_first_packet_waits_for_a_peer_that_is_looked_for() {
    let mut world = World::new(2);
    let (a, b) = (world.f(0), world.f(1));
    world
        .with(0, |node, now| node.allow(now, allow_all(b)))
        .unwrap();
    world
        .with(1, |node, now| node.allow(now, allow_all(a)))
        .unwrap();
    let packet = udp(a, b, (1, 2), b"where are you");
    world.send(0, &packet);
    world.with(0, |node, now| node.ping(now, b, 3)).unwrap();
    assert!(world.seen.is_empty(), "nobody to send it to");
    world.lan = true;
    world.run(s(7));
    assert_eq!(world.take_inside(1), [packet]);
    assert!(
        world.hosts[0]
            .events
            .iter()
            .any(|e| matches!(e, Event::Echo { id: 3, .. }))
    );
}

#[test]
fn a_peer_that_nobody_finds_is_given_up() {
    let mut world = World::new(2);
    let (a, b) = (world.f(0), world.f(1));
    world
        .with(0, |node, now| node.allow(now, allow_all(b)))
        .unwrap();
    world.send(0, &udp(a, b, (1, 2), b"x"));
    world.with(0, |node, now| node.ping(now, b, 3)).unwrap();
    world.run(s(91));
    assert_eq!(world.take_events(0), [Event::EchoLost { peer: b, id: 3 }]);
    assert_eq!(world.dropped(0, DropReason::Unreachable), 1);
    let why = world.hosts[0].node.poll_timeout().map(|(_, why)| why);
    let nothing = Some(node::Wake::Certificate);
    assert_eq!(why, nothing, "and nothing wakes the node for 20 days");
}

#[test]
fn parking_is_bounded() {
    let mut world = World::new(2);
    let (a, b) = (world.f(0), world.f(1));
    world
        .with(0, |node, now| node.allow(now, allow_all(b)))
        .unwrap();
    for _ in 0..200 {
        world.send(0, &udp(a, b, (1, 2), b"x"));
    }
    assert_eq!(world.dropped(0, DropReason::ParkedFull), 200 - 128);
    for id in 0..node::WANTED_PINGS_MAX as u32 {
        world.with(0, |node, now| node.ping(now, b, id)).unwrap();
    }
    let refused = world.with(0, |node, now| node.ping(now, b, 99));
    assert_eq!(refused, Err(PingError::TooMany(b)));
}

#[test]
fn deny_ends_the_session_at_once_and_for_good() {
    let mut world = World::new(2);
    world.join(0, 1);
    let (a, b) = (world.f(0), world.f(1));
    let packet = udp(b, a, (1, 2), b"x");
    world.send(1, &packet);
    let datagram = world.wire.pop_front().unwrap();
    let old = Arc::clone(&world.hosts[0].published);
    world.take_events(0);
    world.with(0, |node, now| node.deny(now, Who::Address(b)));
    let why = DownWhy::NotAllowed;
    assert_eq!(world.take_events(0), [Event::SessionDown { peer: b, why }]);
    // A data thread that still holds the old snapshot delivers nothing either.
    let mut bytes = datagram.bytes.clone();
    let flows = FlowTable::default();
    let verdict = old.inbound(
        world.now.mono,
        &flows,
        datagram.from.into(),
        Ecn::NotEct,
        &mut bytes,
    );
    assert!(
        matches!(verdict, Inbound::Drop(DropReason::Dead)),
        "{verdict:?}"
    );
    world.inject(0, datagram.from, &datagram.bytes);
    world.deliver();
    assert!(world.take_inside(0).is_empty());
    let why = DownWhy::PeerRefused;
    assert!(
        world.hosts[1]
            .events
            .contains(&Event::SessionDown { peer: a, why })
    );
    // It calls and calls.
    let sent = world.hosts[0].sent;
    world.send(1, &packet);
    world.run(s(100));
    assert_eq!(world.hosts[0].sent, sent, "silence");
    assert!(world.dropped(0, DropReason::Stranger) > 5);
    assert!(world.take_inside(0).is_empty());
    // And after a restart.
    world.restart(0);
    world.send(1, &packet);
    world.run(s(10));
    assert!(world.take_inside(0).is_empty());
    assert!(!world.is_up(0, 1));
}

#[test]
fn a_denied_peer_that_is_allowed_again_comes_back() {
    let mut world = World::new(2);
    world.join(0, 1);
    let (a, b) = (world.f(0), world.f(1));
    world.with(0, |node, now| node.deny(now, Who::Address(b)));
    world.deliver();
    world
        .with(0, |node, now| node.allow(now, allow_all(b)))
        .unwrap();
    let packet = udp(b, a, (1, 2), b"back");
    world.send(1, &packet);
    world.deliver();
    assert_eq!(world.take_inside(0), [packet]);
}

#[test]
fn a_peer_limited_to_ssh() {
    let mut world = World::new(2);
    world.join(0, 1);
    let (a, b) = (world.f(0), world.f(1));
    let ssh = PortRange {
        proto: Proto::Tcp,
        lo: 22,
        hi: 22,
    };
    let entry = AllowEntry {
        services: Services::Ports(vec![ssh]),
        ..allow_all(b)
    };
    world.with(0, |node, now| node.allow(now, entry)).unwrap();
    let mut passes = |packet: Vec<u8>| {
        world.send(1, &packet);
        world.deliver();
        let passed = world.take_inside(0) == [packet];
        world.take_inside(1);
        passed
    };
    assert!(passes(syn(b, a, (50_000, 22))));
    assert!(!passes(syn(b, a, (50_000, 80))));
    assert!(!passes(udp(b, a, (50_000, 22), b"x")));
    assert!(passes(icmp6(b, a, 128)), "echo");
    assert!(!passes(icmp6(b, a, 134)), "router advertisement");
    assert!(!passes(udp(b, a, (53, 40_000), b"answer?")), "nobody asked");
    assert!(world.dropped(0, DropReason::ServiceDenied) >= 4);
    // The limited node's other end asks, and is answered on that flow alone.
    world.send(0, &udp(a, b, (40_000, 53), b"question"));
    world.deliver();
    assert_eq!(
        world.take_inside(1).len(),
        1,
        "outwards is the other end's to limit"
    );
    for (ports, passes) in [
        ((53, 40_000), true),
        ((54, 40_000), false),
        ((53, 40_001), false),
    ] {
        world.send(1, &udp(b, a, ports, b"answer"));
        world.deliver();
        assert_eq!(world.take_inside(0).len(), usize::from(passes), "{ports:?}");
    }
}

#[test]
fn a_parked_question_is_answered_too() {
    let mut world = World::new(2);
    world.join(0, 1);
    let (a, b) = (world.f(0), world.f(1));
    let ssh = PortRange {
        proto: Proto::Tcp,
        lo: 22,
        hi: 22,
    };
    let entry = AllowEntry {
        services: Services::Ports(vec![ssh]),
        ..allow_all(b)
    };
    world.with(0, |node, now| node.allow(now, entry)).unwrap();
    world.restart(0);
    world.send(0, &udp(a, b, (40_000, 53), b"question"));
    world.deliver();
    world.send(1, &udp(b, a, (53, 40_000), b"answer"));
    world.deliver();
    assert_eq!(world.take_inside(0).len(), 1);
}

#[test]
fn a_key_entry_lets_in_its_node_and_nobody_else() {
    let mut world = World::new(3);
    let (a, b) = (world.f(0), world.f(1));
    let key = world.hosts[1].node.status(world.now).root_key;
    let by_key = AllowEntry {
        who: Who::RootKey(key),
        ..allow_all(b)
    };
    world.with(0, |node, now| node.allow(now, by_key)).unwrap();
    for host in [1, 2] {
        world
            .with(host, |node, now| node.allow(now, allow_all(a)))
            .unwrap();
    }
    world.lan = true;
    for host in [1, 2] {
        world.with(host, |node, now| node.connect(now, a)).unwrap();
    }
    world.with(0, |node, now| node.handle_local_endpoints(now, Vec::new()));
    world.run(s(10));
    assert!(world.is_up(0, 1) && !world.is_up(0, 2));
    assert_eq!(world.hosts[0].journal.rules.bound(&key), Some(b));
    world.with(0, |node, now| node.deny(now, Who::RootKey(key)));
    assert!(!world.is_up(0, 1));
    assert_eq!(
        world.with(0, |node, now| node.ping(now, b, 1)),
        Err(PingError::Connect(ConnectError::Denied(b)))
    );
}

#[test]
fn the_local_program_hears_why_and_strangers_hear_nothing() {
    let mut world = World::new(2);
    let (a, b) = (world.f(0), world.f(1));
    world.send(0, &udp(a, b, (1, 2), b"x"));
    let reply = world.take_inside(0);
    let view = IpView::parse(&reply[0]).unwrap();
    assert_eq!(
        (view.icmp(), view.dst()),
        (Some((1, 1)), a.into()),
        "prohibited"
    );
    world.send(0, &udp(a, "2001:db8::1".parse().unwrap(), (1, 2), b"x"));
    let reply = world.take_inside(0);
    assert_eq!(
        IpView::parse(&reply[0]).unwrap().icmp(),
        Some((1, 0)),
        "no route"
    );
    world.send(0, &udp(b, a, (1, 2), b"spoofed"));
    world.send(0, &udp(a, "ff02::1".parse().unwrap(), (1, 2), b"x"));
    world.send(0, b"\x45nonsense");
    assert!(world.take_inside(0).is_empty());
    assert!(
        world.seen.is_empty(),
        "and nothing of it reached the underlay"
    );
}

#[test]
fn packets_of_any_size_up_to_the_peers_mtu_arrive() {
    let mut world = World::new(2);
    world.join(0, 1);
    let (a, b) = (world.f(0), world.f(1));
    for size in [0, 1, 1_100, 1_151, 1_152, 1_180, 1_300, 1_352, 5_000, 8_871] {
        let packet = udp(a, b, (1, 2), &vec![7; size]);
        world.send(0, &packet);
        world.deliver();
        assert_eq!(world.take_inside(1), [packet], "{size}");
    }
    world.send(0, &udp(a, b, (1, 2), &[7; 8_872]));
    let reply = world.take_inside(0);
    assert_eq!(
        IpView::parse(&reply[0]).unwrap().icmp(),
        Some((2, 0)),
        "too big"
    );
}

#[test]
fn a_packet_that_is_long_for_the_path_arrives_and_its_sender_is_told() {
    let mut world = World::new(2);
    world.lose = Box::new(|packet| packet.bytes.len() > 1_472);
    world.join(0, 1);
    let (a, b) = (world.f(0), world.f(1));
    // Of a new path nothing is known: what passes nearly everywhere is what programs are told.
    world.run(s(5));
    let long = udp(a, b, (1, 2), &[7; 5_000]);
    world.send(0, &long);
    world.deliver();
    assert_eq!(world.take_inside(1), [long], "in pieces");
    let told = world.take_inside(0);
    let mtu = told[0].get(44..48).unwrap();
    assert_eq!(IpView::parse(&told[0]).unwrap().icmp(), Some((2, 0)));
    assert_eq!(mtu, 1_439u32.to_be_bytes());
    let fits = udp(a, b, (1, 2), &[7; 1_439 - 48]);
    let before = world.seen.len();
    world.send(0, &fits);
    world.deliver();
    assert_eq!(world.take_inside(1), [fits]);
    assert_eq!(world.seen.len(), before + 1, "in one datagram");
    assert!(world.take_inside(0).is_empty());
}

#[test]
fn own_names_and_bad_entries_are_refused() {
    let mut world = World::new(1);
    let a = world.f(0);
    let root = world.hosts[0].node.status(world.now).root_key;
    for who in [Who::Address(a), Who::RootKey(root)] {
        let entry = AllowEntry {
            who,
            ..allow_all(a)
        };
        let refused = world.with(0, |node, now| node.allow(now, entry));
        assert_eq!(refused, Err(AllowError::Own));
    }
    assert_eq!(
        world.with(0, |node, now| node.connect(now, a)),
        Err(ConnectError::Own(a))
    );
    let nobody = "2001:db8::1".parse().unwrap();
    assert_eq!(
        world.with(0, |node, now| node.connect(now, nobody)),
        Err(ConnectError::NotANode(nobody))
    );
}

#[test]
fn aliases_reach_peers_and_only_peers() {
    let mut world = World::new(3);
    world.join(0, 1);
    let a = world.f(0);
    let alias = |world: &World, i: usize| world.hosts[i].node.status(world.now).alias;
    let packet = udp(a, alias(&world, 1), (1, 2), b"by alias");
    world.send(0, &packet);
    world.deliver();
    assert_eq!(world.take_inside(1), [packet]);
    let back = udp(alias(&world, 1), a, (2, 1), b"and back");
    world.send(1, &back);
    world.deliver();
    assert_eq!(world.take_inside(0), [back]);
    let stranger = alias(&world, 2);
    world.send(0, &udp(a, stranger, (1, 2), b"x"));
    let reply = world.take_inside(0);
    assert_eq!(IpView::parse(&reply[0]).unwrap().icmp(), Some((1, 0)));
}

/// Type and code of an ICMPv6 error, and the packet that it is about.
fn unreachable(reply: &[u8]) -> ((u8, u8), &[u8]) {
    assert_eq!(reply[6], 58, "ICMPv6");
    ((reply[40], reply[41]), &reply[48..])
}

#[test]
fn a_program_is_told_when_a_known_peer_does_not_answer() {
    let mut world = World::new(2);
    world.join(0, 1);
    world.run(s(400));
    let (a, b) = (world.f(0), world.f(1));
    world.lose = Box::new(|_| true);
    let first = syn(a, b, (5_000, 22));
    // A program that tries again, and another one.
    for packet in [&first, &first, &first, &syn(a, b, (5_001, 80))] {
        world.send(0, packet);
    }
    world.run(s(80));
    assert_eq!(world.take_inside(0), Vec::<Vec<u8>>::new(), "still trying");
    world.run(s(15));
    let told = world.take_inside(0);
    assert_eq!(told.len(), 2, "one for each connection");
    assert_eq!(unreachable(&told[0]), ((1, 3), &first[..]));
    assert_eq!(world.dropped(0, DropReason::Unreachable), 4);
}

#[test]
fn a_program_is_told_when_nobody_finds_the_peer_but_never_of_an_icmp_error() {
    let mut world = World::new(2);
    let (a, b) = (world.f(0), world.f(1));
    world
        .with(0, |node, now| node.allow(now, allow_all(b)))
        .unwrap();
    let packet = syn(a, b, (5_000, 22));
    world.send(0, &packet);
    world.send(0, &icmp6(a, b, 1));
    world.run(s(91));
    let told = world.take_inside(0);
    assert_eq!(told.len(), 1);
    assert_eq!(unreachable(&told[0]), ((1, 3), &packet[..]));
}

#[test]
fn programs_are_told_of_unreachable_peers_at_a_bounded_rate() {
    let mut world = World::new(1);
    let a = world.f(0);
    for seed in 2..5 {
        let b = common::Owner::new(seed).history.address();
        world
            .with(0, |node, now| node.allow(now, allow_all(b)))
            .unwrap();
        for port in 0..60 {
            world.send(0, &syn(a, b, (5_000 + port, 22)));
        }
    }
    world.run(s(91));
    assert_eq!(world.dropped(0, DropReason::Unreachable), 180);
    let most = node::UNREACHABLE_PER_SECOND_MAX as usize;
    assert_eq!(world.take_inside(0).len(), most);
}

#[test]
fn a_peer_that_knocks_from_ever_new_ports_pushes_out_no_flow() {
    let mut world = World::new(2);
    world.join(0, 1);
    let (a, b) = (world.f(0), world.f(1));
    let ssh = PortRange {
        proto: Proto::Tcp,
        lo: 22,
        hi: 22,
    };
    let entry = AllowEntry {
        services: Services::Ports(vec![ssh]),
        ..allow_all(b)
    };
    world.with(0, |node, now| node.allow(now, entry)).unwrap();
    world.send(0, &syn(a, b, (40_000, 80)));
    assert_eq!(world.hosts[0].node.flows().len(), 1);
    for port in 50_000..50_100 {
        world.send(0, &syn(a, b, (22, port)));
    }
    assert_eq!(world.hosts[0].node.flows().len(), 1, "answers on port 22");
}

#[test]
fn icmp_errors_concern_packets_to_their_sender_only() {
    let mut world = World::new(3);
    world.join(0, 1);
    world.join(0, 2);
    let (a, b, c) = (world.f(0), world.f(1), world.f(2));
    let error_about = |packet: &[u8]| {
        let upper = [&[1, 4, 0, 0, 0, 0, 0, 0], packet].concat();
        ipv6(b, a, 58, &upper)
    };
    let cases = [
        (error_about(&udp(a, b, (1, 2), b"x")), true),
        (error_about(&udp(a, c, (1, 2), b"x")), false),
        (error_about(&udp(b, a, (1, 2), b"x")), false),
        (error_about(&udp(a, b, (1, 2), b"x")[..39]), false),
    ];
    for (packet, passes) in cases {
        world.send(1, &packet);
        world.deliver();
        assert_eq!(world.take_inside(0).len(), usize::from(passes));
    }
}
