//! Signing in and out at this node, as programs ask for it over the control socket.
//!
//! | limit | value |
//! |---|---|
//! | who waits for an answer at once | [`WAITING_MAX`] |

use crate::answers::notice;
use api::{ApiError, Code, NoticeKind, Reply, Response, SignInState};
use group::agent::{Password, SignInAnswer};
use node::{Node, SignInError, SignInsStatus};
use std::sync::mpsc::SyncSender;
use std::time::Duration;
use wire::{NodeAddr, Now};
use zeroize::Zeroizing;

/// Most who wait for an answer at once.
pub const WAITING_MAX: usize = 16;

/// What somebody waits for.
enum What {
    In(String),
    Out,
}

/// Somebody who waits for a server's answer.
struct Waiting {
    server: NodeAddr,
    request: u32,
    what: What,
    reply: SyncSender<Reply>,
    started: Duration,
    until: Duration,
}

/// Those who wait.
#[derive(Default)]
pub struct SignIns {
    waiting: Vec<Waiting>,
}

impl SignIns {
    /// Somebody signs in. Whoever asked is answered here, or later.
    pub fn sign_in(
        &mut self,
        node: &mut Node,
        now: Now,
        mut asked: api::SignIn,
        reply: SyncSender<Reply>,
    ) {
        let text = Zeroizing::new(std::mem::take(&mut asked.password.0));
        let Some(password) = Password::new(text).filter(|_| self.waiting.len() < WAITING_MAX)
        else {
            return answer(&reply, Err(ApiError::new(Code::Busy)));
        };
        let sent = node.sign_in(now, asked.group.as_deref(), asked.user, password);
        match sent {
            Ok((server, request, user)) => {
                let what = What::In(user);
                self.wait(now, asked.wait_ms, (server, request), what, reply);
            }
            Err(error) => answer(&reply, Err(refused(error))),
        }
    }

    /// Somebody signs out. This node is out already when anybody is answered.
    pub fn sign_out(
        &mut self,
        node: &mut Node,
        now: Now,
        asked: &api::SignOut,
        reply: SyncSender<Reply>,
    ) {
        let told = match node.sign_out(now, asked.group.as_deref()) {
            Ok(told) => told,
            Err(error) => return answer(&reply, Err(refused(error))),
        };
        let asks = told.iter().map(|(f, request)| Some((*f, (*request)?)));
        let asks: Option<Vec<(NodeAddr, u32)>> = asks.collect();
        match asks.as_deref() {
            // One answer stands for all: the others are told again until they say so.
            Some([.., last]) if self.waiting.len() < WAITING_MAX => {
                self.wait(now, asked.wait_ms, *last, What::Out, reply);
            }
            _ => answer(&reply, signed_out(false)),
        }
    }

    fn wait(
        &mut self,
        now: Now,
        wait_ms: u64,
        (server, request): (NodeAddr, u32),
        what: What,
        reply: SyncSender<Reply>,
    ) {
        self.waiting.push(Waiting {
            server,
            request,
            what,
            reply,
            started: now.mono,
            until: now.mono.saturating_add(Duration::from_millis(wait_ms)),
        });
    }

    /// A server has answered.
    pub fn answered(&mut self, server: NodeAddr, request: u32, said: SignInAnswer) {
        self.waiting.retain(|waiting| {
            let is_it = waiting.request == request;
            if is_it {
                answer(&waiting.reply, waiting.reply_to(server, said));
            }
            !is_it
        });
    }

    /// When [`SignIns::handle_timeout`] is to be called (monotonic).
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.waiting.iter().map(|it| it.until).min()
    }

    /// Those who have waited long enough.
    pub fn handle_timeout(&mut self, now: Now) {
        self.waiting.retain(|waiting| {
            let is_over = waiting.until <= now.mono;
            if is_over {
                let waited_s = now.mono.saturating_sub(waiting.started).as_secs().max(1);
                let reply = match waiting.what {
                    What::In(_) => Err(ApiError::new(Code::SignInServer)
                        .with("server", waiting.server)
                        .with("waited_s", waited_s)),
                    What::Out => signed_out(false),
                };
                answer(&waiting.reply, reply);
            }
            !is_over
        });
    }
}

impl Waiting {
    fn reply_to(&self, server: NodeAddr, said: SignInAnswer) -> Reply {
        match (&self.what, said) {
            (What::Out, said) => signed_out(matches!(said, SignInAnswer::Done { .. })),
            (What::In(user), SignInAnswer::Done { until_unix_s }) => {
                Ok(Response::SignedIn(api::SignedIn {
                    server: server.to_ipv6(),
                    user: user.clone(),
                    until_unix_s,
                }))
            }
            (What::In(user), SignInAnswer::Refused) => {
                Err(ApiError::new(Code::SignInRefused).with("user", user))
            }
            (What::In(_), SignInAnswer::Later { after_s }) => {
                Err(ApiError::new(Code::SignInLater).with("after_s", after_s))
            }
        }
    }
}

const fn signed_out(told: bool) -> Reply {
    Ok(Response::SignedOut(api::SignedOut { told }))
}

/// Who is signed in, and the groups that ask for it.
pub fn states(node: &Node, now: Now) -> Vec<SignInState> {
    let asking = node.sign_ins().filter(|it| !it.groups.is_empty());
    asking.map(|it| state(it, now)).collect()
}

fn state(it: &SignInsStatus, now: Now) -> SignInState {
    let groups = it.groups.iter().map(|it| api::SignInGroup {
        group: it.name.clone(),
        until_unix_s: Some(it.until_unix_s).filter(|at| *at > now.unix_s),
    });
    SignInState {
        server: it.f.to_ipv6(),
        user: it.user.clone(),
        groups: groups.collect(),
    }
}

/// What the owner should know of them.
pub fn notices(states: &[SignInState], now: Now) -> Vec<api::Notice> {
    let groups = || states.iter().flat_map(|it| &it.groups);
    let names = |groups: Vec<&str>| groups.join(", ");
    let waiting = groups().filter(|it| it.until_unix_s.is_none());
    let waiting: Vec<&str> = waiting.map(|it| it.group.as_str()).collect();
    let soon = now.unix_s.saturating_add(node::SIGN_IN_ENDING.as_secs());
    let ends = |it: &api::SignInGroup| it.until_unix_s.filter(|at| *at <= soon);
    let ending = groups().filter(|it| ends(it).is_some());
    let ending: Vec<&str> = ending.map(|it| it.group.as_str()).collect();
    let mut all = Vec::new();
    if !waiting.is_empty() {
        let groups = names(waiting);
        all.push(notice(NoticeKind::SignInNeeded, &[("groups", &groups)]));
    }
    if let Some(until) = groups().filter_map(ends).min() {
        let groups = names(ending);
        let args: [(&str, &dyn ToString); 2] = [("groups", &groups), ("until_unix_s", &until)];
        all.push(notice(NoticeKind::SignInEnding, &args));
    }
    all
}

fn refused(error: SignInError) -> ApiError {
    let wrong = |problem: &str| ApiError::new(Code::SignInWrong).with("problem", problem);
    match error {
        SignInError::NoGroup(None) => wrong("no-group"),
        SignInError::NoGroup(Some(group)) => wrong("not-this-group").with("group", group),
        SignInError::Several(groups) => wrong("several").with("groups", groups.join(", ")),
        SignInError::NoUser => wrong("no-user"),
        SignInError::SigningOut => wrong("signing-out"),
        SignInError::NotSignedIn => wrong("not-signed-in"),
        SignInError::NotInTouch(server) => ApiError::new(Code::SignInServer)
            .with("server", server)
            .with("waited_s", 0),
    }
}

fn answer(reply: &SyncSender<Reply>, answer: Reply) {
    // Whoever asked may have gone.
    let _ = reply.try_send(answer);
}
