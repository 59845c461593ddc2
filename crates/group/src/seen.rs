//! Signatures that held once need not be computed again.
//!
//! What is remembered is a hash of the key, the signature and all that was signed, and nothing else:
//! whether the key may sign, whether the statement is in force, and whether its subject was removed is
//! looked at each time anew, by the same code. A signature that does not hold is never remembered.
//!
//! | limit | value |
//! |---|---|
//! | signatures | [`SEEN_MAX`]; the one that was seen first makes room |

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use identity::crypto::{Aead, AeadAlg, Crypto, KemSecret, Rng, X25519Key};

/// Most signatures that are remembered: those of 1,024 memberships, and as many again.
pub const SEEN_MAX: usize = 4_096;

/// Signatures that held.
#[derive(Clone, Default)]
pub struct Seen {
    all: BTreeSet<[u8; 32]>,
    order: VecDeque<[u8; 32]>,
}

impl Seen {
    /// How many are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Cryptography that uses and grows this.
    #[must_use]
    pub fn through<'a>(&'a mut self, crypto: &'a dyn Crypto) -> Through<'a> {
        let seen = Mutex::new(self);
        Through { crypto, seen }
    }

    fn add(&mut self, hash: [u8; 32]) {
        if !self.all.insert(hash) {
            return;
        }
        self.order.push_back(hash);
        if self.order.len() > SEEN_MAX
            && let Some(first) = self.order.pop_front()
        {
            self.all.remove(&first);
        }
    }
}

/// It says nothing of what a node is or may do.
impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seen")
    }
}

/// [`Seen::through`].
pub struct Through<'a> {
    crypto: &'a dyn Crypto,
    seen: Mutex<&'a mut Seen>,
}

impl Crypto for Through<'_> {
    fn ed25519_verify(&self, public: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
        let parts: [&[u8]; 4] = [b"kumihimo signature v1", public, signature, message];
        let hash = self.crypto.sha256(&parts);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.all.contains(&hash) {
            return true;
        }
        let holds = self.crypto.ed25519_verify(public, message, signature);
        if holds {
            seen.add(hash);
        }
        holds
    }

    fn sha256(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.crypto.sha256(parts)
    }

    fn hmac(&self, key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
        self.crypto.hmac(key, parts)
    }

    fn short_mac(&self, key: &[u8; 16], bytes: &[u8]) -> [u8; 8] {
        self.crypto.short_mac(key, bytes)
    }

    fn x25519_key(&self, secret: &[u8; 32]) -> Arc<dyn X25519Key> {
        self.crypto.x25519_key(secret)
    }

    fn ed25519_public(&self, seed: &[u8; 32]) -> [u8; 32] {
        self.crypto.ed25519_public(seed)
    }

    fn ed25519_sign(&self, seed: &[u8; 32], message: &[u8]) -> [u8; 64] {
        self.crypto.ed25519_sign(seed, message)
    }

    fn kem_generate(&self, rng: &mut dyn Rng) -> Box<dyn KemSecret> {
        self.crypto.kem_generate(rng)
    }

    fn kem_encapsulate(&self, rng: &mut dyn Rng, key: &[u8]) -> Option<(Vec<u8>, [u8; 32])> {
        self.crypto.kem_encapsulate(rng, key)
    }

    fn aead(&self, algorithm: AeadAlg, key: &[u8; 32]) -> Box<dyn Aead> {
        self.crypto.aead(algorithm, key)
    }

    fn aes_is_fast(&self) -> bool {
        self.crypto.aes_is_fast()
    }
}

impl fmt::Debug for Through<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Through")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use identity::crypto::AwsLc;
    use proptest::prelude::*;

    fn signed(seed: u8, message: &[u8]) -> ([u8; 32], [u8; 64]) {
        let seed = [seed; 32];
        (
            AwsLc.ed25519_public(&seed),
            AwsLc.ed25519_sign(&seed, message),
        )
    }

    proptest! {
        /// Whatever was seen before: it says what the computation says.
        #[test]
        fn it_never_holds_what_does_not(
            steps in prop::collection::vec((0u8..3, prop::collection::vec(0u8..3, 0..3), 0u8..3, 0usize..70), 1..40),
        ) {
            let mut seen = Seen::default();
            let through = seen.through(&AwsLc);
            for (seed, message, other, flipped) in steps {
                let (public, mut signature) = signed(seed, &message);
                // Of another key, of another message, with a wrong byte, or right.
                let public = if other == 1 { signed(9, b"").0 } else { public };
                let said = if other == 2 { [&message[..], b"x"].concat() } else { message };
                if let Some(byte) = signature.get_mut(flipped) {
                    *byte ^= 1;
                }
                let holds = AwsLc.ed25519_verify(&public, &said, &signature);
                for _ in 0..2 {
                    prop_assert_eq!(through.ed25519_verify(&public, &said, &signature), holds);
                }
            }
        }
    }

    #[test]
    fn it_is_bounded() {
        let mut seen = Seen::default();
        for n in 0..SEEN_MAX as u64 + 9 {
            let mut hash = [0; 32];
            hash[..8].copy_from_slice(&n.to_be_bytes());
            seen.add(hash);
            seen.add(hash);
        }
        assert_eq!((seen.len(), seen.all.len()), (SEEN_MAX, SEEN_MAX));
    }
}
