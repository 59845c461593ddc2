//! The reference model: who may talk to whom, and what must and must not arrive.
//!
//! It is the specification in its simplest form, a matrix and a list of packets, written
//! without a line of the node's code. The world tells it every command given and every packet
//! that came out of a node; it answers with a [`Violation`] or nothing.
//!
//! | invariant | here |
//! |---|---|
//! | I1 plaintext only at authorised members | [`Model::delivered`] |
//! | I3 each packet once | [`Model::delivered`] |
//! | I5 nothing from a removed peer | [`Model::delivered`] |
//! | I8 what can connect does | [`Model::unmet`] |

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

/// A promise that a run broke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// I1: a packet came out at a node that it was not for, or named another sender.
    WrongNode {
        /// Packet number.
        packet: u64,
        /// Where it came out.
        at: usize,
    },
    /// I1: bytes came out of a node that nobody sent.
    Invented {
        /// Where.
        at: usize,
    },
    /// I3: a packet came out twice.
    Twice {
        /// Packet number.
        packet: u64,
    },
    /// I5: a packet came from a node that the receiver does not allow.
    NotAllowed {
        /// Packet number.
        packet: u64,
        /// Sender.
        from: usize,
        /// Receiver.
        to: usize,
    },
    /// I1: a canary was seen on the wire.
    CanaryOnWire {
        /// Sender.
        from: usize,
    },
    /// I2: a key and nonce were used twice, this many times.
    NonceReuse(u64),
    /// P3: a node answered a stranger.
    AnsweredStranger {
        /// Which node.
        node: usize,
        /// Type byte of the answer.
        kind: u8,
    },
    /// P5: more went to an unproven address than came from it.
    FedThief {
        /// Which node.
        node: usize,
        /// Bytes from there.
        received: usize,
        /// Bytes to there.
        sent: usize,
    },
    /// A handshake number was used twice or went back.
    NumberReused {
        /// Which node.
        node: usize,
        /// Handshake count.
        count: u64,
    },
    /// An invite put two nodes on an allowlist.
    InviteTwice {
        /// The inviter.
        node: usize,
    },
    /// I7: a table or queue outgrew its bound.
    Unbounded {
        /// Which node.
        node: usize,
        /// What grew.
        what: &'static str,
        /// To how much.
        len: usize,
    },
    /// I8: two nodes that could talk did not, in this direction.
    NotConnected {
        /// Sender.
        from: usize,
        /// Receiver.
        to: usize,
    },
    /// A rotation did not reach a peer that is connected.
    OldRootTrusted {
        /// The rotated node.
        node: usize,
        /// Who still trusts the old root.
        by: usize,
    },
    /// A node asked to be woken without end at one instant.
    Spinning {
        /// Which node.
        node: usize,
    },
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

#[derive(Clone, Debug)]
struct Sent {
    from: usize,
    to: usize,
    delivered: bool,
}

/// The model.
#[derive(Clone, Debug, Default)]
pub struct Model {
    allows: BTreeSet<(usize, usize)>,
    packets: BTreeMap<u64, Sent>,
    last_seen: BTreeMap<(usize, usize), Duration>,
    rotations: BTreeMap<usize, u32>,
    /// Packets that came out where they should.
    pub deliveries: u64,
}

impl Model {
    /// `node` now allows `peer`.
    pub fn allow(&mut self, node: usize, peer: usize) {
        self.allows.insert((node, peer));
    }

    /// `node` no longer allows `peer`.
    pub fn deny(&mut self, node: usize, peer: usize) {
        self.allows.remove(&(node, peer));
    }

    /// Whether `node` allows `peer`.
    pub fn allowed(&self, node: usize, peer: usize) -> bool {
        self.allows.contains(&(node, peer))
    }

    /// Pairs (a < b) that allow each other.
    pub fn mutual(&self) -> Vec<(usize, usize)> {
        self.allows
            .iter()
            .copied()
            .filter(|&(a, b)| a < b && self.allowed(b, a))
            .collect()
    }

    /// A node rotated its root.
    pub fn rotated(&mut self, node: usize) {
        *self.rotations.entry(node).or_default() += 1;
    }

    /// How often a node has rotated.
    pub fn position(&self, node: usize) -> u32 {
        self.rotations.get(&node).copied().unwrap_or(0)
    }

    /// An application on `from` sent packet `id` to `to`.
    pub fn sent(&mut self, id: u64, from: usize, to: usize) {
        self.packets.insert(
            id,
            Sent {
                from,
                to,
                delivered: false,
            },
        );
    }

    /// Packet `id` came out of node `at`, from the address of `claimed`.
    pub fn delivered(
        &mut self,
        now: Duration,
        id: u64,
        at: usize,
        claimed: usize,
    ) -> Result<(), Violation> {
        let Some(p) = self.packets.get_mut(&id) else {
            return Err(Violation::Invented { at });
        };
        if p.to != at || p.from != claimed {
            return Err(Violation::WrongNode { packet: id, at });
        }
        if std::mem::replace(&mut p.delivered, true) {
            return Err(Violation::Twice { packet: id });
        }
        let (from, to) = (p.from, p.to);
        if !self.allows.contains(&(to, from)) {
            return Err(Violation::NotAllowed {
                packet: id,
                from,
                to,
            });
        }
        self.deliveries += 1;
        self.last_seen.insert((from, to), now);
        Ok(())
    }

    /// Directions among `expected` in which nothing arrived since `since`.
    pub fn unmet(&self, expected: &[(usize, usize)], since: Duration) -> Vec<Violation> {
        expected
            .iter()
            .flat_map(|&(a, b)| [(a, b), (b, a)])
            .filter(|d| self.last_seen.get(d).is_none_or(|&t| t < since))
            .map(|(from, to)| Violation::NotConnected { from, to })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wrong_delivery_has_its_name() {
        let mut m = Model::default();
        m.allow(1, 0);
        m.sent(7, 0, 1);
        m.sent(8, 0, 2);
        let t = Duration::ZERO;
        assert_eq!(m.delivered(t, 9, 1, 0), Err(Violation::Invented { at: 1 }));
        assert_eq!(
            m.delivered(t, 7, 2, 0),
            Err(Violation::WrongNode { packet: 7, at: 2 })
        );
        assert_eq!(
            m.delivered(t, 7, 1, 2),
            Err(Violation::WrongNode { packet: 7, at: 1 })
        );
        assert_eq!(m.delivered(t, 7, 1, 0), Ok(()));
        assert_eq!(m.delivered(t, 7, 1, 0), Err(Violation::Twice { packet: 7 }));
        assert_eq!(
            m.delivered(t, 8, 2, 0),
            Err(Violation::NotAllowed {
                packet: 8,
                from: 0,
                to: 2
            })
        );
        m.allow(0, 1);
        assert_eq!(m.mutual(), [(0, 1)]);
        assert_eq!(m.unmet(&[(0, 1)], t).len(), 1);
    }
}
