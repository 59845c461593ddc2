//! What loss and a peer that sends single bytes may cost.

use super::*;
use crate::constants::{STREAM_MESSAGE_MAX, STREAM_WINDOW};
use std::collections::VecDeque;

const DELAY: Duration = Duration::from_millis(20);

/// One lost segment must not make every few acknowledgements send the whole flight again, whose
/// acknowledgements then do the same.
#[test]
fn a_loss_does_not_multiply_segments() {
    let (mut from, mut to) = (ControlStream::new(), ControlStream::new());
    let mut now = Duration::from_secs(1);
    for n in 0..15 {
        from.send(now, n, &[7; STREAM_MESSAGE_MAX]).unwrap();
    }
    let needed = (15 * (STREAM_MESSAGE_MAX + 6)).div_ceil(1154);
    let (mut forward, mut back) = (VecDeque::new(), VecDeque::new());
    let (mut sent, mut messages) = (0, 0);
    while from.queued_len() > 0 {
        while let Some(segment) = from.poll_segment(now, 1154) {
            sent += 1;
            // Two losses in the life of the stream.
            if sent != 40 && sent != 150 {
                forward.push_back((now + DELAY, segment));
            }
        }
        assert!(
            sent < 10 * needed,
            "a storm: {sent} segments instead of {needed}"
        );
        let arrivals = [forward.front(), back.front()].into_iter().flatten();
        now = arrivals
            .map(|(at, _)| *at)
            .chain(from.poll_timeout())
            .min()
            .unwrap();
        while let Some((_, s)) = forward.pop_front_if(|(at, _)| *at <= now) {
            to.handle_segment(now, s.offset, s.acknowledged, s.window, &s.bytes)
                .unwrap();
            while to.poll_message().unwrap().is_some() {
                messages += 1;
            }
            while let Some(segment) = to.poll_segment(now, 1154) {
                back.push_back((now + DELAY, segment));
            }
        }
        while let Some((_, s)) = back.pop_front_if(|(at, _)| *at <= now) {
            from.handle_segment(now, s.offset, s.acknowledged, s.window, &s.bytes)
                .unwrap();
            while let Some(segment) = from.poll_segment(now, 1154) {
                sent += 1;
                if sent != 40 && sent != 150 {
                    forward.push_back((now + DELAY, segment));
                }
            }
        }
        from.handle_timeout(now).unwrap();
    }
    assert_eq!(messages, 15);
    // Each loss may cost a flight of at most 57 segments again.
    assert!(
        sent <= needed + 2 * 57,
        "{sent} segments instead of {needed}"
    );
}

#[test]
fn single_bytes_ahead_hold_no_more_than_they_cost() {
    let mut receiver = Receiver::new(0);
    for offset in (1..STREAM_WINDOW).rev() {
        receiver.receive(offset, &[7]).unwrap();
    }
    let (total, held) = receiver.state();
    assert_eq!(total, 0);
    assert!(held <= 2 * u64::from(STREAM_WINDOW) / 65, "{held} held");
    // What gave way comes again, and everything goes on.
    receiver.receive(0, &vec![7; 65_536]).unwrap();
    assert_eq!(receiver.state(), (65_536, 65_536));
}
