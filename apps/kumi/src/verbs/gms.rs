//! `kumi gms`: being the management server of groups, and using one elsewhere.

mod admins;
mod seen;
mod using;

use super::group::orders;
use crate::context::Context;
use crate::failure::Failure;
use clap::ArgMatches;

/// Runs it.
pub(crate) fn run(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    match matches.subcommand() {
        Some(("serve", matches)) => orders::serve(context, matches),
        Some(("status", _)) => seen::status(context),
        Some(("log", matches)) => seen::log(context, matches),
        Some(("use", matches)) => using::run(context, matches),
        Some(("admin", matches)) => match matches.subcommand() {
            Some(("add", matches)) => admins::add(context, matches),
            Some(("list", _)) => admins::list(context),
            Some(("remove", matches)) => admins::remove(context, matches),
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}
