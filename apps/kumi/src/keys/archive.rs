//! Sealing the key files, and the whole identity in one sealed file.

use super::issue::certify;
use super::{
    FILE_LEN_MAX, IDENTITY, Keys, NEXT, NODE, Opener, ROOT, State, belongs, file_failure,
    open_failure, rng, write,
};
use crate::failure::{Exit, Failure};
use identity::crypto::AwsLc;
use identity::sealed::{Backup, KeyFile};
use identity::{HotKeys, PublicIdentity, next_hash};
use os::files::FileError;
use std::path::Path;
use wire::NodeAddr;

/// What was brought back.
pub(crate) struct Restored {
    /// The identity's address.
    pub(crate) address: NodeAddr,
    /// The files that were missing.
    pub(crate) files: Vec<&'static str>,
}

impl Keys<'_> {
    /// Seals the files that are there with a new passphrase. Returns their names.
    ///
    /// # Errors
    /// A file is damaged or cannot be written, or the old passphrase is wrong.
    pub(crate) fn seal(
        &self,
        names: &[&'static str],
        opener: &mut Opener<'_>,
        passphrase: &str,
    ) -> Result<Vec<&'static str>, Failure> {
        let _lock = self.lock()?;
        let address = self.public()?.address();
        let mut sealed = Vec::new();
        for name in names {
            if self.state(name, address)? == State::Absent {
                continue;
            }
            let file = self.path(name);
            let key = opener.open(&file, address)?;
            let bytes = write(&key, address, Some(passphrase))?;
            os::files::write_private(&file, &bytes).map_err(file_failure)?;
            sealed.push(*name);
        }
        Ok(sealed)
    }

    /// Writes everything that is there into one sealed file, which must be new.
    ///
    /// # Errors
    /// A file is damaged, a passphrase is wrong, or the backup exists already.
    pub(crate) fn backup(
        &self,
        file: &Path,
        opener: &mut Opener<'_>,
        passphrase: &str,
    ) -> Result<NodeAddr, Failure> {
        let public = self.public()?;
        let address = public.address();
        let there = |name| {
            self.state(name, address)
                .map(|state| state != State::Absent)
        };
        let root = there(ROOT)?
            .then(|| self.root(opener, &public))
            .transpose()?;
        let next = there(NEXT)?
            .then(|| self.next(opener, &public))
            .transpose()?;
        let hot = there(NODE)?
            .then(|| self.hot(opener, &public))
            .transpose()?;
        let backup = KeyFile::Backup(Box::new(Backup {
            public,
            root,
            next,
            hot,
        }));
        let bytes = write(&backup, address, Some(passphrase))?;
        os::files::create_private(file, &bytes).map_err(file_failure)?;
        Ok(address)
    }

    /// Brings back what is missing. Root keys are sealed with the passphrase of the backup.
    ///
    /// # Errors
    /// The file is not a backup, or is of another identity or from before a rotation.
    pub(crate) fn restore(
        &self,
        file: &Path,
        opener: &mut Opener<'_>,
    ) -> Result<Restored, Failure> {
        let bytes = read_any(file)?;
        let (address, key) = opener.open_bytes(file, &bytes)?;
        let backup = key
            .into_backup()
            .map_err(|error| open_failure(file, error))?;
        check(file, &backup)?;
        let passphrase = opener.known.as_ref().map(|passphrase| passphrase.as_str());
        let _lock = self.lock()?;
        if self.exist() {
            self.compare(&backup)?;
        } else {
            self.settle(None)?;
        }
        let fresh = !self.exist();
        let (public, hot) = self.reborn(&backup, fresh)?;
        let mut keys = Vec::new();
        let mut add = |name, key: Option<KeyFile>, passphrase| {
            let Some(key) = key else { return Ok(()) };
            match std::fs::symlink_metadata(self.path(name)) {
                Ok(_) if fresh => Err(file_failure(FileError::Exists(self.path(name)))),
                Ok(_) => Ok(()),
                Err(_) => {
                    keys.push((name, write(&key, address, passphrase)?));
                    Ok(())
                }
            }
        };
        add(ROOT, backup.root.map(KeyFile::Root), passphrase)?;
        add(NEXT, backup.next.map(KeyFile::Next), passphrase)?;
        add(NODE, hot.map(KeyFile::Hot), None)?;
        let mut files: Vec<&'static str> = keys.iter().map(|(name, _)| *name).collect();
        if fresh {
            files.insert(0, IDENTITY);
        }
        if !files.is_empty() {
            self.commit(&public, &keys)?;
        }
        Ok(Restored { address, files })
    }

    /// On a new machine nobody knows which handshake counts were used, so a new certificate
    /// with a higher counter makes them start anew.
    fn reborn(
        &self,
        backup: &Backup,
        fresh: bool,
    ) -> Result<(PublicIdentity, Option<HotKeys>), Failure> {
        let (Some(root), true) = (&backup.root, fresh) else {
            let public = match fresh {
                true => backup.public.clone(),
                false => self.public()?,
            };
            return Ok((public, backup.hot.clone()));
        };
        let hot = match &backup.hot {
            Some(hot) => hot.clone(),
            None => HotKeys::generate(&AwsLc, &mut rng()?),
        };
        let old = &backup.public;
        let (counter, scopes) = (old.certificate.counter, old.certificate.scopes);
        let public = certify(root, old.history.clone(), &hot, counter, scopes)?;
        Ok((public, Some(hot)))
    }

    /// Whether a backup fits the identity that is here.
    fn compare(&self, backup: &Backup) -> Result<(), Failure> {
        let here = self.public()?;
        let (found, expected) = (backup.public.address(), here.address());
        if found != expected {
            return Err(Failure::new(Exit::Failed, "error-backup-other")
                .with("found", found)
                .with("expected", expected));
        }
        let (found, expected) = (backup.public.history.position(), here.history.position());
        if found < expected {
            return Err(Failure::new(Exit::Failed, "error-backup-old")
                .with("found", found)
                .with("expected", expected));
        }
        if found > expected {
            let detail = format!("position {expected} < {found}");
            return Err(self.mismatch(IDENTITY, &backup.public, &detail));
        }
        Ok(())
    }
}

/// A backup whose parts do not belong together is damaged, or made by somebody else.
fn check(file: &Path, backup: &Backup) -> Result<(), Failure> {
    let damaged = |detail: &dyn std::fmt::Display| {
        Failure::new(Exit::Failed, "error-identity-damaged")
            .with("file", file.display())
            .with("detail", detail)
    };
    let history = &backup.public.history;
    let held = backup.public.verify_history(&AwsLc, None);
    held.map_err(|error| damaged(&error))?;
    if let Some(root) = &backup.root
        && &root.public(&AwsLc) != history.root_key()
    {
        return Err(damaged(&identity::IssueError::NotTheRoot));
    }
    if let Some(next) = &backup.next
        && next_hash(&AwsLc, &next.public(&AwsLc)) != history.tip(&AwsLc).next_hash
    {
        return Err(damaged(&identity::IssueError::NotTheNextRoot));
    }
    belongs(file, history.address(), backup.public.address())
}

/// A backup may lie on a stick that knows no owners or modes: it is sealed anyway.
fn read_any(file: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |source: std::io::Error| {
        file_failure(match source.kind() {
            std::io::ErrorKind::NotFound => FileError::Missing(file.to_owned()),
            _ => FileError::Io {
                path: file.to_owned(),
                source,
            },
        })
    };
    let len = std::fs::metadata(file).map_err(failed)?.len();
    if len > FILE_LEN_MAX {
        return Err(file_failure(FileError::TooLong {
            path: file.to_owned(),
            len_max: FILE_LEN_MAX,
        }));
    }
    std::fs::read(file).map_err(failed)
}
