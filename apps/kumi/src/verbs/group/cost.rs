//! `kumi group cost`: how many values people enter for the network in a file, with GSCIP and
//! with IPsec, by the rules of the papers, and with our own commands, as recorded beside the file.

use super::session::{self, Own};
use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::output;
use crate::text::{Text, args};
use crate::usage::wrong_value;
use clap::ArgMatches;
use group::cost::{Column, Cost, Point, Scenario, ScenarioError, Scheme, Table, cost, curve};
use serde::Serialize;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Most nodes of a curve.
const NODES_MAX: u64 = 1_000_000;
/// A scenario of a thousand elements has a tenth of this.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// What `--json` prints.
#[derive(Serialize)]
struct Printed {
    scenario: Option<Counted>,
    curve: Vec<Point>,
}

#[derive(Serialize)]
struct Counted {
    title: String,
    source: String,
    totals: Vec<(Scheme, u32)>,
    #[serde(flatten)]
    cost: Cost,
    kumihimo: Option<Own>,
}

/// Runs it.
pub(crate) fn run(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let file = matches.get_one::<PathBuf>("FILE");
    let scenario = file.map(|file| counted(file)).transpose()?;
    let curve = match matches.get_one::<String>("nodes") {
        Some(nodes) => points(context, nodes)?,
        None => Vec::new(),
    };
    if context.json {
        output::json(&Printed { scenario, curve });
        return Ok(());
    }
    let counted = scenario.iter().map(|it| lines(&context.text, it));
    let growth = (!curve.is_empty()).then(|| growth(&context.text, &curve));
    let parts: Vec<String> = counted.chain(growth).map(|part| part.join("\n")).collect();
    context.say(&parts.join("\n\n"));
    Ok(())
}

fn counted(file: &Path) -> Result<Counted, Failure> {
    let scenario: Scenario = toml::from_str(&read(file)?).map_err(|error| {
        Failure::new(Exit::Failed, "error-scenario-syntax")
            .with("file", file.display())
            .with("detail", error.to_string().trim())
    })?;
    let cost = cost(&scenario).map_err(|error| wrong(file, error))?;
    let titles: Vec<&str> = scenario.changes.iter().map(|it| &*it.title).collect();
    let kumihimo = session::beside(file, &titles, read)?;
    let totals = cost.initial.iter().map(|it| (it.scheme, it.total()));
    Ok(Counted {
        title: scenario.title,
        source: scenario.source,
        totals: totals.collect(),
        cost,
        kumihimo,
    })
}

fn read(file: &Path) -> Result<String, Failure> {
    let failure = |id: &str| Failure::new(Exit::Failed, id).with("file", file.display());
    let unreadable =
        |error: std::io::Error| failure("error-scenario-unreadable").with("detail", error);
    // A device has no length, and no end.
    let mut text = String::new();
    let opened = File::open(file).map_err(unreadable)?;
    let read = opened.take(FILE_BYTES_MAX + 1).read_to_string(&mut text);
    if read.map_err(unreadable)? as u64 > FILE_BYTES_MAX {
        return Err(failure("error-scenario-large").with("max", output::bytes(FILE_BYTES_MAX)));
    }
    Ok(text)
}

/// What is wrong with a scenario.
fn wrong(file: &Path, error: ScenarioError) -> Failure {
    let failure = |id: &str| Failure::new(Exit::Failed, id).with("file", file.display());
    match error {
        ScenarioError::TooMany { what, most } => failure("error-scenario-many")
            .with("what", what)
            .with("max", most),
        ScenarioError::Twice { name } => failure("error-scenario-twice").with("name", name),
        ScenarioError::Unknown { by, name } => failure("error-scenario-unknown")
            .with("by", by)
            .with("name", name),
        ScenarioError::NotRouter { by, name } => failure("error-scenario-router")
            .with("by", by)
            .with("name", name),
        ScenarioError::NoGroup { name } => failure("error-scenario-group").with("name", name),
        ScenarioError::NotOneChange { title } => {
            failure("error-scenario-change").with("title", title)
        }
    }
}

/// Points of the curve, up to the number that was asked for.
fn points(context: &Context, nodes: &str) -> Result<Vec<Point>, Failure> {
    let last: u64 = nodes
        .parse()
        .ok()
        .filter(|nodes| (2..=NODES_MAX).contains(nodes))
        .ok_or_else(|| wrong_value("--nodes", nodes, &context.text.t("expected-nodes")))?;
    Ok(numbers_up_to(last).map(curve).collect())
}

/// 2, 5, 10, 20, 50 and so on, and the last.
fn numbers_up_to(last: u64) -> impl Iterator<Item = u64> {
    let decades = std::iter::successors(Some(1), |step: &u64| step.checked_mul(10));
    let steps = decades.flat_map(|decade| [2, 5, 10].map(|times| decade.saturating_mul(times)));
    steps.take_while(move |step| *step < last).chain([last])
}

fn lines(text: &Text, counted: &Counted) -> Vec<String> {
    let mut lines = vec![counted.title.clone()];
    lines.extend(Some(&counted.source).filter(|it| !it.is_empty()).cloned());
    for table in &counted.cost.initial {
        lines.push(format!("\n{}", scheme(table.scheme)));
        lines.extend(table_lines(text, table));
    }
    lines.extend(
        counted
            .kumihimo
            .iter()
            .flat_map(|it| session::lines(text, it)),
    );
    if counted.cost.changes.is_empty() {
        return lines;
    }
    lines.push(format!("\n{}", text.t("cost-changes")));
    let rows = counted.cost.changes.iter().map(|change| {
        let totals = change.totals.iter();
        let totals = totals.map(|(it, total)| format!("{} {total}", scheme(*it)));
        let own = counted.kumihimo.iter();
        let own = own.filter_map(|it| it.changes.get(&change.title));
        let own = own.map(|typed| format!("Kumihimo {}", typed.values));
        vec![
            format!("  {}", change.title),
            totals.chain(own).collect::<Vec<_>>().join(", "),
        ]
    });
    lines.extend(output::table(&rows.collect::<Vec<_>>()));
    lines
}

/// One scheme: a line for each element, the sums below.
fn table_lines(text: &Text, table: &Table) -> Vec<String> {
    let heads = table.columns.iter().map(|it| column(text, *it));
    let mut rows = vec![
        [String::new()]
            .into_iter()
            .chain(heads)
            .chain([text.t("cost-total")])
            .collect::<Vec<_>>(),
    ];
    for row in &table.rows {
        let name = row.element.clone();
        let name = name.unwrap_or_else(|| text.t("cost-server"));
        rows.push(numbers(name, &row.counts));
    }
    let sums = (0..table.columns.len()).map(|at| {
        let cells = table.rows.iter().filter_map(|row| row.counts.get(at));
        cells.sum()
    });
    rows.push(numbers(text.t("cost-total"), &sums.collect::<Vec<u32>>()));
    output::table_aligned(&rows, 1..table.columns.len() + 2)
}

fn numbers(name: String, counts: &[u32]) -> Vec<String> {
    let total: u32 = counts.iter().sum();
    let cells = counts.iter().chain([&total]).map(u32::to_string);
    [format!("  {name}")].into_iter().chain(cells).collect()
}

fn growth(text: &Text, curve: &[Point]) -> Vec<String> {
    let schemes = [Scheme::Gscip, Scheme::Ike, Scheme::Kink];
    let mut lines = Vec::new();
    for (title, of) in [
        ("cost-curve-keys", (|it| it.keys) as fn(&Point) -> [u64; 3]),
        ("cost-curve-peers", |it| it.peers),
    ] {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.push(text.tr(title, args!()));
        let names = schemes.map(|it| scheme(it).to_owned());
        let head = [text.t("cost-nodes")].into_iter().chain(names).collect();
        let point = |it: &Point| {
            let cells = [it.nodes].into_iter().chain(of(it));
            cells.map(|number| number.to_string()).collect()
        };
        let rows: Vec<Vec<String>> = [head].into_iter().chain(curve.iter().map(point)).collect();
        lines.extend(output::table_aligned(&rows, 0..4));
    }
    lines
}

/// What a scheme is called, in every language.
const fn scheme(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Gscip => "GSCIP",
        Scheme::Ike => "IPsec/IKE",
        Scheme::Kink => "IPsec/KINK",
    }
}

fn column(text: &Text, column: Column) -> String {
    text.t(match column {
        Column::Keys => "cost-keys",
        Column::Policy => "cost-policy",
        Column::Element => "cost-element",
        Column::Membership => "cost-membership",
        Column::Exchange => "cost-exchange",
    })
}

#[cfg(test)]
#[path = "cost_tests.rs"]
mod tests;
