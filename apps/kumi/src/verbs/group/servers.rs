//! Several servers of one group: share, accept, unshare.

use super::orders::{done, groups, running, say_line};
use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use crate::remote::{ask, surprised};
use crate::text::args;
use crate::usage::wrong_value;
use crate::verbs::access::argument;
use crate::verbs::{invite, line, waiting};
use api::{GroupRequest, Request, Response};
use clap::ArgMatches;
use std::net::Ipv6Addr;

/// How long the other server is waited for, in seconds.
const WAIT_S_DEFAULT: u64 = 30;

/// Runs `kumi group share`.
pub(super) fn share(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let request = Request::Group(GroupRequest::Share {
        groups: groups(matches),
        expires_s: invite::expires_s(context, matches, api::EXPIRES_S_DEFAULT)?,
    });
    let Response::GroupLine(line) = ask(context, &request)? else {
        return Err(surprised());
    };
    if context.json {
        output::json(&line);
        return Ok(());
    }
    say_line(context, &line, "group-share-line", "");
    Ok(())
}

/// Runs `kumi group accept`.
pub(super) fn accept(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let (line, _) = line::read(argument(matches, "LINE"))?;
    let wait_ms = waiting::wait_ms(context, matches, WAIT_S_DEFAULT)?;
    running(context, matches)?;
    let request = Request::Group(GroupRequest::Accept { line, wait_ms });
    // The machine itself becomes a server, whichever one `kumi gms use` names.
    let Response::GroupsShared(shared) = crate::client::ask(context, &request)? else {
        return Err(surprised());
    };
    if context.json {
        output::json(&shared);
        return Ok(());
    }
    let text = &context.text;
    let (groups, server) = (shared.groups.join(", "), shared.server.to_string());
    let args = args!(groups = groups, server = server, took = shared.took_ms);
    context.say(&text.tr("group-accepted", args));
    context.say(&text.t("group-accepted-next"));
    Ok(())
}

/// Runs `kumi group unshare`.
pub(super) fn unshare(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let group = argument(matches, "GROUP").to_owned();
    let server = argument(matches, "SERVER");
    let expected = || context.text.t("expected-server");
    let server: Ipv6Addr = server
        .parse()
        .map_err(|_| wrong_value("SERVER", server, &expected()))?;
    let request = GroupRequest::Unshare {
        group: group.clone(),
        server,
    };
    done(context, request)?;
    if context.json {
        output::json(&serde_json::json!({ "group": group, "unshared": server }));
        return Ok(());
    }
    let args = args!(group = group, server = server.to_string());
    context.say(&context.text.tr("group-unshared", args));
    Ok(())
}
