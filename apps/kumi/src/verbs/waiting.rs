//! Waiting for another node: for how long, and what is to be seen meanwhile.

use crate::context::Context;
use crate::failure::Failure;
use crate::usage::wrong_value;
use clap::ArgMatches;
use indicatif::{ProgressBar, ProgressStyle};
use std::time::Duration;

const WAIT_S_MAX: u64 = 300;

/// `--wait` in milliseconds.
///
/// # Errors
/// It is no number of seconds from 1 to 300.
pub(crate) fn wait_ms(
    context: &Context,
    matches: &ArgMatches,
    default_s: u64,
) -> Result<u64, Failure> {
    let Some(value) = matches.get_one::<String>("wait") else {
        return Ok(default_s * 1000);
    };
    let seconds = value.parse().ok();
    seconds
        .filter(|seconds| (1..=WAIT_S_MAX).contains(seconds))
        .map(|seconds| seconds * 1000)
        .ok_or_else(|| wrong_value("--wait", value, &context.text.t("expected-wait")))
}

/// On standard error, and only on a terminal.
pub(crate) fn spinner(context: &Context) -> ProgressBar {
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
