//! Random histories against a simple model.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it is surprised"
)]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{DAY, Gms, add, come, create, node, remove};
use control::{Command, InviteId, Reply};
use group::epochs::Use;
use proptest::prelude::*;

const NAMES: [&str; 4] = ["ada", "bob", "eve", "dan"];
const GROUPS: [&str; 3] = ["sales", "it", "heads"];

/// One step of a history.
#[derive(Clone, Copy, Debug)]
enum Step {
    Create(usize),
    Add(usize, usize),
    Come(usize),
    Leave(usize, usize),
    Go(usize),
    Rotate(usize),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let (name, group) = (0..NAMES.len(), 0..GROUPS.len());
    prop_oneof![
        1 => group.clone().prop_map(Step::Create),
        5 => (name.clone(), group.clone()).prop_map(|(n, g)| Step::Add(n, g)),
        5 => name.clone().prop_map(Step::Come),
        2 => (name.clone(), group.clone()).prop_map(|(n, g)| Step::Leave(n, g)),
        1 => name.prop_map(Step::Go),
        1 => group.prop_map(Step::Rotate),
        2 => (1..2 * DAY).prop_map(Step::Wait),
    ]
}

/// What should be: who is in which groups, who has come, who holds which line until when.
#[derive(Default)]
struct Model {
    groups: BTreeSet<&'static str>,
    members: BTreeMap<&'static str, (bool, BTreeSet<&'static str>)>,
    lines: BTreeMap<&'static str, (InviteId, u64)>,
}

impl Model {
    /// Does a step in both, and checks that both allow it or neither.
    fn step(&mut self, gms: &mut Gms, step: Step) {
        match step {
            Step::Create(group) => {
                let is_new = self.groups.insert(GROUPS[group]);
                assert_eq!(gms.order(create(GROUPS[group])).is_ok(), is_new);
            }
            Step::Add(name, group) => {
                let (name, group) = (NAMES[name], GROUPS[group]);
                let known = self.members.get(name);
                let is_in = known.is_some_and(|(_, groups)| groups.contains(group));
                let expected = self.groups.contains(group) && !is_in;
                let done = gms.order(add(name, &[group]));
                assert_eq!(done.is_ok(), expected, "{done:?}");
                let Ok(reply) = done else { return };
                self.members.entry(name).or_default().1.insert(group);
                if let Reply::Invited { invite, .. } = reply {
                    self.lines.insert(name, (invite, gms.now + DAY));
                }
            }
            Step::Come(name) => {
                let number = name as u8 + 1;
                let line = self.lines.get(NAMES[name]).copied();
                let invite = line.map_or(InviteId([0; 16]), |(invite, _)| invite);
                let expected = line.is_some_and(|(_, until)| gms.now < until);
                let done = gms.act(node(number), come(invite, None));
                assert_eq!(done.is_ok(), expected, "{done:?}");
                if expected {
                    self.lines.remove(NAMES[name]);
                    self.members.get_mut(NAMES[name]).unwrap().0 = true;
                }
            }
            Step::Leave(name, group) => {
                let (name, group) = (NAMES[name], GROUPS[group]);
                let member = self.members.get_mut(name);
                let was_in = member.is_some_and(|(_, groups)| groups.remove(group));
                assert_eq!(gms.order(remove(name, Some(group))).is_ok(), was_in);
            }
            Step::Go(name) => {
                let name = NAMES[name];
                let was = self.members.remove(name).is_some();
                self.lines.remove(name);
                assert_eq!(gms.order(remove(name, None)).is_ok(), was);
            }
            Step::Rotate(group) => {
                let group = GROUPS[group].to_owned();
                let is_there = self.groups.contains(&*group);
                let done = gms.order(Command::Rotate { group });
                assert_eq!(done.is_ok(), is_there);
            }
            Step::Wait(seconds) => {
                gms.now += seconds;
                gms.tick();
            }
        }
    }

    /// What the members are told is what should be, and hangs together.
    fn check(&self, gms: &Gms) {
        let mut current: BTreeMap<String, u32> = BTreeMap::new();
        for (at, name) in NAMES.iter().enumerate() {
            let told = gms.view(at as u8 + 1);
            let (has_come, groups) = self.members.get(name).cloned().unwrap_or_default();
            let expected: Vec<&str> = groups.iter().copied().filter(|_| has_come).collect();
            assert_eq!(told.keys().collect::<Vec<_>>(), expected, "{name}");
            for (group, view) in told {
                assert!(
                    !view.chain.is_removed(view.known.admission.member),
                    "{name}"
                );
                let usable = view.epochs.usable(&view.chain, gms.now);
                let now: Vec<u32> = usable
                    .iter()
                    .filter(|it| it.what == Use::Current)
                    .map(|it| it.name.number)
                    .collect();
                assert_eq!(now.len(), 1, "{name} in {group}: {usable:?}");
                let same = current.entry(group).or_insert(now[0]);
                assert_eq!(*same, now[0], "all of a group have one epoch");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn any_history_ends_as_the_model_says(steps in prop::collection::vec(step(), 1..60)) {
        let (mut gms, mut model) = (Gms::new(), Model::default());
        for step in steps {
            model.step(&mut gms, step);
            model.check(&gms);
        }
        // The records alone make the same tenant, and hold no secret.
        prop_assert_eq!(&gms.replayed(), &gms.tenant);
        let json = serde_json::to_string(&gms.records).unwrap();
        let hex = |bytes: &[u8]| group::serial::hex::text(bytes);
        for secret in gms.secrets.values() {
            prop_assert!(!json.contains(&hex(secret.bytes())));
        }
        for seed in gms.roots.values() {
            prop_assert!(!json.contains(&hex(seed)));
        }
    }
}
