//! The table `[proxy]`, and the options of `kumi up` that say the same.
//!
//! A proxy is open to whoever reaches its address: it asks for no password. So that is an
//! address of the loopback interface, unless `proxy.open = true` says that others are meant.

use super::{Place, Value};
use crate::failure::{Exit, Failure};
use crate::usage::wrong_value;
use std::net::SocketAddr;

const PROXY_KEYS: &[&str] = &["socks5", "http", "open"];
const EXAMPLE: &str = "\"127.0.0.1:1080\"";

/// Where the proxies wait for programs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Proxy {
    /// The SOCKS5 proxy.
    pub(crate) socks5: Option<SocketAddr>,
    /// The HTTP proxy.
    pub(crate) http: Option<SocketAddr>,
    /// Whether others than this machine may reach them.
    pub(crate) open: bool,
}

impl Proxy {
    /// The same with what the command line says instead.
    ///
    /// # Errors
    /// A value is no address with a port, or other machines reach it and may not.
    pub(crate) fn with_options(
        mut self,
        socks5: Option<&String>,
        http: Option<&String>,
        expected: &str,
    ) -> Result<Proxy, Failure> {
        for (option, value, place) in [
            ("--socks5", socks5, &mut self.socks5),
            ("--http-proxy", http, &mut self.http),
        ] {
            let Some(value) = value else { continue };
            let address = address(value).ok_or_else(|| wrong_value(option, value, expected))?;
            if !self.open && !address.ip().is_loopback() {
                return Err(Failure::new(Exit::Usage, "error-proxy-open")
                    .with("option", option)
                    .with("value", value)
                    .with("port", address.port()));
            }
            *place = Some(address);
        }
        Ok(self)
    }
}

impl Place<'_> {
    pub(super) fn proxy(&self, value: &Value<'_>) -> Result<Proxy, Failure> {
        let mut proxy = Proxy::default();
        let Some(table) = value.get_ref().as_table() else {
            return Err(self.wrong_type("proxy", value, "[proxy]"));
        };
        // `open` counts wherever it stands in the table.
        if let Some(open) = table.get("open") {
            proxy.open = self.boolean("proxy.open", open)?;
        }
        for (key, value) in table.iter() {
            match &**key.get_ref() {
                "socks5" => {
                    proxy.socks5 = Some(self.proxy_address("proxy.socks5", value, proxy.open)?);
                }
                "http" => proxy.http = Some(self.proxy_address("proxy.http", value, proxy.open)?),
                "open" => {}
                other => return Err(self.unknown_key(other, PROXY_KEYS, "proxy.", key.span())),
            }
        }
        Ok(proxy)
    }

    fn proxy_address(
        &self,
        key: &str,
        value: &Value<'_>,
        open: bool,
    ) -> Result<SocketAddr, Failure> {
        let text = self.string(key, value, EXAMPLE)?;
        let failure = |message| {
            self.failure(message, value.span())
                .with("key", key)
                .with("value", text)
        };
        let address = address(text).ok_or_else(|| failure("error-config-proxy"))?;
        if !open && !address.ip().is_loopback() {
            return Err(failure("error-config-proxy-open").with("port", address.port()));
        }
        Ok(address)
    }
}

fn address(text: &str) -> Option<SocketAddr> {
    text.parse()
        .ok()
        .filter(|address: &SocketAddr| address.port() != 0)
}
