//! ICMP errors about a packet: RFC 792, 1122, 1191 and 1812 for IPv4, RFC 4443 for IPv6.
//!
//! [`icmp_error`] knows when there must be none: about an ICMP error or redirect, a later IPv4
//! fragment, or a packet to or from an address that is not one node's. How often is the
//! caller's to limit.
//!
//! | error | ICMPv4 | ICMPv6 |
//! |---|---|---|
//! | prohibited | 3, 13 | 1, 1 |
//! | no route | 3, 0 | 1, 0 |
//! | address unreachable | 3, 1 | 1, 3 |
//! | packet too big | 3, 4 | 2, 0 |
//! | hop limit exceeded | 11, 0 | 3, 0 |

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{IPV4_HEADER_LEN, IPV6_HEADER_LEN, IpView, checksum, proto};
use crate::codec::Writer;

/// Largest ICMPv4 error in bytes (RFC 1812, section 4.3.2.3).
pub const ICMPV4_ERROR_LEN_MAX: usize = 576;
/// Largest ICMPv6 error in bytes (RFC 4443, section 2.4).
pub const ICMPV6_ERROR_LEN_MAX: usize = 1_280;

const ICMP_HEADER_LEN: usize = 8;
const HOP_LIMIT: u8 = 64;

/// What an ICMP error says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IcmpError {
    /// A rule does not allow it.
    AdminProhibited,
    /// Nobody knows the way.
    NoRoute,
    /// The way is known, but who should be there does not answer.
    AddressUnreachable,
    /// It does not fit; `mtu` in bytes would.
    PacketTooBig {
        /// The largest packet that fits, in bytes.
        mtu: u16,
    },
    /// It was forwarded too often.
    HopLimitExceeded,
}

impl IcmpError {
    fn v4(self) -> (u8, u8, u32) {
        match self {
            IcmpError::AdminProhibited => (3, 13, 0),
            IcmpError::NoRoute => (3, 0, 0),
            IcmpError::AddressUnreachable => (3, 1, 0),
            IcmpError::PacketTooBig { mtu } => (3, 4, u32::from(mtu)),
            IcmpError::HopLimitExceeded => (11, 0, 0),
        }
    }

    fn v6(self) -> (u8, u8, u32) {
        match self {
            IcmpError::AdminProhibited => (1, 1, 0),
            IcmpError::NoRoute => (1, 0, 0),
            IcmpError::AddressUnreachable => (1, 3, 0),
            IcmpError::PacketTooBig { mtu } => (2, 0, u32::from(mtu)),
            IcmpError::HopLimitExceeded => (3, 0, 0),
        }
    }
}

/// The error `error` about `packet`, sent by `from` to the packet's source; `None` when there
/// must be none, when `packet` is malformed, or when `from` is of the other family.
pub fn icmp_error(packet: &[u8], error: IcmpError, from: IpAddr) -> Option<Vec<u8>> {
    let view = IpView::parse(packet).ok()?;
    if view.is_icmp_error() {
        return None;
    }
    match (view.src(), view.dst(), from) {
        (IpAddr::V4(src), IpAddr::V4(dst), IpAddr::V4(from)) => {
            let allowed = is_one_node_v4(src) && is_one_node_v4(dst) && !view.is_later_fragment();
            allowed.then(|| error_v4(packet, error, from, src))
        }
        (IpAddr::V6(src), IpAddr::V6(dst), IpAddr::V6(from)) => {
            let too_big = matches!(error, IcmpError::PacketTooBig { .. });
            let allowed = is_one_node_v6(src) && (is_one_node_v6(dst) || too_big);
            allowed.then(|| error_v6(packet, error, from, src))
        }
        _ => None,
    }
}

fn is_one_node_v4(addr: Ipv4Addr) -> bool {
    let [first, ..] = addr.octets();
    !addr.is_loopback() && first != 0 && first < 224
}

fn is_one_node_v6(addr: Ipv6Addr) -> bool {
    !addr.is_unspecified() && !addr.is_multicast() && !addr.is_loopback()
}

fn error_v4(packet: &[u8], error: IcmpError, from: Ipv4Addr, to: Ipv4Addr) -> Vec<u8> {
    let (kind, code, rest) = error.v4();
    let room = ICMPV4_ERROR_LEN_MAX - IPV4_HEADER_LEN - ICMP_HEADER_LEN;
    let quoted = packet.get(..room).unwrap_or(packet);
    let message = message(kind, code, rest, quoted, |message| {
        checksum::checksum(message)
    });
    let total_len = u16::try_from(IPV4_HEADER_LEN + message.len()).unwrap_or(u16::MAX);
    let header = |checksum: u16| {
        let mut out = Writer::with_capacity(ICMPV4_ERROR_LEN_MAX);
        out.u8(0x45)
            .u8(0)
            .u16(total_len)
            .u32(0)
            .u8(HOP_LIMIT)
            .u8(proto::ICMP)
            .u16(checksum);
        out.bytes(&from.octets()).bytes(&to.octets());
        out
    };
    let mut out = header(checksum::checksum(header(0).as_slice()));
    out.bytes(&message);
    out.finish()
}

fn error_v6(packet: &[u8], error: IcmpError, from: Ipv6Addr, to: Ipv6Addr) -> Vec<u8> {
    let (kind, code, rest) = error.v6();
    let room = ICMPV6_ERROR_LEN_MAX - IPV6_HEADER_LEN - ICMP_HEADER_LEN;
    let quoted = packet.get(..room).unwrap_or(packet);
    let message = message(kind, code, rest, quoted, |message| {
        checksum::upper_checksum(from.into(), to.into(), proto::ICMPV6, message)
    });
    let payload_len = u16::try_from(message.len()).unwrap_or(u16::MAX);
    let mut out = Writer::with_capacity(ICMPV6_ERROR_LEN_MAX);
    out.u32(0x6000_0000)
        .u16(payload_len)
        .u8(proto::ICMPV6)
        .u8(HOP_LIMIT);
    out.bytes(&from.octets())
        .bytes(&to.octets())
        .bytes(&message);
    out.finish()
}

/// Type ‖ code ‖ checksum ‖ rest ‖ the packet quoted.
fn message(
    kind: u8,
    code: u8,
    rest: u32,
    quoted: &[u8],
    checksum: impl FnOnce(&[u8]) -> u16,
) -> Vec<u8> {
    let write = |checksum: u16| {
        let mut out = Writer::with_capacity(ICMP_HEADER_LEN + quoted.len());
        out.u8(kind).u8(code).u16(checksum).u32(rest).bytes(quoted);
        out.finish()
    };
    write(checksum(&write(0)))
}

/// Whether a type of ICMP (`proto` says which version) is an echo request or reply.
pub(super) fn is_echo(proto: u8, kind: u8) -> bool {
    match proto {
        proto::ICMP => matches!(kind, 0 | 8),
        proto::ICMPV6 => matches!(kind, 128 | 129),
        _ => false,
    }
}

/// Whether a type of ICMP is an error or a redirect.
pub(super) fn is_error(proto: u8, kind: u8) -> bool {
    match proto {
        proto::ICMP => matches!(kind, 3 | 4 | 5 | 11 | 12),
        proto::ICMPV6 => kind < 128 || kind == 137,
        _ => false,
    }
}
