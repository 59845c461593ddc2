//! One encrypted session between two nodes, as `docs/protocol/session.md` specifies it.
//!
//! It has no clock and no socket: bytes, commands and the time come in, bytes and events go
//! out. Which peers are allowed, what is stored, and which datagram belongs to which session
//! is for the caller (`node`).
//!
//! | module | what | specification |
//! |---|---|---|
//! | [`machine`] | [`Session`]: everything between this node and one peer | all of it |
//! | [`handshake`] | Noise IKpsk2 with ML-KEM-768, group slots | 3 to 3.3 |
//! | [`fragment`], [`cookie`], [`limiter`] | what stands in front of the handshake | 3.4, 3.5 |
//! | [`transport`], [`replay`] | one pair of keys, shared with the data threads | 4 |
//! | [`hop`] | the relay header between a node and its Bridge | 6 |
//! | [`piece`] | packets that do not fit the path | 4 |
//! | [`roaming`], [`trial`] | the path to the peer, proven before use | 4.1 |
//! | [`stream`] | the control stream | 5 |
//! | [`constants`] | every number | 3 to 5 |
#![forbid(unsafe_code)]

pub mod constants;
pub mod cookie;
pub mod fragment;
pub mod handshake;
pub mod hop;
pub mod limiter;
pub mod machine;
pub mod piece;
pub mod replay;
pub mod roaming;
#[cfg(feature = "sabotage")]
pub mod sabotage;
pub mod stream;
#[cfg(test)]
mod testing;
pub mod transport;
pub mod trial;

pub use handshake::{Claim, Credential, CredentialName, Established, Initiator, Responder};
pub use machine::{Closed, Session, SessionConfig, SessionOutput};
pub use transport::{OpenError, Opened, SealError, Sealed, Transport};
