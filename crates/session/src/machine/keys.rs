//! The up to three key pairs of one session: the one in use, the one before it (for packets
//! still on the way), and one that this node made as responder and the peer has not
//! confirmed yet.
//!
//! ```text
//!   as initiator: install ─▶ current;  as responder: offer ─▶ next ─ first packet ─▶ current
//!                  current ─▶ previous ─▶ retired
//! ```
//!
//! Retired keys are killed at once, for every thread that still holds them.

use crate::constants::{OFFER_LIFE, SIMULTANEOUS_OPEN};
use crate::handshake::Established;
use crate::transport::Transport;
use identity::LocalIdentity;
use std::sync::Arc;
use std::time::Duration;
use wire::Path;

/// What the peer has not confirmed yet.
#[derive(Debug)]
pub(super) struct Offered {
    pub(super) established: Established,
    /// What message 2 says of this node.
    pub(super) told: Arc<LocalIdentity>,
    /// Message 2 said that the control stream goes on.
    pub(super) continues: bool,
    /// Where message 1 came from.
    pub(super) from: Path,
}

#[derive(Debug, Default)]
pub(super) struct Keys {
    current: Option<Arc<Transport>>,
    previous: Option<Arc<Transport>>,
    next: Option<Offered>,
}

impl Keys {
    pub(super) fn current(&self) -> Option<&Arc<Transport>> {
        self.current.as_ref()
    }

    pub(super) fn next(&self) -> Option<&Offered> {
        self.next.as_ref()
    }

    /// The transport that seals at `now`.
    pub(super) fn sendable(&self, now: Duration) -> Option<&Arc<Transport>> {
        self.current.as_ref().filter(|t| t.is_sendable(now))
    }

    pub(super) fn is_current(&self, local_index: u32) -> bool {
        self.current
            .as_ref()
            .is_some_and(|t| t.local_index() == local_index)
    }

    pub(super) fn is_next(&self, local_index: u32) -> bool {
        self.next
            .as_ref()
            .is_some_and(|n| n.established.transport.local_index() == local_index)
    }

    pub(super) fn holds(&self, local_index: u32) -> bool {
        self.iter().any(|t| t.local_index() == local_index)
    }

    /// A packet opened by these keys came as far as the session.
    pub(super) fn notice(&self, local_index: u32) {
        for transport in self.iter().filter(|t| t.local_index() == local_index) {
            transport.notice();
        }
    }

    /// All of them, in a fixed order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Transport>> {
        self.current
            .iter()
            .chain(&self.previous)
            .chain(self.next.iter().map(|n| &n.established.transport))
    }

    /// Takes keys that this node made as initiator into use; what it retires.
    pub(super) fn install(
        &mut self,
        now: Duration,
        transport: Arc<Transport>,
    ) -> Vec<Arc<Transport>> {
        let mut retired = Vec::new();
        retired.extend(self.previous.take().map(retire));
        let offered = self.next.take().map(|n| n.established.transport);
        let replaced = self.current.replace(transport);
        self.previous = match (offered, replaced) {
            // Both ends completed an initiation at once: the peer may use these already.
            (Some(offered), replaced) if is_fresh(&offered, now) => {
                retired.extend(replaced.map(retire));
                Some(offered)
            }
            (stale, replaced) => {
                retired.extend(stale.map(retire));
                replaced
            }
        };
        retired
    }

    /// Keeps keys that this node made as responder until the peer confirms them.
    pub(super) fn offer(&mut self, offered: Offered) -> Vec<Arc<Transport>> {
        let old = self.next.replace(offered);
        old.map(|n| retire(n.established.transport))
            .into_iter()
            .collect()
    }

    /// The peer has confirmed: `next` comes into use.
    pub(super) fn promote(&mut self) -> Option<(Offered, Vec<Arc<Transport>>)> {
        let offered = self.next.take()?;
        let retired = self.previous.take().map(retire);
        self.previous = self
            .current
            .replace(Arc::clone(&offered.established.transport));
        Some((offered, retired.into_iter().collect()))
    }

    /// Retires all but the keys in use.
    pub(super) fn retire_old(&mut self) -> Vec<Arc<Transport>> {
        self.previous.take().map(retire).into_iter().collect()
    }

    /// Retires what has expired or died.
    pub(super) fn expire(&mut self, now: Duration) -> Vec<Arc<Transport>> {
        let over = |t: &Transport| t.expires() <= now || t.is_dead();
        let mut retired = Vec::new();
        retired.extend(self.previous.take_if(|t| over(t)).map(retire));
        retired.extend(self.current.take_if(|t| over(t)).map(retire));
        let next = self.next.take_if(|n| {
            let transport = &n.established.transport;
            over(transport) || transport.born().saturating_add(OFFER_LIFE) <= now
        });
        retired.extend(next.map(|n| retire(n.established.transport)));
        retired
    }

    /// When the next of them expires.
    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        let offer = self.next.as_ref().map(|n| n.established.transport.born());
        let offer = offer.map(|born| born.saturating_add(OFFER_LIFE));
        self.iter().map(|t| t.expires()).chain(offer).min()
    }

    /// Retires everything.
    pub(super) fn clear(&mut self) -> Vec<Arc<Transport>> {
        let all = std::mem::take(self);
        let next = all.next.map(|n| n.established.transport);
        [all.previous, all.current, next]
            .into_iter()
            .flatten()
            .map(retire)
            .collect()
    }
}

fn is_fresh(transport: &Transport, now: Duration) -> bool {
    now.saturating_sub(transport.born()) < SIMULTANEOUS_OPEN
}

fn retire(transport: Arc<Transport>) -> Arc<Transport> {
    transport.kill();
    transport
}
