//! systemd-resolved, where it runs: it is told that the responder's address, at the overlay's interface, answers
//! for members' names, and for nothing else. `/etc/resolv.conf` is not touched.
//!
//! `resolvectl` tells it, on a thread of its own: nothing waits for it, and nothing fails without it. What it
//! was told belongs to the interface, and ends with that, however the node ends.
//!
//! | limit | value |
//! |---|---|
//! | telling it, all calls of `resolvectl` together | [`TELL_MAX`] |
//! | taking it back | [`REVERT_MAX`] |

use group::responder::{ADDRESS, ZONE};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

/// Telling it ends after this time.
pub const TELL_MAX: Duration = Duration::from_secs(10);
/// Taking it back ends after this time: it comes to the same when the interface ends.
pub const REVERT_MAX: Duration = Duration::from_secs(1);
/// How often a call is looked after.
const LOOK: Duration = Duration::from_millis(10);
/// Its own socket: it runs if somebody listens there.
const SOCKET: &str = "/run/systemd/resolve/io.systemd.Resolve";
const PROGRAM: &str = "resolvectl";
const STACK_LEN: usize = 128 * 1024;

/// What systemd-resolved knows of an interface.
#[derive(Debug)]
pub struct Resolved {
    interface: String,
    thread: Option<JoinHandle<()>>,
}

impl Resolved {
    /// Tells systemd-resolved of the interface, if it runs.
    pub fn register(interface: &str) -> Option<Self> {
        if !is_running() {
            return None;
        }
        let interface = interface.to_owned();
        let own = interface.clone();
        let thread = Builder::new()
            .name("kumi-resolved".to_owned())
            .stack_size(STACK_LEN);
        let thread = thread.spawn(move || {
            let until = Instant::now() + TELL_MAX;
            for words in calls(&own) {
                if let Err(error) = call(&words, until) {
                    tracing::warn!(error, call = words.join(" "), "systemd-resolved");
                    return;
                }
            }
            tracing::info!(interface = own, "systemd-resolved asks here for names");
        });
        Some(Self {
            interface,
            thread: thread.ok(),
        })
    }

    /// Takes it back.
    pub fn end(mut self) {
        // A call that hangs is not waited for.
        if !self
            .thread
            .take()
            .is_some_and(|thread| thread.is_finished())
        {
            return;
        }
        let until = Instant::now() + REVERT_MAX;
        if let Err(error) = call(&["revert".to_owned(), self.interface], until) {
            tracing::debug!(error, "systemd-resolved");
        }
    }
}

/// Whether systemd-resolved runs.
pub fn is_running() -> bool {
    UnixStream::connect(Path::new(SOCKET)).is_ok()
}

/// What it is told. The first that it does not take ends it: then it sends nothing here.
fn calls(interface: &str) -> Vec<Vec<String>> {
    let domains = [ZONE, "c.f.ip6.arpa", "2.0.ip6.arpa", "3.0.ip6.arpa"];
    let domains = domains.map(|zone| format!("~{zone}"));
    let domains: Vec<&str> = domains.iter().map(String::as_str).collect();
    let address = ADDRESS.to_string();
    let calls: [(&str, &[&str]); 7] = [
        // Answers are signed by nobody: the tunnel is what proves them.
        ("dnssec", &["no"]),
        ("dnsovertls", &["no"]),
        ("llmnr", &["no"]),
        ("mdns", &["no"]),
        ("default-route", &["no"]),
        ("dns", &[&address]),
        // Last: from now on it asks.
        ("domain", &domains),
    ];
    let calls = calls.iter().map(|(verb, words)| {
        let words = [&[*verb, interface], *words].concat();
        words.into_iter().map(str::to_owned).collect()
    });
    calls.collect()
}

fn call(words: &[String], until: Instant) -> Result<(), String> {
    let mut child = Command::new(PROGRAM)
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("{PROGRAM}: {error}"))?;
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(format!("{PROGRAM}: {status}")),
            Ok(None) if Instant::now() < until => std::thread::sleep(LOOK),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("{PROGRAM} does not end"));
            }
        }
    }
}
