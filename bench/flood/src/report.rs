//! The table that is printed, and the file that is kept.

use crate::run::{Outcome, Phase};

/// What was asked for (issue "The Bridge and the first hour", 4), beside what was found.
pub fn print(outcome: &Outcome) {
    let (quiet, flood) = (&outcome.quiet, &outcome.flood);
    let mib = |bytes: u64| bytes as f64 / 1_048_576.0;
    let grown = mib(flood.rss_max.max(outcome.rss_after)) - mib(outcome.rss_before);
    let ratio = 100.0 * flood.goodput_bits_s / quiet.goodput_bits_s;
    let within = |phase: &Phase| 100.0 * within_1_s(phase) as f64 / phase.attached_ms.len() as f64;
    println!(
        "flood reached       {:>10.0} /s  (wanted {}, {})",
        outcome.rate_reached, outcome.rate_wanted, outcome.shape
    );
    println!(
        "goodput             {ratio:>10.1} %   (90 or more; {:.1} of {:.1} Mbit/s)",
        flood.goodput_bits_s / 1e6,
        quiet.goodput_bits_s / 1e6
    );
    println!(
        "new within 1 s      {:>10.1} %   (99 or more; {} nodes, without the flood {:.1} %)",
        within(flood),
        flood.attached_ms.len(),
        within(quiet)
    );
    println!("  median, longest   {} ms", spread(flood));
    println!("  without the flood {} ms", spread(quiet));
    println!(
        "RSS grown           {grown:>10.1} MiB (8 or less; from {:.1})",
        mib(outcome.rss_before)
    );
    println!(
        "bytes out per in    {:>10.1} %   (100 or less; {} of {} datagrams answered)",
        100.0 * flood.link.out_bytes as f64 / flood.link.in_bytes as f64,
        flood.link.out_packets,
        flood.link.in_packets
    );
    println!(
        "sockets dropped     {:>10.1} %   of the flood",
        100.0 * flood.socket_drops as f64 / flood.link.in_packets as f64
    );
    for (name, phase) in [("quiet", quiet), ("flood", flood)] {
        let (other, other_soft) = phase.other_core_busy_s;
        let (busy, soft) = phase.core_busy_s;
        let share = |time: f64| 100.0 * time / phase.seconds;
        println!(
            "core, {name}         {:>10.0} %   of it soft interrupts {:.0} %",
            share(busy),
            share(soft)
        );
        println!(
            "  the other core    {:>10.0} %   of it soft interrupts {:.0} %",
            share(other),
            share(other_soft)
        );
        println!(
            "  stream lost       {:>10.1} %   {} datagrams came from clients, {} went to them",
            phase.stream_lost_percent, phase.clients.in_packets, phase.clients.out_packets
        );
        for (thread, time) in phase.cpu_s.iter().filter(|(_, time)| **time > 0.05) {
            println!("  {thread:<18}{:>10.0} %", share(*time));
        }
    }
    println!("dropped: {:?}", flood.dropped);
}

fn within_1_s(phase: &Phase) -> usize {
    let times = phase.attached_ms.iter().flatten();
    times.filter(|time| **time <= 1_000.0).count()
}

fn spread(phase: &Phase) -> String {
    let mut times: Vec<f64> = phase.attached_ms.iter().flatten().copied().collect();
    times.sort_by(f64::total_cmp);
    let gave_up = phase.attached_ms.len() - times.len();
    let median = times.get(times.len() / 2).copied().unwrap_or(f64::NAN);
    let longest = times.last().copied().unwrap_or(f64::NAN);
    format!("{median:.0}, {longest:.0} ({gave_up} gave up)")
}

/// Writes `bench/results/flood-SHAPE-DATE.json`, with the machine that it was found on.
pub fn write(outcome: &Outcome) {
    let date = lab::sh("date", &["-u", "+%Y-%m-%dT%H%MZ"]);
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name\t: "));
    let cores = cpu
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count();
    let result = serde_json::json!({
        "date": date.trim(),
        "machine": {
            "cpu": model,
            "cores": cores,
            "kernel": lab::sh("uname", &["-r"]).trim(),
            "loadavg": std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim(),
        },
        "outcome": outcome,
    });
    let softirq = if outcome.softirq_on_bridge_core {
        "-softirq"
    } else {
        ""
    };
    let name = format!("flood-{}{softirq}-{}.json", outcome.shape, date.trim());
    let path = format!(concat!(env!("CARGO_MANIFEST_DIR"), "/../results/{}"), name);
    let text = serde_json::to_string_pretty(&result).expect("JSON");
    match std::fs::write(&path, text + "\n") {
        Ok(()) => println!("kept in bench/results/{name}"),
        Err(error) => eprintln!("{path}: {error}"),
    }
}
