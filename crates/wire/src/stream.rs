//! Messages inside the control stream (protocol section 5).
//!
//! A message is type (2) ‖ length (4; at most 16,384) ‖ value. [`StreamMessage::parse`] takes
//! the first whole one from the front of what has arrived; [`StreamValue::decode`] gives it its
//! meaning. Unknown types are skipped by the caller.
//!
//! | type | value |
//! |---|---|
//! | 1 | [`Hello`] |
//! | 2, 5 | [`IdentityUpdate`] (own; of another F) |
//! | 3 | [`RotationDigest`], at most 512 entries |
//! | 4 | [`RotationQuery`], at most 64 tags |
//! | 6 | endpoints, at most 16 |
//! | 7 | [`CloneNotice`] |
//! | 0x30 – 0x36 | [`crate::channel`] |
//! | 8 | prefixes, at most 64 |
//!
//! Texts in a hello come from the peer: whoever shows them escapes control characters.

use std::net::SocketAddr;

use crate::addr::{Endpoint, NodeAddr, read_endpoints, write_endpoints};
use crate::channel::BridgeMessage;
use crate::codec::{Malformed, Reader, Tlvs, Unencodable, Writer, exactly};
use crate::handshake::INSTANCE_LEN;
use crate::prefix::{Prefix, read_prefixes, write_prefixes};
pub use crate::whole_identity::IdentityUpdate;

/// Length of a message's header in bytes.
pub const MESSAGE_HEADER_LEN: usize = 6;
/// Largest value of a message in bytes.
pub const MESSAGE_LEN_MAX: usize = 16_384;
/// Largest software version in a hello, in bytes.
pub const VERSION_LEN_MAX: usize = 64;
/// Largest host label in a hello, in bytes.
pub const LABEL_LEN_MAX: usize = 63;
/// Length of the tag that stands for an F, in bytes.
pub const F_TAG_LEN: usize = 8;
/// Largest number of entries in a rotation digest.
pub const DIGEST_LEN_MAX: usize = 512;
/// Largest number of tags in a rotation query.
pub const QUERY_LEN_MAX: usize = 64;
/// Largest number of endpoints in one message.
pub const ENDPOINTS_MAX: usize = 16;
/// Largest number of prefixes in one message, and so of one node.
pub const PREFIXES_MAX: usize = 64;

/// Message type: hello.
pub const TYPE_HELLO: u16 = 1;
/// Message type: identity update of the sender.
pub const TYPE_IDENTITY_UPDATE: u16 = 2;
/// Message type: rotation digest.
pub const TYPE_ROTATION_DIGEST: u16 = 3;
/// Message type: rotation query.
pub const TYPE_ROTATION_QUERY: u16 = 4;
/// Message type: identity update of another F.
pub const TYPE_ROTATION_LOG: u16 = 5;
/// Message type: endpoints of the sender.
pub const TYPE_ENDPOINTS: u16 = 6;
/// Message type: clone notice.
pub const TYPE_CLONE_NOTICE: u16 = 7;
/// Message type: prefixes of the sender.
pub const TYPE_PREFIXES: u16 = 8;

const DIGEST_ENTRY_LEN: usize = F_TAG_LEN + 4;

/// One message of the stream, as framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamMessage<'a> {
    /// Its type.
    pub kind: u16,
    /// Its value, at most [`MESSAGE_LEN_MAX`] bytes.
    pub value: &'a [u8],
}

impl<'a> StreamMessage<'a> {
    /// The first message of `bytes` and how many bytes it takes; `None` when it is not whole
    /// yet. Errors: its length is above [`MESSAGE_LEN_MAX`] (known from its header alone).
    pub fn parse(bytes: &'a [u8]) -> Result<Option<(StreamMessage<'a>, usize)>, Malformed> {
        let mut reader = Reader::new(bytes, "stream message");
        let (Ok(kind), Ok(len)) = (reader.u16(), reader.u32()) else {
            return Ok(None);
        };
        let len = usize::try_from(len).map_err(|_| reader.malformed())?;
        if len > MESSAGE_LEN_MAX {
            return Err(reader.malformed());
        }
        let message = reader.take(len).ok();
        Ok(message.map(|value| (StreamMessage { kind, value }, MESSAGE_HEADER_LEN + len)))
    }

    /// Writes header and value. Errors: the value is above [`MESSAGE_LEN_MAX`].
    pub fn encode(&self) -> Result<Vec<u8>, Unencodable> {
        let unencodable = Unencodable {
            what: "stream message",
        };
        let len = u32::try_from(self.value.len()).map_err(|_| unencodable)?;
        if self.value.len() > MESSAGE_LEN_MAX {
            return Err(unencodable);
        }
        let mut out = Writer::with_capacity(MESSAGE_HEADER_LEN + self.value.len());
        out.u16(self.kind).u32(len).bytes(self.value);
        Ok(out.finish())
    }
}

/// The meaning of a stream message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamValue<'a> {
    /// Who the peer's software is (1).
    Hello(Hello<'a>),
    /// The sender's own identity has changed (2).
    IdentityUpdate(IdentityUpdate<'a>),
    /// Peers that the sender knows to have rotated (3).
    RotationDigest(RotationDigest<'a>),
    /// Asks for logs (4).
    RotationQuery(RotationQuery<'a>),
    /// The log of another F (5).
    RotationLog(IdentityUpdate<'a>),
    /// Where the sender can be reached (6).
    Endpoints(Vec<SocketAddr>),
    /// Two holders of one F were seen (7).
    CloneNotice(CloneNotice),
    /// Between a node and its Bridge (0x30 – 0x36).
    Bridge(BridgeMessage<'a>),
    /// What lies behind the sender; the whole list replaces the one before (8).
    Prefixes(Vec<Prefix>),
    /// A type that this version does not know; skipped.
    Unknown(u16),
}

impl<'a> StreamValue<'a> {
    /// Decodes the value of a message. Errors: a known type whose value is not as specified.
    pub fn decode(message: StreamMessage<'a>) -> Result<StreamValue<'a>, Malformed> {
        let value = message.value;
        Ok(match message.kind {
            TYPE_HELLO => StreamValue::Hello(Hello::decode(value)?),
            TYPE_IDENTITY_UPDATE => StreamValue::IdentityUpdate(IdentityUpdate::decode(value)?),
            TYPE_ROTATION_DIGEST => StreamValue::RotationDigest(RotationDigest::decode(value)?),
            TYPE_ROTATION_QUERY => StreamValue::RotationQuery(RotationQuery::decode(value)?),
            TYPE_ROTATION_LOG => StreamValue::RotationLog(IdentityUpdate::decode(value)?),
            TYPE_ENDPOINTS => {
                let mut reader = Reader::new(value, "endpoints");
                StreamValue::Endpoints(read_endpoints(&mut reader, ENDPOINTS_MAX)?)
            }
            TYPE_CLONE_NOTICE => StreamValue::CloneNotice(CloneNotice::decode(value)?),
            TYPE_PREFIXES => {
                let mut reader = Reader::new(value, "prefixes");
                StreamValue::Prefixes(read_prefixes(&mut reader, PREFIXES_MAX)?)
            }
            kind => match BridgeMessage::decode(kind, value)? {
                Some(message) => StreamValue::Bridge(message),
                None => StreamValue::Unknown(kind),
            },
        })
    }

    /// Its type on the wire.
    pub fn kind(&self) -> u16 {
        match self {
            StreamValue::Hello(_) => TYPE_HELLO,
            StreamValue::IdentityUpdate(_) => TYPE_IDENTITY_UPDATE,
            StreamValue::RotationDigest(_) => TYPE_ROTATION_DIGEST,
            StreamValue::RotationQuery(_) => TYPE_ROTATION_QUERY,
            StreamValue::RotationLog(_) => TYPE_ROTATION_LOG,
            StreamValue::Endpoints(_) => TYPE_ENDPOINTS,
            StreamValue::CloneNotice(_) => TYPE_CLONE_NOTICE,
            StreamValue::Bridge(message) => message.kind(),
            StreamValue::Prefixes(_) => TYPE_PREFIXES,
            StreamValue::Unknown(kind) => *kind,
        }
    }

    /// Encodes the value, without the message's header. Errors: a field beyond its bound, or
    /// [`StreamValue::Unknown`].
    pub fn encode(&self) -> Result<Vec<u8>, Unencodable> {
        match self {
            StreamValue::Hello(hello) => hello.encode(),
            StreamValue::IdentityUpdate(update) | StreamValue::RotationLog(update) => {
                update.encode()
            }
            StreamValue::RotationDigest(digest) => Ok(digest.bytes.to_vec()),
            StreamValue::RotationQuery(query) => Ok(query.bytes.to_vec()),
            StreamValue::Endpoints(list) => {
                let mut out = Writer::default();
                write_endpoints(&mut out, list, ENDPOINTS_MAX)?;
                Ok(out.finish())
            }
            StreamValue::CloneNotice(notice) => Ok(notice.encode()),
            StreamValue::Bridge(message) => message.encode(),
            StreamValue::Prefixes(list) => {
                let mut out = Writer::default();
                write_prefixes(&mut out, list, PREFIXES_MAX)?;
                Ok(out.finish())
            }
            StreamValue::Unknown(_) => Err(Unencodable {
                what: "stream message",
            }),
        }
    }
}

/// The first message of each side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello<'a> {
    /// The sender's instance.
    pub instance: [u8; INSTANCE_LEN],
    /// Software version, at most [`VERSION_LEN_MAX`] bytes.
    pub version: Option<&'a str>,
    /// Feature bits; absent means 0.
    pub features: u64,
    /// Host label, at most [`LABEL_LEN_MAX`] bytes.
    pub label: Option<&'a str>,
}

impl<'a> Hello<'a> {
    /// Reads the value. Errors: no TLV list, no instance, a wrong length, not UTF-8.
    pub fn decode(value: &'a [u8]) -> Result<Hello<'a>, Malformed> {
        let mut instance = None;
        let mut hello = Hello {
            instance: [0; 8],
            version: None,
            features: 0,
            label: None,
        };
        for tlv in Tlvs::new(value, "hello") {
            let (kind, value) = tlv?;
            match kind {
                1 => instance = Some(*exactly(value, "hello instance")?),
                2 => hello.version = Some(text(value, VERSION_LEN_MAX)?),
                3 => hello.features = u64::from_be_bytes(*exactly(value, "hello features")?),
                4 => hello.label = Some(text(value, LABEL_LEN_MAX)?),
                _ => {}
            }
        }
        hello.instance = instance.ok_or(Malformed {
            what: "hello instance",
        })?;
        Ok(hello)
    }

    fn encode(&self) -> Result<Vec<u8>, Unencodable> {
        let fits = |text: Option<&str>, max| text.is_none_or(|text| text.len() <= max);
        if !fits(self.version, VERSION_LEN_MAX) || !fits(self.label, LABEL_LEN_MAX) {
            return Err(Unencodable { what: "hello" });
        }
        let mut out = Writer::default();
        out.tlv(1, &self.instance)?;
        if let Some(version) = self.version {
            out.tlv(2, version.as_bytes())?;
        }
        out.tlv(3, &self.features.to_be_bytes())?;
        if let Some(label) = self.label {
            out.tlv(4, label.as_bytes())?;
        }
        Ok(out.finish())
    }
}

fn text(value: &[u8], len_max: usize) -> Result<&str, Malformed> {
    let malformed = Malformed { what: "hello text" };
    if value.len() > len_max {
        return Err(malformed);
    }
    std::str::from_utf8(value).map_err(|_| malformed)
}

/// One entry of a rotation digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DigestEntry {
    /// `HMAC(binding, F)[..8]`.
    pub tag: [u8; F_TAG_LEN],
    /// The highest log position known.
    pub position: u32,
}

/// Peers that the sender knows to have rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RotationDigest<'a> {
    bytes: &'a [u8],
}

impl<'a> RotationDigest<'a> {
    /// Reads the value. Errors: not whole entries, or more than [`DIGEST_LEN_MAX`].
    pub fn decode(bytes: &'a [u8]) -> Result<RotationDigest<'a>, Malformed> {
        whole(bytes, DIGEST_ENTRY_LEN, DIGEST_LEN_MAX, "rotation digest")?;
        Ok(RotationDigest { bytes })
    }

    /// The bytes of such a list, to be sent. Errors: more than [`DIGEST_LEN_MAX`].
    pub fn encode(entries: &[DigestEntry]) -> Result<Vec<u8>, Unencodable> {
        if entries.len() > DIGEST_LEN_MAX {
            return Err(Unencodable {
                what: "rotation digest",
            });
        }
        let mut out = Writer::with_capacity(entries.len() * DIGEST_ENTRY_LEN);
        for entry in entries {
            out.bytes(&entry.tag).u32(entry.position);
        }
        Ok(out.finish())
    }

    /// The entries.
    pub fn iter(&self) -> impl Iterator<Item = DigestEntry> + use<'a> {
        self.bytes
            .as_chunks::<DIGEST_ENTRY_LEN>()
            .0
            .iter()
            .map(|chunk| {
                let [tag @ .., a, b, c, d] = *chunk;
                DigestEntry {
                    tag,
                    position: u32::from_be_bytes([a, b, c, d]),
                }
            })
    }
}

/// Asks for the logs behind tags of a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RotationQuery<'a> {
    bytes: &'a [u8],
}

impl<'a> RotationQuery<'a> {
    /// Reads the value. Errors: not whole tags, or more than [`QUERY_LEN_MAX`].
    pub fn decode(bytes: &'a [u8]) -> Result<RotationQuery<'a>, Malformed> {
        whole(bytes, F_TAG_LEN, QUERY_LEN_MAX, "rotation query")?;
        Ok(RotationQuery { bytes })
    }

    /// The bytes of such a list, to be sent. Errors: more than [`QUERY_LEN_MAX`].
    pub fn encode(tags: &[[u8; F_TAG_LEN]]) -> Result<Vec<u8>, Unencodable> {
        if tags.len() > QUERY_LEN_MAX {
            return Err(Unencodable {
                what: "rotation query",
            });
        }
        Ok(tags.as_flattened().to_vec())
    }

    /// The tags.
    pub fn iter(&self) -> impl Iterator<Item = [u8; F_TAG_LEN]> + use<'a> {
        self.bytes.as_chunks::<F_TAG_LEN>().0.iter().copied()
    }
}

fn whole(
    bytes: &[u8],
    item_len: usize,
    len_max: usize,
    what: &'static str,
) -> Result<(), Malformed> {
    let fits = bytes.len() <= item_len * len_max;
    if fits && bytes.len().is_multiple_of(item_len) {
        Ok(())
    } else {
        Err(Malformed { what })
    }
}

/// Two holders of one F, and where each was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloneNotice {
    /// The address in question.
    pub f: NodeAddr,
    /// Where the one was seen.
    pub first: SocketAddr,
    /// Where the other was seen.
    pub second: SocketAddr,
}

impl CloneNotice {
    /// Reads the value. Errors: a wrong length.
    pub fn decode(value: &[u8]) -> Result<CloneNotice, Malformed> {
        let mut reader = Reader::new(value, "clone notice");
        let notice = CloneNotice {
            f: NodeAddr(*reader.array()?),
            first: Endpoint::from_bytes(reader.array()?).socket_addr(),
            second: Endpoint::from_bytes(reader.array()?).socket_addr(),
        };
        reader.finish()?;
        Ok(notice)
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(52);
        out.bytes(self.f.as_bytes());
        out.bytes(&Endpoint::new(self.first).to_bytes());
        out.bytes(&Endpoint::new(self.second).to_bytes());
        out.finish()
    }
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
