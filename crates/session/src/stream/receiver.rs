//! The receiving half: puts segments in order and cuts messages out.
//!
//! Segments ahead of the next byte wait by offset, inside the window only. Each counts 64 bytes
//! more than it carries, because a peer may send single bytes; together they count at most
//! 131,072, and the furthest gives way. Bytes in order go straight to the message under assembly, which is at
//! most 16,390 bytes long when it is taken out. The window therefore never shrinks.

use super::{Message, StreamError};
use crate::constants::{STREAM_MESSAGE_MAX, STREAM_WINDOW};
use std::collections::{BTreeMap, VecDeque};

const MESSAGE_HEADER_LEN: usize = 6;
/// What a segment that waits costs besides its bytes.
const SEGMENT_COST: usize = 64;
/// What all segments that wait may cost: twice the window, because they may overlap.
const AHEAD_COST_MAX: usize = 2 * STREAM_WINDOW as usize;

#[derive(Debug)]
pub(super) struct Receiver {
    /// The next byte expected, modulo 2^32.
    expected: u32,
    /// Bytes ahead, by distance counted from the start of the stream.
    ahead: BTreeMap<u64, Vec<u8>>,
    /// What `ahead` costs.
    ahead_cost: usize,
    /// `expected`, counted without modulo.
    total: u64,
    in_order: VecDeque<u8>,
    acknowledgement_due: bool,
}

impl Receiver {
    pub(super) fn new(offset: u32) -> Self {
        Self {
            expected: offset,
            ahead: BTreeMap::new(),
            ahead_cost: 0,
            total: 0,
            in_order: VecDeque::new(),
            acknowledgement_due: false,
        }
    }

    pub(super) fn receive(&mut self, offset: u32, bytes: &[u8]) -> Result<(), StreamError> {
        if bytes.is_empty() {
            return Ok(());
        }
        // Old bytes are acknowledged again: the acknowledgement may have been lost.
        self.acknowledgement_due = true;
        let distance = i64::from(offset.wrapping_sub(self.expected).cast_signed());
        let end = distance.saturating_add_unsigned(bytes.len() as u64);
        if end <= 0 || end > i64::from(STREAM_WINDOW) {
            return Ok(());
        }
        let (start, bytes) = match u64::try_from(distance) {
            Ok(ahead) => (self.total + ahead, bytes),
            Err(_) => {
                let skip = usize::try_from(distance.unsigned_abs()).unwrap_or(usize::MAX);
                (self.total, bytes.get(skip..).unwrap_or_default())
            }
        };
        let longer = self.ahead.get(&start).is_none_or(|b| b.len() < bytes.len());
        if longer {
            self.ahead_cost += cost(bytes);
            let replaced = self.ahead.insert(start, bytes.to_vec());
            self.ahead_cost -= replaced.map_or(0, |bytes| cost(&bytes));
        }
        self.advance();
        self.bound_ahead();
        Ok(())
    }

    pub(super) fn poll_message(&mut self) -> Result<Option<Message>, StreamError> {
        let header: Vec<u8> = self
            .in_order
            .iter()
            .take(MESSAGE_HEADER_LEN)
            .copied()
            .collect();
        let [k0, k1, l0, l1, l2, l3] = *header.as_slice() else {
            return Ok(None);
        };
        let len = u32::from_be_bytes([l0, l1, l2, l3]) as usize;
        if len > STREAM_MESSAGE_MAX {
            return Err(StreamError::TooLong);
        }
        if self.in_order.len() < MESSAGE_HEADER_LEN + len {
            return Ok(None);
        }
        self.in_order.drain(..MESSAGE_HEADER_LEN);
        Ok(Some(Message {
            kind: u16::from_be_bytes([k0, k1]),
            value: self.in_order.drain(..len).collect(),
        }))
    }

    pub(super) fn acknowledgement_due(&self) -> bool {
        self.acknowledgement_due
    }

    /// What to announce: the next byte expected and the window. It counts as sent.
    pub(super) fn acknowledge(&mut self) -> (u32, u32) {
        self.acknowledgement_due = false;
        (self.expected, STREAM_WINDOW)
    }

    pub(super) fn state(&self) -> (u64, u64) {
        let held: usize = self.ahead.values().map(Vec::len).sum();
        (self.total, (held + self.in_order.len()) as u64)
    }

    /// What gives way is not acknowledged, so it comes again.
    fn bound_ahead(&mut self) {
        while self.ahead_cost > AHEAD_COST_MAX {
            match self.ahead.pop_last() {
                Some((_, bytes)) => self.ahead_cost -= cost(&bytes),
                None => return,
            }
        }
    }

    fn advance(&mut self) {
        while let Some(entry) = self.ahead.first_entry() {
            if *entry.key() > self.total {
                return;
            }
            let (start, bytes) = entry.remove_entry();
            self.ahead_cost -= cost(&bytes);
            let skip = usize::try_from(self.total - start).unwrap_or(usize::MAX);
            if let Some(new) = bytes.get(skip..) {
                self.in_order.extend(new);
                self.total += new.len() as u64;
                self.expected = self.expected.wrapping_add(new.len() as u32);
            }
        }
    }
}

fn cost(bytes: &[u8]) -> usize {
    SEGMENT_COST + bytes.len()
}
