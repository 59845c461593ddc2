//! What other elements say: DDE, RGI, MPIT, CDN.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use group::dprp::{Dde, Ends, NONCE_LEN, Relayed, Report, Rgi, SiteMessage, TOKEN_LEN};
use group::pit::PitEntry;
use group::resolve::Action;
use identity::PublicIdentity;
use identity::crypto::{constant_time_eq, random};
use wire::ip::{Ecn, IpView};
use wire::payload::Kind;
use wire::{NodeAddr, Now, Path};

use crate::machine::Node;
use crate::siting::Stage;
use crate::{DropReason, Output};

/// Most refusals in one second for packets of flows that this node does not know.
const REFUSALS_PER_SECOND_MAX: u32 = 64;

impl Node {
    /// A datagram of DPRP. Whoever proves no group gets no answer, and leaves no trace.
    pub(crate) fn dprp_in(&mut self, now: Now, from: Path, bytes: &[u8]) {
        if self.site.prefixes.is_empty() || self.shutting_down {
            return self.drop_for(DropReason::Unsupported);
        }
        if let Ok(dde) = Dde::decode(bytes) {
            self.dde_in(now, from, &dde);
        } else if let Ok(rgi) = Rgi::decode(bytes) {
            self.rgi_in(now, from, &rgi);
        } else if let Ok(relayed) = Relayed::decode(bytes) {
            self.relayed_in(now, from, &relayed);
        } else {
            self.drop_for(DropReason::Malformed);
        }
    }

    fn dde_in(&mut self, now: Now, from: Path, dde: &Dde) {
        let source = self.source_of(from);
        if self.limiter.admit(now.mono, source, false).is_err() {
            return self.drop_for(DropReason::RateLimited);
        }
        let Path::Udp(at) = from else {
            return self.drop_for(DropReason::Unsupported);
        };
        let there = dde.ends.there;
        if there.is_name() || !self.snapshot.is_own(there) {
            return self.drop_for(DropReason::NotForUs);
        }
        let proofs = self.site_proofs(now);
        let Some(matched) = dde.matched(&*self.crypto, &proofs) else {
            return self.drop_for(DropReason::Stranger);
        };
        let membership = self.groups.keyring.membership(matched.1.group);
        let Some((admission, _)) = membership else {
            return;
        };
        let report = Report {
            kind: admission.kind,
            mode: self.own_mode(),
            token: self.token(dde.ends, &dde.nonce, at),
            identity: self.me.public.to_bytes(),
        };
        let aead_nonce = random(&mut self.rng);
        match Rgi::answer(&*self.crypto, dde, matched, &report, aead_nonce) {
            Some(rgi) => self.output(Output::Transmit {
                to: from,
                ecn: Ecn::NotEct,
                payload: rgi.encode(),
            }),
            None => self.drop_for(DropReason::TooLarge),
        }
    }

    fn rgi_in(&mut self, now: Now, from: Path, rgi: &Rgi) {
        let Path::Udp(at) = from else {
            return self.drop_for(DropReason::Unsupported);
        };
        let is_from_there = NodeAddr::of_ip(at.ip()) == Some(rgi.ends.there);
        let negotiation = self.site.negotiations.get(&rgi.ends);
        let negotiation = negotiation
            .filter(|it| is_from_there && it.stage == Stage::Finding && it.nonce == rgi.nonce);
        let proof = negotiation.and_then(|it| it.proofs.get(usize::from(rgi.slot)));
        let report = proof.and_then(|proof| rgi.open(&*self.crypto, proof));
        let Some(report) = report else {
            return self.drop_for(DropReason::NotAuthentic);
        };
        let identity = PublicIdentity::from_bytes(&*self.crypto, &report.identity);
        let Ok(identity) = identity else {
            return self.drop_for(DropReason::Identity);
        };
        let f = identity.address();
        if f == self.f || !self.may_seek(f) || self.admit_identity(now, identity).is_err() {
            return self.drop_for(DropReason::Identity);
        }
        if let Some(negotiation) = self.site.negotiations.get_mut(&rgi.ends) {
            negotiation.token = report.token;
        }
        self.meet_end(now, rgi.ends, (f, at));
    }

    /// What an RGI to this address says, and an MPIT proves: nothing is kept for it.
    fn token(&self, ends: Ends, nonce: &[u8; NONCE_LEN], at: SocketAddr) -> [u8; TOKEN_LEN] {
        let at = NodeAddr::of_ip(at.ip()).map_or([0; 16], |addr| addr.0);
        let parts: [&[u8]; 4] = [nonce, &at, ends.here.as_bytes(), ends.there.as_bytes()];
        let mac = self.crypto.hmac(&self.site.secret, &parts);
        let mut token = [0; TOKEN_LEN];
        token.copy_from_slice(mac.split_at(TOKEN_LEN).0);
        token
    }

    /// MPIT or CDN of a member.
    pub(crate) fn site_message_in(&mut self, now: Now, f: NodeAddr, message: SiteMessage) {
        if !self.is_member(f) || self.site.prefixes.is_empty() {
            return self.drop_for(DropReason::NotAllowed);
        }
        match message {
            SiteMessage::Mpit {
                ends,
                nonce,
                token,
                packet,
            } => {
                let was_at = |at: IpAddr| {
                    let expected = self.token(ends, &nonce, SocketAddr::new(at, 0));
                    constant_time_eq(&token, &expected)
                };
                let seen_at = self.seen_at(f);
                let was_there = was_at(ends.here.to_ip())
                    || seen_at.is_some_and(was_at) && self.may_be_behind_nat(f, ends.reversed());
                self.mpit_in(now, f, ends.reversed(), was_there, packet);
            }
            SiteMessage::Cdn { ends } => self.cdn_in(now, f, ends.reversed()),
            SiteMessage::Refusal { ends } => self.refusal_in(now, f, ends.reversed()),
        }
    }

    /// Whether the member F, which a NAT hides, may have the private address *there*: this host's own
    /// address is public, no route of its own leads there, and nobody else is or was there.
    ///
    /// What a private address means depends on where one stands. Here it means nothing yet.
    fn may_be_behind_nat(&self, f: NodeAddr, ends: Ends) -> bool {
        let here = ends.here.to_ip();
        let own = self.local_endpoints.iter().any(|at| at.ip() == here);
        if !own || !may_be_claimed(ends) {
            return false;
        }
        let near = self.site.near.as_ref();
        let is_near = near.is_none_or(|near| near.iter().any(|it| it.contains(ends.there)));
        let signed = self.groups.keyring.signed_prefixes();
        let is_signed = signed.into_iter().any(|it| it.contains(ends.there));
        let holder = self.stored.proved.get(ends.there);
        let of_other = holder.is_some_and(|holder| holder != f && self.peer_is_up(holder));
        !is_near && !is_signed && !of_other
    }

    /// The address that a peer's session runs at.
    fn seen_at(&self, f: NodeAddr) -> Option<IpAddr> {
        match self.session_of(f)?.endpoint()? {
            Path::Udp(at) => Some(at.ip()),
            _ => None,
        }
    }

    fn mpit_in(&mut self, now: Now, f: NodeAddr, ends: Ends, was_there: bool, packet: Vec<u8>) {
        let fits = self.is_site(ends.there)
            && self.snapshot.is_own(ends.here)
            && !ends.here.is_name()
            && (was_there || self.holds_address(f, ends.there));
        if !fits {
            self.tell_site(now, f, &SiteMessage::Refusal { ends });
            return self.drop_for(DropReason::NotForUs);
        }
        self.settle_flow(now, ends, Action::Encrypt, Some(f));
        self.publish_if_stale();
        self.tell_site(now, f, &SiteMessage::Cdn { ends });
        if !packet.is_empty() {
            self.packet_in(now, f, Kind::Ip, packet, Ecn::NotEct);
        }
    }

    fn cdn_in(&mut self, now: Now, f: NodeAddr, ends: Ends) {
        let entry = self.site.pit.get(ends);
        let waits = entry.is_some_and(|entry| entry.provisional && entry.peer == Some(f));
        if waits {
            self.settle_flow(now, ends, Action::Encrypt, Some(f));
        }
    }

    fn refusal_in(&mut self, now: Now, f: NodeAddr, ends: Ends) {
        let negotiation = self.site.negotiations.get(&ends);
        if negotiation.is_some_and(|it| it.stage == Stage::Making(f)) {
            return self.not_there(now, ends);
        }
        // It knows nothing of the flow any more: the next packet asks anew.
        let entry = self.site.pit.get(ends);
        let is_with = |it: &&PitEntry| it.peer == Some(f) && !it.provisional;
        if entry.filter(is_with).is_some()
            && let Some(entry) = self.site.pit.remove(ends)
        {
            self.route_changed(ends, entry);
        }
    }

    /// A member sent a packet of a flow that this node has no entry for, as after a restart: it is told, so that it
    /// does not go on like that until its entry ends.
    pub(crate) fn not_agreed(&mut self, now: Now, f: NodeAddr, packet: &[u8]) {
        let Ok(view) = IpView::parse(packet) else {
            return;
        };
        let ends = NodeAddr::of_ip(view.dst()).zip(NodeAddr::of_ip(view.src()));
        let Some((here, there)) = ends.filter(|_| self.is_member(f)) else {
            return;
        };
        let (second, count) = &mut self.site.refused;
        if *second != now.mono.as_secs() {
            (*second, *count) = (now.mono.as_secs(), 0);
        }
        *count += 1;
        if *count <= REFUSALS_PER_SECOND_MAX {
            let ends = Ends { here, there };
            self.tell_site(now, f, &SiteMessage::Refusal { ends });
        }
    }
}

/// Whether the other end has an address that it may be taken at its word for: a private one, and this end a public one.
pub(crate) fn may_be_claimed(ends: Ends) -> bool {
    match (ends.here.to_ip(), ends.there.to_ip()) {
        (IpAddr::V4(here), IpAddr::V4(there)) => !is_private(here) && is_private(there),
        _ => false,
    }
}

/// Addresses that every site may have (RFC 1918, RFC 6598).
const fn is_private(addr: Ipv4Addr) -> bool {
    addr.is_private() || matches!(addr.octets(), [100, 64..=127, ..])
}
