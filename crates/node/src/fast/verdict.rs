//! What the fast path says about one packet or datagram.

use std::ops::Range;

use wire::datagram::COOKIE_REPLY_LEN;
use wire::ip::Ecn;
use wire::{NodeAddr, Path};

/// What to do with an inner packet that the local host sent.
#[derive(Debug)]
pub enum Outbound {
    /// Send `buf[datagram]` as one datagram.
    Send {
        /// Where to: UDP or a stream.
        to: Path,
        /// ECN field for the outer IP header (RFC 6040: the inner one).
        ecn: Ecn,
        /// Where the datagram is in the buffer.
        datagram: Range<usize>,
        /// Hand this to the slow path as well; the datagram may leave first.
        report: Option<FastReport>,
    },
    /// The slow path has to see the packet (`Node::handle_inside`); it is unchanged.
    Slow,
    /// Hand this packet (an ICMP error) to the local host.
    Reply(Vec<u8>, DropReason),
    /// Drop the packet.
    Drop(DropReason),
}

/// What to do with a datagram from the underlay.
#[derive(Debug)]
pub enum Inbound {
    /// Hand `datagram[packet]` to the local host.
    Deliver {
        /// Where the inner packet is in the datagram.
        packet: Range<usize>,
        /// Hand this to the slow path as well.
        report: Option<FastReport>,
    },
    /// Hand this to the slow path; nothing is delivered (now).
    Report(FastReport),
    /// The slow path has to see the datagram (`Node::handle_datagram`); it is unchanged.
    Slow {
        /// Its sender is known to receive where it says it is. Of others there may be any
        /// number: whoever cannot take one says so by [`Snapshot::note_load`].
        ///
        /// [`Snapshot::note_load`]: crate::Snapshot::note_load
        proven: bool,
    },
    /// Send this back to where the datagram came from, and drop the datagram.
    Answer([u8; COOKIE_REPLY_LEN]),
    /// Send the whole datagram on, as it is now.
    Forward {
        /// Where to: UDP or a stream.
        to: Path,
        /// Hand this to the slow path as well.
        report: Option<FastReport>,
    },
    /// Drop the inner packet, and hand this to the slow path.
    Refused(DropReason, FastReport),
    /// Drop the datagram. It may hold garbage, never plaintext that did not verify.
    Drop(DropReason),
}

impl Inbound {
    /// The same about a datagram that is `len` bytes further on in the buffer.
    pub(crate) fn behind(self, len: usize) -> Self {
        match self {
            Self::Deliver { packet, report } => Self::Deliver {
                packet: packet.start + len..packet.end + len,
                report,
            },
            other => other,
        }
    }
}

/// What the slow path has to know about something that the fast path did. Hand it to
/// `Node::handle_fast` soon and in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FastReport {
    /// An authentic packet was opened.
    Opened {
        /// Receiver index of the keys that opened it.
        index: u32,
        /// Where it came from.
        from: Path,
        /// ECN field of the outer header.
        ecn: Ecn,
        /// Its counter.
        counter: u64,
        /// Whether that was the highest so far.
        highest: bool,
        /// Length of the whole datagram.
        datagram_len: usize,
        /// What the slow path has to handle: kind and rest; empty for a keepalive. `None`:
        /// it was an IP packet, and it was delivered or dropped already.
        plaintext: Option<Vec<u8>>,
    },
    /// Sealing a packet started a timer that nobody waits for, or made a rekey due.
    Wake {
        /// Receiver index (ours) of the keys.
        index: u32,
    },
    /// A client of this Bridge sent its newest relayed datagram from somewhere else.
    ClientElsewhere {
        /// The client.
        client: NodeAddr,
        /// Where it came from.
        from: Path,
        /// Length of the whole datagram.
        datagram_len: usize,
    },
}

macro_rules! drop_reasons {
    ($($(#[$doc:meta])* $name:ident => $text:literal,)*) => {
        /// Why something was dropped. Counted in `NodeStatus::dropped`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum DropReason { $($(#[$doc])* $name,)* }

        impl DropReason {
            /// Every reason.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// A stable name, for metrics and `--json`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

drop_reasons! {
    /// Bytes that are no datagram of this protocol, or no IP packet inside.
    Malformed => "malformed",
    /// A datagram type that this node has no use for.
    Unsupported => "unsupported",
    /// No session has this receiver index.
    UnknownIndex => "unknown_index",
    /// It did not open.
    NotAuthentic => "not_authentic",
    /// Its counter was seen before or is too old.
    Replayed => "replayed",
    /// The keys are too old.
    Expired => "expired",
    /// The session ended.
    Dead => "dead",
    /// The inner source is not the peer's address.
    SourceNotPeer => "source_not_peer",
    /// The inner destination is not this node's.
    NotForUs => "not_for_us",
    /// The peer may not reach this service.
    ServiceDenied => "service_denied",
    /// Marked CE outside, Not-ECT inside (RFC 6040).
    EcnNotCapable => "ecn_not_capable",
    /// The local packet's source is not this node's address.
    SourceNotOwn => "source_not_own",
    /// The local packet goes to no node.
    NoRoute => "no_route",
    /// The local packet goes to a node that is not allowed.
    NotAllowed => "not_allowed",
    /// The rules of the groups do not let the local packet reach this at its peer.
    RuledOut => "ruled_out",
    /// Larger than the receiver accepts.
    TooLarge => "too_large",
    /// No room to park it while the handshake runs.
    ParkedFull => "parked_full",
    /// The handshake failed while it was parked.
    Unreachable => "unreachable",
    /// MAC1 is not for this node.
    Mac1 => "mac1",
    /// Too many initiations.
    RateLimited => "rate_limited",
    /// Handshake message that is none, or not for this node.
    Handshake => "handshake",
    /// From a node that no rule allows.
    Stranger => "stranger",
    /// Its number is not above the last: a replay, or an old copy of a node.
    StaleNumber => "stale_number",
    /// The identity in it does not verify.
    Identity => "identity",
    /// The identity belongs to a root or certificate that has been replaced.
    OldIdentity => "old_identity",
    /// Rotated too often since last seen.
    LongerLogNeeded => "longer_log_needed",
    /// This node's own keys, from elsewhere.
    OwnIdentity => "own_identity",
    /// This node's own initiation goes first.
    Crossing => "crossing",
    /// A membership, entry or secret of a group that does not hold.
    Membership => "membership",
    /// Between ordinary addresses: the process table says so.
    PitDiscard => "pit_discard",
    /// A table is full.
    TableFull => "table_full",
    /// A datagram of a channel that is not there.
    NoChannel => "no_channel",
    /// A client of this Bridge sends more than it may.
    Quota => "quota",
    /// A beacon that does not verify or is repeated.
    Beacon => "beacon",
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn reasons_have_distinct_names() {
        let names: BTreeSet<_> = DropReason::ALL.iter().map(|reason| reason.name()).collect();
        assert_eq!(names.len(), DropReason::ALL.len());
    }
}
