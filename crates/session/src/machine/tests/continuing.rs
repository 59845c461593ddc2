//! Both ends agree whether a handshake continues the control stream, whatever each of them
//! would find by itself when its keys come into use.

use super::pair::{A, B, Pair, ms, s};
use crate::constants::REFUSE_AFTER;
use std::time::Duration;
use wire::payload::CloseReason;

/// Both ends say the same, and the first messages on what they agreed on arrive.
fn agree(pair: &mut Pair, context: &str) -> bool {
    let said = [A, B].map(|who| pair.ends[who].ups.last().map(|up| up.continued));
    assert!(said[A].is_some(), "{context}");
    assert_eq!(said[A], said[B], "{context}");
    for who in [A, B] {
        pair.message(who, 9, context.as_bytes());
    }
    pair.run_for(s(3));
    for end in &pair.ends {
        let arrived = [(9, context.as_bytes().to_vec())];
        assert_eq!(end.messages, arrived, "{context}");
        assert!(end.closed.is_empty() || end.ups.last().is_some_and(|up| !up.continued));
    }
    said[A].unwrap()
}

/// Connected, with something in the stream each way, then idle until `before` the end of the
/// keys of B.
fn near_the_end(before: Duration) -> Pair {
    let mut pair = Pair::connected();
    for who in [A, B] {
        pair.message(who, 8, b"earlier");
    }
    pair.run_for(s(20));
    let ends_at = pair.ends[B].session.transport().unwrap().expires();
    pair.run_for(ends_at - before - pair.now);
    for end in &mut pair.ends {
        end.messages.clear();
    }
    pair
}

#[test]
fn a_handshake_around_the_end_of_the_keys() {
    let mut outcomes = [0, 0];
    for caller in [A, B] {
        for before in (1..160).step_by(7) {
            let mut pair = near_the_end(ms(before));
            pair.ends[caller].session.initiate(pair.now);
            pair.run_for(ms(300));
            let continued = agree(&mut pair, &format!("{caller} calls {before} ms before"));
            outcomes[usize::from(continued)] += 1;
        }
    }
    assert!(outcomes.iter().all(|n| *n > 0), "{outcomes:?}");
}

#[test]
fn a_confirmation_that_is_late_changes_nothing() {
    let mut pair = near_the_end(ms(500));
    // B answers in time; the packet that confirms comes when B's keys are over.
    pair.filter = Box::new(|_, who, datagram| who != A || datagram[0] == 1);
    pair.ends[A].session.initiate(pair.now);
    pair.run_for(s(2));
    pair.filter = Box::new(|_, _, _| true);
    pair.send(A, b"confirms");
    pair.run_for(s(1));
    assert!(agree(&mut pair, "late"));
}

#[test]
fn a_close_that_is_lost_ends_the_stream_of_both() {
    for (closer, caller) in [(A, A), (A, B), (B, A), (B, B)] {
        let mut pair = near_the_end(REFUSE_AFTER - s(40));
        pair.filter = Box::new(|_, _, _| false);
        let now = pair.now;
        pair.ends[closer]
            .session
            .close(now, CloseReason::ShuttingDown);
        pair.run_for(s(1));
        pair.filter = Box::new(|_, _, _| true);
        pair.ends[caller].session.initiate(pair.now);
        pair.run_for(s(1));
        assert!(!agree(&mut pair, "after the close"));
    }
}
