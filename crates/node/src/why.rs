//! Why packets to an address go the way they do: the facts in the order in which the node looks at
//! them, and what follows.

use std::net::IpAddr;

use group::keyring::Reach;
use group::resolve::Action;
use group::{Access, Mode, Proto, Services};
use wire::{NodeAddr, Now, Prefix};

use crate::Via;
use crate::machine::Node;
use crate::site::PitStatus;
use crate::site::relay::OnPathStatus;
use crate::status::PeerState;

/// What becomes of a packet to the address now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It is this node's own.
    Own,
    /// It is not this node's to decide on: the host's other routes have it.
    Past,
    /// It goes sealed to a peer.
    Sealed,
    /// It waits while the node finds out.
    Asks,
    /// It goes in clear.
    Clear,
    /// It is dropped.
    Discarded,
}

/// One thing that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// `ip.site` has this prefix: the process table decides.
    Site(Prefix),
    /// The process table says this.
    Entry(PitStatus),
    /// This element on the way of the entry before says that it relays.
    OnPath(OnPathStatus),
    /// It says nothing yet.
    NoEntry,
    /// A member was at the address.
    WasMember(NodeAddr),
    /// The mode of this node: what becomes of those who are in no common group.
    OwnMode(Mode),
    /// The address is, or lies behind, this peer.
    LeadsTo {
        /// The peer.
        f: NodeAddr,
        /// The prefix behind it; `None`: it is the peer's own address.
        prefix: Option<Prefix>,
    },
    /// No peer has the address.
    NoRoute,
    /// The rules of the groups that both are in limit what either reaches.
    Rules(Reach),
    /// Which of a group's rules let this node reach the service.
    Permits {
        /// The group.
        group: String,
        /// The numbers of the rules, from 1; none: it does not.
        rules: Vec<usize>,
    },
    /// A deny entry names the peer.
    Denied,
    /// An allow entry names it.
    Allowed {
        /// What the peer may reach here.
        services: Services,
    },
    /// The peer is in this group of this node.
    Member {
        /// The group.
        group: String,
        /// When its membership ends unless it is renewed, Unix seconds.
        until_unix_s: u64,
    },
    /// No rule names it, and it has shown no membership. This node is in so many groups, of which
    /// it may be in one.
    Unknown {
        /// How many.
        groups: usize,
    },
    /// This node is in this group only while somebody is signed in here, and nobody is.
    NotSignedIn {
        /// The group.
        group: String,
    },
    /// How far the session with it is.
    Session(PeerState),
    /// How it runs.
    Runs(Via),
}

/// An explanation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    /// What becomes of a packet.
    pub verdict: Verdict,
    /// Because of these, in order.
    pub facts: Vec<Fact>,
}

impl Node {
    /// Why packets of this host to an address, and to a service there, go the way they do.
    #[must_use]
    pub fn why(&self, now: Now, address: IpAddr, service: Option<(Proto, u16)>) -> Why {
        let mut facts = Vec::new();
        let (verdict, peer) = match NodeAddr::of_ip(address) {
            Some(addr) if self.snapshot.is_own(addr) => (Verdict::Own, None),
            Some(addr) if self.is_site(addr) => self.why_site(now, addr, &mut facts),
            Some(addr) => self.why_peer(now, addr, &mut facts),
            None => (Verdict::Past, None),
        };
        let may_leave = peer.is_none_or(|f| self.why_rules(now, f, service, &mut facts));
        let verdict = match verdict {
            Verdict::Sealed if !may_leave => Verdict::Discarded,
            verdict => verdict,
        };
        Why { verdict, facts }
    }

    /// What the rules of groups say of a peer, and of a service there; whether they let this node reach it.
    fn why_rules(
        &self,
        now: Now,
        f: NodeAddr,
        service: Option<(Proto, u16)>,
        facts: &mut Vec<Fact>,
    ) -> bool {
        let by_groups = matches!(self.access(f), Access::Unknown);
        let Some(reach) = self.reach(f).filter(|it| by_groups && *it != Reach::ALL) else {
            return true;
        };
        let Some((proto, port)) = service else {
            facts.push(Fact::Rules(reach));
            return true;
        };
        let may_leave = reach.there.hold(proto, port);
        facts.push(Fact::Rules(reach));
        let keyring = &self.groups.keyring;
        let permits = keyring.shared(f, now.unix_s).filter_map(|(group, _)| {
            let rules = keyring.permits(group, f, (proto, port))?;
            let rules = rules.into_iter().map(|place| place + 1).collect();
            let group = self.group_name(group);
            Some(Fact::Permits { group, rules })
        });
        facts.extend(permits);
        may_leave
    }

    fn why_site(
        &self,
        now: Now,
        addr: NodeAddr,
        facts: &mut Vec<Fact>,
    ) -> (Verdict, Option<NodeAddr>) {
        let site = self.site.prefixes.iter();
        facts.extend(site.copied().find(|it| it.contains(addr)).map(Fact::Site));
        let there = addr.to_ip();
        let entries = self.pit(now).into_iter().filter(|it| it.there == there);
        let entries: Vec<PitStatus> = entries.collect();
        for entry in &entries {
            facts.push(Fact::Entry(entry.clone()));
            facts.extend(entry.path.iter().copied().map(Fact::OnPath));
        }
        // What passes is others' flow, and says nothing of this host's.
        let decides = entries.iter().find(|it| it.action != Action::Relay);
        if decides.is_none() {
            facts.push(Fact::NoEntry);
        }
        facts.extend(self.stored.proved.get(addr).map(Fact::WasMember));
        facts.push(Fact::OwnMode(self.own_mode()));
        let Some(entry) = decides else {
            return (Verdict::Asks, None);
        };
        if let Some(f) = entry.peer {
            self.why_member(now, f, facts);
            self.why_session(f, facts);
        }
        let verdict = match (entry.action, entry.provisional) {
            (Action::Clear, _) => Verdict::Clear,
            (Action::Discard, _) => Verdict::Discarded,
            (_, true) => Verdict::Asks,
            (_, false) => Verdict::Sealed,
        };
        (verdict, entry.peer)
    }

    fn why_peer(
        &self,
        now: Now,
        addr: NodeAddr,
        facts: &mut Vec<Fact>,
    ) -> (Verdict, Option<NodeAddr>) {
        let Some(f) = self.resolve(addr) else {
            facts.push(Fact::NoRoute);
            let verdict = if addr.is_name() {
                Verdict::Discarded
            } else {
                Verdict::Past
            };
            return (verdict, None);
        };
        let behind = self.used_prefixes(&self.prefix_claims(), f).into_iter();
        let prefix = behind
            .filter(|it| !addr.is_name() && it.contains(addr))
            .max_by_key(|it| it.prefix_len());
        facts.push(Fact::LeadsTo { f, prefix });
        let is_denied = match self.access(f) {
            Access::Denied(_) => {
                facts.push(Fact::Denied);
                true
            }
            Access::Allowed(entry) => {
                let services = entry.services.clone();
                facts.push(Fact::Allowed { services });
                false
            }
            Access::Unknown => false,
        };
        self.why_member(now, f, facts);
        self.why_session(f, facts);
        let verdict = match (is_denied, self.may_talk(f) && self.peer_is_up(f)) {
            (true, _) => Verdict::Discarded,
            (false, true) => Verdict::Sealed,
            (false, false) if self.may_seek(f) => Verdict::Asks,
            (false, false) => Verdict::Discarded,
        };
        (verdict, Some(f))
    }

    /// The groups that a peer shares with this node, as far as it has shown them.
    fn why_member(&self, now: Now, f: NodeAddr, facts: &mut Vec<Fact>) {
        let keyring = &self.groups.keyring;
        let shared = keyring
            .shared(f, now.unix_s)
            .map(|(group, peer)| Fact::Member {
                group: self.group_name(group),
                until_unix_s: peer.until_unix_s,
            });
        let before = facts.len();
        facts.extend(shared);
        if facts.len() == before && matches!(self.access(f), Access::Unknown) {
            let groups = keyring.groups().count();
            facts.push(Fact::Unknown { groups });
            let waiting = self.waiting_groups(now).map(str::to_owned);
            facts.extend(waiting.map(|group| Fact::NotSignedIn { group }));
        }
    }

    fn why_session(&self, f: NodeAddr, facts: &mut Vec<Fact>) {
        let state = self.peer_state(Some(f), self.peers.get(&f));
        facts.push(Fact::Session(state));
        let path = self.session_of(f).and_then(session::Session::endpoint);
        facts.extend(path.and_then(|path| self.via(path)).map(Fact::Runs));
    }
}
