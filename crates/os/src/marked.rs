//! Sockets that site mode does not capture: the node's own, and the one by which it sends packets of
//! the host on as they are.

use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use wire::ip::IpView;

use crate::netlink::MARK;

/// Whether sockets of this process get the mark from now on.
static MARKS: AtomicBool = AtomicBool::new(false);

/// Marks every socket that this process opens from now on, if it may (`CAP_NET_ADMIN`).
pub fn mark_sockets() {
    let may = Socket::new(Domain::IPV4, Type::DGRAM, None).and_then(|it| it.set_mark(MARK));
    MARKS.store(may.is_ok(), Ordering::Relaxed);
}

/// Marks a socket, if this process does.
pub(crate) fn mark(socket: &Socket) -> io::Result<()> {
    match MARKS.load(Ordering::Relaxed) {
        true => socket.set_mark(MARK),
        false => Ok(()),
    }
}

/// Sends packets on as they are.
#[derive(Debug)]
pub struct Clear {
    v4: Socket,
    v6: Option<Socket>,
}

impl Clear {
    /// Opens the sockets.
    ///
    /// # Errors
    /// No right to (`CAP_NET_RAW` and `CAP_NET_ADMIN`).
    pub fn open() -> io::Result<Self> {
        let raw = |domain| -> io::Result<Socket> {
            // IPPROTO_RAW: whoever sends writes the whole header.
            let socket = Socket::new(domain, Type::RAW, Some(Protocol::from(libc::IPPROTO_RAW)))?;
            socket.set_mark(MARK)?;
            Ok(socket)
        };
        Ok(Self {
            v4: raw(Domain::IPV4)?,
            v6: raw(Domain::IPV6).ok(),
        })
    }

    /// Sends a packet to where it says.
    ///
    /// # Errors
    /// It is none, or the kernel does not send it.
    pub fn send(&self, packet: &[u8]) -> io::Result<()> {
        let invalid = || io::Error::from(io::ErrorKind::InvalidInput);
        let view = IpView::parse(packet).map_err(|_| invalid())?;
        let to = std::net::SocketAddr::new(view.dst(), 0);
        let socket = match view.dst() {
            IpAddr::V4(_) => &self.v4,
            IpAddr::V6(_) => self.v6.as_ref().ok_or_else(invalid)?,
        };
        socket.send_to(packet, &SockAddr::from(to)).map(drop)
    }
}
