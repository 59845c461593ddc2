//! IPv4 inside and announced prefixes: what leads where, and whose word counts.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where it is surprised"
)]

mod common;

use common::{World, allow_all, ipv4, s, udp, udp_segment};
use group::AllowEntry;
use identity::Scopes;
use node::{DropReason, NodeConfig, PrefixState, Stored};
use wire::Prefix;
use wire::ip::{IpView, checksum, proto};

fn prefixes(texts: &[&str]) -> Vec<Prefix> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn announcing(texts: &[&str]) -> NodeConfig {
    NodeConfig {
        announce: prefixes(texts),
        ..NodeConfig::default()
    }
}

fn accept(world: &mut World, at: usize, of: usize, texts: &[&str]) {
    let entry = AllowEntry {
        accepts: prefixes(texts),
        ..allow_all(world.f(of))
    };
    world.with(at, |node, now| node.allow(now, entry)).unwrap();
}

/// An IPv4 packet with `len` bytes of payload.
fn v4(src: &str, dst: &str, df: bool, len: usize) -> Vec<u8> {
    ipv4(
        src,
        dst,
        proto::UDP,
        df,
        &udp_segment((7, 9), &vec![7; len]),
    )
}

/// What a node says about what a peer announces.
fn announced(world: &World, at: usize, of: usize) -> Vec<(String, PrefixState)> {
    let f = world.f(of);
    let peers = world.hosts[at].node.peers(world.now);
    let peer = peers.iter().find(|peer| peer.f == Some(f)).unwrap();
    let rows = peer.announces.iter();
    rows.map(|row| (row.prefix.to_string(), row.state))
        .collect()
}

/// Node 1 and more each before a LAN 10.N.0.0/16, joined by node 0 before 10.0.0.0/16.
fn star(count: u8) -> World {
    let mut world = World::new(count);
    for n in 0..usize::from(count) {
        world.configure(n, announcing(&[&format!("10.{n}.0.0/16")]));
    }
    for n in 1..usize::from(count) {
        world.join(0, n);
        accept(&mut world, n, 0, &["10.0.0.0/16"]);
    }
    world.run(s(1));
    world
}

/// A node that was started again calls node 0, and says what it announces now.
fn hello(world: &mut World, from: usize) {
    let packet = udp(world.f(from), world.f(0), (1, 2), b"hello");
    world.send(from, &packet);
    world.run(s(1));
    assert_eq!(world.take_inside(0), [packet]);
}

#[test]
fn a_prefix_leads_to_its_peer_once_it_is_accepted_and_no_longer() {
    use PrefixState::{NotAccepted, Used};
    let mut world = star(2);
    let packet = v4("10.0.0.5", "10.1.0.5", true, 100);
    let lan = || "10.1.0.0/16".to_owned();
    assert_eq!(announced(&world, 0, 1), [(lan(), NotAccepted)]);
    world.send(0, &packet);
    let reply = world.take_inside(0).pop().unwrap();
    let view = IpView::parse(&reply).unwrap();
    assert_eq!(
        (view.icmp(), view.dst().to_string()),
        (Some((3, 0)), "10.0.0.5".to_owned())
    );
    assert_eq!(world.dropped(0, DropReason::NoRoute), 1);

    accept(&mut world, 0, 1, &["10.1.0.0/17"]);
    assert_eq!(
        announced(&world, 0, 1),
        [(lan(), NotAccepted)],
        "too narrow"
    );
    accept(&mut world, 0, 1, &["10.0.0.0/8"]);
    assert_eq!(announced(&world, 0, 1), [(lan(), Used)]);
    world.send(0, &packet);
    world.deliver();
    assert_eq!(world.take_inside(1), std::slice::from_ref(&packet));
    let back = v4("10.1.0.5", "10.0.0.5", true, 100);
    world.send(1, &back);
    world.deliver();
    let arrived = world.take_inside(0);
    assert_eq!(arrived, std::slice::from_ref(&back), "and from it");

    accept(&mut world, 0, 1, &[]);
    world.send(0, &packet);
    world.send(1, &back);
    world.deliver();
    assert!(world.take_inside(1).is_empty());
    assert_eq!(world.dropped(0, DropReason::SourceNotPeer), 1);
}

#[test]
fn a_packet_of_nobody_here_does_not_leave() {
    let mut world = star(2);
    accept(&mut world, 0, 1, &["10.1.0.0/16"]);
    for src in ["10.1.0.5", "10.2.0.5", "192.0.2.1", "127.0.0.1"] {
        world.send(0, &v4(src, "10.1.0.9", true, 10));
    }
    assert_eq!(world.dropped(0, DropReason::SourceNotOwn), 4);
    for dst in ["10.0.0.9", "224.0.0.1"] {
        world.send(0, &v4("10.0.0.5", dst, true, 10));
    }
    assert_eq!(world.dropped(0, DropReason::NoRoute), 2);
    assert!(world.wire.is_empty());
}

#[test]
fn own_datagrams_do_not_go_round_in_the_tunnel() {
    let mut world = star(2);
    accept(&mut world, 0, 1, &["10.1.0.0/16"]);
    let own = NodeConfig {
        addresses: vec![[10, 77, 0, 1].into()],
        ..announcing(&["10.0.0.0/16"])
    };
    world.configure(0, own);
    let endpoint = "10.0.0.1:4000".parse().unwrap();
    world.with(0, |node, now| {
        node.handle_local_endpoints(now, vec![endpoint])
    });
    world.restart(1);
    hello(&mut world, 1);
    let port = world.hosts[0].at.port();
    let from = |src: &str, port| {
        ipv4(
            src,
            "10.1.0.1",
            proto::UDP,
            true,
            &udp_segment((port, port), b"sealed"),
        )
    };
    for src in ["10.0.0.1", "10.77.0.1"] {
        world.send(0, &from(src, port));
    }
    assert_eq!(world.dropped(0, DropReason::NoRoute), 2);
    // Another node behind this one may use the same port, and this host another.
    accept(&mut world, 1, 0, &["10.0.0.0/16", "10.77.0.1"]);
    let passes = [
        from("10.0.0.2", port),
        from("10.0.0.1", port + 1),
        from("10.77.0.1", 53),
    ];
    for packet in &passes {
        world.send(0, packet);
    }
    world.run(s(1));
    assert_eq!(world.take_inside(1), passes);
}

#[test]
fn the_longest_prefix_wins_and_of_two_equal_ones_neither() {
    use PrefixState::{Contested, Used};
    let mut world = star(3);
    world.configure(2, announcing(&["10.1.128.0/17", "10.9.0.0/16"]));
    accept(&mut world, 2, 0, &["10.0.0.0/16"]);
    accept(&mut world, 0, 1, &["10.0.0.0/8"]);
    accept(&mut world, 0, 2, &["10.0.0.0/8"]);
    hello(&mut world, 2);
    for (dst, at) in [("10.1.0.5", 1), ("10.1.128.5", 2), ("10.9.0.1", 2)] {
        let packet = v4("10.0.0.5", dst, true, 10);
        world.send(0, &packet);
        world.run(s(1));
        assert_eq!(world.take_inside(at), [packet], "{dst}");
    }
    world.configure(
        1,
        announcing(&["10.9.0.0/16", "10.0.0.0/16", "10.1.0.0/16"]),
    );
    hello(&mut world, 1);
    let row = |text: &str, state| (text.to_owned(), state);
    assert_eq!(
        announced(&world, 0, 1),
        [
            row("10.0.0.0/16", Contested),
            row("10.1.0.0/16", Used),
            row("10.9.0.0/16", Contested)
        ]
    );
    let both = [row("10.1.128.0/17", Used), row("10.9.0.0/16", Contested)];
    assert_eq!(announced(&world, 0, 2), both);
    world.send(0, &v4("10.0.0.5", "10.9.0.1", true, 10));
    world.run(s(1));
    assert!(world.take_inside(1).is_empty() && world.take_inside(2).is_empty());
    // What is this node's own stays its own.
    world.take_inside(0);
    let home = v4("10.1.0.5", "10.0.0.5", true, 10);
    world.send(1, &home);
    world.run(s(1));
    assert_eq!(
        world.take_inside(0),
        [] as [Vec<u8>; 0],
        "node 1 holds that itself"
    );
    let home = v4("10.1.128.5", "10.0.0.5", true, 10);
    world.send(2, &home);
    world.run(s(1));
    assert_eq!(world.take_inside(0), [home]);
}

#[test]
fn the_first_packet_to_a_plain_host_starts_a_session_even_after_a_restart() {
    let mut world = star(2);
    accept(&mut world, 0, 1, &["10.1.0.0/16"]);
    world.restart(0);
    world.restart(1);
    assert!(!world.is_up(0, 1));
    let packets: Vec<_> = (1..20)
        .map(|n| v4("10.0.0.5", "10.1.0.5", true, n))
        .collect();
    for packet in &packets {
        world.send(0, packet);
    }
    world.deliver();
    assert_eq!(world.take_inside(1), packets);
}

#[test]
fn a_list_replaces_the_one_before_and_is_checked_again() {
    let mut world = star(2);
    accept(&mut world, 0, 1, &["10.0.0.0/8"]);
    assert_eq!(announced(&world, 0, 1).len(), 1);
    for texts in [&["10.5.0.0/16", "10.6.0.0/16"][..], &[]] {
        world.configure(1, announcing(texts));
        hello(&mut world, 1);
        let rows = announced(&world, 0, 1);
        let names: Vec<_> = rows.iter().map(|row| row.0.as_str()).collect();
        assert_eq!(names, texts);
    }
}

#[test]
fn a_certificate_without_the_scope_announces_nothing() {
    let mut world = star(2);
    accept(&mut world, 0, 1, &["10.1.0.0/16"]);
    assert_eq!(announced(&world, 0, 1).len(), 1);
    let owner = &mut world.hosts[1].owner;
    (owner.scopes, owner.counter) = (Scopes::TALK, owner.counter + 1);
    world.hosts[1].journal = Stored::default();
    let line = world.with(0, |node, now| {
        let at = std::net::SocketAddr::from(([192, 0, 2, 1], 4_000));
        node.invite(now, 3_600, &[at]).unwrap()
    });
    world.restart(1);
    world.with(1, |node, now| node.join(now, &line)).unwrap();
    world.run(s(1));
    assert!(world.is_up(0, 1));
    assert_eq!(announced(&world, 0, 1), []);
    world.send(0, &v4("10.0.0.5", "10.1.0.5", true, 10));
    world.run(s(1));
    assert!(world.take_inside(1).is_empty());
}

#[test]
fn what_does_not_fit_the_peer_is_told_or_goes_in_pieces() {
    let mut world = star(2);
    accept(&mut world, 0, 1, &["10.1.0.0/16"]);
    let small = NodeConfig {
        inner_mtu: 1_280,
        ..announcing(&["10.1.0.0/16"])
    };
    world.configure(1, small);
    world.restart(0);
    world.send(0, &v4("10.0.0.5", "10.1.0.5", true, 10));
    world.run(s(1));
    world.take_inside(1);
    // With DF the sender hears what fits; the answer comes from beyond, as a router's would.
    world.send(0, &v4("10.0.0.5", "10.1.0.5", true, 1_300));
    let reply = world.take_inside(0).pop().unwrap();
    let view = IpView::parse(&reply).unwrap();
    assert_eq!(view.icmp(), Some((3, 4)));
    assert_eq!(view.upper()[6..8], 1_280_u16.to_be_bytes());
    assert_eq!(checksum::checksum(view.upper()), 0);
    assert_eq!(checksum::checksum(&reply[..20]), 0);
    assert_eq!(view.src().to_string(), "10.1.0.5");
    assert_eq!(view.dst().to_string(), "10.0.0.5");
    // Without DF it arrives whole.
    for len in [1_300, 9_000, 60_000] {
        let packet = v4("10.0.0.5", "10.1.0.5", false, len);
        world.send(0, &packet);
        world.run(s(1));
        assert_eq!(world.take_inside(1), [packet], "{len}");
    }
    // One that fits goes, DF or not, whatever the path outside carries.
    let packet = v4("10.0.0.5", "10.1.0.5", true, 1_252);
    world.send(0, &packet);
    world.run(s(1));
    assert_eq!(world.take_inside(1), [packet]);
}
