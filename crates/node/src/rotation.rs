//! Spreading the news that somebody rotated (docs/protocol/session.md, section 5).
//!
//! | when | what goes out |
//! |---|---|
//! | a session comes up | digest of every peer that this node knows to have rotated |
//! | somebody's rotation is learned | digest of that one to every other session |
//! | a digest names a later position of a peer known here | query for it |
//! | a query names somebody known here | that one's log |
//! | this node's identity changed | identity update to every session; peers without one are called |
//!
//! An entry names its F by a tag under the channel binding, so a digest tells nothing about
//! peers that the receiver does not know. The stream outlives keys: a tag is tried under the
//! present binding and the one before. Nothing is believed before it verifies against the
//! pin, and a log is taken only for peers already pinned, so nobody can fill the table.

use std::collections::BTreeMap;

use identity::PublicIdentity;
use wire::stream::{
    DIGEST_LEN_MAX, DigestEntry, F_TAG_LEN, IdentityUpdate, QUERY_LEN_MAX, RotationDigest,
    RotationQuery, StreamValue,
};
use wire::{NodeAddr, Now};

use crate::DropReason;
use crate::machine::Node;

type Tag = [u8; F_TAG_LEN];

impl Node {
    /// A session with the peer came up: tell it who rotated.
    pub(crate) fn greet_with_digest(&mut self, now: Now, peer: NodeAddr) {
        let rotated: Vec<(NodeAddr, u32)> = self
            .stored
            .peers
            .iter()
            .filter_map(|(f, record)| Some((*f, record.pin?.0.position)))
            .filter(|(f, position)| *position > 0 && *f != peer)
            .collect();
        for part in rotated.chunks(DIGEST_LEN_MAX) {
            self.send_digest(now, peer, part);
        }
    }

    /// A later identity of F was pinned: tell every session but F's own and the teller's.
    pub(crate) fn spread(&mut self, now: Now, f: NodeAddr, position: u32, teller: NodeAddr) {
        if position == 0 {
            return;
        }
        for peer in self.peers_up() {
            if peer != f && peer != teller && self.may_talk(peer) {
                self.send_digest(now, peer, &[(f, position)]);
            }
        }
    }

    /// The peer says who rotated: ask for what is news here.
    pub(crate) fn handle_digest(&mut self, now: Now, peer: NodeAddr, digest: RotationDigest<'_>) {
        let tags = self.tags_of_known(peer);
        let is_news = |entry: &DigestEntry| {
            let f = tags.get(&entry.tag)?;
            let pin = self.pin(*f)?;
            (entry.position > pin.0.position).then_some(entry.tag)
        };
        let ask: Vec<Tag> = digest.iter().filter_map(|entry| is_news(&entry)).collect();
        for part in ask.chunks(QUERY_LEN_MAX) {
            if let Ok(bytes) = RotationQuery::encode(part)
                && let Ok(query) = RotationQuery::decode(&bytes)
            {
                self.send_value(now, peer, &StreamValue::RotationQuery(query));
            }
        }
    }

    /// The peer asks for logs.
    pub(crate) fn handle_query(&mut self, now: Now, peer: NodeAddr, query: RotationQuery<'_>) {
        let tags = self.tags_of_known(peer);
        let asked: Vec<NodeAddr> = query
            .iter()
            .filter_map(|tag| tags.get(&tag).copied())
            .collect();
        for f in asked {
            let Some(identity) = self.known.get(&f) else {
                continue;
            };
            let bytes = identity.to_bytes();
            if let Ok(update) = IdentityUpdate::decode(&bytes) {
                self.send_value(now, peer, &StreamValue::RotationLog(update));
            }
        }
    }

    /// Tells a peer who this node is now.
    pub(crate) fn tell_identity(&mut self, now: Now, peer: NodeAddr) {
        let bytes = self.me.public.to_bytes();
        if let Ok(update) = IdentityUpdate::decode(&bytes) {
            self.send_value(now, peer, &StreamValue::IdentityUpdate(update));
        }
    }

    /// The peer sends the log of somebody else.
    pub(crate) fn handle_log(&mut self, now: Now, peer: NodeAddr, update: IdentityUpdate<'_>) {
        let Some(identity) = self.read_identity(&update) else {
            return self.drop_for(DropReason::Identity);
        };
        let f = identity.address();
        if f == self.f || f == peer || self.pin(f).is_none() {
            return;
        }
        self.learn(now, identity, peer);
    }

    /// The peer's own identity changed.
    pub(crate) fn handle_update(&mut self, now: Now, peer: NodeAddr, update: IdentityUpdate<'_>) {
        let Some(identity) = self.read_identity(&update) else {
            return self.drop_for(DropReason::Identity);
        };
        if identity.address() != peer {
            return self.drop_for(DropReason::Identity);
        }
        self.learn(now, identity, peer);
    }

    /// Verifies what somebody told about F; pins and spreads it if it is later than what is
    /// known.
    pub(crate) fn learn(&mut self, now: Now, identity: PublicIdentity, teller: NodeAddr) {
        let f = identity.address();
        let before = self.pin(f);
        match self.admit_identity(now, identity) {
            Ok(pin) => self.note_identity_news(now, f, before, pin, teller),
            Err(reason) => self.drop_for(reason),
        }
    }

    fn send_digest(&mut self, now: Now, peer: NodeAddr, list: &[(NodeAddr, u32)]) {
        let Some(binding) = self.bindings(peer).first().copied() else {
            return;
        };
        let entries: Vec<DigestEntry> = list
            .iter()
            .map(|(f, position)| DigestEntry {
                tag: self.tag(&binding, *f),
                position: *position,
            })
            .collect();
        if let Ok(bytes) = RotationDigest::encode(&entries)
            && let Ok(digest) = RotationDigest::decode(&bytes)
        {
            self.send_value(now, peer, &StreamValue::RotationDigest(digest));
        }
    }

    /// The tags by which this peer may name the peers known here.
    fn tags_of_known(&self, peer: NodeAddr) -> BTreeMap<Tag, NodeAddr> {
        let mut tags = BTreeMap::new();
        for binding in self.bindings(peer) {
            for f in self.known.keys().filter(|f| **f != peer) {
                tags.insert(self.tag(binding, *f), *f);
            }
        }
        tags
    }

    fn bindings(&self, peer: NodeAddr) -> &[[u8; 32]] {
        self.peers.get(&peer).map_or(&[], |peer| &peer.bindings)
    }

    fn tag(&self, binding: &[u8; 32], f: NodeAddr) -> Tag {
        let mac = self.crypto.hmac(binding, &[f.as_bytes()]);
        let mut tag = [0; F_TAG_LEN];
        tag.copy_from_slice(mac.split_at(F_TAG_LEN).0);
        tag
    }
}
