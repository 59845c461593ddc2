//! The unprivileged namespace: a small process that holds it, with the interface inside.
//!
//! ```text
//!  daemon (host network)                      holder (own user + network namespace)
//!    start() -- spawns itself with VERB ------> serve()
//!            -- Plan -------------------------> unshares, makes kumi0, lo and kumi0 up
//!            <- descriptors of kumi0's queues, SCM_RIGHTS
//!    owns the socket pair's end                 sleeps in read() until that end closes
//!            -- route of a prefix, or its end -> changes it
//! ```
//!
//! The holder ends when the daemon does, however that ends, because the kernel closes the
//! daemon's end of their socket; no signal and no process id take part. It has no secrets.
//! `kumi run` enters its namespaces by its process id ([`crate::netns::enter`]). Programs
//! that run inside keep the namespace (without the overlay) until they end.

use crate::interface::{InterfaceError, PLAN_LIST_LEN_MAX, Plan, configure};
use crate::netlink::Netlink;
use crate::netns::{NamespaceError, unshare_user_and_network};
use crate::tun::{Device, Framing, QUEUES_MAX, TunError};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, Shutdown, SocketFlags, SocketType,
};
use std::fmt::Display;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::Child;
use std::str::FromStr;

/// The hidden verb with which the program starts itself as a holder; `main` must call
/// [`serve`] when it is the first argument, before any thread starts.
pub const VERB: &str = "__holder";
/// The longest message on the socket, in bytes.
const MESSAGE_LEN_MAX: usize = 4096;

/// A running holder. Dropping it ends the holder process.
#[derive(Debug)]
pub struct Holder {
    pid: u32,
    // The holder ends when this end is shut down, or closed with this process.
    socket: OwnedFd,
    child: Child,
}

impl Holder {
    /// The process whose namespaces have the overlay.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The way to change routes inside. It does not keep the holder.
    ///
    /// # Errors
    /// No descriptor is left.
    pub fn routes(&self) -> io::Result<RoutesInside> {
        Ok(RoutesInside {
            socket: self.socket.try_clone()?,
        })
    }
}

/// Routes to the interface in a holder's namespace.
#[derive(Debug)]
pub struct RoutesInside {
    socket: OwnedFd,
}

impl RoutesInside {
    /// Has `destination/prefix_len` lead to the interface, or no longer. The holder does it soon
    /// and says nothing about it: its end of the socket says that it lives, nothing else.
    ///
    /// # Errors
    /// The holder has ended or does not read.
    pub fn change(&self, add: bool, destination: IpAddr, prefix_len: u8) -> io::Result<()> {
        let verb = if add { ADD } else { REMOVE };
        let text = format!("{verb} {destination}/{prefix_len}");
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        rustix::net::send(&self.socket, text.as_bytes(), flags)?;
        Ok(())
    }
}

/// The words for a route and its end.
const ADD: &str = "add";
const REMOVE: &str = "remove";

/// Readable when the holder has died.
impl AsFd for Holder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = rustix::net::shutdown(&self.socket, Shutdown::Both);
        let _ = self.child.wait();
    }
}

/// Starts a holder and returns it with the queues of the interface that it made, of which there is
/// one.
///
/// # Errors
/// `Namespace` where users may not make namespaces, `NoIpv6`, or `Holder` with the
/// holder's words for the rest.
pub fn start(plan: &Plan) -> Result<(Holder, Vec<Device>), InterfaceError> {
    let failed = |what: &str, error: &dyn std::fmt::Display| {
        InterfaceError::Holder(format!("{what}: {error}"))
    };
    let (ours, theirs) = rustix::net::socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )
    .map_err(|error| failed("socket pair", &error))?;
    let child =
        crate::process::spawn_part(VERB, theirs).map_err(|error| failed("start", &error))?;
    let holder = Holder {
        pid: child.id(),
        socket: ours,
        child,
    };
    let text = encode(plan);
    rustix::net::send(holder.as_fd(), text.as_bytes(), SendFlags::NOSIGNAL)
        .map_err(|error| failed("request", &error))?;
    let queues = receive(holder.as_fd())?;
    Ok((holder, queues))
}

/// The holder itself: serves one request on standard input, then sleeps until the other
/// end closes. Returns the process's exit code.
pub fn serve() -> u8 {
    let socket = rustix::stdio::stdin();
    let mut text = [0u8; MESSAGE_LEN_MAX];
    let read = rustix::net::recv(socket, &mut text[..], RecvFlags::empty());
    let Ok((read, _)) = read else { return 2 };
    let plan = text
        .get(..read)
        .and_then(|text| std::str::from_utf8(text).ok())
        .and_then(decode);
    let Some(plan) = plan else { return 2 };
    let mut name = String::new();
    let sent = match build(&plan) {
        Ok(queues) => {
            let first = queues.first().map(Device::name);
            first.unwrap_or_default().clone_into(&mut name);
            hand_over(socket, queues)
        }
        Err(error) => {
            let text = format!("error {} {error}", class(&error));
            let text = text.as_bytes();
            rustix::net::send(socket, text, SendFlags::NOSIGNAL)
                .map(drop)
                .map_err(io::Error::from)
        }
    };
    if sent.is_err() {
        return 1;
    }
    loop {
        match rustix::net::recv(socket, &mut text[..], RecvFlags::empty()) {
            Err(rustix::io::Errno::INTR) => {}
            Ok((0, _)) | Err(_) => return 0,
            Ok((read, _)) => {
                let text = std::str::from_utf8(text.get(..read).unwrap_or_default());
                let _ = text.map(|text| change_route(&name, text));
            }
        }
    }
}

/// Does what [`RoutesInside::change`] asks for. What cannot be done is left: nobody listens.
fn change_route(name: &str, text: &str) -> Option<()> {
    let (verb, prefix) = text.split_once(' ')?;
    let (destination, prefix_len) = read_prefix(prefix)?;
    let mut netlink = Netlink::open().ok()?;
    let index = netlink.link(name).ok()?.index;
    let changed = match verb {
        ADD => netlink.add_route(destination, prefix_len, index, None),
        REMOVE => netlink.remove_route(destination, prefix_len, index),
        _ => return None,
    };
    changed.ok()
}

/// Everything inside: the namespaces, the loopback, the interface.
fn build(plan: &Plan) -> Result<Vec<Device>, InterfaceError> {
    unshare_user_and_network()?;
    let mut netlink = Netlink::open()?;
    let loopback = netlink.link("lo")?.index;
    // The first use of the new rights: where a security module has taken them away while
    // letting the namespace be made, it shows here.
    netlink
        .set_up(loopback, true)
        .map_err(|error| forbidden(error.source))?;
    allow_ordinary_programs();
    let queues = match Device::create_queues(&plan.name, plan.offloads, plan.queues) {
        Err(TunError::Missing | TunError::NotPermitted(_)) => {
            vec![crate::packet_pair::create(&plan.name.replace("%d", "0"))?]
        }
        other => other?,
    };
    configure(queues.first().map(Device::name).unwrap_or_default(), plan)?;
    Ok(queues)
}

fn forbidden(source: io::Error) -> InterfaceError {
    let user = crate::process::user_id();
    NamespaceError::Forbidden { user, source }.into()
}

/// What only root may do on the host is harmless in a network of one's own: listening on
/// low ports, and echo requests without a set-uid `ping`.
fn allow_ordinary_programs() {
    let group = rustix::process::getegid().as_raw();
    let _ = std::fs::write("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0");
    let _ = std::fs::write(
        "/proc/sys/net/ipv4/ping_group_range",
        format!("{group} {group}"),
    );
}

/// The word for an error on the socket.
fn class(error: &InterfaceError) -> &'static str {
    match error {
        InterfaceError::Namespace(NamespaceError::Forbidden { .. }) => "forbidden",
        InterfaceError::NoIpv6(_) => "ipv6",
        _ => "other",
    }
}

fn encode(plan: &Plan) -> String {
    let (addresses, routes) = (list(&plan.addresses), list(&plan.routes));
    let offloads = u8::from(plan.offloads);
    let (name, mtu, queues) = (&plan.name, plan.mtu, plan.queues);
    format!("{name} {mtu} {offloads} {queues} {addresses} {routes}")
}

fn list<A: Display>(prefixes: &[(A, u8)]) -> String {
    let texts = prefixes
        .iter()
        .map(|(prefix, len)| format!("{prefix}/{len}"));
    texts.collect::<Vec<_>>().join(",")
}

fn read_list<A: FromStr>(text: &str) -> Option<Vec<(A, u8)>> {
    let texts = text.split(',').filter(|text| !text.is_empty());
    texts.map(read_prefix).collect()
}

fn read_prefix<A: FromStr>(text: &str) -> Option<(A, u8)> {
    let (prefix, len) = text.split_once('/')?;
    Some((prefix.parse().ok()?, len.parse().ok()?))
}

fn decode(text: &str) -> Option<Plan> {
    let mut fields = text.split(' ');
    let name = fields.next()?.to_owned();
    let mtu = fields.next()?.parse().ok()?;
    let offloads = match fields.next()? {
        "0" => false,
        "1" => true,
        _ => return None,
    };
    let queues = fields.next()?.parse().ok()?;
    let addresses = read_list(fields.next()?)?;
    let routes = read_list(fields.next()?)?;
    let bounded = addresses.len() <= PLAN_LIST_LEN_MAX && routes.len() <= PLAN_LIST_LEN_MAX;
    (bounded && fields.next().is_none()).then_some(Plan {
        name,
        mtu,
        offloads,
        queues,
        addresses,
        routes,
    })
}

/// Sends the queues' descriptors and what is needed to use them; keeps no copy.
fn hand_over(socket: BorrowedFd<'_>, queues: Vec<Device>) -> io::Result<()> {
    let device = queues.first().ok_or(io::ErrorKind::InvalidInput)?;
    let framing = match device.framing() {
        Framing::Bare => "-".to_owned(),
        Framing::Large { udp: false } => "large".to_owned(),
        Framing::Large { udp: true } => "large+udp".to_owned(),
        Framing::Ethernet(addresses) => {
            addresses.iter().map(|byte| format!("{byte:02x}")).collect()
        }
    };
    let text = format!("device {} {framing}", device.name());
    let rights: Vec<_> = queues.iter().map(AsFd::as_fd).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(QUEUES_MAX))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(&rights)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let parts = [IoSlice::new(text.as_bytes())];
    rustix::net::sendmsg(socket, &parts, &mut control, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// Receives the answer of [`serve`].
fn receive(socket: BorrowedFd<'_>) -> Result<Vec<Device>, InterfaceError> {
    let lost = |what: &str| InterfaceError::Holder(what.to_owned());
    let mut text = [0u8; MESSAGE_LEN_MAX];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(QUEUES_MAX))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = rustix::net::recvmsg(
        socket,
        &mut [IoSliceMut::new(&mut text)],
        &mut control,
        RecvFlags::CMSG_CLOEXEC,
    )
    .map_err(|error| lost(&error.to_string()))?;
    let mut fds = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            fds.extend(rights);
        }
    }
    let text = text
        .get(..received.bytes)
        .and_then(|text| std::str::from_utf8(text).ok());
    let text = text.ok_or_else(|| lost("an answer that is no text"))?;
    if text.is_empty() {
        return Err(lost("ended without an answer"));
    }
    let mut fields = text.splitn(3, ' ');
    match (fields.next(), fields.next(), fields.next()) {
        (Some("device"), Some(name), Some(framing)) if !fds.is_empty() => {
            let framing = parse_framing(framing).ok_or_else(|| lost("an unknown framing"))?;
            let adopted = fds
                .into_iter()
                .map(|fd| Device::adopt(fd, framing, name.to_owned()));
            let adopted: io::Result<Vec<Device>> = adopted.collect();
            adopted.map_err(|e| TunError::Io(e).into())
        }
        (Some("error"), Some("forbidden"), Some(text)) => Err(forbidden(io::Error::new(
            io::ErrorKind::PermissionDenied,
            text.to_owned(),
        ))),
        (Some("error"), Some("ipv6"), Some(text)) => {
            Err(InterfaceError::NoIpv6(crate::netlink::NetlinkError {
                what: "in the namespace".to_owned(),
                source: io::Error::other(text.to_owned()),
            }))
        }
        (Some("error"), Some(_), Some(text)) => Err(lost(text)),
        _ => Err(lost("an answer without a device")),
    }
}

fn parse_framing(text: &str) -> Option<Framing> {
    match text {
        "-" => return Some(Framing::Bare),
        "large" => return Some(Framing::Large { udp: false }),
        "large+udp" => return Some(Framing::Large { udp: true }),
        _ => {}
    }
    let mut addresses = [0u8; 12];
    if text.len() != 2 * addresses.len() {
        return None;
    }
    for (at, byte) in addresses.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(Framing::Ethernet(addresses))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        Plan {
            name: "kumi0".to_owned(),
            mtu: 1400,
            offloads: true,
            queues: 4,
            addresses: vec![
                ("fc01::1".parse().unwrap(), 128),
                ("10.77.0.1".parse().unwrap(), 24),
            ],
            routes: vec![
                ("fc00::".parse().unwrap(), 8),
                ("200::".parse().unwrap(), 7),
            ],
        }
    }

    #[test]
    fn plans_and_framings_read_back() {
        assert_eq!(decode(&encode(&plan())), Some(plan()));
        let bare = Plan {
            offloads: false,
            addresses: vec![],
            routes: vec![],
            ..plan()
        };
        assert_eq!(decode(&encode(&bare)), Some(bare));
        for (text, framing) in [
            ("-", Framing::Bare),
            ("large", Framing::Large { udp: false }),
            ("large+udp", Framing::Large { udp: true }),
        ] {
            assert_eq!(parse_framing(text), Some(framing));
        }
        let text: String = (1..=12).map(|byte| format!("{byte:02x}")).collect();
        let addresses = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
        assert_eq!(parse_framing(&text), Some(Framing::Ethernet(addresses)));
        assert_eq!(parse_framing("0102"), None);
    }

    #[test]
    fn a_plan_with_too_much_in_it_is_refused() {
        let route = ("fc00::".parse().unwrap(), 8);
        let fits = Plan {
            routes: vec![route; PLAN_LIST_LEN_MAX],
            ..plan()
        };
        assert_eq!(decode(&encode(&fits)), Some(fits));
        let over = Plan {
            routes: vec![route; PLAN_LIST_LEN_MAX + 1],
            ..plan()
        };
        assert_eq!(decode(&encode(&over)), None);
        assert_eq!(decode("kumi0 1400 1 fc01::1/128"), None);
        assert_eq!(decode("kumi0 1400 2 fc01::1/128 fc00::/8"), None);
        assert_eq!(decode("kumi0 1400 1 nonsense fc00::/8"), None);
    }
}
