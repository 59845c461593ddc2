//! Standing between a network and a server that is not to be changed (GEA): both ends believe that
//! the other is on their own network.
//!
//! ```text
//!   network 192.0.2.0/24 ── eth0 [ this host: 192.0.2.3 ] lan0 ── server 192.0.2.9/24
//!                            answers ARP for the server      answers ARP for everybody else
//! ```
//!
//! A route to the server, and proxy ARP (RFC 1027) on both interfaces. The interface to the server has
//! no address; it is the only one such that has a carrier. IPv4 only: proxies for neighbour discovery
//! are set address by address. Broadcasts do not pass, so a server with DHCP needs a fixed address.

use std::io;
use std::net::IpAddr;

use crate::netlink::{Link, Netlink, NetlinkError};

/// What was set, and what was there before.
#[derive(Debug, Default)]
pub struct Adapter {
    routes: Vec<(IpAddr, u32)>,
    before: Vec<(String, String)>,
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
}

impl Adapter {
    /// Stands before these servers, as far as they are in networks of this host's own. `own` is the
    /// interface that leads nowhere of these.
    ///
    /// # Errors
    /// It is not clear where a server is, or there is no right to.
    pub fn start(own: &str, servers: &[IpAddr]) -> Result<Self, AdapterError> {
        let mut netlink = Netlink::open()?;
        let (links, addresses) = (netlink.links()?, netlink.addresses()?);
        let mut adapter = Self::default();
        for server in servers.iter().copied().filter(IpAddr::is_ipv4) {
            let holds = |it: &&crate::netlink::Address| same_net(it.ip, server, it.prefix_len);
            let Some(outer) = addresses.iter().find(holds) else {
                continue;
            };
            let bare = |it: &&Link| {
                let named = addresses.iter().filter(|at| at.ip.is_ipv4());
                let has_none = !named.into_iter().any(|at| at.link_index == it.index);
                has_none && it.running && !it.loopback && !it.tunnel && it.name != own
            };
            let inner: Vec<&Link> = links.iter().filter(bare).collect();
            let &[inner] = inner.as_slice() else {
                let found = inner.len();
                return Err(AdapterError::Interface { server, found });
            };
            let outer = links.iter().find(|it| it.index == outer.link_index);
            adapter.stand(&mut netlink, (outer, inner), server)?;
        }
        Ok(adapter)
    }

    fn stand(
        &mut self,
        netlink: &mut Netlink,
        (outer, inner): (Option<&Link>, &Link),
        server: IpAddr,
    ) -> Result<(), AdapterError> {
        // One of an earlier run may be there.
        let _ = netlink.remove_route(server, 32, inner.index);
        netlink.add_route(server, 32, inner.index, None)?;
        self.routes.push((server, inner.index));
        for link in outer.into_iter().chain([inner]) {
            let name = &link.name;
            // The kernel's usual delay of up to 0.8 s is for many proxies of one address.
            self.set(&format!("net/ipv4/neigh/{name}/proxy_delay"), "0")?;
            self.set(&format!("net/ipv4/conf/{name}/proxy_arp"), "1")?;
        }
        self.set("net/ipv4/ip_forward", "1")
    }

    fn set(&mut self, what: &str, value: &str) -> Result<(), AdapterError> {
        let path = format!("/proc/sys/{what}");
        let failed = |source| AdapterError::Setting {
            path: path.clone(),
            source,
        };
        let before = std::fs::read_to_string(&path).map_err(failed)?;
        if before.trim() != value {
            std::fs::write(&path, value).map_err(failed)?;
            self.before.push((path, before));
        }
        Ok(())
    }

    /// Whether it stands before somebody.
    #[must_use]
    pub const fn is_needed(&self) -> bool {
        !self.routes.is_empty()
    }
}

/// Sets everything back.
impl Drop for Adapter {
    fn drop(&mut self) {
        if let Ok(mut netlink) = Netlink::open() {
            for (server, index) in &self.routes {
                let _ = netlink.remove_route(*server, 32, *index);
            }
        }
        for (path, before) in self.before.iter().rev() {
            let _ = std::fs::write(path, before.trim());
        }
    }
}

/// Whether two addresses are in one network, and are not the same.
fn same_net(one: IpAddr, other: IpAddr, prefix_len: u8) -> bool {
    let (IpAddr::V4(a), IpAddr::V4(b)) = (one, other) else {
        return false;
    };
    let differ = u32::from(a) ^ u32::from(b);
    differ != 0 && differ.leading_zeros() >= u32::from(prefix_len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netns::tests::in_new_network;
    use std::time::{Duration, Instant};

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn it_finds_the_interface_to_the_server_and_sets_everything_back() {
        in_new_network(|| {
            let mut netlink = Netlink::open().unwrap();
            for (one, other) in [("eth0", "net"), ("lan0", "server")] {
                netlink.add_veth(one, other).unwrap();
            }
            let up = |netlink: &mut Netlink, names: &[&str]| {
                for name in names {
                    let index = netlink.link(name).unwrap().index;
                    netlink.set_up(index, true).unwrap();
                }
            };
            up(&mut netlink, &["eth0", "net"]);
            let eth0 = netlink.link("eth0").unwrap().index;
            netlink
                .add_address(eth0, ip("192.0.2.3"), 24, false)
                .unwrap();
            let servers = [ip("192.0.2.9"), ip("198.51.100.9")];
            // The network's own other end is without an address here, too.
            let net = netlink.link("net").unwrap().index;
            netlink
                .add_address(net, ip("203.0.113.1"), 24, false)
                .unwrap();
            let found = |it: Result<Adapter, AdapterError>| match it.unwrap_err() {
                AdapterError::Interface { found, .. } => found,
                other => panic!("{other}"),
            };
            assert_eq!(found(Adapter::start("kumi0", &servers)), 0);
            up(&mut netlink, &["lan0", "server"]);
            // The kernel notices a carrier when it comes to it.
            let run = |netlink: &mut Netlink| {
                let mut both = ["lan0", "server"].into_iter();
                both.all(|name| netlink.link(name).unwrap().running)
            };
            let until = Instant::now() + Duration::from_secs(5);
            while !run(&mut netlink) && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(5));
            }
            assert_eq!(found(Adapter::start("kumi0", &servers)), 2);
            let setting =
                || std::fs::read_to_string("/proc/sys/net/ipv4/conf/lan0/proxy_arp").unwrap();
            let adapter = Adapter::start("server", &servers).unwrap();
            assert_eq!((adapter.routes.len(), setting().trim()), (1, "1"));
            drop(adapter);
            assert_eq!(setting().trim(), "0");
            // Elsewhere there is nothing to do.
            assert!(!Adapter::start("kumi0", &servers[1..]).unwrap().is_needed());
        });
    }
}
