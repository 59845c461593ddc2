//! What a transport packet carries (protocol sections 4 and 5): IP, Ethernet, pieces, control.
//!
//! | kind | rest |
//! |---|---|
//! | 1 IP packet | the packet |
//! | 2 Ethernet | HUB channel (2) ‖ frame |
//! | 3 piece | inner kind (1) ‖ flags (1) ‖ id (2) ‖ offset (2) ‖ bytes (1 or more) |
//! | 4 control | subtype (1) ‖ rest |
//!
//! An empty plaintext is a keepalive. Unknown kinds and control subtypes are values of their
//! own, because a receiver ignores them; known ones with the wrong length are malformed.
//! Everything read here has been authenticated: its sender is a peer, though maybe a bad one.
//! Messages inside the control stream are in [`crate::stream`].

use crate::codec::{Malformed, Reader, Unencodable, Writer};

/// Largest packet that pieces carry, in bytes.
pub const PACKET_LEN_MAX: usize = 65_535;
/// Bytes that a piece needs before its own, kind included.
pub const PIECE_HEADER_LEN: usize = 7;
/// Bytes that a stream segment needs before its own, kind and subtype included.
pub const STREAM_HEADER_LEN: usize = 14;
/// Largest free window of a control stream, in bytes.
pub const STREAM_WINDOW_MAX: u32 = 65_536;
/// Length of a path challenge's token in bytes.
pub const TOKEN_LEN: usize = 8;
/// Bytes of a probe before its padding, kind and subtype included.
pub const PROBE_HEADER_LEN: usize = 6;

const PIECE_LAST: u8 = 1;

/// The first byte of a plaintext that is not empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// An IPv4 or IPv6 packet.
    Ip = 1,
    /// An Ethernet frame of a HUB channel.
    Ethernet = 2,
    /// A piece of one of the two above.
    Piece = 3,
    /// Control.
    Control = 4,
}

impl Kind {
    /// The kind of a byte, if it is one that this version knows.
    pub fn from_byte(byte: u8) -> Option<Kind> {
        match byte {
            1 => Some(Kind::Ip),
            2 => Some(Kind::Ethernet),
            3 => Some(Kind::Piece),
            4 => Some(Kind::Control),
            _ => None,
        }
    }

    /// Its byte on the wire.
    pub fn to_byte(self) -> u8 {
        self as u8
    }
}

/// A decrypted transport plaintext.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload<'a> {
    /// Nothing: a keepalive.
    Keepalive,
    /// An IP packet, not looked at yet (see [`crate::ip`]).
    Ip(&'a [u8]),
    /// An Ethernet frame.
    Ethernet {
        /// The HUB channel.
        channel: u16,
        /// The frame, not looked at yet.
        frame: &'a [u8],
    },
    /// A piece of a packet.
    Piece(Piece<'a>),
    /// Control.
    Control(Control<'a>),
    /// A kind that this version does not know; ignored.
    Unknown(u8),
}

impl<'a> Payload<'a> {
    /// Reads a plaintext. Errors: a known kind that is cut short or out of range.
    pub fn parse(plaintext: &'a [u8]) -> Result<Payload<'a>, Malformed> {
        let Some((&first, rest)) = plaintext.split_first() else {
            return Ok(Payload::Keepalive);
        };
        match Kind::from_byte(first) {
            None => Ok(Payload::Unknown(first)),
            Some(Kind::Ip) => Ok(Payload::Ip(rest)),
            Some(Kind::Ethernet) => {
                let mut reader = Reader::new(rest, "Ethernet frame");
                Ok(Payload::Ethernet {
                    channel: reader.u16()?,
                    frame: reader.rest(),
                })
            }
            Some(Kind::Piece) => Piece::parse(rest).map(Payload::Piece),
            Some(Kind::Control) => Control::parse(rest).map(Payload::Control),
        }
    }
}

/// A piece of a packet that does not fit the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// What the whole packet is: [`Kind::Ip`] or [`Kind::Ethernet`].
    pub inner: Kind,
    /// Whether the packet ends with this piece.
    pub last: bool,
    /// The packet that it belongs to.
    pub id: u16,
    /// Where its bytes go in the packet.
    pub offset: u16,
    /// Its bytes, at least one; they end at [`PACKET_LEN_MAX`] or before.
    pub bytes: &'a [u8],
}

impl<'a> Piece<'a> {
    /// Reads what follows the kind. Errors: cut short, no bytes, an inner kind that is not 1
    /// or 2, reserved flags, or an end beyond [`PACKET_LEN_MAX`].
    pub fn parse(rest: &'a [u8]) -> Result<Piece<'a>, Malformed> {
        let mut reader = Reader::new(rest, "piece");
        let malformed = reader.malformed();
        let inner = Kind::from_byte(reader.u8()?).ok_or(malformed)?;
        let flags = reader.u8()?;
        if flags & !PIECE_LAST != 0 {
            return Err(malformed);
        }
        let piece = Piece {
            inner,
            last: flags & PIECE_LAST != 0,
            id: reader.u16()?,
            offset: reader.u16()?,
            bytes: reader.rest(),
        };
        if piece.is_valid() {
            Ok(piece)
        } else {
            Err(malformed)
        }
    }

    /// Where its bytes end in the packet (the offset after the last of them).
    pub fn end(&self) -> usize {
        usize::from(self.offset).saturating_add(self.bytes.len())
    }

    /// Writes the plaintext, kind included. Errors: as for [`Piece::parse`].
    pub fn encode(&self) -> Result<Vec<u8>, Unencodable> {
        if !self.is_valid() {
            return Err(Unencodable { what: "piece" });
        }
        let mut out = Writer::with_capacity(PIECE_HEADER_LEN + self.bytes.len());
        out.u8(Kind::Piece.to_byte())
            .u8(self.inner.to_byte())
            .u8(u8::from(self.last));
        out.u16(self.id).u16(self.offset).bytes(self.bytes);
        Ok(out.finish())
    }

    fn is_valid(&self) -> bool {
        matches!(self.inner, Kind::Ip | Kind::Ethernet)
            && !self.bytes.is_empty()
            && self.end() <= PACKET_LEN_MAX
    }
}

/// Why a peer closes a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CloseReason {
    /// The node is shutting down (0).
    ShuttingDown,
    /// The peer is no longer allowed (1).
    NotAllowed,
    /// A newer session has replaced this one (2).
    Replaced,
    /// A reason that this version does not know (3 to 255).
    Other(u8),
}

impl CloseReason {
    /// The reason of a byte.
    pub fn from_byte(byte: u8) -> CloseReason {
        match byte {
            0 => CloseReason::ShuttingDown,
            1 => CloseReason::NotAllowed,
            2 => CloseReason::Replaced,
            other => CloseReason::Other(other),
        }
    }

    /// Its byte on the wire.
    pub fn to_byte(self) -> u8 {
        match self {
            CloseReason::ShuttingDown => 0,
            CloseReason::NotAllowed => 1,
            CloseReason::Replaced => 2,
            CloseReason::Other(byte) => byte,
        }
    }
}

/// A segment of the control stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    /// Stream offset of the first byte, modulo 2^32.
    pub offset: u32,
    /// The next offset that the sender wants to receive, modulo 2^32.
    pub acknowledged: u32,
    /// How many bytes from there it has room for, at most [`STREAM_WINDOW_MAX`].
    pub window: u32,
    /// The bytes; none in a mere acknowledgement.
    pub bytes: &'a [u8],
}

/// A control packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control<'a> {
    /// Part of the control stream (1).
    Stream(Segment<'a>),
    /// Asks whether the peer is at this address (2).
    PathChallenge([u8; TOKEN_LEN]),
    /// Repeats the token of a challenge (3).
    PathResponse([u8; TOKEN_LEN]),
    /// Probes the path MTU (4).
    Probe {
        /// Names the probe.
        id: u32,
        /// Length of the padding in bytes.
        padding_len: usize,
    },
    /// Answers a probe (5).
    ProbeAnswer {
        /// The probe answered.
        id: u32,
        /// Size of the whole datagram received, in bytes.
        size: u16,
    },
    /// A ping (6).
    EchoRequest {
        /// Names the ping.
        id: u32,
        /// Repeated in the reply.
        opaque: [u8; 8],
    },
    /// The answer to a ping (7).
    EchoReply {
        /// The ping answered.
        id: u32,
        /// What the ping carried.
        opaque: [u8; 8],
    },
    /// The session ends now (8).
    Close(CloseReason),
    /// A subtype that this version does not know; ignored.
    Unknown(u8),
}

impl<'a> Control<'a> {
    /// Reads what follows the kind. Errors: no subtype, or a known one with the wrong length or
    /// a window above [`STREAM_WINDOW_MAX`].
    pub fn parse(rest: &'a [u8]) -> Result<Control<'a>, Malformed> {
        let mut reader = Reader::new(rest, "control packet");
        let control = match reader.u8()? {
            1 => Control::Stream(Self::parse_segment(&mut reader)?),
            2 => Control::PathChallenge(*reader.array()?),
            3 => Control::PathResponse(*reader.array()?),
            4 => Control::Probe {
                id: reader.u32()?,
                padding_len: reader.rest().len(),
            },
            5 => Control::ProbeAnswer {
                id: reader.u32()?,
                size: reader.u16()?,
            },
            6 => Control::EchoRequest {
                id: reader.u32()?,
                opaque: *reader.array()?,
            },
            7 => Control::EchoReply {
                id: reader.u32()?,
                opaque: *reader.array()?,
            },
            8 => Control::Close(CloseReason::from_byte(reader.u8()?)),
            subtype => return Ok(Control::Unknown(subtype)),
        };
        reader.finish()?;
        Ok(control)
    }

    fn parse_segment(reader: &mut Reader<'a>) -> Result<Segment<'a>, Malformed> {
        let segment = Segment {
            offset: reader.u32()?,
            acknowledged: reader.u32()?,
            window: reader.u32()?,
            bytes: reader.rest(),
        };
        if segment.window > STREAM_WINDOW_MAX {
            return Err(reader.malformed());
        }
        Ok(segment)
    }

    /// Writes the plaintext, kind included. Errors: a window above [`STREAM_WINDOW_MAX`],
    /// padding above [`PACKET_LEN_MAX`], or a subtype that is not known.
    pub fn encode(&self) -> Result<Vec<u8>, Unencodable> {
        let unencodable = Unencodable {
            what: "control packet",
        };
        let mut out = Writer::with_capacity(32);
        out.u8(Kind::Control.to_byte());
        match *self {
            Control::Stream(segment) => {
                if segment.window > STREAM_WINDOW_MAX {
                    return Err(unencodable);
                }
                out.u8(1)
                    .u32(segment.offset)
                    .u32(segment.acknowledged)
                    .u32(segment.window);
                out.bytes(segment.bytes);
            }
            Control::PathChallenge(token) => {
                out.u8(2).bytes(&token);
            }
            Control::PathResponse(token) => {
                out.u8(3).bytes(&token);
            }
            Control::Probe { id, padding_len } => {
                if padding_len > PACKET_LEN_MAX {
                    return Err(unencodable);
                }
                out.u8(4)
                    .u32(id)
                    .pad_to(PROBE_HEADER_LEN + padding_len, "probe")?;
            }
            Control::ProbeAnswer { id, size } => {
                out.u8(5).u32(id).u16(size);
            }
            Control::EchoRequest { id, opaque } => {
                out.u8(6).u32(id).bytes(&opaque);
            }
            Control::EchoReply { id, opaque } => {
                out.u8(7).u32(id).bytes(&opaque);
            }
            Control::Close(reason) => {
                out.u8(8).u8(reason.to_byte());
            }
            Control::Unknown(_) => return Err(unencodable),
        }
        Ok(out.finish())
    }
}

#[cfg(test)]
#[path = "payload_tests.rs"]
mod tests;
