//! What the threads of one node share, and the bounded way to the slow path.

use crate::asked::Asked;
use crate::counters::{Counters, ShellDrop};
use crate::orders::FromGms;
use crate::proxy::Proxies;
use crate::streams::Streams;
use arc_swap::ArcSwap;
use group::FlowTable;
use node::{FastReport, Snapshot};
use os::multicast::Multicast;
use os::tun::Device;
use os::udp::Udp;
use os::wait::Waker;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use wire::ip::Ecn;
use wire::payload::Kind;
use wire::{NodeAddr, Path, Prefix};

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
    /// A packet of the host, or of a peer in pieces: there may be any number of them.
    fn is_bulk(&self) -> bool {
        let piece = Kind::Piece.to_byte();
        match self {
            Self::Packet(_) => true,
            Self::Fast(FastReport::Opened {
                plaintext: Some(bytes),
                ..
            }) => bytes.first() == Some(&piece),
            _ => false,
        }
    }

    fn is_unproven(&self) -> bool {
        matches!(self, Self::Datagram { proven: false, .. })
    }

    fn byte_len(&self) -> usize {
        match self {
            Self::Datagram { bytes, .. } | Self::Packet(bytes) | Self::Beacon { bytes, .. } => {
                bytes.len()
            }
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
    sender: SyncSender<Input>,
    queued: Arc<Queued>,
    counters: Arc<Counters>,
}

/// What is on the way from an [`Inbox`] to its [`Outbox`].
#[derive(Debug, Default)]
struct Queued {
    count: AtomicUsize,
    bytes: AtomicUsize,
    /// Of `count`, datagrams of senders who prove nothing.
    unproven: AtomicUsize,
}

impl Queued {
    /// Counts something in; the count and bytes with it.
    fn add(&self, input: &Input) -> (usize, usize) {
        let (unproven, len) = (usize::from(input.is_unproven()), input.byte_len());
        self.unproven.fetch_add(unproven, Ordering::Relaxed);
        let count = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        (count, self.bytes.fetch_add(len, Ordering::Relaxed) + len)
    }

    fn remove(&self, input: &Input) {
        let (unproven, len) = (usize::from(input.is_unproven()), input.byte_len());
        self.unproven.fetch_sub(unproven, Ordering::Relaxed);
        self.count.fetch_sub(1, Ordering::Relaxed);
        self.bytes.fetch_sub(len, Ordering::Relaxed);
    }
}

impl Inbox {
    /// An inbox and its other end.
    pub fn new(counters: Arc<Counters>) -> (Self, Outbox) {
        let (sender, receiver) = sync_channel(QUEUE_LEN_MAX);
        let queued = Arc::new(Queued::default());
        let inbox = Self {
            sender,
            queued: Arc::clone(&queued),
            counters,
        };
        (inbox, Outbox { receiver, queued })
    }

    /// Hands something over without waiting; when there is no room it is dropped and
    /// counted. For what came from the network. Packets do not take all of the room. Whether
    /// there was room.
    pub fn offer(&self, input: Input) -> bool {
        let part = if input.is_bulk() {
            RESERVE - 1
        } else {
            RESERVE
        };
        let (count, bytes) = self.queued.add(&input);
        let fits =
            count <= QUEUE_LEN_MAX / RESERVE * part && bytes <= QUEUE_BYTES_MAX / RESERVE * part;
        let refused = if fits {
            self.sender.try_send(input).err().map(|error| match error {
                TrySendError::Full(input) | TrySendError::Disconnected(input) => input,
            })
        } else {
            Some(input)
        };
        if let Some(input) = &refused {
            self.queued.remove(input);
            self.counters.dropped(ShellDrop::SlowPathFull);
        }
        refused.is_none()
    }

    /// The same with a datagram, which is copied only if there is room: in a flood there is none.
    pub fn offer_datagram(&self, from: Path, ecn: Ecn, proven: bool, datagram: &[u8]) -> bool {
        if !proven && self.queued.unproven.load(Ordering::Relaxed) >= UNPROVEN_MAX {
            self.counters.dropped(ShellDrop::SlowPathFull);
            return false;
        }
        self.offer(Input::Datagram {
            from,
            ecn,
            proven,
            bytes: datagram.to_vec(),
        })
    }

    /// Hands something over, waiting for room; false when the slow path has ended. For what
    /// must not be lost.
    pub fn send(&self, input: Input) -> bool {
        self.queued.add(&input);
        self.sender.send(input).is_ok()
    }
}

/// The slow path's end of an [`Inbox`].
#[derive(Debug)]
pub struct Outbox {
    receiver: Receiver<Input>,
    queued: Arc<Queued>,
}

impl Outbox {
    /// The next thing; waits at most `limit`, or for ever without one. `None` after the
    /// limit, and when nobody can send any more.
    pub fn next(&self, limit: Option<std::time::Duration>) -> Option<Input> {
        let input = match limit {
            Some(limit) => self.receiver.recv_timeout(limit).ok(),
            None => self.receiver.recv().ok(),
        }?;
        self.queued.remove(&input);
        Some(input)
    }

    /// The next thing that is there already.
    pub fn next_now(&self) -> Option<Input> {
        let input = self.receiver.try_recv().ok()?;
        self.queued.remove(&input);
        Some(input)
    }
}

/// What all threads of a node see.
#[derive(Debug)]
pub struct Shared {
    /// What data threads work on.
    pub snapshot: ArcSwap<Snapshot>,
    /// The flows that this end started.
    pub flows: Arc<FlowTable>,
    /// The underlay.
    pub udp: Udp,
    /// The overlay's interface.
    pub device: Option<Device>,
    /// The beacon sockets.
    pub multicast: Option<Multicast>,
    /// Counts.
    pub counters: Arc<Counters>,
    /// The way to the slow path.
    pub inbox: Inbox,
    /// TCP connections with Bridges or clients.
    pub streams: Streams,
    /// Proxies and forwards.
    pub proxies: Arc<Proxies>,
    /// Readable once the threads shall end.
    pub stop: Waker,
    /// Set before [`Shared::stop`].
    pub stopping: AtomicBool,
}

impl Shared {
    /// Tells every thread to end.
    pub fn end(&self) {
        self.stopping.store(true, Ordering::Release);
        self.stop.wake();
        self.streams.end();
    }

    /// Whether the threads shall end.
    pub fn is_ending(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Tells the slow path what the fast path did.
    pub fn report(&self, report: Option<FastReport>) {
        if let Some(report) = report {
            self.inbox.offer(Input::Fast(report));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

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
        assert!(outbox.next(Some(Duration::ZERO)).is_none());
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
                (0..count).filter(|_| inbox.offer_datagram(from, Ecn::NotEct, proven, &[1; 1_200]));
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
