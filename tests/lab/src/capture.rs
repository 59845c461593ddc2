//! An eavesdropper: everything on one interface, searched for the canary while it passes.
//!
//! `tcpdump` writes the packets to a pipe; a thread searches them, also across packet ends of one
//! stream's bytes as they come. What the eavesdropper did not get to see is counted and reported, so
//! that "not found" is never "not looked".
//!
//! The kernel hands packets over in blocks, a block that is not full only after a second
//! (`TPACKET_V3`, the read time-out of `tcpdump`): so long does the end of a capture wait.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::CANARY;
use crate::ns::Ns;

/// Longer than a block of packets waits in the kernel before it is handed over part full.
const LAST_BLOCK: Duration = Duration::from_millis(1_300);

#[derive(Debug, Default)]
struct Seen {
    bytes: AtomicU64,
    canaries: AtomicU64,
}

/// What was seen in the end.
#[derive(Clone, Copy, Debug)]
pub struct Heard {
    /// Bytes searched (packets and the capture's own headers).
    pub bytes: u64,
    /// How often the canary occurred.
    pub canaries: u64,
    /// Packets that passed and that the eavesdropper did not get: dropped by the kernel, or never
    /// handed over.
    pub missed: u64,
}

/// A running eavesdropper.
#[derive(Debug)]
pub struct Capture {
    tcpdump: Child,
    reader: Option<JoinHandle<()>>,
    seen: Arc<Seen>,
}

impl Capture {
    /// Listens on `interface` in `ns`.
    pub fn start(ns: &Ns, interface: &str) -> Self {
        let mut tcpdump = Command::new("ip")
            .args([
                "netns",
                "exec",
                ns.name(),
                "tcpdump",
                "-i",
                interface,
                "-p",
                "-U",
                "-s",
                "0",
            ])
            .args(["-B", "65536", "-w", "-"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("tcpdump");
        let mut pipe = tcpdump.stdout.take().expect("a pipe");
        let seen = Arc::new(Seen::default());
        let shared = Arc::clone(&seen);
        let reader = std::thread::spawn(move || search(&mut pipe, &shared));
        let capture = Self {
            tcpdump,
            reader: Some(reader),
            seen,
        };
        // The file header means that the socket is open.
        crate::ns::eventually(Duration::from_secs(5), "tcpdump to listen", || {
            (capture.seen.bytes.load(Ordering::Relaxed) >= 24).then_some(())
        });
        capture
    }

    /// Stops and says what was heard.
    pub fn stop(mut self) -> Heard {
        std::thread::sleep(LAST_BLOCK);
        let _ = Command::new("kill")
            .args(["-INT", &self.tcpdump.id().to_string()])
            .output();
        let mut text = String::new();
        if let Some(mut err) = self.tcpdump.stderr.take() {
            let _ = err.read_to_string(&mut text);
        }
        let _ = self.tcpdump.wait();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        // "N packets captured", "N packets received by filter", which counts the dropped too.
        let count = |what: &str| -> Option<u64> {
            let line = text.lines().find(|l| l.contains(what))?;
            line.split_whitespace().next()?.parse().ok()
        };
        let missed = count("received by filter")
            .zip(count("captured"))
            .map_or(u64::MAX, |(passed, got)| passed.saturating_sub(got));
        Heard {
            bytes: self.seen.bytes.load(Ordering::Relaxed),
            canaries: self.seen.canaries.load(Ordering::Relaxed),
            missed,
        }
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        let _ = self.tcpdump.kill();
        let _ = self.tcpdump.wait();
    }
}

fn search(from: &mut impl Read, seen: &Seen) {
    let mut buf = vec![0; 1 << 20];
    let mut kept = 0;
    while let Ok(n) = from.read(&mut buf[kept..]) {
        if n == 0 {
            break;
        }
        let end = kept + n;
        let found = count(&buf[..end]);
        seen.canaries.fetch_add(found, Ordering::Relaxed);
        seen.bytes.fetch_add(n as u64, Ordering::Relaxed);
        // Keep a tail shorter than the canary, so that nothing is counted twice or missed.
        let keep = end.min(CANARY.len() - 1);
        buf.copy_within(end - keep..end, 0);
        kept = keep;
    }
}

fn count(bytes: &[u8]) -> u64 {
    let first = CANARY[0];
    let mut found = 0;
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|&b| b == first) {
        rest = &rest[at..];
        if rest.starts_with(CANARY) {
            found += 1;
        }
        rest = &rest[1..];
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_search_finds_a_canary_across_reads() {
        struct Slow(Vec<u8>, usize);
        impl Read for Slow {
            fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
                let n = 7.min(buf.len()).min(self.0.len() - self.1);
                buf[..n].copy_from_slice(&self.0[self.1..self.1 + n]);
                self.1 += n;
                Ok(n)
            }
        }
        let bytes = [
            b"xxkx".as_slice(),
            CANARY,
            b"kk",
            CANARY,
            b"k",
            &CANARY[..31],
        ]
        .concat();
        let seen = Seen::default();
        search(&mut Slow(bytes.clone(), 0), &seen);
        assert_eq!(seen.canaries.load(Ordering::Relaxed), 2);
        assert_eq!(seen.bytes.load(Ordering::Relaxed), bytes.len() as u64);
    }
}
