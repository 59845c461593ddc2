//! Locked groups: the admins sign, the server delays and removes; what members take, whatever the server does.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it is surprised"
)]

mod common;

use common::{DAY, Gms, add, come, create, f, invite_of, node, remove, set_rules, test};
use control::{
    Actor, Addition, Command, Event, InviteId, InviteTerms, LockedGroups, Refusal, Reply,
};
use group::keyring::{Keyring, KeyringError};
use group::lock::Lock;
use group::signing::{AdminSignature, Request, Statement};
use group::statement::{
    Admission, Attributes, Bounds, InviteCertificate, KINDS_ALL, Lease, Signer, Wanted,
};
use group::{Kind, Mode};
use identity::crypto::AwsLc;
use proptest::prelude::*;

const VAULT: &str = "vault";

fn signer(seed: &[u8; 32]) -> Signer<'_> {
    Signer {
        crypto: &AwsLc,
        seed,
    }
}

/// The seed of an admin by number.
fn admin(number: u8) -> [u8; 32] {
    [100 + number; 32]
}

/// `vault`, of which two of three admins must agree.
fn vault() -> Gms {
    let mut gms = Gms::new();
    gms.order(lock(&[VAULT], 2, &[0, 1, 2])).unwrap();
    gms
}

fn lock(groups: &[&str], threshold: u8, admins: &[u8]) -> Command {
    Command::CreateLocked(LockedGroups {
        groups: groups.iter().map(|it| (*it).to_owned()).collect(),
        zone: "Asia/Tokyo".to_owned(),
        site: None,
        threshold,
        admins: admins
            .iter()
            .map(|it| signer(&admin(*it)).public())
            .collect(),
    })
}

/// What the admins are asked to sign of a member.
fn request(gms: &Gms, group: &str, member: &str) -> Option<Request> {
    let found = &gms.tenant.groups[group];
    let mut asked = found.asked.get(member)?.clone();
    // As it travels: without the signatures that are there.
    asked = Admission::decode(&asked.encode_unsigned()).unwrap();
    Some(Request {
        name: group.to_owned(),
        genesis: found.genesis.clone(),
        statement: Statement::Admission(Box::new(asked)),
    })
}

fn signature(gms: &Gms, member: &str, by: u8) -> AdminSignature {
    let request = request(gms, VAULT, member).unwrap();
    request.sign(&signer(&admin(by))).unwrap()
}

fn approve(gms: &mut Gms, member: &str, by: u8) -> Result<Reply, Refusal> {
    let signature = signature(gms, member, by);
    gms.order(Command::Approve(signature))
}

fn is_in_force(reply: &Reply) -> bool {
    let Reply::Approved(approved) = reply else {
        panic!("{reply:?}");
    };
    approved.is_in_force
}

/// A line for one node, and what it says of the group.
fn line(gms: &mut Gms, uses: u32) -> (InviteId, Lock) {
    let terms = InviteTerms {
        uses,
        life_s: DAY,
        mode: None,
    };
    let groups = vec![VAULT.to_owned()];
    let invite = invite_of(
        &gms.order(Command::Invite {
            groups,
            roles: Default::default(),
            terms,
        })
        .unwrap(),
    );
    let lock = gms.tenant.lock_of(invite).unwrap();
    (invite, lock)
}

fn bounds(now: u64) -> Bounds {
    Bounds {
        from_unix_s: now,
        until_unix_s: now + DAY,
        mode: None,
        kinds: KINDS_ALL,
        once: true,
        attributes: Attributes::default(),
    }
}

const INVITE: [u8; 32] = [77; 32];

/// A certificate for the invite key, signed by these.
fn certificate(lock: &Lock, bounds: Bounds, by: &[u8]) -> InviteCertificate {
    let id = lock.genesis.id(&AwsLc);
    let key = signer(&INVITE).public();
    let mut certificate = InviteCertificate::new(id, key, bounds).unwrap();
    for number in by {
        let seed = admin(*number);
        let index = lock
            .genesis
            .policy
            .index_of(&signer(&seed).public())
            .unwrap();
        certificate.sign(&signer(&seed), index);
    }
    certificate
}

fn come_locked(invite: InviteId, admission: &Admission) -> Command {
    Command::EnrolLocked {
        invite,
        admission: Box::new(admission.clone()),
    }
}

/// A keyring that has taken all that the server tells a node.
fn keyring(gms: &Gms, number: u8) -> Keyring {
    let mut keyring = Keyring::new(f(number));
    for told in gms.knowledge(number, &[]) {
        keyring.welcome(&AwsLc, gms.now, told).unwrap();
    }
    keyring
}

#[test]
fn a_member_is_in_when_k_admins_have_signed_and_not_before() {
    let mut gms = vault();
    gms.enrol(1, "ada", &[VAULT]);
    assert!(gms.knowledge(1, &[]).is_empty(), "nobody has signed");
    assert!(!is_in_force(&approve(&mut gms, "ada", 0).unwrap()));
    assert!(gms.knowledge(1, &[]).is_empty(), "one of two");
    let rev = gms.tenant.rev;
    assert!(!is_in_force(&approve(&mut gms, "ada", 0).unwrap()));
    assert_eq!(gms.tenant.rev, rev, "the same once more is no change");
    let last = signature(&gms, "ada", 2);
    let late = signature(&gms, "ada", 1);
    assert!(is_in_force(&gms.order(Command::Approve(last)).unwrap()));
    let told = gms.view(1);
    assert_eq!(told[VAULT].known.admission.signers().count(), 2);
    // What comes late is of no use, and says so.
    let refused = gms.order(Command::Approve(late));
    assert_eq!(refused, Err(Refusal::NotAsked));
    // The trail says who signed what.
    let signed = gms
        .records
        .iter()
        .filter(|it| matches!(&it.event, Event::AdmissionSigned { member, .. } if member == "ada"));
    assert_eq!(signed.count(), 2);
    assert_eq!(gms.replayed(), gms.tenant);
}

#[test]
fn a_signature_that_is_none_changes_nothing() {
    let mut gms = vault();
    gms.enrol(1, "ada", &[VAULT]);
    let right = signature(&gms, "ada", 0);
    let rev = gms.tenant.rev;
    let mut wrong = right.clone();
    wrong.signature[5] ^= 1;
    let of_other = AdminSignature {
        index: (right.index + 1) % 3,
        ..right.clone()
    };
    for signature in [wrong, of_other] {
        let refused = gms.order(Command::Approve(signature));
        assert_eq!(refused, Err(Refusal::Signature(VAULT.to_owned())));
    }
    let elsewhere = AdminSignature {
        statement: [0; 16],
        ..right.clone()
    };
    assert_eq!(
        gms.order(Command::Approve(elsewhere)),
        Err(Refusal::NotAsked)
    );
    for actor in [node(1), Actor::Clock] {
        let refused = gms.act(actor, Command::Approve(right.clone()));
        assert!(matches!(refused, Err(Refusal::Role(_))), "{refused:?}");
    }
    assert_eq!(gms.tenant.rev, rev);
    // A lock that makes no sense is none.
    for (threshold, admins) in [
        (0, &[0][..]),
        (2, &[0]),
        (1, &[]),
        (1, &[0, 0]),
        (1, &[0; 17]),
    ] {
        assert_eq!(
            gms.order(lock(&["x"], threshold, admins)),
            Err(Refusal::Lock)
        );
    }
}

#[test]
fn the_server_itself_is_not_in_unless_the_admins_sign() {
    let mut gms = vault();
    let own = Command::Add(Addition {
        member: "gms".to_owned(),
        groups: vec![VAULT.to_owned()],
        node: Some(f(0)),
        life_s: DAY,
        ..Addition::default()
    });
    gms.order(own).unwrap();
    assert!(gms.knowledge(0, &[]).is_empty());
    approve(&mut gms, "gms", 0).unwrap();
    approve(&mut gms, "gms", 1).unwrap();
    assert_eq!(gms.knowledge(0, &[]).len(), 1);
}

#[test]
fn an_invite_that_the_admins_signed_admits_while_they_are_away() {
    let mut gms = vault();
    let (invite, lock) = line(&mut gms, 1);
    let certificate = certificate(&lock, bounds(gms.now), &[0, 2]);
    let by = signer(&INVITE);
    let wanted = Wanted::plain(f(1), 11, gms.now, "ada");
    let admission = Admission::by_invite(&certificate, &by, &wanted).unwrap();
    // Another node cannot come with it, whatever it proved.
    let stolen = gms.act(node(2), come_locked(invite, &admission));
    assert_eq!(stolen, Err(Refusal::NotAdmitted(VAULT.to_owned())));
    let done = gms.act(node(1), come_locked(invite, &admission)).unwrap();
    let member = "ada".to_owned();
    assert_eq!(done, Reply::Enrolled { member });
    assert_eq!(gms.view(1)[VAULT].known.admission, admission);
    // The same again is answered the same; the line was for one.
    assert_eq!(gms.act(node(1), come_locked(invite, &admission)), Ok(done));
    let second = Wanted::plain(f(2), 12, gms.now, "bob");
    let second = Admission::by_invite(&certificate, &by, &second).unwrap();
    let refused = gms.act(node(2), come_locked(invite, &second));
    assert_eq!(refused, Err(Refusal::NoInvite));
    assert_eq!(gms.replayed(), gms.tenant);
}

#[test]
fn whoever_comes_by_a_locked_line_is_tested_as_everybody_is() {
    let mut gms = vault();
    gms.order(create("open")).unwrap();
    gms.enrol(2, "bob", &[VAULT]);
    let tests = [test("ada", "bob", 22, false)];
    gms.order(set_rules("open", None, &tests)).unwrap();
    let (invite, lock) = line(&mut gms, 1);
    let certificate = certificate(&lock, bounds(gms.now), &[0, 2]);
    let wanted = Wanted::plain(f(1), 11, gms.now, "ada");
    let admission = Admission::by_invite(&certificate, &signer(&INVITE), &wanted).unwrap();
    let before = gms.tenant.clone();
    let came = gms.act(node(1), come_locked(invite, &admission));
    assert!(matches!(came, Err(Refusal::Test { .. })), "{came:?}");
    assert_eq!(gms.tenant, before);
    gms.order(set_rules("open", None, &[])).unwrap();
    gms.act(node(1), come_locked(invite, &admission)).unwrap();
}

#[test]
fn a_line_admits_nobody_that_the_admins_did_not_allow() {
    let mut gms = vault();
    gms.order(create("open")).unwrap();
    let (invite, lock) = line(&mut gms, 9);
    let by = signer(&INVITE);
    let now = gms.now;
    let admit = |certificate: &InviteCertificate, number: u8, name: &str| {
        let serial = u64::from(number);
        let wanted = Wanted::plain(f(number), serial, now, name);
        Admission::by_invite(certificate, &by, &wanted).unwrap()
    };
    let not_admitted = Err(Refusal::NotAdmitted(VAULT.to_owned()));
    for signed in [&[][..], &[1]] {
        let weak = certificate(&lock, bounds(now), signed);
        let refused = gms.act(node(1), come_locked(invite, &admit(&weak, 1, "ada")));
        assert_eq!(refused, not_admitted, "{signed:?}");
    }
    let good = certificate(&lock, bounds(now), &[0, 1]);
    // A name that somebody has is not given to another, and says how to go on.
    gms.enrol(7, "ada", &["open"]);
    let refused = gms.act(node(1), come_locked(invite, &admit(&good, 1, "ada")));
    assert_eq!(refused, Err(Refusal::NameTaken("ada".to_owned())));
    // A line to elsewhere leads nowhere else.
    let groups = vec!["open".to_owned()];
    let terms = InviteTerms {
        uses: 1,
        life_s: DAY,
        mode: None,
    };
    let other = invite_of(
        &gms.order(Command::Invite {
            groups,
            roles: Default::default(),
            terms,
        })
        .unwrap(),
    );
    let refused = gms.act(node(1), come_locked(other, &admit(&good, 1, "eve")));
    assert_eq!(refused, Err(Refusal::NotLocked(VAULT.to_owned())));
    assert!(gms.tenant.lock_of(other).is_none());
    // Who was removed does not come back by the same admission.
    let eve = admit(&good, 1, "eve");
    gms.act(node(1), come_locked(invite, &eve)).unwrap();
    gms.order(remove("eve", None)).unwrap();
    assert!(gms.knowledge(1, &[]).is_empty());
    assert_eq!(gms.act(node(1), come_locked(invite, &eve)), not_admitted);
}

/// A removal names one admission, so there is one at a time: who is in does not come in once more.
#[test]
fn a_member_has_one_admission_at_a_time_so_that_a_removal_ends_it() {
    let mut gms = vault();
    let mut admissions = Vec::new();
    for serial in [11, 12] {
        let (invite, lock) = line(&mut gms, 1);
        let certificate = certificate(&lock, bounds(gms.now), &[0, 1]);
        let wanted = Wanted::plain(f(1), serial, gms.now, "ada");
        let admission = Admission::by_invite(&certificate, &signer(&INVITE), &wanted).unwrap();
        admissions.push(gms.act(node(1), come_locked(invite, &admission)));
    }
    let (member, group) = ("ada".to_owned(), VAULT.to_owned());
    let again = Err(Refusal::InGroup { member, group });
    assert!(
        admissions[0].is_ok() && admissions[1] == again,
        "{admissions:?}"
    );
    gms.order(remove("ada", Some(VAULT))).unwrap();
    let chain = &gms.tenant.groups[VAULT].chain;
    let is_out = |serial| {
        let f = f(1);
        chain.is_removed(group::statement::Membership { f, serial })
    };
    assert!(
        is_out(11) && !is_out(12),
        "what was never in force needs no removal"
    );
}

#[test]
fn what_a_member_is_changes_only_with_new_signatures() {
    let mut gms = vault();
    gms.enrol(1, "ada", &[VAULT]);
    let before = signature(&gms, "ada", 0);
    approve(&mut gms, "ada", 0).unwrap();
    // It was removed before it was in: what was signed is of no use for the next time.
    gms.order(remove("ada", Some(VAULT))).unwrap();
    assert_eq!(
        gms.order(Command::Approve(before.clone())),
        Err(Refusal::NotAsked)
    );
    gms.order(add("ada", &[VAULT])).unwrap();
    assert_eq!(gms.order(Command::Approve(before)), Err(Refusal::NotAsked));
    approve(&mut gms, "ada", 1).unwrap();
    approve(&mut gms, "ada", 2).unwrap();
    let admission = gms.view(1)[VAULT].known.admission.clone();
    // Nothing that the server does by itself changes what was signed.
    let group = VAULT.to_owned();
    gms.order(Command::Rotate { group }).unwrap();
    gms.now += 2 * DAY;
    gms.tick();
    let again = gms.invite_for("bob", &[VAULT]);
    gms.act(node(2), come(again, None)).unwrap();
    assert_eq!(gms.view(1)[VAULT].known.admission, admission);
    // Out, and in again: it takes the admins again.
    gms.order(remove("ada", Some(VAULT))).unwrap();
    gms.order(add("ada", &[VAULT])).unwrap();
    assert!(gms.knowledge(1, &[]).is_empty());
    let asked = request(&gms, VAULT, "ada").unwrap();
    let Statement::Admission(asked) = asked.statement else {
        panic!("it is an admission")
    };
    assert_ne!(asked.member.serial, admission.member.serial);
}

/// A hostile server: it has its key, the group's secrets and root key, the admissions that it was shown, and the
/// keys of k-1 admins.
#[test]
fn a_hostile_server_with_k_less_one_keys_brings_nobody_into_sight_of_a_member() {
    let mut gms = vault();
    let (invite, lock) = line(&mut gms, 5);
    let certificate = certificate(&lock, bounds(gms.now), &[0, 1]);
    let by = signer(&INVITE);
    let admit = |number: u8, name: &str| {
        let wanted = Wanted::plain(f(number), u64::from(number), gms.now, name);
        Admission::by_invite(&certificate, &by, &wanted).unwrap()
    };
    let (ada, bob) = (admit(1, "ada"), admit(2, "bob"));
    gms.act(node(1), come_locked(invite, &ada)).unwrap();
    let group = &gms.tenant.groups[VAULT];
    let server = signer(&common::SEED);
    let lease =
        |admission: &Admission| Lease::issue(&server, 0, group.id, admission.member, gms.now);
    let mut members = keyring(&gms, 1);
    let mut shows = |number: u8, admission: &Admission| {
        let lease = lease(admission);
        let seen = members.peer(&AwsLc, gms.now, f(number), admission, &lease);
        seen.map(drop)
    };
    let refused = Err(KeyringError::Admission);
    // It signs an admission itself, alone and with the one key that it stole.
    let element = (Kind::Ges, Mode::Open);
    let member = |number: u8| group::statement::Membership {
        f: f(number),
        serial: 99,
    };
    let new = |number| {
        let none = Attributes::default();
        Admission::new(group.id, member(number), gms.now, element, &none).unwrap()
    };
    let mut own = new(9);
    own.sign(&server, 0);
    assert_eq!(shows(9, &own), refused);
    let thief = admin(0);
    let at = group
        .genesis
        .policy
        .index_of(&signer(&thief).public())
        .unwrap();
    own.sign(&signer(&thief), at);
    assert_eq!(shows(9, &own), refused);
    for index in 0..3 {
        let mut own = own.clone();
        own.sign(&server, index);
        assert_eq!(shows(9, &own), refused);
    }
    // It alters an admission that holds.
    for change in [
        |it: &mut Admission| it.member.f = f(9),
        |it: &mut Admission| it.mode = Mode::Closed,
        |it: &mut Admission| it.kind = Kind::Gen,
    ] {
        let mut altered = bob.clone();
        change(&mut altered);
        let who = if altered.member.f == f(9) { 9 } else { 2 };
        assert_eq!(shows(who, &altered), refused);
    }
    // It takes the certificate, which every member sees, for a node of its own.
    let mut reused = new(9);
    reused.sign_by_invite(&server, certificate.clone());
    assert_eq!(shows(9, &reused), refused);
    // It certifies a key of its own, with the one admin key that it stole.
    let key = server.public();
    let mut wider = InviteCertificate::new(group.id, key, bounds(gms.now)).unwrap();
    wider.sign(&signer(&thief), at);
    wider.sign(&server, (at + 1) % 3);
    let wanted = Wanted::plain(f(9), 9, gms.now, "eve");
    assert_eq!(
        shows(9, &Admission::by_invite(&wider, &server, &wanted).unwrap()),
        refused
    );
    // It shows one node's admission as another's.
    assert_eq!(shows(9, &bob), Err(KeyringError::NotMine));
    // Who holds the line as well, and comes twice by an invite that is for one, is seen by whoever is one of
    // the two, or meets both.
    assert_eq!(shows(2, &bob), Err(KeyringError::Twice));
    let mut third = Keyring::new(f(3));
    let mut eve = bounds(gms.now);
    eve.attributes.name = Some("carol".to_owned());
    let several = Bounds { once: false, ..eve };
    let several = self::certificate(&lock, several, &[1, 2]);
    let wanted = Wanted::plain(f(3), 3, gms.now, "carol");
    let carol = Admission::by_invite(&several, &by, &wanted).unwrap();
    let mut told = gms.knowledge(1, &[]).remove(0);
    (told.lease, told.admission) = (lease(&carol), carol);
    third.welcome(&AwsLc, gms.now, told).unwrap();
    let mut meets = |number: u8, admission: &Admission| {
        let lease = lease(admission);
        let seen = third.peer(&AwsLc, gms.now, f(number), admission, &lease);
        seen.map(drop)
    };
    assert_eq!(meets(1, &ada), Ok(()), "the test can succeed");
    assert_eq!(meets(1, &ada), Ok(()), "the same one may show itself again");
    assert_eq!(meets(2, &bob), Err(KeyringError::Twice));
}

#[test]
fn a_server_opens_no_way_around_a_lock() {
    let mut gms = vault();
    let (invite, lock) = line(&mut gms, 1);
    let certificate = certificate(&lock, bounds(gms.now), &[0, 1]);
    let wanted = Wanted::plain(f(1), 1, gms.now, "ada");
    let admission = Admission::by_invite(&certificate, &signer(&INVITE), &wanted).unwrap();
    gms.act(node(1), come_locked(invite, &admission)).unwrap();
    let keyring = keyring(&gms, 1);
    gms.order(create("trap")).unwrap();
    gms.order(self::lock(&["eves"], 1, &[9])).unwrap();
    gms.order(self::lock(&["second"], 2, &[2, 1, 0])).unwrap();
    let may = |name: &str| {
        let group = &gms.tenant.groups[name];
        keyring.may_be_put_into(f(0), &group.genesis, group.id)
    };
    assert!(!may("trap"), "everybody may come into a managed group");
    assert!(!may("eves"), "or into one that the server locks itself");
    assert!(may("second") && may(VAULT), "the same admins lock it");
    // Another server's groups are its own affair, and without a lock all is as it was.
    let trap = &gms.tenant.groups["trap"];
    assert!(keyring.may_be_put_into(f(5), &trap.genesis, trap.id));
    let free = Keyring::new(f(1));
    assert!(free.may_be_put_into(f(0), &trap.genesis, trap.id));
}

/// One step of a history of a locked group.
#[derive(Clone, Copy, Debug)]
enum Step {
    Add(u8),
    Come(u8),
    ComeByInvite(u8, u8),
    Sign(u8, u8),
    Leave(u8),
    Rotate,
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let (who, by) = (1u8..4, 0u8..3);
    prop_oneof![
        4 => who.clone().prop_map(Step::Add),
        4 => who.clone().prop_map(Step::Come),
        2 => (who.clone(), 0u8..4).prop_map(|(who, signed)| Step::ComeByInvite(who, signed)),
        8 => (who.clone(), by).prop_map(|(who, by)| Step::Sign(who, by)),
        2 => who.prop_map(Step::Leave),
        1 => Just(Step::Rotate),
        1 => (1..2 * DAY).prop_map(Step::Wait),
    ]
}

/// Does a step; which admins have a hand in who is in, by what is counted here alone.
fn act(gms: &mut Gms, hands: &mut [Vec<u8>; 4], lines: &mut [Option<InviteId>; 4], step: Step) {
    let name = |who: u8| format!("m{who}");
    match step {
        Step::Add(who) => {
            let reply = gms.order(add(&name(who), &[VAULT]));
            if let Ok(Reply::Invited { invite, .. }) = reply {
                lines[usize::from(who)] = Some(invite);
            }
        }
        Step::Come(who) => {
            let line = lines[usize::from(who)].unwrap_or(InviteId([0; 16]));
            let _ = gms.act(node(who), come(line, None));
        }
        Step::ComeByInvite(who, signed) => {
            let (invite, lock) = line(gms, 1);
            let by: Vec<u8> = (0..signed.min(3)).collect();
            let certificate = certificate(&lock, bounds(gms.now), &by);
            let wanted = Wanted::plain(f(who), gms.tenant.rev, gms.now, &name(who));
            let admission = Admission::by_invite(&certificate, &signer(&INVITE), &wanted).unwrap();
            if gms.act(node(who), come_locked(invite, &admission)).is_ok() {
                hands[usize::from(who)] = by;
            }
        }
        Step::Sign(who, by) => {
            let Some(request) = request(gms, VAULT, &name(who)) else {
                return;
            };
            let asked = gms.tenant.groups[VAULT].asked[&name(who)].signers().count();
            let signature = request.sign(&signer(&admin(by))).unwrap();
            gms.order(Command::Approve(signature)).unwrap();
            let hands = &mut hands[usize::from(who)];
            if asked == 0 {
                hands.clear();
            }
            if !hands.contains(&by) {
                hands.push(by);
            }
        }
        Step::Leave(who) => {
            let _ = gms.order(remove(&name(who), Some(VAULT)));
        }
        Step::Rotate => {
            let group = VAULT.to_owned();
            gms.order(Command::Rotate { group }).unwrap();
        }
        Step::Wait(seconds) => {
            gms.now += seconds;
            gms.tick();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]
    /// Whatever happens, who is in has the hands of two admins behind it, and what the server tells holds for
    /// whoever verifies it.
    #[test]
    fn in_every_history_two_admins_stand_behind_each_member(steps in prop::collection::vec(step(), 1..40)) {
        let mut gms = vault();
        let (mut hands, mut lines) = (std::array::from_fn(|_| Vec::new()), [None; 4]);
        for step in steps {
            act(&mut gms, &mut hands, &mut lines, step);
            for who in 1..4u8 {
                // `view` verifies each admission as a member does.
                if let Some(view) = gms.view(who).get(VAULT) {
                    prop_assert!(hands[usize::from(who)].len() >= 2, "{:?}", view.known.admission);
                }
            }
        }
        prop_assert_eq!(&gms.replayed(), &gms.tenant);
    }
}
