//! The handshake `Noise_IKpsk2+hfs_25519+MLKEM768_ChaChaPoly_SHA256` (specification,
//! section 3): two messages of 2,304 bytes each.
//!
//! ```text
//!   Initiator::start ── message 1 ──▶ Responder::open → Claim
//!                                       Claim::verify → Verified      (pins, expiry)
//!                                       (the caller: allowed? number above the last? stored?)
//!   Initiator::finish ◀─ message 2 ──  Verified::accept → Established
//!     → Established
//! ```
//!
//! Nothing here keeps state about peers: what was pinned and which number came last are
//! arguments. A message that fails changes nothing: `open` and `finish` take `&self`.
//!
//! | step | what the message proves by then |
//! |---|---|
//! | `open` | its sender holds the static key in its certificate |
//! | `verify` | the certificate is that key's, for F, and not older than what is pinned |
//! | `accept` | nothing more: the initiator is proven alive by its first transport packet |
//! | `finish` | the responder holds its static key, and saw message 1 |

mod groups;
mod initiator;
mod noise;
mod responder;
#[cfg(test)]
mod tests;

pub use groups::{Credential, CredentialName};
pub use initiator::{Ephemeral, Initiator, InitiatorStart};
pub use responder::{Accept, Claim, Responder, Verified};

use crate::transport::{Role, Transport, TransportParts};
use identity::crypto::{AeadAlg, Crypto};
use identity::{HistoryError, IdentityError, Pin, PublicIdentity};
use noise::Symmetric;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use wire::handshake::{INSTANCE_LEN, STREAM_ID_LEN};
use wire::statement::CERTIFICATE_LEN;
use wire::{Malformed, Unencodable};
use zeroize::Zeroize;

/// Random at each start of a node; tells its runs apart.
pub type Instance = [u8; INSTANCE_LEN];

/// Names a control stream: the same at both ends, and no other stream has it.
pub type StreamId = [u8; STREAM_ID_LEN];

/// The name of no stream.
pub const NO_STREAM: StreamId = [0; STREAM_ID_LEN];

/// The name of the control stream that began with the handshake of this channel binding.
#[must_use]
pub fn stream_id(crypto: &dyn Crypto, binding: &[u8; 32]) -> StreamId {
    let mac = crypto.hmac(binding, &[b"kumihimo stream v1"]);
    let mut id = NO_STREAM;
    for (to, from) in id.iter_mut().zip(mac) {
        *to = from;
    }
    id
}

/// What this node says about itself in a handshake, apart from its identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Of this run of the node.
    pub instance: Instance,
    /// The largest inner packet it accepts, in bytes; 1,280 or more.
    pub inner_mtu: u16,
}

/// A completed handshake.
#[derive(Clone)]
pub struct Established {
    /// The keys.
    pub transport: Arc<Transport>,
    /// The channel binding, the same at both ends.
    pub binding: [u8; 32],
    /// Who the peer is, verified.
    pub peer: PublicIdentity,
    /// What to remember of the peer's statements from now on.
    pub pin: Pin,
    /// The peer's run.
    pub instance: Instance,
    /// The largest inner packet that the peer accepts, in bytes.
    pub inner_mtu: u16,
    /// What the peer said of the control stream: as initiator the one that it would continue,
    /// as responder the one that goes on; [`NO_STREAM`] for none, `None` if it did not say.
    pub stream: Option<StreamId>,
    /// The credentials that both ends hold, sorted.
    pub matched: Vec<CredentialName>,
    /// What the responder shows of its groups, not read here; empty at the responder itself.
    pub shown: Vec<u8>,
}

/// Without the channel binding, which is a secret of the two ends.
impl fmt::Debug for Established {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Established")
            .field("transport", &self.transport)
            .field("peer", &self.peer.address())
            .field("instance", &self.instance)
            .field("inner_mtu", &self.inner_mtu)
            .field("matched", &self.matched)
            .finish_non_exhaustive()
    }
}

/// Why a handshake message was not accepted. The state before it stands.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    /// A message or payload does not have its format.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// Something of this node does not fit its format.
    #[error(transparent)]
    Unencodable(#[from] Unencodable),
    /// The message is not from who it should be, or was changed, or is for another key.
    #[error("the handshake message failed authentication")]
    Forged,
    /// A public key is one of the few that make every result zero, or not a key.
    #[error("the handshake message holds an unusable public key")]
    UnusableKey,
    /// The certificate is for another static key than the one that the message proves.
    #[error("the certificate does not belong to the key of the handshake")]
    OtherKey,
    /// No AEAD that both ends know, or one that was not offered.
    #[error("no common cipher")]
    NoCommonCipher,
    /// The responder says that a slot matched which was random.
    #[error("a group slot without credential was said to match")]
    UnknownMatch,
    /// The number is not of the certificate it came with.
    #[error("the handshake number does not belong to the certificate")]
    OtherNumber,
    /// The statements do not have their format.
    #[error(transparent)]
    Statement(#[from] HistoryError),
    /// The statements do not hold.
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

/// The AEADs of this machine, best first.
fn offer(crypto: &dyn Crypto) -> [u8; 2] {
    let (aes, chacha) = (AeadAlg::Aes256Gcm, AeadAlg::ChaCha20Poly1305);
    let best_first = if crypto.aes_is_fast() {
        [aes, chacha]
    } else {
        [chacha, aes]
    };
    best_first.map(AeadAlg::to_byte)
}

/// AES where both ends prefer it, else ChaCha20, else the first that this node knows.
fn choose(crypto: &dyn Crypto, offered: &[AeadAlg]) -> Option<AeadAlg> {
    let first = offered.first().copied()?;
    if first == AeadAlg::Aes256Gcm && crypto.aes_is_fast() {
        return Some(first);
    }
    let chacha = offered.iter().find(|a| **a == AeadAlg::ChaCha20Poly1305);
    Some(chacha.copied().unwrap_or(first))
}

/// Derives the transport from a finished transcript.
fn transport(
    crypto: &dyn Crypto,
    noise: &Symmetric,
    role: Role,
    aead: AeadAlg,
    indices: (u32, u32),
    born: Duration,
) -> Arc<Transport> {
    let mut keys = noise.transport_keys(crypto, aead);
    let parts = TransportParts {
        role,
        local_index: indices.0,
        remote_index: indices.1,
        aead,
        keys: &keys,
        born,
    };
    let transport = Arc::new(Transport::new(crypto, &parts));
    keys.zeroize();
    transport
}

/// A certificate as the payloads take it.
fn encode_certificate(identity: &PublicIdentity) -> Result<[u8; CERTIFICATE_LEN], HandshakeError> {
    let encoded = identity.certificate.encode();
    encoded.try_into().map_err(|_| {
        let what = "node certificate";
        HandshakeError::Unencodable(Unencodable { what })
    })
}
