//! What a member is told: its own groups and nothing else. A member says how far it has come, and
//! gets the rest; if nothing changed that is nothing.

use group::agent::{Have, SIGN_INS_MAX, SignInGroup, SignIns};
use group::chain::{Compared, Head, Links};
use group::epochs::{EpochName, EpochSecret};
use group::keyring::Welcome;
use group::statement::{Lease, Signer};
use wire::NodeAddr;

use crate::decide::SecretOf;
use crate::model::{Group, Tenant};

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

    /// What a node is told of the groups that it is admitted to, by their ids.
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
        let told = self
            .groups_of(now_unix_s, f)
            .into_iter()
            .filter_map(|named| {
                let head = have.iter().find(|have| have.group == named.1.id);
                let head = head.map(|have| have.head);
                self.welcome(by, now_unix_s, f, named, head, &secret)
            });
        told.collect()
    }

    /// The groups that a node is admitted to, by their ids, without those where somebody has to sign in first.
    #[must_use]
    pub fn groups_of(&self, now_unix_s: u64, f: NodeAddr) -> Vec<(&str, &Group)> {
        let Some(name) = self.nodes.get(&f) else {
            return Vec::new();
        };
        let admitted = self.groups.iter();
        let admitted = admitted.filter(|(title, group)| {
            group.admissions.contains_key(name) && self.is_in_force(now_unix_s, name, title)
        });
        let mut admitted: Vec<_> = admitted.map(|(title, it)| (title.as_str(), it)).collect();
        admitted.sort_by_key(|(_, group)| group.id);
        admitted
    }

    /// Who is signed in at a node, and which of its groups require it.
    #[must_use]
    pub fn sign_ins(&self, f: NodeAddr) -> SignIns {
        let Some(member) = self.nodes.get(&f).and_then(|name| self.members.get(name)) else {
            return SignIns::default();
        };
        let groups = self
            .sign_in_groups(member)
            .map(|(name, group)| SignInGroup {
                group: group.id,
                until_unix_s: Self::sign_in_end(member, group),
                name: name.to_owned(),
            });
        SignIns {
            user: member.signed_in.as_ref().map(|it| it.user.clone()),
            groups: groups.take(SIGN_INS_MAX).collect(),
        }
    }

    /// What a node is told of one group that it is admitted to, with a new lease, which ends with the sign-in;
    /// `None`: it is not, or somebody has to sign in first.
    pub fn welcome(
        &self,
        by: &Signer<'_>,
        now_unix_s: u64,
        f: NodeAddr,
        (title, group): (&str, &Group),
        have: Option<Head>,
        secret: &impl Fn(SecretOf) -> Option<EpochSecret>,
    ) -> Option<Welcome> {
        let name = self.nodes.get(&f)?;
        let admission = group.admissions.get(name)?;
        let end = Self::sign_in_end(self.members.get(name)?, group);
        if now_unix_s >= end {
            return None;
        }
        let index = group.chain.index();
        Some(Welcome {
            name: title.to_owned(),
            genesis: group.genesis.clone(),
            authority: group.authority.clone(),
            admission: admission.clone(),
            lease: Lease::issue_until(by, index, group.id, admission.member, (now_unix_s, end)),
            links: vec![news(by, group, have)],
            secrets: secrets(group, now_unix_s, secret),
            rules: group.rules.clone(),
        })
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
    let wanted = group.chain.epochs_ahead(now_unix_s).into_iter();
    let of = |number| SecretOf {
        group: group.id,
        number,
    };
    let found = wanted.filter_map(|epoch| {
        let (index, number) = (group.chain.index(), epoch.number);
        Some((EpochName { index, number }, secret(of(number))?))
    });
    found.collect()
}
