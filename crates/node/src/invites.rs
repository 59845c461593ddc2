//! Single-use invites: making the line, and the credentials that a joiner proves.
//!
//! A line's secret is a handshake credential (docs/protocol/session.md, sections 3.2, 8).
//! Who uses it first owns it: that is written down before message 2 leaves, and the same F
//! may use it again (its message 2 may have been lost) until it runs out. Two that race are
//! ordered by this one owner of the state.

use std::net::SocketAddr;

use group::{AllowEntry, Services, Who};
use identity::PublicIdentity;
use identity::crypto::random;
use session::handshake::Credential;
use wire::invite::{ENDPOINTS_MAX, Invite, Place, Purpose, SECRET_LEN};
use wire::{Endpoint, NodeAddr, Now};

use crate::believe::encoded_certificate;
use crate::machine::Node;
use crate::stored::{Change, INVITES_MAX, InviteRecord, UsedBy};
use crate::{INVITE_TTL_S_MAX, InviteError};

/// The rule that a used invite leaves behind.
pub(crate) fn joined_entry(f: NodeAddr, now: Now) -> AllowEntry {
    AllowEntry {
        who: Who::Address(f),
        services: Services::All,
        label: None,
        accepts: Vec::new(),
        added_unix_s: now.unix_s,
    }
}

/// A node's statements and where it is; `None` if they do not fit.
pub(crate) fn place_of(public: &PublicIdentity, endpoints: Vec<SocketAddr>) -> Option<Place> {
    let has_room = endpoints.len() <= wire::invite::ENDPOINTS_MAX;
    let usable = endpoints.iter().all(|at| Endpoint::new(*at).is_usable());
    Some(Place {
        inception: public.history.inception().encode(),
        rotations: public.history.encode_log(),
        certificate: encoded_certificate(public)?,
        endpoints: (has_room && usable).then_some(endpoints)?,
    })
}

/// The first 8 addresses that can be sent to, each once.
pub(crate) fn usable(endpoints: &[SocketAddr]) -> Vec<SocketAddr> {
    let mut usable: Vec<SocketAddr> = Vec::new();
    for endpoint in endpoints.iter().map(|at| Endpoint::new(*at)) {
        let at = endpoint.socket_addr();
        if endpoint.is_usable() && !usable.contains(&at) && usable.len() < ENDPOINTS_MAX {
            usable.push(at);
        }
    }
    usable
}

impl Node {
    /// Makes an invite line that one node can use until `ttl_s` seconds from now, and that
    /// names the first 8 usable `endpoints` as places to reach this node, and its Bridges.
    ///
    /// # Errors
    /// See [`InviteError`].
    pub fn invite(
        &mut self,
        now: Now,
        ttl_s: u64,
        endpoints: &[SocketAddr],
    ) -> Result<String, InviteError> {
        if !(1..=INVITE_TTL_S_MAX).contains(&ttl_s) {
            return Err(InviteError::Lifetime);
        }
        let usable = usable(endpoints);
        if usable.is_empty() && self.attached_links().is_empty() {
            return Err(InviteError::NoEndpoint);
        }
        self.expire_invites(now);
        if self.stored.invites.len() >= INVITES_MAX {
            return Err(InviteError::TooMany);
        }
        let secret: [u8; SECRET_LEN] = random(&mut self.rng);
        let expires_unix_s = now.unix_s.saturating_add(ttl_s);
        let line = self.invite_line(secret, expires_unix_s, usable)?;
        let id = self.crypto.invite_id(&secret);
        let invite = InviteRecord {
            secret,
            expires_unix_s,
            used_by: None,
        };
        self.persist(Change::InviteMade { id, invite });
        for bridge in self.attached_links() {
            self.register_tickets(now, bridge);
        }
        self.settle(now);
        Ok(line)
    }

    fn invite_line(
        &self,
        secret: [u8; SECRET_LEN],
        expires_unix_s: u64,
        endpoints: Vec<SocketAddr>,
    ) -> Result<String, InviteError> {
        let place = place_of(&self.me.public, endpoints);
        let invite = Invite {
            purpose: Purpose::Peer,
            expires_unix_s,
            secret,
            place: place.ok_or(InviteError::Identity)?,
            bridges: self.places_of_bridges(),
            lock: Vec::new(),
        };
        invite
            .encode(|bytes| self.crypto.sha256(&[bytes]))
            .map_err(|_| InviteError::Identity)
    }

    /// The credentials that message 1 may prove now: every invite and ticket not run out. Those used by
    /// somebody else stay in, so that their user's number is not burnt by a guess; see
    /// [`Self::may_use`].
    pub(crate) fn credentials(&self, now: Now) -> Vec<Credential> {
        let open = self.stored.invites.values();
        open.filter(|invite| invite.expires_unix_s > now.unix_s)
            .map(|invite| Credential::of_invite(&*self.crypto, &invite.secret))
            .chain(self.ticket_credentials(now))
            .chain(self.own_gate())
            .chain(self.group_credentials(now))
            .collect()
    }

    /// Whether the invite or ticket exists, lives, and is unused or used by this very F.
    /// `root` is the root key of F's inception.
    pub(crate) fn may_use(&self, now: Now, id: &[u8; 16], f: NodeAddr, root: [u8; 32]) -> bool {
        self.own_gate().is_some_and(|gate| gate.id == *id)
            || self.stored.invites.get(id).is_some_and(|invite| {
                invite.expires_unix_s > now.unix_s
                    && invite.used_by.is_none_or(|used_by| used_by == UsedBy(f))
            })
            || self.may_use_ticket(now, id, f) && !self.is_dismissed(f, root)
    }

    /// Forgets invites that ran out.
    pub(crate) fn expire_invites(&mut self, now: Now) {
        let over: Vec<[u8; 16]> = self
            .stored
            .invites
            .iter()
            .filter(|(_, invite)| invite.expires_unix_s <= now.unix_s)
            .map(|(id, _)| *id)
            .collect();
        for id in over {
            self.persist(Change::InviteExpired { id });
        }
    }
}
