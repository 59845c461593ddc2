//! Where this node keeps its groups, and remembering it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use os::files::{self, FileError};

use crate::error::OpenError;
use crate::url::{DatabaseUrl, URL_LEN_MAX, UrlError};

/// The name of the file in the state directory that says where the store is, if it is not there
/// itself. It may hold a password, so it is private.
pub const PLACE_FILE: &str = "gms.database";

/// A place of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A file in this directory.
    Directory(PathBuf),
    /// PostgreSQL.
    Postgres(DatabaseUrl),
}

impl Place {
    /// Where this node keeps its groups: in its state directory, unless it remembers another place.
    ///
    /// # Errors
    /// The file cannot be read, or holds no place.
    pub fn remembered(state: &Path) -> Result<Self, OpenError> {
        match files::read_private(&state.join(PLACE_FILE), URL_LEN_MAX as u64 + 1) {
            Err(FileError::Missing(_)) => Ok(Self::Directory(state.to_owned())),
            read => {
                let text = String::from_utf8(read?).map_err(|_| UrlError::Form)?;
                Ok(text.parse()?)
            }
        }
    }

    /// Whether this node keeps groups anywhere.
    #[must_use]
    pub fn is_known(state: &Path) -> bool {
        [crate::FILE, PLACE_FILE]
            .iter()
            .any(|name| state.join(name).exists())
    }

    /// Remembers this place for the next start.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn remember(&self, state: &Path) -> Result<(), FileError> {
        let path = state.join(PLACE_FILE);
        let text = match self {
            Self::Directory(directory) if directory == state => String::new(),
            Self::Directory(directory) => directory.display().to_string(),
            Self::Postgres(url) => url.secret_text().to_owned(),
        };
        if !text.is_empty() {
            return files::write_private(&path, format!("{text}\n").as_bytes());
        }
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(FileError::Io {
                path,
                source: error,
            }),
            _ => Ok(()),
        }
    }
}

/// An absolute path is a directory, anything else a database.
impl FromStr for Place {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let text = text.trim();
        if text.starts_with('/') && text.len() <= URL_LEN_MAX {
            return Ok(Self::Directory(PathBuf::from(text)));
        }
        text.parse().map(Self::Postgres)
    }
}

/// Without a password.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(directory) => write!(f, "{}", directory.join(crate::FILE).display()),
            Self::Postgres(url) => url.fmt(f),
        }
    }
}
