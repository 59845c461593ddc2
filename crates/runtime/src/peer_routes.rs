//! Routes to each peer alone, for machines on which fc00::/8 or 200::/7 leads elsewhere.

use node::Node;
use os::netlink::{Netlink, NetlinkError};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};
use wire::Now;

/// At most this many routes are made; further peers are reached by name only.
pub const PEER_ROUTES_MAX: usize = 4096;

/// The routes of one interface. They vanish with it.
#[derive(Debug)]
pub struct PeerRoutes {
    netlink: Netlink,
    link_index: u32,
    made: BTreeSet<Ipv6Addr>,
}

impl PeerRoutes {
    /// No routes yet, to the interface called `name`.
    ///
    /// # Errors
    /// There is no such interface.
    pub fn new(name: &str) -> Result<Self, NetlinkError> {
        let mut netlink = Netlink::open()?;
        let link_index = netlink.link(name)?.index;
        Ok(Self {
            netlink,
            link_index,
            made: BTreeSet::new(),
        })
    }

    /// Makes the routes be those to the peers of `node`.
    pub fn follow(&mut self, node: &Node, now: Now) {
        let peers = node.peers(now);
        let addresses = peers.iter().flat_map(|peer| [peer.f, peer.alias]);
        self.set(
            addresses
                .flatten()
                .map(|address| address.to_ipv6())
                .collect(),
        );
    }

    fn set(&mut self, wanted: BTreeSet<Ipv6Addr>) {
        let wanted: BTreeSet<_> = wanted.into_iter().take(PEER_ROUTES_MAX).collect();
        let gone: Vec<_> = self.made.difference(&wanted).copied().collect();
        for address in gone {
            let _ = self
                .netlink
                .remove_route(IpAddr::V6(address), 128, self.link_index);
            self.made.remove(&address);
        }
        for address in wanted {
            if self.made.contains(&address) {
                continue;
            }
            match self
                .netlink
                .add_route(IpAddr::V6(address), 128, self.link_index, None)
            {
                Ok(()) => {
                    self.made.insert(address);
                }
                Err(error) => tracing::warn!(%error, "route to a peer"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_follow_the_peers() {
        let test = std::thread::spawn(|| {
            if let Err(error) = os::netns::unshare_network() {
                eprintln!("skipped: {error}");
                return;
            }
            let device = os::tun::Device::create_tun("kumi%d").unwrap();
            let mut netlink = Netlink::open().unwrap();
            let index = netlink.link(device.name()).unwrap().index;
            netlink.set_no_link_local(index).unwrap();
            netlink.set_up(index, true).unwrap();
            let mut routes = PeerRoutes::new(device.name()).unwrap();
            let address = |last: u16| Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, last);
            let now = |netlink: &mut Netlink| -> BTreeSet<Ipv6Addr> {
                let routes = netlink.routes_v6().unwrap().into_iter();
                routes
                    .filter(|route| route.prefix_len == 128)
                    .map(|r| r.destination)
                    .collect()
            };
            for peers in [vec![1, 2], vec![2, 3], vec![2, 3], vec![]] {
                let wanted: BTreeSet<_> = peers.into_iter().map(address).collect();
                routes.set(wanted.clone());
                assert_eq!(now(&mut netlink), wanted);
            }
        });
        test.join().unwrap();
    }
}
