//! What the kernel lists, as values.

use super::message::{Answer, attributes, read_address, read_text, read_u16, read_u32};
use super::{Address, Link, Route};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub(super) fn read_link(answer: &Answer<'_>) -> Option<Link> {
    let has = |flag: i32, flags: u32| flags & flag.cast_unsigned() != 0;
    let flags = read_u32(answer.body, 8)?;
    let mut link = Link {
        index: read_u32(answer.body, 4)?,
        name: String::new(),
        mtu: 0,
        running: has(libc::IFF_UP, flags) && has(libc::IFF_RUNNING, flags),
        loopback: has(libc::IFF_LOOPBACK, flags),
        multicast: has(libc::IFF_MULTICAST, flags),
        tunnel: read_u16(answer.body, 2)? == libc::ARPHRD_NONE,
        mac: None,
    };
    for (kind, value) in attributes(answer.body, 16) {
        match kind {
            libc::IFLA_IFNAME => link.name = read_text(value)?,
            libc::IFLA_MTU => link.mtu = read_u32(value, 0)?,
            libc::IFLA_ADDRESS => link.mac = value.try_into().ok(),
            _ => {}
        }
    }
    Some(link)
}

pub(super) fn read_interface_address(answer: &Answer<'_>) -> Option<Address> {
    const UNUSABLE: u32 = libc::IFA_F_TENTATIVE | libc::IFA_F_DADFAILED | libc::IFA_F_DEPRECATED;
    let (mut local, mut remote) = (None, None);
    let mut flags = u32::from(*answer.body.get(2)?);
    for (kind, value) in attributes(answer.body, 8) {
        match kind {
            libc::IFA_LOCAL => local = read_address(value),
            libc::IFA_ADDRESS => remote = read_address(value),
            libc::IFA_FLAGS => flags = read_u32(value, 0)?,
            _ => {}
        }
    }
    Some(Address {
        link_index: read_u32(answer.body, 4)?,
        ip: local.or(remote)?,
        prefix_len: *answer.body.get(1)?,
        usable: flags & UNUSABLE == 0 && *answer.body.get(3)? == libc::RT_SCOPE_UNIVERSE,
    })
}

pub(super) fn read_route(answer: &Answer<'_>) -> Option<Route> {
    let (prefix_len, kind) = (*answer.body.get(1)?, *answer.body.get(7)?);
    let mut table = u32::from(*answer.body.get(4)?);
    let destination = match i32::from(*answer.body.first()?) {
        libc::AF_INET => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        libc::AF_INET6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        _ => return None,
    };
    let mut route = Route {
        destination,
        prefix_len,
        link_index: 0,
    };
    for (attribute, value) in attributes(answer.body, 12) {
        match (attribute, read_address(value)) {
            (libc::RTA_DST, Some(destination)) => route.destination = destination,
            (libc::RTA_OIF, _) => route.link_index = read_u32(value, 0)?,
            (libc::RTA_TABLE, _) => table = read_u32(value, 0)?,
            _ => {}
        }
    }
    let local = table == u32::from(libc::RT_TABLE_LOCAL) || route.destination.is_multicast();
    (kind == libc::RTN_UNICAST && !local).then_some(route)
}
