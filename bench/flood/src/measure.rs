//! What the kernel says about the Bridge: memory, processor time, bytes on the attacker's link.

use std::collections::BTreeMap;
use std::time::Duration;

use lab::account::Account;
use lab::ns::Ns;
use serde::Serialize;

/// Clock ticks of `/proc` in a second.
const TICKS_PER_S: f64 = 100.0;

/// The resident set of a process, in bytes.
///
/// # Panics
/// When it has ended.
pub fn rss(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kib.expect("VmRSS in KiB") * 1024
}

/// Processor time of each thread of a process in seconds, by its name.
pub fn cpu(pid: u32) -> BTreeMap<String, f64> {
    let mut times = BTreeMap::new();
    for task in std::fs::read_dir(format!("/proc/{pid}/task")).expect("a process") {
        let path = task.expect("a thread").path().join("stat");
        let Ok(stat) = std::fs::read_to_string(path) else {
            continue;
        };
        let (Some(open), Some(close)) = (stat.find('('), stat.rfind(')')) else {
            continue;
        };
        let fields: Vec<&str> = stat[close + 1..].split_whitespace().collect();
        let ticks = |n: usize| fields.get(n).and_then(|f| f.parse::<f64>().ok());
        let used = ticks(11).unwrap_or(0.0) + ticks(12).unwrap_or(0.0);
        *times.entry(stat[open + 1..close].to_owned()).or_insert(0.0) += used / TICKS_PER_S;
    }
    times
}

/// Seconds that a core was busy, and those of them in soft interrupts.
pub fn core_busy(core: u32) -> (f64, f64) {
    let stat = std::fs::read_to_string("/proc/stat").expect("/proc/stat");
    let name = format!("cpu{core} ");
    let line = stat.lines().find(|line| line.starts_with(&name));
    let fields: Vec<f64> = line
        .expect("a core")
        .split_whitespace()
        .skip(1)
        .filter_map(|field| field.parse().ok())
        .collect();
    let idle = fields[3] + fields[4];
    let all: f64 = fields.iter().take(8).sum();
    ((all - idle) / TICKS_PER_S, fields[6] / TICKS_PER_S)
}

/// What came in over an interface, and what went out.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Link {
    /// Packets received.
    pub in_packets: u64,
    /// Bytes of these.
    pub in_bytes: u64,
    /// Packets sent.
    pub out_packets: u64,
    /// Bytes of these.
    pub out_bytes: u64,
}

/// The counts of an interface.
///
/// # Panics
/// When there is none of that name.
pub fn link(ns: &Ns, name: &str) -> Link {
    let text = ns.ip(&["-j", "-s", "link", "show", "dev", name]);
    let rows: serde_json::Value = serde_json::from_str(&text).expect("JSON of ip");
    let count = |way: &str, what: &str| {
        let count = &rows[0]["stats64"][way][what];
        count.as_u64().expect("a count")
    };
    Link {
        in_packets: count("rx", "packets"),
        in_bytes: count("rx", "bytes"),
        out_packets: count("tx", "packets"),
        out_bytes: count("tx", "bytes"),
    }
}

impl Link {
    /// What was counted since.
    pub const fn since(self, before: Self) -> Self {
        Self {
            in_packets: self.in_packets - before.in_packets,
            in_bytes: self.in_bytes - before.in_bytes,
            out_packets: self.out_packets - before.out_packets,
            out_bytes: self.out_bytes - before.out_bytes,
        }
    }
}

/// Datagrams that the UDP sockets of a namespace had no room for, in all.
pub fn socket_drops(ns: &Ns) -> u64 {
    let limit = Duration::from_secs(10);
    let argv = ["cat", "/proc/net/udp6", "/proc/net/udp"];
    let text = ns.run(Account::Root, "/root", &argv, limit);
    let last = |line: &str| line.split_whitespace().last()?.parse::<u64>().ok();
    text.lines().filter_map(last).sum()
}
