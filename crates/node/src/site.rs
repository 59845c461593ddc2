//! Site mode: flows between ordinary IP addresses, negotiated on their first packet
//! (DPRP, docs/protocol/dprp.md).
//!
//! | the packet's flow | what happens |
//! |---|---|
//! | is in the process table (PIT) | encrypt, clear or discard, as it says |
//! | is not | the packet waits; a DDE goes to its destination, unless it is known who was there last |
//! | an element of a common group answers | session, memberships, MPIT with the packet, CDN: encrypt |
//! | nobody answers | clear, if this node is open and no member was ever there; else discard |
//!
//! The table and its entries are here, negotiations in `seek`, what others say in `answer`, and elements
//! between the two ends in `relay`.

pub(crate) mod answer;
pub(crate) mod relay;
pub(crate) mod seek;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use group::Mode;
use group::dprp::Ends;
use group::pit::{CLEAR_LIFE, DISCARD_LIFE, ENCRYPT_LIFE, PitEntry};
use group::resolve::{Action, Addresses, Element, ElementPath, End, resolve};
use wire::ip::IpView;
use wire::stream::PREFIXES_MAX;
use wire::{NodeAddr, Now, Path, Prefix};

use crate::machine::Node;
use crate::siting::SiteRoute;
use crate::stored::Change;
use crate::stored::site::{ProvedRecord, SiteChange};
use crate::{DropReason, Output};

/// One entry of the process table, as people are shown it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PitStatus {
    /// The address here, or behind this node.
    pub here: IpAddr,
    /// The address there.
    pub there: IpAddr,
    /// What happens to packets between them.
    pub action: Action,
    /// The other element, if it encrypts.
    pub peer: Option<NodeAddr>,
    /// The other has not confirmed yet.
    pub provisional: bool,
    /// Until it is looked at again.
    pub left: Duration,
    /// The epochs that the two elements have in common, by group.
    pub epochs: Vec<(String, u32)>,
    /// The elements on the way that say that they relay it, the nearest first.
    pub path: Vec<relay::OnPathStatus>,
}

impl Node {
    /// The process table, and after it the flows that this node relays.
    #[must_use]
    pub fn pit(&self, now: Now) -> Vec<PitStatus> {
        let status = |(ends, entry): (Ends, &PitEntry)| PitStatus {
            here: ends.here.to_ip(),
            there: ends.there.to_ip(),
            action: entry.action,
            peer: entry.peer,
            provisional: entry.provisional,
            left: entry.until.saturating_sub(now.mono),
            epochs: entry
                .peer
                .map_or_else(Vec::new, |f| self.epochs_with(now, f)),
            path: self.on_path(now, ends),
        };
        let entries = self.site.pit.iter().map(status);
        entries.chain(self.relayed_rows(now)).collect()
    }

    /// Whether this node talks within its groups only.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.own_mode() == Mode::Closed
    }

    fn epochs_with(&self, now: Now, f: NodeAddr) -> Vec<(String, u32)> {
        let keyring = &self.groups.keyring;
        let shared = keyring.shared(f, now.unix_s).map(|(group, _)| group);
        let epochs = shared.filter_map(|group| {
            let (_, number) = keyring
                .epochs_in_force(group, now.unix_s)
                .into_iter()
                .max()?;
            Some((self.group_name(group), number))
        });
        epochs.collect()
    }

    /// The ordinary addresses whose flows this node decides on, and what lies behind it.
    #[must_use]
    pub fn site_ground(&self) -> (&[Prefix], &[Prefix]) {
        (&self.site.prefixes, &self.site.behind)
    }

    /// What this node's groups say may have changed.
    pub(crate) fn settle_ground(&mut self, now: Now) {
        let mut prefixes = self.config.site.clone();
        let mut behind = self.config.announce.clone();
        let keyring = &self.groups.keyring;
        let own = keyring
            .groups()
            .filter_map(|(id, _)| keyring.membership(id));
        for attributes in own.filter_map(|(admission, _)| admission.attributes().ok()) {
            let site = attributes.site.into_iter();
            add_new(
                &mut prefixes,
                site.filter(|it| self.config.group_sites && it.may_be_announced()),
            );
            add_new(&mut behind, attributes.prefixes);
        }
        prefixes.truncate(PREFIXES_MAX);
        behind.truncate(PREFIXES_MAX.saturating_sub(self.config.addresses.len()));
        if self.site.prefixes != prefixes {
            self.site.prefixes = prefixes;
            self.snapshot_stale = true;
        }
        if self.site.behind != behind {
            self.site.behind = behind;
            self.site.relayed.clear();
            self.snapshot_stale = true;
            for f in self.peers_up() {
                self.greet_with_prefixes(now, f);
            }
        }
    }

    /// Everything that this node announces: its IPv4 addresses and what lies behind it.
    pub(crate) fn own_prefixes(&self) -> Vec<Prefix> {
        let own = self.config.own_addresses();
        own.chain(self.site.behind.iter().copied()).collect()
    }

    /// Whether flows with this address are this node's to decide on.
    pub(crate) fn is_site(&self, addr: NodeAddr) -> bool {
        let mut site = self.site.prefixes.iter();
        !addr.is_name() && site.any(|prefix| prefix.contains(addr))
    }

    /// This host's own addresses that are.
    pub(crate) fn own_site_addresses(&self) -> BTreeSet<NodeAddr> {
        let own = self.local_endpoints.iter();
        let own = own.filter_map(|at| NodeAddr::of_ip(at.ip()));
        own.filter(|addr| self.is_site(*addr)).collect()
    }

    /// A private address that meant nothing here may mean something now: whoever was taken at its word
    /// for one that is near is asked again.
    pub(crate) fn forget_claims(&mut self) {
        let near = self.site.near.clone().unwrap_or_default();
        let entries = self.site.pit.iter();
        let claimed = entries.filter(|(ends, entry)| {
            let is_near = near.iter().any(|it| it.contains(ends.there));
            // What an element showed to be its own is no claim, wherever its session runs.
            is_near
                && answer::may_be_claimed(*ends)
                && entry
                    .peer
                    .is_some_and(|f| !self.holds_address(f, ends.there))
        });
        let claimed: Vec<Ends> = claimed.map(|(ends, _)| ends).collect();
        for ends in claimed {
            if let Some(entry) = self.site.pit.remove(ends) {
                self.route_changed(ends, entry);
            }
        }
    }

    /// This host is somewhere else: what nobody answered there, somebody may answer here, and what is over
    /// from an address that is this host's no more. What is encrypted goes on.
    pub(crate) fn ask_site_anew(&mut self) {
        self.site.forget_paths();
        let is_here =
            |here| self.is_host(here) || self.site.behind.iter().any(|it| it.contains(here));
        let over = self
            .site
            .pit
            .iter()
            .filter(|(ends, entry)| entry.action != Action::Encrypt || !is_here(ends.here));
        let over: Vec<Ends> = over.map(|(ends, _)| ends).collect();
        for ends in over {
            if let Some(entry) = self.site.pit.remove(ends) {
                self.route_changed(ends, entry);
            }
        }
    }

    /// The flow of a packet of the host, if it is one between ordinary addresses.
    pub(crate) fn site_ends(&self, view: &IpView<'_>) -> Option<Ends> {
        if self.site.prefixes.is_empty() || view.dst().is_multicast() {
            return None;
        }
        let there = NodeAddr::of_ip(view.dst()).filter(|addr| self.is_site(*addr))?;
        let here = NodeAddr::of_ip(view.src())?;
        // What lies behind this node is its own, but for its own packets: an element there is one.
        let is_inwards = self.is_host(here) && !self.is_host(there);
        let fits = self.snapshot.is_own(here) && !here.is_name();
        let leads_out = is_inwards || !self.snapshot.is_own(there);
        (fits && leads_out).then_some(Ends { here, there })
    }

    /// A packet of the host that no data thread could place.
    pub(crate) fn site_out(&mut self, now: Now, ends: Ends, packet: &[u8]) {
        let entry = self.site.pit.get(ends).copied();
        match entry {
            Some(PitEntry {
                action: Action::Encrypt,
                peer: Some(f),
                provisional: false,
                ..
            }) if self.may_talk(f) => {
                if let Ok(view) = IpView::parse(packet) {
                    self.advise(f, &view);
                }
                self.send_inside(now, f, packet);
            }
            Some(entry) if entry.action == Action::Clear => {
                self.output(Output::Clear(packet.to_vec()));
            }
            Some(entry) if entry.action == Action::Discard => {
                self.drop_for(DropReason::PitDiscard);
            }
            _ => self.negotiate(now, ends, packet),
        }
    }

    /// What becomes of a flow to where no element answers: those that were heard of on the way only relay,
    /// so that no group of theirs counts.
    pub(crate) fn without_answer(&self, ends: Ends) -> Action {
        let is_proved = self.stored.proved.get(ends.there).is_some();
        if is_proved || self.is_behind_another(ends) {
            return Action::Discard;
        }
        let relays = self.site.on_path.get(ends).into_iter();
        let relays = relays.flat_map(|heard| heard.relays.iter().map(|(relay, _)| relay.mode));
        let element = |mode| Element::<()> {
            mode,
            groups: BTreeSet::new(),
        };
        let elements = std::iter::once(self.own_mode()).chain(relays);
        let path = ElementPath {
            elements: elements.map(element).collect(),
            source: self.end_of(ends.here),
            destination: End::Plain,
            addresses: Addresses::Site,
            adopts: false,
        };
        let first = resolve(&path).actions.first().copied();
        first.unwrap_or(Action::Discard)
    }

    /// Whether the other end lies behind a member by its groups' word, and this one does not: what they
    /// have to say to each other would pass that member. On the wire behind it, where both are, it does not.
    fn is_behind_another(&self, ends: Ends) -> bool {
        let signed = self.groups.keyring.signed_prefixes().into_iter();
        let mut around = signed.filter(|prefix| prefix.contains(ends.there));
        around.any(|prefix| !(prefix.contains(ends.here) && self.is_near_one_with(prefix)))
    }

    /// Whether a member that a prefix lies behind is at this site, too.
    fn is_near_one_with(&self, prefix: Prefix) -> bool {
        let has = |f: NodeAddr| self.signed_prefixes(f).any(|it| it == prefix);
        let mut peers = self.peers.keys();
        peers.any(|f| has(*f) && self.is_near(*f))
    }

    /// Whether a session runs between ordinary addresses of this site. Elsewhere the addresses of this host
    /// may be those of the site by chance.
    fn is_near(&self, f: NodeAddr) -> bool {
        let path = self.session_of(f).and_then(session::Session::endpoint);
        matches!(path, Some(Path::Udp(at)) if NodeAddr::of_ip(at.ip()).is_some_and(|it| self.is_site(it)))
    }

    /// Closed, if this node is in any of its groups.
    pub(crate) fn own_mode(&self) -> Mode {
        let keyring = &self.groups.keyring;
        let mut admissions = keyring
            .groups()
            .filter_map(|(id, _)| keyring.membership(id));
        match admissions.any(|(admission, _)| admission.mode == Mode::Closed) {
            true => Mode::Closed,
            false => Mode::Open,
        }
    }

    /// What is at an end of this node's: itself, or a terminal behind it.
    fn end_of(&self, here: NodeAddr) -> End {
        match self.is_host(here) {
            true => End::Element,
            false => End::Plain,
        }
    }

    /// Whether an address is this host's own.
    fn is_host(&self, addr: NodeAddr) -> bool {
        let own = self.local_endpoints.iter();
        let mut own = own.filter_map(|at| NodeAddr::of_ip(at.ip()));
        own.any(|it| it == addr)
    }

    pub(crate) fn set_entry(
        &mut self,
        now: Now,
        ends: Ends,
        action: Action,
        peer: Option<NodeAddr>,
        provisional: bool,
    ) {
        let life = match action {
            Action::Encrypt | Action::Relay => ENCRYPT_LIFE,
            Action::Clear => CLEAR_LIFE,
            Action::Discard => DISCARD_LIFE,
        };
        let entry = PitEntry {
            action,
            peer,
            provisional,
            until: now.mono.saturating_add(life),
        };
        if let Some(f) = peer {
            self.remember_proved(ends.there, f);
        }
        if let Some((ends, gone)) = self.site.pit.set(ends, entry) {
            self.route_changed(ends, gone);
        }
        self.route_changed(ends, entry);
    }

    /// Where members were, in this run or an earlier one: nothing in clear is taken from there.
    pub fn site_members(&self) -> impl Iterator<Item = IpAddr> {
        let proved = self.stored.proved.addresses();
        let proved = proved.filter(|addr| self.is_site(*addr));
        proved.map(NodeAddr::to_ip)
    }

    /// A member is at an address: it is never in clear again.
    fn remember_proved(&mut self, addr: NodeAddr, f: NodeAddr) {
        if self.stored.proved.get(addr) != Some(f) && self.stored.proved.has_room_for(addr) {
            let site = SiteChange::Proved(ProvedRecord { addr, f });
            self.persist(Change::Site { site });
        }
    }

    /// An administrator says that an address is a member's no more. Whether it was one's.
    pub fn forget_address(&mut self, now: Now, addr: IpAddr) -> bool {
        let Some(addr) = NodeAddr::of_ip(addr) else {
            return false;
        };
        let was = self.stored.proved.get(addr).is_some();
        if was {
            let site = SiteChange::Forgotten { addr };
            self.persist(Change::Site { site });
            self.output(Output::Site {
                there: addr.to_ip(),
                route: SiteRoute::Forgotten,
            });
        }
        let flows = self.site.pit.iter().map(|(ends, _)| ends);
        let flows: Vec<Ends> = flows.filter(|ends| ends.there == addr).collect();
        for ends in flows {
            if let Some(entry) = self.site.pit.remove(ends) {
                self.route_changed(ends, entry);
            }
        }
        self.settle(now);
        was
    }

    /// Tells the shell how packets to the other end go now.
    pub(crate) fn route_changed(&mut self, ends: Ends, entry: PitEntry) {
        self.snapshot_stale |= entry.action == Action::Encrypt;
        let now_there = self
            .site
            .pit
            .get(ends)
            .map(|it| (it.action, it.provisional));
        let route = match now_there {
            Some((Action::Clear, _)) if !self.keeps_back_from(ends.there) => SiteRoute::Clear,
            Some((Action::Encrypt, false)) => SiteRoute::Sealed,
            _ => SiteRoute::Captured,
        };
        self.output(Output::Site {
            there: ends.there.to_ip(),
            route,
        });
    }

    /// Whether any flow there is not in clear: a route past this node would be for all of them, from whatever address.
    fn keeps_back_from(&self, there: NodeAddr) -> bool {
        let mut entries = self.site.pit.leading_to(there);
        entries.any(|entry| entry.action != Action::Clear)
    }

    /// Whether an address is a member's: its session runs there, or its groups say so.
    pub(crate) fn holds_address(&self, f: NodeAddr, addr: NodeAddr) -> bool {
        let path = self.session_of(f).and_then(session::Session::endpoint);
        let is_there =
            matches!(path, Some(Path::Udp(at)) if NodeAddr::of_ip(at.ip()) == Some(addr));
        is_there || self.signed_prefixes(f).any(|prefix| prefix.contains(addr))
    }

    /// It has ended: what was encrypted for F is found out anew, and is not in clear.
    pub(crate) fn site_lost(&mut self, f: NodeAddr) {
        let lost: Vec<Ends> = self.site.pit.of_peer(f).collect();
        for ends in lost {
            if let Some(entry) = self.site.pit.remove(ends) {
                self.route_changed(ends, entry);
            }
        }
    }

    /// The addresses of F by the table: those that lead to it, or those that it has been asked for,
    /// from where it may answer already.
    pub(crate) fn site_addresses(&self, f: NodeAddr, provisional: bool) -> BTreeSet<NodeAddr> {
        let entries = self.site.pit.of_peer(f);
        let entries = entries.filter(|ends| {
            let entry = self.site.pit.get(*ends);
            entry.is_some_and(|entry| entry.provisional == provisional)
        });
        entries.map(|ends| ends.there).collect()
    }
}

fn add_new(list: &mut Vec<Prefix>, more: impl IntoIterator<Item = Prefix>) {
    for prefix in more {
        if !list.contains(&prefix) {
            list.push(prefix);
        }
    }
}
