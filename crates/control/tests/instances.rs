//! Several instances of one server: each is named in every group, at a place of its own, and none
//! begins a chain.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it is surprised"
)]

mod common;

use common::{Gms, SEED, create, f};
use control::{Actor, Command, Context, Event, Outcome, Refusal, Server};
use group::statement::{Authority, SERVERS_MAX, Signer};
use identity::crypto::AwsLc;

/// What the instance at F decides.
fn at(gms: &mut Gms, instance: u8, actor: Actor, command: &Command) -> Result<Outcome, Refusal> {
    let mut context = Context {
        now_unix_s: gms.now,
        crypto: &AwsLc,
        rng: &mut gms.rng,
        server: Server {
            seed: &SEED,
            f: f(instance),
        },
        roots: &|group| gms.roots.get(&group).copied(),
    };
    gms.tenant.decide(&mut context, actor, command)
}

fn attend(gms: &mut Gms, instance: u8) -> Result<usize, Refusal> {
    let outcome = at(gms, instance, Actor::Clock, &Command::Attend)?;
    for event in &outcome.events {
        gms.tenant.apply(&AwsLc, event).unwrap();
    }
    Ok(outcome.events.len())
}

#[test]
fn every_group_names_every_instance_once_and_has_one_chain() {
    let mut gms = Gms::with_groups(&["lab", "office"]);
    assert_eq!(attend(&mut gms, 0), Ok(0), "who made the groups is named");
    assert_eq!(attend(&mut gms, 9), Ok(2));
    assert_eq!(attend(&mut gms, 9), Ok(0), "once");
    for group in gms.tenant.groups.values() {
        let authority = &group.authority;
        assert!(authority.is_signed_by(&AwsLc, &group.genesis.root_key));
        assert_eq!(authority.serial, 2);
        assert_eq!(authority.index_of(f(0)), Some(0));
        assert_eq!(authority.index_of(f(9)), Some(0), "the same chain");
        assert_eq!(authority.index_of(f(5)), None);
        let instances: Vec<_> = authority.instances(0).collect();
        assert_eq!(instances, [f(0), f(9)]);
    }
    // A group that is made from now on names both at once.
    let made = at(&mut gms, 9, Actor::Operator, &create("third")).unwrap();
    let Event::GroupCreated { authority, .. } = &made.events[0] else {
        panic!("{made:?}");
    };
    let authority = Authority::decode(authority).unwrap();
    let instances: Vec<_> = authority.instances(0).collect();
    assert_eq!(instances, [f(9), f(0)]);
}

#[test]
fn there_is_an_end_of_instances() {
    let mut gms = Gms::with_groups(&["lab"]);
    for instance in 1..SERVERS_MAX {
        assert_eq!(attend(&mut gms, u8::try_from(instance).unwrap()), Ok(1));
    }
    // A group that is full goes on without another, and keeps nobody from serving the rest.
    assert_eq!(attend(&mut gms, 99), Ok(0));
}

/// Takes an instance out of `lab` at another.
fn retire(gms: &mut Gms, at_instance: u8, gone: u8) -> Result<(), Refusal> {
    let command = Command::Unshare {
        group: "lab".to_owned(),
        server: f(gone),
    };
    let outcome = at(gms, at_instance, Actor::Operator, &command)?;
    assert_eq!(outcome.events.len(), 1, "nobody gets new keys");
    for event in &outcome.events {
        gms.tenant.apply(&AwsLc, event).unwrap();
    }
    Ok(())
}

fn places(gms: &Gms) -> Vec<Option<wire::NodeAddr>> {
    let servers = gms.tenant.groups["lab"].authority.servers.iter();
    servers.map(|it| it.map(|server| server.f)).collect()
}

#[test]
fn an_instance_that_is_gone_makes_room_and_the_chain_stays() {
    let mut gms = Gms::with_groups(&["lab"]);
    for instance in 1..SERVERS_MAX {
        attend(&mut gms, u8::try_from(instance).unwrap()).unwrap();
    }
    assert_eq!(
        retire(&mut gms, 2, 2),
        Err(Refusal::OwnServer("lab".to_owned()))
    );
    let unknown = Refusal::NoServer(f(99), "lab".to_owned());
    assert_eq!(retire(&mut gms, 2, 99), Err(unknown));
    // The one whose place gives the chain its index, and one in between.
    retire(&mut gms, 2, 0).unwrap();
    retire(&mut gms, 2, 3).unwrap();
    let left = [1, 2, 4, 5, 6, 7].map(|it| Some(f(it)));
    assert_eq!(places(&gms), [&left[..], &[None, None]].concat());
    let group = &gms.tenant.groups["lab"];
    assert_eq!(group.authority.index_of(f(7)), Some(group.chain.index()));
    // Both places are good for others, and for one that was not gone.
    assert_eq!((attend(&mut gms, 99), attend(&mut gms, 3)), (Ok(1), Ok(1)));
    assert_eq!(attend(&mut gms, 98), Ok(0));
    assert_eq!(places(&gms)[6..], [Some(f(99)), Some(f(3))]);
    // What is written from now on counts.
    at(&mut gms, 99, Actor::Operator, &create("third")).unwrap();
    let rotated = Command::Rotate {
        group: "lab".to_owned(),
    };
    let outcome = at(&mut gms, 99, Actor::Operator, &rotated).unwrap();
    for event in &outcome.events {
        gms.tenant.apply(&AwsLc, event).unwrap();
    }
}

#[test]
fn the_last_that_is_named_gives_its_place_to_the_one_that_is_there() {
    let mut gms = Gms::with_groups(&["lab"]);
    retire(&mut gms, 9, 0).unwrap();
    assert_eq!(places(&gms), [Some(f(9))]);
    assert_eq!(attend(&mut gms, 9), Ok(0));
}

#[test]
fn nobody_orders_it_and_without_the_root_key_nothing_happens() {
    let mut gms = Gms::with_groups(&["lab"]);
    for actor in [Actor::Operator, Actor::Node { f: f(3) }] {
        let refused = at(&mut gms, 9, actor, &Command::Attend);
        assert_eq!(refused, Err(Refusal::ClockOnly));
    }
    gms.roots.clear();
    assert_eq!(attend(&mut gms, 9), Ok(0));
}

#[test]
fn a_statement_that_the_root_key_did_not_sign_or_an_older_one_is_no_event() {
    let mut gms = Gms::with_groups(&["lab"]);
    let group = gms.tenant.groups["lab"].clone();
    let issue = |seed: &[u8; 32], serial| {
        let by = Signer {
            crypto: &AwsLc,
            seed,
        };
        let servers = group.authority.servers.clone();
        Event::AuthorityChanged {
            group: "lab".to_owned(),
            authority: Authority::issue(&by, group.id, serial, gms.now, servers).encode(),
        }
    };
    let root = gms.roots[&group.id];
    let (forged, old, new) = (issue(&[1; 32], 2), issue(&root, 1), issue(&root, 2));
    assert!(gms.tenant.clone().apply(&AwsLc, &forged).is_err());
    assert!(gms.tenant.clone().apply(&AwsLc, &old).is_err());
    assert!(gms.tenant.apply(&AwsLc, &new).is_ok());
}
