//! Orders become events, or are refused.
//!
//! | module | orders |
//! |---|---|
//! | `groups` | serve, create, rotate, the clock |
//! | `instances` | attend |
//! | `members` | add, remove |
//! | `invites` | invite, withdraw, enrol |
//! | `rules` | what members are and may reach, and the tests of that |
//! | `locked` | make locked groups, enrol with an admission that an invite's key has signed |
//! | `approve`, `ask` | approve; what is asked before |
//! | `users` | users, signing in and out, and groups that require it |
//! | `partners` | share, come as a server, unshare, take, learn |
//! | `admins` | administrators, and who may give which order |
//!
//! Nothing here changes the tenant: whoever wrote the outcome down applies its events.

mod admins;
mod approve;
mod ask;
mod groups;
mod instances;
mod invites;
mod locked;
mod members;
mod partners;
mod rules;
mod users;

use std::net::IpAddr;

use group::epochs::EpochSecret;
use group::statement::{GroupId, Policy, Signer, is_name};
use identity::crypto::{Crypto, Rng};
use identity::password::Verifier;
use wire::NodeAddr;

use crate::actor::{Actor, InviteId};
use crate::command::{Command, Refusal};
use crate::event::Event;
use crate::model::Tenant;

/// This server, as the groups know it.
#[derive(Clone, Copy)]
pub struct Server<'a> {
    /// The seed of its key for statements (Ed25519).
    pub seed: &'a [u8; 32],
    /// Where it is reached.
    pub f: NodeAddr,
}

/// What a decision is made with.
pub struct Context<'a> {
    /// The time, Unix seconds.
    pub now_unix_s: u64,
    /// The cryptography.
    pub crypto: &'a dyn Crypto,
    /// Where secrets are drawn from.
    pub rng: &'a mut dyn Rng,
    /// This server.
    pub server: Server<'a>,
    /// Finds the seed of a group's root key, if it is kept here.
    pub roots: &'a dyn Fn(GroupId) -> Option<[u8; 32]>,
}

impl<'a> Context<'a> {
    fn signer(&self) -> Signer<'a> {
        Signer {
            crypto: self.crypto,
            seed: self.server.seed,
        }
    }
}

/// Names a secret that a store keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecretOf {
    /// The group.
    pub group: GroupId,
    /// The number of the epoch in the server's chain.
    pub number: u32,
}

/// What an order gives back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Reply {
    /// Nothing to say.
    #[default]
    Done,
    /// An invite was made: its secret goes into the line.
    Invited {
        /// Which.
        invite: InviteId,
        /// Its secret, shown once and kept nowhere.
        secret: [u8; 16],
        /// Until when, Unix seconds.
        expires_unix_s: u64,
    },
    /// There is an administrator.
    Admin {
        /// Its secret, shown once and kept nowhere.
        secret: [u8; 32],
        /// Until when, Unix seconds; `None`: until it is removed.
        expires_unix_s: Option<u64>,
    },
    /// This server manages these groups with another now.
    Shared {
        /// Their names.
        groups: Vec<String>,
    },
    /// Entries before those of a partner are missing here.
    Gap,
    /// A partner has signed two chains: the index.
    Forked(u8),
    /// A node is this member now.
    Enrolled {
        /// Its name.
        member: String,
    },
    /// An admin's signature was taken.
    Approved(Approved),
    /// A user is signed in.
    SignedIn {
        /// Until when, in the group where it ends first, Unix seconds; 0: no group of the node requires it.
        until_unix_s: u64,
    },
    /// A user is not signed in. Why not is in the audit trail.
    SignInRefused,
}

/// How far an admission to a locked group has come, or its rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approved {
    /// Who is to be admitted, or to be something else; `None`: it is about the rules.
    pub member: Option<String>,
    /// Where.
    pub group: String,
    /// The admins who have signed, by their places in the genesis.
    pub signed: Vec<u8>,
    /// How many must.
    pub threshold: u8,
    /// They have: it is in force.
    pub is_in_force: bool,
}

/// What an order does. All of it is written in one transaction, or none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What happened.
    pub events: Vec<Event>,
    /// Secrets to keep, sealed.
    pub secrets: Vec<(SecretOf, EpochSecret)>,
    /// Root keys of groups to keep, sealed: the seeds.
    pub root_seeds: Vec<(GroupId, [u8; 32])>,
    /// What passwords are checked by from now on, to keep, sealed; `None`: the user is gone.
    pub verifiers: Vec<(String, Option<Verifier>)>,
    /// What to answer.
    pub reply: Reply,
}

impl Tenant {
    /// Decides on an order.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn decide(
        &self,
        context: &mut Context<'_>,
        actor: Actor,
        command: &Command,
    ) -> Result<Outcome, Refusal> {
        command.authorize(self, context.now_unix_s, actor)?;
        let outcome = self.decide_authorized(context, actor, command)?;
        self.check_tests(context.crypto, command, &outcome)?;
        Ok(outcome)
    }

    fn decide_authorized(
        &self,
        context: &mut Context<'_>,
        actor: Actor,
        command: &Command,
    ) -> Result<Outcome, Refusal> {
        match command {
            Command::Serve { site } => self.serve(context, site.as_deref()),
            Command::CreateGroups {
                groups,
                zone,
                site,
                sign_in_s,
            } => {
                let terms = (zone.as_str(), site.as_deref(), *sign_in_s);
                self.create_groups(context, groups, terms, &Policy::Managed)
            }
            Command::CreateLocked(locked) => self.create_locked(context, locked),
            Command::Approve(signature) => self.approve(context, signature),
            Command::EnrolLocked { invite, admission } => {
                self.enrol_locked(context, actor, *invite, admission)
            }
            Command::Rotate { group } => self.rotate(context, group),
            Command::Tick => self.tick(context),
            Command::Attend => self.attend(context),
            Command::Share { groups, life_s } => self.share(context, groups, *life_s),
            Command::PartnerCome { invite, key } => {
                self.partner_come(context, actor, (*invite, *key))
            }
            Command::Unshare { group, server } => self.unshare(context, group, *server),
            Command::Take { charges } => self.take(context, charges),
            Command::Learn(news) => self.learn(context, news),
            Command::Add(addition) => self.add(context, addition),
            Command::Remove { member, group } => self.remove(context, member, group.as_deref()),
            Command::Invite {
                groups,
                roles,
                terms,
            } => self.invite(context, groups, roles, *terms),
            Command::SetRoles { member, roles } => self.set_roles(context, member, roles),
            Command::SetRules {
                group,
                permits,
                tests,
            } => self.set_rules(context, group, permits.as_deref(), tests),
            Command::Withdraw { invite } => self.withdraw(*invite),
            Command::Enrol(enrolment) => self.enrol(context, actor, enrolment),
            Command::AddAdmin { name, role, life_s } => {
                self.add_admin(context, name, *role, *life_s)
            }
            Command::RemoveAdmin { name } => self.remove_admin(name),
            Command::RequireSignIn { group, period_s } => {
                self.require_sign_in(context, group, *period_s)
            }
            Command::AddUser {
                user,
                devices,
                verifier,
            } => self.add_user(user, devices, verifier),
            Command::SetPassword { user, verifier } => self.set_password(context, user, verifier),
            Command::ChangeUser {
                user,
                devices,
                disabled,
            } => self.change_user(context, user, devices.as_ref(), *disabled),
            Command::RemoveUser { user } => self.remove_user(context, user),
            Command::SignIn(attempt) => self.sign_in(context, actor, attempt),
            Command::SignOut => self.sign_out(context, actor),
        }
    }
}

/// Whether a node may be called so: an address would be taken for the node that has it.
fn check_name(name: &str) -> Result<(), Refusal> {
    let is_address = name.parse::<IpAddr>().is_ok();
    let fits = is_name(name) && !is_address;
    let refusal = || Refusal::Name(name.to_owned());
    fits.then_some(()).ok_or_else(refusal)
}

/// Whether so many more fit.
fn room(len: usize, more: usize, most: usize, what: &'static str) -> Result<(), Refusal> {
    if len.saturating_add(more) > most {
        return Err(Refusal::Full { what, most });
    }
    Ok(())
}
