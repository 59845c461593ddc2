//! `cargo xtask i18n`: the message catalogues and the program agree.
//!
//! Reads `apps/kumi/i18n/{en,ja}/*.ftl` with a simple parser (ids, attributes, `{ $variables }`, references; enough
//! for what we write, not all of Fluent) and the string literals of `apps/kumi/src`. Checked: both languages have the
//! same ids with the same variables; every id the program asks for exists; no id is unused. Tests are left out.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::report::Report;
use crate::rust::{each_token, tokens_of};
use crate::tree::Tree;

/// Where the catalogues are.
const CATALOGUES: &str = "apps/kumi/i18n";
/// The language the others are compared with.
const REFERENCE: &str = "en";
/// The languages that must say the same.
const OTHERS: &[&str] = &["ja"];
/// Where ids are used.
const SOURCE: &str = "apps/kumi/src/";
/// Functions, methods and macros whose first literal argument is an id.
const LOOKUPS: &[&str] = &["t", "text", "tr", "message"];

/// One message.
#[derive(Debug, Default, PartialEq, Eq)]
struct Message {
    place: String,
    variables: BTreeSet<String>,
    references: BTreeSet<String>,
}

type Catalogue = BTreeMap<String, Message>;

/// Runs the check.
pub(crate) fn check(tree: &Tree) -> Report {
    let mut report = Report::default();
    let reference = catalogue(tree, REFERENCE, &mut report);
    if reference.is_empty() {
        report.fail(CATALOGUES, "has no messages");
    }
    for language in OTHERS {
        let other = catalogue(tree, language, &mut report);
        compare(language, &reference, &other, &mut report);
    }
    check_use(tree, &reference, &mut report);
    report
}

fn compare(language: &str, reference: &Catalogue, other: &Catalogue, report: &mut Report) {
    for (id, message) in reference {
        match other.get(id) {
            None => report.fail(&message.place, format!("`{id}` is missing in {language}")),
            Some(theirs) if theirs.variables != message.variables => report.fail(
                &theirs.place,
                format!(
                    "`{id}` uses the variables {:?}, in {REFERENCE} {:?}",
                    theirs.variables, message.variables
                ),
            ),
            Some(_) => {}
        }
    }
    for (id, message) in other.iter().filter(|(id, _)| !reference.contains_key(*id)) {
        report.fail(
            &message.place,
            format!("`{id}` does not exist in {REFERENCE}"),
        );
    }
}

fn check_use(tree: &Tree, catalogue: &Catalogue, report: &mut Report) {
    let mut used: BTreeSet<String> = catalogue
        .values()
        .flat_map(|m| m.references.clone())
        .collect();
    let mut prefixes = BTreeSet::new();
    let files = tree.texts(".rs");
    for (path, text) in files.filter(|(path, _)| path.starts_with(SOURCE) && !is_test_file(path)) {
        let tokens = without_tests(tokens_of(text));
        for (line, id) in lookups(&tokens) {
            if !catalogue.contains_key(&id) {
                report.fail(
                    format!("{path}:{line}"),
                    format!("asks for `{id}`, which is in no catalogue"),
                );
            }
        }
        for literal in literals(&tokens) {
            // `format!("error-{kind}")` may ask for every id that begins with `error-`.
            if let Some((prefix, _)) = literal.split_once('{')
                && prefix.ends_with('-')
            {
                prefixes.insert(prefix.to_owned());
            }
            used.insert(literal);
        }
    }
    for (id, message) in catalogue {
        let base = id.split('.').next().unwrap_or_default();
        let by_prefix = prefixes
            .iter()
            .any(|prefix| id.starts_with(prefix.as_str()));
        if !(used.contains(id) || used.contains(base) || by_prefix) {
            report.fail(
                &message.place,
                format!("`{id}` is used nowhere in {SOURCE}"),
            );
        }
    }
}

/// Whether the file holds only tests, by its name.
fn is_test_file(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.ends_with("_tests.rs") || path.contains("/tests/")
}

/// The tokens but for top-level items under `#[cfg(test)]`: a test may ask for an id that does not exist.
fn without_tests(tokens: TokenStream) -> TokenStream {
    let mut skipping = false;
    tokens
        .into_iter()
        .filter(|token| {
            if let TokenTree::Group(group) = token
                && group.stream().to_string().replace(' ', "") == "cfg(test)"
            {
                skipping = true;
            }
            let skipped = skipping;
            let ends = match token {
                TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
                TokenTree::Punct(punct) => punct.as_char() == ';',
                _ => false,
            };
            skipping &= !ends;
            !skipped
        })
        .collect()
}

/// Every string literal.
fn literals(tokens: &TokenStream) -> Vec<String> {
    let mut found = Vec::new();
    each_token(tokens.clone(), &mut |token| {
        found.extend(string(token).map(|(_, value)| value))
    });
    found
}

/// The line and value of a string literal.
fn string(token: &TokenTree) -> Option<(usize, String)> {
    let TokenTree::Literal(literal) = token else {
        return None;
    };
    let line = literal.span().start().line;
    match syn::Lit::new(literal.clone()) {
        syn::Lit::Str(value) => Some((line, value.value())),
        _ => None,
    }
}

/// The first literal of each call in [`LOOKUPS`]: `t!("id", …)`, `text.t("id")`, `text("id")`.
fn lookups(tokens: &TokenStream) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
    let mut called = false;
    for token in &tokens {
        match token {
            TokenTree::Ident(ident) => called = LOOKUPS.iter().any(|name| ident == name),
            TokenTree::Punct(punct) if punct.as_char() == '!' => {}
            TokenTree::Group(group) => {
                if called {
                    found.extend(group.stream().into_iter().next().as_ref().and_then(string));
                }
                called = false;
                found.extend(lookups(&group.stream()));
            }
            _ => called = false,
        }
    }
    found
}

/// All messages of one language; an id that stands twice is a failure.
fn catalogue(tree: &Tree, language: &str, report: &mut Report) -> Catalogue {
    let mut messages = Catalogue::new();
    let folder = format!("{CATALOGUES}/{language}");
    for path in tree.folder(&folder).filter(|path| path.ends_with(".ftl")) {
        for (id, message) in parse(path, tree.text(path).unwrap_or_default()) {
            if messages.contains_key(&id) {
                report.fail(&message.place, format!("`{id}` stands twice in {language}"));
            }
            messages.insert(id, message);
        }
    }
    messages
}

/// Messages, terms (`-name`) and attributes (`id.attribute`) of one file.
fn parse(path: &str, text: &str) -> Vec<(String, Message)> {
    let mut messages: Vec<(String, Message)> = Vec::new();
    let mut owner = String::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.starts_with('#') {
            continue;
        }
        let place = format!("{path}:{number}");
        let head = line
            .split_once('=')
            .map(|(id, _)| id.trim_end())
            .filter(|id| is_id(id.trim()));
        match head {
            Some(id) if !line.starts_with(' ') => {
                owner = id.to_owned();
                messages.push((
                    id.to_owned(),
                    Message {
                        place,
                        ..Message::default()
                    },
                ));
            }
            Some(id) if id.trim().starts_with('.') => {
                let id = format!("{owner}{}", id.trim());
                messages.push((
                    id,
                    Message {
                        place,
                        ..Message::default()
                    },
                ));
            }
            _ => {}
        }
        if let Some((_, message)) = messages.last_mut() {
            read_placeables(line, message);
        }
    }
    messages
}

fn is_id(text: &str) -> bool {
    let name = text.trim_start_matches(['-', '.']);
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

fn read_placeables(line: &str, message: &mut Message) {
    for part in line.split('{').skip(1) {
        let inner = part.split('}').next().unwrap_or_default().trim();
        if is_id(inner) {
            message.references.insert(inner.to_owned());
        }
        for variable in inner.split('$').skip(1) {
            let end = variable.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'));
            let name = variable
                .get(..end.unwrap_or(variable.len()))
                .unwrap_or_default();
            message.variables.insert(name.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failures_in(en: &str, ja: &str, code: &str) -> Vec<String> {
        check(&Tree::of(&[
            ("apps/kumi/i18n/en/a.ftl", en),
            ("apps/kumi/i18n/ja/a.ftl", ja),
            ("apps/kumi/src/main.rs", code),
        ]))
        .failures()
    }

    const EN: &str = "# Greeting\nhello = Hello { $name }\nmany = { $n ->\n   *[other] many\n }\n";
    const JA: &str = "hello = { $name }さん\nmany = { $n }個\n";
    const CODE: &str = "fn f() { t!(\"hello\", name = 1); out.text(\"many\"); }";

    #[test]
    fn agreement_passes() {
        assert!(
            failures_in(EN, JA, CODE).is_empty(),
            "{:?}",
            failures_in(EN, JA, CODE)
        );
    }

    #[test]
    fn a_missing_or_extra_message_fails() {
        assert_eq!(failures_in(EN, "hello = { $name }\n", CODE).len(), 1);
        assert_eq!(failures_in(EN, &format!("{JA}extra = x\n"), CODE).len(), 1);
        assert_eq!(
            failures_in(EN, &format!("{JA}many = {{ $n }}\n"), CODE).len(),
            1
        );
        assert!(!failures_in("", "", "").is_empty());
    }

    #[test]
    fn other_variables_fail() {
        assert_eq!(
            failures_in(EN, "hello = { $who }\nmany = { $n }\n", CODE).len(),
            1
        );
    }

    #[test]
    fn an_unknown_or_unused_id_fails() {
        for lookup in [
            "t!(\"oops\")",
            "text.t(\"oops\")",
            "x(text(\"oops\"))",
            "self.text(\"oops\", &[])",
        ] {
            let code = format!("{CODE} fn g() {{ {lookup}; }}");
            assert_eq!(failures_in(EN, JA, &code).len(), 1, "{lookup}");
        }
        assert_eq!(failures_in(EN, JA, "fn f() { t!(\"hello\") }").len(), 1);
    }

    #[test]
    fn tests_neither_use_nor_miss_a_message() {
        let inline = "#[cfg(test)] mod tests { fn g() { t!(\"oops\"); } }";
        assert!(failures_in(EN, JA, &format!("{CODE} {inline}")).is_empty());
        assert_eq!(
            failures_in(EN, JA, &format!("{inline} fn g() {{ t!(\"oops\") }}")).len(),
            3
        );
        let only_tested = CODE.replace("fn f", "#[cfg(test)] fn f");
        assert_eq!(failures_in(EN, JA, &only_tested).len(), 2);
        assert!(
            is_test_file("apps/kumi/src/text_tests.rs") && !is_test_file("apps/kumi/src/text.rs")
        );
    }

    #[test]
    fn ids_may_be_made_from_a_prefix_or_referred_to() {
        let more = "error-io = { product } x\nproduct = K\n";
        let code = format!("{CODE} fn g(k: u8) {{ format!(\"error-{{k}}\"); }}");
        assert!(failures_in(&format!("{EN}{more}"), &format!("{JA}{more}"), &code).is_empty());
    }
}
