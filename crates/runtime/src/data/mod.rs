//! The data threads: UDP to interface and interface to UDP, on the published snapshot.
//!
//! One thread has both directions of a lane: a socket and a queue of the interface. It waits when
//! neither had anything left, reads some from the one and some from the other, and sends what comes
//! of it in as few calls of the kernel as it takes, before it reads again. So an answer needs no
//! other thread to wake up, and nothing waits long behind the other direction. What the snapshot
//! cannot place goes to the slow path, at whose desk the thread itself may work ([`crate::desk`]). What belongs to no session yet, and streams, have a thread each.
//!
//! | module | what |
//! |---|---|
//! | [`inward`] | datagrams, opened |
//! | [`arrivals`] | what came for this host, joined into large frames, and what goes on from here |
//! | [`outward`] | frames of the host, cut and sealed |
//! | [`departures`] | sealed datagrams until they leave together |
//! | [`pressure`] | keeping the interface's queue short |
//! | [`streamed`] | datagrams that go by streams |

mod arrivals;
mod departures;
mod inward;
mod outward;
mod pressure;
mod streamed;

use crate::counters::Cause;
use crate::desk::Calm;
use crate::lane::Lane;
use crate::shared::{Input, Shared};
use crate::streams::StreamEvent;
use inward::{Inward, StreamTurn};
use os::udp::{BATCH_LEN, Udp};
use os::wait::{Wait, Watch, readable, wait_few};
use outward::Outward;
use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

/// After an unexpected error of a descriptor a thread pauses, so that it cannot spin.
const ERROR_PAUSE: Duration = Duration::from_millis(100);
/// While datagrams keep coming, the interface is looked at after so many turns.
const TURNS_PER_LOOK: u32 = 2;
/// While frames keep coming, so many turns go by after a look at the socket that was in vain.
const TURNS_AFTER_VAIN: u32 = 2;

/// Carries packets both ways until the node ends.
pub fn carry(lane: Lane<'_>) {
    let mut inward = Inward::new(lane);
    let mut outward = lane.device.map(|device| Outward::new(lane, device));
    let mut more = More::default();
    let (mut turns, mut left) = (0u32, 0u32);
    let mut calm = Calm::default();
    while !lane.shared.is_ending() {
        let held = outward.as_ref().is_some_and(Outward::is_held);
        if held || !(more.datagrams || more.frames) {
            more = wait(lane, held);
            // Who waits for frames has found none.
            if let Some(outward) = outward.as_mut().filter(|_| !held) {
                outward.was_empty();
            }
        }
        if let Some(outward) = outward.as_mut().filter(|_| more.frames) {
            if held {
                outward.go_on();
            }
            more.frames = !outward.is_held() && outward.turn();
            more.datagrams |= more.frames && left == 0;
            left = left.saturating_sub(1);
        }
        if more.datagrams {
            let reads = inward.turn(Wait::No);
            left = if reads == 0 { TURNS_AFTER_VAIN } else { 0 };
            more.datagrams = reads == BATCH_LEN;
            turns = turns.wrapping_add(1);
            let looks = more.datagrams && turns.is_multiple_of(TURNS_PER_LOOK);
            more.frames |= looks && outward.is_some();
        }
        lane.shared.end_turn(&mut calm);
    }
}

/// What there may be to read.
#[derive(Clone, Copy, Debug, Default)]
struct More {
    datagrams: bool,
    frames: bool,
}

/// Waits until there is something to read; or, if datagrams are held, until these may leave (then
/// it says that there are frames).
fn wait(lane: Lane<'_>, held: bool) -> More {
    let stop = Watch::to_read(lane.shared.stop.as_fd());
    let mut udp = Watch::to_read(lane.udp.as_fd());
    udp.write = held;
    let (waited, more) = match lane.device.filter(|_| !held) {
        Some(device) => {
            let mut watches = [udp, Watch::to_read(device.as_fd()), stop];
            let waited = wait_few(&mut watches);
            let [udp, device, _] = watches;
            (waited, (udp.read, device.read))
        }
        None => {
            let mut watches = [udp, stop];
            let waited = wait_few(&mut watches);
            let [udp, _] = watches;
            (waited, (udp.read, udp.write))
        }
    };
    if waited.is_err() {
        return More::default();
    }
    let (datagrams, frames) = more;
    let counters = &lane.shared.counters;
    if datagrams {
        counters.woke(Cause::Datagram);
    }
    if frames {
        counters.woke(Cause::Packet);
    }
    More { datagrams, frames }
}

/// Receives what belongs to no session until the node ends. Once much of it came it is the others' turn
/// first: a flood gets the time that they leave.
pub fn receive_from_strangers(shared: &Shared, door: &Udp) {
    let mut inward = Inward::new(Lane {
        udp: door,
        ..Lane::first(shared)
    });
    let mut calm = Calm::default();
    let mut stepped_back = false;
    while !shared.is_ending() {
        inward.turn(Wait::ForOne);
        shared.counters.woke(Cause::Datagram);
        if !shared.end_turn(&mut calm) && !std::mem::replace(&mut stepped_back, true) {
            os::process::step_back();
        }
    }
}

/// Serves the streams until the node ends.
pub fn receive_from_streams(shared: &Shared) {
    let mut each = StreamTurn::new(Lane::first(shared));
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
