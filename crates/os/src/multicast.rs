//! Beacons on the LAN: link-local multicast over IPv6 and IPv4 on every interface that has it.
//!
//! Loopback, tunnels and interfaces that are down take no part. Programs on one machine
//! share the port, and hear each other (and themselves: the receiver knows its own).
//!
//! What does not come from the link is not heard: over IPv4 the socket is bound to the group,
//! so it takes no unicast; over IPv6 (where a link-local group binds to one interface only)
//! the source must be link-local, which no router forwards.

use crate::netlink::Link;
use rustix::net::sockopt;
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, Socket, Type};
use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Mutex, PoisonError};

/// The longest beacon, in bytes.
pub const BEACON_LEN_MAX: usize = 1200;
/// Beacons go out on at most this many interfaces.
pub const LINKS_MAX: usize = 32;

/// The two sockets. Either may be missing, if the system lacks the address family.
#[derive(Debug)]
pub struct Multicast {
    v6: Option<UdpSocket>,
    v4: Option<UdpSocket>,
    group_v6: Ipv6Addr,
    group_v4: Ipv4Addr,
    port: u16,
    // Also serialises IP_MULTICAST_IF + send.
    joined: Mutex<Joined>,
}

/// Numbers of interfaces.
#[derive(Debug, Default)]
struct Joined {
    taking_part: BTreeSet<u32>,
    v6: BTreeSet<u32>,
    v4: BTreeSet<u32>,
}

impl Multicast {
    /// Opens both sockets on `port`; no interface takes part yet.
    ///
    /// # Errors
    /// Neither family can be had, for instance because another program has the port alone.
    pub fn open(group_v6: Ipv6Addr, group_v4: Ipv4Addr, port: u16) -> io::Result<Self> {
        let (v6, v4) = (open_v6(port), open_v4(group_v4, port));
        if let (Err(error), Err(_)) = (&v6, &v4) {
            return Err(io::Error::new(error.kind(), error.to_string()));
        }
        let joined = Mutex::default();
        Ok(Self {
            v6: v6.ok(),
            v4: v4.ok(),
            group_v6,
            group_v4,
            port,
            joined,
        })
    }

    /// Joins the groups on the interfaces of `links` that can take part and were not joined
    /// yet, and forgets those that are gone; call it again whenever they change.
    pub fn join(&self, links: &[Link]) {
        let suits = |link: &&Link| link.running && link.multicast && !link.loopback && !link.tunnel;
        let now: BTreeSet<u32> = links
            .iter()
            .filter(suits)
            .map(|link| link.index)
            .take(LINKS_MAX)
            .collect();
        let mut joined = self.joined.lock().unwrap_or_else(PoisonError::into_inner);
        // The kernel counts those that are gone, too, until they are left.
        for index in joined.v6.extract_if(.., |index| !now.contains(index)) {
            let left = self.v6.as_ref();
            let _ = left.map(|socket| socket.leave_multicast_v6(&self.group_v6, index));
        }
        for index in joined.v4.extract_if(.., |index| !now.contains(index)) {
            let interface = InterfaceIndexOrAddress::Index(index);
            let left = self.v4.as_ref().map(socket2::SockRef::from);
            let _ = left.map(|socket| socket.leave_multicast_v4_n(&self.group_v4, &interface));
        }
        for index in &now {
            // An interface without an address of a family cannot join that one; it is tried
            // again with the next change.
            let v6 = |socket: &UdpSocket| socket.join_multicast_v6(&self.group_v6, *index);
            if !joined.v6.contains(index) && self.v6.as_ref().is_some_and(|s| is_joined(v6(s))) {
                joined.v6.insert(*index);
            }
            let v4 = |socket: &UdpSocket| {
                let interface = InterfaceIndexOrAddress::Index(*index);
                socket2::SockRef::from(socket).join_multicast_v4_n(&self.group_v4, &interface)
            };
            if !joined.v4.contains(index) && self.v4.as_ref().is_some_and(|s| is_joined(v4(s))) {
                joined.v4.insert(*index);
            }
        }
        joined.taking_part = now;
    }

    /// Sends `beacon` on every interface that takes part; returns on how many it left by
    /// at least one family.
    pub fn send(&self, beacon: &[u8]) -> usize {
        let joined = self.joined.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = |index: &&u32| {
            let v6 = self.v6.as_ref().is_some_and(|socket| {
                let to = SocketAddrV6::new(self.group_v6, self.port, 0, **index);
                socket.send_to(beacon, to).is_ok()
            });
            let v4 = self.v4.as_ref().is_some_and(|socket| {
                let none = Ipv4Addr::UNSPECIFIED;
                sockopt::set_ip_multicast_if_with_ifindex(socket, &none, &none, **index).is_ok()
                    && socket.send_to(beacon, (self.group_v4, self.port)).is_ok()
            });
            v6 || v4
        };
        joined.taking_part.iter().filter(sent).count()
    }

    /// Reads one beacon of either family with its source.
    ///
    /// # Errors
    /// `WouldBlock` when none waits.
    pub fn recv(&self, beacon: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        for socket in self.v6.iter().chain(&self.v4) {
            for _ in 0..FOREIGN_MAX {
                match socket.recv_from(beacon) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Ok((_, from)) if !is_on_link(&from) => {}
                    other => return other,
                }
            }
        }
        Err(io::ErrorKind::WouldBlock.into())
    }

    /// The descriptors to wait on.
    pub fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        self.v6.iter().chain(&self.v4).map(AsFd::as_fd).collect()
    }
}

/// So many datagrams from elsewhere are passed over in one call.
const FOREIGN_MAX: usize = 64;

/// Whether the source says that it is on one of this machine's links.
const fn is_on_link(from: &SocketAddr) -> bool {
    match from {
        SocketAddr::V6(from) => from.ip().is_unicast_link_local(),
        // Sent to the group, or the socket would not have it.
        SocketAddr::V4(_) => true,
    }
}

/// Whether a group was joined now, or is joined already (an interface that was down for a
/// while keeps its memberships).
fn is_joined(result: io::Result<()>) -> bool {
    match result {
        Ok(()) => true,
        Err(error) => error.kind() == io::ErrorKind::AddrInUse,
    }
}

fn open_v6(port: u16) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV6, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_only_v6(true)?;
    socket.set_multicast_hops_v6(1)?;
    socket.set_multicast_loop_v6(true)?;
    share_and_bind(socket, (Ipv6Addr::UNSPECIFIED, port).into())
}

fn open_v4(group: Ipv4Addr, port: u16) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_multicast_ttl_v4(1)?;
    socket.set_multicast_loop_v4(true)?;
    // Only groups that this very socket joined, not those of other programs.
    socket.set_multicast_all_v4(false)?;
    share_and_bind(socket, (group, port).into())
}

fn share_and_bind(socket: Socket, address: SocketAddr) -> io::Result<UdpSocket> {
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::Netlink;
    use crate::netns::{current_network, tests::in_new_network};
    use std::sync::mpsc::channel;
    use std::time::Duration;

    const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0x4b4d, 1);
    const GROUP_V4: Ipv4Addr = Ipv4Addr::new(239, 255, 75, 77);

    fn open_on(name: &str, address: &str) -> Multicast {
        let mut netlink = Netlink::open().unwrap();
        let index = netlink.link(name).unwrap().index;
        std::fs::write(format!("/proc/sys/net/ipv6/conf/{name}/accept_dad"), "0").unwrap();
        netlink
            .add_address(index, address.parse().unwrap(), 24, false)
            .unwrap();
        netlink.set_up(index, true).unwrap();
        let deadline = std::time::Instant::now() + Duration::from_secs(5);
        while !netlink.link(name).unwrap().running {
            assert!(
                std::time::Instant::now() < deadline,
                "the other end never came up"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
        let multicast = Multicast::open(GROUP_V6, GROUP_V4, 4650).unwrap();
        multicast.join(&netlink.links().unwrap());
        multicast
    }

    fn hear(multicast: &Multicast, from: impl Fn(&SocketAddr) -> bool) -> Vec<u8> {
        let mut beacon = [0u8; BEACON_LEN_MAX];
        loop {
            let wait = Some(Duration::from_secs(5));
            let ready = crate::wait::readable(&multicast.descriptors(), wait).unwrap();
            assert!(ready.contains(&true), "no beacon");
            while let Ok((len, source)) = multicast.recv(&mut beacon) {
                if from(&source) {
                    return beacon[..len].to_vec();
                }
            }
        }
    }

    #[test]
    fn unicast_from_elsewhere_is_not_heard() {
        in_new_network(|| {
            let mut netlink = Netlink::open().unwrap();
            let index = netlink.link("lo").unwrap().index;
            let far = "2001:db8::1".parse().unwrap();
            netlink.add_address(index, far, 128, true).unwrap();
            let multicast = Multicast::open(GROUP_V6, GROUP_V4, 4650).unwrap();
            for (from, to) in [
                ("[2001:db8::1]:0", "[2001:db8::1]:4650"),
                ("127.0.0.1:0", "127.0.0.1:4650"),
            ] {
                let socket = UdpSocket::bind(from).unwrap();
                // Refused where nothing listens for unicast at all.
                let _ = socket.send_to(b"KMB1", to);
            }
            let wait = Some(Duration::from_millis(200));
            let _ = crate::wait::readable(&multicast.descriptors(), wait).unwrap();
            let heard = multicast
                .recv(&mut [0; BEACON_LEN_MAX])
                .map_err(|e| e.kind());
            assert_eq!(heard, Err(io::ErrorKind::WouldBlock));
        });
    }

    #[test]
    fn a_beacon_crosses_a_cable_over_both_families() {
        in_new_network(|| {
            let (give, take) = channel();
            let (begin, begun) = channel::<()>();
            let (finish, finished) = channel::<()>();
            let other = std::thread::spawn(move || {
                in_new_network(move || {
                    give.send(current_network().unwrap()).unwrap();
                    begun.recv().unwrap();
                    let there = open_on("right", "192.0.2.2");
                    let scoped = |from: &SocketAddr| matches!(from, SocketAddr::V6(v6) if v6.scope_id() != 0);
                    assert_eq!(hear(&there, scoped), b"KMB1 from the left");
                    let source = "192.0.2.1".parse::<std::net::IpAddr>().unwrap();
                    assert_eq!(
                        hear(&there, |from| from.ip() == source),
                        b"KMB1 from the left"
                    );
                    finish.send(()).unwrap();
                });
            });
            let mut netlink = Netlink::open().unwrap();
            netlink.add_veth("left", "right").unwrap();
            let right = netlink.link("right").unwrap().index;
            netlink
                .move_to_namespace(right, take.recv().unwrap().as_fd())
                .unwrap();
            begin.send(()).unwrap();
            let here = open_on("left", "192.0.2.1");
            // As a node does, it repeats itself: the other end may not listen yet.
            while finished.recv_timeout(Duration::from_millis(50)).is_err() {
                assert_eq!(here.send(b"KMB1 from the left"), 1);
                if other.is_finished() {
                    break;
                }
            }
            other.join().unwrap();
        });
    }

    #[test]
    fn an_interface_that_gets_its_address_later_joins_later() {
        in_new_network(|| {
            let mut netlink = Netlink::open().unwrap();
            netlink.add_veth("left", "right").unwrap();
            for name in ["left", "right"] {
                let index = netlink.link(name).unwrap().index;
                netlink.set_up(index, true).unwrap();
            }
            let multicast = Multicast::open(GROUP_V6, GROUP_V4, 4650).unwrap();
            // Before, and after the addresses; then down and up again, with them.
            for round in 0..3 {
                let index = netlink.link("left").unwrap().index;
                if round == 1 {
                    let address = "192.0.2.1".parse().unwrap();
                    netlink.add_address(index, address, 24, false).unwrap();
                }
                if round == 2 {
                    netlink.set_up(index, false).unwrap();
                    multicast.join(&netlink.links().unwrap());
                    netlink.set_up(index, true).unwrap();
                }
                let deadline = std::time::Instant::now() + Duration::from_secs(5);
                while !netlink.link("left").unwrap().running {
                    assert!(std::time::Instant::now() < deadline);
                    std::thread::sleep(Duration::from_millis(5));
                }
                multicast.join(&netlink.links().unwrap());
                let joined = multicast.joined.lock().unwrap();
                assert!(joined.v4.contains(&index), "round {round}: {joined:?}");
                assert!(joined.v6.contains(&index), "round {round}: {joined:?}");
            }
        });
    }

    #[test]
    fn loopback_and_tunnels_take_no_part() {
        in_new_network(|| {
            let _tun = crate::tun::Device::create_tun("other0", true).unwrap();
            let multicast = Multicast::open(GROUP_V6, GROUP_V4, 4650).unwrap();
            multicast.join(&Netlink::open().unwrap().links().unwrap());
            assert_eq!(multicast.send(b"KMB1"), 0);
            let second = Multicast::open(GROUP_V6, GROUP_V4, 4650);
            assert!(second.is_ok(), "programs share the port");
        });
    }
}
