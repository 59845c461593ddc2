//! `kumi group cost` against its pages, and files that are no scenario.

use super::*;
use crate::language::Language;

const SCENARIOS: [&str; 4] = ["five-elements", "seven-elements", "four-nodes", "mixed"];

fn docs(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("../../docs/load").join(name)
}

/// What the pages say is what the command prints.
#[test]
fn the_pages_hold_what_the_command_prints() {
    for (language, page) in [(Language::En, "README.md"), (Language::Ja, "README.ja.md")] {
        let page = std::fs::read_to_string(docs(page)).unwrap();
        let text = Text::new(language);
        let mut printed: Vec<String> = SCENARIOS
            .map(|name| lines(&text, &counted(&docs(&format!("{name}.toml"))).unwrap()).join("\n"))
            .into();
        let curve: Vec<Point> = numbers_up_to(100).map(curve).collect();
        printed.push(growth(&text, &curve).join("\n"));
        for block in printed {
            assert!(page.contains(&block), "not in the page:\n{block}");
        }
    }
}

#[test]
fn a_curve_ends_at_the_number_asked_for() {
    let up_to = |last| numbers_up_to(last).collect::<Vec<_>>();
    assert_eq!(up_to(2), [2]);
    assert_eq!(up_to(7), [2, 5, 7]);
    assert_eq!(up_to(100), [2, 5, 10, 20, 50, 100]);
    assert_eq!(up_to(NODES_MAX).last(), Some(&NODES_MAX));
}

#[test]
fn a_file_that_is_no_scenario_is_named_with_the_fix() {
    for language in [Language::En, Language::Ja] {
        let text = Text::new(language);
        for (name, id) in [
            ("none.toml", "error-scenario-unreadable"),
            ("README.md", "error-scenario-syntax"),
            ("/dev/zero", "error-scenario-large"),
        ] {
            let failure = counted(&docs(name)).err().unwrap();
            assert_eq!(failure.id, id);
            let [what, why, fix] = failure.sentences(&text);
            assert!(what.contains(name) && !why.is_empty() && fix.contains("docs/load"));
        }
    }
}
