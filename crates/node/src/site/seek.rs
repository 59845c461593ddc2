//! A negotiation, from its first packet to its entry: who is at the other end, and what do we do.
//!
//! ```text
//!   a member was there before ──▶ meeting ──▶ making ──▶ entry
//!            │                       ▲   no session, or refused: asked
//!            └──────────▶ finding ───┘
//! ```
//!
//! | limit | value |
//! |---|---|
//! | negotiations at once | [`NEGOTIATIONS_MAX`] |
//! | packets that wait, of one flow | [`PARKED_MAX`]; of all, [`PARKED_BYTES_MAX`] |
//! | time until nobody has answered | [`SILENCE`], after [`DDE_AT`] |

use std::net::SocketAddr;
use std::time::Duration;

use group::dprp::{Dde, Ends, PACKET_MAX, SITE, SiteMessage};
use group::epochs::Use;
use group::keyring::Proof;
use group::pit::{ENCRYPT_LIFE, PitEntry};
use group::resolve::Action;
use identity::crypto::random;
use mesh::Source;
use wire::handshake::{GROUP_SLOTS, SLOT_LEN};
use wire::ip::Ecn;
use wire::{NodeAddr, Now, Path};

use crate::machine::Node;
use crate::siting::{Negotiation, Stage};
use crate::{DropReason, Output};

/// Most negotiations at once.
pub const NEGOTIATIONS_MAX: usize = 1_024;
/// Most packets of one flow that wait.
pub const PARKED_MAX: usize = 64;
/// Most bytes that wait in all.
pub const PARKED_BYTES_MAX: usize = 1 << 20;
/// When a DDE is sent, after the first.
const DDE_AT: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(300)];
/// After this time nobody has answered.
const SILENCE: Duration = Duration::from_millis(600);
/// How long a session and its memberships, or a CDN, may take.
const PATIENCE: Duration = Duration::from_secs(10);

impl Node {
    /// A packet of a flow of which nothing is known.
    pub(crate) fn negotiate(&mut self, now: Now, ends: Ends, packet: &[u8]) {
        let is_new = !self.site.negotiations.contains_key(&ends);
        if is_new {
            if self.site.negotiations.len() >= NEGOTIATIONS_MAX {
                return self.drop_for(DropReason::TableFull);
            }
            let negotiation = Negotiation {
                nonce: random(&mut self.rng),
                proofs: self.site_proofs(now),
                stage: Stage::Finding,
                remembered: None,
                token: Default::default(),
                tries: 0,
                next_at: now.mono,
                parked: Default::default(),
            };
            self.site.negotiations.insert(ends, negotiation);
        }
        let room = self.site.parked_bytes.saturating_add(packet.len()) <= PARKED_BYTES_MAX;
        let negotiation = self.site.negotiations.get_mut(&ends);
        match negotiation.filter(|it| room && it.parked.len() < PARKED_MAX) {
            Some(negotiation) => {
                negotiation.parked.push_back(packet.to_vec());
                self.site.parked_bytes += packet.len();
            }
            None => self.drop_for(DropReason::ParkedFull),
        }
        if is_new {
            self.try_remembered(now, ends);
        }
        self.site_due(now);
    }

    /// Whoever was there last need not be asked for: a session, or an MPIT, shows whether it still is.
    fn try_remembered(&mut self, now: Now, ends: Ends) {
        let there = self.stored.proved.get(ends.there);
        let there = there.filter(|f| self.may_seek(*f) && self.identity_of(*f).is_some());
        let Some(f) = there else {
            return;
        };
        if let Some(negotiation) = self.site.negotiations.get_mut(&ends) {
            negotiation.remembered = Some(Vec::new());
        }
        let at = (ends.there.to_ip(), self.config.listen_port).into();
        self.meet_end(now, ends, (f, at));
    }

    /// This element is there, by what it says or what is remembered: it has to prove it.
    pub(crate) fn meet_end(&mut self, now: Now, ends: Ends, (f, at): (NodeAddr, SocketAddr)) {
        let Some(negotiation) = self.site.negotiations.get_mut(&ends) else {
            return;
        };
        negotiation.stage = Stage::Meeting(f);
        negotiation.next_at = now.mono.saturating_add(patience(negotiation));
        let peer = self.peers.entry(f).or_default();
        peer.candidates.add(now.mono, at, Source::Observed);
        if self.may_talk(f) && self.peer_is_up(f) {
            self.make_entry(now, ends, f);
        } else {
            self.call(now, f);
        }
    }

    /// Membership in common with F has begun: flows to it wait for that.
    pub(crate) fn site_met(&mut self, now: Now, f: NodeAddr) {
        let waiting = self.site.negotiations.iter();
        let waiting = waiting.filter(|(_, it)| it.stage == Stage::Meeting(f));
        let waiting: Vec<Ends> = waiting.map(|(ends, _)| *ends).collect();
        for ends in waiting {
            self.make_entry(now, ends, f);
        }
    }

    /// The other element is a member in touch: says what is done with the flow, with its first packet.
    fn make_entry(&mut self, now: Now, ends: Ends, f: NodeAddr) {
        let Some(negotiation) = self.site.negotiations.get_mut(&ends) else {
            return;
        };
        negotiation.stage = Stage::Making(f);
        negotiation.next_at = now.mono.saturating_add(patience(negotiation));
        let first = negotiation.parked.front();
        let fits = first.is_some_and(|it| it.len() <= PACKET_MAX);
        let first = fits.then(|| negotiation.parked.pop_front()).flatten();
        let packet = first.unwrap_or_default();
        if let Some(kept) = &mut negotiation.remembered {
            kept.clone_from(&packet);
        }
        let (nonce, token) = (negotiation.nonce, negotiation.token);
        self.site.parked_bytes = self.site.parked_bytes.saturating_sub(packet.len());
        self.set_entry(now, ends, Action::Encrypt, Some(f), true);
        let may_leave = packet.is_empty() || self.starts_flow(now, f, &packet);
        let packet = if may_leave { packet } else { Vec::new() };
        // The answer may be quicker than the CDN.
        self.publish_if_stale();
        let mpit = SiteMessage::Mpit {
            ends,
            nonce,
            token,
            packet,
        };
        self.tell_site(now, f, &mpit);
    }

    pub(crate) fn tell_site(&mut self, now: Now, f: NodeAddr, message: &SiteMessage) {
        self.send_bytes(now, f, SITE, &message.encode());
    }

    /// The element did not prove to be there. If it was remembered, whoever is there is asked;
    /// else no answer would have been no worse.
    pub(crate) fn not_there(&mut self, now: Now, ends: Ends) {
        let negotiation = self.site.negotiations.get_mut(&ends);
        let Some(negotiation) = negotiation.filter(|it| it.remembered.is_some()) else {
            return self.settle_flow(now, ends, Action::Discard, None);
        };
        let first = negotiation.remembered.take().unwrap_or_default();
        if !first.is_empty() {
            self.site.parked_bytes += first.len();
            negotiation.parked.push_front(first);
        }
        negotiation.stage = Stage::Finding;
        if let Some(entry) = self.site.pit.remove(ends) {
            self.route_changed(ends, entry);
        }
        self.find_end(now, ends);
    }

    /// The proofs that a DDE offers: of epochs in force.
    pub(crate) fn site_proofs(&self, now: Now) -> Vec<Proof> {
        let proofs = self.groups.keyring.proofs(&*self.crypto, now.unix_s);
        let in_force = proofs.into_iter().filter(|it| it.what != Use::CatchUp);
        in_force.take(GROUP_SLOTS).collect()
    }

    /// What is due in negotiations, and entries of the table that are over.
    pub(crate) fn site_due(&mut self, now: Now) {
        let due = self.site.negotiations.iter();
        let due = due.filter(|(_, it)| it.next_at <= now.mono);
        let due: Vec<(Ends, Stage)> = due.map(|(ends, it)| (*ends, it.stage)).collect();
        for (ends, stage) in due {
            match stage {
                Stage::Finding => self.find_end(now, ends),
                Stage::Meeting(_) | Stage::Making(_) => self.not_there(now, ends),
            }
        }
        for (ends, entry) in self.site.pit.expire(now.mono) {
            let stays = entry.peer.is_some_and(|f| self.is_member(f));
            if stays && entry.action == Action::Encrypt {
                let until = now.mono.saturating_add(ENCRYPT_LIFE);
                self.site.pit.set(ends, PitEntry { until, ..entry });
            } else {
                self.route_changed(ends, entry);
            }
        }
    }

    /// When [`Self::site_due`] has something to do.
    pub(crate) fn site_timeout(&self) -> Option<Duration> {
        let negotiations = self.site.negotiations.values().map(|it| it.next_at);
        negotiations.chain(self.site.pit.expires_at()).min()
    }

    fn find_end(&mut self, now: Now, ends: Ends) {
        let port = self.config.listen_port;
        let first = self.site.negotiations.get(&ends).filter(|it| it.tries == 0);
        if let Some(nonce) = first.map(|it| it.nonce) {
            self.listen_for_relays(now, ends, nonce);
        }
        let Some(negotiation) = self.site.negotiations.get_mut(&ends) else {
            return;
        };
        let tries = negotiation.tries;
        let asks = !negotiation.proofs.is_empty() && tries <= DDE_AT.len();
        if !asks {
            let action = self.without_answer(ends);
            return self.settle_flow(now, ends, action, None);
        }
        negotiation.tries += 1;
        let at = |tries: usize| DDE_AT.get(tries).copied().unwrap_or(SILENCE);
        let before = tries.checked_sub(1).map_or(Duration::ZERO, at);
        let wait = at(tries).saturating_sub(before);
        negotiation.next_at = now.mono.saturating_add(wait);
        let mut fill = [[0; SLOT_LEN]; GROUP_SLOTS];
        for slot in &mut fill {
            *slot = random(&mut self.rng);
        }
        let (crypto, nonce) = (&*self.crypto, negotiation.nonce);
        let dde = Dde::new(crypto, ends, nonce, &negotiation.proofs, fill);
        let to = Path::Udp((ends.there.to_ip(), port).into());
        self.output(Output::Transmit {
            to,
            ecn: Ecn::NotEct,
            payload: dde.encode(),
        });
    }

    /// The negotiation is over: what waited goes where the entry says.
    pub(crate) fn settle_flow(
        &mut self,
        now: Now,
        ends: Ends,
        action: Action,
        peer: Option<NodeAddr>,
    ) {
        self.set_entry(now, ends, action, peer, false);
        let Some(negotiation) = self.site.negotiations.remove(&ends) else {
            return;
        };
        self.publish_if_stale();
        for packet in negotiation.parked {
            self.site.parked_bytes = self.site.parked_bytes.saturating_sub(packet.len());
            self.site_out(now, ends, &packet);
        }
    }
}

/// Who is only remembered has no longer than somebody who is asked for.
fn patience(negotiation: &Negotiation) -> Duration {
    match negotiation.remembered {
        Some(_) => SILENCE,
        None => PATIENCE,
    }
}
