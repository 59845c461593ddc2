//! What a node costs while nothing happens.

use std::time::Duration;

use lab::account::Account;
use lab::host::{Host, connect};
use lab::wire::Cable;
use lab::{kumi, need_root};

pub(crate) fn rss_kib(pid: u64) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let line = text
        .lines()
        .find(|l| l.starts_with("VmRSS"))
        .unwrap_or_default();
    line.split_whitespace()
        .nth(1)
        .and_then(|n| n.parse().ok())
        .expect("VmRSS")
}

/// Context switches that the threads of a process made by themselves, i.e. times they slept and woke.
pub(crate) fn wakeups(pid: u64) -> u64 {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("threads");
    tasks
        .flatten()
        .filter_map(|t| std::fs::read_to_string(t.path().join("status")).ok())
        .filter_map(|s| {
            s.lines()
                .find(|l| l.starts_with("voluntary"))?
                .split_whitespace()
                .nth(1)?
                .parse::<u64>()
                .ok()
        })
        .sum()
}

#[test]
fn an_idle_node_is_small_and_sleeps() {
    need_root();
    let cable = Cable::new();
    let a = Host::new(&cable.a, Account::Root, "idle-a");
    let b = Host::new(&cable.b, Account::Root, "idle-b");
    let (f_a, _) = connect(&a, &b);
    b.kumi(&["ping", &f_a, "-c", "1"]);
    let pid = a.json(&["status"])["pid"].as_u64().expect("a pid");
    // Keepalives and retransmissions of what just happened run out.
    std::thread::sleep(Duration::from_secs(30));
    let before = wakeups(pid);
    std::thread::sleep(Duration::from_secs(30));
    let woke = wakeups(pid) - before;
    let rss = rss_kib(pid);
    println!("idle: {rss} KiB, {woke} wake-ups in 30 s");
    assert!(rss <= 12 * 1024, "{rss} KiB");
    assert!(woke <= 3, "{woke} wake-ups in 30 s of silence");
}

#[test]
fn the_binary_is_at_most_20_mb() {
    let len = std::fs::metadata(kumi()).expect("the binary").len();
    println!("binary: {len} bytes");
    assert!(len <= 20_000_000, "{len} bytes");
}
