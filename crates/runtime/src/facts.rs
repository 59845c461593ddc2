//! What the shell knows about its node: the answers that do not come from the machine.

use crate::answers::{notice, notices, traffic_of};
use crate::bridges;
use crate::prefixes;
use crate::settings::{Reload, Renew, Renewal};
use crate::shared::Shared;
use api::{ApiError, Code, NetworkMode, NoticeKind, Response};
use group::statement::Policy;
use identity::LocalIdentity;
use node::{Event, Node};
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use wire::{Now, Prefix};

/// The latest events that a bug report shows.
pub const EVENTS_LEN_MAX: usize = 100;
/// Clones that are remembered, by their F.
pub const CLONES_LEN_MAX: usize = 16;

/// What the shell knows.
pub struct Facts {
    /// What all threads see.
    pub shared: Arc<Shared>,
    /// Reads the identity again.
    pub reload: Reload,
    /// Renews its certificate.
    pub renew: Renew,
    /// Why the certificate was not renewed when it was due: `sealed`, `missing`, `failed`.
    pub obstacle: Option<&'static str>,
    /// The software's version.
    pub version: String,
    /// What this node is called.
    pub label: Option<String>,
    /// When it started.
    pub started_unix_s: u64,
    /// Its UDP port.
    pub port: u16,
    /// Its interface.
    pub network: api::Network,
    /// The process with the namespace.
    pub holder_pid: Option<u32>,
    /// Its address.
    pub address: Ipv6Addr,
    /// What the node announces beside its own addresses.
    pub behind: Vec<Prefix>,
    /// Prefixes of peers that lead to other interfaces, and to which.
    pub elsewhere: Vec<(Prefix, String)>,
    /// What was noticed at the start.
    pub notices: Vec<api::Notice>,
    /// Why the flows of site mode are not captured, if they should be.
    pub site: Option<String>,
    /// Length of the journal in bytes.
    pub journal_len: u64,
    /// Events, the latest last.
    pub events: VecDeque<(u64, String)>,
    /// Clones that were seen.
    pub clones: BTreeMap<Ipv6Addr, api::Notice>,
}

impl Facts {
    /// Reads the identity again.
    ///
    /// # Errors
    /// A text that names the file and what is wrong.
    pub fn reload(&self) -> Result<LocalIdentity, String> {
        (self.reload)()
    }

    /// Renews the certificate. `None` when the owner has to do it, which is said in the log
    /// now and by `kumi status` from now on.
    pub fn renewed(&mut self) -> Option<LocalIdentity> {
        let obstacle = match (self.renew)() {
            Ok(Renewal::Renewed(identity)) => {
                self.obstacle = None;
                return Some(*identity);
            }
            Ok(Renewal::Sealed) => "sealed",
            Ok(Renewal::Missing) => "missing",
            Err(error) => {
                tracing::warn!(error, "certificate not renewed");
                "failed"
            }
        };
        tracing::info!(
            root_key = obstacle,
            "certificate not renewed: `kumi up` does it"
        );
        self.obstacle = Some(obstacle);
        None
    }

    /// Remembers an event.
    pub fn note(&mut self, now: Now, event: &Event) {
        if self.events.len() >= EVENTS_LEN_MAX {
            self.events.pop_front();
        }
        self.events.push_back((now.unix_s, format!("{event:?}")));
        if let Event::CloneSeen { f, here, there } = event {
            self.note_clone(f.to_ipv6(), *here, *there);
        }
    }

    fn note_clone(&mut self, f: Ipv6Addr, here: Option<SocketAddr>, there: Option<SocketAddr>) {
        let text = |endpoint: Option<SocketAddr>| {
            endpoint.map_or_else(String::new, |endpoint| endpoint.to_string())
        };
        let (here, there) = (text(here), text(there));
        let noticed = if f == self.address {
            let other = if there.is_empty() { here } else { there };
            notice(
                NoticeKind::CloneSelf,
                &[("address", &f), ("endpoint", &other)],
            )
        } else {
            let args: [(&str, &dyn ToString); 3] = [
                ("address", &f),
                ("endpoint", &here),
                ("endpoint_other", &there),
            ];
            notice(NoticeKind::ClonePeer, &args)
        };
        if self.clones.len() < CLONES_LEN_MAX || self.clones.contains_key(&f) {
            self.clones.insert(f, noticed);
        }
    }

    /// For `kumi status`.
    pub fn status(&self, node: &mut Node, now: Now) -> api::Status {
        for (reason, count) in self.shared.counters.take_fast_dropped() {
            node.note_dropped(reason, count);
        }
        let status = node.status(now);
        let certificate = &node.identity().certificate;
        let mut drops = self.shared.counters.shell_drops();
        drops.extend(
            status
                .dropped
                .iter()
                .map(|(why, count)| (why.name().to_owned(), *count)),
        );
        let mut all = self.notices.clone();
        all.extend(notices(&status, now.unix_s, self.obstacle));
        if let Some(detail) = &self.site {
            let prefixes = node.site_ground().0.iter().map(ToString::to_string);
            let prefixes = prefixes.collect::<Vec<_>>().join(", ");
            let args: [(&str, &dyn ToString); 2] = [("prefixes", &prefixes), ("detail", detail)];
            all.push(notice(NoticeKind::NoSite, &args));
        }
        let sign_ins = crate::sign_in::states(node, now);
        all.extend(crate::sign_in::notices(&sign_ins, now));
        all.extend(self.clones.values().cloned());
        all.extend(self.shared.proxies.notices());
        let peers = node.peers(now);
        let own = prefixes::Own {
            behind: &self.behind,
            mode: self.network.mode,
            elsewhere: &self.elsewhere,
        };
        all.extend(prefixes::notices(own, &peers));
        let unspecified = if self.shared.udp.has_ipv6() {
            IpAddr::V6(Ipv6Addr::UNSPECIFIED)
        } else {
            IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED)
        };
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        api::Status {
            version: self.version.clone(),
            address: status.f.to_ipv6(),
            alias: status.alias.to_ipv6(),
            label: self.label.clone(),
            pid: std::process::id(),
            started_unix_s: self.started_unix_s,
            listen: SocketAddr::new(unspecified, self.port),
            network: self.network.clone(),
            certificate: api::Certificate {
                counter: certificate.counter,
                not_before_unix_s: certificate.not_before_unix_s,
                not_after_unix_s: certificate.not_after_unix_s,
            },
            root_position: status.position,
            groups: node.groups(now).iter().map(in_group).collect(),
            peers_allowed: count(status.peers),
            peers_connected: count(status.sessions),
            invites_open: count(status.invites),
            announces: status.announces.into_iter().map(api::Prefix).collect(),
            bridges: bridges::used(node, now),
            serving: bridges::serving(node, now, self.shared.streams.port()),
            traffic: traffic_of(&peers),
            endpoints: status.local_endpoints,
            drops,
            wakeups: self.shared.counters.wakeups(),
            offloads: self.offloads(),
            work: self.shared.counters.work(),
            proxies: self.shared.proxies.status(),
            sign_ins,
            notices: all,
        }
    }

    fn offloads(&self) -> api::Offloads {
        let joins = self.shared.device.as_ref().map(os::tun::Device::joins);
        let joins = joins.unwrap_or_default();
        let (send, receive) = self.shared.udp.offloads();
        api::Offloads {
            interface_tcp: joins.tcp,
            interface_udp: joins.udp,
            send,
            receive,
        }
    }

    /// For `kumi run`.
    pub fn inside(&self) -> Result<Response, ApiError> {
        let mode = match self.network.mode {
            NetworkMode::Kernel => "kernel",
            NetworkMode::Rootless => "rootless",
            NetworkMode::None => "none",
        };
        let refused = || ApiError::new(Code::NoInside).with("mode", mode);
        let holder_pid = self.holder_pid.ok_or_else(refused)?;
        Ok(Response::Inside(api::Inside {
            holder_pid,
            address: self.address,
        }))
    }

    /// For `kumi bugreport`: no key, secret or payload is in it.
    pub fn report(&self) -> api::Report {
        let section = |name: &str, lines| api::ReportSection {
            name: name.to_owned(),
            lines,
        };
        let events = self
            .events
            .iter()
            .map(|(unix_s, text)| format!("{unix_s} {text}"))
            .collect();
        let memory = os::process::resident_kib().unwrap_or_default();
        let sizes = vec![
            format!("resident {memory} KiB"),
            format!("journal {} bytes", self.journal_len),
            format!("flows {}", self.shared.flows.len()),
        ];
        api::Report {
            sections: vec![section("events", events), section("sizes", sizes)],
        }
    }
}

/// A group that this node is in, in short.
fn in_group(status: &node::GroupStatus) -> api::InGroup {
    let locked = match &status.policy {
        Policy::Managed => None,
        Policy::Locked { threshold, admins } => {
            Some((*threshold, u8::try_from(admins.len()).unwrap_or(u8::MAX)))
        }
    };
    api::InGroup {
        group: status.name.clone(),
        name: status.own_name.clone(),
        locked,
    }
}
