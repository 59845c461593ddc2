//! The data threads: UDP to interface and interface to UDP, on the published snapshot.
//!
//! Each thread waits in the very call that reads. What it reads in one turn it also sends in as few
//! calls of the kernel as it takes, before the next turn. What the snapshot
//! cannot place goes to the slow path. There is one thread per direction, and one for what
//! belongs to no session yet; more of them need nothing but more descriptors.
//!
//! | module | what |
//! |---|---|
//! | [`arrivals`] | what came for this host, joined into large frames, and what goes on from here |
//! | [`departures`] | sealed datagrams until they leave together |
//! | [`pressure`] | keeping the interface's queue short |
//! | [`streamed`] | the same for those that go by streams |

mod arrivals;
mod departures;
mod pressure;
mod streamed;

use crate::counters::{Cause, ShellDrop, Work};
use crate::shared::{Answers, Input, Shared};
use crate::streams::{Receive, StreamEvent};
use arrivals::Arrivals;
use departures::Departures;
use node::{DropReason, Inbound, Outbound, Snapshot};
use os::clock::monotonic;
use os::udp::{Batch, Udp};
use os::wait::{Wait, readable};
use pressure::Pressure;
use std::io;
use std::ops::Range;
use std::os::fd::AsFd;
use std::time::Duration;
use wire::ip::{Ecn, IpView, ecn, proto, set_ecn};
use wire::offload::{Cutter, Offload};
use wire::{Path, StreamId};

/// The longest frame, in bytes.
const FRAME_LEN_MAX: usize = 65_535;
/// After an unexpected error of a descriptor a thread pauses, so that it cannot spin.
const ERROR_PAUSE: Duration = Duration::from_millis(100);

/// Receives datagrams until the node ends.
pub fn receive_datagrams(shared: &Shared) {
    receive_from(shared, &shared.udp);
}

/// Receives what belongs to no session until the node ends. It is the others' turn first: a flood
/// of it gets the time that they leave.
pub fn receive_from_strangers(shared: &Shared, door: &Udp) {
    os::process::step_back();
    receive_from(shared, door);
}

fn receive_from(shared: &Shared, udp: &Udp) {
    let mut batch = Batch::default();
    let mut turn = Turn::new(shared);
    while !shared.is_ending() {
        let read = udp.recv(&mut batch, Wait::ForOne);
        shared.counters.woke(Cause::Datagram);
        shared.counters.did(Work::Receive, 1);
        match read {
            Ok(reads) => turn.take(&mut batch, reads),
            Err(error) => pause(shared, Cause::Datagram, &error),
        }
    }
}

/// What one receiving thread does with what it reads in one turn.
struct Turn<'a> {
    shared: &'a Shared,
    arrivals: Arrivals<'a>,
    answers: Answers,
}

impl<'a> Turn<'a> {
    fn new(shared: &'a Shared) -> Self {
        Self {
            shared,
            arrivals: Arrivals::new(shared),
            answers: Answers::default(),
        }
    }

    fn take(&mut self, batch: &mut Batch, reads: usize) {
        let now = monotonic();
        let snapshot = self.shared.snapshot.load();
        for read in 0..reads {
            let Some(read) = batch.read(read) else { break };
            let (from, ecn) = (Path::Udp(read.from), Ecn::from_bits(read.ecn));
            let mut count = 0;
            for at in read.datagrams() {
                count += 1;
                self.datagram(&snapshot, now, from, ecn, batch.buffer(), at);
            }
            self.shared.counters.did(Work::DatagramsIn, count);
        }
        self.arrivals.finish(batch.buffer());
        self.shared.answer(&mut self.answers);
    }

    fn datagram(
        &mut self,
        snapshot: &Snapshot,
        now: Duration,
        from: Path,
        ecn: Ecn,
        buffer: &mut [u8],
        at: Range<usize>,
    ) {
        let Some(datagram) = buffer.get_mut(at.clone()) else {
            return;
        };
        let shared = self.shared;
        match snapshot.inbound(now, &shared.flows, from, ecn, datagram) {
            Inbound::Deliver { packet, report } => {
                let packet = at.start + packet.start..at.start + packet.end;
                self.arrivals.deliver(buffer, packet);
                shared.report(report);
            }
            Inbound::Forward { to, report } => {
                self.arrivals.forward(buffer, to, ecn, at);
                shared.report(report);
            }
            Inbound::Report(report) => shared.report(Some(report)),
            Inbound::Slow { proven } => {
                let taken = shared.inbox.offer_datagram(from, ecn, proven, datagram);
                if !taken && !proven {
                    snapshot.note_load(now);
                }
            }
            Inbound::Answer(reply) => {
                if let Some(to) = from.udp() {
                    self.answers.push(to, &reply);
                }
                shared.counters.fast_dropped(DropReason::RateLimited);
            }
            Inbound::Refused(reason, report) => {
                shared.counters.fast_dropped(reason);
                shared.report(Some(report));
            }
            Inbound::Drop(reason) => shared.counters.fast_dropped(reason),
        }
    }
}

/// What one read of a stream brought, copied to where it can be joined.
struct StreamTurn<'a> {
    turn: Turn<'a>,
    buffer: Vec<u8>,
    used: usize,
}

/// Room for what one read brings.
const STREAM_BUFFER_LEN: usize = 80 * 1024;

impl Receive for StreamTurn<'_> {
    fn datagram(&mut self, id: StreamId, datagram: &mut [u8]) {
        if self.used + datagram.len() > self.buffer.len() {
            self.done();
        }
        let at = self.used..self.used + datagram.len();
        let Some(place) = self.buffer.get_mut(at.clone()) else {
            return;
        };
        place.copy_from_slice(datagram);
        self.used = at.end;
        let (now, from) = (monotonic(), Path::Stream(id));
        let snapshot = self.turn.shared.snapshot.load();
        let buffer = &mut self.buffer;
        self.turn
            .datagram(&snapshot, now, from, Ecn::NotEct, buffer, at);
    }

    fn done(&mut self) {
        self.turn.arrivals.finish(&self.buffer);
        self.used = 0;
    }
}

/// Serves the streams until the node ends.
pub fn receive_from_streams(shared: &Shared) {
    let mut each = StreamTurn {
        turn: Turn::new(shared),
        buffer: vec![0; STREAM_BUFFER_LEN],
        used: 0,
    };
    let mut event = |event| {
        let event = match event {
            StreamEvent::Up { id, at, dialled } => node::StreamEvent::Up { id, at, dialled },
            StreamEvent::Failed { at, error } => {
                tracing::debug!(%at, %error, "no stream");
                node::StreamEvent::Failed { at }
            }
            StreamEvent::Down { id } => node::StreamEvent::Down { id },
        };
        shared.inbox.send(Input::Stream(event));
    };
    if let Err(error) = shared.streams.run(&mut each, &mut event) {
        tracing::error!(%error, "streams");
    }
}

/// Takes the host's frames from the interface until the node ends.
pub fn receive_packets(shared: &Shared) {
    let Some(device) = &shared.device else { return };
    let mut frame = vec![0; FRAME_LEN_MAX];
    let mut departures = Departures::new();
    let mut pressure = Pressure::default();
    while !shared.is_ending() {
        let before = monotonic();
        let wait = if departures.are_waiting() || pressure.looks(before) {
            Wait::No
        } else {
            Wait::ForOne
        };
        let read = device.recv(&mut frame, wait);
        let now = monotonic();
        shared.counters.did(Work::InterfaceRead, 1);
        if wait == Wait::ForOne {
            shared.counters.woke(Cause::Packet);
            pressure.read(before, now);
        }
        match read {
            Ok((len, offload)) => {
                let frame = frame.get_mut(..len).unwrap_or_default();
                outbound(shared, now, frame, offload, &mut departures, &mut pressure);
            }
            Err(error) => {
                pressure.empty(now);
                departures.leave(shared);
                pause(shared, Cause::Packet, &error);
            }
        }
    }
}

/// Cuts a frame of the host into packets, and seals each.
fn outbound(
    shared: &Shared,
    now: Duration,
    frame: &mut [u8],
    offload: Offload,
    departures: &mut Departures,
    pressure: &mut Pressure,
) {
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
                departures.seal(shared, now, &cutter, number, &sealer);
            }
            departures.leave_if_many(shared);
        }
        Err(Outbound::Slow) => {
            for number in 0..cutter.count() {
                slow(shared, &cutter, number);
            }
        }
        Err(Outbound::Reply(packet, reason)) => {
            shared.deliver(&packet);
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

/// Hands a packet of a frame to the slow path.
fn slow(shared: &Shared, cutter: &Cutter<'_>, number: usize) {
    let mut packet = vec![0; cutter.packet_len_max()];
    if let Some(len) = cutter.write(number, &mut packet) {
        packet.truncate(len);
        shared.inbox.offer(Input::Packet(packet));
    }
}

/// Nothing was read. An interruption is to have a look whether the node ends.
fn pause(shared: &Shared, cause: Cause, error: &io::Error) {
    let usual = matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    );
    if !usual {
        tracing::debug!(%error, cause = cause.name(), "descriptor");
        let _ = readable(&[shared.stop.as_fd()], Some(ERROR_PAUSE));
    }
}
