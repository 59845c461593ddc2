//! Links, addresses and routes over `rtnetlink(7)`, blocking, and news of their changes.
//!
//! A [`Netlink`] belongs to the network namespace in which it was opened. It changes what
//! it is told to change and nothing else: no default route (but the lab's own, in its own
//! namespaces), no rules, no firewall; [`masquerade`] is for such namespaces, too. Its own
//! message code, because the ready-made crates for all of rtnetlink cost minutes of build time
//! for the dozen messages used here.

mod decode;
mod message;
mod monitor;
mod nat;
mod nf;
mod nflog;
mod sets;
mod site;

use decode::{read_interface_address, read_link, read_route};
use message::{Answer, Message, answers, read_u32};
pub use monitor::Monitor;
pub use nat::masquerade;
pub use nflog::{COPY_LEN_MAX, Nflog};
use rustix::net::{AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType};
pub use sets::Sets;
pub use site::{MARK, SiteTarget, TABLE};
use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// The longest interface name, in bytes.
pub const NAME_LEN_MAX: usize = 15;

/// The kernel answers in reads of at most this (it never fills more than 32 KiB).
const READ_LEN: usize = 32 * 1024;

/// A request that the kernel refused.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {source}")]
pub struct NetlinkError {
    /// What was asked for.
    pub what: String,
    /// Why not.
    pub source: io::Error,
}

/// A network interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its number in this namespace.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Its MTU in bytes.
    pub mtu: u32,
    /// Administratively up and with a carrier.
    pub running: bool,
    /// The loopback interface.
    pub loopback: bool,
    /// Can send multicast.
    pub multicast: bool,
    /// Has no link layer at all (a TUN interface, ours or another's).
    pub tunnel: bool,
    /// Its Ethernet address, where it has one.
    pub mac: Option<[u8; 6]>,
}

/// An address of an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The interface.
    pub link_index: u32,
    /// The address.
    pub ip: IpAddr,
    /// The length of its prefix in bits.
    pub prefix_len: u8,
    /// Usable from other machines as far as the kernel knows: not tentative, not a
    /// duplicate, not deprecated, scope global.
    pub usable: bool,
}

/// A route of the kernel that sends packets out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The destination prefix.
    pub destination: IpAddr,
    /// Its length in bits.
    pub prefix_len: u8,
    /// The interface it leads to (0 for none: unreachable and the like).
    pub link_index: u32,
}

/// An open netlink socket.
#[derive(Debug)]
pub struct Netlink {
    socket: OwnedFd,
    sequence: u32,
}

impl Netlink {
    /// Opens a socket in the current network namespace.
    ///
    /// # Errors
    /// The kernel has no netlink for this process.
    pub fn open() -> Result<Self, NetlinkError> {
        let socket = open_socket(SocketFlags::CLOEXEC).map_err(|source| NetlinkError {
            what: "opening netlink".to_owned(),
            source,
        })?;
        Ok(Self {
            socket,
            sequence: 0,
        })
    }

    /// All interfaces, by number.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn links(&mut self) -> Result<Vec<Link>, NetlinkError> {
        let mut links = Vec::new();
        self.dump(
            libc::RTM_GETLINK,
            libc::AF_UNSPEC,
            "listing links",
            |answer| {
                links.extend(read_link(answer));
            },
        )?;
        links.sort_by_key(|link| link.index);
        Ok(links)
    }

    /// The interface called `name`.
    ///
    /// # Errors
    /// There is none, or the kernel refuses.
    pub fn link(&mut self, name: &str) -> Result<Link, NetlinkError> {
        self.links()?
            .into_iter()
            .find(|link| link.name == name)
            .ok_or_else(|| NetlinkError {
                what: format!("interface {name}"),
                source: io::ErrorKind::NotFound.into(),
            })
    }

    /// All addresses, IPv4 and IPv6.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn addresses(&mut self) -> Result<Vec<Address>, NetlinkError> {
        let mut addresses = Vec::new();
        self.dump(
            libc::RTM_GETADDR,
            libc::AF_UNSPEC,
            "listing addresses",
            |answer| {
                addresses.extend(read_interface_address(answer));
            },
        )?;
        Ok(addresses)
    }

    /// The routes, IPv4 and IPv6, that are not this machine's own addresses or multicast.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn routes(&mut self) -> Result<Vec<Route>, NetlinkError> {
        let mut routes = Vec::new();
        for family in [libc::AF_INET, libc::AF_INET6] {
            self.dump(libc::RTM_GETROUTE, family, "listing routes", |answer| {
                routes.extend(read_route(answer));
            })?;
        }
        Ok(routes)
    }

    /// Sets the interface up or down.
    ///
    /// # Errors
    /// No such interface, or no right to.
    pub fn set_up(&mut self, index: u32, up: bool) -> Result<(), NetlinkError> {
        const UP: u32 = libc::IFF_UP as u32;
        let sequence = self.next_sequence();
        let message = Message::new(libc::RTM_NEWLINK, libc::NLM_F_ACK, sequence).link(
            index,
            if up { UP } else { 0 },
            UP,
        );
        self.change(message, || format!("setting link {index} up or down"))
    }

    /// Sets the MTU in bytes.
    ///
    /// # Errors
    /// Out of the interface's range, no such interface, or no right to.
    pub fn set_mtu(&mut self, index: u32, mtu: u32) -> Result<(), NetlinkError> {
        let sequence = self.next_sequence();
        let message = Message::new(libc::RTM_NEWLINK, libc::NLM_F_ACK, sequence)
            .link(index, 0, 0)
            .number(libc::IFLA_MTU, mtu);
        self.change(message, || {
            format!("setting the MTU of link {index} to {mtu}")
        })
    }

    /// Sets how many packets wait at most for the interface's reader.
    ///
    /// # Errors
    /// Longer than the kernel makes queues, no such interface, or no right to.
    pub fn set_tx_queue_len(&mut self, index: u32, packets: u32) -> Result<(), NetlinkError> {
        let sequence = self.next_sequence();
        let message = Message::new(libc::RTM_NEWLINK, libc::NLM_F_ACK, sequence)
            .link(index, 0, 0)
            .number(libc::IFLA_TXQLEN, packets);
        self.change(message, || {
            format!("setting the queue of link {index} to {packets} packets")
        })
    }

    /// Sets how many packets a large frame of the interface makes at most.
    ///
    /// # Errors
    /// The kernel has no such setting, no such interface, or no right to.
    pub fn set_segments_max(&mut self, index: u32, packets: u32) -> Result<(), NetlinkError> {
        const IFLA_GSO_MAX_SEGS: u16 = 40;
        let sequence = self.next_sequence();
        let message = Message::new(libc::RTM_NEWLINK, libc::NLM_F_ACK, sequence)
            .link(index, 0, 0)
            .number(IFLA_GSO_MAX_SEGS, packets);
        self.change(message, || {
            format!("setting the frames of link {index} to {packets} packets")
        })
    }

    /// Stops the kernel from giving the interface a link-local address of its own, and so
    /// from soliciting routers on it. Call it before the interface is up.
    ///
    /// # Errors
    /// No IPv6, no such interface, or no right to.
    pub fn set_no_link_local(&mut self, index: u32) -> Result<(), NetlinkError> {
        const IFLA_INET6_ADDR_GEN_MODE: u16 = 8;
        const MODE_NONE: u8 = 1;
        let sequence = self.next_sequence();
        let family = u16::try_from(libc::AF_INET6).unwrap_or(0);
        let message = Message::new(libc::RTM_SETLINK, libc::NLM_F_ACK, sequence)
            .link(index, 0, 0)
            .nest(libc::IFLA_AF_SPEC, |inside| {
                inside.nest(family, |inet6| {
                    inet6.attribute(IFLA_INET6_ADDR_GEN_MODE, &[MODE_NONE])
                })
            });
        self.change(message, || {
            format!("turning off link-local addresses of link {index}")
        })
    }

    /// Sets flags of the interface that a veth end needs to behave like a TUN: no ARP and
    /// no neighbour discovery on it.
    ///
    /// # Errors
    /// No such interface, or no right to.
    pub fn set_no_arp(&mut self, index: u32) -> Result<(), NetlinkError> {
        const NOARP: u32 = libc::IFF_NOARP as u32;
        let sequence = self.next_sequence();
        let message =
            Message::new(libc::RTM_NEWLINK, libc::NLM_F_ACK, sequence).link(index, NOARP, NOARP);
        self.change(message, || format!("turning off ARP of link {index}"))
    }

    /// Adds an address; duplicate address detection is skipped and no route comes with it
    /// when `alone`. An address that is there already is fine.
    ///
    /// # Errors
    /// No such interface, IPv6 turned off on it, or no right to.
    pub fn add_address(
        &mut self,
        index: u32,
        ip: IpAddr,
        prefix_len: u8,
        alone: bool,
    ) -> Result<(), NetlinkError> {
        let sequence = self.next_sequence();
        let flags = libc::NLM_F_ACK | libc::NLM_F_CREATE | libc::NLM_F_REPLACE;
        let mut header = vec![family(ip), prefix_len, 0, 0];
        header.extend_from_slice(&index.to_ne_bytes());
        let mut address_flags = libc::IFA_F_NODAD;
        if alone {
            address_flags |= libc::IFA_F_NOPREFIXROUTE;
        }
        let message = Message::new(libc::RTM_NEWADDR, flags, sequence)
            .raw(&header)
            .address(libc::IFA_LOCAL, ip)
            .address(libc::IFA_ADDRESS, ip)
            .number(libc::IFA_FLAGS, address_flags);
        self.change(message, || {
            format!("adding address {ip}/{prefix_len} to link {index}")
        })
    }

    /// Adds a route to `destination/prefix_len`: through `gateway` if given, else straight
    /// out of the interface.
    ///
    /// # Errors
    /// The route exists already, the interface is down, or no right to.
    pub fn add_route(
        &mut self,
        destination: IpAddr,
        prefix_len: u8,
        index: u32,
        gateway: Option<IpAddr>,
    ) -> Result<(), NetlinkError> {
        let flags = libc::NLM_F_CREATE | libc::NLM_F_EXCL;
        self.route(
            libc::RTM_NEWROUTE,
            flags,
            (destination, prefix_len),
            index,
            gateway,
        )
    }

    /// Removes a route made by [`Netlink::add_route`] without a gateway.
    ///
    /// # Errors
    /// There is none, or no right to.
    pub fn remove_route(
        &mut self,
        destination: IpAddr,
        prefix_len: u8,
        index: u32,
    ) -> Result<(), NetlinkError> {
        self.route(
            libc::RTM_DELROUTE,
            0,
            (destination, prefix_len),
            index,
            None,
        )
    }

    fn route(
        &mut self,
        kind: u16,
        flags: i32,
        (destination, prefix_len): (IpAddr, u8),
        index: u32,
        gateway: Option<IpAddr>,
    ) -> Result<(), NetlinkError> {
        let sequence = self.next_sequence();
        let scope = if gateway.is_none() && destination.is_ipv4() {
            libc::RT_SCOPE_LINK
        } else {
            libc::RT_SCOPE_UNIVERSE
        };
        let header = [
            family(destination),
            prefix_len,
            0,
            0,
            libc::RT_TABLE_MAIN,
            libc::RTPROT_STATIC,
            scope,
            libc::RTN_UNICAST,
            0,
            0,
            0,
            0,
        ];
        let mut message = Message::new(kind, flags | libc::NLM_F_ACK, sequence)
            .raw(&header)
            .address(libc::RTA_DST, destination)
            .number(libc::RTA_OIF, index);
        if let Some(gateway) = gateway {
            message = message.address(libc::RTA_GATEWAY, gateway);
        }
        self.change(message, || {
            format!("route {destination}/{prefix_len} on link {index}")
        })
    }

    /// Makes a pair of Ethernet interfaces joined like the ends of a cable.
    ///
    /// # Errors
    /// A name is taken or too long, or no right to.
    pub fn add_veth(&mut self, name: &str, peer: &str) -> Result<(), NetlinkError> {
        const IFLA_INFO_KIND: u16 = 1;
        const IFLA_INFO_DATA: u16 = 2;
        const VETH_INFO_PEER: u16 = 1;
        let sequence = self.next_sequence();
        let flags = libc::NLM_F_ACK | libc::NLM_F_CREATE | libc::NLM_F_EXCL;
        let message = Message::new(libc::RTM_NEWLINK, flags, sequence)
            .link(0, 0, 0)
            .text(libc::IFLA_IFNAME, name)
            .nest(libc::IFLA_LINKINFO, |info| {
                info.text(IFLA_INFO_KIND, "veth")
                    .nest(IFLA_INFO_DATA, |data| {
                        data.nest(VETH_INFO_PEER, |end| {
                            end.link(0, 0, 0).text(libc::IFLA_IFNAME, peer)
                        })
                    })
            });
        self.change(message, || format!("making the veth pair {name}, {peer}"))
    }

    /// Moves the interface into the network namespace behind `namespace` (an open
    /// `/proc/PID/ns/net`). It gets a new number there and is down.
    ///
    /// # Errors
    /// The name is taken there, or no right to.
    pub fn move_to_namespace(
        &mut self,
        index: u32,
        namespace: BorrowedFd<'_>,
    ) -> Result<(), NetlinkError> {
        let sequence = self.next_sequence();
        let number = u32::try_from(namespace.as_raw_fd()).unwrap_or(u32::MAX);
        let message = Message::new(libc::RTM_NEWLINK, libc::NLM_F_ACK, sequence)
            .link(index, 0, 0)
            .number(libc::IFLA_NET_NS_FD, number);
        self.change(message, || {
            format!("moving link {index} to another namespace")
        })
    }

    /// Removes the interface.
    ///
    /// # Errors
    /// There is none, it is a physical one, or no right to.
    pub fn remove_link(&mut self, index: u32) -> Result<(), NetlinkError> {
        let sequence = self.next_sequence();
        let message = Message::new(libc::RTM_DELLINK, libc::NLM_F_ACK, sequence).link(index, 0, 0);
        self.change(message, || format!("removing link {index}"))
    }

    /// The first route out of another interface than `own` that overlaps
    /// `destination/prefix_len`, with that interface's name; default routes do not count.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn conflicting_route(
        &mut self,
        destination: Ipv6Addr,
        prefix_len: u8,
        own: Option<u32>,
    ) -> Result<Option<(Route, String)>, NetlinkError> {
        let conflict = self.routes()?.into_iter().find(|route| {
            let overlaps = match route.destination {
                IpAddr::V6(other) => overlap(destination, prefix_len, other, route.prefix_len),
                IpAddr::V4(_) => false,
            };
            let elsewhere = route.link_index != 0 && Some(route.link_index) != own;
            route.prefix_len > 0 && elsewhere && overlaps
        });
        let Some(route) = conflict else {
            return Ok(None);
        };
        let name = self.link_name(route.link_index)?;
        Ok(Some((route, name)))
    }

    /// The name of another interface than `own` that exactly `destination/prefix_len` leads to.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn same_route(
        &mut self,
        destination: IpAddr,
        prefix_len: u8,
        own: u32,
    ) -> Result<Option<String>, NetlinkError> {
        let same = self.routes()?.into_iter().find(|route| {
            let elsewhere = route.link_index != 0 && route.link_index != own;
            elsewhere && (route.destination, route.prefix_len) == (destination, prefix_len)
        });
        same.map(|route| self.link_name(route.link_index))
            .transpose()
    }

    fn link_name(&mut self, index: u32) -> Result<String, NetlinkError> {
        let link = self.links()?.into_iter().find(|link| link.index == index);
        Ok(link.map_or_else(|| "?".to_owned(), |link| link.name))
    }

    fn next_sequence(&mut self) -> u32 {
        self.sequence = self.sequence.wrapping_add(1);
        self.sequence
    }

    /// Asks about one thing; `None`: there is no such thing.
    fn ask<T>(
        &mut self,
        message: Message,
        what: impl Fn() -> String,
        read: impl Fn(&Answer<'_>) -> Option<T>,
    ) -> Result<Option<T>, NetlinkError> {
        let failed = |source| NetlinkError {
            what: what(),
            source,
        };
        send(&self.socket, &message.finish()).map_err(failed)?;
        let mut buffer = vec![0; READ_LEN];
        loop {
            let len = receive(&self.socket, &mut buffer).map_err(failed)?;
            for answer in answers(buffer.get(..len).unwrap_or(&[])) {
                if answer.sequence != self.sequence {
                    continue;
                }
                if i32::from(answer.kind) != libc::NLMSG_ERROR {
                    return Ok(read(&answer));
                }
                return match error_code(&answer) {
                    Err(error) if unreachable(&error) => Ok(None),
                    done => done.map(|()| None).map_err(failed),
                };
            }
        }
    }

    fn change(&mut self, message: Message, what: impl Fn() -> String) -> Result<(), NetlinkError> {
        let failed = |source| NetlinkError {
            what: what(),
            source,
        };
        send(&self.socket, &message.finish()).map_err(failed)?;
        let mut buffer = vec![0; READ_LEN];
        loop {
            let read = receive(&self.socket, &mut buffer).map_err(failed)?;
            for answer in answers(buffer.get(..read).unwrap_or(&[])) {
                if answer.sequence == self.sequence && i32::from(answer.kind) == libc::NLMSG_ERROR {
                    return error_code(&answer).map_err(failed);
                }
            }
        }
    }

    fn dump(
        &mut self,
        kind: u16,
        family: i32,
        what: &str,
        mut each: impl FnMut(&Answer<'_>),
    ) -> Result<(), NetlinkError> {
        let failed = |source| NetlinkError {
            what: what.to_owned(),
            source,
        };
        let sequence = self.next_sequence();
        let mut header = [0u8; 16];
        header[0] = u8::try_from(family).unwrap_or(0);
        let request = Message::new(kind, libc::NLM_F_DUMP, sequence)
            .raw(&header)
            .finish();
        send(&self.socket, &request).map_err(failed)?;
        let mut buffer = vec![0; READ_LEN];
        for _ in 0..u32::MAX {
            let read = receive(&self.socket, &mut buffer).map_err(failed)?;
            for answer in answers(buffer.get(..read).unwrap_or(&[])) {
                if answer.sequence != sequence {
                    continue;
                }
                match i32::from(answer.kind) {
                    libc::NLMSG_DONE => return Ok(()),
                    libc::NLMSG_ERROR => return error_code(&answer).map_err(failed),
                    _ => each(&answer),
                }
            }
        }
        Err(failed(io::ErrorKind::TimedOut.into()))
    }
}

/// The host has no way to there.
fn unreachable(error: &io::Error) -> bool {
    let codes = [libc::ENETUNREACH, libc::EHOSTUNREACH];
    error.raw_os_error().is_some_and(|it| codes.contains(&it))
}

fn open_socket(flags: SocketFlags) -> io::Result<OwnedFd> {
    open_socket_of(None, flags)
}

/// A socket of one of netlink's families; `None` is `rtnetlink(7)`.
fn open_socket_of(family: Option<Protocol>, flags: SocketFlags) -> io::Result<OwnedFd> {
    let kind = (AddressFamily::NETLINK, SocketType::RAW);
    let socket = rustix::net::socket_with(kind.0, kind.1, flags, family)?;
    Ok(socket)
}

fn send(socket: &OwnedFd, request: &[u8]) -> io::Result<()> {
    rustix::net::send(socket, request, SendFlags::empty())?;
    Ok(())
}

fn receive(socket: impl AsFd, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match rustix::net::recv(&socket, &mut *buffer, RecvFlags::empty()) {
            Ok((read, _)) => return Ok(read),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn error_code(answer: &Answer<'_>) -> io::Result<()> {
    match read_u32(answer.body, 0).map(u32::cast_signed) {
        Some(0) => Ok(()),
        Some(code) => Err(io::Error::from_raw_os_error(-code)),
        None => Err(io::ErrorKind::InvalidData.into()),
    }
}

fn family(ip: IpAddr) -> u8 {
    let family = if ip.is_ipv4() {
        libc::AF_INET
    } else {
        libc::AF_INET6
    };
    u8::try_from(family).unwrap_or(0)
}

/// Whether two prefixes have an address in common.
fn overlap(a: Ipv6Addr, a_len: u8, b: Ipv6Addr, b_len: u8) -> bool {
    let differ = u128::from(a) ^ u128::from(b);
    let shorter = u32::from(a_len.min(b_len)).min(128);
    differ.leading_zeros() >= shorter
}

#[cfg(test)]
mod tests;
