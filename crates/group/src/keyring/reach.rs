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

    /// What a peer and this node may reach at each other by the groups that both are in now, as far as
    /// `counts` says so: what any of them permits.
    #[must_use]
    pub fn reach(&self, f: NodeAddr, now_unix_s: u64, counts: impl Fn(GroupId) -> bool) -> Reach {
        let nothing = || Services::Ports(Vec::new());
        let mut reach = Reach {
            here: nothing(),
            there: nothing(),
        };
        for (group, peer) in self.shared(f, now_unix_s).filter(|(it, _)| counts(*it)) {
            let Some(joined) = self.groups.get(&group) else {
                continue;
            };
            let own = joined.roles();
            let roles = &peer.attributes.roles;
            let all = || (Services::All, Services::All);
            let rules = joined.rules.as_ref();
            let (here, there) = rules.map_or_else(all, |rules| {
                (rules.services(roles, &own), rules.services(&own, roles))
            });
            reach.here = reach.here.or(here);
            reach.there = reach.there.or(there);
        }
        reach
    }

    /// The places of the permits of a group by which a peer may reach a service here or, outwards, this node one
    /// there. `None`: the group has no rules, and lets its members reach everything.
    #[must_use]
    pub fn permits(
        &self,
        group: GroupId,
        f: NodeAddr,
        outwards: bool,
        service: (Proto, u16),
    ) -> Option<Vec<usize>> {
        let joined = self.groups.get(&group)?;
        let permits = joined.rules.as_ref()?.permits.as_ref()?;
        let own = joined.roles();
        let roles = joined.peers.get(&f).map(|it| it.attributes.roles.clone());
        let roles = roles.unwrap_or_default();
        let parties = match outwards {
            true => (&own[..], &roles[..]),
            false => (&roles[..], &own[..]),
        };
        let found = permitting(permits, parties, service);
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
        let is_newer = self
            .rules
            .as_ref()
            .is_none_or(|held| held.serial < rules.serial);
        if is_newer {
            self.rules = Some(rules);
        }
        Ok(is_newer)
    }
}
