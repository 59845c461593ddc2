//! Forwards: TCP ports that lead from this host into the overlay, or from the overlay to this
//! host, and how their two ends are written.
//!
//! | end | text | where |
//! |---|---|---|
//! | listen | `127.0.0.1:2222`, `[::1]:2222` | on this host |
//! | listen | `inside:22` | on address F, in the overlay |
//! | target | `127.0.0.1:22` | from this host |
//! | target | `[fc12::1]:22` (fc00::/8 and 200::/7) | through the overlay |
//! | target | `inside:10.1.2.3:22` | through the overlay, whatever the address |

use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// At most this many forwards.
pub const FORWARDS_MAX: usize = 64;
/// What an end inside the overlay begins with.
const INSIDE: &str = "inside:";

/// Where a forward waits for connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Listen {
    /// At this address of the host; the port is not 0.
    Host(SocketAddr),
    /// At this port (not 0) of the node's address F.
    Inside(u16),
}

/// Where a forward leads to; ports are not 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// Connects from the host.
    Host(SocketAddr),
    /// Connects through the overlay.
    Inside(SocketAddr),
}

/// The text is not an end of a forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not ADDRESS:PORT nor {INSIDE}PORT")]
pub struct EndError;

/// Whether an address is one of the overlay's own: an address F or an alias.
#[must_use]
pub fn is_overlay(address: IpAddr) -> bool {
    match address {
        IpAddr::V6(address) => matches!(address.octets(), [0xfc | 0x02 | 0x03, ..]),
        IpAddr::V4(_) => false,
    }
}

fn socket(text: &str) -> Result<SocketAddr, EndError> {
    let address: SocketAddr = text.parse().map_err(|_| EndError)?;
    (address.port() != 0).then_some(address).ok_or(EndError)
}

impl FromStr for Listen {
    type Err = EndError;

    fn from_str(text: &str) -> Result<Listen, EndError> {
        match text.strip_prefix(INSIDE) {
            Some(port) => match port.parse() {
                Ok(port) if port != 0 => Ok(Listen::Inside(port)),
                _ => Err(EndError),
            },
            None => socket(text).map(Listen::Host),
        }
    }
}

impl FromStr for Target {
    type Err = EndError;

    fn from_str(text: &str) -> Result<Target, EndError> {
        if let Some(address) = text.strip_prefix(INSIDE) {
            return socket(address).map(Target::Inside);
        }
        let address = socket(text)?;
        Ok(match is_overlay(address.ip()) {
            true => Target::Inside(address),
            false => Target::Host(address),
        })
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Listen::Host(address) => address.fmt(f),
            Listen::Inside(port) => write!(f, "{INSIDE}{port}"),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Inside(address) if !is_overlay(address.ip()) => write!(f, "{INSIDE}{address}"),
            Target::Host(address) | Target::Inside(address) => address.fmt(f),
        }
    }
}

/// Serde as text, for both.
macro_rules! as_text {
    ($($name:ident),*) => {$(
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}
as_text!(Listen, Target);

/// A forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forward {
    /// Where it waits for connections.
    pub listen: Listen,
    /// Where they lead to.
    pub target: Target,
}

/// A forward and how it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForwardStatus {
    /// The forward.
    #[serde(flatten)]
    pub forward: Forward,
    /// Why nothing waits for connections there; `None` when all is well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// The ways into the overlay for programs that are not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proxies {
    /// Where the SOCKS5 proxy was asked for.
    pub socks5: Option<SocketAddr>,
    /// Where the HTTP proxy was asked for.
    pub http: Option<SocketAddr>,
    /// The number of forwards.
    pub forwards: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_read_as_they_are_written() {
        for text in ["127.0.0.1:2222", "[::1]:2222", "0.0.0.0:1", "inside:22"] {
            assert_eq!(text.parse::<Listen>().unwrap().to_string(), text);
        }
        for text in [
            "127.0.0.1:22",
            "[::1]:22",
            "[fc12::1]:22",
            "inside:10.1.2.3:22",
        ] {
            assert_eq!(text.parse::<Target>().unwrap().to_string(), text);
        }
        let short: Target = "inside:[fc12::1]:22".parse().unwrap();
        assert_eq!(short.to_string(), "[fc12::1]:22");
        for wrong in [
            "",
            "22",
            "inside:",
            "inside:0",
            "inside:70000",
            "127.0.0.1:0",
            "server:22",
        ] {
            assert_eq!(wrong.parse::<Listen>(), Err(EndError), "{wrong}");
            assert_eq!(wrong.parse::<Target>(), Err(EndError), "{wrong}");
        }
        assert_eq!("inside:22".parse::<Target>(), Err(EndError));
    }

    #[test]
    fn an_overlay_address_is_dialled_through_the_overlay() {
        for (text, inside) in [
            ("[fc12::1]:22", true),
            ("[201:2::1]:22", true),
            ("[3ff::1]:22", true),
            ("[fd12::1]:22", false),
            ("[400::1]:22", false),
            ("192.0.2.1:22", false),
            ("inside:192.0.2.1:22", true),
        ] {
            let target: Target = text.parse().unwrap();
            assert_eq!(matches!(target, Target::Inside(_)), inside, "{text}");
        }
    }

    #[test]
    fn a_forward_is_two_texts_in_json() {
        let forward = Forward {
            listen: Listen::Inside(22),
            target: Target::Host("127.0.0.1:22".parse().unwrap()),
        };
        let status = ForwardStatus {
            forward,
            failure: None,
        };
        let json = r#"{"listen":"inside:22","target":"127.0.0.1:22"}"#;
        assert_eq!(serde_json::to_string(&status).unwrap(), json);
        assert_eq!(serde_json::from_str::<ForwardStatus>(json).unwrap(), status);
        assert!(serde_json::from_str::<Forward>(r#"{"listen":"x","target":"y"}"#).is_err());
    }
}
