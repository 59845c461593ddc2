//! What a program may ask a running node, and what the node answers.
//!
//! Does: the versioned request, response and error types, and their framing. Does not:
//! open a socket, decide who may ask (`os::control` checks the peer's credentials), or
//! carry any secret but invite lines and passwords.
//!
//! One connection carries one request. The node answers with one frame, except to
//! [`Request::Ping`], which it answers with one [`Response::Echo`] for each echo and then
//! [`Response::PingDone`]. A client that hangs up ends what it asked for.
//!
//! | bytes | meaning |
//! |---|---|
//! | 4 | length of what follows, big-endian, at most [`FRAME_LEN_MAX`] |
//! | n | JSON: `{"v":1,"verb":…}` from the client, `{"v":1,"ok":…}` or `{"v":1,"error":…}` from the node |
//!
//! Fields may be added within a version; both sides ignore fields that they do not know.
//! Addresses F and aliases are [`std::net::Ipv6Addr`]; times are Unix seconds.

mod answers;
mod bridge;
mod error;
mod forward;
mod frame;
mod group;
mod limits;
mod lock;
mod locked;
mod manage;
mod netcheck;
mod port;
mod prefix;
mod reach;
mod request;
mod response;
mod rules;
mod users;
mod who;
mod why;

pub use answers::{
    Action, Enrolled, GroupLine, GroupServer, Groups, GroupsMade, GroupsShared, Managed,
    ManagedGroup, Member, Membership, OnPath, PairChange, PitEntry, Planned, PlannedPair,
    PlannedServices, Reached,
};
pub use bridge::{
    BridgeLine, BridgeRequest, BridgeUsed, CUSTOMER_LEN_MAX, Client, PASSWORD_LEN_MAX,
    PASSWORD_LEN_MIN, Password, Refusal, Serving, UsedBridge,
};
pub use error::{ApiError, Code};
pub use forward::{
    EndError, FORWARDS_MAX, Forward, ForwardStatus, Listen, Proxies, Target, is_overlay,
};
pub use frame::{
    FRAME_LEN_MAX, FrameError, decode_reply, decode_request, encode_reply, encode_request,
    frame_len, read_frame,
};
pub use group::{
    DATABASE_LEN_MAX, Enters, GROUPS_MAX, GroupRequest, Hidden, Kind, Mode, NAME_LEN_MAX,
    PLANNED_MAX, USES_MAX,
};
pub use limits::{EXPIRES_S_DEFAULT, EXPIRES_S_MAX, EXPIRES_S_MIN, LABEL_LEN_MAX};
pub use lock::{LOCK_ADMINS_MAX, Lock, SIGNING_LEN_MAX};
pub use locked::{Approved, Asked, NewSignature, Pending};
pub use manage::{
    ADMIN_S_MAX, Admin, Key, LogPage, LogRecord, ManageRequest, ManageResponse, NewAdmin,
    NewGroups, NewLine, NewMember, NewPlan, NewShare, OpenLine, PAGE_DEFAULT, PAGE_MAX, Page, Role,
    Server,
};
pub use netcheck::{
    BridgeCheck, Nat, Netcheck, TARGET_LEN_MAX, TARGETS_MAX, TcpCheck, TcpFailure, Verdict,
};
pub use port::{PortRange, Proto, Services};
pub use prefix::{PREFIXES_MAX, Prefix};
pub use reach::{PeerState, Via, is_global};
pub use request::{Accept, Allow, Invite, Join, PING_COUNT_MAX, PORTS_MAX, Ping, Request};
pub use response::{
    Announced, Candidate, CandidateSource, Certificate, Echo, EchoResult, Entry, InGroup, Inside,
    Invited, Joined, Network, NetworkMode, Notice, NoticeKind, Offloads, Peer, PingDone,
    PrefixState, Report, ReportSection, Response, Status, Told, Traffic, Work,
};
pub use rules::{
    EVERYTHING, GroupRule, GroupRules, GroupTest, MemberRoles, RULES_MAX, services_of, written,
};
pub use users::{
    NewAccess, NewPassword, NewSignIn, NewUser, SIGN_IN_S_MAX, SIGN_IN_S_MIN, SignIn, SignInGroup,
    SignInState, SignOut, SignedIn, SignedOut, USER_DEVICES_MAX, USER_PASSWORD_LEN_MAX,
    USER_PASSWORD_LEN_MIN, User, UserPassword,
};
pub use who::{Who, WhoError};
pub use why::{Fact, Fate, Why};

/// The version of this interface. A node refuses any other with [`Code::Version`].
pub const VERSION: u32 = 1;

/// What a node answers: a response, or why there is none.
pub type Reply = Result<Response, ApiError>;
