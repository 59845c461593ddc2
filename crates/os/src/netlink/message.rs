//! Netlink messages as bytes (RFC 3549): building a request, walking an answer.
//!
//! Host byte order, everything aligned to 4 bytes. Only what `rtnetlink(7)` needs here;
//! reading never goes past a length, whatever the kernel sends.

use std::net::IpAddr;

/// `struct nlmsghdr`.
pub(super) const HEADER_LEN: usize = 16;

/// A request under construction.
pub(super) struct Message {
    bytes: Vec<u8>,
}

impl Message {
    /// A request of `kind` (`RTM_*`) whose sequence number is `sequence`.
    pub(super) fn new(kind: u16, flags: i32, sequence: u32) -> Self {
        let mut bytes = Vec::with_capacity(256);
        bytes.extend_from_slice(&0u32.to_ne_bytes());
        bytes.extend_from_slice(&kind.to_ne_bytes());
        let flags = u16::try_from(flags | libc::NLM_F_REQUEST).unwrap_or(0);
        bytes.extend_from_slice(&flags.to_ne_bytes());
        bytes.extend_from_slice(&sequence.to_ne_bytes());
        bytes.extend_from_slice(&0u32.to_ne_bytes());
        Self { bytes }
    }

    /// Appends raw bytes (the family's own header), padded to 4.
    pub(super) fn raw(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend_from_slice(bytes);
        self.pad();
        self
    }

    /// `struct ifinfomsg`.
    pub(super) fn link(self, index: u32, flags: u32, change: u32) -> Self {
        let mut header = [0u8; 16];
        put(&mut header, 4, &index.to_ne_bytes());
        put(&mut header, 8, &flags.to_ne_bytes());
        put(&mut header, 12, &change.to_ne_bytes());
        self.raw(&header)
    }

    /// Appends an attribute.
    pub(super) fn attribute(mut self, kind: u16, value: &[u8]) -> Self {
        let len = u16::try_from(value.len() + 4).unwrap_or(u16::MAX);
        self.bytes.extend_from_slice(&len.to_ne_bytes());
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        self.bytes.extend_from_slice(value);
        self.pad();
        self
    }

    /// Appends an attribute that holds a number.
    pub(super) fn number(self, kind: u16, value: u32) -> Self {
        self.attribute(kind, &value.to_ne_bytes())
    }

    /// Appends an attribute that holds a number in network byte order, as netfilter wants it.
    pub(super) fn number_be(self, kind: u16, value: u32) -> Self {
        self.attribute(kind, &value.to_be_bytes())
    }

    /// Appends an attribute that holds a text with its terminator.
    pub(super) fn text(self, kind: u16, value: &str) -> Self {
        let mut bytes = value.as_bytes().to_vec();
        bytes.push(0);
        self.attribute(kind, &bytes)
    }

    /// Appends an attribute that holds an address.
    pub(super) fn address(self, kind: u16, value: IpAddr) -> Self {
        match value {
            IpAddr::V4(v4) => self.attribute(kind, &v4.octets()),
            IpAddr::V6(v6) => self.attribute(kind, &v6.octets()),
        }
    }

    /// Appends an attribute that holds what `inside` appends.
    pub(super) fn nest(mut self, kind: u16, inside: impl FnOnce(Self) -> Self) -> Self {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 4]);
        let mut this = inside(self);
        let len = u16::try_from(this.bytes.len() - start).unwrap_or(u16::MAX);
        put(&mut this.bytes, start, &len.to_ne_bytes());
        put(&mut this.bytes, start + 2, &kind.to_ne_bytes());
        this
    }

    /// The finished request.
    pub(super) fn finish(mut self) -> Vec<u8> {
        let len = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        put(&mut self.bytes, 0, &len.to_ne_bytes());
        self.bytes
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + value.len()) {
        place.copy_from_slice(value);
    }
}

/// One message of an answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answer<'a> {
    /// `RTM_*` or `NLMSG_*`.
    pub(super) kind: u16,
    /// That of the request.
    pub(super) sequence: u32,
    /// What follows the header.
    pub(super) body: &'a [u8],
}

/// The messages in what one read returned.
pub(super) fn answers(mut bytes: &[u8]) -> impl Iterator<Item = Answer<'_>> {
    std::iter::from_fn(move || {
        let len = read_u32(bytes, 0)? as usize;
        let body = bytes.get(HEADER_LEN..len)?;
        let answer = Answer {
            kind: read_u16(bytes, 4)?,
            sequence: read_u32(bytes, 8)?,
            body,
        };
        bytes = bytes.get(len.next_multiple_of(4)..).unwrap_or(&[]);
        Some(answer)
    })
}

/// The attributes after a family header of `header_len` bytes, as (kind, value).
pub(super) fn attributes(body: &[u8], header_len: usize) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = body.get(header_len..).unwrap_or(&[]);
    std::iter::from_fn(move || {
        let len = usize::from(read_u16(rest, 0)?);
        let value = rest.get(4..len)?;
        let kind = read_u16(rest, 2)? & 0x3fff; // without NESTED and NET_BYTEORDER
        rest = rest.get(len.next_multiple_of(4)..).unwrap_or(&[]);
        Some((kind, value))
    })
}

/// The address that an attribute holds.
pub(super) fn read_address(value: &[u8]) -> Option<IpAddr> {
    if let Ok(v4) = <[u8; 4]>::try_from(value) {
        return Some(IpAddr::from(v4));
    }
    <[u8; 16]>::try_from(value).ok().map(IpAddr::from)
}

/// The text that an attribute holds, without its terminator.
pub(super) fn read_text(value: &[u8]) -> Option<String> {
    let text = value.split(|byte| *byte == 0).next()?;
    String::from_utf8(text.to_vec()).ok()
}

/// A number at `at`.
pub(super) fn read_u32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes
        .get(at..)?
        .first_chunk::<4>()
        .map(|chunk| u32::from_ne_bytes(*chunk))
}

/// A number at `at`.
pub(super) fn read_u16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes
        .get(at..)?
        .first_chunk::<2>()
        .map(|chunk| u16::from_ne_bytes(*chunk))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_reads_back() {
        let bytes = Message::new(libc::RTM_NEWLINK, libc::NLM_F_ACK, 7)
            .link(3, 1, 1)
            .text(libc::IFLA_IFNAME, "kumi0")
            .nest(libc::IFLA_LINKINFO, |inside| inside.text(1, "veth"))
            .number(libc::IFLA_MTU, 1400)
            .finish();
        let answer = answers(&bytes).next().unwrap();
        assert_eq!((answer.kind, answer.sequence), (libc::RTM_NEWLINK, 7));
        let found: Vec<_> = attributes(answer.body, 16).collect();
        assert_eq!(read_text(found[0].1).unwrap(), "kumi0");
        assert_eq!(found[1].0, libc::IFLA_LINKINFO);
        assert_eq!(
            attributes(found[1].1, 0).next().unwrap(),
            (1, &b"veth\0"[..])
        );
        assert_eq!(read_u32(found[2].1, 0), Some(1400));
    }

    #[test]
    fn cut_off_answers_end_the_walk() {
        let bytes = Message::new(1, 0, 1).link(3, 1, 1).number(4, 5).finish();
        for len in 0..bytes.len() {
            assert_eq!(answers(&bytes[..len]).count(), 0);
            attributes(&bytes[..len], 0).for_each(drop);
        }
        assert_eq!(answers(&[0; 64]).count(), 0);
    }
}
