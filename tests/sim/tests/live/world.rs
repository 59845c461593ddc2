//! Nodes in memory, one of them with a management server's domain and a store in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use control::service::{Check, Effect, Keys, OrderError, Service, Store, StoreError, Writing};
use control::{Actor, Addition, Command, Record, Reply, SecretOf, Tenant};
use group::Mode;
use group::agent::ToMember;
use group::epochs::EpochSecret;
use group::message::Message;
use group::statement::{EntryBody, EpochEntry, GroupId};
use identity::crypto::{AwsLc, HashRng};
use identity::password::Verifier;
use node::Event;
use wire::NodeAddr;
use wire::datagram::Datagram;

use super::common::{World, s};

pub(crate) const SEED: [u8; 32] = [7; 32];
const GATE: [u8; 16] = [8; 16];

/// What a store keeps, in memory.
#[derive(Default)]
pub(crate) struct Memory {
    records: Vec<Record>,
    secrets: BTreeMap<SecretOf, EpochSecret>,
    roots: BTreeMap<GroupId, [u8; 32]>,
    verifiers: BTreeMap<String, Option<Verifier>>,
}

impl Store for Memory {
    fn commit(&mut self, after: u64, writing: &Writing<'_>) -> Result<(), StoreError> {
        if self.records.len() as u64 != after {
            return Err(StoreError::Conflict);
        }
        self.records.extend_from_slice(writing.records);
        self.secrets.extend(writing.secrets.iter().cloned());
        self.roots.extend(writing.root_seeds.iter().copied());
        self.verifiers.extend(writing.verifiers.iter().cloned());
        Ok(())
    }

    fn records(&mut self, after: u64, most: usize) -> Result<Vec<Record>, StoreError> {
        let after = usize::try_from(after).unwrap();
        let rest = self.records.iter().skip(after).take(most);
        Ok(rest.cloned().collect())
    }

    fn secret(&self, of: SecretOf) -> Result<Option<EpochSecret>, StoreError> {
        Ok(self.secrets.get(&of).cloned())
    }

    fn root_seed(&self, group: GroupId) -> Result<Option<[u8; 32]>, StoreError> {
        Ok(self.roots.get(&group).copied())
    }

    fn verifier(&self, user: &str) -> Result<Option<Verifier>, StoreError> {
        Ok(self.verifiers.get(user).cloned().flatten())
    }
}

/// A world whose host 0 is the server.
pub(crate) struct Groups {
    pub(crate) world: World,
    store: Memory,
    service: Option<Service>,
    rng: HashRng,
    heard: usize,
    next_ping: u32,
}

impl Groups {
    pub(crate) fn new(count: u8) -> Self {
        let mut groups = Self {
            world: World::new(count),
            store: Memory::default(),
            service: None,
            rng: HashRng::new([5; 32]),
            heard: 0,
            next_ping: 1,
        };
        groups.world.lan = true;
        groups.start_server();
        groups
    }

    pub(crate) fn start_server(&mut self) {
        if self.service.is_none() && self.heard > 0 {
            self.world.restart(0);
        }
        let keys = Keys {
            crypto: Arc::new(AwsLc),
            seed: SEED,
            f: self.world.f(0),
        };
        let service = Service::open(keys, &mut self.store).unwrap();
        let members: Vec<NodeAddr> = service.tenant().nodes.keys().copied().collect();
        self.service = Some(service);
        self.world.lose = Box::new(|_| false);
        self.world
            .with(0, |node, now| node.manage(now, members, GATE));
        self.settle();
    }

    /// Another instance of the server is named that nobody reaches.
    pub(crate) fn name_instance(&mut self, f: NodeAddr) {
        let keys = Keys {
            crypto: Arc::new(AwsLc),
            seed: SEED,
            f,
        };
        let now = self.world.now.unix_s;
        let mut other = Service::open(keys, &mut self.store).unwrap();
        other.attend(&mut self.store, now, &mut self.rng).unwrap();
        let service = self.service.as_mut().unwrap();
        service.catch_up(&mut self.store, now).unwrap();
        self.take_effects();
        self.settle();
    }

    /// The end of a node's lease, Unix seconds.
    pub(crate) fn lease_until(&self, index: usize) -> u64 {
        let groups = self.world.hosts[index].node.groups(self.world.now);
        groups[0].until_unix_s
    }

    /// The server is off: nothing reaches it, and it says nothing.
    pub(crate) fn stop_server(&mut self) {
        self.service = None;
        let others: Vec<usize> = (1..self.world.hosts.len()).collect();
        self.cut(0, &others);
    }

    /// Nothing passes between a host and others from now on.
    pub(crate) fn cut(&mut self, host: usize, others: &[usize]) {
        let at = self.world.hosts[host].at;
        let others: Vec<_> = others.iter().map(|it| self.world.hosts[*it].at).collect();
        self.world.lose = Box::new(move |packet| {
            let ends = [packet.from, packet.to];
            ends.contains(&at) && ends.iter().any(|end| others.contains(end))
        });
    }

    pub(crate) fn order(&mut self, command: Command) -> Result<Reply, OrderError> {
        let service = self.service.as_mut().unwrap();
        let now = self.world.now.unix_s;
        let done = service.order(
            &mut self.store,
            now,
            &mut self.rng,
            Actor::Operator,
            &command,
        );
        self.take_effects();
        done
    }

    /// What the server has written down.
    pub(crate) fn tenant(&self) -> &Tenant {
        self.service.as_ref().unwrap().tenant()
    }

    /// Lets a node become a member by a line.
    pub(crate) fn join(&mut self, index: usize, name: &str, group: &str) {
        self.join_as(index, name, group, None);
    }

    /// The same in a mode.
    pub(crate) fn join_as(&mut self, index: usize, name: &str, group: &str, mode: Option<Mode>) {
        self.join_with(
            index,
            Addition {
                member: name.to_owned(),
                groups: vec![group.to_owned()],
                mode,
                life_s: 3_600,
                ..Addition::default()
            },
        );
    }

    /// The same, with all that can be said about a member.
    pub(crate) fn join_with(&mut self, index: usize, addition: Addition) {
        let made = self.order(Command::Add(addition));
        let Ok(Reply::Invited {
            secret,
            expires_unix_s,
            ..
        }) = made
        else {
            panic!("{made:?}");
        };
        let at = [self.world.hosts[0].at];
        let line = self.world.with(0, |node, _| {
            node.group_line((secret, None), expires_unix_s, &at)
        });
        let line = line.unwrap();
        self.world
            .with(index, |node, now| node.join_groups(now, &line, None))
            .unwrap();
        self.settle();
        let events = &self.world.hosts[index].events;
        let enrolled = events.iter().any(|it| matches!(it, Event::Enrolled { .. }));
        assert!(enrolled, "{events:?}");
    }

    /// The server's own node becomes a member.
    pub(crate) fn be_member(&mut self, name: &str, group: &str) {
        let node = Some(self.world.f(0));
        self.order(Command::Add(Addition {
            member: name.to_owned(),
            groups: vec![group.to_owned()],
            node,
            life_s: 3_600,
            ..Addition::default()
        }))
        .unwrap();
        self.settle();
    }

    /// Delivers everything, to the server's domain too.
    pub(crate) fn settle(&mut self) {
        for _ in 0..1_000 {
            self.world.deliver();
            self.hear();
            if self.world.wire.is_empty() && self.world.to_servers.is_empty() {
                return;
            }
        }
        panic!("it does not come to rest");
    }

    fn hear(&mut self) {
        let now = self.world.now.unix_s;
        while let Some((index, from, message)) = self.world.to_servers.pop_front() {
            assert_eq!(index, 0);
            self.heard += 1;
            if let Some(service) = &mut self.service {
                service.hear(&mut self.store, now, &mut self.rng, from, message);
            }
            self.take_effects();
        }
        let down = self.world.hosts[0].events.iter();
        let down = down.filter_map(|it| match it {
            Event::SessionDown { peer, .. } => Some(*peer),
            _ => None,
        });
        let down: Vec<NodeAddr> = down.collect();
        for f in down {
            let is_up = self.world.hosts[0].node.members_up().contains(&f);
            if let Some(service) = self.service.as_mut().filter(|_| !is_up) {
                service.offline(f);
            }
        }
    }

    fn take_effects(&mut self) {
        while let Some(effect) = self.service.as_mut().and_then(Service::poll_effect) {
            if let Effect::Check(check) = &effect {
                self.check(check);
                continue;
            }
            self.world.with(0, |node, now| match effect {
                Effect::Tell { to, message } => {
                    node.tell_from_server(now, to, message);
                }
                Effect::Enter(f) => node.set_member(now, f, true),
                Effect::Leave(f) => node.set_member(now, f, false),
                Effect::Locate { to, f } => node.tell_location(now, to, f),
                Effect::Check(_) => {}
                Effect::Partners(partners) => node.set_partners(now, partners),
                Effect::Forked { .. } => {}
            });
        }
    }

    /// What a thread beside the server does.
    fn check(&mut self, check: &Check) {
        let is_right = check.verifier.is_right(check.password.secret_text());
        let now = self.world.now.unix_s;
        if let Some(service) = &mut self.service {
            let (store, rng) = (&mut self.store, &mut self.rng);
            service.checked(store, now, rng, check.f, Some(is_right));
        }
    }

    /// Lets time pass with the server at work.
    pub(crate) fn run(&mut self, seconds: u64) {
        for _ in 0..seconds.div_ceil(5) {
            self.world.run(s(seconds.min(5)));
            self.settle();
        }
    }

    /// Whether a ping is answered within 5 s.
    pub(crate) fn ping(&mut self, one: usize, other: usize) -> bool {
        let f = self.world.f(other);
        let id = self.next_ping;
        self.next_ping += 1;
        let sent = self.world.with(one, |node, now| node.ping(now, f, id));
        if sent.is_err() {
            return false;
        }
        let answered = |world: &World| {
            let events = world.hosts[one].events.iter();
            events
                .clone()
                .any(|it| matches!(it, Event::Echo { id: it, .. } if *it == id))
        };
        for _ in 0..50 {
            self.settle();
            if answered(&self.world) {
                return true;
            }
            self.world.run(std::time::Duration::from_millis(100));
        }
        false
    }

    pub(crate) fn is_up(&self, one: usize, other: usize) -> bool {
        let f = self.world.f(other);
        self.world.hosts[one].node.has_session(f)
    }

    /// The groups of a node, and the members that it is in touch with.
    pub(crate) fn told(&self, index: usize) -> Vec<(String, Vec<NodeAddr>)> {
        let groups = self.world.hosts[index].node.groups(self.world.now);
        let named = groups.into_iter();
        named
            .map(|it| (it.name, it.members.into_iter().map(|(f, _)| f).collect()))
            .collect()
    }

    pub(crate) fn epoch(&self, index: usize) -> u32 {
        let groups = self.world.hosts[index].node.groups(self.world.now);
        groups[0]
            .epochs
            .iter()
            .map(|(_, number)| *number)
            .max()
            .unwrap()
    }

    pub(crate) fn rotate(&mut self, group: &str) {
        let group = group.to_owned();
        self.order(Command::Rotate { group }).unwrap();
        self.settle();
    }

    /// Two nodes (but not the server) start again from what they have written down.
    pub(crate) fn end_sessions(&mut self, one: usize, other: usize) {
        for index in [one, other].into_iter().filter(|index| *index != 0) {
            self.world.vanish_and_restart(index);
        }
        self.settle();
    }

    /// A UDP packet between two nodes' addresses.
    pub(crate) fn packet(&self, from: usize, to: usize, data: &[u8]) -> Vec<u8> {
        let (from, to) = (self.world.f(from), self.world.f(to));
        super::common::udp(from, to, (1_000, 2_000), data)
    }

    /// Which way datagrams went between two hosts, each run of one direction once.
    pub(crate) fn trips(&self, one: usize, other: usize) -> Vec<String> {
        let (a, b) = (self.world.hosts[one].at, self.world.hosts[other].at);
        let mut trips: Vec<String> = Vec::new();
        for packet in &self.world.seen {
            let trip = match (packet.from, packet.to) {
                (from, to) if from == a && to == b => format!("{one}→{other}"),
                (from, to) if from == b && to == a => format!("{other}→{one}"),
                _ => continue,
            };
            // Only until the packet has come; acknowledgements follow.
            if trips.last() != Some(&trip) && trips.len() < 3 {
                trips.push(trip);
            }
        }
        trips
    }

    /// Bytes of transport datagrams, with their IP and UDP headers, without the search for the path
    /// MTU: probes, and answers of 40 bytes.
    pub(crate) fn bytes_said(&self) -> usize {
        let probes = [40, 548, 1_232, 1_372, 1_420, 1_452, 1_472, 8_952];
        let seen = self.world.seen.iter();
        let said = seen.filter(|it| {
            let is_transport = matches!(Datagram::parse(&it.bytes), Ok(Datagram::Transport(_)));
            is_transport && !probes.contains(&it.bytes.len())
        });
        said.map(|it| it.bytes.len() + 28).sum()
    }

    /// The server tells one node another history of a group than everybody else.
    pub(crate) fn fork(&mut self, index: usize, group: &str) {
        let service = self.service.as_ref().unwrap();
        let group = &service.tenant().groups[group];
        let (id, authority, mut chain) = (group.id, group.authority.clone(), group.chain.clone());
        let after = chain.head();
        let signer = group::statement::Signer {
            crypto: &AwsLc,
            seed: &SEED,
        };
        let body = |number: u8| {
            EntryBody::Epoch(EpochEntry {
                number: 100 + u32::from(number),
                activates_unix_s: self.world.now.unix_s + 1_000_000,
                overlap_s: 90,
                secret_hash: [number; 32],
            })
        };
        assert_eq!(authority.group, id);
        let now = self.world.now.unix_s;
        let mut entries = Vec::new();
        for number in [1, 2] {
            let mut own = chain.clone();
            entries.push(own.write(&signer, now, body(number)).unwrap());
        }
        let _ = chain.write(&signer, now, body(3));
        let f = [1, index].map(|it| self.world.f(it));
        for (f, entry) in f.into_iter().zip(entries) {
            let links = group::chain::Links {
                index: 0,
                after,
                entries: vec![entry],
            };
            let group = id;
            let message = ToMember::Member(Message::Entries { group, links });
            self.world.with(0, |node, now| {
                node.tell_from_server(now, f, message);
            });
        }
        self.settle();
    }
}

/// A group that requires a sign-in.
pub(crate) fn create_asking(group: &str, period_s: u64) -> Command {
    Command::CreateGroups {
        groups: vec![group.to_owned()],
        zone: "Asia/Tokyo".to_owned(),
        site: None,
        sign_in_s: Some(period_s),
    }
}

/// A user of one machine, whose password is "right".
pub(crate) fn user(name: &str, device: &str) -> Command {
    Command::AddUser {
        user: name.to_owned(),
        devices: [device.to_owned()].into(),
        verifier: Verifier::new("right", [1; 16]).unwrap(),
    }
}

pub(crate) fn password(name: &str, password: &str) -> Command {
    Command::SetPassword {
        user: name.to_owned(),
        verifier: Verifier::new(password, [2; 16]).unwrap(),
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

pub(crate) fn remove(member: &str) -> Command {
    Command::Remove {
        member: member.to_owned(),
        group: None,
    }
}
