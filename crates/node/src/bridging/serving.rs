//! What a Bridge keeps while it runs. What is done with it: `bridge::serve`, `bridge::admission`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use identity::{Pin, PublicIdentity};
use mesh::channels::Channels;
use session::limiter::Source;
use wire::NodeAddr;

use crate::fast::Owner;
use crate::stored::Number;

/// Most passwords tried in a minute, by everybody together.
pub const PASSWORD_TRIES_MAX: u32 = 60;
/// The same by one source.
pub(crate) const TRIES_OF_SOURCE_MAX: u32 = 6;
/// Sources that are remembered; more share what is left.
const TRIES_SOURCES_MAX: usize = 256;
/// Passwords that are checked at once, one after another: each takes up to 2 s.
pub(crate) const PASSWORD_CHECKS_MAX: usize = 4;
const MINUTE: Duration = Duration::from_secs(60);

/// What a Bridge keeps while it runs.
#[derive(Default)]
pub(crate) struct Serving {
    pub(crate) channels: Channels,
    pub(crate) owners: BTreeMap<NodeAddr, Arc<Owner>>,
    pub(crate) applicants: BTreeMap<NodeAddr, Applicant>,
    /// Nodes that asked to be clients while their session had no path (its stream had ended, the
    /// next path was not proven yet), with the password that they said. Taken once it has one.
    pub(crate) unplaced: BTreeMap<NodeAddr, Option<String>>,
    pub(crate) tries: PasswordTries,
    /// Passwords that are being checked.
    pub(crate) checks: usize,
}

/// Somebody who may say a password.
pub(crate) struct Applicant {
    pub(crate) until: Duration,
    pub(crate) number: Number,
    pub(crate) identity: PublicIdentity,
    pub(crate) pin: Pin,
    /// A password of its is being checked.
    pub(crate) checking: bool,
}

/// Passwords tried in this minute.
#[derive(Debug, Default)]
pub(crate) struct PasswordTries {
    since: Duration,
    all: u32,
    of_source: BTreeMap<Source, u32>,
}

impl PasswordTries {
    /// Whether one more may be tried now; it counts.
    pub(crate) fn admit(&mut self, now: Duration, source: Source) -> bool {
        if now.saturating_sub(self.since) >= MINUTE {
            *self = Self {
                since: now,
                ..Self::default()
            };
        }
        let known = self.of_source.contains_key(&source);
        let room = known || self.of_source.len() < TRIES_SOURCES_MAX;
        let own = self.of_source.get(&source).copied().unwrap_or_default();
        if self.all >= PASSWORD_TRIES_MAX || own >= TRIES_OF_SOURCE_MAX || !room {
            return false;
        }
        self.all += 1;
        self.of_source.insert(source, own + 1);
        true
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    #[test]
    fn passwords_are_tried_six_times_a_minute_by_one_and_sixty_times_by_all() {
        let source = |n: u8| Source::from(SocketAddr::from(([192, 0, 2, n], 1)));
        let mut tries = PasswordTries::default();
        let now = Duration::from_secs(100);
        let admitted = (0..20).filter(|_| tries.admit(now, source(1))).count();
        assert_eq!(admitted, 6);
        let others = (2..100).filter(|n| tries.admit(now, source(*n))).count();
        assert_eq!(others, 54);
        assert!(tries.admit(now + MINUTE, source(1)));
    }
}
