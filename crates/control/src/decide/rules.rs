//! What members are, what they may reach, and the tests of that.
//!
//! Who is something else than before has another admission, and the one before is removed, so that it cannot be shown
//! any more. A test is checked after every order that could break it, and the order is refused then. Five things no test
//! blocks: that a member is taken out altogether, or another server, what the clock does, what another server of a group has done, and what
//! the admins of a locked group sign.
//!
//! In a locked group the admins decide: an order has the server ask them, and its tests look at what would be then.

use std::collections::BTreeSet;

use group::rules::{Permit, ROLES_MAX, check, is_role};
use group::statement::{Admission, Authority, Membership, Policy, Rules, is_name};
use identity::crypto::{Crypto, random};

use super::ask::{ask, ask_for_rules};
use super::{Context, Outcome, room};
use crate::TESTS_MAX;
use crate::command::{Command, Refusal};
use crate::event::Event;
use crate::model::{Group, Tenant};
use crate::rule_test::RuleTest;

/// A server takes its time for the serial of rules; clocks do not differ by so much, in seconds.
const EARNEST_S: u64 = 86_400;

impl Tenant {
    pub(super) fn set_roles(
        &self,
        context: &mut Context<'_>,
        name: &str,
        roles: &BTreeSet<String>,
    ) -> Result<Outcome, Refusal> {
        let found = self.members.get(name);
        let found = found.ok_or_else(|| Refusal::NoMember(name.to_owned()))?;
        check_roles(roles)?;
        let mut outcome = Outcome::default();
        for group in &found.groups {
            self.ask_for_roles(context, (name, group), roles, &mut outcome)?;
        }
        if *roles == found.roles {
            return Ok(outcome);
        }
        let event = Event::RolesSet {
            member: name.to_owned(),
            roles: roles.clone(),
        };
        outcome.events.insert(0, event);
        let mut member = found.clone();
        member.roles.clone_from(roles);
        for group in &found.groups {
            let of = self.group(group)?;
            let before = of.admissions.get(name).map(|it| it.member);
            let is_managed =
                of.genesis.policy == Policy::Managed && of.is_managed_by(context.signer().public());
            let Some(before) = before.filter(|_| is_managed) else {
                continue;
            };
            self.admit_anyway(context, name, &member, before.f, group, &mut outcome)?;
            // Also of who is more now: a removal names one admission, and would let an earlier one stand.
            self.replace(context, group, before, &mut outcome)?;
        }
        Ok(outcome)
    }

    pub(super) fn set_rules(
        &self,
        context: &Context<'_>,
        name: &str,
        permits: Option<&[Permit]>,
        tests: &[RuleTest],
    ) -> Result<Outcome, Refusal> {
        let group = self.managed(context, name)?;
        check(permits.unwrap_or_default()).map_err(|error| Refusal::Rules(error.to_string()))?;
        check_tests(tests)?;
        let before = group.rules.as_ref();
        let permits_before = before.and_then(|it| it.permits.as_deref());
        let mut outcome = Outcome::default();
        let make = || {
            let permits = permits.map(<[Permit]>::to_vec);
            new_rules(context, group, &group.authority, permits)
        };
        let is_same = permits == permits_before;
        if group.genesis.policy != Policy::Managed && !is_same {
            ask_for_rules((name, group), (permits, tests), make, &mut outcome)?;
            return Ok(outcome);
        }
        if group.asked_rules.is_some() {
            outcome.events.push(Event::RulesAsked {
                group: name.to_owned(),
                rules: None,
                tests: Vec::new(),
            });
        }
        if is_same && tests == group.tests {
            return Ok(outcome);
        }
        let mut rules = None;
        if !is_same {
            let mut made = make()?;
            made.sign(&context.signer(), group.chain.index());
            rules = Some(made.encode());
        }
        outcome.events.push(Event::RulesSet {
            group: name.to_owned(),
            rules,
            tests: tests.to_vec(),
        });
        Ok(outcome)
    }

    /// Asks the admins of a locked group for a member's admission with other roles; until they have signed it is
    /// what it was.
    fn ask_for_roles(
        &self,
        context: &mut Context<'_>,
        (name, group): (&str, &str),
        roles: &BTreeSet<String>,
        outcome: &mut Outcome,
    ) -> Result<(), Refusal> {
        let of = self.group(group)?;
        let (asked, is) = (of.asked.get(name), of.admissions.get(name));
        // Who has not come is asked for when it comes, with the roles that it has then.
        let Some(before) = asked
            .or(is)
            .filter(|_| of.genesis.policy != Policy::Managed)
        else {
            return Ok(());
        };
        let wanted: Vec<String> = roles.iter().cloned().collect();
        let said = |it: &Admission| it.attributes().unwrap_or_default();
        if is.is_some_and(|it| said(it).roles == wanted) {
            if asked.is_some() {
                outcome.events.push(Event::AdmissionUnasked {
                    member: name.to_owned(),
                    group: group.to_owned(),
                });
            }
            return Ok(());
        }
        let mut attributes = said(before);
        attributes.roles = wanted;
        let member = Membership {
            f: before.member.f,
            serial: u64::from_be_bytes(random(context.rng)),
        };
        let element = (before.kind, before.mode);
        let admission = Admission::new(of.id, member, context.now_unix_s, element, &attributes);
        let admission = admission.map_err(|error| Refusal::Statement(error.to_string()))?;
        ask(of, (name, group), admission, outcome)
    }

    /// Whether the tests hold after an order.
    pub(super) fn check_tests(
        &self,
        crypto: &dyn Crypto,
        command: &Command,
        outcome: &Outcome,
    ) -> Result<(), Refusal> {
        // By what happens and not by the order, so that no order can be forgotten here.
        let matters = outcome.events.iter().any(|event| {
            matches!(
                event,
                Event::MembershipGranted { .. }
                    | Event::MembershipEnded { .. }
                    | Event::RolesSet { .. }
                    | Event::RulesSet { .. }
                    | Event::RulesAsked { .. }
            )
        });
        // Who or what is a danger goes, whatever the tests say.
        let is_removal = matches!(
            command,
            Command::Remove { group: None, .. } | Command::Unshare { .. }
        );
        // What another server has decided is so already; what admins sign was tested when it was ordered.
        let is_elsewhere = matches!(
            command,
            Command::Learn(_) | Command::Take { .. } | Command::Approve(_)
        );
        let is_new = matches!(command, Command::SetRules { tests, .. } if !tests.is_empty());
        let has_tests = is_new
            || self
                .groups
                .values()
                .any(|group| !group.ordered_tests().is_empty());
        if !matters || is_removal || is_elsewhere || !has_tests {
            return Ok(());
        }
        let mut after = self.clone();
        for event in &outcome.events {
            let applied = after.apply(crypto, event);
            applied.map_err(|error| Refusal::Statement(error.to_string()))?;
        }
        let failing = after.groups.iter().find_map(|(name, group)| {
            let mut tests = group.ordered_tests().iter();
            // One that fails already, by what another server decided, is not this order's doing.
            let before = self.groups.get(name).map(Group::ordered_tests);
            let failed = |it: &RuleTest| {
                let is_old = before.is_some_and(|of| of.contains(it));
                !is_new && is_old && !self.passes(it)
            };
            let test = tests.find(|test| !after.passes(test) && !failed(test))?;
            Some((name.clone(), test.clone()))
        });
        match failing {
            Some((group, test)) => Err(Refusal::Test { group, test }),
            None => Ok(()),
        }
    }
}

/// Rules of a group that count instead of those before, once they are signed.
pub(super) fn new_rules(
    context: &Context<'_>,
    group: &Group,
    authority: &Authority,
    permits: Option<Vec<Permit>>,
) -> Result<Rules, Refusal> {
    let now = context.now_unix_s;
    let above = group.rules_rank(context.crypto, authority).checked_add(1);
    let last = "nothing can be newer than the rules of this group: another of its servers has given them the last \
                number there is; take it out with `kumi group unshare`";
    let serial = above.ok_or_else(|| Refusal::Statement(last.to_owned()))?;
    // Above those that count no more, too, if they were numbered in earnest: whoever hears of the servers later than
    // of these takes them at once.
    let held = group.rules.as_ref().map_or(0, |it| it.serial);
    let earnest = held <= now.saturating_add(EARNEST_S);
    let serial = if earnest {
        serial.max(held + 1)
    } else {
        serial
    };
    // Nothing that admins may have signed stands beside these under the same number.
    let asked = group.asked_serial;
    let serial = serial.max(asked.saturating_add(1)).max(now);
    let rules = Rules::new(group.id, serial, now, permits);
    rules.map_err(|error| Refusal::Statement(error.to_string()))
}

/// Whether these may be what a member is.
pub(super) fn check_roles(roles: &BTreeSet<String>) -> Result<(), Refusal> {
    room(0, roles.len(), ROLES_MAX, "roles of a member")?;
    match roles.iter().find(|role| !is_role(role)) {
        Some(role) => {
            let error = group::rules::RulesError::Role(role.clone());
            Err(Refusal::Rules(error.to_string()))
        }
        None => Ok(()),
    }
}

fn check_tests(tests: &[RuleTest]) -> Result<(), Refusal> {
    room(0, tests.len(), TESTS_MAX, "tests")?;
    let mut names = tests.iter().flat_map(|test| [&test.from, &test.to]);
    match names.find(|name| !is_name(name)) {
        Some(name) => Err(Refusal::Name(name.clone())),
        None => Ok(()),
    }
}
