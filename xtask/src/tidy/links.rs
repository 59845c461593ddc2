//! Relative links in the documents point at files that exist.
//!
//! Looks at `[text](target)`, `[name]: target`, `src="…"` and `href="…"` in every Markdown file, outside code.
//! Not followed: links with a scheme, and the part after `#`.

use crate::report::Report;
use crate::tree::Tree;

/// Looks for links to nowhere.
pub(crate) fn check(tree: &Tree) -> Report {
    let mut report = Report::default();
    for (path, text) in tree.texts(".md") {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for (line, target) in links_of(text) {
            if !is_relative(target) {
                continue;
            }
            let file = target.split('#').next().unwrap_or_default();
            match join(folder, file) {
                Some(joined) if joined.is_empty() || tree.exists(&joined) => {}
                _ => report.fail(
                    format!("{path}:{line}"),
                    format!("links to `{target}`, which does not exist"),
                ),
            }
        }
    }
    report
}

fn is_relative(target: &str) -> bool {
    let scheme = target
        .split_once(':')
        .is_some_and(|(scheme, _)| scheme.chars().all(|c| c.is_ascii_alphanumeric()));
    !(target.is_empty() || target.starts_with('#') || scheme)
}

/// `folder` and a relative path as one path; `None` when it leaves the project.
fn join(folder: &str, relative: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    if relative.starts_with('/') {
        parts.clear();
    }
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// All link targets with their line, code blocks and code spans left out.
fn links_of(text: &str) -> Vec<(usize, &str)> {
    let mut links = Vec::new();
    let mut in_code = false;
    for (number, line) in (1..).zip(text.lines()) {
        let trimmed = line.trim_start();
        if trimmed.starts_with("```") || trimmed.starts_with("~~~") {
            in_code = !in_code;
            continue;
        }
        if in_code {
            continue;
        }
        for (index, part) in line.split('`').enumerate() {
            // Odd parts stand between backquotes; a link's text may hold code, so its target is looked for too.
            if index % 2 == 0 {
                links.extend(targets_in(part).map(|target| (number, target)));
            }
        }
        if let Some((name, target)) = trimmed.split_once("]: ")
            && name.starts_with('[')
        {
            links.push((number, target.split(' ').next().unwrap_or_default()));
        }
    }
    links
}

fn targets_in(part: &str) -> impl Iterator<Item = &str> {
    const OPENINGS: &[(&str, char)] = &[("](", ')'), ("src=\"", '"'), ("href=\"", '"')];
    OPENINGS.iter().flat_map(move |(open, close)| {
        part.match_indices(open).filter_map(move |(at, _)| {
            let rest = part.get(at + open.len()..)?;
            let target = rest.get(..rest.find(*close)?)?;
            target.split(' ').next()
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failures_in(text: &str) -> Vec<String> {
        check(&Tree::of(&[
            ("docs/a.md", text),
            ("docs/b.md", ""),
            ("README.md", ""),
        ]))
        .failures()
    }

    #[test]
    fn links_that_lead_somewhere_pass() {
        for text in [
            "[b](b.md)",
            "[b](./b.md#part)",
            "[up](../README.md)",
            "[folder](../docs)",
            "[web](https://example.org/x)",
            "[here](#part)",
            "[b]: b.md",
            "```\n[b](missing.md)\n```",
            "`[b](missing.md)`",
            "[`b`](b.md)",
        ] {
            assert!(failures_in(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn links_to_nowhere_fail() {
        for text in [
            "[b](missing.md)",
            "[b](../../outside.md)",
            "[`b`](missing.md)",
            "<img src=\"missing.svg\">",
            "[b]: missing.md",
        ] {
            assert_eq!(failures_in(text).len(), 1, "{text}");
        }
    }
}
