//! The control stream: one ordered, acknowledged byte stream each way with messages in it
//! (specification, section 5). It outlives rekeys: the session, not a key, owns it.
//!
//! [`ControlStream`] composes the two directions. It never looks into a message.
//!
//! Limits: 65,536 bytes of receive window, 256 KiB queued to send, messages of at most
//! 16,384 bytes. Without progress for 60 s it reports [`StreamError::Stalled`].

mod receiver;
mod rto;
mod sender;

use receiver::Receiver;
use sender::Sender;
use std::time::Duration;

/// Bytes before the bytes of a segment: kind, subtype, offset, acknowledged, window.
pub const SEGMENT_HEADER_LEN: usize = 14;

/// One segment, as it stands in a control packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Where its bytes stand in the stream, modulo 2^32.
    pub offset: u32,
    /// The next byte that its sender expects, modulo 2^32.
    pub acknowledged: u32,
    /// Bytes that its sender takes from there on.
    pub window: u32,
    /// May be empty.
    pub bytes: Vec<u8>,
}

/// A message of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its type; unknown ones are for the caller to skip.
    pub kind: u16,
    /// At most 16,384 bytes.
    pub value: Vec<u8>,
}

/// Why a stream has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// Bytes wait, and none was acknowledged for 60 s.
    #[error("the control stream made no progress for 60 s")]
    Stalled,
    /// The peer acknowledged bytes that were never sent: its stream is not this one.
    #[error("the peer acknowledged control bytes that were never sent")]
    Acknowledged,
    /// The peer sent a message longer than 16,384 bytes.
    #[error("the peer sent a control message that is too long")]
    TooLong,
}

/// Why a message was not queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendMessageError {
    /// It is longer than 16,384 bytes.
    #[error("the control message is longer than 16,384 bytes")]
    TooLong,
    /// 256 KiB wait already.
    #[error("the control stream is full")]
    Full,
}

/// Both directions of one control stream.
#[derive(Debug)]
pub struct ControlStream {
    sender: Sender,
    receiver: Receiver,
}

impl Default for ControlStream {
    fn default() -> Self {
        Self::new()
    }
}

impl ControlStream {
    /// A new stream: offsets start at 0.
    #[must_use]
    pub fn new() -> Self {
        Self::starting_at(0)
    }

    fn starting_at(offset: u32) -> Self {
        Self {
            sender: Sender::new(offset),
            receiver: Receiver::new(offset),
        }
    }

    /// Queues a message.
    ///
    /// # Errors
    /// If it is too long or too much waits; then nothing is queued.
    pub fn send(&mut self, now: Duration, kind: u16, value: &[u8]) -> Result<(), SendMessageError> {
        self.sender.send(now, kind, value)
    }

    /// Takes a segment that came in an authenticated packet.
    ///
    /// # Errors
    /// If the peer broke the rules of the stream: the session must close.
    pub fn handle_segment(
        &mut self,
        now: Duration,
        offset: u32,
        acknowledged: u32,
        window: u32,
        bytes: &[u8],
    ) -> Result<(), StreamError> {
        self.sender
            .acknowledge(now, acknowledged, window, bytes.is_empty())?;
        self.receiver.receive(offset, bytes)
    }

    /// The next whole message.
    ///
    /// # Errors
    /// As [`ControlStream::handle_segment`].
    pub fn poll_message(&mut self) -> Result<Option<Message>, StreamError> {
        self.receiver.poll_message()
    }

    /// The next segment to send with at most `bytes_max` bytes in it. Call until `None`.
    pub fn poll_segment(&mut self, now: Duration, bytes_max: usize) -> Option<Segment> {
        let data = self.sender.poll(now, bytes_max);
        if data.is_none() && !self.receiver.acknowledgement_due() {
            return None;
        }
        let (offset, bytes) = data.unwrap_or_else(|| (self.sender.next_offset(), Vec::new()));
        let (acknowledged, window) = self.receiver.acknowledge();
        Some(Segment {
            offset,
            acknowledged,
            window,
            bytes,
        })
    }

    /// Retransmission time-outs.
    ///
    /// # Errors
    /// [`StreamError::Stalled`] after 60 s without progress.
    pub fn handle_timeout(&mut self, now: Duration) -> Result<(), StreamError> {
        self.sender.handle_timeout(now)
    }

    /// When [`ControlStream::handle_timeout`] is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.sender.poll_timeout()
    }

    /// Bytes queued and not acknowledged.
    #[must_use]
    pub fn queued_len(&self) -> usize {
        self.sender.queued_len()
    }

    /// The offsets that a state hash covers: acknowledged, next to send, next expected, held.
    pub(crate) fn state(&self) -> [u64; 4] {
        let (acknowledged, next) = self.sender.state();
        let (expected, held) = self.receiver.state();
        [acknowledged, next, expected, held]
    }
}

#[cfg(test)]
mod burden_tests;
#[cfg(test)]
mod tests;
