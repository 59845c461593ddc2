//! Questions to the responder, and what it says: DNS messages without compression but for pointers to the
//! question (RFC 1035). No allocation, no panic.

/// The zone of members' names.
pub const ZONE: &[u8] = b"kumi";
/// Where the node answers: [fc00::53]:53.
pub const ADDRESS: [u8; 16] = [0xfc, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x53];
/// The port there.
pub const PORT: u16 = 53;
/// The longest message, in bytes: no answer of the responder is longer.
pub const MESSAGE_LEN_MAX: usize = 512;
/// The longest name as text, in bytes.
pub const TEXT_LEN_MAX: usize = 253;

const HEADER_LEN: usize = 12;
const LABEL_LEN_MAX: usize = 63;
/// A name points at most so often.
const POINTERS_MAX: usize = 4;
const PTR: u16 = 12;
const AAAA: u16 = 28;
const IN: u16 = 1;

/// A message, built in place.
#[derive(Clone, Copy, Debug)]
pub struct Message {
    bytes: [u8; MESSAGE_LEN_MAX],
    len: usize,
}

/// A name as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text {
    bytes: [u8; TEXT_LEN_MAX],
    len: usize,
}

/// What the responder says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(
    clippy::large_enum_variant,
    reason = "nothing is allocated here, so nothing is boxed"
)]
pub enum Answer {
    /// The address, and for how many seconds.
    Address([u8; 16], u32),
    /// The name, and for how many seconds.
    Name(Text, u32),
    /// There is a name, and nothing of that kind.
    NoData,
    /// There is no such name.
    NoName,
    /// Ask again later.
    Later,
}

/// Whether a name is one of the responder's: below the zone, in any case of letters, with or without a dot
/// at the end.
pub fn is_ours(name: &[u8]) -> bool {
    let name = name.strip_suffix(b".").unwrap_or(name);
    if name.len() > TEXT_LEN_MAX {
        return false;
    }
    let Some((before, last)) = split_last_label(name) else {
        return false;
    };
    last.eq_ignore_ascii_case(ZONE) && !before.is_empty()
}

fn split_last_label(name: &[u8]) -> Option<(&[u8], &[u8])> {
    let dot = name.iter().rposition(|byte| *byte == b'.')?;
    Some((name.get(..dot)?, name.get(dot + 1..)?))
}

/// Whether an address is of the overlay: fc00::/8 or 200::/7.
pub fn is_overlay(address: &[u8; 16]) -> bool {
    let [first, ..] = address;
    *first == 0xfc || *first & 0xfe == 0x02
}

impl Text {
    const EMPTY: Self = Self {
        bytes: [0; TEXT_LEN_MAX],
        len: 0,
    };

    /// The name.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    fn push(&mut self, bytes: &[u8]) -> Option<()> {
        let room = self.bytes.get_mut(self.len..self.len + bytes.len())?;
        room.iter_mut()
            .zip(bytes)
            .for_each(|(to, from)| *to = *from);
        self.len += bytes.len();
        Some(())
    }
}

impl Message {
    /// The question for a member's address. `None`: it is no name.
    pub fn for_name(id: u16, name: &[u8]) -> Option<Self> {
        let mut message = Self::question(id)?;
        let name = name.strip_suffix(b".").unwrap_or(name);
        for label in name.split(|byte| *byte == b'.') {
            message.label(label)?;
        }
        message.end(AAAA)
    }

    /// The question for the name of a member's address.
    pub fn for_address(id: u16, address: &[u8; 16]) -> Option<Self> {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut message = Self::question(id)?;
        for byte in address.iter().rev() {
            for digit in [byte & 0x0f, byte >> 4] {
                message.label(&[*DIGITS.get(usize::from(digit))?])?;
            }
        }
        message.label(b"ip6")?;
        message.label(b"arpa")?;
        message.end(PTR)
    }

    fn question(id: u16) -> Option<Self> {
        const RECURSION_DESIRED: u16 = 0x0100;
        let mut message = Self {
            bytes: [0; MESSAGE_LEN_MAX],
            len: 0,
        };
        for field in [id, RECURSION_DESIRED, 1, 0, 0, 0] {
            message.push(&field.to_be_bytes())?;
        }
        Some(message)
    }

    fn label(&mut self, label: &[u8]) -> Option<()> {
        let fits = !label.is_empty() && label.len() <= LABEL_LEN_MAX;
        let len = u8::try_from(label.len()).ok().filter(|_| fits)?;
        self.push(&[len])?;
        self.push(label)
    }

    fn end(mut self, kind: u16) -> Option<Self> {
        self.push(&[0])?;
        self.push(&kind.to_be_bytes())?;
        self.push(&IN.to_be_bytes())?;
        Some(self)
    }

    fn push(&mut self, bytes: &[u8]) -> Option<()> {
        let room = self.bytes.get_mut(self.len..self.len + bytes.len())?;
        room.iter_mut()
            .zip(bytes)
            .for_each(|(to, from)| *to = *from);
        self.len += bytes.len();
        Some(())
    }

    /// The message.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// What `message` answers to `question`; `None`: it is no answer to it.
pub fn decode_answer(question: &Message, message: &[u8]) -> Option<Answer> {
    const RESPONSE: u16 = 0x8000;
    const OPCODE_AND_TRUNCATED: u16 = 0x7a00;
    let asked = question.as_bytes();
    let flags = u16_at(message, 2)?;
    let is_answer = u16_at(message, 0)? == u16_at(asked, 0)? && flags & RESPONSE != 0;
    if !is_answer || flags & OPCODE_AND_TRUNCATED != 0 {
        return None;
    }
    match (flags & 0x0f, u16_at(message, 4)?) {
        (0 | 3, 1) => {}
        (0 | 3, _) => return None,
        _ => return Some(Answer::Later),
    }
    let (start, end) = (HEADER_LEN, asked.len());
    let same = message.get(start..end)?;
    if !same.eq_ignore_ascii_case(asked.get(start..end)?) {
        return None;
    }
    if flags & 0x0f == 3 {
        return Some(Answer::NoName);
    }
    if u16_at(message, 6)? == 0 {
        return Some(Answer::NoData);
    }
    // One record, of the name that was asked for.
    let at = skip_name(message, end)?;
    let (kind, class) = (u16_at(message, at)?, u16_at(message, at + 2)?);
    let ttl = u32::from(u16_at(message, at + 4)?) << 16 | u32::from(u16_at(message, at + 6)?);
    let len = usize::from(u16_at(message, at + 8)?);
    let data = message.get(at + 10..at + 10 + len)?;
    let wanted = u16_at(asked, asked.len().checked_sub(4)?)?;
    match (kind, class) {
        (AAAA, IN) if wanted == AAAA => Some(Answer::Address(data.try_into().ok()?, ttl)),
        (PTR, IN) if wanted == PTR => Some(Answer::Name(name_at(message, at + 10)?, ttl)),
        _ => None,
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    match bytes.get(at..at.checked_add(2)?)? {
        [high, low] => Some(u16::from_be_bytes([*high, *low])),
        _ => None,
    }
}

/// Where a name ends.
fn skip_name(message: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let len = *message.get(at)?;
        match len {
            0 => return at.checked_add(1),
            0xc0.. => return at.checked_add(2),
            _ if usize::from(len) <= LABEL_LEN_MAX => at = at.checked_add(1 + usize::from(len))?,
            _ => return None,
        }
    }
}

/// What may be in a name that programs are told: scripts write such names into shells and logs.
fn is_harmless(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | 0x80..)
}

/// The name at a place, as text.
fn name_at(message: &[u8], mut at: usize) -> Option<Text> {
    let mut text = Text::EMPTY;
    let mut pointers = 0;
    loop {
        let len = *message.get(at)?;
        match len {
            0 => return (text.len > 0).then_some(text),
            0xc0.. => {
                pointers += 1;
                let to = usize::from(u16_at(message, at)? & 0x3fff);
                if pointers > POINTERS_MAX || to >= at {
                    return None;
                }
                at = to;
            }
            _ if usize::from(len) <= LABEL_LEN_MAX => {
                let label = message.get(at + 1..at + 1 + usize::from(len))?;
                if !label.iter().all(|byte| is_harmless(*byte)) {
                    return None;
                }
                if text.len > 0 {
                    text.push(b".")?;
                }
                text.push(label)?;
                at += 1 + usize::from(len);
            }
            _ => return None,
        }
    }
}

#[cfg(test)]
#[path = "dns_tests.rs"]
mod tests;
