//! Clamping the maximum segment size of a SYN (RFC 9293, section 3.7.1), so that connections
//! fit the tunnel without path MTU discovery.

use super::{IPV4_HEADER_LEN, IPV6_HEADER_LEN, IpView, checksum, proto};

/// Length of a TCP header without options, in bytes.
pub const TCP_HEADER_LEN: usize = 20;
/// Smallest MSS that a clamp sets (RFC 9293's default for IPv4), in bytes.
pub const MSS_MIN: u16 = 536;

const OPTION_END: u8 = 0;
const OPTION_NOP: u8 = 1;
const OPTION_MSS: u8 = 2;
const CHECKSUM_AT: usize = 16;
const SYN: u8 = 0x02;

/// The largest segment that fits an inner MTU of `mtu` bytes, at least [`MSS_MIN`].
pub fn mss_of_mtu(mtu: u16, is_v6: bool) -> u16 {
    let ip = if is_v6 {
        IPV6_HEADER_LEN
    } else {
        IPV4_HEADER_LEN
    };
    let headers = u16::try_from(ip + TCP_HEADER_LEN).unwrap_or(u16::MAX);
    mtu.saturating_sub(headers).max(MSS_MIN)
}

/// Lowers the MSS option of a SYN or SYN-ACK to `mss_max` and keeps the checksum right; returns
/// whether the packet changed. Anything else, and a SYN without the option, stays as it is.
pub fn clamp_tcp_mss(packet: &mut [u8], mss_max: u16) -> bool {
    let Some((upper_at, option_at)) = find_mss(packet) else {
        return false;
    };
    let Some(segment) = packet.get_mut(upper_at..) else {
        return false;
    };
    let Some([high, low]) = segment.get_mut(option_at..option_at + 2) else {
        return false;
    };
    let (old, new) = (u16::from_be_bytes([*high, *low]), mss_max.max(MSS_MIN));
    if old <= new {
        return false;
    }
    [*high, *low] = new.to_be_bytes();
    // At an odd offset the two bytes lie in two words of the sum, in the other order.
    let word = |value: u16| {
        if option_at % 2 == 0 {
            value
        } else {
            value.swap_bytes()
        }
    };
    if let Some([high, low]) = segment.get_mut(CHECKSUM_AT..CHECKSUM_AT + 2) {
        let sum = u16::from_be_bytes([*high, *low]);
        [*high, *low] = checksum::updated(sum, word(old), word(new)).to_be_bytes();
    }
    true
}

/// Where the TCP header starts in the packet, and the value of its MSS option in the header.
fn find_mss(packet: &[u8]) -> Option<(usize, usize)> {
    let view = IpView::parse(packet).ok()?;
    let header = view.upper();
    if view.proto() != proto::TCP || view.is_fragment() || header.get(13)? & SYN == 0 {
        return None;
    }
    let header_len = usize::from(header.get(12)? >> 4) * 4;
    let header = header.get(..header_len)?;
    let mut at = TCP_HEADER_LEN;
    // Every turn but the last moves on by at least one of at most 40 bytes.
    while at < header_len {
        match *header.get(at)? {
            OPTION_END => return None,
            OPTION_NOP => at += 1,
            kind => {
                let len = usize::from(*header.get(at + 1)?);
                if len < 2 {
                    return None;
                }
                if kind == OPTION_MSS && len == 4 {
                    header.get(at + 2..at + 4)?;
                    return Some((packet.len() - view.upper().len(), at + 2));
                }
                at += len;
            }
        }
    }
    None
}
