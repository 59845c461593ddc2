//! UDP over IPv6, whole: what a responder inside the node reads and writes (RFC 768, RFC 8200).
//!
//! Of packets that are forwarded only the ports are looked at ([`IpView`]); here nobody comes after,
//! so length and checksum are checked.

use std::net::{IpAddr, Ipv6Addr};

use super::{IPV6_HEADER_LEN, IpView, checksum::upper_checksum, proto};
use crate::codec::{Malformed, Reader, Unencodable, Writer};

/// Length of a UDP header in bytes.
pub const UDP_HEADER_LEN: usize = 8;

const HOP_LIMIT: u8 = 64;

/// A datagram with both of its ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram6<'a> {
    /// Where it comes from.
    pub src: (Ipv6Addr, u16),
    /// Where it goes.
    pub dst: (Ipv6Addr, u16),
    /// What is in it.
    pub payload: &'a [u8],
}

impl<'a> Datagram6<'a> {
    /// Reads the datagram of a packet. Errors: it is another packet than a whole datagram over IPv6, or its
    /// length or checksum is wrong.
    pub fn parse_view(view: &IpView<'a>) -> Result<Self, Malformed> {
        let malformed = Malformed {
            what: "UDP datagram",
        };
        let (IpAddr::V6(src), IpAddr::V6(dst)) = (view.src(), view.dst()) else {
            return Err(malformed);
        };
        if view.proto() != proto::UDP || view.is_fragment() {
            return Err(malformed);
        }
        let mut reader = Reader::new(view.upper(), "UDP datagram");
        let (src_port, dst_port) = (reader.u16()?, reader.u16()?);
        let (len, sum) = (reader.u16()?, reader.u16()?);
        let is_whole = usize::from(len) == view.upper().len();
        // Over IPv6 it is never left out.
        let is_right = upper_checksum(view.src(), view.dst(), proto::UDP, view.upper()) == 0;
        if !is_whole || !is_right || sum == 0 {
            return Err(malformed);
        }
        Ok(Self {
            src: (src, src_port),
            dst: (dst, dst_port),
            payload: reader.rest(),
        })
    }

    /// The packet. Errors: the payload is too long for one.
    pub fn encode(&self) -> Result<Vec<u8>, Unencodable> {
        let too_long = Unencodable {
            what: "UDP datagram",
        };
        let len = UDP_HEADER_LEN + self.payload.len();
        let len = u16::try_from(len).map_err(|_| too_long)?;
        let mut upper = Writer::with_capacity(len.into());
        upper.u16(self.src.1).u16(self.dst.1).u16(len).u16(0);
        upper.bytes(self.payload);
        let mut upper = upper.finish();
        let (src, dst) = (self.src.0.into(), self.dst.0.into());
        // 0 would say that there is none.
        let sum = match upper_checksum(src, dst, proto::UDP, &upper) {
            0 => u16::MAX,
            sum => sum,
        };
        if let Some(field) = upper.get_mut(6..UDP_HEADER_LEN) {
            field.copy_from_slice(&sum.to_be_bytes());
        }
        let mut packet = Writer::with_capacity(IPV6_HEADER_LEN + upper.len());
        packet.u32(6 << 28).u16(len).u8(proto::UDP).u8(HOP_LIMIT);
        packet.bytes(&self.src.0.octets());
        packet.bytes(&self.dst.0.octets()).bytes(&upper);
        Ok(packet.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_reads_back_and_one_wrong_bit_is_seen(
            ends: [(u128, u16); 2], payload in proptest::collection::vec(any::<u8>(), 0..100), at: usize, bit in 0..8u8
        ) {
            let [src, dst] = ends.map(|(address, port)| (Ipv6Addr::from(address), port));
            let datagram = Datagram6 { src, dst, payload: &payload };
            let mut packet = datagram.encode().unwrap();
            let read = |packet: &[u8]| {
                IpView::parse(packet).ok().and_then(|view| Datagram6::parse_view(&view).ok().map(|it| (it.src, it.dst, it.payload.to_vec())))
            };
            prop_assert_eq!(read(&packet), Some((src, dst, payload.clone())));
            // Behind the addresses: those of the header are covered only in part.
            let at = 8 + at % (packet.len() - 8);
            packet[at] ^= 1 << bit;
            prop_assert_eq!(read(&packet), None);
        }
    }

    #[test]
    fn what_is_too_long_is_refused() {
        let end = (Ipv6Addr::LOCALHOST, 1);
        let fits = vec![0; 65_535 - UDP_HEADER_LEN];
        let of = |payload: &[u8]| {
            let datagram = Datagram6 {
                src: end,
                dst: end,
                payload,
            };
            datagram.encode().map(|packet| packet.len())
        };
        assert_eq!(of(&fits), Ok(IPV6_HEADER_LEN + 65_535));
        assert!(of(&[fits, vec![0]].concat()).is_err());
    }
}
