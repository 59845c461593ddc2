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
/// The same of the place that groups are being moved to.
const NEXT_FILE: &str = "gms.database.next";

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
        let read = read(&state.join(PLACE_FILE))?;
        Ok(read.unwrap_or_else(|| Self::Directory(state.to_owned())))
    }

    /// Where they are being moved to, if a move was begun and did not end.
    ///
    /// # Errors
    /// The file cannot be read, or holds no place.
    pub fn next(state: &Path) -> Result<Option<Self>, OpenError> {
        read(&state.join(NEXT_FILE))
    }

    /// Notes that they are being moved to this place.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn note_next(&self, state: &Path) -> Result<(), FileError> {
        files::write_private(&state.join(NEXT_FILE), self.text().as_bytes())
    }

    /// The move has ended, or was given up.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn forget_next(state: &Path) -> Result<(), FileError> {
        remove(state.join(NEXT_FILE))
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
        match self {
            Self::Directory(directory) if directory == state => remove(path),
            other => files::write_private(&path, other.text().as_bytes()),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Directory(directory) => format!("{}\n", directory.display()),
            Self::Postgres(url) => format!("{}\n", url.secret_text()),
        }
    }
}

fn read(path: &Path) -> Result<Option<Place>, OpenError> {
    match files::read_private(path, URL_LEN_MAX as u64 + 1) {
        Err(FileError::Missing(_)) => Ok(None),
        read => {
            let text = String::from_utf8(read?).map_err(|_| UrlError::Form)?;
            Ok(Some(text.parse()?))
        }
    }
}

fn remove(path: PathBuf) -> Result<(), FileError> {
    match std::fs::remove_file(&path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(FileError::Io { path, source })
        }
        _ => Ok(()),
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
