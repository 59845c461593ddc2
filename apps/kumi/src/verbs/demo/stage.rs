//! The stage of the demo: the places ([`super::places`]), two nodes and a Bridge in them, and their end.
//!
//! Everything is a child of the demo or belongs to its namespaces, so that nothing outlives
//! it but the temporary directory, and that is removed at the end, on Ctrl-C and by the next
//! demo after a kill -9.

use super::places::{Places, WIRE, failed};
use crate::context::Context;
use crate::failure::{Exit, Failure};
use os::capture::Capture;
use os::files::Directories;
use os::netlink::Netlink;
use os::netns::enter_network;
use os::process::Signals;
use std::fs::File;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What temporary directories of demos are called, before the process id.
const DIRECTORY_PREFIX: &str = "kumi-demo-";
/// How long a node may take to start.
const START_MAX: Duration = Duration::from_secs(15);
/// How long it may take to stop.
const STOP_MAX: Duration = Duration::from_secs(3);
/// How often is looked.
const POLL: Duration = Duration::from_millis(20);

/// A node of the demo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Makes the invite, sends the file.
    Alice,
    /// Joins, receives it.
    Bob,
    /// Stands between them.
    Bridge,
}

impl End {
    fn directory(self) -> &'static str {
        match self {
            End::Alice => "alice",
            End::Bob => "bob",
            End::Bridge => "bridge",
        }
    }

    /// What `kumi.toml` says beside the name. Nothing runs inside the Bridge.
    fn settings(self) -> &'static str {
        match self {
            End::Alice | End::Bob => "",
            End::Bridge => "[tun]\nmode = \"none\"\n",
        }
    }
}

/// What must go at the end.
#[derive(Default)]
struct Litter {
    children: Vec<Child>,
    directory: Option<PathBuf>,
}

impl Litter {
    fn clear(&mut self) {
        use rustix::process::{Pid, Signal, kill_process};
        for child in &self.children {
            let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
            let _ = pid.map(|pid| kill_process(pid, Signal::TERM));
        }
        let deadline = Instant::now() + STOP_MAX;
        for child in &mut self.children {
            while matches!(child.try_wait(), Ok(None)) && Instant::now() < deadline {
                std::thread::sleep(POLL);
            }
            let _ = child.kill();
            let _ = child.wait();
        }
        self.children.clear();
        if let Some(directory) = self.directory.take() {
            let _ = std::fs::remove_dir_all(directory);
        }
    }
}

/// The stage.
pub(crate) struct Stage {
    directory: PathBuf,
    places: Places,
    litter: Arc<Mutex<Litter>>,
}

impl Stage {
    /// Builds it. The process must have one thread only, and stays in the namespaces.
    ///
    /// # Errors
    /// The system does not allow it, or there is no space.
    pub(crate) fn build() -> Result<Stage, Failure> {
        let litter = Arc::new(Mutex::new(Litter::default()));
        sweep();
        let pid = std::process::id();
        let directory = std::env::temp_dir().join(format!("{DIRECTORY_PREFIX}{pid}"));
        os::files::private_directory(&directory).map_err(failed)?;
        lock(&litter).directory = Some(directory.clone());
        let places = Places::make().inspect_err(|_| lock(&litter).clear())?;
        let stage = Stage {
            directory,
            places,
            litter,
        };
        stage.watch_signals()?;
        Ok(stage)
    }

    /// Whether both ends are behind NATs.
    pub(crate) fn has_nats(&self) -> bool {
        self.places.have_nats
    }

    /// A file of the stage.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Eve's ear on the wire of the Bridge.
    ///
    /// # Errors
    /// The system does not allow it.
    pub(crate) fn ear(&self) -> Result<Capture, Failure> {
        enter_network(self.places.bridge.as_fd()).map_err(failed)?;
        let link = Netlink::open().and_then(|mut netlink| netlink.link(WIRE));
        Capture::open(&link.map_err(failed)?).map_err(failed)
    }

    /// Packets that her wire has carried so far, both ways, by the kernel's own count.
    ///
    /// # Errors
    /// The count cannot be read.
    pub(crate) fn wire_packets(&self) -> Result<u64, Failure> {
        enter_network(self.places.bridge.as_fd()).map_err(failed)?;
        let table = std::fs::read_to_string("/proc/thread-self/net/dev").map_err(failed)?;
        let lines = table.lines().filter_map(|line| line.trim().split_once(':'));
        let mut wire = lines.filter(|(name, _)| *name == WIRE);
        let (_, columns) = wire.next().ok_or_else(|| failed(WIRE))?;
        let columns: Vec<u64> = columns.split_whitespace().flat_map(str::parse).collect();
        // The second column of what was received, and of what was sent, eight further on.
        let count = |column: usize| columns.get(column).copied().unwrap_or_default();
        Ok(count(1) + count(9))
    }

    /// The context of a node, for asking it.
    pub(crate) fn context(&self, end: End, of: &Context) -> Context {
        let mut context = of.again()();
        context.directories = Directories::under(&self.file(end.directory()));
        context
    }

    /// Starts a node.
    ///
    /// # Errors
    /// It does not start; what it said is in the failure.
    pub(crate) fn start_node(&self, end: End, of: &Context, name: &str) -> Result<(), Failure> {
        let config = self.file(&format!("{}.toml", end.directory()));
        let settings = format!("label = \"{name}\"\n{}", end.settings());
        std::fs::write(&config, settings).map_err(failed)?;
        let log = self.file(&format!("{}.log", end.directory()));
        let stderr = File::create(&log).map_err(failed)?;
        let mut command = self.kumi(end);
        command.arg("--config").arg(&config);
        command.args(["up", "--foreground", "--no-invite", "--die-with-parent"]);
        self.spawn(end, command.stdout(Stdio::null()).stderr(stderr))?;
        let context = self.context(end, of);
        let deadline = Instant::now() + START_MAX;
        loop {
            match crate::verbs::status::fetch(&context) {
                Ok(_) => return Ok(()),
                Err(_) if Instant::now() < deadline && !self.newest_has_ended() => {
                    std::thread::sleep(POLL);
                }
                Err(failure) => {
                    let said = std::fs::read_to_string(&log).unwrap_or_default();
                    let last = said.lines().rev().take(3).collect::<Vec<_>>();
                    let last: Vec<&str> = last.into_iter().rev().map(str::trim).collect();
                    let detail = if last.is_empty() {
                        failure.id
                    } else {
                        last.join(" ")
                    };
                    return Err(Failure::new(Exit::Failed, "error-demo-node")
                        .with("name", name)
                        .with("detail", detail));
                }
            }
        }
    }

    /// A program of a node that sees the overlay. Its standard output is read by the
    /// caller.
    ///
    /// # Errors
    /// It cannot be started.
    pub(crate) fn run(
        &self,
        end: End,
        arguments: &[&str],
    ) -> Result<std::process::ChildStdout, Failure> {
        let mut command = self.kumi(end);
        command
            .args(["run", "--", "/proc/self/exe"])
            .args(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        self.spawn(end, &mut command)?;
        let mut litter = lock(&self.litter);
        let stdout = litter
            .children
            .last_mut()
            .and_then(|child| child.stdout.take());
        stdout.ok_or_else(|| failed("no pipe"))
    }

    /// Ends all nodes and removes everything.
    pub(crate) fn clear(&self) {
        lock(&self.litter).clear();
    }

    fn kumi(&self, end: End) -> Command {
        let mut command = Command::new("/proc/self/exe");
        command.arg("--state").arg(self.file(end.directory()));
        command.stdin(Stdio::null());
        command
    }

    fn spawn(&self, end: End, command: &mut Command) -> Result<(), Failure> {
        let namespace = match end {
            End::Alice => &self.places.alice,
            End::Bob => &self.places.bob,
            End::Bridge => &self.places.bridge,
        };
        enter_network(namespace.as_fd()).map_err(failed)?;
        let child = command.spawn().map_err(failed)?;
        lock(&self.litter).children.push(child);
        Ok(())
    }

    fn newest_has_ended(&self) -> bool {
        let mut litter = lock(&self.litter);
        let newest = litter.children.last_mut();
        newest.is_none_or(|child| !matches!(child.try_wait(), Ok(None)))
    }

    /// On Ctrl-C everything goes, and the exit code is what a shell expects.
    fn watch_signals(&self) -> Result<(), Failure> {
        let signals = Signals::catch().map_err(failed)?;
        let litter = Arc::clone(&self.litter);
        let watch = move || {
            loop {
                let _ = os::wait::readable(&[signals.as_fd()], None);
                if signals.next().is_some() {
                    lock(&litter).clear();
                    std::process::exit(130);
                }
            }
        };
        let watcher = std::thread::Builder::new().name("signals".to_owned());
        watcher.spawn(watch).map_err(failed)?;
        Ok(())
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.clear();
    }
}

fn lock(litter: &Mutex<Litter>) -> std::sync::MutexGuard<'_, Litter> {
    litter.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes what a demo left that was killed.
fn sweep() {
    let Ok(entries) = std::fs::read_dir(std::env::temp_dir()) else {
        return;
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.file_name().and_then(|name| name.to_str());
        let pid = name.and_then(|name| name.strip_prefix(DIRECTORY_PREFIX)?.parse().ok());
        if pid.is_some_and(|pid| !os::process::is_alive(pid)) && is_ours(&path) {
            let _ = std::fs::remove_dir_all(path);
        }
    }
}

fn is_ours(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let found = std::fs::symlink_metadata(path);
    found.is_ok_and(|found| found.is_dir() && found.uid() == os::process::user_id())
}
