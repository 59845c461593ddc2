//! Who may order what, and that the trail shows it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it is surprised"
)]

mod common;

use common::{DAY, Gms, add, come, create, f, node, remove};
use control::{Actor, AuditError, Command, InviteId, InviteTerms, Refusal, Role, Trail};
use identity::crypto::AwsLc;

fn grant(number: u8, role: Option<Role>) -> Command {
    Command::Grant {
        f: f(number),
        role,
        label: format!("admin-{number}"),
    }
}

const OWNER: u8 = 10;
const ADMIN: u8 = 11;
const AUDITOR: u8 = 12;
const MEMBER: u8 = 1;
const STRANGER: u8 = 13;

/// A tenant with somebody of each kind.
fn tenant() -> (Gms, InviteId) {
    let mut gms = Gms::with_groups(&["sales", "it"]);
    gms.enrol(MEMBER, "ada", &["sales"]);
    for (number, role) in [
        (OWNER, Role::Owner),
        (ADMIN, Role::Admin),
        (AUDITOR, Role::Auditor),
    ] {
        gms.order(grant(number, Some(role))).unwrap();
    }
    let invite = gms.invite_for("bob", &["sales"]);
    (gms, invite)
}

/// Every order, and the role that it takes; `None`: a rule of its own.
fn orders(invite: InviteId) -> Vec<(Command, Option<Role>)> {
    let admin = Some(Role::Admin);
    vec![
        (create("new"), admin),
        (Command::Serve { site: None }, admin),
        (add("eve", &["sales"]), admin),
        (remove("ada", Some("sales")), admin),
        (remove("ada", None), admin),
        (
            Command::Rotate {
                group: "sales".to_owned(),
            },
            admin,
        ),
        (
            Command::Invite {
                groups: vec!["sales".to_owned()],
                terms: InviteTerms {
                    uses: 1,
                    life_s: DAY,
                    mode: None,
                },
            },
            admin,
        ),
        (Command::Withdraw { invite }, admin),
        (grant(20, Some(Role::Auditor)), Some(Role::Owner)),
        (grant(ADMIN, None), Some(Role::Owner)),
        (come(invite, None), None),
        (Command::Tick, None),
    ]
}

#[test]
fn every_order_by_everybody() {
    let (gms, invite) = tenant();
    let actors = [
        (Actor::Operator, Some(Role::Owner)),
        (node(OWNER), Some(Role::Owner)),
        (node(ADMIN), Some(Role::Admin)),
        (node(AUDITOR), Some(Role::Auditor)),
        (node(MEMBER), None),
        (node(STRANGER), None),
        (Actor::Clock, None),
    ];
    let mut cells = 0;
    for (command, least) in orders(invite) {
        for (actor, role) in actors {
            let allowed = match (&command, least) {
                (Command::Enrol(_), _) => matches!(actor, Actor::Node { .. }),
                (Command::Tick, _) => actor == Actor::Clock,
                (_, least) => role.is_some() && role >= least,
            };
            let found = command.authorize(&gms.tenant, actor);
            assert_eq!(found.is_ok(), allowed, "{command:?} by {actor:?}");
            cells += 1;
        }
    }
    assert_eq!(cells, 84);
}

#[test]
fn a_refused_order_changes_nothing() {
    let (mut gms, invite) = tenant();
    let (before, records) = (gms.tenant.clone(), gms.records.len());
    for (command, least) in orders(invite)
        .into_iter()
        .filter(|(_, least)| least.is_some())
    {
        for actor in [node(AUDITOR), node(MEMBER), node(STRANGER)] {
            let refused = gms.act(actor, command.clone());
            assert_eq!(refused, Err(Refusal::Role(least.unwrap())));
        }
    }
    assert_eq!((gms.tenant, gms.records.len()), (before, records));
}

#[test]
fn the_last_owner_stays() {
    let (mut gms, _) = tenant();
    assert_eq!(gms.order(grant(OWNER, None)), Err(Refusal::LastOwner));
    let less = grant(OWNER, Some(Role::Admin));
    assert_eq!(gms.act(node(OWNER), less.clone()), Err(Refusal::LastOwner));
    gms.order(grant(20, Some(Role::Owner))).unwrap();
    gms.order(less).unwrap();
    let refused = gms.act(node(OWNER), grant(20, None));
    assert_eq!(refused, Err(Refusal::Role(Role::Owner)));
}

#[test]
fn the_trail_says_who_and_any_change_to_it_is_found() {
    let (mut gms, _) = tenant();
    let made = gms.records.len();
    gms.act(node(ADMIN), create("new")).unwrap();
    assert!(gms.records[made..].iter().all(|it| it.actor == node(ADMIN)));
    let read = |records: &[control::Record]| -> Result<Trail, AuditError> {
        let mut trail = Trail::default();
        for record in records {
            trail.verify(&AwsLc, record)?;
        }
        Ok(trail)
    };
    assert_eq!(read(&gms.records), Ok(gms.trail));
    let last = gms.records.len() - 1;
    for at in [0, last / 2, last] {
        let mut changed = gms.records.clone();
        changed[at].at_unix_s += 1;
        let rev = at as u64 + 1;
        assert_eq!(read(&changed), Err(AuditError::Changed { rev }));
        let mut other = gms.records.clone();
        other[at].actor = node(STRANGER);
        assert_eq!(read(&other), Err(AuditError::Changed { rev }));
        let mut short = gms.records.clone();
        short.remove(at);
        // Without the last one the trail is whole, but ends elsewhere than was noted.
        assert_ne!(read(&short), Ok(gms.trail));
    }
    // Through JSON, as a store keeps it.
    let json = serde_json::to_string(&gms.records).unwrap();
    let again: Vec<control::Record> = serde_json::from_str(&json).unwrap();
    assert_eq!(read(&again), Ok(gms.trail));
}
