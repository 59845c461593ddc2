//! Joining packets of one flow, in order, into a frame.
//!
//! Nothing is copied but the headers: a [`Joined`] is the headers of the frame and where the
//! payloads are in the caller's buffer. A packet joins what came before only if cutting the frame
//! would give it back: same addresses, ports and options, next in sequence, right checksums, and
//! no shorter one before it.
//!
//! | limit | value |
//! |---|---|
//! | bytes of a frame | 65,535 |
//! | packets of a frame | [`PACKETS_MAX`] |

use super::cut::{addresses_sum, ip_header};
use super::{
    ACK, CWR, Cut, CutKind, DONT_FRAGMENT, FIN, Offload, PSH, RST, SYN, TCP_CHECKSUM, TCP_FLAGS,
    TCP_HEADER_LEN, TCP_OFFSET, TCP_SEQUENCE, UDP_CHECKSUM, UDP_HEADER_LEN, UDP_LEN, Unfinished,
    V4_CHECKSUM, V4_FRAGMENT, V4_ID, V4_TOTAL_LEN, V6_PAYLOAD_LEN, be16, be32, put,
};
use crate::ip::{IPV4_HEADER_LEN, IPV6_HEADER_LEN, checksum, proto};
use std::ops::Range;

/// Packets in one frame at most: what Linux cuts UDP into at most, before 6.7.
pub const PACKETS_MAX: usize = 64;
/// An IPv6 header and the longest TCP header, in bytes.
const HEADERS_LEN_MAX: usize = IPV6_HEADER_LEN + 60;
const FRAME_LEN_MAX: usize = 65_535;

/// What happened to a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offered {
    /// It is part of the frame that is being made.
    Taken,
    /// The frame has to be taken out first; then offer it again.
    Full,
    /// It is none that can be joined: it goes out by itself, after the frame.
    Alone,
}

/// Joins packets.
#[derive(Debug)]
pub struct Joiner {
    kinds: Kinds,
    headers: [u8; HEADERS_LEN_MAX],
    first: Option<Parsed>,
    next_sequence: u32,
    /// No packet may follow: the last one was shorter, or ends something.
    is_closed: bool,
    payload_len: usize,
    payloads: [Range<usize>; PACKETS_MAX],
    count: usize,
}

/// Which kinds may be joined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kinds {
    /// TCP segments.
    pub tcp: bool,
    /// UDP datagrams.
    pub udp: bool,
}

/// A frame out of packets, or the single packet that came.
#[derive(Debug)]
pub struct Joined<'a> {
    /// Its headers, with the lengths of the frame; the upper-layer checksum is unfinished.
    pub headers: &'a [u8],
    /// Where its payload is, in order.
    pub payloads: &'a [Range<usize>],
    /// What the kernel is to do about it.
    pub offload: Offload,
}

/// What matters of one packet.
#[derive(Clone, Copy, Debug)]
struct Parsed {
    kind: CutKind,
    is_v6: bool,
    ip_len: usize,
    headers_len: usize,
    payload_len: usize,
}

impl Joiner {
    /// One that joins these kinds.
    #[must_use]
    pub fn new(kinds: Kinds) -> Self {
        Self {
            kinds,
            headers: [0; HEADERS_LEN_MAX],
            first: None,
            next_sequence: 0,
            is_closed: false,
            payload_len: 0,
            payloads: std::array::from_fn(|_| 0..0),
            count: 0,
        }
    }

    /// Offers a packet that begins at `at` in the caller's buffer.
    pub fn offer(&mut self, packet: &[u8], at: usize) -> Offered {
        let parsed = self.parse(packet).filter(|parsed| parsed.is_right(packet));
        let Some(parsed) = parsed else {
            return Offered::Alone;
        };
        if self.first.is_none() {
            self.begin(parsed, packet);
        } else if !self.fits(&parsed, packet) {
            return Offered::Full;
        }
        let flags = packet.get(parsed.ip_len + TCP_FLAGS).copied();
        let flags = flags.filter(|_| parsed.kind == CutKind::Tcp).unwrap_or(0);
        if let Some(into) = self.headers.get_mut(parsed.ip_len + TCP_FLAGS)
            && parsed.kind == CutKind::Tcp
        {
            *into |= flags & PSH;
        }
        let first_len = self.first.map_or(0, |first| first.payload_len);
        self.is_closed = parsed.payload_len < first_len || flags & PSH != 0;
        self.next_sequence = self.next_sequence.wrapping_add(parsed.payload_len as u32);
        self.payload_len += parsed.payload_len;
        let start = at + parsed.headers_len;
        if let Some(place) = self.payloads.get_mut(self.count) {
            *place = start..start + parsed.payload_len;
            self.count += 1;
        }
        Offered::Taken
    }

    /// Takes out what was joined, if anything was.
    pub fn take(&mut self) -> Option<Joined<'_>> {
        let first = self.first.take()?;
        let headers = self.headers.get_mut(..first.headers_len)?;
        let len = first.headers_len + self.payload_len;
        first.write_lengths(headers, len)?;
        let at = match first.kind {
            CutKind::Tcp => TCP_CHECKSUM,
            CutKind::Udp => UDP_CHECKSUM,
        };
        let upper_len = (len - first.ip_len) as u64;
        let pseudo = first.pseudo(headers)? + upper_len;
        // The field holds the sum, not its complement, until somebody finishes it.
        let sum = !checksum::finish(pseudo);
        put(headers, first.ip_len + at, sum.to_be_bytes());
        let cut = (self.count > 1).then_some(Cut {
            kind: first.kind,
            payload_len: u16::try_from(first.payload_len).ok()?,
        });
        let checksum = Some(Unfinished {
            start: u16::try_from(first.ip_len).ok()?,
            offset: u16::try_from(at).ok()?,
        });
        Some(Joined {
            headers,
            payloads: self.payloads.get(..self.count)?,
            offload: Offload { checksum, cut },
        })
    }

    fn begin(&mut self, parsed: Parsed, packet: &[u8]) {
        let headers = packet.get(..parsed.headers_len).unwrap_or_default();
        for (to, from) in self.headers.iter_mut().zip(headers) {
            *to = *from;
        }
        let sequence = be32(packet, parsed.ip_len + TCP_SEQUENCE);
        self.next_sequence = sequence.unwrap_or_default();
        self.first = Some(parsed);
        self.payload_len = 0;
        self.count = 0;
        self.is_closed = false;
    }

    /// Whether a packet continues the frame.
    fn fits(&self, parsed: &Parsed, packet: &[u8]) -> bool {
        let Some(first) = &self.first else {
            return false;
        };
        let frame_len = first.headers_len + self.payload_len + parsed.payload_len;
        let same = (parsed.kind, parsed.is_v6) == (first.kind, first.is_v6)
            && (parsed.ip_len, parsed.headers_len) == (first.ip_len, first.headers_len);
        same && !self.is_closed
            && self.count < PACKETS_MAX
            && parsed.payload_len <= first.payload_len
            && frame_len <= FRAME_LEN_MAX
            && self.continues(parsed, packet)
    }

    /// Whether the headers differ only in what cutting the frame would change.
    fn continues(&self, parsed: &Parsed, packet: &[u8]) -> bool {
        let equal = |range: Range<usize>| self.headers.get(range.clone()) == packet.get(range);
        let ip = if parsed.is_v6 {
            equal(0..V6_PAYLOAD_LEN) && equal(V6_PAYLOAD_LEN + 2..IPV6_HEADER_LEN)
        } else {
            equal(0..V4_TOTAL_LEN)
                && equal(V4_FRAGMENT..V4_CHECKSUM)
                && equal(V4_CHECKSUM + 2..IPV4_HEADER_LEN)
                && self.id_continues(packet)
        };
        let at = parsed.ip_len;
        let upper = match parsed.kind {
            CutKind::Udp => equal(at..at + UDP_LEN),
            CutKind::Tcp => {
                be32(packet, at + TCP_SEQUENCE) == Some(self.next_sequence)
                    && equal(at..at + TCP_SEQUENCE)
                    && equal(at + TCP_SEQUENCE + 4..at + TCP_FLAGS)
                    && self.flags(at).map(|flags| flags & !PSH)
                        == packet.get(at + TCP_FLAGS).map(|flags| flags & !PSH)
                    && equal(at + TCP_FLAGS + 1..at + TCP_CHECKSUM)
                    && equal(at + TCP_CHECKSUM + 2..parsed.headers_len)
            }
        };
        ip && upper
    }

    fn flags(&self, upper_at: usize) -> Option<u8> {
        self.headers.get(upper_at + TCP_FLAGS).copied()
    }

    /// IPv4 identifications count up where they mean anything (RFC 6864).
    fn id_continues(&self, packet: &[u8]) -> bool {
        let may_be_cut = be16(packet, V4_FRAGMENT).is_none_or(|bits| bits & DONT_FRAGMENT == 0);
        let first = be16(&self.headers, V4_ID).unwrap_or_default();
        let expected = first.wrapping_add(self.count as u16);
        !may_be_cut || be16(packet, V4_ID) == Some(expected)
    }

    /// Measures a packet; `None` if nothing can be joined to it.
    fn parse(&self, packet: &[u8]) -> Option<Parsed> {
        let is_v6 = match packet.first()? >> 4 {
            4 => false,
            6 => true,
            _ => return None,
        };
        let (ip_len, protocol) = ip_header(packet, is_v6)?;
        let kind = match protocol {
            proto::TCP if self.kinds.tcp => CutKind::Tcp,
            proto::UDP if self.kinds.udp => CutKind::Udp,
            _ => return None,
        };
        let upper = packet.get(ip_len..)?;
        let upper_len = match kind {
            CutKind::Tcp => usize::from(upper.get(TCP_OFFSET)? >> 4) * 4,
            CutKind::Udp => UDP_HEADER_LEN,
        };
        let may = match kind {
            CutKind::Tcp => {
                let flags = upper.get(TCP_FLAGS)?;
                let other = FIN | SYN | RST | CWR | 0x20;
                // All ones is right, too, but a cut frame says 0.
                let is_plain = be16(upper, TCP_CHECKSUM)? != 0xFFFF;
                upper_len >= TCP_HEADER_LEN && flags & ACK != 0 && flags & other == 0 && is_plain
            }
            CutKind::Udp => {
                let len = usize::from(be16(upper, UDP_LEN)?);
                be16(upper, UDP_CHECKSUM)? != 0 && len == upper.len()
            }
        };
        let said_len = if is_v6 {
            usize::from(be16(packet, V6_PAYLOAD_LEN)?) + IPV6_HEADER_LEN
        } else {
            usize::from(be16(packet, V4_TOTAL_LEN)?)
        };
        let payload_len = upper.get(upper_len..)?.len();
        let plain = is_v6 || ip_len == IPV4_HEADER_LEN;
        (may && plain && payload_len > 0 && said_len == packet.len()).then_some(Parsed {
            kind,
            is_v6,
            ip_len,
            headers_len: ip_len + upper_len,
            payload_len,
        })
    }
}

impl Parsed {
    /// Whether its checksums are right: the frame will have its own.
    fn is_right(&self, packet: &[u8]) -> bool {
        let ip = packet.get(..self.ip_len).unwrap_or_default();
        let upper = packet.get(self.ip_len..).unwrap_or_default();
        let ip_is_right = self.is_v6 || checksum::checksum(ip) == 0;
        let sum = self.pseudo(packet).map(|pseudo| {
            let sum = pseudo + upper.len() as u64 + checksum::sum(upper);
            checksum::finish(sum)
        });
        ip_is_right && sum == Some(0)
    }

    /// The sum over addresses and protocol.
    fn pseudo(&self, packet: &[u8]) -> Option<u64> {
        let protocol = match self.kind {
            CutKind::Tcp => proto::TCP,
            CutKind::Udp => proto::UDP,
        };
        Some(addresses_sum(packet, self.is_v6)? + u64::from(protocol))
    }

    /// Writes the lengths of a frame of `len` bytes into its headers.
    fn write_lengths(&self, headers: &mut [u8], len: usize) -> Option<()> {
        if self.kind == CutKind::Udp {
            let len = u16::try_from(len - self.ip_len).ok()?;
            put(headers, self.ip_len + UDP_LEN, len.to_be_bytes());
        }
        if self.is_v6 {
            let len = u16::try_from(len - IPV6_HEADER_LEN).ok()?;
            put(headers, V6_PAYLOAD_LEN, len.to_be_bytes());
            return Some(());
        }
        put(
            headers,
            V4_TOTAL_LEN,
            u16::try_from(len).ok()?.to_be_bytes(),
        );
        put(headers, V4_CHECKSUM, [0, 0]);
        let sum = checksum::checksum(headers.get(..self.ip_len)?);
        put(headers, V4_CHECKSUM, sum.to_be_bytes());
        Some(())
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
