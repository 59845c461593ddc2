//! What a node holds of its groups: its memberships, the servers' chains, the secrets; and what
//! its peers have proven (docs/protocol/group.md).
//!
//! It holds a node's own groups and the peers it has to do with, never a list of all members.
//! Everything that comes in is verified here, whoever it comes from: a server, or another member.
//!
//! | limit | value |
//! |---|---|
//! | groups | [`GROUPS_MAX`] |
//! | peers' memberships | [`PEERS_MAX`] |
//! | proofs that an initiator offers | the first [`PROOFS_MAX`] |

mod joined;
mod reach;

use std::collections::{BTreeMap, BTreeSet};

use identity::crypto::Crypto;
use wire::{NodeAddr, Prefix};

use crate::chain::{ChainError, Compared, Head, Links};
use crate::element::{Kind, Mode};
use crate::epochs::{EpochName, EpochSecret, SecretError, Usable, Use};
use crate::name::MemberName;
use crate::seen::Seen;
use crate::statement::{
    Admission, Attributes, Authority, Genesis, GroupId, Lease, Membership, Policy, Rules,
};
use joined::Joined;
pub use reach::Reach;

/// Most groups of a node.
pub const GROUPS_MAX: usize = 256;
/// Most memberships of peers that are remembered.
pub const PEERS_MAX: usize = 65_536;
/// Most proofs in a handshake: its slots.
pub const PROOFS_MAX: usize = 16;

/// All that a member needs of a group, or what it lacks: from a server, and as a node keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// What the group is called here.
    pub name: String,
    /// How it began.
    pub genesis: Genesis,
    /// Who manages it.
    pub authority: Authority,
    /// The member's admission.
    pub admission: Admission,
    /// Its lease.
    pub lease: Lease,
    /// Entries of the servers' chains.
    pub links: Vec<Links>,
    /// Secrets of epochs.
    pub secrets: Vec<(EpochName, EpochSecret)>,
    /// What members may reach; `None`: nothing was said of it.
    pub rules: Option<Rules>,
}

/// Why what somebody handed over was not taken. Nothing has changed then, except that
/// [`Keyring::link`] keeps the entries before the one that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// A statement of another node.
    #[error("the admission is of another node")]
    NotMine,
    /// The statements of one message are of different groups.
    #[error("the statements are of different groups")]
    Mixed,
    /// The root key did not name these servers.
    #[error("the servers are not named by the group's root key")]
    Authority,
    /// Nobody admitted.
    #[error("the admission is not signed by those who may admit")]
    Admission,
    /// No server gave the lease, or it does not run.
    #[error("the lease is not of a server of the group, or has ended")]
    Lease,
    /// Another node has shown to be here by the same invite, which is for one.
    #[error("the invite is for one node, and another has come by it")]
    Twice,
    /// The admission was removed.
    #[error("the admission was removed")]
    Removed,
    /// A group that this node is not in.
    #[error("this node is not in the group")]
    NoGroup,
    /// A chain that no server has.
    #[error("the group has no server {0}")]
    NoServer(u8),
    /// An entry.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// A secret.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// Rules that nobody signed who may.
    #[error("the rules are not signed by those who decide about the group")]
    Rules,
    /// No room.
    #[error("more than {0} are not kept")]
    Full(usize),
}

/// What a member proves in a handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The group.
    pub group: GroupId,
    /// The epoch.
    pub epoch: EpochName,
    /// What a match is good for.
    pub what: Use,
    /// The key of the slot.
    pub tag: [u8; 32],
    /// What a match adds to the handshake.
    pub psk: [u8; 32],
}

/// A peer's membership that has been verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its admission.
    pub member: Membership,
    /// What it is.
    pub kind: Kind,
    /// Its mode.
    pub mode: Mode,
    /// Its name, and what lies behind it.
    pub attributes: Attributes,
    /// The end of its lease, Unix seconds.
    pub until_unix_s: u64,
    /// The key of the invite that it came by, if that is for one node alone.
    pub once: Option<[u8; 32]>,
    /// The indices of the servers that admitted it (none in a locked group) and gave the lease.
    pub by: (Option<u8>, u8),
}

/// The groups of a node.
#[derive(Clone, Debug)]
pub struct Keyring {
    me: NodeAddr,
    groups: BTreeMap<GroupId, Joined>,
    /// Signatures of memberships.
    seen: Seen,
}

impl Keyring {
    /// A node without groups.
    #[must_use]
    pub fn new(me: NodeAddr) -> Self {
        Self {
            me,
            groups: BTreeMap::new(),
            seen: Seen::default(),
        }
    }

    /// Takes what a server tells; the members that it removes from the group.
    ///
    /// # Errors
    /// See [`KeyringError`].
    pub fn welcome(
        &mut self,
        crypto: &dyn Crypto,
        now_unix_s: u64,
        welcome: Welcome,
    ) -> Result<Vec<Membership>, KeyringError> {
        let (joined, removed) = self.join(crypto, Some(now_unix_s), welcome)?;
        if !joined.lease.holds(crypto, &joined.authority, now_unix_s) {
            return Err(KeyringError::Lease);
        }
        self.groups.insert(joined.authority.group, joined);
        Ok(removed)
    }

    /// Takes what was kept ([`Keyring::kept`]). Its lease may have ended meanwhile: then it proves
    /// nothing, and what it knows of the group is there for when another comes.
    ///
    /// # Errors
    /// See [`KeyringError`]: what was kept was damaged, or is another node's.
    pub fn restore(&mut self, crypto: &dyn Crypto, kept: Welcome) -> Result<(), KeyringError> {
        let (joined, _) = self.join(crypto, None, kept)?;
        let gave = joined.authority.server(joined.lease.index);
        // The lease of a server that was taken out has ended.
        if gave.is_some() && !joined.lease.is_signed(crypto, &joined.authority) {
            return Err(KeyringError::Lease);
        }
        self.groups.insert(joined.authority.group, joined);
        Ok(())
    }

    /// Takes entries that another member handed over; the members that they remove.
    ///
    /// # Errors
    /// See [`KeyringError`].
    pub fn link(
        &mut self,
        crypto: &dyn Crypto,
        group: GroupId,
        links: Links,
    ) -> Result<Vec<Membership>, KeyringError> {
        self.joined_mut(group)?.link(crypto, links)
    }

    /// Takes a secret that another member handed over; whether it is new.
    ///
    /// # Errors
    /// See [`KeyringError`].
    pub fn secret(
        &mut self,
        crypto: &dyn Crypto,
        group: GroupId,
        name: EpochName,
        secret: EpochSecret,
    ) -> Result<bool, KeyringError> {
        self.joined_mut(group)?.secret(crypto, name, secret)
    }

    /// Takes the membership that a peer shows, after a handshake that matched the group.
    ///
    /// # Errors
    /// See [`KeyringError`].
    pub fn peer(
        &mut self,
        crypto: &dyn Crypto,
        now_unix_s: u64,
        f: NodeAddr,
        admission: &Admission,
        lease: &Lease,
    ) -> Result<&Peer, KeyringError> {
        let joined = self.groups.get_mut(&admission.group);
        let joined = joined.ok_or(KeyringError::NoGroup)?;
        if admission.member.f != f || lease.member != admission.member {
            return Err(KeyringError::NotMine);
        }
        let crypto = self.seen.through(crypto);
        joined.check(&crypto, now_unix_s, admission, lease)?;
        if !joined.peers.contains_key(&f) && joined.peers.len() >= PEERS_MAX {
            return Err(KeyringError::Full(PEERS_MAX));
        }
        let once = joined::once(admission);
        if joined.has_come_by(once, f) {
            return Err(KeyringError::Twice);
        }
        let attributes = admission.attributes().unwrap_or_default();
        let peer = Peer {
            member: admission.member,
            kind: admission.kind,
            mode: admission.mode,
            attributes,
            until_unix_s: lease.until_unix_s,
            once,
            by: (joined.admitted_by(admission), lease.index),
        };
        joined.peers.insert(f, peer);
        joined.peers.get(&f).ok_or(KeyringError::NoGroup)
    }

    /// Computes the signatures of a membership that a peer showed earlier, so that they need not be when
    /// it shows it again.
    ///
    /// # Errors
    /// It would not count now.
    pub fn foresee(
        &mut self,
        crypto: &dyn Crypto,
        now_unix_s: u64,
        admission: &Admission,
        lease: &Lease,
    ) -> Result<(), KeyringError> {
        let crypto = self.seen.through(crypto);
        let joined = self.groups.get(&admission.group);
        let joined = joined.ok_or(KeyringError::NoGroup)?;
        joined.check(&crypto, now_unix_s, admission, lease)
    }

    /// The groups that a peer has shown to be in, and that this node is in, now.
    pub fn shared(&self, f: NodeAddr, now_unix_s: u64) -> impl Iterator<Item = (GroupId, &Peer)> {
        self.groups.iter().filter_map(move |(group, joined)| {
            let peer = joined.peers.get(&f)?;
            let runs = now_unix_s < peer.until_unix_s && now_unix_s < joined.lease.until_unix_s;
            let is_out = joined.is_removed(peer.member) || joined.is_removed(joined.member());
            (runs && !is_out).then_some((*group, peer))
        })
    }

    /// The node that a member's name stands for, by statements that anybody may have handed over;
    /// `None`: they do not say so, or not in a group of this node, or not now.
    #[must_use]
    pub fn named(
        &self,
        crypto: &dyn Crypto,
        now_unix_s: u64,
        name: &MemberName,
        (lease, admission): &(Lease, Admission),
    ) -> Option<NodeAddr> {
        let joined = self.groups.get(&admission.group)?;
        let is_group = name.group.as_ref().is_none_or(|it| *it == joined.name);
        let attributes = admission.attributes().ok()?;
        let is_name = attributes.name.as_ref() == Some(&name.member);
        let fits = is_group && is_name && lease.member == admission.member;
        let holds = joined.check(crypto, now_unix_s, admission, lease).is_ok();
        (fits && holds).then_some(admission.member.f)
    }

    /// The members that have shown themselves and are called so.
    pub fn called<'a>(&'a self, name: &'a MemberName) -> impl Iterator<Item = NodeAddr> + 'a {
        let groups = self.groups.values();
        let groups = groups.filter(|it| name.group.as_ref().is_none_or(|group| *group == it.name));
        groups.flat_map(|joined| {
            let peers = joined.peers.iter();
            let called = peers.filter(|(_, it)| it.attributes.name.as_ref() == Some(&name.member));
            called.map(|(f, _)| *f)
        })
    }

    /// What lies behind members that have shown themselves, by their groups' word.
    #[must_use]
    pub fn signed_prefixes(&self) -> Vec<Prefix> {
        let peers = self
            .groups
            .values()
            .flat_map(|joined| joined.peers.values());
        let prefixes = peers.flat_map(|peer| peer.attributes.prefixes.iter().copied());
        prefixes.collect()
    }

    /// What a peer has shown, by group, whether or not it still holds.
    pub fn peers_of(&self, f: NodeAddr) -> impl Iterator<Item = (GroupId, &Peer)> {
        let groups = self.groups.iter();
        groups.filter_map(move |(group, joined)| Some((*group, joined.peers.get(&f)?)))
    }

    /// Forgets a peer: its session has ended.
    pub fn forget(&mut self, f: NodeAddr) {
        for joined in self.groups.values_mut() {
            joined.peers.remove(&f);
        }
    }

    /// Leaves a group.
    pub fn leave(&mut self, group: GroupId) {
        self.groups.remove(&group);
    }

    /// What this node proves in a handshake, and matches: the current epochs first, then those
    /// beside them, then those to catch up by. As initiator it has room for [`PROOFS_MAX`].
    #[must_use]
    pub fn proofs(&self, crypto: &dyn Crypto, now_unix_s: u64) -> Vec<Proof> {
        let mut proofs: Vec<Proof> = Vec::new();
        for (group, joined) in &self.groups {
            let ends = joined.lease.until_unix_s;
            if now_unix_s >= ends || joined.is_removed(joined.member()) {
                continue;
            }
            for Usable { name, what } in joined.usable(now_unix_s) {
                let Some(secret) = joined.epochs.secret(name) else {
                    continue;
                };
                proofs.push(Proof {
                    group: *group,
                    epoch: name,
                    what,
                    tag: secret.tag(crypto),
                    psk: secret.psk(crypto),
                });
            }
        }
        proofs.sort_by_key(|proof| (proof.what, proof.group, std::cmp::Reverse(proof.epoch)));
        proofs
    }

    /// What this node shows after a handshake that matched a group.
    #[must_use]
    pub fn membership(&self, group: GroupId) -> Option<(&Admission, &Lease)> {
        let joined = self.groups.get(&group)?;
        Some((&joined.admission, &joined.lease))
    }

    /// What is held of a group.
    #[must_use]
    pub fn statements(&self, group: GroupId) -> Option<(&Authority, &Admission, &Lease)> {
        let joined = self.groups.get(&group)?;
        Some((&joined.authority, &joined.admission, &joined.lease))
    }

    /// Who admits to a group: so many of these admins, if it is locked.
    #[must_use]
    pub fn policy(&self, group: GroupId) -> Option<&Policy> {
        Some(&self.groups.get(&group)?.genesis.policy)
    }

    /// Whether a server may put this node into a group by itself. Not into a new one, if one that it manages is
    /// locked, unless the same admins lock that one: else it could open a way around the lock.
    #[must_use]
    pub fn may_be_put_into(&self, server: NodeAddr, genesis: &Genesis, group: GroupId) -> bool {
        let of_server = self.groups.values();
        let of_server = of_server.filter(|it| it.authority.index_of(server).is_some());
        let policies = of_server.map(|it| &it.genesis.policy);
        let locks: Vec<&Policy> = policies.filter(|it| **it != Policy::Managed).collect();
        self.groups.contains_key(&group) || locks.is_empty() || locks.contains(&&genesis.policy)
    }

    /// The groups that a server manages, and the index of its chain in each.
    pub fn managed_by(&self, server: NodeAddr) -> impl Iterator<Item = (GroupId, u8)> {
        self.groups.iter().filter_map(move |(group, joined)| {
            let index = joined.authority.index_of(server)?;
            Some((*group, index))
        })
    }

    /// The other instances of the server that is reached at F.
    #[must_use]
    pub fn sisters(&self, server: NodeAddr) -> BTreeSet<NodeAddr> {
        let managed = self.groups.values().filter_map(|joined| {
            let index = joined.authority.index_of(server)?;
            Some(joined.authority.instances(index))
        });
        managed.flatten().filter(|f| *f != server).collect()
    }

    /// The servers of all groups, each once.
    #[must_use]
    pub fn servers(&self) -> BTreeSet<NodeAddr> {
        let all = self.groups.values();
        let all = all.flat_map(|joined| joined.authority.servers.iter().flatten());
        all.map(|server| server.f).collect()
    }

    /// Whether a server's chain says that this node is in a group no more.
    #[must_use]
    pub fn is_out(&self, group: GroupId) -> bool {
        let joined = self.groups.get(&group);
        joined.is_some_and(|joined| joined.is_removed(joined.member()))
    }

    /// The epochs in force of a group whose secrets are held: servers' indices and numbers.
    #[must_use]
    pub fn epochs_in_force(&self, group: GroupId, now_unix_s: u64) -> Vec<(u8, u32)> {
        let usable = self.groups.get(&group).into_iter();
        let usable = usable.flat_map(|joined| joined.usable(now_unix_s));
        let current = usable.filter(|it| it.what == Use::Current);
        current.map(|it| (it.name.index, it.name.number)).collect()
    }

    /// The ends of the chains of a group.
    pub fn heads(&self, group: GroupId) -> impl Iterator<Item = (u8, Head)> {
        let chains = self.groups.get(&group).into_iter();
        let chains = chains.flat_map(|joined| joined.chains.iter());
        chains.map(|(index, chain)| (*index, chain.head()))
    }

    /// What another member's head says about a chain. `None`: the chain is not known here.
    #[must_use]
    pub fn compare(
        &self,
        crypto: &dyn Crypto,
        group: GroupId,
        index: u8,
        head: Head,
    ) -> Option<Compared> {
        let chain = self.groups.get(&group)?.chains.get(&index)?;
        Some(chain.compare(crypto, head))
    }

    /// All entries of a chain that are kept.
    #[must_use]
    pub fn all_links(&self, group: GroupId, index: u8) -> Option<Links> {
        let chain = self.groups.get(&group)?.chains.get(&index)?;
        Some(chain.links_from(0))
    }

    /// The entries of a chain from a number on, for another member. `None`: not all of them are
    /// kept.
    #[must_use]
    pub fn links_from(&self, group: GroupId, index: u8, number: u32) -> Option<Links> {
        let chain = self.groups.get(&group)?.chains.get(&index)?;
        let links = chain.links_from(number);
        (links.after.number.checked_add(1) == Some(number)).then_some(links)
    }

    /// A secret, for another member that is in the group and lacks it.
    #[must_use]
    pub fn secret_of(&self, group: GroupId, name: EpochName) -> Option<&EpochSecret> {
        self.groups.get(&group)?.epochs.secret(name)
    }

    /// The secrets of the epochs in force and of those to come, for another member.
    #[must_use]
    pub fn secrets_ahead(&self, group: GroupId, now_unix_s: u64) -> Vec<(EpochName, EpochSecret)> {
        let Some(joined) = self.groups.get(&group) else {
            return Vec::new();
        };
        let names = joined.names_ahead(now_unix_s).into_iter();
        let held = names.filter_map(|name| Some((name, joined.epochs.secret(name)?.clone())));
        held.collect()
    }

    /// Whether the secret of an epoch in force or to come is missing.
    #[must_use]
    pub fn lacks_secrets(&self, group: GroupId, now_unix_s: u64) -> bool {
        let lacks = |joined: &Joined| {
            let names = joined.names_ahead(now_unix_s);
            let mut missing = names
                .iter()
                .filter(|it| joined.epochs.secret(**it).is_none());
            missing.next().is_some()
        };
        self.groups.get(&group).is_some_and(lacks)
    }

    /// Takes a newer statement of the group's root key; whether it is newer. What servers signed that it
    /// names no more counts no more.
    ///
    /// # Errors
    /// See [`KeyringError`].
    pub fn authority(
        &mut self,
        crypto: &dyn Crypto,
        now_unix_s: u64,
        authority: Authority,
    ) -> Result<bool, KeyringError> {
        let joined = self.joined_mut(authority.group)?;
        if !authority.is_signed_by(crypto, &joined.genesis.root_key) {
            return Err(KeyringError::Authority);
        }
        let is_newer = authority.serial > joined.authority.serial;
        if is_newer {
            joined.obey(crypto, now_unix_s, authority);
        }
        Ok(is_newer)
    }

    /// The group as it is kept; [`Keyring::restore`] takes it again after a restart.
    #[must_use]
    pub fn kept(&self, group: GroupId) -> Option<Welcome> {
        let joined = self.groups.get(&group)?;
        let links = joined.chains.values().map(|chain| chain.links_from(0));
        let secrets = joined.epochs.iter();
        Some(Welcome {
            name: joined.name.clone(),
            genesis: joined.genesis.clone(),
            authority: joined.authority.clone(),
            admission: joined.admission.clone(),
            lease: joined.lease.clone(),
            links: links.collect(),
            secrets: secrets.map(|(name, it)| (name, it.clone())).collect(),
            rules: joined.rules.clone(),
        })
    }

    /// The groups, by id, and what they are called here.
    pub fn groups(&self) -> impl Iterator<Item = (GroupId, &str)> {
        self.groups.iter().map(|(id, it)| (*id, it.name.as_str()))
    }

    /// Forgets what is over.
    pub fn expire(&mut self, now_unix_s: u64) {
        for joined in self.groups.values_mut() {
            joined
                .peers
                .retain(|_, peer| now_unix_s < peer.until_unix_s);
            for chain in joined.chains.values_mut() {
                joined.epochs.expire(chain, now_unix_s);
                chain.expire(now_unix_s);
            }
        }
    }

    /// When proofs or memberships change next by themselves, Unix seconds.
    #[must_use]
    pub fn changes_at(&self, now_unix_s: u64) -> Option<u64> {
        let of = |joined: &Joined| {
            let leases = joined.peers.values().map(|peer| peer.until_unix_s);
            let leases = leases.chain([joined.lease.until_unix_s]);
            let chains = joined.chains.values();
            let epochs = chains.filter_map(|chain| joined.epochs.changes_at(chain, now_unix_s));
            let all = leases.chain(epochs).filter(|at| *at > now_unix_s);
            all.min()
        };
        self.groups.values().filter_map(of).min()
    }

    /// The group as it is with what a welcome says, if that is this node's and in itself as it
    /// should be; whether the lease runs is not looked at. It was kept if there is no time.
    fn join(
        &self,
        crypto: &dyn Crypto,
        now_unix_s: Option<u64>,
        welcome: Welcome,
    ) -> Result<(Joined, Vec<Membership>), KeyringError> {
        let group = welcome.genesis.id(crypto);
        let (authority, admission) = (welcome.authority, welcome.admission);
        let of = [authority.group, admission.group, welcome.lease.group];
        if of.iter().any(|other| *other != group) {
            return Err(KeyringError::Mixed);
        }
        if admission.member.f != self.me || welcome.lease.member != admission.member {
            return Err(KeyringError::NotMine);
        }
        if !authority.is_signed_by(crypto, &welcome.genesis.root_key) {
            return Err(KeyringError::Authority);
        }
        let before = self.groups.get(&group);
        if before.is_none() && self.groups.len() >= GROUPS_MAX {
            return Err(KeyringError::Full(GROUPS_MAX));
        }
        let known = before.map(|it| it.authority.clone());
        let is_newer = |it: &Authority| authority.serial > it.serial;
        let obeys = known.as_ref().is_some_and(is_newer);
        let mut joined = Joined {
            name: welcome.name,
            authority: known.unwrap_or_else(|| authority.clone()),
            genesis: welcome.genesis,
            admission,
            lease: welcome.lease,
            chains: before.map(|it| it.chains.clone()).unwrap_or_default(),
            epochs: before.map(|it| it.epochs.clone()).unwrap_or_default(),
            peers: before.map(|it| it.peers.clone()).unwrap_or_default(),
            rules: before.and_then(|it| it.rules.clone()),
            rules_rank: before.map_or(0, |it| it.rules_rank),
        };
        if obeys {
            // The new lease may be of a server that was not named before.
            let lease = joined.lease.clone();
            joined.obey(crypto, now_unix_s.unwrap_or_default(), authority);
            joined.lease = lease;
        }
        // One that was kept may be void: its server was taken out.
        let admitted_by = joined.admitted_by(&joined.admission);
        let is_void = admitted_by.is_some_and(|it| joined.authority.server(it).is_none());
        let may_be_void = now_unix_s.is_none() && is_void;
        if !may_be_void && !joined.admits(crypto, &joined.admission) {
            return Err(KeyringError::Admission);
        }
        let mut removed = Vec::new();
        for links in welcome.links {
            removed.extend(joined.link(crypto, links)?);
        }
        for (name, secret) in welcome.secrets {
            joined.secret(crypto, name, secret)?;
        }
        match (welcome.rules, now_unix_s) {
            // They were checked when they came; the server that signed them may be none any more.
            (Some(kept), None) => {
                joined.rules = Some(kept);
                joined.rank_rules(crypto);
            }
            (Some(rules), Some(_)) => _ = joined.take_rules(crypto, rules)?,
            (None, _) => {}
        }
        Ok((joined, removed))
    }

    fn joined_mut(&mut self, group: GroupId) -> Result<&mut Joined, KeyringError> {
        self.groups.get_mut(&group).ok_or(KeyringError::NoGroup)
    }
}
