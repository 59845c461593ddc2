//! `libnss_kumi.so.2`: names of members for programs that ask the C library (docs/protocol/names.md).
//!
//! glibc loads such a module into every program that looks up a host name, if `/etc/nsswitch.conf` says so
//! (`kumi names on`). It asks the node's responder, by DNS, at its address inside the overlay: so it
//! works for every user, wherever the overlay is, and has no file or socket of its own.
//!
//! | what is asked | what it does |
//! |---|---|
//! | a name that does not end in `.kumi`, an address that is not of the overlay | `UNAVAIL`, at once and without any call of the system: the next in the line is asked |
//! | a name of the zone, for IPv4 | `NOTFOUND`: members have none |
//! | a name of the zone, or an address of the overlay | one question; asked again after [`AGAIN_MS`] |
//! | the same where no node runs | `TRYAGAIN` ("temporary failure"), at once |
//! | the same where a node does not answer | `TRYAGAIN` after [`WAIT_MS`] |
//!
//! It lives in programs that are not ours. So it allocates nothing, keeps nothing, starts no thread, and cannot
//! panic: it has no code that does (a test of `apps/kumi` looks for it in what was built). It depends on nothing but
//! `core` and a few functions of the C library.
//!
//! Cargo builds this file to check and test it. The module itself is made of [`module.rs`](module.rs), by
//! `apps/kumi/build.rs`, which puts it into the program (docs/adr/0035).
#![cfg_attr(not(test), no_std)]

pub mod dns;
mod glibc;

pub use glibc::{AGAIN_MS, WAIT_MS};
