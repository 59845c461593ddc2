//! Modules of one crate do not need each other in a circle.
//!
//! Every path that begins with `crate`, `super`, `self`, a child module or an imported name is resolved, through
//! re-exports, to the module that defines its target. That makes "module A needs module B". Then, among the children
//! of each module, a circle is a failure: `a → b → a`, where a child counts with everything below it.
//!
//! Not counted: a module and its own ancestors (splitting one type over child files is how we keep files small),
//! `#[cfg(test)]` modules, and paths inside macro calls.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use syn::visit::{self, Visit};

use crate::metadata::Metadata;
use crate::report::Report;
use crate::rust::{RustFile, is_test_only};

/// Re-exports followed for one path before giving up (they could name each other in a circle).
const HOPS_MAX: usize = 16;

/// A module, by the names from the crate's root down to it.
type ModulePath = Vec<String>;

/// The root files of our crates, relative to the project.
pub(super) fn roots(metadata: &Metadata) -> Vec<String> {
    let ours: BTreeSet<&str> = metadata
        .workspace_members
        .iter()
        .map(String::as_str)
        .collect();
    metadata
        .packages
        .iter()
        .filter(|package| ours.contains(package.id.as_str()))
        .flat_map(|package| &package.targets)
        .filter_map(|target| {
            let relative = Path::new(&target.src_path).strip_prefix(&metadata.workspace_root);
            Some(relative.ok()?.to_string_lossy().into_owned())
        })
        .collect()
}

/// Looks for circles in each crate.
pub(super) fn check(roots: &[String], files: &[RustFile<'_>]) -> Report {
    let files: BTreeMap<&str, &syn::File> = files.iter().map(|f| (f.path, &f.ast)).collect();
    let mut report = Report::default();
    for root in roots {
        let Some(ast) = files.get(root.as_str()) else {
            continue;
        };
        let mut crate_ = Crate::default();
        let folder = root.rsplit_once('/').map_or("", |(folder, _)| folder);
        crate_.read(&files, Vec::new(), &ast.items, folder);
        for circle in crate_.circles() {
            report.fail(
                root,
                format!(
                    "modules need each other in a circle: {}; move what they share into a module below both",
                    circle.join(" -> ")
                ),
            );
        }
    }
    report
}

/// What a module contains.
#[derive(Default)]
struct Module {
    children: BTreeSet<String>,
    items: BTreeSet<String>,
    /// Imported name → the path it stands for.
    imports: BTreeMap<String, Vec<String>>,
    globs: Vec<Vec<String>>,
    /// Paths written in the module's code.
    paths: BTreeSet<Vec<String>>,
}

#[derive(Default)]
struct Crate {
    modules: BTreeMap<ModulePath, Module>,
}

impl Crate {
    /// Reads one module's items, and the files of its children. `folder` is where child files are looked for.
    fn read(
        &mut self,
        files: &BTreeMap<&str, &syn::File>,
        path: ModulePath,
        items: &[syn::Item],
        folder: &str,
    ) {
        let mut module = Module::default();
        let mut code = Paths::default();
        for item in items {
            match item {
                syn::Item::Mod(child) if is_test_only(&child.attrs) => {}
                syn::Item::Mod(child) => {
                    let name = child.ident.to_string();
                    let mut child_path = path.clone();
                    child_path.push(name.clone());
                    let below = format!("{folder}/{name}");
                    if let Some((_, items)) = &child.content {
                        self.read(files, child_path, items, &below);
                    } else if let Some(ast) = [format!("{below}.rs"), format!("{below}/mod.rs")]
                        .iter()
                        .find_map(|file| files.get(file.as_str()))
                    {
                        self.read(files, child_path, &ast.items, &below);
                    }
                    module.children.insert(name);
                }
                syn::Item::Use(use_) => flatten(&use_.tree, &mut Vec::new(), &mut module),
                other => {
                    module.items.extend(name_of(other));
                    code.visit_item(other);
                }
            }
        }
        module.paths = code.found;
        self.modules.insert(path, module);
    }

    /// The module that defines what `segments` names, seen from `from`.
    fn resolve(&self, from: &ModulePath, segments: &[String], hops: usize) -> Option<ModulePath> {
        if hops == 0 {
            return None;
        }
        let mut at = from.clone();
        for (index, segment) in segments.iter().enumerate() {
            let rest = segments.get(index + 1..).unwrap_or_default();
            match segment.as_str() {
                "crate" => at.clear(),
                "self" => {}
                "super" => {
                    at.pop()?;
                }
                name => {
                    let module = self.modules.get(&at)?;
                    if module.children.contains(name) {
                        at.push(name.to_owned());
                    } else if module.items.contains(name) {
                        return Some(at);
                    } else if let Some(import) = module.imports.get(name) {
                        let mut path = import.clone();
                        path.extend_from_slice(rest);
                        return self.resolve(&at, &path, hops - 1);
                    } else {
                        let tail = segments.get(index..).unwrap_or_default();
                        return module.globs.iter().find_map(|glob| {
                            let mut path = glob.clone();
                            path.extend_from_slice(tail);
                            self.resolve(&at, &path, hops - 1)
                        });
                    }
                }
            }
        }
        self.modules.contains_key(&at).then_some(at)
    }

    /// For every parent: which child needs which other child.
    fn needs(&self) -> BTreeMap<ModulePath, BTreeMap<String, BTreeSet<String>>> {
        let mut needs: BTreeMap<ModulePath, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
        for (from, module) in &self.modules {
            let paths = module
                .imports
                .values()
                .chain(&module.globs)
                .chain(&module.paths);
            for to in paths.filter_map(|path| self.resolve(from, path, HOPS_MAX)) {
                let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
                if let (Some(a), Some(b)) = (from.get(shared), to.get(shared)) {
                    let parent = from.iter().take(shared).cloned().collect();
                    needs
                        .entry(parent)
                        .or_default()
                        .entry(a.clone())
                        .or_default()
                        .insert(b.clone());
                }
            }
        }
        needs
    }

    /// One shortest circle through each module that is on one, each circle once.
    fn circles(&self) -> Vec<Vec<String>> {
        let mut found = BTreeMap::new();
        for (parent, edges) in self.needs() {
            for start in edges.keys() {
                if let Some(circle) = circle_through(start, &edges) {
                    let members: BTreeSet<String> = circle.iter().cloned().collect();
                    let prefix = parent.iter().map(|p| format!("{p}::")).collect::<String>();
                    let named = circle
                        .iter()
                        .map(|name| format!("{prefix}{name}"))
                        .collect();
                    found.entry((parent.clone(), members)).or_insert(named);
                }
            }
        }
        found.into_values().collect()
    }
}

/// Breadth-first search from `start` back to itself.
fn circle_through(
    start: &String,
    edges: &BTreeMap<String, BTreeSet<String>>,
) -> Option<Vec<String>> {
    let mut seen = BTreeSet::new();
    let mut routes = vec![vec![start.clone()]];
    while !routes.is_empty() {
        let mut longer = Vec::new();
        for route in routes {
            for next in route
                .last()
                .and_then(|last| edges.get(last))
                .into_iter()
                .flatten()
            {
                let mut extended = route.clone();
                extended.push(next.clone());
                if next == start {
                    return Some(extended);
                }
                if seen.insert(next.clone()) {
                    longer.push(extended);
                }
            }
        }
        routes = longer;
    }
    None
}

/// Opens a `use` tree into imports and globs.
fn flatten(tree: &syn::UseTree, prefix: &mut Vec<String>, module: &mut Module) {
    match tree {
        syn::UseTree::Path(path) => {
            prefix.push(path.ident.to_string());
            flatten(&path.tree, prefix, module);
            prefix.pop();
        }
        syn::UseTree::Name(name) => import(&name.ident, &name.ident, prefix, module),
        syn::UseTree::Rename(rename) => import(&rename.ident, &rename.rename, prefix, module),
        syn::UseTree::Glob(_) => module.globs.push(prefix.clone()),
        syn::UseTree::Group(group) => {
            for tree in &group.items {
                flatten(tree, prefix, module);
            }
        }
    }
}

fn import(target: &syn::Ident, name: &syn::Ident, prefix: &[String], module: &mut Module) {
    let mut path = prefix.to_vec();
    if target != "self" {
        path.push(target.to_string());
    }
    let name = if name == "self" {
        prefix.last().cloned().unwrap_or_default()
    } else {
        name.to_string()
    };
    // `use x;` names itself; following it would not lead anywhere.
    if path.len() > 1 {
        // `use _ as _` would collide; the path is kept under a key of its own.
        let key = if name == "_" { path.join("::") } else { name };
        module.imports.insert(key, path);
    }
}

fn name_of(item: &syn::Item) -> Option<String> {
    let ident = match item {
        syn::Item::Const(x) => &x.ident,
        syn::Item::Enum(x) => &x.ident,
        syn::Item::Fn(x) => &x.sig.ident,
        syn::Item::Macro(x) => x.ident.as_ref()?,
        syn::Item::Static(x) => &x.ident,
        syn::Item::Struct(x) => &x.ident,
        syn::Item::Trait(x) => &x.ident,
        syn::Item::TraitAlias(x) => &x.ident,
        syn::Item::Type(x) => &x.ident,
        syn::Item::Union(x) => &x.ident,
        _ => return None,
    };
    Some(ident.to_string())
}

/// Collects the paths of more than one segment in code.
#[derive(Default)]
struct Paths {
    found: BTreeSet<Vec<String>>,
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_path(&mut self, node: &'ast syn::Path) {
        if node.leading_colon.is_none() && node.segments.len() > 1 {
            self.found
                .insert(node.segments.iter().map(|s| s.ident.to_string()).collect());
        }
        visit::visit_path(self, node);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rust::parsed;
    use crate::tree::Tree;

    fn failures_in(sources: &[(&str, &str)]) -> Vec<String> {
        let tree = Tree::of(sources);
        let files = parsed(&tree);
        check(&["src/lib.rs".to_owned()], &files).failures()
    }

    #[test]
    fn two_siblings_that_need_each_other_fail() {
        let failures = failures_in(&[
            ("src/lib.rs", "mod a; mod b;"),
            ("src/a.rs", "use crate::b::B; pub struct A;"),
            ("src/b.rs", "pub struct B; fn f(_: super::a::A) {}"),
        ]);
        assert_eq!(failures.len(), 1);
        assert!(
            failures.iter().all(|f| f.contains("a -> b -> a")),
            "{failures:?}"
        );
    }

    #[test]
    fn a_circle_of_three_below_another_module_fails() {
        let below = failures_in(&[
            ("src/lib.rs", "mod top;"),
            ("src/top/mod.rs", "mod a; mod b; mod c;"),
            ("src/top/a.rs", "use super::b; pub fn z() {}"),
            ("src/top/b.rs", "use super::c;"),
            ("src/top/c.rs", "fn y() { super::a::z() }"),
        ]);
        assert!(
            below
                .iter()
                .any(|f| f.contains("top::a -> top::b -> top::c -> top::a")),
            "{below:?}"
        );
    }

    #[test]
    fn a_circle_through_a_reexport_fails() {
        for reexport in ["pub use a::A;", "pub use a::*;", "pub use self::a::A as A;"] {
            let root = format!("mod a; mod b; {reexport}");
            let failures = failures_in(&[
                ("src/lib.rs", &root),
                ("src/a.rs", "use crate::b; pub struct A;"),
                ("src/b.rs", "use crate::A;"),
            ]);
            assert_eq!(failures.len(), 1, "{reexport}");
        }
    }

    #[test]
    fn a_tree_passes_and_so_do_parents_and_tests() {
        let failures = failures_in(&[
            ("src/lib.rs", "mod a; mod b; pub use a::A; pub struct Root;"),
            (
                "src/a.rs",
                "mod part; pub struct A; use crate::Root; fn f() { part::g() }",
            ),
            ("src/a/part.rs", "use super::A; pub fn g() {}"),
            (
                "src/b.rs",
                "use crate::A; #[cfg(test)] mod tests { use crate::a; }",
            ),
        ]);
        assert!(failures.is_empty(), "{failures:?}");
        let tests_only = failures_in(&[
            ("src/lib.rs", "mod a; mod b;"),
            (
                "src/a.rs",
                "pub struct A; #[cfg(test)] mod tests { use crate::b; }",
            ),
            ("src/b.rs", "use crate::a::A;"),
        ]);
        assert!(tests_only.is_empty(), "{tests_only:?}");
    }
}
