//! The identity's files in the state directory.
//!
//! | file | holds | sealed |
//! |---|---|---|
//! | `identity` | inception record, rotation log, node certificate: nothing secret | never |
//! | `root.key` | the root key | on request |
//! | `next.key` | the next root key, meant to be kept offline | on request |
//! | `node.key` | the hot keys | on request |
//!
//! All are in the format of `identity::sealed`, mode 0600, and written atomically. What is
//! there is never overwritten unless it was read and understood first.
//!
//! **Several files change together** when an identity is made or rotated. The new keys are
//! first written as `NAME.POSITION.new`; then `identity` is replaced, which is the moment
//! that counts; then they get their names. [`Keys::settle`] finishes or undoes what was
//! interrupted: a file of the position that `identity` has is finished, a later one removed.

mod archive;
mod issue;
mod locked;

pub(crate) use issue::Renewal;
pub(crate) use locked::{make_admin, open_admin};

use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::passphrase::{Passphrase, Source};
use identity::crypto::{AwsLc, HashRng};
use identity::sealed::{self, Backup, Header, KeyFile, OpenError};
use identity::{HotKeys, LocalIdentity, NextRootSecret, PublicIdentity, RootSecret};
use os::files::{FileError, Lock, LockError};
use std::path::{Path, PathBuf};
use wire::NodeAddr;

/// The public half.
pub(crate) const IDENTITY: &str = "identity";
/// The root key.
pub(crate) const ROOT: &str = "root.key";
/// The next root key.
pub(crate) const NEXT: &str = "next.key";
/// The hot keys.
pub(crate) const NODE: &str = "node.key";

/// The key of an admin of locked groups, which has nothing to do with this node's identity.
pub(crate) const ADMIN: &str = "admin.key";

/// The longest of these files, in bytes; a whole backup with 64 rotations is under 10 KiB.
const FILE_LEN_MAX: u64 = 128 * 1024;

/// The files of one state directory.
pub(crate) struct Keys<'a> {
    context: &'a Context,
    directory: PathBuf,
}

/// What can be said of a key file without its passphrase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It is not there.
    Absent,
    /// It is there, without a passphrase.
    Open,
    /// It is there, sealed.
    Sealed,
}

impl<'a> Keys<'a> {
    /// The files of this context.
    pub(crate) fn new(context: &'a Context) -> Keys<'a> {
        Keys {
            context,
            directory: context.directories.state.clone(),
        }
    }

    /// The path of one of them.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Whether there is an identity.
    pub(crate) fn exist(&self) -> bool {
        std::fs::symlink_metadata(self.path(IDENTITY)).is_ok()
    }

    /// The public half.
    ///
    /// # Errors
    /// There is none, or it is damaged.
    pub(crate) fn public(&self) -> Result<PublicIdentity, Failure> {
        let file = self.path(IDENTITY);
        if !self.exist() {
            return Err(
                Failure::new(Exit::Failed, "error-no-identity").with("file", file.display())
            );
        }
        let damaged = |error: &dyn std::fmt::Display| {
            Failure::new(Exit::Failed, "error-identity-damaged")
                .with("file", file.display())
                .with("detail", error)
        };
        let public = open(&file, None)?.1.into_backup();
        let public = public.map_err(|error| open_failure(&file, error))?.public;
        let whole = public.verify_history(&AwsLc, None);
        whole.map_err(|error| damaged(&error))?;
        if !public.history.is_whole() {
            return Err(damaged(&identity::IssueError::LogNotWhole));
        }
        self.settle(Some(public.history.position()))?;
        Ok(public)
    }

    /// What a running node needs.
    ///
    /// # Errors
    /// A file is missing, damaged, or of another identity, or a passphrase is wrong.
    pub(crate) fn local(&self, opener: &mut Opener<'_>) -> Result<LocalIdentity, Failure> {
        let public = self.public()?;
        let hot = self.hot(opener, &public)?;
        LocalIdentity::new(public.clone(), hot)
            .map_err(|error| self.mismatch(NODE, &public, &error))
    }

    /// What can be said of a key file without its passphrase.
    ///
    /// # Errors
    /// It is damaged, or of another identity.
    pub(crate) fn state(&self, name: &str, address: NodeAddr) -> Result<State, Failure> {
        let file = self.path(name);
        let bytes = match os::files::read_private(&file, FILE_LEN_MAX) {
            Err(FileError::Missing(_)) => return Ok(State::Absent),
            other => zeroize::Zeroizing::new(other.map_err(file_failure)?),
        };
        let header = sealed::inspect(&AwsLc, &bytes).map_err(|error| open_failure(&file, error))?;
        belongs(&file, header.address, address)?;
        Ok(match header {
            Header { sealed: true, .. } => State::Sealed,
            _ => State::Open,
        })
    }

    fn hot(&self, opener: &mut Opener<'_>, public: &PublicIdentity) -> Result<HotKeys, Failure> {
        let file = self.path(NODE);
        let hot = opener.open(&file, public.address())?.into_hot();
        hot.map_err(|error| open_failure(&file, error))
    }

    fn root(
        &self,
        opener: &mut Opener<'_>,
        public: &PublicIdentity,
    ) -> Result<RootSecret, Failure> {
        let file = self.path(ROOT);
        let root = opener.open(&file, public.address())?.into_root();
        let root = root.map_err(|error| open_failure(&file, error))?;
        if &root.public(&AwsLc) != public.history.root_key() {
            return Err(self.mismatch(ROOT, public, &identity::IssueError::NotTheRoot));
        }
        Ok(root)
    }

    fn next(
        &self,
        opener: &mut Opener<'_>,
        public: &PublicIdentity,
    ) -> Result<NextRootSecret, Failure> {
        let file = self.path(NEXT);
        let next = opener.open(&file, public.address())?.into_next();
        let next = next.map_err(|error| open_failure(&file, error))?;
        let committed = public.history.tip(&AwsLc).next_hash;
        if identity::next_hash(&AwsLc, &next.public(&AwsLc)) != committed {
            return Err(self.mismatch(NEXT, public, &identity::IssueError::NotTheNextRoot));
        }
        Ok(next)
    }

    fn mismatch(
        &self,
        name: &str,
        public: &PublicIdentity,
        detail: &dyn std::fmt::Display,
    ) -> Failure {
        Failure::new(Exit::Failed, "error-key-mismatch")
            .with("file", self.path(name).display())
            .with("address", public.address())
            .with("detail", detail)
    }

    /// Finishes or undoes what was interrupted; `position` is that of `identity`.
    fn settle(&self, position: Option<u32>) -> Result<(), Failure> {
        let failed = |error: std::io::Error| {
            file_failure(FileError::Io {
                path: self.directory.clone(),
                source: error,
            })
        };
        let Ok(entries) = std::fs::read_dir(&self.directory) else {
            return Ok(());
        };
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            let Some((name, of)) = path.file_name().and_then(|n| n.to_str()).and_then(pending)
            else {
                continue;
            };
            if Some(of) == position {
                std::fs::rename(&path, self.path(name)).map_err(failed)?;
            } else {
                std::fs::remove_file(&path).map_err(failed)?;
            }
        }
        Ok(())
    }

    /// Replaces `identity` after writing the keys that belong to it.
    fn commit(&self, public: &PublicIdentity, keys: &[(&str, Vec<u8>)]) -> Result<(), Failure> {
        let position = public.history.position();
        for (name, bytes) in keys {
            let path = self.path(&format!("{name}.{position}.new"));
            os::files::write_private(&path, bytes).map_err(file_failure)?;
        }
        let bytes = write(&public_file(public), public.address(), None)?;
        os::files::write_private(&self.path(IDENTITY), &bytes).map_err(file_failure)?;
        self.settle(Some(position))
    }

    /// Keeps a second `kumi` from changing the files at the same time.
    fn lock(&self) -> Result<Lock, Failure> {
        self.context.directories.prepare().map_err(file_failure)?;
        let path = self.path("identity.lock");
        Lock::acquire(&path).map_err(|error| match error {
            LockError::Held { pid } => Failure::new(Exit::Failed, "error-already-runs")
                .with("pid", pid.map_or("?".to_owned(), |pid| pid.to_string()))
                .with("file", path.display()),
            LockError::File(error) => file_failure(error),
        })
    }
}

/// Opens key files, and asks for a passphrase only when one is needed and not known.
pub(crate) struct Opener<'a> {
    context: &'a Context,
    source: Source,
    known: Option<Passphrase>,
}

impl<'a> Opener<'a> {
    /// One that asks this source.
    pub(crate) fn new(context: &'a Context, source: &Source) -> Opener<'a> {
        Opener {
            context,
            source: source.clone(),
            known: None,
        }
    }

    /// The passphrase that opened something last.
    pub(crate) fn passphrase(&self) -> Option<&Passphrase> {
        self.known.as_ref()
    }

    fn open(&mut self, file: &Path, address: NodeAddr) -> Result<KeyFile, Failure> {
        let (found, key) = self.open_any(file)?;
        belongs(file, found, address)?;
        Ok(key)
    }

    fn open_any(&mut self, file: &Path) -> Result<(NodeAddr, KeyFile), Failure> {
        let bytes = os::files::read_private(file, FILE_LEN_MAX).map_err(file_failure)?;
        self.open_bytes(file, &zeroize::Zeroizing::new(bytes))
    }

    fn open_bytes(&mut self, file: &Path, bytes: &[u8]) -> Result<(NodeAddr, KeyFile), Failure> {
        let known = self.known.as_ref().map(|passphrase| passphrase.as_str());
        match KeyFile::read(&AwsLc, bytes, known) {
            Err(OpenError::PassphraseNeeded | OpenError::WrongPassphrase) => {}
            other => return other.map_err(|error| open_failure(file, error)),
        }
        let passphrase = self.source.existing(self.context, file)?;
        let read = KeyFile::read(&AwsLc, bytes, Some(&passphrase));
        let read = read.map_err(|error| open_failure(file, error))?;
        self.known = Some(passphrase);
        Ok(read)
    }
}

/// Reads the public half again for a running node, which has its hot keys already.
///
/// # Errors
/// A text that names the file and what is wrong.
pub(crate) fn reload(file: &Path, hot: &HotKeys) -> Result<LocalIdentity, String> {
    let wrong = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    let bytes = os::files::read_private(file, FILE_LEN_MAX).map_err(|error| wrong(&error))?;
    let (_, key) = KeyFile::read(&AwsLc, &bytes, None).map_err(|error| wrong(&error))?;
    let public = key.into_backup().map_err(|error| wrong(&error))?.public;
    let whole = public.verify_history(&AwsLc, None);
    whole.map_err(|error| wrong(&error))?;
    LocalIdentity::new(public, hot.clone()).map_err(|error| wrong(&error))
}

/// `root.key.3.new` is the root key of position 3.
fn pending(file: &str) -> Option<(&'static str, u32)> {
    [ROOT, NEXT, NODE].into_iter().find_map(|name| {
        let position = file
            .strip_prefix(name)?
            .strip_prefix('.')?
            .strip_suffix(".new")?;
        Some((name, position.parse().ok()?))
    })
}

fn public_file(public: &PublicIdentity) -> KeyFile {
    KeyFile::Backup(Box::new(Backup {
        public: public.clone(),
        root: None,
        next: None,
        hot: None,
    }))
}

fn open(file: &Path, passphrase: Option<&str>) -> Result<(NodeAddr, KeyFile), Failure> {
    let bytes = os::files::read_private(file, FILE_LEN_MAX).map_err(file_failure)?;
    let bytes = zeroize::Zeroizing::new(bytes);
    KeyFile::read(&AwsLc, &bytes, passphrase).map_err(|error| open_failure(file, error))
}

/// The bytes of a key file; sealed when there is a passphrase.
fn write(file: &KeyFile, of: NodeAddr, passphrase: Option<&str>) -> Result<Vec<u8>, Failure> {
    let sealed = passphrase.map(|passphrase| (passphrase, sealed::Cost::default()));
    file.write(&AwsLc, &mut rng()?, of, sealed)
        .map_err(|error| crypto_failure(&error))
}

fn rng() -> Result<HashRng, Failure> {
    let seed = os::random::seed().map_err(|error| crypto_failure(&error))?;
    Ok(HashRng::new(seed))
}

fn crypto_failure(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Exit::Failed, "error-crypto").with("detail", error)
}

fn belongs(file: &Path, found: NodeAddr, expected: NodeAddr) -> Result<(), Failure> {
    if found == expected {
        return Ok(());
    }
    Err(Failure::new(Exit::Failed, "error-identity-mixed")
        .with("file", file.display())
        .with("found", found)
        .with("expected", expected))
}

/// What to say when a file of ours cannot be used.
pub(crate) fn file_failure(error: FileError) -> Failure {
    let of =
        |exit, message: &str, path: &Path| Failure::new(exit, message).with("file", path.display());
    match error {
        FileError::Missing(path) => of(Exit::Failed, "error-file-missing", &path),
        FileError::Exists(path) => of(Exit::Failed, "error-file-exists", &path),
        FileError::TooOpen { path, mode } => {
            of(Exit::Denied, "error-file-too-open", &path).with("mode", format!("{mode:04o}"))
        }
        FileError::ForeignOwner { path, owner } => {
            of(Exit::Denied, "error-file-owner", &path).with("owner", owner)
        }
        FileError::WrongType(path) => of(Exit::Failed, "error-file-type", &path),
        FileError::TooLong { path, len_max } => {
            of(Exit::Failed, "error-file-long", &path).with("max", len_max)
        }
        FileError::Io { path, source } => {
            let exit = match source.kind() {
                std::io::ErrorKind::PermissionDenied => Exit::Denied,
                _ => Exit::Failed,
            };
            of(exit, "error-file-io", &path).with("detail", source)
        }
    }
}

/// What to say when a key file cannot be opened.
fn open_failure(file: &Path, error: OpenError) -> Failure {
    let message = match error {
        OpenError::NotAKeyFile => "error-key-not-a-key",
        OpenError::ForeignVersion { .. } => "error-key-foreign-version",
        OpenError::Damaged => "error-key-truncated",
        OpenError::SealBeyondLimits => "error-key-bounds",
        OpenError::PassphraseNeeded | OpenError::WrongPassphrase => "error-key-passphrase",
        OpenError::WrongKind { .. } => "error-key-kind",
        OpenError::WrongContent => "error-identity-damaged",
    };
    let failure = Failure::new(Exit::Failed, message)
        .with("file", file.display())
        .with("detail", error);
    match error {
        OpenError::ForeignVersion { version } => failure
            .with("version", version)
            .with("known", sealed::VERSION),
        OpenError::WrongKind { wanted, found } => failure
            .with("expected", kind(wanted))
            .with("found", kind(found)),
        _ => failure,
    }
}

/// A kind of key file, by the name of its file.
fn kind(kind: sealed::Kind) -> &'static str {
    match kind {
        sealed::Kind::Root => ROOT,
        sealed::Kind::Next => NEXT,
        sealed::Kind::Hot => NODE,
        sealed::Kind::Backup => IDENTITY,
        sealed::Kind::Admin => ADMIN,
    }
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
