//! What a node asks its shell to do: one ordered queue.
//!
//! Order matters. A [`Output::Persist`] is safe against kill -9 before anything after it is
//! acted on: a peer's number is on disk before the answer leaves, an invite is used up on
//! disk before message 2 leaves.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use group::MemberName;
use group::agent::AgentMessage;
use group::statement::GroupId;
use wire::channel::AttachStatus;
use wire::ip::Ecn;
use wire::{NodeAddr, Path, StreamId};

use crate::siting::SiteRoute;
use crate::stored::bridge::PasswordRecord;
use crate::{Change, Snapshot};

/// One thing to do, in order.
#[derive(Clone, Debug)]
pub enum Output {
    /// Write this to the journal before acting on what follows.
    Persist(Change),
    /// Send this datagram.
    Transmit {
        /// Where to: UDP or a stream.
        to: Path,
        /// ECN field of the outer IP header.
        ecn: Ecn,
        /// The datagram.
        payload: Vec<u8>,
    },
    /// Send this payload to both beacon groups on every interface of the LAN.
    Multicast(Vec<u8>),
    /// Hand this IP packet to the local host.
    Inside(Vec<u8>),
    /// This node is a Bridge, and takes streams on its port, or it is none any more.
    Listen(bool),
    /// Connect a stream; [`crate::StreamEvent`] follows.
    Dial {
        /// Where to.
        at: SocketAddr,
        /// With segments that pass anywhere: a stream before carried nothing.
        small: bool,
    },
    /// A stream is authentic: keep it.
    Keep(StreamId),
    /// Close a stream.
    Hang(StreamId),
    /// Check a password with Argon2id, apart from everything else;
    /// [`crate::Node::handle_password`] takes the customer whose it is.
    CheckPassword {
        /// Who said it.
        client: NodeAddr,
        /// The password.
        password: String,
        /// The customers' passwords.
        against: Vec<PasswordRecord>,
    },
    /// Send this IP packet of the local host on, as it is and past this node: nobody at its
    /// destination encrypts, and this node is open.
    Clear(Vec<u8>),
    /// The host's packets to this address go so from now on.
    Site {
        /// The address.
        there: IpAddr,
        /// How.
        route: SiteRoute,
    },
    /// A node says something to this management server; [`crate::Node::tell_from_server`] answers.
    ToServer {
        /// Who: a member's node, or a newcomer that enrols.
        from: NodeAddr,
        /// What.
        message: AgentMessage,
    },
    /// Data threads use this from now on.
    Publish(Arc<Snapshot>),
    /// Something a person or a program may want to know.
    Event(Event),
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A session with the peer stands, both directions proven.
    SessionUp {
        /// The peer.
        peer: NodeAddr,
        /// How it is reached.
        via: Via,
    },
    /// There is no session with the peer any more.
    SessionDown {
        /// The peer.
        peer: NodeAddr,
        /// Why.
        why: DownWhy,
    },
    /// The peer answered a ping.
    Echo {
        /// The peer.
        peer: NodeAddr,
        /// The caller's number.
        id: u32,
        /// Round trip.
        rtt: Duration,
        /// How it came.
        via: Via,
    },
    /// A ping got no answer.
    EchoLost {
        /// The peer.
        peer: NodeAddr,
        /// The caller's number.
        id: u32,
    },
    /// An invite of this node was used.
    InviteUsed {
        /// Who joined.
        by: NodeAddr,
    },
    /// This node joined the peer whose invite line it was given.
    Joined {
        /// The inviter.
        peer: NodeAddr,
    },
    /// The inviter did not answer, or answered without taking the invite.
    JoinFailed {
        /// The inviter.
        peer: NodeAddr,
        /// Why.
        why: JoinFailure,
    },
    /// Two nodes use the keys of one F.
    CloneSeen {
        /// Whose keys; may be this node's own.
        f: NodeAddr,
        /// Where one of them is, where known.
        here: Option<SocketAddr>,
        /// Where the other is, where known.
        there: Option<SocketAddr>,
    },
    /// The peer's rotation or new certificate was verified and pinned.
    IdentityUpdated {
        /// The peer.
        peer: NodeAddr,
        /// Its root log position now.
        position: u32,
    },
    /// A Bridge has taken this node as a client.
    BridgeUp {
        /// The Bridge.
        bridge: NodeAddr,
    },
    /// The session with a Bridge has ended; it is called again.
    BridgeDown {
        /// The Bridge.
        bridge: NodeAddr,
    },
    /// A Bridge has not taken this node.
    BridgeRefused {
        /// The Bridge.
        bridge: NodeAddr,
        /// Why.
        why: AttachStatus,
    },
    /// The session with a peer runs another way now.
    Moved {
        /// The peer.
        peer: NodeAddr,
        /// How it is reached.
        via: Via,
    },
    /// This Bridge has a new client.
    ClientUp {
        /// The client.
        client: NodeAddr,
    },
    /// A client of this Bridge has gone.
    ClientDown {
        /// The client.
        client: NodeAddr,
    },
    /// A server took this node as a member.
    Enrolled {
        /// The server.
        server: NodeAddr,
        /// What this node is called there.
        name: String,
    },
    /// A server did not take this node as a member.
    EnrolFailed {
        /// The server.
        server: NodeAddr,
        /// What it says; `None`: the line ran out before it said anything.
        why: Option<String>,
    },
    /// This node is in a group.
    GroupJoined {
        /// Which.
        group: GroupId,
        /// What it is called.
        name: String,
    },
    /// This node was removed from a group.
    GroupLeft {
        /// Which.
        group: GroupId,
        /// What it was called.
        name: String,
    },
    /// Everything that a server had to tell has come.
    GroupsCurrent {
        /// The server.
        server: NodeAddr,
        /// Up to this revision.
        rev: u64,
    },
    /// Who a member's name stands for ([`crate::Node::find`]).
    Named {
        /// The name.
        name: MemberName,
        /// The member's node; `None`: nobody is called so, as far as a server says.
        f: Option<NodeAddr>,
        /// Who says so: a server, or this node itself.
        by: NodeAddr,
    },
    /// Two chains of one server of a group: it lied to somebody, or its key is in other hands.
    GroupForked {
        /// The group.
        group: GroupId,
        /// The server's index.
        index: u8,
        /// The member that holds the other chain.
        peer: NodeAddr,
    },
    /// A server's lease does not run now: its clock and this node's differ.
    GroupClock {
        /// The server.
        server: NodeAddr,
    },
    /// A server says what became of signing in or out.
    SignInAnswered {
        /// The server.
        server: NodeAddr,
        /// Which request.
        request: u32,
        /// What.
        answer: group::agent::SignInAnswer,
    },
    /// A sign-in ends soon: whoever signs in again before goes on without a gap.
    SignInEnding {
        /// In which group.
        group: String,
        /// When, Unix seconds.
        until_unix_s: u64,
    },
    /// A sign-in has ended: this node is in the group again when somebody signs in.
    SignInEnded {
        /// In which group.
        group: String,
    },
    /// What was kept of a group cannot be read; its server tells it again.
    GroupDamaged {
        /// Which.
        group: GroupId,
    },
    /// This node's certificate ends within 10 days. Said again each day: the shell renews it
    /// if it can, by [`crate::Node::install_identity`].
    CertificateExpiring {
        /// Unix seconds.
        not_after: u64,
    },
    /// This node's certificate has ended; peers refuse this node from now on.
    CertificateExpired {
        /// Unix seconds.
        not_after: u64,
    },
}

/// How two nodes reach each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Via {
    /// Over UDP, at this address.
    Direct(SocketAddr),
    /// Over a stream with this address.
    Stream(SocketAddr),
    /// Over this Bridge.
    Bridge(NodeAddr),
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DownWhy {
    /// The peer did not answer the handshake for 90 s.
    NoAnswer,
    /// The keys ran out and nobody wanted to talk.
    Idle,
    /// The peer shut down.
    PeerShutDown,
    /// The peer does not allow this node any more.
    PeerRefused,
    /// The peer replaced the session.
    Replaced,
    /// This node's rules do not allow the peer any more.
    NotAllowed,
    /// This node shuts down.
    ShuttingDown,
    /// The control stream or the transport broke its bounds.
    Broken,
}

/// Why a join did not work out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinFailure {
    /// Nobody answered in 90 s: the inviter is off or unreachable, or the invite is used,
    /// withdrawn or expired there (a node is silent to strangers).
    NoAnswer,
    /// The invite ran out while waiting.
    Expired,
    /// The inviter was denied locally while waiting.
    Denied,
    /// The allowlist filled up while waiting.
    Full,
}

/// Why a wake-up is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wake {
    /// A session: retry, keepalive, rekey, stream, echo, reassembly.
    Session,
    /// A beacon is due.
    Beacon,
    /// A peer without known identity is given up.
    Wanted,
    /// A join or an invite runs out.
    Invite,
    /// This node's certificate ends soon, or ends.
    Certificate,
    /// A Bridge is to be called or asked whether it is there, or an applicant let go.
    Bridge,
    /// A group's epoch, lease or proof, or a server to be called.
    Group,
}
