//! Invites: two nodes that know nothing of each other become peers by one line.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where it is surprised"
)]

mod common;

use common::{HOUR, World, direct, s, udp};
use node::{Change, DownWhy, DropReason, Event, JoinError, JoinFailure, PeerState};
use wire::invite::InviteError;

#[test]
fn invite_join_ping() {
    let mut world = World::new(2);
    let (a, b) = (world.f(0), world.f(1));
    world.join(0, 1);
    let at = world.hosts[0].at;
    assert_eq!(
        world.take_events(1),
        [
            Event::Joined { peer: a },
            Event::SessionUp {
                peer: a,
                via: direct(at)
            }
        ]
    );
    let at = world.hosts[1].at;
    assert_eq!(
        world.take_events(0),
        [
            Event::InviteUsed { by: b },
            Event::SessionUp {
                peer: b,
                via: direct(at)
            }
        ]
    );
    world.with(0, |node, now| node.ping(now, b, 7)).unwrap();
    world.run(s(1));
    assert!(matches!(world.take_events(0)[..], [Event::Echo { peer, id: 7, .. }] if peer == b));
    for (host, other) in [(0, b), (1, a)] {
        let peers = world.hosts[host].node.peers(world.now);
        assert_eq!(peers.len(), 1);
        assert_eq!((peers[0].f, peers[0].state), (Some(other), PeerState::Up));
        assert!(
            peers[0]
                .session
                .as_ref()
                .unwrap()
                .software_version
                .is_some()
        );
    }
}

#[test]
fn what_was_used_up_is_on_disk_before_message_2_leaves() {
    let mut world = World::new(2);
    world.join(0, 1);
    let kinds: Vec<_> = world.hosts[0].persisted.iter().map(name).collect();
    let order = ["made", "number", "used", "pinned"];
    let at = |wanted: &str| kinds.iter().rposition(|kind| *kind == wanted).unwrap();
    assert!(
        order.windows(2).all(|pair| at(pair[0]) < at(pair[1])),
        "{kinds:?}"
    );
    assert_eq!(world.hosts[0].journal.rules.len(), 1);
    assert_eq!(world.hosts[1].journal.rules.len(), 1);
}

fn name(change: &Change) -> &'static str {
    match change {
        Change::InviteMade { .. } => "made",
        Change::PeerNumber { .. } => "number",
        Change::InviteUsed { .. } => "used",
        Change::Pinned { .. } => "pinned",
        _ => "other",
    }
}

#[test]
fn two_that_race_for_one_line_and_exactly_one_wins() {
    let mut world = World::new(3);
    let at = world.hosts[0].at;
    let line = world
        .with(0, |node, now| node.invite(now, HOUR, &[at]))
        .unwrap();
    world.with(1, |node, now| node.join(now, &line)).unwrap();
    world.with(2, |node, now| node.join(now, &line)).unwrap();
    world.run(s(120));
    let a = world.f(0);
    let won: Vec<bool> = [1, 2]
        .map(|i| world.hosts[i].events.contains(&Event::Joined { peer: a }))
        .to_vec();
    assert_eq!(won, [true, false]);
    let why = JoinFailure::NoAnswer;
    assert!(
        world.hosts[2]
            .events
            .contains(&Event::JoinFailed { peer: a, why })
    );
    assert_eq!(world.hosts[0].journal.rules.len(), 1);
    assert!(world.dropped(0, DropReason::Stranger) > 0);
    assert!(world.hosts[2].journal.rules.is_empty());
}

#[test]
fn a_lost_message_2_does_not_burn_the_line() {
    let mut world = World::new(2);
    let inviter = world.hosts[0].at;
    let mut lost = 0;
    world.lose = Box::new(move |packet| {
        let message2 = packet.from == inviter && packet.bytes[0] == 2;
        lost += u32::from(message2);
        message2 && lost <= 2
    });
    world.join(0, 1);
    assert!(!world.is_up(1, 0), "both fragments of message 2 were lost");
    assert!(
        world.hosts[0]
            .events
            .iter()
            .any(|e| matches!(e, Event::InviteUsed { .. }))
    );
    world.run(s(3));
    assert!(world.is_up(1, 0) && world.is_up(0, 1));
    let used = |e: &&Event| matches!(e, Event::InviteUsed { .. });
    assert_eq!(world.hosts[0].events.iter().filter(used).count(), 1);
}

#[test]
fn a_lost_message_2_and_a_restart_of_the_joiner_do_not_burn_it_either() {
    let mut world = World::new(2);
    let inviter = world.hosts[0].at;
    let at = inviter;
    let line = world
        .with(0, |node, now| node.invite(now, HOUR, &[at]))
        .unwrap();
    world.lose = Box::new(move |packet| packet.from == inviter);
    world.with(1, |node, now| node.join(now, &line)).unwrap();
    world.run(s(1));
    world.lose = Box::new(|_| false);
    world.restart(1);
    world.with(1, |node, now| node.join(now, &line)).unwrap();
    world.run(s(1));
    assert!(world.is_up(1, 0) && world.is_up(0, 1));
}

#[test]
fn expired_lines_are_refused_at_both_ends() {
    let mut world = World::new(2);
    let at = world.hosts[0].at;
    let line = world
        .with(0, |node, now| node.invite(now, 60, &[at]))
        .unwrap();
    // The joiner's clock is behind, so only the inviter knows.
    let mut early = world.now;
    world.now = world.now.after(s(61));
    early.mono = world.now.mono;
    world.hosts[1].node.join(early, &line).unwrap();
    world.drain(1);
    world.deliver();
    assert!(!world.is_up(0, 1));
    assert_eq!(world.hosts[0].sent, 0, "silence");
    let refused = world.with(1, |node, now| node.join(now, &line));
    let expired_unix_s = early.unix_s + 60;
    assert_eq!(refused, Err(JoinError::Expired { expired_unix_s }));
}

#[test]
fn a_join_ends_when_its_line_runs_out() {
    let mut world = World::new(2);
    let at = world.hosts[0].at;
    let line = world
        .with(0, |node, now| node.invite(now, 30, &[at]))
        .unwrap();
    world.lose = Box::new(|_| true);
    let a = world.with(1, |node, now| node.join(now, &line)).unwrap();
    world.run(s(40));
    let why = JoinFailure::Expired;
    assert!(
        world.hosts[1]
            .events
            .contains(&Event::JoinFailed { peer: a, why })
    );
    assert!(world.hosts[1].journal.rules.is_empty());
}

#[test]
fn typos_and_own_lines_are_told_apart() {
    let mut world = World::new(2);
    let at = world.hosts[0].at;
    let line = world
        .with(0, |node, now| node.invite(now, HOUR, &[at]))
        .unwrap();
    assert_eq!(
        world.with(0, |node, now| node.join(now, &line)),
        Err(JoinError::Own)
    );
    let mut typo = line.clone().into_bytes();
    typo[20] = if typo[20] == b'A' { b'B' } else { b'A' };
    let typo = String::from_utf8(typo).unwrap();
    for bad in [typo.as_str(), &line[..line.len() - 3]] {
        let refused = world.with(1, |node, now| node.join(now, bad));
        assert_eq!(refused, Err(JoinError::Line(InviteError::Damaged)));
    }
    let refused = world.with(1, |node, now| node.join(now, "hello"));
    assert_eq!(refused, Err(JoinError::Line(InviteError::NotAnInvite)));
    assert_eq!(world.hosts[1].sent, 0);
}

#[test]
fn invites_are_bounded() {
    let mut world = World::new(1);
    let at = world.hosts[0].at;
    let invite = |world: &mut World| world.with(0, |node, now| node.invite(now, 60, &[at]));
    for _ in 0..node::INVITES_MAX {
        invite(&mut world).unwrap();
    }
    assert_eq!(invite(&mut world), Err(node::InviteError::TooMany));
    world.run(s(61));
    assert!(invite(&mut world).is_ok(), "those that ran out make room");
    let none = world.with(0, |node, now| node.invite(now, 60, &[]));
    assert_eq!(none, Err(node::InviteError::NoEndpoint));
    let long = world.with(0, |node, now| {
        node.invite(now, node::INVITE_TTL_S_MAX + 1, &[at])
    });
    assert_eq!(long, Err(node::InviteError::Lifetime));
}

#[test]
fn peers_find_each_other_again_after_both_restarted() {
    let mut world = World::new(2);
    world.join(0, 1);
    world.restart(0);
    world.restart(1);
    let (a, b) = (world.f(0), world.f(1));
    let packet = udp(a, b, (1, 2), b"hello again");
    world.send(0, &packet);
    world.run(s(1));
    assert_eq!(world.take_inside(1), [packet]);
}

#[test]
fn shutting_down_is_told() {
    let mut world = World::new(2);
    world.join(0, 1);
    let a = world.f(0);
    world.take_events(1);
    world.with(0, |node, now| node.shutdown(now));
    world.deliver();
    let why = DownWhy::PeerShutDown;
    assert_eq!(world.take_events(1), [Event::SessionDown { peer: a, why }]);
    assert!(!world.is_up(0, 1));
}
