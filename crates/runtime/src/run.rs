//! Starting and stopping: everything in order, and the threads.

use crate::counters::{Cause, Counters};
use crate::facts::Facts;
use crate::inside::{Inside, Wanted};
use crate::peer_routes::PeerRoutes;
use crate::settings::{Routes, Settings, names};
use crate::shared::{Inbox, Input, Outbox, Shared};
use crate::slow::{Clock, SlowPath};
use crate::storage::{Storage, StorageError};
use crate::{control, data, lan};
use api::{NetworkMode, NoticeKind};
use arc_swap::ArcSwap;
use identity::crypto::{AwsLc, Crypto};
use node::{Node, NodeConfig};
use os::control::{ControlError, Listener};
use os::files::{FileError, Lock, LockError};
use os::interface::InterfaceError;
use os::multicast::Multicast;
use os::netlink::{Monitor, NetlinkError};
use os::process::{Signal, Signals};
use os::udp::Udp;
use os::wait::{Waker, readable};
use std::io;
use std::net::Ipv6Addr;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::{Builder, JoinHandle};

/// Stack of a data thread, in bytes.
const STACK_LEN: usize = 256 * 1024;
/// Stack of the slow path's thread: handshakes need more.
const STACK_SLOW_LEN: usize = 1024 * 1024;

/// Why a node could not start, or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A directory or file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// Another process has the lock.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The journal cannot be used.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The identity does not hold.
    #[error(transparent)]
    Identity(#[from] node::NewError),
    /// The port cannot be had.
    #[error("UDP port {port}: {source}")]
    Port {
        /// The port.
        port: u16,
        /// Why not.
        source: io::Error,
    },
    /// The interface cannot be made.
    #[error(transparent)]
    Interface(#[from] InterfaceError),
    /// The control socket cannot be made.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// Addresses of this host cannot be watched.
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
    /// A thread, a descriptor or random numbers could not be had.
    #[error("{what}: {source}")]
    System {
        /// What was being done.
        what: &'static str,
        /// Why it failed.
        source: io::Error,
    },
}

/// What a node that is ready says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    /// Its address F.
    pub address: Ipv6Addr,
    /// Its UDP port.
    pub port: u16,
    /// Where its interface is.
    pub mode: NetworkMode,
    /// The interface's name.
    pub interface: Option<String>,
    /// Why there is none although one was wanted.
    pub missing: Option<String>,
}

/// Runs a node until SIGTERM, SIGINT or a request to stop. `ready` is called once, when
/// peers and programs can reach it. Call it from a process without other threads.
///
/// # Errors
/// The node could not start, or its journal could not be written.
pub fn run(settings: Settings, ready: impl FnOnce(&Ready)) -> Result<(), RunError> {
    os::process::keep_memory_small();
    os::process::forbid_dumps().map_err(system("forbidding dumps"))?;
    os::process::raise_open_files_limit();
    let signals = Signals::catch().map_err(system("catching signals"))?;
    settings.directories.prepare()?;
    let _lock = Lock::acquire(&settings.directories.state.join(names::LOCK))?;
    let started = Started::new(settings)?;
    ready(&started.ready);
    started.serve(&signals)
}

fn system(what: &'static str) -> impl Fn(io::Error) -> RunError {
    move |source| RunError::System { what, source }
}

/// A node with everything open and no thread yet.
struct Started {
    ready: Ready,
    shared: Arc<Shared>,
    slow: SlowPath,
    outbox: Outbox,
    listener: Listener,
    monitor: Monitor,
    inside: Option<os::holder::Holder>,
}

impl Started {
    fn new(settings: Settings) -> Result<Self, RunError> {
        let (storage, stored) = Storage::open(&settings.directories.state)?;
        let mut clock = Clock::new(stored.time_high_unix_s);
        let behind_s = stored.time_high_unix_s.saturating_sub(os::clock::unix_s());
        let udp = bind(settings.port)?;
        let port = udp.port().map_err(system("asking for the port"))?;
        let crypto: Arc<dyn Crypto> = Arc::new(AwsLc);
        let seed = os::random::seed().map_err(system("random numbers"))?;
        let config = NodeConfig {
            listen_port: port,
            inner_mtu: settings.mtu,
            discovery: settings.discovery,
            software_version: settings.version.clone(),
            host_label: settings.label.clone(),
        };
        let now = clock.now();
        let node = Node::new(config, settings.identity.clone(), stored, crypto, seed, now)?;
        let status = node.status(now);
        let wanted = Wanted {
            name: settings.interface.clone(),
            mode: settings.mode,
            routes: settings.routes,
            mtu: settings.mtu,
            addresses: vec![status.f.to_ipv6(), status.alias.to_ipv6()],
        };
        let monitor = Monitor::open()?;
        let listener = Listener::bind(&settings.directories.runtime.join(names::SOCKET))?;
        let Inside {
            device,
            holder,
            mode,
            missing,
        } = crate::inside::open(&wanted)?;
        let mut notices = first_notices(behind_s, missing.as_deref());
        let multicast = open_multicast(settings.discovery, &mut notices);
        let counters = Arc::new(Counters::new());
        let (inbox, outbox) = Inbox::new(Arc::clone(&counters));
        let interface = device.as_ref().map(|device| device.name().to_owned());
        let shared = Arc::new(Shared {
            snapshot: ArcSwap::new(node.snapshot()),
            flows: node.flows(),
            udp,
            device,
            multicast,
            counters,
            inbox,
            stop: Waker::new().map_err(system("making a waker"))?,
            stopping: AtomicBool::new(false),
        });
        let routes = match (&interface, mode, settings.routes) {
            (Some(name), NetworkMode::Kernel, Routes::Peers) => Some(PeerRoutes::new(name)?),
            _ => None,
        };
        let address = status.f.to_ipv6();
        let facts = Facts {
            shared: Arc::clone(&shared),
            reload: settings.reload,
            version: settings.version,
            label: settings.label,
            started_unix_s: now.unix_s,
            port,
            network: api::Network {
                mode,
                name: interface.clone(),
                mtu: if interface.is_some() {
                    u32::from(settings.mtu)
                } else {
                    0
                },
            },
            holder_pid: holder.as_ref().map(os::holder::Holder::pid),
            address,
            notices,
            journal_len: storage.len_bytes(),
            events: std::collections::VecDeque::new(),
            clones: std::collections::BTreeMap::new(),
        };
        let slow = SlowPath::new(node, storage, facts, clock, routes);
        let ready = Ready {
            address,
            port,
            mode,
            interface,
            missing,
        };
        Ok(Self {
            ready,
            shared,
            slow,
            outbox,
            listener,
            monitor,
            inside: holder,
        })
    }

    /// Starts the threads, waits for the end, and ends them.
    fn serve(self, signals: &Signals) -> Result<(), RunError> {
        let Self {
            ready,
            shared,
            mut slow,
            outbox,
            listener,
            monitor,
            inside,
        } = self;
        let ended = Arc::new(Waker::new().map_err(system("making a waker"))?);
        let (own, done) = (Arc::clone(&shared), Arc::clone(&ended));
        let slow = spawn("kumi-slow", STACK_SLOW_LEN, move || {
            let result = slow.run(&outbox);
            own.end();
            done.wake();
            result
        })?;
        let mut threads = Vec::new();
        let own = Arc::clone(&shared);
        threads.push(spawn("kumi-udp", STACK_LEN, move || {
            data::receive_datagrams(&own)
        })?);
        let own = Arc::clone(&shared);
        threads.push(spawn("kumi-tun", STACK_LEN, move || {
            data::receive_packets(&own)
        })?);
        let own = Arc::clone(&shared);
        threads.push(spawn("kumi-control", STACK_LEN, move || {
            control::run(&own, &listener)
        })?);
        let own = Arc::clone(&shared);
        let port = ready.port;
        threads.push(spawn("kumi-lan", STACK_LEN, move || {
            lan::run(&own, &monitor, port)
        })?);
        wait_for_end(&shared, signals, &ended, inside.as_ref());
        let result = slow.join();
        shared.end();
        for thread in threads {
            let _ = thread.join();
        }
        match result {
            Ok(result) => Ok(result?),
            Err(_) => Err(system("the slow path")(io::ErrorKind::BrokenPipe.into())),
        }
    }
}

/// Handles signals until the slow path has ended.
fn wait_for_end(
    shared: &Shared,
    signals: &Signals,
    ended: &Waker,
    holder: Option<&os::holder::Holder>,
) {
    let mut waiting = vec![ended.as_fd(), signals.as_fd()];
    waiting.extend(holder.map(AsFd::as_fd));
    while let Ok([over, signal, holder_gone, ..]) = readable(&waiting, None) {
        if over {
            return;
        }
        shared.counters.woke(Cause::Signal);
        while let Some(signal) = signals.next() {
            shared.inbox.send(match signal {
                Signal::Reload => Input::Reload,
                Signal::Stop => Input::Stop,
            });
        }
        if holder_gone && !signal {
            // `kumi run` has nowhere to go any more; starting again makes a new one.
            tracing::error!("the namespace's holder was killed");
            shared.inbox.send(Input::Stop);
            waiting.truncate(2);
        }
    }
}

fn spawn<T: Send + 'static>(
    name: &str,
    stack_len: usize,
    body: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, RunError> {
    let thread = Builder::new().name(name.to_owned()).stack_size(stack_len);
    thread.spawn(body).map_err(system("starting a thread"))
}

fn bind(port: u16) -> Result<Udp, RunError> {
    Udp::bind(port).map_err(|source| RunError::Port { port, source })
}

fn first_notices(behind_s: u64, missing: Option<&str>) -> Vec<api::Notice> {
    let mut notices = Vec::new();
    if let Some(detail) = missing {
        notices.push(crate::answers::notice(
            NoticeKind::NoTun,
            &[("detail", &detail)],
        ));
    }
    if behind_s > identity::CLOCK_TOLERANCE_S {
        notices.push(crate::answers::notice(
            NoticeKind::ClockBehind,
            &[("behind_s", &behind_s)],
        ));
    }
    notices
}

fn open_multicast(discovery: bool, notices: &mut Vec<api::Notice>) -> Option<Multicast> {
    if !discovery {
        return None;
    }
    let (v6, v4) = lan::GROUPS;
    match Multicast::open(v6, v4, wire::beacon::BEACON_PORT) {
        Ok(multicast) => Some(multicast),
        Err(error) => {
            notices.push(crate::answers::notice(
                NoticeKind::NoBeacon,
                &[("detail", &error)],
            ));
            None
        }
    }
}
