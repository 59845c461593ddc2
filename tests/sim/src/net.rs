//! The underlay: sites behind NATs, LANs, links with faults.
//!
//! What it does: takes a datagram from a host, translates and filters it as a NAT of the
//! site's kind would, throws the dice for every fault, and says which hosts get which bytes
//! when; says where a connection leads. What it does not: time (the caller schedules), what
//! travels on connections ([`crate::streams`]), IPv6 underlays.
//!
//! | NAT kind | mapping | filter |
//! |---|---|---|
//! | Open | none, hosts are public | none |
//! | FullCone | per inner endpoint | none |
//! | AddressRestricted | per inner endpoint | addresses sent to |
//! | PortRestricted | per inner endpoint | endpoints sent to |
//! | Symmetric | per inner endpoint and destination | that destination |
//!
//! Limits: a mapping dies after [`MAPPING_IDLE`]; a site has 200 hosts.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::rng::Dice;

/// A mapping unused for this long is forgotten (RFC 4787 REQ-5 asks for two minutes at least).
pub const MAPPING_IDLE: Duration = Duration::from_secs(120);

/// How a site meets the Internet; see the table above.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NatKind {
    /// Public addresses.
    Open,
    /// Endpoint-independent mapping and filtering.
    FullCone,
    /// Endpoint-independent mapping, address-dependent filtering.
    AddressRestricted,
    /// Endpoint-independent mapping, address-and-port-dependent filtering.
    PortRestricted,
    /// Address-and-port-dependent mapping and filtering.
    Symmetric,
}

/// All kinds, to draw from.
pub const NAT_KINDS: [NatKind; 5] = [
    NatKind::Open,
    NatKind::FullCone,
    NatKind::AddressRestricted,
    NatKind::PortRestricted,
    NatKind::Symmetric,
];

/// Probabilities (per mille) and delays of every hop, for the whole world at a time.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    /// Datagrams that vanish.
    pub loss: u32,
    /// Datagrams that arrive twice.
    pub duplicate: u32,
    /// Datagrams that are held back long enough for others to overtake.
    pub reorder: u32,
    /// Datagrams with one flipped bit.
    pub corrupt: u32,
    /// Least one-way delay.
    pub delay_min: Duration,
    /// Most one-way delay, without reordering.
    pub delay_max: Duration,
}

impl Weather {
    /// A clean network: constant small delay.
    pub const CALM: Self = Self {
        loss: 0,
        duplicate: 0,
        reorder: 0,
        corrupt: 0,
        delay_min: Duration::from_millis(5),
        delay_max: Duration::from_millis(5),
    };
    /// The weather of the faulty phase.
    pub const STORM: Self = Self {
        loss: 30,
        duplicate: 10,
        reorder: 30,
        corrupt: 10,
        delay_min: Duration::from_millis(2),
        delay_max: Duration::from_millis(80),
    };
}

/// How often each thing happened; a fault kind that stays at zero means the run tested less
/// than it claims.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetCounts {
    /// Datagrams handed in.
    pub sent: u64,
    /// Copies handed out.
    pub delivered: u64,
    /// Lost by the dice.
    pub lost: u64,
    /// Delivered twice.
    pub duplicated: u64,
    /// Held back.
    pub reordered: u64,
    /// Bit flipped.
    pub corrupted: u64,
    /// Stopped by a partition.
    pub partitioned: u64,
    /// Stopped because a host's network lets no UDP out.
    pub blocked: u64,
    /// Stopped by a NAT without mapping or by its filter.
    pub filtered: u64,
    /// No such address.
    pub unroutable: u64,
}

/// One copy on its way.
#[derive(Clone, Debug)]
pub struct Flight {
    /// Receiving host.
    pub to: usize,
    /// What the receiver sees as the source.
    pub from: SocketAddr,
    /// One-way time.
    pub after: Duration,
    /// The datagram.
    pub bytes: Vec<u8>,
    /// Whether a bit of it was flipped on the way.
    pub corrupted: bool,
}

#[derive(Clone, Debug)]
struct Mapping {
    inner: SocketAddr,
    to: Option<SocketAddr>,
    sent_to: BTreeSet<SocketAddr>,
    used: Duration,
}

#[derive(Clone, Debug)]
struct Site {
    kind: NatKind,
    next_port: u16,
    mappings: BTreeMap<u16, Mapping>,
}

/// The underlay.
#[derive(Clone, Debug)]
pub struct Net {
    sites: Vec<Site>,
    hosts: Vec<SocketAddr>,
    host_site: Vec<usize>,
    by_addr: BTreeMap<SocketAddr, usize>,
    cut: BTreeSet<(usize, usize)>,
    blocked: BTreeSet<usize>,
    next_host: u8,
    /// Current weather.
    pub weather: Weather,
    /// What happened so far.
    pub counts: NetCounts,
}

/// The UDP port of every node.
pub const PORT: u16 = 4649;

impl Net {
    /// Sites of the given kinds, without hosts.
    pub fn new(kinds: &[NatKind]) -> Self {
        let sites = kinds
            .iter()
            .map(|&kind| Site {
                kind,
                next_port: 20_000,
                mappings: BTreeMap::new(),
            })
            .collect();
        Self {
            sites,
            hosts: Vec::new(),
            host_site: Vec::new(),
            by_addr: BTreeMap::new(),
            cut: BTreeSet::new(),
            blocked: BTreeSet::new(),
            next_host: 1,
            weather: Weather::CALM,
            counts: NetCounts::default(),
        }
    }

    /// Puts a new host into a site and returns its number.
    pub fn add_host(&mut self, site: usize) -> usize {
        let host = self.hosts.len();
        let addr = self.fresh_addr(site);
        self.hosts.push(addr);
        self.host_site.push(site);
        self.by_addr.insert(addr, host);
        host
    }

    fn fresh_addr(&mut self, site: usize) -> SocketAddr {
        let n = self.next_host;
        self.next_host = self.next_host.wrapping_add(1).max(1);
        let ip = match self.sites[site].kind {
            NatKind::Open => Ipv4Addr::new(198, 51, site as u8, n),
            _ => Ipv4Addr::new(10, site as u8, 0, n),
        };
        SocketAddr::new(IpAddr::V4(ip), PORT)
    }

    /// Moves a host to another site (a laptop that changes networks).
    pub fn roam(&mut self, host: usize, site: usize) {
        self.by_addr.remove(&self.hosts[host]);
        let addr = self.fresh_addr(site);
        self.hosts[host] = addr;
        self.host_site[host] = site;
        self.by_addr.insert(addr, host);
    }

    /// The address a host believes it has.
    pub fn addr(&self, host: usize) -> SocketAddr {
        self.hosts[host]
    }

    /// The site a host is in.
    pub fn site(&self, host: usize) -> usize {
        self.host_site[host]
    }

    /// The kind of NAT a host is behind.
    pub fn kind(&self, host: usize) -> NatKind {
        self.sites[self.host_site[host]].kind
    }

    /// Forgets the mappings of a site, as a restarted home router does.
    pub fn rebind(&mut self, site: usize) {
        self.sites[site].mappings.clear();
    }

    /// Cuts or mends the one-way link between two sites.
    pub fn set_cut(&mut self, from: usize, to: usize, cut: bool) {
        if cut {
            self.cut.insert((from, to));
        } else {
            self.cut.remove(&(from, to));
        }
    }

    /// Lets no UDP of a host pass the border of its site, or lets it again.
    pub fn set_blocked(&mut self, host: usize, blocked: bool) {
        if blocked {
            self.blocked.insert(host);
        } else {
            self.blocked.remove(&host);
        }
    }

    /// How many sites there are.
    pub fn sites(&self) -> usize {
        self.sites.len()
    }

    /// Whether nothing passes between the sites of two hosts, in one direction at least.
    pub fn is_cut(&self, one: usize, other: usize) -> bool {
        let (a, b) = (self.host_site[one], self.host_site[other]);
        self.cut.contains(&(a, b)) || self.cut.contains(&(b, a))
    }

    /// Where a connection to `to` leads, and from where it seems to come: to a host of the same
    /// site, or to a public one.
    pub fn connect(
        &mut self,
        now: Duration,
        host: usize,
        to: SocketAddr,
    ) -> Option<(usize, SocketAddr)> {
        self.by_addr.get(&to)?;
        self.route(now, host, to)
    }

    /// Mends everything.
    pub fn heal(&mut self) {
        self.cut.clear();
        self.blocked.clear();
        self.weather = Weather::CALM;
    }

    /// The other hosts of the same LAN (none for public sites).
    pub fn lan(&self, host: usize) -> Vec<usize> {
        let site = self.host_site[host];
        if self.sites[site].kind == NatKind::Open {
            return Vec::new();
        }
        (0..self.hosts.len())
            .filter(|&h| h != host && self.host_site[h] == site)
            .collect()
    }

    /// Sends one datagram; returns the copies that will arrive.
    pub fn send(
        &mut self,
        now: Duration,
        dice: &mut Dice,
        host: usize,
        to: SocketAddr,
        bytes: &[u8],
    ) -> Vec<Flight> {
        self.counts.sent += 1;
        let Some((target, seen_from)) = self.route(now, host, to) else {
            return Vec::new();
        };
        if self
            .cut
            .contains(&(self.host_site[host], self.host_site[target]))
        {
            self.counts.partitioned += 1;
            return Vec::new();
        }
        let leaves = self.host_site[host] != self.host_site[target];
        if leaves && (self.blocked.contains(&host) || self.blocked.contains(&target)) {
            self.counts.blocked += 1;
            return Vec::new();
        }
        self.fly(dice, target, seen_from, bytes)
    }

    /// A beacon to everybody on the LAN, under the same weather.
    pub fn multicast(&mut self, dice: &mut Dice, host: usize, bytes: &[u8]) -> Vec<Flight> {
        let from = self.hosts[host];
        let lan = self.lan(host);
        lan.into_iter()
            .flat_map(|to| self.fly(dice, to, from, bytes))
            .collect()
    }

    /// Delivers to a host from an address of the caller's choice (a stranger who spoofs).
    pub fn inject(
        &mut self,
        dice: &mut Dice,
        to: usize,
        from: SocketAddr,
        bytes: &[u8],
    ) -> Vec<Flight> {
        self.fly(dice, to, from, bytes)
    }

    fn fly(&mut self, dice: &mut Dice, to: usize, from: SocketAddr, bytes: &[u8]) -> Vec<Flight> {
        let w = self.weather;
        if dice.chance(w.loss) {
            self.counts.lost += 1;
            return Vec::new();
        }
        let copies = if dice.chance(w.duplicate) { 2 } else { 1 };
        self.counts.duplicated += copies - 1;
        (0..copies)
            .map(|_| {
                let mut after = Duration::from_micros(dice.range(
                    w.delay_min.as_micros() as u64,
                    w.delay_max.as_micros() as u64,
                ));
                if dice.chance(w.reorder) {
                    self.counts.reordered += 1;
                    after += Duration::from_millis(dice.range(20, 400));
                }
                let mut bytes = bytes.to_vec();
                let corrupted = dice.chance(w.corrupt) && !bytes.is_empty();
                if corrupted {
                    self.counts.corrupted += 1;
                    let bit = dice.below(bytes.len() * 8);
                    bytes[bit / 8] ^= 1 << (bit % 8);
                }
                self.counts.delivered += 1;
                Flight {
                    to,
                    from,
                    after,
                    bytes,
                    corrupted,
                }
            })
            .collect()
    }

    fn route(&mut self, now: Duration, host: usize, to: SocketAddr) -> Option<(usize, SocketAddr)> {
        let site = self.host_site[host];
        let from = self.hosts[host];
        if let Some(&target) = self.by_addr.get(&to) {
            let public = self.sites[self.host_site[target]].kind == NatKind::Open;
            if self.host_site[target] == site {
                return Some((target, from));
            }
            if public {
                return Some((target, self.translate(now, site, from, to)));
            }
            self.counts.unroutable += 1;
            return None;
        }
        let outer_site = self.site_of_outer(to)?;
        if outer_site == site {
            self.counts.unroutable += 1;
            return None;
        }
        let seen = self.translate(now, site, from, to);
        self.enter(now, outer_site, to.port(), seen)
            .map(|target| (target, seen))
    }

    fn site_of_outer(&mut self, to: SocketAddr) -> Option<usize> {
        if let IpAddr::V4(ip) = to.ip() {
            let [a, b, site, d] = ip.octets();
            if (a, b, d) == (203, 0, 1) && (site as usize) < self.sites.len() {
                return Some(site as usize);
            }
        }
        self.counts.unroutable += 1;
        None
    }

    fn translate(
        &mut self,
        now: Duration,
        site: usize,
        inner: SocketAddr,
        to: SocketAddr,
    ) -> SocketAddr {
        let s = &mut self.sites[site];
        if s.kind == NatKind::Open {
            return inner;
        }
        s.mappings
            .retain(|_, m| now.saturating_sub(m.used) < MAPPING_IDLE);
        let wanted_to = (s.kind == NatKind::Symmetric).then_some(to);
        let found = s
            .mappings
            .iter()
            .find(|(_, m)| m.inner == inner && m.to == wanted_to)
            .map(|(&p, _)| p);
        let port = found.unwrap_or_else(|| {
            s.next_port = s.next_port.wrapping_add(1).max(20_000);
            s.next_port
        });
        let m = s.mappings.entry(port).or_insert(Mapping {
            inner,
            to: wanted_to,
            sent_to: BTreeSet::new(),
            used: now,
        });
        m.used = now;
        m.sent_to.insert(to);
        SocketAddr::new(IpAddr::V4(Ipv4Addr::new(203, 0, site as u8, 1)), port)
    }

    fn enter(&mut self, now: Duration, site: usize, port: u16, from: SocketAddr) -> Option<usize> {
        let s = &mut self.sites[site];
        let kind = s.kind;
        let pass = s
            .mappings
            .get_mut(&port)
            .filter(|m| now.saturating_sub(m.used) < MAPPING_IDLE)
            .filter(|m| match kind {
                NatKind::Open | NatKind::FullCone => true,
                NatKind::AddressRestricted => m.sent_to.iter().any(|a| a.ip() == from.ip()),
                NatKind::PortRestricted | NatKind::Symmetric => m.sent_to.contains(&from),
            });
        let host = pass.map(|m| {
            m.used = now;
            m.inner
        });
        let host = host.and_then(|inner| self.by_addr.get(&inner).copied());
        if host.is_none() {
            self.counts.filtered += 1;
        }
        host
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_sites(kind: NatKind) -> (Net, Dice, usize, usize, usize) {
        let mut net = Net::new(&[kind, NatKind::Open]);
        let inside = net.add_host(0);
        let server = net.add_host(1);
        let other = net.add_host(1);
        (net, Dice::new(1), inside, server, other)
    }

    fn arrives(flights: &[Flight]) -> Option<(usize, SocketAddr)> {
        flights.first().map(|f| (f.to, f.from))
    }

    #[test]
    fn every_kind_lets_the_answer_back_and_filters_as_its_table_says() {
        for kind in [
            NatKind::FullCone,
            NatKind::AddressRestricted,
            NatKind::PortRestricted,
            NatKind::Symmetric,
        ] {
            let (mut net, mut dice, inside, server, other) = two_sites(kind);
            let (t, z) = (Duration::ZERO, b"x");
            let to = net.addr(server);
            let (host, seen) = arrives(&net.send(t, &mut dice, inside, to, z)).unwrap();
            assert_eq!(host, server);
            assert_ne!(seen, net.addr(inside));
            assert_eq!(
                arrives(&net.send(t, &mut dice, server, seen, z)).unwrap().0,
                inside
            );
            let stranger = net.send(t, &mut dice, other, seen, z);
            assert_eq!(!stranger.is_empty(), kind == NatKind::FullCone, "{kind:?}");
            assert!(
                net.send(MAPPING_IDLE * 2, &mut dice, server, seen, z)
                    .is_empty()
            );
        }
    }

    #[test]
    fn a_symmetric_nat_shows_each_destination_another_port() {
        let (mut net, mut dice, inside, server, other) = two_sites(NatKind::Symmetric);
        let (a, b) = (net.addr(server), net.addr(other));
        let one = net.send(Duration::ZERO, &mut dice, inside, a, b"x")[0].from;
        let two = net.send(Duration::ZERO, &mut dice, inside, b, b"x")[0].from;
        assert_ne!(one, two);
    }

    #[test]
    fn a_host_without_udp_still_connects_and_reaches_its_lan() {
        let (mut net, mut dice, inside, server, _) = two_sites(NatKind::FullCone);
        let beside = net.add_host(0);
        let (to, near) = (net.addr(server), net.addr(beside));
        net.set_blocked(inside, true);
        let mut sent = |net: &mut Net, to| net.send(Duration::ZERO, &mut dice, inside, to, b"x");
        assert!(sent(&mut net, to).is_empty());
        assert_eq!(sent(&mut net, near).len(), 1);
        let (host, seen) = net.connect(Duration::ZERO, inside, to).unwrap();
        assert!(host == server && seen != net.addr(inside));
        assert_eq!(net.connect(Duration::ZERO, server, seen), None);
        net.heal();
        assert_eq!(sent(&mut net, to).len(), 1);
        assert_eq!(net.counts.blocked, 1);
    }

    #[test]
    fn a_cut_is_one_way() {
        let (mut net, mut dice, inside, server, _) = two_sites(NatKind::FullCone);
        let to = net.addr(server);
        let seen = net.send(Duration::ZERO, &mut dice, inside, to, b"x")[0].from;
        net.set_cut(1, 0, true);
        assert!(
            net.send(Duration::ZERO, &mut dice, server, seen, b"x")
                .is_empty()
        );
        assert!(
            !net.send(Duration::ZERO, &mut dice, inside, to, b"x")
                .is_empty()
        );
        assert_eq!(net.counts.partitioned, 1);
    }
}
