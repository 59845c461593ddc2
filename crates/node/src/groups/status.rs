//! What a node says about its groups. No secrets.

use group::statement::{GroupId, Policy};
use group::{Kind, MemberName, Mode};
use wire::{NodeAddr, Now, Prefix};

use crate::machine::Node;

/// One group of this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupStatus {
    /// Its id.
    pub id: GroupId,
    /// What it is called.
    pub name: String,
    /// What this node is called in it.
    pub own_name: Option<String>,
    /// What this node is in it.
    pub kind: Kind,
    /// Its mode.
    pub mode: Mode,
    /// Who admits.
    pub policy: Policy,
    /// The end of its lease, Unix seconds.
    pub until_unix_s: u64,
    /// The epochs in force: the servers' indices and the numbers.
    pub epochs: Vec<(u8, u32)>,
    /// The servers.
    pub servers: Vec<ServerStatus>,
    /// Members that this node is in touch with, and what they are called.
    pub members: Vec<(NodeAddr, Option<String>)>,
}

/// One server of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerStatus {
    /// Its address F.
    pub f: NodeAddr,
    /// Whether a session with it stands, or it is this node.
    pub is_up: bool,
}

impl Node {
    /// The groups of this node, by name.
    #[must_use]
    pub fn groups(&self, now: Now) -> Vec<GroupStatus> {
        let keyring = &self.groups.keyring;
        let all = keyring.groups().filter_map(|(id, name)| {
            let (authority, admission, lease) = keyring.statements(id)?;
            let servers = authority.servers.iter().flatten();
            let server = |f: NodeAddr| ServerStatus {
                f,
                is_up: f == self.f || self.peer_is_up(f),
            };
            Some(GroupStatus {
                id,
                name: name.to_owned(),
                own_name: admission.attributes().ok().and_then(|it| it.name),
                kind: admission.kind,
                mode: admission.mode,
                policy: keyring.policy(id).cloned().unwrap_or(Policy::Managed),
                until_unix_s: lease.until_unix_s,
                epochs: keyring.epochs_in_force(id, now.unix_s),
                servers: servers.map(|it| server(it.f)).collect(),
                members: self.members_of(now, id),
            })
        });
        let mut all: Vec<GroupStatus> = all.collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        all
    }

    /// Whether a session with F stands.
    #[must_use]
    pub fn has_session(&self, f: NodeAddr) -> bool {
        self.peer_is_up(f)
    }

    /// What a peer is called in a group that it shares with this node, and in which.
    #[must_use]
    pub fn name_of(&self, now: Now, f: NodeAddr) -> Option<(String, String)> {
        let mut shared = self.groups.keyring.shared(f, now.unix_s);
        shared
            .find_map(|(group, peer)| Some((peer.attributes.name.clone()?, self.group_name(group))))
    }

    /// Whether this node is in a group that a name may be of.
    pub fn has_group(&self, name: &MemberName) -> bool {
        let mut groups = self.groups.keyring.groups();
        groups.any(|(_, title)| name.is_in(title))
    }

    /// What the groups that a peer shares with this node say lies behind it.
    pub(crate) fn signed_prefixes(&self, f: NodeAddr) -> impl Iterator<Item = Prefix> {
        let peer = self
            .peers
            .get(&f)
            .filter(|peer| peer.proven.reach.is_some());
        let groups = peer.map(|peer| &peer.proven.groups);
        let shared = self.groups.keyring.peers_of(f);
        let shared = shared.filter(move |(group, _)| groups.is_some_and(|it| it.contains(group)));
        shared.flat_map(|(_, peer)| peer.attributes.prefixes.iter().copied())
    }

    fn members_of(&self, now: Now, id: GroupId) -> Vec<(NodeAddr, Option<String>)> {
        let there = self.peers.keys().filter_map(|f| {
            let mut shared = self.groups.keyring.shared(*f, now.unix_s);
            let (_, peer) = shared.find(|(group, _)| *group == id)?;
            Some((*f, peer.attributes.name.clone()))
        });
        there.collect()
    }
}
