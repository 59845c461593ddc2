//! The Bridges that this node uses: `kumi bridge use` and `forget`, `kumi up --bridge`, and
//! `kumi join` with the line of a Bridge.

use super::password;
use crate::client::{Client, ask};
use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use crate::text::args;
use crate::usage::wrong_value;
use crate::verbs::{access, id, line, show, start, waiting};
use api::{ApiError, BridgeRequest, BridgeUsed, Code, Password, Request, Response};
use clap::ArgMatches;
use std::net::Ipv6Addr;
use std::path::PathBuf;
use wire::invite::Purpose;

/// How long a Bridge may take.
const WAIT_S_DEFAULT: u64 = 20;
/// The most Bridges of one command.
const LINES_MAX: usize = 8;

/// A Bridge to use.
#[derive(Clone)]
pub(crate) struct Wanted {
    line: String,
    password: Option<Password>,
}

impl Wanted {
    fn new(pasted: &str, password: Option<&Password>) -> Result<Wanted, Failure> {
        let (line, invite) = line::read(pasted)?;
        let password = match invite.purpose {
            Purpose::Peer | Purpose::Group { .. } => {
                return Err(ApiError::new(Code::NotABridge).into());
            }
            Purpose::Bridge => None,
            Purpose::BridgeWithPassword => password.cloned(),
        };
        Ok(Wanted { line, password })
    }
}

/// What `--bridge` and `--bridge-password-file` name.
///
/// # Errors
/// A line is not that of a Bridge, or the file cannot be used.
pub(crate) fn wanted(context: &Context, matches: &ArgMatches) -> Result<Vec<Wanted>, Failure> {
    let password = password(matches.get_one("bridge-password-file"))?;
    let lines = matches.get_many::<String>("bridge").unwrap_or_default();
    if let Some(line) = lines.clone().nth(LINES_MAX) {
        let expected = context.text.t("expected-bridges");
        return Err(wrong_value("--bridge", line, &expected));
    }
    lines
        .map(|line| Wanted::new(line, password.as_ref()))
        .collect()
}

/// Uses the Bridges and waits until each has taken this node. If one has, the others may be
/// away, which is said: the node goes on calling them.
///
/// # Errors
/// None has; the first says why.
pub(crate) fn take(context: &Context, wanted: &[Wanted]) -> Result<Vec<BridgeUsed>, Failure> {
    let (used, failures) = wait(context, wanted, WAIT_S_DEFAULT * 1000)?;
    if !context.json {
        for failure in &failures {
            failure.say(&context.text, false);
        }
    }
    Ok(used)
}

/// Runs `kumi bridge use`, and `kumi join` with the line of a Bridge.
pub(crate) fn join(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    // `kumi join` has no password.
    let file = matches.try_get_one::<PathBuf>("password-file");
    let password = password(file.ok().flatten())?;
    let wanted = Wanted::new(access::argument(matches, "LINE"), password.as_ref())?;
    let wait_ms = waiting::wait_ms(context, matches, WAIT_S_DEFAULT)?;
    let source = id::source(context, matches);
    start::ensure_running(context, &source, context.config.proxy)?;
    let (used, _) = wait(context, &[wanted], wait_ms)?;
    if context.json {
        output::json(&used.first());
        return Ok(());
    }
    used.iter().for_each(|used| say_used(context, used));
    context.say(&context.text.t("bridge-used-next"));
    Ok(())
}

/// Says that a Bridge has taken this node.
pub(crate) fn say_used(context: &Context, used: &BridgeUsed) {
    let text = &context.text;
    let bridge = used.bridge.to_string();
    let via = used
        .via
        .map_or_else(String::new, |via| show::via(text, via));
    let args = args!(bridge = bridge, via = via, took = used.took_ms);
    context.say(&text.tr("bridge-used", args));
}

/// Runs `kumi bridge forget`.
pub(super) fn forget(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let value = access::argument(matches, "ADDR");
    let expected = || context.text.t("expected-bridge");
    let bridge: Ipv6Addr = value
        .parse()
        .map_err(|_| wrong_value("ADDR", value, &expected()))?;
    ask(context, &Request::Bridge(BridgeRequest::Forget { bridge }))?;
    if context.json {
        output::json(&serde_json::json!({ "forgotten": bridge }));
    }
    let args = args!(bridge = bridge.to_string());
    context.say(&context.text.tr("bridge-forgotten", args));
    Ok(())
}

/// Asks for all at once; the answers of those that took this node, and why others did not.
///
/// # Errors
/// None did; the first says why.
fn wait(
    context: &Context,
    wanted: &[Wanted],
    wait_ms: u64,
) -> Result<(Vec<BridgeUsed>, Vec<Failure>), Failure> {
    if wanted.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let spinner = waiting::spinner(context);
    spinner.set_message(context.text.t("bridge-waiting"));
    let asked = wanted.iter().map(|wanted| {
        let mut client = Client::connect(context)?;
        client.send(&Request::Bridge(BridgeRequest::Use {
            line: wanted.line.clone(),
            password: wanted.password.clone(),
            wait_ms,
        }))?;
        Ok(client)
    });
    let asked = asked.collect::<Result<Vec<Client>, Failure>>();
    let (mut used, mut failures) = (Vec::new(), Vec::new());
    for mut client in asked? {
        match client.next() {
            Ok(Response::BridgeUsed(answer)) => used.push(answer),
            Ok(_) => failures.push(client.surprised()),
            Err(failure) => failures.push(failure),
        }
    }
    spinner.finish_and_clear();
    match failures.first() {
        Some(first) if used.is_empty() => Err(first.clone()),
        _ => Ok((used, failures)),
    }
}
