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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_right_for_its_salt_and_hash_only() {
        let kept = hash("open sesame", &[7; 16]).unwrap();
        assert!(is_right("open sesame", &[7; 16], &kept));
        assert!(!is_right("open barley", &[7; 16], &kept));
        assert!(!is_right("open sesame", &[8; 16], &kept));
        assert!(!is_right("", &[7; 16], &kept));
    }
}
