//! Through the node's snapshot, as its data threads do: from an inner packet to a datagram, and
//! back. The peer may reach every service.
//!
//! *out*: `Snapshot::way` and `Sealer::seal`. *in*: `Snapshot::inbound`. A batch out is one frame:
//! its way is found once, and each of its packets is cut and sealed; a batch in is that many
//! datagrams, each opened, and joined.

use std::hint::black_box;
use std::sync::Arc;

use group::FlowTable;
use identity::crypto::{AwsLc, Crypto};
use node::{HEADROOM, Inbound, Outbound, Snapshot, Stored, TAILROOM};
use wire::ip::Ecn;
use wire::offload::join::Kinds;
use wire::offload::{Cutter, Joiner, Offered};
use wire::{Now, Path};

use crate::case::{Case, Named, Plain, named};
use crate::keys::{BATCH, SIZES};
use crate::nodes::Pair;
use crate::packets::{MTU, frame_of, packets_of, segment};

const TURNS: usize = 100;

/// All cases of this module.
pub fn cases() -> Vec<Named> {
    let mut cases: Vec<_> = SIZES.into_iter().map(out).collect();
    cases.push(batch_out());
    cases.extend(SIZES.into_iter().map(into));
    cases.push(batch_in());
    cases
}

fn pair() -> Pair {
    let crypto: Arc<dyn Crypto> = Arc::new(AwsLc);
    Pair::new(&crypto, Default::default(), Stored::default())
}

fn out(size: usize) -> Named {
    let name = format!("node: out {size}");
    named(name, (1, "packet"), TURNS, move || {
        let pair = pair();
        let packet = segment(pair.f(0), pair.f(1), size);
        let (snapshot, flows, now) = (pair.snapshot(0), pair.flows(0), pair.now.mono);
        let mut place = vec![0; HEADROOM + size + TAILROOM];
        Plain(move || {
            let sealer = snapshot.way(now, &flows, black_box(&packet), size);
            let sent = sealer.expect("a way").seal(now, &mut place, size);
            assert!(matches!(black_box(sent), Outbound::Send { .. }));
        })
    })
}

fn batch_out() -> Named {
    let name = format!("node: out {MTU} x{BATCH}");
    named(name, (BATCH, "packet"), TURNS, || {
        let pair = pair();
        let (frame, offload) = frame_of(pair.f(0), pair.f(1), BATCH);
        let (snapshot, flows, now) = (pair.snapshot(0), pair.flows(0), pair.now.mono);
        let mut places = vec![0; (HEADROOM + MTU + TAILROOM) * BATCH];
        Plain(move || {
            let cutter = Cutter::new(black_box(&frame), offload).expect("a frame");
            let sealer = snapshot.way(now, &flows, &frame, MTU).expect("a way");
            for (number, place) in places.chunks_mut(HEADROOM + MTU + TAILROOM).enumerate() {
                let len = cutter.write(number, &mut place[HEADROOM..]);
                let sent = sealer.seal(now, place, len.expect("a packet"));
                assert!(matches!(black_box(sent), Outbound::Send { .. }));
            }
        })
    })
}

struct In {
    from: Arc<Snapshot>,
    to: Arc<Snapshot>,
    flows: [Arc<FlowTable>; 2],
    now: Now,
    packets: Vec<Vec<u8>>,
    /// All of one turn lie in one buffer.
    datagrams: Vec<Vec<u8>>,
    joiner: Option<Joiner>,
}

impl In {
    fn new(size: usize) -> Self {
        let pair = pair();
        Self {
            packets: vec![segment(pair.f(0), pair.f(1), size)],
            from: pair.snapshot(0),
            to: pair.snapshot(1),
            flows: [0, 1].map(|index| pair.flows(index)),
            now: pair.now,
            datagrams: Vec::new(),
            joiner: None,
        }
    }

    fn batch() -> Self {
        let pair = pair();
        let (frame, offload) = frame_of(pair.f(0), pair.f(1), BATCH);
        let kinds = Kinds {
            tcp: true,
            udp: true,
        };
        Self {
            packets: packets_of(&frame, offload),
            joiner: Some(Joiner::new(kinds)),
            from: pair.snapshot(0),
            to: pair.snapshot(1),
            flows: [0, 1].map(|index| pair.flows(index)),
            now: pair.now,
            datagrams: Vec::new(),
        }
    }

    fn sealed(&self, packet: &[u8]) -> Vec<u8> {
        let mut buffer = vec![0; HEADROOM];
        buffer.extend(packet);
        buffer.extend([0; TAILROOM]);
        let flows = &self.flows[0];
        match self
            .from
            .outbound(self.now.mono, flows, &mut buffer, packet.len())
        {
            Outbound::Send { datagram, .. } => buffer[datagram].to_vec(),
            other => panic!("{other:?}"),
        }
    }
}

impl Case for In {
    fn prepare(&mut self, turns: usize) {
        let turn = |_| self.packets.iter().flat_map(|packet| self.sealed(packet));
        self.datagrams = (0..turns).map(|number| turn(number).collect()).collect();
    }

    fn turn(&mut self, number: usize) {
        let buffer = &mut self.datagrams[number];
        let (now, from) = (self.now.mono, Path::Udp(Pair::at(0)));
        let len = buffer.len() / self.packets.len();
        for at in (0..buffer.len()).step_by(len) {
            let datagram = &mut buffer[at..at + len];
            let taken = self
                .to
                .inbound(now, &self.flows[1], from, Ecn::NotEct, datagram);
            let Inbound::Deliver { packet, .. } = black_box(taken) else {
                panic!("not delivered");
            };
            if let Some(joiner) = &mut self.joiner {
                let at = at + packet.start;
                let packet = &buffer[at..at + packet.len()];
                assert_eq!(joiner.offer(packet, at), Offered::Taken);
            }
        }
        if let Some(joiner) = &mut self.joiner {
            assert!(black_box(joiner.take()).is_some());
        }
    }
}

fn into(size: usize) -> Named {
    let name = format!("node: in {size}");
    named(name, (1, "packet"), TURNS, move || In::new(size))
}

fn batch_in() -> Named {
    let name = format!("node: in {MTU} x{BATCH}");
    named(name, (BATCH, "packet"), TURNS, In::batch)
}
