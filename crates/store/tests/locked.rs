//! Locked groups in both stores: what the admins have signed so far is there again, and each signature counts by
//! what it signs, whichever instance it is brought to.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it is surprised"
)]

mod common;

use common::{Ground, NOW, Server, add, come, f};
use control::service::OrderError;
use control::{Actor, Command, LockedGroups, Refusal, Reply, RuleTest};
use group::Proto;
use group::signing::{AdminSignature, Request, Statement};
use group::statement::{
    Admission, Attributes, Bounds, InviteCertificate, KINDS_ALL, Rules, Signer, Wanted,
};
use identity::crypto::AwsLc;

fn signer(seed: &[u8; 32]) -> Signer<'_> {
    Signer {
        crypto: &AwsLc,
        seed,
    }
}

/// `vault`, of which both of two admins must agree.
fn vault() -> Command {
    Command::CreateLocked(LockedGroups {
        groups: vec!["vault".to_owned()],
        zone: "UTC".to_owned(),
        site: None,
        threshold: 2,
        admins: vec![signer(&[1; 32]).public(), signer(&[2; 32]).public()],
    })
}

fn signature(server: &Server, admin: u8) -> AdminSignature {
    let group = &server.service.tenant().groups["vault"];
    let asked = Admission::decode(&group.asked["ada"].encode_unsigned()).unwrap();
    let request = Request {
        name: "vault".to_owned(),
        genesis: group.genesis.clone(),
        statement: Statement::Admission(Box::new(asked)),
    };
    request.sign(&signer(&[admin; 32])).unwrap()
}

fn is_in_force(done: Result<Reply, OrderError>) -> bool {
    let Ok(Reply::Approved(approved)) = done else {
        panic!("{done:?}");
    };
    approved.is_in_force
}

#[test]
fn what_was_signed_before_a_restart_counts_after_it() {
    for ground in Ground::both("locked") {
        let mut server = ground.open().unwrap();
        server.order(&vault()).unwrap();
        let invite = server.invite("ada", "vault");
        server.act(Actor::Node { f: f(1) }, &come(invite)).unwrap();
        let second = signature(&server, 2);
        let first = signature(&server, 1);
        assert!(!is_in_force(server.order(&Command::Approve(first))));
        let tenant = server.service.tenant().clone();
        drop(server);
        let mut server = ground.of(2).unwrap();
        assert_eq!(*server.service.tenant(), tenant);
        assert!(is_in_force(server.order(&Command::Approve(second.clone()))));
        let late = server.order(&Command::Approve(second));
        assert_eq!(late.err(), Some(OrderError::Refused(Refusal::NotAsked)));
        let tenant = server.service.tenant().clone();
        drop(server);
        let again = ground.open().unwrap();
        assert_eq!(*again.service.tenant(), tenant);
        let group = &again.service.tenant().groups["vault"];
        assert!(group.admissions["ada"].holds(&AwsLc, &group.genesis, &group.authority));
    }
}

#[test]
fn of_16_that_come_by_a_line_of_a_locked_group_one_gets_in() {
    for ground in Ground::both("locked-once") {
        let mut server = ground.open().unwrap();
        server.order(&vault()).unwrap();
        let Ok(Reply::Invited { invite, .. }) = server.order(&add("ada", "vault")) else {
            panic!("a line");
        };
        let lock = server.service.tenant().lock_of(invite).unwrap();
        let bounds = Bounds {
            from_unix_s: NOW,
            until_unix_s: NOW + 3_600,
            mode: None,
            kinds: KINDS_ALL,
            once: true,
            attributes: Attributes::default(),
        };
        let (key, id) = (signer(&[3; 32]), lock.genesis.id(&AwsLc));
        let mut certificate = InviteCertificate::new(id, key.public(), bounds).unwrap();
        for admin in [1, 2] {
            let index = lock.genesis.policy.index_of(&signer(&[admin; 32]).public());
            certificate.sign(&signer(&[admin; 32]), index.unwrap());
        }
        let come = |number: u8| {
            let wanted = Wanted::plain(f(number), u64::from(number), NOW, "ada");
            let admission = Admission::by_invite(&certificate, &key, &wanted).unwrap();
            let admission = Box::new(admission);
            Command::EnrolLocked { invite, admission }
        };
        let results: Vec<_> = std::thread::scope(|scope| {
            let (ground, come) = (&ground, &come);
            let run = |instance: u8| {
                scope.spawn(move || {
                    let mut server = ground.of(instance).unwrap();
                    let nodes = instance * 4..instance * 4 + 4;
                    let each = nodes.map(|it| server.act(Actor::Node { f: f(it) }, &come(it)));
                    each.collect::<Vec<_>>()
                })
            };
            let running: Vec<_> = (1..=4).map(run).collect();
            let done = running.into_iter().flat_map(|it| it.join().unwrap());
            done.collect()
        });
        let let_in = results.iter().filter(|it| it.is_ok()).count();
        assert_eq!((results.len(), let_in), (16, 1), "{results:?}");
        let again = ground.open().unwrap();
        assert_eq!(again.service.tenant().nodes.len(), 1);
    }
}

#[test]
fn rules_that_were_signed_before_a_restart_count_after_it() {
    for ground in Ground::both("locked-rules") {
        let mut server = ground.open().unwrap();
        server.order(&vault()).unwrap();
        let test = RuleTest {
            from: "ada".to_owned(),
            to: "bob".to_owned(),
            proto: Proto::Tcp,
            port: 22,
            open: false,
        };
        let order = Command::SetRules {
            group: "vault".to_owned(),
            permits: Some(Vec::new()),
            tests: vec![test.clone()],
        };
        server.order(&order).unwrap();
        let sign = |server: &Server, admin: u8| {
            let group = &server.service.tenant().groups["vault"];
            let rules = &group.asked_rules.as_ref().unwrap().rules;
            let rules = Rules::decode(&rules.encode_unsigned()).unwrap();
            let request = Request {
                name: "vault".to_owned(),
                genesis: group.genesis.clone(),
                statement: Statement::Rules(Box::new(rules)),
            };
            request.sign(&signer(&[admin; 32])).unwrap()
        };
        let (first, second) = (sign(&server, 1), sign(&server, 2));
        assert!(!is_in_force(server.order(&Command::Approve(first))));
        let tenant = server.service.tenant().clone();
        drop(server);
        let mut server = ground.of(2).unwrap();
        assert_eq!(*server.service.tenant(), tenant);
        assert!(is_in_force(server.order(&Command::Approve(second))));
        let tenant = server.service.tenant().clone();
        drop(server);
        let again = ground.open().unwrap();
        assert_eq!(*again.service.tenant(), tenant);
        let group = &tenant.groups["vault"];
        let rules = group.rules.as_ref().unwrap();
        assert!(rules.holds(&AwsLc, &group.genesis, &group.authority));
        assert_eq!(group.tests, [test]);
    }
}
