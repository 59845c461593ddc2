//! Where a PostgreSQL database is, as an administrator writes it.
//!
//! What it does: takes a URL (`postgresql://…`) or the `key=value` form, refuses what would send the
//! password or the records in clear over a network, and shows the place without the password.
//!
//! | reached by | taken |
//! |---|---|
//! | a Unix socket, or an address of this host | yes |
//! | a network, with `sslmode=disable` in the URL | yes: somebody has seen that nothing protects it, or something else does |
//! | a network otherwise; `sslmode=require` | no: TLS is not supported |

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

/// The longest URL, in bytes.
pub const URL_LEN_MAX: usize = 2_048;

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
    /// TLS is not supported.
    #[error(
        "the connection would cross a network, and TLS is not supported: use a Unix socket or a \
         tunnel, or say with sslmode=disable that something else protects it"
    )]
    Tls,
}

/// The place of a database. It may hold a password, which is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl {
    text: String,
    config: Box<Config>,
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
}

impl FromStr for DatabaseUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let text = text.trim();
        if text.len() > URL_LEN_MAX || text.chars().any(char::is_control) {
            return Err(UrlError::Form);
        }
        let config: Config = text.parse().map_err(|_| UrlError::Form)?;
        let hosts = config.get_hosts();
        if hosts.is_empty() {
            return Err(UrlError::Host);
        }
        let is_here = hosts.iter().all(|host| match host {
            Host::Tcp(name) => {
                let ip = name.parse::<IpAddr>();
                name == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
            }
            Host::Unix(_) => true,
        });
        // `hostaddr` is where it really goes.
        let is_here = is_here && config.get_hostaddrs().iter().all(IpAddr::is_loopback);
        let refused = match config.get_ssl_mode() {
            SslMode::Disable => false,
            SslMode::Prefer => !is_here,
            _ => true,
        };
        if refused {
            return Err(UrlError::Tls);
        }
        let text = text.to_owned();
        let config = Box::new(config);
        Ok(Self { text, config })
    }
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

    #[test]
    fn nothing_goes_over_a_network_in_clear_unasked() {
        let taken = [
            "postgresql:///kumi?host=/run/postgresql",
            "postgresql://kumi@%2Frun%2Fpostgresql/kumi",
            "postgres://kumi:secret@127.0.0.1:5433/kumi",
            "postgresql://kumi@localhost/kumi",
            "postgresql://kumi:secret@[::1]/kumi",
            "postgresql://kumi:secret@db.example/kumi?sslmode=disable",
            "host=/run/postgresql user=kumi dbname=kumi",
        ];
        for text in taken {
            let url = text.parse::<DatabaseUrl>();
            assert!(url.is_ok(), "{text}: {url:?}");
        }
        let refused = [
            ("postgresql://db.example/kumi", UrlError::Tls),
            ("postgresql://192.0.2.1/kumi", UrlError::Tls),
            ("postgresql://127.0.0.1,192.0.2.1/kumi", UrlError::Tls),
            (
                "postgresql://localhost/kumi?hostaddr=192.0.2.1",
                UrlError::Tls,
            ),
            ("postgresql://localhost/kumi?sslmode=require", UrlError::Tls),
            ("postgresql:///kumi", UrlError::Host),
            ("mysql://localhost/kumi", UrlError::Form),
            ("", UrlError::Host),
            ("postgresql://localhost/kumi?nonsense=1", UrlError::Form),
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
