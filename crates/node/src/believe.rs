//! Who is believed to be who: the judgements, without any state.

use std::collections::BTreeMap;

use identity::crypto::Crypto;
use identity::{IdentityError, LocalIdentity, LogError, PublicIdentity};
use wire::statement::CERTIFICATE_LEN;
use wire::{NodeAddr, Now};

use crate::DropReason;
use crate::stored::{PinRecord, Stored};

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
