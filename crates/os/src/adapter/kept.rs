//! What an adapter changes in the kernel, noted before it is changed, so that all of it can be set back: at an
//! orderly end, and by the next start after kill -9.
//!
//! The notes are a private file of lines, each one thing to set back; the last line is the first to undo:
//!
//! ```text
//!   for BOOT NAMESPACE                      notes of another boot, or of another network, mean nothing
//!   set net/ipv6/conf/all/forwarding 0      a file below /proc/sys
//!   route 2001:db8::9 3                     a route to a single address, and its interface's number
//! ```

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use crate::files;
use crate::netlink::Netlink;

/// The longest notes that are read, in bytes.
const NOTES_LEN_MAX: u64 = 256 * 1024;

/// What was there before.
#[derive(Debug, Default)]
pub(super) struct Kept {
    undo: Vec<Undo>,
    notes: Option<PathBuf>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Undo {
    Set { what: String, value: String },
    Route { to: IpAddr, index: u32 },
}

impl Kept {
    /// Nothing yet; what comes is noted in this file.
    pub(super) const fn new(notes: Option<PathBuf>) -> Self {
        Self {
            undo: Vec::new(),
            notes,
        }
    }

    /// Sets back what a run changed that was killed, if it left notes.
    pub(super) fn restore(notes: &Path) {
        let Ok(bytes) = files::read_private(notes, NOTES_LEN_MAX) else {
            return;
        };
        let text = String::from_utf8_lossy(&bytes);
        let mut lines = text.lines();
        let undo = match lines.next().is_some_and(|it| it == header()) {
            true => lines.filter_map(read).collect(),
            false => Vec::new(),
        };
        drop(Self {
            undo,
            notes: Some(notes.to_owned()),
        });
    }

    /// Sets a value below /proc/sys, unless it is that already.
    pub(super) fn set(&mut self, what: &str, value: &str) -> io::Result<()> {
        if current(what)? != value {
            self.keep(what)?;
            std::fs::write(path(what), value)?;
        }
        Ok(())
    }

    /// Has a value below /proc/sys set back in the end that something else may change.
    pub(super) fn keep(&mut self, what: &str) -> io::Result<()> {
        let (what, value) = (what.to_owned(), current(what)?);
        self.note(Undo::Set { what, value })
    }

    /// Has a route removed in the end.
    pub(super) fn keep_route(&mut self, to: IpAddr, index: u32) -> io::Result<()> {
        self.note(Undo::Route { to, index })
    }

    fn note(&mut self, undo: Undo) -> io::Result<()> {
        // A card that comes and goes is noted once.
        if matches!(undo, Undo::Route { .. }) && self.undo.contains(&undo) {
            return Ok(());
        }
        if let Some(notes) = &self.notes {
            let mut text = String::new();
            if self.undo.is_empty() {
                let _ = std::fs::remove_file(notes);
                let _ = writeln!(text, "{}", header());
            }
            let _ = match &undo {
                Undo::Set { what, value } => writeln!(text, "set {what} {value}"),
                Undo::Route { to, index } => writeln!(text, "route {to} {index}"),
            };
            let mut file = files::append_private(notes).map_err(io::Error::other)?;
            file.write_all(text.as_bytes())?;
        }
        self.undo.push(undo);
        Ok(())
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        for undo in self.undo.drain(..).rev() {
            match undo {
                Undo::Set { what, value } => {
                    let _ = std::fs::write(path(&what), value);
                }
                Undo::Route { to, index } => {
                    let len = if to.is_ipv4() { 32 } else { 128 };
                    if let Ok(mut netlink) = Netlink::open() {
                        let _ = netlink.remove_route(to, len, index);
                    }
                }
            }
        }
        if let Some(notes) = &self.notes {
            let _ = std::fs::remove_file(notes);
        }
    }
}

/// The names of all interfaces that have settings of a family, and `default` for those to come.
pub(super) fn interfaces(family: &str) -> io::Result<Vec<String>> {
    let entries = std::fs::read_dir(format!("/proc/sys/net/{family}/conf"))?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    Ok(names.filter(|name| name != "all").collect())
}

/// A value below /proc/sys.
pub(super) fn current(what: &str) -> io::Result<String> {
    Ok(std::fs::read_to_string(path(what))?.trim().to_owned())
}

pub(super) fn path(what: &str) -> String {
    format!("/proc/sys/{what}")
}

fn header() -> String {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let network = std::fs::read_link("/proc/thread-self/ns/net").unwrap_or_default();
    format!("for {} {}", boot.trim(), network.display())
}

fn read(line: &str) -> Option<Undo> {
    let words: Vec<&str> = line.split(' ').collect();
    match *words.as_slice() {
        ["set", what, value] => {
            let is_net = ["net/ipv4/", "net/ipv6/"]
                .iter()
                .any(|it| what.starts_with(it));
            let stays = !what.split('/').any(|part| part == "..");
            let (what, value) = (what.to_owned(), value.to_owned());
            (is_net && stays).then_some(Undo::Set { what, value })
        }
        ["route", to, index] => Some(Undo::Route {
            to: to.parse().ok()?,
            index: index.parse().ok()?,
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netns::tests::in_new_network;

    const TTL: &str = "net/ipv4/ip_default_ttl";
    const FORWARDING: &str = "net/ipv6/conf/all/forwarding";
    const LO: &str = "net/ipv6/conf/lo/forwarding";

    fn notes(name: &str) -> PathBuf {
        let directory =
            std::env::temp_dir().join(format!("kumi-kept-{name}-{}", std::process::id()));
        files::private_directory(&directory).unwrap();
        directory.join("notes")
    }

    fn values() -> [String; 3] {
        [TTL, FORWARDING, LO].map(|it| current(it).unwrap())
    }

    fn change(notes: &Path) -> Kept {
        let mut kept = Kept::new(Some(notes.to_owned()));
        kept.keep(LO).unwrap();
        kept.set(FORWARDING, "1").unwrap();
        kept.set(TTL, "99").unwrap();
        assert_eq!(values(), ["99", "1", "1"]);
        kept
    }

    #[test]
    fn everything_is_set_back_also_by_another_run() {
        in_new_network(|| {
            let notes = notes("back");
            for lo in ["0", "1"] {
                std::fs::write(path(LO), lo).unwrap();
                let before = values();
                drop(change(&notes));
                assert_eq!(values(), before);
                assert!(!notes.exists());
                // Killed: the destructor does not run.
                std::mem::forget(change(&notes));
                assert!(notes.exists());
                Kept::restore(&notes);
                assert_eq!(values(), before);
                assert!(!notes.exists());
            }
            std::fs::remove_dir_all(notes.parent().unwrap()).unwrap();
        });
    }

    #[test]
    fn notes_of_another_boot_or_about_other_things_set_nothing() {
        in_new_network(|| {
            let notes = notes("other");
            let before = values();
            for text in [
                format!("for another boot\nset {TTL} 7\n"),
                format!(
                    "{}\nset kernel/../{TTL} 7\nset net/ipv4/../{TTL} 7\nset\n",
                    header()
                ),
            ] {
                files::write_private(&notes, text.as_bytes()).unwrap();
                Kept::restore(&notes);
                assert_eq!(values(), before);
                assert!(!notes.exists());
            }
            Kept::restore(&notes);
            std::fs::remove_dir_all(notes.parent().unwrap()).unwrap();
        });
    }

    #[test]
    fn lines_are_read_as_they_are_written() {
        let route = Undo::Route {
            to: "2001:db8::9".parse().unwrap(),
            index: 3,
        };
        assert_eq!(read("route 2001:db8::9 3"), Some(route));
        let set = Undo::Set {
            what: TTL.to_owned(),
            value: "7".to_owned(),
        };
        assert_eq!(read(&format!("set {TTL} 7")), Some(set));
        for line in ["", "route 2001:db8::9", "route x 3", "set kernel/x 1"] {
            assert_eq!(read(line), None, "{line}");
        }
    }
}
