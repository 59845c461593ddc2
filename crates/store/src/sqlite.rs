//! The store in one file.
//!
//! SQLite in WAL mode with `synchronous = FULL`: what [`Store::commit`] has acknowledged survives
//! kill -9 and the loss of power. Records are kept as the JSON that was hashed, so that the trail
//! can be checked with other tools.

use std::path::{Path, PathBuf};
use std::time::Duration;

use control::service::{Store, StoreError, Writing};
use control::{Record, SecretOf};
use group::epochs::EpochSecret;
use group::statement::GroupId;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use crate::seal::Seal;

/// The name of the store in the state directory.
pub const FILE: &str = "gms.db";

/// The version of the tables.
const FORMAT: i64 = 1;
/// How long to wait for another process that holds the file: a backup.
const BUSY: Duration = Duration::from_secs(5);

const TABLES: &str = "
    CREATE TABLE records (rev INTEGER PRIMARY KEY, json TEXT NOT NULL) STRICT;
    CREATE TABLE epoch_secrets (
        group_id BLOB NOT NULL, number INTEGER NOT NULL, sealed BLOB NOT NULL,
        PRIMARY KEY (group_id, number)) STRICT, WITHOUT ROWID;
    CREATE TABLE root_seeds (group_id BLOB PRIMARY KEY, sealed BLOB NOT NULL) STRICT;
";

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
    /// It was written by a newer version.
    #[error("{} was written by a newer version (format {format})", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        format: i64,
    },
}

/// A store in one file.
pub struct Sqlite {
    connection: Connection,
    seal: Seal,
}

impl Sqlite {
    /// Opens the store in a directory, or makes it.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(directory: &Path, seal: Seal) -> Result<Self, OpenError> {
        let path = directory.join(FILE);
        let failed = |source| OpenError::File {
            path: path.clone(),
            source,
        };
        let mut connection = Connection::open(&path).map_err(failed)?;
        let format = prepare(&mut connection).map_err(failed)?;
        if format > FORMAT {
            return Err(OpenError::Newer { path, format });
        }
        Ok(Self { connection, seal })
    }

    /// The seed of a group's root key.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn root_seed(&self, group: GroupId) -> Result<Option<[u8; 32]>, StoreError> {
        let query = "SELECT sealed FROM root_seeds WHERE group_id = ?1";
        let found = self
            .connection
            .prepare_cached(query)
            .and_then(|mut query| query.query_row([&group.0[..]], blob).optional());
        let sealed = found.map_err(unavailable)?;
        sealed
            .map(|sealed| self.open_sealed(&root_label(group), &sealed))
            .transpose()
    }

    fn open_sealed(&self, what: &[u8], sealed: &[u8]) -> Result<[u8; 32], StoreError> {
        let opened = self.seal.open(what, sealed);
        let secret = opened.and_then(|bytes| bytes.try_into().ok());
        secret.ok_or_else(|| {
            let key = crate::KEY_FILE;
            StoreError::Unavailable(format!("a secret does not open with the key in {key}"))
        })
    }

    fn write(&mut self, after: u64, writing: &Writing<'_>) -> Result<(), StoreError> {
        let behavior = TransactionBehavior::Immediate;
        let transaction = self.connection.transaction_with_behavior(behavior);
        let transaction = transaction.map_err(unavailable)?;
        if last_rev(&transaction).map_err(unavailable)? != after {
            return Err(StoreError::Conflict);
        }
        for record in writing.records {
            let json = serde_json::to_string(record).map_err(|error| {
                StoreError::Unavailable(format!("a record cannot be written: {error}"))
            })?;
            let insert = "INSERT INTO records (rev, json) VALUES (?1, ?2)";
            let rev = i64::try_from(record.rev).unwrap_or(i64::MAX);
            run(&transaction, insert, params![rev, json])?;
        }
        for (of, secret) in writing.secrets {
            let sealed = self.seal.seal(&epoch_label(*of), secret.bytes());
            let insert = "INSERT INTO epoch_secrets (group_id, number, sealed) VALUES (?1, ?2, ?3)";
            let values = params![&of.group.0[..], of.number, sealed];
            run(&transaction, insert, values)?;
        }
        for (group, seed) in writing.root_seeds {
            let sealed = self.seal.seal(&root_label(*group), seed);
            let insert = "INSERT INTO root_seeds (group_id, sealed) VALUES (?1, ?2)";
            run(&transaction, insert, params![&group.0[..], sealed])?;
        }
        transaction.commit().map_err(unavailable)
    }
}

impl Store for Sqlite {
    fn commit(&mut self, after: u64, writing: &Writing<'_>) -> Result<(), StoreError> {
        self.write(after, writing)
    }

    fn records(&mut self, after: u64, most: usize) -> Result<Vec<Record>, StoreError> {
        let query = "SELECT json FROM records WHERE rev > ?1 ORDER BY rev LIMIT ?2";
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        let mut query = self.connection.prepare_cached(query).map_err(unavailable)?;
        let rows = query.query_map([after, most], |row| row.get::<_, String>(0));
        let mut records = Vec::new();
        for json in rows.map_err(unavailable)? {
            let json = json.map_err(unavailable)?;
            let record = serde_json::from_str(&json).map_err(|error| {
                let after = after.saturating_add(1);
                StoreError::Unavailable(format!("a record from {after} on is damaged: {error}"))
            })?;
            records.push(record);
        }
        Ok(records)
    }

    fn secret(&self, of: SecretOf) -> Result<Option<EpochSecret>, StoreError> {
        let query = "SELECT sealed FROM epoch_secrets WHERE group_id = ?1 AND number = ?2";
        let values = params![&of.group.0[..], of.number];
        let found = self
            .connection
            .prepare_cached(query)
            .and_then(|mut query| query.query_row(values, blob).optional());
        let sealed = found.map_err(unavailable)?;
        let opened = sealed.map(|sealed| self.open_sealed(&epoch_label(of), &sealed));
        Ok(opened.transpose()?.map(EpochSecret::new))
    }
}

/// Sets the file up; the version of its tables.
fn prepare(connection: &mut Connection) -> rusqlite::Result<i64> {
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let format: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if format == 0 {
        transaction.execute_batch(TABLES)?;
        transaction.pragma_update(None, "user_version", FORMAT)?;
        transaction.commit()?;
        return Ok(FORMAT);
    }
    Ok(format)
}

fn last_rev(transaction: &Transaction<'_>) -> rusqlite::Result<u64> {
    let query = "SELECT COALESCE(MAX(rev), 0) FROM records";
    let rev: i64 = transaction.query_row(query, [], |row| row.get(0))?;
    Ok(u64::try_from(rev).unwrap_or_default())
}

fn run(
    transaction: &Transaction<'_>,
    statement: &str,
    values: &[&dyn rusqlite::ToSql],
) -> Result<(), StoreError> {
    let prepared = transaction.prepare_cached(statement);
    let done = prepared.and_then(|mut it| it.execute(values));
    done.map(drop).map_err(unavailable)
}

fn blob(row: &rusqlite::Row<'_>) -> rusqlite::Result<Vec<u8>> {
    row.get(0)
}

fn unavailable(error: rusqlite::Error) -> StoreError {
    StoreError::Unavailable(error.to_string())
}

fn epoch_label(of: SecretOf) -> Vec<u8> {
    [b"epoch".as_slice(), &of.group.0, &of.number.to_be_bytes()].concat()
}

fn root_label(group: GroupId) -> Vec<u8> {
    [b"root".as_slice(), &group.0].concat()
}
