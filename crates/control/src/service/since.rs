//! Whom a series of events concerns: gathered while they are applied, before anybody is told.

use std::collections::{BTreeMap, BTreeSet};

use group::statement::{Admission, Entry, GroupId, Server};
use wire::NodeAddr;

use crate::event::Event;
use crate::model::Tenant;
use crate::partners::removed_by;

/// The servers of a group before, and the members whom those had admitted.
type Placed = (String, Vec<Option<Server>>, Vec<NodeAddr>);

#[derive(Default)]
pub(super) struct Since {
    /// Nodes that may come.
    pub(super) come: Vec<NodeAddr>,
    /// Nodes that may be in no group any more.
    pub(super) leavers: Vec<NodeAddr>,
    /// What chains have grown by, by group and index.
    pub(super) grown: BTreeMap<(GroupId, u8), (String, Vec<Entry>)>,
    /// Who is in a group now, and who has another admission there.
    pub(super) admitted: Vec<(NodeAddr, String)>,
    pub(super) replaced: Vec<(NodeAddr, String)>,
    /// Groups whose servers are others, or elsewhere.
    pub(super) placed: Vec<Placed>,
    /// Groups that have other rules.
    pub(super) ruled: Vec<String>,
    /// The servers of a group are others, or it is new here.
    pub(super) has_servers: bool,
    /// Members that are told who is signed in, and where that is required.
    pub(super) signed: BTreeSet<String>,
}

impl Since {
    /// An event is about to be applied.
    pub(super) fn before(&mut self, tenant: &Tenant, event: &Event) {
        match event {
            Event::MemberRemoved { member } => {
                self.leavers
                    .extend(tenant.members.get(member).and_then(|it| it.f));
            }
            Event::AuthorityChanged { group, .. } => {
                let before = tenant.groups.get(group);
                let places = before.map(|it| it.authority.servers.clone());
                let held = before.into_iter().flat_map(|it| it.held());
                let held = held.map(|(f, _)| f).collect();
                self.placed
                    .push((group.clone(), places.unwrap_or_default(), held));
            }
            Event::Admitted {
                group, admission, ..
            }
            | Event::PartnerAdmitted { group, admission } => {
                // It was decided on, so it decodes.
                let Ok(admission) = Admission::decode(admission) else {
                    return;
                };
                let f = admission.member.f;
                let known = tenant.groups.get(group);
                let had_one = known.is_some_and(|it| tenant.admission_of(it, f).is_some());
                let of = match had_one {
                    true => &mut self.replaced,
                    false => &mut self.admitted,
                };
                of.push((f, group.clone()));
            }
            _ => {}
        }
    }

    /// An event was applied.
    pub(super) fn after(&mut self, tenant: &Tenant, event: &Event) {
        match event {
            Event::RulesSet {
                group,
                rules: Some(_),
                ..
            } => self.ruled.push(group.clone()),
            Event::Enrolled { f, .. } => self.come.push(*f),
            Event::PartnerAdmitted { admission, .. } => {
                let admission = Admission::decode(admission).ok();
                self.come.extend(admission.map(|it| it.member.f));
            }
            Event::Entry { group, entry } | Event::PartnerEntry { group, entry } => {
                if let Ok(entry) = Entry::decode(entry) {
                    self.leavers.extend(removed_by(&entry).map(|it| it.f));
                    let of = self.grown.entry((entry.group, entry.index)).or_default();
                    of.0.clone_from(group);
                    of.1.push(entry);
                }
            }
            Event::AuthorityChanged { .. } | Event::GroupTaken { .. } => self.has_servers = true,
            _ => self.note_sign_ins(tenant, event),
        }
    }

    fn note_sign_ins(&mut self, tenant: &Tenant, event: &Event) {
        match event {
            Event::SignedIn { member, .. } => {
                self.signed.insert(member.clone());
                let found = tenant.members.get(member);
                for (group, _) in found.into_iter().flat_map(|it| tenant.sign_in_groups(it)) {
                    self.lease_anew(tenant, member, group);
                }
            }
            Event::SignedOut { member, .. } => {
                self.signed.insert(member.clone());
            }
            Event::MembershipGranted { member, group }
            | Event::MembershipEnded { member, group } => {
                let found = tenant.groups.get(group);
                if found.is_some_and(|it| it.sign_in_s.is_some()) {
                    self.signed.insert(member.clone());
                }
            }
            Event::SignInRequired { group, .. } => {
                let all = tenant.members.iter();
                for (member, _) in all.filter(|(_, it)| it.groups.contains(group)) {
                    self.signed.insert(member.clone());
                    self.lease_anew(tenant, member, group);
                }
            }
            _ => {}
        }
    }

    /// A member gets a lease that ends elsewhere.
    fn lease_anew(&mut self, tenant: &Tenant, member: &str, group: &str) {
        let node = tenant.members.get(member).and_then(|it| it.f);
        let one = node.map(|f| (f, group.to_owned()));
        self.admitted
            .extend(one.filter(|one| !self.admitted.contains(one)));
    }
}
