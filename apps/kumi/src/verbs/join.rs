//! `kumi join`.

use super::{access, id, show, up};
use crate::client::expect_answer;
use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use crate::text::args;
use crate::usage::wrong_value;
use api::{ApiError, Code, Join, Joined, Request, Response};
use clap::ArgMatches;
use identity::crypto::{AwsLc, Crypto};
use indicatif::{ProgressBar, ProgressStyle};
use std::time::Duration;
use wire::invite::{Invite, InviteError};

const WAIT_S_DEFAULT: u64 = 30;
const WAIT_S_MAX: u64 = 300;

/// Runs it.
pub(crate) fn run(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    // Mail programs break lines, and people paste them broken.
    let line: String = access::argument(matches, "LINE")
        .split_whitespace()
        .collect();
    let label = access::label(context, matches)?;
    let wait_ms = wait_ms(context, matches)?;
    // A line that cannot be right is refused before an identity is made for it.
    read(&line)?;
    let spinner = spinner(context);
    spinner.set_message(context.text.t("join-starting"));
    let source = id::source(context, matches);
    spinner.suspend(|| up::ensure_running(context, &source, context.config.proxy))?;
    let waiting = context.text.tr("join-waiting", args!(peer = "…"));
    spinner.set_message(waiting);
    let request = Request::Join(Join {
        line,
        label,
        wait_ms,
    });
    let joined = (|| -> Result<Joined, Failure> {
        Ok(expect_answer!(context, &request, Response::Joined(joined) => joined))
    })();
    spinner.finish_and_clear();
    let joined = joined?;
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

fn read(line: &str) -> Result<(), Failure> {
    match Invite::parse(line, |bytes| AwsLc.sha256(&[bytes])) {
        Ok(_) => Ok(()),
        Err(InviteError::NotAnInvite) => Err(ApiError::new(Code::NotAnInvite).into()),
        Err(InviteError::NewerVersion { version }) => Err(ApiError::new(Code::InviteNewer)
            .with("version", version)
            .into()),
        Err(_) => Err(ApiError::new(Code::InviteDamaged).into()),
    }
}

fn wait_ms(context: &Context, matches: &ArgMatches) -> Result<u64, Failure> {
    let Some(value) = matches.get_one::<String>("wait") else {
        return Ok(WAIT_S_DEFAULT * 1000);
    };
    let seconds = value.parse().ok();
    seconds
        .filter(|seconds| (1..=WAIT_S_MAX).contains(seconds))
        .map(|seconds| seconds * 1000)
        .ok_or_else(|| wrong_value("--wait", value, &context.text.t("expected-wait")))
}

/// On standard error, and only on a terminal.
fn spinner(context: &Context) -> ProgressBar {
    let spinner = match context.json {
        true => ProgressBar::hidden(),
        false => ProgressBar::new_spinner(),
    };
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
        spinner.set_style(style);
    }
    spinner.enable_steady_tick(Duration::from_millis(100));
    spinner
}
