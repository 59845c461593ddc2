//! Every constant of the session protocol in one table (docs/protocol/session.md, sections
//! 3 to 5). What is not in the specification is a local bound and says so.

use std::time::Duration;

/// A send of the initiator this long after the handshake starts a new one.
pub const REKEY_AFTER: Duration = Duration::from_secs(120);
/// Traffic at either end this long after the handshake starts a new one.
pub const REKEY_BY_EITHER_AFTER: Duration = Duration::from_secs(165);
/// Keys older than this neither seal nor open.
pub const REFUSE_AFTER: Duration = Duration::from_secs(180);
/// The initiator starts a new handshake after this many packets sealed.
pub const REKEY_AFTER_PACKETS: u64 = 1 << 27;
/// Counters from here on are neither used nor accepted.
pub const REFUSE_AFTER_PACKETS: u64 = 1 << 60;
/// A session closes after this many packets that failed to open.
pub const FAILED_OPENS_MAX: u64 = 1 << 36;

/// Waits before the handshake retries; the last one repeats.
pub const HANDSHAKE_RETRY: [Duration; 4] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(5),
];
/// Each retry waits up to this much longer.
pub const HANDSHAKE_RETRY_JITTER_MS: u64 = 333;
/// Handshake attempts end after this.
pub const HANDSHAKE_GIVE_UP: Duration = Duration::from_secs(90);
/// The smaller F drops the other's initiation while its own is younger than this.
pub const SIMULTANEOUS_OPEN: Duration = Duration::from_secs(5);
/// Or when it was tried again because a path opened, which both ends are told at the same time,
/// less than this ago. Above the one-way time of nearly every path.
pub const SIMULTANEOUS_TRY: Duration = Duration::from_millis(500);

/// Keys that a responder made and the initiator has not confirmed are forgotten after this
/// (local bound).
pub const OFFER_LIFE: Duration = Duration::from_secs(15);

/// An empty packet goes out this long after data came and nothing was sent.
pub const KEEPALIVE: Duration = Duration::from_secs(10);
/// A new handshake starts this long after data was sent and nothing came.
pub const DEAD_PEER: Duration = Duration::from_secs(15);

/// What passes on every path, in bytes of UDP payload: the smallest IPv6 link has 1,280.
pub const DATAGRAM_BASE: usize = 1_232;
/// A larger datagram sent this long after the path's size was last asked for asks again
/// (local bound).
pub const PATH_CONFIRM: Duration = Duration::from_secs(15);

/// Packets accepted behind the highest counter.
pub const REPLAY_WINDOW_LEN: u64 = 8192;

/// Unfinished packets in pieces a session holds.
pub const PIECES_UNFINISHED_MAX: usize = 16;
/// Bytes of unfinished packets in pieces a session holds.
pub const PIECES_BYTES_MAX: usize = 256 * 1024;
/// Life of an unfinished packet in pieces.
pub const PIECES_LIFE: Duration = Duration::from_secs(1);

/// Fragmented handshake messages in reassembly.
pub const REASSEMBLY_MAX: usize = 64;
/// Life of a fragmented handshake message.
pub const REASSEMBLY_LIFE: Duration = Duration::from_secs(1);

/// Life of a cookie secret; the one before it is still accepted.
pub const COOKIE_SECRET_LIFE: Duration = Duration::from_secs(120);
/// Initiations a second, in all, that a node answers.
pub const INITIATIONS_PER_S: u32 = 50;
/// Initiations a second, in all, that a node answers of those that are proven: by a cookie, or by
/// coming over a stream or a channel.
pub const INITIATIONS_PROVEN_PER_S: u32 = 500;
/// How long a Bridge asks for cookies after it had to refuse an initiation.
pub const LOAD_LASTS: Duration = Duration::from_secs(1);
/// Initiations a second from one IPv4 address, IPv6 /64 or channel; those that are proven count
/// for themselves.
pub const INITIATIONS_PER_SOURCE_S: u32 = 20;
/// Initiations that one source may send at once.
pub const INITIATIONS_PER_SOURCE_BURST: u32 = 5;
/// Sources that the limiter remembers (local bound).
pub const LIMITER_SOURCES_MAX: usize = 256;

/// The receive window of the control stream.
pub const STREAM_WINDOW: u32 = 65_536;
/// The longest value of a message in the control stream.
pub const STREAM_MESSAGE_MAX: usize = 16_384;
/// Bytes queued in the control stream and not acknowledged (local bound).
pub const STREAM_QUEUE_MAX: usize = 256 * 1024;
/// The shortest retransmission time-out of the control stream.
pub const STREAM_RTO_MIN: Duration = Duration::from_millis(200);
/// The retransmission time-out before a round trip was measured (RFC 6298, 2.1).
pub const STREAM_RTO_INITIAL: Duration = Duration::from_secs(1);
/// The longest retransmission time-out of the control stream.
pub const STREAM_RTO_MAX: Duration = Duration::from_secs(5);
/// A session closes when its control stream makes no progress for this long.
pub const STREAM_STALLED: Duration = Duration::from_secs(60);

/// Packets parked while the first handshake runs (local bound).
pub const PARKED_PACKETS_MAX: usize = 128;
/// Bytes parked while the first handshake runs (local bound).
pub const PARKED_BYTES_MAX: usize = 256 * 1024;
/// Echo requests that wait for a reply (local bound).
pub const ECHOES_MAX: usize = 64;
/// An echo request without reply is lost after this (local bound).
pub const ECHO_LOST: Duration = Duration::from_secs(5);

/// Data unanswered for this long makes a path suspect that has an alternative, or is a stream or
/// channel.
pub const PATH_SILENT: Duration = Duration::from_millis(500);
/// How much longer a suspect path may take to answer than the one that would replace it.
pub const PATH_GRACE: Duration = Duration::from_millis(150);
/// The longest wait before a handshake retry to a Bridge of this node.
pub const HANDSHAKE_RETRY_BRIDGE: Duration = Duration::from_secs(2);
/// What passes on every IPv4 path, in bytes of UDP payload: 576 less the headers (RFC 791).
pub const DATAGRAM_SMALL: usize = 548;

/// Least time between two path challenges to one address (local bound).
pub const CHALLENGE_INTERVAL: Duration = Duration::from_millis(250);
/// A candidate address that never answered is forgotten after this (local bound).
pub const CANDIDATE_LIFE: Duration = Duration::from_secs(10);
