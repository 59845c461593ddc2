//! A node: the slow path that composes sessions, reachability and rules, and the immutable
//! snapshot that data threads work on.
//!
//! What it does: takes datagrams, beacons, inner packets, reports of the fast path, commands
//! and the time; answers with one ordered queue of things to do ([`Output`]). What it does
//! not: sockets, files, clocks, threads (the shell's); ciphers (`identity`), the handshake
//! and transport of one session (`session`), the rules themselves (`group`).
//!
//! After one `handle_*` or command, drain [`Node::poll_output`] before the next.
#![forbid(unsafe_code)]

// Lets tests inside the crate share the harness of those outside.
#[cfg(test)]
extern crate self as node;

mod admit;
mod beacon_checks;
mod believe;
mod bridge;
mod bridging;
mod clones;
mod commands;
mod config;
mod control;
mod datagram;
mod error;
mod fast;
mod grouping;
mod groups;
mod handshake_in;
mod handshake_out;
mod inside;
mod invites;
mod join;
mod lan;
mod link;
mod machine;
mod output;
mod peer;
mod prefixes;
mod prepare;
mod prepared;
mod publish;
mod rehearsal;
mod report;
mod rotation;
#[cfg(feature = "sabotage")]
pub mod sabotage;
mod site;
mod siting;
mod status;
mod stored;
mod wanted;
mod why;

pub use beacon_checks::BEACON_CHECKS_MAX;
#[cfg(feature = "sabotage")]
pub use bridge::Lie;
pub use bridge::{
    APPLICANTS_MAX, BridgeStatus, ClientStatus, LINK_PROBE, LINK_PROBE_LOST, PASSWORD_TRIES_MAX,
    ServingStatus, StreamEvent,
};
pub use commands::ANNOUNCE_MAX;
pub use config::{ADDRESSES_MAX, INNER_MTU_DEFAULT, INNER_MTU_MIN, INNER_MTU_USUAL, NodeConfig};
pub use error::{
    AllowRefused, BridgeError, ConnectError, InstallError, InviteError, JoinError, NewError,
    PingError, SignInError,
};
pub use fast::{DropReason, FastReport, HEADROOM, Inbound, Outbound, Sealer, Snapshot, TAILROOM};
pub use groups::{
    GroupStatus, HELD_MAX, NEWCOMERS_MAX, PROVING, SIGN_IN_ENDING, ServerStatus, SignInsStatus,
};
pub use handshake_out::TRIES_BEFORE_ASKING;
pub use inside::UNREACHABLE_PER_SECOND_MAX;
pub use lan::CALL_INTERVAL;
pub use machine::{COUNT_BLOCK, Node, TIME_HIGH_STEP_S};
pub use mesh::Source;
pub use output::{DownWhy, Event, JoinFailure, Output, Via, Wake};
pub use prefixes::PREFIX_CHANGES_PER_SECOND_MAX;
pub use rehearsal::Rehearsal;
pub use site::PitStatus;
pub use site::relay::{LISTENS, OnPathStatus, RELAYED_TRIES_MAX, RELAYS_MAX};
pub use site::seek::{NEGOTIATIONS_MAX, PARKED_BYTES_MAX, PARKED_MAX};
pub use siting::{RELAYED_FLOWS_MAX, SiteRoute};
pub use status::{
    AnnouncedStatus, CandidateStatus, NodeStatus, PeerState, PeerStatus, PrefixState, SessionStatus,
};
pub use stored::bridge::{
    BRIDGES_MAX, BridgeChange, BridgeRecord, Bridging, CUSTOMER_LEN_MAX, CUSTOMERS_MAX,
    ClientTerms, PasswordRecord, Secret, TICKETS_MAX, TICKETS_OF_CLIENT_MAX, TicketRecord,
};
pub use stored::groups::{
    ChainRecord, GroupChange, GroupRecord, Grouping, SERVERS_MAX, SHOWN_MAX, SecretRecord,
    ServerRecord, ShownRecord,
};
pub use stored::sign_ins::{SignInGroupRecord, SignInsRecord};
pub use stored::site::{PROVED_MAX, Proved, ProvedRecord, SiteChange};
pub use stored::{
    Change, INVITES_MAX, InviteRecord, Number, PEERS_MAX, PeerRecord, PinRecord, Stored, UsedBy,
};
pub use wanted::{PARKED_TOTAL_MAX, WANTED_LIFE, WANTED_PINGS_MAX};
pub use why::{Fact, Verdict, Why};

/// Longest life of an invite in seconds (30 days).
pub const INVITE_TTL_S_MAX: u64 = 30 * 86_400;
/// Most joins under way at once.
pub const JOINS_MAX: usize = 16;
