//! Who may talk: the local allowlist, port rules and the flows that replies are measured by.
//!
//! What it does: keeps the local rules ([`Allowlist`]), answers what a peer may do
//! ([`Allowlist::access`]) and whether one packet may pass ([`decide`]), and remembers which
//! flows this end started ([`FlowTable`]), so that a peer that may reach one port can still
//! answer what was asked of it. Of groups: what each element on a path does with a flow
//! ([`resolve`]), and how many settings people make for them ([`cost`]).
//!
//! What it does not: epochs, DPRP and the PIT (they fill in the rules between "local deny" and
//! "default deny" later), sockets, clocks, storage.
//!
//! | limit | value |
//! |---|---|
//! | local entries, allow and deny together | [`ENTRIES_MAX`] |
//! | port ranges in one entry | [`PORT_RANGES_MAX`] |
//! | prefixes that one entry accepts | [`ACCEPTED_MAX`] |
//! | label of an entry | [`LABEL_LEN_MAX`] bytes |
//! | flows remembered | [`FLOWS_MAX`] |
//!
//! Order of rules: local deny, local allow, default deny.
#![forbid(unsafe_code)]

pub mod agent;
mod allow;
pub mod chain;
pub mod cost;
mod decide;
pub mod dprp;
mod element;
pub mod epochs;
mod flow;
pub mod keyring;
pub mod lately;
pub mod lock;
pub mod message;
mod name;
pub mod partner;
pub mod pit;
mod punycode;
pub mod resolve;
pub mod responder;
pub mod rules;
pub mod seen;
pub mod serial;
pub mod signing;
pub mod statement;

pub use allow::{
    ACCEPTED_MAX, Access, AllowEntry, AllowError, Allowlist, ENTRIES_MAX, LABEL_LEN_MAX,
    PORT_RANGES_MAX, PortRange, Proto, Services, Who,
};
pub use decide::{Decision, Direction, Rule, Verdict, decide, decide_outwards};
pub use element::{Kind, Mode};
pub use flow::{FLOWS_MAX, FlowKey, FlowTable, OTHER_IDLE_MAX, TCP_IDLE_MAX};
pub use name::MemberName;
