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

/// The cells of the line of a table that names something, after the first two.
fn cells(page: &str, named: &str) -> Vec<String> {
    let line = page
        .lines()
        .find(|it| it.starts_with('|') && it.contains(named));
    let line = line.unwrap_or_else(|| panic!("no line with {named}"));
    let cells = line.trim_matches('|').split('|').skip(2);
    cells.map(|it| it.trim().to_owned()).collect()
}

/// The table that shows all side by side has the numbers that are counted, and the pages show the
/// commands that are.
#[test]
fn the_pages_show_ours_beside_the_papers_with_the_commands() {
    // The most that ours may be.
    const MOST: [(&str, u32); 4] = [
        ("five-elements", 20),
        ("seven-elements", 26),
        ("four-nodes", 15),
        ("mixed", 15),
    ];
    for page in ["README.md", "README.ja.md"] {
        let page = std::fs::read_to_string(docs(page)).unwrap();
        for (name, most) in MOST {
            let counted = counted(&docs(&format!("{name}.toml"))).unwrap();
            let own = counted.kumihimo.expect("a session beside it");
            assert!(own.total.values <= most, "{name}");
            let of = |wanted| counted.totals.iter().find(|(scheme, _)| *scheme == wanted);
            let cell = |wanted| of(wanted).map_or_else(String::new, |(_, total)| total.to_string());
            let expected = [
                cell(Scheme::Gscip),
                cell(Scheme::Ike),
                cell(Scheme::Kink),
                own.total.values.to_string(),
                own.total.words.to_string(),
            ];
            assert_eq!(cells(&page, &format!("({name}.toml)")), expected);
            let session = std::fs::read_to_string(docs(&format!("{name}.session"))).unwrap();
            let typed = session.lines().filter(|it| !it.starts_with('#'));
            let typed = typed.collect::<Vec<_>>().join("\n");
            assert!(page.contains(typed.trim()), "{name}: other commands");
        }
    }
}

/// What the counts would be if an option and its value were two.
#[test]
fn the_pages_say_what_the_harsher_rule_gives() {
    let harsher = SCENARIOS.map(|name| {
        let counted = counted(&docs(&format!("{name}.toml"))).unwrap();
        let session = std::fs::read_to_string(docs(&format!("{name}.session"))).unwrap();
        let (initial, _) = session.split_once("\n[").unwrap_or((&session, ""));
        let typed = initial.lines().filter(|it| !it.starts_with('#'));
        let options = typed.flat_map(str::split_whitespace);
        let options = options.filter(|it| it.starts_with("--")).count();
        counted.kumihimo.unwrap().total.values as usize + options
    });
    let [a, b, c, d] = harsher;
    for (page, last) in [("README.md", " and "), ("README.ja.md", ", ")] {
        let page = std::fs::read_to_string(docs(page)).unwrap();
        let sentence = format!("{a}, {b}, {c}{last}{d}");
        assert!(page.contains(&sentence), "{sentence}");
    }
}

#[test]
fn a_move_takes_nothing_and_an_addition_six_at_most() {
    let counted = counted(&docs("five-elements.toml")).unwrap();
    let own = counted.kumihimo.expect("a session beside it");
    let of = |at: usize| own.changes[&counted.cost.changes[at].title];
    assert_eq!((of(0).values, of(0).words), (0, 0));
    assert!((1..=6).contains(&of(1).values));
    for (page, moves, adds) in [
        ("README.md", "heads moves", "a head more"),
        ("README.ja.md", "移動する |", "増える |"),
    ] {
        let page = std::fs::read_to_string(docs(page)).unwrap();
        for (line, at) in [(moves, 0), (adds, 1)] {
            let cells = cells(&page, line);
            let own = [of(at).values.to_string(), of(at).words.to_string()];
            assert_eq!(cells[3..], own, "{line}");
        }
    }
}

/// A session that says something else than its scenario is refused, not counted.
#[test]
fn a_session_that_is_none_is_named_with_the_fix() {
    let folder = std::env::temp_dir().join(format!("kumi-cost-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let scenario = folder.join("x.toml");
    std::fs::copy(docs("mixed.toml"), &scenario).unwrap();
    assert!(counted(&scenario).unwrap().kumihimo.is_none());
    for session in [
        "gms$ kumi gms serve --no-such-option",
        "gms$ rm -r /",
        "kumi up",
        "[A change that the scenario has not]",
    ] {
        std::fs::write(folder.join("x.session"), session).unwrap();
        let failure = counted(&scenario).err().expect(session);
        assert_eq!(failure.id, "error-session");
        for language in [Language::En, Language::Ja] {
            let [what, why, fix] = failure.sentences(&Text::new(language));
            assert!(what.contains("x.session") && !why.is_empty() && fix.contains("MACHINE$"));
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
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
