//! What the threads of one node share, and what they hand to the slow path.

use crate::asked::Asked;
use crate::counters::Counters;
use crate::desk::{Calm, Desk};
use crate::inbox::Inbox;
use crate::orders::FromGms;
use crate::proxy::Proxies;
use crate::streams::Streams;
use arc_swap::ArcSwap;
use group::FlowTable;
use node::{FastReport, Snapshot};
use os::multicast::Multicast;
use os::tun::Device;
use os::udp::Udp;
use os::wait::Waker;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use wire::ip::Ecn;
use wire::payload::Kind;
use wire::{NodeAddr, Path, Prefix};

/// Something for the slow path to handle.
#[derive(Debug)]
pub enum Input {
    /// A datagram that the snapshot could not place.
    Datagram {
        /// Where it came from.
        from: Path,
        /// ECN of its outer header.
        ecn: Ecn,
        /// Whether its sender is known to receive there.
        proven: bool,
        /// The datagram.
        bytes: Vec<u8>,
    },
    /// An IP packet of the host that the snapshot could not place.
    Packet(Vec<u8>),
    /// What the fast path did.
    Fast(FastReport),
    /// A beacon.
    Beacon {
        /// Its source.
        from: SocketAddr,
        /// The beacon.
        bytes: Vec<u8>,
    },
    /// This host's addresses have changed to these.
    Endpoints(Vec<SocketAddr>),
    /// The networks that have a route of their own are these now.
    Near(Vec<Prefix>),
    /// A stream came or went.
    Stream(node::StreamEvent),
    /// A password was checked.
    Password {
        /// Who said it.
        client: NodeAddr,
        /// The customer whose it is, if any.
        customer: Option<String>,
    },
    /// The management server of groups on this node says something.
    Gms(FromGms),
    /// A request from the control socket.
    Request(Asked),
    /// Read the configuration again.
    Reload,
    /// Stop in order.
    Stop,
}

impl Input {
    /// A packet of the host, or of a peer in pieces: there may be any number of them.
    pub(crate) fn is_bulk(&self) -> bool {
        let piece = Kind::Piece.to_byte();
        match self {
            Self::Packet(_) => true,
            Self::Fast(FastReport::Opened {
                plaintext: Some(bytes),
                ..
            }) => bytes.first() == Some(&piece),
            _ => false,
        }
    }

    pub(crate) fn is_unproven(&self) -> bool {
        matches!(self, Self::Datagram { proven: false, .. })
    }

    /// What data threads hand over, as opposed to requests and news of this host.
    pub(crate) fn is_of_network(&self) -> bool {
        matches!(
            self,
            Self::Datagram { .. } | Self::Packet(_) | Self::Fast(_)
        )
    }

    pub(crate) fn byte_len(&self) -> usize {
        match self {
            Self::Datagram { bytes, .. } | Self::Packet(bytes) | Self::Beacon { bytes, .. } => {
                bytes.len()
            }
            Self::Fast(FastReport::Opened {
                plaintext: Some(bytes),
                ..
            }) => bytes.len(),
            _ => 0,
        }
    }
}

/// What all threads of a node see.
#[derive(Debug)]
pub struct Shared {
    /// What data threads work on.
    pub snapshot: ArcSwap<Snapshot>,
    /// The flows that this end started.
    pub flows: Arc<FlowTable>,
    /// The underlay.
    pub udp: Udp,
    /// The overlay's interface.
    pub device: Option<Device>,
    /// The beacon sockets.
    pub multicast: Option<Multicast>,
    /// Counts.
    pub counters: Arc<Counters>,
    /// The way to the slow path.
    pub inbox: Inbox,
    /// Where it works.
    pub desk: Desk,
    /// TCP connections with Bridges or clients.
    pub streams: Streams,
    /// Proxies and forwards.
    pub proxies: Arc<Proxies>,
    /// Readable once the threads shall end.
    pub stop: Waker,
    /// Set before [`Shared::stop`].
    pub stopping: AtomicBool,
}

impl Shared {
    /// Tells every thread to end.
    pub fn end(&self) {
        self.stopping.store(true, Ordering::Release);
        self.stop.wake();
        self.streams.end();
    }

    /// Whether the threads shall end.
    pub fn is_ending(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// The end of a data thread's turn: the slow path gets what it put into its inbox. Whether little
    /// comes to the thread.
    pub fn end_turn(&self, calm: &mut Calm) -> bool {
        let is_calm = calm.turn(os::clock::monotonic());
        if self.inbox.has_unannounced() {
            self.desk.end_turn(&self.inbox, is_calm);
        }
        is_calm
    }

    /// Puts what the fast path did into the slow path's inbox.
    pub fn report(&self, report: Option<FastReport>) {
        if let Some(report) = report {
            self.inbox.put(Input::Fast(report));
        }
    }
}
