//! The program as its users meet it: exit codes, both languages, a node in the background.
//!
//! Each test has a state directory of its own and starts nodes without an interface and on
//! any free port, so that no privilege and no network is needed.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod common;

use common::Place;
use std::os::unix::fs::PermissionsExt;

#[test]
fn mistakes_exit_with_2_and_say_three_things() {
    let place = Place::new("usage");
    for args in [
        &["pnig"][..],
        &["join"],
        &["status", "--loud"],
        &["status", "--lang", "fr"],
        &["invite", "--expires", "yesterday"],
        &["allow", "laptop"],
        &["allow", "fc00::1", "--port", "22"],
        &["ping", "fc00::1", "-c", "0"],
        &["top", "-c", "0"],
        &["top", "--interval", "0.01"],
        &["demo", "--size", "0"],
        &["completions", "cmd.exe"],
        &["up", "--socks5", "1080"],
        &["up", "--http-proxy", "0.0.0.0:8080"],
        &["forward", "inside:22"],
        &["forward", "22", "127.0.0.1:22"],
        &["forward", "inside:22", "fc12::1:22"],
        &[
            "forward",
            "inside:22",
            "127.0.0.1:22",
            "--remove",
            "inside:22",
        ],
        &["join", "hello"],
        &["up", "--bridge", "hello"],
        &["bridge", "use", "hello"],
        &["bridge", "up", "--expires", "never"],
        &["bridge", "allow", "fc00::1", "--rate", "fast"],
        &["bridge", "allow", "fc00::1", "--customer", ""],
        &["bridge", "forget", "ada"],
        &["bridge"],
        &["netcheck", "localhost"],
        &["netcheck", "::1"],
    ] {
        let said = place.fails(args, 2);
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(lines.len(), 3, "{args:?}: {said}");
        assert!(lines[0].starts_with("kumi: "), "{said}");
        assert!(
            lines[1].starts_with("  why: ") && lines[2].starts_with("  fix: "),
            "{said}"
        );
    }
    std::fs::write(place.0.join("kumi.toml"), "lable = 'x'\n").unwrap();
    let said = place.fails(&["status"], 2);
    assert!(
        said.contains("kumi.toml:1:1: unknown key \"lable\"."),
        "{said}"
    );
    assert!(
        place.kumi(&["check"]).status.code() == Some(1),
        "check reports it and goes on"
    );
}

#[test]
fn without_a_node_reading_verbs_exit_with_3() {
    let place = Place::new("stopped");
    for args in [
        &["status"][..],
        &["peers"],
        &["top"],
        &["top", "-c", "2"],
        &["list"],
        &["invite"],
        &["run", "--", "true"],
        &["bridge", "list"],
        &["netcheck"],
        &["bridge", "invite"],
        &["bridge", "down"],
    ] {
        let said = place.fails(args, 3);
        assert!(said.contains("Start it with `kumi up`."), "{said}");
    }
    let output = place.kumi(&["status", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["error"]["code"], "not-running");
    assert_eq!(json["error"]["exit"], 3);
    assert!(
        place
            .fails(&["--lang", "ja", "status"], 3)
            .contains("ノードが起動していません。")
    );
    place.ok(&["down"]);
}

#[test]
fn files_of_others_exit_with_4() {
    let place = Place::new("modes");
    place.ok(&["id", "new"]);
    let key = place.0.join("state/node.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let said = place.fails(&["up"], 4);
    assert!(
        said.contains("node.key may be used by others (mode 0644)"),
        "{said}"
    );
}

#[test]
fn a_node_starts_answers_rotates_and_stops() {
    let place = Place::new("life");
    let up = place.ok(&["up"]);
    assert!(up.contains("kumi join kumi1:"), "{up}");
    let status = place.json(&["status"]);
    let address = status["address"].as_str().unwrap().to_owned();
    assert!(address.starts_with("fc") && up.contains(&address));
    assert_eq!(status["network"]["mode"], "none");
    assert!(place.ok(&["up"]).contains("running already"));
    assert!(
        place
            .fails(&["run", "--", "true"], 1)
            .contains("no private network")
    );

    let peer = "fc12:3456:789a:bcde:f012:3456:789a:bcde";
    place.ok(&["allow", peer, "--port", "tcp/22", "--label", "server"]);
    let list = place.json(&["list"]);
    assert_eq!(list["entries"][0]["who"], peer);
    assert_eq!(list["entries"][0]["services"]["ports"][0]["lo"], 22);
    assert!(place.fails(&["deny", "sever"], 1).contains("server"));
    place.ok(&["deny", "server"]);
    assert_eq!(
        place.json(&["list"])["entries"].as_array().map(Vec::len),
        Some(0)
    );
    assert!(place.fails(&["allow", &address], 2).contains("own address"));

    let rotated = place.json(&["id", "rotate"]);
    assert_eq!(rotated["address"], address.as_str());
    assert_eq!(rotated["node_told"], true);
    assert_eq!(place.json(&["status"])["root_position"], 1);

    let line = place.ok(&["invite", "--expires", "1h"]);
    assert!(
        line.starts_with("kumi1:") && line.lines().count() == 1,
        "{line}"
    );
    assert!(
        place
            .fails(&["join", line.trim()], 1)
            .contains("this very node")
    );
    let damaged = line.trim().replace("kumi1:A", "kumi1:B");
    place.fails(&["join", &damaged], 2);

    place.ok(&["down"]);
    place.fails(&["status"], 3);
    assert_eq!(place.json(&["id", "show"])["address"], address.as_str());
}

#[test]
fn sealed_keys_start_with_their_passphrase_only() {
    let place = Place::new("sealed");
    let file = place.passphrase("four words are enough");
    place.ok(&["id", "new", "--seal", "--passphrase-file", &file]);
    let both = ["--passphrase-file", &file, "--new-passphrase-file", &file];
    place.ok(&[&["id", "seal", "--node"], &both[..]].concat());
    assert_eq!(place.json(&["id", "show"])["files"]["node.key"], "sealed");
    place.ok(&["up", "--passphrase-file", &file]);
    place.ok(&["down"]);
    let wrong = place.passphrase("these are not the words");
    let said = place.fails(&["up", "--passphrase-file", &wrong], 1);
    assert!(said.contains("The passphrase does not open"), "{said}");
}

/// `kumi top` of a node that has one peer.
fn watched(place: &Place) {
    let said = place.ok(&["top", "--interval", "0.1"]);
    assert!(
        said.contains("offloads") && said.contains("total"),
        "{said}"
    );
    assert!(!said.contains('\x1b'), "not a terminal: {said:?}");
    let said = place.ok(&["top", "--json", "-c", "2", "-i", "0.1"]);
    let lines: Vec<serde_json::Value> = said
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2, "{said}");
    for line in lines {
        assert!(line["interval_s"].as_f64().unwrap() >= 0.1, "{line}");
        assert_eq!(line["peers"][0]["state"], "connected");
        assert!(line["peers"][0]["tx_bits_per_s"].is_f64(), "{line}");
    }
}

#[test]
fn two_nodes_join_and_ping_without_an_address() {
    let (a, b) = (Place::new("ping-a"), Place::new("ping-b"));
    a.ok(&["up", "--no-invite"]);
    let said = a.fails(&["ping"], 1);
    assert!(said.contains("There is no peer to ask."), "{said}");
    let line = a.ok(&["invite"]);
    let joined = b.json(&["join", line.trim(), "--wait", "20"]);
    let address = a.json(&["status"])["address"].clone();
    assert_eq!(joined["peer"], address);
    let ping = b.json(&["ping", "-c", "1"]);
    assert_eq!((&ping["peer"], &ping["received"]), (&address, &1.into()));
    watched(&b);
    let up = b.ok(&["up"]);
    assert!(
        up.contains("running already") && up.contains("kumi1:"),
        "{up}"
    );
    let peers = b.json(&["peers"]);
    let candidates = peers["peers"][0]["candidates"].as_array().unwrap();
    assert!(candidates.iter().any(|c| c["source"] == "observed"));
    b.ok(&["allow", "fc12:3456:789a:bcde:f012:3456:789a:bcde"]);
    let said = b.fails(&["ping"], 2);
    assert!(said.contains("There are 2 peers."), "{said}");
}

/// Whether 8 bytes in a row of the secret are in the text: raw, as hexadecimal, or as the
/// numbers of a list.
fn shows(text: &str, secret: &[u8]) -> bool {
    let hex: Vec<String> = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let list: Vec<String> = secret.iter().map(u8::to_string).collect();
    let lower = text.to_lowercase();
    (0..secret.len().saturating_sub(7)).any(|at| {
        let part = at..at + 8;
        let raw = &secret[part.clone()];
        text.as_bytes().windows(8).any(|window| window == raw)
            || lower.contains(&hex[part.clone()].concat())
            || text.contains(&list[part].join(", "))
    })
}

#[test]
fn a_report_of_a_live_node_has_no_secret_in_it() {
    let (a, b) = (Place::new("report-a"), Place::new("report-b"));
    let words = "four words are enough";
    let file = a.passphrase(words);
    a.ok(&["up", "--passphrase-file", &file]);
    // An invite that is used and one that is open; a failed one; a rotation; a sealed key.
    let used = a.ok(&["invite"]);
    b.json(&["join", used.trim(), "--wait", "20"]);
    b.ok(&["ping", "-c", "1"]);
    let open = a.ok(&["invite"]);
    a.fails(&["join", open.trim()], 1);
    a.ok(&["id", "rotate"]);
    let mut secrets = Vec::new();
    for name in ["root.key", "next.key", "node.key"] {
        let bytes = std::fs::read(a.0.join("state").join(name)).unwrap();
        // Between 35 bytes of header and 32 of check.
        secrets.push((name, bytes[35..bytes.len() - 32].to_vec()));
    }
    a.ok(&["id", "seal", "--passphrase-file", &file]);
    for (name, place) in [("a", &a), ("b", &b)] {
        let report = place.ok(&["bugreport", "-"]);
        for part in ["== status ==", "== peers ==", "node: events", "== log =="] {
            assert!(report.contains(part), "{part} of {name}: {report}");
        }
        for (key, secret) in &secrets {
            assert!(!shows(&report, secret), "{key} in the report of {name}");
        }
        assert!(!report.contains(words));
        for line in [&used, &open] {
            // The whole line, and any 12 characters of it after its name and version.
            let line = line.trim().strip_prefix("kumi1:").unwrap();
            let parts = line.as_bytes().windows(12).skip(2);
            for part in parts {
                let part = std::str::from_utf8(part).unwrap();
                assert!(!report.contains(part), "{part} in the report of {name}");
            }
        }
    }
    assert!(shows("x 0102030405060708", &[1, 2, 3, 4, 5, 6, 7, 8]));
}
