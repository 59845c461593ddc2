//! What programs ask over the control socket, on the slow path.
//!
//! Most requests are answered at once. A join waits for its session, a ping for its
//! answers; both wait here, bounded in number and time, and end when their client goes.

use crate::asked::Asked;
use crate::desk::Then;
use crate::facts::Facts;
use crate::groups::Groups;
use crate::{answers, bridges, groups};
use api::{ApiError, BridgeRequest, Code, Reply, Request, Response};
use group::{AllowEntry, Who};
use node::{Event, Node};
use std::collections::BTreeMap;
use std::net::Ipv6Addr;
use std::sync::mpsc::{SyncSender, TrySendError};
use std::time::Duration;
use wire::{NodeAddr, Now, Prefix};

/// At most this many joins and pings wait at once.
pub const WAITING_MAX: usize = 64;

struct Join {
    peer: NodeAddr,
    reply: SyncSender<Reply>,
    label: Option<String>,
    started: Duration,
    until: Duration,
}

/// Who waits for a Bridge to take this node.
struct Bridge {
    bridge: NodeAddr,
    reply: SyncSender<Reply>,
    started: Duration,
    until: Duration,
}

struct Ping {
    reply: SyncSender<Reply>,
    peer: Ipv6Addr,
    count: u32,
    interval: Duration,
    timeout: Duration,
    next_at: Duration,
    sent: u32,
    received: u32,
    // The number and the end of waiting of each echo that is out, by its id.
    out: BTreeMap<u32, (u32, Duration)>,
}

/// The requests that wait.
pub struct Requests {
    joins: Vec<Join>,
    pings: Vec<Ping>,
    bridges: Vec<Bridge>,
    next_id: u32,
    /// Groups.
    pub groups: Groups,
}

impl Requests {
    /// Nobody waits yet.
    pub const fn new(groups: Groups) -> Self {
        Self {
            joins: Vec::new(),
            pings: Vec::new(),
            bridges: Vec::new(),
            next_id: 0,
            groups,
        }
    }

    /// Handles one request. Drain the node's outputs afterwards.
    pub fn handle(&mut self, node: &mut Node, facts: &mut Facts, now: Now, asked: Asked) -> Then {
        let Asked { request, reply } = asked;
        let answer = match request {
            Request::Status => Ok(Response::Status(Box::new(facts.status(node, now)))),
            Request::Peers => {
                let mut peers: Vec<_> = node
                    .peers(now)
                    .into_iter()
                    .filter_map(answers::peer)
                    .collect();
                peers.sort_by_key(|peer| peer.address);
                Ok(Response::Peers { peers })
            }
            Request::Invite(invite) => invite_line(node, now, &invite),
            Request::Allow(allow) => take_entry(node, now, &allow),
            Request::Deny { who } => {
                node.deny(now, answers::who(who));
                Ok(Response::Done)
            }
            Request::List => {
                let mut entries: Vec<_> = node.list().allowed().map(answers::entry).collect();
                entries.sort_by_key(|entry| entry.who);
                Ok(Response::List { entries })
            }
            Request::IdentityChanged => install_identity(node, facts, now),
            Request::Inside => facts.inside(),
            Request::Bugreport => Ok(Response::Report(facts.report())),
            Request::Stop => {
                answer_with(&reply, Ok(Response::Done));
                return Then::Stop;
            }
            // Answered before they come here.
            Request::Netcheck { .. } => {
                Err(ApiError::new(Code::Internal).with("detail", "netcheck"))
            }
            Request::Forward(_) | Request::ForwardRemove { .. } | Request::Forwards => {
                Err(ApiError::new(Code::Internal).with("detail", "forwards"))
            }
            Request::Join(_) | Request::Ping(_) | Request::Bridge(BridgeRequest::Use { .. })
                if self.waiting() >= WAITING_MAX =>
            {
                Err(ApiError::new(Code::Internal).with("detail", "too many requests wait"))
            }
            Request::Bridge(BridgeRequest::Use {
                line,
                password,
                wait_ms,
            }) => {
                let password = password.map(|password| password.0);
                match node.add_bridge(now, &line, password) {
                    Ok(bridge) => {
                        self.bridges.push(Bridge {
                            bridge,
                            reply,
                            started: now.mono,
                            until: now.mono.saturating_add(Duration::from_millis(wait_ms)),
                        });
                        return Then::Continue;
                    }
                    Err(error) => Err(bridges::bridge_error(error)),
                }
            }
            Request::Bridge(request) => {
                bridges::answer(node, now, request, facts.shared.streams.port())
            }
            Request::Group(_) | Request::Manage(_) | Request::SignIn(_) | Request::SignOut(_) => {
                self.groups.handle(node, now, request, reply);
                return Then::Continue;
            }
            Request::Pit => Ok(groups::pit(node, now)),
            Request::Why { address, service } => Ok(crate::why::why(node, now, (address, service))),
            Request::PitForget { address } => Ok(Response::PitForgotten {
                was_member: node.forget_address(now, address),
            }),
            Request::Find { name } => {
                self.groups.find(node, now, &name, reply);
                return Then::Continue;
            }
            Request::Join(join) if groups::is_group_line(&join.line) => {
                match self.groups.join(node, now, join, &reply) {
                    Ok(()) => return Then::Continue,
                    Err(error) => Err(error),
                }
            }
            Request::Join(join) => match self.join(node, now, join, &reply) {
                Ok(()) => return Then::Continue,
                Err(error) => Err(error),
            },
            Request::Ping(ping) => {
                self.ping(now, &ping, reply);
                self.handle_timeout(node, now);
                return Then::Continue;
            }
        };
        answer_with(&reply, answer);
        Then::Continue
    }

    fn waiting(&self) -> usize {
        self.joins.len() + self.pings.len() + self.bridges.len()
    }

    fn join(
        &mut self,
        node: &mut Node,
        now: Now,
        join: api::Join,
        reply: &SyncSender<Reply>,
    ) -> Result<(), ApiError> {
        let peer = node
            .join(now, &join.line)
            .map_err(|error| answers::join_error(&error))?;
        self.joins.push(Join {
            peer,
            reply: reply.clone(),
            label: join.label,
            started: now.mono,
            until: now.mono.saturating_add(Duration::from_millis(join.wait_ms)),
        });
        Ok(())
    }

    fn ping(&mut self, now: Now, ping: &api::Ping, reply: SyncSender<Reply>) {
        self.pings.push(Ping {
            reply,
            peer: ping.peer,
            count: ping.count,
            interval: Duration::from_millis(ping.interval_ms.max(1)),
            timeout: Duration::from_millis(ping.timeout_ms),
            next_at: now.mono,
            sent: 0,
            received: 0,
            out: BTreeMap::new(),
        });
    }

    /// Something has happened that a request may wait for.
    pub fn handle_event(&mut self, node: &mut Node, now: Now, event: &Event) {
        match event {
            Event::Joined { peer } => self.end_joins(*peer, |join| joined(node, now, *peer, join)),
            Event::JoinFailed { peer, why } => {
                tracing::debug!(?why, "join failed");
                self.end_joins(*peer, |join| Err(join_timeout(node, now, join)));
            }
            Event::Echo { id, rtt, via, .. } => {
                let result = api::EchoResult::Answered {
                    rtt_ms: rtt.as_secs_f64() * 1000.0,
                    via: answers::via(*via),
                };
                self.answer_echo(*id, result);
            }
            Event::EchoLost { id, .. } => self.answer_echo(*id, api::EchoResult::Lost),
            Event::BridgeUp { bridge } => self.end_bridges(*bridge, |wait| {
                bridges::taken(node, now, *bridge, now.mono.saturating_sub(wait.started))
            }),
            Event::BridgeRefused { bridge, why } => {
                self.end_bridges(*bridge, |_| Err(bridges::refused(*bridge, *why)));
            }
            _ => {}
        }
        self.groups.handle_event(node, now, event);
        self.pings.retain(|ping| !ping.finish());
    }

    /// When [`Requests::handle_timeout`] is to be called (monotonic).
    pub fn poll_timeout(&self) -> Option<Duration> {
        let joins = self.joins.iter().map(|join| join.until);
        let pings = self.pings.iter().flat_map(|ping| {
            let next = (ping.sent < ping.count).then_some(ping.next_at);
            next.into_iter()
                .chain(ping.out.values().map(|(_, until)| *until))
        });
        let bridges = self.bridges.iter().map(|wait| wait.until);
        let waiting = joins.chain(pings).chain(bridges);
        waiting.chain(self.groups.poll_timeout()).min()
    }

    /// Something may be due. Drain the node's outputs afterwards.
    pub fn handle_timeout(&mut self, node: &mut Node, now: Now) {
        let (over, waiting) = std::mem::take(&mut self.joins)
            .into_iter()
            .partition(|join| join.until <= now.mono);
        self.joins = waiting;
        for join in Vec::from_iter::<Vec<Join>>(over) {
            answer_with(&join.reply, Err(join_timeout(node, now, &join)));
        }
        self.bridges.retain(|wait| {
            let over = wait.until <= now.mono;
            if over {
                let waited_s = now.mono.saturating_sub(wait.started).as_secs();
                let error = ApiError::new(Code::BridgeTimeout)
                    .with("bridge", wait.bridge)
                    .with("waited_s", waited_s);
                answer_with(&wait.reply, Err(error));
            }
            !over
        });
        self.groups.handle_timeout(now);
        let next_id = &mut self.next_id;
        self.pings
            .retain_mut(|ping| ping.advance(node, now, next_id) && !ping.finish());
    }

    fn end_joins(&mut self, peer: NodeAddr, mut end: impl FnMut(&Join) -> Reply) {
        self.joins.retain(|join| {
            let ended = join.peer == peer;
            if ended {
                answer_with(&join.reply, end(join));
            }
            !ended
        });
    }

    fn end_bridges(&mut self, bridge: NodeAddr, mut end: impl FnMut(&Bridge) -> Reply) {
        self.bridges.retain(|wait| {
            let ended = wait.bridge == bridge;
            if ended {
                answer_with(&wait.reply, end(wait));
            }
            !ended
        });
    }

    fn answer_echo(&mut self, id: u32, result: api::EchoResult) {
        for ping in &mut self.pings {
            if let Some((seq, _)) = ping.out.remove(&id) {
                ping.answer(seq, result);
                return;
            }
        }
    }
}

impl Ping {
    /// Sends what is due and gives up what is over; false when the client is gone or the
    /// peer cannot be pinged at all.
    fn advance(&mut self, node: &mut Node, now: Now, next_id: &mut u32) -> bool {
        let over: Vec<u32> = self
            .out
            .iter()
            .filter(|(_, (_, until))| *until <= now.mono)
            .map(|(id, _)| *id)
            .collect();
        for id in over {
            if let Some((seq, _)) = self.out.remove(&id)
                && !self.answer(seq, api::EchoResult::Lost)
            {
                return false;
            }
        }
        while self.sent < self.count && self.next_at <= now.mono {
            *next_id = next_id.wrapping_add(1);
            self.sent += 1;
            self.next_at = now.mono.saturating_add(self.interval);
            match node.ping(now, NodeAddr(self.peer.octets()), *next_id) {
                Ok(()) => {
                    let until = now.mono.saturating_add(self.timeout);
                    self.out.insert(*next_id, (self.sent, until));
                }
                // One too many at a time is lost; everything else is the same for all.
                Err(node::PingError::TooMany(_)) => {
                    self.answer(self.sent, api::EchoResult::Lost);
                }
                Err(error) => {
                    answer_with(&self.reply, Err(answers::ping_error(error, self.peer)));
                    return false;
                }
            }
        }
        true
    }

    fn answer(&mut self, seq: u32, result: api::EchoResult) -> bool {
        if matches!(result, api::EchoResult::Answered { .. }) {
            self.received += 1;
        }
        answer_with(&self.reply, Ok(Response::Echo(api::Echo { seq, result })))
    }

    /// Ends it if every echo is sent and answered or lost.
    fn finish(&self) -> bool {
        let done = self.sent >= self.count && self.out.is_empty();
        if done {
            let end = api::PingDone {
                sent: self.sent,
                received: self.received,
            };
            answer_with(&self.reply, Ok(Response::PingDone(end)));
        }
        done
    }
}

/// Answers without waiting; false when the client is gone or does not read.
fn answer_with(reply: &SyncSender<Reply>, answer: Reply) -> bool {
    match reply.try_send(answer) {
        Ok(()) => true,
        Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
    }
}

fn joined(node: &mut Node, now: Now, peer: NodeAddr, join: &Join) -> Reply {
    if let Some(label) = &join.label {
        let who = Who::Address(peer);
        let found = node
            .list()
            .allowed()
            .find(|entry| entry.who == who)
            .cloned();
        if let Some(entry) = found {
            let _ = node.allow(
                now,
                AllowEntry {
                    label: Some(label.clone()),
                    ..entry
                },
            );
        }
    }
    let status = node
        .peers(now)
        .into_iter()
        .find(|status| status.f == Some(peer));
    let via = status.as_ref().and_then(|status| status.via);
    let label = status.and_then(|status| {
        status
            .label
            .or_else(|| status.session.and_then(|session| session.host_label))
    });
    let Some(via) = via else {
        return Err(ApiError::new(Code::NoPath).with("peer", peer));
    };
    let took = now.mono.saturating_sub(join.started).as_millis();
    Ok(Response::Joined(api::Joined {
        peer: peer.to_ipv6(),
        label,
        via: answers::via(via),
        took_ms: u64::try_from(took).unwrap_or(u64::MAX),
    }))
}

fn join_timeout(node: &Node, now: Now, join: &Join) -> ApiError {
    let status = node
        .peers(now)
        .into_iter()
        .find(|status| status.f == Some(join.peer));
    let tried = status.and_then(|status| status.endpoint);
    let waited = now.mono.saturating_sub(join.started).as_secs();
    ApiError::new(Code::JoinTimeout)
        .with("peer", join.peer)
        .with(
            "tried",
            tried.map_or_else(String::new, |endpoint| endpoint.to_string()),
        )
        .with("waited_s", waited)
}

fn invite_line(node: &mut Node, now: Now, invite: &api::Invite) -> Reply {
    let endpoints = node.status(now).local_endpoints;
    let line = node
        .invite(now, invite.expires_s, &endpoints)
        .map_err(answers::invite_error)?;
    let expires_unix_s = now.unix_s.saturating_add(invite.expires_s);
    let endpoints = endpoints
        .into_iter()
        .take(wire::invite::ENDPOINTS_MAX)
        .collect();
    Ok(Response::Invited(api::Invited {
        line,
        expires_unix_s,
        endpoints,
    }))
}

fn take_entry(node: &mut Node, now: Now, allow: &api::Allow) -> Reply {
    let who = answers::who(allow.who);
    let before = node
        .list()
        .allowed()
        .find(|entry| entry.who == who)
        .cloned();
    let kept = before.as_ref();
    let services = match &allow.services {
        Some(services) => answers::services(services),
        None => kept.map_or(group::Services::All, |before| before.services.clone()),
    };
    let label = allow.label.clone();
    let entry = AllowEntry {
        who,
        services,
        label: label.or_else(|| kept?.label.clone()),
        accepts: accepts(kept, allow.accept.as_ref()),
        added_unix_s: kept.map_or(now.unix_s, |before| before.added_unix_s),
    };
    node.allow(now, entry)
        .map_err(|error| answers::allow_error(&error))?;
    Ok(Response::Done)
}

/// What an entry accepts after a change, each prefix once.
fn accepts(before: Option<&AllowEntry>, change: Option<&api::Accept>) -> Vec<Prefix> {
    let mut accepts = match change {
        Some(api::Accept::Only(_)) => Vec::new(),
        _ => before.map_or_else(Vec::new, |before| before.accepts.clone()),
    };
    let named = change.map_or(&[][..], api::Accept::prefixes);
    accepts.extend(named.iter().map(|prefix| prefix.0));
    accepts.sort_unstable();
    accepts.dedup();
    accepts
}

fn install_identity(node: &mut Node, facts: &Facts, now: Now) -> Reply {
    let identity = facts.reload().map_err(|detail| {
        ApiError::new(Code::IdentityUnreadable)
            .with("file", "")
            .with("detail", detail)
    })?;
    node.install_identity(now, identity).map_err(|error| {
        let code = match error {
            node::InstallError::OtherNode(_) => Code::IdentityOther,
            _ => Code::IdentityUnreadable,
        };
        ApiError::new(code).with("file", "").with("detail", error)
    })?;
    let peers = u32::try_from(node.status(now).sessions).unwrap_or(u32::MAX);
    Ok(Response::Told(api::Told { peers }))
}
