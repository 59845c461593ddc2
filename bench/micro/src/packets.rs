//! Inner packets and frames, as the host's TCP makes them.

use wire::ip::IPV6_HEADER_LEN;
use wire::offload::{Cut, CutKind, Cutter, Offload, Unfinished};
use wire::{NodeAddr, ip::proto};

/// A TCP header with the option that a stream carries: time stamps.
const TCP_LEN: usize = 32;
const TCP_CHECKSUM: usize = 16;
const HEADERS_LEN: usize = IPV6_HEADER_LEN + TCP_LEN;
/// The length of a full packet on the usual path, about: fixed, so that counts can be compared.
pub const MTU: usize = 1_400;
/// What a packet of a stream carries then.
const PAYLOAD: usize = MTU - HEADERS_LEN;

/// A segment of a stream, of `len` bytes as a packet, without its checksum.
pub fn segment(src: NodeAddr, dst: NodeAddr, len: usize) -> Vec<u8> {
    let upper_len = len.checked_sub(IPV6_HEADER_LEN).expect("a whole header");
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend((upper_len as u16).to_be_bytes());
    packet.extend([proto::TCP, 64]);
    packet.extend(src.0);
    packet.extend(dst.0);
    packet.extend(tcp(upper_len));
    packet
}

/// The same in IPv4, without any checksum.
pub fn segment_v4(src: [u8; 4], dst: [u8; 4], len: usize) -> Vec<u8> {
    let mut packet = vec![0x45, 0];
    packet.extend((len as u16).to_be_bytes());
    packet.extend([0, 7, 0x40, 0, 64, proto::TCP, 0, 0]);
    packet.extend(src);
    packet.extend(dst);
    packet.extend(tcp(len - packet.len()));
    packet
}

fn tcp(len: usize) -> Vec<u8> {
    let mut upper = vec![0x9c, 0x40, 0x14, 0x51];
    upper.extend([1, 2, 3, 4, 5, 6, 7, 8, 0x80, 0x10, 2, 0, 0, 0, 0, 0]);
    upper.extend([1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2]);
    upper.resize(len.max(TCP_LEN), 0xA5);
    upper.truncate(len);
    upper
}

/// A frame that carries `payload_len` bytes, and what is still to be done about it.
pub fn frame(src: NodeAddr, dst: NodeAddr, payload_len: usize) -> (Vec<u8>, Offload) {
    let offload = Offload {
        checksum: Some(Unfinished {
            start: IPV6_HEADER_LEN as u16,
            offset: TCP_CHECKSUM as u16,
        }),
        cut: Some(Cut {
            kind: CutKind::Tcp,
            payload_len: PAYLOAD as u16,
        }),
    };
    (segment(src, dst, HEADERS_LEN + payload_len), offload)
}

/// A frame that is cut into so many full packets.
pub fn frame_of(src: NodeAddr, dst: NodeAddr, packets: usize) -> (Vec<u8>, Offload) {
    frame(src, dst, packets * PAYLOAD)
}

/// The packets that a frame is cut into.
pub fn packets_of(frame: &[u8], offload: Offload) -> Vec<Vec<u8>> {
    let cutter = Cutter::new(frame, offload).expect("a frame");
    let packet = |number| {
        let mut packet = vec![0; cutter.packet_len_max()];
        let len = cutter.write(number, &mut packet).expect("a packet");
        packet.truncate(len);
        packet
    };
    (0..cutter.count()).map(packet).collect()
}
