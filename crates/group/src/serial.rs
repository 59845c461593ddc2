//! How keys and addresses are written in stored values: as text, so that a journal can be
//! read by a person and a map may be keyed by them. Use with `#[serde(with = "…")]`.

/// A node address as IPv6 text.
pub mod addr {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use wire::NodeAddr;

    /// Writes the address as text.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(addr: &NodeAddr, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(addr)
    }

    /// Reads the address from text.
    ///
    /// # Errors
    /// When the text is not an IPv6 address.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<NodeAddr, D::Error> {
        let text = String::deserialize(from)?;
        text.parse()
            .map_err(|_| D::Error::custom("not a node address"))
    }
}

/// Prefixes as texts.
pub mod prefixes {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use wire::Prefix;

    /// Writes each prefix as text.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(prefixes: &[Prefix], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(prefixes.iter().map(ToString::to_string))
    }

    /// Reads each prefix from text.
    ///
    /// # Errors
    /// When a text is not a prefix.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Prefix>, D::Error> {
        let texts = Vec::<String>::deserialize(from)?;
        let read = texts
            .iter()
            .map(|text| text.parse().map_err(D::Error::custom));
        read.collect()
    }
}

/// Bytes as lower-case hexadecimal; `[u8; N]` and `Vec<u8>`.
pub mod hex {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Writes the bytes as hexadecimal.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(bytes: impl AsRef<[u8]>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&text(bytes.as_ref()))
    }

    /// Reads bytes from hexadecimal.
    ///
    /// # Errors
    /// When the text is not hexadecimal or has the wrong length.
    pub fn deserialize<'de, D, T>(from: D) -> Result<T, D::Error>
    where
        D: Deserializer<'de>,
        T: TryFrom<Vec<u8>>,
    {
        let text = String::deserialize(from)?;
        let bytes = parse(&text).ok_or_else(|| D::Error::custom("not hexadecimal"))?;
        T::try_from(bytes).map_err(|_| D::Error::custom("wrong number of bytes"))
    }

    /// The bytes as lower-case hexadecimal.
    #[must_use]
    pub fn text(bytes: &[u8]) -> String {
        use std::fmt::Write as _;
        let mut out = String::with_capacity(bytes.len() * 2);
        for byte in bytes {
            // Writing to a String cannot fail.
            let _ = write!(out, "{byte:02x}");
        }
        out
    }

    /// The bytes that hexadecimal text stands for, or `None`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Vec<u8>> {
        if !text.len().is_multiple_of(2) || !text.bytes().all(|c| c.is_ascii_hexdigit()) {
            return None;
        }
        (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok())
            .collect()
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn bytes_come_back_and_odd_or_foreign_text_does_not() {
            assert_eq!(text(&[0, 0xab, 0xff]), "00abff");
            assert_eq!(parse("00abff"), Some(vec![0, 0xab, 0xff]));
            for bad in ["0", "0g", "é", "+1"] {
                assert_eq!(parse(bad), None, "{bad}");
            }
        }
    }
}
