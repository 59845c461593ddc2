//! Site mode in the kernel: which of the host's packets come to this node, and what of others is
//! taken. Routes are made at once; the filter by a thread of its own, for which the slow path does
//! not wait.
//!
//! | what | by |
//! |---|---|
//! | packets of the host to the prefixes come to the interface | a table of routes of its own ([`os::netlink::SiteTarget`]) |
//! | those to an address that is clear go past it | a route that says so |
//! | packets in clear from an address that encrypts are dropped | nftables, table `kumi_site` |
//! | packets in clear from anywhere in the prefixes, if this node is closed | the same |
//! | DPRP and sessions for what lies behind this node come to it | the same |
//! | what only passes through this host, in clear, is dropped if this node is closed | the same |
//!
//! At an orderly end all of it is taken away. After kill -9 the routes that lead nowhere, and the
//! table, stay: nothing that was encrypted leaves in clear, and the next start puts its own over them.

mod filter;

use filter::{NOTHING, nft, ruleset};
use node::SiteRoute;
use os::netlink::{Netlink, SiteTarget};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, JoinHandle};
use wire::Prefix;

/// What is always the same.
#[derive(Clone, Debug)]
pub struct Ground {
    /// The interface.
    pub interface: String,
    /// The node's port.
    pub port: u16,
    /// The prefixes whose flows this node decides on.
    pub prefixes: Vec<Prefix>,
    /// What lies behind this node.
    pub behind: Vec<Prefix>,
}

/// Something for the kernel.
#[derive(Debug)]
pub enum Order {
    /// Packets to an address go so from now on.
    Route {
        /// The address.
        there: IpAddr,
        /// How.
        route: SiteRoute,
    },
    /// Whether this node is closed; also when its own addresses have changed.
    Mode {
        /// Whether it is.
        closed: bool,
    },
}

/// What is done beside the slow path.
#[derive(Debug)]
enum Task {
    /// Whether what comes in clear from an address is dropped.
    Seal { there: IpAddr, seals: bool },
    /// As [`Order::Mode`].
    Mode { closed: bool },
}

/// The way to the kernel.
#[derive(Debug)]
pub struct Site {
    /// For the routes past this node, which are there before a packet in clear is.
    netlink: Netlink,
    clear: BTreeSet<IpAddr>,
    tasks: Sender<Task>,
    thread: JoinHandle<()>,
}

impl Site {
    /// Sets the kernel up.
    ///
    /// # Errors
    /// What could not be done: no right to, or there is no `nft`.
    pub fn start(ground: Ground) -> Result<Self, String> {
        let mut kernel = Kernel::new(ground)?;
        let (tasks, waiting) = channel();
        let thread = Builder::new().name("kumi-site".into());
        let thread = thread.spawn(move || kernel.run(&waiting));
        Ok(Self {
            netlink: Netlink::open().map_err(text)?,
            clear: BTreeSet::new(),
            tasks,
            thread: thread.map_err(|error| error.to_string())?,
        })
    }

    /// Makes an order so. They are few: one for each flow that begins or ends.
    pub fn order(&mut self, order: Order) {
        let task = match order {
            Order::Mode { closed } => Task::Mode { closed },
            Order::Route { there, route } => {
                let is_clear = route == SiteRoute::Clear;
                if is_clear != self.clear.contains(&there) {
                    self.pass_by(there, is_clear);
                }
                match route {
                    SiteRoute::Captured => return,
                    SiteRoute::Sealed => Task::Seal { there, seals: true },
                    SiteRoute::Clear | SiteRoute::Forgotten => Task::Seal {
                        there,
                        seals: false,
                    },
                }
            }
        };
        let _ = self.tasks.send(task);
    }

    fn pass_by(&mut self, there: IpAddr, add: bool) {
        let len = if there.is_ipv4() { 32 } else { 128 };
        let throw = SiteTarget::Throw;
        match (self.netlink.site_route((there, len), throw, add), add) {
            (Ok(()), true) => {
                self.clear.insert(there);
            }
            (Ok(()), false) => {
                self.clear.remove(&there);
            }
            (Err(error), _) => tracing::warn!(%error, "a route of site mode"),
        }
    }

    /// Takes everything away.
    pub fn end(self) {
        drop(self.tasks);
        let _ = self.thread.join();
    }
}

/// Takes away what a node left that was in site mode and was killed.
pub fn clean_up() {
    let Ok(mut netlink) = Netlink::open() else {
        return;
    };
    if netlink.is_in_site_mode().unwrap_or(true) {
        return;
    }
    let left = [false, true].map(|v6| netlink.remove_site(v6));
    if left.contains(&true) {
        let _ = nft(NOTHING);
    }
}

/// What stands in the kernel.
struct Kernel {
    ground: Ground,
    netlink: Netlink,
    index: u32,
    sealed: BTreeSet<IpAddr>,
    closed: bool,
    sources: BTreeMap<Prefix, Option<IpAddr>>,
}

impl Kernel {
    /// Over whatever an earlier run left: nothing that it kept from leaving in clear does so now.
    fn new(ground: Ground) -> Result<Self, String> {
        let mut netlink = Netlink::open().map_err(text)?;
        if netlink.is_in_site_mode().map_err(text)? {
            return Err("another node on this host is in site mode".to_owned());
        }
        let index = netlink.link(&ground.interface).map_err(text)?.index;
        let mut kernel = Self {
            ground,
            netlink,
            index,
            sealed: BTreeSet::new(),
            closed: false,
            sources: BTreeMap::new(),
        };
        kernel.look_at_filters()?;
        // The filter first: from the first route on packets are this node's.
        kernel.filter()?;
        for prefix in kernel.ground.prefixes.clone() {
            let blackhole = SiteTarget::Blackhole;
            let made = kernel.netlink.site_route(at(prefix), blackhole, true);
            made.map_err(text)?;
        }
        kernel.lead_in()?;
        for v6 in [false, true] {
            let of = |prefixes: &[Prefix]| -> Vec<(IpAddr, u8)> {
                let own = prefixes.iter().filter(|it| it.is_v4() != v6);
                own.copied().map(at).collect()
            };
            let (prefixes, behind) = (of(&kernel.ground.prefixes), of(&kernel.ground.behind));
            if prefixes.is_empty() {
                kernel.netlink.remove_site(v6);
            } else {
                kernel.netlink.set_site_rules(v6, &behind).map_err(text)?;
                kernel
                    .netlink
                    .keep_site_routes(v6, &prefixes)
                    .map_err(text)?;
            }
        }
        Ok(kernel)
    }

    fn run(&mut self, waiting: &Receiver<Task>) {
        while let Ok(task) = waiting.recv() {
            let mut filters = self.follow(task);
            // All that is there already, with one call of nft.
            while let Ok(task) = waiting.try_recv() {
                filters |= self.follow(task);
            }
            if filters && let Err(error) = self.filter() {
                tracing::warn!(error, "the filter of site mode");
            }
        }
        for v6 in [false, true] {
            self.netlink.remove_site(v6);
        }
        let _ = nft(NOTHING);
    }

    /// Makes one task so; whether the filter changes.
    fn follow(&mut self, task: Task) -> bool {
        match task {
            Task::Mode { closed } => {
                if let Err(error) = self.lead_in() {
                    tracing::warn!(error, "the routes of site mode");
                }
                let changes = self.closed != closed;
                self.closed = closed;
                changes
            }
            Task::Seal { there, seals: true } => self.sealed.insert(there),
            Task::Seal { there, .. } => self.sealed.remove(&there),
        }
    }

    /// The way back to the prefixes leads through this node's interface: with strict filters the
    /// kernel would drop whatever comes from there.
    fn look_at_filters(&mut self) -> Result<(), String> {
        let addresses = self.netlink.addresses().map_err(text)?;
        for link in self.netlink.links().map_err(text)? {
            let own = addresses.iter().filter(|it| it.link_index == link.index);
            let mut own = own.filter(|it| it.ip.is_ipv4()).map(|it| it.ip);
            if own.any(|ip| holding(&self.ground.prefixes, ip).is_some())
                && os::interface::filters_strictly(&link.name)
            {
                let name = &link.name;
                return Err(format!(
                    "{name} drops what comes from its own network while kumi leads packets there \
                     (net.ipv4.conf.{name}.rp_filter is 1); \
                     run: sysctl -w net.ipv4.conf.{name}.rp_filter=2"
                ));
            }
        }
        Ok(())
    }

    /// The routes to the interface, each from this host's address in the prefix.
    fn lead_in(&mut self) -> Result<(), String> {
        let addresses = self.netlink.addresses().map_err(text)?;
        let own: Vec<IpAddr> = addresses.iter().map(|it| it.ip).collect();
        for prefix in self.ground.prefixes.clone() {
            let source = own
                .iter()
                .copied()
                .find(|ip| holding(&[prefix], *ip).is_some());
            if self.sources.get(&prefix) == Some(&source) {
                continue;
            }
            let target = SiteTarget::Interface(self.index, source);
            let made = self.netlink.site_route(at(prefix), target, true);
            made.map_err(text)?;
            self.sources.insert(prefix, source);
        }
        Ok(())
    }

    fn filter(&self) -> Result<(), String> {
        nft(&ruleset(&self.ground, &self.sealed, self.closed))
    }
}

fn text(error: os::netlink::NetlinkError) -> String {
    error.to_string()
}

fn at(prefix: Prefix) -> (IpAddr, u8) {
    (prefix.ip(), prefix.prefix_len())
}

fn holding(prefixes: &[Prefix], ip: IpAddr) -> Option<Prefix> {
    let addr = wire::NodeAddr::of_ip(ip)?;
    prefixes
        .iter()
        .copied()
        .find(|prefix| prefix.contains(addr))
}
