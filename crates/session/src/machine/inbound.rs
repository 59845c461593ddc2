//! What authenticated packets do.

use super::Session;
use super::output::{Closed, SessionOutput};
use crate::piece;
use std::time::Duration;
use wire::datagram::{TAG_LEN, TRANSPORT_HEADER_LEN};
use wire::ip::Ecn;
use wire::payload::{Control, Kind, Payload, Segment};
use wire::{Malformed, Path};

/// Where an opened packet came from, and on which keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inbound {
    /// Its source address.
    pub from: Path,
    /// The local index of the transport that opened it.
    pub local_index: u32,
    /// See [`crate::transport::Opened::highest`].
    pub highest: bool,
    /// The ECN field of its outer header.
    pub ecn: Ecn,
}

impl Session {
    /// Takes a packet that one of this session's transports opened. Data threads hand over
    /// what is not an IP packet from the address in use, and every packet that was `first`.
    ///
    /// # Errors
    /// If the plaintext does not have its format: the packet counts, its content does not.
    pub fn handle_opened(
        &mut self,
        now: Duration,
        inbound: Inbound,
        plaintext: &[u8],
    ) -> Result<(), Malformed> {
        if !self.keys.holds(inbound.local_index) {
            return Ok(());
        }
        let datagram_len = TRANSPORT_HEADER_LEN + plaintext.len() + TAG_LEN;
        self.note_arrival(now, inbound, datagram_len);
        let taken =
            Payload::parse(plaintext).map(|payload| self.take(now, inbound, payload, datagram_len));
        self.flush(now);
        taken
    }

    /// Notes a packet whose content a data thread has delivered itself: it may confirm a
    /// handshake or show that the peer moved. `datagram_len` is that of the whole datagram.
    pub fn handle_delivered(&mut self, now: Duration, inbound: Inbound, datagram_len: usize) {
        if self.keys.holds(inbound.local_index) {
            self.note_arrival(now, inbound, datagram_len);
            self.flush(now);
        }
    }

    /// Notes a datagram that the peer had this node relay: authentic, the newest of its channel,
    /// and from another path than the one in use.
    pub fn handle_relayed(&mut self, now: Duration, from: Path, datagram_len: usize) {
        if self.up.is_some() {
            self.note_path(now, from, datagram_len, true);
            self.flush(now);
        }
    }

    fn note_arrival(&mut self, now: Duration, inbound: Inbound, datagram_len: usize) {
        self.keys.notice(inbound.local_index);
        if self.keys.is_next(inbound.local_index) {
            self.confirmed(now, inbound.from);
        }
        let highest = inbound.highest && self.keys.is_current(inbound.local_index);
        self.note_path(now, inbound.from, datagram_len, highest);
    }

    fn take(&mut self, now: Duration, inbound: Inbound, payload: Payload<'_>, len: usize) {
        match payload {
            Payload::Keepalive | Payload::Unknown(_) => {}
            Payload::Ip(packet) => self.deliver(Kind::Ip, packet.to_vec(), inbound.ecn),
            Payload::Ethernet { channel, frame } => {
                let bytes = [&channel.to_be_bytes(), frame].concat();
                self.deliver(Kind::Ethernet, bytes, inbound.ecn);
            }
            Payload::Piece(piece) => {
                let piece = piece::Piece {
                    inner_kind: piece.inner.to_byte(),
                    last: piece.last,
                    id: piece.id,
                    offset: piece.offset,
                    bytes: piece.bytes,
                    ecn: inbound.ecn,
                };
                let whole = self.pieces.insert(now, piece);
                if let Some(whole) = whole
                    && let Some(kind) = Kind::from_byte(whole.kind)
                {
                    self.deliver(kind, whole.bytes, whole.ecn);
                }
            }
            Payload::Control(control) => self.take_control(now, inbound.from, control, len),
        }
    }

    fn deliver(&mut self, kind: Kind, bytes: Vec<u8>, ecn: Ecn) {
        self.output(SessionOutput::Packet { kind, bytes, ecn });
    }

    fn take_control(&mut self, now: Duration, from: Path, control: Control<'_>, len: usize) {
        match control {
            Control::Stream(segment) => self.take_segment(now, &segment),
            Control::PathChallenge(token) => {
                // The response is as long as the challenge, and counts where a budget runs.
                self.roaming.answered(from, len);
                self.control_to(now, from, &Control::PathResponse(token));
            }
            Control::PathResponse(token) => {
                self.take_response(now, from, token);
            }
            Control::Probe { id, .. } => {
                let size = u16::try_from(len).unwrap_or(u16::MAX);
                self.control(now, &Control::ProbeAnswer { id, size });
            }
            Control::ProbeAnswer { id, size } => {
                if let Some(datagram_max) = self.path_mtu.answered(now, id, usize::from(size)) {
                    self.output(SessionOutput::PathMtu { datagram_max });
                }
            }
            Control::EchoRequest { id, opaque } => {
                self.control(now, &Control::EchoReply { id, opaque });
            }
            Control::EchoReply { id, opaque } => {
                if let Some(rtt) = self.echoes.reply(now, id, opaque) {
                    self.output(SessionOutput::Echo { id, rtt });
                }
            }
            Control::Close(reason) => self.over(Closed::Peer(reason)),
            Control::Unknown(_) => {}
        }
    }

    fn take_segment(&mut self, now: Duration, segment: &Segment<'_>) {
        let taken = self.stream.handle_segment(
            now,
            segment.offset,
            segment.acknowledged,
            segment.window,
            segment.bytes,
        );
        let broken = taken.err().or_else(|| self.drain_messages().err());
        if let Some(error) = broken {
            self.stream_broke(now, error);
        }
    }

    fn drain_messages(&mut self) -> Result<(), crate::stream::StreamError> {
        while let Some(message) = self.stream.poll_message()? {
            self.output(SessionOutput::Message {
                kind: message.kind,
                value: message.value,
            });
        }
        Ok(())
    }
}
