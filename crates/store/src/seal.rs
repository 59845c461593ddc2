//! The server's one key: it seals what is written down, and signs statements.
//!
//! | derived | by |
//! |---|---|
//! | key of the seal, AES-256-GCM | `HMAC(key, "kumihimo store seal v1")` |
//! | seed of the key for statements, Ed25519 | `HMAC(key, "kumihimo group server v1")` |
//! | gate of its lines | the first 16 bytes of `HMAC(key, "kumihimo group gate v1")` |
//!
//! A sealed value is nonce (12) ‖ ciphertext ‖ tag (16). What it is of (its table and place) is
//! authenticated with it, so that no value can be moved to another's place.

use std::path::Path;
use std::sync::Arc;

use identity::crypto::{AEAD_NONCE_LEN, AEAD_TAG_LEN, Aead, AeadAlg, Crypto, Rng, random};
use os::files::{self, FileError};

/// The name of the key's file in the state directory.
pub const KEY_FILE: &str = "gms.key";

/// Length of the key in bytes.
pub const KEY_LEN: usize = 32;
const NONCE_LEN: usize = AEAD_NONCE_LEN;

/// The key of a server, which its file holds and nobody else.
#[derive(Clone, PartialEq, Eq)]
pub struct MasterKey([u8; KEY_LEN]);

impl MasterKey {
    /// A key of these bytes.
    #[must_use]
    pub const fn of(bytes: [u8; KEY_LEN]) -> Self {
        Self(bytes)
    }

    /// Reads the key in a directory, if there is one.
    ///
    /// # Errors
    /// The file cannot be read, or is no key.
    pub fn read(directory: &Path) -> Result<Option<Self>, FileError> {
        let path = directory.join(KEY_FILE);
        let bytes = match files::read_private(&path, KEY_LEN as u64) {
            Err(FileError::Missing(_)) => return Ok(None),
            read => read?,
        };
        let key = <[u8; KEY_LEN]>::try_from(bytes);
        key.map(|key| Some(Self(key)))
            .map_err(|_| FileError::WrongType(path))
    }

    /// Writes the key into a directory that has none.
    ///
    /// # Errors
    /// The file cannot be written, or is there.
    pub fn keep(&self, directory: &Path) -> Result<(), FileError> {
        files::create_private(&directory.join(KEY_FILE), &self.0)
    }

    /// The seed of the server's key for statements.
    #[must_use]
    pub fn statement_seed(&self, crypto: &dyn Crypto) -> [u8; 32] {
        crypto.hmac(&self.0, &[b"kumihimo group server v1"])
    }

    /// What the server's lines prove in the handshake, at any instance.
    #[must_use]
    pub fn gate(&self, crypto: &dyn Crypto) -> [u8; 16] {
        let whole = crypto.hmac(&self.0, &[b"kumihimo group gate v1"]);
        let mut gate = [0; 16];
        gate.iter_mut().zip(whole).for_each(|(to, from)| *to = from);
        gate
    }

    /// What seals with this key. `rng` draws the nonces.
    #[must_use]
    pub fn seal(&self, crypto: Arc<dyn Crypto>, rng: Box<dyn Rng + Send>) -> Seal {
        let key = crypto.hmac(&self.0, &[b"kumihimo store seal v1"]);
        Seal {
            aead: crypto.aead(AeadAlg::Aes256Gcm, &key),
            rng,
        }
    }
}

/// Seals and opens values.
pub struct Seal {
    aead: Box<dyn Aead>,
    rng: Box<dyn Rng + Send>,
}

impl Seal {
    /// Seals a value of `what`.
    pub fn seal(&mut self, what: &[u8], plain: &[u8]) -> Vec<u8> {
        let nonce: [u8; NONCE_LEN] = random(&mut *self.rng);
        let mut sealed = nonce.to_vec();
        sealed.extend_from_slice(plain);
        if let Some(rest) = sealed.get_mut(NONCE_LEN..) {
            let tag = self.aead.seal_in_place(&nonce, what, rest);
            sealed.extend_from_slice(&tag);
        }
        sealed
    }

    /// Opens a value of `what`; `None`: it is not what was sealed.
    #[must_use]
    pub fn open(&self, what: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let (rest, tag) = rest.split_last_chunk::<AEAD_TAG_LEN>()?;
        let mut plain = rest.to_vec();
        let opens = self.aead.open_in_place(nonce, what, &mut plain, tag);
        opens.then_some(plain)
    }
}
