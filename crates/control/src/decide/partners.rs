//! Other servers of a group: naming one, becoming one, taking one out, and what is learnt of them.
//!
//! Whatever a partner says is signed, so it does not matter who brings it: the partner, or a member that
//! was in touch with it.

use group::chain::{Applied, Chain, ChainError, Links, REMOVAL_S};
use group::partner::Charge;
use group::statement::{
    Admission, Authority, EntryBody, Membership, Policy, Rules, SERVERS_MAX, SITE_MAX, Server,
    Signer, is_name,
};
use wire::NodeAddr;

use super::groups::{OVERLAP_AFTER_REMOVAL_S, OVERLAP_S, Writing};
use super::invites::{Invited, check_prefixes, make_invite};
use super::rules::new_rules;
use super::{Context, Outcome, Reply, room};
use crate::actor::{Actor, InviteId};
use crate::command::{InviteTerms, News, Refusal};
use crate::event::Event;
use crate::model::{Group, Tenant};
use crate::partners::removed_by;
use crate::zone::Zone;
use crate::{GROUPS_MAX, MEMBERS_MAX};

impl Tenant {
    /// A line by which another server comes to manage groups with this one.
    pub(super) fn share(
        &self,
        context: &mut Context<'_>,
        groups: &[String],
        life_s: u64,
    ) -> Result<Outcome, Refusal> {
        if groups.is_empty() {
            return Err(Refusal::NoGroups);
        }
        let groups = self.check_groups(groups)?;
        for name in &groups {
            let group = self.managed(context, name)?;
            may_be_shared(name, group)?;
            root_of(context, group, name)?;
            place_in(&group.authority)?;
        }
        let groups = groups.into_iter().map(str::to_owned).collect();
        let terms = InviteTerms {
            uses: 1,
            life_s,
            mode: None,
        };
        let mut outcome = Outcome::default();
        let whom = Invited::Server { groups };
        make_invite(self, context, whom, terms, &mut outcome)?;
        Ok(outcome)
    }

    /// A server comes by such a line.
    pub(super) fn partner_come(
        &self,
        context: &Context<'_>,
        actor: Actor,
        (invite, key): (InviteId, [u8; 32]),
    ) -> Result<Outcome, Refusal> {
        let Actor::Node { f } = actor else {
            return Err(Refusal::NotANode);
        };
        let made = self.invites.get(&invite).ok_or(Refusal::NoInvite)?;
        if !made.is_partners {
            return Err(Refusal::NotForServers);
        }
        if made.came.is_some_and(|it| it != f) {
            return Err(Refusal::NoInvite);
        }
        if made.expires_unix_s <= context.now_unix_s {
            return Err(Refusal::InviteExpired);
        }
        let here = Server { key, f };
        let mut outcome = Outcome::default();
        if made.came.is_none() {
            outcome.events.push(Event::PartnerCame { invite, f });
        }
        for name in &made.groups {
            let group = self.managed(context, name)?;
            may_be_shared(name, group)?;
            let servers = &group.authority.servers;
            if servers.contains(&Some(here)) {
                continue;
            }
            // All groups were named when it came: from this one it was taken out since.
            if made.came.is_some() {
                return Err(Refusal::NoInvite);
            }
            let mut named = servers.iter().flatten();
            if named.any(|it| it.key == key || it.f == f) {
                return Err(Refusal::ServerNamed(f));
            }
            let mut servers = servers.clone();
            let at = place_in(&group.authority)?;
            match servers.get_mut(at) {
                Some(place) => *place = Some(here),
                None => servers.push(Some(here)),
            }
            let authority = statement(context, (name, group), servers)?;
            outcome.events.push(changed(name, &authority));
        }
        Ok(outcome)
    }

    /// Takes a server out of a group, or an instance of this one. What another server has removed stays
    /// removed: this one says it again.
    pub(super) fn unshare(
        &self,
        context: &mut Context<'_>,
        name: &str,
        server: NodeAddr,
    ) -> Result<Outcome, Refusal> {
        let group = self.managed(context, name)?;
        let mut named = group.authority.servers.iter().flatten();
        let out = named.find(|it| it.f == server);
        let out = *out.ok_or_else(|| Refusal::NoServer(server, name.to_owned()))?;
        if out.key == context.signer().public() {
            return self.retire(context, (name, group), server);
        }
        let servers = group.authority.servers.iter();
        let servers = servers.map(|it| it.filter(|server| server.key != out.key));
        let servers: Vec<_> = servers.collect();
        let mut outcome = Outcome::default();
        let index = group.authority.index_of(server);
        let partner = index.and_then(|index| group.partners.get(&index));
        let removals = partner.into_iter().flat_map(|it| it.chain.removals());
        let is_kept = |at: u64| at.saturating_add(REMOVAL_S) > context.now_unix_s;
        let removals = removals.filter(|(member, at)| {
            let is_said = group.chain.is_removed(*member);
            is_kept(*at) && !is_said
        });
        let removals: Vec<Membership> = removals.map(|(member, _)| member).collect();
        let mut writing = self.writing(name)?;
        for member in removals {
            writing.write(context, EntryBody::Removal(member), &mut outcome)?;
        }
        let authority = statement(context, (name, group), servers)?;
        outcome.events.push(changed(name, &authority));
        let rules = group.rules.as_ref();
        let is_void = |it: &&Rules| !it.holds(context.crypto, &group.genesis, &authority);
        if let Some(rules) = rules.filter(is_void) {
            // That server has signed them, so nobody would take them any more.
            let permits = rules.permits.clone();
            let mut anew = new_rules(context, group, &authority, permits)?;
            anew.sign(&context.signer(), group.chain.index());
            outcome.events.push(ruled((name, group), &anew));
        }
        // Its members held the secrets of this chain.
        writing.begin_epoch(context, OVERLAP_AFTER_REMOVAL_S, &mut outcome)?;
        Ok(outcome)
    }

    /// This server manages groups with another, which has named it, from now on.
    pub(super) fn take(
        &self,
        context: &mut Context<'_>,
        charges: &[Charge],
    ) -> Result<Outcome, Refusal> {
        let mut outcome = Outcome::default();
        let mut groups = Vec::new();
        for charge in charges {
            groups.push(charge.name.clone());
            self.take_one(context, charge, &mut outcome)?;
        }
        outcome.reply = Reply::Shared { groups };
        // What another server gives decides much here: nothing is written down that could not be read again.
        let mut after = self.clone();
        for event in &outcome.events {
            let applied = after.apply(context.crypto, event);
            applied.map_err(|error| Refusal::Statement(error.to_string()))?;
        }
        Ok(outcome)
    }

    fn take_one(
        &self,
        context: &mut Context<'_>,
        charge: &Charge,
        outcome: &mut Outcome,
    ) -> Result<(), Refusal> {
        let (name, authority) = (charge.name.as_str(), &charge.authority);
        let id = charge.genesis.id(context.crypto);
        let is_signed = authority.is_signed_by(context.crypto, &charge.genesis.root_key);
        let key = context.signer().public();
        let named = authority.servers.iter().flatten();
        let is_named = named.copied().any(|it| {
            it == Server {
                key,
                f: context.server.f,
            }
        });
        // A place of another key with this server's F would make its chain that key's.
        let index = authority.index_of(context.server.f).filter(|index| {
            let there = authority.server(*index);
            is_named && there.is_some_and(|it| it.key == key)
        });
        let (Some(index), true, true) = (index, is_signed, authority.group == id) else {
            return Err(Refusal::NotManaged(name.to_owned()));
        };
        if let Some((own_name, known)) = self.group_of(id) {
            if known.chain.index() == index {
                outcome.events.extend(newer((own_name, known), authority));
                let rules = charge.rules.as_deref();
                let rules = newer_rules(context, (own_name, known), authority, rules);
                outcome.events.extend(rules);
                return Ok(());
            }
            // It was here once, at another place: what it signed there counts no more.
            let members = known.admissions.keys().cloned();
            outcome.events.extend(members.map(|member| {
                let group = own_name.to_owned();
                Event::MembershipEnded { member, group }
            }));
        }
        let other = self.groups.get(name).filter(|it| it.id != id);
        if other.is_some() {
            return Err(Refusal::GroupExists(name.to_owned()));
        }
        if !is_name(name) {
            return Err(Refusal::Name(name.to_owned()));
        }
        let zone = Zone::named(&charge.zone).ok_or_else(|| Refusal::Zone(charge.zone.clone()))?;
        check_prefixes(&charge.site, SITE_MAX)?;
        room(self.groups.len(), 1, GROUPS_MAX, "groups")?;
        outcome.events.push(Event::GroupTaken {
            group: name.to_owned(),
            zone: charge.zone.clone(),
            site: charge.site.clone(),
            genesis: charge.genesis.encode(),
            authority: authority.encode(),
            index,
        });
        let holds = |it: &&Rules| it.holds(context.crypto, &charge.genesis, authority);
        let rules = charge.rules.as_deref().filter(|it| it.serial > 0);
        if let Some(rules) = rules.filter(holds) {
            outcome.events.push(Event::RulesSet {
                group: name.to_owned(),
                rules: Some(rules.encode()),
                tests: Vec::new(),
            });
        }
        Writing::new(name, id, index, &zone).begin_epoch(context, OVERLAP_S, outcome)
    }

    /// What a partner has said, whoever brings it. What does not hold, or is known, is left out.
    pub(super) fn learn(&self, context: &mut Context<'_>, news: &News) -> Result<Outcome, Refusal> {
        let mut outcome = Outcome::default();
        let Some((name, group)) = self.group_of(news.group) else {
            return Ok(outcome);
        };
        let mut authority = &group.authority;
        if let Some(told) = &news.authority
            && told.is_signed_by(context.crypto, &group.genesis.root_key)
            && let Some(event) = newer((name, group), told)
        {
            authority = told;
            outcome.events.push(event);
        }
        let rules = newer_rules(context, (name, group), authority, news.rules.as_deref());
        outcome.events.extend(rules);
        if let Some(links) = &news.links {
            self.learn_entries(context, (name, group), links, &mut outcome)?;
        }
        let known = group.held().count();
        let mut more = 0;
        for admission in &news.admissions {
            let fits = known.saturating_add(more) < MEMBERS_MAX;
            if fits && is_partners(context, group, admission) {
                more += 1;
                outcome.events.push(Event::PartnerAdmitted {
                    group: name.to_owned(),
                    admission: admission.encode(),
                });
            }
        }
        Ok(outcome)
    }

    fn learn_entries(
        &self,
        context: &mut Context<'_>,
        (name, group): (&str, &Group),
        links: &Links,
        outcome: &mut Outcome,
    ) -> Result<(), Refusal> {
        if links.index == group.chain.index() {
            return Ok(());
        }
        let known = group.partners.get(&links.index).map(|it| &it.chain);
        // One that only admissions are known of begins where its entries do.
        let known = known.filter(|chain| chain.head().number > 0).cloned();
        let mut chain = known.unwrap_or_else(|| Chain::new(group.id, links.index, links.after));
        let mut is_in = false;
        for entry in &links.entries {
            match chain.apply(context.crypto, &group.authority, entry.clone()) {
                Ok(Applied::New) => {}
                Ok(Applied::Known) => continue,
                Err(error) => {
                    outcome.reply = match error {
                        ChainError::Gap { .. } => Reply::Gap,
                        ChainError::Fork(_) => Reply::Forked(links.index),
                        _ => Reply::Done,
                    };
                    break;
                }
            }
            outcome.events.push(Event::PartnerEntry {
                group: name.to_owned(),
                entry: entry.encode(),
            });
            let Some(removed) = removed_by(entry) else {
                continue;
            };
            let mut own = group.admissions.iter();
            let own = own.find(|(_, it)| it.member == removed);
            if let Some((member, _)) = own {
                outcome.events.push(Event::MembershipEnded {
                    member: member.clone(),
                    group: name.to_owned(),
                });
            }
            let is_held = group.held().any(|(_, it)| it.member == removed);
            is_in |= own.is_some() || is_held;
        }
        // Whoever was removed there held secrets of this chain, too.
        if is_in && group.is_managed_by(context.signer().public()) {
            let mut writing = self.writing(name)?;
            writing.begin_epoch(context, OVERLAP_AFTER_REMOVAL_S, outcome)?;
        }
        Ok(())
    }

    /// A group that this server manages still.
    pub(super) fn managed(&self, context: &Context<'_>, name: &str) -> Result<&Group, Refusal> {
        let group = self.group(name)?;
        let is_managed = group.is_managed_by(context.signer().public());
        let refusal = || Refusal::NotManaged(name.to_owned());
        is_managed.then_some(group).ok_or_else(refusal)
    }
}

/// The event of a newer statement about the servers of a group.
fn newer((name, group): (&str, &Group), authority: &Authority) -> Option<Event> {
    let is_newer = authority.serial > group.authority.serial && authority.group == group.id;
    is_newer.then(|| changed(name, authority))
}

pub(super) fn changed(name: &str, authority: &Authority) -> Event {
    Event::AuthorityChanged {
        group: name.to_owned(),
        authority: authority.encode(),
    }
}

/// The event of newer rules of a group, if they hold by a statement about its servers. What this server tests stays.
fn newer_rules(
    context: &Context<'_>,
    (name, group): (&str, &Group),
    authority: &Authority,
    rules: Option<&Rules>,
) -> Option<Event> {
    // By whom the servers in force are named: what is told may be older than what is known.
    let authority = match authority.serial > group.authority.serial {
        true => authority,
        false => &group.authority,
    };
    let known = group.rules_rank(context.crypto, authority);
    let newer = rules.filter(|it| it.serial > known);
    let newer = newer.filter(|it| it.holds(context.crypto, &group.genesis, authority));
    newer.map(|rules| ruled((name, group), rules))
}

fn ruled((name, group): (&str, &Group), rules: &Rules) -> Event {
    Event::RulesSet {
        group: name.to_owned(),
        rules: Some(rules.encode()),
        tests: group.tests.clone(),
    }
}

/// Whether several servers can manage a group at all.
fn may_be_shared(name: &str, group: &Group) -> Result<(), Refusal> {
    if group.genesis.policy != Policy::Managed {
        return Err(Refusal::SharedLocked(name.to_owned()));
    }
    match group.sign_in_s {
        Some(_) => Err(Refusal::SharedSignIn(name.to_owned())),
        None => Ok(()),
    }
}

/// A new statement about a group's servers, by its root key.
pub(super) fn statement(
    context: &Context<'_>,
    (name, group): (&str, &Group),
    servers: Vec<Option<Server>>,
) -> Result<Authority, Refusal> {
    let seed = root_of(context, group, name)?;
    let root = Signer {
        crypto: context.crypto,
        seed: &seed,
    };
    let serial = group.authority.serial.saturating_add(1);
    Ok(Authority::issue(
        &root,
        group.id,
        serial,
        context.now_unix_s,
        servers,
    ))
}

/// The seed of a group's root key.
fn root_of(context: &Context<'_>, group: &Group, name: &str) -> Result<[u8; 32], Refusal> {
    let seed = (context.roots)(group.id);
    let is_it = |seed: &[u8; 32]| context.crypto.ed25519_public(seed) == group.genesis.root_key;
    let refusal = || Refusal::NoRoot(name.to_owned());
    seed.filter(is_it).ok_or_else(refusal)
}

/// Where another server has its place.
fn place_in(authority: &Authority) -> Result<usize, Refusal> {
    let servers = &authority.servers;
    let vacant = servers.iter().position(Option::is_none);
    let at = vacant.unwrap_or(servers.len());
    let (what, most) = ("servers", SERVERS_MAX);
    (at < most)
        .then_some(at)
        .ok_or(Refusal::Full { what, most })
}

/// Whether a partner signed an admission that is not known here and that nobody has removed.
fn is_partners(context: &Context<'_>, group: &Group, admission: &Admission) -> bool {
    let index = admission.signers().next();
    let held = index.and_then(|index| group.partners.get(&index));
    let held = held.and_then(|it| it.members.get(&admission.member.f));
    let is_known = held.is_some_and(|it| it.admission == *admission);
    index != Some(group.chain.index())
        && !is_known
        && !group.is_removed(admission.member)
        && admission.holds(context.crypto, &group.genesis, &group.authority)
}
