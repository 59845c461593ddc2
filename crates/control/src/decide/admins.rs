//! Administrators, and who may give which order.
//!
//! The operator, who may use the control socket of the server itself, is an owner and cannot be
//! removed. Everybody else shows a secret of 256 bits, of which the server keeps a hash.

use identity::crypto::random;

use super::{Context, Outcome, Reply, room};
use crate::actor::{Actor, AdminId, Role};
use crate::command::{Command, Refusal};
use crate::event::Event;
use crate::model::Tenant;
use crate::{ADMIN_S_MAX, ADMINS_MAX};

impl Command {
    /// Whether this actor may give this order to this tenant now.
    ///
    /// # Errors
    /// [`Refusal::Role`], [`Refusal::NotANode`], [`Refusal::ClockOnly`].
    pub fn authorize(&self, tenant: &Tenant, now_unix_s: u64, actor: Actor) -> Result<(), Refusal> {
        let least = match self {
            Self::Enrol(_)
            | Self::EnrolLocked { .. }
            | Self::SignIn(_)
            | Self::SignOut
            | Self::PartnerCome { .. }
            | Self::Learn(_) => {
                return match actor {
                    Actor::Node { .. } => Ok(()),
                    Actor::Operator | Actor::Admin { .. } | Actor::Clock => Err(Refusal::NotANode),
                };
            }
            Self::Tick | Self::Attend => {
                return match actor {
                    Actor::Clock => Ok(()),
                    Actor::Operator | Actor::Admin { .. } | Actor::Node { .. } => {
                        Err(Refusal::ClockOnly)
                    }
                };
            }
            Self::AddAdmin { .. }
            | Self::RemoveAdmin { .. }
            | Self::Share { .. }
            | Self::Unshare { .. }
            | Self::Take { .. } => Role::Owner,
            Self::Serve { .. }
            | Self::CreateGroups { .. }
            | Self::CreateLocked(_)
            | Self::Approve(_)
            | Self::Add(_)
            | Self::Remove { .. }
            | Self::Rotate { .. }
            | Self::SetRoles { .. }
            | Self::SetRules { .. }
            | Self::Invite { .. }
            | Self::Withdraw { .. }
            | Self::RequireSignIn { .. }
            | Self::AddUser { .. }
            | Self::SetPassword { .. }
            | Self::ChangeUser { .. }
            | Self::RemoveUser { .. } => Role::Admin,
        };
        tenant.authorize(now_unix_s, actor, least)
    }
}

impl Tenant {
    /// What an actor may do now; `None`: nothing.
    #[must_use]
    pub fn role(&self, now_unix_s: u64, actor: Actor) -> Option<Role> {
        match actor {
            Actor::Operator => Some(Role::Owner),
            Actor::Admin { admin } => {
                let admin = self.admins.get(&admin)?;
                let is_over = admin.expires_unix_s.is_some_and(|at| at <= now_unix_s);
                (!is_over).then_some(admin.role)
            }
            Actor::Node { .. } | Actor::Clock => None,
        }
    }

    /// Whether an actor has at least this role now.
    ///
    /// # Errors
    /// [`Refusal::Role`]: it has not.
    pub fn authorize(&self, now_unix_s: u64, actor: Actor, least: Role) -> Result<(), Refusal> {
        let has = self.role(now_unix_s, actor);
        let may = has.is_some_and(|role| role >= least);
        may.then_some(()).ok_or(Refusal::Role(least))
    }

    pub(super) fn add_admin(
        &self,
        context: &mut Context<'_>,
        name: &str,
        role: Role,
        life_s: Option<u64>,
    ) -> Result<Outcome, Refusal> {
        if !group::statement::is_name(name) {
            return Err(Refusal::Name(name.to_owned()));
        }
        if life_s.is_some_and(|life| !(1..=ADMIN_S_MAX).contains(&life)) {
            return Err(Refusal::Terms);
        }
        if self.admin_named(name).is_some() {
            return Err(Refusal::AdminExists(name.to_owned()));
        }
        room(self.admins.len(), 1, ADMINS_MAX, "administrators")?;
        let secret: [u8; 32] = random(context.rng);
        let expires_unix_s = life_s.map(|life| context.now_unix_s.saturating_add(life));
        let added = Event::AdminAdded {
            admin: AdminId::of(context.crypto, &secret),
            name: name.to_owned(),
            role,
            expires_unix_s,
        };
        Ok(Outcome {
            events: vec![added],
            reply: Reply::Admin {
                secret,
                expires_unix_s,
            },
            ..Outcome::default()
        })
    }

    pub(super) fn remove_admin(&self, name: &str) -> Result<Outcome, Refusal> {
        let admin = self.admin_named(name);
        let admin = admin.ok_or_else(|| Refusal::NoAdmin(name.to_owned()))?;
        Ok(Outcome {
            events: vec![Event::AdminRemoved { admin }],
            ..Outcome::default()
        })
    }

    fn admin_named(&self, name: &str) -> Option<AdminId> {
        let mut all = self.admins.iter();
        all.find(|(_, it)| it.name == name).map(|(id, _)| *id)
    }
}
