//! The HTTP interface of a management server, for administrators and their programs
//! (docs/protocol/management.md; docs/api/openapi.json says the same for machines).
//!
//! What it does: reads requests, hands them to a [`Backend`] with the key that was shown, and writes
//! the answers; refusals are `application/problem+json` (RFC 9457). It listens where it is told to,
//! with TLS or, inside the overlay, without.
//!
//! What it does not: know keys, roles or groups. Whoever shows no key gets an answer that says so, and
//! nothing behind it is asked.
//!
//! | limit | value |
//! |---|---|
//! | connections at once | [`CONNECTIONS_MAX`]; further ones wait to be accepted |
//! | requests that wait for the server | [`CALLS_MAX`]; more are answered with 503 |
//! | body | [`BODY_LEN_MAX`] |
//! | headers | [`HEAD_LEN_MAX`], all within [`HEAD_TIMEOUT`] of the last answer |
//! | TLS handshake | [`HEAD_TIMEOUT`] |
//! | one connection | [`CONNECTION_TIMEOUT`] |
#![forbid(unsafe_code)]

mod extract;
mod openapi;
mod problem;
mod routes;
mod serve;

use api::{GroupRequest, ManageRequest, Reply};
use std::time::Duration;

pub use openapi::document;
pub use serve::{Listening, Server, TlsError, tls};

/// Most connections at once, of all listeners.
pub const CONNECTIONS_MAX: usize = 256;
/// Most requests that wait for the server at once.
pub const CALLS_MAX: usize = 16;
/// The longest body, in bytes.
pub const BODY_LEN_MAX: usize = 64 * 1_024;
/// The longest head of a request, in bytes.
pub const HEAD_LEN_MAX: usize = 16 * 1_024;
/// How long a head may take.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection lives.
pub const CONNECTION_TIMEOUT: Duration = Duration::from_secs(300);

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// About groups.
    Group(GroupRequest),
    /// About the server.
    Manage(ManageRequest),
}

/// Who answers.
pub trait Backend: Send + Sync + 'static {
    /// Answers on behalf of whoever showed the key `key`, or says that nobody has it
    /// ([`api::Code::AdminKey`]). Waits; it is called on a thread for that.
    fn call(&self, key: &str, call: Call) -> Reply;
}
