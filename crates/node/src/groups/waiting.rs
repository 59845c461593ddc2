//! A server that has taken this node out of its last group may put it into another: the administrator there says
//! so, and nobody does anything here. So the node stays in touch with it.
//!
//! | event | what follows |
//! |---|---|
//! | a removal from the last group of a server, which was not locked | the server is kept, for at most [`WAIT_S_MAX`] |
//! | the server gives it a group | it is one of the servers as any |
//! | the server ends the session: *not allowed* | the node is no member there any more, and forgets the server |
//! | [`WAIT_S_MAX`] have passed | likewise |
//!
//! Not after a locked group: its server could open a way around the lock by a group that is not locked.

use std::collections::BTreeSet;

use group::statement::{GroupId, Policy};
use wire::{NodeAddr, Now};

use crate::machine::Node;
use crate::stored::groups::{GroupChange, ServerRecord};

/// For so long a node stays in touch with a server that has no group for it, in seconds: 30 days.
const WAIT_S_MAX: u64 = 30 * 86_400;

impl Node {
    /// The servers that this node may be given a group by.
    pub(super) fn waited_for(&self, now: Now) -> impl Iterator<Item = NodeAddr> {
        self.waits(move |until| now.unix_s < until)
    }

    /// Those by which it was given none in all that time.
    pub(super) fn waited_in_vain(&self, now: Now) -> impl Iterator<Item = NodeAddr> {
        self.waits(move |until| now.unix_s >= until)
    }

    /// The servers that this node waits for until a moment.
    fn waits(&self, which: impl Fn(u64) -> bool) -> impl Iterator<Item = NodeAddr> {
        let servers = self.stored.grouping.servers.values();
        let waited = servers.filter(move |it| {
            let since = it.waits_since_unix_s;
            since.is_some_and(|since| which(since.saturating_add(WAIT_S_MAX)))
        });
        waited.map(|it| it.f)
    }

    /// The servers of a group that would be of no use to this node without it.
    pub(super) fn servers_of_only(&self, group: GroupId) -> BTreeSet<NodeAddr> {
        let keyring = &self.groups.keyring;
        if keyring.policy(group) != Some(&Policy::Managed) {
            return BTreeSet::new();
        }
        let statements = keyring.statements(group);
        let servers = statements.map(|(authority, ..)| authority.servers.iter().flatten());
        let servers = servers.into_iter().flatten().map(|server| server.f);
        let is_of_only = |f: &NodeAddr| keyring.managed_by(*f).all(|(it, _)| it == group);
        servers.filter(is_of_only).collect()
    }

    /// This node was taken out of the only group of these servers.
    pub(super) fn wait_at(&mut self, now: Now, servers: BTreeSet<NodeAddr>) {
        let own = self.f;
        for f in servers.into_iter().filter(|f| *f != own) {
            let agent = self.groups.agents.get(&f);
            let record = self.stored.grouping.servers.get(&f).cloned();
            let server = ServerRecord {
                waits_since_unix_s: Some(now.unix_s),
                ..record.unwrap_or_else(|| ServerRecord {
                    f,
                    endpoints: agent.map_or_else(Vec::new, |agent| agent.endpoints.clone()),
                    rev: 0,
                    waits_since_unix_s: None,
                })
            };
            self.persist_group(GroupChange::Server { server });
        }
    }

    /// A server has given this node a group.
    pub(super) fn waits_no_more(&mut self, f: NodeAddr) {
        let record = self.stored.grouping.servers.get(&f);
        if let Some(record) = record.filter(|it| it.waits_since_unix_s.is_some()) {
            let server = ServerRecord {
                waits_since_unix_s: None,
                ..record.clone()
            };
            self.persist_group(GroupChange::Server { server });
        }
    }

    /// A peer has ended the session because this node is not allowed there.
    pub(crate) fn dismissed(&mut self, now: Now, f: NodeAddr) {
        let record = self.stored.grouping.servers.get(&f);
        if record.is_some_and(|it| it.waits_since_unix_s.is_some()) {
            self.persist_group(GroupChange::ServerForgotten { f });
            self.refresh_agents(now);
        }
    }
}
