//! Instances of one server: places of the authority statement with one key (docs/protocol/group.md,
//! section 1).
//!
//! What it does: a node keeps a session with one instance of each server and knows where the others
//! are; when that one answers no more it changes over, and says how far it had come with it.
//!
//! What it does not: choose by load. Each node calls them in an order that it draws.
//!
//! | limit | value |
//! |---|---|
//! | time between two questions where an instance is that is not needed | [`PLACE_AGAIN`]; [`PLACE_SOON`] and longer each time until it is known |

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use group::agent::AgentMessage;
use identity::crypto::random;
use wire::payload::CloseReason;
use wire::{NodeAddr, Now};

use crate::machine::Node;
use crate::stored::groups::{GroupChange, ServerRecord};

/// An instance that is not needed now is asked about again after this time: its certificate and its
/// place change.
const PLACE_AGAIN: Duration = Duration::from_secs(12 * 3_600);
/// The same as long as nobody has said where it is; then twice that each time, [`PLACE_DOUBLED`] times.
/// A server that many come to at once drops questions, and who waits longer would know no other place
/// if it ended soon after.
const PLACE_SOON: Duration = Duration::from_secs(4);
/// So often.
const PLACE_DOUBLED: u32 = 2;
/// Instances of one server are called one after the other, in an order that each node draws.
const TURN: Duration = Duration::from_millis(1_000);

impl Node {
    /// How long a server waits for its turn to be called first: several instances are not called by
    /// all nodes in one order.
    pub(super) fn turn_of(&mut self, f: NodeAddr) -> Duration {
        if self.sisters(f).is_empty() {
            return Duration::ZERO;
        }
        let drawn = u32::from(u16::from_be_bytes(random(&mut self.rng)));
        TURN * drawn / u32::from(u16::MAX)
    }

    /// The other instances of the server that is reached at F.
    fn sisters(&self, f: NodeAddr) -> BTreeSet<NodeAddr> {
        let mut sisters = self.groups.keyring.sisters(f);
        sisters.extend(self.partner_sisters(f));
        sisters
    }

    /// Another instance of a server that this node is in touch with.
    pub(super) fn sister_in_touch(&self, f: NodeAddr) -> Option<NodeAddr> {
        let mut sisters = self.sisters(f).into_iter();
        sisters.find(|sister| {
            let agent = self.groups.agents.get(sister);
            let answers = agent.is_some_and(|agent| !agent.is_doubtful);
            let is_here = *sister == self.f && self.groups.managing.is_some();
            is_here || (answers && self.peer_is_up(*sister))
        })
    }

    /// Calls the other instances of a server now.
    pub(super) fn call_sisters(&mut self, now: Now, f: NodeAddr) {
        for sister in self.sisters(f) {
            if let Some(agent) = self.groups.agents.get_mut(&sister) {
                agent.next_call = Some(now.mono);
            }
        }
    }

    /// One instance of a server is enough: the place of another is asked for now and then.
    pub(super) fn stand_by(&mut self, now: Now, f: NodeAddr, sister: NodeAddr) {
        let is_known = self.identity_of(f).is_some();
        let Some(agent) = self.groups.agents.get_mut(&f) else {
            return;
        };
        let place = agent.placed.filter(|_| is_known);
        let due = place.map(|at| at.saturating_add(PLACE_AGAIN));
        let soon = now
            .mono
            .saturating_add(PLACE_SOON * (1 << agent.calls.min(PLACE_DOUBLED)));
        if due.is_none_or(|due| due <= now.mono) {
            agent.next_call = Some(soon);
            agent.calls = agent.calls.saturating_add(1);
            self.tell_server(now, sister, &AgentMessage::Locate { f });
        } else {
            agent.next_call = due;
        }
    }

    /// Where a server is, as another says.
    pub(crate) fn note_place(&mut self, now: Now, f: NodeAddr, endpoints: &[SocketAddr]) {
        let is_spare = self.sister_in_touch(f).is_some();
        let Some(agent) = self.groups.agents.get_mut(&f) else {
            return;
        };
        (agent.placed, agent.calls) = (Some(now.mono), 0);
        let wait = match is_spare {
            true => PLACE_AGAIN,
            false => Duration::ZERO,
        };
        agent.next_call = Some(now.mono.saturating_add(wait));
        if endpoints.is_empty() || agent.endpoints == endpoints {
            return;
        }
        agent.endpoints = endpoints.to_vec();
        let known = self.stored.grouping.servers.get(&f);
        let server = ServerRecord {
            f,
            endpoints: endpoints.to_vec(),
            rev: known.map_or(0, |it| it.rev),
            waits_since_unix_s: known.and_then(|it| it.waits_since_unix_s),
        };
        self.persist_group(GroupChange::Server { server });
    }

    /// A server answers no ping: another instance is as good.
    pub(super) fn doubt(&mut self, now: Now, f: NodeAddr) {
        if let Some(agent) = self.groups.agents.get_mut(&f) {
            agent.is_doubtful = true;
        }
        self.call_sisters(now, f);
    }

    /// A session with a second instance: it is not needed, unless it is for something else.
    pub(super) fn excuse(&mut self, now: Now, f: NodeAddr) {
        if let Some(agent) = self.groups.agents.get_mut(&f) {
            (agent.next_probe, agent.answer_by) = (None, None);
            agent.next_call = Some(now.mono.saturating_add(PLACE_SOON));
        }
        if self.is_quiet(f) && !self.is_managed(f) {
            self.cut(now, f, CloseReason::Replaced);
        }
    }

    /// How far this node has come with a server, whichever instance told it.
    pub(super) fn rev_of(&self, f: NodeAddr) -> u64 {
        let sisters = self.sisters(f).into_iter();
        let records = sisters.chain([f]);
        let revs = records.filter_map(|f| Some(self.stored.grouping.servers.get(&f)?.rev));
        revs.max().unwrap_or_default()
    }

    pub(super) fn note_rev(&mut self, f: NodeAddr, rev: u64) {
        if let Some(record) = self.stored.grouping.servers.get(&f)
            && record.rev != rev
        {
            let server = ServerRecord {
                rev,
                ..record.clone()
            };
            self.persist_group(GroupChange::Server { server });
        }
    }

    /// A server that was doubted has answered after all; if another instance took its place it is
    /// not needed.
    pub(super) fn trust_again(&mut self, now: Now, f: NodeAddr) {
        let Some(agent) = self.groups.agents.get_mut(&f) else {
            return;
        };
        let was_doubtful = std::mem::take(&mut agent.is_doubtful);
        if was_doubtful && self.sister_in_touch(f).is_some() {
            self.excuse(now, f);
        }
    }
}
