//! Byte-exact layouts, every length, every bit, and round trips of datagrams.

use super::*;
use proptest::prelude::*;

fn fragment(message: Message, receiver: u32, number: u8, count: u8, body: &[u8]) -> Vec<u8> {
    let header = FragmentHeader {
        message,
        sender: 0x0102_0304,
        receiver,
        number,
        count,
    };
    header.encode(body, |_| [0xA1; 16], |_| [0xA2; 16]).unwrap()
}

fn examples() -> Vec<Vec<u8>> {
    let cookie = CookieView {
        receiver: 9,
        nonce: &[1; 16],
        sealed: &[2; 16],
        tag: &[3; 16],
    }
    .encode();
    let mut transport = TransportHeader {
        receiver: 7,
        counter: 8,
    }
    .encode()
    .to_vec();
    transport.extend([0xEE; 20]);
    let relayed = RelayedView {
        channel: 5,
        mac: &[6; 8],
        sealed: &transport,
    }
    .encode()
    .unwrap();
    vec![
        fragment(Message::One, 0, 0, 2, &[0xB0; FRAGMENT_BODY_MAX]),
        fragment(Message::Two, 0x0506_0708, 1, 2, b"end"),
        cookie.to_vec(),
        transport,
        relayed,
    ]
}

#[test]
fn a_fragment_has_exactly_these_bytes() {
    let header = FragmentHeader {
        message: Message::Two,
        sender: 0x0102_0304,
        receiver: 0x0506_0708,
        number: 1,
        count: 2,
    };
    let bytes = header
        .encode(
            &[0xB0, 0xB1, 0xB2],
            |covered| {
                assert_eq!(covered.len(), 19);
                [0xA1; 16]
            },
            |covered| {
                assert_eq!(covered.len(), 35);
                [0xA2; 16]
            },
        )
        .unwrap();
    let mut expected = vec![
        2, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 0, 3, 0xB0, 0xB1, 0xB2,
    ];
    expected.extend([0xA1; 16]);
    expected.extend([0xA2; 16]);
    assert_eq!(bytes, expected);
    let Ok(Datagram::Fragment(view)) = Datagram::parse(&bytes) else {
        panic!("no fragment")
    };
    assert_eq!(view.header, header);
    assert_eq!(
        (view.body, view.mac1, view.mac2),
        (&bytes[16..19], &[0xA1; 16], &[0xA2; 16])
    );
    assert_eq!(
        (view.mac1_covers, view.mac2_covers),
        (&bytes[..19], &bytes[..35])
    );
}

#[test]
fn a_full_fragment_fills_the_datagram() {
    let bytes = fragment(Message::One, 0, 0, 2, &[0; FRAGMENT_BODY_MAX]);
    assert_eq!((FRAGMENT_BODY_MAX, bytes.len()), (1_152, DATAGRAM_MAX));
    assert_eq!(
        bytes[..16],
        [1, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 0, 0, 2, 0x04, 0x80]
    );
}

#[test]
fn mac2_can_be_set_afterwards() {
    let mut bytes = fragment(Message::One, 0, 1, 2, b"tail");
    let before = bytes.clone();
    set_mac2(&mut bytes, |covered| {
        assert_eq!(covered, &before[..36]);
        [0xCC; 16]
    })
    .unwrap();
    assert_eq!(bytes[..36], before[..36]);
    assert_eq!(bytes[36..], [0xCC; 16]);
    assert!(set_mac2(&mut [4; 60], |_| [0; 16]).is_err());
}

#[test]
fn a_fragment_out_of_range_is_neither_written_nor_read() {
    let good = FragmentHeader {
        message: Message::One,
        sender: 1,
        receiver: 0,
        number: 1,
        count: 2,
    };
    let write = |header: FragmentHeader, len: usize| {
        header
            .encode(&vec![0; len], |_| [0; 16], |_| [0; 16])
            .is_ok()
    };
    assert!(write(good, 3) && write(good, 0) && write(good, FRAGMENT_BODY_MAX));
    assert!(!write(good, FRAGMENT_BODY_MAX + 1));
    assert!(!write(FragmentHeader { sender: 0, ..good }, 3));
    assert!(!write(
        FragmentHeader {
            receiver: 1,
            ..good
        },
        3
    ));
    assert!(!write(
        FragmentHeader {
            message: Message::Two,
            ..good
        },
        3
    ));
    assert!(!write(FragmentHeader { number: 2, ..good }, 3));
    assert!(
        !write(FragmentHeader { number: 0, ..good }, 3),
        "not last and not full"
    );
    assert!(!write(
        FragmentHeader {
            count: 5,
            number: 4,
            ..good
        },
        3
    ));
    assert!(!write(
        FragmentHeader {
            count: 0,
            number: 0,
            ..good
        },
        3
    ));
    assert!(write(
        FragmentHeader {
            count: FRAGMENTS_MAX,
            number: 3,
            ..good
        },
        3
    ));

    let bytes = fragment(Message::One, 0, 1, 2, b"abc");
    for (at, value) in [
        (7, 0),
        (11, 1),
        (12, 2),
        (12, 0),
        (13, 5),
        (13, 1),
        (15, 2),
        (15, 4),
    ] {
        let mut bad = bytes.clone();
        if at == 7 {
            bad[4..8].fill(0);
        } else {
            bad[at] = value;
        }
        assert!(Datagram::parse(&bad).is_err(), "{at} {value}");
    }
}

#[test]
fn a_cookie_reply_has_exactly_these_bytes() {
    let view = CookieView {
        receiver: 0x0102_0304,
        nonce: &[5; 16],
        sealed: &[6; 16],
        tag: &[7; 16],
    };
    let bytes = view.encode();
    let mut expected = vec![3, 0, 0, 0, 1, 2, 3, 4];
    expected.extend([5; 16]);
    expected.extend([6; 16]);
    expected.extend([7; 16]);
    assert_eq!((bytes.len(), &bytes[..]), (COOKIE_REPLY_LEN, &expected[..]));
    assert_eq!(Datagram::parse(&bytes), Ok(Datagram::Cookie(view)));
}

#[test]
fn a_transport_header_has_exactly_these_bytes() {
    let header = TransportHeader {
        receiver: 0x0102_0304,
        counter: 0x0506_0708_090A_0B0C,
    };
    let mut bytes = header.encode().to_vec();
    assert_eq!(bytes, [4, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    bytes.extend([0; TAG_LEN]);
    assert_eq!(Datagram::parse(&bytes), Ok(Datagram::Transport(header)));
    assert_eq!(bytes.len(), TRANSPORT_MIN);
    assert!(Datagram::parse(&bytes[..TRANSPORT_MIN - 1]).is_err());
}

#[test]
fn a_relayed_datagram_has_exactly_these_bytes() {
    let sealed: Vec<u8> = (0..32).collect();
    let view = RelayedView {
        channel: 0x0102_0304,
        mac: &[9; 8],
        sealed: &sealed,
    };
    let bytes = view.encode().unwrap();
    assert_eq!(
        bytes[..16],
        [5, 0, 0, 0, 1, 2, 3, 4, 9, 9, 9, 9, 9, 9, 9, 9]
    );
    assert_eq!(bytes[16..], sealed);
    assert_eq!(Datagram::parse(&bytes), Ok(Datagram::Relayed(view)));
    assert_eq!(view.covered(), &sealed[..16]);
    assert!(
        RelayedView {
            sealed: &sealed[..15],
            ..view
        }
        .encode()
        .is_err()
    );
}

#[test]
fn types_and_reserved_bytes_are_checked() {
    for bytes in examples() {
        assert!(Datagram::parse(&bytes).is_ok());
        for at in 1..4 {
            let mut bad = bytes.clone();
            bad[at] = 1;
            assert_eq!(
                Datagram::parse(&bad),
                Err(Malformed {
                    what: "reserved bytes"
                })
            );
        }
        for kind in (0..=255).filter(|kind| !(1..=7).contains(kind)) {
            let mut bad = bytes.clone();
            bad[0] = kind;
            assert_eq!(
                Datagram::parse(&bad),
                Err(Malformed {
                    what: "datagram type"
                })
            );
        }
    }
}

#[test]
fn every_truncation_is_refused_or_still_long_enough() {
    for bytes in examples() {
        for len in 0..bytes.len() {
            let short = Datagram::parse(&bytes[..len]);
            match bytes[0] {
                4 => assert_eq!(short.is_ok(), len >= TRANSPORT_MIN, "{len}"),
                5 => assert_eq!(short.is_ok(), len >= 32, "{len}"),
                _ => assert!(short.is_err(), "{} {len}", bytes[0]),
            }
        }
    }
}

#[test]
fn every_flipped_bit_is_read_without_a_panic() {
    for bytes in examples() {
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            if let Ok(Datagram::Relayed(view)) = Datagram::parse(&flipped) {
                assert_eq!(view.covered().len(), 16);
            }
        }
    }
}

/// What parses is written back to the same bytes.
fn written_again(bytes: &[u8]) -> Option<Vec<u8>> {
    Some(match Datagram::parse(bytes).ok()? {
        Datagram::Fragment(f) => f.header.encode(f.body, |_| *f.mac1, |_| *f.mac2).unwrap(),
        Datagram::Cookie(view) => view.encode().to_vec(),
        Datagram::Transport(header) => {
            [&header.encode()[..], &bytes[TRANSPORT_HEADER_LEN..]].concat()
        }
        Datagram::Relayed(view) => view.encode().unwrap(),
        // Nothing of it is read here.
        Datagram::Dprp => bytes.to_vec(),
    })
}

proptest! {
    #[test]
    fn what_parses_is_written_back(
        kind in 1u8..=5,
        head in any::<[u8; 12]>(),
        tail in proptest::collection::vec(any::<u8>(), 0..100),
    ) {
        let bytes = [&[kind, 0, 0, 0][..], &head, &tail].concat();
        if let Some(again) = written_again(&bytes) {
            prop_assert_eq!(again, bytes);
        }
    }

    #[test]
    fn fragments_round_trip(
        two: bool,
        sender in 1u32..,
        receiver in 1u32..,
        count in 1u8..=4,
        body in proptest::collection::vec(any::<u8>(), 0..=FRAGMENT_BODY_MAX),
    ) {
        let (message, receiver) = if two { (Message::Two, receiver) } else { (Message::One, 0) };
        let header = FragmentHeader { message, sender, receiver, number: count - 1, count };
        let bytes = header.encode(&body, |_| [1; 16], |_| [2; 16]).unwrap();
        prop_assert_eq!(written_again(&bytes), Some(bytes));
    }
}
