//! An X25519 key that has computed the results with keys that it knows ahead of time.
//!
//! A handshake mixes in the result of both ends' static keys, which is the same each time. For peers that
//! a node has met it is computed while nothing else is to be done. The results are as secret as the key,
//! and are wiped with it.
//!
//! | limit | value |
//! |---|---|
//! | results | [`FAMILIAR_MAX`]; the one that was added first makes room |

use core::fmt;
use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock};

use zeroize::Zeroizing;

use crate::crypto::X25519Key;

/// Most keys whose results are kept.
pub const FAMILIAR_MAX: usize = 256;

type Result32 = ([u8; 32], Zeroizing<[u8; 32]>);

/// The key, and what it has computed.
#[derive(Clone)]
pub struct FamiliarKey(Arc<Inner>);

struct Inner {
    key: Arc<dyn X25519Key>,
    results: RwLock<VecDeque<Result32>>,
}

impl FamiliarKey {
    pub(crate) fn new(key: Arc<dyn X25519Key>) -> Self {
        let results = RwLock::default();
        Self(Arc::new(Inner { key, results }))
    }

    /// Computes the result with this public key, unless it is known or there is none.
    pub fn meet(&self, public: &[u8; 32]) {
        if self.known(public).is_some() {
            return;
        }
        let Some(result) = self.0.key.agree(public) else {
            return;
        };
        let results = self.0.results.write();
        let mut results = results.unwrap_or_else(PoisonError::into_inner);
        if results.len() >= FAMILIAR_MAX {
            results.pop_front();
        }
        results.push_back((*public, Zeroizing::new(result)));
    }

    /// With how many keys the result is known.
    #[must_use]
    pub fn len(&self) -> usize {
        let results = self.0.results.read();
        results.unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether it is known with none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn known(&self, public: &[u8; 32]) -> Option<[u8; 32]> {
        let results = self.0.results.read();
        let results = results.unwrap_or_else(PoisonError::into_inner);
        // Public keys are no secret: how long this takes tells nothing.
        let mut found = results.iter().filter(|(known, _)| known == public);
        found.next().map(|(_, result)| **result)
    }
}

impl X25519Key for FamiliarKey {
    fn public(&self) -> &[u8; 32] {
        self.0.key.public()
    }

    fn agree(&self, public: &[u8; 32]) -> Option<[u8; 32]> {
        self.known(public).or_else(|| self.0.key.agree(public))
    }
}

/// Without the results.
impl fmt::Debug for FamiliarKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FamiliarKey(secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{AwsLc, Crypto};
    use proptest::prelude::*;

    fn key(seed: u8) -> Arc<dyn X25519Key> {
        AwsLc.x25519_key(&[seed | 1; 32])
    }

    proptest! {
        /// Whatever it met, and in whatever order: its results are those of the key.
        #[test]
        fn it_agrees_as_the_key_does(met in prop::collection::vec(any::<u8>(), 0..20), asked in any::<u8>()) {
            let plain = key(77);
            let familiar = FamiliarKey::new(key(77));
            for seed in met {
                familiar.meet(key(seed).public());
            }
            let public = *key(asked).public();
            prop_assert_eq!(familiar.agree(&public), plain.agree(&public));
            prop_assert_eq!(familiar.public(), plain.public());
        }
    }

    #[test]
    fn it_is_bounded_and_keeps_no_point_of_small_order() {
        let familiar = FamiliarKey::new(key(1));
        familiar.meet(&[0; 32]);
        assert!(familiar.is_empty() && familiar.agree(&[0; 32]).is_none());
        for n in 0..=FAMILIAR_MAX {
            let mut secret = [3; 32];
            secret[..8].copy_from_slice(&n.to_be_bytes());
            familiar.meet(AwsLc.x25519_key(&secret).public());
        }
        assert_eq!(familiar.len(), FAMILIAR_MAX);
        assert!(!format!("{familiar:?}").contains(char::is_numeric));
    }
}
