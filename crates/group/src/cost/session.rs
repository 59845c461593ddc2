//! What somebody types to set a network up: a recorded session, one command line after another.
//!
//! ```text
//! # A comment.
//! gms$ kumi group invite department
//! GES1$ kumi join LINE
//!
//! [GES2 moves]
//! ```
//!
//! A line is the machine's name, `$`, a space, and the command line. `LINE` stands for the line that the
//! last command before it printed on another machine: it is pasted. A title in brackets begins what is
//! typed for the change of this title; nothing may follow it.
//!
//! What it does not: know what commands there are, or count. Of a shell it knows words, and quotes of both
//! kinds, without backslashes, variables or pipes: a session needs none.
//!
//! | limit | value |
//! |---|---|
//! | command lines | [`STEPS_MAX`] |
//! | changes | [`CHANGES_MAX`](super::CHANGES_MAX) |

use super::CHANGES_MAX;

/// Most command lines of a session.
pub const STEPS_MAX: usize = 10_000;
/// The word that stands for a line that another command printed.
pub const LINE: &str = "LINE";

/// One command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Where it is typed.
    pub machine: String,
    /// Its words, as the shell hands them over; at least one.
    pub words: Vec<String>,
}

/// All that is typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Session {
    /// At the beginning.
    pub steps: Vec<Step>,
    /// For each change by its title, in order.
    pub changes: Vec<(String, Vec<Step>)>,
}

/// What is wrong with a session.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// It is neither a command line nor a title.
    #[error("line {0} is no `MACHINE$ COMMAND`, no `[CHANGE]` and no comment")]
    Form(usize),
    /// A quote begins and does not end, or something is used that only a shell understands.
    #[error("line {0} has a quote that does not end, or a character that only a shell understands")]
    Shell(usize),
    /// More than the limits allow.
    #[error("more than {0} command lines, or more than {CHANGES_MAX} changes")]
    TooMany(usize),
    /// Two changes have one title.
    #[error("`{0}` is there twice")]
    Twice(String),
}

impl Session {
    /// Reads a session.
    ///
    /// # Errors
    /// See [`SessionError`].
    pub fn parse(text: &str) -> Result<Self, SessionError> {
        let mut session = Self::default();
        let mut count = 0_usize;
        for (at, line) in text.lines().enumerate() {
            let (number, line) = (at.saturating_add(1), line.trim());
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let title = line.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
            if let Some(title) = title {
                session.begin(title)?;
                continue;
            }
            count = count.saturating_add(1);
            if count > STEPS_MAX {
                return Err(SessionError::TooMany(STEPS_MAX));
            }
            let step = step(line, number)?;
            match session.changes.last_mut() {
                Some((_, steps)) => steps.push(step),
                None => session.steps.push(step),
            }
        }
        Ok(session)
    }

    fn begin(&mut self, title: &str) -> Result<(), SessionError> {
        if self.changes.len() >= CHANGES_MAX {
            return Err(SessionError::TooMany(STEPS_MAX));
        }
        if self.change(title).is_some() {
            return Err(SessionError::Twice(title.to_owned()));
        }
        self.changes.push((title.to_owned(), Vec::new()));
        Ok(())
    }

    /// What is typed for a change; `None`: nobody has recorded it.
    #[must_use]
    pub fn change(&self, title: &str) -> Option<&[Step]> {
        let mut changes = self.changes.iter();
        let found = changes.find(|(name, _)| name == title);
        found.map(|(_, steps)| steps.as_slice())
    }
}

fn step(line: &str, number: usize) -> Result<Step, SessionError> {
    let (machine, command) = line.split_once("$ ").ok_or(SessionError::Form(number))?;
    let is_name = |name: &str| !name.is_empty() && !name.contains(char::is_whitespace);
    let words = words(command).ok_or(SessionError::Shell(number))?;
    if !is_name(machine) || words.is_empty() {
        return Err(SessionError::Form(number));
    }
    let machine = machine.to_owned();
    Ok(Step { machine, words })
}

/// The words of a command line; `None`: a shell would make something else of it.
fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\'' | '"' => {
                let word = word.get_or_insert_with(String::new);
                loop {
                    match letters.next()? {
                        end if end == letter => break,
                        '\\' | '$' | '`' if letter == '"' => return None,
                        inside => word.push(inside),
                    }
                }
            }
            space if space.is_whitespace() => words.extend(word.take()),
            letter if "\\$`|&;<>()*?[]{}~#!".contains(letter) => return None,
            letter => word.get_or_insert_with(String::new).push(letter),
        }
    }
    words.extend(word);
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &str) -> Option<Vec<String>> {
        words(line)
    }

    #[test]
    fn words_are_those_of_a_shell() {
        for (line, expected) in [
            ("kumi join LINE", vec!["kumi", "join", "LINE"]),
            ("  a\t'b c'  d ", vec!["a", "b c", "d"]),
            ("a 'b \"$c'd \"e 'f\"", vec!["a", "b \"$cd", "e 'f"]),
            ("a '' \"\"", vec!["a", "", ""]),
            ("--site=10.0.0.0/8 営業", vec!["--site=10.0.0.0/8", "営業"]),
            ("", vec![]),
        ] {
            assert_eq!(split(line).unwrap(), expected, "{line}");
        }
        for line in [
            "a 'b", "\"", "a | b", "a $b", "\"$b\"", "a\\ b", "a > b", "a*", "#",
        ] {
            assert_eq!(split(line), None, "{line}");
        }
    }

    #[test]
    fn a_session_is_what_each_machine_is_told_and_then_the_changes() {
        let text = "# c\n\ngms$ kumi a 'b c'\n  GES1$ kumi join LINE\n[One moves]\n[One comes]\ngms$ kumi x\n";
        let session = Session::parse(text).unwrap();
        let step = |machine: &str, words: &[&str]| Step {
            machine: machine.to_owned(),
            words: words.iter().map(|it| (*it).to_owned()).collect(),
        };
        assert_eq!(
            session.steps,
            [
                step("gms", &["kumi", "a", "b c"]),
                step("GES1", &["kumi", "join", LINE])
            ]
        );
        assert_eq!(session.change("One moves"), Some(&[][..]));
        let comes = [step("gms", &["kumi", "x"])];
        assert_eq!(session.change("One comes"), Some(&comes[..]));
        assert_eq!(session.change("One goes"), None);
    }

    #[test]
    fn what_is_no_session_is_refused_with_its_line() {
        let parse = |text: &str| Session::parse(text).unwrap_err();
        assert_eq!(parse("a$ b\nkumi up"), SessionError::Form(2));
        assert_eq!(parse("a b$ c"), SessionError::Form(1));
        assert_eq!(parse("$ c"), SessionError::Form(1));
        assert_eq!(parse("a$  "), SessionError::Form(1));
        assert_eq!(parse("\na$ kumi | b"), SessionError::Shell(2));
        assert_eq!(parse("[a]\n[a]"), SessionError::Twice("a".to_owned()));
        let many = "a$ b\n".repeat(STEPS_MAX + 1);
        assert_eq!(parse(&many), SessionError::TooMany(STEPS_MAX));
        assert!(Session::parse(&"a$ b\n".repeat(STEPS_MAX)).is_ok());
    }
}
