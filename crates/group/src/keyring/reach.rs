//! What members may reach at each other, by the rules of the groups that they share.

use identity::crypto::Crypto;
use wire::NodeAddr;

use super::joined::Joined;
use super::{Keyring, KeyringError};
use crate::rules::permitting;
use crate::statement::{GroupId, Rules};
use crate::{Proto, Services};

/// What two members may reach at each other; compiled ([`Services::compiled`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// What the peer may reach here.
    pub here: Services,
    /// What this node may reach there.
    pub there: Services,
}

impl Reach {
    /// Everything, both ways.
    pub const ALL: Self = Self {
        here: Services::All,
        there: Services::All,
    };
}

impl Keyring {
    /// Takes rules that anybody may have handed over; whether they are newer than those that are held.
    ///
    /// # Errors
    /// See [`KeyringError`].
    pub fn rules(&mut self, crypto: &dyn Crypto, rules: Rules) -> Result<bool, KeyringError> {
        self.joined_mut(rules.group)?.take_rules(crypto, rules)
    }

    /// The rules of a group; `None`: nothing was said of it.
    #[must_use]
    pub fn rules_of(&self, group: GroupId) -> Option<&Rules> {
        self.groups.get(&group)?.rules.as_ref()
    }

    /// What rules of a group have to be above to count here ([`Rules::rank`]); 0: any do.
    #[must_use]
    pub fn rules_rank(&self, group: GroupId) -> u64 {
        self.groups.get(&group).map_or(0, |it| it.rules_rank)
    }

    /// What a peer and this node may reach at each other by the groups that both are in now, as far as
    /// `counts` says so: what any of them permits. `None`: there is no such group.
    #[must_use]
    pub fn reach(
        &self,
        f: NodeAddr,
        now_unix_s: u64,
        counts: impl Fn(GroupId) -> bool,
    ) -> Option<Reach> {
        let shared = self.shared(f, now_unix_s);
        let shared = shared.filter(|(group, _)| counts(*group));
        let each = shared.filter_map(|(group, peer)| {
            let joined = self.groups.get(&group)?;
            let Some(rules) = &joined.rules else {
                return Some(Reach::ALL);
            };
            let (own, roles) = (joined.roles(), &peer.attributes.roles);
            Some(Reach {
                here: rules.services(roles, &own),
                there: rules.services(&own, roles),
            })
        });
        each.reduce(|one, other| Reach {
            here: one.here.or(other.here),
            there: one.there.or(other.there),
        })
    }

    /// The places of the permits of a group by which this node may reach a service at a peer. `None`: the group has no rules, and lets its members reach everything.
    #[must_use]
    pub fn permits(
        &self,
        group: GroupId,
        f: NodeAddr,
        service: (Proto, u16),
    ) -> Option<Vec<usize>> {
        let joined = self.groups.get(&group)?;
        let permits = joined.rules.as_ref()?.permits.as_ref()?;
        let own = joined.roles();
        let roles = &joined.peers.get(&f)?.attributes.roles;
        let found = permitting(permits, (&own, roles), service);
        Some(found.map(|(place, _)| place).collect())
    }
}

impl Joined {
    /// This node's own roles.
    fn roles(&self) -> Vec<String> {
        self.admission.attributes().unwrap_or_default().roles
    }

    /// Takes rules, if they are newer; whether they are.
    pub(super) fn take_rules(
        &mut self,
        crypto: &dyn Crypto,
        rules: Rules,
    ) -> Result<bool, KeyringError> {
        if !rules.holds(crypto, &self.genesis, &self.authority) {
            return Err(KeyringError::Rules);
        }
        let is_newer = self.rules_rank < rules.serial;
        if is_newer {
            self.rules_rank = rules.serial;
            self.rules = Some(rules);
        }
        Ok(is_newer)
    }

    /// Others may decide about the group than when its rules came.
    pub(super) fn rank_rules(&mut self, crypto: &dyn Crypto) {
        let held = self.rules.as_ref();
        self.rules_rank = held.map_or(0, |it| it.rank(crypto, &self.genesis, &self.authority));
    }
}
