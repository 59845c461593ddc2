//! What transports take, give and refuse.

use crate::replay::ReplayError;
use identity::crypto::AeadAlg;
use std::ops::Range;
use std::time::Duration;

/// Which end of the handshake this node was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// It sent message 1.
    Initiator,
    /// It sent message 2.
    Responder,
}

/// What a transport is made from.
pub struct TransportParts<'a> {
    /// Which end this node is.
    pub role: Role,
    /// The index that the peer puts into its packets.
    pub local_index: u32,
    /// The index that this node puts into its packets.
    pub remote_index: u32,
    /// The AEAD of both directions.
    pub aead: AeadAlg,
    /// `k_i ‖ k_r`.
    pub keys: &'a [u8; 64],
    /// When the handshake ended, on the monotonic clock.
    pub born: Duration,
}

/// A sealed datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Its length in the buffer.
    pub len: usize,
    /// It started a timer that nobody waits for, or made a new handshake or a probe of the
    /// path due: call `Session::handle_timeout`.
    pub wake: bool,
}

/// An opened datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Its counter.
    pub counter: u64,
    /// Where its plaintext stands in the buffer; empty for a keepalive.
    pub plaintext: Range<usize>,
    /// No higher counter came before.
    pub highest: bool,
    /// The session has seen no packet of this transport yet. The first that it sees confirms
    /// the handshake to a responder: `Session::handle_opened` or `handle_delivered` must get it.
    pub first: bool,
    /// As [`Sealed::wake`].
    pub wake: bool,
}

/// Why nothing was sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The session was closed or the peer removed.
    #[error("the session is closed")]
    Dead,
    /// The responder waits for the first packet of the initiator.
    #[error("the peer has not confirmed the handshake")]
    Unconfirmed,
    /// The keys are 180 s old.
    #[error("the session keys have expired")]
    Expired,
    /// 2^60 packets were sealed.
    #[error("the session has used up its packet counters")]
    Exhausted,
    /// The buffer has no room for header and tag.
    #[error("the buffer is too short for header and tag")]
    Buffer,
}

/// Why a datagram was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The session was closed or the peer removed.
    #[error("the session is closed")]
    Dead,
    /// The keys are 180 s old.
    #[error("the session keys have expired")]
    Expired,
    /// It is not a transport packet with the index of this transport.
    #[error("not a transport packet of this session")]
    Malformed,
    /// It is not authentic.
    #[error("the packet failed authentication")]
    Forged,
    /// It is authentic and the replay window refuses it.
    #[error(transparent)]
    Replay(#[from] ReplayError),
}

/// Packets and bytes of both directions, authenticated ones only, as whole datagrams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Datagrams sealed.
    pub tx_packets: u64,
    /// Bytes sealed, headers and tags included.
    pub tx_bytes: u64,
    /// Datagrams opened.
    pub rx_packets: u64,
    /// Bytes opened, headers and tags included.
    pub rx_bytes: u64,
    /// Datagrams that failed to open.
    pub failed_opens: u64,
}

impl Counts {
    /// The sum of two.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            tx_packets: self.tx_packets.saturating_add(other.tx_packets),
            tx_bytes: self.tx_bytes.saturating_add(other.tx_bytes),
            rx_packets: self.rx_packets.saturating_add(other.rx_packets),
            rx_bytes: self.rx_bytes.saturating_add(other.rx_bytes),
            failed_opens: self.failed_opens.saturating_add(other.failed_opens),
        }
    }
}
