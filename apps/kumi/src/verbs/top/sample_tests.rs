//! What two samples tell: rates where counters can be compared, and no rate where they cannot.

use super::*;
use api::{Certificate, Network, NetworkMode, PeerState, Via};
use std::net::Ipv6Addr;

/// A peer `fc00::number` whose counters stand at so many bytes and a hundredth of it in packets.
pub(crate) fn peer(number: u16, rx_bytes: u64, tx_bytes: u64) -> Peer {
    Peer {
        address: Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, number),
        label: None,
        state: PeerState::Connected,
        via: Some(Via::Direct("192.0.2.1:4649".parse().unwrap())),
        rtt_ms: Some(1.25),
        handshake_age_s: None,
        heard_age_s: None,
        mtu: None,
        aead: None,
        version: None,
        root_position: None,
        traffic: Traffic {
            rx_bytes,
            tx_bytes,
            rx_packets: rx_bytes / 100,
            tx_packets: tx_bytes / 100,
        },
        who: None,
        accepts: Vec::new(),
        announces: Vec::new(),
        candidates: Vec::new(),
    }
}

/// What process 7 says after so many seconds.
pub(crate) fn sample(at_s: u64, peers: &[Peer]) -> Sample {
    let status = Status {
        version: "0.1.0".to_owned(),
        address: Ipv6Addr::LOCALHOST,
        alias: Ipv6Addr::LOCALHOST,
        label: None,
        pid: 7,
        started_unix_s: 1_000,
        listen: "[::]:4649".parse().unwrap(),
        endpoints: Vec::new(),
        network: Network {
            mode: NetworkMode::None,
            name: None,
            mtu: 0,
            queues: 0,
        },
        certificate: Certificate {
            counter: 1,
            not_before_unix_s: 0,
            not_after_unix_s: 0,
        },
        root_position: 0,
        announces: Vec::new(),
        groups: Vec::new(),
        peers_allowed: 2,
        peers_connected: 1,
        invites_open: 0,
        bridges: Vec::new(),
        serving: None,
        traffic: Traffic::default(),
        drops: BTreeMap::new(),
        wakeups: BTreeMap::new(),
        offloads: Offloads::default(),
        work: Work::default(),
        proxies: api::Proxies::default(),
        sign_ins: Vec::new(),
        notices: Vec::new(),
    };
    Sample {
        at: Duration::from_secs(at_s),
        unix_ms: (2_000 + at_s) * 1000,
        status,
        peers: peers.to_vec(),
    }
}

fn numbers(view: &View<'_>) -> Vec<u16> {
    let last = |peer: &Peer| peer.address.segments()[7];
    view.peers.iter().map(|(peer, _)| last(peer)).collect()
}

#[test]
fn rates_are_what_was_added_by_the_time_that_passed() {
    let before = sample(10, &[peer(1, 1000, 500)]);
    let now = sample(12, &[peer(1, 5000, 700)]);
    let view = compare(Some(&before), &now);
    let rates = Rates {
        rx_bits_per_s: 16_000.0,
        tx_bits_per_s: 800.0,
        rx_packets_per_s: 20.0,
        tx_packets_per_s: 1.0,
    };
    assert_eq!(view.span, Span::Seconds(2.0));
    assert_eq!(view.peers[0].1, Measured::Rates(rates));
    assert_eq!(view.total, Some(rates));
}

#[test]
fn one_sample_alone_has_no_rates() {
    let now = sample(0, &[peer(1, 5000, 700)]);
    let view = compare(None, &now);
    assert_eq!((view.span, view.total), (Span::First, None));
    assert_eq!(view.peers[0].1, Measured::NotYet);
    // Nor have two at one moment.
    assert_eq!(compare(Some(&now), &now).span, Span::First);
}

#[test]
fn after_a_restart_it_starts_over() {
    let before = sample(0, &[peer(1, 10, 10)]);
    let mut now = sample(1, &[peer(1, 1 << 40, 1 << 40)]);
    now.status.pid = 8;
    let view = compare(Some(&before), &now);
    assert_eq!((view.span, view.total), (Span::Restarted, None));
    assert_eq!(view.peers[0].1, Measured::NotYet);
    assert!(view.work.is_none() && view.drops.is_empty());
    // A process id may come again.
    now.status.pid = 7;
    now.status.started_unix_s += 1;
    assert_eq!(compare(Some(&before), &now).span, Span::Restarted);
}

#[test]
fn a_peer_that_is_new_or_counts_anew_has_no_rate_and_does_not_count() {
    let before = sample(0, &[peer(1, 1000, 1000), peer(2, 5000, 5000)]);
    let peers = [
        peer(1, 2000, 1000),
        peer(2, 4999, 1 << 40),
        peer(3, 1 << 40, 0),
    ];
    let now = sample(1, &peers);
    let view = compare(Some(&before), &now);
    let measured: BTreeMap<_, _> = numbers(&view)
        .into_iter()
        .zip(view.peers.iter().map(|(_, measured)| *measured))
        .collect();
    assert!(measured[&1].rates().is_some());
    assert_eq!(measured[&2], Measured::Reset);
    assert_eq!(measured[&3], Measured::Appeared);
    assert_eq!(view.total.map(|total| total.rx_bits_per_s), Some(8000.0));
    // A peer that has gone leaves nothing behind.
    let gone = sample(2, &[]);
    let view = compare(Some(&now), &gone);
    assert_eq!((view.peers.len(), view.total), (0, Some(Rates::default())));
}

#[test]
fn the_most_traffic_is_first_whatever_its_direction() {
    let before = sample(
        0,
        &[peer(1, 0, 0), peer(2, 0, 0), peer(3, 9, 9), peer(4, 0, 0)],
    );
    let now = sample(
        1,
        &[
            peer(1, 0, 0),
            peer(2, 500, 0),
            peer(3, 9, 9),
            peer(4, 0, 700),
        ],
    );
    let view = compare(Some(&before), &now);
    // Of those that are silent, the one that has said more before.
    assert_eq!(numbers(&view), [4, 2, 3, 1]);
    assert_eq!(numbers(&compare(None, &now)), [4, 2, 3, 1]);
}

#[test]
fn drops_and_calls_are_those_of_the_interval() {
    let mut before = sample(0, &[]);
    let mut now = sample(1, &[]);
    before.status.drops = [("mac1".to_owned(), 5), ("beacon".to_owned(), 2)].into();
    now.status.drops = [
        ("mac1".to_owned(), 8),
        ("beacon".to_owned(), 2),
        ("stranger".to_owned(), 1),
    ]
    .into();
    before.status.work.sends = 10;
    before.status.work.datagrams_out = 1000;
    now.status.work = Work {
        sends: 12,
        datagrams_out: 1090,
        ..before.status.work
    };
    let view = compare(Some(&before), &now);
    assert_eq!(view.drops, [("mac1", 3), ("stranger", 1)].into());
    assert_eq!(view.datagrams_per_send(), Some(45.0));
    assert_eq!(view.datagrams_per_receive(), None);
}
