//! Questions and answers as bytes; the lab has them with the node.

use super::*;
use proptest::prelude::*;

#[test]
fn only_the_zone_is_ours() {
    for name in ["ada.kumi", "ada.lab.kumi", "ada.lab.KuMi.", "x.y.z.kumi"] {
        assert!(is_ours(name.as_bytes()), "{name}");
    }
    for name in [
        "",
        ".",
        "kumi",
        ".kumi",
        "kumi.",
        "ada.kumi.example",
        "ada.lab",
        "xkumi",
        "ada.kumi..",
    ] {
        assert!(!is_ours(name.as_bytes()), "{name}");
    }
    assert!(!is_ours(&[b"x".repeat(260), b".kumi".to_vec()].concat()));
}

#[test]
fn only_the_overlay_is() {
    for (first, ours) in [
        (0xfc, true),
        (0xfd, false),
        (2, true),
        (3, true),
        (4, false),
        (0x20, false),
    ] {
        let mut address = [0; 16];
        address[0] = first;
        assert_eq!(is_overlay(&address), ours);
    }
}

fn question() -> Message {
    Message::for_name(0xabcd, b"ada.lab.kumi").unwrap()
}

/// An answer with one record.
fn answer(question: &Message, code: u8, kind: u16, data: &[u8]) -> Vec<u8> {
    let mut bytes = question.as_bytes().to_vec();
    bytes[2] |= 0x84;
    bytes[3] = code;
    bytes[7] = 1;
    bytes.extend([0xc0, 12]);
    bytes.extend(kind.to_be_bytes());
    bytes.extend([0, 1, 0, 0, 0, 10, 0, data.len() as u8]);
    bytes.extend(data);
    bytes
}

#[test]
fn an_address_is_read_and_nothing_else_is_taken_for_one() {
    let address = [0xfc; 16];
    let good = answer(&question(), 0, AAAA, &address);
    let read = |bytes: &[u8]| decode_answer(&question(), bytes);
    assert_eq!(read(&good), Some(Answer::Address(address, 10)));
    assert_eq!(
        read(&answer(&question(), 3, AAAA, &address)),
        Some(Answer::NoName)
    );
    for code in [1, 2, 4, 5] {
        assert_eq!(
            read(&answer(&question(), code, AAAA, &address)),
            Some(Answer::Later)
        );
    }
    // Another record, another length, another question, another number, a question itself, a cut.
    assert_eq!(read(&answer(&question(), 0, PTR, &address)), None);
    assert_eq!(read(&answer(&question(), 0, AAAA, &address[1..])), None);
    let other = Message::for_name(0xabcd, b"bob.lab.kumi").unwrap();
    assert_eq!(read(&answer(&other, 0, AAAA, &address)), None);
    let other = Message::for_name(0xabce, b"ada.lab.kumi").unwrap();
    assert_eq!(read(&answer(&other, 0, AAAA, &address)), None);
    assert_eq!(read(question().as_bytes()), None);
    for len in 0..good.len() {
        assert_eq!(read(&good[..len]), None, "{len}");
    }
    let mut none = good[..question().as_bytes().len()].to_vec();
    none[7] = 0;
    assert_eq!(read(&none), Some(Answer::NoData));
}

#[test]
fn a_name_is_read_unless_a_shell_would_run_it() {
    let asked = Message::for_address(7, &ADDRESS).unwrap();
    let read = |data: &[u8]| match decode_answer(&asked, &answer(&asked, 0, PTR, data)) {
        Some(Answer::Name(name, 10)) => String::from_utf8(name.as_bytes().to_vec()).ok(),
        _ => None,
    };
    assert_eq!(
        read(b"\x03ada\x03lab\x04kumi\0").as_deref(),
        Some("ada.lab.kumi")
    );
    assert_eq!(
        read("\x06経理\x03lab\x04kumi\0".as_bytes()).as_deref(),
        Some("経理.lab.kumi")
    );
    for wrong in [
        &b"\x07$(halt)\x04kumi\0"[..],
        b"\x03a.b\x04kumi\0",
        b"\x03a\nb\0",
        b"\0",
        b"\x05ada",
        b"\x03ada\xc0\xff",
    ] {
        assert_eq!(read(wrong), None, "{wrong:?}");
    }
    let text = std::str::from_utf8(&asked.as_bytes()[12..]).unwrap();
    assert!(text.starts_with("\x013\x015\x010"));
    assert!(text.contains("\x01c\x01f\x03ip6\x04arpa\0"));
}

proptest! {
    #[test]
    fn no_answer_is_too_much(bytes in proptest::collection::vec(any::<u8>(), 0..200), name: bool) {
        let asked = match name {
            true => question(),
            false => Message::for_address(7, &ADDRESS).unwrap(),
        };
        let mut message = answer(&asked, 0, if name { AAAA } else { PTR }, &[]);
        let end = message.len() - 10;
        message.truncate(end);
        message.extend(&bytes);
        let _ = decode_answer(&asked, &message);
        let _ = decode_answer(&asked, &bytes);
    }

    #[test]
    fn names_that_cannot_be_asked_for_are_none(name in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Some(message) = Message::for_name(1, &name) {
            prop_assert!(message.as_bytes().len() <= MESSAGE_LEN_MAX);
        }
        let _ = is_ours(&name);
    }
}
