//! Prefixes at both speeds: what a peer that cheats may not send, sizes, and the MSS.

use group::{AllowEntry, PortRange, Proto, Services};
use wire::ip::{Ecn, IpView, checksum, proto, set_ecn, tcp};
use wire::stream::{PREFIXES_MAX, TYPE_PREFIXES};
use wire::{NodeAddr, Prefix};

use super::DropReason;
use super::tests::common::{World, allow_all, icmp6, ipv4, ipv6, s, syn_segment, udp, udp_segment};
use super::tests::{fast_in, seal, slow_in};
use crate::NodeConfig;

fn prefixes(texts: &[&str]) -> Vec<Prefix> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn addr(text: &str) -> NodeAddr {
    text.parse().unwrap()
}

/// Two nodes, each before a LAN, that accept each other's; a third one beside, accepted by the
/// first.
fn lans() -> World {
    let mut world = World::new(3);
    world.join(0, 1);
    let third = NodeConfig {
        announce: prefixes(&["192.168.30.0/24"]),
        ..NodeConfig::default()
    };
    world.configure(2, third);
    for (own, other, v4, v6, ip) in [
        (0, 1, "192.168.10.0/24", "fd00:10::/64", [10, 77, 0, 1]),
        (1, 0, "192.168.20.0/24", "fd00:20::/64", [10, 77, 0, 2]),
    ] {
        let config = NodeConfig {
            addresses: vec![ip.into()],
            announce: prefixes(&[v4, v6]),
            ..NodeConfig::default()
        };
        world.configure(own, config);
        let f = world.f(own);
        let entry = AllowEntry {
            accepts: prefixes(&["10.77.0.0/16", v4, v6]),
            ..allow_all(f)
        };
        world
            .with(other, |node, now| node.allow(now, entry))
            .unwrap();
    }
    let (a, b) = (world.f(0), world.f(1));
    world.send(0, &udp(a, b, (1, 2), b"hello"));
    world.deliver();
    assert_eq!(world.take_inside(1).len(), 1);
    world.join(0, 2);
    let third = AllowEntry {
        accepts: prefixes(&["192.168.30.0/24"]),
        ..allow_all(world.f(2))
    };
    world.with(0, |node, now| node.allow(now, third)).unwrap();
    assert_eq!(world.hosts[0].published.peer_prefixes().count(), 4);
    world
}

/// A UDP packet of the version of its addresses.
fn packet(src: &str, dst: &str) -> Vec<u8> {
    if src.contains(':') {
        udp(addr(src), addr(dst), (7, 9), b"x")
    } else {
        ipv4(src, dst, proto::UDP, true, &udp_segment((7, 9), b"x"))
    }
}

/// An ICMP error "unreachable" of either version about `packet`.
fn unreachable(src: &str, dst: &str, about: &[u8]) -> Vec<u8> {
    let is_v6 = src.contains(':');
    let body = [&[if is_v6 { 1 } else { 3 }, 0, 0, 0, 0, 0, 0, 0], about].concat();
    if is_v6 {
        ipv6(addr(src), addr(dst), proto::ICMPV6, &body)
    } else {
        ipv4(src, dst, proto::ICMP, false, &body)
    }
}

/// Asks both speeds about a packet that node 1 seals for node 0.
fn judge(world: &mut World, packet: &[u8]) -> Result<Vec<u8>, DropReason> {
    let fast = seal(world, 1, 0, packet);
    let slow = seal(world, 1, 0, packet);
    let fast = fast_in(world, 0, 1, Ecn::NotEct, &fast);
    let slow = slow_in(world, 0, 1, Ecn::NotEct, &slow);
    assert_eq!(fast, slow);
    fast
}

#[test]
fn both_speeds_let_in_what_lies_behind_the_peer_and_nothing_else() {
    let mut world = lans();
    let own_f = world.f(0).to_string();
    for (src, dst) in [
        ("192.168.20.2", "192.168.10.2"),
        ("10.77.0.2", "10.77.0.1"),
        ("fd00:20::2", "fd00:10::2"),
        ("fd00:20::2", &own_f),
    ] {
        let packet = packet(src, dst);
        assert_eq!(judge(&mut world, &packet), Ok(packet));
    }
    for (src, dst) in [
        // This node's own, nobody's, one that is not accepted, another peer's.
        ("192.168.10.9", "192.168.10.2"),
        ("10.77.0.1", "192.168.10.2"),
        ("10.77.0.3", "192.168.10.2"),
        ("192.168.21.2", "192.168.10.2"),
        ("fd00:21::2", "fd00:10::2"),
        ("192.168.30.2", "192.168.10.2"),
        ("::ffff:192.168.20.2", "fd00:10::2"),
    ] {
        let verdict = judge(&mut world, &packet(src, dst));
        assert_eq!(verdict, Err(DropReason::SourceNotPeer), "{src}");
    }
    for (src, dst) in [
        // Its own, nobody's, another peer's: nothing is forwarded from peer to peer.
        ("192.168.20.2", "192.168.20.3"),
        ("192.168.20.2", "192.168.40.2"),
        ("192.168.20.2", "192.168.30.2"),
        ("192.168.20.2", "224.0.0.1"),
        ("192.168.20.2", "255.255.255.255"),
        ("fd00:20::2", "::ffff:192.168.10.2"),
        ("fd00:20::2", "ff02::1"),
    ] {
        let verdict = judge(&mut world, &packet(src, dst));
        assert_eq!(verdict, Err(DropReason::NotForUs), "{dst}");
    }
}

#[test]
fn both_speeds_take_errors_about_what_was_sent_to_that_very_peer_only() {
    let mut world = lans();
    for (src, dst, asked, passes) in [
        (
            "192.168.20.1",
            "192.168.10.2",
            ("192.168.10.2", "192.168.20.2"),
            true,
        ),
        (
            "192.168.20.1",
            "192.168.10.2",
            ("192.168.10.2", "203.0.113.7"),
            false,
        ),
        (
            "192.168.20.1",
            "192.168.10.2",
            ("192.168.10.2", "192.168.30.2"),
            false,
        ),
        (
            "fd00:20::1",
            "fd00:10::2",
            ("fd00:10::2", "fd00:20::2"),
            true,
        ),
        (
            "fd00:20::1",
            "fd00:10::2",
            ("fd00:30::2", "fd00:20::2"),
            false,
        ),
    ] {
        let error = unreachable(src, dst, &packet(asked.0, asked.1));
        let wanted = if passes {
            Ok(error.clone())
        } else {
            Err(DropReason::SourceNotPeer)
        };
        assert_eq!(judge(&mut world, &error), wanted, "{asked:?}");
    }
}

#[test]
fn congestion_marks_are_carried_into_ipv4() {
    let mut world = lans();
    let plain = packet("192.168.20.2", "192.168.10.2");
    let (mut capable, mut marked) = (plain.clone(), plain.clone());
    set_ecn(&mut capable, Ecn::Ect0);
    set_ecn(&mut marked, Ecn::Ce);
    let refused = Err(DropReason::EcnNotCapable);
    for (packet, wanted) in [(plain, refused), (capable, Ok(marked))] {
        let fast = seal(&world, 1, 0, &packet);
        let slow = seal(&world, 1, 0, &packet);
        assert_eq!(fast_in(&world, 0, 1, Ecn::Ce, &fast), wanted);
        assert_eq!(slow_in(&mut world, 0, 1, Ecn::Ce, &slow), wanted);
    }
}

#[test]
fn a_peer_limited_to_ssh_reaches_ssh_of_plain_hosts_and_no_more() {
    let mut world = lans();
    let b = world.f(1);
    let ssh = PortRange {
        proto: Proto::Tcp,
        lo: 22,
        hi: 22,
    };
    let entry = AllowEntry {
        services: Services::Ports(vec![ssh]),
        accepts: prefixes(&["192.168.20.0/24"]),
        ..allow_all(b)
    };
    world.with(0, |node, now| node.allow(now, entry)).unwrap();
    let (there, here) = ("192.168.20.2", "192.168.10.2");
    let tcp = |ports| ipv4(there, here, proto::TCP, true, &syn_segment(ports, 1_000));
    let later = ipv4(there, here, proto::UDP, false, &[0; 16]);
    let mut fragment = later.clone();
    fragment[7] = 2;
    let echo = ipv4(there, here, proto::ICMP, false, &[8, 0, 0, 0, 0, 1, 0, 1]);
    let redirect = ipv4(there, here, proto::ICMP, false, &[5; 8]);
    // A plain host asks; the answer to that is let in.
    world.send(0, &packet(here, there));
    let answer = ipv4(there, here, proto::UDP, true, &udp_segment((9, 7), b"y"));
    for (packet, passes) in [
        (tcp((50_000, 22)), true),
        (tcp((50_000, 80)), false),
        (tcp((22, 50_000)), false),
        (later, false),
        (fragment, false),
        (echo, true),
        (redirect, false),
        (answer, true),
        (icmp6(b, world.f(0), 128), true),
    ] {
        let datagram = seal(&world, 1, 0, &packet);
        let verdict = fast_in(&world, 0, 1, Ecn::NotEct, &datagram);
        assert_eq!(verdict.is_ok(), passes, "{packet:02x?} {verdict:?}");
    }
}

#[test]
fn what_nobody_may_announce_is_left_out_and_too_much_is_refused() {
    let mut world = lans();
    let b = world.f(1);
    let of_b = |world: &World| {
        let peers = world.hosts[0].node.peers(world.now);
        let peer = peers.into_iter().find(|peer| peer.f == Some(b)).unwrap();
        peer.announces
            .iter()
            .map(|row| row.prefix)
            .collect::<Vec<_>>()
    };
    let everything = prefixes(&[
        "192.168.0.0/16",
        "::/0",
        "0.0.0.0/0",
        "0.0.0.0/1",
        "fc00::/8",
    ]);
    let entry = AllowEntry {
        // Past what an owner can say.
        accepts: everything.clone(),
        ..allow_all(b)
    };
    assert!(world.with(0, |node, now| node.allow(now, entry)).is_err());
    let mut say = |prefixes: &[Prefix]| {
        let bytes: Vec<u8> = prefixes.iter().flat_map(|p| p.to_bytes()).collect();
        world.with(0, |node, now| {
            node.message_in(now, b, TYPE_PREFIXES, &bytes)
        });
        of_b(&world)
    };
    assert_eq!(say(&everything), prefixes(&["192.168.0.0/16"]));
    let many: Vec<Prefix> = (0..=PREFIXES_MAX)
        .map(|n| format!("10.{n}.0.0/16").parse().unwrap())
        .collect();
    assert_eq!(say(&many[1..]), many[1..]);
    assert_eq!(say(&many), many[1..], "one too many: nothing changes");
    assert_eq!(say(&[many[0], many[0]]), [many[0]]);
    assert_eq!(world.dropped(0, DropReason::Malformed), 1);
    // Changes are bounded, too, and work again a second later.
    let written = world.hosts[0].persisted.len();
    for n in 0..100 {
        let bytes = many[n % 2].to_bytes();
        world.with(0, |node, now| {
            node.message_in(now, b, TYPE_PREFIXES, &bytes)
        });
    }
    let most = crate::PREFIX_CHANGES_PER_SECOND_MAX as usize;
    assert!(world.hosts[0].persisted.len() - written < most);
    assert!(world.dropped(0, DropReason::RateLimited) > 40);
    world.run(s(1));
    let bytes = many[7].to_bytes();
    world.with(0, |node, now| {
        node.message_in(now, b, TYPE_PREFIXES, &bytes)
    });
    assert_eq!(of_b(&world), [many[7]]);
}

/// The MSS in a SYN; its TCP checksum must be right.
fn mss_of(packet: &[u8]) -> u16 {
    let view = IpView::parse(packet).unwrap();
    let upper = view.upper();
    let sum = checksum::upper_checksum(view.src(), view.dst(), proto::TCP, upper);
    assert_eq!(sum, 0, "{packet:02x?}");
    u16::from_be_bytes([upper[22], upper[23]])
}

fn with_sum(mut packet: Vec<u8>) -> Vec<u8> {
    let view = IpView::parse(&packet).unwrap();
    let sum = checksum::upper_checksum(view.src(), view.dst(), proto::TCP, view.upper());
    let at = packet.len() - view.upper().len() + 16;
    packet[at..at + 2].copy_from_slice(&sum.to_be_bytes());
    packet
}

#[test]
fn a_syn_says_an_mss_that_both_ends_accept_at_both_speeds() {
    let mut world = lans();
    let small = NodeConfig {
        inner_mtu: 1_300,
        ..world.configs[&world.hosts[1].at].clone()
    };
    let syn = syn_segment((1, 22), 9_000);
    let v4 = with_sum(ipv4("192.168.10.2", "192.168.20.2", proto::TCP, true, &syn));
    let v6 = with_sum(ipv6(
        addr("fd00:10::2"),
        addr("fd00:20::2"),
        proto::TCP,
        &syn,
    ));
    let parked = [v4, v6];
    for (config, first, mtu) in [(None, 1_400, 8_919), (Some(small), 1_300, 1_300)] {
        if let Some(config) = config {
            world.configure(1, config);
        }
        world.restart(0);
        // Without a session both wait for it in the slow path, and nothing is known of the path
        // yet; then they do not.
        for mtu in [first, mtu] {
            for packet in &parked {
                world.send(0, packet);
            }
            world.deliver();
            let arrived = world.take_inside(1);
            let of_mtu = |is_v6| tcp::mss_of_mtu(mtu, is_v6);
            let mss: Vec<u16> = arrived.iter().map(|packet| mss_of(packet)).collect();
            assert_eq!(mss, [of_mtu(false), of_mtu(true)]);
            // The path is looked at a moment later.
            world.run(std::time::Duration::from_millis(10));
        }
        // What comes in is lowered here, whatever the other end did with it.
        let back = with_sum(ipv4("192.168.20.2", "192.168.10.2", proto::TCP, true, &syn));
        let datagram = seal(&world, 1, 0, &back);
        let fast = fast_in(&world, 0, 1, Ecn::NotEct, &datagram).unwrap();
        let datagram = seal(&world, 1, 0, &back);
        let slow = slow_in(&mut world, 0, 1, Ecn::NotEct, &datagram).unwrap();
        assert_eq!(mss_of(&fast), tcp::mss_of_mtu(mtu, false));
        assert_eq!(fast, slow);
    }
}
