//! What an order would do to who can talk to whom, before it is given: it is decided and applied to a copy of the
//! tenant by the very code that would carry it out, and the two are compared.
//!
//! What it says: which pairs of members come to share a group, share none any more, or still share one although
//! they share fewer. What it does not: modes, prefixes and services, and what members that are not in touch
//! learn when.
//!
//! | limit | value |
//! |---|---|
//! | pairs that are named | [`PAIRS_MAX`]; how many there are besides is said |

use std::collections::BTreeSet;

use crate::actor::Actor;
use crate::command::{Command, Refusal};
use crate::decide::Context;
use crate::event::Event;
use crate::model::Tenant;

/// Most pairs that a plan names.
pub const PAIRS_MAX: usize = 10_000;
/// Of those who may come by a line so many stand for all: each opens the same, and two open one another.
const COMERS: u32 = 2;

/// What becomes of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// It shares a group from then on.
    Opens,
    /// It shares none any more.
    Closes,
    /// It shares fewer, and one still.
    Stays,
}

/// Two members, and what becomes of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PairChange {
    /// What.
    pub change: Change,
    /// One of them, whose groups change.
    pub one: String,
    /// The other.
    pub other: String,
    /// The groups by which they are open then, or were, if it closes.
    pub groups: BTreeSet<String>,
    /// The node of one of them has not come yet, or the admins of a locked group have not signed: until then
    /// nothing passes.
    pub waits: bool,
}

/// What an order would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The pairs, those that open first.
    pub pairs: Vec<PairChange>,
    /// How many more there are.
    pub left_out: usize,
}

impl Tenant {
    /// What an order would do to pairs of members. The tenant stays as it is.
    ///
    /// # Errors
    /// The order would be refused.
    pub fn plan(
        &self,
        context: &mut Context<'_>,
        actor: Actor,
        command: &Command,
    ) -> Result<Plan, Refusal> {
        let outcome = self.decide(context, actor, command)?;
        let mut after = self.clone();
        let mut events = outcome.events;
        if let Command::Invite { groups, terms } = command {
            events.extend(comers(groups, terms.uses.min(COMERS)));
        }
        for event in &events {
            let applied = after.apply(context.crypto, event);
            applied.map_err(|error| Refusal::Statement(error.to_string()))?;
        }
        Ok(compare(self, &after))
    }
}

/// Those who may come by a line, as members whose names nobody can have.
fn comers(groups: &[String], count: u32) -> impl Iterator<Item = Event> {
    (1..=count).flat_map(move |number| {
        let member = format!("*{number}");
        let added = Event::MemberAdded {
            member: member.clone(),
            mode: None,
            accepts: Vec::new(),
        };
        let groups = groups.iter().cloned();
        let granted = groups.map(move |group| Event::MembershipGranted {
            member: member.clone(),
            group,
        });
        [added].into_iter().chain(granted)
    })
}

/// The groups of a member, if there is one.
fn groups_of<'a>(tenant: &'a Tenant, member: &str) -> BTreeSet<&'a str> {
    let found = tenant.members.get(member);
    let groups = found.map(|it| it.groups.iter().map(String::as_str));
    groups.into_iter().flatten().collect()
}

fn compare(before: &Tenant, after: &Tenant) -> Plan {
    let names: BTreeSet<&String> = before.members.keys().chain(after.members.keys()).collect();
    let is_other = |name: &str| groups_of(before, name) != groups_of(after, name);
    let changed: BTreeSet<&str> = names
        .iter()
        .map(|name| name.as_str())
        .filter(|name| is_other(name))
        .collect();
    let mut pairs = BTreeSet::new();
    for one in &changed {
        for other in names.iter().map(|name| name.as_str()) {
            // Of two that change each pair once.
            let is_twice = changed.contains(other) && other <= *one;
            if other != *one && !is_twice {
                pairs.extend(pair(before, after, one, other));
            }
        }
    }
    let left_out = pairs.len().saturating_sub(PAIRS_MAX);
    let pairs = pairs.into_iter().take(PAIRS_MAX).collect();
    Plan { pairs, left_out }
}

fn pair(before: &Tenant, after: &Tenant, one: &str, other: &str) -> Option<PairChange> {
    let shared = |tenant| -> BTreeSet<String> {
        let (own, others) = (groups_of(tenant, one), groups_of(tenant, other));
        own.intersection(&others)
            .map(|it| (*it).to_owned())
            .collect()
    };
    let (was, is) = (shared(before), shared(after));
    let change = match (was.is_empty(), is.is_empty()) {
        (true, false) => Change::Opens,
        (false, true) => Change::Closes,
        (false, false) if is.len() < was.len() => Change::Stays,
        _ => return None,
    };
    let (tenant, groups) = match change {
        Change::Closes => (before, was),
        Change::Opens | Change::Stays => (after, is),
    };
    // A locked group waits for its admins, too.
    let is_in = |name: &str, group: &String| {
        let has_come = tenant.members.get(name).is_some_and(|it| it.f.is_some());
        let group = tenant.groups.get(group);
        has_come && group.is_some_and(|it| it.admissions.contains_key(name))
    };
    let passes = groups.iter().any(|it| is_in(one, it) && is_in(other, it));
    Some(PairChange {
        change,
        one: one.to_owned(),
        other: other.to_owned(),
        groups,
        waits: !passes,
    })
}
