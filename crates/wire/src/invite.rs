//! Invite line (protocol section 8): `kumi1:` ‖ base64url of
//!
//! version (1) ‖ \[in version 2: flags (1)\] ‖ expiry (8) ‖ secret (16) ‖ place ‖ \[in version 2:
//! Bridge count (1; at most 4) ‖ places\] ‖ \[with flag bit 2: gate (16)\] ‖ check (4), where a place is
//!
//! inception record length (1) ‖ inception record ‖ entry count (1) ‖ entries ‖ certificate ‖
//! endpoint count (1; at most 8) ‖ endpoints (18 each).
//!
//! Version 1 is written for an invite without Bridges. Version 2 with flag bit 0 is the line of a
//! Bridge, to attach to it; with bit 1 its secret is of no use, and the Bridge wants a password. With
//! bit 2 it is the line of a group management server, to become a member by it; with bits 2 and 3 of one locked
//! group, of which the lock says more (docs/protocol/group.md, section 7).
//!
//! People copy these lines by hand and by chat, so the errors tell apart what they got wrong.
//! The check is the start of a SHA-256, which the caller passes in. Whether the invite has
//! expired and whether its statements hold is the caller's to find out.

use std::fmt;
use std::net::SocketAddr;

use crate::addr::{ENDPOINT_LEN, read_endpoints, write_endpoints};
use crate::base64url;
use crate::codec::{Malformed, Reader, Unencodable, Writer};
use crate::statement::{self, CERTIFICATE_LEN, ROTATIONS_MAX, Rotations};
use crate::whole_identity::write_identity;

/// What every invite line of every version starts with.
pub const PREFIX: &str = "kumi1:";
/// Length of the secret in bytes.
pub const SECRET_LEN: usize = 16;
/// Largest number of endpoints.
pub const ENDPOINTS_MAX: usize = 8;
/// Longest line that is looked at, in characters (the longest valid one has 59,554).
pub const LINE_LEN_MAX: usize = 65_536;

/// Largest number of Bridges in a line.
pub const BRIDGES_MAX: usize = 4;

/// Longest lock, in bytes.
pub const LOCK_LEN_MAX: usize = 4_096;

const VERSION: u8 = 1;
const VERSION_BRIDGES: u8 = 2;
const FLAG_BRIDGE: u8 = 1;
const FLAGS_PASSWORD: u8 = 3;
const FLAG_GROUP: u8 = 4;
const FLAGS_LOCKED: u8 = 12;
const CHECK_LEN: usize = 4;

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
    #[error("the invite line has version {version}; this program knows versions 1 and 2")]
    NewerVersion {
        /// The version of the line.
        version: u8,
    },
    /// It came over whole, and still says nothing sensible.
    #[error("the invite line was made wrongly: {0}")]
    Malformed(#[from] Malformed),
}

/// A node and where it can be reached, as read; its statements are not verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its inception record.
    pub inception: Vec<u8>,
    /// Its whole log: whole entries, at most [`ROTATIONS_MAX`].
    pub rotations: Vec<u8>,
    /// Its node certificate.
    pub certificate: [u8; CERTIFICATE_LEN],
    /// Where it can be reached, at most [`ENDPOINTS_MAX`].
    pub endpoints: Vec<SocketAddr>,
}

/// What a line is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To meet the node that made it.
    Peer,
    /// To attach to the Bridge that made it, proving the secret.
    Bridge,
    /// To attach to the Bridge that made it, with a password.
    BridgeWithPassword,
    /// To become a member of groups, at the server that made it.
    Group {
        /// The credential that lets the handshake pass; who comes is decided by the secret.
        gate: [u8; SECRET_LEN],
    },
}

/// Without secrets.
impl fmt::Debug for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Purpose::Peer => "Peer",
            Purpose::Bridge => "Bridge",
            Purpose::BridgeWithPassword => "BridgeWithPassword",
            Purpose::Group { .. } => "Group",
        })
    }
}

/// An invite, as read; its statements are not verified.
#[derive(Clone, PartialEq, Eq)]
pub struct Invite {
    /// What it is for.
    pub purpose: Purpose,
    /// Unix time in seconds from which it is not valid any more.
    pub expires_unix_s: u64,
    /// The credential's secret.
    pub secret: [u8; SECRET_LEN],
    /// Who made it.
    pub place: Place,
    /// The Bridges that it can be reached through, at most [`BRIDGES_MAX`].
    pub bridges: Vec<Place>,
    /// Of a locked group: which it is, and perhaps a key that admits; else empty. At most
    /// [`LOCK_LEN_MAX`] bytes, which are for whoever knows groups to read. Only with [`Purpose::Group`].
    pub lock: Vec<u8>,
}

impl fmt::Debug for Invite {
    /// Leaves the secret out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invite")
            .field("expires_unix_s", &self.expires_unix_s)
            .field("purpose", &self.purpose)
            .field("endpoints", &self.place.endpoints)
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
        let bytes = base64url::decode(text).ok_or(InviteError::Damaged)?;
        let (body, check) = bytes
            .split_last_chunk::<CHECK_LEN>()
            .ok_or(InviteError::Damaged)?;
        if !sha256(body).starts_with(check) {
            return Err(InviteError::Damaged);
        }
        Invite::decode(body)
    }

    /// Reads what base64 and check enclose: version ‖ … ‖ places. Errors: see
    /// [`InviteError`].
    pub fn decode(body: &[u8]) -> Result<Invite, InviteError> {
        let mut reader = Reader::new(body, "invite");
        match reader.u8()? {
            VERSION => Ok(Invite::read(reader, Purpose::Peer, (false, false))?),
            VERSION_BRIDGES => {
                let flags = reader.u8()?;
                let purpose = match flags {
                    0 => Purpose::Peer,
                    FLAG_BRIDGE => Purpose::Bridge,
                    FLAGS_PASSWORD => Purpose::BridgeWithPassword,
                    FLAG_GROUP | FLAGS_LOCKED => Purpose::Group {
                        gate: [0; SECRET_LEN],
                    },
                    _ => return Err(reader.malformed().into()),
                };
                let is_locked = flags == FLAGS_LOCKED;
                Ok(Invite::read(reader, purpose, (true, is_locked))?)
            }
            version => Err(InviteError::NewerVersion { version }),
        }
    }

    fn read(
        mut reader: Reader<'_>,
        mut purpose: Purpose,
        (names_bridges, is_locked): (bool, bool),
    ) -> Result<Invite, Malformed> {
        let expires_unix_s = reader.u64()?;
        let secret = *reader.array()?;
        let place = Place::read(&mut reader)?;
        let count = if names_bridges { reader.u8()? } else { 0 };
        if usize::from(count) > BRIDGES_MAX {
            return Err(Malformed {
                what: "invite bridges",
            });
        }
        let bridges = (0..count).map(|_| Place::read(&mut reader));
        let bridges = bridges.collect::<Result<_, _>>()?;
        if let Purpose::Group { gate } = &mut purpose {
            *gate = *reader.array()?;
        }
        let mut lock = Vec::new();
        if is_locked {
            let len = usize::from(reader.u16()?);
            if !(1..=LOCK_LEN_MAX).contains(&len) {
                return Err(reader.malformed());
            }
            lock = reader.take(len)?.to_vec();
        }
        reader.finish()?;
        Ok(Invite {
            purpose,
            expires_unix_s,
            secret,
            place,
            bridges,
            lock,
        })
    }

    /// Writes the line, without a line break. `sha256` hashes. Errors: a field beyond its
    /// bound.
    pub fn encode(&self, sha256: impl FnOnce(&[u8]) -> [u8; 32]) -> Result<String, Unencodable> {
        let what = Unencodable { what: "invite" };
        let mut out = Writer::default();
        let flags = match self.purpose {
            Purpose::Peer => 0,
            Purpose::Bridge => FLAG_BRIDGE,
            Purpose::BridgeWithPassword => FLAGS_PASSWORD,
            Purpose::Group { .. } if self.lock.is_empty() => FLAG_GROUP,
            Purpose::Group { .. } => FLAGS_LOCKED,
        };
        let has_lock = flags == FLAGS_LOCKED;
        if has_lock == self.lock.is_empty() || self.lock.len() > LOCK_LEN_MAX {
            return Err(what);
        }
        let is_plain = flags == 0 && self.bridges.is_empty();
        if is_plain {
            out.u8(VERSION);
        } else {
            out.u8(VERSION_BRIDGES).u8(flags);
        }
        out.u64(self.expires_unix_s).bytes(&self.secret);
        self.place.write(&mut out)?;
        if !is_plain {
            if self.bridges.len() > BRIDGES_MAX {
                return Err(what);
            }
            out.u8(u8::try_from(self.bridges.len()).map_err(|_| what)?);
            for bridge in &self.bridges {
                bridge.write(&mut out)?;
            }
        }
        if let Purpose::Group { gate } = &self.purpose {
            out.bytes(gate);
        }
        if has_lock {
            out.u16(u16::try_from(self.lock.len()).map_err(|_| what)?);
            out.bytes(&self.lock);
        }
        let [a, b, c, d, ..] = sha256(out.as_slice());
        out.bytes(&[a, b, c, d]);
        Ok(format!("{PREFIX}{}", base64url::encode(out.as_slice())))
    }
}

impl Place {
    fn read(reader: &mut Reader<'_>) -> Result<Place, Malformed> {
        let inception = statement::read_inception(reader)?.to_vec();
        let rotations = statement::read_rotations(reader)?.as_bytes().to_vec();
        let certificate = *reader.array()?;
        let count = usize::from(reader.u8()?);
        let endpoints = reader.take(count * ENDPOINT_LEN)?;
        let mut endpoints = Reader::new(endpoints, "invite endpoints");
        let endpoints = read_endpoints(&mut endpoints, ENDPOINTS_MAX)?;
        Ok(Place {
            inception,
            rotations,
            certificate,
            endpoints,
        })
    }

    fn write(&self, out: &mut Writer) -> Result<(), Unencodable> {
        let log = self
            .log()
            .map_err(|error| Unencodable { what: error.what })?;
        write_identity(out, &self.inception, log, &self.certificate)?;
        let count = u8::try_from(self.endpoints.len());
        out.u8(count.map_err(|_| Unencodable { what: "invite" })?);
        write_endpoints(out, &self.endpoints, ENDPOINTS_MAX)
    }

    /// The rotation entries. Errors: [`Place::rotations`] was set to something else.
    pub fn log(&self) -> Result<Rotations<'_>, Malformed> {
        Rotations::parse(&self.rotations, ROTATIONS_MAX)
    }
}

#[cfg(test)]
#[path = "invite_tests.rs"]
mod tests;
