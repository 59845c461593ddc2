//! The domain of the group management server (GMS): what an administrator orders becomes events,
//! events become what a tenant is, and from that follows what each member is told.
//!
//! What it does: [`decide`](Tenant::decide) checks a [`Command`] against a [`Tenant`] and the
//! rights of who gives it, and returns an [`Outcome`], which a store writes in one transaction;
//! [`apply`](Tenant::apply) makes it so. The same events always make the same tenant. [`plan`] says what an order would do.
//!
//! What it does not: storage, HTTP, sessions, clocks. Secrets and private keys are in no event:
//! an outcome names them beside, so that a store can seal and destroy them. [`service`] runs it.
//!
//! | limit | value |
//! |---|---|
//! | members of a tenant | [`MEMBERS_MAX`] |
//! | groups | [`GROUPS_MAX`] |
//! | tests kept with a group | [`TESTS_MAX`] |
//! | invites | [`INVITES_MAX`]; each for at most [`INVITE_S_MAX`] |
//! | administrators | [`ADMINS_MAX`]; each for at most [`ADMIN_S_MAX`], or until it is removed |
//! | users | [`USERS_MAX`]; each at the nodes of at most [`USER_DEVICES_MAX`] members |
//! | a sign-in | [`SIGN_IN_S_MIN`] to [`SIGN_IN_S_MAX`]; guessing: [`sign_in`] |
#![forbid(unsafe_code)]

mod actor;
mod apply;
mod asked;
mod audit;
mod command;
mod decide;
mod event;
mod in_force;
mod knowledge;
mod model;
mod partner;
mod partners;
pub mod plan;
mod reach;
mod rule_test;
pub mod service;
pub mod sign_in;
mod zone;

pub use actor::{Actor, AdminId, InviteId, Role};
pub use apply::Corrupt;
pub use audit::{AuditError, Record, Trail};
pub use command::{
    Addition, Attempt, Command, Enrolment, InviteTerms, LockedGroups, News, Refusal,
};
pub use decide::{Approved, Context, Outcome, Reply, SecretOf, Server};
pub use event::Event;
pub use group::agent::Have;
pub use model::{Admin, AskedRules, Group, Invite, Member, Tenant};
pub use partner::{Held, Partner};
pub use partners::name_in;
pub use rule_test::RuleTest;
pub use zone::Zone;

/// Most members of a tenant.
pub const MEMBERS_MAX: usize = 100_000;
/// Most groups of a tenant.
pub const GROUPS_MAX: usize = 10_000;
/// Most tests that are kept with a group.
pub const TESTS_MAX: usize = 64;
/// Most invites at once.
pub const INVITES_MAX: usize = 10_000;
/// Most administrators.
pub const ADMINS_MAX: usize = 1_000;
/// Most users.
pub const USERS_MAX: usize = 100_000;
/// Most members at whose nodes one user may sign in.
pub const USER_DEVICES_MAX: usize = 256;
/// The shortest time that a sign-in is good for, in seconds.
pub const SIGN_IN_S_MIN: u64 = 60;
/// The longest time that a sign-in is good for, in seconds: 30 days.
pub const SIGN_IN_S_MAX: u64 = 30 * 86_400;
/// The longest life of an administrator's secret, in seconds: 10 years.
pub const ADMIN_S_MAX: u64 = 3_653 * 86_400;
/// The longest life of an invite, in seconds: 30 days.
pub const INVITE_S_MAX: u64 = 30 * 86_400;
/// Epochs that are written ahead.
pub const EPOCHS_AHEAD: usize = 2;
