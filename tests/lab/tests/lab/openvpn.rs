//! Another VPN: OpenVPN and Kumihimo on the same hosts leave each other alone, and a node inside an
//! OpenVPN network reaches the nodes in it.

use std::time::Duration;

use crate::host_untouched::portrait;
use lab::account::{Account, Dir};
use lab::host::{Host, connect};
use lab::ns::{Ns, Running, eventually};
use lab::wire::{Cable, address, join};
use lab::{http, need_root, sh};

const LIMIT: Duration = Duration::from_secs(30);
/// The address of the server inside its network.
const SERVER: &str = "10.8.0.1";

/// One OpenVPN network: keys and certificates that know each other by their fingerprints.
struct Vpn(Dir);

impl Vpn {
    fn new() -> Self {
        let dir = Dir::new(Account::Root, "openvpn");
        for name in ["server", "1", "2"] {
            let (key, cert) = (
                dir.join(&format!("{name}.key")),
                dir.join(&format!("{name}.crt")),
            );
            let subject = format!("/CN={name}");
            let kind = [
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
            ];
            let files = [
                "-keyout", &key, "-out", &cert, "-days", "30", "-subj", &subject,
            ];
            sh("openssl", &[&["req", "-x509"], &kind[..], &files].concat());
        }
        Self(dir)
    }

    fn fingerprint(&self, name: &str) -> String {
        let cert = self.0.join(&format!("{name}.crt"));
        let text = sh(
            "openssl",
            &["x509", "-noout", "-fingerprint", "-sha256", "-in", &cert],
        );
        let (_, fingerprint) = text.trim().split_once('=').expect("a fingerprint");
        fingerprint.to_owned()
    }

    fn start(&self, ns: &Ns, name: &str, peers: &[&str], more: &[&str]) -> Running {
        let (key, cert) = (
            self.0.join(&format!("{name}.key")),
            self.0.join(&format!("{name}.crt")),
        );
        let mut argv = vec![
            "openvpn",
            "--dev",
            "ov0",
            "--dev-type",
            "tun",
            "--proto",
            "udp4",
        ];
        argv.extend(["--key", &key, "--cert", &cert]);
        let prints: Vec<String> = peers.iter().map(|peer| self.fingerprint(peer)).collect();
        for print in &prints {
            argv.extend(["--peer-fingerprint", print]);
        }
        argv.extend(more);
        ns.spawn(Account::Root, "/root", &argv)
    }

    fn server(&self, ns: &Ns) -> Running {
        let network = [
            "--topology",
            "subnet",
            "--server",
            "10.8.0.0",
            "255.255.255.0",
        ];
        let rest = [
            "--dh",
            "none",
            "--client-to-client",
            "--keepalive",
            "1",
            "8",
        ];
        let running = self.start(ns, "server", &["1", "2"], &[&network[..], &rest].concat());
        tunnel_address(ns);
        running
    }

    /// Starts a client of the server at `outside` and waits until it reaches it; returns its address
    /// inside too.
    fn client(&self, ns: &Ns, name: &str, outside: &str) -> (Running, String) {
        let more = ["--client", "--nobind", "--remote", outside, "1194"];
        let retry = ["--connect-retry", "1", "2"];
        let running = self.start(ns, name, &["server"], &[&more[..], &retry].concat());
        let address = tunnel_address(ns);
        eventually(LIMIT, "a ping through OpenVPN", || {
            pings(ns, SERVER).then_some(())
        });
        (running, address)
    }
}

/// This host's address inside the VPN, once it has one.
fn tunnel_address(ns: &Ns) -> String {
    eventually(LIMIT, "OpenVPN to have an address", || {
        let show = ["ip", "-4", "-o", "addr", "show", "dev", "ov0"];
        let out = ns.output(Account::Root, "/root", &show, LIMIT);
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        let (_, rest) = text.split_once("inet ")?;
        Some(rest.split('/').next()?.to_owned())
    })
}

fn pings(ns: &Ns, to: &str) -> bool {
    let argv = ["ping", "-c", "1", "-W", "1", to];
    ns.output(Account::Root, "/root", &argv, LIMIT)
        .status
        .success()
}

/// Fetches 8 MiB from `server` at its address in the VPN, and says whether they arrived.
fn fetch_through_vpn(client: &Host<'_>, server: &Host<'_>, at: &str) {
    let file = page(server);
    let argv = [
        "python3",
        "-m",
        "http.server",
        "8088",
        "--bind",
        at,
        "--directory",
    ];
    let home = server.home();
    let _server = server
        .ns
        .spawn(server.account, &home, &[&argv[..], &[&home]].concat());
    let (out, url) = (
        client.dir.join("through-vpn"),
        format!("http://{at}:8088/page"),
    );
    let curl = ["curl", "-sS", "--max-time", "20", "-o", &out, &url];
    eventually(LIMIT, "a file through OpenVPN", || {
        let got = client
            .ns
            .output(client.account, &client.home(), &curl, LIMIT);
        got.status.success().then_some(())
    });
    assert_eq!(std::fs::read(out).expect("the file"), file);
}

/// The same by the overlay address.
fn fetch_through_overlay(client: &Host<'_>, server: &Host<'_>, f: &str) {
    let file = page(server);
    let _server = http::serve(server, f, 8089);
    let (url, out) = (
        http::url(f, 8089, "page"),
        client.dir.join("through-overlay"),
    );
    http::wait_for(client, &url);
    let curl = ["curl", "-sS", "-g", "--max-time", "20", "-o", &out, &url];
    client.run_inside(&curl, LIMIT);
    assert_eq!(std::fs::read(out).expect("the file"), file);
}

fn page(server: &Host<'_>) -> Vec<u8> {
    let bytes: Vec<u8> = (0u32..2 << 20)
        .flat_map(|n| (n.wrapping_mul(2_654_435_761)).to_le_bytes())
        .collect();
    std::fs::write(server.dir.join("page"), &bytes).expect("a file");
    bytes
}

/// Pings by name of the peer until one is answered, and returns where the answer came from.
fn kumi_ping(host: &Host<'_>, f: &str) -> String {
    eventually(LIMIT, "a ping through Kumihimo", || {
        let out = host.kumi_output(&["ping", f, "-c", "1"]);
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        out.status.success().then_some(text)
    })
}

/// Everything of the host that neither may change for the other.
fn both_portrait(ns: &Ns) -> String {
    let of = |what: &[&str]| ns.run(Account::Root, "/root", what, LIMIT);
    let mine = of(&["ip", "-4", "route", "show", "dev", "ov0"]);
    let device = of(&["ip", "-4", "-br", "addr", "show", "dev", "ov0"]);
    [portrait(ns), mine, device].join("\n--\n")
}

fn unchanged(before: &str, ns: &Ns, what: &str) {
    let now = both_portrait(ns);
    let differ = before.lines().zip(now.lines()).find(|(a, b)| a != b);
    assert!(before == now, "{what} changed {differ:?}");
}

fn side_by_side(account: Account, openvpn_first: bool) {
    need_root();
    let cable = Cable::new();
    let vpn = Vpn::new();
    cable.a.ip(&["route", "add", "default", "via", "192.0.2.2"]);
    let a = Host::new(&cable.a, account, "ov-a");
    let b = Host::new(&cable.b, Account::Root, "ov-b");
    let begin = || (vpn.server(&cable.b), vpn.client(&cable.a, "1", "192.0.2.2"));
    let (tunnel, (f_a, f_b), before) = if openvpn_first {
        let tunnel = begin();
        let before = both_portrait(&cable.a);
        (tunnel, connect(&a, &b), Some(before))
    } else {
        let addresses = connect(&a, &b);
        (begin(), addresses, None)
    };
    let during = both_portrait(&cable.a);
    if let Some(before) = before {
        unchanged(&before, &cable.a, "starting Kumihimo");
    }
    kumi_ping(&a, &f_b);
    kumi_ping(&b, &f_a);
    fetch_through_vpn(&a, &b, SERVER);
    fetch_through_overlay(&a, &b, &f_b);

    // Kumihimo stops and starts; OpenVPN does not notice.
    a.kumi(&["down"]);
    assert!(pings(&cable.a, SERVER), "OpenVPN ended with Kumihimo");
    unchanged(&during, &cable.a, "stopping Kumihimo");
    a.kumi(&["up", "--no-invite"]);
    kumi_ping(&a, &f_b);
    assert!(pings(&cable.a, SERVER));
    unchanged(&during, &cable.a, "starting it again");

    // OpenVPN stops and starts; whatever went through it finds the cable.
    drop(tunnel);
    eventually(LIMIT, "OpenVPN's interface to go", || {
        (!cable.a.ip(&["-o", "link"]).contains("ov0")).then_some(())
    });
    kumi_ping(&a, &f_b);
    kumi_ping(&b, &f_a);
    let _tunnel = begin();
    kumi_ping(&a, &f_b);
    unchanged(&during, &cable.a, "OpenVPN on its way back");
    fetch_through_vpn(&a, &b, SERVER);
    fetch_through_overlay(&b, &a, &f_a);
    for host in [&a, &b] {
        host.kumi(&["down"]);
    }
}

#[test]
fn openvpn_first_then_kumihimo_as_root() {
    side_by_side(Account::Root, true);
}

#[test]
fn kumihimo_as_an_ordinary_account_first_then_openvpn() {
    side_by_side(Account::A, false);
}

#[test]
fn nodes_inside_an_openvpn_network_join_through_it() {
    need_root();
    let (a, b, server) = (Ns::new("a"), Ns::new("b"), Ns::new("vpn"));
    // Two cables to a server that forwards nothing between them.
    for (host, interface, net) in [(&a, "to-a", "192.0.2"), (&b, "to-b", "198.51.100")] {
        join(host, "eth0", &server, interface);
        address(host, "eth0", &format!("{net}.2/24"));
        address(&server, interface, &format!("{net}.1/24"));
        host.ip(&["route", "add", "default", "via", &format!("{net}.1")]);
    }
    let forwards = server.run(
        Account::Root,
        "/root",
        &["sysctl", "-n", "net.ipv4.ip_forward"],
        LIMIT,
    );
    assert_eq!(forwards.trim(), "0");
    let vpn = Vpn::new();
    let _server = vpn.server(&server);
    let (_a, inside_a) = vpn.client(&a, "1", "192.0.2.1");
    let (_b, inside_b) = vpn.client(&b, "2", "198.51.100.1");
    assert!(
        !pings(&a, "198.51.100.2") && !pings(&b, "192.0.2.2"),
        "there is another way"
    );
    assert!(pings(&a, &inside_b) && pings(&b, &inside_a));

    let host_a = Host::new(&a, Account::Root, "in-a");
    let host_b = Host::new(&b, Account::B, "in-b");
    let (f_a, f_b) = connect(&host_a, &host_b);
    let way = kumi_ping(&host_a, &f_b);
    assert!(
        way.contains(&format!("{inside_b}:")),
        "not through OpenVPN: {way}"
    );
    kumi_ping(&host_b, &f_a);
    fetch_through_overlay(&host_b, &host_a, &f_a);
    fetch_through_overlay(&host_a, &host_b, &f_b);
    for host in [&host_a, &host_b] {
        host.kumi(&["down"]);
    }
}
