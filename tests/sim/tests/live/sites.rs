//! Groups that the servers of two sites manage: either may die, and a line between them may break.

use std::collections::BTreeSet;

use control::service::OrderError;
use control::{Addition, Command, Refusal, Reply};
use node::Event;
use wire::NodeAddr;

use super::sites_world::{A, B, HOUR, LAB, Sites, two_sites};
use super::world::{create, remove};

#[test]
fn two_servers_share_a_group_and_each_knows_the_others_members() {
    let mut sites = two_sites();
    for index in 2..=5 {
        assert_eq!(sites.servers_of(index), 2, "{index}");
        assert!(sites.is_up(index, A) && sites.is_up(index, B), "{index}");
    }
    for (one, other) in [(2, 3), (2, 4), (4, 5), (3, 5)] {
        assert!(sites.ping(one, other), "{one} {other}");
    }
    for at in [A, B] {
        let group = &sites.service(at).tenant().groups[LAB];
        assert_eq!(group.held().count(), 2, "{at}");
        assert_eq!(group.admissions.len(), 2, "{at}");
    }
    // In rest the two servers say little, and nothing is written down.
    let revs = [A, B].map(|at| sites.service(at).tenant().rev);
    sites.run(600);
    assert_eq!([A, B].map(|at| sites.service(at).tenant().rev), revs);
}

#[test]
fn c14_either_of_two_sites_servers_dies_for_good_and_the_group_lives() {
    for (dead, alive) in [(A, B), (B, A)] {
        let mut sites = two_sites();
        assert!(sites.ping(2, 4));
        sites.stop(dead);
        // No lease of before is left, and the epoch has changed twice.
        for day in 1..=2 {
            sites.run(25 * HOUR);
            for (one, other) in [(2, 3), (2, 4), (4, 5), (3, 5)] {
                assert!(
                    sites.ping(one, other),
                    "{dead} dead, day {day}: {one} {other}"
                );
            }
            sites.start_again(&[2, 4]);
            assert!(sites.ping(2, 4), "{dead} dead, day {day}: anew");
        }
        for index in 2..=5 {
            assert!(sites.lease_until(index) > sites.world.now.unix_s + 30 * HOUR);
        }
        // It removes whom the other admitted, and whom it admitted itself.
        for (name, index) in [("a3", 3), ("b5", 5)] {
            sites.order(alive, &remove(name)).unwrap();
            sites.run(2);
            assert!(!sites.is_member(index), "{name} knows it");
            assert!(!sites.ping(2, index) && !sites.ping(index, 4), "{name}");
        }
        assert!(sites.ping(2, 4), "others go on");
        let group = LAB.to_owned();
        sites.order(alive, &Command::Rotate { group }).unwrap();
        sites.join(alive, 6, "new");
        sites.run(20);
        for index in [2, 4] {
            assert!(sites.ping(6, index) && sites.ping(index, 6), "{index}");
        }
        // Who has come since, and who has been there, meet anew.
        sites.start_again(&[2, 4, 6]);
        assert!(sites.ping(6, 2) && sites.ping(4, 6));
    }
}

#[test]
fn a_dead_server_that_returns_learns_what_happened_without_it() {
    let mut sites = two_sites();
    sites.stop(A);
    sites.order(B, &remove("a3")).unwrap();
    sites.join(B, 6, "new");
    sites.run(6 * HOUR);
    sites.start(A);
    sites.run(120);
    let new = sites.world.f(6);
    let group = &sites.service(A).tenant().groups[LAB];
    assert!(!group.admissions.contains_key("a3"), "it is out here, too");
    assert!(group.held().any(|(f, _)| f == new));
    sites.start_again(&[3]);
    sites.run(30);
    assert!(!sites.is_member(3));
    // And it may now be the only one.
    sites.stop(B);
    sites.run(50 * HOUR);
    assert!(sites.ping(6, 2) && sites.ping(2, 4));
}

#[test]
fn a_removal_acts_at_the_other_server_and_at_its_leases_at_once() {
    let mut sites = two_sites();
    assert!(sites.ping(4, 3));
    let f = sites.world.f(3);
    // The leaver is in touch with the other server only.
    sites.cut(3, A);
    sites.order(A, &remove("a3")).unwrap();
    assert!(!sites.is_member(3), "it heard of it from the other one");
    assert!(!sites.service(B).tenant().has_node(f));
    let both = [A, B].map(|at| sites.service(at).tenant().groups[LAB].clone());
    let now = sites.world.now.unix_s;
    for group in both {
        let current = group.chain.epochs_ahead(now)[0];
        assert_eq!(current.activates_unix_s, now, "each has changed its epoch");
    }
    assert!(sites.ping(2, 4) && sites.ping(4, 5));
    assert!(!sites.ping(3, 4) && !sites.ping(3, 2));
}

#[test]
fn who_is_removed_from_all_groups_is_out_of_those_that_a_partner_admitted_it_to() {
    let mut sites = two_sites();
    sites.order(A, &create("own")).unwrap();
    let own = Addition {
        member: "guest".to_owned(),
        groups: vec!["own".to_owned()],
        life_s: HOUR,
        ..Addition::default()
    };
    sites.enrol(A, 5, own);
    assert!(sites.ping(5, 2));
    sites.order(A, &remove("guest")).unwrap();
    sites.run(5);
    assert!(!sites.is_member(5), "neither in `own` nor in `lab`");
    assert!(!sites.ping(5, 2) && sites.ping(4, 2));
}

#[test]
fn without_a_line_between_the_sites_a_removal_is_carried_by_members() {
    let mut sites = two_sites();
    sites.cut(A, B);
    sites.run(60);
    let f = sites.world.f(3);
    sites.cut(3, A);
    for other in [2, 4, 5] {
        sites.cut(3, other);
    }
    sites.order(A, &remove("a3")).unwrap();
    assert!(sites.is_member(3), "nobody could tell it yet");
    sites.run(15);
    assert!(
        !sites.service(B).tenant().has_node(f),
        "members told the other server"
    );
    assert!(!sites.is_member(3), "which told it");
}

#[test]
fn in_a_partition_of_the_sites_a_leaver_is_out_when_its_lease_ends() {
    let mut sites = two_sites();
    assert!(sites.ping(5, 3) && sites.ping(2, 3));
    // Site A with members 2 and 3, site B with 4 and 5; the leaver is at B when it is removed at A.
    for one in [A, 2] {
        for other in [B, 3, 4, 5] {
            sites.cut(one, other);
        }
    }
    sites.order(A, &remove("a3")).unwrap();
    assert!(!sites.ping(2, 3), "at its own site it is out at once");
    sites.run(HOUR);
    assert!(sites.ping(5, 3), "at the other nobody knows");
    // The other server goes on renewing: it cannot know. When it dies, too, the lease is the bound.
    sites.stop(B);
    let until = sites.lease_until(3);
    while sites.world.now.unix_s + 400 < until {
        sites.run((until - 400 - sites.world.now.unix_s).min(6 * HOUR));
        assert!(sites.ping(5, 3), "its lease runs");
    }
    sites.run(until + 1 - sites.world.now.unix_s);
    sites.start_again(&[3, 5]);
    assert!(
        !sites.ping(5, 3) && !sites.ping(3, 5),
        "not a second longer"
    );
}

#[test]
fn when_the_line_is_mended_the_leaver_is_out_at_once() {
    let mut sites = two_sites();
    for one in [A, 2] {
        for other in [B, 3, 4, 5] {
            sites.cut(one, other);
        }
    }
    sites.order(A, &remove("a3")).unwrap();
    sites.order(B, &remove("a2")).unwrap();
    sites.run(6 * HOUR);
    assert!(sites.ping(5, 3), "at the other site nobody knows");
    sites.mend(|_| true);
    sites.run(60);
    assert!(!sites.ping(5, 3) && !sites.ping(3, 5));
    assert!(
        !sites.is_member(3) && !sites.is_member(2),
        "each removal is united with the other"
    );
    assert!(sites.ping(4, 5));
}

#[test]
fn a_member_that_knows_only_the_first_server_learns_of_the_second_from_members() {
    let mut sites = Sites::new(7, 2);
    sites.order(A, &create(LAB)).unwrap();
    sites.join(A, 2, "a2");
    sites.join(A, 3, "a3");
    // It sleeps while the group gets another server and the first one dies.
    for other in 0..7 {
        sites.cut(3, other);
    }
    sites.share(A, B);
    sites.join(B, 4, "b4");
    sites.run(60);
    sites.stop(A);
    sites.run(6 * HOUR);
    sites.mend(|(one, other)| (one == 3 || other == 3) && one != A && other != A);
    // One knows the epochs of the first chain alone, the other those of both.
    assert_eq!(sites.servers_of(3), 1);
    assert!(sites.ping(3, 2), "they match by the chain that both know");
    assert_eq!(sites.servers_of(3), 2, "and it heard of the other server");
    sites.run(60);
    assert!(sites.is_up(3, B));
    assert!(sites.ping(3, 4) && sites.ping(4, 3));
    sites.run(50 * HOUR);
    assert!(sites.ping(3, 4), "it lives on by the second one's leases");
}

#[test]
fn a_server_that_was_taken_out_can_do_nothing_any_more() {
    let mut sites = two_sites();
    assert!(sites.ping(2, 3) && sites.ping(2, 4) && sites.ping(4, 5));
    // The second one gives its members leases, and turns hostile: it hears nothing of what follows.
    let hostile = sites.service(B).tenant().groups[LAB].clone();
    sites.order(B, &remove("a3")).unwrap();
    sites.run(30);
    let server = sites.world.f(B);
    sites.cut(A, B);
    let group = LAB.to_owned();
    let unshare = Command::Unshare { group, server };
    sites.order(A, &unshare).unwrap();
    sites.run(90);
    let group = sites.service(A).tenant().groups[LAB].clone();
    assert_eq!(group.held().count(), 0);
    assert!(!sites.is_up(2, B), "members let go of it");
    assert!(
        !sites.ping(2, 4) && !sites.ping(4, 2),
        "those whom it admitted are out"
    );
    assert!(!sites.ping(2, 3), "whom it had removed stays removed");
    // What it signs from now on nobody takes: an entry, an epoch, an order.
    sites.cuts.borrow_mut().clear();
    let before = sites.epochs(2);
    let rotate = Command::Rotate {
        group: LAB.to_owned(),
    };
    sites.order(B, &rotate).unwrap();
    sites.order(B, &remove("a2")).unwrap();
    sites.run(90);
    assert!(sites.is_member(2));
    assert_eq!(sites.epochs(2), before);
    // Members that were there go on, also from what they have written down.
    sites.join(A, 6, "new");
    sites.start_again(&[2, 6]);
    assert!(sites.ping(6, 2));
    assert_eq!(hostile.id, group.id);
}

#[test]
fn a_server_that_was_taken_out_does_not_come_back_by_its_old_line() {
    let mut sites = Sites::new(3, 2);
    sites.order(A, &create(LAB)).unwrap();
    let share = Command::Share {
        groups: vec![LAB.to_owned()],
        life_s: HOUR,
    };
    let made = sites.order(A, &share);
    let line = sites.line(A, made);
    sites.accept(A, B, &line).unwrap();
    let (group, server) = (LAB.to_owned(), sites.world.f(B));
    sites.order(A, &Command::Unshare { group, server }).unwrap();
    assert!(sites.accept(A, B, &line).is_err());
    let servers = &sites.service(A).tenant().groups[LAB].authority.servers;
    assert_eq!(servers.iter().flatten().count(), 1);
}

#[test]
fn a_server_that_is_taken_out_leaves_the_others_undisturbed() {
    let mut sites = two_sites();
    // Their leases are the second one's.
    sites.stop(A);
    sites.run(14 * HOUR);
    sites.start(A);
    sites.run(60);
    assert!(sites.ping(2, 3));
    let up = sites.world.hosts[2].events.len();
    let (group, server) = (LAB.to_owned(), sites.world.f(B));
    sites.order(A, &Command::Unshare { group, server }).unwrap();
    for _ in 0..30 {
        assert!(sites.ping(2, 3));
        sites.run(5);
    }
    let three = sites.world.f(3);
    let ended = sites.world.hosts[2].events[up..].iter();
    let ended = ended.filter(|it| matches!(it, Event::SessionDown { peer, .. } if *peer == three));
    assert_eq!(ended.count(), 0, "their session stood all the while");
    let group = LAB.to_owned();
    let refused = sites.order(B, &Command::Rotate { group });
    let expected = Refusal::NotManaged(LAB.to_owned());
    assert_eq!(refused, Err(OrderError::Refused(expected)), "it was told");
    sites.tick();
}

#[test]
fn lines_for_servers_and_for_members_are_told_apart_and_work_once() {
    let mut sites = Sites::new(5, 3);
    sites.order(A, &create(LAB)).unwrap();
    let share = Command::Share {
        groups: vec![LAB.to_owned()],
        life_s: HOUR,
    };
    let made = sites.order(A, &share);
    let line = sites.line(A, made);
    // A node that comes by it as a member.
    sites
        .world
        .with(3, |node, now| node.join_groups(now, &line, None))
        .unwrap();
    sites.settle();
    let events = &sites.world.hosts[3].events;
    let refused = events.iter().any(
        |it| matches!(it, Event::EnrolFailed { why: Some(why), .. } if why.contains("for-servers")),
    );
    assert!(refused, "{events:?}");
    // The second server, and again: it is told the same.
    let taken = Reply::Shared {
        groups: vec![LAB.to_owned()],
    };
    assert_eq!(sites.accept(A, B, &line), Ok(taken.clone()));
    assert_eq!(sites.accept(A, B, &line), Ok(taken));
    let rev = sites.service(A).tenant().groups[LAB].authority.serial;
    assert_eq!(rev, 2);
    // A third one by the same line.
    assert!(sites.accept(A, 2, &line).is_err());
    assert_eq!(sites.service(A).tenant().groups[LAB].authority.serial, 2);
    // The second one cannot name others: it has not the root key.
    let refused = sites.order(B, &share);
    let no_root = Refusal::NoRoot(LAB.to_owned());
    assert_eq!(refused, Err(OrderError::Refused(no_root)));
}

#[test]
fn partners_that_are_in_touch_share_another_group_as_the_first() {
    let mut sites = two_sites();
    sites.order(A, &create("second")).unwrap();
    let groups = vec!["second".to_owned()];
    let share = Command::Share {
        groups: groups.clone(),
        life_s: HOUR,
    };
    let made = sites.order(A, &share);
    let line = sites.line(A, made);
    assert_eq!(sites.accept(A, B, &line), Ok(Reply::Shared { groups }));
    let chains = sites.service(B).tenant().groups["second"].heads();
    assert_eq!(chains.len(), 2);
    assert!(
        chains.iter().all(|(_, head)| head.number == 3),
        "{chains:?}"
    );
}

#[test]
fn a_name_is_given_once_or_belongs_to_the_first_who_had_it() {
    let mut sites = two_sites();
    let add = |name: &str| {
        Command::Add(Addition {
            member: name.to_owned(),
            groups: vec![LAB.to_owned()],
            life_s: HOUR,
            ..Addition::default()
        })
    };
    let refused = sites.order(B, &add("a2"));
    let expected = Refusal::NameElsewhere {
        member: "a2".to_owned(),
        group: LAB.to_owned(),
    };
    assert_eq!(refused, Err(OrderError::Refused(expected)));
    // In a partition both give it.
    sites.cut(A, B);
    sites.run(30);
    sites.join(A, 6, "same");
    sites.run(30);
    let f = sites.world.f(6);
    sites.cuts.borrow_mut().clear();
    sites.run(200);
    assert_eq!(sites.found(4, "same.lab"), Some(f));
    assert_eq!(sites.found(2, "same"), Some(f));
    // A member of the other server is named by its address, too.
    let address = f.to_ipv6().to_string();
    sites.order(B, &remove(&address)).unwrap();
    sites.run(5);
    assert!(!sites.is_member(6));
}

impl Sites {
    /// The node that a name stands for, as a member finds out.
    fn found(&mut self, index: usize, name: &str) -> Option<NodeAddr> {
        let name = group::MemberName::parse(name).unwrap();
        self.world.hosts[index].events.clear();
        self.world.with(index, |node, now| node.find(now, &name));
        self.settle();
        let events = self.world.hosts[index].events.iter();
        let found = events.filter_map(|it| match it {
            Event::Named { f, .. } => *f,
            _ => None,
        });
        let found: BTreeSet<NodeAddr> = found.collect();
        assert!(found.len() <= 1, "servers agree");
        found.first().copied()
    }
}
