//! What whoever starts a node decides. Values, no files: reading `kumi.toml` and key files is
//! the program's.

use identity::LocalIdentity;
use os::files::Directories;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use wire::Prefix;

/// Names of the files that a running node has in its directories.
pub mod names {
    /// The control socket, in the runtime directory.
    pub const SOCKET: &str = "control";
    /// What an adapter has changed in the kernel, in the runtime directory.
    pub const ADAPTER: &str = "adapter";
    /// Who was behind this node when it ended, in the runtime directory.
    pub const BEHIND: &str = "behind";
    /// The lock, in the state directory.
    pub const LOCK: &str = "lock";
}

/// The overlay's interface when nothing else is chosen.
pub const INTERFACE_DEFAULT: &str = "kumi%d";

/// Where the overlay's interface shall be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InterfaceMode {
    /// In this network when that is permitted, else in a namespace; none if neither works.
    #[default]
    Auto,
    /// In this network.
    Kernel,
    /// In an unprivileged namespace.
    Rootless,
    /// Nowhere: only sessions and pings.
    None,
}

/// What leads to the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Routes {
    /// fc00::/8 and 200::/7.
    #[default]
    Overlay,
    /// Each peer's addresses, for machines on which those prefixes lead elsewhere. In a
    /// namespace the same as `Overlay`.
    Peers,
    /// Nothing.
    None,
}

/// Reads the identity again after its files have changed; an error's text names the file.
pub type Reload = Box<dyn Fn() -> Result<LocalIdentity, String> + Send>;

/// What came of renewing the node certificate of a running node.
#[derive(Debug)]
pub enum Renewal {
    /// It is renewed (by whomever) and on disk.
    Renewed(Box<LocalIdentity>),
    /// The root key is sealed: its owner must give the passphrase.
    Sealed,
    /// The root key is not on this machine.
    Missing,
}

/// Renews the node certificate if it ends soon and the root key is at hand; an error's text
/// says what is wrong. Called 10 days before the end, each day until then, and at the end.
pub type Renew = Box<dyn Fn() -> Result<Renewal, String> + Send>;

/// Where proxies wait for programs of the host, if anywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ProxySettings {
    /// The SOCKS5 proxy.
    pub socks5: Option<SocketAddr>,
    /// The HTTP proxy.
    pub http: Option<SocketAddr>,
}

/// Where administrators of groups are served with TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Https {
    /// The address.
    pub at: SocketAddr,
    /// A chain of certificates, PEM.
    pub certificate: PathBuf,
    /// The key of its first, PEM.
    pub key: PathBuf,
}

/// Queues of the interface at most.
pub const QUEUES_MAX: usize = os::tun::QUEUES_MAX;

/// Queues where nobody asked for a number: one for every second processor, as programs need some
/// as well, up to four.
pub fn queues_default() -> usize {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    (processors / 2).clamp(1, 4)
}

/// Everything that a node needs to run.
pub struct Settings {
    /// Where its files are.
    pub directories: Directories,
    /// Who it is.
    pub identity: LocalIdentity,
    /// How to read that again.
    pub reload: Reload,
    /// How to renew its certificate.
    pub renew: Renew,
    /// Its UDP port; 0 takes a free one. A fixed one that is taken is an error.
    pub port: u16,
    /// The interface's name; `%d` stands for the first free number.
    pub interface: String,
    /// Where the interface is.
    pub mode: InterfaceMode,
    /// What leads to it.
    pub routes: Routes,
    /// Its MTU in bytes, at least 1,280.
    pub mtu: u16,
    /// Whether the kernel may pass large frames and leave checksums to the node, on both sides.
    pub offloads: bool,
    /// Queues of the interface, each with a socket and a thread: 1 to [`QUEUES_MAX`].
    pub queues: usize,
    /// IPv4 addresses of the node inside, with the length of their prefix.
    pub addresses: Vec<(Ipv4Addr, u8)>,
    /// What the node announces beside them.
    pub announce: Vec<Prefix>,
    /// Ordinary addresses with which the node negotiates what becomes of each flow (site mode).
    pub site: Vec<Prefix>,
    /// Whether groups may say so, too.
    pub group_sites: bool,
    /// Whether to send and heed beacons.
    pub discovery: bool,
    /// Its proxies.
    pub proxies: ProxySettings,
    /// Where administrators of groups are served beside the overlay.
    pub https: Option<Https>,
    /// What the node tells its peers it is called.
    pub label: Option<String>,
    /// The software's version.
    pub version: String,
}
