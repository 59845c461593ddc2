//! `kumi group lines` and `kumi group withdraw`: the lines that are good for something.

use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use crate::remote::{manage, surprised};
use crate::text::args;
use crate::usage::wrong_value;
use crate::verbs::access::argument;
use api::{ManageRequest, ManageResponse, OpenLine, PAGE_MAX, Page};
use clap::ArgMatches;

/// Shows all.
pub(super) fn list(context: &Context) -> Result<(), Failure> {
    let lines = all(context)?;
    if context.json {
        output::json(&serde_json::json!({ "lines": lines }));
        return Ok(());
    }
    let text = &context.text;
    if lines.is_empty() {
        context.say(&text.t("group-lines-none"));
        return Ok(());
    }
    let mut rows = vec![vec![
        text.t("gms-id"),
        text.t("groups-member"),
        text.t("groups-of"),
        text.t("group-lines-uses"),
        text.t("gms-until"),
    ]];
    rows.extend(lines.into_iter().map(|line| {
        let groups = line.groups.join(", ");
        vec![
            line.id,
            line.member.unwrap_or_else(|| "-".to_owned()),
            if groups.is_empty() {
                "-".to_owned()
            } else {
                groups
            },
            line.uses_left.to_string(),
            output::time(line.expires_unix_s),
        ]
    }));
    for line in output::table(&rows) {
        context.say(&line);
    }
    Ok(())
}

fn all(context: &Context) -> Result<Vec<OpenLine>, Failure> {
    let mut all: Vec<OpenLine> = Vec::new();
    loop {
        let page = Page {
            after: all.last().map(|line| line.id.clone()).unwrap_or_default(),
            most: Some(PAGE_MAX),
        };
        let ManageResponse::Lines(more) = manage(context, ManageRequest::Lines(page))? else {
            return Err(surprised());
        };
        let is_last = more.len() < PAGE_MAX as usize;
        all.extend(more);
        if is_last {
            return Ok(all);
        }
    }
}

/// Makes one good for nothing.
pub(super) fn withdraw(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let line = argument(matches, "ID").to_owned();
    if line.len() != 32 || !line.bytes().all(|it| it.is_ascii_hexdigit()) {
        let expected = context.text.t("expected-line-id");
        return Err(wrong_value("ID", &line, &expected));
    }
    manage(context, ManageRequest::Withdraw { line: line.clone() })?;
    if context.json {
        output::json(&serde_json::json!({ "withdrawn": line }));
        return Ok(());
    }
    context.say(&context.text.tr("group-line-withdrawn", args!(id = line)));
    Ok(())
}
