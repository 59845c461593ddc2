//! How much of everything, and how long.

use std::time::Duration;

/// At most this many streams, as long as the process may have twice as many descriptors.
pub const STREAMS_MAX: usize = 4096;
/// At most this many of them are strangers: accepted and not yet kept.
pub const STRANGERS_MAX: usize = 256;
/// At most this many strangers of one IPv4 address or IPv6 /64. Many nodes may share an
/// address behind a NAT, but not all of them shake hands at once.
pub const STRANGERS_PER_SOURCE_MAX: usize = 16;
/// At most this many connections are being made at once.
pub const DIALS_MAX: usize = 16;
/// A connection that is not made after this has failed.
pub const DIAL_LIMIT: Duration = Duration::from_millis(4_500);
/// A stream that is not kept after this is closed.
pub const KEEP_LIMIT: Duration = Duration::from_secs(10);
/// What has waited longer for its stream is dropped.
pub const LATE_AFTER: Duration = Duration::from_millis(20);
/// At most this many datagrams wait on one stream.
pub const QUEUE_LEN_MAX: usize = 1024;
/// At most this many bytes wait on one stream: 20 ms at 200 Mbit/s.
pub const QUEUE_BYTES_MAX: usize = 512 * 1024;
/// At most this many bytes wait on all streams together.
pub const QUEUES_BYTES_MAX: usize = 32 * 1024 * 1024;

/// How many streams, by who they are, and how long a stranger stays. [`Limits::default`] has
/// the maxima of this module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// All streams.
    pub streams: usize,
    /// Streams that were accepted and not kept.
    pub strangers: usize,
    /// Those of them from one IPv4 address or IPv6 /64.
    pub per_source: usize,
    /// How long a stream stays that is not kept.
    pub keep_within: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            streams: STREAMS_MAX,
            strangers: STRANGERS_MAX,
            per_source: STRANGERS_PER_SOURCE_MAX,
            keep_within: KEEP_LIMIT,
        }
    }
}
