//! Who may reach what, by groups, rules and roles as they were ordered: in a locked group they are in force when its
//! admins have signed, and tests and plans look at what will be then.

use std::borrow::Cow;
use std::collections::BTreeSet;

use group::Services;

use crate::model::{Member, Tenant};
use crate::rule_test::RuleTest;

impl Tenant {
    /// Whether a test holds.
    #[must_use]
    pub fn passes(&self, test: &RuleTest) -> bool {
        let members = (self.called(&test.from), self.called(&test.to));
        let (Some(from), Some(to)) = members else {
            return true;
        };
        self.services(&from, &to).hold(test.proto, test.port) == test.open
    }

    /// A member by its name: of this server, else of a partner.
    fn called(&self, name: &str) -> Option<Cow<'_, Member>> {
        if let Some(own) = self.members.get(name) {
            return Some(Cow::Borrowed(own));
        }
        let (_, f) = self.called_elsewhere(name, None).next()?;
        Some(Cow::Owned(self.member_elsewhere(f)?.1))
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
        let all = shared.map(|group| match group.ordered_rules() {
            Some(rules) => rules.services(&from, &to),
            None => Services::All,
        });
        all.fold(Services::Ports(Vec::new()), Services::or)
    }
}
