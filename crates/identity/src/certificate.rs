//! The node certificate: which hot keys speak for a root key, how long, and for what.
//! Format: `docs/protocol/session.md`, section 1.

use wire::statement::CERTIFICATE_LEN;
use wire::{Malformed, NodeAddr, Reader, Writer};

use crate::crypto::Crypto;

const VERSION: u8 = 1;

/// How long a certificate is valid by default, in seconds: 30 days.
pub const VALIDITY_DEFAULT_S: u64 = 30 * 86_400;
/// How long before its end the owner is warned, in seconds: 10 days.
pub const EXPIRY_WARNING_S: u64 = 10 * 86_400;
/// How far the clocks of issuer and verifier may differ, in seconds.
pub const CLOCK_TOLERANCE_S: u64 = 600;

/// What hot keys may do. Scopes limit and never grant; unknown bits are ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scopes(pub u32);

impl Scopes {
    /// No limit.
    pub const ALL: Scopes = Scopes(u32::MAX);
    /// Talk to other nodes.
    pub const TALK: Scopes = Scopes(1);
    /// Serve as a Bridge.
    pub const BRIDGE: Scopes = Scopes(1 << 1);
    /// Announce prefixes.
    pub const ANNOUNCE: Scopes = Scopes(1 << 2);
    /// Carry transit traffic.
    pub const TRANSIT: Scopes = Scopes(1 << 3);
    /// Serve a HUB.
    pub const HUB: Scopes = Scopes(1 << 4);
    /// Serve as a group management server.
    pub const GMS: Scopes = Scopes(1 << 5);

    const KNOWN: u32 = (1 << 6) - 1;

    /// Scopes that allow only what is in `allowed`; the reserved bits stay ones.
    pub fn only(allowed: &[Scopes]) -> Self {
        let bits = allowed.iter().fold(0, |bits, scope| bits | scope.0);
        Self(bits | !Self::KNOWN)
    }

    /// Whether all of `wanted` is allowed.
    pub fn allows(self, wanted: Scopes) -> bool {
        self.0 & wanted.0 == wanted.0
    }
}

/// A root key's statement about a node's hot keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The log position of the root key that signed; 0 is the inception record's.
    pub root_position: u32,
    /// Grows with each certificate of this node.
    pub counter: u64,
    /// Start of validity, Unix seconds.
    pub not_before_unix_s: u64,
    /// End of validity, Unix seconds.
    pub not_after_unix_s: u64,
    /// The node's static key in handshakes (X25519).
    pub noise_key: [u8; 32],
    /// The node's key for signed messages such as beacons (Ed25519).
    pub sign_key: [u8; 32],
    /// What the hot keys may do.
    pub scopes: Scopes,
    /// By the root key at `root_position`.
    pub signature: [u8; 64],
}

impl Certificate {
    /// Reads a certificate; the signature is not checked. Errors: another version.
    pub fn decode(bytes: &[u8; CERTIFICATE_LEN]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes, "node certificate");
        if reader.u8()? != VERSION {
            return Err(Malformed {
                what: "node certificate: unknown version",
            });
        }
        let certificate = Self {
            root_position: reader.u32()?,
            counter: reader.u64()?,
            not_before_unix_s: reader.u64()?,
            not_after_unix_s: reader.u64()?,
            noise_key: *reader.array()?,
            sign_key: *reader.array()?,
            scopes: Scopes(reader.u32()?),
            signature: *reader.array()?,
        };
        reader.finish()?;
        Ok(certificate)
    }

    /// The 161 bytes of the certificate.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.unsigned();
        bytes.extend_from_slice(&self.signature);
        bytes
    }

    /// What the signature covers, for the node at `address`.
    pub fn signed_text(&self, address: NodeAddr) -> Vec<u8> {
        let mut writer = Writer::with_capacity(160);
        writer
            .bytes(b"kumihimo certificate v1")
            .bytes(address.as_bytes())
            .bytes(&self.unsigned());
        writer.finish()
    }

    /// Whether `root_key` signed this certificate for the node at `address`.
    #[must_use]
    pub fn is_signed_by(
        &self,
        crypto: &dyn Crypto,
        address: NodeAddr,
        root_key: &[u8; 32],
    ) -> bool {
        crypto.ed25519_verify(root_key, &self.signed_text(address), &self.signature)
    }

    /// Whether the owner should renew: it ends within [`EXPIRY_WARNING_S`].
    pub fn expires_soon(&self, now_unix_s: u64) -> bool {
        self.not_after_unix_s <= now_unix_s.saturating_add(EXPIRY_WARNING_S)
    }

    fn unsigned(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(CERTIFICATE_LEN);
        writer
            .u8(VERSION)
            .u32(self.root_position)
            .u64(self.counter)
            .u64(self.not_before_unix_s)
            .u64(self.not_after_unix_s)
            .bytes(&self.noise_key)
            .bytes(&self.sign_key)
            .u32(self.scopes.0);
        writer.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_limit_and_keep_reserved_bits() {
        let talk = Scopes::only(&[Scopes::TALK]);
        assert_eq!(talk.0, 0xFFFF_FFC1);
        assert!(talk.allows(Scopes::TALK));
        assert!(!talk.allows(Scopes::BRIDGE));
        assert!(Scopes::ALL.allows(Scopes(u32::MAX)));
        assert!(!Scopes::only(&[]).allows(Scopes::TALK));
    }

    #[test]
    fn a_certificate_comes_back_and_another_version_is_refused() {
        let certificate = Certificate {
            root_position: 1,
            counter: 2,
            not_before_unix_s: 3,
            not_after_unix_s: 4,
            noise_key: [5; 32],
            sign_key: [6; 32],
            scopes: Scopes::ALL,
            signature: [7; 64],
        };
        let mut bytes: [u8; CERTIFICATE_LEN] = certificate.encode().try_into().unwrap();
        assert_eq!(Certificate::decode(&bytes), Ok(certificate));
        bytes[0] = 2;
        assert!(Certificate::decode(&bytes).is_err());
    }
}
