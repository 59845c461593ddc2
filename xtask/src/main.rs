//! The project's own checks, run as `cargo xtask NAME`; without a name it lists them.
//!
//! Each check reads the tree (and `cargo metadata`), returns a report, and never changes a file. `test` is the one
//! command that runs all of them and every test; CI runs the same.

mod decoders;
mod i18n;
mod layers;
mod metadata;
mod report;
mod rust;
mod seeds;
mod steps;
mod tidy;
mod tree;

use std::path::Path;
use std::process::ExitCode;

use report::Report;
use tree::Tree;

/// What `cargo xtask` prints without a name.
const HELP: &str = "\
cargo xtask layers            arrows between crates point down; unsafe only in os
cargo xtask tidy              sizes, module circles, words, missing docs, dead links
cargo xtask seeds             docs/seeds.md names tests that exist, in both languages
cargo xtask i18n              English and Japanese messages agree with the program
cargo xtask decoders          every decoder a stranger can reach has a fuzz target and a corpus
cargo xtask models            the Verifpal models of the handshake
cargo xtask test [--fast]     everything above but the models, and all tests; --fast leaves out campaign and lab";

fn main() -> ExitCode {
    // The package stands in the folder xtask, one below the project's root.
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here.parent().unwrap_or(here);
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let passed = match arguments.as_slice() {
        ["test"] => steps::test(root, steps::Extent::All),
        ["test", "--fast"] => steps::test(root, steps::Extent::Fast),
        ["models"] => steps::models(root),
        [name] => run_check(root, name),
        _ => help(),
    };
    if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Runs one check and prints what it found.
fn run_check(root: &Path, name: &str) -> bool {
    let outcome = match name {
        "layers" => with_metadata(root, layers::check),
        "tidy" => with_metadata(root, tidy::check),
        "seeds" => with_tree(root, seeds::check),
        "i18n" => with_tree(root, i18n::check),
        "decoders" => with_tree(root, decoders::check),
        _ => return help(),
    };
    match outcome {
        Ok(report) => report.print(name),
        Err(error) => {
            eprintln!("{name}: {error}");
            false
        }
    }
}

fn with_tree(root: &Path, check: impl Fn(&Tree) -> Report) -> Result<Report, String> {
    let tree = Tree::read(root).map_err(|error| format!("the tree cannot be read: {error}"))?;
    Ok(check(&tree))
}

fn with_metadata(
    root: &Path,
    check: impl Fn(&metadata::Metadata, &Tree) -> Report,
) -> Result<Report, String> {
    let metadata = metadata::load(root)?;
    with_tree(root, |tree| check(&metadata, tree))
}

fn help() -> bool {
    eprintln!("{HELP}");
    false
}
