//! Events become the tenant. What can fail here is a store that was damaged: every event was
//! decided on before it was written.

use std::collections::BTreeMap;

use group::chain::{Chain, Head};
use group::statement::{Admission, Authority, Entry, Genesis, Rules};
use identity::crypto::Crypto;
use wire::Prefix;

use crate::event::Event;
use crate::model::{Admin, Group, Invite, Member, Tenant};
use crate::partners::removed_by;
use crate::rule_test::RuleTest;
use crate::sign_in::{Failures, NotSignedIn, SignedIn, User};
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
                roles,
            } => {
                let added = Member {
                    mode: *mode,
                    accepts: accepts.clone(),
                    roles: roles.clone(),
                    ..Member::default()
                };
                self.members.insert(member.clone(), added);
            }
            Event::RolesSet { member, roles } => {
                self.member_mut(member)?.roles.clone_from(roles);
            }
            Event::RulesSet {
                group,
                rules,
                tests,
            } => self.rules_set(crypto, group, rules.as_deref(), tests)?,
            Event::MembershipGranted { .. }
            | Event::Admitted { .. }
            | Event::AdmissionAsked { .. }
            | Event::AdmissionSigned { .. }
            | Event::AdmissionUnasked { .. }
            | Event::RulesAsked { .. }
            | Event::RulesSigned { .. }
            | Event::MembershipEnded { .. } => self.membership_event(crypto, event)?,
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
                // Another node of this name is another.
                for user in self.users.values_mut() {
                    user.devices.remove(member);
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
            Event::SignInRequired { group, period_s } => {
                self.has_sign_ins = true;
                let rev = self.rev;
                let group = self.group_mut(group)?;
                (group.sign_in_s, group.changed_rev) = (*period_s, rev);
            }
            Event::UserAdded { .. }
            | Event::UserChanged { .. }
            | Event::PasswordSet { .. }
            | Event::UserRemoved { .. } => self.user_event(event)?,
            Event::SignedIn { .. }
            | Event::SignInRefused { .. }
            | Event::SignedOut { .. }
            | Event::AdmissionEnded { .. } => self.sign_in_event(event)?,
        }
        Ok(())
    }

    fn membership_event(&mut self, crypto: &dyn Crypto, event: &Event) -> Result<(), String> {
        match event {
            Event::MembershipGranted { member, group } => {
                let asks = self.group_mut(group)?.sign_in_s.is_some();
                self.member_mut(member)?.groups.insert(group.clone());
                if asks {
                    self.changed(member)?;
                }
            }
            Event::Admitted {
                member,
                group,
                admission,
            } => {
                let admission = Admission::decode(admission).map_err(|e| e.to_string())?;
                let group = self.group_mut(group)?;
                group.asked.remove(member);
                group.admissions.insert(member.clone(), admission);
                self.changed(member)?;
            }
            Event::AdmissionAsked { .. }
            | Event::AdmissionSigned { .. }
            | Event::AdmissionUnasked { .. }
            | Event::RulesAsked { .. }
            | Event::RulesSigned { .. } => self.asked_event(crypto, event)?,
            Event::MembershipEnded { member, group } => {
                self.member_mut(member)?.groups.remove(group);
                let group = self.group_mut(group)?;
                group.admissions.remove(member);
                group.asked.remove(member);
                self.changed(member)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn group_created(&mut self, crypto: &dyn Crypto, event: &Event) -> Result<(), String> {
        let Event::GroupCreated {
            group,
            zone,
            site,
            sign_in_s,
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
        let of = (group.as_str(), zone.as_str(), &site[..], *sign_in_s);
        self.add_group(crypto, of, (genesis, authority, index))
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
        let of = (group.as_str(), zone.as_str(), &site[..], None);
        self.add_group(crypto, of, (genesis, authority, *index))
    }

    fn add_group(
        &mut self,
        crypto: &dyn Crypto,
        (group, zone, site, sign_in_s): (&str, &str, &[Prefix], Option<u64>),
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
            sign_in_s,
            zone_name: zone.to_owned(),
            zone: Zone::named(zone).ok_or("no such time zone")?,
            rules: None,
            tests: Vec::new(),
            asked_serial: 0,
            asked_rules: None,
            chain: Chain::new(id, index, Head::default()),
            admissions: BTreeMap::new(),
            asked: BTreeMap::new(),
            partners: BTreeMap::new(),
            changed_rev: self.rev,
        };
        self.groups.insert(group.to_owned(), created);
        self.has_sign_ins |= sign_in_s.is_some();
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

    fn user_event(&mut self, event: &Event) -> Result<(), String> {
        let rev = self.rev;
        let missing = || "no such user".to_owned();
        match event {
            Event::UserAdded { user, devices } => {
                let added = User {
                    devices: devices.clone(),
                    password_rev: rev,
                    ..User::default()
                };
                self.users.insert(user.clone(), added);
            }
            Event::UserChanged {
                user,
                devices,
                disabled,
            } => {
                let user = self.users.get_mut(user).ok_or_else(missing)?;
                (user.devices, user.disabled) = (devices.clone(), *disabled);
            }
            Event::PasswordSet { user } => {
                let user = self.users.get_mut(user).ok_or_else(missing)?;
                (user.password_rev, user.failures) = (rev, Failures::default());
            }
            Event::UserRemoved { user } => {
                self.users.remove(user).ok_or_else(missing)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn sign_in_event(&mut self, event: &Event) -> Result<(), String> {
        match event {
            Event::SignedIn {
                member,
                user,
                at_unix_s,
            } => {
                let known = self.users.get_mut(user).ok_or("no such user")?;
                known.failures = Failures::default();
                let found = self.member_mut(member)?;
                found.failures = Failures::default();
                found.signed_in = Some(SignedIn {
                    user: user.clone(),
                    at_unix_s: *at_unix_s,
                });
                self.changed(member)?;
            }
            Event::SignInRefused {
                member,
                user,
                why,
                at_unix_s,
            } => {
                self.member_mut(member)?.failures.note(*at_unix_s);
                let user = user.as_ref().and_then(|user| self.users.get_mut(user));
                if let (Some(user), NotSignedIn::Password) = (user, why) {
                    user.failures.note(*at_unix_s);
                }
            }
            Event::SignedOut { member, .. } => {
                self.member_mut(member)?.signed_in = None;
                self.changed(member)?;
            }
            Event::AdmissionEnded { member, group } => {
                self.group_mut(group)?.admissions.remove(member);
                self.changed(member)?;
            }
            _ => {}
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
        let before = std::mem::replace(&mut group.authority, authority);
        group.changed_rev = rev;
        self.drop_partners(name, &before);
        Ok(())
    }

    fn rules_set(
        &mut self,
        crypto: &dyn Crypto,
        group: &str,
        rules: Option<&[u8]>,
        tests: &[RuleTest],
    ) -> Result<(), String> {
        let rev = self.rev;
        let group = self.group_mut(group)?;
        group.tests = tests.to_vec();
        let Some(rules) = rules else {
            return Ok(());
        };
        let rules = Rules::decode(rules).map_err(|e| e.to_string())?;
        let before = group.rules_rank(crypto, &group.authority);
        let holds = rules.holds(crypto, &group.genesis, &group.authority);
        if rules.group != group.id || !holds || rules.serial <= before {
            return Err("not newer rules of those who decide about the group".to_owned());
        }
        (group.rules, group.asked_rules) = (Some(rules), None);
        group.changed_rev = rev;
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
                roles,
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
                    roles: roles.clone(),
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

    pub(crate) fn group_mut(&mut self, name: &str) -> Result<&mut Group, String> {
        let found = self.groups.get_mut(name);
        found.ok_or_else(|| format!("no group `{name}`"))
    }
}
