//! Flows between ordinary addresses: who encrypts, what is clear, what is discarded, from the first
//! packet on (reference tests C1, C3, C4 and C13 as far as they need no kernel).

use std::time::Duration;

use control::Addition;
use group::Mode;
use group::resolve::Action;
use node::{Fact, Verdict};

use super::common::s;
use super::site_world::{Flow, flow, here, packet, send, site, v4};
use super::world::{Groups, remove};

/// C1, from the side that speaks first: the table of seed 002, section 3.
#[test]
fn who_encrypts_and_who_talks_in_clear_follows_from_groups_and_modes() {
    let (open, closed) = (Mode::Open, Mode::Closed);
    for (one, other, expected) in [
        (("lab", open), ("lab", open), Flow::Encrypted),
        (("lab", open), ("lab", closed), Flow::Encrypted),
        (("lab", closed), ("lab", open), Flow::Encrypted),
        (("lab", closed), ("lab", closed), Flow::Encrypted),
        (("lab", open), ("office", open), Flow::Clear),
        (("lab", closed), ("office", open), Flow::Discarded),
        (("lab", closed), ("office", closed), Flow::Discarded),
        // Of a closed element no stranger learns that it is there: it is silent, and its filter drops
        // what comes in clear.
        (("lab", open), ("office", closed), Flow::Clear),
        (("lab", open), ("", open), Flow::Clear),
        (("lab", closed), ("", open), Flow::Discarded),
        (("", open), ("lab", open), Flow::Clear),
    ] {
        let mut groups = site(&[one, other]);
        let became = flow(&mut groups, 1, 2, b"first");
        assert_eq!(became, expected, "{one:?} to {other:?}");
    }
}

#[test]
fn both_directions_are_encrypted_after_one_negotiation_and_nothing_is_lost() {
    let mut groups = site(&[("lab", Mode::Open), ("lab", Mode::Open)]);
    let packets: Vec<Vec<u8>> = (0..20u8).map(|n| packet(&groups, 1, 2, &[n; 40])).collect();
    // All before anything is answered.
    for packet in &packets {
        groups
            .world
            .with(1, |node, now| node.handle_inside(now, packet));
    }
    groups.settle();
    let arrived = &groups.world.hosts[2].inside;
    assert_eq!(arrived.len(), 20);
    let in_order = arrived
        .iter()
        .zip(&packets)
        .all(|(it, sent)| it[28..] == sent[28..]);
    assert!(in_order, "in their order");
    groups.world.seen.clear();
    assert_eq!(flow(&mut groups, 2, 1, b"answer"), Flow::Encrypted);
    let dde = groups.world.seen.iter().filter(|it| it.bytes[0] == 6);
    assert_eq!(dde.count(), 0, "the other side negotiates nothing");
    for packet in &groups.world.seen {
        assert!(
            !packet.bytes.windows(6).any(|it| it == b"answer"),
            "in clear"
        );
    }
}

#[test]
fn an_address_of_a_member_is_never_in_clear_again() {
    let mut groups = site(&[("lab", Mode::Open), ("lab", Mode::Open)]);
    assert_eq!(flow(&mut groups, 1, 2, b"one"), Flow::Encrypted);
    // Somebody between them drops all that is of DPRP and of sessions.
    groups.world.lose = Box::new(|packet| (1..=7).contains(&packet.bytes[0]));
    groups.order(remove("m2")).unwrap();
    groups.world.lose = Box::new(|_| true);
    groups.world.run(s(300));
    let clear = groups.world.hosts[1].clear.len();
    send(&mut groups, 1, 2, b"two");
    groups.world.run(Duration::from_secs(20));
    assert_eq!(
        groups.world.hosts[1].clear.len(),
        clear,
        "nothing went in clear"
    );
}

/// The DDEs that are sent while a flow begins between nodes that have started anew.
fn asked(groups: &mut Groups, data: &[u8]) -> usize {
    for index in [1, 2] {
        groups.world.vanish_and_restart(index);
        here(groups, index);
    }
    groups.world.seen.clear();
    assert_eq!(flow(groups, 1, 2, data), Flow::Encrypted);
    let dde = groups.world.seen.iter().filter(|it| it.bytes[0] == 6);
    dde.count()
}

#[test]
fn who_was_there_last_is_not_asked_for_and_the_first_packet_is_not_lost_if_it_has_left() {
    let mut groups = site(&[
        ("lab", Mode::Open),
        ("lab", Mode::Open),
        ("lab", Mode::Open),
    ]);
    assert!(asked(&mut groups, b"first") > 0);
    assert_eq!(asked(&mut groups, b"again"), 0, "both started anew");
    // They change places: whoever is asked for by memory lives elsewhere, and says so.
    let (two, three) = (groups.world.hosts[2].at, groups.world.hosts[3].at);
    for (index, at) in [(2, three), (3, two)] {
        groups.world.hosts[index].at = at;
        here(&mut groups, index);
    }
    groups.world.vanish_and_restart(1);
    here(&mut groups, 1);
    assert_eq!(flow(&mut groups, 1, 3, b"moved"), Flow::Encrypted);
    assert_eq!(flow(&mut groups, 1, 2, b"moved, too"), Flow::Encrypted);
    assert_eq!(flow(&mut groups, 3, 1, b"and back"), Flow::Encrypted);
    // Nobody is there any more.
    groups.world.vanish_and_restart(1);
    here(&mut groups, 1);
    groups.world.lose = Box::new(move |packet| packet.to == three);
    assert_eq!(flow(&mut groups, 1, 2, b"gone"), Flow::Discarded);
}

/// A clear entry says that nobody answered *there*: on another network somebody may.
#[test]
fn whoever_is_somewhere_else_asks_anew_and_what_is_encrypted_goes_on() {
    let mut groups = site(&[
        ("lab", Mode::Open),
        ("lab", Mode::Open),
        ("lab", Mode::Open),
    ]);
    assert_eq!(flow(&mut groups, 1, 3, b"met"), Flow::Encrypted);
    groups.world.lose = Box::new(|packet| packet.bytes[0] == 6);
    assert_eq!(flow(&mut groups, 1, 2, b"one"), Flow::Clear);
    groups.world.lose = Box::new(|_| false);
    // Asked once, for ten minutes.
    assert_eq!(flow(&mut groups, 1, 2, b"two"), Flow::Clear);
    let entries = |groups: &mut Groups| {
        let pit = groups.world.with(1, |node, now| node.pit(now));
        pit.into_iter().map(|it| it.action).collect::<Vec<_>>()
    };
    assert_eq!(entries(&mut groups).len(), 2);
    // Addresses that are no business of the groups change nothing.
    let at = groups.world.hosts[1].at;
    for (more, left) in [("203.0.113.7:4649", 2), ("192.0.2.200:4649", 1)] {
        let more = vec![at, more.parse().unwrap()];
        let world = &mut groups.world;
        world.with(1, |node, now| node.handle_local_endpoints(now, more));
        assert_eq!(entries(&mut groups).len(), left);
    }
    assert_eq!(entries(&mut groups), [Action::Encrypt]);
    assert_eq!(flow(&mut groups, 1, 2, b"three"), Flow::Encrypted);
    // What is over from an address that it has no more is over.
    groups.world.with(1, |node, now| {
        node.handle_local_endpoints(now, vec!["192.0.2.201:4649".parse().unwrap()]);
    });
    assert_eq!(entries(&mut groups), []);
}

/// What a group says lies behind a router is never reached past it in clear, but from behind it, too.
#[test]
fn plain_machines_behind_a_router_are_in_clear_on_the_wire_behind_it_only() {
    for (is_there, meets, expected) in [
        (true, true, Flow::Clear),
        (false, true, Flow::Discarded),
        // Nothing is known of the router.
        (false, false, Flow::Clear),
    ] {
        let mut groups = site(&[("lab", Mode::Open), ("", Mode::Open), ("", Mode::Open)]);
        let plain = v4(&groups, 2);
        let accepts = if is_there {
            "192.0.2.0/24".to_owned()
        } else {
            format!("{plain}/32")
        };
        let addition = Addition {
            member: "gate".to_owned(),
            groups: vec!["lab".to_owned()],
            accepts: vec![accepts.parse().unwrap()],
            life_s: 3_600,
            ..Addition::default()
        };
        groups.join_with(3, addition);
        here(&mut groups, 3);
        if meets {
            assert_eq!(flow(&mut groups, 1, 3, b"met"), Flow::Encrypted);
        }
        assert_eq!(flow(&mut groups, 1, 2, b"to it"), expected, "{accepts}");
    }
}

#[test]
fn a_restart_does_not_forget_where_members_were_and_an_administrator_may() {
    let mut groups = site(&[("lab", Mode::Open), ("lab", Mode::Open)]);
    assert_eq!(flow(&mut groups, 1, 2, b"one"), Flow::Encrypted);
    groups.world.vanish_and_restart(1);
    here(&mut groups, 1);
    groups.world.lose = Box::new(|_| true);
    assert_eq!(flow(&mut groups, 1, 2, b"two"), Flow::Discarded);
    let there = v4(&groups, 2).into();
    let forget = |groups: &mut Groups| {
        let world = &mut groups.world;
        world.with(1, |node, now| node.forget_address(now, there))
    };
    assert!(forget(&mut groups) && !forget(&mut groups));
    assert_eq!(flow(&mut groups, 1, 2, b"three"), Flow::Clear);
}

#[test]
fn a_node_says_why_a_flow_goes_as_it_does() {
    let mut groups = site(&[("lab", Mode::Closed), ("lab", Mode::Open)]);
    let there = v4(&groups, 2).into();
    let why = |groups: &mut Groups| groups.world.with(1, |node, now| node.why(now, there, None));
    let before = why(&mut groups);
    assert_eq!(before.verdict, Verdict::Asks);
    assert!(before.facts.contains(&Fact::NoEntry));
    assert!(before.facts.contains(&Fact::OwnMode(Mode::Closed)));
    assert_eq!(flow(&mut groups, 1, 2, b"one"), Flow::Encrypted);
    let f = groups.world.hosts[2].node.address();
    let sealed = why(&mut groups);
    assert_eq!(sealed.verdict, Verdict::Sealed);
    assert!(sealed.facts.contains(&Fact::WasMember(f)));
    let in_lab = |it: &Fact| matches!(it, Fact::Member { group, .. } if group == "lab");
    assert!(sealed.facts.iter().any(in_lab));
    groups.order(remove("m2")).unwrap();
    groups.settle();
    assert_eq!(flow(&mut groups, 1, 2, b"two"), Flow::Discarded);
    let removed = why(&mut groups);
    assert_eq!(removed.verdict, Verdict::Discarded);
    assert!(removed.facts.contains(&Fact::WasMember(f)));
    assert!(!removed.facts.iter().any(in_lab));
    // On overlay addresses it says so too.
    let overlay = groups
        .world
        .with(1, |node, now| node.why(now, f.to_ip(), None));
    assert!(overlay.facts.contains(&Fact::Unknown { groups: 1 }));
    let nobody = "10.9.8.7".parse().unwrap();
    let past = groups
        .world
        .with(1, |node, now| node.why(now, nobody, None));
    assert_eq!(
        (past.verdict, past.facts),
        (Verdict::Past, vec![Fact::NoRoute])
    );
}

/// A host that knows nothing of all this, behind an element, learns from the first long packet how long they may be; the
/// packet arrives all the same.
#[test]
fn whoever_sends_too_long_a_packet_is_told_and_it_arrives() {
    let mut groups = site(&[("lab", Mode::Open), ("lab", Mode::Open)]);
    // An Ethernet between them.
    groups.world.lose = Box::new(|packet| packet.bytes.len() > 1_472);
    assert_eq!(flow(&mut groups, 1, 2, b"first"), Flow::Encrypted);
    let told = groups.world.hosts[1].inside.len();
    let long = vec![7; 4_000];
    assert_eq!(flow(&mut groups, 1, 2, &long), Flow::Encrypted);
    let told = &groups.world.hosts[1].inside[told..];
    let [error] = told else {
        panic!("{} packets", told.len());
    };
    // Destination unreachable, fragmentation needed (RFC 1191); by who was meant, for the flow's own end.
    assert_eq!((error[9], &error[20..22]), (1, &[3, 4][..]));
    let mtu = u16::from_be_bytes([error[26], error[27]]);
    assert!((1_280..4_000).contains(&mtu), "{mtu}");
    let [from, to] = [2, 1].map(|at| v4(&groups, at).octets());
    assert_eq!((&error[12..16], &error[16..20]), (&from[..], &to[..]));
    // What is as long as was said is nothing to talk about.
    let fits = vec![8; usize::from(mtu) - 28];
    let told = groups.world.hosts[1].inside.len();
    assert_eq!(flow(&mut groups, 1, 2, &fits), Flow::Encrypted);
    assert_eq!(groups.world.hosts[1].inside.len(), told);
}

/// One end was killed and knows nothing of the flow any more; the other still believes in it.
#[test]
fn a_flow_goes_on_when_one_end_has_started_anew() {
    let mut groups = site(&[("lab", Mode::Open), ("lab", Mode::Open)]);
    assert_eq!(flow(&mut groups, 1, 2, b"first"), Flow::Encrypted);
    groups.world.vanish_and_restart(2);
    here(&mut groups, 2);
    let arrives = |groups: &mut Groups, data: &[u8]| {
        let inside = groups.world.hosts[2].inside.len();
        send(groups, 1, 2, data);
        groups.world.run(s(1));
        let arrived = &groups.world.hosts[2].inside[inside..];
        arrived.iter().any(|it| it.ends_with(data))
    };
    let came = (0..60u8).find(|second| arrives(&mut groups, &[*second; 9]));
    assert!(came.is_some(), "in a minute");
    assert!(groups.world.hosts[1].clear.is_empty());
    // Then all of them arrive.
    assert!((100..110u8).all(|second| arrives(&mut groups, &[second; 9])));
}

#[test]
fn a_member_that_was_removed_is_not_encrypted_for_any_more() {
    let mut groups = site(&[("lab", Mode::Open), ("lab", Mode::Open)]);
    assert_eq!(flow(&mut groups, 1, 2, b"one"), Flow::Encrypted);
    groups.order(remove("m2")).unwrap();
    groups.settle();
    assert_eq!(flow(&mut groups, 1, 2, b"two"), Flow::Discarded);
    assert_eq!(flow(&mut groups, 2, 1, b"three"), Flow::Discarded);
}

#[test]
fn what_somebody_replays_makes_no_state() {
    let mut groups = site(&[("lab", Mode::Open), ("lab", Mode::Open)]);
    assert_eq!(flow(&mut groups, 1, 2, b"one"), Flow::Encrypted);
    groups.world.run(s(10));
    groups.settle();
    let seen: Vec<_> = groups
        .world
        .seen
        .iter()
        .map(|it| it.bytes.clone())
        .collect();
    let before = groups.world.hosts[2].node.state_hash();
    let inside = groups.world.hosts[2].inside.len();
    let stranger = "198.51.100.9:4000".parse::<std::net::SocketAddr>().unwrap();
    for bytes in &seen {
        groups.world.inject(2, stranger, bytes);
    }
    assert_eq!(groups.world.hosts[2].node.state_hash(), before);
    assert_eq!(groups.world.hosts[2].inside.len(), inside);
}

/// A host behind a NAT: its own address is private, and its datagrams come from another.
fn hide(groups: &mut Groups, index: usize, private: &str) {
    let at = format!("{private}:4649").parse().unwrap();
    groups.world.with(index, |node, now| {
        node.handle_local_endpoints(now, vec![at])
    });
}

/// Sends from a private address to host `to`; whether it came there, by a session.
fn comes_through(groups: &mut Groups, from: usize, private: &str, to: usize) -> bool {
    let segment = super::common::udp_segment((1_000, 2_000), b"hello");
    let there = v4(groups, to).to_string();
    let packet = super::common::ipv4(private, &there, 17, true, &segment);
    let before = groups.world.hosts[to].inside.len();
    let send = |node: &mut node::Node, now| node.handle_inside(now, &packet);
    groups.world.with(from, send);
    groups.settle();
    groups.world.run(s(2));
    groups.settle();
    groups.world.hosts[to].inside.len() > before
}

fn near(groups: &mut Groups, index: usize, networks: &[&str]) {
    let networks = networks.iter().map(|it| it.parse().unwrap()).collect();
    groups
        .world
        .with(index, |node, now| node.handle_near_networks(now, networks));
}

#[test]
fn a_member_behind_a_nat_is_taken_at_its_private_address_only_where_that_means_nothing() {
    const PRIVATE: &str = "192.168.1.2";
    // What the receiver reaches by routes of its own, and whether it takes the sender at its word.
    for (networks, takes) in [
        (Some(&["192.0.2.0/24"][..]), true),
        (Some(&["192.0.2.0/24", "172.17.0.0/16"]), true),
        (Some(&["192.0.2.0/24", "192.168.1.0/24"]), false),
        (Some(&["192.168.0.0/16"]), false),
        (None, false),
    ] {
        let mut groups = site(&[("lab", Mode::Open), ("lab", Mode::Open)]);
        hide(&mut groups, 1, PRIVATE);
        if let Some(networks) = networks {
            near(&mut groups, 2, networks);
        }
        assert_eq!(
            comes_through(&mut groups, 1, PRIVATE, 2),
            takes,
            "{networks:?}"
        );
    }
    // A private address of the receiver may be behind another NAT: nothing is known of what is near it.
    let mut groups = site(&[("lab", Mode::Open), ("lab", Mode::Open)]);
    hide(&mut groups, 1, PRIVATE);
    near(&mut groups, 2, &[]);
    hide(&mut groups, 2, "192.168.7.7");
    assert!(!comes_through(&mut groups, 1, PRIVATE, 2));
}

#[test]
fn two_members_cannot_have_one_private_address_at_once() {
    const PRIVATE: &str = "192.168.1.2";
    let open = ("lab", Mode::Open);
    let mut groups = site(&[open, open, open]);
    for index in [1, 3] {
        hide(&mut groups, index, PRIVATE);
    }
    near(&mut groups, 2, &["192.0.2.0/24"]);
    assert!(comes_through(&mut groups, 1, PRIVATE, 2));
    assert!(
        !comes_through(&mut groups, 3, PRIVATE, 2),
        "the first is there"
    );
    assert!(comes_through(&mut groups, 1, PRIVATE, 2), "and stays");
    // Silence alone ends no session: somebody has to have something to say.
    groups.cut(1, &[2]);
    groups.world.run(s(40));
    groups.ping(2, 1);
    groups.world.run(s(200));
    assert!(comes_through(&mut groups, 3, PRIVATE, 2), "it has gone");
}
