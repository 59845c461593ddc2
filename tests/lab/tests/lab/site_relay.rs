//! A router that only relays reports itself, and a closed one keeps an open element from talking past it in clear
//! (seed 004: RGI collects the settings of the elements on a path).

use lab::account::Account;
use lab::capture::Capture;
use lab::host::Host;
use lab::lan::Lan;
use lab::ns::eventually;
use lab::{CANARY, need_root};
use serde_json::Value;

use crate::site::{LIMIT, action, behind, element, entry, run, serve, site, talks};

/// The element behind the router.
const INNER: &str = "192.168.20.2";

/// What stands under the flow: the elements on its way.
fn path(from: &Host<'_>, there: &str) -> Value {
    entry(from, there)["path"].clone()
}

/// Asks anew who is there, with a page and an echo.
fn talks_anew(from: &Host<'_>, there: &str) {
    from.kumi(&["pit", "--forget", there]);
    let url = match there.contains(':') {
        true => format!("http://[{there}]:8080/page"),
        false => format!("http://{there}:8080/page"),
    };
    let talked = talks(from.ns, &url, there);
    assert_eq!(talked, (true, true), "{there}: {}", from.json(&["pit"]));
    assert_eq!(action(from, there), "encrypt");
}

fn kill(host: &Host<'_>) {
    let pid = host.json(&["status"])["pid"].to_string();
    assert!(run(host.ns, &["kill", "-9", &pid]));
}

/// Datagrams with a canary, for two seconds.
fn send_canaries(from: &Host<'_>, to: &str) {
    let canary = String::from_utf8_lossy(CANARY);
    let program = format!(
        "import socket, time\n\
         s = socket.socket(socket.AF_INET6 if ':' in '{to}' else socket.AF_INET, socket.SOCK_DGRAM)\n\
         for _ in range(20):\n    s.sendto(b'{canary}', ('{to}', 9))\n    time.sleep(0.1)\n"
    );
    assert!(run(from.ns, &["python3", "-c", &program]));
}

#[test]
fn a_router_of_the_group_reports_itself() {
    need_root();
    let lan = Lan::new(4);
    let hosts = site(&lan, &[element("lab", "open")]);
    let (server, outer) = (&hosts[0], &hosts[1]);
    let (router, stranger) = (&hosts[2], &hosts[3]);
    let (behind, _plain) = behind(router, &[server, outer, stranger]);
    let inner = Host::new(&behind, Account::Root, "site-inner");
    let prefixes = [
        "--behind",
        "192.168.20.0/24",
        "--behind",
        "2001:db8:20::/48",
    ];
    let add = [&["group", "add", "gate", "lab"][..], &prefixes].concat();
    router.kumi(&["join", server.kumi(&add).trim()]);
    inner.kumi(&[
        "join",
        server.kumi(&["group", "add", "inner", "lab"]).trim(),
    ]);
    let (_web, _inner_web) = (serve(outer), serve(&inner));
    let gate = router.f();
    for (from, there, back) in [
        (outer, INNER, "192.0.2.2"),
        (&inner, "2001:db8::2", "2001:db8:20:a::2"),
    ] {
        talks_anew(from, there);
        let said = eventually(LIMIT, "the report of the router", || {
            path(from, there).get(0).cloned()
        });
        assert_eq!(
            (&said["peer"], &said["element"], &said["mode"]),
            (&gate.clone().into(), &"gen".into(), &"closed".into())
        );
        for command in [&["pit"][..], &["why", there]] {
            let shown = from.kumi(command);
            assert!(shown.contains(" ago that it relays"), "{shown}");
        }
        let row = eventually(LIMIT, "the row of the router", || {
            let mut rows = [entry(router, back), entry(router, there)].into_iter();
            rows.find(|row| row["action"] == "relay")
        });
        assert_eq!(row["peer"], Value::Null, "{row}");
    }
    killed_it_relays_and_says_nothing(outer, router);
    router.kumi(&["down"]);
    reports_after_a_start(outer, router);
    nothing_passes_it_in_clear(&inner, router);
}

/// The kernel goes on without the node, and nothing waits for it.
fn killed_it_relays_and_says_nothing(outer: &Host<'_>, router: &Host<'_>) {
    kill(router);
    talks_anew(outer, INNER);
    assert_eq!(path(outer, INNER), Value::Null, "nobody reports");
    reports_after_a_start(outer, router);
}

/// It knows who is behind it, whom it does not speak for.
fn reports_after_a_start(outer: &Host<'_>, router: &Host<'_>) {
    router.kumi(&["up", "--no-invite"]);
    talks_anew(outer, INNER);
    eventually(LIMIT, "the report after the start", || {
        path(outer, INNER).get(0).cloned()
    });
}

/// An open element would talk in clear to whom nobody answers for; a closed router would drop it, and says so first.
fn nothing_passes_it_in_clear(inner: &Host<'_>, router: &Host<'_>) {
    for there in ["192.0.2.4", "2001:db8::4"] {
        let capture = Capture::start(router.ns, "lan0");
        send_canaries(inner, there);
        assert_eq!(action(inner, there), "discard", "{}", inner.json(&["pit"]));
        assert_eq!(capture.stop().canaries, 0, "in clear behind the router");
    }
    // Without the report nothing keeps them back: the ear hears what there is.
    kill(router);
    inner.kumi(&["pit", "--forget", "192.0.2.4"]);
    let capture = Capture::start(router.ns, "lan0");
    send_canaries(inner, "192.0.2.4");
    assert_eq!(action(inner, "192.0.2.4"), "clear");
    assert!(capture.stop().canaries > 0);
}
