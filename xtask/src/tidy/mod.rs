//! `cargo xtask tidy`: what keeps the source readable by a stranger, counted instead of argued about.
//!
//! | part | what it looks at |
//! |---|---|
//! | `sizes` | lines per file and per function |
//! | `cycles` | modules that need each other in a circle |
//! | `words` | names and words we do not use |
//! | `docs` | a doc comment on every module and public item |
//! | `links` | relative links in the documents |

mod cycles;
mod docs;
mod links;
mod sizes;
mod words;

use crate::metadata::Metadata;
use crate::report::Report;
use crate::rust;
use crate::tree::Tree;

/// Runs all parts.
pub(crate) fn check(metadata: &Metadata, tree: &Tree) -> Report {
    let mut report = Report::default();
    let files = rust::parse_all(tree, &mut report);
    report.absorb(sizes::check(tree, &files));
    report.absorb(cycles::check(&cycles::roots(metadata), &files));
    report.absorb(words::check(tree, &files));
    report.absorb(docs::check(&files));
    report.absorb(links::check(tree));
    report
}
