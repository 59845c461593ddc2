//! A world with several servers of one group, each with a store and a key of its own.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use control::service::{Effect, Keys, OrderError, Service};
use control::{Actor, Addition, Command, Reply};
use group::agent::{AgentMessage, ToMember};
use group::partner::PartnerMessage;
use identity::crypto::{AwsLc, HashRng};
use node::Event;
use wire::NodeAddr;

use super::common::{World, s};
use super::world::{Memory, create};

pub(crate) const LAB: &str = "lab";
pub(crate) const HOUR: u64 = 3_600;

/// A server at a host.
struct Server {
    store: Memory,
    service: Option<Service>,
    seed: [u8; 32],
    /// So many of its node's events were looked at.
    looked: usize,
}

/// A world with several servers.
pub(crate) struct Sites {
    pub(crate) world: World,
    servers: BTreeMap<usize, Server>,
    rng: HashRng,
    next_ping: u32,
    ticked: u64,
    /// What servers have told, to whom.
    pub(crate) told: Vec<(NodeAddr, Vec<u8>)>,
    /// Hosts between which nothing passes.
    pub(crate) cuts: Rc<RefCell<BTreeSet<(usize, usize)>>>,
}

impl Sites {
    /// Hosts, the first of which are servers.
    pub(crate) fn new(count: u8, servers: usize) -> Self {
        let mut sites = Self {
            world: World::new(count),
            servers: BTreeMap::new(),
            rng: HashRng::new([5; 32]),
            next_ping: 1,
            ticked: 0,
            told: Vec::new(),
            cuts: Rc::default(),
        };
        sites.world.lan = true;
        for index in 0..servers {
            let server = Server {
                store: Memory::default(),
                service: None,
                seed: [index as u8 + 70; 32],
                looked: 0,
            };
            sites.servers.insert(index, server);
        }
        let hosts = sites.world.hosts.iter().enumerate();
        let places: BTreeMap<_, _> = hosts.map(|(index, host)| (host.at, index)).collect();
        let cuts = Rc::clone(&sites.cuts);
        sites.world.lose = Box::new(move |packet| {
            let (from, to) = (places.get(&packet.from), places.get(&packet.to));
            let (Some(from), Some(to)) = (from, to) else {
                return false;
            };
            let cuts = cuts.borrow();
            cuts.contains(&(*from, *to)) || cuts.contains(&(*to, *from))
        });
        for index in 0..servers {
            sites.start(index);
        }
        sites
    }

    /// The server at a host starts, or starts again.
    pub(crate) fn start(&mut self, index: usize) {
        self.world.restart(index);
        let f = self.world.f(index);
        let server = self.servers.get_mut(&index).unwrap();
        let keys = Keys {
            crypto: Arc::new(AwsLc),
            seed: server.seed,
            f,
        };
        let service = Service::open(keys, &mut server.store).unwrap();
        let members = service.tenant().all_nodes();
        let partners = service.partners().clone();
        server.service = Some(service);
        self.mend(|(one, other)| one == index || other == index);
        let gate = [index as u8 + 40; 16];
        self.world.with(index, |node, now| {
            node.manage(now, members, gate);
            node.set_partners(now, partners);
        });
        self.settle();
    }

    /// The server dies.
    pub(crate) fn stop(&mut self, index: usize) {
        self.servers.get_mut(&index).unwrap().service = None;
        for other in 0..self.world.hosts.len() {
            self.cut(index, other);
        }
    }

    /// Nothing passes between two hosts.
    pub(crate) fn cut(&mut self, one: usize, other: usize) {
        self.cuts.borrow_mut().insert((one, other));
    }

    pub(crate) fn mend(&mut self, which: impl Fn((usize, usize)) -> bool) {
        self.cuts.borrow_mut().retain(|it| !which(*it));
    }

    pub(crate) fn service(&self, index: usize) -> &Service {
        self.servers[&index].service.as_ref().unwrap()
    }

    pub(crate) fn order(&mut self, at: usize, command: &Command) -> Result<Reply, OrderError> {
        let now = self.world.now.unix_s;
        let server = self.servers.get_mut(&at).unwrap();
        let service = server.service.as_mut().unwrap();
        let (store, rng) = (&mut server.store, &mut self.rng);
        let done = service.order(store, now, rng, Actor::Operator, command);
        self.take_effects(at);
        self.settle();
        done
    }

    pub(crate) fn line(&mut self, at: usize, made: Result<Reply, OrderError>) -> String {
        let Ok(Reply::Invited {
            secret,
            expires_unix_s,
            ..
        }) = made
        else {
            panic!("{made:?}");
        };
        let place = [self.world.hosts[at].at];
        let line =
            |node: &mut node::Node, _| node.group_line((secret, None), expires_unix_s, &place);
        self.world.with(at, line).unwrap()
    }

    pub(crate) fn join(&mut self, at: usize, index: usize, name: &str) {
        self.join_as(at, index, name, None);
    }

    pub(crate) fn join_as(&mut self, at: usize, index: usize, name: &str, role: Option<&str>) {
        let addition = Addition {
            member: name.to_owned(),
            groups: vec![LAB.to_owned()],
            roles: role.map(str::to_owned).into_iter().collect(),
            life_s: HOUR,
            ..Addition::default()
        };
        self.enrol(at, index, addition);
    }

    /// A node comes by the line that its server makes for it.
    pub(crate) fn enrol(&mut self, at: usize, index: usize, addition: Addition) {
        let made = self.order(at, &Command::Add(addition));
        let line = self.line(at, made);
        self.world
            .with(index, |node, now| node.join_groups(now, &line, None))
            .unwrap();
        self.settle();
        let events = &self.world.hosts[index].events;
        let enrolled = events.iter().any(|it| matches!(it, Event::Enrolled { .. }));
        assert!(enrolled, "{events:?}");
    }

    /// The second server comes to manage the group, too, by a line of the first.
    pub(crate) fn share(&mut self, first: usize, second: usize) {
        let share = Command::Share {
            groups: vec![LAB.to_owned()],
            life_s: HOUR,
        };
        let made = self.order(first, &share);
        let line = self.line(first, made);
        self.accept(first, second, &line).unwrap();
    }

    pub(crate) fn accept(
        &mut self,
        first: usize,
        second: usize,
        line: &str,
    ) -> Result<Reply, OrderError> {
        let read = |node: &mut node::Node, now| node.server_of_line(now, line);
        let (server, secret) = self.world.with(second, read).unwrap();
        assert_eq!(server, self.world.f(first));
        let at = self.servers.get_mut(&second).unwrap();
        let come = at.service.as_mut().unwrap().come(server, secret);
        self.world
            .with(second, |node, now| node.join_as_partner(now, line, come))
            .unwrap();
        self.settle();
        let now = self.world.now.unix_s;
        let at = self.servers.get_mut(&second).unwrap();
        let service = at.service.as_mut().unwrap();
        let (store, rng) = (&mut at.store, &mut self.rng);
        let done = service.accepted(store, now, rng, Actor::Operator, server);
        self.take_effects(second);
        self.settle();
        done
    }

    pub(crate) fn settle(&mut self) {
        self.world.seen.clear();
        for _ in 0..1_000 {
            self.world.deliver();
            self.hear();
            if self.world.wire.is_empty() && self.world.to_servers.is_empty() {
                return;
            }
        }
        panic!("it does not come to rest");
    }

    /// What a server signs with.
    pub(crate) fn seed(&self, index: usize) -> [u8; 32] {
        self.servers[&index].seed
    }

    /// One server says to another what no honest one would.
    pub(crate) fn say(&mut self, from: usize, to: usize, message: PartnerMessage) {
        let from = self.world.f(from);
        let message = AgentMessage::Partner(message);
        self.world.to_servers.push_back((to, from, message));
        self.settle();
    }

    fn hear(&mut self) {
        let now = self.world.now.unix_s;
        while let Some((index, from, message)) = self.world.to_servers.pop_front() {
            let server = self.servers.get_mut(&index).unwrap();
            if let Some(service) = &mut server.service {
                service.hear(&mut server.store, now, &mut self.rng, from, message);
            }
            self.take_effects(index);
        }
        for (index, server) in &mut self.servers {
            let host = &mut self.world.hosts[*index];
            let new = host.events.get(server.looked..).unwrap_or_default();
            server.looked = host.events.len();
            let down = new.iter().filter_map(|it| match it {
                Event::SessionDown { peer, .. } => Some(*peer),
                _ => None,
            });
            let down: BTreeSet<NodeAddr> = down.collect();
            let up = host.node.members_up();
            for f in down.into_iter().filter(|f| !up.contains(f)) {
                if let Some(service) = &mut server.service {
                    service.offline(f);
                }
            }
        }
    }

    fn take_effects(&mut self, index: usize) {
        loop {
            let server = self.servers.get_mut(&index).unwrap();
            let Some(effect) = server.service.as_mut().and_then(Service::poll_effect) else {
                return;
            };
            if let Effect::Tell { to, message } = &effect {
                let bytes = match message {
                    ToMember::Agent(message) => message.encode(),
                    ToMember::Member(message) => message.encode(),
                };
                self.told.push((*to, bytes));
            }
            self.world.with(index, |node, now| match effect {
                Effect::Tell { to, message } => {
                    node.tell_from_server(now, to, message);
                }
                Effect::Enter(f) => node.set_member(now, f, true),
                Effect::Leave(f) => node.set_member(now, f, false),
                Effect::Locate { to, f } => node.tell_location(now, to, f),
                Effect::Partners(partners) => node.set_partners(now, partners),
                Effect::Forked { .. } | Effect::Check(_) => panic!("nobody lies or signs in here"),
            });
        }
    }

    /// Lets time pass with the servers at work.
    pub(crate) fn run(&mut self, seconds: u64) {
        let end = self.world.now.unix_s + seconds;
        while self.world.now.unix_s < end {
            let left = end - self.world.now.unix_s;
            // What a server has to say waits so long; long times pass faster.
            let step = if seconds > HOUR { 15 } else { 5 };
            let step = step.min(left);
            self.world.run(s(step));
            self.settle();
            if self.world.now.unix_s >= self.ticked + 60 {
                self.ticked = self.world.now.unix_s;
                self.tick();
            }
        }
    }

    pub(crate) fn tick(&mut self) {
        let now = self.world.now.unix_s;
        let all: Vec<usize> = self.servers.keys().copied().collect();
        for index in all {
            let server = self.servers.get_mut(&index).unwrap();
            let Some(service) = &mut server.service else {
                continue;
            };
            let (store, rng) = (&mut server.store, &mut self.rng);
            let done = service.order(store, now, rng, Actor::Clock, &Command::Tick);
            done.unwrap();
            service.greet_partners();
            self.take_effects(index);
            self.settle();
        }
    }

    pub(crate) fn ping(&mut self, one: usize, other: usize) -> bool {
        let f = self.world.f(other);
        let id = self.next_ping;
        self.next_ping += 1;
        let sent = self.world.with(one, |node, now| node.ping(now, f, id));
        if sent.is_err() {
            return false;
        }
        for _ in 0..50 {
            self.settle();
            let mut events = self.world.hosts[one].events.iter();
            if events.any(|it| matches!(it, Event::Echo { id: it, .. } if *it == id)) {
                return true;
            }
            self.world.run(std::time::Duration::from_millis(100));
        }
        false
    }

    /// Two nodes lose their sessions and start again from what they have written down.
    pub(crate) fn start_again(&mut self, nodes: &[usize]) {
        for index in nodes {
            self.world.vanish_and_restart(*index);
        }
        self.settle();
    }

    pub(crate) fn servers_of(&self, index: usize) -> usize {
        let groups = self.world.hosts[index].node.groups(self.world.now);
        groups.first().map_or(0, |group| group.servers.len())
    }

    pub(crate) fn lease_until(&self, index: usize) -> u64 {
        let groups = self.world.hosts[index].node.groups(self.world.now);
        groups.first().map_or(0, |group| group.until_unix_s)
    }

    pub(crate) fn is_member(&self, index: usize) -> bool {
        let groups = self.world.hosts[index].node.groups(self.world.now);
        !groups.is_empty()
    }

    pub(crate) fn is_up(&self, one: usize, other: usize) -> bool {
        let f = self.world.f(other);
        self.world.hosts[one].node.has_session(f)
    }

    pub(crate) fn epochs(&self, index: usize) -> Vec<(u8, u32)> {
        let groups = self.world.hosts[index].node.groups(self.world.now);
        groups.first().map_or_else(Vec::new, |it| it.epochs.clone())
    }
}

pub(crate) const A: usize = 0;
pub(crate) const B: usize = 1;

/// Two servers of `lab` at hosts 0 and 1; members 2 and 3 came by the first, 4 and 5 by the second.
pub(crate) fn two_sites() -> Sites {
    let mut sites = Sites::new(7, 2);
    sites.order(A, &create(LAB)).unwrap();
    sites.join(A, 2, "a2");
    sites.share(A, B);
    sites.join(A, 3, "a3");
    sites.join(B, 4, "b4");
    sites.join(B, 5, "b5");
    sites.run(60);
    sites
}
