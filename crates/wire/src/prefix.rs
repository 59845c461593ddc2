//! Prefixes of inner addresses (CIDR, RFC 4632): what a node announces and another accepts.
//!
//! IPv4 and IPv6 are of one kind: an IPv4 prefix of n bits is held, and sent, as the mapped
//! address of RFC 4291 with 96 + n bits. Not every prefix may be announced
//! ([`Prefix::may_be_announced`]): none that takes in the overlay's own addresses, one machine's
//! own, or everything.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::addr::NodeAddr;
use crate::codec::{Malformed, Reader, Unencodable, Writer};

/// Length of an encoded prefix in bytes.
pub const PREFIX_LEN: usize = 17;
/// Bits of the mapped form in front of an IPv4 address.
const MAPPED_BITS: u8 = 96;
/// Bits of an address.
const BITS_MAX: u8 = 128;

/// Addresses that begin with the same bits. Always canonical: the bits behind them are zero.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    addr: NodeAddr,
    bits: u8,
}

/// Why a text or a pair of address and length is no prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrefixError {
    /// Not `ADDRESS/LENGTH`, or the address is none that packets of the inside may have.
    #[error("not a prefix such as 192.168.20.0/24 or fd00:20::/64")]
    Syntax,
    /// The address goes on behind the prefix.
    #[error("the address has bits behind the prefix; {0} was probably meant")]
    HostBits(Prefix),
}

/// Prefixes that nobody may announce a part of: addresses that no packet between two machines
/// has, those of one link, those of many receivers, and the overlay's own.
const RESERVED: [(u128, u8); 9] = [
    (0, 32),                     // ::, ::1 and all forms of IPv4 in IPv6
    (0x0200 << 112, 7),          // aliases
    (0xfc00 << 112, 8),          // addresses F
    (0xfe80 << 112, 10),         // link-local
    (0xff00 << 112, 8),          // multicast
    (0xffff_0000_0000, 96 + 8),  // 0.0.0.0/8
    (0xffff_7f00_0000, 96 + 8),  // loopback
    (0xffff_a9fe_0000, 96 + 16), // link-local
    (0xffff_e000_0000, 96 + 3),  // multicast, broadcast and what was never given out
];

impl Prefix {
    /// The prefix of `len` bits at `ip`. Errors: too many bits for the family, an IPv6 address
    /// that is a mapped IPv4 one, or bits behind the prefix.
    pub fn new(ip: IpAddr, len: u8) -> Result<Prefix, PrefixError> {
        let addr = NodeAddr::of_ip(ip).ok_or(PrefixError::Syntax)?;
        let before = if ip.is_ipv4() { MAPPED_BITS } else { 0 };
        let bits = before.checked_add(len).filter(|bits| *bits <= BITS_MAX);
        let prefix = Prefix::around(addr, bits.ok_or(PrefixError::Syntax)?);
        if prefix.addr == addr {
            Ok(prefix)
        } else {
            Err(PrefixError::HostBits(prefix))
        }
    }

    /// The address alone.
    pub fn host(addr: NodeAddr) -> Prefix {
        Prefix {
            addr,
            bits: BITS_MAX,
        }
    }

    /// The prefix of `bits` bits (of the mapped form, at most 128) that holds the address.
    pub fn around(addr: NodeAddr, bits: u8) -> Prefix {
        let bits = bits.min(BITS_MAX);
        let masked = u128::from_be_bytes(addr.0) & mask(bits);
        Prefix {
            addr: NodeAddr(masked.to_be_bytes()),
            bits,
        }
    }

    /// The first address.
    pub fn ip(self) -> IpAddr {
        self.addr.to_ip()
    }

    /// Its length in bits of its own family: 0 to 32, or 0 to 128.
    pub fn prefix_len(self) -> u8 {
        if self.is_v4() {
            self.bits.saturating_sub(MAPPED_BITS)
        } else {
            self.bits
        }
    }

    /// Its length in bits of the mapped form: 0 to 128.
    pub fn bits(self) -> u8 {
        self.bits
    }

    /// Whether it is a single address.
    pub fn is_host(self) -> bool {
        self.bits() == BITS_MAX
    }

    /// Whether it holds IPv4 addresses.
    pub fn is_v4(self) -> bool {
        self.addr.to_ip().is_ipv4()
    }

    /// Whether the address lies in it.
    pub fn contains(self, addr: NodeAddr) -> bool {
        Prefix::around(addr, self.bits) == self
    }

    /// Whether all of `other` lies in it.
    pub fn covers(self, other: Prefix) -> bool {
        self.bits <= other.bits && self.contains(other.addr)
    }

    /// Whether the two have an address in common.
    pub fn overlaps(self, other: Prefix) -> bool {
        self.covers(other) || other.covers(self)
    }

    /// Whether a node may announce it: not a default route, and nothing of loopback, link-local,
    /// multicast, fc00::/8 or 200::/7.
    pub fn may_be_announced(self) -> bool {
        let mut reserved = RESERVED.iter().map(|(addr, bits)| Prefix {
            addr: NodeAddr(addr.to_be_bytes()),
            bits: *bits,
        });
        // The mapped addresses lie behind `::/32`, which is closed to IPv6 alone.
        reserved.all(|closed| self.is_v4() != closed.is_v4() || !self.overlaps(closed))
    }

    /// The 17 bytes: length (1) ‖ address (16).
    pub fn to_bytes(self) -> [u8; PREFIX_LEN] {
        let mut bytes = [0; PREFIX_LEN];
        let (len, addr) = bytes.split_at_mut(1);
        len.fill(self.bits);
        addr.copy_from_slice(&self.addr.0);
        bytes
    }

    /// The prefix of 17 bytes. Errors: longer than 128 bits, or bits behind the prefix.
    pub fn from_bytes(bytes: &[u8; PREFIX_LEN]) -> Result<Prefix, Malformed> {
        let [bits, addr @ ..] = *bytes;
        let addr = NodeAddr(addr);
        let prefix = Prefix::around(addr, bits);
        if prefix.bits == bits && prefix.addr == addr {
            Ok(prefix)
        } else {
            Err(Malformed { what: "prefix" })
        }
    }
}

/// A number whose first `bits` bits are ones.
fn mask(bits: u8) -> u128 {
    let behind = u32::from(BITS_MAX.saturating_sub(bits));
    u128::MAX.checked_shl(behind).unwrap_or(0)
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.ip(), self.prefix_len())
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Prefix {
    type Err = PrefixError;

    /// `ADDRESS/LENGTH`, or an address alone.
    fn from_str(text: &str) -> Result<Prefix, PrefixError> {
        let (ip, len) = match text.split_once('/') {
            Some((ip, len)) => (ip, Some(len.parse().map_err(|_| PrefixError::Syntax)?)),
            None => (text, None),
        };
        let ip: IpAddr = ip.parse().map_err(|_| PrefixError::Syntax)?;
        let whole = if ip.is_ipv4() { 32 } else { BITS_MAX };
        Prefix::new(ip, len.unwrap_or(whole))
    }
}

/// Reads prefixes to the end. Errors: not whole ones, one that is none, or more than `len_max`.
pub(crate) fn read_prefixes(
    reader: &mut Reader<'_>,
    len_max: usize,
) -> Result<Vec<Prefix>, Malformed> {
    let mut list = Vec::new();
    while reader.remaining() > 0 {
        if list.len() == len_max {
            return Err(reader.malformed());
        }
        list.push(Prefix::from_bytes(reader.array()?)?);
    }
    Ok(list)
}

/// Writes prefixes. Errors: more than `len_max` of them.
pub(crate) fn write_prefixes(
    writer: &mut Writer,
    list: &[Prefix],
    len_max: usize,
) -> Result<(), Unencodable> {
    if list.len() > len_max {
        return Err(Unencodable { what: "prefixes" });
    }
    for prefix in list {
        writer.bytes(&prefix.to_bytes());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn p(text: &str) -> Prefix {
        text.parse().unwrap()
    }

    fn addr(text: &str) -> NodeAddr {
        NodeAddr::of_ip(text.parse().unwrap()).unwrap()
    }

    #[test]
    fn prefixes_read_as_they_are_written() {
        for text in [
            "192.168.20.0/24",
            "10.0.0.0/8",
            "fd00:20::/64",
            "::/0",
            "0.0.0.0/0",
        ] {
            assert_eq!(p(text).to_string(), text);
        }
        assert_eq!(p("10.77.0.1").to_string(), "10.77.0.1/32");
        assert_eq!(p("fd00::1").to_string(), "fd00::1/128");
        for wrong in [
            "",
            "/",
            "10.0.0.0/33",
            "fd00::/129",
            "10.0.0.0/x",
            "10.0.0/8",
            "lan/8",
        ] {
            assert_eq!(wrong.parse::<Prefix>(), Err(PrefixError::Syntax), "{wrong}");
        }
        let meant = PrefixError::HostBits(p("192.168.20.0/24"));
        assert_eq!("192.168.20.5/24".parse::<Prefix>(), Err(meant));
        assert_eq!(
            "::ffff:10.0.0.0/104".parse::<Prefix>(),
            Err(PrefixError::Syntax)
        );
    }

    #[test]
    fn an_ipv4_prefix_is_mapped() {
        let bytes = [
            120, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 168, 20, 0,
        ];
        assert_eq!(p("192.168.20.0/24").to_bytes(), bytes);
        assert_eq!(Prefix::from_bytes(&bytes), Ok(p("192.168.20.0/24")));
        let mut wrong = bytes;
        wrong[16] = 1;
        assert!(
            Prefix::from_bytes(&wrong).is_err(),
            "bits behind the prefix"
        );
        wrong[0] = 129;
        assert!(
            Prefix::from_bytes(&wrong).is_err(),
            "longer than an address"
        );
    }

    #[test]
    fn what_lies_in_a_prefix() {
        let lan = p("192.168.20.0/24");
        assert!(lan.contains(addr("192.168.20.255")));
        assert!(!lan.contains(addr("192.168.21.0")));
        assert!(lan.covers(p("192.168.20.128/25")) && lan.covers(lan));
        assert!(!lan.covers(p("192.168.0.0/16")) && lan.overlaps(p("192.168.0.0/16")));
        assert!(!p("fd00::/64").overlaps(p("fd00:0:0:1::/64")));
        assert!(p("::/0").contains(addr("fd00::1")));
    }

    #[test]
    fn what_nobody_may_announce() {
        for text in [
            "0.0.0.0/0",
            "128.0.0.0/1",
            "0.0.0.0/1",
            "127.0.0.1",
            "126.0.0.0/7",
            "169.254.1.0/24",
            "224.0.0.0/4",
            "255.255.255.255",
            "::/0",
            "::/1",
            "8000::/1",
            "::1",
            "::/64",
            "::ffff:0:0:0/96",
            "200::/7",
            "300::/64",
            "fc00::/8",
            "fc00::/7",
            "fc12::1",
            "fe80::/10",
            "ff02::1",
        ] {
            assert!(!p(text).may_be_announced(), "{text}");
        }
        for text in [
            "10.0.0.0/8",
            "192.168.10.0/24",
            "100.64.0.0/10",
            "203.0.113.7",
            "fd00:10::/64",
            "2001:db8::/32",
            "64:ff9b::/96",
            "2000::/3",
            "fd00::/8",
        ] {
            assert!(p(text).may_be_announced(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_17_bytes_are_one_prefix_or_none(bytes: [u8; PREFIX_LEN]) {
            if let Ok(prefix) = Prefix::from_bytes(&bytes) {
                prop_assert_eq!(prefix.to_bytes(), bytes);
                prop_assert!(prefix.contains(NodeAddr(*bytes.last_chunk().unwrap())));
                // One within the mapped addresses has a text; so has every other.
                prop_assert_eq!(prefix.to_string().parse::<Prefix>(), Ok(prefix));
            }
        }

        #[test]
        fn a_prefix_is_the_addresses_that_share_its_bits(a: u128, b: u128, bits in 0u8..=128) {
            let (left, right) = (NodeAddr(a.to_be_bytes()), NodeAddr(b.to_be_bytes()));
            let same = (a ^ b).leading_zeros() >= u32::from(bits);
            prop_assert_eq!(Prefix::around(left, bits).contains(right), same);
        }
    }
}
