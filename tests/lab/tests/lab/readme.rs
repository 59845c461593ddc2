//! The first hour as the README tells it, executed from its text, in both languages.
//!
//! In the `sh` blocks of the section "Use it" every command says in its comment where it is typed:
//! `# on A`, `# on B`, `# on the Bridge` (`# A で`, `# B で`, `# Bridge で`). A line that is only such a comment
//! counts for the lines below it. A word with `…` in it stands for what a command before it printed, the
//! newest of its kind: `kumi1:AQAA…` an invite line, `fc3a:…` an address, `fc3a:…@HOST:PORT` a Bridge.
//!
//! A and B are ordinary accounts behind a NAT each, and the Bridge a third one with a public address.
//! As long as the text has no Bridge, A and B are on one LAN.

use std::path::Path;
use std::time::Duration;

use lab::account::{self, Account, Dir};
use lab::nat::Nat;
use lab::ns::Ns;
use lab::{kumi, need_root};

const LIMIT: Duration = Duration::from_secs(90);
/// What installs the program; here it is built already, and only put on PATH.
const INSTALL: &str = "cargo install --locked --path apps/kumi";
const ENGLISH: (&str, &str) = ("README.md", "## Use it");
const JAPANESE: (&str, &str) = ("README.ja.md", "## 使ってみる");

/// Where a command is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum On {
    A,
    B,
    Bridge,
}

/// One command.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    on: On,
    command: String,
}

/// The commands of a section.
fn steps((file, heading): (&str, &str)) -> Vec<Step> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(file);
    let text = std::fs::read_to_string(&path).expect("the README");
    let section = text.lines().skip_while(|line| !line.starts_with(heading));
    let section = section
        .enumerate()
        .take_while(|(n, line)| *n == 0 || !line.starts_with("## "));
    let lines: Vec<&str> = section.map(|(_, line)| line).collect();
    let mut steps = Vec::new();
    let mut inside = false;
    let mut below = None;
    for line in lines {
        match line {
            "```sh" => (inside, below) = (true, None),
            "```" => inside = false,
            _ if inside && !line.trim().is_empty() => {
                let (command, comment) = match line.find('#') {
                    Some(at) => (line[..at].trim(), &line[at + 1..]),
                    None => (line.trim(), ""),
                };
                let on = place(comment);
                if command.is_empty() {
                    below = on;
                    continue;
                }
                let on = on.or(below);
                let on = on.unwrap_or_else(|| panic!("{file}: where is `{line}` typed?"));
                let command = command.to_owned();
                steps.push(Step { on, command });
            }
            _ => {}
        }
    }
    assert!(!steps.is_empty(), "{file} has no commands under {heading}");
    steps
}

fn place(comment: &str) -> Option<On> {
    let words: Vec<&str> = comment
        .split(|c: char| c.is_whitespace() || ":,;、。：".contains(c))
        .filter(|word| !word.is_empty() && *word != "the")
        .collect();
    let on = |word: &str| match word {
        "A" => Some(On::A),
        "B" => Some(On::B),
        "Bridge" => Some(On::Bridge),
        _ => None,
    };
    words.windows(2).find_map(|pair| match pair {
        ["on", name] => on(name),
        [name, "で"] => on(name),
        _ => None,
    })
}

/// Puts what was printed into a command's placeholders.
fn fill(command: &str, printed: &str) -> String {
    let words = command.split(' ').map(|word| match word.contains('…') {
        true => fill_word(word, printed),
        false => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

fn fill_word(word: &str, printed: &str) -> String {
    let begin = ["kumi1:", "fc"]
        .into_iter()
        .find_map(|mark| word.find(mark));
    let begin = begin.unwrap_or_else(|| panic!("what does `{word}` stand for?"));
    let (before, rest) = word.split_at(begin);
    let is_bridge = rest.contains('@');
    let ends = |c: char| !(c.is_ascii_hexdigit() || c == ':' || c == '…');
    let end = match rest.starts_with("kumi1:") || is_bridge {
        true => rest.len(),
        false => rest.find(ends).unwrap_or(rest.len()),
    };
    let is_meant = |candidate: &str| {
        let address = |text: &str| {
            let parsed = text.parse::<std::net::Ipv6Addr>();
            parsed.is_ok_and(|address| address.octets()[0] == 0xfc)
        };
        match candidate.split_once('@') {
            _ if rest.starts_with("kumi1:") => candidate.starts_with("kumi1:"),
            Some((f, at)) => is_bridge && address(f) && at.contains(':'),
            None => !is_bridge && address(candidate),
        }
    };
    let candidates = printed.split(|c: char| c.is_whitespace() || !c.is_ascii());
    let found = candidates
        .map(|word| word.trim_matches(|c: char| "`,;()".contains(c)))
        .rfind(|word| is_meant(word));
    let found = found.unwrap_or_else(|| panic!("nothing printed fits `{word}`:\n{printed}"));
    format!("{before}{found}{}", &rest[end..])
}

/// A machine on which somebody follows the README.
struct Desk {
    ns: Ns,
    account: Account,
    home: Dir,
}

impl Desk {
    fn new(ns: Ns, account: Account, label: &str) -> Self {
        let home = Dir::new(account, label);
        let bin = home.path().join(".cargo/bin");
        let argv = ["mkdir", "-p", bin.to_str().expect("plain path")];
        ns.run(account, &home.join(""), &argv, LIMIT);
        Self { ns, account, home }
    }

    fn enter(&self, command: &str, language: &str) -> String {
        if command.starts_with("cargo ") {
            assert_eq!(command, INSTALL, "the README installs otherwise");
            let link = self.home.path().join(".cargo/bin/kumi");
            std::os::unix::fs::symlink(kumi(), link).expect("a link");
            return String::new();
        }
        let home = self.home.join("");
        let path = format!("PATH={}:/usr/bin:/bin", self.home.join(".cargo/bin"));
        let argv = ["env", &path, language, "sh", "-c", command];
        self.ns.run(self.account, &home, &argv, LIMIT)
    }
}

fn follow(readme: (&str, &str), language: &str) {
    need_root();
    account::prepare();
    let steps = steps(readme);
    let nat = Nat::new();
    let with_bridge = steps.iter().any(|step| step.on == On::Bridge);
    let lan_of_b = if with_bridge { &nat.b } else { &nat.a };
    let a = Desk::new(nat.a.host("a"), Account::A, "readme-a");
    let b = Desk::new(lan_of_b.host("b"), Account::B, "readme-b");
    let bridge = Desk::new(nat.public, Account::A, "readme-bridge");
    let mut printed = String::new();
    for step in &steps {
        let desk = match step.on {
            On::A => &a,
            On::B => &b,
            On::Bridge => &bridge,
        };
        let command = fill(&step.command, &printed);
        println!("{:?}$ {command}", step.on);
        let text = desk.enter(&command, language);
        println!("{text}");
        printed.push_str(&text);
        printed.push('\n');
    }
    // Each command that fails ends the test, so an answer was had for each of these.
    let pings = steps
        .iter()
        .filter(|it| it.command.starts_with("kumi ping"));
    assert_eq!(pings.count(), 2, "one of two machines, one in a group");
}

#[test]
fn following_the_readme_in_english_two_machines_talk() {
    follow(ENGLISH, "LANG=C.UTF-8");
}

#[test]
fn following_the_readme_in_japanese_two_machines_talk() {
    follow(JAPANESE, "LANG=ja_JP.UTF-8");
}

#[test]
fn both_readmes_have_the_same_commands() {
    assert_eq!(steps(ENGLISH), steps(JAPANESE));
}

#[test]
fn placeholders_are_filled_with_the_newest_of_their_kind() {
    let printed = "address fc00::1\n  kumi join kumi1:OLD\n(kumi1:AQAB_-x)、fc00::2。\n\
                   `fc00::3@192.0.2.2:4649`\n";
    for (command, expected) in [
        ("kumi join kumi1:AQAA…", "kumi join kumi1:AQAB_-x"),
        ("ssh fc3a:…", "ssh fc00::2"),
        ("ssh alice@fc3a:…:0e", "ssh alice@fc00::2"),
        ("curl http://[fc3a:…]/x", "curl http://[fc00::2]/x"),
        (
            "kumi up --bridge fc3a:…@HOST:PORT",
            "kumi up --bridge fc00::3@192.0.2.2:4649",
        ),
        ("kumi ping", "kumi ping"),
    ] {
        assert_eq!(fill(command, printed), expected);
    }
}

#[test]
fn comments_say_where_a_command_is_typed() {
    for (comment, on) in [
        (" on A", Some(On::A)),
        (" on B: that line", Some(On::B)),
        (" on the Bridge: prints", Some(On::Bridge)),
        (" A で: 招待行", Some(On::A)),
        (" Bridge で、一度だけ", Some(On::Bridge)),
        (" on Bob", None),
        (" A", None),
    ] {
        assert_eq!(place(comment), on, "{comment}");
    }
}
