//! Removal: the live session ends at once, and port rules hold.

use std::time::Duration;

use lab::account::Account;
use lab::host::{Host, connect};
use lab::ns::eventually;
use lab::wire::Cable;
use lab::{http, need_root};

const LIMIT: Duration = Duration::from_secs(20);

fn pings(from: &Host<'_>, to: &str) -> bool {
    let argv = from.inside(&["ping", "-c", "1", "-W", "1", to]);
    let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
    from.ns
        .output(from.account, &from.home(), &argv, LIMIT)
        .status
        .success()
}

fn fetches(from: &Host<'_>, f: &str, port: u16) -> bool {
    http::fetches(from, &["--max-time", "2"], &http::url(f, port, ""))
}

#[test]
fn a_removed_peer_is_out_at_once_and_cannot_come_back() {
    need_root();
    let cable = Cable::new();
    let a = Host::new(&cable.a, Account::Root, "deny-a");
    let b = Host::new(&cable.b, Account::Root, "deny-b");
    let (f_a, f_b) = connect(&a, &b);
    assert!(pings(&b, &f_a));
    a.kumi(&["deny", &f_b]);
    assert!(
        !pings(&b, &f_a),
        "the live session went on after the removal"
    );
    assert!(!b.kumi_output(&["ping", &f_a, "-c", "2"]).status.success());
    a.kumi(&["allow", &f_b]);
    eventually(
        Duration::from_secs(20),
        "the peer to come back once allowed",
        || pings(&b, &f_a).then_some(()),
    );
}

#[test]
fn a_peer_allowed_one_port_gets_that_port_and_no_other() {
    need_root();
    let cable = Cable::new();
    let a = Host::new(&cable.a, Account::Root, "port-a");
    let b = Host::new(&cable.b, Account::Root, "port-b");
    let (f_a, f_b) = connect(&a, &b);
    let _servers = [
        http::serve(&a, &f_a, 8080),
        http::serve(&a, &f_a, 8081),
        http::serve(&b, &f_b, 9090),
    ];
    eventually(LIMIT, "both ports before the rule", || {
        (fetches(&b, &f_a, 8080) && fetches(&b, &f_a, 8081)).then_some(())
    });
    a.kumi(&["allow", &f_b, "--port", "tcp/8080"]);
    assert!(fetches(&b, &f_a, 8080));
    assert!(!fetches(&b, &f_a, 8081), "a port outside the rule answered");
    eventually(LIMIT, "answers to what A itself starts", || {
        fetches(&a, &f_b, 9090).then_some(())
    });
}
