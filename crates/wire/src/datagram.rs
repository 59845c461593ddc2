//! Datagrams: the first thing that a stranger's bytes meet.
//!
//! | type | meaning | length in bytes |
//! |---|---|---|
//! | 1, 2 | fragment of handshake message 1, 2 | 16 + body (at most 1,152) + 32 |
//! | 3 | cookie reply | 56 |
//! | 4 | transport | 32 or more |
//! | 5 | relayed | 16 + sealed datagram (16 or more) |
//! | 6, 7 | DPRP: DDE, RGI | see `group::dprp` |
//!
//! Bytes 1 to 3 are reserved and zero; anything else is malformed. MACs and tags are handed
//! out, not checked: see `session::fragment`, `session::cookie`, `session::Transport`.

use crate::codec::{Malformed, Reader, Unencodable, Writer};

/// Largest datagram of a handshake, in bytes.
pub const DATAGRAM_MAX: usize = 1_200;
/// Length of a transport header in bytes.
pub const TRANSPORT_HEADER_LEN: usize = 16;
/// Length of an AEAD tag in bytes.
pub const TAG_LEN: usize = 16;
/// Length of the kind at the start of a transport plaintext, in bytes.
pub const KIND_LEN: usize = 1;
/// Shortest transport datagram (a keepalive), in bytes.
pub const TRANSPORT_MIN: usize = TRANSPORT_HEADER_LEN + TAG_LEN;
/// Length of a fragment's header in bytes.
pub const FRAGMENT_HEADER_LEN: usize = 16;
/// Length of MAC1 and of MAC2 in bytes.
pub const MAC_LEN: usize = 16;
/// Largest body of a fragment in bytes; every fragment but the last has exactly this.
pub const FRAGMENT_BODY_MAX: usize = DATAGRAM_MAX - FRAGMENT_HEADER_LEN - 2 * MAC_LEN;
/// Largest number of fragments of one message that a receiver takes.
pub const FRAGMENTS_MAX: u8 = 4;
/// Length of a cookie in bytes.
pub const COOKIE_LEN: usize = 16;
/// Length of a cookie reply in bytes.
pub const COOKIE_REPLY_LEN: usize = 56;
/// Length of the relay header in bytes.
pub const RELAY_HEADER_LEN: usize = 16;
/// How much of the sealed datagram the relay header's MAC covers, in bytes.
pub const RELAY_COVERED_LEN: usize = 16;

const TYPE_MESSAGE_1: u8 = 1;
const TYPE_MESSAGE_2: u8 = 2;
const TYPE_COOKIE: u8 = 3;
const TYPE_TRANSPORT: u8 = 4;
const TYPE_RELAYED: u8 = 5;
const TYPE_DDE: u8 = 6;
const TYPE_RGI: u8 = 7;

/// A well-formed datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Datagram<'a> {
    /// A fragment of a handshake message (types 1 and 2).
    Fragment(FragmentView<'a>),
    /// A cookie reply (type 3).
    Cookie(CookieView<'a>),
    /// A transport packet (type 4); its ciphertext starts at [`TRANSPORT_HEADER_LEN`].
    Transport(TransportHeader),
    /// A datagram relayed over a channel of a Bridge (type 5).
    Relayed(RelayedView<'a>),
    /// A message of DPRP (types 6 and 7); nothing of it is read here.
    Dprp,
}

impl<'a> Datagram<'a> {
    /// Reads one datagram. Errors: unknown type, reserved bytes that are not zero, a length or
    /// a field that its type does not allow.
    pub fn parse(bytes: &'a [u8]) -> Result<Datagram<'a>, Malformed> {
        let mut reader = Reader::new(bytes, "datagram");
        let [kind, reserved @ ..] = *reader.array::<4>()?;
        if reserved != [0; 3] {
            return Err(Malformed {
                what: "reserved bytes",
            });
        }
        match kind {
            TYPE_MESSAGE_1 => {
                FragmentView::parse(Message::One, bytes, reader).map(Datagram::Fragment)
            }
            TYPE_MESSAGE_2 => {
                FragmentView::parse(Message::Two, bytes, reader).map(Datagram::Fragment)
            }
            TYPE_COOKIE => CookieView::parse(reader).map(Datagram::Cookie),
            TYPE_TRANSPORT => TransportHeader::parse(reader).map(Datagram::Transport),
            TYPE_RELAYED => RelayedView::parse(reader).map(Datagram::Relayed),
            TYPE_DDE | TYPE_RGI => Ok(Datagram::Dprp),
            _ => Err(Malformed {
                what: "datagram type",
            }),
        }
    }
}

/// Whether a datagram carries a part of a handshake message, directly or relayed. Those are
/// few, never sent in pieces, and may be fragmented by IPv4 on a path that is too small.
#[must_use]
pub fn is_handshake(datagram: &[u8]) -> bool {
    let kind = match datagram {
        [TYPE_RELAYED, ..] => datagram.get(RELAY_HEADER_LEN),
        _ => datagram.first(),
    };
    matches!(kind, Some(&(TYPE_MESSAGE_1 | TYPE_MESSAGE_2)))
}

/// Which of the two handshake messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Message {
    /// From the initiator.
    One,
    /// From the responder.
    Two,
}

impl Message {
    fn datagram_type(self) -> u8 {
        match self {
            Message::One => TYPE_MESSAGE_1,
            Message::Two => TYPE_MESSAGE_2,
        }
    }
}

/// The header of a fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FragmentHeader {
    /// The message that this is a fragment of.
    pub message: Message,
    /// Index that the sender chose; not 0.
    pub sender: u32,
    /// 0 in message 1; in message 2 the sender index of message 1.
    pub receiver: u32,
    /// Number of this fragment, from 0; less than `count`.
    pub number: u8,
    /// Number of fragments of the message, 1 to [`FRAGMENTS_MAX`].
    pub count: u8,
}

impl FragmentHeader {
    fn is_valid(&self, body_len: usize) -> bool {
        let receiver = match self.message {
            Message::One => self.receiver == 0,
            Message::Two => self.receiver != 0,
        };
        let last = u16::from(self.number) + 1 == u16::from(self.count);
        self.sender != 0
            && receiver
            && self.count <= FRAGMENTS_MAX
            && self.number < self.count
            && body_len <= FRAGMENT_BODY_MAX
            && (last || body_len == FRAGMENT_BODY_MAX)
    }

    /// Writes a fragment. `mac1` and `mac2` get the bytes that they cover; `mac2` returns zeros
    /// when there is no cookie. Errors: a field out of its range, a body of the wrong length.
    pub fn encode(
        &self,
        body: &[u8],
        mac1: impl FnOnce(&[u8]) -> [u8; MAC_LEN],
        mac2: impl FnOnce(&[u8]) -> [u8; MAC_LEN],
    ) -> Result<Vec<u8>, Unencodable> {
        let unencodable = Unencodable {
            what: "handshake fragment",
        };
        let len = u16::try_from(body.len()).map_err(|_| unencodable)?;
        if !self.is_valid(body.len()) {
            return Err(unencodable);
        }
        let mut out = Writer::with_capacity(FRAGMENT_HEADER_LEN + body.len() + 2 * MAC_LEN);
        out.u8(self.message.datagram_type())
            .bytes(&[0; 3])
            .u32(self.sender)
            .u32(self.receiver);
        out.u8(self.number).u8(self.count).u16(len).bytes(body);
        let mac = mac1(out.as_slice());
        out.bytes(&mac);
        let mac = mac2(out.as_slice());
        out.bytes(&mac);
        Ok(out.finish())
    }
}

/// Replaces MAC2 of an encoded fragment, once a cookie is known; `mac2` gets the bytes that it
/// covers. Errors: not a fragment.
pub fn set_mac2(
    fragment: &mut [u8],
    mac2: impl FnOnce(&[u8]) -> [u8; MAC_LEN],
) -> Result<(), Malformed> {
    if !matches!(Datagram::parse(fragment), Ok(Datagram::Fragment(_))) {
        return Err(Malformed {
            what: "handshake fragment",
        });
    }
    if let Some((covered, field)) = fragment.split_last_chunk_mut::<MAC_LEN>() {
        *field = mac2(covered);
    }
    Ok(())
}

/// A fragment of a handshake message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FragmentView<'a> {
    /// Its header.
    pub header: FragmentHeader,
    /// Its part of the message.
    pub body: &'a [u8],
    /// MAC1, keyed by the receiver's F.
    pub mac1: &'a [u8; MAC_LEN],
    /// The bytes that MAC1 covers.
    pub mac1_covers: &'a [u8],
    /// MAC2, keyed by a cookie; zero without one.
    pub mac2: &'a [u8; MAC_LEN],
    /// The bytes that MAC2 covers.
    pub mac2_covers: &'a [u8],
}

impl<'a> FragmentView<'a> {
    fn parse(
        message: Message,
        datagram: &'a [u8],
        mut reader: Reader<'a>,
    ) -> Result<FragmentView<'a>, Malformed> {
        let malformed = Malformed {
            what: "handshake fragment",
        };
        let header = FragmentHeader {
            message,
            sender: reader.u32()?,
            receiver: reader.u32()?,
            number: reader.u8()?,
            count: reader.u8()?,
        };
        let len = usize::from(reader.u16()?);
        if !header.is_valid(len) {
            return Err(malformed);
        }
        let body = reader.take(len)?;
        reader.array::<{ 2 * MAC_LEN }>()?;
        reader.finish()?;
        let (mac2_covers, mac2) = datagram.split_last_chunk().ok_or(malformed)?;
        let (mac1_covers, mac1) = mac2_covers.split_last_chunk().ok_or(malformed)?;
        Ok(FragmentView {
            header,
            body,
            mac1,
            mac1_covers,
            mac2,
            mac2_covers,
        })
    }
}

/// A cookie reply of a Bridge under load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CookieView<'a> {
    /// The sender index of the message 1 that it answers.
    pub receiver: u32,
    /// What its key is derived with.
    pub nonce: &'a [u8; 16],
    /// The cookie, encrypted.
    pub sealed: &'a [u8; COOKIE_LEN],
    /// The AEAD tag; the associated data is the MAC1 that it answers.
    pub tag: &'a [u8; TAG_LEN],
}

impl<'a> CookieView<'a> {
    fn parse(mut reader: Reader<'a>) -> Result<CookieView<'a>, Malformed> {
        let view = CookieView {
            receiver: reader.u32()?,
            nonce: reader.array()?,
            sealed: reader.array()?,
            tag: reader.array()?,
        };
        reader.finish()?;
        Ok(view)
    }

    /// The reply's bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; COOKIE_REPLY_LEN] {
        let mut bytes = [0; COOKIE_REPLY_LEN];
        let receiver = self.receiver.to_be_bytes();
        let parts = [
            &[TYPE_COOKIE, 0, 0, 0],
            &receiver,
            &self.nonce[..],
            self.sealed,
            self.tag,
        ];
        let parts = parts.into_iter().flatten();
        bytes
            .iter_mut()
            .zip(parts)
            .for_each(|(to, from)| *to = *from);
        bytes
    }
}

/// The header of a transport packet; it is also the associated data of its AEAD.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransportHeader {
    /// The index that the receiver chose.
    pub receiver: u32,
    /// Counts the packets of one sender and key, from 0.
    pub counter: u64,
}

impl TransportHeader {
    fn parse(mut reader: Reader<'_>) -> Result<TransportHeader, Malformed> {
        let header = TransportHeader {
            receiver: reader.u32()?,
            counter: reader.u64()?,
        };
        if reader.remaining() < TAG_LEN {
            return Err(Malformed {
                what: "transport packet",
            });
        }
        Ok(header)
    }

    /// The header's bytes.
    pub fn encode(&self) -> [u8; TRANSPORT_HEADER_LEN] {
        let mut bytes = [0; TRANSPORT_HEADER_LEN];
        let (head, counter) = bytes.split_at_mut(8);
        let (kind, receiver) = head.split_at_mut(4);
        kind.copy_from_slice(&[TYPE_TRANSPORT, 0, 0, 0]);
        receiver.copy_from_slice(&self.receiver.to_be_bytes());
        counter.copy_from_slice(&self.counter.to_be_bytes());
        bytes
    }
}

/// A datagram relayed over a channel of a Bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayedView<'a> {
    /// The channel, local to the hop.
    pub channel: u32,
    /// The hop's MAC over the channel and [`RelayedView::covered`].
    pub mac: &'a [u8; 8],
    /// The datagram that goes on.
    pub sealed: &'a [u8],
}

impl<'a> RelayedView<'a> {
    fn parse(mut reader: Reader<'a>) -> Result<RelayedView<'a>, Malformed> {
        let (channel, mac) = (reader.u32()?, reader.array()?);
        let sealed = reader.rest();
        if sealed.len() < RELAY_COVERED_LEN {
            return Err(Malformed {
                what: "relayed datagram",
            });
        }
        Ok(RelayedView {
            channel,
            mac,
            sealed,
        })
    }

    /// What the MAC covers of the sealed datagram: its first 16 bytes.
    pub fn covered(&self) -> &'a [u8] {
        self.sealed.get(..RELAY_COVERED_LEN).unwrap_or(self.sealed)
    }

    /// The header in front of a sealed datagram.
    #[must_use]
    pub fn header(channel: u32, mac: &[u8; 8]) -> [u8; RELAY_HEADER_LEN] {
        let mut bytes = [0; RELAY_HEADER_LEN];
        let (head, tail) = bytes.split_at_mut(8);
        let (kind, number) = head.split_at_mut(4);
        kind.copy_from_slice(&[TYPE_RELAYED, 0, 0, 0]);
        number.copy_from_slice(&channel.to_be_bytes());
        tail.copy_from_slice(mac);
        bytes
    }

    /// Writes the relayed datagram. Errors: the sealed datagram is shorter than 16 bytes.
    pub fn encode(&self) -> Result<Vec<u8>, Unencodable> {
        if self.sealed.len() < RELAY_COVERED_LEN {
            return Err(Unencodable {
                what: "relayed datagram",
            });
        }
        Ok([&Self::header(self.channel, self.mac), self.sealed].concat())
    }
}

#[cfg(test)]
#[path = "datagram_tests.rs"]
mod tests;
