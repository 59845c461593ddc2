//! Opening a store: which there are, and why one cannot be opened.

use std::path::PathBuf;

use control::service::{Store, StoreError, Writing};
use control::{Record, SecretOf};
use group::epochs::EpochSecret;
use group::statement::GroupId;
use os::files::FileError;

use crate::postgres::Postgres;
use crate::sqlite::Sqlite;
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
    /// The text is no place of a database.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// The key's file.
    #[error(transparent)]
    KeyFile(#[from] FileError),
}

/// A store of either kind.
pub enum Database {
    /// In one file.
    Sqlite(Sqlite),
    /// In PostgreSQL.
    Postgres(Box<Postgres>),
}

impl Database {
    /// The seed of a group's root key.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn root_seed(&self, group: GroupId) -> Result<Option<[u8; 32]>, StoreError> {
        match self {
            Self::Sqlite(store) => store.root_seed(group),
            Self::Postgres(store) => store.root_seed(group),
        }
    }
}

impl Store for Database {
    fn commit(&mut self, after: u64, writing: &Writing<'_>) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(store) => store.commit(after, writing),
            Self::Postgres(store) => store.commit(after, writing),
        }
    }

    fn records(&mut self, after: u64, most: usize) -> Result<Vec<Record>, StoreError> {
        match self {
            Self::Sqlite(store) => store.records(after, most),
            Self::Postgres(store) => store.records(after, most),
        }
    }

    fn secret(&self, of: SecretOf) -> Result<Option<EpochSecret>, StoreError> {
        match self {
            Self::Sqlite(store) => store.secret(of),
            Self::Postgres(store) => store.secret(of),
        }
    }
}
