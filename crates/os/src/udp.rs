//! The UDP socket of a node: dual stack, batched receive, ECN both ways.
//!
//! One socket carries IPv6 and (mapped) IPv4; addresses are plain IPv4 outside of here. It may be
//! given a second one on the same port, where the kernel queues what does not belong to a session
//! or channel: then a flood of that takes no room from the rest.
//! Packets are sent with "don't fragment", but for those of which the caller says that they may
//! be. The kernel may join datagrams on receipt (GRO);
//! they come out one by one. Sending by `&self` from any thread.

use quinn_udp::{EcnCodepoint, RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use rustix::net::addr::SocketAddrArg;
use rustix::net::{MMsgHdr, SendAncillaryBuffer, SendFlags, SocketAddrAny, sendmmsg};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

/// Reads of the kernel in one call; each may hold up to 64 joined datagrams.
pub const BATCH_LEN: usize = 8;
/// The longest read, in bytes: a datagram cannot be longer, nor can joined ones.
pub const READ_LEN_MAX: usize = 65_536;
/// What is asked for as the kernel's queues, in bytes; it gives what the system allows.
const QUEUE_LEN: usize = 4 * 1024 * 1024;

/// An open socket.
#[derive(Debug)]
pub struct Udp {
    socket: UdpSocket,
    state: UdpSocketState,
    mapped: bool,
}

/// The first byte of datagrams that stay on the first socket: transport and relayed.
const KNOWN_TYPES: [u32; 2] = [4, 5];

/// Sends in one call of the kernel.
pub const SEND_ALL_MAX: usize = 64;

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
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        // Smaller queues than asked for still work.
        let _ = socket.set_recv_buffer_size(QUEUE_LEN);
        let _ = socket.set_send_buffer_size(QUEUE_LEN);
        Ok(Self {
            socket: socket.into(),
            state,
            mapped,
        })
    }

    /// Opens a second socket on the same port. Whatever is neither a transport nor a relayed
    /// datagram comes there from now on. Only this process is meant to share the port, but others
    /// of the same user may, too.
    ///
    /// # Errors
    /// The kernel cannot tell them apart; everything still comes to the first one.
    pub fn for_strangers(&self) -> io::Result<Self> {
        SockRef::from(&self.socket).set_reuse_port(true)?;
        let at = self.socket.local_addr()?;
        let socket = Socket::new(Domain::for_address(at), Type::DGRAM, Some(Protocol::UDP))?;
        if self.mapped {
            socket.set_only_v6(false)?;
        }
        socket.set_reuse_port(true)?;
        socket.bind(&at.into())?;
        attach_by_type(&socket)?;
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        let _ = socket.set_recv_buffer_size(QUEUE_LEN);
        Ok(Self {
            socket: socket.into(),
            state,
            mapped: self.mapped,
        })
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

    /// Reads what has come, up to [`BATCH_LEN`] reads, and gives each datagram with its
    /// source and its ECN bits (0 to 3) to `each`; returns how many there were.
    ///
    /// # Errors
    /// `WouldBlock` when nothing waits.
    pub fn recv(
        &self,
        batch: &mut Batch,
        mut each: impl FnMut(SocketAddr, u8, &mut [u8]),
    ) -> io::Result<usize> {
        let reads = {
            let mut slices = batch
                .buffer
                .chunks_exact_mut(READ_LEN_MAX)
                .map(IoSliceMut::new);
            let mut slices: [IoSliceMut<'_>; BATCH_LEN] =
                std::array::from_fn(|_| slices.next().unwrap_or_else(|| IoSliceMut::new(&mut [])));
            self.state
                .recv(UdpSockRef::from(&self.socket), &mut slices, &mut batch.meta)?
        };
        let mut count = 0;
        let chunks = batch.buffer.chunks_exact_mut(READ_LEN_MAX);
        for (meta, chunk) in batch.meta.iter().take(reads).zip(chunks) {
            let ecn = meta.ecn.map_or(0, |ecn| ecn as u8);
            let joined = chunk.get_mut(..meta.len).unwrap_or_default();
            for datagram in joined.chunks_mut(meta.stride.max(1)) {
                each(unmap(meta.addr), ecn, datagram);
                count += 1;
            }
        }
        Ok(count)
    }

    /// Sends one datagram that routers may fragment (IPv4), for the few that are never sent in
    /// pieces. What other threads send at the same moment may be fragmented as well, which is
    /// no harm.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub fn send_fragmentable(&self, to: SocketAddr, datagram: &[u8]) -> io::Result<()> {
        if to.is_ipv6() {
            return self.send(to, 0, datagram);
        }
        let may = self.set_mtu_discover(libc::IP_PMTUDISC_DONT);
        let sent = self.send(to, 0, datagram);
        if may.is_ok() {
            self.set_mtu_discover(libc::IP_PMTUDISC_PROBE)?;
        }
        sent
    }

    fn set_mtu_discover(&self, how: libc::c_int) -> io::Result<()> {
        // SAFETY: the descriptor is open for the life of `self`, and the option's value is an
        // int that outlives the call, with its length.
        let set = unsafe {
            libc::setsockopt(
                self.socket.as_raw_fd(),
                libc::IPPROTO_IP,
                libc::IP_MTU_DISCOVER,
                (&raw const how).cast(),
                size_of::<libc::c_int>() as libc::socklen_t,
            )
        };
        if set == 0 {
            Ok(())
        } else {
            Err(io::Error::last_os_error())
        }
    }

    /// Sends short datagrams, each to its address and not ECN capable, in as few calls of the
    /// kernel as it takes; returns how many it did not take.
    pub fn send_all<const LEN: usize>(&self, datagrams: &[(SocketAddr, [u8; LEN])]) -> usize {
        let mut refused = 0;
        for datagrams in datagrams.chunks(SEND_ALL_MAX) {
            let to = |(to, _): &(SocketAddr, _)| if self.mapped { map(*to) } else { *to }.as_any();
            let to: Vec<SocketAddrAny> = datagrams.iter().map(to).collect();
            let bytes: Vec<[IoSlice<'_>; 1]> = datagrams
                .iter()
                .map(|(_, bytes)| [IoSlice::new(bytes)])
                .collect();
            let mut controls: Vec<_> = datagrams
                .iter()
                .map(|_| SendAncillaryBuffer::default())
                .collect();
            let each = to.iter().zip(&bytes).zip(&mut controls);
            let mut messages: Vec<MMsgHdr<'_>> = each
                .map(|((to, bytes), control)| MMsgHdr::new_with_addr(to, bytes, control))
                .collect();
            let mut left = messages.as_mut_slice();
            while !left.is_empty() {
                let sent = match sendmmsg(&self.socket, left, SendFlags::empty()) {
                    Ok(count) => count.clamp(1, left.len()),
                    Err(rustix::io::Errno::INTR) => 0,
                    // The first one of them; the next may be taken.
                    Err(_) => {
                        refused += 1;
                        1
                    }
                };
                left = left.get_mut(sent..).unwrap_or_default();
            }
        }
        refused
    }

    /// Sends one datagram with these ECN bits (0 to 3).
    ///
    /// # Errors
    /// Longer than the path's MTU as far as the kernel knows (`EMSGSIZE`, see
    /// [`is_too_long`]), no route, the queue is full (`WouldBlock`), or no such address
    /// family.
    pub fn send(&self, to: SocketAddr, ecn: u8, datagram: &[u8]) -> io::Result<()> {
        let transmit = Transmit {
            destination: if self.mapped { map(to) } else { to },
            ecn: EcnCodepoint::from_bits(ecn),
            contents: datagram,
            segment_size: None,
            src_ip: None,
        };
        self.state
            .try_send(UdpSockRef::from(&self.socket), &transmit)
    }
}

/// Has the kernel sort what comes to the sockets of a port, of which `socket` is one, by its first
/// byte (classic BPF over the UDP payload, see socket(7)): the number of the socket, from 0.
fn attach_by_type(socket: &Socket) -> io::Result<()> {
    let step = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    let load = (libc::BPF_LD | libc::BPF_B | libc::BPF_ABS) as u16;
    let equal = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    let answer = (libc::BPF_RET | libc::BPF_K) as u16;
    let [transport, relayed] = KNOWN_TYPES;
    let mut program = [
        step(load, 0, 0, 0),
        step(equal, 2, 0, transport),
        step(equal, 1, 0, relayed),
        step(answer, 0, 0, 1),
        step(answer, 0, 0, 0),
    ];
    let program = libc::sock_fprog {
        len: program.len() as u16,
        filter: program.as_mut_ptr(),
    };
    // SAFETY: the descriptor is open, the option's value is a program with its length, and both
    // outlive the call, which copies them.
    let set = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_REUSEPORT_CBPF,
            (&raw const program).cast(),
            size_of::<libc::sock_fprog>() as libc::socklen_t,
        )
    };
    if set == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

impl AsFd for Udp {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Whether a send failed because the datagram is longer than the path takes.
pub fn is_too_long(error: &io::Error) -> bool {
    quinn_udp::is_msg_size_err(error)
}

/// The buffers of one receiving thread. Only pages that were used are resident.
#[derive(Debug)]
pub struct Batch {
    buffer: Vec<u8>,
    meta: [RecvMeta; BATCH_LEN],
}

impl Default for Batch {
    fn default() -> Self {
        Self {
            buffer: vec![0; BATCH_LEN * READ_LEN_MAX],
            meta: [RecvMeta::default(); BATCH_LEN],
        }
    }
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
mod tests {
    use super::*;
    use std::time::Duration;

    fn receive_all(
        socket: &Udp,
        batch: &mut Batch,
        count: usize,
    ) -> Vec<(SocketAddr, u8, Vec<u8>)> {
        let mut all = Vec::new();
        while all.len() < count {
            let wait = Some(Duration::from_secs(5));
            assert!(crate::wait::readable(&[socket.as_fd()], wait).unwrap()[0]);
            socket
                .recv(batch, |from, ecn, bytes| {
                    all.push((from, ecn, bytes.to_vec()))
                })
                .unwrap();
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
            b.recv(&mut batch, |_, _, _| ()).unwrap_err().kind(),
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
        let strangers = b.for_strangers().unwrap();
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
    fn many_short_datagrams_go_out_together() {
        let (a, b) = (Udp::bind(0).unwrap(), Udp::bind(0).unwrap());
        let to = |ip: IpAddr, n| {
            let port = if n == 3 { 0 } else { b.port().unwrap() };
            (SocketAddr::new(ip, port), [n; 56])
        };
        let v4: IpAddr = Ipv4Addr::LOCALHOST.into();
        let all: Vec<_> = (0..=99).map(|n| to(v4, n)).collect();
        assert_eq!(a.send_all(&all), 1, "nothing is at port 0");
        let got = receive_all(&b, &mut Batch::default(), 99);
        let numbers = got.iter().map(|(_, _, bytes)| bytes[0]);
        assert!(numbers.eq((0..=99).filter(|n| *n != 3)));
        if a.has_ipv6() {
            assert_eq!(a.send_all(&[to(Ipv6Addr::LOCALHOST.into(), 7)]), 0);
            assert_eq!(receive_all(&b, &mut Batch::default(), 1).len(), 1);
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
