//! The doorman at both speeds: who gets in, who is asked for a proof, and when.

use std::net::SocketAddr;

use identity::crypto::AwsLc;
use session::constants::LOAD_LASTS;
use session::cookie::CookieJar;
use session::fragment::{Mac1Key, cut};
use wire::datagram::{CookieView, Datagram, FragmentView, Message};
use wire::ip::Ecn;
use wire::{NodeAddr, Path, StreamId};

use super::doorman::COOKIES_OF_LOAD;
use super::tests::common::{World, s};
use super::{DropReason, Inbound};

const MESSAGE_LEN: usize = 2_304;

fn from(port: u16) -> SocketAddr {
    SocketAddr::from(([198, 51, 100, 7], port))
}

fn message_1(f: NodeAddr, jar: &CookieJar, world: &World) -> Vec<Vec<u8>> {
    let (key, cookie) = (Mac1Key::new(&AwsLc, f), jar.cookie(world.now.mono));
    let body = [7; MESSAGE_LEN];
    cut(&AwsLc, &key, cookie, Message::One, 5, 0, &body).unwrap()
}

fn cookie_view(reply: &[u8]) -> CookieView<'_> {
    match Datagram::parse(reply) {
        Ok(Datagram::Cookie(view)) => view,
        other => panic!("{other:?}"),
    }
}

/// What became of a fragment.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    In,
    Cookie([u8; 16]),
    Dropped(DropReason),
}

/// The cookie that a reply holds for who sent this.
fn cookie_in(world: &World, sent: &[u8], reply: &[u8]) -> Fate {
    assert!(reply.len() <= sent.len(), "a reply is not longer");
    let mut jar = CookieJar::new();
    jar.sent(&[sent.to_vec()]);
    let (now, f) = (world.now.mono, world.f(0));
    assert!(jar.handle_reply(&AwsLc, now, f, &cookie_view(reply)));
    Fate::Cookie(*jar.cookie(now).unwrap())
}

fn by_thread(world: &World, from: Path, fragment: &[u8]) -> Fate {
    let (host, now) = (&world.hosts[0], world.now.mono);
    let (flows, mut bytes) = (host.node.flows(), fragment.to_vec());
    match host
        .published
        .inbound(now, &flows, from, Ecn::NotEct, &mut bytes)
    {
        Inbound::Slow { .. } => Fate::In,
        Inbound::Answer(reply) => cookie_in(world, fragment, &reply),
        Inbound::Drop(reason) => Fate::Dropped(reason),
        other => panic!("{other:?}"),
    }
}

fn by_slow_path(world: &mut World, from: Path, fragment: &[u8]) -> Fate {
    let before = world.hosts[0].node.status(world.now).dropped;
    let sent = world.seen.len();
    world.inject(0, from, fragment);
    if let Some(reply) = world.seen.get(sent) {
        return cookie_in(world, fragment, &reply.bytes);
    }
    let after = world.hosts[0].node.status(world.now).dropped;
    let dropped = after.iter().find(|row| !before.contains(row));
    dropped.map_or(Fate::In, |row| Fate::Dropped(row.0))
}

/// Asks both speeds.
fn fate(world: &mut World, from: Path, fragment: &[u8]) -> Fate {
    let fast = by_thread(world, from, fragment);
    assert_eq!(fast, by_slow_path(world, from, fragment), "{from:?}");
    fast
}

fn world(serving: bool, load: bool) -> World {
    let mut world = World::new(1);
    world.with(0, |node, now| node.serve(now, serving));
    if load {
        world.hosts[0].published.note_load(world.now.mono);
    }
    world
}

/// A cookie of node 0 for `from`.
fn jar(world: &World, at: SocketAddr) -> CookieJar {
    let (mut jar, now) = (CookieJar::new(), world.now.mono);
    let sent = message_1(world.f(0), &jar, world);
    jar.sent(&sent);
    let Ok(Datagram::Fragment(view)) = Datagram::parse(&sent[0]) else {
        panic!("no fragment");
    };
    world.hosts[0].published.note_load(now);
    let flows = world.hosts[0].node.flows();
    let mut bytes = sent[0].clone();
    assert_eq!(view.header.number, 0);
    let published = &world.hosts[0].published;
    let Inbound::Answer(reply) = published.inbound(now, &flows, at.into(), Ecn::NotEct, &mut bytes)
    else {
        panic!("no answer");
    };
    assert!(jar.handle_reply(&AwsLc, now, world.f(0), &cookie_view(&reply)));
    jar
}

#[test]
fn both_speeds_say_the_same_about_every_fragment() {
    for (serving, load) in [(false, false), (false, true), (true, false), (true, true)] {
        let mut world = world(serving, load);
        let (f, udp) = (world.f(0), Path::from(from(1)));
        let asked = |fate: &Fate| matches!(fate, Fate::Cookie(_));
        let plain = message_1(f, &CookieJar::new(), &world);
        let mut guessed = plain.clone();
        guessed.iter_mut().for_each(|bytes| bytes[1_199] ^= 1);
        for bytes in plain.iter().take(1).chain(&guessed[..1]) {
            let fate = fate(&mut world, udp, bytes);
            assert_eq!(asked(&fate), serving && load, "{fate:?}");
            assert!(asked(&fate) || fate == Fate::In);
        }
        // A stream proves the address, and no cookie is sent on it.
        let stream = Path::Stream(StreamId::new(1));
        assert_eq!(fate(&mut world, stream, &plain[0]), Fate::In);
        // Whoever does not know F gets nothing, whatever else.
        let stranger = message_1(NodeAddr([0xfc; 16]), &CookieJar::new(), &world);
        for path in [udp, stream] {
            let dropped = Fate::Dropped(DropReason::Mac1);
            assert_eq!(fate(&mut world, path, &stranger[0]), dropped);
        }
        // Nor does an answer that nobody waits for.
        let key = Mac1Key::new(&AwsLc, f);
        let answer = cut(&AwsLc, &key, None, Message::Two, 5, 9, &[7; MESSAGE_LEN]).unwrap();
        let cookie = CookieView {
            receiver: 9,
            nonce: &[0; 16],
            sealed: &[0; 16],
            tag: &[0; 16],
        };
        for bytes in [&answer[0][..], &cookie.encode()] {
            let dropped = Fate::Dropped(DropReason::UnknownIndex);
            assert_eq!(fate(&mut world, udp, bytes), dropped);
        }
    }
}

#[test]
fn one_cookie_is_given_for_a_message() {
    let mut world = world(true, true);
    let mut plain = message_1(world.f(0), &CookieJar::new(), &world);
    let dropped = Fate::Dropped(DropReason::RateLimited);
    assert_eq!(fate(&mut world, from(1).into(), &plain[1]), dropped);
    plain[1][1_199] ^= 1;
    assert_eq!(fate(&mut world, from(1).into(), &plain[1]), dropped);
    // With it both are let in.
    let proven = message_1(world.f(0), &jar(&world, from(1)), &world);
    assert_eq!(fate(&mut world, from(1).into(), &proven[0]), Fate::In);
    assert_eq!(by_thread(&world, from(1).into(), &proven[1]), Fate::In);
    let whole = by_slow_path(&mut world, from(1).into(), &proven[1]);
    assert_eq!(whole, Fate::Dropped(DropReason::Handshake), "it was opened");
}

#[test]
fn a_cookie_lets_in_from_its_address_and_no_other() {
    let mut world = world(true, true);
    let jar = jar(&world, from(1));
    let proven = message_1(world.f(0), &jar, &world);
    assert_eq!(fate(&mut world, from(1).into(), &proven[0]), Fate::In);
    for other in [from(2), SocketAddr::from(([198, 51, 100, 8], 1))] {
        let fate = fate(&mut world, other.into(), &proven[0]);
        assert!(matches!(fate, Fate::Cookie(_)), "{fate:?}");
    }
    let mut changed = proven[0].clone();
    changed[1_199] ^= 1;
    let fate = fate(&mut world, from(1).into(), &changed);
    assert!(matches!(fate, Fate::Cookie(_)), "{fate:?}");
}

#[test]
fn a_fragment_shorter_than_a_cookie_gets_none() {
    let mut world = world(true, true);
    let key = Mac1Key::new(&AwsLc, world.f(0));
    let short = cut(&AwsLc, &key, None, Message::One, 5, 0, &[1; 7]).unwrap();
    let dropped = Fate::Dropped(DropReason::RateLimited);
    assert_eq!(by_thread(&world, from(1).into(), &short[0]), dropped);
    assert_eq!(by_slow_path(&mut world, from(1).into(), &short[0]), dropped);
}

#[test]
fn load_ends_after_a_second_unless_it_goes_on() {
    let mut world = world(true, true);
    let plain = message_1(world.f(0), &CookieJar::new(), &world);
    let path = Path::from(from(1));
    let asks = |world: &World| by_thread(world, path, &plain[0]) != Fate::In;
    assert!(asks(&world));
    world.now = world.now.after(LOAD_LASTS);
    assert!(!asks(&world), "a second without a refusal");

    world.hosts[0].published.note_load(world.now.mono);
    for _ in 0..20 {
        let asked = (0..COOKIES_OF_LOAD).filter(|_| asks(&world)).count();
        assert_eq!(asked as u64, COOKIES_OF_LOAD, "they keep coming");
        world.now = world.now.after(LOAD_LASTS / 2);
    }
    world.now = world.now.after(LOAD_LASTS);
    assert!(!asks(&world));
}

#[test]
fn refusals_of_the_slow_path_are_load() {
    let mut world = world(true, false);
    let plain = message_1(world.f(0), &CookieJar::new(), &world);
    let asks = |world: &World, n: u16| by_thread(world, from(n).into(), &plain[0]) != Fate::In;
    for n in 0..51_u8 {
        assert!(!asks(&world, 1), "{n}");
        let at = SocketAddr::from(([203, 0, 113, n], 1));
        plain.iter().for_each(|bytes| world.inject(0, at, bytes));
    }
    assert!(asks(&world, 1), "50 initiations a second are worked on");
    world.run(s(2));
    assert!(!asks(&world, 1));
}

#[test]
fn no_longer_a_bridge_means_no_more_cookies() {
    let mut world = world(true, true);
    let plain = message_1(world.f(0), &CookieJar::new(), &world);
    let path = Path::from(from(1));
    assert_ne!(by_thread(&world, path, &plain[0]), Fate::In);
    world.with(0, |node, now| node.serve(now, false));
    assert_eq!(by_thread(&world, path, &plain[0]), Fate::In);
}

#[test]
fn the_answer_of_a_called_bridge_is_let_in_once_it_is_awaited() {
    let mut world = World::new(2);
    let at = world.hosts[1].at;
    let line = world.with(1, |node, now| node.invite(now, 60, &[at]));
    let line = line.unwrap();
    world.with(0, |node, now| node.join(now, &line)).unwrap();
    world.deliver();
    let answer = world.seen.iter().find(|packet| packet.bytes[0] == 2);
    let answer = answer.unwrap().clone();
    assert!(world.is_up(0, 1));
    let view: FragmentView<'_> = match Datagram::parse(&answer.bytes) {
        Ok(Datagram::Fragment(view)) => view,
        other => panic!("{other:?}"),
    };
    // It was awaited, as the session shows, and is no longer.
    let doorman = &world.hosts[0].node.doorman;
    assert!(!doorman.awaits(view.header.receiver));
    let dropped = Fate::Dropped(DropReason::UnknownIndex);
    assert_eq!(fate(&mut world, at.into(), &answer.bytes), dropped);
}
