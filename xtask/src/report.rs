//! What a check found: a list of findings, each a warning or a failure with the place it is about.
//!
//! A check never prints by itself; it returns a [`Report`], so that its tests can look at the findings.

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// The check fails.
    Fail,
    /// Printed, but the check passes.
    Warn,
}

/// One thing a check found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// Failures sort before warnings.
    pub(crate) level: Level,
    /// `path`, `path:line`, or the name of a crate.
    pub(crate) place: String,
    /// What is wrong and what to do about it.
    pub(crate) text: String,
}

/// Everything one check found.
#[derive(Debug, Default)]
pub(crate) struct Report {
    findings: Vec<Finding>,
}

impl Report {
    /// Records a finding that makes the check fail.
    pub(crate) fn fail(&mut self, place: impl Into<String>, text: impl Into<String>) {
        self.push(Level::Fail, place, text);
    }

    /// Records a finding that is only shown.
    pub(crate) fn warn(&mut self, place: impl Into<String>, text: impl Into<String>) {
        self.push(Level::Warn, place, text);
    }

    /// Takes over the findings of another report.
    pub(crate) fn absorb(&mut self, other: Report) {
        self.findings.extend(other.findings);
    }

    /// Prints the findings, failures first, and tells whether the check passed.
    pub(crate) fn print(mut self, check: &str) -> bool {
        self.findings.sort();
        self.findings.dedup();
        let failures = self.count(Level::Fail);
        let warnings = self.count(Level::Warn);
        for finding in &self.findings {
            let word = match finding.level {
                Level::Fail => "error",
                Level::Warn => "warning",
            };
            println!("{word}: {}: {}", finding.place, finding.text);
        }
        println!("{check}: {failures} errors, {warnings} warnings");
        failures == 0
    }

    fn push(&mut self, level: Level, place: impl Into<String>, text: impl Into<String>) {
        self.findings.push(Finding {
            level,
            place: place.into(),
            text: text.into(),
        });
    }

    fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|f| f.level == level).count()
    }

    /// The texts of the failures, for tests.
    #[cfg(test)]
    pub(crate) fn failures(&self) -> Vec<String> {
        self.lines(Level::Fail)
    }

    /// The texts of the warnings, for tests.
    #[cfg(test)]
    pub(crate) fn warnings(&self) -> Vec<String> {
        self.lines(Level::Warn)
    }

    #[cfg(test)]
    fn lines(&self, level: Level) -> Vec<String> {
        self.findings
            .iter()
            .filter(|f| f.level == level)
            .map(|f| format!("{}: {}", f.place, f.text))
            .collect()
    }
}
