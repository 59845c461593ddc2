//! Invite line (protocol section 8): `kumi1:` ‖ base64url of
//!
//! version (1) ‖ expiry (8) ‖ secret (16) ‖ inception record length (1) ‖ inception record ‖
//! entry count (1) ‖ entries ‖ certificate ‖ endpoint count (1; at most 8) ‖ endpoints (18 each)
//! ‖ check (4).
//!
//! People copy these lines by hand and by chat, so the errors tell apart what they got wrong.
//! The check is the start of a SHA-256, which the caller passes in. Whether the invite has
//! expired and whether its statements hold is the caller's to find out.

use std::fmt;
use std::net::SocketAddr;

use crate::addr::{read_endpoints, write_endpoints};
use crate::codec::{Malformed, Reader, Unencodable, Writer};
use crate::statement::{self, CERTIFICATE_LEN, ROTATIONS_MAX, Rotations};
use crate::stream::write_identity;

/// What every invite line of every version starts with.
pub const PREFIX: &str = "kumi1:";
/// Length of the secret in bytes.
pub const SECRET_LEN: usize = 16;
/// Largest number of endpoints.
pub const ENDPOINTS_MAX: usize = 8;
/// Longest line that is looked at, in characters (the longest valid one has 11,946).
pub const LINE_LEN_MAX: usize = 16_384;

const VERSION: u8 = 1;
const CHECK_LEN: usize = 4;
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Why a line is not an invite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InviteError {
    /// It does not start with [`PREFIX`], or is longer than any invite.
    #[error("this is not an invite line")]
    NotAnInvite,
    /// A character is missing, added or wrong.
    #[error("the invite line is cut off or mistyped")]
    Damaged,
    /// It is of a version that this one does not know.
    #[error("the invite line has version {version}; this program knows version 1")]
    NewerVersion {
        /// The version of the line.
        version: u8,
    },
    /// It came over whole, and still says nothing sensible.
    #[error("the invite line was made wrongly: {0}")]
    Malformed(#[from] Malformed),
}

/// An invite, as read; its statements are not verified.
#[derive(Clone, PartialEq, Eq)]
pub struct Invite {
    /// Unix time in seconds from which it is not valid any more.
    pub expires_unix_s: u64,
    /// The credential's secret.
    pub secret: [u8; SECRET_LEN],
    /// Inception record of the inviter.
    pub inception: Vec<u8>,
    /// Its whole log: whole entries, at most [`ROTATIONS_MAX`].
    pub rotations: Vec<u8>,
    /// Its node certificate.
    pub certificate: [u8; CERTIFICATE_LEN],
    /// Where it can be reached, at most [`ENDPOINTS_MAX`].
    pub endpoints: Vec<SocketAddr>,
}

impl fmt::Debug for Invite {
    /// Leaves the secret out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invite")
            .field("expires_unix_s", &self.expires_unix_s)
            .field("endpoints", &self.endpoints)
            .finish_non_exhaustive()
    }
}

impl Invite {
    /// Reads a line; white space around it and line breaks in it (as mail programs add them)
    /// do not count. `sha256` hashes. Errors: see [`InviteError`].
    pub fn parse(
        line: &str,
        sha256: impl FnOnce(&[u8]) -> [u8; 32],
    ) -> Result<Invite, InviteError> {
        if line.len() > LINE_LEN_MAX {
            return Err(InviteError::NotAnInvite);
        }
        let text = line
            .trim()
            .strip_prefix(PREFIX)
            .ok_or(InviteError::NotAnInvite)?;
        let bytes = base64url_decode(text).ok_or(InviteError::Damaged)?;
        let (body, check) = bytes
            .split_last_chunk::<CHECK_LEN>()
            .ok_or(InviteError::Damaged)?;
        if !sha256(body).starts_with(check) {
            return Err(InviteError::Damaged);
        }
        Invite::decode(body)
    }

    /// Reads what base64 and check enclose: version ‖ … ‖ endpoints. Errors: see
    /// [`InviteError`].
    pub fn decode(body: &[u8]) -> Result<Invite, InviteError> {
        let mut reader = Reader::new(body, "invite");
        let version = reader.u8()?;
        if version != VERSION {
            return Err(InviteError::NewerVersion { version });
        }
        Ok(Invite::read(reader)?)
    }

    fn read(mut reader: Reader<'_>) -> Result<Invite, Malformed> {
        let expires_unix_s = reader.u64()?;
        let secret = *reader.array()?;
        let inception = statement::read_inception(&mut reader)?.to_vec();
        let rotations = statement::read_rotations(&mut reader)?.as_bytes().to_vec();
        let certificate = *reader.array()?;
        let count = usize::from(reader.u8()?);
        let endpoints = read_endpoints(&mut reader, ENDPOINTS_MAX)?;
        if endpoints.len() != count {
            return Err(Malformed {
                what: "invite endpoints",
            });
        }
        Ok(Invite {
            expires_unix_s,
            secret,
            inception,
            rotations,
            certificate,
            endpoints,
        })
    }

    /// The rotation entries. Errors: [`Invite::rotations`] was set to something else.
    pub fn log(&self) -> Result<Rotations<'_>, Malformed> {
        Rotations::parse(&self.rotations, ROTATIONS_MAX)
    }

    /// Writes the line, without a line break. `sha256` hashes. Errors: a field beyond its
    /// bound.
    pub fn encode(&self, sha256: impl FnOnce(&[u8]) -> [u8; 32]) -> Result<String, Unencodable> {
        let what = Unencodable { what: "invite" };
        let mut out = Writer::default();
        out.u8(VERSION).u64(self.expires_unix_s).bytes(&self.secret);
        let log = self
            .log()
            .map_err(|error| Unencodable { what: error.what })?;
        write_identity(&mut out, &self.inception, log, &self.certificate)?;
        out.u8(u8::try_from(self.endpoints.len()).map_err(|_| what)?);
        write_endpoints(&mut out, &self.endpoints, ENDPOINTS_MAX)?;
        let [a, b, c, d, ..] = sha256(out.as_slice());
        out.bytes(&[a, b, c, d]);
        Ok(format!("{PREFIX}{}", base64url_encode(out.as_slice())))
    }
}

/// Base64url (RFC 4648, section 5) without padding.
fn base64url_encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let word = group
            .iter()
            .fold(0u32, |word, byte| word << 8 | u32::from(*byte));
        let word = word << (8 * (3 - group.len()));
        for at in 0..=group.len() {
            let index = (word >> (18 - 6 * at)) & 63;
            let letter = usize::try_from(index)
                .ok()
                .and_then(|index| ALPHABET.get(index));
            text.extend(letter.map(|letter| char::from(*letter)));
        }
    }
    text
}

/// The bytes of a text, skipping ASCII white space; `None` for any other character outside
/// the alphabet, and for an ending that no encoder writes.
fn base64url_decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 2);
    let (mut word, mut bits) = (0u32, 0);
    for letter in text.bytes().filter(|letter| !letter.is_ascii_whitespace()) {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            _ => return None,
        };
        word = (word << 6 | u32::from(value)) & 0xFFFF;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((word >> bits) & 0xFF).ok()?);
        }
    }
    let unused = word & ((1 << bits) - 1);
    (bits < 6 && unused == 0).then_some(bytes)
}

#[cfg(test)]
#[path = "invite_tests.rs"]
mod tests;
