//! Lines of management servers: using one, and finding other members through a server, by address
//! or by name.
//!
//! The line names the server and opens its gate; the invite's own secret is told to the server
//! alone, inside the session. Enrolments under way do not survive a restart; the line may be given
//! again.

use std::net::SocketAddr;
use std::time::Duration;

use group::MemberName;
use group::agent::{AgentMessage, Answer, Enrol, EnrolLocked};
use group::lock::Lock;
use group::partner::PartnerMessage;
use group::statement::{Admission, GroupId, Lease, Signer, Wanted};
use group::{Access, Kind};
use identity::PublicIdentity;
use identity::crypto::random;
use mesh::Source;
use session::handshake::Credential;
use wire::invite::{ENDPOINTS_MAX, Invite, Purpose};
use wire::payload::CloseReason;
use wire::{Endpoint, NodeAddr, Now};

use crate::grouping::Enrolling;
use crate::invites::usable;
use crate::machine::Node;
use crate::stored::groups::SERVERS_MAX;
use crate::{Event, JoinError};

impl Node {
    /// Uses the line of a server, to become a member of its groups, called `name` unless the line
    /// says otherwise. [`Event::Enrolled`] or [`Event::EnrolFailed`] follows; the server's F.
    ///
    /// # Errors
    /// See [`JoinError`]; then nothing was sent.
    pub fn join_groups(
        &mut self,
        now: Now,
        line: &str,
        name: Option<String>,
    ) -> Result<NodeAddr, JoinError> {
        let f = self.note_line(now, line, name)?;
        self.agents_due(now);
        self.settle(now);
        Ok(f)
    }

    /// Notes the line of a server, which is to be called.
    pub(super) fn note_line(
        &mut self,
        now: Now,
        line: &str,
        name: Option<String>,
    ) -> Result<NodeAddr, JoinError> {
        let invite =
            Invite::parse(line, |bytes| self.crypto.sha256(&[bytes])).map_err(JoinError::Line)?;
        let Purpose::Group { gate } = invite.purpose else {
            return Err(JoinError::NotAGroup);
        };
        let identity = self.judge_place(now, &invite)?;
        let f = identity.address();
        if let Access::Denied(_) = self.access(f) {
            return Err(JoinError::Denied(f));
        }
        let (group, admission) = self.unlock(now, &invite.lock, name.as_deref())?;
        let agents = &self.groups.agents;
        if agents.len() >= SERVERS_MAX && !agents.contains_key(&f) {
            return Err(JoinError::TooMany);
        }
        if self.admit_identity(now, identity).is_err() {
            return Err(JoinError::TooMany);
        }
        let left = Duration::from_secs(invite.expires_unix_s.saturating_sub(now.unix_s));
        let agent = self.groups.agents.entry(f).or_default();
        let places = usable(&invite.place.endpoints);
        if !places.is_empty() {
            agent.endpoints = places;
        }
        agent.enrolling = Some(Enrolling {
            secret: invite.secret,
            gate,
            name,
            group,
            admission,
            partner: None,
            expires: now.mono.saturating_add(left),
        });
        agent.next_call = Some(now.mono);
        self.use_bridges_of(now, &invite);
        Ok(f)
    }

    /// The gate of a server that this node enrols at.
    pub(crate) fn gate_credential(&self, f: NodeAddr) -> Option<Credential> {
        let enrolling = self.groups.agents.get(&f)?.enrolling.as_ref()?;
        Some(Credential::of_invite(&*self.crypto, &enrolling.gate))
    }

    /// Says by which line this node comes; whether it comes by one.
    pub(crate) fn enrol(&mut self, now: Now, f: NodeAddr) -> bool {
        let agent = self.groups.agents.get(&f);
        let Some(enrolling) = agent.and_then(|agent| agent.enrolling.as_ref()) else {
            return false;
        };
        if let Some(come) = &enrolling.partner {
            let come = PartnerMessage::Come((**come).clone());
            self.tell_server(now, f, &AgentMessage::Partner(come));
            return true;
        }
        let secret = enrolling.secret;
        let message = match &enrolling.admission {
            Some(admission) => AgentMessage::EnrolLocked(Box::new(EnrolLocked {
                secret,
                admission: (**admission).clone(),
            })),
            None => AgentMessage::Enrol(Enrol {
                secret,
                kind: self.own_kind(),
                name: enrolling.name.clone(),
                prefixes: self.config.routed_prefixes(),
            }),
        };
        self.tell_server(now, f, &message);
        true
    }

    fn own_kind(&self) -> Kind {
        match self.config.routed_prefixes().is_empty() {
            true => Kind::Ges,
            false => Kind::Gen,
        }
    }

    /// What the line of a locked group says: which group that is, and, by the key in it, that this node belongs to
    /// it. The key never leaves this node.
    fn unlock(
        &mut self,
        now: Now,
        lock: &[u8],
        name: Option<&str>,
    ) -> Result<(Option<GroupId>, Option<Box<Admission>>), JoinError> {
        if lock.is_empty() {
            return Ok((None, None));
        }
        let lock = Lock::decode(lock);
        let lock = lock.map_err(|error| JoinError::Line(error.into()))?;
        let group = lock.genesis.id(&*self.crypto);
        let Some(invite) = &lock.invite else {
            return Ok((Some(group), None));
        };
        let refused = || JoinError::NotAdmitted(lock.name.clone());
        let bounds = invite.certificate.bounds();
        if bounds.until_unix_s <= now.unix_s {
            let expired_unix_s = bounds.until_unix_s;
            return Err(JoinError::Expired { expired_unix_s });
        }
        let serial = u64::from_be_bytes(random(&mut self.rng));
        let wanted = Wanted {
            kind: self.own_kind(),
            prefixes: self.config.routed_prefixes(),
            ..Wanted::plain(self.f, serial, now.unix_s, name.unwrap_or("node"))
        };
        let by = Signer {
            crypto: &*self.crypto,
            seed: &invite.seed,
        };
        let certificate = &invite.certificate;
        let is_key = by.public() == certificate.key;
        let is_signed = certificate.holds(&*self.crypto, &lock.genesis);
        if !is_key || !is_signed {
            return Err(refused());
        }
        let admission = Admission::by_invite(certificate, &by, &wanted).map_err(|_| refused())?;
        Ok((Some(group), Some(Box::new(admission))))
    }

    /// The server's answer.
    pub(crate) fn enrolled_in(&mut self, now: Now, f: NodeAddr, answer: Answer, text: String) {
        let Some(agent) = self.groups.agents.get_mut(&f) else {
            return;
        };
        if agent.enrolling.is_none() {
            return;
        }
        agent.answer_by = None;
        match answer {
            Answer::Done => {
                let agent = self.groups.agents.get_mut(&f);
                let enrolling = agent.and_then(|agent| agent.enrolling.take());
                // A partner puts this node into no groups.
                if enrolling.is_some_and(|it| it.partner.is_none()) {
                    self.note_server(now, f);
                }
                self.event(Event::Enrolled {
                    server: f,
                    name: text,
                });
            }
            Answer::Refused => self.enrolment_over(now, f, Some(text)),
            // It could not write it down: the session ends and this node comes again.
            Answer::Later => self.cut(now, f, CloseReason::Replaced),
        }
    }

    pub(crate) fn expire_enrolling(&mut self, now: Now, f: NodeAddr) {
        let agent = self.groups.agents.get(&f);
        let enrolling = agent.and_then(|agent| agent.enrolling.as_ref());
        if enrolling.is_some_and(|it| it.expires <= now.mono) {
            self.enrolment_over(now, f, None);
        }
    }

    fn enrolment_over(&mut self, now: Now, f: NodeAddr, why: Option<String>) {
        if let Some(agent) = self.groups.agents.get_mut(&f) {
            agent.enrolling = None;
        }
        self.refresh_agents(now);
        self.event(Event::EnrolFailed { server: f, why });
        if !self.may_meet(f) {
            self.cut(now, f, CloseReason::ShuttingDown);
        }
    }

    /// Asks every server where F is, for this node does not know who that is, or where.
    pub(crate) fn locate(&mut self, now: Now, f: NodeAddr) {
        let servers: Vec<NodeAddr> = self.groups.agents.keys().copied().collect();
        for server in servers {
            let there = server == self.f || self.peer_is_up(server);
            if there && server != f {
                self.tell_server(now, server, &AgentMessage::Locate { f });
            }
        }
    }

    /// Who a member's name stands for, of those whom this node has met, and itself.
    pub fn called(&self, now: Now, name: &MemberName) -> Option<NodeAddr> {
        self.groups.keyring.called(now.unix_s, name)
    }

    /// Asks who a member's name stands for. [`Event::Named`] follows, once for each server that is
    /// in touch and says something; at once, if the member is. Who is asked.
    pub fn find(&mut self, now: Now, name: &MemberName) -> Vec<NodeAddr> {
        if let Some(f) = self.called(now, name) {
            let (name, f, by) = (name.clone(), Some(f), self.f);
            self.event(Event::Named { name, f, by });
            return vec![by];
        }
        let servers: Vec<NodeAddr> = self.groups.agents.keys().copied().collect();
        let there = servers
            .into_iter()
            .filter(|server| *server == self.f || self.peer_is_up(*server));
        let there: Vec<NodeAddr> = there.collect();
        for server in &there {
            self.tell_server(now, *server, &AgentMessage::Find(name.clone()));
        }
        self.settle(now);
        there
    }

    pub(crate) fn found_in(
        &mut self,
        now: Now,
        (name, by): (MemberName, NodeAddr),
        member: Option<&(Lease, Admission)>,
    ) {
        let keyring = &self.groups.keyring;
        let f = member.and_then(|member| keyring.named(&*self.crypto, now.unix_s, &name, member));
        self.event(Event::Named { name, f, by });
    }

    /// A server says where F may be. Who F is has to hold by itself.
    pub(crate) fn located_in(
        &mut self,
        now: Now,
        f: NodeAddr,
        endpoints: &[SocketAddr],
        identity: &[u8],
    ) {
        if f == self.f || !self.may_seek(f) {
            return;
        }
        let identity = PublicIdentity::from_bytes(&*self.crypto, identity).ok();
        let Some(identity) = identity.filter(|identity| identity.address() == f) else {
            return;
        };
        let is_server = self.is_own_server(f);
        // Nobody is remembered that this node did not ask for.
        if !is_server && !self.known.contains_key(&f) && !self.wanted.contains_key(&f) {
            return;
        }
        if self.admit_identity(now, identity).is_err() {
            return;
        }
        if is_server {
            let usable = endpoints.iter().copied();
            let usable: Vec<SocketAddr> = usable
                .filter(|at| Endpoint::new(*at).is_usable())
                .take(ENDPOINTS_MAX)
                .collect();
            return self.note_place(now, f, &usable);
        }
        let peer = self.peers.entry(f).or_default();
        for at in endpoints
            .iter()
            .filter(|at| Endpoint::new(**at).is_usable())
        {
            peer.candidates.add(now.mono, *at, Source::Told);
        }
        if !self.peer_is_up(f) {
            self.call(now, f);
        }
    }
}
