//! Starting sessions: where to call, with which number, proving what.

use identity::PublicIdentity;
use identity::crypto::random;
use session::Session;
use session::handshake::{Credential, Terms};
use session::machine::{Begin, SessionConfig};
use std::sync::Arc;
use wire::payload::Kind;
use wire::{NodeAddr, Now, Path};

use crate::DropReason;
use crate::bridge::own_channels::BEACON_FRESH;
use crate::machine::{Index, Node};

/// After this many tries without an answer the peer is asked for on the LAN as well.
pub const TRIES_BEFORE_ASKING: u32 = 2;

impl Node {
    /// Calls a peer unless a session stands or is being made. Without its identity it is
    /// looked for.
    pub(crate) fn call(&mut self, now: Now, f: NodeAddr) {
        if self.shutting_down {
            return;
        }
        if self.identity_of(f).is_none() {
            self.want(now, f);
            self.want_channels(now, f);
            self.locate(now, f);
            return;
        }
        // What is for somebody who has still to prove a group waits until then.
        let waited = if self.may_talk(f) {
            self.found(f)
        } else {
            None
        };
        if !self.peer_is_up(f) {
            self.want_channels(now, f);
            self.ensure_session(f).initiate(now.mono);
        } else if !self.may_talk(f) {
            self.prove_to(now, f);
        }
        for packet in waited.iter().flat_map(|waited| &waited.packets) {
            self.send_inside(now, f, packet);
        }
        for id in waited.iter().flat_map(|waited| &waited.pings) {
            self.ensure_session(f).ping(now.mono, *id);
        }
        self.touched.insert(f);
    }

    /// Hands a packet to the peer's session, which parks it while a handshake runs.
    pub(crate) fn send_inside(&mut self, now: Now, f: NodeAddr, packet: &[u8]) {
        if !self.starts_flow(now, f, packet) {
            return;
        }
        let sent = self
            .ensure_session(f)
            .send_packet(now.mono, Kind::Ip, packet);
        self.touched.insert(f);
        if sent.is_err() {
            self.drop_for(DropReason::ParkedFull);
        }
    }

    /// The session wants message 1 sent (again).
    pub(crate) fn begin(&mut self, now: Now, f: NodeAddr) {
        if self.shutting_down || !(self.may_meet(f) || self.may_seek(f)) {
            return self.drop_for(DropReason::NotAllowed);
        }
        let Some(identity) = self.identity_of(f).cloned() else {
            return;
        };
        self.want_channels(now, f);
        let Some(to) = self.next_path(now, f) else {
            if !self.links.contains_key(&f) {
                self.discovery.want(now.mono, f);
            }
            return;
        };
        let credentials: Vec<Credential> = self
            .joins
            .get(&f)
            .map(|join| Credential::of_invite(&*self.crypto, &join.secret))
            .into_iter()
            .chain(self.ticket_credential(f))
            .chain(self.gate_credential(f))
            .chain(self.group_credentials(now))
            .collect();
        let handshake_count = self.take_count();
        self.keep_time(now);
        let local_index = self.take_index();
        self.indices.insert(local_index, Index::reserved(f));
        self.doorman.await_answer(local_index);
        let begin = Begin {
            handshake_count,
            local_index,
            to,
            peer: &identity,
            credentials: &credentials,
        };
        let ready = self.take_ready(now);
        let session = self.ensure_session(f);
        if let Some(keys) = ready {
            session.use_keys(keys);
        }
        let begun = session.begin(&begin, now);
        if begun.is_err() {
            self.indices.remove(&local_index);
            self.doorman.await_no_more(local_index);
            self.drop_for(DropReason::Handshake);
        }
    }

    /// The path to try next. A peer with a channel is called over it, unless it was heard on this
    /// LAN a moment ago; so is the second try, for the first may only have been lost, and then
    /// they take turns. A channel that has just opened is tried at once.
    fn next_path(&mut self, now: Now, f: NodeAddr) -> Option<Path> {
        if self.links.contains_key(&f) {
            return self.path_to_bridge(now, f);
        }
        let channels = self.channels_to(f);
        let peer = self.peers.entry(f).or_default();
        let heard = peer.candidates.is_fresh(now.mono, BEACON_FRESH);
        let turn = usize::try_from(peer.tries).unwrap_or_default();
        let direct_turn = (heard && turn == 0) || (turn > 1 && turn.is_multiple_of(2));
        let opened = peer.new_channel.take();
        if let Some(opened) = opened.filter(|opened| channels.contains(opened)) {
            peer.tries = peer.tries.saturating_add(1);
            return Some(Path::Channel(opened));
        }
        if !channels.is_empty() && (!direct_turn || peer.candidates.is_empty()) {
            peer.tries = peer.tries.saturating_add(1);
            let channel = channels.get(turn % channels.len());
            return channel.map(|channel| Path::Channel(*channel));
        }
        self.next_endpoint(now, f).map(Path::Udp)
    }

    /// The address to try next. A peer that does not answer is asked for on the LAN, too.
    fn next_endpoint(&mut self, now: Now, f: NodeAddr) -> Option<std::net::SocketAddr> {
        let last = self.stored.peers.get(&f).and_then(|record| record.endpoint);
        let peer = self.peers.entry(f).or_default();
        if peer.candidates.is_empty()
            && let Some(last) = last
        {
            peer.candidates.add(now.mono, last, mesh::Source::Observed);
        }
        peer.tries = peer.tries.saturating_add(1);
        if peer.tries == 1 {
            peer.candidates.start_over();
        }
        let (tries, to) = (peer.tries, peer.candidates.next_to_try(now.mono));
        if tries > TRIES_BEFORE_ASKING {
            self.discovery.want(now.mono, f);
        }
        to
    }

    /// The session with a peer, made if there is none.
    pub(crate) fn ensure_session(&mut self, f: NodeAddr) -> &mut Session {
        let peer = self.peers.entry(f).or_default();
        peer.session.get_or_insert_with(|| {
            Session::new(SessionConfig {
                crypto: Arc::clone(&self.crypto),
                local: Arc::clone(&self.me),
                terms: Terms {
                    instance: self.instance,
                    inner_mtu: self.config.inner_mtu,
                },
                peer: f,
                seed: random(&mut self.rng),
            })
        })
    }

    /// What is known of a peer's identity: verified before, or from the invite being used.
    pub(crate) fn identity_of(&self, f: NodeAddr) -> Option<&PublicIdentity> {
        let joining = || self.joins.get(&f).map(|join| &join.identity);
        self.known.get(&f).or_else(joining)
    }
}
