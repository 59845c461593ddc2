//! Rules of a group that several servers manage: any of them gives new ones, and none is needed for those that are
//! there.

use std::collections::BTreeSet;

use control::service::OrderError;
use control::{Command, LockedGroups, Refusal};
use group::partner::{Charge, PartnerMessage};
use group::rules::{Party, Permit};
use group::statement::{Rules, Signer};
use group::{PortRange, Proto, Services};
use identity::crypto::AwsLc;

use super::common::{s, udp};
use super::sites_world::{A, B, HOUR, LAB, Sites};
use super::world::create;

/// `lab` with a member `staff` at 2 and one without a role at 3, by the first server; if `share` says so the second
/// server has come, and by that a `server` at 4.
fn roles(share: bool) -> Sites {
    let mut sites = Sites::new(7, 2);
    sites.order(A, &create(LAB)).unwrap();
    sites.join_as(A, 2, "a2", Some("staff"));
    sites.join(A, 3, "a3");
    if share {
        sites.share(A, B);
        sites.join_as(B, 4, "b4", Some("server"));
        sites.run(60);
    }
    sites
}

/// From now on `staff` reaches this UDP port of `server`, and nothing else is reached.
fn permit(sites: &mut Sites, at: usize, port: u16) {
    let proto = Proto::Udp;
    let (lo, hi) = (port, port);
    let permit = Permit {
        from: Party::Role("staff".to_owned()),
        to: Party::Role("server".to_owned()),
        services: Services::Ports(vec![PortRange { proto, lo, hi }]),
    };
    let command = Command::SetRules {
        group: LAB.to_owned(),
        permits: Some(vec![permit]),
        tests: Vec::new(),
    };
    sites.order(at, &command).unwrap();
}

impl Sites {
    fn passes(&mut self, from: usize, to: usize, port: u16) -> bool {
        let packet = udp(self.world.f(from), self.world.f(to), (5_000, port), b"data");
        self.world.take_inside(to);
        self.world
            .with(from, |node, now| node.handle_inside(now, &packet));
        self.settle();
        self.world.run(s(1));
        self.settle();
        self.world.take_inside(to).contains(&packet)
    }

    fn rules_serial(&self, at: usize) -> Option<u64> {
        let rules = self.service(at).tenant().groups[LAB].rules.as_ref();
        rules.map(|rules| rules.serial)
    }
}

#[test]
fn either_server_gives_rules_and_the_newest_count_everywhere() {
    let mut sites = roles(true);
    assert!(sites.passes(3, 4, 53), "no rules, no limits");
    permit(&mut sites, A, 53);
    assert!(sites.passes(2, 4, 53) && !sites.passes(2, 4, 54) && !sites.passes(3, 4, 53));
    permit(&mut sites, B, 54);
    assert_eq!(sites.rules_serial(A), sites.rules_serial(B));
    assert!(sites.passes(2, 4, 54) && !sites.passes(2, 4, 53) && !sites.passes(3, 4, 54));
    // Nothing passes between the two, and each gives others: the later ones count, once it is mended.
    sites.cut(A, B);
    permit(&mut sites, B, 55);
    sites.run(10);
    permit(&mut sites, A, 56);
    assert_ne!(sites.rules_serial(A), sites.rules_serial(B));
    assert!(
        sites.passes(2, 4, 56) && !sites.passes(2, 4, 55),
        "members know the newest"
    );
    sites.mend(|_| true);
    sites.run(180);
    assert_eq!(sites.rules_serial(A), sites.rules_serial(B));
    // In rest nothing more is written down.
    let revs = [A, B].map(|at| sites.service(at).tenant().rev);
    sites.run(600);
    assert_eq!([A, B].map(|at| sites.service(at).tenant().rev), revs);
}

#[test]
fn a_second_server_has_the_rules_as_soon_as_it_has_the_group() {
    let mut sites = roles(false);
    permit(&mut sites, A, 53);
    sites.share(A, B);
    assert_eq!(sites.rules_serial(A), sites.rules_serial(B));
    assert!(sites.rules_serial(B).is_some());
    // The first one is lost: whoever comes by the second one begins with the rules.
    sites.run(30);
    sites.stop(A);
    sites.join_as(B, 4, "b4", Some("server"));
    sites.join(B, 5, "b5");
    sites.run(30);
    assert!(sites.ping(5, 4), "they know each other");
    assert!(sites.passes(2, 4, 53));
    assert!(!sites.passes(5, 4, 53) && !sites.passes(4, 5, 53));
    permit(&mut sites, B, 54);
    assert!(sites.passes(2, 4, 54) && !sites.passes(2, 4, 53));
}

#[test]
fn the_rules_of_a_server_that_is_taken_out_stay_and_hold_for_whoever_comes() {
    let mut sites = roles(true);
    sites.join_as(A, 5, "a5", Some("server"));
    permit(&mut sites, B, 53);
    let before = sites.rules_serial(A);
    let (group, server) = (LAB.to_owned(), sites.world.f(B));
    sites.order(A, &Command::Unshare { group, server }).unwrap();
    assert!(
        sites.rules_serial(A) > before,
        "the first one has signed them anew"
    );
    sites.join(A, 6, "a6");
    assert!(!sites.passes(6, 5, 53) && !sites.passes(3, 5, 53) && sites.passes(2, 5, 53));
    sites.start_again(&[2, 3, 5, 6]);
    sites.run(5);
    assert!(sites.passes(2, 5, 53) && !sites.passes(3, 5, 53) && !sites.passes(6, 5, 53));
}

#[test]
fn a_member_that_was_away_keeps_its_group_though_the_rules_are_of_a_server_that_is_none() {
    let mut sites = roles(true);
    permit(&mut sites, B, 53);
    sites.cut(2, A);
    let (group, server) = (LAB.to_owned(), sites.world.f(B));
    sites.order(A, &Command::Unshare { group, server }).unwrap();
    // It has heard of the servers by another member, and not of the rules; then it starts again.
    sites.ping(2, 3);
    sites.start_again(&[2]);
    assert!(sites.is_member(2));
    sites.mend(|_| true);
    sites.run(60);
    assert!(sites.is_member(2) && sites.ping(2, 3));
}

#[test]
fn a_server_that_gives_rules_for_ever_is_taken_out_and_so_are_its_rules() {
    let mut sites = roles(true);
    sites.join_as(A, 5, "a5", Some("server"));
    let of = sites.service(A).tenant().groups[LAB].clone();
    let index = of.authority.index_of(sites.world.f(B)).unwrap();
    let by = Signer {
        crypto: &AwsLc,
        seed: &sites.seed(B),
    };
    let mut last = Rules::new(of.id, u64::MAX, sites.world.now.unix_s, Some(Vec::new())).unwrap();
    last.sign(&by, index);
    let charge = Charge {
        name: LAB.to_owned(),
        zone: of.zone_name,
        site: of.site,
        genesis: of.genesis,
        authority: of.authority,
        rules: Some(Box::new(last)),
    };
    sites.say(B, A, PartnerMessage::Charge(Box::new(charge)));
    assert_eq!(sites.rules_serial(A), Some(u64::MAX));
    assert!(!sites.passes(2, 5, 53), "it may shut everything");
    let command = Command::SetRules {
        group: LAB.to_owned(),
        permits: None,
        tests: Vec::new(),
    };
    let refused = sites.order(A, &command);
    assert!(matches!(
        refused,
        Err(OrderError::Refused(Refusal::Statement(_)))
    ));
    let (group, server) = (LAB.to_owned(), sites.world.f(B));
    sites.order(A, &Command::Unshare { group, server }).unwrap();
    assert!(
        !sites.passes(2, 5, 53),
        "its rules bind until there are others"
    );
    permit(&mut sites, A, 53);
    assert!(sites.passes(2, 5, 53) && !sites.passes(3, 5, 53));
    sites.start_again(&[2, 3, 5]);
    sites.run(5);
    assert!(sites.passes(2, 5, 53) && !sites.passes(3, 5, 53));
}

#[test]
fn a_role_that_was_taken_away_is_gone_at_the_other_server_too() {
    let mut sites = roles(true);
    permit(&mut sites, A, 53);
    assert!(sites.passes(2, 4, 53));
    let member = "a2".to_owned();
    let roles = BTreeSet::new();
    sites
        .order(A, &Command::SetRoles { member, roles })
        .unwrap();
    assert!(sites.is_member(2), "it is in the group as before");
    assert!(sites.is_up(2, B), "and in touch with the other server");
    assert!(!sites.passes(2, 4, 53));
    let f = sites.world.f(2);
    for at in [A, B] {
        let tenant = sites.service(at).tenant();
        let (admission, _) = tenant.admission_of(&tenant.groups[LAB], f).unwrap();
        assert!(admission.attributes().unwrap().roles.is_empty(), "{at}");
    }
    sites.stop(A);
    sites.run(14 * HOUR);
    sites.start_again(&[2, 4]);
    assert!(
        sites.ping(4, 2) && !sites.passes(2, 4, 53),
        "leased by the other one"
    );
}

#[test]
fn locked_groups_and_those_that_ask_for_sign_ins_have_one_server() {
    let mut sites = Sites::new(2, 2);
    let locked = LockedGroups {
        groups: vec!["vault".to_owned()],
        zone: "UTC".to_owned(),
        site: None,
        threshold: 1,
        admins: vec![[7; 32]],
    };
    sites.order(A, &Command::CreateLocked(locked)).unwrap();
    sites.order(A, &create(LAB)).unwrap();
    let share = |group: &str| Command::Share {
        groups: vec![group.to_owned()],
        life_s: HOUR,
    };
    let ask = |period_s| Command::RequireSignIn {
        group: LAB.to_owned(),
        period_s,
    };
    let refused = |refusal| Err(OrderError::Refused(refusal));
    let done = sites.order(A, &share("vault"));
    assert_eq!(done, refused(Refusal::SharedLocked("vault".to_owned())));
    sites.order(A, &ask(Some(HOUR))).unwrap();
    let shared = || refused(Refusal::SharedSignIn(LAB.to_owned()));
    assert_eq!(sites.order(A, &share(LAB)), shared());
    // A line that was made before it asked is good for nothing.
    sites.order(A, &ask(None)).unwrap();
    let made = sites.order(A, &share(LAB));
    let line = sites.line(A, made);
    sites.order(A, &ask(Some(HOUR))).unwrap();
    let none = sites.accept(A, B, &line);
    assert_eq!(none, refused(Refusal::NoGroups));
    sites.order(A, &ask(None)).unwrap();
    sites.share(A, B);
    for at in [A, B] {
        assert_eq!(sites.order(at, &ask(Some(HOUR))), shared(), "{at}");
    }
}
