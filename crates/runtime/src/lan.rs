//! The LAN thread: beacons in, and this host's addresses as they change.

use crate::counters::Cause;
use crate::shared::{Input, Shared};
use os::multicast::{BEACON_LEN_MAX, Multicast};
use os::netlink::{Monitor, Netlink, NetlinkError};
use os::wait::readable;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsFd;
use std::time::Duration;

/// The groups that beacons are sent to (docs/protocol/session.md, section 7).
pub const GROUPS: (Ipv6Addr, Ipv4Addr) = (
    Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0x4b4d, 1),
    Ipv4Addr::new(239, 255, 75, 77),
);
/// At most this many addresses of the host are told to the node.
pub const ENDPOINTS_MAX: usize = 16;
/// So many beacons are taken before the other descriptors are looked at again.
const BEACONS_AT_ONCE_MAX: usize = 64;
/// Addresses often change several at a time; this long is waited for the rest.
const SETTLE: Duration = Duration::from_millis(200);

/// Receives beacons and news of addresses until the node ends.
pub fn run(shared: &Shared, monitor: &Monitor, port: u16) {
    let mut known = None;
    update(shared, port, &mut known);
    let mut beacon = [0u8; BEACON_LEN_MAX];
    while !shared.is_ending() {
        let mut waiting = vec![shared.stop.as_fd(), monitor.as_fd()];
        waiting.extend(shared.multicast.iter().flat_map(Multicast::descriptors));
        let Ok([stop, network, ..]) = readable(&waiting, None) else {
            return;
        };
        if stop {
            return;
        }
        if network {
            shared.counters.woke(Cause::Network);
            let _ = readable(&[shared.stop.as_fd()], Some(SETTLE));
            if monitor.drain() {
                update(shared, port, &mut known);
            }
        }
        let Some(multicast) = &shared.multicast else {
            continue;
        };
        // A flood must keep neither the end of the node nor news of addresses waiting.
        for _ in 0..BEACONS_AT_ONCE_MAX {
            let Ok((len, from)) = multicast.recv(&mut beacon) else {
                break;
            };
            shared.counters.woke(Cause::Beacon);
            let bytes = beacon.get(..len).unwrap_or_default().to_vec();
            shared.inbox.offer(Input::Beacon { from, bytes });
        }
    }
}

/// Joins new interfaces and tells the node its addresses if they are other than before.
fn update(shared: &Shared, port: u16, known: &mut Option<Vec<SocketAddr>>) {
    match current(shared.multicast.as_ref(), port) {
        Ok(found) if known.as_ref() != Some(&found) => {
            *known = Some(found.clone());
            shared.inbox.send(Input::Endpoints(found));
        }
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "addresses of this host"),
    }
}

/// The addresses of this host now; `multicast` joins the groups on what is new.
///
/// # Errors
/// The kernel does not say.
pub fn current(multicast: Option<&Multicast>, port: u16) -> Result<Vec<SocketAddr>, NetlinkError> {
    let mut netlink = Netlink::open()?;
    let links = netlink.links()?;
    if let Some(multicast) = multicast {
        multicast.join(&links);
    }
    let tunnels: BTreeSet<u32> = links
        .iter()
        .filter(|link| link.tunnel || link.loopback)
        .map(|link| link.index)
        .collect();
    let addresses = netlink.addresses()?.into_iter();
    let usable = addresses.filter(|a| a.usable && !tunnels.contains(&a.link_index));
    Ok(endpoints(usable.map(|address| address.ip), port))
}

/// The addresses that another machine may reach this one by, the most useful first: global
/// IPv6, then IPv4, then private ones of either.
fn endpoints(addresses: impl Iterator<Item = IpAddr>, port: u16) -> Vec<SocketAddr> {
    let rank = |ip: &IpAddr| match ip {
        IpAddr::V6(v6) if v6.is_unique_local() => 3,
        IpAddr::V6(_) => 0,
        IpAddr::V4(v4) if v4.is_private() => 2,
        IpAddr::V4(_) => 1,
    };
    let usable = |ip: &IpAddr| match ip {
        IpAddr::V6(v6) => {
            // fc00::/8 and 200::/7 are overlay addresses, ours or another program's.
            let [first, ..] = v6.octets();
            !(v6.is_loopback() || v6.is_multicast() || v6.is_unicast_link_local())
                && first != 0xfc
                && first & 0xfe != 0x02
        }
        IpAddr::V4(v4) => !(v4.is_loopback() || v4.is_link_local() || v4.is_multicast()),
    };
    let mut found: Vec<IpAddr> = addresses.filter(usable).collect();
    found.sort_by_key(|ip| (rank(ip), *ip));
    found.dedup();
    found
        .into_iter()
        .take(ENDPOINTS_MAX)
        .map(|ip| SocketAddr::new(ip, port))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn useful_addresses_come_first_and_useless_ones_not_at_all() {
        let all = [
            "192.168.1.5",
            "127.0.0.1",
            "fe80::1",
            "fc01::1",
            "201::1",
            "fd00::5",
            "::1",
            "203.0.113.9",
            "169.254.3.3",
            "2001:db8::7",
            "203.0.113.9",
            "ff02::1",
        ];
        let found = endpoints(all.iter().map(|text| text.parse().unwrap()), 7);
        let expected = [
            "[2001:db8::7]:7",
            "203.0.113.9:7",
            "192.168.1.5:7",
            "[fd00::5]:7",
        ];
        assert_eq!(found, expected.map(|text| text.parse().unwrap()));
    }

    #[test]
    fn the_number_of_addresses_is_bounded() {
        let many = (0..100u8).map(|last| IpAddr::V4(Ipv4Addr::new(203, 0, 113, last)));
        assert_eq!(endpoints(many, 1).len(), ENDPOINTS_MAX);
    }
}
