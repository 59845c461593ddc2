//! Which streams there are, and which of them have to prove themselves yet.

use super::connection::Connection;
use super::limits::Limits;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use wire::StreamId;

/// An IPv4 address, or the first half of an IPv6 one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    V4([u8; 4]),
    V6([u8; 8]),
}

impl Source {
    fn of(address: SocketAddr) -> Self {
        match address.ip() {
            IpAddr::V4(ip) => Self::V4(ip.octets()),
            IpAddr::V6(ip) => {
                let [a, b, c, d, e, f, g, h, ..] = ip.octets();
                Self::V6([a, b, c, d, e, f, g, h])
            }
        }
    }
}

/// The streams of a node. Numbers only grow, so the smallest is the oldest.
#[derive(Debug, Default)]
pub(super) struct Table {
    streams: BTreeMap<StreamId, Arc<Connection>>,
    /// Accepted and not kept.
    strangers: BTreeMap<StreamId, Source>,
    /// Dialled and not kept: no stranger can push them out.
    dialled: BTreeSet<StreamId>,
}

impl Table {
    /// The stream with this number.
    pub(super) fn get(&self, id: StreamId) -> Option<&Arc<Connection>> {
        self.streams.get(&id)
    }

    /// How many streams there are.
    pub(super) fn len(&self) -> usize {
        self.streams.len()
    }

    /// Takes a new stream. What has to give way for it is closed and comes back; an error if
    /// nothing may.
    pub(super) fn admit(
        &mut self,
        connection: Arc<Connection>,
        limits: Limits,
    ) -> Result<Option<StreamId>, Full> {
        let source = Source::of(connection.at);
        let mut same = self.strangers.iter().filter(|(_, other)| **other == source);
        let oldest = self.strangers.first_key_value().map(|(id, _)| *id);
        let stranger = !connection.dialled;
        let gives_way = if stranger && same.clone().count() >= limits.per_source {
            same.next().map(|(id, _)| *id)
        } else if (stranger && self.strangers.len() >= limits.strangers)
            || self.len() >= limits.streams
        {
            Some(oldest.ok_or(Full)?)
        } else {
            None
        };
        if let Some(closed) = gives_way.and_then(|id| self.remove(id)) {
            closed.close();
        }
        if stranger {
            self.strangers.insert(connection.id, source);
        } else {
            self.dialled.insert(connection.id);
        }
        self.streams.insert(connection.id, connection);
        Ok(gives_way)
    }

    /// The stream may stay.
    pub(super) fn keep(&mut self, id: StreamId) {
        self.strangers.remove(&id);
        self.dialled.remove(&id);
    }

    /// Takes a stream out.
    pub(super) fn remove(&mut self, id: StreamId) -> Option<Arc<Connection>> {
        self.keep(id);
        self.streams.remove(&id)
    }

    /// The stream that has waited longest to be kept, and since when.
    pub(super) fn oldest_unkept(&self) -> Option<(StreamId, Duration)> {
        let stranger = self.strangers.first_key_value().map(|(id, _)| id);
        let id = stranger.into_iter().chain(self.dialled.first()).min()?;
        Some((*id, self.get(*id)?.since))
    }
}

/// There are as many streams as there may be, and all of them are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full;
