//! `kumi join`: an invite of a peer, or the line of a Bridge.

use super::{access, bridge, id, line, show, start, waiting};
use crate::client::expect_answer;
use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use crate::text::args;
use api::{Join, Joined, Request, Response};
use clap::ArgMatches;
use wire::invite::Purpose;

const WAIT_S_DEFAULT: u64 = 30;

/// Runs it.
pub(crate) fn run(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let (line, invite) = line::read(access::argument(matches, "LINE"))?;
    if invite.purpose != Purpose::Peer {
        return bridge::join(context, matches);
    }
    let label = access::label(context, matches)?;
    let wait_ms = waiting::wait_ms(context, matches, WAIT_S_DEFAULT)?;
    let spinner = waiting::spinner(context);
    spinner.set_message(context.text.t("join-starting"));
    let source = id::source(context, matches);
    spinner.suspend(|| start::ensure_running(context, &source, context.config.proxy))?;
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
