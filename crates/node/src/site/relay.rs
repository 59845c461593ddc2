//! Elements between two others: a router says of flows that pass it that it relays them, and the asker
//! keeps what it hears beside the flow (docs/protocol/dprp.md, section 2.3).
//!
//! | who | does |
//! |---|---|
//! | a router that a DDE of its group passes | tells the asker, once for each DDE; shows people a row `relay` |
//! | the asker | shows it; with no answer from the end, a closed element on the way is no worse than one here |
//!
//! What is heard never leads to a session, and never makes clear what was not.
//!
//! | limit | value |
//! |---|---|
//! | flows, at the router and at the asker | [`crate::RELAYED_FLOWS_MAX`]; the oldest gives way |
//! | elements heard of, for one flow | [`RELAYS_MAX`] |
//! | reports looked at, in one negotiation | [`RELAYED_TRIES_MAX`] |
//! | time in which they are heard | [`LISTENS`] from the first DDE |

use std::cmp::Reverse;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use group::dprp::{Dde, Ends, NONCE_LEN, Relay, Relayed};
use group::pit::RELAY_LIFE;
use group::resolve::{Action, ELEMENTS_MAX};
use group::{Kind, Mode};
use identity::crypto::random;
use wire::ip::{Ecn, IpView, proto};
use wire::{NodeAddr, Now, Path, Prefix};

use super::PitStatus;
use super::answer::may_be_claimed;
use crate::machine::Node;
use crate::siting::{Heard, Site};
use crate::{DropReason, Output};

/// Most elements between the two of one flow: with these no path is longer than what can be decided.
pub const RELAYS_MAX: usize = ELEMENTS_MAX - 2;
/// Most reports that are opened in one negotiation.
pub const RELAYED_TRIES_MAX: u32 = 64;
/// How long after the first DDE a report may come: a known peer has answered, and the entry stands, by then.
pub const LISTENS: Duration = Duration::from_secs(2);

const UDP_HEADER_LEN: usize = 8;

/// An element that says that it relays a flow, as people are shown it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnPathStatus {
    /// Its address F. Nothing proves it.
    pub f: NodeAddr,
    /// What it is.
    pub kind: Kind,
    /// Its mode.
    pub mode: Mode,
    /// How long ago it said so.
    pub age: Duration,
}

/// A DDE that passes, and how.
struct Passing {
    dde: Dde,
    asker: SocketAddr,
    hops: u8,
}

impl Node {
    /// A copy of a packet that this host forwards. If it asks who is at its destination, and a group is
    /// in common, the asker is told that this node relays. Everything else is passed over in silence:
    /// whoever is in no common group does not learn that a router is there.
    pub fn handle_passing(&mut self, now: Now, packet: &[u8]) {
        if let Some(passing) = self.passing(packet) {
            self.report_relay(now, &passing);
            self.settle(now);
        }
    }

    fn passing(&self, packet: &[u8]) -> Option<Passing> {
        if self.site.behind.is_empty() || self.shutting_down {
            return None;
        }
        let view = IpView::parse(packet).ok()?;
        let flow = view.flow();
        let is_datagram = flow.proto == proto::UDP && !view.is_fragment();
        let is_of_nodes = flow.dst_port == self.config.listen_port && flow.src_port != 0;
        let dde = Dde::decode(view.upper().get(UDP_HEADER_LEN..)?).ok()?;
        let there =
            NodeAddr::of_ip(flow.dst).filter(|addr| !addr.is_name() && !self.is_host(*addr));
        let asker = NodeAddr::of_ip(flow.src).filter(|addr| !self.is_host(*addr))?;
        // A NAT may stand between the two.
        let crosses = Ends {
            here: asker,
            ..dde.ends
        };
        let is_ours = is_datagram
            && is_of_nodes
            && there == Some(dde.ends.there)
            && is_unicast(flow.src)
            && may_ask_from(dde.ends.here, asker)
            && self.site.guards(crosses);
        is_ours.then(|| Passing {
            dde,
            asker: SocketAddr::new(flow.src, flow.src_port),
            hops: view.hop_limit(),
        })
    }

    fn report_relay(&mut self, now: Now, passing: &Passing) {
        let Passing { dde, asker, hops } = passing;
        let proofs = self.site_proofs(now);
        let Some(matched) = dde.matched(&*self.crypto, &proofs) else {
            return;
        };
        // What only passes does not use up what handshakes to this node may, and what strangers send nothing.
        let limiter = &mut self.site.relay_limiter;
        if limiter.admit(now.mono, *asker, false).is_err() {
            return self.drop_for(DropReason::RateLimited);
        }
        let Some((admission, _)) = self.groups.keyring.membership(matched.1.group) else {
            return;
        };
        let relay = Relay {
            kind: admission.kind,
            mode: self.own_mode(),
            hops: *hops,
            f: self.f,
        };
        let aead_nonce = random(&mut self.rng);
        let relayed = Relayed::answer(&*self.crypto, dde, matched, &relay, aead_nonce);
        self.site.note_relayed(now.mono, dde.ends);
        self.output(Output::Transmit {
            to: Path::Udp(*asker),
            ecn: Ecn::NotEct,
            payload: relayed.encode(),
        });
    }

    /// This node asks who is at the other end: what elements on the way say is heard from now on.
    pub(crate) fn listen_for_relays(&mut self, now: Now, ends: Ends, nonce: [u8; NONCE_LEN]) {
        let heard = Heard {
            nonce,
            listens_until: now.mono.saturating_add(LISTENS),
            tries: 0,
            relays: Vec::new(),
        };
        self.site.on_path.set(ends, now.mono, heard);
    }

    /// An element on the way says that it relays. It is information, but for one thing: where nobody
    /// answers, nothing goes in clear past a closed one.
    pub(crate) fn relayed_in(&mut self, now: Now, from: Path, relayed: &Relayed) {
        let Some(relay) = self.relay_heard(now, from, relayed) else {
            return self.drop_for(DropReason::NotAuthentic);
        };
        let ends = relayed.ends;
        if let Some(heard) = self.site.on_path.change(ends) {
            heard.note(relay, now.mono);
        }
        let entry = self.site.pit.get(ends);
        let is_clear = entry.is_some_and(|entry| entry.action == Action::Clear);
        if is_clear && self.without_answer(ends) != Action::Clear {
            self.set_entry(now, ends, Action::Discard, None, false);
        }
    }

    fn relay_heard(&mut self, now: Now, from: Path, relayed: &Relayed) -> Option<Relay> {
        let ends = relayed.ends;
        // The end has a voice of its own.
        let is_between =
            matches!(from, Path::Udp(at) if NodeAddr::of_ip(at.ip()) != Some(ends.there));
        let heard = self.site.on_path.change(ends).filter(|heard| {
            is_between
                && heard.nonce == relayed.nonce
                && now.mono < heard.listens_until
                && heard.tries < RELAYED_TRIES_MAX
        })?;
        heard.tries += 1;
        let slot = usize::from(relayed.slot);
        let proof = match self.site.negotiations.get(&ends) {
            Some(negotiation) => negotiation.proofs.get(slot).cloned(),
            None => self.site_proofs(now).into_iter().nth(slot),
        };
        let relay = relayed.open(&*self.crypto, &proof?)?;
        (relay.f != self.f).then_some(relay)
    }

    /// The elements that say that they relay a flow, the nearest first.
    pub(crate) fn on_path(&self, now: Now, ends: Ends) -> Vec<OnPathStatus> {
        let heard = self.site.on_path.get(ends).into_iter();
        let relays = heard.flat_map(|heard| &heard.relays);
        let status = |(relay, at): &(Relay, Duration)| OnPathStatus {
            f: relay.f,
            kind: relay.kind,
            mode: relay.mode,
            age: now.mono.saturating_sub(*at),
        };
        relays.map(status).collect()
    }

    /// The flows that this node relays, as rows of the process table.
    pub(crate) fn relayed_rows(&self, now: Now) -> impl Iterator<Item = PitStatus> {
        let live = self.site.relayed.live(now.mono);
        live.map(|(ends, left, ())| PitStatus {
            here: ends.here.to_ip(),
            there: ends.there.to_ip(),
            action: Action::Relay,
            peer: None,
            provisional: false,
            left,
            epochs: Vec::new(),
            path: Vec::new(),
        })
    }
}

impl Heard {
    fn note(&mut self, relay: Relay, at: Duration) {
        self.relays.retain(|(other, _)| other.f != relay.f);
        if self.relays.len() < RELAYS_MAX {
            self.relays.push((relay, at));
            self.relays
                .sort_by_key(|(relay, _)| (Reverse(relay.hops), relay.f));
        }
    }
}

impl Site {
    /// Whether a flow crosses what this node guards: of two legs on its own side it is no judge.
    fn guards(&self, ends: Ends) -> bool {
        let is_own_side = |prefix: &Prefix| self.behind.iter().any(|own| own.covers(*prefix));
        let mut beyond = self.prefixes.iter().filter(|prefix| !is_own_side(prefix));
        beyond.any(|prefix| prefix.contains(ends.here) || prefix.contains(ends.there))
    }

    /// What was heard on the way of flows is over, but for those that are being asked for.
    pub(crate) fn forget_paths(&mut self) {
        let heard = self.on_path.iter().map(|(ends, _)| ends);
        let over = heard.filter(|ends| !self.negotiations.contains_key(ends));
        for ends in over.collect::<Vec<Ends>>() {
            self.on_path.remove(ends);
        }
    }

    /// A flow passed, here the end that lies behind this node.
    fn note_relayed(&mut self, now: Duration, ends: Ends) {
        let is_behind = |addr| self.behind.iter().any(|prefix| prefix.contains(addr));
        let ends = match is_behind(ends.there) && !is_behind(ends.here) {
            true => ends.reversed(),
            false => ends,
        };
        self.relayed.expire(now);
        self.relayed.set(ends, now.saturating_add(RELAY_LIFE), ());
    }
}

/// Whether who speaks for *here* may be seen at this address: it is there, or a NAT hides it. Anybody else has the
/// question from somebody, and is told nothing.
fn may_ask_from(here: NodeAddr, asker: NodeAddr) -> bool {
    let hidden = Ends {
        here: asker,
        there: here,
    };
    asker == here || may_be_claimed(hidden)
}

/// Whether somebody may have sent from this address.
fn is_unicast(ip: IpAddr) -> bool {
    let is_broadcast = matches!(ip, IpAddr::V4(v4) if v4.is_broadcast());
    !(ip.is_multicast() || ip.is_unspecified() || ip.is_loopback() || is_broadcast)
}
