//! Site mode in the kernel: which of the host's packets come to this node, and what of others is
//! taken.
//!
//! | what | by |
//! |---|---|
//! | packets of the host to the prefixes come to the interface | a table of routes of its own ([`os::netlink::SiteTarget`]) |
//! | those to an address that is clear go past it | a route that says so |
//! | packets in clear from an address that encrypts are dropped | nftables, table `kumi_site` |
//! | packets in clear from anywhere in the prefixes, if this node is closed | the same |
//! | DPRP and sessions for what lies behind this node come to it | the same |
//! | what only passes through this host, in clear, is dropped if this node is closed | the same |
//! | of questions between elements that pass the node gets copies | the same, and a log group (NFLOG) |
//!
//! At an orderly end all of it is taken away; who is behind this node is noted for the next start. After
//! kill -9 the routes that lead nowhere, and the table, stay: nothing that was encrypted leaves in clear,
//! and the next start puts its own over them.

mod behind;
mod filter;
mod passing;

use crate::inbox::Inbox;
use filter::{LOG_GROUP, NOTHING, lay, nft, ruleset};
use node::SiteRoute;
use os::netlink::{Netlink, Sets, SiteTarget};
use passing::Passing;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::PathBuf;
use wire::Prefix;

/// What it stands on.
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
    /// The file in which an orderly end notes who was there.
    pub notes: PathBuf,
}

impl Ground {
    /// What the host's own packets are led in for: what lies behind it as well, from its address there.
    fn led_in(&self) -> Vec<Prefix> {
        let site = &self.prefixes;
        let inner = self.behind.iter().filter(|it| !site.contains(it));
        let inner = inner.filter(|inner| site.iter().any(|it| it.covers(**inner)));
        site.iter().chain(inner).copied().collect()
    }
}

/// What stands in the kernel.
#[derive(Debug)]
pub struct Site {
    ground: Ground,
    netlink: Netlink,
    sets: Sets,
    index: u32,
    clear: BTreeSet<IpAddr>,
    sealed: BTreeSet<IpAddr>,
    closed: bool,
    sources: BTreeMap<Prefix, Option<IpAddr>>,
    /// Where copies of what passes go.
    inbox: Inbox,
    /// Who hands them over, if something lies behind this node, and the kernel can copy.
    passing: Option<Passing>,
    /// All of it stands.
    laid: bool,
}

impl Site {
    /// Sets the kernel up, over whatever an earlier run left: nothing that it kept from leaving in
    /// clear does so now. Nothing in clear is taken from `sealed`. Copies of what passes come to `inbox`.
    ///
    /// # Errors
    /// What could not be done: no right to, or there is no `nft`.
    pub fn start(
        ground: Ground,
        closed: bool,
        sealed: BTreeSet<IpAddr>,
        inbox: Inbox,
    ) -> Result<Self, String> {
        let mut netlink = Netlink::open().map_err(text)?;
        if netlink.is_in_site_mode().map_err(text)? {
            return Err("another node on this host is in site mode".to_owned());
        }
        let index = netlink.link(&ground.interface).map_err(text)?.index;
        let mut site = Self {
            ground,
            netlink,
            sets: Sets::open(filter::TABLE).map_err(text)?,
            index,
            clear: BTreeSet::new(),
            sealed,
            closed,
            sources: BTreeMap::new(),
            inbox,
            passing: None,
            laid: false,
        };
        if let Err(error) = site.lay() {
            site.lead_nowhere();
            return Err(error);
        }
        behind::tell(&site.ground);
        Ok(site)
    }

    /// What could not be laid as a whole leads nothing here, so that the next try does not take it for another node's. What
    /// keeps packets from leaving in clear stays.
    fn lead_nowhere(&mut self) {
        for (prefix, source) in std::mem::take(&mut self.sources) {
            let target = SiteTarget::Interface(self.index, source);
            let _ = self.netlink.site_route(at(prefix), target, false);
        }
    }

    /// Lays all of it over whatever stands there.
    fn lay(&mut self) -> Result<(), String> {
        self.laid = false;
        self.look_at_filters()?;
        self.listen();
        // The filter first: from the first route on packets are this node's.
        self.filter()?;
        for prefix in self.ground.prefixes.clone() {
            let made = self
                .netlink
                .site_route(at(prefix), SiteTarget::Blackhole, true);
            made.map_err(text)?;
        }
        self.sources.clear();
        self.lead_in()?;
        for v6 in [false, true] {
            let of = |prefixes: &[Prefix]| -> Vec<(IpAddr, u8)> {
                let own = prefixes.iter().filter(|it| it.is_v4() != v6);
                own.copied().map(at).collect()
            };
            let (prefixes, behind) = (of(&self.ground.led_in()), of(&self.ground.behind));
            if prefixes.is_empty() {
                self.netlink.remove_site(v6);
            } else {
                let port = self.ground.port;
                self.netlink
                    .set_site_rules(v6, &behind, port)
                    .map_err(text)?;
                self.netlink.keep_site_routes(v6, &prefixes).map_err(text)?;
            }
        }
        for there in std::mem::take(&mut self.clear) {
            self.pass_by(there, true);
        }
        self.laid = true;
        Ok(())
    }

    /// Other prefixes are protected now, or lie behind this node; what could not be laid last time is tried again.
    ///
    /// # Errors
    /// What could not be done.
    pub fn change(&mut self, prefixes: &[Prefix], behind: &[Prefix]) -> Result<(), String> {
        let is_same = self.ground.prefixes == prefixes && self.ground.behind == behind;
        if is_same && self.laid {
            return Ok(());
        }
        self.ground.prefixes = prefixes.to_vec();
        self.ground.behind = behind.to_vec();
        self.lay()
    }

    /// Packets to an address go so from now on.
    pub fn route(&mut self, there: IpAddr, route: SiteRoute) {
        let is_clear = route == SiteRoute::Clear;
        if is_clear != self.clear.contains(&there) {
            self.pass_by(there, is_clear);
        }
        match route {
            SiteRoute::Captured => {}
            SiteRoute::Sealed => self.seal(there, true),
            SiteRoute::Clear | SiteRoute::Forgotten => self.seal(there, false),
        }
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

    fn seal(&mut self, there: IpAddr, seals: bool) {
        let changes = match seals {
            true => self.sealed.insert(there),
            false => self.sealed.remove(&there),
        };
        if changes && let Err(error) = self.sets.change(filter::set_of(there), there, seals) {
            tracing::warn!(%error, "the filter of site mode");
        }
    }

    /// Whether this node is closed; also when its own addresses have changed.
    pub fn mode(&mut self, closed: bool) {
        if let Err(error) = self.lead_in() {
            tracing::warn!(error, "the routes of site mode");
        }
        if std::mem::replace(&mut self.closed, closed) != closed
            && let Err(error) = self.filter()
        {
            tracing::warn!(error, "the filter of site mode");
        }
    }

    /// Listens to what passes while something lies behind this node. Site mode does without if it must.
    fn listen(&mut self) {
        let is_behind = !self.ground.behind.is_empty();
        self.passing.take_if(|it| !is_behind || it.is_over());
        if is_behind && self.passing.is_none() {
            match Passing::start(LOG_GROUP, self.inbox.clone()) {
                Ok(passing) => self.passing = Some(passing),
                Err(error) => tracing::warn!(error, "this node will not report that it relays"),
            }
        }
    }

    /// Takes everything away.
    pub fn end(mut self) {
        self.passing = None;
        for v6 in [false, true] {
            self.netlink.remove_site(v6);
        }
        behind::keep(&self.ground);
        let _ = nft(NOTHING);
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
        // The kernel sends nothing from an address that it still looks for on the link.
        let own = addresses.iter().filter(|it| it.usable);
        let own: Vec<IpAddr> = own.map(|it| it.ip).collect();
        for prefix in self.ground.led_in() {
            let inside = own.iter().copied();
            let inside = inside
                .into_iter()
                .find(|ip| holding(&[prefix], *ip).is_some());
            let source = match inside {
                Some(source) => Some(source),
                None => self.netlink.source_to(prefix.ip()).map_err(text)?,
            };
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

    fn filter(&mut self) -> Result<(), String> {
        let lay = |reports| lay(&ruleset(&self.ground, &self.sealed, (self.closed, reports)));
        match lay(self.passing.is_some()) {
            // A kernel that cannot copy packets can do all the rest.
            Err(error) if self.passing.is_some() => {
                lay(false)?;
                tracing::warn!(error, "this node will not report that it relays");
                self.passing = None;
                Ok(())
            }
            done => done,
        }
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
