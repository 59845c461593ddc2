//! Two homes and a host of the Internet: each LAN behind a router that masquerades and lets nothing
//! in, and between them a router that knows public addresses only. IPv4.
//!
//! ```text
//!   hosts 192.168.1.2, .3 …      hosts 192.168.2.2, .3 …
//!         │                            │
//!   lan   192.168.1.1/24         lan   192.168.2.1/24
//!   router A                     router B
//!   wan   198.51.100.2/24        wan   203.0.113.2/24        public 192.0.2.2/24
//!         │                            │                         │
//!         └───── home-a ──────────── home-b ── internet ── public
//! ```

use std::cell::Cell;
use std::time::Duration;

use crate::account::Account;
use crate::ns::Ns;
use crate::wire::{address, join};

/// The address of [`Nat::public`].
pub const PUBLIC: &str = "192.0.2.2";
const LIMIT: Duration = Duration::from_secs(10);

/// The whole topology.
#[derive(Debug)]
pub struct Nat {
    /// The first home.
    pub a: Lan,
    /// The second home.
    pub b: Lan,
    /// A host with a public address.
    pub public: Ns,
    internet: Ns,
}

/// A home: hosts on one LAN, and the router.
#[derive(Debug)]
pub struct Lan {
    /// The router: `lan` inside, `wan` outside.
    pub router: Ns,
    /// The three leading bytes of the LAN's addresses.
    net: &'static str,
    /// The router's interface at the other end of its `wan`, in the Internet.
    far: &'static str,
    hosts: Cell<u8>,
}

impl Nat {
    /// Lays all cables. The homes are empty: [`Lan::host`] puts hosts in.
    pub fn new() -> Self {
        let internet = Ns::new("net");
        forward(&internet);
        let a = Lan::new(&internet, "home-a", "192.168.1", "198.51.100");
        let b = Lan::new(&internet, "home-b", "192.168.2", "203.0.113");
        let public = Ns::new("pub");
        join(&public, "eth0", &internet, "public");
        address(&internet, "public", "192.0.2.1/24");
        address(&public, "eth0", &format!("{PUBLIC}/24"));
        public.ip(&["route", "add", "default", "via", "192.0.2.1"]);
        Self {
            a,
            b,
            public,
            internet,
        }
    }

    /// Lets nothing pass from one home to the other, or lets it again: as if a NAT that draws
    /// another port for each destination stood there, which no hole is punched through.
    pub fn part_homes(&self, parted: bool) {
        let rules = "chain through { type filter hook forward priority 0; \
                     iifname home-a oifname home-b drop; iifname home-b oifname home-a drop; }";
        table(&self.internet, "parted", parted.then_some(rules));
    }

    /// One more host with a public address, 192.0.3.2.
    pub fn second_public(&self) -> Ns {
        let host = Ns::new("pub2");
        join(&host, "eth0", &self.internet, "public2");
        address(&self.internet, "public2", "192.0.3.1/24");
        address(&host, "eth0", "192.0.3.2/24");
        host.ip(&["route", "add", "default", "via", "192.0.3.1"]);
        host
    }

    /// Sets the MTU of the link between a home's router and the Internet. With `silent` nobody is
    /// told: the ICMP errors that would tell are dropped.
    pub fn set_mtu(&self, lan: &Lan, mtu: u16, silent: bool) {
        let mtu = mtu.to_string();
        lan.router.ip(&["link", "set", "wan", "mtu", &mtu]);
        self.internet.ip(&["link", "set", lan.far, "mtu", &mtu]);
        for ns in [&lan.router, &self.internet] {
            let rules = "chain out { type filter hook output priority -10; \
                         icmp type destination-unreachable drop; }";
            table(ns, "silent", silent.then_some(rules));
        }
    }
}

impl Default for Nat {
    fn default() -> Self {
        Self::new()
    }
}

impl Lan {
    fn new(internet: &Ns, far: &'static str, net: &'static str, wan: &str) -> Self {
        let router = Ns::new(far);
        forward(&router);
        join(&router, "wan", internet, far);
        address(internet, far, &format!("{wan}.1/24"));
        address(&router, "wan", &format!("{wan}.2/24"));
        router.ip(&["route", "add", "default", "via", &format!("{wan}.1")]);
        router.ip(&["link", "add", "lan", "type", "bridge"]);
        router.ip(&["link", "set", "lan", "up"]);
        address(&router, "lan", &format!("{net}.1/24"));
        let rules = "chain source { type nat hook postrouting priority srcnat; \
                       oifname wan masquerade; }
                     chain inside { type filter hook input priority 0; \
                       iifname wan ct state established,related accept; iifname wan drop; }
                     chain through { type filter hook forward priority 0; \
                       iifname wan ct state established,related accept; iifname wan drop; }";
        table(&router, "home", Some(rules));
        Self {
            router,
            net,
            far,
            hosts: Cell::new(0),
        }
    }

    /// Puts one more host into the LAN, on `eth0`, with the router as its default route.
    pub fn host(&self, label: &str) -> Ns {
        let host = Ns::new(label);
        self.take_in(&host);
        host
    }

    /// The same with a host that is there and has no `eth0`, or has none any more.
    pub fn take_in(&self, host: &Ns) {
        let n = self.hosts.get() + 1;
        self.hosts.set(n);
        let port = format!("port{n}");
        join(host, "eth0", &self.router, &port);
        self.router.ip(&["link", "set", &port, "master", "lan"]);
        address(host, "eth0", &format!("{}.{}/24", self.net, n + 1));
        host.ip(&["route", "add", "default", "via", &format!("{}.1", self.net)]);
    }

    /// Lets no UDP out of the LAN or into it, or lets it again.
    pub fn block_udp(&self, blocked: bool) {
        let rules = "chain through { type filter hook forward priority -10; \
                     meta l4proto udp drop; }";
        table(&self.router, "no_udp", blocked.then_some(rules));
    }
}

/// Replaces a table of the firewall, or removes it.
fn table(ns: &Ns, name: &str, rules: Option<&str>) {
    let begin = format!("add table ip {name}; delete table ip {name};");
    let rules = rules.map(|rules| format!("table ip {name} {{\n{rules}\n}}"));
    let script = format!("{begin}\n{}", rules.unwrap_or_default());
    ns.run(Account::Root, "/root", &["nft", &script], LIMIT);
}

fn forward(ns: &Ns) {
    let argv = ["sysctl", "-q", "-w", "net.ipv4.ip_forward=1"];
    ns.run(Account::Root, "/root", &argv, LIMIT);
}
