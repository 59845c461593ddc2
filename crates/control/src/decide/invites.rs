//! Invites, and those who come by them.

use std::collections::BTreeSet;

use identity::crypto::random;

use super::rules::check_roles;
use super::{Context, Outcome, Reply, check_name, room};
use crate::actor::{Actor, InviteId};
use crate::command::{Enrolment, InviteTerms, Refusal};
use crate::event::Event;
use crate::model::{Invite, Member, Tenant};
use crate::{INVITE_S_MAX, INVITES_MAX, MEMBERS_MAX};
use group::Kind;
use group::statement::PREFIXES_MAX;
use wire::{NodeAddr, Prefix};

/// Whether these may lie behind a member, and are not too many.
pub(super) fn check_prefixes(prefixes: &[Prefix], most: usize) -> Result<(), Refusal> {
    if prefixes.len() > most {
        let what = "prefixes";
        return Err(Refusal::Full { what, most });
    }
    let mut all = prefixes.iter();
    match all.find(|prefix| !prefix.may_be_announced()) {
        Some(prefix) => Err(Refusal::Prefix(*prefix)),
        None => Ok(()),
    }
}

impl Tenant {
    /// Invites several to become members.
    pub(super) fn invite(
        &self,
        context: &mut Context<'_>,
        groups: &[String],
        roles: &BTreeSet<String>,
        terms: InviteTerms,
    ) -> Result<Outcome, Refusal> {
        if groups.is_empty() {
            return Err(Refusal::NoGroups);
        }
        check_roles(roles)?;
        let groups = self.check_groups(groups)?;
        let groups = groups.into_iter().map(str::to_owned).collect();
        let mut outcome = Outcome::default();
        let whom = Invited::Anybody { groups, roles };
        make_invite(self, context, whom, terms, &mut outcome)?;
        Ok(outcome)
    }

    /// Invites the node of a member; an earlier invite for it is good for nothing from then on.
    pub(super) fn invite_member(
        &self,
        context: &mut Context<'_>,
        member: &str,
        life_s: u64,
        outcome: &mut Outcome,
    ) -> Result<(), Refusal> {
        outcome.events.extend(self.ended_invites(member));
        // It has its mode already.
        let terms = InviteTerms {
            uses: 1,
            life_s,
            mode: None,
        };
        make_invite(self, context, Invited::Member(member), terms, outcome)
    }

    /// The end of the invites for the node of a member.
    pub(super) fn ended_invites(&self, member: &str) -> impl Iterator<Item = Event> {
        let invites = self.invites.iter();
        let own = invites.filter(move |(_, made)| made.member.as_deref() == Some(member));
        own.map(|(invite, _)| Event::InviteEnded { invite: *invite })
    }

    pub(super) fn withdraw(&self, invite: InviteId) -> Result<Outcome, Refusal> {
        if !self.invites.contains_key(&invite) {
            return Err(Refusal::NoInvite);
        }
        Ok(Outcome {
            events: vec![Event::InviteEnded { invite }],
            ..Outcome::default()
        })
    }

    /// A node comes by an invite that it has proven.
    pub(super) fn enrol(
        &self,
        context: &mut Context<'_>,
        actor: Actor,
        enrolment: &Enrolment,
    ) -> Result<Outcome, Refusal> {
        let Actor::Node { f } = actor else {
            return Err(Refusal::NotANode);
        };
        if let Some(done) = self.enrolled_before(f, enrolment.invite) {
            return Ok(done);
        }
        let invite = self.open_invite(context, enrolment.invite)?;
        check_prefixes(&enrolment.prefixes, PREFIXES_MAX)?;
        let name = self.name_of(f, invite, enrolment)?;
        let mut outcome = Outcome {
            events: vec![Event::InviteUsed {
                invite: enrolment.invite,
            }],
            reply: Reply::Enrolled {
                member: name.clone(),
            },
            ..Outcome::default()
        };
        let known = self.members.get(&name);
        if known.is_none() {
            room(self.members.len(), 1, MEMBERS_MAX, "members")?;
            outcome.events.push(Event::MemberAdded {
                member: name.clone(),
                mode: invite.mode,
                accepts: Vec::new(),
                roles: invite.roles.clone(),
            });
        }
        let before = known.cloned().unwrap_or_else(|| Member {
            mode: invite.mode,
            roles: invite.roles.clone(),
            ..Member::default()
        });
        let (kind, prefixes) = behind(enrolment, &before.accepts);
        let member = Member {
            f: Some(f),
            kind: Some(kind),
            prefixes: prefixes.clone(),
            ..before
        };
        outcome.events.push(Event::Enrolled {
            member: name.clone(),
            f,
            kind,
            prefixes,
            invite: Some(enrolment.invite),
        });
        self.enter(context, &name, &member, f, &invite.groups, &mut outcome)?;
        Ok(outcome)
    }

    /// An invite that makes members, and is good for something.
    pub(super) fn open_invite(
        &self,
        context: &Context<'_>,
        invite: InviteId,
    ) -> Result<&Invite, Refusal> {
        let invite = self.invites.get(&invite).ok_or(Refusal::NoInvite)?;
        if invite.is_partners {
            return Err(Refusal::ForServers);
        }
        match invite.expires_unix_s <= context.now_unix_s {
            true => Err(Refusal::InviteExpired),
            false => Ok(invite),
        }
    }

    /// The same node comes by the same invite again: the answer was lost on its way.
    pub(super) fn enrolled_before(&self, f: NodeAddr, invite: InviteId) -> Option<Outcome> {
        let name = self.nodes.get(&f)?;
        let came_by = self.members.get(name)?.came_by;
        let member = name.clone();
        (came_by == Some(invite)).then(|| Outcome {
            reply: Reply::Enrolled { member },
            ..Outcome::default()
        })
    }

    /// Admits a member that has a node now to its groups, and to those of the invite.
    pub(super) fn enter(
        &self,
        context: &mut Context<'_>,
        name: &str,
        member: &Member,
        f: NodeAddr,
        invited_to: &[String],
        outcome: &mut Outcome,
    ) -> Result<(), Refusal> {
        let is_admitted = |group: &str| {
            self.groups
                .get(group)
                .is_some_and(|it| it.admissions.contains_key(name))
        };
        for group in &member.groups {
            if !is_admitted(group) {
                self.admit(context, name, member, f, group, outcome)?;
            }
        }
        // A group may have gone since the invite was made.
        let there = invited_to
            .iter()
            .filter(|group| self.groups.contains_key(*group));
        for group in there.filter(|group| !member.groups.contains(*group)) {
            outcome.events.push(Event::MembershipGranted {
                member: name.to_owned(),
                group: group.clone(),
            });
            self.admit(context, name, member, f, group, outcome)?;
        }
        Ok(())
    }

    /// The member that a node becomes, or is.
    fn name_of(
        &self,
        f: NodeAddr,
        invite: &Invite,
        enrolment: &Enrolment,
    ) -> Result<String, Refusal> {
        let is_already = self.nodes.get(&f);
        if let Some(name) = &invite.member {
            if let Some(other) = is_already {
                return Err(Refusal::IsMember(other.clone()));
            }
            let has_node = self.members.get(name).is_some_and(|it| it.f.is_some());
            return if has_node {
                Err(Refusal::HasNode(name.clone()))
            } else {
                Ok(name.clone())
            };
        }
        if let Some(name) = is_already {
            return Ok(name.clone());
        }
        let wanted = enrolment.name.as_deref().unwrap_or("node");
        check_name(wanted)?;
        let mut groups = invite.groups.iter();
        let is_elsewhere = |group: &String| self.is_called_elsewhere(wanted, group, f);
        if !self.members.contains_key(wanted) && !groups.any(is_elsewhere) {
            return Ok(wanted.to_owned());
        }
        // The end of its address tells it from the others.
        let [.., a, b, c, d] = *f.as_bytes();
        let wanted: String = wanted.chars().take(12).collect();
        let name = format!("{wanted}-{a:02x}{b:02x}{c:02x}{d:02x}");
        if self.members.contains_key(&name) {
            return Err(Refusal::IsMember(name));
        }
        Ok(name)
    }
}

/// Whom an invite is for.
pub(super) enum Invited<'a> {
    /// The node of this member.
    Member(&'a str),
    /// Whoever comes, as a new member.
    Anybody {
        groups: Vec<String>,
        roles: &'a BTreeSet<String>,
    },
    /// Another server, which is to manage these groups, too.
    Server { groups: Vec<String> },
}

pub(super) fn make_invite(
    tenant: &Tenant,
    context: &mut Context<'_>,
    whom: Invited<'_>,
    terms: InviteTerms,
    outcome: &mut Outcome,
) -> Result<(), Refusal> {
    if terms.uses == 0 || !(1..=INVITE_S_MAX).contains(&terms.life_s) {
        return Err(Refusal::Terms);
    }
    room(tenant.invites.len(), 1, INVITES_MAX, "invites")?;
    let secret: [u8; 16] = random(context.rng);
    let expires_unix_s = context.now_unix_s.saturating_add(terms.life_s);
    let invite = InviteId(context.crypto.invite_id(&secret));
    let partner = matches!(whom, Invited::Server { .. });
    let (member, groups, roles) = match whom {
        Invited::Member(name) => (Some(name.to_owned()), Vec::new(), BTreeSet::new()),
        Invited::Anybody { groups, roles } => (None, groups, roles.clone()),
        Invited::Server { groups } => (None, groups, BTreeSet::new()),
    };
    outcome.events.push(Event::InviteMade {
        invite,
        member,
        groups,
        uses: terms.uses,
        mode: terms.mode,
        roles,
        expires_unix_s,
        partner,
    });
    outcome.reply = Reply::Invited {
        invite,
        secret,
        expires_unix_s,
    };
    Ok(())
}

/// What a node is before this: nothing, single servers, or networks.
pub(super) fn kind_before(accepts: &[Prefix]) -> Kind {
    match accepts {
        [] => Kind::Ges,
        servers if servers.iter().all(|it| it.is_host()) => Kind::Gea,
        _ => Kind::Gen,
    }
}

/// What a node is, and what lies behind it: what it says itself, as far as its administrator accepts
/// that; all that is accepted, if it says nothing.
fn behind(enrolment: &Enrolment, accepts: &[Prefix]) -> (Kind, Vec<Prefix>) {
    if enrolment.prefixes.is_empty() && !accepts.is_empty() {
        return (kind_before(accepts), accepts.to_vec());
    }
    let accepted = |it: &&Prefix| accepts.iter().any(|there| there.covers(**it));
    let prefixes = enrolment.prefixes.iter().filter(accepted);
    (enrolment.kind, prefixes.copied().collect())
}
