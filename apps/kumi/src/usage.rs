//! What is wrong with a command line, from clap's error to our own three sentences.

use crate::failure::{Exit, Failure};
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// A value on the command line that is not what it should be.
pub(crate) fn wrong_value(option: &str, value: &str, expected: &str) -> Failure {
    Failure::new(Exit::Usage, "error-usage-value")
        .with("option", option)
        .with("value", value)
        .with("expected", expected)
}

/// Translates an error of the parser. `None` for help and version, which are not errors.
pub(crate) fn translate(error: &clap::Error, arguments: &[String]) -> Option<Failure> {
    let context = |kind| error.get(kind).map(plain).unwrap_or_default();
    let help = help_for(arguments);
    let failure = |message: &str| Failure::new(Exit::Usage, message).with("help", &help);
    let argument = context(ContextKind::InvalidArg);
    Some(match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => return None,
        ErrorKind::UnknownArgument => match first(error, ContextKind::SuggestedArg) {
            Some(near) => failure("error-usage-unknown-near").with("near", near),
            None => failure("error-usage-unknown"),
        }
        .with("argument", argument),
        ErrorKind::InvalidSubcommand => match first(error, ContextKind::SuggestedSubcommand) {
            Some(near) => failure("error-usage-command-near").with("near", near),
            None => failure("error-usage-command"),
        }
        .with("command", context(ContextKind::InvalidSubcommand)),
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
fn help_for(arguments: &[String]) -> String {
    let typed = |known: &[&'static str]| {
        let mut words = arguments.iter().skip(1);
        words.find_map(|word| known.iter().copied().find(|known| known == word))
    };
    let verb = typed(VERBS);
    let group = GROUPS.iter().find(|(group, _)| Some(*group) == verb);
    let below = group.and_then(|(_, known)| typed(known));
    let words = ["kumi"].into_iter().chain(verb).chain(below);
    words.chain(["--help"]).collect::<Vec<_>>().join(" ")
}

const VERBS: &[&str] = &[
    "demo",
    "up",
    "join",
    "invite",
    "status",
    "ping",
    "peers",
    "run",
    "forward",
    "down",
    "allow",
    "deny",
    "list",
    "netcheck",
    "check",
    "bugreport",
    "completions",
    "bridge",
    "id",
    "service",
];
/// Commands that have commands.
const GROUPS: &[(&str, &[&str])] = &[
    (
        "id",
        &["new", "show", "rotate", "seal", "backup", "restore"],
    ),
    (
        "bridge",
        &[
            "up", "down", "invite", "allow", "deny", "list", "use", "forget",
        ],
    ),
    ("service", &["install", "remove"]),
];

fn plain(value: &ContextValue) -> String {
    match value {
        ContextValue::String(text) => text.clone(),
        ContextValue::Strings(texts) => texts.join(", "),
        ContextValue::StyledStr(text) => text.to_string(),
        ContextValue::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

fn first(error: &clap::Error, kind: ContextKind) -> Option<String> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) => texts.first().cloned(),
        _ => None,
    }
}
