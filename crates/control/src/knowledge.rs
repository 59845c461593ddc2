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
        let elsewhere = self.elsewhere.get(&f);
        let member = self.nodes.get(&f).and_then(|name| self.members.get(name));
        if member.is_none() && elsewhere.is_none() {
            return true;
        }
        let own = member.into_iter().flat_map(|it| &it.groups);
        let groups = own.chain(elsewhere.into_iter().flatten());
        let groups = groups.filter_map(|name| self.groups.get(name));
        let changed = groups.map(|group| {
            let since = self.admission_of(group, f).and_then(|(_, since)| since);
            since.max(Some(group.changed_rev))
        });
        let newest = changed.flatten().max();
        newest.max(member.map(|it| it.changed_rev)) > Some(rev)
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
                self.welcome(by, now_unix_s, f, named, (head, 0), &secret)
            });
        told.collect()
    }

    /// The groups that a node is admitted to, by their ids, without those where somebody has to sign in first.
    #[must_use]
    pub fn groups_of(&self, now_unix_s: u64, f: NodeAddr) -> Vec<(&str, &Group)> {
        if !self.has_node(f) {
            return Vec::new();
        }
        let admitted = self.groups.iter();
        let admitted = admitted.filter(|(title, _)| self.is_there(now_unix_s, f, title));
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

    /// What a node is told of one group that it is admitted to, with a new lease, which ends with the sign-in. It
    /// says how far it has come in this server's chain, and up to which event it was told. `None`: it is not
    /// admitted, a chain that is known here has removed its admission, somebody has to sign in first, or this
    /// server manages the group no more.
    pub fn welcome(
        &self,
        by: &Signer<'_>,
        now_unix_s: u64,
        f: NodeAddr,
        (title, group): (&str, &Group),
        (have, rev): (Option<Head>, u64),
        secret: &impl Fn(SecretOf) -> Option<EpochSecret>,
    ) -> Option<Welcome> {
        let (admission, since) = self.admission_of(group, f)?;
        // A group that several servers manage asks for no sign-in, so that of a partner's member nothing is asked.
        let own = self.nodes.get(&f).and_then(|name| self.members.get(name));
        let end = match own.filter(|_| since.is_none()) {
            Some(member) => Self::sign_in_end(member, group),
            None => u64::MAX,
        };
        let is_managed = group.is_managed_by(by.public());
        if now_unix_s >= end || group.is_removed(admission.member) || !is_managed {
            return None;
        }
        let index = group.chain.index();
        // Whoever came since has been told nothing.
        let is_new = have.is_none() || rev == 0 || since.is_some_and(|since| since > rev);
        let partners = group.partners_links((!is_new).then_some(rev));
        Some(Welcome {
            name: title.to_owned(),
            genesis: group.genesis.clone(),
            authority: group.authority.clone(),
            admission: admission.clone(),
            lease: Lease::issue_until(by, index, group.id, admission.member, (now_unix_s, end)),
            links: [news(by, group, have)]
                .into_iter()
                .chain(partners)
                .collect(),
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
