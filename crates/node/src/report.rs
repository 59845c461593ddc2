//! What a node says about itself and its peers, and the hash of its state.

use std::collections::BTreeMap;
use std::time::Duration;

use group::{AllowEntry, Who};
use identity::crypto::AeadAlg;
use session::Session;
use wire::{NodeAddr, Now};

use crate::machine::Node;
use crate::peer::Peer;
use crate::prefixes::Claims;
use crate::{CandidateStatus, NodeStatus, PeerState, PeerStatus, SessionStatus};

impl Node {
    /// The node itself.
    #[must_use]
    pub fn status(&self, now: Now) -> NodeStatus {
        let history = &self.me.public.history;
        let certificate = &self.me.public.certificate;
        let open = self.stored.invites.values();
        let usable = open.filter(|i| i.used_by.is_none() && i.expires_unix_s > now.unix_s);
        let up = self.peers_up().into_iter();
        NodeStatus {
            f: self.f,
            alias: identity::alias(history.root_key()),
            alias_subnet: identity::alias_subnet(history.root_key()),
            root_key: *history.root_key(),
            position: history.position(),
            certificate_counter: certificate.counter,
            certificate_not_after: certificate.not_after_unix_s,
            instance: self.instance,
            uptime: now.mono.saturating_sub(self.started),
            listen_port: self.config.listen_port,
            inner_mtu: self.config.inner_mtu,
            local_endpoints: self.local_endpoints.clone(),
            announces: self.own_prefixes(),
            peers: self.stored.rules.allowed().count(),
            sessions: up.filter(|f| self.may_talk(*f)).count(),
            invites: usable.count(),
            generation: self.snapshot.generation(),
            dropped: self.dropped.iter().map(|(why, n)| (*why, *n)).collect(),
        }
    }

    /// Every peer on the allowlist, in the order of the list, then the members of this node's groups
    /// that are in touch.
    #[must_use]
    pub fn peers(&self, now: Now) -> Vec<PeerStatus> {
        let entries = self.stored.rules.allowed();
        let claims = self.prefix_claims();
        let listed = entries.map(|entry| self.peer_status(now, entry, &claims));
        let members = self.members_not_listed();
        let members = members.map(|f| {
            let entry = crate::invites::joined_entry(f, now);
            let name = self.name_of(now, f);
            let label = name.map(|(member, group)| format!("{member}.{group}"));
            self.peer_status(now, &AllowEntry { label, ..entry }, &claims)
        });
        listed.chain(members).collect()
    }

    /// Members of this node's groups with a session, that no entry names.
    fn members_not_listed(&self) -> impl Iterator<Item = NodeAddr> {
        let members = self
            .peers
            .iter()
            .filter(|(_, peer)| peer.proven.reach.is_some());
        let members = members.map(|(f, _)| *f);
        members.filter(|f| !self.access(*f).is_allowed())
    }

    /// A hash of all state that only authentic messages and the owner may change: keys,
    /// sessions, windows, tables, and everything stored. Bounded admission state (fragments,
    /// rate limits), counters and random state are left out.
    #[must_use]
    pub fn state_hash(&self) -> [u8; 32] {
        let mut bytes = Vec::new();
        for (f, peer) in &self.peers {
            bytes.extend(f.0);
            if let Some(session) = &peer.session {
                bytes.extend(session.state_hash());
            }
            let rest = (
                &peer.candidates,
                &peer.instances,
                &peer.bindings,
                (peer.up_since, peer.tries, peer.called, peer.rtt),
                (&peer.software_version, &peer.host_label, peer.timer),
            );
            bytes.extend(format!("{rest:?}").into_bytes());
        }
        let indices = self.indices.iter();
        let indices: Vec<_> = indices
            .map(|(i, e)| (i, e.f, e.transport.is_some()))
            .collect();
        let tables = (
            &self.stored,
            &self.known,
            indices,
            &self.timers,
            self.wanted.keys().collect::<Vec<_>>(),
            self.joins.keys().collect::<Vec<_>>(),
            (&self.beacons_seen, self.own_clone, self.own_clone_notice),
            (&self.announce, &self.to_announce, &self.local_endpoints),
            (&self.links, self.hops.own.keys(), self.hops.legs.len()),
            &self.streams,
            (
                self.site.pit.iter().collect::<Vec<_>>(),
                self.site.on_path.iter().collect::<Vec<_>>(),
                self.site.relayed.iter().collect::<Vec<_>>(),
                &self.groups.keyring,
                &self.groups.agents,
                &self.groups.managing,
            ),
        );
        let tables = format!("{tables:?}");
        let rest = (
            self.next_count,
            self.snapshot.generation(),
            self.flows.len(),
            self.discovery.poll_timeout(),
            self.shutting_down,
        );
        let secrets: Vec<u8> = self
            .stored
            .invites
            .values()
            .flat_map(|invite| invite.secret)
            .collect();
        let own = self.me.public.to_bytes();
        let rest = format!("{rest:?}");
        self.crypto
            .sha256(&[&bytes, tables.as_bytes(), rest.as_bytes(), &secrets, &own])
    }

    fn peer_status(&self, now: Now, entry: &AllowEntry, claims: &Claims) -> PeerStatus {
        let f = match entry.who {
            Who::Address(f) => Some(f),
            Who::RootKey(key) => self.stored.rules.bound(&key),
        };
        let running = f.and_then(|f| self.peers.get(&f));
        let known = f.and_then(|f| self.known.get(&f));
        let names = f.and_then(|f| self.snapshot.find(f)).map(|peer| peer.names);
        let record = f.and_then(|f| self.stored.peers.get(&f));
        let session = running.and_then(|peer| session_status(now.mono, peer));
        let path = running.and_then(|peer| peer.session.as_ref()?.endpoint());
        let last = record.and_then(|record| record.endpoint);
        let via = path.and_then(|path| self.via(path));
        let endpoint = path.and_then(|path| self.address_of(path)).or(last);
        PeerStatus {
            f,
            who: entry.who,
            services: entry.services.clone(),
            accepts: entry.accepts.clone(),
            announces: f.map_or_else(Vec::new, |f| self.announced_status(claims, f)),
            label: entry.label.clone(),
            added_unix_s: entry.added_unix_s,
            state: self.peer_state(f, running),
            root_key: known.map(|identity| *identity.history.root_key()),
            alias: names.and_then(|names| names.alias),
            position: record.and_then(|record| Some(record.pin?.0.position)),
            certificate_not_after: known.map(|identity| identity.certificate.not_after_unix_s),
            endpoint,
            via,
            candidates: candidates(now.mono, running),
            traffic: running
                .and_then(|peer| peer.session.as_ref())
                .map(Session::counts)
                .unwrap_or_default(),
            session,
        }
    }

    pub(crate) fn peer_state(&self, f: Option<NodeAddr>, running: Option<&Peer>) -> PeerState {
        match running {
            Some(peer) if peer.is_up() => PeerState::Up,
            Some(peer) if peer.is_initiating() => PeerState::Connecting,
            _ if f.is_some_and(|f| self.wanted.contains_key(&f)) => PeerState::Wanted,
            _ => PeerState::Idle,
        }
    }
}

fn candidates(now: Duration, peer: Option<&Peer>) -> Vec<CandidateStatus> {
    let Some(peer) = peer else {
        return Vec::new();
    };
    let known: BTreeMap<_, _> = peer.candidates.iter().collect();
    let ordered = peer.candidates.ordered().into_iter();
    ordered
        .filter_map(|endpoint| {
            let candidate = known.get(&endpoint)?;
            Some(CandidateStatus {
                endpoint,
                source: candidate.source,
                age: now.saturating_sub(candidate.heard),
            })
        })
        .collect()
}

fn session_status(now: Duration, peer: &Peer) -> Option<SessionStatus> {
    let session = peer.session.as_ref().filter(|session| session.is_up())?;
    let transport = session.transport()?;
    Some(SessionStatus {
        age: now.saturating_sub(peer.up_since?),
        handshake_age: now.saturating_sub(transport.born()),
        last_heard: transport.last_rx().map(|at| now.saturating_sub(at)),
        aead: match transport.aead() {
            AeadAlg::Aes256Gcm => "AES-256-GCM",
            AeadAlg::ChaCha20Poly1305 => "ChaCha20-Poly1305",
        },
        peer_mtu: session.peer_inner_mtu().unwrap_or_default(),
        datagram_max: Session::datagram_max(session),
        rtt: peer.rtt,
        software_version: peer.software_version.clone(),
        host_label: peer.host_label.clone(),
    })
}
