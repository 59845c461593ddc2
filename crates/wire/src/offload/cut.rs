//! Cutting a frame into the packets that go out, each with its own lengths and checksums.
//!
//! The rules are those of Linux's segmentation: the IPv4 identification counts up; of TCP's flags
//! FIN and PSH stay with the last packet and CWR with the first; every checksum is computed anew.
//! A frame that is not to be cut is one packet, whose checksum is finished where that is due.
//!
//! Limits: no fragments, and nothing but TCP or UDP right behind the IP header is cut.

use super::{
    CWR, CutKind, FIN, MORE_OR_OFFSET, Offload, PSH, TCP_CHECKSUM, TCP_FLAGS, TCP_HEADER_LEN,
    TCP_OFFSET, TCP_SEQUENCE, UDP_CHECKSUM, UDP_HEADER_LEN, UDP_LEN, Unfinished, V4_CHECKSUM,
    V4_FRAGMENT, V4_ID, V4_PROTO, V4_TOTAL_LEN, V6_NEXT, V6_PAYLOAD_LEN, be16, be32, put,
};
use crate::Malformed;
use crate::ip::{IPV4_HEADER_LEN, IPV6_HEADER_LEN, checksum, proto};

/// A frame about to be cut.
#[derive(Clone, Copy, Debug)]
pub struct Cutter<'a> {
    frame: &'a [u8],
    how: How,
}

#[derive(Clone, Copy, Debug)]
enum How {
    /// It is one packet.
    Whole(Option<Unfinished>),
    Cut(Plan),
}

/// What all packets of a frame have in common.
#[derive(Clone, Copy, Debug)]
struct Plan {
    kind: CutKind,
    is_v6: bool,
    /// Of the IP header, in bytes.
    ip_len: usize,
    /// Of both headers, in bytes.
    headers_len: usize,
    payload_len: usize,
    count: usize,
    /// The sum over addresses and protocol.
    pseudo: u64,
}

impl<'a> Cutter<'a> {
    /// Measures a frame.
    ///
    /// # Errors
    /// What is to be done does not fit what the frame is.
    pub fn new(frame: &'a [u8], offload: Offload) -> Result<Self, Malformed> {
        let malformed = Malformed { what: "frame" };
        let Some(cut) = offload.cut else {
            let field = offload.checksum.map(|sum| {
                let end = usize::from(sum.start) + usize::from(sum.offset) + 2;
                (sum, end)
            });
            if field.is_some_and(|(_, end)| end > frame.len()) {
                return Err(malformed);
            }
            let how = How::Whole(offload.checksum);
            return Ok(Self { frame, how });
        };
        let plan = Plan::of(frame, cut.kind, usize::from(cut.payload_len));
        let how = How::Cut(plan.ok_or(malformed)?);
        Ok(Self { frame, how })
    }

    /// How many packets it makes, at least 1.
    #[must_use]
    pub fn count(&self) -> usize {
        match self.how {
            How::Whole(_) => 1,
            How::Cut(plan) => plan.count,
        }
    }

    /// The length of the longest, which is that of all but the last, in bytes.
    #[must_use]
    pub fn packet_len_max(&self) -> usize {
        match self.how {
            How::Whole(_) => self.frame.len(),
            How::Cut(plan) => self.frame.len().min(plan.headers_len + plan.payload_len),
        }
    }

    /// Writes packet `number`, from 0, to the start of `out`; its length in bytes. `None` if there
    /// is no such packet, or it does not fit.
    pub fn write(&self, number: usize, out: &mut [u8]) -> Option<usize> {
        match self.how {
            How::Whole(sum) if number == 0 => {
                let packet = out.get_mut(..self.frame.len())?;
                packet.copy_from_slice(self.frame);
                if let Some(sum) = sum {
                    finish_checksum(packet, sum);
                }
                Some(packet.len())
            }
            How::Whole(_) => None,
            How::Cut(plan) => plan.write(self.frame, number, out),
        }
    }
}

/// Finishes a checksum whose field holds the sum over the pseudo-header.
fn finish_checksum(packet: &mut [u8], at: Unfinished) {
    let start = usize::from(at.start);
    let Some(covered) = packet.get_mut(start..) else {
        return;
    };
    let offset = usize::from(at.offset);
    // Of the checksums behind an IP header only that of UDP is there.
    let is_udp = offset == UDP_CHECKSUM;
    let sum = checksum_field(checksum::sum(covered), is_udp);
    put(covered, offset, sum.to_be_bytes());
}

/// What the field of a sum holds: 0 would mean "none" to UDP (RFC 768), and is 0 to TCP (RFC 9293).
fn checksum_field(sum: u64, is_udp: bool) -> u16 {
    match checksum::finish(sum) {
        0 if is_udp => 0xFFFF,
        field => field,
    }
}

impl Plan {
    fn of(frame: &[u8], kind: CutKind, payload_len: usize) -> Option<Self> {
        let is_v6 = match frame.first()? >> 4 {
            4 => false,
            6 => true,
            _ => return None,
        };
        let (ip_len, protocol) = ip_header(frame, is_v6)?;
        let upper = frame.get(ip_len..)?;
        let upper_len = match (kind, protocol) {
            (CutKind::Tcp, proto::TCP) => usize::from(upper.get(TCP_OFFSET)? >> 4) * 4,
            (CutKind::Udp, proto::UDP) => UDP_HEADER_LEN,
            _ => return None,
        };
        let least = match kind {
            CutKind::Tcp => TCP_HEADER_LEN,
            CutKind::Udp => UDP_HEADER_LEN,
        };
        let payload = upper.get(upper_len..)?;
        if upper_len < least || payload_len == 0 {
            return None;
        }
        Some(Self {
            kind,
            is_v6,
            ip_len,
            headers_len: ip_len + upper_len,
            payload_len,
            count: payload.len().div_ceil(payload_len).max(1),
            pseudo: addresses_sum(frame, is_v6)? + u64::from(protocol),
        })
    }

    fn write(&self, frame: &[u8], number: usize, out: &mut [u8]) -> Option<usize> {
        if number >= self.count {
            return None;
        }
        let before = number * self.payload_len;
        let payload = frame.get(self.headers_len + before..)?;
        let payload = payload.get(..self.payload_len).unwrap_or(payload);
        let len = self.headers_len + payload.len();
        let packet = out.get_mut(..len)?;
        let (headers, rest) = packet.split_at_mut_checked(self.headers_len)?;
        headers.copy_from_slice(frame.get(..self.headers_len)?);
        rest.copy_from_slice(payload);
        let (ip, upper) = headers.split_at_mut_checked(self.ip_len)?;
        self.write_ip(ip, number, len)?;
        match self.kind {
            CutKind::Tcp => self.write_tcp(upper, number, before)?,
            CutKind::Udp => {
                let len = u16::try_from(UDP_HEADER_LEN + payload.len()).ok()?;
                put(upper, UDP_LEN, len.to_be_bytes());
            }
        }
        let at = match self.kind {
            CutKind::Tcp => TCP_CHECKSUM,
            CutKind::Udp => UDP_CHECKSUM,
        };
        put(upper, at, [0, 0]);
        let upper_len = (len - self.ip_len) as u64;
        let sum = self.pseudo + upper_len + checksum::sum(upper) + checksum::sum(rest);
        let sum = checksum_field(sum, self.kind == CutKind::Udp);
        put(upper, at, sum.to_be_bytes());
        Some(len)
    }

    fn write_ip(&self, ip: &mut [u8], number: usize, len: usize) -> Option<()> {
        if self.is_v6 {
            let len = u16::try_from(len - IPV6_HEADER_LEN).ok()?;
            put(ip, V6_PAYLOAD_LEN, len.to_be_bytes());
            return Some(());
        }
        put(ip, V4_TOTAL_LEN, u16::try_from(len).ok()?.to_be_bytes());
        let id = be16(ip, V4_ID)?.wrapping_add(number as u16);
        put(ip, V4_ID, id.to_be_bytes());
        put(ip, V4_CHECKSUM, [0, 0]);
        let sum = checksum::checksum(ip);
        put(ip, V4_CHECKSUM, sum.to_be_bytes());
        Some(())
    }

    fn write_tcp(&self, tcp: &mut [u8], number: usize, before: usize) -> Option<()> {
        let sequence = be32(tcp, TCP_SEQUENCE)?.wrapping_add(before as u32);
        put(tcp, TCP_SEQUENCE, sequence.to_be_bytes());
        let flags = tcp.get_mut(TCP_FLAGS)?;
        if number > 0 {
            *flags &= !CWR;
        }
        if number + 1 < self.count {
            *flags &= !(FIN | PSH);
        }
        Some(())
    }
}

/// The length of the IP header and what is behind it; `None` for a fragment or a header cut short.
pub(super) fn ip_header(packet: &[u8], is_v6: bool) -> Option<(usize, u8)> {
    if is_v6 {
        return Some((IPV6_HEADER_LEN, *packet.get(V6_NEXT)?));
    }
    let ip_len = usize::from(packet.first()? & 0x0F) * 4;
    let is_fragment = be16(packet, V4_FRAGMENT)? & MORE_OR_OFFSET != 0;
    let protocol = *packet.get(V4_PROTO)?;
    (ip_len >= IPV4_HEADER_LEN && !is_fragment).then_some((ip_len, protocol))
}

/// The sum over both addresses.
pub(super) fn addresses_sum(packet: &[u8], is_v6: bool) -> Option<u64> {
    let addresses = if is_v6 { 8..40 } else { 12..20 };
    Some(checksum::sum(packet.get(addresses)?))
}
