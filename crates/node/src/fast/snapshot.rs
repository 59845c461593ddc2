//! The immutable picture of sessions and rules that data threads work on.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use group::FlowTable;
use wire::NodeAddr;
use wire::datagram::Datagram;
use wire::ip::{Ecn, IpView};

use crate::fast::{DropReason, HEADROOM, Inbound, Outbound};

/// Sessions, addresses and rules at one moment.
#[derive(Debug)]
pub struct Snapshot {
    generation: u64,
    own: NodeAddr,
}

impl Snapshot {
    /// A snapshot of a node with address `own` and without any session.
    #[must_use]
    pub const fn empty(own: NodeAddr) -> Self {
        Self { generation: 0, own }
    }

    /// Counts the snapshots of one node.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// What to do with the inner packet at `buf[HEADROOM..HEADROOM + len]` from the local
    /// host; `now` is monotonic.
    #[must_use]
    pub fn outbound(
        &self,
        _now: Duration,
        _flows: &FlowTable,
        buf: &mut [u8],
        len: usize,
    ) -> Outbound {
        let packet = buf.get(HEADROOM..HEADROOM.saturating_add(len));
        match packet.map(IpView::parse) {
            Some(Ok(view)) if view.src() == IpAddr::from(self.own) => Outbound::Slow,
            Some(Ok(_)) => Outbound::Drop(DropReason::SourceNotOwn),
            _ => Outbound::Drop(DropReason::Malformed),
        }
    }

    /// What to do with a datagram from the underlay; `now` is monotonic.
    #[must_use]
    pub fn inbound(
        &self,
        _now: Duration,
        _flows: &FlowTable,
        _from: SocketAddr,
        _ecn: Ecn,
        datagram: &mut [u8],
    ) -> Inbound {
        match Datagram::parse(datagram) {
            Ok(Datagram::Transport(_)) => Inbound::Drop(DropReason::UnknownIndex),
            Ok(_) => Inbound::Slow,
            Err(_) => Inbound::Drop(DropReason::Malformed),
        }
    }
}
