//! Rules and roles of a locked group, with real nodes and the real program: two admins on machines of their own sign
//! them, and members obey nobody else.

use std::time::Duration;

use lab::host::Host;
use lab::http;
use lab::lan::Lan;
use lab::need_root;
use lab::ns::{Running, eventually};

use crate::locked::{groups, hosts, passphrase, sign, vault};

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
"#;

/// Asks both admins for a member's admission, and brings what they sign; what is said at the first and the second.
fn admit(hosts: &[Host<'_>], member: &str) -> [String; 2] {
    let request = hosts[0].kumi(&["group", "request", member, "vault"]);
    [1, 2].map(|at| {
        let signed = sign(&hosts[at], &request);
        hosts[0].kumi(&["group", "approve", &signed])
    })
}

/// A member comes by a plain line, with roles, and the admins let it in.
fn enter(hosts: &[Host<'_>], host: &Host<'_>, name: &str, role: Option<&str>) {
    let roles: Vec<&str> = role.into_iter().flat_map(|it| ["--role", it]).collect();
    let line = hosts[0].kumi(&[&["group", "add", name, "vault"], &roles[..]].concat());
    host.kumi(&["join", line.trim()]);
    admit(hosts, name);
    eventually(LIMIT, "the member to be in", || {
        (groups(host) == ["vault"]).then_some(())
    });
}

/// What an admin reads before it signs, on standard error.
fn reads(host: &Host<'_>, request: &str) -> String {
    let (pass, file) = (passphrase(host), host.dir.join("one"));
    let with = ["--key-file", &file, "--passphrase-file", &pass, "--yes"];
    let output = host.kumi_output(&[&["group", "sign", request.trim()], &with[..]].concat());
    assert!(output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn serve(host: &Host<'_>) -> Vec<Running> {
    std::fs::write(host.dir.join("page"), vec![7; 1 << 16]).expect("a file");
    [8080, 8081]
        .map(|port| http::serve(host, &host.f(), port))
        .into()
}

fn url(host: &Host<'_>, port: u16) -> String {
    http::url(&host.f(), port, "page")
}

fn fetches(from: &Host<'_>, to: &Host<'_>, port: u16) -> bool {
    http::fetches(from, &["--connect-timeout", "4"], &url(to, port))
}

fn rules_file(host: &Host<'_>, text: &str) -> String {
    let file = host.dir.join("rules.toml");
    std::fs::write(&file, text).expect("a file");
    file
}

#[test]
fn members_obey_rules_and_roles_when_two_admins_have_signed_them_and_not_before() {
    need_root();
    let lan = Lan::new(6);
    let hosts = hosts(&lan);
    let (server, ada, bob, web) = (&hosts[0], &hosts[3], &hosts[4], &hosts[5]);
    vault(&hosts);
    enter(&hosts, ada, "ada", Some("staff"));
    enter(&hosts, bob, "bob", None);
    enter(&hosts, web, "web", Some("server"));
    let _pages = serve(web);
    for (from, port) in [(ada, 8081), (bob, 8080)] {
        http::wait_for(from, &url(web, port));
    }

    // A test that would fail blocks the order, and nobody is asked.
    let wrong = RULES.replace("from = \"ada\"", "from = \"bob\"");
    let refused = server.kumi_output(&["group", "rules", "vault", &rules_file(server, &wrong)]);
    let error = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success() && error.contains("bob reaches web at tcp/8080"),
        "{error}"
    );
    let none = server.json(&["group", "pending"]);
    assert_eq!(none["pending"], serde_json::json!([]));

    // The order asks the admins.
    let file = rules_file(server, RULES);
    let said = server.kumi(&["group", "rules", "vault", &file]);
    assert!(said.contains("wait for its admins"), "{said}");
    let waits = server.json(&["group", "pending"]);
    assert_eq!(waits["pending"][0]["what"], "rules");
    assert_eq!(waits["pending"][0]["rules"][0]["from"], "staff");
    let request = server.kumi(&["group", "request", "--rules", "vault"]);
    let words = reads(&hosts[1], &request);
    for part in ["\"staff\"", "\"server\"", "tcp/8080, udp/53", "is closed"] {
        assert!(words.contains(part), "{part}: {words}");
    }
    let first = sign(&hosts[1], &request);
    let said = server.kumi(&["group", "approve", &first]);
    assert!(
        said.contains("1 of 2") && said.contains("do not count"),
        "{said}"
    );
    std::thread::sleep(Duration::from_secs(2));
    assert!(
        fetches(bob, web, 8080) && fetches(ada, web, 8081),
        "one signature closes nothing"
    );
    let second = sign(&hosts[2], &request);
    let said = server.kumi(&["group", "approve", &second]);
    assert!(said.contains("count now"), "{said}");
    eventually(SOON, "the rules to count", || {
        (!fetches(bob, web, 8080)).then_some(())
    });
    assert!(fetches(ada, web, 8080), "what a rule names");
    assert!(!fetches(ada, web, 8081) && !fetches(web, ada, 22));
    let why = ada.kumi(&["why", &web.f(), "--port", "8080"]);
    assert!(why.contains("by its rule 1"), "{why}");

    // A role is what the admins sign; until then bob is what he was.
    let said = server.kumi(&["group", "role", "bob", "staff"]);
    assert!(said.contains("stays what it was"), "{said}");
    let table = server.kumi(&["group", "pending"]);
    assert!(table.contains("becomes staff"), "{table}");
    assert!(!fetches(bob, web, 8080), "nobody has signed");
    admit(&hosts, "bob");
    eventually(SOON, "bob to be staff", || {
        fetches(bob, web, 8080).then_some(())
    });
    // And less.
    server.kumi(&["group", "role", "bob"]);
    assert!(fetches(bob, web, 8080), "nobody has signed");
    admit(&hosts, "bob");
    eventually(SOON, "bob to be nothing", || {
        (!fetches(bob, web, 8080)).then_some(())
    });

    // They are kept, whoever is away.
    server.kumi(&["down"]);
    for host in [bob, web] {
        host.kumi(&["down"]);
        host.up();
    }
    let _pages = serve(web);
    eventually(LIMIT, "members to go on without a server", || {
        fetches(ada, web, 8080).then_some(())
    });
    assert!(!fetches(bob, web, 8080), "rules are kept over a restart");
    server.up();
    let log = server.json(&["gms", "log"]).to_string();
    for event in ["rules_asked", "rules_signed", "rules_set"] {
        assert!(log.contains(event), "{event} is in the audit trail");
    }
}

#[test]
fn a_line_that_the_admins_signed_gives_the_roles_that_they_read() {
    need_root();
    let lan = Lan::new(5);
    let hosts = hosts(&lan);
    let (server, web, eve) = (&hosts[0], &hosts[3], &hosts[4]);
    vault(&hosts);
    enter(&hosts, web, "web", Some("server"));
    let file = rules_file(server, RULES);
    server.kumi(&["group", "rules", "vault", &file]);
    let request = server.kumi(&["group", "request", "--rules", "vault"]);
    for at in [1, 2] {
        let signed = sign(&hosts[at], &request);
        server.kumi(&["group", "approve", &signed]);
    }
    let line = server.kumi(&["group", "add", "eve", "vault", "--role", "staff"]);
    let request = hosts[1].kumi(&["group", "offer", line.trim()]);
    let words = reads(&hosts[2], &request);
    assert!(words.contains("\"staff\""), "{words}");
    let signed = [1, 2].map(|at| sign(&hosts[at], &request));
    let complete = [
        &["group", "complete"],
        &signed.each_ref().map(String::as_str)[..],
    ]
    .concat();
    let line = hosts[1].kumi(&complete);
    eve.kumi(&["join", line.trim()]);
    assert_eq!(groups(eve), ["vault"]);
    let _pages = serve(web);
    http::wait_for(eve, &url(web, 8080));
    assert!(fetches(eve, web, 8080) && !fetches(eve, web, 8081));
}
