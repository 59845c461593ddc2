//! Rules within groups, where the clock and the network are ours: who decides, who is told when, and
//! what a role is worth that was taken away.

use control::{Addition, Command};
use group::rules::{Party, Permit};
use group::{PortRange, Proto, Services};
use node::DropReason;
use wire::NodeAddr;

use super::common::{icmp6, s, udp};
use super::world::{Groups, create};

const ECHO_REQUEST: u8 = 128;

/// A server at host 0, a member that is `staff` at 1, one that is `server` at 2, one that is nothing at 3.
fn lab() -> Groups {
    let mut groups = Groups::new(4);
    groups.order(create("lab")).unwrap();
    for (index, role) in [(1, Some("staff")), (2, Some("server")), (3, None)] {
        groups.join_with(
            index,
            Addition {
                member: format!("m{index}"),
                groups: vec!["lab".to_owned()],
                roles: role.map(str::to_owned).into_iter().collect(),
                life_s: 3_600,
                ..Addition::default()
            },
        );
    }
    groups
}

/// `staff` may reach these UDP ports of `server`.
fn permit(groups: &mut Groups, lo: u16, hi: u16) {
    let proto = Proto::Udp;
    let permit = Permit {
        from: Party::Role("staff".to_owned()),
        to: Party::Role("server".to_owned()),
        services: Services::Ports(vec![PortRange { proto, lo, hi }]),
    };
    let command = Command::SetRules {
        group: "lab".to_owned(),
        permits: Some(vec![permit]),
        tests: Vec::new(),
    };
    groups.order(command).unwrap();
    groups.settle();
}

fn set_role(groups: &mut Groups, member: &str, role: Option<&str>) {
    let command = Command::SetRoles {
        member: member.to_owned(),
        roles: role.map(str::to_owned).into_iter().collect(),
    };
    groups.order(command).unwrap();
    groups.settle();
}

/// Whether a packet of one host comes out at another, from and to a UDP port.
fn passes(groups: &mut Groups, (from, to): (usize, usize), ports: (u16, u16)) -> bool {
    let ends: (NodeAddr, NodeAddr) = (groups.world.f(from), groups.world.f(to));
    let packet = udp(ends.0, ends.1, ports, b"data");
    comes_out(groups, from, to, &packet)
}

fn comes_out(groups: &mut Groups, from: usize, to: usize, packet: &[u8]) -> bool {
    groups.world.take_inside(from);
    groups.world.take_inside(to);
    groups
        .world
        .with(from, |node, now| node.handle_inside(now, packet));
    groups.settle();
    groups.world.run(s(1));
    groups.settle();
    groups.world.take_inside(to).iter().any(|it| it == packet)
}

#[test]
fn only_what_is_permitted_passes_and_its_answers() {
    let mut groups = lab();
    assert!(passes(&mut groups, (3, 2), (5, 53)), "no rules, no limits");
    permit(&mut groups, 53, 53);
    assert!(
        passes(&mut groups, (1, 2), (5_000, 53)),
        "what is permitted"
    );
    assert!(passes(&mut groups, (2, 1), (53, 5_000)), "its answer");
    for (ends, ports) in [
        ((1, 2), (5_000, 54)),
        ((2, 1), (5_000, 53)),
        ((3, 2), (5_000, 53)),
    ] {
        let before = groups.world.dropped(ends.0, DropReason::RuledOut);
        assert!(!passes(&mut groups, ends, ports), "{ends:?} {ports:?}");
        let after = groups.world.dropped(ends.0, DropReason::RuledOut);
        assert_eq!(after, before + 1, "{ends:?} {ports:?}");
    }
    let echo =
        |groups: &Groups, from, to| icmp6(groups.world.f(from), groups.world.f(to), ECHO_REQUEST);
    let (from_staff, from_other) = (echo(&groups, 1, 2), echo(&groups, 3, 2));
    assert!(comes_out(&mut groups, 1, 2, &from_staff));
    assert!(!comes_out(&mut groups, 3, 2, &from_other));
}

#[test]
fn a_sender_that_does_not_know_the_rules_is_refused_and_told() {
    let mut groups = lab();
    assert!(passes(&mut groups, (3, 2), (5, 53)));
    groups.cut(0, &[3]);
    permit(&mut groups, 53, 53);
    // Whoever is told by the server hands on that there are newer rules, in the session that stands.
    assert!(!passes(&mut groups, (3, 2), (5, 53)));
    assert!(
        groups.world.dropped(3, DropReason::RuledOut) > 0,
        "it knows by now"
    );
    // Who hears of nothing is refused by the other end alone.
    groups.cut(0, &[1]);
    assert!(passes(&mut groups, (1, 2), (5, 53)));
    groups.cut(1, &[0, 2, 3]);
    permit(&mut groups, 99, 99);
    groups.world.lose = Box::new(|_| false);
    let before = groups.world.dropped(2, DropReason::ServiceDenied);
    assert!(
        !passes(&mut groups, (1, 2), (5, 53)),
        "the old rules count no more"
    );
    assert!(groups.world.dropped(2, DropReason::ServiceDenied) > before);
}

#[test]
fn who_comes_back_is_told_by_a_member_when_the_server_is_gone() {
    let mut groups = lab();
    assert!(passes(&mut groups, (3, 2), (5, 53)));
    groups.cut(3, &[0, 1, 2]);
    permit(&mut groups, 53, 53);
    groups.stop_server();
    groups.world.lose = Box::new(|_| false);
    groups.stop_server();
    groups.end_sessions(3, 2);
    assert!(!passes(&mut groups, (3, 2), (5, 53)));
    assert!(!passes(&mut groups, (3, 2), (5, 53)));
    assert!(
        groups.world.dropped(3, DropReason::RuledOut) > 0,
        "it knows them now"
    );
    assert!(
        passes(&mut groups, (1, 2), (5, 53)),
        "rules are kept over a restart"
    );
}

#[test]
fn a_role_that_was_taken_away_is_good_for_nothing() {
    let mut groups = lab();
    permit(&mut groups, 53, 53);
    assert!(passes(&mut groups, (1, 2), (5, 53)));
    set_role(&mut groups, "m1", None);
    assert!(!passes(&mut groups, (1, 2), (6, 53)));
    set_role(&mut groups, "m1", Some("staff"));
    assert!(passes(&mut groups, (1, 2), (7, 53)));
    // A member that does not hear of it shows what it was: that is not believed.
    groups.cut(1, &[0]);
    set_role(&mut groups, "m1", None);
    groups.cut(0, &[1]);
    groups.end_sessions(1, 2);
    assert!(!passes(&mut groups, (1, 2), (8, 53)));
    let refused = groups.world.dropped(2, DropReason::Membership);
    assert!(refused > 0, "its admission was removed");
}

#[test]
fn more_roles_and_wider_rules_count_without_a_handshake() {
    let mut groups = lab();
    permit(&mut groups, 53, 53);
    assert!(!passes(&mut groups, (3, 2), (5, 53)));
    set_role(&mut groups, "m3", Some("staff"));
    assert!(passes(&mut groups, (3, 2), (5, 53)));
    permit(&mut groups, 50, 60);
    assert!(passes(&mut groups, (3, 2), (5, 60)));
}
