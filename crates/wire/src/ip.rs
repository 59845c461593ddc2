//! IP packets of the inside: reading them, and changing the few fields that a tunnel changes.
//!
//! | module | what |
//! |---|---|
//! | [`checksum`] | the Internet checksum, whole (RFC 1071) and incremental (RFC 1624) |
//! | [`ecn`] | the ECN field (RFC 3168) and its rules in tunnels (RFC 6040) |
//! | [`icmp`] | ICMP errors about a packet (RFC 792, RFC 4443) |
//! | [`neighbour`] | neighbour discovery, as a proxy passes it on (RFC 4861) |
//! | [`tcp`] | clamping the MSS of a SYN |
//! | [`udp`] | a whole datagram over IPv6: reading one, writing one |
//!
//! [`IpView::parse`] finds what a rule may ask about: addresses, protocol and ports behind up to
//! [`EXTENSIONS_MAX`] IPv6 extension headers. A packet whose ports a rule could not be sure of
//! is malformed: cut before its ports, or a TCP fragment at offset 1, which would rewrite
//! them (RFC 3128). Later fragments carry no ports and say so ([`IpView::is_later_fragment`]).
//!
//! It does not reassemble, and does not check the checksums of packets: their receiver does.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::codec::{Malformed, Reader};

pub mod checksum;
pub mod ecn;
pub mod icmp;
pub mod neighbour;
pub mod tcp;
pub mod udp;

pub use ecn::{Ecn, set_ecn};
pub use icmp::{IcmpError, icmp_error};
pub use neighbour::Discovery;
pub use tcp::clamp_tcp_mss;
pub use udp::Datagram6;

/// Largest number of IPv6 extension headers that are walked; more are malformed.
pub const EXTENSIONS_MAX: usize = 8;
/// Length of an IPv4 header without options, in bytes.
pub const IPV4_HEADER_LEN: usize = 20;
/// Length of the fixed IPv6 header in bytes.
pub const IPV6_HEADER_LEN: usize = 40;

/// Protocol numbers (IANA) that this crate knows by name.
pub mod proto {
    /// ICMP.
    pub const ICMP: u8 = 1;
    /// TCP.
    pub const TCP: u8 = 6;
    /// UDP.
    pub const UDP: u8 = 17;
    /// DCCP.
    pub const DCCP: u8 = 33;
    /// ICMPv6.
    pub const ICMPV6: u8 = 58;
    /// SCTP.
    pub const SCTP: u8 = 132;
    /// UDP-Lite.
    pub const UDP_LITE: u8 = 136;
}

const EXT_HOP_BY_HOP: u8 = 0;
const EXT_ROUTING: u8 = 43;
const EXT_FRAGMENT: u8 = 44;
const EXT_AUTHENTICATION: u8 = 51;
const EXT_DESTINATION: u8 = 60;

const TCP_SYN: u8 = 0x02;
const TCP_ACK: u8 = 0x10;

/// What one direction of a conversation has in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flow {
    /// Source address.
    pub src: IpAddr,
    /// Destination address.
    pub dst: IpAddr,
    /// Protocol behind the extension headers.
    pub proto: u8,
    /// Source port; of an ICMP echo its identifier; 0 where there is none.
    pub src_port: u16,
    /// Destination port; of an ICMP echo its identifier; 0 where there is none.
    pub dst_port: u16,
}

impl Flow {
    /// The other direction.
    pub fn reversed(self) -> Flow {
        Flow {
            src: self.dst,
            dst: self.src,
            proto: self.proto,
            src_port: self.dst_port,
            dst_port: self.src_port,
        }
    }
}

/// A well-formed IPv4 or IPv6 packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpView<'a> {
    packet: &'a [u8],
    upper: &'a [u8],
    flow: Flow,
    fragment_offset: u16,
    more_fragments: bool,
    tcp_flags: u8,
    icmp: Option<(u8, u8)>,
}

impl<'a> IpView<'a> {
    /// Reads a packet. Errors: not IPv4 or IPv6, a length field that is not the length of
    /// `packet`, a header cut short, too many extension headers, or ports that are not there.
    pub fn parse(packet: &'a [u8]) -> Result<IpView<'a>, Malformed> {
        let view = match packet.first().map(|byte| byte >> 4) {
            Some(4) => Self::parse_v4(packet)?,
            Some(6) => Self::parse_v6(packet)?,
            _ => return Err(Malformed { what: "IP version" }),
        };
        view.with_upper()
    }

    fn parse_v4(packet: &'a [u8]) -> Result<IpView<'a>, Malformed> {
        let mut reader = Reader::new(packet, "IPv4 packet");
        let malformed = reader.malformed();
        let header_len = usize::from(reader.u8()? & 0x0F) * 4;
        reader.u8()?;
        let total_len = usize::from(reader.u16()?);
        reader.u16()?;
        let fragment = reader.u16()?;
        reader.u8()?;
        let proto = reader.u8()?;
        reader.u16()?;
        let src = IpAddr::V4(Ipv4Addr::from(*reader.array()?));
        let dst = IpAddr::V4(Ipv4Addr::from(*reader.array()?));
        let options_len = header_len.checked_sub(IPV4_HEADER_LEN).ok_or(malformed)?;
        reader.take(options_len)?;
        if total_len != packet.len() {
            return Err(malformed);
        }
        let mut view = IpView::of(packet, reader.rest(), src, dst, proto);
        view.fragment_offset = fragment & 0x1FFF;
        view.more_fragments = fragment & 0x2000 != 0;
        Ok(view)
    }

    fn parse_v6(packet: &'a [u8]) -> Result<IpView<'a>, Malformed> {
        let mut reader = Reader::new(packet, "IPv6 packet");
        reader.u32()?;
        let payload_len = usize::from(reader.u16()?);
        let next = reader.u8()?;
        reader.u8()?;
        let src = IpAddr::V6(Ipv6Addr::from(*reader.array()?));
        let dst = IpAddr::V6(Ipv6Addr::from(*reader.array()?));
        if payload_len != reader.remaining() {
            return Err(reader.malformed());
        }
        let mut view = IpView::of(packet, &[], src, dst, next);
        view.walk_extensions(reader)?;
        Ok(view)
    }

    /// Walks to the upper layer, or to the fragment header of a later fragment.
    fn walk_extensions(&mut self, mut reader: Reader<'a>) -> Result<(), Malformed> {
        for _ in 0..=EXTENSIONS_MAX {
            let proto = self.flow.proto;
            let is_extension = matches!(
                proto,
                EXT_HOP_BY_HOP | EXT_ROUTING | EXT_FRAGMENT | EXT_AUTHENTICATION | EXT_DESTINATION
            );
            if !is_extension || self.fragment_offset != 0 {
                self.upper = reader.rest();
                return Ok(());
            }
            self.flow.proto = reader.u8()?;
            let len = usize::from(reader.u8()?);
            match proto {
                EXT_FRAGMENT => {
                    let field = reader.u16()?;
                    reader.u32()?;
                    self.fragment_offset = field >> 3;
                    self.more_fragments = field & 1 != 0;
                }
                EXT_AUTHENTICATION => {
                    reader.take(len * 4 + 6)?;
                }
                _ => {
                    reader.take(len * 8 + 6)?;
                }
            }
        }
        Err(Malformed {
            what: "IPv6 extension headers",
        })
    }

    fn of(packet: &'a [u8], upper: &'a [u8], src: IpAddr, dst: IpAddr, proto: u8) -> IpView<'a> {
        IpView {
            packet,
            upper,
            flow: Flow {
                src,
                dst,
                proto,
                src_port: 0,
                dst_port: 0,
            },
            fragment_offset: 0,
            more_fragments: false,
            tcp_flags: 0,
            icmp: None,
        }
    }

    /// Fills in what the upper layer says, unless this is a later fragment.
    fn with_upper(mut self) -> Result<IpView<'a>, Malformed> {
        if self.fragment_offset != 0 {
            if self.flow.proto == proto::TCP && self.fragment_offset == 1 {
                return Err(Malformed {
                    what: "TCP fragment",
                });
            }
            return Ok(self);
        }
        let mut reader = Reader::new(self.upper, "upper-layer header");
        match self.flow.proto {
            proto::TCP => {
                (self.flow.src_port, self.flow.dst_port) = (reader.u16()?, reader.u16()?);
                reader.u64()?;
                let [_, flags] = *reader.array::<2>()?;
                self.tcp_flags = flags;
            }
            proto::UDP | proto::UDP_LITE | proto::SCTP | proto::DCCP => {
                (self.flow.src_port, self.flow.dst_port) = (reader.u16()?, reader.u16()?);
            }
            proto::ICMP | proto::ICMPV6 => {
                let (kind, code) = (reader.u8()?, reader.u8()?);
                self.icmp = Some((kind, code));
                if icmp::is_echo(self.flow.proto, kind) {
                    reader.u16()?;
                    let id = reader.u16()?;
                    (self.flow.src_port, self.flow.dst_port) = (id, id);
                }
            }
            _ => {}
        }
        Ok(self)
    }

    /// The packet.
    pub fn packet(&self) -> &'a [u8] {
        self.packet
    }

    /// What follows the last header walked.
    pub fn upper(&self) -> &'a [u8] {
        self.upper
    }

    /// Addresses, protocol and ports.
    pub fn flow(&self) -> Flow {
        self.flow
    }

    /// Source address.
    pub fn src(&self) -> IpAddr {
        self.flow.src
    }

    /// Destination address.
    pub fn dst(&self) -> IpAddr {
        self.flow.dst
    }

    /// Protocol behind the extension headers.
    pub fn proto(&self) -> u8 {
        self.flow.proto
    }

    /// Whether it is IPv6.
    pub fn is_v6(&self) -> bool {
        self.flow.src.is_ipv6()
    }

    /// TTL or hop limit.
    pub fn hop_limit(&self) -> u8 {
        let at = if self.is_v6() { V6_HOP_LIMIT } else { V4_TTL };
        self.packet.get(at).copied().unwrap_or_default()
    }

    /// The ECN field.
    pub fn ecn(&self) -> Ecn {
        ecn::of_packet(self.packet).unwrap_or(Ecn::NotEct)
    }

    /// Whether it is part of a larger packet.
    pub fn is_fragment(&self) -> bool {
        self.more_fragments || self.fragment_offset != 0
    }

    /// Whether it is a fragment other than the first: its flow has no ports, though the packet
    /// may have.
    pub fn is_later_fragment(&self) -> bool {
        self.fragment_offset != 0
    }

    /// Whether a router may cut it into fragments: IPv4 without DF.
    pub fn may_be_cut(&self) -> bool {
        let flags = self.packet.get(V4_FLAGS).copied().unwrap_or_default();
        !self.is_v6() && flags & V4_DONT_FRAGMENT == 0
    }

    /// Whether it is a TCP SYN, of either direction: only those say the MSS.
    pub fn is_tcp_handshake(&self) -> bool {
        self.tcp_flags & TCP_SYN != 0
    }

    /// Whether it opens a TCP connection (SYN without ACK).
    pub fn is_tcp_syn(&self) -> bool {
        self.tcp_flags & (TCP_SYN | TCP_ACK) == TCP_SYN
    }

    /// ICMP type and code, of either version.
    pub fn icmp(&self) -> Option<(u8, u8)> {
        self.icmp
    }

    /// Whether it is an ICMP echo request or reply.
    pub fn is_icmp_echo(&self) -> bool {
        self.icmp
            .is_some_and(|(kind, _)| icmp::is_echo(self.flow.proto, kind))
    }

    /// Whether it is an ICMP error, which no ICMP error may be sent about.
    pub fn is_icmp_error(&self) -> bool {
        self.icmp
            .is_some_and(|(kind, _)| icmp::is_error(self.flow.proto, kind))
    }
}

const V4_FLAGS: usize = 6;
const V4_DONT_FRAGMENT: u8 = 0x40;
const V4_TTL: usize = 8;
const V4_CHECKSUM: usize = 10;
const V6_HOP_LIMIT: usize = 7;

/// Decrements the TTL or hop limit and returns what is left; `None`, and the packet unchanged,
/// when it was 0 or 1 already or this is no IP packet.
pub fn decrement_hop_limit(packet: &mut [u8]) -> Option<u8> {
    let is_v6 = match packet.first()? >> 4 {
        4 => false,
        6 => true,
        _ => return None,
    };
    let at = if is_v6 { V6_HOP_LIMIT } else { V4_TTL };
    let header_len = if is_v6 {
        IPV6_HEADER_LEN
    } else {
        IPV4_HEADER_LEN
    };
    if packet.len() < header_len {
        return None;
    }
    let [field, protocol] = packet.get_mut(at..at + 2)? else {
        return None;
    };
    let left = field.checked_sub(1).filter(|left| *left > 0)?;
    *field = left;
    if !is_v6 {
        let protocol = *protocol;
        let old = u16::from_be_bytes([left + 1, protocol]);
        update_v4_checksum(packet, old, u16::from_be_bytes([left, protocol]));
    }
    Some(left)
}

/// Adjusts an IPv4 header checksum to a word of the header that changed.
fn update_v4_checksum(packet: &mut [u8], old: u16, new: u16) {
    let field = packet.get_mut(V4_CHECKSUM..V4_CHECKSUM + 2);
    if let Some([high, low]) = field {
        let sum = checksum::updated(u16::from_be_bytes([*high, *low]), old, new);
        [*high, *low] = sum.to_be_bytes();
    }
}

#[cfg(test)]
#[path = "ip/tests.rs"]
mod tests;
