//! What the admins of a locked group are asked to sign: admissions, one for each member, and rules, one statement for
//! the group. It counts when so many have signed as must; until then everything is as it was.

use group::statement::{Admission, Rules};
use identity::crypto::Crypto;

use crate::event::Event;
use crate::model::{AskedRules, Group, Tenant};
use crate::rule_test::RuleTest;

impl Group {
    /// The rules that were ordered last, whether or not the admins have signed them.
    #[must_use]
    pub fn ordered_rules(&self) -> Option<&Rules> {
        let asked = self.asked_rules.as_ref().map(|it| &it.rules);
        asked.or(self.rules.as_ref())
    }

    /// The tests of those.
    #[must_use]
    pub fn ordered_tests(&self) -> &[RuleTest] {
        let asked = self.asked_rules.as_ref().map(|it| &it.tests);
        asked.unwrap_or(&self.tests)
    }
}

impl Tenant {
    pub(crate) fn asked_event(&mut self, crypto: &dyn Crypto, event: &Event) -> Result<(), String> {
        let unsigned = "no admin has made this signature";
        match event {
            Event::AdmissionAsked {
                member,
                group,
                admission,
            } => {
                let admission = Admission::decode(admission).map_err(|e| e.to_string())?;
                let asked = &mut self.group_mut(group)?.asked;
                asked.insert(member.clone(), admission);
            }
            Event::AdmissionSigned {
                member,
                group,
                admin,
                signature,
            } => {
                let group = self.group_mut(group)?;
                let asked = group.asked.get_mut(member);
                let asked = asked.ok_or("nothing was asked")?;
                if !asked.accept(crypto, &group.genesis, *admin, *signature) {
                    return Err(unsigned.to_owned());
                }
            }
            Event::AdmissionUnasked { member, group } => {
                let asked = self.group_mut(group)?.asked.remove(member);
                asked.ok_or("nothing was asked")?;
            }
            Event::RulesAsked {
                group,
                rules,
                tests,
            } => {
                let group = self.group_mut(group)?;
                let rules = rules.as_deref().map(Rules::decode).transpose();
                let rules = rules.map_err(|e| e.to_string())?;
                if rules.as_ref().is_some_and(|it| it.group != group.id) {
                    return Err("rules of another group".to_owned());
                }
                let serial = rules.as_ref().map_or(0, |it| it.serial);
                group.asked_serial = group.asked_serial.max(serial);
                let tests = tests.clone();
                group.asked_rules = rules.map(|rules| AskedRules { rules, tests });
            }
            Event::RulesSigned {
                group,
                admin,
                signature,
            } => {
                let group = self.group_mut(group)?;
                let asked = group.asked_rules.as_mut();
                let asked = &mut asked.ok_or("nothing was asked")?.rules;
                if !asked.accept(crypto, &group.genesis, *admin, *signature) {
                    return Err(unsigned.to_owned());
                }
            }
            _ => {}
        }
        Ok(())
    }
}
