//! Programs of the host reach the overlay through proxies, and the host's own `sshd` is reached
//! from it, without privileges as with them.

use std::process::Command;
use std::time::Duration;

use lab::account::Account;
use lab::host::Host;
use lab::ns::eventually;
use lab::ssh::{Sshd, own};
use lab::wire::Cable;
use lab::{http, need_root, sh};

use crate::idle::{rss_kib, wakeups};

const LIMIT: Duration = Duration::from_secs(120);
const SOCKS5: &str = "127.0.0.1:1080";
const HTTP: &str = "127.0.0.1:8081";

fn args(argv: &[String]) -> Vec<&str> {
    argv.iter().map(String::as_str).collect()
}

/// Runs a program on the host itself, outside the overlay; whether it succeeds, and what it said.
fn outside(host: &Host<'_>, account: Account, argv: &[&str]) -> (bool, String) {
    let out = host.ns.output(account, "/tmp", argv, LIMIT);
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    (out.status.success(), text)
}

fn sha256(path: &str) -> String {
    sh("sha256sum", &[path])
        .split_whitespace()
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// Processes of `host` that proxy.
fn proxy_pids(host: &Host<'_>) -> Vec<u32> {
    let is_proxy = |pid: &u32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0).any(|word| word == b"__proxy")
    };
    host.ns.pids().into_iter().filter(is_proxy).collect()
}

fn kill_node(host: &Host<'_>) {
    let pid = host.json(&["status"])["pid"].as_u64().expect("a pid");
    let killed = Command::new("kill").args(["-9", &pid.to_string()]).status();
    assert!(killed.expect("kill").success());
}

/// Nothing waits for connections on the host at any of these ports, and no process is left.
fn all_is_closed(host: &Host<'_>, ports: &[&str]) {
    eventually(Duration::from_secs(5), "the listeners to go", || {
        let (_, listening) = outside(host, Account::Root, &["ss", "-Hltn"]);
        let open = |port: &&str| listening.contains(&format!(":{port} "));
        (!ports.iter().any(open) && proxy_pids(host).is_empty()).then_some(())
    });
}

/// A is started with both proxies and knows B as "server". Returns both addresses F.
fn connect_with_proxies(a: &Host<'_>, b: &Host<'_>) -> (String, String) {
    let line = b.up();
    let up = [
        "up",
        "--no-invite",
        "--socks5",
        SOCKS5,
        "--http-proxy",
        HTTP,
    ];
    let said = a.kumi(&up);
    assert!(
        said.contains("open to every user of this machine"),
        "{said}"
    );
    a.kumi(&["join", &line, "--label", "server"]);
    (a.f(), b.f())
}

/// The status that `curl` got through a proxy: 000 when there was none.
fn status(host: &Host<'_>, account: Account, proxy: &[&str], url: &str) -> String {
    let curl = ["curl", "-sS", "-g", "-o", "/dev/null", "-w", "%{http_code}"];
    let limit = ["--max-time", "30"];
    outside(host, account, &[&curl[..], &limit, proxy, &[url]].concat()).1
}

fn fetch_through_proxies(account_a: Account, account_b: Account, label: &str) {
    need_root();
    let cable = Cable::new();
    let a = Host::new(&cable.a, account_a, &format!("{label}-a"));
    let b = Host::new(&cable.b, account_b, &format!("{label}-b"));
    let (_, f_b) = connect_with_proxies(&a, &b);
    let page = b.dir.join("page");
    std::fs::write(&page, vec![b'k'; 8 << 20]).expect("a page");
    own(&b, &page);
    let _server = http::serve(&b, &f_b, 8080);
    let by_address = http::url(&f_b, 8080, "page");
    http::wait_for(&a, &by_address);
    let http_proxy = format!("http://{HTTP}");
    let proxies: [&[&str]; 3] = [
        &["--socks5-hostname", SOCKS5],
        &["-x", &http_proxy],
        &["-x", &http_proxy, "--proxytunnel"],
    ];
    let fetched = a.dir.join("fetched");
    for proxy in proxies {
        for url in [by_address.as_str(), "http://server:8080/page"] {
            let curl = ["curl", "-sS", "-g", "--max-time", "60", "-o", &fetched];
            let argv = [&curl[..], proxy, &[url]].concat();
            assert!(outside(&a, a.account, &argv).0, "{proxy:?} {url}");
            assert_eq!(sha256(&page), sha256(&fetched), "{proxy:?} {url}");
        }
    }
    // As with `ssh -D`, every user of the machine has them; the help and the status say so.
    assert_eq!(status(&a, Account::B, proxies[0], &by_address), "200");
    nothing_but_the_overlay(&cable, &a, &b, &proxies);
    // By name, as the list has it.
    a.kumi(&["forward", "[::1]:8082", "server:8080"]);
    let by_name = http::url("::1", 8082, "page");
    assert_eq!(status(&a, a.account, &[], &by_name), "200");
    idle_and_gone(&a);
}

/// The host of A reaches a server on the underlay, its proxies do not; names are nobody's but the
/// node's own.
fn nothing_but_the_overlay(cable: &Cable, a: &Host<'_>, b: &Host<'_>, proxies: &[&[&str]]) {
    let server = ["python3", "-m", "http.server", "9000", "--bind"];
    let _there =
        b.ns.spawn(b.account, "/tmp", &[&server[..], &["192.0.2.2"]].concat());
    let _here =
        a.ns.spawn(a.account, "/tmp", &[&server[..], &["127.0.0.1"]].concat());
    for url in ["http://192.0.2.2:9000/", "http://127.0.0.1:9000/"] {
        eventually(Duration::from_secs(10), "the other servers", || {
            (status(a, a.account, &[], url) == "200").then_some(())
        });
        for proxy in proxies {
            let got = status(a, a.account, proxy, url);
            assert!(
                ["000", "403", "502"].contains(&got.as_str()),
                "{proxy:?} {url}: {got}"
            );
        }
    }
    let questions = lab::capture::Capture::start(&cable.a, "eth0");
    for name in ["http://example.com/", "http://localhost:9000/"] {
        assert_eq!(status(a, a.account, proxies[1], name), "403");
        assert_eq!(status(a, a.account, proxies[0], name), "000");
    }
    assert!(
        questions.stop().bytes < 20_000,
        "somebody was asked for a name"
    );
}

/// The process sleeps while nothing passes, a killed one is replaced, and none outlives its node.
fn idle_and_gone(a: &Host<'_>) {
    let pids = proxy_pids(a);
    let &[pid] = pids.as_slice() else {
        panic!("not one process: {pids:?}");
    };
    std::thread::sleep(Duration::from_secs(2));
    let before = wakeups(u64::from(pid));
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(wakeups(u64::from(pid)), before, "woke up for nothing");
    let node = a.json(&["status"])["pid"].as_u64().expect("a pid");
    let (rss, own) = (rss_kib(u64::from(pid)), rss_kib(node));
    println!("proxy process: {rss} KiB, node {own} KiB");
    assert!(own <= 12 * 1024, "{own} KiB");
    sh("kill", &["-9", &pid.to_string()]);
    eventually(Duration::from_secs(10), "another process", || {
        let pids = proxy_pids(a);
        let (_, open) = outside(a, Account::Root, &["ss", "-Hltn"]);
        (pids.len() == 1 && pids != [pid] && open.contains(SOCKS5)).then_some(())
    });
    kill_node(a);
    all_is_closed(a, &["1080", "8081", "8082"]);
}

#[test]
fn programs_outside_get_in_through_proxies() {
    fetch_through_proxies(Account::A, Account::B, "px");
}

#[test]
fn proxies_are_the_same_beside_an_interface_of_the_machine() {
    fetch_through_proxies(Account::Root, Account::Root, "pxr");
}

/// `ssh` and `scp` of 64 MiB on the way that `argv` runs them.
fn log_in_and_copy(a: &Host<'_>, b: &Host<'_>, sshd: &Sshd, run: impl Fn(&[&str]) -> bool) {
    let (from, to) = (a.dir.join("sent"), b.dir.join("arrived"));
    eventually(Duration::from_secs(30), "a login", || {
        run(&args(&sshd.ssh(&["true"]))).then_some(())
    });
    assert!(run(&args(&sshd.scp_to(&from, &to))));
    assert_eq!(sha256(&from), sha256(&to), "64 MiB arrived changed");
    std::fs::remove_file(to).expect("to remove it");
}

fn host_sshd(account_a: Account, account_b: Account, label: &str) {
    need_root();
    let cable = Cable::new();
    let a = Host::new(&cable.a, account_a, &format!("{label}-a"));
    let b = Host::new(&cable.b, account_b, &format!("{label}-b"));
    let (f_a, f_b) = lab::host::connect(&a, &b);
    for host in [&a, &b] {
        assert!(proxy_pids(host).is_empty(), "a process for nothing");
    }
    let mut sshd = Sshd::start_outside(&b, &a);
    let sent = a.dir.join("sent");
    sh(
        "dd",
        &[
            "if=/dev/urandom",
            &format!("of={sent}"),
            "bs=1M",
            "count=64",
            "status=none",
        ],
    );
    own(&a, &sent);
    b.kumi(&["forward", "inside:22", "127.0.0.1:2222"]);
    a.kumi(&["forward", "127.0.0.1:2200", &format!("[{f_b}]:22")]);
    let inside = |argv: &[&str]| {
        let argv = a.inside(argv);
        let out = a.ns.output(a.account, &a.home(), &args(&argv), LIMIT);
        out.status.success()
    };
    let from_host = |argv: &[&str]| outside(&a, a.account, argv).0;
    sshd.reached_at(&f_b, 22);
    log_in_and_copy(&a, &b, &sshd, inside);
    sshd.reached_at("127.0.0.1", 2200);
    log_in_and_copy(&a, &b, &sshd, from_host);
    // The rules of the node stand before the forward.
    b.kumi(&["allow", &f_a, "--port", "tcp/80"]);
    assert!(!from_host(&args(&sshd.ssh(&["true"]))), "past the rules");
    b.kumi(&["allow", &f_a, "--port", "tcp/22"]);
    forwards_come_back(&a, &b);
    log_in_and_copy(&a, &b, &sshd, from_host);
    a.kumi(&["forward", "--remove", "127.0.0.1:2200"]);
    all_is_closed(&a, &["2200"]);
    kill_node(&b);
    all_is_closed(&b, &["22"]);
}

/// Both nodes stop, in order and by kill -9, and start; a port that somebody took meanwhile is
/// named, and stops nothing else.
fn forwards_come_back(a: &Host<'_>, b: &Host<'_>) {
    let mode = sh("stat", &["-c", "%a", &b.dir.join("state/forwards")]);
    assert_eq!(mode.trim(), "600");
    b.kumi(&["down"]);
    all_is_closed(b, &["22"]);
    kill_node(a);
    all_is_closed(a, &["2200"]);
    let taken = [
        "python3",
        "-m",
        "http.server",
        "2200",
        "--bind",
        "127.0.0.1",
    ];
    let other = a.ns.spawn(a.account, "/tmp", &taken);
    eventually(Duration::from_secs(10), "the other server", || {
        (status(a, a.account, &[], "http://127.0.0.1:2200/") == "200").then_some(())
    });
    let said = a.kumi(&["up", "--no-invite"]);
    assert!(said.contains("127.0.0.1:2200"), "{said}");
    a.kumi(&["down"]);
    drop(other);
    for host in [a, b] {
        host.kumi(&["up", "--no-invite"]);
    }
    let list = |host: &Host<'_>| host.json(&["forward"])["forwards"][0]["listen"].clone();
    assert_eq!(
        (list(a), list(b)),
        ("127.0.0.1:2200".into(), "inside:22".into())
    );
}

#[test]
fn the_sshd_of_the_host_is_reached_without_privileges() {
    host_sshd(Account::A, Account::B, "pf");
}

#[test]
fn the_sshd_of_the_host_is_reached_beside_an_interface_of_the_machine() {
    host_sshd(Account::Root, Account::Root, "pfr");
}
