//! Those who hold no key: they listen, repeat, make things up, and pass things on.
//!
//! Two of them have addresses. [`STRANGER`] sends garbage and true replays, and must never get a
//! byte; from a Bridge that takes passwords never more bytes than it sent. [`THIEF`] sits on the path, holds datagrams back and passes them on from its own address; it
//! may get path challenges, and never more bytes than it sent (roaming, section 4.1).
//!
//! They remember only what arrived as it was sent. Of a datagram that was corrupted on the way,
//! another flipped bit could make the original again: no garbage and no replay, but one that its
//! receiver has never seen, and that it rightly takes from wherever it comes.
//!
//! Limits: [`RECORDED_MAX`] datagrams and [`INITIATIONS_MAX`] initiations are remembered.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::model::Violation;
use crate::rng::Dice;

/// Where the garbage comes from. Nobody may ever answer here.
pub const STRANGER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 66)), 6666);
/// Where intercepted datagrams seem to come from.
pub const THIEF: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 99)), 9999);
/// Delivered datagrams that are remembered for replay.
pub const RECORDED_MAX: usize = 256;
/// Initiations that are remembered, fragment by fragment.
pub const INITIATIONS_MAX: usize = 64;

/// A datagram that arrived: at whom, from where, what.
pub type Recording = (usize, SocketAddr, Vec<u8>);

/// What a stranger has of one initiation.
#[derive(Clone, Debug, Default)]
struct Initiation {
    fragments: Vec<Vec<u8>>,
    taken: bool,
}

/// What they know.
#[derive(Clone, Debug, Default)]
pub(crate) struct Strangers {
    recorded: Vec<Recording>,
    /// By receiver and sender index; only those that a node took are replayed whole.
    initiations: BTreeMap<(usize, u32), Initiation>,
    /// Whether what is being handled made a node take an initiation.
    pub(crate) initiation_taken: bool,
    /// Bytes that each host got from the thief, and sent there.
    pub(crate) fed: Vec<(usize, usize)>,
    /// The same of the stranger.
    pub(crate) answered: Vec<(usize, usize)>,
}

impl Strangers {
    /// A node sent `len` bytes to the thief.
    pub(crate) fn feed(&mut self, node: usize, len: usize) -> Option<Violation> {
        let fed = self.fed.get_mut(node)?;
        fed.1 += len;
        let (received, sent) = *fed;
        (sent > received).then_some(Violation::FedThief {
            node,
            received,
            sent,
        })
    }

    /// The stranger sent a node `len` bytes.
    pub(crate) fn came_from_stranger(&mut self, node: usize, len: usize) {
        if let Some(answered) = self.answered.get_mut(node) {
            answered.0 += len;
        }
    }

    /// A node sent `len` bytes to the stranger; `may` says whether it may at all.
    pub(crate) fn answer(
        &mut self,
        node: usize,
        kind: u8,
        len: usize,
        may: bool,
    ) -> Option<Violation> {
        let answered = self.answered.get_mut(node)?;
        answered.1 += len;
        let (received, sent) = *answered;
        if !may {
            return Some(Violation::AnsweredStranger { node, kind });
        }
        (sent > received).then_some(Violation::Amplified {
            node,
            received,
            sent,
        })
    }

    /// Something arrived at a node, as it was sent, and was handled.
    pub(crate) fn overhear(&mut self, dice: &mut Dice, to: usize, from: SocketAddr, seen: Vec<u8>) {
        self.overhear_initiation(to, &seen);
        if self.recorded.len() >= RECORDED_MAX {
            let old = dice.below(RECORDED_MAX);
            self.recorded.swap_remove(old);
        }
        self.recorded.push((to, from, seen));
    }

    fn overhear_initiation(&mut self, to: usize, seen: &[u8]) {
        let (Some(1), Some(index)) = (seen.first(), seen.get(4..8)) else {
            return;
        };
        let index = u32::from_be_bytes(index.try_into().unwrap_or_default());
        if self.initiations.len() >= INITIATIONS_MAX {
            self.initiations.pop_first();
        }
        let initiation = self.initiations.entry((to, index)).or_default();
        initiation.fragments.push(seen.to_vec());
        initiation.taken |= self.initiation_taken;
    }

    /// Everything that arrived at a host lately: from where, what.
    pub(crate) fn recordings(&self, of: usize) -> Vec<(SocketAddr, Vec<u8>)> {
        let of = |(to, from, bytes): &Recording| (*to == of).then(|| (*from, bytes.clone()));
        self.recorded.iter().filter_map(of).collect()
    }

    /// One of the things that arrived lately, by the dice.
    pub(crate) fn recording(&self, dice: &mut Dice) -> Option<Recording> {
        let n = dice.below(self.recorded.len());
        self.recorded.get(n).cloned()
    }

    /// A whole initiation that a node has answered: which node, and the fragments. Once.
    pub(crate) fn take_initiation(&mut self, dice: &mut Dice) -> Option<(usize, Vec<Vec<u8>>)> {
        let taken = self.initiations.iter().filter(|(_, i)| i.taken);
        let keys: Vec<_> = taken.map(|(key, _)| *key).collect();
        let key = keys.get(dice.below(keys.len())).copied()?;
        let initiation = self.initiations.remove(&key)?;
        Some((key.0, initiation.fragments))
    }
}
