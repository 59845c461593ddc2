//! Files that hold secrets and state: where they live, atomic writes, checked reads, the lock.
//!
//! | user | state | runtime (socket, lock) |
//! |---|---|---|
//! | root | `/var/lib/kumihimo` | `/run/kumihimo` |
//! | others | `$XDG_STATE_HOME/kumihimo` or `~/.local/state/kumihimo` | `$XDG_RUNTIME_DIR/kumihimo` or the state directory |
//!
//! Directories are 0700, files 0600. A write goes to a temporary file of a fixed name beside
//! the target, so that what a crash leaves is replaced by the next write.

use rustix::fs::{FlockOperation, Mode, OFlags};
use std::ffi::OsString;
use std::fs::{DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// What went wrong with a file of ours.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// There is no such file.
    #[error("{} does not exist", .0.display())]
    Missing(PathBuf),
    /// A file that must be new is there already.
    #[error("{} exists already", .0.display())]
    Exists(PathBuf),
    /// Others than its owner may read or write it.
    #[error("{} may be used by others (mode {mode:04o})", path.display())]
    TooOpen {
        /// The file or directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It belongs to another user.
    #[error("{} belongs to user {owner}", path.display())]
    ForeignOwner {
        /// The file or directory.
        path: PathBuf,
        /// The user id that owns it.
        owner: u32,
    },
    /// It is not a regular file, or not a directory where one is needed.
    #[error("{} is of the wrong type", .0.display())]
    WrongType(PathBuf),
    /// It is longer than anything that belongs there.
    #[error("{} is longer than {len_max} bytes", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The limit of the caller.
        len_max: u64,
    },
    /// The operating system failed.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

fn io_error(path: &Path, source: io::Error) -> FileError {
    match source.kind() {
        io::ErrorKind::NotFound => FileError::Missing(path.to_owned()),
        io::ErrorKind::AlreadyExists => FileError::Exists(path.to_owned()),
        _ => FileError::Io {
            path: path.to_owned(),
            source,
        },
    }
}

/// Where one node keeps its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directories {
    /// Keys, journal, log.
    pub state: PathBuf,
    /// Socket and lock.
    pub runtime: PathBuf,
}

impl Directories {
    /// The standard place for the user of this process; `None` without a home directory.
    pub fn standard() -> Option<Self> {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        Self::for_user(crate::process::user_id(), variable)
    }

    fn for_user(user: u32, variable: impl Fn(&str) -> Option<OsString>) -> Option<Self> {
        if user == 0 {
            return Some(Self {
                state: PathBuf::from("/var/lib/kumihimo"),
                runtime: PathBuf::from("/run/kumihimo"),
            });
        }
        let absolute = |name: &str| {
            variable(name)
                .map(PathBuf::from)
                .filter(|p| p.is_absolute())
        };
        let state = absolute("XDG_STATE_HOME")
            .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))?
            .join("kumihimo");
        let runtime = absolute("XDG_RUNTIME_DIR").map(|directory| directory.join("kumihimo"));
        Some(Self {
            runtime: runtime.unwrap_or_else(|| state.clone()),
            state,
        })
    }

    /// Everything in one directory, for a second node of the same user.
    pub fn under(directory: &Path) -> Self {
        Self {
            state: directory.to_owned(),
            runtime: directory.to_owned(),
        }
    }

    /// Makes both directories if they are missing and checks that they are private.
    ///
    /// # Errors
    /// They cannot be made, belong to somebody else, or others may enter them.
    pub fn prepare(&self) -> Result<(), FileError> {
        private_directory(&self.state)?;
        private_directory(&self.runtime)
    }
}

/// Makes `path` (and what is missing above it) with mode 0700 and checks owner and mode.
///
/// # Errors
/// As [`Directories::prepare`].
pub fn private_directory(path: &Path) -> Result<(), FileError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|e| io_error(path, e))?;
    let metadata = std::fs::metadata(path).map_err(|e| io_error(path, e))?;
    if !metadata.is_dir() {
        return Err(FileError::WrongType(path.to_owned()));
    }
    check_private(path, &metadata)
}

fn check_private(path: &Path, metadata: &std::fs::Metadata) -> Result<(), FileError> {
    if metadata.uid() != crate::process::user_id() {
        return Err(FileError::ForeignOwner {
            path: path.to_owned(),
            owner: metadata.uid(),
        });
    }
    let mode = metadata.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(FileError::TooOpen {
            path: path.to_owned(),
            mode,
        });
    }
    Ok(())
}

/// Replaces `path` by `bytes` (mode 0600): after a crash it has the old or the new content,
/// never a part.
///
/// # Errors
/// The file or its directory cannot be written; the old content stays.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let temporary = write_temporary(path, bytes)?;
    std::fs::rename(&temporary, path).map_err(|e| io_error(path, e))?;
    sync_directory(path)
}

/// Makes `path` with `bytes` (mode 0600), and never touches a file that is there already.
///
/// # Errors
/// [`FileError::Exists`], or as [`write_private`].
pub fn create_private(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let temporary = write_temporary(path, bytes)?;
    let linked = std::fs::hard_link(&temporary, path).map_err(|e| io_error(path, e));
    std::fs::remove_file(&temporary).map_err(|e| io_error(&temporary, e))?;
    linked?;
    sync_directory(path)
}

/// Replaces `path`, a file of the machine, by `bytes` with this mode and owner: whoever opens it sees the old
/// or the new content, never a part.
///
/// # Errors
/// As [`write_private`].
pub fn replace(
    path: &Path,
    bytes: &[u8],
    mode: u32,
    (user, group): (u32, u32),
) -> Result<(), FileError> {
    let temporary = write_temporary(path, bytes)?;
    let finish = || -> io::Result<()> {
        std::os::unix::fs::chown(&temporary, Some(user), Some(group))?;
        std::fs::set_permissions(&temporary, PermissionsExt::from_mode(mode))?;
        std::fs::rename(&temporary, path)
    };
    finish().map_err(|error| {
        let _ = std::fs::remove_file(&temporary);
        io_error(path, error)
    })?;
    sync_directory(path)
}

fn write_temporary(path: &Path, bytes: &[u8]) -> Result<PathBuf, FileError> {
    let name = path
        .file_name()
        .ok_or_else(|| FileError::WrongType(path.to_owned()))?;
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(".new");
    let temporary = path.with_file_name(hidden);
    match std::fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(io_error(&temporary, error));
        }
        _ => {}
    }
    let write = || -> io::Result<()> {
        let mut file = File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(|error| FileError::Io {
        path: temporary.clone(),
        source: error,
    })?;
    Ok(temporary)
}

fn sync_directory(path: &Path) -> Result<(), FileError> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(directory)
        .and_then(|file| file.sync_all())
        .map_err(|e| io_error(directory, e))
}

/// Reads a file of at most `len_max` bytes that only its owner, who runs this process, may
/// use.
///
/// # Errors
/// Any of [`FileError`].
pub fn read_private(path: &Path, len_max: u64) -> Result<Vec<u8>, FileError> {
    let mut file = File::options()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)
        .map_err(|e| io_error(path, e))?;
    let metadata = file.metadata().map_err(|e| io_error(path, e))?;
    if !metadata.is_file() {
        return Err(FileError::WrongType(path.to_owned()));
    }
    check_private(path, &metadata)?;
    let mut bytes = Vec::new();
    Read::by_ref(&mut file)
        .take(len_max.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|e| io_error(path, e))?;
    if bytes.len() as u64 > len_max {
        return Err(FileError::TooLong {
            path: path.to_owned(),
            len_max,
        });
    }
    Ok(bytes)
}

/// Opens a private file for appending, making it if it is missing (mode 0600).
///
/// # Errors
/// Any of [`FileError`] but `TooLong`.
pub fn append_private(path: &Path) -> Result<File, FileError> {
    let file = File::options()
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)
        .map_err(|e| io_error(path, e))?;
    let metadata = file.metadata().map_err(|e| io_error(path, e))?;
    if !metadata.is_file() {
        return Err(FileError::WrongType(path.to_owned()));
    }
    check_private(path, &metadata)?;
    Ok(file)
}

/// Why the lock was not had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error("process {pid:?} already runs here")]
    Held {
        /// The id that the holder wrote, if it is readable.
        pid: Option<u32>,
    },
    /// The lock file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
}

/// The right to be the one node of a state directory. Ends with the process, however it
/// ends; the file that stays means nothing without its lock.
#[derive(Debug)]
pub struct Lock {
    // Holds the flock(2) until it is dropped.
    _file: File,
}

impl Lock {
    /// Takes the lock at `path` and writes this process's id into it.
    ///
    /// # Errors
    /// [`LockError::Held`] when another process has it.
    pub fn acquire(path: &Path) -> Result<Self, LockError> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let failed = |e: io::Error| LockError::File(io_error(path, e));
        let mut file: File = rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR)
            .map_err(|e| failed(e.into()))?
            .into();
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let mut text = String::new();
                let _ = Read::by_ref(&mut file).take(16).read_to_string(&mut text);
                return Err(LockError::Held {
                    pid: text.trim().parse().ok(),
                });
            }
            Err(error) => return Err(failed(error.into())),
        }
        let mut write = || -> io::Result<()> {
            file.set_len(0)?;
            writeln!(file, "{}", std::process::id())
        };
        write().map_err(failed)?;
        Ok(Self { _file: file })
    }

    /// The process that holds the lock at `path` now, if any.
    pub fn holder(path: &Path) -> Option<u32> {
        let mut file = File::open(path).ok()?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared) {
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let mut text = String::new();
                Read::by_ref(&mut file)
                    .take(16)
                    .read_to_string(&mut text)
                    .ok()?;
                text.trim().parse().ok()
            }
            _ => None,
        }
    }
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
