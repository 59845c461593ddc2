//! Addresses: a node's inner address, and an endpoint of the underlay as 18 bytes.
//!
//! Which key an address belongs to is decided in `identity`; here it is 16 bytes.

use std::fmt;
use std::net::{AddrParseError, IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use crate::codec::{Malformed, Reader, Unencodable, Writer};

/// The first byte of every address F.
pub const F_PREFIX: u8 = 0xFC;
/// Length of an encoded endpoint in bytes.
pub const ENDPOINT_LEN: usize = 18;

/// A node's address inside the overlay: F (fc00::/8), an alias (200::/7), or one that it
/// announces, IPv4 mapped as in RFC 4291.
///
/// Ordered by bytes, as the rule for initiations that cross wants it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeAddr(pub [u8; 16]);

impl NodeAddr {
    /// Whether this can be an address F, i.e. lies in fc00::/8.
    pub fn is_f(&self) -> bool {
        self.0.first() == Some(&F_PREFIX)
    }

    /// Whether only a node's own keys can give it this address: fc00::/8 or 200::/7. No prefix
    /// that may be announced holds one of them.
    pub fn is_name(&self) -> bool {
        let [first, ..] = self.0;
        first == F_PREFIX || first & 0xFE == 0x02
    }

    /// The same 16 bytes as an IPv6 address.
    pub fn to_ipv6(self) -> Ipv6Addr {
        Ipv6Addr::from(self.0)
    }

    /// The 16 bytes of an inner address, IPv4 mapped as in RFC 4291; `None` for an IPv6 address
    /// that is such a mapped one, so that no packet can pass for one of the other family.
    pub fn of_ip(ip: IpAddr) -> Option<NodeAddr> {
        match ip {
            IpAddr::V4(v4) => Some(NodeAddr(v4.to_ipv6_mapped().octets())),
            IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => None,
            IpAddr::V6(v6) => Some(NodeAddr(v6.octets())),
        }
    }

    /// The inner address of these bytes: IPv4 if they are a mapped one.
    pub fn to_ip(self) -> IpAddr {
        IpAddr::V6(self.to_ipv6()).to_canonical()
    }

    /// The 16 bytes.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl From<Ipv6Addr> for NodeAddr {
    fn from(addr: Ipv6Addr) -> NodeAddr {
        NodeAddr(addr.octets())
    }
}

impl From<NodeAddr> for IpAddr {
    fn from(addr: NodeAddr) -> IpAddr {
        IpAddr::V6(addr.to_ipv6())
    }
}

impl fmt::Display for NodeAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_ipv6().fmt(f)
    }
}

impl fmt::Debug for NodeAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_ipv6().fmt(f)
    }
}

impl FromStr for NodeAddr {
    type Err = AddrParseError;

    fn from_str(text: &str) -> Result<NodeAddr, AddrParseError> {
        text.parse::<Ipv6Addr>().map(NodeAddr::from)
    }
}

/// A socket address of the underlay as the wire carries it: address (16, IPv4 mapped as in
/// RFC 4291) ‖ port (2).
///
/// Always canonical: a mapped IPv4 address is held as IPv4, and an IPv6 address has no flow
/// label and no scope, so equal bytes are equal values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint(SocketAddr);

impl Endpoint {
    /// The canonical form of a socket address.
    pub fn new(addr: SocketAddr) -> Endpoint {
        Endpoint(SocketAddr::new(addr.ip().to_canonical(), addr.port()))
    }

    /// The socket address.
    pub fn socket_addr(self) -> SocketAddr {
        self.0
    }

    /// The 18 bytes.
    pub fn to_bytes(self) -> [u8; ENDPOINT_LEN] {
        let mapped = match self.0.ip() {
            IpAddr::V4(v4) => v4.to_ipv6_mapped(),
            IpAddr::V6(v6) => v6,
        };
        let mut bytes = [0; ENDPOINT_LEN];
        let (ip, port) = bytes.split_at_mut(16);
        ip.copy_from_slice(&mapped.octets());
        port.copy_from_slice(&self.0.port().to_be_bytes());
        bytes
    }

    /// The endpoint of 18 bytes; every value is one.
    pub fn from_bytes(bytes: &[u8; ENDPOINT_LEN]) -> Endpoint {
        let [ip @ .., high, low] = bytes;
        let ip = IpAddr::V6(Ipv6Addr::from(*ip));
        Endpoint::new(SocketAddr::new(ip, u16::from_be_bytes([*high, *low])))
    }

    /// Whether a datagram can be sent there: a unicast address and a port that is not 0.
    pub fn is_usable(self) -> bool {
        let ip = self.0.ip();
        let broadcast = matches!(ip, IpAddr::V4(v4) if v4.is_broadcast());
        self.0.port() != 0 && !ip.is_unspecified() && !ip.is_multicast() && !broadcast
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(addr: SocketAddr) -> Endpoint {
        Endpoint::new(addr)
    }
}

impl From<Endpoint> for SocketAddr {
    fn from(endpoint: Endpoint) -> SocketAddr {
        endpoint.0
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Reads endpoints to the end. Errors: not whole endpoints, or more than `len_max` of them.
pub(crate) fn read_endpoints(
    reader: &mut Reader<'_>,
    len_max: usize,
) -> Result<Vec<SocketAddr>, Malformed> {
    let mut list = Vec::new();
    while reader.remaining() > 0 {
        if list.len() == len_max {
            return Err(reader.malformed());
        }
        list.push(Endpoint::from_bytes(reader.array()?).socket_addr());
    }
    Ok(list)
}

/// Writes endpoints. Errors: more than `len_max` of them.
pub(crate) fn write_endpoints(
    writer: &mut Writer,
    list: &[SocketAddr],
    len_max: usize,
) -> Result<(), Unencodable> {
    if list.len() > len_max {
        return Err(Unencodable { what: "endpoints" });
    }
    for addr in list {
        writer.bytes(&Endpoint::new(*addr).to_bytes());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_address_prints_as_ipv6() {
        let addr: NodeAddr = "fc12::1".parse().unwrap();
        assert_eq!(
            addr.0,
            [0xFC, 0x12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
        );
        assert_eq!(addr.to_string(), "fc12::1");
        assert_eq!(format!("{addr:?}"), "fc12::1");
        assert!(addr.is_f());
        assert!(!"fd12::1".parse::<NodeAddr>().unwrap().is_f());
        for (text, is_name) in [
            ("fc12::1", true),
            ("200::1", true),
            ("3ff::1", true),
            ("1ff::1", false),
            ("400::1", false),
            ("fd12::1", false),
        ] {
            let addr: NodeAddr = text.parse().unwrap();
            assert_eq!(addr.is_name(), is_name, "{text}");
            assert!(!(is_name && crate::Prefix::host(addr).may_be_announced()));
        }
        assert!("192.0.2.1".parse::<NodeAddr>().is_err());
    }

    #[test]
    fn no_ipv6_packet_passes_for_an_ipv4_one() {
        let v4: IpAddr = "192.0.2.1".parse().unwrap();
        assert_eq!(NodeAddr::of_ip(v4).map(NodeAddr::to_ip), Some(v4));
        let v6: IpAddr = "fd00::1".parse().unwrap();
        assert_eq!(NodeAddr::of_ip(v6).map(NodeAddr::to_ip), Some(v6));
        assert_eq!(NodeAddr::of_ip("::ffff:192.0.2.1".parse().unwrap()), None);
    }

    #[test]
    fn an_ipv4_endpoint_is_mapped() {
        let endpoint = Endpoint::new("192.0.2.7:4649".parse().unwrap());
        let bytes = [
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 192, 0, 2, 7, 0x12, 0x29,
        ];
        assert_eq!(endpoint.to_bytes(), bytes);
        assert_eq!(Endpoint::from_bytes(&bytes), endpoint);
        let mapped = Endpoint::new("[::ffff:192.0.2.7]:4649".parse().unwrap());
        assert_eq!(mapped, endpoint);
    }

    #[test]
    fn an_ipv6_endpoint_loses_its_scope() {
        let endpoint = Endpoint::new("[fe80::1%3]:9".parse().unwrap());
        assert_eq!(endpoint.socket_addr(), "[fe80::1]:9".parse().unwrap());
        let bytes = [0xFE, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 9];
        assert_eq!(endpoint.to_bytes(), bytes);
    }

    #[test]
    fn only_unicast_endpoints_are_usable() {
        for (text, usable) in [
            ("192.0.2.7:1", true),
            ("[2001:db8::1]:1", true),
            ("192.0.2.7:0", false),
            ("0.0.0.0:1", false),
            ("[::]:1", false),
            ("224.0.0.1:1", false),
            ("255.255.255.255:1", false),
            ("[ff02::1]:1", false),
        ] {
            assert_eq!(
                Endpoint::new(text.parse().unwrap()).is_usable(),
                usable,
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_18_bytes_are_one_endpoint(bytes: [u8; ENDPOINT_LEN]) {
            prop_assert_eq!(Endpoint::from_bytes(&bytes).to_bytes(), bytes);
        }
    }
}
