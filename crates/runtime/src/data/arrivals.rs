//! What came for this host, joined into large frames, and what a Bridge sends on.
//!
//! Everything lies in the buffer that it was read into and is not copied; so it has to be done with
//! ([`Arrivals::finish`]) before that is read into again. The order of a flow is kept.

use super::streamed::Streamed;
use crate::counters::{ShellDrop, Work};
use crate::lane::Lane;
use os::tun::Device;
use os::udp::Outgoing;
use std::io;
use std::ops::Range;
use wire::Path;
use wire::datagram::is_handshake;
use wire::ip::Ecn;
use wire::offload::{Joined, Joiner, Offered};

/// So many datagrams are sent on together.
const FORWARDS_MAX: usize = 128;

/// What one turn of a receiving thread brought.
pub(super) struct Arrivals<'a> {
    lane: Lane<'a>,
    joiner: Joiner,
    forwards: Vec<Outgoing>,
    streamed: Streamed,
}

impl<'a> Arrivals<'a> {
    pub(super) fn new(lane: Lane<'a>) -> Self {
        let joins = lane.device.map(Device::joins);
        Self {
            lane,
            joiner: Joiner::new(joins.unwrap_or_default()),
            forwards: Vec::with_capacity(FORWARDS_MAX),
            streamed: Streamed::default(),
        }
    }

    /// A packet for this host.
    pub(super) fn deliver(&mut self, buffer: &[u8], at: Range<usize>) {
        let packet = buffer.get(at.clone()).unwrap_or_default();
        let mut offered = self.joiner.offer(packet, at.start);
        if offered == Offered::Full {
            self.flush(buffer);
            offered = self.joiner.offer(packet, at.start);
        }
        if offered != Offered::Taken {
            self.flush(buffer);
            self.lane.deliver(packet);
        }
    }

    /// A datagram that goes on from here, as it is.
    pub(super) fn forward(&mut self, buffer: &[u8], to: Path, ecn: Ecn, at: Range<usize>) {
        let datagram = buffer.get(at.clone()).unwrap_or_default();
        match to {
            // A handshake is never sent in pieces, so routers may fragment it.
            Path::Udp(_) if is_handshake(datagram) => self.lane.transmit(to, ecn, datagram),
            Path::Udp(to) => {
                let ecn = ecn as u8;
                self.forwards.push(Outgoing { to, ecn, at });
            }
            Path::Stream(id) => self.streamed.push(id, at),
            // The node names the underlay's path.
            Path::Channel(_) => self.lane.shared.counters.dropped(ShellDrop::SendFailed),
        }
        if self.forwards.len().max(self.streamed.len()) >= FORWARDS_MAX {
            self.send_on(buffer);
        }
    }

    /// Does what is still to be done with the buffer.
    pub(super) fn finish(&mut self, buffer: &[u8]) {
        self.flush(buffer);
        self.send_on(buffer);
    }

    fn send_on(&mut self, buffer: &[u8]) {
        if !self.forwards.is_empty() {
            self.lane.transmit_all(buffer, &self.forwards);
            self.forwards.clear();
        }
        self.streamed.leave(self.lane.shared, buffer);
    }

    /// Hands the frame that is being made to the host.
    fn flush(&mut self, buffer: &[u8]) {
        let (Some(joined), Some(device)) = (self.joiner.take(), self.lane.device) else {
            return;
        };
        self.lane.shared.counters.did(Work::InterfaceWrite, 1);
        match device.send_frame(&joined, buffer) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                tracing::info!("the kernel takes no large frames of this kind");
                deliver_apart(self.lane, &joined, buffer);
                self.joiner = Joiner::new(device.joins());
            }
            Err(_) => self.lane.shared.counters.dropped(ShellDrop::InterfaceFull),
        }
    }
}

/// Hands over the packets that a frame was made of: they still lie as they came, headers and all.
fn deliver_apart(lane: Lane<'_>, joined: &Joined<'_>, buffer: &[u8]) {
    for payload in joined.payloads {
        let start = payload.start.saturating_sub(joined.headers.len());
        let packet = buffer.get(start..payload.end).unwrap_or_default();
        lane.deliver(packet);
    }
}
