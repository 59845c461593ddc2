//! Messages of the control stream, by meaning (docs/protocol/session.md, section 5).
//!
//! | message | what it does here |
//! |---|---|
//! | hello | remembered for `peers` |
//! | identity update, digest, query, log | see `rotation` |
//! | endpoints | candidates of the peer itself |
//! | attach, ticket, open, close | see `bridge::serve` |
//! | attached, ticket answer, channel | see `bridge::links` |
//! | prefixes | see `prefixes` |
//! | of groups, 0x10 to 0x1e and 0x48 to 0x4d | see `groups` |
//! | clone notice about this node | told to the owner; about others: ignored |

use std::net::SocketAddr;

use group::agent::AgentMessage;
use group::dprp::{SITE, SiteMessage};
use group::message::Message;
use mesh::Source;
use wire::channel::BridgeMessage;
use wire::stream::{CloneNotice, Hello, StreamMessage, StreamValue};
use wire::{Endpoint, NodeAddr, Now};

use crate::machine::Node;
use crate::{DropReason, Event};

impl Node {
    pub(crate) fn message_in(&mut self, now: Now, f: NodeAddr, kind: u16, bytes: &[u8]) {
        let value = StreamValue::decode(StreamMessage { kind, value: bytes });
        if value.as_ref().is_ok_and(|value| !self.may_say(f, value)) {
            return self.drop_for(DropReason::NotAllowed);
        }
        match value {
            Ok(StreamValue::Hello(hello)) => self.hello_in(f, &hello),
            Ok(StreamValue::IdentityUpdate(update)) => self.handle_update(now, f, update),
            Ok(StreamValue::RotationDigest(digest)) => self.handle_digest(now, f, digest),
            Ok(StreamValue::RotationQuery(query)) => self.handle_query(now, f, query),
            Ok(StreamValue::RotationLog(update)) => self.handle_log(now, f, update),
            Ok(StreamValue::Endpoints(list)) => self.endpoints_in(now, f, &list),
            Ok(StreamValue::CloneNotice(notice)) => self.clone_notice_in(&notice),
            Ok(StreamValue::Bridge(message)) => self.bridge_message_in(now, f, message),
            Ok(StreamValue::Prefixes(list)) => self.prefixes_in(now, f, list),
            Ok(StreamValue::Unknown(_)) => self.group_message_in(now, f, kind, bytes),
            Err(_) => self.drop_for(DropReason::Malformed),
        }
    }

    /// Whether a message of F is heeded. Only whom this node talks with learns and teaches
    /// anything about others; an applicant says its password and nothing else.
    fn may_say(&self, f: NodeAddr, value: &StreamValue<'_>) -> bool {
        match value {
            StreamValue::Hello(_) | StreamValue::Bridge(_) | StreamValue::Unknown(_) => true,
            StreamValue::IdentityUpdate(_) | StreamValue::CloneNotice(_) => !self.is_applicant(f),
            StreamValue::Endpoints(_) => self.may_talk(f) || self.is_managed(f),
            StreamValue::RotationDigest(_)
            | StreamValue::RotationQuery(_)
            | StreamValue::RotationLog(_)
            | StreamValue::Prefixes(_) => self.may_talk(f),
        }
    }

    fn bridge_message_in(&mut self, now: Now, f: NodeAddr, message: BridgeMessage<'_>) {
        match message {
            BridgeMessage::Attach(attach) => self.attach_in(now, f, attach),
            BridgeMessage::Ticket(ticket) => self.ticket_in(now, f, ticket),
            BridgeMessage::Open(other) => self.open_in(now, f, other),
            BridgeMessage::Close(other) => self.close_in(now, f, other),
            BridgeMessage::Attached(attached) => self.attached_in(now, f, attached),
            BridgeMessage::TicketAnswer(answer) => self.ticket_answer_in(answer),
            BridgeMessage::Channel(channel) => self.channel_in(now, f, channel),
        }
    }

    /// Sends one message to a peer whose session stands.
    pub(crate) fn send_value(&mut self, now: Now, f: NodeAddr, value: &StreamValue<'_>) {
        if !self.peer_is_up(f) {
            return;
        }
        match value.encode() {
            Ok(bytes) => self.send_bytes(now, f, value.kind(), &bytes),
            Err(_) => self.drop_for(DropReason::TooLarge),
        }
    }

    /// The same with a message of another kind.
    pub(crate) fn send_bytes(&mut self, now: Now, f: NodeAddr, kind: u16, bytes: &[u8]) {
        let sent = self
            .session_mut(f)
            .map(|session| session.send_message(now.mono, kind, bytes));
        self.touched.insert(f);
        if !matches!(sent, Some(Ok(()))) {
            self.drop_for(DropReason::TableFull);
        }
    }

    /// A new control stream: say who this is, what lies behind it, where it is, and who rotated.
    pub(crate) fn greet(&mut self, now: Now, f: NodeAddr) {
        let config = self.config.clone();
        let hello = Hello {
            instance: self.instance,
            version: Some(&config.software_version),
            features: 0,
            label: config.host_label.as_deref(),
        };
        self.send_value(now, f, &StreamValue::Hello(hello));
        if self.may_talk(f) {
            self.greet_as_peer(now, f);
        } else if self.is_own_server(f) {
            // Members ask a server where this node is.
            self.tell_endpoints(now, f);
        }
    }

    /// What is for those only whom this node talks with.
    pub(crate) fn greet_as_peer(&mut self, now: Now, f: NodeAddr) {
        self.greet_with_prefixes(now, f);
        self.tell_endpoints(now, f);
        self.greet_with_digest(now, f);
    }

    /// A message of a group, or one that this node does not know.
    fn group_message_in(&mut self, now: Now, f: NodeAddr, kind: u16, bytes: &[u8]) {
        if kind == SITE {
            return match SiteMessage::decode(bytes) {
                Ok(message) => self.site_message_in(now, f, message),
                Err(_) => self.drop_for(DropReason::Malformed),
            };
        }
        match (
            Message::decode(kind, bytes),
            AgentMessage::decode(kind, bytes),
        ) {
            (Ok(Some(message)), _) => self.member_message_in(now, f, message),
            (_, Ok(Some(message))) if message.is_for_server() => {
                self.said_to_server(f, message);
            }
            (_, Ok(Some(message))) => self.server_message_in(now, f, message),
            (Ok(None), Ok(None)) => {}
            (Err(_), _) | (_, Err(_)) => self.drop_for(DropReason::Malformed),
        }
    }

    /// Tells every peer with a session where this node can be reached now.
    pub(crate) fn tell_all_endpoints(&mut self, now: Now) {
        for f in self.peers_up() {
            if self.may_talk(f) || self.is_own_server(f) {
                self.tell_endpoints(now, f);
            }
        }
    }

    /// Tells a peer where this node can be reached: its own addresses, and where its Bridges see
    /// it from outside of a NAT.
    pub(crate) fn tell_endpoints(&mut self, now: Now, f: NodeAddr) {
        let seen = self.links.values().filter_map(|link| link.attached);
        let all = self.local_endpoints.iter().copied().chain(seen);
        let mut endpoints = Vec::new();
        for at in all.filter(|at| Endpoint::new(*at).is_usable()) {
            if !endpoints.contains(&at) {
                endpoints.push(at);
            }
        }
        endpoints.truncate(wire::stream::ENDPOINTS_MAX);
        if !endpoints.is_empty() {
            self.send_value(now, f, &StreamValue::Endpoints(endpoints));
        }
    }

    /// A handshake of this instance of F succeeded.
    pub(crate) fn look_for_clones(
        &mut self,
        now: Now,
        f: NodeAddr,
        instance: [u8; 8],
        at: SocketAddr,
    ) {
        let peer = self.peers.entry(f).or_default();
        let Some(clones) = peer.instances.observe(instance, at) else {
            return;
        };
        self.event(Event::CloneSeen {
            f,
            here: Some(clones.here),
            there: Some(clones.there),
        });
        let notice = CloneNotice {
            f,
            first: clones.here,
            second: clones.there,
        };
        self.send_value(now, f, &StreamValue::CloneNotice(notice));
    }

    fn hello_in(&mut self, f: NodeAddr, hello: &Hello<'_>) {
        let peer = self.peers.entry(f).or_default();
        peer.software_version = hello.version.map(printable);
        peer.host_label = hello.label.map(printable);
    }

    fn endpoints_in(&mut self, now: Now, f: NodeAddr, list: &[SocketAddr]) {
        let peer = self.peers.entry(f).or_default();
        for at in list {
            peer.candidates.add(now.mono, *at, Source::Told);
        }
        self.try_directly(now, f);
    }

    fn clone_notice_in(&mut self, notice: &CloneNotice) {
        if notice.f != self.f || self.own_clone_notice == Some((notice.first, notice.second)) {
            return;
        }
        self.own_clone_notice = Some((notice.first, notice.second));
        self.event(Event::CloneSeen {
            f: self.f,
            here: Some(notice.first),
            there: Some(notice.second),
        });
    }
}

/// A text of a peer as it is kept and shown: characters that would move a terminal's cursor,
/// break a line or turn the direction of writing stand as `\u{…}`.
fn printable(text: &str) -> String {
    let is_hidden = |c: char| {
        let marks = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        let breaks = matches!(c, '\u{2028}'..='\u{202e}' | '\u{61c}');
        c.is_control() || marks || breaks
    };
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hidden(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}
