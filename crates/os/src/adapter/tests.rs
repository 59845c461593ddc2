//! Adapters in namespaces of their own: what is found, what is set, and that all of it is set back.

use super::*;
use crate::netns::tests::in_new_network;
use std::time::{Duration, Instant};

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// A network on eth0, with an address of each family, and a server on lan0; their other ends are here, too.
struct Ground {
    netlink: Netlink,
}

const SERVERS: [&str; 3] = ["192.0.2.9", "198.51.100.9", "2001:db8::9"];

impl Ground {
    fn new() -> Self {
        let mut netlink = Netlink::open().unwrap();
        for (one, other) in [("eth0", "net"), ("lan0", "server")] {
            netlink.add_veth(one, other).unwrap();
        }
        let mut ground = Self { netlink };
        ground.up(&["eth0", "net"]);
        for (name, address, len) in [
            ("eth0", "192.0.2.3", 24),
            ("eth0", "2001:db8::3", 64),
            // The network's own other end is without an address here, too.
            ("net", "203.0.113.1", 24),
        ] {
            let index = ground.netlink.link(name).unwrap().index;
            let added = ground.netlink.add_address(index, ip(address), len, false);
            added.unwrap();
        }
        ground
    }

    fn up(&mut self, names: &[&str]) {
        for name in names {
            let index = self.netlink.link(name).unwrap().index;
            self.netlink.set_up(index, true).unwrap();
        }
        // The kernel notices a carrier when it comes to it.
        let until = Instant::now() + Duration::from_secs(5);
        let mut run = || {
            names
                .iter()
                .all(|it| self.netlink.link(it).unwrap().running)
        };
        while !run() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn start(own: &str, servers: &[&str]) -> Result<Adapter, AdapterError> {
    let servers: Vec<IpAddr> = servers.iter().map(|it| ip(it)).collect();
    let mut adapter = Adapter::new(None);
    adapter.stand_before(own, &servers)?;
    Ok(adapter)
}

/// Every setting of the network, and every route.
fn machine() -> (Vec<(String, String)>, usize) {
    let mut settings = Vec::new();
    let mut directories = vec![
        PathBuf::from("/proc/sys/net/ipv4"),
        "/proc/sys/net/ipv6".into(),
    ];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if let Ok(value) = std::fs::read_to_string(&path) {
                settings.push((path.display().to_string(), value));
            }
        }
    }
    settings.sort();
    (settings, Netlink::open().unwrap().routes().unwrap().len())
}

#[test]
fn it_finds_the_interface_to_the_server_and_sets_everything_back() {
    in_new_network(|| {
        let mut ground = Ground::new();
        let found = |it: Result<Adapter, AdapterError>| match it.unwrap_err() {
            AdapterError::Interface { found, .. } => found,
            other => panic!("{other}"),
        };
        assert_eq!(found(start("kumi0", &SERVERS)), 0);
        ground.up(&["lan0", "server"]);
        assert_eq!(found(start("kumi0", &SERVERS)), 2);
        let before = machine();
        for (servers, stands) in [(&SERVERS[..2], 1), (&SERVERS[2..], 1), (&SERVERS[..], 2)] {
            let adapter = start("server", servers).unwrap();
            assert_eq!(adapter.stands.len(), stands);
            assert_ne!(machine(), before);
            drop(adapter);
            assert_eq!(machine(), before);
        }
        // Elsewhere there is nothing to do.
        let adapter = start("kumi0", &SERVERS[1..2]).unwrap();
        assert_eq!((adapter.stands.len(), machine()), (0, before));
    });
}

#[test]
fn what_each_family_needs_is_set() {
    in_new_network(|| {
        Ground::new().up(&["lan0", "server"]);
        let setting = |what: &str| kept::current(what).unwrap();
        let adapter = start("server", &SERVERS[..1]).unwrap();
        assert_eq!(setting("net/ipv4/conf/lan0/proxy_arp"), "1");
        assert_eq!(setting("net/ipv4/ip_forward"), "1");
        assert_eq!(setting("net/ipv6/conf/all/forwarding"), "0");
        drop(adapter);
        for (name, value) in [("eth0", "1"), ("net", "0"), ("lan0", "1")] {
            let accepts = format!("/proc/sys/net/ipv6/conf/{name}/accept_ra");
            std::fs::write(accepts, value).unwrap();
        }
        std::fs::write("/proc/sys/net/ipv6/conf/lan0/disable_ipv6", "1").unwrap();
        std::fs::write("/proc/sys/net/ipv6/conf/net/forwarding", "1").unwrap();
        std::fs::write("/proc/sys/net/ipv4/conf/all/accept_redirects", "0").unwrap();
        let before = machine();
        let adapter = start("server", &SERVERS).unwrap();
        let accepts = |name: &str| setting(&format!("net/ipv6/conf/{name}/accept_ra"));
        assert_eq!(["eth0", "net", "lan0"].map(accepts), ["2", "0", "1"]);
        assert_eq!(setting("net/ipv6/conf/all/forwarding"), "1");
        assert_eq!(setting("net/ipv6/conf/lan0/disable_ipv6"), "0");
        drop(adapter);
        assert_eq!(machine(), before);
    });
}

/// An address may come after the start, and then the server is found; nothing is done twice.
#[test]
fn servers_are_found_as_networks_come() {
    in_new_network(|| {
        let mut ground = Ground::new();
        ground.up(&["lan0", "server"]);
        let mut adapter = start("server", &SERVERS).unwrap();
        let index = ground.netlink.link("eth0").unwrap().index;
        let added = ground
            .netlink
            .add_address(index, ip("198.51.100.3"), 24, false);
        added.unwrap();
        let servers = SERVERS.map(ip);
        for _ in 0..2 {
            adapter.stand_before("server", &servers).unwrap();
            assert_eq!((adapter.stands.len(), adapter.answering.len()), (3, 1));
        }
    });
}

/// Of a card that went down the kernel forgets the route, and one that was plugged in again is another one.
#[test]
fn a_card_that_went_and_came_back_is_stood_before_again() {
    in_new_network(|| {
        let mut ground = Ground::new();
        ground.up(&["lan0", "server"]);
        let servers = [SERVERS[0], SERVERS[2]].map(ip);
        let mut adapter = start("server", &[SERVERS[0], SERVERS[2]]).unwrap();
        let leads = |netlink: &mut Netlink| {
            let index = netlink.link("lan0").unwrap().index;
            let routes = netlink.routes().unwrap();
            let leads = |it: &Route| servers.contains(&it.destination) && it.link_index == index;
            routes.into_iter().filter(leads).count()
        };
        for plugged in [false, true, true] {
            let index = ground.netlink.link("lan0").unwrap().index;
            if plugged {
                ground.netlink.remove_link(index).unwrap();
                ground.netlink.add_veth("lan0", "server").unwrap();
            } else {
                ground.netlink.set_up(index, false).unwrap();
            }
            // Not there yet: this is said, and tried again.
            let away = adapter.stand_before("server", &servers);
            assert!(plugged || away.is_ok(), "{away:?}");
            ground.up(&["lan0", "server"]);
            assert_eq!(leads(&mut ground.netlink), 0);
            adapter.stand_before("server", &servers).unwrap();
            assert_eq!(leads(&mut ground.netlink), 2);
            assert_eq!((adapter.stands.len(), adapter.answering.len()), (2, 1));
            assert_eq!(kept::current("net/ipv4/conf/lan0/proxy_arp").unwrap(), "1");
        }
        drop(adapter);
        assert_eq!(leads(&mut ground.netlink), 0);
    });
}

/// As after kill -9: the destructor does not run, only what the process held goes.
#[test]
fn the_next_start_sets_back_what_a_killed_one_left() {
    in_new_network(|| {
        Ground::new().up(&["lan0", "server"]);
        let directory = std::env::temp_dir().join(format!("kumi-adapter-{}", std::process::id()));
        crate::files::private_directory(&directory).unwrap();
        let notes = directory.join("adapter");
        let before = machine();
        for _ in 0..2 {
            let mut adapter = Adapter::new(Some(notes.clone()));
            adapter.stand_before("server", &SERVERS.map(ip)).unwrap();
            adapter.answering.clear();
            assert_ne!(machine(), before);
            std::mem::forget(adapter);
            Adapter::restore(&notes);
            assert_eq!(machine(), before);
        }
        std::fs::remove_dir_all(directory).unwrap();
    });
}

#[test]
fn networks_are_told_apart() {
    for (one, other, len, same) in [
        ("192.0.2.3", "192.0.2.9", 24, true),
        ("192.0.2.3", "192.0.2.3", 24, false),
        ("192.0.2.3", "192.0.3.9", 24, false),
        ("192.0.2.3", "192.0.2.9", 32, false),
        ("0.0.0.1", "192.0.2.9", 0, true),
        ("2001:db8::3", "2001:db8::9", 64, true),
        ("2001:db8::3", "2001:db8::9", 128, false),
        ("2001:db8::3", "2001:db8:0:1::9", 64, false),
        ("2001:db8::3", "2001:db8:0:1::9", 56, true),
        ("fe80::3", "fe80::9", 64, false),
        ("192.0.2.3", "2001:db8::9", 0, false),
    ] {
        assert_eq!(
            same_net(ip(one), ip(other), len),
            same,
            "{one} {other} {len}"
        );
    }
}
