//! The one door to cryptography for every layer above.
//!
//! [`Crypto`] is a trait, so that the simulator can put a cheap keyed hash behind the same
//! interface; [`AwsLc`] is the only implementation that a real node uses. Random bytes come
//! from an [`Rng`] that the caller passes in: [`HashRng`] stretches the seed that the shell
//! read from the operating system, so that a run can be repeated from its seed.
//!
//! | primitive | standard | sizes in bytes |
//! |---|---|---|
//! | SHA-256 | FIPS 180-4 | 32 |
//! | HMAC-SHA-256 | RFC 2104 | 32 |
//! | HKDF-SHA-256 | RFC 5869 | up to 8,160 |
//! | X25519 | RFC 7748 | keys and results 32 |
//! | Ed25519 | RFC 8032 | seeds and keys 32, signatures 64 |
//! | ML-KEM-768 | FIPS 203 | key 1,184, ciphertext 1,088, secret 32 |
//! | ChaCha20-Poly1305 | RFC 8439 | key 32, nonce 12, tag 16 |
//! | AES-256-GCM | NIST SP 800-38D | key 32, nonce 12, tag 16 |
//!
//! It does not choose algorithms, count nonces or keep keys; that is the session's work.
//! Functions that cannot report an error fail closed: what they return is refused by the
//! peer or opens nothing, and a buffer that was to be sealed holds zeros. This can only
//! happen when the library cannot allocate memory.
//!
//! **Limit**: the ML-KEM interface of aws-lc-rs takes no seed, so [`AwsLc`] draws those
//! random bytes from the library's own generator and not from the [`Rng`]. A run with real
//! cryptography repeats from its seed in everything but ML-KEM bytes and what derives from
//! them.

mod aws_lc;
mod hash_rng;
#[cfg(test)]
mod tests;

pub use aws_lc::AwsLc;
pub use hash_rng::HashRng;
/// The numbers of the AEADs are those of the handshake's TLV 6.
pub use wire::handshake::AeadAlg;

use std::sync::Arc;
use zeroize::Zeroizing;

/// Length of an ML-KEM-768 encapsulation key (FIPS 203, table 3).
pub const KEM_KEY_LEN: usize = 1184;
/// Length of an ML-KEM-768 ciphertext (FIPS 203, table 3).
pub const KEM_CIPHERTEXT_LEN: usize = 1088;
/// Length of the authentication tag of both AEADs.
pub const AEAD_TAG_LEN: usize = 16;
/// Length of the nonce of both AEADs.
pub const AEAD_NONCE_LEN: usize = 12;
/// The most bytes that HKDF-SHA-256 can produce (RFC 5869, section 2.3).
pub const HKDF_LEN_MAX: usize = 255 * 32;

/// A source of random bytes.
pub trait Rng {
    /// Fills `out` with bytes that nobody can predict from the bytes given out before.
    fn fill(&mut self, out: &mut [u8]);
}

/// Draws `N` random bytes.
pub fn random<const N: usize>(rng: &mut dyn Rng) -> [u8; N] {
    let mut out = [0; N];
    rng.fill(&mut out);
    out
}

/// Compares two byte strings in a time that depends on their lengths only.
pub fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(a, b).is_ok()
}

/// One AEAD key, ready for use from several threads at once.
pub trait Aead: Send + Sync {
    /// Encrypts `buf` in place and returns the tag over it and `ad`.
    ///
    /// The caller never repeats a nonce. If the library fails, `buf` is zeroed and the tag
    /// opens nothing.
    fn seal_in_place(
        &self,
        nonce: &[u8; AEAD_NONCE_LEN],
        ad: &[u8],
        buf: &mut [u8],
    ) -> [u8; AEAD_TAG_LEN];

    /// Decrypts `buf` in place if `tag` is right for it and `ad`.
    ///
    /// After `false` the content of `buf` is unspecified and never holds plaintext.
    #[must_use]
    fn open_in_place(
        &self,
        nonce: &[u8; AEAD_NONCE_LEN],
        ad: &[u8],
        buf: &mut [u8],
        tag: &[u8; AEAD_TAG_LEN],
    ) -> bool;
}

/// An ML-KEM-768 decapsulation key, used for one handshake and then dropped.
pub trait KemSecret: Send {
    /// The encapsulation key that belongs to it.
    fn encapsulation_key(&self) -> &[u8; KEM_KEY_LEN];

    /// The shared secret in `ciphertext`; `None` if its length is wrong.
    ///
    /// A ciphertext made for another key gives an unrelated secret, not an error (implicit
    /// rejection, FIPS 203 section 6.3).
    fn decapsulate(&self, ciphertext: &[u8]) -> Option<[u8; 32]>;
}

/// An X25519 secret that is used several times.
pub trait X25519Key: Send + Sync {
    /// Its public key.
    fn public(&self) -> &[u8; 32];

    /// The X25519 result; `None` when it is all zero, that is when `public` has small order
    /// (RFC 7748, section 6.1).
    fn agree(&self, public: &[u8; 32]) -> Option<[u8; 32]>;
}

/// What the layers above need of cryptography. Shared as `Arc<dyn Crypto>`.
pub trait Crypto: Send + Sync {
    /// SHA-256 of the concatenation of `parts`.
    fn sha256(&self, parts: &[&[u8]]) -> [u8; 32];

    /// HMAC-SHA-256 with `key` over the concatenation of `parts`.
    fn hmac(&self, key: &[u8], parts: &[&[u8]]) -> [u8; 32];

    /// SipHash-2-4 (Aumasson and Bernstein, 2012) with `key` over `bytes`, as the paper writes it:
    /// little-endian. A short MAC for short inputs, where forging one packet gains little.
    fn short_mac(&self, key: &[u8; 16], bytes: &[u8]) -> [u8; 8];

    /// Prepares an X25519 key: its public key is computed once.
    fn x25519_key(&self, secret: &[u8; 32]) -> Arc<dyn X25519Key>;

    /// The X25519 public key of `secret`.
    fn x25519_public(&self, secret: &[u8; 32]) -> [u8; 32] {
        *self.x25519_key(secret).public()
    }

    /// The X25519 result, as [`X25519Key::agree`] gives it.
    fn x25519(&self, secret: &[u8; 32], public: &[u8; 32]) -> Option<[u8; 32]> {
        self.x25519_key(secret).agree(public)
    }

    /// The Ed25519 public key of `seed`.
    fn ed25519_public(&self, seed: &[u8; 32]) -> [u8; 32];

    /// Signs `message` with the key of `seed`.
    fn ed25519_sign(&self, seed: &[u8; 32], message: &[u8]) -> [u8; 64];

    /// Whether `signature` over `message` is by the owner of `public`.
    #[must_use]
    fn ed25519_verify(&self, public: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool;

    /// A fresh ML-KEM-768 key.
    fn kem_generate(&self, rng: &mut dyn Rng) -> Box<dyn KemSecret>;

    /// A ciphertext of [`KEM_CIPHERTEXT_LEN`] bytes for the owner of `encapsulation_key`,
    /// and the secret in it. `None` if the key has the wrong length or fails the modulus
    /// check (FIPS 203, section 7.2).
    fn kem_encapsulate(
        &self,
        rng: &mut dyn Rng,
        encapsulation_key: &[u8],
    ) -> Option<(Vec<u8>, [u8; 32])>;

    /// Prepares an AEAD key.
    fn aead(&self, algorithm: AeadAlg, key: &[u8; 32]) -> Box<dyn Aead>;

    /// Whether this machine has AES and carry-less multiplication in hardware, so that
    /// AES-256-GCM is both fast and constant in time.
    fn aes_is_fast(&self) -> bool;
}

impl dyn Crypto + '_ {
    /// The first 16 bytes of SHA-256: names of things that are known by their hash.
    #[must_use]
    pub fn sha256_16(&self, parts: &[&[u8]]) -> [u8; 16] {
        let mut out = [0; 16];
        for (to, from) in out.iter_mut().zip(self.sha256(parts)) {
            *to = from;
        }
        out
    }

    /// The id of the credential that an invite's secret makes (docs/protocol/session.md, section
    /// 3.2).
    #[must_use]
    pub fn invite_id(&self, secret: &[u8; 16]) -> [u8; 16] {
        self.sha256_16(&[b"kumihimo invite id v1", secret])
    }

    /// HKDF-SHA-256 (RFC 5869): extracts with `salt` from `ikm`, expands with the
    /// concatenation of `info`. More than [`HKDF_LEN_MAX`] bytes do not compile.
    pub fn hkdf<const N: usize>(&self, salt: &[u8], ikm: &[u8], info: &[&[u8]]) -> [u8; N] {
        const { assert!(N <= HKDF_LEN_MAX) };
        let pseudo_random_key = Zeroizing::new(self.hmac(salt, &[ikm]));
        let mut out = [0; N];
        let mut previous = Zeroizing::new([0; 32]);
        let mut previous_len = 0;
        for (block, number) in out.chunks_mut(32).zip(1u8..=255) {
            let number = [number];
            let mut parts: Vec<&[u8]> = Vec::with_capacity(info.len() + 2);
            parts.push(previous.get(..previous_len).unwrap_or_default());
            parts.extend_from_slice(info);
            parts.push(&number);
            let next = self.hmac(&*pseudo_random_key, &parts);
            *previous = next;
            previous_len = previous.len();
            for (to, from) in block.iter_mut().zip(previous.iter()) {
                *to = *from;
            }
        }
        out
    }
}
