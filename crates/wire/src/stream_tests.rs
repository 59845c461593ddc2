//! Byte-exact layouts, every length, every bit, and round trips of stream messages.

use super::*;
use crate::channel::{
    Attach, AttachStatus, Attached, BridgeMessage, Channel, ChannelState, TYPE_ATTACH, Ticket,
    TicketAnswer, TicketStatus,
};
use crate::statement::{CERTIFICATE_LEN, ROTATION_LEN, Rotations};
use proptest::prelude::*;

const CERTIFICATE: [u8; CERTIFICATE_LEN] = [0xCE; CERTIFICATE_LEN];
const INCEPTION: [u8; 74] = [0x1C; 74];
const ROTATION: [u8; ROTATION_LEN] = [0x40; ROTATION_LEN];

fn update() -> (IdentityUpdate<'static>, Vec<u8>) {
    let update = IdentityUpdate {
        inception: &INCEPTION,
        rotations: Rotations::parse(&ROTATION, 64).unwrap(),
        certificate: &CERTIFICATE,
    };
    let mut bytes = vec![74];
    bytes.extend(INCEPTION);
    bytes.push(1);
    bytes.extend(ROTATION);
    bytes.extend(CERTIFICATE);
    (update, bytes)
}

const HELLO: [u8; 40] = [
    0, 1, 0, 8, 7, 7, 7, 7, 7, 7, 7, 7, 0, 2, 0, 3, b'0', b'.', b'1', 0, 3, 0, 8, 0, 0, 0, 0, 0, 0,
    0, 5, 0, 4, 0, 5, b'h', 0xC3, 0xA9, b'!', b'!',
];

const DIGEST: [u8; 24] = [
    1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 2, 3, 3, 3, 3, 3, 3, 3, 3, 0, 0, 0, 4,
];

/// Every message with the exact bytes of its value.
fn messages() -> Vec<(StreamValue<'static>, Vec<u8>)> {
    let hello = Hello {
        instance: [7; 8],
        version: Some("0.1"),
        features: 5,
        label: Some("hé!!"),
    };
    let (update, update_bytes) = update();
    let mut notice = vec![0xFC; 16];
    notice.extend([
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 192, 0, 2, 7, 0x12, 0x29,
    ]);
    notice.extend([
        0x20, 1, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 9,
    ]);
    let endpoints = notice[16..].to_vec();
    let first: SocketAddr = "192.0.2.7:4649".parse().unwrap();
    let second: SocketAddr = "[2001:db8::1]:9".parse().unwrap();
    vec![
        (StreamValue::Hello(hello), HELLO.to_vec()),
        (StreamValue::IdentityUpdate(update), update_bytes.clone()),
        (
            StreamValue::RotationDigest(RotationDigest { bytes: &DIGEST }),
            DIGEST.to_vec(),
        ),
        (
            StreamValue::RotationQuery(RotationQuery {
                bytes: &DIGEST[..8],
            }),
            DIGEST[..8].to_vec(),
        ),
        (StreamValue::RotationLog(update), update_bytes),
        (StreamValue::Endpoints(vec![first, second]), endpoints),
        (
            StreamValue::CloneNotice(CloneNotice {
                f: NodeAddr([0xFC; 16]),
                first,
                second,
            }),
            notice,
        ),
        (
            StreamValue::Prefixes(vec![
                "192.168.20.0/24".parse().unwrap(),
                "fd00:20::/64".parse().unwrap(),
            ]),
            PREFIXES.to_vec(),
        ),
    ]
    .into_iter()
    .chain(bridge_messages())
    .collect()
}

fn bridge_messages() -> Vec<(StreamValue<'static>, Vec<u8>)> {
    let (identity, identity_bytes) = update();
    let f = NodeAddr([0xFC; 16]);
    let observed: SocketAddr = "192.0.2.7:4649".parse().unwrap();
    let endpoint = [
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 192, 0, 2, 7, 0x12, 0x29,
    ];
    let attach = |password| BridgeMessage::Attach(Attach { password });
    let attached = |status| BridgeMessage::Attached(Attached { status, observed });
    let ticket = Ticket {
        secret: [9; 16],
        expires_unix_s: 5,
    };
    let answer = |status| {
        BridgeMessage::TicketAnswer(TicketAnswer {
            id: [8; 16],
            status,
        })
    };
    let channel = |state| BridgeMessage::Channel(Channel { peer: f, state });
    let open = ChannelState::Open {
        channel: 0x0102_0304,
        identity,
    };
    let fixed = |bytes: &[&[u8]]| bytes.concat();
    let rows = [
        (attach(None), vec![]),
        (attach(Some("pw")), fixed(&[&[0, 1, 0, 2], b"pw"])),
        (attached(AttachStatus::Attached), fixed(&[&[0], &endpoint])),
        (
            attached(AttachStatus::Other(77)),
            fixed(&[&[77], &endpoint]),
        ),
        (
            BridgeMessage::Ticket(ticket),
            fixed(&[&[9; 16], &[0, 0, 0, 0, 0, 0, 0, 5]]),
        ),
        (answer(TicketStatus::TooMany), fixed(&[&[8; 16], &[1]])),
        (BridgeMessage::Open(f), vec![0xFC; 16]),
        (BridgeMessage::Close(f), vec![0xFC; 16]),
        (
            channel(open),
            fixed(&[&[0xFC; 16], &[0, 1, 2, 3, 4], &identity_bytes]),
        ),
        (
            channel(ChannelState::Absent),
            fixed(&[&[0xFC; 16], &[1, 0, 0, 0, 0]]),
        ),
        (
            channel(ChannelState::Closed),
            fixed(&[&[0xFC; 16], &[2, 0, 0, 0, 0]]),
        ),
        (
            channel(ChannelState::Refused),
            fixed(&[&[0xFC; 16], &[3, 0, 0, 0, 0]]),
        ),
    ];
    let value = |(message, bytes)| (StreamValue::Bridge(message), bytes);
    rows.into_iter().map(value).collect()
}

#[rustfmt::skip]
const PREFIXES: [u8; 34] = [
    120, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 192, 168, 20, 0,
    64, 0xFD, 0, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
];

#[test]
fn values_have_exactly_these_bytes() {
    for (at, (value, bytes)) in messages().into_iter().enumerate() {
        assert!(value.kind() >= 0x30 || usize::from(value.kind()) == at + 1);
        assert_eq!(value.encode().as_deref(), Ok(&bytes[..]), "{value:?}");
        let message = StreamMessage {
            kind: value.kind(),
            value: &bytes,
        };
        assert_eq!(StreamValue::decode(message), Ok(value));
    }
}

#[test]
fn a_message_has_exactly_these_bytes() {
    let message = StreamMessage {
        kind: 0x0102,
        value: &[9, 9, 9],
    };
    let bytes = message.encode().unwrap();
    assert_eq!(bytes, [1, 2, 0, 0, 0, 3, 9, 9, 9]);
    for len in 0..bytes.len() {
        assert_eq!(StreamMessage::parse(&bytes[..len]), Ok(None), "{len}");
    }
    let two = [&bytes[..], &[0, 1]].concat();
    assert_eq!(StreamMessage::parse(&two), Ok(Some((message, 9))));
    assert_eq!(
        StreamValue::decode(message),
        Ok(StreamValue::Unknown(0x0102)),
        "unknown types are skipped"
    );
    assert!(StreamValue::Unknown(7).encode().is_err());
}

#[test]
fn a_message_too_long_is_refused_from_its_header() {
    assert!(StreamMessage::parse(&[0, 1, 0, 0, 0x40, 1]).is_err());
    assert_eq!(StreamMessage::parse(&[0, 1, 0, 0, 0x40, 0]), Ok(None));
    assert!(StreamMessage::parse(&[0, 1, 0xFF, 0xFF, 0xFF, 0xFF]).is_err());
    let value = vec![0; MESSAGE_LEN_MAX + 1];
    assert!(
        StreamMessage {
            kind: 1,
            value: &value
        }
        .encode()
        .is_err()
    );
    let message = StreamMessage {
        kind: 1,
        value: &value[1..],
    };
    let bytes = message.encode().unwrap();
    assert_eq!(
        StreamMessage::parse(&bytes),
        Ok(Some((message, bytes.len())))
    );
}

#[test]
fn every_truncated_value_is_refused_or_a_shorter_list() {
    for (value, bytes) in messages() {
        for len in 0..bytes.len() {
            let message = StreamMessage {
                kind: value.kind(),
                value: &bytes[..len],
            };
            let whole = match value.kind() {
                TYPE_HELLO => [12, 19, 31].contains(&len),
                TYPE_ROTATION_DIGEST => len % 12 == 0,
                TYPE_ROTATION_QUERY => len % 8 == 0,
                TYPE_ENDPOINTS => len % 18 == 0,
                TYPE_ATTACH => len == 0,
                TYPE_PREFIXES => len % 17 == 0,
                _ => false,
            };
            assert_eq!(
                StreamValue::decode(message).is_ok(),
                whole,
                "{} {len}",
                value.kind()
            );
        }
    }
}

#[test]
fn every_flipped_bit_is_read_without_a_panic() {
    for (value, bytes) in messages() {
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let message = StreamMessage {
                kind: value.kind(),
                value: &flipped,
            };
            if let Ok(decoded) = StreamValue::decode(message) {
                let again = decoded.encode().unwrap();
                let message = StreamMessage {
                    kind: decoded.kind(),
                    value: &again,
                };
                assert_eq!(StreamValue::decode(message), Ok(decoded.clone()));
            }
        }
    }
}

#[test]
fn a_hello_needs_an_instance_and_bounded_text() {
    let bare = Hello {
        instance: [1; 8],
        version: None,
        features: 0,
        label: None,
    };
    assert_eq!(
        Hello::decode(&[0, 1, 0, 8, 1, 1, 1, 1, 1, 1, 1, 1]),
        Ok(bare)
    );
    assert!(Hello::decode(&HELLO[12..]).is_err());
    let long = "x".repeat(65);
    fn with<'a>(version: &'a str, label: &'a str) -> Hello<'a> {
        Hello {
            instance: [1; 8],
            version: Some(version),
            features: 0,
            label: Some(label),
        }
    }
    assert!(with(&long[..64], &long[..63]).encode().is_ok());
    assert!(with(&long, "").encode().is_err());
    assert!(with("", &long[..64]).encode().is_err());
    let tlvs = |kind, value: &[u8]| {
        let mut out = Writer::default();
        out.tlv(1, &[1; 8]).unwrap().tlv(kind, value).unwrap();
        Hello::decode(out.as_slice()).is_ok()
    };
    assert!(tlvs(2, &[b'x'; 64]) && !tlvs(2, &[b'x'; 65]));
    assert!(tlvs(4, &[b'x'; 63]) && !tlvs(4, &[b'x'; 64]));
    assert!(!tlvs(4, &[0xFF]), "not UTF-8");
    assert!(!tlvs(3, &[0; 7]));
    assert!(tlvs(5, &[0xFF]), "unknown");
}

#[test]
fn lists_are_bounded() {
    let digest = vec![
        DigestEntry {
            tag: [1; 8],
            position: 2
        };
        DIGEST_LEN_MAX + 1
    ];
    assert!(RotationDigest::encode(&digest).is_err());
    let bytes = RotationDigest::encode(&digest[1..]).unwrap();
    assert_eq!(
        RotationDigest::decode(&bytes).unwrap().iter().count(),
        DIGEST_LEN_MAX
    );
    assert!(RotationDigest::decode(&[&bytes[..], &bytes[..12]].concat()).is_err());

    let query = [[1; 8]; QUERY_LEN_MAX + 1];
    assert!(RotationQuery::encode(&query).is_err());
    let bytes = RotationQuery::encode(&query[1..]).unwrap();
    assert_eq!(
        RotationQuery::decode(&bytes).unwrap().iter().count(),
        QUERY_LEN_MAX
    );
    assert!(RotationQuery::decode(&[&bytes[..], &bytes[..8]].concat()).is_err());

    let list = vec!["192.0.2.7:1".parse().unwrap(); ENDPOINTS_MAX + 1];
    assert!(StreamValue::Endpoints(list.clone()).encode().is_err());
    let bytes = StreamValue::Endpoints(list[1..].to_vec()).encode().unwrap();
    let decode = |value| {
        StreamValue::decode(StreamMessage {
            kind: TYPE_ENDPOINTS,
            value,
        })
    };
    assert!(decode(&bytes).is_ok());
    assert!(decode(&[&bytes[..], &bytes[..18]].concat()).is_err());

    let list: Vec<_> = (0..=PREFIXES_MAX as u8)
        .map(|n| format!("10.{n}.0.0/16").parse().unwrap())
        .collect();
    assert!(StreamValue::Prefixes(list.clone()).encode().is_err());
    let bytes = StreamValue::Prefixes(list[1..].to_vec()).encode().unwrap();
    let decode = |value| {
        StreamValue::decode(StreamMessage {
            kind: TYPE_PREFIXES,
            value,
        })
    };
    assert_eq!(
        decode(&bytes),
        Ok(StreamValue::Prefixes(list[1..].to_vec()))
    );
    assert!(decode(&[&bytes[..], &bytes[..17]].concat()).is_err());
}

#[test]
fn an_identity_update_carries_at_most_64_entries() {
    let entries = vec![1; ROTATION_LEN * 65];
    let at_most = Rotations::parse(&entries[ROTATION_LEN..], 64).unwrap();
    let update = IdentityUpdate {
        rotations: at_most,
        ..update().0
    };
    let bytes = update.encode().unwrap();
    assert_eq!(IdentityUpdate::decode(&bytes), Ok(update));
    assert!(bytes.len() <= MESSAGE_LEN_MAX);
    let rotations = Rotations::parse(&entries, 65).unwrap();
    assert!(
        IdentityUpdate {
            rotations,
            ..update
        }
        .encode()
        .is_err()
    );
    assert!(
        IdentityUpdate {
            inception: &[0; 75],
            ..update
        }
        .encode()
        .is_err()
    );
}

proptest! {
    #[test]
    fn digests_round_trip(list in proptest::collection::vec((any::<[u8; 8]>(), any::<u32>()), 0..40)) {
        let list: Vec<_> = list.into_iter().map(|(tag, position)| DigestEntry { tag, position }).collect();
        let bytes = RotationDigest::encode(&list).unwrap();
        let read: Vec<_> = RotationDigest::decode(&bytes).unwrap().iter().collect();
        prop_assert_eq!(read, list);
    }

    #[test]
    fn hellos_round_trip(instance: [u8; 8], version in ".{0,16}", features: u64, label in ".{0,15}") {
        let hello = Hello { instance, version: Some(&version), features, label: Some(&label) };
        let bytes = hello.encode().unwrap();
        prop_assert_eq!(Hello::decode(&bytes), Ok(hello));
    }

    #[test]
    fn random_values_never_panic(kind in 0u16..9, value in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = StreamValue::decode(StreamMessage { kind, value: &value });
        let _ = StreamMessage::parse(&value);
    }
}
