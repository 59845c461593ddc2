//! Answering the peer's initiations, and what happens when two initiations cross.

use super::Session;
use super::keys::Offered;
use super::output::SessionOutput;
use crate::constants::{SIMULTANEOUS_OPEN, SIMULTANEOUS_TRY};
use crate::fragment;
use crate::handshake::{Accept, HandshakeError, Instance, NO_STREAM, StreamId, Verified};
use std::sync::Arc;
use std::time::Duration;
use wire::datagram::Message;
use wire::ip::Ecn;
use wire::{Now, Path};

/// What an answer needs from the caller.
pub struct Answer {
    /// Where message 1 came from.
    pub from: Path,
    /// The sender index of its fragments.
    pub remote_index: u32,
    /// Random, not zero, not in use; it comes back with [`SessionOutput::RetireIndex`].
    pub local_index: u32,
    /// What this node shows of its groups, at most [`wire::handshake::SHOWN_LEN_MAX`] bytes.
    pub shown: Vec<u8>,
}

/// Why an initiation was not answered. The local index is free.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// This node's own initiation wins.
    #[error("two initiations cross and this node's own wins")]
    Crossing,
    /// The claim is not of this session's peer.
    #[error("the initiation is of another peer")]
    OtherPeer,
    /// Message 2 could not be made.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
}

impl Session {
    /// Whether an initiation of the peer would be answered at `now`. Ask before storing its
    /// number: one that is dropped because initiations cross was not used.
    #[must_use]
    pub fn may_answer(&self, now: Duration) -> bool {
        let own_is_fresh = self.attempt.as_ref().is_some_and(|attempt| {
            let is_within = |since: Duration, life| now.saturating_sub(since) < life;
            let is_fresh = is_within(attempt.since, SIMULTANEOUS_OPEN)
                || attempt
                    .path_opened_at
                    .is_some_and(|at| is_within(at, SIMULTANEOUS_TRY));
            attempt.local_index().is_some() && is_fresh
        });
        !(own_is_fresh && self.own < self.peer)
    }

    /// Answers an initiation of the peer: allowed, above the last number, and that number
    /// stored. The keys come into use when the peer confirms them.
    ///
    /// # Errors
    /// See [`AnswerError`]; then nothing changed.
    pub fn answer(
        &mut self,
        now: Now,
        verified: Verified,
        answer: &Answer,
    ) -> Result<(), AnswerError> {
        let crypto = Arc::clone(&self.crypto);
        if verified.claim().address() != self.peer {
            return Err(AnswerError::OtherPeer);
        }
        if !self.may_answer(now.mono) {
            return Err(AnswerError::Crossing);
        }
        let claim = verified.claim();
        let stream = self.continued_stream(now.mono, claim.stream(), claim.instance());
        let accept = Accept {
            local: &self.local,
            terms: self.terms,
            stream,
            shown: &answer.shown,
            local_index: answer.local_index,
            remote_index: answer.remote_index,
        };
        let (message, established) = verified.accept(&*crypto, &mut self.rng, now, &accept)?;
        let datagrams = fragment::cut(
            &*crypto,
            &self.mac1,
            None,
            Message::Two,
            answer.local_index,
            answer.remote_index,
            &message,
        )
        .map_err(HandshakeError::from)?;
        if self.drop_attempt() {
            // If the peer stays silent now, what made us initiate still stands.
            self.resume_at = Some(now.mono.saturating_add(SIMULTANEOUS_OPEN));
        }
        self.output(SessionOutput::InstallTransport(Arc::clone(
            &established.transport,
        )));
        let retired = self.keys.offer(Offered {
            established,
            told: Arc::clone(&self.local),
            continues: stream != NO_STREAM,
            from: answer.from,
        });
        self.retire_keys(retired);
        for bytes in datagrams {
            self.output(SessionOutput::Transmit {
                to: answer.from,
                ecn: Ecn::NotEct,
                bytes,
            });
        }
        Ok(())
    }

    /// The stream that goes on with an initiation of the peer, or [`NO_STREAM`]. A peer that
    /// does not say which stream it holds is taken to hold this node's while it is the same run.
    fn continued_stream(
        &self,
        now: Duration,
        held_by_peer: Option<StreamId>,
        instance: Instance,
    ) -> StreamId {
        let same_run = self.up.is_some_and(|up| up.instance == instance);
        let held = self.held_stream(now);
        if same_run && held_by_peer.is_none_or(|id| id == held) {
            held
        } else {
            NO_STREAM
        }
    }

    /// The control stream that this node would continue: there is one, and its keys have not
    /// expired.
    pub(super) fn held_stream(&self, now: Duration) -> StreamId {
        let live = self.keys.current().is_some_and(|t| t.expires() > now);
        self.up.filter(|_| live).map_or(NO_STREAM, |up| up.stream)
    }
}
