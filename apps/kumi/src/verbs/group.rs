//! `kumi group`: groups that are keys.

mod cost;
mod lines;
mod list;
mod locked;
mod offer;
pub(crate) mod orders;
mod plan;
mod rule_words;
mod rules;
mod servers;
mod session;
mod sign_in;
mod signed;
mod signing;

use crate::context::Context;
use crate::failure::Failure;
use clap::ArgMatches;

/// Runs it.
pub(crate) fn run(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    match matches.subcommand() {
        Some(("create", matches)) => orders::create(context, matches),
        Some(("add", matches)) => orders::add(context, matches),
        Some(("invite", matches)) => orders::invite(context, matches),
        Some(("remove", matches)) => orders::remove(context, matches),
        Some(("sign-in", matches)) => sign_in::run(context, matches),
        Some(("share", matches)) => servers::share(context, matches),
        Some(("accept", matches)) => servers::accept(context, matches),
        Some(("unshare", matches)) => servers::unshare(context, matches),
        Some(("rotate", matches)) => orders::rotate(context, matches),
        Some(("role", matches)) => rules::role(context, matches),
        Some(("rules", matches)) => rules::run(context, matches),
        Some(("plan", matches)) => plan::run(context, matches),
        Some(("list", _)) => list::run(context),
        Some(("lines", _)) => lines::list(context),
        Some(("withdraw", matches)) => lines::withdraw(context, matches),
        Some(("key", matches)) => signing::key(context, matches),
        Some(("sign", matches)) => signing::sign(context, matches),
        Some(("pending", _)) => locked::pending(context),
        Some(("request", matches)) => locked::request(context, matches),
        Some(("approve", matches)) => locked::approve(context, matches),
        Some(("offer", matches)) => offer::offer(context, matches),
        Some(("complete", matches)) => offer::complete(context, matches),
        Some(("cost", matches)) => cost::run(context, matches),
        _ => Ok(()),
    }
}
