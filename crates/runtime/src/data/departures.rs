//! Sealed datagrams on their way out, until they leave together.
//!
//! | limit | value |
//! |---|---|
//! | datagrams that wait | [`WAITING_MAX`] |
//! | bytes that wait | [`BUFFER_LEN`] |
//!
//! They leave at the latest when the interface has nothing more to read.

use super::slow;
use super::streamed::Streamed;
use crate::counters::ShellDrop;
use crate::shared::Shared;
use node::{HEADROOM, Outbound, Sealer, TAILROOM};
use os::udp::Outgoing;
use std::time::Duration;
use wire::Path;
use wire::offload::Cutter;

/// They leave when there are so many.
const WAITING_MAX: usize = 64;
/// Or so many bytes.
const BUFFER_LEN: usize = 72 * 1024;
/// A frame more always fits: its packets with room around each.
const MANY_LEN: usize = 32 * 1024;

/// What waits.
pub(super) struct Departures {
    buffer: Vec<u8>,
    used: usize,
    waiting: Vec<Outgoing>,
    /// Those that go by streams.
    streamed: Streamed,
}

impl Departures {
    pub(super) fn new() -> Self {
        Self {
            buffer: vec![0; BUFFER_LEN],
            used: 0,
            waiting: Vec::with_capacity(WAITING_MAX),
            streamed: Streamed::default(),
        }
    }

    /// Whether there is something that waits.
    pub(super) fn are_waiting(&self) -> bool {
        self.used > 0
    }

    /// Seals packet `number` of a frame; it leaves soon.
    pub(super) fn seal(
        &mut self,
        shared: &Shared,
        now: Duration,
        cutter: &Cutter<'_>,
        number: usize,
        sealer: &Sealer<'_>,
    ) {
        let room = HEADROOM + cutter.packet_len_max() + TAILROOM;
        if self.used + room > self.buffer.len() || self.count() >= WAITING_MAX {
            self.leave(shared);
        }
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

    /// Lets them go if there are many.
    pub(super) fn leave_if_many(&mut self, shared: &Shared) {
        if self.used >= MANY_LEN || self.count() >= WAITING_MAX {
            self.leave(shared);
        }
    }

    /// Lets them go.
    pub(super) fn leave(&mut self, shared: &Shared) {
        if !self.waiting.is_empty() {
            shared.transmit_all(&self.buffer, &self.waiting);
            self.waiting.clear();
        }
        self.streamed.leave(shared, &self.buffer);
        self.used = 0;
    }
}
