//! Many seeds: `SIM_SEEDS` of them (default 24; the gate runs 500), two at a time.
//!
//! A failing seed is named with its broken promises; `SIM_FIRST=seed SIM_SEEDS=1` plays it alone.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use sim::script::Scale;
use sim::{Provider, Report, run};

/// At most one direction in this many may take longer than `sim::bridged::RECOVERY`.
const SLOW_SHARE: u64 = 50;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|v| v.parse().ok())
        .unwrap_or(default)
}

fn play_all(first: u64, seeds: u64, scale: Scale, provider: Provider) -> Vec<Report> {
    let next = AtomicU64::new(first);
    let done = Mutex::new(Vec::new());
    std::thread::scope(|s| {
        for _ in 0..2 {
            s.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + seeds {
                        break;
                    }
                    let report = run(seed, scale, provider);
                    done.lock().unwrap().push(report);
                }
            });
        }
    });
    done.into_inner().unwrap()
}

fn sum(reports: &[Report], f: impl Fn(&Report) -> u64) -> u64 {
    reports.iter().map(f).sum()
}

type Row = (&'static str, fn(&Report) -> u64);

/// What happens only in runs with Bridges, of which every third seed is one.
fn rows_with_bridges(reports: &[Report]) -> Vec<(&'static str, u64)> {
    let rows: [Row; 25] = [
        ("times a Bridge took a client", |r| r.counts.attached),
        ("datagrams relayed", |r| r.relays.relayed),
        ("sessions over a Bridge", |r| r.counts.over_bridges),
        ("sessions that moved directly", |r| r.counts.moved_directly),
        ("pairs that had to talk again", |r| r.counts.expected),
        ("right passwords", |r| r.counts.passwords_right),
        ("wrong passwords", |r| r.counts.passwords_wrong),
        ("streams", |r| r.streams.opened),
        ("datagrams over streams", |r| r.streams.datagrams),
        ("fault: UDP blocked", |r| r.counts.udp_blocks),
        ("fault: datagrams blocked", |r| r.net.blocked),
        ("fault: stream refused", |r| r.streams.refused),
        ("fault: stream broken", |r| r.streams.broken),
        ("fault: stream stalled", |r| r.streams.stalled),
        ("fault: stream dead", |r| r.streams.dead),
        ("fault: Bridge away", |r| r.counts.bridge_crashes),
        ("clients dismissed", |r| r.counts.dismissals),
        ("dismissed ones that tried again", |r| r.counts.retries),
        ("hostile Bridge: dropped", |r| r.relays.dropped),
        ("hostile Bridge: delayed", |r| r.relays.delayed),
        ("hostile Bridge: reordered", |r| r.relays.reordered),
        ("hostile Bridge: duplicated", |r| r.relays.duplicated),
        ("hostile Bridge: corrupted", |r| r.relays.corrupted),
        ("hostile Bridge: replayed", |r| r.relays.replayed),
        ("hostile Bridge: to another client", |r| {
            r.relays.misdelivered
        }),
    ];
    let mut rows: Vec<_> = rows.map(|(name, f)| (name, sum(reports, f))).into();
    // For these it needs its keys, which only a build with the feature hands out.
    if cfg!(feature = "sabotage") {
        rows.push((
            "hostile Bridge: on another channel",
            sum(reports, |r| r.relays.misrouted),
        ));
        rows.push(("hostile Bridge: lies", sum(reports, |r| r.relays.lies)));
    }
    rows
}

fn assert_clean(reports: &[Report]) {
    let bad: Vec<_> = reports
        .iter()
        .filter(|r| !r.violations.is_empty())
        .collect();
    for r in bad.iter().take(10) {
        eprintln!("seed {}: {:?}", r.seed, r.violations);
    }
    assert!(
        bad.is_empty(),
        "{} of {} seeds broke a promise",
        bad.len(),
        reports.len()
    );
}

#[test]
fn every_promise_holds_in_every_seed_and_every_fault_happened() {
    let reports = play_all(
        number("SIM_FIRST", 1),
        number("SIM_SEEDS", 24),
        Scale::CAMPAIGN,
        Provider::Simulated,
    );
    let rows = [
        ("handshakes", sum(&reports, |r| r.handshakes)),
        ("sessions", sum(&reports, |r| r.counts.sessions)),
        (
            "packets sent by applications",
            sum(&reports, |r| r.counts.app_sent),
        ),
        ("packets delivered", sum(&reports, |r| r.deliveries)),
        ("joins", sum(&reports, |r| r.counts.joins)),
        ("pings answered", sum(&reports, |r| r.counts.echoes)),
        ("datagrams", sum(&reports, |r| r.net.sent)),
        ("fault: lost", sum(&reports, |r| r.net.lost)),
        ("fault: duplicated", sum(&reports, |r| r.net.duplicated)),
        ("fault: reordered", sum(&reports, |r| r.net.reordered)),
        ("fault: corrupted", sum(&reports, |r| r.net.corrupted)),
        ("fault: partitioned", sum(&reports, |r| r.net.partitioned)),
        (
            "fault: filtered by a NAT",
            sum(&reports, |r| r.net.filtered),
        ),
        ("fault: NAT rebound", sum(&reports, |r| r.counts.rebinds)),
        ("fault: host moved", sum(&reports, |r| r.counts.roams)),
        ("fault: crash", sum(&reports, |r| r.counts.crashes)),
        (
            "fault: crash after a stored change",
            sum(&reports, |r| r.counts.crashes_after_persist),
        ),
        ("fault: clock jump", sum(&reports, |r| r.counts.clock_jumps)),
        ("hostile datagrams", sum(&reports, |r| r.counts.hostile)),
        (
            "datagrams passed on from elsewhere",
            sum(&reports, |r| r.counts.intercepted),
        ),
        ("removals", sum(&reports, |r| r.counts.denies)),
        ("rotations", sum(&reports, |r| r.counts.rotations)),
    ];
    let mut rows: Vec<(&str, u64)> = rows.into();
    rows.extend(rows_with_bridges(&reports));
    println!("| {} seeds | total |\n|---|---|", reports.len());
    for (name, total) in &rows {
        println!("| {name} | {total} |");
    }
    assert_clean(&reports);
    let slow = sum(&reports, |r| r.counts.slow);
    let directions = 2 * sum(&reports, |r| r.counts.expected);
    println!("slow to talk again: {slow} of {directions} directions");
    assert!(slow * SLOW_SHARE <= directions + SLOW_SHARE);
    let most = reports.iter().map(|r| r.counts.wakes_in_second).max();
    println!("most wake-ups of one node in one second: {most:?}");
    for (name, total) in rows {
        assert!(
            total > 0,
            "no {name} in {} seeds: the campaign tests less than it says",
            reports.len()
        );
    }
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    for seed in [3, 77, 1_234_567] {
        let (a, b) = (
            run(seed, Scale::CAMPAIGN, Provider::Simulated),
            run(seed, Scale::CAMPAIGN, Provider::Simulated),
        );
        assert!(a.trace.events > 1_000);
        assert_eq!(
            (a.trace, a.net, a.counts, a.streams, a.relays),
            (b.trace, b.net, b.counts, b.streams, b.relays),
            "seed {seed}"
        );
    }
    assert_ne!(
        run(3, Scale::SMALL, Provider::Simulated).trace,
        run(4, Scale::SMALL, Provider::Simulated).trace
    );
}

#[test]
fn real_cryptography_keeps_every_promise_too() {
    let reports = play_all(1, 6, Scale::SMALL, Provider::Real);
    assert_clean(&reports);
    assert!(sum(&reports, |r| r.deliveries) > 100);
    assert!(sum(&reports, |r| r.relays.relayed) > 100);
    for seed in [1, 3] {
        let again = run(seed, Scale::SMALL, Provider::Real);
        let first = reports.iter().find(|r| r.seed == seed).unwrap();
        assert_eq!((first.trace, first.net), (again.trace, again.net));
    }
}
