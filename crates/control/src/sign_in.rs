//! Who is signed in where, what that is worth, and how long guessing takes.
//!
//! A user signs in at a member's node. In a group that requires it ([`crate::Group::sign_in_s`]) the membership holds
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
    pub(crate) fn wait_s(self, now_unix_s: u64, free: u32, most_s: u64) -> u64 {
        let Some(more) = self.count.checked_sub(free) else {
            return 0;
        };
        let delay = 1_u64.checked_shl(more).unwrap_or(u64::MAX).min(most_s);
        let next = self.last_unix_s.saturating_add(delay);
        // A clock that was set back does not make it longer.
        next.saturating_sub(now_unix_s).min(delay)
    }
}
