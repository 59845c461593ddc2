//! Cutting a large TCP frame into packets, and joining packets into a frame (`wire::offload`).
//!
//! A frame carries 60,000 bytes and is cut into 46 packets of 1,400 bytes; the last
//! is shorter.

use std::hint::black_box;

use wire::NodeAddr;
use wire::offload::join::Kinds;
use wire::offload::{Cutter, Joiner, Offered};

use crate::case::{Named, Plain, named};
use crate::packets::{MTU, frame, packets_of};

const PAYLOAD_LEN: usize = 60_000;
const PACKETS: usize = 46;
const TURNS: usize = 50;
const SRC: NodeAddr = NodeAddr([0xFC; 16]);
const DST: NodeAddr = NodeAddr([0xFD; 16]);

/// All cases of this module.
pub fn cases() -> Vec<Named> {
    vec![cut(), join()]
}

fn cut() -> Named {
    let name = "frame: cut 60 kB";
    named(name, (PACKETS, "packet"), TURNS, || {
        let (frame, offload) = frame(SRC, DST, PAYLOAD_LEN);
        let mut out = vec![0; PACKETS * MTU];
        Plain(move || {
            let cutter = Cutter::new(black_box(&frame), offload).expect("a frame");
            assert_eq!(cutter.count(), PACKETS);
            for (number, place) in out.chunks_mut(MTU).enumerate() {
                assert!(black_box(cutter.write(number, place)).is_some());
            }
        })
    })
}

fn join() -> Named {
    let name = "frame: join 60 kB";
    named(name, (PACKETS, "packet"), TURNS, || {
        let (frame, offload) = frame(SRC, DST, PAYLOAD_LEN);
        let packets = packets_of(&frame, offload);
        let kinds = Kinds {
            tcp: true,
            udp: true,
        };
        let mut joiner = Joiner::new(kinds);
        Plain(move || {
            let mut at = 0;
            for packet in &packets {
                let offered = joiner.offer(black_box(packet), at);
                assert_eq!(offered, Offered::Taken);
                at += packet.len();
            }
            let joined = black_box(joiner.take()).expect("a frame");
            assert_eq!(joined.payloads.len(), PACKETS);
        })
    })
}
