//! What nodes say to the server, and the answers.

use group::MemberName;
use group::agent::{AgentMessage, Answer, Have, ToMember};
use group::statement::{Admission, GroupId, Lease};
use identity::crypto::Rng;
use wire::NodeAddr;
use wire::invite::SECRET_LEN;

use super::{Effect, OrderError, PAGE_LEN, Service, Store};
use crate::actor::{Actor, InviteId};
use crate::command::{Command, Enrolment};
use crate::decide::Reply;
use crate::model::{Group, Tenant};
use crate::partners::name_in;

/// A node that resumes.
struct Resume<'a> {
    f: NodeAddr,
    rev: u64,
    renew: bool,
    after: GroupId,
    have: &'a [Have],
}

impl Service {
    /// A node says something. The session has proven who it is.
    pub fn hear(
        &mut self,
        store: &mut dyn Store,
        now_unix_s: u64,
        rng: &mut dyn Rng,
        f: NodeAddr,
        message: AgentMessage,
    ) {
        match message {
            AgentMessage::Enrol(enrol) => {
                let invite = self.invite_id(&enrol.secret);
                let command = Command::Enrol(Enrolment {
                    invite,
                    kind: enrol.kind,
                    prefixes: enrol.prefixes,
                    name: enrol.name,
                });
                self.enrol(store, now_unix_s, rng, f, &command);
            }
            AgentMessage::EnrolLocked(enrol) => {
                let invite = self.invite_id(&enrol.secret);
                let admission = Box::new(enrol.admission);
                let command = Command::EnrolLocked { invite, admission };
                self.enrol(store, now_unix_s, rng, f, &command);
            }
            AgentMessage::Resume {
                rev,
                renew,
                after,
                have,
            } => {
                let resume = Resume {
                    f,
                    rev,
                    renew,
                    after,
                    have: &have,
                };
                self.resume(store, now_unix_s, &resume);
            }
            AgentMessage::Locate { f: of } => {
                if self.share(now_unix_s, f, of) {
                    self.effect(Effect::Locate { to: f, f: of });
                }
            }
            AgentMessage::Find(name) => self.find(now_unix_s, f, name),
            AgentMessage::SignIn(sign_in) => self.sign_in(store, now_unix_s, f, *sign_in),
            AgentMessage::SignOut { request } => self.sign_out(store, now_unix_s, rng, f, request),
            AgentMessage::Partner(message) => {
                self.hear_partner(store, now_unix_s, rng, f, message);
            }
            AgentMessage::SignInAnswer { .. }
            | AgentMessage::SignIns(_)
            | AgentMessage::Enrolled { .. }
            | AgentMessage::Found { .. }
            | AgentMessage::Welcome(_)
            | AgentMessage::Current { .. }
            | AgentMessage::Located { .. } => {}
        }
    }

    fn invite_id(&self, secret: &[u8; SECRET_LEN]) -> InviteId {
        InviteId(self.keys.crypto.invite_id(secret))
    }

    /// A node's session has ended.
    pub fn offline(&mut self, f: NodeAddr) {
        self.online.remove(&f);
        self.partners_online.remove(&f);
    }

    fn enrol(
        &mut self,
        store: &mut dyn Store,
        now_unix_s: u64,
        rng: &mut dyn Rng,
        f: NodeAddr,
        command: &Command,
    ) {
        let done = self.order(store, now_unix_s, rng, Actor::Node { f }, command);
        let (answer, text) = match done {
            Ok(Reply::Enrolled { member }) => (Answer::Done, member),
            Ok(_) => (Answer::Done, String::new()),
            Err(OrderError::Refused(refusal)) => (Answer::Refused, refusal.to_json()),
            Err(error) => (Answer::Later, error.to_string()),
        };
        if answer == Answer::Done {
            let resume = Resume {
                f,
                rev: 0,
                renew: true,
                after: GroupId([0; 16]),
                have: &[],
            };
            self.resume(store, now_unix_s, &resume);
        }
        let answered = AgentMessage::Enrolled { answer, text };
        self.tell(f, ToMember::Agent(answered));
    }

    fn resume(&mut self, store: &dyn Store, now_unix_s: u64, resume: &Resume<'_>) {
        let f = resume.f;
        if !self.tenant.has_node(f) {
            return;
        }
        if !resume.renew && !self.tenant.has_news(f, resume.rev) {
            self.online.insert(f, true);
            return self.tell_current(f);
        }
        if resume.after == GroupId([0; 16]) {
            self.tell_sign_ins(f);
        }
        let next = self.tell_page(store, now_unix_s, resume);
        self.online.insert(f, next.is_none());
        match next {
            None => self.tell_current(f),
            Some(next) => {
                let rev = resume.rev;
                let more = AgentMessage::Current { rev, next };
                self.tell(f, ToMember::Agent(more));
            }
        }
    }

    /// Tells a node of its groups after one, until the page is full; the last one told, then.
    fn tell_page(
        &mut self,
        store: &dyn Store,
        now_unix_s: u64,
        resume: &Resume<'_>,
    ) -> Option<GroupId> {
        let secret = |of| store.secret(of).ok().flatten();
        let f = resume.f;
        let mut told = Vec::new();
        let (mut len, mut last) = (0, None);
        let groups = self.tenant.groups_of(now_unix_s, f);
        let mut groups = groups
            .into_iter()
            .filter(|(_, group)| group.id > resume.after)
            .peekable();
        while let Some((title, group)) = groups.next() {
            let have = resume.have.iter().find(|have| have.group == group.id);
            let head = have.map(|have| have.head);
            let by = self.signer();
            let welcome = self.tenant.welcome(
                &by,
                now_unix_s,
                f,
                (title, group),
                (head, resume.rev),
                &secret,
            );
            for message in welcome.into_iter().flat_map(|it| self.messages(it)) {
                len += length(&message);
                told.push(message);
            }
            if len >= PAGE_LEN && groups.peek().is_some() {
                last = Some(group.id);
                break;
            }
        }
        for message in told {
            self.tell(f, message);
        }
        last
    }

    /// Tells who is called so in a group of the node that asks.
    fn find(&mut self, now_unix_s: u64, f: NodeAddr, name: MemberName) {
        let groups = self.tenant.groups_of(now_unix_s, f).into_iter();
        let groups: Vec<_> = groups.filter(|(title, _)| name.is_in(title)).collect();
        let called = |same: &dyn Fn(&str) -> bool| {
            let mut groups = groups.iter().map(|(_, group)| *group);
            groups.find_map(|group| self.called(now_unix_s, group, same))
        };
        // Whoever is called exactly so, before others.
        let so = called(&|it| it == name.member);
        let member = so.or_else(|| called(&|it| name.is_of(it)));
        let member = member.map(Box::new);
        self.tell(f, ToMember::Agent(AgentMessage::Found { name, member }));
    }

    /// A member of a group that is called as asked for, with a lease from now on.
    fn called(
        &self,
        now_unix_s: u64,
        group: &Group,
        same: &dyn Fn(&str) -> bool,
    ) -> Option<(Lease, Admission)> {
        let own = group.admissions.iter().filter(|(it, _)| same(it));
        let own = own.filter_map(|(it, admission)| {
            let member = self.tenant.members.get(it)?;
            Some((admission, Tenant::sign_in_end(member, group)))
        });
        let held = group.held().map(|(_, it)| (it, u64::MAX));
        let held = held.filter(|(it, _)| name_in(it).is_some_and(|it| same(&it)));
        // Servers that did not hear of each other may both have given the name: the first has it.
        let called = own.chain(held);
        let (admission, end) = called.min_by_key(|(it, _)| (it.issued_unix_s, it.member.f))?;
        let index = group.chain.index();
        let (member, by) = (admission.member, self.signer());
        let times = (now_unix_s < end).then_some((now_unix_s, end))?;
        let lease = Lease::issue_until(&by, index, group.id, member, times);
        Some((lease, admission.clone()))
    }

    /// Whether two nodes are in a group together, or one asks for this server.
    fn share(&self, now_unix_s: u64, one: NodeAddr, other: NodeAddr) -> bool {
        let mut groups = self.tenant.groups_of(now_unix_s, one).into_iter();
        if groups.any(|(_, group)| group.authority.index_of(other).is_some()) {
            return true;
        }
        // Whoever still waits to be admitted is told of nobody, and nobody of it.
        let mut groups = self.tenant.groups_of(now_unix_s, one).into_iter();
        groups.any(|(title, _)| self.tenant.is_there(now_unix_s, other, title))
    }
}

fn length(message: &ToMember) -> usize {
    match message {
        ToMember::Agent(message) => message.encode().len(),
        ToMember::Member(message) => message.encode().len(),
    }
}
