//! The key of an administrator (docs/protocol/management.md, section 2): `kumiadmin1.` ‖ base64url of
//!
//! address F of the server (16) ‖ secret (32) ‖ check (4)
//!
//! The check is the start of the SHA-256 of what stands before it; it finds typing mistakes. The whole
//! text is a bearer token (RFC 6750), so it has letters, digits, `.`, `-` and `_` alone.

use crate::{NodeAddr, base64url};

/// What every key begins with.
pub const PREFIX: &str = "kumiadmin1.";
/// The longest text that is read, in bytes.
pub const TEXT_LEN_MAX: usize = 128;
const SECRET_LEN: usize = 32;
const CHECK_LEN: usize = 4;

/// The key of an administrator.
#[derive(Clone, PartialEq, Eq)]
pub struct AdminKey {
    /// The server.
    pub server: NodeAddr,
    /// What shows who it is.
    pub secret: [u8; SECRET_LEN],
}

impl AdminKey {
    /// The key as text.
    pub fn encode(&self, sha256: impl FnOnce(&[u8]) -> [u8; 32]) -> String {
        let mut bytes = [self.server.0.as_slice(), &self.secret].concat();
        let check = sha256(&bytes);
        bytes.extend(check.iter().take(CHECK_LEN));
        format!("{PREFIX}{}", base64url::encode(&bytes))
    }

    /// Reads a key; `None`: it is none, or was mistyped.
    pub fn parse(text: &str, sha256: impl FnOnce(&[u8]) -> [u8; 32]) -> Option<Self> {
        let text = text.trim();
        let fits = text.len() <= TEXT_LEN_MAX;
        let bytes = base64url::decode(text.strip_prefix(PREFIX).filter(|_| fits)?)?;
        let (body, check) = bytes.split_last_chunk::<CHECK_LEN>()?;
        let (server, secret) = body.split_first_chunk()?;
        sha256(body).starts_with(check).then_some(Self {
            server: NodeAddr(*server),
            secret: secret.try_into().ok()?,
        })
    }
}

/// Without the secret.
impl std::fmt::Debug for AdminKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let server = &self.server;
        write!(f, "AdminKey {{ server: {server}, .. }}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_written_and_no_other() {
        let mut server = [0xfc; 16];
        server[15] = 1;
        let key = AdminKey {
            server: NodeAddr(server),
            secret: [7; 32],
        };
        let sum = |bytes: &[u8]| {
            let sum = bytes.iter().map(|byte| u32::from(*byte)).sum::<u32>();
            let mut hash = [0; 32];
            hash[..4].copy_from_slice(&sum.to_be_bytes());
            hash
        };
        let text = key.encode(sum);
        assert_eq!(AdminKey::parse(&format!(" {text}\n"), sum), Some(key));
        let token = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
        assert!(text.chars().all(token) && text.len() <= TEXT_LEN_MAX);
        let mistyped = text.replacen('B', "C", 1);
        assert_ne!(mistyped, text);
        for wrong in [
            mistyped.as_str(),
            &text[..text.len() - 4],
            &text[PREFIX.len()..],
            &format!("{text}AAAA"),
            &format!("{PREFIX}{}", "A".repeat(1_000)),
            "",
        ] {
            assert_eq!(AdminKey::parse(wrong, sum), None, "{wrong}");
        }
    }
}
