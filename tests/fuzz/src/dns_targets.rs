//! Targets for what programs say to the responder, and what the C library's module hears.

use group::responder::{Asked, Found, answer};
use wire::dns::{ANSWER_LEN_MAX, Query, kind};

/// `Query::parse`, and what it is answered: short, the same question, and nothing that would be answered again.
pub fn dns(bytes: &[u8]) {
    let asked = Asked::of(bytes);
    assert_eq!(asked.is_some(), Query::parse(bytes).is_ok());
    let found = [
        Found::Address("fc12::1".parse().expect("an address")),
        Found::Name("x".repeat(63), "y".repeat(63)),
        Found::Empty,
        Found::Unknown,
        Found::Later,
    ];
    let plain = match asked {
        Some(Asked::Plain(found)) => Some(found),
        _ => None,
    };
    for found in found.iter().chain(&plain) {
        let told = answer(bytes, found);
        assert_eq!(told.is_some(), Query::parse(bytes).is_ok());
        let Some(told) = told else { continue };
        assert!(told.len() <= ANSWER_LEN_MAX);
        assert_eq!(told[..2], bytes[..2]);
        assert!(Query::parse(&told).is_err());
    }
}

/// `nss::dns::decode_answer`: the first byte says which question it is to answer.
pub fn dns_answer(bytes: &[u8]) {
    let Some((which, bytes)) = bytes.split_first() else {
        return;
    };
    for question in questions() {
        let _ = nss::dns::decode_answer(&question, bytes);
    }
    // What is behind the question, as an answer to it.
    let question = questions()[usize::from(which & 1)];
    let mut message = question.as_bytes().to_vec();
    message[2] |= 0x80;
    message[7] = 1;
    message.extend(bytes);
    let _ = nss::dns::decode_answer(&question, &message);
}

fn questions() -> [nss::dns::Message; 2] {
    let name = nss::dns::Message::for_name(7, b"ada.lab.kumi");
    let address = nss::dns::Message::for_address(7, &nss::dns::ADDRESS);
    [name.expect("a name"), address.expect("an address")]
}

/// Questions of the module, and one with EDNS for another type.
pub fn seeds() -> Vec<Vec<u8>> {
    let [name, address] = questions().map(|it| it.as_bytes().to_vec());
    let mut edns = name.clone();
    edns[11] = 1;
    edns.extend([0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
    let mut other = name.clone();
    let at = other.len() - 3;
    other[at] = kind::ANY as u8;
    vec![name, address, edns, other]
}

/// Answers of the responder to these.
pub fn answer_seeds() -> Vec<Vec<u8>> {
    let f = Found::Address("fc12::1".parse().expect("an address"));
    let name = Found::Name("ada".to_owned(), "lab".to_owned());
    let told = seeds().into_iter().flat_map(|question| {
        [&f, &name, &Found::Unknown, &Found::Later]
            .into_iter()
            .filter_map(move |found| answer(&question, found))
    });
    told.map(|it| [&[0][..], &it].concat()).collect()
}
