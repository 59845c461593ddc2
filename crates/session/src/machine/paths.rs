//! Which path the session uses: trying others, moving to a better one, and away from one that
//! has gone silent (specification, section 4.1).
//!
//! | what happens | what the session does |
//! |---|---|
//! | told of a path | puts it on trial; it stands by if it passes |
//! | a path of a lower rank passes | moves to it; the one before stands by |
//! | another stream or channel passes a quarter quicker (and 5 ms) | moves to it: of several Bridges the nearest is used |
//! | the newest packet comes on another path | a candidate, proven by a challenge; one that is proven, or a channel, needs none. One of a higher rank, or another stream or channel, counts only when the path in use has been silent for [`PATH_SILENT`]; so does a UDP path that the end with the smaller F left less than [`FOLLOW_BACK`] ago |
//! | data unanswered for [`PATH_SILENT`] | [`SessionOutput::Doubt`]; challenges on this path, all that stand by and those that the caller tries then; the first that answers is used if this one still does not [`PATH_GRACE`] later |
//! | nothing answers anywhere | [`SessionOutput::Silent`], once each silence |
//! | the caller says that the path is gone | moves to one that stands by, or parks |
//! | it has moved away from a silent path or one that is gone | what was sent there lately goes out once more |
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
use wire::ip::Ecn;
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
/// After this long the end with the smaller F follows its peer back to a path that it left.
const FOLLOW_BACK: Duration = Duration::from_secs(2);
/// Data threads know of a move by then.
const RECENT_AGAIN: Duration = Duration::from_millis(50);
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
            Some(next) => {
                let next = *next;
                self.leave_for(now, next);
            }
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
                self.stand_by_if_worse(now, Some(current), from);
                return self.move_to(now, from);
            }
            let rng = &mut self.rng;
            return self.roaming.received(now, from, len, true, || random(rng));
        }
        let rng = &mut self.rng;
        self.roaming.received(now, from, len, false, || random(rng));
    }

    /// The peer has left the path `before` for a better one: it still works, so it stands by.
    fn stand_by_if_worse(&mut self, now: Duration, before: Option<Path>, to: Path) {
        if let Some(before) = before.filter(|path| path.rank() > to.rank())
            && !self.is_silent(now)
        {
            let rtt = self.path_rtt.unwrap_or_default();
            self.trials.stand_by(before, Proven { at: now, rtt });
        }
    }

    /// Whether the peer's newest packet on `from` may move the session away from `current`.
    fn follows(&self, now: Duration, current: Path, from: Path) -> bool {
        let both_udp = from.udp().is_some() && current.udp().is_some();
        let may = from.rank() < current.rank() || both_udp && !self.just_left(now, from);
        may || self.is_silent(now)
    }

    /// Whether this node left the path a moment ago and its peer did the opposite: of two ends that
    /// follow each other the one with the smaller F stays, or they would change places for ever.
    fn just_left(&self, now: Duration, path: Path) -> bool {
        let left = self.left.filter(|(left, _)| *left == path);
        self.own < self.peer && left.is_some_and(|(_, at)| now.saturating_sub(at) < FOLLOW_BACK)
    }

    /// Takes the answer to a challenge of this node.
    pub(super) fn take_response(&mut self, now: Duration, from: Path, token: [u8; 8]) {
        let before = self.roaming.current();
        if let Some(to) = self.roaming.response(now, from, token) {
            self.stand_by_if_worse(now, before, to);
            return self.moved(now, before, to);
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
        self.output(SessionOutput::Doubt);
    }

    /// Judges a path under suspicion.
    pub(super) fn path_timeout(&mut self, now: Duration) {
        let Some(suspicion) = self.suspicion.filter(|s| s.judge_at <= now) else {
            return;
        };
        if let Some(instead) = suspicion.instead {
            let silent = self.roaming.current();
            self.suspicion = None;
            self.leave_for(now, instead);
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

    /// Leaves a path that carries nothing any more.
    fn leave_for(&mut self, now: Duration, to: Path) {
        self.move_to(now, to);
        self.send_recent(now, to);
    }

    /// Uses a path from now on.
    pub(super) fn move_to(&mut self, now: Duration, to: Path) {
        let before = self.roaming.current();
        if before == Some(to) {
            return;
        }
        self.roaming.set_current(to);
        self.moved(now, before, to);
    }

    /// The path in use has become `to`.
    fn moved(&mut self, now: Duration, before: Option<Path>, to: Path) {
        self.left = before.map(|path| (path, now));
        let rtt = self.trials.proven(to).map(|proven| proven.rtt);
        self.path_rtt = rtt;
        self.trials.forget(to);
        self.suspicion = None;
        self.path_mtu.moved(now, to.overhead());
        let silent = self.is_silent(now);
        self.note_on_path(now);
        self.watch_path();
        self.output(SessionOutput::Moved { to });
        if silent {
            self.send_recent(now, to);
        }
    }

    /// Whether the path in use, or the one just left, has been silent long enough to be left.
    fn is_silent(&self, now: Duration) -> bool {
        let heard = self.keys.current().and_then(|t| t.heard_on_path());
        heard.is_none_or(|at| now.saturating_sub(at) >= PATH_SILENT)
    }

    /// Sends what a path that was left may have lost once more, as it is; and a moment later what
    /// data threads sealed for it meanwhile, as they did not know yet.
    fn send_recent(&mut self, now: Duration, to: Path) {
        self.recent_again_at = Some(now.saturating_add(RECENT_AGAIN));
        self.repeat_recent(now, to);
    }

    /// The moment has come.
    pub(super) fn recent_timeout(&mut self, now: Duration) {
        if self.recent_again_at.take_if(|at| *at <= now).is_some()
            && let Some(to) = self.roaming.current()
        {
            self.repeat_recent(now, to);
        }
    }

    fn repeat_recent(&mut self, now: Duration, to: Path) {
        let transports: Vec<_> = self.keys.iter().cloned().collect();
        // The older keys first: that is the order in which it was sent.
        for bytes in transports.iter().rev().flat_map(|t| t.take_recent(now)) {
            let (ecn, bytes) = (Ecn::NotEct, bytes.into_vec());
            self.output(SessionOutput::Transmit { to, ecn, bytes });
        }
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
