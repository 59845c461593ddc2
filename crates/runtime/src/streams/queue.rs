//! What waits to be written on one stream.
//!
//! No clock and no socket: time is an argument, and so is what writes.

use super::limits::{LATE_AFTER, QUEUE_BYTES_MAX, QUEUE_LEN_MAX, QUEUES_BYTES_MAX};
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use wire::frame::{self, FRAME_HEADER_LEN};

/// Datagrams that go in one write.
const WRITE_LEN_MAX: usize = 64;

/// Writes parts one after the other, as many bytes as are taken now.
pub(super) type Write<'a> = &'a mut dyn FnMut(&[IoSlice<'_>]) -> io::Result<usize>;

/// The queue of one stream.
#[derive(Debug)]
pub(super) struct Queue {
    frames: VecDeque<Frame>,
    /// How much of the first frame was written.
    written: usize,
    bytes: usize,
    /// The bytes in the queues of all streams.
    all_bytes: Arc<AtomicUsize>,
}

/// A datagram with its length before it.
#[derive(Debug)]
struct Frame {
    since: Duration,
    bytes: Vec<u8>,
}

impl Queue {
    /// An empty one, that counts its bytes into `all_bytes` too.
    pub(super) fn new(all_bytes: Arc<AtomicUsize>) -> Self {
        Self {
            frames: VecDeque::new(),
            written: 0,
            bytes: 0,
            all_bytes,
        }
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Sends datagrams: as much as possible at once, if nothing waits before them; what is
    /// left waits. Returns how many datagrams, of these or older ones, were dropped.
    ///
    /// # Errors
    /// The stream is broken.
    pub(super) fn send(
        &mut self,
        now: Duration,
        datagrams: &[&[u8]],
        write: Write<'_>,
    ) -> io::Result<usize> {
        let mut dropped = 0;
        for some in datagrams.chunks(WRITE_LEN_MAX) {
            let mut written = 0;
            if self.is_empty() {
                written = write_at_once(some, write)?;
            }
            for datagram in some {
                // Of no length that a frame may have: it cannot be sent at all.
                let Ok(header) = frame::header(datagram.len()) else {
                    dropped += 1;
                    continue;
                };
                let len = FRAME_HEADER_LEN + datagram.len();
                if written >= len {
                    written -= len;
                } else {
                    dropped += self.push(now, header, datagram, std::mem::take(&mut written));
                }
            }
        }
        Ok(dropped)
    }

    /// Appends a frame of which `written` bytes were written (0 unless it is the first); how
    /// many were dropped for it.
    fn push(
        &mut self,
        now: Duration,
        header: [u8; FRAME_HEADER_LEN],
        datagram: &[u8],
        written: usize,
    ) -> usize {
        let len = FRAME_HEADER_LEN + datagram.len();
        let mut dropped = self.drop_late(now);
        let is_full = |queue: &Self| {
            queue.frames.len() >= QUEUE_LEN_MAX
                || queue.bytes + len > QUEUE_BYTES_MAX
                || queue.all_bytes.load(Ordering::Relaxed) + len > QUEUES_BYTES_MAX
        };
        while is_full(self) && self.drop_oldest() {
            dropped += 1;
        }
        // What was begun must be ended, or the other end finds no datagram any more.
        if is_full(self) && written == 0 {
            return dropped + 1;
        }
        self.count(len);
        if self.frames.is_empty() {
            self.written = written;
        }
        self.frames.push_back(Frame {
            since: now,
            bytes: [&header, datagram].concat(),
        });
        dropped
    }

    /// Writes what waits until nothing does or no more is taken. Returns how many datagrams
    /// were dropped because they are late.
    ///
    /// # Errors
    /// The stream is broken.
    pub(super) fn flush(&mut self, now: Duration, write: Write<'_>) -> io::Result<usize> {
        let dropped = self.drop_late(now);
        while !self.is_empty() {
            let mut parts: Vec<IoSlice<'_>> = Vec::with_capacity(WRITE_LEN_MAX);
            let mut skipped = self.written;
            for frame in self.frames.iter().take(WRITE_LEN_MAX) {
                let unwritten = frame.bytes.get(std::mem::take(&mut skipped)..);
                parts.push(IoSlice::new(unwritten.unwrap_or_default()));
            }
            let taken = taken(write(&parts))?;
            if taken == 0 {
                break;
            }
            self.advance(taken);
        }
        Ok(dropped)
    }

    /// So many more bytes were written.
    fn advance(&mut self, taken: usize) {
        self.written += taken;
        while let Some(len) = self.frames.front().map(|frame| frame.bytes.len()) {
            if self.written < len {
                return;
            }
            self.written -= len;
            self.remove(0);
        }
    }

    /// Drops what has waited too long.
    fn drop_late(&mut self, now: Duration) -> usize {
        let mut dropped = 0;
        let is_late = |frame: &Frame| now.saturating_sub(frame.since) > LATE_AFTER;
        while self.frames.get(self.begun()).is_some_and(is_late) && self.drop_oldest() {
            dropped += 1;
        }
        dropped
    }

    /// Drops the oldest of which nothing was written; whether there was one.
    fn drop_oldest(&mut self) -> bool {
        self.remove(self.begun())
    }

    /// How many frames at the front were written in part.
    fn begun(&self) -> usize {
        usize::from(self.written > 0)
    }

    fn remove(&mut self, at: usize) -> bool {
        let Some(frame) = self.frames.remove(at) else {
            return false;
        };
        self.bytes -= frame.bytes.len();
        self.all_bytes
            .fetch_sub(frame.bytes.len(), Ordering::Relaxed);
        if self.frames.is_empty() {
            // An idle stream holds no memory.
            self.frames = VecDeque::new();
        }
        true
    }

    fn count(&mut self, len: usize) {
        self.bytes += len;
        self.all_bytes.fetch_add(len, Ordering::Relaxed);
    }

    /// Drops everything: the stream has ended.
    pub(super) fn clear(&mut self) {
        self.all_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
        self.bytes = 0;
        self.written = 0;
        self.frames = VecDeque::new();
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Writes at most [`WRITE_LEN_MAX`] datagrams from where they are; how many bytes of their frames
/// were taken.
fn write_at_once(datagrams: &[&[u8]], write: Write<'_>) -> io::Result<usize> {
    let mut headers = [[0; FRAME_HEADER_LEN]; WRITE_LEN_MAX];
    let mut parts = [IoSlice::new(&[]); 2 * WRITE_LEN_MAX];
    let framed = datagrams
        .iter()
        .filter_map(|datagram| Some((frame::header(datagram.len()).ok()?, *datagram)));
    let mut count = 0;
    let places = headers.iter_mut().zip(parts.as_chunks_mut::<2>().0);
    for ((place, [first, second]), (header, datagram)) in places.zip(framed) {
        *place = header;
        (*first, *second) = (IoSlice::new(place), IoSlice::new(datagram));
        count += 2;
    }
    if count == 0 {
        return Ok(0);
    }
    taken(write(parts.get(..count).unwrap_or_default()))
}

/// How many bytes were taken; none if it would block.
fn taken(result: io::Result<usize>) -> io::Result<usize> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        other => other,
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
