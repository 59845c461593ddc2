//! Proxies and forwards: TCP between programs of the host and the overlay, for a node without
//! privileges as for one with them.
//!
//! ```text
//!  node: Proxies                        proxy process (no keys; only while there is something)
//!    plan, over a Unix socket --------> waits for connections on the host and inside
//!    <-------- what could not be opened one thread per connection: asks where to, connects
//!    <-------- control socket: names    through the interface, and passes on both ways
//! ```
//!
//! | file | owns |
//! |---|---|
//! | `link` | what both say to each other |
//! | `saved` | the forwards on disk |
//! | `part` | the process: listeners, threads |
//! | `ground` | its sockets on both sides |
//! | `connection` | one connection until it stands |
//! | `copy` | and from then on |
//!
//! | limit | value |
//! |---|---|
//! | forwards | [`api::FORWARDS_MAX`] |
//! | connections, of one proxy or forward | [`CONNECTIONS_MAX`], [`SERVICE_CONNECTIONS_MAX`] |

mod connection;
mod copy;
mod ground;
mod link;
mod part;
mod saved;

pub use saved::{FORWARDS, SavedError};

use crate::settings::ProxySettings;
use api::{ApiError, Code, Forward, ForwardStatus, Listen, NoticeKind, Reply, Request, Response};
use api::{FORWARDS_MAX, Target};
use link::{Kind, Outcome, Place, Plan, Service, receive, send};
use os::wait::{Waker, readable};
use std::collections::BTreeMap;
use std::io;
use std::net::Ipv6Addr;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// The hidden verb with which the program starts itself as the proxy process; `main` must
/// call [`serve`] when it is the first argument, before any thread starts.
pub const VERB: &str = "__proxy";
/// At most this many connections at once; one more is closed.
pub const CONNECTIONS_MAX: usize = 256;
/// One proxy or forward has at most this many of them, so that another has its part.
pub const SERVICE_CONNECTIONS_MAX: usize = 128;
/// Both proxies and every forward.
const LISTENERS_MAX: usize = FORWARDS_MAX + 2;
/// How long the process may take to do what a plan says.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// How often is looked whether it has ended.
const END_POLL: Duration = Duration::from_millis(5);
/// A process that has died is started again after so long.
const RESTART_PAUSE: Duration = Duration::from_secs(1);
/// Stack of the thread that waits for the process's end, in bytes.
const STACK_LEN: usize = 64 * 1024;

/// The proxy process itself.
pub fn serve() -> ExitCode {
    match part::serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// What of the node is needed.
#[derive(Debug)]
pub struct Overlay {
    /// The process with the namespace, if there is one.
    pub holder_pid: Option<u32>,
    /// The interface; without one there are neither proxies nor forwards.
    pub device: Option<String>,
    /// Address F.
    pub address: Ipv6Addr,
    /// The node's control socket.
    pub control: PathBuf,
}

/// The node's side of its proxies and forwards.
#[derive(Debug)]
pub struct Proxies {
    settings: ProxySettings,
    place: Option<Place>,
    file: PathBuf,
    /// Held only to look and to change, never while anything is waited for.
    known: Mutex<Known>,
    /// Held while the process is spoken with.
    process: Mutex<Option<Process>>,
    stop: Waker,
}

#[derive(Debug, Default)]
struct Known {
    forwards: BTreeMap<Listen, Target>,
    failures: BTreeMap<Listen, String>,
}

/// A running process. Closing the socket ends it.
#[derive(Debug)]
struct Process {
    pid: u32,
    socket: UnixStream,
    watcher: JoinHandle<()>,
}

impl Process {
    fn follow(&self, plan: &Plan) -> io::Result<BTreeMap<Listen, String>> {
        send(&self.socket, plan)?;
        let outcome: Option<Outcome> = receive(&self.socket)?;
        let outcome = outcome.ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(outcome.failures.into_iter().collect())
    }

    fn end(self) -> JoinHandle<()> {
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
        self.watcher
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Proxies {
    /// Reads the forwards in `directory` and opens everything. What cannot be opened is noted
    /// ([`Proxies::notices`]), not an error. `stop` is for [`Proxies::end`].
    ///
    /// # Errors
    /// The file with the forwards cannot be read.
    pub fn open(
        settings: ProxySettings,
        overlay: Overlay,
        directory: &Path,
        stop: Waker,
    ) -> Result<Arc<Self>, SavedError> {
        let file = directory.join(FORWARDS);
        let forwards = saved::load(&file)?;
        let proxies = Arc::new(Self {
            settings,
            place: overlay.device.map(|device| Place {
                holder_pid: overlay.holder_pid,
                device,
                address: overlay.address,
                control: overlay.control,
            }),
            file,
            known: Mutex::new(Known {
                forwards,
                failures: BTreeMap::new(),
            }),
            process: Mutex::default(),
            stop,
        });
        proxies.follow(&mut lock(&proxies.process));
        Ok(proxies)
    }

    /// Handles a request about forwards; `None` for any other. May take some seconds.
    pub fn handle(self: &Arc<Self>, request: &Request) -> Option<Reply> {
        match request {
            Request::Forward(forward) => Some(self.add(*forward)),
            Request::ForwardRemove { listen } => Some(self.remove(*listen)),
            Request::Forwards => Some(Ok(self.list())),
            _ => None,
        }
    }

    fn add(self: &Arc<Self>, forward: Forward) -> Reply {
        let refused = |detail: String| {
            ApiError::new(Code::ForwardListen)
                .with("listen", forward.listen)
                .with("detail", detail)
        };
        if self.place.is_none() {
            return Err(ApiError::new(Code::NoInside).with("mode", "none"));
        }
        let mut process = lock(&self.process);
        let before = lock(&self.known).forwards.clone();
        let mut after = before.clone();
        after.insert(forward.listen, forward.target);
        if after.len() > FORWARDS_MAX {
            return Err(ApiError::new(Code::ForwardsFull).with("max", FORWARDS_MAX));
        }
        lock(&self.known).forwards = after.clone();
        self.follow(&mut process);
        let failure = lock(&self.known).failures.get(&forward.listen).cloned();
        let result = match failure {
            Some(detail) => Err(refused(detail)),
            None => self.store(&after),
        };
        if result.is_err() {
            lock(&self.known).forwards = before;
            self.follow(&mut process);
        }
        result
    }

    fn remove(self: &Arc<Self>, listen: Listen) -> Reply {
        let mut process = lock(&self.process);
        let mut after = lock(&self.known).forwards.clone();
        if after.remove(&listen).is_none() {
            return Err(ApiError::new(Code::NotForwarded).with("listen", listen));
        }
        self.store(&after)?;
        lock(&self.known).forwards = after;
        self.follow(&mut process);
        Ok(Response::Done)
    }

    fn list(&self) -> Response {
        let known = lock(&self.known);
        let forwards = known.forwards.iter().map(|(listen, target)| ForwardStatus {
            forward: Forward {
                listen: *listen,
                target: *target,
            },
            failure: known.failures.get(listen).cloned(),
        });
        Response::Forwards {
            forwards: forwards.collect(),
        }
    }

    fn store(&self, forwards: &BTreeMap<Listen, Target>) -> Reply {
        match saved::store(&self.file, forwards) {
            Ok(()) => Ok(Response::Done),
            Err(error) => Err(ApiError::new(Code::Storage)
                .with("file", self.file.display())
                .with("detail", error)),
        }
    }

    /// For `kumi status`.
    pub fn status(&self) -> api::Proxies {
        api::Proxies {
            socks5: self.settings.socks5,
            http: self.settings.http,
            forwards: u32::try_from(lock(&self.known).forwards.len()).unwrap_or(u32::MAX),
        }
    }

    /// What does not wait for connections although it should.
    pub fn notices(&self) -> Vec<api::Notice> {
        let known = lock(&self.known);
        let notice = |(listen, detail): (&Listen, &String)| {
            crate::answers::notice(
                NoticeKind::NotListening,
                &[("listen", listen), ("detail", detail)],
            )
        };
        known.failures.iter().map(notice).collect()
    }

    /// Ends the process and waits for that, but not for ever: it ends by itself.
    pub fn end(&self) {
        self.stop.wake();
        let Some(process) = lock(&self.process).take() else {
            return;
        };
        let watcher = process.end();
        let until = os::clock::monotonic().saturating_add(ANSWER_MAX);
        while !watcher.is_finished() && os::clock::monotonic() < until {
            std::thread::sleep(END_POLL);
        }
    }

    /// Everything that shall wait for connections.
    fn services(&self) -> Vec<Service> {
        let proxy = |address, kind| Service {
            listen: Listen::Host(address),
            kind,
        };
        let socks5 = self.settings.socks5.map(|at| proxy(at, Kind::Socks5));
        let http = self.settings.http.map(|at| proxy(at, Kind::Http));
        let known = lock(&self.known);
        let forwards = known.forwards.iter().map(|(listen, target)| Service {
            listen: *listen,
            kind: Kind::Forward(*target),
        });
        socks5.into_iter().chain(http).chain(forwards).collect()
    }

    /// Has the process do what is wanted now: starts it for the first service, ends it after
    /// the last, and notes what it could not do.
    fn follow(self: &Arc<Self>, process: &mut Option<Process>) {
        let services = self.services();
        let failures = match &self.place {
            _ if services.is_empty() => {
                process.take().map(Process::end);
                BTreeMap::new()
            }
            None => failed(&services, "this node has no interface in the overlay"),
            Some(place) => {
                let plan = Plan {
                    place: place.clone(),
                    services,
                };
                let first = self.try_follow(process, &plan);
                // One that has just died is no reason to refuse.
                let done = first.or_else(|_| self.try_follow(process, &plan));
                done.unwrap_or_else(|error| failed(&plan.services, &error.to_string()))
            }
        };
        for (listen, error) in &failures {
            tracing::warn!(%listen, error, "no connections are taken");
        }
        lock(&self.known).failures = failures;
    }

    fn try_follow(
        self: &Arc<Self>,
        process: &mut Option<Process>,
        plan: &Plan,
    ) -> io::Result<BTreeMap<Listen, String>> {
        let running = match process.take() {
            Some(running) => running,
            None => self.start()?,
        };
        match running.follow(plan) {
            Ok(failures) => {
                *process = Some(running);
                Ok(failures)
            }
            Err(error) => {
                running.end();
                Err(error)
            }
        }
    }

    fn start(self: &Arc<Self>) -> io::Result<Process> {
        let (socket, theirs) = UnixStream::pair()?;
        socket.set_read_timeout(Some(ANSWER_MAX))?;
        socket.set_write_timeout(Some(ANSWER_MAX))?;
        let mut child = os::process::spawn_part(VERB, theirs.into())?;
        let (pid, proxies) = (child.id(), Arc::clone(self));
        let thread = std::thread::Builder::new()
            .name("kumi-proxies".to_owned())
            .stack_size(STACK_LEN);
        let watcher = thread.spawn(move || {
            let _ = child.wait();
            proxies.ended(pid);
        })?;
        Ok(Process {
            pid,
            socket,
            watcher,
        })
    }

    /// Process `pid` has ended. Starts another, unless it was told to end.
    fn ended(self: &Arc<Self>, pid: u32) {
        let is_current = |process: &Option<Process>| process.as_ref().is_some_and(|p| p.pid == pid);
        if !is_current(&lock(&self.process)) {
            return;
        }
        tracing::error!("the proxy process was killed");
        match readable(&[self.stop.as_fd()], Some(RESTART_PAUSE)) {
            Ok([false, ..]) => {}
            _ => return,
        }
        let mut process = lock(&self.process);
        if is_current(&process) {
            *process = None;
            self.follow(&mut process);
        }
    }
}

fn failed(services: &[Service], why: &str) -> BTreeMap<Listen, String> {
    let failed = services.iter().map(|service| (service.listen, why));
    failed
        .map(|(listen, why)| (listen, why.to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nodes whose proxy process ends at once: this test program knows no such verb.
    fn proxies(name: &str, device: Option<&str>) -> (Arc<Proxies>, PathBuf) {
        let name = format!("kumi-proxies-{}-{name}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        os::files::private_directory(&directory).unwrap();
        let overlay = Overlay {
            holder_pid: None,
            device: device.map(str::to_owned),
            address: "fc12::1".parse().unwrap(),
            control: directory.join("control"),
        };
        let settings = ProxySettings::default();
        let opened = Proxies::open(settings, overlay, &directory, Waker::new().unwrap());
        (opened.unwrap(), directory)
    }

    fn forward(port: u16) -> Request {
        Request::Forward(Forward {
            listen: Listen::Inside(port),
            target: "127.0.0.1:22".parse().unwrap(),
        })
    }

    #[test]
    fn forwards_are_bounded_and_what_does_not_open_is_not_kept() {
        let (first, directory) = proxies("bound", Some("lo"));
        let most = (1..=64).map(|port| {
            let Request::Forward(one) = forward(port) else {
                unreachable!();
            };
            (one.listen, one.target)
        });
        assert_eq!(first.list(), Response::Forwards { forwards: vec![] });
        saved::store(&directory.join(FORWARDS), &most.collect()).unwrap();
        let (proxies, _) = proxies("bound", Some("lo"));
        assert_eq!(proxies.status().forwards, 64);
        assert_eq!(proxies.notices().len(), 64);
        let refused = |request| proxies.handle(&request).unwrap().unwrap_err();
        assert_eq!(refused(forward(65)).to_string(), "forwards-full max=64");
        let listen = Listen::Inside(1);
        let removed = proxies.handle(&Request::ForwardRemove { listen }).unwrap();
        assert_eq!(removed, Ok(Response::Done));
        assert_eq!(
            refused(Request::ForwardRemove { listen }).code,
            Code::NotForwarded
        );
        assert_eq!(refused(forward(65)).code, Code::ForwardListen);
        assert_eq!(proxies.status().forwards, 63);
        assert_eq!(saved::load(&directory.join(FORWARDS)).unwrap().len(), 63);
        assert!(proxies.handle(&Request::Status).is_none());
        proxies.end();
        std::fs::remove_dir_all(&directory).unwrap();
    }

    #[test]
    fn a_node_without_an_interface_forwards_nothing() {
        let (proxies, directory) = proxies("none", None);
        let refused = proxies.handle(&forward(22)).unwrap().unwrap_err();
        assert_eq!(refused.code, Code::NoInside);
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
