//! The control socket: a Unix stream socket for its owner and root, checked by peer
//! credentials, on top of the file's mode 0600.
//!
//! What is said on it is the `api` crate's.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// The longest path of a Unix socket, in bytes (`sun_path` less its terminator).
pub const PATH_LEN_MAX: usize = 107;

/// Why the socket cannot be had or reached.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The path does not fit into a socket address.
    #[error("the path of the control socket, {}, is longer than {PATH_LEN_MAX} bytes", .0.display())]
    PathTooLong(PathBuf),
    /// Something else than a socket is there.
    #[error("{} is not a socket", .0.display())]
    NotASocket(PathBuf),
    /// Nobody listens: no socket, or one that a killed node left.
    #[error("no node listens on {}", .0.display())]
    NotRunning(PathBuf),
    /// The socket belongs to somebody else.
    #[error("the control socket {} belongs to another user", .0.display())]
    NotPermitted(PathBuf),
    /// The caller is neither the owner nor root.
    #[error("user {user} (process {pid}) may not control this node")]
    Stranger {
        /// Its user id.
        user: u32,
        /// Its process id.
        pid: i32,
    },
    /// The operating system failed.
    #[error("control socket {}: {source}", path.display())]
    Io {
        /// The socket's path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// The node's end. Removes its path when dropped.
#[derive(Debug)]
pub struct Listener {
    socket: UnixListener,
    path: PathBuf,
}

impl Listener {
    /// Listens at `path`, in a directory that is private already. The caller has the lock
    /// of the node, so a socket that is there is what a killed node left, and is replaced.
    ///
    /// # Errors
    /// `PathTooLong`, `NotASocket` or `Io`.
    pub fn bind(path: &Path) -> Result<Self, ControlError> {
        check_len(path)?;
        let failed = |source| ControlError::Io {
            path: path.to_owned(),
            source,
        };
        match std::fs::symlink_metadata(path) {
            Ok(found) if found.file_type().is_socket() => {
                std::fs::remove_file(path).map_err(failed)?;
            }
            Ok(_) => return Err(ControlError::NotASocket(path.to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        let socket = UnixListener::bind(path).map_err(failed)?;
        let listener = Self {
            socket,
            path: path.to_owned(),
        };
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o600)).map_err(failed)?;
        listener.socket.set_nonblocking(true).map_err(failed)?;
        Ok(listener)
    }

    /// The next caller, without waiting; `None` when there is none.
    ///
    /// # Errors
    /// `Stranger` (the connection is closed already) or `Io`.
    pub fn accept(&self) -> Result<Option<UnixStream>, ControlError> {
        let failed = |source| ControlError::Io {
            path: self.path.clone(),
            source,
        };
        let stream = match self.socket.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let peer = rustix::net::sockopt::socket_peercred(&stream).map_err(|e| failed(e.into()))?;
        let (user, pid) = (peer.uid.as_raw(), peer.pid.as_raw_nonzero().get());
        if user != 0 && user != crate::process::user_id() {
            return Err(ControlError::Stranger { user, pid });
        }
        stream.set_nonblocking(false).map_err(failed)?;
        Ok(Some(stream))
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Connects to the node whose socket is at `path`.
///
/// # Errors
/// `NotRunning`, `NotPermitted`, `PathTooLong` or `Io`.
pub fn connect(path: &Path) -> Result<UnixStream, ControlError> {
    check_len(path)?;
    UnixStream::connect(path).map_err(|source| {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                ControlError::NotRunning(path)
            }
            io::ErrorKind::PermissionDenied => ControlError::NotPermitted(path),
            _ => ControlError::Io { path, source },
        }
    })
}

fn check_len(path: &Path) -> Result<(), ControlError> {
    if path.as_os_str().len() > PATH_LEN_MAX {
        return Err(ControlError::PathTooLong(path.to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wait::readable;
    use std::io::{Read, Write};

    fn scratch(name: &str) -> PathBuf {
        let directory =
            std::env::temp_dir().join(format!("kumi-ctl-{}-{name}", std::process::id()));
        crate::files::private_directory(&directory).unwrap();
        directory
    }

    #[test]
    fn the_owner_is_served_and_the_socket_goes_away_with_the_node() {
        let directory = scratch("owner");
        let path = directory.join("control");
        assert!(matches!(connect(&path), Err(ControlError::NotRunning(_))));
        let listener = Listener::bind(&path).unwrap();
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert!(listener.accept().unwrap().is_none());
        let mut client = connect(&path).unwrap();
        client.write_all(b"ping").unwrap();
        assert!(readable(&[listener.as_fd()], None).unwrap()[0]);
        let mut served = listener.accept().unwrap().unwrap();
        let mut heard = [0; 4];
        served.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"ping");
        drop(listener);
        assert!(!path.exists());
        std::fs::remove_dir_all(&directory).unwrap();
    }

    #[test]
    fn a_stale_socket_is_replaced_and_another_file_is_not() {
        let directory = scratch("stale");
        let path = directory.join("control");
        drop(UnixListener::bind(&path).unwrap()); // std leaves the file behind, as kill -9 does
        assert!(matches!(connect(&path), Err(ControlError::NotRunning(_))));
        drop(Listener::bind(&path).unwrap());
        std::fs::write(&path, b"precious").unwrap();
        assert!(matches!(
            Listener::bind(&path),
            Err(ControlError::NotASocket(_))
        ));
        assert_eq!(std::fs::read(&path).unwrap(), b"precious");
        let long = directory.join("x".repeat(PATH_LEN_MAX));
        assert!(matches!(
            Listener::bind(&long),
            Err(ControlError::PathTooLong(_))
        ));
        assert!(matches!(connect(&long), Err(ControlError::PathTooLong(_))));
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
