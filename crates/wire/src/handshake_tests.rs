//! Byte-exact layouts, padding, every length and every bit of the handshake payloads.

use super::*;
use crate::statement::ROTATION_LEN;
use proptest::prelude::*;

const CERTIFICATE: [u8; CERTIFICATE_LEN] = [0xCE; CERTIFICATE_LEN];
const INCEPTION: [u8; 74] = [0x1C; 74];
const ROTATION: [u8; ROTATION_LEN] = [0x40; ROTATION_LEN];

fn payload1() -> Payload1<'static> {
    let mut slots = [[0x55; SLOT_LEN]; GROUP_SLOTS];
    slots[15] = [0x66; SLOT_LEN];
    Payload1 {
        number: Number {
            certificate_counter: 0x0102_0304_0506_0708,
            handshake_count: 9,
        },
        inception: &INCEPTION,
        rotations: Rotations::parse(&ROTATION, 2).unwrap(),
        certificate: &CERTIFICATE,
        slots,
        aeads: AeadOffer::parse(&[2, 1]).unwrap(),
        instance: [0x77; 8],
        inner_mtu: 0x05DC,
        stream: None,
    }
}

fn payload2() -> Payload2<'static> {
    Payload2 {
        rotations: Rotations::NONE,
        certificate: &CERTIFICATE,
        aead: AeadAlg::Aes256Gcm,
        instance: [0x77; 8],
        inner_mtu: 1_280,
        stream: None,
        shown: &[],
    }
}

#[test]
fn payload_1_has_exactly_these_bytes() {
    let mut expected = vec![0, 1, 0, 16, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0, 0, 9];
    expected.extend([0, 2, 0, 74]);
    expected.extend([0x1C; 74]);
    expected.extend([0, 3, 0, 133]);
    expected.extend([0x40; 133]);
    expected.extend([0, 4, 0, 161]);
    expected.extend([0xCE; 161]);
    expected.extend([0, 5, 0, 128]);
    expected.extend([0x55; 120]);
    expected.extend([0x66; 8]);
    expected.extend([0, 6, 0, 2, 2, 1]);
    expected.extend([0, 7, 0, 8]);
    expected.extend([0x77; 8]);
    expected.extend([0, 8, 0, 2, 0x05, 0xDC]);
    expected.resize(1_008, 0);
    assert_eq!(payload1().encode().unwrap(), expected);
    assert_eq!(Payload1::decode(&expected), Ok(payload1()));
}

#[test]
fn payload_2_has_exactly_these_bytes() {
    let mut expected = vec![0, 4, 0, 161];
    expected.extend([0xCE; 161]);
    expected.extend([0, 6, 0, 1, 1]);
    expected.extend([0, 7, 0, 8]);
    expected.extend([0x77; 8]);
    expected.extend([0, 8, 0, 2, 0x05, 0x00]);
    expected.resize(1_134, 0);
    assert_eq!(payload2().encode().unwrap(), expected);
    assert_eq!(Payload2::decode(&expected), Ok(payload2()));
}

#[test]
fn the_fields_of_both_messages_add_up() {
    let bytes: Vec<u8> = (0..MESSAGE_LEN).map(|at| (at % 251) as u8).collect();
    let one = Message1View::parse(&bytes).unwrap();
    assert_eq!(one.ephemeral[..], bytes[..32]);
    assert_eq!(one.kem_key_sealed[..], bytes[32..1_232]);
    assert_eq!(one.static_sealed[..], bytes[1_232..1_280]);
    assert_eq!(one.payload_sealed[..], bytes[1_280..]);
    let two = Message2View::parse(&bytes).unwrap();
    assert_eq!(two.ephemeral[..], bytes[..32]);
    assert_eq!(two.kem_ciphertext_sealed[..], bytes[32..1_136]);
    assert_eq!(two.matched_sealed[..], bytes[1_136..1_154]);
    assert_eq!(two.payload_sealed[..], bytes[1_154..]);
    for len in [0, 1, MESSAGE_LEN - 1] {
        assert!(Message1View::parse(&bytes[..len]).is_err());
        assert!(Message2View::parse(&bytes[..len]).is_err());
    }
    assert!(Message1View::parse(&[&bytes[..], &[0]].concat()).is_err());
}

#[test]
fn the_largest_payloads_fit() {
    let entries = [0x40; ROTATION_LEN * 2];
    let large = Payload1 {
        inception: &[1; 106],
        rotations: Rotations::parse(&entries, 2).unwrap(),
        aeads: AeadOffer::parse(&[9; AEADS_MAX]).unwrap(),
        stream: Some([3; STREAM_ID_LEN]),
        ..payload1()
    };
    let bytes = large.encode().unwrap();
    assert_eq!(bytes.len(), PAYLOAD1_LEN);
    assert_eq!(Payload1::decode(&bytes), Ok(large));
    let large = Payload2 {
        rotations: large.rotations,
        stream: large.stream,
        shown: &[8; SHOWN_LEN_MAX],
        ..payload2()
    };
    assert_eq!(Payload2::decode(&large.encode().unwrap()), Ok(large));
    let larger = Payload2 {
        shown: &[8; SHOWN_LEN_MAX + 1],
        ..payload2()
    };
    assert!(larger.encode().is_err());
}

#[test]
fn memberships_are_type_10() {
    let said = Payload2 {
        shown: &[1, 2, 3],
        ..payload2()
    };
    let used = 4 + 161 + 5 + 12 + 6;
    let bytes = said.encode().unwrap();
    assert_eq!(bytes[used..used + 7], [0, 10, 0, 3, 1, 2, 3]);
}

#[test]
fn what_follows_type_zero_and_unknown_types_are_ignored() {
    let mut bytes = payload2().encode().unwrap();
    bytes[200..].fill(0xFF);
    assert_eq!(Payload2::decode(&bytes), Ok(payload2()));
    let used = 4 + 161 + 5 + 12 + 6;
    let mut bytes = payload2().encode().unwrap();
    bytes[used..used + 6].copy_from_slice(&[0xFF, 0xFE, 0, 2, 1, 2]);
    assert_eq!(Payload2::decode(&bytes), Ok(payload2()));
}

#[test]
fn the_control_stream_may_be_left_out_and_has_8_bytes() {
    let said = Payload2 {
        stream: Some([5; STREAM_ID_LEN]),
        ..payload2()
    };
    let used = 4 + 161 + 5 + 12 + 6;
    let mut bytes = said.encode().unwrap();
    assert_eq!(bytes[used..used + 12], [0, 9, 0, 8, 5, 5, 5, 5, 5, 5, 5, 5]);
    assert_eq!(Payload2::decode(&bytes), Ok(said));
    bytes[used + 3] = 7;
    assert!(Payload2::decode(&bytes).is_err());
}

#[test]
fn a_missing_or_repeated_type_is_refused() {
    let bytes = payload1().encode().unwrap();
    let mut at = 0;
    for kind in 1..=8u8 {
        assert_eq!(bytes[at + 1], kind);
        let mut without = bytes.clone();
        without[at] = 0x7F;
        assert_eq!(
            Payload1::decode(&without).is_ok(),
            kind == 3,
            "without {kind}"
        );
        let mut twice = bytes.clone();
        twice[at + 1] = if kind == 1 { 2 } else { 1 };
        assert!(Payload1::decode(&twice).is_err(), "twice {kind}");
        at += 4 + usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]]));
    }
}

#[test]
fn values_out_of_range_are_neither_written_nor_read() {
    assert!(
        Payload1 {
            inner_mtu: 1_279,
            ..payload1()
        }
        .encode()
        .is_err()
    );
    assert!(
        Payload1 {
            inception: &[0; 75],
            ..payload1()
        }
        .encode()
        .is_err()
    );
    assert!(AeadOffer::parse(&[]).is_err());
    assert!(AeadOffer::parse(&[1; AEADS_MAX + 1]).is_err());
    let three = [0; ROTATION_LEN * 3];
    let three = Rotations::parse(&three, 64).unwrap();
    assert!(
        Payload1 {
            rotations: three,
            ..payload1()
        }
        .encode()
        .is_err()
    );
    assert!(
        Payload2 {
            rotations: three,
            ..payload2()
        }
        .encode()
        .is_err()
    );
    let mut bytes = payload2().encode().unwrap();
    bytes[4 + 161 + 4] = 3;
    assert_eq!(Payload2::decode(&bytes), Err(Malformed { what: "AEADs" }));
    let mut bytes = payload2().encode().unwrap();
    bytes[4 + 161 + 5 + 12 + 4] = 4;
    assert_eq!(
        Payload2::decode(&bytes),
        Err(Malformed { what: "inner MTU" })
    );
}

#[test]
fn an_offer_keeps_what_it_does_not_know() {
    let offer = AeadOffer::parse(&[9, 2, 0, 1]).unwrap();
    assert_eq!(offer.as_bytes(), [9, 2, 0, 1]);
    let known: Vec<_> = offer.iter().collect();
    assert_eq!(known, [AeadAlg::ChaCha20Poly1305, AeadAlg::Aes256Gcm]);
}

#[test]
fn the_certificate_counter_orders_first() {
    let number = |certificate_counter, handshake_count| Number {
        certificate_counter,
        handshake_count,
    };
    assert!(number(2, 0) > number(1, u64::MAX));
    assert!(number(2, 1) > number(2, 0));
}

#[test]
fn every_other_length_is_refused() {
    let one = payload1().encode().unwrap();
    for len in 0..one.len() {
        assert!(Payload1::decode(&one[..len]).is_err(), "{len}");
    }
    let two = payload2().encode().unwrap();
    for len in 0..two.len() {
        assert!(Payload2::decode(&two[..len]).is_err(), "{len}");
    }
    assert!(Payload1::decode(&[&one[..], &[0]].concat()).is_err());
}

#[test]
fn every_flipped_bit_is_read_without_a_panic() {
    let (one, two) = (payload1().encode().unwrap(), payload2().encode().unwrap());
    let (mut same, used) = (0, 4 + 161 + 5 + 12 + 6);
    for bit in 0..one.len() * 8 {
        let mut flipped = one.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let _ = Payload1::decode(&flipped);
    }
    for bit in 0..two.len() * 8 {
        let mut flipped = two.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        same += usize::from(Payload2::decode(&flipped) == Ok(payload2()));
    }
    // The padding says nothing, and 14 of the 16 types next to 0 are unknown or unused in
    // message 2; the other two repeat the certificate and the MTU.
    assert_eq!(same, (PAYLOAD2_LEN - used - 2) * 8 + 14);
}

proptest! {
    #[test]
    fn payload_1_round_trips(
        number: (u64, u64),
        recovery: bool,
        fill: [u8; 4],
        entries in 0usize..=2,
        offer in proptest::collection::vec(any::<u8>(), 1..=AEADS_MAX),
        slots: [[u8; SLOT_LEN]; GROUP_SLOTS],
        instance: [u8; 8],
        inner_mtu in INNER_MTU_MIN..,
        stream: Option<[u8; STREAM_ID_LEN]>,
    ) {
        let entries = vec![fill[0]; entries * ROTATION_LEN];
        let payload = Payload1 {
            number: Number { certificate_counter: number.0, handshake_count: number.1 },
            inception: &vec![fill[1]; if recovery { 106 } else { 74 }],
            rotations: Rotations::parse(&entries, 2).unwrap(),
            certificate: &[fill[2]; CERTIFICATE_LEN],
            slots,
            aeads: AeadOffer::parse(&offer).unwrap(),
            instance,
            inner_mtu,
            stream,
        };
        let bytes = payload.encode().unwrap();
        prop_assert_eq!(Payload1::decode(&bytes), Ok(payload));
    }

    #[test]
    fn payload_2_round_trips(fill: [u8; 2], entries in 0usize..=2, chacha: bool, inner_mtu in INNER_MTU_MIN.., stream: Option<[u8; STREAM_ID_LEN]>, shown in proptest::collection::vec(any::<u8>(), 0..=SHOWN_LEN_MAX)) {
        let entries = vec![fill[0]; entries * ROTATION_LEN];
        let payload = Payload2 {
            shown: &shown,
            rotations: Rotations::parse(&entries, 2).unwrap(),
            certificate: &[fill[1]; CERTIFICATE_LEN],
            aead: if chacha { AeadAlg::ChaCha20Poly1305 } else { AeadAlg::Aes256Gcm },
            instance: [fill[0]; 8],
            inner_mtu,
            stream,
        };
        let bytes = payload.encode().unwrap();
        prop_assert_eq!(Payload2::decode(&bytes), Ok(payload));
    }

    #[test]
    fn random_payloads_never_panic(bytes in proptest::collection::vec(any::<u8>(), PAYLOAD1_LEN)) {
        let _ = Payload1::decode(&bytes);
    }
}
