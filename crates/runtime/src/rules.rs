//! The rules of groups, and what orders would do, between the control interface and the domain.

use crate::answers::{allowed, proto, services};
use api::{GroupRule, GroupRules, GroupTest};
use control::plan::{Change, Plan, ServiceChange};
use control::{Command, RuleTest};
use group::rules::{ANYBODY, Party, Permit};
use std::collections::BTreeSet;

/// The order that gives a group rules; `None`: a service is none, which a check of the request finds.
pub fn set_rules(group: String, rules: GroupRules) -> Option<Command> {
    let permits = match rules.rules {
        Some(all) => Some(
            all.into_iter()
                .map(permit)
                .collect::<Option<Vec<Permit>>>()?,
        ),
        None => None,
    };
    Some(Command::SetRules {
        group,
        permits,
        tests: rules.tests.into_iter().map(test).collect::<Option<_>>()?,
    })
}

/// The order that gives a member roles.
pub fn set_roles(member: String, roles: Vec<String>) -> Command {
    let roles = roles.into_iter().collect();
    Command::SetRoles { member, roles }
}

/// Rules as the domain keeps them.
pub fn rules(group: &control::Group) -> Option<Vec<GroupRule>> {
    let permits = group.rules.as_ref()?.permits.as_ref()?;
    Some(written(permits))
}

/// Permits as they are written.
pub fn written(permits: &[Permit]) -> Vec<GroupRule> {
    let rules = permits.iter().map(|permit| GroupRule {
        from: role(&permit.from),
        to: role(&permit.to),
        services: api::written(&allowed(&permit.services)),
    });
    rules.collect()
}

/// Tests as the domain keeps them.
pub fn tests(tests: &[RuleTest]) -> Vec<GroupTest> {
    let tests = tests.iter().map(|test| GroupTest {
        from: test.from.clone(),
        to: test.to.clone(),
        service: test.service(),
        open: test.open,
    });
    tests.collect()
}

/// Roles as the control interface says them.
pub fn roles(roles: &BTreeSet<String>) -> Vec<String> {
    roles.iter().cloned().collect()
}

/// What an order would do.
pub fn planned(plan: Plan) -> api::Planned {
    let left_out = plan.pairs.len().saturating_sub(api::PLANNED_MAX);
    let left_out = left_out.saturating_add(plan.left_out);
    let pairs = plan.pairs.into_iter().take(api::PLANNED_MAX);
    let pairs = pairs.map(|pair| api::PlannedPair {
        change: match pair.change {
            Change::Opens => api::PairChange::Opens,
            Change::Closes => api::PairChange::Closes,
            Change::Stays => api::PairChange::Stays,
            Change::Services => api::PairChange::Services,
        },
        one: pair.one,
        other: pair.other,
        groups: pair.groups.into_iter().collect(),
        waits: pair.waits,
        forth: service_change(&pair.forth),
        back: service_change(&pair.back),
    });
    api::Planned {
        pairs: pairs.collect(),
        left_out: u64::try_from(left_out).unwrap_or(u64::MAX),
    }
}

fn service_change(change: &ServiceChange) -> api::PlannedServices {
    api::PlannedServices {
        was: api::written(&allowed(&change.was)),
        is: api::written(&allowed(&change.is)),
    }
}

fn permit(rule: GroupRule) -> Option<Permit> {
    Some(Permit {
        from: party(rule.from),
        to: party(rule.to),
        services: services(&api::services_of(&rule.services)?),
    })
}

fn party(role: String) -> Party {
    match role.as_str() {
        ANYBODY => Party::Anybody,
        _ => Party::Role(role),
    }
}

fn role(party: &Party) -> String {
    match party {
        Party::Anybody => ANYBODY.to_owned(),
        Party::Role(role) => role.clone(),
    }
}

fn test(test: GroupTest) -> Option<RuleTest> {
    let port = test.port()?;
    Some(RuleTest {
        proto: proto(port.proto),
        port: port.lo,
        from: test.from,
        to: test.to,
        open: test.open,
    })
}
