//! DNS messages, as far as a responder for one small zone reads and writes them (RFC 1035, 3596,
//! 6891): a query with one question, and an answer with at most one record.
//!
//! A query is read where it stands, and nothing is allocated for it: what a message says about the
//! number of its records is counted down, never believed. An answer repeats the question byte for
//! byte, as resolvers compare it (also the case of its letters), and names the zone by a pointer to it.
//!
//! | limit | value |
//! |---|---|
//! | a label | [`LABEL_LEN_MAX`] bytes |
//! | a name | [`NAME_LEN_MAX`] bytes as it is sent |
//! | records behind the question that are looked at | [`ADDITIONAL_MAX`] |
//! | an answer | [`ANSWER_LEN_MAX`] bytes, so that it needs neither EDNS nor TCP |

use std::net::Ipv6Addr;

use crate::codec::{Malformed, Reader, Writer};

/// Longest label in bytes.
pub const LABEL_LEN_MAX: usize = 63;
/// Longest name in bytes, lengths of labels and the root included.
pub const NAME_LEN_MAX: usize = 255;
/// Most additional records of a query that are looked at for EDNS; more are malformed.
pub const ADDITIONAL_MAX: u16 = 8;
/// No answer is longer, in bytes.
pub const ANSWER_LEN_MAX: usize = 512;

const HEADER_LEN: usize = 12;
/// The longest message that this end says to take, as others do (DNS flag day 2020).
const EDNS_LEN: u16 = 1_232;

const FLAG_RESPONSE: u16 = 0x8000;
const FLAG_AUTHORITATIVE: u16 = 0x0400;
const FLAG_RECURSION_DESIRED: u16 = 0x0100;
const FLAG_CHECKING_DISABLED: u16 = 0x0010;
const OPCODE_MASK: u16 = 0x7800;

/// Types of records (IANA) that this crate knows by name.
pub mod kind {
    /// An IPv4 address.
    pub const A: u16 = 1;
    /// A name server of a zone.
    pub const NS: u16 = 2;
    /// The start of a zone.
    pub const SOA: u16 = 6;
    /// A name for an address.
    pub const PTR: u16 = 12;
    /// An IPv6 address.
    pub const AAAA: u16 = 28;
    /// EDNS.
    pub const OPT: u16 = 41;
    /// Whatever there is.
    pub const ANY: u16 = 255;
}

/// Classes (IANA).
pub mod class {
    /// The Internet.
    pub const IN: u16 = 1;
    /// Any.
    pub const ANY: u16 = 255;
}

/// What an answer says about the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// It was understood; there may be a record.
    NoError,
    /// It cannot be read.
    FormErr,
    /// It cannot be answered now.
    ServFail,
    /// There is no such name.
    NxDomain,
    /// Not a query.
    NotImp,
    /// Not for this responder to answer.
    Refused,
    /// A version of EDNS that is not known.
    BadVers,
}

impl Code {
    const fn number(self) -> u16 {
        match self {
            Self::NoError => 0,
            Self::FormErr => 1,
            Self::ServFail => 2,
            Self::NxDomain => 3,
            Self::NotImp => 4,
            Self::Refused => 5,
            Self::BadVers => 16,
        }
    }
}

/// A name as it is in a question: labels with their lengths, without compression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name<'a> {
    bytes: &'a [u8],
}

impl<'a> Name<'a> {
    fn read(reader: &mut Reader<'a>, message: &'a [u8]) -> Result<Self, Malformed> {
        let malformed = reader.malformed();
        let start = message.len() - reader.remaining();
        loop {
            match usize::from(reader.u8()?) {
                0 => break,
                // In the only name of a message there is nothing to point to.
                len if len > LABEL_LEN_MAX => return Err(malformed),
                len => reader.take(len)?,
            };
        }
        let end = message.len() - reader.remaining();
        let bytes = message.get(start..end).ok_or(malformed)?;
        if bytes.len() > NAME_LEN_MAX {
            return Err(malformed);
        }
        Ok(Self { bytes })
    }

    /// The labels, from the left, without the root.
    pub fn labels(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut rest = self.bytes;
        std::iter::from_fn(move || {
            let (len, behind) = rest.split_first()?;
            let (label, behind) = behind.split_at_checked((*len).into())?;
            rest = behind;
            (!label.is_empty()).then_some(label)
        })
    }

    /// Where the last `count` labels begin, in bytes from the name's first.
    fn suffix_at(&self, count: usize) -> usize {
        let labels = self.labels().count();
        let before = self.labels().take(labels.saturating_sub(count));
        before.map(|label| label.len() + 1).sum()
    }
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question<'a> {
    /// About which name.
    pub name: Name<'a>,
    /// Which type of record.
    pub kind: u16,
    /// Which class.
    pub class: u16,
}

/// A message that may be answered: it is no answer itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query<'a> {
    id: u16,
    flags: u16,
    /// The one question; or why there is none to be answered.
    pub question: Result<Question<'a>, Code>,
    edns: bool,
}

/// The record of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record<'a> {
    /// An IPv6 address.
    Aaaa(Ipv6Addr),
    /// A name, by its labels.
    Ptr(&'a [&'a [u8]]),
    /// The start of the zone.
    Soa,
}

/// An answer, apart from the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer<'a> {
    /// What becomes of the question.
    pub code: Code,
    /// The zone that the answer is of: so many labels at the end of the question's name; `None`: of
    /// no zone of this responder. With a zone and without a record the zone says how long this holds.
    pub zone_labels: Option<usize>,
    /// The record.
    pub record: Option<Record<'a>>,
    /// How long the answer may be kept, in seconds.
    pub ttl_s: u32,
}

impl Answer<'_> {
    /// An answer of no zone.
    pub const fn of(code: Code) -> Self {
        Self {
            code,
            zone_labels: None,
            record: None,
            ttl_s: 0,
        }
    }
}

impl<'a> Query<'a> {
    /// Reads a message. Errors: it is none, or it is an answer, which is never answered.
    pub fn parse(message: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(message, "DNS message");
        let malformed = reader.malformed();
        let (id, flags) = (reader.u16()?, reader.u16()?);
        let counts = [reader.u16()?, reader.u16()?, reader.u16()?, reader.u16()?];
        if flags & FLAG_RESPONSE != 0 {
            return Err(malformed);
        }
        let mut query = Self {
            id,
            flags,
            question: Err(Code::FormErr),
            edns: false,
        };
        if flags & OPCODE_MASK != 0 {
            query.question = Err(Code::NotImp);
            return Ok(query);
        }
        let [1, 0, 0, additional] = counts else {
            return Ok(query);
        };
        let read = Self::read_question(&mut reader, message);
        let edns = read.and_then(|_| read_edns(&mut reader, additional));
        if let (Ok(question), Ok(edns)) = (read, edns) {
            query.edns = edns.is_some();
            let known = edns.unwrap_or_default() == 0;
            query.question = if known {
                Ok(question)
            } else {
                Err(Code::BadVers)
            };
        }
        Ok(query)
    }

    fn read_question(
        reader: &mut Reader<'a>,
        message: &'a [u8],
    ) -> Result<Question<'a>, Malformed> {
        Ok(Question {
            name: Name::read(reader, message)?,
            kind: reader.u16()?,
            class: reader.u16()?,
        })
    }

    /// The message that answers it.
    pub fn answer(&self, answer: &Answer<'_>) -> Vec<u8> {
        let zone = answer.zone_labels.zip(self.question.ok());
        let zone_at = zone.map(|(labels, question)| HEADER_LEN + question.name.suffix_at(labels));
        let has_soa = zone_at.is_some() && answer.record.is_none();
        let mut flags = FLAG_RESPONSE | (answer.code.number() & 0x0F);
        flags |= self.flags & (OPCODE_MASK | FLAG_RECURSION_DESIRED | FLAG_CHECKING_DISABLED);
        if zone_at.is_some() {
            flags |= FLAG_AUTHORITATIVE;
        }
        let has_edns = self.edns || answer.code == Code::BadVers;
        let mut out = Writer::with_capacity(ANSWER_LEN_MAX);
        out.u16(self.id).u16(flags);
        for there in [
            self.question.is_ok(),
            answer.record.is_some(),
            has_soa,
            has_edns,
        ] {
            out.u16(there.into());
        }
        if let Ok(question) = self.question {
            out.bytes(question.name.bytes);
            out.u16(question.kind).u16(question.class);
        }
        let owner = HEADER_LEN;
        match answer.record {
            Some(Record::Aaaa(address)) => {
                record(&mut out, owner, kind::AAAA, answer.ttl_s, 16);
                out.bytes(&address.octets());
            }
            Some(Record::Ptr(labels)) => {
                let len: usize = labels.iter().map(|label| label.len() + 1).sum();
                record(&mut out, owner, kind::PTR, answer.ttl_s, len + 1);
                labels.iter().for_each(|label| write_label(&mut out, label));
                out.u8(0);
            }
            Some(Record::Soa) => soa(&mut out, zone_at.unwrap_or(owner), answer.ttl_s),
            None => {}
        }
        if let Some(at) = zone_at.filter(|_| has_soa) {
            soa(&mut out, at, answer.ttl_s);
        }
        if has_edns {
            let extended = u32::from(answer.code.number() >> 4) << 24;
            out.u8(0).u16(kind::OPT).u16(EDNS_LEN);
            out.u32(extended).u16(0);
        }
        out.finish()
    }
}

/// The version of EDNS that the records behind the question name, if one of them is its.
fn read_edns(reader: &mut Reader<'_>, count: u16) -> Result<Option<u8>, Malformed> {
    let malformed = reader.malformed();
    if count > ADDITIONAL_MAX {
        return Err(malformed);
    }
    let mut found = None;
    for _ in 0..count {
        let is_root = skip_name(reader)?;
        let kind = reader.u16()?;
        reader.u16()?;
        let ttl = reader.u32()?;
        let len = reader.u16()?;
        reader.take(len.into())?;
        if kind == kind::OPT {
            // There is one, and it belongs to no name.
            if !is_root || found.is_some() {
                return Err(malformed);
            }
            let [_, version, ..] = ttl.to_be_bytes();
            found = Some(version);
        }
    }
    Ok(found)
}

/// Goes past a name, which may end in a pointer; whether it is the root.
fn skip_name(reader: &mut Reader<'_>) -> Result<bool, Malformed> {
    let mut is_root = true;
    loop {
        match reader.u8()? {
            0 => return Ok(is_root),
            len if usize::from(len) <= LABEL_LEN_MAX => {
                reader.take(len.into())?;
            }
            0xC0.. => {
                reader.u8()?;
                return Ok(false);
            }
            _ => return Err(reader.malformed()),
        }
        is_root = false;
    }
}

/// What is before the data of a record whose name is at `at` in the message.
fn record(out: &mut Writer, at: usize, kind: u16, ttl_s: u32, len: usize) {
    let at = u16::try_from(at).unwrap_or_default();
    let len = u16::try_from(len).unwrap_or_default();
    out.u16(0xC000 | at).u16(kind).u16(class::IN);
    out.u32(ttl_s).u16(len);
}

/// The start of the zone whose name is at `at`. Nobody may write to whoever keeps it.
fn soa(out: &mut Writer, at: usize, ttl_s: u32) {
    const NOBODY: [&[u8]; 2] = [b"nobody", b"invalid"];
    const SERIAL: u32 = 1;
    const TIMES_S: [u32; 3] = [3_600, 600, 86_400];
    record(out, at, kind::SOA, ttl_s, 2 + 16 + 5 * 4);
    out.u16(0xC000 | u16::try_from(at).unwrap_or_default());
    NOBODY.iter().for_each(|label| write_label(out, label));
    out.u8(0).u32(SERIAL);
    TIMES_S.iter().for_each(|time| {
        out.u32(*time);
    });
    out.u32(ttl_s);
}

fn write_label(out: &mut Writer, label: &[u8]) {
    let label = label.get(..LABEL_LEN_MAX).unwrap_or(label);
    out.u8(u8::try_from(label.len()).unwrap_or_default());
    out.bytes(label);
}

#[cfg(test)]
#[path = "dns_tests.rs"]
mod tests;
