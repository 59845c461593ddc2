//! What events mean for the nodes in touch.
//!
//! Removals go out before anything else of the same order: one small entry to each member in touch,
//! without a secret, and to the leaver. Epochs follow, with their secrets.

use group::agent::{AgentMessage, Given, ToMember};
use group::chain::{Head, Links};
use group::keyring::Welcome;
use group::message::Message;
use group::partner::PartnerMessage;
use group::statement::{Entry, EntryBody, GroupId, Server};
use wire::NodeAddr;

use super::since::Since;
use super::{Effect, OrderError, Service, Store};
use crate::audit::Record;
use crate::decide::SecretOf;

impl Service {
    /// Makes records so that were written, and tells whom they concern.
    pub(super) fn follow(
        &mut self,
        store: &dyn Store,
        now_unix_s: u64,
        records: &[Record],
    ) -> Result<(), OrderError> {
        let mut since = Since::default();
        for record in records {
            since.before(&self.tenant, &record.event);
            self.tenant.apply(&*self.keys.crypto, &record.event)?;
            since.after(&self.tenant, &record.event);
        }
        self.tell_since(store, now_unix_s, since);
        Ok(())
    }

    fn tell_since(&mut self, store: &dyn Store, now_unix_s: u64, mut since: Since) {
        for f in since.come {
            self.effect(Effect::Enter(f));
        }
        // Before anything else: a node that is in no group any more keeps its server to sign in at.
        let told = since.signed.iter();
        let told = told.filter_map(|it| self.tell_member_sign_ins(it));
        let told: Vec<NodeAddr> = told.collect();
        // Who has another admission instead of one is to have it before it hears that the one is gone.
        for (f, group) in since.replaced {
            self.tell_admitted(store, now_unix_s, f, &group);
        }
        for (name, entries) in since.grown.values() {
            self.tell_removals(name, entries);
        }
        if since.has_servers {
            self.note_partners();
        }
        for (group, places, held) in since.placed {
            self.tell_authority(now_unix_s, &group, &places, &held);
            since.leavers.extend(held);
        }
        since.leavers.retain(|f| !self.tenant.has_node(*f));
        for f in since.leavers {
            self.online.remove(&f);
            self.effect(Effect::Leave(f));
        }
        for ((group, _), (name, entries)) in since.grown {
            self.tell_epochs((store, now_unix_s), group, &name, &entries);
            self.tell_partners(group, &name, &entries);
        }
        for group in since.ruled {
            self.tell_rules(now_unix_s, &group);
        }
        for (f, group) in since.admitted {
            self.tell_admitted(store, now_unix_s, f, &group);
        }
        for f in told {
            self.tell_current(f);
        }
    }

    /// Members in touch hear of other rules of their group, and partners.
    fn tell_rules(&mut self, now_unix_s: u64, name: &str) {
        let rules = self.tenant.groups.get(name).and_then(|it| it.rules.clone());
        let Some(rules) = rules.map(Box::new) else {
            return;
        };
        for to in self.members_in_force(now_unix_s, name) {
            self.tell(to, ToMember::Member(Message::Rules(rules.clone())));
            self.tell_current(to);
        }
        for (to, _) in self.partners_of_group(name) {
            self.charge(to, name);
        }
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
        let members = self.members_in_force(now_unix_s, name);
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
        for to in in_force {
            for message in &messages {
                self.tell(to, ToMember::Member(message.clone()));
            }
            self.tell_current(to);
        }
    }

    /// Partners hear of an admission, and its node is told everything of the group, if it is in touch.
    fn tell_admitted(&mut self, store: &dyn Store, now_unix_s: u64, f: NodeAddr, group: &str) {
        let found = self.tenant.groups.get(group);
        let admission = found.and_then(|it| self.tenant.admission_of(it, f));
        let own = admission.filter(|(_, since)| since.is_none());
        if let Some(admission) = own.map(|(admission, _)| admission.clone()) {
            for (to, _) in self.partners_of_group(group) {
                let (group, admissions) = (admission.group, vec![admission.clone()]);
                self.tell_partner(to, PartnerMessage::Admitted { group, admissions });
            }
        }
        if !self.online.contains_key(&f) {
            return;
        }
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
        all.retain(|f| self.tenant.is_there(now_unix_s, *f, group));
        all
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
