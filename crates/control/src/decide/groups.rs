//! Groups and their epochs.

use std::collections::BTreeSet;

use group::chain::{Chain, Head};
use group::epochs::EpochSecret;
use group::statement::{
    Authority, Entry, EntryBody, EpochEntry, Genesis, GroupId, Membership, Policy, SERVERS_MAX,
    SITE_MAX, Server, Signer, is_name,
};
use identity::crypto::random;
use wire::Prefix;

use super::invites::check_prefixes;
use super::users::check_period;
use super::{Context, Outcome, SecretOf, room};
use crate::command::Refusal;
use crate::event::Event;
use crate::model::{Group, Tenant};
use crate::zone::Zone;
use crate::{EPOCHS_AHEAD, GROUPS_MAX};

/// The index of the server that creates a group.
const FIRST_INDEX: u8 = 0;
/// How long the epoch before counts after a change, in seconds.
pub(super) const OVERLAP_S: u16 = 90;
/// The same after a removal.
pub(super) const OVERLAP_AFTER_REMOVAL_S: u16 = 10;

impl Tenant {
    /// How this server is used: whether its node is in the groups that it makes, and what they
    /// protect. A node that is a member already stays one.
    pub(super) fn serve(
        &self,
        context: &Context<'_>,
        site: Option<&[Prefix]>,
    ) -> Result<Outcome, Refusal> {
        let site = site.unwrap_or(&self.site);
        check_prefixes(site, SITE_MAX)?;
        let apart = self.apart || !self.nodes.contains_key(&context.server.f);
        let mut outcome = Outcome::default();
        if apart != self.apart || site != self.site {
            let site = site.to_vec();
            outcome.events.push(Event::ServerSet { apart, site });
        }
        Ok(outcome)
    }

    pub(super) fn create_groups(
        &self,
        context: &mut Context<'_>,
        groups: &[String],
        (zone_name, site, sign_in_s): (&str, Option<&[Prefix]>, Option<u64>),
        policy: &Policy,
    ) -> Result<Outcome, Refusal> {
        check_period(sign_in_s)?;
        if groups.is_empty() {
            return Err(Refusal::NoGroups);
        }
        room(self.groups.len(), groups.len(), GROUPS_MAX, "groups")?;
        let site = site.unwrap_or(&self.site);
        check_prefixes(site, SITE_MAX)?;
        // The other instances of this server tell of the groups as soon as this one.
        let key = context.signer().public();
        let here = context.server.f;
        let others = self.instances_of(key).into_iter().filter(|f| *f != here);
        let servers = std::iter::once(here).chain(others).take(SERVERS_MAX);
        let servers: Vec<_> = servers.map(|f| Some(Server { key, f })).collect();
        let mut outcome = Outcome::default();
        let mut new = BTreeSet::new();
        for group in groups {
            if self.groups.contains_key(group) || !new.insert(group) {
                return Err(Refusal::GroupExists(group.clone()));
            }
            let terms = (zone_name, site, sign_in_s, policy);
            create_group(context, group, terms, &servers, &mut outcome)?;
        }
        Ok(outcome)
    }

    pub(super) fn rotate(
        &self,
        context: &mut Context<'_>,
        group: &str,
    ) -> Result<Outcome, Refusal> {
        let mut outcome = Outcome::default();
        self.managed(context, group)?;
        let mut writing = self.writing(group)?;
        writing.begin_epoch(context, OVERLAP_S, &mut outcome)?;
        Ok(outcome)
    }

    /// What is due: epochs ahead, invites, administrators and sign-ins that are over.
    pub(super) fn tick(&self, context: &mut Context<'_>) -> Result<Outcome, Refusal> {
        let mut outcome = Outcome::default();
        let key = context.signer().public();
        for (name, group) in self.groups.iter().filter(|(_, it)| it.is_managed_by(key)) {
            if to_come(&group.chain, context.now_unix_s).count() < EPOCHS_AHEAD {
                // One that is full keeps no other from its epochs.
                let mut ahead = Outcome::default();
                if self.writing(name)?.write_ahead(context, &mut ahead).is_ok() {
                    outcome.events.extend(ahead.events);
                    outcome.secrets.extend(ahead.secrets);
                }
            }
        }
        let is_over = |expires: u64| expires <= context.now_unix_s;
        for (invite, made) in &self.invites {
            if is_over(made.expires_unix_s) {
                let invite = *invite;
                outcome.events.push(Event::InviteEnded { invite });
            }
        }
        for (admin, made) in &self.admins {
            if made.expires_unix_s.is_some_and(is_over) {
                let admin = *admin;
                outcome.events.push(Event::AdminRemoved { admin });
            }
        }
        self.sign_ins_over(context.now_unix_s, &mut outcome);
        Ok(outcome)
    }

    /// Removes admissions from a group's chain, and begins an epoch that they do not know, if
    /// `changes` says so.
    pub(super) fn shut_out(
        &self,
        context: &mut Context<'_>,
        group: &str,
        members: &[Membership],
        changes: bool,
        outcome: &mut Outcome,
    ) -> Result<(), Refusal> {
        self.managed(context, group)?;
        let mut writing = self.writing(group)?;
        for member in members {
            writing.write(context, EntryBody::Removal(*member), outcome)?;
        }
        if changes {
            writing.begin_epoch(context, OVERLAP_AFTER_REMOVAL_S, outcome)?;
        }
        Ok(())
    }

    /// Removes an admission that another one stands in for. The member knows the epochs and stays.
    pub(super) fn replace(
        &self,
        context: &Context<'_>,
        group: &str,
        member: Membership,
        outcome: &mut Outcome,
    ) -> Result<(), Refusal> {
        self.managed(context, group)?;
        let mut writing = self.writing(group)?;
        writing.write(context, EntryBody::Removal(member), outcome)
    }

    pub(super) fn group(&self, name: &str) -> Result<&Group, Refusal> {
        let found = self.groups.get(name);
        found.ok_or_else(|| Refusal::NoGroup(name.to_owned()))
    }

    pub(super) fn writing<'a>(&'a self, name: &'a str) -> Result<Writing<'a>, Refusal> {
        let group = self.group(name)?;
        Ok(Writing {
            name,
            id: group.id,
            chain: group.chain.clone(),
            zone: &group.zone,
        })
    }
}

/// One new group.
fn create_group(
    context: &mut Context<'_>,
    group: &str,
    (zone_name, site, sign_in_s, policy): (&str, &[Prefix], Option<u64>, &Policy),
    servers: &[Option<Server>],
    outcome: &mut Outcome,
) -> Result<(), Refusal> {
    if !is_name(group) {
        return Err(Refusal::Name(group.to_owned()));
    }
    let zone = Zone::named(zone_name).ok_or_else(|| Refusal::Zone(zone_name.to_owned()))?;
    let root_seed: [u8; 32] = random(context.rng);
    let root = Signer {
        crypto: context.crypto,
        seed: &root_seed,
    };
    let genesis = Genesis {
        policy: policy.clone(),
        root_key: root.public(),
        salt: random(context.rng),
    };
    let id = genesis.id(context.crypto);
    let authority = Authority::issue(&root, id, 1, context.now_unix_s, servers.to_vec());
    outcome.events.push(Event::GroupCreated {
        group: group.to_owned(),
        zone: zone_name.to_owned(),
        site: site.to_vec(),
        sign_in_s,
        genesis: genesis.encode(),
        authority: authority.encode(),
    });
    outcome.root_seeds.push((id, root_seed));
    let mut writing = Writing::new(group, id, FIRST_INDEX, &zone);
    writing.begin_epoch(context, OVERLAP_S, outcome)
}

/// A chain that is being written on; the tenant's own stays as it is.
pub(super) struct Writing<'a> {
    name: &'a str,
    id: GroupId,
    chain: Chain,
    zone: &'a Zone,
}

impl<'a> Writing<'a> {
    /// On a chain that begins.
    pub(super) fn new(name: &'a str, id: GroupId, index: u8, zone: &'a Zone) -> Self {
        Self {
            name,
            id,
            chain: Chain::new(id, index, Head::default()),
            zone,
        }
    }
}

impl Writing<'_> {
    /// An epoch that is in force now, and those to come, which are new.
    pub(super) fn begin_epoch(
        &mut self,
        context: &mut Context<'_>,
        overlap_s: u16,
        outcome: &mut Outcome,
    ) -> Result<(), Refusal> {
        let now = context.now_unix_s;
        self.write_epoch(context, now, overlap_s, outcome)?;
        self.write_ahead(context, outcome)
    }

    /// Epochs to come, until there are enough.
    fn write_ahead(
        &mut self,
        context: &mut Context<'_>,
        outcome: &mut Outcome,
    ) -> Result<(), Refusal> {
        let now = context.now_unix_s;
        let to_come: Vec<u64> = to_come(&self.chain, now).collect();
        let mut last = to_come.last().copied().unwrap_or(now);
        for _ in to_come.len()..EPOCHS_AHEAD {
            last = self.zone.next_change(self.id, last);
            self.write_epoch(context, last, OVERLAP_S, outcome)?;
        }
        Ok(())
    }

    fn write_epoch(
        &mut self,
        context: &mut Context<'_>,
        activates_unix_s: u64,
        overlap_s: u16,
        outcome: &mut Outcome,
    ) -> Result<(), Refusal> {
        let secret = EpochSecret::new(random(context.rng));
        let number = self.chain.last_epoch().saturating_add(1);
        let epoch = EpochEntry {
            number,
            activates_unix_s,
            overlap_s,
            secret_hash: secret.hash(context.crypto),
        };
        self.write(context, EntryBody::Epoch(epoch), outcome)?;
        let group = self.id;
        outcome.secrets.push((SecretOf { group, number }, secret));
        Ok(())
    }

    pub(super) fn write(
        &mut self,
        context: &Context<'_>,
        body: EntryBody,
        outcome: &mut Outcome,
    ) -> Result<(), Refusal> {
        let written: Result<Entry, _> =
            self.chain
                .write(&context.signer(), context.now_unix_s, body);
        let entry = written.map_err(|error| Refusal::Statement(error.to_string()))?;
        outcome.events.push(Event::Entry {
            group: self.name.to_owned(),
            entry: entry.encode(),
        });
        Ok(())
    }
}

/// When the epochs of a chain that are to come will activate, Unix seconds.
fn to_come(chain: &Chain, now_unix_s: u64) -> impl Iterator<Item = u64> {
    let valid = chain.epochs().filter(|it| it.cancelled_unix_s.is_none());
    let moments = valid.map(|it| it.entry.activates_unix_s);
    moments.filter(move |at| *at > now_unix_s)
}
