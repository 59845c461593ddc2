//! Paths that this node tries by itself: it was told of them, or the one in use has gone silent
//! (specification, section 4.1).
//!
//! A trial is a path challenge sent to a path without waiting for a packet from it. Its right
//! answer from there proves the path: datagrams pass both ways, and the peer is at its end.
//! Proven paths that are not in use stand by, so that the session can move at once.
//!
//! | limit | value |
//! |---|---|
//! | paths on trial | [`TRIALS_MAX`] |
//! | challenges to one of them | 3, after 0, 300 and 900 ms |
//! | paths that stand by | [`STANDBY_MAX`] |

use std::collections::BTreeMap;
use std::time::Duration;
use wire::Path;

/// Paths on trial at once; more are not tried.
pub const TRIALS_MAX: usize = 12;
/// Paths that stand by; the worst gives way.
pub const STANDBY_MAX: usize = 8;
/// Waits between the challenges of a trial; after the last it is over.
const WAITS: [Duration; 3] = [
    Duration::from_millis(300),
    Duration::from_millis(600),
    Duration::from_millis(1_500),
];

#[derive(Clone, Debug, PartialEq, Eq)]
struct Trial {
    token: [u8; 8],
    sent: usize,
    next_at: Duration,
    last_at: Duration,
}

/// A path that passed its trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proven {
    /// When it last did.
    pub at: Duration,
    /// From the last challenge to its answer.
    pub rtt: Duration,
}

/// The paths of one peer that are tried or stand by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trials {
    trials: BTreeMap<Path, Trial>,
    standby: BTreeMap<Path, Proven>,
}

impl Trials {
    /// Starts a trial, unless one of this path is still sending or too many run; whether it runs
    /// now.
    pub fn start(&mut self, now: Duration, path: Path, token: [u8; 8]) -> bool {
        let known = self.trials.get(&path);
        if known.is_some_and(|trial| trial.sent < WAITS.len()) {
            return true;
        }
        if known.is_none() && self.trials.len() >= TRIALS_MAX {
            return false;
        }
        let trial = Trial {
            token,
            sent: 0,
            next_at: now,
            last_at: now,
        };
        self.trials.insert(path, trial);
        true
    }

    /// The next challenge to send now: where to, and the token. Call until there is none.
    pub fn poll(&mut self, now: Duration) -> Option<(Path, [u8; 8])> {
        let over = |trial: &Trial| trial.sent >= WAITS.len() && trial.next_at <= now;
        self.trials.retain(|_, trial| !over(trial));
        let (path, trial) = self.trials.iter_mut().find(|(_, t)| t.next_at <= now)?;
        let wait = WAITS.get(trial.sent).copied().unwrap_or_default();
        trial.sent += 1;
        trial.last_at = now;
        trial.next_at = now.saturating_add(wait);
        Some((*path, trial.token))
    }

    /// Takes an answer; what it proves, if it does. The path stands by from now on.
    pub fn response(&mut self, now: Duration, from: Path, token: [u8; 8]) -> Option<Proven> {
        self.trials
            .get(&from)
            .filter(|t| t.token == token && t.sent > 0)?;
        let trial = self.trials.remove(&from)?;
        let rtt = now.saturating_sub(trial.last_at);
        let proven = Proven { at: now, rtt };
        self.stand_by(from, proven);
        Some(proven)
    }

    /// A path that works stands by.
    pub fn stand_by(&mut self, path: Path, proven: Proven) {
        self.standby.insert(path, proven);
        if self.standby.len() > STANDBY_MAX {
            let worst = self.standby.iter().max_by_key(|(path, p)| key(**path, p));
            if let Some(worst) = worst.map(|(path, _)| *path) {
                self.standby.remove(&worst);
            }
        }
    }

    /// Forgets a path.
    pub fn forget(&mut self, path: Path) {
        self.trials.remove(&path);
        self.standby.remove(&path);
    }

    /// What is known of a path that stands by.
    #[must_use]
    pub fn proven(&self, path: Path) -> Option<Proven> {
        self.standby.get(&path).copied()
    }

    /// The paths that stand by, the best first.
    #[must_use]
    pub fn ordered(&self) -> Vec<Path> {
        let mut all: Vec<_> = self.standby.iter().collect();
        all.sort_by_key(|(path, proven)| key(**path, proven));
        all.into_iter().map(|(path, _)| *path).collect()
    }

    /// When the next challenge is due or a trial is over.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.trials.values().map(|trial| trial.next_at).min()
    }
}

fn key(path: Path, proven: &Proven) -> (u8, Duration, Path) {
    (path.rank(), proven.rtt, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: [u8; 8] = *b"a token!";

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn udp(port: u16) -> Path {
        std::net::SocketAddr::from(([192, 0, 2, 1], port)).into()
    }

    #[test]
    fn a_trial_is_three_challenges_and_then_over() {
        let mut trials = Trials::default();
        assert!(trials.start(ms(0), udp(1), TOKEN));
        let mut sent = Vec::new();
        while let Some(at) = trials.poll_timeout() {
            sent.extend(trials.poll(at).map(|(path, _)| (at, path)));
            assert_eq!(trials.poll(at), None);
        }
        assert_eq!(
            sent,
            [(ms(0), udp(1)), (ms(300), udp(1)), (ms(900), udp(1))]
        );
        assert_eq!(trials.response(ms(3_000), udp(1), TOKEN), None, "too late");
        // Asked for again while the last answer is awaited, it begins anew.
        for at in [5_000, 5_300, 5_900] {
            trials.start(ms(at), udp(1), TOKEN);
            assert!(trials.poll(ms(at)).is_some());
        }
        trials.start(ms(5_950), udp(1), TOKEN);
        assert!(trials.poll(ms(5_950)).is_some());
    }

    #[test]
    fn only_the_right_answer_from_the_path_itself_proves_it() {
        let mut trials = Trials::default();
        trials.start(ms(0), udp(1), TOKEN);
        assert_eq!(trials.response(ms(1), udp(1), TOKEN), None, "never sent");
        trials.poll(ms(0));
        assert_eq!(trials.response(ms(9), udp(2), TOKEN), None);
        assert_eq!(trials.response(ms(9), udp(1), [0; 8]), None);
        let proven = trials.response(ms(9), udp(1), TOKEN).unwrap();
        assert_eq!((proven.rtt, trials.ordered()), (ms(9), vec![udp(1)]));
        assert_eq!(trials.response(ms(10), udp(1), TOKEN), None, "once");
        trials.forget(udp(1));
        assert_eq!(trials.proven(udp(1)), None);
    }

    #[test]
    fn the_best_stand_by_first_and_both_tables_are_bounded() {
        let mut trials = Trials::default();
        for n in 0..40 {
            trials.start(ms(0), Path::Channel(n), TOKEN);
            let proven = Proven {
                at: ms(0),
                rtt: ms(u64::from(n)),
            };
            trials.stand_by(Path::Channel(n), proven);
        }
        let sent = std::iter::from_fn(|| trials.poll(ms(0))).count();
        assert_eq!(sent, TRIALS_MAX);
        assert!(!trials.start(ms(0), udp(1), TOKEN));
        let proven = Proven {
            at: ms(0),
            rtt: ms(500),
        };
        trials.stand_by(udp(1), proven);
        let ordered = trials.ordered();
        assert_eq!(ordered.len(), STANDBY_MAX);
        assert_eq!(ordered[..2], [udp(1), Path::Channel(0)]);
    }
}
