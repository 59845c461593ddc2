//! Packets in pieces: what does not fit the path is cut here and put together again
//! (specification, section 4). IP packets are not fragmented in any other way.
//!
//! Limits: 16 unfinished packets and 256 KiB for a session, 1 s each; the oldest gives way.
//! Each piece counts 64 bytes more than it carries, because a peer may send single bytes.
//! Pieces of one id do not overlap; one that does voids its id for the rest of its second.

use crate::constants::{PIECES_BYTES_MAX, PIECES_LIFE, PIECES_UNFINISHED_MAX};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use wire::ip::Ecn;

/// What stands before the bytes of a piece: kind, inner kind, flags, id, offset.
pub const PIECE_HEADER_LEN: usize = 7;
/// The longest packet that pieces carry: offsets have two bytes.
pub const PIECED_PACKET_MAX: usize = 65_535;
const KIND_PIECE: u8 = 3;
const FLAG_LAST: u8 = 1;
/// What a piece that waits costs besides its bytes.
const PIECE_COST: usize = 64;

/// One piece as it arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// The kind of the whole packet: 1 (IP) or 2 (Ethernet).
    pub inner_kind: u8,
    /// Whether the packet ends with this piece.
    pub last: bool,
    /// Which packet it belongs to.
    pub id: u16,
    /// Where its bytes stand in the packet.
    pub offset: u16,
    /// At least one byte.
    pub bytes: &'a [u8],
    /// The ECN field of the outer header that it came in.
    pub ecn: Ecn,
}

/// A packet whose pieces have all come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole {
    /// Its kind: 1 (IP) or 2 (Ethernet).
    pub kind: u8,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The ECN field of its pieces: CE if one was marked, else what all of them had.
    pub ecn: Ecn,
}

/// Cuts `packet` into plaintexts (kind and header included) of at most `plaintext_max` bytes.
/// `None` if the packet is empty or longer than 65,535 bytes, or `plaintext_max` leaves no
/// room for a byte.
#[must_use]
pub fn cut(inner_kind: u8, packet: &[u8], id: u16, plaintext_max: usize) -> Option<Vec<Vec<u8>>> {
    let body_max = plaintext_max.checked_sub(PIECE_HEADER_LEN)?;
    if body_max == 0 || packet.is_empty() || packet.len() > PIECED_PACKET_MAX {
        return None;
    }
    let count = packet.len().div_ceil(body_max);
    let mut plaintexts = Vec::with_capacity(count);
    for (number, body) in packet.chunks(body_max).enumerate() {
        let offset = u16::try_from(number * body_max).ok()?;
        let flags = if number + 1 == count { FLAG_LAST } else { 0 };
        let mut plaintext = Vec::with_capacity(PIECE_HEADER_LEN + body.len());
        plaintext.extend_from_slice(&[KIND_PIECE, inner_kind, flags]);
        plaintext.extend_from_slice(&id.to_be_bytes());
        plaintext.extend_from_slice(&offset.to_be_bytes());
        plaintext.extend_from_slice(body);
        plaintexts.push(plaintext);
    }
    Some(plaintexts)
}

/// The unfinished packets of one session.
#[derive(Debug, Default)]
pub struct Reassembly {
    /// Oldest first.
    unfinished: VecDeque<Unfinished>,
    bytes: usize,
    pieces: usize,
}

#[derive(Debug)]
struct Unfinished {
    inner_kind: u8,
    id: u16,
    expires: Duration,
    /// Bytes by offset; they do not overlap.
    parts: BTreeMap<u16, Vec<u8>>,
    bytes: usize,
    ecn: Ecn,
    /// The length of the packet, once its last piece came.
    total: Option<usize>,
    /// Two of its pieces overlapped: nothing more is taken for it.
    void: bool,
}

impl Reassembly {
    /// Nothing unfinished.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a piece; the whole packet, when this was what it lacked.
    pub fn insert(&mut self, now: Duration, piece: Piece<'_>) -> Option<Whole> {
        self.expire(now);
        let end = usize::from(piece.offset) + piece.bytes.len();
        if piece.bytes.is_empty() || end > PIECED_PACKET_MAX {
            return None;
        }
        let position = self.position_or_new(now, &piece)?;
        let entry = self.unfinished.get_mut(position)?;
        if entry.void {
            return None;
        }
        if !entry.fits(&piece, end) {
            self.bytes -= entry.bytes;
            self.pieces -= entry.parts.len();
            entry.make_void();
            return None;
        }
        entry.bytes += piece.bytes.len();
        self.bytes += piece.bytes.len();
        self.pieces += 1;
        entry.parts.insert(piece.offset, piece.bytes.to_vec());
        entry.ecn = joined(entry.ecn, piece.ecn);
        if piece.last {
            entry.total = Some(end);
        }
        if entry.total == Some(entry.bytes) {
            let whole = self.unfinished.remove(position)?;
            self.bytes -= whole.bytes;
            self.pieces -= whole.parts.len();
            return Some(Whole {
                kind: whole.inner_kind,
                bytes: whole.parts.into_values().flatten().collect(),
                ecn: whole.ecn,
            });
        }
        self.shrink();
        None
    }

    /// Forgets what is older than a second.
    pub fn expire(&mut self, now: Duration) {
        while self.unfinished.front().is_some_and(|u| u.expires <= now) {
            self.drop_oldest();
        }
    }

    /// Unfinished packets held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.unfinished.len()
    }

    /// Whether nothing is unfinished.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.unfinished.is_empty()
    }

    /// Bytes of unfinished packets held.
    #[must_use]
    pub fn bytes_len(&self) -> usize {
        self.bytes
    }

    fn position_or_new(&mut self, now: Duration, piece: &Piece<'_>) -> Option<usize> {
        let known = self
            .unfinished
            .iter()
            .position(|u| u.id == piece.id && u.inner_kind == piece.inner_kind);
        if known.is_some() {
            return known;
        }
        if self.unfinished.len() >= PIECES_UNFINISHED_MAX {
            self.drop_oldest();
        }
        self.unfinished.push_back(Unfinished {
            inner_kind: piece.inner_kind,
            id: piece.id,
            expires: now.saturating_add(PIECES_LIFE),
            parts: BTreeMap::new(),
            bytes: 0,
            ecn: piece.ecn,
            total: None,
            void: false,
        });
        self.unfinished.len().checked_sub(1)
    }

    fn shrink(&mut self) {
        while self.bytes + self.pieces * PIECE_COST > PIECES_BYTES_MAX {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some(oldest) = self.unfinished.pop_front() {
            self.bytes -= oldest.bytes;
            self.pieces -= oldest.parts.len();
        }
    }
}

impl Unfinished {
    /// Whether a piece lies beside all others and inside the packet.
    fn fits(&self, piece: &Piece<'_>, end: usize) -> bool {
        let after_previous = self
            .parts
            .range(..=piece.offset)
            .next_back()
            .is_none_or(|(at, bytes)| usize::from(*at) + bytes.len() <= usize::from(piece.offset));
        let following = self.parts.range(piece.offset..).next();
        let before_next = following.is_none_or(|(at, _)| end <= usize::from(*at));
        let inside = match (self.total, piece.last) {
            (Some(_), true) => false,
            (Some(total), false) => end <= total,
            (None, true) => following.is_none(),
            (None, false) => true,
        };
        after_previous && before_next && inside
    }

    fn make_void(&mut self) {
        self.void = true;
        self.parts.clear();
        self.bytes = 0;
    }
}

/// One mark of congestion marks the whole packet (RFC 3168, 5.3).
fn joined(one: Ecn, other: Ecn) -> Ecn {
    match (one, other) {
        (Ecn::Ce, _) | (_, Ecn::Ce) => Ecn::Ce,
        (one, other) if one == other => one,
        _ => Ecn::NotEct,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(plaintext: &[u8]) -> Piece<'_> {
        assert_eq!(plaintext[0], KIND_PIECE);
        Piece {
            inner_kind: plaintext[1],
            last: plaintext[2] == FLAG_LAST,
            id: u16::from_be_bytes([plaintext[3], plaintext[4]]),
            offset: u16::from_be_bytes([plaintext[5], plaintext[6]]),
            bytes: &plaintext[7..],
            ecn: Ecn::NotEct,
        }
    }

    fn piece(id: u16, offset: u16, last: bool, bytes: &[u8]) -> Piece<'_> {
        Piece {
            inner_kind: 1,
            last,
            id,
            offset,
            bytes,
            ecn: Ecn::NotEct,
        }
    }

    fn of(packet: &[u8]) -> Whole {
        Whole {
            kind: 1,
            bytes: packet.to_vec(),
            ecn: Ecn::NotEct,
        }
    }

    const T0: Duration = Duration::from_secs(5);

    proptest! {
        #[test]
        fn what_was_cut_comes_together_in_any_order(
            len in 1_usize..4000,
            plaintext_max in 8_usize..1500,
            order in prop::collection::vec(any::<u32>(), 4000),
        ) {
            let packet: Vec<u8> = (0..len).map(|i| (i * 7) as u8).collect();
            let plaintexts = cut(1, &packet, 9, plaintext_max).unwrap();
            prop_assert!(plaintexts.iter().all(|p| p.len() <= plaintext_max));
            let mut shuffled: Vec<_> = plaintexts.iter().zip(&order).collect();
            shuffled.sort_by_key(|(_, key)| **key);
            let mut reassembly = Reassembly::new();
            let mut whole = None;
            for (plaintext, _) in shuffled {
                prop_assert_eq!(&whole, &None);
                whole = reassembly.insert(T0, parse(plaintext));
            }
            prop_assert_eq!(whole, Some(of(&packet)));
            prop_assert!(reassembly.is_empty());
            prop_assert_eq!(reassembly.bytes_len(), 0);
        }

        #[test]
        fn any_pieces_keep_the_bounds(pieces in prop::collection::vec((0_u16..40, any::<u16>(), any::<bool>(), 0_usize..3000), 0..500)) {
            let mut reassembly = Reassembly::new();
            let body = [7; 3000];
            for (id, offset, last, len) in pieces {
                reassembly.insert(T0, piece(id, offset, last, &body[..len]));
                prop_assert!(reassembly.len() <= PIECES_UNFINISHED_MAX);
                prop_assert!(reassembly.bytes_len() <= PIECES_BYTES_MAX);
                let held: usize = reassembly.unfinished.iter().flat_map(|u| u.parts.values()).map(Vec::len).sum();
                prop_assert_eq!(held, reassembly.bytes_len());
            }
        }
    }

    #[test]
    fn an_overlap_voids_the_id_for_its_second() {
        for second in [
            piece(1, 5, false, &[0; 10]),
            piece(1, 0, false, &[0; 10]),
            piece(1, 0, true, &[0; 5]),
        ] {
            let mut reassembly = Reassembly::new();
            assert_eq!(reassembly.insert(T0, piece(1, 0, false, &[0; 10])), None);
            assert_eq!(reassembly.insert(T0, second), None);
            assert_eq!(reassembly.insert(T0, piece(1, 10, true, &[0; 2])), None);
            assert_eq!(reassembly.insert(T0, piece(1, 0, true, &[1; 2])), None);
            let later = T0 + PIECES_LIFE;
            let whole = reassembly.insert(later, piece(1, 0, true, &[1; 2]));
            assert_eq!(whole, Some(of(&[1, 1])));
        }
    }

    #[test]
    fn a_second_end_or_bytes_behind_the_end_void_the_id() {
        for second in [piece(1, 30, false, &[0]), piece(1, 30, true, &[0])] {
            let mut reassembly = Reassembly::new();
            assert_eq!(reassembly.insert(T0, piece(1, 20, true, &[0; 10])), None);
            assert_eq!(reassembly.insert(T0, second), None);
            assert_eq!(reassembly.insert(T0, piece(1, 0, false, &[0; 20])), None);
        }
        let mut reassembly = Reassembly::new();
        assert_eq!(reassembly.insert(T0, piece(1, 20, false, &[0; 10])), None);
        assert_eq!(reassembly.insert(T0, piece(1, 0, true, &[0; 20])), None);
        assert_eq!(reassembly.bytes_len(), 0);
    }

    #[test]
    fn the_17th_packet_displaces_the_oldest_and_a_second_ends_all() {
        let mut reassembly = Reassembly::new();
        for id in 0..17 {
            reassembly.insert(T0, piece(id, 0, false, &[id as u8; 10]));
        }
        assert_eq!(reassembly.len(), PIECES_UNFINISHED_MAX);
        assert_eq!(reassembly.insert(T0, piece(0, 10, true, &[9])), None);
        assert!(reassembly.insert(T0, piece(2, 10, true, &[9])).is_some());
        assert_eq!(
            reassembly.insert(T0 + PIECES_LIFE, piece(5, 10, true, &[9])),
            None
        );
        assert_eq!(reassembly.len(), 1);
    }

    #[test]
    fn bytes_are_bounded_too() {
        let mut reassembly = Reassembly::new();
        let body = vec![1; 60_000];
        for id in 0..5 {
            reassembly.insert(T0, piece(id, 0, false, &body));
        }
        assert_eq!(reassembly.bytes_len(), 240_000);
        assert_eq!(reassembly.len(), 4);
    }

    #[test]
    fn single_bytes_are_bounded_by_what_they_cost() {
        let mut reassembly = Reassembly::new();
        for id in 0..5 {
            for offset in (0..60_000).step_by(2) {
                reassembly.insert(T0, piece(id, offset, false, &[1]));
                let parts: usize = reassembly.unfinished.iter().map(|u| u.parts.len()).sum();
                assert!(
                    parts <= PIECES_BYTES_MAX / (PIECE_COST + 1),
                    "{parts} pieces"
                );
                assert_eq!(parts, reassembly.pieces);
            }
        }
    }

    #[test]
    fn what_cannot_be_cut() {
        assert_eq!(cut(1, &[], 0, 1000), None);
        assert_eq!(cut(1, &[0; 65_536], 0, 1000), None);
        assert_eq!(cut(1, &[0; 10], 0, 7), None);
        assert_eq!(cut(1, &[0; 10], 0, 6), None);
        assert_eq!(cut(1, &[0; 65_535], 0, 1000).unwrap().len(), 66);
    }

    #[test]
    fn a_mark_on_any_piece_marks_the_packet() {
        let (none, capable, marked) = (Ecn::NotEct, Ecn::Ect0, Ecn::Ce);
        for (fields, expected) in [
            ([capable, capable, capable], capable),
            ([marked, capable, capable], marked),
            ([capable, marked, capable], marked),
            ([capable, capable, marked], marked),
            ([capable, none, capable], none),
            ([none, none, none], none),
        ] {
            let mut reassembly = Reassembly::new();
            let mut whole = None;
            for (number, ecn) in (0..).zip(fields) {
                let part = Piece {
                    ecn,
                    ..piece(1, number * 4, number == 2, &[0; 4])
                };
                whole = reassembly.insert(T0, part);
            }
            assert_eq!(whole.unwrap().ecn, expected, "{fields:?}");
        }
    }
}
