//! `kumi group`: groups that are keys.

mod cost;
mod lines;
mod list;
pub(crate) mod orders;
mod plan;
mod servers;
mod session;

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
        Some(("share", matches)) => servers::share(context, matches),
        Some(("accept", matches)) => servers::accept(context, matches),
        Some(("unshare", matches)) => servers::unshare(context, matches),
        Some(("rotate", matches)) => orders::rotate(context, matches),
        Some(("plan", matches)) => plan::run(context, matches),
        Some(("list", _)) => list::run(context),
        Some(("lines", _)) => lines::list(context),
        Some(("withdraw", matches)) => lines::withdraw(context, matches),
        Some(("cost", matches)) => cost::run(context, matches),
        _ => Ok(()),
    }
}
