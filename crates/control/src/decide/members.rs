//! Members and their memberships.

use std::collections::BTreeSet;

use group::Mode;
use group::statement::{Admission, Attributes, Membership, is_name};
use identity::crypto::random;
use wire::NodeAddr;

use super::{Context, Outcome, room};
use crate::MEMBERS_MAX;
use crate::command::Refusal;
use crate::event::Event;
use crate::model::{Member, Tenant};

impl Tenant {
    pub(super) fn add(
        &self,
        context: &mut Context<'_>,
        member: &str,
        groups: &[String],
        mode: Option<Mode>,
        life_s: u64,
    ) -> Result<Outcome, Refusal> {
        if groups.is_empty() {
            return Err(Refusal::NoGroups);
        }
        let groups = self.check_groups(groups)?;
        let mut outcome = Outcome::default();
        let name = member.to_owned();
        let known = self.members.get(member);
        if known.is_none() {
            if !is_name(member) {
                return Err(Refusal::Name(name));
            }
            room(self.members.len(), 1, MEMBERS_MAX, "members")?;
            let member = name.clone();
            outcome.events.push(Event::MemberAdded { member, mode });
        }
        for group in groups {
            if known.is_some_and(|it| it.groups.contains(group)) {
                let (member, group) = (name, group.to_owned());
                return Err(Refusal::InGroup { member, group });
            }
            outcome.events.push(Event::MembershipGranted {
                member: name.clone(),
                group: group.to_owned(),
            });
            if let Some((f, known)) = known.and_then(|it| Some((it.f?, it))) {
                self.admit(context, member, known, f, group, &mut outcome)?;
            }
        }
        if known.is_none_or(|it| it.f.is_none()) {
            self.invite_member(context, member, life_s, &mut outcome)?;
        }
        Ok(outcome)
    }

    pub(super) fn remove(
        &self,
        context: &mut Context<'_>,
        member: &str,
        group: Option<&str>,
    ) -> Result<Outcome, Refusal> {
        let found = self.members.get(member);
        let found = found.ok_or_else(|| Refusal::NoMember(member.to_owned()))?;
        let groups: Vec<&str> = match group {
            Some(group) => {
                self.group(group)?;
                if !found.groups.contains(group) {
                    let (member, group) = (member.to_owned(), group.to_owned());
                    return Err(Refusal::NotInGroup { member, group });
                }
                vec![group]
            }
            None => found.groups.iter().map(String::as_str).collect(),
        };
        let mut outcome = Outcome::default();
        for name in groups {
            outcome.events.push(Event::MembershipEnded {
                member: member.to_owned(),
                group: name.to_owned(),
            });
            if let Some(admission) = self.group(name)?.admissions.get(member) {
                self.shut_out(context, name, admission.member, &mut outcome)?;
            }
        }
        if group.is_none() {
            outcome.events.extend(self.ended_invites(member));
            let member = member.to_owned();
            outcome.events.push(Event::MemberRemoved { member });
        }
        Ok(outcome)
    }

    /// Signs an admission.
    pub(super) fn admit(
        &self,
        context: &mut Context<'_>,
        name: &str,
        member: &Member,
        f: NodeAddr,
        group: &str,
        outcome: &mut Outcome,
    ) -> Result<(), Refusal> {
        let found = self.group(group)?;
        let serial = u64::from_be_bytes(random(context.rng));
        let kind = member.kind.unwrap_or(group::Kind::Ges);
        let attributes = Attributes {
            name: Some(name.to_owned()),
            prefixes: member.prefixes.clone(),
        };
        let admission = Admission::new(
            found.id,
            Membership { f, serial },
            context.now_unix_s,
            (kind, member.mode_in_force()),
            &attributes,
        );
        let mut admission = admission.map_err(|error| Refusal::Statement(error.to_string()))?;
        admission.sign(&context.signer(), found.chain.index());
        outcome.events.push(Event::Admitted {
            member: name.to_owned(),
            group: group.to_owned(),
            admission: admission.encode(),
        });
        Ok(())
    }

    /// Groups that are there, each once.
    pub(super) fn check_groups<'a>(
        &self,
        groups: &'a [String],
    ) -> Result<BTreeSet<&'a str>, Refusal> {
        let known = groups
            .iter()
            .map(|name| self.group(name).map(|_| name.as_str()));
        known.collect()
    }
}
