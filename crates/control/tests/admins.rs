//! Who may order what, and that the trail shows it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it is surprised"
)]

mod common;

use common::{DAY, Gms, add, come, create, node, remove};
use control::{
    Actor, AdminId, AuditError, Command, InviteId, InviteTerms, Refusal, Reply, Role, Trail,
};
use identity::crypto::AwsLc;

fn add_admin(name: &str, role: Role, life_s: Option<u64>) -> Command {
    let name = name.to_owned();
    Command::AddAdmin { name, role, life_s }
}

fn remove_admin(name: &str) -> Command {
    let name = name.to_owned();
    Command::RemoveAdmin { name }
}

/// Makes an administrator, and shows its secret.
fn admin(gms: &mut Gms, name: &str, role: Role, life_s: Option<u64>) -> Actor {
    let made = gms.order(add_admin(name, role, life_s)).unwrap();
    let Reply::Admin { secret, .. } = made else {
        panic!("{made:?}");
    };
    let admin = AdminId::of(&AwsLc, &secret);
    Actor::Admin { admin }
}

const MEMBER: u8 = 1;
const STRANGER: u8 = 13;

/// A tenant with somebody of each kind.
struct Cast {
    gms: Gms,
    invite: InviteId,
    owner: Actor,
    admin: Actor,
    auditor: Actor,
    /// One whose time is over, but who is still in the list.
    late: Actor,
    /// One who was removed.
    gone: Actor,
}

fn cast() -> Cast {
    let mut gms = Gms::with_groups(&["sales", "it"]);
    gms.enrol(MEMBER, "ada", &["sales"]);
    let late = admin(&mut gms, "late", Role::Owner, Some(5));
    let gone = admin(&mut gms, "gone", Role::Owner, None);
    gms.order(remove_admin("gone")).unwrap();
    let owner = admin(&mut gms, "olive", Role::Owner, None);
    let admin_ = admin(&mut gms, "adam", Role::Admin, Some(DAY));
    let auditor = admin(&mut gms, "audrey", Role::Auditor, None);
    gms.now += 5;
    let invite = gms.invite_for("bob", &["sales"]);
    Cast {
        gms,
        invite,
        owner,
        admin: admin_,
        auditor,
        late,
        gone,
    }
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
                roles: Default::default(),
                groups: vec!["sales".to_owned()],
                terms: InviteTerms {
                    uses: 1,
                    life_s: DAY,
                    mode: None,
                },
            },
            admin,
        ),
        (
            Command::SetRoles {
                member: "ada".to_owned(),
                roles: ["staff".to_owned()].into(),
            },
            admin,
        ),
        (
            Command::SetRules {
                group: "sales".to_owned(),
                permits: Some(Vec::new()),
                tests: Vec::new(),
            },
            admin,
        ),
        (Command::Withdraw { invite }, admin),
        (add_admin("new", Role::Auditor, None), Some(Role::Owner)),
        (remove_admin("adam"), Some(Role::Owner)),
        (come(invite, None), None),
        (Command::Tick, None),
    ]
}

#[test]
fn every_order_by_everybody() {
    let cast = cast();
    let actors = [
        (Actor::Operator, Some(Role::Owner)),
        (cast.owner, Some(Role::Owner)),
        (cast.admin, Some(Role::Admin)),
        (cast.auditor, Some(Role::Auditor)),
        (cast.late, None),
        (cast.gone, None),
        (node(MEMBER), None),
        (node(STRANGER), None),
        (Actor::Clock, None),
    ];
    let mut cells = 0;
    for (command, least) in orders(cast.invite) {
        for (actor, role) in actors {
            let allowed = match (&command, least) {
                (Command::Enrol(_), _) => matches!(actor, Actor::Node { .. }),
                (Command::Tick, _) => actor == Actor::Clock,
                (_, least) => role.is_some() && role >= least,
            };
            let found = command.authorize(&cast.gms.tenant, cast.gms.now, actor);
            assert_eq!(found.is_ok(), allowed, "{command:?} by {actor:?}");
            cells += 1;
        }
    }
    assert_eq!(cells, 126);
}

#[test]
fn a_refused_order_changes_nothing() {
    let cast = cast();
    let (mut gms, invite) = (cast.gms, cast.invite);
    let (before, records) = (gms.tenant.clone(), gms.records.len());
    for (command, least) in orders(invite)
        .into_iter()
        .filter(|(_, least)| least.is_some())
    {
        for actor in [cast.auditor, cast.late, cast.gone, node(MEMBER)] {
            let refused = gms.act(actor, command.clone());
            assert_eq!(refused, Err(Refusal::Role(least.unwrap())));
        }
    }
    assert_eq!((gms.tenant, gms.records.len()), (before, records));
}

#[test]
fn an_administrator_ends_when_its_time_is_over_or_it_is_removed() {
    let mut gms = Gms::with_groups(&["sales"]);
    let adam = admin(&mut gms, "adam", Role::Owner, Some(DAY));
    assert_eq!(
        gms.order(add_admin("adam", Role::Auditor, None)),
        Err(Refusal::AdminExists("adam".to_owned()))
    );
    gms.now += DAY - 1;
    gms.act(adam, create("it")).unwrap();
    gms.now += 1;
    let refused = gms.act(adam, create("hr"));
    assert_eq!(refused, Err(Refusal::Role(Role::Admin)));
    gms.act(Actor::Clock, Command::Tick).unwrap();
    assert!(gms.tenant.admins.is_empty());
    let missing = gms.order(remove_admin("adam"));
    assert_eq!(missing, Err(Refusal::NoAdmin("adam".to_owned())));
    for (name, life_s, refusal) in [
        ("a.b", None, Refusal::Name("a.b".to_owned())),
        ("eve", Some(0), Refusal::Terms),
        ("eve", Some(control::ADMIN_S_MAX + 1), Refusal::Terms),
    ] {
        let refused = gms.order(add_admin(name, Role::Owner, life_s));
        assert_eq!(refused, Err(refusal));
    }
}

#[test]
fn no_record_tells_an_administrators_secret() {
    let mut gms = Gms::with_groups(&["sales"]);
    let made = gms.order(add_admin("adam", Role::Owner, None)).unwrap();
    let Reply::Admin { secret, .. } = made else {
        panic!("{made:?}");
    };
    let written = serde_json::to_string(&gms.records).unwrap();
    let hex = |bytes: &[u8]| -> String { bytes.iter().map(|it| format!("{it:02x}")).collect() };
    assert!(written.contains(&hex(&AdminId::of(&AwsLc, &secret).0)));
    assert!(!written.contains(&hex(&secret[..8])));
}

#[test]
fn the_trail_says_who_and_any_change_to_it_is_found() {
    let cast = cast();
    let mut gms = cast.gms;
    let made = gms.records.len();
    gms.act(cast.admin, create("new")).unwrap();
    assert!(gms.records[made..].iter().all(|it| it.actor == cast.admin));
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
