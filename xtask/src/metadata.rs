//! The part of `cargo metadata` that the checks read: packages, their targets, and the resolved dependency graph.
//!
//! The graph is resolved for Linux on x86-64, whatever the machine, so that the answer is the same everywhere.

use std::path::Path;
use std::process::Command;

use serde::Deserialize;

/// The platform the graph is resolved for.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";

/// Output of `cargo metadata --format-version 1`.
#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    /// Every package in the graph, ours and others'.
    pub(crate) packages: Vec<Package>,
    /// Package ids of our own crates.
    pub(crate) workspace_members: Vec<String>,
    /// The graph.
    pub(crate) resolve: Resolve,
    /// Absolute path of the project's root.
    pub(crate) workspace_root: String,
}

/// One package.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    /// Opaque id, key into the graph.
    pub(crate) id: String,
    /// Name in its `Cargo.toml`.
    pub(crate) name: String,
    /// Absolute path of its `Cargo.toml`.
    pub(crate) manifest_path: String,
    /// What its `Cargo.toml` asks for.
    #[serde(default)]
    pub(crate) dependencies: Vec<Wish>,
    /// Libraries, binaries, tests.
    pub(crate) targets: Vec<Target>,
}

/// A dependency as its user wrote it.
#[derive(Debug, Deserialize)]
pub(crate) struct Wish {
    /// Name of the package.
    pub(crate) name: String,
    /// `None` for a normal dependency, else `build` or `dev`.
    pub(crate) kind: Option<String>,
    /// Features asked for.
    pub(crate) features: Vec<String>,
}

/// One thing a package builds.
#[derive(Debug, Deserialize)]
pub(crate) struct Target {
    /// Absolute path of its root file.
    pub(crate) src_path: String,
}

/// The resolved graph.
#[derive(Debug, Deserialize)]
pub(crate) struct Resolve {
    /// One node per package.
    pub(crate) nodes: Vec<Node>,
}

/// A package's place in the graph.
#[derive(Debug, Deserialize)]
pub(crate) struct Node {
    /// Package id.
    pub(crate) id: String,
    /// What it depends on.
    pub(crate) deps: Vec<Edge>,
}

/// One dependency.
#[derive(Debug, Deserialize)]
pub(crate) struct Edge {
    /// Package id it points to.
    pub(crate) pkg: String,
    /// Normal, build, dev; one entry each.
    pub(crate) dep_kinds: Vec<DepKind>,
}

/// How a dependency is used.
#[derive(Debug, Deserialize)]
pub(crate) struct DepKind {
    /// `None` for a normal dependency, else `build` or `dev`.
    pub(crate) kind: Option<String>,
}

impl Edge {
    /// Whether the dependency ends up in the program itself.
    pub(crate) fn is_normal(&self) -> bool {
        self.dep_kinds.iter().any(|kind| kind.kind.is_none())
    }
}

/// Asks cargo.
///
/// # Errors
/// cargo cannot be started, fails, or answers something else than expected; the text says which.
pub(crate) fn load(root: &Path) -> Result<Metadata, String> {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--filter-platform",
            PLATFORM,
        ])
        .current_dir(root)
        .output()
        .map_err(|error| format!("cargo metadata cannot be started: {error}"))?;
    if !output.status.success() {
        return Err(format!(
            "cargo metadata failed: {}",
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("cargo metadata answered something unexpected: {error}"))
}
