//! Work on packets that the kernel leaves to others: finishing checksums, cutting a large packet
//! into those that fit, and joining small ones.
//!
//! A *frame* is an IP packet of up to 64 KiB together with an [`Offload`] that says what is still
//! to be done about it. Inside this host a frame stays whole; [`Cutter`] makes the real packets of
//! it where it leaves, and [`Joiner`] makes frames of packets that came.
//!
//! | module | what |
//! |---|---|
//! | [`cut`] | TCP segmentation (as Linux's TSO) and UDP segmentation (USO) |
//! | [`join`] | the same backwards: GRO |
//!
//! Both ends of the tunnel see ordinary packets: what comes out of cutting and joining is what
//! went in, byte for byte, but for the IPv4 identification of packets that may not be fragmented
//! (RFC 6864) and where TCP segments begin and end.

pub mod cut;
pub mod join;

pub use cut::Cutter;
pub use join::{Joined, Joiner, Offered};

/// What is still to be done about a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offload {
    /// The upper-layer checksum is to be finished: its field holds the sum over the pseudo-header.
    pub checksum: Option<Unfinished>,
    /// The frame is to be cut into packets.
    pub cut: Option<Cut>,
}

/// Where a checksum is to be finished, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// What it covers begins here in the packet and ends with it.
    pub start: u16,
    /// The field, counted from there.
    pub offset: u16,
}

/// How a frame is to be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// At which layer.
    pub kind: CutKind,
    /// Bytes of upper-layer payload in each packet but the last, which may have less.
    pub payload_len: u16,
}

/// What is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CutKind {
    /// A TCP segment (RFC 9293).
    Tcp,
    /// UDP datagrams of one flow, in one.
    Udp,
}

const TCP_SEQUENCE: usize = 4;
const TCP_OFFSET: usize = 12;
const TCP_FLAGS: usize = 13;
const TCP_CHECKSUM: usize = 16;
const UDP_LEN: usize = 4;
const UDP_CHECKSUM: usize = 6;
const UDP_HEADER_LEN: usize = 8;
const TCP_HEADER_LEN: usize = 20;
const V4_TOTAL_LEN: usize = 2;
const V4_ID: usize = 4;
const V4_FRAGMENT: usize = 6;
const V4_PROTO: usize = 9;
const V4_CHECKSUM: usize = 10;
const V6_PAYLOAD_LEN: usize = 4;
const V6_NEXT: usize = 6;
const DONT_FRAGMENT: u16 = 0x4000;
const MORE_OR_OFFSET: u16 = 0x3FFF;

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const PSH: u8 = 0x08;
const ACK: u8 = 0x10;
const CWR: u8 = 0x80;

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    let field = bytes.get(at..)?.first_chunk::<2>()?;
    Some(u16::from_be_bytes(*field))
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    let field = bytes.get(at..)?.first_chunk::<4>()?;
    Some(u32::from_be_bytes(*field))
}

/// Writes a field of a header that was measured before; beyond it, nothing.
fn put<const LEN: usize>(bytes: &mut [u8], at: usize, value: [u8; LEN]) {
    let field = bytes.get_mut(at..).and_then(<[u8]>::first_chunk_mut);
    if let Some(field) = field {
        *field = value;
    }
}
