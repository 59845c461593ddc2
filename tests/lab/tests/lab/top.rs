//! `kumi top` beside a program that sends as much as it can.

use std::time::Duration;

use lab::account::Account;
use lab::host::{Host, connect};
use lab::need_root;
use lab::ns::eventually;
use lab::wire::Cable;
use serde_json::Value;

/// Two samples, one line each.
fn top(host: &Host<'_>) -> Vec<Value> {
    let said = host.kumi(&["top", "--json", "-c", "2", "--interval", "0.5"]);
    let lines = said.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().expect("JSON in each line")
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}

#[test]
fn the_rates_of_a_stream_are_seen_on_both_ends() {
    need_root();
    let cable = Cable::new();
    let a = Host::new(&cable.a, Account::Root, "top-a");
    let b = Host::new(&cable.b, Account::Root, "top-b");
    let (f_a, f_b) = connect(&a, &b);
    let _server = b.spawn_inside(&["iperf3", "-s", "-B", &f_b]);
    let mut client = a.spawn_inside(&["iperf3", "-c", &f_b, "-t", "20"]);
    eventually(Duration::from_secs(10), "iperf3 to send", || {
        if !client.is_alive() {
            client = a.spawn_inside(&["iperf3", "-c", &f_b, "-t", "20"]);
        }
        let sent = a.json(&["status"])["traffic"]["tx_bytes"].as_u64();
        sent.is_some_and(|bytes| bytes > 10 << 20).then_some(())
    });
    for (host, other, much, little) in [(&a, &f_b, "tx", "rx"), (&b, &f_a, "rx", "tx")] {
        let samples = top(host);
        assert_eq!(samples.len(), 2, "{samples:#?}");
        for sample in &samples {
            check(sample, other, much, little);
        }
    }
}

/// A sample of a node that has one peer, with which data goes mainly one way.
fn check(sample: &Value, peer: &str, much: &str, little: &str) {
    let interval_s = number(&sample["interval_s"]);
    assert!((0.5..2.0).contains(&interval_s), "{sample:#}");
    let row = &sample["peers"][0];
    assert_eq!(row["address"], peer, "{sample:#}");
    assert!(row["via"]["direct"].is_string(), "{sample:#}");
    let rate = |way: &str| number(&row[format!("{way}_bits_per_s")]);
    let packets = |way: &str| number(&row[format!("{way}_packets_per_s")]);
    // What a machine with two cores can do at least and at most.
    assert!((10e6..100e9).contains(&rate(much)), "{sample:#}");
    assert!(rate(little) < rate(much) / 5.0, "{sample:#}");
    // Packets of a full MTU, mostly.
    let packet_len = rate(much) / 8.0 / packets(much);
    assert!((1000.0..1500.0).contains(&packet_len), "{packet_len}");
    assert_eq!(sample["total"][format!("{much}_bits_per_s")], rate(much));
    for offload in ["interface_tcp", "interface_udp", "send", "receive"] {
        assert_eq!(sample["offloads"][offload], true, "{offload}: {sample:#}");
    }
    let per_call = match much {
        "tx" => &sample["work"]["datagrams_per_send"],
        _ => &sample["work"]["datagrams_per_receive"],
    };
    assert!(number(per_call) > 1.5, "{sample:#}");
}

#[test]
fn it_ends_with_the_node() {
    need_root();
    let cable = Cable::new();
    let a = Host::new(&cable.a, Account::Root, "top-ends");
    a.up();
    let argv = a.argv(&["top", "-c", "100", "--interval", "0.1"]);
    let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
    let watching = a.ns.spawn(a.account, &a.home(), &argv);
    std::thread::sleep(Duration::from_millis(500));
    a.kumi(&["down"]);
    let status = watching.wait(Duration::from_secs(5));
    assert_eq!(status.code(), Some(3), "as kumi status without a node");
}
