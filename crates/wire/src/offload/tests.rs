//! Tests of [`super::super`]: what is cut is joined again, and both are what the RFCs say.

use super::super::{Cutter, TCP_OFFSET, Unfinished};
use super::*;
use crate::ip::IpView;
use crate::ip::checksum::{checksum, upper_checksum};
use proptest::prelude::*;

/// A frame of `payload` bytes, with headers as the kernel gives them.
#[derive(Clone, Debug)]
struct Shape {
    is_v6: bool,
    kind: CutKind,
    options: u8,
    flags: u8,
    id: u16,
    dont_fragment: bool,
    sequence: u32,
    payload: Vec<u8>,
    payload_len: u16,
}

fn shapes() -> impl Strategy<Value = Shape> {
    let payload = proptest::collection::vec(any::<u8>(), 1..9_000);
    let flags = prop_oneof![Just(0x10u8), Just(0x18), Just(0x50), Just(0x98), Just(0x11)];
    let heads = (any::<bool>(), any::<bool>(), 0u8..=10, flags);
    let rest = (
        any::<u16>(),
        any::<bool>(),
        any::<u32>(),
        payload,
        100u16..1_500,
    );
    (heads, rest).prop_map(
        |((is_v6, udp, options, flags), (id, dont_fragment, sequence, payload, payload_len))| {
            Shape {
                is_v6,
                kind: if udp { CutKind::Udp } else { CutKind::Tcp },
                options,
                flags,
                id,
                dont_fragment,
                sequence,
                payload,
                payload_len: payload_len.max(144),
            }
        },
    )
}

impl Shape {
    fn ip_len(&self) -> usize {
        if self.is_v6 { 40 } else { 20 }
    }

    fn upper(&self) -> Vec<u8> {
        let mut upper = vec![0x12, 0x34, 0x56, 0x78];
        match self.kind {
            CutKind::Udp => {
                let len = (8 + self.payload.len()) as u16;
                upper.extend(len.to_be_bytes());
                upper.extend([0, 0]);
            }
            CutKind::Tcp => {
                upper.extend(self.sequence.to_be_bytes());
                upper.extend([
                    9,
                    9,
                    9,
                    9,
                    (5 + self.options) << 4,
                    self.flags,
                    1,
                    2,
                    0,
                    0,
                    0,
                    0,
                ]);
                upper.extend(vec![1; usize::from(self.options) * 4]);
            }
        }
        upper.extend(&self.payload);
        upper
    }

    fn frame(&self) -> (Vec<u8>, Offload) {
        let upper = self.upper();
        let proto = if self.kind == CutKind::Tcp { 6 } else { 17 };
        let mut frame = if self.is_v6 {
            let mut ip = vec![0x60, 0x12, 0x34, 0x56];
            ip.extend((upper.len() as u16).to_be_bytes());
            ip.extend([proto, 64]);
            ip.extend([0xFC; 16]);
            ip.extend([0xFD; 16]);
            ip
        } else {
            let mut ip = vec![0x45, 0x02];
            ip.extend((20 + upper.len() as u16).to_be_bytes());
            ip.extend(self.id.to_be_bytes());
            ip.extend([
                if self.dont_fragment { 0x40 } else { 0 },
                0,
                64,
                proto,
                0,
                0,
            ]);
            ip.extend([10, 0, 0, 1, 10, 0, 0, 2]);
            let sum = checksum(&ip);
            ip[10..12].copy_from_slice(&sum.to_be_bytes());
            ip
        };
        frame.extend(upper);
        let offset = if self.kind == CutKind::Tcp { 16 } else { 6 };
        let start = self.ip_len() as u16;
        let offload = Offload {
            checksum: Some(Unfinished { start, offset }),
            cut: Some(Cut {
                kind: self.kind,
                payload_len: self.payload_len,
            }),
        };
        (frame, offload)
    }

    fn packets(&self) -> Vec<Vec<u8>> {
        let (frame, offload) = self.frame();
        let cutter = Cutter::new(&frame, offload).unwrap();
        let mut out = vec![0xAA; 70_000];
        (0..cutter.count())
            .map(|number| {
                let len = cutter.write(number, &mut out).unwrap();
                assert!(len <= cutter.packet_len_max());
                out[..len].to_vec()
            })
            .collect()
    }
}

/// Joins packets as a receiver does; each frame or single packet with what is to be done.
fn join(packets: &[Vec<u8>]) -> Vec<(Vec<u8>, Offload)> {
    let buffer: Vec<u8> = packets.concat();
    let mut joiner = Joiner::new(Kinds {
        tcp: true,
        udp: true,
    });
    let mut frames = Vec::new();
    let mut at = 0;
    let take = |joiner: &mut Joiner, frames: &mut Vec<_>| {
        if let Some(joined) = joiner.take() {
            let mut frame = joined.headers.to_vec();
            let parts = joined.payloads.iter().map(|range| &buffer[range.clone()]);
            parts.for_each(|part| frame.extend(part));
            frames.push((frame, joined.offload));
        }
    };
    for packet in packets {
        let mut offered = joiner.offer(packet, at);
        if offered == Offered::Full {
            take(&mut joiner, &mut frames);
            offered = joiner.offer(packet, at);
        }
        if offered == Offered::Alone {
            take(&mut joiner, &mut frames);
            frames.push((packet.clone(), Offload::default()));
        }
        at += packet.len();
    }
    take(&mut joiner, &mut frames);
    frames
}

/// Cuts again what was joined.
fn cut(frames: &[(Vec<u8>, Offload)]) -> Vec<Vec<u8>> {
    let mut packets = Vec::new();
    let mut out = vec![0; 70_000];
    for (frame, offload) in frames {
        let cutter = Cutter::new(frame, *offload).unwrap();
        for number in 0..cutter.count() {
            let len = cutter.write(number, &mut out).unwrap();
            packets.push(out[..len].to_vec());
        }
    }
    packets
}

/// Packets without the identification of those that may not be fragmented: it means nothing.
fn plain(mut packets: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    for packet in &mut packets {
        if packet[0] >> 4 == 4 && packet[6] & 0x40 != 0 {
            packet[4..6].fill(0);
            packet[10..12].fill(0);
        }
    }
    packets
}

proptest! {
    #[test]
    fn every_packet_is_well_formed_and_all_of_them_are_the_frame(shape in shapes()) {
        let packets = shape.packets();
        let mut payload: Vec<u8> = Vec::new();
        for (number, packet) in packets.iter().enumerate() {
            let view = IpView::parse(packet).unwrap();
            let upper = view.upper();
            prop_assert_eq!(upper_checksum(view.src(), view.dst(), view.proto(), upper), 0);
            if !shape.is_v6 {
                prop_assert_eq!(checksum(&packet[..20]), 0);
                let id = u16::from_be_bytes([packet[4], packet[5]]);
                prop_assert_eq!(id, shape.id.wrapping_add(number as u16));
            }
            let header_len = match shape.kind {
                CutKind::Udp => {
                    prop_assert_eq!(usize::from(u16::from_be_bytes([upper[4], upper[5]])), upper.len());
                    8
                }
                CutKind::Tcp => {
                    let sequence = u32::from_be_bytes(*upper[4..].first_chunk().unwrap());
                    prop_assert_eq!(sequence, shape.sequence.wrapping_add(payload.len() as u32));
                    let last = number + 1 == packets.len();
                    let mut flags = shape.flags;
                    if !last { flags &= !(FIN | PSH); }
                    if number > 0 { flags &= !CWR; }
                    prop_assert_eq!(upper[13], flags);
                    usize::from(upper[TCP_OFFSET] >> 4) * 4
                }
            };
            if number + 1 < packets.len() {
                prop_assert_eq!(upper.len() - header_len, usize::from(shape.payload_len));
            }
            payload.extend(&upper[header_len..]);
        }
        prop_assert_eq!(payload, shape.payload);
    }

    #[test]
    fn what_is_joined_is_cut_into_what_came(shape in shapes()) {
        let packets = shape.packets();
        let frames = join(&packets);
        prop_assert_eq!(cut(&frames), packets.clone());
        let plain = shape.kind == CutKind::Udp || shape.flags & !(PSH | 0x40) == ACK;
        if plain {
            prop_assert_eq!(frames.len(), packets.len().div_ceil(PACKETS_MAX));
        }
    }

    #[test]
    fn two_flows_that_take_turns_are_not_mixed(a in shapes(), b in shapes()) {
        let (a, b) = (a.packets(), b.packets());
        let len = a.len().max(b.len());
        let turns = |of: &[Vec<u8>], n: usize| of.get(n).cloned();
        let mixed: Vec<_> = (0..len).flat_map(|n| [turns(&a, n), turns(&b, n)]).flatten().collect();
        prop_assert_eq!(plain(cut(&join(&mixed))), plain(mixed));
    }

    #[test]
    fn a_damaged_packet_is_never_part_of_a_frame(shape in shapes(), which: usize, at: usize, bit in 0u8..8) {
        let mut packets = shape.packets();
        let which = which % packets.len();
        let at = at % packets[which].len();
        packets[which][at] ^= 1 << bit;
        prop_assert_eq!(plain(cut(&join(&packets))), plain(packets));
    }

    #[test]
    fn nothing_panics(frame in proptest::collection::vec(any::<u8>(), 0..300), kind: bool, payload_len: u16, start: u16, offset: u16, has: bool) {
        let kind = if kind { CutKind::Tcp } else { CutKind::Udp };
        for cut in [None, Some(Cut { kind, payload_len })] {
            let checksum = has.then_some(Unfinished { start, offset });
            if let Ok(cutter) = Cutter::new(&frame, Offload { checksum, cut }) {
                let mut out = [0; 400];
                for number in 0..cutter.count().min(400) {
                    let _ = cutter.write(number, &mut out);
                }
            }
        }
        let mut joiner = Joiner::new(Kinds { tcp: true, udp: true });
        let _ = (joiner.offer(&frame, 0), joiner.offer(&frame, 0), joiner.take().is_some());
    }
}

#[test]
fn a_checksum_that_the_kernel_left_is_finished() {
    let shape = Shape {
        is_v6: true,
        kind: CutKind::Udp,
        options: 0,
        flags: 0,
        id: 0,
        dont_fragment: false,
        sequence: 0,
        payload: b"hello".to_vec(),
        payload_len: 1_000,
    };
    let (mut frame, mut offload) = shape.frame();
    offload.cut = None;
    let view = IpView::parse(&frame).unwrap();
    // Only the pseudo-header is summed up.
    let pseudo = !upper_checksum(view.src(), view.dst(), 17, &[]) as u32 + 13;
    frame[46..48].copy_from_slice(&(pseudo as u16).to_be_bytes());
    let mut out = [0; 100];
    let cutter = Cutter::new(&frame, offload).unwrap();
    assert_eq!((cutter.count(), cutter.write(1, &mut out)), (1, None));
    let len = cutter.write(0, &mut out).unwrap();
    let view = IpView::parse(&out[..len]).unwrap();
    let sum = upper_checksum(view.src(), view.dst(), 17, view.upper());
    assert_eq!((len, sum), (frame.len(), 0));
}

#[test]
fn kinds_that_are_switched_off_are_left_alone() {
    let mut joiner = Joiner::new(Kinds::default());
    let packet = [0x45; 100];
    assert_eq!(joiner.offer(&packet, 0), Offered::Alone);
    assert!(joiner.take().is_none());
}

/// A TCP packet, and what follows it, whose checksum is 0.
fn tcp_with_checksum_0() -> [Vec<u8>; 2] {
    let mut shape = Shape {
        is_v6: false,
        kind: CutKind::Tcp,
        options: 0,
        flags: ACK,
        id: 7,
        dont_fragment: true,
        sequence: 1,
        payload: vec![1; 200],
        payload_len: 100,
    };
    // Added to a word of the payload, the checksum makes the sum of the packet all ones.
    let field = |packet: &[u8]| u16::from_be_bytes([packet[36], packet[37]]);
    let before = field(&shape.packets()[0]);
    let word = 0x0101u32 + u32::from(before);
    let word = (word & 0xFFFF) + (word >> 16);
    shape.payload[..2].copy_from_slice(&(word as u16).to_be_bytes());
    let packets = shape.packets();
    assert_eq!(field(&packets[0]), 0);
    packets.try_into().unwrap()
}

#[test]
fn a_checksum_of_0_is_one_to_tcp() {
    let packets = tcp_with_checksum_0().to_vec();
    let frames = join(&packets);
    assert_eq!((frames.len(), cut(&frames)), (1, packets));
}

#[test]
fn a_checksum_that_no_cut_would_give_stays_as_it_came() {
    let [mut packet, next] = tcp_with_checksum_0();
    packet[36..38].fill(0xFF);
    let packets = vec![packet, next];
    let frames = join(&packets);
    assert_eq!((frames.len(), cut(&frames)), (2, packets));
}
