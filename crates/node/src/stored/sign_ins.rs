//! What a node remembers of signing in: which of its groups require it, and until when it holds there. No
//! password is ever written down.

use group::agent::{SignInGroup, SignIns};
use group::serial;
use group::statement::GroupId;
use serde::{Deserialize, Serialize};
use wire::NodeAddr;

/// What a server told last of who is signed in here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInsRecord {
    /// The server's address F.
    #[serde(with = "serial::addr")]
    pub f: NodeAddr,
    /// Who is signed in; `None`: nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The groups of the server that require it.
    pub groups: Vec<SignInGroupRecord>,
    /// Whoever was signed in has signed out, and the server is still to be told.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_leaving: bool,
}

/// One group that requires a sign-in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInGroupRecord {
    /// The group.
    #[serde(with = "serial::hex")]
    pub id: [u8; 16],
    /// What it is called.
    pub name: String,
    /// Until when the sign-in holds there, Unix seconds; 0: nobody is signed in.
    pub until_unix_s: u64,
}

impl SignInsRecord {
    /// What a server tells.
    #[must_use]
    pub fn of(f: NodeAddr, told: SignIns) -> Self {
        let record = |it: SignInGroup| SignInGroupRecord {
            id: it.group.0,
            name: it.name,
            until_unix_s: it.until_unix_s,
        };
        Self {
            f,
            user: told.user,
            groups: told.groups.into_iter().map(record).collect(),
            is_leaving: false,
        }
    }

    /// The same after signing out.
    #[must_use]
    pub fn signed_out(mut self) -> Self {
        self.user = None;
        for group in &mut self.groups {
            group.until_unix_s = 0;
        }
        self
    }

    /// Whether it says nothing.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.groups.is_empty() && !self.is_leaving
    }

    /// Whether a group requires a sign-in, and there is none now.
    #[must_use]
    pub fn waits(&self, now_unix_s: u64, group: GroupId) -> bool {
        let found = self.groups.iter().find(|it| it.id == group.0);
        found.is_some_and(|it| it.until_unix_s <= now_unix_s)
    }
}
