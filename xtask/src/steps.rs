//! `cargo xtask test`: every check and every test in order, stopping at the first that fails.
//!
//! Everything is built in the release profile, so that each dependency is built once. The simulation campaign and the
//! lab come last: they take longest, and the lab needs root (network namespaces, test accounts).

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::run_check;

/// How much `test` runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Everything.
    All,
    /// Without the simulation campaign and the lab.
    Fast,
}

/// Where `.ci/run` puts the tools it installs, relative to the root.
const TOOLS: &str = "target/tools/bin";

/// Seeds of the simulation campaign; the ordinary tests play a few.
const CAMPAIGN_SEEDS: &str = "500";

/// One thing to run.
struct Step {
    name: &'static str,
    what: What,
}

enum What {
    /// A check of this program.
    Check,
    /// Another program with its arguments, and a variable to set for it.
    Program(&'static str, Option<(&'static str, &'static str)>),
    /// Left out, with the reason.
    Skip(String),
}

const fn check(name: &'static str) -> Step {
    Step {
        name,
        what: What::Check,
    }
}

/// `line`: the program and its arguments, parted by spaces.
fn program(name: &'static str, line: &'static str) -> Step {
    Step {
        name,
        what: What::Program(line, None),
    }
}

fn with_variable(
    name: &'static str,
    line: &'static str,
    variable: (&'static str, &'static str),
) -> Step {
    Step {
        name,
        what: What::Program(line, Some(variable)),
    }
}

/// Runs all steps.
pub(crate) fn test(root: &Path, extent: Extent) -> bool {
    let begun = Instant::now();
    let mut times = Vec::new();
    if extent == Extent::All && !is_root() {
        eprintln!("test: the lab needs root (it makes network namespaces and test accounts).");
        eprintln!("test: run it as root, or `cargo xtask test --fast` for everything else.");
        return false;
    }
    for step in steps(root, extent) {
        println!("==> {}", step.name);
        let started = Instant::now();
        let passed = run(root, &step);
        times.push((step.name, started.elapsed()));
        println!(
            "    {} took {:.1} s",
            step.name,
            started.elapsed().as_secs_f64()
        );
        if !passed {
            print_times(&times, begun.elapsed());
            println!("test: FAILED at `{}`", step.name);
            return false;
        }
    }
    print_times(&times, begun.elapsed());
    println!("test: all passed");
    true
}

/// Runs the models' own script.
pub(crate) fn models(root: &Path) -> bool {
    run(root, &program("models", "bash docs/protocol/models/run.sh"))
}

fn steps(root: &Path, extent: Extent) -> Vec<Step> {
    let mut steps = vec![
        program("format", "cargo fmt --all --check"),
        check("layers"),
        check("tidy"),
        check("seeds"),
        check("i18n"),
        check("decoders"),
        deny(root),
        program(
            "clippy",
            "cargo clippy --release --workspace --all-targets -- -D warnings",
        ),
        program("benches", "python3 -m unittest discover -q bench/compare"),
        // With the switches of the deliberately broken builds compiled in, all off but in that one test.
        program(
            "tests",
            "cargo test --release --workspace --exclude lab --features sim/sabotage",
        ),
    ];
    if extent == Extent::All {
        // The selection of packages is that of the step before, so nothing is built again.
        steps.push(with_variable(
            "campaign",
            "cargo test --release --workspace --exclude lab --features sim/sabotage --test campaign -- --nocapture",
            ("SIM_SEEDS", CAMPAIGN_SEEDS),
        ));
        // The lab runs the program as it ships: built alone, without features that only tests ask for.
        steps.push(program("binary", "cargo build --release -p kumi"));
        // Its tests share two cores and /tmp.
        steps.push(with_variable(
            "lab",
            "cargo test --release -p lab",
            ("RUST_TEST_THREADS", "1"),
        ));
    }
    steps
}

/// Licences, bans and sources. The tool is not ours and may be missing.
fn deny(root: &Path) -> Step {
    let installed = search_path(root)
        .iter()
        .any(|folder| folder.join("cargo-deny").is_file());
    if installed {
        return program("deny", "cargo deny --locked check licenses bans sources");
    }
    let reason =
        "cargo-deny is not installed; `cargo install cargo-deny --locked` installs it".to_owned();
    Step {
        name: "deny",
        what: What::Skip(reason),
    }
}

fn run(root: &Path, step: &Step) -> bool {
    match &step.what {
        What::Check => run_check(root, step.name),
        What::Skip(reason) => {
            println!("SKIPPED {}: {reason}", step.name);
            true
        }
        What::Program(line, variable) => {
            let mut words = line.split(' ');
            let Some(first) = words.next() else {
                return true;
            };
            let status = Command::new(first)
                .args(words)
                .envs(*variable)
                .env("PATH", joined_path(root))
                .current_dir(root)
                .stdin(Stdio::null())
                .status();
            tell(step.name, status)
        }
    }
}

fn tell(name: &str, status: std::io::Result<ExitStatus>) -> bool {
    match status {
        Ok(status) if status.success() => true,
        Ok(status) => {
            eprintln!("{name}: {status}");
            false
        }
        Err(error) => {
            eprintln!("{name}: cannot be started: {error}");
            false
        }
    }
}

/// The program search path with our own tools first.
fn search_path(root: &Path) -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::iter::once(root.join(TOOLS))
        .chain(std::env::split_paths(&path))
        .collect()
}

fn joined_path(root: &Path) -> OsString {
    std::env::join_paths(search_path(root)).unwrap_or_default()
}

/// Whether this process is root, read from the kernel's own text so that no foreign function is called.
fn is_root() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("Uid:"))
        .and_then(|ids| ids.split_whitespace().nth(1))
        == Some("0")
}

fn print_times(times: &[(&str, Duration)], total: Duration) {
    println!();
    for (name, time) in times {
        println!("{name:>10} {:7.1} s", time.as_secs_f64());
    }
    println!("{:>10} {:7.1} s", "total", total.as_secs_f64());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(extent: Extent) -> Vec<&'static str> {
        steps(Path::new("/nonexistent"), extent)
            .iter()
            .map(|step| step.name)
            .collect()
    }

    #[test]
    fn fast_leaves_out_what_takes_longest_and_nothing_else() {
        let (all, fast) = (names(Extent::All), names(Extent::Fast));
        assert!(all.starts_with(&fast));
        assert_eq!(
            all.get(fast.len()..),
            Some(["campaign", "binary", "lab"].as_slice())
        );
    }

    #[test]
    fn a_step_that_fails_or_cannot_start_does_not_pass() {
        let root = Path::new("/");
        for (line, passes) in [("true", true), ("false", false), ("no-such-program", false)] {
            assert_eq!(run(root, &program("probe", line)), passes, "{line}");
        }
        let seen = "printenv PROBE";
        assert!(run(root, &with_variable("probe", seen, ("PROBE", "1"))));
        assert!(!run(root, &with_variable("probe", seen, ("OTHER", "1"))));
        assert!(!run(root, &check("no such check")));
    }
}
