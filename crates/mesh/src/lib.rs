//! How to reach a node: the addresses worth trying, and when to call on the LAN.
//!
//! What it does: keeps the candidate addresses of one peer in the order to try them
//! ([`Candidates`]), says when a LAN beacon is due and whom it should ask for
//! ([`Discovery`]), and keeps the book of a Bridge ([`channels`]). What it does not: encode or
//! sign (`wire`, `node`), send, read clocks; locator records and site routing come with later
//! issues.
//!
//! | limit | value |
//! |---|---|
//! | candidates of one peer | [`CANDIDATES_MAX`] |
//! | peers wanted at once | [`WANTED_MAX`] |
#![forbid(unsafe_code)]

mod candidates;
pub mod channels;
mod discovery;

pub use candidates::{CANDIDATE_LIFE, CANDIDATES_MAX, Candidate, Candidates, Source};
pub use discovery::{
    BEACON_BURST, BEACON_BURST_INTERVAL, BEACON_INTERVAL, Discovery, WANTED_IN_BEACON_MAX,
    WANTED_MAX,
};
