//! What this node offers and matches in a handshake, and what a match is good for.
//!
//! | both ends hold | then |
//! |---|---|
//! | the secret of an epoch in force | each shows its membership; once it is seen, packets pass |
//! | only one that is over | each shows its membership, and the one that is behind is told what it missed |
//! | none | this is no ground for a session |
//!
//! | limit | value |
//! |---|---|
//! | time until a membership must have been shown | [`PROVING`] |
//! | packets that wait for it, of one peer | [`HELD_MAX`] |

use std::time::Duration;

use group::Access;
use group::epochs::Use;
use group::keyring::Proof;
use group::message::{decode_shown, encode_shown};
use group::statement::GroupId;
use session::handshake::{Credential, CredentialName};
use session::transport::Role;
use wire::ip::Ecn;
use wire::payload::{CloseReason, Kind};
use wire::{NodeAddr, Now};

use crate::DropReason;
use crate::grouping::Proven;
use crate::machine::Node;

/// How long a peer that proved a group's secret may take to show its membership.
pub const PROVING: Duration = Duration::from_secs(10);
/// Most packets of one peer that wait for that.
pub const HELD_MAX: usize = 64;

impl Node {
    /// The credentials of this node's groups.
    pub(crate) fn group_credentials(&self, now: Now) -> impl Iterator<Item = Credential> {
        let proofs = self.groups.keyring.proofs(&*self.crypto, now.unix_s);
        proofs.into_iter().map(|proof| Credential {
            id: proof.group.0,
            epoch: proof.epoch.wire(),
            tag: proof.tag,
            psk: proof.psk,
        })
    }

    /// Whether somebody whose groups are not known yet may be called: this node has a group, and no
    /// rule is against it.
    pub(crate) fn may_seek(&self, f: NodeAddr) -> bool {
        let has_group = || self.groups.keyring.groups().next().is_some();
        self.may_talk(f) || (matches!(self.access(f), Access::Unknown) && has_group())
    }

    /// A session with F stands, for another reason than a group: only a handshake proves one. There
    /// is one each time that this node can prove something else.
    pub(crate) fn prove_to(&mut self, now: Now, f: NodeAddr) {
        let rev = self.groups.provable_rev;
        let Some(peer) = self.peers.get_mut(&f) else {
            return;
        };
        if peer.proven.called_rev < rev {
            peer.proven.called_rev = rev;
            self.ensure_session(f).initiate(now.mono);
            self.touched.insert(f);
        } else if !self.is_proving(f) {
            self.give_up(now, f);
        }
    }

    /// Whether F is in a group with this node, by the session that stands.
    pub(crate) fn is_member(&self, f: NodeAddr) -> bool {
        let peer = self.peers.get(&f);
        peer.is_some_and(|peer| peer.proven.reach.is_some())
    }

    /// Whether F may still show that it is.
    pub(crate) fn is_proving(&self, f: NodeAddr) -> bool {
        self.groups.proving.contains_key(&f)
    }

    /// The groups among the credentials that matched, and what each match is good for.
    pub(crate) fn groups_of(
        &self,
        now: Now,
        matched: impl Iterator<Item = CredentialName>,
    ) -> Vec<(GroupId, Use)> {
        let mut proofs: Option<Vec<Proof>> = None;
        let mut found = Vec::new();
        for name in matched.filter(|name| name.epoch != 0) {
            let all = || self.groups.keyring.proofs(&*self.crypto, now.unix_s);
            let proofs = proofs.get_or_insert_with(all);
            let is = |it: &&Proof| it.group.0 == name.id && it.epoch.wire() == name.epoch;
            found.extend(proofs.iter().find(is).map(|it| (it.group, it.what)));
        }
        found
    }

    /// What message 2 shows to whoever proved these groups.
    pub(crate) fn shown(&self, groups: &[(GroupId, Use)]) -> Vec<u8> {
        let mut ids: Vec<GroupId> = groups.iter().map(|(group, _)| *group).collect();
        ids.dedup();
        let memberships = ids
            .iter()
            .filter_map(|id| self.groups.keyring.membership(*id));
        encode_shown(memberships)
    }

    /// A handshake proved these groups: its peer may show its membership.
    pub(crate) fn note_proven(&mut self, now: Now, f: NodeAddr, groups: &[(GroupId, Use)]) {
        let peer = self.peers.entry(f).or_default();
        let proven = &mut peer.proven;
        proven.groups.clear();
        proven.behind.clear();
        for (group, what) in groups {
            match what {
                Use::Current | Use::Beside => proven.groups.insert(*group),
                Use::CatchUp => proven.behind.insert(*group),
            };
        }
        let over = std::mem::take(&mut proven.behind);
        proven.behind = over.difference(&proven.groups).copied().collect();
        if proven.is_some() {
            let until = now.mono.saturating_add(PROVING);
            self.groups.proving.insert(f, until);
        } else {
            self.groups.proving.remove(&f);
        }
        self.judge_member(now, f);
    }

    /// The session stands: says which groups this node is in, and reads what message 2 showed.
    pub(crate) fn came_up_with_groups(
        &mut self,
        now: Now,
        f: NodeAddr,
        (role, shown): (Role, &[u8]),
        groups: &[(GroupId, Use)],
    ) {
        let said = match role {
            Role::Responder => decode_shown(&self.shown(groups)),
            Role::Initiator => Ok(Vec::new()),
        };
        let said = said.unwrap_or_default();
        let said: Vec<GroupId> = said.iter().map(|(admission, _)| admission.group).collect();
        // Before anything else, so that the peer takes the packets that follow.
        self.show_groups(now, f, &said);
        match decode_shown(shown) {
            Ok(shown) => {
                for (admission, lease) in shown {
                    self.membership_in(now, f, &admission, &lease);
                }
            }
            Err(_) => self.drop_for(DropReason::Malformed),
        }
        if groups.is_empty() && !self.may_talk(f) {
            self.give_up(now, f);
        }
    }

    /// The session has ended: nothing is proven any more.
    pub(crate) fn groups_down(&mut self, f: NodeAddr) {
        self.groups.proving.remove(&f);
        self.groups.keyring.forget(f);
        if let Some(peer) = self.peers.get_mut(&f) {
            peer.proven = Proven::default();
        }
    }

    /// Whether packets pass between this node and F, by its groups; acts on a change.
    pub(crate) fn judge_member(&mut self, now: Now, f: NodeAddr) {
        let Some(peer) = self.peers.get_mut(&f) else {
            return;
        };
        let proven = &mut peer.proven;
        let keyring = &self.groups.keyring;
        let reach = keyring.reach(f, now.unix_s, |group| proven.groups.contains(&group));
        let is_member = reach.is_some();
        if is_member {
            self.groups.proving.remove(&f);
        }
        if reach == proven.reach {
            return;
        }
        let was_member = proven.reach.is_some();
        proven.reach = reach;
        self.snapshot_stale = true;
        if is_member == was_member {
            return;
        }
        if !is_member {
            proven.held.clear();
            if !self.may_meet(f) {
                self.cut(now, f, CloseReason::NotAllowed);
            }
            self.site_lost(f);
            return self.quieten(f);
        }
        let held = std::mem::take(&mut proven.held);
        self.publish_if_stale();
        for (ecn, packet) in held {
            self.packet_in(now, f, Kind::Ip, packet, ecn);
        }
        // What waits goes before what can wait.
        self.site_met(now, f);
        self.release(now, f);
        self.greet_as_peer(now, f);
    }

    /// Everything of groups that time or news may have changed.
    pub(crate) fn judge_members(&mut self, now: Now) {
        self.settle_ground(now);
        let peers: Vec<NodeAddr> = self.peers.keys().copied().collect();
        for f in peers {
            self.judge_member(now, f);
        }
        let proofs = self.groups.keyring.proofs(&*self.crypto, now.unix_s);
        let provable: Vec<_> = proofs.iter().map(|it| (it.group, it.epoch)).collect();
        if provable != self.groups.provable {
            self.groups.provable = provable;
            self.groups.provable_rev += 1;
        }
        let at = self.groups.keyring.changes_at(now.unix_s);
        let wait = at.map(|at| Duration::from_secs(at.saturating_sub(now.unix_s)));
        // The Unix clock may be set; it is looked at now and then.
        let wait = wait.map(|wait| wait.min(LOOK_AGAIN));
        self.groups.changes_at = wait.map(|wait| now.mono.saturating_add(wait));
    }

    /// A packet of a peer that has proven a group, and whose membership is still on its way.
    pub(crate) fn hold(&mut self, f: NodeAddr, ecn: Ecn, packet: Vec<u8>) {
        let held = self.peers.get_mut(&f).map(|peer| &mut peer.proven.held);
        match held {
            Some(held) if held.len() < HELD_MAX => held.push_back((ecn, packet)),
            _ => self.drop_for(DropReason::ParkedFull),
        }
    }

    /// What waited for F to prove itself.
    fn release(&mut self, now: Now, f: NodeAddr) {
        let Some(waited) = self.found(f) else {
            return;
        };
        for packet in &waited.packets {
            self.send_inside(now, f, packet);
        }
        for id in waited.pings {
            self.ensure_session(f).ping(now.mono, id);
        }
        self.touched.insert(f);
    }

    /// Time has passed: memberships not shown in time, leases and epochs.
    pub(crate) fn groups_due(&mut self, now: Now) {
        let late = self
            .groups
            .proving
            .iter()
            .filter(|(_, at)| **at <= now.mono);
        let late: Vec<NodeAddr> = late.map(|(f, _)| *f).collect();
        for f in late {
            self.groups.proving.remove(&f);
            if let Some(peer) = self.peers.get_mut(&f) {
                peer.proven.held.clear();
            }
            self.snapshot_stale = true;
            self.quieten(f);
            if !self.may_meet(f) {
                self.give_up(now, f);
                self.cut(now, f, CloseReason::NotAllowed);
            }
        }
        if self.groups.changes_at.is_some_and(|at| at <= now.mono) {
            self.groups.keyring.expire(now.unix_s);
            self.judge_members(now);
        }
        self.ask_for_secrets(now);
        self.sign_ins_due(now);
        self.agents_due(now);
        self.newcomers_due(now);
    }

    /// When [`Self::groups_due`] has something to do.
    pub(crate) fn groups_timeout(&self) -> Option<Duration> {
        let proving = self.groups.proving.values().copied();
        let agents = self
            .groups
            .agents
            .values()
            .filter_map(crate::grouping::Agent::timeout);
        let lacking = self.groups.lacking.values().map(|(at, _)| *at).min();
        let signing = self.sign_ins_timeout();
        let own = [
            self.groups.changes_at,
            lacking,
            self.newcomers_timeout(),
            signing,
        ];
        proving.chain(agents).chain(own.into_iter().flatten()).min()
    }
}

/// The longest time between two looks at the Unix clock.
const LOOK_AGAIN: Duration = Duration::from_secs(600);
