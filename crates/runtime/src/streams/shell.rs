//! What all threads call.

use super::connection::Connection;
use super::limits::{DIALS_MAX, Limits};
use super::table::Table;
use crate::counters::{Counters, ShellDrop};
use os::clock::monotonic;
use os::poller::{Interest, Poller};
use os::stream::Listener;
use os::wait::Waker;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use wire::StreamId;

/// What happened to a stream. Each that comes up goes down once, whoever closed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamEvent {
    /// It can be sent on.
    Up {
        /// Its number.
        id: StreamId,
        /// The other end.
        at: SocketAddr,
        /// Whether this node began it.
        dialled: bool,
    },
    /// What was dialled cannot be reached, or there are too many streams.
    Failed {
        /// What was dialled.
        at: SocketAddr,
        /// Why not.
        error: io::ErrorKind,
    },
    /// It is gone. Nothing of it is delivered any more.
    Down {
        /// Its number.
        id: StreamId,
    },
}

/// The token of the waker.
pub(super) const WAKER: u64 = 0;
/// The token of the listener.
pub(super) const LISTENER: u64 = 1;
/// The number of the first stream; all tokens above are streams'.
const FIRST: u64 = 2;

/// The listener and all streams of a node.
#[derive(Debug)]
pub struct Streams {
    pub(super) poller: Poller,
    pub(super) listener: Mutex<Option<Arc<Listener>>>,
    pub(super) limits: Limits,
    pub(super) counters: Arc<Counters>,
    waker: Waker,
    ending: AtomicBool,
    next: AtomicU64,
    dials: Mutex<Dials>,
    table: RwLock<Table>,
    queued_bytes: Arc<AtomicUsize>,
}

/// Connections to be made.
#[derive(Debug, Default)]
struct Dials {
    wanted: Vec<Dial>,
    /// With those that are being made.
    count: usize,
}

/// A connection to be made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dial {
    /// The other end.
    pub(super) at: SocketAddr,
    /// As in [`Streams::dial`].
    pub(super) small_segments: bool,
}

/// What takes datagrams from streams.
pub trait Receive {
    /// A datagram as it was sent, in the order of its stream.
    fn datagram(&mut self, id: StreamId, datagram: &mut [u8]);

    /// That was all that one read brought.
    fn done(&mut self) {}
}

impl<F: FnMut(StreamId, &mut [u8])> Receive for F {
    fn datagram(&mut self, id: StreamId, datagram: &mut [u8]) {
        self(id, datagram);
    }
}

impl Streams {
    /// No listener yet. Of the streams that `limits` allow there are only as many as leave half of this
    /// process's descriptors to others.
    ///
    /// # Errors
    /// No descriptors are left.
    pub fn new(limits: Limits, counters: Arc<Counters>) -> io::Result<Self> {
        let poller = Poller::new()?;
        let waker = Waker::new()?;
        poller.add(&waker, WAKER, Interest::Read)?;
        let limits = Limits {
            streams: limits.streams.min(os::process::open_files_limit() / 2),
            ..limits
        };
        Ok(Self {
            poller,
            listener: Mutex::default(),
            limits,
            counters,
            waker,
            ending: AtomicBool::new(false),
            next: AtomicU64::new(FIRST),
            dials: Mutex::default(),
            table: RwLock::default(),
            queued_bytes: Arc::default(),
        })
    }

    /// Listens on `port` (0: any free one) of every address of this machine, in place of the
    /// port before; `None` does not listen. Streams that are up stay.
    ///
    /// # Errors
    /// The port is taken, or no descriptors are left; then nothing is listened on.
    pub fn listen(&self, port: Option<u16>) -> io::Result<()> {
        let before = self.swap_listener(None);
        if let Some(before) = before {
            self.poller.remove(&*before);
        }
        if let Some(port) = port {
            let listener = Arc::new(Listener::bind(port)?);
            self.poller.add(&*listener, LISTENER, Interest::Read)?;
            self.swap_listener(Some(listener));
        }
        Ok(())
    }

    /// The port that is listened on.
    pub fn port(&self) -> Option<u16> {
        self.listener()?.port().ok()
    }

    /// What is listened with.
    pub(super) fn listener(&self) -> Option<Arc<Listener>> {
        let listener = self.listener.lock();
        listener.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn swap_listener(&self, listener: Option<Arc<Listener>>) -> Option<Arc<Listener>> {
        let mut own = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *own, listener)
    }

    /// How many streams are up.
    pub fn count(&self) -> usize {
        self.read(Table::len)
    }

    /// Starts to connect; an event follows within 5 s. With `small_segments` no packet is
    /// longer than every path carries: for a second dial, when a stream came up and then
    /// carried nothing. False: [`DIALS_MAX`] connections are being made, and this one is not.
    pub fn dial(&self, at: SocketAddr, small_segments: bool) -> bool {
        let mut dials = self.dials();
        if dials.count >= DIALS_MAX {
            return false;
        }
        dials.count += 1;
        dials.wanted.push(Dial { at, small_segments });
        self.waker.wake();
        true
    }

    /// Sends one datagram (1 to `wire::frame::FRAME_LEN_MAX` bytes) without waiting; what the
    /// kernel does not take now waits for 20 ms at most. False: no such stream.
    pub fn send(&self, id: StreamId, datagram: &[u8]) -> bool {
        self.send_all(id, &[datagram])
    }

    /// Sends several datagrams, in order, in as few writes as possible. False: no such stream.
    pub fn send_all(&self, id: StreamId, datagrams: &[&[u8]]) -> bool {
        let connection = self.read(|table| table.get(id).cloned());
        let sent = connection.and_then(|it| it.send(&self.poller, monotonic(), datagrams));
        self.count_late(sent.unwrap_or(0));
        sent.is_some()
    }

    /// Somebody on this stream was authenticated: it may stay. Until then it is closed after
    /// 10 s, or earlier if others come.
    pub fn keep(&self, id: StreamId) {
        self.write(|table| table.keep(id));
    }

    /// Closes a stream; [`StreamEvent::Down`] follows. What was not written is not sent.
    pub fn close(&self, id: StreamId) {
        if let Some(connection) = self.write(|table| table.remove(id)) {
            connection.close();
        }
    }

    /// Ends [`Streams::run`].
    pub fn end(&self) {
        self.ending.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// Whether it shall end; what woke it is forgotten.
    pub(super) fn is_ending(&self) -> bool {
        self.waker.clear();
        self.ending.load(Ordering::Acquire)
    }

    /// What is to be dialled since the last call.
    pub(super) fn take_dials(&self) -> Vec<Dial> {
        std::mem::take(&mut self.dials().wanted)
    }

    /// A connection was made or has failed: another may be dialled.
    pub(super) fn dialled(&self) {
        let mut dials = self.dials();
        dials.count = dials.count.saturating_sub(1);
    }

    /// A number that no stream had.
    pub(super) fn next_id(&self) -> StreamId {
        StreamId::new(self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// Counts what waits on all streams.
    pub(super) fn queued_bytes(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.queued_bytes)
    }

    /// So many datagrams were dropped.
    pub(super) fn count_late(&self, count: usize) {
        (0..count).for_each(|_| self.counters.dropped(ShellDrop::StreamLate));
    }

    /// Looks at the table.
    pub(super) fn read<R>(&self, look: impl FnOnce(&Table) -> R) -> R {
        look(&self.table.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the table.
    pub(super) fn write<R>(&self, change: impl FnOnce(&mut Table) -> R) -> R {
        change(&mut self.table.write().unwrap_or_else(PoisonError::into_inner))
    }

    fn dials(&self) -> MutexGuard<'_, Dials> {
        self.dials.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a connection into the table; what had to give way.
    pub(super) fn admit(
        &self,
        connection: &Arc<Connection>,
    ) -> Result<Option<StreamId>, super::table::Full> {
        self.write(|table| table.admit(Arc::clone(connection), self.limits))
    }
}
