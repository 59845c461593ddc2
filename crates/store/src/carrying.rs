//! Carrying a store to another place, whole: for a move, and for a backup.
//!
//! What it does: copies records and sealed secrets as they are at one moment, into a store that nobody
//! serves until it is said to be whole. Interrupted at any point the first store is as it was, or the
//! second one is whole and only has to be said so ([`Database::end_move`]).
//!
//! What it does not: check the trail. Whoever moves reads it at the other place before the first store
//! is left.

use std::path::{Path, PathBuf};

use control::service::{Store, StoreError};
use os::files::{self, FileError};

use crate::database::{Database, Opening};
use crate::error::OpenError;
use crate::page::{Carried, Page, UNFINISHED};
use crate::place::Place;
use crate::seal::MasterKey;
use crate::sqlite::Sqlite;

/// Why a backup was not made.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The file is there, or cannot be made.
    #[error(transparent)]
    File(#[from] FileError),
    /// The store that it would be.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store that is copied, or the copy.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Database {
    /// A store at another place that this one may be moved to: it is new, or holds a part of this
    /// one that was left.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open_target(&mut self, place: &Place, opening: Opening<'_>) -> Result<Self, OpenError> {
        if let Place::Directory(directory) = place {
            files::private_directory(directory)?;
        }
        let (mut target, _, moved) = Self::open_any(place, opening)?;
        let may = match moved.as_deref() {
            Some(UNFINISHED) => Ok(true),
            None => target.last().map(|last| last.is_none()),
            Some(_) => target.last().and_then(|last| self.holds(last)),
        };
        if may.map_err(|error| OpenError::Database(error.to_string()))? {
            return Ok(target);
        }
        let place = place.to_string();
        Err(OpenError::Occupied { place })
    }

    /// Fills another store with what this one holds; the last revision. `done` is told how many rows
    /// of how many are there.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn carry(
        &mut self,
        target: &mut Self,
        done: &mut dyn FnMut(u64, u64),
    ) -> Result<u64, StoreError> {
        carry(self.carried(), target.carried(), done)
    }

    /// Leaves this store, if its last revision is this one: nobody serves it any more.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn leave(&mut self, rev: u64, to: &Place) -> Result<(), StoreError> {
        self.carried().leave(rev, &to.to_string())
    }

    /// Says that this store is whole: it may be served.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn finish(&mut self) -> Result<(), StoreError> {
        self.carried().end()
    }

    /// Ends a move that was interrupted after the first store was left: the second one is whole.
    /// Whether it is.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn end_move(
        from: (&Place, Opening<'_>),
        to: (&Place, Opening<'_>),
    ) -> Result<bool, OpenError> {
        let failed = |error: StoreError| OpenError::Database(error.to_string());
        let (mut source, ..) = Self::open_any(from.0, from.1)?;
        let (mut target, _, mark) = Self::open_any(to.0, to.1)?;
        let same = source.last().map_err(failed)? == target.last().map_err(failed)?;
        if same && mark.as_deref() == Some(UNFINISHED) {
            target.finish().map_err(failed)?;
        }
        Ok(same)
    }

    /// Writes all that it holds into a file that is not there yet: a store in one file, sealed with
    /// the same key.
    ///
    /// # Errors
    /// See [`BackupError`].
    pub fn backup(
        &mut self,
        file: &Path,
        (key, opening): (&MasterKey, Opening<'_>),
        done: &mut dyn FnMut(u64, u64),
    ) -> Result<(), BackupError> {
        // Whoever comes first has the name.
        files::create_private(file, &[])?;
        let part = part_of(file);
        let write = || -> Result<(), BackupError> {
            files::write_private(&part, &[])?;
            let seal = key.seal(opening.crypto, opening.nonces);
            let (mut copy, _) = Sqlite::open_any(&part, seal)?;
            carry(self.carried(), &mut copy, done)?;
            copy.end()?;
            copy.close()?;
            let io = |source| FileError::Io {
                path: file.to_owned(),
                source,
            };
            std::fs::rename(&part, file).map_err(io)?;
            Ok(())
        };
        let written = write();
        if written.is_err() {
            // What is left of it is of no use; the error says why.
            let _ = std::fs::remove_file(&part);
            let _ = std::fs::remove_file(file);
        }
        written
    }

    fn carried(&mut self) -> &mut dyn Carried {
        match self {
            Self::Sqlite(store) => store,
            Self::Postgres(store) => &mut **store,
        }
    }

    /// The last record's number and hash.
    fn last(&mut self) -> Result<Option<(u64, [u8; 32])>, StoreError> {
        let rev = self.carried().last()?;
        let Some(before) = rev.checked_sub(1) else {
            return Ok(None);
        };
        let record = self.records(before, 1)?.pop();
        Ok(record.map(|it| (it.rev, it.hash)))
    }

    /// Whether this store has this record.
    fn holds(&mut self, record: Option<(u64, [u8; 32])>) -> Result<bool, StoreError> {
        let Some((rev, hash)) = record else {
            return Ok(true);
        };
        let found = self.records(rev.saturating_sub(1), 1)?;
        Ok(found.first().is_some_and(|it| it.hash == hash))
    }
}

fn carry(
    source: &mut dyn Carried,
    target: &mut dyn Carried,
    done: &mut dyn FnMut(u64, u64),
) -> Result<u64, StoreError> {
    target.begin()?;
    let (all, mut rows) = (source.rows()?, 0);
    source.read(&mut |page: Page| {
        target.put(&page)?;
        rows += page.len() as u64;
        done(rows, all);
        Ok(())
    })
}

fn part_of(file: &Path) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    file.with_file_name(name)
}
