//! Bringing the overlay's interface up: its addresses, its MTU, its routes; here, when this
//! process may, with [`open_here`], else in a namespace ([`crate::holder`]).
//!
//! Only the interface's own things are touched. A prefix that already leads elsewhere is
//! left alone and reported.

use crate::netlink::{Netlink, NetlinkError};
use crate::netns::NamespaceError;
use crate::tun::{Device, TX_QUEUE_LEN, TunError};
use std::net::{IpAddr, Ipv6Addr};

/// The most addresses or routes that one [`Plan`] carries.
pub const PLAN_LIST_LEN_MAX: usize = 32;

/// What the interface shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Its name; `%d` stands for the first free number.
    pub name: String,
    /// Its MTU in bytes, 1,280 to 65,535.
    pub mtu: u32,
    /// Whether the kernel may pass large frames and leave checksums to this end.
    pub offloads: bool,
    /// Its queues, 1 to [`crate::tun::QUEUES_MAX`]; there may be fewer.
    pub queues: usize,
    /// Its addresses with the length of their prefix. An IPv6 address stands alone; with an
    /// IPv4 address the kernel routes its prefix to the interface.
    pub addresses: Vec<(IpAddr, u8)>,
    /// The prefixes that lead to it.
    pub routes: Vec<(Ipv6Addr, u8)>,
}

/// Why the interface could not be brought up.
#[derive(Debug, thiserror::Error)]
pub enum InterfaceError {
    /// No device.
    #[error(transparent)]
    Tun(#[from] TunError),
    /// A prefix is in use.
    #[error("{prefix}/{prefix_len} already leads to interface {interface}")]
    RouteConflict {
        /// The prefix that this node needs.
        prefix: IpAddr,
        /// Its length in bits.
        prefix_len: u8,
        /// The interface that has it or a part of it.
        interface: String,
    },
    /// IPv6 is turned off in this kernel or namespace.
    #[error("IPv6 is turned off on this system: {0}")]
    NoIpv6(NetlinkError),
    /// Another change was refused.
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
    /// No namespace.
    #[error(transparent)]
    Namespace(#[from] NamespaceError),
    /// The holder process failed.
    #[error("the namespace's holder: {0}")]
    Holder(String),
}

/// Makes a TUN interface in this network namespace and configures it; its queues, of which there
/// is one. Needs `CAP_NET_ADMIN`. Everything is gone again when the last of them is dropped.
///
/// # Errors
/// Any of [`InterfaceError`] but `Holder` and `Namespace`.
pub fn open_here(plan: &Plan) -> Result<Vec<Device>, InterfaceError> {
    let mut netlink = Netlink::open()?;
    for (prefix, prefix_len) in &plan.routes {
        if let Some((_, interface)) = netlink.conflicting_route(*prefix, *prefix_len, None)? {
            return Err(InterfaceError::RouteConflict {
                prefix: (*prefix).into(),
                prefix_len: *prefix_len,
                interface,
            });
        }
    }
    for (address, prefix_len) in &plan.addresses {
        let prefix = network(*address, *prefix_len);
        if let Some(interface) = netlink.same_route(prefix, *prefix_len, 0)? {
            return Err(InterfaceError::RouteConflict {
                prefix,
                prefix_len: *prefix_len,
                interface,
            });
        }
    }
    let queues = Device::create_queues(&plan.name, plan.offloads, plan.queues)?;
    let name = queues.first().map(Device::name).unwrap_or_default();
    configure(name, plan)?;
    Ok(queues)
}

/// The first address of the prefix that the kernel routes to an interface with this address.
fn network(address: IpAddr, prefix_len: u8) -> IpAddr {
    let IpAddr::V4(v4) = address else {
        return address;
    };
    let behind = 32u32.saturating_sub(prefix_len.into());
    let mask = u32::MAX.checked_shl(behind).unwrap_or(0);
    IpAddr::from((u32::from(v4) & mask).to_be_bytes())
}

/// How many datagrams with a packet in each are one message of the kernel: of `mtu` bytes, or as
/// Ethernet carries.
fn segments_max(mtu: u32) -> u32 {
    /// An Ethernet frame's payload; longer packets fill a frame before there are too many.
    const ETHERNET_LEN: u32 = 1_500;
    let fit = crate::udp::MESSAGE_LEN_MAX as u32 / mtu.min(ETHERNET_LEN);
    fit.clamp(1, crate::udp::SEGMENTS_MAX as u32)
}

/// Gives the interface `name`, which is there and down, what `plan` says, and brings it up.
///
/// # Errors
/// `NoIpv6` or `Netlink`.
pub fn configure(name: &str, plan: &Plan) -> Result<(), InterfaceError> {
    // A system may turn IPv6 off for new interfaces by default; this one is nothing without.
    let _ = std::fs::write(format!("/proc/sys/net/ipv6/conf/{name}/disable_ipv6"), "0");
    let mut netlink = Netlink::open()?;
    let index = netlink.link(name)?.index;
    netlink.set_mtu(index, plan.mtu)?;
    // A shorter queue still works.
    let _ = netlink.set_tx_queue_len(index, TX_QUEUE_LEN);
    // So that the packets of a frame leave in one message; more of them still work.
    let _ = netlink.set_segments_max(index, segments_max(plan.mtu));
    netlink
        .set_no_link_local(index)
        .map_err(InterfaceError::NoIpv6)?;
    for (address, prefix_len) in &plan.addresses {
        let is_v6 = address.is_ipv6();
        let added = netlink.add_address(index, *address, *prefix_len, is_v6);
        if is_v6 {
            added.map_err(InterfaceError::NoIpv6)?;
        } else {
            added?;
        }
    }
    netlink.set_up(index, true)?;
    for (prefix, prefix_len) in &plan.routes {
        netlink.add_route(IpAddr::V6(*prefix), *prefix_len, index, None)?;
    }
    Ok(())
}

/// The kernel setting by which this machine forwards packets from one interface to another.
pub const fn forwarding_sysctl(is_v6: bool) -> &'static str {
    if is_v6 {
        "net.ipv6.conf.all.forwarding"
    } else {
        "net.ipv4.ip_forward"
    }
}

/// Whether this machine forwards. It is only looked at: switching it on is its owner's decision.
pub fn is_forwarding(is_v6: bool) -> bool {
    let path = forwarding_sysctl(is_v6).replace('.', "/");
    let value = std::fs::read_to_string(format!("/proc/sys/{path}"));
    value.is_ok_and(|value| !matches!(value.trim(), "0" | ""))
}

/// Whether an interface drops IPv4 packets whose way back leads through another one (RFC 3704,
/// strict mode).
pub fn filters_strictly(interface: &str) -> bool {
    let of = |name: &str| {
        let path = format!("/proc/sys/net/ipv4/conf/{name}/rp_filter");
        let value = std::fs::read_to_string(path).unwrap_or_default();
        value.trim().parse().unwrap_or(0u8)
    };
    // The kernel takes the larger of the two.
    of("all").max(of(interface)) == 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netns::tests::in_new_network;

    #[test]
    fn forwarding_is_seen() {
        in_new_network(|| {
            for is_v6 in [false, true] {
                let path = forwarding_sysctl(is_v6).replace('.', "/");
                for (value, forwards) in [("1", true), ("0", false)] {
                    std::fs::write(format!("/proc/sys/{path}"), value).unwrap();
                    assert_eq!(is_forwarding(is_v6), forwards, "{path}");
                }
            }
        });
    }

    #[test]
    fn a_prefix_in_use_is_left_alone_and_named() {
        in_new_network(|| {
            let fc = (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 8);
            let mut plan = Plan {
                name: "kumi%d".to_owned(),
                mtu: 1400,
                offloads: true,
                queues: 1,
                addresses: vec![("fc01::1".parse().unwrap(), 128)],
                routes: vec![fc],
            };
            let first = open_here(&plan).unwrap();
            let before = Netlink::open().unwrap().routes().unwrap();
            match open_here(&plan) {
                Err(InterfaceError::RouteConflict {
                    interface,
                    prefix_len: 8,
                    ..
                }) => {
                    assert_eq!(interface, "kumi0");
                }
                other => panic!("{other:?}"),
            }
            assert_eq!(Netlink::open().unwrap().routes().unwrap(), before);
            plan.routes.clear();
            plan.addresses = vec![("fc02::2".parse().unwrap(), 128)];
            assert_eq!(open_here(&plan).unwrap()[0].name(), "kumi1");
            // The prefix of an IPv4 address is a route, too.
            plan.addresses = vec![("10.77.0.1".parse().unwrap(), 24)];
            let third = open_here(&plan).unwrap();
            plan.addresses = vec![("10.77.0.2".parse().unwrap(), 24)];
            match open_here(&plan) {
                Err(InterfaceError::RouteConflict {
                    prefix, interface, ..
                }) => assert_eq!(
                    (prefix.to_string().as_str(), interface.as_str()),
                    ("10.77.0.0", "kumi1")
                ),
                other => panic!("{other:?}"),
            }
            plan.addresses = vec![("10.77.0.2".parse().unwrap(), 32)];
            drop((open_here(&plan).unwrap(), third));
            drop(first);
            assert!(Netlink::open().unwrap().routes().unwrap().is_empty());
        });
    }
}
