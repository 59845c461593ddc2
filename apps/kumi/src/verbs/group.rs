//! `kumi group`: groups that are keys.

mod cost;

use crate::context::Context;
use crate::failure::Failure;
use clap::ArgMatches;

/// Runs it.
pub(crate) fn run(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    match matches.subcommand() {
        Some(("cost", matches)) => cost::run(context, matches),
        _ => Ok(()),
    }
}
