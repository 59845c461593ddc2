//! The operating system, and nothing else: Linux devices, sockets, files and processes.
//!
//! This is the only crate with `unsafe` code; each use says why it is sound. It decides
//! nothing about the protocol: bytes in, bytes out. Everything blocks; whoever calls it
//! brings the thread. All descriptors are close-on-exec.
//!
//! | module | owns |
//! |---|---|
//! | [`capture`] | an `AF_PACKET` sniffer, for the demo and the lab |
//! | [`clock`] | monotonic (through suspend) and Unix time |
//! | [`control`] | the owner's Unix socket, checked by peer credentials |
//! | [`files`] | private files, atomic writes, the lock, where state lives |
//! | [`holder`] | the unprivileged namespace with the overlay's interface inside |
//! | [`interface`] | the interface's addresses, MTU and routes |
//! | [`mounts`] | files that a program sees in place of others |
//! | [`multicast`] | beacon sockets on every LAN interface |
//! | [`netlink`] | links, addresses, routes, and news of their changes |
//! | [`netns`] | user and network namespaces |
//! | [`packet_pair`] | an interface made of a veth pair where there is no `/dev/net/tun` |
//! | [`poller`] | waiting for many descriptors |
//! | [`process`] | daemons, signals, memory and core-dump limits |
//! | [`random`] | the kernel's random numbers |
//! | [`stream`] | TCP listener and connections for datagrams |
//! | [`tcp`] | TCP sockets, bound to an interface |
//! | [`tun`] | the overlay's network interface |
//! | [`udp`] | the dual-stack UDP socket with ECN |
//! | [`wait`] | wake-up descriptors and waiting for several of them |
#![allow(unsafe_code)]
#![warn(clippy::undocumented_unsafe_blocks)]

#[cfg(not(target_os = "linux"))]
compile_error!("this crate knows Linux only");

pub mod adapter;
pub mod capture;
pub mod clock;
pub mod control;
pub mod files;
pub mod holder;
pub mod interface;
pub mod marked;
pub mod mounts;
pub mod multicast;
pub mod netlink;
pub mod netns;
pub mod packet_pair;
pub mod poller;
pub mod process;
pub mod random;
pub mod stream;
pub mod tcp;
pub mod tun;
pub mod udp;
pub mod wait;
