//! Datagrams that go by streams, until those of one stream leave in one write.

use crate::shared::Shared;
use std::ops::Range;
use wire::StreamId;

/// Datagrams in one write.
const WRITE_MAX: usize = 64;

/// What waits: which stream, and where the datagram is in the buffer.
#[derive(Debug, Default)]
pub(super) struct Streamed(Vec<(StreamId, Range<usize>)>);

impl Streamed {
    /// Adds one.
    pub(super) fn push(&mut self, id: StreamId, at: Range<usize>) {
        self.0.push((id, at));
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Writes them, in order.
    pub(super) fn leave(&mut self, shared: &Shared, buffer: &[u8]) {
        for same in self.0.chunk_by(|(a, _), (b, _)| a == b) {
            for some in same.chunks(WRITE_MAX) {
                let mut datagrams: [&[u8]; WRITE_MAX] = [&[]; WRITE_MAX];
                for (place, (_, at)) in datagrams.iter_mut().zip(some) {
                    *place = buffer.get(at.clone()).unwrap_or_default();
                }
                let datagrams = datagrams.get(..some.len()).unwrap_or_default();
                if let Some((id, _)) = some.first() {
                    // Datagrams for a stream that has just ended are lost, as others are.
                    shared.streams.send_all(*id, datagrams);
                }
            }
        }
        self.0.clear();
    }
}
