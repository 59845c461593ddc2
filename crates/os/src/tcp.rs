//! TCP: listening, and connecting through one interface only.
//!
//! A socket belongs to the network namespace that its thread is in when it is made, and stays
//! there when the thread leaves.

use crate::netlink::{Netlink, NetlinkError};
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

/// A connection on which nothing comes is asked after so long whether it is still there.
const KEEPALIVE: Duration = Duration::from_secs(300);
/// Time between two such questions.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(60);

/// Listens at `address`, without waiting in `accept`.
///
/// # Errors
/// It is taken, not one of this host's, or not permitted.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Connects to `address` within `timeout`, with `device` only through that interface.
///
/// # Errors
/// Of `connect(2)`, and `TimedOut`.
pub fn connect(
    address: SocketAddr,
    device: Option<&str>,
    timeout: Duration,
) -> io::Result<TcpStream> {
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    if let Some(device) = device {
        socket.bind_device(Some(device.as_bytes()))?;
    }
    socket.connect_timeout(&address.into(), timeout)?;
    Ok(socket.into())
}

/// Whether the routes of this network lead to `address` through `device`: the source address
/// that the kernel would choose is one of that interface's. Nothing is sent.
///
/// # Errors
/// There is no route at all, or the interface is gone.
pub fn leads_through(address: SocketAddr, device: &str) -> io::Result<bool> {
    let unspecified: IpAddr = match address {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let probe = UdpSocket::bind((unspecified, 0))?;
    probe.connect(address)?;
    let source = probe.local_addr()?.ip();
    let failed = |error: NetlinkError| error.source;
    let mut netlink = Netlink::open().map_err(failed)?;
    let index = netlink.link(device).map_err(failed)?.index;
    let known = netlink.addresses().map_err(failed)?;
    Ok(known
        .iter()
        .any(|known| known.link_index == index && known.ip == source))
}

/// Makes a connection fit for passing on what it brings: small parts go at once, an end that
/// is gone is noticed, and nothing waits.
///
/// # Errors
/// Of `setsockopt(2)`.
pub fn prepare_to_copy(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE)
        .with_interval(KEEPALIVE_INTERVAL);
    SockRef::from(stream).set_tcp_keepalive(&keepalive)?;
    stream.set_nonblocking(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netns::tests::in_new_network;

    #[test]
    fn a_connection_through_one_interface_does_not_take_another() {
        in_new_network(|| {
            let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
            let address = listener.local_addr().unwrap();
            let limit = Duration::from_secs(2);
            connect(address, Some("lo"), limit).unwrap();
            connect(address, None, limit).unwrap();
            let mut netlink = Netlink::open().unwrap();
            netlink.add_veth("here", "also").unwrap();
            connect(address, Some("here"), Duration::from_millis(100)).unwrap_err();
            connect(address, Some("none"), limit).unwrap_err();
            assert!(leads_through(address, "lo").unwrap());
            assert!(!leads_through(address, "here").unwrap());
            leads_through("192.0.2.1:9".parse().unwrap(), "here").unwrap_err();
        });
    }
}
