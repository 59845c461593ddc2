//! Whom a Bridge has dismissed stays out, whatever it has.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it is surprised"
)]

mod common;

use std::net::SocketAddr;

use common::{HOUR, World, allow_all, password_hash, s};
use group::Who;
use node::ClientTerms;

const BRIDGE: usize = 0;
const A: usize = 1;

fn at(number: usize) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, number as u8 + 1], 4_000))
}

/// A Bridge with a client, and the line by which it came.
fn attached(password: Option<&str>) -> (World, String) {
    let (mut world, line) = bridge(password);
    come(&mut world, &line, password);
    assert!(is_attached(&world));
    (world, line)
}

/// A Bridge, and a line of it.
fn bridge(password: Option<&str>) -> (World, String) {
    let mut world = World::new(2);
    world.with(BRIDGE, |node, now| node.serve(now, true));
    let salt = [3; 16];
    if let Some(password) = password {
        let right = Some((salt, password_hash(&salt, password)));
        world
            .with(BRIDGE, |node, now| node.bridge_password(now, "club", right))
            .unwrap();
    }
    let made = world.with(BRIDGE, |node, now| {
        node.bridge_invite(now, "club", HOUR, password.is_some(), &[at(BRIDGE)])
    });
    (world, made.unwrap())
}

fn come(world: &mut World, line: &str, password: Option<&str>) {
    let password = password.map(str::to_owned);
    world
        .with(A, |node, now| node.add_bridge(now, line, password))
        .unwrap();
    world.run(s(3));
}

fn is_attached(world: &World) -> bool {
    let bridges = world.hosts[A].node.bridges(world.now);
    bridges.iter().any(|bridge| bridge.observed.is_some())
}

fn is_admitted(world: &World) -> bool {
    !world.hosts[BRIDGE].node.clients().is_empty()
}

fn dismiss(world: &mut World, who: Who) {
    world
        .with(BRIDGE, |node, now| node.bridge_deny(now, who))
        .unwrap();
    world.run(s(1));
    assert!(!is_attached(world) && !is_admitted(world));
}

fn names(world: &World) -> [Who; 2] {
    let root = world.hosts[A].owner.history.inception().root_key;
    [Who::Address(world.f(A)), Who::RootKey(root)]
}

#[test]
fn a_ticket_that_was_used_before_does_not_bring_back_who_was_dismissed() {
    let (world, _) = attached(None);
    for who in names(&world) {
        let (mut world, line) = attached(None);
        let a = world.f(A);
        dismiss(&mut world, Who::Address(a));
        dismiss(&mut world, who);
        come(&mut world, &line, None);
        world.run(s(15));
        assert!(!is_attached(&world) && !is_admitted(&world), "{who:?}");
        // Nor does a restart of the Bridge.
        world.restart(BRIDGE);
        world.restart(A);
        world.run(s(15));
        assert!(!is_attached(&world) && !is_admitted(&world), "{who:?}");
    }
}

#[test]
fn nor_does_a_new_ticket() {
    for by_key in [0, 1] {
        let mut world = World::new(2);
        world.with(BRIDGE, |node, now| node.serve(now, true));
        let who = names(&world)[by_key];
        dismiss(&mut world, who);
        let made = world.with(BRIDGE, |node, now| {
            node.bridge_invite(now, "club", HOUR, false, &[at(BRIDGE)])
        });
        come(&mut world, &made.unwrap(), None);
        assert!(!is_attached(&world) && !is_admitted(&world), "{who:?}");
        // The owner changes its mind.
        world
            .with(BRIDGE, |node, now| {
                let terms = ClientTerms::default();
                let mut entry = allow_all(node.address());
                entry.who = who;
                node.bridge_allow(now, entry, terms)
            })
            .unwrap();
        world.run(s(15));
        assert!(is_attached(&world), "{who:?}");
    }
}

#[test]
fn nor_does_a_password_said_in_a_session_that_stands_for_another_reason() {
    let (mut world, line) = attached(Some("open sesame"));
    let (a, bridge) = (world.f(A), world.f(BRIDGE));
    // The two are peers as well, so the session stays.
    world
        .with(BRIDGE, |node, now| node.allow(now, allow_all(a)))
        .unwrap();
    world
        .with(A, |node, now| node.allow(now, allow_all(bridge)))
        .unwrap();
    world.run(s(1));
    dismiss_quietly(&mut world);
    come(&mut world, &line, Some("open sesame"));
    assert!(world.is_up(BRIDGE, A));
    assert!(!is_admitted(&world));
    // Nor one that was being checked meanwhile.
    world.with(BRIDGE, |node, now| {
        node.handle_password(now, a, Some("club"));
    });
    assert!(!is_admitted(&world));
}

/// The two have a session, for they are peers as well; it has asked in it once, in vain.
#[test]
fn who_is_admitted_again_while_its_session_stands_is_back_at_once() {
    for restarted in [false, true] {
        let (mut world, _) = attached(None);
        let (a, bridge) = (world.f(A), world.f(BRIDGE));
        world
            .with(BRIDGE, |node, now| node.allow(now, allow_all(a)))
            .unwrap();
        world
            .with(A, |node, now| node.allow(now, allow_all(bridge)))
            .unwrap();
        dismiss_quietly(&mut world);
        if restarted {
            world.restart(A);
        }
        world.run(s(3));
        assert!(!is_attached(&world));
        assert!(world.is_up(BRIDGE, A));
        let allow = |node: &mut node::Node, now| {
            node.bridge_allow(now, allow_all(a), ClientTerms::default())
        };
        world.with(BRIDGE, allow).unwrap();
        world.run(s(3));
        assert!(is_attached(&world), "{restarted}");
        assert!(world.hosts[BRIDGE].node.clients()[0].attached);
        // Once more changes nothing.
        world.with(BRIDGE, allow).unwrap();
        assert!(world.hosts[BRIDGE].node.clients()[0].attached);
    }
}

fn dismiss_quietly(world: &mut World) {
    let a = world.f(A);
    world
        .with(BRIDGE, |node, now| node.bridge_deny(now, Who::Address(a)))
        .unwrap();
    world.run(s(1));
    assert!(!is_admitted(world));
}

#[test]
fn the_initiation_of_an_applicant_is_old_once_it_is_a_client() {
    let (mut world, _) = attached(Some("open sesame"));
    let seen = std::mem::take(&mut world.seen);
    let is_message1 = |p: &&common::Packet| p.to == at(BRIDGE) && p.bytes[0] == 1;
    let message1: Vec<_> = seen.iter().filter(is_message1).collect();
    assert!(!message1.is_empty());
    let elsewhere = SocketAddr::from(([192, 0, 2, 77], 7));
    for restarted in [false, true] {
        if restarted {
            world.restart(BRIDGE);
            world.run(s(3));
        }
        let before = world.hosts[BRIDGE].sent;
        for packet in &message1 {
            world.inject(BRIDGE, elsewhere, &packet.bytes);
        }
        assert_eq!(world.hosts[BRIDGE].sent, before, "restarted: {restarted}");
    }
}

#[test]
fn so_it_is_once_the_owner_admits_it_by_name() {
    let (mut world, message1) = refused_applicant();
    let a = world.f(A);
    world
        .with(BRIDGE, |node, now| {
            node.bridge_allow(now, allow_all(a), ClientTerms::default())
        })
        .unwrap();
    let before = world.hosts[BRIDGE].sent;
    for packet in &message1 {
        world.inject(BRIDGE, SocketAddr::from(([192, 0, 2, 77], 7)), packet);
    }
    assert_eq!(world.hosts[BRIDGE].sent, before);
    world.run(s(3));
    assert!(is_attached(&world));
}

/// An applicant that said a wrong password, and the parts of its initiation.
fn refused_applicant() -> (World, Vec<Vec<u8>>) {
    let (mut world, line) = bridge(Some("open sesame"));
    come(&mut world, &line, Some("1234"));
    assert!(!is_attached(&world));
    let is_message1 = |p: &&common::Packet| p.to == at(BRIDGE) && p.bytes[0] == 1;
    let message1 = world.seen.iter().filter(is_message1);
    let message1: Vec<_> = message1.map(|packet| packet.bytes.clone()).collect();
    assert!(!message1.is_empty());
    (world, message1)
}

#[test]
fn nor_does_a_ticket_that_it_made_before_as_somebody_else() {
    for by_key in [0, 1] {
        let (mut world, _) = attached(None);
        let line = world
            .with(A, |node, now| node.invite(now, HOUR, &[at(A)]))
            .unwrap();
        world.run(s(1));
        let who = names(&world)[by_key];
        if by_key == 1 {
            // The list names its key only.
            let mut entry = allow_all(world.f(A));
            entry.who = who;
            let allow = |node: &mut node::Node, now| {
                let terms = ClientTerms::default();
                node.bridge_allow(now, entry, terms)
            };
            world.with(BRIDGE, allow).unwrap();
            world.run(s(5));
        }
        let tickets = |world: &World| world.hosts[BRIDGE].journal.bridging.tickets.clone();
        let made_by_a = |world: &World| tickets(world).values().filter(|t| t.by.is_some()).count();
        assert_eq!(made_by_a(&world), 1, "{line}");
        let a = world.f(A);
        for who in [who, Who::Address(a)] {
            let deny = |node: &mut node::Node, now| node.bridge_deny(now, who);
            world.with(BRIDGE, deny).unwrap();
        }
        assert_eq!(made_by_a(&world), 0, "{who:?}");
    }
}

#[test]
fn new_terms_hold_at_once_for_a_client_that_is_here() {
    let (mut world, _) = attached(None);
    let a = world.f(A);
    for (customer, rate_bytes_s) in [
        ("club", Some(5_000)),
        ("others", Some(5_000)),
        ("others", None),
    ] {
        let terms = ClientTerms {
            customer: customer.into(),
            rate_bytes_s,
        };
        let allow = |node: &mut node::Node, now| node.bridge_allow(now, allow_all(a), terms);
        world.with(BRIDGE, allow).unwrap();
        let here = world.hosts[BRIDGE].node.clients();
        assert!(here.iter().all(|client| !client.attached), "{here:?}");
        world.run(s(3));
        let here = world.hosts[BRIDGE].node.clients();
        assert!(here[0].attached && is_attached(&world));
        assert_eq!(
            (&*here[0].customer, here[0].rate_bytes_s),
            (customer, rate_bytes_s)
        );
        // The same again changes nothing.
        let terms = ClientTerms {
            customer: customer.into(),
            rate_bytes_s,
        };
        let allow = |node: &mut node::Node, now| node.bridge_allow(now, allow_all(a), terms);
        world.with(BRIDGE, allow).unwrap();
        assert!(world.hosts[BRIDGE].node.clients()[0].attached);
    }
}

/// It is a peer of the Bridge as well, so its session is not over.
#[test]
fn a_peer_that_is_dismissed_knows_it_at_once() {
    let mut world = World::new(2);
    world.join(BRIDGE, A);
    world.with(BRIDGE, |node, now| node.serve(now, true));
    let made = world.with(BRIDGE, |node, now| {
        node.bridge_invite(now, "", HOUR, false, &[at(BRIDGE)])
    });
    come(&mut world, &made.unwrap(), None);
    assert!(is_attached(&world));
    let who = Who::Address(world.f(A));
    world
        .with(BRIDGE, |node, now| node.bridge_deny(now, who))
        .unwrap();
    world.run(s(3));
    assert!(!is_attached(&world) && !is_admitted(&world));
    assert!(world.is_up(A, BRIDGE) && world.is_up(BRIDGE, A));
}
