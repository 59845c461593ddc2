//! What an order would do is what it does.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it is surprised"
)]

mod common;

use std::collections::BTreeSet;

use common::{DAY, Gms, add, come, create, node, remove};
use control::plan::{Change, Plan};
use control::{Actor, Command, InviteTerms, Refusal, Tenant};
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

fn invite(groups: &[&str], uses: u32) -> Command {
    let groups = groups.iter().map(|it| (*it).to_owned()).collect();
    let terms = InviteTerms {
        uses,
        life_s: DAY,
        mode: None,
    };
    Command::Invite { groups, terms }
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

fn order() -> impl Strategy<Value = Command> {
    let (name, group) = (0..NAMES.len(), 0..GROUPS.len());
    prop_oneof![
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
            if let Ok(control::Reply::Invited { invite, .. }) = done {
                let member = gms.tenant.invites[&invite].member.clone().unwrap();
                let number = NAMES.iter().position(|it| **it == member).unwrap() as u8 + 1;
                // A node that was another member once stays that.
                let _ = gms.act(node(number), come(invite, None));
            }
        }
    }
}
