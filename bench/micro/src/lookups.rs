//! Finding the way of a packet (`Snapshot::way`) at a node that knows many peers.
//!
//! One peer has a session, and the packet goes there; the others are allowed and known. The nodes
//! compute with the simulator's cryptography, which a lookup has nothing to do with, because ten
//! thousand real identities take long to make.
//!
//! Prefixes are IPv4, those of the others of eight lengths, and each longer than or as long as the
//! one that is looked for: it is found last.

use std::hint::black_box;
use std::sync::Arc;

use identity::Pin;
use identity::crypto::Crypto;
use node::{Change, NodeConfig, PinRecord, Stored};
use sim::crypto::SimCrypto;
use wire::Prefix;

use crate::case::{Named, Plain, named};
use crate::nodes::{Pair, allow, identity};
use crate::packets::{MTU, segment, segment_v4};

const TURNS: usize = 1_000;
const OWN: [u8; 4] = [10, 9, 0, 1];
const BEHIND: [u8; 4] = [10, 8, 0, 7];

/// All cases of this module.
pub fn cases() -> Vec<Named> {
    let peers = [1, 100, 10_000].map(to_peer);
    let prefixes = [1, 10_000].map(behind_peer);
    peers.into_iter().chain(prefixes).collect()
}

fn to_peer(count: u16) -> Named {
    let name = format!("way: 1 of {count} peers");
    named(name, (1, "lookup"), TURNS, move || {
        let pair = pair(count, false);
        let packet = segment(pair.f(0), pair.f(1), MTU);
        lookup(&pair, packet)
    })
}

fn behind_peer(count: u16) -> Named {
    let name = format!("way: 1 of {count} prefixes");
    named(name, (1, "lookup"), TURNS, move || {
        let pair = pair(count, true);
        let prefixes = pair.snapshot(0).peer_prefixes().count();
        assert_eq!(prefixes, usize::from(count));
        lookup(&pair, segment_v4(OWN, BEHIND, MTU))
    })
}

fn lookup(pair: &Pair, packet: Vec<u8>) -> Plain<impl FnMut() + use<>> {
    let (snapshot, flows, now) = (pair.snapshot(0), pair.flows(0), pair.now.mono);
    Plain(move || {
        let way = snapshot.way(now, &flows, black_box(&packet), packet.len());
        assert!(black_box(way).is_ok());
    })
}

/// Two nodes, the first of which knows `count` peers, the second among them.
fn pair(count: u16, announcing: bool) -> Pair {
    let crypto: Arc<dyn Crypto> = Arc::new(SimCrypto::default());
    let mut stored = Stored::default();
    for number in 1..count {
        for change in peer(&*crypto, number, announcing) {
            stored.apply(&change);
        }
    }
    let here = NodeConfig {
        addresses: vec![OWN.into()],
        ..NodeConfig::default()
    };
    let there = NodeConfig {
        announce: vec!["10.8.0.0/24".parse().expect("a prefix")],
        ..NodeConfig::default()
    };
    Pair::new(&crypto, [here, there], stored)
}

/// What is remembered of one more peer.
fn peer(crypto: &dyn Crypto, number: u16, announcing: bool) -> Vec<Change> {
    let public = identity(crypto, 1_000 + number).public;
    let f = public.address();
    let [high, low] = number.to_be_bytes();
    let text = format!("10.{}.{low}.0/{}", 64 + high, 24 + number % 8);
    let prefix: Prefix = text.parse().expect("a prefix");
    let pin = Pin::new(&public.history.tip(crypto), 1);
    let mut changes = vec![
        Change::Allowed {
            entry: allow(f, vec![prefix]),
        },
        Change::Pinned {
            f,
            pin: PinRecord(pin),
            identity: public.to_bytes(),
        },
    ];
    if announcing {
        let prefixes = vec![prefix];
        changes.push(Change::Announced { f, prefixes });
    }
    changes
}
