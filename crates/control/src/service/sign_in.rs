//! Signing in and out, as nodes ask for it.
//!
//! ```text
//!   node ── sign in ──▶ service ── Effect::Check ──▶ a thread that may be slow
//!        ◀── answer ───         ◀── checked ────────
//! ```
//!
//! A user that is not there, or may not sign in at this node, is checked like any other, against a password that
//! nobody has: neither the answer nor its time tells the difference.
//!
//! | limit | value |
//! |---|---|
//! | attempts of one node that are being checked | 1; another is told to come later |

use group::agent::{AgentMessage, Password, SignIn, SignInAnswer, ToMember};
use identity::crypto::Rng;
use identity::password::Verifier;
use wire::NodeAddr;

use super::{Effect, OrderError, Service, Store};
use crate::actor::Actor;
use crate::command::{Attempt, Command, Refusal};
use crate::decide::Reply;

/// How long a node waits when the server has too much to do, in seconds.
const BUSY_S: u64 = 5;
/// How long a node waits for the attempt before this one, in seconds.
const ONE_BY_ONE_S: u64 = 1;

/// A password that is to be checked. It does not show itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// At whose node it was typed.
    pub f: NodeAddr,
    /// The password.
    pub password: Password,
    /// What it is checked by.
    pub verifier: Verifier,
}

/// An attempt whose password is being checked.
pub(super) struct Checking {
    request: u32,
    user: String,
    password_rev: u64,
}

impl Service {
    /// A password was checked, or could not be: `None`.
    pub fn checked(
        &mut self,
        store: &mut dyn Store,
        now_unix_s: u64,
        rng: &mut dyn Rng,
        f: NodeAddr,
        is_right: Option<bool>,
    ) {
        let Some(checking) = self.checking.remove(&f) else {
            return;
        };
        let request = checking.request;
        let Some(is_right) = is_right else {
            let after_s = BUSY_S;
            return self.answer(f, request, SignInAnswer::Later { after_s });
        };
        let command = Command::SignIn(Attempt {
            user: checking.user,
            is_right,
            password_rev: checking.password_rev,
        });
        let done = self.order(store, now_unix_s, rng, Actor::Node { f }, &command);
        let answer = match done {
            Ok(Reply::SignedIn { until_unix_s }) => SignInAnswer::Done { until_unix_s },
            Ok(_) => SignInAnswer::Refused,
            Err(error) => later(&error),
        };
        self.answer(f, request, answer);
    }

    pub(super) fn sign_in(
        &mut self,
        store: &dyn Store,
        now_unix_s: u64,
        f: NodeAddr,
        sign_in: SignIn,
    ) {
        let Some(member) = self.tenant.nodes.get(&f) else {
            return;
        };
        let (request, user) = (sign_in.request, sign_in.user);
        let wait_s = self.tenant.sign_in_wait_s(now_unix_s, member, &user);
        let wait_s = match self.checking.contains_key(&f) {
            true => wait_s.max(ONE_BY_ONE_S),
            false => wait_s,
        };
        if wait_s > 0 {
            let after_s = wait_s;
            return self.answer(f, request, SignInAnswer::Later { after_s });
        }
        // It is looked for whether or not the user may come, so that it takes the same time.
        let Ok(kept) = store.verifier(&user) else {
            let after_s = BUSY_S;
            return self.answer(f, request, SignInAnswer::Later { after_s });
        };
        let may = self.tenant.may_sign_in(member, &user).is_ok();
        let password_rev = self.tenant.users.get(&user);
        let checking = Checking {
            request,
            password_rev: password_rev.map_or(0, |it| it.password_rev),
            user,
        };
        self.checking.insert(f, checking);
        self.effect(Effect::Check(Check {
            f,
            password: sign_in.password,
            verifier: kept.filter(|_| may).unwrap_or_else(Verifier::nobodys),
        }));
    }

    pub(super) fn sign_out(
        &mut self,
        store: &mut dyn Store,
        now_unix_s: u64,
        rng: &mut dyn Rng,
        f: NodeAddr,
        request: u32,
    ) {
        if !self.tenant.nodes.contains_key(&f) {
            return;
        }
        let actor = Actor::Node { f };
        let done = self.order(store, now_unix_s, rng, actor, &Command::SignOut);
        let answer = match done {
            Ok(_) => SignInAnswer::Done { until_unix_s: 0 },
            Err(error) => later(&error),
        };
        self.answer(f, request, answer);
    }

    /// Tells a node in touch who is signed in there, and which of its groups require it.
    pub(super) fn tell_sign_ins(&mut self, f: NodeAddr) {
        if self.tenant.has_sign_ins {
            let sign_ins = self.tenant.sign_ins(f);
            self.tell(f, ToMember::Agent(AgentMessage::SignIns(sign_ins)));
        }
    }

    /// The same to a member, if its node is in touch: that node.
    pub(super) fn tell_member_sign_ins(&mut self, member: &str) -> Option<NodeAddr> {
        let f = self.tenant.members.get(member)?.f?;
        if !self.online.contains_key(&f) {
            return None;
        }
        self.tell_sign_ins(f);
        Some(f)
    }

    fn answer(&mut self, f: NodeAddr, request: u32, answer: SignInAnswer) {
        let message = AgentMessage::SignInAnswer { request, answer };
        self.tell(f, ToMember::Agent(message));
    }
}

fn later(error: &OrderError) -> SignInAnswer {
    let after_s = match error {
        OrderError::Refused(Refusal::SignInLater(after_s)) => *after_s,
        _ => BUSY_S,
    };
    SignInAnswer::Later { after_s }
}
