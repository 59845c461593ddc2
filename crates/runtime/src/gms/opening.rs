//! Opening the store of groups, where this node remembers it or where it is told to.

use api::{ApiError, Code, Hidden};
use control::Trail;
use control::service::{Keys, Service, Store};
use identity::crypto::{AwsLc, Crypto, HashRng};
use std::path::Path;
use std::sync::Arc;
use store::{Database, KEY_LEN, MasterKey, OpenError, Opening, Place};
use wire::NodeAddr;

/// A store that is open, and the service over it.
pub(super) struct Opened {
    pub(super) service: Service,
    pub(super) store: Database,
    pub(super) place: Place,
    /// What the server's lines prove.
    pub(super) gate: [u8; 16],
}

impl Opened {
    /// Opens the store where this node remembers it; ends a move that was interrupted.
    pub(super) fn remembered(state: &Path, f: NodeAddr) -> Result<Self, ApiError> {
        let place = Place::remembered(state).map_err(|error| open_error(&error))?;
        let opened = Self::at(place.clone(), state, f, None);
        let is_moved =
            |error: &ApiError| error.args.get("problem").map(String::as_str) == Some("moved");
        if !opened.as_ref().err().is_some_and(is_moved) {
            return opened;
        }
        let Some(next) = Place::next(state).map_err(|error| open_error(&error))? else {
            return opened;
        };
        let from = (&place, tools(state, None)?);
        let ended = Database::end_move(from, (&next, tools(state, None)?));
        if !ended.map_err(|error| open_error(&error))? {
            return opened;
        }
        moved_to(&next, state)?;
        Self::at(next, state, f, None)
    }

    fn at(
        place: Place,
        state: &Path,
        f: NodeAddr,
        given: Option<[u8; KEY_LEN]>,
    ) -> Result<Self, ApiError> {
        let opened = Database::open(&place, tools(state, given)?);
        let (store, key) = opened.map_err(|error| open_error(&error))?;
        Self::over(store, &key, place, f)
    }

    /// The service over a store: reads all of it.
    pub(super) fn over(
        mut store: Database,
        key: &MasterKey,
        place: Place,
        f: NodeAddr,
    ) -> Result<Self, ApiError> {
        let crypto: Arc<dyn Crypto> = Arc::new(AwsLc);
        let gate = key.gate(&*crypto);
        let keys = Keys {
            seed: key.statement_seed(&*crypto),
            crypto,
            f,
        };
        let service = Service::open(keys, &mut store);
        Ok(Self {
            service: service.map_err(|error| crate::refusals::order_error(&error))?,
            store,
            place,
            gate,
        })
    }

    /// Opens the store at another place, and remembers that: `now` is what is open, if anything is.
    /// Groups are never left behind: the other place has to hold the same ones, or there are none
    /// here.
    pub(super) fn elsewhere(
        now: Option<&Self>,
        (state, f): (&Path, NodeAddr),
        (database, key): (Option<&Hidden>, Option<&Hidden>),
    ) -> Result<Self, ApiError> {
        let before = Place::remembered(state).map_err(|error| open_error(&error))?;
        let was_known = Place::is_known(state);
        let place = match database {
            Some(database) => database.0.parse().map_err(OpenError::from),
            None => Ok(before.clone()),
        };
        let place: Place = place.map_err(|error| open_error(&error))?;
        let given = key.map(key_of).transpose()?;
        let mut opened = Self::at(place, state, f, given)?;
        if opened.place.to_string() != before.to_string() && !opened.follows(now, was_known)? {
            return Err(problem("elsewhere").with("place", before));
        }
        let remembered = opened.place.remember(state);
        remembered.map_err(|error| unusable(&error))?;
        Ok(opened)
    }

    /// Whether this store holds all that the one does which was open.
    fn follows(&mut self, now: Option<&Self>, was_known: bool) -> Result<bool, ApiError> {
        let Some(now) = now else {
            return Ok(!was_known || self.service.trail().rev > 0);
        };
        let Trail { rev, hash } = now.service.trail();
        let Some(before) = rev.checked_sub(1) else {
            return Ok(true);
        };
        let records = self.store.records(before, 1);
        let records = records.map_err(|error| crate::refusals::order_error(&error.into()))?;
        Ok(records.first().is_some_and(|record| record.hash == hash))
    }
}

/// What opening takes.
pub(super) fn tools(state: &Path, given: Option<[u8; KEY_LEN]>) -> Result<Opening<'_>, ApiError> {
    let random = || os::random::seed().map_err(|error| unusable(&error));
    Ok(Opening {
        state,
        given,
        crypto: Arc::new(AwsLc),
        random: random()?,
        nonces: Box::new(HashRng::new(random()?)),
    })
}

/// Uses the new place from the next start on, too.
pub(super) fn moved_to(place: &Place, state: &Path) -> Result<(), ApiError> {
    let remembered = place.remember(state);
    let forgotten = remembered.and_then(|()| Place::forget_next(state));
    forgotten.map_err(|error| unusable(&error))
}

fn key_of(key: &Hidden) -> Result<[u8; KEY_LEN], ApiError> {
    let bytes = group::serial::hex::parse(&key.0);
    let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| ApiError::new(Code::BadRequest).with("detail", "key"))
}

pub(super) fn problem(name: &str) -> ApiError {
    ApiError::new(Code::GroupDatabase).with("problem", name)
}

pub(super) fn unusable(error: &dyn std::fmt::Display) -> ApiError {
    ApiError::new(Code::GroupStore).with("detail", error)
}

/// Why a store was not opened, for whoever asked.
pub(super) fn open_error(error: &OpenError) -> ApiError {
    let (name, named) = error.named();
    if name == "unusable" {
        return unusable(error);
    }
    let error = problem(name);
    let named = named.into_iter();
    named.fold(error, |error, (name, value)| error.with(name, value))
}
