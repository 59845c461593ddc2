//! This node's Bridges. A node keeps a session with each, always, and attaches to it.
//!
//! | event | what follows |
//! |---|---|
//! | start, a new Bridge | call |
//! | two tries over UDP unanswered | dial a stream, too; whichever answers first carries the session |
//! | a try over UDP unanswered for [`NEXT_ADDRESS`], other addresses not tried yet | the next of them (RFC 8305, section 5) |
//! | a stream is there | the first two tries go over it (one may cross the Bridge's), then UDP takes turns with it |
//! | session over a stream, at each rekey | try UDP again; it is preferred |
//! | session stands | attach; once attached, register tickets, ask for channels |
//! | an attach unanswered for [`ATTACH_UNANSWERED`] | ping: the Bridge may have started again meanwhile, and its call be lost |
//! | [`LINK_PROBE`] since the last probe | ping: keeps NATs open, measures |
//! | a session over the Bridge goes silent | ping now |
//! | a ping unanswered for [`LINK_PROBE_LOST`] | call again |
//! | the session ends | every channel over it ends; call again after [`CALL_AGAIN`] |

use std::net::SocketAddr;
use std::time::Duration;

use identity::PublicIdentity;
use mesh::Source;
use session::{Closed, Session};
use wire::channel::{Attach, AttachStatus, Attached, BridgeMessage};
use wire::payload::CloseReason;
use wire::stream::StreamValue;
use wire::{NodeAddr, Now, Path, StreamId};

use crate::bridging::link::{Link, LinkStream};
use crate::machine::Node;
use crate::stored::Change;
use crate::stored::bridge::{BRIDGES_MAX, BridgeChange, BridgeRecord, Secret};
use crate::{BridgeError, Event, Output};

/// Time between two pings of a Bridge: below what NATs forget an idle UDP flow after (30 s is
/// common).
pub const LINK_PROBE: Duration = Duration::from_secs(25);
/// A Bridge that answers no ping for this long is called again.
pub const LINK_PROBE_LOST: Duration = Duration::from_millis(1_000);
/// A Bridge that has not answered an attach for this long is asked whether it is there. One that
/// still checks the password is.
const ATTACH_UNANSWERED: Duration = Duration::from_secs(2);
/// After a session with a Bridge has ended, it is called again.
const CALL_AGAIN: Duration = Duration::from_secs(1);
/// The same when it did not answer for 90 s, or turned this node away.
const CALL_AGAIN_LATER: Duration = Duration::from_secs(10);
/// Time between first tries at several addresses of a Bridge.
const NEXT_ADDRESS: Duration = Duration::from_millis(250);
/// The ping's number.
pub(crate) const PROBE_ID: u32 = u32::MAX;
/// Tries over UDP before a stream is dialled.
const TRIES_BEFORE_DIALLING: u32 = 2;

impl Node {
    /// Uses a Bridge from now on, and always: its statements, where it listens, and a ticket
    /// or password if it wants one.
    pub(crate) fn use_bridge(
        &mut self,
        now: Now,
        identity: PublicIdentity,
        endpoints: Vec<SocketAddr>,
        ticket: Option<Secret>,
        password: Option<String>,
    ) -> Result<NodeAddr, BridgeError> {
        let f = identity.address();
        if f == self.f {
            return Err(BridgeError::Own);
        }
        let used = &self.stored.bridging.used;
        if used.len() >= BRIDGES_MAX && !used.contains_key(&f) {
            return Err(BridgeError::TooMany);
        }
        if endpoints.is_empty() {
            return Err(BridgeError::NoEndpoint);
        }
        self.admit_identity(now, identity)
            .map_err(|_| BridgeError::Identity)?;
        let is_attached = self
            .links
            .get(&f)
            .is_some_and(|link| link.attached.is_some());
        let has_ticket = ticket.is_some();
        let bridge = BridgeRecord {
            f,
            endpoints,
            ticket: ticket.filter(|_| !is_attached),
            added_unix_s: now.unix_s,
        };
        self.persist(Change::Bridge {
            bridge: BridgeChange::Used { bridge },
        });
        let is_up = self.peer_is_up(f);
        let link = self.links.entry(f).or_default();
        link.password = password;
        link.refusal = None;
        if !is_up {
            link.next_call = Some(now.mono);
        }
        if is_attached {
            self.event(Event::BridgeUp { bridge: f });
        } else if is_up && has_ticket {
            // Only a handshake proves a ticket.
            self.call_again(now, f);
        } else if is_up {
            self.attach(now, f);
        } else {
            self.links_due(now);
        }
        self.snapshot_stale = true;
        Ok(f)
    }

    /// Uses a Bridge no more.
    ///
    /// # Errors
    /// It is none of this node's Bridges.
    pub fn forget_bridge(&mut self, now: Now, f: NodeAddr) -> Result<(), BridgeError> {
        if !self.links.contains_key(&f) {
            return Err(BridgeError::Unknown);
        }
        self.persist(Change::Bridge {
            bridge: BridgeChange::Forgotten { f },
        });
        self.lose_channels_over(now, f);
        let link = self.links.remove(&f);
        if let Some(LinkStream::Up(id)) = link.map(|link| link.stream) {
            self.output(Output::Hang(id));
        }
        if !self.may_meet(f) {
            self.cut(now, f, CloseReason::ShuttingDown);
        }
        self.snapshot_stale = true;
        self.settle(now);
        Ok(())
    }

    /// Notes the Bridges that are remembered, to be called at once.
    pub(crate) fn start_links(&mut self, now: Now) {
        for f in self.stored.bridging.used.keys() {
            let link = Link {
                next_call: Some(now.mono),
                ..Link::default()
            };
            self.links.insert(*f, link);
        }
    }

    /// Does what is due for the Bridges.
    pub(crate) fn links_due(&mut self, now: Now) {
        let due = |link: &Link| link.timeout().is_some_and(|at| at <= now.mono);
        let due: Vec<NodeAddr> = self
            .links
            .iter()
            .filter(|(_, link)| due(link))
            .map(|(f, _)| *f)
            .collect();
        for f in due {
            self.link_due(now, f);
        }
    }

    fn link_due(&mut self, now: Now, f: NodeAddr) {
        let is_up = self.peer_is_up(f);
        let Some(link) = self.links.get_mut(&f) else {
            return;
        };
        let is_due = |at: &mut Duration| *at <= now.mono;
        let call = link.next_call.take_if(is_due).is_some();
        let lost = link.probing.take_if(is_due).is_some();
        let probe = link.next_probe.take_if(is_due).is_some();
        let unanswered = link.attaching.take_if(is_due).is_some();
        let other = link.next_address.take_if(is_due).is_some();
        if other && let Some(session) = self.session_mut(f) {
            session.retry_now(now.mono);
            self.touched.insert(f);
        }
        if call && !is_up {
            self.call_bridge(now, f);
        }
        if lost && is_up {
            self.call_again(now, f);
        } else if (probe || unanswered) && is_up {
            self.probe_link(now, f);
        }
    }

    /// When something is due for a Bridge next.
    pub(crate) fn links_timeout(&self) -> Option<Duration> {
        if self.shutting_down {
            return None;
        }
        self.links.values().filter_map(Link::timeout).min()
    }

    fn call_bridge(&mut self, now: Now, f: NodeAddr) {
        if self.shutting_down {
            return;
        }
        if let Some(record) = self.stored.bridging.used.get(&f) {
            let peer = self.peers.entry(f).or_default();
            for at in &record.endpoints {
                peer.candidates.add(now.mono, *at, Source::Invite);
            }
        }
        self.ensure_session(f).retry_often();
        self.call(now, f);
    }

    /// The session stands and the Bridge does not answer: a new handshake, at once.
    fn call_again(&mut self, now: Now, f: NodeAddr) {
        let session = self.ensure_session(f);
        session.retry_often();
        session.initiate(now.mono);
        self.touched.insert(f);
        if let Some(link) = self.links.get_mut(&f) {
            link.next_probe = Some(now.mono.saturating_add(LINK_PROBE));
        }
    }

    /// Asks a Bridge whether it is there, unless an answer is awaited.
    pub(crate) fn probe_link(&mut self, now: Now, f: NodeAddr) {
        let Some(link) = self.links.get_mut(&f) else {
            return;
        };
        if link.probing.is_some() || self.shutting_down {
            return;
        }
        link.probing = Some(now.mono.saturating_add(LINK_PROBE_LOST));
        link.next_probe = Some(now.mono.saturating_add(LINK_PROBE));
        self.ensure_session(f).ping(now.mono, PROBE_ID);
        self.touched.insert(f);
    }

    /// Asks every Bridge whether it is there, and tries UDP again towards those that are reached
    /// over a stream. What comes of it is in [`Node::bridges`].
    pub fn probe_bridges(&mut self, now: Now) {
        let all: Vec<NodeAddr> = self.links.keys().copied().collect();
        for f in all {
            if !self.peer_is_up(f) {
                self.call_bridge(now, f);
                continue;
            }
            let path = self.session_of(f).and_then(Session::endpoint);
            if let Some(Path::Stream(_)) = path {
                self.try_udp(now, f);
            }
            self.probe_link(now, f);
        }
        self.settle(now);
    }

    /// A ping of a Bridge came back, or did not. Whether it was one of ours.
    pub(crate) fn link_echo(&mut self, f: NodeAddr, id: u32, answered: bool) -> bool {
        let Some(link) = self.links.get_mut(&f).filter(|_| id == PROBE_ID) else {
            return false;
        };
        if answered {
            link.probing = None;
        }
        true
    }

    /// The way that the next call of a Bridge takes.
    pub(crate) fn path_to_bridge(&mut self, now: Now, f: NodeAddr) -> Option<Path> {
        let peer = self.peers.entry(f).or_default();
        peer.tries = peer.tries.saturating_add(1);
        let tries = peer.tries;
        let at = peer.candidates.next_to_try(now.mono);
        let others = peer.candidates.has_untried();
        let link = self.links.get_mut(&f)?;
        link.next_address = others.then(|| now.mono.saturating_add(NEXT_ADDRESS));
        if let LinkStream::Up(id) = link.stream {
            let turn = link.stream_tries;
            link.stream_tries = turn.saturating_add(1);
            if turn == 0 || !turn.is_multiple_of(2) || at.is_none() {
                return Some(Path::Stream(id));
            }
        }
        if link.stream == LinkStream::None && (tries >= TRIES_BEFORE_DIALLING || link.dials > 0) {
            self.dial(f);
        }
        at.map(Path::Udp)
    }

    fn dial(&mut self, f: NodeAddr) {
        let endpoints = self.stored.bridging.used.get(&f).map(|b| &b.endpoints);
        let (Some(endpoints), Some(link)) = (endpoints, self.links.get_mut(&f)) else {
            return;
        };
        let turn = usize::try_from(link.dials).unwrap_or_default();
        let Some(at) = endpoints.iter().cycle().nth(turn % endpoints.len().max(1)) else {
            return;
        };
        let (at, small) = (*at, turn >= endpoints.len());
        link.stream = LinkStream::Dialling(at);
        link.dials = link.dials.saturating_add(1);
        self.output(Output::Dial { at, small });
    }

    /// A stream to this address is there, or could not be had.
    pub(crate) fn dialled(&mut self, now: Now, at: SocketAddr, id: Option<StreamId>) {
        let waits = |link: &Link| link.stream == LinkStream::Dialling(at);
        let found = self.links.iter().find(|(_, link)| waits(link));
        let Some(f) = found.map(|(f, _)| *f) else {
            if let Some(id) = id {
                self.output(Output::Hang(id));
            }
            return;
        };
        let is_calling = self.session_of(f).is_some_and(Session::is_initiating);
        let Some(link) = self.links.get_mut(&f) else {
            return;
        };
        link.stream = LinkStream::None;
        let Some(id) = id else {
            return;
        };
        if !is_calling {
            // UDP was quicker.
            return self.output(Output::Hang(id));
        }
        link.stream = LinkStream::Up(id);
        link.stream_tries = 0;
        self.ensure_session(f).retry_now(now.mono);
        self.touched.insert(f);
    }

    /// A stream to a Bridge has ended.
    pub(crate) fn link_stream_down(&mut self, now: Now, id: StreamId) {
        let found = self
            .links
            .iter_mut()
            .find(|(_, l)| l.stream == LinkStream::Up(id));
        let Some((f, link)) = found else {
            return;
        };
        link.stream = LinkStream::None;
        let f = *f;
        self.call_again(now, f);
    }

    /// A session with a Bridge stands.
    pub(crate) fn link_up(&mut self, now: Now, f: NodeAddr, continued: bool) {
        let path = self.session_of(f).and_then(Session::endpoint);
        let Some(link) = self.links.get_mut(&f) else {
            return;
        };
        link.next_call = None;
        link.next_address = None;
        link.probing = None;
        link.next_probe = Some(now.mono.saturating_add(LINK_PROBE));
        if !continued {
            link.attached = None;
        }
        match path {
            Some(Path::Udp(_)) => self.drop_stream(f),
            Some(Path::Stream(_)) => self.try_udp(now, f),
            Some(Path::Channel(_)) | None => {}
        }
        if !continued {
            self.lose_channels_over(now, f);
        }
        let is_attached = self.links.get(&f).is_some_and(|it| it.attached.is_some());
        if !is_attached {
            self.attach(now, f);
        }
    }

    /// The session with a Bridge has moved. The Bridge learns it from a ping that comes by the new
    /// way: what it has sent over a stream that ends now, its answer to an attach perhaps, it
    /// sends again, and must know where to.
    pub(crate) fn link_moved(&mut self, now: Now, f: NodeAddr, to: Path) {
        if matches!(to, Path::Udp(_)) {
            self.drop_stream(f);
            if let Some(link) = self.links.get_mut(&f) {
                link.probing = None;
            }
            self.probe_link(now, f);
        }
    }

    fn drop_stream(&mut self, f: NodeAddr) {
        let Some(link) = self.links.get_mut(&f) else {
            return;
        };
        link.dials = 0;
        if let LinkStream::Up(id) = std::mem::take(&mut link.stream) {
            self.output(Output::Hang(id));
        }
    }

    fn try_udp(&mut self, now: Now, f: NodeAddr) {
        let Some(record) = self.stored.bridging.used.get(&f) else {
            return;
        };
        for at in record.endpoints.clone() {
            if let Some(session) = self.session_mut(f) {
                session.try_path(now.mono, at.into());
            }
        }
        self.touched.insert(f);
    }

    fn attach(&mut self, now: Now, f: NodeAddr) {
        let Some(link) = self.links.get_mut(&f) else {
            return;
        };
        link.attaching = Some(now.mono.saturating_add(ATTACH_UNANSWERED));
        let password = link.password.clone();
        let attach = Attach {
            password: password.as_deref(),
        };
        self.send_value(now, f, &StreamValue::Bridge(BridgeMessage::Attach(attach)));
    }

    /// A Bridge has answered.
    pub(crate) fn attached_in(&mut self, now: Now, f: NodeAddr, attached: Attached) {
        let Some(link) = self.links.get_mut(&f) else {
            return;
        };
        link.attaching = None;
        if attached.status != AttachStatus::Attached {
            link.attached = None;
            link.refusal = Some(attached.status);
            let why = attached.status;
            return self.event(Event::BridgeRefused { bridge: f, why });
        }
        let before = link.attached.replace(attached.observed);
        link.refusal = None;
        link.password = None;
        if before != Some(attached.observed) {
            self.tell_all_endpoints(now);
        }
        if before.is_some() {
            return;
        }
        self.forget_ticket(f);
        self.event(Event::BridgeUp { bridge: f });
        self.register_tickets(now, f);
        self.ask_for_channels(now, f);
    }

    fn forget_ticket(&mut self, f: NodeAddr) {
        let record = self.stored.bridging.used.get(&f).cloned();
        if let Some(bridge) = record.filter(|record| record.ticket.is_some()) {
            let bridge = BridgeRecord {
                ticket: None,
                ..bridge
            };
            self.persist(Change::Bridge {
                bridge: BridgeChange::Used { bridge },
            });
        }
    }

    /// A session with a Bridge has ended.
    pub(crate) fn link_down(&mut self, now: Now, f: NodeAddr, why: Closed) {
        let Some(link) = self.links.get_mut(&f) else {
            return;
        };
        let was_attached = link.attached.take().is_some();
        link.next_probe = None;
        link.attaching = None;
        link.probing = None;
        let wait = match why {
            Closed::NoAnswer | Closed::Peer(CloseReason::NotAllowed) => CALL_AGAIN_LATER,
            _ => CALL_AGAIN,
        };
        link.next_call = Some(now.mono.saturating_add(wait));
        if let LinkStream::Up(id) = std::mem::take(&mut link.stream) {
            self.output(Output::Hang(id));
        }
        self.lose_channels_over(now, f);
        if was_attached {
            self.event(Event::BridgeDown { bridge: f });
        }
    }

    /// The Bridges that have taken this node as a client.
    pub(crate) fn attached_links(&self) -> Vec<NodeAddr> {
        let attached = self
            .links
            .iter()
            .filter(|(_, link)| link.attached.is_some());
        attached.map(|(f, _)| *f).collect()
    }
}
