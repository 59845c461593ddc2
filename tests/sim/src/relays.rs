//! What Bridges relay: a record to judge the honest ones by, and what a hostile one does.
//!
//! Everything that a client hands to a Bridge is noted by its head, the 32 bytes that the hop's
//! MAC covers. An honest Bridge sends on only what is noted, packets once, between clients of
//! one customer ([`crate::model::Model::relayed`]). A hostile one does what it likes with it: the
//! two ends must keep their promises all the same.
//!
//! Limits: [`KEPT_MAX`] datagrams are kept for replay; heads for the length of a run.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use wire::Path;
use wire::datagram::{RELAY_COVERED_LEN, RELAY_HEADER_LEN};

use crate::model::Violation;
use crate::rng::Dice;

/// Relayed datagrams that hostile Bridges keep.
pub const KEPT_MAX: usize = 64;
/// Type bytes of relayed datagrams and of packets (docs/protocol/session.md, section 2).
const RELAYED: u8 = 5;
const TRANSPORT: u8 = 4;

/// What the MAC of a hop covers, and the MAC.
pub type Head = [u8; RELAY_HEADER_LEN + RELAY_COVERED_LEN];

/// How often each thing happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RelayCounts {
    /// Datagrams that Bridges sent on.
    pub relayed: u64,
    /// Dropped by a hostile Bridge.
    pub dropped: u64,
    /// Held back by one for long.
    pub delayed: u64,
    /// Held back by one for a moment, so that others overtake.
    pub reordered: u64,
    /// Sent twice by one.
    pub duplicated: u64,
    /// Changed by one.
    pub corrupted: u64,
    /// Sent again later by one.
    pub replayed: u64,
    /// Sent to another client by one.
    pub misdelivered: u64,
    /// Put on another channel by one, with a right MAC.
    pub misrouted: u64,
    /// False things told by one.
    pub lies: u64,
}

/// What a hostile Bridge does with a datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mischief {
    /// Nothing this time, or it has sent it so already.
    Send(Path, Vec<u8>),
    /// Sends it later.
    Later(Duration, Path, Vec<u8>),
    /// Puts it on another channel.
    Misroute(Vec<u8>),
}

/// What was handed to Bridges.
#[derive(Debug, Default)]
pub struct Relays {
    /// Who made it, and whether it was sent on.
    heads: BTreeMap<Head, (usize, bool)>,
    /// Bridges that do what they like.
    pub hostile: BTreeSet<usize>,
    kept: Vec<(usize, Path, Vec<u8>)>,
    /// What happened so far.
    pub counts: RelayCounts,
}

impl Relays {
    /// A host sent a datagram.
    pub fn note(&mut self, host: usize, datagram: &[u8]) {
        if let Some(head) = head(datagram) {
            self.heads.insert(head, (host, false));
        }
    }

    /// A Bridge sends a datagram on that came with this head; whose it was.
    pub fn sent_on(&mut self, bridge: usize, came: Option<Head>) -> Result<usize, Violation> {
        self.counts.relayed += 1;
        let forgery = Violation::RelayedForgery { bridge };
        let Some((head, entry)) = came.and_then(|h| Some((h, self.heads.get_mut(&h)?))) else {
            return Err(forgery);
        };
        let (origin, before) = *entry;
        entry.1 = true;
        if before && head[RELAY_HEADER_LEN] == TRANSPORT {
            return Err(Violation::RelayedTwice { bridge });
        }
        Ok(origin)
    }

    /// What a hostile Bridge does with a datagram that it would send on.
    pub fn mischief(
        &mut self,
        dice: &mut Dice,
        bridge: usize,
        to: Path,
        mut bytes: Vec<u8>,
    ) -> Vec<Mischief> {
        let mut todo = Vec::new();
        if dice.chance(100)
            && let Some((_, to, old)) = self.kept_of(dice, bridge)
        {
            self.counts.replayed += 1;
            todo.push(Mischief::Send(to, old));
        }
        if self.kept.len() >= KEPT_MAX {
            self.kept.swap_remove(dice.below(KEPT_MAX));
        }
        self.kept.push((bridge, to, bytes.clone()));
        match dice.below(100) {
            0..15 => self.counts.dropped += 1,
            15..25 => {
                self.counts.delayed += 1;
                let after = Duration::from_millis(dice.range(500, 10_000));
                todo.push(Mischief::Later(after, to, bytes));
            }
            25..35 => {
                self.counts.reordered += 1;
                let after = Duration::from_millis(dice.range(5, 100));
                todo.push(Mischief::Later(after, to, bytes));
            }
            35..45 => {
                self.counts.duplicated += 1;
                todo.push(Mischief::Send(to, bytes.clone()));
                todo.push(Mischief::Send(to, bytes));
            }
            45..55 => {
                self.counts.corrupted += 1;
                let bit = dice.below(bytes.len() * 8);
                bytes[bit / 8] ^= 1 << (bit % 8);
                todo.push(Mischief::Send(to, bytes));
            }
            55..60 => {
                if let Some((_, other, _)) = self.kept_of(dice, bridge) {
                    self.counts.misdelivered += 1;
                    todo.push(Mischief::Send(other, bytes));
                }
            }
            60..70 => todo.push(Mischief::Misroute(bytes)),
            _ => todo.push(Mischief::Send(to, bytes)),
        }
        todo
    }

    fn kept_of(&self, dice: &mut Dice, bridge: usize) -> Option<(usize, Path, Vec<u8>)> {
        let own: Vec<_> = self.kept.iter().filter(|(b, ..)| *b == bridge).collect();
        own.get(dice.below(own.len())).map(|kept| (*kept).clone())
    }
}

/// The head of a relayed datagram.
pub fn head(datagram: &[u8]) -> Option<Head> {
    let head = datagram.first_chunk()?;
    (head[0] == RELAYED).then_some(*head)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relayed(kind: u8, number: u8) -> Vec<u8> {
        let mut bytes = vec![RELAYED; 60];
        bytes[RELAY_HEADER_LEN] = kind;
        bytes[20] = number;
        bytes
    }

    #[test]
    fn what_nobody_made_or_went_on_before_is_named() {
        let mut relays = Relays::default();
        let (packet, fragment) = (relayed(TRANSPORT, 1), relayed(1, 2));
        relays.note(5, &packet);
        relays.note(6, &fragment);
        assert_eq!(relays.sent_on(0, head(&packet)), Ok(5));
        let twice = Violation::RelayedTwice { bridge: 0 };
        assert_eq!(relays.sent_on(0, head(&packet)), Err(twice));
        assert_eq!(relays.sent_on(0, head(&fragment)), Ok(6));
        assert_eq!(relays.sent_on(0, head(&fragment)), Ok(6));
        let forgery = Err(Violation::RelayedForgery { bridge: 0 });
        assert_eq!(relays.sent_on(0, head(&relayed(TRANSPORT, 9))), forgery);
        assert_eq!(relays.sent_on(0, None), forgery);
        assert_eq!(head(&[RELAYED; 31]), None);
    }

    #[test]
    fn a_hostile_bridge_does_all_it_can() {
        let (mut relays, mut dice) = (Relays::default(), Dice::new(1));
        for n in 0..200 {
            let to = Path::Channel(n % 3);
            relays.mischief(&mut dice, 0, to, relayed(TRANSPORT, n as u8));
        }
        let c = relays.counts;
        let each = [c.dropped, c.delayed, c.reordered, c.duplicated, c.corrupted];
        assert!(each.into_iter().all(|n| n > 0) && c.replayed > 0 && c.misdelivered > 0);
        assert_eq!(relays.kept.len(), KEPT_MAX);
    }
}
