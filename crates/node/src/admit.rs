//! Remembering who was believed to be who.

use std::time::Duration;

use identity::{EXPIRY_WARNING_S, PublicIdentity};
use wire::Now;
use wire::stream::IdentityUpdate;

use crate::believe::refusal;
use crate::machine::Node;
use crate::stored::{Change, PinRecord};
use crate::{DropReason, Event};

/// How often a certificate that ends soon is told of.
const DAY_S: u64 = 86_400;
/// By how much the two clocks may differ through the Unix clock's whole seconds.
const ROUNDING: Duration = Duration::from_secs(1);

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
        let f = identity.address();
        let before = self.pin(f);
        let before = before.as_ref().map(|pin| &pin.0);
        let known = self.known.get(&f);
        let pin = match identity.verify_knowing(&*self.crypto, now.unix_s, before, known) {
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
        self.peer_changed(f);
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

    /// Tells when this node's certificate ends soon, each day until its end, and at its end,
    /// so that whoever can renew it tries again; then notes when to look next.
    pub(crate) fn warn_of_expiry(&mut self, now: Now) {
        let not_after = self.me.public.certificate.not_after_unix_s;
        if self.certificate_look.is_some_and(|at| at <= now.unix_s) {
            if now.unix_s >= not_after {
                self.certificate_look = None;
                self.event(Event::CertificateExpired { not_after });
            } else {
                let days = (not_after - now.unix_s).saturating_sub(1) / DAY_S;
                self.certificate_look = Some(not_after.saturating_sub(days * DAY_S));
                self.event(Event::CertificateExpiring { not_after });
            }
        }
        // By the monotonic clock, which goes on through suspend; moved only when the Unix
        // clock was set, not by its rounding.
        let timer = self.certificate_look.filter(|_| !self.shutting_down);
        let timer = timer.map(|at| {
            let left = Duration::from_secs(at.saturating_sub(now.unix_s));
            now.mono.saturating_add(left)
        });
        self.certificate_timer = match (self.certificate_timer, timer) {
            (Some(old), Some(new)) if old > now.mono && old.abs_diff(new) <= ROUNDING => Some(old),
            _ => timer,
        };
    }

    /// When this node's certificate is to be looked at for the first time, Unix seconds.
    pub(crate) const fn first_look(not_after_unix_s: u64) -> u64 {
        not_after_unix_s.saturating_sub(EXPIRY_WARNING_S)
    }
}
