//! What is computed while nothing else is to be done, so that a first packet need not wait for it.
//!
//! | what | for |
//! |---|---|
//! | one pair of keys | the next initiation; used once, and made anew afterwards |
//! | results of this node's static key with those of members that it met | every handshake with them |
//! | signatures of the memberships that they showed | the same |
//!
//! All of it is in memory only. Who was met is read from what is remembered, and verified.
//!
//! | limit | value |
//! |---|---|
//! | members looked at in one step | [`STEP`] |
//! | time between steps, and after an initiation | [`PAUSE`] |

use std::time::Duration;

use group::keyring::KeyringError;
use group::message::decode_shown;
use session::handshake::Ephemeral;
use wire::{NodeAddr, Now};

use crate::machine::Node;
use crate::stored::groups::GroupChange;

const STEP: usize = 4;
const PAUSE: Duration = Duration::from_millis(20);

impl Node {
    /// All members that are remembered, and keys: when the node starts, and when it has other keys.
    pub(crate) fn prepare_all(&mut self, now: Now) {
        let members = self.stored.grouping.shown.keys().map(|(f, _)| *f);
        self.prepared.members = members.collect();
        self.prepare_soon(now);
    }

    /// A member has shown itself.
    pub(crate) fn prepare_for(&mut self, now: Now, f: NodeAddr) {
        self.prepared.members.insert(f);
        self.prepare_soon(now);
    }

    /// Keys for one initiation, and soon others for the next.
    pub(crate) fn take_ready(&mut self, now: Now) -> Option<Ephemeral> {
        self.prepare_soon(now);
        self.prepared.keys.take()
    }

    fn prepare_soon(&mut self, now: Now) {
        self.prepared.due = Some(now.mono.saturating_add(PAUSE));
    }

    pub(crate) fn prepare_timeout(&self) -> Option<Duration> {
        self.prepared.due.filter(|_| !self.shutting_down)
    }

    /// One step.
    pub(crate) fn prepare_if_due(&mut self, now: Now) {
        if self.prepare_timeout().is_none_or(|at| at > now.mono) {
            return;
        }
        self.prepared.due = None;
        if self.prepared.keys.is_none() {
            self.prepared.keys = Some(Ephemeral::generate(&*self.crypto, &mut self.rng));
        }
        for _ in 0..STEP {
            let Some(f) = self.prepared.members.pop_first() else {
                return;
            };
            self.familiarise(now, f);
        }
        self.prepare_soon(now);
    }

    fn familiarise(&mut self, now: Now, f: NodeAddr) {
        if let Some(known) = self.known.get(&f) {
            self.me.hot.familiar().meet(&known.certificate.noise_key);
        }
        let all = (f, [0; 16])..=(f, [0xff; 16]);
        let shown = self.stored.grouping.shown.range(all);
        let shown: Vec<_> = shown
            .map(|((_, id), bytes)| (*id, decode_shown(bytes)))
            .collect();
        for (id, shown) in shown {
            let mut memberships = shown.unwrap_or_default().into_iter();
            let holds = memberships.next().is_some_and(|(admission, lease)| {
                let keyring = &mut self.groups.keyring;
                let seen = keyring.foresee(&*self.crypto, now.unix_s, &admission, &lease);
                // A lease that is over has a successor.
                matches!(seen, Ok(()) | Err(KeyringError::Lease))
            });
            if !holds {
                self.persist_group(GroupChange::ShownForgotten { f, id });
            }
        }
    }
}
