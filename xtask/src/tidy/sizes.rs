//! Lines per file and per function.
//!
//! A function is counted from its `fn` to its closing brace. Functions made by macros are not seen.

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::report::Report;
use crate::rust::RustFile;
use crate::tree::Tree;

/// More lines than this in a file is a warning.
const FILE_LINES_AIM: usize = 500;
/// More lines than this in a file is a failure.
const FILE_LINES_MAX: usize = 800;
/// More lines than this in a function is a warning.
const FUNCTION_LINES_AIM: usize = 60;
/// More lines than this in a function is a failure.
const FUNCTION_LINES_MAX: usize = 100;
/// Files that hold code.
const CODE_SUFFIXES: &[&str] = &[".rs", ".sh", ".py"];

/// Counts.
pub(crate) fn check(tree: &Tree, files: &[RustFile<'_>]) -> Report {
    let mut report = Report::default();
    for (path, text) in CODE_SUFFIXES.iter().flat_map(|suffix| tree.texts(suffix)) {
        let lines = text.lines().count();
        if lines > FILE_LINES_MAX {
            report.fail(
                path,
                format!(
                    "{lines} lines, more than {FILE_LINES_MAX}; give each concern its own file"
                ),
            );
        } else if lines > FILE_LINES_AIM {
            report.warn(path, format!("{lines} lines, aim for {FILE_LINES_AIM}"));
        }
    }
    for file in files {
        let mut functions = Functions {
            path: file.path,
            report: &mut report,
        };
        functions.visit_file(&file.ast);
    }
    report
}

struct Functions<'a> {
    path: &'a str,
    report: &'a mut Report,
}

impl Functions<'_> {
    fn count(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let first = signature.fn_token.span().start().line;
        let last = block.brace_token.span.close().end().line;
        let lines = last.saturating_sub(first) + 1;
        let place = format!("{}:{first}", self.path);
        let name = &signature.ident;
        if lines > FUNCTION_LINES_MAX {
            self.report.fail(
                place,
                format!(
                    "fn {name} has {lines} lines, more than {FUNCTION_LINES_MAX}; name its steps"
                ),
            );
        } else if lines > FUNCTION_LINES_AIM {
            self.report.warn(
                place,
                format!("fn {name} has {lines} lines, aim for {FUNCTION_LINES_AIM}"),
            );
        }
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_fn(&mut self, node: &'ast syn::ItemFn) {
        self.count(&node.sig, &node.block);
        visit::visit_item_fn(self, node);
    }

    fn visit_impl_item_fn(&mut self, node: &'ast syn::ImplItemFn) {
        self.count(&node.sig, &node.block);
        visit::visit_impl_item_fn(self, node);
    }

    fn visit_trait_item_fn(&mut self, node: &'ast syn::TraitItemFn) {
        if let Some(block) = &node.default {
            self.count(&node.sig, block);
        }
        visit::visit_trait_item_fn(self, node);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rust::parsed;

    fn function(lines: usize) -> String {
        format!(
            "impl T {{\n    fn f() {{\n{}    }}\n}}\n",
            "        g();\n".repeat(lines - 2)
        )
    }

    fn report_on(text: &str) -> Report {
        let tree = Tree::of(&[("a.rs", text)]);
        let files = parsed(&tree);
        check(&tree, &files)
    }

    #[test]
    fn a_function_warns_above_60_and_fails_above_100() {
        assert!(report_on(&function(60)).warnings().is_empty());
        assert_eq!(report_on(&function(61)).warnings().len(), 1);
        assert!(report_on(&function(100)).failures().is_empty());
        let failures = report_on(&function(101)).failures();
        assert_eq!(failures.len(), 1);
        assert!(
            failures
                .iter()
                .all(|f| f.starts_with("a.rs:2: fn f has 101 lines")),
            "{failures:?}"
        );
    }

    #[test]
    fn a_file_warns_above_500_and_fails_above_800() {
        assert!(report_on(&"//\n".repeat(500)).warnings().is_empty());
        assert_eq!(report_on(&"//\n".repeat(501)).warnings().len(), 1);
        assert!(report_on(&"//\n".repeat(800)).failures().is_empty());
        assert_eq!(report_on(&"//\n".repeat(801)).failures().len(), 1);
    }
}
