//! What members may reach, and tests that keep it so.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it is surprised"
)]

mod common;

use common::{Gms, add, come, invite_of, node, remove, set_roles, set_rules, tcp, test};
use control::{Command, Event, InviteTerms, Refusal};
use group::Services;
use group::chain::Chain;
use group::statement::Admission;

/// What one member reaches at another.
fn reached(gms: &Gms, from: &str, to: &str) -> Services {
    let members = &gms.tenant.members;
    gms.tenant.services(&members[from], &members[to])
}

fn nothing() -> Services {
    Services::Ports(Vec::new())
}

fn with_three() -> Gms {
    let mut gms = Gms::with_groups(&["it", "sales"]);
    gms.enrol(1, "ada", &["sales"]);
    gms.enrol(2, "bob", &["sales"]);
    gms.enrol(3, "eve", &["sales", "it"]);
    gms
}

#[test]
fn members_reach_everything_until_there_are_rules() {
    let mut gms = with_three();
    assert_eq!(reached(&gms, "ada", "bob"), Services::All);
    gms.order(set_rules("sales", Some(&[("staff", "server", 22)]), &[]))
        .unwrap();
    assert_eq!(reached(&gms, "ada", "bob"), nothing());
    gms.order(set_roles("ada", &["staff"])).unwrap();
    gms.order(set_roles("bob", &["server"])).unwrap();
    assert_eq!(reached(&gms, "ada", "bob"), tcp(22));
    assert_eq!(reached(&gms, "bob", "ada"), nothing());
    // A second group that both are in opens what the first does not.
    for member in ["ada", "bob"] {
        gms.order(add(member, &["it"])).unwrap();
    }
    assert_eq!(reached(&gms, "bob", "ada"), Services::All);
    gms.order(set_rules("it", Some(&[("*", "*", 443)]), &[]))
        .unwrap();
    assert_eq!(reached(&gms, "ada", "bob"), tcp(22).or(tcp(443)));
    gms.order(set_rules("sales", None, &[])).unwrap();
    assert_eq!(reached(&gms, "bob", "ada"), Services::All);
    assert_eq!(gms.replayed(), gms.tenant);
}

#[test]
fn a_member_is_told_the_rules_and_what_it_is() {
    let mut gms = with_three();
    gms.order(set_rules("sales", Some(&[("staff", "*", 22)]), &[]))
        .unwrap();
    gms.order(set_roles("ada", &["staff", "duty"])).unwrap();
    let view = &gms.view(1)["sales"].known;
    let rules = view.rules.as_ref().unwrap();
    assert!(rules.holds(&identity::crypto::AwsLc, &view.genesis, &view.authority));
    assert_eq!(
        view.admission.attributes().unwrap().roles,
        ["duty", "staff"]
    );
    let before = rules.serial;
    // Within one second, too, the newer rules count.
    gms.order(set_rules("sales", Some(&[]), &[])).unwrap();
    let rules = gms.view(1)["sales"].known.rules.clone().unwrap();
    assert!(rules.serial > before, "{} {before}", rules.serial);
    assert!(gms.view(3)["it"].known.rules.is_none());
}

#[test]
fn nobody_can_show_what_it_was() {
    let mut gms = with_three();
    let admission = |gms: &Gms| gms.view(3)["sales"].known.admission.member;
    let removed = |gms: &Gms, chain: &str, member| -> bool {
        let chain: &Chain = &gms.view(3)[chain].chain;
        chain.is_removed(member)
    };
    let first = admission(&gms);
    gms.order(set_roles("eve", &["staff"])).unwrap();
    assert_ne!(admission(&gms), first);
    assert!(removed(&gms, "sales", first), "also who is more now");
    let second = admission(&gms);
    let epochs = gms.secrets.len();
    gms.order(set_roles("eve", &["server"])).unwrap();
    assert!(removed(&gms, "sales", second));
    assert!(!removed(&gms, "sales", admission(&gms)));
    assert_eq!(
        gms.secrets.len(),
        epochs,
        "it stays a member, and knows the epochs"
    );
    let records = gms.records.len();
    gms.order(set_roles("eve", &["server"])).unwrap();
    assert_eq!(gms.records.len(), records, "nothing has changed");
    // A member that is taken out has nothing left, of all that it was.
    gms.order(remove("eve", Some("sales"))).unwrap();
    let sales = gms.view(1)["sales"].known.admission.group;
    let admissions = gms.records.iter().filter_map(|it| match &it.event {
        Event::Admitted { admission, .. } => Admission::decode(admission).ok(),
        _ => None,
    });
    let eves = admissions.filter(|it| it.group == sales && it.member.f == first.f);
    let eves: Vec<_> = eves.map(|it| it.member).collect();
    assert_eq!(eves.len(), 3);
    let chain = &gms.tenant.groups["sales"].chain;
    assert!(eves.iter().all(|it| chain.is_removed(*it)));
    // Somebody whose node has not come has nothing to show.
    gms.order(add("kim", &["sales"])).unwrap();
    gms.order(set_roles("kim", &["staff"])).unwrap();
    gms.order(set_roles("kim", &[])).unwrap();
    let last = &gms.records.last().unwrap().event;
    assert!(matches!(last, Event::RolesSet { .. }), "{last:?}");
}

#[test]
fn new_ones_are_what_their_line_says() {
    let mut gms = with_three();
    let invite = Command::Invite {
        groups: vec!["sales".to_owned()],
        roles: ["guest".to_owned()].into(),
        terms: InviteTerms {
            uses: 2,
            life_s: 60,
            mode: None,
        },
    };
    let invite = invite_of(&gms.order(invite).unwrap());
    gms.act(node(7), come(invite, Some("new"))).unwrap();
    let known = &gms.view(7)["sales"].known;
    assert_eq!(known.admission.attributes().unwrap().roles, ["guest"]);
    // Who is a member already stays what it is.
    gms.act(node(2), come(invite, None)).unwrap();
    assert!(gms.tenant.members["bob"].roles.is_empty());
}

#[test]
fn a_test_blocks_what_breaks_it() {
    let mut gms = with_three();
    for (member, role) in [("ada", "staff"), ("bob", "server"), ("eve", "server")] {
        gms.order(set_roles(member, &[role])).unwrap();
    }
    let rules = [("staff", "server", 22)];
    let wrong = [test("ada", "bob", 23, true)];
    let refused = |test: &control::RuleTest| Refusal::Test {
        group: "sales".to_owned(),
        test: test.clone(),
    };
    let before = (gms.tenant.clone(), gms.records.len());
    assert_eq!(
        gms.order(set_rules("sales", Some(&rules), &wrong)),
        Err(refused(&wrong[0]))
    );
    let tests = [
        test("ada", "bob", 22, true),
        test("bob", "ada", 22, false),
        test("nobody", "bob", 22, true),
    ];
    let broken = |gms: &mut Gms, command, test| {
        let before = gms.tenant.clone();
        assert_eq!(gms.order(command), Err(refused(test)));
        assert_eq!(gms.tenant, before);
    };
    assert_eq!((gms.tenant.clone(), gms.records.len()), before);
    gms.order(set_rules("sales", Some(&rules), &tests)).unwrap();
    broken(&mut gms, set_roles("ada", &[]), &tests[0]);
    broken(&mut gms, set_rules("sales", Some(&[]), &tests), &tests[0]);
    broken(&mut gms, set_rules("sales", None, &tests), &tests[1]);
    broken(&mut gms, remove("bob", Some("sales")), &tests[0]);
    // Another group opens the pair: that breaks what must be closed.
    gms.order(add("ada", &["it"])).unwrap();
    broken(&mut gms, add("bob", &["it"]), &tests[1]);
    // Nobody is kept in by a test.
    gms.order(remove("ada", None)).unwrap();
    gms.order(set_roles("bob", &[])).unwrap();
    assert_eq!(gms.replayed(), gms.tenant);
}

#[test]
fn what_a_line_brings_is_tested_when_somebody_comes() {
    let mut gms = with_three();
    let tests = [test("guest", "bob", 22, false)];
    gms.order(set_rules("sales", Some(&[("staff", "*", 22)]), &tests))
        .unwrap();
    let invite = Command::Invite {
        groups: vec!["sales".to_owned()],
        roles: ["staff".to_owned()].into(),
        terms: InviteTerms {
            uses: 5,
            life_s: 60,
            mode: None,
        },
    };
    let invite = invite_of(&gms.order(invite).unwrap());
    let came = gms.act(node(7), come(invite, Some("guest")));
    assert!(matches!(came, Err(Refusal::Test { .. })), "{came:?}");
    gms.act(node(7), come(invite, Some("other"))).unwrap();
}

#[test]
fn rules_that_are_none_are_refused_with_their_reason() {
    let mut gms = with_three();
    let roles: Vec<String> = (0..9).map(|it| it.to_string()).collect();
    let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
    for (command, reason) in [
        (set_roles("kim", &["staff"]), "no member `kim`"),
        (set_roles("ada", &["a b"]), "`a b` cannot be a role"),
        (set_roles("ada", &["*"]), "`*` cannot be a role"),
        (
            set_roles("ada", &roles),
            "there are 8 roles of a member already",
        ),
        (set_rules("kim", None, &[]), "no group `kim`"),
        (
            set_rules("it", Some(&[("", "*", 1)]), &[]),
            "`` cannot be a role",
        ),
        (
            set_rules("it", None, &vec![test("a", "b", 1, true); 65]),
            "there are 64 tests already",
        ),
        (
            set_rules("it", None, &[test("a b", "b", 1, true)]),
            "`a b` cannot be a name",
        ),
    ] {
        let error = gms.order(command).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}: {reason}");
    }
}
