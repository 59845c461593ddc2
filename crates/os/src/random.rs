//! Random numbers from the kernel.
//!
//! Machines below the shells get a seed from here once and stretch it themselves.

use rustix::rand::{GetRandomFlags, getrandom};
use std::io;

/// Fills `out` with random bytes.
///
/// # Errors
/// The kernel has no random numbers to give (it never says so once it has booted).
pub fn fill(out: &mut [u8]) -> io::Result<()> {
    let mut filled = 0;
    while let Some(rest) = out.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match getrandom(rest, GetRandomFlags::empty()) {
            Ok(count) => filled += count,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// A fresh 32-byte seed.
///
/// # Errors
/// As [`fill`].
pub fn seed() -> io::Result<[u8; 32]> {
    let mut seed = [0; 32];
    fill(&mut seed)?;
    Ok(seed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_and_short_requests_are_filled() {
        let mut long = vec![0u8; 100_000];
        fill(&mut long).unwrap();
        assert!(
            long.chunks(64)
                .all(|chunk| chunk.iter().any(|byte| *byte != 0))
        );
        assert_ne!(seed().unwrap(), seed().unwrap());
        fill(&mut []).unwrap();
    }
}
