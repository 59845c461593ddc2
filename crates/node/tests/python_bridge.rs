//! Two nodes of ours, and between them a Bridge that was written from `docs/protocol/session.md`
//! alone: `tests/interop/serving.py`. Where they disagree, one of them or the page is wrong.
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

use common::{HOUR, START_UNIX_S, World, s, udp};
use node::Via;
use python::{Python, hex, unhex};
use std::net::SocketAddr;
use std::time::Duration;
use wire::{Endpoint, NodeAddr};

const A: usize = 0;
const B: usize = 1;

struct Relay {
    world: World,
    python: Python,
    at: SocketAddr,
    f: NodeAddr,
    seen: usize,
    notes: Vec<String>,
}

impl Relay {
    /// Two nodes that reach nothing but the Bridge.
    fn new() -> Self {
        let mut world = World::new(2);
        let at = SocketAddr::from(([203, 0, 113, 7], 4_649));
        world.lose = Box::new(move |packet| packet.to != at);
        let mut python = Python::start();
        let made = python.words(&format!("identity {START_UNIX_S} 1 1"));
        Self {
            world,
            python,
            at,
            f: NodeAddr(unhex(&made[1]).try_into().unwrap()),
            seen: 0,
            notes: Vec::new(),
        }
    }

    /// Lets time pass, in steps that are the round trip to the Bridge.
    fn run(&mut self, duration: Duration) {
        let step = Duration::from_millis(10);
        let end = self.world.now.mono + duration;
        while self.world.now.mono < end {
            self.world.run(step);
            let mut new = self.world.seen[self.seen..].to_vec();
            new.retain(|packet| packet.to == self.at);
            self.seen = self.world.seen.len();
            for packet in new {
                let from = hex(&Endpoint::new(packet.from).to_bytes());
                let command = format!("from {from} {}", hex(&packet.bytes));
                for line in self.python.ask(&command) {
                    self.take(&line);
                }
            }
        }
    }

    fn take(&mut self, line: &str) {
        let Some(sent) = line.strip_prefix("tx ") else {
            return self.notes.push(line.to_owned());
        };
        let (to, bytes) = sent.split_once(' ').unwrap();
        let is_at = |host: &common::Host| hex(&Endpoint::new(host.at).to_bytes()) == to;
        let index = self.world.hosts.iter().position(is_at).unwrap();
        self.world.inject(index, self.at, &unhex(bytes));
    }

    fn is_attached(&self, index: usize) -> bool {
        let bridges = self.world.hosts[index].node.bridges(self.world.now);
        bridges
            .iter()
            .any(|b| b.f == self.f && b.observed == Some(self.world.hosts[index].at))
    }

    fn stream(&mut self, count: usize) -> [usize; 2] {
        let (a, b) = (self.world.f(A), self.world.f(B));
        for _ in 0..count {
            self.world.send(A, &udp(a, b, (7, 7), b"there"));
            self.world.send(B, &udp(b, a, (7, 7), b"and back"));
            self.run(Duration::from_millis(20));
        }
        [A, B].map(|index| self.world.take_inside(index).len())
    }
}

#[test]
fn nodes_attach_register_tickets_and_meet_over_a_bridge_made_from_the_page() {
    let mut relay = Relay::new();
    let mapped = hex(&Endpoint::new(relay.at).to_bytes());
    let words = relay
        .python
        .words(&format!("line 1 {} {mapped} - -", START_UNIX_S + HOUR));
    let added = relay
        .world
        .with(A, |node, now| node.add_bridge(now, &words[1], None));
    assert_eq!(added, Ok(relay.f));
    relay.run(s(1));
    assert!(relay.is_attached(A), "{:?}", relay.notes);

    let own = relay.world.hosts[A].at;
    let line = relay
        .world
        .with(A, |node, now| node.invite(now, HOUR, &[own]))
        .unwrap();
    relay.run(s(1));
    relay
        .world
        .with(B, |node, now| node.join(now, &line))
        .unwrap();
    relay.run(s(3));
    assert!(relay.is_attached(B), "{:?}", relay.notes);
    // B proved the ticket that A registered: one bit of `matched` is set.
    let b = hex(relay.world.f(B).as_bytes());
    let established = format!("event established {b} ");
    let note = relay.notes.iter().find(|n| n.starts_with(&established));
    let matched: u16 = note.unwrap()[established.len()..]
        .split(' ')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(matched.count_ones(), 1);

    assert!(relay.world.is_up(A, B) && relay.world.is_up(B, A));
    let f = relay.world.f(B);
    let peers = relay.world.hosts[A].node.peers(relay.world.now);
    let peer = peers.iter().find(|peer| peer.f == Some(f)).unwrap();
    assert_eq!(peer.via, Some(Via::Bridge(relay.f)));
    assert_eq!(relay.stream(20), [20, 20]);
    let refused: Vec<_> = relay
        .notes
        .iter()
        .filter(|n| n.starts_with("refused"))
        .collect();
    assert!(refused.is_empty(), "{refused:?}");
}
