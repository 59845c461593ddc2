//! Ears on many wires at once: all that passes is kept, to be searched for many marks afterwards.
//!
//! For a little traffic: it is kept in memory. [`crate::capture`] is for much, and for one mark. Packets are
//! handed over at once (`--immediate-mode`), so the end of it waits for nothing.

use std::collections::BTreeMap;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::ns::{Ns, eventually};

/// Time for what is on its way to be written down.
const LAST: Duration = Duration::from_millis(300);

#[derive(Debug)]
struct Ear {
    tcpdump: Child,
    heard: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

/// Running eavesdroppers.
#[derive(Debug)]
pub struct Ears(BTreeMap<usize, Ear>);

/// All that was heard, by wire.
#[derive(Debug)]
pub struct Heard(BTreeMap<usize, Vec<u8>>);

impl Ears {
    /// Listens on wires, each with a number.
    pub fn start(wires: &[(usize, &Ns, &str)]) -> Self {
        let ears = wires
            .iter()
            .map(|(number, ns, interface)| (*number, ear(ns, interface)));
        let ears: BTreeMap<usize, Ear> = ears.collect();
        for ear in ears.values() {
            // The file header means that the socket is open.
            eventually(Duration::from_secs(5), "tcpdump to listen", || {
                let heard = ear.heard.lock().expect("a reader that did not panic");
                (heard.len() >= 24).then_some(())
            });
        }
        Self(ears)
    }

    /// Stops.
    ///
    /// # Panics
    /// When a packet passed that was not heard.
    pub fn stop(mut self) -> Heard {
        std::thread::sleep(LAST);
        let mut all = BTreeMap::new();
        for (number, ear) in &mut self.0 {
            let pid = ear.tcpdump.id().to_string();
            let _ = Command::new("kill").args(["-INT", &pid]).output();
            let mut text = String::new();
            if let Some(mut err) = ear.tcpdump.stderr.take() {
                let _ = err.read_to_string(&mut text);
            }
            let _ = ear.tcpdump.wait();
            if let Some(reader) = ear.reader.take() {
                let _ = reader.join();
            }
            assert!(text.contains("\n0 packets dropped by kernel"), "{text}");
            let heard =
                std::mem::take(&mut *ear.heard.lock().expect("a reader that did not panic"));
            all.insert(*number, heard);
        }
        Heard(all)
    }
}

impl Heard {
    /// Whether something passed a wire as it is.
    pub fn has(&self, wire: usize, mark: &str) -> bool {
        let mark = mark.as_bytes();
        let heard = self.0.get(&wire).expect("a wire that was listened to");
        heard.windows(mark.len()).any(|it| it == mark)
    }
}

impl Drop for Ears {
    fn drop(&mut self) {
        for ear in self.0.values_mut() {
            let _ = ear.tcpdump.kill();
            let _ = ear.tcpdump.wait();
        }
    }
}

fn ear(ns: &Ns, interface: &str) -> Ear {
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
        ])
        .args(["--immediate-mode", "-s", "4096", "-B", "16384", "-w", "-"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("tcpdump");
    let mut pipe = tcpdump.stdout.take().expect("a pipe");
    let heard = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&heard);
    let reader = std::thread::spawn(move || {
        let mut buf = vec![0; 1 << 16];
        while let Ok(len @ 1..) = pipe.read(&mut buf) {
            kept.lock()
                .expect("one that reads")
                .extend_from_slice(&buf[..len]);
        }
    });
    Ear {
        tcpdump,
        heard,
        reader: Some(reader),
    }
}
