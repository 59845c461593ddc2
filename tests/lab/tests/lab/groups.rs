//! Groups that are keys: put a node in a group, and that is all the configuration there is
//! (reference tests C5 to C7 and C14, with real nodes and real programs).

use std::process::Command;
use std::time::{Duration, Instant};

use lab::account::Account;
use lab::capture::Capture;
use lab::host::Host;
use lab::lan::Lan;
use lab::ns::eventually;
use lab::{CANARY, http, need_root};

const LIMIT: Duration = Duration::from_secs(60);

/// A server on the first host, which is no member, and members on the others, in `lab`.
fn lab<'a>(lan: &'a Lan, accounts: &[Account]) -> Vec<Host<'a>> {
    let hosts = lan.hosts.iter().zip(accounts).enumerate();
    let hosts: Vec<Host<'_>> = hosts
        .map(|(at, (ns, account))| Host::new(ns, *account, &format!("group-{at}")))
        .collect();
    hosts[0].kumi(&["group", "create", "lab", "--apart"]);
    for (at, host) in hosts.iter().enumerate().skip(1) {
        join(&hosts[0], host, &format!("m{at}"));
    }
    hosts
}

/// Makes a host the member `name` of `lab`: one line, typed once.
fn join(server: &Host<'_>, host: &Host<'_>, name: &str) {
    let line = server.kumi(&["group", "add", name, "lab"]);
    let text = host.kumi(&["join", line.trim()]);
    assert!(text.contains(name) && text.contains("lab"), "{text}");
}

fn pings(from: &Host<'_>, to: &str) -> bool {
    let argv = from.inside(&["ping", "-c", "1", "-W", "2", to]);
    let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
    let pinged = from.ns.output(from.account, &from.home(), &argv, LIMIT);
    pinged.status.success()
}

/// Kills a node without warning.
fn kill(host: &Host<'_>) {
    let pid = host.json(&["status"])["pid"].as_u64().expect("a pid");
    let killed = Command::new("kill").args(["-9", &pid.to_string()]).status();
    assert!(killed.expect("kill").success());
    eventually(Duration::from_secs(5), "the node to be gone", || {
        let gone = host.kumi_output(&["status"]);
        (!gone.status.success()).then_some(())
    });
}

#[test]
fn put_a_node_in_a_group_and_that_is_all() {
    need_root();
    let lan = Lan::new(4);
    let accounts = [Account::Root, Account::Root, Account::A, Account::Root];
    let hosts = lab(&lan, &accounts[..3]);
    let stranger = Host::new(&lan.hosts[3], Account::Root, "group-stranger");
    stranger.up();
    let (ada, bob) = (&hosts[1], &hosts[2]);
    let (f_ada, f_bob) = (ada.f(), bob.f());
    let capture = Capture::start(&lan.switch, "p2");
    std::fs::write(ada.dir.join("page"), CANARY.repeat(1 << 14)).expect("a file");
    let _server = http::serve(ada, &f_ada, 8080);
    let url = http::url(&f_ada, 8080, "page");
    http::wait_for(bob, &url);
    assert!(
        http::fetches(bob, &[], &url),
        "a whole page between members"
    );
    assert!(pings(ada, &f_bob) && pings(bob, &f_ada));
    for other in [&f_ada, &f_bob] {
        assert!(!pings(&stranger, other), "a stranger reaches no member");
        assert!(!pings(&hosts[0], other), "nor does a server that is none");
    }
    let heard = capture.stop();
    assert_eq!(heard.canaries, 0, "plaintext on the wire");
    assert!(heard.bytes > 1 << 19, "{heard:?}");
    // By name, also somebody whom this node has never met.
    for name in ["m1", "m1.lab", "m1.lab.kumi"] {
        bob.kumi(&["ping", name, "-c", "1"]);
    }
    let stranger = bob.kumi_output(&["ping", "m9.lab", "-c", "1"]);
    assert!(!stranger.status.success());
    let groups = bob.json(&["group", "list"]);
    assert_eq!(groups["member_of"][0]["group"], "lab");
    assert_eq!(groups["member_of"][0]["name"], "m2");
    let managed = hosts[0].json(&["group", "list"]);
    assert_eq!(
        managed["managed"]["members"].as_array().map(Vec::len),
        Some(2)
    );
    // A plan says what an order would do, and does nothing.
    let planned = hosts[0].json(&["group", "plan", "remove", "m1", "lab"]);
    let closes = serde_json::json!({
        "change": "closes", "one": "m1", "other": "m2", "groups": ["lab"], "waits": false,
        "forth": { "was": ["all"], "is": [] }, "back": { "was": ["all"], "is": [] },
    });
    assert_eq!(planned["pairs"], serde_json::json!([closes]));
    assert!(pings(ada, &f_bob) && pings(bob, &f_ada));
}

#[test]
fn who_is_removed_is_out_at_once_and_the_others_notice_nothing() {
    need_root();
    let lan = Lan::new(4);
    let hosts = lab(&lan, &[Account::Root; 4]);
    let (ada, bob, eve) = (&hosts[1], &hosts[2], &hosts[3]);
    let (f_ada, f_eve) = (ada.f(), eve.f());
    std::fs::write(ada.dir.join("page"), vec![7; 64 << 20]).expect("a file");
    let _server = http::serve(ada, &f_ada, 8080);
    let url = http::url(&f_ada, 8080, "page");
    http::wait_for(bob, &url);
    http::wait_for(eve, &url);
    // Both fetch; one of them is removed meanwhile.
    let fetch = |rate: &str, out: &str| {
        let all = [
            "curl",
            "-sS",
            "-g",
            "--max-time",
            "40",
            "--limit-rate",
            rate,
            "-o",
        ];
        [&all[..], &[out, &url]]
            .concat()
            .iter()
            .map(|it| (*it).to_owned())
            .collect::<Vec<_>>()
    };
    let bobs = fetch("8M", &bob.dir.join("got"));
    let bobs = bob.spawn_inside(&bobs.iter().map(String::as_str).collect::<Vec<_>>());
    let eves_file = eve.dir.join("got");
    let eves = fetch("1M", &eves_file);
    let _eves = eve.spawn_inside(&eves.iter().map(String::as_str).collect::<Vec<_>>());
    eventually(LIMIT, "the leaver to fetch something", || {
        let len = std::fs::metadata(&eves_file).ok()?.len();
        (len > 100_000).then_some(())
    });
    let ordered = Instant::now();
    hosts[0].kumi(&["group", "remove", "m3"]);
    let before = std::fs::metadata(&eves_file).expect("a file").len();
    let took = ordered.elapsed();
    std::thread::sleep(Duration::from_secs(2));
    let after = std::fs::metadata(&eves_file).expect("a file").len();
    // What curl had in its buffers may still be written.
    assert!(
        after - before < 3 << 20,
        "it went on fetching: {before}, {after}"
    );
    std::thread::sleep(Duration::from_secs(2));
    let later = std::fs::metadata(&eves_file).expect("a file").len();
    assert_eq!(after, later, "it still gets bytes");
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert!(!pings(eve, &f_ada) && !pings(ada, &f_eve));
    assert!(
        bobs.wait(LIMIT).success(),
        "the other's transfer was disturbed"
    );
    assert_eq!(
        eve.json(&["group", "list"])["member_of"],
        serde_json::json!([])
    );
}

#[test]
fn the_key_changes_under_iperf3_and_with_the_server_dead_members_go_on() {
    need_root();
    let lan = Lan::new(3);
    let hosts = lab(&lan, &[Account::Root; 3]);
    let (server, ada, bob) = (&hosts[0], &hosts[1], &hosts[2]);
    let (f_ada, f_bob) = (ada.f(), bob.f());
    assert!(pings(ada, &f_bob));
    let epoch = |host: &Host<'_>| {
        let groups = host.json(&["group", "list"]);
        groups["member_of"][0]["epochs"][0]
            .as_u64()
            .expect("an epoch")
    };
    let before = epoch(ada);
    let iperf = ["iperf3", "-s", "-1", "-B", &f_bob];
    let _server = bob.spawn_inside(&iperf);
    std::thread::sleep(Duration::from_millis(300));
    let client = [
        "iperf3", "-c", &f_bob, "-u", "-b", "50M", "-l", "1000", "-t", "6", "-J",
    ];
    let rotates = std::thread::scope(|scope| {
        let running = scope.spawn(|| ada.run_inside(&client, LIMIT));
        std::thread::sleep(Duration::from_secs(2));
        server.kumi(&["group", "rotate", "lab"]);
        std::thread::sleep(Duration::from_millis(500));
        kill(server);
        running.join().expect("iperf3")
    });
    let report: serde_json::Value = serde_json::from_str(&rotates).expect("JSON");
    assert_eq!(report["end"]["sum"]["lost_packets"], 0, "{rotates}");
    let after = epoch(ada);
    assert!(after > before && epoch(bob) == after, "{before}, {after}");
    // Both start again: everything that they need is on their own disks.
    for host in [ada, bob] {
        host.kumi(&["down"]);
        host.kumi(&["up", "--no-invite"]);
    }
    assert!(pings(ada, &f_bob) && pings(bob, &f_ada));
    // The server comes back, and knows what it knew.
    server.kumi(&["gms", "serve"]);
    eventually(LIMIT, "the members to come back", || {
        let managed = server.json(&["group", "list"]);
        let members = managed["managed"]["members"].as_array()?.clone();
        members
            .iter()
            .all(|it| it["in_touch"] == true)
            .then_some(())
    });
}

/// The node is in no group, and nobody does anything at its machine.
#[test]
fn who_was_taken_out_of_the_last_group_is_put_into_another_from_the_server() {
    need_root();
    let lan = Lan::new(3);
    let hosts = lab(&lan, &[Account::Root; 3]);
    let [server, one, two] = &hosts[..] else {
        panic!("three hosts");
    };
    server.kumi(&["group", "create", "office", "--apart"]);
    server.kumi(&["group", "remove", "m1", "lab"]);
    let groups = |host: &Host<'_>| {
        let list = host.json(&["group", "list"]);
        let all = list["member_of"].as_array().expect("groups").clone();
        let names = all.iter().filter_map(|it| it["group"].as_str());
        names.map(str::to_owned).collect::<Vec<_>>()
    };
    eventually(Duration::from_secs(5), "it to be out", || {
        groups(one).is_empty().then_some(())
    });
    assert!(!pings(one, &two.f()));
    for name in ["m1", "m2"] {
        let said = server.kumi(&["group", "add", name, "office"]);
        assert!(said.contains("Nothing is to be done"), "{said}");
    }
    eventually(
        Duration::from_secs(5),
        "it to be in the other group",
        || (groups(one) == ["office"]).then_some(()),
    );
    one.kumi(&["ping", "m2.office", "-c", "1"]);
    assert!(pings(two, &one.f()));
}
