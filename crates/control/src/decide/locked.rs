//! Locked groups: the server asks the admins to sign what it draws up, or they have certified an invite whose key signs
//! what the joiner is. The server checks it as every member does, and has no way to make one that holds.

use std::collections::BTreeSet;

use group::lock::Lock;
use group::statement::{ADMINS_MAX, Admission, Attributes, PREFIXES_MAX, Policy};
use wire::NodeAddr;

use super::invites::check_prefixes;
use super::{Context, Outcome, Reply, check_name, room};
use crate::MEMBERS_MAX;
use crate::actor::{Actor, InviteId};
use crate::command::{LockedGroups, Refusal};
use crate::event::Event;
use crate::model::{Invite, Member, Tenant};

impl Tenant {
    /// Makes locked groups.
    pub(super) fn create_locked(
        &self,
        context: &mut Context<'_>,
        locked: &LockedGroups,
    ) -> Result<Outcome, Refusal> {
        let mut admins = locked.admins.clone();
        admins.sort_unstable();
        admins.dedup();
        let count = locked.admins.len();
        let is_lock = admins.len() == count
            && (1..=ADMINS_MAX).contains(&count)
            && (1..=count).contains(&usize::from(locked.threshold));
        if !is_lock {
            return Err(Refusal::Lock);
        }
        let policy = Policy::Locked {
            threshold: locked.threshold,
            admins,
        };
        // Each sign-in would take the admins' signatures anew.
        let of = (locked.zone.as_str(), locked.site.as_deref(), None);
        self.create_groups(context, &locked.groups, of, &policy)
    }

    /// A node comes by an invite, with what the invite's key has signed. The invite of the line and that of the
    /// admins are two: this server counts the one and withdraws it, members verify the other.
    pub(super) fn enrol_locked(
        &self,
        context: &mut Context<'_>,
        actor: Actor,
        id: InviteId,
        admission: &Admission,
    ) -> Result<Outcome, Refusal> {
        let Actor::Node { f } = actor else {
            return Err(Refusal::NotANode);
        };
        if let Some(done) = self.enrolled_before(f, id) {
            return Ok(done);
        }
        let invite = self.open_invite(context, id)?;
        let group = self.led_to(context, invite, f, admission)?;
        let attributes = admission.attributes().unwrap_or_default();
        check_prefixes(&attributes.prefixes, PREFIXES_MAX)?;
        let name = self.name_signed(f, invite, attributes.name)?;
        // A removal names one admission: with a second one beside it, it would let the first one stand.
        if self.group(&group)?.admissions.contains_key(&name) {
            return Err(Refusal::InGroup {
                member: name,
                group,
            });
        }
        let mut outcome = Outcome {
            events: vec![Event::InviteUsed { invite: id }],
            reply: Reply::Enrolled {
                member: name.clone(),
            },
            ..Outcome::default()
        };
        let member = self.as_signed(f, id, &name, admission, &mut outcome)?;
        if !member.groups.contains(&group) {
            outcome.events.push(Event::MembershipGranted {
                member: name.clone(),
                group: group.clone(),
            });
        }
        outcome.events.push(Event::Admitted {
            member: name.clone(),
            group: group.clone(),
            admission: admission.encode(),
        });
        // The other groups of the line, if there are any.
        let mut member = member;
        member.groups.remove(&group);
        let others = invite.groups.iter().filter(|it| **it != group);
        let others: Vec<String> = others.cloned().collect();
        self.enter(context, &name, &member, f, &others, &mut outcome)?;
        Ok(outcome)
    }

    /// The member as its admission has it, with its node.
    fn as_signed(
        &self,
        f: NodeAddr,
        id: InviteId,
        name: &str,
        admission: &Admission,
        outcome: &mut Outcome,
    ) -> Result<Member, Refusal> {
        let known = self.members.get(name);
        let said = admission.attributes().unwrap_or_default();
        let (prefixes, mode) = (said.prefixes, Some(admission.mode));
        let roles: BTreeSet<String> = said.roles.into_iter().collect();
        if known.is_none() {
            room(self.members.len(), 1, MEMBERS_MAX, "members")?;
            outcome.events.push(Event::MemberAdded {
                member: name.to_owned(),
                mode,
                accepts: prefixes.clone(),
                roles: roles.clone(),
            });
        }
        outcome.events.push(Event::Enrolled {
            member: name.to_owned(),
            f,
            kind: admission.kind,
            prefixes: prefixes.clone(),
            invite: Some(id),
        });
        Ok(Member {
            f: Some(f),
            kind: Some(admission.kind),
            prefixes,
            ..known.cloned().unwrap_or_else(|| Member {
                mode,
                roles,
                ..Member::default()
            })
        })
    }

    /// The group that an admission is of, if the line leads there and members will take it.
    fn led_to(
        &self,
        context: &Context<'_>,
        invite: &Invite,
        f: NodeAddr,
        admission: &Admission,
    ) -> Result<String, Refusal> {
        let mut groups = self.groups.iter();
        let found = groups.find(|(_, it)| it.id == admission.group);
        let unknown = || Refusal::NotLocked(admission.group.to_string());
        let (name, group) = found.ok_or_else(unknown)?;
        let own = invite.member.as_ref().and_then(|it| self.members.get(it));
        let leads = invite.groups.contains(name) || own.is_some_and(|it| it.groups.contains(name));
        if !leads || group.genesis.policy == Policy::Managed {
            return Err(Refusal::NotLocked(name.clone()));
        }
        let is_gone = group.chain.is_removed(admission.member);
        let holds = admission.holds(context.crypto, &group.genesis, &group.authority);
        if admission.member.f != f || is_gone || !holds {
            return Err(Refusal::NotAdmitted(name.clone()));
        }
        Ok(name.clone())
    }

    /// The member that a node becomes whose name is signed, so that no other can be given to it.
    fn name_signed(
        &self,
        f: NodeAddr,
        invite: &Invite,
        signed: Option<String>,
    ) -> Result<String, Refusal> {
        let name = signed.unwrap_or_default();
        check_name(&name)?;
        if let Some(other) = self.nodes.get(&f).filter(|it| **it != name) {
            return Err(Refusal::IsMember(other.clone()));
        }
        if let Some(meant) = invite.member.as_ref().filter(|it| **it != name) {
            return Err(Refusal::NoMember(meant.clone()));
        }
        let is_other = |it: &Member| match it.f {
            Some(there) => there != f,
            // It was added for somebody who comes by a line of its own.
            None => invite.member.as_ref() != Some(&name),
        };
        match self.members.get(&name).is_some_and(is_other) {
            true => Err(Refusal::NameTaken(name)),
            false => Ok(name),
        }
    }

    /// What the line of an invite says of the locked group that it leads to, if it leads to one alone.
    #[must_use]
    pub fn lock_of(&self, invite: InviteId) -> Option<Lock> {
        let invite = self.invites.get(&invite)?;
        let own = invite.member.as_ref().and_then(|it| self.members.get(it));
        let all = own.into_iter().flat_map(|it| &it.groups);
        let mut groups = invite.groups.iter().chain(all);
        let (name, None) = (groups.next()?, groups.next()) else {
            return None;
        };
        let group = self.groups.get(name)?;
        let genesis = group.genesis.clone();
        genesis.policy.threshold()?;
        let suggested = Attributes {
            name: invite.member.clone(),
            prefixes: own.map(|it| it.accepts.clone()).unwrap_or_default(),
            site: group.site.clone(),
            roles: own
                .map_or(&invite.roles, |it| &it.roles)
                .iter()
                .cloned()
                .collect(),
        };
        Some(Lock {
            name: name.clone(),
            genesis,
            suggested,
            invite: None,
        })
    }
}
