//! Two machines behind NAT, in two places, and a Bridge that anyone may run: seed 000's KATABAMI
//! Bridge, with real programs.

use std::time::{Duration, Instant};

use lab::account::Account;
use lab::capture::Capture;
use lab::host::Host;
use lab::nat::Nat;
use lab::need_root;
use lab::ns::{Ns, eventually};
use lab::ssh::Sshd;

use crate::traffic::{args, canary_file, curl, iperf3, sha256, ssh_and_scp};

const LIMIT: Duration = Duration::from_secs(240);
/// How soon everything is back after something died.
const BACK: Duration = Duration::from_secs(3);

/// The namespaces of one test.
struct Place {
    nat: Nat,
    a: Ns,
    b: Ns,
}

impl Place {
    /// Both behind NATs that no hole is punched through.
    fn new() -> Self {
        need_root();
        let nat = Nat::new();
        nat.part_homes(true);
        let (a, b) = (nat.a.host("a"), nat.b.host("b"));
        Self { nat, a, b }
    }
}

/// The last word of a text that begins like a line.
fn line_in(text: &str) -> String {
    let found = text
        .split_whitespace()
        .find(|word| word.starts_with("kumi1:"));
    found
        .unwrap_or_else(|| panic!("no line in:\n{text}"))
        .to_owned()
}

/// The first hour: `bridge up`, `up --bridge`, `join`, `ping`. Returns the addresses of A and B.
fn first_hour(bridge: &Host<'_>, a: &Host<'_>, b: &Host<'_>) -> (String, String) {
    let line = line_in(&bridge.kumi(&["bridge", "up"]));
    let invite = line_in(&a.kumi(&["up", "--bridge", &line]));
    b.kumi(&["join", &invite]);
    let f_a = a.f();
    let pinged = b.kumi(&["ping", &f_a, "-c", "3"]);
    assert!(
        pinged.contains(&bridge.f()),
        "through which Bridge:\n{pinged}"
    );
    (f_a, b.f())
}

fn everything(accounts: [Account; 3], label: &str, udp: bool) {
    let place = Place::new();
    for lan in [&place.nat.a, &place.nat.b] {
        lan.block_udp(!udp);
    }
    let [of_bridge, of_a, of_b] = accounts;
    let bridge = Host::new(&place.nat.public, of_bridge, &format!("{label}-p"));
    let a = Host::new(&place.a, of_a, &format!("{label}-a"));
    let b = Host::new(&place.b, of_b, &format!("{label}-b"));
    let captures = [
        Capture::start(&place.nat.public, "eth0"),
        Capture::start(&place.nat.a.router, "wan"),
    ];
    let (f_a, f_b) = first_hour(&bridge, &a, &b);
    let status = a.json(&["status"]);
    let via = if udp { "direct" } else { "stream" };
    assert!(status["bridges"][0]["via"][via].is_string(), "{status:#}");
    b.run_inside(&["ping", "-c", "3", "-W", "2", &f_a], LIMIT);
    curl(&a, &b, &f_b);
    curl(&b, &a, &f_a);
    iperf3(&a, &b, &f_b);
    ssh_and_scp(&a, &b, &f_b);
    for capture in captures {
        let heard = capture.stop();
        println!("{label}: eavesdropper {heard:?}");
        assert_eq!(heard.canaries, 0, "plaintext on the wire");
        assert!(
            heard.bytes > 1 << 30,
            "heard too little to say anything: {heard:?}"
        );
    }
    assert!(
        !in_memory_of(&bridge, lab::CANARY),
        "the Bridge holds plaintext"
    );
    for host in [&a, &b, &bridge] {
        host.kumi(&["down"]);
    }
}

/// Whether a running node's memory holds these bytes. Looks at an image of all of it.
fn in_memory_of(host: &Host<'_>, bytes: &[u8]) -> bool {
    let pid = host.json(&["status"])["pid"].to_string();
    let image = format!("/tmp/kml{}-core", std::process::id());
    lab::sh("gcore", &["-a", "-o", &image, &pid]);
    let path = format!("{image}.{pid}");
    let image = std::fs::read(&path).expect("the image");
    std::fs::remove_file(&path).expect("to remove it");
    assert!(image.len() > 1 << 20, "an image of {} bytes", image.len());
    memchr(&image, bytes)
}

fn memchr(image: &[u8], bytes: &[u8]) -> bool {
    let first = bytes[0];
    let mut rest = image;
    while let Some(at) = rest.iter().position(|b| *b == first) {
        rest = &rest[at..];
        if rest.starts_with(bytes) {
            return true;
        }
        rest = &rest[1..];
    }
    false
}

#[test]
fn ordinary_accounts_behind_nat_over_udp() {
    everything([Account::A, Account::A, Account::B], "nu", true);
}

#[test]
fn ordinary_accounts_behind_nat_with_udp_blocked() {
    everything([Account::A, Account::A, Account::B], "nt", false);
}

#[test]
fn root_behind_nat_over_udp() {
    everything([Account::Root, Account::Root, Account::Root], "nr", true);
}

#[test]
fn an_ordinary_account_and_root_behind_nat() {
    everything([Account::B, Account::A, Account::Root], "nm", true);
}

#[test]
fn a_hole_is_punched_where_the_nats_let_it() {
    let place = Place::new();
    let bridge = Host::new(&place.nat.public, Account::A, "hp-p");
    let a = Host::new(&place.a, Account::A, "hp-a");
    let b = Host::new(&place.b, Account::B, "hp-b");
    let (_, f_b) = first_hour(&bridge, &a, &b);
    place.nat.part_homes(false);
    // Tried again when something changes, and with each change of keys.
    place
        .a
        .ip(&["addr", "add", "192.168.1.77/24", "dev", "eth0"]);
    eventually(Duration::from_secs(10), "a direct way", || {
        a.kumi(&["ping", &f_b, "-c", "1"]);
        through(&a, &f_b).is_empty().then_some(())
    });
    let pinged = a.kumi(&["ping", &f_b, "-c", "1"]);
    assert!(pinged.contains("203.0.113.2"), "{pinged}");
}

/// Kills a node without a word.
fn kill(host: &Host<'_>) {
    let pid = host.json(&["status"])["pid"].to_string();
    lab::sh("kill", &["-9", &pid]);
    let proc = format!("/proc/{pid}/stat");
    eventually(Duration::from_secs(2), "the process to end", || {
        let stat = std::fs::read_to_string(&proc);
        stat.map_or(true, |stat| stat.contains(") Z "))
            .then_some(())
    });
}

fn attached(host: &Host<'_>) -> usize {
    let status = host.json(&["status"]);
    let bridges = status["bridges"].as_array().cloned().unwrap_or_default();
    bridges.iter().filter(|b| b["attached"] == true).count()
}

fn answers(host: &Host<'_>, f: &str) -> bool {
    host.kumi_output(&["ping", f, "-c", "1"]).status.success()
}

#[test]
fn another_bridge_takes_over_a_running_copy_within_3_s() {
    let place = Place::new();
    let second = place.nat.second_public();
    let first = Host::new(&place.nat.public, Account::A, "tk-1");
    let second = Host::new(&second, Account::A, "tk-2");
    let a = Host::new(&place.a, Account::A, "tk-a");
    let b = Host::new(&place.b, Account::B, "tk-b");
    let lines = [&first, &second].map(|bridge| line_in(&bridge.kumi(&["bridge", "up"])));
    let up = ["up", "--bridge", &lines[0], "--bridge", &lines[1]];
    let invite = line_in(&a.kumi(&up));
    b.kumi(&["join", &invite]);
    let f_b = b.f();
    eventually(BACK, "B to be a client of both", || {
        (attached(&b) == 2).then_some(())
    });
    a.kumi(&["ping", &f_b, "-c", "3"]);

    let sshd = Sshd::start(&b, &a, &f_b);
    let from = canary_file(&a, "file", 256 << 20);
    let to = b.dir.join("arrived");
    let copy = a.spawn_inside(&args(&sshd.scp_to(&from, &to)));
    let len = || std::fs::metadata(&to).map_or(0, |found| found.len());
    eventually(Duration::from_secs(20), "the copy to begin", || {
        (len() > 16 << 20).then_some(())
    });
    let through = through(&a, &f_b);
    let dead = if through == first.f() {
        &first
    } else {
        &second
    };
    kill(dead);
    let killed = Instant::now();
    let at_death = len();
    let gone_on = eventually(Duration::from_secs(10), "the copy to go on", || {
        // What was on the way still arrives; more than that only goes by the other Bridge.
        (len() > at_death + (8 << 20)).then(|| killed.elapsed())
    });
    println!("the copy went on {gone_on:?} after its Bridge died");
    assert!(gone_on < BACK, "{gone_on:?}");
    assert!(copy.wait(LIMIT).success());
    assert_eq!(sha256(&from), sha256(&to));
}

/// The Bridge that a peer is reached through.
fn through(host: &Host<'_>, f: &str) -> String {
    let peers = host.json(&["peers"]);
    let peers = peers["peers"].as_array().cloned().unwrap_or_default();
    let peer = peers.iter().find(|peer| peer["address"] == f);
    let bridge = peer.and_then(|peer| peer["via"]["bridge"].as_str());
    bridge.unwrap_or_default().to_owned()
}

#[test]
fn whoever_dies_is_back_within_3_s_and_nothing_is_typed_again() {
    let place = Place::new();
    let bridge = Host::new(&place.nat.public, Account::A, "dk-p");
    let a = Host::new(&place.a, Account::A, "dk-a");
    let b = Host::new(&place.b, Account::B, "dk-b");
    let (f_a, f_b) = first_hour(&bridge, &a, &b);
    for dead in [&[&bridge][..], &[&a], &[&b], &[&bridge, &a, &b]] {
        for host in dead {
            kill(host);
        }
        for host in dead {
            host.kumi(&["up", "--no-invite"]);
        }
        let back = Instant::now();
        eventually(BACK, "A to reach B", || answers(&a, &f_b).then_some(()));
        eventually(BACK, "B to reach A", || answers(&b, &f_a).then_some(()));
        println!("back after {:?}", back.elapsed());
        assert_eq!((a.f(), b.f()), (f_a.clone(), f_b.clone()));
    }
}

/// A node that starts finds the largest datagram that passes to its Bridge within 3 s, and does
/// not take more for possible later.
fn finds(host: &Host<'_>, mtu: u16) {
    let passes = if mtu == 576 { 548 } else { 1_232 };
    let found = || host.json(&["status"])["bridges"][0]["datagram_max"].as_u64();
    kill(host);
    host.kumi(&["up", "--no-invite"]);
    let up = Instant::now();
    eventually(BACK, "the path MTU", || {
        (found() == Some(passes)).then_some(())
    });
    println!(
        "MTU {mtu}: {passes} bytes pass, known after {:?}",
        up.elapsed()
    );
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(found(), Some(passes));
}

#[test]
fn a_small_path_that_says_nothing_carries_a_copy() {
    for mtu in [1_280, 576] {
        for udp in [true, false] {
            let place = Place::new();
            place.nat.set_mtu(&place.nat.a, mtu, true);
            place.nat.a.block_udp(!udp);
            let bridge = Host::new(&place.nat.public, Account::A, "mt-p");
            let a = Host::new(&place.a, Account::A, "mt-a");
            let b = Host::new(&place.b, Account::B, "mt-b");
            let (_, f_b) = first_hour(&bridge, &a, &b);
            if udp {
                finds(&a, mtu);
            }
            let begun = Instant::now();
            let sshd = Sshd::start(&b, &a, &f_b);
            let from = canary_file(&a, "file", 10 << 20);
            let to = b.dir.join("arrived");
            a.run_inside(&args(&sshd.scp_to(&from, &to)), LIMIT);
            assert_eq!(sha256(&from), sha256(&to));
            println!("MTU {mtu}, UDP {udp}: 10 MiB after {:?}", begun.elapsed());
        }
    }
}

/// Sends something inside every 10 ms until told to stop; what was lost.
fn ping_through(host: &Host<'_>, f: &str, during: impl FnOnce()) -> (u32, u32) {
    let argv = ["ping", "-i", "0.01", "-W", "2", "-c", "600", f];
    let argv = host.inside(&argv);
    let out = std::thread::scope(|scope| {
        let ping = scope.spawn(|| {
            host.ns
                .output(host.account, &host.home(), &args(&argv), LIMIT)
        });
        std::thread::sleep(Duration::from_secs(1));
        during();
        ping.join().expect("ping")
    });
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let summary = text
        .lines()
        .find(|line| line.contains("packets transmitted"));
    let numbers = summary.map(|line| {
        let mut words = line.split(' ');
        let sent = words.next().and_then(|n| n.parse().ok());
        let got = words.nth(2).and_then(|n| n.parse().ok());
        (sent.unwrap_or(0), got.unwrap_or(0))
    });
    numbers.unwrap_or_else(|| panic!("ping said:\n{text}"))
}

#[test]
fn a_direct_way_on_a_lan_is_taken_and_left_without_losing_a_packet() {
    let place = Place::new();
    let other = place.nat.a.host("c");
    let bridge = Host::new(&place.nat.public, Account::A, "lan-p");
    let a = Host::new(&place.a, Account::Root, "lan-a");
    let b = Host::new(&other, Account::Root, "lan-b");
    // They are on one LAN, and may not talk there yet.
    let wall = |up: bool| {
        for ns in [&place.a, &other] {
            let rules = if up {
                "add table inet wall; add chain inet wall in { type filter hook input priority 0; }; \
                 add rule inet wall in ip saddr 192.168.1.2-192.168.1.9 udp sport 4649 drop; \
                 add rule inet wall in ip6 saddr fe80::/10 udp sport 4649 drop"
            } else {
                "delete table inet wall"
            };
            ns.run(Account::Root, "/root", &["nft", rules], LIMIT);
        }
    };
    wall(true);
    let (_, f_b) = first_hour(&bridge, &a, &b);
    let peers = a.json(&["peers"]);
    assert_eq!(through(&a, &f_b), bridge.f(), "{peers:#}");
    let direct = |host: &Host<'_>, f: &str| through(host, f).is_empty();
    let (sent, got) = ping_through(&a, &f_b, || {
        wall(false);
        // What tells a node that the network has changed: another address.
        place
            .a
            .ip(&["addr", "add", "192.168.1.77/24", "dev", "eth0"]);
        eventually(Duration::from_secs(4), "a direct way", || {
            direct(&a, &f_b).then_some(())
        });
    });
    assert_eq!(sent, got, "moving to the direct way lost packets");
    let (sent, got) = ping_through(&a, &f_b, || {
        wall(true);
        eventually(Duration::from_secs(4), "the Bridge", || {
            (!direct(&a, &f_b)).then_some(())
        });
    });
    assert_eq!(sent, got, "what went into the wall was not sent again");
}
