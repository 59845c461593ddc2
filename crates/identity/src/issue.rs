//! What the owner of root keys does: begin a node, rotate or recover its root, and issue
//! certificates. Nothing is stored here; the caller writes the new secrets to disk before
//! it lets anybody see what they signed.

use wire::NodeAddr;
use wire::statement::ROTATIONS_MAX;

use crate::certificate::{Certificate, Scopes};
use crate::crypto::{Crypto, Rng, random};
use crate::history::{HistoryError, KeyHistory};
use crate::inception::{Inception, next_hash};
use crate::rotation::{RotationEntry, RotationKind};
use crate::secret::{HotKeys, NextRootSecret, RecoverySecret, RootSecret};

/// How many salts are tried for an address in fc00::/8. One in 256 fits, so a search fails
/// with a probability below 2^-360.
pub const SALT_TRIES_MAX: u32 = 65_536;

/// Why nothing was issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// No salt gave an address in fc00::/8: the hash is not one.
    #[error("no salt gives an address in fc00::/8")]
    SaltNotFound,
    /// The root secret is not that of the present root key.
    #[error("this is not the secret of the root key in force")]
    NotTheRoot,
    /// The next secret is not the one committed to.
    #[error("this is not the secret of the next root key")]
    NotTheNextRoot,
    /// The inception record names another recovery key, or none.
    #[error("this is not the secret of the recovery key")]
    NotTheRecoveryKey,
    /// 64 rotations are all that a log can hold.
    #[error("the rotation log is full (64 entries): a new identity is needed")]
    LogFull,
    /// The history held is only the end of a log.
    #[error("the rotation log is not whole")]
    LogNotWhole,
    /// A certificate that ends before it begins.
    #[error("the certificate would end before it begins")]
    EndsBeforeItBegins,
}

/// A node's first keys.
#[derive(Debug)]
pub struct NewIdentity {
    /// The inception record, without rotations.
    pub history: KeyHistory,
    /// Signs certificates from now on.
    pub root: RootSecret,
    /// Goes offline.
    pub next: NextRootSecret,
}

/// What a rotation leaves behind.
#[derive(Debug)]
pub struct Rotated {
    /// The history with the new entry at its end.
    pub history: KeyHistory,
    /// The root key in force now: the former next one.
    pub root: RootSecret,
    /// The new next root key.
    pub next: NextRootSecret,
}

/// The terms of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Higher than in any certificate of this node before.
    pub counter: u64,
    /// Start of validity, Unix seconds.
    pub not_before_unix_s: u64,
    /// End of validity, Unix seconds.
    pub not_after_unix_s: u64,
    /// What the hot keys may do.
    pub scopes: Scopes,
}

impl Inception {
    /// Begins a node: draws both root keys and grinds the salt.
    pub fn create(
        crypto: &dyn Crypto,
        rng: &mut dyn Rng,
        recovery_key: Option<[u8; 32]>,
    ) -> Result<NewIdentity, IssueError> {
        let root = RootSecret::generate(rng);
        let next = NextRootSecret::generate(rng);
        let first_salt = u64::from_be_bytes(random(rng));
        let mut inception = Inception {
            root_key: root.public(crypto),
            next_hash: next_hash(crypto, &next.public(crypto)),
            recovery_key,
            salt: [0; 8],
        };
        for step in 0..SALT_TRIES_MAX {
            inception.salt = first_salt.wrapping_add(u64::from(step)).to_be_bytes();
            if inception.address(crypto).is_f() {
                let history = KeyHistory::new(crypto, inception, Vec::new())
                    .map_err(|_| IssueError::SaltNotFound)?;
                return Ok(NewIdentity {
                    history,
                    root,
                    next,
                });
            }
        }
        Err(IssueError::SaltNotFound)
    }
}

/// Makes the next root key the root key, and commits to a fresh next one.
///
/// The address stays. The caller then issues a certificate by the new root.
pub fn rotate(
    crypto: &dyn Crypto,
    rng: &mut dyn Rng,
    history: &KeyHistory,
    next: NextRootSecret,
) -> Result<Rotated, IssueError> {
    if next_hash(crypto, &next.public(crypto)) != history.tip(crypto).next_hash {
        return Err(IssueError::NotTheNextRoot);
    }
    let root = next.into_root();
    let signer = zeroize::Zeroizing::new(*root.seed());
    append(crypto, rng, history, root, RotationKind::Rotation, &signer)
}

/// Replaces lost root keys: the recovery key signs a step to fresh ones.
pub fn recover(
    crypto: &dyn Crypto,
    rng: &mut dyn Rng,
    history: &KeyHistory,
    recovery: &RecoverySecret,
) -> Result<Rotated, IssueError> {
    if history.inception().recovery_key != Some(recovery.public(crypto)) {
        return Err(IssueError::NotTheRecoveryKey);
    }
    let root = RootSecret::generate(rng);
    let kind = RotationKind::Recovery;
    append(crypto, rng, history, root, kind, recovery.seed())
}

/// The counter for the next certificate of a node whose last known one had `last`.
///
/// It follows the clock where it can, so that a node restored from an old backup is ahead
/// of certificates that the backup does not know of. No verifier looks at it as a time.
pub fn next_counter(last: u64, now_unix_s: u64) -> u64 {
    last.saturating_add(1).max(now_unix_s)
}

/// Certifies hot keys by the root key in force.
pub fn issue_certificate(
    crypto: &dyn Crypto,
    root: &RootSecret,
    history: &KeyHistory,
    hot: &HotKeys,
    terms: &Terms,
) -> Result<Certificate, IssueError> {
    if &root.public(crypto) != history.root_key() {
        return Err(IssueError::NotTheRoot);
    }
    if terms.not_after_unix_s < terms.not_before_unix_s {
        return Err(IssueError::EndsBeforeItBegins);
    }
    let mut certificate = Certificate {
        root_position: history.position(),
        counter: terms.counter,
        not_before_unix_s: terms.not_before_unix_s,
        not_after_unix_s: terms.not_after_unix_s,
        noise_key: *hot.noise_public(),
        sign_key: *hot.sign_public(),
        scopes: terms.scopes,
        signature: [0; 64],
    };
    let address: NodeAddr = history.address();
    certificate.signature = crypto.ed25519_sign(root.seed(), &certificate.signed_text(address));
    Ok(certificate)
}

fn append(
    crypto: &dyn Crypto,
    rng: &mut dyn Rng,
    history: &KeyHistory,
    root: RootSecret,
    kind: RotationKind,
    signer: &[u8; 32],
) -> Result<Rotated, IssueError> {
    if !history.is_whole() {
        return Err(IssueError::LogNotWhole);
    }
    if history.log().len() >= ROTATIONS_MAX {
        return Err(IssueError::LogFull);
    }
    let next = NextRootSecret::generate(rng);
    let before = history.tip(crypto);
    let mut entry = RotationEntry {
        kind,
        position: before.position.saturating_add(1),
        root_key: root.public(crypto),
        next_hash: next_hash(crypto, &next.public(crypto)),
        signature: [0; 64],
    };
    let text = entry.signed_text(history.address(), &before.entry_hash);
    entry.signature = crypto.ed25519_sign(signer, &text);
    let mut log = history.log().to_vec();
    log.push(entry);
    let history = KeyHistory::new(crypto, history.inception().clone(), log);
    let history = history.map_err(|error| match error {
        HistoryError::LogTooLong => IssueError::LogFull,
        _ => IssueError::LogNotWhole,
    })?;
    Ok(Rotated {
        history,
        root,
        next,
    })
}
