//! Signatures of several, by ascending index of who signed.

use identity::crypto::Crypto;
use wire::{Malformed, Reader};

use super::genesis::{ADMINS_MAX, Genesis, Policy};
use super::verify;

/// Adds a signature in its place.
pub(super) fn add(signatures: &mut Vec<(u8, [u8; 64])>, index: u8, signature: [u8; 64]) {
    signatures.retain(|(other, _)| *other != index);
    signatures.push((index, signature));
    signatures.sort_unstable_by_key(|(index, _)| *index);
}

/// Whether an admin of a locked group, by its place there, signed this elsewhere.
pub(super) fn is_admins(
    crypto: &dyn Crypto,
    genesis: &Genesis,
    (name, unsigned): (&str, &[u8]),
    (index, signature): (u8, &[u8; 64]),
) -> bool {
    let key = genesis.policy.admin(index);
    key.is_some_and(|key| verify(crypto, key, name, unsigned, signature))
}

/// Signatures after their number.
pub(super) fn read_signatures(
    reader: &mut Reader<'_>,
    count: u8,
) -> Result<Vec<(u8, [u8; 64])>, Malformed> {
    let count = usize::from(count);
    if count > ADMINS_MAX {
        return Err(reader.malformed());
    }
    let mut signatures: Vec<(u8, [u8; 64])> = Vec::with_capacity(count);
    for _ in 0..count {
        let (index, signature) = (reader.u8()?, *reader.array()?);
        if signatures.last().is_some_and(|(last, _)| *last >= index) {
            return Err(reader.malformed());
        }
        signatures.push((index, signature));
    }
    Ok(signatures)
}

/// Signatures behind their number.
pub(super) fn write_signatures(bytes: &mut Vec<u8>, signatures: &[(u8, [u8; 64])]) {
    bytes.push(u8::try_from(signatures.len()).unwrap_or(u8::MAX));
    for (index, signature) in signatures {
        bytes.push(*index);
        bytes.extend_from_slice(signature);
    }
}

/// Whether these are signatures of k or more different admins, and of nobody else. A wrong one among
/// right ones spoils it: nobody adds bytes on the way.
pub(super) fn k_signed(
    crypto: &dyn Crypto,
    genesis: &Genesis,
    (name, unsigned): (&str, &[u8]),
    signatures: &[(u8, [u8; 64])],
) -> bool {
    let Policy::Locked { threshold, admins } = &genesis.policy else {
        return false;
    };
    // Counted first: it costs nothing.
    signatures.len() >= usize::from(*threshold)
        && signatures.iter().all(|(index, signature)| {
            let admin = admins.get(usize::from(*index));
            admin.is_some_and(|key| verify(crypto, key, name, unsigned, signature))
        })
}
