//! What happens in a run: who knows whom, what is sent, what goes wrong, and what must be true at
//! the end. Everything is drawn from the seed.
//!
//! | phase | virtual time | what |
//! |---|---|---|
//! | acquaintance | 0–30 s | invites and allow entries, calm weather |
//! | life | 30 s–9 min | traffic, pings, every fault, removals, rotations |
//! | quiet | 9–10 min | everything mended; all that can connect must connect |
//!
//! A pair *can connect* when both allow each other and one of them is public or both are on one LAN:
//! without a Bridge nothing else is promised. Runs with Bridges are in [`crate::bridged`].

use std::time::Duration;

use group::{AllowEntry, Services, Who};

use crate::model::Violation;
use crate::net::{NAT_KINDS, NatKind, Net, Weather};
use crate::strangers::STRANGER;
use crate::world::World;

/// How large and how long a run is.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// Nodes.
    pub nodes: usize,
    /// Virtual length.
    pub length: Duration,
}

impl Scale {
    /// The size that the acceptance line of the foundation names.
    pub const CAMPAIGN: Self = Self {
        nodes: 20,
        length: Duration::from_secs(600),
    };
    /// For runs with real cryptography.
    pub const SMALL: Self = Self {
        nodes: 6,
        length: Duration::from_secs(300),
    };
}

const ACQUAINTANCE: Duration = Duration::from_secs(30);
const QUIET: Duration = Duration::from_secs(60);
/// In the quiet phase each direction must have worked within this time before the end.
const PROOF: Duration = Duration::from_secs(20);
const TICK: Duration = Duration::from_millis(250);
/// Most packets that a node parks for one peer; with all its peers a node stays below 20 × this.
const MEMORY_PEERS_MAX: usize = 64;

/// Builds the sites and hosts of a run: a third public, the rest behind NATs of every kind.
pub fn populate(world: &mut World, nodes: usize) {
    for n in 0..nodes {
        let site = if n % 3 == 0 {
            0
        } else {
            1 + world.dice.below(NAT_KINDS.len())
        };
        world.add_host(site);
    }
}

/// The sites of every run: one open, then one of each kind.
pub fn sites() -> Net {
    let mut kinds = vec![NatKind::Open];
    kinds.extend(NAT_KINDS);
    Net::new(&kinds)
}

/// Runs the whole script.
pub fn play(world: &mut World, scale: Scale) {
    populate(world, scale.nodes);
    acquaint(world);
    run_to(world, ACQUAINTANCE, |_| {});
    world.net.weather = Weather::STORM;
    world.crash_on_persist = 20;
    world.intercept = 2;
    let life_end = scale.length - QUIET;
    run_to(world, life_end, live);
    mend(world);
    run_to(world, scale.length, converse);
    verify(world, scale.length - PROOF);
}

pub(crate) fn run_to(world: &mut World, end: Duration, mut each_tick: impl FnMut(&mut World)) {
    while world.now < end {
        let next = (world.now + TICK).min(end);
        world.call_script_at(next);
        while world.run_until(next) {
            each_tick(world);
        }
    }
}

pub(crate) fn entry(world: &World, who: usize) -> AllowEntry {
    AllowEntry {
        who: Who::Address(world.hosts[who].f),
        services: Services::All,
        label: None,
        accepts: Vec::new(),
        added_unix_s: 0,
    }
}

/// One of the two is public, or both are on one LAN.
fn can_meet(world: &World, a: usize, b: usize) -> bool {
    let public = |h| world.net.kind(h) == NatKind::Open;
    public(a) || public(b) || world.net.site(a) == world.net.site(b)
}

fn acquaint(world: &mut World) {
    let n = world.hosts.len();
    for a in 0..n {
        for _ in 0..2 {
            let b = world.dice.below(n);
            if a == b || world.model.allowed(a, b) || !can_meet(world, a, b) {
                continue;
            }
            let same_lan = world.net.lan(a).contains(&b);
            if same_lan && world.dice.chance(500) {
                allow_both(world, a, b);
            } else {
                invite(world, a, b);
            }
        }
    }
}

pub(crate) fn allow_both(world: &mut World, a: usize, b: usize) {
    for (at, who) in [(a, b), (b, a)] {
        let entry = entry(world, who);
        let taken = world.input(at, |node, now| node.allow(now, entry));
        if taken.is_some_and(|r| r.is_ok()) {
            world.model.allow(at, who);
        }
    }
}

pub(crate) fn invite(world: &mut World, a: usize, b: usize) {
    // The inviter is the one that the other can reach.
    let public = |w: &World, h| w.net.kind(h) == NatKind::Open;
    let (inviter, joiner) = if public(world, a) || !public(world, b) {
        (a, b)
    } else {
        (b, a)
    };
    let endpoint = world.net.addr(inviter);
    let line = world.input(inviter, |node, now| node.invite(now, 86_400, &[endpoint]));
    let Some(Ok(line)) = line else { return };
    let joined = world.input(joiner, |node, now| node.join(now, &line));
    if joined.is_some_and(|r| r.is_ok()) {
        // Both allow the other when the invite is used; the world tells the model then.
        world.model.join(joiner, inviter);
    }
}

fn live(world: &mut World) {
    traffic(world, 120);
    let what = world.dice.below(100);
    match what {
        0..4 => crash_or_start(world),
        4..7 => partition(world),
        7..9 => rebind(world),
        9..11 => roam(world),
        11..13 => jump_clock(world),
        13 => remove(world),
        14 => readmit(world),
        15 => rotate(world),
        16..20 => ping(world),
        20..40 => attack(world),
        40 => heal_one(world),
        _ => {}
    }
}

pub(crate) fn traffic(world: &mut World, per_mille: u32) {
    for (a, b) in world.model.mutual() {
        for (from, to) in [(a, b), (b, a)] {
            if world.dice.chance(per_mille) {
                let len = [100, 200, 800, 1_300, 1_400][world.dice.below(5)];
                world.app_send(from, to, len);
            }
        }
    }
    // And to those who do not allow it: nothing may come of it.
    let n = world.hosts.len();
    let (a, b) = (world.dice.below(n), world.dice.below(n));
    if a != b && !(world.model.allowed(a, b) && world.model.allowed(b, a)) {
        world.app_send(a, b, 120);
    }
}

fn crash_or_start(world: &mut World) {
    let host = world.dice.below(world.hosts.len());
    if world.hosts[host].node.is_some() {
        world.crash(host);
    } else {
        world.start(host);
    }
}

pub(crate) fn partition(world: &mut World) {
    let sites = world.net.sites();
    let (a, b) = (world.dice.below(sites), world.dice.below(sites));
    world.counts.partitions += 1;
    world.net.set_cut(a, b, true);
    if world.dice.chance(700) {
        world.net.set_cut(b, a, true);
    }
}

pub(crate) fn heal_one(world: &mut World) {
    for a in 0..world.net.sites() {
        for b in 0..world.net.sites() {
            world.net.set_cut(a, b, false);
        }
    }
}

pub(crate) fn rebind(world: &mut World) {
    world.counts.rebinds += 1;
    let site = 1 + world.dice.below(world.net.sites() - 1);
    world.net.rebind(site);
    for host in 0..world.hosts.len() {
        if world.net.site(host) == site && world.net.kind(host) != NatKind::Open {
            let net = &world.net;
            world.streams.lose(host, |other| net.site(other) != site);
        }
    }
}

fn roam(world: &mut World) {
    let host = world.dice.below(world.hosts.len());
    if world.net.kind(host) == NatKind::Open {
        return;
    }
    // Between NATs of every kind but the public ones: site 1 is open too.
    let site = 2 + world.dice.below(NAT_KINDS.len() - 1);
    move_to(world, host, site);
}

/// A host goes to another site; what it had open is dead.
pub(crate) fn move_to(world: &mut World, host: usize, site: usize) {
    world.counts.roams += 1;
    world.net.roam(host, site);
    world.streams.lose(host, |_| true);
    let endpoint = world.net.addr(host);
    world.input(host, |node, now| {
        node.handle_local_endpoints(now, vec![endpoint])
    });
}

pub(crate) fn jump_clock(world: &mut World) {
    let host = world.dice.below(world.hosts.len());
    world.counts.clock_jumps += 1;
    let by = world.dice.range(0, 7_200) as i64 - 3_600;
    world.hosts[host].skew_s += by;
    if world.hosts[host].skew_s.abs() > 7_200 {
        world.hosts[host].skew_s = 0;
    }
}

pub(crate) fn remove(world: &mut World) {
    let pairs = world.model.mutual();
    if pairs.is_empty() {
        return;
    }
    let (a, b) = pairs[world.dice.below(pairs.len())];
    let (at, who) = if world.dice.chance(500) {
        (a, b)
    } else {
        (b, a)
    };
    if world.hosts[at].node.is_none() {
        return;
    }
    world.counts.denies += 1;
    world.model.deny(at, who);
    let f = world.hosts[who].f;
    world.input(at, |node, now| node.deny(now, Who::Address(f)));
}

pub(crate) fn readmit(world: &mut World) {
    let n = world.hosts.len();
    for at in 0..n {
        for who in 0..n {
            if world.model.allowed(who, at)
                && !world.model.allowed(at, who)
                && world.hosts[at].node.is_some()
            {
                let entry = entry(world, who);
                if world
                    .input(at, |node, now| node.allow(now, entry))
                    .is_some_and(|r| r.is_ok())
                {
                    world.model.allow(at, who);
                }
                return;
            }
        }
    }
}

pub(crate) fn rotate(world: &mut World) {
    let host = world.dice.below(world.hosts.len());
    if world.hosts[host].node.is_none() || world.model.position(host) >= 2 {
        return;
    }
    world.counts.rotations += 1;
    world.model.rotated(host);
    let crypto = world.crypto();
    let seed = world.dice.seed32();
    let unix_s = world.clock(host).unix_s;
    let identity = world.hosts[host].rotate(&*crypto, seed, unix_s);
    world.input(host, |node, now| node.install_identity(now, identity));
}

pub(crate) fn ping(world: &mut World) {
    let pairs = world.model.mutual();
    if let Some(&(a, b)) = pairs.get(world.dice.below(pairs.len())) {
        let f = world.hosts[b].f;
        let id = world.dice.draw() as u32;
        world.input(a, |node, now| node.ping(now, f, id));
    }
}

pub(crate) fn attack(world: &mut World) {
    let to = world.dice.below(world.hosts.len());
    match world.dice.below(6) {
        5 => world.replay_initiation(),
        0 => {
            let len = world.dice.below(1_300);
            let mut bytes: Vec<u8> = (0..len).map(|_| world.dice.draw() as u8).collect();
            if let Some(first) = bytes.first_mut() {
                *first = 1 + (*first % 6);
            }
            for b in bytes.iter_mut().skip(1).take(3) {
                *b = 0;
            }
            world.hostile(to, &bytes);
        }
        1 => {
            if let Some((to, _, bytes)) = world.recording() {
                world.hostile(to, &bytes);
            }
        }
        2 => {
            if let Some((to, _, mut bytes)) = world.recording() {
                let keep = world.dice.below(bytes.len());
                bytes.truncate(keep);
                world.hostile(to, &bytes);
            }
        }
        3 => {
            if let Some((to, _, mut bytes)) = world.recording() {
                let bit = world.dice.below(bytes.len() * 8);
                if let Some(b) = bytes.get_mut(bit / 8) {
                    *b ^= 1 << (bit % 8);
                }
                world.hostile(to, &bytes);
            }
        }
        _ => {
            if let Some(recording) = world.recording().filter(|(_, from, _)| *from != STRANGER) {
                world.replay(recording);
            }
        }
    }
}

pub(crate) fn mend(world: &mut World) {
    world.net.heal();
    world.crash_on_persist = 0;
    world.intercept = 0;
    for host in 0..world.hosts.len() {
        world.hosts[host].skew_s = 0;
        if world.hosts[host].node.is_none() {
            world.start(host);
        }
    }
}

pub(crate) fn converse(world: &mut World) {
    let tick = (world.now.as_millis() / TICK.as_millis()) as usize;
    for (a, b) in world.model.mutual() {
        for (from, to) in [(a, b), (b, a)] {
            // Every 2 s each way, and not everybody at once.
            if (tick + 3 * from + 5 * to).is_multiple_of(8) {
                world.app_send(from, to, 100);
            }
        }
    }
}

fn verify(world: &mut World, since: Duration) {
    let expected: Vec<_> = world
        .model
        .mutual()
        .into_iter()
        .filter(|&(a, b)| can_meet(world, a, b))
        .collect();
    for v in world.model.unmet(&expected, since) {
        world.violate(v);
    }
    verify_pairs(world, &expected);
    verify_memory(world);
}

/// Whoever is connected knows of every rotation.
pub(crate) fn verify_pairs(world: &mut World, expected: &[(usize, usize)]) {
    for &(a, b) in expected {
        for (by, node) in [(a, b), (b, a)] {
            let f = world.hosts[node].f;
            let known = world.hosts[by]
                .stored
                .peers
                .get(&f)
                .and_then(|p| p.pin)
                .map_or(0, |p| p.0.position);
            if known < world.model.position(node) {
                world.violate(Violation::OldRootTrusted { node, by });
            }
        }
    }
}

/// No table of a node is longer than there is reason for.
pub(crate) fn verify_memory(world: &mut World) {
    for host in 0..world.hosts.len() {
        let now = world.clock(host);
        let peers = world.hosts[host]
            .node
            .as_ref()
            .map_or(0, |n| n.peers(now).len());
        if peers > MEMORY_PEERS_MAX {
            world.violate(Violation::Unbounded {
                node: host,
                what: "peers",
                len: peers,
            });
        }
    }
}
