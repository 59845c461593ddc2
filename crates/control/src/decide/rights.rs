//! Who may give which order.

use crate::actor::{Actor, Role};
use crate::command::{Command, Refusal};
use crate::model::Tenant;

impl Command {
    /// Whether this actor may give this order to this tenant.
    ///
    /// # Errors
    /// [`Refusal::Role`], [`Refusal::NotANode`], [`Refusal::ClockOnly`].
    pub fn authorize(&self, tenant: &Tenant, actor: Actor) -> Result<(), Refusal> {
        let least = match self {
            Self::Enrol(_) => {
                return match actor {
                    Actor::Node { .. } => Ok(()),
                    Actor::Operator | Actor::Clock => Err(Refusal::NotANode),
                };
            }
            Self::Tick | Self::Attend => {
                return match actor {
                    Actor::Clock => Ok(()),
                    Actor::Operator | Actor::Node { .. } => Err(Refusal::ClockOnly),
                };
            }
            Self::Grant { .. } => Role::Owner,
            Self::CreateGroup { .. }
            | Self::Add(_)
            | Self::Remove { .. }
            | Self::Rotate { .. }
            | Self::Invite { .. }
            | Self::Withdraw { .. } => Role::Admin,
        };
        let has = match actor {
            Actor::Operator => Some(Role::Owner),
            Actor::Node { f } => tenant.admins.get(&f).map(|admin| admin.role),
            Actor::Clock => None,
        };
        if has.is_some_and(|role| role >= least) {
            Ok(())
        } else {
            Err(Refusal::Role(least))
        }
    }
}
