//! Orders and what members are told after them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it is surprised"
)]

mod common;

use common::{DAY, Gms, START, add, come, create, f, invite_of, node, remove};
use control::{Command, Have, InviteTerms, Refusal, Reply};
use group::epochs::Use;
use group::{Kind, Mode};
use identity::crypto::AwsLc;
use wire::Prefix;

/// The epochs that a member may use: number and use.
fn uses(gms: &Gms, number: u8, group: &str) -> Vec<(u32, Use)> {
    let view = &gms.view(number)[group];
    let usable = view.epochs.usable(&view.chain, gms.now).into_iter();
    usable.map(|it| (it.name.number, it.what)).collect()
}

#[test]
fn a_member_gets_a_line_comes_and_is_told_its_own_groups_only() {
    let mut gms = Gms::with_groups(&["sales", "it"]);
    gms.enrol(1, "ada", &["sales"]);
    gms.enrol(2, "bob", &["sales", "it"]);
    assert_eq!(gms.view(1).keys().collect::<Vec<_>>(), ["sales"]);
    assert_eq!(gms.view(2).keys().collect::<Vec<_>>(), ["it", "sales"]);
    assert!(gms.view(3).is_empty(), "a stranger");
    let known = &gms.view(2)["it"].known;
    assert!(known.lease.holds(&AwsLc, &known.authority, gms.now));
    assert_eq!(known.lease.member, known.admission.member);
    assert_eq!(known.admission.member.f, f(2));
    let attributes = known.admission.attributes().unwrap();
    assert_eq!(attributes.name.as_deref(), Some("bob"));
    assert_eq!(uses(&gms, 2, "it"), [(1, Use::Current)]);
    assert_eq!(gms.view(2)["it"].known.secrets.len(), 3);
}

#[test]
fn a_member_that_has_a_node_enters_further_groups_at_once() {
    let mut gms = Gms::with_groups(&["sales", "it"]);
    gms.enrol(1, "ada", &["sales"]);
    assert_eq!(gms.order(add("ada", &["it"])), Ok(Reply::Done));
    assert_eq!(gms.view(1).len(), 2);
    let twice = Refusal::InGroup {
        member: "ada".into(),
        group: "it".into(),
    };
    assert_eq!(gms.order(add("ada", &["it"])), Err(twice));
}

#[test]
fn the_mode_is_that_of_the_kind_unless_somebody_says_otherwise() {
    let mut gms = Gms::with_groups(&["sales"]);
    for (number, kind, ordered, mode) in [
        (1, Kind::Ges, None, Mode::Open),
        (2, Kind::Gen, None, Mode::Closed),
        (3, Kind::Gea, None, Mode::Closed),
        (4, Kind::Ges, Some(Mode::Closed), Mode::Closed),
        (5, Kind::Gen, Some(Mode::Open), Mode::Open),
    ] {
        let mut command = add(&format!("m{number}"), &["sales"]);
        if let Command::Add(addition) = &mut command {
            addition.mode = ordered;
        }
        let invite = invite_of(&gms.order(command).unwrap());
        let mut command = come(invite, None);
        if let Command::Enrol(enrolment) = &mut command {
            enrolment.kind = kind;
        }
        gms.act(node(number), command).unwrap();
        let admission = &gms.view(number)["sales"].known.admission;
        assert_eq!((admission.kind, admission.mode), (kind, mode));
    }
}

#[test]
fn what_was_accepted_says_what_a_node_is_and_what_lies_behind_it() {
    let mut gms = Gms::with_groups(&["sales"]);
    for (number, accepts, kind) in [
        (1, vec![], Kind::Ges),
        (2, vec!["192.0.2.9", "192.0.2.10"], Kind::Gea),
        (3, vec!["192.0.2.9", "192.168.20.0/24"], Kind::Gen),
    ] {
        let accepts: Vec<Prefix> = accepts.iter().map(|it| it.parse().unwrap()).collect();
        let mut command = add(&format!("m{number}"), &["sales"]);
        if let Command::Add(addition) = &mut command {
            addition.accepts.clone_from(&accepts);
        }
        let invite = invite_of(&gms.order(command).unwrap());
        gms.act(node(number), come(invite, None)).unwrap();
        let admission = &gms.view(number)["sales"].known.admission;
        assert_eq!(admission.kind, kind);
        assert_eq!(admission.attributes().unwrap().prefixes, accepts);
    }
}

#[test]
fn an_invite_works_once_for_one_and_until_it_ends() {
    let mut gms = Gms::with_groups(&["sales"]);
    let invite = gms.invite_for("ada", &["sales"]);
    gms.act(node(1), come(invite, None)).unwrap();
    for number in 2..4 {
        let again = gms.act(node(number), come(invite, None));
        assert_eq!(again, Err(Refusal::NoInvite), "{number}");
    }
    // A second line for one member ends the first.
    let first = gms.invite_for("bob", &["sales"]);
    gms.order(create("it")).unwrap();
    let second = gms.invite_for("bob", &["it"]);
    assert_eq!(gms.act(node(2), come(first, None)), Err(Refusal::NoInvite));
    gms.now += DAY;
    let late = gms.act(node(2), come(second, None));
    assert_eq!(late, Err(Refusal::InviteExpired));
    gms.tick();
    assert_eq!(gms.act(node(2), come(second, None)), Err(Refusal::NoInvite));
}

#[test]
fn one_line_may_be_for_several_and_each_gets_a_name() {
    let mut gms = Gms::with_groups(&["sensors"]);
    let terms = InviteTerms {
        uses: 3,
        life_s: DAY,
        mode: None,
    };
    let groups = vec!["sensors".to_owned()];
    let made = gms
        .order(Command::Invite {
            groups,
            roles: Default::default(),
            terms,
        })
        .unwrap();
    let invite = invite_of(&made);
    let come = |gms: &mut Gms, number| gms.act(node(number), come(invite, Some("sensor")));
    let name = |reply: Result<Reply, Refusal>| match reply.unwrap() {
        Reply::Enrolled { member } => member,
        other => panic!("{other:?}"),
    };
    assert_eq!(name(come(&mut gms, 1)), "sensor");
    assert_eq!(name(come(&mut gms, 2)), "sensor-02020202");
    // Whoever comes twice stays who it is, and uses up nothing.
    assert_eq!(name(come(&mut gms, 1)), "sensor");
    assert_eq!(name(come(&mut gms, 3)), "sensor-03030303");
    assert_eq!(come(&mut gms, 4), Err(Refusal::NoInvite));
    assert_eq!((gms.view(1).len(), gms.view(2).len()), (1, 1));
}

#[test]
fn a_line_for_a_member_takes_no_other_members_node() {
    let mut gms = Gms::with_groups(&["sales"]);
    gms.enrol(1, "ada", &["sales"]);
    let invite = gms.invite_for("bob", &["sales"]);
    let taken = gms.act(node(1), come(invite, None));
    assert_eq!(taken, Err(Refusal::IsMember("ada".into())));
    gms.act(node(2), come(invite, None)).unwrap();
}

#[test]
fn nobody_enrols_with_addresses_that_lie_behind_nobody() {
    let mut gms = Gms::with_groups(&["sales"]);
    let invite = gms.invite_for("gate", &["sales"]);
    for (prefix, may) in [
        ("0.0.0.0/0", false),
        ("fc00::/8", false),
        ("224.0.0.0/4", false),
        ("192.168.20.0/24", true),
    ] {
        let mut command = come(invite, None);
        if let Command::Enrol(enrolment) = &mut command {
            enrolment.prefixes = vec![prefix.parse().unwrap()];
        }
        let done = gms.act(node(1), command);
        assert_eq!(done.is_ok(), may, "{prefix}: {done:?}");
    }
}

#[test]
fn only_what_an_administrator_accepts_lies_behind_a_member() {
    let mut gms = Gms::with_groups(&["sales"]);
    let mut command = add("gate", &["sales"]);
    if let Command::Add(addition) = &mut command {
        addition.accepts = vec!["192.168.16.0/20".parse().unwrap()];
    }
    let invite = invite_of(&gms.order(command).unwrap());
    let mut command = come(invite, None);
    let says = ["192.168.20.0/24", "10.0.0.0/8", "192.168.0.0/16"];
    let says = says.map(|it| it.parse().unwrap());
    if let Command::Enrol(enrolment) = &mut command {
        enrolment.prefixes = says.to_vec();
    }
    gms.act(node(1), command).unwrap();
    let signed = gms.view(1)["sales"].known.admission.attributes().unwrap();
    assert_eq!(signed.prefixes, says[..1]);
    let unasked = gms.order(add("other", &["sales"])).unwrap();
    let mut command = come(invite_of(&unasked), None);
    if let Command::Enrol(enrolment) = &mut command {
        enrolment.prefixes = says.to_vec();
    }
    gms.act(node(2), command).unwrap();
    let signed = gms.view(2)["sales"].known.admission.attributes().unwrap();
    assert_eq!(signed.prefixes, []);
}

#[test]
fn the_servers_own_node_needs_no_invite() {
    let mut gms = Gms::with_groups(&["sales"]);
    let mut command = add("here", &["sales"]);
    if let Command::Add(addition) = &mut command {
        addition.node = Some(common::f(7));
    }
    assert_eq!(gms.order(command.clone()), Ok(Reply::Done));
    assert_eq!(gms.view(7).len(), 1);
    if let Command::Add(addition) = &mut command {
        addition.member = "there".to_owned();
    }
    let again = gms.order(command);
    assert_eq!(again, Err(Refusal::IsMember("here".into())));
}

#[test]
fn a_node_whose_answer_was_lost_comes_again_and_is_told_the_same() {
    let mut gms = Gms::with_groups(&["sales"]);
    let invite = gms.invite_for("ada", &["sales"]);
    let first = gms.act(node(1), come(invite, None)).unwrap();
    let rev = gms.tenant.rev;
    assert_eq!(gms.act(node(1), come(invite, None)), Ok(first));
    assert_eq!(gms.tenant.rev, rev, "nothing happened");
    let other = gms.act(node(2), come(invite, None));
    assert_eq!(other, Err(Refusal::NoInvite));
}

#[test]
fn who_is_removed_is_out_by_one_small_entry_and_the_epochs_it_knew_are_over() {
    let mut gms = Gms::with_groups(&["sales", "it"]);
    for (number, name) in [(1, "ada"), (2, "bob"), (3, "eve")] {
        gms.enrol(number, name, &["sales", "it"]);
    }
    let leaver = gms.view(3)["sales"].known.admission.member;
    let knew = gms.view(3)["sales"].known.secrets.clone();
    let before = gms.view(1);
    let have: Vec<Have> = before
        .values()
        .map(|view| Have {
            group: view.known.genesis.id(&AwsLc),
            head: view.chain.head(),
        })
        .collect();
    let rev = gms.tenant.rev;
    gms.now += 1_000;
    gms.order(remove("eve", Some("sales"))).unwrap();

    assert_eq!(gms.view(3).keys().collect::<Vec<_>>(), ["it"]);
    assert!(gms.view(1)["sales"].chain.is_removed(leaver));
    assert!(!gms.view(1)["it"].chain.is_removed(leaver));
    let now = uses(&gms, 1, "sales");
    assert_eq!(now[0], (4, Use::Current));
    assert!(knew.iter().all(|(name, _)| name.number < 4));
    assert_eq!(uses(&gms, 1, "it"), [(1, Use::Current)], "not touched");
    // The one in force before counts for ten seconds more.
    gms.now += 9;
    assert!(
        uses(&gms, 1, "sales").iter().all(|it| it.0 == 4),
        "not told to a newcomer"
    );
    let mut held = before["sales"].epochs.clone();
    let chain = &gms.view(1)["sales"].chain;
    let (name, secret) = gms.view(1)["sales"].known.secrets[0].clone();
    held.insert(&AwsLc, chain, name.number, secret).unwrap();
    let last = |at| held.usable(chain, at).last().unwrap().what;
    assert_eq!(
        (last(gms.now), last(gms.now + 1)),
        (Use::Beside, Use::CatchUp)
    );
    // A member that was told before gets a removal, and the epochs; of the other group nothing.
    assert!(gms.tenant.has_news(f(1), rev));
    let news = gms.knowledge(1, &have);
    let lens = |name: &str| -> Vec<usize> {
        let known = news.iter().find(|known| known.name == name).unwrap();
        known.links[0]
            .entries
            .iter()
            .map(|it| it.encode().len())
            .collect()
    };
    assert_eq!(lens("it"), [0_usize; 0]);
    assert_eq!(lens("sales"), [151, 173, 173, 173]);
}

#[test]
fn nobody_is_told_anything_when_nothing_changed() {
    let mut gms = Gms::with_groups(&["sales"]);
    gms.enrol(1, "ada", &["sales"]);
    let rev = gms.tenant.rev;
    gms.tick();
    assert!(!gms.tenant.has_news(f(1), rev));
    gms.order(create("it")).unwrap();
    gms.enrol(2, "bob", &["it"]);
    assert!(!gms.tenant.has_news(f(1), rev), "another group");
    gms.enrol(3, "eve", &["sales"]);
    assert!(
        !gms.tenant.has_news(f(1), rev),
        "a join tells no other member"
    );
    gms.order(Command::Rotate {
        group: "sales".to_owned(),
    })
    .unwrap();
    assert!(gms.tenant.has_news(f(1), rev));
    let rev = gms.tenant.rev;
    gms.order(add("ada", &["it"])).unwrap();
    assert!(gms.tenant.has_news(f(1), rev), "a group of its own more");
    assert!(!gms.tenant.has_news(f(2), rev));
    let rev = gms.tenant.rev;
    gms.order(remove("ada", Some("it"))).unwrap();
    assert!(gms.tenant.has_news(f(1), rev), "and less");
}

#[test]
fn who_never_came_leaves_no_trace_in_the_chain() {
    let mut gms = Gms::with_groups(&["sales"]);
    let invite = gms.invite_for("ada", &["sales"]);
    let head = gms.tenant.groups["sales"].chain.head();
    gms.order(remove("ada", None)).unwrap();
    assert_eq!(gms.tenant.groups["sales"].chain.head(), head);
    assert_eq!(gms.act(node(1), come(invite, None)), Err(Refusal::NoInvite));
    assert!(gms.tenant.members.is_empty() && gms.tenant.invites.is_empty());
}

#[test]
fn who_is_removed_everywhere_may_come_again_as_somebody_new() {
    let mut gms = Gms::with_groups(&["sales"]);
    gms.enrol(1, "ada", &["sales"]);
    let before = gms.view(1)["sales"].known.admission.member;
    gms.order(remove("ada", None)).unwrap();
    assert!(gms.view(1).is_empty());
    gms.enrol(1, "ada-again", &["sales"]);
    let view = &gms.view(1)["sales"];
    assert!(view.chain.is_removed(before));
    assert!(!view.chain.is_removed(view.known.admission.member));
}

#[test]
fn epochs_change_at_three_and_are_known_two_days_ahead() {
    let mut gms = Gms::with_groups(&["sales"]);
    gms.enrol(1, "ada", &["sales"]);
    let moments: Vec<u64> = gms.tenant.groups["sales"]
        .chain
        .epochs()
        .map(|it| it.entry.activates_unix_s)
        .collect();
    assert_eq!(moments[0], START);
    let hour = |at: u64| (at + 9 * 3_600) % DAY / 3_600;
    assert_eq!((hour(moments[1]), hour(moments[2])), (3, 3));
    assert_eq!(moments[2] - moments[1], DAY);
    assert!(moments[1] - START <= DAY);
    // A day later there are two to come again, and the secrets in force and to come are told.
    gms.now = moments[1];
    gms.tick();
    assert_eq!(uses(&gms, 1, "sales"), [(2, Use::Current)]);
    let numbers = |gms: &Gms| -> Vec<u32> {
        let secrets = gms.view(1)["sales"].known.secrets.clone();
        secrets.into_iter().map(|(name, _)| name.number).collect()
    };
    assert_eq!(numbers(&gms), [2, 3, 4]);
    // The server was off for ten days.
    gms.now += 10 * DAY;
    assert_eq!(uses(&gms, 1, "sales"), [(4, Use::Current)]);
    gms.tick();
    assert_eq!(numbers(&gms), [4, 5, 6]);
}

#[test]
fn a_change_that_somebody_orders_is_in_force_at_once() {
    let mut gms = Gms::with_groups(&["sales"]);
    gms.enrol(1, "ada", &["sales"]);
    gms.now += 500;
    let group = "sales".to_owned();
    gms.order(Command::Rotate { group }).unwrap();
    assert_eq!(uses(&gms, 1, "sales"), [(4, Use::Current)]);
    let epochs = gms.tenant.groups["sales"].chain.epochs().count();
    assert_eq!(epochs, 6, "three, and three new ones");
}

#[test]
fn what_makes_no_sense_is_refused_with_its_reason() {
    let mut gms = Gms::with_groups(&["sales"]);
    gms.enrol(1, "ada", &["sales"]);
    let zone = |zone: &str| Command::CreateGroups {
        groups: vec!["new".to_owned()],
        zone: zone.to_owned(),
        site: None,
        sign_in_s: None,
    };
    let invite = |uses, life_s| Command::Invite {
        roles: Default::default(),
        groups: vec!["sales".to_owned()],
        terms: InviteTerms {
            uses,
            life_s,
            mode: None,
        },
    };
    let rows = [
        (create("sales"), "there is a group `sales` already"),
        (create("a b"), "`a b` cannot be a name"),
        (zone("Nowhere/Land"), "there is no time zone `Nowhere/Land`"),
        (add("bob", &[]), "name at least one group"),
        (add("bob", &["nix"]), "there is no group `nix`"),
        (add("b.b", &["sales"]), "`b.b` cannot be a name"),
        (add("ada", &["sales"]), "`ada` is in `sales` already"),
        (remove("bob", None), "there is no member `bob`"),
        (remove("ada", Some("nix")), "there is no group `nix`"),
        (invite(0, DAY), "an invite lives for"),
        (invite(1, 31 * DAY), "an invite lives for"),
    ];
    let (before, records) = (gms.tenant.clone(), gms.records.len());
    for (command, reason) in rows {
        let refusal = gms.order(command).unwrap_err().to_string();
        assert!(refusal.starts_with(reason), "{refusal}");
    }
    assert_eq!(gms.tenant, before);
    assert_eq!(gms.records.len(), records);
}
