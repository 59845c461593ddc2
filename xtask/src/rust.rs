//! The project's Rust files, parsed once and shared by the checks.
//!
//! Code inside macro calls is seen only as tokens. Items under `#[cfg(test)]` can be told apart with [`is_test_only`].

use proc_macro2::{TokenStream, TokenTree};
use syn::Attribute;

use crate::report::Report;
use crate::tree::Tree;

/// One parsed file.
pub(crate) struct RustFile<'a> {
    /// Path relative to the project's root.
    pub(crate) path: &'a str,
    /// The syntax tree.
    pub(crate) ast: syn::File,
}

/// Parses every `.rs` file of the tree; a file that does not parse is a failure.
pub(crate) fn parse_all<'a>(tree: &'a Tree, report: &mut Report) -> Vec<RustFile<'a>> {
    let mut files = Vec::new();
    for (path, text) in tree.texts(".rs") {
        match syn::parse_file(text) {
            Ok(ast) => files.push(RustFile { path, ast }),
            Err(error) => report.fail(
                format!("{path}:{}", error.span().start().line),
                format!("does not parse: {error}"),
            ),
        }
    }
    files
}

/// Whether the attributes keep the item out of every build but the test build.
pub(crate) fn is_test_only(attrs: &[Attribute]) -> bool {
    attrs.iter().any(|attr| {
        let syn::Meta::List(list) = &attr.meta else {
            return false;
        };
        attr.path().is_ident("cfg") && list.tokens.to_string() == "test"
    })
}

/// Whether the attributes carry a doc comment.
pub(crate) fn has_doc(attrs: &[Attribute]) -> bool {
    attrs.iter().any(|attr| attr.path().is_ident("doc"))
}

/// Calls `visit` on every token, groups opened.
pub(crate) fn each_token(tokens: TokenStream, visit: &mut impl FnMut(&TokenTree)) {
    for token in tokens {
        visit(&token);
        if let TokenTree::Group(group) = token {
            each_token(group.stream(), visit);
        }
    }
}

/// The tokens of a whole file; a file that does not lex has none (the parser reports it).
pub(crate) fn tokens_of(text: &str) -> TokenStream {
    text.parse().unwrap_or_default()
}

/// Parses literals as Rust files, for tests.
#[cfg(test)]
pub(crate) fn parsed(tree: &Tree) -> Vec<RustFile<'_>> {
    let mut report = Report::default();
    let files = parse_all(tree, &mut report);
    assert!(report.failures().is_empty(), "{:?}", report.failures());
    files
}
