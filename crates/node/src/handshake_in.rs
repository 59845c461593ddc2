//! Message 1: who may start a session with this node.
//!
//! In this order, each step without any trace unless the one before it passed:
//!
//! 1. load (the limiter);
//! 2. it opens with this node's key;
//! 3. it is not this node itself;
//! 4. local rules allow its F or key, or it proves an invite that it may use, or a group of this
//!    node, or it is a Bridge or server of this node, or may be a client of this Bridge, or is a
//!    member at this server, or proves its gate;
//! 5. its number is above the last;
//! 6. initiations do not cross, and there is room;
//! 7. its statements hold, are not older than the pin, and lead to no root key that a rule
//!    denies.
//!
//! Then number, use of the invite, rule and pin are written down, and only then message 2
//! leaves.

use group::Access;
use group::epochs::Use;
use group::statement::GroupId;
use identity::Scopes;
use session::fragment::Whole;
use session::handshake::{Claim, HandshakeError, Responder, Verified};
use session::limiter::Overload;
use session::machine::{Answer, AnswerError, FinishError};
use wire::handshake::Message1View;
use wire::{NodeAddr, Now, Path};

use crate::believe::refusal;
use crate::invites::joined_entry;
use crate::machine::{Index, Node};
use crate::stored::{Change, Number, PinRecord};
use crate::{DropReason, Event};

/// Why message 1 may be answered.
enum Ground {
    /// A rule, or a join under way.
    Allowed,
    /// The invite with this id.
    Invite([u8; 16]),
    /// The ticket with this id.
    Ticket([u8; 16]),
    /// It may say a password.
    Applicant,
    /// A group that both are in.
    Group,
    /// The gate of this management server.
    Gate,
}

impl Node {
    pub(crate) fn message1_in(&mut self, now: Now, from: Path, proven: bool, whole: &Whole) {
        if let Err(reason) = self.judge_message1(now, from, proven, whole) {
            self.drop_for(reason);
        }
    }

    fn judge_message1(
        &mut self,
        now: Now,
        from: Path,
        proven: bool,
        whole: &Whole,
    ) -> Result<(), DropReason> {
        if self.shutting_down {
            return Err(DropReason::Stranger);
        }
        let source = self.source_of(from);
        if Message1View::parse(&whole.bytes).is_err() {
            return Err(DropReason::Handshake);
        }
        if let Err(overload) = self.limiter.admit(now.mono, source, proven) {
            // Also when one source sends too much: it may be another that uses its address.
            if overload == Overload::Total || !proven {
                self.doorman.note_load(now.mono);
            }
            return Err(DropReason::RateLimited);
        }
        let mut claim = self.open_message1(now, &whole.bytes)?;
        let f = claim.address();
        if f == self.f {
            return Err(self.own_name_in_handshake(now, from, claim));
        }
        if !self.may_come_by(f, from) {
            return Err(DropReason::Stranger);
        }
        let root = claim.identity().history.inception().root_key;
        claim.retain_matched(|name| name.epoch != 0 || self.may_use(now, &name.id, f, root));
        let groups = self.groups_of(now, claim.matched());
        let ground = self.ground(now, &claim, &groups)?;
        let number = Number::from(claim.number());
        let last = self.last_number(f);
        #[cfg(feature = "sabotage")]
        let last =
            last.filter(|_| !crate::sabotage::is(crate::sabotage::Sabotage::AcceptOldNumber));
        if last >= Some(number) {
            return Err(DropReason::StaleNumber);
        }
        let crossing = self
            .session_of(f)
            .is_some_and(|own| !own.may_answer(now.mono));
        if crossing {
            return Err(DropReason::Crossing);
        }
        if !self.stored.has_room_for(f) {
            return Err(DropReason::TableFull);
        }
        let pin = self.pin(f).map(|pin| pin.0);
        let known = self.known.get(&f);
        let verified = claim
            .verify(&*self.crypto, now, pin.as_ref(), known)
            .map_err(|error| refusal_of_handshake(&error))?;
        let identity = verified.claim().identity();
        if !identity.certificate.scopes.allows(Scopes::TALK) {
            return Err(DropReason::Identity);
        }
        // Until here the current root key was what the pin says, and there may be none yet.
        let (first, current) = (
            identity.history.inception().root_key,
            *identity.history.root_key(),
        );
        let access = self.stored.rules.access(f, Some(first), Some(current));
        let clients = &self.stored.bridging.clients;
        let client = match ground {
            Ground::Ticket(_) | Ground::Applicant => clients.access(f, Some(first), Some(current)),
            Ground::Allowed | Ground::Invite(_) | Ground::Group | Ground::Gate => Access::Unknown,
        };
        if [access, client]
            .iter()
            .any(|access| matches!(access, Access::Denied(_)))
        {
            return Err(DropReason::Stranger);
        }
        self.write_down(now, f, number, &ground, &verified)?;
        self.answer(now, (f, from), whole.sender, &groups, verified)
    }

    fn open_message1(&self, now: Now, bytes: &[u8]) -> Result<Claim, DropReason> {
        let responder = Responder {
            local: &self.me,
            credentials: &|| self.credentials(now),
        };
        responder
            .open(&*self.crypto, bytes)
            .map_err(|_| DropReason::Handshake)
    }

    /// On what ground the claim may be answered.
    fn ground(
        &self,
        now: Now,
        claim: &Claim,
        groups: &[(GroupId, Use)],
    ) -> Result<Ground, DropReason> {
        let f = claim.address();
        let root = claim.identity().history.inception().root_key;
        let current = self.pin(f).map(|pin| pin.0.root_key);
        let gate = self.own_gate().map(|gate| gate.id);
        let single = claim.matched().filter(|name| name.epoch == 0);
        let mut single = single.map(|name| name.id);
        let (invites, gates): (Vec<_>, Vec<_>) = single.by_ref().partition(|id| Some(*id) != gate);
        let invite = invites.first().copied();
        let is_in_group = !groups.is_empty();
        match (self.stored.rules.access(f, Some(root), current), invite) {
            (Access::Denied(_), _) => Err(DropReason::Stranger),
            (_, Some(id)) if self.may_use_ticket(now, &id, f) => Ok(Ground::Ticket(id)),
            (_, Some(id)) => {
                let entry = joined_entry(f, now);
                let fits = self.stored.rules.can_allow(&entry).is_ok();
                fits.then_some(Ground::Invite(id))
                    .ok_or(DropReason::TableFull)
            }
            (Access::Allowed(_), None) => Ok(Ground::Allowed),
            (Access::Unknown, None) if is_in_group => Ok(Ground::Group),
            (Access::Unknown, None) if self.is_managed(f) || self.is_own_server(f) => {
                Ok(Ground::Allowed)
            }
            (Access::Unknown, None) if !gates.is_empty() => Ok(Ground::Gate),
            (Access::Unknown, None) => self.ground_of_bridges(f, root, current),
        }
    }

    /// The same for somebody that no rule of this node names.
    fn ground_of_bridges(
        &self,
        f: NodeAddr,
        root: [u8; 32],
        current: Option<[u8; 32]>,
    ) -> Result<Ground, DropReason> {
        if self.joins.contains_key(&f) || self.links.contains_key(&f) {
            return Ok(Ground::Allowed);
        }
        if self.serving.is_none() {
            return Err(DropReason::Stranger);
        }
        match self.stored.bridging.clients.access(f, Some(root), current) {
            Access::Allowed(_) => Ok(Ground::Allowed),
            Access::Denied(_) => Err(DropReason::Stranger),
            Access::Unknown if self.takes_applicants() => Ok(Ground::Applicant),
            Access::Unknown => Err(DropReason::Stranger),
        }
    }

    /// The number of the last initiation of F that was answered.
    fn last_number(&self, f: NodeAddr) -> Option<Number> {
        let applicant = self.serving.as_ref().and_then(|s| s.applicants.get(&f));
        let stored = self.stored.peers.get(&f).and_then(|record| record.number);
        stored.max(applicant.map(|applicant| applicant.number))
    }

    /// Everything that must be on disk before message 2 leaves.
    fn write_down(
        &mut self,
        now: Now,
        f: NodeAddr,
        number: Number,
        ground: &Ground,
        verified: &Verified,
    ) -> Result<(), DropReason> {
        let identity = verified.claim().identity().clone();
        let root = identity.history.inception().root_key;
        if let Ground::Applicant = ground {
            let applicant = Self::applicant(now, number, identity, verified.pin());
            let noted = self.note_applicant(f, applicant);
            return noted.then_some(()).ok_or(DropReason::TableFull);
        }
        if matches!(ground, Ground::Gate) && !self.note_newcomer(now, f) {
            return Err(DropReason::TableFull);
        }
        self.persist(Change::PeerNumber { f, number });
        match ground {
            Ground::Invite(id) => self.use_invite(now, *id, f),
            Ground::Ticket(id) => self.use_ticket(now, *id, f),
            Ground::Allowed | Ground::Applicant | Ground::Group | Ground::Gate => {}
        }
        self.bind_key(f, root);
        self.bind_client_key(f, root);
        let before = self.pin(f);
        let pin = PinRecord(verified.pin());
        self.remember(identity, pin);
        self.note_identity_news(now, f, before, pin, f);
        self.keep_time(now);
        Ok(())
    }

    fn use_invite(&mut self, now: Now, id: [u8; 16], f: NodeAddr) {
        let is_first = self
            .stored
            .invites
            .get(&id)
            .is_some_and(|invite| invite.used_by.is_none());
        let is_new = !self.access(f).is_allowed();
        let entry = is_new.then(|| joined_entry(f, now));
        self.snapshot_stale |= is_new;
        if is_first {
            self.persist(Change::InviteUsed { id, by: f, entry });
            self.event(Event::InviteUsed { by: f });
        } else if let Some(entry) = entry {
            self.persist(Change::Allowed { entry });
        }
    }

    fn answer(
        &mut self,
        now: Now,
        (f, from): (NodeAddr, Path),
        remote_index: u32,
        groups: &[(GroupId, Use)],
        verified: Verified,
    ) -> Result<(), DropReason> {
        let local_index = self.take_index();
        let answer = Answer {
            from,
            remote_index,
            local_index,
            shown: self.shown(groups),
        };
        let session = self.ensure_session(f);
        let answered = session.answer(now, verified, &answer);
        self.touched.insert(f);
        match answered {
            Ok(()) => {
                if !groups.is_empty() {
                    self.note_proven(now, f, groups);
                }
                self.indices
                    .entry(local_index)
                    .or_insert(Index::reserved(f));
                Ok(())
            }
            Err(error) => {
                self.forget_when_idle(f);
                Err(match error {
                    AnswerError::Crossing => DropReason::Crossing,
                    AnswerError::OtherPeer => DropReason::Identity,
                    AnswerError::Handshake(error) => refusal_of_handshake(&error),
                })
            }
        }
    }

    /// Message 1 with this node's own F: somebody else has its keys, or it called itself.
    fn own_name_in_handshake(&mut self, now: Now, from: Path, claim: Claim) -> DropReason {
        let instance = claim.instance();
        let pin = self.pin(self.f).map(|pin| pin.0);
        let holds = claim.verify(&*self.crypto, now, pin.as_ref(), None);
        let holds = holds.is_ok();
        if holds && instance != self.instance {
            let from = self.address_of(from);
            let from = from.unwrap_or_else(|| ([0, 0, 0, 0], 0).into());
            self.own_clone_seen(instance, from);
        }
        DropReason::OwnIdentity
    }
}

fn refusal_of_handshake(error: &HandshakeError) -> DropReason {
    match error {
        HandshakeError::Identity(error) => refusal(error),
        _ => DropReason::Handshake,
    }
}

pub(crate) fn refusal_of_message2(error: &FinishError) -> DropReason {
    match error {
        FinishError::NotWanted => DropReason::UnknownIndex,
        FinishError::Handshake(error) => refusal_of_handshake(error),
    }
}
