//! One stream: its socket, and what waits to be written on it.

use super::queue::Queue;
use os::poller::{Interest, Poller};
use os::stream::Stream;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use wire::StreamId;

/// A stream that is up. The one lock is held for a write that does not block.
#[derive(Debug)]
pub(super) struct Connection {
    /// Its number; also its token in the poller.
    pub(super) id: StreamId,
    /// The other end.
    pub(super) at: SocketAddr,
    /// Whether this node began it.
    pub(super) dialled: bool,
    /// When it came up.
    pub(super) since: Duration,
    /// What is read from. Written only by [`Connection::send`] and [`Connection::flush`].
    pub(super) socket: Stream,
    /// Nothing goes in or out any more.
    closed: AtomicBool,
    outgoing: Mutex<Queue>,
}

impl Connection {
    /// A stream over a connection that was made; `all_bytes` counts what waits on all streams.
    pub(super) fn new(
        id: StreamId,
        socket: Stream,
        at: SocketAddr,
        dialled: bool,
        since: Duration,
        all_bytes: Arc<AtomicUsize>,
    ) -> Self {
        Self {
            id,
            at,
            dialled,
            since,
            socket,
            closed: AtomicBool::new(false),
            outgoing: Mutex::new(Queue::new(all_bytes)),
        }
    }

    /// Sends datagrams now or when the kernel takes more; how many were dropped for it.
    /// `None`: the stream is closed.
    pub(super) fn send(
        &self,
        poller: &Poller,
        now: Duration,
        datagrams: &[&[u8]],
    ) -> Option<usize> {
        let mut queue = self.lock();
        if self.is_closed() {
            return None;
        }
        let waited = !queue.is_empty();
        let sent = queue.send(now, datagrams, &mut |parts| self.socket.write(parts));
        self.watch(poller, waited, &mut queue, sent)
    }

    /// Writes what waits; how many were late. `None`: the stream is closed.
    pub(super) fn flush(&self, poller: &Poller, now: Duration) -> Option<usize> {
        let mut queue = self.lock();
        let waited = !queue.is_empty();
        let sent = queue.flush(now, &mut |parts| self.socket.write(parts));
        self.watch(poller, waited, &mut queue, sent)
    }

    /// Has the poller say when more can be written exactly while something waits.
    fn watch(
        &self,
        poller: &Poller,
        waited: bool,
        queue: &mut Queue,
        sent: io::Result<usize>,
    ) -> Option<usize> {
        let waits = !queue.is_empty();
        let watched = match (waited, waits) {
            (false, true) => poller.change(&self.socket, self.id.number(), Interest::Both),
            (true, false) => poller.change(&self.socket, self.id.number(), Interest::Read),
            _ => Ok(()),
        };
        match (sent, watched) {
            (Ok(dropped), Ok(())) => Some(dropped),
            _ => {
                self.end(queue);
                None
            }
        }
    }

    /// Ends it: nothing more is sent or delivered. The reading thread notices by the socket
    /// and takes it away.
    pub(super) fn close(&self) {
        self.end(&mut self.lock());
    }

    fn end(&self, queue: &mut Queue) {
        self.closed.store(true, Ordering::Release);
        queue.clear();
        self.socket.shutdown();
    }

    /// Whether it has been closed.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.outgoing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
