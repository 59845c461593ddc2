//! `cargo xtask decoders`: no decoder that a stranger's bytes can reach is without a fuzz target.
//!
//! tests/fuzz/decoders.toml lists the decoders:
//!
//! ```toml
//! [[decoder]]
//! path = "wire::datagram::Datagram::parse"
//! target = "datagram"
//! corpus = "corpus/datagram"
//! ```
//!
//! Checked: every function of [`CRATES`] that is public (or implements a trait), is called `decode` or `parse` (or
//! begins with `decode_`, `parse_`) and takes `&[u8]`, is on the list; every path on the list is a function; every
//! target is named in the fuzz crate's source; every corpus folder has a file. Functions made by macros are not seen.

use std::collections::BTreeSet;

use serde::Deserialize;
use syn::visit::{self, Visit};

use crate::report::Report;
use crate::rust::{RustFile, each_token, is_test_only, parse_all, tokens_of};
use crate::tree::Tree;

/// The crates that see bytes from outside.
const CRATES: &[&str] = &["wire", "identity", "session", "mesh", "group", "nss"];
/// What a decoder is called, alone or before `_`.
const NAMES: &[&str] = &["decode", "parse"];
/// The crate with the fuzz targets.
const FUZZ: &str = "tests/fuzz";

/// tests/fuzz/decoders.toml.
#[derive(Debug, Deserialize)]
struct List {
    #[serde(alias = "decoders", default)]
    decoder: Vec<Entry>,
}

/// One line of the list.
#[derive(Debug, Deserialize)]
struct Entry {
    /// `crate::module::Type::function` or `crate::module::function`; re-exported paths are fine.
    #[serde(alias = "decoder", alias = "function")]
    path: String,
    /// Name of the fuzz target that feeds it.
    target: String,
    /// Folder with its corpus, relative to tests/fuzz.
    corpus: String,
}

/// Runs the check.
pub(crate) fn check(tree: &Tree) -> Report {
    let mut report = Report::default();
    let place = format!("{FUZZ}/decoders.toml");
    let list: List = match tree.text(&place).map(toml::from_str) {
        None => {
            report.fail(place, "does not exist");
            return report;
        }
        Some(Err(error)) => {
            report.fail(place, format!("cannot be read: {error}"));
            return report;
        }
        Some(Ok(list)) => list,
    };
    let files = parse_all(tree, &mut report);
    let functions = functions(&files);
    let listed: BTreeSet<Key> = list
        .decoder
        .iter()
        .filter_map(|e| Key::of(&e.path))
        .collect();
    for function in functions.iter().filter(|function| function.is_decoder) {
        if !listed.contains(&function.key) {
            report.fail(
                &function.place,
                format!(
                    "`{}` decodes bytes, but is not in {place}",
                    function.key.shown()
                ),
            );
        }
    }
    check_list(tree, &list, &functions, &place, &mut report);
    report
}

/// Nothing on the list is stale.
fn check_list(tree: &Tree, list: &List, functions: &[Function], place: &str, report: &mut Report) {
    let known: BTreeSet<&Key> = functions.iter().map(|function| &function.key).collect();
    let targets = literals_in_fuzz(tree);
    for Entry {
        path,
        target,
        corpus,
    } in &list.decoder
    {
        if !Key::of(path).is_some_and(|key| known.contains(&key)) {
            report.fail(place, format!("lists `{path}`, which is no function"));
        }
        if !targets.contains(target) {
            report.fail(
                place,
                format!("names the target `{target}`, which {FUZZ}/src does not have"),
            );
        }
        let corpus = corpus.trim_start_matches(&format!("{FUZZ}/"));
        let corpus = format!("{FUZZ}/{corpus}");
        if tree.folder(&corpus).next().is_none() {
            report.fail(
                place,
                format!("the corpus `{corpus}` of `{path}` has no file"),
            );
        }
    }
}

/// What identifies a function however its module is re-exported: crate, type or module, name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    crate_: String,
    owner: String,
    name: String,
}

impl Key {
    fn of(path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.split("::").collect();
        let (crate_, name) = (parts.first()?, parts.last()?);
        let owner = parts
            .len()
            .checked_sub(2)
            .and_then(|index| parts.get(index))?;
        Some(Key {
            crate_: (*crate_).to_owned(),
            owner: (*owner).to_owned(),
            name: (*name).to_owned(),
        })
    }

    fn shown(&self) -> String {
        format!("{}::…::{}::{}", self.crate_, self.owner, self.name)
    }
}

struct Function {
    key: Key,
    place: String,
    is_decoder: bool,
}

/// Every function of the crates that see bytes from outside.
fn functions(files: &[RustFile<'_>]) -> Vec<Function> {
    let mut found = Vec::new();
    for file in files {
        let Some((crate_, module)) = CRATES.iter().find_map(|name| {
            let inside = file.path.strip_prefix(&format!("crates/{name}/src/"))?;
            let module = inside.trim_end_matches(".rs").trim_end_matches("/mod");
            Some((*name, module.rsplit('/').next().unwrap_or_default()))
        }) else {
            continue;
        };
        let owner = if module == "lib" { crate_ } else { module };
        let mut visitor = Functions {
            crate_,
            path: file.path,
            owner: owner.to_owned(),
            found: &mut found,
        };
        visitor.visit_file(&file.ast);
    }
    found
}

struct Functions<'a> {
    crate_: &'a str,
    path: &'a str,
    owner: String,
    found: &'a mut Vec<Function>,
}

impl Functions<'_> {
    fn add(&mut self, signature: &syn::Signature, is_public: bool) {
        let name = signature.ident.to_string();
        let is_named = NAMES
            .iter()
            .any(|n| name == *n || name.starts_with(&format!("{n}_")));
        let takes_bytes = signature.inputs.iter().any(|input| match input {
            syn::FnArg::Typed(argument) => is_bytes(&argument.ty),
            syn::FnArg::Receiver(_) => false,
        });
        self.found.push(Function {
            place: format!("{}:{}", self.path, signature.ident.span().start().line),
            is_decoder: is_public && is_named && takes_bytes,
            key: Key {
                crate_: self.crate_.to_owned(),
                owner: self.owner.clone(),
                name,
            },
        });
    }

    /// Visits what belongs to another type or module.
    fn inside(&mut self, owner: String, visit: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.owner, owner);
        visit(self);
        self.owner = outer;
    }
}

/// `&[u8]`, with any lifetime, mutable or not.
fn is_bytes(ty: &syn::Type) -> bool {
    let syn::Type::Reference(reference) = ty else {
        return false;
    };
    let syn::Type::Slice(slice) = &*reference.elem else {
        return false;
    };
    matches!(&*slice.elem, syn::Type::Path(path) if path.path.is_ident("u8"))
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_fn(&mut self, node: &'ast syn::ItemFn) {
        self.add(&node.sig, matches!(node.vis, syn::Visibility::Public(_)));
    }

    fn visit_item_impl(&mut self, node: &'ast syn::ItemImpl) {
        let syn::Type::Path(path) = &*node.self_ty else {
            return;
        };
        let owner = path.path.segments.last().map(|s| s.ident.to_string());
        let of_trait = node.trait_.is_some();
        self.inside(owner.unwrap_or_default(), |this| {
            for item in &node.items {
                if let syn::ImplItem::Fn(function) = item {
                    let public = of_trait || matches!(function.vis, syn::Visibility::Public(_));
                    this.add(&function.sig, public);
                }
            }
        });
    }

    fn visit_item_mod(&mut self, node: &'ast syn::ItemMod) {
        if !is_test_only(&node.attrs) {
            self.inside(node.ident.to_string(), |this| {
                visit::visit_item_mod(this, node)
            });
        }
    }
}

/// The string literals of the fuzz crate, among them the names of its targets.
fn literals_in_fuzz(tree: &Tree) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let source = format!("{FUZZ}/src/");
    for (_, text) in tree
        .texts(".rs")
        .filter(|(path, _)| path.starts_with(&source))
    {
        each_token(tokens_of(text), &mut |token| {
            if let proc_macro2::TokenTree::Literal(literal) = token
                && let syn::Lit::Str(value) = syn::Lit::new(literal.clone())
            {
                found.insert(value.value());
            }
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTED: &str = "[[decoder]]\npath = \"wire::Frame::parse\"\ntarget = \"frame\"\ncorpus = \"corpus/frame\"\n";
    const TARGETS: &str = "pub const TARGETS: &[(&str, fn(&[u8]))] = &[(\"frame\", frame)];";
    const FRAME: &str = "impl<'a> Frame<'a> { pub fn parse(bytes: &'a [u8]) -> Self { x } }";

    fn failures_in(list: &str, wire: &str, targets: &str, corpus: &str) -> Vec<String> {
        check(&Tree::of(&[
            ("tests/fuzz/decoders.toml", list),
            ("crates/wire/src/frame.rs", wire),
            ("tests/fuzz/src/lib.rs", targets),
            (corpus, ""),
        ]))
        .failures()
    }

    #[test]
    fn a_listed_decoder_with_target_and_corpus_passes() {
        let failures = failures_in(LISTED, FRAME, TARGETS, "tests/fuzz/corpus/frame/1");
        assert!(failures.is_empty(), "{failures:?}");
    }

    #[test]
    fn what_is_missing_fails() {
        let corpus = "tests/fuzz/corpus/frame/1";
        assert_eq!(failures_in(LISTED, FRAME, "", corpus).len(), 1);
        assert_eq!(
            failures_in(LISTED, FRAME, TARGETS, "tests/fuzz/corpus/other/1").len(),
            1
        );
        assert_eq!(failures_in(LISTED, "", TARGETS, corpus).len(), 1);
        assert_eq!(failures_in("", FRAME, TARGETS, corpus).len(), 1);
        assert_eq!(failures_in("decoder = 1", FRAME, TARGETS, corpus).len(), 1);
        assert_eq!(check(&Tree::of(&[])).failures().len(), 1);
    }

    #[test]
    fn every_shape_of_decoder_is_seen() {
        for decoder in [
            "pub fn decode(b: &[u8]) {}",
            "pub fn parse_header(n: u8, b: &mut [u8]) {}",
            "pub struct S; impl Decode for S { fn decode(b: &[u8]) -> S { S } }",
            "pub mod m { pub fn parse(b: &[u8]) {} }",
        ] {
            let wire = format!("{FRAME} {decoder}");
            let failures = failures_in(LISTED, &wire, TARGETS, "tests/fuzz/corpus/frame/1");
            assert_eq!(failures.len(), 1, "{decoder}");
        }
        for other in [
            "fn parse(b: &[u8]) {}",
            "pub fn parse(text: &str) {}",
            "pub fn parser(b: &[u8]) {}",
            "#[cfg(test)] mod tests { pub fn parse(b: &[u8]) {} }",
        ] {
            let wire = format!("{FRAME} {other}");
            let failures = failures_in(LISTED, &wire, TARGETS, "tests/fuzz/corpus/frame/1");
            assert!(failures.is_empty(), "{other}: {failures:?}");
        }
    }
}
