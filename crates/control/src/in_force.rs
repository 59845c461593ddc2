//! What follows from who is signed in: which memberships are in force, and who may try.

use wire::NodeAddr;

use crate::model::{Group, Member, Tenant};
use crate::sign_in::{NODE_FREE, NODE_WAIT_S_MAX, NotSignedIn, USER_FREE, USER_WAIT_S_MAX, User};

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

    /// Whether a node is in a group now, whichever server admitted it. A group that several servers manage asks for
    /// no sign-in, so a partner's members are in it as long as they are admitted.
    #[must_use]
    pub fn is_there(&self, now_unix_s: u64, f: NodeAddr, group: &str) -> bool {
        let own = self.nodes.get(&f).is_some_and(|member| {
            let found = self.groups.get(group);
            found.is_some_and(|it| it.admissions.contains_key(member))
                && self.is_in_force(now_unix_s, member, group)
        });
        let elsewhere = self.elsewhere.get(&f);
        own || elsewhere.is_some_and(|of| of.contains(group))
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
