//! `kumi gms status` and `kumi gms log`: what a management server is, and what happened to it.

use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use crate::remote::{manage, surprised};
use crate::text::args;
use crate::usage::wrong_value;
use api::{LogPage, LogRecord, ManageRequest, ManageResponse, PAGE_MAX};
use clap::ArgMatches;
use serde_json::Value;

/// Says how many there are of everything.
pub(super) fn status(context: &Context) -> Result<(), Failure> {
    let ManageResponse::Server(server) = manage(context, ManageRequest::Server)? else {
        return Err(surprised());
    };
    if context.json {
        output::json(&server);
        return Ok(());
    }
    let args = args!(
        address = server.address.to_string(),
        rev = server.rev,
        groups = server.groups,
        members = server.members,
        there = server.in_touch,
        lines = server.lines_open
    );
    context.say(&context.text.tr("gms-status", args));
    let args = args!(rev = server.rev, trail = server.trail);
    context.say(&context.text.tr("gms-status-trail", args));
    Ok(())
}

/// Prints the audit trail.
pub(super) fn log(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let number = |name: &str, fits: &dyn Fn(u64) -> bool| {
        let text = matches.get_one::<String>(name)?;
        let read = text.parse().ok().filter(|it| fits(*it));
        let expected = || context.text.t(&format!("expected-{name}"));
        Some(read.ok_or_else(|| wrong_value(&format!("--{name}"), text, &expected())))
    };
    let after = number("after", &|_| true).transpose()?;
    let most = number("most", &|it| (1..=u64::from(PAGE_MAX)).contains(&it)).transpose()?;
    let page = LogPage {
        after: after.unwrap_or_default(),
        most: most.and_then(|it| u32::try_from(it).ok()),
    };
    let ManageResponse::Log(records) = manage(context, ManageRequest::Log(page))? else {
        return Err(surprised());
    };
    if context.json {
        output::json(&serde_json::json!({ "records": records }));
        return Ok(());
    }
    let text = &context.text;
    let mut rows = vec![vec![
        text.t("gms-log-rev"),
        text.t("gms-log-time"),
        text.t("gms-log-who"),
        text.t("gms-log-what"),
    ]];
    rows.extend(records.iter().map(row));
    for line in output::table(&rows) {
        context.say(&line);
    }
    Ok(())
}

fn row(record: &LogRecord) -> Vec<String> {
    vec![
        record.rev.to_string(),
        output::time(record.at_unix_s),
        values(&record.actor, "who"),
        values(&record.event, "event"),
    ]
}

/// The values of an object in one line, that of `first` first; long ones are cut.
fn values(object: &Value, first: &str) -> String {
    const LEN_MAX: usize = 40;
    let Some(object) = object.as_object() else {
        return String::new();
    };
    let shown = |value: &Value| {
        let text = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        match text.char_indices().nth(LEN_MAX) {
            Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
            None => text,
        }
    };
    let mut words: Vec<String> = object.get(first).map(&shown).into_iter().collect();
    let others = object
        .iter()
        .filter(|(name, value)| *name != first && !value.is_null());
    words.extend(others.map(|(name, value)| format!("{name}={}", shown(value))));
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_record_is_a_line() {
        let record = LogRecord {
            rev: 7,
            at_unix_s: 0,
            actor: json!({"who": "operator"}),
            event: json!({
                "event": "entry", "group": "sales", "entry": "ab".repeat(100), "member": null,
            }),
            hash: String::new(),
        };
        let cells = row(&record);
        assert_eq!((cells[0].as_str(), cells[2].as_str()), ("7", "operator"));
        let entry = "ab".repeat(20);
        assert_eq!(cells[3], format!("entry entry={entry}… group=sales"));
    }
}
