//! A human's password, kept by whoever checks it: Argon2id (RFC 9106) with OWASP's first
//! parameters, 19 MiB and 2 passes, so that a busy Bridge can check one at a time without
//! growing. Keys that open files are sealed more dearly, see [`crate::sealed`].

use argon2::{Algorithm, Argon2, Params, Version};

use crate::crypto::constant_time_eq;

/// Memory in KiB.
pub const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// The hash of a password with a salt; takes some 20 ms. `None` when there is no memory for it,
/// or the password is longer than Argon2 takes.
#[must_use]
pub fn hash(password: &str, salt: &[u8; 16]) -> Option<[u8; 32]> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(32)).ok()?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut hash = [0; 32];
    argon2
        .hash_password_into(password.as_bytes(), salt, &mut hash)
        .ok()?;
    Some(hash)
}

/// Whether a password is the one of this salt and hash.
#[must_use]
pub fn is_right(password: &str, salt: &[u8; 16], expected: &[u8; 32]) -> bool {
    hash(password, salt).is_some_and(|hash| constant_time_eq(&hash, expected))
}

/// Length of a [`Verifier`] in bytes.
pub const VERIFIER_LEN: usize = 60;
/// The dearest verifier that is read: 1 GiB, 64 passes, 16 lanes.
const DEAREST: (u32, u32, u32) = (1 << 20, 64, 16);

/// What a password is checked by: salt and hash, with the cost at which it was hashed, so that those that are
/// made later may cost more. It does not show itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Verifier {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: [u8; 16],
    hash: [u8; 32],
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Verifier")
    }
}

impl Verifier {
    /// That of a password, at today's cost; takes as long as checking one. `None`: as [`hash`].
    #[must_use]
    pub fn new(password: &str, salt: [u8; 16]) -> Option<Self> {
        Some(Self {
            hash: hash(password, &salt)?,
            salt,
            ..Self::nobodys()
        })
    }

    /// One that no password is known for: whoever asks for a user that is not there waits as long as for one
    /// that is.
    #[must_use]
    pub const fn nobodys() -> Self {
        Self {
            memory_kib: MEMORY_KIB,
            passes: PASSES,
            lanes: LANES,
            salt: [0; 16],
            hash: [0; 32],
        }
    }

    /// Whether a password is the one. It takes some 20 ms, and memory.
    #[must_use]
    pub fn is_right(&self, password: &str) -> bool {
        let Ok(params) = Params::new(self.memory_kib, self.passes, self.lanes, Some(32)) else {
            return false;
        };
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut hash = [0; 32];
        let hashed = argon2.hash_password_into(password.as_bytes(), &self.salt, &mut hash);
        hashed.is_ok() && constant_time_eq(&hash, &self.hash)
    }

    /// Its bytes: memory in KiB, passes, lanes (4 each, big-endian), salt, hash.
    #[must_use]
    pub fn encode(&self) -> [u8; VERIFIER_LEN] {
        let mut bytes = [0; VERIFIER_LEN];
        let cost = [self.memory_kib, self.passes, self.lanes].map(u32::to_be_bytes);
        let parts = cost.as_flattened().iter().chain(&self.salt);
        let all = parts.chain(&self.hash);
        bytes.iter_mut().zip(all).for_each(|(to, from)| *to = *from);
        bytes
    }

    /// Reads one; `None`: it is none, or dearer than anybody would make it.
    #[must_use]
    pub fn decode(bytes: &[u8; VERIFIER_LEN]) -> Option<Self> {
        let (memory_kib, rest) = bytes.split_first_chunk()?;
        let (passes, rest) = rest.split_first_chunk()?;
        let (lanes, rest) = rest.split_first_chunk()?;
        let (salt, hash) = rest.split_first_chunk()?;
        let cost = [memory_kib, passes, lanes].map(|it| u32::from_be_bytes(*it));
        let [memory_kib, passes, lanes] = cost;
        let fits = memory_kib <= DEAREST.0 && passes <= DEAREST.1 && lanes <= DEAREST.2;
        fits.then_some(Self {
            memory_kib,
            passes,
            lanes,
            salt: *salt,
            hash: hash.try_into().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verifier_comes_back_and_knows_its_password_alone() {
        let made = Verifier::new("open sesame", [7; 16]).unwrap();
        let read = Verifier::decode(&made.encode()).unwrap();
        assert!(read == made && read.is_right("open sesame"));
        assert!(!read.is_right("open barley") && !read.is_right(""));
        assert!(!Verifier::nobodys().is_right(""));
        assert_eq!(format!("{made:?}"), "Verifier");
        let mut dear = made.encode();
        dear[0] = 0xff;
        assert!(Verifier::decode(&dear).is_none());
        let mut dearer = made.encode();
        dearer[2..4].copy_from_slice(&(MEMORY_KIB as u16 + 8).to_be_bytes());
        let other = Verifier::decode(&dearer).unwrap();
        assert!(!other.is_right("open sesame"), "the cost counts");
    }

    #[test]
    fn a_password_is_right_for_its_salt_and_hash_only() {
        let kept = hash("open sesame", &[7; 16]).unwrap();
        assert!(is_right("open sesame", &[7; 16], &kept));
        assert!(!is_right("open barley", &[7; 16], &kept));
        assert!(!is_right("open sesame", &[8; 16], &kept));
        assert!(!is_right("", &[7; 16], &kept));
    }
}
