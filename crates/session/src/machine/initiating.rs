//! Initiations: asking for one, sending message 1, retrying, taking message 2.
//!
//! Every try is a new handshake with a new number, because a responder drops a number that
//! it has seen. Only the latest try can be answered. A cookie is the exception: the Bridge
//! has not opened that message 1, so the same one goes again with MAC2.

use super::keys::Offered;
use super::output::{Closed, SessionOutput, Up};
use super::{PeerRun, Session};
use crate::constants::{HANDSHAKE_GIVE_UP, HANDSHAKE_RETRY, HANDSHAKE_RETRY_JITTER_MS};
use crate::fragment;
use crate::handshake::{
    Credential, Ephemeral, Established, HandshakeError, Initiator, InitiatorStart, NO_STREAM,
    stream_id,
};
use crate::piece;
use crate::stream::ControlStream;
use crate::transport::Transport;
use identity::crypto::random;
use identity::{LocalIdentity, Pin, PublicIdentity};
use std::sync::Arc;
use std::time::Duration;
use wire::datagram::{CookieView, Message, set_mac2};
use wire::ip::Ecn;
use wire::{Now, Path};

/// Packets that waited for the session go before the probes of its path.
const AFTER_OTHERS: Duration = Duration::from_millis(5);

/// An initiation from the first try to success or surrender.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) since: Duration,
    pub(super) tries: usize,
    /// When to ask for the next try.
    pub(super) next_at: Duration,
    pub(super) gives_up_at: Duration,
    /// When a new path made it try again.
    pub(super) path_opened_at: Option<Duration>,
    sent: Option<SentInitiation>,
}

#[derive(Debug)]
struct SentInitiation {
    initiator: Initiator,
    /// What message 1 says of this node.
    told: Arc<LocalIdentity>,
    to: Path,
    datagrams: Vec<Vec<u8>>,
    with_cookie: bool,
}

impl Attempt {
    /// The index that message 2 would come to.
    pub(super) fn local_index(&self) -> Option<u32> {
        self.sent.as_ref().map(|sent| sent.initiator.local_index())
    }
}

/// What a try needs from the caller.
pub struct Begin<'a> {
    /// Reserved on disk, never used before.
    pub handshake_count: u64,
    /// Random, not zero, not in use; it comes back with [`SessionOutput::RetireIndex`].
    pub local_index: u32,
    /// Where to send message 1.
    pub to: Path,
    /// The peer's statements, verified.
    pub peer: &'a PublicIdentity,
    /// To look for at the peer.
    pub credentials: &'a [Credential],
}

/// Why no initiation was sent. The local index is free.
#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    /// Nothing wants one any more.
    #[error("no initiation is wanted")]
    NotWanted,
    /// The statements are not those of this session's peer.
    #[error("the certificate belongs to another peer")]
    OtherPeer,
    /// Message 1 could not be made.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
}

/// Why message 2 was not accepted. The initiation stands.
#[derive(Debug, thiserror::Error)]
pub enum FinishError {
    /// It answers no initiation under way.
    #[error("no initiation under way has this index")]
    NotWanted,
    /// It does not hold.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
}

impl Session {
    /// Wants a session: starts an initiation unless one is under way.
    pub fn initiate(&mut self, now: Duration) {
        if let Some(attempt) = &mut self.attempt {
            attempt.gives_up_at = attempt.since.saturating_add(HANDSHAKE_GIVE_UP);
            return;
        }
        self.resume_at = None;
        self.attempt = Some(Attempt {
            since: now,
            tries: 0,
            next_at: now,
            gives_up_at: now.saturating_add(HANDSHAKE_GIVE_UP),
            path_opened_at: None,
            sent: None,
        });
        self.ask(now);
    }

    /// The same for a peer that will call by itself if this does not reach it: the initiation
    /// ends after `wait`, and does not stand in the way of the peer's own.
    pub fn initiate_briefly(&mut self, now: Duration, wait: Duration) {
        if self.attempt.is_none() {
            self.initiate(now);
            if let Some(attempt) = &mut self.attempt {
                attempt.gives_up_at = now.saturating_add(wait);
            }
        }
    }

    /// The next try uses these keys, which nothing else has used or will use.
    pub fn use_keys(&mut self, keys: Ephemeral) {
        self.ready = Some(keys);
    }

    /// Sends message 1. The answer to [`SessionOutput::InitiationWanted`].
    ///
    /// # Errors
    /// See [`BeginError`]; then nothing was sent.
    pub fn begin(&mut self, begin: &Begin<'_>, now: Now) -> Result<(), BeginError> {
        let crypto = Arc::clone(&self.crypto);
        if self.attempt.is_none() {
            return Err(BeginError::NotWanted);
        }
        if begin.peer.address() != self.peer {
            return Err(BeginError::OtherPeer);
        }
        let start = InitiatorStart {
            local: &self.local,
            peer: begin.peer,
            handshake_count: begin.handshake_count,
            credentials: begin.credentials,
            terms: self.terms,
            stream: self.held_stream(now.mono),
            local_index: begin.local_index,
        };
        let keys = self.ready.take();
        let keys = keys.unwrap_or_else(|| Ephemeral::generate(&*crypto, &mut self.rng));
        let (initiator, message) = Initiator::start_with(&*crypto, &mut self.rng, &start, keys)?;
        let cookie = self.cookies.cookie(now.mono);
        let datagrams = fragment::cut(
            &*crypto,
            &self.mac1,
            cookie,
            Message::One,
            begin.local_index,
            0,
            &message,
        )
        .map_err(HandshakeError::from)?;
        let sent = SentInitiation {
            initiator,
            told: Arc::clone(&self.local),
            to: begin.to,
            with_cookie: cookie.is_some(),
            datagrams,
        };
        self.cookies.sent(&sent.datagrams);
        self.transmit_all(sent.to, &sent.datagrams);
        let old = self.attempt.as_mut().and_then(|a| a.sent.replace(sent));
        self.retire(old.map(|old| old.initiator.local_index()));
        Ok(())
    }

    /// Tries again at once, if an initiation is under way: there is a new path to try, so the
    /// time between tries is short again. It is given up no later for that.
    pub fn retry_now(&mut self, now: Duration) {
        if let Some(attempt) = &mut self.attempt {
            attempt.tries = 0;
            attempt.path_opened_at = Some(now);
            self.ask(now);
        }
    }

    /// Whether a message 2 or a cookie with this receiver index answers the initiation under
    /// way. Fragments that answer none are not worth reassembling.
    #[must_use]
    pub fn awaits_answer(&self, local_index: u32) -> bool {
        self.attempt.as_ref().and_then(Attempt::local_index) == Some(local_index)
    }

    /// Takes a whole message 2 that came to `local_index` with `remote_index` as its sender.
    /// `pin` is what was pinned of the peer.
    ///
    /// # Errors
    /// See [`FinishError`]; then nothing changed.
    pub fn handle_message2(
        &mut self,
        now: Now,
        from: Path,
        local_index: u32,
        remote_index: u32,
        message: &[u8],
        pin: Option<&Pin>,
    ) -> Result<(), FinishError> {
        let crypto = Arc::clone(&self.crypto);
        let sent = self
            .attempt
            .as_ref()
            .and_then(|attempt| attempt.sent.as_ref())
            .filter(|sent| sent.initiator.local_index() == local_index)
            .ok_or(FinishError::NotWanted)?;
        let (called_at, told) = (sent.to, Arc::clone(&sent.told));
        let established = sent
            .initiator
            .finish(&*crypto, now, remote_index, message, pin)?;
        self.attempt = None;
        self.output(SessionOutput::InstallTransport(Arc::clone(
            &established.transport,
        )));
        let continues = self.goes_on(now.mono, &established);
        let retired = self
            .keys
            .install(now.mono, Arc::clone(&established.transport));
        self.retire_keys(retired);
        self.come_up(now.mono, established, told, continues);
        // Where message 1 went is proven, for it was answered. Where message 2 came from, if
        // that is elsewhere, is a claim like that of any packet from a new address.
        self.settle(now.mono, called_at);
        if from != called_at {
            let rng = &mut self.rng;
            self.roaming
                .received(now.mono, from, message.len(), true, || random(rng));
        }
        // The responder may send only after our first packet: what waited, or what is said now that
        // the session stands, so that it has both at once.
        self.owes_first = Some((called_at, now.mono));
        self.flush(now.mono);
        Ok(())
    }

    /// Takes a cookie reply to the initiation under way: message 1 goes again with it.
    /// Whether it held a cookie.
    pub fn handle_cookie(&mut self, now: Duration, reply: &CookieView<'_>) -> bool {
        let crypto = Arc::clone(&self.crypto);
        if !self.awaits_answer(reply.receiver)
            || !self.cookies.handle_reply(&*crypto, now, self.peer, reply)
        {
            return false;
        }
        let Some(cookie) = self.cookies.cookie(now).copied() else {
            return false;
        };
        let sent = self.attempt.as_mut().and_then(|a| a.sent.as_mut());
        let Some(sent) = sent.filter(|sent| !sent.with_cookie) else {
            return true;
        };
        sent.with_cookie = true;
        for datagram in &mut sent.datagrams {
            // They are our own fragments, so setting MAC2 cannot fail.
            let _ = set_mac2(datagram, |covered| {
                fragment::mac(&*crypto, &cookie, covered)
            });
        }
        let (to, datagrams) = (sent.to, sent.datagrams.clone());
        self.transmit_all(to, &datagrams);
        true
    }

    /// Retries and surrender.
    pub(super) fn attempt_timeout(&mut self, now: Duration) {
        let Some(attempt) = &self.attempt else {
            return;
        };
        if attempt.gives_up_at > now {
            if attempt.next_at <= now {
                self.ask(now);
            }
            return;
        }
        let since = attempt.since;
        let alive = self
            .keys
            .sendable(now)
            .and_then(|transport| transport.last_rx())
            .is_some_and(|last_rx| last_rx >= since);
        if alive {
            self.drop_attempt();
        } else {
            self.over(Closed::NoAnswer);
        }
    }

    /// Ends the initiation under way, if any; whether there was one.
    pub(super) fn drop_attempt(&mut self) -> bool {
        let attempt = self.attempt.take();
        self.retire(attempt.as_ref().and_then(Attempt::local_index));
        attempt.is_some()
    }

    /// The peer has confirmed the keys that this node offered.
    pub(super) fn confirmed(&mut self, now: Duration, from: Path) {
        let Some((offered, retired)) = self.keys.promote() else {
            return;
        };
        self.retire_keys(retired);
        self.drop_attempt();
        self.resume_at = None;
        let Offered {
            established,
            told,
            continues,
            from: called_from,
        } = offered;
        self.come_up(now, established, told, continues);
        // A round trip has proven the address of message 1 only if the packet that confirms
        // comes from there too.
        if from == called_from || self.roaming.current().is_none() {
            self.settle(now, called_from);
        }
    }

    /// Whether the stream goes on, as the responder says; by this node's own view, if it does
    /// not say.
    fn goes_on(&self, now: Duration, established: &Established) -> bool {
        match established.stream {
            Some(stream) => self.up.is_some_and(|up| up.stream == stream),
            None => {
                let run = self.up.filter(|_| self.held_stream(now) != NO_STREAM);
                run.is_some_and(|up| up.instance == established.instance)
            }
        }
    }

    /// New keys are in use.
    fn come_up(
        &mut self,
        now: Duration,
        established: Established,
        told: Arc<LocalIdentity>,
        continues: bool,
    ) {
        let kept = self.up.filter(|_| continues);
        let continued = kept.is_some();
        let own = || stream_id(&*self.crypto, &established.binding);
        let stream = kept.map_or_else(own, |up| up.stream);
        let run = PeerRun {
            instance: established.instance,
            inner_mtu: established.inner_mtu,
            binding: established.binding,
            stream_binding: kept.map_or(established.binding, |up| up.stream_binding),
            stream,
        };
        if !continued {
            self.stream = ControlStream::new();
            self.pieces = piece::Reassembly::new();
            let retired = self.keys.retire_old();
            self.retire_keys(retired);
        }
        self.up = Some(run);
        self.path_mtu.start(now.saturating_add(AFTER_OTHERS));
        let role = established.transport.role();
        self.output(SessionOutput::Established(Box::new(Up {
            role,
            peer: established.peer,
            pin: established.pin,
            binding: established.binding,
            instance: established.instance,
            inner_mtu: established.inner_mtu,
            matched: established.matched,
            shown: established.shown,
            told,
            continued,
        })));
    }

    /// Uses an address that a handshake has proven.
    fn settle(&mut self, now: Duration, at: Path) {
        let before = self.roaming.current();
        self.roaming.set_current(at);
        self.path_rtt = self.trials.proven(at).map(|proven| proven.rtt);
        self.trials.forget(at);
        self.suspicion = None;
        self.note_on_path(now);
        self.watch_path();
        if before == Some(at) {
            return;
        }
        let start = now.saturating_add(AFTER_OTHERS);
        self.path_mtu.moved(start, at.overhead());
        if before.is_some() {
            self.output(SessionOutput::Moved { to: at });
        }
    }

    fn ask(&mut self, now: Duration) {
        let jitter = u64::from(u16::from_be_bytes(random(&mut self.rng)));
        let jitter = Duration::from_millis(jitter % (HANDSHAKE_RETRY_JITTER_MS + 1));
        let Some(attempt) = &mut self.attempt else {
            return;
        };
        let [first @ .., last] = HANDSHAKE_RETRY;
        let wait = first.get(attempt.tries).copied().unwrap_or(last);
        let wait = wait.min(self.retry_max);
        attempt.tries += 1;
        attempt.next_at = now.saturating_add(wait).saturating_add(jitter);
        self.output(SessionOutput::InitiationWanted);
    }

    fn transmit_all(&mut self, to: Path, datagrams: &[Vec<u8>]) {
        for bytes in datagrams {
            self.output(SessionOutput::Transmit {
                to,
                ecn: Ecn::NotEct,
                bytes: bytes.clone(),
            });
        }
    }

    pub(super) fn current_transport(&self, now: Duration) -> Option<Arc<Transport>> {
        self.keys.sendable(now).cloned()
    }
}
