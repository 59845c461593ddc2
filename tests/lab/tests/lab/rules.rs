//! Rules within groups: who may reach which service, on real nodes with real programs.

use std::time::{Duration, Instant};

use lab::account::Account;
use lab::host::Host;
use lab::http;
use lab::lan::Lan;
use lab::need_root;
use lab::ns::{Running, eventually};

const LIMIT: Duration = Duration::from_secs(60);
/// Until a change that the server tells has come.
const SOON: Duration = Duration::from_secs(5);

const RULES: &str = r#"
[[rule]]
from = "staff"
to = "server"
services = ["tcp/8080", "udp/53"]

[[test]]
from = "ada"
to = "web"
service = "tcp/8080"
open = true

[[test]]
from = "bob"
to = "web"
service = "tcp/8080"
open = false
"#;

/// A server that is no member, and the members ada, bob and web of `lab`; web serves two ports, ada one.
fn lab(lan: &Lan) -> (Vec<Host<'_>>, Vec<Running>) {
    let names = ["gms", "ada", "bob", "web"];
    let hosts = lan.hosts.iter().zip(names);
    let hosts: Vec<Host<'_>> = hosts
        .map(|(ns, name)| Host::new(ns, Account::Root, &format!("rules-{name}")))
        .collect();
    hosts[0].kumi(&["group", "create", "lab", "--apart"]);
    for (host, name) in hosts.iter().zip(names).skip(1) {
        let line = hosts[0].kumi(&["group", "add", name, "lab"]);
        host.kumi(&["join", line.trim()]);
    }
    let servers = [(3, 8080), (3, 8081), (1, 8080)].map(|(at, port)| {
        let host: &Host<'_> = &hosts[at];
        std::fs::write(host.dir.join("page"), vec![7; 32 << 20]).expect("a file");
        http::serve(host, &host.f(), port)
    });
    (hosts, servers.into())
}

fn url(host: &Host<'_>, port: u16) -> String {
    http::url(&host.f(), port, "page")
}

fn fetches(from: &Host<'_>, to: &Host<'_>, port: u16) -> bool {
    http::fetches(from, &["--connect-timeout", "4"], &url(to, port))
}

fn pings(from: &Host<'_>, to: &Host<'_>) -> bool {
    let argv = from.inside(&["ping", "-c", "1", "-W", "2", &to.f()]);
    let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
    let pinged = from.ns.output(from.account, &from.home(), &argv, LIMIT);
    pinged.status.success()
}

fn rules_file(host: &Host<'_>, text: &str) -> String {
    let file = host.dir.join("rules.toml");
    std::fs::write(&file, text).expect("a file");
    file
}

/// The rules as the members have them, after the roles that they speak of.
fn rule(hosts: &[Host<'_>]) {
    hosts[0].kumi(&["group", "role", "ada", "staff"]);
    hosts[0].kumi(&["group", "role", "web", "server"]);
    let file = rules_file(&hosts[0], RULES);
    let said = hosts[0].kumi(&["group", "rules", "lab", &file]);
    assert!(said.contains("2 tests hold"), "{said}");
}

#[test]
fn members_reach_what_the_rules_permit_and_sessions_that_stand_obey() {
    need_root();
    let lan = Lan::new(4);
    let (hosts, _servers) = lab(&lan);
    let [gms, ada, bob, web] = &hosts[..] else {
        panic!("four hosts");
    };
    for (from, to, port) in [(ada, web, 8081), (bob, web, 8080), (web, ada, 8080)] {
        http::wait_for(from, &url(to, port));
    }
    // Somebody is in the middle of something that the rules do not permit.
    let got = bob.dir.join("got");
    let page = url(web, 8080);
    let slow = [
        "curl",
        "-sS",
        "-g",
        "--limit-rate",
        "1M",
        "--max-time",
        "30",
        "-o",
    ];
    let slow = [&slow[..], &[&got, &page]].concat();
    let mut running = bob.spawn_inside(&slow);
    eventually(LIMIT, "some of the page", || {
        let len = std::fs::metadata(&got).ok()?.len();
        (len > 1 << 20).then_some(())
    });
    gms.kumi(&["group", "role", "ada", "staff"]);
    gms.kumi(&["group", "role", "web", "server"]);
    let file = rules_file(gms, RULES);
    let planned = gms.json(&["group", "plan", "rules", "lab", &file]);
    let pairs = planned["pairs"].as_array().expect("pairs");
    let pair = |one: &str, other: &str| {
        let is = |it: &&serde_json::Value| it["one"] == one && it["other"] == other;
        pairs.iter().find(is).expect("the pair")
    };
    assert_eq!(pair("ada", "web")["forth"]["is"][0], "tcp/8080");
    assert_eq!(pair("ada", "web")["back"]["is"], serde_json::json!([]));
    assert!(fetches(bob, web, 8081), "nothing is done yet");
    rule(&hosts);
    let shut = Instant::now();
    eventually(SOON, "the rules to count", || {
        (!fetches(bob, web, 8081)).then_some(())
    });
    assert!(fetches(ada, web, 8080), "what a rule names");
    for (from, to, port) in [
        (ada, web, 8081),
        (bob, web, 8080),
        (web, ada, 8080),
        (ada, bob, 22),
    ] {
        let since = Instant::now();
        assert!(!fetches(from, to, port), "port {port}");
        let took = since.elapsed();
        assert!(
            took < Duration::from_secs(3),
            "it is refused, not lost: {took:?}"
        );
    }
    assert!(pings(ada, web) && !pings(bob, web) && !pings(web, ada));
    // The one in the middle of something gets no further than what had come already.
    let len = || std::fs::metadata(&got).expect("a file").len();
    eventually(Duration::from_secs(15), "the page to stop coming", || {
        let before = len();
        std::thread::sleep(Duration::from_secs(2));
        (len() == before).then_some(())
    });
    assert!(len() < 32 << 20, "not all of it: {:?}", shut.elapsed());
    assert!(running.is_alive(), "it waits in vain");
    // It is the element that decrypts that decides, and the one that encrypts that says so.
    let denied = |host: &Host<'_>, reason: &str| {
        host.json(&["status"])["drops"][reason]
            .as_u64()
            .unwrap_or(0)
    };
    assert!(denied(bob, "ruled_out") > 0, "the sender knew");
    let why = ada.kumi(&["why", &web.f(), "--port", "8080"]);
    assert!(
        why.contains("go encrypted") && why.contains("by its rule 1"),
        "{why}"
    );
    let why = ada.kumi(&["why", &web.f(), "--port", "tcp/8081"]);
    assert!(
        why.contains("are discarded") && why.contains("No rule of lab permits"),
        "{why}"
    );
    gms.kumi(&["group", "rules", "lab", "--none"]);
    eventually(SOON, "the rules to go", || {
        fetches(bob, web, 8081).then_some(())
    });
}

#[test]
fn a_test_blocks_what_breaks_it_and_says_which() {
    need_root();
    let lan = Lan::new(4);
    let (hosts, _servers) = lab(&lan);
    rule(&hosts);
    let gms = &hosts[0];
    let refused = |args: &[&str], reason: &str| {
        let output = gms.kumi_output(args);
        assert!(!output.status.success(), "{args:?}");
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(error.contains(reason), "{args:?}: {error}");
    };
    refused(&["group", "role", "ada"], "ada reaches web at tcp/8080");
    refused(
        &["group", "role", "bob", "staff"],
        "bob does not reach web at tcp/8080",
    );
    refused(
        &[
            "group",
            "rules",
            "lab",
            &rules_file(gms, "[[rule]]\nfrom = 1"),
        ],
        "rules.toml",
    );
    let wrong = RULES.replace("udp/53", "53");
    refused(
        &["group", "rules", "lab", &rules_file(gms, &wrong)],
        "rule 1: services",
    );
    // What is shown is what was given.
    let shown = gms.kumi(&["group", "rules", "lab"]);
    let given = rules_file(gms, &shown);
    gms.kumi(&["group", "rules", "lab", &given]);
    assert_eq!(gms.kumi(&["group", "rules", "lab"]), shown);
    let listed = gms.json(&["group", "list"]);
    assert_eq!(
        listed["managed"]["groups"][0]["tests"]
            .as_array()
            .map(Vec::len),
        Some(2)
    );
    // Nobody is kept in by a test.
    gms.kumi(&["group", "remove", "ada"]);
}

#[test]
fn whoever_was_away_hears_of_the_rules_from_a_member() {
    need_root();
    let lan = Lan::new(4);
    let (hosts, _servers) = lab(&lan);
    let [gms, ada, bob, web] = &hosts[..] else {
        panic!("four hosts");
    };
    http::wait_for(bob, &url(web, 8080));
    bob.kumi(&["down"]);
    rule(&hosts);
    eventually(SOON, "the rules to count", || {
        (!fetches(ada, web, 8081)).then_some(())
    });
    gms.kumi(&["down"]);
    bob.up();
    // It does not know the rules; the other end does, and tells.
    assert!(!fetches(bob, web, 8080));
    eventually(SOON, "the sender to know", || {
        let why = bob.kumi(&["why", &web.f(), "--port", "8080"]);
        why.contains("No rule of lab permits").then_some(())
    });
    for host in [ada, bob, web] {
        host.kumi(&["down"]);
        host.up();
    }
    eventually(LIMIT, "members to go on without a server", || {
        fetches(ada, web, 8080).then_some(())
    });
    assert!(!fetches(bob, web, 8080), "rules are kept over a restart");
}
