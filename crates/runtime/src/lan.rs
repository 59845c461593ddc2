//! The LAN thread: beacons in, and this host's addresses as they change.

use crate::counters::Cause;
use crate::shared::{Input, Shared};
use os::multicast::{BEACON_LEN_MAX, Multicast};
use os::netlink::{Address, Link, Monitor, Netlink, NetlinkError};
use os::wait::readable;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsFd;
use std::time::Duration;
use wire::Prefix;

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
    let (mut known, mut near, mut links) = (None, None, None);
    update(shared, port, &mut known);
    update_links(shared, &mut links);
    update_near(shared, &mut near);
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
                update_links(shared, &mut links);
                update_near(shared, &mut near);
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

/// Says that an interface has changed, if one has.
fn update_links(shared: &Shared, known: &mut Option<Vec<(u32, bool)>>) {
    let links = Netlink::open().and_then(|mut netlink| netlink.links());
    let Ok(links) = links else {
        return;
    };
    let found: Vec<_> = links.iter().map(|it| (it.index, it.running)).collect();
    if known.replace(found.clone()).is_some_and(|it| it != found) {
        shared.inbox.send(Input::Links);
    }
}

/// Tells the node what is near, if that is other than before.
fn update_near(shared: &Shared, known: &mut Option<Vec<Prefix>>) {
    match near() {
        Ok(found) if known.as_ref() != Some(&found) => {
            *known = Some(found.clone());
            shared.inbox.send(Input::Near(found));
        }
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "routes of this host"),
    }
}

/// The networks that have a route of their own, to elsewhere than an overlay.
fn near() -> Result<Vec<Prefix>, NetlinkError> {
    let mut netlink = Netlink::open()?;
    let overlays = overlays(&netlink.addresses()?);
    let routes = netlink.routes()?.into_iter();
    let near = routes.filter(|it| it.prefix_len > 0 && !overlays.contains(&it.link_index));
    let near = near.filter_map(|it| Prefix::new(it.destination, it.prefix_len).ok());
    // The same network may have several routes.
    let near: BTreeSet<Prefix> = near.collect();
    Ok(near.into_iter().collect())
}

/// Interfaces with an address of an overlay, ours or another program's.
fn overlays(addresses: &[Address]) -> BTreeSet<u32> {
    let of_overlay = addresses.iter().filter(|it| is_overlay(&it.ip));
    of_overlay.map(|it| it.link_index).collect()
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
    Ok(endpoints(&links, &netlink.addresses()?, port))
}

/// The addresses that another machine may reach this one by, the most useful first: global
/// IPv6, then IPv4, then private ones of either, then those of another VPN, which is a way where there
/// is no other. An interface that has an address of the overlay is the overlay, ours or another
/// program's: what would go out there comes back as something to send.
fn endpoints(links: &[Link], addresses: &[Address], port: u16) -> Vec<SocketAddr> {
    let on = |index: u32| links.iter().find(|link| link.index == index);
    let overlays = overlays(addresses);
    let rank = |ip: &IpAddr| match ip {
        IpAddr::V6(v6) if v6.is_unique_local() => 3,
        IpAddr::V6(_) => 0,
        IpAddr::V4(v4) if v4.is_private() => 2,
        IpAddr::V4(_) => 1,
    };
    let usable = |ip: &IpAddr| match ip {
        IpAddr::V6(v6) => !(v6.is_loopback() || v6.is_multicast() || v6.is_unicast_link_local()),
        IpAddr::V4(v4) => !(v4.is_loopback() || v4.is_link_local() || v4.is_multicast()),
    };
    let mut found: Vec<(bool, u8, IpAddr)> = addresses
        .iter()
        .filter(|a| a.usable && usable(&a.ip) && !overlays.contains(&a.link_index))
        .filter_map(|a| {
            let link = on(a.link_index).filter(|link| !link.loopback)?;
            Some((link.tunnel, rank(&a.ip), a.ip))
        })
        .collect();
    found.sort_unstable();
    found.dedup_by_key(|(_, _, ip)| *ip);
    found
        .into_iter()
        .take(ENDPOINTS_MAX)
        .map(|(_, _, ip)| SocketAddr::new(ip, port))
        .collect()
}

/// fc00::/8 and 200::/7.
const fn is_overlay(ip: &IpAddr) -> bool {
    matches!(ip, IpAddr::V6(v6) if matches!(v6.octets(), [0xfc | 0x02 | 0x03, ..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(index: u32, name: &str) -> Link {
        Link {
            index,
            name: name.to_owned(),
            mtu: 1500,
            running: true,
            loopback: name == "lo",
            multicast: true,
            tunnel: name.starts_with("tun"),
            mac: None,
        }
    }

    fn addresses(link_index: u32, ips: &[&str]) -> Vec<Address> {
        let address = |ip: &&str| Address {
            link_index,
            ip: ip.parse().unwrap(),
            prefix_len: 24,
            usable: true,
        };
        ips.iter().map(address).collect()
    }

    fn found(links: &[Link], addresses: &[Address]) -> Vec<String> {
        let found = endpoints(links, addresses, 7);
        found
            .iter()
            .map(|endpoint| endpoint.ip().to_string())
            .collect()
    }

    #[test]
    fn useful_addresses_come_first_and_useless_ones_not_at_all() {
        let all = addresses(
            2,
            &[
                "192.168.1.5",
                "127.0.0.1",
                "fe80::1",
                "fd00::5",
                "::1",
                "203.0.113.9",
                "169.254.3.3",
                "2001:db8::7",
                "203.0.113.9",
                "ff02::1",
            ],
        );
        let lo = addresses(1, &["203.0.113.77"]);
        let links = [link(1, "lo"), link(2, "eth0")];
        let expected = ["2001:db8::7", "203.0.113.9", "192.168.1.5", "fd00::5"];
        assert_eq!(found(&links, &[lo, all].concat()), expected);
    }

    #[test]
    fn another_vpn_comes_last_and_an_overlay_not_at_all() {
        let links = [
            link(2, "eth0"),
            link(3, "tun0"),
            link(4, "tun1"),
            link(5, "tun2"),
        ];
        let all = [
            addresses(3, &["2001:db8:1::1", "10.8.0.2"]),
            addresses(4, &["10.9.0.1", "fc01::1"]),
            addresses(5, &["201::1", "10.9.0.2"]),
            addresses(2, &["192.168.1.5"]),
        ];
        let expected = ["192.168.1.5", "2001:db8:1::1", "10.8.0.2"];
        assert_eq!(found(&links, &all.concat()), expected);
    }

    #[test]
    fn the_number_of_addresses_is_bounded() {
        let many: Vec<String> = (0..100).map(|last| format!("203.0.113.{last}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(
            found(&[link(2, "eth0")], &addresses(2, &many)).len(),
            ENDPOINTS_MAX
        );
    }
}
