//! A Bridge under a flood of forged handshakes: what is left for those who belong to it.
//!
//! ```text
//! cargo build --release -p kumi -p flood && target/release/flood [--rate N] [--seconds N] [--shape NAME] [--softirq]
//! ```
//!
//! As root, on a machine with two cores or more and nothing else to do. It makes namespaces as the
//! lab does: a Bridge whose process is pinned to core 0; two clients, A and B, that reach each
//! other through it only; a host where new nodes come from; and the attacker, with a link of its
//! own. All but the Bridge runs on core 1.
//!
//! The flood is mixed, or of the one kind that `--shape` names: `firsts` or `mac2`, which cost the
//! Bridge most.
//!
//! Measured are 10 s of quiet and then the flood, each with a stream of 100 Mbit/s of UDP from B to
//! A (`iperf3`) and with new nodes that attach to the Bridge by lines made beforehand. With
//! `--softirq` the kernel's receiving of the flood happens on the Bridge's core too, as with a
//! network card that interrupts that core; without, it happens on the attacker's.
//!
//! The result is a table on standard output and a file under `bench/results/`.

mod control;
mod generator;
mod measure;
mod newcomers;
mod report;
mod run;
mod stage;

use std::time::Duration;

use generator::Shape;

/// What to do.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Datagrams a second that the attacker offers.
    pub rate: u64,
    /// What it sends: see [`Shape::named`].
    pub shape: String,
    /// How long the flood lasts.
    pub flood: Duration,
    /// How long the time before lasts.
    pub quiet: Duration,
    /// Whether the kernel receives the flood on the Bridge's core.
    pub softirq: bool,
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        // Parts of a run, each in its namespace.
        ["attack", f, to, rate, seconds, shape] => {
            let shape = Shape::named(shape);
            generator::attack(f, to, number(rate), number(seconds), shape);
        }
        ["newcomers", lines, every_ms] => newcomers::attach_all(lines, number(every_ms)),
        _ => {
            lab::need_root();
            let plan = plan(&words);
            let result = run::run(&plan);
            report::print(&result);
            report::write(&result);
        }
    }
}

fn plan(words: &[&str]) -> Plan {
    let word = |name: &str| {
        let at = words.iter().position(|word| *word == name)?;
        words.get(at + 1).copied()
    };
    let value = |name: &str| word(name).map(number);
    Plan {
        rate: value("--rate").unwrap_or(200_000),
        shape: word("--shape").unwrap_or("mixed").to_owned(),
        flood: Duration::from_secs(value("--seconds").unwrap_or(30)),
        quiet: Duration::from_secs(10),
        softirq: words.contains(&"--softirq"),
    }
}

fn number(word: &str) -> u64 {
    word.parse().unwrap_or_else(|_| panic!("no number: {word}"))
}
