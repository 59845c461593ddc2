//! What may be asked about groups: those that a node is in, and being their management server (GMS).

pub(crate) use crate::limits::check_name;
use crate::limits::{EXPIRES_S_MAX, EXPIRES_S_MIN};
use crate::lock::Lock;
use crate::prefix::{PREFIXES_MAX, Prefix};
use crate::rules::{GroupRules, check_roles};
use serde::{Deserialize, Serialize};
use std::net::Ipv6Addr;
use std::path::PathBuf;
use utoipa::ToSchema;

/// The longest name of a group or member in bytes of UTF-8.
pub const NAME_LEN_MAX: usize = 63;
/// Most groups in one request.
pub const GROUPS_MAX: usize = 256;
/// Most pairs that a plan names.
pub const PLANNED_MAX: usize = 1_000;
/// The longest line of another server, in bytes.
const LINE_LEN_MAX: usize = 16 * 1_024;
/// The longest time to wait for another server, in milliseconds: an hour.
const WAIT_MS_MAX: u64 = 3_600_000;
/// Most uses of one line.
pub const USES_MAX: u32 = 100_000;

/// Whether an element talks to those outside its groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// With anybody: encrypted within a group, in clear text otherwise.
    Open,
    /// Only within its groups.
    Closed,
}

/// What an element is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Software on a host.
    Ges,
    /// A router that protects what lies behind it.
    Gen,
    /// An adapter in front of a server.
    Gea,
}

/// Whether a node is in the groups that it makes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "enters", rename_all = "snake_case")]
pub enum Enters {
    /// It is not.
    Never,
    /// It is; if it is no member yet, this is its name.
    As {
        /// The name.
        name: String,
    },
    /// It is, unless it is a server only ([`GroupRequest::Serve`]).
    Usually {
        /// The name, if it is no member yet.
        name: String,
    },
}

/// A request about groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum GroupRequest {
    /// Be a management server, also after a restart, and, unless this node is a member already, in
    /// none of the groups that are made: [`crate::Response::Done`].
    Serve {
        /// The ordinary addresses that groups protect which are made from now on (site mode); at
        /// most 16; `None`: as before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        site: Option<Vec<Prefix>>,
        /// Where the records are, if not where they were: a directory, or the place of a
        /// database; at most [`DATABASE_LEN_MAX`] bytes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        database: Option<Hidden>,
        /// The key of the server whose records they are, if it is not here: 64 hexadecimal digits.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<Hidden>,
    },
    /// Carry everything to another place, which is used from then on: [`crate::Response::Carried`],
    /// then [`crate::Response::Done`].
    Move {
        /// A directory, or the place of a database; at most [`DATABASE_LEN_MAX`] bytes.
        to: Hidden,
    },
    /// Write a copy of everything, as it is now: [`crate::Response::Carried`], then
    /// [`crate::Response::Done`].
    Backup {
        /// The file, which is not there yet: an absolute path.
        file: PathBuf,
    },
    /// Make groups on this node, which becomes their management server, all of them or none:
    /// [`crate::Response::GroupsMade`].
    Create {
        /// Their names, 1 to [`GROUPS_MAX`].
        groups: Vec<String>,
        /// The time zone in which their epochs change at 03:00 (IANA).
        zone: String,
        /// The ordinary addresses that they protect (site mode); at most 16; `None`: those of the
        /// server.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        site: Option<Vec<Prefix>>,
        /// For how long a sign-in keeps a member in them, in seconds; `None`: they ask for none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sign_in_s: Option<u64>,
        /// Whether this node is in them.
        enters: Enters,
        /// Who admits, if not the server alone: then they are locked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        locked: Option<Lock>,
    },
    /// Put a member into groups: [`crate::Response::GroupLine`], if it has no node yet, else
    /// [`crate::Response::Done`].
    Add {
        /// Who.
        member: String,
        /// Where, 1 to [`GROUPS_MAX`].
        groups: Vec<String>,
        /// The mode of a new member, if it is not that of its kind.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mode: Option<Mode>,
        /// What may lie behind a new member.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        accepts: Vec<Prefix>,
        /// What a new member is, for the rules of its groups; at most 8 roles.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        roles: Vec<String>,
        /// The life of its line in seconds, as that of an invite.
        expires_s: u64,
    },
    /// A line by which several nodes become members: [`crate::Response::GroupLine`].
    Invite {
        /// Of which groups, 1 to [`GROUPS_MAX`].
        groups: Vec<String>,
        /// For how many nodes, 1 to [`USES_MAX`].
        uses: u32,
        /// The mode of those who come, if it is not that of their kind.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mode: Option<Mode>,
        /// What those are who come, for the rules of their groups; at most 8 roles.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        roles: Vec<String>,
        /// Its life in seconds, as that of an invite.
        expires_s: u64,
    },
    /// Say what a member is, for the rules of its groups: [`crate::Response::Done`].
    Roles {
        /// Who.
        member: String,
        /// All its roles; at most 8.
        roles: Vec<String>,
    },
    /// Say what members of a group may reach at each other: [`crate::Response::Done`].
    Rules {
        /// Which group.
        group: String,
        /// What they may, and tests of it.
        #[serde(flatten)]
        rules: GroupRules,
    },
    /// Take a member out of a group, or out of all: [`crate::Response::Done`].
    Remove {
        /// Who.
        member: String,
        /// Where; `None`: everywhere, and the member is gone.
        group: Option<String>,
    },
    /// A line by which another server comes to manage groups with this one:
    /// [`crate::Response::GroupLine`].
    Share {
        /// Which, 1 to [`GROUPS_MAX`].
        groups: Vec<String>,
        /// Its life in seconds, as that of an invite.
        expires_s: u64,
    },
    /// Use such a line: this node's server manages those groups, too. [`crate::Response::GroupsShared`].
    Accept {
        /// The line.
        line: String,
        /// How long to wait for the other server, in milliseconds; at most an
        /// hour.
        wait_ms: u64,
    },
    /// Take another server, or another instance of this one, out of a group: [`crate::Response::Done`].
    Unshare {
        /// Which group.
        group: String,
        /// The server's address F.
        server: Ipv6Addr,
    },
    /// Change the epoch of a group now: [`crate::Response::Done`].
    Rotate {
        /// Which.
        group: String,
    },
    /// What an order would do to who can talk to whom; nothing is done: [`crate::Response::Planned`].
    Plan {
        /// [`GroupRequest::Add`], [`GroupRequest::Invite`], [`GroupRequest::Remove`],
        /// [`GroupRequest::Roles`] or [`GroupRequest::Rules`].
        order: Box<GroupRequest>,
    },
    /// The groups of this node, and those that it manages: [`crate::Response::Groups`].
    List,
}

/// The longest place of a database, in bytes.
pub const DATABASE_LEN_MAX: usize = 2_048;

/// What nobody is to see on its way to the node: a key, or a place with a password. It does not show
/// itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hidden(pub String);

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hidden")
    }
}

impl GroupRequest {
    /// Checks every bound of this module.
    ///
    /// # Errors
    /// The name of the first value that is out of range.
    pub fn check(&self) -> Result<(), &'static str> {
        let is_place = |it: &Hidden| it.0.len() <= DATABASE_LEN_MAX;
        match self {
            Self::List => Ok(()),
            Self::Move { to } => is_place(to).then_some(()).ok_or("to"),
            Self::Backup { file } => file.is_absolute().then_some(()).ok_or("file"),
            Self::Serve {
                site,
                database,
                key,
            } => {
                check_site(site.as_deref())?;
                let is_key =
                    |it: &Hidden| it.0.len() == 64 && it.0.bytes().all(|it| it.is_ascii_hexdigit());
                let fits = database.as_ref().is_none_or(is_place);
                fits.then_some(()).ok_or("database")?;
                key.as_ref().is_none_or(is_key).then_some(()).ok_or("key")
            }
            Self::Create {
                groups,
                zone,
                site,
                sign_in_s,
                enters,
                locked,
            } => {
                crate::users::check_period(*sign_in_s)?;
                check_groups(groups)?;
                check_site(site.as_deref())?;
                locked.as_ref().map_or(Ok(()), Lock::check)?;
                check_name(zone, "zone")?;
                match enters {
                    Enters::Never => Ok(()),
                    Enters::As { name } | Enters::Usually { name } => check_name(name, "member"),
                }
            }
            Self::Add {
                member,
                groups,
                accepts,
                roles,
                expires_s,
                ..
            } => {
                check_name(member, "member")?;
                check_groups(groups)?;
                check_roles(roles)?;
                let few = accepts.len() <= PREFIXES_MAX;
                few.then_some(()).ok_or("accepts")?;
                check_expires(*expires_s)
            }
            Self::Invite {
                groups,
                uses,
                roles,
                expires_s,
                ..
            } => {
                check_groups(groups)?;
                check_roles(roles)?;
                let range = 1..=USES_MAX;
                range.contains(uses).then_some(()).ok_or("uses")?;
                check_expires(*expires_s)
            }
            Self::Remove { member, group } => {
                check_name(member, "member")?;
                group
                    .as_deref()
                    .map_or(Ok(()), |it| check_name(it, "group"))
            }
            Self::Roles { member, roles } => {
                check_name(member, "member")?;
                check_roles(roles)
            }
            Self::Rules { group, rules } => {
                check_name(group, "group")?;
                rules.check()
            }
            Self::Share { groups, expires_s } => {
                check_groups(groups)?;
                check_expires(*expires_s)
            }
            Self::Accept { line, wait_ms } => {
                let fits = line.len() <= LINE_LEN_MAX;
                fits.then_some(()).ok_or("line")?;
                let waits = *wait_ms <= WAIT_MS_MAX;
                waits.then_some(()).ok_or("wait_ms")
            }
            Self::Rotate { group } | Self::Unshare { group, .. } => check_name(group, "group"),
            Self::Plan { order } => match **order {
                Self::Add { .. }
                | Self::Invite { .. }
                | Self::Remove { .. }
                | Self::Roles { .. }
                | Self::Rules { .. } => order.check(),
                _ => Err("order"),
            },
        }
    }
}

fn check_groups(groups: &[String]) -> Result<(), &'static str> {
    let fits = (1..=GROUPS_MAX).contains(&groups.len());
    fits.then_some(()).ok_or("groups")?;
    groups.iter().try_for_each(|it| check_name(it, "groups"))
}

fn check_site(site: Option<&[Prefix]>) -> Result<(), &'static str> {
    let few = site.is_none_or(|site| site.len() <= PREFIXES_MAX);
    few.then_some(()).ok_or("site")
}

fn check_expires(expires_s: u64) -> Result<(), &'static str> {
    let range = EXPIRES_S_MIN..=EXPIRES_S_MAX;
    range.contains(&expires_s).then_some(()).ok_or("expires_s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_checked() {
        let add = |groups: usize, expires_s| GroupRequest::Add {
            member: "ada".to_owned(),
            groups: vec!["sales".to_owned(); groups],
            mode: None,
            accepts: Vec::new(),
            roles: Vec::new(),
            expires_s,
        };
        assert_eq!(add(1, EXPIRES_S_MIN).check(), Ok(()));
        assert_eq!(add(0, EXPIRES_S_MIN).check(), Err("groups"));
        assert_eq!(add(GROUPS_MAX + 1, EXPIRES_S_MIN).check(), Err("groups"));
        assert_eq!(add(1, EXPIRES_S_MIN - 1).check(), Err("expires_s"));
        let rotate = |group: &str| {
            let group = group.to_owned();
            GroupRequest::Rotate { group }.check()
        };
        assert_eq!(rotate("営業"), Ok(()));
        assert_eq!(rotate("a\u{1b}[2J"), Err("group"));
        assert_eq!(rotate(&"x".repeat(1_000)), Err("group"));
        let invite = |uses| GroupRequest::Invite {
            groups: vec!["sales".to_owned()],
            uses,
            mode: None,
            roles: Vec::new(),
            expires_s: EXPIRES_S_MAX,
        };
        assert_eq!(invite(1).check(), Ok(()));
        assert_eq!(invite(0).check(), Err("uses"));
        assert_eq!(invite(USES_MAX + 1).check(), Err("uses"));
        let plan = |order: GroupRequest| {
            let order = Box::new(order);
            GroupRequest::Plan { order }
        };
        assert_eq!(plan(add(1, EXPIRES_S_MIN)).check(), Ok(()));
        assert_eq!(plan(add(0, EXPIRES_S_MIN)).check(), Err("groups"));
        assert_eq!(plan(GroupRequest::List).check(), Err("order"));
        let nested = plan(plan(add(1, EXPIRES_S_MIN)));
        assert_eq!(nested.check(), Err("order"));
        let create = |groups: usize, site: usize| GroupRequest::Create {
            groups: vec!["sales".to_owned(); groups],
            zone: "UTC".to_owned(),
            site: Some(vec!["10.0.0.0/8".parse().unwrap(); site]),
            sign_in_s: None,
            enters: Enters::Never,
            locked: None,
        };
        assert_eq!(create(1, PREFIXES_MAX).check(), Ok(()));
        assert_eq!(create(0, 1).check(), Err("groups"));
        assert_eq!(create(1, PREFIXES_MAX + 1).check(), Err("site"));
    }
}
