//! `kumi join`: an invite of a peer, the line of a Bridge, or that of a management server.

use super::group::orders::member_name;
use super::{access, bridge, id, line, show, start, waiting};
use crate::client::{ask, surprised};
use crate::context::Context;
use crate::daemon::host_name;
use crate::failure::Failure;
use crate::output;
use crate::text::args;
use api::{Join, Request, Response};
use clap::ArgMatches;
use wire::invite::Purpose;

const WAIT_S_DEFAULT: u64 = 30;

/// Runs it.
pub(crate) fn run(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let (line, invite) = line::read(access::argument(matches, "LINE"))?;
    let label = access::label(context, matches)?;
    match invite.purpose {
        Purpose::Peer => peer(context, matches, line, label),
        Purpose::Group { .. } => group(context, matches, line, label),
        Purpose::Bridge | Purpose::BridgeWithPassword => bridge::join(context, matches),
    }
}

/// Meets the node whose invite this is.
fn peer(
    context: &Context,
    matches: &ArgMatches,
    line: String,
    label: Option<String>,
) -> Result<(), Failure> {
    let answer = wait(context, matches, line, label)?;
    let Response::Joined(joined) = answer else {
        return Err(surprised());
    };
    if context.json {
        output::json(&joined);
        return Ok(());
    }
    let text = &context.text;
    let peer = joined.peer.to_string();
    let label = show::label_after(joined.label.as_deref());
    let via = show::via(text, joined.via);
    context.say(&text.tr(
        "join-done",
        args!(peer = peer, label = label, via = via, took = joined.took_ms),
    ));
    context.say(&text.t("join-next"));
    context.say(&format!("\n  kumi ping {}\n", joined.peer));
    Ok(())
}

/// Becomes a member of the groups of a management server.
fn group(
    context: &Context,
    matches: &ArgMatches,
    line: String,
    label: Option<String>,
) -> Result<(), Failure> {
    // A line for one member has its name; of the others each says its own.
    let own = || context.config.label.clone().or_else(host_name);
    let name = label.or_else(|| own().map(|label| member_name(&label)));
    let answer = wait(context, matches, line, name)?;
    let Response::Enrolled(enrolled) = answer else {
        return Err(surprised());
    };
    if context.json {
        output::json(&enrolled);
        return Ok(());
    }
    let text = &context.text;
    let all = enrolled.groups.iter().chain(&enrolled.waits);
    let all: Vec<&str> = all.map(String::as_str).collect();
    if all.is_empty() {
        context.say(&text.tr("join-group-pending", args!(name = enrolled.name)));
        return Ok(());
    }
    let groups = all.join(", ");
    context.say(&text.tr(
        "join-group-done",
        args!(
            name = enrolled.name,
            groups = groups,
            took = enrolled.took_ms
        ),
    ));
    if !enrolled.waits.is_empty() {
        let groups = enrolled.waits.join(", ");
        context.say(&text.tr("join-group-waits", args!(groups = groups)));
    }
    if !enrolled.groups.is_empty() {
        context.say(&text.t("join-group-next"));
    }
    Ok(())
}

/// Starts the node unless it runs, hands it the line, and waits for what comes of it.
fn wait(
    context: &Context,
    matches: &ArgMatches,
    line: String,
    label: Option<String>,
) -> Result<Response, Failure> {
    let wait_ms = waiting::wait_ms(context, matches, WAIT_S_DEFAULT)?;
    let spinner = waiting::spinner(context);
    spinner.set_message(context.text.t("join-starting"));
    let source = id::source(context, matches);
    spinner.suspend(|| start::ensure_running(context, &source, context.config.proxy))?;
    spinner.set_message(context.text.tr("join-waiting", args!(peer = "…")));
    let request = Request::Join(Join {
        line,
        label,
        wait_ms,
    });
    let answer = ask(context, &request);
    spinner.finish_and_clear();
    answer
}
