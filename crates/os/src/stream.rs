//! TCP for datagrams: a dual-stack listener and connections that never block.
//!
//! A connection is set up so that little waits in the kernel and a dead peer is noticed:
//! nothing is held back to fill a segment (`TCP_NODELAY`), it takes more to write only while
//! less than [`UNSENT_LEN`] bytes of it are unsent (`TCP_NOTSENT_LOWAT`), what is sent and not
//! acknowledged for [`UNANSWERED_LIMIT`] ends it (`TCP_USER_TIMEOUT`), and an idle one is asked
//! by the kernel for a sign of life (keepalive), which wakes no thread.
//!
//! Addresses are plain IPv4 outside of here.

use crate::udp::unmap;
use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};
use std::io::{self, IoSlice};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

/// The kernel takes more to write while less than this is unsent, in bytes. One write may go
/// beyond it by what it joins into one super-segment (at most 64 KiB). This is 20 ms at
/// 6 Mbit/s; much less would keep a fast path waiting for the thread.
pub const UNSENT_LEN: u32 = 16 * 1024;
/// What the other end does not acknowledge for so long ends the connection.
pub const UNANSWERED_LIMIT: Duration = Duration::from_secs(10);
/// An idle connection is asked for a sign of life after this.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(30);
/// And again after each of these, until [`UNANSWERED_LIMIT`] has passed.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
/// Most parts of one write: `IOV_MAX`.
pub const PARTS_MAX: usize = 1024;
/// TCP payload of a segment on a path of unknown MTU: with it a packet has 576 bytes over
/// IPv4, which every path carries.
const SMALL_SEGMENT_LEN: u32 = 536;
/// Connections that the kernel accepts ahead of the thread.
const BACKLOG: i32 = 128;

/// A listening socket.
#[derive(Debug)]
pub struct Listener(Socket);

impl Listener {
    /// Listens on `port` (0: any free one) of every address of this machine.
    ///
    /// # Errors
    /// The port is taken, or there is neither IPv6 nor IPv4.
    pub fn bind(port: u16) -> io::Result<Self> {
        let v6 = || -> io::Result<Socket> {
            let socket = tcp(Domain::IPV6)?;
            socket.set_only_v6(false)?;
            // Connections of the run before may linger; this does not share the port.
            socket.set_reuse_address(true)?;
            socket.bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)).into())?;
            Ok(socket)
        };
        let v4 = || -> io::Result<Socket> {
            let socket = tcp(Domain::IPV4)?;
            socket.set_reuse_address(true)?;
            socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)).into())?;
            Ok(socket)
        };
        let socket = match v6() {
            Ok(socket) => socket,
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(error),
            Err(_) => v4()?,
        };
        socket.listen(BACKLOG)?;
        Ok(Self(socket))
    }

    /// The port that the socket has.
    ///
    /// # Errors
    /// The kernel does not say.
    pub fn port(&self) -> io::Result<u16> {
        let address = self.0.local_addr()?.as_socket();
        Ok(address.map_or(0, |address| address.port()))
    }

    /// The next connection that has come, and its other end.
    ///
    /// # Errors
    /// `WouldBlock` when there is none. Others are either of one connection, which is gone
    /// then, or of this process or machine (no descriptors, no memory), which
    /// [`is_exhausted`] tells.
    pub fn accept(&self) -> io::Result<(Stream, SocketAddr)> {
        // Close-on-exec from the start.
        let (socket, from) = self.0.accept()?;
        let from = from.as_socket().ok_or(io::ErrorKind::ConnectionAborted)?;
        socket.set_nonblocking(true)?;
        Ok((Stream::set_up(socket)?, unmap(from)))
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Whether accepting failed for want of something that may come back.
pub fn is_exhausted(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM)
    )
}

/// One connection, or one that is being made.
#[derive(Debug)]
pub struct Stream(Socket);

impl Stream {
    /// Begins to connect. When it becomes writable, [`Stream::connected`] tells how that
    /// ended. With `small_segments`, segments are so small in both directions that they fit
    /// every path, for one on which full ones vanish without a word.
    ///
    /// # Errors
    /// Those that are known at once: no route, no such address family, no descriptors.
    pub fn dial(at: SocketAddr, small_segments: bool) -> io::Result<Self> {
        let stream = Self::set_up(tcp(Domain::for_address(at))?)?;
        if small_segments {
            stream.0.set_tcp_mss(SMALL_SEGMENT_LEN)?;
        }
        match stream.0.connect(&at.into()) {
            Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => Err(error),
            _ => Ok(stream),
        }
    }

    fn set_up(socket: Socket) -> io::Result<Self> {
        let keepalive = TcpKeepalive::new()
            .with_time(KEEPALIVE_AFTER)
            .with_interval(KEEPALIVE_INTERVAL);
        socket.set_tcp_nodelay(true)?;
        socket.set_tcp_notsent_lowat(UNSENT_LEN)?;
        socket.set_tcp_user_timeout(Some(UNANSWERED_LIMIT))?;
        socket.set_tcp_keepalive(&keepalive)?;
        Ok(Self(socket))
    }

    /// Whether the connection was made.
    ///
    /// # Errors
    /// Why not; `NotConnected` while that is not known.
    pub fn connected(&self) -> io::Result<()> {
        match self.0.take_error()? {
            Some(error) => Err(error),
            None => self.0.peer_addr().map(|_| ()),
        }
    }

    /// Reads what has come; 0 bytes at the end.
    ///
    /// # Errors
    /// `WouldBlock` when nothing waits; others mean that the connection is broken.
    pub fn read(&self, bytes: &mut [u8]) -> io::Result<usize> {
        io::Read::read(&mut &self.0, bytes)
    }

    /// Writes as much of `parts` (at most [`PARTS_MAX`]) as the kernel takes now; returns how
    /// many bytes that was.
    ///
    /// # Errors
    /// `WouldBlock` when it takes none; others mean that the connection is broken.
    pub fn write(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.send_vectored_with_flags(parts, libc::MSG_NOSIGNAL)
    }

    /// Ends the connection in both directions; what the kernel has taken is still sent.
    /// It becomes readable, so that whoever waits for it notices.
    pub fn shutdown(&self) {
        // It may have ended already.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn tcp(domain: Domain) -> io::Result<Socket> {
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    crate::marked::mark(&socket)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wait::{readable, writable};
    use std::net::IpAddr;

    const LIMIT: Duration = Duration::from_secs(5);

    fn pair(ip: IpAddr, small_segments: bool) -> (Stream, Stream, SocketAddr) {
        let listener = Listener::bind(0).unwrap();
        let at = SocketAddr::new(ip, listener.port().unwrap());
        let dialled = Stream::dial(at, small_segments).unwrap();
        assert!(writable(&dialled, LIMIT).unwrap());
        dialled.connected().unwrap();
        readable(&[listener.as_fd()], Some(LIMIT)).unwrap();
        let (accepted, from) = listener.accept().unwrap();
        let none = listener.accept().unwrap_err();
        assert_eq!(none.kind(), io::ErrorKind::WouldBlock);
        (dialled, accepted, from)
    }

    #[test]
    fn bytes_pass_over_both_families_and_the_end_is_seen() {
        for ip in [
            IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(Ipv6Addr::LOCALHOST),
        ] {
            let (a, b, from) = pair(ip, false);
            assert_eq!(from.ip(), ip);
            let mut bytes = [0; 16];
            let nothing = b.read(&mut bytes).unwrap_err();
            assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
            let parts = [IoSlice::new(b"ab"), IoSlice::new(b"c")];
            assert_eq!(a.write(&parts).unwrap(), 3);
            readable(&[b.as_fd()], Some(LIMIT)).unwrap();
            assert_eq!(b.read(&mut bytes).unwrap(), 3);
            assert_eq!(&bytes[..3], b"abc");
            a.shutdown();
            readable(&[b.as_fd()], Some(LIMIT)).unwrap();
            assert_eq!(b.read(&mut bytes).unwrap(), 0);
            assert!(a.write(&parts).is_err());
        }
    }

    #[test]
    fn little_waits_unsent_and_segments_are_small_on_request() {
        let (a, b, _) = pair(Ipv4Addr::LOCALHOST.into(), true);
        assert!(a.0.tcp_mss().unwrap() <= SMALL_SEGMENT_LEN);
        for stream in [&a, &b] {
            assert!(stream.0.tcp_nodelay().unwrap() && stream.0.keepalive().unwrap());
            assert_eq!(stream.0.tcp_notsent_lowat().unwrap(), UNSENT_LEN);
            let limit = stream.0.tcp_user_timeout().unwrap();
            assert_eq!(limit, Some(UNANSWERED_LIMIT));
        }
    }

    #[test]
    fn a_port_is_had_once_and_a_closed_one_refuses() {
        let listener = Listener::bind(0).unwrap();
        let port = listener.port().unwrap();
        let again = Listener::bind(port).unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AddrInUse);
        drop(listener);
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let dialled = Stream::dial(at, false).unwrap();
        assert!(writable(&dialled, LIMIT).unwrap());
        let refused = dialled.connected().unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        drop(Listener::bind(port).unwrap());
    }
}
