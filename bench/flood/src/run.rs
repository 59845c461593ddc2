//! One run: quiet, then the flood, each with a stream and with new nodes.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use lab::account::Account;
use lab::ns::Ns;
use serde::Serialize;

use crate::Plan;
use crate::measure::{self, Link};
use crate::stage::{BRIDGE, Stage, behind, elsewhere, hurry, status};

/// A new node each so many milliseconds.
const EVERY_MS: u64 = 200;
/// The stream of B to A, in bits a second, and the bytes in each of its datagrams.
const STREAM: [&str; 2] = ["100M", "1200"];
/// What the stream's own sockets hold: its programs share a core with the attacker.
const STREAM_QUEUE: &str = "2M";

/// What happened in a while.
#[derive(Debug, Serialize)]
pub struct Phase {
    /// How long it lasted, in seconds.
    pub seconds: f64,
    /// What A received of the stream, in bits a second.
    pub goodput_bits_s: f64,
    /// What was lost of the stream, in percent.
    pub stream_lost_percent: f64,
    /// Times of new nodes in milliseconds; `None`: gave up.
    pub attached_ms: Vec<Option<f64>>,
    /// Processor time of each thread of the Bridge, in seconds.
    pub cpu_s: BTreeMap<String, f64>,
    /// Seconds that the Bridge's core was busy, and of them in soft interrupts.
    pub core_busy_s: (f64, f64),
    /// The same of the core of everything else.
    pub other_core_busy_s: (f64, f64),
    /// Datagrams that the Bridge's sockets had no room for.
    pub socket_drops: u64,
    /// What passed over the attacker's link.
    pub link: Link,
    /// And over that of everybody else: what comes in of the stream shall go out again.
    pub clients: Link,
    /// The largest resident set of the Bridge, in bytes.
    pub rss_max: u64,
    /// What the Bridge itself counted as dropped until its end, by reason.
    pub dropped: BTreeMap<String, u64>,
}

/// A whole run.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// Datagrams a second that the attacker was to offer.
    pub rate_wanted: u64,
    /// What it sent: mixed, firsts or mac2.
    pub shape: String,
    /// What it reached.
    pub rate_reached: f64,
    /// Whether the kernel received the flood on the Bridge's core.
    pub softirq_on_bridge_core: bool,
    /// The resident set of the Bridge before the flood, in bytes.
    pub rss_before: u64,
    /// And 2 s after it.
    pub rss_after: u64,
    /// The time before.
    pub quiet: Phase,
    /// The flood.
    pub flood: Phase,
}

/// Runs it.
pub fn run(plan: &Plan) -> Outcome {
    hurry("self");
    let stage = Stage::new(plan.softirq);
    let count = |time: Duration| (time.as_millis() as u64 / EVERY_MS) as usize - 2;
    let (quiet, flood) = (count(plan.quiet), count(plan.flood));
    let (f, f_of_a, lines) = stage.start(quiet + flood);
    let (first, second) = lines.split_at(quiet);
    let state = stage.dirs[0].path().join("state");
    let bridge = status(&state);
    let (pid, port) = (bridge.pid, bridge.listen.port());
    let argv = ["iperf3", "-s", "-B", &f_of_a.to_string()];
    let mut server = start(&stage.a, &elsewhere(&argv));
    std::thread::sleep(Duration::from_secs(1));
    let phase = |length, lines: &[String]| {
        let watch = Watch {
            stage: &stage,
            pid,
            state: &state,
        };
        watch.phase(length, &f_of_a.to_string(), lines)
    };
    let quiet = phase(plan.quiet, first);
    let rss_before = measure::rss(pid);
    let (f, to) = (f.to_string(), format!("{BRIDGE}:{port}"));
    let (rate, seconds) = (
        plan.rate.to_string(),
        (plan.flood.as_secs() + 1).to_string(),
    );
    let argv = [&own(), "attack", &f, &to, &rate, &seconds, &plan.shape];
    let attack = start(&stage.attacker, &behind(&argv));
    std::thread::sleep(Duration::from_millis(500));
    let flood = phase(plan.flood, second);
    let reached = json(attack);
    std::thread::sleep(Duration::from_secs(2));
    let _ = server.kill().and_then(|()| server.wait());
    Outcome {
        rate_wanted: plan.rate,
        shape: plan.shape.clone(),
        rate_reached: number(&reached["sent"]) / number(&reached["seconds"]),
        softirq_on_bridge_core: plan.softirq,
        rss_before,
        rss_after: measure::rss(pid),
        quiet,
        flood,
    }
}

/// What is looked at.
struct Watch<'a> {
    stage: &'a Stage,
    pid: u32,
    state: &'a Path,
}

impl Watch<'_> {
    fn phase(&self, length: Duration, a: &str, lines: &[String]) -> Phase {
        let file = self.stage.dirs[0].join("lines");
        std::fs::write(&file, lines.join("\n")).expect("a file");
        let seconds = length.as_secs().to_string();
        let [rate, size] = STREAM;
        let argv = [
            "iperf3",
            "-J",
            "-u",
            "-c",
            a,
            "-b",
            rate,
            "-l",
            size,
            "-t",
            &seconds,
            "-w",
            STREAM_QUEUE,
        ];
        let cores = || [0, 1].map(measure::core_busy);
        let before = (measure::cpu(self.pid), cores());
        let both = || ["att0", "eth0"].map(|name| measure::link(&self.stage.bridge_ns, name));
        let links = both();
        let drops = measure::socket_drops(&self.stage.bridge_ns);
        let started = Instant::now();
        let stream = start(&self.stage.b, &elsewhere(&argv));
        let every = EVERY_MS.to_string();
        let argv = [&own(), "newcomers", &file, &every];
        let new = start(&self.stage.newcomers, &elsewhere(&argv));
        let mut rss_max = 0;
        while started.elapsed() < length {
            rss_max = rss_max.max(measure::rss(self.pid));
            std::thread::sleep(Duration::from_millis(250));
        }
        // The flood goes on for another moment: what is counted is a part of it.
        let (cpu, after) = (measure::cpu(self.pid), cores());
        let busy = |n: usize| {
            let (before, after) = (before.1[n], after[n]);
            (after.0 - before.0, after.1 - before.1)
        };
        let cores = (busy(0), busy(1));
        let [link, clients] = both();
        let (link, clients) = (link.since(links[0]), clients.since(links[1]));
        let drops = measure::socket_drops(&self.stage.bridge_ns) - drops;
        let elapsed = started.elapsed().as_secs_f64();
        let (stream, new) = (json(stream), json(new));
        let sum = &stream["end"]["sum_received"];
        let used = |(name, time): (String, f64)| {
            let before = before.0.get(&name).copied().unwrap_or(0.0);
            (name, time - before)
        };
        Phase {
            seconds: elapsed,
            goodput_bits_s: number(&sum["bits_per_second"]),
            stream_lost_percent: number(&sum["lost_percent"]),
            attached_ms: serde_json::from_value(new).expect("times"),
            cpu_s: cpu.into_iter().map(used).collect(),
            core_busy_s: cores.0,
            other_core_busy_s: cores.1,
            socket_drops: drops,
            link,
            clients,
            rss_max,
            dropped: status(self.state).drops,
        }
    }
}

fn own() -> String {
    let own = std::env::current_exe().expect("own path");
    own.to_string_lossy().into_owned()
}

fn start(ns: &Ns, argv: &[&str]) -> Child {
    let mut command = ns.command(Account::Root, "/root", argv);
    let command = command.stdout(Stdio::piped()).stderr(Stdio::inherit());
    command.spawn().unwrap_or_else(|e| panic!("{argv:?}: {e}"))
}

/// What a program prints as JSON until its end.
fn json(child: Child) -> serde_json::Value {
    let out = child.wait_with_output().expect("a program");
    let text = String::from_utf8_lossy(&out.stdout);
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("no JSON ({e}): {text}"))
}

fn number(value: &serde_json::Value) -> f64 {
    value.as_f64().unwrap_or(0.0)
}
