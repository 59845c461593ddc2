//! Groups with several servers: a node tells each of its servers how far it is in the others' chains, and a
//! server keeps a session with each of its partners (docs/protocol/group.md, section 8).
//!
//! | event | what follows |
//! |---|---|
//! | a session with a server stands | this node's heads of all chains, if the group has several servers |
//! | a removal was taken from elsewhere | the same, at a moment of its own within [`HEADS_SOON`] to [`HEADS_LATE`] |
//! | a session with a partner stands | *here*: the rest is the domain's (`control`) |
//!
//! What it does not: know what partners have said; that is the domain's.

use std::collections::BTreeMap;
use std::time::Duration;

use group::agent::AgentMessage;
use group::chain::Head;
use group::message::Message;
use group::partner::{Come, PartnerMessage};
use group::statement::GroupId;
use identity::crypto::random;
use wire::invite::{Invite, Purpose, SECRET_LEN};
use wire::{NodeAddr, Now};

use super::server::LEAVER;
use crate::JoinError;
use crate::machine::Node;

/// A server hears of another's removal from that server, as a rule; members say it this much later.
const HEADS_SOON: Duration = Duration::from_secs(2);
/// Not all of them at once: at the latest then.
const HEADS_LATE: Duration = Duration::from_secs(8);

impl Node {
    /// These servers manage groups with this one from now on, and nobody else does: where they are reached,
    /// and their keys.
    pub fn set_partners(&mut self, now: Now, partners: BTreeMap<NodeAddr, [u8; 32]>) {
        let Some(managing) = &mut self.groups.managing else {
            return;
        };
        let before = std::mem::replace(&mut managing.partners, partners);
        let now_partners = &managing.partners;
        let gone = before.keys().filter(|f| !now_partners.contains_key(*f));
        let gone: Vec<NodeAddr> = gone.copied().collect();
        let new = now_partners.keys().filter(|f| !before.contains_key(*f));
        let new: Vec<NodeAddr> = new.copied().collect();
        for f in gone {
            // It is told that it is none any more.
            let until = now.mono.saturating_add(LEAVER);
            managing.leavers.insert(f, until);
        }
        for f in &new {
            managing.leavers.remove(f);
            managing.newcomers.remove(f);
        }
        self.refresh_agents(now);
        for f in new {
            if self.peer_is_up(f) {
                self.greet_partner(now, f);
            }
        }
        self.agents_due(now);
        self.settle(now);
    }

    /// Whether F is a server of the same groups as this one.
    pub(crate) fn is_partner(&self, f: NodeAddr) -> bool {
        let managing = self.groups.managing.as_ref();
        managing.is_some_and(|it| it.partners.contains_key(&f))
    }

    pub(super) fn greet_partner(&mut self, now: Now, f: NodeAddr) {
        let here = AgentMessage::Partner(PartnerMessage::Here);
        self.tell_server(now, f, &here);
    }

    /// Other instances of a partner.
    pub(super) fn partner_sisters(&self, f: NodeAddr) -> impl Iterator<Item = NodeAddr> {
        let partners = self.groups.managing.as_ref().map(|it| &it.partners);
        let key = partners.and_then(|it| it.get(&f)).copied();
        let same = partners.into_iter().flatten();
        let same = same.filter(move |(other, it)| Some(**it) == key && **other != f);
        same.map(|(f, _)| *f)
    }

    /// The server whose line this is, and the secret in it.
    ///
    /// # Errors
    /// See [`JoinError`].
    pub fn server_of_line(
        &self,
        now: Now,
        line: &str,
    ) -> Result<(NodeAddr, [u8; SECRET_LEN]), JoinError> {
        let invite = Invite::parse(line, |bytes| self.crypto.sha256(&[bytes]));
        let invite = invite.map_err(JoinError::Line)?;
        let Purpose::Group { .. } = invite.purpose else {
            return Err(JoinError::NotAGroup);
        };
        let identity = self.judge_place(now, &invite)?;
        Ok((identity.address(), invite.secret))
    }

    /// Uses the line of another server, whose groups this one is to manage, too: `come` is said there.
    /// [`crate::Event::Enrolled`] or [`crate::Event::EnrolFailed`] follows; the server's F.
    ///
    /// # Errors
    /// See [`JoinError`]; then nothing was sent.
    pub fn join_as_partner(
        &mut self,
        now: Now,
        line: &str,
        come: Come,
    ) -> Result<NodeAddr, JoinError> {
        let f = self.note_line(now, line, None)?;
        let agent = self.groups.agents.get_mut(&f);
        if let Some(enrolling) = agent.and_then(|agent| agent.enrolling.as_mut()) {
            enrolling.partner = Some(Box::new(come));
        }
        self.agents_due(now);
        self.settle(now);
        Ok(f)
    }

    /// The groups of this node that a server manages with others, and the ends of all chains.
    fn heads_for(&self, f: NodeAddr) -> Vec<(GroupId, Vec<(u8, Head)>)> {
        let keyring = &self.groups.keyring;
        let shared = keyring.managed_by(f).filter(|(group, _)| {
            let statements = keyring.statements(*group);
            statements.is_some_and(|(authority, ..)| authority.has_several())
        });
        shared
            .map(|(group, _)| (group, keyring.heads(group).collect()))
            .collect()
    }

    /// Tells a server how far this node is in all chains of the groups that it manages with others.
    pub(super) fn tell_heads(&mut self, now: Now, f: NodeAddr) {
        for (group, heads) in self.heads_for(f) {
            let said = Message::Heads { group, heads };
            let said = AgentMessage::Partner(PartnerMessage::Said(said));
            self.tell_server(now, f, &said);
        }
    }

    /// A removal came from elsewhere than the servers that have to know, perhaps.
    pub(super) fn note_heads(&mut self, now: Now, group: GroupId, index: u8) {
        let drawn = u32::from(u16::from_be_bytes(random(&mut self.rng)));
        let spread = (HEADS_LATE - HEADS_SOON) * drawn / u32::from(u16::MAX);
        let at = now.mono.saturating_add(HEADS_SOON).saturating_add(spread);
        let servers: Vec<NodeAddr> = self.groups.agents.keys().copied().collect();
        for f in servers {
            let mut managed = self.groups.keyring.managed_by(f);
            let is_its = managed.any(|(there, own)| there == group && own != index);
            let agent = self.groups.agents.get_mut(&f).filter(|_| is_its);
            if let Some(agent) = agent {
                agent.heads_at.get_or_insert(at);
            }
        }
    }

    /// Answers a server that asks for what another has said.
    pub(super) fn tell_server_entries(
        &mut self,
        now: Now,
        f: NodeAddr,
        (group, index): (GroupId, u8),
        number: u32,
    ) {
        let keyring = &self.groups.keyring;
        let statements = keyring.statements(group);
        if !statements.is_some_and(|(authority, ..)| authority.has_several()) {
            return;
        }
        let links = keyring.links_from(group, index, number);
        let links = links.or_else(|| keyring.all_links(group, index));
        let parts = links.map(|it| it.parts(&*self.crypto));
        for links in parts.into_iter().flatten() {
            let said = Message::Entries { group, links };
            let said = AgentMessage::Partner(PartnerMessage::Said(said));
            self.tell_server(now, f, &said);
        }
    }
}
