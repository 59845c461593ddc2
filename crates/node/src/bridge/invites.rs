//! Lines that name Bridges, lines of Bridges, and the tickets behind them.
//!
//! Whoever is invited must also be let in by the Bridges that the line names. So the inviter
//! registers a ticket with each: a secret derived from that of the invite in one direction only.
//! The Bridge learns nothing of the invite by it, and cannot pose as who was invited.

use std::net::SocketAddr;

use identity::PublicIdentity;
use identity::crypto::{Crypto, random};
use session::handshake::Credential;
use wire::channel::{BridgeMessage, Ticket, TicketAnswer, TicketStatus};
use wire::invite::{Invite, Place, Purpose, SECRET_LEN};
use wire::stream::StreamValue;
use wire::{NodeAddr, Now};

use crate::invites::{place_of, usable};
use crate::machine::Node;
use crate::stored::bridge::{Secret, TicketRecord};
use crate::{BridgeError, DropReason, INVITE_TTL_S_MAX, InviteError, JoinError};

/// The secret of the ticket that goes with an invite at one Bridge.
fn ticket_secret(
    crypto: &dyn Crypto,
    invite: &[u8; SECRET_LEN],
    bridge: NodeAddr,
) -> [u8; SECRET_LEN] {
    let mac = crypto.hmac(invite, &[b"kumihimo ticket v1", bridge.as_bytes()]);
    let mut secret = [0; SECRET_LEN];
    secret.copy_from_slice(mac.split_at(SECRET_LEN).0);
    secret
}

impl Node {
    /// A line by which one node can attach to this Bridge for `customer` until `ttl_s` seconds
    /// from now. With `password` the line holds no secret, and the node needs the customer's
    /// password.
    ///
    /// # Errors
    /// See [`BridgeError`].
    pub fn bridge_invite(
        &mut self,
        now: Now,
        customer: &str,
        ttl_s: u64,
        password: bool,
        endpoints: &[SocketAddr],
    ) -> Result<String, BridgeError> {
        self.check_serving()?;
        if !(1..=INVITE_TTL_S_MAX).contains(&ttl_s) {
            return Err(BridgeError::Invite(InviteError::Lifetime));
        }
        let endpoints = usable(endpoints);
        if endpoints.is_empty() {
            return Err(BridgeError::NoEndpoint);
        }
        let secret: [u8; SECRET_LEN] = if password {
            [0; SECRET_LEN]
        } else {
            random(&mut self.rng)
        };
        let expires_unix_s = now.unix_s.saturating_add(ttl_s);
        let place = place_of(&self.me.public, endpoints);
        let invite = Invite {
            purpose: if password {
                Purpose::BridgeWithPassword
            } else {
                Purpose::Bridge
            },
            expires_unix_s,
            secret,
            place: place.ok_or(BridgeError::Invite(InviteError::Identity))?,
            bridges: Vec::new(),
            lock: Vec::new(),
        };
        let line = invite.encode(|bytes| self.crypto.sha256(&[bytes]));
        let line = line.map_err(|_| BridgeError::Invite(InviteError::Identity))?;
        if !password {
            let ticket = TicketRecord {
                id: self.crypto.invite_id(&secret),
                secret,
                expires_unix_s,
                customer: customer.to_owned(),
                by: None,
                used_by: None,
            };
            if self.add_ticket(now, ticket) != TicketStatus::Taken {
                return Err(BridgeError::TooManyTickets);
            }
        }
        self.settle(now);
        Ok(line)
    }

    /// The Bridges of this node, as an invite names them.
    pub(crate) fn places_of_bridges(&self) -> Vec<Place> {
        let attached = self.attached_links().into_iter();
        let places = attached.filter_map(|f| {
            let record = self.stored.bridging.used.get(&f)?;
            place_of(self.known.get(&f)?, usable(&record.endpoints))
        });
        places.take(wire::invite::BRIDGES_MAX).collect()
    }

    /// Registers with a Bridge the tickets of every open invite of this node.
    pub(crate) fn register_tickets(&mut self, now: Now, bridge: NodeAddr) {
        let open = self.stored.invites.values();
        let open = open.filter(|i| i.used_by.is_none() && i.expires_unix_s > now.unix_s);
        let tickets: Vec<Ticket> = open
            .map(|invite| Ticket {
                secret: ticket_secret(&*self.crypto, &invite.secret, bridge),
                expires_unix_s: invite.expires_unix_s,
            })
            .collect();
        for ticket in tickets {
            let message = BridgeMessage::Ticket(ticket);
            self.send_value(now, bridge, &StreamValue::Bridge(message));
        }
    }

    /// A Bridge says what became of a ticket.
    pub(crate) fn ticket_answer_in(&mut self, answer: TicketAnswer) {
        if answer.status != TicketStatus::Taken {
            self.drop_for(DropReason::TableFull);
        }
    }

    /// Uses the Bridges that an invite names, with the tickets that go with it. One that cannot
    /// be used is left out: another may do.
    pub(crate) fn use_bridges_of(&mut self, now: Now, invite: &Invite) {
        for place in &invite.bridges {
            let Some(identity) = self.read_place(now, place) else {
                self.drop_for(DropReason::Identity);
                continue;
            };
            let f = identity.address();
            let ticket = Secret(ticket_secret(&*self.crypto, &invite.secret, f));
            let endpoints = place.endpoints.clone();
            let used = self.use_bridge(now, identity, endpoints, Some(ticket), None);
            if used.is_err() {
                self.drop_for(DropReason::TableFull);
            }
        }
    }

    /// The verified identity of a place; `None` if it does not hold.
    fn read_place(&self, now: Now, place: &Place) -> Option<PublicIdentity> {
        let log = place.log().ok()?;
        let (inception, certificate) = (&place.inception, &place.certificate);
        let identity =
            PublicIdentity::decode(&*self.crypto, inception, log.iter(), certificate).ok()?;
        let pin = self.pin(identity.address()).map(|pin| pin.0);
        identity
            .verify(&*self.crypto, now.unix_s, pin.as_ref())
            .ok()?;
        Some(identity)
    }

    /// Uses the Bridge whose line this is. [`crate::Event::BridgeUp`] or
    /// [`crate::Event::BridgeRefused`] follows; until then it is called again and again.
    ///
    /// # Errors
    /// See [`BridgeError`].
    pub fn add_bridge(
        &mut self,
        now: Now,
        line: &str,
        password: Option<String>,
    ) -> Result<NodeAddr, BridgeError> {
        let invite = Invite::parse(line, |bytes| self.crypto.sha256(&[bytes]))
            .map_err(|error| BridgeError::Line(JoinError::Line(error)))?;
        if matches!(invite.purpose, Purpose::Peer | Purpose::Group { .. }) {
            return Err(BridgeError::NotABridge);
        }
        if invite.expires_unix_s <= now.unix_s {
            let expired_unix_s = invite.expires_unix_s;
            return Err(BridgeError::Line(JoinError::Expired { expired_unix_s }));
        }
        let identity = self
            .read_place(now, &invite.place)
            .ok_or(BridgeError::Identity)?;
        let with_ticket = invite.purpose == Purpose::Bridge;
        let known = self.links.get(&identity.address());
        let is_attached = known.is_some_and(|link| link.attached.is_some());
        if !with_ticket && password.is_none() && !is_attached {
            return Err(BridgeError::PasswordNeeded);
        }
        let ticket = with_ticket.then_some(Secret(invite.secret));
        let endpoints = usable(&invite.place.endpoints);
        let f = self.use_bridge(now, identity, endpoints, ticket, password)?;
        self.settle(now);
        Ok(f)
    }

    /// What to prove to a Bridge when it is called.
    pub(crate) fn ticket_credential(&self, bridge: NodeAddr) -> Option<Credential> {
        let record = self.stored.bridging.used.get(&bridge)?;
        let Secret(secret) = record.ticket?;
        Some(Credential::of_invite(&*self.crypto, &secret))
    }

    /// The tickets that message 1 may prove now.
    pub(crate) fn ticket_credentials(&self, now: Now) -> Vec<Credential> {
        if self.serving.is_none() {
            return Vec::new();
        }
        let tickets = self.stored.bridging.tickets.values();
        tickets
            .filter(|ticket| ticket.expires_unix_s > now.unix_s)
            .map(|ticket| Credential::of_invite(&*self.crypto, &ticket.secret))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use identity::crypto::AwsLc;

    use super::*;

    #[test]
    fn a_ticket_is_of_one_invite_and_one_bridge() {
        let of =
            |invite: u8, bridge: u8| ticket_secret(&AwsLc, &[invite; 16], NodeAddr([bridge; 16]));
        assert_eq!(of(1, 2), of(1, 2));
        assert!(of(1, 2) != of(1, 3) && of(1, 2) != of(2, 2) && of(1, 2) != [1; 16]);
    }
}
