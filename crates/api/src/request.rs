//! What may be asked. Every bound on a request is a constant here and is checked by
//! [`crate::decode_request`], so that the node sees only what it may be asked.

use crate::bridge::BridgeRequest;
use crate::group::GroupRequest;
use crate::limits::{EXPIRES_S_MAX, EXPIRES_S_MIN, LABEL_LEN_MAX};
use crate::netcheck;
use crate::port::{PortRange, Services};
use crate::prefix::{PREFIXES_MAX, Prefix};
use crate::who::Who;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv6Addr};

/// The most port ranges of one entry of the allowlist.
pub const PORTS_MAX: usize = 64;
/// The most echoes of one request.
pub const PING_COUNT_MAX: u32 = 1_000_000;

/// One request to a running node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "snake_case")]
pub enum Request {
    /// What the node is and how it stands: [`crate::Response::Status`].
    Status,
    /// Every allowed peer and its session: [`crate::Response::Peers`].
    Peers,
    /// A new invite line: [`crate::Response::Invited`].
    Invite(Invite),
    /// Use an invite line and wait for the session: [`crate::Response::Joined`].
    Join(Join),
    /// Sign in, for groups that ask for it: [`crate::Response::SignedIn`].
    SignIn(crate::SignIn),
    /// Sign out: [`crate::Response::SignedOut`].
    SignOut(crate::SignOut),
    /// Let a peer in, or change what it may do: [`crate::Response::Done`].
    Allow(Allow),
    /// Take a peer off the allowlist; its session ends at once: [`crate::Response::Done`].
    Deny {
        /// Whom to deny.
        who: Who,
    },
    /// The allowlist: [`crate::Response::List`].
    List,
    /// Echo a peer: many [`crate::Response::Echo`], then [`crate::Response::PingDone`].
    Ping(Ping),
    /// The identity files have changed (after `kumi id rotate`): read them again and tell
    /// every peer: [`crate::Response::Told`].
    IdentityChanged,
    /// Something about Bridges: see there.
    Bridge(BridgeRequest),
    /// The process table: [`crate::Response::Pit`].
    Pit,
    /// An ordinary address is a member's no more, and may be in clear again:
    /// [`crate::Response::PitForgotten`].
    PitForget {
        /// The address.
        address: IpAddr,
    },
    /// Why packets to an address go the way they do: [`crate::Response::Why`].
    Why {
        /// The address.
        address: IpAddr,
        /// A service there; its first port counts.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        service: Option<PortRange>,
    },
    /// About groups.
    Group(GroupRequest),
    /// About the management server on this node: [`crate::Response::Manage`].
    Manage(crate::ManageRequest),
    /// What a member's name stands for, `NAME`, `NAME.GROUP` or `NAME.GROUP.kumi`:
    /// [`crate::Response::Found`].
    Find {
        /// The name, at most 256 bytes.
        name: String,
    },
    /// What this network lets through: [`crate::Response::Netcheck`], some seconds later.
    Netcheck {
        /// Where to make a TCP connection as well, each a host, a colon and a port; at most
        /// [`crate::TARGETS_MAX`].
        targets: Vec<String>,
    },
    /// Stop the node: [`crate::Response::Done`] before it ends.
    Stop,
    /// Where `kumi run` finds the overlay: [`crate::Response::Inside`].
    Inside,
    /// What a bug report needs beside status and peers: [`crate::Response::Report`].
    Bugreport,
    /// Forward a TCP port; one that waits at the same place is replaced:
    /// [`crate::Response::Done`].
    Forward(crate::Forward),
    /// Remove a forward: [`crate::Response::Done`].
    ForwardRemove {
        /// Where it waits for connections.
        listen: crate::Listen,
    },
    /// The forwards: [`crate::Response::Forwards`].
    Forwards,
}

/// A new invite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invite {
    /// Its life in seconds, [`EXPIRES_S_MIN`] to [`EXPIRES_S_MAX`].
    pub expires_s: u64,
}

/// An invite to use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Join {
    /// The invite line, as it was pasted.
    pub line: String,
    /// What to call the peer in this node's list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// How long to wait for the session, in milliseconds.
    pub wait_ms: u64,
}

/// A new or changed entry of the allowlist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allow {
    /// Whom to allow.
    pub who: Who,
    /// What it may reach on this node; `None` keeps what it may, which for a new entry is
    /// everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub services: Option<Services>,
    /// What to call it; `None` keeps the label that it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What it may announce; `None` keeps that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accept: Option<Accept>,
}

/// A change of what a peer may announce.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Accept {
    /// These prefixes as well, at most [`PREFIXES_MAX`] with those before.
    Add(Vec<Prefix>),
    /// These and no others.
    Only(Vec<Prefix>),
}

impl Accept {
    /// The prefixes named.
    #[must_use]
    pub fn prefixes(&self) -> &[Prefix] {
        match self {
            Accept::Add(prefixes) | Accept::Only(prefixes) => prefixes,
        }
    }
}

/// Echo requests to a peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ping {
    /// The peer's address F.
    pub peer: Ipv6Addr,
    /// How many, 1 to [`PING_COUNT_MAX`].
    pub count: u32,
    /// Time between two of them in milliseconds.
    pub interval_ms: u64,
    /// How long to wait for each answer in milliseconds; the first also waits so long for
    /// the session.
    pub timeout_ms: u64,
}

impl Request {
    /// Checks every bound of this module.
    ///
    /// # Errors
    /// The name of the first value that is out of range.
    pub fn check(&self) -> Result<(), &'static str> {
        let label_fits = |label: &Option<String>| {
            label.as_ref().is_none_or(|label| {
                (1..=LABEL_LEN_MAX).contains(&label.len()) && !label.chars().any(char::is_control)
            })
        };
        let fits = match self {
            Request::Invite(invite)
                if !(EXPIRES_S_MIN..=EXPIRES_S_MAX).contains(&invite.expires_s) =>
            {
                return Err("expires_s");
            }
            Request::Bridge(bridge) => return bridge.check(),
            Request::Group(group) => return group.check(),
            Request::Manage(manage) => return manage.check(),
            Request::SignIn(sign_in) => return sign_in.check(),
            Request::SignOut(sign_out) => return sign_out.check(),
            Request::Find { name } if name.len() > 256 => return Err("name"),
            Request::Netcheck { targets } => return netcheck::check(targets),
            Request::Ping(ping) if !(1..=PING_COUNT_MAX).contains(&ping.count) => {
                return Err("count");
            }
            Request::Join(join) => label_fits(&join.label),
            Request::Allow(allow) => {
                if let Some(Services::Ports(ports)) = &allow.services
                    && (ports.is_empty()
                        || ports.len() > PORTS_MAX
                        || ports.iter().any(|p| p.lo == 0 || p.hi < p.lo))
                {
                    return Err("services");
                }
                let accept = allow.accept.as_ref();
                if accept.is_some_and(|accept| accept.prefixes().len() > PREFIXES_MAX) {
                    return Err("accept");
                }
                label_fits(&allow.label)
            }
            _ => true,
        };
        if fits { Ok(()) } else { Err("label") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EXPIRES_S_DEFAULT;

    #[test]
    fn bounds_are_checked() {
        let port: PortRange = "tcp/22".parse().unwrap();
        let allow = |count, label: &str| {
            Request::Allow(Allow {
                who: "fc00::1".parse().unwrap(),
                services: Some(Services::Ports(vec![port; count])),
                label: Some(label.to_owned()),
                accept: None,
            })
            .check()
        };
        let accept = |count| {
            let prefix: Prefix = "192.168.20.0/24".parse().unwrap();
            Request::Allow(Allow {
                who: "fc00::1".parse().unwrap(),
                services: None,
                label: None,
                accept: Some(Accept::Only(vec![prefix; count])),
            })
            .check()
        };
        assert_eq!(accept(0), Ok(()));
        assert_eq!(accept(PREFIXES_MAX), Ok(()));
        assert_eq!(accept(PREFIXES_MAX + 1), Err("accept"));
        assert_eq!(allow(PORTS_MAX, "laptop"), Ok(()));
        assert_eq!(allow(PORTS_MAX + 1, "laptop"), Err("services"));
        assert_eq!(allow(0, "laptop"), Err("services"));
        assert_eq!(allow(1, &"x".repeat(LABEL_LEN_MAX)), Ok(()));
        assert_eq!(allow(1, &"x".repeat(LABEL_LEN_MAX + 1)), Err("label"));
        assert_eq!(allow(1, "a\u{1b}[2Jb"), Err("label"));
        let invite = |expires_s| Request::Invite(Invite { expires_s }).check();
        assert_eq!(invite(EXPIRES_S_DEFAULT), Ok(()));
        assert_eq!(invite(EXPIRES_S_MIN - 1), Err("expires_s"));
        assert_eq!(invite(EXPIRES_S_MAX + 1), Err("expires_s"));
    }
}
