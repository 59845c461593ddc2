//! Other accounts of the machine, and strangers on the cable.

use std::time::Duration;

use lab::account::Account;
use lab::capture::Capture;
use lab::host::{Host, connect};
use lab::wire::Cable;
use lab::{kumi, need_root};

#[test]
fn another_account_gets_nothing_from_the_control_socket() {
    need_root();
    let cable = Cable::new();
    let a = Host::new(&cable.a, Account::A, "uid-a");
    a.up();
    let state = a.dir.join("state");
    let kumi = kumi().to_string_lossy().into_owned();
    // Even when the directory would let them in.
    lab::sh("chmod", &["-R", "a+rwX", &a.dir.join("")]);
    for verb in [
        &["status"][..],
        &["peers"],
        &["invite"],
        &["list"],
        &["down"],
    ] {
        let argv: Vec<&str> = [&[kumi.as_str(), "--state", &state], verb].concat();
        let out =
            a.ns.output(Account::B, "/tmp", &argv, Duration::from_secs(10));
        assert!(!out.status.success(), "{verb:?} answered another account");
        assert!(!String::from_utf8_lossy(&out.stdout).contains("kumi1:"));
    }
}

#[test]
fn a_stranger_on_the_cable_gets_no_answer() {
    need_root();
    let cable = Cable::new();
    let a = Host::new(&cable.a, Account::Root, "str-a");
    let b = Host::new(&cable.b, Account::Root, "str-b");
    connect(&a, &b);
    b.kumi(&["down"]);
    let port = a.json(&["status"])["listen_port"]
        .as_u64()
        .expect("a port")
        .to_string();
    // Everything that a stranger can think of, from a port that nobody else uses.
    let script = format!(
        "import os,socket\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\ns.bind(('192.0.2.2',7777))\n\
         for i in range(20000):\n  n=i%1300\n  s.sendto(bytes([1+i%6,0,0,0])[:n]+os.urandom(max(0,n-4)),('192.0.2.1',{port}))\n\
         s.settimeout(1)\ntry:\n  print('ANSWERED',s.recv(2000))\nexcept TimeoutError:\n  print('silence')\n"
    );
    let capture = Capture::start(&cable.b, "eth0");
    let out = cable.b.run(
        Account::Root,
        "/root",
        &["python3", "-c", &script],
        Duration::from_secs(60),
    );
    assert_eq!(out.trim(), "silence");
    assert!(capture.stop().bytes > 1 << 20);
}
