//! The fast path: what data threads do with a packet, over an immutable snapshot.
//!
//! [`Snapshot::outbound`] and [`Snapshot::inbound`] take one packet or datagram in a buffer
//! of the caller and say what to do with it. The slow path calls the very same functions. The
//! packets of a large frame have one way, which [`Snapshot::way`] finds once.
//! They touch no state but atomics inside a session's keys, its replay window, the
//! [`group::FlowTable`], and the numbers of the doorman.
//!
//! **Buffers.** An inner packet to send stands at `buf[HEADROOM..HEADROOM + len]`, with
//! [`TAILROOM`] bytes of room behind it; where the datagram is then, [`Outbound::Send`] says.

mod doorman;
#[cfg(test)]
mod doorman_tests;
mod inbound;
mod outbound;
#[cfg(test)]
mod prefix_tests;
mod prefixes;
mod relay;
mod snapshot;
#[cfg(test)]
mod tests;
mod verdict;

pub(crate) use doorman::{Doorman, Entry};
pub(crate) use inbound::refusal;
pub use outbound::Sealer;
pub(crate) use outbound::{error_source, may_leave, note_flow};
pub(crate) use relay::{Hops, Leg, OwnChannel, Owner, Relayed, Route};
pub use snapshot::Snapshot;
pub(crate) use snapshot::{Names, Out, PeerEntry};
pub use verdict::{DropReason, FastReport, Inbound, Outbound};

use wire::datagram::{KIND_LEN, RELAY_HEADER_LEN, TAG_LEN, TRANSPORT_HEADER_LEN};

/// Room in front of an inner packet: relay header, transport header and kind, in bytes.
pub const HEADROOM: usize = RELAY_HEADER_LEN + TRANSPORT_HEADER_LEN + KIND_LEN;
/// Room behind an inner packet: the tag, in bytes.
pub const TAILROOM: usize = TAG_LEN;
