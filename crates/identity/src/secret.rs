//! Secret keys. They are zeroized on drop and never appear in `Debug` output.
//!
//! A [`NextRootSecret`] is a separate type from a [`RootSecret`] so that it is not signed
//! with by mistake; [`crate::rotate`] turns one into the other.

use core::fmt;

use std::sync::Arc;
use zeroize::Zeroizing;

use crate::crypto::{Crypto, Rng, X25519Key};
use crate::familiar::FamiliarKey;
use crate::public::PublicIdentity;

/// 32 secret bytes.
#[derive(Clone)]
struct Seed(Zeroizing<[u8; 32]>);

impl Seed {
    fn generate(rng: &mut dyn Rng) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill(seed.as_mut_slice());
        Self(seed)
    }
}

/// The Ed25519 seed of the root key in force. It signs rarely.
#[derive(Clone)]
pub struct RootSecret(Seed);

/// The Ed25519 seed of the root key to come, meant to be kept offline.
#[derive(Clone)]
pub struct NextRootSecret(Seed);

/// The Ed25519 seed of a recovery key.
#[derive(Clone)]
pub struct RecoverySecret(Seed);

/// The Ed25519 seed of an admin of locked groups.
#[derive(Clone)]
pub struct AdminSecret(Seed);

macro_rules! ed25519_secret {
    ($name:ident) => {
        impl $name {
            /// A fresh secret.
            pub fn generate(rng: &mut dyn Rng) -> Self {
                Self(Seed::generate(rng))
            }

            /// The secret with this seed, as read from a key file.
            pub fn from_seed(seed: &[u8; 32]) -> Self {
                Self(Seed(Zeroizing::new(*seed)))
            }

            /// The seed, for a key file.
            pub fn seed(&self) -> &[u8; 32] {
                &self.0.0
            }

            /// The public key.
            pub fn public(&self, crypto: &dyn Crypto) -> [u8; 32] {
                crypto.ed25519_public(self.seed())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(secret)"))
            }
        }
    };
}

ed25519_secret!(RootSecret);
ed25519_secret!(NextRootSecret);
ed25519_secret!(RecoverySecret);
ed25519_secret!(AdminSecret);

impl NextRootSecret {
    /// The same key, now the root key. Done once, when the rotation entry is signed.
    pub(crate) fn into_root(self) -> RootSecret {
        RootSecret(self.0)
    }
}

/// The keys that a running node uses, named by its certificate.
#[derive(Clone)]
pub struct HotKeys {
    noise: Seed,
    sign: Seed,
    noise_key: Arc<dyn X25519Key>,
    familiar: FamiliarKey,
    sign_public: [u8; 32],
}

impl HotKeys {
    /// Fresh keys.
    pub fn generate(crypto: &dyn Crypto, rng: &mut dyn Rng) -> Self {
        Self::with(crypto, Seed::generate(rng), Seed::generate(rng))
    }

    /// The keys with these secrets, as read from a key file.
    pub fn from_secrets(
        crypto: &dyn Crypto,
        noise_secret: &[u8; 32],
        sign_seed: &[u8; 32],
    ) -> Self {
        let seed = |bytes: &[u8; 32]| Seed(Zeroizing::new(*bytes));
        Self::with(crypto, seed(noise_secret), seed(sign_seed))
    }

    /// The X25519 secret of handshakes.
    pub fn noise_secret(&self) -> &[u8; 32] {
        &self.noise.0
    }

    /// The same, ready for use.
    pub fn noise_key(&self) -> &Arc<dyn X25519Key> {
        &self.noise_key
    }

    /// The X25519 public key of handshakes.
    pub fn noise_public(&self) -> &[u8; 32] {
        self.noise_key.public()
    }

    /// The Ed25519 seed for signed messages.
    pub fn sign_seed(&self) -> &[u8; 32] {
        &self.sign.0
    }

    /// The Ed25519 public key for signed messages.
    pub fn sign_public(&self) -> &[u8; 32] {
        &self.sign_public
    }

    /// The same, to tell it whom this node has met.
    pub fn familiar(&self) -> &FamiliarKey {
        &self.familiar
    }

    fn with(crypto: &dyn Crypto, noise: Seed, sign: Seed) -> Self {
        let familiar = FamiliarKey::new(crypto.x25519_key(&noise.0));
        Self {
            noise_key: Arc::new(familiar.clone()),
            familiar,
            sign_public: crypto.ed25519_public(&sign.0),
            noise,
            sign,
        }
    }
}

impl fmt::Debug for HotKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HotKeys(secret)")
    }
}

/// The certificate names other hot keys than those given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the hot keys are not those of the certificate")]
pub struct HotKeysDiffer;

/// What a running node needs of its own identity.
#[derive(Clone, Debug)]
pub struct LocalIdentity {
    /// What it shows to others.
    pub public: PublicIdentity,
    /// What it keeps.
    pub hot: HotKeys,
}

impl LocalIdentity {
    /// Puts both together. Errors: they do not belong together.
    pub fn new(public: PublicIdentity, hot: HotKeys) -> Result<Self, HotKeysDiffer> {
        let certificate = &public.certificate;
        if certificate.noise_key == *hot.noise_public() && certificate.sign_key == hot.sign_public {
            Ok(Self { public, hot })
        } else {
            Err(HotKeysDiffer)
        }
    }
}
