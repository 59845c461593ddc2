//! The bounded way to the slow path.
//!
//! What is handed over wakes the slow path's thread; but what a data thread puts there is announced only
//! at the end of its turn ([`crate::desk`]), for it may handle it itself.
//!
//! | limit | value |
//! |---|---|
//! | what waits | [`QUEUE_LEN_MAX`] |
//! | bytes of packets and datagrams that wait | [`QUEUE_BYTES_MAX`] |
//! | of both, what packets leave to everything else | an eighth |
//! | datagrams that wait of senders who prove nothing | [`UNPROVEN_MAX`] |

use crate::asked::Asked;
use crate::counters::{Counters, ShellDrop};
use crate::orders::FromGms;
use node::FastReport;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use wire::Path;
use wire::ip::Ecn;
use wire::payload::Kind;
use wire::{NodeAddr, Prefix};

/// At most this many things wait for the slow path.
pub const QUEUE_LEN_MAX: usize = 1024;
/// At most this many bytes of packets and datagrams wait for the slow path.
pub const QUEUE_BYTES_MAX: usize = 1024 * 1024;
/// Of both, packets (whole or in pieces) leave this part to everything else: handshakes,
/// probes and the control stream pass although a stream of packets is faster than the slow
/// path.
const RESERVE: usize = 8;
/// At most this many datagrams of senders who prove nothing wait for the slow path, half of that
/// part: anybody can send any number of them.
pub const UNPROVEN_MAX: usize = QUEUE_LEN_MAX / RESERVE / 2;

/// Something for the slow path to handle.
#[derive(Debug)]
pub enum Input {
    /// A datagram that the snapshot could not place.
    Datagram {
        /// Where it came from.
        from: Path,
        /// ECN of its outer header.
        ecn: Ecn,
        /// Whether its sender is known to receive there.
        proven: bool,
        /// The datagram.
        bytes: Vec<u8>,
    },
    /// An IP packet of the host that the snapshot could not place.
    Packet(Vec<u8>),
    /// A copy of an IP packet that the host forwards.
    Passing(Vec<u8>),
    /// What the fast path did.
    Fast(FastReport),
    /// A beacon.
    Beacon {
        /// Its source.
        from: SocketAddr,
        /// The beacon.
        bytes: Vec<u8>,
    },
    /// This host's addresses have changed to these.
    Endpoints(Vec<SocketAddr>),
    /// An interface came, went, or has a carrier now, or none.
    Links,
    /// The networks that have a route of their own are these now.
    Near(Vec<Prefix>),
    /// A stream came or went.
    Stream(node::StreamEvent),
    /// A password was checked.
    Password {
        /// Who said it.
        client: NodeAddr,
        /// The customer whose it is, if any.
        customer: Option<String>,
    },
    /// The management server of groups on this node says something.
    Gms(FromGms),
    /// A request from the control socket.
    Request(Asked),
    /// Read the configuration again.
    Reload,
    /// Stop in order.
    Stop,
}

impl Input {
    /// A packet of the host, one that passes it, or one of a peer in pieces: there may be any number of them.
    pub(crate) fn is_bulk(&self) -> bool {
        let piece = Kind::Piece.to_byte();
        match self {
            Self::Packet(_) | Self::Passing(_) => true,
            Self::Fast(FastReport::Opened {
                plaintext: Some(bytes),
                ..
            }) => bytes.first() == Some(&piece),
            _ => false,
        }
    }

    pub(crate) fn is_unproven(&self) -> bool {
        matches!(self, Self::Datagram { proven: false, .. })
    }

    /// What data threads hand over, as opposed to requests and news of this host.
    pub(crate) fn is_of_network(&self) -> bool {
        matches!(
            self,
            Self::Datagram { .. } | Self::Packet(_) | Self::Passing(_) | Self::Fast(_)
        )
    }

    pub(crate) fn byte_len(&self) -> usize {
        match self {
            Self::Datagram { bytes, .. }
            | Self::Packet(bytes)
            | Self::Passing(bytes)
            | Self::Beacon { bytes, .. } => bytes.len(),
            Self::Fast(FastReport::Opened {
                plaintext: Some(bytes),
                ..
            }) => bytes.len(),
            _ => 0,
        }
    }
}

/// The way to the slow path; cheap to clone.
#[derive(Debug, Clone)]
pub struct Inbox {
    line: Arc<Line>,
    counters: Arc<Counters>,
}

/// What is on the way from an [`Inbox`] to its [`Outbox`].
#[derive(Debug, Default)]
struct Line {
    waiting: Mutex<Waiting>,
    /// Something has come, or the slow path is called for another reason.
    called: Condvar,
    /// Something has left.
    room: Condvar,
    /// Something was put here, and nobody called.
    unannounced: AtomicBool,
    /// Datagrams of senders who prove nothing.
    unproven: AtomicUsize,
}

#[derive(Debug, Default)]
struct Waiting {
    inputs: VecDeque<Input>,
    bytes: usize,
    /// The slow path is to look at its timers again.
    nudged: bool,
    /// Nobody takes anything any more.
    closed: bool,
}

impl Waiting {
    fn push(&mut self, line: &Line, input: Input) {
        self.bytes += input.byte_len();
        let unproven = usize::from(input.is_unproven());
        line.unproven.fetch_add(unproven, Ordering::Relaxed);
        self.inputs.push_back(input);
    }

    fn pop(&mut self, line: &Line) -> Option<Input> {
        let input = self.inputs.pop_front()?;
        self.bytes -= input.byte_len();
        let unproven = usize::from(input.is_unproven());
        line.unproven.fetch_sub(unproven, Ordering::Relaxed);
        line.room.notify_one();
        Some(input)
    }

    /// Whether there is room for it in the part that its kind may take.
    fn fits(&self, input: &Input) -> bool {
        let part = match input.is_bulk() {
            true => RESERVE - 1,
            false => RESERVE,
        };
        !self.closed
            && self.inputs.len() < QUEUE_LEN_MAX / RESERVE * part
            && self.bytes + input.byte_len() <= QUEUE_BYTES_MAX / RESERVE * part
    }
}

impl Line {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Whoever holds it only moves things.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inbox {
    /// An inbox and its other end.
    pub fn new(counters: Arc<Counters>) -> (Self, Outbox) {
        let line = Arc::<Line>::default();
        let inbox = Self {
            line: Arc::clone(&line),
            counters,
        };
        (inbox, Outbox(line))
    }

    /// Hands something over without waiting; when there is no room it is dropped and
    /// counted. For what came from the network. Packets do not take all of the room. Whether
    /// there was room.
    pub fn offer(&self, input: Input) -> bool {
        let taken = self.place(input);
        self.line.called.notify_one();
        taken
    }

    /// The same of a data thread, which announces it at the end of its turn.
    pub fn put(&self, input: Input) -> bool {
        let taken = self.place(input);
        self.line.unannounced.store(true, Ordering::Release);
        taken
    }

    /// The same with a datagram, which is copied only if there is room: in a flood there is none.
    pub fn put_datagram(&self, from: Path, ecn: Ecn, proven: bool, datagram: &[u8]) -> bool {
        if !proven && self.line.unproven.load(Ordering::Relaxed) >= UNPROVEN_MAX {
            self.counters.dropped(ShellDrop::SlowPathFull);
            return false;
        }
        self.put(Input::Datagram {
            from,
            ecn,
            proven,
            bytes: datagram.to_vec(),
        })
    }

    fn place(&self, input: Input) -> bool {
        let mut waiting = self.line.waiting();
        let fits = waiting.fits(&input);
        if fits {
            waiting.push(&self.line, input);
        } else {
            self.counters.dropped(ShellDrop::SlowPathFull);
        }
        fits
    }

    /// Hands something over, waiting for room; false when the slow path has ended. For what
    /// must not be lost.
    pub fn send(&self, input: Input) -> bool {
        let mut waiting = self.line.waiting();
        while waiting.inputs.len() >= QUEUE_LEN_MAX && !waiting.closed {
            let room = self.line.room.wait(waiting);
            waiting = room.unwrap_or_else(PoisonError::into_inner);
        }
        let open = !waiting.closed;
        if open {
            waiting.push(&self.line, input);
            drop(waiting);
            self.line.called.notify_one();
        }
        open
    }

    /// Whether something was put here that nobody has called the slow path for; whoever asks does it, or
    /// handles it.
    pub fn take_unannounced(&self) -> bool {
        self.line.unannounced.swap(false, Ordering::AcqRel)
    }

    /// Whether there is something like that; most turns leave nothing.
    pub fn has_unannounced(&self) -> bool {
        self.line.unannounced.load(Ordering::Acquire)
    }

    /// Calls the slow path for what was put here.
    pub fn announce(&self) {
        self.line.called.notify_one();
    }

    /// Lets the slow path look at its timers again.
    pub fn nudge(&self) {
        self.line.waiting().nudged = true;
        self.line.called.notify_one();
    }

    /// The next thing that is there, if a data thread may handle it.
    pub fn next_of_network(&self) -> Option<Input> {
        let mut waiting = self.line.waiting();
        let may = waiting.inputs.front().is_some_and(Input::is_of_network);
        may.then(|| waiting.pop(&self.line)).flatten()
    }

    /// Whether anything waits.
    pub fn is_empty(&self) -> bool {
        self.line.waiting().inputs.is_empty()
    }
}

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// There was something already.
    NoTime,
    /// Something came.
    Called,
    /// Nothing did.
    InVain,
}

/// The slow path's end of an [`Inbox`].
#[derive(Debug)]
pub struct Outbox(Arc<Line>);

impl Outbox {
    /// Waits until there is something, at most `limit`, or for ever without one.
    pub fn wait(&self, limit: Option<Duration>) -> Waited {
        let until = limit.map(|limit| Instant::now() + limit);
        let mut waiting = self.0.waiting();
        let mut waited = Waited::NoTime;
        while waiting.inputs.is_empty() && !std::mem::take(&mut waiting.nudged) {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            waiting = match left {
                Some(Duration::ZERO) => return Waited::InVain,
                Some(left) => {
                    let woken = self.0.called.wait_timeout(waiting, left);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
                None => {
                    let woken = self.0.called.wait(waiting);
                    woken.unwrap_or_else(PoisonError::into_inner)
                }
            };
            waited = Waited::Called;
        }
        waited
    }

    /// The next thing that is there already.
    pub fn next_now(&self) -> Option<Input> {
        self.0.waiting().pop(&self.0)
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        let mut waiting = self.0.waiting();
        waiting.closed = true;
        waiting.inputs.clear();
        self.0.room.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(len: usize) -> Input {
        Input::Packet(vec![0; len])
    }

    fn opened(plaintext: Vec<u8>) -> Input {
        Input::Fast(FastReport::Opened {
            index: 1,
            from: SocketAddr::from(([192, 0, 2, 1], 1)).into(),
            ecn: Ecn::NotEct,
            counter: 1,
            highest: true,
            datagram_len: plaintext.len() + 32,
            plaintext: Some(plaintext),
        })
    }

    fn beacon(len: usize) -> Input {
        let from = SocketAddr::from(([192, 0, 2, 1], 1));
        let bytes = vec![0; len];
        Input::Beacon { from, bytes }
    }

    fn drain(outbox: &Outbox) -> usize {
        std::iter::from_fn(|| outbox.next_now()).count()
    }

    #[test]
    fn the_queue_is_bounded_in_number() {
        let counters = Arc::new(Counters::new());
        let (inbox, outbox) = Inbox::new(Arc::clone(&counters));
        for n in 0..QUEUE_LEN_MAX + 5 {
            assert_eq!(inbox.offer(beacon(1)), n < QUEUE_LEN_MAX);
        }
        assert_eq!(counters.shell_drops()[ShellDrop::SlowPathFull.name()], 5);
        assert_eq!(drain(&outbox), QUEUE_LEN_MAX);
        assert!(outbox.next_now().is_none());
        assert_eq!(outbox.wait(Some(Duration::ZERO)), Waited::InVain);
    }

    #[test]
    fn the_queue_is_bounded_in_bytes_and_recovers() {
        let counters = Arc::new(Counters::new());
        let (inbox, outbox) = Inbox::new(Arc::clone(&counters));
        for _ in 0..3 {
            let offers = (0..20).filter(|_| inbox.offer(beacon(QUEUE_BYTES_MAX / 16)));
            assert_eq!(offers.count(), 16);
            assert_eq!(drain(&outbox), 16);
        }
        assert_eq!(counters.shell_drops()[ShellDrop::SlowPathFull.name()], 12);
        drop(outbox);
        assert!(!inbox.send(packet(1)));
    }

    #[test]
    fn packets_and_pieces_leave_room_for_probes_and_handshakes() {
        let (inbox, outbox) = Inbox::new(Arc::new(Counters::new()));
        let piece = || opened(vec![Kind::Piece.to_byte(); 1400]);
        let offer = |count, make: &dyn Fn() -> Input| {
            let taken = (0..count).filter(|_| inbox.offer(make()));
            taken.count()
        };
        let bulk: [fn() -> Input; 2] = [|| packet(1), || packet(1400)];
        for make in bulk {
            offer(2 * QUEUE_LEN_MAX, &make);
            offer(QUEUE_LEN_MAX, &piece);
            let packets = drain(&outbox);
            assert!(packets <= QUEUE_LEN_MAX / RESERVE * (RESERVE - 1));
            offer(2 * QUEUE_LEN_MAX, &make);
            let control = || opened(vec![Kind::Control.to_byte(); 1400]);
            assert_eq!(offer(50, &control), 50);
            assert_eq!(drain(&outbox), packets + 50);
        }
    }

    #[test]
    fn who_proves_nothing_takes_no_room_from_who_does() {
        let counters = Arc::new(Counters::new());
        let (inbox, outbox) = Inbox::new(Arc::clone(&counters));
        let from = SocketAddr::from(([192, 0, 2, 1], 1)).into();
        let offer = |count, proven| {
            let offers =
                (0..count).filter(|_| inbox.put_datagram(from, Ecn::NotEct, proven, &[1; 1_200]));
            offers.count()
        };
        for _ in 0..3 {
            assert_eq!(offer(10 * QUEUE_LEN_MAX, false), UNPROVEN_MAX);
            assert_eq!(offer(500, true), 500);
            assert_eq!(drain(&outbox), UNPROVEN_MAX + 500);
        }
        // Nor do packets of the host take theirs.
        (0..2 * QUEUE_LEN_MAX).for_each(|_| {
            inbox.offer(packet(1));
        });
        assert_eq!(offer(10 * QUEUE_LEN_MAX, false), UNPROVEN_MAX);
    }
}
