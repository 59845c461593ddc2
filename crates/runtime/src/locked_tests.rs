//! What waits is answered in parts that fit into a frame, each once and in order.

use super::*;
use control::{Actor, Addition, Command, Context, Enrolment, Reply, Server};
use group::rules::{Party, Permit};
use group::statement::Signer;
use group::{PortRange, Proto, Services};
use identity::crypto::HashRng;
use wire::NodeAddr;

const NOW: u64 = 1_800_000_000;
const SEED: [u8; 32] = [9; 32];

fn f(number: u8) -> NodeAddr {
    let mut bytes = [number; 16];
    bytes[0] = 0xfc;
    NodeAddr(bytes)
}

fn act(tenant: &mut Tenant, rng: &mut HashRng, actor: Actor, command: &Command) -> Reply {
    let mut context = Context {
        now_unix_s: NOW,
        crypto: &AwsLc,
        rng,
        server: Server {
            seed: &SEED,
            f: f(0),
        },
        roots: &|_| None,
    };
    let outcome = tenant.decide(&mut context, actor, command).unwrap();
    for event in &outcome.events {
        tenant.apply(&AwsLc, event).unwrap();
    }
    outcome.reply
}

/// As many permits and ports as there may be, under the longest names.
fn longest() -> Vec<Permit> {
    let role = |number: u16| Party::Role(format!("{number:032}"));
    let range = |port: u16| PortRange {
        proto: Proto::Tcp,
        lo: 10_000 + 2 * port,
        hi: 10_001 + 2 * port,
    };
    let permits = (0..64).map(|number| Permit {
        from: role(number),
        to: role(100 + number),
        services: Services::Ports((0..3).map(range).collect()),
    });
    permits.collect()
}

/// So many groups whose rules wait, and ada in the last of them.
fn tenant(count: usize) -> Tenant {
    let (mut tenant, mut rng) = (Tenant::default(), HashRng::new([1; 32]));
    let signer = Signer {
        crypto: &AwsLc,
        seed: &[3; 32],
    };
    let groups: Vec<String> = (0..count).map(|it| format!("vault-{it:03}")).collect();
    let create = Command::CreateLocked(LockedGroups {
        groups: groups.clone(),
        zone: "UTC".to_owned(),
        site: None,
        threshold: 1,
        admins: vec![signer.public()],
    });
    act(&mut tenant, &mut rng, Actor::Operator, &create);
    for group in &groups {
        let rules = Command::SetRules {
            group: group.clone(),
            permits: Some(longest()),
            tests: Vec::new(),
        };
        act(&mut tenant, &mut rng, Actor::Operator, &rules);
    }
    let add = Command::Add(Addition {
        member: "ada".to_owned(),
        groups: groups.last().cloned().into_iter().collect(),
        life_s: 60,
        ..Addition::default()
    });
    let Reply::Invited { invite, .. } = act(&mut tenant, &mut rng, Actor::Operator, &add) else {
        unreachable!("a new member gets a line");
    };
    let come = Command::Enrol(Enrolment {
        invite,
        kind: group::Kind::Ges,
        prefixes: Vec::new(),
        name: None,
    });
    act(&mut tenant, &mut rng, Actor::Node { f: f(1) }, &come);
    tenant
}

#[test]
fn what_waits_comes_in_parts_that_fit_into_a_frame() {
    let count = 120;
    let tenant = tenant(count);
    let (mut after, mut seen, mut parts) = (String::new(), Vec::new(), 0);
    loop {
        let page = Page {
            after: after.clone(),
            most: Some(api::PAGE_MAX),
        };
        let part = pending(&tenant, &page).unwrap();
        if part.is_empty() {
            break;
        }
        parts += 1;
        let answer = api::ManageResponse::Pending(part.clone());
        let reply = Ok(api::Response::Manage(Box::new(answer)));
        assert!(api::encode_reply(&reply).is_ok(), "part {parts}");
        for it in part {
            let member = match &it.asked {
                Asked::Admission { member, is_in, .. } => {
                    assert!(!is_in);
                    member.clone()
                }
                Asked::Rules { rules, .. } => {
                    assert_eq!(rules.as_ref().map(Vec::len), Some(64));
                    String::new()
                }
            };
            assert!(Request::from_text(&AwsLc, &it.request).is_some());
            after = format!("{}.{member}", it.group);
            seen.push(after.clone());
        }
    }
    assert!(parts > 1, "they do not fit into one");
    assert_eq!(seen.len(), count + 1);
    assert!(seen.is_sorted(), "{seen:?}");
    assert_eq!(seen.last().map(String::as_str), Some("vault-119.ada"));
    // Fewer, and a place that is none.
    let one = Page {
        after: "vault-118.".to_owned(),
        most: Some(1),
    };
    let part = pending(&tenant, &one).unwrap();
    assert!(matches!(&part[..], [it] if it.group == "vault-119"));
    let wrong = Page {
        after: "vault".to_owned(),
        most: None,
    };
    assert!(pending(&tenant, &wrong).is_err());
}
