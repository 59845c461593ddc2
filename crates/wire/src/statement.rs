//! Sizes of the signed statements, and lists of rotation entries as raw bytes.
//!
//! What a statement says and whether its signature holds is `identity`'s; this crate only
//! knows how long each is, to find where the next begins.

use crate::codec::{Malformed, Reader};

/// Length of an inception record without a recovery key, in bytes.
pub const INCEPTION_LEN: usize = 74;
/// Length of an inception record with a recovery key, in bytes.
pub const INCEPTION_RECOVERY_LEN: usize = 106;
/// Length of a rotation entry in bytes.
pub const ROTATION_LEN: usize = 133;
/// Length of a node certificate in bytes.
pub const CERTIFICATE_LEN: usize = 161;
/// Largest number of entries in the log of one node.
pub const ROTATIONS_MAX: usize = 64;
/// Largest number of entries that a handshake or a beacon carries (the last ones).
pub const ROTATIONS_HANDSHAKE_MAX: usize = 2;

/// Whole rotation entries, oldest first, not verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Rotations<'a> {
    bytes: &'a [u8],
}

impl<'a> Rotations<'a> {
    /// No entries.
    pub const NONE: Rotations<'static> = Rotations { bytes: &[] };

    /// Entries one after the other. Errors: not whole entries, or more than `len_max`.
    pub fn parse(bytes: &'a [u8], len_max: usize) -> Result<Rotations<'a>, Malformed> {
        let whole = bytes.len().is_multiple_of(ROTATION_LEN);
        if whole && bytes.len() / ROTATION_LEN <= len_max {
            Ok(Rotations { bytes })
        } else {
            Err(Malformed {
                what: "rotation entries",
            })
        }
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.bytes.len() / ROTATION_LEN
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The entries, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8; ROTATION_LEN]> + use<'a> {
        self.bytes.as_chunks::<ROTATION_LEN>().0.iter()
    }

    /// All entries as bytes.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }
}

/// Checks the length of an inception record. Errors: it is neither of the two.
pub(crate) fn inception(bytes: &[u8]) -> Result<&[u8], Malformed> {
    match bytes.len() {
        INCEPTION_LEN | INCEPTION_RECOVERY_LEN => Ok(bytes),
        _ => Err(Malformed {
            what: "inception record length",
        }),
    }
}

/// Reads length (1) ‖ inception record.
pub(crate) fn read_inception<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Malformed> {
    let len = reader.u8()?;
    inception(reader.take(usize::from(len))?)
}

/// Reads count (1) ‖ entries, at most [`ROTATIONS_MAX`].
pub(crate) fn read_rotations<'a>(reader: &mut Reader<'a>) -> Result<Rotations<'a>, Malformed> {
    let count = usize::from(reader.u8()?);
    if count > ROTATIONS_MAX {
        return Err(Malformed {
            what: "rotation entries",
        });
    }
    Rotations::parse(reader.take(count * ROTATION_LEN)?, ROTATIONS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_whole_and_bounded() {
        let bytes = [7; ROTATION_LEN * 3];
        assert!(Rotations::parse(&bytes, 2).is_err());
        assert!(Rotations::parse(&bytes[1..], 3).is_err());
        let list = Rotations::parse(&bytes, 3).unwrap();
        assert_eq!((list.len(), list.iter().count()), (3, 3));
        assert!(Rotations::parse(&[], 0).unwrap().is_empty());
        let full = [0; ROTATION_LEN * (ROTATIONS_MAX + 1)];
        assert!(Rotations::parse(&full, ROTATIONS_MAX).is_err());
        assert!(Rotations::parse(&full[ROTATION_LEN..], ROTATIONS_MAX).is_ok());
    }

    #[test]
    fn a_count_beyond_the_maximum_is_refused_before_it_is_read() {
        let mut bytes = vec![65];
        bytes.resize(1 + 65 * ROTATION_LEN, 0);
        assert!(read_rotations(&mut Reader::new(&bytes, "x")).is_err());
        assert!(inception(&[0; 75]).is_err());
    }
}
