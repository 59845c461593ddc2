//! `kumi run -- COMMAND`: a program that sees the overlay.

use super::{names, status};
use crate::client::expect_answer;
use crate::context::Context;
use crate::failure::{Exit, Failure};
use api::{NetworkMode, Request, Response};
use clap::ArgMatches;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Runs it; comes back only when it fails.
pub(crate) fn run(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let words = matches.get_many::<OsString>("COMMAND");
    let mut words = words.into_iter().flatten();
    let program = words.next().cloned().unwrap_or_default();
    match status::fetch(context)?.network.mode {
        NetworkMode::Kernel => {}
        NetworkMode::None => return Err(Failure::new(Exit::Failed, "error-run-none")),
        NetworkMode::Rootless => {
            let inside =
                expect_answer!(context, &Request::Inside, Response::Inside(inside) => inside);
            os::netns::enter(inside.holder_pid).map_err(|error| {
                Failure::new(Exit::Denied, "error-run-namespace").with("detail", error)
            })?;
            if let Err(error) = names::inside::show(context) {
                tracing::debug!(%error, "no names inside");
            }
        }
    }
    let error = Command::new(&program).args(words).exec();
    Err(Failure::new(Exit::Failed, "error-run-missing")
        .with("program", program.display())
        .with("detail", error))
}
