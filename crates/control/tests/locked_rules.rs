//! Rules and roles in locked groups: the admins sign them, the server asks, delays and tells; what members take,
//! whatever the server does.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it is surprised"
)]

mod common;

use common::{DAY, Gms, add, f, invite_of, node, remove, set_roles, set_rules, tcp, test};
use control::{
    Actor, Addition, Command, Event, InviteTerms, LockedGroups, Refusal, Reply, RuleTest,
};
use group::keyring::{Keyring, KeyringError};
use group::rules::{Party, Permit};
use group::signing::{AdminSignature, Request, Statement};
use group::statement::{
    Admission, Attributes, Bounds, GroupId, InviteCertificate, KINDS_ALL, Lease, Rules, Signer,
    Wanted,
};
use identity::crypto::AwsLc;
use proptest::prelude::*;

const VAULT: &str = "vault";
const INVITE: [u8; 32] = [77; 32];
const SSH: &[(&str, &str, u16)] = &[("staff", "server", 22)];
const WEB: &[(&str, &str, u16)] = &[("*", "server", 443)];

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

fn lock(group: &str) -> Command {
    let admins = (0..3).map(|it| signer(&admin(it)).public());
    Command::CreateLocked(LockedGroups {
        groups: vec![group.to_owned()],
        zone: "Asia/Tokyo".to_owned(),
        site: None,
        threshold: 2,
        admins: admins.collect(),
    })
}

/// `vault`, of which two of three admins must agree, with ada, bob and web in it.
fn vault() -> Gms {
    let mut gms = Gms::new();
    gms.order(lock(VAULT)).unwrap();
    for (number, member) in [(1, "ada"), (2, "bob"), (3, "web")] {
        gms.enrol(number, member, &[VAULT]);
        admit(&mut gms, member);
    }
    gms
}

fn id(gms: &Gms) -> GroupId {
    gms.tenant.groups[VAULT].id
}

/// What the admins are asked to sign, as it travels: without the signatures that are there.
fn request(gms: &Gms, statement: Statement) -> Request {
    let group = &gms.tenant.groups[VAULT];
    let request = Request {
        name: VAULT.to_owned(),
        genesis: group.genesis.clone(),
        statement,
    };
    Request::from_text(&AwsLc, &request.to_text(&AwsLc)).unwrap()
}

/// That of the rules.
fn rules_request(gms: &Gms) -> Option<Request> {
    let asked = gms.tenant.groups[VAULT].asked_rules.as_ref()?;
    let statement = Statement::Rules(Box::new(asked.rules.clone()));
    Some(request(gms, statement))
}

/// That of a member.
fn admission_request(gms: &Gms, member: &str) -> Option<Request> {
    let asked = gms.tenant.groups[VAULT].asked.get(member)?;
    let statement = Statement::Admission(Box::new(asked.clone()));
    Some(request(gms, statement))
}

fn sign(request: &Request, by: u8) -> AdminSignature {
    request.sign(&signer(&admin(by))).unwrap()
}

fn approve(gms: &mut Gms, request: &Request, by: u8) -> bool {
    let reply = gms.order(Command::Approve(sign(request, by))).unwrap();
    let Reply::Approved(approved) = reply else {
        panic!("{reply:?}");
    };
    approved.is_in_force
}

fn admit(gms: &mut Gms, member: &str) {
    let request = admission_request(gms, member).unwrap();
    assert!(!approve(gms, &request, 0));
    assert!(approve(gms, &request, 2));
}

/// Orders rules, and has two admins sign them.
fn rule(gms: &mut Gms, permits: Option<&[(&str, &str, u16)]>, tests: &[RuleTest]) {
    gms.order(set_rules(VAULT, permits, tests)).unwrap();
    let request = rules_request(gms).unwrap();
    assert!(!approve(gms, &request, 0));
    assert!(approve(gms, &request, 1));
}

/// A keyring that has taken all that the server tells a node.
fn keyring(gms: &Gms, number: u8) -> Keyring {
    let mut keyring = Keyring::new(f(number));
    for told in gms.knowledge(number, &[]) {
        keyring.welcome(&AwsLc, gms.now, told).unwrap();
    }
    keyring
}

fn roles_of(gms: &Gms, number: u8) -> Vec<String> {
    let view = &gms.view(number)[VAULT];
    view.known.admission.attributes().unwrap().roles
}

#[test]
fn rules_count_when_k_admins_have_signed_and_not_before() {
    let mut gms = vault();
    assert_eq!(gms.order(set_rules(VAULT, Some(SSH), &[])), Ok(Reply::Done));
    let request = rules_request(&gms).unwrap();
    assert!(
        gms.view(1)[VAULT].known.rules.is_none(),
        "nobody has signed"
    );
    assert!(!approve(&mut gms, &request, 0));
    let rev = gms.tenant.rev;
    assert!(!approve(&mut gms, &request, 0), "one admin counts once");
    assert_eq!(gms.tenant.rev, rev, "the same once more is no change");
    assert!(gms.view(1)[VAULT].known.rules.is_none(), "one of two");
    assert!(approve(&mut gms, &request, 2));
    let rules = gms.view(1)[VAULT].known.rules.clone().unwrap();
    assert_eq!(rules.signers().collect::<Vec<_>>().len(), 2);
    assert_eq!(keyring(&gms, 1).rules_of(id(&gms)), Some(&rules));
    // What comes late is of no use, and says so.
    let late = gms.order(Command::Approve(sign(&request, 1)));
    assert_eq!(late, Err(Refusal::NotAsked));
    // No rules any more is a statement, too.
    rule(&mut gms, None, &[]);
    let none = gms.view(1)[VAULT].known.rules.clone().unwrap();
    assert!(none.permits.is_none() && none.serial > rules.serial);
    let signed = gms
        .records
        .iter()
        .filter(|it| matches!(it.event, Event::RulesSigned { .. }));
    assert_eq!(signed.count(), 4, "the trail says who signed what");
    assert_eq!(gms.replayed(), gms.tenant);
}

#[test]
fn a_newer_order_takes_the_place_of_the_one_that_waits() {
    let mut gms = vault();
    gms.order(set_rules(VAULT, Some(SSH), &[])).unwrap();
    let first = rules_request(&gms).unwrap();
    approve(&mut gms, &first, 0);
    gms.order(set_rules(VAULT, Some(WEB), &[])).unwrap();
    let second = rules_request(&gms).unwrap();
    let refused = gms.order(Command::Approve(sign(&first, 1)));
    assert_eq!(refused, Err(Refusal::NotAsked));
    let serial = |request: &Request| match &request.statement {
        Statement::Rules(rules) => rules.serial,
        _ => panic!("rules"),
    };
    assert!(serial(&second) > serial(&first), "also within one second");
    // The same once more, and with other tests, is the same statement: what was signed counts.
    approve(&mut gms, &second, 0);
    let records = gms.records.len();
    gms.order(set_rules(VAULT, Some(WEB), &[])).unwrap();
    assert_eq!(gms.records.len(), records, "nothing has changed");
    let tests = [test("ada", "web", 443, false)];
    gms.order(set_rules(VAULT, Some(WEB), &tests)).unwrap();
    assert_eq!(gms.tenant.groups[VAULT].tests, []);
    assert!(approve(&mut gms, &second, 1));
    assert_eq!(gms.tenant.groups[VAULT].tests, tests);
    // Whoever wants what is in force wants nothing of the admins any more.
    gms.order(set_rules(VAULT, Some(SSH), &[])).unwrap();
    let third = rules_request(&gms).unwrap();
    gms.order(set_rules(VAULT, Some(WEB), &[])).unwrap();
    assert!(rules_request(&gms).is_none());
    assert_eq!(gms.tenant.groups[VAULT].tests, []);
    let refused = gms.order(Command::Approve(sign(&third, 1)));
    assert_eq!(refused, Err(Refusal::NotAsked));
    gms.order(set_rules(VAULT, Some(SSH), &[])).unwrap();
    let again = rules_request(&gms).unwrap();
    assert!(serial(&again) > serial(&third), "no serial stands for two");
    assert_eq!(gms.replayed(), gms.tenant);
}

#[test]
fn a_test_blocks_the_order_and_not_the_admins() {
    let mut gms = vault();
    gms.order(set_roles("web", &["server"])).unwrap();
    gms.order(set_roles("ada", &["staff"])).unwrap();
    let wrong = [test("bob", "web", 22, true)];
    let before = gms.tenant.clone();
    let refused = gms.order(set_rules(VAULT, Some(SSH), &wrong));
    assert!(matches!(refused, Err(Refusal::Test { .. })), "{refused:?}");
    assert_eq!(gms.tenant, before);
    // They look at what will be when the admins have signed all that was ordered.
    let tests = [test("ada", "web", 22, true), test("bob", "web", 22, false)];
    gms.order(set_rules(VAULT, Some(SSH), &tests)).unwrap();
    for command in [
        set_roles("bob", &["staff"]),
        set_roles("ada", &[]),
        remove("ada", Some(VAULT)),
    ] {
        let refused = gms.order(command.clone());
        assert!(
            matches!(refused, Err(Refusal::Test { .. })),
            "{command:?}: {refused:?}"
        );
    }
    let request = rules_request(&gms).unwrap();
    approve(&mut gms, &request, 0);
    assert!(approve(&mut gms, &request, 1));
    assert_eq!(gms.tenant.groups[VAULT].tests, tests);
    admit(&mut gms, "ada");
    admit(&mut gms, "web");
    // Shutting somebody out waits for nobody's test.
    gms.order(remove("ada", None)).unwrap();
    // Limits are those of every group.
    let many = vec![("a", "b", 1); 65];
    let refused = gms.order(set_rules(VAULT, Some(&many), &[]));
    assert!(matches!(refused, Err(Refusal::Rules(_))), "{refused:?}");
}

/// A hostile server: it has its key, the group's root key, all that was ever signed, and the keys of k-1 admins.
#[test]
fn a_hostile_server_changes_nothing_about_the_rules() {
    let mut gms = vault();
    rule(&mut gms, Some(SSH), &[]);
    let group = id(&gms);
    let genesis = gms.tenant.groups[VAULT].genesis.clone();
    let old = gms.view(1)[VAULT].known.rules.clone().unwrap();
    let mut member = keyring(&gms, 1);
    assert_eq!(member.rules_of(group), Some(&old));
    gms.now += DAY;
    rule(&mut gms, Some(WEB), &[]);
    let new = gms.view(1)[VAULT].known.rules.clone().unwrap();
    assert_eq!(
        member.rules(&AwsLc, new.clone()),
        Ok(true),
        "two admins did"
    );
    let mut refused = |rules: Rules, what: &str| {
        // As it comes by the wire.
        let rules = Rules::decode(&rules.encode()).unwrap();
        assert_eq!(
            member.rules(&AwsLc, rules),
            Err(KeyringError::Rules),
            "{what}"
        );
        assert_eq!(member.rules_of(group), Some(&new), "{what}");
    };
    let altered = |change: &dyn Fn(&mut Rules)| {
        let mut rules = new.clone();
        change(&mut rules);
        rules
    };
    let later = new.serial + 1;
    refused(altered(&|it| it.serial = later), "a later number");
    refused(altered(&|it| it.issued_unix_s += 1), "another date");
    refused(altered(&|it| it.permits = None), "everything");
    let more = Permit {
        from: Party::Anybody,
        to: Party::Anybody,
        services: tcp(22),
    };
    let with_more = |it: &mut Rules| it.permits.as_mut().unwrap().push(more.clone());
    refused(altered(&with_more), "one more permit");
    refused(
        altered(&|it| _ = it.permits.as_mut().unwrap().pop()),
        "one less",
    );
    let made = |permits| Rules::new(group, later, gms.now, permits).unwrap();
    refused(made(None), "nobody's word");
    // The server's own word, at its index and at each of the admins'.
    let server = signer(&common::SEED);
    for index in 0..4 {
        let mut own = made(None);
        own.sign(&server, index);
        refused(own.clone(), "the server's word");
        own.sign(&signer(&admin(0)), place(&genesis, 0));
        refused(own, "the server's word and that of k-1 admins");
    }
    // The key of one admin at all places.
    let mut thief = made(None);
    for index in 0..3 {
        thief.sign(&signer(&admin(0)), index);
    }
    refused(thief, "one admin for all");
    // Signatures that were made for something else.
    for reused in [&old, &gms.tenant.groups[VAULT].rules.clone().unwrap()] {
        let bytes = reused.encode();
        let unsigned = reused.encode_unsigned().len() - 1;
        let forged = made(None).encode_unsigned();
        let forged = [&forged[..forged.len() - 1], &bytes[unsigned..]].concat();
        refused(Rules::decode(&forged).unwrap(), "an old signature");
    }
    // What the admins did sign, once more, is no news; what they signed before is none either.
    assert_eq!(member.rules(&AwsLc, new.clone()), Ok(false));
    assert_eq!(member.rules(&AwsLc, old.clone()), Ok(false));
    assert_eq!(member.rules_of(group), Some(&new), "the newest stays");
    let mut told = gms.knowledge(1, &[]).remove(0);
    for rules in [Some(old), None] {
        told.rules = rules;
        member.welcome(&AwsLc, gms.now, told.clone()).unwrap();
        assert_eq!(member.rules_of(group), Some(&new), "whoever brings it");
    }
}

fn place(genesis: &group::statement::Genesis, number: u8) -> u8 {
    let key = signer(&admin(number)).public();
    genesis.policy.index_of(&key).unwrap()
}

/// Two groups that the same admins lock.
#[test]
fn what_the_admins_signed_for_one_group_says_nothing_of_another() {
    let mut gms = vault();
    gms.order(lock("second")).unwrap();
    rule(&mut gms, Some(SSH), &[]);
    let rules = gms.tenant.groups[VAULT].rules.clone().unwrap();
    let second = &gms.tenant.groups["second"];
    let mut elsewhere = rules.clone();
    elsewhere.group = second.id;
    assert!(!rules.holds(&AwsLc, &second.genesis, &second.authority));
    assert!(!elsewhere.holds(&AwsLc, &second.genesis, &second.authority));
    // A signature of an admission is none of rules.
    gms.order(set_rules(VAULT, Some(WEB), &[])).unwrap();
    gms.order(set_roles("ada", &["staff"])).unwrap();
    let of_ada = sign(&admission_request(&gms, "ada").unwrap(), 0);
    let of_rules = rules_request(&gms).unwrap();
    let crossed = AdminSignature {
        statement: of_rules.statement.id(&AwsLc),
        ..of_ada
    };
    let refused = gms.order(Command::Approve(crossed));
    assert_eq!(refused, Err(Refusal::Signature(VAULT.to_owned())));
}

#[test]
fn a_role_is_what_the_admins_sign_and_until_then_nothing_changes() {
    let mut gms = vault();
    let first = gms.view(1)[VAULT].known.admission.clone();
    gms.order(set_roles("ada", &["staff"])).unwrap();
    let request = admission_request(&gms, "ada").unwrap();
    let Statement::Admission(asked) = &request.statement else {
        panic!("an admission");
    };
    assert_eq!(asked.attributes().unwrap().roles, ["staff"]);
    assert_eq!((asked.kind, asked.mode), (first.kind, first.mode));
    assert!(!approve(&mut gms, &request, 0));
    assert_eq!(gms.view(1)[VAULT].known.admission, first, "one of two");
    assert!(approve(&mut gms, &request, 1));
    assert_eq!(roles_of(&gms, 1), ["staff"]);
    let second = gms.view(1)[VAULT].known.admission.member;
    let is_out = |gms: &Gms, of| gms.view(2)[VAULT].chain.is_removed(of);
    assert!(is_out(&gms, first.member), "one admission at a time");
    assert!(!is_out(&gms, second));
    // Less: the admins again, and what ada was is shown to nobody.
    let epochs = gms.secrets.len();
    gms.order(set_roles("ada", &[])).unwrap();
    assert_eq!(roles_of(&gms, 1), ["staff"], "nobody has signed");
    assert!(!is_out(&gms, second));
    admit(&mut gms, "ada");
    assert!(roles_of(&gms, 1).is_empty() && is_out(&gms, second));
    assert_eq!(gms.secrets.len(), epochs, "it stays a member");
    // A member that has met ada takes the new one for her, and what she was no more.
    let mut bob = keyring(&gms, 2);
    let group = &gms.tenant.groups[VAULT];
    let now = &group.admissions["ada"];
    let lease =
        |of: &Admission| Lease::issue(&signer(&common::SEED), 0, group.id, of.member, gms.now);
    let shown = bob.peer(&AwsLc, gms.now, f(1), now, &lease(now));
    assert!(shown.is_ok(), "{shown:?}");
    let shown = bob.peer(&AwsLc, gms.now, f(1), &first, &lease(&first));
    assert_eq!(shown.map(drop), Err(KeyringError::Removed));
    assert_eq!(gms.replayed(), gms.tenant);
}

#[test]
fn who_is_asked_for_anew_is_asked_for_once() {
    let mut gms = vault();
    gms.order(set_roles("ada", &["staff"])).unwrap();
    let first = admission_request(&gms, "ada").unwrap();
    approve(&mut gms, &first, 0);
    let records = gms.records.len();
    gms.order(set_roles("ada", &["staff"])).unwrap();
    assert_eq!(gms.records.len(), records, "it is asked already");
    gms.order(set_roles("ada", &["duty", "staff"])).unwrap();
    let refused = gms.order(Command::Approve(sign(&first, 1)));
    assert_eq!(
        refused,
        Err(Refusal::NotAsked),
        "that was another admission"
    );
    // As it is: nothing is asked any more.
    gms.order(set_roles("ada", &[])).unwrap();
    assert!(admission_request(&gms, "ada").is_none());
    let asked_for = gms.records.len();
    gms.order(set_roles("ada", &[])).unwrap();
    assert_eq!(gms.records.len(), asked_for);
    // Whoever is new comes with the roles that it was given, and is asked for anew if they change meanwhile.
    let addition = Command::Add(Addition {
        member: "eve".to_owned(),
        groups: vec![VAULT.to_owned()],
        roles: ["guest".to_owned()].into(),
        life_s: DAY,
        ..Addition::default()
    });
    let invite = invite_of(&gms.order(addition).unwrap());
    gms.act(node(4), common::come(invite, None)).unwrap();
    let asked = |gms: &Gms| {
        let asked = &gms.tenant.groups[VAULT].asked["eve"];
        asked.attributes().unwrap().roles
    };
    assert_eq!(asked(&gms), ["guest"]);
    gms.order(set_roles("eve", &["staff"])).unwrap();
    assert_eq!(asked(&gms), ["staff"]);
    admit(&mut gms, "eve");
    assert_eq!(roles_of(&gms, 4), ["staff"]);
    // Out, and in again with what she is.
    gms.order(set_roles("eve", &["guest"])).unwrap();
    gms.order(remove("eve", Some(VAULT))).unwrap();
    assert!(admission_request(&gms, "eve").is_none());
    gms.order(add("eve", &[VAULT])).unwrap();
    assert_eq!(asked(&gms), ["guest"]);
    assert_eq!(gms.replayed(), gms.tenant);
}

/// In a managed group roles count at once; the same order asks the admins of the locked one.
#[test]
fn one_order_counts_at_once_where_the_server_decides() {
    let mut gms = vault();
    gms.order(common::create("lab")).unwrap();
    gms.order(add("ada", &["lab"])).unwrap();
    gms.order(set_roles("ada", &["staff"])).unwrap();
    let roles = |gms: &Gms, group: &str| {
        let view = &gms.view(1)[group];
        view.known.admission.attributes().unwrap().roles
    };
    assert_eq!(roles(&gms, "lab"), ["staff"]);
    assert!(roles(&gms, VAULT).is_empty());
    admit(&mut gms, "ada");
    assert_eq!(roles(&gms, VAULT), ["staff"]);
}

/// What an order would do in a locked group is said, and that it waits for the admins.
#[test]
fn a_plan_says_what_will_be_once_the_admins_have_signed() {
    let mut gms = vault();
    gms.order(set_roles("web", &["server"])).unwrap();
    admit(&mut gms, "web");
    let planned = |gms: &mut Gms, command: &Command| gms.plan(Actor::Operator, command).unwrap();
    let before = gms.tenant.clone();
    let plan = planned(&mut gms, &set_rules(VAULT, Some(WEB), &[]));
    assert_eq!(gms.tenant, before);
    assert_eq!(plan.pairs.len(), 3, "{plan:?}");
    for pair in &plan.pairs {
        assert!(pair.waits, "nobody has signed: {pair:?}");
        let to_web = [(&pair.one, &pair.back), (&pair.other, &pair.forth)];
        for (_, reaches) in to_web.into_iter().filter(|(member, _)| *member == "web") {
            assert_eq!(reaches.is, tcp(443));
        }
    }
    rule(&mut gms, Some(SSH), &[]);
    let plan = planned(&mut gms, &set_roles("ada", &["staff"]));
    let pair = &plan.pairs[..];
    assert!(pair.len() == 1 && pair[0].waits, "{plan:?}");
    assert_eq!((pair[0].one.as_str(), &pair[0].forth.is), ("ada", &tcp(22)));
}

fn bounds(gms: &Gms, roles: &[&str]) -> Bounds {
    Bounds {
        from_unix_s: gms.now,
        until_unix_s: gms.now + DAY,
        mode: None,
        kinds: KINDS_ALL,
        once: false,
        attributes: Attributes {
            roles: roles.iter().map(|it| (*it).to_owned()).collect(),
            ..Attributes::default()
        },
    }
}

fn certificate(gms: &Gms, bounds: Bounds) -> InviteCertificate {
    let genesis = &gms.tenant.groups[VAULT].genesis;
    let key = signer(&INVITE).public();
    let mut certificate = InviteCertificate::new(id(gms), key, bounds).unwrap();
    for number in [0, 2] {
        certificate.sign(&signer(&admin(number)), place(genesis, number));
    }
    certificate
}

#[test]
fn a_line_gives_the_roles_that_the_admins_allow_it_and_no_others() {
    let mut gms = vault();
    let invite = Command::Invite {
        groups: vec![VAULT.to_owned()],
        roles: ["staff".to_owned()].into(),
        terms: InviteTerms {
            uses: 5,
            life_s: DAY,
            mode: None,
        },
    };
    let invite = invite_of(&gms.order(invite).unwrap());
    let suggested = gms.tenant.lock_of(invite).unwrap().suggested;
    assert_eq!(suggested.roles, ["staff"]);
    let certificate = certificate(&gms, bounds(&gms, &["duty", "staff"]));
    let by = signer(&INVITE);
    let wanted = Wanted::plain(f(4), 44, gms.now, "eve");
    let admission = Admission::by_invite(&certificate, &by, &wanted).unwrap();
    assert_eq!(admission.attributes().unwrap().roles, ["duty", "staff"]);
    let come = |admission: &Admission| Command::EnrolLocked {
        invite,
        admission: Box::new(admission.clone()),
    };
    gms.act(node(4), come(&admission)).unwrap();
    assert_eq!(roles_of(&gms, 4), ["duty", "staff"]);
    assert_eq!(gms.tenant.members["eve"].roles.len(), 2);
    // By hand: fewer are fine, others are not.
    let group = &gms.tenant.groups[VAULT];
    let by_hand = |number: u8, roles: &[&str]| {
        let attributes = Attributes {
            name: Some(format!("m{number}")),
            roles: roles.iter().map(|it| (*it).to_owned()).collect(),
            ..Attributes::default()
        };
        let member = group::statement::Membership {
            f: f(number),
            serial: 7,
        };
        let element = (admission.kind, admission.mode);
        let made = Admission::new(group.id, member, gms.now, element, &attributes);
        let mut made = made.unwrap();
        made.sign_by_invite(&by, certificate.clone());
        made
    };
    let (fewer, other) = (by_hand(5, &["duty"]), by_hand(6, &["duty", "root"]));
    assert!(fewer.holds(&AwsLc, &group.genesis, &group.authority));
    assert!(!other.holds(&AwsLc, &group.genesis, &group.authority));
    let refused = gms.act(node(6), come(&other));
    assert_eq!(refused, Err(Refusal::NotAdmitted(VAULT.to_owned())));
    gms.act(node(5), come(&fewer)).unwrap();
    // Whoever came by a line may be something else later, when the admins sign that.
    gms.order(set_roles("eve", &["duty"])).unwrap();
    admit(&mut gms, "eve");
    assert_eq!(roles_of(&gms, 4), ["duty"]);
    assert_eq!(gms.replayed(), gms.tenant);
}

/// One step of a history of the rules.
#[derive(Clone, Copy, Debug)]
enum Step {
    Order(u8),
    Role(u8, bool),
    SignRules(u8),
    SignRole(u8, u8),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0u8..4).prop_map(Step::Order),
        3 => (0u8..3, any::<bool>()).prop_map(|(who, is)| Step::Role(who, is)),
        8 => (0u8..3).prop_map(Step::SignRules),
        6 => (0u8..3, 0u8..3).prop_map(|(who, by)| Step::SignRole(who, by)),
        1 => (0..2 * DAY).prop_map(Step::Wait),
    ]
}

/// What a member's node sees: rules and its own roles.
type Seen = (Option<Option<Vec<Permit>>>, Vec<String>);

fn seen(gms: &Gms, number: u8) -> Seen {
    let view = &gms.view(number)[VAULT];
    let rules = view.known.rules.as_ref().map(|it| it.permits.clone());
    (rules, roles_of(gms, number))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// Whatever is ordered and signed: what members are told changes only when a second admin has signed, it holds for
    /// whoever verifies it, and the serial of rules only grows.
    #[test]
    fn in_every_history_nothing_changes_without_two_admins(steps in prop::collection::vec(step(), 1..40)) {
        let names = ["ada", "bob", "web"];
        let mut gms = vault();
        let mut serial = 0;
        for step in steps {
            let before: Vec<Seen> = (1..4).map(|it| seen(&gms, it)).collect();
            let mut in_force = false;
            match step {
                Step::Order(which) => {
                    let permits = [None, Some(SSH), Some(WEB), Some(&[][..])][usize::from(which)];
                    gms.order(set_rules(VAULT, permits, &[])).unwrap();
                }
                Step::Role(who, is) => {
                    let roles: &[&str] = if is { &["staff"] } else { &[] };
                    gms.order(set_roles(names[usize::from(who)], roles)).unwrap();
                }
                Step::SignRules(by) => {
                    if let Some(request) = rules_request(&gms) {
                        let had = gms.tenant.groups[VAULT].asked_rules.as_ref().unwrap().rules.signers().count();
                        in_force = approve(&mut gms, &request, by);
                        prop_assert!(!in_force || had == 1);
                    }
                }
                Step::SignRole(who, by) => {
                    let name = names[usize::from(who)];
                    if let Some(request) = admission_request(&gms, name) {
                        let had = gms.tenant.groups[VAULT].asked[name].signers().count();
                        in_force = approve(&mut gms, &request, by);
                        prop_assert!(!in_force || had == 1);
                    }
                }
                Step::Wait(seconds) => gms.now += seconds,
            }
            let after: Vec<Seen> = (1..4).map(|it| seen(&gms, it)).collect();
            prop_assert!(in_force || before == after, "{step:?}");
            for number in 1..4 {
                let held = keyring(&gms, number);
                let rules = held.rules_of(id(&gms));
                let now = rules.map_or(0, |it| it.serial);
                prop_assert!(now >= serial);
                serial = now;
            }
        }
        prop_assert_eq!(&gms.replayed(), &gms.tenant);
    }
}
