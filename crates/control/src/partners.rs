//! Other servers of a group: *partners*, each with a key, a chain and members of its own
//! (docs/protocol/group.md, section 8). Here is what this server knows of them.
//!
//! A partner's member is told, leased and removed here as this server's own are, by the admission that the
//! partner signed. An admission that any chain known here has removed counts nowhere.

use std::collections::{BTreeMap, BTreeSet};

use group::chain::{Chain, Head, Links};
use group::statement::{Admission, Authority, Entry, EntryBody, Membership};
use identity::crypto::Crypto;
use wire::NodeAddr;

use crate::model::{Group, Member, Tenant};
use crate::partner::{Held, Partner};

impl Group {
    /// Whether a chain that is known here has removed an admission.
    #[must_use]
    pub fn is_removed(&self, member: Membership) -> bool {
        let partners = self.partners.values();
        let mut chains = partners.map(|it| &it.chain).chain([&self.chain]);
        chains.any(|chain| chain.is_removed(member))
    }

    /// Whether the server with this key manages the group still.
    #[must_use]
    pub fn is_managed_by(&self, key: [u8; 32]) -> bool {
        let own = self.authority.server(self.chain.index());
        own.is_some_and(|server| server.key == key)
    }

    /// What rules have to be above to count here ([`group::statement::Rules::rank`]), by a statement about the
    /// servers; 0: any do.
    #[must_use]
    pub fn rules_rank(&self, crypto: &dyn Crypto, authority: &Authority) -> u64 {
        let held = self.rules.as_ref();
        held.map_or(0, |it| it.rank(crypto, &self.genesis, authority))
    }

    /// The partners' members, each once.
    pub fn held(&self) -> impl Iterator<Item = (NodeAddr, &Admission)> {
        let all = self.partners.values().flat_map(|it| &it.members);
        all.map(|(f, held)| (*f, &held.admission))
    }

    /// What a member that was told everything up to an event has to learn of partners' chains;
    /// `None`: it has been told nothing yet.
    pub(crate) fn partners_links(&self, rev: Option<u64>) -> Vec<Links> {
        let links = self.partners.values().map(|partner| match rev {
            Some(rev) => partner.links_since(rev),
            None => partner.chain.links_from(0),
        });
        links.filter(|links| !links.entries.is_empty()).collect()
    }

    /// The chain of the server at an index, this one's included.
    #[must_use]
    pub fn chain_at(&self, index: u8) -> Option<&Chain> {
        if index == self.chain.index() {
            return Some(&self.chain);
        }
        self.partners.get(&index).map(|it| &it.chain)
    }

    /// The ends of all chains, by index.
    #[must_use]
    pub fn heads(&self) -> Vec<(u8, Head)> {
        let partners = self.partners.values().map(|it| &it.chain);
        let chains = partners.chain([&self.chain]);
        let mut heads: Vec<_> = chains.map(|it| (it.index(), it.head())).collect();
        heads.sort_unstable_by_key(|(index, _)| *index);
        heads
    }
}

impl Tenant {
    /// The name of a group.
    #[must_use]
    pub fn group_of(&self, id: group::statement::GroupId) -> Option<(&str, &Group)> {
        let mut groups = self.groups.iter();
        let found = groups.find(|(_, group)| group.id == id);
        found.map(|(name, group)| (name.as_str(), group))
    }

    /// Whether F is a member's node: of this server, or of a partner in a group of both.
    #[must_use]
    pub fn has_node(&self, f: NodeAddr) -> bool {
        self.nodes.contains_key(&f) || self.elsewhere.contains_key(&f)
    }

    /// The nodes of all members, the partners' included.
    #[must_use]
    pub fn all_nodes(&self) -> BTreeSet<NodeAddr> {
        let own = self.nodes.keys();
        own.chain(self.elsewhere.keys()).copied().collect()
    }

    /// The admission by which F is in a group, whichever server signed it; the event since which, if it
    /// was a partner.
    #[must_use]
    pub fn admission_of<'a>(
        &'a self,
        group: &'a Group,
        f: NodeAddr,
    ) -> Option<(&'a Admission, Option<u64>)> {
        let own = self.nodes.get(&f);
        let own = own.and_then(|name| group.admissions.get(name));
        if let Some(admission) = own {
            return Some((admission, None));
        }
        let mut partners = group.partners.values();
        let held = partners.find_map(|it| it.members.get(&f))?;
        Some((&held.admission, Some(held.since_rev)))
    }

    /// The partners of the server with this key: where they are reached, and their keys.
    #[must_use]
    pub fn partners_of(&self, key: [u8; 32]) -> BTreeMap<NodeAddr, [u8; 32]> {
        let groups = self.groups.values().filter(|it| it.is_managed_by(key));
        let servers = groups.flat_map(|group| group.authority.servers.iter().flatten());
        let others = servers.filter(|server| server.key != key);
        others.map(|server| (server.f, server.key)).collect()
    }

    /// The nodes that are called so in a group among the partners' members.
    pub fn called_elsewhere<'a>(
        &'a self,
        name: &'a str,
        group: Option<&'a str>,
    ) -> impl Iterator<Item = (&'a str, NodeAddr)> {
        let groups = self.groups.iter();
        let groups = groups.filter(move |(title, _)| group.is_none_or(|it| it == *title));
        groups.flat_map(move |(title, group)| {
            let called = group
                .held()
                .filter(move |(_, it)| name_in(it).as_deref() == Some(name));
            called.map(|(f, _)| (title.as_str(), f))
        })
    }

    /// A member that a partner admitted, by its node, as its admission says what it is; and what it is called. The
    /// groups are those that this server manages with the partner.
    #[must_use]
    pub fn member_elsewhere(&self, f: NodeAddr) -> Option<(String, Member)> {
        let groups = self.elsewhere.get(&f)?;
        let mut held = groups.iter().filter_map(|name| {
            let partners = self.groups.get(name)?.partners.values();
            let mut held = partners.filter_map(|it| it.members.get(&f));
            Some(&held.next()?.admission)
        });
        let admission = held.next()?;
        let attributes = admission.attributes().ok()?;
        let member = Member {
            f: Some(f),
            kind: Some(admission.kind),
            mode: Some(admission.mode),
            prefixes: attributes.prefixes,
            groups: groups.clone(),
            roles: attributes.roles.into_iter().collect(),
            ..Member::default()
        };
        let name = attributes.name.unwrap_or_else(|| f.to_string());
        Some((name, member))
    }

    /// An entry of a partner's chain.
    pub(crate) fn partner_entry(
        &mut self,
        crypto: &dyn Crypto,
        name: &str,
        entry: Entry,
    ) -> Result<(), String> {
        let rev = self.rev;
        let group = self.groups.get_mut(name);
        let group = group.ok_or_else(|| format!("no group `{name}`"))?;
        let (index, number) = (entry.index, entry.number);
        let before = Head {
            number: number.saturating_sub(1),
            hash: entry.before,
        };
        let id = group.id;
        let removed = removed_by(&entry);
        let new = || Partner::new(Chain::new(id, index, before));
        let partner = group.partners.entry(index).or_insert_with(new);
        if partner.chain.head().number == 0 {
            partner.chain = Chain::new(id, index, before);
        }
        let applied = partner.chain.apply(crypto, &group.authority, entry);
        applied.map_err(|error| error.to_string())?;
        partner.mark(rev, number);
        group.changed_rev = rev;
        if let Some(member) = removed {
            self.drop_held(name, member);
        }
        Ok(())
    }

    /// An admission that a partner signed.
    pub(crate) fn partner_admitted(
        &mut self,
        name: &str,
        admission: Admission,
    ) -> Result<(), String> {
        let since_rev = self.rev;
        let group = self.groups.get_mut(name);
        let group = group.ok_or_else(|| format!("no group `{name}`"))?;
        let index = admission.signers().next().ok_or("nobody signed it")?;
        let (id, f) = (group.id, admission.member.f);
        let new = || Partner::new(Chain::new(id, index, Head::default()));
        let partner = group.partners.entry(index).or_insert_with(new);
        let held = Held {
            admission,
            since_rev,
        };
        partner.members.insert(f, held);
        let of = self.elsewhere.entry(f).or_default();
        of.insert(name.to_owned());
        Ok(())
    }

    /// A removal: whoever it names is held no more.
    pub(crate) fn drop_held(&mut self, name: &str, member: Membership) {
        let Some(group) = self.groups.get_mut(name) else {
            return;
        };
        let is_it = |held: &Held| held.admission.member == member;
        for partner in group.partners.values_mut() {
            if partner.members.get(&member.f).is_some_and(is_it) {
                partner.members.remove(&member.f);
            }
        }
        self.settle_elsewhere(name, member.f);
    }

    /// Servers that a group's statement names no more take their members with them; whoever has the place of one
    /// begins anew.
    pub(crate) fn drop_partners(&mut self, name: &str, before: &Authority) {
        let Some(group) = self.groups.get_mut(name) else {
            return;
        };
        let key_at = |of: &Authority, index: u8| of.server(index).map(|it| it.key);
        let is_gone = |index: &u8| {
            let key = key_at(&group.authority, *index);
            key.is_none() || key != key_at(before, *index)
        };
        let gone: Vec<u8> = group.partners.keys().copied().filter(is_gone).collect();
        let gone = gone.iter().filter_map(|index| group.partners.remove(index));
        let nodes: Vec<NodeAddr> = gone.flat_map(|it| it.members.into_keys()).collect();
        for f in nodes {
            self.settle_elsewhere(name, f);
        }
    }

    fn settle_elsewhere(&mut self, name: &str, f: NodeAddr) {
        let group = self.groups.get(name);
        let mut partners = group.into_iter().flat_map(|it| it.partners.values());
        if partners.any(|it| it.members.contains_key(&f)) {
            return;
        }
        if let Some(of) = self.elsewhere.get_mut(&f) {
            of.remove(name);
            if of.is_empty() {
                self.elsewhere.remove(&f);
            }
        }
    }
}

/// What an admission says that its member is called.
#[must_use]
pub fn name_in(admission: &Admission) -> Option<String> {
    admission.attributes().ok()?.name
}

/// The admission that an entry removes.
#[must_use]
pub(crate) fn removed_by(entry: &Entry) -> Option<Membership> {
    match entry.body {
        EntryBody::Removal(member) => Some(member),
        EntryBody::Epoch(_) => None,
    }
}
