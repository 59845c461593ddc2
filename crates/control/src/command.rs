//! What can be ordered, by whom, and why an order is refused.

use std::collections::{BTreeMap, BTreeSet};

use group::chain::Links;
use group::partner::Charge;
use group::rules::Permit;
use group::signing::AdminSignature;
use group::statement::{Admission, Authority, GroupId, Rules};
use group::{Kind, Mode};
use identity::password::Verifier;
use wire::{NodeAddr, Prefix};

use crate::actor::{InviteId, Role};
use crate::rule_test::RuleTest;

/// How an invite for anybody is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InviteTerms {
    /// How many may come by it; at least 1.
    pub uses: u32,
    /// How long it lives, in seconds; at most [`crate::INVITE_S_MAX`].
    pub life_s: u64,
    /// The mode of those who come, if it is not that of their kind.
    pub mode: Option<Mode>,
}

/// What a node says of itself when it comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolment {
    /// The invite that it has proven.
    pub invite: InviteId,
    /// What it is.
    pub kind: Kind,
    /// What lies behind it, as it says itself.
    pub prefixes: Vec<Prefix>,
    /// What it would be called, if the invite does not say.
    pub name: Option<String>,
}

/// A member to be put into groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addition {
    /// Who.
    pub member: String,
    /// Where, at least one.
    pub groups: Vec<String>,
    /// The mode of a new member, if it is not that of its kind.
    pub mode: Option<Mode>,
    /// What a new member is, for the rules of groups.
    pub roles: BTreeSet<String>,
    /// What may lie behind a new member's node. What the node itself says beyond that is left out:
    /// a member could draw others' traffic to itself.
    pub accepts: Vec<Prefix>,
    /// The node of a new member, where it needs no invite: the server's own.
    pub node: Option<NodeAddr>,
    /// How long the invite lives, in seconds.
    pub life_s: u64,
}

/// Locked groups to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockedGroups {
    /// Their names, at least one.
    pub groups: Vec<String>,
    /// Their time zone (IANA).
    pub zone: String,
    /// As in [`Command::CreateGroups`].
    pub site: Option<Vec<Prefix>>,
    /// How many admins must agree; at least 1.
    pub threshold: u8,
    /// The public halves of their keys, at most [`group::statement::ADMINS_MAX`].
    pub admins: Vec<[u8; 32]>,
}

/// An attempt to sign in, and what came of checking its password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The user that was named.
    pub user: String,
    /// Whether the password is the one that was looked at.
    pub is_right: bool,
    /// The event that had set that one; 0: there is no such user.
    pub password_rev: u64,
}

/// What another server of a group has said; each part is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// The group.
    pub group: GroupId,
    /// Who manages it.
    pub authority: Option<Authority>,
    /// What its members may reach.
    pub rules: Option<Box<Rules>>,
    /// Entries of its chain.
    pub links: Option<Links>,
    /// Whom it has admitted.
    pub admissions: Vec<Admission>,
}

/// An order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Says how this server is used. What is the case already is no change.
    Serve {
        /// The ordinary addresses that groups protect which are made from now on and do not say
        /// themselves; at most [`group::statement::SITE_MAX`]; `None`: as before.
        site: Option<Vec<Prefix>>,
    },
    /// Makes groups, all of them or none.
    CreateGroups {
        /// Their names, at least one.
        groups: Vec<String>,
        /// Their time zone (IANA).
        zone: String,
        /// The ordinary addresses that they protect; at most [`group::statement::SITE_MAX`];
        /// `None`: those of the server ([`Command::Serve`]).
        site: Option<Vec<Prefix>>,
        /// For how long a sign-in is good there, in seconds; `None`: they take none.
        sign_in_s: Option<u64>,
    },
    /// Makes groups that are locked: only so many of these admins admit.
    CreateLocked(LockedGroups),
    /// An admin has signed what was asked for.
    Approve(AdminSignature),
    /// A node comes by an invite of a locked group, with the admission that the invite's key has signed.
    EnrolLocked {
        /// The invite that it has proven.
        invite: InviteId,
        /// What it is then.
        admission: Box<Admission>,
    },
    /// Says for how long a sign-in is good in a group.
    RequireSignIn {
        /// Which.
        group: String,
        /// [`crate::SIGN_IN_S_MIN`] to [`crate::SIGN_IN_S_MAX`], in seconds; `None`: it takes none.
        period_s: Option<u64>,
    },
    /// Makes a user.
    AddUser {
        /// Who.
        user: String,
        /// The members at whose nodes it may sign in.
        devices: BTreeSet<String>,
        /// What its password is checked by.
        verifier: Verifier,
    },
    /// Sets a user's password anew: it is signed in nowhere then.
    SetPassword {
        /// Who.
        user: String,
        /// What it is checked by.
        verifier: Verifier,
    },
    /// Says where a user may sign in, and whether at all.
    ChangeUser {
        /// Who.
        user: String,
        /// The members at whose nodes; `None`: as before.
        devices: Option<BTreeSet<String>>,
        /// Whether it may not; `None`: as before.
        disabled: Option<bool>,
    },
    /// Takes a user away.
    RemoveUser {
        /// Who.
        user: String,
    },
    /// A user was checked at a node.
    SignIn(Attempt),
    /// Whoever is signed in at a node signs out.
    SignOut,
    /// Puts a member into groups; one that is not there yet is made, and invited.
    Add(Addition),
    /// Takes a member out of a group.
    Remove {
        /// Who.
        member: String,
        /// Where; `None`: everywhere, and the member is gone.
        group: Option<String>,
    },
    /// Changes the epoch of a group now.
    Rotate {
        /// Which.
        group: String,
    },
    /// Invites several to become members of groups.
    Invite {
        /// Which.
        groups: Vec<String>,
        /// What those are who come.
        roles: BTreeSet<String>,
        /// Limits.
        terms: InviteTerms,
    },
    /// Says what a member is, for the rules of groups.
    SetRoles {
        /// Who.
        member: String,
        /// All that it is; at most [`group::rules::ROLES_MAX`].
        roles: BTreeSet<String>,
    },
    /// Says what members of a group may reach.
    SetRules {
        /// Which group.
        group: String,
        /// Only what these name; `None`: everything.
        permits: Option<Vec<Permit>>,
        /// What must be so, from now on; at most [`crate::TESTS_MAX`].
        tests: Vec<RuleTest>,
    },
    /// Makes an invite good for nothing.
    Withdraw {
        /// Which.
        invite: InviteId,
    },
    /// A node comes by an invite.
    Enrol(Enrolment),
    /// Makes an administrator, who shows a secret that the answer has.
    AddAdmin {
        /// Who.
        name: String,
        /// What it may.
        role: Role,
        /// For how long, in seconds; `None`: until it is removed.
        life_s: Option<u64>,
    },
    /// Takes an administrator's rights away.
    RemoveAdmin {
        /// Who.
        name: String,
    },
    /// Makes a line by which another server comes to manage groups with this one.
    Share {
        /// Which.
        groups: Vec<String>,
        /// How long it lives, in seconds.
        life_s: u64,
    },
    /// Another server comes by such a line.
    PartnerCome {
        /// The invite that it has proven.
        invite: InviteId,
        /// Its key for statements, which it has proven to have.
        key: [u8; 32],
    },
    /// Takes another server, or another instance of this one, out of a group.
    Unshare {
        /// Which group.
        group: String,
        /// Where the server is reached.
        server: NodeAddr,
    },
    /// Manages groups with another server, which has named this one.
    Take {
        /// What it says of them.
        charges: Vec<Charge>,
    },
    /// Another server of a group has said something.
    Learn(News),
    /// Says that this instance serves: each group of this server names its F.
    Attend,
    /// Does what is due: epochs ahead, invites that are over.
    Tick,
}

impl Refusal {
    /// The refusal for programs: its name, and what it names.
    #[must_use]
    pub fn named(&self) -> (&'static str, Vec<(&'static str, String)>) {
        let one = |what: &'static str, value: &str| vec![(what, value.to_owned())];
        let both = |member: &str, group: &str| {
            vec![("member", member.to_owned()), ("group", group.to_owned())]
        };
        match self {
            Self::Role(role) => ("role", one("role", role.name())),
            Self::NotANode => ("not-a-node", Vec::new()),
            Self::ClockOnly => ("clock-only", Vec::new()),
            Self::Name(name) => ("name", one("name", name)),
            Self::GroupExists(group) => ("group-exists", one("group", group)),
            Self::NoGroup(group) => ("no-group", one("group", group)),
            Self::NoGroups => ("no-groups", Vec::new()),
            Self::NoMember(member) => ("no-member", one("member", member)),
            Self::InGroup { member, group } => ("in-group", both(member, group)),
            Self::NotInGroup { member, group } => ("not-in-group", both(member, group)),
            Self::Zone(zone) => ("zone", one("zone", zone)),
            Self::NoInvite => ("no-invite", Vec::new()),
            Self::InviteExpired => ("invite-expired", Vec::new()),
            Self::HasNode(member) => ("has-node", one("member", member)),
            Self::IsMember(member) => ("is-member", one("member", member)),
            Self::Prefix(prefix) => ("prefix", one("prefix", &prefix.to_string())),
            Self::Terms => ("terms", Vec::new()),
            Self::Full { what, most } => {
                let most = ("most", most.to_string());
                ("full", vec![("what", (*what).to_owned()), most])
            }
            Self::AdminExists(name) => ("admin-exists", one("admin", name)),
            Self::NoAdmin(name) => ("no-admin", one("admin", name)),
            Self::Lock => ("lock", Vec::new()),
            Self::NotAsked => ("not-asked", Vec::new()),
            Self::Signature(group) => ("signature", one("group", group)),
            Self::NotLocked(group) => ("not-locked", one("group", group)),
            Self::NotAdmitted(group) => ("not-admitted", one("group", group)),
            Self::NameTaken(member) => ("name-taken", one("member", member)),
            Self::UserName(user) => ("user-name", one("user", user)),
            Self::UserExists(user) => ("user-exists", one("user", user)),
            Self::NoUser(user) => ("no-user", one("user", user)),
            Self::Period => ("period", Vec::new()),
            Self::SignInLater(after_s) => ("sign-in-later", one("after_s", &after_s.to_string())),
            Self::SharedLocked(group) => ("shared-locked", one("group", group)),
            Self::SharedSignIn(group) => ("shared-sign-in", one("group", group)),
            Self::NotForServers => ("not-for-servers", Vec::new()),
            Self::ForServers => ("for-servers", Vec::new()),
            Self::NotManaged(group) => ("not-managed", one("group", group)),
            Self::NoRoot(group) => ("no-root", one("group", group)),
            Self::NoServer(server, group) => (
                "no-server",
                vec![("server", server.to_string()), ("group", group.clone())],
            ),
            Self::ServerNamed(server) => ("server-named", one("server", &server.to_string())),
            Self::OwnServer(group) => ("own-server", one("group", group)),
            Self::NameElsewhere { member, group } => ("name-elsewhere", both(member, group)),
            Self::SeveralCalled(member) => ("several-called", one("member", member)),
            Self::Statement(detail) => ("statement", one("detail", detail)),
            Self::Rules(detail) => ("rules", one("detail", detail)),
            Self::Test { group, test } => {
                let open = if test.open { "yes" } else { "no" };
                let named = vec![
                    ("group", group.clone()),
                    ("from", test.from.clone()),
                    ("to", test.to.clone()),
                    ("service", test.service()),
                    ("open", open.to_owned()),
                ];
                ("rule-test", named)
            }
        }
    }

    /// The same as JSON, for a node: `{"refusal": …}` and what it names.
    #[must_use]
    pub fn to_json(&self) -> String {
        let (refusal, named) = self.named();
        let all = [("refusal", refusal.to_owned())].into_iter().chain(named);
        let all: BTreeMap<&str, String> = all.collect();
        // A map of texts: this cannot fail.
        serde_json::to_string(&all).unwrap_or_default()
    }
}

/// Why an order was not carried out. Nothing has changed then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The actor may not do this.
    #[error("this takes the role {}, which you do not have", .0.name())]
    Role(Role),
    /// Only a node comes by an invite.
    #[error("only a node can come by an invite; run `kumi join LINE` on it")]
    NotANode,
    /// Only the server's clock does this.
    #[error("only the server itself does this")]
    ClockOnly,
    /// A name that may not be one.
    #[error("`{0}` cannot be a name: 1 to 63 bytes without spaces, dots and control characters")]
    Name(String),
    /// A group of this name is there.
    #[error("there is a group `{0}` already")]
    GroupExists(String),
    /// No group of this name is there.
    #[error("there is no group `{0}`")]
    NoGroup(String),
    /// No group was named.
    #[error("name at least one group")]
    NoGroups,
    /// No member of this name is there.
    #[error("there is no member `{0}`")]
    NoMember(String),
    /// It is there already.
    #[error("`{member}` is in `{group}` already")]
    InGroup {
        /// Who.
        member: String,
        /// Where.
        group: String,
    },
    /// It is not there.
    #[error("`{member}` is not in `{group}`")]
    NotInGroup {
        /// Who.
        member: String,
        /// Where.
        group: String,
    },
    /// No such zone.
    #[error("there is no time zone `{0}`; write one such as Asia/Tokyo")]
    Zone(String),
    /// An invite that is not, or is no more.
    #[error("this invite is not known: it was used up, withdrawn or never made")]
    NoInvite,
    /// An invite that came too late.
    #[error("this invite has expired; ask for another")]
    InviteExpired,
    /// The member of this invite has another node.
    #[error("`{0}` has a node already; remove it before another takes its place")]
    HasNode(String),
    /// The node is another member.
    #[error("this node is the member `{0}` already")]
    IsMember(String),
    /// A prefix that lies behind nobody.
    #[error(
        "{0} cannot lie behind a member: it holds addresses of the overlay, of one link or of everybody"
    )]
    Prefix(Prefix),
    /// Limits that make no sense.
    #[error(
        "an invite lives for 1 s to 30 days and is for at least one node; an administrator's secret lives for at most ten years"
    )]
    Terms,
    /// More than the domain takes.
    #[error("there are {most} {what} already, and no more are taken")]
    Full {
        /// Of what.
        what: &'static str,
        /// How many.
        most: usize,
    },
    /// An administrator of this name is there.
    #[error("there is an administrator `{0}` already; remove it first, or choose another name")]
    AdminExists(String),
    /// No administrator of this name is there.
    #[error("there is no administrator `{0}`")]
    NoAdmin(String),
    /// Admins that are no lock.
    #[error(
        "a lock takes 1 to 16 different admin keys, and at least one of them, at most all, to agree"
    )]
    Lock,
    /// A signature that nobody waits for.
    #[error(
        "nothing that waits for signatures is what this one signs: it is in force already, or was asked for \
         anew; `kumi group pending` shows what waits"
    )]
    NotAsked,
    /// A signature that is none of the group's admins'.
    #[error("the signature is not right: no admin key of `{0}` has made it for what is asked")]
    Signature(String),
    /// An admission signed elsewhere, for a group that the server alone admits to, or that is not named.
    #[error("the line does not lead to a locked group `{0}`; ask for another")]
    NotLocked(String),
    /// An admission that does not hold.
    #[error(
        "the admission to `{0}` does not hold: not enough admins have signed for this line, or the node is not \
         what they allow; ask the admins for another line"
    )]
    NotAdmitted(String),
    /// A name that another member has.
    #[error("there is a member `{0}` already; come by another name: `kumi join LINE --label NAME`")]
    NameTaken(String),
    /// A name that no user may have.
    #[error("`{0}` cannot be a user: 1 to 63 bytes without spaces and control characters")]
    UserName(String),
    /// A user of this name is there.
    #[error("there is a user `{0}` already; set its password, or choose another name")]
    UserExists(String),
    /// No user of this name is there.
    #[error("there is no user `{0}`")]
    NoUser(String),
    /// A sign-in that is good for too short or too long.
    #[error("a sign-in is good for 1 minute to 30 days")]
    Period,
    /// There were too many attempts.
    #[error("there were too many attempts to sign in; try again in {0} s")]
    SignInLater(u64),
    /// A locked group is not shared.
    #[error(
        "`{0}` is locked: its members are told by one server, of which there can be several instances"
    )]
    SharedLocked(String),
    /// A group is shared, or asks for sign-ins.
    #[error(
        "`{0}` cannot ask for sign-ins and have several servers: each would know of those of its own users only"
    )]
    SharedSignIn(String),
    /// The line is for members.
    #[error(
        "this line makes a node a member; ask for one of `kumi group share` to manage the group"
    )]
    NotForServers,
    /// The line is for servers.
    #[error("this line is for a management server; run `kumi group accept LINE` on it")]
    ForServers,
    /// This server does not manage the group, or does no more.
    #[error("this server does not manage `{0}`: the group's statement names others")]
    NotManaged(String),
    /// The group's root key is elsewhere.
    #[error(
        "the root key of `{0}` is kept by the server that made the group; give the order there"
    )]
    NoRoot(String),
    /// No such server manages the group.
    #[error("no server of `{1}` is reached at {0}; `kumi group list` shows them")]
    NoServer(NodeAddr, String),
    /// The server, or its key, has a place already.
    #[error(
        "the server at {0}, or its key, has another place in the group already; take it out first with `kumi group unshare`"
    )]
    ServerNamed(NodeAddr),
    /// A server does not take itself out.
    #[error("this server cannot take itself out of `{0}`")]
    OwnServer(String),
    /// Another server's member is called so.
    #[error("another server of `{group}` has a member `{member}` already; choose another name")]
    NameElsewhere {
        /// The name.
        member: String,
        /// Where.
        group: String,
    },
    /// Several members of other servers are called so.
    #[error("several members of other servers are called `{0}`; name the one by its address F")]
    SeveralCalled(String),
    /// A statement that cannot be made.
    #[error("{0}")]
    Statement(String),
    /// Rules or roles that are none.
    #[error("{0}")]
    Rules(String),
    /// A test of a group's rules fails, or would from then on.
    #[error(
        "a test kept with `{group}` says {test}; this would not be so. Change the order, or the \
         test (`kumi group rules`)"
    )]
    Test {
        /// The group that the test is kept with.
        group: String,
        /// The test.
        test: RuleTest,
    },
}
