//! Both speeds decide the same, and a peer that cheats gets nowhere at either.

#[path = "../../tests/common/mod.rs"]
pub(super) mod common;

use std::sync::Arc;

use common::{World, allow_all, ipv6, s, syn, udp};
use group::{AllowEntry, FlowTable, PortRange, Proto, Services};
use wire::ip::{Ecn, set_ecn};
use wire::payload::Kind;
use wire::{NodeAddr, Path};

use super::{DropReason, FastReport, HEADROOM, Inbound, Outbound, TAILROOM};

/// Seals whatever it is told to, as a peer that cheats does.
pub(super) fn seal(world: &World, from: usize, to: usize, packet: &[u8]) -> Vec<u8> {
    let snapshot = Arc::clone(&world.hosts[from].published);
    let entry = snapshot.find(world.f(to)).unwrap();
    let transport = &entry.out.as_ref().unwrap().transport;
    let mut buf = vec![0; 17];
    buf[16] = Kind::Ip.to_byte();
    buf.extend(packet);
    buf.extend([0; TAILROOM]);
    let sealed = transport.seal_in_place(world.now.mono, &mut buf, 1 + packet.len());
    assert_eq!(sealed.unwrap().len, buf.len());
    buf
}

/// What a data thread does with a datagram: the packet it delivers, or why it drops it.
pub(super) fn fast_in(
    world: &World,
    to: usize,
    from: usize,
    ecn: Ecn,
    bytes: &[u8],
) -> Result<Vec<u8>, DropReason> {
    let host = &world.hosts[to];
    let mut datagram = bytes.to_vec();
    let at = world.hosts[from].at;
    let flows = host.node.flows();
    match host
        .published
        .inbound(world.now.mono, &flows, at.into(), ecn, &mut datagram)
    {
        Inbound::Deliver { packet, .. } => Ok(datagram[packet].to_vec()),
        Inbound::Drop(reason) | Inbound::Refused(reason, _) => Err(reason),
        other => panic!("{other:?}"),
    }
}

/// What the slow path does with it.
pub(super) fn slow_in(
    world: &mut World,
    to: usize,
    from: usize,
    ecn: Ecn,
    bytes: &[u8],
) -> Result<Vec<u8>, DropReason> {
    let before = world.hosts[to].node.status(world.now).dropped;
    let at = world.hosts[from].at;
    let mut datagram = bytes.to_vec();
    world.with(to, |node, now| {
        node.handle_datagram(now, at, ecn, &mut datagram)
    });
    if let Some(packet) = world.take_inside(to).pop() {
        return Ok(packet);
    }
    let after = world.hosts[to].node.status(world.now).dropped;
    Err(after.iter().find(|row| !before.contains(row)).unwrap().0)
}

fn limited() -> (World, NodeAddr, NodeAddr) {
    let mut world = World::new(2);
    world.join(0, 1);
    let (a, b) = (world.f(0), world.f(1));
    let ssh = PortRange {
        proto: Proto::Tcp,
        lo: 22,
        hi: 22,
    };
    let services = Services::Ports(vec![ssh]);
    let entry = AllowEntry {
        services,
        ..allow_all(b)
    };
    world.with(0, |node, now| node.allow(now, entry)).unwrap();
    (world, a, b)
}

#[test]
fn both_speeds_say_the_same_about_every_packet_in() {
    let (mut world, a, b) = limited();
    world.send(0, &udp(a, b, (9, 53), b"a question of our own"));
    world.deliver();
    let stranger: NodeAddr = "fc00::77".parse().unwrap();
    let cut = syn(b, a, (1, 22));
    let packets = [
        (syn(b, a, (1, 22)), None),
        (syn(b, a, (1, 23)), Some(DropReason::ServiceDenied)),
        (udp(b, a, (53, 9), b"an answer"), None),
        (
            udp(b, a, (53, 8), b"an answer to nobody"),
            Some(DropReason::ServiceDenied),
        ),
        (syn(stranger, a, (1, 22)), Some(DropReason::SourceNotPeer)),
        (syn(a, a, (1, 22)), Some(DropReason::SourceNotPeer)),
        (syn(b, stranger, (1, 22)), Some(DropReason::NotForUs)),
        (
            syn(b, "ff02::1".parse().unwrap(), (1, 22)),
            Some(DropReason::NotForUs),
        ),
        (
            ipv6(b, a, 44, &[6, 0, 0, 0x10, 0, 0, 0, 1, 0, 1, 0, 22]),
            Some(DropReason::ServiceDenied),
        ),
        (cut[..cut.len() - 15].to_vec(), Some(DropReason::Malformed)),
        (vec![0x45; 20], Some(DropReason::Malformed)),
    ];
    for (packet, wanted) in packets {
        let fast = seal(&world, 1, 0, &packet);
        let slow = seal(&world, 1, 0, &packet);
        let fast = fast_in(&world, 0, 1, Ecn::NotEct, &fast);
        let slow = slow_in(&mut world, 0, 1, Ecn::NotEct, &slow);
        assert_eq!(fast, slow);
        assert_eq!(fast.as_ref().err(), wanted.as_ref(), "{packet:02x?}");
        assert!(fast.is_err() || fast == Ok(packet));
    }
}

#[test]
fn both_speeds_carry_congestion_marks_inwards() {
    let (mut world, a, b) = limited();
    let plain = syn(b, a, (1, 22));
    let mut capable = plain.clone();
    set_ecn(&mut capable, Ecn::Ect0);
    let mut marked = plain.clone();
    set_ecn(&mut marked, Ecn::Ce);
    let cases = [
        (&plain, Ecn::NotEct, Ok(plain.clone())),
        (&plain, Ecn::Ce, Err(DropReason::EcnNotCapable)),
        (&capable, Ecn::Ect0, Ok(capable.clone())),
        (&capable, Ecn::Ce, Ok(marked)),
    ];
    for (packet, outer, wanted) in cases {
        let fast = seal(&world, 1, 0, packet);
        let slow = seal(&world, 1, 0, packet);
        assert_eq!(fast_in(&world, 0, 1, outer, &fast), wanted);
        assert_eq!(slow_in(&mut world, 0, 1, outer, &slow), wanted);
    }
}

#[test]
fn both_speeds_say_the_same_about_every_packet_out() {
    let (mut world, a, b) = limited();
    let stranger: NodeAddr = "fc00::77".parse().unwrap();
    let packets = [
        udp(a, b, (1, 2), b"x"),
        udp(a, b, (1, 2), &[0; 1_100]),
        udp(a, b, (1, 2), &[0; 1_353]),
        udp(b, a, (1, 2), b"x"),
        udp(stranger, b, (1, 2), b"x"),
        udp(a, "ff02::1".parse().unwrap(), (1, 2), b"x"),
        vec![0x60; 50],
    ];
    for packet in packets {
        let mut buf = vec![0; HEADROOM + packet.len() + TAILROOM];
        buf[HEADROOM..HEADROOM + packet.len()].copy_from_slice(&packet);
        let host = &world.hosts[0];
        let flows = host.node.flows();
        let fast = host
            .published
            .outbound(world.now.mono, &flows, &mut buf, packet.len());
        let sent = world.seen.len();
        let before = world.hosts[0].node.status(world.now).dropped;
        world.send(0, &packet);
        let after = world.hosts[0].node.status(world.now).dropped;
        let reason = after
            .iter()
            .find(|row| !before.contains(row))
            .map(|row| row.0);
        let inside = world.take_inside(0);
        match fast {
            Outbound::Send { to, datagram, .. } => {
                let last = world.seen.last().unwrap();
                let seen = (Path::Udp(last.to), last.bytes.len(), reason);
                assert_eq!(seen, (to, datagram.len(), None));
                assert_eq!(world.seen.len(), sent + 1);
            }
            Outbound::Reply(reply, why) => assert_eq!((inside, reason), (vec![reply], Some(why))),
            Outbound::Drop(why) => assert_eq!((world.seen.len(), reason), (sent, Some(why))),
            Outbound::Slow => panic!("a session stands"),
        }
    }
}

#[test]
fn a_data_thread_delivers_and_the_slow_path_learns_what_it_must() {
    let (mut world, a, b) = limited();
    world.restart(1);
    let packet = udp(b, a, (53, 9), b"x");
    world.with(1, |node, now| node.handle_inside(now, &syn(b, a, (1, 22))));
    world.deliver();
    assert_eq!(world.take_inside(0).len(), 1);
    // Everything between data threads from here on; reports go to the slow path.
    let mut reports = 0;
    for n in 0..400_u16 {
        let ask = seal_by_thread(&mut world, 1, 0, &syn(b, a, (n, 22)), &mut reports);
        open_by_thread(&mut world, 0, &ask, &mut reports);
        let answer = seal_by_thread(&mut world, 0, 1, &udp(a, b, (9, 53), b"y"), &mut reports);
        open_by_thread(&mut world, 1, &answer, &mut reports);
        world.run(s(1));
    }
    assert!(
        world.take_inside(0).is_empty(),
        "the slow path delivered nothing, {packet:?}"
    );
    assert!(
        reports < 1_000,
        "and was not asked about every packet: {reports}"
    );
    let status = world.hosts[0].node.peers(world.now);
    let session = status[0].session.as_ref().unwrap();
    assert!(
        session.age > s(399) && session.handshake_age < s(170),
        "keys were changed"
    );
}

fn seal_by_thread(
    world: &mut World,
    from: usize,
    to: usize,
    packet: &[u8],
    reports: &mut u32,
) -> Vec<u8> {
    let mut buf = vec![0; HEADROOM + packet.len() + TAILROOM];
    buf[HEADROOM..HEADROOM + packet.len()].copy_from_slice(packet);
    let host = &world.hosts[from];
    let flows = host.node.flows();
    let verdict = host
        .published
        .outbound(world.now.mono, &flows, &mut buf, packet.len());
    let Outbound::Send {
        to: at,
        datagram,
        report,
        ..
    } = verdict
    else {
        panic!("{verdict:?}");
    };
    assert_eq!(at, Path::Udp(world.hosts[to].at));
    tell(world, from, report, reports);
    buf[datagram].to_vec()
}

fn open_by_thread(world: &mut World, to: usize, datagram: &[u8], reports: &mut u32) {
    let mut datagram = datagram.to_vec();
    let at = world.hosts[1 - to].at;
    let flows = world.hosts[to].node.flows();
    let now = world.now.mono;
    let verdict =
        world.hosts[to]
            .published
            .inbound(now, &flows, at.into(), Ecn::NotEct, &mut datagram);
    let Inbound::Deliver { report, .. } = verdict else {
        panic!("{verdict:?}");
    };
    tell(world, to, report, reports);
}

fn tell(world: &mut World, host: usize, report: Option<FastReport>, reports: &mut u32) {
    if let Some(report) = report {
        *reports += 1;
        world.with(host, |node, now| node.handle_fast(now, report));
        world.deliver();
    }
}

#[test]
fn an_empty_snapshot_opens_nothing() {
    let world = World::new(1);
    let flows = FlowTable::default();
    let from = world.hosts[0].at;
    let snapshot = &world.hosts[0].published;
    let mut datagram = vec![4, 0, 0, 0, 1, 2, 3, 4];
    datagram.resize(64, 0);
    let verdict = snapshot.inbound(s(1), &flows, from.into(), Ecn::NotEct, &mut datagram);
    assert!(matches!(verdict, Inbound::Drop(DropReason::UnknownIndex)));
    assert!(matches!(
        snapshot.outbound(s(1), &flows, &mut [0; 10], 100),
        Outbound::Drop(DropReason::Malformed)
    ));
}
