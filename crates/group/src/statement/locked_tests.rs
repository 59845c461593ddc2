//! Locked groups: what a server, k-1 thieves of keys, and holders of invites cannot do.

use identity::crypto::{AwsLc, HashRng, random};
use proptest::prelude::*;
use wire::NodeAddr;

use super::*;
use crate::element::{Kind, Mode};

const NOW: u64 = 1_800_000_000;
const DAY: u64 = 86_400;

fn seed(number: u8) -> [u8; 32] {
    random(&mut HashRng::new([number; 32]))
}

fn signer(seed: &[u8; 32]) -> Signer<'_> {
    Signer {
        crypto: &AwsLc,
        seed,
    }
}

/// A group of `n` admins of whom `threshold` must agree.
struct Locked {
    genesis: Genesis,
    authority: Authority,
    /// By index.
    admins: Vec<[u8; 32]>,
    server: [u8; 32],
    invite: [u8; 32],
}

impl Locked {
    fn new(threshold: u8, n: u8) -> Self {
        let mut admins: Vec<_> = (0..n).map(|number| seed(10 + number)).collect();
        admins.sort_by_key(|seed| signer(seed).public());
        let (root, server) = (seed(1), seed(2));
        let genesis = Genesis {
            policy: Policy::Locked {
                threshold,
                admins: admins.iter().map(|it| signer(it).public()).collect(),
            },
            root_key: signer(&root).public(),
            salt: [7; 16],
        };
        let here = Server {
            key: signer(&server).public(),
            f: NodeAddr([0xfc; 16]),
        };
        let servers = vec![Some(here)];
        let authority = Authority::issue(&signer(&root), genesis.id(&AwsLc), 1, NOW, servers);
        Self {
            genesis,
            authority,
            admins,
            server,
            invite: seed(99),
        }
    }

    fn holds(&self, admission: &Admission) -> bool {
        let again = Admission::decode(&admission.encode()).unwrap();
        assert_eq!(again, *admission);
        admission.holds(&AwsLc, &self.genesis, &self.authority)
    }

    fn certificate(&self, bounds: Bounds, by: &[usize]) -> InviteCertificate {
        let key = signer(&self.invite).public();
        let id = self.genesis.id(&AwsLc);
        let mut certificate = InviteCertificate::new(id, key, bounds).unwrap();
        for index in by {
            certificate.sign(&signer(&self.admins[*index]), *index as u8);
        }
        certificate
    }

    fn by_invite(&self, bounds: Bounds, wanted: &Wanted) -> Option<Admission> {
        let certificate = self.certificate(bounds, &[0, 2]);
        Admission::by_invite(&certificate, &signer(&self.invite), wanted).ok()
    }
}

fn bounds() -> Bounds {
    Bounds {
        from_unix_s: NOW,
        until_unix_s: NOW + 7 * DAY,
        mode: Some(Mode::Closed),
        kinds: 1 << Kind::Gen.byte(),
        once: true,
        attributes: Attributes {
            name: Some("branch".to_owned()),
            prefixes: vec!["192.168.0.0/16".parse().unwrap()],
            site: vec!["192.0.2.0/24".parse().unwrap()],
            roles: Vec::new(),
        },
    }
}

fn wanted(number: u8) -> Wanted {
    Wanted {
        kind: Kind::Gen,
        prefixes: vec!["192.168.20.0/24".parse().unwrap()],
        ..Wanted::plain(NodeAddr([number; 16]), u64::from(number), NOW + DAY, "else")
    }
}

/// An admission that says this, by hand.
fn said(group: &Locked, number: u8, attributes: &Attributes, at: u64) -> Admission {
    let member = Membership {
        f: NodeAddr([number; 16]),
        serial: 5,
    };
    let id = group.genesis.id(&AwsLc);
    Admission::new(id, member, at, (Kind::Gen, Mode::Closed), attributes).unwrap()
}

#[test]
fn an_invite_that_k_admins_signed_admits_within_its_bounds_without_them() {
    let group = Locked::new(2, 3);
    let admission = group.by_invite(bounds(), &wanted(5)).unwrap();
    assert!(group.holds(&admission));
    let said = admission.attributes().unwrap();
    assert_eq!(said.name.as_deref(), Some("branch"));
    assert_eq!(said.prefixes, wanted(5).prefixes);
    assert_eq!(said.site, bounds().attributes.site);
    // A node that says nothing of what lies behind it gets all that is allowed.
    let quiet = Wanted {
        prefixes: Vec::new(),
        kind: Kind::Ges,
        ..wanted(5)
    };
    let admission = group.by_invite(bounds(), &quiet).unwrap();
    assert_eq!(
        admission.attributes().unwrap().prefixes,
        bounds().attributes.prefixes
    );
    assert_eq!(admission.kind, Kind::Gen);
    // It is no use in a managed group, nor in another one of the same admins.
    let managed = Genesis {
        policy: Policy::Managed,
        ..group.genesis.clone()
    };
    let other = Genesis {
        salt: [8; 16],
        ..group.genesis.clone()
    };
    for genesis in [managed, other] {
        assert!(!admission.holds(&AwsLc, &genesis, &group.authority));
    }
}

#[test]
fn who_stole_k_less_one_keys_and_the_server_together_can_admit_nobody() {
    for (threshold, n) in [(1, 1), (2, 3), (3, 5), (16, 16)] {
        let group = Locked::new(threshold, n);
        let stolen: Vec<usize> = (0..usize::from(threshold) - 1).collect();
        let none = Attributes::default();
        // The stolen keys sign an admission, and the server signs at every index that is left.
        let mut admission = said(&group, 5, &none, NOW);
        for index in &stolen {
            admission.sign(&signer(&group.admins[*index]), *index as u8);
        }
        assert!(!group.holds(&admission), "{threshold} of {n}");
        for index in stolen.len()..usize::from(n) {
            let mut admission = admission.clone();
            admission.sign(&signer(&group.server), index as u8);
            assert!(!group.holds(&admission), "the server is no admin");
            // Nor does one who signs twice count for two.
            if let Some(thief) = stolen.first() {
                admission.sign(&signer(&group.admins[*thief]), index as u8);
                assert!(!group.holds(&admission), "one admin at two places");
            }
        }
        // They certify an invite key of their own, which the server fills up.
        let free = Bounds {
            attributes: none.clone(),
            mode: None,
            kinds: KINDS_ALL,
            ..bounds()
        };
        let mut certificate = group.certificate(free, &stolen);
        let invite = signer(&group.invite);
        let wanted = Wanted::plain(NodeAddr([5; 16]), 7, NOW, "eve");
        assert!(!group.holds(&Admission::by_invite(&certificate, &invite, &wanted).unwrap()));
        for index in stolen.len()..usize::from(n) {
            certificate.sign(&signer(&group.server), index as u8);
        }
        assert!(!group.holds(&Admission::by_invite(&certificate, &invite, &wanted).unwrap()));
        // With one key more it would be done: the test can fail.
        let last = stolen.len();
        let mut admission = said(&group, 5, &none, NOW);
        for index in 0..=last {
            admission.sign(&signer(&group.admins[index]), index as u8);
        }
        assert!(group.holds(&admission));
    }
}

#[test]
fn an_invite_cannot_be_stretched_and_its_admission_is_of_one_node() {
    let group = Locked::new(2, 3);
    let certificate = group.certificate(bounds(), &[0, 2]);
    let invite = signer(&group.invite);
    let good = bounds().attributes;
    let by_hand = |attributes: &Attributes, at: u64, change: &dyn Fn(&mut Admission)| {
        let mut admission = said(&group, 5, attributes, at);
        change(&mut admission);
        admission.sign_by_invite(&invite, certificate.clone());
        group.holds(&admission)
    };
    let same = |_: &mut Admission| {};
    assert!(by_hand(&good, NOW, &same));
    let with = |change: &dyn Fn(&mut Attributes)| {
        let mut attributes = good.clone();
        change(&mut attributes);
        by_hand(&attributes, NOW, &same)
    };
    assert!(with(&|it| it.prefixes.clear()), "less may lie behind it");
    assert!(!with(&|it| it.prefixes.push("10.0.0.0/8".parse().unwrap())));
    assert!(!with(
        &|it| it.prefixes = vec!["192.0.0.0/8".parse().unwrap()]
    ));
    assert!(!with(&|it| it.name = Some("boss".to_owned())));
    assert!(!with(&|it| it.name = None));
    assert!(!with(&|it| it.site.clear()), "what is protected stays so");
    assert!(!with(&|it| it.site.push("10.0.0.0/8".parse().unwrap())));
    assert!(!by_hand(&good, NOW, &|it| it.mode = Mode::Open));
    assert!(!by_hand(&good, NOW, &|it| it.kind = Kind::Ges));
    assert!(by_hand(&good, NOW - 600, &same) && !by_hand(&good, NOW - 601, &same));
    let until = NOW + 7 * DAY + 600;
    assert!(by_hand(&good, until, &same) && !by_hand(&good, until + 1, &same));
    // The server has an admission that holds, and would have it say something else.
    let admission = Admission::by_invite(&certificate, &invite, &wanted(5)).unwrap();
    let altered = |change: &dyn Fn(&mut Admission)| {
        let mut admission = admission.clone();
        change(&mut admission);
        group.holds(&admission)
    };
    assert!(altered(&same));
    assert!(
        !altered(&|it| it.member.f = NodeAddr([6; 16])),
        "another node"
    );
    assert!(!altered(&|it| it.member.serial += 1), "after a removal");
    assert!(!altered(&|it| it.issued_unix_s += 1));
    // Nor does a signature of the server stand for that of the invite, nor one of the invite under
    // another certificate that the admins did not sign.
    let mut forged = admission.clone();
    forged.sign_by_invite(&signer(&group.server), certificate.clone());
    assert!(!group.holds(&forged));
    let wider = Bounds {
        mode: None,
        ..bounds()
    };
    let unsigned = group.certificate(wider.clone(), &[0]);
    assert!(!group.holds(&Admission::by_invite(&unsigned, &invite, &wanted(5)).unwrap()));
    let server_key = signer(&group.server).public();
    let mut own = InviteCertificate::new(group.genesis.id(&AwsLc), server_key, wider).unwrap();
    own.sign(&signer(&group.admins[0]), 0);
    let by_server = Admission::by_invite(&own, &signer(&group.server), &wanted(5)).unwrap();
    assert!(!group.holds(&by_server));
}

#[test]
fn an_admission_by_an_invite_says_nothing_that_is_not_bounded() {
    let group = Locked::new(2, 3);
    let admission = group.by_invite(bounds(), &wanted(5)).unwrap();
    // Another attribute, of a later version, behind the others; signed with the invite's key.
    let bytes = admission.encode();
    let at = 16 + 16 + 8 + 8 + 1 + 1 + 1;
    let len = usize::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]));
    let tail = at + 2 + len;
    let more = [0, 9, 0, 1, 5];
    let longer = [
        &bytes[..at],
        &((len + more.len()) as u16).to_be_bytes(),
        &bytes[at + 2..tail],
        &more,
        &[0],
    ]
    .concat();
    let mut longer = Admission::decode(&longer).unwrap();
    assert!(!longer.is_known());
    longer.sign_by_invite(&signer(&group.invite), group.certificate(bounds(), &[0, 2]));
    assert!(!group.holds(&longer));
}

#[test]
fn one_changed_bit_of_either_and_nothing_holds() {
    let group = Locked::new(2, 3);
    let bytes = group.by_invite(bounds(), &wanted(5)).unwrap().encode();
    let holds = |bytes: &[u8]| {
        let read = Admission::decode(bytes);
        read.is_ok_and(|it| it.holds(&AwsLc, &group.genesis, &group.authority))
    };
    assert!(holds(&bytes));
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(!holds(&changed), "bit {bit}");
    }
    assert!((0..bytes.len()).all(|len| !holds(&bytes[..len])));
    assert!(!holds(&[&bytes[..], &[0]].concat()));
}

#[test]
fn three_admins_and_an_invite_fit_into_message_2_and_sixteen_go_after_it() {
    let shown = |threshold: u8, n: u8, by_invite: bool| {
        let group = Locked::new(threshold, n);
        let by: Vec<usize> = (0..usize::from(threshold)).collect();
        let simple = Bounds {
            mode: None,
            kinds: KINDS_ALL,
            attributes: Attributes::default(),
            ..bounds()
        };
        let certificate = group.certificate(simple, &by);
        let wanted = Wanted::plain(NodeAddr([5; 16]), 7, NOW, "a-host-name");
        let invite = signer(&group.invite);
        let mut admission = Admission::by_invite(&certificate, &invite, &wanted).unwrap();
        if !by_invite {
            for index in by {
                admission.sign(&signer(&group.admins[index]), index as u8);
            }
        }
        assert!(group.holds(&admission));
        let member = admission.member;
        let lease = Lease::issue(&signer(&group.server), 0, admission.group, member, NOW);
        crate::message::encode_shown(std::iter::once((&admission, &lease))).len()
    };
    assert!(shown(3, 5, false) > 0 && shown(3, 5, true) > 0);
    assert_eq!((shown(16, 16, false), shown(16, 16, true)), (0, 0));
}

fn any_bounds() -> impl Strategy<Value = Bounds> {
    let prefix = |bits: u8| format!("10.{bits}.0.0/16").parse().unwrap();
    let mode = prop_oneof![Just(None), Just(Some(Mode::Open)), Just(Some(Mode::Closed))];
    let prefixes = prop::collection::vec(0u8..4, 0..3);
    let name = prop::option::of("[a-c]{1,2}");
    (mode, 1..=KINDS_ALL, any::<bool>(), prefixes, name, 0u64..4).prop_map(
        move |(mode, kinds, once, prefixes, name, days)| Bounds {
            from_unix_s: NOW,
            until_unix_s: NOW + days * DAY,
            mode,
            kinds,
            once,
            attributes: Attributes {
                name,
                prefixes: prefixes.into_iter().map(prefix).collect(),
                site: Vec::new(),
                roles: Vec::new(),
            },
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whatever an invite admits is within its bounds, comes back as it was, and holds by nobody's word but that
    /// of k admins.
    #[test]
    fn whatever_an_invite_admits_is_within_its_bounds(
        bounds in any_bounds(), of in 0u8..8, behind in prop::collection::vec(0u8..4, 0..3), at in 0u64..5, by in 0usize..4,
    ) {
        let group = Locked::new(2, 3);
        let by: Vec<usize> = (0..by.min(3)).collect();
        let certificate = group.certificate(bounds.clone(), &by);
        let again = InviteCertificate::decode(&certificate.encode());
        prop_assert_eq!(again.as_ref(), Ok(&certificate));
        let kinds = [Kind::Ges, Kind::Gen, Kind::Gea];
        let wanted = Wanted {
            kind: kinds[usize::from(of % 3)],
            prefixes: behind.iter().map(|it| format!("10.{it}.7.0/24").parse().unwrap()).collect(),
            ..Wanted::plain(NodeAddr([of; 16]), 7, NOW + at * DAY, "ab")
        };
        if let Ok(admission) = Admission::by_invite(&certificate, &signer(&group.invite), &wanted) {
            prop_assert_eq!(group.holds(&admission), by.len() >= 2);
            let said = admission.attributes().unwrap();
            prop_assert!(bounds.mode.is_none_or(|mode| mode == admission.mode));
            prop_assert!(bounds.kinds & (1 << admission.kind.byte()) != 0);
            prop_assert!(bounds.attributes.name.is_none() || bounds.attributes.name == said.name);
            let covered = |prefix: &wire::Prefix| bounds.attributes.prefixes.iter().any(|it| it.covers(*prefix));
            prop_assert!(said.prefixes.iter().all(covered));
            prop_assert!(wanted.now_unix_s <= bounds.until_unix_s + 600);
        }
    }

    #[test]
    fn what_decodes_is_encoded_the_same(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let first = [&[VERSION], &bytes[..]].concat();
        if let Ok(it) = InviteCertificate::decode(&first) {
            prop_assert_eq!(it.encode(), first.clone());
        }
        if let Ok(it) = crate::lock::Lock::decode(&first) {
            prop_assert_eq!(it.encode(), first.clone());
        }
        if let Ok(it) = crate::signing::Request::decode(&first) {
            prop_assert_eq!(it.encode(), first.clone());
        }
        if let Ok(it) = crate::signing::AdminSignature::decode(&first) {
            prop_assert_eq!(it.encode(), first);
        }
    }
}

#[test]
fn requests_and_signatures_travel_as_text_and_are_of_one_statement() {
    use crate::signing::{AdminSignature, NotSigned, Request, Statement};
    let group = Locked::new(2, 3);
    let request = Request {
        name: "sales".to_owned(),
        genesis: group.genesis.clone(),
        statement: Statement::Admission(Box::new(said(&group, 5, &Attributes::default(), NOW))),
    };
    let invite = Request {
        statement: Statement::Invite(Box::new(group.certificate(bounds(), &[]))),
        ..request.clone()
    };
    for request in [&request, &invite] {
        let text = request.to_text(&AwsLc);
        assert_eq!(Request::from_text(&AwsLc, &text).as_ref(), Some(request));
        let mut signed = request.statement.clone();
        for (at, admin) in group.admins.iter().enumerate() {
            let signature = request.sign(&signer(admin)).unwrap();
            let text = signature.to_text(&AwsLc);
            let signature = AdminSignature::from_text(&AwsLc, &text).unwrap();
            assert_eq!(usize::from(signature.index), at);
            let elsewhere = AdminSignature {
                index: (signature.index + 1) % 3,
                ..signature.clone()
            };
            assert!(!signed.accept(&AwsLc, &group.genesis, &elsewhere));
            assert!(signed.accept(&AwsLc, &group.genesis, &signature));
            assert_eq!(signed.signers().len(), at + 1);
        }
        assert_eq!(
            request.sign(&signer(&group.server)),
            Err(NotSigned::NotAnAdmin)
        );
    }
    // A signature of one statement is none of another.
    let signature = invite.sign(&signer(&group.admins[0])).unwrap();
    let mut admission = request.statement.clone();
    assert!(!admission.accept(&AwsLc, &group.genesis, &signature));
    let other = Locked::new(1, 3);
    let mixed = Request {
        genesis: other.genesis,
        ..request
    };
    assert_eq!(mixed.sign(&signer(&group.admins[0])), Err(NotSigned::Mixed));
}
