//! Starting and stopping: everything in order, and the threads.

use crate::counters::{Cause, Counters};
use crate::desk::{Desk, DeskError};
use crate::facts::Facts;
use crate::groups::Groups;
use crate::http::Places;
use crate::inbox::{Inbox, Outbox};
use crate::inside::{Inside, Wanted};
use crate::lane::Lane;
use crate::peer_routes::PeerRoutes;
use crate::proxy::{Overlay, Proxies, SavedError};
use crate::resolved::Resolved;
use crate::responder::Responder;
use crate::rest::{self, Rest};
use crate::settings::{Routes, Settings, names};
use crate::shared::{Input, Shared};
use crate::slow::{Clock, SlowPath};
use crate::storage::{Storage, StorageError};
use crate::streams::{Limits, Streams};
use crate::{control, data, lan};
use api::{NetworkMode, NoticeKind};
use arc_swap::ArcSwap;
use identity::crypto::{AwsLc, Crypto};
use node::{Node, NodeConfig};
use os::clock::monotonic;
use os::control::{ControlError, Listener};
use os::files::{FileError, Lock, LockError};
use os::holder::Holder;
use os::interface::InterfaceError;
use os::multicast::Multicast;
use os::netlink::{Monitor, Netlink, NetlinkError};
use os::process::{Signal, Signals};
use os::tun::Device;
use os::udp::Udp;
use os::wait::{Waker, readable};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::Ipv6Addr;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::{Builder, JoinHandle};
use wire::Now;

/// Stack of a thread that never works at the slow path's desk, in bytes.
const STACK_LEN: usize = 256 * 1024;
/// Stack of one that may: handshakes need more.
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
    /// The forwards cannot be read.
    #[error(transparent)]
    Forwards(#[from] SavedError),
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
    /// Site mode cannot be.
    #[error("site mode: {0}")]
    Site(String),
    /// The slow path ended early.
    #[error(transparent)]
    Desk(#[from] DeskError),
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
    os::marked::mark_sockets();
    let signals = Signals::catch().map_err(system("catching signals"))?;
    os::process::allow_interrupts().map_err(system("preparing for the end"))?;
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
    /// What data threads but the first have of their own.
    lanes: Vec<(Udp, Device)>,
    listener: Listener,
    monitor: Monitor,
    inside: Option<Holder>,
}

/// The machine and what it stands on.
struct Machine {
    node: Node,
    storage: Storage,
    clock: Clock,
    now: Now,
    udp: Udp,
    port: u16,
    /// How far the system's clock is behind the time that was stored, in seconds.
    behind_s: u64,
}

impl Machine {
    fn new(settings: &Settings) -> Result<Self, RunError> {
        let (storage, stored) = Storage::open(&settings.directories.state)?;
        let mut clock = Clock::new(stored.time_high_unix_s);
        let behind_s = stored.time_high_unix_s.saturating_sub(os::clock::unix_s());
        let port = settings.port;
        let mut udp = Udp::bind(port).map_err(|source| RunError::Port { port, source })?;
        if !settings.offloads {
            udp.switch_offloads_off();
        }
        let port = udp.port().map_err(system("asking for the port"))?;
        let crypto: Arc<dyn Crypto> = Arc::new(AwsLc);
        let seed = os::random::seed().map_err(system("random numbers"))?;
        let config = NodeConfig {
            listen_port: port,
            inner_mtu: settings.mtu,
            discovery: settings.discovery,
            software_version: settings.version.clone(),
            host_label: settings.label.clone(),
            addresses: settings.addresses.iter().map(|(ip, _)| *ip).collect(),
            announce: settings.announce.clone(),
            site: settings.site.clone(),
            group_sites: settings.group_sites,
        };
        let now = clock.now();
        let identity = settings.identity.clone();
        let mut node = Node::new(config, identity, stored, crypto, seed, now)?;
        // Known from the first answer on: whoever starts a node asks at once how to reach it.
        node.handle_local_endpoints(now, lan::current(None, port)?);
        Ok(Self {
            node,
            storage,
            clock,
            now,
            udp,
            port,
            behind_s,
        })
    }

    fn responder(&self) -> Responder {
        let status = self.node.status(self.now);
        Responder::new([status.f, status.alias].map(wire::NodeAddr::to_ipv6))
    }

    fn interface(&self, settings: &Settings) -> Result<Inside, RunError> {
        let status = self.node.status(self.now);
        let names = [status.f, status.alias].map(|name| (name.into(), 128));
        let v4 = settings.addresses.iter().take(node::ADDRESSES_MAX);
        let v4 = v4.map(|(ip, len)| ((*ip).into(), *len));
        let wanted = Wanted {
            name: settings.interface.clone(),
            mode: settings.mode,
            routes: settings.routes,
            mtu: settings.mtu,
            offloads: settings.offloads,
            queues: settings.queues,
            addresses: names.into_iter().chain(v4).collect(),
        };
        Ok(crate::inside::open(&wanted)?)
    }
}

impl Started {
    fn new(settings: Settings) -> Result<Self, RunError> {
        let machine = Machine::new(&settings)?;
        let monitor = Monitor::open()?;
        let listener = Listener::bind(&settings.directories.runtime.join(names::SOCKET))?;
        let mut inside = machine.interface(&settings)?;
        let mut notices = first_notices(machine.behind_s, inside.missing.as_deref());
        let mut queues = inside.queues.drain(..);
        let (device, queues) = (queues.next(), queues.collect::<Vec<_>>());
        let interface = device.as_ref().map(|device| device.name().to_owned());
        let routes = peer_routes(interface.as_deref(), &inside, settings.routes)?;
        let ready = Ready {
            address: machine.node.address().to_ipv6(),
            port: machine.port,
            mode: inside.mode,
            interface,
            missing: inside.missing.take(),
        };
        let proxies = open_proxies(&settings, &ready, inside.holder.as_ref())?;
        let counters = Arc::new(Counters::new());
        let (inbox, outbox) = Inbox::new(Arc::clone(&counters));
        let streams = Streams::new(Limits::default(), Arc::clone(&counters))
            .map_err(system("preparing for TCP"))?;
        let responder = machine.responder();
        let Machine {
            node,
            storage,
            clock,
            now,
            udp,
            ..
        } = machine;
        let shared = Arc::new(Shared {
            snapshot: ArcSwap::new(node.snapshot()),
            flows: node.flows(),
            udp,
            device,
            multicast: open_multicast(settings.discovery, &mut notices),
            counters,
            inbox,
            desk: Desk::default(),
            streams,
            proxies,
            answered: Waker::new().map_err(system("making a waker"))?,
            stop: Waker::new().map_err(system("making a waker"))?,
            stopping: AtomicBool::new(false),
        });
        let state = settings.directories.state.clone();
        let notes = settings.directories.runtime.clone();
        let places = places(&settings, &ready);
        let is_wanted = !settings.site.is_empty();
        let lanes = sockets_for(&shared.udp, queues);
        let inside = inside.holder;
        let mut facts = facts(settings, &ready, &shared, now, notices);
        facts.network.queues = facts.network.queues.saturating_add(lanes.len() as u32);
        facts.holder_pid = inside.as_ref().map(Holder::pid);
        facts.journal_len = storage.len_bytes();
        let groups = Groups::new(state, node.address(), shared.inbox.clone(), places);
        let mut slow = SlowPath::new(node, storage, facts, clock, routes, groups, responder);
        let here = ready.mode == NetworkMode::Kernel;
        let interface = ready.interface.clone().filter(|_| here);
        slow.capture_from(interface, ready.port, &notes);
        // Without an interface here a node may still be in groups that protect a site; `kumi status` says so.
        if let Err(error) = slow.capture()
            && (here || is_wanted)
        {
            return Err(RunError::Site(error));
        }
        Ok(Self {
            ready,
            shared,
            slow,
            outbox,
            lanes,
            listener,
            monitor,
            inside,
        })
    }

    /// Starts the threads, waits for the end, and ends them.
    fn serve(self, signals: &Signals) -> Result<(), RunError> {
        let Self {
            ready,
            shared,
            slow,
            outbox,
            lanes,
            listener,
            monitor,
            inside,
        } = self;
        let ended = Arc::new(Waker::new().map_err(system("making a waker"))?);
        let (own, done) = (Arc::clone(&shared), Arc::clone(&ended));
        let slow = spawn("kumi-slow", STACK_SLOW_LEN, move || {
            let result = own.desk.run(Box::new(slow), &outbox);
            own.end();
            done.wake();
            result
        })?;
        let mut threads = data_threads(&shared, lanes)?;
        let own = Arc::clone(&shared);
        threads.push(spawn("kumi-control", STACK_LEN, move || {
            control::run(&own, &listener)
        })?);
        let own = Arc::clone(&shared);
        let port = ready.port;
        threads.push(spawn("kumi-lan", STACK_LEN, move || {
            lan::run(&own, &monitor, port)
        })?);
        let here = ready
            .interface
            .filter(|_| ready.mode == NetworkMode::Kernel);
        let resolved = here.and_then(|interface| Resolved::register(&interface));
        wait_for_end(&shared, signals, &ended, inside.as_ref());
        if let Some(resolved) = resolved {
            resolved.end();
        }
        let result = slow.join();
        shared.end();
        for thread in threads {
            let _ = os::process::join_interrupted(thread);
        }
        shared.proxies.end();
        match result {
            Ok(result) => Ok(result?),
            Err(_) => Err(system("the slow path")(io::ErrorKind::BrokenPipe.into())),
        }
    }
}

/// A socket for each further queue. A queue that would have none is given back: nobody would read it.
fn sockets_for(udp: &Udp, queues: Vec<Device>) -> Vec<(Udp, Device)> {
    let pairs = queues.into_iter().map_while(|queue| match udp.another() {
        Ok(socket) => Some((socket, queue)),
        Err(error) => {
            tracing::debug!(%error, "no more sockets for the port");
            None
        }
    });
    pairs.collect()
}

fn data_threads(
    shared: &Arc<Shared>,
    lanes: Vec<(Udp, Device)>,
) -> Result<Vec<JoinHandle<()>>, RunError> {
    type Body = fn(&Shared);
    let bodies: [(&str, Body); 2] = [
        ("kumi-data", |shared| data::carry(Lane::first(shared))),
        ("kumi-tcp", data::receive_from_streams),
    ];
    let mut threads = Vec::new();
    for (name, body) in bodies {
        let own = Arc::clone(shared);
        threads.push(spawn(name, STACK_SLOW_LEN, move || body(&own))?);
    }
    let sockets = 1 + lanes.len();
    for (number, (udp, device)) in (1..).zip(lanes) {
        let own = Arc::clone(shared);
        let body = move || {
            data::carry(Lane {
                shared: &own,
                udp: &udp,
                device: Some(&device),
            });
        };
        threads.push(spawn(&format!("kumi-data{number}"), STACK_SLOW_LEN, body)?);
    }
    // Without it everything comes to the others.
    match shared.udp.for_strangers(sockets) {
        Ok(door) => {
            let own = Arc::clone(shared);
            let body = move || data::receive_from_strangers(&own, &door);
            threads.push(spawn("kumi-door", STACK_SLOW_LEN, body)?);
        }
        Err(error) => tracing::debug!(%error, "one socket for all"),
    }
    Ok(threads)
}

fn open_proxies(
    settings: &Settings,
    ready: &Ready,
    holder: Option<&Holder>,
) -> Result<Arc<Proxies>, RunError> {
    let overlay = Overlay {
        holder_pid: holder.map(Holder::pid),
        device: ready.interface.clone(),
        address: ready.address,
        control: settings.directories.runtime.join(names::SOCKET),
    };
    let state = &settings.directories.state;
    let stop = Waker::new().map_err(system("making a waker"))?;
    Ok(Proxies::open(settings.proxies, overlay, state, stop)?)
}

/// The routes to peers, where anything is to lead to the interface.
fn peer_routes(
    interface: Option<&str>,
    inside: &Inside,
    routes: Routes,
) -> Result<Option<PeerRoutes>, RunError> {
    Ok(match (interface, &inside.holder, routes) {
        (None, ..) | (.., Routes::None) => None,
        (_, Some(holder), _) => {
            let routes = holder.routes().map_err(system("sharing a socket"))?;
            Some(PeerRoutes::inside(routes))
        }
        (Some(name), None, routes) => Some(PeerRoutes::here(name, routes == Routes::Peers)?),
    })
}

/// Handles signals until the slow path has ended.
fn wait_for_end(shared: &Shared, signals: &Signals, ended: &Waker, holder: Option<&Holder>) {
    let mut waiting = vec![ended.as_fd(), shared.answered.as_fd(), signals.as_fd()];
    waiting.extend(holder.map(AsFd::as_fd));
    let mut rest = Rest::new(monotonic());
    while let Ok([over, answered, signal, holder_gone, ..]) =
        readable(&waiting, rest.timeout(monotonic()))
    {
        if over {
            return;
        }
        if answered {
            shared.answered.clear();
            rest.answered(monotonic());
        }
        if rest.is_due(monotonic()) {
            rest::let_go();
        }
        if !(signal || holder_gone) {
            continue;
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
            waiting.truncate(3);
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

/// What the shell knows at the start.
fn facts(
    settings: Settings,
    ready: &Ready,
    shared: &Arc<Shared>,
    now: Now,
    notices: Vec<api::Notice>,
) -> Facts {
    let mtu = ready
        .interface
        .as_ref()
        .map_or(0, |_| u32::from(settings.mtu));
    Facts {
        shared: Arc::clone(shared),
        reload: settings.reload,
        renew: settings.renew,
        obstacle: None,
        version: settings.version,
        label: settings.label,
        started_unix_s: now.unix_s,
        port: ready.port,
        network: api::Network {
            mode: ready.mode,
            name: ready.interface.clone(),
            mtu,
            queues: u32::from(mtu > 0),
        },
        holder_pid: None,
        address: ready.address,
        behind: settings.announce,
        elsewhere: Vec::new(),
        notices,
        site: None,
        journal_len: 0,
        events: VecDeque::new(),
        clones: BTreeMap::new(),
    }
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

/// Where administrators of groups are served: inside the overlay only if its interface is here.
fn places(settings: &Settings, ready: &Ready) -> Places {
    let here = ready.mode == NetworkMode::Kernel;
    Places {
        overlay: here.then(|| (ready.address, crate::http::PORT).into()),
        https: settings.https.clone(),
    }
}

fn open_multicast(discovery: bool, notices: &mut Vec<api::Notice>) -> Option<Multicast> {
    if !discovery {
        return None;
    }
    let (v6, v4) = lan::GROUPS;
    match Multicast::open(v6, v4, wire::beacon::BEACON_PORT) {
        Ok(multicast) => {
            // The first beacon leaves before the LAN thread looks at the interfaces.
            if let Ok(links) = Netlink::open().and_then(|mut netlink| netlink.links()) {
                multicast.join(&links);
            }
            Some(multicast)
        }
        Err(error) => {
            notices.push(crate::answers::notice(
                NoticeKind::NoBeacon,
                &[("detail", &error)],
            ));
            None
        }
    }
}
