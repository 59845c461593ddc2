//! Against a path that takes what the test says, with the test's clock.

use super::*;
use proptest::prelude::*;
use wire::frame::{FRAME_LEN_MAX, Frames};

/// What takes bytes, so many at the next write, and what it has taken.
#[derive(Default)]
struct Path {
    room: usize,
    taken: Vec<u8>,
}

impl Path {
    fn write(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut len = 0;
        for part in parts {
            let some = part.len().min(self.room);
            self.taken.extend_from_slice(&part[..some]);
            self.room -= some;
            len += some;
        }
        match len {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            _ => Ok(len),
        }
    }

    fn datagrams(&self) -> Vec<Vec<u8>> {
        let (mut frames, mut found) = (Frames::default(), Vec::new());
        let mut each = |datagram: &mut [u8]| found.push(datagram.to_vec());
        frames.decode(&mut self.taken.clone(), &mut each).unwrap();
        found
    }
}

fn queue() -> (Queue, Arc<AtomicUsize>) {
    let all_bytes = Arc::new(AtomicUsize::new(0));
    (Queue::new(Arc::clone(&all_bytes)), all_bytes)
}

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn send(queue: &mut Queue, path: &mut Path, now: Duration, datagrams: &[&[u8]]) -> usize {
    let mut write = |parts: &[IoSlice<'_>]| path.write(parts);
    queue.send(now, datagrams, &mut write).unwrap()
}

fn flush(queue: &mut Queue, path: &mut Path, now: Duration) -> usize {
    let mut write = |parts: &[IoSlice<'_>]| path.write(parts);
    queue.flush(now, &mut write).unwrap()
}

#[test]
fn what_has_waited_20_ms_goes_and_more_is_dropped() {
    let ((mut queue, all_bytes), mut path) = (queue(), Path::default());
    for at in 0..=30u8 {
        send(&mut queue, &mut path, ms(at.into()), &[&[at; 10]]);
    }
    // Those of the first 9 ms went already, as later ones came; 10 is 20 ms old.
    assert_eq!(queue.frames.len(), 21);
    path.room = usize::MAX;
    assert_eq!(flush(&mut queue, &mut path, ms(32)), 2);
    let expected: Vec<_> = (12..=30u8).map(|at| vec![at; 10]).collect();
    assert_eq!(path.datagrams(), expected);
    assert_eq!((queue.bytes, all_bytes.load(Ordering::Relaxed)), (0, 0));
    assert_eq!(queue.frames.capacity(), 0);
}

#[test]
fn what_was_begun_is_ended_however_late() {
    let ((mut queue, _), mut path) = (queue(), Path::default());
    path.room = 5;
    assert_eq!(send(&mut queue, &mut path, ms(0), &[&[1; 10], &[2; 10]]), 0);
    assert_eq!(send(&mut queue, &mut path, ms(100), &[&[3; 10]]), 1);
    path.room = 7 + 3;
    assert_eq!(flush(&mut queue, &mut path, ms(115)), 0);
    path.room = usize::MAX;
    flush(&mut queue, &mut path, ms(1_000));
    assert_eq!(path.datagrams(), [vec![1; 10], vec![3; 10]]);
    assert_eq!(send(&mut queue, &mut path, ms(1_001), &[&[4; 10]]), 0);
    assert_eq!(path.datagrams().len(), 3);
}

#[test]
fn a_queue_is_bounded_in_number_and_bytes_and_the_oldest_go() {
    let ((mut queue, all_bytes), mut path) = (queue(), Path::default());
    let number = |at: usize| (at as u32).to_be_bytes();
    let dropped: usize = (0..QUEUE_LEN_MAX + 5)
        .map(|at| send(&mut queue, &mut path, ms(1), &[&number(at)]))
        .sum();
    assert_eq!((dropped, queue.frames.len()), (5, QUEUE_LEN_MAX));
    assert_eq!(queue.frames[0].bytes[2..], number(5));
    let large = [9; FRAME_LEN_MAX];
    for _ in 0..QUEUE_BYTES_MAX / FRAME_LEN_MAX + 2 {
        send(&mut queue, &mut path, ms(1), &[&large]);
        assert!(queue.bytes <= QUEUE_BYTES_MAX);
    }
    assert_eq!(all_bytes.load(Ordering::Relaxed), queue.bytes);
    drop(queue);
    assert_eq!(all_bytes.load(Ordering::Relaxed), 0);
}

#[test]
fn all_queues_together_are_bounded() {
    let ((mut queue, all_bytes), mut path) = (queue(), Path::default());
    let other = QUEUES_BYTES_MAX - 50;
    all_bytes.store(other, Ordering::Relaxed);
    // Three frames of 12 bytes and one of 15 make room for each other only.
    for at in 0..10u8 {
        send(&mut queue, &mut path, ms(0), &[&[at; 10]]);
        assert!(all_bytes.load(Ordering::Relaxed) <= QUEUES_BYTES_MAX);
    }
    assert_eq!(queue.frames.len(), 4);
    assert_eq!(queue.frames[0].bytes[2], 6);
    assert_eq!(send(&mut queue, &mut path, ms(0), &[&[1; 100]]), 5);
    assert!(queue.is_empty() && queue.bytes == 0);
    // What was begun is ended all the same.
    path.room = 1;
    assert_eq!(send(&mut queue, &mut path, ms(0), &[&[2; 100]]), 0);
    assert_eq!(queue.frames.len(), 1);
    drop(queue);
    assert_eq!(all_bytes.load(Ordering::Relaxed), other);
}

#[test]
fn what_no_frame_may_hold_is_dropped_alone() {
    let ((mut queue, _), mut path) = (queue(), Path::default());
    path.room = 7;
    let long = [0; FRAME_LEN_MAX + 1];
    let datagrams: [&[u8]; 5] = [b"", b"abc", &long, b"de", b"f"];
    assert_eq!(send(&mut queue, &mut path, ms(0), &datagrams), 2);
    path.room = usize::MAX;
    flush(&mut queue, &mut path, ms(0));
    let expected: [&[u8]; 3] = [b"abc", b"de", b"f"];
    assert_eq!(path.datagrams(), expected);
}

#[test]
fn a_broken_path_is_an_error() {
    let (mut queue, _) = queue();
    let mut broken = |_: &[IoSlice<'_>]| Err(io::ErrorKind::BrokenPipe.into());
    assert!(queue.send(ms(0), &[b"a"], &mut broken).is_err());
    queue
        .send(ms(0), &[b"a"], &mut |_| {
            Err(io::ErrorKind::WouldBlock.into())
        })
        .unwrap();
    assert!(queue.flush(ms(0), &mut broken).is_err());
}

proptest! {
    /// Whatever the path takes when, what comes out is whole, in order, and with what was
    /// dropped it is what went in.
    #[test]
    fn nothing_is_cut_doubled_or_reordered(
        steps in prop::collection::vec((0u64..15, 0usize..400, 0usize..4, 1usize..200), 1..60),
    ) {
        let ((mut queue, all_bytes), mut path) = (queue(), Path::default());
        let (mut now, mut sent, mut dropped) = (ms(0), 0u32, 0);
        for (pause, room, count, len) in steps {
            now += ms(pause);
            path.room = room;
            dropped += flush(&mut queue, &mut path, now);
            let datagrams: Vec<Vec<u8>> = (sent..sent + count as u32)
                .map(|at| [&at.to_be_bytes()[..], &vec![7; len]].concat())
                .collect();
            sent += count as u32;
            let slices: Vec<&[u8]> = datagrams.iter().map(Vec::as_slice).collect();
            dropped += send(&mut queue, &mut path, now, &slices);
            prop_assert_eq!(all_bytes.load(Ordering::Relaxed), queue.bytes);
        }
        path.room = usize::MAX;
        dropped += flush(&mut queue, &mut path, now);
        let found = path.datagrams();
        prop_assert!(found.windows(2).all(|two| two[0][..4] < two[1][..4]));
        prop_assert_eq!(found.len() + dropped, sent as usize);
    }
}
