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
//! | invites | [`INVITES_MAX`]; each for at most [`INVITE_S_MAX`] |
//! | administrators | [`ADMINS_MAX`]; each for at most [`ADMIN_S_MAX`], or until it is removed |
#![forbid(unsafe_code)]

mod actor;
mod apply;
mod audit;
mod command;
mod decide;
mod event;
mod knowledge;
mod model;
mod partner;
mod partners;
pub mod plan;
pub mod service;
mod zone;

pub use actor::{Actor, AdminId, InviteId, Role};
pub use apply::Corrupt;
pub use audit::{AuditError, Record, Trail};
pub use command::{Addition, Command, Enrolment, InviteTerms, News, Refusal};
pub use decide::{Context, Outcome, Reply, SecretOf, Server};
pub use event::Event;
pub use group::agent::Have;
pub use model::{Admin, Group, Invite, Member, Tenant};
pub use partner::{Held, Partner};
pub use partners::name_in;
pub use zone::Zone;

/// Most members of a tenant.
pub const MEMBERS_MAX: usize = 100_000;
/// Most groups of a tenant.
pub const GROUPS_MAX: usize = 10_000;
/// Most invites at once.
pub const INVITES_MAX: usize = 10_000;
/// Most administrators.
pub const ADMINS_MAX: usize = 1_000;
/// The longest life of an administrator's secret, in seconds: 10 years.
pub const ADMIN_S_MAX: u64 = 3_653 * 86_400;
/// The longest life of an invite, in seconds: 30 days.
pub const INVITE_S_MAX: u64 = 30 * 86_400;
/// Epochs that are written ahead.
pub const EPOCHS_AHEAD: usize = 2;
