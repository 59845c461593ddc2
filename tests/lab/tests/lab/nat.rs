//! The topology behind NATs is what it says: tests that rest on it prove nothing otherwise.

use std::time::Duration;

use lab::account::Account;
use lab::nat::{Nat, PUBLIC};
use lab::need_root;
use lab::ns::{Ns, eventually};

const LIMIT: Duration = Duration::from_secs(20);

fn succeeds(ns: &Ns, argv: &[&str]) -> bool {
    ns.output(Account::Root, "/root", argv, LIMIT)
        .status
        .success()
}

fn pings(ns: &Ns, to: &str, len: u16) -> bool {
    let len = len.to_string();
    succeeds(
        ns,
        &["ping", "-c", "1", "-W", "1", "-M", "do", "-s", &len, to],
    )
}

/// What the public host answers over `kind` (`DGRAM` or `STREAM`): the address it sees.
fn seen_as(ns: &Ns, kind: &str) -> Option<String> {
    let script = format!(
        "import socket\ns=socket.socket(socket.AF_INET,socket.SOCK_{kind})\ns.settimeout(1)\n\
         s.connect(('{PUBLIC}',7000))\ns.send(b'who')\nprint(s.recv(100).decode())"
    );
    let out = ns.output(Account::Root, "/root", &["python3", "-c", &script], LIMIT);
    let text = String::from_utf8_lossy(&out.stdout).trim().to_owned();
    out.status.success().then_some(text)
}

const SERVER: &str = "
import socket,threading
u=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); u.bind(('',7000))
t=socket.create_server(('',7000))
def udp():
  while True:
    d,a=u.recvfrom(100); u.sendto(a[0].encode(),a)
threading.Thread(target=udp,daemon=True).start()
while True:
  c,a=t.accept(); c.recv(100); c.send(a[0].encode()); c.close()
";

#[test]
fn hosts_behind_a_router_get_out_and_nobody_gets_in() {
    need_root();
    let nat = Nat::new();
    let (a, a2, b) = (nat.a.host("a1"), nat.a.host("a2"), nat.b.host("b1"));
    let _server = nat
        .public
        .spawn(Account::Root, "/root", &["python3", "-c", SERVER]);
    eventually(LIMIT, "the server", || seen_as(&a, "STREAM"));
    for (host, router) in [
        (&a, "198.51.100.2"),
        (&a2, "198.51.100.2"),
        (&b, "203.0.113.2"),
    ] {
        assert_eq!(seen_as(host, "DGRAM").as_deref(), Some(router));
        assert_eq!(seen_as(host, "STREAM").as_deref(), Some(router));
    }
    assert!(pings(&a, "192.168.1.3", 56), "one LAN");
    for to in ["192.168.2.2", "203.0.113.2"] {
        assert!(
            !pings(&a, to, 56),
            "{to} can be reached from the other home"
        );
    }
    for to in ["192.168.1.2", "198.51.100.2"] {
        assert!(
            !pings(&nat.public, to, 56),
            "{to} can be reached from outside"
        );
    }

    nat.a.block_udp(true);
    assert_eq!(seen_as(&a, "DGRAM"), None);
    assert!(seen_as(&a, "STREAM").is_some() && seen_as(&b, "DGRAM").is_some());
    nat.a.block_udp(false);
    assert!(seen_as(&a, "DGRAM").is_some());
}

#[test]
fn a_narrow_way_says_so_or_is_silent() {
    need_root();
    let nat = Nat::new();
    let a = nat.a.host("a1");
    // 28 bytes of headers.
    for (mtu, silent) in [(1280, false), (1280, true), (576, true), (1500, false)] {
        nat.set_mtu(&nat.a, mtu, silent);
        a.ip(&["route", "flush", "cache"]);
        assert!(pings(&a, PUBLIC, mtu - 28), "{mtu} {silent}");
        if mtu == 1500 {
            continue;
        }
        let len = (mtu - 27).to_string();
        let argv = ["ping", "-c", "1", "-W", "1", "-M", "do", "-s", &len, PUBLIC];
        let out = a.output(Account::Root, "/root", &argv, LIMIT);
        let said = String::from_utf8_lossy(&out.stdout).into_owned();
        assert!(!out.status.success(), "{mtu}: more than the MTU passed");
        assert_eq!(said.contains("Frag needed"), !silent, "{mtu}: {said}");
    }
}
