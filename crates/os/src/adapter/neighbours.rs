//! Neighbour discovery across an adapter: each side finds the other's hosts at the adapter (a proxy as of RFC 4389).
//!
//! | heard on the side of | said there | said on the other side |
//! |---|---|---|
//! | network: who has the server's address? | the adapter, also to who looks for duplicates | |
//! | server: who has an address of the network, or a link-local one? | the adapter | |
//! | server: has anybody my address, too? | | the same |
//! | network: somebody has the server's address | | the same |
//! | server: is there a router? | | the same |
//! | network: a router says what there is | | the same, the router at the adapter |
//!
//! The kernel's own proxy (`proxy_ndp`) knows single addresses only, and a server looks for any. Whether somebody is
//! there is not looked at first, as with ARP: the packet that follows finds out. A link-local address is asked for
//! when it is the router's; nothing else is sent there that an adapter could pass on. Nothing is said to
//! addresses of the server that it is not named by: they are in no group.
//!
//! | limit | value |
//! |---|---|
//! | answers on a side in a second | [`ANSWERS_PER_SECOND_MAX`] |
//! | messages passed on to a side in a second | [`PASSED_ON_PER_SECOND_MAX`] |

use std::io;
use std::net::{Ipv6Addr, UdpSocket};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use wire::ip::Discovery;
use wire::ip::neighbour::{ALL_NODES, ALL_ROUTERS, Solicitation};
use wire::ip::neighbour::{router_solicitation, solicited_node, taken_by};

use super::ear::{Ear, mac_of_group};
use crate::netlink::Link;
use crate::wait::{Waker, readable};

/// Most answers on one side in a second.
pub(super) const ANSWERS_PER_SECOND_MAX: u32 = 1_024;
/// Most messages that are passed on to one side in a second.
pub(super) const PASSED_ON_PER_SECOND_MAX: u32 = 16;
/// Longest frame that is read: jumbo Ethernet.
const FRAME_LEN_MAX: usize = 9_216;
const STACK_LEN: usize = 128 * 1024;

/// Who is where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sides {
    /// The servers, on the inner side.
    pub(super) servers: Vec<Ipv6Addr>,
    /// The prefixes whose hosts are on the outer side, with their lengths in bits.
    pub(super) prefixes: Vec<(Ipv6Addr, u8)>,
}

/// One of the two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    /// The network's.
    Outer,
    /// The server's.
    Inner,
}

/// A thread that answers, until this goes.
#[derive(Debug)]
pub(super) struct Neighbours {
    waker: Arc<Waker>,
    thread: Option<JoinHandle<()>>,
    // A switch passes questions for a server on to who is in its group (RFC 4541), and the kernel tells it.
    _groups: UdpSocket,
}

impl Neighbours {
    /// Answers on two interfaces from now on.
    ///
    /// # Errors
    /// No right to, or one of them is no Ethernet.
    pub(super) fn start(outer: &Link, inner: &Link, sides: Sides) -> io::Result<Self> {
        let groups = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0))?;
        let mut joined: Vec<Ipv6Addr> = sides.servers.iter().copied().map(solicited_node).collect();
        joined.sort_unstable();
        joined.dedup();
        for group in joined {
            groups.join_multicast_v6(&group, outer.index)?;
        }
        let mut proxy = Proxy {
            sides,
            outer: End::open(outer)?,
            inner: End::open(inner)?,
        };
        let waker = Arc::new(Waker::new()?);
        let stop = Arc::clone(&waker);
        let thread = Builder::new().name("kumi-ndp".to_owned());
        let thread = thread.stack_size(STACK_LEN);
        let thread = thread.spawn(move || proxy.run(&stop))?;
        Ok(Self {
            waker,
            thread: Some(thread),
            _groups: groups,
        })
    }
}

impl Drop for Neighbours {
    fn drop(&mut self) {
        self.waker.wake();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Proxy {
    sides: Sides,
    outer: End,
    inner: End,
}

/// An interface, and what is left of what may be said there in this second.
struct End {
    ear: Ear,
    answers: Limit,
    passed_on: Limit,
}

impl End {
    fn open(link: &Link) -> io::Result<Self> {
        Ok(Self {
            ear: Ear::open(link)?,
            answers: Limit::default(),
            passed_on: Limit::default(),
        })
    }
}

impl Proxy {
    fn run(&mut self, stop: &Waker) {
        let mut frame = vec![0; FRAME_LEN_MAX];
        loop {
            let waiting = [stop.as_fd(), self.outer.ear.as_fd(), self.inner.ear.as_fd()];
            let Ok([false, outer, inner, ..]) = readable(&waiting, None) else {
                return;
            };
            for (side, is_ready) in [(Side::Outer, outer), (Side::Inner, inner)] {
                if is_ready {
                    self.hear(side, &mut frame);
                }
            }
        }
    }

    /// One message: the other side's turn comes after each. That the interface went down is an error that is
    /// read once; it may come up again.
    fn hear(&mut self, side: Side, frame: &mut [u8]) {
        let (here, there) = match side {
            Side::Outer => (&mut self.outer, &mut self.inner),
            Side::Inner => (&mut self.inner, &mut self.outer),
        };
        let Ok(Some((from, packet))) = here.ear.recv(frame) else {
            return;
        };
        let Ok(heard) = Discovery::parse(packet) else {
            return;
        };
        let now = crate::clock::monotonic();
        if let Some((group, answer)) = self.sides.answer(side, &heard, here.ear.mac)
            && here.answers.admits(now, ANSWERS_PER_SECOND_MAX)
        {
            // If it does not leave, whoever asked asks again.
            let _ = here.ear.send(group.map_or(from, mac_of_group), &answer);
        }
        if let Some((group, packet)) = self.sides.passed_on(side, &heard, there.ear.mac)
            && there.passed_on.admits(now, PASSED_ON_PER_SECOND_MAX)
        {
            let _ = there.ear.send(mac_of_group(group), &packet);
        }
    }
}

impl Sides {
    /// What is said on the side where a message was heard, by `mac`; to a group, or to who asked.
    fn answer(
        &self,
        side: Side,
        heard: &Discovery,
        mac: [u8; 6],
    ) -> Option<(Option<Ipv6Addr>, Vec<u8>)> {
        let Discovery::Solicitation(asks) = heard else {
            return None;
        };
        let of_server = |ip: Ipv6Addr| self.servers.contains(&ip);
        let is_ours = match side {
            Side::Outer => of_server(asks.target) && !of_server(asks.src),
            Side::Inner => {
                let is_known = of_server(asks.src) || asks.src.is_unicast_link_local();
                is_known && !of_server(asks.target) && self.is_outside(asks.target)
            }
        };
        let group = asks.src.is_unspecified().then_some(ALL_NODES);
        let answer = is_ours.then(|| asks.answer(mac))??;
        Some((group, answer))
    }

    /// What is said to a group on the other side, where the adapter is `mac`.
    fn passed_on(
        &self,
        side: Side,
        heard: &Discovery,
        mac: [u8; 6],
    ) -> Option<(Ipv6Addr, Vec<u8>)> {
        let of_server = |ip: &Ipv6Addr| self.servers.contains(ip);
        match (side, heard) {
            (Side::Inner, Discovery::Solicitation(asks)) => {
                let looks_for_duplicates = asks.src.is_unspecified() && of_server(&asks.target);
                let probe = || {
                    (
                        solicited_node(asks.target),
                        Solicitation::probe(asks.target),
                    )
                };
                looks_for_duplicates.then(probe)
            }
            (Side::Outer, Discovery::Taken(target)) => {
                of_server(target).then(|| (ALL_NODES, taken_by(*target, mac)))
            }
            (Side::Inner, Discovery::RouterSolicitation) => {
                Some((ALL_ROUTERS, router_solicitation()))
            }
            (Side::Outer, Discovery::RouterAdvertisement(said)) => {
                Some((ALL_NODES, said.passed_on(mac)))
            }
            _ => None,
        }
    }

    /// Whether the server finds an address on the outer side, if at all.
    fn is_outside(&self, ip: Ipv6Addr) -> bool {
        let mut prefixes = self.prefixes.iter();
        ip.is_unicast_link_local() || prefixes.any(|(net, len)| same_net(*net, ip, *len))
    }
}

/// So many in each second.
#[derive(Debug, Default)]
struct Limit {
    second: u64,
    count: u32,
}

impl Limit {
    fn admits(&mut self, now: Duration, max: u32) -> bool {
        if self.second != now.as_secs() {
            (self.second, self.count) = (now.as_secs(), 0);
        }
        self.count = self.count.saturating_add(1);
        self.count <= max
    }
}

/// Whether two addresses are in one network.
fn same_net(one: Ipv6Addr, other: Ipv6Addr, prefix_len: u8) -> bool {
    (u128::from(one) ^ u128::from(other)).leading_zeros() >= u32::from(prefix_len)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];

    fn ip(text: &str) -> Ipv6Addr {
        text.parse().unwrap()
    }

    fn sides() -> Sides {
        Sides {
            servers: vec![ip("2001:db8::9"), ip("2001:db8::a")],
            prefixes: vec![(ip("2001:db8::3"), 64)],
        }
    }

    fn asks(src: &str, target: &str) -> Discovery {
        let (src, target) = (ip(src), ip(target));
        Discovery::Solicitation(Solicitation { src, target })
    }

    #[test]
    fn the_network_finds_the_servers_and_nobody_else_here() {
        let answered = |src: &str, target: &str| {
            let answer = sides().answer(Side::Outer, &asks(src, target), MAC);
            answer.map(|(group, _)| group)
        };
        assert_eq!(answered("2001:db8::2", "2001:db8::9"), Some(None));
        assert_eq!(answered("fe80::2", "2001:db8::a"), Some(None));
        // Who wants the address for itself hears it with all others.
        assert_eq!(answered("::", "2001:db8::9"), Some(Some(ALL_NODES)));
        for (src, target) in [
            ("2001:db8::2", "2001:db8::3"),
            ("2001:db8::2", "2001:db8::4"),
            ("2001:db8::2", "fe80::9"),
            ("::", "2001:db8::4"),
            // Somebody else says that it is the server.
            ("2001:db8::9", "2001:db8::a"),
        ] {
            assert_eq!(answered(src, target), None, "{src} {target}");
        }
    }

    #[test]
    fn a_server_finds_all_of_its_network_and_its_router() {
        let answered = |src: &str, target: &str| {
            let answer = sides().answer(Side::Inner, &asks(src, target), MAC);
            answer.is_some()
        };
        for src in ["2001:db8::9", "fe80::9"] {
            for target in ["2001:db8::2", "2001:db8::3", "fe80::1"] {
                assert!(answered(src, target), "{src} {target}");
            }
            for target in ["2001:db8::9", "2001:db8::a", "2001:db8:0:1::2", "::1"] {
                assert!(!answered(src, target), "{src} {target}");
            }
        }
        // Not at an address that it is not named by, and nobody takes its own from it.
        assert!(!answered("2001:db8::1234", "2001:db8::2"));
        assert!(!answered("::", "2001:db8::9") && !answered("::", "2001:db8::2"));
    }

    #[test]
    fn what_is_for_both_sides_is_passed_on_and_only_one_way() {
        let probe = Discovery::parse(&Solicitation::probe(ip("2001:db8::9"))).unwrap();
        let taken = Discovery::Taken(ip("2001:db8::9"));
        let router = wire::ip::neighbour::router_solicitation();
        let router = Discovery::parse(&router).unwrap();
        let passed_on = |side, heard: &Discovery| {
            let (group, packet) = sides().passed_on(side, heard, MAC)?;
            Some((group, Discovery::parse(&packet).unwrap()))
        };
        let group = ip("ff02::1:ff00:9");
        let expected = Some((group, probe.clone()));
        assert_eq!(passed_on(Side::Inner, &probe), expected);
        let expected = Some((ALL_NODES, taken.clone()));
        assert_eq!(passed_on(Side::Outer, &taken), expected);
        let expected = Some((ALL_ROUTERS, router.clone()));
        assert_eq!(passed_on(Side::Inner, &router), expected);
        for (side, heard) in [
            (Side::Outer, &probe),
            (Side::Inner, &taken),
            (Side::Outer, &router),
            (Side::Outer, &Discovery::Taken(ip("2001:db8::2"))),
            (Side::Inner, &asks("::", "2001:db8::2")),
            (Side::Inner, &asks("2001:db8::9", "2001:db8::2")),
        ] {
            assert_eq!(passed_on(side, heard), None, "{side:?} {heard:?}");
        }
    }

    #[test]
    fn so_many_in_a_second() {
        let mut limit = Limit::default();
        let second = Duration::from_secs;
        let admitted = (0..10).filter(|_| limit.admits(second(7), 4)).count();
        assert_eq!(admitted, 4);
        assert!(limit.admits(second(8), 4));
    }
}
