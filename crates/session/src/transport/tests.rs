//! Two ends of one pair of keys, in one process.

use super::*;
use crate::constants::{DEAD_PEER, KEEPALIVE};
use identity::crypto::AwsLc;
use std::collections::BTreeSet;
use std::sync::Arc;

const T0: Duration = Duration::from_secs(1000);

fn end(role: Role, aead: AeadAlg) -> Transport {
    let (local_index, remote_index) = match role {
        Role::Initiator => (1, 2),
        Role::Responder => (2, 1),
    };
    let mut keys = [3; 64];
    keys[32..].fill(4);
    let parts = TransportParts {
        role,
        local_index,
        remote_index,
        aead,
        keys: &keys,
        born: T0,
    };
    Transport::new(&AwsLc, &parts)
}

fn pair() -> (Transport, Transport) {
    let aead = AeadAlg::Aes256Gcm;
    (end(Role::Initiator, aead), end(Role::Responder, aead))
}

fn seal(transport: &Transport, now: Duration, text: &[u8]) -> Result<Vec<u8>, SealError> {
    let mut buf = vec![0; text.len() + 32];
    buf[16..16 + text.len()].copy_from_slice(text);
    let sealed = transport.seal_in_place(now, &mut buf, text.len())?;
    assert_eq!(sealed.len, buf.len());
    Ok(buf)
}

fn open(transport: &Transport, now: Duration, datagram: &[u8]) -> Result<Vec<u8>, OpenError> {
    let mut buf = datagram.to_vec();
    let opened = transport.open_in_place(now, &mut buf)?;
    Ok(buf[opened.plaintext].to_vec())
}

#[test]
fn a_packet_is_as_the_specification_says() {
    for aead in [AeadAlg::Aes256Gcm, AeadAlg::ChaCha20Poly1305] {
        let a = end(Role::Initiator, aead);
        a.set_next_counter(0x0102);
        let datagram = seal(&a, T0, b"\x01text").unwrap();
        let header = [4, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 1, 2];
        let mut expected = b"\x01text".to_vec();
        let nonce = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2];
        let tag = AwsLc
            .aead(aead, &[3; 32])
            .seal_in_place(&nonce, &header, &mut expected);
        assert_eq!(datagram, [header.as_slice(), &expected, &tag].concat());
    }
}

#[test]
fn a_responder_waits_for_the_first_packet() {
    let (a, b) = pair();
    assert_eq!(seal(&b, T0, b"early"), Err(SealError::Unconfirmed));
    assert!(!b.is_sendable(T0));
    let mut first = seal(&a, T0, b"").unwrap();
    let opened = b.open_in_place(T0, &mut first).unwrap();
    assert!(opened.first && opened.highest && opened.plaintext.is_empty());
    let mut second = seal(&a, T0, b"x").unwrap();
    assert!(
        b.open_in_place(T0, &mut second).unwrap().first,
        "nobody has seen the one before"
    );
    b.notice();
    let mut third = seal(&a, T0, b"").unwrap();
    assert!(!b.open_in_place(T0, &mut third).unwrap().first);
    assert_eq!(
        open(&a, T0, &seal(&b, T0, b"now").unwrap()).unwrap(),
        b"now"
    );
}

#[test]
fn a_packet_opens_once() {
    let (a, b) = pair();
    let datagram = seal(&a, T0, b"once").unwrap();
    assert_eq!(open(&b, T0, &datagram).unwrap(), b"once");
    let before = b.state_hash(&AwsLc);
    let again = open(&b, T0 + KEEPALIVE, &datagram);
    assert_eq!(again, Err(OpenError::Replay(ReplayError::Duplicate)));
    assert_eq!(b.state_hash(&AwsLc), before);
}

#[test]
fn a_hundred_thousand_forgeries_change_no_state() {
    let (a, b) = pair();
    let good: Vec<_> = (0..8).map(|n| seal(&a, T0, &[n; 40]).unwrap()).collect();
    open(&b, T0, &good[3]).unwrap();
    let before = b.state_hash(&AwsLc);
    let forged = std::cell::Cell::new(0);
    let attempt = |datagram: &[u8]| {
        open(&b, T0, datagram).unwrap_err();
        forged.set(forged.get() + 1);
    };
    for datagram in &good {
        for len in 0..datagram.len() {
            attempt(&datagram[..len]);
        }
        for bit in 0..datagram.len() * 8 {
            let mut flipped = datagram.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            attempt(&flipped);
        }
        for other in &good {
            for cut in 1..datagram.len() {
                let spliced = [&datagram[..cut], &other[cut..]].concat();
                if !good.contains(&spliced) {
                    attempt(&spliced);
                }
            }
        }
    }
    let mut random = 1_u64;
    while forged.get() < 100_000 {
        random = random
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        let mut datagram = good[0].clone();
        datagram[8..16].copy_from_slice(&random.to_be_bytes());
        attempt(&datagram);
    }
    assert_eq!(b.state_hash(&AwsLc), before);
    assert!(b.counts().failed_opens > 90_000);
    for (n, datagram) in good.iter().enumerate().filter(|(n, _)| *n != 3) {
        assert_eq!(open(&b, T0, datagram).unwrap(), [n as u8; 40]);
    }
    assert_ne!(b.state_hash(&AwsLc), before);
}

#[test]
#[allow(
    clippy::disallowed_methods,
    reason = "data threads share a transport; this plays two of them"
)]
fn two_threads_never_use_a_counter_twice() {
    const SEALS: usize = 500_000;
    let (a, _) = pair();
    let a = Arc::new(a);
    let threads = [1_u8, 2].map(|who| {
        let a = Arc::clone(&a);
        std::thread::spawn(move || {
            let mut buf = [0; 33];
            let mut counters = Vec::with_capacity(SEALS);
            for _ in 0..SEALS {
                buf[16] = who;
                a.seal_in_place(T0, &mut buf, 1).unwrap();
                counters.push(u64::from_be_bytes(buf[8..16].try_into().unwrap()));
            }
            (counters, buf)
        })
    });
    let mut all = BTreeSet::new();
    for thread in threads {
        let (counters, last) = thread.join().unwrap();
        assert!(counters.is_sorted());
        for counter in counters {
            assert!(all.insert(counter), "counter {counter} was used twice");
        }
        let (_, b) = pair();
        open(&b, T0, &last).unwrap();
    }
    assert_eq!(all.len(), 2 * SEALS);
    assert_eq!(all.last(), Some(&(2 * SEALS as u64 - 1)));
}

#[test]
fn the_dead_flag_stops_both_directions() {
    let (a, b) = pair();
    let datagram = seal(&a, T0, b"late").unwrap();
    b.kill();
    assert_eq!(open(&b, T0, &datagram), Err(OpenError::Dead));
    a.kill();
    assert_eq!(seal(&a, T0, b"x"), Err(SealError::Dead));
    assert!(!a.is_sendable(T0) && a.is_dead());
}

#[test]
fn keys_and_counters_end() {
    let (a, b) = pair();
    let last = T0 + REFUSE_AFTER - Duration::from_nanos(1);
    let datagram = seal(&a, last, b"x").unwrap();
    assert_eq!(seal(&a, T0 + REFUSE_AFTER, b"x"), Err(SealError::Expired));
    assert_eq!(
        open(&b, T0 + REFUSE_AFTER, &datagram),
        Err(OpenError::Expired)
    );
    assert_eq!(open(&b, last, &datagram).unwrap(), b"x");
    a.set_next_counter(REFUSE_AFTER_PACKETS - 1);
    let datagram = seal(&a, T0, b"y").unwrap();
    assert_eq!(open(&b, T0, &datagram).unwrap(), b"y");
    for _ in 0..3 {
        assert_eq!(seal(&a, T0, b"z"), Err(SealError::Exhausted));
    }
    assert!(!a.is_sendable(T0));
}

#[test]
fn too_many_failures_kill() {
    let (a, b) = pair();
    let mut forged = seal(&a, T0, b"x").unwrap();
    forged[20] ^= 1;
    b.set_failed_opens(FAILED_OPENS_MAX - 2);
    assert_eq!(open(&b, T0, &forged), Err(OpenError::Forged));
    assert!(!b.is_dead());
    assert_eq!(open(&b, T0, &forged), Err(OpenError::Forged));
    assert_eq!(open(&b, T0, &forged), Err(OpenError::Dead));
}

#[test]
fn a_short_buffer_uses_no_counter() {
    let (a, _) = pair();
    assert_eq!(a.seal_in_place(T0, &mut [0; 40], 9), Err(SealError::Buffer));
    assert_eq!(a.counts().tx_packets, 0);
}

#[test]
fn timers_follow_the_traffic() {
    let (a, b) = pair();
    let s = Duration::from_secs;
    assert_eq!(a.deadline(), None);
    let datagram = seal(&a, T0, b"x").unwrap();
    assert_eq!(a.deadline(), Some((T0 + DEAD_PEER, Due::DeadPeer)));
    seal(&a, T0 + s(3), b"x").unwrap();
    assert_eq!(a.deadline(), Some((T0 + DEAD_PEER, Due::DeadPeer)));

    open(&b, T0 + s(1), &datagram).unwrap();
    assert_eq!(b.deadline(), Some((T0 + s(1) + KEEPALIVE, Due::Keepalive)));
    let keepalive = seal(&b, T0 + s(4), b"").unwrap();
    assert_eq!(b.deadline(), None);
    open(&a, T0 + s(4), &keepalive).unwrap();
    assert_eq!(a.deadline(), None, "a keepalive is no data");
}

#[test]
fn the_packet_that_starts_a_timer_wakes_once() {
    let (a, _) = pair();
    let mut buf = [0; 40];
    let mut wake = |now| a.seal_in_place(now, &mut buf, 1).unwrap().wake;
    assert_eq!(a.deadline(), None);
    assert!(wake(T0));
    assert!(!wake(T0));
    assert!(a.deadline().is_some());
    assert!(!wake(T0));
}

#[test]
fn a_new_handshake_becomes_due_as_in_the_table() {
    let s = Duration::from_secs;
    let (a, b) = pair();
    let first = seal(&a, T0 + s(119), b"x").unwrap();
    assert!(!a.rekey_due());
    seal(&a, T0 + s(120), b"").unwrap();
    assert!(a.rekey_due());

    open(&b, T0 + s(120), &first).unwrap();
    seal(&b, T0 + s(164), b"x").unwrap();
    assert!(!b.rekey_due());
    seal(&b, T0 + s(165), b"x").unwrap();
    assert!(b.rekey_due());

    let (a, b) = pair();
    let late = seal(&a, T0, b"x").unwrap();
    open(&b, T0 + s(165), &late).unwrap();
    assert!(b.rekey_due());
    let (a, _) = pair();
    a.set_next_counter(REKEY_AFTER_PACKETS);
    seal(&a, T0, b"x").unwrap();
    assert!(a.rekey_due());
}

#[test]
fn a_new_handshake_that_is_due_is_said_again_each_second() {
    let (a, _) = pair();
    let (ms, mut buf) = (Duration::from_millis, [0; 64]);
    // Keepalives start no timer of their own.
    let mut wake = |at| a.seal_in_place(T0 + ms(at), &mut buf, 0).unwrap().wake;
    let said: Vec<_> = [119_999, 120_000, 120_999, 121_000, 121_500, 122_000]
        .into_iter()
        .filter(|at| wake(*at))
        .collect();
    assert_eq!(said, [120_000, 121_000, 122_000]);
}
