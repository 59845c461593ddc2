//! Events become the tenant. What can fail here is a store that was damaged: every event was
//! decided on before it was written.

use std::collections::BTreeMap;

use group::chain::{Chain, Head};
use group::statement::{Admission, Authority, Entry, Genesis};
use identity::crypto::Crypto;
use wire::Prefix;

use crate::event::Event;
use crate::model::{Admin, Group, Invite, Member, Tenant};
use crate::partners::removed_by;
use crate::zone::Zone;

/// An event that cannot have followed those before it: the store is damaged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("event {rev} does not follow those before it: {what}; restore the store from a backup")]
pub struct Corrupt {
    /// Its number.
    pub rev: u64,
    /// What does not fit.
    pub what: String,
}

impl Tenant {
    /// Makes one event so.
    ///
    /// # Errors
    /// See [`Corrupt`]; the tenant is of no use then.
    pub fn apply(&mut self, crypto: &dyn Crypto, event: &Event) -> Result<(), Corrupt> {
        self.rev += 1;
        let rev = self.rev;
        self.try_apply(crypto, event)
            .map_err(|what| Corrupt { rev, what })
    }

    fn try_apply(&mut self, crypto: &dyn Crypto, event: &Event) -> Result<(), String> {
        match event {
            Event::ServerSet { apart, site } => {
                self.apart = *apart;
                self.site.clone_from(site);
            }
            Event::GroupCreated { .. } => self.group_created(crypto, event)?,
            Event::AuthorityChanged { group, authority } => {
                self.authority_changed(crypto, group, authority)?;
            }
            Event::MemberAdded {
                member,
                mode,
                accepts,
            } => {
                let added = Member {
                    mode: *mode,
                    accepts: accepts.clone(),
                    ..Member::default()
                };
                self.members.insert(member.clone(), added);
            }
            Event::MembershipGranted { member, group } => {
                self.member_mut(member)?.groups.insert(group.clone());
            }
            Event::Admitted {
                member,
                group,
                admission,
            } => {
                let admission = Admission::decode(admission).map_err(|e| e.to_string())?;
                let admissions = &mut self.group_mut(group)?.admissions;
                admissions.insert(member.clone(), admission);
                self.changed(member)?;
            }
            Event::MembershipEnded { member, group } => {
                self.member_mut(member)?.groups.remove(group);
                self.group_mut(group)?.admissions.remove(member);
                self.changed(member)?;
            }
            Event::Entry { group, entry } => self.own_entry(crypto, group, entry)?,
            Event::GroupTaken { .. } => self.group_taken(crypto, event)?,
            Event::PartnerEntry { group, entry } => {
                let entry = Entry::decode(entry).map_err(|e| e.to_string())?;
                self.partner_entry(crypto, group, entry)?;
            }
            Event::PartnerAdmitted { group, admission } => {
                let admission = Admission::decode(admission).map_err(|e| e.to_string())?;
                self.partner_admitted(group, admission)?;
            }
            Event::Enrolled { .. } => self.enrolled(event)?,
            Event::MemberRemoved { member } => {
                let removed = self.members.remove(member);
                if let Some(f) = removed.ok_or("no such member")?.f {
                    self.nodes.remove(&f);
                }
            }
            Event::InviteMade { .. }
            | Event::InviteUsed { .. }
            | Event::PartnerCame { .. }
            | Event::InviteEnded { .. } => {
                self.invite_event(event)?;
            }
            Event::AdminAdded {
                admin,
                name,
                role,
                expires_unix_s,
            } => {
                let added = Admin {
                    name: name.clone(),
                    role: *role,
                    expires_unix_s: *expires_unix_s,
                };
                self.admins.insert(*admin, added);
            }
            Event::AdminRemoved { admin } => {
                self.admins.remove(admin);
            }
        }
        Ok(())
    }

    fn group_created(&mut self, crypto: &dyn Crypto, event: &Event) -> Result<(), String> {
        let Event::GroupCreated {
            group,
            zone,
            site,
            genesis,
            authority,
        } = event
        else {
            return Ok(());
        };
        let decoded = Authority::decode(authority).map_err(|e| e.to_string())?;
        let index = decoded.servers.iter().position(Option::is_some);
        let index = index.and_then(|at| u8::try_from(at).ok());
        let index = index.ok_or("nobody manages the group")?;
        self.add_group(crypto, (group, zone, site), (genesis, authority, index))
    }

    /// Another server's group, which this one manages too.
    fn group_taken(&mut self, crypto: &dyn Crypto, event: &Event) -> Result<(), String> {
        let Event::GroupTaken {
            group,
            zone,
            site,
            genesis,
            authority,
            index,
        } = event
        else {
            return Ok(());
        };
        self.add_group(crypto, (group, zone, site), (genesis, authority, *index))
    }

    fn add_group(
        &mut self,
        crypto: &dyn Crypto,
        (group, zone, site): (&str, &str, &[Prefix]),
        (genesis, authority, index): (&[u8], &[u8], u8),
    ) -> Result<(), String> {
        let genesis = Genesis::decode(genesis).map_err(|e| e.to_string())?;
        let authority = Authority::decode(authority).map_err(|e| e.to_string())?;
        let id = genesis.id(crypto);
        let created = Group {
            id,
            genesis,
            authority,
            site: site.to_vec(),
            zone_name: zone.to_owned(),
            zone: Zone::named(zone).ok_or("no such time zone")?,
            chain: Chain::new(id, index, Head::default()),
            admissions: BTreeMap::new(),
            partners: BTreeMap::new(),
            changed_rev: self.rev,
        };
        self.groups.insert(group.to_owned(), created);
        Ok(())
    }

    /// This server's chain has grown.
    fn own_entry(&mut self, crypto: &dyn Crypto, name: &str, entry: &[u8]) -> Result<(), String> {
        let entry = Entry::decode(entry).map_err(|e| e.to_string())?;
        let removed = removed_by(&entry);
        let rev = self.rev;
        let group = self.group_mut(name)?;
        let applied = group.chain.apply(crypto, &group.authority, entry);
        applied.map_err(|error| error.to_string())?;
        group.changed_rev = rev;
        if let Some(member) = removed {
            self.drop_held(name, member);
        }
        Ok(())
    }

    fn authority_changed(
        &mut self,
        crypto: &dyn Crypto,
        group: &str,
        authority: &[u8],
    ) -> Result<(), String> {
        let authority = Authority::decode(authority).map_err(|e| e.to_string())?;
        let (rev, name) = (self.rev, group);
        let group = self.group_mut(name)?;
        let is_signed = authority.is_signed_by(crypto, &group.genesis.root_key);
        let is_newer = authority.serial > group.authority.serial;
        if authority.group != group.id || !is_signed || !is_newer {
            return Err("not a newer statement of the root key".to_owned());
        }
        group.authority = authority;
        group.changed_rev = rev;
        self.drop_partners(name);
        Ok(())
    }

    fn enrolled(&mut self, event: &Event) -> Result<(), String> {
        if let Event::Enrolled {
            member,
            f,
            kind,
            prefixes,
            invite,
        } = event
        {
            let found = self.member_mut(member)?;
            (found.f, found.kind, found.came_by) = (Some(*f), Some(*kind), *invite);
            found.prefixes.clone_from(prefixes);
            self.nodes.insert(*f, member.clone());
        }
        Ok(())
    }

    fn invite_event(&mut self, event: &Event) -> Result<(), String> {
        match event {
            Event::InviteMade {
                invite,
                member,
                groups,
                uses,
                mode,
                expires_unix_s,
                partner,
            } => {
                let made = Invite {
                    is_partners: *partner,
                    came: None,
                    member: member.clone(),
                    groups: groups.clone(),
                    uses_left: *uses,
                    mode: *mode,
                    expires_unix_s: *expires_unix_s,
                };
                self.invites.insert(*invite, made);
            }
            Event::InviteUsed { invite } => {
                let used = self.invites.get_mut(invite).ok_or("no such invite")?;
                used.uses_left = used.uses_left.checked_sub(1).ok_or("it was used up")?;
                if used.uses_left == 0 {
                    self.invites.remove(invite);
                }
            }
            // It stays until it is over: an answer may be lost on its way.
            Event::PartnerCame { invite, f } => {
                let used = self.invites.get_mut(invite).ok_or("no such invite")?;
                (used.uses_left, used.came) = (0, Some(*f));
            }
            Event::InviteEnded { invite } => {
                self.invites.remove(invite);
            }
            _ => {}
        }
        Ok(())
    }

    /// What a member must know has changed.
    fn changed(&mut self, member: &str) -> Result<(), String> {
        self.member_mut(member)?.changed_rev = self.rev;
        Ok(())
    }

    fn member_mut(&mut self, name: &str) -> Result<&mut Member, String> {
        let found = self.members.get_mut(name);
        found.ok_or_else(|| format!("no member `{name}`"))
    }

    fn group_mut(&mut self, name: &str) -> Result<&mut Group, String> {
        let found = self.groups.get_mut(name);
        found.ok_or_else(|| format!("no group `{name}`"))
    }
}
