//! What a command may answer instead of doing it. One type per command; the texts name the
//! cause, the remedy belongs to whoever shows them.

use group::AllowError;
use wire::NodeAddr;

/// Why a node could not start.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NewError {
    /// The identity does not verify.
    #[error("the identity of this node does not verify: {0}")]
    Identity(identity::IdentityError),
}

/// Why an allow entry was not taken: see [`AllowError`].
pub type AllowRefused = AllowError;

/// Why no invite was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InviteError {
    /// Too many are open.
    #[error("{} invites are open already", crate::INVITES_MAX)]
    TooMany,
    /// The lifetime is zero or too long.
    #[error("an invite lives between 1 second and {} days", crate::INVITE_TTL_S_MAX / 86_400)]
    Lifetime,
    /// No address to be reached at.
    #[error("an invite needs at least one address where this node is reachable")]
    NoEndpoint,
    /// This node's own identity does not fit an invite line.
    #[error("the identity of this node does not fit an invite line")]
    Identity,
}

/// Why an invite line was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// The text is not an invite, was cut off, mistyped, or is of a newer version.
    #[error("{0}")]
    Line(wire::invite::InviteError),
    /// Its time is over.
    #[error("the invite expired at {expired_unix_s} (Unix seconds)")]
    Expired {
        /// When.
        expired_unix_s: u64,
    },
    /// It is this node's own line.
    #[error("this invite was made by this node")]
    Own,
    /// It is of a node, not of a management server.
    #[error("this line is not of a group management server")]
    NotAGroup,
    /// It is of a locked group, and its admins have not signed for this: not enough of them, or not for what this
    /// node would be.
    #[error("the admins of the group `{0}` do not admit this node by this line")]
    NotAdmitted(String),
    /// The inviter's statements in it are no identity.
    #[error("the invite holds no identity: {0}")]
    History(identity::HistoryError),
    /// The inviter's identity in it does not verify.
    #[error("the identity in the invite does not verify: {0}")]
    Identity(identity::IdentityError),
    /// A local deny entry names the inviter.
    #[error("{0} is denied by a local rule")]
    Denied(NodeAddr),
    /// The allowlist has no room for the inviter.
    #[error("{0}")]
    Allow(AllowError),
    /// Too many joins are under way.
    #[error("{} joins are under way already", crate::JOINS_MAX)]
    TooMany,
    /// It is the line of a Bridge, not of a peer.
    #[error("this is the line of a Bridge")]
    Bridge,
    /// The line names no address to try.
    #[error("the invite names no address")]
    NoEndpoint,
}

/// Why a command about Bridges was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BridgeError {
    /// The line is not one of a Bridge that can be used.
    #[error("{0}")]
    Line(JoinError),
    /// It is an invite of a peer, for `join`.
    #[error("this is the invite of a peer, not the line of a Bridge")]
    NotABridge,
    /// The Bridge's identity does not verify.
    #[error("the identity of the Bridge does not verify")]
    Identity,
    /// The Bridge, or the client, is this node.
    #[error("that is this node")]
    Own,
    /// Too many Bridges.
    #[error("{} Bridges are used already", crate::stored::bridge::BRIDGES_MAX)]
    TooMany,
    /// The line, or this machine, has no address to be reached at.
    #[error("there is no address to reach the Bridge at")]
    NoEndpoint,
    /// The Bridge wants a password.
    #[error("the Bridge wants a password")]
    PasswordNeeded,
    /// None of this node's Bridges.
    #[error("no Bridge of this node has that address")]
    Unknown,
    /// This node is no Bridge.
    #[error("this node is no Bridge")]
    NotServing,
    /// The entry was not taken.
    #[error("{0}")]
    Entry(AllowError),
    /// The customer's name is too long or holds control characters.
    #[error(
        "a customer's name has at most {} bytes, and no control characters",
        crate::stored::bridge::CUSTOMER_LEN_MAX
    )]
    CustomerName,
    /// Too many customers have a password.
    #[error(
        "{} customers have a password already",
        crate::stored::bridge::CUSTOMERS_MAX
    )]
    TooManyCustomers,
    /// Too many tickets are open.
    #[error("{} tickets are open already", crate::stored::bridge::TICKETS_MAX)]
    TooManyTickets,
    /// The line could not be made.
    #[error("{0}")]
    Invite(InviteError),
}

/// Why a peer cannot be connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// Not an address F (or a known alias).
    #[error("{0} is not the address of a node")]
    NotANode(NodeAddr),
    /// It is this node.
    #[error("{0} is this node")]
    Own(NodeAddr),
    /// A deny entry names it.
    #[error("{0} is denied by a local rule")]
    Denied(NodeAddr),
    /// No allow entry names it.
    #[error("{0} is not on the allowlist")]
    NotAllowed(NodeAddr),
    /// This node's certificate is out of its time or lacks the scope to talk.
    #[error("the certificate of this node does not allow it to talk now")]
    OwnCertificate,
    /// Nothing is sent while the node shuts down.
    #[error("the node is shutting down")]
    ShuttingDown,
}

/// Why a ping was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PingError {
    /// See there.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// Too many echo requests wait for their answer.
    #[error("too many pings to {0} wait for an answer")]
    TooMany(NodeAddr),
}

/// Why a new identity was not installed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InstallError {
    /// Another address F.
    #[error("the identity belongs to {0}, not to this node")]
    OtherNode(NodeAddr),
    /// It does not verify, or is older than the one in use.
    #[error("the identity does not verify: {0}")]
    Identity(identity::IdentityError),
}

/// Why nobody was signed in or out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignInError {
    /// No group of this node requires a sign-in, or not the one that was named.
    #[error("no group of this node requires a sign-in")]
    NoGroup(Option<String>),
    /// Groups of several servers do, and a password goes to none but its own.
    #[error("several servers ask for a sign-in: name one of their groups")]
    Several(Vec<String>),
    /// Nobody is signed in, so the user has to be named.
    #[error("name the user")]
    NoUser,
    /// The server is not in touch, and nobody else can sign anybody in.
    #[error("the management server {0} is not in touch")]
    NotInTouch(NodeAddr),
    /// The server is still to be told that whoever was signed in signed out.
    #[error("the server does not know yet that the user before signed out")]
    SigningOut,
    /// Nobody is signed in.
    #[error("nobody is signed in")]
    NotSignedIn,
}
