//! `kumi allow`, `kumi deny` and `kumi list`, and how a peer is found by its name.

use super::{peers, show, status};
use crate::client::{ask, expect_answer};
use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::output;
use crate::text::args;
use crate::usage::wrong_value;
use api::{
    Accept, Allow, Entry, LABEL_LEN_MAX, PORTS_MAX, PREFIXES_MAX, PortRange, Prefix, Request,
    Response, Services, Who,
};
use clap::ArgMatches;
use std::net::Ipv6Addr;

/// Runs `kumi allow`.
pub(crate) fn allow(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let text = &context.text;
    let value = argument(matches, "WHO");
    let who: Who = value
        .parse()
        .map_err(|_| wrong_value("ADDR|KEY", value, &text.t("expected-who")))?;
    let accept = accept(context, matches)?;
    let allow = Allow {
        who,
        services: services(context, matches, accept.is_some())?,
        label: label(context, matches)?,
        accept,
    };
    ask(context, &Request::Allow(allow))?;
    let own = status::fetch(context)?.address;
    let entry = entries(context)?.into_iter().find(|entry| entry.who == who);
    let (services, accepts) = entry.map_or_else(
        || (Services::All, Vec::new()),
        |entry| (entry.services, entry.accepts),
    );
    if context.json {
        output::json(&serde_json::json!({
            "allowed": who, "services": services, "accepts": accepts,
        }));
        return Ok(());
    }
    let services = show::services(text, &services);
    context.say(&text.tr(
        "allow-done",
        args!(who = who.to_string(), services = services),
    ));
    if !accepts.is_empty() {
        let prefixes = show::prefixes(&accepts);
        context.say(&text.tr("allow-accepts", args!(prefixes = prefixes)));
    }
    context.say(&text.tr("allow-mutual", args!(address = own.to_string())));
    Ok(())
}

/// Runs `kumi deny`.
pub(crate) fn deny(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let value = argument(matches, "WHO");
    let who = match value.parse() {
        Ok(who) => who,
        Err(_) => listed(context, value)?,
    };
    ask(context, &Request::Deny { who })?;
    if context.json {
        output::json(&serde_json::json!({ "denied": who }));
        return Ok(());
    }
    let who = who.to_string();
    context.say(&context.text.tr("deny-done", args!(who = who)));
    Ok(())
}

/// Runs `kumi list`.
pub(crate) fn list(context: &Context) -> Result<(), Failure> {
    let entries = entries(context)?;
    if context.json {
        output::json(&serde_json::json!({ "entries": entries }));
        return Ok(());
    }
    let text = &context.text;
    if entries.is_empty() {
        context.say(&text.t("list-none"));
        return Ok(());
    }
    let mut rows = vec![vec![
        text.t("peers-name"),
        text.t("list-who"),
        text.t("list-services"),
        text.t("list-accepts"),
        text.t("list-since"),
    ]];
    let dash = || "-".to_owned();
    rows.extend(entries.iter().map(|entry| {
        let accepts = match entry.accepts.as_slice() {
            [] => dash(),
            some => show::prefixes(some),
        };
        vec![
            entry.label.clone().unwrap_or_else(dash),
            entry.who.to_string(),
            show::services(text, &entry.services),
            accepts,
            output::time(entry.added_unix_s),
        ]
    }));
    for line in output::table(&rows) {
        context.say(&line);
    }
    Ok(())
}

/// Whom the list of this node calls so; what peers call themselves does not count.
///
/// # Errors
/// Nobody, or more than one.
pub(crate) fn listed(context: &Context, name: &str) -> Result<Who, Failure> {
    let names = entries(context)?;
    let names = names.into_iter().filter_map(|e| Some((e.label?, e.who)));
    by_name(name, names.collect())
}

/// A peer's address, from its address or its name, or that of a member of a group.
///
/// # Errors
/// There is no such peer, or more than one.
pub(crate) fn address_of(context: &Context, value: &str) -> Result<Ipv6Addr, Failure> {
    if let Ok(Who::Address(address)) = value.parse() {
        return Ok(address);
    }
    let peers = peers::fetch(context)?;
    let names = peers
        .into_iter()
        .filter_map(|p| Some((p.label?, p.address)));
    let names: Vec<_> = names.collect();
    if names.iter().any(|(name, _)| name == value) {
        return by_name(value, names);
    }
    // A member of a group that this node is not in touch with, perhaps.
    let name = value.to_owned();
    match ask(context, &Request::Find { name }) {
        Ok(Response::Found { address }) => Ok(address),
        _ => by_name(value, names),
    }
}

/// `--label`, checked.
pub(crate) fn label(context: &Context, matches: &ArgMatches) -> Result<Option<String>, Failure> {
    let Some(label) = matches.get_one::<String>("label") else {
        return Ok(None);
    };
    let fits = (1..=LABEL_LEN_MAX).contains(&label.len()) && !label.chars().any(char::is_control);
    if fits {
        return Ok(Some(label.clone()));
    }
    let expected = context.text.t("expected-label");
    Err(wrong_value("--label", label, &expected))
}

/// An argument that the parser requires.
pub(crate) fn argument<'a>(matches: &'a ArgMatches, name: &str) -> &'a str {
    matches.get_one::<String>(name).map_or("", String::as_str)
}

fn entries(context: &Context) -> Result<Vec<Entry>, Failure> {
    Ok(expect_answer!(context, &Request::List, Response::List { entries } => entries))
}

/// `--port`; without it everything, or with `keep` what the entry says already.
fn services(
    context: &Context,
    matches: &ArgMatches,
    keep: bool,
) -> Result<Option<Services>, Failure> {
    let Some(values) = matches.get_many::<String>("port") else {
        return Ok((!keep).then_some(Services::All));
    };
    let mut ports = Vec::new();
    for value in values {
        let port: PortRange = value
            .parse()
            .map_err(|_| wrong_value("--port", value, &context.text.t("expected-port")))?;
        if ports.len() == PORTS_MAX {
            let expected = context.text.t("expected-ports");
            return Err(wrong_value("--port", value, &expected));
        }
        ports.push(port);
    }
    Ok(Some(Services::Ports(ports)))
}

/// `--accept`: prefixes to accept as well, after `none` instead.
fn accept(context: &Context, matches: &ArgMatches) -> Result<Option<Accept>, Failure> {
    let Some(values) = matches.get_many::<String>("accept") else {
        return Ok(None);
    };
    let (mut only, mut prefixes) = (false, Vec::new());
    let wrong = |value: &str, id: &str| wrong_value("--accept", value, &context.text.t(id));
    for value in values {
        if value == "none" {
            (only, prefixes) = (true, Vec::new());
            continue;
        }
        let prefix: Prefix = value.parse().map_err(|error| match error {
            wire::PrefixError::HostBits(meant) => {
                wrong_value("--accept", value, &meant.to_string())
            }
            wire::PrefixError::Syntax => wrong(value, "expected-prefix"),
        })?;
        if prefixes.len() == PREFIXES_MAX {
            return Err(wrong(value, "expected-prefixes"));
        }
        prefixes.push(prefix);
    }
    Ok(Some(match only {
        true => Accept::Only(prefixes),
        false => Accept::Add(prefixes),
    }))
}

/// The one that has this name.
///
/// # Errors
/// Nobody has it, or more than one.
pub(crate) fn by_name<T: Copy>(name: &str, known: Vec<(String, T)>) -> Result<T, Failure> {
    let same: Vec<T> = known
        .iter()
        .filter(|(label, _)| label == name)
        .map(|(_, value)| *value)
        .collect();
    match same.as_slice() {
        [one] => Ok(*one),
        [] => Err(unknown(name, &known)),
        many => Err(Failure::new(Exit::Failed, "error-peer-ambiguous")
            .with("who", name)
            .with("count", many.len())),
    }
}

fn unknown<T>(name: &str, known: &[(String, T)]) -> Failure {
    let near = known
        .iter()
        .map(|(label, _)| (strsim::damerau_levenshtein(label, name), label))
        .filter(|(distance, _)| *distance <= 2)
        .min();
    match near {
        Some((_, near)) => Failure::new(Exit::Failed, "error-peer-unknown-near")
            .with("who", name)
            .with("near", near),
        None => Failure::new(Exit::Failed, "error-peer-unknown").with("who", name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_find_exactly_one_peer_or_say_why_not() {
        let known = || {
            let name = |name: &str, value: u8| (name.to_owned(), value);
            vec![name("server", 1), name("laptop", 2), name("laptop", 3)]
        };
        assert_eq!(by_name("server", known()), Ok(1));
        assert_eq!(
            by_name("laptop", known()).unwrap_err().id,
            "error-peer-ambiguous"
        );
        let near = by_name("sever", known()).unwrap_err();
        assert_eq!(near.id, "error-peer-unknown-near");
        assert_eq!(near.args.get("near").map(String::as_str), Some("server"));
        assert_eq!(
            by_name("phone", known()).unwrap_err().id,
            "error-peer-unknown"
        );
    }
}
