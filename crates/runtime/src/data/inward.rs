//! What comes from the underlay: datagrams of a socket or a stream, on the published snapshot.

use super::arrivals::Arrivals;
use super::pause;
use crate::counters::{Cause, Work};
use crate::lane::{Answers, Lane};
use crate::streams::Receive;
use node::{DropReason, Inbound, Snapshot};
use os::clock::monotonic;
use os::udp::Batch;
use os::wait::Wait;
use std::ops::Range;
use std::time::Duration;
use wire::ip::Ecn;
use wire::{Path, StreamId};

/// A thread's reading from its socket.
pub(super) struct Inward<'a> {
    lane: Lane<'a>,
    batch: Batch,
    turn: Turn<'a>,
}

impl<'a> Inward<'a> {
    pub(super) fn new(lane: Lane<'a>) -> Self {
        Self {
            lane,
            batch: Batch::default(),
            turn: Turn::new(lane),
        }
    }

    /// Reads once, and does what is to be done with what was read: how many reads of
    /// [`os::udp::BATCH_LEN`] there were.
    pub(super) fn turn(&mut self, wait: Wait) -> usize {
        let shared = self.lane.shared;
        shared.counters.did(Work::Receive, 1);
        match self.lane.udp.recv(&mut self.batch, wait) {
            Ok(reads) => {
                self.turn.take(&mut self.batch, reads);
                reads
            }
            Err(error) => {
                pause(shared, Cause::Datagram, &error);
                0
            }
        }
    }
}

/// What one receiving thread does with what it reads in one turn.
pub(super) struct Turn<'a> {
    lane: Lane<'a>,
    arrivals: Arrivals<'a>,
    answers: Answers,
}

impl<'a> Turn<'a> {
    pub(super) fn new(lane: Lane<'a>) -> Self {
        Self {
            lane,
            arrivals: Arrivals::new(lane),
            answers: Answers::default(),
        }
    }

    /// Does all that is to be done with what was read.
    pub(super) fn take(&mut self, batch: &mut Batch, reads: usize) {
        let now = monotonic();
        let snapshot = self.lane.shared.snapshot.load();
        for read in 0..reads {
            let Some(read) = batch.read(read) else { break };
            let (from, ecn) = (Path::Udp(read.from), Ecn::from_bits(read.ecn));
            let mut count = 0;
            for at in read.datagrams() {
                count += 1;
                self.datagram(&snapshot, now, from, ecn, batch.buffer(), at);
            }
            self.lane.shared.counters.did(Work::DatagramsIn, count);
        }
        self.arrivals.finish(batch.buffer());
        self.lane.answer(&mut self.answers);
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
        let shared = self.lane.shared;
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
                let taken = shared.inbox.put_datagram(from, ecn, proven, datagram);
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
pub(super) struct StreamTurn<'a> {
    turn: Turn<'a>,
    buffer: Vec<u8>,
    used: usize,
}

impl<'a> StreamTurn<'a> {
    pub(super) fn new(lane: Lane<'a>) -> Self {
        Self {
            turn: Turn::new(lane),
            buffer: vec![0; STREAM_BUFFER_LEN],
            used: 0,
        }
    }
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
        let snapshot = self.turn.lane.shared.snapshot.load();
        let buffer = &mut self.buffer;
        self.turn
            .datagram(&snapshot, now, from, Ecn::NotEct, buffer, at);
    }

    fn done(&mut self) {
        self.turn.arrivals.finish(&self.buffer);
        self.used = 0;
        let shared = self.turn.lane.shared;
        shared.desk.end_turn(&shared.inbox, false);
    }
}
