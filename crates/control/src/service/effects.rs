//! What events mean for the nodes in touch.
//!
//! Removals go out before anything else of the same order: one small entry to each member in touch,
//! without a secret, and to the leaver. Epochs follow, with their secrets.

use std::collections::BTreeMap;

use group::agent::{AgentMessage, Given, ToMember};
use group::chain::{Head, Links};
use group::keyring::Welcome;
use group::message::Message;
use group::partner::PartnerMessage;
use group::statement::{Admission, Entry, EntryBody, GroupId, Server};
use wire::NodeAddr;

use super::{Effect, OrderError, Service, Store};
use crate::audit::Record;
use crate::decide::SecretOf;
use crate::event::Event;
use crate::partners::removed_by;

impl Service {
    /// Makes records so that were written, and tells whom they concern.
    pub(super) fn follow(
        &mut self,
        store: &dyn Store,
        now_unix_s: u64,
        records: &[Record],
    ) -> Result<(), OrderError> {
        let mut leavers = Vec::new();
        let mut grown: BTreeMap<(GroupId, u8), (String, Vec<Entry>)> = BTreeMap::new();
        let mut admitted = Vec::new();
        let mut elsewhere = Vec::new();
        for record in records {
            match &record.event {
                Event::MemberRemoved { member } => {
                    leavers.extend(self.tenant.members.get(member).and_then(|it| it.f));
                }
                Event::AuthorityChanged { group, .. } => {
                    let before = self.tenant.groups.get(group);
                    let places = before.map(|it| it.authority.servers.clone());
                    let held = before.into_iter().flat_map(|it| it.held());
                    let held: Vec<NodeAddr> = held.map(|(f, _)| f).collect();
                    elsewhere.push((group.clone(), places.unwrap_or_default(), held));
                }
                _ => {}
            }
            self.tenant.apply(&*self.keys.crypto, &record.event)?;
            match &record.event {
                Event::Enrolled { f, .. } => self.effect(Effect::Enter(*f)),
                Event::Admitted { member, group, .. } => {
                    admitted.push((member.clone(), group.clone()));
                }
                Event::PartnerAdmitted { admission, .. } => {
                    // It was applied, so it decodes.
                    if let Ok(admission) = Admission::decode(admission) {
                        self.effect(Effect::Enter(admission.member.f));
                    }
                }
                Event::Entry { group, entry } | Event::PartnerEntry { group, entry } => {
                    if let Ok(entry) = Entry::decode(entry) {
                        let removed = removed_by(&entry);
                        let is_partners = matches!(record.event, Event::PartnerEntry { .. });
                        let is_elsewhere =
                            |f: &NodeAddr| is_partners || !self.tenant.nodes.contains_key(f);
                        leavers.extend(removed.map(|it| it.f).filter(is_elsewhere));
                        let of = grown.entry((entry.group, entry.index)).or_default();
                        of.0.clone_from(group);
                        of.1.push(entry);
                    }
                }
                _ => {}
            }
        }
        for (name, entries) in grown.values() {
            self.tell_removals(name, entries);
        }
        let is_about_servers = |it: &Record| {
            matches!(
                it.event,
                Event::AuthorityChanged { .. } | Event::GroupTaken { .. }
            )
        };
        if records.iter().any(is_about_servers) {
            self.note_partners();
        }
        for (group, places, held) in elsewhere {
            self.tell_authority(now_unix_s, &group, &places, &held);
            leavers.extend(held);
        }
        leavers.retain(|f| !self.tenant.has_node(*f));
        for f in leavers {
            self.online.remove(&f);
            self.effect(Effect::Leave(f));
        }
        for ((group, _), (name, entries)) in grown {
            self.tell_epochs(store, group, &name, &entries);
            self.tell_partners(group, &name, &entries);
        }
        for (member, group) in admitted {
            self.tell_admitted(store, now_unix_s, &member, &group);
        }
        Ok(())
    }

    /// Partners in touch hear of what a chain has grown by, but whose it is.
    fn tell_partners(&mut self, group: GroupId, name: &str, entries: &[Entry]) {
        let links = after_itself(entries);
        for (to, index) in self.partners_of_group(name) {
            if index != links.index {
                for links in links.parts(&*self.keys.crypto) {
                    self.tell_entries(to, group, links);
                }
            }
        }
    }

    /// Tells members in touch where the servers of a group are; partners; and those that a server
    /// admitted which is none any more. If one was taken out, members get another lease: theirs
    /// may be of that one.
    fn tell_authority(
        &mut self,
        now_unix_s: u64,
        name: &str,
        before: &[Option<Server>],
        held: &[NodeAddr],
    ) {
        let Some(group) = self.tenant.groups.get(name) else {
            return;
        };
        let authority = group.authority.clone();
        let stays = |server: &Server| authority.servers.contains(&Some(*server));
        let is_less = !before.iter().flatten().all(stays);
        let members = self.members_online(name);
        let none = |_: SecretOf| None;
        for f in members.iter().filter(|_| is_less) {
            let Some(group) = self.tenant.groups.get(name) else {
                break;
            };
            let (head, rev) = (Some(group.chain.head()), self.tenant.rev);
            let by = self.signer();
            let welcome =
                self.tenant
                    .welcome(&by, now_unix_s, *f, (name, group), (head, rev), &none);
            let messages = welcome.map(|it| self.messages(it));
            for message in messages.into_iter().flatten() {
                self.tell(*f, message);
            }
        }
        let gone = before.iter().flatten().filter(|it| !stays(it));
        let gone: Vec<NodeAddr> = gone.map(|server| server.f).collect();
        let partners = self.partners_of_group(name).into_iter().map(|(f, _)| f);
        for to in partners.chain(gone) {
            self.charge(to, name);
        }
        let is_out = |f: &&NodeAddr| !members.contains(f) && self.online.contains_key(f);
        let out: Vec<NodeAddr> = held.iter().filter(is_out).copied().collect();
        for to in out {
            self.tell(to, ToMember::Member(Message::Authority(authority.clone())));
        }
        for to in members {
            self.tell(to, ToMember::Member(Message::Authority(authority.clone())));
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
    fn tell_epochs(&mut self, store: &dyn Store, group: GroupId, name: &str, entries: &[Entry]) {
        let is_epoch = |entry: &Entry| matches!(entry.body, EntryBody::Epoch(_));
        let Some(first) = entries.iter().position(is_epoch) else {
            return;
        };
        let links = after_itself(entries.get(first..).unwrap_or_default());
        let epochs = links.entries.iter().filter_map(|entry| match entry.body {
            EntryBody::Epoch(epoch) => Some(epoch.number),
            EntryBody::Removal(_) => None,
        });
        let index = links.index;
        // Nobody but the partner itself has the secrets of its chain.
        let own = self.tenant.groups.get(name).map(|it| it.chain.index());
        let epochs = epochs.filter(|_| own == Some(index));
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
        for to in self.members_online(name) {
            for message in &messages {
                self.tell(to, ToMember::Member(message.clone()));
            }
            self.tell_current(to);
        }
    }

    fn tell_admitted(&mut self, store: &dyn Store, now_unix_s: u64, member: &str, group: &str) {
        let found = self.tenant.groups.get(group);
        let admission = found.and_then(|it| it.admissions.get(member)).cloned();
        for (to, _) in self.partners_of_group(group) {
            let admissions: Vec<Admission> = admission.iter().cloned().collect();
            if let Some(group) = admission.as_ref().map(|it| it.group) {
                self.tell_partner(to, PartnerMessage::Admitted { group, admissions });
            }
        }
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
            .welcome(&by, now_unix_s, f, (group, found), (None, 0), &secret);
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

    fn members_online(&self, group: &str) -> Vec<NodeAddr> {
        let admitted = self.tenant.groups.get(group).into_iter();
        let own = admitted.clone().flat_map(|group| group.admissions.keys());
        let own = own.filter_map(|name| self.tenant.members.get(name)?.f);
        let held = admitted.flat_map(|group| group.held()).map(|(f, _)| f);
        let nodes = own.chain(held);
        let mut there: Vec<NodeAddr> = nodes.filter(|f| self.online.contains_key(f)).collect();
        there.sort_unstable();
        there.dedup();
        there
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
