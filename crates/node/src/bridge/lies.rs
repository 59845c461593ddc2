//! What a hostile Bridge can say and send, for the simulator only (feature `sabotage`).

use wire::channel::{Attached, BridgeMessage, Channel, ChannelState};
use wire::stream::{IdentityUpdate, StreamValue};
use wire::{NodeAddr, Now, Path};

use crate::machine::Node;

/// Something false that a hostile Bridge says to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// A channel to this node is open, with this number, and it is who `identity` is.
    Open {
        /// The node.
        peer: NodeAddr,
        /// The number.
        channel: u32,
        /// Whose statements go with it.
        identity: NodeAddr,
    },
    /// The channel to this node is closed.
    Closed(NodeAddr),
    /// This node is not here.
    Absent(NodeAddr),
    /// The client is seen somewhere else.
    Attached(Attached),
}

impl Node {
    /// Says something false to a client.
    pub fn lie(&mut self, now: Now, to: NodeAddr, lie: Lie) {
        let channel = |peer, state| BridgeMessage::Channel(Channel { peer, state });
        let told;
        let message = match lie {
            Lie::Open {
                peer,
                channel: number,
                identity,
            } => {
                let known = self.known.get(&identity);
                told = known.map(identity::PublicIdentity::to_bytes);
                let Some(Ok(identity)) = told.as_deref().map(IdentityUpdate::decode) else {
                    return;
                };
                let state = ChannelState::Open {
                    channel: number,
                    identity,
                };
                channel(peer, state)
            }
            Lie::Closed(peer) => channel(peer, ChannelState::Closed),
            Lie::Absent(peer) => channel(peer, ChannelState::Absent),
            Lie::Attached(attached) => BridgeMessage::Attached(attached),
        };
        self.send_value(now, to, &StreamValue::Bridge(message));
        self.settle(now);
    }

    /// What this Bridge was about to send on, on another channel, with the MAC that belongs
    /// there; and where that leads.
    #[must_use]
    pub fn misroute(&self, datagram: &[u8], pick: usize) -> Option<(Path, Vec<u8>)> {
        self.hops.misroute(datagram, pick)
    }

    /// The numbers of this Bridge's channels.
    #[must_use]
    pub fn leg_numbers(&self) -> Vec<u32> {
        self.hops.legs.numbers()
    }
}
