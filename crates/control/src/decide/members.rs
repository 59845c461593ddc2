//! Members and their memberships.

use std::collections::BTreeSet;

use group::Kind;
use group::statement::{Admission, Attributes, Membership, PREFIXES_MAX, Policy};
use identity::crypto::random;
use wire::NodeAddr;

use super::ask::ask;
use super::invites::{check_prefixes, kind_before};
use super::rules::check_roles;
use super::{Context, Outcome, check_name, room};
use crate::MEMBERS_MAX;
use crate::command::{Addition, Refusal};
use crate::event::Event;
use crate::model::{Group, Member, Tenant};
use crate::partners::name_in;

impl Tenant {
    pub(super) fn add(
        &self,
        context: &mut Context<'_>,
        addition: &Addition,
    ) -> Result<Outcome, Refusal> {
        let name = addition.member.as_str();
        if addition.groups.is_empty() {
            return Err(Refusal::NoGroups);
        }
        let groups = self.check_groups(&addition.groups)?;
        let mut outcome = Outcome::default();
        let known = self.members.get(name);
        let member = match known {
            Some(known) => known.clone(),
            None => self.new_member(addition, &mut outcome)?,
        };
        for group in groups {
            if member
                .f
                .is_none_or(|f| self.is_called_elsewhere(name, group, f))
            {
                self.check_elsewhere(name, group)?;
            }
            if member.groups.contains(group) {
                let (member, group) = (name.to_owned(), group.to_owned());
                return Err(Refusal::InGroup { member, group });
            }
            outcome.events.push(Event::MembershipGranted {
                member: name.to_owned(),
                group: group.to_owned(),
            });
            if let Some(f) = member.f {
                self.admit(context, name, &member, f, group, &mut outcome)?;
            }
        }
        if member.f.is_none() {
            self.invite_member(context, name, addition.life_s, &mut outcome)?;
        }
        Ok(outcome)
    }

    fn new_member(&self, addition: &Addition, outcome: &mut Outcome) -> Result<Member, Refusal> {
        let member = addition.member.clone();
        check_name(&member)?;
        room(self.members.len(), 1, MEMBERS_MAX, "members")?;
        let accepts = addition.accepts.clone();
        check_prefixes(&accepts, PREFIXES_MAX)?;
        check_roles(&addition.roles)?;
        outcome.events.push(Event::MemberAdded {
            member: member.clone(),
            mode: addition.mode,
            accepts: accepts.clone(),
            roles: addition.roles.clone(),
        });
        let mut made = Member {
            mode: addition.mode,
            accepts,
            roles: addition.roles.clone(),
            ..Member::default()
        };
        if let Some(f) = addition.node {
            if let Some(other) = self.nodes.get(&f) {
                return Err(Refusal::IsMember(other.clone()));
            }
            let kind = kind_before(&made.accepts);
            (made.f, made.kind) = (Some(f), Some(kind));
            made.prefixes.clone_from(&made.accepts);
            outcome.events.push(Event::Enrolled {
                member,
                f,
                kind,
                prefixes: made.prefixes.clone(),
                invite: None,
            });
        }
        Ok(made)
    }

    pub(super) fn remove(
        &self,
        context: &mut Context<'_>,
        member: &str,
        group: Option<&str>,
    ) -> Result<Outcome, Refusal> {
        let by_address: Option<NodeAddr> = member.parse().ok();
        let named = by_address.and_then(|f| self.nodes.get(&f));
        let name = named.map_or(member, String::as_str);
        let Some(found) = self.members.get(name) else {
            return self.remove_held(context, (member, by_address), group);
        };
        let groups: Vec<&str> = match group {
            Some(group) => {
                self.group(group)?;
                if !found.groups.contains(group) {
                    // A member of the same name may be another server's.
                    let mut called = self.called_elsewhere(member, Some(group));
                    if called.next().is_some() {
                        return self.remove_held(context, (member, by_address), Some(group));
                    }
                    let (member, group) = (member.to_owned(), group.to_owned());
                    return Err(Refusal::NotInGroup { member, group });
                }
                vec![group]
            }
            None => found.groups.iter().map(String::as_str).collect(),
        };
        let mut outcome = Outcome::default();
        for group in groups {
            outcome.events.push(Event::MembershipEnded {
                member: name.to_owned(),
                group: group.to_owned(),
            });
            let there = self.group(group)?;
            let own = there.admissions.get(name).map(|it| it.member);
            let held = found.f.into_iter().flat_map(|f| held_of(there, f));
            let removed: Vec<Membership> = own.into_iter().chain(held).collect();
            let is_managed = there.is_managed_by(context.signer().public());
            if !removed.is_empty() && is_managed {
                self.shut_out(context, group, &removed, true, &mut outcome)?;
            }
        }
        if group.is_none() {
            // The same node may be a partner's member in another group.
            if let Some(f) = found.f {
                let is_left = |it: &str| !found.groups.contains(it);
                self.remove_elsewhere(context, f, is_left, &mut outcome)?;
            }
            outcome.events.extend(self.ended_invites(name));
            let member = name.to_owned();
            outcome.events.push(Event::MemberRemoved { member });
        }
        Ok(outcome)
    }

    /// Removes a member that another server admitted, by its name or its F.
    fn remove_held(
        &self,
        context: &mut Context<'_>,
        (member, f): (&str, Option<NodeAddr>),
        group: Option<&str>,
    ) -> Result<Outcome, Refusal> {
        if let Some(group) = group {
            self.group(group)?;
        }
        let called = self.called_elsewhere(member, group);
        let mut nodes: BTreeSet<NodeAddr> = called.map(|(_, f)| f).collect();
        nodes.extend(f.filter(|f| self.elsewhere.contains_key(f)));
        if nodes.len() > 1 {
            return Err(Refusal::SeveralCalled(member.to_owned()));
        }
        let unknown = || Refusal::NoMember(member.to_owned());
        let f = nodes.pop_first().ok_or_else(unknown)?;
        let mut outcome = Outcome::default();
        let is_meant = |it: &str| group.is_none_or(|group| group == it);
        self.remove_elsewhere(context, f, is_meant, &mut outcome)?;
        if outcome.events.is_empty() {
            return Err(unknown());
        }
        Ok(outcome)
    }

    /// Takes a node out of those groups that a partner admitted it to.
    fn remove_elsewhere(
        &self,
        context: &mut Context<'_>,
        f: NodeAddr,
        which: impl Fn(&str) -> bool,
        outcome: &mut Outcome,
    ) -> Result<(), Refusal> {
        let groups = self.elsewhere.get(&f).into_iter().flatten();
        for name in groups.filter(|name| which(name.as_str())) {
            let removed: Vec<Membership> = held_of(self.group(name)?, f).collect();
            self.shut_out(context, name, &removed, true, outcome)?;
        }
        Ok(())
    }

    /// Whether a member of another server is called so in a group, and is another node.
    pub(super) fn is_called_elsewhere(&self, name: &str, group: &str, f: NodeAddr) -> bool {
        let mut called = self.called_elsewhere(name, Some(group));
        called.any(|(_, other)| other != f)
    }

    fn check_elsewhere(&self, name: &str, group: &str) -> Result<(), Refusal> {
        let mut called = self.called_elsewhere(name, Some(group));
        match called.next() {
            None => Ok(()),
            Some(_) => Err(Refusal::NameElsewhere {
                member: name.to_owned(),
                group: group.to_owned(),
            }),
        }
    }

    /// Signs an admission, unless somebody has to sign in first.
    pub(super) fn admit(
        &self,
        context: &mut Context<'_>,
        name: &str,
        member: &Member,
        f: NodeAddr,
        group: &str,
        outcome: &mut Outcome,
    ) -> Result<(), Refusal> {
        let end = Self::sign_in_end(member, self.group(group)?);
        if context.now_unix_s < end {
            self.admit_anyway(context, name, member, f, group, outcome)?;
        }
        Ok(())
    }

    /// Signs an admission; asks the admins to, if the group is locked.
    pub(super) fn admit_anyway(
        &self,
        context: &mut Context<'_>,
        name: &str,
        member: &Member,
        f: NodeAddr,
        group: &str,
        outcome: &mut Outcome,
    ) -> Result<(), Refusal> {
        let found = self.managed(context, group)?;
        let held = found.held().find(|(node, _)| *node == f);
        if let Some((_, admission)) = held {
            let name = name_in(admission);
            return Err(Refusal::IsMember(name.unwrap_or_else(|| f.to_string())));
        }
        let serial = u64::from_be_bytes(random(context.rng));
        let kind = member.kind.unwrap_or(Kind::Ges);
        let attributes = Attributes {
            name: Some(name.to_owned()),
            prefixes: member.prefixes.clone(),
            site: found.site.clone(),
            roles: member.roles.iter().cloned().collect(),
        };
        let admission = Admission::new(
            found.id,
            Membership { f, serial },
            context.now_unix_s,
            (kind, member.mode_in_force()),
            &attributes,
        );
        let mut admission = admission.map_err(|error| Refusal::Statement(error.to_string()))?;
        if found.genesis.policy != Policy::Managed {
            return ask(found, (name, group), admission, outcome);
        }
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

/// The admissions by which partners' members are in a group, of one node.
fn held_of(group: &Group, f: NodeAddr) -> impl Iterator<Item = Membership> {
    let held = group.held().filter(move |(node, _)| *node == f);
    held.map(|(_, admission)| admission.member)
}
