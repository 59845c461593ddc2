//! What is wrong with a command line, from clap's error to our own three sentences.

use crate::failure::{Exit, Failure};
use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// A value on the command line that is not what it should be.
pub(crate) fn wrong_value(option: &str, value: &str, expected: &str) -> Failure {
    Failure::new(Exit::Usage, "error-usage-value")
        .with("option", option)
        .with("value", value)
        .with("expected", expected)
}

/// Translates an error of the parser of `root`. `None` for help and version, which are not errors.
pub(crate) fn translate(
    error: &clap::Error,
    root: &Command,
    arguments: &[String],
) -> Option<Failure> {
    let context = |kind| error.get(kind).map(plain).unwrap_or_default();
    // What follows a command that does not exist belongs to no command.
    let unknown = context(ContextKind::InvalidSubcommand);
    let end = arguments.iter().position(|word| *word == unknown);
    let known = arguments.get(..end.unwrap_or(arguments.len()));
    let help = help_for(root, known.unwrap_or_default());
    let failure = |message: &str| Failure::new(Exit::Usage, message).with("help", &help);
    let argument = context(ContextKind::InvalidArg);
    Some(match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => return None,
        ErrorKind::UnknownArgument => match nearest(error, ContextKind::SuggestedArg, &argument) {
            Some(near) => failure("error-usage-unknown-near").with("near", near),
            None => failure("error-usage-unknown"),
        }
        .with("argument", argument),
        ErrorKind::InvalidSubcommand => {
            match nearest(error, ContextKind::SuggestedSubcommand, &unknown) {
                Some(near) => failure("error-usage-command-near").with("near", near),
                None => failure("error-usage-command"),
            }
            .with("command", unknown)
        }
        ErrorKind::MissingRequiredArgument => {
            failure("error-usage-missing").with("argument", argument)
        }
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            failure("error-usage-no-command")
        }
        ErrorKind::ArgumentConflict => failure("error-usage-twice").with("argument", argument),
        ErrorKind::InvalidValue
        | ErrorKind::TooFewValues
        | ErrorKind::WrongNumberOfValues
        | ErrorKind::NoEquals
            if context(ContextKind::InvalidValue).is_empty() =>
        {
            failure("error-usage-no-value").with("argument", argument)
        }
        _ => failure("error-usage-other")
            .with("argument", argument)
            .with("value", context(ContextKind::InvalidValue)),
    })
}

/// `kumi ping --help` for the command that was asked for.
fn help_for(root: &Command, words: &[String]) -> String {
    let (mut command, mut help) = (root, String::from("kumi"));
    for word in words.iter().skip(1) {
        if let Some(below) = command.find_subcommand(word) {
            help = format!("{help} {word}");
            command = below;
        }
    }
    format!("{help} --help")
}

fn plain(value: &ContextValue) -> String {
    match value {
        ContextValue::String(text) => text.clone(),
        ContextValue::Strings(texts) => texts.join(", "),
        ContextValue::StyledStr(text) => text.to_string(),
        ContextValue::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

/// What the parser suggests; of several words the one with the fewest changes.
fn nearest(error: &clap::Error, kind: ContextKind, word: &str) -> Option<String> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) => {
            let changes = |text: &&String| strsim::damerau_levenshtein(text, word);
            texts.iter().min_by_key(changes).cloned()
        }
        _ => None,
    }
}
