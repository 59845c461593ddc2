//! Standing between a network and a server that is not to be changed (GEA): both ends believe that
//! the other is on their own network.
//!
//! ```text
//!   network 192.0.2.0/24 ── eth0 [ this host: 192.0.2.3 ] lan0 ── server 192.0.2.9/24
//!           2001:db8::/64          this host: 2001:db8::3                 2001:db8::9/64
//!                    answers for the server      answers for everybody else
//! ```
//!
//! A route to the server, and answers on both interfaces: to ARP by the kernel (proxy ARP, RFC 1027), to neighbour
//! discovery by a thread ([`neighbours`]). The interface to the server has no address; it is the only one such
//! that has a carrier. Broadcasts do not pass, nor does DHCP, so a server needs a fixed address, or one that it
//! makes itself from what its router says; that is passed on.
//!
//! | what of the kernel | IPv4 | IPv6 |
//! |---|---|---|
//! | forwards | `ip_forward` | `conf/all/forwarding` |
//! | what changes with that, and is kept | `conf/*/forwarding`, `conf/all/accept_redirects` | `conf/*/forwarding` |
//! | takes its own routes from routers still | | `conf/*/accept_ra` 1 becomes 2 |
//! | answers for others | `conf/*/proxy_arp`, `neigh/*/proxy_delay` | |
//! | speaks IPv6 to the server | | `conf/*/disable_ipv6` |
//!
//! All of it is set back at the end; after kill -9 by the next start ([`Adapter::restore`]).

mod ear;
mod kept;
mod neighbours;

use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::path::{Path, PathBuf};

use kept::Kept;
use neighbours::{Neighbours, Sides};

use crate::netlink::{Address, Link, Netlink, NetlinkError, Route};

/// What was set, and what was there before.
#[derive(Debug)]
pub struct Adapter {
    // Ends first: nobody is answered any more when the routes go.
    answering: Vec<Neighbours>,
    /// It stands before more than it answers for.
    answers_stale: bool,
    stands: Vec<Stand>,
    kept: Kept,
}

/// One server, and the interfaces on both sides of this host.
#[derive(Clone, Debug)]
struct Stand {
    server: IpAddr,
    outer: Link,
    inner: Link,
    /// This host's own addresses that the server is in one network with.
    nets: Vec<(IpAddr, u8)>,
}

impl Stand {
    /// Whether it still stands. A card without a carrier keeps its route: nothing has to be done when that comes back.
    fn holds(&self, links: &[Link], routes: &[Route]) -> bool {
        let is_there = |of: &Link| {
            links
                .iter()
                .find(|it| it.index == of.index && it.name == of.name)
        };
        let leads = |it: &Route| it.destination == self.server && it.link_index == self.inner.index;
        match (is_there(&self.outer), is_there(&self.inner)) {
            (Some(_), Some(inner)) => !inner.running || routes.iter().any(leads),
            _ => false,
        }
    }
}

/// Why a host cannot be an adapter.
#[derive(Debug, thiserror::Error)]
pub enum AdapterError {
    /// The kernel refuses.
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
    /// No interface, or more than one, may lead to the server.
    #[error(
        "{server} is in this machine's own network, and {found} interfaces without an address may \
         lead to it; connect it to one, and leave no other up"
    )]
    Interface {
        /// The server.
        server: IpAddr,
        /// How many there are.
        found: usize,
    },
    /// A setting of the kernel cannot be made.
    #[error("{path}: {source}")]
    Setting {
        /// Where.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// Neighbour discovery cannot be answered.
    #[error("neighbour discovery between {outer} and {inner}: {source}")]
    Discovery {
        /// The network's interface.
        outer: String,
        /// The server's.
        inner: String,
        /// Why.
        source: io::Error,
    },
}

impl Adapter {
    /// An adapter before nobody yet. What it changes it notes in this file first.
    #[must_use]
    pub const fn new(notes: Option<PathBuf>) -> Self {
        Self {
            answering: Vec::new(),
            answers_stale: false,
            stands: Vec::new(),
            kept: Kept::new(notes),
        }
    }

    /// Sets back what an adapter changed that was killed.
    pub fn restore(notes: &Path) {
        Kept::restore(notes);
    }

    /// Stands before these servers, too, as far as they are in networks of this host's own and it does not yet, or no
    /// more: a card went down and up, or was plugged in again. `own` is the interface that leads nowhere of these.
    ///
    /// # Errors
    /// It is not clear where a server is, or there is no right to.
    pub fn stand_before(&mut self, own: &str, servers: &[IpAddr]) -> Result<(), AdapterError> {
        let mut netlink = Netlink::open()?;
        let (links, addresses) = (netlink.links()?, netlink.addresses()?);
        let routes = netlink.routes()?;
        let before = self.stands.len();
        self.stands.retain(|stand| stand.holds(&links, &routes));
        self.answers_stale |= self.stands.len() != before;
        for server in servers.iter().copied() {
            if self.stands.iter().any(|it| it.server == server) {
                continue;
            }
            if let Some(stand) = find(&links, &addresses, own, server)? {
                self.stand(&mut netlink, &stand)?;
                self.answers_stale |= server.is_ipv6();
                self.stands.push(stand);
            }
        }
        if self.answers_stale {
            self.answer()?;
            self.answers_stale = false;
        }
        Ok(())
    }

    fn stand(&mut self, netlink: &mut Netlink, stand: &Stand) -> Result<(), AdapterError> {
        let (server, inner) = (stand.server, &stand.inner);
        let len = if server.is_ipv4() { 32 } else { 128 };
        if server.is_ipv6() {
            self.set(&format!("net/ipv6/conf/{}/disable_ipv6", inner.name), "0")?;
        }
        // One of an earlier run may be there.
        let _ = netlink.remove_route(server, len, inner.index);
        let noted = self.kept.keep_route(server, inner.index);
        noted.map_err(|source| AdapterError::Setting {
            path: format!("the route to {server}"),
            source,
        })?;
        netlink.add_route(server, len, inner.index, None)?;
        if server.is_ipv6() {
            return self.forward_v6(&inner.name);
        }
        for link in [&stand.outer, inner] {
            let name = &link.name;
            // The kernel's usual delay of up to 0.8 s is for many proxies of one address.
            self.set(&format!("net/ipv4/neigh/{name}/proxy_delay"), "0")?;
            self.set(&format!("net/ipv4/conf/{name}/proxy_arp"), "1")?;
        }
        self.forward_v4()
    }

    fn forward_v4(&mut self) -> Result<(), AdapterError> {
        let forwards = "net/ipv4/ip_forward";
        if get(forwards)? == "0" {
            // The kernel changes these with it, on its way there and on its way back.
            self.keep_forwarding("ipv4")?;
            self.keep("net/ipv4/conf/all/accept_redirects")?;
        }
        self.set(forwards, "1")
    }

    fn forward_v6(&mut self, inner: &str) -> Result<(), AdapterError> {
        let forwards = "net/ipv6/conf/all/forwarding";
        if get(forwards)? == "0" {
            // A host of which any card begins to forward forgets the routes that routers told it, but for this; so
            // it is set back last. From the server's side it takes none.
            for name in interfaces("ipv6")?.into_iter().filter(|it| it != inner) {
                let accepts = format!("net/ipv6/conf/{name}/accept_ra");
                let is_host = get(&format!("net/ipv6/conf/{name}/forwarding"))? == "0";
                if is_host && get(&accepts)? == "1" {
                    self.set(&accepts, "2")?;
                }
            }
            self.keep_forwarding("ipv6")?;
        }
        self.set(forwards, "1")
    }

    /// Switching forwarding on and off for all changes it for each.
    fn keep_forwarding(&mut self, family: &str) -> Result<(), AdapterError> {
        for name in interfaces(family)? {
            let forwards = format!("net/{family}/conf/{name}/forwarding");
            if get(&forwards)? == "1" {
                self.keep(&forwards)?;
            }
        }
        Ok(())
    }

    /// Answers for all that it stands before, between each pair of interfaces.
    fn answer(&mut self) -> Result<(), AdapterError> {
        self.answering.clear();
        let mut done: Vec<(u32, u32)> = Vec::new();
        for stand in &self.stands {
            let pair = (stand.outer.index, stand.inner.index);
            let IpAddr::V6(_) = stand.server else {
                continue;
            };
            if done.contains(&pair) {
                continue;
            }
            done.push(pair);
            let same = |it: &&Stand| (it.outer.index, it.inner.index) == pair;
            let sides = sides(self.stands.iter().filter(same));
            let started = Neighbours::start(&stand.outer, &stand.inner, sides);
            let started = started.map_err(|source| AdapterError::Discovery {
                outer: stand.outer.name.clone(),
                inner: stand.inner.name.clone(),
                source,
            })?;
            self.answering.push(started);
        }
        Ok(())
    }

    fn set(&mut self, what: &str, value: &str) -> Result<(), AdapterError> {
        self.kept.set(what, value).map_err(|it| failed(what, it))
    }

    fn keep(&mut self, what: &str) -> Result<(), AdapterError> {
        self.kept.keep(what).map_err(|it| failed(what, it))
    }
}

fn get(what: &str) -> Result<String, AdapterError> {
    kept::current(what).map_err(|source| failed(what, source))
}

fn interfaces(family: &str) -> Result<Vec<String>, AdapterError> {
    let failed = |source| failed(&format!("net/{family}/conf"), source);
    kept::interfaces(family).map_err(failed)
}

fn failed(what: &str, source: io::Error) -> AdapterError {
    let path = kept::path(what);
    AdapterError::Setting { path, source }
}

/// Where a server is; `None`: in no network of this host's own.
fn find(
    links: &[Link],
    addresses: &[Address],
    own: &str,
    server: IpAddr,
) -> Result<Option<Stand>, AdapterError> {
    let near = addresses
        .iter()
        .filter(|it| same_net(it.ip, server, it.prefix_len));
    let near: Vec<&Address> = near.collect();
    let outer = near.first().map(|at| at.link_index);
    let outer = links.iter().find(|it| Some(it.index) == outer);
    let Some(outer) = outer else {
        return Ok(None);
    };
    let named = |it: &Link| {
        let mut named = addresses.iter().filter(|at| !is_link_local(at.ip));
        named.any(|at| at.link_index == it.index)
    };
    let bare =
        |it: &&Link| !named(it) && it.running && !it.loopback && !it.tunnel && it.name != own;
    let inner: Vec<&Link> = links.iter().filter(bare).collect();
    let &[inner] = inner.as_slice() else {
        let found = inner.len();
        return Err(AdapterError::Interface { server, found });
    };
    let nets = near.iter().filter(|it| it.link_index == outer.index);
    Ok(Some(Stand {
        server,
        outer: outer.clone(),
        inner: inner.clone(),
        nets: nets.map(|it| (it.ip, it.prefix_len)).collect(),
    }))
}

fn sides<'a>(stands: impl Iterator<Item = &'a Stand>) -> Sides {
    let mut sides = Sides {
        servers: Vec::new(),
        prefixes: Vec::new(),
    };
    for stand in stands {
        sides.servers.extend(v6(stand.server));
        let nets = stand.nets.iter();
        let nets = nets.filter_map(|(ip, len)| Some((v6(*ip)?, *len)));
        sides.prefixes.extend(nets);
    }
    sides
}

const fn v6(ip: IpAddr) -> Option<Ipv6Addr> {
    match ip {
        IpAddr::V6(ip) => Some(ip),
        IpAddr::V4(_) => None,
    }
}

/// Every interface has such an address by itself.
const fn is_link_local(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local())
}

/// Whether two addresses are in one network, and are not the same. The addresses that each link has by itself are in none.
fn same_net(one: IpAddr, other: IpAddr, prefix_len: u8) -> bool {
    let differ = match (one, other) {
        (IpAddr::V4(a), IpAddr::V4(b)) => u128::from(u32::from(a) ^ u32::from(b)) << 96,
        (IpAddr::V6(a), IpAddr::V6(b)) => u128::from(a) ^ u128::from(b),
        _ => return false,
    };
    let same = differ.leading_zeros() >= u32::from(prefix_len);
    differ != 0 && same && !is_link_local(other)
}

#[cfg(test)]
mod tests;
