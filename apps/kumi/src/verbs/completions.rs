//! `kumi completions`.

use super::access::argument;
use crate::cli;
use crate::context::Context;
use crate::failure::Failure;
use crate::usage::wrong_value;
use clap::ArgMatches;
use clap_complete::Shell;
use std::io::Write;

/// Runs it.
pub(crate) fn run(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let name = argument(matches, "SHELL");
    let shell = match name {
        "bash" => Shell::Bash,
        "zsh" => Shell::Zsh,
        "fish" => Shell::Fish,
        "elvish" => Shell::Elvish,
        "powershell" => Shell::PowerShell,
        other => {
            let expected = context.text.t("expected-shell");
            return Err(wrong_value("SHELL", other, &expected));
        }
    };
    let mut script = Vec::new();
    let mut command = cli::command(&context.text);
    clap_complete::generate(shell, &mut command, "kumi", &mut script);
    // A reader that hangs up has what it wants.
    let _ = std::io::stdout().lock().write_all(&script);
    Ok(())
}
