//! `kumi`, the one program of Kumihimo: parse the command line, compose, run.
//!
//! | module | owns |
//! |---|---|
//! | [`cli`], [`usage`] | the command line and what is wrong with one |
//! | [`text`], [`language`] | the catalogues in `i18n/` and which one to use |
//! | [`config`] | `kumi.toml` |
//! | [`failure`] | exit codes and the three sentences of a failure |
//! | [`context`], [`client`] | what every command needs; the running node |
//! | [`daemon`] | being the running node |
//! | [`keys`] | the identity's files |
//! | [`passphrase`], [`password`] | secrets that people type |
//! | [`verbs`] | one file per command |

mod cli;
mod client;
mod config;
mod context;
mod daemon;
mod environment;
mod failure;
mod keys;
mod language;
mod output;
mod passphrase;
mod password;
mod remote;
mod text;
mod usage;
mod verbs;

use crate::context::Context;
use crate::environment::Environment;
use crate::failure::Failure;
use crate::language::Language;
use crate::text::Text;
use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args_os()
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    if let Some(code) = hidden_verb(&arguments) {
        return code;
    }
    let environment = Environment::read();
    let early = language::from_arguments(&arguments);
    let guess = early.or_else(|| Language::of(&environment));
    let text = Text::new(guess.unwrap_or(Language::En));
    let json = arguments.iter().any(|argument| argument == "--json");
    match start(&text, early, environment, &arguments) {
        Ok(code) => code,
        Err(Ended::Help(error)) => {
            let _ = error.print();
            ExitCode::SUCCESS
        }
        Err(Ended::Early(failure)) => say(&failure, &text, json),
        Err(Ended::Late(failure, context)) => say(&failure, &context.text, context.json),
    }
}

/// What `kumi` starts itself for, in a process of its own.
fn hidden_verb(arguments: &[String]) -> Option<ExitCode> {
    let done = match arguments.get(1)?.as_str() {
        os::holder::VERB => return Some(ExitCode::from(os::holder::serve())),
        runtime::proxy::VERB => return Some(runtime::proxy::serve()),
        verbs::check::PROBE_VERB => verbs::check::probe_namespace(),
        verbs::demo::FILE_VERB => verbs::demo::serve_file(arguments),
        _ => return None,
    };
    Some(match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.say(&Text::new(Language::En), false);
            failure.exit.into()
        }
    })
}

/// How a run ends when not with an exit code of its own.
enum Ended {
    /// Help or version was asked for.
    Help(clap::Error),
    /// Before the configuration was read.
    Early(Failure),
    /// In a command.
    Late(Failure, Box<Context>),
}

fn say(failure: &Failure, text: &Text, json: bool) -> ExitCode {
    failure.say(text, json);
    failure.exit.into()
}

fn start(
    text: &Text,
    early: Option<Language>,
    environment: Environment,
    arguments: &[String],
) -> Result<ExitCode, Ended> {
    let mut command = cli::command(text);
    let matches = match command.try_get_matches_from_mut(std::env::args_os()) {
        Ok(matches) => matches,
        Err(error) => {
            return Err(match usage::translate(&error, &command, arguments) {
                Some(failure) => Ended::Early(failure),
                None => Ended::Help(error),
            });
        }
    };
    drop(command);
    text.forget();
    if let Some(value) = matches.get_one::<String>("lang")
        && early.is_none()
    {
        let expected = text.t("expected-language");
        return Err(Ended::Early(usage::wrong_value("--lang", value, &expected)));
    }
    let chosen = matches.get_one::<PathBuf>("config").map(PathBuf::as_path);
    let config = match config::load(chosen, &config::places(&environment)) {
        Ok(config) => Ok(config),
        // `check` reports it, and what only prints does not depend on it.
        Err(failure) => match matches.subcommand_name() {
            Some("check" | "completions") => Err(failure),
            _ => return Err(Ended::Early(failure)),
        },
    };
    let context = Context::new(early, environment, config, &matches).map_err(Ended::Early)?;
    match verbs::run(&context, &matches) {
        Ok(code) => Ok(code),
        Err(failure) => Err(Ended::Late(failure, Box::new(context))),
    }
}
