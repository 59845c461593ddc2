//! Byte-exact layouts, every length, every bit, and round trips of plaintexts.

use super::*;
use proptest::prelude::*;

/// Every control packet with its exact bytes.
fn controls() -> Vec<(Control<'static>, Vec<u8>)> {
    let segment = Segment {
        offset: 0x0102_0304,
        acknowledged: 0x0506_0708,
        window: 0x0001_0000,
        bytes: &[0xAA, 0xBB],
    };
    let opaque = [1, 2, 3, 4, 5, 6, 7, 8];
    vec![
        (
            Control::Stream(segment),
            vec![4, 1, 1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 0, 0, 0xAA, 0xBB],
        ),
        (
            Control::PathChallenge(opaque),
            vec![4, 2, 1, 2, 3, 4, 5, 6, 7, 8],
        ),
        (
            Control::PathResponse(opaque),
            vec![4, 3, 1, 2, 3, 4, 5, 6, 7, 8],
        ),
        (
            Control::Probe {
                id: 9,
                padding_len: 3,
            },
            vec![4, 4, 0, 0, 0, 9, 0, 0, 0],
        ),
        (
            Control::ProbeAnswer {
                id: 9,
                size: 0x0578,
            },
            vec![4, 5, 0, 0, 0, 9, 0x05, 0x78],
        ),
        (
            Control::EchoRequest { id: 9, opaque },
            vec![4, 6, 0, 0, 0, 9, 1, 2, 3, 4, 5, 6, 7, 8],
        ),
        (
            Control::EchoReply { id: 9, opaque },
            vec![4, 7, 0, 0, 0, 9, 1, 2, 3, 4, 5, 6, 7, 8],
        ),
        (Control::Close(CloseReason::NotAllowed), vec![4, 8, 1]),
    ]
}

fn piece() -> (Piece<'static>, Vec<u8>) {
    let piece = Piece {
        inner: Kind::Ip,
        last: true,
        id: 0x0102,
        offset: 0x0304,
        bytes: &[9, 8],
    };
    (piece, vec![3, 1, 1, 1, 2, 3, 4, 9, 8])
}

#[test]
fn control_packets_have_exactly_these_bytes() {
    for (control, bytes) in controls() {
        assert_eq!(control.encode().as_deref(), Ok(&bytes[..]));
        assert_eq!(Payload::parse(&bytes), Ok(Payload::Control(control)));
    }
}

#[test]
fn a_piece_has_exactly_these_bytes() {
    let (piece, bytes) = piece();
    assert_eq!(piece.encode().as_deref(), Ok(&bytes[..]));
    assert_eq!(Payload::parse(&bytes), Ok(Payload::Piece(piece)));
    assert_eq!(bytes.len(), PIECE_HEADER_LEN + 2);
    assert_eq!(piece.end(), 0x0306);
}

#[test]
fn the_other_kinds_have_exactly_these_bytes() {
    assert_eq!(Payload::parse(&[]), Ok(Payload::Keepalive));
    assert_eq!(Payload::parse(&[1, 0x45]), Ok(Payload::Ip(&[0x45])));
    assert_eq!(
        Payload::parse(&[2, 1, 2, 0xEE]),
        Ok(Payload::Ethernet {
            channel: 0x0102,
            frame: &[0xEE]
        })
    );
    for kind in (0..=255).filter(|kind| !(1..=4).contains(kind)) {
        assert_eq!(Payload::parse(&[kind, 1]), Ok(Payload::Unknown(kind)));
    }
    for kind in 1..=4 {
        assert_eq!(Kind::from_byte(kind).map(Kind::to_byte), Some(kind));
    }
}

#[test]
fn an_unknown_subtype_is_a_value_and_is_not_written() {
    assert_eq!(
        Payload::parse(&[4, 9, 1, 2]),
        Ok(Payload::Control(Control::Unknown(9)))
    );
    assert!(Control::Unknown(9).encode().is_err());
}

#[test]
fn every_close_reason_keeps_its_byte() {
    for byte in 0..=255 {
        assert_eq!(CloseReason::from_byte(byte).to_byte(), byte);
    }
    assert_eq!(CloseReason::from_byte(2), CloseReason::Replaced);
    assert_eq!(CloseReason::from_byte(3), CloseReason::Other(3));
}

#[test]
fn every_other_length_of_a_fixed_control_packet_is_refused() {
    for (control, bytes) in controls() {
        let open_ended = matches!(control, Control::Stream(_) | Control::Probe { .. });
        for len in 1..bytes.len() {
            let min = match control {
                Control::Stream(_) => STREAM_HEADER_LEN,
                Control::Probe { .. } => PROBE_HEADER_LEN,
                _ => bytes.len(),
            };
            assert_eq!(
                Payload::parse(&bytes[..len]).is_ok(),
                len >= min,
                "{control:?} {len}"
            );
        }
        let long = [&bytes[..], &[0]].concat();
        assert_eq!(Payload::parse(&long).is_ok(), open_ended, "{control:?}");
    }
}

#[test]
fn a_piece_needs_bytes_that_lie_in_a_packet() {
    let (good, bytes) = piece();
    for len in 1..=PIECE_HEADER_LEN {
        assert!(Payload::parse(&bytes[..len]).is_err(), "{len}");
    }
    for (at, value) in [(1, 0), (1, 3), (1, 4), (1, 5), (2, 2), (2, 0x81)] {
        let mut bad = bytes.clone();
        bad[at] = value;
        assert!(Payload::parse(&bad).is_err(), "{at} {value}");
    }
    assert!(Piece { bytes: &[], ..good }.encode().is_err());
    assert!(
        Piece {
            inner: Kind::Control,
            ..good
        }
        .encode()
        .is_err()
    );
    assert!(
        Piece {
            offset: u16::MAX,
            bytes: &[1],
            ..good
        }
        .encode()
        .is_err()
    );
    assert!(
        Piece {
            offset: u16::MAX - 1,
            bytes: &[1],
            ..good
        }
        .encode()
        .is_ok()
    );
    assert!(Payload::parse(&[3, 1, 0, 0, 0, 0xFF, 0xFF, 1]).is_err());
    assert!(Payload::parse(&[3, 1, 0, 0, 0, 0xFF, 0xFE, 1]).is_ok());
}

#[test]
fn a_window_above_its_maximum_is_neither_written_nor_read() {
    let segment = Segment {
        offset: 0,
        acknowledged: 0,
        window: STREAM_WINDOW_MAX + 1,
        bytes: &[],
    };
    assert!(Control::Stream(segment).encode().is_err());
    assert!(Payload::parse(&[4, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1]).is_err());
    assert!(Payload::parse(&[4, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0]).is_ok());
    assert!(
        Control::Probe {
            id: 1,
            padding_len: PACKET_LEN_MAX + 1
        }
        .encode()
        .is_err()
    );
}

/// What parses is written back to the same bytes, except for a probe's padding.
fn written_again(bytes: &[u8]) -> Option<Vec<u8>> {
    match Payload::parse(bytes).ok()? {
        Payload::Piece(piece) => piece.encode().ok(),
        Payload::Control(Control::Probe { id, padding_len }) => {
            let again = Control::Probe { id, padding_len }.encode().unwrap();
            assert_eq!(again.len(), bytes.len());
            Some(bytes.to_vec())
        }
        Payload::Control(control) => control.encode().ok(),
        _ => None,
    }
}

#[test]
fn every_flipped_bit_is_read_without_a_panic() {
    for bytes in controls()
        .into_iter()
        .map(|(_, bytes)| bytes)
        .chain([piece().1])
    {
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            if let Some(again) = written_again(&flipped) {
                assert_eq!(again, flipped);
            }
        }
    }
}

proptest! {
    #[test]
    fn what_parses_is_written_back(
        kind in 3u8..=4,
        subtype in 0u8..=9,
        rest in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let bytes = [&[kind, subtype][..], &rest].concat();
        if let Some(again) = written_again(&bytes) {
            prop_assert_eq!(again, bytes);
        }
    }

    #[test]
    fn pieces_round_trip(
        ethernet: bool,
        last: bool,
        id: u16,
        offset in 0u16..64_000,
        bytes in proptest::collection::vec(any::<u8>(), 1..1_400),
    ) {
        let inner = if ethernet { Kind::Ethernet } else { Kind::Ip };
        let piece = Piece { inner, last, id, offset, bytes: &bytes };
        let written = piece.encode().unwrap();
        prop_assert_eq!(Payload::parse(&written), Ok(Payload::Piece(piece)));
    }
}
