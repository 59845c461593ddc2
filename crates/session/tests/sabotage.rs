//! Each switch of the feature `sabotage` breaks what it says, and nothing when it is off.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test binary"
)]

use identity::crypto::{AeadAlg, AwsLc};
use session::fragment::{Mac1Key, cut};
use session::hop::{HopKey, Way};
use session::roaming::Roaming;
use session::sabotage::{self, Sabotage};
use session::transport::{Role, Transport, TransportParts};
use std::time::Duration;
use wire::datagram::{Datagram, Message};
use wire::{NodeAddr, Path};

const T0: Duration = Duration::from_secs(1);

fn transport(role: Role) -> Transport {
    let parts = TransportParts {
        role,
        local_index: 1,
        remote_index: 1,
        aead: AeadAlg::ChaCha20Poly1305,
        keys: &[7; 64],
        born: T0,
    };
    Transport::new(&AwsLc, &parts)
}

fn replay_is_noticed() -> bool {
    let (a, b) = (transport(Role::Initiator), transport(Role::Responder));
    let mut first = [0; 40];
    a.seal_in_place(T0, &mut first, 8).unwrap();
    let mut again = first;
    b.open_in_place(T0, &mut first).unwrap();
    b.open_in_place(T0, &mut again).is_err()
}

fn counters_differ() -> bool {
    let a = transport(Role::Initiator);
    let (mut one, mut two) = ([0; 40], [0; 40]);
    a.seal_in_place(T0, &mut one, 8).unwrap();
    a.seal_in_place(T0, &mut two, 8).unwrap();
    one[8..16] != two[8..16]
}

fn mac1_is_checked() -> bool {
    let f = NodeAddr([0xfc; 16]);
    let right = Mac1Key::new(&AwsLc, f);
    let wrong = Mac1Key::new(&AwsLc, NodeAddr([0xfd; 16]));
    let datagrams = cut(&AwsLc, &wrong, None, Message::One, 1, 0, &[0; 100]).unwrap();
    match Datagram::parse(&datagrams[0]) {
        Ok(Datagram::Fragment(fragment)) => !right.verify(&AwsLc, &fragment),
        other => panic!("{other:?}"),
    }
}

fn addresses_are_proven() -> bool {
    let home = Path::Udp("192.0.2.1:1".parse().unwrap());
    let mut roaming = Roaming::new(Some(home));
    let elsewhere = Path::Udp("192.0.2.2:1".parse().unwrap());
    roaming.received(T0, elsewhere, 100, true, || [0; 8]);
    roaming.current() == Some(home)
}

fn hops_are_checked() -> bool {
    let (key, other) = (
        HopKey::new(&AwsLc, &[1; 32], 9),
        HopKey::new(&AwsLc, &[2; 32], 9),
    );
    let sealed = [4; 40];
    let relayed = [&other.header(&AwsLc, Way::ToBridge, &sealed)[..], &sealed].concat();
    match Datagram::parse(&relayed) {
        Ok(Datagram::Relayed(view)) => !key.verify(&AwsLc, Way::ToBridge, &view),
        other => panic!("{other:?}"),
    }
}

type Check = (Sabotage, fn() -> bool);

#[test]
fn each_switch_breaks_what_it_says() {
    let checks: [Check; 5] = [
        (Sabotage::SkipReplayCheck, replay_is_noticed),
        (Sabotage::ReuseCounter, counters_differ),
        (Sabotage::SkipMac1, mac1_is_checked),
        (Sabotage::MoveUnproven, addresses_are_proven),
        (Sabotage::SkipHopMac, hops_are_checked),
    ];
    for (switch, _) in checks {
        sabotage::set(switch);
        for (other, holds) in checks {
            assert_eq!(holds(), other != switch, "{other:?} while {switch:?}");
        }
    }
    sabotage::set(Sabotage::None);
    assert!(checks.iter().all(|(_, holds)| holds()));
}
