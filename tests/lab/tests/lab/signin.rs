//! A group that asks for its users' sign-in as well as their machines, with the real program: nothing passes before,
//! everything after, and nothing again at once when somebody signs out.

use std::time::{Duration, Instant};

use lab::account::Account;
use lab::host::Host;
use lab::lan::Lan;
use lab::need_root;
use lab::ns::eventually;

const LIMIT: Duration = Duration::from_secs(60);
const ADAS: &str = "correct horse battery";
const BOBS: &str = "staple staple staple";

/// A file that only its owner may read.
fn secret(host: &Host<'_>, name: &str, text: &str) -> String {
    let path = host.dir.join(name);
    std::fs::write(&path, format!("{text}\n")).expect("a file");
    lab::sh("chmod", &["600", &path]);
    path
}

fn pings(from: &Host<'_>, to: &str) -> bool {
    let argv = from.inside(&["ping", "-c", "1", "-W", "2", to]);
    let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
    let pinged = from.ns.output(from.account, &from.home(), &argv, LIMIT);
    pinged.status.success()
}

/// Ends a node without warning, and starts it again.
fn again(host: &Host<'_>) {
    let pid = host.json(&["status"])["pid"].as_u64().expect("a pid");
    let killed = std::process::Command::new("kill")
        .args(["-9", &pid.to_string()])
        .status();
    assert!(killed.expect("kill").success());
    eventually(Duration::from_secs(5), "the node to be gone", || {
        let gone = host.kumi_output(&["status"]);
        (!gone.status.success()).then_some(())
    });
    host.up();
}

/// Exit code and code of an error.
fn refused(host: &Host<'_>, args: &[&str]) -> (Option<i32>, String) {
    let output = host.kumi_output(&[&["--json"], args].concat());
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let code = said["error"]["code"].as_str().unwrap_or_default();
    (output.status.code(), code.to_owned())
}

/// From the third failure on an attempt has to wait 1 s, 2 s, 4 s …: sooner or later one is too early, however
/// slow this machine is.
fn guessing_has_to_wait(host: &Host<'_>, guess: &[&str]) {
    let is_late = (0..8).any(|_| match refused(host, guess) {
        (Some(1), code) if code == "sign-in-later" => true,
        (Some(4), code) if code == "sign-in-refused" => false,
        other => panic!("{other:?}"),
    });
    assert!(is_late, "guessing goes on without a wait");
}

/// A server, two machines of a group that asks for a sign-in, and a user for each.
fn office(server: &Host<'_>, ada: &Host<'_>, bob: &Host<'_>) {
    server.kumi(&["group", "create", "pay", "--apart", "--sign-in", "12h"]);
    for (host, name) in [(ada, "ada-pc"), (bob, "bob-pc")] {
        let line = server.kumi(&["group", "add", name, "pay"]);
        let text = host.kumi(&["join", line.trim()]);
        assert!(text.contains("kumi login"), "{text}");
    }
    for (user, device, password) in [("ada", "ada-pc", ADAS), ("bob", "bob-pc", BOBS)] {
        let file = secret(server, user, password);
        server.kumi(&[
            "gms",
            "user",
            "add",
            user,
            "--on",
            device,
            "--password-file",
            &file,
        ]);
    }
    secret(ada, "right", ADAS);
    secret(ada, "wrong", "wrong password");
    secret(bob, "right", BOBS);
}

/// No packet passes, and the reason is named.
fn nobody_is_signed_in(ada: &Host<'_>, bob: &Host<'_>) {
    let (f_ada, f_bob) = (ada.f(), bob.f());
    bob.kumi(&["login", "bob", "--password-file", &bob.dir.join("right")]);
    assert!(!pings(ada, &f_bob) && !pings(bob, &f_ada));
    let why = ada.kumi(&["why", &f_bob]);
    assert!(why.contains("pay") && why.contains("kumi login"), "{why}");
    let status = ada.kumi(&["status"]);
    assert!(status.contains("pay: waits for a sign-in"), "{status}");
    let list = ada.json(&["group", "list"]);
    assert_eq!(list["member_of"], serde_json::json!([]), "{list}");
    assert!(list["sign_ins"][0]["groups"][0]["until_unix_s"].is_null());
}

/// Wrong password, unknown user, somebody else's machine: one answer.
fn refusals(ada: &Host<'_>) {
    let (right, wrong) = (ada.dir.join("right"), ada.dir.join("wrong"));
    for args in [
        ["login", "ada", "--password-file", &wrong],
        ["login", "nobody", "--password-file", &right],
        ["login", "bob", "--password-file", &right],
    ] {
        let denied = (Some(4), "sign-in-refused".to_owned());
        assert_eq!(refused(ada, &args), denied, "{args:?}");
    }
    assert_eq!(
        refused(ada, &["login", "--password-file", &right]).0,
        Some(2)
    );
    guessing_has_to_wait(ada, &["login", "ada", "--password-file", &wrong]);
}

/// Signing in, and what restarts keep of it.
fn signed_in(server: &Host<'_>, ada: &Host<'_>, bob: &Host<'_>) {
    let (f_ada, f_bob) = (ada.f(), bob.f());
    let right = ada.dir.join("right");
    // Signed in, when the wait after all the guesses is over.
    let login = ["login", "ada", "--password-file", &right];
    let text = eventually(LIMIT, "the wait to be over", || {
        let output = ada.kumi_output(&login);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        output.status.success().then_some(text)
    });
    assert!(text.contains("ada is signed in until"), "{text}");
    eventually(Duration::from_secs(5), "a ping", || {
        pings(ada, &f_bob).then_some(())
    });
    assert!(pings(bob, &f_ada));
    let status = ada.kumi(&["status"]);
    assert!(status.contains("pay: ada until"), "{status}");

    // Restarts keep it: the server's, and the node's.
    again(server);
    again(ada);
    eventually(Duration::from_secs(20), "a ping after restarts", || {
        pings(ada, &f_bob).then_some(())
    });
    eventually(Duration::from_secs(30), "the server to be in touch", || {
        let list = ada.json(&["group", "list"]);
        list["member_of"][0]["servers"][0]["in_touch"]
            .as_bool()
            .filter(|it| *it)
    });
}

/// Signing out, and being signed out.
fn signed_out(server: &Host<'_>, ada: &Host<'_>, bob: &Host<'_>) {
    let (f_ada, f_bob) = (ada.f(), bob.f());
    let right = ada.dir.join("right");
    // Signed out: it is over for the others, too.
    let started = Instant::now();
    let text = ada.kumi(&["logout"]);
    assert!(text.contains("Signed out"), "{text}");
    eventually(Duration::from_secs(5), "nothing to pass", || {
        let state = bob.json(&["peers"]).to_string();
        (!state.contains(&f_ada)).then_some(())
    });
    println!("out after {:?}", started.elapsed());
    assert!(!pings(bob, &f_ada) && !pings(ada, &f_bob));
    assert_eq!(
        refused(ada, &["logout"]),
        (Some(2), "sign-in-wrong".to_owned())
    );

    // An administrator takes it away.
    ada.kumi(&["login", "ada", "--password-file", &right]);
    eventually(Duration::from_secs(5), "a ping", || {
        pings(ada, &f_bob).then_some(())
    });
    server.kumi(&["gms", "user", "set", "ada", "--disable"]);
    eventually(Duration::from_secs(5), "nothing to pass", || {
        (!pings(ada, &f_bob)).then_some(())
    });
    let users = server.json(&["gms", "user", "list"]);
    assert_eq!(users["users"][0]["disabled"], true, "{users}");
}

/// Every attempt is in the trail, and no password is in any file.
fn traces(server: &Host<'_>, hosts: &[Host<'_>]) {
    let log = server.json(&["gms", "log", "--most", "1000"]).to_string();
    for event in ["signed_in", "sign_in_refused", "signed_out", "user_changed"] {
        assert!(log.contains(event), "{event}");
    }
    for host in hosts {
        let report = host.dir.join("report");
        host.kumi(&["bugreport", &report]);
        let files = [
            "--exclude=ada",
            "--exclude=bob",
            "--exclude=right",
            "--exclude=wrong",
        ];
        let words = ["-e", ADAS, "-e", BOBS, "-e", "wrong password"];
        let found = std::process::Command::new("grep")
            .arg("-rlaF")
            .args(files)
            .args(words)
            .arg(host.home())
            .output()
            .expect("grep");
        let found = (
            found.status.code(),
            String::from_utf8_lossy(&found.stdout).into_owned(),
        );
        assert_eq!(
            found,
            (Some(1), String::new()),
            "a password is in these files"
        );
    }
}

#[test]
fn the_person_counts_as_well_as_the_machine() {
    need_root();
    let lan = Lan::new(3);
    let hosts: Vec<Host<'_>> = lan
        .hosts
        .iter()
        .enumerate()
        .map(|(at, ns)| Host::new(ns, Account::Root, &format!("signin-{at}")))
        .collect();
    let [server, ada, bob] = &hosts[..] else {
        panic!("three hosts");
    };
    office(server, ada, bob);
    nobody_is_signed_in(ada, bob);
    refusals(ada);
    signed_in(server, ada, bob);
    signed_out(server, ada, bob);
    traces(server, &hosts);
}
