//! Application packets of the simulated world: IPv6, UDP, a number and a canary.
//!
//! The canary (32 bytes) is what invariant I1 looks for in every datagram on the wire.

use wire::NodeAddr;

/// What no eavesdropper may ever see.
pub const CANARY: &[u8; 32] = b"kumihimo-canary-must-stay-inside";
const HEADERS: usize = 48;
/// Smallest packet that [`build`] makes.
pub const LEN_MIN: usize = HEADERS + 8 + CANARY.len();

/// A packet of `len` bytes (at least [`LEN_MIN`]) with number `id`.
pub fn build(id: u64, from: NodeAddr, to: NodeAddr, len: usize) -> Vec<u8> {
    let len = len.max(LEN_MIN);
    let mut p = vec![0u8; len];
    p[0] = 0x60;
    p[4..6].copy_from_slice(&((len - 40) as u16).to_be_bytes());
    p[6] = 17;
    p[7] = 64;
    p[8..24].copy_from_slice(&from.0);
    p[24..40].copy_from_slice(&to.0);
    p[40..42].copy_from_slice(&4000u16.to_be_bytes());
    p[42..44].copy_from_slice(&5000u16.to_be_bytes());
    p[44..46].copy_from_slice(&((len - 40) as u16).to_be_bytes());
    p[48..56].copy_from_slice(&id.to_be_bytes());
    let mut at = 56;
    while at + CANARY.len() <= len {
        p[at..at + CANARY.len()].copy_from_slice(CANARY);
        at += CANARY.len();
    }
    p
}

/// The number and the source of a packet that [`build`] made; `None` for anything else.
pub fn read(p: &[u8]) -> Option<(u64, NodeAddr)> {
    if p.len() < LEN_MIN || p[6] != 17 || &p[56..88] != CANARY {
        return None;
    }
    let from: [u8; 16] = p[8..24].try_into().ok()?;
    Some((
        u64::from_be_bytes(p[48..56].try_into().ok()?),
        NodeAddr(from),
    ))
}

/// Whether the canary is anywhere in `bytes`.
pub fn has_canary(bytes: &[u8]) -> bool {
    bytes.windows(CANARY.len()).any(|w| w == CANARY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_can_be_read_and_has_the_canary() {
        let p = build(77, NodeAddr([1; 16]), NodeAddr([2; 16]), 1300);
        assert_eq!((p.len(), read(&p)), (1300, Some((77, NodeAddr([1; 16])))));
        assert!(has_canary(&p) && !has_canary(&p[..80]));
    }
}
