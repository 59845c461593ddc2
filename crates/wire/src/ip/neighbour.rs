//! Neighbour solicitations and advertisements: RFC 4861, sections 4.3, 4.4 and 7.1.1.
//!
//! [`Solicitation::parse`] reads a whole IPv6 packet and makes all the checks of a receiver. A
//! solicitation behind extension headers is malformed here, though the RFC lets it be: nobody sends one.
//! Duplicate address detection (from `::`) is read, and never answered.
//!
//! | offset | size | field of either message |
//! |---:|---:|---|
//! | 0 | 1 | type: 135 asks, 136 answers |
//! | 1 | 1 | code: 0 |
//! | 2 | 2 | checksum |
//! | 4 | 4 | flags of an answer (solicited: bit 30); 0 in a question |
//! | 8 | 16 | target |
//! | 24 | 8 n | options: kind, length in units of 8 bytes (not 0), value |

use std::net::Ipv6Addr;

use super::{IPV6_HEADER_LEN, checksum, proto};
use crate::codec::{Malformed, Reader, Writer};

/// Length of an advertisement with a link-layer address, in bytes, from the IPv6 header on.
pub const ADVERTISEMENT_LEN: usize = IPV6_HEADER_LEN + MESSAGE_LEN + 8;

const MESSAGE_LEN: usize = 24;
const HOP_LIMIT: u8 = 255;
const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;
const SOLICITED: u32 = 0x4000_0000;
const SOURCE_LINK_LAYER: u8 = 1;
const TARGET_LINK_LAYER: u8 = 2;

/// A question who has an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Solicitation {
    /// Who asks; `::` looks for duplicates.
    pub src: Ipv6Addr,
    /// Whose address is asked for.
    pub target: Ipv6Addr,
}

impl Solicitation {
    /// Reads an IPv6 packet, without its link-layer header and without padding behind it. Errors:
    /// it is not a solicitation, or one that RFC 4861, section 7.1.1, has dropped.
    pub fn parse(packet: &[u8]) -> Result<Solicitation, Malformed> {
        let mut reader = Reader::new(packet, "neighbour solicitation");
        let malformed = reader.malformed();
        let version = reader.u32()? >> 28;
        let payload_len = usize::from(reader.u16()?);
        let (next, hop_limit) = (reader.u8()?, reader.u8()?);
        let src = Ipv6Addr::from(*reader.array::<16>()?);
        let dst = Ipv6Addr::from(*reader.array::<16>()?);
        let message = reader.rest();
        let whole = message.len() == payload_len && message.len() >= MESSAGE_LEN;
        if version != 6 || next != proto::ICMPV6 || hop_limit != HOP_LIMIT || !whole {
            return Err(malformed);
        }
        if checksum::upper_checksum(src.into(), dst.into(), proto::ICMPV6, message) != 0 {
            return Err(malformed);
        }
        let mut reader = Reader::new(message, "neighbour solicitation");
        let (kind, code) = (reader.u8()?, reader.u8()?);
        reader.u16()?;
        reader.u32()?;
        let target = Ipv6Addr::from(*reader.array::<16>()?);
        if (kind, code) != (SOLICITATION, 0) || target.is_multicast() || src.is_multicast() {
            return Err(malformed);
        }
        let tells_source = has_source_link_layer(reader.rest())?;
        if src.is_unspecified() && (tells_source || !is_solicited_node(dst)) {
            return Err(malformed);
        }
        Ok(Solicitation { src, target })
    }

    /// The answer that the target is at `mac`, as a proxy gives it: without the override flag, so
    /// that the target's own answer wins (RFC 4861, section 7.2.8). `None` for duplicate address
    /// detection, and for who asks for itself.
    pub fn answer(&self, mac: [u8; 6]) -> Option<Vec<u8>> {
        if self.src.is_unspecified() || self.src == self.target {
            return None;
        }
        let write = |sum: u16| {
            let mut out = Writer::with_capacity(MESSAGE_LEN + 8);
            out.u8(ADVERTISEMENT).u8(0).u16(sum).u32(SOLICITED);
            out.bytes(&self.target.octets());
            out.u8(TARGET_LINK_LAYER).u8(1).bytes(&mac);
            out.finish()
        };
        let (from, to) = (self.target.into(), self.src.into());
        let sum = checksum::upper_checksum(from, to, proto::ICMPV6, &write(0));
        let message = write(sum);
        let mut out = Writer::with_capacity(ADVERTISEMENT_LEN);
        out.u32(0x6000_0000)
            .u16(u16::try_from(message.len()).unwrap_or(u16::MAX))
            .u8(proto::ICMPV6)
            .u8(HOP_LIMIT);
        out.bytes(&self.target.octets())
            .bytes(&self.src.octets())
            .bytes(&message);
        Some(out.finish())
    }
}

/// Walks all options: one of length 0 makes the whole message malformed.
fn has_source_link_layer(mut options: &[u8]) -> Result<bool, Malformed> {
    let mut found = false;
    while !options.is_empty() {
        let mut reader = Reader::new(options, "neighbour discovery option");
        let malformed = reader.malformed();
        let (kind, units) = (reader.u8()?, usize::from(reader.u8()?));
        found |= kind == SOURCE_LINK_LAYER;
        options = match units {
            0 => return Err(malformed),
            _ => options.get(units * 8..).ok_or(malformed)?,
        };
    }
    Ok(found)
}

/// `ff02::1:ff00:0/104`.
fn is_solicited_node(addr: Ipv6Addr) -> bool {
    matches!(addr.segments(), [0xFF02, 0, 0, 0, 0, 1, low, _] if low >> 8 == 0xFF)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ip(text: &str) -> Ipv6Addr {
        text.parse().unwrap()
    }

    fn asked(src: Ipv6Addr, dst: Ipv6Addr, target: Ipv6Addr, options: &[u8]) -> Vec<u8> {
        let write = |sum: u16| {
            let head = [&[135, 0][..], &sum.to_be_bytes(), &[0; 4]].concat();
            [&head[..], &target.octets(), options].concat()
        };
        let sum = checksum::upper_checksum(src.into(), dst.into(), 58, &write(0));
        let message = write(sum);
        let len = (message.len() as u16).to_be_bytes();
        let head = [0x60, 0, 0, 0, len[0], len[1], 58, 255];
        [&head[..], &src.octets(), &dst.octets(), &message].concat()
    }

    const MAC: [u8; 8] = [1, 1, 2, 0, 0, 0, 0, 9];

    fn usual() -> Vec<u8> {
        asked(
            ip("2001:db8::9"),
            ip("ff02::1:ff00:7"),
            ip("2001:db8::7"),
            &MAC,
        )
    }

    #[test]
    fn a_solicitation_is_read_and_answered() {
        let asks = Solicitation::parse(&usual()).unwrap();
        assert_eq!(
            (asks.src, asks.target),
            (ip("2001:db8::9"), ip("2001:db8::7"))
        );
        let answer = asks.answer([2, 0, 0, 0, 0, 1]).unwrap();
        assert_eq!(answer.len(), ADVERTISEMENT_LEN);
        assert_eq!(answer[..8], [0x60, 0, 0, 0, 0, 32, 58, 255]);
        assert_eq!(answer[8..24], asks.target.octets());
        assert_eq!(answer[24..40], asks.src.octets());
        let (from, to) = (asks.target.into(), asks.src.into());
        assert_eq!(checksum::upper_checksum(from, to, 58, &answer[40..]), 0);
        assert_eq!(answer[40..42], [136, 0]);
        assert_eq!(answer[44..48], [0x40, 0, 0, 0]);
        assert_eq!(answer[48..64], asks.target.octets());
        assert_eq!(answer[64..], [2, 1, 2, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn nobody_is_told_that_its_own_address_is_taken() {
        let (none, own) = (Ipv6Addr::UNSPECIFIED, ip("2001:db8::9"));
        let group = ip("ff02::1:ff00:9");
        for src in [none, own] {
            let asks = Solicitation::parse(&asked(src, group, own, &[])).unwrap();
            assert_eq!(asks.answer([2; 6]), None);
        }
        // From nowhere it goes to the solicited-node group, and tells no address.
        assert!(Solicitation::parse(&asked(none, group, own, &MAC)).is_err());
        assert!(Solicitation::parse(&asked(none, ip("ff02::1"), own, &[])).is_err());
    }

    #[test]
    fn what_the_rfc_drops_is_malformed() {
        let (src, dst) = (ip("2001:db8::9"), ip("ff02::1:ff00:7"));
        let target = ip("2001:db8::7");
        assert!(Solicitation::parse(&asked(src, dst, ip("ff02::7"), &MAC)).is_err());
        for options in [
            &[1, 0, 0, 0, 0, 0, 0, 0][..],
            &[1, 2, 0, 0, 0, 0, 0, 0],
            &[1],
        ] {
            assert!(Solicitation::parse(&asked(src, dst, target, options)).is_err());
        }
        // The hop limit is not in the checksum: it is what keeps strangers beyond a router out.
        let mut far = usual();
        far[7] = 254;
        assert!(Solicitation::parse(&far).is_err());
        assert!(Solicitation::parse(&[&usual()[..], &[0]].concat()).is_err());
        for len in 0..usual().len() {
            assert!(Solicitation::parse(&usual()[..len]).is_err());
        }
    }

    proptest! {
        #[test]
        fn a_changed_message_is_malformed(at in 8usize..72, bit in 0u32..8) {
            let mut packet = usual();
            packet[at] ^= 1 << bit;
            prop_assert!(Solicitation::parse(&packet).is_err());
        }

        #[test]
        fn what_is_asked_is_read(src: [u8; 16], target: [u8; 16]) {
            let (src, target) = (Ipv6Addr::from(src), Ipv6Addr::from(target));
            let packet = asked(src, ip("ff02::1:ff00:7"), target, &[]);
            let good = !src.is_multicast() && !target.is_multicast();
            prop_assert_eq!(Solicitation::parse(&packet).ok(), good.then_some(Solicitation { src, target }));
        }

        #[test]
        fn anything_is_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            let _ = Solicitation::parse(&bytes);
        }
    }
}
