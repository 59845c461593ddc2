//! The target for `wire::offload`: whatever peers send, joined and cut again it is what they sent.

use wire::offload::join::Kinds;
use wire::offload::{Cut, CutKind, Cutter, Joiner, Offered, Offload, Unfinished};

/// Packets, each after its length in two bytes.
fn packets(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut packets = Vec::new();
    while let Some((len, rest)) = bytes.split_first_chunk::<2>() {
        let len = usize::from(u16::from_be_bytes(*len)).min(rest.len());
        let (packet, after) = rest.split_at(len);
        packets.push(packet.to_vec());
        bytes = after;
    }
    packets
}

/// `Joiner::offer` and `Cutter`: the first byte chooses how a frame of the rest is cut; the rest is
/// packets, too.
pub fn offload(bytes: &[u8]) {
    let Some((how, rest)) = bytes.split_first() else {
        return;
    };
    let kind = if how & 1 == 0 {
        CutKind::Tcp
    } else {
        CutKind::Udp
    };
    let payload_len = u16::from(how >> 1) * 16;
    let checksum = Some(Unfinished {
        start: 40,
        offset: u16::from(how & 16),
    });
    for cut in [None, Some(Cut { kind, payload_len })] {
        cut_all(&[(rest.to_vec(), Offload { checksum, cut })]);
    }
    let came = packets(rest);
    assert_eq!(plain(cut_all(&join(&came))), plain(came));
}

fn join(packets: &[Vec<u8>]) -> Vec<(Vec<u8>, Offload)> {
    let buffer = packets.concat();
    let kinds = Kinds {
        tcp: true,
        udp: true,
    };
    let (mut joiner, mut frames, mut at) = (Joiner::new(kinds), Vec::new(), 0);
    for packet in packets {
        let mut offered = joiner.offer(packet, at);
        if offered == Offered::Full {
            take(&mut joiner, &buffer, &mut frames);
            offered = joiner.offer(packet, at);
        }
        if offered != Offered::Taken {
            take(&mut joiner, &buffer, &mut frames);
            frames.push((packet.clone(), Offload::default()));
        }
        at += packet.len();
    }
    take(&mut joiner, &buffer, &mut frames);
    frames
}

fn take(joiner: &mut Joiner, buffer: &[u8], frames: &mut Vec<(Vec<u8>, Offload)>) {
    if let Some(joined) = joiner.take() {
        let mut frame = joined.headers.to_vec();
        for payload in joined.payloads {
            frame.extend(&buffer[payload.clone()]);
        }
        frames.push((frame, joined.offload));
    }
}

fn cut_all(frames: &[(Vec<u8>, Offload)]) -> Vec<Vec<u8>> {
    let (mut packets, mut out) = (Vec::new(), vec![0; 70_000]);
    for (frame, offload) in frames {
        let Ok(cutter) = Cutter::new(frame, *offload) else {
            continue;
        };
        for number in 0..cutter.count() {
            let len = cutter.write(number, &mut out);
            packets.push(out[..len.unwrap_or(0)].to_vec());
        }
    }
    packets
}

/// Without the identification of packets that may not be fragmented: it means nothing (RFC 6864).
fn plain(mut packets: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    for packet in packets.iter_mut().filter(|packet| packet.len() >= 20) {
        if packet[0] >> 4 == 4 && packet[6] & 0x40 != 0 {
            packet[4..6].fill(0);
            packet[10..12].fill(0);
        }
    }
    packets
}

/// Two segments of one flow and a datagram, as they come.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for is_v6 in [true, false] {
        for kind in [CutKind::Tcp, CutKind::Udp] {
            let offset = if kind == CutKind::Tcp { 16 } else { 6 };
            let ip_len: u16 = if is_v6 { 40 } else { 20 };
            let frame = frame(is_v6, kind);
            let offload = Offload {
                checksum: Some(Unfinished {
                    start: ip_len,
                    offset,
                }),
                cut: Some(Cut {
                    kind,
                    payload_len: 30,
                }),
            };
            let mut seed = vec![u8::from(kind == CutKind::Udp) | 4];
            for packet in cut_all(&[(frame, offload)]) {
                seed.extend((packet.len() as u16).to_be_bytes());
                seed.extend(packet);
            }
            seeds.push(seed);
        }
    }
    seeds
}

fn frame(is_v6: bool, kind: CutKind) -> Vec<u8> {
    let mut upper = vec![0, 22, 0x9C, 0x40];
    match kind {
        CutKind::Tcp => {
            upper.extend([0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x18, 1, 0, 0, 0, 0, 0]);
        }
        CutKind::Udp => upper.extend([0, 83, 0, 0]),
    }
    upper.extend([0xAB; 75]);
    let len = upper.len() as u16;
    let proto = if kind == CutKind::Tcp { 6 } else { 17 };
    let mut frame = if is_v6 {
        let mut ip = vec![0x60, 0, 0, 0];
        ip.extend(len.to_be_bytes());
        ip.extend([proto, 64]);
        ip.extend([0xFC; 16]);
        ip.extend([0xFD; 16]);
        ip
    } else {
        let mut ip = vec![0x45, 0];
        ip.extend((20 + len).to_be_bytes());
        ip.extend([0, 1, 0x40, 0, 64, proto, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
        ip
    };
    frame.extend(upper);
    frame
}
