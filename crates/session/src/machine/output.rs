//! What a session tells its caller, in one ordered queue.

use super::Session;
use crate::handshake::{CredentialName, Instance};
use crate::stream::StreamError;
use crate::transport::{Role, Transport};
use identity::{LocalIdentity, Pin, PublicIdentity};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use wire::Path;
use wire::ip::Ecn;
use wire::payload::{CloseReason, Kind};

/// One output of a session.
#[derive(Debug)]
pub enum SessionOutput {
    /// Call [`Session::begin`] with a reserved handshake count, a free local index and an
    /// endpoint. Said again at each retry; without `begin` the retry is skipped.
    InitiationWanted,
    /// Send a datagram.
    Transmit {
        /// Where to.
        to: Path,
        /// The ECN field of the outer header: that of the packet inside (RFC 6040).
        ecn: Ecn,
        /// The datagram.
        bytes: Vec<u8>,
    },
    /// Datagrams with this transport's local index belong to this session from now on.
    InstallTransport(Arc<Transport>),
    /// This local index belongs to nobody from now on.
    RetireIndex(u32),
    /// A handshake is completed, at a responder confirmed, and its keys are in use.
    Established(Box<Up>),
    /// A message of the control stream.
    Message {
        /// Its type.
        kind: u16,
        /// Its value.
        value: Vec<u8>,
    },
    /// A packet from the peer, put together if it came in pieces.
    Packet {
        /// IP or Ethernet (then with the HUB channel in front).
        kind: Kind,
        /// Its bytes.
        bytes: Vec<u8>,
        /// The ECN field of the outer header that it came in, for the packet inside
        /// (RFC 6040); CE if a piece of it was marked.
        ecn: Ecn,
    },
    /// The answer to a ping.
    Echo {
        /// Which ping.
        id: u32,
        /// From its sending to now.
        rtt: Duration,
    },
    /// A ping stayed without answer for 5 s, or the session closed.
    EchoLost {
        /// Which ping.
        id: u32,
    },
    /// The peer has another address now.
    Moved {
        /// The address in use.
        to: Path,
    },
    /// The path in use is in doubt, and all that stand by are challenged. Whatever else leads to
    /// the peer is worth [`Session::try_path`] now: a path that answers is used at once.
    Doubt,
    /// The peer answers neither on the path in use nor on any that stands by. Said once each
    /// silence; the caller may know other paths, or call again.
    Silent {
        /// The path in use.
        path: Path,
    },
    /// Larger datagrams pass than before, or only smaller ones.
    PathMtu {
        /// The largest datagram known to pass, in bytes of UDP payload.
        datagram_max: usize,
    },
    /// The session is over, or an initiation failed.
    Closed {
        /// Why.
        why: Closed,
        /// Packets that were parked, the oldest first: their senders may be told.
        parked: Vec<(Kind, Vec<u8>)>,
    },
}

/// A completed handshake, as the caller sees it.
#[derive(Clone)]
pub struct Up {
    /// Which end this node was.
    pub role: Role,
    /// Who the peer is, verified.
    pub peer: PublicIdentity,
    /// What to remember of the peer's statements.
    pub pin: Pin,
    /// The channel binding.
    pub binding: [u8; 32],
    /// The peer's run.
    pub instance: Instance,
    /// The largest inner packet that the peer accepts, in bytes.
    pub inner_mtu: u16,
    /// The credentials that both ends hold.
    pub matched: Vec<CredentialName>,
    /// What the responder showed of its groups in message 2, not read here.
    pub shown: Vec<u8>,
    /// What this node said of itself in the handshake: not what it would say now, if its
    /// identity has changed since.
    pub told: Arc<LocalIdentity>,
    /// The session was up before with the same run of the peer: a rekey. Otherwise the
    /// control stream is new.
    pub continued: bool,
}

/// Without the channel binding, which is a secret of the two ends.
impl fmt::Debug for Up {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Up")
            .field("role", &self.role)
            .field("peer", &self.peer.address())
            .field("instance", &self.instance)
            .field("inner_mtu", &self.inner_mtu)
            .field("matched", &self.matched)
            .field("continued", &self.continued)
            .finish_non_exhaustive()
    }
}

/// Why a session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Closed {
    /// This node closed it, or killed its keys.
    #[error("closed by this node")]
    Local(CloseReason),
    /// The peer closed it.
    #[error("closed by the peer")]
    Peer(CloseReason),
    /// The peer answered no initiation for 90 s.
    #[error("the peer does not answer")]
    NoAnswer,
    /// Nothing was sent or received until the keys expired.
    #[error("idle until its keys expired")]
    Idle,
    /// Too many packets failed to open.
    #[error("too many forged packets")]
    TooManyForgeries,
    /// The control stream broke.
    #[error(transparent)]
    Stream(StreamError),
}

impl Session {
    pub(super) fn output(&mut self, output: SessionOutput) {
        self.outputs.push_back(output);
    }

    pub(super) fn retire_keys(&mut self, transports: Vec<Arc<Transport>>) {
        for transport in transports {
            self.retired_counts = self.retired_counts.plus(transport.counts());
            self.output(SessionOutput::RetireIndex(transport.local_index()));
        }
    }

    pub(super) fn retire(&mut self, indices: impl IntoIterator<Item = u32>) {
        for index in indices {
            self.output(SessionOutput::RetireIndex(index));
        }
    }
}
