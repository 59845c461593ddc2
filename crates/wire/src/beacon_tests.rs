//! Byte-exact layout, every length, every bit, and round trips of beacons.

use super::*;
use crate::statement::ROTATION_LEN;
use proptest::prelude::*;

const CERTIFICATE: [u8; CERTIFICATE_LEN] = [0xCE; CERTIFICATE_LEN];
const INCEPTION: [u8; 74] = [0x1C; 74];
const TAGS: [[u8; 8]; 2] = [[0xA1; 8], [0xA2; 8]];

fn fields() -> BeaconFields<'static> {
    BeaconFields {
        inception: &INCEPTION,
        rotations: Rotations::NONE,
        certificate: &CERTIFICATE,
        instance: [7; 8],
        port: 0x1229,
        sequence: 5,
        wanted: (&[9; 8], &TAGS),
    }
}

fn beacon() -> Vec<u8> {
    fields().encode(|_| [0x51; 64]).unwrap()
}

#[test]
fn a_beacon_has_exactly_these_bytes() {
    let mut expected = b"KMB1".to_vec();
    expected.extend([0, 2, 0, 74]);
    expected.extend(INCEPTION);
    expected.extend([0, 4, 0, 161]);
    expected.extend(CERTIFICATE);
    expected.extend([0, 7, 0, 8, 7, 7, 7, 7, 7, 7, 7, 7]);
    expected.extend([0, 16, 0, 2, 0x12, 0x29]);
    expected.extend([0, 17, 0, 8, 0, 0, 0, 0, 0, 0, 0, 5]);
    expected.extend([0, 18, 0, 24]);
    expected.extend([9; 8]);
    expected.extend([0xA1; 8]);
    expected.extend([0xA2; 8]);
    let signed = expected.clone();
    expected.extend([0, 19, 0, 64]);
    expected.extend([0x51; 64]);
    let written = fields().encode(|text| {
        assert_eq!(text, [&b"kumihimo beacon v1"[..], &signed].concat());
        [0x51; 64]
    });
    assert_eq!(written.as_deref(), Ok(&expected[..]));
    let read = Beacon::decode(&expected).unwrap();
    assert_eq!(
        (read.inception, read.certificate),
        (&INCEPTION[..], &CERTIFICATE)
    );
    assert_eq!(
        (read.instance, read.port, read.sequence),
        ([7; 8], 0x1229, 5)
    );
    assert_eq!((read.signed, read.signature), (&signed[..], &[0x51; 64]));
    assert_eq!(read.wanted.nonce, [9; 8]);
    assert_eq!(read.wanted.iter().collect::<Vec<_>>(), TAGS);
    assert!(read.rotations.is_empty());
    assert!(Beacon::looks_like(&expected) && !Beacon::looks_like(b"KMB2"));
}

#[test]
fn the_largest_beacon_fits() {
    let entries = [1; 2 * ROTATION_LEN];
    let tags = [[3; 8]; WANTED_MAX];
    let largest = BeaconFields {
        inception: &[2; 106],
        rotations: Rotations::parse(&entries, 2).unwrap(),
        wanted: (&[0; 8], &tags),
        ..fields()
    };
    let bytes = largest.encode(|_| [0; 64]).unwrap();
    assert!(bytes.len() <= BEACON_LEN_MAX);
    assert_eq!(
        Beacon::decode(&bytes).unwrap().wanted.iter().count(),
        WANTED_MAX
    );
    let tags = [[3; 8]; WANTED_MAX + 1];
    assert!(
        BeaconFields {
            wanted: (&[0; 8], &tags),
            ..largest
        }
        .encode(|_| [0; 64])
        .is_err()
    );
    assert!(
        BeaconFields { port: 0, ..largest }
            .encode(|_| [0; 64])
            .is_err()
    );
}

#[test]
fn a_beacon_that_wants_nobody_leaves_it_out() {
    let bytes = BeaconFields {
        wanted: (&[9; 8], &[]),
        ..fields()
    }
    .encode(|_| [0; 64])
    .unwrap();
    assert_eq!(bytes.len() + 28, beacon().len());
    assert_eq!(Beacon::decode(&bytes).unwrap().wanted.iter().count(), 0);
}

#[test]
fn the_signature_is_last_and_once() {
    let bytes = beacon();
    let malformed = Err(Malformed {
        what: "beacon signature",
    });
    assert_eq!(
        Beacon::decode(&[&bytes[..], &[0, 99, 0, 0]].concat()),
        malformed
    );
    assert_eq!(
        Beacon::decode(&bytes[..bytes.len() - SIGNATURE_TLV_LEN]),
        malformed
    );
    assert!(
        Beacon::decode(&[&bytes[..], &bytes[bytes.len() - SIGNATURE_TLV_LEN..]].concat()).is_err()
    );
    assert!(
        Beacon::decode(&[&bytes[..], &[0, 0]].concat()).is_err(),
        "nothing may follow"
    );
}

#[test]
fn unknown_types_are_ignored_and_signed() {
    let bytes = beacon();
    let (head, tail) = bytes.split_at(bytes.len() - SIGNATURE_TLV_LEN);
    let longer = [head, &[0x12, 0x34, 0, 1, 5], tail].concat();
    let read = Beacon::decode(&longer).unwrap();
    assert_eq!(read.signed, &longer[..longer.len() - SIGNATURE_TLV_LEN]);
    let filler = vec![0; BEACON_LEN_MAX - bytes.len() - 4];
    let len = u16::try_from(filler.len()).unwrap().to_be_bytes();
    let full = [head, &[0x12, 0x34], &len, &filler, tail].concat();
    assert_eq!(
        (full.len(), Beacon::decode(&full).is_ok()),
        (BEACON_LEN_MAX, true)
    );
    let len = (u16::from_be_bytes(len) + 1).to_be_bytes();
    let over = [head, &[0x12, 0x34], &len, &filler, &[0], tail].concat();
    assert_eq!(Beacon::decode(&over), Err(Malformed { what: "beacon" }));
}

#[test]
fn every_truncation_is_refused() {
    let bytes = beacon();
    for len in 0..bytes.len() {
        assert!(Beacon::decode(&bytes[..len]).is_err(), "{len}");
    }
}

#[test]
fn every_flipped_bit_is_read_without_a_panic() {
    let bytes = beacon();
    let good = Beacon::decode(&bytes).unwrap();
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        if let Ok(read) = Beacon::decode(&flipped) {
            assert_ne!((read.signed, read.signature), (good.signed, good.signature));
        }
    }
}

proptest! {
    #[test]
    fn beacons_round_trip(
        fill: [u8; 3],
        recovery: bool,
        entries in 0usize..=2,
        instance: [u8; 8],
        port in 1u16..,
        sequence: u64,
        nonce: [u8; 8],
        tags in proptest::collection::vec(any::<[u8; 8]>(), 1..=WANTED_MAX),
    ) {
        let entries = vec![fill[0]; entries * ROTATION_LEN];
        let inception = vec![fill[1]; if recovery { 106 } else { 74 }];
        let rotations = Rotations::parse(&entries, 2).unwrap();
        let certificate = [fill[2]; CERTIFICATE_LEN];
        let bytes = BeaconFields {
            inception: &inception, rotations, certificate: &certificate, instance, port,
            sequence, wanted: (&nonce, &tags),
        }.encode(|_| [1; 64]).unwrap();
        let read = Beacon::decode(&bytes).unwrap();
        prop_assert_eq!((read.inception, read.rotations), (&inception[..], rotations));
        prop_assert_eq!((read.instance, read.port, read.sequence), (instance, port, sequence));
        prop_assert_eq!(read.wanted.nonce, nonce);
        prop_assert_eq!(read.wanted.iter().collect::<Vec<_>>(), tags);
    }

    #[test]
    fn random_beacons_never_panic(rest in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = Beacon::decode(&[&MAGIC[..], &rest].concat());
    }
}
