//! Joining: using somebody's invite line.
//!
//! The line names the inviter, proves nothing about this node, and is shown to the inviter
//! alone, inside the handshake. When the handshake succeeds the inviter is put on the
//! allowlist here, as this node is there. Joins do not survive a restart; the line may be
//! given again.

use std::time::Duration;

use group::Access;
use identity::PublicIdentity;
use mesh::Source;
use wire::invite::{Invite, Purpose};
use wire::payload::CloseReason;
use wire::{Endpoint, NodeAddr, Now};

use crate::invites::joined_entry;
use crate::machine::Node;
use crate::peer::Join;
use crate::stored::Change;
use crate::{Event, JOINS_MAX, JoinError, JoinFailure};

impl Node {
    /// Uses an invite line; the inviter's F. [`Event::Joined`] or [`Event::JoinFailed`]
    /// follows. Using a line again is harmless.
    ///
    /// # Errors
    /// See [`JoinError`]; then nothing was sent.
    pub fn join(&mut self, now: Now, line: &str) -> Result<NodeAddr, JoinError> {
        let invite =
            Invite::parse(line, |bytes| self.crypto.sha256(&[bytes])).map_err(JoinError::Line)?;
        let identity = self.judge_invite(now, &invite)?;
        let f = identity.address();
        let left = Duration::from_secs(invite.expires_unix_s.saturating_sub(now.unix_s));
        let join = Join {
            identity,
            secret: invite.secret,
            expires_unix_s: invite.expires_unix_s,
            expires: now.mono.saturating_add(left),
        };
        self.joins.insert(f, join);
        let peer = self.peers.entry(f).or_default();
        for at in &invite.place.endpoints {
            peer.candidates.add(now.mono, *at, Source::Invite);
        }
        self.use_bridges_of(now, &invite);
        if self.peer_is_up(f) {
            self.complete_join(now, f);
        } else {
            self.call(now, f);
        }
        self.settle(now);
        Ok(f)
    }

    fn judge_invite(&self, now: Now, invite: &Invite) -> Result<PublicIdentity, JoinError> {
        if invite.purpose != Purpose::Peer {
            return Err(JoinError::Bridge);
        }
        let identity = self.judge_place(now, invite)?;
        let f = identity.address();
        let entry = joined_entry(f, now);
        self.stored
            .rules
            .can_allow(&entry)
            .map_err(JoinError::Allow)?;
        if self.joins.len() >= JOINS_MAX && !self.joins.contains_key(&f) {
            return Err(JoinError::TooMany);
        }
        Ok(identity)
    }

    /// Who made a line, if that holds, may be met and can be reached.
    pub(crate) fn judge_place(
        &self,
        now: Now,
        invite: &Invite,
    ) -> Result<PublicIdentity, JoinError> {
        if invite.expires_unix_s <= now.unix_s {
            return Err(JoinError::Expired {
                expired_unix_s: invite.expires_unix_s,
            });
        }
        let place = &invite.place;
        let log = place.log().map_err(|error| JoinError::Line(error.into()))?;
        let decoded = PublicIdentity::decode(
            &*self.crypto,
            &place.inception,
            log.iter(),
            &place.certificate,
        );
        let identity = decoded.map_err(JoinError::History)?;
        let f = identity.address();
        if f == self.f {
            return Err(JoinError::Own);
        }
        let pin = self.pin(f).map(|pin| pin.0);
        identity
            .verify(&*self.crypto, now.unix_s, pin.as_ref())
            .map_err(JoinError::Identity)?;
        let root = identity.history.inception().root_key;
        let current = *identity.history.root_key();
        if let Access::Denied(_) = self.stored.rules.access(f, Some(root), Some(current)) {
            return Err(JoinError::Denied(f));
        }
        let usable = |at: &std::net::SocketAddr| Endpoint::new(*at).is_usable();
        if !place.endpoints.iter().any(usable) && invite.bridges.is_empty() {
            return Err(JoinError::NoEndpoint);
        }
        Ok(identity)
    }

    /// A session with F stands: if it was being joined, it is on the allowlist from now on.
    pub(crate) fn complete_join(&mut self, now: Now, f: NodeAddr) {
        if self.joins.remove(&f).is_none() {
            return;
        }
        match self.access(f) {
            Access::Allowed(_) => self.event(Event::Joined { peer: f }),
            Access::Denied(_) => self.join_failed(f, JoinFailure::Denied),
            Access::Unknown => {
                let entry = joined_entry(f, now);
                if self.stored.rules.can_allow(&entry).is_err() || !self.stored.has_room_for(f) {
                    return self.join_failed(f, JoinFailure::Full);
                }
                self.persist(Change::Allowed { entry });
                self.snapshot_stale = true;
                self.event(Event::Joined { peer: f });
            }
        }
    }

    /// The inviter answered nothing for 90 s.
    pub(crate) fn join_unanswered(&mut self, f: NodeAddr) {
        if self.joins.remove(&f).is_some() {
            self.join_failed(f, JoinFailure::NoAnswer);
        }
    }

    /// A deny entry came while joining.
    pub(crate) fn join_denied(&mut self, f: NodeAddr) {
        if self.joins.remove(&f).is_some() {
            self.join_failed(f, JoinFailure::Denied);
        }
    }

    /// Ends joins whose invite ran out, and forgets own invites that did.
    pub(crate) fn expire_joins(&mut self, now: Now) {
        let over = |join: &Join| join.expires <= now.mono || join.expires_unix_s <= now.unix_s;
        let ended: Vec<NodeAddr> = self
            .joins
            .iter()
            .filter(|(_, join)| over(join))
            .map(|(f, _)| *f)
            .collect();
        for f in ended {
            self.joins.remove(&f);
            self.join_failed(f, JoinFailure::Expired);
            if !self.may_talk(f) {
                self.cut(now, f, CloseReason::NotAllowed);
            }
        }
    }

    /// When the next join runs out.
    pub(crate) fn join_timeout(&self) -> Option<Duration> {
        self.joins.values().map(|join| join.expires).min()
    }

    fn join_failed(&mut self, f: NodeAddr, why: JoinFailure) {
        self.event(Event::JoinFailed { peer: f, why });
    }
}
