//! Routes to peers one by one: to the prefixes that they announce and this node accepts, and,
//! on machines on which fc00::/8 or 200::/7 leads elsewhere, to their names.
//!
//! A prefix that another interface has already is left to it, and tried again when the node's
//! peers or the machine's addresses change.

use node::{Node, Snapshot};
use os::holder::RoutesInside;
use os::netlink::{Netlink, NetlinkError};
use std::collections::BTreeSet;
use wire::{Now, Prefix};

/// At most this many routes are made, prefixes first; further peers are reached by name only.
pub const PEER_ROUTES_MAX: usize = 4096;

/// Where the interface is.
#[derive(Debug)]
enum Place {
    /// In this network, with this number.
    Here(Netlink, u32),
    /// In the namespace of a holder.
    Inside(RoutesInside),
}

/// The routes of one interface. They vanish with it.
#[derive(Debug)]
pub struct PeerRoutes {
    place: Place,
    /// Whether peers' names get routes, too.
    names: bool,
    made: BTreeSet<Prefix>,
    elsewhere: Vec<(Prefix, String)>,
}

impl PeerRoutes {
    /// No routes yet, to the interface called `name` in this network.
    ///
    /// # Errors
    /// There is no such interface.
    pub fn here(name: &str, names: bool) -> Result<Self, NetlinkError> {
        let mut netlink = Netlink::open()?;
        let link_index = netlink.link(name)?.index;
        Ok(Self::new(Place::Here(netlink, link_index), names))
    }

    /// No routes yet, to the interface in a namespace.
    pub const fn inside(routes: RoutesInside) -> Self {
        Self::new(Place::Inside(routes), false)
    }

    const fn new(place: Place, names: bool) -> Self {
        Self {
            place,
            names,
            made: BTreeSet::new(),
            elsewhere: Vec::new(),
        }
    }

    /// Makes the routes be those to the peers of `node`, which has published `snapshot`.
    pub fn follow(&mut self, node: &Node, snapshot: &Snapshot, now: Now) {
        let mut wanted: BTreeSet<_> = snapshot.peer_prefixes().take(PEER_ROUTES_MAX).collect();
        if self.names {
            let peers = node.peers(now);
            let names = peers.iter().flat_map(|peer| [peer.f, peer.alias]);
            let left = PEER_ROUTES_MAX - wanted.len();
            wanted.extend(names.flatten().map(Prefix::host).take(left));
            // Where programs ask for names.
            wanted.insert(Prefix::host(group::responder::ADDRESS.into()));
        }
        self.set(&wanted);
    }

    /// The prefixes that lead to another interface, and which.
    pub fn elsewhere(&self) -> &[(Prefix, String)] {
        &self.elsewhere
    }

    fn set(&mut self, wanted: &BTreeSet<Prefix>) {
        self.elsewhere.clear();
        let gone: Vec<_> = self.made.difference(wanted).copied().collect();
        for prefix in gone {
            let _ = self.place.change(false, prefix);
            self.made.remove(&prefix);
        }
        let missing: Vec<_> = wanted.difference(&self.made).copied().collect();
        for prefix in missing {
            match self.place.taken(prefix) {
                Some(device) => self.elsewhere.push((prefix, device)),
                None => match self.place.change(true, prefix) {
                    Ok(()) => {
                        self.made.insert(prefix);
                    }
                    Err(error) => tracing::warn!(error, "route to a peer"),
                },
            }
        }
    }
}

impl Place {
    fn change(&mut self, add: bool, prefix: Prefix) -> Result<(), String> {
        let (ip, len) = (prefix.ip(), prefix.prefix_len());
        match self {
            Self::Here(netlink, index) if add => netlink
                .add_route(ip, len, *index, None)
                .map_err(|error| error.to_string()),
            Self::Here(netlink, index) => netlink
                .remove_route(ip, len, *index)
                .map_err(|error| error.to_string()),
            Self::Inside(routes) => routes
                .change(add, ip, len)
                .map_err(|error| error.to_string()),
        }
    }

    /// The other interface that has the prefix; in a namespace there is none.
    fn taken(&mut self, prefix: Prefix) -> Option<String> {
        let Self::Here(netlink, index) = self else {
            return None;
        };
        let same = netlink.same_route(prefix.ip(), prefix.prefix_len(), *index);
        same.ok().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes_of(netlink: &mut Netlink, index: u32) -> BTreeSet<String> {
        let routes = netlink.routes().unwrap().into_iter();
        routes
            .filter(|route| route.link_index == index)
            .map(|route| format!("{}/{}", route.destination, route.prefix_len))
            .collect()
    }

    #[test]
    fn routes_follow_the_peers() {
        let test = std::thread::spawn(|| {
            if let Err(error) = os::netns::unshare_network() {
                eprintln!("skipped: {error}");
                return;
            }
            let device = os::tun::Device::create_tun("kumi%d", true).unwrap();
            let mut netlink = Netlink::open().unwrap();
            let index = netlink.link(device.name()).unwrap().index;
            netlink.set_no_link_local(index).unwrap();
            netlink.set_up(index, true).unwrap();
            let mut routes = PeerRoutes::here(device.name(), true).unwrap();
            for peers in [
                &["fc00::1/128", "10.1.0.0/16"][..],
                &["10.1.0.0/16", "fd00:20::/64", "192.168.20.7/32"],
                &["10.1.0.0/16", "fd00:20::/64", "192.168.20.7/32"],
                &[],
            ] {
                let wanted = peers.iter().map(|text| text.parse().unwrap()).collect();
                routes.set(&wanted);
                let texts = peers.iter().map(ToString::to_string).collect();
                assert_eq!(routes_of(&mut netlink, index), texts);
            }
        });
        test.join().unwrap();
    }

    #[test]
    fn a_prefix_of_the_machines_own_lan_is_left_alone_until_it_is_free() {
        let test = std::thread::spawn(|| {
            if let Err(error) = os::netns::unshare_network() {
                eprintln!("skipped: {error}");
                return;
            }
            let device = os::tun::Device::create_tun("kumi%d", true).unwrap();
            let mut netlink = Netlink::open().unwrap();
            let index = netlink.link(device.name()).unwrap().index;
            netlink.set_up(index, true).unwrap();
            netlink.add_veth("lan0", "lan1").unwrap();
            let lan = netlink.link("lan0").unwrap().index;
            let other = netlink.link("lan1").unwrap().index;
            netlink.set_up(lan, true).unwrap();
            netlink.set_up(other, true).unwrap();
            netlink
                .add_address(lan, "192.168.20.5".parse().unwrap(), 24, false)
                .unwrap();
            let prefix: Prefix = "192.168.20.0/24".parse().unwrap();
            let mut routes = PeerRoutes::here(device.name(), false).unwrap();
            routes.set(&BTreeSet::from([prefix]));
            assert_eq!(routes.elsewhere(), [(prefix, "lan0".to_owned())]);
            let ours = routes_of(&mut netlink, index);
            assert!(!ours.contains("192.168.20.0/24"), "{ours:?}");
            netlink.remove_link(lan).unwrap();
            routes.set(&BTreeSet::from([prefix]));
            assert_eq!(routes.elsewhere(), []);
            assert!(routes_of(&mut netlink, index).contains("192.168.20.0/24"));
        });
        test.join().unwrap();
    }
}
