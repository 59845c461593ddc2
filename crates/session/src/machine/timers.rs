//! Time: what is due, and what is due next.
//!
//! There is no periodic tick. With nothing sent or received, the last timer of a session is
//! the end of its keys; after that it has none.

use super::Session;
use super::outbound::CHALLENGE_LEN;
use super::output::{Closed, SessionOutput};
use crate::stream::ControlStream;
use crate::transport::Due;
use crate::trial::Trials;
use crate::{constants, piece};
use std::time::Duration;
use wire::ip::Ecn;
use wire::payload::CloseReason;

impl Session {
    /// Does what is due. Call it when [`Session::poll_timeout`] says so, and when a transport
    /// said `wake`.
    pub fn handle_timeout(&mut self, now: Duration) {
        self.attempt_timeout(now);
        if self.resume_at.is_some_and(|at| at <= now) {
            self.resume_at = None;
            if !self.can_send(now) {
                self.initiate(now);
            }
        }
        self.expire_keys(now);
        self.transport_timers(now);
        self.path_timeout(now);
        self.recent_timeout(now);
        // No timer of their own: the data that came has started that of the keepalive, and the
        // keys end in any case.
        self.pieces.expire(now);
        self.keys.iter().for_each(|keys| keys.forget_recent(now));
        if let Err(error) = self.stream_timeout(now) {
            self.stream_broke(now, error);
        }
        for id in self.echoes.expire(now) {
            self.output(SessionOutput::EchoLost { id });
        }
        if let Some(datagram_max) = self.path_mtu.handle_timeout(now) {
            self.output(SessionOutput::PathMtu { datagram_max });
        }
        self.flush(now);
    }

    /// When [`Session::handle_timeout`] is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        let attempt = self.attempt.as_ref();
        let traffic = self.keys.current().and_then(|t| t.deadline());
        let usable = self.keys.current().is_some();
        // While every path is lost nothing can be sent, and what would be has no time.
        let reaches = usable && self.roaming.current().is_some();
        [
            attempt.map(|a| a.next_at.min(a.gives_up_at)),
            self.resume_at,
            self.recent_again_at,
            self.keys.poll_timeout(),
            traffic.map(|(at, _)| at).filter(|_| reaches),
            self.stream.poll_timeout().filter(|_| usable),
            self.roaming.poll_timeout(CHALLENGE_LEN).filter(|_| usable),
            self.trials.poll_timeout().filter(|_| usable),
            self.path_deadline().filter(|_| usable),
            self.echoes.poll_timeout(),
            self.path_mtu.poll_timeout().filter(|_| reaches),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Ends the session: no thread uses its keys any more, nothing waits in it.
    pub(super) fn over(&mut self, why: Closed) {
        if !self.is_idle() {
            self.end(why);
        }
    }

    fn end(&mut self, why: Closed) {
        self.up = None;
        self.drop_attempt();
        let retired = self.keys.clear();
        self.retire_keys(retired);
        self.resume_at = None;
        self.owes_first = None;
        self.stream = ControlStream::new();
        self.pieces = piece::Reassembly::new();
        self.trials = Trials::default();
        self.suspicion = None;
        self.path_mtu.reset();
        self.parked_messages.take();
        let parked = self.parked.take().into_iter().collect();
        for id in self.echoes.clear() {
            self.output(SessionOutput::EchoLost { id });
        }
        self.output(SessionOutput::Closed { why, parked });
    }

    fn expire_keys(&mut self, now: Duration) {
        let dead = self.keys.current().filter(|t| t.is_dead());
        let died_of = dead.map(|transport| {
            if transport.is_forged_to_death() {
                Closed::TooManyForgeries
            } else {
                Closed::Local(CloseReason::NotAllowed)
            }
        });
        let retired = self.keys.expire(now);
        if retired.is_empty() {
            return;
        }
        self.retire_keys(retired);
        let keyless = self.keys.iter().next().is_none();
        if let Some(why) = died_of {
            self.over(why);
        } else if keyless && self.attempt.is_none() && self.resume_at.is_none() {
            // An offer that nobody confirmed was a handshake that came to nothing.
            let was_up = self.up.is_some();
            self.end(if was_up {
                Closed::Idle
            } else {
                Closed::NoAnswer
            });
        }
    }

    fn transport_timers(&mut self, now: Duration) {
        // At most a keepalive, a silent path and a dead peer.
        for _ in 0..3 {
            let reaches = self.roaming.current().is_some();
            let Some(transport) = self.current_transport(now).filter(|_| reaches) else {
                return;
            };
            match transport.deadline() {
                Some((at, Due::Keepalive)) if at <= now => {
                    if let Some(to) = self.roaming.current() {
                        self.seal_to(now, to, Ecn::NotEct, &[]);
                    }
                }
                Some((at, Due::SilentPath)) if at <= now => {
                    transport.silent_path_handled();
                    if self.suspicion.is_none() {
                        self.suspect(now);
                    }
                }
                Some((at, Due::DeadPeer)) if at <= now => {
                    transport.dead_peer_handled();
                    self.path_mtu.reset();
                    self.initiate(now);
                }
                _ => return,
            }
        }
    }

    fn stream_timeout(&mut self, now: Duration) -> Result<(), crate::stream::StreamError> {
        if self.keys.current().is_none() {
            return Ok(());
        }
        self.stream.handle_timeout(now)
    }
}

// The order of the timers of a key, which `expire_keys` and the transport rely on.
const _: () = assert!(
    constants::REKEY_AFTER.as_secs() < constants::REKEY_BY_EITHER_AFTER.as_secs()
        && constants::REKEY_BY_EITHER_AFTER.as_secs() < constants::REFUSE_AFTER.as_secs()
);
