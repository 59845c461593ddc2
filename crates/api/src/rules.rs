//! The rules of a group: which roles may reach which services of which roles, and tests that keep it
//! so.

use crate::port::{PortRange, Services};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Most rules of a group.
pub const RULES_MAX: usize = 64;
/// Most services of one rule.
const SERVICES_MAX: usize = 255;
/// Most tests that are kept with a group.
const TESTS_MAX: usize = 64;
/// Most roles of a member.
const ROLES_MAX: usize = 8;
/// How every service is written.
pub const EVERYTHING: &str = "all";
/// The longest text of anything here, in bytes; what else it may be is the server's to say.
const TEXT_LEN_MAX: usize = 252;

/// A rule: members with one role may reach services of members with another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupRule {
    /// The role of those who may; `*`: every member.
    #[schema(example = "staff", min_length = 1, max_length = 32)]
    pub from: String,
    /// The role of those whose services they are; `*`: every member.
    #[schema(example = "server", min_length = 1, max_length = 32)]
    pub to: String,
    /// Which: `tcp/22`, `udp/6000-6100`, or `all`.
    #[schema(example = json!(["tcp/22", "tcp/443"]), min_items = 1, max_items = 255)]
    pub services: Vec<String>,
}

/// A test: a member reaches a service of another, or does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupTest {
    /// The member that reaches, or does not.
    #[schema(example = "ada", min_length = 1, max_length = 63)]
    pub from: String,
    /// The member that is reached, or not.
    #[schema(example = "web-1", min_length = 1, max_length = 63)]
    pub to: String,
    /// The service, such as `tcp/22`.
    #[schema(example = "tcp/22", pattern = r"^(tcp|udp)/[0-9]{1,5}$")]
    pub service: String,
    /// Whether it does.
    pub open: bool,
}

/// The rules of a group, and its tests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupRules {
    /// Members may reach only what these name; where it is left out, everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 64)]
    pub rules: Option<Vec<GroupRule>>,
    /// What must be so from now on, or an order is refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 64)]
    pub tests: Vec<GroupTest>,
}

/// What a member is, for the rules of its groups.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MemberRoles {
    /// All its roles.
    #[schema(max_items = 8, example = json!(["staff"]))]
    pub roles: Vec<String>,
}

impl GroupRules {
    /// Checks every bound of this module.
    ///
    /// # Errors
    /// The name of the first value that is out of range.
    pub fn check(&self) -> Result<(), &'static str> {
        let fits = |text: &String| text.len() <= TEXT_LEN_MAX;
        let rules = self.rules.as_deref().unwrap_or_default();
        let are_rules = rules.len() <= RULES_MAX
            && rules.iter().all(|rule| {
                fits(&rule.from) && fits(&rule.to) && services_of(&rule.services).is_some()
            });
        are_rules.then_some(()).ok_or("rules")?;
        let are_tests = self.tests.len() <= TESTS_MAX
            && self
                .tests
                .iter()
                .all(|test| fits(&test.from) && fits(&test.to) && test.port().is_some());
        are_tests.then_some(()).ok_or("tests")
    }
}

impl GroupTest {
    /// The service; `None`: it is not one port.
    #[must_use]
    pub fn port(&self) -> Option<PortRange> {
        let port: PortRange = self.service.parse().ok()?;
        (port.lo == port.hi).then_some(port)
    }
}

/// Services as they are written; `None`: one is not, or there are none or too many.
#[must_use]
pub fn services_of(texts: &[String]) -> Option<Services> {
    if texts.is_empty() || texts.len() > SERVICES_MAX {
        return None;
    }
    if texts.iter().any(|text| text == EVERYTHING) {
        return (texts.len() == 1).then_some(Services::All);
    }
    let ports = texts.iter().map(|text| text.parse().ok());
    ports.collect::<Option<_>>().map(Services::Ports)
}

/// Services as they are written; nothing: none.
#[must_use]
pub fn written(services: &Services) -> Vec<String> {
    match services {
        Services::All => vec![EVERYTHING.to_owned()],
        Services::Ports(ports) => ports.iter().map(ToString::to_string).collect(),
    }
}

/// Whether roles are few and short enough for a request.
///
/// # Errors
/// They are not.
pub(crate) fn check_roles(roles: &[String]) -> Result<(), &'static str> {
    let fit = roles.len() <= ROLES_MAX && roles.iter().all(|role| role.len() <= TEXT_LEN_MAX);
    fit.then_some(()).ok_or("roles")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_ports_or_everything_and_not_both() {
        let of = |texts: &[&str]| {
            let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
            services_of(&texts)
        };
        assert_eq!(of(&["all"]), Some(Services::All));
        let two = of(&["tcp/22", "udp/6000-6100"]).unwrap();
        assert_eq!(written(&two), ["tcp/22", "udp/6000-6100"]);
        assert_eq!(written(&Services::All), ["all"]);
        for wrong in [&[][..], &["all", "tcp/22"], &["22"], &["icmp"], &["tcp/0"]] {
            assert_eq!(of(wrong), None, "{wrong:?}");
        }
        assert_eq!(of(&["tcp/1"; SERVICES_MAX + 1]), None);
    }

    #[test]
    fn a_test_is_about_one_port() {
        let test = |service: &str| GroupTest {
            from: "ada".to_owned(),
            to: "web".to_owned(),
            service: service.to_owned(),
            open: true,
        };
        let rules = |service: &str| GroupRules {
            rules: None,
            tests: vec![test(service)],
        };
        assert_eq!(rules("tcp/22").check(), Ok(()));
        for wrong in ["tcp/22-23", "22", "all"] {
            assert_eq!(rules(wrong).check(), Err("tests"), "{wrong}");
        }
    }
}
