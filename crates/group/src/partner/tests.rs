//! Messages between partners come back, are bounded, and prove whose key it is.

use identity::crypto::AwsLc;

use super::*;
use crate::chain::{Head, Links};
use crate::rules::{Party, Permit};
use crate::statement::{Attributes, Policy, Server};
use crate::{Kind, Mode, Services};

const SEED: [u8; 32] = [9; 32];

fn signer() -> Signer<'static> {
    Signer {
        crypto: &AwsLc,
        seed: &SEED,
    }
}

fn f(number: u8) -> NodeAddr {
    let mut bytes = [number; 16];
    bytes[0] = 0xfc;
    NodeAddr(bytes)
}

fn charge() -> Charge {
    let genesis = Genesis {
        policy: Policy::Managed,
        root_key: signer().public(),
        salt: [1; 16],
    };
    let server = Server {
        key: [1; 32],
        f: f(1),
    };
    let group = genesis.id(&AwsLc);
    Charge {
        name: "営業".to_owned(),
        zone: "Asia/Tokyo".to_owned(),
        site: vec!["10.0.0.0/8".parse().unwrap()],
        genesis,
        authority: Authority::issue(&signer(), group, 1, 5, vec![Some(server), None]),
        rules: None,
    }
}

fn charge_with_rules() -> Charge {
    let charge = charge();
    let permits = vec![Permit {
        from: Party::Anybody,
        to: Party::Role("web".to_owned()),
        services: Services::All,
    }];
    let rules = Rules::new(charge.authority.group, 7, 5, Some(permits));
    let mut rules = Box::new(rules.unwrap());
    rules.sign(&signer(), 0);
    Charge {
        rules: Some(rules),
        ..charge
    }
}

fn admission(serial: u64) -> Admission {
    let member = Membership { f: f(3), serial };
    let group = charge().authority.group;
    let element = (Kind::Ges, Mode::Open);
    let mut admission = Admission::new(group, member, 5, element, &Attributes::default()).unwrap();
    admission.sign(&signer(), 0);
    admission
}

fn all() -> Vec<PartnerMessage> {
    let group = charge().authority.group;
    let links = Links {
        index: 1,
        after: Head::default(),
        entries: Vec::new(),
    };
    vec![
        PartnerMessage::Come(Come::new(&signer(), (f(1), f(2)), [4; 16])),
        PartnerMessage::Charge(Box::new(charge())),
        PartnerMessage::Charge(Box::new(charge_with_rules())),
        PartnerMessage::Here,
        PartnerMessage::Said(Message::Heads {
            group,
            heads: vec![(1, Head::default())],
        }),
        PartnerMessage::Said(Message::Entries { group, links }),
        PartnerMessage::Holding {
            group,
            rules_serial: 7,
            digest: [7; 32],
        },
        PartnerMessage::Admitted {
            group,
            admissions: vec![admission(1), admission(2)],
        },
    ]
}

#[test]
fn every_message_comes_back_and_no_shorter_one_is_taken_for_it() {
    for message in all() {
        let (kind, bytes) = (message.kind(), message.encode());
        let read = PartnerMessage::decode(kind, &bytes);
        assert_eq!(read, Ok(Some(message.clone())));
        for len in 0..bytes.len() {
            let read = PartnerMessage::decode(kind, &bytes[..len]);
            assert_ne!(read, Ok(Some(message.clone())), "{kind:#x} {len}");
        }
        let longer = [&bytes[..], &[0]].concat();
        assert!(PartnerMessage::decode(kind, &longer).is_err(), "{kind:#x}");
    }
    for unknown in [0x12, 0x1f, 0x3f, 0x47] {
        assert_eq!(PartnerMessage::decode(unknown, b"anything"), Ok(None));
    }
}

#[test]
fn a_key_is_its_servers_own_at_this_server_and_no_other() {
    let come = Come::new(&signer(), (f(1), f(2)), [4; 16]);
    assert!(come.holds(&AwsLc, (f(1), f(2))));
    assert!(!come.holds(&AwsLc, (f(1), f(3))));
    assert!(!come.holds(&AwsLc, (f(3), f(2))));
    let other = Come {
        secret: [5; 16],
        ..come.clone()
    };
    assert!(!other.holds(&AwsLc, (f(1), f(2))));
    let stolen = Come {
        key: [1; 32],
        ..come
    };
    assert!(!stolen.holds(&AwsLc, (f(1), f(2))));
}

#[test]
fn many_admissions_go_in_pages_and_a_page_is_bounded() {
    let many: Vec<Admission> = (0..200).map(admission).collect();
    let pages = pages(many.iter());
    assert!(pages.len() > 1);
    let group = charge().authority.group;
    for admissions in &pages {
        let admissions = admissions.clone();
        let message = PartnerMessage::Admitted { group, admissions };
        assert!(PartnerMessage::decode(ADMITTED, &message.encode()).is_ok());
    }
    assert_eq!(pages.concat(), many);
    let message = PartnerMessage::Admitted {
        group,
        admissions: many,
    };
    assert!(PartnerMessage::decode(ADMITTED, &message.encode()).is_err());
}

#[test]
fn a_digest_is_of_a_set() {
    let member = |serial| Membership { f: f(3), serial };
    let of = |serials: &[u64]| digest(&AwsLc, serials.iter().map(|it| member(*it)));
    assert_eq!(of(&[1, 2, 3]), of(&[3, 1, 2]));
    assert_ne!(of(&[1, 2]), of(&[1, 2, 3]));
    assert_ne!(of(&[]), of(&[1]));
}
