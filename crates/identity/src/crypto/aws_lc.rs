//! [`Crypto`] by AWS-LC through aws-lc-rs, and SipHash by siphasher; no cryptography is
//! implemented here.
//!
//! The library's failures (it could not allocate) are turned into values that fail closed,
//! as the module above promises.

use aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{self, PrivateKey, UnparsedPublicKey, X25519};
use aws_lc_rs::kem::{DecapsulationKey, EncapsulationKey, ML_KEM_768};
use aws_lc_rs::signature::{self, Ed25519KeyPair, KeyPair};
use aws_lc_rs::{digest, hmac};
use siphasher::sip::SipHasher24;
use std::sync::Arc;

use super::{
    AEAD_NONCE_LEN, AEAD_TAG_LEN, Aead, AeadAlg, Crypto, KEM_CIPHERTEXT_LEN, KEM_KEY_LEN,
    KemSecret, Rng, X25519Key,
};

/// The real thing. Has no state of its own.
#[derive(Clone, Copy, Debug, Default)]
pub struct AwsLc;

impl Crypto for AwsLc {
    fn sha256(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = digest::Context::new(&digest::SHA256);
        for part in parts {
            context.update(part);
        }
        digest_bytes(&context.finish())
    }

    fn hmac(&self, key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
        for part in parts {
            context.update(part);
        }
        fixed(context.sign().as_ref())
    }

    fn short_mac(&self, key: &[u8; 16], bytes: &[u8]) -> [u8; 8] {
        SipHasher24::new_with_key(key).hash(bytes).to_le_bytes()
    }

    fn x25519_key(&self, secret: &[u8; 32]) -> Arc<dyn X25519Key> {
        let secret = PrivateKey::from_private_key(&X25519, secret).ok();
        let public = secret
            .as_ref()
            .and_then(|key| key.compute_public_key().ok());
        let public = public.map_or([0; 32], |public| fixed(public.as_ref()));
        Arc::new(AwsLcX25519 { secret, public })
    }

    fn ed25519_public(&self, seed: &[u8; 32]) -> [u8; 32] {
        Ed25519KeyPair::from_seed_unchecked(seed)
            .map_or([0; 32], |pair| fixed(pair.public_key().as_ref()))
    }

    fn ed25519_sign(&self, seed: &[u8; 32], message: &[u8]) -> [u8; 64] {
        Ed25519KeyPair::from_seed_unchecked(seed)
            .ok()
            .and_then(|pair| pair.try_sign(message).ok())
            .map_or([0; 64], |signature| fixed(signature.as_ref()))
    }

    fn ed25519_verify(&self, public: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
        signature::UnparsedPublicKey::new(&signature::ED25519, public)
            .verify(message, signature)
            .is_ok()
    }

    fn kem_generate(&self, _rng: &mut dyn Rng) -> Box<dyn KemSecret> {
        Box::new(AwsLcKemSecret::generate())
    }

    fn kem_encapsulate(
        &self,
        _rng: &mut dyn Rng,
        encapsulation_key: &[u8],
    ) -> Option<(Vec<u8>, [u8; 32])> {
        let key = EncapsulationKey::new(&ML_KEM_768, encapsulation_key).ok()?;
        let (ciphertext, secret) = key.encapsulate().ok()?;
        Some((
            ciphertext.as_ref().to_vec(),
            <[u8; 32]>::try_from(secret.as_ref()).ok()?,
        ))
    }

    fn aead(&self, algorithm: AeadAlg, key: &[u8; 32]) -> Box<dyn Aead> {
        let algorithm = match algorithm {
            AeadAlg::Aes256Gcm => &aead::AES_256_GCM,
            AeadAlg::ChaCha20Poly1305 => &aead::CHACHA20_POLY1305,
        };
        Box::new(AwsLcAead {
            key: UnboundKey::new(algorithm, key).ok().map(LessSafeKey::new),
        })
    }

    fn aes_is_fast(&self) -> bool {
        #[cfg(target_arch = "x86_64")]
        return std::arch::is_x86_feature_detected!("aes")
            && std::arch::is_x86_feature_detected!("pclmulqdq");
        #[cfg(target_arch = "aarch64")]
        return std::arch::is_aarch64_feature_detected!("aes")
            && std::arch::is_aarch64_feature_detected!("pmull");
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        return false;
    }
}

/// A key as the library has it: it computes the public key when it takes the secret.
struct AwsLcX25519 {
    secret: Option<PrivateKey>,
    public: [u8; 32],
}

impl X25519Key for AwsLcX25519 {
    fn public(&self) -> &[u8; 32] {
        &self.public
    }

    fn agree(&self, public: &[u8; 32]) -> Option<[u8; 32]> {
        let secret = self.secret.as_ref()?;
        let public = UnparsedPublicKey::new(&X25519, public);
        let shared = agreement::agree(secret, public, (), |shared| Ok(fixed::<32>(shared))).ok()?;
        (!super::constant_time_eq(&shared, &[0; 32])).then_some(shared)
    }
}

/// The bytes of a SHA-256 digest.
pub(super) fn digest_bytes(digest: &digest::Digest) -> [u8; 32] {
    fixed(digest.as_ref())
}

/// `bytes` as an array. The library's results have these lengths by definition; were one
/// different, zeros fail closed.
fn fixed<const N: usize>(bytes: &[u8]) -> [u8; N] {
    <[u8; N]>::try_from(bytes).unwrap_or([0; N])
}

struct AwsLcAead {
    key: Option<LessSafeKey>,
}

impl Aead for AwsLcAead {
    fn seal_in_place(
        &self,
        nonce: &[u8; AEAD_NONCE_LEN],
        ad: &[u8],
        buf: &mut [u8],
    ) -> [u8; AEAD_TAG_LEN] {
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let sealed = self.key.as_ref().and_then(|key| {
            key.seal_in_place_separate_tag(nonce, Aad::from(ad), buf)
                .ok()
        });
        match sealed {
            Some(tag) => fixed(tag.as_ref()),
            None => {
                buf.fill(0);
                [0; AEAD_TAG_LEN]
            }
        }
    }

    fn open_in_place(
        &self,
        nonce: &[u8; AEAD_NONCE_LEN],
        ad: &[u8],
        buf: &mut [u8],
        tag: &[u8; AEAD_TAG_LEN],
    ) -> bool {
        let nonce = Nonce::assume_unique_for_key(*nonce);
        self.key.as_ref().is_some_and(|key| {
            key.open_in_place_separate_tag(nonce, Aad::from(ad), tag, buf)
                .is_ok()
        })
    }
}

struct AwsLcKemSecret {
    /// `None` when the library could not make a key.
    secret: Option<DecapsulationKey>,
    encapsulation_key: Box<[u8; KEM_KEY_LEN]>,
}

impl AwsLcKemSecret {
    fn generate() -> Self {
        let made = DecapsulationKey::generate(&ML_KEM_768)
            .ok()
            .and_then(|secret| {
                let public = secret.encapsulation_key().ok()?.key_bytes().ok()?;
                let public = <[u8; KEM_KEY_LEN]>::try_from(public.as_ref()).ok()?;
                Some((secret, Box::new(public)))
            });
        match made {
            Some((secret, encapsulation_key)) => Self {
                secret: Some(secret),
                encapsulation_key,
            },
            // All ones fail the modulus check: the peer refuses such a key.
            None => Self {
                secret: None,
                encapsulation_key: Box::new([0xff; KEM_KEY_LEN]),
            },
        }
    }
}

impl KemSecret for AwsLcKemSecret {
    fn encapsulation_key(&self) -> &[u8; KEM_KEY_LEN] {
        &self.encapsulation_key
    }

    fn decapsulate(&self, ciphertext: &[u8]) -> Option<[u8; 32]> {
        if ciphertext.len() != KEM_CIPHERTEXT_LEN {
            return None;
        }
        let secret = self.secret.as_ref()?.decapsulate(ciphertext.into()).ok()?;
        <[u8; 32]>::try_from(secret.as_ref()).ok()
    }
}

/// A decapsulation key from its 2,400 bytes, for the known answer.
#[cfg(test)]
pub(super) fn tests_decapsulation_key(bytes: &[u8]) -> impl KemSecret + use<> {
    let public = bytes[1152..1152 + KEM_KEY_LEN].try_into().unwrap();
    AwsLcKemSecret {
        secret: Some(DecapsulationKey::new(&ML_KEM_768, bytes).unwrap()),
        encapsulation_key: Box::new(public),
    }
}
