//! The signatures of a locked group's admins. Each counts by what it signs, whoever brings it; with enough of them
//! an admission or rules are in force.

use group::signing::{AdminSignature, Statement};
use group::statement::Admission;
use identity::crypto::Crypto;

use super::{Approved, Context, Outcome, Reply};
use crate::command::Refusal;
use crate::event::Event;
use crate::model::{AskedRules, Group, Tenant};

/// A group by its name.
type Named<'a> = (&'a str, &'a Group);

impl Tenant {
    /// Takes an admin's signature; with enough of them what it signs is in force.
    pub(super) fn approve(
        &self,
        context: &Context<'_>,
        signature: &AdminSignature,
    ) -> Result<Outcome, Refusal> {
        let mut groups = self.groups.iter();
        let found = groups.find(|(_, it)| it.id == signature.group);
        let (name, group) = found.ok_or(Refusal::NotAsked)?;
        let of = (name.as_str(), group);
        match rules_asked(context.crypto, group, signature) {
            Some(asked) => approve_rules(context, of, asked, signature),
            None => self.approve_admission(context, of, signature),
        }
    }

    fn approve_admission(
        &self,
        context: &Context<'_>,
        (name, group): Named<'_>,
        signature: &AdminSignature,
    ) -> Result<Outcome, Refusal> {
        let asked = asked_as(context.crypto, group, signature);
        let (member, asked) = asked.ok_or(Refusal::NotAsked)?;
        let is_new = !asked.signers().any(|it| it == signature.index);
        let mut signed = asked.clone();
        let (index, bytes) = (signature.index, signature.signature);
        if !signed.accept(context.crypto, &group.genesis, index, bytes) {
            return Err(Refusal::Signature(name.to_owned()));
        }
        let is_in_force = signed.holds(context.crypto, &group.genesis, &group.authority);
        let so_far = signed.signers().collect();
        let mut outcome = approved((name, group), Some(member), so_far, is_in_force);
        if is_new {
            outcome.events.push(Event::AdmissionSigned {
                member: member.to_owned(),
                group: name.to_owned(),
                admin: signature.index,
                signature: signature.signature,
            });
        }
        if is_in_force {
            outcome.events.push(Event::Admitted {
                member: member.to_owned(),
                group: name.to_owned(),
                admission: signed.encode(),
            });
            // A removal names one admission: with two of them it would let the other stand.
            if let Some(before) = group.admissions.get(member) {
                self.replace(context, name, before.member, &mut outcome)?;
            }
        }
        Ok(outcome)
    }
}

/// The answer to a signature that is right.
fn approved(
    (name, group): Named<'_>,
    member: Option<&str>,
    signed: Vec<u8>,
    is_in_force: bool,
) -> Outcome {
    Outcome {
        reply: Reply::Approved(Approved {
            member: member.map(str::to_owned),
            group: name.to_owned(),
            signed,
            threshold: group.genesis.policy.threshold().unwrap_or_default(),
            is_in_force,
        }),
        ..Outcome::default()
    }
}

fn approve_rules(
    context: &Context<'_>,
    (name, group): Named<'_>,
    asked: &AskedRules,
    signature: &AdminSignature,
) -> Result<Outcome, Refusal> {
    let is_new = !asked.rules.signers().any(|it| it == signature.index);
    let mut signed = asked.rules.clone();
    let (index, bytes) = (signature.index, signature.signature);
    if !signed.accept(context.crypto, &group.genesis, index, bytes) {
        return Err(Refusal::Signature(name.to_owned()));
    }
    let is_in_force = signed.holds(context.crypto, &group.genesis, &group.authority);
    let so_far = signed.signers().collect();
    let mut outcome = approved((name, group), None, so_far, is_in_force);
    if is_new {
        outcome.events.push(Event::RulesSigned {
            group: name.to_owned(),
            admin: signature.index,
            signature: signature.signature,
        });
    }
    if is_in_force {
        outcome.events.push(Event::RulesSet {
            group: name.to_owned(),
            rules: Some(signed.encode()),
            tests: asked.tests.clone(),
        });
    }
    Ok(outcome)
}

/// The rules that a signature is of, if they are asked for.
fn rules_asked<'a>(
    crypto: &dyn Crypto,
    group: &'a Group,
    signature: &AdminSignature,
) -> Option<&'a AskedRules> {
    let asked = group.asked_rules.as_ref()?;
    let statement = Statement::Rules(Box::new(asked.rules.clone()));
    (statement.id(crypto) == signature.statement).then_some(asked)
}

/// Whom a signature is to admit, and what was asked.
fn asked_as<'a>(
    crypto: &dyn Crypto,
    group: &'a Group,
    signature: &AdminSignature,
) -> Option<(&'a str, &'a Admission)> {
    let mut asked = group.asked.iter();
    let is_it = |it: &Admission| {
        let statement = Statement::Admission(Box::new(it.clone()));
        statement.id(crypto) == signature.statement
    };
    let (member, found) = asked.find(|(_, it)| is_it(it))?;
    Some((member, found))
}
