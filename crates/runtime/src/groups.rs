//! Groups on the slow path: what is asked about them over the control socket, and what their
//! management server on this node has to say.

use crate::answers;
use crate::gms::Gms;
use crate::http::Places;
use crate::inbox::Inbox;
use crate::locked;
use crate::orders::{Ask, By, FromGms, kind, mode, order_of};
use crate::sign_in::{self, SignIns};
use api::{ApiError, Code, GroupRequest, ManageRequest, Reply, Request, Response};
use control::service::Effect;
use group::MemberName;
use group::agent::{AgentMessage, ToMember};
use group::partner::Come;
use group::resolve::Action;
use group::serial::hex;
use node::{Event, GroupStatus, Node, OnPathStatus, PitStatus};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::mpsc::SyncSender;
use std::time::Duration;
use wire::invite::{Invite, Purpose};
use wire::{NodeAddr, Now};

/// Most who wait at once to become members.
const WAITING_MAX: usize = 16;

/// How long a name is asked for: a server answers at once or is not in touch.
const NAME_WAIT: Duration = Duration::from_millis(1_500);

/// Who waits to become a member.
struct Enrolment {
    server: NodeAddr,
    /// As a server.
    is_partner: bool,
    reply: SyncSender<Reply>,
    started: Duration,
    until: Duration,
}

/// Who waits for what a name stands for.
struct Asked {
    name: MemberName,
    reply: SyncSender<Reply>,
    until: Duration,
}

/// Groups, as far as the shell has to do with them.
pub struct Groups {
    state: PathBuf,
    inbox: Inbox,
    places: Places,
    gms: Option<Gms>,
    waiting: Vec<Enrolment>,
    asked: Vec<Asked>,
    /// Signing in and out.
    sign_ins: SignIns,
}

impl Groups {
    /// Groups of a node with this state directory; its server is started if it was one before.
    pub fn new(state: PathBuf, f: NodeAddr, inbox: Inbox, places: Places) -> Self {
        let mut groups = Self {
            state,
            inbox,
            places,
            gms: None,
            waiting: Vec::new(),
            asked: Vec::new(),
            sign_ins: SignIns::default(),
        };
        if Gms::is_in(&groups.state)
            && let Err(error) = groups.start(f)
        {
            tracing::warn!(%error, "the management server of groups did not start");
        }
        groups
    }

    fn start(&mut self, f: NodeAddr) -> std::io::Result<()> {
        if self.gms.is_none() {
            self.gms = Some(Gms::start(
                &self.state,
                f,
                self.inbox.clone(),
                self.places.clone(),
            )?);
        }
        Ok(())
    }

    /// Takes a request. Whoever asked is answered here, or later.
    pub fn handle(
        &mut self,
        node: &mut Node,
        now: Now,
        request: Request,
        reply: SyncSender<Reply>,
    ) {
        match request {
            Request::SignIn(asked) => self.sign_ins.sign_in(node, now, asked, reply),
            Request::SignOut(asked) => self.sign_ins.sign_out(node, now, &asked, reply),
            Request::Group(request) => self.order(node, now, request, reply),
            Request::Manage(request) => self.manage(request, reply),
            _ => answer(&reply, Err(ApiError::new(Code::BadRequest))),
        }
    }

    fn order(&mut self, node: &Node, now: Now, request: GroupRequest, reply: SyncSender<Reply>) {
        let starts = matches!(
            request,
            GroupRequest::Serve { .. } | GroupRequest::Create { .. } | GroupRequest::Accept { .. }
        );
        if starts && let Err(error) = self.start(node.address()) {
            let internal = ApiError::new(Code::Internal).with("detail", error);
            return answer(&reply, Err(internal));
        }
        if let GroupRequest::Accept { line, wait_ms } = request {
            return match node.server_of_line(now, &line) {
                Ok((server, secret)) => self.ask(Ask::Accept {
                    server,
                    line: (line, secret),
                    wait_ms,
                    reply,
                }),
                Err(error) => answer(&reply, Err(answers::join_error(&error))),
            };
        }
        let groups = api::Groups {
            member_of: node.groups(now).iter().map(membership).collect(),
            sign_ins: sign_in::states(node, now),
            managed: None,
        };
        let order = order_of(request);
        let ask = match (&self.gms, order) {
            (None, None) => return answer(&reply, Ok(Response::Groups(Box::new(groups)))),
            (None, Some(_)) => {
                return answer(&reply, Err(ApiError::new(Code::NotManaging)));
            }
            (Some(_), None) => Ask::List { groups, reply },
            (Some(_), Some(order)) => {
                let by = By::Operator;
                Ask::Order { by, order, reply }
            }
        };
        self.ask(ask);
    }

    fn manage(&self, request: ManageRequest, reply: SyncSender<Reply>) {
        if self.gms.is_none() {
            return answer(&reply, Err(ApiError::new(Code::NotManaging)));
        }
        let by = By::Operator;
        self.ask(Ask::Manage { by, request, reply });
    }

    fn ask(&self, ask: Ask) {
        let asked = self.gms.as_ref().map(|gms| gms.ask(ask));
        if let Some(Err(back)) = asked
            && let Ask::List { reply, .. }
            | Ask::Order { reply, .. }
            | Ask::Accept { reply, .. }
            | Ask::Accepted { reply, .. }
            | Ask::Manage { reply, .. } = *back
        {
            answer(&reply, Err(ApiError::new(Code::Busy)));
        }
    }

    /// A node says something to the server here.
    pub fn said(&self, node: &Node, from: NodeAddr, message: AgentMessage) {
        let Some(gms) = &self.gms else {
            return;
        };
        let begins = matches!(
            message,
            AgentMessage::Enrol(_) | AgentMessage::EnrolLocked(_) | AgentMessage::Resume { .. }
        );
        let place = begins.then(|| node.place_of(from));
        let heard = Ask::Heard {
            from,
            message,
            place,
        };
        if gms.ask(heard).is_err() {
            tracing::debug!("the management server has too much to do");
        }
    }

    /// The server here says something.
    pub fn from_gms(&mut self, node: &mut Node, now: Now, said: FromGms) {
        match said {
            FromGms::Ready {
                members,
                partners,
                gate,
            } => {
                node.manage(now, members, gate);
                node.set_partners(now, partners);
                let there = Ask::There(node.members_up());
                let told = self.gms.as_ref().map(|gms| gms.ask(there));
                if matches!(told, Some(Err(_))) {
                    tracing::warn!("members in touch are told of changes when they resume only");
                }
            }
            FromGms::WhereAmI => {
                let here = node.own_place(&node.status(now).local_endpoints);
                if let Some(gms) = &self.gms {
                    // It asks again.
                    let _ = gms.ask(Ask::Here(here));
                }
            }
            FromGms::Located { to, place } => {
                node.tell_from_server(now, to, ToMember::Agent(place));
            }
            FromGms::Effect(Effect::Tell { to, message }) => {
                node.tell_from_server(now, to, message);
            }
            FromGms::Effect(Effect::Enter(f)) => node.set_member(now, f, true),
            FromGms::Effect(Effect::Leave(f)) => node.set_member(now, f, false),
            FromGms::Effect(Effect::Locate { to, f }) => node.tell_location(now, to, f),
            // The server's thread sees to it.
            FromGms::Effect(Effect::Check(_)) => {}
            FromGms::Effect(Effect::Partners(partners)) => node.set_partners(now, partners),
            FromGms::Effect(Effect::Forked { group, index, by }) => {
                tracing::warn!(%group, index, %by, "another server of a group has signed two histories");
            }
            FromGms::Come {
                line,
                come,
                wait_ms,
                reply,
            } => self.come(node, now, (&line, *come), wait_ms, &reply),
            FromGms::Line {
                invite,
                secret,
                lock,
                expires_unix_s,
                reply,
            } => {
                let endpoints = node.status(now).local_endpoints;
                let line = node.group_line((secret, lock.as_deref()), expires_unix_s, &endpoints);
                let line = line.map_err(answers::invite_error).map(|line| {
                    let endpoints = endpoints.into_iter();
                    Response::GroupLine(api::GroupLine {
                        id: hex::text(&invite.0),
                        line,
                        expires_unix_s,
                        endpoints: endpoints.take(wire::invite::ENDPOINTS_MAX).collect(),
                    })
                });
                answer(&reply, line);
            }
        }
    }

    /// Uses the line of a management server.
    ///
    /// # Errors
    /// The line cannot be used; nobody waits then.
    pub fn join(
        &mut self,
        node: &mut Node,
        now: Now,
        join: api::Join,
        reply: &SyncSender<Reply>,
    ) -> Result<(), ApiError> {
        if self.waiting.len() >= WAITING_MAX {
            return Err(ApiError::new(Code::Internal).with("detail", "too many requests wait"));
        }
        let server = node
            .join_groups(now, &join.line, join.label)
            .map_err(|error| answers::join_error(&error))?;
        self.wait_for(now, (server, false), join.wait_ms, reply);
        Ok(())
    }

    /// Says to another server that this one comes to manage groups with it.
    fn come(
        &mut self,
        node: &mut Node,
        now: Now,
        (line, come): (&str, Come),
        wait_ms: u64,
        reply: &SyncSender<Reply>,
    ) {
        if self.waiting.len() >= WAITING_MAX {
            return answer(reply, Err(ApiError::new(Code::Busy)));
        }
        match node.join_as_partner(now, line, come) {
            Ok(server) => self.wait_for(now, (server, true), wait_ms, reply),
            Err(error) => answer(reply, Err(answers::join_error(&error))),
        }
    }

    fn wait_for(
        &mut self,
        now: Now,
        (server, is_partner): (NodeAddr, bool),
        wait_ms: u64,
        reply: &SyncSender<Reply>,
    ) {
        self.waiting.push(Enrolment {
            server,
            is_partner,
            reply: reply.clone(),
            started: now.mono,
            until: now.mono.saturating_add(Duration::from_millis(wait_ms)),
        });
    }

    /// Another server has named this one: what it said of its groups is written down.
    fn accepted(&mut self, now: Now, server: NodeAddr) {
        let (those, others) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|it| it.is_partner && it.server == server);
        self.waiting = others;
        let those: Vec<Enrolment> = those;
        for waited in those {
            let took = now.mono.saturating_sub(waited.started).as_millis();
            self.ask(Ask::Accepted {
                server,
                took_ms: u64::try_from(took).unwrap_or(u64::MAX),
                reply: waited.reply,
            });
        }
    }

    /// Takes the question what a name stands for.
    pub fn find(&mut self, node: &mut Node, now: Now, name: &str, reply: SyncSender<Reply>) {
        let parsed = MemberName::parse(name);
        let unknown = ApiError::new(Code::UnknownName).with("who", name);
        let Some(name) = parsed.filter(|_| self.asked.len() < WAITING_MAX) else {
            return answer(&reply, Err(unknown));
        };
        let until = now.mono.saturating_add(NAME_WAIT);
        node.find(now, &name);
        self.asked.push(Asked { name, reply, until });
    }

    /// Something has happened that somebody may wait for, or that the server has to know.
    pub fn handle_event(&mut self, node: &Node, now: Now, event: &Event) {
        match event {
            Event::SessionDown { peer, .. } => {
                if let Some(gms) = &self.gms {
                    // What is lost is noticed when the node resumes.
                    let _ = gms.ask(Ask::Offline(*peer));
                }
            }
            Event::Enrolled { server, .. } if self.comes_to(*server) => self.accepted(now, *server),
            Event::Enrolled { server, name } => self.end(*server, |waited| {
                let took = now.mono.saturating_sub(waited.started).as_millis();
                let groups = node.groups(now).into_iter();
                let of_server = |it: &GroupStatus| it.servers.iter().any(|s| s.f == *server);
                Ok(Response::Enrolled(api::Enrolled {
                    server: server.to_ipv6(),
                    name: name.clone(),
                    groups: groups.filter(of_server).map(|it| it.name).collect(),
                    waits: waiting(node, now, *server),
                    took_ms: u64::try_from(took).unwrap_or(u64::MAX),
                }))
            }),
            // Another server may know.
            Event::Named { f: None, .. } => {}
            Event::Named {
                name, f: Some(f), ..
            } => self.asked.retain(|asked| {
                let is_it = asked.name == *name;
                if is_it {
                    let address = f.to_ipv6();
                    answer(&asked.reply, Ok(Response::Found { address }));
                }
                !is_it
            }),
            Event::SignInAnswered {
                server,
                request,
                answer,
            } => self.sign_ins.answered(*server, *request, *answer),
            Event::EnrolFailed { server, why } => {
                self.end(*server, |_| Err(refused(why.as_deref())));
            }
            _ => {}
        }
    }

    /// When [`Groups::handle_timeout`] is to be called (monotonic).
    pub fn poll_timeout(&self) -> Option<Duration> {
        let waiting = self.waiting.iter().map(|waiting| waiting.until);
        let waiting = waiting.chain(self.asked.iter().map(|it| it.until));
        waiting.chain(self.sign_ins.poll_timeout()).min()
    }

    /// Those who have waited long enough.
    pub fn handle_timeout(&mut self, now: Now) {
        self.end_of_names(now);
        self.sign_ins.handle_timeout(now);
        self.waiting.retain(|waiting| {
            let over = waiting.until <= now.mono;
            if over {
                let waited_s = now.mono.saturating_sub(waiting.started).as_secs();
                let error = ApiError::new(Code::GroupTimeout)
                    .with("server", waiting.server)
                    .with("waited_s", waited_s);
                answer(&waiting.reply, Err(error));
            }
            !over
        });
    }

    fn comes_to(&self, server: NodeAddr) -> bool {
        let mut waiting = self.waiting.iter();
        waiting.any(|it| it.is_partner && it.server == server)
    }

    fn end_of_names(&mut self, now: Now) {
        self.asked.retain(|asked| {
            let over = asked.until <= now.mono;
            if over {
                let MemberName { member, group } = &asked.name;
                let group = group.as_deref().map(|group| format!(".{group}"));
                let who = format!("{member}{}", group.unwrap_or_default());
                let unknown = ApiError::new(Code::UnknownName).with("who", who);
                answer(&asked.reply, Err(unknown));
            }
            !over
        });
    }

    fn end(&mut self, server: NodeAddr, with: impl Fn(&Enrolment) -> Reply) {
        self.waiting.retain(|waiting| {
            let ended = waiting.server == server;
            if ended {
                answer(&waiting.reply, with(waiting));
            }
            !ended
        });
    }
}

/// The process table.
pub fn pit(node: &Node, now: Now) -> Response {
    let entries = node.pit(now).into_iter();
    Response::Pit {
        entries: entries.map(|it| pit_entry(node, now, it)).collect(),
    }
}

/// One entry of it.
pub fn pit_entry(node: &Node, now: Now, entry: PitStatus) -> api::PitEntry {
    api::PitEntry {
        here: entry.here,
        there: entry.there,
        action: match entry.action {
            Action::Encrypt => api::Action::Encrypt,
            Action::Relay => api::Action::Relay,
            Action::Discard => api::Action::Discard,
            Action::Clear => api::Action::Clear,
        },
        peer: entry.peer.map(NodeAddr::to_ipv6),
        name: entry.peer.and_then(|f| name(node, now, f)),
        provisional: entry.provisional,
        left_s: entry.left.as_secs(),
        epochs: entry.epochs,
        path: entry.path.iter().map(|it| on_path(node, now, it)).collect(),
    }
}

/// An element on the way of one.
pub fn on_path(node: &Node, now: Now, relay: &OnPathStatus) -> api::OnPath {
    api::OnPath {
        peer: relay.f.to_ipv6(),
        name: name(node, now, relay.f),
        element: kind(relay.kind),
        mode: mode(relay.mode),
        age_s: relay.age.as_secs(),
    }
}

/// The groups of a server that wait for somebody to sign in.
fn waiting(node: &Node, now: Now, server: NodeAddr) -> Vec<String> {
    let states = sign_in::states(node, now).into_iter();
    let own = states.filter(|it| it.server == server.to_ipv6());
    let groups = own.flat_map(|it| it.groups);
    let waiting = groups.filter(|it| it.until_unix_s.is_none());
    waiting.map(|it| it.group).collect()
}

/// What a member of this node's groups is called.
pub fn name(node: &Node, now: Now, f: NodeAddr) -> Option<String> {
    let (member, group) = node.name_of(now, f)?;
    Some(format!("{member}.{group}"))
}

/// Whether a line is of a management server.
pub fn is_group_line(line: &str) -> bool {
    use identity::crypto::{AwsLc, Crypto};
    let read = Invite::parse(line, |bytes| AwsLc.sha256(&[bytes]));
    read.is_ok_and(|invite| matches!(invite.purpose, Purpose::Group { .. }))
}

/// What a server says when it does not take a node. It comes from elsewhere: nothing in it moves a
/// terminal's cursor.
fn refused(why: Option<&str>) -> ApiError {
    let error = ApiError::new(Code::GroupRefused);
    let Some(why) = why else {
        return error.with("refusal", "invite-expired");
    };
    let named: BTreeMap<String, String> = serde_json::from_str(why).unwrap_or_default();
    let plain = |text: &str| -> String {
        let letters = text.chars().filter(|c| !c.is_control());
        letters.take(api::LABEL_LEN_MAX * 4).collect()
    };
    let named = named.iter().take(8);
    named.fold(error, |error, (name, value)| {
        error.with(&plain(name), plain(value))
    })
}

fn membership(status: &GroupStatus) -> api::Membership {
    let members = status.members.iter().map(|(f, name)| api::Reached {
        address: f.to_ipv6(),
        name: name.clone(),
        in_touch: true,
    });
    let servers = status.servers.iter().map(|server| api::Reached {
        address: server.f.to_ipv6(),
        name: None,
        in_touch: server.is_up,
    });
    api::Membership {
        id: status.id.to_string(),
        group: status.name.clone(),
        name: status.own_name.clone(),
        element: kind(status.kind),
        mode: mode(status.mode),
        lease_until_unix_s: status.until_unix_s,
        epochs: status.epochs.iter().map(|(_, number)| *number).collect(),
        servers: servers.collect(),
        members: members.collect(),
        locked: locked::lock(&status.policy),
    }
}

fn answer(reply: &SyncSender<Reply>, answer: Reply) {
    // Whoever asked may have gone.
    let _ = reply.try_send(answer);
}
