//! `kumi id rotate` in a running network: F stays, traffic goes on, the old root is done.

use std::time::Duration;

use lab::account::Account;
use lab::host::{Host, connect};
use lab::need_root;
use lab::ns::eventually;
use lab::wire::Cable;

#[test]
fn rotation_keeps_the_address_and_the_session_and_reaches_online_peers_within_5_s() {
    need_root();
    let cable = Cable::new();
    let a = Host::new(&cable.a, Account::Root, "rot-a");
    let b = Host::new(&cable.b, Account::Root, "rot-b");
    let (f_a, f_b) = connect(&a, &b);
    let b_ping = b.ns.command(
        b.account,
        &b.home(),
        &["ping", "-i", "0.05", "-c", "120", &f_a],
    );
    let flow = std::thread::spawn(move || {
        let mut c = b_ping;
        c.output().expect("ping")
    });
    std::thread::sleep(Duration::from_millis(500));
    a.kumi(&["id", "rotate"]);
    let position = |host: &Host<'_>, f: &str| {
        let peers = host.json(&["peers"]);
        let peers = peers["peers"].as_array().cloned().unwrap_or_default();
        peers
            .iter()
            .find(|p| p["address"] == f)
            .and_then(|p| p["root_position"].as_u64())
    };
    eventually(
        Duration::from_secs(5),
        "the peer to refuse the old root",
        || (position(&b, &f_a) == Some(1)).then_some(()),
    );
    assert_eq!(a.f(), f_a, "the address changed");
    let out = flow.join().expect("the ping");
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(
        text.contains(" 0% packet loss"),
        "the session was disturbed:\n{text}"
    );
    // The new root survives a restart, and so does what the peer knows.
    a.kumi(&["down"]);
    a.up();
    eventually(Duration::from_secs(20), "traffic after the restart", || {
        a.kumi_output(&["ping", &f_b, "-c", "1"])
            .status
            .success()
            .then_some(())
    });
    assert_eq!(position(&b, &f_a), Some(1));
}
