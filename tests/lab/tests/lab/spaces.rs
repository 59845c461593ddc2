//! Where a member is makes no difference to it: public IPv4, private IPv4 behind a NAT, and a move from
//! one to the other (reference tests C1 and C8, with real programs).

use std::time::Duration;

use lab::account::Account;
use lab::capture::Capture;
use lab::host::Host;
use lab::nat::{Lan, Nat, PUBLIC};
use lab::ns::{Ns, eventually};
use lab::{CANARY, http, need_root};

use crate::site::{action, serve, talks};

const LIMIT: Duration = Duration::from_secs(60);

/// A server of groups with a public address, in `lab` nobody yet.
fn server(ns: &Ns) -> Host<'_> {
    let server = Host::new(ns, Account::Root, "spaces-server");
    let create = ["group", "create", "lab", "--apart"];
    let site = ["--site", "192.0.2.0/24", "--site", "192.168.0.0/16"];
    server.kumi(&[&create[..], &site[..]].concat());
    server
}

fn member<'a>(server: &Host<'_>, ns: &'a Ns, name: &str) -> Host<'a> {
    let host = Host::new(ns, Account::Root, &format!("spaces-{name}"));
    let line = server.kumi(&["group", "add", name, "lab"]);
    host.kumi(&["join", line.trim()]);
    host
}

#[test]
fn a_member_behind_a_nat_encrypts_to_one_with_a_public_address() {
    need_root();
    let nat = Nat::new();
    let there = nat.second_public();
    let inside = nat.a.host("a");
    let server = server(&there);
    let (a, b) = (
        member(&server, &inside, "a"),
        member(&server, &nat.public, "b"),
    );
    let capture = Capture::start(b.ns, "eth0");
    let _web = serve(&b);
    let url = format!("http://{PUBLIC}:8080/page");
    assert_eq!(
        talks(a.ns, &url, PUBLIC),
        (true, true),
        "{}",
        a.json(&["pit"])
    );
    assert_eq!(action(&a, PUBLIC), "encrypt");
    assert_eq!(capture.stop().canaries, 0, "plaintext on the wire");
    // Who is in no group is let in as before, through the same NAT.
    let plain = nat.a.host("plain");
    assert_eq!(talks(&plain, &url, PUBLIC), (true, true));
}

/// Carries a host's cable to another LAN.
fn carry(host: &Host<'_>, to: &Lan) {
    host.ns.ip(&["link", "delete", "dev", "eth0"]);
    to.take_in(host.ns);
}

#[test]
fn a_member_that_moves_keeps_its_transfer_and_nothing_is_typed() {
    need_root();
    let nat = Nat::new();
    let there = nat.second_public();
    let inside = nat.a.host("mover");
    let server = server(&there);
    let (mover, still) = (
        member(&server, &inside, "mover"),
        member(&server, &nat.public, "still"),
    );
    let page = CANARY.repeat((8 << 20) / CANARY.len());
    std::fs::write(still.dir.join("copy"), &page).expect("a file");
    let f = still.f();
    let _web = http::serve(&still, &f, 8090);
    let url = http::url(&f, 8090, "copy");
    http::wait_for(&mover, &url);

    // While it moves: four seconds of a copy.
    let got = mover.dir.join("copy");
    let curl = [
        "curl",
        "-sS",
        "-g",
        "--limit-rate",
        "2M",
        "--max-time",
        "40",
        "-o",
        &got,
        &url,
    ];
    let copying = mover.spawn_inside(&curl);
    eventually(LIMIT, "the copy to run", || {
        let len = std::fs::metadata(&got).map_or(0, |it| it.len());
        (len > 1 << 20).then_some(())
    });
    carry(&mover, &nat.b);
    assert!(copying.wait(LIMIT).success());
    assert_eq!(std::fs::read(&got).expect("the copy"), page);

    // At rest: to its own site again, and the ordinary addresses of others are encrypted for at once.
    carry(&mover, &nat.a);
    let _plain = serve(&still);
    let url = format!("http://{PUBLIC}:8080/page");
    let capture = Capture::start(still.ns, "eth0");
    eventually(LIMIT, "the network to be there", || {
        let (tcp, echo) = talks(mover.ns, &url, PUBLIC);
        (tcp && echo).then_some(())
    });
    assert_eq!(action(&mover, PUBLIC), "encrypt");
    assert_eq!(capture.stop().canaries, 0, "plaintext on the wire");
    let status = mover.json(&["group", "list"]);
    assert_eq!(
        status["member_of"][0]["servers"][0]["in_touch"], true,
        "{status}"
    );
}
