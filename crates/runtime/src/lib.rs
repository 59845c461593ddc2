//! A running node: threads, sockets and files around the machine in `node`.
//!
//! It decides nothing about the protocol. [`run`] takes [`Settings`] and returns when the
//! node has stopped.
//!
//! ```text
//!  kumi-data, UDP ──snapshot──> interface   data threads, one for each queue: no locks but those
//!  kumi-data1 interface ──snapshot──> UDP   inside a session's keys, no waiting for anything else
//!  kumi-door  what no session knows: asks for cookies under load, in the time that the others leave
//!     │ what the snapshot cannot place, and reports (bounded queue)
//!     v
//!  kumi-slow: owns the node, the journal, the requests; publishes snapshots
//!     ^                ^
//!  kumi-lan: beacons,  kumi-control: the Unix socket, one short thread per program
//!  address changes
//!  main: signals; letting go of memory when the node rests
//!  kumi-ndp: neighbour discovery across an adapter over IPv6, where this is one (os::adapter)
//! ```
//!
//! | limit | value |
//! |---|---|
//! | things, bytes waiting for the slow path | [`inbox::QUEUE_LEN_MAX`], [`inbox::QUEUE_BYTES_MAX`] |
//! | of these, datagrams of senders who prove nothing | [`inbox::UNPROVEN_MAX`] |
//! | programs connected | [`control::CONNECTIONS_MAX`] |
//! | connections through proxies | [`proxy::CONNECTIONS_MAX`] |
//! | joins and pings waiting | [`requests::WAITING_MAX`] |
//! | names looked for, for programs | [`responder::LOOKUPS_MAX`] |
//! | looks at the network at once | 1, [`netcheck`] |
//!
//! After kill -9 nothing needs cleaning but a socket file, which the next start replaces, and what site mode and an
//! adapter set in the kernel, which it sets back or takes over: the interface, its addresses and routes go with the
//! process, the lock is the kernel's.

pub mod answers;
pub mod asked;
pub mod bridges;
pub mod control;
pub mod counters;
pub mod data;
pub mod desk;
pub mod facts;
pub mod gms;
pub mod groups;
pub mod http;
pub mod inbox;
pub mod inside;
pub mod lan;
pub mod lane;
pub mod locked;
pub mod manage;
pub mod netcheck;
pub mod orders;
pub mod peer_routes;
pub mod prefixes;
pub mod proxy;
pub mod refusals;
pub mod requests;
pub mod resolved;
pub mod responder;
pub mod rest;
pub mod rules;
mod run;
pub mod settings;
pub mod shared;
pub mod sign_in;
pub mod site;
pub mod slow;
pub mod storage;
pub mod streams;
pub mod why;

pub use run::{Ready, RunError, run};
pub use settings::{
    Https, INTERFACE_DEFAULT, InterfaceMode, ProxySettings, QUEUES_MAX, Reload, Renew, Renewal,
    Routes, Settings, names, queues_default,
};
