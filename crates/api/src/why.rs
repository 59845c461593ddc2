//! Why packets to an address go the way they do.

use std::net::Ipv6Addr;

use serde::{Deserialize, Serialize};

use crate::{Mode, OnPath, PeerState, PitEntry, Prefix, Services, Via};

/// What becomes of a packet to the address now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// The address is this node's own.
    Own,
    /// It is not this node's to decide on.
    Past,
    /// It goes sealed to a peer.
    Sealed,
    /// It waits while the node finds out.
    Asks,
    /// It goes in clear.
    Clear,
    /// It is dropped.
    Discarded,
}

/// One thing that counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum Fact {
    /// `ip.site` has this prefix: the process table decides.
    Site {
        /// The prefix.
        prefix: Prefix,
    },
    /// The process table says this.
    Entry(PitEntry),
    /// An element on the way of the entry before says that it relays.
    OnPath(OnPath),
    /// It says nothing yet.
    NoEntry,
    /// This member was at the address.
    WasMember {
        /// Its address F.
        peer: Ipv6Addr,
        /// What it is called.
        name: Option<String>,
    },
    /// The mode of this node.
    OwnMode {
        /// The mode.
        mode: Mode,
    },
    /// The address is, or lies behind, this peer.
    LeadsTo {
        /// The peer's address F.
        peer: Ipv6Addr,
        /// What it is called.
        name: Option<String>,
        /// The prefix behind it; `None`: it is the peer's own address.
        prefix: Option<Prefix>,
    },
    /// No peer has the address.
    NoRoute,
    /// The rules of the groups that both are in limit what either reaches.
    Rules {
        /// What the peer may reach here.
        here: Services,
        /// What this node may reach there.
        there: Services,
    },
    /// Which of a group's rules let this node reach the service.
    Permits {
        /// The group.
        group: String,
        /// The numbers of the rules, from 1; none: it does not.
        rules: Vec<usize>,
    },
    /// A deny entry names the peer.
    Denied,
    /// An allow entry names it.
    Allowed {
        /// What it may reach here.
        services: Services,
    },
    /// It is in this group of this node.
    Member {
        /// The group.
        group: String,
        /// When its membership ends unless it is renewed, Unix seconds.
        until_unix_s: u64,
    },
    /// No rule names it, and it has shown no membership.
    Unknown {
        /// How many groups this node is in.
        groups: usize,
    },
    /// This node is in this group only while somebody is signed in, and nobody is.
    NotSignedIn {
        /// The group.
        group: String,
    },
    /// How far the session with it is.
    Session {
        /// The state.
        state: PeerState,
    },
    /// How it runs.
    Runs {
        /// The way.
        via: Via,
    },
}

/// An explanation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Why {
    /// What becomes of a packet.
    pub fate: Fate,
    /// Because of these, in order.
    pub facts: Vec<Fact>,
}
