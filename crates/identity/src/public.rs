//! Everything a node says about itself: history and certificate, and how they are believed.
//!
//! [`PublicIdentity::verify`] is the only judge. It takes the time and the pin, and returns
//! the pin to remember. It does not decide whether the node may talk; scopes and allowlists
//! are asked afterwards.

use wire::statement::{CERTIFICATE_LEN, ROTATION_LEN, ROTATIONS_MAX, Rotations};
use wire::{NodeAddr, Reader, Writer};

use crate::certificate::{CLOCK_TOLERANCE_S, Certificate};
use crate::crypto::Crypto;
use crate::history::{HistoryError, KeyHistory, LogError};
use crate::pin::Pin;

/// Why an identity is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// The rotation log does not hold.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The certificate is by a root key that was rotated away.
    #[error("the certificate is by the root key of position {presented}, but {known} is known")]
    OldRoot {
        /// The highest position known or presented.
        known: u32,
        /// The certificate's position.
        presented: u32,
    },
    /// A newer certificate is known.
    #[error("the certificate has counter {presented}, but {pinned} is known")]
    CounterWentBack {
        /// The highest counter known.
        pinned: u64,
        /// The certificate's counter.
        presented: u64,
    },
    /// The root key did not sign this certificate.
    #[error("the signature of the certificate is wrong")]
    WrongSignature,
    /// Its validity begins in the future.
    #[error("the certificate is not valid before {not_before_unix_s} (Unix seconds)")]
    NotYetValid {
        /// When it begins.
        not_before_unix_s: u64,
    },
    /// Its validity is over.
    #[error("the certificate expired at {not_after_unix_s} (Unix seconds)")]
    Expired {
        /// When it ended.
        not_after_unix_s: u64,
    },
}

/// A node's history and its certificate. Of the right form, but not yet believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicIdentity {
    /// Its root keys.
    pub history: KeyHistory,
    /// Its hot keys.
    pub certificate: Certificate,
}

impl PublicIdentity {
    /// Reads an identity from the bytes of its statements, as they come in a handshake, an
    /// identity update, a beacon or an invite.
    pub fn decode<'a>(
        crypto: &dyn Crypto,
        inception: &[u8],
        entries: impl Iterator<Item = &'a [u8; ROTATION_LEN]>,
        certificate: &[u8; CERTIFICATE_LEN],
    ) -> Result<Self, HistoryError> {
        Ok(Self {
            history: KeyHistory::decode(crypto, inception, entries)?,
            certificate: Certificate::decode(certificate)?,
        })
    }

    /// Reads an identity from one piece: inception record length (1) ‖ inception record ‖
    /// entry count (1) ‖ entries ‖ certificate, the value of an identity update.
    pub fn from_bytes(crypto: &dyn Crypto, bytes: &[u8]) -> Result<Self, HistoryError> {
        let mut reader = Reader::new(bytes, "identity");
        let inception_len = reader.u8()?;
        let inception = reader.take(usize::from(inception_len))?;
        let count = usize::from(reader.u8()?);
        if count > ROTATIONS_MAX {
            return Err(HistoryError::LogTooLong);
        }
        let entries = Rotations::parse(reader.take(count * ROTATION_LEN)?, ROTATIONS_MAX)?;
        let certificate: &[u8; CERTIFICATE_LEN] = reader.array()?;
        reader.finish()?;
        Self::decode(crypto, inception, entries.iter(), certificate)
    }

    /// The bytes that [`PublicIdentity::from_bytes`] reads.
    pub fn to_bytes(&self) -> Vec<u8> {
        let inception = self.history.inception().encode();
        let log = self.history.encode_log();
        let byte = |len: usize| u8::try_from(len).unwrap_or(u8::MAX);
        let mut writer = Writer::with_capacity(2 + inception.len() + log.len() + CERTIFICATE_LEN);
        writer
            .u8(byte(inception.len()))
            .bytes(&inception)
            .u8(byte(self.history.log().len()))
            .bytes(&log)
            .bytes(&self.certificate.encode());
        writer.finish()
    }

    /// The node's address F.
    pub fn address(&self) -> NodeAddr {
        self.history.address()
    }

    /// Believes or refuses this identity at `now_unix_s`, given what is known of the node.
    ///
    /// The returned pin is to be stored before the identity has any effect; its position and
    /// counter are never below those of `pin`, which must be of the same F.
    pub fn verify(
        &self,
        crypto: &dyn Crypto,
        now_unix_s: u64,
        pin: Option<&Pin>,
    ) -> Result<Pin, IdentityError> {
        self.verify_knowing(crypto, now_unix_s, pin, None)
    }

    /// The same, where an identity of this F is known that was believed before with this pin: the
    /// signature of the very same certificate is not checked once more.
    ///
    /// # Errors
    /// As [`PublicIdentity::verify`].
    pub fn verify_knowing(
        &self,
        crypto: &dyn Crypto,
        now_unix_s: u64,
        pin: Option<&Pin>,
        known: Option<&Self>,
    ) -> Result<Pin, IdentityError> {
        let tip = self.history.verify(crypto, pin)?;
        let certificate = &self.certificate;
        let presented = certificate.root_position;
        if presented < tip.position {
            return Err(IdentityError::OldRoot {
                known: tip.position,
                presented,
            });
        }
        if presented > tip.position {
            return Err(IdentityError::Log(LogError::LongerLogNeeded {
                known: tip.position,
                first: presented,
            }));
        }
        if let Some(pin) = pin.filter(|pin| certificate.counter < pin.counter) {
            return Err(IdentityError::CounterWentBack {
                pinned: pin.counter,
                presented: certificate.counter,
            });
        }
        self.check_time(now_unix_s)?;
        let is_pinned =
            pin.is_some_and(|it| (it.position, it.root_key) == (tip.position, tip.root_key));
        let is_known = known.is_some_and(|known| {
            known.address() == self.address() && known.certificate == self.certificate
        });
        if is_pinned && is_known {
            return Ok(Pin::new(&tip, certificate.counter));
        }
        if !certificate.is_signed_by(crypto, self.address(), &tip.root_key) {
            return Err(IdentityError::WrongSignature);
        }
        Ok(Pin::new(&tip, certificate.counter))
    }

    /// Believes or refuses the history alone, as when a peer tells of a third node's
    /// rotation whose certificate may be over. The counter of `pin` stays.
    pub fn verify_history(&self, crypto: &dyn Crypto, pin: Option<&Pin>) -> Result<Pin, LogError> {
        let tip = self.history.verify(crypto, pin)?;
        Ok(Pin::new(&tip, pin.map_or(0, |pin| pin.counter)))
    }

    fn check_time(&self, now_unix_s: u64) -> Result<(), IdentityError> {
        let not_before_unix_s = self.certificate.not_before_unix_s;
        let not_after_unix_s = self.certificate.not_after_unix_s;
        if now_unix_s.saturating_add(CLOCK_TOLERANCE_S) < not_before_unix_s {
            return Err(IdentityError::NotYetValid { not_before_unix_s });
        }
        if now_unix_s > not_after_unix_s.saturating_add(CLOCK_TOLERANCE_S) {
            return Err(IdentityError::Expired { not_after_unix_s });
        }
        Ok(())
    }
}
