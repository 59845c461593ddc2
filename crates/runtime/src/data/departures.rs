//! Sealed datagrams on their way out, until they leave together.
//!
//! | limit | value |
//! |---|---|
//! | datagrams that wait | [`WAITING_MAX`] |
//! | bytes that wait | [`BUFFER_LEN`] |
//!
//! They leave at the latest when the interface has nothing more to read. Those that the kernel has
//! no room for are held until it has.

use super::streamed::Streamed;
use crate::counters::ShellDrop;
use crate::lane::Lane;
use crate::shared::{Input, Shared};
use node::{HEADROOM, Outbound, Sealer, TAILROOM};
use os::udp::Outgoing;
use std::time::Duration;
use wire::Path;
use wire::offload::Cutter;

/// They leave when there are so many.
const WAITING_MAX: usize = 96;
/// Or so many bytes. A frame more fits: its packets with room around each.
const MANY_LEN: usize = 72 * 1024;
const BUFFER_LEN: usize = MANY_LEN + 72 * 1024;

/// What waits.
pub(super) struct Departures {
    buffer: Vec<u8>,
    used: usize,
    waiting: Vec<Outgoing>,
    /// Of these, so many are gone already.
    gone: usize,
    /// The kernel had no room for the others.
    held: bool,
    /// Those that go by streams.
    streamed: Streamed,
}

impl Departures {
    pub(super) fn new() -> Self {
        Self {
            buffer: vec![0; BUFFER_LEN],
            used: 0,
            waiting: Vec::with_capacity(2 * WAITING_MAX),
            gone: 0,
            held: false,
            streamed: Streamed::default(),
        }
    }

    /// Whether the kernel had no room for some. Then there is nothing more to be sealed.
    pub(super) fn are_held(&self) -> bool {
        self.held
    }

    /// Whether it is time to let them go.
    pub(super) fn are_many(&self) -> bool {
        self.used >= MANY_LEN || self.count() >= WAITING_MAX
    }

    /// Seals packet `number` of a frame; it leaves soon.
    pub(super) fn seal(
        &mut self,
        lane: Lane<'_>,
        now: Duration,
        cutter: &Cutter<'_>,
        number: usize,
        sealer: &Sealer<'_>,
    ) {
        let room = HEADROOM + cutter.packet_len_max() + TAILROOM;
        if self.used + room > self.buffer.len() || self.count() >= 2 * WAITING_MAX {
            self.leave_all(lane);
        }
        let shared = lane.shared;
        let start = self.used;
        let Some(place) = self.buffer.get_mut(start..start + room) else {
            return shared.counters.dropped(ShellDrop::TooLong);
        };
        let inner = place.get_mut(HEADROOM..).unwrap_or_default();
        let Some(len) = cutter.write(number, inner) else {
            return;
        };
        match sealer.seal(now, place, len) {
            Outbound::Send {
                to,
                ecn,
                datagram,
                report,
            } => {
                let at = start + datagram.start..start + datagram.end;
                self.used = at.end;
                match to {
                    Path::Udp(to) => {
                        let ecn = ecn as u8;
                        self.waiting.push(Outgoing { to, ecn, at });
                    }
                    Path::Stream(id) => self.streamed.push(id, at),
                    // The node names the underlay's path.
                    Path::Channel(_) => shared.counters.dropped(ShellDrop::SendFailed),
                }
                shared.report(report);
            }
            Outbound::Slow => slow(shared, cutter, number),
            Outbound::Reply(_, reason) | Outbound::Drop(reason) => {
                shared.counters.fast_dropped(reason);
            }
        }
    }

    fn count(&self) -> usize {
        self.waiting.len() + self.streamed.len()
    }

    /// Lets them go, as far as there is room.
    pub(super) fn leave(&mut self, lane: Lane<'_>) {
        self.streamed.leave(lane.shared, &self.buffer);
        let waiting = self.waiting.get(self.gone..).unwrap_or_default();
        if !waiting.is_empty() {
            self.gone += lane.transmit_some(&self.buffer, waiting);
        }
        self.held = self.gone < self.waiting.len();
        if !self.held {
            self.clear();
        }
    }

    /// Lets all of them go in the middle of a frame, which has to go on: waits a moment for room.
    fn leave_all(&mut self, lane: Lane<'_>) {
        self.streamed.leave(lane.shared, &self.buffer);
        lane.transmit_all(&self.buffer, &self.waiting);
        self.clear();
    }

    fn clear(&mut self) {
        self.waiting.clear();
        (self.gone, self.used, self.held) = (0, 0, false);
    }
}

/// Hands a packet of a frame to the slow path.
pub(super) fn slow(shared: &Shared, cutter: &Cutter<'_>, number: usize) {
    let mut packet = vec![0; cutter.packet_len_max()];
    if let Some(len) = cutter.write(number, &mut packet) {
        packet.truncate(len);
        shared.inbox.put(Input::Packet(packet));
    }
}
