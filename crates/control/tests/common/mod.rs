//! A server in memory: what it decides is written down, applied, and kept as a store would.
#![allow(dead_code, reason = "shared by test files that each use a part of it")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it is surprised"
)]

use std::collections::BTreeMap;

use control::plan::Plan;
use control::{
    Actor, Addition, Command, Context, Enrolment, Have, InviteId, Outcome, Record, Refusal, Reply,
    RuleTest, SecretOf, Server, Tenant, Trail,
};
use group::chain::Chain;
use group::epochs::{EpochSecret, Epochs};
use group::keyring::Welcome;
use group::rules::{Party, Permit};
use group::statement::{GroupId, Signer};
use group::{Kind, PortRange, Proto, Services};
use identity::crypto::{AwsLc, HashRng};
use wire::NodeAddr;

pub(crate) const START: u64 = 1_800_000_000;
pub(crate) const DAY: u64 = 86_400;
pub(crate) const SEED: [u8; 32] = [9; 32];

/// The address of a node by number.
pub(crate) fn f(number: u8) -> NodeAddr {
    let mut bytes = [number; 16];
    bytes[0] = 0xfc;
    NodeAddr(bytes)
}

pub(crate) fn node(number: u8) -> Actor {
    Actor::Node { f: f(number) }
}

/// One tenant and what its store keeps.
pub(crate) struct Gms {
    pub(crate) tenant: Tenant,
    pub(crate) trail: Trail,
    pub(crate) records: Vec<Record>,
    pub(crate) secrets: BTreeMap<SecretOf, EpochSecret>,
    pub(crate) roots: BTreeMap<GroupId, [u8; 32]>,
    pub(crate) now: u64,
    pub(crate) rng: HashRng,
}

impl Gms {
    pub(crate) fn new() -> Self {
        Self {
            tenant: Tenant::default(),
            trail: Trail::default(),
            records: Vec::new(),
            secrets: BTreeMap::new(),
            roots: BTreeMap::new(),
            now: START,
            rng: HashRng::new([1; 32]),
        }
    }

    /// A group of each name.
    pub(crate) fn with_groups(names: &[&str]) -> Self {
        let mut gms = Self::new();
        for name in names {
            gms.order(create(name)).unwrap();
        }
        gms
    }

    pub(crate) fn decide(&mut self, actor: Actor, command: &Command) -> Result<Outcome, Refusal> {
        self.with(|tenant, context| tenant.decide(context, actor, command))
    }

    pub(crate) fn plan(&mut self, actor: Actor, command: &Command) -> Result<Plan, Refusal> {
        self.with(|tenant, context| tenant.plan(context, actor, command))
    }

    fn with<T>(&mut self, act: impl FnOnce(&Tenant, &mut Context<'_>) -> T) -> T {
        let mut context = Context {
            now_unix_s: self.now,
            crypto: &AwsLc,
            rng: &mut self.rng,
            server: Server {
                seed: &SEED,
                f: f(0),
            },
            roots: &|group| self.roots.get(&group).copied(),
        };
        act(&self.tenant, &mut context)
    }

    /// Decides and writes down.
    pub(crate) fn act(&mut self, actor: Actor, command: Command) -> Result<Reply, Refusal> {
        let outcome = self.decide(actor, &command)?;
        for event in outcome.events {
            self.tenant.apply(&AwsLc, &event).unwrap();
            let record = self.trail.record(&AwsLc, self.now, actor, event);
            self.records.push(record);
        }
        self.secrets.extend(outcome.secrets);
        self.roots.extend(outcome.root_seeds);
        assert_eq!(self.tenant.rev, self.trail.rev);
        Ok(outcome.reply)
    }

    pub(crate) fn order(&mut self, command: Command) -> Result<Reply, Refusal> {
        self.act(Actor::Operator, command)
    }

    pub(crate) fn tick(&mut self) {
        self.act(Actor::Clock, Command::Tick).unwrap();
    }

    /// Adds a member and lets its node come.
    pub(crate) fn enrol(&mut self, number: u8, member: &str, groups: &[&str]) {
        let invite = self.invite_for(member, groups);
        let reply = self.act(node(number), come(invite, None)).unwrap();
        let member = member.to_owned();
        assert_eq!(reply, Reply::Enrolled { member });
    }

    pub(crate) fn invite_for(&mut self, member: &str, groups: &[&str]) -> InviteId {
        invite_of(&self.order(add(member, groups)).unwrap())
    }

    pub(crate) fn knowledge(&self, number: u8, have: &[Have]) -> Vec<Welcome> {
        let by = Signer {
            crypto: &AwsLc,
            seed: &SEED,
        };
        let secret = |of| self.secrets.get(&of).cloned();
        self.tenant
            .knowledge(&by, self.now, f(number), have, secret)
    }

    /// What a node makes of what it is told: the groups whose statements hold, its chains, secrets.
    pub(crate) fn view(&self, number: u8) -> BTreeMap<String, View> {
        let known = self.knowledge(number, &[]).into_iter();
        known.map(|it| (it.name.clone(), View::of(it))).collect()
    }

    /// Another tenant from the records alone.
    pub(crate) fn replayed(&self) -> Tenant {
        let mut tenant = Tenant::default();
        for record in &self.records {
            tenant.apply(&AwsLc, &record.event).unwrap();
        }
        tenant
    }
}

/// A group as a member has verified it.
pub(crate) struct View {
    pub(crate) known: Welcome,
    pub(crate) chain: Chain,
    pub(crate) epochs: Epochs,
}

impl View {
    fn of(known: Welcome) -> Self {
        let id = known.genesis.id(&AwsLc);
        assert!(
            known
                .authority
                .is_signed_by(&AwsLc, &known.genesis.root_key)
        );
        assert!(
            known
                .admission
                .holds(&AwsLc, &known.genesis, &known.authority)
        );
        let links = &known.links[0];
        let mut chain = Chain::new(id, 0, links.after);
        for entry in &links.entries {
            chain
                .apply(&AwsLc, &known.authority, entry.clone())
                .unwrap();
        }
        let mut epochs = Epochs::default();
        for (name, secret) in &known.secrets {
            let taken = epochs.insert(&AwsLc, &chain, name.number, secret.clone());
            assert_eq!(taken, Ok(true));
        }
        Self {
            known,
            chain,
            epochs,
        }
    }
}

pub(crate) fn create(group: &str) -> Command {
    Command::CreateGroups {
        groups: vec![group.to_owned()],
        zone: "Asia/Tokyo".to_owned(),
        site: None,
        sign_in_s: None,
    }
}

pub(crate) fn add(member: &str, groups: &[&str]) -> Command {
    Command::Add(Addition {
        member: member.to_owned(),
        groups: groups.iter().map(|name| (*name).to_owned()).collect(),
        life_s: DAY,
        ..Addition::default()
    })
}

pub(crate) fn set_roles(member: &str, roles: &[&str]) -> Command {
    Command::SetRoles {
        member: member.to_owned(),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
    }
}

/// Rules of `(from, to, TCP port)`; `*`: anybody; port 0: everything.
pub(crate) fn set_rules(
    group: &str,
    permits: Option<&[(&str, &str, u16)]>,
    tests: &[RuleTest],
) -> Command {
    let party = |role: &str| match role {
        "*" => Party::Anybody,
        role => Party::Role(role.to_owned()),
    };
    let permit = |&(from, to, port): &(&str, &str, u16)| Permit {
        from: party(from),
        to: party(to),
        services: match port {
            0 => Services::All,
            port => tcp(port),
        },
    };
    Command::SetRules {
        group: group.to_owned(),
        permits: permits.map(|it| it.iter().map(permit).collect()),
        tests: tests.to_vec(),
    }
}

/// One TCP port.
pub(crate) fn tcp(port: u16) -> Services {
    Services::Ports(vec![PortRange {
        proto: Proto::Tcp,
        lo: port,
        hi: port,
    }])
}

pub(crate) fn test(from: &str, to: &str, port: u16, open: bool) -> RuleTest {
    RuleTest {
        from: from.to_owned(),
        to: to.to_owned(),
        proto: Proto::Tcp,
        port,
        open,
    }
}

pub(crate) fn remove(member: &str, group: Option<&str>) -> Command {
    Command::Remove {
        member: member.to_owned(),
        group: group.map(str::to_owned),
    }
}

pub(crate) fn come(invite: InviteId, name: Option<&str>) -> Command {
    Command::Enrol(Enrolment {
        invite,
        kind: Kind::Ges,
        prefixes: Vec::new(),
        name: name.map(str::to_owned),
    })
}

pub(crate) fn invite_of(reply: &Reply) -> InviteId {
    let Reply::Invited { invite, .. } = reply else {
        panic!("{reply:?}");
    };
    *invite
}
