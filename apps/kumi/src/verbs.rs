//! One file per command; this one only finds the right one.

mod access;
mod bridge;
mod bugreport;
pub(crate) mod check;
mod completions;
pub(crate) mod demo;
mod forward;
mod gms;
mod group;
mod id;
mod invite;
mod join;
mod line;
mod names;
mod netcheck;
mod peers;
mod ping;
mod pit;
mod run;
mod service;
mod show;
mod sign_in;
mod start;
mod status;
mod top;
mod up;
mod waiting;
mod why;

use crate::context::Context;
use crate::failure::Failure;
use clap::ArgMatches;
use std::process::ExitCode;

/// Runs the command that the command line names.
///
/// # Errors
/// Whatever the command fails with.
pub(crate) fn run(context: &Context, matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let Some((verb, matches)) = matches.subcommand() else {
        return Ok(ExitCode::SUCCESS);
    };
    match verb {
        "demo" => return demo::run(context, matches),
        "up" => up::up(context, matches)?,
        "down" => up::down(context)?,
        "login" => sign_in::login(context, matches)?,
        "logout" => sign_in::logout(context, matches)?,
        "join" => join::run(context, matches)?,
        "invite" => invite::run(context, matches)?,
        "status" => status::run(context)?,
        "ping" => ping::run(context, matches)?,
        "peers" => peers::run(context)?,
        "why" => why::run(context, matches)?,
        "pit" => pit::run(context, matches)?,
        "top" => top::run(context, matches)?,
        "run" => run::run(context, matches)?,
        "forward" => forward::run(context, matches)?,
        "allow" => access::allow(context, matches)?,
        "deny" => access::deny(context, matches)?,
        "list" => access::list(context)?,
        "names" => names::run(context, matches)?,
        "netcheck" => netcheck::run(context, matches)?,
        "check" => check::run(context)?,
        "bugreport" => bugreport::run(context, matches)?,
        "completions" => completions::run(context, matches)?,
        "bridge" => bridge::run(context, matches)?,
        "group" => group::run(context, matches)?,
        "gms" => gms::run(context, matches)?,
        "id" => id::run(context, matches)?,
        "service" => service::run(context, matches)?,
        _ => {}
    }
    Ok(ExitCode::SUCCESS)
}
