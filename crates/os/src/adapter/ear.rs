//! Neighbour discovery of one Ethernet interface, read and written raw (`packet(7)`).
//!
//! The kernel hands over only ICMPv6 messages of the types 133 to 136, by a filter of its own machine (RFC 4861;
//! "classic" BPF), and of those only what came in. Every multicast group is heard: a host asks for an
//! address in a group made of its last 24 bits, and it may ask for any.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::net::{AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType};

use crate::netlink::Link;
use crate::packet_pair::bind_to_protocol;

/// Length of an Ethernet header.
pub(super) const ETHERNET_LEN: usize = 14;
const ETHERTYPE_IPV6: [u8; 2] = [0x86, 0xdd];

/// An interface that is listened to.
#[derive(Debug)]
pub(super) struct Ear {
    socket: OwnedFd,
    /// Its Ethernet address.
    pub(super) mac: [u8; 6],
}

impl Ear {
    /// Listens on an interface.
    ///
    /// # Errors
    /// No right to, it is no Ethernet, or there is none any more.
    pub(super) fn open(link: &Link) -> io::Result<Self> {
        let mac = link.mac.ok_or(io::ErrorKind::Unsupported)?;
        // Bound to no protocol until the filter stands, so that nothing else is in its queue.
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let none: Option<Protocol> = None;
        let socket = rustix::net::socket_with(AddressFamily::PACKET, SocketType::RAW, flags, none)?;
        filter(&socket)?;
        hear_all_groups(&socket, link.index)?;
        bind_to_protocol(&socket, link.index, libc::ETH_P_IPV6)?;
        Ok(Self { socket, mac })
    }

    /// Reads one packet, from the IPv6 header on and without what Ethernet puts behind it, and who sent it; `None`:
    /// it was for another machine, and only passed by.
    ///
    /// # Errors
    /// `WouldBlock` when none waits; `ENETDOWN` once when the interface goes down.
    pub(super) fn recv<'a>(&self, frame: &'a mut [u8]) -> io::Result<Option<([u8; 6], &'a [u8])>> {
        let (len, _) = rustix::net::recv(&self.socket, &mut *frame, RecvFlags::empty())?;
        Ok(packet_for(self.mac, frame.get(..len).unwrap_or_default()))
    }

    /// Sends a packet to whoever has `to`.
    ///
    /// # Errors
    /// The interface is down, or it is too long.
    pub(super) fn send(&self, to: [u8; 6], packet: &[u8]) -> io::Result<()> {
        let frame = [&to[..], &self.mac, &ETHERTYPE_IPV6, packet].concat();
        rustix::net::send(&self.socket, &frame, SendFlags::empty())?;
        Ok(())
    }
}

impl AsFd for Ear {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Who sent a frame, and the packet in it, as long as it says that it is, if the frame is for `mac` or for a group.
fn packet_for(mac: [u8; 6], frame: &[u8]) -> Option<([u8; 6], &[u8])> {
    const IPV6_LEN: usize = 40;
    let (header, payload) = frame.split_at_checked(ETHERNET_LEN)?;
    let (to, rest) = header.split_first_chunk::<6>()?;
    let from = rest.first_chunk::<6>()?;
    let is_group = to[0] & 1 == 1;
    let len = u16::from_be_bytes([*payload.get(4)?, *payload.get(5)?]);
    let packet = payload.get(..IPV6_LEN + usize::from(len))?;
    (is_group || *to == mac).then_some((*from, packet))
}

/// The address that a packet for a group goes to (RFC 2464, section 7).
pub(super) fn mac_of_group(group: std::net::Ipv6Addr) -> [u8; 6] {
    let [.., a, b, c, d] = group.octets();
    [0x33, 0x33, a, b, c, d]
}

fn filter(socket: &OwnedFd) -> io::Result<()> {
    const LOAD_BYTE: u16 = 0x30;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const JUMP_IF_AT_LEAST: u16 = 0x35;
    const JUMP_IF_GREATER: u16 = 0x25;
    const RETURN: u16 = 0x06;
    let step = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    let program = [
        // The next header, and the type behind the IPv6 header.
        step(LOAD_BYTE, 0, 0, 20),
        step(JUMP_IF_EQUAL, 0, 4, 58),
        step(LOAD_BYTE, 0, 0, 54),
        step(JUMP_IF_AT_LEAST, 0, 2, 133),
        step(JUMP_IF_GREATER, 1, 0, 136),
        step(RETURN, 0, 0, u32::MAX),
        step(RETURN, 0, 0, 0),
    ];
    let all = libc::sock_fprog {
        len: u16::try_from(program.len()).unwrap_or_default(),
        filter: program.as_ptr().cast_mut(),
    };
    // SAFETY: sock_fprog points at a live program, which the kernel copies.
    unsafe { set(socket, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &all) }
}

fn hear_all_groups(socket: &OwnedFd, index: u32) -> io::Result<()> {
    let request = libc::packet_mreq {
        mr_ifindex: i32::try_from(index).unwrap_or_default(),
        mr_type: u16::try_from(libc::PACKET_MR_ALLMULTI).unwrap_or_default(),
        mr_alen: 0,
        mr_address: [0; 8],
    };
    // SAFETY: packet_mreq is what this option takes.
    unsafe {
        set(
            socket,
            libc::SOL_PACKET,
            libc::PACKET_ADD_MEMBERSHIP,
            &request,
        )
    }
}

/// # Safety
/// `value` is of the type that the option takes.
unsafe fn set<T>(fd: &OwnedFd, level: i32, option: i32, value: &T) -> io::Result<()> {
    let len = libc::socklen_t::try_from(size_of::<T>()).unwrap_or(0);
    // SAFETY: the pointer and length describe a live value, of the right type by this function's contract.
    let result = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            level,
            option,
            std::ptr::from_ref(value).cast(),
            len,
        )
    };
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::Netlink;
    use crate::netns::tests::in_new_network;
    use std::time::{Duration, Instant};
    use wire::ip::Discovery;
    use wire::ip::neighbour::{Solicitation, router_solicitation, solicited_node};

    #[test]
    fn padding_is_cut_and_frames_of_others_are_not_read() {
        let mac = [2, 0, 0, 0, 0, 1];
        let packet = router_solicitation();
        let frame = |to: [u8; 6], padding: usize| {
            [
                &to[..],
                &[2; 6],
                &ETHERTYPE_IPV6,
                &packet,
                &vec![0; padding],
            ]
            .concat()
        };
        let group = mac_of_group("ff02::2".parse().unwrap());
        assert_eq!(group, [0x33, 0x33, 0, 0, 0, 2]);
        for to in [mac, group] {
            for padding in [0, 12] {
                let read =
                    packet_for(mac, &frame(to, padding)).map(|(from, it)| (from, it.to_vec()));
                assert_eq!(read, Some(([2; 6], packet.clone())));
            }
        }
        assert_eq!(packet_for(mac, &frame([2, 0, 0, 0, 0, 2], 0)), None);
        for len in 0..ETHERNET_LEN + packet.len() {
            assert_eq!(packet_for(mac, &frame(mac, 0)[..len]), None);
        }
    }

    #[test]
    fn only_neighbour_discovery_is_heard_of_whatever_group() {
        in_new_network(|| {
            let mut netlink = Netlink::open().unwrap();
            netlink.add_veth("one", "two").unwrap();
            let links = ["one", "two"].map(|name| netlink.link(name).unwrap());
            for link in &links {
                // What the kernel would say by itself stays away.
                netlink.set_no_link_local(link.index).unwrap();
                netlink.set_up(link.index, true).unwrap();
            }
            let ears = [0, 1].map(|at| Ear::open(&links[at]).unwrap());
            let target = "2001:db8::77:1234".parse().unwrap();
            let group = mac_of_group(solicited_node(target));
            let asks = Solicitation::probe(target);
            let mut echo = asks.clone();
            echo[40] = 128;
            let mut report = asks.clone();
            report[40] = 143;
            let mut udp = asks.clone();
            udp[6] = 17;
            // Until the kernel has set the interfaces going it drops what is sent, and says nothing.
            let until = Instant::now() + Duration::from_secs(10);
            let is_heard = || {
                for packet in [&echo, &report, &udp, &asks] {
                    ears[0].send(group, packet).unwrap();
                }
                let wait = Some(Duration::from_millis(100));
                crate::wait::readable(&[ears[1].as_fd()], wait).unwrap()[0]
            };
            while !is_heard() {
                assert!(Instant::now() < until, "nothing is heard");
            }
            let mut frame = [0; 1500];
            let mut count = 0;
            while let Ok(read) = ears[1].recv(&mut frame) {
                let (from, heard) = read.unwrap();
                assert_eq!((from, heard), (ears[0].mac, &asks[..]));
                assert!(Discovery::parse(heard).is_ok());
                count += 1;
            }
            assert!(count > 0);
            for ear in &ears {
                let error = ear.recv(&mut frame).unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
            }
        });
    }
}
