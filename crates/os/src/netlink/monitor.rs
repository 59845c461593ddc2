//! News that links or addresses have changed, without polling.

use super::{NetlinkError, open_socket};
use rustix::net::{RecvFlags, SocketFlags, netlink::SocketAddrNetlink};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// A descriptor that is readable after a link or an address of this network namespace has
/// changed. What has changed is read with [`super::Netlink`]: news may be merged or lost,
/// the state is not.
#[derive(Debug)]
pub struct Monitor(OwnedFd);

impl Monitor {
    /// Starts listening in the current network namespace.
    ///
    /// # Errors
    /// The kernel has no netlink for this process.
    pub fn open() -> Result<Self, NetlinkError> {
        const GROUPS: i32 = libc::RTMGRP_LINK | libc::RTMGRP_IPV4_IFADDR | libc::RTMGRP_IPV6_IFADDR;
        let failed = |source| NetlinkError {
            what: "listening for address changes".to_owned(),
            source,
        };
        let socket = open_socket(SocketFlags::CLOEXEC | SocketFlags::NONBLOCK).map_err(failed)?;
        rustix::net::bind(&socket, &SocketAddrNetlink::new(0, GROUPS.cast_unsigned()))
            .map_err(|error| failed(error.into()))?;
        Ok(Self(socket))
    }

    /// Reads all news that have come; true if there were any.
    pub fn drain(&self) -> bool {
        let mut any = false;
        let mut buffer = [0u8; 4096];
        loop {
            match rustix::net::recv(&self.0, &mut buffer[..], RecvFlags::empty()) {
                // A full queue (NOBUFS) means that news were lost, which is news.
                Ok(_) | Err(rustix::io::Errno::NOBUFS) => any = true,
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return any,
            }
        }
    }
}

impl AsFd for Monitor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
