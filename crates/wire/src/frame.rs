//! Datagrams on a stream carrier (TCP and what runs over it): length (2) ‖ datagram, again
//! and again.
//!
//! [`Frames`] finds the datagrams again however the bytes were cut on their way. A length of
//! 0 or above [`FRAME_LEN_MAX`] has no meaning, and nothing after it can be found: the stream
//! is to be closed. That is known as soon as the two bytes are there.
//!
//! Not to be confused with [`crate::stream`], the control stream inside a session.

use crate::codec::{Malformed, Unencodable};

/// Length of the length before each datagram, in bytes.
pub const FRAME_HEADER_LEN: usize = 2;
/// Largest datagram on a stream, in bytes: an IP packet of 9,000 bytes with everything that
/// goes around it, and some room. Longer packets go in pieces.
pub const FRAME_LEN_MAX: usize = 9_216;

/// One stream (one TCP connection) of this node. A number is not used twice while the node
/// runs, so nothing of an old stream is taken for a new one's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(u64);

impl StreamId {
    /// The stream with this number.
    pub const fn new(number: u64) -> StreamId {
        StreamId(number)
    }

    /// Its number.
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// What precedes a datagram of `len` bytes. Errors: 0, or more than [`FRAME_LEN_MAX`].
pub fn header(len: usize) -> Result<[u8; FRAME_HEADER_LEN], Unencodable> {
    match u16::try_from(len) {
        Ok(short) if is_valid(len) => Ok(short.to_be_bytes()),
        _ => Err(Unencodable {
            what: "datagram on a stream",
        }),
    }
}

const fn is_valid(len: usize) -> bool {
    len > 0 && len <= FRAME_LEN_MAX
}

/// How many bytes the first frame of `bytes` has, as far as they tell: the two of its length,
/// then all.
fn first_len(bytes: &[u8]) -> Result<usize, Malformed> {
    let Some((header, _)) = bytes.split_first_chunk() else {
        return Ok(FRAME_HEADER_LEN);
    };
    let len = usize::from(u16::from_be_bytes(*header));
    if is_valid(len) {
        Ok(FRAME_HEADER_LEN + len)
    } else {
        Err(Malformed {
            what: "length of a datagram on a stream",
        })
    }
}

/// Finds the datagrams in the bytes of one stream. Between calls it holds the frame that is
/// not whole yet (less than [`FRAME_HEADER_LEN`] + [`FRAME_LEN_MAX`] bytes) and nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frames {
    partial: Vec<u8>,
}

impl Frames {
    /// Takes the next bytes of the stream and gives each datagram that is whole with them to
    /// `each`, in order. Those that lie in `bytes` whole are given where they are.
    ///
    /// Errors: a length that no datagram has. Every further call is then an error too.
    pub fn decode(
        &mut self,
        bytes: &mut [u8],
        each: &mut dyn FnMut(&mut [u8]),
    ) -> Result<(), Malformed> {
        let mut rest = self.complete(bytes, each)?;
        loop {
            let len = match first_len(rest) {
                Ok(len) if rest.len() >= len => len,
                short_or_wrong => {
                    // At most one frame, for what is whole was taken; of a wrong one its length.
                    let kept = match short_or_wrong {
                        Ok(_) => rest.len(),
                        Err(_) => FRAME_HEADER_LEN,
                    };
                    self.partial
                        .extend_from_slice(rest.get(..kept).unwrap_or_default());
                    return short_or_wrong.map(|_| ());
                }
            };
            let (frame, after) = rest.split_at_mut(len);
            if let Some(datagram) = frame.get_mut(FRAME_HEADER_LEN..) {
                each(datagram);
            }
            rest = after;
        }
    }

    /// Completes the frame that was begun, as far as `bytes` do; what is left of them.
    fn complete<'a>(
        &mut self,
        bytes: &'a mut [u8],
        each: &mut dyn FnMut(&mut [u8]),
    ) -> Result<&'a mut [u8], Malformed> {
        let mut rest = bytes;
        while !self.partial.is_empty() {
            let missing = first_len(&self.partial)?.saturating_sub(self.partial.len());
            if missing == 0 {
                // The memory goes with it: an idle stream holds none.
                let mut frame = std::mem::take(&mut self.partial);
                if let Some(datagram) = frame.get_mut(FRAME_HEADER_LEN..) {
                    each(datagram);
                }
                break;
            }
            if rest.is_empty() {
                break;
            }
            let (taken, after) = rest.split_at_mut(missing.min(rest.len()));
            self.partial.extend_from_slice(taken);
            rest = after;
        }
        Ok(rest)
    }

    /// How many bytes of a frame that is not whole yet are held.
    pub fn held_len(&self) -> usize {
        self.partial.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What comes out of `bytes` cut into parts of these lengths, the last taken for all others.
    fn decoded(bytes: &[u8], cuts: &[usize]) -> (Vec<Vec<u8>>, bool, Frames) {
        let (mut frames, mut found, mut rest) = (Frames::default(), Vec::new(), bytes);
        let mut cuts = cuts.iter().copied();
        let mut len = 1;
        while !rest.is_empty() {
            len = cuts.next().unwrap_or(len).clamp(1, rest.len());
            let (part, after) = rest.split_at(len);
            let mut each = |datagram: &mut [u8]| found.push(datagram.to_vec());
            if frames.decode(&mut part.to_vec(), &mut each).is_err() {
                return (found, false, frames);
            }
            assert!(frames.held_len() < FRAME_HEADER_LEN + FRAME_LEN_MAX);
            rest = after;
        }
        (found, true, frames)
    }

    fn framed(datagrams: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for datagram in datagrams {
            bytes.extend(header(datagram.len()).unwrap());
            bytes.extend(datagram);
        }
        bytes
    }

    #[test]
    fn a_length_is_two_bytes_with_bounds() {
        assert_eq!(header(1), Ok([0, 1]));
        assert_eq!(header(FRAME_LEN_MAX), Ok([0x24, 0]));
        for len in [0, FRAME_LEN_MAX + 1, 65_536, 65_537] {
            assert!(header(len).is_err(), "{len}");
        }
    }

    #[test]
    fn the_largest_comes_byte_by_byte_and_leaves_nothing_behind() {
        let datagrams = [vec![7; FRAME_LEN_MAX], vec![8]];
        let (found, right, frames) = decoded(&framed(&datagrams), &[1]);
        assert!(right && found == datagrams);
        assert_eq!((frames.held_len(), frames.partial.capacity()), (0, 0));
    }

    #[test]
    fn a_wrong_length_is_known_at_its_second_byte_and_for_ever() {
        for wrong in [[0, 0], [0x24, 1], [0xFF, 0xFF]] {
            let bytes = [&framed(&[vec![1, 2, 3]])[..], &wrong, &[0, 1, 9]].concat();
            for cut in 1..bytes.len() {
                let (found, right, mut frames) = decoded(&bytes, &[cut]);
                assert!(!right && found == [vec![1, 2, 3]], "{cut}");
                let mut none = |_: &mut [u8]| panic!("nothing comes after it");
                assert!(frames.decode(&mut [0, 1, 9], &mut none).is_err());
            }
            let mut frames = Frames::default();
            assert!(frames.decode(&mut wrong.to_vec(), &mut |_| ()).is_err());
        }
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same_datagrams(
            datagrams in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..300), 0..12),
            cuts in prop::collection::vec(1usize..400, 1..40),
        ) {
            let (found, right, frames) = decoded(&framed(&datagrams), &cuts);
            prop_assert!(right && frames.held_len() == 0);
            prop_assert_eq!(found, datagrams);
        }

        #[test]
        fn any_bytes_are_read_the_same_whole_and_cut(
            bytes in prop::collection::vec(prop_oneof![Just(0u8), 0u8..8, any::<u8>()], 1..600),
            cuts in prop::collection::vec(1usize..60, 1..40),
        ) {
            prop_assert_eq!(decoded(&bytes, &cuts), decoded(&bytes, &[bytes.len()]));
        }
    }
}
