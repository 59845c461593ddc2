//! The data threads: UDP to interface and interface to UDP, on the published snapshot.
//!
//! Each thread works until its descriptor is empty and only then waits. What the snapshot
//! cannot place goes to the slow path. There is one thread per direction, and one for what
//! belongs to no session yet; more of them need nothing but more descriptors.

use crate::counters::Cause;
use crate::shared::{Answers, Input, Shared};
use crate::streams::StreamEvent;
use node::{DropReason, HEADROOM, Inbound, Outbound, TAILROOM};
use os::clock::monotonic;
use os::udp::{Batch, Udp};
use os::wait::readable;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;
use wire::Path;
use wire::ip::Ecn;

/// The longest IP packet, in bytes.
const PACKET_LEN_MAX: usize = 65_535;
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
    let mut answers = Answers::new();
    while !shared.is_ending() {
        let now = monotonic();
        let read = udp.recv(&mut batch, |from, ecn, datagram| {
            let ecn = Ecn::from_bits(ecn);
            inbound(shared, now, from.into(), ecn, datagram, &mut answers);
        });
        shared.answer(&mut answers);
        if let Err(error) = read {
            pause(shared, udp.as_fd(), Cause::Datagram, &error);
        }
    }
}

/// Serves the streams until the node ends.
pub fn receive_from_streams(shared: &Shared) {
    // Who comes by a stream is asked for no cookie.
    let mut none = Answers::new();
    let mut each = |id, datagram: &mut [u8]| {
        let (now, from) = (monotonic(), Path::Stream(id));
        inbound(shared, now, from, Ecn::NotEct, datagram, &mut none);
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

fn inbound(
    shared: &Shared,
    now: Duration,
    from: Path,
    ecn: Ecn,
    datagram: &mut [u8],
    answers: &mut Answers,
) {
    let snapshot = shared.snapshot.load();
    match snapshot.inbound(now, &shared.flows, from, ecn, datagram) {
        Inbound::Deliver { packet, report } => {
            if let Some(packet) = datagram.get(packet) {
                shared.deliver(packet);
            }
            if let Some(report) = report {
                shared.inbox.offer(Input::Fast(report));
            }
        }
        Inbound::Report(report) => {
            shared.inbox.offer(Input::Fast(report));
        }
        Inbound::Forward { to, report } => {
            shared.transmit(to, ecn, datagram);
            if let Some(report) = report {
                shared.inbox.offer(Input::Fast(report));
            }
        }
        Inbound::Slow { proven } => {
            let taken = shared.inbox.offer_datagram(from, ecn, proven, datagram);
            if !taken && !proven {
                snapshot.note_load(now);
            }
        }
        Inbound::Answer(reply) => {
            answers.extend(from.udp().map(|to| (to, reply)));
            shared.counters.fast_dropped(DropReason::RateLimited);
        }
        Inbound::Refused(reason, report) => {
            shared.counters.fast_dropped(reason);
            shared.inbox.offer(Input::Fast(report));
        }
        Inbound::Drop(reason) => shared.counters.fast_dropped(reason),
    }
}

/// Takes the host's packets from the interface until the node ends.
pub fn receive_packets(shared: &Shared) {
    let Some(device) = &shared.device else { return };
    let mut buffer = vec![0; HEADROOM + PACKET_LEN_MAX + TAILROOM];
    while !shared.is_ending() {
        let room = buffer
            .get_mut(HEADROOM..HEADROOM + PACKET_LEN_MAX)
            .unwrap_or_default();
        match device.recv(room) {
            Ok(len) => outbound(shared, &mut buffer, len),
            Err(error) => pause(shared, device.as_fd(), Cause::Packet, &error),
        }
    }
}

fn outbound(shared: &Shared, buffer: &mut [u8], len: usize) {
    let snapshot = shared.snapshot.load();
    match snapshot.outbound(monotonic(), &shared.flows, buffer, len) {
        Outbound::Send {
            to,
            ecn,
            datagram,
            report,
        } => {
            if let Some(datagram) = buffer.get(datagram) {
                shared.transmit(to, ecn, datagram);
            }
            if let Some(report) = report {
                shared.inbox.offer(Input::Fast(report));
            }
        }
        Outbound::Slow => {
            if let Some(packet) = buffer.get(HEADROOM..HEADROOM + len) {
                shared.inbox.offer(Input::Packet(packet.to_vec()));
            }
        }
        Outbound::Reply(packet, reason) => {
            shared.deliver(&packet);
            shared.counters.fast_dropped(reason);
        }
        Outbound::Drop(reason) => shared.counters.fast_dropped(reason),
    }
}

/// Waits until there is more to read or the node ends.
fn pause(shared: &Shared, fd: BorrowedFd<'_>, cause: Cause, error: &io::Error) {
    if error.kind() != io::ErrorKind::WouldBlock {
        tracing::debug!(%error, cause = cause.name(), "descriptor");
        let _ = readable(&[shared.stop.as_fd()], Some(ERROR_PAUSE));
    }
    let _ = readable(&[fd, shared.stop.as_fd()], None);
    shared.counters.woke(cause);
}
