//! Random bytes from one seed: SHA-256 in counter mode, ratcheted.
//!
//! Each call computes blocks `SHA("kumihimo rng output v1" ‖ state ‖ block number)` and then
//! replaces the state by `SHA("kumihimo rng next v1" ‖ state)`. Who later reads the state
//! cannot compute bytes given out before. The seed must have 256 bits of entropy; this
//! module neither gathers any nor adds some later.

use aws_lc_rs::digest;
use zeroize::Zeroize;

use super::Rng;

/// A generator that repeats its output from the same seed. Not `Clone`: a copy would give
/// out the same bytes twice.
pub struct HashRng {
    state: [u8; 32],
}

impl HashRng {
    /// Starts from `seed`, which the caller then forgets.
    pub fn new(mut seed: [u8; 32]) -> Self {
        let state = hash(b"kumihimo rng seed v1", &seed, 0);
        seed.zeroize();
        Self { state }
    }
}

impl Rng for HashRng {
    fn fill(&mut self, out: &mut [u8]) {
        for (block, number) in out.chunks_mut(32).zip(0u64..) {
            let mut bytes = hash(b"kumihimo rng output v1", &self.state, number);
            for (to, from) in block.iter_mut().zip(bytes) {
                *to = from;
            }
            bytes.zeroize();
        }
        self.state = hash(b"kumihimo rng next v1", &self.state, 0);
    }
}

impl Drop for HashRng {
    fn drop(&mut self) {
        self.state.zeroize();
    }
}

impl core::fmt::Debug for HashRng {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("HashRng")
    }
}

fn hash(label: &[u8], state: &[u8; 32], number: u64) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(label);
    context.update(state);
    context.update(&number.to_be_bytes());
    super::aws_lc::digest_bytes(&context.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_same_bytes_and_another_seed_others() {
        let draw = |seed: u8| {
            let mut rng = HashRng::new([seed; 32]);
            let mut out = [0; 100];
            rng.fill(&mut out);
            out
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn bytes_are_those_of_the_definition() {
        let mut rng = HashRng::new([7; 32]);
        let first: [u8; 32] = super::super::random(&mut rng);
        let second: [u8; 32] = super::super::random(&mut rng);
        assert_eq!(first[..4], [0xd9, 0x1a, 0x77, 0x1b]);
        assert_eq!(second[..4], [0x55, 0x9e, 0x9d, 0x86]);
    }

    #[test]
    fn no_call_repeats_earlier_bytes() {
        let mut rng = HashRng::new([7; 32]);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..1000 {
            let mut out = [0; 64];
            rng.fill(&mut out);
            let (a, b) = out.split_at(32);
            assert!(seen.insert(a.to_vec()) && seen.insert(b.to_vec()));
        }
    }

    #[test]
    fn an_empty_request_still_ratchets() {
        let mut one = HashRng::new([7; 32]);
        let mut two = HashRng::new([7; 32]);
        one.fill(&mut []);
        assert_ne!(
            super::super::random::<32>(&mut one),
            super::super::random::<32>(&mut two)
        );
    }
}
