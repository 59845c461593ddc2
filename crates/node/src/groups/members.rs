//! What members tell each other of their groups (docs/protocol/group.md, section 5).
//!
//! | message | what it does here |
//! |---|---|
//! | membership | verified; remembered while the session stands |
//! | authority | taken if the group's root key signed it and it is newer |
//! | heads | whoever is behind is told; a fork is reported |
//! | entries | verified, kept, and handed on to every other member in touch; removals act at once |
//! | entries wanted | answered |
//! | secret | taken if an entry commits to it |
//! | rules, their head | in `rules` |
//!
//! Entries and secrets are told to members whose membership holds and to nobody else.

use std::time::Duration;

use group::chain::{ChainError, Compared, Head, Links};
use group::epochs::{EpochName, EpochSecret};
use group::keyring::KeyringError;
use group::message::{Message, encode_shown};
use group::statement::{Admission, Entry, EntryBody, GroupId, Lease};
use wire::{NodeAddr, Now};

use crate::machine::Node;
use crate::stored::Change;
use crate::stored::groups::{ChainRecord, GroupChange, GroupRecord, SecretRecord, ShownRecord};
use crate::{DropReason, Event};

/// How long a server has to send the secrets of new epochs before members are asked.
const ASK_AFTER: Duration = Duration::from_secs(2);
/// Time between two members that are asked.
const ASK_AGAIN: Duration = Duration::from_secs(5);

impl Node {
    /// A message of a group. `F` is in the session, and may be a server, a member, or somebody who
    /// only knows a secret.
    pub(crate) fn member_message_in(&mut self, now: Now, f: NodeAddr, message: Message) {
        match message {
            Message::Membership { admission, lease } => {
                self.membership_in(now, f, &admission, &lease);
            }
            Message::Authority(authority) => {
                let group = authority.group;
                // The root key's word: whoever proved a secret of the group may bring it.
                if !self.may_hear(now, f, group) && !self.has_proven(f, group) {
                    return self.drop_for(DropReason::NotAllowed);
                }
                let taken = self
                    .groups
                    .keyring
                    .authority(&*self.crypto, now.unix_s, authority);
                if taken == Ok(true) {
                    self.keep_group(group);
                    self.refresh_agents(now);
                    self.judge_members(now);
                    self.renew_if_old(now);
                    self.look_again(now, f);
                }
            }
            Message::Heads { group, heads } => self.heads_in(now, f, group, &heads),
            Message::Entries { group, links } => self.entries_in(now, f, group, links),
            Message::Wanted {
                group,
                index,
                number,
            } => {
                if self.is_server_of(f, group) {
                    self.tell_server_entries(now, f, (group, index), number);
                }
                if self.is_shown(now, f, group) {
                    self.tell_entries(now, f, group, index, number);
                }
            }
            Message::Secret {
                group,
                name,
                secret,
            } => self.secret_in(now, f, group, name, secret),
            Message::Rules(rules) => self.rules_in(now, f, *rules),
            Message::RulesHead { group, serial } => self.rules_head_in(now, f, group, serial),
        }
    }

    /// Sends a message of a group.
    pub(crate) fn tell_member(&mut self, now: Now, f: NodeAddr, message: &Message) {
        self.send_bytes(now, f, message.kind(), &message.encode());
    }

    /// A peer shows that it belongs to a group.
    pub(crate) fn membership_in(
        &mut self,
        now: Now,
        f: NodeAddr,
        admission: &Admission,
        lease: &Lease,
    ) {
        let keyring = &mut self.groups.keyring;
        let taken = keyring.peer(&*self.crypto, now.unix_s, f, admission, lease);
        if let Err(why) = taken {
            let by_whom = matches!(why, KeyringError::Admission | KeyringError::Lease);
            if let Some(peer) = self.peers.get_mut(&f).filter(|_| by_whom) {
                peer.proven.refused = Some(Box::new((admission.clone(), lease.clone())));
            }
            return self.drop_for(DropReason::Membership);
        }
        self.judge_member(now, f);
        self.remember_shown(now, f, admission, lease);
    }

    /// What a member showed is as good the next time.
    fn remember_shown(&mut self, now: Now, f: NodeAddr, admission: &Admission, lease: &Lease) {
        let (id, shown) = (
            admission.group.0,
            encode_shown(std::iter::once((admission, lease))),
        );
        let grouping = &self.stored.grouping;
        let is_news = grouping.shown.get(&(f, id)) != Some(&shown);
        // Empty: it is too long to be shown in a handshake.
        if is_news && !shown.is_empty() && grouping.has_room_for_shown(f, id) {
            self.persist_group(GroupChange::Shown(ShownRecord { f, id, shown }));
        }
        self.prepare_for(now, f);
    }

    /// Other servers manage a group: a membership that did not hold before may hold now.
    fn look_again(&mut self, now: Now, f: NodeAddr) {
        let peer = self.peers.get_mut(&f);
        if let Some(refused) = peer.and_then(|peer| peer.proven.refused.take()) {
            self.membership_in(now, f, &refused.0, &refused.1);
        }
    }

    /// Whether the last handshake with F proved a secret of a group.
    fn has_proven(&self, f: NodeAddr, group: GroupId) -> bool {
        let proven = self.peers.get(&f).map(|peer| &peer.proven);
        proven.is_some_and(|it| it.groups.contains(&group) || it.behind.contains(&group))
    }

    /// The handshake matched: shows this node's membership in each group, but those where message 2
    /// has shown it, and how far it has come.
    pub(crate) fn show_groups(&mut self, now: Now, f: NodeAddr, shown: &[GroupId]) {
        let Some(peer) = self.peers.get(&f) else {
            return;
        };
        let proven = &peer.proven;
        let ids: Vec<GroupId> = proven.groups.union(&proven.behind).copied().collect();
        for group in ids {
            let Some((admission, lease)) = self.groups.keyring.membership(group) else {
                continue;
            };
            let (admission, lease) = (Box::new(admission.clone()), Box::new(lease.clone()));
            let held = self.groups.keyring.statements(group);
            let authority = held.map(|(authority, ..)| authority);
            // The first is in the genesis' hands: whoever is in the group has it.
            if let Some(authority) = authority.filter(|it| it.serial > 1).cloned() {
                self.tell_member(now, f, &Message::Authority(authority));
            }
            if !shown.contains(&group) {
                self.tell_member(now, f, &Message::Membership { admission, lease });
            }
            let heads = self.groups.keyring.heads(group).collect();
            self.tell_member(now, f, &Message::Heads { group, heads });
            if self.rules_serial(group) > 0 {
                self.tell_rules_head(now, f, group);
            }
        }
    }

    fn heads_in(&mut self, now: Now, f: NodeAddr, group: GroupId, heads: &[(u8, Head)]) {
        if !self.is_shown(now, f, group) {
            return self.drop_for(DropReason::NotAllowed);
        }
        let known: Vec<(u8, Head)> = self.groups.keyring.heads(group).collect();
        for (index, head) in heads {
            let compared = self
                .groups
                .keyring
                .compare(&*self.crypto, group, *index, *head);
            match compared {
                Some(Compared::Behind { from }) => {
                    let (index, number) = (*index, from);
                    let wanted = Message::Wanted {
                        group,
                        index,
                        number,
                    };
                    self.tell_member(now, f, &wanted);
                }
                Some(Compared::Ahead) => {
                    let next = head.number.saturating_add(1);
                    self.tell_entries(now, f, group, *index, next);
                }
                Some(Compared::Fork) => self.event(Event::GroupForked {
                    group,
                    index: *index,
                    peer: f,
                }),
                Some(Compared::Same | Compared::Unknown) => {}
                // A chain of a server that has written nothing that came here.
                None => {
                    let (index, number) = (*index, 1);
                    let wanted = Message::Wanted {
                        group,
                        index,
                        number,
                    };
                    self.tell_member(now, f, &wanted);
                }
            }
        }
        let unknown = known
            .iter()
            .filter(|(index, _)| heads.iter().all(|(there, _)| there != index));
        for (index, _) in unknown {
            self.tell_entries(now, f, group, *index, 1);
        }
    }

    /// Tells a member what it lacks of a chain, then the secrets that go with it.
    fn tell_entries(&mut self, now: Now, f: NodeAddr, group: GroupId, index: u8, number: u32) {
        // Who lacks more than is kept is told by a server.
        let Some(links) = self.groups.keyring.links_from(group, index, number) else {
            return;
        };
        for links in links.parts(&*self.crypto) {
            self.tell_member(now, f, &Message::Entries { group, links });
        }
        for (name, secret) in self.groups.keyring.secrets_ahead(group, now.unix_s) {
            let message = Message::Secret {
                group,
                name,
                secret,
            };
            self.tell_member(now, f, &message);
        }
    }

    fn entries_in(&mut self, now: Now, f: NodeAddr, group: GroupId, links: Links) {
        if !self.may_hear(now, f, group) {
            return self.drop_for(DropReason::NotAllowed);
        }
        let index = links.index;
        match self.take_links(now, group, links, Some(f)) {
            Ok(()) => {}
            // A server says what it knows of another's chain: it hears how far this node is.
            Err(KeyringError::Chain(ChainError::Gap { .. }))
                if self.is_server_of(f, group) && !self.is_chain_of(f, group, index) =>
            {
                if let Some(agent) = self.groups.agents.get_mut(&f) {
                    let at = now.mono.saturating_add(ASK_AGAIN);
                    agent.heads_at.get_or_insert(at);
                }
            }
            Err(KeyringError::Chain(ChainError::Gap { .. })) if self.is_server_of(f, group) => {
                self.resume(now, f, GroupId([0; 16]), false);
            }
            Err(KeyringError::Chain(ChainError::Gap { wanted, .. })) => {
                let number = wanted;
                let wanted = Message::Wanted {
                    group,
                    index,
                    number,
                };
                self.tell_member(now, f, &wanted);
            }
            Err(_) => self.drop_for(DropReason::Membership),
        }
    }

    /// Takes entries from whoever has them, acts on them, and hands on what is new.
    pub(crate) fn take_links(
        &mut self,
        now: Now,
        group: GroupId,
        links: Links,
        from: Option<NodeAddr>,
    ) -> Result<(), KeyringError> {
        let index = links.index;
        let before = self.head(group, index);
        let taken = self.groups.keyring.link(&*self.crypto, group, links);
        let next = before.map_or(1, |head| head.number.saturating_add(1));
        let grown = self.groups.keyring.links_from(group, index, next);
        if let Some(new) = grown.filter(|links| !links.entries.is_empty()) {
            let (id, part) = (group.0, ChainRecord::of(&new));
            self.persist_group(GroupChange::Grown { id, part });
            self.hand_on(now, group, &new, from);
            if new.entries.iter().any(is_removal) {
                self.note_heads(now, group, index);
            }
            self.note_own_removal(now, group);
            self.note_lacking(now, group);
            self.judge_members(now);
        }
        taken.map(drop)
    }

    fn head(&self, group: GroupId, index: u8) -> Option<Head> {
        let mut heads = self.groups.keyring.heads(group);
        heads.find_map(|(there, head)| (there == index).then_some(head))
    }

    /// Every member in touch is told of a removal, whether or not a server reaches it; who knew it
    /// already ignores it. Other entries spread with the heads, at each handshake.
    fn hand_on(&mut self, now: Now, group: GroupId, new: &Links, from: Option<NodeAddr>) {
        if !new.entries.iter().any(is_removal) {
            return;
        }
        for f in self.peers_up() {
            if Some(f) != from && self.is_shown(now, f, group) {
                for links in new.parts(&*self.crypto) {
                    self.tell_member(now, f, &Message::Entries { group, links });
                }
            }
        }
    }

    fn secret_in(
        &mut self,
        now: Now,
        f: NodeAddr,
        group: GroupId,
        name: EpochName,
        secret: EpochSecret,
    ) {
        if !self.may_hear(now, f, group) {
            return self.drop_for(DropReason::NotAllowed);
        }
        let record = SecretRecord::of(name, &secret);
        let keyring = &mut self.groups.keyring;
        match keyring.secret(&*self.crypto, group, name, secret) {
            Ok(true) => {
                let (id, secret) = (group.0, record);
                self.persist_group(GroupChange::Learned { id, secret });
                self.judge_members(now);
                self.prove_again(now, f);
            }
            Ok(false) => {}
            Err(_) => self.drop_for(DropReason::Membership),
        }
    }

    /// Entries name epochs whose secrets are not here: a server sends them, or a member is asked.
    fn note_lacking(&mut self, now: Now, group: GroupId) {
        if self.groups.keyring.lacks_secrets(group, now.unix_s) {
            let at = now.mono.saturating_add(ASK_AFTER);
            self.groups.lacking.entry(group).or_insert((at, 0));
        }
    }

    /// Asks a member in touch for secrets that no server has sent, one after another.
    pub(crate) fn ask_for_secrets(&mut self, now: Now) {
        let due = self.groups.lacking.iter();
        let due = due.filter(|(_, (at, _))| *at <= now.mono);
        let due: Vec<(GroupId, usize)> = due.map(|(group, (_, turn))| (*group, *turn)).collect();
        for (group, turn) in due {
            if !self.groups.keyring.lacks_secrets(group, now.unix_s) {
                self.groups.lacking.remove(&group);
                continue;
            }
            let again = now.mono.saturating_add(ASK_AGAIN);
            self.groups.lacking.insert(group, (again, turn + 1));
            let there = self.peers_up();
            let there = there.into_iter().filter(|f| self.is_shown(now, *f, group));
            let there: Vec<NodeAddr> = there.collect();
            let asked = there.get(turn.checked_rem(there.len()).unwrap_or_default());
            let Some(f) = asked.copied() else {
                continue;
            };
            let heads: Vec<(u8, Head)> = self.groups.keyring.heads(group).collect();
            for (index, head) in heads {
                let number = head.number.saturating_add(1);
                let wanted = Message::Wanted {
                    group,
                    index,
                    number,
                };
                self.tell_member(now, f, &wanted);
            }
        }
    }

    /// This node was behind, and has been told: a handshake proves it.
    fn prove_again(&mut self, now: Now, f: NodeAddr) {
        let Some(peer) = self.peers.get(&f) else {
            return;
        };
        let proven = &peer.proven;
        if proven.groups.is_empty() && !proven.behind.is_empty() {
            self.ensure_session(f).initiate(now.mono);
            self.touched.insert(f);
        }
    }

    /// Whether F has shown that it belongs to the group, in this session.
    pub(crate) fn is_shown(&self, now: Now, f: NodeAddr, group: GroupId) -> bool {
        let mut shared = self.groups.keyring.shared(f, now.unix_s);
        shared.any(|(there, _)| there == group)
    }

    /// Whether to read what F says of a group: a member that has shown that it is, or its server.
    /// What it says is verified in any case; this only bounds who may make work.
    pub(crate) fn may_hear(&self, now: Now, f: NodeAddr, group: GroupId) -> bool {
        self.is_shown(now, f, group) || self.is_server_of(f, group)
    }

    fn is_chain_of(&self, f: NodeAddr, group: GroupId, index: u8) -> bool {
        let mut managed = self.groups.keyring.managed_by(f);
        managed.any(|it| it == (group, index))
    }

    pub(crate) fn is_server_of(&self, f: NodeAddr, group: GroupId) -> bool {
        let mut managed = self.groups.keyring.managed_by(f);
        managed.any(|(there, _)| there == group)
    }

    /// A server says that this node is out: it forgets the group, secrets and all.
    fn note_own_removal(&mut self, now: Now, group: GroupId) {
        if self.groups.keyring.is_out(group) {
            let name = self.group_name(group);
            let servers = self.servers_of_only(group);
            self.groups.keyring.leave(group);
            self.persist_group(GroupChange::Left { id: group.0 });
            self.event(Event::GroupLeft { group, name });
            self.wait_at(now, servers);
        }
    }

    /// What a group is called here.
    pub(crate) fn group_name(&self, group: GroupId) -> String {
        let mut groups = self.groups.keyring.groups();
        let found = groups.find_map(|(id, name)| (id == group).then_some(name));
        found.unwrap_or_default().to_owned()
    }

    /// Writes down all that is known of a group.
    pub(crate) fn keep_group(&mut self, group: GroupId) {
        if let Some(kept) = self.groups.keyring.kept(group) {
            let group = GroupRecord::of(group, kept);
            self.persist_group(GroupChange::Kept { group });
        }
    }

    pub(crate) fn persist_group(&mut self, group: GroupChange) {
        self.persist(Change::Group { group });
    }
}

fn is_removal(entry: &Entry) -> bool {
    matches!(entry.body, EntryBody::Removal(_))
}
