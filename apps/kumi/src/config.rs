//! `kumi.toml`: the one configuration file, and it is optional.
//!
//! It is `--config FILE`, else `$XDG_CONFIG_HOME/kumihimo/kumi.toml` (`~/.config` when that is
//! not set), else `/etc/kumihimo/kumi.toml`. Unknown keys and wrong values are refused with
//! file, line, column and a remedy; nothing is ever guessed.
//!
//! | key | value | when absent |
//! |---|---|---|
//! | `language` | `"en"` or `"ja"` | from the locale |
//! | `listen` | `"[::]:4649"`: all addresses, and the UDP port | port 4649, or a free one |
//! | `label` | what this node tells its peers, 1 to 63 bytes | the host's name |
//! | `discovery` | `true` or `false`: beacons on the LAN | `true` |
//! | `proxy.socks5`, `proxy.http` | `"127.0.0.1:1080"`: where the proxies wait for programs | no proxy |
//! | `proxy.open` | `true`: the proxies may wait at an address that other machines reach | `false` |
//! | `ip.addresses` | `["10.77.0.1/24"]`: at most 16 IPv4 addresses inside, with the length of their prefix | none |
//! | `ip.announce` | `["192.168.10.0/24"]`: at most 48 prefixes that lie behind this node | nothing |
//! | `ip.site` | `["192.168.0.0/16"]`: at most 64 prefixes of ordinary addresses that groups protect (site mode); `[]`: none | what its groups say |
//! | `gms.https`, `gms.certificate`, `gms.key` | `"[::]:8443"` and two PEM files: where administrators of groups are served beside the overlay | only in the overlay |
//! | `tun.name` | 1 to 15 of `a-z A-Z 0-9 _ . -` | the first free of `kumi0`, `kumi1`, … |
//! | `tun.mtu` | 1280 to 65535: the longest packet that is taken; each peer is sent what its path carries, 1400 at least | 8919 |
//! | `tun.mode` | `"auto"`, `"kernel"`, `"rootless"`, `"none"` | `"auto"` |
//! | `tun.routes` | `"overlay"` (fc00::/8 and 200::/7), `"peers"` (each peer's addresses), `"none"` | `"overlay"` |
//! | `tun.offloads` | `true`, `false` (for kernels that fail at large frames; also `KUMI_OFFLOADS=off`) | `true` |
//! | `tun.queues` | 1 to 8: so many threads carry packets, each with a queue of the interface | half the processors, 1 to 4 |

mod gms;
mod proxy;

pub(crate) use proxy::Proxy;

use crate::environment::Environment;
use crate::failure::{Exit, Failure};
use crate::language::Language;
pub(crate) use ip::Ip;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::de::{DeTable, DeValue};

mod ip;

type Spanned<T> = toml::Spanned<T>;

const KEYS: &[&str] = &[
    "language",
    "listen",
    "label",
    "discovery",
    "ip",
    "proxy",
    "gms",
    "tun",
];
const TUN_KEYS: &[&str] = &["name", "mtu", "mode", "routes", "offloads", "queues"];
const LANGUAGES: &[&str] = &["en", "ja"];
const MODES: &[&str] = &["auto", "kernel", "rootless", "none"];
const ROUTES: &[&str] = &["overlay", "peers", "none"];
/// The longest configuration file that is read, in bytes.
const FILE_LEN_MAX: u64 = 1 << 20;

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Config {
    /// The file, when there is one.
    pub(crate) file: Option<PathBuf>,
    /// The language to speak.
    pub(crate) language: Option<Language>,
    /// Where to listen.
    pub(crate) listen: Option<SocketAddr>,
    /// What this node tells its peers.
    pub(crate) label: Option<String>,
    /// Whether to send and heed beacons.
    pub(crate) discovery: bool,
    /// The proxies.
    pub(crate) proxy: Proxy,
    /// IPv4 inside, and what lies behind this node.
    pub(crate) ip: Ip,
    /// Where administrators of groups are served beside the overlay.
    pub(crate) gms: Option<runtime::Https>,
    /// The TUN device.
    pub(crate) tun: Tun,
}

/// The table `[tun]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tun {
    /// The device's name.
    pub(crate) name: Option<String>,
    /// Its MTU in bytes.
    pub(crate) mtu: Option<u16>,
    /// Where it is.
    pub(crate) mode: TunMode,
    /// What leads to it.
    pub(crate) routes: Routes,
    /// Whether the kernel may pass large frames and leave checksums to the node.
    pub(crate) offloads: bool,
    /// Its queues.
    pub(crate) queues: Option<usize>,
}

/// Where the TUN device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TunMode {
    /// In the machine's network when that is permitted, else in a namespace.
    Auto,
    /// In the machine's network.
    Kernel,
    /// In an unprivileged namespace.
    Rootless,
    /// Nowhere.
    None,
}

/// What leads to the TUN device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Routes {
    /// fc00::/8 and 200::/7.
    Overlay,
    /// Each peer's addresses.
    Peers,
    /// Nothing.
    None,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            file: None,
            language: None,
            listen: None,
            label: None,
            discovery: true,
            proxy: Proxy::default(),
            ip: Ip::default(),
            gms: None,
            tun: Tun {
                name: None,
                mtu: None,
                mode: TunMode::Auto,
                routes: Routes::Overlay,
                offloads: true,
                queues: None,
            },
        }
    }
}

/// Where the file is looked for without `--config`, best first.
pub(crate) fn places(environment: &Environment) -> Vec<PathBuf> {
    let home = || Some(environment.path("HOME")?.join(".config"));
    let user = environment.path("XDG_CONFIG_HOME").or_else(home);
    user.into_iter()
        .chain([PathBuf::from("/etc")])
        .map(|folder| folder.join("kumihimo/kumi.toml"))
        .collect()
}

/// Reads the chosen file, else the first of the `places` that is there.
///
/// # Errors
/// It cannot be read, or says something that it may not.
pub(crate) fn load(chosen: Option<&Path>, places: &[PathBuf]) -> Result<Config, Failure> {
    if let Some(file) = chosen {
        return read(file);
    }
    // One that may not be looked at is as good as none: /etc may be another user's.
    match places.iter().find(|file| file.is_file()) {
        Some(file) => read(file),
        None => Ok(Config::default()),
    }
}

fn read(file: &Path) -> Result<Config, Failure> {
    let unreadable = |detail: String| {
        Failure::new(Exit::Usage, "error-config-unreadable")
            .with("file", file.display())
            .with("detail", detail)
    };
    let len = std::fs::metadata(file)
        .map_err(|error| unreadable(error.to_string()))?
        .len();
    if len > FILE_LEN_MAX {
        return Err(unreadable(format!("{len} bytes > {FILE_LEN_MAX}")));
    }
    let source = std::fs::read_to_string(file).map_err(|error| unreadable(error.to_string()))?;
    let mut config = parse(&source, file)?;
    config.file = Some(file.to_owned());
    Ok(config)
}

/// Parses the text of a file; `file` is only named.
///
/// # Errors
/// What is wrong, where, and what to write instead.
pub(crate) fn parse(source: &str, file: &Path) -> Result<Config, Failure> {
    let at = Place { source, file };
    let table = DeTable::parse(source).map_err(|error| {
        at.failure("error-config-syntax", error.span().unwrap_or(0..0))
            .with("detail", error.message().replace('\n', ", "))
    })?;
    let mut config = Config::default();
    for (key, value) in table.get_ref().iter() {
        match &**key.get_ref() {
            "language" => {
                config.language = Language::parse(at.one_of("language", value, LANGUAGES)?);
            }
            "listen" => config.listen = Some(at.listen(value)?),
            "label" => config.label = Some(at.label(value)?),
            "discovery" => config.discovery = at.boolean("discovery", value)?,
            "proxy" => config.proxy = at.proxy(value)?,
            "ip" => config.ip = at.ip(value)?,
            "gms" => config.gms = at.gms(value)?,
            "tun" => config.tun = at.tun(value)?,
            other => return Err(at.unknown_key(other, KEYS, "", key.span())),
        }
    }
    Ok(config)
}

/// What is needed to say where something stands.
struct Place<'a> {
    source: &'a str,
    file: &'a Path,
}

type Value<'i> = Spanned<DeValue<'i>>;

impl Place<'_> {
    fn failure(&self, message: &str, span: Range<usize>) -> Failure {
        let before = self.source.get(..span.start).unwrap_or(self.source);
        let line = before.matches('\n').count() + 1;
        let column = before
            .rsplit('\n')
            .next()
            .map_or(0, |line| line.chars().count())
            + 1;
        Failure::new(Exit::Usage, message)
            .with("file", self.file.display())
            .with("line", line)
            .with("column", column)
    }

    fn unknown_key(&self, key: &str, known: &[&str], prefix: &str, span: Range<usize>) -> Failure {
        let message = match nearest(key, known) {
            Some(_) => "error-config-key-near",
            None => "error-config-key",
        };
        self.failure(message, span)
            .with("key", format!("{prefix}{key}"))
            .with("near", nearest(key, known).unwrap_or_default())
            .with("known", known.join(", "))
    }

    fn wrong_type(&self, key: &str, value: &Value<'_>, example: &str) -> Failure {
        self.failure("error-config-type", value.span())
            .with("key", key)
            .with("found", value.get_ref().type_str())
            .with("example", example)
    }

    fn string<'v>(
        &self,
        key: &str,
        value: &'v Value<'_>,
        example: &str,
    ) -> Result<&'v str, Failure> {
        let text = value.get_ref().as_str();
        text.ok_or_else(|| self.wrong_type(key, value, example))
    }

    fn boolean(&self, key: &str, value: &Value<'_>) -> Result<bool, Failure> {
        let found = value.get_ref().as_bool();
        found.ok_or_else(|| self.wrong_type(key, value, "true"))
    }

    fn one_of<'v>(
        &self,
        key: &str,
        value: &'v Value<'_>,
        known: &[&str],
    ) -> Result<&'v str, Failure> {
        let example = format!("\"{}\"", known.first().unwrap_or(&""));
        let text = self.string(key, value, &example)?;
        if known.contains(&text) {
            return Ok(text);
        }
        Err(self
            .failure("error-config-choice", value.span())
            .with("key", key)
            .with("value", text)
            .with("known", known.join(", ")))
    }

    fn listen(&self, value: &Value<'_>) -> Result<SocketAddr, Failure> {
        let text = self.string("listen", value, "\"[::]:4649\"")?;
        match text.parse::<SocketAddr>() {
            Ok(address) if address.ip().is_unspecified() => Ok(address),
            _ => Err(self
                .failure("error-config-listen", value.span())
                .with("value", text)),
        }
    }

    fn label(&self, value: &Value<'_>) -> Result<String, Failure> {
        let text = self.string("label", value, "\"laptop\"")?;
        let fits = (1..=api::LABEL_LEN_MAX).contains(&text.len());
        if fits && !text.chars().any(char::is_control) {
            return Ok(text.to_owned());
        }
        Err(self
            .failure("error-config-label", value.span())
            .with("len", text.len())
            .with("max", api::LABEL_LEN_MAX))
    }

    fn tun(&self, value: &Value<'_>) -> Result<Tun, Failure> {
        let mut tun = Config::default().tun;
        let Some(table) = value.get_ref().as_table() else {
            return Err(self.wrong_type("tun", value, "[tun]"));
        };
        for (key, value) in table.iter() {
            match &**key.get_ref() {
                "name" => tun.name = Some(self.tun_name(value)?),
                "mtu" => tun.mtu = Some(self.mtu(value)?),
                "mode" => {
                    tun.mode = match self.one_of("tun.mode", value, MODES)? {
                        "kernel" => TunMode::Kernel,
                        "rootless" => TunMode::Rootless,
                        "none" => TunMode::None,
                        _ => TunMode::Auto,
                    };
                }
                "routes" => {
                    tun.routes = match self.one_of("tun.routes", value, ROUTES)? {
                        "peers" => Routes::Peers,
                        "none" => Routes::None,
                        _ => Routes::Overlay,
                    };
                }
                "offloads" => tun.offloads = self.boolean("tun.offloads", value)?,
                "queues" => tun.queues = Some(self.queues(value)?),
                other => return Err(self.unknown_key(other, TUN_KEYS, "tun.", key.span())),
            }
        }
        Ok(tun)
    }

    fn tun_name(&self, value: &Value<'_>) -> Result<String, Failure> {
        let text = self.string("tun.name", value, "\"kumi0\"")?;
        let fits = (1..=15).contains(&text.len()) && text != "." && text != "..";
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        if fits && text.chars().all(plain) {
            return Ok(text.to_owned());
        }
        Err(self
            .failure("error-config-tun-name", value.span())
            .with("value", text))
    }

    fn queues(&self, value: &Value<'_>) -> Result<usize, Failure> {
        let Some(integer) = value.get_ref().as_integer() else {
            return Err(self.wrong_type("tun.queues", value, "2"));
        };
        match usize::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(queues @ 1..=runtime::QUEUES_MAX) => Ok(queues),
            _ => Err(self
                .failure("error-config-queues", value.span())
                .with("value", integer.as_str())
                .with("max", runtime::QUEUES_MAX)),
        }
    }

    fn mtu(&self, value: &Value<'_>) -> Result<u16, Failure> {
        let Some(integer) = value.get_ref().as_integer() else {
            return Err(self.wrong_type("tun.mtu", value, "1400"));
        };
        match u16::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(mtu) if mtu >= 1280 => Ok(mtu),
            _ => Err(self
                .failure("error-config-mtu", value.span())
                .with("value", integer.as_str())),
        }
    }
}

/// The known word that was probably meant: at most two letters off.
fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), *candidate))
        .filter(|(distance, candidate)| *distance <= 2 && *distance < candidate.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
