//! The key of an admin of locked groups: a file of its own, on whatever machine, always sealed by a passphrase.

use super::{Opener, crypto_failure, file_failure, open_failure, rng, write};
use crate::failure::Failure;
use crate::passphrase::Passphrase;
use identity::AdminSecret;
use identity::crypto::AwsLc;
use identity::sealed::KeyFile;
use std::path::Path;
use wire::NodeAddr;

/// It is no node's.
const NOBODY: NodeAddr = NodeAddr([0; 16]);

/// Makes a key, in a file that is not there yet; the public half.
///
/// # Errors
/// The file is there, or cannot be written.
pub(crate) fn make_admin(file: &Path, passphrase: &Passphrase) -> Result<[u8; 32], Failure> {
    let secret = AdminSecret::generate(&mut rng()?);
    let public = secret.public(&AwsLc);
    let bytes = write(&KeyFile::Admin(secret), NOBODY, Some(passphrase.as_str()))?;
    if let Some(directory) = file.parent().filter(|it| !it.as_os_str().is_empty()) {
        std::fs::create_dir_all(directory).map_err(|error| crypto_failure(&error))?;
    }
    os::files::create_private(file, &bytes).map_err(file_failure)?;
    Ok(public)
}

/// Opens it.
///
/// # Errors
/// It is missing, damaged or another kind of key, or the passphrase is wrong.
pub(crate) fn open_admin(opener: &mut Opener<'_>, file: &Path) -> Result<AdminSecret, Failure> {
    let (_, key) = opener.open_any(file)?;
    key.into_admin().map_err(|error| open_failure(file, error))
}
