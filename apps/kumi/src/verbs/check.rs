//! `kumi check`: looks for what is wrong and says what to do. It changes nothing.
//!
//! The checks are in [`files`] (configuration, directory, identity, keys) and [`machine`]
//! (node, port, interface, clock, routes, addresses).

mod files;
mod machine;

pub(crate) use machine::{PROBE_VERB, probe_namespace};

use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::output;
use crate::text::{Text, args};
use fluent_bundle::FluentValue;
use std::collections::BTreeMap;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// As it should be.
    Ok,
    /// It works, but the owner should know.
    Warn,
    /// It does not work.
    Fail,
}

/// What one check found.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    /// The check: a message `check-ID`.
    id: &'static str,
    level: Level,
    /// The attribute that says what was found.
    found: &'static str,
    /// The attribute that says what to do.
    fix: Option<&'static str>,
    args: BTreeMap<&'static str, String>,
}

impl Finding {
    fn new(id: &'static str, level: Level, found: &'static str) -> Finding {
        Finding {
            id,
            level,
            found,
            fix: None,
            args: BTreeMap::new(),
        }
    }

    fn ok(id: &'static str, found: &'static str) -> Finding {
        Finding::new(id, Level::Ok, found)
    }

    fn with(mut self, name: &'static str, value: impl std::fmt::Display) -> Finding {
        self.args.insert(name, value.to_string());
        self
    }

    fn fix(mut self, attribute: &'static str) -> Finding {
        self.fix = Some(attribute);
        self
    }

    /// What a failure says, as a finding.
    fn failed(id: &'static str, failure: &Failure, text: &Text) -> Finding {
        let [what, why, fix] = failure.sentences(text);
        Finding::new(id, Level::Fail, "fail")
            .with("detail", format!("{what} {why}"))
            .with("fix", fix)
            .fix("fix")
    }

    fn title(&self, text: &Text) -> String {
        text.t(&format!("check-{}", self.id))
    }

    fn sentence(&self, text: &Text, attribute: &str) -> String {
        let args: Vec<_> = self
            .args
            .iter()
            .map(|(name, value)| (*name, FluentValue::from(value.as_str())))
            .collect();
        text.tr(&format!("check-{}.{attribute}", self.id), &args)
    }

    fn json(&self, text: &Text) -> serde_json::Value {
        serde_json::json!({
            "check": self.id,
            "level": match self.level { Level::Ok => "ok", Level::Warn => "warn", Level::Fail => "fail" },
            "found": self.sentence(text, self.found),
            "fix": self.fix.map(|fix| self.sentence(text, fix)),
        })
    }
}

/// Runs it.
pub(crate) fn run(context: &Context) -> Result<(), Failure> {
    let findings = all(context);
    let count = |level| findings.iter().filter(|f| f.level == level).count();
    let (ok, warn, fail) = (count(Level::Ok), count(Level::Warn), count(Level::Fail));
    let text = &context.text;
    if context.json {
        let checks: Vec<_> = findings.iter().map(|finding| finding.json(text)).collect();
        output::json(&serde_json::json!({
            "checks": checks, "ok": ok, "warn": warn, "fail": fail,
        }));
        // The table of checks is the answer; only the exit code is left to say.
        if fail > 0 {
            std::process::exit(Exit::Failed.number().into());
        }
        return Ok(());
    }
    for line in lines(text, &findings) {
        context.say(&line);
    }
    context.say(&text.tr("check-summary", args!(ok = ok, warn = warn, fail = fail)));
    if fail > 0 {
        return Err(Failure::new(Exit::Failed, "error-check-failed").with("failed", fail));
    }
    Ok(())
}

/// Every check, in the order of a first start.
pub(crate) fn all(context: &Context) -> Vec<Finding> {
    let mut findings = files::all(context);
    findings.extend(machine::all(context));
    findings
}

/// The findings as JSON, for `kumi bugreport`.
pub(crate) fn as_json(context: &Context) -> serde_json::Value {
    let findings = all(context);
    findings
        .iter()
        .map(|finding| finding.json(&context.text))
        .collect()
}

fn lines(text: &Text, findings: &[Finding]) -> Vec<String> {
    let level = |level| match level {
        Level::Ok => text.t("check-level-ok"),
        Level::Warn => text.t("check-level-warn"),
        Level::Fail => text.t("check-level-fail"),
    };
    let rows: Vec<Vec<String>> = findings
        .iter()
        .map(|f| vec![level(f.level), f.title(text), f.sentence(text, f.found)])
        .collect();
    let fix_label = text.t("failure-fix");
    let mut lines = Vec::new();
    for (finding, line) in findings.iter().zip(output::table(&rows)) {
        lines.push(line);
        if let Some(fix) = finding.fix {
            lines.push(format!("      {fix_label} {}", finding.sentence(text, fix)));
        }
    }
    lines
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
