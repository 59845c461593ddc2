//! What `kumi check` looks at on the running machine: the node, its port, its interface, the
//! clock, routes and addresses.

use super::{Finding, Level};
use crate::config::TunMode;
use crate::context::Context;
use crate::daemon::PORT_DEFAULT;
use crate::failure::{Exit, Failure};
use crate::keys::{IDENTITY, Keys};
use crate::output;
use crate::verbs::{show, status};
use api::{NetworkMode, Status};
use os::interface::{forwarding_sysctl, is_forwarding};
use os::netlink::Netlink;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Command, Stdio};

/// The hidden verb that tries whether this account may make a namespace.
pub(crate) const PROBE_VERB: &str = "__probe-namespace";
/// 2026-01-01: no clock that is right shows less.
const CLOCK_MIN_UNIX_S: u64 = 1_767_225_600;
/// A clock that is behind by less than this does no harm.
const CLOCK_TOLERANCE_S: u64 = identity::CLOCK_TOLERANCE_S;
/// The prefixes of the overlay.
const PREFIXES: [(Ipv6Addr, u8); 2] = [
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 8),
    (Ipv6Addr::new(0x200, 0, 0, 0, 0, 0, 0, 0), 7),
];

/// All of them.
pub(super) fn all(context: &Context) -> Vec<Finding> {
    let (node, status) = node(context);
    let status = status.as_ref();
    vec![
        node,
        port(context, status),
        tun(context, status),
        clock(context, os::clock::unix_s()),
        routes(status),
        forwarding(context),
        reach(status),
    ]
}

fn node(context: &Context) -> (Finding, Option<Status>) {
    let own = env!("CARGO_PKG_VERSION");
    match status::fetch(context) {
        Ok(status) => {
            let finding = match status.version == own {
                true => Finding::ok("node", "ok"),
                false => Finding::new("node", Level::Warn, "stale").fix("fixstale"),
            };
            let finding = finding
                .with("pid", status.pid)
                .with("version", &status.version)
                .with("own", own);
            (finding, Some(status))
        }
        Err(failure) if failure.exit == Exit::NotRunning => {
            let finding = Finding::new("node", Level::Warn, "warn").fix("fixwarn");
            (finding, None)
        }
        Err(failure) => (Finding::failed("node", &failure, &context.text), None),
    }
}

fn port(context: &Context, status: Option<&Status>) -> Finding {
    if let Some(status) = status {
        return Finding::ok("port", "ok").with("listen", status.listen);
    }
    let usual = SocketAddr::from((Ipv6Addr::UNSPECIFIED, PORT_DEFAULT));
    let listen = context.config.listen.unwrap_or(usual);
    let finding = match UdpSocket::bind(listen) {
        Ok(_) => Finding::ok("port", "free"),
        Err(_) if context.config.listen.is_some() => {
            Finding::new("port", Level::Fail, "fail").fix("fix")
        }
        Err(_) => Finding::new("port", Level::Warn, "warn").fix("fix"),
    };
    finding.with("listen", listen)
}

fn tun(context: &Context, status: Option<&Status>) -> Finding {
    let mode = context.config.tun.mode;
    if mode == TunMode::None {
        return Finding::ok("tun", "none");
    }
    if let Some(status) = status {
        let name = status.network.name.clone().unwrap_or_default();
        return match status.network.mode {
            NetworkMode::Kernel => Finding::ok("tun", "ok").with("name", name),
            NetworkMode::Rootless => Finding::ok("tun", "rootless"),
            NetworkMode::None => {
                let notices = show::notices(&context.text, status);
                Finding::new("tun", Level::Warn, "warn")
                    .with("detail", notices.join(" "))
                    .fix("fix")
            }
        };
    }
    let device = Path::new("/dev/net/tun").exists();
    if mode != TunMode::Rootless && device && os::process::may_configure_network() {
        return Finding::ok("tun", "possible");
    }
    match may_make_namespace() {
        Ok(()) => Finding::ok("tun", "possiblerootless"),
        Err(detail) => Finding::new("tun", Level::Fail, "fail")
            .with("detail", detail)
            .fix("fix"),
    }
}

/// Tries it in a child process, because a process that is in one does not come back.
fn may_make_namespace() -> Result<(), String> {
    let output = Command::new("/proc/self/exe")
        .arg(PROBE_VERB)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
    }
}

/// In that child: makes one, with an interface up inside, or says why not.
pub(crate) fn probe_namespace() -> Result<(), Failure> {
    let tried = os::netns::unshare_user_and_network()
        .map_err(|error| error.to_string())
        .and_then(|()| {
            let mut netlink = Netlink::open().map_err(|error| error.to_string())?;
            let lo = netlink.link("lo").map_err(|error| error.to_string())?;
            netlink
                .set_up(lo.index, true)
                .map_err(|error| error.to_string())
        });
    tried.map_err(|detail| {
        output::line(&detail);
        Failure::new(Exit::Failed, "error-run-namespace").with("detail", detail)
    })
}

/// The clock, compared with times that this node has written down.
fn clock(context: &Context, now_unix_s: u64) -> Finding {
    let now = output::time(now_unix_s);
    if now_unix_s < CLOCK_MIN_UNIX_S {
        return Finding::new("clock", Level::Fail, "fail")
            .with("now", now)
            .fix("fix");
    }
    let keys = Keys::new(context);
    let certificate = keys
        .public()
        .map(|public| public.certificate.not_before_unix_s);
    let written = modified_unix_s(&keys.path(IDENTITY)).unwrap_or(0);
    let seen = certificate.unwrap_or(0).max(written);
    let behind_s = seen.saturating_sub(now_unix_s);
    if behind_s > CLOCK_TOLERANCE_S {
        return Finding::new("clock", Level::Warn, "warn")
            .with("now", now)
            .with("behind", output::duration(behind_s))
            .fix("fix");
    }
    Finding::ok("clock", "ok").with("now", now)
}

fn modified_unix_s(path: &Path) -> Option<u64> {
    let modified = std::fs::metadata(path).ok()?.modified().ok()?;
    let since = modified.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(since.as_secs())
}

fn routes(status: Option<&Status>) -> Finding {
    let look = || -> Result<Option<(String, String)>, os::netlink::NetlinkError> {
        let mut netlink = Netlink::open()?;
        let own = status.and_then(|status| status.network.name.as_deref());
        let own = match own {
            Some(name) => netlink.links()?.into_iter().find(|link| link.name == name),
            None => None,
        };
        let own = own.map(|link| link.index);
        for (prefix, len) in PREFIXES {
            if let Some((route, device)) = netlink.conflicting_route(prefix, len, own)? {
                let route = format!("{}/{}", route.destination, route.prefix_len);
                return Ok(Some((route, device)));
            }
        }
        Ok(None)
    };
    match look() {
        Ok(None) => Finding::ok("routes", "ok"),
        Ok(Some((route, device))) => Finding::new("routes", Level::Warn, "warn")
            .with("route", route)
            .with("device", device)
            .fix("fix"),
        Err(error) => Finding::new("routes", Level::Warn, "unknown").with("detail", error),
    }
}

/// Whether this machine forwards to what its node announces.
fn forwarding(context: &Context) -> Finding {
    let announce = &context.config.ip.announce;
    let off = announce
        .iter()
        .find(|prefix| !is_forwarding(!prefix.is_v4()));
    match off {
        Some(prefix) => Finding::new("forwarding", Level::Warn, "warn")
            .with("prefix", prefix)
            .with("sysctl", forwarding_sysctl(!prefix.is_v4()))
            .fix("fix"),
        None if announce.is_empty() => Finding::ok("forwarding", "none"),
        None => Finding::ok("forwarding", "ok"),
    }
}

fn reach(status: Option<&Status>) -> Finding {
    let endpoints: Vec<(IpAddr, String)> = match status {
        Some(status) => {
            let named = status.endpoints.iter().map(|e| (e.ip(), e.to_string()));
            named.collect()
        }
        None => addresses()
            .into_iter()
            .map(|ip| (ip, ip.to_string()))
            .collect(),
    };
    let list: Vec<&str> = endpoints.iter().map(|(_, text)| text.as_str()).collect();
    let found = match endpoints.iter().any(|(ip, _)| api::is_global(*ip)) {
        true => "ok",
        false if endpoints.is_empty() => {
            return Finding::new("reach", Level::Warn, "warn").fix("fix");
        }
        false => "lan",
    };
    Finding::ok("reach", found).with("endpoints", list.join(", "))
}

/// The addresses of this machine that other machines may use; the overlay's do not count.
fn addresses() -> Vec<IpAddr> {
    let all = Netlink::open().and_then(|mut netlink| netlink.addresses());
    let overlay = |ip: &IpAddr| matches!(ip, IpAddr::V6(v6) if matches!(v6.octets(), [0xfc, ..] | [2..=3, ..]));
    let usable = all
        .unwrap_or_default()
        .into_iter()
        .filter(|address| address.usable);
    usable
        .map(|address| address.ip)
        .filter(|ip| !ip.is_loopback() && !overlay(ip))
        .collect()
}
