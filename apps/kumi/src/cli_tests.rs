//! The command line: every command explains itself with an example in both languages, and
//! every mistake is answered in three sentences with exit code 2.

use super::*;
use crate::failure::Exit;
use crate::language::Language;
use crate::usage;

fn all(command: &Command, path: &str, found: &mut Vec<(String, Command)>) {
    let path = format!("{path}{} ", command.get_name());
    for sub in command.get_subcommands() {
        all(sub, &path, found);
    }
    found.push((path.trim_end().to_owned(), command.clone()));
}

fn commands(language: Language) -> Vec<(String, Command)> {
    let mut root = command(&Text::new(language));
    root.build();
    let mut found = Vec::new();
    all(&root, "", &mut found);
    found
}

fn parse(language: Language, line: &str) -> Result<clap::ArgMatches, clap::Error> {
    command(&Text::new(language)).try_get_matches_from(line.split(' '))
}

fn refused(line: &str) -> (String, [String; 3]) {
    let arguments: Vec<String> = line.split(' ').map(str::to_owned).collect();
    let error = parse(Language::En, line).expect_err(line);
    let failure =
        usage::translate(&error, &command(&Text::new(Language::En)), &arguments).expect(line);
    assert_eq!(failure.exit, Exit::Usage, "{line}");
    assert_eq!(failure.exit.number(), 2);
    (
        failure.id.clone(),
        failure.sentences(&Text::new(Language::En)),
    )
}

#[test]
fn the_command_line_is_consistent() {
    for language in Language::ALL {
        command(&Text::new(*language)).debug_assert();
    }
}

#[test]
fn every_command_has_help_with_an_example_in_both_languages() {
    for (language, examples) in [(Language::En, "Examples:"), (Language::Ja, "例:")] {
        let commands = commands(language);
        assert!(commands.len() >= 22, "only {}", commands.len());
        for (path, mut command) in commands {
            let help = command.render_help().to_string();
            let example = format!("  {path}");
            if path != "kumi" {
                let (_, after) = help.split_once(examples).expect(&path);
                assert!(after.contains(&example), "{path}: no example in\n{help}");
            }
            assert!(
                !help.contains("cmd-") && !help.contains("opt-"),
                "{path}:\n{help}"
            );
            assert!(!help.contains("arg-"), "{path}:\n{help}");
            assert!(
                command
                    .render_help()
                    .to_string()
                    .lines()
                    .all(|line| line.len() < 400)
            );
        }
    }
}

#[test]
fn the_help_is_in_one_language() {
    for (path, mut command) in commands(Language::Ja) {
        let help = command.render_help().to_string();
        for english in [
            "Usage:",
            "Options:",
            "Arguments:",
            "Commands:",
            "Print help",
            "[default",
        ] {
            assert!(!help.contains(english), "{path}: {english} in\n{help}");
        }
        assert!(help.contains("使い方:"), "{path}:\n{help}");
    }
}

#[test]
fn every_example_can_be_typed() {
    for (path, _) in commands(Language::En) {
        let text = Text::new(Language::En);
        let id = format!("cmd-{}", path.trim_start_matches("kumi ").replace(' ', "-"));
        let Some(examples) = text.find(&format!("{id}.examples"), &[]) else {
            continue;
        };
        for line in examples.lines().filter(|line| line.starts_with("kumi ")) {
            let typed = line.split("   ").next().unwrap_or(line);
            let typed = typed.split([';', '>', '&']).next().unwrap_or(typed);
            let words: Vec<&str> = typed.split_whitespace().collect();
            let result = command(&text).try_get_matches_from(&words);
            assert!(result.is_ok(), "{line}: {}", result.unwrap_err());
        }
    }
}

#[test]
fn mistakes_are_named_and_have_a_remedy() {
    let (id, [what, why, fix]) = refused("kumi pnig server");
    assert_eq!(id, "error-usage-command-near");
    assert_eq!(what, "Unknown command pnig.");
    assert_eq!(why, "kumi has no such command; ping is similar.");
    assert_eq!(fix, "Write ping, or see `kumi --help`.");
    let (_, [_, _, fix]) = refused("kumi brige up");
    assert_eq!(fix, "Write bridge, or see `kumi --help`.");
    let (_, [_, _, fix]) = refused("kumi --json bridge alow");
    assert_eq!(fix, "Write allow, or see `kumi bridge --help`.");
    let (_, [what, why, fix]) = refused("kumi ping server --coutn 3");
    assert_eq!(what, "Unknown option --coutn.");
    assert_eq!(why, "This command has no such option; --count is similar.");
    assert_eq!(fix, "Write --count, or see `kumi ping --help`.");
    let (id, [what, _, fix]) = refused("kumi join");
    assert_eq!(id, "error-usage-missing");
    assert!(what.contains("LINE"), "{what}");
    assert_eq!(fix, "Add it; `kumi join --help` has examples.");
    let (_, [_, _, fix]) = refused("kumi bridge use");
    assert_eq!(fix, "Add it; `kumi bridge use --help` has examples.");
}

#[test]
fn every_kind_of_mistake_is_a_usage_error() {
    for (line, message) in [
        ("kumi", "error-usage-no-command"),
        ("kumi id", "error-usage-no-command"),
        ("kumi bridge", "error-usage-no-command"),
        ("kumi bridge upp", "error-usage-command-near"),
        ("kumi bridge use", "error-usage-missing"),
        ("kumi quux", "error-usage-command"),
        ("kumi id rotat", "error-usage-command-near"),
        ("kumi --quux", "error-usage-unknown"),
        ("kumi up now", "error-usage-unknown"),
        ("kumi join", "error-usage-missing"),
        ("kumi run", "error-usage-missing"),
        ("kumi id backup", "error-usage-missing"),
        ("kumi invite --expires", "error-usage-no-value"),
        ("kumi --state", "error-usage-no-value"),
        ("kumi ping a -c 1 -c 2", "error-usage-twice"),
    ] {
        let (id, sentences) = refused(line);
        assert_eq!(id, message, "{line}: {sentences:?}");
        assert!(
            sentences
                .iter()
                .all(|s| !s.starts_with("error-") && !s.contains("{")),
            "{line}"
        );
    }
}

#[test]
fn the_command_to_run_keeps_its_own_options() {
    let matches = parse(Language::En, "kumi run -- ssh -p 22 --json host").unwrap();
    let (_, matches) = matches.subcommand().unwrap();
    let words: Vec<_> = matches.get_many::<OsString>("COMMAND").unwrap().collect();
    assert_eq!(words, ["ssh", "-p", "22", "--json", "host"]);
    assert!(!matches.get_flag("json"));
}

#[test]
fn global_options_may_stand_anywhere() {
    for line in [
        "kumi --json --state /x status",
        "kumi status --state /x --json",
    ] {
        let matches = parse(Language::En, line).unwrap();
        assert!(matches.get_flag("json"), "{line}");
        assert_eq!(
            matches.get_one::<PathBuf>("state"),
            Some(&PathBuf::from("/x"))
        );
    }
}
