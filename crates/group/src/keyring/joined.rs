//! One group of a node: what it was given of it, and what its peers have shown.

use std::collections::BTreeMap;

use identity::crypto::Crypto;
use wire::NodeAddr;

use super::{KeyringError, Peer};
use crate::chain::{Applied, Chain, Links};
use crate::epochs::{EpochName, EpochSecret, Epochs, Usable};
use crate::name::MemberName;
use crate::statement::{
    Admission, Authority, EntryBody, Genesis, LEASE_S, Lease, Membership, Policy, Rules,
};

/// For so long the lease of a server that was taken out still counts, in seconds, where another server
/// admitted: whoever has it asks for another meanwhile.
const GRACE_S: u64 = 60;

/// The key of the invite that an admission was made by, if that is for one node alone.
pub(super) fn once(admission: &Admission) -> Option<[u8; 32]> {
    let certificate = admission.invite()?;
    certificate.bounds().once.then_some(certificate.key)
}

/// How well a name fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Called {
    /// Letter by letter.
    So,
    /// But for the case of letters.
    AlmostSo,
}

/// One group of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Joined {
    pub(super) name: String,
    pub(super) genesis: Genesis,
    pub(super) authority: Authority,
    pub(super) admission: Admission,
    pub(super) lease: Lease,
    pub(super) chains: BTreeMap<u8, Chain>,
    pub(super) epochs: Epochs,
    pub(super) peers: BTreeMap<NodeAddr, Peer>,
    pub(super) rules: Option<Rules>,
    /// Their rank ([`Rules::rank`]); 0: there are none.
    pub(super) rules_rank: u64,
}

impl Joined {
    pub(super) fn member(&self) -> Membership {
        self.admission.member
    }

    /// Whether another node than F has come by this invite, which is for one: this node itself, or a peer.
    pub(super) fn has_come_by(&self, once: Option<[u8; 32]>, f: NodeAddr) -> bool {
        let Some(key) = once else {
            return false;
        };
        let is_mine = self::once(&self.admission) == Some(key) && self.member().f != f;
        let mut peers = self.peers.iter();
        is_mine || peers.any(|(other, peer)| *other != f && peer.once == Some(key))
    }

    /// Who is called so, of the members that have shown themselves and this node, as long as both are in.
    /// Whoever is called exactly so comes first.
    pub(super) fn called(&self, now_unix_s: u64, name: &MemberName) -> Option<(Called, NodeAddr)> {
        let counts = |member: Membership, until_unix_s: u64| {
            now_unix_s < until_unix_s && !self.is_removed(member)
        };
        if !name.is_in(&self.name) || !counts(self.member(), self.lease.until_unix_s) {
            return None;
        }
        let called = |it: &str| match it == name.member {
            true => Some(Called::So),
            false => name.is_of(it).then_some(Called::AlmostSo),
        };
        let own = self.admission.attributes().ok().and_then(|it| it.name);
        let own = own.and_then(|it| Some((called(&it)?, self.member().f)));
        let peers = self.peers.iter();
        let peers = peers.filter_map(|(f, it)| {
            let how = called(it.attributes.name.as_deref()?)?;
            counts(it.member, it.until_unix_s).then_some((how, *f))
        });
        peers.chain(own).min()
    }

    pub(super) fn is_removed(&self, member: Membership) -> bool {
        self.chains.values().any(|chain| chain.is_removed(member))
    }

    /// The server that admitted; `None`: admins did.
    pub(super) fn admitted_by(&self, admission: &Admission) -> Option<u8> {
        match self.genesis.policy {
            Policy::Managed => admission.signers().next(),
            Policy::Locked { .. } => None,
        }
    }

    /// Other servers manage the group from now on. What those signed that are not among them counts no
    /// more: chains, secrets and admissions at once, leases of others' members after [`GRACE_S`].
    pub(super) fn obey(&mut self, crypto: &dyn Crypto, now_unix_s: u64, authority: Authority) {
        let before = std::mem::replace(&mut self.authority, authority);
        let key = |of: &Authority, index| of.server(index).map(|it| it.key);
        let is_out = |index: u8| key(&before, index) != key(&self.authority, index);
        self.chains.retain(|index, _| !is_out(*index));
        self.epochs.forget(|name| is_out(name.index));
        self.peers.retain(|_, peer| !peer.by.0.is_some_and(is_out));
        let grace = now_unix_s.saturating_add(GRACE_S);
        for peer in self.peers.values_mut().filter(|it| is_out(it.by.1)) {
            peer.until_unix_s = peer.until_unix_s.min(grace);
        }
        let is_void = !self.admits(crypto, &self.admission);
        if is_void || is_out(self.lease.index) {
            // Another is to be asked for at once.
            let until = if is_void { 0 } else { grace };
            let until = self.lease.until_unix_s.min(until);
            self.lease.from_unix_s = until.saturating_sub(LEASE_S);
            self.lease.until_unix_s = until;
        }
        self.rank_rules(crypto);
    }

    /// Whether those who may admitted.
    pub(super) fn admits(&self, crypto: &dyn Crypto, admission: &Admission) -> bool {
        admission.holds(crypto, &self.genesis, &self.authority)
    }

    /// Whether a peer's membership counts now.
    pub(super) fn check(
        &self,
        crypto: &dyn Crypto,
        now_unix_s: u64,
        admission: &Admission,
        lease: &Lease,
    ) -> Result<(), KeyringError> {
        if self.is_removed(admission.member) {
            return Err(KeyringError::Removed);
        }
        if !self.admits(crypto, admission) {
            return Err(KeyringError::Admission);
        }
        if !lease.holds(crypto, &self.authority, now_unix_s) {
            return Err(KeyringError::Lease);
        }
        Ok(())
    }

    pub(super) fn usable(&self, now_unix_s: u64) -> impl Iterator<Item = Usable> {
        let chains = self.chains.values();
        chains.flat_map(move |chain| self.epochs.usable(chain, now_unix_s))
    }

    /// The epochs in force by the chains, whether or not their secrets are held, and those to come.
    pub(super) fn names_ahead(&self, now_unix_s: u64) -> Vec<EpochName> {
        let names = self.chains.iter().flat_map(|(index, chain)| {
            let ahead = chain.epochs_ahead(now_unix_s).into_iter();
            ahead.map(|epoch| EpochName {
                index: *index,
                number: epoch.number,
            })
        });
        names.collect()
    }

    pub(super) fn link(
        &mut self,
        crypto: &dyn Crypto,
        links: Links,
    ) -> Result<Vec<Membership>, KeyringError> {
        let index = links.index;
        if self.authority.server(index).is_none() {
            return Err(KeyringError::NoServer(index));
        }
        let group = self.authority.group;
        let begin = || Chain::new(group, index, links.after);
        let known = self.chains.get(&index).cloned();
        // What nobody signed, where the entries begin, is nothing to keep.
        let mut is_real = known.is_some();
        let mut chain = known.unwrap_or_else(begin);
        let mut removed = Vec::new();
        let mut failed = None;
        for entry in links.entries {
            let gone = match &entry.body {
                EntryBody::Removal(member) => Some(*member),
                EntryBody::Epoch(_) => None,
            };
            match chain.apply(crypto, &self.authority, entry) {
                Ok(Applied::New) => {
                    is_real = true;
                    removed.extend(gone);
                }
                Ok(Applied::Known) => {}
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        if is_real {
            self.chains.insert(index, chain);
        }
        failed.map_or(Ok(removed), |error| Err(error.into()))
    }

    pub(super) fn secret(
        &mut self,
        crypto: &dyn Crypto,
        name: EpochName,
        secret: EpochSecret,
    ) -> Result<bool, KeyringError> {
        let chain = self.chains.get(&name.index);
        let chain = chain.ok_or(KeyringError::NoServer(name.index))?;
        Ok(self.epochs.insert(crypto, chain, name.number, secret)?)
    }
}
