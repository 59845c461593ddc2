//! The UDP socket of a node: dual stack, many datagrams in one call, ECN both ways.
//!
//! One socket carries IPv6 and (mapped) IPv4; addresses are plain IPv4 outside of here. It may be
//! given others on the same port: for other threads, and one where the kernel queues what does not
//! belong to a session or channel, so that a flood of that takes no room from the rest.
//! Packets are sent with "don't fragment", but for those of which the caller says that they may
//! be. Sending by `&self` from any thread.
//!
//! | module | what |
//! |---|---|
//! | [`receive`] | many reads in a call, each of datagrams that the kernel joined |
//! | [`send`] | many datagrams in a call, those alike in a message that the kernel cuts |
//! | [`sharing`] | which socket of the port gets what |

mod receive;
mod send;
mod sharing;

pub use receive::{BATCH_LEN, Batch, READ_LEN_MAX, Read};
pub use send::{Full, Outgoing, Sent};
pub(crate) use send::{MESSAGE_LEN_MAX, SEGMENTS_MAX};

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};

/// What is asked for as the kernel's queues, in bytes; it gives what the system allows.
const QUEUE_LEN: usize = 4 * 1024 * 1024;
/// `linux/udp.h`
const UDP_SEGMENT: libc::c_int = 103;
const UDP_GRO: libc::c_int = 104;

/// An open socket.
#[derive(Debug)]
pub struct Udp {
    socket: UdpSocket,
    mapped: bool,
    /// The kernel cuts messages into datagrams, as far as is known.
    may_segment: AtomicBool,
    /// The kernel joins datagrams.
    may_join: bool,
}

impl Udp {
    /// Opens a socket on `port` (0: any free one) of every address of this machine.
    ///
    /// # Errors
    /// The port is taken, or there is neither IPv6 nor IPv4.
    pub fn bind(port: u16) -> io::Result<Self> {
        let v6 = || -> io::Result<Socket> {
            let socket = Socket::new(Domain::IPV6, Type::DGRAM, Some(Protocol::UDP))?;
            socket.set_only_v6(false)?;
            socket.bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)).into())?;
            Ok(socket)
        };
        let v4 = || -> io::Result<Socket> {
            let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
            socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)).into())?;
            Ok(socket)
        };
        let (socket, mapped) = match v6() {
            Ok(socket) => (socket, true),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(error),
            Err(_) => (v4()?, false),
        };
        Self::prepare(socket, mapped)
    }

    /// Opens one more socket on the same port: what comes is shared among them by source, each
    /// source's on one socket. Only this process is meant to share the port, but others of the same
    /// user may, too.
    ///
    /// # Errors
    /// There is no such socket to be had.
    pub fn another(&self) -> io::Result<Self> {
        let another = self.share()?;
        self.prepare_as_this(another)
    }

    /// Opens one more socket on the same port, behind the `others` that there are, this one with
    /// them. Whatever is neither a transport nor a relayed datagram comes there from now on.
    ///
    /// # Errors
    /// The kernel cannot tell them apart; everything still comes to the others.
    pub fn for_strangers(&self, others: usize) -> io::Result<Self> {
        let door = self.share()?;
        sharing::attach(&door, others)?;
        self.prepare_as_this(door)
    }

    fn share(&self) -> io::Result<Socket> {
        SockRef::from(&self.socket).set_reuse_port(true)?;
        let at = self.socket.local_addr()?;
        let socket = Socket::new(Domain::for_address(at), Type::DGRAM, Some(Protocol::UDP))?;
        if self.mapped {
            socket.set_only_v6(false)?;
        }
        socket.set_reuse_port(true)?;
        socket.bind(&at.into())?;
        Ok(socket)
    }

    fn prepare_as_this(&self, socket: Socket) -> io::Result<Self> {
        let mut prepared = Self::prepare(socket, self.mapped)?;
        if self.offloads() == (false, false) {
            prepared.switch_offloads_off();
        }
        Ok(prepared)
    }

    fn prepare(socket: Socket, mapped: bool) -> io::Result<Self> {
        crate::marked::mark(&socket)?;
        // Smaller queues than asked for still work.
        let _ = socket.set_recv_buffer_size(QUEUE_LEN);
        let _ = socket.set_send_buffer_size(QUEUE_LEN);
        let mut udp = Self {
            may_segment: AtomicBool::new(false),
            may_join: false,
            socket: socket.into(),
            mapped,
        };
        // Whoever cannot be told of ECN marks does without.
        let _ = udp.set(libc::IPPROTO_IP, libc::IP_RECVTOS, 1);
        udp.set_mtu_discover(libc::IP_PMTUDISC_PROBE)?;
        if mapped {
            let _ = udp.set(libc::IPPROTO_IPV6, libc::IPV6_RECVTCLASS, 1);
            let probe = libc::IPV6_PMTUDISC_PROBE;
            udp.set(libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, probe)?;
        }
        udp.may_join = udp.set(libc::SOL_UDP, UDP_GRO, 1).is_ok();
        // 0 leaves the socket as it is, where the kernel knows the option.
        let may_segment = udp.set(libc::SOL_UDP, UDP_SEGMENT, 0).is_ok();
        udp.may_segment.store(may_segment, Ordering::Relaxed);
        Ok(udp)
    }

    /// The port that the socket has.
    ///
    /// # Errors
    /// The kernel does not say.
    pub fn port(&self) -> io::Result<u16> {
        Ok(self.socket.local_addr()?.port())
    }

    /// Whether IPv6 can be sent.
    pub fn has_ipv6(&self) -> bool {
        self.mapped
    }

    /// Whether datagrams leave together that the kernel cuts, and come together that it joined.
    pub fn offloads(&self) -> (bool, bool) {
        (self.may_segment.load(Ordering::Relaxed), self.may_join)
    }

    /// Sends and receives one by one from now on.
    pub fn switch_offloads_off(&mut self) {
        self.may_segment.store(false, Ordering::Relaxed);
        self.may_join &= self.set(libc::SOL_UDP, UDP_GRO, 0).is_err();
    }

    /// Sends datagrams that routers may fragment (IPv4), for the few that are never sent in
    /// pieces, in one call where the kernel takes them together. What other threads send at the same
    /// moment may be fragmented as well, which is no harm.
    ///
    /// # Errors
    /// As [`Self::send`], of the first that was not sent.
    pub fn send_fragmentable(&self, to: SocketAddr, datagrams: &[&[u8]]) -> io::Result<()> {
        if to.is_ipv6() {
            return self.send_each(to, datagrams);
        }
        let may = self.set_mtu_discover(libc::IP_PMTUDISC_DONT);
        let sent = self.send_each(to, datagrams);
        if may.is_ok() {
            self.set_mtu_discover(libc::IP_PMTUDISC_PROBE)?;
        }
        sent
    }

    fn set_mtu_discover(&self, how: libc::c_int) -> io::Result<()> {
        self.set(libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, how)
    }

    fn set(&self, level: libc::c_int, option: libc::c_int, value: libc::c_int) -> io::Result<()> {
        // SAFETY: the descriptor is open for the life of `self`, and the option's value is an
        // int that outlives the call, with its length.
        let set = unsafe {
            libc::setsockopt(
                self.socket.as_raw_fd(),
                level,
                option,
                (&raw const value).cast(),
                size_of::<libc::c_int>() as libc::socklen_t,
            )
        };
        if set == 0 {
            Ok(())
        } else {
            Err(io::Error::last_os_error())
        }
    }
}

impl AsFd for Udp {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Whether a send failed because the datagram is longer than the path takes.
pub fn is_too_long(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EMSGSIZE)
}

/// An IPv4 address that came mapped into IPv6, as IPv4.
pub fn unmap(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V6(v6) => match v6.ip().to_ipv4_mapped() {
            Some(v4) => SocketAddr::new(IpAddr::V4(v4), v6.port()),
            None => address,
        },
        SocketAddr::V4(_) => address,
    }
}

fn map(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(v4) => {
            SocketAddr::V6(SocketAddrV6::new(v4.ip().to_ipv6_mapped(), v4.port(), 0, 0))
        }
        SocketAddr::V6(_) => address,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::wait::Wait;
    use std::collections::BTreeMap;
    use std::time::Duration;

    pub(crate) fn receive_all(
        socket: &Udp,
        batch: &mut Batch,
        count: usize,
    ) -> Vec<(SocketAddr, u8, Vec<u8>)> {
        let mut all = Vec::new();
        while all.len() < count {
            let wait = Some(Duration::from_secs(5));
            assert!(crate::wait::readable(&[socket.as_fd()], wait).unwrap()[0]);
            let reads = socket.recv(batch, Wait::ForOne).unwrap();
            for number in 0..reads {
                let read = batch.read(number).unwrap();
                let bytes = batch.buffer();
                let each = read.datagrams().map(|at| bytes[at].to_vec());
                all.extend(each.map(|bytes| (read.from, read.ecn, bytes)));
            }
        }
        all
    }

    #[test]
    fn datagrams_pass_with_source_and_ecn_over_both_families() {
        let (a, b) = (Udp::bind(0).unwrap(), Udp::bind(0).unwrap());
        let mut batch = Batch::default();
        for ip in [
            IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(Ipv6Addr::LOCALHOST),
        ] {
            if ip.is_ipv6() && !a.has_ipv6() {
                continue;
            }
            let to = SocketAddr::new(ip, b.port().unwrap());
            for (ecn, len) in [(0u8, 1usize), (1, 1200), (2, 1452), (3, 9)] {
                a.send(to, ecn, &vec![ecn; len]).unwrap();
                let got = receive_all(&b, &mut batch, 1);
                let from = SocketAddr::new(ip, a.port().unwrap());
                assert_eq!(got, [(from, ecn, vec![ecn; len])]);
            }
        }
        assert_eq!(
            b.recv(&mut batch, Wait::No).unwrap_err().kind(),
            io::ErrorKind::WouldBlock
        );
    }

    #[test]
    fn many_datagrams_come_out_one_by_one_and_in_order() {
        let (a, b) = (Udp::bind(0).unwrap(), Udp::bind(0).unwrap());
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, b.port().unwrap()));
        for number in 0..100u8 {
            a.send(to, 0, &[number; 700]).unwrap();
        }
        let got = receive_all(&b, &mut Batch::default(), 100);
        assert!(
            got.iter()
                .zip(0..)
                .all(|((_, _, bytes), number)| *bytes == vec![number; 700])
        );
    }

    #[test]
    fn a_second_socket_gets_what_no_session_knows() {
        let (a, b) = (Udp::bind(0).unwrap(), Udp::bind(0).unwrap());
        let strangers = b.for_strangers(1).unwrap();
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, b.port().unwrap()));
        for first in 0..=255 {
            a.send(to, 0, &[first; 40]).unwrap();
        }
        let mut batch = Batch::default();
        let known = receive_all(&b, &mut batch, 2);
        assert!(known.iter().map(|(_, _, bytes)| bytes[0]).eq([4, 5]));
        assert_eq!(receive_all(&strangers, &mut batch, 254).len(), 254);
        // Nobody else gets the port by mistake.
        let again = Udp::bind(b.port().unwrap());
        assert_eq!(again.unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn each_source_keeps_to_one_of_the_sockets() {
        const SOURCES: usize = 32;
        let a = Udp::bind(0).unwrap();
        let lanes = [a.another().unwrap(), a.another().unwrap()];
        let door = a.for_strangers(3).unwrap();
        let lanes: Vec<&Udp> = std::iter::once(&a).chain(&lanes).collect();
        let port = a.port().unwrap();
        let mut batch = Batch::default();
        for ip in [IpAddr::V4(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()] {
            if ip.is_ipv6() && !a.has_ipv6() {
                continue;
            }
            let sources: Vec<Udp> = (0..SOURCES).map(|_| Udp::bind(0).unwrap()).collect();
            for first in [4u8, 5, 1, 4] {
                for source in &sources {
                    source
                        .send(SocketAddr::new(ip, port), 0, &[first; 40])
                        .unwrap();
                }
            }
            let known = lanes.iter().map(|lane| {
                let mut ports: BTreeMap<u16, u32> = BTreeMap::new();
                while let Ok(reads) = lane.recv(&mut batch, Wait::No) {
                    for read in (0..reads).filter_map(|number| batch.read(number)) {
                        let count = read.datagrams().count() as u32;
                        *ports.entry(read.from.port()).or_default() += count;
                    }
                }
                ports
            });
            let known: Vec<_> = known.collect();
            assert!(known.iter().all(|ports| !ports.is_empty()), "{known:?}");
            assert_eq!(known.iter().map(BTreeMap::len).sum::<usize>(), SOURCES);
            assert!(
                known
                    .iter()
                    .flat_map(BTreeMap::values)
                    .all(|count| *count == 3)
            );
            assert_eq!(receive_all(&door, &mut batch, SOURCES).len(), SOURCES);
        }
    }

    #[test]
    fn what_is_too_long_is_said_and_a_port_is_had_once() {
        let a = Udp::bind(0).unwrap();
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, 9));
        assert!(is_too_long(&a.send(to, 0, &vec![0; 65_535]).unwrap_err()));
        let again = Udp::bind(a.port().unwrap());
        assert_eq!(again.unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }
}
