//! How a server is used: what its groups protect, whether its own node is in them, and several groups at
//! once.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it is surprised"
)]

mod common;

use common::{DAY, Gms, add, come, create, f, invite_of, node};
use control::{Command, InviteTerms, Refusal, Reply};
use group::Mode;
use wire::Prefix;

fn prefixes(all: &[&str]) -> Vec<Prefix> {
    all.iter().map(|it| it.parse().unwrap()).collect()
}

fn serve(site: Option<&[&str]>) -> Command {
    let site = site.map(prefixes);
    Command::Serve { site }
}

fn create_all(groups: &[&str], site: Option<&[&str]>) -> Command {
    Command::CreateGroups {
        groups: groups.iter().map(|it| (*it).to_owned()).collect(),
        zone: "Asia/Tokyo".to_owned(),
        site: site.map(prefixes),
        sign_in_s: None,
    }
}

#[test]
fn what_groups_protect_is_said_once_and_may_be_said_otherwise() {
    let mut gms = Gms::new();
    gms.order(create("before")).unwrap();
    gms.order(serve(Some(&["10.0.0.0/8"]))).unwrap();
    gms.order(create("usual")).unwrap();
    gms.order(create_all(&["other"], Some(&["192.168.0.0/16"])))
        .unwrap();
    gms.order(create_all(&["none"], Some(&[]))).unwrap();
    // To serve again says nothing new about it.
    gms.order(serve(None)).unwrap();
    gms.order(create("again")).unwrap();
    gms.order(serve(Some(&[]))).unwrap();
    gms.order(create("after")).unwrap();
    for (group, site) in [
        ("before", &[][..]),
        ("usual", &["10.0.0.0/8"]),
        ("other", &["192.168.0.0/16"]),
        ("none", &[]),
        ("again", &["10.0.0.0/8"]),
        ("after", &[]),
    ] {
        assert_eq!(gms.tenant.groups[group].site, prefixes(site), "{group}");
    }
    gms.enrol(1, "ada", &["usual", "none"]);
    let of = |group: &str| {
        gms.view(1)[group]
            .known
            .admission
            .attributes()
            .unwrap()
            .site
    };
    assert_eq!(of("usual"), prefixes(&["10.0.0.0/8"]));
    assert_eq!(of("none"), []);
    assert_eq!(gms.replayed(), gms.tenant);
}

#[test]
fn whoever_serves_first_is_apart_and_whoever_is_a_member_stays_one() {
    let mut gms = Gms::new();
    assert!(!gms.tenant.apart);
    gms.order(serve(None)).unwrap();
    assert!(gms.tenant.apart);
    let records = gms.records.len();
    gms.order(serve(None)).unwrap();
    assert_eq!(gms.records.len(), records, "nothing has changed");

    let mut gms = Gms::with_groups(&["sales"]);
    let mut command = add("here", &["sales"]);
    if let Command::Add(addition) = &mut command {
        addition.node = Some(f(0));
    }
    gms.order(command).unwrap();
    gms.order(serve(None)).unwrap();
    assert!(!gms.tenant.apart);
    assert_eq!(gms.replayed(), gms.tenant);
}

#[test]
fn several_groups_are_made_or_none() {
    let mut gms = Gms::with_groups(&["it"]);
    let (before, roots) = (gms.tenant.clone(), gms.roots.len());
    for (groups, refusal) in [
        (&["a", "it"][..], Refusal::GroupExists("it".to_owned())),
        (&["a", "a"], Refusal::GroupExists("a".to_owned())),
        (&["a", "b c"], Refusal::Name("b c".to_owned())),
        (&[], Refusal::NoGroups),
    ] {
        assert_eq!(gms.order(create_all(groups, None)), Err(refusal));
    }
    let overlay = create_all(&["a"], Some(&["fc00::/8"]));
    assert!(matches!(gms.order(overlay), Err(Refusal::Prefix(_))));
    assert_eq!((&gms.tenant, gms.roots.len()), (&before, roots));
    gms.order(create_all(&["a", "b"], None)).unwrap();
    assert_eq!(gms.tenant.groups.len(), 3);
    let ids: std::collections::BTreeSet<_> = gms.tenant.groups.values().map(|it| it.id).collect();
    assert_eq!(
        (ids.len(), gms.roots.len()),
        (3, 3),
        "each has keys of its own"
    );
    assert_eq!(gms.replayed(), gms.tenant);
}

#[test]
fn a_line_for_several_may_say_their_mode() {
    let mut gms = Gms::with_groups(&["sales"]);
    let invite = |gms: &mut Gms, mode| {
        let groups = vec!["sales".to_owned()];
        let terms = InviteTerms {
            uses: 2,
            life_s: DAY,
            mode,
        };
        invite_of(
            &gms.order(Command::Invite {
                groups,
                roles: Default::default(),
                terms,
            })
            .unwrap(),
        )
    };
    let closed = invite(&mut gms, Some(Mode::Closed));
    let usual = invite(&mut gms, None);
    for (number, invite, mode) in [
        (1, closed, Mode::Closed),
        (2, closed, Mode::Closed),
        (3, usual, Mode::Open),
    ] {
        let name = format!("m{number}");
        let reply = gms.act(node(number), come(invite, Some(&name))).unwrap();
        assert_eq!(
            reply,
            Reply::Enrolled {
                member: name.clone()
            }
        );
        assert_eq!(gms.tenant.members[&name].mode_in_force(), mode);
        assert_eq!(gms.view(number)["sales"].known.admission.mode, mode);
    }
    // Whoever is a member already stays what it is.
    gms.order(create("it")).unwrap();
    let groups = vec!["it".to_owned()];
    let terms = InviteTerms {
        uses: 1,
        life_s: DAY,
        mode: Some(Mode::Closed),
    };
    let into = invite_of(
        &gms.order(Command::Invite {
            groups,
            roles: Default::default(),
            terms,
        })
        .unwrap(),
    );
    gms.act(node(3), come(into, None)).unwrap();
    assert_eq!(gms.view(3)["it"].known.admission.mode, Mode::Open);
    assert_eq!(gms.replayed(), gms.tenant);
}

#[test]
fn an_address_is_no_name() {
    let mut gms = Gms::with_groups(&["sales"]);
    gms.enrol(1, "bob", &["sales"]);
    let bob = f(1).to_ipv6().to_string();
    // Whoever removed the member of that name would remove the other one.
    let refused = Err(Refusal::Name(bob.clone()));
    assert_eq!(gms.order(add(&bob, &["sales"])), refused);
    let for_anybody = Command::Invite {
        groups: vec!["sales".to_owned()],
        roles: Default::default(),
        terms: InviteTerms {
            uses: 1,
            life_s: DAY,
            mode: None,
        },
    };
    let invite = invite_of(&gms.order(for_anybody).unwrap());
    assert_eq!(gms.act(node(2), come(invite, Some(&bob))), refused);
}
