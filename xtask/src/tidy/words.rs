//! Names and words we do not use.
//!
//! - Functions of ours do not begin with `get_` (a getter is named after what it returns); implementing somebody
//!   else's trait is excepted.
//! - No item or module is called manager or utils: such names say nothing about what the thing owns.
//! - No marks for unfinished work, no `dbg!`, and no address of a package registry, in any text file.

use syn::visit::{self, Visit};

use crate::report::Report;
use crate::rust::RustFile;
use crate::tree::Tree;

/// Words no name of ours contains.
const EMPTY_NAMES: &[&str] = &["manager", "utils"];
/// Marks for unfinished work. In pieces, so that this file passes its own check.
const MARKS: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("X", "XX"),
];
/// Registries, by the host that serves them. In pieces for the same reason.
const HOSTS: &[&str] = &[
    concat!("crates", ".io"),
    concat!("docs", ".rs"),
    concat!("pypi", ".org"),
    concat!("npmjs", ".org"),
    concat!("npmjs", ".com"),
    concat!("deb.debian", ".org"),
    concat!("proxy.golang", ".org"),
];
/// A macro that is for a minute at the keyboard.
const DEBUG_MACRO: &str = concat!("dbg", "!(");
/// Name of the files that cargo writes, not we.
const GENERATED: &str = "Cargo.lock";

/// Looks at names in the syntax trees and at words in the texts.
pub(crate) fn check(tree: &Tree, files: &[RustFile<'_>]) -> Report {
    let mut report = Report::default();
    for file in files {
        let mut names = Names {
            path: file.path,
            report: &mut report,
        };
        names.visit_file(&file.ast);
    }
    for (path, text) in tree
        .texts("")
        .filter(|(path, _)| !path.ends_with(GENERATED))
    {
        for (number, line) in (1..).zip(text.lines()) {
            check_line(path, number, line, &mut report);
        }
    }
    report
}

fn check_line(path: &str, number: usize, line: &str, report: &mut Report) {
    let place = || format!("{path}:{number}");
    for mark in MARKS.iter().filter(|mark| has_word(line, mark)) {
        report.fail(
            place(),
            format!("`{mark}`: finish it, or file an issue and leave it out"),
        );
    }
    for host in HOSTS.iter().filter(|host| line.contains(**host)) {
        report.fail(place(), format!("names a registry's host ({host})"));
    }
    if path.ends_with(".rs") && line.contains(DEBUG_MACRO) {
        report.fail(place(), "a debugging macro was left in");
    }
}

/// Whether `word` stands in `line` on its own.
fn has_word(line: &str, word: &str) -> bool {
    let joins = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).and_then(|s| s.chars().next_back());
        let after = line.get(at + word.len()..).and_then(|s| s.chars().next());
        !before.is_some_and(joins) && !after.is_some_and(joins)
    })
}

struct Names<'a> {
    path: &'a str,
    report: &'a mut Report,
}

impl Names<'_> {
    fn name(&mut self, ident: &syn::Ident) {
        let name = ident.to_string();
        let words = words_of(&name);
        for empty in EMPTY_NAMES
            .iter()
            .filter(|empty| words.iter().any(|w| w == *empty))
        {
            self.fail(
                ident,
                format!("`{name}`: {empty} says nothing; name what it owns or does"),
            );
        }
    }

    fn function(&mut self, ident: &syn::Ident) {
        if let Some(rest) = ident.to_string().strip_prefix("get_") {
            self.fail(ident, format!("`get_{rest}`: call it `{rest}`"));
        }
        self.name(ident);
    }

    fn fail(&mut self, ident: &syn::Ident, text: String) {
        let place = format!("{}:{}", self.path, ident.span().start().line);
        self.report.fail(place, text);
    }
}

/// `PeerManager` and `peer_manager` → `["peer", "manager"]`.
fn words_of(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for c in name.chars() {
        if c == '_' || c.is_uppercase() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c != '_') {
            word.extend(c.to_lowercase());
        }
    }
    words
}

impl<'ast> Visit<'ast> for Names<'_> {
    fn visit_item_fn(&mut self, node: &'ast syn::ItemFn) {
        self.function(&node.sig.ident);
        visit::visit_item_fn(self, node);
    }

    fn visit_item_impl(&mut self, node: &'ast syn::ItemImpl) {
        if node.trait_.is_none() {
            for item in &node.items {
                if let syn::ImplItem::Fn(function) = item {
                    self.function(&function.sig.ident);
                }
            }
        }
        visit::visit_item_impl(self, node);
    }

    fn visit_trait_item_fn(&mut self, node: &'ast syn::TraitItemFn) {
        self.function(&node.sig.ident);
        visit::visit_trait_item_fn(self, node);
    }

    fn visit_item_mod(&mut self, node: &'ast syn::ItemMod) {
        self.name(&node.ident);
        visit::visit_item_mod(self, node);
    }

    fn visit_item_struct(&mut self, node: &'ast syn::ItemStruct) {
        self.name(&node.ident);
        visit::visit_item_struct(self, node);
    }

    fn visit_item_enum(&mut self, node: &'ast syn::ItemEnum) {
        self.name(&node.ident);
        visit::visit_item_enum(self, node);
    }

    fn visit_item_trait(&mut self, node: &'ast syn::ItemTrait) {
        self.name(&node.ident);
        visit::visit_item_trait(self, node);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rust::parsed;

    fn failures_in(path: &str, text: &str) -> Vec<String> {
        let tree = Tree::of(&[(path, text)]);
        let files = if path.ends_with(".rs") {
            parsed(&tree)
        } else {
            Vec::new()
        };
        check(&tree, &files).failures()
    }

    #[test]
    fn getters_are_named_after_what_they_return() {
        assert_eq!(failures_in("a.rs", "fn get_peer() {}").len(), 1);
        assert_eq!(
            failures_in("a.rs", "impl T { fn get_peer(&self) {} }").len(),
            1
        );
        assert_eq!(
            failures_in("a.rs", "trait T { fn get_peer(&self); }").len(),
            1
        );
        assert!(failures_in("a.rs", "impl Foreign for T { fn get_peer(&self) {} }").is_empty());
        assert!(failures_in("a.rs", "fn peer() {} fn target_get() {} fn getter() {}").is_empty());
    }

    #[test]
    fn empty_names_fail() {
        for text in [
            "mod utils {}",
            "struct PeerManager;",
            "enum Manager {}",
            "fn run_manager() {}",
        ] {
            assert_eq!(failures_in("a.rs", text).len(), 1, "{text}");
        }
        assert!(failures_in("a.rs", "mod management {} struct Reutilsation;").is_empty());
    }

    #[test]
    fn marks_hosts_and_debugging_fail_anywhere() {
        for mark in MARKS {
            assert_eq!(
                failures_in("a.md", &format!("one\n{mark}: later")).len(),
                1,
                "{mark}"
            );
        }
        for host in HOSTS {
            assert_eq!(
                failures_in(".ci/run", &format!("curl https://{host}/x")).len(),
                1,
                "{host}"
            );
        }
        assert_eq!(
            failures_in("a.rs", &format!("fn f() {{ {DEBUG_MACRO}1); }}")).len(),
            1
        );
        assert!(failures_in("a.md", "XXpsk3, TODOs").is_empty());
        assert!(failures_in("tests/a/Cargo.lock", HOSTS.concat().as_str()).is_empty());
    }
}
