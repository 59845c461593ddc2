//! `kumi forward`: TCP ports that lead into the private network, or out of it.

use super::{access, status};
use crate::client::{ask, expect_answer};
use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use crate::text::args;
use crate::usage::wrong_value;
use api::{Forward, ForwardStatus, Listen, Request, Response, Target, Who};
use clap::ArgMatches;
use std::net::SocketAddr;

/// Runs it.
pub(crate) fn run(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let value = |name: &str| matches.get_one::<String>(name);
    match (value("LISTEN"), value("TARGET"), value("remove")) {
        (Some(from), Some(to), _) => add(context, from, to),
        (_, _, Some(listen)) => remove(context, listen),
        _ => list(context),
    }
}

fn add(context: &Context, from: &str, to: &str) -> Result<(), Failure> {
    let forward = Forward {
        listen: listen(context, "LISTEN", from)?,
        target: target(context, to)?,
    };
    ask(context, &Request::Forward(forward))?;
    if context.json {
        output::json(&serde_json::json!({ "forwarded": forward }));
        return Ok(());
    }
    let text = &context.text;
    let target = forward.target.to_string();
    match forward.listen {
        Listen::Inside(port) => {
            let own = SocketAddr::new(status::fetch(context)?.address.into(), port);
            let args = args!(
                listen = own.to_string(),
                target = target,
                port = port.to_string()
            );
            context.say(&text.tr("forward-done-inside", args));
        }
        Listen::Host(address) => {
            let args = args!(listen = address.to_string(), target = target);
            context.say(&text.tr("forward-done", args));
            let who = match address.ip().is_loopback() {
                true => "forward-local",
                false => "forward-public",
            };
            context.say(&text.t(who));
        }
    }
    Ok(())
}

fn remove(context: &Context, value: &str) -> Result<(), Failure> {
    let listen = listen(context, "--remove", value)?;
    ask(context, &Request::ForwardRemove { listen })?;
    if context.json {
        output::json(&serde_json::json!({ "removed": listen }));
        return Ok(());
    }
    let args = args!(listen = listen.to_string());
    context.say(&context.text.tr("forward-removed", args));
    Ok(())
}

fn list(context: &Context) -> Result<(), Failure> {
    let forwards: Vec<ForwardStatus> = expect_answer!(
        context, &Request::Forwards, Response::Forwards { forwards } => forwards);
    if context.json {
        output::json(&serde_json::json!({ "forwards": forwards }));
        return Ok(());
    }
    let text = &context.text;
    if forwards.is_empty() {
        context.say(&text.t("forward-none"));
        return Ok(());
    }
    let mut rows = vec![vec![
        text.t("forward-listen"),
        text.t("forward-target"),
        text.t("peers-state"),
    ]];
    rows.extend(forwards.into_iter().map(|status| {
        vec![
            status.forward.listen.to_string(),
            status.forward.target.to_string(),
            status.failure.unwrap_or_else(|| text.t("forward-open")),
        ]
    }));
    for line in output::table(&rows) {
        context.say(&line);
    }
    Ok(())
}

fn listen(context: &Context, argument: &str, value: &str) -> Result<Listen, Failure> {
    let expected = || context.text.t("expected-listen");
    value
        .parse()
        .map_err(|_| wrong_value(argument, value, &expected()))
}

/// An address and a port, or a peer's name and a port.
fn target(context: &Context, value: &str) -> Result<Target, Failure> {
    if let Ok(target) = value.parse() {
        return Ok(target);
    }
    let wrong = || wrong_value("TARGET", value, &context.text.t("expected-target"));
    let (name, port) = value.rsplit_once(':').ok_or_else(wrong)?;
    let port = port.parse().ok().filter(|port| *port != 0);
    let port: u16 = port.ok_or_else(wrong)?;
    if name.is_empty() || name.contains([':', '[', '/']) || name.parse::<std::net::IpAddr>().is_ok()
    {
        return Err(wrong());
    }
    match access::listed(context, name)? {
        Who::Address(address) => Ok(Target::Inside(SocketAddr::new(address.into(), port))),
        Who::RootKey(_) => Err(wrong()),
    }
}
