//! Every question has one answer, whatever is asked.

use super::*;
use proptest::prelude::*;

fn asked(name: &str, wanted: u16) -> Vec<u8> {
    let mut message = vec![9, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.').filter(|it| !it.is_empty()) {
        message.push(label.len() as u8);
        message.extend(label.as_bytes());
    }
    message.push(0);
    message.extend(wanted.to_be_bytes());
    message.extend(class::IN.to_be_bytes());
    message
}

fn of(name: &str) -> Asked {
    Asked::of(&asked(name, kind::AAAA)).unwrap()
}

fn member(member: &str, group: Option<&str>) -> Asked {
    Asked::Member(MemberName {
        member: member.to_owned(),
        group: group.map(str::to_owned),
    })
}

#[test]
fn names_are_those_that_kumi_knows() {
    assert_eq!(of("ada.lab.kumi"), member("ada", Some("lab")));
    assert_eq!(of("ada.KUMI"), member("ada", None));
    assert_eq!(of("経理.東京.kumi"), member("経理", Some("東京")));
    assert_eq!(of("xn--wgv71a119e.lab.kumi"), member("日本語", Some("lab")));
    assert_eq!(of("a.b.c.kumi"), Asked::Plain(Found::Unknown));
    assert_eq!(of("a b.lab.kumi"), Asked::Plain(Found::Unknown));
    assert_eq!(of("xn--99999999.lab.kumi"), Asked::Plain(Found::Unknown));
    assert_eq!(of("kumi"), Asked::Plain(Found::Zone));
    assert_eq!(of(PROBE), Asked::Plain(Found::Address(ADDRESS)));
}

#[test]
fn everything_else_is_refused() {
    let refused = Asked::Plain(Found::Wrong(Code::Refused));
    for name in [
        "",
        "example.com",
        "kumi.example.com",
        "akumi",
        "ada.lab",
        "d.f.ip6.arpa",
        "arpa",
        "1.2.0.192.in-addr.arpa",
    ] {
        assert_eq!(of(name), refused, "{name}");
    }
    let mut chaos = asked("ada.lab.kumi", kind::AAAA);
    let at = chaos.len() - 1;
    chaos[at] = 3;
    assert_eq!(Asked::of(&chaos), Some(refused));
}

#[test]
fn addresses_are_read_from_their_digits() {
    let reverse = |address: &str| {
        let address: Ipv6Addr = address.parse().unwrap();
        let digits = address
            .octets()
            .into_iter()
            .flat_map(|byte| [byte >> 4, byte & 15]);
        let digits: Vec<String> = digits.map(|digit| format!("{digit:x}")).collect();
        let digits: Vec<String> = digits.into_iter().rev().collect();
        format!("{}.ip6.arpa", digits.join("."))
    };
    for address in ["fc12:3456::789a", "200::1", "3ff:ffff::"] {
        let expected = Asked::Address(address.parse().unwrap());
        assert_eq!(of(&reverse(address)), expected);
    }
    assert_eq!(
        of(&reverse("fd00::1")),
        Asked::Plain(Found::Wrong(Code::Refused))
    );
    assert_eq!(of(&reverse("fc00::53")), Asked::Plain(Found::Empty));
    assert_eq!(of("1.c.f.ip6.arpa"), Asked::Plain(Found::Empty));
    assert_eq!(of("x.c.f.ip6.arpa"), Asked::Plain(Found::Unknown));
    let long = format!("0.{}", reverse("fc00::1"));
    assert_eq!(of(&long), Asked::Plain(Found::Unknown));
}

/// The code, and how many records of which section.
fn told(message: &[u8], found: &Found) -> (u8, u8, u8) {
    let answer = answer(message, found).unwrap();
    (answer[3] & 15, answer[7], answer[9])
}

#[test]
fn what_was_found_is_told_if_it_is_of_the_type_asked_for() {
    let f: Ipv6Addr = "fc12::1".parse().unwrap();
    for (wanted, records) in [
        (kind::AAAA, 1),
        (kind::ANY, 1),
        (kind::A, 0),
        (kind::PTR, 0),
        (65, 0),
    ] {
        let message = asked("ada.lab.kumi", wanted);
        assert_eq!(
            told(&message, &Found::Address(f)),
            (0, records, 1 - records)
        );
        assert_eq!(told(&message, &Found::Unknown), (3, 0, 1));
        assert_eq!(told(&message, &Found::Empty), (0, 0, 1));
        assert_eq!(told(&message, &Found::Later), (2, 0, 0));
        assert_eq!(told(&message, &Found::Wrong(Code::Refused)), (5, 0, 0));
    }
    let zone = |wanted| told(&asked("kumi", wanted), &Found::Zone);
    assert_eq!((zone(kind::SOA), zone(kind::NS)), ((0, 1, 0), (0, 0, 1)));
    let reverse = asked(&format!("{}c.f.ip6.arpa", "0.".repeat(30)), kind::PTR);
    let name = Found::Name("ada".to_owned(), "lab".to_owned());
    assert_eq!(told(&reverse, &name), (0, 1, 0));
    let bytes = answer(&reverse, &name).unwrap();
    assert!(bytes.ends_with(b"\x03ada\x03lab\x04kumi\0"));
    // How long it holds that there is no such name: the last field of the zone's start.
    let holds = |message: &[u8]| {
        let bytes = answer(message, &Found::Unknown).unwrap();
        bytes[bytes.len() - 4..].to_vec()
    };
    assert_eq!(holds(&reverse), STRANGER_TTL_S.to_be_bytes());
    assert_eq!(
        holds(&asked("ada.lab.kumi", kind::AAAA)),
        TTL_S.to_be_bytes()
    );
}

proptest! {
    #[test]
    fn no_message_is_too_much(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut message = vec![9, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        message.extend(&bytes);
        for message in [message, bytes] {
            let found = Asked::of(&message).map(|asked| match asked {
                Asked::Plain(found) => found,
                _ => Found::Unknown,
            });
            let answered = found.and_then(|found| answer(&message, &found));
            if let Some(answer) = answered {
                prop_assert!(answer.len() <= wire::dns::ANSWER_LEN_MAX);
                prop_assert_eq!(Asked::of(&answer), None);
            }
        }
    }

    #[test]
    fn nothing_outside_the_zones_is_ever_answered(labels in proptest::collection::vec("[a-z0-9]{1,6}", 0..5)) {
        let name = labels.join(".");
        let inside = labels.last().is_some_and(|it| it == "kumi");
        let refused = of(&name) == Asked::Plain(Found::Wrong(Code::Refused));
        prop_assert_eq!(refused, !inside);
    }
}
