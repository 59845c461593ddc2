//! Views and values of every packet format that Kumihimo reads or writes.
//!
//! Bytes become values once, here: a value of this crate that came out of a `parse` or
//! `decode` function is well formed, and the layers above trust its type. The layouts are
//! those of `docs/protocol/session.md`.
//!
//! What it does not do: no keys and no cryptography (a MAC or a hash is passed in as a
//! function, a signature is handed out as bytes), no state, no clock, no IO. It never
//! panics on input.
//!
//! | module | formats | section of the protocol |
//! |---|---|---|
//! | [`datagram`] | handshake fragments, cookie reply, transport header, relay header | 2, 3.4, 3.5, 4, 6 |
//! | [`handshake`] | the two messages and their payloads | 3 |
//! | [`payload`] | what a transport packet carries: kinds, pieces, control | 4, 5 |
//! | [`stream`] | messages of the control stream | 5 |
//! | [`beacon`] | LAN beacon | 7 |
//! | [`invite`] | invite line | 8 |
//! | [`ip`] | IPv4, IPv6, TCP, UDP, ICMP: reading, marking, errors | – |
//! | [`addr`], [`prefix`], [`statement`], [`codec`], [`time`] | what the others are made of | 1 |
#![forbid(unsafe_code)]

pub mod addr;
pub mod beacon;
pub mod codec;
pub mod datagram;
pub mod handshake;
pub mod invite;
pub mod ip;
pub mod payload;
pub mod prefix;
pub mod statement;
pub mod stream;
pub mod time;

pub use addr::{Endpoint, NodeAddr};
pub use codec::{Malformed, Reader, Tlvs, Unencodable, Writer};
pub use prefix::{Prefix, PrefixError};
pub use time::Now;
