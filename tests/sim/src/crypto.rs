//! A cheap crypto provider for the simulator, and the witness of invariant I2.
//!
//! It has the shape of real cryptography and none of its strength: hashing is a few
//! multiplications, Diffie–Hellman runs in the group of integers modulo 2^61 − 1, a signature
//! is a hash that anyone could compute. Nobody in the simulated world forges one; the tests
//! that need an attacker use the real provider. In exchange a handshake costs microseconds.
//!
//! Every `seal` is recorded as (key, nonce). A second one is a violation of I2, whichever node
//! committed it. Limits: at most [`RECORD_MAX`] records a run (older ones are kept; the run stops
//! recording and says so).

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use identity::crypto::{
    Aead, AeadAlg, Crypto, KEM_CIPHERTEXT_LEN, KEM_KEY_LEN, KemSecret, Rng, X25519Key,
};

/// Most (key, nonce) records of one run.
pub const RECORD_MAX: usize = 8_000_000;

const PRIME: u64 = (1 << 61) - 1;
const GENERATOR: u64 = 37;

/// What the provider saw, shared by every node of a world.
#[derive(Debug, Default)]
pub struct Witness {
    sealed: Mutex<BTreeSet<(u64, u64)>>,
    reused: AtomicU64,
    handshakes: AtomicU64,
}

impl Witness {
    /// How often a (key, nonce) pair was used again. Must stay 0.
    pub fn reused(&self) -> u64 {
        self.reused.load(Ordering::Relaxed)
    }

    /// ML-KEM encapsulations, i.e. initiations answered.
    pub fn handshakes(&self) -> u64 {
        self.handshakes.load(Ordering::Relaxed)
    }

    fn record(&self, key: u64, nonce: u64) {
        if let Ok(mut sealed) = self.sealed.lock()
            && sealed.len() < RECORD_MAX
            && !sealed.insert((key, nonce))
        {
            self.reused.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The provider.
#[derive(Debug, Default, Clone)]
pub struct SimCrypto {
    /// Shared record of what was sealed.
    pub witness: Arc<Witness>,
}

fn mix(mut a: u64, b: u64) -> u64 {
    a ^= b;
    let wide = u128::from(a ^ 0x9e37_79b9_7f4a_7c15) * u128::from(b ^ 0xa076_1d64_78bd_642f | 1);
    a.rotate_left(23) ^ (wide as u64) ^ ((wide >> 64) as u64)
}

fn absorb(mut state: [u64; 4], bytes: &[u8]) -> [u64; 4] {
    let mut chunks = bytes.chunks_exact(8);
    let mut lane = 0;
    for c in &mut chunks {
        let w = u64::from_be_bytes(c.try_into().unwrap_or_default());
        state[lane] = mix(state[lane], w);
        lane = (lane + 1) & 3;
        state[lane] ^= state[(lane + 3) & 3];
    }
    let mut tail = [0u8; 8];
    let rest = chunks.remainder();
    tail[..rest.len()].copy_from_slice(rest);
    state[0] = mix(state[0], u64::from_be_bytes(tail));
    state[1] = mix(state[1], bytes.len() as u64);
    for _ in 0..2 {
        for i in 0..4 {
            state[i] = mix(state[i], state[(i + 1) & 3]);
        }
    }
    state
}

fn hash(parts: &[&[u8]], salt: u64) -> [u8; 32] {
    // The parts are one message, as for a real hash: where they are split must not matter.
    let mut message = Vec::with_capacity(parts.iter().map(|p| p.len()).sum());
    for p in parts {
        message.extend_from_slice(p);
    }
    out32(absorb([salt, !salt, 0x1234_5678, 0x9abc_def0], &message))
}

fn out32(state: [u64; 4]) -> [u8; 32] {
    let mut out = [0; 32];
    for (chunk, w) in out.chunks_mut(8).zip(state) {
        chunk.copy_from_slice(&w.to_be_bytes());
    }
    out
}

fn power(mut base: u64, mut exp: u64) -> u64 {
    let mut acc = 1u64;
    while exp > 0 {
        if exp & 1 == 1 {
            acc = (u128::from(acc) * u128::from(base) % u128::from(PRIME)) as u64;
        }
        base = (u128::from(base) * u128::from(base) % u128::from(PRIME)) as u64;
        exp >>= 1;
    }
    acc
}

fn scalar(secret: &[u8]) -> u64 {
    let h = hash(&[secret], 11);
    (u64::from_be_bytes(h[..8].try_into().unwrap_or_default()) % (PRIME - 1)) | 1
}

fn element(public: &[u8]) -> Option<u64> {
    let e = u64::from_be_bytes(public.get(..8)?.try_into().ok()?);
    (e > 1 && e < PRIME).then_some(e)
}

fn spread(e: u64) -> [u8; 32] {
    let mut out = [0; 32];
    out[..8].copy_from_slice(&e.to_be_bytes());
    out
}

struct SimKem {
    secret: u64,
    public: [u8; KEM_KEY_LEN],
}

impl KemSecret for SimKem {
    fn encapsulation_key(&self) -> &[u8; KEM_KEY_LEN] {
        &self.public
    }

    fn decapsulate(&self, ciphertext: &[u8]) -> Option<[u8; 32]> {
        let e = element(ciphertext)?;
        Some(hash(&[&power(e, self.secret).to_be_bytes()], 13))
    }
}

struct SimAead {
    key: u64,
    witness: Arc<Witness>,
}

impl SimAead {
    fn stream(&self, nonce: &[u8; 12], buf: &mut [u8]) {
        let n = u64::from_be_bytes(nonce[4..].try_into().unwrap_or_default());
        let mut s = mix(self.key, n);
        for chunk in buf.chunks_mut(8) {
            s = s
                .wrapping_mul(0x5851_f42d_4c95_7f2d)
                .wrapping_add(0x1405_7b7e_f767_814f);
            let k = (s ^ (s >> 29)).to_be_bytes();
            for (b, k) in chunk.iter_mut().zip(k) {
                *b ^= k;
            }
        }
    }

    fn tag(&self, nonce: &[u8; 12], ad: &[u8], buf: &[u8]) -> [u8; 16] {
        let s = absorb([self.key, 1, 2, 3], nonce);
        let s = absorb(s, ad);
        let t = out32(absorb(s, buf));
        t[..16].try_into().unwrap_or_default()
    }
}

impl Aead for SimAead {
    fn seal_in_place(&self, nonce: &[u8; 12], ad: &[u8], buf: &mut [u8]) -> [u8; 16] {
        let n = u64::from_be_bytes(nonce[4..].try_into().unwrap_or_default());
        self.witness.record(self.key, n);
        self.stream(nonce, buf);
        self.tag(nonce, ad, buf)
    }

    fn open_in_place(&self, nonce: &[u8; 12], ad: &[u8], buf: &mut [u8], tag: &[u8; 16]) -> bool {
        let right = self.tag(nonce, ad, buf) == *tag;
        self.stream(nonce, buf);
        right
    }
}

struct SimX25519 {
    secret: u64,
    public: [u8; 32],
}

impl X25519Key for SimX25519 {
    fn public(&self) -> &[u8; 32] {
        &self.public
    }

    fn agree(&self, public: &[u8; 32]) -> Option<[u8; 32]> {
        let shared = power(element(public)?, self.secret);
        Some(hash(&[&shared.to_be_bytes()], 4))
    }
}

impl Crypto for SimCrypto {
    fn sha256(&self, parts: &[&[u8]]) -> [u8; 32] {
        hash(parts, 1)
    }

    fn hmac(&self, key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
        let k = hash(&[key], 2);
        let mut all: Vec<&[u8]> = Vec::with_capacity(parts.len() + 1);
        all.push(&k);
        all.extend_from_slice(parts);
        hash(&all, 3)
    }

    fn short_mac(&self, key: &[u8; 16], bytes: &[u8]) -> [u8; 8] {
        let [a, b, c, d, e, f, g, h, ..] = hash(&[key, bytes], 10);
        [a, b, c, d, e, f, g, h]
    }

    fn x25519_key(&self, secret: &[u8; 32]) -> Arc<dyn X25519Key> {
        let secret = scalar(secret);
        let public = spread(power(GENERATOR, secret));
        Arc::new(SimX25519 { secret, public })
    }

    fn ed25519_public(&self, seed: &[u8; 32]) -> [u8; 32] {
        hash(&[seed], 5)
    }

    fn ed25519_sign(&self, seed: &[u8; 32], message: &[u8]) -> [u8; 64] {
        signature(&self.ed25519_public(seed), message)
    }

    fn ed25519_verify(&self, public: &[u8; 32], message: &[u8], given: &[u8; 64]) -> bool {
        signature(public, message) == *given
    }

    fn kem_generate(&self, rng: &mut dyn Rng) -> Box<dyn KemSecret> {
        let mut seed = [0; 32];
        rng.fill(&mut seed);
        let secret = scalar(&seed);
        let mut public = [0; KEM_KEY_LEN];
        public[..8].copy_from_slice(&power(GENERATOR, secret).to_be_bytes());
        Box::new(SimKem { secret, public })
    }

    fn kem_encapsulate(&self, rng: &mut dyn Rng, key: &[u8]) -> Option<(Vec<u8>, [u8; 32])> {
        if key.len() != KEM_KEY_LEN {
            return None;
        }
        let theirs = element(key)?;
        let mut seed = [0; 32];
        rng.fill(&mut seed);
        let mine = scalar(&seed);
        let mut ciphertext = vec![0; KEM_CIPHERTEXT_LEN];
        ciphertext[..8].copy_from_slice(&power(GENERATOR, mine).to_be_bytes());
        self.witness.handshakes.fetch_add(1, Ordering::Relaxed);
        Some((ciphertext, hash(&[&power(theirs, mine).to_be_bytes()], 13)))
    }

    fn aead(&self, algorithm: AeadAlg, key: &[u8; 32]) -> Box<dyn Aead> {
        let key = hash(&[&[algorithm.to_byte()], key], 6);
        let key = u64::from_be_bytes(key[..8].try_into().unwrap_or_default());
        Box::new(SimAead {
            key,
            witness: Arc::clone(&self.witness),
        })
    }

    fn aes_is_fast(&self) -> bool {
        true
    }
}

fn signature(public: &[u8; 32], message: &[u8]) -> [u8; 64] {
    let a = hash(&[public, message], 7);
    let b = hash(&[&a, public], 8);
    let mut out = [0; 64];
    out[..32].copy_from_slice(&a);
    out[32..].copy_from_slice(&b);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use identity::crypto::HashRng;

    #[test]
    fn it_has_the_algebra_of_the_real_thing() {
        let c = SimCrypto::default();
        let (a, b) = ([1; 32], [2; 32]);
        let (pa, pb) = (c.x25519_public(&a), c.x25519_public(&b));
        assert_eq!(c.x25519(&a, &pb), c.x25519(&b, &pa));
        assert_ne!(c.x25519(&a, &pb), c.x25519(&a, &pa));
        let mut rng = HashRng::new([9; 32]);
        let kem = c.kem_generate(&mut rng);
        let (ct, ss) = c
            .kem_encapsulate(&mut rng, kem.encapsulation_key())
            .unwrap();
        assert_eq!(kem.decapsulate(&ct), Some(ss));
        let sig = c.ed25519_sign(&a, b"m");
        assert!(c.ed25519_verify(&c.ed25519_public(&a), b"m", &sig));
        assert!(!c.ed25519_verify(&c.ed25519_public(&a), b"n", &sig));
        assert_eq!(c.sha256(&[b"ab", b"c"]), c.sha256(&[b"a", b"bc"]));
    }

    #[test]
    fn a_flipped_bit_does_not_open_and_a_second_use_of_a_nonce_is_seen() {
        let c = SimCrypto::default();
        let aead = c.aead(AeadAlg::Aes256Gcm, &[3; 32]);
        let nonce = [7; 12];
        let mut buf = *b"attack at dawn, attack at dawn!!";
        let tag = aead.seal_in_place(&nonce, b"ad", &mut buf);
        for bit in 0..buf.len() * 8 {
            let mut bad = buf;
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(!aead.open_in_place(&nonce, b"ad", &mut bad, &tag));
        }
        assert!(aead.open_in_place(&nonce, b"ad", &mut buf, &tag));
        assert_eq!(&buf[..6], b"attack");
        assert_eq!(c.witness.reused(), 0);
        aead.seal_in_place(&nonce, b"ad", &mut buf);
        assert_eq!(c.witness.reused(), 1);
    }
}
