//! What sessions say: taken after every input, in order, until none has anything left.

use std::sync::Arc;

use session::machine::Up;
use session::{Closed, Session, SessionOutput};
use wire::ip::Ecn;
use wire::payload::{CloseReason, Kind};
use wire::{NodeAddr, Now, Path, StreamId};

use crate::fast::Route;
use crate::groups::agent::SERVER_PROBE_ID;
use crate::machine::{Index, Node};
use crate::stored::{Change, PinRecord};
use crate::{DownWhy, DropReason, Event, Output};

impl Node {
    /// Takes every session's output, then publishes what changed. Ends every input.
    pub(crate) fn settle(&mut self, now: Now) {
        self.warn_of_expiry(now);
        while let Some(f) = self.touched.pop_first() {
            while let Some(output) = self.session_mut(f).and_then(Session::poll_output) {
                self.take_output(now, f, output);
            }
            self.rearm(f);
        }
        self.publish_if_stale();
    }

    /// Lets every session that is due do its work.
    pub(crate) fn expire_sessions(&mut self, now: Now) {
        let due = self.timers.iter().take_while(|(at, _)| *at <= now.mono);
        let due: Vec<NodeAddr> = due.map(|(_, f)| *f).collect();
        for f in due {
            if let Some(session) = self.session_mut(f) {
                session.handle_timeout(now.mono);
            }
            self.touched.insert(f);
        }
    }

    fn rearm(&mut self, f: NodeAddr) {
        let Some(peer) = self.peers.get_mut(&f) else {
            return;
        };
        let next = peer.session.as_ref().and_then(Session::poll_timeout);
        let before = std::mem::replace(&mut peer.timer, next);
        if let Some(at) = before {
            self.timers.remove(&(at, f));
        }
        if let Some(at) = next {
            self.timers.insert((at, f));
        }
    }

    fn take_output(&mut self, now: Now, f: NodeAddr, output: SessionOutput) {
        match output {
            SessionOutput::InitiationWanted => self.begin(now, f),
            SessionOutput::Transmit { to, ecn, bytes } => {
                // Keys are published before the message that lets the peer use them leaves.
                self.publish_if_stale();
                self.transmit(to, ecn, bytes);
            }
            SessionOutput::InstallTransport(transport) => {
                let index = transport.local_index();
                self.doorman.await_no_more(index);
                self.indices.insert(index, Index::installed(f, transport));
                if self.is_quiet(f) {
                    self.doorman.keep_quiet(index, true);
                } else {
                    self.snapshot_stale = true;
                }
            }
            SessionOutput::RetireIndex(index) => {
                self.doorman.await_no_more(index);
                let entry = self.indices.remove(&index);
                self.doorman.keep_quiet(index, false);
                if entry.is_some_and(|entry| entry.transport.is_some()) {
                    self.peer_changed(f);
                }
            }
            SessionOutput::Established(up) => self.came_up(now, f, *up),
            SessionOutput::Message { kind, value } => self.message_in(now, f, kind, &value),
            SessionOutput::Packet { kind, bytes, ecn } => {
                self.packet_in(now, f, kind, bytes, ecn);
            }
            SessionOutput::Echo { id, rtt } => self.echo_in(now, f, id, rtt),
            SessionOutput::EchoLost { id } => {
                if id != SERVER_PROBE_ID && !self.link_echo(f, id, false) {
                    self.event(Event::EchoLost { peer: f, id });
                }
            }
            SessionOutput::Moved { to } => self.moved(now, f, to),
            SessionOutput::Doubt => self.try_channels(now, f),
            SessionOutput::Silent { path } => self.silent(now, f, path),
            SessionOutput::PathMtu { .. } => self.peer_changed(f),
            SessionOutput::Closed { why, parked } => {
                self.went_down(now, f, why);
                self.unreachable(now, parked.into_iter().map(|(_, packet)| packet));
            }
        }
    }

    /// Sends a sealed datagram over a path, behind the header of its channel if it is one.
    pub(crate) fn transmit(&mut self, to: Path, ecn: Ecn, sealed: Vec<u8>) {
        let (to, payload) = match self.route(to) {
            Some(Route::Direct(to)) => (to, sealed),
            Some(Route::Relayed(channel, to)) => (to, self.hops.wrap(&channel, &sealed)),
            None => return self.drop_for(DropReason::NoChannel),
        };
        self.output(Output::Transmit { to, ecn, payload });
    }

    fn came_up(&mut self, now: Now, f: NodeAddr, up: Up) {
        let root = up.peer.history.inception().root_key;
        let (before, pin) = (self.pin(f), PinRecord(up.pin));
        self.complete_join(now, f);
        let groups = self.groups_of(now, up.matched.iter().copied());
        self.note_proven(now, f, &groups);
        if !self.may_meet(f) {
            self.give_up(now, f);
            return self.cut(now, f, CloseReason::NotAllowed);
        }
        if !self.is_applicant(f) {
            self.remember(up.peer, pin);
            self.bind_key(f, root);
        }
        self.discovery.forget(f);
        self.announce.remove(&f);
        let peer = self.peers.entry(f).or_default();
        peer.tries = 0;
        peer.bindings.insert(0, up.binding);
        peer.bindings.truncate(2);
        let was_up = peer.up_since.is_some();
        peer.up_since.get_or_insert(now.mono);
        let at = peer.session.as_ref().and_then(Session::endpoint);
        if !up.continued {
            peer.up_since = Some(now.mono);
            peer.bindings.truncate(1);
        }
        self.peer_changed(f);
        if let Some(at) = at {
            self.reached(now, f, at);
        }
        if !up.continued {
            if was_up {
                let why = DownWhy::Replaced;
                self.event(Event::SessionDown { peer: f, why });
            }
            if let Some(via) = at.and_then(|at| self.via(at)) {
                self.event(Event::SessionUp { peer: f, via });
            }
            self.greet(now, f);
            // It changed during the handshake, when there was no stream to say so by.
            if !Arc::ptr_eq(&up.told, &self.me) {
                self.tell_identity(now, f);
            }
        }
        self.came_up_with_groups(now, f, (up.role, &up.shown), &groups);
        self.server_up(now, f, up.continued);
        self.came_up_with_bridges(now, f, up.continued);
        if let Some(at) = at {
            let at = self
                .address_of(at)
                .unwrap_or_else(|| ([0, 0, 0, 0], 0).into());
            self.look_for_clones(now, f, up.instance, at);
        }
        self.note_identity_news(now, f, before, pin, f);
        self.announce_more(now);
    }

    /// What a session that stands means for Bridges and channels.
    fn came_up_with_bridges(&mut self, now: Now, f: NodeAddr, continued: bool) {
        if !continued {
            // Channels belong to the control stream that has just begun anew.
            self.detach(now, f);
        } else if let Some(path) = self.session_of(f).and_then(Session::endpoint) {
            self.client_moved(now, f, path);
        }
        self.link_up(now, f, continued);
        if self.may_talk(f) {
            self.want_channels(now, f);
            self.try_channels(now, f);
            self.try_directly(now, f);
        }
    }

    /// The session uses another path now.
    fn moved(&mut self, now: Now, f: NodeAddr, to: Path) {
        self.reached(now, f, to);
        self.link_moved(now, f, to);
        self.client_moved(now, f, to);
        if let Some(via) = self.via(to) {
            self.event(Event::Moved { peer: f, via });
        }
    }

    /// The peer is where `at` says, proven by a round trip.
    fn reached(&mut self, now: Now, f: NodeAddr, at: Path) {
        self.peer_changed(f);
        let at = match at {
            Path::Udp(at) => at,
            Path::Stream(id) => return self.keep_stream(f, id),
            Path::Channel(_) => return,
        };
        if self.is_applicant(f) {
            return;
        }
        let peer = self.peers.entry(f).or_default();
        peer.candidates.worked(now.mono, at);
        let stored = self.stored.peers.get(&f).and_then(|record| record.endpoint);
        if stored != Some(at) && self.stored.has_room_for(f) {
            self.persist(Change::Endpoint { f, endpoint: at });
        }
    }

    /// A session uses a stream, which is kept from now on. Of those that a peer opened one is.
    fn keep_stream(&mut self, f: NodeAddr, id: StreamId) {
        self.output(Output::Keep(id));
        if self.links.values().any(|link| link.has_stream(id)) {
            return;
        }
        let before = self.peers.entry(f).or_default().stream.replace(id);
        if let Some(before) = before.filter(|before| *before != id) {
            self.output(Output::Hang(before));
        }
    }

    fn went_down(&mut self, now: Now, f: NodeAddr, why: Closed) {
        self.discovery.forget(f);
        self.announce.remove(&f);
        self.peer_changed(f);
        self.link_down(now, f, why);
        self.client_down(now, f);
        self.server_down(now, f);
        if why == Closed::Peer(CloseReason::NotAllowed) {
            self.dismissed(now, f);
        }
        self.groups_down(f);
        self.close_channels(now, f);
        let peer = self.peers.entry(f).or_default();
        peer.tries = 0;
        peer.bindings.clear();
        peer.rtt = None;
        let stream = peer.stream.take();
        if peer.up_since.take().is_some() {
            let why = down_why(why);
            self.event(Event::SessionDown { peer: f, why });
        }
        if let Some(stream) = stream {
            self.output(Output::Hang(stream));
        }
        if why == Closed::NoAnswer {
            self.join_unanswered(f);
        }
        self.forget_when_down(f);
        self.announce_more(now);
    }

    /// A whole packet of the peer: put together from pieces, or seen by the slow path.
    pub(crate) fn packet_in(
        &mut self,
        now: Now,
        f: NodeAddr,
        kind: Kind,
        mut packet: Vec<u8>,
        outer: Ecn,
    ) {
        if kind != Kind::Ip {
            return self.drop_for(DropReason::Unsupported);
        }
        if self.is_proving(f) && !self.may_talk(f) {
            return self.hold(f, outer, packet);
        }
        self.publish_if_stale();
        let snapshot = Arc::clone(&self.snapshot);
        let Some(entry) = snapshot.find(f) else {
            return self.drop_for(DropReason::NotAllowed);
        };
        match snapshot.admit(now.mono, &self.flows, entry, outer, &mut packet) {
            Ok(()) => self.output(Output::Inside(packet)),
            Err(reason) => {
                self.drop_for(reason);
                if reason == DropReason::SourceNotPeer && snapshot.is_astray(entry, &packet) {
                    self.not_agreed(now, f, &packet);
                }
            }
        }
    }

    fn echo_in(&mut self, now: Now, f: NodeAddr, id: u32, rtt: std::time::Duration) {
        let peer = self.peers.entry(f).or_default();
        peer.rtt = Some(rtt);
        let path = peer.session.as_ref().and_then(Session::endpoint);
        if id == SERVER_PROBE_ID {
            return self.server_echo(now, f);
        }
        if self.link_echo(f, id, true) {
            return;
        }
        if let Some(via) = path.and_then(|path| self.via(path)) {
            self.event(Event::Echo {
                peer: f,
                id,
                rtt,
                via,
            });
        }
    }

    /// Ends the session with a peer at once, and tells it.
    pub(crate) fn cut(&mut self, now: Now, f: NodeAddr, reason: CloseReason) {
        if let Some(session) = self.session_mut(f) {
            session.close(now.mono, reason);
            self.touched.insert(f);
        }
    }

    pub(crate) fn session_mut(&mut self, f: NodeAddr) -> Option<&mut Session> {
        self.peers.get_mut(&f)?.session.as_mut()
    }

    pub(crate) fn session_of(&self, f: NodeAddr) -> Option<&Session> {
        self.peers.get(&f)?.session.as_ref()
    }

    pub(crate) fn peer_is_up(&self, f: NodeAddr) -> bool {
        self.session_of(f).is_some_and(Session::is_up)
    }

    /// The peers with a standing session.
    pub(crate) fn peers_up(&self) -> Vec<NodeAddr> {
        let up = self.peers.iter().filter(|(_, peer)| peer.is_up());
        up.map(|(f, _)| *f).collect()
    }
}

const fn down_why(why: Closed) -> DownWhy {
    match why {
        Closed::Local(CloseReason::NotAllowed) => DownWhy::NotAllowed,
        Closed::Local(CloseReason::ShuttingDown) => DownWhy::ShuttingDown,
        Closed::Peer(CloseReason::ShuttingDown) => DownWhy::PeerShutDown,
        Closed::Peer(CloseReason::NotAllowed) => DownWhy::PeerRefused,
        Closed::Local(_) | Closed::Peer(_) => DownWhy::Replaced,
        Closed::NoAnswer => DownWhy::NoAnswer,
        Closed::Idle => DownWhy::Idle,
        Closed::TooManyForgeries | Closed::Stream(_) => DownWhy::Broken,
    }
}
