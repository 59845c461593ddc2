//! What strangers and replayers get: nothing, and no change.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it is surprised"
)]

mod common;

use std::net::SocketAddr;
use std::sync::Arc;

use common::{HOUR, World, password_hash, s, udp};
use identity::crypto::{
    Aead, AeadAlg, AwsLc, Crypto, HashRng, KEM_KEY_LEN, KemSecret, Rng, X25519Key,
};
use node::{DropReason, Inbound, Node, NodeConfig};
use session::fragment::{Mac1Key, cut};
use wire::datagram::{Datagram, Message};
use wire::ip::Ecn;

/// Random numbers for the attacker.
struct Dice(HashRng);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        (u64::from_be_bytes(bytes) % end as u64) as usize
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.0.fill(&mut bytes);
        bytes
    }
}

/// A running pair and everything that was ever sent between them.
fn pair() -> (World, Vec<Vec<u8>>) {
    let mut world = World::new(2);
    world.join(0, 1);
    let (a, b) = (world.f(0), world.f(1));
    for n in 0..10 {
        world.send(0, &udp(a, b, (1, 2), &[n; 50]));
        world.send(1, &udp(b, a, (2, 1), &[n; 1_300]));
        world.deliver();
    }
    world.run(s(2));
    let heard = world
        .seen
        .iter()
        .map(|packet| packet.bytes.clone())
        .collect();
    world.take_inside(0);
    world.take_inside(1);
    (world, heard)
}

fn hostile(dice: &mut Dice, heard: &[Vec<u8>]) -> Vec<u8> {
    let real = heard[dice.below(heard.len())].clone();
    match dice.below(6) {
        0 => {
            let len = dice.below(1_500);
            dice.bytes(len)
        }
        1 => {
            let mut bytes = dice.bytes(100);
            bytes[..4].copy_from_slice(&[1 + dice.below(6) as u8, 0, 0, 0]);
            bytes
        }
        2 => real[..dice.below(real.len() + 1)].to_vec(),
        3 => {
            let mut bytes = real;
            let at = dice.below(bytes.len());
            bytes[at] ^= 1 << dice.below(8);
            bytes
        }
        4 => {
            let other = &heard[dice.below(heard.len())];
            let at = dice.below(real.len().min(other.len()));
            [&real[..at], &other[at..]].concat()
        }
        _ => real,
    }
}

#[test]
fn ten_thousand_hostile_datagrams_change_nothing_and_get_nothing() {
    let (mut world, heard) = pair();
    let mut dice = Dice(HashRng::new([9; 32]));
    let before = [0, 1].map(|i| world.hosts[i].node.state_hash());
    let sent = [0, 1].map(|i| world.hosts[i].sent);
    let journal = [0, 1].map(|i| world.hosts[i].journal.clone());
    for n in 0..10_000_u32 {
        let bytes = hostile(&mut dice, &heard);
        let host = dice.below(2);
        let from = if n % 2 == 0 {
            world.hosts[1 - host].at
        } else {
            SocketAddr::from((dice.bytes(4).try_into().map(|b: [u8; 4]| b).unwrap(), 9))
        };
        world.inject(host, from, &bytes);
        if n % 100 == 0 {
            world.now = world.now.after(std::time::Duration::from_micros(10));
        }
    }
    assert_eq!([0, 1].map(|i| world.hosts[i].node.state_hash()), before);
    assert_eq!([0, 1].map(|i| world.hosts[i].sent), sent, "no reply");
    assert_eq!([0, 1].map(|i| world.hosts[i].journal.clone()), journal);
    assert!(world.take_inside(0).is_empty() && world.take_inside(1).is_empty());
    let reasons = world.hosts[0].node.status(world.now).dropped.len();
    assert!(reasons >= 7, "the attacker got to many doors: {reasons}");
    let (a, b) = (world.f(0), world.f(1));
    let packet = udp(a, b, (1, 2), b"unimpressed");
    world.send(0, &packet);
    world.deliver();
    assert_eq!(world.take_inside(1), [packet]);
}

#[test]
fn every_bit_of_every_datagram_counts() {
    let (mut world, heard) = pair();
    let before = [0, 1].map(|i| world.hosts[i].node.state_hash());
    let sent = [0, 1].map(|i| world.hosts[i].sent);
    let shortest = heard
        .iter()
        .filter(|bytes| bytes[0] == 4)
        .min_by_key(|bytes| bytes.len());
    for bytes in [shortest.unwrap(), &heard[0]] {
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            for host in [0, 1] {
                let from = world.hosts[1 - host].at;
                world.inject(host, from, &flipped);
            }
        }
    }
    assert_eq!([0, 1].map(|i| world.hosts[i].node.state_hash()), before);
    assert_eq!([0, 1].map(|i| world.hosts[i].sent), sent);
}

#[test]
fn the_hash_does_notice_what_is_allowed_to_change() {
    let (mut world, _) = pair();
    let (a, b) = (world.f(0), world.f(1));
    let hash = |world: &World| world.hosts[1].node.state_hash();
    let before = hash(&world);
    world.send(0, &udp(a, b, (1, 2), b"x"));
    world.deliver();
    let after_packet = hash(&world);
    assert_ne!(before, after_packet, "the replay window moved");
    world.with(1, |node, now| node.deny(now, group::Who::Address(a)));
    assert_ne!(after_packet, hash(&world));
}

#[test]
fn a_replayed_message_1_gets_nothing_even_after_a_restart() {
    let (mut world, _) = pair();
    let (inviter, joiner) = (world.hosts[0].at, world.hosts[1].at);
    let seen = world.seen.iter();
    let first: Vec<_> = seen
        .filter(|packet| packet.from == joiner && packet.bytes[0] == 1)
        .map(|packet| packet.bytes.clone())
        .collect();
    assert_eq!(first.len() % 2, 0);
    assert_eq!(world.hosts[0].at, inviter);
    for restart in [false, true] {
        if restart {
            world.restart(0);
        }
        let (sent, before) = (world.hosts[0].sent, world.hosts[0].node.state_hash());
        for from in [joiner, "198.51.100.9:1".parse().unwrap()] {
            for bytes in &first {
                world.inject(0, from, bytes);
            }
        }
        assert_eq!(world.hosts[0].sent, sent, "restart: {restart}");
        assert_eq!(world.hosts[0].node.state_hash(), before);
        assert_eq!(
            world.dropped(0, DropReason::StaleNumber),
            first.len() as u64
        );
    }
}

#[test]
fn a_stranger_with_a_perfect_handshake_gets_nothing() {
    let mut world = World::new(3);
    let line = world.join(0, 1);
    let a = world.f(0);
    // The line is used; its finder knows everything about the inviter that there is to know.
    let before = (world.hosts[0].node.state_hash(), world.hosts[0].sent);
    world.with(2, |node, now| node.join(now, &line)).unwrap();
    for _ in 0..20 {
        world.deliver();
        world.now = world.now.after(s(5));
        world.with(2, |node, now| node.handle_timeout(now));
    }
    assert_eq!(
        (world.hosts[0].node.state_hash(), world.hosts[0].sent),
        before
    );
    assert!(world.dropped(0, DropReason::Stranger) > 10);
    assert!(!world.is_up(2, 0), "{a}");
}

#[test]
fn a_flood_of_real_initiations_is_limited() {
    let mut world = World::new(3);
    world.join(0, 1);
    let line = {
        let at = world.hosts[0].at;
        world
            .with(0, |node, now| node.invite(now, 60, &[at]))
            .unwrap()
    };
    world.lose = Box::new(|_| true);
    let skip = world.seen.len();
    for _ in 0..40 {
        world.restart(2);
        world.with(2, |node, now| node.join(now, &line)).unwrap();
    }
    let flood: Vec<_> = world.seen[skip..].to_vec();
    for packet in &flood {
        world.inject(0, packet.from, &packet.bytes);
    }
    assert!(world.dropped(0, DropReason::RateLimited) >= 30);
}

/// Fragments of who knows F of node 0 and nothing else; of some, MAC1 or MAC2 is at random.
fn forged(world: &World, dice: &mut Dice) -> Vec<Vec<u8>> {
    let key = Mac1Key::new(&AwsLc, world.f(0));
    let mut made = Vec::new();
    for sender in 1..200 {
        let body = dice.bytes(if sender % 4 == 0 { sender } else { 2_304 });
        let message = [Message::One, Message::Two][usize::from(sender % 10 == 0)];
        let receiver = u32::from(message == Message::Two) * 77;
        let cut = cut(&AwsLc, &key, None, message, sender as u32, receiver, &body);
        made.extend(cut.unwrap());
    }
    for bytes in &mut made {
        let end = bytes.len();
        match dice.below(4) {
            0 => bytes[end - 32] ^= 1,
            1 => bytes[end - 16..].copy_from_slice(&dice.bytes(16)),
            _ => {}
        }
    }
    made
}

/// What a flood got, as a data thread and its inbox have it.
#[derive(Default)]
struct Flood {
    requests: usize,
    replies: usize,
    handed_over: usize,
}

impl Flood {
    /// Floods node 0 for 10 ms, of which the slow path has time for `handed` datagrams.
    fn pour(&mut self, world: &mut World, dice: &mut Dice, made: &[Vec<u8>], handed: usize) {
        let mut room = handed;
        for _ in 0..1_000 {
            let mut bytes = made[dice.below(made.len())].clone();
            self.requests += bytes.len();
            let ip: [u8; 4] = dice.bytes(4).try_into().unwrap();
            let from = SocketAddr::from((ip, 1 + dice.below(60_000) as u16));
            let (host, now) = (&world.hosts[0], world.now.mono);
            let flows = host.node.flows();
            let published = std::sync::Arc::clone(&host.published);
            match published.inbound(now, &flows, from.into(), Ecn::NotEct, &mut bytes) {
                Inbound::Answer(reply) => {
                    assert!(reply.len() <= bytes.len());
                    assert!(matches!(Datagram::parse(&reply), Ok(Datagram::Cookie(_))));
                    self.replies += reply.len();
                }
                Inbound::Slow { proven } => {
                    assert!(!proven, "a forged fragment proves nothing");
                    if room == 0 {
                        published.note_load(now);
                        continue;
                    }
                    (room, self.handed_over) = (room - 1, self.handed_over + 1);
                    world.inject(0, from, &bytes);
                }
                Inbound::Drop(_) => {}
                other => panic!("{other:?}"),
            }
        }
        world.run(std::time::Duration::from_millis(10));
    }
}

#[test]
fn a_hundred_thousand_forged_fragments_change_nothing_and_shut_nobody_out() {
    let mut world = World::new(2);
    world.with(0, |node, now| node.serve(now, true));
    let at = world.hosts[0].at;
    let line = world.with(0, |node, now| {
        node.bridge_invite(now, "", 24 * HOUR, false, &[at])
    });
    let line = line.unwrap();
    // The beacons of the start are over.
    world.run(s(10));
    let mut dice = Dice(HashRng::new([9; 32]));
    let made = forged(&world, &mut dice);
    let (before, journal) = (
        world.hosts[0].node.state_hash(),
        world.hosts[0].journal.clone(),
    );
    let mut flood = Flood::default();
    for _ in 0..100 {
        flood.pour(&mut world, &mut dice, &made, 64);
    }
    assert_eq!(world.hosts[0].node.state_hash(), before);
    assert_eq!(world.hosts[0].journal, journal);
    // Cookies of the slow path are among what was seen; it sent nothing else.
    for packet in &world.seen {
        assert!(matches!(
            Datagram::parse(&packet.bytes),
            Ok(Datagram::Cookie(_))
        ));
        flood.replies += packet.bytes.len();
    }
    assert!(flood.replies > 0 && flood.replies < flood.requests / 10);
    assert!(flood.handed_over < 1_000, "{}", flood.handed_over);

    // Who receives where it says it is gets in, in the midst of it.
    let f = world.with(1, |node, now| node.add_bridge(now, &line, None));
    assert_eq!(f, Ok(world.f(0)));
    let attached = |world: &World| world.hosts[1].node.bridges(world.now)[0].observed.is_some();
    let mut rounds = 0;
    while !attached(&world) {
        flood.pour(&mut world, &mut dice, &made, 64);
        rounds += 1;
        assert!(rounds < 50, "not attached within half a second");
    }
    let cookies = world.seen.iter().filter(|packet| packet.bytes[0] == 3);
    assert!(
        cookies
            .filter(|packet| packet.to == world.hosts[1].at)
            .count()
            >= 1
    );
}

#[test]
fn a_peer_cannot_write_on_the_terminal_by_its_name() {
    let mut world = World::new(1);
    world.host_label = Some("a\u{1b}[2Jb\nc\u{9b}d\u{202e}e\u{200f}組紐".to_owned());
    let hostile = world.add(common::Owner::new(9));
    world.join(0, hostile);
    let peers = world.hosts[0].node.peers(world.now);
    let session = peers[0].session.clone().unwrap();
    let shown = r"a\u{1b}[2Jb\u{a}c\u{9b}d\u{202e}e\u{200f}組紐";
    assert_eq!(session.host_label.as_deref(), Some(shown));
    assert_eq!(session.software_version.as_deref(), Some(shown));
}

/// Everything as it should be, but for keys that nobody can encapsulate to.
struct UnusableKeys(AwsLc);

struct UnusableKey([u8; KEM_KEY_LEN]);

impl KemSecret for UnusableKey {
    fn encapsulation_key(&self) -> &[u8; KEM_KEY_LEN] {
        &self.0
    }

    fn decapsulate(&self, _ciphertext: &[u8]) -> Option<[u8; 32]> {
        None
    }
}

impl Crypto for UnusableKeys {
    fn sha256(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.0.sha256(parts)
    }

    fn hmac(&self, key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
        self.0.hmac(key, parts)
    }

    fn short_mac(&self, key: &[u8; 16], bytes: &[u8]) -> [u8; 8] {
        self.0.short_mac(key, bytes)
    }

    fn x25519_key(&self, secret: &[u8; 32]) -> Arc<dyn X25519Key> {
        self.0.x25519_key(secret)
    }

    fn ed25519_public(&self, seed: &[u8; 32]) -> [u8; 32] {
        self.0.ed25519_public(seed)
    }

    fn ed25519_sign(&self, seed: &[u8; 32], message: &[u8]) -> [u8; 64] {
        self.0.ed25519_sign(seed, message)
    }

    fn ed25519_verify(&self, public: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
        self.0.ed25519_verify(public, message, signature)
    }

    fn kem_generate(&self, _rng: &mut dyn Rng) -> Box<dyn KemSecret> {
        // Every coefficient is above the modulus (FIPS 203, section 7.2).
        Box::new(UnusableKey([0xff; KEM_KEY_LEN]))
    }

    fn kem_encapsulate(&self, rng: &mut dyn Rng, key: &[u8]) -> Option<(Vec<u8>, [u8; 32])> {
        self.0.kem_encapsulate(rng, key)
    }

    fn aead(&self, algorithm: AeadAlg, key: &[u8; 32]) -> Box<dyn Aead> {
        self.0.aead(algorithm, key)
    }

    fn aes_is_fast(&self) -> bool {
        self.0.aes_is_fast()
    }
}

#[test]
fn a_message_that_passes_and_cannot_be_answered_leaves_nothing_at_a_bridge_with_a_password() {
    let mut world = World::new(2);
    world.with(0, |node, now| node.serve(now, true));
    let salt = [3; 16];
    let right = Some((salt, password_hash(&salt, "open sesame")));
    world
        .with(0, |node, now| node.bridge_password(now, "club", right))
        .unwrap();
    let at = world.hosts[0].at;
    let line = world.with(0, |node, now| {
        node.bridge_invite(now, "club", 24 * HOUR, true, &[at])
    });
    let (stored, me) = (Default::default(), world.hosts[1].owner.local());
    let config = NodeConfig {
        listen_port: 4_000,
        ..NodeConfig::default()
    };
    let crypto = std::sync::Arc::new(UnusableKeys(AwsLc));
    world.tcp = false;
    let stranger = Node::new(config, me, stored, crypto, [77; 32], world.now).unwrap();
    world.hosts[1].node = stranger;
    world.run(s(10));
    let before = world.hosts[0].node.state_hash();
    let refused = |world: &World| {
        let dropped = world.hosts[0].node.status(world.now).dropped;
        let why = dropped
            .iter()
            .find(|(why, _)| *why == DropReason::Handshake);
        why.map_or(0, |(_, n)| *n)
    };
    assert_eq!(refused(&world), 0);
    let line = line.unwrap();
    world
        .with(1, |node, now| {
            node.add_bridge(now, &line, Some("guess".into()))
        })
        .unwrap();
    world.run(s(3));
    assert!(refused(&world) >= 2, "its calls came");
    assert_eq!(world.hosts[0].node.state_hash(), before);
}
