//! Groups that require a user's sign-in: what it is worth, when it ends, and what guessing costs.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it is surprised"
)]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{DAY, Gms, add, create, f, node, remove};
use control::sign_in::{NODE_WAIT_S_MAX, USER_WAIT_S_MAX};
use control::{Actor, Attempt, Command, Event, Refusal, Reply};
use group::statement::{LEASE_S, Lease};
use identity::password::Verifier;
use proptest::prelude::*;

const HOUR: u64 = 3_600;
const MEMBERS: [&str; 3] = ["ada-pc", "bob-pc", "hall"];
const USERS: [&str; 2] = ["ada", "bob"];
const GROUPS: [&str; 2] = ["pay", "it"];

fn require(group: &str, period_s: Option<u64>) -> Command {
    let group = group.to_owned();
    Command::RequireSignIn { group, period_s }
}

fn user(name: &str, devices: &[&str]) -> Command {
    Command::AddUser {
        user: name.to_owned(),
        devices: devices.iter().map(|it| (*it).to_owned()).collect(),
        verifier: Verifier::nobodys(),
    }
}

fn access(name: &str, devices: Option<&[&str]>, disabled: Option<bool>) -> Command {
    Command::ChangeUser {
        user: name.to_owned(),
        devices: devices.map(|all| all.iter().map(|it| (*it).to_owned()).collect()),
        disabled,
    }
}

fn password(name: &str) -> Command {
    Command::SetPassword {
        user: name.to_owned(),
        verifier: Verifier::nobodys(),
    }
}

/// What a thread would say that has checked a password.
fn attempt(gms: &Gms, user: &str, is_right: bool) -> Command {
    let known = gms.tenant.users.get(user);
    Command::SignIn(Attempt {
        user: user.to_owned(),
        is_right,
        password_rev: known.map_or(0, |it| it.password_rev),
    })
}

fn sign_in(gms: &mut Gms, number: u8, user: &str, is_right: bool) -> Result<Reply, Refusal> {
    let attempt = attempt(gms, user, is_right);
    gms.act(node(number), attempt)
}

fn told(gms: &Gms, number: u8) -> Vec<String> {
    gms.view(number).into_keys().collect()
}

fn lease(gms: &Gms, number: u8, group: &str) -> Lease {
    gms.view(number)[group].known.lease.clone()
}

/// Members 1 to 3 in a group that requires a sign-in for 12 h, and users for the first two.
fn office() -> Gms {
    let mut gms = Gms::new();
    gms.order(create("pay")).unwrap();
    gms.order(require("pay", Some(12 * HOUR))).unwrap();
    for (number, name) in (1..).zip(MEMBERS) {
        gms.enrol(number, name, &["pay"]);
    }
    gms.order(user("ada", &["ada-pc", "hall"])).unwrap();
    gms.order(user("bob", &["bob-pc"])).unwrap();
    gms
}

#[test]
fn a_member_has_a_lease_from_its_users_sign_in_to_the_end_of_it() {
    let mut gms = office();
    assert!(told(&gms, 1).is_empty(), "nobody is signed in");
    let waits = gms.tenant.sign_ins(f(1));
    assert_eq!((waits.user, waits.groups[0].until_unix_s), (None, 0));
    assert_eq!(waits.groups[0].name, "pay");

    let end = gms.now + 12 * HOUR;
    let until_unix_s = end;
    let done = Ok(Reply::SignedIn { until_unix_s });
    assert_eq!(sign_in(&mut gms, 1, "ada", true), done);
    assert_eq!(lease(&gms, 1, "pay").until_unix_s, end);
    assert_eq!(gms.tenant.sign_ins(f(1)).groups[0].until_unix_s, end);
    assert!(told(&gms, 2).is_empty() && told(&gms, 3).is_empty());
    gms.now = end - 1;
    gms.tick();
    assert_eq!(
        lease(&gms, 1, "pay").until_unix_s,
        end,
        "nothing prolongs it"
    );
    // Once more before the end: the same admission, for longer.
    let before = gms.view(1)["pay"].known.admission.clone();
    sign_in(&mut gms, 1, "ada", true).unwrap();
    assert_eq!(lease(&gms, 1, "pay").until_unix_s, end - 1 + 12 * HOUR);
    assert_eq!(gms.view(1)["pay"].known.admission, before);
    gms.now += 12 * HOUR;
    assert!(told(&gms, 1).is_empty(), "it is over at its second");
    gms.tick();
    assert!(gms.tenant.members["ada-pc"].signed_in.is_none());
    // A long one does not make longer leases.
    gms.order(require("pay", Some(30 * DAY))).unwrap();
    sign_in(&mut gms, 1, "ada", true).unwrap();
    assert_eq!(lease(&gms, 1, "pay").until_unix_s, gms.now + LEASE_S);
}

#[test]
fn signing_out_ends_the_admission_and_leaves_the_secrets_as_they_are() {
    let mut gms = office();
    sign_in(&mut gms, 1, "ada", true).unwrap();
    sign_in(&mut gms, 2, "bob", true).unwrap();
    let before = gms.view(1)["pay"].known.admission.member;
    let epochs = gms.secrets.len();
    gms.act(node(1), Command::SignOut).unwrap();
    assert!(told(&gms, 1).is_empty());
    assert!(gms.view(2)["pay"].chain.is_removed(before));
    assert_eq!(gms.secrets.len(), epochs);
    let changes = gms.tenant.rev;
    gms.act(node(1), Command::SignOut).unwrap();
    assert_eq!(gms.tenant.rev, changes, "nobody is signed in: no change");
    sign_in(&mut gms, 1, "ada", true).unwrap();
    let again = gms.view(1)["pay"].known.admission.member;
    assert_ne!(again, before, "a removed admission does not come back");
    assert!(!gms.view(2)["pay"].chain.is_removed(again));
}

#[test]
fn what_an_administrator_changes_ends_the_sign_ins_that_rested_on_it() {
    type Case = (&'static str, Command, [bool; 2]);
    let cases: [Case; 6] = [
        ("password", password("ada"), [false, false]),
        ("disabled", access("ada", None, Some(true)), [false, false]),
        (
            "one device less",
            access("ada", Some(&["ada-pc"]), None),
            [true, false],
        ),
        (
            "removed",
            Command::RemoveUser {
                user: "ada".to_owned(),
            },
            [false, false],
        ),
        ("nothing", access("ada", None, Some(false)), [true, true]),
        ("another user", password("bob"), [true, true]),
    ];
    for (what, command, stays) in cases {
        let mut gms = office();
        sign_in(&mut gms, 1, "ada", true).unwrap();
        sign_in(&mut gms, 3, "ada", true).unwrap();
        sign_in(&mut gms, 2, "bob", true).unwrap();
        let serials = [1, 3].map(|it| gms.view(it)["pay"].known.admission.member);
        let (chain, epochs) = (gms.tenant.groups["pay"].chain.clone(), gms.secrets.len());
        assert!(!serials.iter().any(|it| chain.is_removed(*it)));
        gms.order(command).unwrap();
        for (number, stays, serial) in [(1, stays[0], serials[0]), (3, stays[1], serials[1])] {
            assert_eq!(!told(&gms, number).is_empty(), stays, "{what} {number}");
            let removed = gms.tenant.groups["pay"].chain.is_removed(serial);
            assert_eq!(removed, !stays, "{what} {number}");
        }
        let changed = stays != [true, true] || what == "another user";
        assert_eq!(gms.secrets.len() > epochs, changed, "{what}: the secrets");
        assert_eq!(gms.replayed(), gms.tenant);
    }
}

#[test]
fn who_may_not_is_refused_alike_and_a_changed_password_counts_at_once() {
    let mut gms = office();
    gms.order(access("bob", None, Some(true))).unwrap();
    for (number, name, right) in [
        (1, "eve", true),
        (1, "bob", true),
        (2, "bob", true),
        (1, "ada", false),
    ] {
        let done = sign_in(&mut gms, number, name, right);
        assert_eq!(done, Ok(Reply::SignInRefused), "{name} at {number}");
        assert!(told(&gms, number).is_empty());
        gms.now += HOUR;
    }
    let stale = attempt(&gms, "ada", true);
    gms.order(password("ada")).unwrap();
    let refused = gms.act(node(1), stale);
    assert_eq!(refused, Err(Refusal::SignInLater(1)));
    for actor in [node(9), Actor::Operator, Actor::Clock] {
        assert_eq!(gms.act(actor, Command::SignOut), Err(Refusal::NotANode));
    }
    // Every attempt is in the trail, and nothing that could be a password.
    let json = serde_json::to_string(&gms.records).unwrap();
    let refused = |it: &&control::Record| matches!(it.event, Event::SignInRefused { .. });
    assert_eq!(gms.records.iter().filter(refused).count(), 4);
    assert!(!json.contains("\"eve\"") && json.contains("not_here"));
}

#[test]
fn guessing_is_slow_and_locks_out_nobody_elsewhere() {
    let mut gms = office();
    let fails = |gms: &mut Gms, number, name| match sign_in(gms, number, name, false) {
        Ok(reply) => {
            assert_eq!(reply, Reply::SignInRefused);
            0
        }
        Err(Refusal::SignInLater(after_s)) => after_s,
        Err(other) => panic!("{other:?}"),
    };
    // A node where bob may not sign in hammers at his name.
    let mut waits = Vec::new();
    for _ in 0..20 {
        let wait_s = fails(&mut gms, 1, "bob");
        waits.push(wait_s);
        gms.now += wait_s;
        if wait_s > 0 {
            assert_eq!(fails(&mut gms, 1, "bob"), 0);
        }
    }
    assert_eq!(&waits[..7], &[0, 0, 0, 1, 2, 4, 8]);
    assert_eq!(waits[19], NODE_WAIT_S_MAX);
    assert_eq!(gms.tenant.users["bob"].failures.count, 0);
    sign_in(&mut gms, 2, "bob", true).unwrap();
    // The right password has to wait as well, and a restart forgets nothing.
    let later = sign_in(&mut gms, 1, "ada", true);
    assert!(matches!(later, Err(Refusal::SignInLater(_))), "{later:?}");
    assert_eq!(gms.replayed(), gms.tenant);
    gms.now += NODE_WAIT_S_MAX;
    sign_in(&mut gms, 1, "ada", true).unwrap();
    assert_eq!(gms.tenant.members["ada-pc"].failures.count, 0);
    // Where she may sign in her own failures count, for at most a minute elsewhere.
    let start = gms.now;
    for _ in 0..14 {
        let wait_s = gms.tenant.sign_in_wait_s(gms.now, "hall", "ada");
        gms.now += wait_s;
        assert_eq!(fails(&mut gms, 3, "ada"), 0);
    }
    let elsewhere = gms.tenant.sign_in_wait_s(gms.now, "ada-pc", "ada");
    assert!((1..=USER_WAIT_S_MAX).contains(&elsewhere), "{elsewhere}");
    assert!(gms.now - start > HOUR / 2);
    let end = gms.now + 3 * HOUR;
    let mut tries = 0;
    while gms.now < end {
        gms.now += gms.tenant.sign_in_wait_s(gms.now, "hall", "ada");
        assert_eq!(fails(&mut gms, 3, "ada"), 0);
        tries += 1;
    }
    assert!(tries <= 13, "{tries} in 3 h");
}

#[test]
fn a_group_that_asks_from_now_on_lets_out_those_who_are_not_signed_in() {
    let mut gms = office();
    gms.order(create("it")).unwrap();
    for name in ["ada-pc", "bob-pc"] {
        gms.order(add(name, &["it"])).unwrap();
    }
    sign_in(&mut gms, 1, "ada", true).unwrap();
    assert_eq!(told(&gms, 1), ["it", "pay"]);
    assert_eq!(told(&gms, 2), ["it"]);
    let before = gms.view(1)["it"].known.admission.member;
    gms.order(require("it", Some(HOUR))).unwrap();
    assert!(told(&gms, 2).is_empty());
    assert_eq!(lease(&gms, 1, "it").until_unix_s, gms.now + HOUR);
    assert!(gms.tenant.groups["it"].chain.is_removed(before));
    assert_eq!(lease(&gms, 1, "pay").until_unix_s, gms.now + 12 * HOUR);
    gms.order(require("it", None)).unwrap();
    assert_eq!(told(&gms, 2), ["it"]);
    assert_eq!(lease(&gms, 2, "it").until_unix_s, gms.now + LEASE_S);
    for wrong in [1, 31 * DAY] {
        assert_eq!(
            gms.order(require("it", Some(wrong))),
            Err(Refusal::Period),
            "{wrong}"
        );
    }
}

/// One step of a history.
#[derive(Clone, Copy, Debug)]
enum Step {
    SignIn(usize, usize, bool),
    SignOut(usize),
    Password(usize),
    Access(usize, u8, bool),
    Require(usize, Option<u64>),
    Join(usize, usize),
    Leave(usize, usize),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let (member, user, group) = (0..3_usize, 0..2_usize, 0..2_usize);
    let period = prop::option::of(60..3 * DAY);
    prop_oneof![
        8 => (member.clone(), user.clone(), any::<bool>()).prop_map(|(m, u, r)| Step::SignIn(m, u, r)),
        3 => member.clone().prop_map(Step::SignOut),
        1 => user.clone().prop_map(Step::Password),
        2 => (user, any::<u8>(), any::<bool>()).prop_map(|(u, d, o)| Step::Access(u, d, o)),
        3 => (group.clone(), period).prop_map(|(g, p)| Step::Require(g, p)),
        3 => (member.clone(), group.clone()).prop_map(|(m, g)| Step::Join(m, g)),
        1 => (member, group).prop_map(|(m, g)| Step::Leave(m, g)),
        3 => (1..DAY).prop_map(Step::Wait),
    ]
}

/// What should be.
#[derive(Default)]
struct Model {
    periods: [Option<u64>; 2],
    groups: [BTreeSet<usize>; 3],
    /// User and time.
    signed: [Option<(usize, u64)>; 3],
    /// Devices, and whether disabled.
    users: [(BTreeSet<usize>, bool); 2],
    /// Every lease that was ever handed out, by member and group.
    leases: BTreeMap<(usize, usize), Vec<Lease>>,
}

impl Model {
    fn end(&self, member: usize, group: usize) -> u64 {
        let Some(period) = self.periods[group] else {
            return u64::MAX;
        };
        self.signed[member].map_or(0, |(_, at)| at + period)
    }

    fn step(&mut self, gms: &mut Gms, step: Step) {
        match step {
            Step::SignIn(member, user, right) => {
                let (name, number) = (USERS[user], member as u8 + 1);
                let waits = gms.tenant.sign_in_wait_s(gms.now, MEMBERS[member], name);
                let done = sign_in(gms, number, name, right);
                let (devices, disabled) = &self.users[user];
                let fits = right && devices.contains(&member) && !disabled;
                match done {
                    Err(Refusal::SignInLater(after_s)) => assert_eq!(after_s, waits),
                    Ok(Reply::SignedIn { .. }) => {
                        assert!(fits && waits == 0);
                        self.signed[member] = Some((user, gms.now));
                    }
                    Ok(Reply::SignInRefused) => assert!(!fits && waits == 0),
                    other => panic!("{other:?}"),
                }
            }
            Step::SignOut(member) => {
                gms.act(node(member as u8 + 1), Command::SignOut).unwrap();
                self.signed[member] = None;
            }
            Step::Password(user) => {
                gms.order(password(USERS[user])).unwrap();
                self.end_of(user, |_| true);
            }
            Step::Access(user, bits, disabled) => {
                let devices: BTreeSet<usize> = (0..3).filter(|at| bits & (1 << at) != 0).collect();
                let names: Vec<&str> = devices.iter().map(|it| MEMBERS[*it]).collect();
                gms.order(access(USERS[user], Some(&names), Some(disabled)))
                    .unwrap();
                self.end_of(user, |it| disabled || !devices.contains(&it));
                self.users[user] = (devices, disabled);
            }
            Step::Require(group, period) => {
                gms.order(require(GROUPS[group], period)).unwrap();
                self.periods[group] = period;
            }
            Step::Join(member, group) => {
                let is_new = self.groups[member].insert(group);
                let done = gms.order(add(MEMBERS[member], &[GROUPS[group]]));
                assert_eq!(done.is_ok(), is_new);
            }
            Step::Leave(member, group) => {
                let was_in = self.groups[member].remove(&group);
                let done = gms.order(remove(MEMBERS[member], Some(GROUPS[group])));
                assert_eq!(done.is_ok(), was_in);
            }
            Step::Wait(seconds) => {
                gms.now += seconds;
                gms.tick();
                // The server's tick forgets what is good for nothing.
                for member in 0..3 {
                    let asks = |group: &&usize| self.periods[**group].is_some();
                    let mut asking = self.groups[member].iter().filter(asks);
                    if !asking.any(|group| gms.now < self.end(member, *group)) {
                        self.signed[member] = None;
                    }
                }
            }
        }
    }

    fn end_of(&mut self, user: usize, ends: impl Fn(usize) -> bool) {
        for member in 0..3 {
            if self.signed[member].is_some_and(|(who, _)| who == user) && ends(member) {
                self.signed[member] = None;
            }
        }
    }

    fn check(&mut self, gms: &Gms) {
        for member in 0..3 {
            let views = gms.view(member as u8 + 1);
            for (group, name) in GROUPS.iter().enumerate() {
                let end = self.end(member, group);
                let is_in = self.groups[member].contains(&group) && gms.now < end;
                let view = views.get(*name);
                assert_eq!(view.is_some(), is_in, "{member} {group}");
                if let Some(view) = view {
                    let lease = view.known.lease.clone();
                    assert_eq!(lease.until_unix_s, end.min(gms.now + LEASE_S));
                    let given = self.leases.entry((member, group)).or_default();
                    given.push(lease);
                }
                // No lease that was ever given outlives what it rests on.
                let chain = &gms.tenant.groups[*name].chain;
                for lease in self.leases.get(&(member, group)).into_iter().flatten() {
                    let counts = gms.now < lease.until_unix_s && !chain.is_removed(lease.member);
                    assert!(!counts || (is_in && lease.until_unix_s <= end), "{lease:?}");
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn no_lease_outlives_the_sign_in_that_it_rests_on(steps in prop::collection::vec(step(), 1..50)) {
        let (mut gms, mut model) = (Gms::with_groups(&GROUPS), Model::default());
        for (member, name) in MEMBERS.iter().enumerate() {
            gms.enrol(member as u8 + 1, name, &["pay"]);
            model.groups[member].insert(0);
        }
        for name in USERS {
            gms.order(user(name, &[])).unwrap();
        }
        for step in steps {
            model.step(&mut gms, step);
            model.check(&gms);
        }
        prop_assert_eq!(&gms.replayed(), &gms.tenant);
    }
}
