//! What a node keeps about flows between ordinary addresses. What is done with it: `site`.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use group::dprp::{Ends, NONCE_LEN, Relay, TOKEN_LEN};
use group::keyring::Proof;
use group::lately::Lately;
use group::pit::Pit;
use session::limiter::Limiter;
use wire::{NodeAddr, Prefix};

/// Most flows that a router relays, or an asker has heard of relays for, and that are known.
pub const RELAYED_FLOWS_MAX: usize = 1_024;

/// The process table, and what is being found out for it.
#[derive(Default)]
pub(crate) struct Site {
    pub(crate) pit: Pit,
    /// Ordinary addresses whose flows this node decides on: those of its owner, and of its groups.
    pub(crate) prefixes: Vec<Prefix>,
    /// What lies behind this node: what its owner announces, and what its groups say.
    pub(crate) behind: Vec<Prefix>,
    pub(crate) negotiations: BTreeMap<Ends, Negotiation>,
    /// The networks that this host reaches by a route of their own; `None`: nobody has said.
    pub(crate) near: Option<Vec<Prefix>>,
    /// The key of this run's tokens.
    pub(crate) secret: [u8; 32],
    /// Bytes of the packets that wait in all negotiations.
    pub(crate) parked_bytes: usize,
    /// Refusals for packets of flows that are not known: in which second, and how many.
    pub(crate) refused: (u64, u32),
    /// What elements on the way say, by the flow that was asked for.
    pub(crate) on_path: Lately<Heard, RELAYED_FLOWS_MAX>,
    /// Flows that pass this node, which relays them.
    pub(crate) relayed: Lately<(), RELAYED_FLOWS_MAX>,
    /// How many DDEs that pass are answered.
    pub(crate) relay_limiter: Limiter,
}

/// What elements on the way of one flow say.
#[derive(Debug)]
pub(crate) struct Heard {
    /// Of the DDE that they answer.
    pub(crate) nonce: [u8; NONCE_LEN],
    /// Nothing is heard any more.
    pub(crate) listens_until: Duration,
    /// Reports looked at.
    pub(crate) tries: u32,
    /// The elements, the nearest first, and when each said so.
    pub(crate) relays: Vec<(Relay, Duration)>,
}

/// One negotiation under way.
pub(crate) struct Negotiation {
    pub(crate) nonce: [u8; NONCE_LEN],
    /// What stands in the slots of its DDE.
    pub(crate) proofs: Vec<Proof>,
    pub(crate) stage: Stage,
    /// No DDE was sent, for it is known who was there last; then the packet that the MPIT took along.
    pub(crate) remembered: Option<Vec<u8>>,
    /// The token of the RGI.
    pub(crate) token: [u8; TOKEN_LEN],
    /// DDEs sent.
    pub(crate) tries: usize,
    /// When to try again, or give up.
    pub(crate) next_at: Duration,
    /// Packets of the flow, in order.
    pub(crate) parked: VecDeque<Vec<u8>>,
}

/// How far a negotiation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// A DDE is out.
    Finding,
    /// This element answered; a session is being made, or its membership is on its way.
    Meeting(NodeAddr),
    /// An MPIT is out.
    Making(NodeAddr),
}

/// How the host's packets to an address are to go, for the shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SiteRoute {
    /// Through this node, which does not know yet or discards.
    Captured,
    /// Past this node, in clear.
    Clear,
    /// Through this node, which encrypts: nothing in clear from there is taken, also later.
    Sealed,
    /// Through this node: no member is there any more.
    Forgotten,
}
