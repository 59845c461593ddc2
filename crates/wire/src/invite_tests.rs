//! Byte-exact layout, what people do to a line, and round trips of invites.

use super::*;
use crate::statement::ROTATION_LEN;
use proptest::prelude::*;

/// Stands in for SHA-256: the real one is in `identity`. Every byte changes the first four.
fn hash(bytes: &[u8]) -> [u8; 32] {
    let mut sum = 0x811C_9DC5u32;
    for byte in bytes {
        sum = (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    }
    let mut out = [0; 32];
    out[..4].copy_from_slice(&sum.to_be_bytes());
    out
}

fn invite() -> Invite {
    Invite {
        purpose: Purpose::Peer,
        expires_unix_s: 0x0102_0304_0506_0708,
        secret: [0x5E; 16],
        place: place(),
        bridges: Vec::new(),
        lock: Vec::new(),
    }
}

fn place() -> Place {
    Place {
        inception: vec![0x1C; 74],
        rotations: vec![0x40; ROTATION_LEN],
        certificate: [0xCE; CERTIFICATE_LEN],
        endpoints: vec!["192.0.2.7:4649".parse().unwrap()],
    }
}

/// The body of version 2, with these flags and this many Bridges.
fn body_2(flags: u8, bridges: u8) -> Vec<u8> {
    let body = body();
    let (head, place) = body.split_at(25);
    let mut new = vec![2, flags];
    new.extend(&head[1..]);
    new.extend(place);
    new.push(bridges);
    (0..bridges).for_each(|_| new.extend(place));
    new
}

fn body() -> Vec<u8> {
    let mut body = vec![1, 1, 2, 3, 4, 5, 6, 7, 8];
    body.extend([0x5E; 16]);
    body.push(74);
    body.extend([0x1C; 74]);
    body.push(1);
    body.extend([0x40; 133]);
    body.extend([0xCE; 161]);
    body.push(1);
    body.extend([
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 192, 0, 2, 7, 0x12, 0x29,
    ]);
    body
}

fn line(body: &[u8]) -> String {
    let check = hash(body);
    format!("kumi1:{}", base64url::encode(&[body, &check[..4]].concat()))
}

#[test]
fn an_invite_has_exactly_these_bytes() {
    let written = invite().encode(hash).unwrap();
    assert_eq!(written, line(&body()));
    assert!(written.starts_with("kumi1:AQECAwQFBgcIXl5eXl5eXl5eXl5eXl5eXkoc"));
    assert_eq!(Invite::parse(&written, hash), Ok(invite()));
}

#[test]
fn white_space_does_not_count() {
    let written = invite().encode(hash).unwrap();
    let (head, tail) = written.split_at(80);
    let wrapped = format!("  {head}\r\n {tail}\n");
    assert_eq!(Invite::parse(&wrapped, hash), Ok(invite()));
}

#[test]
fn each_mistake_has_its_own_error() {
    let written = invite().encode(hash).unwrap();
    let error = |text: &str| Invite::parse(text, hash).unwrap_err();
    assert_eq!(error(""), InviteError::NotAnInvite);
    assert_eq!(error("https://example.org"), InviteError::NotAnInvite);
    assert_eq!(error(&written[1..]), InviteError::NotAnInvite);
    assert_eq!(
        error(&format!("{PREFIX}{}", "A".repeat(LINE_LEN_MAX))),
        InviteError::NotAnInvite
    );
    assert_eq!(error("kumi1:"), InviteError::Damaged);
    assert_eq!(error(&format!("{written}.")), InviteError::Damaged);
    let mut newer = body();
    newer[0] = 3;
    assert_eq!(
        error(&line(&newer)),
        InviteError::NewerVersion { version: 3 }
    );
    let mut wrong = body();
    wrong[25] = 73;
    assert!(matches!(error(&line(&wrong)), InviteError::Malformed(_)));
}

#[test]
fn every_truncation_is_called_damaged() {
    let written = invite().encode(hash).unwrap();
    for len in PREFIX.len()..written.len() {
        assert_eq!(
            Invite::parse(&written[..len], hash),
            Err(InviteError::Damaged),
            "{len}"
        );
    }
    for len in 0..PREFIX.len() {
        assert_eq!(
            Invite::parse(&written[..len], hash),
            Err(InviteError::NotAnInvite),
            "{len}"
        );
    }
}

#[test]
fn every_wrong_character_is_called_damaged() {
    let written = invite().encode(hash).unwrap();
    for at in PREFIX.len()..written.len() {
        let mut typo = written.clone().into_bytes();
        typo[at] = if typo[at] == b'x' { b'y' } else { b'x' };
        let typo = String::from_utf8(typo).unwrap();
        assert_eq!(
            Invite::parse(&typo, hash),
            Err(InviteError::Damaged),
            "{at}"
        );
    }
}

#[test]
fn every_truncated_body_is_malformed_even_with_a_right_check() {
    for body in [body(), body_2(0, 1)] {
        for len in 1..body.len() {
            let error = Invite::parse(&line(&body[..len]), hash).unwrap_err();
            assert!(
                matches!(error, InviteError::Malformed(_)),
                "{len} {error:?}"
            );
        }
        let long = [&body[..], &[0]].concat();
        assert!(matches!(
            Invite::parse(&line(&long), hash),
            Err(InviteError::Malformed(_))
        ));
    }
}

#[test]
fn every_flipped_bit_is_read_without_a_panic() {
    for body in [body(), body_2(0, 1)] {
        for bit in 0..body.len() * 8 {
            let mut flipped = body.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            if let Ok(read) = Invite::parse(&line(&flipped), hash) {
                assert_eq!(read.encode(hash).unwrap(), line(&flipped));
            }
        }
    }
}

#[test]
fn lists_are_bounded_and_the_longest_line_is_taken() {
    let endpoint: SocketAddr = "[2001:db8::1]:1".parse().unwrap();
    let longest = Place {
        inception: vec![1; 106],
        rotations: vec![2; ROTATION_LEN * ROTATIONS_MAX],
        endpoints: vec![endpoint; ENDPOINTS_MAX],
        ..place()
    };
    let of = |place: Place| Invite { place, ..invite() };
    for (bridges, len) in [(0, 11_946), (BRIDGES_MAX, 59_554)] {
        let longest = Invite {
            bridges: vec![longest.clone(); bridges],
            ..of(longest.clone())
        };
        let written = longest.encode(hash).unwrap();
        assert_eq!(written.len(), len);
        assert_eq!(Invite::parse(&written, hash), Ok(longest));
    }
    let refused = |invite: Invite| invite.encode(hash).is_err();
    assert!(refused(Invite {
        bridges: vec![place(); BRIDGES_MAX + 1],
        ..invite()
    }));
    assert!(refused(of(Place {
        endpoints: vec![endpoint; ENDPOINTS_MAX + 1],
        ..longest.clone()
    })));
    assert!(refused(of(Place {
        rotations: vec![2; ROTATION_LEN * 65],
        ..longest.clone()
    })));
    assert!(refused(of(Place {
        rotations: vec![2; 7],
        ..longest.clone()
    })));
    assert!(refused(of(Place {
        inception: vec![1; 75],
        ..longest
    })));
}

#[test]
fn a_line_with_bridges_has_exactly_these_bytes() {
    let rows = [
        (Purpose::Peer, 0, 2),
        (Purpose::Bridge, 1, 0),
        (Purpose::BridgeWithPassword, 3, 0),
    ];
    for (purpose, flags, count) in rows {
        let invite = Invite {
            purpose,
            bridges: vec![place(); usize::from(count)],
            ..invite()
        };
        let written = invite.encode(hash).unwrap();
        assert_eq!(written, line(&body_2(flags, count)));
        assert_eq!(Invite::parse(&written, hash), Ok(invite));
    }
    for (flags, count) in [(2, 0), (4, 0), (5, 0), (255, 0), (0, 5)] {
        let read = Invite::parse(&line(&body_2(flags, count)), hash);
        assert!(
            matches!(read, Err(InviteError::Malformed(_))),
            "{flags} {count}"
        );
    }
}

#[test]
fn a_line_of_a_group_ends_with_its_gate() {
    let gate = [0x5E; 16];
    let invite = Invite {
        purpose: Purpose::Group { gate },
        bridges: vec![place()],
        ..invite()
    };
    let written = invite.encode(hash).unwrap();
    let body = [body_2(4, 1), gate.to_vec()].concat();
    assert_eq!(written, line(&body));
    assert_eq!(Invite::parse(&written, hash), Ok(invite));
    let longer = [&body[..], &[0]].concat();
    assert!(Invite::parse(&line(&longer), hash).is_err());
}

#[test]
fn a_line_of_a_locked_group_ends_with_its_lock() {
    let gate = [0x5E; 16];
    let of = |lock: &[u8]| Invite {
        purpose: Purpose::Group { gate },
        lock: lock.to_vec(),
        ..invite()
    };
    let written = of(b"lock").encode(hash).unwrap();
    let body = [&body_2(12, 0)[..], &gate, &[0, 4], b"lock"].concat();
    assert_eq!(written, line(&body));
    assert_eq!(Invite::parse(&written, hash), Ok(of(b"lock")));
    let longest = of(&[7; LOCK_LEN_MAX]);
    let written = longest.encode(hash).unwrap();
    assert_eq!(Invite::parse(&written, hash), Ok(longest));
    assert!(of(&[7; LOCK_LEN_MAX + 1]).encode(hash).is_err());
    // An empty lock is none, one of no group makes no sense, and one that is cut off is none.
    let none = [&body_2(12, 0)[..], &gate, &[0, 0]].concat();
    let bodies = [&none[..], &body[..body.len() - 1], &body_2(8, 0)];
    for body in bodies {
        assert!(Invite::parse(&line(body), hash).is_err());
    }
    let of_peer = Invite {
        lock: vec![1],
        ..invite()
    };
    assert!(of_peer.encode(hash).is_err());
}

#[test]
fn debug_output_has_no_secret() {
    let gate = [0x5E; 16];
    let invite = Invite {
        purpose: Purpose::Group { gate },
        lock: vec![0x5E; 40],
        ..invite()
    };
    let text = format!("{invite:?}");
    assert!(
        text.contains("192.0.2.7") && !text.contains("94") && !text.contains("5e"),
        "{text}"
    );
}

proptest! {
    #[test]
    fn base64url_round_trips(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        let text = base64url::encode(&bytes);
        prop_assert_eq!(base64url::decode(&text), Some(bytes));
    }

    #[test]
    fn lines_round_trip(expires_unix_s: u64, secret: [u8; 16], fill: u8, entries in 0usize..4, ports in proptest::collection::vec(any::<u16>(), 0..=ENDPOINTS_MAX)) {
        let invite = Invite {
            expires_unix_s,
            secret,
            place: Place {
                inception: vec![fill; 106],
                rotations: vec![fill; entries * ROTATION_LEN],
                certificate: [fill; CERTIFICATE_LEN],
                endpoints: ports.into_iter().map(|port| SocketAddr::from(([192, 0, 2, 1], port))).collect(),
            },
            ..invite()
        };
        let written = invite.encode(hash).unwrap();
        prop_assert_eq!(Invite::parse(&written, hash), Ok(invite));
    }

    #[test]
    fn any_text_is_read_without_a_panic(text in ".{0,200}") {
        let _ = Invite::parse(&text, hash);
        let _ = Invite::parse(&format!("{PREFIX}{text}"), hash);
    }
}
