//! Peers that are allowed but whose identity is not known yet: they are looked for on the
//! LAN, and the first packets for them wait here meanwhile, in order.
//!
//! | limit | value |
//! |---|---|
//! | peers looked for | `mesh::WANTED_MAX` |
//! | time each is looked for | [`WANTED_LIFE`] |
//! | packets parked for one | `session`'s PARKED_PACKETS_MAX |
//! | bytes parked for all | [`PARKED_TOTAL_MAX`] |

use std::collections::VecDeque;
use std::time::Duration;

use session::constants::{HANDSHAKE_GIVE_UP, PARKED_PACKETS_MAX};
use wire::{NodeAddr, Now};

use crate::machine::Node;
use crate::peer::Wanted;
use crate::{DropReason, Event};

/// How long a peer is looked for.
pub const WANTED_LIFE: Duration = HANDSHAKE_GIVE_UP;
/// Most bytes parked for peers that are looked for, all together.
pub const PARKED_TOTAL_MAX: usize = 1 << 20;
/// Most pings that wait for one peer to be found.
pub const WANTED_PINGS_MAX: usize = 16;

impl Node {
    /// Looks for a peer. False: too many are looked for.
    pub(crate) fn want(&mut self, now: Now, f: NodeAddr) -> bool {
        if self.wanted.contains_key(&f) {
            return true;
        }
        if !self.discovery.want(now.mono, f) {
            return false;
        }
        let wanted = Wanted {
            until: now.mono.saturating_add(WANTED_LIFE),
            packets: VecDeque::new(),
            pings: Vec::new(),
        };
        self.wanted.insert(f, wanted);
        true
    }

    /// Keeps a packet until its peer is found.
    pub(crate) fn park(&mut self, now: Now, f: NodeAddr, packet: &[u8]) {
        let parked = self.parked_bytes();
        if !self.want(now, f) {
            return self.drop_for(DropReason::TableFull);
        }
        let Some(wanted) = self.wanted.get_mut(&f) else {
            return;
        };
        let fits = wanted.packets.len() < PARKED_PACKETS_MAX
            && parked.saturating_add(packet.len()) <= PARKED_TOTAL_MAX;
        if fits {
            wanted.packets.push_back(packet.to_vec());
        } else {
            self.drop_for(DropReason::ParkedFull);
        }
    }

    /// The peer's identity is known now: what was parked for it, and the pings.
    pub(crate) fn found(&mut self, f: NodeAddr) -> Option<Wanted> {
        self.discovery.forget(f);
        self.wanted.remove(&f)
    }

    /// Gives up on peers that nobody found.
    pub(crate) fn expire_wanted(&mut self, now: Now) {
        let over = self
            .wanted
            .iter()
            .filter(|(_, wanted)| wanted.until <= now.mono);
        let over: Vec<NodeAddr> = over.map(|(f, _)| *f).collect();
        for f in over {
            self.give_up(now, f);
        }
    }

    /// Forgets a peer that is looked for, and tells those who wait for it.
    pub(crate) fn give_up(&mut self, now: Now, f: NodeAddr) {
        let Some(wanted) = self.found(f) else {
            return;
        };
        self.unreachable(now, wanted.packets);
        for id in wanted.pings {
            self.event(Event::EchoLost { peer: f, id });
        }
    }

    /// When the next peer is given up.
    pub(crate) fn wanted_timeout(&self) -> Option<Duration> {
        self.wanted.values().map(|wanted| wanted.until).min()
    }

    fn parked_bytes(&self) -> usize {
        let packets = self.wanted.values().flat_map(|wanted| &wanted.packets);
        packets.map(Vec::len).sum()
    }
}
