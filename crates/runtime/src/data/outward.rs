//! What the host sends: frames of the interface, cut, sealed, and on their way together.
//!
//! | limit | value |
//! |---|---|
//! | frames in a turn | [`FRAMES_MAX`] |
//! | times that datagrams leave in a turn | [`LEAVES_MAX`] |

use super::departures::{Departures, slow};
use super::pause;
use super::pressure::Pressure;
use crate::counters::{Cause, ShellDrop, Work};
use crate::lane::Lane;
use crate::shared::Shared;
use node::{DropReason, Outbound};
use os::clock::monotonic;
use os::tun::Device;
use std::io;
use std::time::Duration;
use wire::ip::{Ecn, IpView, ecn, proto, set_ecn};
use wire::offload::{Cutter, Offload};

/// The longest frame, in bytes.
const FRAME_LEN_MAX: usize = 65_535;
const FRAMES_MAX: usize = 64;
const LEAVES_MAX: usize = 1;

/// A thread's reading from its interface.
pub(super) struct Outward<'a> {
    lane: Lane<'a>,
    device: &'a Device,
    frame: Vec<u8>,
    departures: Departures,
    pressure: Pressure,
}

impl<'a> Outward<'a> {
    pub(super) fn new(lane: Lane<'a>, device: &'a Device) -> Self {
        Self {
            lane,
            device,
            frame: vec![0; FRAME_LEN_MAX],
            departures: Departures::new(),
            pressure: Pressure::default(),
        }
    }

    /// Datagrams wait for room in the kernel's queue: nothing more is read until they have left, so
    /// that what is too much waits, and is dropped, where the host's kernel sees it.
    pub(super) fn is_held(&self) -> bool {
        self.departures.are_held()
    }

    /// There is room again.
    pub(super) fn go_on(&mut self) {
        self.departures.leave(self.lane);
    }

    /// There was nothing to read until now.
    pub(super) fn was_empty(&mut self) {
        self.pressure.empty(monotonic());
    }

    /// Takes some frames, and lets go what comes of them. Whether there may be more.
    pub(super) fn turn(&mut self) -> bool {
        let mut leaves = 0;
        for _ in 0..FRAMES_MAX {
            if !self.one() {
                self.departures.leave(self.lane);
                return false;
            }
            if self.departures.are_many() {
                self.departures.leave(self.lane);
                leaves += 1;
            }
            if self.is_held() || leaves == LEAVES_MAX {
                return true;
            }
        }
        self.departures.leave(self.lane);
        true
    }

    /// Takes one frame; whether there was one.
    fn one(&mut self) -> bool {
        let shared = self.lane.shared;
        shared.counters.did(Work::InterfaceRead, 1);
        let read = self.device.recv(&mut self.frame);
        let now = monotonic();
        match read {
            Ok((len, offload)) => {
                let frame = self.frame.get_mut(..len).unwrap_or_default();
                let (departures, pressure) = (&mut self.departures, &mut self.pressure);
                outbound(self.lane, now, frame, offload, departures, pressure);
                true
            }
            Err(error) => {
                if error.kind() == io::ErrorKind::WouldBlock {
                    self.pressure.empty(now);
                }
                pause(shared, Cause::Packet, &error);
                false
            }
        }
    }
}

/// Cuts a frame of the host into packets, and seals each.
fn outbound(
    lane: Lane<'_>,
    now: Duration,
    frame: &mut [u8],
    offload: Offload,
    departures: &mut Departures,
    pressure: &mut Pressure,
) {
    let shared = lane.shared;
    let snapshot = shared.snapshot.load();
    // The first packet of a frame: those behind it show at once that it is missing.
    let loses = pressure.stands(now) && carries_tcp(frame) && pressure.loses(now);
    let from = usize::from(loses && !mark(shared, frame));
    let Ok(cutter) = Cutter::new(frame, offload) else {
        return shared.counters.fast_dropped(DropReason::Malformed);
    };
    let len_max = cutter.packet_len_max();
    match snapshot.way(now, &shared.flows, frame, len_max) {
        Ok(sealer) => {
            for number in from..cutter.count() {
                departures.seal(lane, now, &cutter, number, &sealer);
            }
        }
        Err(Outbound::Slow) => {
            for number in 0..cutter.count() {
                slow(shared, &cutter, number);
            }
        }
        Err(Outbound::Reply(packet, reason)) => {
            lane.deliver(&packet);
            shared.counters.fast_dropped(reason);
        }
        Err(Outbound::Drop(reason)) => shared.counters.fast_dropped(reason),
        Err(Outbound::Send { .. }) => {}
    }
}

/// Whether a frame is of a TCP stream that has begun.
fn carries_tcp(frame: &[u8]) -> bool {
    let view = IpView::parse(frame);
    view.is_ok_and(|view| view.proto() == proto::TCP && !view.is_tcp_handshake())
}

/// Tells the ends of a TCP stream that it is too fast, if they said that they want to be told. If
/// not, a packet is to be lost.
fn mark(shared: &Shared, frame: &mut [u8]) -> bool {
    let may = matches!(ecn::of_packet(frame), Some(Ecn::Ect0 | Ecn::Ect1));
    if may {
        set_ecn(frame, Ecn::Ce);
    } else {
        shared.counters.dropped(ShellDrop::QueueStands);
    }
    may
}
