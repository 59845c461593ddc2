//! The Internet checksum: whole (RFC 1071), incremental (RFC 1624), with a pseudo-header
//! (RFC 768, RFC 8200).

use std::net::IpAddr;

/// The checksum of `bytes`; 0 when the bytes contain their own right checksum.
pub fn checksum(bytes: &[u8]) -> u16 {
    finish(sum(bytes))
}

/// The checksum of TCP, UDP or ICMPv6: over the pseudo-header and `upper`. Both addresses must
/// be of one family. (ICMPv4 has no pseudo-header: use [`checksum`].)
pub fn upper_checksum(src: IpAddr, dst: IpAddr, proto: u8, upper: &[u8]) -> u16 {
    let len = u64::try_from(upper.len()).unwrap_or(u64::MAX) & 0xFFFF_FFFF;
    finish(len + u64::from(proto) + sum_addr(src) + sum_addr(dst) + sum(upper))
}

/// `checksum` after one 16-bit word at an even offset changed from `old` to `new`.
pub fn updated(checksum: u16, old: u16, new: u16) -> u16 {
    finish(u64::from(!checksum) + u64::from(!old) + u64::from(new))
}

fn sum_addr(addr: IpAddr) -> u64 {
    match addr {
        IpAddr::V4(v4) => sum(&v4.octets()),
        IpAddr::V6(v6) => sum(&v6.octets()),
    }
}

/// The sum of `bytes` as 16-bit big-endian words, not complemented; an odd byte at the end counts
/// as the high one of a word. Sums of parts of even length may be added.
pub(crate) fn sum(bytes: &[u8]) -> u64 {
    // In the machine's own order: swapping the bytes of all words swaps those of the sum
    // (RFC 1071, section 2). It cannot overflow below 16 GiB.
    let (words, rest) = bytes.as_chunks::<4>();
    let total: u64 = words
        .iter()
        .map(|word| u64::from(u32::from_ne_bytes(*word)))
        .sum();
    let mut last = [0; 4];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    let folded = fold(total + u64::from(u32::from_ne_bytes(last)));
    u64::from(u16::from_be_bytes(folded.to_ne_bytes()))
}

/// The checksum of what was summed up.
pub(crate) fn finish(sum: u64) -> u16 {
    !fold(sum)
}

fn fold(mut sum: u64) -> u16 {
    while sum > 0xFFFF {
        sum = (sum >> 16) + (sum & 0xFFFF);
    }
    u16::try_from(sum).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_example_of_rfc_1071() {
        assert_eq!(
            checksum(&[0x00, 0x01, 0xF2, 0x03, 0xF4, 0xF5, 0xF6, 0xF7]),
            !0xDDF2
        );
        assert_eq!(checksum(&[]), 0xFFFF);
        assert_eq!(checksum(&[0xAB]), !0xAB00);
    }

    #[test]
    fn the_example_of_rfc_1624() {
        assert_eq!(updated(0xDD2F, 0x5555, 0x3285), 0x0000);
    }

    #[test]
    fn a_udp_datagram_over_ipv4() {
        let (src, dst) = (
            "192.168.0.31".parse().unwrap(),
            "192.168.0.30".parse().unwrap(),
        );
        let udp = [0, 20, 0, 10, 0, 10, 0, 0, b'H', b'i'];
        assert_eq!(upper_checksum(src, dst, 17, &udp), 0x35C5);
    }

    proptest! {
        #[test]
        fn it_is_the_plain_definition(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut plain = 0u32;
            for pair in bytes.chunks(2) {
                plain += u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |low| u32::from(*low));
                plain = (plain & 0xFFFF) + (plain >> 16);
            }
            prop_assert_eq!(checksum(&bytes), !(plain as u16));
        }

        #[test]
        fn an_update_is_a_recalculation(mut words in proptest::collection::vec(any::<u16>(), 2..20), at: usize, new: u16) {
            let bytes = |words: &[u16]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<_>>();
            let at = 1 + at % (words.len() - 1);
            words[0] = 0;
            words[0] = checksum(&bytes(&words));
            words[0] = updated(words[0], words[at], new);
            words[at] = new;
            prop_assert_eq!(checksum(&bytes(&words)), 0);
        }
    }
}
