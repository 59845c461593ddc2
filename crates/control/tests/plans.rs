//! What an order would do is what it does.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it is surprised"
)]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{DAY, Gms, add, come, create, node, remove, set_roles, set_rules};
use control::plan::{Change, Plan};
use control::{Actor, Command, InviteTerms, Refusal, Tenant};
use group::Services;
use proptest::prelude::*;

fn plan(gms: &mut Gms, command: &Command) -> Result<Plan, Refusal> {
    gms.plan(Actor::Operator, command)
}

/// Each row as `change one other groups`, `…` after it if it waits.
fn rows(plan: &Plan) -> Vec<String> {
    let row = |it: &control::plan::PairChange| {
        let groups: Vec<&str> = it.groups.iter().map(String::as_str).collect();
        let waits = if it.waits { " …" } else { "" };
        let (change, groups) = (it.change, groups.join("+"));
        format!("{change:?} {} {} {groups}{waits}", it.one, it.other)
    };
    plan.pairs.iter().map(row).collect()
}

#[test]
fn a_plan_names_the_pairs_that_open_close_and_stay() {
    let mut gms = Gms::with_groups(&["it", "sales"]);
    gms.enrol(1, "ada", &["sales", "it"]);
    gms.enrol(2, "bob", &["sales"]);
    gms.enrol(3, "eve", &["sales", "it"]);
    gms.invite_for("dan", &["sales"]);
    let before = (gms.tenant.clone(), gms.records.len());
    for (command, expected) in [
        (
            remove("ada", Some("sales")),
            vec![
                "Closes ada bob sales",
                "Closes ada dan sales …",
                "Stays ada eve it",
            ],
        ),
        (
            remove("ada", None),
            vec![
                "Closes ada bob sales",
                "Closes ada dan sales …",
                "Closes ada eve it+sales",
            ],
        ),
        (add("bob", &["it"]), vec![]),
        (
            add("kim", &["it"]),
            vec!["Opens kim ada it …", "Opens kim eve it …"],
        ),
        (
            invite(&["it"], 1),
            vec!["Opens *1 ada it …", "Opens *1 eve it …"],
        ),
        (
            invite(&["it"], 50),
            vec![
                "Opens *1 *2 it …",
                "Opens *1 ada it …",
                "Opens *1 eve it …",
                "Opens *2 ada it …",
                "Opens *2 eve it …",
            ],
        ),
    ] {
        let planned = plan(&mut gms, &command).unwrap();
        assert_eq!(rows(&planned), expected, "{command:?}");
    }
    assert_eq!(
        (gms.tenant.clone(), gms.records.len()),
        before,
        "nothing has changed"
    );
    let unknown = Refusal::NoMember("kim".to_owned());
    assert_eq!(plan(&mut gms, &remove("kim", None)), Err(unknown));
    let stranger = gms.plan(node(9), &remove("ada", None));
    assert!(
        matches!(stranger, Err(Refusal::Role(_))),
        "as the order itself"
    );
}

#[test]
fn a_plan_says_which_services_change() {
    let mut gms = Gms::with_groups(&["sales"]);
    for (number, name) in [(1, "ada"), (2, "bob"), (3, "eve")] {
        gms.enrol(number, name, &["sales"]);
    }
    gms.order(set_roles("ada", &["staff"])).unwrap();
    let ssh = Some(&[("staff", "*", 22)][..]);
    let planned = plan(&mut gms, &set_rules("sales", ssh, &[])).unwrap();
    let all = [
        "Services ada bob sales",
        "Services ada eve sales",
        "Services bob eve sales",
    ];
    assert_eq!(rows(&planned), all);
    let first = &planned.pairs[0];
    assert_eq!(
        (&first.forth.was, &first.forth.is),
        (&Services::All, &common::tcp(22))
    );
    assert_eq!(first.back.is, Services::Ports(Vec::new()));
    gms.order(set_rules("sales", ssh, &[])).unwrap();
    let planned = plan(&mut gms, &set_roles("eve", &["staff"])).unwrap();
    assert_eq!(
        rows(&planned),
        ["Services eve ada sales", "Services eve bob sales"]
    );
    let planned = plan(&mut gms, &set_rules("sales", ssh, &[])).unwrap();
    assert!(planned.pairs.is_empty());
}

fn invite(groups: &[&str], uses: u32) -> Command {
    let groups = groups.iter().map(|it| (*it).to_owned()).collect();
    let terms = InviteTerms {
        uses,
        life_s: DAY,
        mode: None,
    };
    Command::Invite {
        groups,
        roles: Default::default(),
        terms,
    }
}

const NAMES: [&str; 4] = ["ada", "bob", "dan", "eve"];
const GROUPS: [&str; 3] = ["heads", "it", "sales"];

/// Every pair of members that share a group.
fn open(tenant: &Tenant) -> BTreeSet<(String, String)> {
    let all = tenant.members.iter();
    let pairs = all
        .clone()
        .flat_map(|one| all.clone().map(move |other| (one, other)));
    let open =
        pairs.filter(|((one, a), (other, b))| one < other && !a.groups.is_disjoint(&b.groups));
    open.map(|((one, _), (other, _))| (one.clone(), other.clone()))
        .collect()
}

const ROLES: [&str; 3] = ["*", "server", "staff"];

/// Rules of at most two permits.
fn rules() -> impl Strategy<Value = Command> {
    let permit = (0..ROLES.len(), 0..ROLES.len(), 0..3_u16);
    let permits = prop::option::of(prop::collection::vec(permit, 0..3));
    (0..GROUPS.len(), permits).prop_map(|(group, permits)| {
        let permits = permits.map(|all| {
            let all = all
                .into_iter()
                .map(|(a, b, port)| (ROLES[a], ROLES[b], port));
            all.collect::<Vec<_>>()
        });
        set_rules(GROUPS[group], permits.as_deref(), &[])
    })
}

/// What each member reaches at each other one.
fn services(tenant: &Tenant) -> BTreeMap<(String, String), Services> {
    let all = tenant.members.iter();
    let pairs = all
        .clone()
        .flat_map(|one| all.clone().map(move |other| (one, other)));
    let reached = pairs
        .filter(|(one, other)| one.0 != other.0)
        .map(|((one, a), (other, b))| ((one.clone(), other.clone()), tenant.services(a, b)));
    reached
        .filter(|(_, services)| *services != Services::Ports(Vec::new()))
        .collect()
}

/// The same after a plan, by what it says of each pair.
fn foreseen(
    plan: &Plan,
    mut all: BTreeMap<(String, String), Services>,
) -> BTreeMap<(String, String), Services> {
    for pair in &plan.pairs {
        let ways = [
            (&pair.one, &pair.other, &pair.forth),
            (&pair.other, &pair.one, &pair.back),
        ];
        for (from, to, change) in ways {
            let key = (from.clone(), to.clone());
            let was = all
                .remove(&key)
                .unwrap_or_else(|| Services::Ports(Vec::new()));
            assert_eq!(was, change.was, "{key:?}");
            if change.is != Services::Ports(Vec::new()) {
                all.insert(key, change.is.clone());
            }
        }
    }
    all
}

fn order() -> impl Strategy<Value = Command> {
    let (name, group) = (0..NAMES.len(), 0..GROUPS.len());
    let roles = prop::collection::btree_set(1..ROLES.len(), 0..3);
    prop_oneof![
        1 => rules(),
        1 => (name.clone(), roles).prop_map(|(n, roles)| {
            let roles: Vec<&str> = roles.into_iter().map(|it| ROLES[it]).collect();
            set_roles(NAMES[n], &roles)
        }),
        3 => (name.clone(), group.clone()).prop_map(|(n, g)| add(NAMES[n], &[GROUPS[g]])),
        1 => (name.clone(), group).prop_map(|(n, g)| remove(NAMES[n], Some(GROUPS[g]))),
        1 => name.prop_map(|n| remove(NAMES[n], None)),
    ]
}

proptest! {
    /// Planned and done are the same, after any history.
    #[test]
    fn what_is_planned_is_what_happens(orders in prop::collection::vec(order(), 1..40)) {
        let mut gms = Gms::new();
        for group in GROUPS {
            gms.order(create(group)).unwrap();
        }
        for command in orders {
            let planned = plan(&mut gms, &command);
            let before = open(&gms.tenant);
            let before_services = services(&gms.tenant);
            let done = gms.order(command);
            prop_assert_eq!(planned.as_ref().err(), done.as_ref().err());
            let Ok(planned) = planned else { continue };
            let after = open(&gms.tenant);
            let of = |wanted| {
                let pairs = planned.pairs.iter().filter(move |it| it.change == wanted);
                pairs.map(|it| {
                    let (one, other) = (it.one.clone(), it.other.clone());
                    if one < other { (one, other) } else { (other, one) }
                }).collect::<BTreeSet<_>>()
            };
            prop_assert_eq!(of(Change::Opens), after.difference(&before).cloned().collect());
            prop_assert_eq!(of(Change::Closes), before.difference(&after).cloned().collect());
            prop_assert!(of(Change::Stays).is_subset(&after));
            prop_assert_eq!(foreseen(&planned, before_services), services(&gms.tenant));
            if let Ok(control::Reply::Invited { invite, .. }) = done {
                let member = gms.tenant.invites[&invite].member.clone().unwrap();
                let number = NAMES.iter().position(|it| **it == member).unwrap() as u8 + 1;
                // A node that was another member once stays that.
                let _ = gms.act(node(number), come(invite, None));
            }
        }
    }
}
