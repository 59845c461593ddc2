//! Routers between the two ends of a flow: what they say of themselves, and what may follow from it
//! (seed 004: RGI collects the settings of the elements on the path).

use std::net::SocketAddr;
use std::time::Duration;

use control::Addition;
use group::resolve::Action;
use group::{Kind, Mode};
use node::{PitStatus, RELAYED_FLOWS_MAX, SiteRoute, Verdict};

use super::common::{Packet, ipv4, s, udp_segment};
use super::site_world::{Flow, flow, flow_while, here, send, site, v4};
use super::world::{Groups, create};

const ROUTER: usize = 3;
const DDE: u8 = 6;
const RGI: u8 = 7;
/// The slot byte of an RGI, and its bit of an element in between.
const SLOT_AT: usize = 68;
const IN_BETWEEN: u8 = 0x80;

/// Elements 1 and 2, and in front of 2 an adapter of a group, in a mode.
fn with_router(ends: [(&str, Mode); 2], (group, mode): (&str, Option<Mode>)) -> Groups {
    let mut groups = site(&[ends[0], ends[1], ("", Mode::Open)]);
    // It may be one of theirs.
    let _ = groups.order(create(group));
    let accepts = format!("{}/32", v4(&groups, 2));
    let addition = Addition {
        member: "gate".to_owned(),
        groups: vec![group.to_owned()],
        accepts: vec![accepts.parse().unwrap()],
        mode,
        life_s: 3_600,
        ..Addition::default()
    };
    groups.join_with(ROUTER, addition);
    here(&mut groups, ROUTER);
    groups
}

fn packet_of(from: SocketAddr, to: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let segment = udp_segment((from.port(), to.port()), bytes);
    let [from, to] = [from, to].map(|at| at.ip().to_string());
    ipv4(&from, &to, 17, true, &segment)
}

/// The router forwards the DDEs that were sent since.
fn pass(groups: &mut Groups, since: usize) {
    let seen = groups.world.seen[since..].iter();
    let ddes = seen.filter(|it| it.bytes[0] == DDE);
    let ddes: Vec<_> = ddes
        .map(|it| packet_of(it.from, it.to, &it.bytes))
        .collect();
    for dde in ddes {
        groups
            .world
            .with(ROUTER, |node, now| node.handle_passing(now, &dde));
    }
    groups.settle();
}

/// A flow whose DDEs pass the router so long after they were sent.
fn flow_past(groups: &mut Groups, after: Duration, data: &[u8]) -> Flow {
    let since = groups.world.seen.len();
    flow_while(groups, (1, 2), data, |groups| {
        groups.world.run(after);
        pass(groups, since);
        groups.world.run(s(2) - after);
    })
}

fn pit(groups: &mut Groups, index: usize) -> Vec<PitStatus> {
    groups.world.with(index, |node, now| node.pit(now))
}

/// How many of these packets the router answers as they pass.
fn answered(groups: &mut Groups, packets: &[Vec<u8>]) -> usize {
    let since = groups.world.seen.len();
    for packet in packets {
        let world = &mut groups.world;
        world.with(ROUTER, |node, now| node.handle_passing(now, packet));
    }
    reports(groups, since).len()
}

/// A packet of element 1 between these addresses.
fn send_packet(groups: &mut Groups, from: &str, to: &str) {
    let packet = ipv4(from, to, 17, true, &udp_segment((1_000, 2_000), b"x"));
    let world = &mut groups.world;
    world.with(1, |node, now| node.handle_inside(now, &packet));
}

fn first_dde(groups: &Groups, since: usize) -> Packet {
    let mut seen = groups.world.seen[since..].iter();
    seen.find(|it| it.bytes[0] == DDE).unwrap().clone()
}

/// The datagrams of elements in between that were sent since.
fn reports(groups: &Groups, since: usize) -> Vec<(SocketAddr, SocketAddr, Vec<u8>)> {
    let seen = groups.world.seen[since..].iter();
    let own = seen.filter(|it| it.bytes[0] == RGI && it.bytes[SLOT_AT] & IN_BETWEEN != 0);
    own.map(|it| (it.from, it.to, it.bytes.clone())).collect()
}

#[test]
fn a_router_that_relays_reports_itself_and_changes_nothing() {
    let mut groups = with_router([("lab", Mode::Open); 2], ("lab", None));
    let router = groups.world.f(ROUTER);
    assert_eq!(
        flow_past(&mut groups, Duration::ZERO, b"one"),
        Flow::Encrypted
    );
    let [entry] = pit(&mut groups, 1).try_into().unwrap();
    assert_eq!(
        (entry.action, entry.peer),
        (Action::Encrypt, Some(groups.world.f(2)))
    );
    let [relay] = entry.path.try_into().unwrap();
    assert_eq!(
        (relay.f, relay.kind, relay.mode),
        (router, Kind::Gea, Mode::Closed)
    );
    // Its word makes no peer of it.
    assert!(
        groups
            .world
            .with(1, |node, now| node.peers(now))
            .iter()
            .all(|peer| peer.f != Some(router))
    );
    assert_eq!(pit(&mut groups, 2)[0].path, [], "who was asked asks nobody");
    // The router shows what it relays, from its side, for a while.
    let [row] = pit(&mut groups, ROUTER).try_into().unwrap();
    let (one, two) = (v4(&groups, 1), v4(&groups, 2));
    assert_eq!((row.here, row.there), (two.into(), one.into()));
    assert_eq!((row.action, row.peer), (Action::Relay, None));
    let why = groups
        .world
        .with(ROUTER, |node, now| node.why(now, one.into(), None));
    assert_eq!(why.verdict, Verdict::Asks, "its own flows are others");
    groups.world.run(s(601));
    assert_eq!(pit(&mut groups, ROUTER), []);
    assert_eq!(flow(&mut groups, 1, 2, b"two"), Flow::Encrypted);
}

#[test]
fn to_whoever_shares_no_group_a_router_is_silent() {
    let mut groups = with_router([("lab", Mode::Open); 2], ("office", None));
    let since = groups.world.seen.len();
    send(&mut groups, 1, 2, b"one");
    let before = groups.world.hosts[ROUTER].node.state_hash();
    pass(&mut groups, since);
    assert_eq!(reports(&groups, since), []);
    assert_eq!(groups.world.hosts[ROUTER].node.state_hash(), before);
    assert_eq!(pit(&mut groups, ROUTER), []);
}

#[test]
fn where_nobody_answers_a_closed_element_on_the_way_makes_it_discard() {
    let ends = [("lab", Mode::Open), ("office", Mode::Open)];
    for (mode, after, expected) in [
        (None, Duration::ZERO, Flow::Discarded),
        (Some(Mode::Open), Duration::ZERO, Flow::Clear),
    ] {
        let mut groups = with_router(ends, ("lab", mode));
        assert_eq!(
            flow_past(&mut groups, after, b"one"),
            expected,
            "{mode:?} {after:?}"
        );
        let path = &pit(&mut groups, 1)[0].path;
        assert_eq!(path.len(), 1);
    }
    // It says so when the packet that waited has left: no other one follows.
    let mut groups = with_router(ends, ("lab", None));
    assert_eq!(
        flow_past(&mut groups, Duration::from_millis(700), b"one"),
        Flow::Clear
    );
    assert_eq!(pit(&mut groups, 1)[0].action, Action::Discard);
    // Too late, and unheard.
    let mut groups = with_router(ends, ("lab", None));
    assert_eq!(flow_past(&mut groups, s(2), b"one"), Flow::Clear);
    assert_eq!(
        (
            pit(&mut groups, 1)[0].action,
            pit(&mut groups, 1)[0].path.len()
        ),
        (Action::Clear, 0)
    );
    assert_eq!(flow(&mut groups, 1, 2, b"two"), Flow::Clear);
}

/// Somebody hears the question and sends it past the router as its own: neither does it learn that there is one, nor
/// can it make the asker discard.
#[test]
fn who_passes_a_question_on_gets_no_report() {
    let mut groups = with_router([("lab", Mode::Open), ("office", Mode::Open)], ("lab", None));
    let since = groups.world.seen.len();
    let became = flow_while(&mut groups, (1, 2), b"one", |groups| {
        let dde = first_dde(groups, since);
        for from in ["198.51.100.9:4000", "192.0.2.77:4000", "192.168.1.1:4000"] {
            let copy = packet_of(from.parse().unwrap(), dde.to, &dde.bytes);
            assert_eq!(answered(groups, &[copy]), 0, "{from}");
        }
        groups.world.run(s(2));
        // From where it was asked it would have been answered.
        let copy = packet_of(dde.from, dde.to, &dde.bytes);
        assert_eq!(answered(groups, &[copy]), 1);
    });
    assert_eq!(became, Flow::Clear);
}

/// From another address of this machine no way leads past what is discarded.
#[test]
fn a_flow_in_clear_takes_no_other_one_along() {
    let mut groups = with_router([("lab", Mode::Open), ("office", Mode::Open)], ("lab", None));
    assert_eq!(
        flow_past(&mut groups, Duration::ZERO, b"one"),
        Flow::Discarded
    );
    let own = vec![groups.world.hosts[1].at, "192.0.2.99:4000".parse().unwrap()];
    let world = &mut groups.world;
    world.with(1, |node, now| node.handle_local_endpoints(now, own));
    assert_eq!(
        flow_past(&mut groups, Duration::ZERO, b"two"),
        Flow::Discarded
    );
    // Of the other one no report comes.
    let there = v4(&groups, 2).to_string();
    send_packet(&mut groups, "192.0.2.99", &there);
    groups.world.run(s(2));
    let pit = pit(&mut groups, 1).into_iter().map(|it| it.action);
    assert!(pit.eq([Action::Discard, Action::Clear]));
    let routes = &groups.world.site_routes;
    assert!(!routes.contains(&SiteRoute::Clear), "{routes:?}");
}

#[test]
fn a_report_is_never_taken_for_the_end() {
    let mut groups = with_router([("lab", Mode::Open); 2], ("lab", Some(Mode::Open)));
    let there = groups.world.hosts[2].at;
    // The end hears and says nothing; the router reports.
    groups.world.lose = Box::new(move |it| it.to == there);
    let since = groups.world.seen.len();
    let before = groups.world.hosts[1].node.peers(groups.world.now).len();
    assert_eq!(flow_past(&mut groups, Duration::ZERO, b"one"), Flow::Clear);
    let sessions = groups.world.seen[since..].iter();
    assert_eq!(sessions.filter(|it| it.bytes[0] == 1).count(), 0);
    assert_eq!(
        groups.world.hosts[1].node.peers(groups.world.now).len(),
        before
    );
    // The same bytes as from the end are of nobody; and without their bit they open nothing.
    let mut groups = with_router([("lab", Mode::Open); 2], ("lab", None));
    groups.world.lose = Box::new(move |it| it.bytes[0] == RGI || it.to == there);
    let since = groups.world.seen.len();
    let became = flow_while(&mut groups, (1, 2), b"one", |groups| {
        pass(groups, since);
        let (from, _, mut report) = reports(groups, since).pop().unwrap();
        let before = groups.world.hosts[1].node.state_hash();
        groups.world.inject(1, there, &report);
        report[SLOT_AT] ^= IN_BETWEEN;
        for from in [there, from] {
            groups.world.inject(1, from, &report);
        }
        assert_eq!(groups.world.hosts[1].node.state_hash(), before);
        groups.world.run(s(2));
    });
    assert_eq!(became, Flow::Clear);
    assert_eq!(pit(&mut groups, 1)[0].path, []);
}

#[test]
fn what_somebody_replays_or_floods_is_bounded_and_keeps_nobody_out() {
    let mut groups = with_router([("lab", Mode::Open); 2], ("lab", None));
    assert_eq!(
        flow_past(&mut groups, Duration::ZERO, b"one"),
        Flow::Encrypted
    );
    groups.world.run(s(10));
    let seen = groups.world.seen.clone();
    let before = groups.world.hosts[1].node.state_hash();
    let stranger: SocketAddr = "198.51.100.9:4000".parse().unwrap();
    for packet in &seen {
        groups.world.inject(1, stranger, &packet.bytes);
    }
    assert_eq!(groups.world.hosts[1].node.state_hash(), before);
    // One DDE again and again: 5 at once.
    let dde = seen.iter().find(|it| it.bytes[0] == DDE).unwrap();
    let copies = vec![packet_of(dde.from, dde.to, &dde.bytes); 200];
    assert_eq!(answered(&mut groups, &copies), 5);
    // As from everywhere, where a NAT may hide who asks: 50 at once. It does not use up what those may who mean the
    // router.
    let hidden = "192.168.1.2:4000".parse().unwrap();
    let world = &mut groups.world;
    world.with(1, |node, now| {
        node.handle_local_endpoints(now, vec![hidden])
    });
    let since = groups.world.seen.len();
    send_packet(&mut groups, "192.168.1.2", "192.168.7.7");
    let dde = first_dde(&groups, since);
    groups.world.run(s(2));
    let from = |host| SocketAddr::from(([198, 51, 100, host], 4_000));
    let copies = (10..110).map(|host| packet_of(from(host), dde.to, &dde.bytes));
    let copies: Vec<_> = copies.collect();
    assert_eq!(answered(&mut groups, &copies), 50);
    here(&mut groups, 1);
    let since = groups.world.seen.len();
    assert_eq!(flow(&mut groups, 1, ROUTER, b"hello"), Flow::Encrypted);
    let asked = groups.world.seen[since..].iter();
    assert_eq!(asked.filter(|it| it.bytes[0] == DDE).count(), 1);
}

/// Members ask for more flows than a router shows.
#[test]
fn a_router_shows_so_many_flows_and_no_more() {
    let mut groups = with_router([("lab", Mode::Open); 2], ("lab", None));
    let here: SocketAddr = groups.world.hosts[1].at;
    let relayed = |groups: &mut Groups| {
        let rows = pit(groups, ROUTER).into_iter();
        rows.filter(|row| row.action == Action::Relay).count()
    };
    let since = groups.world.seen.len();
    for number in 0..u16::try_from(RELAYED_FLOWS_MAX).unwrap() + 20 {
        let [high, low] = number.to_be_bytes();
        let there = format!("192.168.{}.{low}", 100 + high);
        let segment = udp_segment((1_000, 2_000), b"x");
        let packet = ipv4(&here.ip().to_string(), &there, 17, true, &segment);
        let world = &mut groups.world;
        world.with(1, |node, now| node.handle_inside(now, &packet));
        // Nobody is asked more often than the limit says.
        groups.world.run(Duration::from_millis(50));
        if number % 20 == 0 {
            groups.settle();
        }
    }
    assert_eq!(relayed(&mut groups), 0);
    // Each first DDE passes, slowly enough for the limit; the router shows them for ten minutes.
    let mut asked = std::collections::BTreeSet::new();
    let firsts = groups.world.seen[since..].iter();
    let firsts = firsts.filter(|it| it.bytes[0] == DDE && asked.insert(it.to));
    let firsts: Vec<_> = firsts
        .map(|it| packet_of(it.from, it.to, &it.bytes))
        .collect();
    assert!(firsts.len() > RELAYED_FLOWS_MAX);
    for dde in firsts {
        let world = &mut groups.world;
        world.with(ROUTER, |node, now| node.handle_passing(now, &dde));
        groups.world.run(Duration::from_millis(60));
    }
    assert_eq!(relayed(&mut groups), RELAYED_FLOWS_MAX);
}

/// Between two legs of a router's own side clear packets pass it: it must not talk anybody out of them.
#[test]
fn on_its_own_side_a_router_is_silent() {
    // A part of what it guards, and all of it.
    for (behind, expected) in [
        ("192.0.2.0/25", Flow::Discarded),
        ("192.0.2.0/24", Flow::Clear),
    ] {
        let mut groups = site(&[
            ("lab", Mode::Open),
            ("office", Mode::Open),
            ("", Mode::Open),
        ]);
        let addition = Addition {
            member: "gate".to_owned(),
            groups: vec!["lab".to_owned()],
            accepts: vec![behind.parse().unwrap()],
            life_s: 3_600,
            ..Addition::default()
        };
        groups.join_with(ROUTER, addition);
        here(&mut groups, ROUTER);
        let since = groups.world.seen.len();
        assert_eq!(flow_past(&mut groups, Duration::ZERO, b"one"), expected);
        let told = reports(&groups, since).len();
        let rows = pit(&mut groups, ROUTER).len();
        assert_eq!(
            (told, rows),
            if behind.ends_with("/24") {
                (0, 0)
            } else {
                (1, 1)
            }
        );
    }
}
