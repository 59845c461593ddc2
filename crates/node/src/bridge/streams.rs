//! TCP connections, as the shell reports them.

use std::net::SocketAddr;

use session::limiter::Source;
use wire::{Now, Path, StreamId};

use crate::Output;
use crate::machine::Node;

/// Most streams that are known of; the shell has a limit of its own.
const STREAMS_MAX: usize = 4_096;

/// What happened to a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamEvent {
    /// It is there.
    Up {
        /// The stream.
        id: StreamId,
        /// The other end.
        at: SocketAddr,
        /// This node dialled it.
        dialled: bool,
    },
    /// None could be had to there.
    Failed {
        /// The other end.
        at: SocketAddr,
    },
    /// It has ended.
    Down {
        /// The stream.
        id: StreamId,
    },
}

impl Node {
    /// A stream came or went.
    pub fn handle_stream(&mut self, now: Now, event: StreamEvent) {
        match event {
            StreamEvent::Up { id, at, dialled } => {
                if self.streams.len() >= STREAMS_MAX {
                    self.output(Output::Hang(id));
                    return;
                }
                self.streams.insert(id, at);
                if dialled {
                    self.dialled(now, at, Some(id));
                }
            }
            StreamEvent::Failed { at } => self.dialled(now, at, None),
            StreamEvent::Down { id } => {
                self.streams.remove(&id);
                self.path_lost(now, Path::Stream(id));
                self.link_stream_down(now, id);
            }
        }
        self.settle(now);
    }

    /// A path is gone for every session that uses it or has it standing by.
    pub(crate) fn path_lost(&mut self, now: Now, path: Path) {
        for (f, peer) in &mut self.peers {
            if let Some(session) = &mut peer.session
                && session.path_lost(now.mono, path)
            {
                self.snapshot_stale = true;
                self.touched.insert(*f);
            }
        }
    }

    /// Whose initiations count together.
    pub(crate) fn source_of(&self, path: Path) -> Source {
        let unknown = || SocketAddr::from(([0, 0, 0, 0], 0));
        match path {
            Path::Udp(at) => at.into(),
            Path::Stream(id) => self
                .streams
                .get(&id)
                .copied()
                .unwrap_or_else(unknown)
                .into(),
            Path::Channel(channel) => Source::Channel(channel),
        }
    }

    /// The underlay's address at the other end of a path, where there is one.
    pub(crate) fn address_of(&self, path: Path) -> Option<SocketAddr> {
        match path {
            Path::Udp(at) => Some(at),
            Path::Stream(id) => self.streams.get(&id).copied(),
            Path::Channel(_) => None,
        }
    }
}
