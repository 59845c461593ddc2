//! A prefix of inner addresses, written `192.168.20.0/24`.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The most prefixes of one entry of the allowlist, and of one node.
pub const PREFIXES_MAX: usize = wire::stream::PREFIXES_MAX;

/// Addresses that begin with the same bits, IPv4 or IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Prefix(pub wire::Prefix);

impl FromStr for Prefix {
    type Err = wire::PrefixError;

    fn from_str(text: &str) -> Result<Prefix, wire::PrefixError> {
        text.parse().map(Prefix)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Prefix {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Prefix {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Prefix, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
