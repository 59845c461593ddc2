//! What our own commands cost: every value typed in a recorded session beside the scenario
//! (`NAME.session` beside `NAME.toml`), counted by what the command line itself makes of it.
//!
//! A value is what a person chooses or copies: each argument, each option with its value, each option
//! without one, each line pasted. The program and its verbs are no values, as the papers count no
//! clicks. `words` counts everything typed, programs, verbs and the names of options too.

use crate::cli;
use crate::failure::{Exit, Failure};
use crate::output;
use crate::text::Text;
use clap::ArgMatches;
use clap::parser::ValueSource;
use group::cost::session::{Session, Step};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

/// Values and words typed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Typed {
    /// Values.
    pub(super) values: u32,
    /// Words.
    pub(super) words: u32,
}

/// What is typed on one machine.
#[derive(Debug, Serialize)]
struct OnMachine {
    machine: String,
    #[serde(flatten)]
    typed: Typed,
}

/// A counted session.
#[derive(Debug, Serialize)]
pub(super) struct Own {
    /// The name of its file.
    file: String,
    machines: Vec<OnMachine>,
    /// At the beginning, all machines together.
    pub(super) total: Typed,
    /// For each change that it has recorded, by title.
    pub(super) changes: BTreeMap<String, Typed>,
}

/// Counts the session beside a scenario, if there is one.
///
/// # Errors
/// It cannot be read, is no session, has a command that `kumi` does not have, or a change that the scenario
/// does not have.
pub(super) fn beside(
    scenario: &Path,
    titles: &[&str],
    read: impl Fn(&Path) -> Result<String, Failure>,
) -> Result<Option<Own>, Failure> {
    let file = scenario.with_extension("session");
    if file == scenario || !file.exists() {
        return Ok(None);
    }
    let wrong = |detail: String| failure(&file, detail);
    let session = Session::parse(&read(&file)?).map_err(|error| wrong(error.to_string()))?;
    let mut changes = session.changes.iter();
    if let Some((title, _)) = changes.find(|(title, _)| !titles.contains(&title.as_str())) {
        return Err(wrong(format!("[{title}]")));
    }
    count(&file, &session).map(Some)
}

fn failure(file: &Path, detail: String) -> Failure {
    Failure::new(Exit::Failed, "error-session")
        .with("file", file.display())
        .with("detail", detail)
}

fn count(file: &Path, session: &Session) -> Result<Own, Failure> {
    let mut machines: Vec<OnMachine> = Vec::new();
    let mut total = Typed::default();
    for step in &session.steps {
        let typed = typed(file, step)?;
        total.add(typed);
        match machines.iter_mut().find(|it| it.machine == step.machine) {
            Some(machine) => machine.typed.add(typed),
            None => machines.push(OnMachine {
                machine: step.machine.clone(),
                typed,
            }),
        }
    }
    let mut changes = BTreeMap::new();
    for (title, steps) in &session.changes {
        let mut sum = Typed::default();
        for step in steps {
            sum.add(typed(file, step)?);
        }
        changes.insert(title.clone(), sum);
    }
    let name = file.file_name().unwrap_or_default();
    Ok(Own {
        file: name.to_string_lossy().into_owned(),
        machines,
        total,
        changes,
    })
}

impl Typed {
    fn add(&mut self, more: Self) {
        self.values = self.values.saturating_add(more.values);
        self.words = self.words.saturating_add(more.words);
    }
}

/// Counts one command line.
fn typed(file: &Path, step: &Step) -> Result<Typed, Failure> {
    let root = cli::command(&Text::new(crate::language::Language::En));
    let line = || format!("{}$ {}", step.machine, step.words.join(" "));
    if step.words.first().map(String::as_str) != Some("kumi") {
        return Err(failure(file, line()));
    }
    let matches = root.clone().try_get_matches_from(&step.words);
    let matches = matches.map_err(|_| failure(file, line()))?;
    Ok(Typed {
        values: values(&root, &matches),
        words: u32::try_from(step.words.len()).unwrap_or(u32::MAX),
    })
}

/// The values of a command line: of the innermost command, which has the options of all commands too.
fn values(command: &clap::Command, matches: &ArgMatches) -> u32 {
    if let Some((name, inner)) = matches.subcommand() {
        let sub = command.find_subcommand(name);
        let globals = command.get_arguments().filter(|it| it.is_global_set());
        let sub = sub.map(|sub| sub.clone().args(globals.cloned().collect::<Vec<_>>()));
        return sub.map_or(0, |sub| values(&sub, inner));
    }
    let ids = command.get_arguments().map(|it| it.get_id().as_str());
    let typed = ids.filter(|id| matches.value_source(id) == Some(ValueSource::CommandLine));
    let times = typed.map(|id| matches.indices_of(id).map_or(0, |it| it.count()));
    u32::try_from(times.sum::<usize>()).unwrap_or(u32::MAX)
}

/// The table of a session.
pub(super) fn lines(text: &Text, own: &Own) -> Vec<String> {
    let row = |name: &str, typed: Typed| {
        vec![
            format!("  {name}"),
            typed.values.to_string(),
            typed.words.to_string(),
        ]
    };
    let mut rows = vec![vec![
        String::new(),
        text.t("cost-values"),
        text.t("cost-words"),
    ]];
    rows.extend(own.machines.iter().map(|it| row(&it.machine, it.typed)));
    rows.push(row(&text.t("cost-total"), own.total));
    let title = format!("\nKumihimo ({})", own.file);
    [title]
        .into_iter()
        .chain(output::table_aligned(&rows, 1..3))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count_of(line: &str) -> Option<(u32, u32)> {
        let step = Step {
            machine: "gms".to_owned(),
            words: line.split(' ').map(str::to_owned).collect(),
        };
        let typed = typed(Path::new("x.session"), &step).ok()?;
        Some((typed.values, typed.words))
    }

    #[test]
    fn every_value_counts_one_and_no_verb_does() {
        for (line, values, words) in [
            ("kumi up", 0, 2),
            ("kumi gms serve", 0, 3),
            ("kumi join LINE", 1, 3),
            ("kumi group create a b c --site 10.0.0.0/8", 4, 8),
            ("kumi group create a --site=10.0.0.0/8", 2, 5),
            (
                "kumi group create a --site 10.0.0.0/8 --site 10.1.0.0/16",
                3,
                8,
            ),
            ("kumi group create a --apart", 2, 5),
            (
                "kumi group add gate a b --behind 10.0.0.0/24 --mode open",
                5,
                10,
            ),
            ("kumi group invite a --uses 3", 2, 6),
            // Options of the program itself are typed as well.
            ("kumi --state /s --json group list", 2, 6),
            ("kumi group list --json", 1, 4),
        ] {
            assert_eq!(count_of(line), Some((values, words)), "{line}");
        }
    }

    #[test]
    fn what_this_program_does_not_do_is_not_counted_but_refused() {
        for line in [
            "sysctl -w a",
            "kumi frobnicate",
            "kumi group add",
            "kumi join",
        ] {
            assert_eq!(count_of(line), None, "{line}");
        }
    }
}
