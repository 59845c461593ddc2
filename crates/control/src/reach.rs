//! Who may reach what, by groups and their rules, and tests of that.

use std::collections::BTreeSet;
use std::fmt;

use group::{Proto, Services};
use serde::{Deserialize, Serialize};

use crate::model::{Member, Tenant};

/// That a member reaches a service of another, or does not. It says nothing while one of them is not there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RuleTest {
    /// Who.
    pub from: String,
    /// Whom.
    pub to: String,
    /// Over which protocol.
    pub proto: Proto,
    /// At which port.
    pub port: u16,
    /// Whether it does.
    pub open: bool,
}

/// As a person would say it.
impl fmt::Display for RuleTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to, port, .. } = self;
        let verb = if self.open {
            "reaches"
        } else {
            "does not reach"
        };
        let proto = match self.proto {
            Proto::Tcp => "tcp",
            Proto::Udp => "udp",
        };
        write!(f, "{from} {verb} {to} at {proto}/{port}")
    }
}

impl Tenant {
    /// Whether a test holds.
    #[must_use]
    pub fn passes(&self, test: &RuleTest) -> bool {
        let members = (self.members.get(&test.from), self.members.get(&test.to));
        let (Some(from), Some(to)) = members else {
            return true;
        };
        self.services(from, to).hold(test.proto, test.port) == test.open
    }

    /// What a member may reach at another: what any group that they share permits; compiled.
    #[must_use]
    pub fn services(&self, from: &Member, to: &Member) -> Services {
        self.services_in(
            from.groups.intersection(&to.groups),
            (&from.roles, &to.roles),
        )
    }

    /// What somebody with some roles may reach at somebody with others, in these groups.
    pub(crate) fn services_in<'a>(
        &self,
        groups: impl Iterator<Item = &'a String>,
        (from, to): (&BTreeSet<String>, &BTreeSet<String>),
    ) -> Services {
        let list = |roles: &BTreeSet<String>| -> Vec<String> { roles.iter().cloned().collect() };
        let (from, to) = (list(from), list(to));
        let shared = groups.filter_map(|name| self.groups.get(name));
        let all = shared.map(|group| match &group.rules {
            Some(rules) => rules.services(&from, &to),
            None => Services::All,
        });
        all.fold(Services::Ports(Vec::new()), Services::or)
    }
}
