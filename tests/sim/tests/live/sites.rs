//! Groups that the servers of two sites manage: either may die, and a line between them may break.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use control::service::{Effect, Keys, OrderError, Service};
use control::{Actor, Addition, Command, Refusal, Reply};
use identity::crypto::{AwsLc, HashRng};
use node::Event;
use wire::NodeAddr;

use super::common::{Owner, World, s};
use super::world::{Memory, create, remove};

pub(crate) const LAB: &str = "lab";
const HOUR: u64 = 3_600;

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
    /// Hosts between which nothing passes.
    cuts: Rc<RefCell<BTreeSet<(usize, usize)>>>,
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

    fn line(&mut self, at: usize, made: Result<Reply, OrderError>) -> String {
        let Ok(Reply::Invited {
            secret,
            expires_unix_s,
            ..
        }) = made
        else {
            panic!("{made:?}");
        };
        let place = [self.world.hosts[at].at];
        let line = |node: &mut node::Node, _| node.group_line(secret, expires_unix_s, &place);
        self.world.with(at, line).unwrap()
    }

    pub(crate) fn join(&mut self, at: usize, index: usize, name: &str) {
        let made = self.order(
            at,
            &Command::Add(Addition {
                member: name.to_owned(),
                groups: vec![LAB.to_owned()],
                life_s: HOUR,
                ..Addition::default()
            }),
        );
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
            self.world.with(index, |node, now| match effect {
                Effect::Tell { to, message } => {
                    node.tell_from_server(now, to, message);
                }
                Effect::Enter(f) => node.set_member(now, f, true),
                Effect::Leave(f) => node.set_member(now, f, false),
                Effect::Locate { to, f } => node.tell_location(now, to, f),
                Effect::Partners(partners) => node.set_partners(now, partners),
                Effect::Forked { .. } => panic!("nobody lies here"),
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

    fn tick(&mut self) {
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

    fn servers_of(&self, index: usize) -> usize {
        let groups = self.world.hosts[index].node.groups(self.world.now);
        groups.first().map_or(0, |group| group.servers.len())
    }

    pub(crate) fn lease_until(&self, index: usize) -> u64 {
        let groups = self.world.hosts[index].node.groups(self.world.now);
        groups.first().map_or(0, |group| group.until_unix_s)
    }

    fn is_member(&self, index: usize) -> bool {
        let groups = self.world.hosts[index].node.groups(self.world.now);
        !groups.is_empty()
    }
}

const A: usize = 0;
const B: usize = 1;

/// Two servers of `lab` at hosts 0 and 1; members 2 and 3 came by the first, 4 and 5 by the second.
fn two_sites() -> Sites {
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

#[test]
fn two_servers_share_a_group_and_each_knows_the_others_members() {
    let mut sites = two_sites();
    for index in 2..=5 {
        assert_eq!(sites.servers_of(index), 2, "{index}");
        assert!(sites.is_up(index, A) && sites.is_up(index, B), "{index}");
    }
    for (one, other) in [(2, 3), (2, 4), (4, 5), (3, 5)] {
        assert!(sites.ping(one, other), "{one} {other}");
    }
    for at in [A, B] {
        let group = &sites.service(at).tenant().groups[LAB];
        assert_eq!(group.held().count(), 2, "{at}");
        assert_eq!(group.admissions.len(), 2, "{at}");
    }
    // In rest the two servers say little, and nothing is written down.
    let revs = [A, B].map(|at| sites.service(at).tenant().rev);
    sites.run(600);
    assert_eq!([A, B].map(|at| sites.service(at).tenant().rev), revs);
}

impl Sites {
    fn is_up(&self, one: usize, other: usize) -> bool {
        let f = self.world.f(other);
        self.world.hosts[one].node.has_session(f)
    }
}

#[test]
fn c14_either_of_two_sites_servers_dies_for_good_and_the_group_lives() {
    for (dead, alive) in [(A, B), (B, A)] {
        let mut sites = two_sites();
        assert!(sites.ping(2, 4));
        sites.stop(dead);
        // No lease of before is left, and the epoch has changed twice.
        for day in 1..=2 {
            sites.run(25 * HOUR);
            for (one, other) in [(2, 3), (2, 4), (4, 5), (3, 5)] {
                assert!(
                    sites.ping(one, other),
                    "{dead} dead, day {day}: {one} {other}"
                );
            }
            sites.start_again(&[2, 4]);
            assert!(sites.ping(2, 4), "{dead} dead, day {day}: anew");
        }
        for index in 2..=5 {
            assert!(sites.lease_until(index) > sites.world.now.unix_s + 30 * HOUR);
        }
        // It removes whom the other admitted, and whom it admitted itself.
        for (name, index) in [("a3", 3), ("b5", 5)] {
            sites.order(alive, &remove(name)).unwrap();
            sites.run(2);
            assert!(!sites.is_member(index), "{name} knows it");
            assert!(!sites.ping(2, index) && !sites.ping(index, 4), "{name}");
        }
        assert!(sites.ping(2, 4), "others go on");
        let group = LAB.to_owned();
        sites.order(alive, &Command::Rotate { group }).unwrap();
        sites.join(alive, 6, "new");
        sites.run(20);
        for index in [2, 4] {
            assert!(sites.ping(6, index) && sites.ping(index, 6), "{index}");
        }
        // Who has come since, and who has been there, meet anew.
        sites.start_again(&[2, 4, 6]);
        assert!(sites.ping(6, 2) && sites.ping(4, 6));
    }
}

#[test]
fn a_dead_server_that_returns_learns_what_happened_without_it() {
    let mut sites = two_sites();
    sites.stop(A);
    sites.order(B, &remove("a3")).unwrap();
    sites.join(B, 6, "new");
    sites.run(6 * HOUR);
    sites.start(A);
    sites.run(120);
    let new = sites.world.f(6);
    let group = &sites.service(A).tenant().groups[LAB];
    assert!(!group.admissions.contains_key("a3"), "it is out here, too");
    assert!(group.held().any(|(f, _)| f == new));
    sites.start_again(&[3]);
    sites.run(30);
    assert!(!sites.is_member(3));
    // And it may now be the only one.
    sites.stop(B);
    sites.run(50 * HOUR);
    assert!(sites.ping(6, 2) && sites.ping(2, 4));
}

#[test]
fn a_removal_acts_at_the_other_server_and_at_its_leases_at_once() {
    let mut sites = two_sites();
    assert!(sites.ping(4, 3));
    let f = sites.world.f(3);
    // The leaver is in touch with the other server only.
    sites.cut(3, A);
    sites.order(A, &remove("a3")).unwrap();
    assert!(!sites.is_member(3), "it heard of it from the other one");
    assert!(!sites.service(B).tenant().has_node(f));
    let both = [A, B].map(|at| sites.service(at).tenant().groups[LAB].clone());
    let now = sites.world.now.unix_s;
    for group in both {
        let current = group.chain.epochs_ahead(now)[0];
        assert_eq!(current.activates_unix_s, now, "each has changed its epoch");
    }
    assert!(sites.ping(2, 4) && sites.ping(4, 5));
    assert!(!sites.ping(3, 4) && !sites.ping(3, 2));
}

#[test]
fn without_a_line_between_the_sites_a_removal_is_carried_by_members() {
    let mut sites = two_sites();
    sites.cut(A, B);
    sites.run(60);
    let f = sites.world.f(3);
    sites.cut(3, A);
    for other in [2, 4, 5] {
        sites.cut(3, other);
    }
    sites.order(A, &remove("a3")).unwrap();
    assert!(sites.is_member(3), "nobody could tell it yet");
    sites.run(15);
    assert!(
        !sites.service(B).tenant().has_node(f),
        "members told the other server"
    );
    assert!(!sites.is_member(3), "which told it");
}

#[test]
fn in_a_partition_of_the_sites_a_leaver_is_out_when_its_lease_ends() {
    let mut sites = two_sites();
    assert!(sites.ping(5, 3) && sites.ping(2, 3));
    // Site A with members 2 and 3, site B with 4 and 5; the leaver is at B when it is removed at A.
    for one in [A, 2] {
        for other in [B, 3, 4, 5] {
            sites.cut(one, other);
        }
    }
    sites.order(A, &remove("a3")).unwrap();
    assert!(!sites.ping(2, 3), "at its own site it is out at once");
    sites.run(HOUR);
    assert!(sites.ping(5, 3), "at the other nobody knows");
    // The other server goes on renewing: it cannot know. When it dies, too, the lease is the bound.
    sites.stop(B);
    let until = sites.lease_until(3);
    while sites.world.now.unix_s + 400 < until {
        sites.run((until - 400 - sites.world.now.unix_s).min(6 * HOUR));
        assert!(sites.ping(5, 3), "its lease runs");
    }
    sites.run(until + 1 - sites.world.now.unix_s);
    sites.start_again(&[3, 5]);
    assert!(
        !sites.ping(5, 3) && !sites.ping(3, 5),
        "not a second longer"
    );
}

#[test]
fn when_the_line_is_mended_the_leaver_is_out_at_once() {
    let mut sites = two_sites();
    for one in [A, 2] {
        for other in [B, 3, 4, 5] {
            sites.cut(one, other);
        }
    }
    sites.order(A, &remove("a3")).unwrap();
    sites.order(B, &remove("a2")).unwrap();
    sites.run(6 * HOUR);
    assert!(sites.ping(5, 3), "at the other site nobody knows");
    sites.mend(|_| true);
    sites.run(60);
    assert!(!sites.ping(5, 3) && !sites.ping(3, 5));
    assert!(
        !sites.is_member(3) && !sites.is_member(2),
        "each removal is united with the other"
    );
    assert!(sites.ping(4, 5));
}

#[test]
fn a_member_that_knows_only_the_first_server_learns_of_the_second_from_members() {
    let mut sites = Sites::new(7, 2);
    sites.order(A, &create(LAB)).unwrap();
    sites.join(A, 2, "a2");
    sites.join(A, 3, "a3");
    // It sleeps while the group gets another server and the first one dies.
    for other in 0..7 {
        sites.cut(3, other);
    }
    sites.share(A, B);
    sites.join(B, 4, "b4");
    sites.run(60);
    sites.stop(A);
    sites.run(6 * HOUR);
    sites.mend(|(one, other)| (one == 3 || other == 3) && one != A && other != A);
    // One knows the epochs of the first chain alone, the other those of both.
    assert_eq!(sites.servers_of(3), 1);
    assert!(sites.ping(3, 2), "they match by the chain that both know");
    assert_eq!(sites.servers_of(3), 2, "and it heard of the other server");
    sites.run(60);
    assert!(sites.is_up(3, B));
    assert!(sites.ping(3, 4) && sites.ping(4, 3));
    sites.run(50 * HOUR);
    assert!(sites.ping(3, 4), "it lives on by the second one's leases");
}

#[test]
fn a_server_that_was_taken_out_can_do_nothing_any_more() {
    let mut sites = two_sites();
    assert!(sites.ping(2, 3) && sites.ping(2, 4) && sites.ping(4, 5));
    // The second one gives its members leases, and turns hostile: it hears nothing of what follows.
    let hostile = sites.service(B).tenant().groups[LAB].clone();
    sites.order(B, &remove("a3")).unwrap();
    sites.run(30);
    let server = sites.world.f(B);
    sites.cut(A, B);
    let group = LAB.to_owned();
    let unshare = Command::Unshare { group, server };
    sites.order(A, &unshare).unwrap();
    sites.run(90);
    let group = sites.service(A).tenant().groups[LAB].clone();
    assert_eq!(group.held().count(), 0);
    assert!(!sites.is_up(2, B), "members let go of it");
    assert!(
        !sites.ping(2, 4) && !sites.ping(4, 2),
        "those whom it admitted are out"
    );
    assert!(!sites.ping(2, 3), "whom it had removed stays removed");
    // What it signs from now on nobody takes: an entry, an epoch, an order.
    sites.cuts.borrow_mut().clear();
    let before = sites.epochs(2);
    let rotate = Command::Rotate {
        group: LAB.to_owned(),
    };
    sites.order(B, &rotate).unwrap();
    sites.order(B, &remove("a2")).unwrap();
    sites.run(90);
    assert!(sites.is_member(2));
    assert_eq!(sites.epochs(2), before);
    // Members that were there go on, also from what they have written down.
    sites.join(A, 6, "new");
    sites.start_again(&[2, 6]);
    assert!(sites.ping(6, 2));
    assert_eq!(hostile.id, group.id);
}

impl Sites {
    fn epochs(&self, index: usize) -> Vec<(u8, u32)> {
        let groups = self.world.hosts[index].node.groups(self.world.now);
        groups.first().map_or_else(Vec::new, |it| it.epochs.clone())
    }
}

#[test]
fn a_server_that_is_taken_out_leaves_the_others_undisturbed() {
    let mut sites = two_sites();
    // Their leases are the second one's.
    sites.stop(A);
    sites.run(14 * HOUR);
    sites.start(A);
    sites.run(60);
    assert!(sites.ping(2, 3));
    let up = sites.world.hosts[2].events.len();
    let (group, server) = (LAB.to_owned(), sites.world.f(B));
    sites.order(A, &Command::Unshare { group, server }).unwrap();
    for _ in 0..30 {
        assert!(sites.ping(2, 3));
        sites.run(5);
    }
    let three = sites.world.f(3);
    let ended = sites.world.hosts[2].events[up..].iter();
    let ended = ended.filter(|it| matches!(it, Event::SessionDown { peer, .. } if *peer == three));
    assert_eq!(ended.count(), 0, "their session stood all the while");
    let group = LAB.to_owned();
    let refused = sites.order(B, &Command::Rotate { group });
    let expected = Refusal::NotManaged(LAB.to_owned());
    assert_eq!(refused, Err(OrderError::Refused(expected)), "it was told");
    sites.tick();
}

#[test]
fn lines_for_servers_and_for_members_are_told_apart_and_work_once() {
    let mut sites = Sites::new(5, 3);
    sites.order(A, &create(LAB)).unwrap();
    let share = Command::Share {
        groups: vec![LAB.to_owned()],
        life_s: HOUR,
    };
    let made = sites.order(A, &share);
    let line = sites.line(A, made);
    // A node that comes by it as a member.
    sites
        .world
        .with(3, |node, now| node.join_groups(now, &line, None))
        .unwrap();
    sites.settle();
    let events = &sites.world.hosts[3].events;
    let refused = events.iter().any(
        |it| matches!(it, Event::EnrolFailed { why: Some(why), .. } if why.contains("for-servers")),
    );
    assert!(refused, "{events:?}");
    // The second server, and again: it is told the same.
    let taken = Reply::Shared {
        groups: vec![LAB.to_owned()],
    };
    assert_eq!(sites.accept(A, B, &line), Ok(taken.clone()));
    assert_eq!(sites.accept(A, B, &line), Ok(taken));
    let rev = sites.service(A).tenant().groups[LAB].authority.serial;
    assert_eq!(rev, 2);
    // A third one by the same line.
    assert!(sites.accept(A, 2, &line).is_err());
    assert_eq!(sites.service(A).tenant().groups[LAB].authority.serial, 2);
    // The second one cannot name others: it has not the root key.
    let refused = sites.order(B, &share);
    let no_root = Refusal::NoRoot(LAB.to_owned());
    assert_eq!(refused, Err(OrderError::Refused(no_root)));
    let _ = Owner::new(1);
}

#[test]
fn partners_that_are_in_touch_share_another_group_as_the_first() {
    let mut sites = two_sites();
    sites.order(A, &create("second")).unwrap();
    let groups = vec!["second".to_owned()];
    let share = Command::Share {
        groups: groups.clone(),
        life_s: HOUR,
    };
    let made = sites.order(A, &share);
    let line = sites.line(A, made);
    assert_eq!(sites.accept(A, B, &line), Ok(Reply::Shared { groups }));
    let chains = sites.service(B).tenant().groups["second"].heads();
    assert_eq!(chains.len(), 2);
    assert!(
        chains.iter().all(|(_, head)| head.number == 3),
        "{chains:?}"
    );
}

#[test]
fn a_name_is_given_once_or_belongs_to_the_first_who_had_it() {
    let mut sites = two_sites();
    let add = |name: &str| {
        Command::Add(Addition {
            member: name.to_owned(),
            groups: vec![LAB.to_owned()],
            life_s: HOUR,
            ..Addition::default()
        })
    };
    let refused = sites.order(B, &add("a2"));
    let expected = Refusal::NameElsewhere {
        member: "a2".to_owned(),
        group: LAB.to_owned(),
    };
    assert_eq!(refused, Err(OrderError::Refused(expected)));
    // In a partition both give it.
    sites.cut(A, B);
    sites.run(30);
    sites.join(A, 6, "same");
    sites.run(30);
    let f = sites.world.f(6);
    sites.cuts.borrow_mut().clear();
    sites.run(200);
    assert_eq!(sites.found(4, "same.lab"), Some(f));
    assert_eq!(sites.found(2, "same"), Some(f));
    // A member of the other server is named by its address, too.
    let address = f.to_ipv6().to_string();
    sites.order(B, &remove(&address)).unwrap();
    sites.run(5);
    assert!(!sites.is_member(6));
}

impl Sites {
    /// The node that a name stands for, as a member finds out.
    fn found(&mut self, index: usize, name: &str) -> Option<NodeAddr> {
        let name = group::MemberName::parse(name).unwrap();
        self.world.hosts[index].events.clear();
        self.world.with(index, |node, now| node.find(now, &name));
        self.settle();
        let events = self.world.hosts[index].events.iter();
        let found = events.filter_map(|it| match it {
            Event::Named { f, .. } => *f,
            _ => None,
        });
        let found: BTreeSet<NodeAddr> = found.collect();
        assert!(found.len() <= 1, "servers agree");
        found.first().copied()
    }
}
