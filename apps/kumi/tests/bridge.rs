//! Bridges on the command line: being one, using one, and what is said when that fails.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops where it is surprised"
)]

mod common;

use common::Place;

fn line(bridge: &Place, args: &[&str]) -> String {
    let made = bridge.json(&[&["bridge", "invite"], args].concat());
    made["line"].as_str().unwrap().to_owned()
}

#[test]
fn two_nodes_use_a_bridge_and_it_lists_them() {
    let (bridge, a, b) = (
        Place::new("bridge"),
        Place::new("bridge-a"),
        Place::new("bridge-b"),
    );
    let said = bridge.ok(&["bridge", "up"]);
    assert!(said.contains("kumi up --bridge kumi1:"), "{said}");
    assert!(said.contains("This node is a Bridge"), "{said}");
    let status = bridge.json(&["status"]);
    let port = &status["listen_port"];
    assert_eq!(&status["serving"]["tcp_port"], port, "{status}");

    let words: Vec<&str> = said.split_whitespace().collect();
    let at = words.iter().position(|w| *w == "--bridge").unwrap();
    let up = a.ok(&["up", "--bridge", words[at + 1]]);
    assert!(up.contains("has taken this node"), "{up}");
    assert!(up.contains("It leads through the Bridge at"), "{up}");
    // Typed once more it says the same: the line is used, the Bridge is there.
    a.ok(&["up", "--bridge", words[at + 1]]);
    // `join` takes the line of a Bridge as well.
    let used = b.json(&["join", &line(&bridge, &[])]);
    assert_eq!(used["bridge"], status["address"]);
    let told = a.json(&["status"]);
    assert_eq!(told["bridges"][0]["attached"], true, "{told}");
    let said = a.ok(&["status"]);
    assert!(
        said.contains("over UDP") || said.contains("over TCP"),
        "{said}"
    );

    let b_at = b.json(&["status"])["address"].as_str().unwrap().to_owned();
    bridge.ok(&["bridge", "allow", &b_at, "--label", "ada", "--rate", "10M"]);
    let list = bridge.json(&["bridge", "list"]);
    let clients = list["clients"].as_array().unwrap();
    assert_eq!(clients.len(), 2, "{list}");
    let ada = clients.iter().find(|client| client["label"] == "ada");
    assert_eq!(ada.unwrap()["rate_bytes_s"], 1_250_000);
    let said = bridge.ok(&["bridge", "list"]);
    assert!(
        said.contains("10 Mbit/s") && said.contains("here"),
        "{said}"
    );
    bridge.ok(&["bridge", "deny", "ada"]);
    assert!(bridge.fails(&["bridge", "deny", "ida"], 1).contains("ida"));

    let bridge_at = status["address"].as_str().unwrap();
    a.ok(&["bridge", "forget", bridge_at]);
    let said = a.fails(&["bridge", "forget", bridge_at], 1);
    assert!(said.contains("does not use the Bridge"), "{said}");
    bridge.ok(&["bridge", "down"]);
    assert!(bridge.json(&["status"])["serving"].is_null());
    let said = bridge.fails(&["bridge", "invite"], 1);
    assert!(said.contains("Make it one: `kumi bridge up`."), "{said}");
}

#[test]
fn a_password_is_needed_checked_and_kept_out_of_a_report() {
    let (bridge, a) = (Place::new("password"), Place::new("password-a"));
    let words = "open sesame, please";
    let file = bridge.passphrase(words);
    let up = bridge.json(&["bridge", "up", "--password-file", &file]);
    assert_eq!(up["line"]["password"], true);
    assert_eq!(up["serving"]["lines_open"], 0);
    let line = up["line"]["line"].as_str().unwrap();
    let said = a.fails(&["bridge", "use", line], 2);
    assert!(said.contains("wants a password"), "{said}");
    let wrong = a.passphrase("open barley, please");
    let said = a.fails(&["bridge", "use", line, "--password-file", &wrong], 1);
    assert!(said.contains("The password is missing or wrong."), "{said}");
    let said = a.ok(&["status"]);
    assert!(said.contains("the password is missing or wrong"), "{said}");
    let said = a.ok(&["up", "--bridge", line, "--bridge-password-file", &file]);
    assert!(said.contains("has taken this node"), "{said}");
    for place in [&bridge, &a] {
        let report = place.ok(&["bugreport", "-"]);
        assert!(!report.contains("sesame") && !report.contains("barley"));
        assert!(!report.contains(&line[8..]), "{report}");
    }
    assert!(bridge.ok(&["bugreport", "-"]).contains("== clients =="));
}

#[test]
fn a_bridge_that_is_away_or_no_bridge_is_named() {
    let (bridge, a) = (Place::new("away"), Place::new("away-a"));
    bridge.ok(&["bridge", "up", "--no-line"]);
    let lost = line(&bridge, &[]);
    let invite = bridge.ok(&["invite"]);
    let said = a.fails(&["bridge", "use", invite.trim()], 2);
    assert!(said.contains("This is the invite of a peer"), "{said}");
    bridge.ok(&["down"]);
    let said = a.fails(&["bridge", "use", &lost, "--wait", "1"], 1);
    assert!(said.contains("did not answer within 1 seconds"), "{said}");
    assert!(a.ok(&["status"]).contains("it does not answer"));
    bridge.ok(&["up", "--no-invite"]);
    // It has another port now, and is the same Bridge.
    a.ok(&["bridge", "use", &line(&bridge, &[])]);
    assert_eq!(a.json(&["status"])["bridges"].as_array().unwrap().len(), 1);
}

#[test]
fn netcheck_says_what_passes_and_what_does_not() {
    let (bridge, a) = (Place::new("netcheck"), Place::new("netcheck-a"));
    a.ok(&["up", "--no-invite"]);
    let alone = a.json(&["netcheck"]);
    assert_eq!(alone["bridges"].as_array().unwrap().len(), 0);
    assert_eq!(alone["nat"], "unknown");
    assert_eq!(alone["discovery"], false);

    bridge.ok(&["bridge", "up", "--no-line"]);
    a.ok(&["bridge", "use", &line(&bridge, &[])]);
    let port = bridge.json(&["status"])["listen_port"].clone();
    let there = format!("127.0.0.1:{port}");
    let found = a.json(&["netcheck", &there, "127.0.0.1:1"]);
    assert_eq!(found["verdict"], "open", "{found}");
    assert_eq!(found["nat"], "none");
    let check = &found["bridges"][0];
    assert_eq!(
        (&check["udp"], &check["attached"]),
        (&true.into(), &true.into())
    );
    assert!(check["tcp"][0]["took_ms"].is_number(), "{check}");
    assert!(check["datagram_max"].as_u64().unwrap() >= 1200, "{check}");
    assert!(found["targets"][0]["took_ms"].is_number(), "{found}");
    assert_eq!(found["targets"][1]["failure"], "refused");
    let said = a.ok(&["netcheck"]);
    assert!(said.contains("Everything works here."), "{said}");
    assert!(said.contains("sees this node at"), "{said}");

    // What was true a moment ago does not count.
    bridge.ok(&["down"]);
    let found = a.json(&["netcheck"]);
    assert_eq!(found["verdict"], "blocked", "{found}");
    assert_eq!(found["bridges"][0]["udp"], false);
    assert_eq!(found["bridges"][0]["tcp"][0]["failure"], "refused");
}
