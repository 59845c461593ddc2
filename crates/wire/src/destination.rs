//! Where a program wants to go through a proxy: a host and a port, as SOCKS5 and HTTP say it.

use std::net::{IpAddr, Ipv6Addr};

/// The longest name of a host, in bytes (SOCKS5 has one byte for the length).
pub const NAME_LEN_MAX: usize = 255;

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// The host.
    pub host: Host,
    /// The TCP port, 1 to 65,535.
    pub port: u16,
}

/// A host, by its address or by a name that is nobody's yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// An address; an IPv4 address mapped into IPv6 is the IPv4 address.
    Address(IpAddr),
    /// 1 to [`NAME_LEN_MAX`] bytes without control characters.
    Name(String),
}

impl Host {
    /// What a text names: an address, an IPv6 address in brackets, or else a name. `None`
    /// when it is none of them.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Host> {
        if let Some(inner) = text.strip_prefix('[') {
            let address: Ipv6Addr = inner.strip_suffix(']')?.parse().ok()?;
            return Some(Host::Address(IpAddr::V6(address).to_canonical()));
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Some(Host::Address(address.to_canonical()));
        }
        let fits = (1..=NAME_LEN_MAX).contains(&text.len());
        (fits && !text.chars().any(char::is_control)).then(|| Host::Name(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_an_address_or_a_name() {
        let address = |text: &str| Some(Host::Address(text.parse().unwrap()));
        assert_eq!(Host::from_text("fc12::1"), address("fc12::1"));
        assert_eq!(Host::from_text("[fc12::1]"), address("fc12::1"));
        assert_eq!(Host::from_text("192.0.2.7"), address("192.0.2.7"));
        assert_eq!(Host::from_text("::ffff:192.0.2.7"), address("192.0.2.7"));
        let name = |text: &str| Some(Host::Name(text.to_owned()));
        assert_eq!(Host::from_text("server"), name("server"));
        assert_eq!(Host::from_text("書斎"), name("書斎"));
        let longest = "x".repeat(NAME_LEN_MAX);
        assert_eq!(Host::from_text(&longest), name(&longest));
        for wrong in ["", "[server]", "[fc12::1", "a\nb", &format!("{longest}x")] {
            assert_eq!(Host::from_text(wrong), None, "{wrong}");
        }
    }
}
