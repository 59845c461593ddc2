//! `kumi ping`.

use super::access::address_of;
use super::{peers, show};
use crate::client::Client;
use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::output;
use crate::text::args;
use crate::usage::wrong_value;
use api::{Echo, EchoResult, PING_COUNT_MAX, Peer, Ping, PingDone, Request, Response};
use clap::ArgMatches;
use std::net::Ipv6Addr;

const COUNT_DEFAULT: u32 = 4;
const TIMEOUT_MS: u64 = 5_000;

/// Runs it.
pub(crate) fn run(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let count = count(context, matches)?.unwrap_or(COUNT_DEFAULT);
    let interval_ms = interval_ms(context, matches)?;
    let peer = match matches.get_one::<String>("PEER") {
        Some(value) => address_of(context, value)?,
        None => only(&peers::fetch(context)?)?,
    };
    let label = peers::fetch(context)?
        .into_iter()
        .find(|known| known.address == peer)
        .and_then(|known| known.label);
    let label = show::label_after(label.as_deref());
    context.say(
        &context
            .text
            .tr("ping-title", args!(peer = peer.to_string(), label = label)),
    );
    let mut client = Client::connect(context)?;
    client.send(&Request::Ping(Ping {
        peer,
        count,
        interval_ms,
        timeout_ms: TIMEOUT_MS,
    }))?;
    let mut rtts_ms = Vec::new();
    let mut echoes = Vec::new();
    let done = loop {
        match client.next()? {
            Response::Echo(echo) => {
                context.say(&sentence(context, &echo));
                if let EchoResult::Answered { rtt_ms, .. } = echo.result {
                    rtts_ms.push(rtt_ms);
                }
                if context.json {
                    echoes.push(echo);
                }
            }
            Response::PingDone(done) => break done,
            _ => return Err(client.surprised()),
        }
    };
    if context.json {
        output::json(&serde_json::json!({
            "peer": peer, "sent": done.sent, "received": done.received, "echoes": echoes,
        }));
    }
    context.say(&summary(context, &rtts_ms, done));
    if done.received == 0 {
        return Err(Failure::new(Exit::Failed, "error-ping-lost")
            .with("peer", peer)
            .with("sent", done.sent));
    }
    Ok(())
}

/// The peer that is meant when none is named.
fn only(peers: &[Peer]) -> Result<Ipv6Addr, Failure> {
    match peers {
        [one] => Ok(one.address),
        [] => Err(Failure::new(Exit::Failed, "error-ping-nobody")),
        many => Err(Failure::new(Exit::Usage, "error-ping-which").with("count", many.len())),
    }
}

/// `--count`, if it was given.
///
/// # Errors
/// It is no number from 1 to a million.
pub(crate) fn count(context: &Context, matches: &ArgMatches) -> Result<Option<u32>, Failure> {
    let Some(value) = matches.get_one::<String>("count") else {
        return Ok(None);
    };
    let count = value.parse().ok();
    count
        .filter(|count| (1..=PING_COUNT_MAX).contains(count))
        .map(Some)
        .ok_or_else(|| wrong_value("--count", value, &context.text.t("expected-count")))
}

/// `--interval` in milliseconds; a second if it was not given.
///
/// # Errors
/// It is no number of seconds from 0.1 to 3600.
pub(crate) fn interval_ms(context: &Context, matches: &ArgMatches) -> Result<u64, Failure> {
    let Some(value) = matches.get_one::<String>("interval") else {
        return Ok(1000);
    };
    match value.parse::<f64>() {
        Ok(seconds) if (0.1..=3600.0).contains(&seconds) => Ok((seconds * 1000.0) as u64),
        _ => {
            let expected = context.text.t("expected-interval");
            Err(wrong_value("--interval", value, &expected))
        }
    }
}

fn sentence(context: &Context, echo: &Echo) -> String {
    let text = &context.text;
    match &echo.result {
        EchoResult::Answered { rtt_ms, via } => text.tr(
            "ping-answer",
            args!(
                seq = echo.seq,
                via = show::via(text, *via),
                rtt = format!("{rtt_ms:.2}")
            ),
        ),
        EchoResult::Lost => text.tr("ping-lost", args!(seq = echo.seq)),
    }
}

fn summary(context: &Context, rtts_ms: &[f64], done: PingDone) -> String {
    let text = &context.text;
    if rtts_ms.is_empty() {
        return text.tr("ping-summary-none", args!(sent = done.sent));
    }
    let min = rtts_ms.iter().copied().fold(f64::INFINITY, f64::min);
    let max = rtts_ms.iter().copied().fold(0.0, f64::max);
    let mean = rtts_ms.iter().sum::<f64>() / rtts_ms.len() as f64;
    text.tr(
        "ping-summary",
        args!(
            received = done.received,
            sent = done.sent,
            min = format!("{min:.2}"),
            mean = format!("{mean:.2}"),
            max = format!("{max:.2}")
        ),
    )
}
