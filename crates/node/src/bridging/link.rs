//! One Bridge of this node, while it runs. What is done with it: `bridge::links`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use wire::channel::AttachStatus;
use wire::{NodeAddr, StreamId};

/// The stream to a Bridge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum LinkStream {
    /// None.
    #[default]
    None,
    /// Being dialled.
    Dialling(SocketAddr),
    /// There.
    Up(StreamId),
}

/// One Bridge of this node, while it runs.
#[derive(Debug, Default)]
pub(crate) struct Link {
    /// Where the Bridge sees this node, once it has taken it as a client.
    pub(crate) attached: Option<SocketAddr>,
    /// Why it has not.
    pub(crate) refusal: Option<AttachStatus>,
    pub(crate) password: Option<String>,
    pub(crate) stream: LinkStream,
    /// Streams dialled since the session last stood.
    pub(crate) dials: u32,
    /// Tries since the stream was there.
    pub(crate) stream_tries: u32,
    pub(crate) next_call: Option<Duration>,
    /// When the next of several addresses has its turn in a call that is not answered.
    pub(crate) next_address: Option<Duration>,
    pub(crate) next_probe: Option<Duration>,
    /// Until when the attach that is out may be answered.
    pub(crate) attaching: Option<Duration>,
    /// Until when the ping that is out may be answered.
    pub(crate) probing: Option<Duration>,
    /// This node's channels over it, by peer.
    pub(crate) channels: BTreeMap<NodeAddr, u32>,
    /// Peers that a channel was asked for.
    pub(crate) asked: BTreeSet<NodeAddr>,
}

impl Link {
    /// Whether this node reaches the Bridge over this stream.
    pub(crate) fn has_stream(&self, id: StreamId) -> bool {
        self.stream == LinkStream::Up(id)
    }

    /// When something is due for it.
    pub(crate) fn timeout(&self) -> Option<Duration> {
        let timers = [
            self.next_call,
            self.next_address,
            self.next_probe,
            self.attaching,
            self.probing,
        ];
        timers.into_iter().flatten().min()
    }
}
