//! The server as it runs: orders are decided, written down, made so, and told to whom they concern.
//!
//! ```text
//!   order ── decide ── commit (store) ── apply ── effects ── each node in touch
//!   node  ── enrol, resume, locate ──────────────── effects
//! ```
//!
//! What it does: holds a [`Tenant`], knows which nodes are in touch, and says in [`Effect`]s what they
//! are told. Effects follow from events alone, so events that another instance wrote into the same
//! store are told in the same way ([`Service::catch_up`]).
//!
//! What it does not: sessions, clocks, SQL. A [`Store`] writes; whoever owns both drains the effects.
//!
//! | limit | value |
//! |---|---|
//! | bytes of an answer to a node that resumes | [`PAGE_LEN`]; it asks for the rest |
//! | tries when another instance wrote at the same time | [`TRIES_MAX`] |

mod effects;
mod nodes;
mod partners;
mod sign_in;
mod since;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use group::agent::ToMember;
use group::epochs::EpochSecret;
use group::partner::Charge;
use group::statement::{GroupId, Signer};
use identity::crypto::{Crypto, Rng};
use identity::password::Verifier;
use wire::NodeAddr;

use crate::actor::Actor;
use crate::apply::Corrupt;
use crate::audit::{AuditError, Record, Trail};
use crate::command::{Command, Refusal};
use crate::decide::{Context, Outcome, Reply, SecretOf, Server};
use crate::model::Tenant;
use crate::plan::Plan;

pub use sign_in::Check;

/// Bytes after which an answer to a node that resumes ends; it asks for the rest.
pub const PAGE_LEN: usize = 64 * 1_024;
/// Most times that an order is decided anew because another instance wrote first.
pub const TRIES_MAX: usize = 8;
/// Records that are read at once.
const RECORDS_AT_ONCE: usize = 1_000;

/// Where a tenant is written down.
pub trait Store {
    /// Writes down what an order does, all of it or nothing, if the last record is `after`.
    ///
    /// # Errors
    /// See [`StoreError`]; nothing was written then, as far as can be known.
    fn commit(&mut self, after: u64, writing: &Writing<'_>) -> Result<(), StoreError>;

    /// The next records after a revision, at most `most`.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn records(&mut self, after: u64, most: usize) -> Result<Vec<Record>, StoreError>;

    /// The secret of an epoch.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn secret(&self, of: SecretOf) -> Result<Option<EpochSecret>, StoreError>;

    /// The seed of a group's root key.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn root_seed(&self, group: GroupId) -> Result<Option<[u8; 32]>, StoreError>;

    /// What the password of a user is checked by.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn verifier(&self, user: &str) -> Result<Option<Verifier>, StoreError>;
}

/// What is written in one transaction.
#[derive(Clone, Copy, Debug)]
pub struct Writing<'a> {
    /// The records, in order.
    pub records: &'a [Record],
    /// Secrets to seal and keep.
    pub secrets: &'a [(SecretOf, EpochSecret)],
    /// Seeds of groups' root keys to seal and keep.
    pub root_seeds: &'a [(GroupId, [u8; 32])],
    /// What passwords of users are checked by, to seal and keep instead of what is there; `None`: to destroy.
    pub verifiers: &'a [(String, Option<Verifier>)],
}

/// Why a store did not do something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Another instance wrote first.
    #[error("another instance wrote at the same time")]
    Conflict,
    /// It is somewhere else now, as another instance has ordered.
    #[error("this store was moved to {0}")]
    Moved(String),
    /// It cannot be written or read now.
    #[error("the store cannot be used: {0}")]
    Unavailable(String),
}

/// Why an order was not carried out. Nothing has changed then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// The domain is against it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It could not be written down.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What the store holds is not what was written.
    #[error(transparent)]
    Corrupt(#[from] Corrupt),
    /// The same, by its hashes.
    #[error(transparent)]
    Audit(#[from] AuditError),
}

/// What is to be done for a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Tell it this, if it is in touch.
    Tell {
        /// Whom.
        to: NodeAddr,
        /// What.
        message: ToMember,
    },
    /// It may come from now on.
    Enter(NodeAddr),
    /// It may come no more, once it was told.
    Leave(NodeAddr),
    /// Check a password, on a thread that may be slow, and say what came of it ([`Service::checked`]).
    Check(Check),
    /// These servers manage groups with this one, and may come: where they are reached, and their keys.
    Partners(BTreeMap<NodeAddr, [u8; 32]>),
    /// Another server of a group has signed two different chains: somebody is to know.
    Forked {
        /// The group.
        group: GroupId,
        /// The index of the chain.
        index: u8,
        /// Who brought the other one.
        by: NodeAddr,
    },
    /// Tell it where another is.
    Locate {
        /// Whom.
        to: NodeAddr,
        /// Where who is.
        f: NodeAddr,
    },
}

/// This server's key, its name, and its tools.
#[derive(Clone)]
pub struct Keys {
    /// The cryptography.
    pub crypto: Arc<dyn Crypto>,
    /// The seed of its key for statements.
    pub seed: [u8; 32],
    /// Its F.
    pub f: NodeAddr,
}

/// The server as it runs.
pub struct Service {
    keys: Keys,
    tenant: Tenant,
    trail: Trail,
    /// The nodes in touch; whether each has been told everything.
    online: BTreeMap<NodeAddr, bool>,
    /// Attempts to sign in that are being checked, by node.
    checking: BTreeMap<NodeAddr, sign_in::Checking>,
    effects: VecDeque<Effect>,
    /// The other servers of this one's groups, and their keys.
    partners: BTreeMap<NodeAddr, [u8; 32]>,
    /// Those that are in touch.
    partners_online: BTreeSet<NodeAddr>,
    /// Servers that may name this one in groups, and what they have said of those.
    accepting: BTreeMap<NodeAddr, Vec<Charge>>,
}

impl Service {
    /// A server with what its store holds.
    ///
    /// # Errors
    /// The store cannot be read, or holds something else than was written.
    pub fn open(keys: Keys, store: &mut dyn Store) -> Result<Self, OrderError> {
        let mut service = Self {
            keys,
            tenant: Tenant::default(),
            trail: Trail::default(),
            online: BTreeMap::new(),
            checking: BTreeMap::new(),
            effects: VecDeque::new(),
            partners: BTreeMap::new(),
            partners_online: BTreeSet::new(),
            accepting: BTreeMap::new(),
        };
        // What is told is what follows.
        service.catch_up(store, 0)?;
        service.effects.clear();
        Ok(service)
    }

    /// What there is.
    #[must_use]
    pub const fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// Where the audit trail has come to.
    #[must_use]
    pub const fn trail(&self) -> Trail {
        self.trail
    }

    /// These nodes are in touch already, whatever the server before this one told them: it was opened
    /// anew, over another store perhaps. Those that are no member's are not.
    pub fn adopt(&mut self, nodes: impl IntoIterator<Item = NodeAddr>) {
        for f in nodes {
            if self.tenant.has_node(f) {
                self.online.entry(f).or_insert(false);
            }
            if self.partners.contains_key(&f) {
                self.partners_online.insert(f);
            }
        }
    }

    /// Whether a node is in touch.
    #[must_use]
    pub fn is_online(&self, f: NodeAddr) -> bool {
        self.online.contains_key(&f)
    }

    /// The next thing to do. Call until `None` after every order and message.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// Carries out an order.
    ///
    /// # Errors
    /// See [`OrderError`].
    pub fn order(
        &mut self,
        store: &mut dyn Store,
        now_unix_s: u64,
        rng: &mut dyn Rng,
        actor: Actor,
        command: &Command,
    ) -> Result<Reply, OrderError> {
        let mut tries = 0;
        loop {
            let outcome = self.decide(store, now_unix_s, rng, actor, command)?;
            if outcome.events.is_empty() {
                return Ok(outcome.reply);
            }
            match self.write(store, now_unix_s, actor, &outcome) {
                Ok(records) => {
                    self.follow(store, now_unix_s, &records)?;
                    return Ok(outcome.reply);
                }
                Err(StoreError::Conflict) if tries < TRIES_MAX => {
                    tries += 1;
                    self.catch_up(store, now_unix_s)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Reads what other instances wrote since, and tells it.
    ///
    /// # Errors
    /// The store cannot be read, or holds something else than was written.
    pub fn catch_up(&mut self, store: &mut dyn Store, now_unix_s: u64) -> Result<(), OrderError> {
        loop {
            let records = store.records(self.tenant.rev, RECORDS_AT_ONCE)?;
            if records.is_empty() {
                return Ok(());
            }
            let mut trail = self.trail;
            for record in &records {
                trail.verify(&*self.keys.crypto, record)?;
            }
            self.trail = trail;
            self.follow(store, now_unix_s, &records)?;
        }
    }

    /// What an order would do to pairs of members; nothing changes.
    ///
    /// # Errors
    /// It would be refused.
    pub fn plan(
        &self,
        now_unix_s: u64,
        rng: &mut dyn Rng,
        actor: Actor,
        command: &Command,
    ) -> Result<Plan, OrderError> {
        // No order that can be planned names instances anew.
        let mut context = self.context(now_unix_s, rng, &|_| None);
        Ok(self.tenant.plan(&mut context, actor, command)?)
    }

    /// Sees to it that every group of this server names this instance; does nothing if they do.
    ///
    /// # Errors
    /// See [`OrderError`].
    pub fn attend(
        &mut self,
        store: &mut dyn Store,
        now_unix_s: u64,
        rng: &mut dyn Rng,
    ) -> Result<(), OrderError> {
        if !self.tenant.lacks_instance(self.here()) {
            return Ok(());
        }
        let done = self.order(store, now_unix_s, rng, Actor::Clock, &Command::Attend);
        done.map(drop)
    }

    /// A group that has no place for this instance: its members do not hear of it.
    #[must_use]
    pub fn left_out(&self) -> Option<&str> {
        self.tenant.full_for_instance(self.here())
    }

    fn here(&self) -> group::statement::Server {
        group::statement::Server {
            key: self.signer().public(),
            f: self.keys.f,
        }
    }

    fn decide(
        &self,
        store: &dyn Store,
        now_unix_s: u64,
        rng: &mut dyn Rng,
        actor: Actor,
        command: &Command,
    ) -> Result<Outcome, Refusal> {
        let roots = |group| store.root_seed(group).ok().flatten();
        let mut context = self.context(now_unix_s, rng, &roots);
        self.tenant.decide(&mut context, actor, command)
    }

    fn context<'a>(
        &'a self,
        now_unix_s: u64,
        rng: &'a mut dyn Rng,
        roots: &'a dyn Fn(GroupId) -> Option<[u8; 32]>,
    ) -> Context<'a> {
        Context {
            now_unix_s,
            crypto: &*self.keys.crypto,
            rng,
            server: Server {
                seed: &self.keys.seed,
                f: self.keys.f,
            },
            roots,
        }
    }

    fn write(
        &mut self,
        store: &mut dyn Store,
        at_unix_s: u64,
        actor: Actor,
        outcome: &Outcome,
    ) -> Result<Vec<Record>, StoreError> {
        let mut trail = self.trail;
        let events = outcome.events.iter().cloned();
        let records = events.map(|it| trail.record(&*self.keys.crypto, at_unix_s, actor, it));
        let records: Vec<Record> = records.collect();
        let writing = Writing {
            records: &records,
            secrets: &outcome.secrets,
            root_seeds: &outcome.root_seeds,
            verifiers: &outcome.verifiers,
        };
        store.commit(self.trail.rev, &writing)?;
        self.trail = trail;
        Ok(records)
    }

    fn signer(&self) -> Signer<'_> {
        Signer {
            crypto: &*self.keys.crypto,
            seed: &self.keys.seed,
        }
    }

    fn effect(&mut self, effect: Effect) {
        self.effects.push_back(effect);
    }

    fn tell(&mut self, to: NodeAddr, message: ToMember) {
        self.effect(Effect::Tell { to, message });
    }
}
