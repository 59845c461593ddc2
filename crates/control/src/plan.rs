//! What an order would do to who can talk to whom, before it is given: it is decided and applied to a copy of the
//! tenant by the very code that would carry it out, and the two are compared.
//!
//! What it says: which pairs of members come to share a group, share none any more, or still share one although
//! they share fewer; and what becomes of the services that they reach at each other. What it does not: modes and
//! prefixes, what members that are not in touch learn when, and when the admins of a locked group sign.
//!
//! Members that are in the same groups and are the same for their rules, before and after, are one *class*: rules
//! are asked once for two classes, however many members they have.
//!
//! | limit | value |
//! |---|---|
//! | pairs that are named | [`PAIRS_MAX`]; how many there are besides is said |

use std::collections::{BTreeMap, BTreeSet};

use group::Services;

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
    /// It shares what it did, and reaches other services.
    Services,
}

/// What somebody reaches at somebody; compiled ([`Services::compiled`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceChange {
    /// Before.
    pub was: Services,
    /// After.
    pub is: Services,
}

/// Two members, and what becomes of them.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// all is as it was.
    pub waits: bool,
    /// What the one reaches at the other.
    pub forth: ServiceChange,
    /// What the other reaches at the one.
    pub back: ServiceChange,
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
        if let Command::Invite {
            groups,
            roles,
            terms,
        } = command
        {
            events.extend(comers(groups, roles, terms.uses.min(COMERS)));
        }
        for event in &events {
            let applied = after.apply(context.crypto, event);
            applied.map_err(|error| Refusal::Statement(error.to_string()))?;
        }
        Ok(compare(self, &after))
    }
}

/// Those who may come by a line, as members whose names nobody can have.
fn comers(groups: &[String], roles: &BTreeSet<String>, count: u32) -> impl Iterator<Item = Event> {
    (1..=count).flat_map(move |number| {
        let member = format!("*{number}");
        let added = Event::MemberAdded {
            member: member.clone(),
            mode: None,
            accepts: Vec::new(),
            roles: roles.clone(),
        };
        let groups = groups.iter().cloned();
        let granted = groups.map(move |group| Event::MembershipGranted {
            member: member.clone(),
            group,
        });
        [added].into_iter().chain(granted)
    })
}

/// What a member is, as far as others are concerned.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Standing {
    groups: BTreeSet<String>,
    roles: BTreeSet<String>,
}

/// The same before and after.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Class {
    was: Standing,
    is: Standing,
}

/// What becomes of a pair of which each is of a class.
struct Between {
    change: Change,
    groups: BTreeSet<String>,
    forth: ServiceChange,
    back: ServiceChange,
    /// Both change by themselves, or neither does: which is the one is for their names to say.
    is_even: bool,
}

impl Between {
    fn pair(&self, one: &str, other: &str, waits: bool) -> PairChange {
        PairChange {
            change: self.change,
            one: one.to_owned(),
            other: other.to_owned(),
            groups: self.groups.clone(),
            waits,
            forth: self.forth.clone(),
            back: self.back.clone(),
        }
    }
}

impl PairChange {
    /// The same seen from the other.
    fn turned(self) -> Self {
        Self {
            one: self.other,
            other: self.one,
            forth: self.back,
            back: self.forth,
            ..self
        }
    }
}

/// A tenant, and everybody who is in its groups: its members and those of partners.
struct Side<'a> {
    tenant: &'a Tenant,
    standings: BTreeMap<String, Standing>,
    /// Whom a partner has admitted, and where.
    held: BTreeSet<(String, String)>,
}

impl<'a> Side<'a> {
    fn of(tenant: &'a Tenant) -> Self {
        let mut held = BTreeSet::new();
        let own = tenant.members.iter().map(|(name, it)| {
            let (groups, roles) = (it.groups.clone(), it.roles.clone());
            (name.clone(), Standing { groups, roles })
        });
        let mut standings: BTreeMap<String, Standing> = own.collect();
        for f in tenant.elsewhere.keys() {
            let Some((called, member)) = tenant.member_elsewhere(*f) else {
                continue;
            };
            // A name stands for one member of a group, and may stand for another in another.
            let name = match tenant.nodes.get(f) {
                Some(own) => own.clone(),
                None if standings.contains_key(&called) => f.to_string(),
                None => called,
            };
            let groups = member.groups.iter();
            held.extend(groups.map(|group| (name.clone(), group.clone())));
            let standing = standings.entry(name).or_default();
            standing.groups.extend(member.groups);
            standing.roles.extend(member.roles);
        }
        Self {
            tenant,
            standings,
            held,
        }
    }

    fn standing(&self, member: &str) -> Standing {
        self.standings.get(member).cloned().unwrap_or_default()
    }

    /// Whether the admins of a locked group are to sign first what becomes of two of its members.
    fn waits(&self, between: &Between, pair: [&str; 2]) -> bool {
        let groups = between.groups.iter();
        let mut groups = groups.filter_map(|name| self.tenant.groups.get(name));
        between.change == Change::Services
            && groups.any(|group| {
                let is_asked = |member: &&str| group.asked.contains_key(*member);
                group.asked_rules.is_some() || pair.iter().any(is_asked)
            })
    }

    /// Whether a member is in a group now. A locked group waits for its admins, too.
    fn is_in(&self, member: &str, group: &str) -> bool {
        let own = self.tenant.members.get(member);
        let has_come = own.is_some_and(|it| it.f.is_some());
        let found = self.tenant.groups.get(group);
        let is_admitted = found.is_some_and(|it| it.admissions.contains_key(member));
        let held = || self.held.contains(&(member.to_owned(), group.to_owned()));
        (has_come && is_admitted) || held()
    }
}

fn compare(before: &Tenant, after: &Tenant) -> Plan {
    let sides = (&Side::of(before), &Side::of(after));
    let names = sides.0.standings.keys().chain(sides.1.standings.keys());
    let names: BTreeSet<&String> = names.collect();
    let mut classes: BTreeMap<Class, Vec<&str>> = BTreeMap::new();
    for name in names {
        let (was, is) = (sides.0.standing(name), sides.1.standing(name));
        classes.entry(Class { was, is }).or_default().push(name);
    }
    let ruled: BTreeSet<&String> = before
        .groups
        .iter()
        .filter(|(name, group)| {
            let is = after.groups.get(*name);
            is.map(|it| it.ordered_rules()) != Some(group.ordered_rules())
        })
        .map(|(name, _)| name)
        .collect();
    let concerns = |class: &Class| {
        class.was != class.is || class.is.groups.iter().any(|group| ruled.contains(group))
    };
    let mut plan = Plan::default();
    for (place, (one, ones)) in classes.iter().enumerate() {
        for (other, others) in classes.iter().skip(place) {
            if !concerns(one) && !concerns(other) {
                continue;
            }
            // The one is who changes.
            let is_turned = one.was == one.is && other.was != other.is;
            let (one, ones, other, others) = match is_turned {
                true => (other, others, one, ones),
                false => (one, ones, other, others),
            };
            if let Some(between) = between((before, after), one, other) {
                plan.take(sides, &between, (ones, others), one == other);
            }
        }
    }
    let key = |it: &PairChange| (it.change, it.one.clone(), it.other.clone());
    plan.pairs.sort_by_key(key);
    plan
}

impl Plan {
    /// Adds the pairs of two classes, or of one.
    fn take(
        &mut self,
        (before, after): (&Side<'_>, &Side<'_>),
        between: &Between,
        (ones, others): (&[&str], &[&str]),
        is_one_class: bool,
    ) {
        let side = match between.change {
            Change::Closes => before,
            Change::Opens | Change::Stays | Change::Services => after,
        };
        let passes = |one: &str, other: &str| {
            let mut groups = between.groups.iter();
            groups.any(|group| side.is_in(one, group) && side.is_in(other, group))
        };
        for (place, one) in ones.iter().enumerate() {
            // Of two of one class each pair once.
            let from = if is_one_class { place + 1 } else { 0 };
            let others = others.get(from..).unwrap_or_default();
            let room = PAIRS_MAX.saturating_sub(self.pairs.len());
            self.left_out += others.len().saturating_sub(room);
            let pairs = others.iter().take(room).map(|other| {
                let waits = !passes(one, other) || after.waits(between, [one, other]);
                let pair = between.pair(one, other, waits);
                if between.is_even && other < one {
                    pair.turned()
                } else {
                    pair
                }
            });
            self.pairs.extend(pairs);
        }
    }
}

fn between((before, after): (&Tenant, &Tenant), one: &Class, other: &Class) -> Option<Between> {
    let shared = |one: &Standing, other: &Standing| -> BTreeSet<String> {
        one.groups.intersection(&other.groups).cloned().collect()
    };
    let was = shared(&one.was, &other.was);
    let is = shared(&one.is, &other.is);
    let reached = |from: &Class, to: &Class| ServiceChange {
        was: before.services_in(was.iter(), (&from.was.roles, &to.was.roles)),
        is: after.services_in(is.iter(), (&from.is.roles, &to.is.roles)),
    };
    let (forth, back) = (reached(one, other), reached(other, one));
    let is_other = forth.was != forth.is || back.was != back.is;
    let change = match (was.is_empty(), is.is_empty()) {
        (true, false) => Change::Opens,
        (false, true) => Change::Closes,
        (false, false) if is.len() < was.len() => Change::Stays,
        (false, false) if is_other => Change::Services,
        _ => return None,
    };
    let groups = if change == Change::Closes { was } else { is };
    Some(Between {
        change,
        groups,
        forth,
        back,
        is_even: (one.was == one.is) == (other.was == other.is),
    })
}
