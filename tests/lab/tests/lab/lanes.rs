//! Several peers at one node with several queues: each flow in order, fair shares, and nothing lost
//! for nothing.

use std::time::Duration;

use lab::account::Account;
use lab::host::{Host, connect};
use lab::need_root;
use lab::ns::{Ns, Running, eventually};
use lab::wire::{Cable, address, join};
use serde_json::Value;

use crate::traffic::args;

const LIMIT: Duration = Duration::from_secs(60);
/// Largest share by smallest, where both want the same.
const UNFAIRNESS_MAX: f64 = 1.5;

/// A machine in the middle, and two that it has a cable to.
struct Star {
    hub: Ns,
    ends: [Ns; 2],
}

impl Star {
    fn new() -> Self {
        let (hub, ends) = (Ns::new("hub"), [Ns::new("end"), Ns::new("end")]);
        for (number, end) in ends.iter().enumerate() {
            let near = format!("eth{number}");
            join(&hub, &near, end, "eth0");
            address(&hub, &near, &format!("192.0.2.{}/30", 4 * number + 1));
            address(end, "eth0", &format!("192.0.2.{}/30", 4 * number + 2));
        }
        Self { hub, ends }
    }
}

/// What iperf3 says at its end.
fn measure(from: &Host<'_>, argv: &[&str]) -> Value {
    eventually(LIMIT, "iperf3 to connect", || {
        let argv = from.inside(&[&["iperf3", "-J"], argv].concat());
        let out = from
            .ns
            .output(from.account, &from.home(), &args(&argv), LIMIT);
        let said: Value = serde_json::from_slice(&out.stdout).ok()?;
        said["error"].is_null().then_some(said)
    })
}

fn server(at: &Host<'_>, f: &str, port: &str) -> Running {
    at.spawn_inside(&["iperf3", "-s", "-B", f, "-p", port])
}

/// What both got that were measured at the same time, in bits a second.
fn at_once(first: (&Host<'_>, &[&str]), second: (&Host<'_>, &[&str])) -> [f64; 2] {
    std::thread::scope(|scope| {
        let both = [first, second].map(|(from, argv)| scope.spawn(move || measure(from, argv)));
        both.map(|said| {
            let end = said.join().expect("a measurement")["end"].take();
            let rate = end["sum_received"]["bits_per_second"].as_f64();
            rate.expect("a rate")
        })
    })
}

fn assert_fair(what: &str, [a, b]: [f64; 2]) {
    println!("{what}: {:.0} and {:.0} Mbit/s", a / 1e6, b / 1e6);
    let unfairness = a.max(b) / a.min(b);
    assert!(unfairness <= UNFAIRNESS_MAX, "{what}: {unfairness:.2}");
}

#[test]
fn peers_share_and_no_flow_is_reordered() {
    need_root();
    let star = Star::new();
    let hub = Host::new(&star.hub, Account::Root, "hub");
    let [a, b] = &star.ends;
    let (a, b) = (
        Host::new(a, Account::Root, "end-a"),
        Host::new(b, Account::Root, "end-b"),
    );
    for host in [&hub, &a, &b] {
        let folder = host.dir.join(".config/kumihimo");
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(format!("{folder}/kumi.toml"), "[tun]\nqueues = 2\n").expect("a config");
    }
    let (f_hub, f_a) = connect(&hub, &a);
    let (_, f_b) = connect(&hub, &b);
    assert_eq!(hub.json(&["status"])["network"]["queues"], 2);

    let _servers = [
        server(&hub, &f_hub, "5201"),
        server(&hub, &f_hub, "5202"),
        server(&a, &f_a, "5201"),
        server(&b, &f_b, "5201"),
    ];
    let (to_a, to_b) = (["-c", &*f_a, "-p", "5201"], ["-c", &*f_b, "-p", "5201"]);
    let (from_a, from_b) = (["-c", &*f_hub, "-p", "5201"], ["-c", &*f_hub, "-p", "5202"]);
    for (host, ways) in [(&hub, to_a), (&hub, to_b), (&a, from_a), (&b, from_b)] {
        let flows = ["-u", "-b", "10M", "-l", "1200", "-P", "8", "-t", "2"];
        let said = measure(host, &[&ways[..], &flows].concat());
        let streams = said["end"]["streams"].as_array().expect("streams");
        assert_eq!(streams.len(), 8);
        for stream in streams {
            let udp = &stream["udp"];
            assert_eq!(udp["out_of_order"], 0, "{udp:#}");
            assert!(udp["packets"].as_u64() > Some(1_000), "{udp:#}");
        }
    }
    // Each wants all there is.
    let four = ["-P", "4", "-t", "5"];
    let inward = ([&from_a[..], &four].concat(), [&from_b[..], &four].concat());
    assert_fair("TCP in", at_once((&a, &inward.0), (&b, &inward.1)));
    let outward = ([&to_a[..], &four].concat(), [&to_b[..], &four].concat());
    assert_fair("TCP out", at_once((&hub, &outward.0), (&hub, &outward.1)));
    for host in [&hub, &a, &b] {
        host.kumi(&["down"]);
    }
}

#[test]
fn a_connection_that_pauses_loses_nothing() {
    need_root();
    let cable = Cable::new();
    let a = Host::new(&cable.a, Account::Root, "pause-a");
    let b = Host::new(&cable.b, Account::Root, "pause-b");
    let (_, f_b) = connect(&a, &b);
    let _server = server(&b, &f_b, "5201");
    // A little of TCP, and a pause in which the queue stays empty; ten times a second.
    let said = measure(&a, &["-c", &f_b, "-b", "100k", "-l", "1250", "-t", "3"]);
    assert_eq!(said["end"]["sum_sent"]["retransmits"], 0, "{said:#}");
    for host in [&a, &b] {
        let drops = host.json(&["status"])["drops"].take();
        assert_eq!(drops["queue_stands"], Value::Null, "{drops:#}");
        host.kumi(&["down"]);
    }
}

/// Sends for 8 s what it can.
const FLOOD: &str = "
import socket, sys, time
out = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
end = time.monotonic() + 8
while time.monotonic() < end:
    for _ in range(100):
        out.sendto(bytes(1200), (sys.argv[1], 9))
";
/// Sends 5,000 datagrams in 2.5 s.
const PACED: &str = "
import socket, sys, time
out = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
for _ in range(500):
    for _ in range(10):
        out.sendto(bytes(1200), (sys.argv[1], 7000))
    time.sleep(0.005)
";
/// Counts datagrams until none comes for 2 s.
const COUNT: &str = "
import socket, sys
come = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
come.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
come.bind((sys.argv[1], 7000))
come.settimeout(2)
count = 0
try:
    while True:
        come.recv(2000)
        count += 1
except socket.timeout:
    print(count)
";

#[test]
fn a_full_way_out_does_not_stop_what_comes_in() {
    need_root();
    let cable = Cable::new();
    let a = Host::new(&cable.a, Account::Root, "full-a");
    let b = Host::new(&cable.b, Account::Root, "full-b");
    let (f_a, f_b) = connect(&a, &b);
    // A line of 50 Mbit/s that drops nothing: the queue of the node's socket is what fills.
    let slow = "tc qdisc add dev eth0 root tbf rate 50mbit burst 64k limit 256m";
    let argv: Vec<&str> = slow.split(' ').collect();
    cable.a.run(Account::Root, &a.home(), &argv, LIMIT);
    let _flood = a.spawn_inside(&["python3", "-c", FLOOD, &f_b]);
    // The host's kernel drops what the node does not take: the node holds what it has.
    eventually(LIMIT, "the way out to be full", || {
        let said = cable.a.ip(&["-s", "-j", "link", "show", "dev", "kumi0"]);
        let link: Value = serde_json::from_str(&said).ok()?;
        (link[0]["stats64"]["tx"]["dropped"].as_u64()? > 0).then_some(())
    });
    let paced = b.spawn_inside(&["python3", "-c", PACED, &f_a]);
    let count = a.run_inside(&["python3", "-c", COUNT, &f_a], LIMIT);
    paced.wait(LIMIT);
    let count: u32 = count.trim().parse().expect("a number");
    println!("{count} of 5000 came in");
    assert!(count >= 4_900, "{count}");
    for host in [&a, &b] {
        host.kumi(&["down"]);
    }
}
