//! The rules of groups (docs/protocol/group.md, section 5.3): whoever has newer ones tells who has older ones.
//!
//! | message | what it does here |
//! |---|---|
//! | rules | verified; the newer ones count at once, for sessions that stand, too |
//! | head of the rules | whoever is behind says its own head, or is told the rules |

use group::keyring::KeyringError;
use group::message::Message;
use group::statement::{GroupId, Rules};
use wire::{NodeAddr, Now};

use crate::DropReason;
use crate::machine::Node;

impl Node {
    /// The serial of the rules of a group that this node has; 0: it has none that another would take.
    pub(crate) fn rules_serial(&self, group: GroupId) -> u64 {
        self.groups.keyring.rules_rank(group)
    }

    pub(crate) fn tell_rules_head(&mut self, now: Now, f: NodeAddr, group: GroupId) {
        let serial = self.rules_serial(group);
        self.tell_member(now, f, &Message::RulesHead { group, serial });
    }

    pub(crate) fn rules_in(&mut self, now: Now, f: NodeAddr, rules: Rules) {
        let group = rules.group;
        if !self.may_hear(now, f, group) {
            return self.drop_for(DropReason::NotAllowed);
        }
        match self.groups.keyring.rules(&*self.crypto, rules) {
            Ok(true) => {
                self.keep_group(group);
                self.judge_members(now);
                self.hand_on_rules(now, group, f);
            }
            Ok(false) => {}
            Err(KeyringError::NoGroup) => self.drop_for(DropReason::NotAllowed),
            Err(_) => self.drop_for(DropReason::Membership),
        }
    }

    pub(crate) fn rules_head_in(&mut self, now: Now, f: NodeAddr, group: GroupId, serial: u64) {
        if !self.is_shown(now, f, group) {
            return self.drop_for(DropReason::NotAllowed);
        }
        let own = self.rules_serial(group);
        if own < serial {
            return self.tell_rules_head(now, f, group);
        }
        let newer = self.groups.keyring.rules_of(group);
        if let Some(rules) = newer.filter(|_| own > serial) {
            let message = Message::Rules(Box::new(rules.clone()));
            self.tell_member(now, f, &message);
        }
    }

    /// Every member in touch hears that there are newer rules, whether or not a server reaches it.
    fn hand_on_rules(&mut self, now: Now, group: GroupId, from: NodeAddr) {
        for f in self.peers_up() {
            if f != from && self.is_shown(now, f, group) {
                self.tell_rules_head(now, f, group);
            }
        }
    }
}
