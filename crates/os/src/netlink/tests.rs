//! Tests of [`super`] in network namespaces of their own (one thread each, as root).

use super::*;
use crate::netns::tests::in_new_network;
use crate::netns::{current_network, enter_network, unshare_network};
use std::net::UdpSocket;
use std::time::Duration;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn overlapping_prefixes_are_seen() {
    let v6 = |text: &str| text.parse::<Ipv6Addr>().unwrap();
    assert!(overlap(v6("fc00::"), 8, v6("fc00::"), 7));
    assert!(overlap(v6("fc00::"), 8, v6("fc12::"), 16));
    assert!(overlap(v6("200::"), 7, v6("300::"), 8));
    assert!(!overlap(v6("fc00::"), 8, v6("fd00::"), 8));
    assert!(!overlap(v6("200::"), 7, v6("2000::"), 3));
    assert!(overlap(v6("200::"), 7, v6("::"), 0));
}

#[test]
fn a_pair_is_made_configured_listed_and_removed() {
    in_new_network(|| {
        let mut netlink = Netlink::open().unwrap();
        netlink.add_veth("left", "right").unwrap();
        let left = netlink.link("left").unwrap();
        assert!(!left.running && left.multicast && !left.loopback && !left.tunnel);
        assert!(left.mac.is_some());
        netlink.set_mtu(left.index, 1400).unwrap();
        netlink.set_no_link_local(left.index).unwrap();
        netlink.set_up(left.index, true).unwrap();
        let right = netlink.link("right").unwrap().index;
        netlink.set_up(right, true).unwrap();
        netlink
            .add_address(left.index, ip("fc01::1"), 128, true)
            .unwrap();
        netlink
            .add_address(left.index, ip("fc01::1"), 128, true)
            .unwrap(); // again is fine
        netlink
            .add_address(left.index, ip("192.0.2.1"), 24, false)
            .unwrap();
        netlink
            .add_route(ip("fc00::"), 8, left.index, None)
            .unwrap();
        netlink
            .add_route(ip("0.0.0.0"), 0, left.index, Some(ip("192.0.2.254")))
            .unwrap();

        let link = netlink.link("left").unwrap();
        assert!(link.running && link.mtu == 1400);
        let ours: Vec<_> = netlink
            .addresses()
            .unwrap()
            .into_iter()
            .filter(|a| a.link_index == link.index)
            .collect();
        assert_eq!(ours.len(), 2, "no link-local address: {ours:?}");
        assert!(ours.iter().all(|address| address.usable));
        assert!(
            ours.iter()
                .any(|a| a.ip == ip("fc01::1") && a.prefix_len == 128)
        );
        let routes = netlink.routes().unwrap();
        assert!(
            routes
                .iter()
                .any(|r| r.prefix_len == 8 && r.link_index == link.index)
        );

        netlink.remove_route(ip("fc00::"), 8, link.index).unwrap();
        assert!(netlink.remove_route(ip("fc00::"), 8, link.index).is_err());
        netlink.remove_link(link.index).unwrap();
        assert!(netlink.link("right").is_err(), "the other end goes with it");
        assert!(netlink.set_up(link.index, true).is_err());
    });
}

#[test]
fn an_ipv4_route_is_listed_and_the_same_one_elsewhere_is_named() {
    in_new_network(|| {
        let mut netlink = Netlink::open().unwrap();
        netlink.add_veth("left", "right").unwrap();
        let [left, right] = ["left", "right"].map(|name| netlink.link(name).unwrap().index);
        netlink.set_up(left, true).unwrap();
        netlink.set_up(right, true).unwrap();
        netlink
            .add_address(left, ip("192.0.2.1"), 24, false)
            .unwrap();
        netlink
            .add_route(ip("0.0.0.0"), 0, left, Some(ip("192.0.2.254")))
            .unwrap();
        let routes = netlink.routes().unwrap();
        let listed = routes.iter().map(|r| (r.destination, r.prefix_len));
        let listed: Vec<_> = listed.filter(|(to, _)| to.is_ipv4()).collect();
        assert_eq!(listed, [(ip("0.0.0.0"), 0), (ip("192.0.2.0"), 24)]);
        for (len, own, wanted) in [
            (24, right, Some("left".to_owned())),
            (24, left, None),
            (25, right, None),
        ] {
            let same = netlink.same_route(ip("192.0.2.0"), len, own).unwrap();
            assert_eq!(same, wanted, "{len} {own}");
        }
    });
}

#[test]
fn a_prefix_that_is_routed_elsewhere_is_named() {
    in_new_network(|| {
        let mut netlink = Netlink::open().unwrap();
        netlink.add_veth("ygg0", "peer").unwrap();
        for name in ["ygg0", "peer"] {
            let index = netlink.link(name).unwrap().index;
            netlink.set_up(index, true).unwrap();
        }
        let index = netlink.link("ygg0").unwrap().index;
        netlink.add_route(ip("::"), 0, index, None).unwrap();
        let (fc, two): (Ipv6Addr, Ipv6Addr) = ("fc00::".parse().unwrap(), "200::".parse().unwrap());
        assert_eq!(
            netlink.conflicting_route(two, 7, None).unwrap(),
            None,
            "a default route is none"
        );
        netlink.add_route(ip("200::"), 7, index, None).unwrap();
        let (route, name) = netlink.conflicting_route(two, 7, None).unwrap().unwrap();
        assert_eq!((name.as_str(), route.prefix_len), ("ygg0", 7));
        assert_eq!(
            netlink.conflicting_route(two, 7, Some(index)).unwrap(),
            None
        );
        assert_eq!(netlink.conflicting_route(fc, 8, None).unwrap(), None);
    });
}

#[test]
fn a_link_moves_to_another_namespace() {
    in_new_network(|| {
        let (give, take) = std::sync::mpsc::channel();
        let (done, wait) = std::sync::mpsc::channel();
        let other = std::thread::spawn(move || {
            in_new_network(move || {
                give.send(crate::netns::current_network().unwrap()).unwrap();
                wait.recv().unwrap();
                Netlink::open().unwrap().link("right").unwrap();
            });
        });
        let mut netlink = Netlink::open().unwrap();
        netlink.add_veth("left", "right").unwrap();
        let right = netlink.link("right").unwrap().index;
        netlink
            .move_to_namespace(right, take.recv().unwrap().as_fd())
            .unwrap();
        done.send(()).unwrap();
        assert!(netlink.link("right").is_err());
        other.join().unwrap();
    });
}

#[test]
fn an_address_change_is_news() {
    in_new_network(|| {
        let monitor = Monitor::open().unwrap();
        assert!(!monitor.drain());
        let mut netlink = Netlink::open().unwrap();
        netlink.add_veth("left", "right").unwrap();
        let wait = Some(Duration::from_secs(5));
        assert!(crate::wait::readable(&[monitor.as_fd()], wait).unwrap()[0]);
        assert!(monitor.drain());
        let left = netlink.link("left").unwrap().index;
        netlink
            .add_address(left, ip("192.0.2.1"), 24, false)
            .unwrap();
        assert!(crate::wait::readable(&[monitor.as_fd()], wait).unwrap()[0]);
        assert!(monitor.drain());
    });
}

/// Joins the current namespace and the one behind `there` by a cable, and returns to this one.
fn cable(here: &OwnedFd, there: &OwnedFd, addresses: [&str; 2]) -> u32 {
    let mut netlink = Netlink::open().unwrap();
    netlink.add_veth("near", "far").unwrap();
    let far = netlink.link("far").unwrap().index;
    netlink.move_to_namespace(far, there.as_fd()).unwrap();
    let plug = |namespace: &OwnedFd, name: &str, address: &str| {
        enter_network(namespace).unwrap();
        let mut netlink = Netlink::open().unwrap();
        let index = netlink.link(name).unwrap().index;
        netlink.add_address(index, ip(address), 24, false).unwrap();
        netlink.set_up(index, true).unwrap();
        index
    };
    plug(there, "far", addresses[1]);
    plug(here, "near", addresses[0])
}

#[test]
fn what_leaves_through_a_nat_comes_from_it_and_only_answers_get_in() {
    in_new_network(|| {
        let new_network = || {
            unshare_network().unwrap();
            current_network().unwrap()
        };
        let [outside, router, inside] = [(); 3].map(|()| new_network());
        enter_network(&router).unwrap();
        cable(&router, &outside, ["192.0.2.2", "192.0.2.1"]);
        masquerade().unwrap();
        crate::netns::forward_ipv4().unwrap();
        enter_network(&inside).unwrap();
        let index = cable(&inside, &router, ["192.168.1.2", "192.168.1.1"]);
        let router_at = Some(ip("192.168.1.1"));
        let mut netlink = Netlink::open().unwrap();
        netlink
            .add_route(ip("0.0.0.0"), 0, index, router_at)
            .unwrap();
        let asker = UdpSocket::bind("192.168.1.2:4649").unwrap();
        enter_network(&outside).unwrap();
        let [answerer, stranger] =
            ["192.0.2.1:7", "192.0.2.1:8"].map(|at| UdpSocket::bind(at).unwrap());
        for socket in [&asker, &answerer, &stranger] {
            let limit = Some(Duration::from_secs(2));
            socket.set_read_timeout(limit).unwrap();
        }
        let mut buffer = [0; 64];
        asker.send_to(b"question", "192.0.2.1:7").unwrap();
        let (_, seen) = answerer.recv_from(&mut buffer).unwrap();
        assert_eq!(seen.ip(), ip("192.0.2.2"));
        asker.send_to(b"question", "192.0.2.1:8").unwrap();
        let (_, also) = stranger.recv_from(&mut buffer).unwrap();
        assert_ne!(
            seen.port(),
            also.port(),
            "another port for another destination"
        );
        stranger.send_to(b"let me in", seen).unwrap();
        answerer.send_to(b"answer", seen).unwrap();
        let (len, from) = asker.recv_from(&mut buffer).unwrap();
        assert_eq!((&buffer[..len], from.port()), (&b"answer"[..], 7));
    });
}
