//! An interface without `/dev/net/tun`: one end of a veth pair is the interface, the other
//! is read and written raw (`packet(7)`).
//!
//! For the unprivileged namespace on systems where only root may open the TUN device. It
//! is slower than a TUN. No ARP or neighbour discovery runs on it, and the kernel is told
//! to finish checksums and segmentation itself, so that whole, valid packets come out.

use crate::netlink::{Link, Netlink};
use crate::tun::{Device, Framing, TX_QUEUE_LEN, TunError};
use rustix::net::{AddressFamily, Protocol, SocketFlags, SocketType};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

/// Makes the pair `name` and `name` + `x` in the current network namespace; the device is
/// the interface `name`, down and without addresses.
///
/// # Errors
/// Any of [`TunError`].
pub fn create(name: &str) -> Result<Device, TunError> {
    let outer = format!("{name}x");
    if name.is_empty() || outer.len() > crate::netlink::NAME_LEN_MAX || !name.is_ascii() {
        return Err(TunError::BadName(name.to_owned()));
    }
    let failed = |error: crate::netlink::NetlinkError| match error.source.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => TunError::NotPermitted(error.source),
        Some(libc::EEXIST) => TunError::Busy(name.to_owned()),
        _ => TunError::Io(error.source),
    };
    let mut netlink = Netlink::open().map_err(failed)?;
    netlink.add_veth(name, &outer).map_err(failed)?;
    let (inner, outer) = (
        netlink.link(name).map_err(failed)?,
        netlink.link(&outer).map_err(failed)?,
    );
    netlink.set_no_arp(inner.index).map_err(failed)?;
    netlink.set_no_arp(outer.index).map_err(failed)?;
    // Fails where the kernel has no IPv6, and then there is nothing to turn off.
    let _ = netlink.set_no_link_local(outer.index);
    finish_packets_in_kernel(name).map_err(TunError::Io)?;
    netlink.set_mtu(outer.index, OUTER_MTU).map_err(failed)?;
    netlink.set_up(outer.index, true).map_err(failed)?;
    let fd = open_raw(&outer).map_err(TunError::Io)?;

    let mut addresses = [0u8; 12];
    let (to, from) = addresses.split_at_mut(6);
    to.copy_from_slice(&inner.mac.unwrap_or_default());
    from.copy_from_slice(&outer.mac.unwrap_or_default());
    Device::adopt(fd, Framing::Ethernet(addresses), name.to_owned()).map_err(TunError::Io)
}

/// No packet is too long for the outer end.
const OUTER_MTU: u32 = 65_535;
/// What the kernel counts for one waiting full-size packet, in bytes.
const PACKET_COST: usize = 2_304;
/// `PACKET_IGNORE_OUTGOING` of `packet(7)`: what is sent here does not come back.
const PACKET_IGNORE_OUTGOING: libc::c_int = 23;
/// `PACKET_QDISC_BYPASS`: no queue towards the kernel, which would also drop everything
/// for a moment after the interface came up.
const PACKET_QDISC_BYPASS: libc::c_int = 20;

fn open_raw(link: &Link) -> io::Result<OwnedFd> {
    // Bound to no protocol until it is bound to the interface, so that nothing of another
    // interface is in its queue.
    let flags = SocketFlags::CLOEXEC;
    let none: Option<Protocol> = None;
    let fd = rustix::net::socket_with(AddressFamily::PACKET, SocketType::RAW, flags, none)?;
    set_option(&fd, PACKET_IGNORE_OUTGOING, 1)?;
    set_option(&fd, PACKET_QDISC_BYPASS, 1)?;
    // The kernel doubles what is asked for, and gives less where the system allows less
    // (net.core.rmem_max); that still works.
    let queue_len = TX_QUEUE_LEN as usize * PACKET_COST;
    let _ = rustix::net::sockopt::set_socket_recv_buffer_size(&fd, queue_len / 2);
    bind_to_link(&fd, link.index)?;
    Ok(fd)
}

fn set_option(fd: &OwnedFd, option: libc::c_int, value: libc::c_int) -> io::Result<()> {
    let len = libc::socklen_t::try_from(size_of::<libc::c_int>()).unwrap_or(4);
    // SAFETY: the pointer and length describe a live integer.
    let result = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            libc::SOL_PACKET,
            option,
            (&raw const value).cast(),
            len,
        )
    };
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// Binds a packet socket to everything of one interface.
pub(crate) fn bind_to_link(fd: &OwnedFd, index: u32) -> io::Result<()> {
    bind_to_protocol(fd, index, libc::ETH_P_ALL)
}

/// Binds a packet socket to one protocol of one interface (`ETH_P_`…).
pub(crate) fn bind_to_protocol(fd: &OwnedFd, index: u32, protocol: i32) -> io::Result<()> {
    // SAFETY: sockaddr_ll is plain data for which all zeroes are valid.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    address.sll_family = u16::try_from(libc::AF_PACKET).unwrap_or_default();
    address.sll_protocol = u16::try_from(protocol).unwrap_or_default().to_be();
    address.sll_ifindex = i32::try_from(index).unwrap_or_default();
    let len = libc::socklen_t::try_from(size_of::<libc::sockaddr_ll>()).unwrap_or(0);
    // SAFETY: the pointer and length describe a live sockaddr_ll.
    let result = unsafe { libc::bind(fd.as_raw_fd(), (&raw const address).cast(), len) };
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// Turns off every offload that would leave a packet unfinished on the pair.
fn finish_packets_in_kernel(name: &str) -> io::Result<()> {
    const SIOCETHTOOL: libc::c_ulong = 0x8946;
    const ETHTOOL_STXCSUM: u32 = 0x17;
    const ETHTOOL_STSO: u32 = 0x1f;
    const ETHTOOL_SGSO: u32 = 0x24;
    #[repr(C)]
    struct Value {
        command: u32,
        data: u32,
    }
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::DGRAM, None)?;
    for command in [ETHTOOL_STXCSUM, ETHTOOL_STSO, ETHTOOL_SGSO] {
        let mut value = Value { command, data: 0 };
        // SAFETY: ifreq is plain data for which all zeroes are valid.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        for (place, byte) in request.ifr_name.iter_mut().zip(name.bytes()) {
            *place = byte.cast_signed();
        }
        request.ifr_ifru.ifru_data = (&raw mut value).cast();
        // SAFETY: the request points at a live ethtool_value for the whole call.
        let result = unsafe { libc::ioctl(socket.as_raw_fd(), SIOCETHTOOL as _, &raw mut request) };
        if result < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}
