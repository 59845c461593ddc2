//! Answers about groups: those that a node is in, those that a management server has, lines, plans and flows.

use crate::group::{Kind, Mode};
use crate::lock::Lock;
use crate::prefix::Prefix;
use crate::rules::{GroupRule, GroupTest};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use utoipa::ToSchema;

/// What an element does with a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Encrypts one way and decrypts the other.
    Encrypt,
    /// Passes on what it cannot read.
    Relay,
    /// Drops.
    Discard,
    /// Passes on in clear.
    Clear,
}

/// One entry of the process table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PitEntry {
    /// The address here, or behind this node.
    pub here: IpAddr,
    /// The address there.
    pub there: IpAddr,
    /// What happens to packets between them.
    pub action: Action,
    /// The address F of the other element, if it encrypts.
    pub peer: Option<Ipv6Addr>,
    /// What it is called.
    pub name: Option<String>,
    /// The other has not confirmed yet.
    pub provisional: bool,
    /// Seconds until it is looked at again.
    pub left_s: u64,
    /// The numbers of the epochs in common, by group.
    pub epochs: Vec<(String, u32)>,
    /// The elements on the way that say that they relay it, the nearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<OnPath>,
}

/// An element on the way of a flow, by its own word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnPath {
    /// Its address F. Nothing proves it.
    pub peer: Ipv6Addr,
    /// What the member with that address is called, if it has shown that it is one.
    pub name: Option<String>,
    /// What it is.
    pub element: Kind,
    /// Its mode.
    pub mode: Mode,
    /// Seconds since it said so.
    pub age_s: u64,
}

/// Groups were made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupsMade {
    /// Their names.
    pub groups: Vec<String>,
    /// Their time zone.
    pub zone: String,
    /// The ordinary addresses that they protect.
    #[schema(value_type = Vec<String>)]
    pub site: Vec<Prefix>,
    /// What this node is called in them; `None`: it is in none.
    pub member: Option<String>,
    /// Who admits, if they are locked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locked: Option<Lock>,
}

/// This node's server manages groups with another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupsShared {
    /// The other server.
    pub server: Ipv6Addr,
    /// The groups.
    pub groups: Vec<String>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// What becomes of a pair of members.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PairChange {
    /// It shares a group from then on.
    Opens,
    /// It shares none any more.
    Closes,
    /// It shares fewer, and one still.
    Stays,
    /// It shares what it did, and reaches other services.
    Services,
}

/// What becomes of the services that one member reaches at another: each as `tcp/22`, or `all`; none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlannedServices {
    /// Those before.
    pub was: Vec<String>,
    /// Those after.
    pub is: Vec<String>,
}

/// Two members, and what would become of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlannedPair {
    /// What.
    pub change: PairChange,
    /// One of them; whoever would come by a line is `*1`, and others `*2`.
    pub one: String,
    /// The other.
    pub other: String,
    /// The groups by which they are open then, or were, if they close.
    pub groups: Vec<String>,
    /// One of them has not come yet, or the admins of a locked group have to sign first: until then all is as it was.
    pub waits: bool,
    /// What the one reaches at the other.
    pub forth: PlannedServices,
    /// What the other reaches at the one.
    pub back: PlannedServices,
}

/// What an order would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Planned {
    /// The pairs, those that open first; at most [`PLANNED_MAX`].
    pub pairs: Vec<PlannedPair>,
    /// How many more there are.
    pub left_out: u64,
}

/// A line by which a node becomes a member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupLine {
    /// Its id, by which it can be withdrawn: 32 hexadecimal digits.
    pub id: String,
    /// The line. Whoever has it first becomes the member, so it is a secret.
    pub line: String,
    /// When it expires, Unix seconds.
    pub expires_unix_s: u64,
    /// The endpoints written in it.
    #[schema(value_type = Vec<String>)]
    pub endpoints: Vec<SocketAddr>,
}

/// This node has become a member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolled {
    /// The server.
    pub server: Ipv6Addr,
    /// What this node is called.
    pub name: String,
    /// The groups that it is in now.
    pub groups: Vec<String>,
    /// The groups that wait for somebody to sign in.
    #[serde(default)]
    pub waits: Vec<String>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// The groups of a node, and those that it manages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Groups {
    /// Those that it is in, by name.
    pub member_of: Vec<Membership>,
    /// Who is signed in, by server, and the groups that ask for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sign_ins: Vec<crate::SignInState>,
    /// Those that it manages; `None`: it is no management server.
    pub managed: Option<Managed>,
}

/// A group that a node is in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// Its id, hexadecimal.
    pub id: String,
    /// What it is called.
    pub group: String,
    /// What this node is called in it.
    pub name: Option<String>,
    /// What this node is in it.
    pub element: Kind,
    /// Its mode.
    pub mode: Mode,
    /// The end of its lease, Unix seconds.
    pub lease_until_unix_s: u64,
    /// The numbers of the epochs in force, one for each server.
    pub epochs: Vec<u32>,
    /// The servers, and whether each is in touch.
    pub servers: Vec<Reached>,
    /// Members that this node has a session with.
    pub members: Vec<Reached>,
    /// Who admits, if it is locked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locked: Option<Lock>,
}

/// A node, and whether it is in touch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reached {
    /// Its address F.
    pub address: Ipv6Addr,
    /// What it is called.
    pub name: Option<String>,
    /// Whether a session stands.
    pub in_touch: bool,
}

/// What a management server manages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Managed {
    /// The number of changes so far.
    pub rev: u64,
    /// The end of the audit trail: a hash over all changes, hexadecimal.
    pub trail: String,
    /// The groups, by name.
    pub groups: Vec<ManagedGroup>,
    /// The members, by name.
    pub members: Vec<Member>,
    /// Lines that are good for something.
    pub lines_open: u32,
}

/// A group of a management server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ManagedGroup {
    /// Its id, hexadecimal.
    pub id: String,
    /// Its name.
    pub group: String,
    /// Its time zone.
    pub zone: String,
    /// The number of the newest epoch that is in force.
    pub epoch: u32,
    /// When the next one begins, Unix seconds.
    pub next_unix_s: Option<u64>,
    /// For how long a sign-in keeps a member in it, in seconds; nothing: it asks for none.
    #[serde(default)]
    pub sign_in_s: Option<u64>,
    /// The names of its members.
    pub members: Vec<String>,
    /// What they may reach at each other; nothing: everything.
    pub rules: Option<Vec<GroupRule>>,
    /// What stays so.
    pub tests: Vec<GroupTest>,
    /// Whether other rules, and tests, wait for the admins' signatures.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rules_pending: bool,
    /// Who admits, if it is locked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locked: Option<Lock>,
    /// The names of those who wait for the admins' signatures.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pending: Vec<String>,
    /// The servers that manage it: their places, this one's included.
    pub servers: Vec<GroupServer>,
}

/// A server of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupServer {
    /// Its address F.
    #[schema(value_type = String, format = "ipv6")]
    pub address: Ipv6Addr,
    /// It is this server, or another instance of it.
    pub own: bool,
    /// Whether it is in touch; this server is with itself.
    pub in_touch: bool,
}

/// A member of a management server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Its node's address F, once it has come.
    #[schema(value_type = Option<String>, format = "ipv6")]
    pub address: Option<Ipv6Addr>,
    /// What the node is.
    pub element: Option<Kind>,
    /// Its mode.
    pub mode: Mode,
    /// What lies behind it.
    #[schema(value_type = Vec<String>)]
    pub prefixes: Vec<Prefix>,
    /// Its groups.
    pub groups: Vec<String>,
    /// What it is, for their rules; in a locked group once its admins have signed.
    pub roles: Vec<String>,
    /// Whether its node is in touch.
    pub in_touch: bool,
    /// The other server that admitted it; none: this one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "ipv6")]
    pub by: Option<Ipv6Addr>,
}
