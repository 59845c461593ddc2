//! `kumi gms`: being the management server of groups.

use super::group::orders;
use crate::context::Context;
use crate::failure::Failure;
use clap::ArgMatches;

/// Runs it.
pub(crate) fn run(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    match matches.subcommand() {
        Some(("serve", matches)) => orders::serve(context, matches),
        _ => Ok(()),
    }
}
