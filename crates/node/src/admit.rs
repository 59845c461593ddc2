//! Remembering who was believed to be who.

use identity::PublicIdentity;
use wire::Now;
use wire::stream::IdentityUpdate;

use crate::believe::refusal;
use crate::machine::Node;
use crate::stored::{Change, PinRecord};
use crate::{DropReason, Event};

impl Node {
    /// Reads an identity from a control message; `None` if it is none.
    pub(crate) fn read_identity(&self, update: &IdentityUpdate<'_>) -> Option<PublicIdentity> {
        let entries = update.rotations.iter();
        PublicIdentity::decode(&*self.crypto, update.inception, entries, update.certificate).ok()
    }

    /// Verifies an identity against the pin and remembers it if it is news.
    ///
    /// # Errors
    /// Why it is refused.
    pub(crate) fn admit_identity(
        &mut self,
        now: Now,
        identity: PublicIdentity,
    ) -> Result<PinRecord, DropReason> {
        let before = self.pin(identity.address());
        let before = before.as_ref().map(|pin| &pin.0);
        let pin = match identity.verify(&*self.crypto, now.unix_s, before) {
            Ok(pin) => PinRecord(pin),
            Err(error) => return Err(refusal(&error)),
        };
        self.remember(identity, pin);
        Ok(pin)
    }

    /// Remembers a verified identity: a tail is completed by what was known.
    pub(crate) fn remember(&mut self, identity: PublicIdentity, pin: PinRecord) {
        let f = identity.address();
        let mut identity = identity;
        if let Some(known) = self.known.get(&f) {
            identity.history = identity.history.after(&known.history);
        }
        if self.pin(f) == Some(pin) && self.known.get(&f) == Some(&identity) {
            return;
        }
        if !self.stored.has_room_for(f) {
            return self.drop_for(DropReason::TableFull);
        }
        let change = Change::Pinned {
            f,
            pin,
            identity: identity.to_bytes(),
        };
        self.known.insert(f, identity);
        self.persist(change);
        self.snapshot_stale = true;
    }

    /// Remembers this node's own state, so that an older copy of its keys is not taken up.
    pub(crate) fn remember_own(&mut self, pin: PinRecord) {
        if self.pin(self.f) == Some(pin) {
            return;
        }
        let identity = self.me.public.to_bytes();
        self.persist(Change::Pinned {
            f: self.f,
            pin,
            identity,
        });
    }

    /// Tells once when this node's certificate ends soon.
    pub(crate) fn warn_of_expiry(&mut self, now: Now) {
        let certificate = &self.me.public.certificate;
        let not_after = certificate.not_after_unix_s;
        if !self.certificate_warned && certificate.expires_soon(now.unix_s) {
            self.certificate_warned = true;
            self.event(Event::CertificateExpiring { not_after });
        }
    }
}
