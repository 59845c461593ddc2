//! Being a Bridge: `kumi bridge up`, `down` and `invite`.

use super::{customer, password};
use crate::client::{ask, expect_answer};
use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use crate::text::args;
use crate::verbs::{id, invite, show, start, status};
use api::{BridgeLine, BridgeRequest, Request, Response, Serving};
use clap::ArgMatches;

/// Runs `kumi bridge up`.
pub(super) fn up(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let password = password(matches.get_one("password-file"))?;
    let with_password = password.is_some();
    let customer = customer(context, matches)?;
    let expires_s = expires_s(context, matches, with_password)?;
    let source = id::source(context, matches);
    let begun = start::ensure_running(context, &source, context.config.proxy)?;
    let request = Request::Bridge(BridgeRequest::Serve {
        customer: customer.clone(),
        password,
    });
    let serving: Serving =
        expect_answer!(context, &request, Response::BridgeServing(serving) => serving);
    let line = match matches.get_flag("no-line") {
        true => None,
        false => Some(make(context, customer, expires_s, with_password)?),
    };
    let status = status::fetch(context)?;
    if context.json {
        output::json(&serde_json::json!({
            "started": !begun.already, "identity_made": begun.made, "address": status.address,
            "endpoints": status.endpoints, "serving": serving, "line": line,
        }));
        return Ok(());
    }
    let text = &context.text;
    start::say(context, &begun, &status);
    context.say(&text.t("bridge-serving"));
    show::pairs(context, &status::summary(text, &status));
    for notice in show::notices(text, &status) {
        context.say(&notice);
    }
    if with_password {
        context.say(&text.t("bridge-password-kept"));
    }
    match line {
        Some(line) => ending(context, &line),
        None => context.say(&text.t("bridge-no-line")),
    }
    Ok(())
}

/// Runs `kumi bridge down`.
pub(super) fn down(context: &Context) -> Result<(), Failure> {
    ask(context, &Request::Bridge(BridgeRequest::Stop))?;
    if context.json {
        output::json(&serde_json::json!({ "serving": null }));
    }
    context.say(&context.text.t("bridge-stopped"));
    Ok(())
}

/// Runs `kumi bridge invite`.
pub(super) fn invite(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let password = matches.get_flag("password");
    let expires_s = expires_s(context, matches, password)?;
    let line = make(context, customer(context, matches)?, expires_s, password)?;
    if context.json {
        output::json(&line);
        return Ok(());
    }
    // The line alone goes to standard output, so that it can be piped.
    context.say(&line.line);
    eprintln!("{}", life(context, &line));
    Ok(())
}

/// Without a secret in it a line may live as long as one can.
fn expires_s(context: &Context, matches: &ArgMatches, password: bool) -> Result<u64, Failure> {
    let default_s = match password {
        true => api::EXPIRES_S_MAX,
        false => api::EXPIRES_S_DEFAULT,
    };
    invite::expires_s(context, matches, default_s)
}

fn make(
    context: &Context,
    customer: String,
    expires_s: u64,
    password: bool,
) -> Result<BridgeLine, Failure> {
    let request = Request::Bridge(BridgeRequest::Line {
        customer,
        expires_s,
        password,
    });
    Ok(expect_answer!(context, &request, Response::BridgeLine(line) => line))
}

fn ending(context: &Context, line: &BridgeLine) {
    let file = match line.password {
        true => " --bridge-password-file FILE",
        false => "",
    };
    context.say(&format!("\n{}\n", context.text.t("bridge-next")));
    context.say(&format!("  kumi up --bridge {}{file}\n", line.line));
    context.say(&life(context, line));
}

fn life(context: &Context, line: &BridgeLine) -> String {
    let until = output::time(line.expires_unix_s);
    let message = match line.password {
        true => "bridge-line-password",
        false => "bridge-line-once",
    };
    context.text.tr(message, args!(until = until))
}
