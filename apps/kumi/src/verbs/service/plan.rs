//! Which of the three ways starts the node at boot, and whether the program may be started so.
//! Pure: what this machine is like comes in as values.

use crate::failure::{Exit, Failure};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};

/// What decides how the node is started at boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Machine {
    /// root asks, and without `--user`.
    pub(super) for_system: bool,
    /// systemd runs the machine.
    pub(super) systemd: bool,
    /// systemd runs this account's services.
    pub(super) user_manager: bool,
    /// There is a `crontab` command.
    pub(super) crontab: bool,
}

/// How the node is started at boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// By the machine's systemd.
    SystemUnit,
    /// By systemd for this account.
    UserUnit,
    /// By a line in this account's crontab.
    Cron,
}

impl Way {
    /// Its name in JSON.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Way::SystemUnit => "system-unit",
            Way::UserUnit => "user-unit",
            Way::Cron => "cron",
        }
    }
}

/// The best way that there is.
///
/// # Errors
/// There is none: no systemd that would do it, and no `crontab`.
pub(super) fn choose(machine: Machine) -> Result<Way, Failure> {
    match machine {
        Machine {
            for_system: true,
            systemd: true,
            ..
        } => Ok(Way::SystemUnit),
        Machine {
            for_system: false,
            user_manager: true,
            ..
        } => Ok(Way::UserUnit),
        Machine { crontab: true, .. } => Ok(Way::Cron),
        Machine { .. } => Err(Failure::new(Exit::Failed, "error-service-no-way")),
    }
}

/// Whether a program will still be where it is at the next boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It will.
    Stays,
    /// Until the next `cargo clean`.
    BuildDirectory,
    /// It will not: a directory that is emptied, or the file is gone already.
    GoesAway,
}

/// Directories that are emptied at boot or from time to time.
const EMPTIED: [&str; 5] = ["/tmp", "/var/tmp", "/run", "/dev", "/proc"];
/// What the kernel adds to the path of a program whose file is gone.
const DELETED: &[u8] = b" (deleted)";

/// Whether a path is in a directory that is emptied.
pub(super) fn is_emptied(path: &Path) -> bool {
    EMPTIED.iter().any(|folder| path.starts_with(folder))
}

/// Judges the absolute path of the running program.
pub(super) fn place(program: &Path) -> Place {
    if is_emptied(program)
        || !program.is_absolute()
        || program.as_os_str().as_bytes().ends_with(DELETED)
    {
        return Place::GoesAway;
    }
    let named = |component: &Component<'_>, name: &str| component.as_os_str() == name;
    let folders: Vec<Component<'_>> = program
        .parent()
        .map(|p| p.components().collect())
        .unwrap_or_default();
    let in_target = folders.iter().any(|folder| named(folder, "target"));
    match folders.last() {
        Some(last) if in_target && (named(last, "release") || named(last, "debug")) => {
            Place::BuildDirectory
        }
        _ => Place::Stays,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_is_the_best_that_there_is() {
        let way = |for_system, systemd, user_manager, crontab| {
            choose(Machine {
                for_system,
                systemd,
                user_manager,
                crontab,
            })
        };
        // root: the machine's systemd, else cron; root's own user manager is not asked.
        assert_eq!(way(true, true, true, true), Ok(Way::SystemUnit));
        assert_eq!(way(true, true, false, false), Ok(Way::SystemUnit));
        assert_eq!(way(true, false, true, true), Ok(Way::Cron));
        // Others: their user manager, else cron, whoever runs the machine.
        assert_eq!(way(false, true, true, true), Ok(Way::UserUnit));
        assert_eq!(way(false, true, false, true), Ok(Way::Cron));
        assert_eq!(way(false, false, false, true), Ok(Way::Cron));
        for (for_system, systemd) in [(true, false), (false, true), (false, false)] {
            let none = way(for_system, systemd, false, false).unwrap_err();
            assert_eq!(none.id, "error-service-no-way");
        }
    }

    #[test]
    fn a_program_that_goes_away_is_known_by_its_place() {
        for (path, expected) in [
            ("/usr/local/bin/kumi", Place::Stays),
            ("/home/a/.cargo/bin/kumi", Place::Stays),
            ("/opt/target/kumi", Place::Stays),
            ("/opt/release/kumi", Place::Stays),
            (
                "/home/a/kumihimo/target/release/kumi",
                Place::BuildDirectory,
            ),
            (
                "/src/target/x86_64-unknown-linux-musl/debug/kumi",
                Place::BuildDirectory,
            ),
            ("/tmp/kumi", Place::GoesAway),
            ("/tmp/target/release/kumi", Place::GoesAway),
            ("/tmpfiles/kumi", Place::Stays),
            ("/run/user/1000/kumi", Place::GoesAway),
            ("/usr/local/bin/kumi (deleted)", Place::GoesAway),
            ("kumi", Place::GoesAway),
        ] {
            assert_eq!(place(Path::new(path)), expected, "{path}");
        }
    }
}
