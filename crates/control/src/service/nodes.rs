//! What nodes say to the server, and the answers.

use group::MemberName;
use group::agent::{AgentMessage, Answer, Enrol, Have, ToMember};
use group::statement::{GroupId, Lease};
use identity::crypto::Rng;
use wire::NodeAddr;

use super::{Effect, OrderError, PAGE_LEN, Service, Store};
use crate::actor::{Actor, InviteId};
use crate::command::{Command, Enrolment};
use crate::decide::Reply;
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
            AgentMessage::Enrol(enrol) => self.enrol(store, now_unix_s, rng, f, enrol),
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
                if self.share(f, of) {
                    self.effect(Effect::Locate { to: f, f: of });
                }
            }
            AgentMessage::Find(name) => self.find(now_unix_s, f, name),
            AgentMessage::Partner(message) => {
                self.hear_partner(store, now_unix_s, rng, f, message);
            }
            AgentMessage::Enrolled { .. }
            | AgentMessage::Found { .. }
            | AgentMessage::Welcome(_)
            | AgentMessage::Current { .. }
            | AgentMessage::Located { .. } => {}
        }
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
        enrol: Enrol,
    ) {
        let command = Command::Enrol(Enrolment {
            invite: InviteId(self.keys.crypto.invite_id(&enrol.secret)),
            kind: enrol.kind,
            prefixes: enrol.prefixes,
            name: enrol.name,
        });
        let done = self.order(store, now_unix_s, rng, Actor::Node { f }, &command);
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
        let groups = self.tenant.groups_of(f);
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
        let groups = self.tenant.groups_of(f).into_iter();
        let mut groups =
            groups.filter(|(title, _)| name.group.as_deref().is_none_or(|it| it == *title));
        let member = groups.find_map(|(_, group)| {
            let held = group.held().map(|(_, it)| it);
            let held = held.filter(|it| name_in(it).as_deref() == Some(&name.member));
            let called = group.admissions.get(&name.member).into_iter().chain(held);
            // Servers that did not hear of each other may both have given the name: the first has it.
            let admission = called.min_by_key(|it| (it.issued_unix_s, it.member.f))?;
            let index = group.chain.index();
            let (member, by) = (admission.member, self.signer());
            let lease = Lease::issue(&by, index, group.id, member, now_unix_s);
            Some(Box::new((lease, admission.clone())))
        });
        self.tell(f, ToMember::Agent(AgentMessage::Found { name, member }));
    }

    /// Whether two nodes are in a group together, or one asks for this server.
    fn share(&self, one: NodeAddr, other: NodeAddr) -> bool {
        let mut groups = self.tenant.groups_of(one).into_iter();
        if groups.any(|(_, group)| group.authority.index_of(other).is_some()) {
            return true;
        }
        let mut groups = self.tenant.groups_of(one).into_iter();
        if groups.any(|(_, group)| {
            group.held().any(|(f, _)| f == other || f == one)
                && self.tenant.admission_of(group, other).is_some()
        }) {
            return true;
        }
        let names = (self.tenant.nodes.get(&one), self.tenant.nodes.get(&other));
        let (Some(one), Some(other)) = names else {
            return false;
        };
        let members = &self.tenant.members;
        match (members.get(one), members.get(other)) {
            (Some(one), Some(other)) => !one.groups.is_disjoint(&other.groups),
            _ => false,
        }
    }
}

fn length(message: &ToMember) -> usize {
    match message {
        ToMember::Agent(message) => message.encode().len(),
        ToMember::Member(message) => message.encode().len(),
    }
}
