//! Messages of another library are read here, and those written here by it.

use super::*;
use proptest::prelude::*;
use simple_dns::rdata::RData;
use simple_dns::{CLASS, Packet, PacketFlag, QCLASS, QTYPE, RCODE, TYPE};

fn asked(name: &str, kind: TYPE) -> Vec<u8> {
    let mut packet = Packet::new_query(0x1234);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    packet.questions.push(simple_dns::Question::new(
        simple_dns::Name::new_unchecked(name),
        QTYPE::TYPE(kind),
        QCLASS::CLASS(CLASS::IN),
        false,
    ));
    packet.build_bytes_vec().unwrap()
}

/// With EDNS of a version.
fn with_edns(mut message: Vec<u8>, version: u8) -> Vec<u8> {
    message[11] += 1;
    message.extend([0, 0, 41, 4, 208, 0, version, 0, 0, 0, 0]);
    message
}

fn found(record: Option<Record<'_>>) -> Answer<'_> {
    Answer {
        code: Code::NoError,
        zone_labels: Some(1),
        record,
        ttl_s: 10,
    }
}

#[test]
fn a_question_is_read() {
    let message = asked("Ada.lab.kumi", TYPE::AAAA);
    let query = Query::parse(&message).unwrap();
    let question = query.question.unwrap();
    let labels: Vec<&[u8]> = question.name.labels().collect();
    assert_eq!(labels, [&b"Ada"[..], b"lab", b"kumi"]);
    assert_eq!((question.kind, question.class), (kind::AAAA, class::IN));
}

#[test]
fn an_address_is_told() {
    let address: Ipv6Addr = "fc12::7".parse().unwrap();
    for message in [
        asked("Ada.lab.kumi", TYPE::AAAA),
        with_edns(asked("Ada.lab.kumi", TYPE::AAAA), 0),
    ] {
        let query = Query::parse(&message).unwrap();
        let bytes = query.answer(&found(Some(Record::Aaaa(address))));
        let answer = Packet::parse(&bytes).unwrap();
        assert_eq!((answer.id(), answer.rcode()), (0x1234, RCODE::NoError));
        let flags =
            PacketFlag::RESPONSE | PacketFlag::AUTHORITATIVE_ANSWER | PacketFlag::RECURSION_DESIRED;
        assert!(answer.has_flags(flags));
        assert!(!answer.has_flags(PacketFlag::RECURSION_AVAILABLE));
        assert_eq!(answer.questions[0].qname.to_string(), "Ada.lab.kumi");
        let [record] = &answer.answers[..] else {
            panic!("{answer:?}");
        };
        assert_eq!(
            (record.name.to_string().as_str(), record.ttl),
            ("Ada.lab.kumi", 10)
        );
        let RData::AAAA(told) = &record.rdata else {
            panic!("{record:?}");
        };
        assert_eq!(Ipv6Addr::from(told.address), address);
        assert_eq!(answer.opt().is_some(), message.len() > 40);
        assert_eq!(answer.name_servers.len(), 0);
    }
}

#[test]
fn without_a_record_the_zone_says_how_long_that_holds() {
    for code in [Code::NxDomain, Code::NoError] {
        let message = asked("nobody.lab.kumi", TYPE::AAAA);
        let query = Query::parse(&message).unwrap();
        let bytes = query.answer(&Answer {
            code,
            ..found(None)
        });
        let answer = Packet::parse(&bytes).unwrap();
        let expected = match code {
            Code::NxDomain => RCODE::NameError,
            _ => RCODE::NoError,
        };
        assert_eq!(answer.rcode(), expected);
        assert_eq!(answer.answers.len(), 0);
        let RData::SOA(soa) = &answer.name_servers[0].rdata else {
            panic!("{answer:?}");
        };
        assert_eq!(answer.name_servers[0].name.to_string(), "kumi");
        assert_eq!((soa.mname.to_string().as_str(), soa.minimum), ("kumi", 10));
        assert_eq!(soa.rname.to_string(), "nobody.invalid");
    }
}

#[test]
fn a_name_is_told() {
    let reverse = format!("{}c.f.ip6.arpa", "0.".repeat(30));
    let message = asked(&reverse, TYPE::PTR);
    let query = Query::parse(&message).unwrap();
    let bytes = query.answer(&Answer {
        zone_labels: Some(4),
        ..found(Some(Record::Ptr(&[b"ada", b"lab", b"kumi"])))
    });
    let answer = Packet::parse(&bytes).unwrap();
    let RData::PTR(told) = &answer.answers[0].rdata else {
        panic!("{answer:?}");
    };
    assert_eq!(told.0.to_string(), "ada.lab.kumi");
}

#[test]
fn what_is_no_plain_question_is_said_to_be_none() {
    let good = asked("ada.lab.kumi", TYPE::AAAA);
    let with = |at: usize, value: u8| {
        let mut message = good.clone();
        message[at] = value;
        message
    };
    let wrong = |message: &[u8]| Query::parse(message).map(|query| query.question.err());
    // Another operation; two questions; a record with an answer.
    assert_eq!(wrong(&with(2, 0x28)), Ok(Some(Code::NotImp)));
    assert_eq!(wrong(&with(5, 2)), Ok(Some(Code::FormErr)));
    assert_eq!(wrong(&with(7, 1)), Ok(Some(Code::FormErr)));
    // A pointer in the question, a label that is too long, a cut.
    assert_eq!(wrong(&with(12, 0xc0)), Ok(Some(Code::FormErr)));
    assert_eq!(wrong(&with(12, 64)), Ok(Some(Code::FormErr)));
    assert_eq!(wrong(&good[..good.len() - 1]), Ok(Some(Code::FormErr)));
    // 65,535 records that are not there.
    let mut many = good.clone();
    many[10..12].copy_from_slice(&[0xff; 2]);
    assert_eq!(wrong(&many), Ok(Some(Code::FormErr)));
    // EDNS of the future, and twice.
    assert_eq!(wrong(&with_edns(good.clone(), 1)), Ok(Some(Code::BadVers)));
    let twice = with_edns(with_edns(good.clone(), 0), 0);
    assert_eq!(wrong(&twice), Ok(Some(Code::FormErr)));
    // No message, and an answer: nothing is said.
    assert!(Query::parse(&good[..11]).is_err());
    assert!(Query::parse(&with(2, 0x80)).is_err());
    // BADVERS is told by EDNS.
    let message = with_edns(good.clone(), 9);
    let bytes = Query::parse(&message)
        .unwrap()
        .answer(&Answer::of(Code::BadVers));
    assert_eq!(
        &bytes[bytes.len() - 11..],
        [0, 0, 41, 4, 208, 1, 0, 0, 0, 0, 0]
    );
}

#[test]
fn names_have_a_longest_length() {
    let message = |labels: &[usize]| {
        let name: Vec<String> = labels.iter().map(|len| "x".repeat(*len)).collect();
        asked(&name.join("."), TYPE::AAAA)
    };
    let is_read = |message: &[u8]| Query::parse(message).unwrap().question.is_ok();
    assert!(is_read(&message(&[63, 63, 63, 61])));
    assert!(!is_read(&message(&[63, 63, 63, 62])));
}

proptest! {
    #[test]
    fn every_answer_is_short_and_an_answer(
        bytes in proptest::collection::vec(any::<u8>(), 0..80), zone in 0..6usize, code in 0..7usize, ptr: bool
    ) {
        // Mostly questions: a plain header in front.
        let mut message = vec![7, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        message.extend(bytes);
        let codes = [Code::NoError, Code::FormErr, Code::ServFail, Code::NxDomain, Code::NotImp, Code::Refused, Code::BadVers];
        let long = [&[b'x'; LABEL_LEN_MAX][..], &[b'y'; LABEL_LEN_MAX], b"kumi"];
        if let Ok(query) = Query::parse(&message) {
            let answer = Answer {
                code: codes[code],
                zone_labels: (zone > 0).then_some(zone),
                record: ptr.then_some(Record::Ptr(&long)),
                ttl_s: 10,
            };
            let bytes = query.answer(&answer);
            prop_assert!(bytes.len() <= ANSWER_LEN_MAX);
            prop_assert!(Query::parse(&bytes).is_err());
            prop_assert!(bytes.starts_with(&[7, 7]));
        }
    }
}
