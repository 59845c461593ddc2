//! Adapters (GEA) before servers with IPv6, of which nothing is changed: real neighbour discovery of Linux on
//! both sides, a real router on the network, and what the machine is like when the node is gone.
//!
//! ```text
//!   gms ::1   member ::2   stranger ::4 ─┐
//!                                        ├─ switch ── eth0 [adapter ::3] lan0 ── server ::9
//!   outside 2001:db8:1::2 ── router ::5 ─┘
//! ```

use std::time::Duration;

use lab::account::Account;
use lab::capture::Capture;
use lab::host::Host;
use lab::lan::Lan;
use lab::ns::{Ns, Running, eventually};
use lab::ssh::Sshd;
use lab::wire::{address, join};
use lab::{CANARY, need_root};

use crate::site::{action, serve, talks};

const LIMIT: Duration = Duration::from_secs(30);
const SERVER: &str = "2001:db8::9";
const OUTSIDE: &str = "2001:db8:1::2";

/// The network before anybody installs Kumihimo on the adapter: the server's cable is in its second card already.
struct Ground {
    lan: Lan,
    server: Ns,
    outside: Ns,
}

impl Ground {
    fn new() -> Self {
        let lan = Lan::new(5);
        let (server, outside) = (Ns::new("server"), Ns::new("out"));
        for host in &lan.hosts {
            // What routers say is for the adapter and the server here.
            sysctl(host, "net.ipv6.conf.eth0.accept_ra=0");
        }
        let router = &lan.hosts[4];
        join(router, "wan0", &outside, "eth0");
        address(router, "wan0", "2001:db8:1::1/64");
        address(&outside, "eth0", &format!("{OUTSIDE}/64"));
        outside.ip(&["-6", "route", "add", "default", "via", "2001:db8:1::1"]);
        sysctl(router, "net.ipv6.conf.all.forwarding=1");
        let adapter = &lan.hosts[2];
        sysctl(adapter, "net.ipv6.conf.eth0.accept_ra=1");
        sysctl(adapter, "net.ipv6.conf.eth0.autoconf=0");
        join(adapter, "lan0", &server, "eth0");
        // As long as the kernel looks for duplicates of a card's link-local address, it asks for nobody there.
        for ns in lan.hosts.iter().chain([&server, &outside]) {
            eventually(LIMIT, "addresses of its own", || {
                let tentative = ns.ip(&["-6", "addr", "show", "tentative"]);
                tentative.trim().is_empty().then_some(())
            });
        }
        Self {
            lan,
            server,
            outside,
        }
    }

    /// The server has fixed addresses, and the router's as its way out.
    fn fixed(&self) {
        address(&self.server, "eth0", "192.0.2.9/24");
        address(&self.server, "eth0", &format!("{SERVER}/64"));
        let way = ["-6", "route", "add", "default", "via", "2001:db8::5"];
        self.server.ip(&way);
    }

    fn router(&self) -> &Ns {
        &self.lan.hosts[4]
    }

    /// The adapter's own way out.
    fn way_out(&self) {
        let way = ["-6", "route", "add", "default", "via", "2001:db8::5"];
        self.lan.hosts[2].ip(&way);
    }

    /// The router says what there is: a prefix or none, each so many seconds or when it is asked.
    fn advertise(&self, prefix: &str, period: &str) -> Running {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/src/router.py");
        let argv = ["python3", script, "eth0", prefix, period];
        self.router().spawn(Account::Root, "/root", &argv)
    }

    /// The server of groups, a member, and the adapter before these servers.
    fn hosts(&self, mode: &str, behind: &[&str]) -> Vec<Host<'_>> {
        self.hosts_of(&["192.0.2.0/24", "2001:db8::/64"], mode, behind)
    }

    /// The same in a group that protects these prefixes.
    fn hosts_of(&self, site: &[&str], mode: &str, behind: &[&str]) -> Vec<Host<'_>> {
        let host = |(at, ns)| Host::new(ns, Account::Root, &format!("gea-{at}"));
        let hosts: Vec<Host<'_>> = self
            .lan
            .hosts
            .iter()
            .take(3)
            .enumerate()
            .map(host)
            .collect();
        hosts[0].kumi(&["gms", "serve"]);
        let mut create = vec!["group", "create", "lab", "--apart"];
        for prefix in site {
            create.extend(["--site", prefix]);
        }
        hosts[0].kumi(&create);
        let line = hosts[0].kumi(&["group", "add", "member", "lab"]);
        hosts[1].kumi(&["join", line.trim()]);
        let mut add = vec!["group", "add", "vault", "lab", "--mode", mode];
        for server in behind {
            add.extend(["--behind", server]);
        }
        let line = hosts[0].kumi(&add);
        hosts[2].kumi(&["join", line.trim()]);
        hosts
    }

    /// A web server on the server.
    fn serve(&self, home: &str) -> Running {
        std::fs::write(format!("{home}/page"), CANARY.repeat(1 << 10)).expect("a file");
        let web = ["python3", "-m", "http.server", "8080", "--bind", "::"];
        let web = [&web[..], &["--directory", home]].concat();
        let running = self.server.spawn(Account::Root, home, &web);
        eventually(LIMIT, "the web server", || {
            run(
                &self.server,
                &["curl", "-sSgo", "/dev/null", "http://[::1]:8080/"],
            )
            .then_some(())
        });
        running
    }
}

fn run(ns: &Ns, argv: &[&str]) -> bool {
    let output = ns.output(Account::Root, "/root", argv, LIMIT);
    output.status.success()
}

fn sysctl(ns: &Ns, setting: &str) {
    assert!(run(ns, &["sysctl", "-qw", setting]), "{setting}");
}

fn ping(from: &Ns, to: &str) -> bool {
    run(from, &["ping", "-c", "1", "-W", "2", to])
}

fn page(ip: &str) -> String {
    match ip.contains(':') {
        true => format!("http://[{ip}]:8080/page"),
        false => format!("http://{ip}:8080/page"),
    }
}

fn mac(ns: &Ns, interface: &str) -> String {
    let path = format!("/sys/class/net/{interface}/address");
    ns.run(Account::Root, "/root", &["cat", &path], LIMIT)
        .trim()
        .to_owned()
}

fn counter(ns: &Ns, name: &str) -> u64 {
    let stats = ns.run(Account::Root, "/root", &["nstat", "-asz", name], LIMIT);
    let line = stats.lines().find(|line| line.starts_with(name));
    let number = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
    number.expect("a counter")
}

fn retransmitted(ns: &Ns) -> u64 {
    counter(ns, "TcpRetransSegs")
}

/// Everything of the machine that an adapter may touch.
fn machine(ns: &Ns) -> String {
    let settings = "sysctl -a 2>/dev/null | grep -E '^net\\.ipv[46]\\.(conf|neigh|ip_forward)' | grep -v '\\.kumi0\\.'; \
        ip rule; ip -6 rule; ip -4 route show table all | grep -v kumi0; \
        ip -6 route show table all | grep -vE 'kumi0|fe80::|^anycast|^multicast' | sed 's/expires [0-9]*sec//'; \
        nft list ruleset; ip -6 -o addr show dev lan0 scope global";
    ns.run(Account::Root, "/root", &["sh", "-c", settings], LIMIT)
}

/// The lines of what was and of what is that are not in both.
fn changed(before: &str, after: &str) -> String {
    let only = |one: &str, other: &str, sign: &str| {
        let lines = one
            .lines()
            .filter(|line| !other.lines().any(|it| it == *line));
        lines
            .map(|line| format!("{sign} {line}\n"))
            .collect::<String>()
    };
    only(before, after, "-") + &only(after, before, "+")
}

/// Reference test C2 over both families at once: the server talks with members encrypted, and with nobody else.
#[test]
fn a_server_with_both_families_is_protected_and_knows_nothing_of_it() {
    need_root();
    let ground = Ground::new();
    ground.fixed();
    let hosts = ground.hosts("closed", &["192.0.2.9", SERVER]);
    let (member, adapter) = (&hosts[1], &hosts[2]);
    let stranger = &ground.lan.hosts[3];
    let element = adapter.json(&["group", "list"])["member_of"][0].clone();
    assert_eq!(element["element"], "gea", "{element}");
    let capture = Capture::start(&ground.lan.switch, "p3");
    let _web = ground.serve(&adapter.home());
    let _back = serve(member);
    let before = retransmitted(member.ns);
    for ip in [SERVER, "192.0.2.9"] {
        assert_eq!(talks(member.ns, &page(ip), ip), (true, true), "{ip}");
        assert_eq!(action(member, ip), "encrypt", "{ip}");
    }
    assert_eq!(
        retransmitted(member.ns),
        before,
        "the first packet was lost"
    );
    let before = retransmitted(&ground.server);
    for ip in ["2001:db8::2", "192.0.2.2"] {
        assert_eq!(talks(&ground.server, &page(ip), ip), (true, true), "{ip}");
        assert_eq!(action(adapter, ip), "encrypt", "{ip}");
    }
    assert_eq!(retransmitted(&ground.server), before);
    // Each side sees the other at the adapter.
    let near = |ns: &Ns, ip: &str| ns.ip(&["-6", "neigh", "show", ip]);
    let inner = near(&ground.server, "2001:db8::2");
    assert!(inner.contains(&mac(adapter.ns, "lan0")), "{inner}");
    let outer = near(member.ns, SERVER);
    assert!(outer.contains(&mac(adapter.ns, "eth0")), "{outer}");
    // A real sshd, which nobody told of anything.
    let (of_server, login) = (
        Host::new(&ground.server, Account::Root, "gea-server"),
        member,
    );
    let sshd = Sshd::start(&of_server, login, SERVER);
    let argv = sshd.ssh(&["echo", "in"]);
    let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
    let said = member.ns.run(Account::Root, &member.home(), &argv, LIMIT);
    assert_eq!(said.trim(), "in");
    assert_eq!(capture.stop().canaries, 0, "plaintext on the network");
    for ip in [SERVER, "192.0.2.9"] {
        assert!(!ping(stranger, ip), "{ip}");
        assert!(!ping(adapter.ns, ip), "from the adapter itself: {ip}");
    }
    for ip in ["2001:db8::4", "192.0.2.4"] {
        assert!(!ping(&ground.server, ip), "{ip}");
    }
    // Nor does anybody talk with an address of the server that no group names.
    address(&ground.server, "eth0", "2001:db8::99/64");
    let pings = |from: &str, to: &str| {
        let ping = ["ping", "-c", "1", "-W", "2", "-I", from, to];
        run(&ground.server, &ping)
    };
    assert!(!pings("2001:db8::99", "2001:db8::2") && !pings("2001:db8::99", "2001:db8::4"));
    assert!(pings(SERVER, "2001:db8::2"));
    assert!(!ping(member.ns, "2001:db8::99"));
    // Closed is closed, also for what is beyond the router.
    assert!(!ping(&ground.server, OUTSIDE));
    assert!(!ping(&ground.outside, SERVER));
}

/// A member somewhere else, whose packets the network's router passes on: it finds the server at the adapter like everybody.
#[test]
fn a_member_beyond_the_router_talks_with_the_server() {
    need_root();
    let ground = Ground::new();
    ground.fixed();
    ground.way_out();
    let beyond = [
        "-6",
        "route",
        "add",
        "2001:db8:1::/64",
        "via",
        "2001:db8::5",
    ];
    ground.lan.hosts[0].ip(&beyond);
    let site = ["2001:db8::/64", "2001:db8:1::/64"];
    let hosts = ground.hosts_of(&site, "closed", &[SERVER]);
    let far = Host::new(&ground.outside, Account::Root, "gea-far");
    let line = hosts[0].kumi(&["group", "add", "far", "lab"]);
    far.kumi(&["join", line.trim()]);
    let capture = Capture::start(&ground.lan.switch, "p3");
    let _web = ground.serve(&hosts[2].home());
    let _back = serve(&far);
    let before = retransmitted(far.ns);
    assert_eq!(talks(far.ns, &page(SERVER), SERVER), (true, true));
    assert_eq!(retransmitted(far.ns), before, "the first packet was lost");
    assert_eq!(action(&far, SERVER), "encrypt");
    assert_eq!(talks(&ground.server, &page(OUTSIDE), OUTSIDE), (true, true));
    assert_eq!(talks(hosts[1].ns, &page(SERVER), SERVER), (true, true));
    assert_eq!(capture.stop().canaries, 0, "plaintext on the network");
}

/// The kernel forgets the routes of a card that goes down.
#[test]
fn a_card_that_went_down_and_up_leads_to_the_server_again() {
    need_root();
    let ground = Ground::new();
    ground.fixed();
    let hosts = ground.hosts("closed", &[SERVER, "192.0.2.9"]);
    let (member, adapter) = (hosts[1].ns, hosts[2].ns);
    let both = || ping(member, SERVER) && ping(member, "192.0.2.9");
    eventually(LIMIT, "the server", || both().then_some(()));
    adapter.ip(&["link", "set", "lan0", "down"]);
    assert!(!both());
    adapter.ip(&["link", "set", "lan0", "up"]);
    eventually(LIMIT, "the server again", || both().then_some(()));
}

/// In open mode whoever has no Kumihimo talks with the server as before.
#[test]
fn an_open_adapter_leaves_plain_hosts_in_clear() {
    need_root();
    let ground = Ground::new();
    ground.fixed();
    ground.way_out();
    let hosts = ground.hosts("open", &[SERVER]);
    let (member, adapter) = (&hosts[1], &hosts[2]);
    let stranger = &ground.lan.hosts[3];
    let _web = ground.serve(&adapter.home());
    let capture = Capture::start(&ground.lan.switch, "p3");
    assert_eq!(talks(member.ns, &page(SERVER), SERVER), (true, true));
    assert_eq!(action(member, SERVER), "encrypt");
    assert_eq!(capture.stop().canaries, 0);
    let capture = Capture::start(&ground.lan.switch, "p3");
    assert_eq!(talks(stranger, &page(SERVER), SERVER), (true, true));
    assert!(ping(&ground.server, "2001:db8::4"));
    assert!(ping(&ground.server, "2001:db8::5"), "the router itself");
    assert_eq!(action(adapter, "2001:db8::4"), "clear");
    assert!(capture.stop().canaries > 0);
    // Beyond the router nothing is protected, and nothing has changed.
    assert!(ping(&ground.server, OUTSIDE));
    assert!(ping(&ground.outside, SERVER));
}

/// The server learns how long its packets may be, from the node where it encrypts and from the kernel elsewhere.
#[test]
fn the_server_learns_how_long_packets_may_be() {
    need_root();
    let ground = Ground::new();
    ground.fixed();
    ground.way_out();
    let hosts = ground.hosts("closed", &["192.0.2.9", SERVER]);
    let mtu_to = |ip: &str| {
        let route = ground.server.ip(&["route", "get", ip]);
        let mut words = route.split_whitespace();
        words.find(|it| *it == "mtu")?;
        words.next()?.parse::<u32>().ok()
    };
    let member = hosts[1].ns;
    let echoes = || counter(member, "IcmpInEchos") + counter(member, "Icmp6InEchos");
    for (ip, len) in [("2001:db8::2", "1452"), ("192.0.2.2", "1472")] {
        assert!(ping(&ground.server, ip), "{ip}");
        assert_eq!(mtu_to(ip), None);
        // 1,500 bytes, not to be cut on the way: they arrive all the same, and `ping` ends at the error or at the answer.
        let before = echoes();
        let long = ["ping", "-c", "1", "-W", "3", "-M", "do", "-s", len, ip];
        ground.server.output(Account::Root, "/root", &long, LIMIT);
        eventually(LIMIT, "the long packet", || {
            (echoes() > before).then_some(())
        });
        let mtu = mtu_to(ip).expect("an MTU");
        assert!((1_280..1_500).contains(&mtu), "{ip}: {mtu}");
        // The session runs over one family, and the entry of the other stays all the same.
        assert_eq!(action(&hosts[2], ip), "encrypt");
    }
    assert_eq!(mtu_to(OUTSIDE), None);
    ground.lan.hosts[2].ip(&["link", "set", "eth0", "mtu", "1400"]);
    let long = [
        "ping", "-c", "2", "-W", "2", "-M", "do", "-s", "1452", OUTSIDE,
    ];
    assert!(!run(&ground.server, &long));
    assert_eq!(mtu_to(OUTSIDE), Some(1_400));
}

/// A server that makes its address itself, of what its router says, and has no other way out than the router's
/// link-local address. Both of it pass the adapter.
#[test]
fn a_server_configures_itself_through_the_adapter() {
    need_root();
    let ground = Ground::new();
    sysctl(&ground.server, "net.ipv6.conf.eth0.addr_gen_mode=0");
    let card = mac(&ground.server, "eth0");
    let bytes: Vec<u8> = card
        .split(':')
        .map(|it| u8::from_str_radix(it, 16).expect("a MAC"))
        .collect();
    let [a, b, c, d, e, f] = *bytes.as_slice() else {
        panic!("{card}");
    };
    let word = |high: u8, low: u8| u16::from_be_bytes([high, low]);
    let [g, h, i, j] = [word(a ^ 2, b), word(c, 0xff), word(0xfe, d), word(e, f)];
    let own = std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, g, h, i, j).to_string();
    let hosts = ground.hosts("open", &[&own]);
    let (member, adapter) = (&hosts[1], &hosts[2]);
    // It answers only: the server's question passes, too.
    let _router = ground.advertise("2001:db8::/64", "0");
    ground.server.ip(&["link", "set", "eth0", "down"]);
    ground.server.ip(&["link", "set", "eth0", "up"]);
    eventually(LIMIT, "an address, found to be nobody else's", || {
        let all = ground
            .server
            .ip(&["-6", "addr", "show", "dev", "eth0", "-tentative"]);
        all.contains(&own).then_some(())
    });
    let route = ground.server.ip(&["-6", "route", "show", "default"]);
    assert!(route.contains("via fe80::"), "{route}");
    let _web = ground.serve(&adapter.home());
    assert_eq!(talks(member.ns, &page(&own), &own), (true, true));
    assert_eq!(action(member, &own), "encrypt");
    assert!(ping(&ground.server, OUTSIDE));
    assert!(ping(&ground.outside, &own));
    // Long enough for the kernel to ask again whether its router is still there.
    std::thread::sleep(Duration::from_secs(8));
    assert!(ping(&ground.server, OUTSIDE));
    let router = ground.server.ip(&["-6", "neigh", "show", "dev", "eth0"]);
    let router = router
        .lines()
        .find(|it| it.starts_with("fe80::") && it.contains("router"));
    let router = router.expect("the router");
    assert!(
        router.contains(&mac(adapter.ns, "lan0")) && !router.contains("FAILED"),
        "{router}"
    );
}

/// Neither side takes an address that the other has.
#[test]
fn duplicates_are_found_across_the_adapter() {
    need_root();
    let ground = Ground::new();
    let stranger = &ground.lan.hosts[3];
    address(stranger, "eth0", "2001:db8::a/64");
    let hosts = ground.hosts("closed", &[SERVER, "2001:db8::a"]);
    let takes = |ns: &Ns, ip: &str| {
        ns.ip(&["addr", "add", &format!("{ip}/64"), "dev", "eth0"]);
        eventually(LIMIT, "an end of looking for duplicates", || {
            let all = ns.ip(&["-6", "-o", "addr", "show", "dev", "eth0", "to", ip]);
            let failed = all.contains("dadfailed");
            (failed || !all.contains("tentative")).then_some(!failed)
        })
    };
    assert!(takes(&ground.server, SERVER), "nobody else has it");
    assert!(!takes(stranger, SERVER), "the server has it");
    assert!(takes(stranger, "2001:db8::77"), "nobody else has it");
    assert!(!takes(&ground.server, "2001:db8::a"), "the stranger has it");
    drop(hosts);
}

/// Also of a node that was killed, and of a machine that has its own routes from a router.
#[test]
fn a_node_that_stops_leaves_the_machine_as_it_was() {
    need_root();
    let ground = Ground::new();
    ground.fixed();
    let adapter = &ground.lan.hosts[2];
    sysctl(adapter, "net.ipv6.conf.lo.forwarding=1");
    sysctl(adapter, "net.ipv4.conf.all.accept_redirects=0");
    // The adapter's own way out is what the router says; on the other cards nobody is asked.
    let router = ground.advertise("-", "1");
    let has_way = || {
        let route = adapter.ip(&["-6", "route", "show", "default"]);
        route.contains("via fe80::")
    };
    eventually(LIMIT, "a default route", || has_way().then_some(()));
    drop(router);
    let before = machine(adapter);
    let hosts = ground.hosts("open", &["192.0.2.9", SERVER]);
    let (member, node) = (&hosts[1], &hosts[2]);
    let _web = ground.serve(&node.home());
    let reached = || talks(member.ns, &page(SERVER), SERVER) == (true, true);
    assert!(reached());
    assert!(has_way(), "the adapter lost its own route");
    assert!(ping(&ground.server, OUTSIDE));
    assert_ne!(machine(adapter), before);
    node.kumi(&["down"]);
    assert_eq!(changed(&before, &machine(adapter)), "", "after down");
    assert!(has_way());
    for _ in 0..2 {
        node.kumi(&["up", "--no-invite"]);
        // The member has to notice first that whoever it has a session with is another.
        eventually(LIMIT, "the server", || reached().then_some(()));
        let pid = node.json(&["status"])["pid"].to_string();
        assert!(run(adapter, &["kill", "-9", &pid]));
        assert!(!ping(member.ns, SERVER));
    }
    node.kumi(&["up", "--no-invite"]);
    eventually(LIMIT, "the server, after two kills", || {
        reached().then_some(())
    });
    assert!(has_way());
    node.kumi(&["down"]);
    assert_eq!(changed(&before, &machine(adapter)), "", "after kill -9");
}
