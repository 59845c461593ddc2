//! How sessions begin.

use super::pair::{A, B, Pair, longest_retry, ms, s};
use crate::constants::{HANDSHAKE_GIVE_UP, PARKED_PACKETS_MAX, SIMULTANEOUS_OPEN};
use crate::cookie::CookieSecret;
use crate::handshake::Credential;
use crate::machine::{BeginError, Closed, SendError, SessionOutput};
use crate::transport::Role;
use identity::crypto::HashRng;
use std::cell::Cell;
use std::rc::Rc;
use wire::payload::Kind;

fn kind_of(datagram: &[u8]) -> u8 {
    datagram[0]
}

#[test]
fn the_first_packets_wait_for_the_handshake_and_arrive_in_order() {
    let mut pair = Pair::new();
    for n in 0..10 {
        pair.send(A, &[0x45, 0, n]);
    }
    assert_eq!(pair.ends[A].session.parked(), (10, 0));
    pair.run_for(ms(59));
    assert!(pair.ends[B].packets.is_empty());
    pair.run_for(ms(1));
    let order: Vec<u8> = pair.ends[B].packets.iter().map(|p| p[2]).collect();
    assert_eq!(
        order,
        (0..10).collect::<Vec<u8>>(),
        "one round trip, then one way"
    );
    let (a, b) = (&pair.ends[A].ups[0], &pair.ends[B].ups[0]);
    assert_eq!((a.role, b.role), (Role::Initiator, Role::Responder));
    assert_eq!(a.binding, b.binding);
    assert!(!a.continued && !b.continued);
    pair.send(B, b"back");
    pair.run_for(s(1));
    assert_eq!(pair.ends[A].packets, [b"back"]);
}

#[test]
fn the_initiator_confirms_at_once_with_an_empty_packet() {
    let mut pair = Pair::new();
    pair.ends[A].session.initiate(pair.now);
    pair.run_for(ms(61));
    assert_eq!(pair.ends[B].ups.len(), 1);
    assert!(pair.ends[B].session.is_up() && pair.ends[A].session.is_up());
}

/// The lengths of what A sends under the new keys first, when it says so much as the session comes up; and
/// whether B took it.
fn first_words(said_len: usize) -> (Vec<usize>, bool) {
    let mut pair = Pair::new();
    let now = pair.now;
    let said = vec![7; said_len];
    pair.ends[A].session.send_message(now, 9, &said).unwrap();
    pair.run_for(ms(60));
    // Probes follow later.
    let at_once = pair.log.iter().filter(|(at, _)| *at <= now + ms(40));
    let sealed = at_once.map(|(_, flying)| &flying.bytes);
    let sealed = sealed.filter(|bytes| kind_of(bytes) == 4).map(Vec::len);
    let heard = pair.ends[B].messages == [(9, said)];
    assert!(pair.ends[B].session.is_up(), "confirmed one way later");
    (sealed.collect(), heard)
}

#[test]
fn what_is_said_at_once_confirms() {
    let (sealed, heard) = first_words(100);
    assert_eq!((sealed.len(), heard), (1, true));
}

#[test]
fn what_the_path_may_not_carry_goes_first_and_does_not_confirm_alone() {
    let (sealed, heard) = first_words(800);
    assert!(heard);
    assert!(sealed[0] > 800 && sealed[1..] == [32], "{sealed:?}");
    let mut pair = Pair::new();
    pair.filter = Box::new(|_, _, bytes| kind_of(bytes) != 4 || bytes.len() <= 548);
    let now = pair.now;
    pair.ends[A]
        .session
        .send_message(now, 9, &[7; 800])
        .unwrap();
    pair.run_for(ms(60));
    assert!(pair.ends[B].session.is_up(), "the empty one passed");
    pair.run_for(s(3));
    assert_eq!(pair.ends[B].messages.len(), 1, "said again, smaller");
}

#[test]
fn parking_is_bounded_and_counted() {
    let mut pair = Pair::new();
    for _ in 0..PARKED_PACKETS_MAX {
        pair.send(A, b"packet");
    }
    let now = pair.now;
    let refused = pair.ends[A].session.send_packet(now, Kind::Ip, b"one more");
    assert_eq!(refused, Err(SendError::ParkedFull));
    assert_eq!(pair.ends[A].session.parked(), (PARKED_PACKETS_MAX, 1));
    pair.run_for(s(1));
    assert_eq!(pair.ends[B].packets.len(), PARKED_PACKETS_MAX);
}

#[test]
fn a_lost_message_2_costs_one_retry_with_a_new_number() {
    let mut pair = Pair::new();
    let lost = Rc::new(Cell::new(0));
    let counter = Rc::clone(&lost);
    pair.filter = Box::new(move |_, _, datagram| {
        let drop = kind_of(datagram) == 2 && counter.get() < 2;
        counter.set(counter.get() + usize::from(drop));
        !drop
    });
    pair.send(A, b"first");
    pair.run_for(s(3));
    assert_eq!(lost.get(), 2);
    assert_eq!(pair.ends[B].packets, [b"first"]);
    for who in [A, B] {
        assert_eq!(pair.ends[who].ups.len(), 1);
        assert_eq!(pair.ends[who].transports.len(), 1, "what failed is retired");
    }
}

#[test]
fn a_lost_confirmation_is_made_good_by_the_next_packet() {
    let mut pair = Pair::new();
    pair.filter = Box::new(|_, who, datagram| who != A || kind_of(datagram) != 4);
    pair.ends[A].session.initiate(pair.now);
    pair.run_for(s(1));
    assert!(pair.ends[A].session.is_up() && !pair.ends[B].session.is_up());
    pair.filter = Box::new(|_, _, _| true);
    pair.send(B, b"waits for the peer");
    pair.send(A, b"confirms");
    pair.run_for(s(1));
    assert_eq!(pair.ends[B].packets, [b"confirms"]);
    assert_eq!(pair.ends[A].packets, [b"waits for the peer"]);
    assert_eq!(pair.ends[B].ups.len(), 1);
}

#[test]
fn initiations_that_cross_make_one_session_by_the_smaller_f() {
    let mut pair = Pair::new();
    pair.send(A, b"from a");
    pair.send(B, b"from b");
    pair.run_for(s(4));
    assert_eq!(pair.ends[A].packets, [b"from b"]);
    assert_eq!(pair.ends[B].packets, [b"from a"]);
    for who in [A, B] {
        assert_eq!(pair.ends[who].ups.len(), 1);
        assert_eq!(pair.ends[who].transports.len(), 1);
    }
    assert_eq!(pair.ends[A].ups[0].role, Role::Initiator);
}

#[test]
fn the_smaller_f_yields_when_its_own_initiation_gets_nowhere() {
    // A's initiations are lost on the way; B's arrive.
    let mut pair = Pair::new();
    pair.filter = Box::new(|_, who, datagram| who != A || kind_of(datagram) != 1);
    pair.send(A, b"from a");
    pair.send(B, b"from b");
    pair.run_for(SIMULTANEOUS_OPEN - ms(1));
    assert!(pair.ends.iter().all(|end| end.ups.is_empty()));
    pair.run_for(longest_retry() + s(2));
    assert_eq!(pair.ends[A].packets, [b"from b"]);
    assert_eq!(pair.ends[B].packets, [b"from a"]);
}

#[test]
fn both_that_try_again_at_once_make_one_session() {
    // Nothing passes for long; then a way opens, and both are told at the same time.
    let mut pair = Pair::new();
    let opens = pair.now + SIMULTANEOUS_OPEN + s(2);
    pair.filter = Box::new(move |now, _, _| now >= opens);
    pair.send(A, b"from a");
    pair.send(B, b"from b");
    pair.run_for(SIMULTANEOUS_OPEN + s(2));
    let now = pair.now;
    for end in &mut pair.ends {
        end.session.retry_now(now);
    }
    pair.drain();
    pair.run_for(ms(200));
    assert_eq!(pair.ends[A].packets, [b"from b"]);
    assert_eq!(pair.ends[B].packets, [b"from a"]);
    assert!(pair.ends.iter().all(|end| end.ups.len() == 1));
}

#[test]
fn after_a_new_way_was_tried_the_next_try_is_soon() {
    let mut pair = Pair::new();
    let opens = pair.now + s(30);
    pair.filter = Box::new(move |now, _, _| now > opens);
    pair.send(A, b"from a");
    pair.run_for(s(30));
    let now = pair.now;
    pair.ends[A].session.retry_now(now);
    pair.drain();
    pair.run_for(ms(1_400));
    assert_eq!(pair.ends[B].packets, [b"from a"]);
}

#[test]
fn a_brief_initiation_does_not_stand_in_the_way_of_the_peers() {
    for (brief, up_within) in [(true, ms(1_400)), (false, s(7))] {
        let mut pair = Pair::new();
        pair.filter = Box::new(|_, who, datagram| who != A || kind_of(datagram) != 1);
        let now = pair.now;
        let session = &mut pair.ends[A].session;
        if brief {
            session.initiate_briefly(now, ms(500));
        } else {
            session.initiate(now);
        }
        pair.drain();
        pair.send(B, b"from b");
        pair.run_for(ms(1_400));
        assert_eq!(pair.ends[A].packets.is_empty(), !brief);
        pair.run_for(up_within);
        assert_eq!(pair.ends[A].packets, [b"from b"]);
    }
    // One that is wanted for another reason meanwhile goes on.
    let mut pair = Pair::new();
    pair.filter = Box::new(|now, _, _| now > s(1_002));
    let now = pair.now;
    pair.ends[A].session.initiate_briefly(now, ms(500));
    pair.drain();
    pair.send(A, b"from a");
    pair.run_for(s(9));
    assert_eq!(pair.ends[B].packets, [b"from a"]);
}

#[test]
fn an_initiation_that_was_displaced_resumes_when_the_peer_falls_silent() {
    let mut pair = Pair::new();
    // B hears A once, answers, and A is never heard again for a while.
    pair.filter = Box::new(|now, who, _| who == B || now < s(1000) + ms(1) || now > s(1004));
    pair.send(A, b"from a");
    pair.send(B, b"from b");
    pair.run_for(ms(30));
    assert!(!pair.ends[B].session.is_initiating());
    pair.ends[A].restart(9);
    pair.run_for(s(8));
    assert_eq!(pair.ends[A].packets, [b"from b"]);
}

#[test]
fn nobody_answers_for_90_s() {
    let mut pair = Pair::new();
    pair.filter = Box::new(|_, who, _| who == B);
    pair.ends[B].restart(8);
    let started = pair.now;
    pair.filter = Box::new(|_, _, _| false);
    pair.send(A, b"nobody");
    let now = pair.now;
    assert!(pair.ends[A].session.ping(now, 4));
    pair.run_for(HANDSHAKE_GIVE_UP - ms(1));
    assert!(pair.ends[A].closed.is_empty());
    pair.run_for(ms(1));
    assert_eq!(pair.ends[A].closed, [(Closed::NoAnswer, 1)]);
    assert_eq!(pair.ends[A].echoes, [(4, None)]);
    assert_eq!(pair.ends[A].session.poll_timeout(), None);
    let sent: Vec<_> = pair.log.iter().map(|(at, _)| *at - started).collect();
    assert!(sent[2] >= s(1) && sent[2] <= ms(1333));
    assert!(sent[4] >= s(3) && sent[4] <= ms(3666));
    assert!((34..=46).contains(&sent.len()), "{} fragments", sent.len());
    // And it works when called for again.
    pair.filter = Box::new(|_, _, _| true);
    pair.send(A, b"somebody");
    pair.run_for(s(1));
    assert_eq!(pair.ends[B].packets, [b"somebody"]);
}

#[test]
fn a_bridge_under_load_gets_its_cookie_and_then_answers() {
    let mut pair = Pair::new();
    pair.ends[B].cookies = Some(CookieSecret::new(&mut HashRng::new([7; 32])));
    pair.send(A, b"through");
    pair.run_for(ms(200));
    assert_eq!(pair.ends[B].packets, [b"through"]);
    let answers = pair.log.iter().filter(|(_, f)| kind_of(&f.bytes) == 3);
    assert!(answers.clone().count() >= 1);
    assert!(answers.clone().all(|(_, f)| f.bytes.len() == 56));
}

#[test]
fn credentials_that_both_hold_are_reported_at_both_ends() {
    let mut pair = Pair::new();
    let shared = Credential {
        id: [1; 16],
        epoch: 4,
        tag: [2; 32],
        psk: [3; 32],
    };
    let own = Credential {
        id: [9; 16],
        epoch: 4,
        tag: [9; 32],
        psk: [9; 32],
    };
    pair.ends[A].credentials = vec![own, shared.clone()];
    pair.ends[B].credentials = vec![shared.clone()];
    pair.ends[A].session.initiate(pair.now);
    pair.run_for(s(1));
    for who in [A, B] {
        assert_eq!(pair.ends[who].ups[0].matched, [shared.name()]);
    }
}

#[test]
fn beginning_uninvited_or_at_another_peer_is_refused() {
    let mut pair = Pair::new();
    let now = pair.unix();
    let own = pair.ends[A].local.public.clone();
    let to = pair.ends[B].address;
    let begin = |peer| crate::machine::Begin {
        handshake_count: 1,
        local_index: 1,
        to,
        peer,
        credentials: &[],
    };
    let refused = pair.ends[A].session.begin(&begin(&own), now);
    assert!(matches!(refused, Err(BeginError::NotWanted)));
    pair.ends[A].session.initiate(now.mono);
    let refused = pair.ends[A].session.begin(&begin(&own), now);
    assert!(matches!(refused, Err(BeginError::OtherPeer)));
}

#[test]
fn debug_text_does_not_tell_the_channel_binding() {
    let mut pair = Pair::connected();
    pair.ends[A].session.initiate(pair.now);
    pair.run_for(s(1));
    let (session, up) = (&pair.ends[A].session, pair.ends[A].ups[0].clone());
    let secret = format!("{:?}", up.binding);
    assert_eq!(session.binding(), Some(up.binding));
    let output = SessionOutput::Established(Box::new(up));
    assert!(!format!("{output:?} {:?}", session.up).contains(&secret));
}
