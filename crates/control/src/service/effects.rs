//! What events mean for the nodes in touch.
//!
//! Removals go out before anything else of the same order: one small entry to each member in touch,
//! without a secret, and to the leaver. Epochs follow, with their secrets.

use std::collections::{BTreeMap, BTreeSet};

use group::agent::{AgentMessage, Given, ToMember};
use group::chain::{Head, Links};
use group::keyring::Welcome;
use group::message::Message;
use group::statement::{Entry, EntryBody, GroupId};
use wire::NodeAddr;

use super::{Effect, OrderError, Service, Store};
use crate::audit::Record;
use crate::decide::SecretOf;
use crate::event::Event;
use crate::model::{Group, Tenant};

impl Service {
    /// Makes records so that were written, and tells whom they concern.
    pub(super) fn follow(
        &mut self,
        store: &dyn Store,
        now_unix_s: u64,
        records: &[Record],
    ) -> Result<(), OrderError> {
        let mut leavers = Vec::new();
        let mut grown: BTreeMap<GroupId, (String, Vec<Entry>)> = BTreeMap::new();
        let mut admitted = Vec::new();
        let mut elsewhere = Vec::new();
        let mut ruled = Vec::new();
        let mut replaced = Vec::new();
        let mut signed = SignedSince::default();
        for record in records {
            if let Event::MemberRemoved { member } = &record.event {
                leavers.extend(self.tenant.members.get(member).and_then(|it| it.f));
            }
            if let Event::Admitted { member, group, .. } = &record.event {
                let group_before = self.tenant.groups.get(group);
                let had_one = group_before.is_some_and(|it| it.admissions.contains_key(member));
                let of = if had_one {
                    &mut replaced
                } else {
                    &mut admitted
                };
                of.push((member.clone(), group.clone()));
            }
            self.tenant.apply(&*self.keys.crypto, &record.event)?;
            signed.note(&self.tenant, &record.event);
            match &record.event {
                Event::RulesSet {
                    group,
                    rules: Some(_),
                    ..
                } => ruled.push(group.clone()),
                Event::Enrolled { f, .. } => self.effect(Effect::Enter(*f)),
                Event::AuthorityChanged { group, .. } => elsewhere.push(group.clone()),
                Event::Entry { group, entry } => {
                    // It was applied, so it decodes.
                    if let Ok(entry) = Entry::decode(entry) {
                        let of = grown.entry(entry.group).or_default();
                        of.0.clone_from(group);
                        of.1.push(entry);
                    }
                }
                _ => {}
            }
        }
        let SignedSince { told, anew } = signed;
        // Before anything else: a node that is in no group any more keeps its server to sign in at.
        let told = told.iter().filter_map(|it| self.tell_member_sign_ins(it));
        let told: Vec<NodeAddr> = told.collect();
        // Who has another admission instead of one is to have it before it hears that the one is gone.
        for (member, group) in replaced {
            self.tell_admitted(store, now_unix_s, &member, &group);
        }
        for (name, entries) in grown.values() {
            self.tell_removals(name, entries);
        }
        for f in leavers {
            self.online.remove(&f);
            self.effect(Effect::Leave(f));
        }
        for (group, (name, entries)) in grown {
            self.tell_epochs((store, now_unix_s), group, &name, &entries);
        }
        for one in anew {
            if !admitted.contains(&one) {
                admitted.push(one);
            }
        }
        for group in elsewhere {
            let authority = |it: &Group| Some(Message::Authority(it.authority.clone()));
            self.tell_members(now_unix_s, &group, authority);
        }
        for group in ruled {
            let rules = |it: &Group| Some(Message::Rules(Box::new(it.rules.clone()?)));
            self.tell_members(now_unix_s, &group, rules);
        }
        for (member, group) in admitted {
            self.tell_admitted(store, now_unix_s, &member, &group);
        }
        for f in told {
            self.tell_current(f);
        }
        Ok(())
    }

    /// Tells members in touch something of their group, but those who have to sign in first.
    fn tell_members(
        &mut self,
        now_unix_s: u64,
        name: &str,
        what: impl Fn(&Group) -> Option<Message>,
    ) {
        let Some(message) = self.tenant.groups.get(name).and_then(what) else {
            return;
        };
        for to in self.members_in_force(now_unix_s, name) {
            self.tell(to, ToMember::Member(message.clone()));
            self.tell_current(to);
        }
    }

    fn tell_removals(&mut self, name: &str, entries: &[Entry]) {
        for entry in entries {
            let EntryBody::Removal(leaver) = entry.body else {
                continue;
            };
            let mut told = self.members_online(name);
            if self.online.contains_key(&leaver.f) {
                told.push(leaver.f);
            }
            for to in told {
                let links = after_itself(std::slice::from_ref(entry));
                let group = entry.group;
                self.tell(to, ToMember::Member(Message::Entries { group, links }));
            }
        }
    }

    /// Epochs of one group, in the order of its chain, and what goes with them. A removal among them
    /// is sent once more where it stands between two epochs, so that nothing is missing.
    ///
    /// Who has to sign in first is told neither.
    fn tell_epochs(
        &mut self,
        (store, now_unix_s): (&dyn Store, u64),
        group: GroupId,
        name: &str,
        entries: &[Entry],
    ) {
        let in_force = self.members_in_force(now_unix_s, name);
        let is_epoch = |entry: &Entry| matches!(entry.body, EntryBody::Epoch(_));
        let Some(first) = entries.iter().position(is_epoch) else {
            // Removals were told.
            return in_force.into_iter().for_each(|to| self.tell_current(to));
        };
        let links = after_itself(entries.get(first..).unwrap_or_default());
        let epochs = links.entries.iter().filter_map(|entry| match entry.body {
            EntryBody::Epoch(epoch) => Some(epoch.number),
            EntryBody::Removal(_) => None,
        });
        let index = links.index;
        let secrets = epochs.filter_map(|number| {
            let secret = store.secret(SecretOf { group, number }).ok().flatten()?;
            let name = group::epochs::EpochName { index, number };
            Some(Message::Secret {
                group,
                name,
                secret,
            })
        });
        let secrets: Vec<Message> = secrets.collect();
        let parts = links.parts(&*self.keys.crypto).into_iter();
        let parts = parts.map(|links| Message::Entries { group, links });
        let messages: Vec<Message> = parts.chain(secrets).collect();
        for to in in_force {
            for message in &messages {
                self.tell(to, ToMember::Member(message.clone()));
            }
            self.tell_current(to);
        }
    }

    fn tell_admitted(&mut self, store: &dyn Store, now_unix_s: u64, member: &str, group: &str) {
        let node = self.tenant.members.get(member).and_then(|it| it.f);
        let Some(f) = node.filter(|f| self.online.contains_key(f)) else {
            return;
        };
        let Some(found) = self.tenant.groups.get(group) else {
            return;
        };
        let secret = |of| store.secret(of).ok().flatten();
        let by = self.signer();
        let welcome = self
            .tenant
            .welcome(&by, now_unix_s, f, (group, found), None, &secret);
        if let Some(welcome) = welcome {
            for message in self.messages(welcome) {
                self.tell(f, message);
            }
            self.tell_current(f);
        }
    }

    /// A node that had been told everything has now been told this, too.
    pub(super) fn tell_current(&mut self, to: NodeAddr) {
        if self.online.get(&to) == Some(&true) {
            let current = AgentMessage::Current {
                rev: self.tenant.rev,
                next: GroupId([0; 16]),
            };
            self.tell(to, ToMember::Agent(current));
        }
    }

    /// A group as it is told to a member.
    pub(super) fn messages(&self, welcome: Welcome) -> Vec<ToMember> {
        let group = welcome.admission.group;
        let links = welcome.links.iter();
        let links = links.flat_map(|links| links.parts(&*self.keys.crypto));
        let links: Vec<Links> = links.collect();
        let given = Given {
            name: welcome.name,
            genesis: welcome.genesis,
            authority: welcome.authority,
            admission: welcome.admission,
            lease: welcome.lease,
            rules: welcome.rules,
        };
        let mut messages = vec![ToMember::Agent(AgentMessage::Welcome(Box::new(given)))];
        let entries = links.into_iter();
        let entries = entries.map(|links| ToMember::Member(Message::Entries { group, links }));
        messages.extend(entries);
        let secrets = welcome.secrets.into_iter();
        messages.extend(secrets.map(|(name, secret)| {
            ToMember::Member(Message::Secret {
                group,
                name,
                secret,
            })
        }));
        messages
    }

    /// Those of them who have not to sign in first.
    fn members_in_force(&self, now_unix_s: u64, group: &str) -> Vec<NodeAddr> {
        let mut all = self.members_online(group);
        all.retain(|f| {
            let member = self.tenant.nodes.get(f);
            member.is_some_and(|it| self.tenant.is_in_force(now_unix_s, it, group))
        });
        all
    }

    fn members_online(&self, group: &str) -> Vec<NodeAddr> {
        let admitted = self.tenant.groups.get(group).into_iter();
        let names = admitted.flat_map(|group| group.admissions.keys());
        let nodes = names.filter_map(|name| self.tenant.members.get(name)?.f);
        nodes.filter(|f| self.online.contains_key(f)).collect()
    }
}

/// Members whom events about signing in concern.
#[derive(Default)]
struct SignedSince {
    /// Those who are told who is signed in, and where that is required.
    told: BTreeSet<String>,
    /// Those who get new leases, and where.
    anew: Vec<(String, String)>,
}

impl SignedSince {
    /// An event was applied.
    fn note(&mut self, tenant: &Tenant, event: &Event) {
        match event {
            Event::SignedIn { member, .. } => {
                self.told.insert(member.clone());
                let found = tenant.members.get(member);
                let groups = found.into_iter().flat_map(|it| tenant.sign_in_groups(it));
                let groups = groups.map(|(group, _)| (member.clone(), group.to_owned()));
                self.anew.extend(groups);
            }
            Event::SignedOut { member, .. } => {
                self.told.insert(member.clone());
            }
            Event::MembershipGranted { member, group }
            | Event::MembershipEnded { member, group } => {
                let found = tenant.groups.get(group);
                if found.is_some_and(|it| it.sign_in_s.is_some()) {
                    self.told.insert(member.clone());
                }
            }
            Event::SignInRequired { group, .. } => {
                let all = tenant.members.iter();
                let there = all.filter(|(_, it)| it.groups.contains(group));
                let there: Vec<&String> = there.map(|(name, _)| name).collect();
                self.told.extend(there.iter().map(|name| (*name).clone()));
                let anew = there.iter().map(|name| ((*name).clone(), group.clone()));
                self.anew.extend(anew);
            }
            _ => {}
        }
    }
}

/// Entries that follow each other, with what the first follows, as it says itself.
fn after_itself(entries: &[Entry]) -> Links {
    let first = entries.first();
    Links {
        index: first.map_or(0, |entry| entry.index),
        after: Head {
            number: first.map_or(0, |entry| entry.number.saturating_sub(1)),
            hash: first.map_or([0; 32], |entry| entry.before),
        },
        entries: entries.to_vec(),
    }
}
