//! Passphrases: from a file, or from the terminal without echo. Never from an argument,
//! which every user of the machine could read.

use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::text::args;
use os::files::FileError;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// A passphrase; wiped when dropped.
pub(crate) type Passphrase = Zeroizing<String>;

/// The shortest new passphrase, in characters.
const LEN_MIN: usize = 8;
/// The longest passphrase file, in bytes.
const FILE_LEN_MAX: u64 = 4096;

/// Where passphrases come from in this run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Source {
    file: Option<PathBuf>,
}

impl Source {
    /// `--passphrase-file`, else `KUMI_PASSPHRASE_FILE`, else the terminal.
    pub(crate) fn new(context: &Context, option: Option<&PathBuf>) -> Source {
        let file = option.cloned();
        let file = file.or_else(|| context.environment.path("KUMI_PASSPHRASE_FILE"));
        Source { file }
    }

    /// Whether it is a file, so that nobody need be there.
    pub(crate) fn is_file(&self) -> bool {
        self.file.is_some()
    }

    /// That file.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The passphrase that opens `file`.
    ///
    /// # Errors
    /// Nobody can be asked, or the passphrase file cannot be used.
    pub(crate) fn existing(&self, context: &Context, file: &Path) -> Result<Passphrase, Failure> {
        if let Some(source) = &self.file {
            return read_file(source);
        }
        let shown = file.display().to_string();
        ask(&context.text.tr("passphrase-ask", args!(file = shown)))
    }

    /// A new passphrase; the terminal is asked twice. `prompt` is a message's id.
    ///
    /// # Errors
    /// As [`Source::existing`]; or it is too short, or typed differently.
    pub(crate) fn new_one(&self, context: &Context, prompt: &str) -> Result<Passphrase, Failure> {
        let passphrase = match &self.file {
            Some(source) => read_file(source)?,
            None => {
                let first = ask(&context.text.tr(prompt, &[]))?;
                check_strength(&first)?;
                if *first != *ask(&context.text.t("passphrase-again"))? {
                    return Err(Failure::new(Exit::Failed, "error-passphrase-differs"));
                }
                first
            }
        };
        check_strength(&passphrase)?;
        Ok(passphrase)
    }
}

fn check_strength(passphrase: &str) -> Result<(), Failure> {
    match passphrase.chars().count() {
        0 => Err(Failure::new(Exit::Failed, "error-passphrase-empty")),
        len if len < LEN_MIN => {
            Err(Failure::new(Exit::Failed, "error-passphrase-short").with("len", len))
        }
        _ => Ok(()),
    }
}

fn read_file(file: &Path) -> Result<Passphrase, Failure> {
    let line = first_line(file, "error-passphrase-file")?;
    if line.is_empty() {
        return Err(Failure::new(Exit::Failed, "error-passphrase-empty"));
    }
    Ok(line)
}

/// The first line of a file that only its owner may read. `message` is that of the failure.
///
/// # Errors
/// It cannot be read, is no text, or others may read it.
pub(crate) fn first_line(file: &Path, message: &str) -> Result<Passphrase, Failure> {
    let unusable = |exit, detail: String| {
        Failure::new(exit, message)
            .with("file", file.display())
            .with("detail", detail)
    };
    let bytes = os::files::read_private(file, FILE_LEN_MAX).map_err(|error| {
        let exit = match error {
            FileError::TooOpen { .. } | FileError::ForeignOwner { .. } => Exit::Denied,
            _ => Exit::Failed,
        };
        unusable(exit, error.to_string())
    })?;
    let bytes = Zeroizing::new(bytes);
    let all =
        std::str::from_utf8(&bytes).map_err(|error| unusable(Exit::Failed, error.to_string()))?;
    let line = all.lines().next().unwrap_or_default();
    Ok(Zeroizing::new(line.to_owned()))
}

/// Asks on the controlling terminal, without echo.
///
/// # Errors
/// There is no terminal.
pub(crate) fn ask(prompt: &str) -> Result<Passphrase, Failure> {
    let terminal = File::options()
        .read(true)
        .write(true)
        .open("/dev/tty")
        .map_err(|_| Failure::new(Exit::Failed, "error-passphrase-needed"))?;
    let failed =
        |error: std::io::Error| Failure::new(Exit::Failed, "error-terminal").with("detail", error);
    let quiet = Quiet::new(&terminal).map_err(failed)?;
    let mut out = &terminal;
    write!(out, "{prompt} ").map_err(failed)?;
    let mut line = Zeroizing::new(String::new());
    let read = BufReader::new(&terminal).read_line(&mut line);
    drop(quiet);
    writeln!(out).map_err(failed)?;
    read.map_err(failed)?;
    Ok(Zeroizing::new(
        line.trim_end_matches(['\n', '\r']).to_owned(),
    ))
}

/// A terminal without echo; gets its echo back when dropped.
struct Quiet<'a> {
    terminal: &'a File,
    before: Termios,
}

impl Quiet<'_> {
    fn new(terminal: &File) -> std::io::Result<Quiet<'_>> {
        let before = tcgetattr(terminal)?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        tcsetattr(terminal, OptionalActions::Flush, &quiet)?;
        Ok(Quiet { terminal, before })
    }
}

impl Drop for Quiet<'_> {
    fn drop(&mut self) {
        let _ = tcsetattr(self.terminal, OptionalActions::Flush, &self.before);
    }
}
