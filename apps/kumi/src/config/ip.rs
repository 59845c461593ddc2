//! The table `[ip]` of `kumi.toml`: IPv4 addresses inside, and what lies behind this node.

use super::{Place, Value};
use crate::failure::Failure;
use std::net::{IpAddr, Ipv4Addr};
use wire::stream::PREFIXES_MAX;
use wire::{Prefix, PrefixError};

const KEYS: &[&str] = &["addresses", "announce", "site"];

/// The table `[ip]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ip {
    /// IPv4 addresses of this node inside, with the length of their prefix.
    pub(crate) addresses: Vec<(Ipv4Addr, u8)>,
    /// What lies behind this node.
    pub(crate) announce: Vec<Prefix>,
    /// Ordinary addresses with which this node negotiates what becomes of each flow; `None`: what
    /// its groups say.
    pub(crate) site: Option<Vec<Prefix>>,
}

impl Place<'_> {
    pub(super) fn ip(&self, value: &Value<'_>) -> Result<Ip, Failure> {
        let mut ip = Ip::default();
        let Some(table) = value.get_ref().as_table() else {
            return Err(self.wrong_type("ip", value, "[ip]"));
        };
        for (key, value) in table.iter() {
            match &**key.get_ref() {
                "addresses" => {
                    let example = "[\"10.77.0.1/24\"]";
                    let max = node::ADDRESSES_MAX;
                    let texts = self.texts("ip.addresses", value, example, max)?;
                    let read = texts.iter().map(|(text, value)| self.address(text, value));
                    ip.addresses = read.collect::<Result<_, _>>()?;
                }
                "announce" => {
                    let example = "[\"192.168.10.0/24\"]";
                    let max = PREFIXES_MAX - node::ADDRESSES_MAX;
                    let texts = self.texts("ip.announce", value, example, max)?;
                    let read = texts.iter().map(|(text, value)| self.prefix(text, value));
                    ip.announce = read.collect::<Result<_, _>>()?;
                }
                "site" => {
                    let example = "[\"192.168.0.0/16\"]";
                    let texts = self.texts("ip.site", value, example, PREFIXES_MAX)?;
                    let read = texts.iter().map(|(text, value)| self.prefix(text, value));
                    ip.site = Some(read.collect::<Result<_, _>>()?);
                }
                other => return Err(self.unknown_key(other, KEYS, "ip.", key.span())),
            }
        }
        Ok(ip)
    }

    /// A list of at most `max` texts.
    fn texts<'v, 'i>(
        &self,
        key: &str,
        value: &'v Value<'i>,
        example: &str,
        max: usize,
    ) -> Result<Vec<(&'v str, &'v Value<'i>)>, Failure> {
        let Some(list) = value.get_ref().as_array() else {
            return Err(self.wrong_type(key, value, example));
        };
        if list.len() > max {
            return Err(self
                .failure("error-config-list", value.span())
                .with("key", key)
                .with("len", list.len())
                .with("max", max));
        }
        let texts = list.iter().map(|value| {
            let text = value.get_ref().as_str();
            Ok((
                text.ok_or_else(|| self.wrong_type(key, value, example))?,
                value,
            ))
        });
        texts.collect()
    }

    fn address(&self, text: &str, value: &Value<'_>) -> Result<(Ipv4Addr, u8), Failure> {
        let read = || {
            let (ip, len) = text.split_once('/').unwrap_or((text, "32"));
            let (ip, len) = (ip.parse::<Ipv4Addr>().ok()?, len.parse().ok()?);
            // The kernel routes the whole prefix to the interface.
            let routed = match Prefix::new(IpAddr::V4(ip), len) {
                Ok(prefix) | Err(PrefixError::HostBits(prefix)) => prefix,
                Err(PrefixError::Syntax) => return None,
            };
            routed.may_be_announced().then_some((ip, len))
        };
        let wrong = || self.failure("error-config-address", value.span());
        read().ok_or_else(|| wrong().with("value", text))
    }

    fn prefix(&self, text: &str, value: &Value<'_>) -> Result<Prefix, Failure> {
        let wrong = |message| self.failure(message, value.span()).with("value", text);
        match text.parse::<Prefix>() {
            Ok(prefix) if prefix.may_be_announced() => Ok(prefix),
            Ok(_) => Err(wrong("error-config-prefix-refused")),
            Err(PrefixError::HostBits(meant)) => {
                Err(wrong("error-config-prefix-bits").with("meant", meant))
            }
            Err(PrefixError::Syntax) => Err(wrong("error-config-prefix")),
        }
    }
}
