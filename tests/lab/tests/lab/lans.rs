//! Two LANs with plain hosts, each behind a node: seed 000's VPN, and the Box's job.
//!
//! ```text
//!  ns host a ── lan0 ns node a eth0 ═══ eth0 ns node b lan0 ── ns host b
//!  192.168.10.2      .1   192.0.2.1     192.0.2.2   .1    192.168.20.2
//!  fd00:10::2       ::1                            ::1       fd00:20::2
//! ```
//!
//! The hosts know nothing of Kumihimo: they have a static route to their node, and they hear no
//! ICMP error, so that only the MSS tells them what fits the tunnel.

use std::time::Duration;

use lab::account::Account;
use lab::capture::Capture;
use lab::host::{Host, connect};
use lab::need_root;
use lab::ns::{Ns, eventually};
use lab::ssh::Sshd;
use lab::wire::{Cable, address, join};

use crate::traffic::{args, canary_file, sha256};

const LIMIT: Duration = Duration::from_secs(60);
const FILE_LEN: usize = 16 << 20;

/// A plain host of the LAN 192.168.`own`.0/24 and fd00:`own`::/64, and its way to the other.
fn plain_host(node: &Ns, own: u8, other: u8) -> Ns {
    let host = Ns::new("h");
    join(node, "lan0", &host, "eth0");
    for (ns, interface, last) in [(node, "lan0", 1), (&host, "eth0", 2)] {
        address(ns, interface, &format!("192.168.{own}.{last}/24"));
        address(ns, interface, &format!("fd00:{own}::{last}/64"));
    }
    let (v4, v6) = (
        format!("192.168.{other}.0/24"),
        format!("fd00:{other}::/64"),
    );
    host.ip(&["route", "add", &v4, "via", &format!("192.168.{own}.1")]);
    host.ip(&["-6", "route", "add", &v6, "via", &format!("fd00:{own}::1")]);
    run(
        &host,
        &[
            "nft",
            "add table inet deaf; add chain inet deaf in { type filter hook input priority 0; }; \
             add rule inet deaf in icmp type destination-unreachable drop; \
             add rule inet deaf in icmpv6 type packet-too-big drop",
        ],
    );
    host
}

fn run(ns: &Ns, argv: &[&str]) -> String {
    ns.run(Account::Root, "/root", argv, LIMIT)
}

pub(crate) fn configure(node: &Host<'_>, text: &str) {
    let folder = node.dir.join(".config/kumihimo");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(format!("{folder}/kumi.toml"), text).expect("a config");
}

/// The arguments of each notice of a kind.
fn notices(node: &Host<'_>, kind: &str) -> Vec<serde_json::Value> {
    let status = node.json(&["status"]);
    let all = status["notices"].as_array().expect("notices");
    let of_kind = all.iter().filter(|notice| notice["kind"] == kind);
    of_kind.map(|notice| notice["args"].clone()).collect()
}

/// Does what `kumi status` says about a peer whose prefixes have no effect yet.
fn accept_what_is_said(node: &Host<'_>, but: &str) {
    let args = eventually(LIMIT, "a prefix to be announced", || {
        notices(node, "not-accepted").pop()
    });
    let text = |name: &str| args[name].as_str().expect("a text");
    let (who, accept) = (text("who"), text("accept"));
    assert!(
        node.kumi(&["peers"])
            .contains(&format!("kumi allow {who} {accept}"))
    );
    let options: Vec<&str> = accept.split(' ').collect();
    let options = options.chunks(2).filter(|option| option[1] != but);
    let argv = [
        &["allow", who][..],
        &options.flatten().copied().collect::<Vec<_>>(),
    ]
    .concat();
    node.kumi(&argv);
}

fn scp(from: &Host<'_>, to: &Host<'_>, ip: &str) {
    let sshd = Sshd::start(to, from, ip);
    let path = canary_file(from, "file", FILE_LEN);
    let arrived = to.dir.join("arrived");
    let argv = sshd.scp_to(&path, &arrived);
    from.ns.run(from.account, &from.home(), &args(&argv), LIMIT);
    assert_eq!(sha256(&path), sha256(&arrived), "to {ip}");
    std::fs::remove_file(arrived).expect("to remove it");
}

fn pings(from: &Ns, source: &str, to: &str) -> bool {
    let argv = ["ping", "-c", "1", "-W", "1", "-I", source, to];
    let out = from.output(Account::Root, "/root", &argv, LIMIT);
    out.status.success()
}

fn fetches(from: &Host<'_>, url: &str) -> bool {
    let argv = ["curl", "-sS", "-o", "/dev/null", "--max-time", "3", url];
    let out = from.ns.output(from.account, &from.home(), &argv, LIMIT);
    out.status.success()
}

fn drops(node: &Host<'_>, reason: &str) -> u64 {
    node.json(&["status"])["drops"][reason]
        .as_u64()
        .unwrap_or(0)
}

#[test]
fn plain_hosts_of_two_lans_reach_each_other_and_only_what_is_accepted() {
    need_root();
    let cable = Cable::new();
    let (lan_a, lan_b) = (plain_host(&cable.a, 10, 20), plain_host(&cable.b, 20, 10));
    let a = Host::new(&cable.a, Account::Root, "lans-a");
    let b = Host::new(&cable.b, Account::Root, "lans-b");
    let host_a = Host::new(&lan_a, Account::Root, "lans-ha");
    let host_b = Host::new(&lan_b, Account::Root, "lans-hb");
    configure(
        &a,
        "[ip]\nannounce = ['192.168.10.0/24', 'fd00:10::/64', '192.168.99.0/24']\n",
    );
    configure(&b, "[ip]\nannounce = ['192.168.20.0/24', 'fd00:20::/64']\n");
    let capture = Capture::start(&cable.a, "eth0");
    let (f_a, _) = connect(&a, &b);

    open_the_way(&a, &b, &lan_a);
    for (v4, v6, from, to) in [
        ("192.168.20.2", "fd00:20::2", &host_a, &host_b),
        ("192.168.10.2", "fd00:10::2", &host_b, &host_a),
    ] {
        scp(from, to, v4);
        scp(from, to, v6);
    }
    let heard = capture.stop();
    assert_eq!(heard.canaries, 0, "plaintext on the wire");
    assert!(heard.bytes > 4 * FILE_LEN as u64, "{heard:?}");

    // Node A lets its host send from there; node B does not accept it.
    address(&lan_a, "eth0", "192.168.99.2/24");
    let before = drops(&b, "source_not_peer");
    assert!(!pings(&lan_a, "192.168.99.2", "192.168.20.2"));
    assert_eq!(drops(&b, "source_not_peer"), before + 1);
    // And one that node A does not announce goes no further than that.
    address(&lan_a, "eth0", "192.168.98.2/24");
    assert!(!pings(&lan_a, "192.168.98.2", "192.168.20.2"));
    assert!(drops(&a, "source_not_own") >= 1);
    assert!(pings(&lan_a, "192.168.10.2", "192.168.20.2"));

    only_ssh(&b, &f_a, &host_a, &host_b);
    a.kumi(&["down"]);
    let left = cable.a.ip(&["route"]) + &cable.a.ip(&["-6", "route"]);
    assert!(!left.contains("kumi") && !left.contains(".20.0"), "{left}");
}

/// Nothing works by itself; everything that is missing is said, and then done.
fn open_the_way(a: &Host<'_>, b: &Host<'_>, lan_a: &Ns) {
    assert!(!pings(lan_a, "192.168.10.2", "192.168.20.2"));
    assert!(!a.ns.ip(&["route"]).contains("192.168.20.0"));
    assert_eq!(notices(a, "not-forwarding").len(), 2);
    assert!(
        a.kumi(&["check"])
            .contains("sysctl -w net.ipv4.ip_forward=1")
    );
    for node in [a, b] {
        for sysctl in ["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"] {
            run(node.ns, &["sysctl", "-w", sysctl]);
        }
    }
    assert_eq!(notices(a, "not-forwarding").len(), 0);
    accept_what_is_said(a, "");
    accept_what_is_said(b, "192.168.99.0/24");
    let said = &notices(a, "beyond-gateway")[0]["prefixes"];
    assert_eq!(
        said.as_str(),
        Some("192.168.10.0/24, fd00:10::/64, 192.168.99.0/24, 192.168.20.0/24, fd00:20::/64")
    );
    assert!(a.kumi(&["status"]).contains("is ordinary IP"));
}

/// Node B lets A reach the lab's SSH port and nothing else, on plain hosts as on itself.
fn only_ssh(b: &Host<'_>, f_a: &str, host_a: &Host<'_>, host_b: &Host<'_>) {
    let home = host_b.home();
    let _server = host_b.ns.spawn(
        Account::Root,
        &home,
        &[
            "python3",
            "-m",
            "http.server",
            "8080",
            "--bind",
            "192.168.20.2",
            "--directory",
            &home,
        ],
    );
    let url = "http://192.168.20.2:8080/";
    eventually(LIMIT, "the page before the rule", || {
        fetches(host_a, url).then_some(())
    });
    let port = format!("tcp/{}", lab::ssh::PORT);
    b.kumi(&["allow", f_a, "--port", &port]);
    assert!(!fetches(host_a, url), "a port outside the rule answered");
    scp(host_a, host_b, "192.168.20.2");
    let accepts = b.json(&["list"])["entries"][0]["accepts"].clone();
    let kept = serde_json::json!(["192.168.10.0/24", "fd00:10::/64"]);
    assert_eq!(
        accepts, kept,
        "a rule about ports leaves the prefixes alone"
    );
    eventually(LIMIT, "answers to what host B starts", || {
        pings(host_b.ns, "192.168.20.2", "192.168.10.2").then_some(())
    });
    b.kumi(&["allow", f_a, "--accept", "none"]);
    assert!(!pings(host_a.ns, "192.168.10.2", "192.168.20.2"));
    assert!(!b.ns.ip(&["route"]).contains("192.168.10.0"));
    let entry = b.json(&["list"])["entries"][0].clone();
    assert_eq!(entry["accepts"], serde_json::json!([]));
    assert!(
        entry["services"]["ports"].is_array(),
        "and it the ports: {entry}"
    );
}
