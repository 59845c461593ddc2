//! Being one of several instances over one store: what others wrote is read, and told to the nodes
//! in touch here; who is where is noted for the others.

use super::opening::Opened;
use super::{POLL, Server};
use crate::orders::FromGms;
use crate::refusals::order_error;
use crate::shared::Input;
use api::ApiError;
use control::service::{Effect, OrderError, StoreError};
use group::agent::AgentMessage;
use std::time::Instant;
use wire::NodeAddr;

/// Most places that wait to be written down; who comes then is asked for in vain elsewhere.
const PLACES_MAX: usize = 16_384;

impl Server {
    /// What is due every [`POLL`]: reads what other instances wrote, writes down who has come. Opens
    /// a store that did not open before.
    pub(super) fn poll(&mut self) {
        if self.polled.is_some_and(|at| at.elapsed() < POLL) {
            return;
        }
        self.polled = Some(Instant::now());
        let now_unix_s = os::clock::unix_s();
        let Ok((service, store, rng)) = self.opened() else {
            return;
        };
        if !store.is_shared() {
            return;
        }
        let read = service.catch_up(store, now_unix_s);
        let read = read.and_then(|()| service.attend(store, now_unix_s, rng));
        let left_out = service.left_out().map(str::to_owned);
        self.note_left_out(left_out);
        match &read {
            Ok(()) if self.is_behind => tracing::info!("groups: the database answers again"),
            Err(error) if !self.is_behind => {
                tracing::warn!(%error, "groups: what other instances wrote cannot be read");
            }
            _ => {}
        }
        self.is_behind = read.is_err();
        if matches!(read, Err(OrderError::Store(StoreError::Moved(_)))) {
            // Whoever asks is told where to.
            self.open = None;
        }
        if !self.is_behind {
            self.write_places();
        }
    }

    /// Says once that a group has no place for this instance.
    fn note_left_out(&mut self, group: Option<String>) {
        let was = std::mem::replace(&mut self.is_left_out, group.is_some());
        if let Some(group) = group.filter(|_| !was) {
            tracing::warn!(
                group,
                "groups: no place is left for this machine among the servers of the group, so its members do \
                 not come here; take out one that is gone: `kumi group unshare GROUP ADDRESS`"
            );
        }
    }

    /// What others wrote is known before an order is decided on, or a question answered: whoever was
    /// told at another instance that it is done sees it here.
    pub(super) fn catch_up(&mut self) -> Result<(), ApiError> {
        let Some(opened) = self.open.as_mut().filter(|it| it.store.is_shared()) else {
            return Ok(());
        };
        let read = opened
            .service
            .catch_up(&mut opened.store, os::clock::unix_s());
        read.map_err(|error| order_error(&error))
    }

    fn write_places(&mut self) {
        let Some(Opened { store, .. }) = &mut self.open else {
            return;
        };
        let places = std::mem::take(&mut self.places).into_iter();
        let places: Vec<_> = places.map(|(f, place)| (f.0, place)).collect();
        if let Err(error) = store.put_places(&places) {
            tracing::warn!(%error, "groups: where nodes are cannot be written down");
        }
    }

    /// Where a node is, for whoever asks another instance.
    pub(super) fn note_place(&mut self, f: NodeAddr, place: Option<AgentMessage>) {
        let is_shared = self.open.as_ref().is_some_and(|it| it.store.is_shared());
        let has_room = self.places.len() < PLACES_MAX;
        if let Some(place) = place.filter(|_| is_shared && has_room) {
            self.places.insert(f, place.encode());
        }
    }

    /// Members of other instances may have to come to this one.
    pub(super) fn ask_where_this_is(&mut self) {
        if self.open.as_ref().is_some_and(|it| it.store.is_shared()) {
            self.inbox.send(Input::Gms(FromGms::WhereAmI));
        }
    }

    /// Hands on what the service has to say.
    pub(super) fn drain(&mut self) {
        while let Some(opened) = &mut self.open {
            let Some(effect) = opened.service.poll_effect() else {
                return;
            };
            if let Effect::Check(check) = effect {
                self.check(check);
                continue;
            }
            let said = match elsewhere(opened, &effect) {
                Some(said) => said,
                None => FromGms::Effect(effect),
            };
            if !self.inbox.send(Input::Gms(said)) {
                return;
            }
        }
    }
}

/// The answer to a question about a node that is not in touch with this instance, if another one
/// noted where it is.
fn elsewhere(opened: &Opened, effect: &Effect) -> Option<FromGms> {
    let Effect::Locate { to, f } = effect else {
        return None;
    };
    if !opened.store.is_shared() || opened.service.is_online(*f) {
        return None;
    }
    let bytes = match opened.store.place(f.0) {
        Ok(place) => place?,
        Err(error) => {
            tracing::warn!(%error, "groups: where a node is cannot be read");
            return None;
        }
    };
    let nothing = AgentMessage::Located {
        f: *f,
        endpoints: Vec::new(),
        identity: Vec::new(),
    };
    let place = AgentMessage::decode(nothing.kind(), &bytes).ok()??;
    Some(FromGms::Located { to: *to, place })
}
