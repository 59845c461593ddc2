//! Where the peer is: the address in use, and the candidate it may have moved to
//! (specification, section 4.1).
//!
//! An authenticated packet with the highest counter from a new address makes that address
//! the candidate. It gets challenges and nothing else, and no more bytes than came from it,
//! until the right answer comes from it. Then the session moves. Until then the address in
//! use stays, so an attacker who repeats a packet from elsewhere neither moves the session
//! nor makes this node send more than it received.
//!
//! Limits: one candidate, which gives way to a newer one and is forgotten after 10 s; a
//! challenge at most every 250 ms.

use crate::constants::{CANDIDATE_LIFE, CHALLENGE_INTERVAL};
use std::time::Duration;
use wire::Path;

/// The addresses of one peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roaming {
    current: Option<Path>,
    candidate: Option<Candidate>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Candidate {
    at: Path,
    token: [u8; 8],
    expires: Duration,
    next_challenge: Duration,
    received_bytes: u64,
    sent_bytes: u64,
}

impl Roaming {
    /// No address known yet, or the one to start with.
    #[must_use]
    pub fn new(current: Option<Path>) -> Self {
        Self {
            current,
            candidate: None,
        }
    }

    /// The address in use.
    #[must_use]
    pub fn current(&self) -> Option<Path> {
        self.current
    }

    /// The address under test.
    #[must_use]
    pub fn candidate(&self) -> Option<Path> {
        self.candidate.as_ref().map(|c| c.at)
    }

    /// The address in use is gone; there is none now.
    pub fn lose_current(&mut self) {
        self.current = None;
    }

    /// Forgets an address under test.
    pub fn forget_candidate(&mut self, at: Path) {
        self.candidate.take_if(|candidate| candidate.at == at);
    }

    /// Takes an address that a handshake has proven.
    pub fn set_current(&mut self, at: Path) {
        self.current = Some(at);
        self.candidate = None;
    }

    /// Notes an authenticated datagram of `len` bytes. `fresh_token` becomes the token of a
    /// candidate that this makes.
    pub fn received(
        &mut self,
        now: Duration,
        from: Path,
        len: usize,
        highest: bool,
        fresh_token: impl FnOnce() -> [u8; 8],
    ) {
        self.forget_expired(now);
        let len = u64::try_from(len).unwrap_or(u64::MAX);
        if let Some(candidate) = self.candidate.as_mut().filter(|c| c.at == from) {
            candidate.received_bytes = candidate.received_bytes.saturating_add(len);
            return;
        }
        if !highest || self.current == Some(from) {
            return;
        }
        #[cfg(feature = "sabotage")]
        if crate::sabotage::is(crate::sabotage::Sabotage::MoveUnproven) {
            return self.set_current(from);
        }
        self.candidate = Some(Candidate {
            at: from,
            token: fresh_token(),
            expires: now.saturating_add(CANDIDATE_LIFE),
            next_challenge: now,
            received_bytes: len,
            sent_bytes: 0,
        });
    }

    /// Notes that `len` bytes went to `to` in answer to a challenge from there: what a candidate
    /// gets, of whatever kind, never exceeds what came from it.
    pub fn answered(&mut self, to: Path, len: usize) {
        let len = u64::try_from(len).unwrap_or(u64::MAX);
        if let Some(candidate) = self.candidate.as_mut().filter(|c| c.at == to) {
            candidate.sent_bytes = candidate.sent_bytes.saturating_add(len);
        }
    }

    /// The challenge that is due, if a datagram of `datagram_len` bytes is within the budget
    /// of the candidate: its address and the token. It counts as sent.
    pub fn poll_challenge(
        &mut self,
        now: Duration,
        datagram_len: usize,
    ) -> Option<(Path, [u8; 8])> {
        self.forget_expired(now);
        let len = u64::try_from(datagram_len).ok()?;
        let candidate = self.candidate.as_mut()?;
        let sent = candidate.sent_bytes.saturating_add(len);
        if now < candidate.next_challenge || sent > candidate.received_bytes {
            return None;
        }
        candidate.sent_bytes = sent;
        candidate.next_challenge = now.saturating_add(CHALLENGE_INTERVAL);
        Some((candidate.at, candidate.token))
    }

    /// Takes an answer to a challenge; the new address, if the session moves.
    pub fn response(&mut self, now: Duration, from: Path, token: [u8; 8]) -> Option<Path> {
        self.forget_expired(now);
        let right = self
            .candidate
            .as_ref()
            .is_some_and(|c| c.at == from && c.token == token);
        if !right {
            return None;
        }
        self.set_current(from);
        Some(from)
    }

    /// When the next challenge may be due, or the candidate is forgotten.
    #[must_use]
    pub fn poll_timeout(&self, datagram_len: usize) -> Option<Duration> {
        let candidate = self.candidate.as_ref()?;
        let len = u64::try_from(datagram_len).ok()?;
        if candidate.sent_bytes.saturating_add(len) <= candidate.received_bytes {
            Some(candidate.next_challenge.min(candidate.expires))
        } else {
            Some(candidate.expires)
        }
    }

    fn forget_expired(&mut self, now: Duration) {
        if self.candidate.as_ref().is_some_and(|c| c.expires <= now) {
            self.candidate = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LEN: usize = 42;
    const TOKEN: [u8; 8] = *b"a token!";

    fn home() -> Path {
        std::net::SocketAddr::from(([192, 0, 2, 1], 1)).into()
    }

    fn away(n: u8) -> Path {
        std::net::SocketAddr::from(([198, 51, 100, n], 2)).into()
    }

    fn at(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn an_answer_to_a_challenge_counts_against_the_budget() {
        let mut roaming = Roaming::new(Some(home()));
        roaming.received(at(0), away(1), LEN, true, || TOKEN);
        roaming.answered(away(1), LEN);
        assert_eq!(roaming.poll_challenge(at(0), LEN), None);
        roaming.received(at(1), away(1), LEN, true, || TOKEN);
        assert_eq!(roaming.poll_challenge(at(1), LEN), Some((away(1), TOKEN)));
    }

    fn receive(roaming: &mut Roaming, ms: u64, from: Path, len: usize, highest: bool) {
        roaming.received(at(ms), from, len, highest, || TOKEN);
    }

    #[test]
    fn moves_after_the_right_answer_from_the_right_address() {
        let mut roaming = Roaming::new(Some(home()));
        receive(&mut roaming, 0, away(1), 100, true);
        assert_eq!(roaming.poll_challenge(at(0), LEN), Some((away(1), TOKEN)));
        assert_eq!(roaming.current(), Some(home()));
        assert_eq!(roaming.response(at(1), away(2), TOKEN), None);
        assert_eq!(roaming.response(at(1), away(1), [0; 8]), None);
        assert_eq!(roaming.response(at(1), away(1), TOKEN), Some(away(1)));
        assert_eq!(roaming.current(), Some(away(1)));
        assert_eq!(roaming.response(at(1), away(1), TOKEN), None);
    }

    #[test]
    fn an_older_packet_or_the_address_in_use_makes_no_candidate() {
        let mut roaming = Roaming::new(Some(home()));
        receive(&mut roaming, 0, away(1), 100, false);
        receive(&mut roaming, 0, home(), 100, true);
        assert_eq!(roaming.candidate(), None);
    }

    #[test]
    fn a_small_packet_buys_no_challenge_until_more_comes() {
        let mut roaming = Roaming::new(Some(home()));
        receive(&mut roaming, 0, away(1), 32, true);
        assert_eq!(roaming.poll_challenge(at(0), LEN), None);
        receive(&mut roaming, 1, away(1), 32, false);
        assert!(roaming.poll_challenge(at(1), LEN).is_some());
        assert_eq!(roaming.poll_challenge(at(5000), LEN), None);
    }

    #[test]
    fn a_candidate_is_forgotten() {
        let mut roaming = Roaming::new(Some(home()));
        receive(&mut roaming, 0, away(1), 1000, true);
        assert_eq!(roaming.response(CANDIDATE_LIFE, away(1), TOKEN), None);
        assert_eq!(roaming.candidate(), None);
    }

    proptest! {
        #[test]
        fn a_candidate_never_gets_more_than_it_sent(
            steps in prop::collection::vec((0_u64..400, 0_u8..3, 0_usize..200, any::<bool>()), 0..300)
        ) {
            let mut roaming = Roaming::new(Some(home()));
            let (mut received, mut sent) = ([0_usize; 3], [0_usize; 3]);
            let mut ms = 0;
            for (wait, who, len, highest) in steps {
                ms += wait;
                receive(&mut roaming, ms, away(who), len, highest);
                received[usize::from(who)] += len;
                while let Some((to, _)) = roaming.poll_challenge(at(ms), LEN) {
                    let who = (0..3).find(|n| away(*n) == to).unwrap();
                    sent[usize::from(who)] += LEN;
                    prop_assert!(sent[usize::from(who)] <= received[usize::from(who)]);
                }
                prop_assert_eq!(roaming.current(), Some(home()));
            }
        }
    }
}
