//! Real sockets over loopback.

use super::*;
use crate::counters::{Cause, Counters, ShellDrop};
use os::stream::{Listener, Stream};
use std::io::{self, IoSlice, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, channel};
use std::thread::{JoinHandle, sleep, spawn, yield_now};
use std::time::{Duration, Instant};
use wire::StreamId;
use wire::frame::{Frames, header};

/// What ought to happen at once happens within this, on a busy machine too.
const SOON: Duration = Duration::from_secs(3);

/// Streams with their thread.
struct Running {
    streams: Arc<Streams>,
    counters: Arc<Counters>,
    events: Receiver<StreamEvent>,
    datagrams: Receiver<(StreamId, Vec<u8>)>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    fn new(listens: bool, limits: Limits) -> Self {
        let counters = Arc::new(Counters::new());
        let streams = Arc::new(Streams::new(limits, Arc::clone(&counters)).unwrap());
        streams.listen(listens.then_some(0)).unwrap();
        let ((tell, events), (deliver, datagrams)) = (channel(), channel());
        let of_thread = Arc::clone(&streams);
        let thread = spawn(move || {
            // The test may have seen enough.
            let each = &mut |id, datagram: &mut [u8]| {
                let _ = deliver.send((id, datagram.to_vec()));
            };
            let event = &mut |event| {
                let _ = tell.send(event);
            };
            of_thread.run(each, event).unwrap();
        });
        Self {
            streams,
            counters,
            events,
            datagrams,
            thread: Some(thread),
        }
    }

    fn v4(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.streams.port().unwrap()).into()
    }

    fn v6(&self) -> SocketAddr {
        (Ipv6Addr::LOCALHOST, self.streams.port().unwrap()).into()
    }

    fn event(&self) -> StreamEvent {
        self.events.recv_timeout(SOON).expect("an event")
    }

    fn up(&self) -> StreamId {
        match self.event() {
            StreamEvent::Up { id, .. } => id,
            other => panic!("{other:?}"),
        }
    }

    fn down(&self, id: StreamId) {
        assert_eq!(self.event(), StreamEvent::Down { id });
    }

    fn nothing_happens(&self) {
        let event = self.events.recv_timeout(Duration::from_millis(100));
        assert!(event.is_err(), "{event:?}");
    }

    /// A stream to a socket of the test's.
    fn stranger(&self, at: SocketAddr) -> (TcpStream, StreamId) {
        let socket = TcpStream::connect(at).unwrap();
        socket.set_read_timeout(Some(SOON)).unwrap();
        (socket, self.up())
    }

    fn datagram(&self) -> (StreamId, Vec<u8>) {
        self.datagrams.recv_timeout(SOON).expect("a datagram")
    }

    fn late(&self) -> u64 {
        let drops = self.counters.shell_drops();
        drops
            .get(ShellDrop::StreamLate.name())
            .copied()
            .unwrap_or(0)
    }

    fn woken(&self) -> u64 {
        self.counters.wakeups()[Cause::Stream.name()]
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.streams.end();
        let ended = self.thread.take().unwrap().join();
        assert!(ended.is_ok() || std::thread::panicking());
    }
}

/// Two nodes with a stream between them, kept by both.
fn pair() -> (Running, StreamId, Running, StreamId) {
    let a = Running::new(false, Limits::default());
    let b = Running::new(true, Limits::default());
    assert!(a.streams.dial(b.v4(), false));
    let (of_a, of_b) = (a.up(), b.up());
    a.streams.keep(of_a);
    b.streams.keep(of_b);
    (a, of_a, b, of_b)
}

/// Nothing but the end comes from the other side.
fn is_closed_silently(mut socket: &TcpStream) -> bool {
    match socket.read(&mut [0; 16]) {
        Ok(len) => len == 0,
        Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
    }
}

fn framed(datagram: &[u8]) -> Vec<u8> {
    [&header(datagram.len()).unwrap(), datagram].concat()
}

#[test]
fn datagrams_come_as_they_were_sent_and_in_order_from_several_threads() {
    const COUNT: u32 = 20_000;
    let (a, of_a, b, of_b) = pair();
    let sender = |thread: u8| {
        let streams = Arc::clone(&a.streams);
        move || {
            for number in 0..COUNT {
                let len = 5 + (number * 37 % 1_400) as usize;
                let mut datagram = vec![thread; len];
                datagram[1..5].copy_from_slice(&number.to_be_bytes());
                assert!(streams.send(of_a, &datagram));
                // Not faster than the other end by more than a queue.
                let start = Instant::now();
                while streams.queued_bytes().load(Ordering::Relaxed) > QUEUE_BYTES_MAX / 4 {
                    assert!(start.elapsed() < SOON);
                    yield_now();
                }
            }
        }
    };
    let senders = [spawn(sender(0)), spawn(sender(1))];
    let mut next = [0u32; 2];
    let mut came = 0;
    while let Ok((id, datagram)) = b.datagrams.recv_timeout(Duration::from_millis(500)) {
        let thread = datagram[0];
        let number = u32::from_be_bytes(datagram[1..5].try_into().unwrap());
        assert_eq!(id, of_b);
        assert!(number >= next[usize::from(thread)]);
        assert_eq!(datagram.len(), 5 + (number * 37 % 1_400) as usize);
        assert!(datagram[5..].iter().all(|byte| *byte == thread));
        next[usize::from(thread)] = number + 1;
        came += 1;
    }
    for sender in senders {
        sender.join().unwrap();
    }
    // On a busy machine some may be late: what is missing was counted.
    assert_eq!(came + a.late(), 2 * u64::from(COUNT));
    assert!(came > 1_000);
    let answers: [&[u8]; 3] = [b"one", b"two", b"three"];
    assert!(b.streams.send_all(of_b, &answers));
    for answer in answers {
        assert_eq!(a.datagram(), (of_a, answer.to_vec()));
    }
}

#[test]
fn a_receiver_that_does_not_read_gets_the_newest_and_costs_little() {
    let node = Running::new(true, Limits::default());
    let (mut socket, id) = node.stranger(node.v4());
    let start = Instant::now();
    let streams = Arc::clone(&node.streams);
    let sender = spawn(move || {
        let mut number = 0u32;
        while start.elapsed() < Duration::from_millis(800) {
            let mut datagram = [7; 1_200];
            datagram[..4].copy_from_slice(&number.to_be_bytes());
            datagram[4..8].copy_from_slice(&(start.elapsed().as_millis() as u32).to_be_bytes());
            assert!(streams.send(id, &datagram));
            let waiting = streams.queued_bytes().load(Ordering::Relaxed);
            assert!(waiting <= QUEUE_BYTES_MAX);
            number += 1;
            sleep(Duration::from_micros(100));
        }
        number
    });
    sleep(Duration::from_millis(400));
    let read_from_ms = start.elapsed().as_millis() as u32;
    let (mut frames, mut found) = (Frames::default(), Vec::new());
    let mut each = |datagram: &mut [u8]| {
        let field = |at: usize| u32::from_be_bytes(datagram[at..at + 4].try_into().unwrap());
        found.push((field(0), field(4)));
    };
    let mut bytes = [0; 65_536];
    socket
        .set_read_timeout(Some(Duration::from_millis(600)))
        .unwrap();
    while let Ok(len @ 1..) = socket.read(&mut bytes) {
        frames.decode(&mut bytes[..len], &mut each).unwrap();
    }
    let sent = sender.join().unwrap();
    assert_eq!(found.len() as u64 + node.late(), u64::from(sent));
    assert_eq!(found.last().unwrap().0, sent - 1, "the newest is there");
    // The kernel may take a few more in between; the longest gap is the wait for the reader.
    let jump = |two: &[(u32, u32)]| two[1].0 - two[0].0;
    let gap = found.windows(2).max_by_key(|two| jump(two)).unwrap();
    assert!(jump(gap) > 100);
    assert!(
        gap[1].1 + 20 + 200 > read_from_ms,
        "{} ms, read from {read_from_ms} ms",
        gap[1].1
    );
    assert!(found.windows(2).all(|two| two[0].0 < two[1].0));
}

#[test]
fn the_end_of_the_other_side_is_known_at_once() {
    let node = Running::new(true, Limits::default());
    for is_reset in [false, true] {
        let (mut socket, id) = node.stranger(node.v6());
        node.streams.keep(id);
        let start = Instant::now();
        if is_reset {
            // Bytes that were not read make it a reset.
            assert!(node.streams.send(id, b"unread"));
            socket.set_nodelay(true).unwrap();
            assert_eq!(socket.peek(&mut [0; 8]).unwrap(), 8);
        }
        // A frame that is not whole goes with its stream.
        socket.write_all(&[0, 9, 1]).unwrap();
        drop(socket);
        node.down(id);
        assert!(start.elapsed() < Duration::from_secs(1));
        assert!(!node.streams.send(id, b"late"));
        assert_eq!(node.streams.count(), 0);
    }
    let (socket, id) = node.stranger(node.v4());
    (&socket).write_all(&framed(b"new")).unwrap();
    assert_eq!(node.datagram(), (id, b"new".to_vec()));
}

#[test]
fn a_length_without_meaning_closes_without_a_byte() {
    let node = Running::new(true, Limits::default());
    for wrong in [&[0, 0][..], &[0x24, 1], b"GET / HTTP/1.1\r\n\r\n"] {
        let (mut socket, id) = node.stranger(node.v4());
        node.streams.keep(id);
        let bytes = [&framed(b"right")[..], wrong].concat();
        socket.write_all(&bytes).unwrap();
        assert_eq!(node.datagram(), (id, b"right".to_vec()));
        node.down(id);
        assert!(is_closed_silently(&socket));
    }
}

#[test]
fn strangers_give_way_and_kept_streams_stay() {
    let limits = Limits {
        streams: 4,
        strangers: 3,
        per_source: 2,
        ..Limits::default()
    };
    let node = Running::new(true, limits);
    let (v4, v6) = (node.v4(), node.v6());
    let connect = |at| TcpStream::connect(at).unwrap();
    let (a_socket, a) = node.stranger(v4);
    let (b_socket, b) = node.stranger(v4);
    // A third of one source: its oldest goes.
    let c_socket = connect(v4);
    node.down(a);
    let c = node.up();
    assert!(is_closed_silently(&a_socket));
    let (_d_socket, d) = node.stranger(v6);
    // A fourth stranger: the oldest of all goes.
    let _e_socket = connect(v6);
    node.down(b);
    let e = node.up();
    assert!(is_closed_silently(&b_socket));
    node.streams.keep(c);
    let (_f_socket, f) = node.stranger(v4);
    // A fifth stream: again the oldest stranger goes, not the older one that was kept.
    let _g_socket = connect(v4);
    node.down(d);
    let g = node.up();
    assert_eq!(node.streams.count(), 4);
    // When all are kept, nobody gives way, to a stranger or to this node's own.
    for id in [e, f, g] {
        node.streams.keep(id);
    }
    assert!(is_closed_silently(&connect(v4)));
    let other = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let at = other.local_addr().unwrap();
    assert!(node.streams.dial(at, false));
    let error = io::ErrorKind::QuotaExceeded;
    assert_eq!(node.event(), StreamEvent::Failed { at, error });
    node.streams.close(c);
    node.down(c);
    assert!(is_closed_silently(&c_socket));
    node.stranger(v4);
}

#[test]
fn what_is_dialled_is_not_pushed_out_by_strangers() {
    let limits = Limits {
        streams: 2,
        strangers: 2,
        ..Limits::default()
    };
    let node = Running::new(true, limits);
    let other = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    assert!(node.streams.dial(other.local_addr().unwrap(), true));
    let dialled = node.up();
    let (_first_socket, first) = node.stranger(node.v4());
    let _second_socket = TcpStream::connect(node.v4()).unwrap();
    node.down(first);
    node.up();
    assert!(node.streams.send(dialled, b"still there"));
}

#[test]
fn a_stream_that_is_not_kept_is_closed_in_time() {
    let limits = Limits {
        keep_within: Duration::from_millis(300),
        ..Limits::default()
    };
    let node = Running::new(true, limits);
    let (kept_socket, kept) = node.stranger(node.v4());
    node.streams.keep(kept);
    let start = Instant::now();
    let (socket, id) = node.stranger(node.v4());
    // Datagrams alone, however many, are no reason to stay.
    (&socket).write_all(&framed(b"?")).unwrap();
    let other = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    assert!(node.streams.dial(other.local_addr().unwrap(), false));
    let dialled = node.up();
    node.down(id);
    assert!(start.elapsed() >= Duration::from_millis(290));
    assert!(is_closed_silently(&socket));
    node.down(dialled);
    assert!(node.streams.send(kept, b"!"));
    let mut bytes = [0; 3];
    (&kept_socket).read_exact(&mut bytes).unwrap();
    assert_eq!(bytes, [0, 1, b'!']);
}

#[test]
fn nothing_is_delivered_after_close() {
    let counters = Arc::new(Counters::new());
    let streams = Arc::new(Streams::new(Limits::default(), counters).unwrap());
    streams.listen(Some(0)).unwrap();
    let (tell, told) = channel();
    let of_thread = Arc::clone(&streams);
    let thread = spawn(move || {
        let events = tell.clone();
        let mut each = |id, datagram: &mut [u8]| {
            tell.send(format!("{datagram:?}")).unwrap();
            of_thread.close(id);
        };
        let mut event = |event| match event {
            StreamEvent::Down { .. } => events.send("down".to_owned()).unwrap(),
            StreamEvent::Up { id, .. } => of_thread.keep(id),
            StreamEvent::Failed { .. } => unreachable!(),
        };
        of_thread.run(&mut each, &mut event).unwrap();
    });
    let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, streams.port().unwrap())).unwrap();
    let bytes = [framed(&[1]), framed(&[2]), framed(&[3])].concat();
    socket.write_all(&bytes).unwrap();
    let next = || told.recv_timeout(SOON).unwrap();
    assert_eq!([next(), next()], ["[1]", "down"]);
    streams.end();
    thread.join().unwrap();
    assert!(told.recv().is_err());
    assert_eq!(streams.count(), 0);
}

#[test]
fn an_idle_stream_wakes_nobody() {
    let (a, of_a, b, _) = pair();
    assert!(a.streams.send(of_a, b"something"));
    b.datagram();
    // The limit of what was a stranger may still be looked at once.
    sleep(Duration::from_millis(50));
    let before = (a.woken(), b.woken());
    sleep(Duration::from_millis(500));
    assert_eq!((a.woken(), b.woken()), before);
}

#[test]
fn a_closed_port_fails_at_once() {
    let node = Running::new(false, Limits::default());
    assert_eq!(node.streams.port(), None);
    let gone = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let at = gone.local_addr().unwrap();
    drop(gone);
    for small_segments in [false, true] {
        let start = Instant::now();
        assert!(node.streams.dial(at, small_segments));
        let error = io::ErrorKind::ConnectionRefused;
        assert_eq!(node.event(), StreamEvent::Failed { at, error });
        assert!(start.elapsed() < Duration::from_secs(1));
    }
}

#[test]
fn what_does_not_answer_has_failed_within_5_s_and_few_are_dialled_at_once() {
    let node = Running::new(false, Limits::default());
    // Of a listener that accepts nothing, the kernel answers no more once its backlog is full.
    let hole = Listener::bind(0).unwrap();
    let at = SocketAddr::from((Ipv4Addr::LOCALHOST, hole.port().unwrap()));
    let filling: Vec<Stream> = (0..140).map(|_| Stream::dial(at, false).unwrap()).collect();
    sleep(Duration::from_millis(50));
    let start = Instant::now();
    for _ in 0..DIALS_MAX {
        assert!(node.streams.dial(at, false));
    }
    assert!(!node.streams.dial(at, false), "one too many");
    node.nothing_happens();
    for _ in 0..DIALS_MAX {
        let limit = Duration::from_secs(5).saturating_sub(start.elapsed());
        let event = node.events.recv_timeout(limit).unwrap();
        let error = io::ErrorKind::TimedOut;
        assert_eq!(event, StreamEvent::Failed { at, error });
    }
    drop(filling);
    drop(hole);
    assert!(node.streams.dial(at, false));
    assert!(matches!(node.event(), StreamEvent::Failed { .. }));
    node.nothing_happens();
}

#[test]
fn a_partial_write_of_a_foreign_program_is_read_the_same() {
    let node = Running::new(true, Limits::default());
    let socket = Stream::dial(node.v6(), true).unwrap();
    let id = node.up();
    let bytes = [framed(&[1; 700]), framed(&[2; 3])].concat();
    for part in bytes.chunks(173) {
        assert_eq!(socket.write(&[IoSlice::new(part)]).unwrap(), part.len());
        sleep(Duration::from_millis(2));
    }
    assert_eq!(node.datagram(), (id, vec![1; 700]));
    assert_eq!(node.datagram(), (id, vec![2; 3]));
}
