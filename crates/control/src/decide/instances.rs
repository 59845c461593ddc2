//! Instances of this server: each has an F of its own, and all have one key and one chain.

use group::statement::{Authority, SERVERS_MAX, Server, Signer};
use wire::NodeAddr;

use super::{Context, Outcome};
use crate::command::Refusal;
use crate::event::Event;
use crate::model::{Group, Tenant};

impl Tenant {
    /// Names this instance in every group of this server that does not name it yet. A group whose
    /// root key is kept elsewhere stays as it is.
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
            let Some(seed) = (context.roots)(group.id) else {
                continue;
            };
            let root = Signer {
                crypto: context.crypto,
                seed: &seed,
            };
            if root.public() != group.genesis.root_key {
                continue;
            }
            let mut servers = group.authority.servers.clone();
            let vacant = servers.iter().position(Option::is_none);
            match vacant.and_then(|at| servers.get_mut(at)) {
                Some(place) => *place = Some(here),
                None => servers.push(Some(here)),
            }
            let serial = group.authority.serial.saturating_add(1);
            let at = context.now_unix_s;
            let authority = Authority::issue(&root, group.id, serial, at, servers);
            outcome.events.push(Event::AuthorityChanged {
                group: name.clone(),
                authority: authority.encode(),
            });
        }
        Ok(outcome)
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

/// Whether a group is this server's and does not name an instance of it.
fn lacks(group: &Group, here: Server) -> bool {
    let own = group.authority.server(group.chain.index());
    let is_own = own.is_some_and(|server| server.key == here.key);
    let servers = &group.authority.servers;
    // One that is full goes on without this instance.
    let has_place = servers.len() < SERVERS_MAX || servers.contains(&None);
    is_own && has_place && !servers.contains(&Some(here))
}
