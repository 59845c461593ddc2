//! What is asked of the admins of a locked group. The same once more is no other question: the signatures that they have
//! made keep their worth.

use group::rules::Permit;
use group::statement::{Admission, Rules};

use super::Outcome;
use crate::command::Refusal;
use crate::event::Event;
use crate::model::{AskedRules, Group};
use crate::rule_test::RuleTest;

/// Asks the admins to sign, unless they are asked for the same already: then the signatures that they have made
/// keep their worth.
pub(super) fn ask(
    group: &Group,
    (member, name): (&str, &str),
    admission: Admission,
    outcome: &mut Outcome,
) -> Result<(), Refusal> {
    let says = |it: &Admission| {
        let attributes = it.attributes().unwrap_or_default();
        (it.member.f, it.kind, it.mode, attributes)
    };
    let is_same = |it: &Admission| says(it) == says(&admission);
    if !group.asked.get(member).is_some_and(is_same) {
        outcome.events.push(Event::AdmissionAsked {
            member: member.to_owned(),
            group: name.to_owned(),
            admission: admission.encode_unsigned(),
        });
    }
    Ok(())
}

/// Asks the admins to sign rules, which `make` makes if they are not asked for the same already. Other tests are no
/// other statement.
pub(super) fn ask_for_rules(
    (name, group): (&str, &Group),
    (permits, tests): (Option<&[Permit]>, &[RuleTest]),
    make: impl FnOnce() -> Result<Rules, Refusal>,
    outcome: &mut Outcome,
) -> Result<(), Refusal> {
    let asked = group.asked_rules.as_ref();
    let is_same = |it: &&AskedRules| it.rules.permits.as_deref() == permits;
    let rules = match asked.filter(is_same) {
        Some(same) if same.tests == tests => return Ok(()),
        Some(same) => same.rules.clone(),
        None => make()?,
    };
    outcome.events.push(Event::RulesAsked {
        group: name.to_owned(),
        rules: Some(rules.encode()),
        tests: tests.to_vec(),
    });
    Ok(())
}
