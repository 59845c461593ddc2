//! A doc comment at the top of every module file and on every public item.
//!
//! rustc's `missing_docs` covers what a library exports; this also covers `pub` items of programs and tests.
//! Not asked for: items under `#[cfg(test)]`, and implementations of traits (the trait says it).

use syn::Visibility;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::report::Report;
use crate::rust::{RustFile, has_doc, is_test_only};

/// Looks for what is missing.
pub(crate) fn check(files: &[RustFile<'_>]) -> Report {
    let mut report = Report::default();
    for file in files {
        if !has_doc(&file.ast.attrs) {
            report.fail(
                file.path,
                "begins without a module comment (`//!`): what it does, what it does not, its limits",
            );
        }
        let mut items = Items {
            path: file.path,
            report: &mut report,
        };
        items.visit_file(&file.ast);
    }
    report
}

struct Items<'a> {
    path: &'a str,
    report: &'a mut Report,
}

impl Items<'_> {
    fn want(&mut self, vis: &Visibility, attrs: &[syn::Attribute], name: &syn::Ident) {
        if matches!(vis, Visibility::Public(_)) {
            self.want_always(attrs, name);
        }
    }

    fn want_always(&mut self, attrs: &[syn::Attribute], name: &syn::Ident) {
        if !has_doc(attrs) {
            self.report.fail(
                format!("{}:{}", self.path, name.span().start().line),
                format!("public `{name}` has no doc comment"),
            );
        }
    }
}

impl<'ast> Visit<'ast> for Items<'_> {
    fn visit_item(&mut self, node: &'ast syn::Item) {
        match node {
            syn::Item::Fn(x) => self.want(&x.vis, &x.attrs, &x.sig.ident),
            syn::Item::Const(x) => self.want(&x.vis, &x.attrs, &x.ident),
            syn::Item::Static(x) => self.want(&x.vis, &x.attrs, &x.ident),
            syn::Item::Type(x) => self.want(&x.vis, &x.attrs, &x.ident),
            syn::Item::Struct(x) => self.want(&x.vis, &x.attrs, &x.ident),
            syn::Item::Union(x) => self.want(&x.vis, &x.attrs, &x.ident),
            syn::Item::Enum(x) => {
                self.want(&x.vis, &x.attrs, &x.ident);
                for variant in x
                    .variants
                    .iter()
                    .filter(|_| matches!(x.vis, Visibility::Public(_)))
                {
                    self.want_always(&variant.attrs, &variant.ident);
                }
            }
            syn::Item::Trait(x) => {
                self.want(&x.vis, &x.attrs, &x.ident);
                for item in x
                    .items
                    .iter()
                    .filter(|_| matches!(x.vis, Visibility::Public(_)))
                {
                    if let syn::TraitItem::Fn(function) = item {
                        self.want_always(&function.attrs, &function.sig.ident);
                    }
                }
            }
            _ => {}
        }
        visit::visit_item(self, node);
    }

    fn visit_field(&mut self, node: &'ast syn::Field) {
        if let Some(name) = &node.ident {
            self.want(&node.vis, &node.attrs, name);
        }
    }

    fn visit_item_impl(&mut self, node: &'ast syn::ItemImpl) {
        if node.trait_.is_none() && !is_test_only(&node.attrs) {
            visit::visit_item_impl(self, node);
        }
    }

    fn visit_impl_item_fn(&mut self, node: &'ast syn::ImplItemFn) {
        self.want(&node.vis, &node.attrs, &node.sig.ident);
    }

    fn visit_item_fn(&mut self, _: &'ast syn::ItemFn) {
        // Items inside a function are nobody else's business.
    }

    fn visit_item_mod(&mut self, node: &'ast syn::ItemMod) {
        let inline = node.content.is_some();
        if is_test_only(&node.attrs) {
            return;
        }
        if inline && matches!(node.vis, Visibility::Public(_)) && !has_doc(&node.attrs) {
            self.report.fail(
                format!("{}:{}", self.path, node.mod_token.span().start().line),
                format!("public module `{}` has no doc comment", node.ident),
            );
        }
        visit::visit_item_mod(self, node);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rust::parsed;
    use crate::tree::Tree;

    fn failures_in(text: &str) -> Vec<String> {
        let tree = Tree::of(&[("a.rs", text)]);
        let files = parsed(&tree);
        check(&files).failures()
    }

    #[test]
    fn a_file_begins_with_its_purpose() {
        assert_eq!(failures_in("fn f() {}").len(), 1);
        assert!(failures_in("//! Purpose.\nfn f() {}").is_empty());
    }

    #[test]
    fn every_public_item_says_what_it_is() {
        for item in [
            "pub fn f() {}",
            "pub const C: u8 = 1;",
            "pub struct S;",
            "/// S.\npub struct S { pub field: u8 }",
            "/// E.\npub enum E { V }",
            "/// T.\npub trait T { fn f(); }",
            "struct S; impl S { pub fn f() {} }",
            "pub mod m {}",
            "mod m { pub fn f() {} }",
        ] {
            assert_eq!(failures_in(&format!("//! Doc.\n{item}")).len(), 1, "{item}");
        }
    }

    #[test]
    fn what_is_not_public_need_not() {
        for item in [
            "fn f() {}",
            "pub(crate) fn f() {}",
            "#[cfg(test)] mod tests { pub fn f() {} }",
            "struct S; impl Clone for S { fn clone(&self) -> S { S } }",
            "pub mod elsewhere;",
            "enum E { V }",
        ] {
            assert!(
                failures_in(&format!("//! Doc.\n{item}")).is_empty(),
                "{item}"
            );
        }
    }
}
