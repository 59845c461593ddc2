//! The store in one file.
//!
//! SQLite in WAL mode with `synchronous = FULL`: what [`Store::commit`] has acknowledged survives
//! kill -9 and the loss of power. Records are kept as the JSON that was hashed, so that the trail
//! can be checked with other tools.

use std::path::Path;
use std::time::Duration;

use control::service::{Store, StoreError, Writing};
use control::{Record, SecretOf};
use group::epochs::EpochSecret;
use group::statement::GroupId;
use identity::password::Verifier;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use crate::error::OpenError;
use crate::label;
use crate::page::{Carried, PAGE_ROWS, Page, Sink, UNFINISHED};
use crate::seal::Seal;

/// The name of the store in the state directory.
pub const FILE: &str = "gms.db";

/// The version of the tables.
const FORMAT: i64 = 3;
/// How long to wait for another process that holds the file: a backup.
const BUSY: Duration = Duration::from_secs(5);

/// Format 1 had no more than these.
const TABLES: &str = "
    CREATE TABLE records (rev INTEGER PRIMARY KEY, json TEXT NOT NULL) STRICT;
    CREATE TABLE epoch_secrets (
        group_id BLOB NOT NULL, number INTEGER NOT NULL, sealed BLOB NOT NULL,
        PRIMARY KEY (group_id, number)) STRICT, WITHOUT ROWID;
    CREATE TABLE root_seeds (group_id BLOB PRIMARY KEY, sealed BLOB NOT NULL) STRICT;
";

/// What a store says of itself: one row.
const ABOUT: &str = "
    CREATE TABLE about (key_check BLOB NOT NULL, moved_to TEXT) STRICT;
";

/// What passwords are checked by; since format 3.
const USERS: &str = "
    CREATE TABLE IF NOT EXISTS verifiers (name TEXT PRIMARY KEY, sealed BLOB NOT NULL) STRICT;
";

/// A store in one file.
pub struct Sqlite {
    connection: Connection,
    seal: Seal,
}

impl Sqlite {
    /// Whether there is a store in a directory.
    #[must_use]
    pub fn is_in(directory: &Path) -> bool {
        directory.join(FILE).exists()
    }

    /// Opens the store in a file, or makes it; where it was moved to, if it was.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub(crate) fn open_any(
        path: &Path,
        mut seal: Seal,
    ) -> Result<(Self, Option<String>), OpenError> {
        let failed = |source| OpenError::File {
            path: path.to_owned(),
            source,
        };
        let mut connection = Connection::open(path).map_err(failed)?;
        let about = prepare(&mut connection, &mut seal).map_err(failed)?;
        let place = path.display().to_string();
        let (check, moved) = match about {
            Ok(about) => about,
            Err(format) => return Err(OpenError::Newer { place, format }),
        };
        if seal.open(label::KEY, &check).as_deref() != Some(label::KEY_CHECK) {
            return Err(OpenError::Key { place });
        }
        Ok((Self { connection, seal }, moved))
    }

    /// One file from now on, with nothing beside it.
    pub(crate) fn close(self) -> Result<(), StoreError> {
        let whole = self
            .connection
            .pragma_update(None, "journal_mode", "DELETE");
        whole.map_err(unavailable)
    }

    fn write(&mut self, after: u64, writing: &Writing<'_>) -> Result<(), StoreError> {
        let behavior = TransactionBehavior::Immediate;
        let transaction = self.connection.transaction_with_behavior(behavior);
        let transaction = transaction.map_err(unavailable)?;
        let (last, moved) = end(&transaction).map_err(unavailable)?;
        if let Some(to) = moved {
            return Err(StoreError::Moved(to));
        }
        if last != after {
            return Err(StoreError::Conflict);
        }
        for record in writing.records {
            let json = label::json(record)?;
            let insert = "INSERT INTO records (rev, json) VALUES (?1, ?2)";
            run(&transaction, insert, params![label::rev(record.rev), json])?;
        }
        for (of, secret) in writing.secrets {
            let sealed = self.seal.seal(&label::epoch(*of), secret.bytes());
            let insert = "INSERT INTO epoch_secrets (group_id, number, sealed) VALUES (?1, ?2, ?3)";
            let values = params![&of.group.0[..], of.number, sealed];
            run(&transaction, insert, values)?;
        }
        for (group, seed) in writing.root_seeds {
            let sealed = self.seal.seal(&label::root(*group), seed);
            let insert = "INSERT INTO root_seeds (group_id, sealed) VALUES (?1, ?2)";
            run(&transaction, insert, params![&group.0[..], sealed])?;
        }
        for (user, verifier) in writing.verifiers {
            run(
                &transaction,
                "DELETE FROM verifiers WHERE name = ?1",
                params![user],
            )?;
            if let Some(verifier) = verifier {
                let sealed = self.seal.seal(&label::user(user), &verifier.encode());
                let insert = "INSERT INTO verifiers (name, sealed) VALUES (?1, ?2)";
                run(&transaction, insert, params![user, sealed])?;
            }
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
        let after = label::rev(after);
        let mut query = self.connection.prepare_cached(query).map_err(unavailable)?;
        let rows = query.query_map([after, most], |row| row.get::<_, String>(0));
        let mut records = Vec::new();
        for json in rows.map_err(unavailable)? {
            let json = json.map_err(unavailable)?;
            records.push(label::record(after, &json)?);
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
        let opened = sealed.map(|sealed| label::open(&self.seal, &label::epoch(of), &sealed));
        Ok(opened.transpose()?.map(EpochSecret::new))
    }

    fn root_seed(&self, group: GroupId) -> Result<Option<[u8; 32]>, StoreError> {
        let query = "SELECT sealed FROM root_seeds WHERE group_id = ?1";
        let found = self
            .connection
            .prepare_cached(query)
            .and_then(|mut query| query.query_row([&group.0[..]], blob).optional());
        let sealed = found.map_err(unavailable)?;
        let opened = sealed.map(|sealed| label::open(&self.seal, &label::root(group), &sealed));
        opened.transpose()
    }

    fn verifier(&self, user: &str) -> Result<Option<Verifier>, StoreError> {
        let query = "SELECT sealed FROM verifiers WHERE name = ?1";
        let found = self
            .connection
            .prepare_cached(query)
            .and_then(|mut query| query.query_row([user], blob).optional());
        let sealed = found.map_err(unavailable)?;
        let opened = sealed.map(|sealed| label::verifier(&self.seal, user, &sealed));
        opened.transpose()
    }
}

impl Carried for Sqlite {
    fn rows(&mut self) -> Result<u64, StoreError> {
        let query = "SELECT (SELECT COUNT(*) FROM records) + (SELECT COUNT(*) FROM epoch_secrets)
            + (SELECT COUNT(*) FROM root_seeds) + (SELECT COUNT(*) FROM verifiers)";
        let rows = self.connection.query_row(query, [], |row| row.get(0));
        let rows: i64 = rows.map_err(unavailable)?;
        Ok(u64::try_from(rows).unwrap_or_default())
    }

    fn last(&mut self) -> Result<u64, StoreError> {
        let transaction = self.connection.transaction().map_err(unavailable)?;
        end(&transaction).map(|(rev, _)| rev).map_err(unavailable)
    }

    fn read(&mut self, sink: Sink<'_>) -> Result<u64, StoreError> {
        let transaction = self.connection.transaction().map_err(unavailable)?;
        let (rev, _) = end(&transaction).map_err(unavailable)?;
        pages(
            &transaction,
            "SELECT rev, json FROM records ORDER BY rev",
            |row| Ok((row.get(0)?, row.get(1)?)),
            &mut |rows| sink(Page::Records(rows)),
        )?;
        let epochs = "SELECT group_id, number, sealed FROM epoch_secrets";
        pages(
            &transaction,
            epochs,
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            &mut |rows| sink(Page::Epochs(rows)),
        )?;
        let roots = "SELECT group_id, sealed FROM root_seeds";
        pages(
            &transaction,
            roots,
            |row| Ok((row.get(0)?, row.get(1)?)),
            &mut |rows| sink(Page::Roots(rows)),
        )?;
        let users = "SELECT name, sealed FROM verifiers";
        pages(
            &transaction,
            users,
            |row| Ok((row.get(0)?, row.get(1)?)),
            &mut |rows| sink(Page::Users(rows)),
        )?;
        Ok(rev)
    }

    fn begin(&mut self) -> Result<(), StoreError> {
        let transaction = self.connection.transaction().map_err(unavailable)?;
        let empty = "DELETE FROM records; DELETE FROM epoch_secrets; DELETE FROM root_seeds;
            DELETE FROM verifiers";
        transaction.execute_batch(empty).map_err(unavailable)?;
        let mark = "UPDATE about SET moved_to = ?1";
        run(&transaction, mark, params![UNFINISHED])?;
        transaction.commit().map_err(unavailable)
    }

    fn put(&mut self, page: &Page) -> Result<(), StoreError> {
        let transaction = self.connection.transaction().map_err(unavailable)?;
        match page {
            Page::Records(rows) => rows.iter().try_for_each(|(rev, json)| {
                let insert = "INSERT INTO records (rev, json) VALUES (?1, ?2)";
                run(&transaction, insert, params![rev, json])
            }),
            Page::Epochs(rows) => rows.iter().try_for_each(|(group, number, sealed)| {
                let insert = "INSERT INTO epoch_secrets (group_id, number, sealed)
                    VALUES (?1, ?2, ?3)";
                run(&transaction, insert, params![group, number, sealed])
            }),
            Page::Roots(rows) => rows.iter().try_for_each(|(group, sealed)| {
                let insert = "INSERT INTO root_seeds (group_id, sealed) VALUES (?1, ?2)";
                run(&transaction, insert, params![group, sealed])
            }),
            Page::Users(rows) => rows.iter().try_for_each(|(user, sealed)| {
                let insert = "INSERT INTO verifiers (name, sealed) VALUES (?1, ?2)";
                run(&transaction, insert, params![user, sealed])
            }),
        }?;
        transaction.commit().map_err(unavailable)
    }

    fn end(&mut self) -> Result<(), StoreError> {
        let clear = "UPDATE about SET moved_to = NULL";
        let cleared = self.connection.execute(clear, []);
        cleared.map(drop).map_err(unavailable)
    }

    fn leave(&mut self, rev: u64, to: &str) -> Result<(), StoreError> {
        let behavior = TransactionBehavior::Immediate;
        let transaction = self.connection.transaction_with_behavior(behavior);
        let transaction = transaction.map_err(unavailable)?;
        match end(&transaction).map_err(unavailable)? {
            (last, None) if last == rev => {}
            (_, None) => return Err(StoreError::Conflict),
            (_, Some(to)) => return Err(StoreError::Moved(to)),
        }
        run(&transaction, "UPDATE about SET moved_to = ?1", params![to])?;
        transaction.commit().map_err(unavailable)
    }
}

/// Hands over the rows of a query, some at a time.
fn pages<T>(
    connection: &Connection,
    query: &str,
    read: impl Fn(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    page: &mut dyn FnMut(Vec<T>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut query = connection.prepare(query).map_err(unavailable)?;
    let rows = query.query_map([], |row| read(row)).map_err(unavailable)?;
    let mut some = Vec::new();
    for row in rows {
        some.push(row.map_err(unavailable)?);
        if some.len() >= PAGE_ROWS {
            page(std::mem::take(&mut some))?;
        }
    }
    page(some)
}

/// What a store says of itself: what its key seals, and where it was moved to.
type About = (Vec<u8>, Option<String>);

/// Sets the file up; what it says of itself, or its format if that is newer.
fn prepare(connection: &mut Connection, seal: &mut Seal) -> rusqlite::Result<Result<About, i64>> {
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let format: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if format > FORMAT {
        return Ok(Err(format));
    }
    if format < 1 {
        transaction.execute_batch(TABLES)?;
    }
    if format < 2 {
        let query = "SELECT group_id, sealed FROM root_seeds LIMIT 1";
        let root = transaction.query_row(query, [], |row| Ok((row.get(0)?, row.get(1)?)));
        let root: Option<([u8; 16], Vec<u8>)> = root.optional()?;
        let opens = |(id, sealed): ([u8; 16], Vec<u8>)| {
            seal.open(&label::root(GroupId(id)), &sealed).is_some()
        };
        if !root.is_none_or(opens) {
            return Ok(Ok((Vec::new(), None)));
        }
        let check = seal.seal(label::KEY, label::KEY_CHECK);
        transaction.execute_batch(ABOUT)?;
        transaction.execute("INSERT INTO about (key_check) VALUES (?1)", [check])?;
    }
    if format < FORMAT {
        transaction.execute_batch(USERS)?;
        transaction.pragma_update(None, "user_version", FORMAT)?;
    }
    let query = "SELECT key_check, moved_to FROM about";
    let about = transaction.query_row(query, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    transaction.commit()?;
    Ok(Ok(about))
}

/// The last revision, and where the store was moved to.
fn end(transaction: &Transaction<'_>) -> rusqlite::Result<(u64, Option<String>)> {
    let query = "SELECT (SELECT COALESCE(MAX(rev), 0) FROM records), moved_to FROM about";
    transaction.query_row(query, [], |row| {
        let rev: i64 = row.get(0)?;
        Ok((u64::try_from(rev).unwrap_or_default(), row.get(1)?))
    })
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
