//! How sessions live on, move, and end.

use super::pair::{A, B, Pair, ms, s, udp};
use crate::constants::{
    DEAD_PEER, FAILED_OPENS_MAX, KEEPALIVE, OFFER_LIFE, REFUSE_AFTER, STREAM_STALLED,
};
use crate::machine::{Closed, Inbound};
use crate::stream::StreamError;
use crate::transport::{OpenError, SealError};
use std::sync::Arc;
use wire::ip::Ecn;
use wire::payload::CloseReason;

#[test]
fn rekeys_under_traffic_lose_nothing_and_park_nothing() {
    let mut pair = Pair::connected();
    let mut sent = 0_u32;
    for _ in 0..5000 {
        for from in [A, B] {
            pair.send(from, &[&[0x45, 0], sent.to_be_bytes().as_slice()].concat());
            assert_eq!(pair.ends[from].session.parked(), (0, 0));
        }
        sent += 1;
        if sent.is_multiple_of(100) {
            pair.message(A, 6, &sent.to_be_bytes());
        }
        pair.run_for(ms(100));
    }
    pair.run_for(s(1));
    for end in &pair.ends {
        let numbers = end
            .packets
            .iter()
            .map(|p| u32::from_be_bytes(p[2..6].try_into().unwrap()));
        assert!(
            numbers.eq(0..sent),
            "{} of {sent} arrived in order",
            end.packets.len()
        );
        assert!(
            (4..=5).contains(&end.ups.len()),
            "{} rekeys in 500 s",
            end.ups.len()
        );
        assert!(end.ups.iter().all(|up| up.continued));
        assert!(end.closed.is_empty());
        assert!(end.transports.len() <= 2);
    }
    assert_eq!(pair.ends[B].messages.len(), 50);
}

#[test]
fn one_way_traffic_is_rekeyed_by_either_end() {
    for from in [A, B] {
        let mut pair = Pair::connected();
        for _ in 0..400 {
            pair.send(from, b"one way");
            pair.run_for(s(1));
        }
        assert_eq!(pair.ends[1 - from].packets.len(), 400);
        assert!(pair.ends[from].ups.len() >= 2);
        assert!(pair.ends[from].closed.is_empty());
    }
}

#[test]
fn an_idle_session_ends_quietly() {
    let mut pair = Pair::connected();
    pair.send(A, b"the only packet");
    pair.run_for(s(30));
    let wakes: Vec<_> = pair.ends.iter().map(|end| end.timeouts).collect();
    pair.run_for(REFUSE_AFTER);
    for (end, before) in pair.ends.iter().zip(wakes) {
        assert_eq!(end.closed, [(Closed::Idle, 0)]);
        assert_eq!(end.timeouts - before, 1, "only the end of the keys");
        assert_eq!(end.session.poll_timeout(), None);
        assert!(end.transports.is_empty());
        assert!(!end.session.is_up());
    }
    let after = pair.log.iter().filter(|(at, _)| *at > s(1031)).count();
    assert_eq!(after, 0, "nothing is sent on an idle session");
}

#[test]
fn data_without_reply_gets_a_keepalive_after_10_s() {
    let mut pair = Pair::connected();
    pair.run_for(s(20));
    pair.log.clear();
    pair.send(A, b"data");
    let sent_at = pair.now;
    pair.run_for(s(30));
    let sent: Vec<_> = pair
        .log
        .iter()
        .map(|(at, f)| (*at - sent_at, f.bytes.len()))
        .collect();
    assert_eq!(sent, [(s(0), 36 + 1), (pair.delay + KEEPALIVE, 32)]);
    assert_eq!(pair.ends[A].ups.len(), 0, "no new handshake");
}

#[test]
fn a_peer_that_restarted_is_found_again_with_a_new_stream() {
    let mut pair = Pair::connected();
    pair.message(A, 1, b"before");
    pair.run_for(s(20));
    pair.ends[B].restart(7);
    let sent_at = pair.now;
    pair.send(A, b"into the void");
    pair.run_for(DEAD_PEER - ms(1));
    assert!(!pair.ends[A].session.is_initiating());
    pair.run_for(s(1));
    let up = pair.ends[A].ups.first().expect("a new handshake");
    assert!(!up.continued);
    assert_eq!(up.instance, [7; 8]);
    assert!(pair.now - sent_at < DEAD_PEER + s(2));
    assert_eq!(pair.ends[A].transports.len(), 1, "the old keys are gone");
    pair.message(A, 2, b"after");
    pair.message(B, 3, b"hello again");
    pair.run_for(s(1));
    let after = [(1, b"before".to_vec()), (2, b"after".to_vec())];
    assert_eq!(pair.ends[B].messages, after);
    assert_eq!(pair.ends[A].messages, [(3, b"hello again".to_vec())]);
}

#[test]
fn closing_stops_both_ends_and_both_directions_at_once() {
    let mut pair = Pair::connected();
    let held = Arc::clone(pair.ends[A].session.transport().unwrap());
    let mut late = vec![0; 40];
    let other = Arc::clone(pair.ends[B].session.transport().unwrap());
    other.seal_in_place(pair.now, &mut late, 8).unwrap();
    let now = pair.now;
    pair.ends[A].session.close(now, CloseReason::NotAllowed);
    assert_eq!(
        held.seal_in_place(now, &mut [0; 64], 4),
        Err(SealError::Dead)
    );
    assert_eq!(held.open_in_place(now, &mut late), Err(OpenError::Dead));
    pair.run_for(s(1));
    assert_eq!(
        pair.ends[A].closed,
        [(Closed::Local(CloseReason::NotAllowed), 0)]
    );
    assert_eq!(
        pair.ends[B].closed,
        [(Closed::Peer(CloseReason::NotAllowed), 0)]
    );
    assert!(other.is_dead());
    for end in &pair.ends {
        assert!(end.transports.is_empty());
        assert_eq!(end.session.poll_timeout(), None);
    }
}

#[test]
fn a_stream_that_gets_nowhere_closes_the_session() {
    let mut pair = Pair::connected();
    // Only stream segments are lost, so the peer seems alive: they are the long ones here.
    pair.filter = Box::new(|_, who, datagram| who != A || datagram.len() < 400);
    pair.message(A, 1, &[7; 500]);
    for _ in 0..80 {
        pair.send(A, b"alive");
        pair.send(B, b"alive");
        pair.run_for(s(1));
        if !pair.ends[A].closed.is_empty() {
            break;
        }
    }
    assert_eq!(
        pair.ends[A].closed,
        [(Closed::Stream(StreamError::Stalled), 0)]
    );
    assert!(pair.now < s(1001) + STREAM_STALLED + s(2));
    pair.run_for(ms(50));
    assert_eq!(
        pair.ends[B].closed,
        [(Closed::Peer(CloseReason::Replaced), 0)]
    );
}

#[test]
fn a_session_moves_after_the_challenge_and_not_before() {
    let mut pair = Pair::connected();
    pair.run_for(s(10));
    let (old, new) = (pair.ends[A].address, udp("198.51.100.7:7"));
    pair.ends[A].address = new;
    pair.log.clear();
    pair.send(A, &[0x45; 200]);
    pair.run_for(pair.delay);
    assert_eq!(pair.ends[B].session.endpoint(), Some(old));
    let challenge = pair.log.last().unwrap().1.clone();
    assert_eq!((challenge.to, challenge.bytes.len()), (new, 42));
    pair.send(B, b"still to the old address");
    pair.run_for(s(1));
    assert_eq!(pair.ends[B].moves, [new]);
    assert_eq!(pair.ends[B].session.endpoint(), Some(new));
    pair.send(B, b"to the new one");
    pair.run_for(s(1));
    assert_eq!(pair.ends[A].packets, [b"to the new one"]);
    assert!(pair.ends[A].moves.is_empty());
}

#[test]
fn a_copy_sent_from_elsewhere_neither_moves_nor_amplifies() {
    let mut pair = Pair::connected();
    pair.run_for(s(10));
    let home = pair.ends[A].address;
    let thief = udp("203.0.113.66:6");
    pair.log.clear();
    let mut from_thief = 0;
    for _ in 0..100 {
        // Each packet is overtaken by the thief's copy of it.
        pair.send(A, b"x");
        let stolen = pair.log.last().unwrap().1.bytes.clone();
        from_thief += stolen.len();
        pair.lose_flying();
        pair.inject(B, thief, &stolen);
        pair.send(B, &[0x45; 1000]);
        pair.run_for(ms(100));
    }
    assert_eq!(pair.ends[B].session.endpoint(), Some(home));
    assert!(pair.ends[B].moves.is_empty());
    let to_thief: Vec<_> = pair.log.iter().filter(|(_, f)| f.to == thief).collect();
    assert!(!to_thief.is_empty() && to_thief.iter().all(|(_, f)| f.bytes.len() == 42));
    let bytes: usize = to_thief.iter().map(|(_, f)| f.bytes.len()).sum();
    assert!(bytes <= from_thief, "{bytes} for {from_thief}");
    assert_eq!(pair.ends[A].packets.len(), 100, "the rest went home");
}

#[test]
fn an_offer_that_nobody_confirms_is_forgotten() {
    let mut pair = Pair::new();
    pair.filter = Box::new(|_, who, datagram| who == A && datagram[0] == 1);
    pair.ends[A].session.initiate(pair.now);
    pair.run_for(ms(500));
    pair.filter = Box::new(|_, _, _| false);
    assert_eq!(pair.ends[B].transports.len(), 1);
    assert!(!pair.ends[B].session.is_up());
    pair.run_for(OFFER_LIFE);
    assert!(pair.ends[B].transports.is_empty());
    assert_eq!(pair.ends[B].closed, [(Closed::NoAnswer, 0)]);
    assert_eq!(pair.ends[B].session.poll_timeout(), None);
}

#[test]
fn a_session_holds_at_most_three_key_pairs() {
    let mut pair = Pair::connected();
    for round in 0..20 {
        // B never hears the confirmation, so it goes on offering.
        pair.filter = Box::new(|_, who, datagram| who == B || datagram[0] != 4);
        pair.ends[A].session.initiate(pair.now);
        pair.run_for(ms(300));
        for end in &pair.ends {
            assert!(end.transports.len() <= 3, "round {round}");
        }
    }
    pair.filter = Box::new(|_, _, _| true);
    pair.send(A, b"in the end");
    pair.run_for(s(1));
    assert_eq!(pair.ends[B].packets, [b"in the end"]);
}

#[test]
fn too_many_forgeries_end_the_session() {
    let mut pair = Pair::connected();
    let transport = Arc::clone(pair.ends[B].session.transport().unwrap());
    transport.set_failed_opens(FAILED_OPENS_MAX - 1);
    pair.send(A, b"x");
    let mut forged = pair.log.last().unwrap().1.bytes.clone();
    forged[20] ^= 1;
    let from = pair.ends[A].address;
    pair.inject(B, from, &forged);
    assert!(transport.is_dead());
    let now = pair.now;
    pair.ends[B].session.handle_timeout(now);
    pair.drain();
    assert_eq!(pair.ends[B].closed, [(Closed::TooManyForgeries, 0)]);
}

#[test]
fn a_data_thread_and_the_session_share_the_timers() {
    // A data thread of A seals and one of B opens; the sessions hear only of `wake`.
    let mut pair = Pair::connected();
    pair.run_for(s(20));
    let a = Arc::clone(pair.ends[A].session.transport().unwrap());
    assert_eq!(pair.ends[A].session.poll_timeout(), Some(a.expires()));
    let mut datagram = [0; 40];
    let now = pair.now;
    assert!(a.seal_in_place(now, &mut datagram, 8).unwrap().wake);
    pair.ends[A].session.handle_timeout(now);
    assert_eq!(pair.ends[A].session.poll_timeout(), Some(now + DEAD_PEER));
    assert!(!a.seal_in_place(now, &mut datagram, 8).unwrap().wake);

    let b = Arc::clone(pair.ends[B].session.transport().unwrap());
    let opened = b.open_in_place(now, &mut datagram).unwrap();
    assert!(opened.wake && opened.highest && !opened.first);
    let from = pair.ends[A].address;
    let inbound = Inbound {
        from,
        local_index: b.local_index(),
        highest: true,
        ecn: Ecn::NotEct,
    };
    pair.ends[B]
        .session
        .handle_delivered(now, inbound, datagram.len());
    assert_eq!(pair.ends[B].session.poll_timeout(), Some(now + KEEPALIVE));
}

#[test]
fn a_report_of_the_first_packet_that_is_lost_is_made_good_by_the_next() {
    let mut pair = Pair::new();
    pair.filter = Box::new(|_, who, datagram| who != A || datagram[0] == 1);
    pair.ends[A].session.initiate(pair.now);
    pair.run_for(ms(500));
    let now = pair.now;
    let a = Arc::clone(pair.ends[A].session.transport().unwrap());
    let b = Arc::clone(pair.ends[B].transports.values().next().unwrap());
    let from = pair.ends[A].address;
    // A data thread of B opens them all; the way to the session loses the first two reports.
    for lost in [true, true, false] {
        let mut datagram = [0; 40];
        a.seal_in_place(now, &mut datagram, 8).unwrap();
        let opened = b.open_in_place(now, &mut datagram).unwrap();
        assert!(opened.first, "not yet confirmed");
        let inbound = Inbound {
            from,
            local_index: b.local_index(),
            highest: opened.highest,
            ecn: Ecn::NotEct,
        };
        if !lost {
            pair.ends[B].session.handle_delivered(now, inbound, 40);
        }
    }
    assert!(pair.ends[B].session.is_up());
    let mut datagram = [0; 40];
    a.seal_in_place(now, &mut datagram, 8).unwrap();
    assert!(!b.open_in_place(now, &mut datagram).unwrap().first);
}

#[test]
fn keys_that_this_node_killed_close_the_session_as_not_allowed() {
    let mut pair = Pair::connected();
    pair.ends[B].session.transport().unwrap().kill();
    let now = pair.now;
    pair.ends[B].session.handle_timeout(now);
    pair.drain();
    assert_eq!(
        pair.ends[B].closed,
        [(Closed::Local(CloseReason::NotAllowed), 0)]
    );
}

#[test]
fn stale_pieces_go_with_the_next_timer_and_ask_for_none() {
    let mut timeouts = [0, 0];
    for (lost, count) in [false, true].into_iter().zip(&mut timeouts) {
        let mut pair = Pair::connected();
        pair.run_for(s(10));
        let before = pair.ends[B].timeouts;
        let mut sent = 0;
        pair.filter = Box::new(move |_, _, datagram| {
            sent += usize::from(datagram.len() > 100);
            !lost || sent != 2
        });
        pair.send(A, &[0x45; 3000]);
        pair.run_for(s(1));
        assert_eq!(pair.ends[B].session.pieces.len(), usize::from(lost));
        pair.run_for(KEEPALIVE);
        assert!(pair.ends[B].session.pieces.is_empty());
        *count = pair.ends[B].timeouts - before;
    }
    assert_eq!(timeouts[0], timeouts[1]);
}

#[test]
fn a_path_that_shrinks_under_traffic_is_noticed_in_18_s() {
    let mut pair = Pair::connected();
    pair.run_for(s(20));
    assert_eq!(pair.ends[A].session.datagram_max(), 1472);
    pair.path = 1400;
    for _ in 0..18 {
        pair.send(A, &[0x45; 1400]);
        pair.send(B, b"the peer is there");
        pair.run_for(s(1));
    }
    pair.run_for(s(1));
    assert_eq!(pair.ends[A].session.datagram_max(), 1372);
    pair.ends[B].packets.clear();
    pair.send(A, &[0x45; 1400]);
    pair.run_for(s(1));
    assert_eq!(pair.ends[B].packets, [[0x45; 1400]]);
    assert_eq!(pair.ends[A].ups.len(), 0, "no new handshake");
}

#[test]
fn the_path_is_asked_again_by_large_datagrams_only_and_rarely() {
    for (len, probes) in [(1000, 0), (1400, 4)] {
        let mut pair = Pair::connected();
        pair.run_for(s(20));
        pair.log.clear();
        for _ in 0..600 {
            pair.send(A, &vec![0x45; len]);
            pair.run_for(ms(100));
        }
        let asked = pair.log.iter().filter(|(_, f)| f.bytes.len() == 1472);
        assert_eq!(asked.count(), probes, "{len} bytes");
        let most = pair.log.iter().map(|(_, f)| f.bytes.len()).max();
        assert!(most <= Some(1472), "larger sizes are not tried");
    }
}

#[test]
fn a_session_without_any_path_waits_and_does_not_spin() {
    let mut pair = Pair::connected();
    pair.send(B, b"an answer is due");
    pair.run_for(s(1));
    let session = &mut pair.ends[A].session;
    let path = session.endpoint().unwrap();
    assert!(session.path_lost(pair.now, path));
    assert!(!session.path_lost(pair.now, path));
    let mut now = pair.now;
    let mut steps = 0;
    while let Some(at) = session.poll_timeout() {
        assert!(at > now, "due for ever");
        now = at;
        session.handle_timeout(now);
        while session.poll_output().is_some() {}
        steps += 1;
    }
    assert!(
        steps < 20 && !session.is_up(),
        "it ends with its keys: {steps}"
    );
}
