//! What a tenant is: the sum of its events.

use std::collections::{BTreeMap, BTreeSet};

use group::chain::Chain;
use group::statement::{Admission, Authority, Genesis, GroupId};
use group::{Kind, Mode};
use wire::{NodeAddr, Prefix};

use crate::actor::{AdminId, InviteId, Role};
use crate::partner::Partner;
use crate::zone::Zone;

/// Somebody who administers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin {
    /// Who that is.
    pub name: String,
    /// What it may.
    pub role: Role,
    /// Until when, Unix seconds; `None`: until it is removed.
    pub expires_unix_s: Option<u64>,
}

/// A member.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Member {
    /// Its node, once it has come.
    pub f: Option<NodeAddr>,
    /// What the node is.
    pub kind: Option<Kind>,
    /// Its mode, if it is not that of its kind.
    pub mode: Option<Mode>,
    /// What may lie behind the node, as an administrator says.
    pub accepts: Vec<Prefix>,
    /// What lies behind the node, of that.
    pub prefixes: Vec<Prefix>,
    /// The invite that the node came by.
    pub came_by: Option<InviteId>,
    /// The groups that it shall be in.
    pub groups: BTreeSet<String>,
    /// The last event that changed what it must know.
    pub changed_rev: u64,
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// How it began.
    pub genesis: Genesis,
    /// Who manages it.
    pub authority: Authority,
    /// The ordinary addresses that it protects.
    pub site: Vec<Prefix>,
    /// The name of its time zone.
    pub zone_name: String,
    /// Its time zone.
    pub zone: Zone,
    /// This server's chain.
    pub chain: Chain,
    /// The admissions in force by member.
    pub admissions: BTreeMap<String, Admission>,
    /// The other servers of the group, by the index of their chains.
    pub partners: BTreeMap<u8, Partner>,
    /// The last event that changed what every member must know.
    pub changed_rev: u64,
}

/// An invite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invite {
    /// As which member; `None`: as a new one.
    pub member: Option<String>,
    /// Into which groups, if as a new one.
    pub groups: Vec<String>,
    /// How many more may come.
    pub uses_left: u32,
    /// The mode of new ones, if it is not that of their kind.
    pub mode: Option<Mode>,
    /// Until when, Unix seconds.
    pub expires_unix_s: u64,
    /// It is for another server, which is to manage the groups too.
    pub is_partners: bool,
    /// The server that has come by it.
    pub came: Option<NodeAddr>,
}

/// Members, groups, invites and administrators that belong together and see nothing of others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tenant {
    /// The number of events so far.
    pub rev: u64,
    /// Who administers beside the operator.
    pub admins: BTreeMap<AdminId, Admin>,
    /// The members by name.
    pub members: BTreeMap<String, Member>,
    /// The names of members by node.
    pub nodes: BTreeMap<NodeAddr, String>,
    /// The nodes of partners' members, and the groups that they are in.
    pub elsewhere: BTreeMap<NodeAddr, BTreeSet<String>>,
    /// The groups by name.
    pub groups: BTreeMap<String, Group>,
    /// The invites that are good for something.
    pub invites: BTreeMap<InviteId, Invite>,
    /// Whether the server's node is in none of the groups that it makes, unless somebody says so.
    pub apart: bool,
    /// The ordinary addresses that new groups protect, unless somebody says otherwise.
    pub site: Vec<Prefix>,
}

impl Member {
    /// The mode that it has.
    #[must_use]
    pub fn mode_in_force(&self) -> Mode {
        let usual = self.kind.map_or(Mode::Open, Kind::usual_mode);
        self.mode.unwrap_or(usual)
    }
}
