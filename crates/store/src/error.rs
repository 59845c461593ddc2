//! Why a store cannot be opened.

use std::path::PathBuf;

use os::files::FileError;

use crate::page::UNFINISHED;
use crate::url::UrlError;

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be used.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: rusqlite::Error,
    },
    /// The database cannot be used; says where it is.
    #[error("{0}")]
    Database(String),
    /// It was written by a newer version.
    #[error("{place} was written by a newer version (format {format})")]
    Newer {
        /// Where it is.
        place: String,
        /// Its format.
        format: i64,
    },
    /// The key here is not the one that it is sealed with.
    #[error("{place} is sealed with another key than gms.key here")]
    Key {
        /// Where it is.
        place: String,
    },
    /// It is somewhere else now.
    #[error("{place} was moved to {to}")]
    Moved {
        /// Where it was.
        place: String,
        /// Where it is, without a password.
        to: String,
    },
    /// Somebody began to move groups to it, and did not end.
    #[error("{place} holds a part of what was to be moved there")]
    Unfinished {
        /// Where it is.
        place: String,
    },
    /// It holds other groups, so nothing is moved to it.
    #[error("{place} holds other groups")]
    Occupied {
        /// Where it is.
        place: String,
    },
    /// The text is no place of a database.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// The key's file.
    #[error(transparent)]
    KeyFile(#[from] FileError),
    /// The database is a store, and its key is not here.
    #[error("{place} is sealed with a key that is not here")]
    NoKey {
        /// Where it is.
        place: String,
    },
    /// A key was given, and there is another one here.
    #[error("{} holds another key than the one that was given", path.display())]
    OtherKey {
        /// The file of the key that is here.
        path: PathBuf,
    },
}

impl OpenError {
    /// Of a store with a mark where it was moved to.
    pub(crate) fn moved(place: String, to: String) -> Self {
        match to == UNFINISHED {
            true => Self::Unfinished { place },
            false => Self::Moved { place, to },
        }
    }

    /// The error for programs: its name, and what it names.
    #[must_use]
    pub fn named(&self) -> (&'static str, Vec<(&'static str, String)>) {
        let at = |place: &String| vec![("place", place.clone())];
        match self {
            Self::File { .. } | Self::Database(_) | Self::KeyFile(_) => ("unusable", Vec::new()),
            Self::Newer { place, .. } => ("newer", at(place)),
            Self::Key { place } => ("key", at(place)),
            Self::NoKey { place } => ("no-key", at(place)),
            Self::Unfinished { place } => ("unfinished", at(place)),
            Self::Occupied { place } => ("occupied", at(place)),
            Self::OtherKey { path } => ("other-key", at(&path.display().to_string())),
            Self::Moved { place, to } => {
                ("moved", vec![("place", place.clone()), ("to", to.clone())])
            }
            Self::Url(UrlError::Form) => ("url", Vec::new()),
            Self::Url(UrlError::Host) => ("url-host", Vec::new()),
            Self::Url(UrlError::Mode) => ("url-mode", Vec::new()),
            Self::Url(UrlError::Roots) => ("url-roots", Vec::new()),
            Self::Url(UrlError::Setting(setting)) => {
                ("url-setting", vec![("setting", (*setting).to_owned())])
            }
        }
    }
}
