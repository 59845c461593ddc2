//! A Bridge, a node of ours behind it, and a client that was written from
//! `docs/protocol/session.md` alone: `tests/interop/peer.py`. Where they disagree, one of them
//! or the page is wrong.
//!
//! It needs the Debian packages python3 and python3-cryptography, and fails without them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it is surprised"
)]

mod common;
#[path = "../../session/tests/python_peer/python.rs"]
#[allow(unused, reason = "shared by test binaries that each use a part of it")]
mod python;

use common::{HOUR, START_UNIX_S, World, allow_all, password_hash, s, udp};
use node::{Event, Via};
use python::{Python, hex, unhex};
use std::net::SocketAddr;
use wire::NodeAddr;

const BRIDGE: usize = 0;
const A: usize = 1;

/// The Bridge and A in one world, Python at an address beside it.
struct Relay {
    world: World,
    python: Python,
    at: SocketAddr,
    f: NodeAddr,
    /// What the Bridge has sent to Python, as far as Python got it.
    seen: usize,
    /// What Python sent, in order.
    sent: Vec<Vec<u8>>,
}

impl Relay {
    fn new() -> Self {
        let mut world = World::new(2);
        let at = SocketAddr::from(([203, 0, 113, 7], 7_777));
        let bridge = world.hosts[BRIDGE].at;
        world.lose = Box::new(move |packet| packet.from != bridge && packet.to != bridge);
        world.with(BRIDGE, |node, now| node.serve(now, true));
        let line = world.with(BRIDGE, |node, now| {
            node.bridge_invite(now, "", HOUR, false, &[bridge])
        });
        let line = line.unwrap();
        world
            .with(A, |node, now| node.add_bridge(now, &line, None))
            .unwrap();
        world.run(s(1));
        let mut python = Python::start();
        let made = python.words(&format!("identity {START_UNIX_S} 1 1"));
        let f = NodeAddr(unhex(&made[1]).try_into().unwrap());
        Self {
            world,
            python,
            at,
            f,
            seen: 0,
            sent: Vec::new(),
        }
    }

    fn f_of(&self, index: usize) -> String {
        hex(self.world.f(index).as_bytes())
    }

    /// Gives Python a command, and lets everybody talk until they are silent. What Python noted.
    fn tell(&mut self, command: &str) -> Vec<String> {
        let lines = self.python.ask(command);
        self.settle(lines)
    }

    fn settle(&mut self, mut lines: Vec<String>) -> Vec<String> {
        let mut notes = Vec::new();
        for _ in 0..100 {
            for line in std::mem::take(&mut lines) {
                let Some(datagram) = line.strip_prefix("tx ") else {
                    notes.push(line.trim_start_matches("event ").to_owned());
                    continue;
                };
                self.sent.push(unhex(datagram));
                self.world.inject(BRIDGE, self.at, &unhex(datagram));
            }
            self.world.deliver();
            let new = self.world.seen[self.seen..].to_vec();
            self.seen = self.world.seen.len();
            let for_python: Vec<_> = new.iter().filter(|p| p.to == self.at).collect();
            if for_python.is_empty() {
                return notes;
            }
            for packet in for_python {
                lines.extend(self.python.ask(&format!("rx {}", hex(&packet.bytes))));
            }
        }
        panic!("they never came to rest: {notes:?}");
    }

    /// Python reads this line, calls the Bridge and attaches, with this password in hexadecimal.
    fn attach(&mut self, line: &str, password: &str) -> Vec<String> {
        self.python.ask(&format!("join {line}"));
        let bridge = self.f_of(BRIDGE);
        let notes = self.tell(&format!("connect {bridge} {bridge}"));
        assert!(notes[0].starts_with("established "), "{notes:?}");
        self.tell(&format!("tell attach {password}"))
    }

    /// A invites, and Python comes by the Bridge that the line names.
    fn joined() -> Self {
        let mut relay = Self::new();
        let own = relay.world.hosts[A].at;
        let line = relay
            .world
            .with(A, |node, now| node.invite(now, HOUR, &[own]));
        relay.world.run(s(1));
        let notes = relay.attach(&line.unwrap(), "-");
        let observed = hex(&wire::Endpoint::new(relay.at).to_bytes());
        assert_eq!(notes, [format!("attached 0 {observed}")]);
        let a = relay.f_of(A);
        let notes = relay.tell(&format!("tell open {a}"));
        assert!(
            notes[0].starts_with(&format!("channel {a} 0 ")),
            "{notes:?}"
        );
        relay
    }
}

fn note<'a>(notes: &'a [String], start: &str) -> &'a str {
    let found = notes.iter().find(|note| note.starts_with(start));
    found.unwrap_or_else(|| panic!("no {start}: {notes:?}"))
}

#[test]
fn a_client_joins_over_a_bridge_and_packets_pass_both_ways() {
    let mut relay = Relay::joined();
    let (a, f) = (relay.f_of(A), relay.f);
    let notes = relay.tell(&format!("over {a} connect {a} {a}"));
    note(&notes, "over established ");
    let peers = relay.world.hosts[A].node.peers(relay.world.now);
    let peer = peers.iter().find(|peer| peer.f == Some(f)).unwrap();
    assert_eq!(peer.via, Some(Via::Bridge(relay.world.f(BRIDGE))));

    let packet = udp(f, relay.world.f(A), (7, 7), b"from the page alone");
    relay.tell(&format!("over {a} packet {} 0", hex(&packet)));
    let got = relay.world.take_inside(A);
    assert_eq!(got.len(), 1);
    assert!(got[0].ends_with(b"from the page alone"));
    let back = udp(relay.world.f(A), f, (7, 7), b"and back");
    relay.world.send(A, &back);
    let notes = relay.settle(Vec::new());
    assert!(note(&notes, "over packet ").ends_with(&hex(b"and back")));
}

#[test]
fn a_node_calls_a_client_over_a_bridge() {
    let mut relay = Relay::joined();
    let (a, f) = (relay.f_of(A), relay.f);
    relay.tell(&format!("tell close {a}"));
    relay
        .world
        .with(A, |node, now| node.allow(now, allow_all(f)))
        .unwrap();
    relay
        .world
        .with(A, |node, now| node.connect(now, f))
        .unwrap();
    let notes = relay.settle(Vec::new());
    note(&notes, "over established ");
    assert!(
        relay
            .world
            .take_events(A)
            .iter()
            .any(|event| matches!(event, Event::SessionUp { peer, .. } if *peer == f))
    );
}

#[test]
fn what_is_repeated_or_forged_goes_nowhere() {
    let mut relay = Relay::joined();
    let (a, f) = (relay.f_of(A), relay.f);
    relay.tell(&format!("over {a} connect {a} {a}"));
    let packet = udp(f, relay.world.f(A), (7, 7), b"once");
    relay.tell(&format!("over {a} packet {} 0", hex(&packet)));
    assert_eq!(relay.world.take_inside(A).len(), 1);
    let last = relay.sent.last().unwrap().clone();
    assert_eq!(last[0], 5);
    let sent = relay.world.hosts[BRIDGE].sent;
    relay.world.inject(BRIDGE, relay.at, &last);
    for byte in 4..32 {
        let mut forged = last.clone();
        forged[byte] ^= 1;
        relay.world.inject(BRIDGE, relay.at, &forged);
    }
    relay.world.deliver();
    assert_eq!(relay.world.hosts[BRIDGE].sent, sent);
    assert!(relay.world.take_inside(A).is_empty());
}

#[test]
fn tickets_absence_and_closing_are_answered() {
    let mut relay = Relay::joined();
    let (a, absent) = (relay.f_of(A), hex(&[0xFC; 16]));
    let expires = START_UNIX_S + HOUR;
    let secret = hex(&[9; 16]);
    let notes = relay.tell(&format!("tell ticket {secret} {expires}"));
    assert!(notes[0].starts_with("ticket-answer ") && notes[0].ends_with(" 0"));
    let notes = relay.tell(&format!("tell ticket {secret} 5"));
    assert!(notes[0].ends_with(" 0"), "it was there before: {notes:?}");
    let other = hex(&[8; 16]);
    let notes = relay.tell(&format!("tell ticket {other} 5"));
    assert!(notes[0].ends_with(" 1"), "in the past: {notes:?}");
    let notes = relay.tell(&format!("tell open {absent}"));
    assert_eq!(notes, [format!("channel {absent} 1 0 -")]);
    let channels = |relay: &Relay| {
        let serving = relay.world.hosts[BRIDGE].node.serving(relay.world.now);
        serving.channels
    };
    assert_eq!(channels(&relay), 1);
    assert!(relay.tell(&format!("tell close {a}")).is_empty());
    assert_eq!(channels(&relay), 0);
    // The other end closes, and Python hears of it.
    let notes = relay.tell(&format!("tell open {a}"));
    note(&notes, &format!("channel {a} 0 "));
    relay.world.restart(A);
    relay.world.run(s(2));
    let notes = relay.settle(Vec::new());
    note(&notes, &format!("channel {a} 2 0"));
}

#[test]
fn a_password_is_asked_for_and_taken() {
    let mut relay = Relay::new();
    let salt = [3; 16];
    let right = Some((salt, password_hash(&salt, "open sesame")));
    relay
        .world
        .with(BRIDGE, |node, now| node.bridge_password(now, "", right))
        .unwrap();
    let at = relay.world.hosts[BRIDGE].at;
    let line = relay.world.with(BRIDGE, |node, now| {
        node.bridge_invite(now, "", HOUR, true, &[at])
    });
    let notes = relay.attach(&line.unwrap(), "-");
    note(&notes, "attached 2 ");
    // An applicant can do nothing but say it.
    let a = relay.f_of(A);
    let notes = relay.tell(&format!("tell open {a}"));
    assert_eq!(notes, [format!("channel {a} 3 0 -")]);
    let notes = relay.tell(&format!(
        "tell ticket {} {}",
        hex(&[9; 16]),
        START_UNIX_S + 9
    ));
    assert!(notes[0].ends_with(" 2"), "{notes:?}");
    let notes = relay.tell(&format!("tell attach {}", hex(b"open barley")));
    note(&notes, "attached 2 ");
    let notes = relay.tell(&format!("tell attach {}", hex(b"open sesame")));
    note(&notes, "attached 0 ");
}
