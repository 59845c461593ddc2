//! Which path the session uses: trying others, moving to a better one, and away from one that
//! has gone silent (specification, section 4.1).
//!
//! | what happens | what the session does |
//! |---|---|
//! | told of a path | puts it on trial; it stands by if it passes |
//! | a path of a lower rank passes | moves to it |
//! | another stream or channel passes a quarter quicker (and 5 ms) | moves to it: of several Bridges the nearest is used |
//! | the newest packet comes on another path | a candidate, proven by a challenge; one that is proven, or a channel, needs none. One of a higher rank, or another stream or channel, counts only when the path in use has been silent for [`PATH_SILENT`] |
//! | data unanswered for [`PATH_SILENT`] | challenges on this path and all that stand by; the first that answers is used if this one still does not [`PATH_GRACE`] later |
//! | nothing answers anywhere | [`SessionOutput::Silent`], once each silence |
//! | the caller says that the path is gone | moves to one that stands by, or parks |
//!
//! Only sessions with another path to go to, or on a stream or channel, watch that closely. So
//! two nodes on one cable have no timers but those of WireGuard.

use super::Session;
use super::outbound::CHALLENGE_LEN;
use super::output::SessionOutput;
use crate::constants::{PATH_GRACE, PATH_SILENT};
use crate::trial::Proven;
use identity::crypto::random;
use std::time::Duration;
use wire::Path;
use wire::payload::Control;

/// The path in use has gone silent, and what is done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Suspicion {
    /// What answered instead.
    instead: Option<Path>,
    /// When to judge.
    judge_at: Duration,
    /// Rounds of challenges so far.
    rounds: u32,
}

/// A path that is quicker by less than this is not worth moving to.
const NEARER_BY: Duration = Duration::from_millis(5);
/// Rounds of challenges before the caller is told.
const ROUNDS: u32 = 2;

impl Session {
    /// Tries a path that the caller was told of. If it works it is used when it is better than
    /// the one in use, and stands by otherwise. Without a session this does nothing.
    pub fn try_path(&mut self, now: Duration, path: Path) {
        if self.up.is_none() || self.roaming.current() == Some(path) {
            return;
        }
        let token = random(&mut self.rng);
        self.trials.start(now, path, token);
        // To compare with.
        let current = self.roaming.current();
        if let Some(current) = current.filter(|c| c.rank() == path.rank() && c.udp().is_none()) {
            let token = random(&mut self.rng);
            self.trials.start(now, current, token);
        }
        self.flush(now);
    }

    /// A path is gone for certain: its stream or channel was closed, or its Bridge is dead.
    /// Packets go by another one at once, or wait for one. Whether it was the path in use.
    pub fn path_lost(&mut self, now: Duration, path: Path) -> bool {
        self.trials.forget(path);
        self.roaming.forget_candidate(path);
        if self.roaming.current() != Some(path) {
            return false;
        }
        match self.trials.ordered().first() {
            Some(next) => self.move_to(now, *next),
            None => self.roaming.lose_current(),
        }
        self.suspicion = None;
        self.watch_path();
        self.flush(now);
        true
    }

    /// Asks the peer to show on this path and all that stand by that it is there, now.
    pub fn check_path(&mut self, now: Duration) {
        if self.up.is_some() && self.suspicion.is_none() {
            self.suspect(now);
        }
    }

    /// The paths that stand by, the best first.
    #[must_use]
    pub fn standby(&self) -> Vec<Path> {
        self.trials.ordered()
    }

    /// An authentic packet came on `from`; moves there if that is what the peer did.
    pub(super) fn note_path(&mut self, now: Duration, from: Path, len: usize, highest: bool) {
        let Some(current) = self.roaming.current() else {
            // Every path was lost; whatever the peer uses is better than none.
            let proven = matches!(from, Path::Channel(_)) || self.trials.proven(from).is_some();
            if highest && proven {
                return self.move_to(now, from);
            }
            let rng = &mut self.rng;
            return self
                .roaming
                .received(now, from, len, highest, || random(rng));
        };
        if from == current {
            self.suspicion = None;
            return;
        }
        if highest && self.follows(now, current, from) {
            if matches!(from, Path::Channel(_)) || self.trials.proven(from).is_some() {
                return self.move_to(now, from);
            }
            let rng = &mut self.rng;
            return self.roaming.received(now, from, len, true, || random(rng));
        }
        let rng = &mut self.rng;
        self.roaming.received(now, from, len, false, || random(rng));
    }

    /// Whether the peer's newest packet on `from` may move the session away from `current`.
    fn follows(&self, now: Duration, current: Path, from: Path) -> bool {
        let same_kind = from.rank() == current.rank();
        if from.rank() < current.rank() || (same_kind && current.udp().is_some()) {
            return true;
        }
        let heard = self.keys.current().and_then(|t| t.heard_on_path());
        heard.is_none_or(|at| now.saturating_sub(at) >= PATH_SILENT)
    }

    /// Takes the answer to a challenge of this node.
    pub(super) fn take_response(&mut self, now: Duration, from: Path, token: [u8; 8]) {
        if let Some(to) = self.roaming.response(now, from, token) {
            return self.moved(now, to);
        }
        let Some(proven) = self.trials.response(now, from, token) else {
            return;
        };
        let Some(current) = self.roaming.current() else {
            return self.move_to(now, from);
        };
        if from == current {
            self.trials.forget(from);
            self.suspicion = None;
            self.path_rtt = Some(proven.rtt);
            self.take_nearer(now, current);
        } else if from.rank() < current.rank() {
            self.trials.stand_by(current, Proven { at: now, ..proven });
            self.move_to(now, from);
        } else if let Some(suspicion) = &mut self.suspicion
            && suspicion.instead.is_none()
        {
            suspicion.instead = Some(from);
            suspicion.judge_at = now.saturating_add(PATH_GRACE);
        } else {
            self.take_nearer(now, current);
        }
        self.watch_path();
    }

    /// Moves to a path of the same kind that is clearly quicker than the one in use.
    fn take_nearer(&mut self, now: Duration, current: Path) {
        let Some(own) = self.path_rtt.filter(|_| current.udp().is_none()) else {
            return;
        };
        let gain = (own / 4).max(NEARER_BY);
        let nearer = self.trials.ordered().into_iter().find(|path| {
            let proven = self.trials.proven(*path);
            path.rank() == current.rank() && proven.is_some_and(|p| p.rtt + gain < own)
        });
        if let Some(nearer) = nearer {
            let at = now;
            self.trials.stand_by(current, Proven { at, rtt: own });
            self.move_to(now, nearer);
        }
    }

    /// The data sent last has been unanswered for [`PATH_SILENT`].
    pub(super) fn suspect(&mut self, now: Duration) {
        let mut paths = self.trials.ordered();
        paths.extend(self.roaming.current());
        for path in paths {
            let token = random(&mut self.rng);
            self.trials.start(now, path, token);
        }
        self.suspicion = Some(Suspicion {
            instead: None,
            judge_at: now.saturating_add(PATH_SILENT),
            rounds: 1,
        });
    }

    /// Judges a path under suspicion.
    pub(super) fn path_timeout(&mut self, now: Duration) {
        let Some(suspicion) = self.suspicion.filter(|s| s.judge_at <= now) else {
            return;
        };
        if let Some(instead) = suspicion.instead {
            let silent = self.roaming.current();
            self.suspicion = None;
            self.move_to(now, instead);
            if let Some(silent) = silent {
                self.trials.forget(silent);
            }
        } else if suspicion.rounds < ROUNDS {
            self.suspicion = Some(Suspicion {
                judge_at: now.saturating_add(PATH_SILENT),
                rounds: suspicion.rounds + 1,
                ..suspicion
            });
        } else {
            self.suspicion = None;
            if let Some(path) = self.roaming.current() {
                self.output(SessionOutput::Silent { path });
            }
        }
    }

    /// When [`Session::path_timeout`] is due.
    pub(super) fn path_deadline(&self) -> Option<Duration> {
        self.suspicion.map(|suspicion| suspicion.judge_at)
    }

    /// The challenges of trials that are due.
    pub(super) fn flush_trials(&mut self, now: Duration) {
        if self.keys.sendable(now).is_none() {
            return;
        }
        while let Some((path, token)) = self.trials.poll(now) {
            self.control_to(now, path, &Control::PathChallenge(token));
        }
        if let Some((to, token)) = self.roaming.poll_challenge(now, CHALLENGE_LEN) {
            self.control_to(now, to, &Control::PathChallenge(token));
        }
    }

    /// Uses a path from now on.
    pub(super) fn move_to(&mut self, now: Duration, to: Path) {
        if self.roaming.current() == Some(to) {
            return;
        }
        self.roaming.set_current(to);
        self.moved(now, to);
    }

    /// The path in use has become `to`.
    pub(super) fn moved(&mut self, now: Duration, to: Path) {
        let rtt = self.trials.proven(to).map(|proven| proven.rtt);
        self.path_rtt = rtt;
        self.trials.forget(to);
        self.suspicion = None;
        self.path_mtu.moved(now, to.overhead());
        self.note_on_path(now);
        self.watch_path();
        self.output(SessionOutput::Moved { to });
    }

    /// The path in use counts as heard now: it has just proven itself.
    pub(super) fn note_on_path(&self, now: Duration) {
        if let Some(transport) = self.keys.current() {
            transport.note_on_path(now);
        }
    }

    /// Lets the keys watch the path in use as closely as it needs.
    pub(super) fn watch_path(&self) {
        let closely = self
            .roaming
            .current()
            .is_some_and(|path| path.udp().is_none())
            || !self.trials.ordered().is_empty();
        for transport in self.keys.iter() {
            transport.watch_closely(closely);
        }
    }
}
