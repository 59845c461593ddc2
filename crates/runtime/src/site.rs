//! Site mode in the kernel: which of the host's packets come to this node, and what of others is
//! taken. On a thread of its own: the slow path does not wait for it.
//!
//! | what | by |
//! |---|---|
//! | packets of the host to the prefixes come to the interface | a table of routes of its own ([`os::netlink::SiteTarget`]) |
//! | those to an address that is clear go past it | a route that says so |
//! | packets in clear from an address that encrypts are dropped | nftables, table `kumi_site` |
//! | packets in clear from anywhere in the prefixes, if this node is closed | the same |
//! | DPRP and sessions for what lies behind this node come to it | the same |
//!
//! At an orderly end all of it is taken away. After kill -9 the routes that lead nowhere, and the
//! table, stay: nothing that was encrypted leaves in clear, and the next start begins anew.

use node::SiteRoute;
use os::netlink::{Netlink, SiteTarget};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::IpAddr;
use std::process::{Command, Stdio};
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

/// The way to the thread.
#[derive(Debug)]
pub struct Site {
    orders: Sender<Order>,
    thread: JoinHandle<()>,
}

impl Site {
    /// Sets the kernel up.
    ///
    /// # Errors
    /// What could not be done: no right to, or there is no `nft`.
    pub fn start(ground: Ground) -> Result<Self, String> {
        let mut kernel = Kernel::new(ground)?;
        let (orders, waiting) = channel();
        let thread = Builder::new().name("kumi-site".into());
        let thread = thread.spawn(move || kernel.run(&waiting));
        let thread = thread.map_err(|error| error.to_string())?;
        Ok(Self { orders, thread })
    }

    /// Hands an order over. They are few: one for each flow that begins or ends.
    pub fn order(&self, order: Order) {
        let _ = self.orders.send(order);
    }

    /// Takes everything away.
    pub fn end(self) {
        drop(self.orders);
        let _ = self.thread.join();
    }
}

/// What stands in the kernel.
struct Kernel {
    ground: Ground,
    netlink: Netlink,
    index: u32,
    clear: BTreeSet<IpAddr>,
    sealed: BTreeSet<IpAddr>,
    closed: bool,
    sources: BTreeMap<Prefix, Option<IpAddr>>,
}

impl Kernel {
    fn new(ground: Ground) -> Result<Self, String> {
        let text = |error: os::netlink::NetlinkError| error.to_string();
        let mut netlink = Netlink::open().map_err(text)?;
        let index = netlink.link(&ground.interface).map_err(text)?.index;
        let mut kernel = Self {
            ground,
            netlink,
            index,
            clear: BTreeSet::new(),
            sealed: BTreeSet::new(),
            closed: false,
            sources: BTreeMap::new(),
        };
        kernel.take_away();
        // The filter first: from the first route on packets are this node's.
        kernel.filter()?;
        for v6 in [false, true] {
            if kernel.ground.prefixes.iter().any(|it| it.is_v4() != v6) {
                kernel.netlink.site_rule(v6, true).map_err(text)?;
            }
        }
        for prefix in kernel.ground.prefixes.clone() {
            let at = (prefix.ip(), prefix.prefix_len());
            let blackhole = SiteTarget::Blackhole;
            kernel
                .netlink
                .site_route(at, blackhole, true)
                .map_err(text)?;
        }
        kernel.lead_in()?;
        Ok(kernel)
    }

    fn run(&mut self, waiting: &Receiver<Order>) {
        while let Ok(order) = waiting.recv() {
            let mut filters = self.follow(order);
            // All that is there already, with one call of nft.
            while let Ok(order) = waiting.try_recv() {
                filters |= self.follow(order);
            }
            if filters && let Err(error) = self.filter() {
                tracing::warn!(error, "the filter of site mode");
            }
        }
        self.take_away();
    }

    /// Makes one order so; whether the filter changes.
    fn follow(&mut self, order: Order) -> bool {
        match order {
            Order::Mode { closed } => {
                if let Err(error) = self.lead_in() {
                    tracing::warn!(error, "the routes of site mode");
                }
                let changes = self.closed != closed;
                self.closed = closed;
                changes
            }
            Order::Route { there, route } => {
                let wants_clear = route == SiteRoute::Clear;
                if wants_clear != self.clear.contains(&there) {
                    self.pass_by(there, wants_clear);
                }
                match route {
                    SiteRoute::Sealed => self.sealed.insert(there),
                    // What was encrypted once stays out in clear while this node runs.
                    SiteRoute::Captured => false,
                    SiteRoute::Clear => self.sealed.remove(&there),
                }
            }
        }
    }

    fn pass_by(&mut self, there: IpAddr, add: bool) {
        let len = if there.is_ipv4() { 32 } else { 128 };
        let done = self
            .netlink
            .site_route((there, len), SiteTarget::Throw, add);
        match (done, add) {
            (Ok(()), true) => {
                self.clear.insert(there);
            }
            (Ok(()), false) => {
                self.clear.remove(&there);
            }
            (Err(error), _) => tracing::warn!(%error, "a route of site mode"),
        }
    }

    /// The routes to the interface, each from this host's address in the prefix.
    fn lead_in(&mut self) -> Result<(), String> {
        let addresses = self
            .netlink
            .addresses()
            .map_err(|error| error.to_string())?;
        let own: Vec<IpAddr> = addresses.iter().map(|it| it.ip).collect();
        for prefix in self.ground.prefixes.clone() {
            let holds =
                |ip: &&IpAddr| wire::NodeAddr::of_ip(**ip).is_some_and(|it| prefix.contains(it));
            let source = own.iter().find(holds).copied();
            if self.sources.get(&prefix) == Some(&source) {
                continue;
            }
            let at = (prefix.ip(), prefix.prefix_len());
            let target = SiteTarget::Interface(self.index, source);
            let made = self.netlink.site_route(at, target, true);
            made.map_err(|error| error.to_string())?;
            self.sources.insert(prefix, source);
        }
        Ok(())
    }

    fn filter(&self) -> Result<(), String> {
        nft(&ruleset(&self.ground, &self.sealed, self.closed))
    }

    fn take_away(&mut self) {
        let _ = nft("table inet kumi_site\ndelete table inet kumi_site\n");
        for v6 in [false, true] {
            while self.netlink.site_rule(v6, false).is_ok() {}
        }
        let clear: Vec<IpAddr> = std::mem::take(&mut self.clear).into_iter().collect();
        for there in clear {
            let len = if there.is_ipv4() { 32 } else { 128 };
            let _ = self
                .netlink
                .site_route((there, len), SiteTarget::Throw, false);
        }
        for prefix in &self.ground.prefixes {
            let at = (prefix.ip(), prefix.prefix_len());
            let _ = self.netlink.site_route(at, SiteTarget::Blackhole, false);
            let interface = SiteTarget::Interface(self.index, None);
            let _ = self.netlink.site_route(at, interface, false);
        }
    }
}

/// The whole filter, as `nft` reads it: what there was gives way in one transaction.
fn ruleset(ground: &Ground, sealed: &BTreeSet<IpAddr>, closed: bool) -> String {
    let (interface, port) = (&ground.interface, ground.port);
    let mut text = String::from("table inet kumi_site\ndelete table inet kumi_site\n");
    text.push_str("table inet kumi_site {\n");
    for (name, v4) in [("sealed4", true), ("sealed6", false)] {
        let kind = if v4 { "ipv4_addr" } else { "ipv6_addr" };
        let members = sealed.iter().filter(|ip| ip.is_ipv4() == v4);
        let members: Vec<String> = members.map(ToString::to_string).collect();
        let _ = write!(text, " set {name} {{ type {kind}; ");
        if !members.is_empty() {
            let _ = write!(text, "elements = {{ {} }}; ", members.join(", "));
        }
        text.push_str("}\n");
    }
    text.push_str(" chain input { type filter hook input priority -5; policy accept;\n");
    let _ = writeln!(text, "  iifname {{ \"{interface}\", \"lo\" }} accept");
    let _ = writeln!(text, "  udp dport {port} accept\n  tcp dport {port} accept");
    text.push_str(
        "  icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } accept\n",
    );
    text.push_str("  ip saddr @sealed4 drop\n  ip6 saddr @sealed6 drop\n");
    if closed {
        for line in sources(&ground.prefixes) {
            let _ = writeln!(text, "  {line} drop");
        }
    }
    text.push_str(" }\n");
    if !ground.behind.is_empty() {
        behind(&mut text, ground, closed);
    }
    text.push_str("}\n");
    text
}

/// What lies behind this node: it speaks for it, and filters for it.
fn behind(text: &mut String, ground: &Ground, closed: bool) {
    let (interface, port) = (&ground.interface, ground.port);
    text.push_str(" chain prerouting { type nat hook prerouting priority dstnat; policy accept;\n");
    for prefix in &ground.behind {
        let family = if prefix.is_v4() { "ip" } else { "ip6" };
        let _ = writeln!(
            text,
            "  {family} daddr {prefix} udp dport {port} redirect to :{port}"
        );
    }
    text.push_str(" }\n chain forward { type filter hook forward priority -5; policy accept;\n");
    let _ = writeln!(text, "  iifname \"{interface}\" accept");
    for prefix in &ground.behind {
        let family = if prefix.is_v4() { "ip" } else { "ip6" };
        let set = if prefix.is_v4() {
            "@sealed4"
        } else {
            "@sealed6"
        };
        let _ = writeln!(text, "  {family} daddr {prefix} {family} saddr {set} drop");
        if closed {
            for line in sources(&ground.prefixes).filter(|it| it.starts_with(&format!("{family} ")))
            {
                let _ = writeln!(text, "  {family} daddr {prefix} {line} drop");
            }
        }
    }
    text.push_str(" }\n");
}

fn sources(prefixes: &[Prefix]) -> impl Iterator<Item = String> {
    prefixes.iter().map(|prefix| {
        let family = if prefix.is_v4() { "ip" } else { "ip6" };
        format!("{family} saddr {prefix}")
    })
}

fn nft(script: &str) -> Result<(), String> {
    let mut child = Command::new("nft")
        .args(["-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("nft (package nftables): {error}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        let _ = stdin.write_all(script.as_bytes());
    }
    let output = child
        .wait_with_output()
        .map_err(|error| error.to_string())?;
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ground(behind: &[&str]) -> Ground {
        Ground {
            interface: "kumi0".to_owned(),
            port: 4_649,
            prefixes: vec![
                "192.0.2.0/24".parse().unwrap(),
                "2001:db8::/64".parse().unwrap(),
            ],
            behind: behind.iter().map(|it| it.parse().unwrap()).collect(),
        }
    }

    #[test]
    fn the_kernel_takes_every_filter() {
        let test = std::thread::spawn(|| {
            if let Err(error) = os::netns::unshare_network() {
                eprintln!("skipped: {error}");
                return;
            }
            let sealed = ["192.0.2.7", "2001:db8::7"].map(|it| it.parse().unwrap());
            for closed in [false, true] {
                for behind in [&[][..], &["192.168.20.0/24", "fd00:20::/64"]] {
                    for sealed in [BTreeSet::new(), BTreeSet::from(sealed)] {
                        nft(&ruleset(&ground(behind), &sealed, closed)).unwrap();
                    }
                }
            }
        });
        test.join().unwrap();
    }

    #[test]
    fn an_open_node_drops_what_should_be_sealed_and_a_closed_one_all_that_is_clear() {
        let sealed = BTreeSet::from(["192.0.2.7".parse().unwrap()]);
        let open = ruleset(&ground(&[]), &sealed, false);
        assert!(open.contains("elements = { 192.0.2.7 }") && open.contains("@sealed4 drop"));
        assert!(!open.contains("ip saddr 192.0.2.0/24 drop"));
        let closed = ruleset(&ground(&["192.168.20.0/24"]), &sealed, true);
        assert!(closed.contains("ip saddr 192.0.2.0/24 drop"));
        assert!(closed.contains("ip daddr 192.168.20.0/24 ip saddr 192.0.2.0/24 drop"));
        assert!(!closed.contains("ip daddr 192.168.20.0/24 ip6"));
    }
}
