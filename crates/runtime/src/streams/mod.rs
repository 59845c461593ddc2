//! The TCP carrier: datagrams on streams, each after its length (protocol section 2).
//!
//! [`Streams`] owns the listener and all connections of a node. One thread, [`Streams::run`],
//! waits for all of them, reads, accepts and connects; [`Streams::send`] writes from whatever
//! thread has a datagram, and what the kernel does not take waits in the stream's queue for
//! that thread. It decides nothing about the protocol: who may stay is said by
//! [`Streams::keep`].
//!
//! **Silence.** A listener writes nothing of its own. A connection is closed when a length has
//! no meaning, and when nobody has vouched for it ([`Streams::keep`]) after [`KEEP_LIMIT`];
//! before that it is a stranger, and of strangers the oldest gives way.
//!
//! **What is late.** A datagram that the path does not take within [`LATE_AFTER`] is worth less
//! than its place: what it carries has its own retransmission, which would send it again.
//! So the oldest are dropped, and counted. Bounded is what waits in the queue (in time, number
//! and bytes) and what the kernel has taken and not sent (`os::stream::UNSENT_LEN`, which is
//! more than 20 ms on a path below 6 Mbit/s). Not bounded is what was sent: TCP sends it until
//! it is acknowledged, whatever its age, and holds back at the other end what comes after a
//! loss; nor is what waits in the network, or in the other end's kernel when its thread does
//! not read. A datagram of which a part was written is written whole, however late.
//!
//! **Sleep.** Nothing here ticks. A timer runs while a connection is being made or a stranger
//! is there; a queue needs none, for its age is looked at when something is put in or
//! taken out.
//!
//! | limit | value |
//! |---|---|
//! | streams, strangers, strangers of one source | [`Limits`] |
//! | connections being made | [`DIALS_MAX`] |
//! | datagrams, bytes waiting on one stream | [`QUEUE_LEN_MAX`], [`QUEUE_BYTES_MAX`] |
//! | bytes waiting on all streams | [`QUEUES_BYTES_MAX`] |
//! | bytes of frames not whole, one a stream | `wire::frame::FRAME_LEN_MAX` |

mod connection;
mod limits;
mod queue;
mod reader;
mod shell;
mod table;

pub use limits::{
    DIAL_LIMIT, DIALS_MAX, KEEP_LIMIT, LATE_AFTER, Limits, QUEUE_BYTES_MAX, QUEUE_LEN_MAX,
    QUEUES_BYTES_MAX, STRANGERS_MAX, STRANGERS_PER_SOURCE_MAX, STREAMS_MAX,
};
pub use shell::{Receive, StreamEvent, Streams};

#[cfg(test)]
mod tests;
