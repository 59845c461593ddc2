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
//! | [`frame`] | datagrams on a TCP connection | 2 |
//! | [`payload`] | what a transport packet carries: kinds, pieces, control | 4, 5 |
//! | [`stream`] | messages of the control stream | 5 |
//! | [`channel`] | those between a node and its Bridge | 6 |
//! | [`beacon`] | LAN beacon | 7 |
//! | [`invite`] | invite line | 8 |
//! | [`admin_key`] | key of an administrator | – |
//! | [`ip`] | IPv4, IPv6, TCP, UDP, ICMP: reading, marking, errors | – |
//! | [`dns`] | a query, and its answer | – |
//! | [`offload`] | large packets: cutting, joining, unfinished checksums | – |
//! | [`path`] | what a datagram travels over | 2, 6 |
//! | [`socks5`], [`http_proxy`], [`destination`] | what a program asks of this host's proxies | – |
//! | [`addr`], [`prefix`], [`statement`], [`codec`], [`time`] | what the others are made of | 1 |
#![forbid(unsafe_code)]

pub mod addr;
pub mod admin_key;
mod base64url;
pub mod beacon;
pub mod channel;
pub mod checked;
pub mod codec;
pub mod datagram;
pub mod destination;
pub mod dns;
pub mod frame;
pub mod handshake;
pub mod http_proxy;
pub mod invite;
pub mod ip;
pub mod offload;
pub mod path;
pub mod payload;
pub mod prefix;
pub mod socks5;
pub mod statement;
pub mod stream;
pub mod time;
mod whole_identity;

pub use addr::{Endpoint, NodeAddr};
pub use codec::{Malformed, Reader, Tlvs, Unencodable, Writer};
pub use frame::StreamId;
pub use path::Path;
pub use prefix::{Prefix, PrefixError};
pub use time::Now;
