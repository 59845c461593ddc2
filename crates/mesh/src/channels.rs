//! The channels of a Bridge: which clients it has, and which of them it joins.
//!
//! Bookkeeping only: no keys, no datagrams. Clients of different customers do not exist for each
//! other. A channel has two legs, one to each client, with a number each; a number is never 0 and
//! never in use twice. Whoever asks for a client that is not here is told when it comes.
//!
//! | limit | value |
//! |---|---|
//! | clients | [`CLIENTS_MAX`] |
//! | channels of one client | [`CHANNELS_OF_CLIENT_MAX`] |
//! | channels in all | [`CHANNELS_MAX`] |
//! | clients that one client waits for | [`WAITING_OF_CLIENT_MAX`], [`WAITING_LIFE`] each |

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use wire::NodeAddr;

/// Most clients at once.
pub const CLIENTS_MAX: usize = 10_000;
/// Most channels of one client.
pub const CHANNELS_OF_CLIENT_MAX: usize = 256;
/// Most channels in all.
pub const CHANNELS_MAX: usize = 16_384;
/// Most absent clients that one client waits for.
pub const WAITING_OF_CLIENT_MAX: usize = 64;
/// How long a client waits for an absent one.
pub const WAITING_LIFE: Duration = Duration::from_secs(120);

/// One end of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leg {
    /// The client.
    pub client: NodeAddr,
    /// The number of the channel between it and the Bridge.
    pub channel: u32,
}

/// What came of asking for a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// It is new.
    Opened {
        /// The end that asked.
        asker: Leg,
        /// The other end.
        other: Leg,
    },
    /// It was open already.
    Already(Leg),
    /// The other end is not here, or of another customer; the asker waits for it.
    Absent,
    /// A limit is reached.
    Refused,
}

#[derive(Debug)]
struct Client {
    customer: String,
    /// Its channels, by the other end.
    channels: BTreeMap<NodeAddr, u32>,
    /// Whom it waits for.
    waiting: BTreeSet<NodeAddr>,
}

/// The clients and channels of a Bridge.
#[derive(Debug, Default)]
pub struct Channels {
    clients: BTreeMap<NodeAddr, Client>,
    numbers: BTreeSet<u32>,
    /// Until when an absent client (first) is awaited by another.
    awaited: BTreeMap<(NodeAddr, NodeAddr), Duration>,
}

impl Channels {
    /// Takes a client; those who have been waiting for it, in order of address. Nobody when it
    /// was a client already. `None`: there is no room.
    pub fn attach(&mut self, now: Duration, f: NodeAddr, customer: &str) -> Option<Vec<NodeAddr>> {
        if self.customer(f) == Some(customer) {
            return Some(Vec::new());
        }
        if self.clients.len() >= CLIENTS_MAX {
            return None;
        }
        let client = Client {
            customer: customer.to_owned(),
            channels: BTreeMap::new(),
            waiting: BTreeSet::new(),
        };
        self.clients.insert(f, client);
        let range = (f, NodeAddr([0; 16]))..=(f, NodeAddr([0xff; 16]));
        let waiting = self.awaited.range(range).filter(|(_, until)| **until > now);
        let waiting = waiting.map(|((_, asker), _)| *asker);
        Some(
            waiting
                .filter(|asker| self.customer(*asker) == Some(customer))
                .collect(),
        )
    }

    /// Loses a client; the channels that end with it, each as its own leg and the other.
    pub fn detach(&mut self, f: NodeAddr) -> Vec<(Leg, Leg)> {
        let Some(client) = self.clients.get(&f) else {
            return Vec::new();
        };
        let peers: Vec<NodeAddr> = client.channels.keys().copied().collect();
        let closed = peers.into_iter().filter_map(|peer| self.close(f, peer));
        let closed = closed.collect();
        let client = self.clients.remove(&f);
        for other in client.into_iter().flat_map(|client| client.waiting) {
            self.awaited.remove(&(other, f));
        }
        closed
    }

    /// Asks for a channel from `asker` to `other`; `number` draws at random.
    pub fn open(
        &mut self,
        now: Duration,
        asker: NodeAddr,
        other: NodeAddr,
        mut number: impl FnMut() -> u32,
    ) -> Opening {
        let Some(client) = self.clients.get_mut(&asker).filter(|_| asker != other) else {
            return Opening::Refused;
        };
        if let Some(channel) = client.channels.get(&other) {
            let channel = *channel;
            return Opening::Already(Leg {
                client: asker,
                channel,
            });
        }
        if client.channels.len() >= CHANNELS_OF_CLIENT_MAX {
            return Opening::Refused;
        }
        let customer = client.customer.clone();
        let there = self.clients.get(&other).filter(|c| c.customer == customer);
        let Some(there) = there else {
            return self.wait_for(now, asker, other);
        };
        let full = there.channels.len() >= CHANNELS_OF_CLIENT_MAX;
        if full || self.numbers.len() / 2 >= CHANNELS_MAX {
            return Opening::Refused;
        }
        let asker = self.add_leg(asker, other, &mut number);
        let other = self.add_leg(other, asker.client, &mut number);
        Opening::Opened { asker, other }
    }

    /// Closes the channel between two clients; both legs, that of `from` first.
    pub fn close(&mut self, from: NodeAddr, to: NodeAddr) -> Option<(Leg, Leg)> {
        self.wait_no_more(from, to);
        let from = self.remove_leg(from, to)?;
        let to = self.remove_leg(to, from.client)?;
        Some((from, to))
    }

    /// The customer of a client.
    #[must_use]
    pub fn customer(&self, f: NodeAddr) -> Option<&str> {
        self.clients.get(&f).map(|client| client.customer.as_str())
    }

    /// The number of channels of a client.
    #[must_use]
    pub fn channels_of(&self, f: NodeAddr) -> usize {
        self.clients
            .get(&f)
            .map_or(0, |client| client.channels.len())
    }

    /// The clients.
    pub fn clients(&self) -> impl Iterator<Item = NodeAddr> + '_ {
        self.clients.keys().copied()
    }

    fn wait_for(&mut self, now: Duration, asker: NodeAddr, other: NodeAddr) -> Opening {
        let Some(client) = self.clients.get_mut(&asker) else {
            return Opening::Refused;
        };
        let awaited = &mut self.awaited;
        if client.waiting.len() >= WAITING_OF_CLIENT_MAX {
            let over = |other: &NodeAddr| awaited.get(&(*other, asker)).is_none_or(|at| *at <= now);
            let ended: Vec<NodeAddr> = client.waiting.iter().copied().filter(over).collect();
            for other in ended {
                client.waiting.remove(&other);
                awaited.remove(&(other, asker));
            }
        }
        if client.waiting.len() < WAITING_OF_CLIENT_MAX || client.waiting.contains(&other) {
            client.waiting.insert(other);
            awaited.insert((other, asker), now.saturating_add(WAITING_LIFE));
        }
        Opening::Absent
    }

    fn wait_no_more(&mut self, asker: NodeAddr, other: NodeAddr) {
        if let Some(client) = self.clients.get_mut(&asker) {
            client.waiting.remove(&other);
        }
        self.awaited.remove(&(other, asker));
    }

    fn add_leg(&mut self, f: NodeAddr, to: NodeAddr, number: &mut dyn FnMut() -> u32) -> Leg {
        let mut channel = number();
        while channel == 0 || !self.numbers.insert(channel) {
            channel = channel.wrapping_add(1);
        }
        if let Some(client) = self.clients.get_mut(&f) {
            client.channels.insert(to, channel);
        }
        self.wait_no_more(f, to);
        Leg { client: f, channel }
    }

    fn remove_leg(&mut self, f: NodeAddr, to: NodeAddr) -> Option<Leg> {
        let channel = self.clients.get_mut(&f)?.channels.remove(&to)?;
        self.numbers.remove(&channel);
        Some(Leg { client: f, channel })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const S: Duration = Duration::from_secs(1);

    fn f(n: u8) -> NodeAddr {
        NodeAddr([n; 16])
    }

    fn with(clients: &[(u8, &str)]) -> Channels {
        let mut channels = Channels::default();
        for (n, customer) in clients {
            assert_eq!(channels.attach(S, f(*n), customer), Some(vec![]));
        }
        channels
    }

    fn open(channels: &mut Channels, from: u8, to: u8) -> Opening {
        channels.open(S, f(from), f(to), || 7)
    }

    #[test]
    fn two_clients_of_one_customer_get_a_channel_with_a_number_each() {
        let mut channels = with(&[(1, "a"), (2, "a")]);
        let (one, two) = (
            Leg {
                client: f(1),
                channel: 7,
            },
            Leg {
                client: f(2),
                channel: 8,
            },
        );
        let opened = Opening::Opened {
            asker: one,
            other: two,
        };
        assert_eq!(open(&mut channels, 1, 2), opened);
        assert_eq!(open(&mut channels, 2, 1), Opening::Already(two));
        assert_eq!(channels.close(f(2), f(1)), Some((two, one)));
        assert_eq!(channels.close(f(2), f(1)), None);
        assert_eq!(open(&mut channels, 1, 1), Opening::Refused, "to itself");
        assert_eq!(open(&mut channels, 3, 1), Opening::Refused, "not a client");
    }

    #[test]
    fn customers_are_absent_for_each_other() {
        let mut channels = with(&[(1, "a"), (2, "b")]);
        assert_eq!(open(&mut channels, 1, 2), Opening::Absent);
        assert_eq!(open(&mut channels, 1, 9), Opening::Absent);
        channels.detach(f(2));
        assert_eq!(channels.attach(S, f(2), "b"), Some(vec![]), "not told to 1");
        channels.detach(f(2));
        assert_eq!(channels.attach(S, f(2), "a"), Some(vec![f(1)]));
    }

    #[test]
    fn who_waits_is_told_for_two_minutes() {
        let mut channels = with(&[(1, ""), (2, "")]);
        assert_eq!(open(&mut channels, 1, 3), Opening::Absent);
        assert_eq!(open(&mut channels, 2, 3), Opening::Absent);
        channels.close(f(2), f(3));
        assert_eq!(channels.attach(S, f(3), ""), Some(vec![f(1)]));
        channels.detach(f(3));
        let late = S + WAITING_LIFE;
        assert_eq!(channels.attach(late, f(3), ""), Some(vec![]));
    }

    #[test]
    fn a_client_that_goes_takes_its_channels_along() {
        let mut channels = with(&[(1, ""), (2, ""), (3, "")]);
        open(&mut channels, 1, 2);
        open(&mut channels, 3, 1);
        let closed = channels.detach(f(1));
        let others: Vec<_> = closed.iter().map(|(_, other)| other.client).collect();
        assert_eq!(others, [f(2), f(3)]);
        assert!(channels.numbers.is_empty() && channels.detach(f(1)).is_empty());
        assert_eq!(channels.channels_of(f(2)), 0);
    }

    #[test]
    fn every_table_is_bounded() {
        let client = |n: u32| {
            let mut f = [0xfc; 16];
            f[12..].copy_from_slice(&n.to_be_bytes());
            NodeAddr(f)
        };
        let mut channels = Channels::default();
        for n in 0..CLIENTS_MAX as u32 {
            assert!(channels.attach(S, client(n), "").is_some());
        }
        assert!(channels.attach(S, client(1 << 20), "").is_none());
        let mut number = 0;
        let mut open = |channels: &mut Channels, a: u32, b: u32| {
            let next = || {
                number += 1;
                number
            };
            channels.open(S, client(a), client(b), next)
        };
        for other in 1..=CHANNELS_OF_CLIENT_MAX as u32 {
            assert!(matches!(
                open(&mut channels, 0, other),
                Opening::Opened { .. }
            ));
        }
        assert_eq!(open(&mut channels, 0, 5_000), Opening::Refused);
        assert_eq!(open(&mut channels, 5_000, 0), Opening::Refused);
        let pairs = (1_000..9_999u32).flat_map(|a| (1..5).map(move |by| (a, (a + by) % 9_999)));
        for (a, b) in pairs {
            open(&mut channels, a, b);
        }
        assert_eq!(channels.numbers.len(), 2 * CHANNELS_MAX);
        for absent in 0..100 {
            assert_eq!(
                open(&mut channels, 600, (1 << 24) + absent),
                Opening::Absent
            );
        }
        assert_eq!(
            channels.clients[&client(600)].waiting.len(),
            WAITING_OF_CLIENT_MAX
        );
    }

    proptest! {
        #[test]
        fn legs_come_in_pairs(steps in prop::collection::vec((0u8..4, 0u8..5, 0u8..5), 0..200)) {
            let mut channels = Channels::default();
            for (what, a, b) in steps {
                match what {
                    0 => drop(channels.attach(S, f(a), "")),
                    1 => drop(channels.detach(f(a))),
                    2 => drop(channels.close(f(a), f(b))),
                    _ => drop(open(&mut channels, a, b)),
                }
                let mut numbers = BTreeSet::new();
                for (own, client) in &channels.clients {
                    for (peer, number) in &client.channels {
                        prop_assert!(numbers.insert(*number) && *number != 0);
                        prop_assert!(channels.clients[peer].channels.contains_key(own));
                    }
                }
                prop_assert_eq!(&numbers, &channels.numbers);
            }
        }
    }
}
