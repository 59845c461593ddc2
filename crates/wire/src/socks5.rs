//! SOCKS5 (RFC 1928) from the proxy's side: CONNECT, without authentication.
//!
//! | message | bytes |
//! |---|---|
//! | greeting | `05`, number of methods, the methods |
//! | request | `05`, command, `00`, address type, address, port (big-endian) |
//!
//! Both come from a stream: `parse` says `None` until a message is complete, and how many
//! bytes it took. Neither is longer than [`MESSAGE_LEN_MAX`].

use crate::destination::{Destination, Host};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The longest message, in bytes: a request with a name of 255 bytes.
pub const MESSAGE_LEN_MAX: usize = 262;
const VERSION: u8 = 5;
const NO_AUTHENTICATION: u8 = 0;
const CONNECT: u8 = 1;

/// Why a client is not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Socks5Error {
    /// It speaks something else.
    #[error("version {0} of SOCKS, or another protocol")]
    Version(u8),
    /// It asks for something else than CONNECT.
    #[error("command {0} is not CONNECT")]
    Command(u8),
    /// Its address is of an unknown type.
    #[error("address type {0}")]
    AddressType(u8),
    /// Its destination is none: an empty name, one that is not text, or port 0.
    #[error("no destination")]
    Destination,
}

impl Socks5Error {
    /// What to answer, when it is about a request.
    #[must_use]
    pub const fn code(self) -> ReplyCode {
        match self {
            Self::Command(_) => ReplyCode::Command,
            Self::AddressType(_) => ReplyCode::AddressType,
            Self::Version(_) | Self::Destination => ReplyCode::Failed,
        }
    }
}

/// What a client says first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Greeting {
    /// Whether it takes a connection without authentication.
    pub without_authentication: bool,
}

impl Greeting {
    /// Reads a greeting from the beginning of a stream, and its length in bytes; `None`
    /// while it is not complete.
    ///
    /// # Errors
    /// [`Socks5Error::Version`].
    pub fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, Socks5Error> {
        version(bytes)?;
        let Some((&[_, count], rest)) = bytes.split_first_chunk() else {
            return Ok(None);
        };
        let count = usize::from(count);
        let Some(methods) = rest.get(..count) else {
            return Ok(None);
        };
        let without_authentication = methods.contains(&NO_AUTHENTICATION);
        let greeting = Self {
            without_authentication,
        };
        Ok(Some((greeting, 2 + count)))
    }

    /// The answer: no authentication, or that no method is acceptable.
    #[must_use]
    pub const fn answer(self) -> [u8; 2] {
        let method = if self.without_authentication {
            NO_AUTHENTICATION
        } else {
            0xff
        };
        [VERSION, method]
    }
}

/// Reads a request to connect from the beginning of a stream, and its length in bytes; `None`
/// while it is not complete.
///
/// # Errors
/// Any of [`Socks5Error`]; answer with its [`Socks5Error::code`].
pub fn parse_request(bytes: &[u8]) -> Result<Option<(Destination, usize)>, Socks5Error> {
    version(bytes)?;
    let Some((&[_, command, _, kind], rest)) = bytes.split_first_chunk() else {
        return Ok(None);
    };
    if command != CONNECT {
        return Err(Socks5Error::Command(command));
    }
    let (host, rest) = match kind {
        1 => match rest.split_first_chunk::<4>() {
            Some((octets, rest)) => (address(Ipv4Addr::from(*octets)), rest),
            None => return Ok(None),
        },
        3 => match name(rest) {
            Some((name, rest)) => (named(name), rest),
            None => return Ok(None),
        },
        4 => match rest.split_first_chunk::<16>() {
            Some((octets, rest)) => (address(Ipv6Addr::from(*octets)), rest),
            None => return Ok(None),
        },
        other => return Err(Socks5Error::AddressType(other)),
    };
    let Some((port, rest)) = rest.split_first_chunk() else {
        return Ok(None);
    };
    let port = u16::from_be_bytes(*port);
    match host {
        Some(host) if port != 0 => Ok(Some((Destination { host, port }, bytes.len() - rest.len()))),
        _ => Err(Socks5Error::Destination),
    }
}

fn version(bytes: &[u8]) -> Result<(), Socks5Error> {
    match bytes.first() {
        None | Some(&VERSION) => Ok(()),
        Some(other) => Err(Socks5Error::Version(*other)),
    }
}

fn address(address: impl Into<IpAddr>) -> Option<Host> {
    Some(Host::Address(address.into().to_canonical()))
}

fn name(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first()?;
    rest.split_at_checked(usize::from(*len))
}

fn named(bytes: &[u8]) -> Option<Host> {
    Host::from_text(std::str::from_utf8(bytes).ok()?)
}

/// What came of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ReplyCode {
    /// Connected; the stream follows.
    Connected = 0,
    /// Something else went wrong.
    Failed = 1,
    /// The destination is not one that this proxy connects to.
    NotAllowed = 2,
    /// There is no route.
    NetworkUnreachable = 3,
    /// The host does not answer.
    HostUnreachable = 4,
    /// Nobody listens there.
    Refused = 5,
    /// The command is not supported.
    Command = 7,
    /// The address type is not supported.
    AddressType = 8,
}

impl ReplyCode {
    /// The reply. The address that the connection has at this end is not told: it is zero.
    #[must_use]
    pub const fn encode(self) -> [u8; 10] {
        [VERSION, self as u8, 0, 1, 0, 0, 0, 0, 0, 0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const V6: [u8; 22] = [
        5, 1, 0, 4, 0xFC, 0x12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x1F, 0x90,
    ];

    fn to_name(name: &[u8], port: u16) -> Vec<u8> {
        let len = u8::try_from(name.len()).unwrap();
        [&[5, 1, 0, 3, len][..], name, &port.to_be_bytes()].concat()
    }

    fn destination(host: &str, port: u16) -> Destination {
        let host = Host::from_text(host).unwrap();
        Destination { host, port }
    }

    #[test]
    fn a_greeting_is_answered_with_no_authentication_or_not_at_all() {
        let (greeting, len) = Greeting::parse(&[5, 2, 2, 0, 5, 1]).unwrap().unwrap();
        assert_eq!((greeting.answer(), len), ([5, 0], 4));
        let (greeting, len) = Greeting::parse(&[5, 1, 2]).unwrap().unwrap();
        assert_eq!((greeting.answer(), len), ([5, 0xff], 3));
        let (greeting, _) = Greeting::parse(&[5, 0]).unwrap().unwrap();
        assert_eq!(greeting.answer(), [5, 0xff]);
        for part in [&[][..], &[5], &[5, 2, 0]] {
            assert_eq!(Greeting::parse(part), Ok(None));
        }
        assert_eq!(Greeting::parse(b"GET "), Err(Socks5Error::Version(b'G')));
        assert_eq!(Greeting::parse(&[4, 1]), Err(Socks5Error::Version(4)));
    }

    #[test]
    fn a_request_names_an_address_or_a_name() {
        let request = parse_request(&V6).unwrap().unwrap();
        assert_eq!(request, (destination("fc12::1", 8080), V6.len()));
        let v4 = [5, 1, 0, 1, 10, 1, 2, 3, 0, 22, b'S', b'S', b'H'];
        let request = parse_request(&v4).unwrap().unwrap();
        assert_eq!(request, (destination("10.1.2.3", 22), 10));
        for (name, host) in [("server", "server"), ("fc12::1", "fc12::1")] {
            let bytes = to_name(name.as_bytes(), 443);
            let request = parse_request(&bytes).unwrap().unwrap();
            assert_eq!(request, (destination(host, 443), bytes.len()));
        }
        let longest = to_name(&[b'x'; 255], 1);
        assert_eq!(longest.len(), MESSAGE_LEN_MAX);
        assert!(parse_request(&longest).unwrap().is_some());
    }

    #[test]
    fn a_request_that_is_cut_off_waits_for_the_rest() {
        for bytes in [V6.to_vec(), to_name(b"server", 1)] {
            for len in 0..bytes.len() {
                assert_eq!(parse_request(&bytes[..len]), Ok(None));
            }
        }
    }

    #[test]
    fn what_is_not_served_has_its_code() {
        let code = |bytes: &[u8]| parse_request(bytes).unwrap_err().code();
        assert_eq!(code(&[5, 2, 0, 1]), ReplyCode::Command);
        assert_eq!(code(&[5, 3, 0, 1]), ReplyCode::Command);
        assert_eq!(code(&[5, 1, 0, 9]), ReplyCode::AddressType);
        for bytes in [
            to_name(b"", 80),
            to_name(b"a\0b", 80),
            to_name(&[0xff], 80),
            to_name(b"server", 0),
        ] {
            assert_eq!(parse_request(&bytes), Err(Socks5Error::Destination));
        }
        let reply = ReplyCode::Refused.encode();
        assert_eq!(reply, [5, 5, 0, 1, 0, 0, 0, 0, 0, 0]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(Some((_, len))) = Greeting::parse(&bytes) {
                prop_assert!(len <= bytes.len() && len <= MESSAGE_LEN_MAX);
            }
            match parse_request(&bytes) {
                Ok(Some((destination, len))) => {
                    prop_assert!(len <= bytes.len() && len <= MESSAGE_LEN_MAX);
                    prop_assert!(destination.port != 0);
                }
                Ok(None) => prop_assert!(bytes.len() < MESSAGE_LEN_MAX),
                Err(_) => {}
            }
        }
    }
}
