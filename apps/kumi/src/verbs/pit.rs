//! `kumi pit`: what this node does with flows between ordinary addresses.

use super::show;
use crate::client::expect_answer;
use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use crate::text::{Text, args};
use crate::usage::wrong_value;
use api::{Action, OnPath, PitEntry, Request, Response};
use clap::ArgMatches;
use std::net::IpAddr;

/// Runs it.
pub(crate) fn run(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    match matches.get_one::<String>("forget") {
        Some(address) => forget(context, address),
        None => show(context),
    }
}

fn forget(context: &Context, address: &str) -> Result<(), Failure> {
    let expected = || context.text.t("expected-address");
    let address: IpAddr = address
        .parse()
        .map_err(|_| wrong_value("--forget", address, &expected()))?;
    let was_member = expect_answer!(
        context,
        &Request::PitForget { address },
        Response::PitForgotten { was_member } => was_member
    );
    if context.json {
        output::json(&serde_json::json!({ "address": address, "was_member": was_member }));
        return Ok(());
    }
    let message = match was_member {
        true => "pit-forgotten",
        false => "pit-not-known",
    };
    let address = address.to_string();
    context.say(&context.text.tr(message, args!(address = address)));
    Ok(())
}

fn show(context: &Context) -> Result<(), Failure> {
    let entries: Vec<PitEntry> =
        expect_answer!(context, &Request::Pit, Response::Pit { entries } => entries);
    if context.json {
        output::json(&serde_json::json!({ "entries": entries }));
        return Ok(());
    }
    let text = &context.text;
    if entries.is_empty() {
        context.say(&text.t("pit-none"));
        return Ok(());
    }
    let heads = ["here", "there", "action", "peer", "key", "left"];
    let heads = heads.map(|it| text.t(&format!("pit-{it}")));
    let rows = entries.iter().map(|entry| row(text, entry));
    let rows: Vec<Vec<String>> = [heads.to_vec()].into_iter().chain(rows).collect();
    // The heads have no entry.
    let of_lines = std::iter::once(None).chain(entries.iter().map(Some));
    for (line, entry) in output::table(&rows).iter().zip(of_lines) {
        context.say(line);
        for relay in entry.into_iter().flat_map(|entry| &entry.path) {
            context.say(&format!("  {}", past(text, relay)));
        }
    }
    Ok(())
}

/// An element on the way of a flow.
pub(super) fn past(text: &Text, relay: &OnPath) -> String {
    let peer = relay.peer.to_string();
    let peer = relay.name.clone().unwrap_or(peer);
    let (element, mode) = (show::element(relay.element), show::mode(text, relay.mode));
    text.tr(
        "pit-past",
        args!(
            peer = peer,
            element = element,
            mode = mode,
            age = output::duration(relay.age_s)
        ),
    )
}

fn row(text: &Text, entry: &PitEntry) -> Vec<String> {
    let dash = || "-".to_owned();
    let action = match (entry.action, entry.provisional) {
        (Action::Encrypt, true) => "pit-provisional",
        (Action::Encrypt, false) => "pit-encrypt",
        (Action::Relay, _) => "pit-relay",
        (Action::Discard, _) => "pit-discard",
        (Action::Clear, _) => "pit-clear",
    };
    let epochs = entry
        .epochs
        .iter()
        .map(|(group, epoch)| format!("{group} {epoch}"));
    let epochs = epochs.collect::<Vec<_>>().join(", ");
    let address = || entry.peer.map(|it| it.to_string());
    vec![
        entry.here.to_string(),
        entry.there.to_string(),
        text.t(action),
        entry.name.clone().or_else(address).unwrap_or_else(dash),
        match epochs.is_empty() {
            true => dash(),
            false => epochs,
        },
        format!("{} s", entry.left_s),
    ]
}
