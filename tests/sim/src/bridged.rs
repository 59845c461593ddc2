//! A run with Bridges: two customers, everybody behind a NAT, nobody reachable but the Bridges.
//!
//! | phase | virtual time | what |
//! |---|---|---|
//! | attaching | 0–10 s | nodes attach by a Bridge's line, with a ticket or a password |
//! | acquaintance | 10–30 s | invites that name Bridges, and allow entries |
//! | life | 30 s to a minute before the end | everything of [`crate::script`], and the faults below |
//! | quiet | the last minute | everything mended |
//!
//! Faults of their own: a host's UDP is blocked; streams are refused, break, stall; a Bridge stops
//! and stays away for minutes; a Bridge is hostile ([`crate::relays`], and it lies); a client is
//! dismissed, and comes back with its line; nodes move between the LANs of their customer.
//!
//! What must be true beside the rest: nodes of two customers never reach each other, though they
//! allow each other; whoever allows each other and has a LAN or a Bridge in common talks within
//! [`RECOVERY_MAX`] of the last fault; nearly all within [`RECOVERY`], which a campaign counts.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use group::{Access, Who};
use node::ClientTerms;

use crate::model::Violation;
use crate::net::{NatKind, Net, Weather};
use crate::script::{self, Scale, entry, run_to};
use crate::world::World;

/// Within this time of the last fault nearly everybody who can talk does.
pub const RECOVERY: Duration = Duration::from_secs(10);
/// And within this everybody: a session that has no other path than one that is dead in one
/// direction notices 15 s after what it sent last (specification, section 5).
pub const RECOVERY_MAX: Duration = Duration::from_secs(20);
const ATTACHING: Duration = Duration::from_secs(10);
const ACQUAINTANCE: Duration = Duration::from_secs(30);
const QUIET: Duration = Duration::from_secs(60);
/// How long a line of a Bridge can be used.
const LINE_TTL_S: u64 = 86_400;
const CUSTOMERS: [&str; 2] = ["red", "blue"];
/// The NATs of each customer's sites.
const NATS: [NatKind; 4] = [
    NatKind::FullCone,
    NatKind::AddressRestricted,
    NatKind::PortRestricted,
    NatKind::Symmetric,
];
/// Sites of Bridges, before all others.
const BRIDGES_MAX: usize = 3;

/// The sites: one for each Bridge, then those of the first customer, then of the second.
pub fn sites() -> Net {
    let mut kinds = vec![NatKind::Open; BRIDGES_MAX];
    kinds.extend(NATS);
    kinds.extend(NATS);
    Net::new(&kinds)
}

/// Who got which line of a Bridge.
type Lines = BTreeMap<(usize, usize), (String, Option<String>)>;

struct Run {
    bridges: usize,
    lines: Lines,
    /// When the UDP of a host passes again.
    blocked: BTreeMap<usize, Duration>,
    /// When a Bridge is back.
    away: BTreeMap<usize, Duration>,
    /// Until when a Bridge is hostile.
    hostile: BTreeMap<usize, Duration>,
    /// Bridges that have lied since they started.
    liars: BTreeSet<usize>,
}

/// Runs the whole script.
pub fn play(world: &mut World, scale: Scale) {
    let mut run = Run::populate(world, scale.nodes);
    run.attach_all(world);
    run_to(world, ATTACHING, |_| {});
    run.acquaint(world);
    run_to(world, ACQUAINTANCE, |_| {});
    world.net.weather = Weather::STORM;
    world.crash_on_persist = 20;
    world.intercept = 2;
    world.streams.refuse = 300;
    let life_end = scale.length - QUIET;
    run_to(world, life_end, |world| run.live(world));
    run.mend(world);
    run_to(world, scale.length, script::converse);
    run.verify(world, life_end);
    script::verify_memory(world);
}

fn name(world: &World, host: usize) -> String {
    world.model.customer(host).unwrap_or_default().to_owned()
}

fn password(customer: &str) -> String {
    format!("the password of {customer}")
}

impl Run {
    /// Bridges first, then nodes of both customers in turn.
    fn populate(world: &mut World, nodes: usize) -> Self {
        let bridges = if nodes < 10 { 2 } else { BRIDGES_MAX };
        for bridge in 0..bridges {
            world.add_host(bridge);
            world.input(bridge, |node, now| node.serve(now, true));
        }
        for n in bridges..nodes {
            let customer = n % 2;
            let site = world.dice.below(NATS.len());
            let host = world.add_host(BRIDGES_MAX + customer * NATS.len() + site);
            world.model.belongs(host, CUSTOMERS[customer]);
        }
        // Every other Bridge takes passwords; the rest are silent to strangers.
        for bridge in (1..bridges).step_by(2) {
            for customer in CUSTOMERS {
                let salt = [bridge as u8; 16];
                let hash = world.password_hash(&salt, &password(customer));
                let set = Some((salt, hash));
                world.input(bridge, |n, now| n.bridge_password(now, customer, set));
            }
        }
        Self {
            bridges,
            lines: Lines::new(),
            blocked: BTreeMap::new(),
            away: BTreeMap::new(),
            hostile: BTreeMap::new(),
            liars: BTreeSet::new(),
        }
    }

    fn nodes(&self, world: &World) -> std::ops::Range<usize> {
        self.bridges..world.hosts.len()
    }

    fn any_node(&self, world: &mut World) -> usize {
        self.bridges + world.dice.below(world.hosts.len() - self.bridges)
    }

    /// Most nodes attach to some Bridges; the others get theirs from an invite.
    fn attach_all(&mut self, world: &mut World) {
        for host in self.nodes(world) {
            if world.dice.chance(250) {
                continue;
            }
            for bridge in 0..self.bridges {
                if world.dice.chance(600) {
                    self.attach(world, bridge, host);
                }
            }
        }
    }

    fn attach(&mut self, world: &mut World, bridge: usize, host: usize) {
        let customer = name(world, host);
        let by_password = world.takes_passwords(bridge) && world.dice.chance(600);
        let at = world.net.addr(bridge);
        let line = world.input(bridge, |node, now| {
            node.bridge_invite(now, &customer, LINE_TTL_S, by_password, &[at])
        });
        let Some(Ok(line)) = line else { return };
        let password = by_password.then(|| password(&customer));
        self.lines.insert((bridge, host), (line, password));
        self.use_line(world, bridge, host);
    }

    fn use_line(&self, world: &mut World, bridge: usize, host: usize) {
        if let Some((line, password)) = self.lines.get(&(bridge, host)).cloned() {
            world.input(host, |node, now| node.add_bridge(now, &line, password));
        }
    }

    fn acquaint(&self, world: &mut World) {
        for a in self.nodes(world) {
            for _ in 0..2 {
                let b = self.any_node(world);
                if a == b || world.model.allowed(a, b) {
                    continue;
                }
                let customers = (world.model.customer(a), world.model.customer(b));
                // Of two customers, or strangers to each other but for their lists.
                if customers.0 != customers.1 || world.dice.chance(400) {
                    script::allow_both(world, a, b);
                } else {
                    script::invite(world, a, b);
                }
            }
        }
        // A Bridge may be a peer as well.
        let (bridge, friend) = (world.dice.below(self.bridges), self.any_node(world));
        script::invite(world, bridge, friend);
    }

    fn live(&mut self, world: &mut World) {
        self.end_what_is_over(world);
        script::traffic(world, 120);
        match world.dice.below(120) {
            0..3 => self.crash_or_start_node(world),
            3 => self.stop_bridge(world),
            4..6 => script::partition(world),
            6..9 => script::rebind(world),
            9..13 => self.roam(world),
            13..15 => script::jump_clock(world),
            15 => script::remove(world),
            16 => script::readmit(world),
            17 => script::rotate(world),
            18..21 => script::ping(world),
            21..41 => script::attack(world),
            41 => script::heal_one(world),
            42..44 => self.block_udp(world),
            44..48 => self.fault_stream(world),
            48 => self.turn_hostile(world),
            49 => self.dismiss(world),
            50 => self.try_again(world),
            51 => self.forgive(world),
            52 => self.attach_some(world),
            53 => self.guess(world),
            54..70 => self.lie(world),
            _ => {}
        }
    }

    fn end_what_is_over(&mut self, world: &mut World) {
        let now = world.now;
        let over = |until: &mut BTreeMap<usize, Duration>| -> Vec<usize> {
            let over = until.iter().filter(|(_, at)| **at <= now);
            let over: Vec<usize> = over.map(|(host, _)| *host).collect();
            for host in &over {
                until.remove(host);
            }
            over
        };
        for host in over(&mut self.blocked) {
            world.net.set_blocked(host, false);
        }
        for bridge in over(&mut self.hostile) {
            self.replace(world, bridge);
        }
        for bridge in over(&mut self.away) {
            if world.hosts[bridge].node.is_none() {
                world.start(bridge);
            }
        }
        // One that went down by itself, as it wrote something down, is back at some time too.
        for bridge in 0..self.bridges {
            if world.hosts[bridge].node.is_none() {
                self.away
                    .entry(bridge)
                    .or_insert(now + Duration::from_secs(5));
            }
        }
    }

    /// A Bridge that was hostile becomes an honest one: it starts anew.
    fn replace(&mut self, world: &mut World, bridge: usize) {
        world.relays.hostile.remove(&bridge);
        if self.liars.remove(&bridge) && world.hosts[bridge].node.is_some() {
            world.crash(bridge);
            world.start(bridge);
        }
    }

    fn crash_or_start_node(&self, world: &mut World) {
        let host = self.any_node(world);
        if world.hosts[host].node.is_some() {
            world.crash(host);
        } else {
            world.start(host);
        }
    }

    fn stop_bridge(&mut self, world: &mut World) {
        let bridge = world.dice.below(self.bridges);
        if world.hosts[bridge].node.is_some() {
            world.counts.bridge_crashes += 1;
            world.crash(bridge);
            let back = world.dice.range(1, 240);
            self.away
                .insert(bridge, world.now + Duration::from_secs(back));
        }
    }

    /// A node moves to another LAN of its customer.
    fn roam(&self, world: &mut World) {
        let host = self.any_node(world);
        let customer = host % 2;
        let site = BRIDGES_MAX + customer * NATS.len() + world.dice.below(NATS.len());
        script::move_to(world, host, site);
    }

    fn block_udp(&mut self, world: &mut World) {
        let host = self.any_node(world);
        world.counts.udp_blocks += 1;
        world.net.set_blocked(host, true);
        let until = world.now + Duration::from_secs(world.dice.range(5, 120));
        self.blocked.insert(host, until);
    }

    fn fault_stream(&self, world: &mut World) {
        let Some(at) = world.streams.any(&mut world.dice) else {
            return;
        };
        if world.dice.chance(400) {
            let steps = world.streams.fault_break(world.now, at);
            world.schedule_steps(steps);
        } else {
            let until = world.now + Duration::from_secs(world.dice.range(1, 30));
            world.streams.fault_stall(at, until);
        }
    }

    fn turn_hostile(&mut self, world: &mut World) {
        let bridge = world.dice.below(self.bridges);
        world.counts.hostilities += 1;
        world.relays.hostile.insert(bridge);
        let until = world.now + Duration::from_secs(world.dice.range(10, 60));
        self.hostile.insert(bridge, until);
    }

    #[cfg(feature = "sabotage")]
    fn lie(&mut self, world: &mut World) {
        use node::Lie;
        let hostile: Vec<usize> = self.hostile.keys().copied().collect();
        let Some(&bridge) = hostile.get(world.dice.below(hostile.len())) else {
            return;
        };
        let (to, peer, other) = (
            self.any_node(world),
            self.any_node(world),
            self.any_node(world),
        );
        let f = |world: &World, host: usize| world.hosts[host].f;
        let (to, peer, identity) = (f(world, to), f(world, peer), f(world, other));
        let numbers = world.hosts[bridge].node.as_ref().map(|n| n.leg_numbers());
        let numbers = numbers.unwrap_or_default();
        let number = numbers.get(world.dice.below(numbers.len())).copied();
        let lie = match world.dice.below(4) {
            0 => Lie::Open {
                peer,
                channel: number.unwrap_or(1),
                identity: if world.dice.chance(500) {
                    peer
                } else {
                    identity
                },
            },
            1 => Lie::Closed(peer),
            2 => Lie::Absent(peer),
            _ => Lie::Attached(wire::channel::Attached {
                status: wire::channel::AttachStatus::Attached,
                observed: ([198, 51, 200, 1], 4_649).into(),
            }),
        };
        self.liars.insert(bridge);
        world.relays.counts.lies += 1;
        world.input(bridge, |node, now| node.lie(now, to, lie));
    }

    #[cfg(not(feature = "sabotage"))]
    fn lie(&mut self, _world: &mut World) {}

    fn dismiss(&self, world: &mut World) {
        let clients = world.model.clients();
        let Some(&(bridge, client)) = clients.get(world.dice.below(clients.len())) else {
            return;
        };
        if world.hosts[bridge].node.is_none() {
            return;
        }
        world.counts.dismissals += 1;
        world.model.dismiss(bridge, client);
        let who = Who::Address(world.hosts[client].f);
        world.input(bridge, |node, now| node.bridge_deny(now, who));
    }

    /// Somebody who was dismissed uses its line again.
    fn try_again(&self, world: &mut World) {
        let dismissed = world.model.dismissed();
        if let Some(&(bridge, client)) = dismissed.get(world.dice.below(dismissed.len())) {
            world.counts.retries += 1;
            self.use_line(world, bridge, client);
        }
    }

    fn forgive(&self, world: &mut World) {
        let dismissed = world.model.dismissed();
        let Some(&(bridge, client)) = dismissed.get(world.dice.below(dismissed.len())) else {
            return;
        };
        if world.hosts[bridge].node.is_none() {
            return;
        }
        world.model.forgive(bridge, client);
        let (entry, customer) = (entry(world, client), name(world, client));
        let terms = ClientTerms {
            customer,
            rate_bytes_s: None,
        };
        world.input(bridge, |n, now| n.bridge_allow(now, entry, terms));
    }

    fn attach_some(&mut self, world: &mut World) {
        let (bridge, host) = (world.dice.below(self.bridges), self.any_node(world));
        if !world.model.dismissed().contains(&(bridge, host)) {
            self.attach(world, bridge, host);
        }
    }

    /// Somebody tries a password that is wrong.
    fn guess(&self, world: &mut World) {
        let (bridge, host) = (world.dice.below(self.bridges), self.any_node(world));
        if !world.takes_passwords(bridge) {
            return;
        }
        let at = world.net.addr(bridge);
        let line = world.input(bridge, |node, now| {
            node.bridge_invite(now, "", LINE_TTL_S, true, &[at])
        });
        if let Some(Ok(line)) = line {
            let wrong = Some("wrong".to_owned());
            world.input(host, |node, now| node.add_bridge(now, &line, wrong));
        }
    }

    fn mend(&mut self, world: &mut World) {
        world.streams.mend();
        for bridge in 0..self.bridges {
            self.replace(world, bridge);
        }
        script::mend(world);
        world.model.last_fault();
    }

    /// Pairs that must talk: they allow each other, and have a LAN or a Bridge in common. A Bridge
    /// that a node denies (it may have been its peer as well) is none to it.
    fn expected(&self, world: &World) -> Vec<(usize, usize)> {
        let uses = |bridge: usize, host: usize| {
            let (stored, f) = (&world.hosts[host].stored, world.hosts[bridge].f);
            let is_denied = matches!(stored.rules.access(f, None, None), Access::Denied(_));
            let is_used = stored.bridging.used.contains_key(&f);
            world.model.is_client(bridge, host) && is_used && !is_denied
        };
        let mut pairs = world.model.mutual();
        pairs.retain(|&(a, b)| {
            if a < self.bridges {
                return true;
            }
            let common = (0..self.bridges).any(|bridge| uses(bridge, a) && uses(bridge, b));
            world.model.customer(a) == world.model.customer(b)
                && (common || world.net.site(a) == world.net.site(b))
        });
        pairs
    }

    fn verify(&self, world: &mut World, last_fault: Duration) {
        let expected = self.expected(world);
        world.counts.expected += expected.len() as u64;
        let slow = world.model.late(&expected, last_fault, RECOVERY);
        world.counts.slow += slow.len() as u64;
        for late in world.model.late(&expected, last_fault, RECOVERY_MAX) {
            world.violate(late);
        }
        script::verify_pairs(world, &expected);
        for bridge in 0..self.bridges {
            self.verify_bridge(world, bridge);
        }
        for host in self.nodes(world) {
            let now = world.clock(host);
            let Some(node) = &world.hosts[host].node else {
                continue;
            };
            let most = node.bridges(now).iter().map(|b| b.channels).max();
            let len = most.unwrap_or_default();
            if len > world.hosts.len() {
                let what = "channels of a Bridge";
                world.violate(Violation::Unbounded {
                    node: host,
                    what,
                    len,
                });
            }
        }
    }

    /// The books of a Bridge agree with each other, and hold no more than there is.
    fn verify_bridge(&self, world: &mut World, bridge: usize) {
        let now = world.clock(bridge);
        let Some(node) = &world.hosts[bridge].node else {
            return;
        };
        let (serving, clients) = (node.serving(now), node.clients());
        let legs: usize = clients.iter().map(|client| client.channels).sum();
        let nodes = world.hosts.len() - self.bridges;
        let bounds = [
            ("clients", serving.clients, nodes),
            ("channels", serving.channels, nodes * nodes / 2),
            ("legs without a client", 2 * serving.channels, legs),
            ("streams", world.streams.len_of(bridge), 2 * nodes),
        ];
        for (what, len, bound) in bounds {
            if len > bound {
                let node = bridge;
                world.violate(Violation::Unbounded { node, what, len });
            }
        }
    }
}
