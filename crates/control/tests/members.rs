//! Members with what a server tells them: whom they believe, and what they do without it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it is surprised"
)]

mod common;

use std::collections::BTreeMap;

use common::{DAY, Gms, SEED, f, remove};
use control::{Command, Have};
use group::chain::{Chain, Compared, Head, Links};
use group::epochs::{EpochName, EpochSecret, Use};
use group::keyring::{Keyring, KeyringError, Proof, Welcome};
use group::statement::{
    Authority, Entry, EntryBody, EpochEntry, Genesis, GroupId, Lease, Membership, Server, Signer,
};
use identity::crypto::AwsLc;

const HOUR: u64 = 3_600;

/// A server and the nodes of its members.
struct World {
    gms: Gms,
    nodes: BTreeMap<u8, Keyring>,
}

impl World {
    /// Members 1 to 3 of one group.
    fn new() -> Self {
        let gms = Gms::with_groups(&["sales"]);
        let nodes = (1..=4).map(|number| (number, Keyring::new(f(number))));
        let nodes = nodes.collect();
        let mut world = Self { gms, nodes };
        for (number, name) in [(1, "ada"), (2, "bob"), (3, "eve")] {
            world.gms.enrol(number, name, &["sales"]);
            world.sync(number).unwrap();
        }
        world
    }

    fn group(&self) -> GroupId {
        self.gms.tenant.groups["sales"].id
    }

    /// The server tells a member what it lacks.
    fn sync(&mut self, number: u8) -> Result<Vec<Membership>, KeyringError> {
        let group = self.group();
        let node = self.nodes.get_mut(&number).unwrap();
        let have: Vec<Have> = node
            .heads(group)
            .map(|(_, head)| Have { group, head })
            .collect();
        let mut removed = Vec::new();
        for welcome in self.gms.knowledge(number, &have) {
            removed.extend(node.welcome(&AwsLc, self.gms.now, welcome)?);
        }
        Ok(removed)
    }

    fn proofs(&self, number: u8) -> Vec<Proof> {
        self.nodes[&number].proofs(&AwsLc, self.gms.now)
    }

    /// The best that both prove, as their handshake would find it.
    fn matched(&self, one: u8, other: u8) -> Option<Use> {
        let (one, other) = (self.proofs(one), self.proofs(other));
        let both = one.iter().filter_map(|it| {
            let there = other
                .iter()
                .find(|there| there.tag == it.tag && there.psk == it.psk)?;
            Some(it.what.max(there.what))
        });
        both.min()
    }

    /// `one` shows its membership to `other`, who believes it or not.
    fn show(&mut self, one: u8, other: u8) -> Result<(), KeyringError> {
        let (admission, lease) = self.nodes[&one].membership(self.group()).unwrap();
        let (admission, lease) = (admission.clone(), lease.clone());
        let now = self.gms.now;
        let other = self.nodes.get_mut(&other).unwrap();
        other
            .peer(&AwsLc, now, f(one), &admission, &lease)
            .map(drop)
    }

    fn shares(&self, one: u8, other: u8) -> bool {
        let shared = self.nodes[&one].shared(f(other), self.gms.now);
        shared.count() > 0
    }

    /// `one` hands `other` the entries that it lacks, and the secret of the current epoch.
    fn hand_over(&mut self, one: u8, other: u8) {
        let group = self.group();
        let head = self.nodes[&other].heads(group).next().unwrap().1;
        let links = self.nodes[&one]
            .links_from(group, 0, head.number + 1)
            .unwrap();
        let current = self.proofs(one)[0].epoch;
        let secret = self.nodes[&one].secret_of(group, current).unwrap().clone();
        let other = self.nodes.get_mut(&other).unwrap();
        other.link(&AwsLc, group, links).unwrap();
        other.secret(&AwsLc, group, current, secret).unwrap();
    }
}

#[test]
fn members_prove_themselves_to_each_other_and_to_nobody_else() {
    let mut world = World::new();
    assert_eq!(world.matched(1, 2), Some(Use::Current));
    assert_eq!(world.matched(1, 4), None, "a stranger");
    assert!(!world.shares(1, 2), "nothing was shown yet");
    world.show(2, 1).unwrap();
    world.show(1, 2).unwrap();
    assert!(world.shares(1, 2) && world.shares(2, 1));
    let now = world.gms.now;
    let (_, peer) = world.nodes[&1].shared(f(2), now).next().unwrap();
    assert_eq!(peer.attributes.name.as_deref(), Some("bob"));
    assert_eq!(world.show(1, 4), Err(KeyringError::NoGroup));
    world.nodes.get_mut(&1).unwrap().forget(f(2));
    assert!(!world.shares(1, 2));
}

#[test]
fn a_member_with_the_secret_in_hand_cannot_be_another() {
    let mut world = World::new();
    let group = world.group();
    let (admission, lease) = world.nodes[&3].membership(group).unwrap();
    let (admission, lease) = (admission.clone(), lease.clone());
    let now = world.gms.now;
    let as_bob = |admission, lease| {
        let mut ada = world.nodes[&1].clone();
        ada.peer(&AwsLc, now, f(2), admission, lease).map(drop)
    };
    // Eve's statements in a session of Bob's F, and Bob's admission with Eve's lease.
    assert_eq!(as_bob(&admission, &lease), Err(KeyringError::NotMine));
    let bobs = world.nodes[&2].membership(group).unwrap().0;
    assert_eq!(as_bob(bobs, &lease), Err(KeyringError::NotMine));
    // She signs by herself.
    let own = Signer {
        crypto: &AwsLc,
        seed: &[66; 32],
    };
    let mut forged = bobs.clone();
    forged.sign(&own, 0);
    let bobs_lease = Lease::issue(&own, 0, group, bobs.member, now);
    assert_eq!(as_bob(&forged, &bobs_lease), Err(KeyringError::Admission));
    assert_eq!(as_bob(bobs, &bobs_lease), Err(KeyringError::Lease));
    // Nor does she take over what the server told Bob.
    let told = world.gms.knowledge(2, &[]).remove(0);
    let eve = world.nodes.get_mut(&3).unwrap();
    assert_eq!(eve.welcome(&AwsLc, now, told), Err(KeyringError::NotMine));
}

#[test]
fn who_is_removed_is_out_wherever_the_entry_arrives_and_nowhere_else_is_anything_ended() {
    let mut world = World::new();
    for (one, other) in [(2, 1), (3, 1), (1, 2), (3, 2)] {
        world.show(one, other).unwrap();
    }
    world.gms.now += 100;
    world.gms.order(remove("eve", None)).unwrap();
    let leaver = world.nodes[&3].membership(world.group()).unwrap().0.member;
    assert_eq!(world.sync(1), Ok(vec![leaver]));
    assert!(!world.shares(1, 3) && world.shares(1, 2));
    assert!(world.shares(2, 3), "it has not heard of it");
    // Ada tells Bob; no server takes part.
    world.hand_over(1, 2);
    assert!(!world.shares(2, 3) && world.shares(2, 1));
    assert_eq!(world.show(3, 1), Err(KeyringError::Removed));
    assert_eq!(world.show(3, 2), Err(KeyringError::Removed));
    // In ten seconds the leaver matches nothing in force, and what it matches carries no packets.
    world.gms.now += 10;
    assert_eq!(world.matched(3, 1), Some(Use::CatchUp));
    assert_eq!(world.matched(1, 2), Some(Use::Current));
}

#[test]
fn who_learns_that_it_was_removed_itself_proves_nothing_and_talks_to_nobody() {
    let mut world = World::new();
    world.show(1, 3).unwrap();
    world.gms.order(remove("eve", None)).unwrap();
    world.sync(1).unwrap();
    assert!(world.shares(3, 1));
    world.hand_over(1, 3);
    assert!(!world.shares(3, 1));
    assert!(world.proofs(3).is_empty());
}

#[test]
fn a_peers_lease_ends_by_itself() {
    let mut world = World::new();
    world.show(2, 1).unwrap();
    world.gms.now += 40 * HOUR;
    world.gms.tick();
    world.sync(1).unwrap();
    world.gms.now += 8 * HOUR - 1;
    assert!(world.shares(1, 2));
    world.gms.now += 1;
    assert!(!world.shares(1, 2), "48 h after it was given");
    assert!(!world.proofs(1).is_empty(), "its own runs on");
    world.sync(2).unwrap();
    world.show(2, 1).unwrap();
    assert!(world.shares(1, 2));
}

#[test]
fn without_any_server_a_day_passes_like_another() {
    let mut world = World::new();
    for (one, other) in [(2, 1), (1, 2)] {
        world.show(one, other).unwrap();
    }
    // The worst moment: everything was renewed just before an epoch changed.
    let chain = &world.gms.tenant.groups["sales"].chain;
    let change = chain.epochs().nth(1).unwrap().entry.activates_unix_s;
    world.gms.now = change - 1;
    for number in 1..=3 {
        world.sync(number).unwrap();
    }
    let from = world.gms.now;
    let mut seen = Vec::new();
    while world.gms.now < from + 48 * HOUR {
        assert_eq!(
            world.matched(1, 2),
            Some(Use::Current),
            "{}",
            world.gms.now - from
        );
        world.show(1, 2).unwrap();
        world.show(2, 1).unwrap();
        assert!(world.shares(1, 2));
        seen.push(world.proofs(1)[0].epoch.number);
        world.gms.now += 600;
    }
    seen.dedup();
    assert_eq!(seen, [1, 2, 3]);
    // Then the leases are over.
    assert!(world.proofs(1).is_empty() && !world.shares(1, 2));
    assert_eq!(world.show(1, 2), Err(KeyringError::Lease));
}

#[test]
fn who_slept_through_a_removal_is_told_by_a_member() {
    let mut world = World::new();
    world.gms.now += 2 * HOUR;
    world.gms.order(remove("eve", None)).unwrap();
    world.sync(1).unwrap();
    world.gms.now += 20 * HOUR;
    // Bob has heard of nothing, and the server is gone.
    assert_eq!(world.matched(2, 1), Some(Use::CatchUp));
    world.show(2, 1).unwrap();
    world.hand_over(1, 2);
    assert_eq!(world.matched(2, 1), Some(Use::Current));
    assert_eq!(world.show(3, 2), Err(KeyringError::Removed));
}

#[test]
fn what_is_kept_is_all_that_a_restart_needs() {
    let mut world = World::new();
    world.gms.order(remove("eve", None)).unwrap();
    world.sync(1).unwrap();
    let (group, now) = (world.group(), world.gms.now);
    let kept = world.nodes[&1].kept(group).unwrap();
    let mut again = Keyring::new(f(1));
    again.restore(&AwsLc, kept.clone()).unwrap();
    assert_eq!(again.proofs(&AwsLc, now), world.proofs(1));
    assert_eq!(again.kept(group), Some(kept));
    let heads = |node: &Keyring| node.heads(group).collect::<Vec<_>>();
    assert_eq!(heads(&again), heads(&world.nodes[&1]));
    world.nodes.insert(1, again);
    assert_eq!(world.show(3, 1), Err(KeyringError::Removed), "still known");
    // Also when the lease has ended meanwhile: a server gives another, not the group anew.
    world.gms.now += 3 * DAY;
    let late = world.nodes[&1].kept(group).unwrap();
    let mut again = Keyring::new(f(1));
    let as_new = again.clone().welcome(&AwsLc, world.gms.now, late.clone());
    assert_eq!(as_new, Err(KeyringError::Lease));
    again.restore(&AwsLc, late.clone()).unwrap();
    assert!(again.proofs(&AwsLc, world.gms.now).is_empty());
    let mut other = Keyring::new(f(2));
    assert_eq!(other.restore(&AwsLc, late), Err(KeyringError::NotMine));
    world.nodes.insert(1, again);
    world.sync(1).unwrap();
    assert!(!world.proofs(1).is_empty());
    assert_eq!(world.show(3, 1), Err(KeyringError::Removed));
}

#[test]
fn a_server_that_tells_two_members_different_things_is_found_when_they_talk() {
    let mut world = World::new();
    let group = world.group();
    let by = Signer {
        crypto: &AwsLc,
        seed: &SEED,
    };
    let told = |world: &mut World, number: u8, gone: u64| {
        let mut chain = world.gms.tenant.groups["sales"].chain.clone();
        let after = chain.head();
        let member = Membership {
            f: f(9),
            serial: gone,
        };
        let entry = chain.write(&by, world.gms.now, EntryBody::Removal(member));
        let links = Links {
            index: 0,
            after,
            entries: vec![entry.unwrap()],
        };
        let node = world.nodes.get_mut(&number).unwrap();
        node.link(&AwsLc, group, links).unwrap();
    };
    told(&mut world, 1, 1);
    told(&mut world, 2, 2);
    let compare = |world: &World, one: u8, other: u8| {
        let (index, head) = world.nodes[&other].heads(group).next().unwrap();
        world.nodes[&one].compare(&AwsLc, group, index, head)
    };
    assert_eq!(compare(&world, 1, 2), Some(Compared::Fork));
    assert_eq!(compare(&world, 2, 1), Some(Compared::Fork));
    assert_eq!(compare(&world, 1, 3), Some(Compared::Ahead));
    // The entries are the evidence.
    let number = world.nodes[&2].heads(group).next().unwrap().1.number;
    let lie = world.nodes[&2].links_from(group, 0, number).unwrap();
    let refused = world.nodes.get_mut(&1).unwrap().link(&AwsLc, group, lie);
    assert!(matches!(
        refused,
        Err(KeyringError::Chain(group::chain::ChainError::Fork(_)))
    ));
}

#[test]
fn what_is_wrong_in_a_part_is_not_taken_at_all() {
    let mut world = World::new();
    let (group, now) = (world.group(), world.gms.now);
    let told = world.gms.knowledge(1, &[]).remove(0);
    let wrong = EpochSecret::new([1; 32]);
    let name = told.secrets[0].0;
    let other = Genesis {
        salt: [1; 16],
        ..told.genesis.clone()
    };
    let rows = [
        (
            Welcome {
                secrets: vec![(name, wrong)],
                ..told.clone()
            },
            KeyringError::Secret(group::epochs::SecretError::Mismatch),
        ),
        (
            Welcome {
                genesis: other,
                ..told.clone()
            },
            KeyringError::Mixed,
        ),
        (
            Welcome {
                authority: Authority {
                    serial: 9,
                    ..told.authority.clone()
                },
                ..told.clone()
            },
            KeyringError::Authority,
        ),
        (
            Welcome {
                links: vec![Links {
                    index: 5,
                    ..told.links[0].clone()
                }],
                ..told.clone()
            },
            KeyringError::NoServer(5),
        ),
    ];
    for (welcome, expected) in rows {
        let mut newcomer = Keyring::new(f(1));
        let refused = newcomer.welcome(&AwsLc, now, welcome.clone());
        assert_eq!(refused, Err(expected.clone()));
        assert_eq!(newcomer.groups().count(), 0);
        let before = world.nodes[&1].kept(group);
        let node = world.nodes.get_mut(&1).unwrap();
        assert_eq!(node.welcome(&AwsLc, now, welcome), Err(expected));
        assert_eq!(node.kept(group), before);
    }
}

/// Whoever says where the chain of the second server is, and shows nothing of it that was signed.
fn is_not_believed_of_a_chain(node: &mut Keyring, group: GroupId, first: &Entry) {
    let known = node.kept(group);
    for entries in [vec![], vec![first.clone()]] {
        let after = Head {
            number: u32::MAX,
            hash: [9; 32],
        };
        let links = Links {
            index: 1,
            after,
            entries,
        };
        let _ = node.link(&AwsLc, group, links);
        assert_eq!(node.kept(group), known);
    }
}

#[test]
fn either_of_two_servers_may_die() {
    let mut world = World::new();
    let (group, now) = (world.group(), world.gms.now);
    let root_seed = world.gms.roots[&group];
    let root = Signer {
        crypto: &AwsLc,
        seed: &root_seed,
    };
    let second = Signer {
        crypto: &AwsLc,
        seed: &[77; 32],
    };
    let here = |key| Some(Server { key, f: f(0) });
    let first = world.gms.tenant.groups["sales"]
        .authority
        .server(0)
        .unwrap()
        .key;
    let servers = vec![here(first), here(second.public())];
    let authority = Authority::issue(&root, group, 2, now, servers);
    // The second server begins an epoch, and the first is never heard of again.
    let mut chain = Chain::new(group, 1, Head::default());
    let secret = EpochSecret::new([5; 32]);
    let epoch = EpochEntry {
        number: 1,
        activates_unix_s: now,
        overlap_s: 90,
        secret_hash: secret.hash(&AwsLc),
    };
    let begun = chain.write(&second, now, EntryBody::Epoch(epoch)).unwrap();
    let name = EpochName {
        index: 1,
        number: 1,
    };
    let welcome = |world: &World, number: u8, entries: Vec<_>, after| {
        let told = world.nodes[&number].kept(group).unwrap();
        Welcome {
            authority: authority.clone(),
            lease: Lease::issue(&second, 1, group, told.admission.member, world.gms.now),
            links: vec![Links {
                index: 1,
                after,
                entries,
            }],
            secrets: vec![(name, secret.clone())],
            ..told
        }
    };
    let ada = world.nodes.get_mut(&1).unwrap();
    assert_eq!(ada.authority(&AwsLc, now, authority.clone()), Ok(true));
    is_not_believed_of_a_chain(ada, group, &begun);
    for number in 1..=3 {
        let told = welcome(&world, number, vec![begun.clone()], Head::default());
        let node = world.nodes.get_mut(&number).unwrap();
        node.welcome(&AwsLc, now, told).unwrap();
    }
    assert_eq!(world.matched(1, 2), Some(Use::Current));
    let both = world
        .proofs(1)
        .iter()
        .filter(|it| it.what == Use::Current)
        .count();
    assert_eq!(both, 2, "one of each server");
    // Four days later only what the second server said holds.
    world.gms.now += 4 * DAY;
    for number in 1..=3 {
        let told = welcome(&world, number, Vec::new(), chain.head());
        let node = world.nodes.get_mut(&number).unwrap();
        node.welcome(&AwsLc, world.gms.now, told).unwrap();
    }
    world.show(2, 1).unwrap();
    world.show(3, 1).unwrap();
    assert!(world.shares(1, 2));
    let eve = world.nodes[&3].membership(group).unwrap().0.member;
    let after = chain.head();
    let gone = chain.write(&second, world.gms.now, EntryBody::Removal(eve));
    let links = Links {
        index: 1,
        after,
        entries: vec![gone.unwrap()],
    };
    let ada = world.nodes.get_mut(&1).unwrap();
    assert_eq!(ada.link(&AwsLc, group, links), Ok(vec![eve]));
    assert!(world.shares(1, 2) && !world.shares(1, 3));
    // An authority statement that was replaced does not come back.
    let old = world.gms.knowledge(1, &[]).remove(0);
    let ada = world.nodes.get_mut(&1).unwrap();
    ada.welcome(&AwsLc, world.gms.now, old).unwrap();
    assert_eq!(ada.kept(group).unwrap().authority.serial, 2);
}

#[test]
fn a_rotation_ends_nothing_and_needs_nobody() {
    let mut world = World::new();
    world.show(2, 1).unwrap();
    let group = "sales".to_owned();
    world.gms.now += HOUR;
    world.gms.order(Command::Rotate { group }).unwrap();
    assert_eq!(world.sync(1), Ok(Vec::new()));
    // Bob has not heard of it: for 90 s what he has counts beside the new one, then to catch up.
    assert_eq!(world.matched(1, 2), Some(Use::Beside));
    world.gms.now += 90;
    assert_eq!(world.matched(1, 2), Some(Use::CatchUp));
    assert!(world.shares(1, 2), "no membership has ended");
    world.hand_over(1, 2);
    assert_eq!(world.matched(1, 2), Some(Use::Current));
}

#[test]
fn what_is_over_is_forgotten_and_every_change_has_its_moment() {
    let mut world = World::new();
    world.show(2, 1).unwrap();
    let mut node = world.nodes[&1].clone();
    let mut now = world.gms.now;
    let mut moments = 0;
    while let Some(next) = node.changes_at(now) {
        let uses = |at| -> Vec<(EpochName, Use)> {
            let proofs = node.proofs(&AwsLc, at).into_iter();
            proofs.map(|proof| (proof.epoch, proof.what)).collect()
        };
        assert_eq!(uses(next - 1), uses(now));
        assert_eq!(
            node.shared(f(2), next - 1).count(),
            node.shared(f(2), now).count()
        );
        now = next;
        moments += 1;
        assert!(moments < 100);
    }
    assert!(moments > 5, "{moments}");
    node.expire(now + 30 * DAY);
    assert_eq!(node.shared(f(2), now).count(), 0);
    let secrets = node.kept(world.group()).unwrap().secrets;
    assert_eq!(secrets.len(), 1, "the last one stays until another comes");
}

/// A keyring that has seen signatures hold, and one that has not, say the same of everybody, whatever happens
/// between: also of a membership that both saw before an authority, a removal, or the end of a lease.
#[test]
fn a_signature_that_was_seen_is_worth_no_more_than_one_that_was_not() {
    let mut world = World::new();
    let group = world.group();
    let shown = |world: &World, number: u8| {
        let (admission, lease) = world.nodes[&number].membership(group).unwrap();
        (admission.clone(), lease.clone())
    };
    let kept: Vec<_> = [2, 3].map(|number| (number, shown(&world, number))).into();
    let both = |world: &mut World| -> Vec<Result<(), KeyringError>> {
        let now = world.gms.now;
        let mut new = Keyring::new(f(1));
        let all = world.nodes[&1].kept(group).unwrap();
        new.restore(&AwsLc, all).unwrap();
        let old = world.nodes.get_mut(&1).unwrap();
        let say = |ring: &mut Keyring, (number, (admission, lease)): &(u8, (_, _))| {
            let said = ring.peer(&AwsLc, now, f(*number), admission, lease);
            let said = said.map(drop);
            assert_eq!(ring.foresee(&AwsLc, now, admission, lease), said);
            said
        };
        let pairs = kept.iter().map(|it| (say(old, it), say(&mut new, it)));
        pairs
            .map(|(old, new)| {
                assert_eq!(old, new);
                new
            })
            .collect()
    };
    assert_eq!(both(&mut world), [Ok(()), Ok(())]);
    world.gms.order(remove("eve", None)).unwrap();
    world.sync(1).unwrap();
    let removed = Err(KeyringError::Removed);
    assert_eq!(both(&mut world), [Ok(()), removed.clone()]);
    let before = world.nodes[&1].clone();
    // Another server has the group now, and the one that signed none of it.
    let root_seed = world.gms.roots[&group];
    let seeds = [root_seed, [77; 32]];
    let [root, other] = [0, 1].map(|of: usize| Signer {
        crypto: &AwsLc,
        seed: &seeds[of],
    });
    let servers = vec![Some(Server {
        key: other.public(),
        f: f(0),
    })];
    let authority = Authority::issue(&root, group, 2, world.gms.now, servers);
    let now = world.gms.now;
    let ada = world.nodes.get_mut(&1).unwrap();
    assert_eq!(ada.authority(&AwsLc, now, authority), Ok(true));
    let mut said = Vec::new();
    for (number, (admission, lease)) in &kept {
        let ada = world.nodes.get_mut(&1).unwrap();
        let now = world.gms.now;
        let taken = ada.peer(&AwsLc, now, f(*number), admission, lease);
        said.push(taken.map(drop));
    }
    // What that one has removed is forgotten with all else that it said: nothing of it holds.
    let void = Err(KeyringError::Admission);
    assert_eq!(said, [void.clone(), void]);
    // And with the first again: until its lease ends.
    world.nodes.insert(1, before);
    world.gms.now += 48 * HOUR - 1;
    assert_eq!(both(&mut world), [Ok(()), removed.clone()]);
    world.gms.now += 1;
    assert_eq!(both(&mut world), [Err(KeyringError::Lease), removed]);
}
