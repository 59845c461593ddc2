//! The machine as `kumi names` meets it: `/etc/nsswitch.conf`, the C library's directory, systemd-resolved.

use super::switch::{self, Wrong};
use crate::failure::{Exit, Failure};
use crate::keys::file_failure;
use std::io::ErrorKind;
use std::net::ToSocketAddrs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::time::Duration;

/// The module; empty in a build for another C library.
pub(super) const MODULE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/libnss_kumi.so.2"));
/// As the C library looks for it.
pub(super) const MODULE_NAME: &str = "libnss_kumi.so.2";
/// Says who answers for names.
pub(super) const SWITCH: &str = "/etc/nsswitch.conf";

/// The longest of these files, in bytes.
const SWITCH_LEN_MAX: u64 = 256 * 1024;
/// What every program may read, and its owner write.
const MODULE_MODE: u32 = 0o644;
/// How long the C library is waited for.
const FIND_MAX: Duration = Duration::from_secs(4);

/// `/etc/nsswitch.conf` as it is.
pub(super) struct Switch {
    /// Its text.
    pub(super) text: String,
    mode: u32,
    owner: (u32, u32),
}

impl Switch {
    /// Reads it.
    ///
    /// # Errors
    /// It is not there, a link, or no text.
    pub(super) fn read() -> Result<Self, Failure> {
        let path = Path::new(SWITCH);
        let failed = |error: std::io::Error| match error.kind() {
            ErrorKind::NotFound => Failure::new(Exit::Failed, "error-names-no-file"),
            _ => unreadable(&error),
        };
        let found = std::fs::symlink_metadata(path).map_err(failed)?;
        if found.is_symlink() {
            let to = std::fs::read_link(path).unwrap_or_default();
            return Err(Failure::new(Exit::Failed, "error-names-link").with("to", to.display()));
        }
        if !found.is_file() || found.len() > SWITCH_LEN_MAX {
            return Err(unreadable(&"no ordinary file"));
        }
        let text = std::fs::read_to_string(path).map_err(failed)?;
        Ok(Self {
            text,
            mode: found.mode() & 0o7777,
            owner: (found.uid(), found.gid()),
        })
    }

    /// Writes another text, whole or not at all.
    ///
    /// # Errors
    /// It cannot be written; it is as it was.
    pub(super) fn write(&self, text: &str) -> Result<(), Failure> {
        let to = Path::new(SWITCH);
        os::files::replace(to, text.as_bytes(), self.mode, self.owner).map_err(file_failure)
    }

    /// The text with the module.
    ///
    /// # Errors
    /// There is not one line to put it into.
    pub(super) fn with_module(&self) -> Result<String, Failure> {
        switch::with(&self.text).map_err(|wrong| {
            let id = match wrong {
                Wrong::NoLine => "error-names-no-line",
                Wrong::SeveralLines => "error-names-lines",
            };
            Failure::new(Exit::Failed, id)
        })
    }
}

fn unreadable(detail: &dyn std::fmt::Display) -> Failure {
    Failure::new(Exit::Failed, "error-names-unreadable").with("detail", detail)
}

/// Where the module belongs: beside the C library that this program uses. `None`: it uses none.
pub(super) fn module_path() -> Option<PathBuf> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let libc = maps.lines().find_map(|line| {
        let path = line.split_once('/').map(|(_, path)| format!("/{path}"))?;
        path.ends_with("/libc.so.6").then_some(path)
    })?;
    Some(Path::new(&libc).with_file_name(MODULE_NAME))
}

/// What is at the module's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Module {
    /// This program's.
    Current,
    /// Another, such as that of an earlier version.
    Other,
    /// Nothing.
    Missing,
    /// This program has none for the machine.
    None,
}

impl Module {
    /// As `--json` says it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Other => "other",
            Self::Missing => "missing",
            Self::None => "none",
        }
    }
}

/// Looks for the module.
pub(super) fn module() -> Module {
    let Some(path) = module_path().filter(|_| !MODULE.is_empty()) else {
        return Module::None;
    };
    match std::fs::read(path) {
        Ok(bytes) if bytes == MODULE => Module::Current,
        Ok(_) => Module::Other,
        Err(_) => Module::Missing,
    }
}

/// Puts the module in its place; whether it was not there.
///
/// # Errors
/// There is none for this machine, or its place cannot be written.
pub(super) fn install_module() -> Result<bool, Failure> {
    let Some(path) = module_path().filter(|_| !MODULE.is_empty()) else {
        return Err(Failure::new(Exit::Failed, "error-names-no-module"));
    };
    if module() == Module::Current {
        return Ok(false);
    }
    os::files::replace(&path, MODULE, MODULE_MODE, (0, 0)).map_err(file_failure)?;
    Ok(true)
}

/// Takes the module away; whether it was there.
///
/// # Errors
/// It cannot be taken away.
pub(super) fn remove_module() -> Result<bool, Failure> {
    let Some(path) = module_path() else {
        return Ok(false);
    };
    match std::fs::remove_file(&path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Failure::new(Exit::Failed, "error-names-remove")
            .with("file", path.display())
            .with("detail", error)),
    }
}

/// Whether the C library of this machine finds names, as every program would ask it.
pub(super) fn are_found() -> bool {
    let (told, tells) = channel();
    let asks = std::thread::Builder::new().spawn(move || {
        let found = (group::responder::PROBE, 0).to_socket_addrs();
        let here = |mut all: std::vec::IntoIter<_>| {
            all.any(|at: std::net::SocketAddr| at.ip() == group::responder::ADDRESS)
        };
        let _ = told.send(found.is_ok_and(here));
    });
    asks.is_ok() && tells.recv_timeout(FIND_MAX).unwrap_or(false)
}
