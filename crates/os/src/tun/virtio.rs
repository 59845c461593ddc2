//! The header in front of a TUN's frames (`struct virtio_net_hdr`, linux/virtio_net.h), and
//! switching it on.
//!
//! | field | bytes | |
//! |---|---|---|
//! | flags | 1 | 1: the checksum is to be finished |
//! | kind | 1 | 0 a packet, 1 TCP over IPv4, 4 TCP over IPv6, 5 UDP; 0x80 with ECN |
//! | length of the headers | 2 | a hint |
//! | payload of each packet | 2 | |
//! | checksum: start, offset | 2, 2 | |
//!
//! Numbers are in the machine's own order.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use wire::offload::{Cut, CutKind, Offload, Unfinished};

pub(super) const HEADER_LEN: usize = 10;
/// In front of a packet that is as it should be.
pub(super) const NOTHING_TO_DO: [u8; HEADER_LEN] = [0; HEADER_LEN];

const NEEDS_CHECKSUM: u8 = 1;
const NO_CUT: u8 = 0;
const TCP_V4: u8 = 1;
const TCP_V6: u8 = 4;
const UDP: u8 = 5;
const WITH_ECN: u8 = 0x80;

// linux/if_tun.h
const TUN_F_CSUM: libc::c_uint = 0x01;
const TUN_F_TSO: libc::c_uint = 0x02 | 0x04 | 0x08;
const TUN_F_USO: libc::c_uint = 0x20 | 0x40;

/// Whether the driver knows such headers at all.
pub(super) fn are_known(fd: &OwnedFd) -> bool {
    let mut features: libc::c_uint = 0;
    // SAFETY: the descriptor is open, and the request writes one unsigned int that outlives it.
    let asked = unsafe { libc::ioctl(fd.as_raw_fd(), libc::TUNGETFEATURES, &raw mut features) };
    let wanted = libc::IFF_VNET_HDR.cast_unsigned();
    asked == 0 && features & wanted == wanted
}

/// Asks for large frames of an interface that has such headers; whether UDP is among them. A
/// kernel that knows none still passes packets.
pub(super) fn switch_on(fd: &OwnedFd) -> bool {
    let tcp = TUN_F_CSUM | TUN_F_TSO;
    if set_offload(fd, tcp | TUN_F_USO) {
        return true;
    }
    let _ = set_offload(fd, tcp) || set_offload(fd, TUN_F_CSUM);
    false
}

fn set_offload(fd: &OwnedFd, flags: libc::c_uint) -> bool {
    let flags = libc::c_ulong::from(flags);
    // SAFETY: the descriptor is open, and the request takes a number, no pointer.
    unsafe { libc::ioctl(fd.as_raw_fd(), libc::TUNSETOFFLOAD, flags) == 0 }
}

/// Reads a header.
pub(super) fn decode(header: &[u8]) -> io::Result<Offload> {
    let unknown = || io::Error::from(io::ErrorKind::InvalidData);
    let header = header.first_chunk::<HEADER_LEN>().ok_or_else(unknown)?;
    let [flags, kind, _, _, size @ .., _, _, _, _] = *header;
    let [.., start_0, start_1, offset_0, offset_1] = *header;
    let checksum = (flags & NEEDS_CHECKSUM != 0).then_some(Unfinished {
        start: u16::from_ne_bytes([start_0, start_1]),
        offset: u16::from_ne_bytes([offset_0, offset_1]),
    });
    let kind = match kind & !WITH_ECN {
        NO_CUT => None,
        TCP_V4 | TCP_V6 => Some(CutKind::Tcp),
        UDP => Some(CutKind::Udp),
        _ => return Err(unknown()),
    };
    let payload_len = u16::from_ne_bytes(size);
    let cut = kind.map(|kind| Cut { kind, payload_len });
    Ok(Offload { checksum, cut })
}

/// The header of a frame with these headers.
pub(super) fn encode(headers: &[u8], offload: Offload) -> [u8; HEADER_LEN] {
    let is_v6 = headers.first().is_some_and(|byte| byte >> 4 == 6);
    let kind = match offload.cut.map(|cut| cut.kind) {
        None => NO_CUT,
        Some(CutKind::Tcp) if is_v6 => TCP_V6,
        Some(CutKind::Tcp) => TCP_V4,
        Some(CutKind::Udp) => UDP,
    };
    let flags = u8::from(offload.checksum.is_some()) * NEEDS_CHECKSUM;
    let len = u16::try_from(headers.len()).unwrap_or_default();
    let size = offload.cut.map_or(0, |cut| cut.payload_len);
    let sum = offload.checksum;
    let [start, offset] = sum.map_or([0, 0], |sum| [sum.start, sum.offset]);
    let mut header = NOTHING_TO_DO;
    let fields = [len, size, start, offset].map(u16::to_ne_bytes);
    let bytes = [flags, kind]
        .into_iter()
        .chain(fields.into_iter().flatten());
    for (to, from) in header.iter_mut().zip(bytes) {
        *to = from;
    }
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_as_it_was_written() {
        let checksum = Some(Unfinished {
            start: 40,
            offset: 16,
        });
        for (first, kind, byte) in [
            (0x45, CutKind::Tcp, TCP_V4),
            (0x60, CutKind::Tcp, TCP_V6),
            (0x60, CutKind::Udp, UDP),
        ] {
            let payload_len = 1_388;
            let cut = Some(Cut { kind, payload_len });
            let offload = Offload { checksum, cut };
            let header = encode(&[first; 60], offload);
            assert_eq!(header[..2], [NEEDS_CHECKSUM, byte]);
            assert_eq!(decode(&header).unwrap(), offload);
        }
        assert_eq!(decode(&NOTHING_TO_DO).unwrap(), Offload::default());
        let ecn = [0, TCP_V6 | WITH_ECN, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(decode(&ecn).unwrap().cut.unwrap().kind, CutKind::Tcp);
        let fragments = [0, 3, 0, 0, 0, 0, 0, 0, 0, 0];
        assert!(decode(&fragments).is_err() && decode(&[]).is_err());
    }
}
