//! The world that is searched: a server with its stories, the nodes, and what may happen to them.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use control::{
    Actor, Addition, Command, Context, Enrolment, Have, Reply, SecretOf, Server, Tenant,
};
use group::Kind;
use group::chain::{Chain, ChainError, Compared};
use group::epochs::{EpochSecret, Use};
use group::keyring::{Keyring, KeyringError, Proof};
use group::statement::{GroupId, Membership, Signer};
use identity::crypto::{Crypto, HashRng};
use sim::crypto::SimCrypto;
use wire::NodeAddr;

pub(crate) const START: u64 = 1_800_000_000;
pub(crate) const SEED: [u8; 32] = [9; 32];
pub(crate) const NODES: usize = 3;
pub(crate) const GROUP: &str = "sales";
/// Steps of time: past the overlap of a removal, past the hour of the change, most of a lease.
pub(crate) const STEPS: [u64; 3] = [11, 14 * 3_600, 30 * 3_600];
/// Most steps of time, orders to the server, and lies in one history.
pub(crate) const STEPS_MAX: u8 = 3;
pub(crate) const ORDERS_MAX: u8 = 4;

pub(crate) fn f(node: usize) -> NodeAddr {
    let mut bytes = [node as u8 + 1; 16];
    bytes[0] = 0xfc;
    NodeAddr(bytes)
}

pub(crate) fn name(node: usize) -> String {
    format!("node-{node}")
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    Join(usize),
    Remove(usize),
    Rotate,
    Wait(u64),
    /// The server tells a node what it lacks.
    Sync(usize),
    /// Two nodes make a session, show what they are, and tell each other what they lack.
    Meet(usize, usize),
    /// From now on this node is told another story.
    Lie(usize),
}

/// One story of the server.
#[derive(Clone, Debug)]
pub(crate) struct Story {
    pub(crate) tenant: Tenant,
    pub(crate) secrets: BTreeMap<SecretOf, EpochSecret>,
    /// A hash of all events, for the fingerprint.
    pub(crate) told: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) now: u64,
    /// The honest one, and the other once there is a lie.
    pub(crate) stories: Vec<Arc<Story>>,
    /// Which story each node is told.
    pub(crate) of: [usize; NODES],
    pub(crate) nodes: [Arc<Keyring>; NODES],
    pub(crate) waits: u8,
    pub(crate) orders: u8,
    /// Admissions of any story.
    pub(crate) admitted: BTreeSet<Membership>,
    /// When which admission was removed, in any story.
    pub(crate) removed: BTreeMap<Membership, u64>,
    /// Somebody found a fork.
    pub(crate) found: bool,
    /// Two met, and a fork was not found.
    pub(crate) missed: bool,
}

impl World {
    /// What tells this state from others.
    pub(crate) fn print(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (
            self.now,
            self.of,
            self.waits,
            self.orders,
            self.found,
            self.missed,
        )
            .hash(&mut hasher);
        for story in &self.stories {
            story.told.hash(&mut hasher);
        }
        for node in &self.nodes {
            for (group, _) in node.groups() {
                group.hash(&mut hasher);
                let Some(kept) = node.kept(group) else {
                    continue;
                };
                (kept.admission.member.serial, kept.lease.until_unix_s).hash(&mut hasher);
                for links in kept.links {
                    links
                        .entries
                        .last()
                        .map(|it| it.signature)
                        .hash(&mut hasher);
                }
                for (epoch, _) in kept.secrets {
                    epoch.wire().hash(&mut hasher);
                }
            }
            for other in 0..NODES {
                for (group, peer) in node.shared(f(other), self.now) {
                    (group, peer.member.serial, peer.until_unix_s).hash(&mut hasher);
                }
            }
        }
        hasher.finish()
    }

    /// A node, to change it.
    fn node(&mut self, node: usize) -> &mut Keyring {
        Arc::make_mut(&mut self.nodes[node])
    }

    pub(crate) fn group(&self) -> GroupId {
        self.stories[0].tenant.groups[GROUP].id
    }

    pub(crate) fn proofs(&self, crypto: &dyn Crypto, node: usize) -> Vec<Proof> {
        self.nodes[node].proofs(crypto, self.now)
    }

    /// The best that both prove.
    pub(crate) fn matched(&self, crypto: &dyn Crypto, one: usize, other: usize) -> Option<Use> {
        let (one, other) = (self.proofs(crypto, one), self.proofs(crypto, other));
        let both = one.iter().filter_map(|it| {
            let there = other.iter().find(|there| there.tag == it.tag)?;
            Some(it.what.max(there.what))
        });
        both.min()
    }

    pub(crate) fn shares(&self, one: usize, other: usize) -> impl Iterator<Item = Membership> + '_ {
        let shared = self.nodes[one].shared(f(other), self.now);
        shared.map(|(_, peer)| peer.member)
    }

    pub(crate) fn member(&self, node: usize) -> Option<Membership> {
        let shown = self.nodes[node].membership(self.group());
        shown.map(|(admission, _)| admission.member)
    }

    /// A node's chain, as it would hand it over.
    pub(crate) fn chain(&self, crypto: &dyn Crypto, node: usize) -> Option<Chain> {
        let kept = self.nodes[node].kept(self.group())?;
        let links = kept.links.into_iter().next()?;
        let mut chain = Chain::new(self.group(), 0, links.after);
        for entry in links.entries {
            chain.apply(crypto, &kept.authority, entry).ok()?;
        }
        Some(chain)
    }

    /// Whether a node has heard that an admission was removed.
    pub(crate) fn knows_removed(
        &self,
        crypto: &dyn Crypto,
        node: usize,
        member: Membership,
    ) -> bool {
        let chain = self.chain(crypto, node);
        chain.is_some_and(|chain| chain.is_removed(member))
    }
}

/// The rules by which the world goes on.
pub(crate) struct Rules {
    pub(crate) crypto: SimCrypto,
    /// Whether the server may lie.
    pub(crate) hostile: bool,
}

impl Rules {
    /// Three members that the server has told everything.
    pub(crate) fn begin(&self) -> World {
        let story = Story {
            tenant: Tenant::default(),
            secrets: BTreeMap::new(),
            told: 0,
        };
        let mut world = World {
            now: START,
            stories: vec![Arc::new(story)],
            of: [0; NODES],
            nodes: std::array::from_fn(|node| Arc::new(Keyring::new(f(node)))),
            waits: 0,
            orders: 0,
            admitted: BTreeSet::new(),
            removed: BTreeMap::new(),
            found: false,
            missed: false,
        };
        let create = Command::CreateGroups {
            groups: vec![GROUP.to_owned()],
            zone: "Asia/Tokyo".to_owned(),
            site: None,
            sign_in_s: None,
        };
        self.order(&mut world, 0, Actor::Operator, &create)
            .expect("a group");
        for node in 0..NODES {
            self.join(&mut world, node).expect("a member");
            self.sync(&mut world, node).expect("told");
        }
        // What is told from now on is told later.
        world.now += 1;
        world
    }

    /// What may be tried.
    pub(crate) fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        let nodes = 0..NODES;
        if world.orders < ORDERS_MAX {
            actions.extend(
                nodes
                    .clone()
                    .flat_map(|node| [Action::Join(node), Action::Remove(node)]),
            );
            actions.push(Action::Rotate);
            if self.hostile {
                // Which one does not matter.
                actions.push(Action::Lie(1));
            }
        }
        if world.waits < STEPS_MAX {
            actions.extend(STEPS.map(Action::Wait));
        }
        actions.extend(nodes.clone().map(Action::Sync));
        for one in nodes.clone() {
            actions.extend((one + 1..NODES).map(|other| Action::Meet(one, other)));
        }
    }

    /// The world after an action; `None`: it is not possible.
    pub(crate) fn step(&self, world: &World, action: Action) -> Option<World> {
        let mut next = world.clone();
        let all = 0..next.stories.len();
        let in_all = |command: Command| -> bool {
            let done = all.map(|story| {
                self.order(&mut next, story, Actor::Operator, &command)
                    .is_some()
            });
            done.fold(false, |any, one| any | one)
        };
        match action {
            Action::Join(node) => self.join(&mut next, node)?,
            Action::Remove(node) => {
                let (member, group) = (name(node), None);
                in_all(Command::Remove { member, group }).then_some(())?;
            }
            Action::Rotate => {
                let group = GROUP.to_owned();
                in_all(Command::Rotate { group }).then_some(())?;
            }
            Action::Wait(seconds) => {
                next.waits += 1;
                next.now += seconds;
                for story in 0..next.stories.len() {
                    self.order(&mut next, story, Actor::Clock, &Command::Tick);
                }
            }
            Action::Sync(node) => self.sync(&mut next, node)?,
            Action::Meet(one, other) => self.meet(&mut next, one, other)?,
            Action::Lie(node) => {
                if next.of[node] == 1 {
                    return None;
                }
                if next.stories.len() == 1 {
                    next.stories.push(next.stories[0].clone());
                    // The same order, and the two stories have different entries for it.
                    for story in 0..2 {
                        let group = GROUP.to_owned();
                        let rotate = Command::Rotate { group };
                        self.order(&mut next, story, Actor::Operator, &rotate);
                    }
                }
                next.of[node] = 1;
            }
        }
        if matches!(
            action,
            Action::Join(_) | Action::Remove(_) | Action::Rotate | Action::Lie(_)
        ) {
            next.orders += 1;
        }
        Some(next)
    }

    /// An order, in a story.
    fn order(
        &self,
        world: &mut World,
        story: usize,
        actor: Actor,
        command: &Command,
    ) -> Option<Reply> {
        let now = world.now;
        let told = Arc::make_mut(&mut world.stories[story]);
        let mut seed = [story as u8; 32];
        seed[..8].copy_from_slice(&told.tenant.rev.to_be_bytes());
        let mut context = Context {
            now_unix_s: now,
            crypto: &self.crypto,
            rng: &mut HashRng::new(seed),
            server: Server {
                seed: &SEED,
                f: NodeAddr([0xfc; 16]),
            },
            // One instance: nothing is signed anew with a root key.
            roots: &|_| None,
        };
        let outcome = told.tenant.decide(&mut context, actor, command).ok()?;
        for event in &outcome.events {
            told.tenant
                .apply(&self.crypto, event)
                .expect("a whole store");
            let mut hasher = DefaultHasher::new();
            (told.told, format!("{event:?}")).hash(&mut hasher);
            told.told = hasher.finish();
        }
        told.secrets.extend(outcome.secrets);
        let group = &told.tenant.groups[GROUP];
        let admissions = group.admissions.values().map(|it| it.member);
        let admissions: BTreeSet<Membership> = admissions.collect();
        let gone: Vec<Membership> = world
            .admitted
            .iter()
            .copied()
            .filter(|it| group.chain.is_removed(*it))
            .collect();
        world.admitted.extend(admissions);
        for member in gone {
            world.removed.entry(member).or_insert(now);
        }
        Some(outcome.reply)
    }

    fn join(&self, world: &mut World, node: usize) -> Option<()> {
        for story in 0..world.stories.len() {
            let add = Command::Add(Addition {
                member: name(node),
                groups: vec![GROUP.to_owned()],
                life_s: 3_600,
                ..Addition::default()
            });
            let Some(Reply::Invited { invite, .. }) =
                self.order(world, story, Actor::Operator, &add)
            else {
                continue;
            };
            let enrolment = Enrolment {
                invite,
                kind: Kind::Ges,
                prefixes: Vec::new(),
                name: None,
            };
            let come = Command::Enrol(enrolment);
            self.order(world, story, Actor::Node { f: f(node) }, &come)?;
        }
        Some(())
    }

    fn sync(&self, world: &mut World, node: usize) -> Option<()> {
        let group = world.group();
        let by = Signer {
            crypto: &self.crypto,
            seed: &SEED,
        };
        let story = &world.stories[world.of[node]];
        let heads = world.nodes[node].heads(group);
        let have: Vec<Have> = heads.map(|(_, head)| Have { group, head }).collect();
        let secret = |of| story.secrets.get(&of).cloned();
        let told = story
            .tenant
            .knowledge(&by, world.now, f(node), &have, secret);
        let welcome = told.into_iter().next()?;
        let now = world.now;
        match world.node(node).welcome(&self.crypto, now, welcome) {
            Err(KeyringError::Chain(ChainError::Fork(_))) => world.found = true,
            Err(error) => panic!("{error}"),
            Ok(_) => {}
        }
        Some(())
    }

    /// Both show their memberships, compare chains, and hand over what the other lacks.
    fn meet(&self, world: &mut World, one: usize, other: usize) -> Option<()> {
        world.matched(&self.crypto, one, other)?;
        let chains = [one, other].map(|node| world.chain(&self.crypto, node));
        let parted = match &chains {
            [Some(one), Some(other)] => !continues(one, other) && !continues(other, one),
            _ => false,
        };
        let found = world.found;
        world.found = false;
        self.tell(world, one, other);
        self.tell(world, other, one);
        world.missed |= parted && !world.found;
        world.found |= found;
        for (from, to) in [(one, other), (other, one)] {
            let group = world.group();
            let Some((admission, lease)) = world.nodes[from].membership(group) else {
                continue;
            };
            let (admission, lease) = (admission.clone(), lease.clone());
            // Refused or not: what is believed afterwards is what the properties look at.
            let now = world.now;
            let to = world.node(to);
            let _ = to.peer(&self.crypto, now, f(from), &admission, &lease);
        }
        Some(())
    }

    /// `from` gives `to` the entries that it lacks, and its current secret if `to` is a member.
    fn tell(&self, world: &mut World, from: usize, to: usize) {
        let group = world.group();
        let (now, crypto) = (world.now, &self.crypto);
        let heads: Vec<_> = world.nodes[to].heads(group).collect();
        for (index, head) in heads {
            match world.nodes[from].compare(crypto, group, index, head) {
                Some(Compared::Fork) => world.found = true,
                Some(Compared::Ahead) => {
                    let links = world.nodes[from].links_from(group, index, head.number + 1);
                    let linked = links.map(|links| world.node(to).link(crypto, group, links));
                    if let Some(Err(KeyringError::Chain(ChainError::Fork(_)))) = linked {
                        world.found = true;
                    }
                }
                _ => {}
            }
        }
        let shown = world.nodes[to].membership(group);
        let shown = shown.map(|(admission, lease)| (admission.clone(), lease.clone()));
        let believes = shown.is_some_and(|(admission, lease)| {
            let peer = world
                .node(from)
                .peer(crypto, now, f(to), &admission, &lease);
            peer.is_ok()
        });
        let current = world.proofs(crypto, from).into_iter().next();
        if let Some(current) = current.filter(|it| believes && it.what == Use::Current)
            && let Some(secret) = world.nodes[from].secret_of(group, current.epoch).cloned()
        {
            // It may be of a chain that the other does not have.
            let _ = world.node(to).secret(crypto, group, current.epoch, secret);
        }
    }
}

/// Whether one chain is the other, perhaps with more entries.
pub(crate) fn continues(long: &Chain, short: &Chain) -> bool {
    let at = short.head();
    long.head() == at
        || long
            .entries_from(0)
            .any(|entry| entry.number == at.number + 1 && entry.before == at.hash)
}
