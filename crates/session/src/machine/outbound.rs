//! What goes out: packets, messages, pings, closing, and the flush after every change.

use super::Session;
use super::output::{Closed, SessionOutput};
use crate::constants::{DATAGRAM_SMALL, PARKED_PACKETS_MAX};
use crate::piece;
use crate::stream::{SEGMENT_HEADER_LEN, SendMessageError, StreamError};
use identity::crypto::random;
use std::time::Duration;
use wire::Path;
use wire::datagram::{KIND_LEN, TAG_LEN, TRANSPORT_HEADER_LEN};
use wire::ip::{Ecn, ecn};
use wire::payload::{CloseReason, Control, Kind, PROBE_HEADER_LEN, Segment};

const OVERHEAD: usize = TRANSPORT_HEADER_LEN + TAG_LEN;
/// A whole datagram with a path challenge in it.
pub(super) const CHALLENGE_LEN: usize = OVERHEAD + 10;

/// Why a packet was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// It is empty, longer than pieces can carry, or not of a kind that carries packets.
    #[error("the packet cannot be sent")]
    Unsendable,
    /// The handshake is under way and enough packets wait for it.
    #[error("{PARKED_PACKETS_MAX} packets wait for the handshake already")]
    ParkedFull,
}

impl Session {
    /// Sends an IP packet or an Ethernet frame (with the HUB channel in front). Without a
    /// session it is parked and an initiation starts.
    ///
    /// # Errors
    /// See [`SendError`]; then it was dropped.
    pub fn send_packet(
        &mut self,
        now: Duration,
        kind: Kind,
        bytes: &[u8],
    ) -> Result<(), SendError> {
        let carries = matches!(kind, Kind::Ip | Kind::Ethernet);
        if !carries || bytes.is_empty() || bytes.len() > piece::PIECED_PACKET_MAX {
            return Err(SendError::Unsendable);
        }
        if self.can_send(now) && self.parked.is_empty() {
            self.emit(now, kind, bytes);
            self.confirm_path_if_due(now);
            self.rekey_if_due(now);
            return Ok(());
        }
        let parked = self.parked.push(kind, bytes);
        if !parked {
            self.dropped_parked += 1;
        }
        self.want(now);
        if parked {
            Ok(())
        } else {
            Err(SendError::ParkedFull)
        }
    }

    /// Sends a message in the control stream; without a session it waits for one.
    ///
    /// # Errors
    /// If it is too long, or too much waits; then nothing was queued.
    pub fn send_message(
        &mut self,
        now: Duration,
        kind: u16,
        value: &[u8],
    ) -> Result<(), SendMessageError> {
        if self.can_send(now) && self.parked_messages.is_empty() {
            self.stream.send(now, kind, value)?;
        } else {
            self.parked_messages.push_message(kind, value)?;
            self.want(now);
        }
        self.flush(now);
        Ok(())
    }

    /// Pings the peer; [`SessionOutput::Echo`] or [`SessionOutput::EchoLost`] follows.
    /// `false` if 64 pings wait, or one with this id.
    pub fn ping(&mut self, now: Duration, id: u32) -> bool {
        let opaque = random(&mut self.rng);
        if !self.echoes.push(now, id, opaque) {
            return false;
        }
        if !self.can_send(now) {
            self.want(now);
        }
        self.flush(now);
        true
    }

    /// Closes the session and tells the peer. Every thread stops using its keys at once.
    pub fn close(&mut self, now: Duration, reason: CloseReason) {
        self.flush_stream(now);
        self.control(now, &Control::Close(reason));
        self.over(Closed::Local(reason));
    }

    /// Sends all that may be sent now.
    pub(super) fn flush(&mut self, now: Duration) {
        self.flush_trials(now);
        if !self.can_send(now) {
            return;
        }
        for (kind, bytes) in self.parked.take() {
            self.emit(now, kind, &bytes);
        }
        self.unpark_messages(now);
        self.stream_due = Some(now);
        for (id, opaque) in self.echoes.take_unsent(now) {
            self.control(now, &Control::EchoRequest { id, opaque });
        }
        self.confirm_path_if_due(now);
        while let Some((id, size)) = self.path_mtu.poll(now) {
            let padding_len = size.saturating_sub(OVERHEAD + PROBE_HEADER_LEN);
            self.control(now, &Control::Probe { id, padding_len });
        }
        self.rekey_if_due(now);
    }

    pub(super) fn can_send(&self, now: Duration) -> bool {
        self.keys.sendable(now).is_some() && self.roaming.current().is_some()
    }

    /// Sends a control packet to the address in use.
    pub(super) fn control(&mut self, now: Duration, control: &Control<'_>) {
        if let Some(to) = self.roaming.current() {
            self.control_to(now, to, control);
        }
    }

    pub(super) fn control_to(&mut self, now: Duration, to: Path, control: &Control<'_>) {
        // What this module makes always fits its format.
        if let Ok(plaintext) = control.encode() {
            self.seal_to(now, to, Ecn::NotEct, &plaintext);
        }
    }

    /// Seals a plaintext on the keys in use and sends it.
    pub(super) fn seal_to(&mut self, now: Duration, to: Path, ecn: Ecn, plaintext: &[u8]) {
        let Some(transport) = self.current_transport(now) else {
            return;
        };
        let mut bytes = Vec::with_capacity(plaintext.len() + OVERHEAD);
        bytes.resize(TRANSPORT_HEADER_LEN, 0);
        bytes.extend_from_slice(plaintext);
        bytes.resize(plaintext.len() + OVERHEAD, 0);
        // What it starts is seen by the `poll_timeout` that follows every change.
        if transport
            .seal_in_place(now, &mut bytes, plaintext.len())
            .is_ok()
        {
            let is_first = |(first, _): &mut (Path, Duration)| *first == to;
            if bytes.len() <= DATAGRAM_SMALL {
                self.owes_first.take_if(is_first);
            }
            self.output(SessionOutput::Transmit { to, ecn, bytes });
        }
    }

    /// Lets the responder send, if nothing that went to it is sure to have: an empty packet, for the
    /// path might not carry what is larger.
    pub(super) fn pay_first(&mut self) {
        if let Some((to, now)) = self.owes_first.take() {
            self.seal_to(now, to, Ecn::NotEct, &[]);
        }
    }

    /// The control stream cannot go on: neither can the session.
    pub(super) fn stream_broke(&mut self, now: Duration, error: StreamError) {
        self.control(now, &Control::Close(CloseReason::Replaced));
        self.over(Closed::Stream(error));
    }

    /// Starts a new handshake if traffic has made one due and none is under way.
    pub(super) fn rekey_if_due(&mut self, now: Duration) {
        let due = self.keys.current().is_some_and(|t| t.rekey_due());
        if due && self.resume_at.is_none() && self.keys.next().is_none() {
            self.initiate(now);
        }
    }

    /// Asks whether the size in use still passes, if large datagrams have made that due.
    fn confirm_path_if_due(&mut self, now: Duration) {
        if self.keys.current().is_some_and(|t| t.take_confirm_due()) {
            self.path_mtu.confirm(now);
        }
    }

    /// Starts an initiation unless the peer's is about to bring the session up.
    fn want(&mut self, now: Duration) {
        if self.keys.next().is_some() {
            let resume = now.saturating_add(crate::constants::SIMULTANEOUS_OPEN);
            self.resume_at.get_or_insert(resume);
        } else {
            self.initiate(now);
        }
    }

    fn emit(&mut self, now: Duration, kind: Kind, bytes: &[u8]) {
        let Some(to) = self.roaming.current() else {
            return;
        };
        let ecn = ecn_of(kind, bytes);
        let plaintext_max = self.path_mtu.datagram_max().saturating_sub(OVERHEAD);
        if KIND_LEN + bytes.len() <= plaintext_max {
            let plaintext = [&[kind.to_byte()], bytes].concat();
            self.seal_to(now, to, ecn, &plaintext);
            return;
        }
        self.path_mtu.want_larger(now);
        let id = self.next_piece_id;
        self.next_piece_id = id.wrapping_add(1);
        let pieces = piece::cut(kind.to_byte(), bytes, id, plaintext_max);
        for plaintext in pieces.into_iter().flatten() {
            self.seal_to(now, to, ecn, &plaintext);
        }
    }

    fn unpark_messages(&mut self, now: Duration) {
        let mut full = false;
        for (kind, value) in self.parked_messages.take() {
            full = full || self.stream.send(now, kind, &value).is_err();
            if full {
                // It was parked before, so it fits again; the order stays.
                self.parked_messages.push(kind, &value);
            }
        }
    }

    pub(super) fn flush_stream(&mut self, now: Duration) {
        if !self.can_send(now) {
            return;
        }
        let bytes_max = self
            .path_mtu
            .datagram_max()
            .saturating_sub(OVERHEAD + SEGMENT_HEADER_LEN);
        while let Some(segment) = self.stream.poll_segment(now, bytes_max) {
            let segment = Segment {
                offset: segment.offset,
                acknowledged: segment.acknowledged,
                window: segment.window,
                bytes: &segment.bytes,
            };
            self.control(now, &Control::Stream(segment));
        }
    }
}

/// The ECN field of the packet inside; frames carry none of their own.
fn ecn_of(kind: Kind, packet: &[u8]) -> Ecn {
    match kind {
        Kind::Ip => ecn::of_packet(packet).unwrap_or_default(),
        _ => Ecn::NotEct,
    }
}
