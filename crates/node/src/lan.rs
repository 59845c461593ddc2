//! LAN beacons in and out (docs/protocol/session.md, section 7).
//!
//! A beacon is signed, and still anybody on the LAN may have sent it: one from a node that no
//! rule allows costs a hash and a map lookup, and changes nothing. Anybody may also repeat the
//! public half of an allowed one, so [`crate::BEACON_CHECKS_MAX`] bounds the signature checks. One
//! from an allowed peer teaches its identity and where it is; if it asks for this node, or is
//! somewhere new, a handshake starts, at most once in [`CALL_INTERVAL`] for each peer.
//!
//! A node that has groups looks also for those whom no rule names, and beacons when one asks for it.
//!
//! A beacon whose sequence is not above the last of the same run of its sender is a
//! repetition. Our own sequences start from the clock, so they grow across restarts, too.

use std::net::SocketAddr;
use std::time::Duration;

use group::Access;
use identity::PublicIdentity;
use identity::crypto::random;
use mesh::Source;
use wire::beacon::{Beacon, BeaconFields, SIGNED_LABEL, WANTED_TAG_LEN};
use wire::{NodeAddr, Now, Prefix};

use crate::believe::encoded_certificate;
use crate::machine::Node;
use crate::{DropReason, Event, Output};

/// Least time between two handshakes that beacons of one peer start.
pub const CALL_INTERVAL: Duration = Duration::from_secs(5);

/// Why a beacon is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Interest {
    /// Its sender is a peer, or somebody whom this node looks for.
    Peer,
    /// It asks for this node. Nothing is remembered of it, and the answer is a beacon like any
    /// other, no sooner than one is due.
    AsksForUs,
}

impl Node {
    /// A datagram came to one of the beacon groups. `from` is its source; the beacon itself
    /// names the port where its sender takes handshakes.
    pub fn handle_beacon(&mut self, now: Now, from: SocketAddr, bytes: &[u8]) {
        if !self.config.discovery {
            return;
        }
        match Beacon::decode(bytes) {
            Ok(beacon) => self.judge_beacon(now, from, &beacon),
            Err(_) => self.drop_for(DropReason::Beacon),
        }
        self.settle(now);
    }

    /// The host's own addresses, with the port that this node listens on.
    pub fn handle_local_endpoints(&mut self, now: Now, endpoints: Vec<SocketAddr>) {
        if endpoints != self.local_endpoints {
            let before = self.own_site_addresses();
            self.local_endpoints = endpoints;
            if self.own_site_addresses() != before {
                self.ask_site_anew();
            }
            self.tell_all_endpoints(now);
            self.look_at_all_paths(now);
            self.snapshot_stale = true;
            if self.config.discovery && self.config.listen_port != 0 {
                self.discovery.addresses_changed(now.mono);
            }
        }
        self.settle(now);
    }

    /// The networks that the host reaches by a route of their own, not by the default route. A
    /// member behind a NAT is never taken to be in one of them.
    pub fn handle_near_networks(&mut self, now: Now, near: Vec<Prefix>) {
        if self.site.near.as_ref() != Some(&near) {
            self.site.near = Some(near);
            self.forget_claims();
            self.settle(now);
        }
    }

    /// Sends a beacon if one is due.
    pub(crate) fn beacon_if_due(&mut self, now: Now) {
        let Some(wanted) = self.discovery.handle_timeout(now.mono) else {
            return;
        };
        self.beacon_sequence = self.beacon_sequence.saturating_add(1);
        if let Some(beacon) = self.own_beacon(&wanted) {
            self.output(Output::Multicast(beacon));
        }
    }

    fn own_beacon(&mut self, wanted: &[NodeAddr]) -> Option<Vec<u8>> {
        let nonce: [u8; 8] = random(&mut self.rng);
        let tags: Vec<_> = wanted.iter().map(|f| self.wanted_tag(*f, &nonce)).collect();
        let public = &self.me.public;
        let inception = public.history.inception().encode();
        let tail = public.history.encode_tail();
        let certificate = encoded_certificate(public)?;
        let fields = BeaconFields {
            inception: &inception,
            rotations: wire::statement::Rotations::parse(&tail, 2).ok()?,
            certificate: &certificate,
            instance: self.instance,
            port: self.config.listen_port,
            sequence: self.beacon_sequence,
            wanted: (&nonce, &tags),
        };
        let seed = self.me.hot.sign_seed();
        fields
            .encode(|text| self.crypto.ed25519_sign(seed, text))
            .ok()
    }

    fn judge_beacon(&mut self, now: Now, from: SocketAddr, beacon: &Beacon<'_>) {
        let entries = beacon.rotations.iter();
        let claimed =
            PublicIdentity::decode(&*self.crypto, beacon.inception, entries, beacon.certificate);
        let Ok(identity) = claimed else {
            return self.drop_for(DropReason::Beacon);
        };
        let f = identity.address();
        if f == self.f {
            return self.own_name_in_beacon(now, from, beacon, &identity);
        }
        let root = identity.history.inception().root_key;
        let current = self.pin(f).map(|pin| pin.0.root_key);
        let interest = match self.stored.rules.access(f, Some(root), current) {
            Access::Allowed(_) => Some(Interest::Peer),
            Access::Denied(_) => None,
            Access::Unknown => self.interest_in(f, beacon),
        };
        let Some(interest) = interest else {
            return self.drop_for(DropReason::Stranger);
        };
        let is_old = self
            .beacons_seen
            .get(&f)
            .is_some_and(|(run, last)| *run == beacon.instance && beacon.sequence <= *last);
        if is_old {
            return self.drop_for(DropReason::Beacon);
        }
        if !self.beacon_checks.admit(now.mono) {
            return self.drop_for(DropReason::RateLimited);
        }
        if !self.is_signed(beacon, &identity) {
            return self.drop_for(DropReason::Beacon);
        }
        if interest == Interest::AsksForUs {
            return self.discovery.answer(now.mono);
        }
        let before = self.pin(f);
        let pin = match self.admit_identity(now, identity) {
            Ok(pin) => pin,
            Err(reason) => return self.drop_for(reason),
        };
        self.note_identity_news(now, f, before, pin, f);
        self.bind_key(f, root);
        self.beacons_seen
            .insert(f, (beacon.instance, beacon.sequence));
        self.heard(now, f, SocketAddr::new(from.ip(), beacon.port), beacon);
    }

    /// Why the beacon of somebody whom no rule names may be of use: it may be in a group with this
    /// node.
    fn interest_in(&self, f: NodeAddr, beacon: &Beacon<'_>) -> Option<Interest> {
        if !self.may_seek(f) {
            return None;
        }
        if self.wanted.contains_key(&f) || self.known.contains_key(&f) {
            return Some(Interest::Peer);
        }
        let me = self.wanted_tag(self.f, &beacon.wanted.nonce);
        let wants_me = beacon.wanted.iter().any(|tag| tag == me);
        wants_me.then_some(Interest::AsksForUs)
    }

    /// An allowed peer beaconed from there.
    fn heard(&mut self, now: Now, f: NodeAddr, at: SocketAddr, beacon: &Beacon<'_>) {
        let me = self.wanted_tag(self.f, &beacon.wanted.nonce);
        let wants_me = beacon.wanted.iter().any(|tag| tag == me);
        let peer = self.peers.entry(f).or_default();
        let is_new = peer.candidates.add(now.mono, at, Source::Beacon);
        let waited = self.wanted.contains_key(&f);
        if is_new || wants_me {
            self.try_directly(now, f);
        }
        let Some(peer) = self.peers.get_mut(&f) else {
            return;
        };
        let called_lately = peer
            .called
            .is_some_and(|at| now.mono.saturating_sub(at) < CALL_INTERVAL);
        if waited || ((wants_me || is_new) && !called_lately && !peer.is_up()) {
            peer.called = Some(now.mono);
            self.call(now, f);
        }
    }

    /// A beacon with this node's own F: an echo of our own, or a second holder of our keys.
    fn own_name_in_beacon(
        &mut self,
        now: Now,
        from: SocketAddr,
        beacon: &Beacon<'_>,
        identity: &PublicIdentity,
    ) {
        if beacon.instance == self.instance {
            return;
        }
        if !self.beacon_checks.admit(now.mono) {
            return self.drop_for(DropReason::RateLimited);
        }
        let pin = self.pin(self.f);
        let holds = identity
            .verify(&*self.crypto, now.unix_s, pin.as_ref().map(|pin| &pin.0))
            .is_ok();
        if !holds || !self.is_signed(beacon, identity) {
            return self.drop_for(DropReason::Beacon);
        }
        self.drop_for(DropReason::OwnIdentity);
        let there = SocketAddr::new(from.ip(), beacon.port);
        self.own_clone_seen(beacon.instance, there);
    }

    /// Tells once for each place that a second node holds this node's keys.
    pub(crate) fn own_clone_seen(&mut self, instance: [u8; 8], there: SocketAddr) {
        if self.own_clone == Some((instance, there)) {
            return;
        }
        self.own_clone = Some((instance, there));
        self.event(Event::CloneSeen {
            f: self.f,
            here: None,
            there: Some(there),
        });
    }

    fn is_signed(&self, beacon: &Beacon<'_>, identity: &PublicIdentity) -> bool {
        let text = [SIGNED_LABEL, beacon.signed].concat();
        let key = &identity.certificate.sign_key;
        self.crypto.ed25519_verify(key, &text, beacon.signature)
    }

    fn wanted_tag(&self, f: NodeAddr, nonce: &[u8; 8]) -> [u8; WANTED_TAG_LEN] {
        let mac = self.crypto.hmac(f.as_bytes(), &[nonce]);
        let mut tag = [0; WANTED_TAG_LEN];
        tag.copy_from_slice(mac.split_at(WANTED_TAG_LEN).0);
        tag
    }
}
