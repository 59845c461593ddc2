//! Where a PostgreSQL database is, as an administrator writes it.
//!
//! What it does: takes a URL (`postgresql://…`) or the `key=value` form, sees to it that neither the
//! password nor the records cross a network in clear, and shows the place without the password.
//!
//! | reached by | `sslmode` | how |
//! |---|---|---|
//! | a Unix socket | any | in clear |
//! | this host | none, and no `sslrootcert`; `disable` | in clear |
//! | a network | `disable` | in clear: somebody has seen that nothing protects it, or something else does |
//! | a network; this host with `sslrootcert` | none | TLS, as `verify-full` |
//! | this host, a network | `require`, `verify-full` | TLS; the server's certificate is verified, and its name |
//! | this host, a network | `verify-ca` with `sslrootcert` | TLS; any certificate that comes from that file is taken, whatever its name |
//! | any | `prefer`, `allow` | refused: a server, or somebody before it, decides whether it is protected |
//!
//! `sslrootcert=FILE` (an absolute path, in a URL only) names the certificates that are trusted; else, or with
//! `sslrootcert=system`, those of the system are. What libpq does without verifying (`require`) is
//! stricter here. Not known: client certificates (`sslcert`, `sslkey`), lists of revoked ones (`sslcrl`).

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use tokio_postgres::Config;
use tokio_postgres::config::{ChannelBinding, Host, SslMode};

/// The longest URL, in bytes.
pub const URL_LEN_MAX: usize = 2_048;

/// Settings of libpq that ask for what is not there.
const UNKNOWN: [&str; 5] = ["sslcert", "sslkey", "sslpassword", "sslcrl", "sslcrldir"];

/// Why a text is no place of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Not in the form of one. What is wrong with it is not said: it may hold a password.
    #[error("it is not of the form postgresql://USER@HOST/DATABASE")]
    Form,
    /// No host is named.
    #[error(
        "it names no host; for a Unix socket write postgresql://%2Fvar%2Frun%2Fpostgresql/DATABASE"
    )]
    Host,
    /// A way to protect the connection that is none.
    #[error("sslmode is one of disable, require, verify-ca and verify-full")]
    Mode,
    /// The file of certificates.
    #[error("sslrootcert is an absolute path, or \"system\"; verify-ca needs a path")]
    Roots,
    /// A setting for TLS that is not known.
    #[error("{0} is not supported")]
    Setting(&'static str),
}

/// How a connection is protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trust {
    /// The file of certificates that are trusted; `None`: those of the system.
    pub(crate) roots: Option<PathBuf>,
    /// Whether the name in the certificate has to be the host's.
    pub(crate) checks_name: bool,
}

/// The place of a database. It may hold a password, which is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl {
    text: String,
    config: Box<Config>,
    trust: Trust,
}

impl DatabaseUrl {
    /// The place as it was written, with the password.
    #[must_use]
    pub fn secret_text(&self) -> &str {
        &self.text
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// Whom the connection trusts, if it is by TLS.
    pub(crate) fn trust(&self) -> Option<&Trust> {
        (self.config.get_ssl_mode() != SslMode::Disable).then_some(&self.trust)
    }
}

impl FromStr for DatabaseUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let text = text.trim();
        if text.len() > URL_LEN_MAX || text.chars().any(char::is_control) {
            return Err(UrlError::Form);
        }
        let (rest, asked) = Asked::take(text)?;
        let mut config: Config = rest.parse().map_err(|_| UrlError::Form)?;
        let trust = asked.decide(&mut config)?;
        Ok(Self {
            text: text.to_owned(),
            config: Box::new(config),
            trust,
        })
    }
}

/// What a URL says of TLS: the driver knows less than libpq.
#[derive(Default)]
struct Asked {
    mode: Option<String>,
    roots: Option<String>,
}

impl Asked {
    /// Takes it out of a URL.
    fn take(text: &str) -> Result<(String, Self), UrlError> {
        let mut asked = Self::default();
        let is_url = ["postgres://", "postgresql://"];
        let is_url = is_url.iter().any(|scheme| text.starts_with(scheme));
        let Some((before, settings)) = text.split_once('?').filter(|_| is_url) else {
            return Ok((text.to_owned(), asked));
        };
        let mut rest = Vec::new();
        for setting in settings.split('&') {
            let (name, value) = setting.split_once('=').unwrap_or((setting, ""));
            let value = || percent_decode_str(value).decode_utf8();
            let value = || value().map(String::from).map_err(|_| UrlError::Form);
            if let Some(unknown) = UNKNOWN.iter().find(|it| **it == name) {
                return Err(UrlError::Setting(unknown));
            }
            match name {
                "sslmode" => asked.mode = Some(value()?),
                "sslrootcert" => asked.roots = Some(value()?),
                _ => rest.push(setting),
            }
        }
        let rest = match rest.is_empty() {
            true => before.to_owned(),
            false => format!("{before}?{}", rest.join("&")),
        };
        Ok((rest, asked))
    }

    fn decide(self, config: &mut Config) -> Result<Trust, UrlError> {
        if config.get_hosts().is_empty() {
            return Err(UrlError::Host);
        }
        if config.get_channel_binding() == ChannelBinding::Require {
            return Err(UrlError::Setting("channel_binding=require"));
        }
        let is_unix = |host: &Host| matches!(host, Host::Unix(_));
        let is_socket = config.get_hosts().iter().all(is_unix);
        let mode = match (self.mode.as_deref(), config.get_ssl_mode()) {
            (None, SslMode::Disable) => "disable",
            (None, SslMode::Require) => "verify-full",
            (None, _) if self.roots.is_none() && is_here(config) => "disable",
            (None | Some("require"), _) => "verify-full",
            (Some(mode @ ("disable" | "verify-ca" | "verify-full")), _) => mode,
            _ => return Err(UrlError::Mode),
        };
        let roots = self.roots.filter(|it| it != "system").map(PathBuf::from);
        let is_loose = mode == "verify-ca" && roots.is_none();
        if is_loose || roots.as_ref().is_some_and(|path| !path.is_absolute()) {
            return Err(UrlError::Roots);
        }
        config.ssl_mode(match is_socket || mode == "disable" {
            true => SslMode::Disable,
            false => SslMode::Require,
        });
        Ok(Trust {
            roots,
            checks_name: mode != "verify-ca",
        })
    }
}

/// Whether no packet leaves this host.
fn is_here(config: &Config) -> bool {
    let named = config.get_hosts().iter().all(|host| match host {
        Host::Tcp(name) => {
            let ip = name.parse::<IpAddr>();
            name == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
        }
        Host::Unix(_) => true,
    });
    // `hostaddr` is where it really goes.
    named && config.get_hostaddrs().iter().all(IpAddr::is_loopback)
}

/// Without user and password.
impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgresql://")?;
        let ports = self.config.get_ports();
        for (at, host) in self.config.get_hosts().iter().enumerate() {
            if at > 0 {
                f.write_str(",")?;
            }
            match host {
                Host::Tcp(name) => f.write_str(name)?,
                Host::Unix(path) => write!(f, "{}", path.display())?,
            }
            if let Some(port) = ports.get(at).or_else(|| ports.first()) {
                write!(f, ":{port}")?;
            }
        }
        match self.config.get_dbname() {
            Some(name) => write!(f, "/{name}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::{DatabaseUrl, UrlError};
    use std::path::PathBuf;

    /// Whether it is by TLS, with whose certificates, and whether the name counts.
    fn trust(text: &str) -> Option<(Option<PathBuf>, bool)> {
        let url: DatabaseUrl = text.parse().unwrap_or_else(|it| panic!("{text}: {it}"));
        let trust = url.trust()?;
        Some((trust.roots.clone(), trust.checks_name))
    }

    #[test]
    fn nothing_goes_over_a_network_in_clear_unasked() {
        let clear = [
            "postgresql:///kumi?host=/run/postgresql",
            "postgresql://kumi@%2Frun%2Fpostgresql/kumi",
            "postgresql://kumi@%2Frun%2Fpostgresql/kumi?sslmode=verify-full",
            "postgres://kumi:secret@127.0.0.1:5433/kumi",
            "postgresql://kumi@localhost/kumi",
            "postgresql://kumi:secret@[::1]/kumi",
            "postgresql://kumi:secret@db.example/kumi?sslmode=disable",
            "host=/run/postgresql user=kumi dbname=kumi",
            "host=db.example sslmode=disable user=kumi dbname=kumi",
        ];
        for text in clear {
            assert_eq!(trust(text), None, "{text}");
        }
        let verified = [
            "postgresql://db.example/kumi",
            "postgresql://192.0.2.1/kumi?connect_timeout=3",
            "postgresql://127.0.0.1,192.0.2.1/kumi",
            "postgresql://localhost/kumi?hostaddr=192.0.2.1",
            "postgresql://localhost/kumi?sslmode=require",
            "postgresql://db.example/kumi?sslmode=verify-full&sslrootcert=system",
            "host=db.example user=kumi dbname=kumi",
            "host=db.example sslmode=require user=kumi dbname=kumi",
        ];
        for text in verified {
            assert_eq!(trust(text), Some((None, true)), "{text}");
        }
        let file = || Some(PathBuf::from("/etc/pg ca.pem"));
        // Whoever names certificates means them, here as well.
        let here = "postgresql://localhost/kumi?sslrootcert=/etc/pg%20ca.pem";
        assert_eq!(trust(here), Some((file(), true)));
        let text = "postgresql://db.example/kumi?sslrootcert=/etc/pg%20ca.pem";
        assert_eq!(trust(text), Some((file(), true)));
        let text = format!("{text}&sslmode=verify-ca&application_name=x");
        assert_eq!(trust(&text), Some((file(), false)));
    }

    #[test]
    fn what_cannot_be_done_is_refused_by_its_name() {
        let refused = [
            ("postgresql:///kumi", UrlError::Host),
            ("mysql://localhost/kumi", UrlError::Form),
            ("", UrlError::Host),
            ("postgresql://localhost/kumi?nonsense=1", UrlError::Form),
            ("host=db.example sslmode=verify-full", UrlError::Form),
            (
                "postgresql://db.example/kumi?sslmode=prefer",
                UrlError::Mode,
            ),
            ("postgresql://localhost/kumi?sslmode=allow", UrlError::Mode),
            ("postgresql://db.example/kumi?sslmode=", UrlError::Mode),
            (
                "postgresql://db.example/kumi?sslmode=verify-ca",
                UrlError::Roots,
            ),
            (
                "postgresql://db.example/kumi?sslrootcert=ca.pem",
                UrlError::Roots,
            ),
            (
                "postgresql://db.example/kumi?sslcert=/a.pem&sslkey=/a.key",
                UrlError::Setting("sslcert"),
            ),
            (
                "postgresql://db.example/kumi?channel_binding=require",
                UrlError::Setting("channel_binding=require"),
            ),
        ];
        for (text, why) in refused {
            assert_eq!(text.parse::<DatabaseUrl>(), Err(why), "{text}");
        }
        let long = format!("postgresql://localhost/{}", "x".repeat(super::URL_LEN_MAX));
        assert_eq!(long.parse::<DatabaseUrl>(), Err(UrlError::Form));
    }

    #[test]
    fn the_password_is_never_shown() {
        let texts = [
            "postgresql://kumi:hunter2@127.0.0.1:5433/kumi",
            "postgresql:///kumi?host=/run/postgresql&password=hunter2",
            "host=localhost password=hunter2 dbname=kumi",
        ];
        for text in texts {
            let url: DatabaseUrl = text.parse().expect("a place");
            let shown = format!("{url} {url:?}");
            assert!(!shown.contains("hunter2"), "{shown}");
            assert!(url.secret_text().contains("hunter2"));
        }
    }
}
