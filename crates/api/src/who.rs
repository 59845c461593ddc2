//! Whom a request or an entry names.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

/// A peer, by its address F or by its root key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// An address F (fc00::/8).
    Address(Ipv6Addr),
    /// An Ed25519 root key, written as 64 hexadecimal digits.
    RootKey([u8; 32]),
}

/// The text is neither an address F nor 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an address in fc00::/8 nor a root key of 64 hexadecimal digits")]
pub struct WhoError;

impl FromStr for Who {
    type Err = WhoError;

    fn from_str(text: &str) -> Result<Who, WhoError> {
        if let Ok(address) = text.parse::<Ipv6Addr>() {
            return match address.octets() {
                [0xfc, ..] => Ok(Who::Address(address)),
                _ => Err(WhoError),
            };
        }
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return Err(WhoError);
        }
        let mut key = [0u8; 32];
        for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
            let mut value = 0u32;
            for digit in pair {
                let digit = char::from(*digit).to_digit(16).ok_or(WhoError)?;
                value = value * 16 + digit;
            }
            *byte = u8::try_from(value).map_err(|_| WhoError)?;
        }
        Ok(Who::RootKey(key))
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Who::Address(address) => address.fmt(f),
            Who::RootKey(key) => key.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
        }
    }
}

impl Serialize for Who {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Who {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Who, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_an_address_in_fc00_or_a_key_and_nothing_else() {
        let address: Who = "fc12::1".parse().unwrap();
        assert_eq!(address.to_string(), "fc12::1");
        let key = "47e204c202d347799ac8306e647db54d65c8ca802220d24ef06ac017f41f2e4b";
        assert_eq!(key.parse::<Who>().unwrap().to_string(), key);
        for wrong in ["", "fd00::1", "10.0.0.1", "laptop", &key[1..], "zz"] {
            assert_eq!(wrong.parse::<Who>(), Err(WhoError), "{wrong}");
        }
    }
}
