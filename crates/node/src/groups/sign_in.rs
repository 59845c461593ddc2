//! Signing in at this node, for those of its groups that require it (docs/protocol/group.md, section 6.1).
//!
//! | event | what follows |
//! |---|---|
//! | somebody signs in | user and password go to the server, inside the session; nothing is said again by itself |
//! | the server has checked them | leases come that last as long as the sign-in |
//! | somebody signs out | this node forgets the groups at once; the server is told, as soon as it is in touch |
//! | [`ENDING`] before the end | [`Event::SignInEnding`] |
//! | the end | leases run out; [`Event::SignInEnded`] |
//!
//! A server that is not in touch cannot sign anybody in: there is no other way.

use std::collections::BTreeSet;
use std::time::Duration;

use group::agent::{AgentMessage, Password, SignIn, SignInAnswer, SignIns};
use group::statement::GroupId;
use wire::{NodeAddr, Now};

use crate::machine::Node;
use crate::stored::groups::GroupChange;
use crate::stored::sign_ins::SignInsRecord;
use crate::{Event, SignInError};

/// How long before its end a sign-in is said to end.
pub const ENDING: Duration = Duration::from_secs(900);
/// After this time a sign-out that was not answered is said again.
const SIGN_OUT_AGAIN: Duration = Duration::from_secs(20);
/// The longest time between two looks at the Unix clock.
const LOOK_AGAIN: Duration = Duration::from_secs(600);

/// What a node says about signing in at one of its servers.
pub type SignInsStatus = SignInsRecord;

impl Node {
    /// Somebody signs in at the server of the groups that require it, or of this one. The server, the number
    /// by which [`Event::SignInAnswered`] names it, and the user.
    ///
    /// # Errors
    /// See [`SignInError`]; then nothing was sent.
    pub fn sign_in(
        &mut self,
        now: Now,
        group: Option<&str>,
        user: Option<String>,
        password: Password,
    ) -> Result<(NodeAddr, u32, String), SignInError> {
        let record = self.sign_in_record(group)?;
        if record.is_leaving {
            return Err(SignInError::SigningOut);
        }
        let user = user.or(record.user).ok_or(SignInError::NoUser)?;
        let server = self.instance_in_touch(record.f);
        let server = server.ok_or(SignInError::NotInTouch(record.f))?;
        let request = self.next_request();
        let sign_in = SignIn {
            request,
            user: user.clone(),
            password,
        };
        self.tell_server(now, server, &AgentMessage::SignIn(Box::new(sign_in)));
        self.settle(now);
        Ok((server, request, user))
    }

    /// Whoever is signed in signs out: everywhere, or where the sign-in for this group is. The servers that were
    /// told, and the numbers by which [`Event::SignInAnswered`] names that; `None`: that one is not in touch, and
    /// is told later.
    ///
    /// # Errors
    /// Nobody is signed in there.
    pub fn sign_out(
        &mut self,
        now: Now,
        group: Option<&str>,
    ) -> Result<Vec<(NodeAddr, Option<u32>)>, SignInError> {
        let records: Vec<SignInsRecord> = match group {
            Some(_) => vec![self.sign_in_record(group)?],
            None => self.stored.grouping.sign_ins.values().cloned().collect(),
        };
        let mut told = Vec::new();
        for record in records {
            if record.user.is_none() {
                continue;
            }
            let f = record.f;
            let sign_ins = SignInsRecord {
                is_leaving: true,
                ..record.signed_out()
            };
            self.forget_signed_in(now, &sign_ins);
            self.persist_group(GroupChange::SignIns { sign_ins });
            told.push((f, self.tell_sign_out(now, f)));
        }
        self.note_sign_ins(now);
        self.settle(now);
        match told.is_empty() {
            true => Err(SignInError::NotSignedIn),
            false => Ok(told),
        }
    }

    /// Who is signed in, by server, and which groups require it.
    pub fn sign_ins(&self) -> impl Iterator<Item = &SignInsStatus> {
        self.stored.grouping.sign_ins.values()
    }

    /// Where nobody is signed in this node has no lease, whatever it was given before, and no secrets. Its own
    /// removal may not come: it was not in touch, or signed out itself.
    fn forget_signed_in(&mut self, now: Now, record: &SignInsRecord) {
        for it in record.groups.iter().filter(|it| it.until_unix_s == 0) {
            let group = GroupId(it.id);
            if self.groups.keyring.membership(group).is_some() {
                self.groups.keyring.leave(group);
                self.persist_group(GroupChange::Left { id: it.id });
                let name = it.name.clone();
                self.event(Event::GroupLeft { group, name });
            }
        }
        self.judge_members(now);
    }

    /// The server that a sign-in is for.
    fn sign_in_record(&self, group: Option<&str>) -> Result<SignInsRecord, SignInError> {
        let all = self.stored.grouping.sign_ins.values();
        let is_named = |it: &&SignInsRecord| {
            group.is_none_or(|name| it.groups.iter().any(|there| there.name == name))
        };
        let found: Vec<&SignInsRecord> = all
            .filter(|it| !it.groups.is_empty() && is_named(it))
            .collect();
        match found[..] {
            [one] => Ok(one.clone()),
            [] => Err(SignInError::NoGroup(group.map(str::to_owned))),
            _ => {
                let groups = found.iter().flat_map(|it| &it.groups);
                let names: BTreeSet<String> = groups.map(|it| it.name.clone()).collect();
                Err(SignInError::Several(names.into_iter().collect()))
            }
        }
    }

    /// A server, or another instance of it, with a session.
    fn instance_in_touch(&self, f: NodeAddr) -> Option<NodeAddr> {
        let agent = self.groups.agents.get(&f);
        let answers = agent.is_some_and(|agent| !agent.is_doubtful);
        let is_there = f == self.f || (answers && self.peer_is_up(f));
        is_there.then_some(f).or_else(|| self.sister_in_touch(f))
    }

    fn next_request(&mut self) -> u32 {
        let signing = &mut self.groups.signing;
        signing.last = signing.last.wrapping_add(1);
        signing.last
    }

    /// Tells a server of a sign-out, if it is in touch.
    fn tell_sign_out(&mut self, now: Now, f: NodeAddr) -> Option<u32> {
        self.groups.signing.again = Some(now.mono.saturating_add(SIGN_OUT_AGAIN));
        let server = self.instance_in_touch(f)?;
        let request = self.next_request();
        self.tell_server(now, server, &AgentMessage::SignOut { request });
        Some(request)
    }

    /// Tells a server that has just come into touch, before anything else.
    pub(crate) fn sign_out_first(&mut self, now: Now, f: NodeAddr) {
        let sisters = self.groups.keyring.sisters(f).into_iter();
        let leaves = |it: &NodeAddr| {
            let record = self.stored.grouping.sign_ins.get(it);
            record.is_some_and(|it| it.is_leaving)
        };
        if sisters.chain([f]).any(|it| leaves(&it)) {
            self.groups.signing.again = Some(now.mono.saturating_add(SIGN_OUT_AGAIN));
            let request = self.next_request();
            self.tell_server(now, f, &AgentMessage::SignOut { request });
        }
    }

    /// A server says who is signed in here.
    pub(crate) fn sign_ins_in(&mut self, now: Now, f: NodeAddr, told: SignIns) {
        let sisters = self.groups.keyring.sisters(f);
        let sign_ins = &self.stored.grouping.sign_ins;
        let is_leaving = |it: &NodeAddr| sign_ins.get(it).is_some_and(|it| it.is_leaving);
        let is_leaving = sisters.iter().chain([&f]).any(is_leaving);
        let record = SignInsRecord::of(f, told);
        let record = match is_leaving {
            // It does not know yet.
            true => SignInsRecord {
                is_leaving,
                ..record.signed_out()
            },
            false => record,
        };
        // Another instance said the same.
        for sister in sisters {
            if sign_ins_of(self, sister).is_some() {
                self.persist_group(GroupChange::SignIns {
                    sign_ins: SignInsRecord::of(sister, SignIns::default()),
                });
            }
        }
        if sign_ins_of(self, f) != Some(&record)
            && !(record.is_empty() && sign_ins_of(self, f).is_none())
        {
            self.persist_group(GroupChange::SignIns { sign_ins: record });
        }
        let record = sign_ins_of(self, f).cloned();
        if let Some(record) = record {
            self.forget_signed_in(now, &record);
            self.refresh_agents(now);
        } else {
            // A server that asks no more is forgotten when it has told everything, not before.
            self.groups.signing.is_to_forget = true;
        }
        self.note_sign_ins(now);
    }

    /// A server has told everything: one that no group has any more, and where nobody signs in, is forgotten.
    pub(crate) fn forget_unasked(&mut self, now: Now) {
        if std::mem::take(&mut self.groups.signing.is_to_forget) {
            self.refresh_agents(now);
        }
    }

    /// What became of signing in or out.
    pub(crate) fn sign_in_answered(
        &mut self,
        now: Now,
        f: NodeAddr,
        request: u32,
        answer: SignInAnswer,
    ) {
        let sisters = self.groups.keyring.sisters(f).into_iter();
        let records: Vec<SignInsRecord> = sisters
            .chain([f])
            .filter_map(|it| sign_ins_of(self, it).filter(|it| it.is_leaving).cloned())
            .collect();
        for record in records {
            match answer {
                SignInAnswer::Done { .. } => {
                    let sign_ins = SignInsRecord {
                        is_leaving: false,
                        ..record
                    };
                    self.persist_group(GroupChange::SignIns { sign_ins });
                    self.groups.signing.again = None;
                }
                SignInAnswer::Later { after_s } => {
                    let wait = Duration::from_secs(after_s).min(SIGN_OUT_AGAIN);
                    self.groups.signing.again = Some(now.mono.saturating_add(wait));
                }
                SignInAnswer::Refused => {}
            }
        }
        self.refresh_agents(now);
        self.event(Event::SignInAnswered {
            server: f,
            request,
            answer,
        });
    }

    /// Whether a server gives a lease for a sign-in that has ended here.
    pub(crate) fn has_signed_out(&self, f: NodeAddr, group: GroupId) -> bool {
        let sisters = self.groups.keyring.sisters(f).into_iter();
        sisters.chain([f]).any(|it| {
            let record = sign_ins_of(self, it).filter(|it| it.is_leaving);
            record.is_some_and(|it| it.groups.iter().any(|there| there.id == group.0))
        })
    }

    /// Whether a group waits for somebody to sign in.
    pub(crate) fn waits_for_sign_in(&self, now: Now, group: GroupId) -> bool {
        let mut all = self.stored.grouping.sign_ins.values();
        all.any(|it| it.waits(now.unix_s, group))
    }

    /// The groups that wait for somebody to sign in, by name.
    pub(crate) fn waiting_groups(&self, now: Now) -> impl Iterator<Item = &str> {
        let all = self.stored.grouping.sign_ins.values();
        let groups = all.flat_map(|it| it.groups.iter());
        let waiting = groups.filter(move |it| it.until_unix_s <= now.unix_s);
        waiting.map(|it| it.name.as_str())
    }

    /// Sign-ins that end soon, or have ended, are said; when to look again.
    pub(crate) fn note_sign_ins(&mut self, now: Now) {
        let all = self.stored.grouping.sign_ins.values();
        let groups = all.flat_map(|it| it.groups.iter());
        let groups: Vec<_> = groups
            .map(|it| (GroupId(it.id), it.name.clone(), it.until_unix_s))
            .collect();
        let mut next: Option<u64> = None;
        let mut soonest = |at: u64| next = Some(next.map_or(at, |it: u64| it.min(at)));
        let mut events = Vec::new();
        let running = &mut self.groups.signing.running;
        let there: BTreeSet<GroupId> = groups.iter().map(|(id, ..)| *id).collect();
        running.retain(|id, _| there.contains(id));
        for (id, group, until_unix_s) in groups {
            if until_unix_s <= now.unix_s {
                if running.remove(&id).is_some() {
                    events.push(Event::SignInEnded { group });
                }
                continue;
            }
            let ending = until_unix_s.saturating_sub(ENDING.as_secs());
            let was_said = running.entry(id).or_insert(false);
            if now.unix_s < ending {
                *was_said = false;
                soonest(ending);
                continue;
            }
            soonest(until_unix_s);
            if !std::mem::replace(was_said, true) {
                events.push(Event::SignInEnding {
                    group,
                    until_unix_s,
                });
            }
        }
        let wait = next.map(|at| Duration::from_secs(at.saturating_sub(now.unix_s)));
        let wait = wait.map(|wait| wait.min(LOOK_AGAIN));
        self.groups.signing.due = wait.map(|wait| now.mono.saturating_add(wait));
        for event in events {
            self.event(event);
        }
    }

    /// What is due of signing in.
    pub(crate) fn sign_ins_due(&mut self, now: Now) {
        let is_over = |at: &mut Duration| *at <= now.mono;
        if self.groups.signing.due.take_if(is_over).is_some() {
            self.note_sign_ins(now);
        }
        if self.groups.signing.again.take_if(is_over).is_some() {
            let all = self.stored.grouping.sign_ins.values();
            let leaving: Vec<NodeAddr> = all.filter(|it| it.is_leaving).map(|it| it.f).collect();
            for f in leaving {
                // One that is not in touch is told when it is.
                self.tell_sign_out(now, f);
            }
        }
    }

    pub(crate) fn sign_ins_timeout(&self) -> Option<Duration> {
        let signing = &self.groups.signing;
        signing.due.into_iter().chain(signing.again).min()
    }
}

fn sign_ins_of(node: &Node, f: NodeAddr) -> Option<&SignInsRecord> {
    node.stored.grouping.sign_ins.get(&f)
}
