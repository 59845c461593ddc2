//! What a node remembers, on disk: a journal of [`node::Change`]s.
//!
//! ```text
//! c0ffee00 {"journal":1}                 one line each: CRC-32 of the JSON, the JSON
//! 01234567 {"stored":{…}}                the state when it was last compacted
//! 89abcdef {"change":"peer_number",…}    what has changed since, in order
//! ```
//!
//! A change is written with one `write(2)` before anything that follows from it, so it
//! survives kill -9. What is lost with the machine's power is not promised, except what must
//! not come undone, which is synchronised: the reservation of handshake counts, a deny entry,
//! and the use of an invite, each with everything before it. A last line that is cut off was
//! never acted on and is dropped; damage anywhere else is an error, and the file is left as
//! it is. The journal is compacted at the start, and when it has grown by
//! [`GROWTH_LEN_MAX`].

use node::{Change, Stored};
use os::files::{self, FileError};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The journal's name in the state directory.
pub const JOURNAL: &str = "journal";
/// A journal is compacted when it has grown by this, in bytes.
pub const GROWTH_LEN_MAX: u64 = 8 * 1024 * 1024;
/// No journal is longer than this, in bytes.
pub const JOURNAL_LEN_MAX: u64 = 1024 * 1024 * 1024;
/// The version of the format.
const FORMAT: u32 = 1;
/// Length of the check and the space before the JSON.
const CHECK_LEN: usize = 9;

/// Why the journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The file is missing rights, or the disk failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// A line that is not the last does not match its check.
    #[error("{}: line {line} is damaged", path.display())]
    Damaged {
        /// The journal.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// It was written by a newer version.
    #[error("{} was written by a newer version (format {format})", path.display())]
    Newer {
        /// The journal.
        path: PathBuf,
        /// Its format.
        format: u32,
    },
    /// A change could not be written; nothing that follows from it may be done.
    #[error("writing to {}: {source}", path.display())]
    Write {
        /// The journal.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// An open journal. Its owner holds the lock of the state directory.
#[derive(Debug)]
pub struct Storage {
    path: PathBuf,
    file: File,
    len: u64,
    compacted_len: u64,
}

#[derive(Serialize, Deserialize)]
struct Header {
    journal: u32,
}

#[derive(Serialize, Deserialize)]
struct Compacted {
    stored: Stored,
}

impl Storage {
    /// Reads the journal in `directory` (there need not be one), compacts it, and opens it
    /// for appending.
    ///
    /// # Errors
    /// Any of [`StorageError`]; the journal is as it was.
    pub fn open(directory: &Path) -> Result<(Self, Stored), StorageError> {
        let path = directory.join(JOURNAL);
        let stored = load(&path)?;
        Ok((Self::compacted(path, &stored)?, stored))
    }

    /// Writes one change. When this returns, kill -9 cannot undo it.
    ///
    /// # Errors
    /// [`StorageError::Write`]; the journal ends as before the change.
    pub fn append(&mut self, change: &Change) -> Result<(), StorageError> {
        let failed = |path: &Path, source| StorageError::Write {
            path: path.to_owned(),
            source,
        };
        let line = encode(change).map_err(|source| failed(&self.path, source))?;
        let mut written = self.file.write_all(&line);
        if written.is_ok() && must_outlive_power(change) {
            written = self.file.sync_data();
        }
        if let Err(source) = written {
            // Half a line in the middle of a journal would be damage.
            let _ = self.file.set_len(self.len);
            return Err(failed(&self.path, source));
        }
        self.len += line.len() as u64;
        if self.len - self.compacted_len > GROWTH_LEN_MAX {
            let stored = load(&self.path)?;
            *self = Self::compacted(std::mem::take(&mut self.path), &stored)?;
        }
        Ok(())
    }

    /// Length of the journal in bytes.
    pub fn len_bytes(&self) -> u64 {
        self.len
    }

    fn compacted(path: PathBuf, stored: &Stored) -> Result<Self, StorageError> {
        let failed = |source| StorageError::Write {
            path: path.clone(),
            source,
        };
        let mut bytes = encode(&Header { journal: FORMAT }).map_err(failed)?;
        bytes.extend(
            encode(&Compacted {
                stored: stored.clone(),
            })
            .map_err(failed)?,
        );
        files::write_private(&path, &bytes)?;
        let file = files::append_private(&path)?;
        let len = bytes.len() as u64;
        Ok(Self {
            path,
            file,
            len,
            compacted_len: len,
        })
    }
}

/// What the journal at `path` says; nothing if there is none.
///
/// # Errors
/// Any of [`StorageError`] but `Write`.
pub fn load(path: &Path) -> Result<Stored, StorageError> {
    let bytes = match files::read_private(path, JOURNAL_LEN_MAX) {
        Ok(bytes) => bytes,
        Err(FileError::Missing(_)) => return Ok(Stored::default()),
        Err(error) => return Err(error.into()),
    };
    let mut stored = Stored::default();
    let mut complete = 0;
    let mut lines = bytes
        .split_inclusive(|byte| *byte == b'\n')
        .enumerate()
        .peekable();
    while let Some((index, line)) = lines.next() {
        let damaged = || StorageError::Damaged {
            path: path.to_owned(),
            line: index + 1,
        };
        let Some(json) = check(line) else {
            if index > 1 && lines.peek().is_none() && !line.ends_with(b"\n") {
                break; // cut off while it was written: never acted on
            }
            return Err(damaged());
        };
        match index {
            0 => {
                let header: Header = serde_json::from_slice(json).map_err(|_| damaged())?;
                if header.journal != FORMAT {
                    let (path, format) = (path.to_owned(), header.journal);
                    return Err(StorageError::Newer { path, format });
                }
            }
            1 => {
                let start: Compacted = serde_json::from_slice(json).map_err(|_| damaged())?;
                stored = start.stored;
            }
            _ => {
                let change: Change = serde_json::from_slice(json).map_err(|_| damaged())?;
                stored.apply(&change);
            }
        }
        complete = index + 1;
    }
    if complete < 2 {
        // The first two lines are written as a whole, never appended.
        return Err(StorageError::Damaged {
            path: path.to_owned(),
            line: complete + 1,
        });
    }
    Ok(stored)
}

/// Whether a change is on the disk itself before anything follows from it.
const fn must_outlive_power(change: &Change) -> bool {
    matches!(
        change,
        Change::HandshakeCountReserved { .. } | Change::Denied { .. } | Change::InviteUsed { .. }
    )
}

fn encode(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut line = vec![0u8; CHECK_LEN];
    serde_json::to_writer(&mut line, value)?;
    let check = format!("{:08x} ", crc32(line.get(CHECK_LEN..).unwrap_or_default()));
    line.splice(..CHECK_LEN, check.into_bytes());
    line.push(b'\n');
    Ok(line)
}

/// The JSON of a line that matches its check.
fn check(line: &[u8]) -> Option<&[u8]> {
    let line = line.strip_suffix(b"\n")?;
    let (check, json) = line.split_at_checked(CHECK_LEN)?;
    let check = std::str::from_utf8(check).ok()?.strip_suffix(' ')?;
    (u32::from_str_radix(check, 16).ok()? == crc32(json)).then_some(json)
}

/// CRC-32 as in Ethernet (IEEE 802.3). Against accidents, not attackers: those would have
/// to be the owner of the file.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = !0u32;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 };
        }
    }
    !crc
}

#[cfg(test)]
#[path = "storage_tests.rs"]
mod tests;
