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
//! | I8 what can connect does | [`Model::unmet`], [`Model::late`] |
//! | customers of a Bridge never meet | [`Model::delivered`], [`Model::relayed`] |
//! | nothing of a client that was dismissed | [`Model::relayed`], [`Model::admitted`] |

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
    /// P5: a Bridge sent a stranger more than it got.
    Amplified {
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
    /// A node asked to be woken without end, at one instant or within a second.
    Spinning {
        /// Which node.
        node: usize,
    },
    /// A packet came from a node of another customer.
    CustomersMet {
        /// Sender.
        from: usize,
        /// Receiver.
        to: usize,
    },
    /// A Bridge relayed between clients of two customers.
    RelayedAcross {
        /// The Bridge.
        bridge: usize,
        /// Whose datagram.
        from: usize,
        /// To whom.
        to: usize,
    },
    /// A Bridge relayed from or to a node that is no client of it (any more).
    RelayedForStranger {
        /// The Bridge.
        bridge: usize,
        /// Who is none.
        client: usize,
    },
    /// A Bridge relayed a datagram that no client made for it.
    RelayedForgery {
        /// The Bridge.
        bridge: usize,
    },
    /// A Bridge relayed a packet twice.
    RelayedTwice {
        /// The Bridge.
        bridge: usize,
    },
    /// A Bridge took a node for a customer that it does not belong to.
    WrongCustomer {
        /// The Bridge.
        bridge: usize,
        /// Whom it took.
        client: usize,
    },
    /// A Bridge took a node back that it had dismissed.
    DismissedReturned {
        /// The Bridge.
        bridge: usize,
        /// Whom it took.
        client: usize,
    },
    /// I8: this direction did not work within the time after the last fault.
    Late {
        /// Sender.
        from: usize,
        /// Receiver.
        to: usize,
        /// When it did work, if at all, in milliseconds after the last fault.
        after_ms: Option<u64>,
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
    joining: BTreeSet<(usize, usize)>,
    packets: BTreeMap<u64, Sent>,
    last_seen: BTreeMap<(usize, usize), Duration>,
    rotations: BTreeMap<usize, u32>,
    /// Whose customer a node is, at every Bridge; nodes without are nobody's.
    customers: BTreeMap<usize, String>,
    clients: BTreeSet<(usize, usize)>,
    dismissed: BTreeSet<(usize, usize)>,
    /// When each direction first worked since the last fault.
    first_seen: BTreeMap<(usize, usize), Duration>,
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
        self.joining.remove(&(node, peer));
    }

    /// `node` uses an invite of `peer`, and allows it once that worked.
    pub fn join(&mut self, node: usize, peer: usize) {
        self.joining.insert((node, peer));
    }

    /// `node` put `peer` on its list.
    pub fn listed(&mut self, node: usize, peer: usize) {
        if self.joining.remove(&(node, peer)) {
            self.allow(node, peer);
        }
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
        if self.customers.contains_key(&from)
            && self.customers.contains_key(&to)
            && self.customers[&from] != self.customers[&to]
        {
            return Err(Violation::CustomersMet { from, to });
        }
        self.deliveries += 1;
        self.last_seen.insert((from, to), now);
        self.first_seen.entry((from, to)).or_insert(now);
        Ok(())
    }

    /// A node belongs to a customer.
    pub fn belongs(&mut self, node: usize, customer: &str) {
        self.customers.insert(node, customer.to_owned());
    }

    /// The customer that a node belongs to.
    pub fn customer(&self, node: usize) -> Option<&str> {
        self.customers.get(&node).map(String::as_str)
    }

    /// A Bridge put a node on its list.
    pub fn admitted(
        &mut self,
        bridge: usize,
        client: usize,
        customer: &str,
    ) -> Result<(), Violation> {
        if self.dismissed.contains(&(bridge, client)) {
            return Err(Violation::DismissedReturned { bridge, client });
        }
        if self.customer(client) != Some(customer) {
            return Err(Violation::WrongCustomer { bridge, client });
        }
        self.clients.insert((bridge, client));
        Ok(())
    }

    /// The owner of a Bridge dismisses a client.
    pub fn dismiss(&mut self, bridge: usize, client: usize) {
        self.clients.remove(&(bridge, client));
        self.dismissed.insert((bridge, client));
    }

    /// The owner of a Bridge takes a dismissal back.
    pub fn forgive(&mut self, bridge: usize, client: usize) {
        self.dismissed.remove(&(bridge, client));
    }

    /// The clients of Bridges, each behind its Bridge.
    pub fn clients(&self) -> Vec<(usize, usize)> {
        self.clients.iter().copied().collect()
    }

    /// Who is dismissed, each behind the Bridge.
    pub fn dismissed(&self) -> Vec<(usize, usize)> {
        self.dismissed.iter().copied().collect()
    }

    /// Whether a node is a client of a Bridge.
    pub fn is_client(&self, bridge: usize, client: usize) -> bool {
        self.clients.contains(&(bridge, client))
    }

    /// A Bridge sends a datagram of `from` on to `to`.
    pub fn relayed(&self, bridge: usize, from: usize, to: usize) -> Result<(), Violation> {
        for client in [from, to] {
            if !self.is_client(bridge, client) {
                return Err(Violation::RelayedForStranger { bridge, client });
            }
        }
        let same = self.customer(from) == self.customer(to);
        let across = Violation::RelayedAcross { bridge, from, to };
        same.then_some(()).ok_or(across)
    }

    /// From now on nothing goes wrong any more.
    pub fn last_fault(&mut self) {
        self.first_seen.clear();
    }

    /// When a direction first worked since the last fault.
    pub fn first_seen(&self, from: usize, to: usize) -> Option<Duration> {
        self.first_seen.get(&(from, to)).copied()
    }

    /// Directions among `expected` that did not work within `limit` of the last fault, at `since`.
    pub fn late(
        &self,
        expected: &[(usize, usize)],
        since: Duration,
        limit: Duration,
    ) -> Vec<Violation> {
        let late = |&(from, to): &(usize, usize)| {
            let after = self.first_seen(from, to).map(|at| at.saturating_sub(since));
            let after_ms = after.map(|after| after.as_millis() as u64);
            after
                .is_none_or(|after| after > limit)
                .then_some(Violation::Late { from, to, after_ms })
        };
        let both = expected.iter().flat_map(|&(a, b)| [(a, b), (b, a)]);
        both.collect::<Vec<_>>().iter().filter_map(late).collect()
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
        m.sent(9, 0, 1);
        m.belongs(0, "red");
        m.belongs(1, "blue");
        let met = Violation::CustomersMet { from: 0, to: 1 };
        assert_eq!(m.delivered(t, 9, 1, 0), Err(met));
        assert_eq!(m.mutual(), [(0, 1)]);
        assert_eq!(m.unmet(&[(0, 1)], t).len(), 1);
    }

    #[test]
    fn a_bridge_relays_between_its_clients_of_one_customer() {
        let mut m = Model::default();
        for (node, customer) in [(1, "red"), (2, "red"), (3, "blue"), (4, "red")] {
            m.belongs(node, customer);
        }
        for client in 1..=3 {
            let customer = m.customer(client).unwrap().to_owned();
            assert_eq!(m.admitted(0, client, &customer), Ok(()));
        }
        let wrong = Violation::WrongCustomer {
            bridge: 0,
            client: 4,
        };
        assert_eq!(m.admitted(0, 4, "blue"), Err(wrong));
        assert_eq!(m.relayed(0, 1, 2), Ok(()));
        assert!(m.relayed(0, 1, 3).is_err() && m.relayed(0, 1, 4).is_err());
        m.dismiss(0, 2);
        assert!(m.relayed(0, 1, 2).is_err() && m.admitted(0, 2, "red").is_err());
        m.forgive(0, 2);
        assert!(m.relayed(0, 2, 1).is_err() && m.admitted(0, 2, "red").is_ok());
        assert_eq!(m.relayed(0, 2, 1), Ok(()));
    }

    #[test]
    fn what_works_too_late_is_named() {
        let (mut m, s) = (Model::default(), Duration::from_secs(1));
        m.allow(0, 1);
        m.allow(1, 0);
        m.last_fault();
        m.sent(1, 0, 1);
        assert_eq!(m.delivered(12 * s, 1, 1, 0), Ok(()));
        let late = |from, to, after_ms| Violation::Late { from, to, after_ms };
        assert_eq!(
            m.late(&[(0, 1)], s, 10 * s),
            [late(0, 1, Some(11_000)), late(1, 0, None)]
        );
        assert_eq!(m.late(&[(0, 1)], s, 11 * s), [late(1, 0, None)]);
    }
}
