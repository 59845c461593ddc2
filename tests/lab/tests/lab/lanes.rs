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
