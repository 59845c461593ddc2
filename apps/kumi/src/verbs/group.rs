//! `kumi group`: groups that are keys.

mod cost;
mod lines;
mod list;
pub(crate) mod orders;
mod plan;
mod session;
mod sign_in;

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
        Some(("rotate", matches)) => orders::rotate(context, matches),
        Some(("plan", matches)) => plan::run(context, matches),
        Some(("list", _)) => list::run(context),
        Some(("lines", _)) => lines::list(context),
        Some(("withdraw", matches)) => lines::withdraw(context, matches),
        Some(("cost", matches)) => cost::run(context, matches),
        _ => Ok(()),
    }
}
