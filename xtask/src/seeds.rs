//! `cargo xtask seeds`: the tables in docs/seeds.md tell the truth.
//!
//! Each row of a table whose first header cell is `id` has the columns of [`COLUMNS`]. Checked:
//! - the status is one of [`STATUSES`]; ids are unique;
//! - `done` names at least one test, and every named test exists in the tree;
//! - `planned` names an issue (`#3`) or says `later`; `absent` gives its reason in the note;
//! - docs/seeds.ja.md has the same ids in the same order with the same status, issue and tests.
//!
//! A test is written in backquotes as `crate::module::function`, or as `path/to/file:function` where a file has no
//! module path (a script, or a Rust file).

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::TokenTree;
use syn::visit::{self, Visit};

use crate::report::Report;
use crate::rust::{RustFile, each_token, parse_all};
use crate::tree::Tree;

/// The table in English.
const ENGLISH: &str = "docs/seeds.md";
/// The table in Japanese.
const JAPANESE: &str = "docs/seeds.ja.md";
/// What the columns hold, in order; the headers themselves are in the page's language.
const COLUMNS: [&str; 7] = ["id", "feature", "name", "command", "status", "test", "note"];
/// Words a status may be: works and is tested; being built now; not begun; will not be built.
const STATUSES: [&str; 4] = ["done", "building", "planned", "absent"];

/// One row of a table.
#[derive(Debug, PartialEq, Eq)]
struct Row<'a> {
    line: usize,
    cells: Vec<&'a str>,
}

impl<'a> Row<'a> {
    fn cell(&self, column: &str) -> &'a str {
        let index = COLUMNS.iter().position(|c| *c == column);
        index
            .and_then(|i| self.cells.get(i))
            .copied()
            .unwrap_or_default()
    }

    /// What must be equal in both languages.
    fn key(&self) -> [&'a str; 3] {
        [self.cell("id"), self.cell("status"), self.cell("test")]
    }
}

/// Runs the check.
pub(crate) fn check(tree: &Tree) -> Report {
    let mut report = Report::default();
    let files = parse_all(tree, &mut report);
    let tests = Tests::of(&files);
    let english = rows(tree, ENGLISH, &mut report);
    let japanese = rows(tree, JAPANESE, &mut report);
    let mut ids = BTreeSet::new();
    for row in &english {
        let place = format!("{ENGLISH}:{}", row.line);
        if !ids.insert(row.cell("id")) {
            report.fail(&place, format!("the id {} stands twice", row.cell("id")));
        }
        check_row(tree, &tests, row, &place, &mut report);
    }
    compare(&english, &japanese, &mut report);
    for status in STATUSES {
        let count = english
            .iter()
            .filter(|row| row.cell("status") == status)
            .count();
        println!("seeds: {count} {status}");
    }
    report
}

fn check_row(tree: &Tree, tests: &Tests, row: &Row<'_>, place: &str, report: &mut Report) {
    let named: Vec<&str> = row.cell("test").split('`').skip(1).step_by(2).collect();
    let note = row.cell("note");
    match row.cell("status") {
        "done" if named.is_empty() => report.fail(place, "is done, but names no test"),
        "planned" if !(note.contains('#') || note.contains("later")) => {
            report.fail(
                place,
                "is planned, but its note names no issue (`#3`) nor says `later`",
            );
        }
        "absent" if note.is_empty() => {
            report.fail(place, "is absent, but its note does not say why")
        }
        status if STATUSES.contains(&status) => {}
        other => report.fail(
            place,
            format!("`{other}` is no status; use one of {}", STATUSES.join(", ")),
        ),
    }
    for name in named.iter().filter(|name| !tests.contains(tree, name)) {
        report.fail(
            place,
            format!("names the test `{name}`, which does not exist"),
        );
    }
}

fn compare(english: &[Row<'_>], japanese: &[Row<'_>], report: &mut Report) {
    if english.is_empty() {
        report.fail(ENGLISH, "has no table");
    }
    let keys = |rows: &[Row<'_>]| {
        rows.iter()
            .map(|r| r.cell("id").to_owned())
            .collect::<Vec<_>>()
    };
    if keys(english) != keys(japanese) {
        let (ours, theirs): (BTreeSet<_>, BTreeSet<_>) = (
            keys(english).into_iter().collect(),
            keys(japanese).into_iter().collect(),
        );
        report.fail(
            JAPANESE,
            format!(
                "its ids differ from {ENGLISH} (missing: {:?}; too many: {:?}; or another order)",
                ours.difference(&theirs).collect::<Vec<_>>(),
                theirs.difference(&ours).collect::<Vec<_>>()
            ),
        );
        return;
    }
    for (ours, theirs) in english.iter().zip(japanese) {
        if ours.key() != theirs.key() {
            report.fail(
                format!("{JAPANESE}:{}", theirs.line),
                format!("says {:?}, {ENGLISH} says {:?}", theirs.key(), ours.key()),
            );
        }
    }
}

/// The rows of every table whose first header cell is `id`.
fn rows<'a>(tree: &'a Tree, path: &str, report: &mut Report) -> Vec<Row<'a>> {
    let Some(text) = tree.text(path) else {
        report.fail(path, "does not exist");
        return Vec::new();
    };
    let mut rows = Vec::new();
    let mut in_table = false;
    for (line, text) in (1..).zip(text.lines()) {
        let Some(cells) = cells(text) else {
            in_table = false;
            continue;
        };
        let first = cells.first().copied().unwrap_or_default();
        if first == "id" {
            in_table = true;
        } else if in_table && !first.starts_with("--") {
            if cells.len() != COLUMNS.len() {
                report.fail(
                    format!("{path}:{line}"),
                    format!(
                        "has {} columns instead of {} ({})",
                        cells.len(),
                        COLUMNS.len(),
                        COLUMNS.join(", ")
                    ),
                );
            }
            rows.push(Row { line, cells });
        }
    }
    rows
}

fn cells(line: &str) -> Option<Vec<&str>> {
    let inner = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    Some(inner.split('|').map(str::trim).collect())
}

/// Every test function in the tree.
struct Tests {
    /// `crate::module::function`.
    paths: BTreeSet<String>,
    /// File → names of its functions.
    functions: BTreeMap<String, BTreeSet<String>>,
}

impl Tests {
    fn of(files: &[RustFile<'_>]) -> Self {
        let mut tests = Tests {
            paths: BTreeSet::new(),
            functions: BTreeMap::new(),
        };
        for file in files {
            let mut found = Functions {
                modules: modules_of(file.path),
                tests: BTreeSet::new(),
                names: BTreeSet::new(),
            };
            found.visit_file(&file.ast);
            tests.paths.extend(found.tests);
            tests.functions.insert(file.path.to_owned(), found.names);
        }
        tests
    }

    fn contains(&self, tree: &Tree, name: &str) -> bool {
        let file_and_function = name
            .rsplit_once(':')
            .filter(|(file, _)| !file.ends_with(':'));
        match file_and_function {
            Some((file, function)) if file.ends_with(".rs") => self
                .functions
                .get(file)
                .is_some_and(|names| names.contains(function)),
            Some((file, function)) => tree.text(file).is_some_and(|text| text.contains(function)),
            None => self.paths.contains(name),
        }
    }
}

/// `crates/wire/src/frame/mod.rs` → `["wire", "frame"]`; `tests/lab/tests/ssh.rs` → `["ssh"]`, as cargo names it.
fn modules_of(path: &str) -> Vec<String> {
    let parts: Vec<&str> = path.trim_end_matches(".rs").split('/').collect();
    let Some(at) = parts
        .iter()
        .rposition(|part| *part == "src" || *part == "tests")
    else {
        return Vec::new();
    };
    let is_source = parts.get(at) == Some(&"src");
    let from = if is_source {
        at.saturating_sub(1)
    } else {
        at + 1
    };
    parts
        .iter()
        .skip(from)
        .filter(|part| !["src", "lib", "main", "mod"].contains(part))
        .map(|part| part.replace('-', "_"))
        .collect()
}

struct Functions {
    modules: Vec<String>,
    tests: BTreeSet<String>,
    names: BTreeSet<String>,
}

impl Functions {
    fn add(&mut self, name: &str, is_test: bool) {
        self.names.insert(name.to_owned());
        if is_test {
            let mut path = self.modules.clone();
            path.push(name.to_owned());
            self.tests.insert(path.join("::"));
        }
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_fn(&mut self, node: &'ast syn::ItemFn) {
        let is_test = node.attrs.iter().any(|attr| {
            attr.path()
                .segments
                .last()
                .is_some_and(|s| s.ident == "test")
        });
        self.add(&node.sig.ident.to_string(), is_test);
        visit::visit_item_fn(self, node);
    }

    fn visit_item_mod(&mut self, node: &'ast syn::ItemMod) {
        self.modules.push(node.ident.to_string());
        visit::visit_item_mod(self, node);
        self.modules.pop();
    }

    /// Tests inside a macro call (property tests) are `fn` followed by a name.
    fn visit_item_macro(&mut self, node: &'ast syn::ItemMacro) {
        let mut after_fn = false;
        let mut names = Vec::new();
        each_token(node.mac.tokens.clone(), &mut |token| {
            let TokenTree::Ident(ident) = token else {
                return;
            };
            if after_fn {
                names.push(ident.to_string());
            }
            after_fn = ident == "fn";
        });
        for name in names {
            self.add(&name, true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "| id | f | n | c | s | t | note |\n|---|---|---|---|---|---|---|\n";
    const CODE: &str = "#[test] fn root() {} fn helper() {} \
        mod tests { #[test] fn works() {} proptest! { #[test] fn always(x in 0..9) { } } }";

    fn failures_in(english: &str, japanese: &str) -> Vec<String> {
        let english = format!("{HEAD}{english}");
        let japanese = format!("{HEAD}{japanese}");
        let tree = Tree::of(&[
            (ENGLISH, &english),
            (JAPANESE, &japanese),
            ("crates/wire/src/frame.rs", CODE),
            ("tests/lab/tests/ssh.rs", CODE),
            ("packaging/try.sh", "login() { true; }"),
        ]);
        check(&tree).failures()
    }

    fn failures_of_row(status: &str, test: &str, note: &str) -> Vec<String> {
        let row = format!("| K1 | x | y | z | {status} | {test} | {note} |\n");
        failures_in(&row, &row)
    }

    #[test]
    fn a_named_test_must_exist() {
        for test in [
            "`wire::frame::root`",
            "`wire::frame::tests::works`",
            "`wire::frame::tests::always`",
            "`ssh::root`",
            "`tests/lab/tests/ssh.rs:helper`",
            "`packaging/try.sh:login`, `wire::frame::root`",
        ] {
            assert!(failures_of_row("done", test, "").is_empty(), "{test}");
        }
        for test in [
            "`wire::frame::missing`",
            "`wire::frame::helper`",
            "`tests/lab/tests/ssh.rs:missing`",
            "`packaging/missing.sh:login`",
            "`wire::frame::root`, `wire::frame::missing`",
        ] {
            assert_eq!(failures_of_row("done", test, "").len(), 1, "{test}");
        }
    }

    #[test]
    fn each_status_has_its_duty() {
        assert_eq!(failures_of_row("done", "", "").len(), 1);
        assert!(failures_of_row("building", "", "").is_empty());
        assert_eq!(failures_of_row("planned", "", "soon").len(), 1);
        assert!(failures_of_row("planned", "", "#3").is_empty());
        assert_eq!(failures_of_row("absent", "", "").len(), 1);
        assert!(failures_of_row("absent", "", "a vendor's service").is_empty());
        assert_eq!(failures_of_row("finished", "", "").len(), 1);
        assert_eq!(failures_in("| K1 | short |\n", "| K1 | short |\n").len(), 3);
    }

    #[test]
    fn both_languages_say_the_same() {
        let a = "| K1 | x | y | z | building | | |\n";
        let b = "| K2 | x | y | z | building | | |\n";
        let changed = "| K1 | x | y | z | planned | | #3 |\n";
        assert!(failures_in(&format!("{a}{b}"), &format!("{a}{b}")).is_empty());
        assert_eq!(failures_in(&format!("{a}{b}"), a).len(), 1);
        assert_eq!(failures_in(&format!("{a}{b}"), &format!("{b}{a}")).len(), 1);
        assert_eq!(failures_in(a, changed).len(), 1);
        assert!(!failures_in(&format!("{a}{a}"), &format!("{a}{a}")).is_empty());
    }
}
