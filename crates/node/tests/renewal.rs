//! The life of node certificates over two months: renewed by a running node, or run out.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where it is surprised"
)]

mod common;

use common::{HOUR, START_UNIX_S, World, s, udp};
use node::{ConnectError, DropReason, Event, PingError, Wake};

const DAY: u64 = 24 * HOUR;

fn not_after(world: &World, host: usize) -> u64 {
    let status = world.hosts[host].node.status(world.now);
    status.certificate_not_after
}

/// Both talk all the time: a packet every 60 s each way, for this long.
fn talk(world: &mut World, seconds: u64) {
    for _ in 0..seconds / 60 {
        for (from, to) in [(0, 1), (1, 0)] {
            let packet = udp(world.f(from), world.f(to), (1, 2), b"x");
            world.send(from, &packet);
        }
        world.run(s(60));
        world.seen.clear();
    }
}

/// Whether a ping from host 1 is answered by host 0.
fn is_answered(world: &mut World) -> bool {
    world.take_events(1);
    let a = world.f(0);
    world.with(1, |node, now| node.ping(now, a, 7)).unwrap();
    world.run(s(10));
    let events = world.take_events(1);
    events
        .iter()
        .any(|e| matches!(e, Event::Echo { id: 7, .. }))
}

#[test]
fn two_nodes_stay_connected_for_sixty_days() {
    let mut world = World::new(2);
    world.hosts[0].renews = true;
    world.hosts[1].renews = true;
    world.join(0, 1);
    let end = world.now.unix_s + 60 * DAY;
    while world.now.unix_s < end {
        // An hour of traffic across rekeys, then the silence of most of the day.
        talk(&mut world, HOUR);
        assert!(world.is_up(0, 1) && world.is_up(1, 0));
        world.run(s(23 * HOUR));
    }
    for host in [0, 1] {
        assert_eq!(world.hosts[host].owner.counter, 4, "on days 20, 40, 60");
        assert!(not_after(&world, host) > world.now.unix_s + 10 * DAY);
        assert_eq!(world.dropped(host, DropReason::Identity), 0);
        let unwell = |event: &Event| matches!(event, Event::CertificateExpired { .. });
        assert!(!world.hosts[host].events.iter().any(unwell));
    }
}

#[test]
fn a_session_goes_on_across_a_renewal_and_the_peer_learns_at_once() {
    let mut world = World::new(2);
    world.join(0, 1);
    let a = world.f(0);
    world.take_events(0);
    world.take_events(1);
    let sent = world.hosts[0].sent;
    let me = world.hosts[0].owner.renew(START_UNIX_S + 5);
    let renewed = me.public.certificate.not_after_unix_s;
    world
        .with(0, |node, now| node.install_identity(now, me))
        .unwrap();
    world.deliver();
    assert_eq!(world.take_events(0), []);
    let position = 0;
    let learned = Event::IdentityUpdated { peer: a, position };
    assert_eq!(world.take_events(1), [learned]);
    let peers = world.hosts[1].node.peers(world.now);
    assert_eq!(peers[0].certificate_not_after, Some(renewed));
    assert!(world.hosts[0].sent > sent);
}

#[test]
fn a_renewal_calls_nobody() {
    let mut world = World::new(2);
    world.join(0, 1);
    world.run(s(400));
    assert!(!world.is_up(0, 1), "idle");
    let sent = world.hosts[0].sent;
    let me = world.hosts[0].owner.renew(world.now.unix_s);
    world
        .with(0, |node, now| node.install_identity(now, me))
        .unwrap();
    world.run(s(400));
    assert_eq!(world.hosts[0].sent, sent);
}

#[test]
fn whoever_holds_an_older_certificate_still_gets_in_touch() {
    let mut world = World::new(2);
    world.hosts[0].renews = true;
    world.join(0, 1);
    world.run(s(400));
    assert!(!world.is_up(1, 0), "idle");
    // Host 1 has been told nothing for 40 days; its own certificate is renewed as well.
    world.lose = Box::new(|_| true);
    world.hosts[1].renews = true;
    world.run(s(40 * DAY));
    world.lose = Box::new(|_| false);
    let known = world.hosts[1].node.peers(world.now)[0].certificate_not_after;
    assert!(known.unwrap() < world.now.unix_s, "what it holds has ended");
    assert!(is_answered(&mut world));
    let known = world.hosts[1].node.peers(world.now)[0].certificate_not_after;
    assert_eq!(known, Some(not_after(&world, 0)));
}

#[test]
fn without_the_root_key_the_owner_is_told_daily_and_sessions_end_after_the_tolerance() {
    let mut world = World::new(2);
    world.hosts[0].renews = true;
    world.join(0, 1);
    let end = not_after(&world, 1);
    world.run(s(end - 300 - world.now.unix_s));
    let events = std::mem::take(&mut world.hosts[1].events);
    let expiring = Event::CertificateExpiring { not_after: end };
    let count = events.iter().filter(|event| **event == expiring).count();
    assert_eq!(count, 10, "once a day: {events:?}");
    let (_, why) = world.hosts[1].node.poll_timeout().unwrap();
    assert_eq!(why, Wake::Certificate);
    // A session that is busy when the certificate ends lives until its keys do.
    talk(&mut world, 600);
    assert!(world.now.unix_s > end && world.is_up(1, 0));
    let over = Event::CertificateExpired { not_after: end };
    assert!(world.hosts[1].events.contains(&over));
    talk(&mut world, 1_200);
    assert!(!world.is_up(0, 1) && !world.is_up(1, 0));
    let a = world.f(0);
    let refused = world.with(1, |node, now| node.ping(now, a, 9));
    assert_eq!(
        refused,
        Err(PingError::Connect(ConnectError::OwnCertificate))
    );
    assert!(world.dropped(0, DropReason::Identity) > 0);
    world.run(s(DAY));
    assert_eq!(world.hosts[1].node.poll_timeout(), None, "no more to say");
    // The owner renews it by hand, and all is well again.
    let me = world.hosts[1].owner.renew(world.now.unix_s);
    world
        .with(1, |node, now| node.install_identity(now, me))
        .unwrap();
    assert!(is_answered(&mut world));
}
