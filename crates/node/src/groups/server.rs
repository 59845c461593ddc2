//! Being a management server, as far as sessions go: who may come, and carrying what the domain
//! (`control`, behind the shell) and members say to each other.
//!
//! | who | may |
//! |---|---|
//! | a member's node | resume, ask where another is |
//! | whoever proves the gate of this server's lines | say by which invite it comes, for [`NEWCOMER`] |
//! | a peer that this node allows | the same, at any time |
//! | a node that is a member no more | be told so, for [`LEAVER`] |
//!
//! | limit | value |
//! |---|---|
//! | newcomers at once | [`NEWCOMERS_MAX`] |

use std::net::SocketAddr;
use std::time::Duration;

use group::Access;
use group::agent::{AgentMessage, ToMember};
use group::lock::Lock;
use group::partner::PartnerMessage;
use session::handshake::Credential;
use wire::invite::{Invite, Purpose, SECRET_LEN};
use wire::payload::CloseReason;
use wire::{NodeAddr, Now};

use crate::grouping::Managing;
use crate::invites::{place_of, usable};
use crate::machine::Node;
use crate::stored::bridge::Secret;
use crate::stored::groups::GroupChange;
use crate::{DropReason, InviteError, Output};

/// Most newcomers at once.
pub const NEWCOMERS_MAX: usize = 256;
/// How long a newcomer has to say by which invite it comes.
const NEWCOMER: Duration = Duration::from_secs(15);
/// How long a node that is removed may still be told.
pub(super) const LEAVER: Duration = Duration::from_secs(2);

impl Node {
    /// This node is a management server from now on, of these members, and its lines open `gate`, which
    /// all instances of the server have. Said again it changes who the members are.
    pub fn manage(
        &mut self,
        now: Now,
        members: impl IntoIterator<Item = NodeAddr>,
        gate: [u8; SECRET_LEN],
    ) {
        let secret = Secret(gate);
        if self.stored.grouping.gate != Some(secret) {
            self.persist_group(GroupChange::Gate { secret });
        }
        let managing = self.groups.managing.get_or_insert_with(Managing::default);
        managing.members = members.into_iter().collect();
        self.guard_the_door();
        self.refresh_agents(now);
        self.agents_due(now);
        self.settle(now);
    }

    /// A node is a member's from now on, or is no member's any more: then it may be told so, and its
    /// session ends unless something else allows it.
    pub fn set_member(&mut self, now: Now, f: NodeAddr, is_member: bool) {
        let Some(managing) = &mut self.groups.managing else {
            return;
        };
        managing.newcomers.remove(&f);
        if is_member {
            managing.members.insert(f);
            managing.leavers.remove(&f);
        } else if managing.members.remove(&f) {
            managing.leavers.insert(f, now.mono.saturating_add(LEAVER));
        }
        if is_member && f == self.f {
            self.come_to(now, f);
        }
        self.settle(now);
    }

    /// Whether this node is a management server.
    #[must_use]
    pub const fn is_managing(&self) -> bool {
        self.groups.managing.is_some()
    }

    /// The members' nodes, and newcomers, with a session.
    #[must_use]
    pub fn members_up(&self) -> Vec<NodeAddr> {
        let up = self.peers_up().into_iter();
        up.filter(|f| self.is_managed(*f)).collect()
    }

    /// Carries to a node what this server tells it; false: there is no session.
    pub fn tell_from_server(&mut self, now: Now, f: NodeAddr, message: ToMember) -> bool {
        let there = f == self.f || self.peer_is_up(f);
        if there {
            match message {
                ToMember::Agent(message) if f == self.f => self.server_message_in(now, f, message),
                ToMember::Member(message) if f == self.f => self.member_message_in(now, f, message),
                ToMember::Agent(message) => {
                    self.send_bytes(now, f, message.kind(), &message.encode());
                }
                ToMember::Member(message) => self.tell_member(now, f, &message),
            }
            self.settle(now);
        }
        there
    }

    /// Tells a member where another is: the domain has found that it may know.
    pub fn tell_location(&mut self, now: Now, to: NodeAddr, f: NodeAddr) {
        let message = self.place_of(f);
        self.tell_from_server(now, to, ToMember::Agent(message));
    }

    /// Where a node is, as this server tells others: nothing, if it does not know.
    #[must_use]
    pub fn place_of(&self, f: NodeAddr) -> AgentMessage {
        let identity = self.known.get(&f).map(identity::PublicIdentity::to_bytes);
        let running = self.peers.get(&f);
        let endpoints = running.map(|peer| peer.candidates.ordered());
        AgentMessage::Located {
            f,
            endpoints: endpoints.unwrap_or_default(),
            identity: identity.unwrap_or_default(),
        }
    }

    /// The same of this node.
    #[must_use]
    pub fn own_place(&self, endpoints: &[SocketAddr]) -> AgentMessage {
        AgentMessage::Located {
            f: self.f,
            endpoints: usable(endpoints),
            identity: self.me.public.to_bytes(),
        }
    }

    /// The line for an invite of this server, which lives until `expires_unix_s`; if it is of one locked group, `lock`
    /// says of which.
    ///
    /// # Errors
    /// See [`InviteError`].
    pub fn group_line(
        &self,
        (secret, lock): ([u8; SECRET_LEN], Option<&Lock>),
        expires_unix_s: u64,
        endpoints: &[SocketAddr],
    ) -> Result<String, InviteError> {
        let Some(Secret(gate)) = self.stored.grouping.gate else {
            return Err(InviteError::Identity);
        };
        let endpoints = usable(endpoints);
        if endpoints.is_empty() && self.attached_links().is_empty() {
            return Err(InviteError::NoEndpoint);
        }
        let place = place_of(&self.me.public, endpoints);
        let invite = Invite {
            purpose: Purpose::Group { gate },
            expires_unix_s,
            secret,
            place: place.ok_or(InviteError::Identity)?,
            bridges: self.places_of_bridges(),
            lock: lock.map(Lock::encode).unwrap_or_default(),
        };
        let line = invite.encode(|bytes| self.crypto.sha256(&[bytes]));
        line.map_err(|_| InviteError::Identity)
    }

    /// The credential that every line of this server proves.
    pub(crate) fn own_gate(&self) -> Option<Credential> {
        self.groups.managing.as_ref()?;
        let Secret(gate) = self.stored.grouping.gate?;
        Some(Credential::of_invite(&*self.crypto, &gate))
    }

    /// Whether F may have a session because this node is a server.
    pub(crate) fn is_managed(&self, f: NodeAddr) -> bool {
        let managing = self.groups.managing.as_ref();
        managing.is_some_and(|it| {
            it.members.contains(&f)
                || it.partners.contains_key(&f)
                || it.newcomers.contains_key(&f)
                || it.leavers.contains_key(&f)
        })
    }

    /// Somebody proved the gate; false: there are too many.
    pub(crate) fn note_newcomer(&mut self, now: Now, f: NodeAddr) -> bool {
        let Some(managing) = &mut self.groups.managing else {
            return false;
        };
        if managing.members.contains(&f) {
            return true;
        }
        let has_room = managing.newcomers.len() < NEWCOMERS_MAX;
        if has_room || managing.newcomers.contains_key(&f) {
            let until = now.mono.saturating_add(NEWCOMER);
            managing.newcomers.insert(f, until);
            return true;
        }
        false
    }

    /// A node says something to this server.
    pub(crate) fn said_to_server(&mut self, f: NodeAddr, message: AgentMessage) {
        let Some(managing) = &self.groups.managing else {
            return self.drop_for(DropReason::NotAllowed);
        };
        // Who only has a session, as an applicant of a Bridge has, has to prove the gate first.
        let may_come =
            managing.newcomers.contains_key(&f) || matches!(self.access(f), Access::Allowed(_));
        let is_member = managing.members.contains(&f);
        let is_partner = managing.partners.contains_key(&f);
        let may = match &message {
            AgentMessage::Enrol(_) | AgentMessage::EnrolLocked(_) => is_member || may_come,
            AgentMessage::Partner(said) => match said {
                PartnerMessage::Come(_) => is_member || is_partner || may_come,
                PartnerMessage::Charge(_) => is_partner || self.comes_as_partner(f),
                PartnerMessage::Said(_) => is_member || is_partner,
                PartnerMessage::Here
                | PartnerMessage::Holding { .. }
                | PartnerMessage::Admitted { .. } => is_partner,
            },
            _ => is_member,
        };
        if !may {
            return self.drop_for(DropReason::NotAllowed);
        }
        self.output(Output::ToServer { from: f, message });
    }

    /// Whether this server uses the line of the one at F.
    fn comes_as_partner(&self, f: NodeAddr) -> bool {
        let agent = self.groups.agents.get(&f);
        let enrolling = agent.and_then(|agent| agent.enrolling.as_ref());
        enrolling.is_some_and(|it| it.partner.is_some())
    }

    /// Newcomers that said nothing in time, and leavers that were told.
    pub(crate) fn newcomers_due(&mut self, now: Now) {
        let Some(managing) = &mut self.groups.managing else {
            return;
        };
        let mut over = Vec::new();
        for table in [&mut managing.newcomers, &mut managing.leavers] {
            table.retain(|f, until| {
                let stays = *until > now.mono;
                if !stays {
                    over.push(*f);
                }
                stays
            });
        }
        for f in over {
            if !self.may_meet(f) {
                self.cut(now, f, CloseReason::NotAllowed);
            }
        }
    }

    pub(crate) fn newcomers_timeout(&self) -> Option<Duration> {
        let managing = self.groups.managing.as_ref()?;
        let tables = [&managing.newcomers, &managing.leavers];
        tables
            .into_iter()
            .flat_map(|table| table.values())
            .min()
            .copied()
    }
}
