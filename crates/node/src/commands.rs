//! What the owner may ask a node to do.

use std::sync::Arc;
use std::time::Duration;

use group::{Access, AllowEntry, AllowError, Allowlist, Who};
use identity::{LocalIdentity, Scopes};
use session::Session;
use session::constants::ECHOES_MAX;
use wire::payload::CloseReason;
use wire::{NodeAddr, Now};

use crate::believe::verify_own;
use crate::machine::Node;
use crate::stored::{Change, PinRecord};
use crate::{ConnectError, Event, InstallError, PingError};

/// Most peers called at once because this node's identity changed.
pub const ANNOUNCE_MAX: usize = 32;
/// How long the one call of a client by a Bridge that has just started may take.
const ANNOUNCE_BRIEFLY: Duration = Duration::from_millis(500);

impl Node {
    /// Allows a peer, or changes what it may reach. Sessions that stand continue under the
    /// new rule. Takes back a deny entry for the same.
    ///
    /// # Errors
    /// The entry is out of bounds, the list is full, or it names this node.
    pub fn allow(&mut self, now: Now, entry: AllowEntry) -> Result<(), AllowError> {
        let own_root = self.me.public.history.inception().root_key;
        if entry.who == Who::Address(self.f) || entry.who == Who::RootKey(own_root) {
            return Err(AllowError::Own);
        }
        self.stored.rules.can_allow(&entry)?;
        self.persist(Change::Allowed { entry });
        self.snapshot_stale = true;
        self.keep_time(now);
        self.settle(now);
        Ok(())
    }

    /// Denies a peer: its session ends at once, on every thread, and it cannot come back
    /// until it is allowed again.
    pub fn deny(&mut self, now: Now, who: Who) {
        self.persist(Change::Denied {
            who,
            unix_s: now.unix_s,
        });
        #[cfg(feature = "sabotage")]
        if crate::sabotage::is(crate::sabotage::Sabotage::KeepRemoved) {
            return;
        }
        self.snapshot_stale = true;
        let joining: Vec<NodeAddr> = self.joins.keys().copied().collect();
        for f in joining {
            if matches!(self.access(f), Access::Denied(_)) {
                self.join_denied(f);
            }
        }
        let over: Vec<NodeAddr> = self
            .peers
            .keys()
            .filter(|f| !self.may_meet(**f))
            .copied()
            .collect();
        for f in over {
            self.detach(now, f);
            self.cut(now, f, CloseReason::NotAllowed);
        }
        let wanted: Vec<NodeAddr> = self
            .wanted
            .keys()
            .filter(|f| !self.may_talk(**f))
            .copied()
            .collect();
        for f in wanted {
            self.give_up(now, f);
        }
        self.settle(now);
        self.forget_denied();
    }

    /// The local rules.
    #[must_use]
    pub const fn list(&self) -> &Allowlist {
        &self.stored.rules
    }

    /// Makes a session with a peer, or looks for the peer.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub fn connect(&mut self, now: Now, addr: NodeAddr) -> Result<NodeAddr, ConnectError> {
        let f = self.reachable(now, addr)?;
        self.call(now, f);
        self.settle(now);
        Ok(f)
    }

    /// Pings a peer; [`Event::Echo`] or [`Event::EchoLost`] with the same `id` follows.
    ///
    /// # Errors
    /// See [`PingError`].
    pub fn ping(&mut self, now: Now, addr: NodeAddr, id: u32) -> Result<(), PingError> {
        let f = self.reachable(now, addr)?;
        if self.identity_of(f).is_some() && self.may_talk(f) {
            self.call(now, f);
            let taken = self.ensure_session(f).ping(now.mono, id);
            self.touched.insert(f);
            self.settle(now);
            return taken.then_some(()).ok_or(PingError::TooMany(f));
        }
        self.want(now, f);
        self.call(now, f);
        let wanted = self.wanted.get_mut(&f).filter(|wanted| {
            wanted.pings.len() < ECHOES_MAX.min(crate::wanted::WANTED_PINGS_MAX)
                && !wanted.pings.contains(&id)
        });
        let taken = wanted.map(|wanted| wanted.pings.push(id));
        self.settle(now);
        taken.ok_or(PingError::TooMany(f))
    }

    /// Uses a new certificate or new keys of this F from the next handshake on, tells every
    /// peer with a session, and calls those without one. After a mere renewal (the same keys,
    /// the same root) nobody is called: whoever holds the certificate before finds this node
    /// all the same.
    ///
    /// # Errors
    /// See [`InstallError`]; then nothing changed.
    pub fn install_identity(&mut self, now: Now, me: LocalIdentity) -> Result<(), InstallError> {
        let f = me.public.address();
        if f != self.f {
            return Err(InstallError::OtherNode(f));
        }
        let pin =
            verify_own(&*self.crypto, &me, &self.stored, now).map_err(InstallError::Identity)?;
        let new_keys = names_other_keys(&self.me, &me);
        self.certificate_look = Some(Self::first_look(me.public.certificate.not_after_unix_s));
        self.me = Arc::new(me);
        self.prepare_all(now);
        self.remember_own(pin);
        for peer in self.peers.values_mut() {
            if let Some(session) = &mut peer.session {
                session.set_local(Arc::clone(&self.me));
            }
        }
        self.snapshot_stale = true;
        for peer in self.peers_up() {
            self.tell_identity(now, peer);
        }
        if new_keys {
            let known: Vec<NodeAddr> = self.known.keys().copied().collect();
            self.to_announce = known
                .into_iter()
                .filter(|f| self.may_talk(*f) && !self.peer_is_up(*f))
                .collect();
            self.announce_briefly = false;
            self.announce_more(now);
        }
        self.settle(now);
        Ok(())
    }

    /// Closes every session and starts none any more.
    pub fn shutdown(&mut self, now: Now) {
        self.shutting_down = true;
        let peers: Vec<NodeAddr> = self.peers.keys().copied().collect();
        for f in peers {
            self.cut(now, f, CloseReason::ShuttingDown);
        }
        let wanted: Vec<NodeAddr> = self.wanted.keys().copied().collect();
        for f in wanted {
            self.give_up(now, f);
        }
        self.keep_time(now);
        self.settle(now);
    }

    /// Calls the next peers that are to hear of this node's new identity.
    pub(crate) fn announce_more(&mut self, now: Now) {
        while self.announce.len() < ANNOUNCE_MAX && !self.shutting_down {
            let Some(f) = self.to_announce.pop_first() else {
                return;
            };
            if self.may_meet(f) && !self.peer_is_up(f) {
                self.announce.insert(f);
                if self.announce_briefly && self.identity_of(f).is_some() {
                    self.ensure_session(f)
                        .initiate_briefly(now.mono, ANNOUNCE_BRIEFLY);
                    self.touched.insert(f);
                } else {
                    self.call(now, f);
                }
            }
        }
    }

    /// A later identity of F was pinned than `before`: say so, here and to the peers.
    pub(crate) fn note_identity_news(
        &mut self,
        now: Now,
        f: NodeAddr,
        before: Option<PinRecord>,
        pin: PinRecord,
        teller: NodeAddr,
    ) {
        let Some(before) = before.filter(|before| before.rank() < pin.rank()) else {
            return;
        };
        let position = pin.0.position;
        self.event(Event::IdentityUpdated { peer: f, position });
        if before.0.position < position {
            self.spread(now, f, position, teller);
        }
    }

    /// Binds a root key entry to the first F that proved the key.
    pub(crate) fn bind_key(&mut self, f: NodeAddr, root_key: [u8; 32]) {
        let rules = &self.stored.rules;
        let names_key = rules
            .allowed()
            .any(|entry| entry.who == Who::RootKey(root_key));
        if names_key && rules.bound(&root_key).is_none() {
            self.persist(Change::KeyBound { root_key, f });
            self.snapshot_stale = true;
        }
    }

    fn reachable(&self, now: Now, addr: NodeAddr) -> Result<NodeAddr, ConnectError> {
        if self.shutting_down {
            return Err(ConnectError::ShuttingDown);
        }
        let f = self.resolve(addr).ok_or(ConnectError::NotANode(addr))?;
        if f == self.f {
            return Err(ConnectError::Own(f));
        }
        match self.access(f) {
            Access::Denied(_) => return Err(ConnectError::Denied(f)),
            Access::Unknown if !self.may_seek(f) => {
                return Err(ConnectError::NotAllowed(f));
            }
            _ => {}
        }
        let certificate = &self.me.public.certificate;
        let over = certificate.not_after_unix_s < now.unix_s;
        if over || !certificate.scopes.allows(Scopes::TALK) {
            return Err(ConnectError::OwnCertificate);
        }
        Ok(f)
    }

    /// Forgets what runs about peers that may not talk any more. What is stored stays.
    fn forget_denied(&mut self) {
        let gone: Vec<NodeAddr> = self
            .peers
            .keys()
            .filter(|f| !self.may_meet(**f))
            .copied()
            .collect();
        for f in gone {
            self.forget_running(f);
        }
    }

    /// Forgets a peer whose session has ended if it may have no other.
    pub(crate) fn forget_when_down(&mut self, f: NodeAddr) {
        if self.serving.is_some() && !self.may_meet(f) && !self.peer_is_up(f) {
            self.forget_running(f);
        }
    }

    /// A stranger's message 1 passed every test, and yet could not be answered: nothing of it is
    /// kept that its session does not need.
    pub(crate) fn forget_when_idle(&mut self, f: NodeAddr) {
        if !self.session_of(f).is_some_and(Session::is_idle) {
            return;
        }
        if let Some(serving) = &mut self.serving {
            serving.applicants.remove(&f);
        }
        self.forget_when_down(f);
    }

    fn forget_running(&mut self, f: NodeAddr) {
        if let Some(at) = self.peers.remove(&f).and_then(|peer| peer.timer) {
            self.timers.remove(&(at, f));
        }
        self.beacons_seen.remove(&f);
        self.indices.retain(|_, index| index.f != f);
    }
}

/// Whether peers that hold the one must hear of the other to find this node and believe it.
fn names_other_keys(before: &LocalIdentity, after: &LocalIdentity) -> bool {
    let keys = |me: &LocalIdentity| {
        let certificate = &me.public.certificate;
        let keys = (certificate.noise_key, certificate.sign_key);
        (me.public.history.position(), keys)
    };
    keys(before) != keys(after)
}
