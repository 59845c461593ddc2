//! `kumi group rules` and `kumi group role`: what members may reach at each other.
//!
//! Rules are shown as the file that would set them, so that they can be changed with an editor:
//!
//! ```toml
//! [[rule]]
//! from = "staff"
//! to = "server"
//! services = ["tcp/22", "tcp/443"]
//!
//! [[test]]
//! from = "ada"
//! to = "web-1"
//! service = "tcp/22"
//! open = true
//! ```

use super::locked;
use super::orders::{self, done};
use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::output;
use crate::remote::{manage, surprised};
use crate::text::args;
use crate::verbs::access::argument;
use api::{GroupRequest, GroupRule, GroupRules, GroupTest, ManageRequest, ManageResponse};
use clap::ArgMatches;
use serde::{Deserialize, Serialize};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Longest file that is read, in bytes.
const FILE_LEN_MAX: u64 = 1_024 * 1_024;

/// Rules and tests as a file has them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    rule: Vec<GroupRule>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    test: Vec<GroupTest>,
}

/// Runs `kumi group rules`.
pub(super) fn run(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let is_order = matches.get_flag("none") || matches.contains_id("FILE");
    if !is_order {
        return show(context, argument(matches, "GROUP"));
    }
    let request = match matches.get_flag("none") {
        true => GroupRequest::Rules {
            group: argument(matches, "GROUP").to_owned(),
            rules: GroupRules::default(),
        },
        false => rules_request(matches)?,
    };
    let GroupRequest::Rules { group, rules } = request.clone() else {
        return Err(surprised());
    };
    done(context, request)?;
    let waits = locked::rules_wait(context, &group)?;
    if context.json {
        output::json(&serde_json::json!({ "group": group, "rules": rules, "pending": waits }));
        return Ok(());
    }
    if waits {
        context.say(&context.text.tr("group-rules-asked", args!(group = group)));
        return Ok(());
    }
    let tests = rules.tests.len();
    let said = match rules.rules {
        None => context.text.tr("group-rules-none", args!(group = group)),
        Some(rules) => {
            let count = rules.len();
            let args = args!(group = group, count = count, tests = tests);
            context.text.tr("group-rules-set", args)
        }
    };
    context.say(&said);
    Ok(())
}

/// Runs `kumi group role`.
pub(super) fn role(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let request = roles_request(matches);
    let member = argument(matches, "MEMBER").to_owned();
    let roles = orders::roles(matches, "ROLE");
    done(context, request)?;
    let waits = locked::changes(context, &member)?;
    if context.json {
        let said = serde_json::json!({ "member": member, "roles": roles, "pending": waits });
        output::json(&said);
        return Ok(());
    }
    let asked = waits.iter().map(|group| {
        let args = args!(member = member.clone(), group = group.clone());
        context.text.tr("group-role-asked", args)
    });
    let asked: Vec<String> = asked.collect();
    let said = match roles.is_empty() {
        true => context.text.tr("group-role-none", args!(member = member)),
        false => {
            let args = args!(member = member, roles = roles.join(", "));
            context.text.tr("group-role-set", args)
        }
    };
    context.say(&said);
    for line in asked {
        context.say(&line);
    }
    Ok(())
}

/// The order of `kumi group role`.
pub(super) fn roles_request(matches: &ArgMatches) -> GroupRequest {
    GroupRequest::Roles {
        member: argument(matches, "MEMBER").to_owned(),
        roles: orders::roles(matches, "ROLE"),
    }
}

/// The order of `kumi group rules GROUP FILE`.
///
/// # Errors
/// The file cannot be read, or is none.
pub(super) fn rules_request(matches: &ArgMatches) -> Result<GroupRequest, Failure> {
    let file = matches.get_one::<PathBuf>("FILE");
    let file = file.map_or(Path::new(""), PathBuf::as_path);
    let failed = |detail: String| {
        let failure = Failure::new(Exit::Usage, "error-rules-file");
        failure.with("file", file.display()).with("detail", detail)
    };
    let text = read(file).map_err(|error| failed(error.to_string()))?;
    let parsed: File = toml::from_str(&text).map_err(|error| failed(error.to_string()))?;
    let rules = GroupRules {
        rules: Some(parsed.rule),
        tests: parsed.test,
    };
    check(&rules).map_err(failed)?;
    let group = argument(matches, "GROUP").to_owned();
    Ok(GroupRequest::Rules { group, rules })
}

/// What is wrong, if anything, said of the entry that it is in.
fn check(rules: &GroupRules) -> Result<(), String> {
    let all = rules.rules.as_deref().unwrap_or_default();
    for (place, rule) in all.iter().enumerate() {
        if api::services_of(&rule.services).is_none() {
            let (number, services) = (place + 1, &rule.services);
            return Err(format!(
                "rule {number}: services = {services:?}: write ports such as \"tcp/22\" or \"udp/6000-6100\", or \
                 \"all\" alone"
            ));
        }
    }
    for (place, test) in rules.tests.iter().enumerate() {
        if test.port().is_none() {
            let (number, service) = (place + 1, &test.service);
            return Err(format!(
                "test {number}: service = {service:?}: write one port such as \"tcp/22\""
            ));
        }
    }
    rules.check().map_err(|what| format!("too many {what}"))
}

fn read(file: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    if file == Path::new("-") {
        std::io::stdin()
            .take(FILE_LEN_MAX)
            .read_to_string(&mut text)?;
    } else {
        std::fs::File::open(file)?
            .take(FILE_LEN_MAX)
            .read_to_string(&mut text)?;
    }
    Ok(text)
}

fn show(context: &Context, group: &str) -> Result<(), Failure> {
    let request = ManageRequest::Group {
        group: group.to_owned(),
    };
    let ManageResponse::Group(found) = manage(context, request)? else {
        return Err(surprised());
    };
    if context.json {
        output::json(&serde_json::json!({ "rules": found.rules, "tests": found.tests }));
        return Ok(());
    }
    let text = &context.text;
    let group = found.group.clone();
    if found.rules.is_none() {
        context.say(&text.tr("group-rules-free", args!(group = group)));
    } else {
        context.say(&text.tr("group-rules-head", args!(group = group)));
    }
    if found.rules_pending {
        let group = found.group.clone();
        context.say(&text.tr("group-rules-pending", args!(group = group)));
    }
    let file = File {
        rule: found.rules.unwrap_or_default(),
        test: found.tests,
    };
    if file != File::default() {
        // Texts and lists: this cannot fail.
        context.say(toml::to_string(&file).unwrap_or_default().trim_end());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_can_be_given_again() {
        let file = File {
            rule: vec![GroupRule {
                from: "staff".to_owned(),
                to: "*".to_owned(),
                services: vec!["tcp/22".to_owned(), "udp/53".to_owned()],
            }],
            test: vec![GroupTest {
                from: "ada".to_owned(),
                to: "web-1".to_owned(),
                service: "tcp/22".to_owned(),
                open: true,
            }],
        };
        let shown = toml::to_string(&file).unwrap();
        assert!(shown.starts_with("[[rule]]\n"), "{shown}");
        assert_eq!(toml::from_str::<File>(&shown).unwrap(), file);
    }

    #[test]
    fn what_is_wrong_is_said_of_its_entry() {
        let rule = |services: &[&str]| GroupRule {
            from: "*".to_owned(),
            to: "*".to_owned(),
            services: services.iter().map(|it| (*it).to_owned()).collect(),
        };
        let rules = |second| GroupRules {
            rules: Some(vec![rule(&["all"]), second]),
            tests: Vec::new(),
        };
        assert_eq!(check(&rules(rule(&["tcp/1"]))), Ok(()));
        let wrong = check(&rules(rule(&["22"]))).unwrap_err();
        assert!(wrong.starts_with("rule 2: services = [\"22\"]"), "{wrong}");
        assert!(toml::from_str::<File>("[[rul]]\n").is_err());
    }
}
