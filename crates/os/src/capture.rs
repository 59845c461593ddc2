//! Listening on an interface as an eavesdropper would (`packet(7)`), for the demo and the lab.
//!
//! Needs `CAP_NET_RAW` in the network namespace, which the user of an unprivileged
//! namespace has there. Captures both directions, whole frames.

use crate::netlink::Link;
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// A capture of one interface.
#[derive(Debug)]
pub struct Capture(OwnedFd);

impl Capture {
    /// Starts capturing on `link`.
    ///
    /// # Errors
    /// No right to, or no such interface.
    pub fn open(link: &Link) -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let fd = rustix::net::socket_with(AddressFamily::PACKET, SocketType::RAW, flags, None)?;
        crate::packet_pair::bind_to_link(&fd, link.index)?;
        let _ = rustix::net::sockopt::set_socket_recv_buffer_size(&fd, 4 * 1024 * 1024);
        Ok(Self(fd))
    }

    /// Reads one frame with its link-layer header; a longer one than `frame` is cut off.
    ///
    /// # Errors
    /// `WouldBlock` when none waits; otherwise the interface has gone down.
    pub fn recv(&self, frame: &mut [u8]) -> io::Result<usize> {
        let (len, _) = rustix::net::recv(&self.0, frame, RecvFlags::empty())?;
        Ok(len)
    }
}

impl AsFd for Capture {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::Netlink;
    use crate::netns::tests::in_new_network;
    use std::net::UdpSocket;
    use std::time::Duration;

    #[test]
    fn what_passes_an_interface_is_seen() {
        in_new_network(|| {
            let loopback = Netlink::open().unwrap().link("lo").unwrap();
            let capture = Capture::open(&loopback).unwrap();
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            socket
                .send_to(b"a canary in the clear", socket.local_addr().unwrap())
                .unwrap();
            let wait = Some(Duration::from_secs(5));
            assert!(crate::wait::readable(&[capture.as_fd()], wait).unwrap()[0]);
            let mut frame = [0u8; 2000];
            let len = capture.recv(&mut frame).unwrap();
            assert!(frame[..len].windows(6).any(|bytes| bytes == b"canary"));
        });
    }
}
