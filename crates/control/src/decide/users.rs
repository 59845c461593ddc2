//! Users, signing in and out, and the groups that require it.
//!
//! Whoever loses a sign-in before its end has leases that others may still hold to be good: the admission is
//! removed, and the next sign-in makes another. Where a user signs out nobody has to be kept from anything but
//! talking, so the secrets stay as they are until the next epoch; where an administrator is the reason a new epoch
//! begins at once.

use std::collections::{BTreeMap, BTreeSet};

use group::agent::is_user_name;
use group::chain::{REMOVAL_S, REMOVALS_MAX};
use group::statement::{Membership, Policy};
use identity::password::Verifier;

use super::{Context, Outcome, Reply, room};
use crate::actor::Actor;
use crate::command::{Attempt, Refusal};
use crate::event::Event;
use crate::model::Tenant;
use crate::sign_in::{NotSignedIn, SignedOut, User};
use crate::{SIGN_IN_S_MAX, SIGN_IN_S_MIN, USER_DEVICES_MAX, USERS_MAX};

/// The members that lose their admissions, by group.
type Leaving = BTreeMap<String, Vec<Membership>>;

/// Whether a new epoch begins with a removal.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Secrets {
    /// They stay.
    Stay,
    /// Others are used at once.
    Change,
}

impl Tenant {
    pub(super) fn add_user(
        &self,
        name: &str,
        devices: &BTreeSet<String>,
        verifier: &Verifier,
    ) -> Result<Outcome, Refusal> {
        if !is_user_name(name) {
            return Err(Refusal::UserName(name.to_owned()));
        }
        if self.users.contains_key(name) {
            return Err(Refusal::UserExists(name.to_owned()));
        }
        room(self.users.len(), 1, USERS_MAX, "users")?;
        self.check_devices(devices)?;
        Ok(Outcome {
            events: vec![Event::UserAdded {
                user: name.to_owned(),
                devices: devices.clone(),
            }],
            verifiers: vec![(name.to_owned(), Some(verifier.clone()))],
            ..Outcome::default()
        })
    }

    pub(super) fn set_password(
        &self,
        context: &mut Context<'_>,
        name: &str,
        verifier: &Verifier,
    ) -> Result<Outcome, Refusal> {
        self.user(name)?;
        let mut outcome = Outcome::default();
        let user = name.to_owned();
        outcome.events.push(Event::PasswordSet { user });
        self.end_sign_ins(context, name, None, SignedOut::Password, &mut outcome)?;
        outcome
            .verifiers
            .push((name.to_owned(), Some(verifier.clone())));
        Ok(outcome)
    }

    pub(super) fn remove_user(
        &self,
        context: &mut Context<'_>,
        name: &str,
    ) -> Result<Outcome, Refusal> {
        self.user(name)?;
        let mut outcome = Outcome::default();
        self.end_sign_ins(context, name, None, SignedOut::Access, &mut outcome)?;
        let user = name.to_owned();
        outcome.events.push(Event::UserRemoved { user });
        outcome.verifiers.push((name.to_owned(), None));
        Ok(outcome)
    }

    /// Says where a user may sign in, and whether at all.
    pub(super) fn change_user(
        &self,
        context: &mut Context<'_>,
        name: &str,
        devices: Option<&BTreeSet<String>>,
        disabled: Option<bool>,
    ) -> Result<Outcome, Refusal> {
        let user = self.user(name)?;
        let devices = devices.unwrap_or(&user.devices);
        self.check_devices(devices)?;
        let disabled = disabled.unwrap_or(user.disabled);
        let mut outcome = Outcome::default();
        if *devices == user.devices && disabled == user.disabled {
            return Ok(outcome);
        }
        let keeps = (!disabled).then_some(devices);
        self.end_sign_ins(context, name, keeps, SignedOut::Access, &mut outcome)?;
        outcome.events.push(Event::UserChanged {
            user: name.to_owned(),
            devices: devices.clone(),
            disabled,
        });
        Ok(outcome)
    }

    /// Says for how long a sign-in is good in a group; `None`: it takes none.
    pub(super) fn require_sign_in(
        &self,
        context: &mut Context<'_>,
        name: &str,
        period_s: Option<u64>,
    ) -> Result<Outcome, Refusal> {
        let group = self.managed(context, name)?;
        check_period(period_s)?;
        if group.genesis.policy != Policy::Managed {
            let why =
                "a locked group asks for no sign-in: each would take its admins' signatures anew";
            return Err(Refusal::Rules(why.to_owned()));
        }
        let own = context.signer().public();
        let mut servers = group.authority.servers.iter().flatten();
        if period_s.is_some() && servers.any(|it| it.key != own) {
            return Err(Refusal::SharedSignIn(name.to_owned()));
        }
        let mut outcome = Outcome::default();
        if group.sign_in_s == period_s {
            return Ok(outcome);
        }
        outcome.events.push(Event::SignInRequired {
            group: name.to_owned(),
            period_s,
        });
        // Leases may be out that last longer than a sign-in does from now on.
        let is_shorter = match (group.sign_in_s, period_s) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(before), Some(now)) => now < before,
        };
        if is_shorter {
            let mut leaving = Leaving::new();
            for (member, admission) in &group.admissions {
                self.leave(member, name, admission.member, &mut leaving, &mut outcome);
            }
            self.shut_out_all(context, leaving, Secrets::Change, &mut outcome)?;
        }
        let now = context.now_unix_s;
        let after = crate::model::Group {
            sign_in_s: period_s,
            ..group.clone()
        };
        for (member, it) in &self.members {
            let has = !is_shorter && group.admissions.contains_key(member);
            let shall = it.groups.contains(name) && now < Self::sign_in_end(it, &after);
            if let Some(f) = it.f.filter(|_| shall && !has) {
                self.admit_anyway(context, member, it, f, name, &mut outcome)?;
            }
        }
        Ok(outcome)
    }

    /// A user was checked at a node.
    pub(super) fn sign_in(
        &self,
        context: &mut Context<'_>,
        actor: Actor,
        attempt: &Attempt,
    ) -> Result<Outcome, Refusal> {
        let (f, name) = self.node_of(actor)?;
        let now = context.now_unix_s;
        let user = attempt.user.as_str();
        let wait_s = self.sign_in_wait_s(now, name, user);
        if wait_s > 0 {
            return Err(Refusal::SignInLater(wait_s));
        }
        let judged = self.may_sign_in(name, user);
        let is_stale = |it: &User| it.password_rev != attempt.password_rev;
        if judged.is_ok_and(is_stale) {
            // Another password was set while this one was checked.
            return Err(Refusal::SignInLater(1));
        }
        let mut outcome = Outcome::default();
        let judged = judged.map(|_| attempt.is_right);
        let why = match judged {
            Ok(true) => None,
            Ok(false) => Some(NotSignedIn::Password),
            Err(why) => Some(why),
        };
        if let Some(why) = why {
            let known = self.users.contains_key(user);
            outcome.events.push(Event::SignInRefused {
                member: name.to_owned(),
                user: known.then(|| user.to_owned()),
                why,
                at_unix_s: now,
            });
            outcome.reply = Reply::SignInRefused;
            return Ok(outcome);
        }
        let Some(member) = self.members.get(name) else {
            return Err(Refusal::NotANode);
        };
        for (_, found) in self.sign_in_groups(member) {
            // Signing out removes an admission: whoever does it again and again leaves room for those that are thrown out.
            let entries = found.chain.entries_from(0);
            let in_force = entries.filter(|it| it.at_unix_s.saturating_add(REMOVAL_S) > now);
            room(in_force.count(), 1, REMOVALS_MAX / 2, "removals")?;
        }
        outcome.events.push(Event::SignedIn {
            member: name.to_owned(),
            user: user.to_owned(),
            at_unix_s: now,
        });
        let mut until_unix_s: Option<u64> = None;
        for (group, found) in self.sign_in_groups(member) {
            let end = now.saturating_add(found.sign_in_s.unwrap_or_default());
            until_unix_s = Some(until_unix_s.map_or(end, |it| it.min(end)));
            if !found.admissions.contains_key(name) {
                self.admit_anyway(context, name, member, f, group, &mut outcome)?;
            }
        }
        let until_unix_s = until_unix_s.unwrap_or_default();
        outcome.reply = Reply::SignedIn { until_unix_s };
        Ok(outcome)
    }

    /// Whoever is signed in at a node signs out.
    pub(super) fn sign_out(
        &self,
        context: &mut Context<'_>,
        actor: Actor,
    ) -> Result<Outcome, Refusal> {
        let (_, name) = self.node_of(actor)?;
        let mut outcome = Outcome::default();
        let mut leaving = Leaving::new();
        self.end_sign_in(
            context.now_unix_s,
            name,
            SignedOut::Itself,
            &mut leaving,
            &mut outcome,
        );
        self.shut_out_all(context, leaving, Secrets::Stay, &mut outcome)?;
        Ok(outcome)
    }

    /// Sign-ins that are over in every group.
    pub(super) fn sign_ins_over(&self, now_unix_s: u64, outcome: &mut Outcome) {
        for (name, member) in &self.members {
            let Some(signed_in) = &member.signed_in else {
                continue;
            };
            let runs = |group| now_unix_s < Self::sign_in_end(member, group);
            if !self.sign_in_groups(member).any(|(_, group)| runs(group)) {
                outcome.events.push(Event::SignedOut {
                    member: name.clone(),
                    user: signed_in.user.clone(),
                    why: SignedOut::Over,
                });
            }
        }
    }

    fn user(&self, name: &str) -> Result<&User, Refusal> {
        let found = self.users.get(name);
        found.ok_or_else(|| Refusal::NoUser(name.to_owned()))
    }

    fn node_of(&self, actor: Actor) -> Result<(wire::NodeAddr, &str), Refusal> {
        let Actor::Node { f } = actor else {
            return Err(Refusal::NotANode);
        };
        let name = self.nodes.get(&f).ok_or(Refusal::NotANode)?;
        Ok((f, name))
    }

    fn check_devices(&self, devices: &BTreeSet<String>) -> Result<(), Refusal> {
        room(0, devices.len(), USER_DEVICES_MAX, "members for one user")?;
        let mut all = devices.iter();
        match all.find(|it| !self.members.contains_key(*it)) {
            Some(unknown) => Err(Refusal::NoMember(unknown.clone())),
            None => Ok(()),
        }
    }

    /// Ends a user's sign-ins at all nodes but these.
    fn end_sign_ins(
        &self,
        context: &mut Context<'_>,
        user: &str,
        keeps: Option<&BTreeSet<String>>,
        why: SignedOut,
        outcome: &mut Outcome,
    ) -> Result<(), Refusal> {
        let mut leaving = Leaving::new();
        for (name, member) in &self.members {
            let is_it = member.signed_in.as_ref().is_some_and(|it| it.user == user);
            if is_it && !keeps.is_some_and(|keeps| keeps.contains(name)) {
                self.end_sign_in(context.now_unix_s, name, why, &mut leaving, outcome);
            }
        }
        self.shut_out_all(context, leaving, Secrets::Change, outcome)
    }

    /// Ends the sign-in at a member's node, if there is one. A lease that is over needs no removal.
    fn end_sign_in(
        &self,
        now_unix_s: u64,
        name: &str,
        why: SignedOut,
        leaving: &mut Leaving,
        outcome: &mut Outcome,
    ) {
        let Some(member) = self.members.get(name) else {
            return;
        };
        let Some(signed_in) = &member.signed_in else {
            return;
        };
        outcome.events.push(Event::SignedOut {
            member: name.to_owned(),
            user: signed_in.user.clone(),
            why,
        });
        for (group, found) in self.sign_in_groups(member) {
            let admission = found.admissions.get(name);
            let runs = now_unix_s < Self::sign_in_end(member, found);
            if let Some(admission) = admission.filter(|_| runs) {
                self.leave(name, group, admission.member, leaving, outcome);
            }
        }
    }

    fn leave(
        &self,
        member: &str,
        group: &str,
        admission: Membership,
        leaving: &mut Leaving,
        outcome: &mut Outcome,
    ) {
        outcome.events.push(Event::AdmissionEnded {
            member: member.to_owned(),
            group: group.to_owned(),
        });
        leaving.entry(group.to_owned()).or_default().push(admission);
    }

    fn shut_out_all(
        &self,
        context: &mut Context<'_>,
        leaving: Leaving,
        secrets: Secrets,
        outcome: &mut Outcome,
    ) -> Result<(), Refusal> {
        let changes = secrets == Secrets::Change;
        for (group, members) in leaving {
            self.shut_out(context, &group, &members, changes, outcome)?;
        }
        Ok(())
    }
}

pub(super) fn check_period(period_s: Option<u64>) -> Result<(), Refusal> {
    let range = SIGN_IN_S_MIN..=SIGN_IN_S_MAX;
    let fits = period_s.is_none_or(|it| range.contains(&it));
    fits.then_some(()).ok_or(Refusal::Period)
}
