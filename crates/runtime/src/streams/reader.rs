//! The thread of all streams.

use super::connection::Connection;
use super::limits::DIAL_LIMIT;
use super::shell::{Dial, LISTENER, Receive, StreamEvent, Streams, WAKER};
use super::table::Table;
use crate::counters::Cause;
use os::clock::monotonic;
use os::poller::{Interest, READY_MAX, Ready};
use os::stream::{Stream, is_exhausted};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use wire::StreamId;
use wire::frame::Frames;

/// What is read from one stream before the others have their turn, in bytes.
const READ_LEN: usize = 64 * 1024;
/// Connections that are accepted before the streams have their turn.
const ACCEPTS_MAX: usize = 64;
/// When nothing can be accepted for want of descriptors or memory, it is tried again after
/// this.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

impl Streams {
    /// Accepts, connects, reads and writes until [`Streams::end`]: the body of a thread, which
    /// there is one of. Gives each datagram to `each` as it was sent, in the order of its
    /// stream, between the stream's [`StreamEvent::Up`] and [`StreamEvent::Down`]. Both may
    /// call everything but this.
    ///
    /// # Errors
    /// Waiting is impossible; all streams are closed.
    pub fn run(
        &self,
        each: &mut dyn Receive,
        event: &mut dyn FnMut(StreamEvent),
    ) -> io::Result<()> {
        let mut reader = Reader {
            streams: self,
            up: BTreeMap::new(),
            dialling: BTreeMap::new(),
            accept_again: None,
            buffer: vec![0; READ_LEN],
            each,
            event,
        };
        let result = reader.run();
        for id in reader.up.keys() {
            self.close(*id);
        }
        result
    }
}

/// What only the thread knows.
struct Reader<'a> {
    streams: &'a Streams,
    up: BTreeMap<StreamId, (Arc<Connection>, Frames)>,
    /// Connections being made; the first has the earliest limit.
    dialling: BTreeMap<StreamId, Dialling>,
    /// The listener is not watched until then.
    accept_again: Option<Duration>,
    /// What was read last, of any stream.
    buffer: Vec<u8>,
    each: &'a mut dyn Receive,
    event: &'a mut dyn FnMut(StreamEvent),
}

/// A connection being made.
struct Dialling {
    socket: Stream,
    at: SocketAddr,
    until: Duration,
}

impl Reader<'_> {
    fn run(&mut self) -> io::Result<()> {
        let mut ready = Vec::with_capacity(READY_MAX);
        loop {
            let at = self.next_timer();
            let limit = at.map(|at| at.saturating_sub(monotonic()));
            self.streams.poller.wait(limit, &mut ready)?;
            self.streams.counters.woke(Cause::Stream);
            for one in &ready {
                match one.token {
                    WAKER => {
                        if self.streams.is_ending() {
                            return Ok(());
                        }
                        self.begin_dials();
                    }
                    LISTENER => self.accept(),
                    token => self.ready(StreamId::new(token), *one),
                }
            }
            self.expire();
        }
    }

    fn ready(&mut self, id: StreamId, ready: Ready) {
        if self.dialling.contains_key(&id) {
            self.connected(id);
            return;
        }
        // Of one that went down since the poller was asked, nothing is there.
        let Some((connection, _)) = self.up.get(&id) else {
            return;
        };
        if ready.write && !connection.is_closed() {
            let late = connection.flush(&self.streams.poller, monotonic());
            self.streams.count_late(late.unwrap_or(0));
        }
        if ready.read && !self.read(id) {
            self.down(id);
        }
    }

    /// Reads once and delivers what is whole; whether the stream goes on.
    fn read(&mut self, id: StreamId) -> bool {
        let Some((connection, frames)) = self.up.get_mut(&id) else {
            return false;
        };
        if connection.is_closed() {
            return false;
        }
        let len = match connection.socket.read(&mut self.buffer) {
            Ok(0) => return false,
            Ok(len) => len,
            Err(error) => return is_passing(&error),
        };
        let bytes = self.buffer.get_mut(..len).unwrap_or_default();
        let each = &mut self.each;
        let result = frames.decode(bytes, &mut |datagram| {
            if !connection.is_closed() {
                each.datagram(id, datagram);
            }
        });
        each.done();
        result.is_ok()
    }

    fn accept(&mut self) {
        let Some(listener) = self.streams.listener() else {
            return;
        };
        for _ in 0..ACCEPTS_MAX {
            match listener.accept() {
                Ok((socket, from)) => {
                    let id = self.streams.next_id();
                    let added = self
                        .streams
                        .poller
                        .add(&socket, id.number(), Interest::Read);
                    if added.is_ok() {
                        let _ = self.up(id, socket, from, false);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if is_exhausted(&error) => {
                    tracing::warn!(%error, "no connections are accepted for a moment");
                    self.streams.poller.remove(&*listener);
                    self.accept_again = Some(monotonic() + ACCEPT_PAUSE);
                    return;
                }
                // The one connection is gone.
                Err(_) => {}
            }
        }
    }

    /// Takes a connection, which the poller knows, as a stream.
    fn up(
        &mut self,
        id: StreamId,
        socket: Stream,
        at: SocketAddr,
        dialled: bool,
    ) -> io::Result<()> {
        let bytes = self.streams.queued_bytes();
        let connection = Connection::new(id, socket, at, dialled, monotonic(), bytes);
        let connection = Arc::new(connection);
        let gave_way = self.streams.admit(&connection);
        let gave_way = gave_way.map_err(|_| io::ErrorKind::QuotaExceeded)?;
        if let Some(closed) = gave_way {
            self.down(closed);
        }
        self.up.insert(id, (connection, Frames::default()));
        (self.event)(StreamEvent::Up { id, at, dialled });
        Ok(())
    }

    /// Takes a stream away.
    fn down(&mut self, id: StreamId) {
        self.streams.close(id);
        if let Some((connection, _)) = self.up.remove(&id) {
            // A sender may hold it for a moment yet.
            connection.close();
            self.streams.poller.remove(&connection.socket);
            (self.event)(StreamEvent::Down { id });
        }
    }

    fn begin_dials(&mut self) {
        for Dial { at, small_segments } in self.streams.take_dials() {
            let id = self.streams.next_id();
            let begun = Stream::dial(at, small_segments).and_then(|socket| {
                let poller = &self.streams.poller;
                poller.add(&socket, id.number(), Interest::Write)?;
                Ok(socket)
            });
            match begun {
                Ok(socket) => {
                    let until = monotonic() + DIAL_LIMIT;
                    let dialling = Dialling { socket, at, until };
                    self.dialling.insert(id, dialling);
                }
                Err(error) => {
                    self.streams.dialled();
                    self.failed(at, &error);
                }
            }
        }
    }

    /// Something is known about a connection being made.
    fn connected(&mut self, id: StreamId) {
        let Some(Dialling { socket, at, .. }) = self.dialling.remove(&id) else {
            return;
        };
        let poller = &self.streams.poller;
        let made = socket
            .connected()
            .and_then(|()| poller.change(&socket, id.number(), Interest::Read));
        self.streams.dialled();
        if let Err(error) = made.and_then(|()| self.up(id, socket, at, true)) {
            self.failed(at, &error);
        }
    }

    fn failed(&mut self, at: SocketAddr, error: &io::Error) {
        let error = error.kind();
        (self.event)(StreamEvent::Failed { at, error });
    }

    /// When something must be done although nothing happens.
    fn next_timer(&self) -> Option<Duration> {
        let dialling = self.dialling.values().next().map(|dialling| dialling.until);
        let unkept = self.next_unkept().map(|(_, until)| until);
        [dialling, unkept, self.accept_again]
            .into_iter()
            .flatten()
            .min()
    }

    /// The next stream that is closed unless it is kept, and when.
    fn next_unkept(&self) -> Option<(StreamId, Duration)> {
        let (id, since) = self.streams.read(Table::oldest_unkept)?;
        Some((id, since + self.streams.limits.keep_within))
    }

    fn expire(&mut self) {
        let now = monotonic();
        while let Some(first) = self.dialling.first_entry()
            && first.get().until <= now
        {
            let dialling = first.remove();
            self.streams.dialled();
            self.failed(dialling.at, &io::ErrorKind::TimedOut.into());
        }
        while let Some((id, until)) = self.next_unkept()
            && until <= now
        {
            self.down(id);
        }
        if self.accept_again.is_some_and(|at| at <= now) {
            self.accept_again = None;
            if let Some(listener) = self.streams.listener() {
                let watched = self
                    .streams
                    .poller
                    .add(&*listener, LISTENER, Interest::Read);
                if watched.is_err() {
                    self.accept_again = Some(now + ACCEPT_PAUSE);
                }
            }
        }
    }
}

/// Whether the stream may go on after this.
fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}
