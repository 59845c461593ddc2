//! Carrying groups to another store, and backups.
//!
//! A move copies, reads all of it at the other place (the trail by its hashes, every secret), and only
//! then leaves the store that was: with a mark that says where to, so that nobody serves it again.
//! Interrupted before the mark nothing has changed; after it the next start ends the move.

use super::Server;
use super::opening::{Opened, moved_to, open_error, problem, tools, unusable};
use api::{ApiError, Code, Hidden, Reply, Response};
use control::SecretOf;
use control::service::{Store, StoreError};
use os::files::FileError;
use std::path::Path;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};
use store::{BackupError, Database, MasterKey, OpenError, Place};

/// Most tries when other instances go on writing meanwhile.
const TRIES_MAX: usize = 5;
/// Time between two reports of how far it is.
const REPORT: Duration = Duration::from_millis(200);

/// Tells whoever asked how far it is.
struct Report<'a> {
    reply: &'a SyncSender<Reply>,
    at: Option<Instant>,
}

impl Report<'_> {
    fn say(&mut self, done: u64, all: u64) {
        if self.at.is_none_or(|at| at.elapsed() >= REPORT) {
            self.at = Some(Instant::now());
            // Whoever does not read misses it.
            let _ = self.reply.try_send(Ok(Response::Carried { done, all }));
        }
    }
}

impl Server {
    /// Carries everything to another place, and uses that from then on.
    pub(super) fn carry(
        &mut self,
        to: &Hidden,
        reply: &SyncSender<Reply>,
    ) -> Result<control::Reply, ApiError> {
        let place: Result<Place, _> = to.0.parse().map_err(OpenError::from);
        let place = place.map_err(|error| open_error(&error))?;
        let mut report = Report { reply, at: None };
        for _ in 0..TRIES_MAX {
            if let Some(opened) = self.try_carry(&place, &mut report)? {
                moved_to(&opened.place, &self.state)?;
                self.use_store(opened);
                return Ok(control::Reply::Done);
            }
        }
        Err(order_error(StoreError::Conflict))
    }

    /// One try; `None`: another instance wrote meanwhile.
    fn try_carry(
        &mut self,
        place: &Place,
        report: &mut Report<'_>,
    ) -> Result<Option<Opened>, ApiError> {
        let (service, store, _) = self.opened()?;
        service
            .catch_up(store, os::clock::unix_s())
            .map_err(|error| crate::refusals::order_error(&error))?;
        let trail = service.trail();
        let (state, f) = (self.state.clone(), self.f);
        let Some(opened) = &mut self.open else {
            return Ok(None);
        };
        if opened.place.to_string() == place.to_string() {
            return Err(problem("here").with("place", place));
        }
        let target = opened.store.open_target(place, tools(&state, None)?);
        let mut target = target.map_err(|error| open_error(&error))?;
        let carried = opened
            .store
            .carry(&mut target, &mut |done, all| report.say(done, all));
        let rev = carried.map_err(order_error)?;
        if rev != trail.rev {
            return Ok(None);
        }
        let key = key(&state)?;
        let mut moved = Opened::over(target, &key, place.clone(), f)?;
        check(opened, &moved)?;
        place.note_next(&state).map_err(|error| unusable(&error))?;
        match opened.store.leave(rev, place) {
            Err(StoreError::Conflict) => return Ok(None),
            left => left.map_err(order_error)?,
        }
        // From here on the other one is the store, whatever happens.
        self.open = None;
        moved.store.finish().map_err(order_error)?;
        Ok(Some(moved))
    }

    /// Writes a copy of everything into a file.
    pub(super) fn backup(
        &mut self,
        file: &Path,
        reply: &SyncSender<Reply>,
    ) -> Result<control::Reply, ApiError> {
        let state = self.state.clone();
        let (_, store, _) = self.opened()?;
        let mut report = Report { reply, at: None };
        let key = key(&state)?;
        let done = store.backup(file, (&key, tools(&state, None)?), &mut |done, all| {
            report.say(done, all);
        });
        done.map(|()| control::Reply::Done)
            .map_err(|error| match error {
                BackupError::File(FileError::Exists(path)) => {
                    problem("exists").with("place", path.display())
                }
                BackupError::Open(error) => open_error(&error),
                other => unusable(&other),
            })
    }
}

fn key(state: &Path) -> Result<MasterKey, ApiError> {
    let key = MasterKey::read(state).map_err(|error| unusable(&error))?;
    key.ok_or_else(|| ApiError::new(Code::GroupStore).with("detail", store::KEY_FILE))
}

/// Whether the other store holds the same, secrets included.
fn check(here: &Opened, there: &Opened) -> Result<(), ApiError> {
    let differs = || {
        order_error(StoreError::Unavailable(
            "the copy is not the same".to_owned(),
        ))
    };
    if here.service.trail() != there.service.trail() {
        return Err(differs());
    }
    let secret = |store: &Database, of| store.secret(of).map_err(order_error);
    for group in here.service.tenant().groups.values() {
        let id = group.id;
        for epoch in group.chain.epochs() {
            let (group, number) = (id, epoch.entry.number);
            let of = SecretOf { group, number };
            if secret(&here.store, of)? != secret(&there.store, of)? {
                return Err(differs());
            }
        }
        let root = |store: &Database| store.root_seed(id).map_err(order_error);
        if root(&here.store)? != root(&there.store)? {
            return Err(differs());
        }
    }
    Ok(())
}

fn order_error(error: StoreError) -> ApiError {
    crate::refusals::order_error(&error.into())
}
