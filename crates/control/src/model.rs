//! What a tenant is: the sum of its events.

use std::collections::{BTreeMap, BTreeSet};

use group::chain::Chain;
use group::statement::{Admission, Authority, Genesis, GroupId, Rules};
use group::{Kind, Mode};
use wire::{NodeAddr, Prefix};

use crate::actor::{AdminId, InviteId, Role};
use crate::partner::Partner;
use crate::rule_test::RuleTest;
use crate::sign_in::{Failures, SignedIn, User};
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
    /// What it is, for the rules of groups.
    pub roles: BTreeSet<String>,
    /// Who is signed in at the node, perhaps for longer than that is good for.
    pub signed_in: Option<SignedIn>,
    /// Attempts to sign in at the node that failed.
    pub failures: Failures,
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
    /// What members may reach; `None`: nothing was ever said, and they may reach everything.
    pub rules: Option<Rules>,
    /// What must stay so ([`crate::RuleTest`]).
    pub tests: Vec<RuleTest>,
    /// The serial of the newest rules that admins were asked to sign; 0: there were none.
    pub asked_serial: u64,
    /// Rules that the admins of a locked group are asked to sign.
    pub asked_rules: Option<AskedRules>,
    /// For how long a sign-in is good, in seconds; `None`: it takes none.
    pub sign_in_s: Option<u64>,
    /// The admissions in force by member.
    pub admissions: BTreeMap<String, Admission>,
    /// Admissions that the admins of a locked group are asked to sign, with the signatures so far.
    pub asked: BTreeMap<String, Admission>,
    /// The other servers of the group, by the index of their chains.
    pub partners: BTreeMap<u8, Partner>,
    /// The last event that changed what every member must know.
    pub changed_rev: u64,
}

/// Rules that wait for signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedRules {
    /// The statement, with the signatures so far.
    pub rules: Rules,
    /// The tests that come with it; nobody signs them.
    pub tests: Vec<RuleTest>,
}

/// An invite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invite {
    /// As which member; `None`: as a new one.
    pub member: Option<String>,
    /// Into which groups, if as a new one.
    pub groups: Vec<String>,
    /// What a new one is.
    pub roles: BTreeSet<String>,
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
    /// Those who sign in, by name.
    pub users: BTreeMap<String, User>,
    /// Whether a group has ever required a sign-in: then members are told which do.
    pub has_sign_ins: bool,
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
