//! Bytes as text that people copy: a prefix that says what it is ‖ base64url of the bytes and a check.
//!
//! The check is the first [`CHECK_LEN`] bytes of SHA-256(bytes), and finds typing mistakes. White space around the
//! text and line breaks in it do not count: mail programs add them.

use crate::base64url;

/// Length of the check.
pub const CHECK_LEN: usize = 4;

/// The text for these bytes. `sha256` hashes.
pub fn to_text(prefix: &str, bytes: &[u8], sha256: impl FnOnce(&[u8]) -> [u8; 32]) -> String {
    let check = sha256(bytes);
    let (check, _) = check.split_at(CHECK_LEN);
    format!("{prefix}{}", base64url::encode(&[bytes, check].concat()))
}

/// The bytes of a text of at most `most` characters; `None`: it has another prefix, was cut off or mistyped.
pub fn from_text(
    prefix: &str,
    text: &str,
    most: usize,
    sha256: impl FnOnce(&[u8]) -> [u8; 32],
) -> Option<Vec<u8>> {
    if text.len() > most {
        return None;
    }
    let bytes = base64url::decode(text.trim().strip_prefix(prefix)?)?;
    let (body, check) = bytes.split_last_chunk::<CHECK_LEN>()?;
    sha256(body).starts_with(check).then(|| body.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(bytes: &[u8]) -> [u8; 32] {
        let sum = bytes.iter().map(|byte| u32::from(*byte)).sum::<u32>();
        let mut hash = [0; 32];
        hash[..4].copy_from_slice(&sum.to_be_bytes());
        hash
    }

    #[test]
    fn a_text_is_read_as_it_was_written_and_no_other() {
        for bytes in [&b""[..], b"a", b"something longer than a line"] {
            let text = to_text("kumix1.", bytes, sum);
            let read = |text: &str| from_text("kumix1.", text, 100, sum);
            assert_eq!(read(&format!(" {text}\n")).as_deref(), Some(bytes));
            assert_eq!(read(&text[1..]), None);
            assert_eq!(read(&text[..text.len() - 1]), None);
            assert_eq!(read(&format!("{text}BBBB")), None);
            assert_eq!(from_text("kumiy1.", &text, 100, sum), None);
            assert_eq!(from_text("kumix1.", &text, text.len() - 1, sum), None);
        }
        let text = to_text("kumix1.", b"abc", sum);
        let mistyped = text.replacen("YW", "YX", 1);
        assert_ne!(mistyped, text);
        assert_eq!(from_text("kumix1.", &mistyped, 100, sum), None);
    }
}
