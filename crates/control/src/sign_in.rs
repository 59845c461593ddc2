//! Who is signed in where, what that is worth, and how long guessing takes.
//!
//! A user signs in at a member's node. In a group that requires it ([`Group::sign_in_s`]) the membership holds
//! from then for the group's period; afterwards, and before, the member is in the group and has no lease.
//!
//! | who guesses | attempts at once | then, after the last one |
//! |---|---|---|
//! | one node | [`NODE_FREE`] | 1 s, 2 s, 4 s … [`NODE_WAIT_S_MAX`] |
//! | for one user, all nodes where it may sign in | [`USER_FREE`] | the same up to [`USER_WAIT_S_MAX`] |
//!
//! A node where a user may not sign in counts for itself alone: nobody locks a user out from elsewhere. Failures
//! are events, so a restart forgets none.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::model::{Group, Member, Tenant};

/// Failures of one node that cost no time.
pub const NODE_FREE: u32 = 3;
/// The longest that a node waits for its next attempt, in seconds.
pub const NODE_WAIT_S_MAX: u64 = 900;
/// Failures for one user that cost no time.
pub const USER_FREE: u32 = 10;
/// The longest that a user waits for others' failures, in seconds.
pub const USER_WAIT_S_MAX: u64 = 60;

/// Somebody who signs in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// The members at whose nodes it may.
    pub devices: BTreeSet<String>,
    /// It may not at all now.
    pub disabled: bool,
    /// The event that set its password.
    pub password_rev: u64,
    /// Wrong passwords at nodes where it may.
    pub failures: Failures,
}

/// Somebody is signed in at a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn {
    /// Who.
    pub user: String,
    /// Since when, Unix seconds.
    pub at_unix_s: u64,
}

/// Attempts that failed since the last that did not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    /// How many.
    pub count: u32,
    /// When the last one was, Unix seconds.
    pub last_unix_s: u64,
}

/// Why somebody was not signed in. It is in the audit trail and is not told to the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotSignedIn {
    /// There is no such user. What was typed is not kept: it may be a password.
    NoUser,
    /// The user may not sign in at this node.
    NotHere,
    /// The user may not sign in now.
    Disabled,
    /// The password is another.
    Password,
}

/// Why somebody is signed in no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignedOut {
    /// It said so at the node.
    Itself,
    /// The period is over in every group.
    Over,
    /// The user was removed or disabled, or may sign in there no more.
    Access,
    /// The password was set anew.
    Password,
}

impl Failures {
    /// One more.
    pub(crate) fn note(&mut self, at_unix_s: u64) {
        self.count = self.count.saturating_add(1);
        self.last_unix_s = at_unix_s;
    }

    /// How long until the next attempt, in seconds.
    fn wait_s(self, now_unix_s: u64, free: u32, most_s: u64) -> u64 {
        let Some(more) = self.count.checked_sub(free) else {
            return 0;
        };
        let delay = 1_u64.checked_shl(more).unwrap_or(u64::MAX).min(most_s);
        let next = self.last_unix_s.saturating_add(delay);
        // A clock that was set back does not make it longer.
        next.saturating_sub(now_unix_s).min(delay)
    }
}

impl Tenant {
    /// The end of a member's sign-in in a group, Unix seconds: 0 if nobody is signed in, [`u64::MAX`] if the group
    /// does not require it.
    #[must_use]
    pub fn sign_in_end(member: &Member, group: &Group) -> u64 {
        let Some(period_s) = group.sign_in_s else {
            return u64::MAX;
        };
        let since = member.signed_in.as_ref();
        since.map_or(0, |it| it.at_unix_s.saturating_add(period_s))
    }

    /// Whether a member that shall be in a group is in it now: nobody has to sign in first.
    #[must_use]
    pub fn is_in_force(&self, now_unix_s: u64, member: &str, group: &str) -> bool {
        let (member, found) = (self.members.get(member), self.groups.get(group));
        let (Some(member), Some(found)) = (member, found) else {
            return false;
        };
        member.groups.contains(group) && now_unix_s < Self::sign_in_end(member, found)
    }

    /// The groups of a member that require a sign-in, by name.
    pub fn sign_in_groups<'a>(
        &'a self,
        member: &'a Member,
    ) -> impl Iterator<Item = (&'a str, &'a Group)> {
        let named = member.groups.iter();
        let found = named.filter_map(|name| Some((name.as_str(), self.groups.get(name)?)));
        found.filter(|(_, group)| group.sign_in_s.is_some())
    }

    /// Why a user cannot sign in at a member's node, whatever the password.
    ///
    /// # Errors
    /// See [`NotSignedIn`].
    pub fn may_sign_in(&self, member: &str, user: &str) -> Result<&User, NotSignedIn> {
        let found = self.users.get(user).ok_or(NotSignedIn::NoUser)?;
        if !found.devices.contains(member) {
            return Err(NotSignedIn::NotHere);
        }
        if found.disabled {
            return Err(NotSignedIn::Disabled);
        }
        Ok(found)
    }

    /// How long until the next attempt of a user at a member's node, in seconds. A user that may not sign in
    /// there does not make a difference.
    #[must_use]
    pub fn sign_in_wait_s(&self, now_unix_s: u64, member: &str, user: &str) -> u64 {
        let node = self.members.get(member).map(|it| it.failures);
        let node = node.unwrap_or_default();
        let node = node.wait_s(now_unix_s, NODE_FREE, NODE_WAIT_S_MAX);
        let user = self
            .users
            .get(user)
            .filter(|it| it.devices.contains(member));
        let user = user.map(|it| it.failures).unwrap_or_default();
        node.max(user.wait_s(now_unix_s, USER_FREE, USER_WAIT_S_MAX))
    }
}
