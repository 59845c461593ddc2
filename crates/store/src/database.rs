//! A store of either kind, at the place where this node keeps it.
//!
//! | key | store | what happens |
//! |---|---|---|
//! | here, or given | there | it is opened, if the key fits; a given key is kept then |
//! | neither | not there | a key is made, then the store |
//! | neither | there | refused: its key belongs beside it |

use std::path::Path;
use std::sync::Arc;

use control::service::{Store, StoreError, Writing};
use control::{Record, SecretOf};
use group::epochs::EpochSecret;
use group::statement::GroupId;
use identity::crypto::{Crypto, Rng};
use identity::password::Verifier;

use crate::error::OpenError;
use crate::place::Place;
use crate::postgres::{Postgres, Reached};
use crate::seal::{KEY_FILE, KEY_LEN, MasterKey};
use crate::sqlite::{FILE, Sqlite};

/// A store of either kind.
pub enum Database {
    /// In one file.
    Sqlite(Sqlite),
    /// In PostgreSQL.
    Postgres(Box<Postgres>),
}

/// A place, as far as it was reached.
enum Target<'a> {
    Directory(&'a Path),
    Postgres(Box<Reached>),
}

/// What opening takes besides the place.
pub struct Opening<'a> {
    /// The state directory, which holds the key.
    pub state: &'a Path,
    /// A key that was brought along.
    pub given: Option<[u8; KEY_LEN]>,
    /// The cryptography.
    pub crypto: Arc<dyn Crypto>,
    /// For a new key: random.
    pub random: [u8; KEY_LEN],
    /// Draws the nonces of the seal.
    pub nonces: Box<dyn Rng + Send>,
}

impl Opening<'_> {
    /// The key that is to be used; whether it is the one in the state directory already.
    fn key(&self) -> Result<Option<(MasterKey, bool)>, OpenError> {
        let here = MasterKey::read(self.state)?;
        let given = self.given.map(MasterKey::of);
        match (here, given) {
            (Some(here), Some(given)) if here != given => {
                let path = self.state.join(KEY_FILE);
                Err(OpenError::OtherKey { path })
            }
            (Some(here), _) => Ok(Some((here, true))),
            (None, given) => Ok(given.map(|given| (given, false))),
        }
    }
}

impl Database {
    /// Opens the store at a place, or makes it.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(place: &Place, opening: Opening<'_>) -> Result<(Self, MasterKey), OpenError> {
        let (store, key, moved) = Self::open_any(place, opening)?;
        match moved {
            None => Ok((store, key)),
            Some(to) => Err(OpenError::moved(place.to_string(), to)),
        }
    }

    /// Opens a store that may have been moved, or is not whole; where to.
    pub(crate) fn open_any(
        place: &Place,
        opening: Opening<'_>,
    ) -> Result<(Self, MasterKey, Option<String>), OpenError> {
        let target = match place {
            Place::Directory(directory) => Target::Directory(directory),
            Place::Postgres(url) => Target::Postgres(Box::new(Reached::connect(url.clone())?)),
        };
        let is_made = match &target {
            Target::Directory(directory) => Sqlite::is_in(directory),
            Target::Postgres(reached) => reached.is_made(),
        };
        let (key, is_kept) = match opening.key()? {
            Some(key) => key,
            None if is_made => {
                let place = place.to_string();
                return Err(OpenError::NoKey { place });
            }
            None => (MasterKey::of(opening.random), false),
        };
        // What is sealed from now on is of no use without it, so it is on the disk first.
        if !is_kept && !is_made {
            key.keep(opening.state)?;
        }
        let seal = key.seal(opening.crypto, opening.nonces);
        let (store, moved) = match target {
            Target::Postgres(reached) => {
                let (store, moved) = reached.open_any(seal)?;
                (Self::Postgres(Box::new(store)), moved)
            }
            Target::Directory(directory) => {
                let (store, moved) = Sqlite::open_any(&directory.join(FILE), seal)?;
                (Self::Sqlite(store), moved)
            }
        };
        if !is_kept && is_made {
            key.keep(opening.state)?;
        }
        Ok((store, key, moved))
    }

    /// Notes where nodes are, for the other instances; nothing, if there are none.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn put_places(&mut self, places: &[([u8; 16], Vec<u8>)]) -> Result<(), StoreError> {
        match self {
            Self::Postgres(store) if !places.is_empty() => store.put_places(places),
            _ => Ok(()),
        }
    }

    /// Where a node was, as an instance noted.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn place(&self, f: [u8; 16]) -> Result<Option<Vec<u8>>, StoreError> {
        match self {
            Self::Postgres(store) => store.place(f),
            Self::Sqlite(_) => Ok(None),
        }
    }

    /// Whether other instances may write to it.
    #[must_use]
    pub const fn is_shared(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }
}

impl Store for Database {
    fn commit(&mut self, after: u64, writing: &Writing<'_>) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(store) => store.commit(after, writing),
            Self::Postgres(store) => store.commit(after, writing),
        }
    }

    fn records(&mut self, after: u64, most: usize) -> Result<Vec<Record>, StoreError> {
        match self {
            Self::Sqlite(store) => store.records(after, most),
            Self::Postgres(store) => store.records(after, most),
        }
    }

    fn secret(&self, of: SecretOf) -> Result<Option<EpochSecret>, StoreError> {
        match self {
            Self::Sqlite(store) => store.secret(of),
            Self::Postgres(store) => store.secret(of),
        }
    }

    fn root_seed(&self, group: GroupId) -> Result<Option<[u8; 32]>, StoreError> {
        match self {
            Self::Sqlite(store) => store.root_seed(group),
            Self::Postgres(store) => store.root_seed(group),
        }
    }

    fn verifier(&self, user: &str) -> Result<Option<Verifier>, StoreError> {
        match self {
            Self::Sqlite(store) => store.verifier(user),
            Self::Postgres(store) => store.verifier(user),
        }
    }
}
