//! What the threads of one node share, and what they hand to the slow path.

use crate::counters::Counters;
use crate::desk::{Calm, Desk};
use crate::inbox::Inbox;
pub use crate::inbox::Input;
use crate::proxy::Proxies;
use crate::streams::Streams;
use arc_swap::ArcSwap;
use group::FlowTable;
use node::{FastReport, Snapshot};
use os::multicast::Multicast;
use os::tun::Device;
use os::udp::Udp;
use os::wait::Waker;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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
    /// Readable once a program got its answer.
    pub answered: Waker,
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
