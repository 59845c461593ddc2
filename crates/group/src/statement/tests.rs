//! Every statement comes back as it was, holds only as it was signed, and its bytes are the
//! specification's.

use identity::crypto::{AwsLc, HashRng, random};
use proptest::prelude::*;
use wire::NodeAddr;

use super::*;
use crate::element::{Kind, Mode};
use crate::rules::{PERMITS_MAX, Party, Permit, ROLE_LEN_MAX, ROLES_MAX};
use crate::{PortRange, Proto, Services};

/// Keys by number.
fn seed(number: u8) -> [u8; 32] {
    random(&mut HashRng::new([number; 32]))
}

fn signer(seed: &[u8; 32]) -> Signer<'_> {
    Signer {
        crypto: &AwsLc,
        seed,
    }
}

fn public(number: u8) -> [u8; 32] {
    signer(&seed(number)).public()
}

const ROOT: u8 = 1;
const SERVER: u8 = 2;
const ADMIN: u8 = 10;

fn member(number: u8) -> Membership {
    Membership {
        f: NodeAddr([number; 16]),
        serial: u64::from(number) << 40,
    }
}

fn genesis(policy: Policy) -> Genesis {
    Genesis {
        policy,
        root_key: public(ROOT),
        salt: [7; 16],
    }
}

/// `n` admins of whom `threshold` must agree, and the seeds by index.
fn locked(threshold: u8, n: u8) -> (Genesis, Vec<[u8; 32]>) {
    let mut seeds: Vec<_> = (0..n).map(|number| seed(ADMIN + number)).collect();
    seeds.sort_by_key(|seed| signer(seed).public());
    let admins = seeds.iter().map(|seed| signer(seed).public()).collect();
    (genesis(Policy::Locked { threshold, admins }), seeds)
}

fn authority(genesis: &Genesis, index: usize) -> Authority {
    let mut servers = vec![None; index];
    servers.push(Some(Server {
        key: public(SERVER),
        f: NodeAddr([0xfc; 16]),
    }));
    let root = seed(ROOT);
    Authority::issue(&signer(&root), genesis.id(&AwsLc), 3, 1_000, servers)
}

fn attributes() -> Attributes {
    Attributes {
        name: Some("印刷機-2".to_owned()),
        prefixes: vec![
            "192.168.20.0/24".parse().unwrap(),
            "fd00:20::/64".parse().unwrap(),
        ],
        site: vec!["192.0.2.0/24".parse().unwrap()],
        roles: vec!["printer".to_owned(), "事務".to_owned()],
    }
}

fn admission(genesis: &Genesis) -> Admission {
    let element = (Kind::Gen, Mode::Closed);
    Admission::new(genesis.id(&AwsLc), member(5), 1_000, element, &attributes()).unwrap()
}

fn entry(group: GroupId, body: EntryBody) -> Entry {
    let server = seed(SERVER);
    Entry {
        group,
        index: 2,
        number: 9,
        before: [8; 32],
        at_unix_s: 1_234,
        body,
        signature: [0; 64],
    }
    .signed(&signer(&server))
}

fn epoch() -> EpochEntry {
    EpochEntry {
        number: 77,
        activates_unix_s: 9_000,
        overlap_s: 90,
        secret_hash: [6; 32],
    }
}

#[test]
fn a_group_is_its_genesis() {
    let managed = genesis(Policy::Managed);
    assert_eq!(managed.encode().len(), 51);
    let (two_of_three, _) = locked(2, 3);
    assert_eq!(two_of_three.encode().len(), 51 + 3 * 32);
    for group in [&managed, &two_of_three] {
        assert_eq!(Genesis::decode(&group.encode()).as_ref(), Ok(group));
    }
    assert_ne!(managed.id(&AwsLc), two_of_three.id(&AwsLc));
    let other = Genesis {
        salt: [8; 16],
        ..managed.clone()
    };
    assert_ne!(managed.id(&AwsLc), other.id(&AwsLc));
    let id = managed.id(&AwsLc).to_string();
    assert_eq!(id.len(), 32, "{id}");
}

#[test]
fn a_policy_that_nobody_can_meet_is_refused() {
    let (group, _) = locked(2, 3);
    let with = |at: usize, value: u8| {
        let mut bytes = group.encode();
        bytes[at] = value;
        Genesis::decode(&bytes).is_ok()
    };
    assert!(with(1, 3) && with(1, 1));
    assert!(!with(1, 4), "four of three");
    assert!(!with(1, 0), "managed with admins");
    assert!(!with(0, 2), "another version");
    let Policy::Locked { mut admins, .. } = group.policy.clone() else {
        panic!()
    };
    admins.swap(0, 1);
    let swapped = Policy::Locked {
        threshold: 2,
        admins: admins.clone(),
    };
    assert!(Genesis::decode(&genesis(swapped).encode()).is_err());
    let twice = Policy::Locked {
        threshold: 2,
        admins: vec![admins[0], admins[0]],
    };
    assert!(Genesis::decode(&genesis(twice).encode()).is_err());
}

#[test]
fn an_authority_names_servers_by_index() {
    let group = genesis(Policy::Managed);
    let statement = authority(&group, 2);
    assert_eq!(
        Authority::decode(&statement.encode()).as_ref(),
        Ok(&statement)
    );
    assert!(statement.is_signed_by(&AwsLc, &group.root_key));
    assert!(!statement.is_signed_by(&AwsLc, &public(SERVER)));
    assert!(statement.server(0).is_none() && statement.server(3).is_none());
    assert_eq!(statement.server(2).unwrap().key, public(SERVER));
    let mut none = statement.clone();
    none.servers.clear();
    assert!(Authority::decode(&none.encode()).is_err());
    none.servers = vec![None; SERVERS_MAX + 1];
    assert!(Authority::decode(&none.encode()).is_err());
}

#[test]
fn a_managed_admission_is_a_servers() {
    let group = genesis(Policy::Managed);
    let authority = authority(&group, 2);
    let server = seed(SERVER);
    let mut admission = admission(&group);
    assert!(
        !admission.holds(&AwsLc, &group, &authority),
        "nobody signed"
    );
    admission.sign(&signer(&server), 1);
    assert!(
        !admission.holds(&AwsLc, &group, &authority),
        "nobody is there"
    );
    let mut admission = self::admission(&group);
    admission.sign(&signer(&server), 2);
    assert!(admission.holds(&AwsLc, &group, &authority));
    let again = Admission::decode(&admission.encode()).unwrap();
    assert_eq!(again, admission);
    assert_eq!(again.attributes(), Ok(attributes()));
    admission.mode = Mode::Open;
    assert!(!admission.holds(&AwsLc, &group, &authority));
    // Another group of the same server.
    let other = Genesis {
        salt: [1; 16],
        ..group
    };
    assert!(!again.holds(&AwsLc, &other, &self::authority(&other, 2)));
    assert!(!again.holds(&AwsLc, &other, &authority));
}

#[test]
fn a_locked_admission_takes_k_admins_and_no_server() {
    let (group, seeds) = locked(2, 3);
    let authority = authority(&group, 0);
    let holds = |by: &[(usize, u8)]| {
        let mut admission = admission(&group);
        for (admin, index) in by {
            admission.sign(&signer(&seeds[*admin]), *index);
        }
        let again = Admission::decode(&admission.encode()).unwrap();
        assert_eq!(again, admission);
        again.holds(&AwsLc, &group, &authority)
    };
    assert!(holds(&[(0, 0), (2, 2)]));
    assert!(holds(&[(2, 2), (1, 1), (0, 0)]));
    assert!(!holds(&[(1, 1)]), "one is not enough");
    assert!(!holds(&[(1, 1), (1, 1)]), "nor is one twice");
    assert!(!holds(&[(1, 0), (1, 1)]), "nor one for another");
    assert!(!holds(&[(0, 0), (1, 1), (0, 2)]), "a wrong one beside");
    assert!(!holds(&[(0, 0), (1, 3)]), "there are three");
    let mut by_server = admission(&group);
    let server = seed(SERVER);
    by_server.sign(&signer(&server), 0);
    by_server.sign(&signer(&server), 1);
    assert!(!by_server.holds(&AwsLc, &group, &authority));
}

#[test]
fn names_and_prefixes_are_bounded() {
    let group = genesis(Policy::Managed).id(&AwsLc);
    let make = |name: &str, prefixes: usize| {
        let attributes = Attributes {
            name: Some(name.to_owned()),
            prefixes: vec!["10.0.0.0/8".parse().unwrap(); prefixes],
            site: vec!["192.0.2.0/24".parse().unwrap()],
            roles: Vec::new(),
        };
        let element = (Kind::Ges, Mode::Open);
        Admission::new(group, member(5), 0, element, &attributes)
    };
    assert!(make(&"a".repeat(NAME_LEN_MAX), PREFIXES_MAX).is_ok());
    for name in ["", "a b", "a.b", "a\u{7}", &"a".repeat(NAME_LEN_MAX + 1)] {
        assert!(make(name, 0).is_err(), "{name:?}");
    }
    assert!(make("a", PREFIXES_MAX + 1).is_err());
    let longest = make(&"a".repeat(NAME_LEN_MAX), PREFIXES_MAX).unwrap();
    assert!(Admission::decode(&longest.encode()).is_ok());
}

#[test]
fn roles_are_bounded_and_each_there_once() {
    let group = genesis(Policy::Managed).id(&AwsLc);
    let make = |roles: &[&str]| {
        let attributes = Attributes {
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            ..Attributes::default()
        };
        let element = (Kind::Ges, Mode::Open);
        Admission::new(group, member(5), 0, element, &attributes)
    };
    let most = ["a", "b", "c", "d", "e", "f", "g", &"h".repeat(ROLE_LEN_MAX)];
    assert_eq!(most.len(), ROLES_MAX);
    let made = make(&most).unwrap();
    let read = Admission::decode(&made.encode()).unwrap();
    assert_eq!(read.attributes().unwrap().roles, most);
    assert!(make(&[&most[..], &["i"]].concat()).is_err());
    for wrong in [
        &["b", "a"][..],
        &["a", "a"],
        &[""],
        &["a b"],
        &[&"x".repeat(ROLE_LEN_MAX + 1)],
    ] {
        assert!(make(wrong).is_err(), "{wrong:?}");
    }
}

fn rules(genesis: &Genesis, permits: Option<Vec<Permit>>) -> Rules {
    Rules::new(genesis.id(&AwsLc), 12, 1_000, permits).unwrap()
}

fn permits() -> Vec<Permit> {
    let ssh = PortRange {
        proto: Proto::Tcp,
        lo: 22,
        hi: 22,
    };
    let dns = PortRange {
        proto: Proto::Udp,
        lo: 53,
        hi: 53,
    };
    vec![
        Permit {
            from: Party::Role("事務".to_owned()),
            to: Party::Role("server".to_owned()),
            services: Services::Ports(vec![ssh, dns]),
        },
        Permit {
            from: Party::Anybody,
            to: Party::Role("server".to_owned()),
            services: Services::All,
        },
    ]
}

#[test]
fn rules_hold_if_those_signed_who_decide() {
    let managed = genesis(Policy::Managed);
    let authority_of = |group| authority(group, 2);
    for permits in [None, Some(Vec::new()), Some(permits())] {
        let mut rules = rules(&managed, permits);
        assert!(
            !rules.holds(&AwsLc, &managed, &authority_of(&managed)),
            "unsigned"
        );
        rules.sign(&signer(&seed(SERVER)), 2);
        assert!(rules.holds(&AwsLc, &managed, &authority_of(&managed)));
        let bytes = rules.encode();
        assert_eq!(Rules::decode(&bytes).as_ref(), Ok(&rules));
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let holds = |it: Rules| it.holds(&AwsLc, &managed, &authority_of(&managed));
            assert!(!Rules::decode(&changed).is_ok_and(holds), "byte {at}");
            assert!(Rules::decode(&bytes[..at]).is_err());
        }
        rules.sign(&signer(&seed(9)), 2);
        assert!(
            !rules.holds(&AwsLc, &managed, &authority_of(&managed)),
            "another's"
        );
    }
    let (group, seeds) = locked(2, 3);
    let mut by_server = rules(&group, None);
    by_server.sign(&signer(&seed(SERVER)), 2);
    assert!(!by_server.holds(&AwsLc, &group, &authority_of(&group)));
    let mut by_admins = rules(&group, Some(permits()));
    by_admins.sign(&signer(&seeds[0]), 0);
    assert!(
        !by_admins.holds(&AwsLc, &group, &authority_of(&group)),
        "one of two"
    );
    by_admins.sign(&signer(&seeds[2]), 2);
    assert!(by_admins.holds(&AwsLc, &group, &authority_of(&group)));
    let other = genesis(Policy::Managed);
    let other = Genesis {
        salt: [9; 16],
        ..other
    };
    assert!(!by_admins.holds(&AwsLc, &other, &authority_of(&other)));
}

#[test]
fn rules_are_bounded() {
    let group = genesis(Policy::Managed).id(&AwsLc);
    let longest = Permit {
        from: Party::Role("f".repeat(ROLE_LEN_MAX)),
        to: Party::Role("t".repeat(ROLE_LEN_MAX)),
        services: Services::All,
    };
    let most = vec![longest.clone(); PERMITS_MAX];
    let made = Rules::new(group, 1, 1, Some(most.clone())).unwrap();
    assert!(made.encode().len() <= RULES_LEN_MAX);
    assert_eq!(Rules::decode(&made.encode()), Ok(made));
    assert!(Rules::new(group, 1, 1, Some([&most[..], &[longest]].concat())).is_err());
}

#[test]
fn a_lease_runs_from_its_beginning_less_the_tolerance_to_its_end() {
    let group = genesis(Policy::Managed);
    let authority = authority(&group, 2);
    let server = seed(SERVER);
    let from = 1_800_000_000;
    let lease = Lease::issue(&signer(&server), 2, group.id(&AwsLc), member(5), from);
    assert_eq!(lease.encode().len(), LEASE_LEN);
    assert_eq!(Lease::decode(&lease.encode()).as_ref(), Ok(&lease));
    let holds = |at| lease.holds(&AwsLc, &authority, at);
    assert!(!holds(from - 601) && holds(from - 600));
    assert!(holds(from + LEASE_S - 1) && !holds(from + LEASE_S));
    let by_other = Lease::issue(&signer(&seed(9)), 2, group.id(&AwsLc), member(5), from);
    assert!(!by_other.holds(&AwsLc, &authority, from));
    for len_s in [LEASE_S_MAX, LEASE_S_MAX + 1] {
        let mut lease = lease.clone();
        lease.until_unix_s = from + len_s;
        assert_eq!(Lease::decode(&lease.encode()).is_ok(), len_s == LEASE_S_MAX);
    }
    let mut backwards = lease.clone();
    backwards.until_unix_s = from - 1;
    assert!(Lease::decode(&backwards.encode()).is_err());
}

#[test]
fn an_entry_is_small_and_its_servers() {
    let group = genesis(Policy::Managed);
    let authority = authority(&group, 2);
    let rows = [
        (EntryBody::Removal(member(5)), 151),
        (EntryBody::Epoch(epoch()), ENTRY_LEN_MAX),
    ];
    for (body, len) in rows {
        let entry = entry(group.id(&AwsLc), body);
        assert_eq!(entry.encode().len(), len);
        assert!(len <= 400, "the budget of a removal");
        assert_eq!(Entry::decode(&entry.encode()).as_ref(), Ok(&entry));
        assert!(entry.holds(&AwsLc, &authority));
        let elsewhere = Entry { index: 1, ..entry };
        assert!(!elsewhere.holds(&AwsLc, &authority));
    }
    let mut large = epoch();
    large.number = 1 << 28;
    let large = entry(group.id(&AwsLc), EntryBody::Epoch(large));
    assert!(Entry::decode(&large.encode()).is_err());
}

#[test]
fn one_changed_bit_and_nothing_holds() {
    let group = genesis(Policy::Managed);
    let authority = authority(&group, 2);
    let server = seed(SERVER);
    let mut admission = admission(&group);
    admission.sign(&signer(&server), 2);
    let lease = Lease::issue(&signer(&server), 2, group.id(&AwsLc), member(5), 1_000);
    let entry = entry(group.id(&AwsLc), EntryBody::Epoch(epoch()));
    type Holds<'a> = Box<dyn Fn(&[u8]) -> bool + 'a>;
    let all: [(Vec<u8>, Holds<'_>); 4] = [
        (
            authority.encode(),
            Box::new(|bytes| {
                let read = Authority::decode(bytes);
                read.is_ok_and(|it| it.is_signed_by(&AwsLc, &group.root_key))
            }),
        ),
        (
            admission.encode(),
            Box::new(|bytes| {
                let read = Admission::decode(bytes);
                read.is_ok_and(|it| it.holds(&AwsLc, &group, &authority))
            }),
        ),
        (
            lease.encode(),
            Box::new(|bytes| {
                let read = Lease::decode(bytes);
                read.is_ok_and(|it| it.holds(&AwsLc, &authority, 1_000))
            }),
        ),
        (
            entry.encode(),
            Box::new(|bytes| {
                let read = Entry::decode(bytes);
                read.is_ok_and(|it| it.holds(&AwsLc, &authority))
            }),
        ),
    ];
    for (bytes, holds) in all {
        assert!(holds(&bytes));
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(!holds(&changed), "bit {bit}");
        }
        for len in 0..bytes.len() {
            assert!(!holds(&bytes[..len]), "{len} bytes");
        }
        assert!(!holds(&[&bytes[..], &[0]].concat()), "one more");
    }
}

proptest! {
    #[test]
    fn what_decodes_is_encoded_the_same(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let first = [&[VERSION], &bytes[..]].concat();
        if let Ok(it) = Genesis::decode(&first) {
            prop_assert_eq!(it.encode(), first.clone());
        }
        if let Ok(it) = Authority::decode(&first) {
            prop_assert_eq!(it.encode(), first.clone());
        }
        if let Ok(it) = Admission::decode(&first) {
            prop_assert_eq!(it.encode(), first.clone());
        }
        if let Ok(it) = Lease::decode(&first) {
            prop_assert_eq!(it.encode(), first.clone());
        }
        if let Ok(it) = Entry::decode(&first) {
            prop_assert_eq!(it.encode(), first);
        }
    }
}
