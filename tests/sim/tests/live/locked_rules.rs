//! Rules and roles of a locked group, where the clock and the network are ours and the server is against us.

use control::{Addition, Command, LockedGroups};
use group::agent::ToMember;
use group::message::Message;
use group::rules::{Party, Permit};
use group::signing::{Request, Statement};
use group::statement::{Rules, Signer};
use group::{PortRange, Proto, Services};
use identity::crypto::AwsLc;
use node::DropReason;

use super::common::{s, udp};
use super::world::{Groups, SEED};

const VAULT: &str = "vault";
const ADMINS: [[u8; 32]; 3] = [[101; 32], [102; 32], [103; 32]];

fn signer(seed: &[u8; 32]) -> Signer<'_> {
    Signer {
        crypto: &AwsLc,
        seed,
    }
}

/// A server at host 0; at 1 a member that is `staff`, at 2 one that is `server`, at 3 one that is nothing. Two of three
/// admins lock them in.
fn vault() -> Groups {
    let mut groups = Groups::new(4);
    let lock = Command::CreateLocked(LockedGroups {
        groups: vec![VAULT.to_owned()],
        zone: "UTC".to_owned(),
        site: None,
        threshold: 2,
        admins: ADMINS.iter().map(|it| signer(it).public()).collect(),
    });
    groups.order(lock).unwrap();
    for (index, role) in [(1, Some("staff")), (2, Some("server")), (3, None)] {
        let member = format!("m{index}");
        groups.join_with(
            index,
            Addition {
                member: member.clone(),
                groups: vec![VAULT.to_owned()],
                roles: role.map(str::to_owned).into_iter().collect(),
                life_s: 3_600,
                ..Addition::default()
            },
        );
        admit(&mut groups, &member);
    }
    groups
}

/// Two admins sign what is asked.
fn sign(groups: &mut Groups, statement: Statement) {
    let genesis = groups.tenant().groups[VAULT].genesis.clone();
    let request = Request {
        name: VAULT.to_owned(),
        genesis,
        statement,
    };
    for admin in &ADMINS[..2] {
        let signature = request.sign(&signer(admin)).unwrap();
        groups.order(Command::Approve(signature)).unwrap();
    }
    groups.settle();
}

fn admit(groups: &mut Groups, member: &str) {
    let asked = groups.tenant().groups[VAULT].asked[member].clone();
    sign(groups, Statement::Admission(Box::new(asked)));
}

fn permits(lo: u16, hi: u16) -> Vec<Permit> {
    let proto = Proto::Udp;
    vec![Permit {
        from: Party::Role("staff".to_owned()),
        to: Party::Role("server".to_owned()),
        services: Services::Ports(vec![PortRange { proto, lo, hi }]),
    }]
}

/// Orders that `staff` may reach these UDP ports of `server`; nobody has signed.
fn order(groups: &mut Groups, lo: u16, hi: u16) {
    let command = Command::SetRules {
        group: VAULT.to_owned(),
        permits: Some(permits(lo, hi)),
        tests: Vec::new(),
    };
    groups.order(command).unwrap();
    groups.settle();
}

/// Has the admins sign what was ordered last.
fn sign_rules(groups: &mut Groups) {
    let asked = groups.tenant().groups[VAULT].asked_rules.clone();
    sign(groups, Statement::Rules(Box::new(asked.unwrap().rules)));
}

/// Whether a packet of one host comes out at another, to a UDP port.
fn passes(groups: &mut Groups, from: usize, to: usize, port: u16) -> bool {
    let ends = (groups.world.f(from), groups.world.f(to));
    let packet = udp(ends.0, ends.1, (5_000 + port, port), b"data");
    groups.world.take_inside(from);
    groups.world.take_inside(to);
    groups
        .world
        .with(from, |node, now| node.handle_inside(now, &packet));
    groups.settle();
    groups.world.run(s(1));
    groups.settle();
    groups.world.take_inside(to).contains(&packet)
}

/// The server says to everybody that these are the rules.
fn claim(groups: &mut Groups, rules: &Rules) {
    for to in 1..4 {
        let f = groups.world.f(to);
        let message = ToMember::Member(Message::Rules(Box::new(rules.clone())));
        groups
            .world
            .with(0, |node, now| node.tell_from_server(now, f, message));
    }
    groups.settle();
}

#[test]
fn members_obey_what_two_admins_signed_and_hear_it_from_each_other() {
    let mut groups = vault();
    assert!(passes(&mut groups, 3, 2, 53), "no rules, no limits");
    order(&mut groups, 53, 53);
    assert!(passes(&mut groups, 3, 2, 53), "nobody has signed");
    // The one that would be shut out hears nothing of the server.
    groups.cut(0, &[3]);
    sign_rules(&mut groups);
    assert!(passes(&mut groups, 1, 2, 53), "what is permitted");
    assert!(!passes(&mut groups, 1, 2, 54) && !passes(&mut groups, 3, 2, 53));
    let knew = groups.world.dropped(3, DropReason::RuledOut);
    assert!(knew > 0, "a member has told it");
    groups.world.lose = Box::new(|_| false);
    groups.stop_server();
    for index in 1..4 {
        groups.world.restart(index);
    }
    assert!(passes(&mut groups, 1, 2, 53), "they go on without a server");
    assert!(!passes(&mut groups, 3, 2, 53), "and keep the rules");
}

#[test]
fn a_hostile_server_neither_opens_nor_closes_anything() {
    let mut groups = vault();
    order(&mut groups, 53, 53);
    sign_rules(&mut groups);
    let first = groups.tenant().groups[VAULT].rules.clone().unwrap();
    groups.run(60);
    order(&mut groups, 99, 99);
    sign_rules(&mut groups);
    let rules = groups.tenant().groups[VAULT].rules.clone().unwrap();
    let as_signed = |groups: &mut Groups, what: &str| {
        assert!(passes(groups, 1, 2, 99), "{what}");
        for (from, to, port) in [(1, 2, 53), (3, 2, 99), (3, 1, 53)] {
            assert!(
                !passes(groups, from, to, port),
                "{what}: {from} {to} {port}"
            );
        }
    };
    as_signed(&mut groups, "before");
    let (group, later) = (rules.group, rules.serial + 10);
    let made = |permits| Rules::new(group, later, later, permits).unwrap();
    let mut own = made(None);
    own.sign(&signer(&SEED), 0);
    let mut weak = own.clone();
    let genesis = groups.tenant().groups[VAULT].genesis.clone();
    let place = genesis.policy.index_of(&signer(&ADMINS[2]).public());
    weak.sign(&signer(&ADMINS[2]), place.unwrap());
    let mut dated = rules.clone();
    (dated.serial, dated.issued_unix_s) = (later, later);
    let mut wider = rules.clone();
    wider.permits = None;
    let mut shut = rules.clone();
    (shut.serial, shut.permits) = (later, Some(Vec::new()));
    for (claimed, what) in [
        (&first, "what was signed before"),
        (&made(None), "what nobody has signed"),
        (&own, "its own word"),
        (&weak, "its word and that of one admin"),
        (&dated, "the rules with a later number"),
        (&wider, "no rules, under these signatures"),
        (&shut, "nothing, under these signatures"),
    ] {
        claim(&mut groups, claimed);
        as_signed(&mut groups, what);
    }
    // The same way works for what the admins do sign.
    let mut opened = made(None);
    for admin in &ADMINS[..2] {
        let place = genesis.policy.index_of(&signer(admin).public());
        opened.sign(&signer(admin), place.unwrap());
    }
    claim(&mut groups, &opened);
    assert!(passes(&mut groups, 3, 2, 53) && passes(&mut groups, 2, 1, 80));
}

#[test]
fn a_role_counts_when_the_admins_have_signed_and_one_that_is_gone_is_good_for_nothing() {
    let mut groups = vault();
    order(&mut groups, 53, 53);
    sign_rules(&mut groups);
    let set_role = |groups: &mut Groups, member: &str, role: Option<&str>| {
        let command = Command::SetRoles {
            member: member.to_owned(),
            roles: role.map(str::to_owned).into_iter().collect(),
        };
        groups.order(command).unwrap();
        groups.settle();
    };
    set_role(&mut groups, "m3", Some("staff"));
    assert!(!passes(&mut groups, 3, 2, 53), "nobody has signed");
    admit(&mut groups, "m3");
    assert!(passes(&mut groups, 3, 2, 53), "without a handshake");
    set_role(&mut groups, "m1", None);
    assert!(passes(&mut groups, 1, 2, 53), "nobody has signed");
    // The member that is to lose it does not hear of it, and shows what it was.
    groups.cut(1, &[0]);
    admit(&mut groups, "m1");
    groups.cut(0, &[1]);
    groups.end_sessions(1, 2);
    assert!(!passes(&mut groups, 1, 2, 53));
    let refused = groups.world.dropped(2, DropReason::Membership);
    assert!(refused > 0, "its admission was removed");
}
