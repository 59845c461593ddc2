//! This node's channels, and what they mean for its sessions.
//!
//! A channel is one more path to a peer. It is asked for as soon as a peer is called or a session
//! stands, over every Bridge that has taken this node, and kept as long as the session: a session
//! that runs directly has it standing by. Whatever opens a channel to this node gets no answer by
//! that: only the peer's handshake is judged.

use std::sync::Arc;
use std::time::Duration;

use session::Session;
use session::hop::HopKey;
use wire::channel::{BridgeMessage, Channel, ChannelState};
use wire::stream::{IdentityUpdate, StreamValue};
use wire::{NodeAddr, Now, Path};

use crate::fast::{OwnChannel, Route};
use crate::machine::Node;

/// Most channels of this node over one Bridge: what a Bridge allows at most.
const CHANNELS_OF_LINK_MAX: usize = mesh::channels::CHANNELS_OF_CLIENT_MAX;
/// A beacon this young says that a peer is on this LAN: it is tried there first.
pub(crate) const BEACON_FRESH: Duration = Duration::from_secs(30);

impl Node {
    /// Asks every Bridge for a channel to a peer, unless there is one or it was asked already.
    pub(crate) fn want_channels(&mut self, now: Now, f: NodeAddr) {
        if self.links.contains_key(&f) || !self.may_talk(f) {
            return;
        }
        for bridge in self.attached_links() {
            if bridge != f {
                self.want_channel(now, bridge, f);
            }
        }
    }

    fn want_channel(&mut self, now: Now, bridge: NodeAddr, f: NodeAddr) {
        let known = self.identity_of(f).is_some();
        let Some(link) = self.links.get_mut(&bridge) else {
            return;
        };
        let full = link.channels.len() + link.asked.len() >= CHANNELS_OF_LINK_MAX;
        // The Bridge says once more who is at the other end of a channel that it opened to this
        // node before F was allowed here.
        let has = link.channels.contains_key(&f) && known;
        if full || has || !link.asked.insert(f) {
            return;
        }
        let message = BridgeMessage::Open(f);
        self.send_value(now, bridge, &StreamValue::Bridge(message));
    }

    /// A Bridge has just taken this node: asks it for channels to everybody that is talked to.
    pub(crate) fn ask_for_channels(&mut self, now: Now, bridge: NodeAddr) {
        let mut peers = self.peers_up();
        peers.extend(self.joins.keys());
        peers.extend(self.wanted.keys());
        let calling = self.peers.iter().filter(|(_, peer)| peer.is_initiating());
        peers.extend(calling.map(|(f, _)| *f));
        for f in peers {
            if !self.links.contains_key(&f) && self.may_talk(f) {
                self.want_channel(now, bridge, f);
            }
        }
    }

    /// A Bridge tells how a channel stands.
    pub(crate) fn channel_in(&mut self, now: Now, bridge: NodeAddr, message: Channel<'_>) {
        let peer = message.peer;
        let Some(link) = self.links.get_mut(&bridge) else {
            return;
        };
        match message.state {
            ChannelState::Open { channel, identity } => {
                link.asked.remove(&peer);
                if link.channels.get(&peer) == Some(&channel) {
                    // Both ends asked, or this one asks who is there.
                    if self.identity_of(peer).is_none() {
                        self.use_channel(now, peer, channel, identity);
                    }
                    return;
                }
                if link.attached.is_some() && link.channels.len() < CHANNELS_OF_LINK_MAX {
                    self.channel_opened(now, bridge, peer, channel, identity);
                }
            }
            // The Bridge opens it when the peer comes; asked again later, it waits anew.
            ChannelState::Absent | ChannelState::Refused => {
                link.asked.remove(&peer);
            }
            ChannelState::Closed => {
                link.asked.remove(&peer);
                if let Some(channel) = link.channels.remove(&peer) {
                    self.channel_closed(now, channel);
                    self.channel_missed(now, bridge, peer);
                }
            }
        }
    }

    fn channel_opened(
        &mut self,
        now: Now,
        bridge: NodeAddr,
        peer: NodeAddr,
        channel: u32,
        identity: IdentityUpdate<'_>,
    ) {
        let binding = self.session_of(bridge).and_then(Session::stream_binding);
        let Some(binding) = binding else {
            return;
        };
        let taken = self.hops.own.contains_key(&channel) || self.hops.legs.holds(channel);
        if taken {
            // Two Bridges drew one number: this one draws another.
            self.close_channel(now, bridge, peer);
            return self.want_channel(now, bridge, peer);
        }
        let before = self
            .links
            .get_mut(&bridge)
            .and_then(|link| link.channels.insert(peer, channel));
        if let Some(before) = before {
            self.channel_closed(now, before);
        }
        let key = HopKey::new(&*self.crypto, &binding, channel);
        let own = OwnChannel { bridge, peer, key };
        Arc::make_mut(&mut self.hops.own).insert(channel, Arc::new(own));
        self.snapshot_stale = true;
        self.use_channel(now, peer, channel, identity);
    }

    /// A channel to a peer is there: calls that wait for one go on.
    fn use_channel(
        &mut self,
        now: Now,
        peer: NodeAddr,
        channel: u32,
        identity: IdentityUpdate<'_>,
    ) {
        if !self.may_talk(peer) || self.shutting_down {
            return;
        }
        let told = self.read_identity(&identity);
        if let Some(told) = told.filter(|told| told.address() == peer)
            && let Err(reason) = self.admit_identity(now, told)
        {
            // An older one than what is known is of no use, and no harm.
            self.drop_for(reason);
        }
        if self.wanted.contains_key(&peer) {
            return self.call(now, peer);
        }
        let Some(running) = self.peers.get_mut(&peer) else {
            return;
        };
        let Some(session) = &mut running.session else {
            return;
        };
        if session.is_initiating() {
            running.new_channel = Some(channel);
            session.retry_now(now.mono);
        }
        if session.is_up() {
            let is_cut_off = session.endpoint().is_none();
            session.try_path(now.mono, Path::Channel(channel));
            if is_cut_off {
                // The peer may have started anew meanwhile.
                session.initiate(now.mono);
            }
        }
        self.touched.insert(peer);
    }

    /// Every channel over a Bridge is gone.
    pub(crate) fn lose_channels_over(&mut self, now: Now, bridge: NodeAddr) {
        let Some(link) = self.links.get_mut(&bridge) else {
            return;
        };
        link.asked.clear();
        for (_, channel) in std::mem::take(&mut link.channels) {
            self.channel_closed(now, channel);
        }
    }

    fn channel_closed(&mut self, now: Now, channel: u32) {
        Arc::make_mut(&mut self.hops.own).remove(&channel);
        self.snapshot_stale = true;
        self.path_lost(now, Path::Channel(channel));
    }

    /// The other end of a channel has gone. If it was talked to, it is asked for again, so that
    /// the Bridge says when it is back.
    fn channel_missed(&mut self, now: Now, bridge: NodeAddr, peer: NodeAddr) {
        let is_up = self.peer_is_up(peer);
        if is_up && self.may_talk(peer) {
            self.want_channel(now, bridge, peer);
        }
    }

    fn close_channel(&mut self, now: Now, bridge: NodeAddr, peer: NodeAddr) {
        let message = BridgeMessage::Close(peer);
        self.send_value(now, bridge, &StreamValue::Bridge(message));
    }

    /// A session has ended: its channels are not needed any more.
    pub(crate) fn close_channels(&mut self, now: Now, peer: NodeAddr) {
        let bridges: Vec<NodeAddr> = self.links.keys().copied().collect();
        for bridge in bridges {
            let Some(link) = self.links.get_mut(&bridge) else {
                continue;
            };
            let asked = link.asked.remove(&peer);
            let channel = link.channels.remove(&peer);
            if let Some(channel) = channel {
                self.channel_closed(now, channel);
            }
            if asked || channel.is_some() {
                self.close_channel(now, bridge, peer);
            }
        }
    }

    /// The channels to a peer, the one over the quickest Bridge first.
    pub(crate) fn channels_to(&self, peer: NodeAddr) -> Vec<u32> {
        let mut found: Vec<(Option<Duration>, u32)> = Vec::new();
        for (bridge, link) in &self.links {
            if let Some(channel) = link.channels.get(&peer) {
                let rtt = self.peers.get(bridge).and_then(|peer| peer.rtt);
                found.push((rtt, *channel));
            }
        }
        // A Bridge whose distance is not known yet is tried last.
        found.sort_by_key(|(rtt, channel)| (rtt.unwrap_or(Duration::MAX), *channel));
        found.into_iter().map(|(_, channel)| channel).collect()
    }

    /// The session with a peer is silent on every path it has: other paths are looked for, and
    /// the peer is called anew, for it may have started again.
    pub(crate) fn silent(&mut self, now: Now, f: NodeAddr, path: Path) {
        if let Path::Channel(channel) = path {
            let bridge = self.hops.own.get(&channel).map(|own| own.bridge);
            if let Some(bridge) = bridge {
                self.probe_link(now, bridge);
            }
        }
        self.want_channels(now, f);
        if let Some(session) = self.session_mut(f) {
            session.initiate(now.mono);
            self.touched.insert(f);
        }
    }

    /// Whether F may be at the other end of a path: only one node is behind a channel.
    pub(crate) fn may_come_by(&self, f: NodeAddr, path: Path) -> bool {
        let Path::Channel(channel) = path else {
            return true;
        };
        self.hops.own.get(&channel).is_some_and(|own| own.peer == f)
    }

    /// How a datagram for a path leaves this machine; `None`: it does not.
    pub(crate) fn route(&self, path: Path) -> Option<Route> {
        let Path::Channel(channel) = path else {
            return Some(Route::Direct(path));
        };
        let own = self.hops.own.get(&channel)?;
        let bridge = self.session_of(own.bridge)?.endpoint()?;
        // A Bridge is not reached through another.
        matches!(bridge, Path::Udp(_) | Path::Stream(_))
            .then(|| Route::Relayed(Arc::clone(own), bridge))
    }

    /// Tries the channels to a peer, so that they stand by.
    pub(crate) fn try_channels(&mut self, now: Now, f: NodeAddr) {
        let channels = self.channels_to(f);
        let Some(session) = self.session_mut(f) else {
            return;
        };
        for channel in channels {
            session.try_path(now.mono, Path::Channel(channel));
        }
        self.touched.insert(f);
    }

    /// Tries everything that may be a direct way to a peer whose session runs over a Bridge.
    pub(crate) fn try_directly(&mut self, now: Now, f: NodeAddr) {
        let is_relayed = self
            .session_of(f)
            .and_then(Session::endpoint)
            .is_some_and(|path| matches!(path, Path::Channel(_)));
        let Some(peer) = self.peers.get_mut(&f).filter(|_| is_relayed) else {
            return;
        };
        let Some(session) = &mut peer.session else {
            return;
        };
        for at in peer.candidates.ordered() {
            session.try_path(now.mono, at.into());
        }
        self.touched.insert(f);
    }

    /// This node has other addresses: a path that went by one of those before may be dead, and a
    /// Bridge or a peer may be reached another way.
    pub(crate) fn look_at_all_paths(&mut self, now: Now) {
        for f in self.peers_up() {
            self.try_directly(now, f);
            if let Some(session) = self.session_mut(f)
                && !session.standby().is_empty()
            {
                session.check_path(now.mono);
            }
            self.touched.insert(f);
        }
        for bridge in self.attached_links() {
            self.probe_link(now, bridge);
        }
    }
}
