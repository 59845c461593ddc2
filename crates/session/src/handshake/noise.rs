//! The symmetric state of Noise (revision 34, section 5.2) with SHA-256 and
//! ChaCha20-Poly1305.
//!
//! It mixes what it is given; which keys, in which order, is for the initiator and the
//! responder. [`Symmetric::open`] advances only after authentication, and callers work on a
//! copy, so a message that fails leaves no trace.

use identity::crypto::{AeadAlg, Crypto};
use wire::NodeAddr;
use wire::datagram::TAG_LEN;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The protocol name that the transcript starts with.
pub(crate) const PROTOCOL_NAME: &[u8] = b"Noise_IKpsk2+hfs_25519+MLKEM768_ChaChaPoly_SHA256";
const PROLOGUE: &[u8] = b"kumihimo session v1";

/// `ck`, `h`, `k` and `n`.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(crate) struct Symmetric {
    ck: [u8; 32],
    h: [u8; 32],
    k: [u8; 32],
    n: u64,
}

impl Symmetric {
    /// After the prologue and the pre-message `<- s`.
    pub(crate) fn start(crypto: &dyn Crypto, responder: NodeAddr, rs: &[u8; 32]) -> Self {
        let h = crypto.sha256(&[PROTOCOL_NAME]);
        let mut state = Self {
            ck: h,
            h,
            k: [0; 32],
            n: 0,
        };
        state.mix_hash(crypto, &[PROLOGUE, responder.as_bytes()]);
        state.mix_hash(crypto, &[rs]);
        state
    }

    pub(crate) fn mix_hash(&mut self, crypto: &dyn Crypto, parts: &[&[u8]]) {
        let mut all: Vec<&[u8]> = Vec::with_capacity(parts.len() + 1);
        let h = self.h;
        all.push(&h);
        all.extend_from_slice(parts);
        self.h = crypto.sha256(&all);
    }

    pub(crate) fn mix_key(&mut self, crypto: &dyn Crypto, input: &[u8]) {
        let mut temp = crypto.hmac(&self.ck, &[input]);
        self.ck = crypto.hmac(&temp, &[&[1]]);
        self.k = crypto.hmac(&temp, &[&self.ck, &[2]]);
        self.n = 0;
        temp.zeroize();
    }

    pub(crate) fn mix_key_and_hash(&mut self, crypto: &dyn Crypto, input: &[u8]) {
        let mut temp = crypto.hmac(&self.ck, &[input]);
        self.ck = crypto.hmac(&temp, &[&[1]]);
        let mut second = crypto.hmac(&temp, &[&self.ck, &[2]]);
        self.k = crypto.hmac(&temp, &[&second, &[3]]);
        self.n = 0;
        self.mix_hash(crypto, &[&second]);
        temp.zeroize();
        second.zeroize();
    }

    /// The token `e`: hashed, and because of the psk modifier also mixed into the key.
    pub(crate) fn mix_ephemeral(&mut self, crypto: &dyn Crypto, e: &[u8; 32]) {
        self.mix_hash(crypto, &[e]);
        self.mix_key(crypto, e);
    }

    /// Encrypts and hashes; appends ciphertext and tag to `out`.
    pub(crate) fn seal(&mut self, crypto: &dyn Crypto, plaintext: &[u8], out: &mut Vec<u8>) {
        let mut sealed = plaintext.to_vec();
        let aead = crypto.aead(AeadAlg::ChaCha20Poly1305, &self.k);
        let tag = aead.seal_in_place(&nonce(self.n), &self.h, &mut sealed);
        self.mix_hash(crypto, &[&sealed, &tag]);
        self.n += 1;
        out.extend_from_slice(&sealed);
        out.extend_from_slice(&tag);
    }

    /// Decrypts and hashes; `None` (and nothing changes) if the tag is wrong.
    pub(crate) fn open(&mut self, crypto: &dyn Crypto, sealed: &[u8]) -> Option<Vec<u8>> {
        let (ciphertext, tag) = sealed.split_last_chunk::<TAG_LEN>()?;
        let mut plaintext = ciphertext.to_vec();
        let aead = crypto.aead(AeadAlg::ChaCha20Poly1305, &self.k);
        if !aead.open_in_place(&nonce(self.n), &self.h, &mut plaintext, tag) {
            return None;
        }
        self.mix_hash(crypto, &[sealed]);
        self.n += 1;
        Some(plaintext)
    }

    /// The transport keys: the initiator's sending key, then the responder's.
    pub(crate) fn transport_keys(&self, crypto: &dyn Crypto, aead: AeadAlg) -> [u8; 64] {
        let info: [&[u8]; 2] = [b"kumihimo transport v1", &[aead.to_byte()]];
        crypto.hkdf(&self.ck, &self.h, &info)
    }

    /// The channel binding.
    pub(crate) fn binding(&self, crypto: &dyn Crypto) -> [u8; 32] {
        crypto.hkdf(&self.ck, &self.h, &[b"kumihimo binding v1"])
    }
}

/// 4 zero bytes, then the counter, little-endian (Noise, section 12.3).
fn nonce(n: u64) -> [u8; 12] {
    let mut nonce = [0; 12];
    for (to, from) in nonce.iter_mut().skip(4).zip(n.to_le_bytes()) {
        *to = from;
    }
    nonce
}

#[cfg(test)]
mod tests {
    use super::*;
    use identity::crypto::AwsLc;

    /// Noise's HKDF with RFC 5869's, which [`Crypto`] provides on its own: the two agree
    /// with an empty info (Noise, section 4.3).
    fn rfc_5869<const N: usize>(ck: &[u8; 32], input: &[u8]) -> [u8; N] {
        let crypto: &dyn Crypto = &AwsLc;
        crypto.hkdf(ck, input, &[])
    }

    fn state() -> Symmetric {
        Symmetric::start(&AwsLc, NodeAddr([0xfc; 16]), &[7; 32])
    }

    #[test]
    fn starts_as_the_specification_says() {
        let name = AwsLc.sha256(&[PROTOCOL_NAME]);
        assert!(PROTOCOL_NAME.len() > 32);
        let with_prologue = AwsLc.sha256(&[&name, b"kumihimo session v1", &[0xfc; 16]]);
        assert_eq!(state().h, AwsLc.sha256(&[&with_prologue, &[7; 32]]));
        assert_eq!(state().ck, name);
    }

    #[test]
    fn mixing_is_hkdf() {
        let mut noise = state();
        let (ck, h) = (noise.ck, noise.h);
        noise.mix_key(&AwsLc, b"input");
        let expected: [u8; 64] = rfc_5869(&ck, b"input");
        assert_eq!([noise.ck, noise.k].concat(), expected);
        assert_eq!(noise.h, h);

        let ck = noise.ck;
        noise.mix_key_and_hash(&AwsLc, b"psk");
        let expected: [u8; 96] = rfc_5869(&ck, b"psk");
        assert_eq!(noise.ck, expected[..32]);
        assert_eq!(noise.h, AwsLc.sha256(&[&h, &expected[32..64]]));
        assert_eq!(noise.k, expected[64..]);
    }

    #[test]
    fn what_one_seals_the_other_opens_and_a_forgery_leaves_no_trace() {
        let (mut a, mut b) = (state(), state());
        for side in [&mut a, &mut b] {
            side.mix_ephemeral(&AwsLc, &[9; 32]);
        }
        for text in [b"one".as_slice(), b"", b"three"] {
            let mut sealed = Vec::new();
            a.seal(&AwsLc, text, &mut sealed);
            let before = (b.h, b.ck, b.k, b.n);
            let mut forged = sealed.clone();
            forged[0] ^= 1;
            assert_eq!(b.open(&AwsLc, &forged), None);
            assert_eq!(b.open(&AwsLc, &sealed[1..]), None);
            assert_eq!((b.h, b.ck, b.k, b.n), before);
            assert_eq!(b.open(&AwsLc, &sealed).unwrap(), text);
            assert_eq!((a.h, a.n), (b.h, b.n));
        }
    }

    #[test]
    fn the_nonce_is_little_endian_and_the_ad_is_h() {
        let mut noise = state();
        noise.mix_key(&AwsLc, b"input");
        noise.n = 0x0102;
        let (h, k) = (noise.h, noise.k);
        let mut sealed = Vec::new();
        noise.seal(&AwsLc, b"text", &mut sealed);
        let mut expected = b"text".to_vec();
        let tag = AwsLc.aead(AeadAlg::ChaCha20Poly1305, &k).seal_in_place(
            &[0, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0],
            &h,
            &mut expected,
        );
        expected.extend_from_slice(&tag);
        assert_eq!(sealed, expected);
        assert_eq!(noise.h, AwsLc.sha256(&[&h, &sealed]));
    }

    #[test]
    fn keys_differ_by_direction_algorithm_and_use() {
        let noise = state();
        let aes = noise.transport_keys(&AwsLc, AeadAlg::Aes256Gcm);
        let chacha = noise.transport_keys(&AwsLc, AeadAlg::ChaCha20Poly1305);
        let binding = noise.binding(&AwsLc);
        let all = [
            &aes[..32],
            &aes[32..],
            &chacha[..32],
            &chacha[32..],
            &binding,
        ];
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }
}
