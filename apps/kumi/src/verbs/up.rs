//! `kumi up` and `kumi down`.

use super::bridge::{self, Wanted};
use super::start::{self, Start};
use super::{id, invite, show, status};
use crate::client::{Client, ask};
use crate::config::Proxy;
use crate::context::Context;
use crate::daemon;
use crate::failure::{Exit, Failure};
use crate::output;
use crate::text::args;
use api::{Invited, Request, Status};
use clap::ArgMatches;
use os::files::Lock;
use std::time::{Duration, Instant};

/// How long a node may take to stop.
const STOP_MAX: Duration = Duration::from_secs(10);
/// How often is looked whether it has.
const POLL: Duration = Duration::from_millis(20);

/// Runs `kumi up`.
pub(crate) fn up(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let source = id::source(context, matches);
    let with_invite = !matches.get_flag("no-invite");
    if matches.get_flag("die-with-parent") {
        daemon::die_with_parent();
    }
    let proxy = context.config.proxy.with_options(
        matches.get_one("socks5"),
        matches.get_one("http-proxy"),
        &context.text.t("expected-proxy"),
    )?;
    if matches.get_flag("daemon") {
        return daemon::background(context, &source, proxy);
    }
    let wanted = bridge::wanted(context, matches)?;
    if matches.get_flag("foreground") {
        let start = start::prepare(context, &source)?;
        return daemon::foreground(context, &source, proxy, move |context| {
            context.say(&context.text.t("up-foreground"));
            report(context, &start, &wanted, with_invite)
        });
    }
    let start = start::ensure_running(context, &source, proxy)?;
    if start.already {
        check_proxies(context, matches, proxy)?;
    }
    report(context, &start, &wanted, with_invite)
}

/// A node that runs already has the proxies that it was started with. Asked for others, it
/// must not look as if it had them.
fn check_proxies(context: &Context, matches: &ArgMatches, proxy: Proxy) -> Result<(), Failure> {
    let running = status::fetch(context)?.proxies;
    for (option, wanted, found) in [
        ("socks5", proxy.socks5, running.socks5),
        ("http-proxy", proxy.http, running.http),
    ] {
        if matches.contains_id(option) && wanted != found {
            let found = found.map_or_else(|| "-".to_owned(), |found| found.to_string());
            return Err(Failure::new(Exit::Failed, "error-proxy-running")
                .with("option", format!("--{option}"))
                .with("found", found));
        }
    }
    Ok(())
}

/// What `kumi up` prints, and the Bridges that it waits for meanwhile.
fn report(
    context: &Context,
    start: &Start,
    wanted: &[Wanted],
    with_invite: bool,
) -> Result<(), Failure> {
    start::say(context, start, &status::fetch(context)?);
    for used in bridge::take(context, wanted)? {
        bridge::say_used(context, &used);
    }
    let status = status::fetch(context)?;
    let invited = match with_invite {
        true => Some(invite::make(context, api::EXPIRES_S_DEFAULT)?),
        false => None,
    };
    if context.json {
        output::json(&serde_json::json!({
            "started": !start.already, "identity_made": start.made,
            "status": status, "invite": invited,
        }));
        return Ok(());
    }
    show::pairs(context, &status::summary(&context.text, &status));
    for notice in show::notices(&context.text, &status) {
        context.say(&notice);
    }
    match invited {
        Some(invited) => ending(context, &status, &invited),
        None => context.say(&context.text.t("up-no-invite")),
    }
    Ok(())
}

fn ending(context: &Context, status: &Status, invited: &Invited) {
    let text = &context.text;
    let until = output::time(invited.expires_unix_s);
    let address = status.address.to_string();
    context.say(&format!("\n{}\n", text.t("up-next-command")));
    context.say(&format!("  kumi join {}\n", invited.line));
    context.say(&text.tr("up-invite-life", args!(until = until)));
    if let Some(named) = show::invite_bridges(text, &invited.line) {
        context.say(&named);
    }
    context.say(&text.tr("up-then", args!(address = address)));
}

/// Runs `kumi down`.
pub(crate) fn down(context: &Context) -> Result<(), Failure> {
    let status = match status::fetch(context) {
        Ok(status) => status,
        Err(failure) if failure.exit == Exit::NotRunning => {
            return said(context, "down-already", false);
        }
        Err(failure) => return Err(failure),
    };
    ask(context, &Request::Stop)?;
    let lock = context.directories.state.join(runtime::names::LOCK);
    let deadline = Instant::now() + STOP_MAX;
    while Client::connect(context).is_ok() || Lock::holder(&lock).is_some() {
        if Instant::now() >= deadline {
            return Err(Failure::new(Exit::Failed, "error-stop-slow")
                .with("seconds", STOP_MAX.as_secs())
                .with("pid", status.pid)
                .with("log", context.log().display()));
        }
        std::thread::sleep(POLL);
    }
    said(context, "down-done", true)
}

fn said(context: &Context, message: &str, stopped: bool) -> Result<(), Failure> {
    if context.json {
        output::json(&serde_json::json!({ "stopped": stopped }));
    }
    context.say(&context.text.tr(message, &[]));
    Ok(())
}
