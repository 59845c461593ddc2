//! TCP: listening, and connecting through one interface only.
//!
//! A socket belongs to the network namespace that its thread is in when it is made, and stays
//! there when the thread leaves.

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
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
            let mut netlink = crate::netlink::Netlink::open().unwrap();
            netlink.add_veth("here", "also").unwrap();
            connect(address, Some("here"), Duration::from_millis(100)).unwrap_err();
            connect(address, Some("none"), limit).unwrap_err();
        });
    }
}
