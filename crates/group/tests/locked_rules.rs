//! Rules of a locked group on their way to its admins and back.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where it is surprised"
)]

use group::rules::{PERMITS_MAX, Party, Permit, RANGES_MAX, ROLE_LEN_MAX};
use group::signing::{AdminSignature, NotSigned, Request, Statement};
use group::statement::{ADMINS_MAX, Authority, Genesis, Policy, Rules, Server, Signer};
use group::{PortRange, Proto, Services};
use identity::crypto::AwsLc;
use wire::NodeAddr;

const NOW: u64 = 1_800_000_000;

fn signer(seed: &[u8; 32]) -> Signer<'_> {
    Signer {
        crypto: &AwsLc,
        seed,
    }
}

/// The seeds of admins, in the order of their public halves.
fn admins(count: usize) -> Vec<[u8; 32]> {
    let mut seeds: Vec<[u8; 32]> = (0..count).map(|it| [it as u8 + 1; 32]).collect();
    seeds.sort_by_key(|seed| signer(seed).public());
    seeds
}

fn genesis(threshold: u8, seeds: &[[u8; 32]]) -> Genesis {
    Genesis {
        policy: Policy::Locked {
            threshold,
            admins: seeds.iter().map(|it| signer(it).public()).collect(),
        },
        root_key: signer(&[200; 32]).public(),
        salt: [7; 16],
    }
}

fn authority(genesis: &Genesis) -> Authority {
    let root = signer(&[200; 32]);
    let server = Server {
        key: signer(&[201; 32]).public(),
        f: NodeAddr([0xfc; 16]),
    };
    Authority::issue(&root, genesis.id(&AwsLc), 1, NOW, vec![Some(server)])
}

fn request(genesis: &Genesis, permits: Option<Vec<Permit>>) -> Request {
    let rules = Rules::new(genesis.id(&AwsLc), NOW, NOW, permits).unwrap();
    Request {
        name: "v".repeat(63),
        genesis: genesis.clone(),
        statement: Statement::Rules(Box::new(rules)),
    }
}

/// As many permits, roles and ports as there may be.
fn longest() -> Vec<Permit> {
    let role = |number: usize| Party::Role(format!("{number:0width$}", width = ROLE_LEN_MAX));
    let permit = |number: usize| {
        let ports = (RANGES_MAX / PERMITS_MAX) as u16;
        let range = |port| PortRange {
            proto: Proto::Udp,
            lo: port,
            hi: port + 1,
        };
        Permit {
            from: role(number),
            to: role(number + 100),
            services: Services::Ports((0..ports).map(range).collect()),
        }
    };
    (0..PERMITS_MAX).map(permit).collect()
}

#[test]
fn the_longest_rules_travel_as_text_and_take_every_admins_signature() {
    let seeds = admins(ADMINS_MAX);
    let genesis = genesis(ADMINS_MAX as u8, &seeds);
    let authority = authority(&genesis);
    let request = request(&genesis, Some(longest()));
    let text = request.to_text(&AwsLc);
    let read = Request::from_text(&AwsLc, &text).unwrap();
    assert_eq!(read, request, "{} characters", text.len());
    let mut statement = read.statement.clone();
    for seed in &seeds {
        let Statement::Rules(rules) = &statement else {
            unreachable!("it was asked for");
        };
        assert!(!rules.holds(&AwsLc, &genesis, &authority), "one is missing");
        let signature = read.sign(&signer(seed)).unwrap().to_text(&AwsLc);
        let signature = AdminSignature::from_text(&AwsLc, &signature).unwrap();
        assert!(statement.accept(&AwsLc, &genesis, &signature));
    }
    let Statement::Rules(rules) = statement else {
        unreachable!("it was asked for");
    };
    let rules = Rules::decode(&rules.encode()).unwrap();
    assert!(rules.holds(&AwsLc, &genesis, &authority));
    assert_eq!(rules.permits, Some(longest()));
}

#[test]
fn whoever_is_no_admin_signs_nothing_and_nothing_is_asked_that_is_signed_already() {
    let seeds = admins(3);
    let genesis = genesis(2, &seeds);
    let asked = request(&genesis, None);
    let stranger = asked.sign(&signer(&[99; 32]));
    assert_eq!(stranger, Err(NotSigned::NotAnAdmin));
    let other = Request {
        genesis: self::genesis(1, &seeds),
        ..asked.clone()
    };
    assert_eq!(other.sign(&signer(&seeds[0])), Err(NotSigned::Mixed));
    // An admin is shown a statement of its own alone: one that carries signatures is no request.
    let mut signed = asked.statement.clone();
    let signature = asked.sign(&signer(&seeds[0])).unwrap();
    assert!(signed.accept(&AwsLc, &genesis, &signature));
    let Statement::Rules(rules) = &signed else {
        unreachable!("it was asked for");
    };
    let bytes = asked.encode();
    let unsigned = rules.encode_unsigned();
    assert!(bytes.ends_with(&unsigned));
    let head = &bytes[..bytes.len() - unsigned.len()];
    assert!(Request::decode(&[head, &rules.encode()].concat()).is_err());
    assert!(Request::decode(&bytes).is_ok());
}

#[test]
fn one_changed_bit_and_the_signatures_are_of_nothing() {
    let seeds = admins(3);
    let genesis = genesis(2, &seeds);
    let authority = authority(&genesis);
    let permit = Permit {
        from: Party::Role("staff".to_owned()),
        to: Party::Anybody,
        services: Services::All,
    };
    let request = request(&genesis, Some(vec![permit]));
    let mut statement = request.statement.clone();
    for seed in &seeds[..2] {
        let signature = request.sign(&signer(seed)).unwrap();
        assert!(statement.accept(&AwsLc, &genesis, &signature));
    }
    let Statement::Rules(rules) = statement else {
        unreachable!("it was asked for");
    };
    let bytes = rules.encode();
    let holds = |bytes: &[u8]| {
        let read = Rules::decode(bytes);
        read.is_ok_and(|it| it.holds(&AwsLc, &genesis, &authority))
    };
    assert!(holds(&bytes), "the test can fail");
    for bit in 0..bytes.len() * 8 {
        let mut other = bytes.clone();
        other[bit / 8] ^= 1 << (bit % 8);
        assert!(!holds(&other), "bit {bit}");
    }
}
