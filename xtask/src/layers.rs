//! `cargo xtask layers`: the arrows between our crates point down, and the lower layers touch no system.
//!
//! Checked against `cargo metadata`:
//! - every crate stands in [`CRATES`], and depends only on crates listed there for it (dev-dependencies too);
//! - a crate of layer L0–L2 reaches none of [`SYSTEM_PACKAGES`], not even through others (dev-dependencies excepted:
//!   they are not in the program);
//! - only [`UNSAFE_CRATE`] and the files of [`UNSAFE_FILES`] contain the word `unsafe`; every other crate outside tests/
//!   inherits the workspace's lints unchanged;
//! - only crates under tests/ ask for the feature `sabotage`, which breaks code on purpose;
//! - the Clippy bans of `crates/clippy.toml` hold in every L0–L2 crate, that is, none has a `clippy.toml` of its own.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

use crate::metadata::{Edge, Metadata, Package};
use crate::report::Report;
use crate::rust::{each_token, tokens_of};
use crate::tree::Tree;

/// The only crate that may contain `unsafe`.
const UNSAFE_CRATE: &str = "os";

/// Beginnings of the files that may contain it besides: what glibc calls, and its test (docs/adr/0035).
const UNSAFE_FILES: &[&str] = &["crates/nss/src/glibc"];

/// The feature that breaks a crate on purpose, so that tests can show they notice.
const SABOTAGE: &str = "sabotage";

/// Packages that read a clock, open a socket, run an executor or draw randomness by themselves.
const SYSTEM_PACKAGES: &[&str] = &[
    "async-std",
    "getrandom",
    "libc",
    "mio",
    "nix",
    "rand",
    "rustix",
    "smol",
    "socket2",
    "tokio",
    "tracing-subscriber",
];

/// Where a crate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Layer {
    /// L0: values.
    Values,
    /// L1: state machines.
    Machines,
    /// L2: composition.
    Composition,
    /// L3: the only ones that touch the system.
    Shells,
    /// The program, and what tests it.
    App,
}

impl Layer {
    fn is_sans_io(self) -> bool {
        self <= Layer::Composition
    }
}

/// One of our crates.
struct Crate {
    name: &'static str,
    layer: Layer,
    may_use: &'static [&'static str],
}

const fn row(name: &'static str, layer: Layer, may_use: &'static [&'static str]) -> Crate {
    Crate {
        name,
        layer,
        may_use,
    }
}

/// The layers of ARCHITECTURE.md. A new crate needs a row here.
const CRATES: &[Crate] = &[
    row("wire", Layer::Values, &[]),
    row("identity", Layer::Values, &["wire"]),
    row("session", Layer::Machines, &["wire", "identity"]),
    row("mesh", Layer::Machines, &["wire", "identity"]),
    row("group", Layer::Machines, &["wire", "identity"]),
    row(
        "node",
        Layer::Composition,
        &["wire", "identity", "session", "mesh", "group"],
    ),
    row(
        "control",
        Layer::Composition,
        &["wire", "identity", "group"],
    ),
    row("api", Layer::Composition, &["wire", "identity"]),
    // A library that glibc loads, by itself: nothing of ours is in it.
    row("nss", Layer::Shells, &[]),
    row("os", Layer::Shells, &["wire"]),
    row(
        "store",
        Layer::Shells,
        &["wire", "identity", "group", "control", "os"],
    ),
    row("webapi", Layer::Shells, &["api"]),
    row(
        "runtime",
        Layer::Shells,
        &[
            "wire", "identity", "session", "mesh", "group", "node", "control", "api", "os",
            "store", "webapi",
        ],
    ),
    row(
        "kumi",
        Layer::App,
        &[
            "wire", "identity", "session", "mesh", "group", "node", "api", "os", "runtime",
        ],
    ),
    row(
        "sim",
        Layer::App,
        &[
            "wire", "identity", "session", "mesh", "group", "node", "control", "api",
        ],
    ),
    row(
        "fuzz",
        Layer::App,
        &[
            "wire", "identity", "session", "mesh", "group", "node", "api", "nss",
        ],
    ),
    row(
        "lab",
        Layer::App,
        &[
            "wire", "identity", "session", "mesh", "group", "node", "api", "os", "runtime", "kumi",
        ],
    ),
    row(
        "flood",
        Layer::App,
        &[
            "wire", "identity", "session", "mesh", "group", "node", "api", "os", "lab",
        ],
    ),
    row(
        "agents",
        Layer::App,
        &["wire", "identity", "node", "os", "lab"],
    ),
    row(
        "micro",
        Layer::App,
        &["wire", "identity", "session", "group", "node", "sim"],
    ),
    row("xtask", Layer::App, &[]),
];

/// Runs the check.
pub(crate) fn check(metadata: &Metadata, tree: &Tree) -> Report {
    let mut report = Report::default();
    let graph = Graph::new(metadata);
    for package in graph.ours() {
        let Some(row) = CRATES.iter().find(|row| row.name == package.name) else {
            report.fail(
                &package.name,
                "is in no layer; add a row for it in xtask/src/layers.rs",
            );
            continue;
        };
        check_edges(&graph, package, row, &mut report);
        if row.layer.is_sans_io() {
            check_system(&graph, package, row, &mut report);
        }
        check_house(metadata, tree, package, row, &mut report);
    }
    check_unsafe(tree, &mut report);
    report
}

fn check_edges(graph: &Graph<'_>, package: &Package, row: &Crate, report: &mut Report) {
    for edge in graph.edges(&package.id) {
        let Some(target) = graph.package(&edge.pkg) else {
            continue;
        };
        if graph.is_ours(target) && !row.may_use.contains(&target.name.as_str()) {
            report.fail(
                format!("{} -> {}", package.name, target.name),
                format!(
                    "{} (layer {:?}) may use only [{}]; move the code down, or pass the value in from above",
                    package.name,
                    row.layer,
                    row.may_use.join(", ")
                ),
            );
        }
    }
}

/// Follows normal dependencies from one crate of ours through others' packages.
fn check_system(graph: &Graph<'_>, package: &Package, row: &Crate, report: &mut Report) {
    let mut seen = BTreeSet::new();
    let mut queue = VecDeque::from([(package, vec![package.name.as_str()])]);
    while let Some((from, path)) = queue.pop_front() {
        for edge in graph.edges(&from.id).iter().filter(|e| e.is_normal()) {
            let Some(target) = graph.package(&edge.pkg) else {
                continue;
            };
            // Our own crates are checked on their own row.
            if graph.is_ours(target) || !seen.insert(&target.id) {
                continue;
            }
            let mut path = path.clone();
            path.push(&target.name);
            if !SYSTEM_PACKAGES.contains(&target.name.as_str()) {
                queue.push_back((target, path));
            } else {
                report.fail(
                    path.join(" -> "),
                    format!(
                        "{} (layer {:?}) must not reach {}: no clock, socket, executor or randomness below the shells",
                        package.name, row.layer, target.name
                    ),
                );
            }
        }
    }
}

/// Lints inherited, and no way around the Clippy bans.
fn check_house(
    metadata: &Metadata,
    tree: &Tree,
    package: &Package,
    row: &Crate,
    report: &mut Report,
) {
    let manifest = Path::new(&package.manifest_path);
    let Ok(relative) = manifest.strip_prefix(&metadata.workspace_root) else {
        return;
    };
    let folder = relative
        .parent()
        .unwrap_or(Path::new(""))
        .to_string_lossy()
        .into_owned();
    let text = tree.text(&relative.to_string_lossy()).unwrap_or_default();
    let inherits = text
        .split_once("[lints]")
        .is_some_and(|(_, rest)| rest.trim_start().starts_with("workspace = true"));
    // Test crates may stop at a broken assumption, so they have lints of their own.
    let is_test = folder.starts_with("tests/") || folder.starts_with("bench/");
    if !inherits && !is_test && row.name != UNSAFE_CRATE {
        report.fail(
            &package.name,
            "does not inherit the workspace's lints; write `[lints]` and `workspace = true` in its Cargo.toml",
        );
    }
    for wish in package.dependencies.iter().filter(|_| !is_test) {
        if wish.kind.is_none() && wish.features.iter().any(|feature| feature == SABOTAGE) {
            report.fail(
                format!("{} -> {}", package.name, wish.name),
                "asks for code that is broken on purpose; only a test may",
            );
        }
    }
    if row.layer.is_sans_io() && tree.exists(&format!("{folder}/clippy.toml")) {
        report.fail(
            format!("{folder}/clippy.toml"),
            "takes the crate out of the bans in crates/clippy.toml; remove it",
        );
    }
}

fn check_unsafe(tree: &Tree, report: &mut Report) {
    let home = format!("crates/{UNSAFE_CRATE}/");
    for (path, text) in tree
        .texts(".rs")
        .filter(|(path, _)| !path.starts_with(&home))
        .filter(|(path, _)| !UNSAFE_FILES.iter().any(|file| path.starts_with(file)))
    {
        each_token(tokens_of(text), &mut |token| {
            if let proc_macro2::TokenTree::Ident(ident) = token
                && ident == "unsafe"
            {
                report.fail(
                    format!("{path}:{}", ident.span().start().line),
                    format!(
                        "only the crate `{UNSAFE_CRATE}` and {} may contain unsafe code",
                        UNSAFE_FILES.join(", ")
                    ),
                );
            }
        });
    }
}

/// Index over the metadata.
struct Graph<'a> {
    packages: BTreeMap<&'a str, &'a Package>,
    edges: BTreeMap<&'a str, &'a [Edge]>,
    ours: BTreeSet<&'a str>,
}

impl<'a> Graph<'a> {
    fn new(metadata: &'a Metadata) -> Self {
        Graph {
            packages: metadata
                .packages
                .iter()
                .map(|p| (p.id.as_str(), p))
                .collect(),
            edges: metadata
                .resolve
                .nodes
                .iter()
                .map(|n| (n.id.as_str(), n.deps.as_slice()))
                .collect(),
            ours: metadata
                .workspace_members
                .iter()
                .map(String::as_str)
                .collect(),
        }
    }

    fn package(&self, id: &str) -> Option<&'a Package> {
        self.packages.get(id).copied()
    }

    fn edges(&self, id: &str) -> &'a [Edge] {
        self.edges.get(id).copied().unwrap_or_default()
    }

    fn is_ours(&self, package: &Package) -> bool {
        self.ours.contains(package.id.as_str())
    }

    fn ours(&self) -> impl Iterator<Item = &'a Package> {
        self.ours.iter().filter_map(|id| self.package(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINTS: &str = "[lints]\nworkspace = true\n";

    /// A graph from `(crate, its dependencies, kind)`; names without a `crates/` manifest are others' packages.
    fn metadata(ours: &[&str], edges: &[(&str, &str, Option<&str>)]) -> Metadata {
        let names: BTreeSet<&str> = edges
            .iter()
            .flat_map(|(from, to, _)| [*from, *to])
            .chain(ours.iter().copied())
            .collect();
        let packages: Vec<_> = names
            .iter()
            .map(|name| {
                serde_json::json!({
                    "id": name, "name": name, "targets": [],
                    "manifest_path": format!("/p/crates/{name}/Cargo.toml"),
                })
            })
            .collect();
        let nodes: Vec<_> = names
            .iter()
            .map(|name| {
                let deps: Vec<_> = edges
                    .iter()
                    .filter(|(from, _, _)| from == name)
                    .map(|(_, to, kind)| serde_json::json!({"pkg": to, "dep_kinds": [{"kind": kind}]}))
                    .collect();
                serde_json::json!({"id": name, "deps": deps})
            })
            .collect();
        serde_json::from_value(serde_json::json!({
            "packages": packages, "workspace_members": ours,
            "resolve": {"nodes": nodes}, "workspace_root": "/p",
        }))
        .expect("fixture")
    }

    fn house(ours: &[&str]) -> Tree {
        let manifests: Vec<_> = ours
            .iter()
            .map(|name| format!("crates/{name}/Cargo.toml"))
            .collect();
        let files: Vec<_> = manifests
            .iter()
            .map(|path| (path.as_str(), LINTS))
            .collect();
        Tree::of(&files)
    }

    #[test]
    fn every_row_points_down_or_is_named() {
        for row in CRATES {
            for used in row.may_use {
                let target = CRATES.iter().find(|r| r.name == *used).expect(used);
                let sibling = matches!(
                    (row.name, *used),
                    ("identity", "wire")
                        | ("runtime", "os")
                        | ("runtime", "store" | "webapi")
                        | ("store", "os")
                        | ("agents", "lab")
                        | ("lab", "kumi")
                        | ("flood", "lab")
                        | ("micro", "sim")
                );
                assert!(
                    target.layer < row.layer || sibling,
                    "{} -> {used}",
                    row.name
                );
            }
        }
    }

    #[test]
    fn an_arrow_down_passes_and_an_arrow_up_fails() {
        let ours = ["wire", "session"];
        let down = metadata(&ours, &[("session", "wire", None)]);
        assert!(check(&down, &house(&ours)).failures().is_empty());
        for kind in [None, Some("dev")] {
            let up = metadata(&ours, &[("wire", "session", kind)]);
            let failures = check(&up, &house(&ours)).failures();
            assert_eq!(failures.len(), 1);
            assert!(
                failures.iter().all(|f| f.starts_with("wire -> session:")),
                "{failures:?}"
            );
        }
    }

    #[test]
    fn a_crate_without_a_layer_fails() {
        let ours = ["helpers"];
        let failures = check(&metadata(&ours, &[]), &house(&ours)).failures();
        assert!(
            failures.iter().any(|f| f.contains("in no layer")),
            "{failures:?}"
        );
    }

    #[test]
    fn a_system_package_fails_directly_and_through_others() {
        let ours = ["node"];
        let edges = [("node", "helpful", None), ("helpful", "tokio", None)];
        let failures = check(&metadata(&ours, &edges), &house(&ours)).failures();
        assert!(
            failures
                .iter()
                .any(|f| f.starts_with("node -> helpful -> tokio:")),
            "{failures:?}"
        );
        let dev = [
            ("node", "proptest", Some("dev")),
            ("proptest", "rand", None),
        ];
        assert!(
            check(&metadata(&ours, &dev), &house(&ours))
                .failures()
                .is_empty()
        );
        let shell = ["os"];
        let edges = [("os", "rustix", None)];
        assert!(
            check(&metadata(&shell, &edges), &house(&shell))
                .failures()
                .is_empty()
        );
    }

    #[test]
    fn the_word_unsafe_fails_outside_os() {
        let ours = ["wire"];
        let code = "fn f() { m!(unsafe { g() }) } // unsafe in a comment is fine\n";
        for (path, count) in [("crates/wire/src/lib.rs", 1), ("crates/os/src/lib.rs", 0)] {
            let tree = Tree::of(&[(path, code), ("crates/wire/Cargo.toml", LINTS)]);
            assert_eq!(
                check(&metadata(&ours, &[]), &tree).failures().len(),
                count,
                "{path}"
            );
        }
    }

    #[test]
    fn asking_for_sabotage_fails_outside_tests() {
        let ours = ["kumi"];
        for (kind, count) in [(None, 1), (Some("dev"), 0)] {
            let mut metadata = metadata(&ours, &[]);
            for package in &mut metadata.packages {
                package.dependencies = serde_json::from_value(serde_json::json!([
                    {"name": "session", "kind": kind, "features": [SABOTAGE]}
                ]))
                .expect("fixture");
            }
            let failures = check(&metadata, &house(&ours)).failures();
            assert_eq!(failures.len(), count, "{failures:?}");
        }
    }

    #[test]
    fn leaving_the_lints_or_the_bans_fails() {
        let ours = ["wire"];
        let tree = Tree::of(&[
            ("crates/wire/Cargo.toml", "[package]\n"),
            ("crates/wire/clippy.toml", ""),
        ]);
        let failures = check(&metadata(&ours, &[]), &tree).failures();
        assert!(
            failures.iter().any(|f| f.contains("does not inherit")),
            "{failures:?}"
        );
        assert!(
            failures.iter().any(|f| f.contains("out of the bans")),
            "{failures:?}"
        );
    }
}
