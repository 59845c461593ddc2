//! Instances of this server: each has an F of its own, and all have one key and one chain.

use group::statement::{SERVERS_MAX, Server};
use wire::NodeAddr;

use super::partners::{changed, statement};
use super::{Context, Outcome};
use crate::command::Refusal;
use crate::model::{Group, Tenant};

impl Tenant {
    /// Names this instance in every group of this server that does not name it yet.
    pub(super) fn attend(&self, context: &mut Context<'_>) -> Result<Outcome, Refusal> {
        let mut outcome = Outcome::default();
        let here = Server {
            key: context.signer().public(),
            f: context.server.f,
        };
        for (name, group) in &self.groups {
            if !lacks(group, here) {
                continue;
            }
            let mut servers = group.authority.servers.clone();
            let vacant = servers.iter().position(Option::is_none);
            match vacant.and_then(|at| servers.get_mut(at)) {
                Some(place) => *place = Some(here),
                None => servers.push(Some(here)),
            }
            // Without the root key the group stays as it is.
            if let Ok(authority) = statement(context, (name, group), servers) {
                outcome.events.push(changed(name, &authority));
            }
        }
        Ok(outcome)
    }

    /// Takes an instance out that is gone. One that is not names itself again. It has no chain of its
    /// own, so all that was signed stays good, and no epoch has to begin.
    pub(super) fn retire(
        &self,
        context: &Context<'_>,
        (name, group): (&str, &Group),
        gone: NodeAddr,
    ) -> Result<Outcome, Refusal> {
        let key = context.signer().public();
        let here = Server {
            key,
            f: context.server.f,
        };
        if gone == here.f {
            return Err(Refusal::OwnServer(name.to_owned()));
        }
        let mut servers = group.authority.servers.clone();
        let left = servers.iter().flatten().filter(|it| it.key == key);
        let mut left: Vec<Server> = left.copied().filter(|it| it.f != gone).collect();
        if left.is_empty() {
            left.push(here);
        }
        // The first place of a key is the index of its chain: it is never vacant.
        let mut left = left.into_iter();
        let is_own = |place: &Option<Server>| place.is_some_and(|it| it.key == key);
        for place in servers.iter_mut().filter(|place| is_own(place)) {
            *place = left.next();
        }
        let authority = statement(context, (name, group), servers)?;
        let mut outcome = Outcome::default();
        outcome.events.push(changed(name, &authority));
        Ok(outcome)
    }

    /// A group that has no room for an instance.
    pub(crate) fn full_for_instance(&self, here: Server) -> Option<&str> {
        let mut groups = self.groups.iter();
        let full = groups.find(|(_, group)| {
            let servers = &group.authority.servers;
            group.is_managed_by(here.key) && !has_place(servers) && !servers.contains(&Some(here))
        });
        full.map(|(name, _)| name.as_str())
    }

    /// Whether there is a group of this server that does not name an instance.
    pub(crate) fn lacks_instance(&self, here: Server) -> bool {
        self.groups.values().any(|group| lacks(group, here))
    }

    /// The instances that groups of this server name.
    pub(super) fn instances_of(&self, key: [u8; 32]) -> Vec<NodeAddr> {
        let groups = self.groups.values();
        let named = groups.flat_map(|group| group.authority.servers.iter().flatten());
        let own = named.filter(|server| server.key == key);
        let mut instances: Vec<NodeAddr> = own.map(|server| server.f).collect();
        instances.sort_unstable();
        instances.dedup();
        instances
    }
}

/// Whether a group is this server's, has a place and does not name an instance of it.
fn lacks(group: &Group, here: Server) -> bool {
    let servers = &group.authority.servers;
    group.is_managed_by(here.key) && has_place(servers) && !servers.contains(&Some(here))
}

fn has_place(servers: &[Option<Server>]) -> bool {
    servers.len() < SERVERS_MAX || servers.contains(&None)
}
