//! The session against a second implementation, written from `docs/protocol/session.md`
//! alone: `tests/interop/peer.py`. Where the two disagree, one of them or the page is wrong.
//!
//! | test file | what |
//! |---|---|
//! | `sessions.rs` | handshakes both ways, then everything that goes through a session |
//! | `silence.rs` | what must get no answer, from either end |
//! | `bridges.rs` | headers, messages and lines of Bridges |
//! | `statements.rs` | rotation logs, invite lines, cookies, ML-KEM-768 |
//!
//! It needs the Debian packages python3 and python3-cryptography, and fails without them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test binary"
)]

mod bridges;
mod link;
mod node;
mod python;
mod sessions;
mod silence;
mod statements;
