//! The texts that start the node at boot: units of systemd and the line of a crontab, made
//! from the templates in `packaging/`, and the crontab before and after. Pure.

use super::plan::Way;
use crate::failure::{Exit, Failure};
use std::path::Path;

const SYSTEM_UNIT: &str = include_str!("../../../../../packaging/systemd/kumi.service");
const USER_UNIT: &str = include_str!("../../../../../packaging/systemd/kumi-user.service");
const CRON_LINE: &str = include_str!("../../../../../packaging/cron/reboot");

/// A unit that begins so is ours.
const UNIT_MARK: &[u8] = b"# Written by `kumi service install`";
/// A line of a crontab that ends so, and begins as ours do, is ours.
const CRON_MARK: &[u8] = b"# kumi service install";
const CRON_BEGIN: &[u8] = b"@reboot ";
/// A longer command is refused by Debian's cron, in bytes.
const CRON_COMMAND_LEN_MAX: usize = 990;

/// What is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Command {
    /// The program and its arguments before the verb, absolute paths.
    pub(super) argv: Vec<String>,
    /// What follows the verb.
    pub(super) after: Vec<String>,
    /// The state directory, when it is not the usual one.
    pub(super) state: Option<String>,
    /// Whether it needs files in home directories.
    pub(super) needs_home: bool,
}

impl Command {
    /// The argv of a way. A unit stays with its process; cron needs only to start one, whose log
    /// is then where it is after `kumi up`.
    pub(super) fn of(&self, way: Way) -> Vec<String> {
        let verb: &[&str] = match way {
            Way::SystemUnit | Way::UserUnit => &["up", "--foreground", "--no-invite"],
            Way::Cron => &["up", "--no-invite"],
        };
        let verb = verb.iter().map(|word| (*word).to_owned());
        let argv = self.argv.iter().cloned().chain(verb);
        argv.chain(self.after.iter().cloned()).collect()
    }
}

/// A path as the text that a unit or a crontab can hold.
///
/// # Errors
/// It is not UTF-8 or has control characters.
pub(super) fn plain(path: &Path) -> Result<String, Failure> {
    match path.to_str() {
        Some(text) if !text.chars().any(char::is_control) => Ok(text.to_owned()),
        _ => Err(Failure::new(Exit::Failed, "error-service-path")
            .with("file", path.display().to_string().escape_debug())),
    }
}

/// The text of a unit for systemd.
pub(super) fn unit(way: Way, command: &Command) -> String {
    let mut words = command.of(way).into_iter();
    let program = words.next().unwrap_or_default();
    let first = unit_word(&format!(":{program}"));
    let command_line: Vec<String> = std::iter::once(first)
        .chain(words.map(|word| unit_word(&word)))
        .collect();
    let directories = match &command.state {
        None => "StateDirectory=kumihimo\nStateDirectoryMode=0700\nRuntimeDirectory=kumihimo\n\
                 RuntimeDirectoryMode=0700\n\
                 # It may be that of a node that was started by hand.\nRuntimeDirectoryPreserve=yes"
            .to_owned(),
        Some(state) => format!("ReadWritePaths={}", unit_word(state)),
    };
    let template = match way {
        Way::UserUnit => USER_UNIT,
        Way::SystemUnit | Way::Cron => SYSTEM_UNIT,
    };
    let home = if command.needs_home {
        "read-only"
    } else {
        "yes"
    };
    template
        .replace("@HOME@", home)
        .replace("@DIRECTORIES@", &directories)
        .replace("@COMMAND@", &command_line.join(" "))
}

/// One word of a unit's line: `%` begins a specifier there, and quotes and backslashes mean
/// something.
fn unit_word(word: &str) -> String {
    let escaped = word
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('%', "%%");
    match word.chars().all(is_harmless) {
        true => word.to_owned(),
        false => format!("\"{escaped}\""),
    }
}

fn is_harmless(c: char) -> bool {
    c.is_ascii_alphanumeric() || "/._-+:@=,".contains(c)
}

/// Whether a unit was written by us.
pub(super) fn is_our_unit(bytes: &[u8]) -> bool {
    bytes.starts_with(UNIT_MARK)
}

/// The line of a crontab, with its newline.
///
/// # Errors
/// It is longer than cron takes.
pub(super) fn cron_line(command: &Command) -> Result<String, Failure> {
    let words: Vec<String> = command
        .of(Way::Cron)
        .iter()
        .map(|w| shell_word(w))
        .collect();
    // To cron, % is a newline.
    let line = CRON_LINE.replace("@COMMAND@", &words.join(" ").replace('%', "\\%"));
    if line.len() > CRON_COMMAND_LEN_MAX {
        return Err(Failure::new(Exit::Failed, "error-service-long")
            .with("len", line.len())
            .with("max", CRON_COMMAND_LEN_MAX));
    }
    Ok(line)
}

fn shell_word(word: &str) -> String {
    match word.chars().all(is_harmless) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

/// A crontab with our line in it once: where one of ours was, else at the end. Every other
/// line stays byte for byte.
pub(super) fn with_line(crontab: &[u8], line: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(crontab.len() + line.len() + 1);
    let mut pending = Some(line.as_bytes());
    for old in crontab.split_inclusive(|byte| *byte == b'\n') {
        if is_our_line(old) {
            out.extend_from_slice(pending.take().unwrap_or_default());
        } else {
            out.extend_from_slice(old);
        }
    }
    if let Some(line) = pending {
        if out.last().is_some_and(|byte| *byte != b'\n') {
            out.push(b'\n');
        }
        out.extend_from_slice(line);
    }
    out
}

/// A crontab without our lines. Every other line stays byte for byte.
pub(super) fn without_line(crontab: &[u8]) -> Vec<u8> {
    let lines = crontab.split_inclusive(|byte| *byte == b'\n');
    lines
        .filter(|line| !is_our_line(line))
        .flatten()
        .copied()
        .collect()
}

/// One that somebody has put out of use with a `#` begins differently, and is his.
fn is_our_line(line: &[u8]) -> bool {
    line.starts_with(CRON_BEGIN) && line.trim_ascii_end().ends_with(CRON_MARK)
}

#[cfg(test)]
#[path = "render_tests.rs"]
mod tests;
