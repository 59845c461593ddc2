//! Groups on real nodes with a real server's domain: everything but the shells.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it is surprised"
)]

mod again;
mod c14;
#[path = "../../../../crates/node/tests/common/mod.rs"]
mod common;
mod locked_rules;
mod rules;
mod sign_in;
mod site;
mod site_relay;
mod site_world;
mod sites;
mod sites_hostile;
mod sites_rules;
mod sites_world;
mod world;

use common::s;
use node::Event;
use world::{Groups, create, remove};

const DAY: u64 = 86_400;

/// A server at host 0 that is no member, and members at the others, all in `lab`.
fn lab(members: u8) -> Groups {
    let mut groups = Groups::new(members + 1);
    groups.order(create("lab")).unwrap();
    for index in 1..=usize::from(members) {
        groups.join(index, &format!("m{index}"), "lab");
    }
    groups
}

#[test]
fn two_who_join_a_group_talk_and_nobody_else_does() {
    let mut groups = lab(2);
    let stranger = groups.world.add(common::Owner::new(99));
    assert!(groups.ping(1, 2), "members talk");
    let (one, two) = (groups.world.f(1), groups.world.f(2));
    assert_eq!(groups.told(1), [("lab".to_owned(), vec![two])]);
    assert_eq!(groups.told(2), [("lab".to_owned(), vec![one])]);
    assert!(!groups.ping(stranger, 1), "a stranger does not");
    assert!(!groups.ping(1, 0), "the server is no member");
}

#[test]
fn an_instance_that_is_away_keeps_nobody_from_renewing() {
    // Whichever of the two is looked at first.
    for last in [0x00, 0xff] {
        let mut groups = lab(2);
        let mut away = [last; 16];
        away[0] = 0xfc;
        groups.name_instance(wire::NodeAddr(away));
        let before = groups.lease_until(1);
        groups.run(14 * 3_600);
        let after = groups.lease_until(1);
        assert!(after >= before + 12 * 3_600, "{last}: {before} {after}");
    }
}

#[test]
fn a_peer_that_has_a_session_with_the_server_joins_as_anybody_does() {
    let mut groups = Groups::new(2);
    groups.order(create("lab")).unwrap();
    let at = [groups.world.hosts[0].at];
    let invite = |node: &mut node::Node, now| node.invite(now, 60, &at).unwrap();
    let invite = groups.world.with(0, invite);
    groups
        .world
        .with(1, |node, now| node.join(now, &invite))
        .unwrap();
    groups.settle();
    assert!(groups.is_up(0, 1));
    groups.join(1, "m1", "lab");
    assert_eq!(groups.told(1).len(), 1);
}

#[test]
fn the_first_packet_between_members_is_delivered_after_one_round_trip() {
    let mut groups = lab(2);
    assert!(groups.ping(1, 2), "they have met");
    // Their session ends; each remembers who the other is.
    groups.end_sessions(1, 2);
    groups.world.seen.clear();
    let packet = groups.packet(1, 2, b"first");
    groups
        .world
        .with(1, |node, now| node.handle_inside(now, &packet));
    // Message 1 there, message 2 back, memberships and packet there: nothing else in between.
    groups.world.deliver();
    assert_eq!(groups.world.hosts[2].inside.len(), 1);
    let trips = groups.trips(1, 2);
    assert_eq!(trips, ["1→2", "2→1", "1→2"], "{trips:?}");
    let packet = groups.packet(2, 1, b"answer");
    groups
        .world
        .with(2, |node, now| node.handle_inside(now, &packet));
    groups.world.deliver();
    assert_eq!(groups.world.hosts[1].inside.len(), 1);
}

#[test]
fn a_server_that_is_a_member_is_reached_as_one() {
    let mut groups = lab(1);
    groups.be_member("server", "lab");
    assert!(
        groups.ping(1, 0),
        "their session stood before either could prove anything"
    );
    assert!(groups.ping(0, 1));
}

#[test]
fn who_is_removed_is_out_at_once_and_others_go_on() {
    let mut groups = lab(3);
    for (one, other) in [(1, 2), (1, 3), (2, 3)] {
        assert!(groups.ping(one, other), "{one} {other}");
    }
    groups.world.seen.clear();
    groups.order(remove("m3")).unwrap();
    groups.world.deliver();
    for index in [1, 2] {
        assert!(!groups.is_up(index, 3), "{index} has no session with it");
    }
    assert!(groups.is_up(1, 2), "the others' session stands");
    let leaver = &groups.world.hosts[3];
    assert!(
        leaver
            .events
            .iter()
            .any(|it| matches!(it, Event::GroupLeft { .. }))
    );
    assert!(groups.ping(1, 2));
    assert!(!groups.ping(3, 1) && !groups.ping(1, 3));
    groups.world.run(s(5));
    assert!(!groups.is_up(0, 3), "nor has the server");
}

#[test]
fn a_removal_reaches_those_whom_the_server_does_not_reach_through_members() {
    let mut groups = lab(3);
    for (one, other) in [(1, 2), (1, 3), (2, 3)] {
        assert!(groups.ping(one, other));
    }
    // The server reaches 1 only.
    groups.cut(0, &[2, 3]);
    groups.order(remove("m3")).unwrap();
    groups.world.run(s(1));
    assert!(!groups.is_up(2, 3), "2 heard of it from 1");
    assert!(groups.is_up(1, 2));
    groups.world.run(s(10));
    // And 2 gets the new secret from 1: their next handshake proves it.
    groups.end_sessions(1, 2);
    assert!(groups.ping(2, 1));
}

#[test]
fn members_meet_for_a_day_without_the_server_over_a_change_of_epoch() {
    let mut groups = lab(2);
    assert!(groups.ping(1, 2));
    groups.stop_server();
    let before = groups.epoch(1);
    for hour in 0..24 {
        groups.world.run(s(3_600));
        assert!(groups.ping(1, 2), "hour {hour}");
    }
    assert!(groups.epoch(1) > before, "the epoch has changed meanwhile");
    assert_eq!(groups.epoch(1), groups.epoch(2));
    // Also when both start again from what they have written down.
    groups.world.restart(1);
    groups.world.restart(2);
    assert!(groups.ping(1, 2));
    // Not for ever: 48 h after the lease was given it ends.
    groups.world.run(s(DAY + 3_600));
    assert!(!groups.ping(1, 2));
    groups.start_server();
    groups.run(60);
    assert!(groups.ping(1, 2), "the server is back");
}

#[test]
fn a_rotation_disturbs_nobody_and_is_used_by_the_next_handshake() {
    let mut groups = lab(2);
    assert!(groups.ping(1, 2));
    let before = groups.epoch(1);
    groups.rotate("lab");
    groups.world.deliver();
    assert!(groups.is_up(1, 2));
    assert!(groups.epoch(1) > before);
    assert_eq!(groups.epoch(1), groups.epoch(2));
    groups.world.run(s(200));
    groups.end_sessions(1, 2);
    assert!(groups.ping(1, 2));
}

#[test]
fn a_node_that_resumes_with_nothing_new_costs_the_server_a_kilobyte_at_most() {
    let mut groups = lab(1);
    groups.run(10);
    groups.world.seen.clear();
    groups.end_sessions(0, 1);
    groups.run(20);
    assert!(groups.is_up(0, 1), "it came again");
    let bytes = groups.bytes_said();
    assert!((1..=1_024).contains(&bytes), "{bytes}");
}

#[test]
fn a_lie_of_the_server_is_found_when_two_members_meet() {
    let mut groups = lab(2);
    groups.fork(2, "lab");
    groups.ping(1, 2);
    let events = [1, 2].map(|index| groups.world.hosts[index].events.clone());
    let found = events.iter().flatten();
    assert!(
        found
            .clone()
            .any(|it| matches!(it, Event::GroupForked { .. }))
    );
}
