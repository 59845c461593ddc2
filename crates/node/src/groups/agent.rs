//! Keeping in touch with the servers of this node's groups: a session with each, always; with one
//! instance of each, if it has several.
//!
//! | event | what follows |
//! |---|---|
//! | start, a new server | call |
//! | session stands | enrol, if a line is being used; else resume where this node is |
//! | [`PROBE`] since the last probe | ping: keeps NATs open, finds a dead server |
//! | nothing was answered for [`ANSWER`] | say it again |
//! | a lease is 12 h old | ask for another, at a moment of its own |
//! | the user of this node has signed out | say that first ([`super::sign_in`]) |
//! | a ping unanswered for [`PROBE_LOST`] | call again: it may have lost its keys |
//! | another instance of the same server is in touch | nothing; its place is asked for now and then |
//! | that instance is not in touch any more, or answers no ping | call, at once |
//! | this node is taken out of the last group of a server | in `waiting` |
//! | the session ends | call again, later each time up to [`CALL_AGAIN_MAX`], at a moment of its own |
//!
//! Nothing waits for a server: what it told is kept, and members go on without it.

use std::collections::BTreeSet;
use std::time::Duration;

use group::agent::{AgentMessage, Given, Have};
use group::keyring::{KeyringError, Welcome};
use group::partner::PartnerMessage;
use group::statement::{Genesis, GroupId, RENEW_AFTER_S};
use identity::crypto::random;
use mesh::Source;
use wire::payload::CloseReason;
use wire::{NodeAddr, Now};
use zeroize::Zeroize;

use crate::grouping::Agent;
use crate::machine::Node;
use crate::stored::groups::{GroupChange, SERVERS_MAX, ServerRecord};
use crate::{DropReason, Event, Output};

/// Time between two pings of a server: below what NATs forget an idle UDP flow after.
const PROBE: Duration = Duration::from_secs(25);
/// A server that answers no ping for this long is called again.
const PROBE_LOST: Duration = Duration::from_secs(2);
/// A server is called again after 1 s, then twice that each time, and never later than this.
pub(crate) const CALL_AGAIN_MAX: Duration = Duration::from_secs(16);
/// After this time what a server has not answered is said again: it had too much to do.
const ANSWER: Duration = Duration::from_secs(20);
/// The ping's number.
pub(crate) const SERVER_PROBE_ID: u32 = u32::MAX - 1;
/// Leases are renewed at a moment of this node's own within this time.
const RENEW_JITTER_S: u64 = 3_600;

impl Node {
    /// Reads the groups that are kept, and notes their servers to be called at once.
    pub(crate) fn start_groups(&mut self, now: Now) {
        let kept: Vec<_> = self.stored.grouping.groups.values().cloned().collect();
        for record in kept {
            let welcome = record.welcome();
            let restored = welcome.map(|it| self.groups.keyring.restore(&*self.crypto, it));
            if !matches!(restored, Some(Ok(()))) {
                let group = GroupId(record.id);
                self.event(Event::GroupDamaged { group });
            }
        }
        self.groups.keyring.expire(now.unix_s);
        self.note_sign_ins(now);
        self.refresh_agents(now);
        self.judge_members(now);
    }

    /// The servers that this node is to be in touch with, by its groups.
    pub(crate) fn refresh_agents(&mut self, now: Now) {
        let mut servers = self.groups.keyring.servers();
        // Where somebody may sign in there may be no group yet.
        servers.extend(self.stored.grouping.sign_ins.keys());
        servers.extend(self.waited_for(now));
        if let Some(managing) = &self.groups.managing {
            servers.insert(self.f);
            servers.extend(managing.partners.keys());
        }
        let agents = &self.groups.agents;
        let is_over = |f: &NodeAddr| {
            let enrols = agents.get(f).is_some_and(|it| it.enrolling.is_some());
            !enrols && !servers.contains(f)
        };
        let over = agents.keys().copied().chain(self.waited_in_vain(now));
        let over: BTreeSet<NodeAddr> = over.filter(is_over).collect();
        for f in over {
            self.groups.agents.remove(&f);
            self.persist_group(GroupChange::ServerForgotten { f });
            if self.peer_is_up(f) && !self.may_meet(f) {
                self.cut(now, f, CloseReason::NotAllowed);
            }
        }
        for f in servers {
            let has_room = self.groups.agents.len() < SERVERS_MAX;
            if has_room && !self.groups.agents.contains_key(&f) {
                let turn = self.turn_of(f);
                let record = self.stored.grouping.servers.get(&f);
                let agent = Agent {
                    endpoints: record.map_or_else(Vec::new, |it| it.endpoints.clone()),
                    next_call: Some(now.mono.saturating_add(turn)),
                    ..Agent::default()
                };
                self.groups.agents.insert(f, agent);
            }
        }
        self.note_renewal(now);
    }

    /// Whether F is a server of this node, or may become one.
    pub(crate) fn is_own_server(&self, f: NodeAddr) -> bool {
        self.groups.agents.contains_key(&f)
    }

    /// What is due for servers.
    pub(crate) fn agents_due(&mut self, now: Now) {
        let is_due = |agent: &Agent| agent.timeout().is_some_and(|at| at <= now.mono);
        let due = self.groups.agents.iter().filter(|(_, it)| is_due(it));
        let due: Vec<NodeAddr> = due.map(|(f, _)| *f).collect();
        for f in due {
            self.expire_enrolling(now, f);
            let Some(agent) = self.groups.agents.get_mut(&f) else {
                continue;
            };
            let is_over = |at: &mut Duration| *at <= now.mono;
            let lost = agent.probing.take_if(is_over).is_some();
            let (call, probe, again, renew, heads) = (
                agent.next_call.take_if(is_over).is_some(),
                agent.next_probe.take_if(is_over).is_some(),
                agent.answer_by.take_if(is_over).is_some(),
                agent.renew_at.take_if(is_over).is_some(),
                agent.heads_at.take_if(is_over).is_some(),
            );
            if call {
                self.call_server(now, f);
            }
            if probe && self.peer_is_up(f) {
                self.probe_server(now, f);
            }
            if lost {
                // It may have started again: then it knows this session no more.
                self.ensure_session(f).initiate(now.mono);
                self.touched.insert(f);
                self.doubt(now, f);
            }
            if again && (f == self.f || self.peer_is_up(f)) {
                self.come_to(now, f);
            }
            if heads && (f == self.f || self.peer_is_up(f)) {
                self.tell_heads(now, f);
            }
            if renew {
                // Another server, or another instance, may have given one meanwhile, and one may be away.
                let is_there = f == self.f || self.peer_is_up(f);
                if is_there && self.has_old_lease(now, f) {
                    self.resume(now, f, GroupId([0; 16]), true);
                }
                self.note_renewal_of(now, f);
            }
        }
    }

    fn call_server(&mut self, now: Now, f: NodeAddr) {
        if f == self.f {
            return self.server_up(now, f, false);
        }
        let enrols = self
            .groups
            .agents
            .get(&f)
            .is_some_and(|it| it.enrolling.is_some());
        if !enrols && let Some(sister) = self.sister_in_touch(f) {
            return self.stand_by(now, f, sister);
        }
        let is_known = self.identity_of(f).is_some();
        let Some(agent) = self.groups.agents.get_mut(&f) else {
            return;
        };
        if !is_known {
            // Nobody may be there who could say who that is.
            agent.next_call = Some(now.mono.saturating_add(CALL_AGAIN_MAX));
        }
        agent.calls = agent.calls.saturating_add(1);
        let endpoints = agent.endpoints.clone();
        let peer = self.peers.entry(f).or_default();
        for at in endpoints {
            peer.candidates.add(now.mono, at, Source::Invite);
        }
        if self.peer_is_up(f) {
            self.server_up(now, f, false);
        } else {
            self.call(now, f);
        }
    }

    fn probe_server(&mut self, now: Now, f: NodeAddr) {
        self.ensure_session(f).ping(now.mono, SERVER_PROBE_ID);
        self.touched.insert(f);
        self.note_probe(now, f);
        if let Some(agent) = self.groups.agents.get_mut(&f) {
            agent.probing = Some(now.mono.saturating_add(PROBE_LOST));
        }
    }

    /// A server has answered a ping.
    pub(crate) fn server_echo(&mut self, now: Now, f: NodeAddr) {
        if let Some(agent) = self.groups.agents.get_mut(&f) {
            agent.probing = None;
        }
        self.trust_again(now, f);
    }

    fn note_probe(&mut self, now: Now, f: NodeAddr) {
        if let Some(agent) = self.groups.agents.get_mut(&f) {
            agent.next_probe = Some(now.mono.saturating_add(PROBE));
        }
    }

    /// A session with a server stands; one that continued needs nothing.
    pub(crate) fn server_up(&mut self, now: Now, f: NodeAddr, continued: bool) {
        let Some(agent) = self.groups.agents.get_mut(&f) else {
            return;
        };
        (agent.next_call, agent.calls) = (None, 0);
        (agent.probing, agent.is_doubtful) = (None, false);
        if f != self.f && agent.enrolling.is_none() && self.sister_in_touch(f).is_some() {
            return self.excuse(now, f);
        }
        if f != self.f {
            self.note_probe(now, f);
        }
        if continued {
            return;
        }
        self.come_to(now, f);
    }

    /// Says to a server by which line this node comes, or how far it has come.
    pub(crate) fn come_to(&mut self, now: Now, f: NodeAddr) {
        if self.enrol(now, f) {
            return;
        }
        let is_partner = self.is_partner(f);
        if is_partner {
            self.greet_partner(now, f);
        }
        let mut managed = self.groups.keyring.managed_by(f);
        if !is_partner || managed.next().is_some() {
            drop(managed);
            self.sign_out_first(now, f);
            self.resume(now, f, GroupId([0; 16]), false);
            self.tell_heads(now, f);
        }
    }

    /// The session with a server has ended.
    pub(crate) fn server_down(&mut self, now: Now, f: NodeAddr) {
        let jitter = u64::from(u16::from_be_bytes(random(&mut self.rng)));
        let Some(agent) = self.groups.agents.get_mut(&f) else {
            return;
        };
        let wait = Duration::from_secs(1 << agent.calls.min(4)).min(CALL_AGAIN_MAX);
        // Between half and all of it: servers that return are not called by all at once.
        let part = Duration::from_millis(jitter % 1_000) * (wait.as_secs() as u32).max(1) / 2;
        agent.next_call = Some(now.mono.saturating_add(wait / 2).saturating_add(part));
        (agent.next_probe, agent.answer_by) = (None, None);
        agent.probing = None;
        if self.sister_in_touch(f).is_none() {
            self.call_sisters(now, f);
        }
    }

    /// Asks a server for what it has to tell, after `after` if an answer had no more room.
    pub(crate) fn resume(&mut self, now: Now, f: NodeAddr, after: GroupId, renew: bool) {
        let rev = self.rev_of(f);
        let keyring = &self.groups.keyring;
        let have = keyring.managed_by(f).filter_map(|(group, index)| {
            let mut heads = keyring.heads(group);
            let head = heads.find_map(|(there, head)| (there == index).then_some(head));
            Some(Have { group, head: head? })
        });
        let have: Vec<Have> = have.collect();
        let message = AgentMessage::Resume {
            rev,
            renew: renew || self.has_old_lease(now, f),
            after,
            have,
        };
        self.tell_server(now, f, &message);
    }

    /// Tells a server, which may be this node itself.
    pub(crate) fn tell_server(&mut self, now: Now, f: NodeAddr, message: &AgentMessage) {
        let waits = matches!(
            message,
            AgentMessage::Enrol(_)
                | AgentMessage::EnrolLocked(_)
                | AgentMessage::Resume { .. }
                | AgentMessage::Partner(PartnerMessage::Come(_))
        );
        if let Some(agent) = self.groups.agents.get_mut(&f).filter(|_| waits) {
            agent.answer_by = Some(now.mono.saturating_add(ANSWER));
        }
        if f == self.f {
            let message = message.clone();
            return self.output(Output::ToServer { from: f, message });
        }
        let mut bytes = message.encode();
        self.send_bytes(now, f, message.kind(), &bytes);
        if let AgentMessage::SignIn(_) = message {
            bytes.zeroize();
        }
    }

    /// What a server answers.
    pub(crate) fn server_message_in(&mut self, now: Now, f: NodeAddr, message: AgentMessage) {
        if !self.is_own_server(f) {
            return self.drop_for(DropReason::NotAllowed);
        }
        match message {
            AgentMessage::Welcome(given) => self.welcome_in(now, f, *given),
            AgentMessage::Current { rev, next } => self.current_in(now, f, rev, next),
            AgentMessage::Enrolled { answer, text } => self.enrolled_in(now, f, answer, text),
            AgentMessage::Located {
                f: of,
                endpoints,
                identity,
            } => self.located_in(now, of, &endpoints, &identity),
            AgentMessage::Found { name, member } => {
                self.found_in(now, (name, f), member.as_deref());
            }
            AgentMessage::SignIns(told) => self.sign_ins_in(now, f, told),
            AgentMessage::SignInAnswer { request, answer } => {
                self.sign_in_answered(now, f, request, answer);
            }
            AgentMessage::Partner(_)
            | AgentMessage::SignIn(_)
            | AgentMessage::SignOut { .. }
            | AgentMessage::Enrol(_)
            | AgentMessage::EnrolLocked(_)
            | AgentMessage::Resume { .. }
            | AgentMessage::Locate { .. }
            | AgentMessage::Find(_) => {}
        }
    }

    /// A server says that this node is in a group, or gives it another lease.
    fn welcome_in(&mut self, now: Now, f: NodeAddr, given: Given) {
        let group = given.admission.group;
        let names_it = given.authority.servers.iter().flatten().any(|it| it.f == f);
        let is_welcome = names_it && self.has_agreed(f, group);
        if !is_welcome || !self.is_expected(f, &given.genesis) || self.has_signed_out(f, group) {
            return self.drop_for(DropReason::NotAllowed);
        }
        let is_new = self.groups.keyring.membership(group).is_none();
        let name = given.name.clone();
        let welcome = Welcome {
            name: given.name,
            genesis: given.genesis,
            authority: given.authority,
            admission: given.admission,
            lease: given.lease,
            links: Vec::new(),
            secrets: Vec::new(),
            rules: given.rules,
        };
        let keyring = &mut self.groups.keyring;
        match keyring.welcome(&*self.crypto, now.unix_s, welcome) {
            Ok(_) => {}
            Err(KeyringError::Lease) => {
                // Either of the two clocks is wrong: nothing else is, if the server is honest.
                self.event(Event::GroupClock { server: f });
                return self.drop_for(DropReason::Membership);
            }
            Err(_) => return self.drop_for(DropReason::Membership),
        }
        self.keep_group(group);
        self.note_server(now, f);
        self.waits_no_more(f);
        if is_new {
            self.event(Event::GroupJoined { group, name });
        }
        self.refresh_agents(now);
        self.judge_members(now);
        self.show_again(now, group);
    }

    /// A server belongs to this node because it enrolled there.
    fn has_agreed(&self, f: NodeAddr, group: GroupId) -> bool {
        let agent = self.groups.agents.get(&f);
        let is_known = |f: &NodeAddr| self.stored.grouping.servers.contains_key(f);
        is_known(&f)
            || self.groups.keyring.sisters(f).iter().any(is_known)
            || self.is_server_of(f, group)
            || f == self.f
            || agent.is_some_and(|agent| {
                let enrolling = agent.enrolling.as_ref();
                enrolling.is_some_and(|it| it.partner.is_none())
            })
    }

    /// Whether this node came to a server for a group, or the server may put it there by itself: nobody opens a way
    /// around a lock by a group that is not locked.
    fn is_expected(&self, f: NodeAddr, genesis: &Genesis) -> bool {
        let group = genesis.id(&*self.crypto);
        let agent = self.groups.agents.get(&f);
        let enrolling = agent.and_then(|agent| agent.enrolling.as_ref());
        let came_for = match enrolling {
            Some(enrolling) => enrolling.group.is_none_or(|it| it == group),
            None => false,
        };
        let is_known = self.groups.keyring.membership(group).is_some();
        // Somebody who comes by the line of a locked group has come for nothing else.
        let is_locked = enrolling.is_some_and(|it| it.group.is_some());
        let keyring = &self.groups.keyring;
        let may = || keyring.may_be_put_into(f, genesis, group);
        f == self.f || came_for || is_known || (!is_locked && may())
    }

    /// Remembers a server, and where it is.
    pub(crate) fn note_server(&mut self, _now: Now, f: NodeAddr) {
        if self.stored.grouping.servers.contains_key(&f) {
            return;
        }
        let agent = self.groups.agents.get(&f);
        let server = ServerRecord {
            f,
            endpoints: agent.map_or_else(Vec::new, |agent| agent.endpoints.clone()),
            rev: 0,
            waits_since_unix_s: None,
        };
        self.persist_group(GroupChange::Server { server });
    }

    fn current_in(&mut self, now: Now, f: NodeAddr, rev: u64, next: GroupId) {
        if let Some(agent) = self.groups.agents.get_mut(&f) {
            agent.answer_by = None;
        }
        if next != GroupId([0; 16]) {
            return self.resume(now, f, next, false);
        }
        self.note_server(now, f);
        self.note_rev(f, rev);
        // What another instance said counts no more: it may have been ahead of this one.
        for sister in self.groups.keyring.sisters(f) {
            self.note_rev(sister, 0);
        }
        self.forget_unasked(now);
        self.event(Event::GroupsCurrent { server: f, rev });
    }

    /// Other servers manage a group, and this node's lease was one of those that do no more: it asks the
    /// others at once.
    pub(crate) fn renew_if_old(&mut self, now: Now) {
        let servers: Vec<NodeAddr> = self.groups.agents.keys().copied().collect();
        for f in servers {
            let is_there = f == self.f || self.peer_is_up(f);
            if is_there && self.has_old_lease(now, f) {
                self.resume(now, f, GroupId([0; 16]), true);
            }
        }
    }

    /// Another lease, or another admission: peers in touch that are in the group see it.
    fn show_again(&mut self, now: Now, group: GroupId) {
        for f in self.peers_up() {
            let peer = self.peers.get(&f);
            let proven = peer.map(|peer| &peer.proven);
            if proven.is_some_and(|it| it.groups.contains(&group)) {
                self.show_groups(now, f, &[]);
            }
        }
    }

    fn has_old_lease(&self, now: Now, f: NodeAddr) -> bool {
        let mut groups = self.groups.keyring.managed_by(f);
        groups.any(|(group, _)| {
            let held = self.groups.keyring.statements(group);
            held.is_some_and(|(_, _, lease)| {
                let is_old = lease.from_unix_s.saturating_add(RENEW_AFTER_S) <= now.unix_s;
                is_old && !self.waits_for_sign_in(now, group)
            })
        })
    }

    /// When each server is to be asked for new leases.
    fn note_renewal(&mut self, now: Now) {
        let servers: Vec<NodeAddr> = self.groups.agents.keys().copied().collect();
        for f in servers {
            self.note_renewal_of(now, f);
        }
    }

    /// When one is, at a moment of its own. What is due at another stays as it is: one that is away must
    /// not put off those that are there.
    fn note_renewal_of(&mut self, now: Now, f: NodeAddr) {
        let jitter = u64::from(u16::from_be_bytes(random(&mut self.rng))) % RENEW_JITTER_S;
        let keyring = &self.groups.keyring;
        let leases = keyring
            .managed_by(f)
            .filter(|(group, _)| !self.waits_for_sign_in(now, *group))
            .filter_map(|(group, _)| Some(keyring.statements(group)?.2.from_unix_s));
        let due = leases.min().map(|from| from + RENEW_AFTER_S + jitter);
        // One that is overdue is asked for again after a while.
        let wait = due.map(|at| at.saturating_sub(now.unix_s).max(RENEW_JITTER_S / 12));
        if let Some(agent) = self.groups.agents.get_mut(&f) {
            agent.renew_at = wait.map(|wait| {
                let wait = Duration::from_secs(wait);
                now.mono.saturating_add(wait)
            });
        }
    }
}
