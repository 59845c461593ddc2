//! What a rule against a root key does before the key's node was ever met.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where it is surprised"
)]

mod common;

use common::{HOUR, World, s};
use group::Who;
use node::{Event, JoinFailure};

/// An invite of host 0, and the current root keys of both hosts.
fn invited(world: &mut World) -> (String, [[u8; 32]; 2]) {
    let at = world.hosts[0].at;
    let line = world.with(0, |node, now| node.invite(now, HOUR, &[at]));
    let key = |host: usize| world.hosts[host].node.status(world.now).root_key;
    (line.unwrap(), [key(0), key(1)])
}

#[test]
fn a_key_denied_while_its_node_is_joined_ends_the_join() {
    let mut world = World::new(2);
    let (line, [key, _]) = invited(&mut world);
    world.lose = Box::new(|_| true);
    let peer = world.with(1, |node, now| node.join(now, &line)).unwrap();
    world.deliver();
    world.take_events(1);
    world.with(1, |node, now| node.deny(now, Who::RootKey(key)));
    let why = JoinFailure::Denied;
    assert!(
        world
            .take_events(1)
            .contains(&Event::JoinFailed { peer, why })
    );
    world.lose = Box::new(|_| false);
    world.run(s(100));
    assert!(!world.is_up(0, 1));
    assert_eq!(world.hosts[1].journal.rules.allowed().count(), 0);
}

#[test]
fn a_key_rotated_to_is_denied_at_the_first_contact() {
    let mut world = World::new(2);
    let rotated = world.hosts[1].owner.rotate();
    world
        .with(1, |node, now| node.install_identity(now, rotated))
        .unwrap();
    let (line, [_, key]) = invited(&mut world);
    world.with(0, |node, now| node.deny(now, Who::RootKey(key)));
    let sent = world.hosts[0].sent;
    world.with(1, |node, now| node.join(now, &line)).unwrap();
    world.run(s(10));
    assert_eq!(world.hosts[0].sent, sent, "not a word");
    let journal = &world.hosts[0].journal;
    assert_eq!(journal.rules.allowed().count(), 0);
    let mut invites = journal.invites.values();
    assert!(invites.all(|invite| invite.used_by.is_none()));
}
