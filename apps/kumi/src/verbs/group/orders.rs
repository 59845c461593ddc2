//! Orders to the management server on this node: create, add, invite, remove, rotate.

use super::locked;
use crate::context::Context;
use crate::daemon::host_name;
use crate::failure::{Exit, Failure};
use crate::output;
use crate::remote::{Remote, ask, surprised};
use crate::text::args;
use crate::usage::wrong_value;
use crate::verbs::access::argument;
use crate::verbs::{id, invite, show, start};
use api::{Enters, GroupLine, GroupRequest, GroupsMade, Mode, Prefix, Request, Response, USES_MAX};
use clap::ArgMatches;
use std::path::Path;

/// Runs `kumi group create`.
pub(super) fn create(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let zone = matches.get_one::<String>("zone").cloned();
    let zone = zone.unwrap_or_else(|| zone_of_host(Path::new("/etc/localtime")));
    let locked = locked::lock(context, matches)?;
    let elsewhere = Remote::load(context)?.is_some();
    if elsewhere && matches.contains_id("as") {
        return Err(Failure::new(Exit::Usage, "error-group-as"));
    }
    let named = matches.get_one::<String>("as").cloned();
    let enters = match (matches.get_flag("apart") || elsewhere, named) {
        (true, _) => Enters::Never,
        (false, Some(name)) => Enters::As { name },
        (false, None) => Enters::Usually {
            name: own_name(context),
        },
    };
    let sign_in_s = super::sign_in::option(context, matches)?;
    let request = GroupRequest::Create {
        groups: groups(matches),
        zone,
        site: site(context, matches)?,
        sign_in_s,
        enters,
        locked,
    };
    if !elsewhere {
        running(context, matches)?;
    }
    let Response::GroupsMade(made) = ask(context, &Request::Group(request))? else {
        return Err(surprised());
    };
    if context.json {
        output::json(&made);
        return Ok(());
    }
    say_made(context, &made);
    if sign_in_s.is_some() {
        super::sign_in::say(context, &made.groups.join(", "), sign_in_s);
    }
    Ok(())
}

fn say_made(context: &Context, made: &GroupsMade) {
    let text = &context.text;
    let (groups, zone) = (made.groups.join(", "), made.zone.clone());
    let count = made.groups.len();
    context.say(&text.tr(
        "group-created",
        args!(count = count, groups = groups, zone = zone),
    ));
    if !made.site.is_empty() {
        let site: Vec<String> = made.site.iter().map(ToString::to_string).collect();
        let site = site.join(", ");
        context.say(&text.tr("group-created-site", args!(count = count, site = site)));
    }
    if let Some(lock) = &made.locked {
        let args = args!(
            count = count,
            need = lock.threshold,
            all = lock.admins.len()
        );
        context.say(&text.tr("group-created-locked", args));
    }
    if let Some(member) = made.member.clone() {
        let message = match made.locked {
            Some(_) => "group-created-member-locked",
            None => "group-created-member",
        };
        context.say(&text.tr(message, args!(count = count, member = member)));
    }
    context.say(&text.t("group-created-next"));
    let first = made.groups.first().map_or("GROUP", String::as_str);
    context.say(&format!("\n  kumi group add NAME {first}\n"));
}

/// Runs `kumi group add`.
pub(super) fn add(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let member = argument(matches, "MEMBER").to_owned();
    let groups = groups(matches);
    let request = GroupRequest::Add {
        member: member.clone(),
        groups: groups.clone(),
        mode: mode(context, matches)?,
        accepts: prefixes(context, matches, "behind")?,
        roles: roles(matches, "role"),
        expires_s: invite::expires_s(context, matches, api::EXPIRES_S_DEFAULT)?,
    };
    let answer = ask(context, &Request::Group(request))?;
    let line = match answer {
        Response::GroupLine(line) => Some(line),
        _ => None,
    };
    if context.json {
        output::json(&serde_json::json!({ "member": member, "groups": groups, "line": line }));
        return Ok(());
    }
    match line {
        Some(line) => say_line(context, &line, "group-line-once", &member),
        None => {
            let (waits, is_in) = locked::waiting(context, &member, groups)?;
            for (message, groups) in [("group-added", is_in), ("group-added-pending", waits)] {
                let all = groups.join(", ");
                if !groups.is_empty() {
                    let args = args!(member = member.clone(), groups = all);
                    context.say(&context.text.tr(message, args));
                }
            }
        }
    }
    Ok(())
}

/// Runs `kumi group invite`.
pub(super) fn invite(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let uses = uses(context, matches)?;
    let request = Request::Group(GroupRequest::Invite {
        groups: groups(matches),
        uses,
        mode: mode(context, matches)?,
        roles: roles(matches, "role"),
        expires_s: invite::expires_s(context, matches, api::EXPIRES_S_DEFAULT)?,
    });
    let Response::GroupLine(line) = ask(context, &request)? else {
        return Err(surprised());
    };
    if context.json {
        output::json(&line);
        return Ok(());
    }
    let many = uses.to_string();
    say_line(context, &line, "group-line-many", &many);
    Ok(())
}

/// Runs `kumi group remove`.
pub(super) fn remove(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let member = argument(matches, "MEMBER").to_owned();
    let group = matches.get_one::<String>("GROUP").cloned();
    let request = GroupRequest::Remove {
        member: member.clone(),
        group: group.clone(),
    };
    done(context, request)?;
    if context.json {
        output::json(&serde_json::json!({ "removed": member, "group": group }));
        return Ok(());
    }
    let text = &context.text;
    context.say(&match group {
        Some(group) => text.tr("group-removed-from", args!(member = member, group = group)),
        None => text.tr("group-removed", args!(member = member)),
    });
    Ok(())
}

/// Runs `kumi group rotate`.
pub(super) fn rotate(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let group = argument(matches, "GROUP").to_owned();
    let request = GroupRequest::Rotate {
        group: group.clone(),
    };
    done(context, request)?;
    if context.json {
        output::json(&serde_json::json!({ "rotated": group }));
        return Ok(());
    }
    context.say(&context.text.tr("group-rotated", args!(group = group)));
    Ok(())
}

/// Gives an order that has no answer but that it was done.
pub(crate) fn done(context: &Context, request: GroupRequest) -> Result<(), Failure> {
    ask(context, &Request::Group(request)).map(drop)
}

/// Starts the node unless it runs.
pub(crate) fn running(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let source = id::source(context, matches);
    start::ensure_running(context, &source, context.config.proxy).map(drop)
}

/// The line alone goes to standard output, so that it can be piped.
pub(super) fn say_line(context: &Context, line: &GroupLine, message: &str, of: &str) {
    context.say(&line.line);
    let until = output::time(line.expires_unix_s);
    let args = args!(until = until, of = of.to_owned());
    eprintln!("{}", context.text.tr(message, args));
    if let Some(named) = show::invite_bridges(&context.text, &line.line) {
        eprintln!("{named}");
    }
}

/// How many may come by a line.
pub(super) fn uses(context: &Context, matches: &ArgMatches) -> Result<u32, Failure> {
    let Some(value) = matches.get_one::<String>("uses") else {
        return Ok(1);
    };
    let uses = value.parse().ok().filter(|it| (1..=USES_MAX).contains(it));
    let expected = || context.text.t("expected-uses");
    uses.ok_or_else(|| wrong_value("--uses", value, &expected()))
}

pub(super) fn groups(matches: &ArgMatches) -> Vec<String> {
    let groups = matches.get_many::<String>("GROUP").unwrap_or_default();
    groups.cloned().collect()
}

/// Roles, each said by itself.
pub(super) fn roles(matches: &ArgMatches, argument: &str) -> Vec<String> {
    let roles = matches.get_many::<String>(argument).unwrap_or_default();
    roles.cloned().collect()
}

pub(super) fn mode(context: &Context, matches: &ArgMatches) -> Result<Option<Mode>, Failure> {
    match matches.get_one::<String>("mode").map(String::as_str) {
        None => Ok(None),
        Some("open") => Ok(Some(Mode::Open)),
        Some("closed") => Ok(Some(Mode::Closed)),
        Some(other) => {
            let expected = context.text.t("expected-mode");
            Err(wrong_value("--mode", other, &expected))
        }
    }
}

/// The addresses that groups protect, as far as anything is said about them.
pub(crate) fn site(
    context: &Context,
    matches: &ArgMatches,
) -> Result<Option<Vec<Prefix>>, Failure> {
    let site = prefixes(context, matches, "site")?;
    Ok((matches.get_flag("no-site") || !site.is_empty()).then_some(site))
}

/// The prefixes given with an option.
pub(super) fn prefixes(
    context: &Context,
    matches: &ArgMatches,
    option: &str,
) -> Result<Vec<Prefix>, Failure> {
    let values = matches.get_many::<String>(option).unwrap_or_default();
    let prefix = |value: &String| {
        let expected = context.text.t("expected-prefix");
        let wrong = |_| wrong_value(&format!("--{option}"), value, &expected);
        value.parse().map_err(wrong)
    };
    values.map(prefix).collect()
}

/// What this node is called in its groups: what it tells its peers, as far as a name may have it.
fn own_name(context: &Context) -> String {
    let label = context.config.label.clone().or_else(host_name);
    member_name(label.as_deref().unwrap_or_default())
}

/// A name for a member from what a host is called.
pub(crate) fn member_name(label: &str) -> String {
    let first = label.split('.').next().unwrap_or_default();
    let fits = |c: &char| !c.is_whitespace() && !c.is_control();
    let mut name: String = first.chars().filter(fits).collect();
    while name.len() > api::NAME_LEN_MAX {
        name.pop();
    }
    match name.is_empty() {
        true => "node".to_owned(),
        false => name,
    }
}

/// The time zone that this machine's clock shows: where `/etc/localtime` leads.
fn zone_of_host(localtime: &Path) -> String {
    let target = std::fs::read_link(localtime).ok();
    let target = target.as_deref().and_then(Path::to_str);
    let zone = target.and_then(|path| path.split_once("zoneinfo/"));
    zone.map_or_else(|| "UTC".to_owned(), |(_, zone)| zone.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_called_as_its_host_is() {
        for (label, name) in [
            ("laptop", "laptop"),
            ("web-1.example.org", "web-1"),
            ("my laptop", "mylaptop"),
            ("", "node"),
            (".hidden", "node"),
        ] {
            assert_eq!(member_name(label), name);
        }
        assert_eq!(member_name(&"語".repeat(40)).len(), 63);
    }

    #[test]
    fn the_zone_is_where_localtime_leads() {
        let directory = std::env::temp_dir().join(format!("kumi-zone-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let link = directory.join("localtime");
        let _ = std::fs::remove_file(&link);
        assert_eq!(zone_of_host(&link), "UTC");
        std::os::unix::fs::symlink("/usr/share/zoneinfo/Asia/Tokyo", &link).unwrap();
        assert_eq!(zone_of_host(&link), "Asia/Tokyo");
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
