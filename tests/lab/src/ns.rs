//! A network namespace and the programs in it.
//!
//! A `/etc/kumihimo` of the host is hidden from them: `ip netns exec` lays what is in
//! `/etc/netns/NAME` over `/etc` (ip-netns(8)). A test means a machine that has none; one that lays an
//! overlay over `/etc` takes it away there itself.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::account::Account;
use crate::sh;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A namespace; gone, with every program in it, when the value goes.
#[derive(Debug)]
pub struct Ns {
    name: String,
}

impl Ns {
    /// A fresh one with `lo` up.
    pub fn new(label: &str) -> Self {
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("kml{}-{n}{label}", std::process::id());
        if Path::new("/etc/kumihimo").exists() {
            std::fs::create_dir_all(over_etc(&name).join("kumihimo")).expect("an empty one");
        }
        sh("ip", &["netns", "add", &name]);
        let ns = Self { name };
        ns.ip(&["link", "set", "lo", "up"]);
        ns
    }

    /// Its name for `ip netns`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `ip` in it.
    pub fn ip(&self, args: &[&str]) -> String {
        sh("ip", &[&["-n", &self.name], args].concat())
    }

    /// A command line that runs `argv` in here as `account` with a clean environment.
    pub fn command(&self, account: Account, home: &str, argv: &[&str]) -> Command {
        let mut c = Command::new("ip");
        c.args(["netns", "exec", &self.name]).args(account.prefix());
        c.args([
            "env",
            "-i",
            "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG=C.UTF-8",
        ]);
        c.arg(format!("HOME={home}"))
            .arg(format!("USER={}", account.name()));
        c.args(argv).stdin(Stdio::null());
        c
    }

    /// Runs to the end, at most `limit`.
    ///
    /// # Panics
    /// When it cannot start or takes longer.
    pub fn output(&self, account: Account, home: &str, argv: &[&str], limit: Duration) -> Output {
        let mut child = self
            .command(account, home, argv)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{argv:?}: {e}"));
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let out = std::thread::spawn(move || read_all(out));
        let err = std::thread::spawn(move || read_all(err));
        let status = wait(&mut child, limit, argv);
        Output {
            status,
            stdout: out.join().unwrap_or_default(),
            stderr: err.join().unwrap_or_default(),
        }
    }

    /// Runs to the end and returns standard output.
    ///
    /// # Panics
    /// When it fails; with everything it printed.
    pub fn run(&self, account: Account, home: &str, argv: &[&str], limit: Duration) -> String {
        let out = self.output(account, home, argv, limit);
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        assert!(
            out.status.success(),
            "{argv:?} as {account:?} in {} failed ({}):\n{text}{}",
            self.name,
            out.status,
            String::from_utf8_lossy(&out.stderr)
        );
        text
    }

    /// Starts a program that is killed when the value goes.
    pub fn spawn(&self, account: Account, home: &str, argv: &[&str]) -> Running {
        let child = self
            .command(account, home, argv)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|e| panic!("{argv:?}: {e}"));
        Running(child)
    }

    /// Process numbers of everything in here.
    pub fn pids(&self) -> Vec<u32> {
        let out = Command::new("ip")
            .args(["netns", "pids", &self.name])
            .output();
        let text = out
            .map(|o| String::from_utf8_lossy(&o.stdout).into_owned())
            .unwrap_or_default();
        text.lines().filter_map(|l| l.trim().parse().ok()).collect()
    }
}

impl Drop for Ns {
    fn drop(&mut self) {
        for pid in self.pids() {
            let _ = Command::new("kill").args(["-9", &pid.to_string()]).output();
        }
        let _ = Command::new("ip")
            .args(["netns", "del", &self.name])
            .output();
        let _ = std::fs::remove_dir_all(over_etc(&self.name));
        // If it is empty now.
        let _ = std::fs::remove_dir(over_etc(""));
    }
}

/// What `ip netns exec` lays over `/etc` in a namespace.
fn over_etc(name: &str) -> PathBuf {
    Path::new("/etc/netns").join(name)
}

/// A program in the background.
#[derive(Debug)]
pub struct Running(Child);

impl Running {
    /// Waits for its end.
    pub fn wait(mut self, limit: Duration) -> std::process::ExitStatus {
        wait(&mut self.0, limit, &["background program"])
    }

    /// Whether it still runs.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn read_all(from: Option<impl Read>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut from) = from {
        let _ = from.read_to_end(&mut bytes);
    }
    bytes
}

fn wait(child: &mut Child, limit: Duration, what: &[&str]) -> std::process::ExitStatus {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("a child to wait for") {
            return status;
        }
        if start.elapsed() > limit {
            let _ = child.kill();
            let _ = child.wait();
            panic!("{what:?} did not end within {limit:?}");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Tries `f` until it gives something, at most `limit`.
pub fn eventually<T>(limit: Duration, what: &str, mut f: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(t) = f() {
            return t;
        }
        assert!(start.elapsed() < limit, "{what}: not within {limit:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
