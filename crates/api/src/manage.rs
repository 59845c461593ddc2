//! What administrators may read of a management server, and who they are: over the control socket of
//! the server itself, and over HTTP (docs/protocol/management.md).
//!
//! | limit | value |
//! |---|---|
//! | of one page | [`PAGE_MAX`]; [`PAGE_DEFAULT`] where nobody says |
//! | life of an administrator's key | [`ADMIN_S_MAX`], or until it is removed |

use crate::answers::{ManagedGroup, Member};
use crate::group::{GroupRequest, Mode};
use crate::limits::EXPIRES_S_DEFAULT;
use crate::lock::{Lock, SIGNING_LEN_MAX};
use crate::locked::{Approved, NewSignature, Pending};
use crate::prefix::Prefix;
use crate::rules::{GroupRule, GroupRules, GroupTest};
use crate::users::{User, UserPassword, check_devices, check_new_password, check_period};
use serde::{Deserialize, Serialize};
use std::net::Ipv6Addr;
use utoipa::{IntoParams, ToSchema};

/// Most of anything in one page.
pub const PAGE_MAX: u32 = 1_000;
/// How many where nobody says.
pub const PAGE_DEFAULT: u32 = 100;
/// The longest life of an administrator's key, in seconds: 10 years.
pub const ADMIN_S_MAX: u64 = 3_653 * 86_400;

/// What an administrator may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Read everything.
    Auditor,
    /// And change groups and members.
    Admin,
    /// And say who administers.
    Owner,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 3] = [Self::Auditor, Self::Admin, Self::Owner];

    /// The role as it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auditor => "auditor",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }
}

/// Which part of a list: those whose names follow `after`, in the order of their bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// The last name that was read; nothing: from the start.
    #[param(max_length = 252)]
    pub after: String,
    /// How many, 1 to 1,000; 100 where it is left out.
    #[param(minimum = 1, maximum = 1000)]
    pub most: Option<u32>,
}

/// Which part of the audit trail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct LogPage {
    /// The number of the last record that was read; 0: from the start.
    #[param(maximum = 9223372036854775807u64)]
    pub after: u64,
    /// How many, 1 to 1,000; 100 where it is left out.
    #[param(minimum = 1, maximum = 1000)]
    pub most: Option<u32>,
}

/// What may be asked of a management server beside [`crate::GroupRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum ManageRequest {
    /// What it is: [`ManageResponse::Server`].
    Server,
    /// Its groups: [`ManageResponse::Groups`].
    Groups(Page),
    /// One of them: [`ManageResponse::Group`].
    Group {
        /// Which.
        group: String,
    },
    /// Its members: [`ManageResponse::Members`].
    Members(Page),
    /// One of them: [`ManageResponse::Member`].
    Member {
        /// Which.
        member: String,
    },
    /// The lines that are good for something: [`ManageResponse::Lines`].
    Lines(Page),
    /// Make a line good for nothing: [`ManageResponse::Done`].
    Withdraw {
        /// Which, by its id.
        line: String,
    },
    /// Who administers: [`ManageResponse::Admins`].
    Admins,
    /// Make an administrator: [`ManageResponse::Key`].
    AddAdmin {
        /// What it is called.
        admin: String,
        /// What it may.
        role: Role,
        /// For how long, in seconds; `None`: until it is removed.
        expires_s: Option<u64>,
    },
    /// Take an administrator's rights away: [`ManageResponse::Done`].
    RemoveAdmin {
        /// Which.
        admin: String,
    },
    /// The audit trail: [`ManageResponse::Log`].
    Log(LogPage),
    /// What waits for signatures: the rules of a group, then admissions by member; `after` is those of the last, as
    /// `GROUP.` or `GROUP.MEMBER`. A page may be shorter than was asked: an empty one follows the last.
    /// [`ManageResponse::Pending`].
    Pending(Page),
    /// Take the signature of an admin of a locked group: [`ManageResponse::Approved`].
    Approve(NewSignature),
    /// Those who sign in: [`ManageResponse::Users`].
    Users(Page),
    /// One of them: [`ManageResponse::User`].
    User {
        /// Which.
        user: String,
    },
    /// Make a user: [`ManageResponse::Done`].
    AddUser {
        /// What it is called.
        user: String,
        /// Its password.
        password: UserPassword,
        /// The members at whose nodes it may sign in.
        devices: Vec<String>,
    },
    /// Set a user's password anew; it is signed in nowhere then: [`ManageResponse::Done`].
    SetPassword {
        /// Whose.
        user: String,
        /// The password.
        password: UserPassword,
    },
    /// Say where a user may sign in, and whether at all: [`ManageResponse::Done`].
    ChangeUser {
        /// Who.
        user: String,
        /// The members at whose nodes; `None`: as before.
        devices: Option<Vec<String>>,
        /// Whether it may not; `None`: as before.
        disabled: Option<bool>,
    },
    /// Take a user away: [`ManageResponse::Done`].
    RemoveUser {
        /// Which.
        user: String,
    },
    /// Say for how long a sign-in is good in a group: [`ManageResponse::Done`].
    RequireSignIn {
        /// Which.
        group: String,
        /// In seconds; `None`: it takes none.
        period_s: Option<u64>,
    },
}

impl ManageRequest {
    /// Checks every bound of this module.
    ///
    /// # Errors
    /// The name of the first value that is out of range.
    pub fn check(&self) -> Result<(), &'static str> {
        let most = |most: Option<u32>| {
            let range = 1..=PAGE_MAX;
            let fits = most.is_none_or(|it| range.contains(&it));
            fits.then_some(()).ok_or("most")
        };
        match self {
            Self::Server | Self::Admins => Ok(()),
            Self::Groups(page)
            | Self::Members(page)
            | Self::Lines(page)
            | Self::Pending(page)
            | Self::Users(page) => {
                crate::group::check_name(&page.after, "after")?;
                most(page.most)
            }
            Self::Group { group: name } => crate::group::check_name(name, "group"),
            Self::Member { member: name } => crate::group::check_name(name, "member"),
            Self::Withdraw { line } => {
                let hex = line.len() == 32 && line.bytes().all(|it| it.is_ascii_hexdigit());
                hex.then_some(()).ok_or("line")
            }
            Self::AddAdmin {
                admin, expires_s, ..
            } => {
                let range = 1..=ADMIN_S_MAX;
                let fits = expires_s.is_none_or(|it| range.contains(&it));
                fits.then_some(()).ok_or("expires_s")?;
                crate::group::check_name(admin, "admin")
            }
            Self::Approve(new) => {
                let fits = new.signature.len() <= SIGNING_LEN_MAX;
                fits.then_some(()).ok_or("signature")
            }
            Self::RemoveAdmin { admin } => crate::group::check_name(admin, "admin"),
            Self::User { user } | Self::RemoveUser { user } => {
                crate::group::check_name(user, "user")
            }
            Self::AddUser {
                user,
                password,
                devices,
            } => {
                crate::group::check_name(user, "user")?;
                check_new_password(password)?;
                check_devices(devices)
            }
            Self::SetPassword { user, password } => {
                crate::group::check_name(user, "user")?;
                check_new_password(password)
            }
            Self::ChangeUser { user, devices, .. } => {
                crate::group::check_name(user, "user")?;
                devices.as_deref().map_or(Ok(()), check_devices)
            }
            Self::RequireSignIn { group, period_s } => {
                crate::group::check_name(group, "group")?;
                check_period(*period_s)
            }
            Self::Log(page) => {
                let fits = i64::try_from(page.after).is_ok();
                fits.then_some(()).ok_or("after")?;
                most(page.most)
            }
        }
    }
}

/// What a management server answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ManageResponse {
    /// To [`ManageRequest::Server`].
    Server(Server),
    /// To [`ManageRequest::Groups`].
    Groups(Vec<ManagedGroup>),
    /// To [`ManageRequest::Group`].
    Group(ManagedGroup),
    /// To [`ManageRequest::Members`].
    Members(Vec<Member>),
    /// To [`ManageRequest::Member`].
    Member(Member),
    /// To [`ManageRequest::Lines`].
    Lines(Vec<OpenLine>),
    /// To [`ManageRequest::Admins`].
    Admins(Vec<Admin>),
    /// To [`ManageRequest::AddAdmin`].
    Key(Key),
    /// To [`ManageRequest::Log`].
    Log(Vec<LogRecord>),
    /// To [`ManageRequest::Pending`].
    Pending(Vec<Pending>),
    /// To [`ManageRequest::Approve`].
    Approved(Approved),
    /// To [`ManageRequest::Users`].
    Users(Vec<User>),
    /// To [`ManageRequest::User`].
    User(User),
    /// To orders that have nothing to say.
    Done,
}

/// A management server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Server {
    /// Its address F.
    #[schema(value_type = String, format = "ipv6")]
    pub address: Ipv6Addr,
    /// The number of changes so far.
    pub rev: u64,
    /// The end of the audit trail: a hash over all changes, hexadecimal.
    pub trail: String,
    /// How many groups there are.
    pub groups: u32,
    /// How many members.
    pub members: u32,
    /// How many of them are in touch.
    pub in_touch: u32,
    /// How many lines are good for something.
    pub lines_open: u32,
}

/// A line that is good for something. The line itself is kept nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OpenLine {
    /// Its id, 32 hexadecimal digits.
    pub id: String,
    /// The member that comes by it; nothing: new ones.
    pub member: Option<String>,
    /// The groups of new ones.
    pub groups: Vec<String>,
    /// How many may still come.
    pub uses_left: u32,
    /// When it expires, Unix seconds.
    pub expires_unix_s: u64,
}

/// An administrator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Admin {
    /// What it is called.
    pub admin: String,
    /// The id under which the audit trail names it, 32 hexadecimal digits.
    pub id: String,
    /// What it may.
    pub role: Role,
    /// Until when, Unix seconds; nothing: until it is removed.
    pub expires_unix_s: Option<u64>,
}

/// The key of a new administrator, which is shown once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Key {
    /// The key: a bearer token.
    pub key: String,
    /// Until when, Unix seconds; nothing: until it is removed.
    pub expires_unix_s: Option<u64>,
}

/// A record of the audit trail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LogRecord {
    /// Its number, from 1.
    pub rev: u64,
    /// When, Unix seconds.
    pub at_unix_s: u64,
    /// Who: `{"who": "operator"}`, `{"who": "admin", "admin": ID}`, `{"who": "node", "f": ADDRESS}`
    /// or `{"who": "clock"}`.
    #[schema(value_type = Object)]
    pub actor: serde_json::Value,
    /// What happened: `{"event": NAME, …}`. Statements are hexadecimal.
    #[schema(value_type = Object)]
    pub event: serde_json::Value,
    /// A hash over this record and all before it, hexadecimal.
    pub hash: String,
}

/// What is said of new groups over HTTP: all are made, or none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewGroups {
    /// Their names: each of 1 to 63 bytes without spaces, dots and control characters.
    #[schema(min_items = 1, max_items = 256, example = json!(["sales"]))]
    pub groups: Vec<String>,
    /// The time zone in which their epochs change at 03:00 (IANA); UTC where it is left out.
    #[serde(default = "utc")]
    #[schema(max_length = 63, example = "Asia/Tokyo")]
    pub zone: String,
    /// The ordinary addresses that they protect (site mode); those of the server where it is left
    /// out.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 16)]
    pub site: Option<Vec<Prefix>>,
    /// Who admits, if not the server alone: then they are locked.
    #[serde(default)]
    pub locked: Option<Lock>,
    /// For how long a sign-in of its user keeps a member in them, in seconds; they ask for none where it is left
    /// out.
    #[serde(default)]
    #[schema(minimum = 60, maximum = 2592000)]
    pub sign_in_s: Option<u64>,
}

/// An order of which only is said what it would do, over HTTP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "order", rename_all = "snake_case", deny_unknown_fields)]
pub enum NewPlan {
    /// To put a member into groups.
    Add {
        /// Who.
        member: String,
        /// Where.
        #[schema(min_items = 1, max_items = 256)]
        groups: Vec<String>,
        /// What a new member is.
        #[serde(default)]
        #[schema(max_items = 8)]
        roles: Vec<String>,
    },
    /// To make a line for several.
    Invite {
        /// Into which groups.
        #[schema(min_items = 1, max_items = 256)]
        groups: Vec<String>,
        /// For how many nodes.
        #[serde(default = "one")]
        #[schema(minimum = 1, maximum = 100000)]
        uses: u32,
        /// What those are who come.
        #[serde(default)]
        #[schema(max_items = 8)]
        roles: Vec<String>,
    },
    /// To take a member out.
    Remove {
        /// Who.
        member: String,
        /// Of which group; of all where it is left out.
        #[serde(default)]
        group: Option<String>,
    },
    /// To say what a member is.
    Roles {
        /// Who.
        member: String,
        /// All its roles.
        #[schema(max_items = 8)]
        roles: Vec<String>,
    },
    /// To say what members of a group may reach.
    Rules {
        /// Which group.
        group: String,
        /// Only what these name; everything where it is left out.
        #[serde(default)]
        #[schema(max_items = 64)]
        rules: Option<Vec<GroupRule>>,
        /// The tests.
        #[serde(default)]
        #[schema(max_items = 64)]
        tests: Vec<GroupTest>,
    },
}

impl NewPlan {
    /// The request that asks for it.
    #[must_use]
    pub fn request(self) -> GroupRequest {
        let expires_s = EXPIRES_S_DEFAULT;
        let order = match self {
            Self::Add {
                member,
                groups,
                roles,
            } => GroupRequest::Add {
                member,
                groups,
                mode: None,
                accepts: Vec::new(),
                roles,
                expires_s,
            },
            Self::Invite {
                groups,
                uses,
                roles,
            } => GroupRequest::Invite {
                groups,
                uses,
                mode: None,
                roles,
                expires_s,
            },
            Self::Remove { member, group } => GroupRequest::Remove { member, group },
            Self::Roles { member, roles } => GroupRequest::Roles { member, roles },
            Self::Rules {
                group,
                rules,
                tests,
            } => {
                let rules = GroupRules { rules, tests };
                GroupRequest::Rules { group, rules }
            }
        };
        let order = Box::new(order);
        GroupRequest::Plan { order }
    }
}

/// What is said of a member over HTTP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMember {
    /// The groups that it shall be in, beside those that it is in.
    #[schema(min_items = 1, max_items = 256)]
    pub groups: Vec<String>,
    /// The mode of a new member, if it is not that of its kind.
    #[serde(default)]
    pub mode: Option<Mode>,
    /// What may lie behind a new member: addresses or prefixes.
    #[serde(default)]
    #[schema(value_type = Vec<String>, max_items = 256)]
    pub accepts: Vec<Prefix>,
    /// What a new member is, for the rules of its groups.
    #[serde(default)]
    #[schema(max_items = 8)]
    pub roles: Vec<String>,
    /// How long its line lives, in seconds.
    #[serde(default = "expires")]
    #[schema(minimum = 60, maximum = 2592000)]
    pub expires_s: u64,
}

/// What is said of a line over HTTP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLine {
    /// The groups of those who come by it.
    #[schema(min_items = 1, max_items = 256)]
    pub groups: Vec<String>,
    /// For how many nodes.
    #[serde(default = "one")]
    #[schema(minimum = 1, maximum = 100000)]
    pub uses: u32,
    /// The mode of those who come, if it is not that of their kind.
    #[serde(default)]
    pub mode: Option<Mode>,
    /// What those are who come, for the rules of their groups.
    #[serde(default)]
    #[schema(max_items = 8)]
    pub roles: Vec<String>,
    /// How long it lives, in seconds.
    #[serde(default = "expires")]
    #[schema(minimum = 60, maximum = 2592000)]
    pub expires_s: u64,
}

/// What is said of groups over HTTP that another server is to manage, too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewShare {
    /// Which groups.
    #[schema(min_items = 1, max_items = 256)]
    pub groups: Vec<String>,
    /// How long the line lives, in seconds.
    #[serde(default = "expires")]
    #[schema(minimum = 60, maximum = 2592000)]
    pub expires_s: u64,
}

/// What is said of an administrator over HTTP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAdmin {
    /// What it may.
    pub role: Role,
    /// For how long, in seconds; until it is removed where it is left out.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 315619200)]
    pub expires_s: Option<u64>,
}

fn utc() -> String {
    "UTC".to_owned()
}

const fn expires() -> u64 {
    EXPIRES_S_DEFAULT
}

const fn one() -> u32 {
    1
}
