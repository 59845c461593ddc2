//! kill -9 in the middle of a transfer: nothing in clear, and the next start needs no help.

use std::process::Command;
use std::time::Duration;

use lab::account::Account;
use lab::capture::Capture;
use lab::host::{Host, connect};
use lab::ns::{Running, eventually};
use lab::wire::Cable;
use lab::{CANARY, http, need_root};

/// A flood of canaries in both directions.
fn flood(a: &Host<'_>, f_a: &str, b: &Host<'_>, f_b: &str) -> [Running; 3] {
    std::fs::write(b.dir.join("page"), CANARY.repeat(1 << 20)).expect("a file");
    let server = http::serve(b, f_b, 8080);
    let url = http::url(f_b, 8080, "page");
    http::wait_for(a, &url);
    let fetch = [
        "curl",
        "-sS",
        "-g",
        "--limit-rate",
        "8M",
        "-o",
        "/dev/null",
        &url,
    ];
    let pattern: String = CANARY.iter().take(16).map(|b| format!("{b:02x}")).collect();
    let ping = ["ping", "-i", "0.01", "-s", "1000", "-p", &pattern, f_a];
    [server, a.spawn_inside(&fetch), b.spawn_inside(&ping)]
}

fn kill_node(host: &Host<'_>) {
    let pid = host.json(&["status"])["pid"]
        .as_u64()
        .expect("a pid in status");
    let killed = Command::new("kill").args(["-9", &pid.to_string()]).status();
    assert!(killed.expect("kill").success());
}

fn dies_and_comes_back(account: Account) {
    let cable = Cable::new();
    let a = Host::new(&cable.a, account, "kill-a");
    let b = Host::new(&cable.b, Account::Root, "kill-b");
    let (f_a, f_b) = connect(&a, &b);
    let capture = Capture::start(&cable.b, "eth0");
    let _flood = flood(&a, &f_a, &b, &f_b);
    std::thread::sleep(Duration::from_millis(1500));
    kill_node(&a);
    std::thread::sleep(Duration::from_millis(1500));
    eventually(Duration::from_secs(5), "the interface to go", || {
        (!cable.a.ip(&["-o", "link"]).contains("kumi")).then_some(())
    });
    a.up();
    assert_eq!(a.f(), f_a, "the address changed");
    eventually(Duration::from_secs(20), "traffic after the restart", || {
        let ping = b.kumi_output(&["ping", &f_a, "-c", "1"]);
        ping.status.success().then_some(())
    });
    let heard = capture.stop();
    assert_eq!(heard.canaries, 0, "plaintext on the wire");
    assert!(heard.bytes > 1 << 20, "{heard:?}");
    a.kumi(&["down"]);
}

#[test]
fn kill_9_leaks_nothing_and_leaves_nothing_in_the_way() {
    need_root();
    dies_and_comes_back(Account::Root);
    dies_and_comes_back(Account::A);
}
