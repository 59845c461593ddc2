//! Neighbour discovery as an adapter passes it on between the two networks that it stands between: RFC 4861,
//! and RFC 4389 for what a proxy does with it.
//!
//! [`Discovery::parse`] reads a whole IPv6 packet and makes all the checks of a receiver. A message
//! behind extension headers is malformed here, though the RFC lets it be: nobody sends one. Duplicate address
//! detection (a solicitation from `::`) is read like any other.
//!
//! | offset | size | field of a neighbour's message | of a router's |
//! |---:|---:|---|---|
//! | 0 | 1 | type: 135 asks, 136 answers | 133 asks, 134 answers |
//! | 1 | 1 | code: 0 | 0 |
//! | 2 | 2 | checksum | checksum |
//! | 4 | 4 | flags of an answer; 0 in a question | hop limit, flags, lifetime of an answer |
//! | 8 | 16 | target | an answer's two timers (8), then options |
//! | 24 | 8 n | options: kind, length in units of 8 bytes (not 0), value | |

use std::net::Ipv6Addr;

use super::{IPV6_HEADER_LEN, checksum, proto};
use crate::codec::{Malformed, Reader, Writer};

/// Length of an advertisement with a link-layer address, in bytes, from the IPv6 header on.
pub const ADVERTISEMENT_LEN: usize = IPV6_HEADER_LEN + NEIGHBOUR_LEN + OPTION_UNIT;

const NEIGHBOUR_LEN: usize = 24;
const ROUTER_SOLICITATION_LEN: usize = 8;
const ROUTER_ADVERTISEMENT_LEN: usize = 16;
const OPTION_UNIT: usize = 8;
const HOP_LIMIT: u8 = 255;
const ROUTER_SOLICITATION: u8 = 133;
const ROUTER_ADVERTISEMENT: u8 = 134;
const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;
/// Whoever answers forwards: a proxy does, and a host that hears otherwise of its router drops its routes.
const ROUTER: u32 = 0x8000_0000;
const SOLICITED: u32 = 0x4000_0000;
const SOURCE_LINK_LAYER: u8 = 1;
const TARGET_LINK_LAYER: u8 = 2;

/// All nodes of a link.
pub const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xFF02, 0, 0, 0, 0, 0, 0, 1);
/// All routers of a link.
pub const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xFF02, 0, 0, 0, 0, 0, 0, 2);

/// A message of neighbour discovery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Discovery {
    /// Who has an address?
    Solicitation(Solicitation),
    /// Somebody has an address, as this says to all: the answer to whoever looks for duplicates.
    Taken(Ipv6Addr),
    /// Is there a router?
    RouterSolicitation,
    /// A router says what there is on this link.
    RouterAdvertisement(RouterAdvertisement),
}

/// A question who has an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Solicitation {
    /// Who asks; `::` looks for duplicates.
    pub src: Ipv6Addr,
    /// Whose address is asked for.
    pub target: Ipv6Addr,
}

/// What a router says, to be passed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouterAdvertisement {
    /// The router's address, a link-local one.
    pub src: Ipv6Addr,
    /// Its message without the link-layer address that it names, and without a checksum.
    message: Vec<u8>,
}

impl Discovery {
    /// Reads an IPv6 packet, without its link-layer header and without padding behind it. Errors:
    /// it is none of these messages, or one that RFC 4861 (sections 6.1 and 7.1) has dropped.
    pub fn parse(packet: &[u8]) -> Result<Discovery, Malformed> {
        let mut reader = Reader::new(packet, "neighbour discovery");
        let malformed = reader.malformed();
        let version = reader.u32()? >> 28;
        let payload_len = usize::from(reader.u16()?);
        let (next, hop_limit) = (reader.u8()?, reader.u8()?);
        let src = Ipv6Addr::from(*reader.array::<16>()?);
        let dst = Ipv6Addr::from(*reader.array::<16>()?);
        let message = reader.rest();
        let is_whole = message.len() == payload_len;
        if version != 6 || next != proto::ICMPV6 || hop_limit != HOP_LIMIT || !is_whole {
            return Err(malformed);
        }
        let sum = checksum::upper_checksum(src.into(), dst.into(), proto::ICMPV6, message);
        if sum != 0 || src.is_multicast() {
            return Err(malformed);
        }
        match message {
            [SOLICITATION, 0, ..] => solicitation(src, dst, message),
            [ADVERTISEMENT, 0, ..] if dst == ALL_NODES => taken(message),
            [ROUTER_SOLICITATION, 0, ..] => {
                let options = message.get(ROUTER_SOLICITATION_LEN..).ok_or(malformed)?;
                match has_source_link_layer(options)? && src.is_unspecified() {
                    true => Err(malformed),
                    false => Ok(Discovery::RouterSolicitation),
                }
            }
            [ROUTER_ADVERTISEMENT, 0, ..] if src.is_unicast_link_local() => {
                router_advertisement(src, message)
            }
            _ => Err(malformed),
        }
    }
}

fn target(reader: &mut Reader<'_>) -> Result<Ipv6Addr, Malformed> {
    let malformed = reader.malformed();
    reader.u32()?;
    reader.u32()?;
    let target = Ipv6Addr::from(*reader.array::<16>()?);
    match target.is_multicast() || target.is_unspecified() {
        true => Err(malformed),
        false => Ok(target),
    }
}

fn solicitation(src: Ipv6Addr, dst: Ipv6Addr, message: &[u8]) -> Result<Discovery, Malformed> {
    let mut reader = Reader::new(message, "neighbour solicitation");
    let malformed = reader.malformed();
    let target = target(&mut reader)?;
    let tells_source = has_source_link_layer(reader.rest())?;
    if src.is_unspecified() && (tells_source || !is_solicited_node(dst)) {
        return Err(malformed);
    }
    Ok(Discovery::Solicitation(Solicitation { src, target }))
}

fn taken(message: &[u8]) -> Result<Discovery, Malformed> {
    let mut reader = Reader::new(message, "neighbour advertisement");
    let target = target(&mut reader)?;
    has_source_link_layer(reader.rest())?;
    Ok(Discovery::Taken(target))
}

fn router_advertisement(src: Ipv6Addr, message: &[u8]) -> Result<Discovery, Malformed> {
    let mut reader = Reader::new(message, "router advertisement");
    let mut kept = reader.take(ROUTER_ADVERTISEMENT_LEN)?.to_vec();
    each_option(reader.rest(), |kind, option| {
        if kind != SOURCE_LINK_LAYER {
            kept.extend_from_slice(option);
        }
    })?;
    if let Some(sum) = kept.get_mut(2..4) {
        sum.fill(0);
    }
    let message = kept;
    Ok(Discovery::RouterAdvertisement(RouterAdvertisement {
        src,
        message,
    }))
}

impl Solicitation {
    /// The answer that the target is at `mac`, as a proxy gives it: without the override flag, so
    /// that the target's own answer wins (RFC 4861, section 7.2.8). Who looks for duplicates hears it with all
    /// others; `None` for who asks for itself.
    pub fn answer(&self, mac: [u8; 6]) -> Option<Vec<u8>> {
        let (to, flags) = match self.src.is_unspecified() {
            true => (ALL_NODES, ROUTER),
            false => (self.src, ROUTER | SOLICITED),
        };
        (to != self.target).then(|| advertisement(self.target, to, flags, mac))
    }

    /// The same question to another network: has anybody this address there?
    pub fn probe(target: Ipv6Addr) -> Vec<u8> {
        let mut message = vec![SOLICITATION, 0, 0, 0, 0, 0, 0, 0];
        message.extend_from_slice(&target.octets());
        packet(Ipv6Addr::UNSPECIFIED, solicited_node(target), message)
    }
}

/// Tells all that `target` is somebody's, at `mac`.
pub fn taken_by(target: Ipv6Addr, mac: [u8; 6]) -> Vec<u8> {
    advertisement(target, ALL_NODES, ROUTER, mac)
}

/// A question for routers that names nobody: they answer to all.
pub fn router_solicitation() -> Vec<u8> {
    let message = vec![ROUTER_SOLICITATION, 0, 0, 0, 0, 0, 0, 0];
    packet(Ipv6Addr::UNSPECIFIED, ALL_ROUTERS, message)
}

impl RouterAdvertisement {
    /// The same to all nodes of another network, where the router is at `mac`.
    pub fn passed_on(&self, mac: [u8; 6]) -> Vec<u8> {
        let mut message = self.message.clone();
        message.extend_from_slice(&[SOURCE_LINK_LAYER, 1]);
        message.extend_from_slice(&mac);
        packet(self.src, ALL_NODES, message)
    }
}

/// The group in which whoever has an address hears questions for it: `ff02::1:ff00:0/104` and its last 24 bits.
pub fn solicited_node(target: Ipv6Addr) -> Ipv6Addr {
    let [.., high, low] = target.segments();
    Ipv6Addr::new(0xFF02, 0, 0, 0, 0, 1, 0xFF00 | (high & 0xFF), low)
}

fn advertisement(target: Ipv6Addr, to: Ipv6Addr, flags: u32, mac: [u8; 6]) -> Vec<u8> {
    let mut out = Writer::with_capacity(NEIGHBOUR_LEN + OPTION_UNIT);
    out.u8(ADVERTISEMENT).u8(0).u16(0).u32(flags);
    out.bytes(&target.octets());
    out.u8(TARGET_LINK_LAYER).u8(1).bytes(&mac);
    packet(target, to, out.finish())
}

/// A packet with this message, whose checksum is filled in.
fn packet(src: Ipv6Addr, dst: Ipv6Addr, mut message: Vec<u8>) -> Vec<u8> {
    if let Some(sum) = message.get_mut(2..4) {
        sum.fill(0);
    }
    let sum = checksum::upper_checksum(src.into(), dst.into(), proto::ICMPV6, &message);
    if let Some(place) = message.get_mut(2..4) {
        place.copy_from_slice(&sum.to_be_bytes());
    }
    let mut out = Writer::with_capacity(IPV6_HEADER_LEN + message.len());
    out.u32(0x6000_0000)
        .u16(u16::try_from(message.len()).unwrap_or(u16::MAX))
        .u8(proto::ICMPV6)
        .u8(HOP_LIMIT);
    out.bytes(&src.octets()).bytes(&dst.octets());
    out.bytes(&message);
    out.finish()
}

fn has_source_link_layer(options: &[u8]) -> Result<bool, Malformed> {
    let mut found = false;
    each_option(options, |kind, _| found |= kind == SOURCE_LINK_LAYER)?;
    Ok(found)
}

/// Walks all options, each with its kind and length: one of length 0 makes the whole message malformed.
fn each_option(mut options: &[u8], mut each: impl FnMut(u8, &[u8])) -> Result<(), Malformed> {
    while !options.is_empty() {
        let mut reader = Reader::new(options, "neighbour discovery option");
        let malformed = reader.malformed();
        let (kind, units) = (reader.u8()?, usize::from(reader.u8()?));
        let Some((option, rest)) = options.split_at_checked(units * OPTION_UNIT) else {
            return Err(malformed);
        };
        if option.is_empty() {
            return Err(malformed);
        }
        each(kind, option);
        options = rest;
    }
    Ok(())
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
        let head = [135, 0, 0, 0, 0, 0, 0, 0];
        packet(src, dst, [&head[..], &target.octets(), options].concat())
    }

    fn solicited(packet: &[u8]) -> Solicitation {
        match Discovery::parse(packet).unwrap() {
            Discovery::Solicitation(asks) => asks,
            other => panic!("{other:?}"),
        }
    }

    const MAC: [u8; 8] = [1, 1, 2, 0, 0, 0, 0, 9];
    const OWN: [u8; 6] = [2, 0, 0, 0, 0, 1];

    fn usual() -> Vec<u8> {
        let group = solicited_node(ip("2001:db8::7"));
        asked(ip("2001:db8::9"), group, ip("2001:db8::7"), &MAC)
    }

    #[test]
    fn a_solicitation_is_read_and_answered() {
        // Byte for byte, with a checksum that another program worked out.
        let mut frame = vec![0x60, 0, 0, 0, 0, 32, 58, 255];
        frame.extend_from_slice(&ip("2001:db8::9").octets());
        frame.extend_from_slice(&ip("ff02::1:ff00:7").octets());
        frame.extend_from_slice(&[135, 0, 0x1c, 0x0d, 0, 0, 0, 0]);
        frame.extend_from_slice(&ip("2001:db8::7").octets());
        frame.extend_from_slice(&MAC);
        assert_eq!(usual(), frame);
        let asks = solicited(&usual());
        let expected = (ip("2001:db8::9"), ip("2001:db8::7"));
        assert_eq!((asks.src, asks.target), expected);
        let answer = asks.answer(OWN).unwrap();
        assert_eq!(answer.len(), ADVERTISEMENT_LEN);
        assert_eq!(answer[..8], [0x60, 0, 0, 0, 0, 32, 58, 255]);
        assert_eq!(answer[8..24], asks.target.octets());
        assert_eq!(answer[24..40], asks.src.octets());
        let (from, to) = (asks.target.into(), asks.src.into());
        assert_eq!(checksum::upper_checksum(from, to, 58, &answer[40..]), 0);
        assert_eq!(answer[40..42], [136, 0]);
        // A router, solicited, and not to override the target's own word.
        assert_eq!(answer[44..48], [0xC0, 0, 0, 0]);
        assert_eq!(answer[48..64], asks.target.octets());
        assert_eq!(answer[64..], [2, 1, 2, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn who_looks_for_duplicates_hears_it_with_all_and_nobody_hears_it_of_its_own() {
        let (none, own) = (Ipv6Addr::UNSPECIFIED, ip("2001:db8::9"));
        let group = solicited_node(own);
        assert_eq!(solicited(&asked(own, group, own, &[])).answer(OWN), None);
        let asks = solicited(&asked(none, group, own, &[]));
        let answer = asks.answer(OWN).unwrap();
        assert_eq!(Discovery::parse(&answer).unwrap(), Discovery::Taken(own));
        assert_eq!(answer, taken_by(own, OWN));
        assert_eq!(answer[44..48], [0x80, 0, 0, 0]);
        assert_eq!(solicited(&Solicitation::probe(own)), asks);
        // From nowhere it goes to the solicited-node group, and tells no address.
        assert!(Discovery::parse(&asked(none, group, own, &MAC)).is_err());
        assert!(Discovery::parse(&asked(none, ALL_NODES, own, &[])).is_err());
        // An answer to one is that one's business.
        let usual = solicited(&usual()).answer(OWN).unwrap();
        assert!(Discovery::parse(&usual).is_err());
    }

    #[test]
    fn what_a_router_says_is_passed_on_with_another_link_layer_address() {
        let prefix = [3, 4, 64, 0xC0, 0, 0, 1, 0];
        let prefix = [&prefix[..], &[0; 8], &ip("2001:db8::").octets()].concat();
        let head = [134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0];
        let said = |src: &str, options: &[u8]| {
            let message = [&head[..], options].concat();
            packet(ip(src), ALL_NODES, message)
        };
        let read = |packet: &[u8]| match Discovery::parse(packet).unwrap() {
            Discovery::RouterAdvertisement(said) => said,
            other => panic!("{other:?}"),
        };
        let with = read(&said("fe80::1", &[&MAC[..], &prefix].concat()));
        let without = read(&said("fe80::1", &prefix));
        assert_eq!(with, without);
        let passed_on = with.passed_on(OWN);
        let expected = [&prefix[..], &[1, 1], &OWN].concat();
        assert_eq!(passed_on, said("fe80::1", &expected));
        assert_eq!(read(&passed_on), with);
        // Only a router on the link itself.
        assert!(Discovery::parse(&said("2001:db8::1", &prefix)).is_err());
        assert!(Discovery::parse(&said("fe80::1", &[5, 0, 0, 0, 0, 0, 5, 220])).is_err());
        let short = packet(ip("fe80::1"), ALL_NODES, head[..12].to_vec());
        assert!(Discovery::parse(&short).is_err());
    }

    #[test]
    fn a_question_for_routers_is_read_and_asked_for_others() {
        let asks = Discovery::parse(&router_solicitation()).unwrap();
        assert_eq!(asks, Discovery::RouterSolicitation);
        let message = |options: &[u8]| [&[133, 0, 0, 0, 0, 0, 0, 0][..], options].concat();
        let from = |src: &str| packet(ip(src), ALL_ROUTERS, message(&MAC));
        assert_eq!(Discovery::parse(&from("fe80::9")).unwrap(), asks);
        assert!(Discovery::parse(&from("::")).is_err());
        let short = packet(ip("fe80::9"), ALL_ROUTERS, message(&[])[..7].to_vec());
        assert!(Discovery::parse(&short).is_err());
    }

    #[test]
    fn what_the_rfc_drops_is_malformed() {
        let (src, dst) = (ip("2001:db8::9"), ip("ff02::1:ff00:7"));
        let target = ip("2001:db8::7");
        assert!(Discovery::parse(&asked(src, dst, ip("ff02::7"), &MAC)).is_err());
        assert!(Discovery::parse(&asked(ip("ff02::9"), dst, target, &MAC)).is_err());
        for options in [
            &[1, 0, 0, 0, 0, 0, 0, 0][..],
            &[1, 2, 0, 0, 0, 0, 0, 0],
            &[1],
        ] {
            assert!(Discovery::parse(&asked(src, dst, target, options)).is_err());
        }
        // The hop limit is not in the checksum: it is what keeps strangers beyond a router out.
        let mut far = usual();
        far[7] = 254;
        assert!(Discovery::parse(&far).is_err());
        assert!(Discovery::parse(&[&usual()[..], &[0]].concat()).is_err());
        for len in 0..usual().len() {
            assert!(Discovery::parse(&usual()[..len]).is_err());
        }
    }

    proptest! {
        #[test]
        fn a_changed_message_is_malformed(at in 8usize..72, bit in 0u32..8) {
            let mut packet = usual();
            packet[at] ^= 1 << bit;
            prop_assert!(Discovery::parse(&packet).is_err());
        }

        #[test]
        fn what_is_asked_is_read(src: [u8; 16], target: [u8; 16]) {
            let (src, target) = (Ipv6Addr::from(src), Ipv6Addr::from(target));
            let packet = asked(src, ip("ff02::1:ff00:7"), target, &[]);
            let good = !src.is_multicast() && !target.is_multicast() && !target.is_unspecified();
            let read = Discovery::parse(&packet).ok();
            prop_assert_eq!(read, good.then_some(Discovery::Solicitation(Solicitation { src, target })));
        }

        #[test]
        fn anything_is_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            let _ = Discovery::parse(&bytes);
        }
    }
}
