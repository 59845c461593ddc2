//! The sending half: what is queued, what is in flight, what must go again.
//!
//! Loss recovery is go-back from the first byte not acknowledged: at a time-out, or at the
//! third acknowledgement in a row that moves nothing. What goes again is acknowledged again, so
//! after a go-back such acknowledgements say nothing until bytes that had not been sent by then
//! are acknowledged (RFC 6582, 3.2, "recover"). The flight is limited by the window of
//! the peer and by a small slow-start limit of its own, because control bytes are few and
//! must not crowd out traffic.

use super::rto::Rto;
use super::{SendMessageError, StreamError};
use crate::constants::{STREAM_MESSAGE_MAX, STREAM_QUEUE_MAX, STREAM_STALLED, STREAM_WINDOW};
use std::collections::VecDeque;
use std::time::Duration;

/// The flight allowed at the start, and after a time-out half of it.
const FLIGHT_INITIAL: usize = 8 * 1024;
const FLIGHT_MIN: usize = 4 * 1024;
const DUPLICATES_FOR_RESEND: u32 = 3;

#[derive(Debug)]
pub(super) struct Sender {
    /// The offset of the first byte of `queue`.
    acknowledged: u32,
    /// Everything not acknowledged.
    queue: VecDeque<u8>,
    /// Bytes of `queue` sent since the last go-back.
    sent: usize,
    /// Bytes of `queue` sent at least once.
    sent_max: usize,
    /// Bytes the peer takes from `acknowledged` on.
    window: usize,
    flight_max: usize,
    duplicates: u32,
    /// Bytes of `queue` that must be acknowledged before duplicates count again.
    recover: usize,
    rto: Rto,
    resend_at: Option<Duration>,
    last_progress: Duration,
    /// One measurement at a time: bytes of `queue` that must be acknowledged, and when the
    /// last of them was sent. Dropped at a go-back (Karn).
    timed: Option<(usize, Duration)>,
}

impl Sender {
    pub(super) fn new(offset: u32) -> Self {
        Self {
            acknowledged: offset,
            queue: VecDeque::new(),
            sent: 0,
            sent_max: 0,
            window: STREAM_WINDOW as usize,
            flight_max: FLIGHT_INITIAL,
            duplicates: 0,
            recover: 0,
            rto: Rto::new(),
            resend_at: None,
            last_progress: Duration::ZERO,
            timed: None,
        }
    }

    pub(super) fn send(
        &mut self,
        now: Duration,
        kind: u16,
        value: &[u8],
    ) -> Result<(), SendMessageError> {
        if value.len() > STREAM_MESSAGE_MAX {
            return Err(SendMessageError::TooLong);
        }
        if self.queue.len() + 6 + value.len() > STREAM_QUEUE_MAX {
            return Err(SendMessageError::Full);
        }
        if self.queue.is_empty() {
            self.last_progress = now;
        }
        self.queue.extend(kind.to_be_bytes());
        self.queue.extend((value.len() as u32).to_be_bytes());
        self.queue.extend(value);
        Ok(())
    }

    pub(super) fn acknowledge(
        &mut self,
        now: Duration,
        acknowledged: u32,
        window: u32,
        bare: bool,
    ) -> Result<(), StreamError> {
        let distance = acknowledged.wrapping_sub(self.acknowledged).cast_signed();
        let Ok(newly) = usize::try_from(distance) else {
            return Ok(()); // an old one that was overtaken
        };
        if newly > self.sent_max {
            return Err(StreamError::Acknowledged);
        }
        self.window = window.min(STREAM_WINDOW) as usize;
        if newly == 0 {
            self.duplicate(bare);
            return Ok(());
        }
        self.queue.drain(..newly);
        self.acknowledged = acknowledged;
        self.sent = self.sent.saturating_sub(newly);
        self.sent_max -= newly;
        self.recover = self.recover.saturating_sub(newly);
        self.duplicates = 0;
        self.flight_max = (self.flight_max + newly).min(STREAM_WINDOW as usize);
        self.last_progress = now;
        self.rto.recompute();
        self.measure(now, newly);
        self.resend_at = (self.sent_max > 0).then(|| now.saturating_add(self.rto.current()));
        Ok(())
    }

    /// The next bytes to send and their offset.
    pub(super) fn poll(&mut self, now: Duration, bytes_max: usize) -> Option<(u32, Vec<u8>)> {
        // A window of 0 is probed with one byte at each time-out.
        let allowed = self.window.min(self.flight_max).max(1);
        let end = (self.sent + bytes_max).min(self.queue.len()).min(allowed);
        if end <= self.sent {
            if self.resend_at.is_none() && !self.queue.is_empty() {
                self.resend_at = Some(now.saturating_add(self.rto.current()));
            }
            return None;
        }
        let bytes: Vec<u8> = self.queue.range(self.sent..end).copied().collect();
        let offset = self.acknowledged.wrapping_add(self.sent as u32);
        if self.timed.is_none() && self.sent >= self.sent_max {
            self.timed = Some((end, now));
        }
        self.sent = end;
        self.sent_max = self.sent_max.max(end);
        if self.resend_at.is_none() {
            self.resend_at = Some(now.saturating_add(self.rto.current()));
        }
        Some((offset, bytes))
    }

    pub(super) fn next_offset(&self) -> u32 {
        self.acknowledged.wrapping_add(self.sent as u32)
    }

    pub(super) fn handle_timeout(&mut self, now: Duration) -> Result<(), StreamError> {
        if self.queue.is_empty() {
            return Ok(());
        }
        if now.saturating_sub(self.last_progress) >= STREAM_STALLED {
            return Err(StreamError::Stalled);
        }
        if self.resend_at.is_some_and(|at| at <= now) {
            self.rto.back_off();
            self.flight_max = FLIGHT_MIN.max(self.flight_max / 2);
            self.go_back();
            self.resend_at = Some(now.saturating_add(self.rto.current()));
        }
        Ok(())
    }

    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        if self.queue.is_empty() {
            return None;
        }
        let stalled = self.last_progress.saturating_add(STREAM_STALLED);
        Some(self.resend_at.map_or(stalled, |at| at.min(stalled)))
    }

    pub(super) fn queued_len(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn state(&self) -> (u64, u64) {
        (u64::from(self.acknowledged), self.sent_max as u64)
    }

    fn duplicate(&mut self, bare: bool) {
        if !bare || self.sent == 0 || self.recover > 0 {
            return;
        }
        self.duplicates += 1;
        if self.duplicates == DUPLICATES_FOR_RESEND {
            self.flight_max = FLIGHT_MIN.max(self.flight_max / 2);
            self.go_back();
        }
    }

    fn go_back(&mut self) {
        self.sent = 0;
        self.duplicates = 0;
        self.recover = self.sent_max + 1;
        self.timed = None;
    }

    fn measure(&mut self, now: Duration, newly: usize) {
        match self.timed {
            Some((end, at)) if end <= newly => {
                self.rto.sample(now.saturating_sub(at));
                self.timed = None;
            }
            Some((end, at)) => self.timed = Some((end - newly, at)),
            None => {}
        }
    }
}
