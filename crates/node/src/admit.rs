//! Who is believed to be who: verification against pins, and what is remembered of it.

use std::collections::BTreeMap;

use identity::crypto::Crypto;
use identity::{IdentityError, LocalIdentity, LogError, PublicIdentity};
use wire::statement::CERTIFICATE_LEN;
use wire::stream::IdentityUpdate;
use wire::{NodeAddr, Now};

use crate::node::Node;
use crate::stored::{Change, PinRecord, Stored};
use crate::{DropReason, Event};

/// The identities remembered in `stored`. One that cannot be read (a damaged journal) is
/// left out; its pin still holds.
pub(crate) fn decode_known(
    crypto: &dyn Crypto,
    stored: &Stored,
) -> BTreeMap<NodeAddr, PublicIdentity> {
    let rows = stored.peers.iter();
    rows.filter_map(|(f, record)| {
        let identity = PublicIdentity::from_bytes(crypto, &record.identity).ok()?;
        (identity.address() == *f).then_some((*f, identity))
    })
    .collect()
}

/// The bytes of an identity's certificate.
pub(crate) fn encoded_certificate(public: &PublicIdentity) -> Option<[u8; CERTIFICATE_LEN]> {
    public.certificate.encode().try_into().ok()
}

/// Verifies this node's own identity at `now`. Its end is not looked at: a node whose
/// certificate ran out starts, says so, and is refused by its peers until it has a new one.
///
/// # Errors
/// It does not verify, or is older than what this node used before.
pub(crate) fn verify_own(
    crypto: &dyn Crypto,
    me: &LocalIdentity,
    stored: &Stored,
    now: Now,
) -> Result<PinRecord, IdentityError> {
    let f = me.public.address();
    let pin = stored.peers.get(&f).and_then(|record| record.pin);
    let certificate = &me.public.certificate;
    let within = now.unix_s.clamp(
        certificate.not_before_unix_s,
        certificate
            .not_after_unix_s
            .max(certificate.not_before_unix_s),
    );
    let verified = me
        .public
        .verify(crypto, within, pin.as_ref().map(|pin| &pin.0));
    verified.map(PinRecord)
}

/// Why a datagram with this identity is dropped.
pub(crate) const fn refusal(error: &IdentityError) -> DropReason {
    match error {
        IdentityError::Log(LogError::LongerLogNeeded { .. }) => DropReason::LongerLogNeeded,
        IdentityError::Log(LogError::RolledBack { .. })
        | IdentityError::OldRoot { .. }
        | IdentityError::CounterWentBack { .. } => DropReason::OldIdentity,
        _ => DropReason::Identity,
    }
}

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
