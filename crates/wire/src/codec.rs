//! Reading and writing fields: [`Reader`], [`Writer`], and TLV lists.
//!
//! All integers are big-endian. A [`Reader`] never reads past its end and never panics; it
//! names the format that it reads in its error. A TLV is type (2) ‖ length (2) ‖ value; type
//! 0 ends a list, and what follows it is padding. A type given twice is an error.

use std::collections::BTreeSet;

/// Bytes that are not the format they claim to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed {what}")]
pub struct Malformed {
    /// The format or field that was not as the specification says.
    pub what: &'static str,
}

/// A value that does not fit its format (too long, too many, out of range).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} does not fit its format")]
pub struct Unencodable {
    /// The field that is too long or out of range.
    pub what: &'static str,
}

/// Reads fields from the front of a byte slice.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    what: &'static str,
}

impl<'a> Reader<'a> {
    /// Reads `bytes`; errors will name `what`.
    pub fn new(bytes: &'a [u8], what: &'static str) -> Reader<'a> {
        Reader { bytes, what }
    }

    /// The error that this reader gives, for a check of the caller's own.
    pub fn malformed(&self) -> Malformed {
        Malformed { what: self.what }
    }

    /// The number of bytes not read yet.
    pub fn remaining(&self) -> usize {
        self.bytes.len()
    }

    /// The next `N` bytes. Errors: fewer are left.
    pub fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], Malformed> {
        let (head, rest) = self
            .bytes
            .split_first_chunk::<N>()
            .ok_or(self.malformed())?;
        self.bytes = rest;
        Ok(head)
    }

    /// The next `len` bytes. Errors: fewer are left.
    pub fn take(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let (head, rest) = self.bytes.split_at_checked(len).ok_or(self.malformed())?;
        self.bytes = rest;
        Ok(head)
    }

    /// One byte. Errors: none is left.
    pub fn u8(&mut self) -> Result<u8, Malformed> {
        self.array().map(|[byte]| *byte)
    }

    /// Two bytes. Errors: fewer are left.
    pub fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(|bytes| u16::from_be_bytes(*bytes))
    }

    /// Four bytes. Errors: fewer are left.
    pub fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(|bytes| u32::from_be_bytes(*bytes))
    }

    /// Eight bytes. Errors: fewer are left.
    pub fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(|bytes| u64::from_be_bytes(*bytes))
    }

    /// All that is left; afterwards nothing is.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.bytes)
    }

    /// Checks that everything was read. Errors: something is left.
    pub fn finish(self) -> Result<(), Malformed> {
        if self.bytes.is_empty() {
            Ok(())
        } else {
            Err(self.malformed())
        }
    }
}

/// Appends fields to a byte vector.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// An empty writer with room for `capacity` bytes.
    pub fn with_capacity(capacity: usize) -> Writer {
        Writer {
            bytes: Vec::with_capacity(capacity),
        }
    }

    /// Appends bytes as they are.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Writer {
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// Appends one byte.
    pub fn u8(&mut self, value: u8) -> &mut Writer {
        self.bytes(&[value])
    }

    /// Appends two bytes.
    pub fn u16(&mut self, value: u16) -> &mut Writer {
        self.bytes(&value.to_be_bytes())
    }

    /// Appends four bytes.
    pub fn u32(&mut self, value: u32) -> &mut Writer {
        self.bytes(&value.to_be_bytes())
    }

    /// Appends eight bytes.
    pub fn u64(&mut self, value: u64) -> &mut Writer {
        self.bytes(&value.to_be_bytes())
    }

    /// Appends one TLV. Errors: the value is longer than 65,535 bytes.
    pub fn tlv(&mut self, kind: u16, value: &[u8]) -> Result<&mut Writer, Unencodable> {
        let len = u16::try_from(value.len()).map_err(|_| Unencodable { what: "TLV" })?;
        Ok(self.u16(kind).u16(len).bytes(value))
    }

    /// Appends zero bytes up to `len`. Errors: more than `len` bytes were written.
    pub fn pad_to(&mut self, len: usize, what: &'static str) -> Result<&mut Writer, Unencodable> {
        if self.bytes.len() > len {
            return Err(Unencodable { what });
        }
        self.bytes.resize(len, 0);
        Ok(self)
    }

    /// What was written so far.
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes
    }

    /// What was written.
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

/// Iterates over the TLVs of a list: `(type, value)` each, until type 0 or the end.
///
/// After an error the iteration is over. Memory is bounded by the length of the list (one
/// remembered type per four bytes).
#[derive(Clone, Debug)]
pub struct Tlvs<'a> {
    reader: Reader<'a>,
    seen: BTreeSet<u16>,
}

impl<'a> Tlvs<'a> {
    /// Iterates over `bytes`; errors will name `what`.
    pub fn new(bytes: &'a [u8], what: &'static str) -> Tlvs<'a> {
        Tlvs {
            reader: Reader::new(bytes, what),
            seen: BTreeSet::new(),
        }
    }

    /// The number of bytes not read yet.
    pub fn remaining(&self) -> usize {
        self.reader.remaining()
    }

    fn read(&mut self) -> Result<Option<(u16, &'a [u8])>, Malformed> {
        if self.reader.remaining() == 0 {
            return Ok(None);
        }
        let kind = self.reader.u16()?;
        if kind == 0 {
            self.reader.rest();
            return Ok(None);
        }
        let len = self.reader.u16()?;
        let value = self.reader.take(usize::from(len))?;
        if !self.seen.insert(kind) {
            return Err(self.reader.malformed());
        }
        Ok(Some((kind, value)))
    }
}

impl<'a> Iterator for Tlvs<'a> {
    type Item = Result<(u16, &'a [u8]), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.read().transpose();
        if matches!(item, Some(Err(_))) {
            self.reader.rest();
        }
        item
    }
}

/// A value of exactly `N` bytes.
pub(crate) fn exactly<'a, const N: usize>(
    value: &'a [u8],
    what: &'static str,
) -> Result<&'a [u8; N], Malformed> {
    value.try_into().map_err(|_| Malformed { what })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_stops_at_the_end() {
        let mut reader = Reader::new(&[1, 2, 3, 4, 5, 6, 7], "thing");
        assert_eq!(reader.u8(), Ok(1));
        assert_eq!(reader.u16(), Ok(0x0203));
        assert_eq!(reader.u32(), Ok(0x0405_0607));
        assert_eq!(reader.u8(), Err(Malformed { what: "thing" }));
        assert_eq!(reader.finish(), Ok(()));
        assert_eq!(Malformed { what: "thing" }.to_string(), "malformed thing");
    }

    #[test]
    fn a_failed_read_takes_nothing() {
        let mut reader = Reader::new(&[1, 2, 3], "thing");
        assert!(reader.u64().is_err());
        assert!(reader.take(4).is_err());
        assert_eq!(reader.rest(), &[1, 2, 3]);
        assert_eq!(reader.remaining(), 0);
    }

    #[test]
    fn a_tlv_list_ends_at_type_zero() {
        let bytes = [0, 5, 0, 2, 0xAA, 0xBB, 0, 9, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF];
        let list: Result<Vec<_>, _> = Tlvs::new(&bytes, "list").collect();
        assert_eq!(list, Ok(vec![(5, &[0xAA, 0xBB][..]), (9, &[][..])]));
    }

    #[test]
    fn a_tlv_given_twice_is_an_error() {
        let bytes = [0, 5, 0, 0, 0, 6, 0, 0, 0, 5, 0, 0, 0, 7, 0, 0];
        let list: Vec<_> = Tlvs::new(&bytes, "list").collect();
        assert_eq!(
            list,
            vec![
                Ok((5, &[][..])),
                Ok((6, &[][..])),
                Err(Malformed { what: "list" })
            ]
        );
    }

    #[test]
    fn a_cut_tlv_is_an_error_and_ends_the_iteration() {
        let bytes = [0, 5, 0, 3, 1, 2, 3];
        for len in 1..bytes.len() {
            let mut list = Tlvs::new(&bytes[..len], "list");
            assert_eq!(list.next(), Some(Err(Malformed { what: "list" })), "{len}");
            assert_eq!(list.next(), None, "{len}");
        }
    }

    #[test]
    fn a_writer_writes_big_endian_and_pads() {
        let mut writer = Writer::default();
        writer
            .u8(1)
            .u16(0x0203)
            .u32(0x0405_0607)
            .u64(0x0809_0A0B_0C0D_0E0F);
        writer.tlv(7, &[9]).unwrap();
        writer.pad_to(22, "thing").unwrap();
        assert_eq!(
            writer.as_slice(),
            [
                1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0, 7, 0, 1, 9, 0, 0
            ]
        );
        assert_eq!(
            writer.pad_to(21, "thing"),
            Err(Unencodable { what: "thing" })
        );
        let long = vec![0; 65_536];
        assert_eq!(writer.tlv(1, &long), Err(Unencodable { what: "TLV" }));
        assert!(writer.tlv(1, &long[1..]).is_ok());
    }
}
