//! The lab: namespaces, real programs, real `kumi` processes, eavesdroppers on every wire.
//!
//! It needs root (to make namespaces and to become other accounts) and the Debian packages of
//! `packaging/debian-test-packages.txt`. A test that cannot run says why and fails; nothing is
//! skipped silently.
//!
//! Everything is named `kml<pid>…` and goes away with the value that made it. Two ordinary
//! accounts, `kumi-lab-a` and `kumi-lab-b`, are made once and kept.

pub mod account;
pub mod boot;
pub mod capture;
pub mod ears;
pub mod figure;
pub mod host;
pub mod http;
pub mod lan;
pub mod nat;
pub mod ns;
pub mod postgres;
pub mod resolved;
pub mod ssh;
pub mod wire;

use std::path::PathBuf;
use std::process::Command;

/// 32 bytes that no eavesdropper may ever see: 16 bytes twice, so that `ping -p` can send them too.
pub const CANARY: &[u8; 32] = b"kumihimo-canary!kumihimo-canary!";

/// The `kumi` under test, built beside the tests.
///
/// # Panics
/// When it was not built: `cargo build --release -p kumi` first.
pub fn kumi() -> PathBuf {
    let mut dir = std::env::current_exe().expect("own path");
    while dir.pop() {
        let candidate = dir.join("kumi");
        if candidate.is_file() {
            return candidate;
        }
    }
    panic!("no `kumi` binary beside the tests; run `cargo build --release -p kumi` first");
}

/// Runs a program to its end and returns its standard output.
///
/// # Panics
/// When it fails; with everything it printed.
pub fn sh(program: &str, args: &[&str]) -> String {
    let out = Command::new(program)
        .args(args)
        .output()
        .unwrap_or_else(|e| panic!("{program}: {e}"));
    assert!(
        out.status.success(),
        "{program} {args:?} failed ({}):\n{}{}",
        out.status,
        String::from_utf8_lossy(&out.stdout),
        String::from_utf8_lossy(&out.stderr)
    );
    String::from_utf8_lossy(&out.stdout).into_owned()
}

/// Stops at once when the lab cannot work here.
///
/// # Panics
/// Without root.
pub fn need_root() {
    let uid = sh("id", &["-u"]);
    assert_eq!(
        uid.trim(),
        "0",
        "the lab needs root: it makes network namespaces and ordinary accounts"
    );
}
