//! What a member is told: its own groups and nothing else. A member says how far it has come, and
//! gets the rest; if nothing changed that is nothing.

use group::chain::{Compared, Head, Links};
use group::epochs::{EpochName, EpochSecret};
use group::keyring::Welcome;
use group::statement::{GroupId, Lease, Signer};
use wire::NodeAddr;

use crate::decide::SecretOf;
use crate::model::{Group, Tenant};

/// How far a member has come in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Have {
    /// The group.
    pub group: GroupId,
    /// The end of the server's chain as the member has it.
    pub head: Head,
}

impl Tenant {
    /// Whether anything changed for a node since it was told about `rev`.
    #[must_use]
    pub fn has_news(&self, f: NodeAddr, rev: u64) -> bool {
        let Some(member) = self.nodes.get(&f).and_then(|name| self.members.get(name)) else {
            return true;
        };
        let groups = member
            .groups
            .iter()
            .filter_map(|name| self.groups.get(name));
        let newest = groups.map(|group| group.changed_rev).max();
        newest.max(Some(member.changed_rev)) > Some(rev)
    }

    /// What a node is told of the groups that it is admitted to.
    ///
    /// `secret` finds what the store keeps.
    pub fn knowledge(
        &self,
        by: &Signer<'_>,
        now_unix_s: u64,
        f: NodeAddr,
        have: &[Have],
        secret: impl Fn(SecretOf) -> Option<EpochSecret>,
    ) -> Vec<Welcome> {
        let Some(name) = self.nodes.get(&f) else {
            return Vec::new();
        };
        let mut known = Vec::new();
        for (title, group) in &self.groups {
            let Some(admission) = group.admissions.get(name) else {
                continue;
            };
            let head = have.iter().find(|have| have.group == group.id);
            let links = news(by, group, head.map(|have| have.head));
            let index = group.chain.index();
            known.push(Welcome {
                name: title.clone(),
                genesis: group.genesis.clone(),
                authority: group.authority.clone(),
                admission: admission.clone(),
                lease: Lease::issue(by, index, group.id, admission.member, now_unix_s),
                links: vec![links],
                secrets: secrets(group, now_unix_s, &secret),
            });
        }
        known
    }
}

/// The entries after a head, if it is of this chain; otherwise all that are kept, by which the member
/// sees that one of the two chains is a lie.
fn news(by: &Signer<'_>, group: &Group, have: Option<Head>) -> Links {
    let is_ours = |head: &Head| {
        let compared = group.chain.compare(by.crypto, *head);
        matches!(compared, Compared::Same | Compared::Ahead)
    };
    let from = have
        .filter(is_ours)
        .map(|head| head.number.saturating_add(1));
    group.chain.links_from(from.unwrap_or_default())
}

/// The secrets of the epoch in force and of those to come.
fn secrets(
    group: &Group,
    now_unix_s: u64,
    secret: impl Fn(SecretOf) -> Option<EpochSecret>,
) -> Vec<(EpochName, EpochSecret)> {
    let valid = group
        .chain
        .epochs()
        .filter(|it| it.cancelled_unix_s.is_none());
    let valid: Vec<_> = valid.map(|it| it.entry).collect();
    let is_active = |at: u64| at <= now_unix_s;
    let current = valid.iter().rposition(|it| is_active(it.activates_unix_s));
    let wanted = valid.get(current.unwrap_or_default()..).unwrap_or_default();
    let of = |number| SecretOf {
        group: group.id,
        number,
    };
    let found = wanted.iter().filter_map(|epoch| {
        let (index, number) = (group.chain.index(), epoch.number);
        Some((EpochName { index, number }, secret(of(number))?))
    });
    found.collect()
}
