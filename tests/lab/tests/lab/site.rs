//! Site mode: groups between ordinary IP addresses, negotiated on the first packet (reference tests
//! C1 and C3, with real programs and an ear on the wire).

use std::time::Duration;

use lab::account::Account;
use lab::capture::Capture;
use lab::host::Host;
use lab::lan::Lan;
use lab::ns::{Ns, Running, eventually};
use lab::wire::{address, join};
use lab::{CANARY, need_root};

use crate::lans::configure;

pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// A host in a group, in a mode.
pub(crate) struct Element {
    group: &'static str,
    mode: &'static str,
}

pub(crate) const fn element(group: &'static str, mode: &'static str) -> Element {
    Element { group, mode }
}

/// The server is the first host; the others are elements, each in its group and mode. The groups
/// protect the LAN, and what lies behind a router of the tests; nothing is configured anywhere else.
pub(crate) fn site<'a>(lan: &'a Lan, elements: &[Element]) -> Vec<Host<'a>> {
    let host = |(at, ns)| Host::new(ns, Account::Root, &format!("site-{at}"));
    let hosts: Vec<Host<'_>> = lan.hosts.iter().enumerate().map(host).collect();
    hosts[0].kumi(&["gms", "serve"]);
    for group in ["lab", "office"] {
        let mut create = vec!["group", "create", group, "--apart"];
        for prefix in [
            "192.0.2.0/24",
            "2001:db8::/64",
            "192.168.20.0/24",
            "2001:db8:20::/48",
        ] {
            create.extend(["--site", prefix]);
        }
        hosts[0].kumi(&create);
    }
    for (at, element) in elements.iter().enumerate() {
        let member = &hosts[at + 1];
        let name = format!("m{}", at + 1);
        let add = ["group", "add", &name, element.group, "--mode", element.mode];
        let line = hosts[0].kumi(&add);
        member.kumi(&["join", line.trim()]);
    }
    hosts
}

pub(crate) fn run(ns: &Ns, argv: &[&str]) -> bool {
    ns.output(Account::Root, "/root", argv, LIMIT)
        .status
        .success()
}

/// A web server on every ordinary address of a host.
pub(crate) fn serve(host: &Host<'_>) -> Running {
    std::fs::write(host.dir.join("page"), CANARY.repeat(1 << 10)).expect("a file");
    let home = host.home();
    let server = [
        "python3",
        "-m",
        "http.server",
        "8080",
        "--bind",
        "::",
        "--directory",
        &home,
    ];
    let running = host.ns.spawn(Account::Root, &home, &server);
    let at_home = "http://[::1]:8080/page";
    host.ns.ip(&["link", "set", "lo", "up"]);
    eventually(LIMIT, "the web server", || {
        run(host.ns, &["curl", "-sS", "-g", "-o", "/dev/null", at_home]).then_some(())
    });
    running
}

/// Whether a page comes over TCP, and an echo over ICMP.
pub(crate) fn talks(from: &Ns, url: &str, address: &str) -> (bool, bool) {
    let curl = [
        "curl",
        "-sS",
        "-g",
        "-m",
        "4",
        "-o",
        "/dev/null",
        "-w",
        "%{time_connect} %{size_download}",
        url,
    ];
    let output = from.output(Account::Root, "/root", &curl, LIMIT);
    let tcp = output.status.success();
    if !tcp {
        eprintln!("{output:?}");
    }
    let echo = run(from, &["ping", "-c", "1", "-W", "2", address]);
    (tcp, echo)
}

/// The row of the process table that leads there, or null.
pub(crate) fn entry(host: &Host<'_>, there: &str) -> serde_json::Value {
    let pit = host.json(&["pit"]);
    let mut entries = pit["entries"].as_array().into_iter().flatten();
    let entry = entries.find(|it| it["there"] == there);
    entry.cloned().unwrap_or_default()
}

pub(crate) fn action(host: &Host<'_>, there: &str) -> String {
    let action = entry(host, there)["action"].clone();
    action.as_str().unwrap_or_default().to_owned()
}

#[test]
fn members_encrypt_and_others_talk_in_clear_or_not_at_all() {
    need_root();
    for (one, other, passes, clear) in [
        (element("lab", "open"), element("lab", "open"), true, false),
        (
            element("lab", "closed"),
            element("lab", "closed"),
            true,
            false,
        ),
        (
            element("lab", "open"),
            element("office", "open"),
            true,
            true,
        ),
        (
            element("lab", "open"),
            element("office", "closed"),
            false,
            true,
        ),
        (
            element("lab", "closed"),
            element("office", "open"),
            false,
            false,
        ),
    ] {
        let case = format!(
            "{} {} to {} {}",
            one.group, one.mode, other.group, other.mode
        );
        let lan = Lan::new(3);
        let hosts = site(&lan, &[one, other]);
        let (a, b) = (&hosts[1], &hosts[2]);
        let capture = Capture::start(&lan.switch, "p3");
        let _server = serve(b);
        for (url, address) in [
            ("http://192.0.2.3:8080/page", "192.0.2.3"),
            ("http://[2001:db8::3]:8080/page", "2001:db8::3"),
        ] {
            let talked = talks(a.ns, url, address);
            let told = |host: &Host<'_>| {
                format!(
                    "{} {}",
                    host.json(&["pit"]),
                    host.json(&["status"])["drops"]
                )
            };
            assert_eq!(
                talked,
                (passes, passes),
                "{case}: {address}\n{}\n{}",
                told(a),
                told(b)
            );
            let expected = match (passes, clear) {
                (true, false) => "encrypt",
                (_, true) => "clear",
                (false, false) => "discard",
            };
            assert_eq!(action(a, address), expected, "{case}: {address}");
        }
        let heard = capture.stop();
        if passes && clear {
            assert!(heard.canaries > 0, "{case}: {heard:?}");
        } else {
            assert_eq!(heard.canaries, 0, "{case}: plaintext on the wire");
        }
        for host in &hosts {
            host.kumi(&["down"]);
        }
        // Nothing is left in the way.
        let rules = a.ns.ip(&["rule", "list"]);
        assert!(!rules.contains("4649"), "{rules}");
    }
}

#[test]
fn the_first_syn_is_never_repeated_and_a_killed_node_lets_nothing_out() {
    need_root();
    let lan = Lan::new(3);
    let hosts = site(&lan, &[element("lab", "open"), element("lab", "open")]);
    let (a, b) = (&hosts[1], &hosts[2]);
    let _server = serve(b);
    let retransmitted = || {
        let stats = a.ns.run(
            Account::Root,
            "/root",
            &["nstat", "-asz", "TcpRetransSegs"],
            LIMIT,
        );
        let number = stats
            .lines()
            .find(|line| line.starts_with("TcpRetransSegs"));
        let number = number.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
        number.expect("a counter")
    };
    for round in 0..10 {
        // Cold: neither knows the other's session.
        for host in [a, b] {
            host.kumi(&["down"]);
            host.kumi(&["up", "--no-invite"]);
        }
        let before = retransmitted();
        assert!(run(
            a.ns,
            &[
                "curl",
                "-sS",
                "-m",
                "5",
                "-o",
                "/dev/null",
                "http://192.0.2.3:8080/"
            ]
        ));
        assert_eq!(retransmitted(), before, "round {round}");
    }
    let capture = Capture::start(&lan.switch, "p3");
    let pid = a.json(&["status"])["pid"]
        .as_u64()
        .expect("a pid")
        .to_string();
    assert!(run(a.ns, &["kill", "-9", &pid]));
    let url = "http://192.0.2.3:8080/page";
    assert!(!run(
        a.ns,
        &["curl", "-sS", "-m", "3", "-o", "/dev/null", url]
    ));
    let heard = capture.stop();
    assert_eq!(heard.canaries, 0, "in clear once the node was dead");
    // And it comes back by itself, with nothing of the old run past it.
    let past = [
        "route",
        "add",
        "throw",
        "192.0.2.3/32",
        "metric",
        "1",
        "table",
        "4649",
    ];
    a.ns.ip(&past);
    let capture = Capture::start(&lan.switch, "p3");
    a.kumi(&["up", "--no-invite"]);
    assert!(run(
        a.ns,
        &["curl", "-sS", "-m", "5", "-o", "/dev/null", url]
    ));
    assert_eq!(capture.stop().canaries, 0);
    // A node out of site mode takes away what a killed one left.
    let pid = a.json(&["status"])["pid"].to_string();
    assert!(run(a.ns, &["kill", "-9", &pid]));
    configure(a, "[ip]\nsite = []\n");
    a.kumi(&["up", "--no-invite"]);
    assert!(!a.ns.ip(&["rule", "list"]).contains("4649"));
    assert_eq!(
        a.ns.ip(&["route", "show", "table", "all"])
            .matches("4649")
            .count(),
        0
    );
}

/// A plain terminal behind a router that is an element (GEN), which protects it both ways.
#[test]
fn a_router_protects_the_plain_terminals_behind_it() {
    need_root();
    let lan = Lan::new(4);
    let hosts = site(&lan, &[element("lab", "open")]);
    let (server, ges) = (&hosts[0], &hosts[1]);
    let (gen_, stranger) = (&hosts[2], &hosts[3]);
    // The terminal knows nothing of all this: its router is its default route.
    let terminal = Ns::new("plain");
    join(gen_.ns, "lan0", &terminal, "eth0");
    address(gen_.ns, "lan0", "192.168.20.1/24");
    address(&terminal, "eth0", "192.168.20.2/24");
    terminal.ip(&["link", "set", "lo", "up"]);
    terminal.ip(&["route", "add", "default", "via", "192.168.20.1"]);
    assert!(run(gen_.ns, &["sysctl", "-qw", "net.ipv4.ip_forward=1"]));
    for host in [ges, stranger] {
        host.ns
            .ip(&["route", "add", "192.168.20.0/24", "via", "192.0.2.3"]);
    }
    let add = ["group", "add", "gate", "lab", "--behind", "192.168.20.0/24"];
    let line = server.kumi(&add);
    gen_.kumi(&["join", line.trim()]);
    let member = gen_.json(&["group", "list"])["member_of"][0].clone();
    assert_eq!(
        (&member["element"], &member["mode"]),
        (&"gen".into(), &"closed".into())
    );
    let capture = Capture::start(&lan.switch, "p3");
    std::fs::write(gen_.dir.join("page"), CANARY.repeat(1 << 10)).expect("a file");
    let home = gen_.home();
    let web = ["python3", "-m", "http.server", "8080", "--directory", &home];
    let _web = terminal.spawn(Account::Root, &home, &web);
    let _back = serve(ges);
    let to_terminal = "http://192.168.20.2:8080/page";
    eventually(LIMIT, "the terminal, from a member", || {
        run(
            ges.ns,
            &["curl", "-sS", "-m", "4", "-o", "/dev/null", to_terminal],
        )
        .then_some(())
    });
    let to_member = "http://192.0.2.2:8080/page";
    assert!(run(
        &terminal,
        &["curl", "-sS", "-m", "4", "-o", "/dev/null", to_member]
    ));
    assert_eq!(action(ges, "192.168.20.2"), "encrypt");
    assert_eq!(action(gen_, "192.0.2.2"), "encrypt");
    let heard = capture.stop();
    assert_eq!(
        heard.canaries, 0,
        "plaintext between the router and the member"
    );
    // The router is closed: nobody else reaches what lies behind it.
    assert!(!run(
        stranger.ns,
        &["curl", "-sS", "-m", "3", "-o", "/dev/null", to_terminal]
    ));
    // Nor does it let others' packets pass by in clear.
    assert!(run(
        gen_.ns,
        &[
            "sysctl",
            "-qw",
            "net.ipv4.conf.all.send_redirects=0",
            "net.ipv4.conf.eth0.send_redirects=0"
        ]
    ));
    let around = ["route", "add", "192.0.2.1/32", "via", "192.0.2.3"];
    stranger.ns.ip(&around);
    let passes = || run(stranger.ns, &["ping", "-c", "1", "-W", "2", "192.0.2.1"]);
    assert!(!passes());
    for host in [ges, gen_] {
        host.kumi(&["down"]);
    }
    assert!(passes());
    assert!(run(
        stranger.ns,
        &["curl", "-sS", "-m", "3", "-o", "/dev/null", to_terminal]
    ));
    // A kernel that would drop what comes from the LAN is not begun with.
    assert!(run(
        ges.ns,
        &["sysctl", "-qw", "net.ipv4.conf.all.rp_filter=1"]
    ));
    let refused = ges.kumi_output(&["up", "--no-invite"]).stderr;
    let refused = String::from_utf8_lossy(&refused);
    assert!(
        refused.contains("net.ipv4.conf.eth0.rp_filter=2"),
        "{refused}"
    );
}

/// A machine for an element and one for a plain terminal, on wires of their own behind a router at 192.0.2.3.
pub(crate) fn behind(router: &Host<'_>, others: &[&Host<'_>]) -> (Ns, Ns) {
    let machines = (Ns::new("inner"), Ns::new("plain"));
    for (ns, port, net, own, net6) in [
        (&machines.0, "lan0", "192.168.20.1", "192.168.20.2", "a"),
        (&machines.1, "lan1", "192.168.20.129", "192.168.20.130", "b"),
    ] {
        join(router.ns, port, ns, "eth0");
        address(router.ns, port, &format!("{net}/25"));
        address(router.ns, port, &format!("2001:db8:20:{net6}::1/64"));
        ns.ip(&["link", "set", "lo", "up"]);
        address(ns, "eth0", &format!("{own}/25"));
        address(ns, "eth0", &format!("2001:db8:20:{net6}::2/64"));
        ns.ip(&["route", "add", "default", "via", net]);
        let via = format!("2001:db8:20:{net6}::1");
        ns.ip(&["-6", "route", "add", "default", "via", &via]);
    }
    for forwarding in ["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"] {
        assert!(run(router.ns, &["sysctl", "-qw", forwarding]));
    }
    for host in others {
        for (to, via) in [
            ("192.168.20.0/24", "192.0.2.3"),
            ("2001:db8:20::/48", "2001:db8::3"),
        ] {
            host.ns.ip(&["route", "add", to, "via", via]);
        }
    }
    // Until a router has looked for duplicates of its addresses it finds no neighbours.
    eventually(LIMIT, "addresses of the router", || {
        let tentative = router.ns.ip(&["-6", "address", "show", "tentative"]);
        tentative.is_empty().then_some(())
    });
    machines
}

/// Three elements on a path (reference test C2): the router in the middle shares no group with the
/// outer one, which shares one with a host behind it. These two encrypt, and the router relays.
#[test]
fn a_router_relays_between_an_element_behind_it_and_one_outside() {
    need_root();
    let lan = Lan::new(4);
    let hosts = site(&lan, &[element("office", "open")]);
    let (server, outer) = (&hosts[0], &hosts[1]);
    let (router, stranger) = (&hosts[2], &hosts[3]);
    let (behind, _plain) = behind(router, &[server, outer, stranger]);
    let inner = Host::new(&behind, Account::Root, "site-inner");
    let line = server.kumi(&["group", "add", "gate", "lab", "--behind", "192.168.20.0/24"]);
    router.kumi(&["join", line.trim()]);
    let line = server.kumi(&["group", "add", "inner", "lab", "office"]);
    inner.kumi(&["join", line.trim()]);
    let capture = Capture::start(&lan.switch, "p3");
    let _web = serve(outer);
    let _inner_web = serve(&inner);
    for (from, to, pattern) in [
        (&inner, "192.0.2.2", "outwards"),
        (outer, "192.168.20.2", "inwards"),
    ] {
        let talked = talks(from.ns, &format!("http://{to}:8080/page"), to);
        assert_eq!(talked, (true, true), "{pattern}: {}", from.json(&["pit"]));
        assert_eq!(action(from, to), "encrypt", "{pattern}");
    }
    assert_eq!(capture.stop().canaries, 0, "plaintext past the router");
    // The router cannot read what it relays. To the inner one, in its group, it says so; the outer one knows nothing.
    let path = |from: &Host<'_>, there: &str| entry(from, there)["path"].clone();
    let said = eventually(LIMIT, "the report of the router", || {
        path(&inner, "192.0.2.2").get(0).cloned()
    });
    assert_eq!(
        (&said["peer"], &said["element"], &said["mode"]),
        (&router.f().into(), &"gen".into(), &"closed".into())
    );
    assert_eq!(path(outer, "192.168.20.2"), serde_json::Value::Null);
    assert_eq!(action(router, "192.0.2.2"), "relay");
    // It speaks for the plain terminal, and shares no group with the outer one.
    for (from, to) in [
        (outer, "192.168.20.130"),
        (stranger, "192.168.20.130"),
        (stranger, "192.168.20.2"),
    ] {
        assert!(!run(from.ns, &["ping", "-c", "1", "-W", "2", to]), "{to}");
    }
    // Inside it speaks for the terminal, to whoever is in its group.
    assert!(run(
        inner.ns,
        &["ping", "-c", "1", "-W", "2", "192.168.20.130"]
    ));
    assert_eq!(action(&inner, "192.168.20.130"), "encrypt");
}

/// An adapter right before a server that is not changed (GEA, reference test C2): both ends keep
/// their addresses and their routes, and the server's network card is moved to the adapter.
#[test]
fn an_adapter_protects_a_server_that_knows_nothing_of_it() {
    need_root();
    let lan = Lan::new(4);
    let hosts = site(&lan, &[element("lab", "open")]);
    let (gms, member) = (&hosts[0], &hosts[1]);
    let (adapter, stranger) = (&hosts[2], &hosts[3]);
    let server = Ns::new("server");
    join(adapter.ns, "lan0", &server, "eth0");
    adapter.ns.ip(&["link", "set", "lan0", "up"]);
    address(&server, "eth0", "192.0.2.9/24");
    server.ip(&["link", "set", "lo", "up"]);
    let line = gms.kumi(&["group", "add", "vault", "lab", "--behind", "192.0.2.9"]);
    adapter.kumi(&["join", line.trim()]);
    let element = adapter.json(&["group", "list"])["member_of"][0].clone();
    assert_eq!(
        (&element["element"], &element["mode"]),
        (&"gea".into(), &"closed".into())
    );
    let capture = Capture::start(&lan.switch, "p3");
    std::fs::write(adapter.dir.join("page"), CANARY.repeat(1 << 10)).expect("a file");
    let home = adapter.home();
    let web = ["python3", "-m", "http.server", "8080", "--directory", &home];
    let _web = server.spawn(Account::Root, &home, &web);
    let _back = serve(member);
    let to_server = "http://192.0.2.9:8080/page";
    let fetch =
        |from: &Ns, url: &str| run(from, &["curl", "-sS", "-m", "4", "-o", "/dev/null", url]);
    eventually(LIMIT, "the server, from a member", || {
        fetch(member.ns, to_server).then_some(())
    });
    assert!(fetch(&server, "http://192.0.2.2:8080/page"), "and back");
    assert_eq!(action(member, "192.0.2.9"), "encrypt");
    assert_eq!(action(adapter, "192.0.2.2"), "encrypt");
    assert_eq!(
        capture.stop().canaries,
        0,
        "plaintext between the adapter and the member"
    );
    for (from, to) in [(stranger.ns, "192.0.2.9"), (&server, "192.0.2.4")] {
        assert!(!run(from, &["ping", "-c", "1", "-W", "2", to]), "{to}");
    }
    adapter.kumi(&["down"]);
    let proxy = adapter.ns.run(
        Account::Root,
        "/root",
        &["sysctl", "-n", "net.ipv4.conf.lan0.proxy_arp"],
        LIMIT,
    );
    assert_eq!(proxy.trim(), "0", "everything is set back");
}
