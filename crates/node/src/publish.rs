//! Building the snapshot that data threads work on.
//!
//! It is rebuilt when sessions, addresses or rules changed, once per input at most unless
//! keys must be out before a message. Cost: one entry per peer that is known here.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use session::Session;
use session::transport::Transport;
use wire::{NodeAddr, Prefix};

use crate::Output;
use crate::config::packet_max;
use crate::fast::{Names, Out, PeerEntry, Snapshot};
use crate::machine::Node;
use crate::prefixes::Claims;

impl Node {
    pub(crate) fn publish_if_stale(&mut self) {
        if !self.snapshot_stale {
            return;
        }
        self.snapshot_stale = false;
        self.snapshot = Arc::new(self.build_snapshot());
        self.output(Output::Publish(Arc::clone(&self.snapshot)));
    }

    /// Something about a peer changed that its packets depend on.
    pub(crate) fn peer_changed(&mut self, f: NodeAddr) {
        self.snapshot_stale |= !self.is_quiet(f);
    }

    /// Whether no packets can pass between this node and F: they are a management server and a node,
    /// and nothing else to each other. The slow path opens what comes in such a session.
    pub(crate) fn is_quiet(&self, f: NodeAddr) -> bool {
        let is_relay =
            self.links.contains_key(&f) || self.is_client_admitted(f) || self.is_applicant(f);
        (self.is_managed(f) || self.is_own_server(f))
            && !is_relay
            && !self.may_talk(f)
            && !self.is_proving(f)
    }

    /// What leads to a peer because it says so. Addresses of site mode do not: the process table
    /// decides on them, flow by flow.
    fn overlay_prefixes(&self, claims: &Claims, f: NodeAddr) -> Vec<Prefix> {
        let mut used = self.used_prefixes(claims, f);
        let site = &self.site.prefixes;
        used.retain(|prefix| site.iter().all(|it| !it.overlaps(*prefix)));
        used
    }

    /// What leads to a peer by the process table.
    fn site_prefixes(&self, f: NodeAddr) -> Vec<Prefix> {
        let site = self.site_addresses(f, false).into_iter();
        site.map(Prefix::host).collect()
    }

    /// A session may have had packets, and has none from now on.
    pub(crate) fn quieten(&mut self, f: NodeAddr) {
        if self.is_quiet(f) {
            let own = self.indices.iter().filter(|(_, it)| it.f == f);
            for (index, _) in own.filter(|(_, it)| it.transport.is_some()) {
                self.doorman.keep_quiet(*index, true);
            }
        }
    }

    fn build_snapshot(&self) -> Snapshot {
        let mut keys: BTreeMap<NodeAddr, Vec<Arc<Transport>>> = BTreeMap::new();
        for index in self.indices.values() {
            if let Some(transport) = &index.transport {
                keys.entry(index.f).or_default().push(Arc::clone(transport));
            }
        }
        let names = self.all_names();
        let generation = self.snapshot.generation().saturating_add(1);
        let own = Names::of(&self.me.public);
        let mut hops = self.hops.clone();
        hops.used = !self.links.is_empty();
        let doorman = Arc::clone(&self.doorman);
        let mut snapshot = Snapshot::new(generation, own, self.config.inner_mtu, hops, doorman);
        snapshot.announce(self.own_prefixes());
        snapshot.announce(self.own_site_addresses().into_iter().map(Prefix::host));
        snapshot.decide_on(&self.site.prefixes);
        for socket in self.own_sockets() {
            snapshot.add_socket(socket);
        }
        let claims = self.prefix_claims();
        for (f, names) in names {
            let reach = self.reach(f);
            if reach.is_some() || (self.may_meet(f) && !self.is_quiet(f)) {
                let entry = PeerEntry {
                    proving: reach.is_none() && self.is_proving(f),
                    names,
                    reach,
                    prefixes: self.overlay_prefixes(&claims, f),
                    site: self.site_prefixes(f),
                    asked: self.site_addresses(f, true),
                    out: self.session_of(f).and_then(|session| self.way_out(session)),
                };
                let transports = keys.get(&f).map_or(&[][..], Vec::as_slice);
                snapshot.add(entry, transports);
            }
        }
        snapshot
    }

    /// Where this node's datagrams may come from: its host's addresses, and those of its
    /// interface, of which the kernel takes one for what it sends into it.
    fn own_sockets(&self) -> impl Iterator<Item = SocketAddr> {
        let port = self.config.listen_port;
        let inside = self
            .config
            .addresses
            .iter()
            .map(|address| (*address).into());
        let names = [self.f, identity::alias(self.me.public.history.root_key())];
        let own = inside.chain(names.map(IpAddr::from));
        let own = own.map(move |ip| SocketAddr::new(ip, port));
        own.chain(self.local_endpoints.iter().copied())
    }

    /// The names of every peer that is known or has keys here. An alias that two nodes
    /// claim (this one among them) belongs to neither.
    fn all_names(&self) -> BTreeMap<NodeAddr, Names> {
        let mut names: BTreeMap<NodeAddr, Names> = BTreeMap::new();
        for f in self.peers.keys().chain(self.known.keys()) {
            let plain = Names {
                f: *f,
                alias: None,
                subnet: None,
            };
            names.insert(*f, plain);
        }
        let own = Names::of(&self.me.public);
        let mut claims: BTreeMap<_, Vec<NodeAddr>> = BTreeMap::new();
        claims.entry(own.subnet).or_default().push(self.f);
        for names in names.values_mut() {
            let Some(identity) = self.known.get(&names.f).filter(|_| self.may_talk(names.f)) else {
                continue;
            };
            *names = Names::of(identity);
            claims.entry(names.subnet).or_default().push(names.f);
        }
        for claimants in claims.values().filter(|claimants| claimants.len() > 1) {
            for f in claimants {
                if let Some(names) = names.get_mut(f) {
                    (names.alias, names.subnet) = (None, None);
                }
            }
        }
        names
    }

    /// The way to a peer whose session stands.
    fn way_out(&self, session: &Session) -> Option<Out> {
        let (inner_mtu, datagram_max) = (session.peer_inner_mtu()?, session.datagram_max());
        Some(Out {
            transport: Arc::clone(session.transport()?),
            route: self.route(session.endpoint()?)?,
            datagram_max,
            packet_max: packet_max(inner_mtu, datagram_max),
            inner_mtu,
        })
    }
}
