//! What strangers and listeners send changes nothing and gets no reply.

use super::pair::{A, B, Flying, Pair, ms, s, udp};
use wire::Path;

fn stranger() -> Path {
    udp("203.0.113.9:9")
}

/// Everything that went over the link in a handshake and some traffic each way.
fn recorded() -> (Pair, Vec<Flying>) {
    let mut pair = Pair::new();
    pair.send(A, b"recorded");
    pair.run_for(s(1));
    pair.message(A, 1, b"a message");
    pair.send(B, &[0x45; 1400]);
    pair.run_for(s(9));
    let log = std::mem::take(&mut pair.log);
    // What the path was too narrow for never arrived, so it would be no repetition.
    let arrived = log.into_iter().map(|(_, flying)| flying);
    let arrived = arrived
        .filter(|flying| flying.bytes.len() <= pair.path)
        .collect();
    (pair, arrived)
}

fn states(pair: &Pair) -> [[u8; 32]; 2] {
    [A, B].map(|who| pair.ends[who].session.state_hash())
}

#[test]
fn everything_recorded_and_sent_again_is_ignored() {
    let (mut pair, recorded) = recorded();
    let before = states(&pair);
    for flying in &recorded {
        for to in [A, B] {
            pair.inject(to, flying.from, &flying.bytes);
            pair.inject(to, stranger(), &flying.bytes);
        }
    }
    pair.run_for(ms(100));
    assert_eq!(states(&pair), before);
    assert!(pair.log.is_empty(), "no reply");
}

#[test]
fn a_hundred_thousand_forgeries_change_nothing_and_get_nothing() {
    let (mut pair, recorded) = recorded();
    let before = states(&pair);
    let mut random = 5_u64;
    let mut draw = |below: usize| {
        random = random
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (random >> 33) as usize % below
    };
    for n in 0..100_000 {
        let original = &recorded[draw(recorded.len())].bytes;
        let mut forged = original.clone();
        match n % 4 {
            0 => forged.truncate(draw(original.len())),
            1 => forged[draw(original.len())] ^= 1 << draw(8),
            2 => {
                let other = &recorded[draw(recorded.len())].bytes;
                let cut = draw(original.len().min(other.len()));
                forged = [&original[..cut], &other[cut..]].concat();
            }
            _ => forged
                .iter_mut()
                .skip(4)
                .for_each(|byte| *byte = draw(256) as u8),
        }
        let now = pair.unix();
        pair.ends[n % 2].receive(now, stranger(), forged);
        assert!(
            pair.ends[n % 2].session.poll_output().is_none(),
            "forgery {n} had an effect"
        );
    }
    assert_eq!(states(&pair), before);
    pair.send(A, b"still here");
    pair.run_for(s(1));
    assert_eq!(pair.ends[B].packets.last().unwrap(), b"still here");
}

#[test]
fn an_old_answer_does_not_disturb_an_initiation_under_way() {
    let (_, recorded) = recorded();
    let mut pair = Pair::new();
    pair.filter = Box::new(|_, _, _| false);
    pair.ends[A].session.initiate(pair.now);
    pair.drain();
    let before = states(&pair);
    for flying in recorded.iter().filter(|f| f.bytes[0] == 2) {
        pair.inject(A, flying.from, &flying.bytes);
    }
    assert_eq!(states(&pair), before);
    pair.filter = Box::new(|_, _, _| true);
    pair.run_for(s(3));
    assert!(pair.ends[A].session.is_up());
}

/// Message 2 is authentic, its source address is not.
#[test]
fn an_answer_from_elsewhere_does_not_draw_traffic_there() {
    let mut pair = Pair::new();
    pair.filter = Box::new(|_, _, datagram| datagram[0] != 2);
    for _ in 0..50 {
        pair.send(A, &[0x45; 1000]);
    }
    pair.run_for(ms(500));
    let log = std::mem::take(&mut pair.log);
    let answer: Vec<_> = log.into_iter().filter(|(_, f)| f.bytes[0] == 2).collect();
    let received: usize = answer.iter().map(|(_, f)| f.bytes.len()).sum();
    assert_eq!(received, 2400);
    pair.filter = Box::new(|_, _, _| true);
    for (_, flying) in answer {
        pair.inject(A, stranger(), &flying.bytes);
    }
    pair.run_for(s(2));
    let there = pair.log.iter().filter(|(_, f)| f.to == stranger());
    let sent: usize = there.map(|(_, f)| f.bytes.len()).sum();
    assert!(sent <= received, "{sent} bytes to a stranger");
    assert_eq!(pair.ends[B].packets.len(), 50);
}

#[test]
fn the_state_hash_notices_real_traffic() {
    let (mut pair, _) = recorded();
    let before = states(&pair);
    pair.send(A, b"real");
    pair.run_for(s(1));
    let after = states(&pair);
    assert!(before[A] != after[A] && before[B] != after[B]);
}
