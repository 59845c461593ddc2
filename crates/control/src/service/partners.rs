//! What other servers of a group say to this one, and what members tell it of their chains.
//!
//! ```text
//!   partner ── here ──▶ heads, which admissions of the partner are held, who manages the group
//!           ── heads ──▶ the entries that it lacks       ── holding ──▶ the admissions that it lacks
//!           ── entries, admitted, charge ──▶ an order, as anything that is written down
//! ```
//!
//! Whatever is learnt is told on at once: to members, and to other partners.

use group::agent::{AgentMessage, Answer, ToMember};
use group::chain::{Compared, Head, Links};
use group::message::Message;
use group::partner::{Charge, Come, PartnerMessage, digest, pages};
use group::statement::GroupId;
use identity::crypto::Rng;
use wire::NodeAddr;
use wire::invite::SECRET_LEN;

use super::{Effect, OrderError, Service, Store};
use crate::actor::{Actor, InviteId};
use crate::command::{Command, News, Refusal};
use crate::decide::Reply;
use crate::model::Group;

/// Most groups that a server takes over at once.
const CHARGES_MAX: usize = 256;

impl Service {
    /// What this server says to the one at F, whose line has this secret. What that says of its groups is
    /// kept until [`Self::accepted`].
    pub fn come(&mut self, server: NodeAddr, secret: [u8; SECRET_LEN]) -> Come {
        self.accepting.insert(server, Vec::new());
        Come::new(&self.signer(), (self.keys.f, server), secret)
    }

    /// The same is given up.
    pub fn decline(&mut self, server: NodeAddr) {
        self.accepting.remove(&server);
    }

    /// It has answered: this server manages those groups, too.
    ///
    /// # Errors
    /// See [`OrderError`].
    pub fn accepted(
        &mut self,
        store: &mut dyn Store,
        now_unix_s: u64,
        rng: &mut dyn Rng,
        actor: Actor,
        server: NodeAddr,
    ) -> Result<Reply, OrderError> {
        let charges = self.accepting.remove(&server).unwrap_or_default();
        if charges.is_empty() {
            return Err(Refusal::NoGroups.into());
        }
        let done = self.order(store, now_unix_s, rng, actor, &Command::Take { charges });
        self.greet(server);
        done
    }

    /// Says to every partner in touch how far this server has come: what was lost on its way comes so.
    pub fn greet_partners(&mut self) {
        let partners: Vec<NodeAddr> = self.partners_online.iter().copied().collect();
        for f in partners {
            self.tell_state(f);
        }
    }

    /// The other servers of this one's groups.
    #[must_use]
    pub fn partners(&self) -> &std::collections::BTreeMap<NodeAddr, [u8; 32]> {
        &self.partners
    }

    /// Whether a partner is in touch.
    #[must_use]
    pub fn is_partner_online(&self, f: NodeAddr) -> bool {
        self.partners_online.contains(&f)
    }

    /// A partner, or a member, says something that only servers hear.
    pub(super) fn hear_partner(
        &mut self,
        store: &mut dyn Store,
        now_unix_s: u64,
        rng: &mut dyn Rng,
        f: NodeAddr,
        message: PartnerMessage,
    ) {
        let is_partner = self.partners.contains_key(&f);
        let learned = match message {
            PartnerMessage::Come(come) => {
                return self.partner_comes(store, now_unix_s, rng, f, &come);
            }
            PartnerMessage::Charge(charge) => match self.accepting.get_mut(&f) {
                Some(charges) if charges.len() < CHARGES_MAX => {
                    // A partner of before says the same as to any partner, and once more to whoever comes.
                    charges.retain(|it| it.authority.group != charge.authority.group);
                    return charges.push(*charge);
                }
                _ => News {
                    group: charge.authority.group,
                    authority: Some(charge.authority),
                    rules: charge.rules,
                    links: None,
                    admissions: Vec::new(),
                },
            },
            PartnerMessage::Here if is_partner => return self.greet(f),
            PartnerMessage::Said(Message::Heads { group, heads }) => {
                return self.heads_in(f, group, &heads);
            }
            PartnerMessage::Said(Message::Entries { group, links }) => News {
                group,
                authority: None,
                rules: None,
                links: Some(links),
                admissions: Vec::new(),
            },
            PartnerMessage::Holding {
                group,
                rules_serial,
                digest,
            } if is_partner => {
                return self.holding_in(f, group, rules_serial, digest);
            }
            PartnerMessage::Admitted { group, admissions } if is_partner => News {
                group,
                authority: None,
                rules: None,
                links: None,
                admissions,
            },
            PartnerMessage::Here
            | PartnerMessage::Said(_)
            | PartnerMessage::Holding { .. }
            | PartnerMessage::Admitted { .. } => return,
        };
        if is_partner || self.is_in(f, learned.group) {
            self.learn(store, now_unix_s, rng, f, learned);
        }
    }

    /// Whether F is a member of a group.
    fn is_in(&self, f: NodeAddr, group: GroupId) -> bool {
        let found = self.tenant.group_of(group);
        found.is_some_and(|(_, group)| self.tenant.admission_of(group, f).is_some())
    }

    fn learn(
        &mut self,
        store: &mut dyn Store,
        now_unix_s: u64,
        rng: &mut dyn Rng,
        f: NodeAddr,
        news: News,
    ) {
        let group = news.group;
        let index = news.links.as_ref().map(|links| links.index);
        let command = Command::Learn(news);
        let done = self.order(store, now_unix_s, rng, Actor::Node { f }, &command);
        match (done, index) {
            (Ok(Reply::Gap), Some(_)) if self.partners.contains_key(&f) => self.tell_state(f),
            (Ok(Reply::Gap), Some(index)) => self.want(f, group, index),
            (Ok(Reply::Forked(index)), _) => self.effect(Effect::Forked {
                group,
                index,
                by: f,
            }),
            // What could not be written down is said again.
            _ => {}
        }
    }

    /// Asks a member for what it has of a partner's chain.
    fn want(&mut self, f: NodeAddr, group: GroupId, index: u8) {
        let found = self.tenant.group_of(group);
        let chain = found.and_then(|(_, it)| it.chain_at(index));
        let head = chain.map_or(0, |it| it.head().number);
        let number = head.saturating_add(1);
        let wanted = Message::Wanted {
            group,
            index,
            number,
        };
        self.tell(f, ToMember::Member(wanted));
    }

    fn partner_comes(
        &mut self,
        store: &mut dyn Store,
        now_unix_s: u64,
        rng: &mut dyn Rng,
        f: NodeAddr,
        come: &Come,
    ) {
        if !come.holds(&*self.keys.crypto, (f, self.keys.f)) {
            return;
        }
        let invite = InviteId(self.keys.crypto.invite_id(&come.secret));
        let groups = self.tenant.invites.get(&invite);
        let groups = groups.map(|it| it.groups.clone()).unwrap_or_default();
        let command = Command::PartnerCome {
            invite,
            key: come.key,
        };
        let done = self.order(store, now_unix_s, rng, Actor::Node { f }, &command);
        let (answer, text) = match done {
            Ok(_) => (Answer::Done, String::new()),
            Err(OrderError::Refused(refusal)) => (Answer::Refused, refusal.to_json()),
            Err(error) => (Answer::Later, error.to_string()),
        };
        if answer == Answer::Done {
            for name in groups {
                self.charge(f, &name);
            }
        }
        let answered = AgentMessage::Enrolled { answer, text };
        self.tell(f, ToMember::Agent(answered));
    }

    /// Tells a partner who manages a group.
    pub(super) fn charge(&mut self, to: NodeAddr, name: &str) {
        let Some(group) = self.tenant.groups.get(name) else {
            return;
        };
        let charge = Charge {
            name: name.to_owned(),
            zone: group.zone_name.clone(),
            site: group.site.clone(),
            genesis: group.genesis.clone(),
            authority: group.authority.clone(),
            rules: group.rules.clone().map(Box::new),
        };
        self.tell_partner(to, PartnerMessage::Charge(Box::new(charge)));
    }

    /// A partner is in touch; it may have come before this server knew that it is one.
    fn greet(&mut self, f: NodeAddr) {
        if !self.partners.contains_key(&f) {
            return;
        }
        if self.partners_online.insert(f) {
            self.tell_partner(f, PartnerMessage::Here);
        }
        for name in self.groups_with(f) {
            self.charge(f, &name);
        }
        self.tell_state(f);
    }

    /// How far this server has come in the groups that it shares with a partner.
    fn tell_state(&mut self, f: NodeAddr) {
        for name in self.groups_with(f) {
            let Some(group) = self.tenant.groups.get(&name) else {
                continue;
            };
            let (id, heads) = (group.id, group.heads());
            let index = group.authority.index_of(f);
            let partner = index.and_then(|index| group.partners.get(&index));
            let held = partner.into_iter().flat_map(|it| it.members.values());
            let held = held.map(|it| it.admission.member);
            let digest = digest(&*self.keys.crypto, held);
            let said = Message::Heads { group: id, heads };
            let holding = PartnerMessage::Holding {
                group: id,
                rules_serial: group.rules_rank(&*self.keys.crypto, &group.authority),
                digest,
            };
            self.tell_partner(f, PartnerMessage::Said(said));
            self.tell_partner(f, holding);
        }
    }

    fn groups_with(&self, f: NodeAddr) -> Vec<String> {
        let key = self.signer().public();
        let groups = self.tenant.groups.iter();
        let shared = groups
            .filter(|(_, group)| group.is_managed_by(key) && group.authority.index_of(f).is_some());
        shared.map(|(name, _)| name.clone()).collect()
    }

    /// Whether a partner manages this group, too; another group gives it no right to hear of this one.
    fn is_partner_in(&self, group: &Group, f: NodeAddr) -> bool {
        self.partners.contains_key(&f) && group.authority.index_of(f).is_some()
    }

    /// How far a partner or a member has come: it is told what it lacks, and asked for what is lacking
    /// here. A partner sends that of itself.
    fn heads_in(&mut self, f: NodeAddr, id: GroupId, heads: &[(u8, Head)]) {
        let Some((_, group)) = self.tenant.group_of(id) else {
            return;
        };
        let is_partner = self.is_partner_in(group, f);
        if !is_partner && self.tenant.admission_of(group, f).is_none() {
            return;
        }
        let own = group.chain.index();
        let mut indices: Vec<u8> = group.heads().into_iter().map(|(index, _)| index).collect();
        indices.extend(heads.iter().map(|(index, _)| *index));
        indices.sort_unstable();
        indices.dedup();
        // A member says at each resumption how far it is in this server's own chain.
        indices.retain(|index| is_partner || *index != own);
        let mut lacking = Vec::new();
        let mut told = Vec::new();
        for index in indices {
            let head = heads.iter().find(|(there, _)| *there == index);
            let head = head.map(|(_, head)| *head).unwrap_or_default();
            match self.compared(group, index, head) {
                Some(links) => told.push(links),
                None => lacking.push(index),
            }
        }
        for links in told.into_iter().flatten() {
            for links in links.parts(&*self.keys.crypto) {
                self.tell_entries(f, id, links);
            }
        }
        for index in lacking.into_iter().filter(|_| !is_partner) {
            self.want(f, id, index);
        }
    }

    /// What is known of a chain beyond a head; `None`: the head is beyond what is known.
    fn compared(&self, group: &Group, index: u8, head: Head) -> Option<Option<Links>> {
        let Some(chain) = group.chain_at(index) else {
            let is_named = group.authority.server(index).is_some();
            return (!is_named || head.number == 0).then_some(None);
        };
        let next = head.number.saturating_add(1);
        match chain.compare(&*self.keys.crypto, head) {
            Compared::Behind { .. } => None,
            Compared::Same | Compared::Fork => Some(None),
            Compared::Ahead => Some(Some(chain.links_from(next))),
            // Nothing of it is known there, or what was is older than all that is kept.
            Compared::Unknown => Some(Some(chain.links_from(0))),
        }
    }

    /// What a partner has of this server: it is told the rest.
    fn holding_in(&mut self, f: NodeAddr, id: GroupId, rules_serial: u64, theirs: [u8; 32]) {
        let known = self.tenant.group_of(id);
        let Some((name, group)) = known.filter(|(_, it)| self.is_partner_in(it, f)) else {
            return;
        };
        if group.rules_rank(&*self.keys.crypto, &group.authority) > rules_serial {
            let name = name.to_owned();
            self.charge(f, &name);
        }
        let Some((_, group)) = self.tenant.group_of(id) else {
            return;
        };
        let own = group.admissions.values();
        if digest(&*self.keys.crypto, own.clone().map(|it| it.member)) == theirs {
            return;
        }
        for admissions in pages(own) {
            let group = id;
            self.tell_partner(f, PartnerMessage::Admitted { group, admissions });
        }
    }

    /// Entries for a partner, or for a member.
    pub(super) fn tell_entries(&mut self, to: NodeAddr, group: GroupId, links: Links) {
        let said = Message::Entries { group, links };
        if self.partners.contains_key(&to) {
            self.tell_partner(to, PartnerMessage::Said(said));
        } else {
            self.tell(to, ToMember::Member(said));
        }
    }

    pub(super) fn tell_partner(&mut self, to: NodeAddr, message: PartnerMessage) {
        self.tell(to, ToMember::Agent(AgentMessage::Partner(message)));
    }

    /// The partners in touch that manage a group, and the indices of their chains.
    pub(super) fn partners_of_group(&self, name: &str) -> Vec<(NodeAddr, u8)> {
        let Some(group) = self.tenant.groups.get(name) else {
            return Vec::new();
        };
        let online = self.partners_online.iter();
        let there = online.filter_map(|f| Some((*f, group.authority.index_of(*f)?)));
        there.collect()
    }

    /// The partners may be others than before.
    pub(super) fn note_partners(&mut self) {
        let partners = self.tenant.partners_of(self.signer().public());
        if partners != self.partners {
            self.partners_online.retain(|f| partners.contains_key(f));
            self.partners = partners;
            self.effect(Effect::Partners(self.partners.clone()));
        }
    }
}
